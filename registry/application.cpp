#include "registry/application.hpp"
#include "crypto/digest.hpp"
#include "crypto/encoding.hpp"

#include <algorithm>

namespace doorward::registry {
namespace {

constexpr crypto::byte format_version = 1;
constexpr crypto::byte p256_master_key = 1;

void append_count(crypto::bytes& out, std::size_t count)
{
    if (count <= 0x7F) {
        out.push_back(static_cast<crypto::byte>(count));
    } else if (count <= 0x3FFF) {
        crypto::append(out, crypto::big_endian(static_cast<std::uint16_t>(0x8000U | count)));
    } else {
        crypto::append(out, crypto::big_endian(static_cast<std::uint32_t>(0xC000'0000U | count)));
    }
}

void append_counted(crypto::bytes& out, crypto::bytes_view data)
{
    append_count(out, data.size());
    crypto::append(out, data);
}

} // namespace

const application_version& application::current_version() const noexcept
{
    const auto newest = std::find_if(versions.rbegin(), versions.rend(),
                                     [](const application_version& each) { return each.supported; });
    return newest == versions.rend() ? versions.back() : *newest;
}

std::string sdk_config(std::string_view key_base64, std::string_view secret_base64, crypto::bytes_view master_point)
{
    crypto::bytes out{format_version};
    append_counted(out, crypto::from_base64(key_base64).value());
    append_counted(out, crypto::from_base64(secret_base64).value());
    append_count(out, 1);
    out.push_back(p256_master_key);
    append_counted(out, master_point);
    return crypto::to_base64(out);
}

std::string master_key_id(const crypto::point_bytes& point)
{
    const auto digest = crypto::sha256(point);
    return crypto::to_hex(crypto::bytes_view{digest}.first(master_key_id_characters / 2));
}

bool is_application_id(std::string_view text) noexcept
{
    const auto allowed = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    };
    return !text.empty() && text.size() <= application_id_bytes_max && std::ranges::all_of(text, allowed);
}

} // namespace doorward::registry
