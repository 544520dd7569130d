// QR codes as pictures: read back here from the SVG, module by module.

#include "handlers/qr_code.hpp"

#include <boost/test/unit_test.hpp>

#include <charconv>
#include <stdexcept>
#include <vector>

namespace {

using doorward::handlers::qr_code_svg;

// The black modules of a picture, with its quiet zone.
class picture {
public:
    explicit picture(const std::string& svg)
    {
        std::size_t at = svg.find("viewBox=\"0 0 ") + 13;
        side = number(svg, at);
        black.assign(static_cast<std::size_t>(side * side), false);
        at = svg.rfind(" d=\"") + 4;
        while (svg[at] == 'M') { // Mx yh<n>v1Hxz
            const int x = number(svg, ++at);
            const int y = number(svg, ++at);
            const int run = number(svg, ++at);
            at = svg.find('z', at) + 1;
            for (int i = 0; i < run; ++i)
                black[static_cast<std::size_t>(y * side + x + i)] = true;
        }
    }
    [[nodiscard]] bool at(int x, int y) const { return black[static_cast<std::size_t>(y * side + x)]; }

    int side = 0;

private:
    static int number(const std::string& from, std::size_t& at)
    {
        int out = 0;
        at = static_cast<std::size_t>(std::from_chars(from.data() + at, from.data() + from.size(), out).ptr -
                                      from.data());
        return out;
    }
    std::vector<bool> black;
};

// The square in three corners by which readers find a code: black 7, white 5, black 3.
bool has_finder(const picture& it, int left, int top)
{
    for (int y = 0; y < 7; ++y) {
        for (int x = 0; x < 7; ++x) {
            const int ring = std::max(std::abs(x - 3), std::abs(y - 3));
            if (it.at(left + x, top + y) != (ring != 2))
                return false;
        }
    }
    return true;
}

} // namespace

BOOST_AUTO_TEST_SUITE(qr_codes)

BOOST_AUTO_TEST_CASE(a_code_has_its_corners_and_a_quiet_zone)
{
    for (const std::size_t length : {1U, 14U, 132U, 500U}) {
        BOOST_TEST_CONTEXT(length)
        {
            const picture it{qr_code_svg(std::string(length, 'a'))};
            const int modules = it.side - 8;
            BOOST_TEST_REQUIRE((modules - 17) % 4 == 0); // ISO/IEC 18004: 17 + 4 for each version
            BOOST_TEST(has_finder(it, 4, 4));
            BOOST_TEST(has_finder(it, it.side - 11, 4));
            BOOST_TEST(has_finder(it, 4, it.side - 11));
            bool quiet = true;
            for (int i = 0; i < it.side; ++i)
                for (int depth = 0; depth < 4; ++depth)
                    quiet = quiet && !it.at(i, depth) && !it.at(depth, i) && !it.at(i, it.side - 1 - depth) &&
                            !it.at(it.side - 1 - depth, i);
            BOOST_TEST(quiet);
            // The line of alternating modules between two corners.
            for (int x = 8; x < modules - 8; ++x)
                BOOST_TEST_REQUIRE(it.at(4 + x, 4 + 6) == (x % 2 == 0));
        }
    }
}

BOOST_AUTO_TEST_CASE(other_texts_are_other_codes_and_too_long_ones_none)
{
    BOOST_TEST(qr_code_svg("a") != qr_code_svg("b"));
    BOOST_TEST(qr_code_svg("a") == qr_code_svg("a"));
    BOOST_CHECK_THROW(static_cast<void>(qr_code_svg(std::string(5000, 'a'))), std::length_error);
}

BOOST_AUTO_TEST_SUITE_END()
