// POST /pa/v3/activation/status (PROTOCOL.md 11.4 and section 13)

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/json_reader.hpp"
#include "handlers/ok_answer.hpp"
#include "handlers/problem.hpp"
#include "handlers/slots.hpp"
#include "registry/status_blob.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

struct status_request {
    registry::uuid id;
    std::string id_text;
    std::optional<crypto::byte_array<16>> challenge; // 3.0 phones have none
};

std::optional<status_request> decode(std::string_view body)
{
    std::vector<violation> problems;
    const auto top = parse_json(body, problems);
    const auto asked = top ? top->object("requestObject", true) : std::nullopt;
    if (!asked)
        return std::nullopt;
    const auto id_text = asked->text("activationId", {.bytes_max = 36, .required = true});
    const auto challenge_text = asked->text("challenge", {.bytes_max = 24});
    const auto id = id_text ? registry::uuid::parse(*id_text) : std::nullopt;
    if (!problems.empty() || !id)
        return std::nullopt;
    status_request out{*id, id->text(), std::nullopt};
    if (challenge_text) {
        out.challenge = crypto::from_base64_sized<16>(*challenge_text);
        if (!out.challenge)
            return std::nullopt;
    }
    return out;
}

struct found_status {
    registry::full_registration registration;
    registry::stored_keys keys;
};

// Empty when the phone has no keys to open a blob with: unknown, not bound yet, or removed before that.
std::optional<found_status> find(services& svc, const registry::uuid& id)
{
    return svc.journal.view([&](const registry::snapshot& txn) -> std::optional<found_status> {
        auto registration = registry::find_full(txn, id);
        auto keys = registration ? registry::find_keys(txn, registration->number) : std::nullopt;
        if (!keys || registration->current() == registry::state::created)
            return std::nullopt;
        return found_status{*std::move(registration), *std::move(keys)};
    });
}

// Does the application accept what the phone speaks? The challenge is the only version mark of this request: 3.0 has
// none.
bool is_accepted(const services& svc, const status_request& wanted, const registry::registration& of)
{
    if (wanted.challenge)
        return true;
    const auto application = svc.directory.find_application(of.application_id);
    return application && registry::accepts(application->settings, registry::protocol_version::v3_0);
}

} // namespace

task<response> activation_status(const call& asked, services& svc)
{
    const auto wanted = decode(asked.req.body);
    if (!wanted)
        co_return problem(device_problem::activation_invalid);

    // What an unknown id gets as well, and a version that is too low: nobody learns from this answer which ids exist.
    auto blob = crypto::random_array<32>();
    const auto nonce = crypto::random_array<16>();
    const auto found = find(svc, wanted->id);
    const bool answered = found && is_accepted(svc, *wanted, found->registration.record);
    const auto keys = answered ? registry::open_keys(svc.sealer, wanted->id, found->keys.sealed_keys) : std::nullopt;
    if (keys) {
        const registry::counters& attempts = found->registration.attempts;
        const auto most = found->registration.record.max_failed_attempts;
        const auto near = count_failures(svc, found->registration);
        const auto at = svc.clock.now();
        const auto now = found->registration.is_expired(at)      ? registry::state::removed
                         : found->registration.is_block_over(at) ? registry::state::active
                                                                 : found->registration.current();
        const registry::status_content content{
            static_cast<crypto::byte>(now),
            attempts.counter.position,
            static_cast<crypto::byte>(most - std::min<unsigned>(near.remaining, most)),
            most,
            static_cast<crypto::byte>(registry::look_ahead_default),
            attempts.counter.data,
        };
        blob = wanted->challenge ? registry::status_blob(content, keys->transport, *wanted->challenge, nonce)
                                 : registry::status_blob_without_challenge(content, keys->transport);
    }
    co_return ok([&](json_writer& out) {
        out.member("activationId", wanted->id_text).member("encryptedStatusBlob", crypto::to_base64(blob));
        if (wanted->challenge)
            out.member("nonce", crypto::to_base64(nonce));
    });
}

} // namespace doorward::handlers
