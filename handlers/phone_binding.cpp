#include "handlers/phone_binding.hpp"
#include "crypto/encoding.hpp"
#include "handlers/json_reader.hpp"

#include <algorithm>

namespace doorward::handlers {

std::optional<phone_details> decode_phone(std::string_view json)
{
    namespace limits = registry;
    std::vector<violation> problems;
    const auto top = parse_json(json, problems);
    if (!top)
        return std::nullopt;
    const auto key_text = top->text("devicePublicKey", {.bytes_max = 88, .required = true});
    const auto key_bytes = key_text ? crypto::from_base64(*key_text) : std::nullopt;
    auto key = key_bytes ? crypto::p256_public_key::import(*key_bytes) : std::nullopt;
    auto name =
        top->text("activationName", {.characters_max = limits::name_characters_max, .free_form = true}).value_or("");
    auto extras =
        top->text("extras", {.characters_max = limits::extras_characters_max, .free_form = true}).value_or("");
    auto otp = top->text("activationOtp", {.characters_max = limits::otp_characters_max, .secret = true});
    auto platform = top->lenient_text("platform", limits::platform_characters_max);
    auto device_info = top->lenient_text("deviceInfo", limits::device_info_characters_max);
    if (!problems.empty() || !key)
        return std::nullopt;
    std::ranges::transform(platform, platform.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (platform.empty())
        platform = "unknown";
    return phone_details{*std::move(key), std::move(name),     std::move(extras),
                         std::move(otp),  std::move(platform), std::move(device_info)};
}

registry::binding bind_phone(const services& svc, const registry::uuid& id, const phone_details& phone,
                             registry::protocol_version version)
{
    const auto server_key = crypto::p256_private_key::generate();
    const auto keys = registry::derive_keys(server_key, phone.device_key);
    return {
        phone.device_key.point(),
        server_key.point(),
        {registry::seal_keys(svc.sealer, id, keys),
         registry::seal_private_key(svc.sealer, "keys", id.view(), server_key)},
        phone.name,
        phone.platform,
        phone.device_info,
        phone.extras,
        registry::rules(version).decimal_proof,
    };
}

} // namespace doorward::handlers
