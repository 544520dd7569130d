// POST /v2/signature/ecdsa/verify: was this signed with the phone's private key (PROTOCOL.md section 15)? The key is in
// the phone's vault; that it was opened is what the phone proved to us. Path and fields as PowerAuth Server has them
// (REGISTRATION-API.md 2.2).

#include "crypto/encoding.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/flags_json.hpp"
#include "handlers/problem.hpp"
#include "handlers/registration_access.hpp"
#include "handlers/verdict.hpp"

namespace doorward::handlers {
namespace {

constexpr std::size_t data_base64_bytes_max = 128 * 1024;
constexpr std::size_t signature_base64_bytes_max = 128; // DER of two numbers of 32 bytes has at most 72 bytes

enum class signature_format { der, jose };

struct wanted_check {
    registry::uuid id;
    crypto::bytes data;
    crypto::bytes signature;
    signature_format format = signature_format::der;
    registry::flag_set required_flags;
};

crypto::bytes decode_base64(const json_object& from, std::string_view name, std::size_t bytes_max)
{
    const auto text = from.text(name, {.bytes_max = bytes_max, .required = true, .secret = true});
    if (!text)
        return {};
    auto decoded = crypto::from_base64(*text);
    if (!decoded)
        from.complain(name, "must be Base64");
    return std::move(decoded).value_or(crypto::bytes{});
}

wanted_check decode(const call& asked, std::vector<violation>& violations)
{
    wanted_check out;
    const auto from = parse_body(asked, violations);
    if (!from)
        return out;
    // What is no id names nothing, as in a path.
    const auto id = from->text("registrationId", {.bytes_max = 64, .required = true}).value_or("");
    out.id = registry::uuid::parse(id).value_or(registry::uuid{});
    out.data = decode_base64(*from, "data", data_base64_bytes_max);
    out.signature = decode_base64(*from, "signature", signature_base64_bytes_max);
    out.required_flags = decode_flags(*from, "requiredFlags").value_or(registry::flag_set{});
    if (const auto format = from->text("signatureFormat", {.bytes_max = 16})) {
        if (*format == "JOSE")
            out.format = signature_format::jose;
        else if (*format != "DER")
            from->complain("signatureFormat", "must be DER or JOSE", *format);
    }
    return out;
}

// What cannot be read as a signature is none.
bool is_genuine(const wanted_check& wanted, const crypto::p256_public_key& key)
{
    if (wanted.format == signature_format::der)
        return key.verify_der(wanted.data, wanted.signature);
    return wanted.signature.size() == std::tuple_size_v<crypto::raw_signature> &&
           key.verify_raw(wanted.data, crypto::take<64>(wanted.signature));
}

} // namespace

task<response> verify_device_signature(const call& asked, services& svc)
{
    std::vector<violation> violations;
    const auto wanted = decode(asked, violations);
    if (!violations.empty())
        co_return problem(violations);
    const auto found = co_await load_registration(asked, wanted.id, svc);
    if (found.error() == registry::errc::registration_not_found)
        co_return unknown_verdict();
    if (!found)
        co_return problem(found.error());
    // As with every other verdict: a registration that is not active proves nothing. The key is the phone's own and
    // 256 bits long, so there is nothing to be guessed and nothing to be counted.
    const auto key = found->current() == registry::state::active && found->record.device_key
                         ? crypto::p256_public_key::import(*found->record.device_key)
                         : std::nullopt;
    const verdict told{key && is_genuine(wanted, *key), std::nullopt, wanted.required_flags};
    co_return tell_verdict(svc, *found, told);
}

} // namespace doorward::handlers
