#include "bench/device_types.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace doorward::bench {
namespace {

constexpr std::array<protocol_rules, 4> all_rules{{
    // name, decimal signature, status challenge, nonce, timestamp, temporary keys, version in token
    {"3.0", true, false, false, false, false, false},
    {"3.1", false, true, true, false, false, false},
    {"3.2", false, true, true, true, false, true},
    {"3.3", false, true, true, true, true, true},
}};

constexpr std::array<std::string_view, 6> type_names{
    "possession",           "knowledge",           "biometry",
    "possession_knowledge", "possession_biometry", "possession_knowledge_biometry",
};

constexpr std::array all_three{factor::possession, factor::knowledge, factor::biometry};
constexpr std::array possession_biometry{factor::possession, factor::biometry};

std::string describe(int status, const std::string& code, const std::string& message)
{
    std::string text = "the server answered HTTP " + std::to_string(status);
    for (const auto& part : {code, message})
        if (!part.empty())
            text += ' ' + part;
    return text;
}

} // namespace

const protocol_rules& rules_of(protocol_version version) noexcept
{
    return all_rules[static_cast<std::size_t>(version)];
}

std::optional<protocol_version> protocol_version_from(std::string_view name) noexcept
{
    const auto found = std::ranges::find(all_rules, name, &protocol_rules::name);
    if (found == all_rules.end())
        return std::nullopt;
    return static_cast<protocol_version>(found - all_rules.begin());
}

std::span<const factor> factors_of(signature_type type) noexcept
{
    const std::span<const factor> all{all_three};
    switch (type) {
    case signature_type::possession:
        return all.subspan(0, 1);
    case signature_type::knowledge:
        return all.subspan(1, 1);
    case signature_type::biometry:
        return all.subspan(2, 1);
    case signature_type::possession_knowledge:
        return all.subspan(0, 2);
    case signature_type::possession_biometry:
        return possession_biometry;
    case signature_type::possession_knowledge_biometry:
        break;
    }
    return all;
}

std::string_view name_of(signature_type type) noexcept
{
    return type_names[static_cast<std::size_t>(type)];
}

std::optional<signature_type> signature_type_from(std::string_view name) noexcept
{
    const auto found = std::ranges::find(type_names, name);
    if (found == type_names.end())
        return std::nullopt;
    return static_cast<signature_type>(found - type_names.begin());
}

server_refused::server_refused(int status, std::string error_code, std::string error_message, std::string whole_body)
    : std::runtime_error{describe(status, error_code, error_message)},
      http_status{status},
      code{std::move(error_code)},
      message{std::move(error_message)},
      body{std::move(whole_body)}
{}

} // namespace doorward::bench
