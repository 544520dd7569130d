#include "handlers/qr_code.hpp"

#include <memory>
#include <stdexcept>

#include <qrencode.h>

namespace doorward::handlers {
namespace {

constexpr int quiet_zone = 4; // modules; ISO/IEC 18004 section 9.1

// Runs of black modules, each a rectangle one module high.
std::string path_of(const QRcode& code)
{
    std::string out;
    const auto is_black = [&](int x, int y) { return (code.data[y * code.width + x] & 1U) != 0; };
    for (int y = 0; y < code.width; ++y) {
        for (int x = 0; x < code.width;) {
            const int begin = x;
            while (x < code.width && is_black(x, y))
                ++x;
            if (x > begin)
                out += 'M' + std::to_string(begin + quiet_zone) + ' ' + std::to_string(y + quiet_zone) + 'h' +
                       std::to_string(x - begin) + "v1H" + std::to_string(begin + quiet_zone) + 'z';
            else
                ++x;
        }
    }
    return out;
}

} // namespace

std::string qr_code_svg(const std::string& text)
{
    // Version 0: the smallest that it fits into. Bytes as they are: the alphabet of Base64 is none of the short ones.
    const std::unique_ptr<QRcode, decltype(&QRcode_free)> code{
        QRcode_encodeString(text.c_str(), 0, QR_ECLEVEL_M, QR_MODE_8, 1), QRcode_free};
    if (!code)
        throw std::length_error{"a text that no QR code holds"};
    const auto side = std::to_string(code->width + 2 * quiet_zone);
    std::string out = R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 )" + side + ' ' + side;
    out += R"(" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h)" + side + 'v' + side + R"(H0z"/><path d=")";
    return out + path_of(*code) + R"("/></svg>)";
}

} // namespace doorward::handlers
