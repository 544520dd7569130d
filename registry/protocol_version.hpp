#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace doorward::registry {

/// Versions of the device protocol (PROTOCOL.md section 21).
enum class protocol_version : std::uint8_t { v3_0, v3_1, v3_2, v3_3 };

/// What a version uses and, by the same token, what it forbids.
struct version_rules {
    std::string_view text;
    bool decimal_proof;    // 8 digits per factor in place of Base64
    bool envelope_nonce;   // the request carries a nonce
    bool envelope_time;    // timestamp, associated data, fresh nonce in the response, version in INFO
    bool temporary_keys;   // the recipient key comes from the key store
    bool version_in_token; // token digests cover the version
};

inline constexpr version_rules version_table[]{
    {"3.0", true, false, false, false, false},
    {"3.1", false, true, false, false, false},
    {"3.2", false, true, true, false, true},
    {"3.3", false, true, true, true, true},
};

[[nodiscard]] constexpr const version_rules& rules(protocol_version version) noexcept
{
    return version_table[static_cast<unsigned>(version)];
}

[[nodiscard]] constexpr std::optional<protocol_version> parse_version(std::string_view text) noexcept
{
    for (const auto version :
         {protocol_version::v3_0, protocol_version::v3_1, protocol_version::v3_2, protocol_version::v3_3}) {
        if (rules(version).text == text)
            return version;
    }
    return std::nullopt;
}

} // namespace doorward::registry
