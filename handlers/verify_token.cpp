// POST /v2/token/verify (REGISTRATION-API.md A7): a back office asks about a token that a phone showed it. A wrong one
// is no error: the answer is 200 with a false verdict and the state of its registration. It never counts.

#include "crypto/encoding.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/flags_json.hpp"
#include "handlers/json_reader.hpp"
#include "handlers/power_auth_header.hpp"
#include "handlers/problem.hpp"
#include "handlers/slots.hpp"
#include "handlers/token_check.hpp"
#include "handlers/verdict.hpp"

namespace doorward::handlers {
namespace {

constexpr std::size_t header_bytes_max = 4096;

// Whether the type is good enough is for the back office to say, which is told it.
constexpr registry::factors allowed[]{
    registry::factors::possession,
    registry::factors::possession_knowledge,
    registry::factors::possession_biometry,
    registry::factors::possession_knowledge_biometry,
};

// A number, or its digits: either is what stood in the phone's header.
std::string decode_timestamp(const json_object& from)
{
    std::string out = from.json("timestamp").value_or("");
    if (out.size() >= 2 && out.front() == '"')
        out = out.substr(1, out.size() - 2);
    if (!registry::is_token_timestamp(out))
        from.complain("timestamp", "must have 9 to 15 digits");
    return out;
}

registry::presented_token decode_fields(const json_object& from)
{
    registry::presented_token out;
    const auto id_text = from.text("tokenId", {.bytes_max = 64, .required = true});
    const auto digest_text = from.text("tokenDigest", {.bytes_max = 64, .required = true, .secret = true});
    const auto nonce_text = from.text("nonce", {.bytes_max = 64, .required = true});
    const auto version_text = from.text("protocolVersion", {.bytes_max = 8, .required = true});

    if (const auto id = registry::uuid::parse(id_text.value_or("")))
        out.id = *id;
    else if (id_text)
        from.complain("tokenId", "must be a UUID", *id_text);
    if (const auto digest = crypto::from_base64_sized<32>(digest_text.value_or("")))
        out.digest = *digest;
    else if (digest_text)
        from.complain("tokenDigest", "must be Base64 of 32 bytes");
    if (const auto nonce = crypto::from_base64_sized<16>(nonce_text.value_or("")))
        out.nonce = *nonce;
    else if (nonce_text)
        from.complain("nonce", "must be Base64 of 16 bytes", *nonce_text);
    if (const auto version = registry::parse_version(version_text.value_or("")))
        out.version = *version;
    else if (version_text)
        from.complain("protocolVersion", "must be 3.0, 3.1, 3.2 or 3.3", *version_text);
    if (from.has("timestamp"))
        out.timestamp = decode_timestamp(from);
    else
        from.complain("timestamp", "is required");
    return out;
}

struct question {
    std::optional<registry::presented_token>
        shown; // empty without a violation: the header that is given cannot be read
    registry::flag_set required_flags;
};

question decode(const call& asked, std::vector<violation>& violations)
{
    question out;
    const auto top = parse_body(asked, violations);
    if (!top)
        return out;
    out.required_flags = decode_flags(*top, "requiredFlags").value_or(registry::flag_set{});
    if (!top->has("authHeader")) {
        out.shown = decode_fields(*top);
        return out;
    }
    for (const char* name : {"tokenId", "tokenDigest", "nonce", "timestamp", "protocolVersion"}) {
        if (top->has(name))
            top->complain(name, "must not be given together with authHeader");
    }
    const auto header = top->text("authHeader", {.bytes_max = header_bytes_max, .required = true, .secret = true});
    if (header)
        out.shown = parse_token(*header);
    return out;
}

} // namespace

task<response> verify_token(const call& asked, services& svc)
{
    std::vector<violation> violations;
    question wanted = decode(asked, violations);
    const auto& shown = wanted.shown;
    if (!violations.empty())
        co_return problem(violations);
    if (!shown)
        co_return problem(office_problem::token_invalid);

    // Before the token is looked at: an account must not use up the nonces of others' phones.
    const auto token = find_token(svc, shown->id);
    if (!token || !asked.who->may_see(token->owner.record.application_id))
        co_return unknown_verdict(verdict_on::token);
    const auto refused = co_await use_token(svc, *token, *shown, allowed);
    if (refused && refused != registry::errc::token_refused)
        co_return problem(refused);

    const verdict told{!refused, token->token.type, std::move(wanted.required_flags)};
    auto answer = co_await tell_verdict(svc, token->owner.record.id, told, verdict_on::token);
    co_return answer;
}

} // namespace doorward::handlers
