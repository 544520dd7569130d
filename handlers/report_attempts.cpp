// POST /v2/registrations/{id}/attempts and POST /v2/attempts (REGISTRATION-API.md A2, A3): attempts that a business
// system judged itself, one or many at once. They obey the same word as verified proofs.

#include "handlers/endpoint.hpp"
#include "handlers/json_reader.hpp"
#include "handlers/json_writer.hpp"
#include "handlers/lockout_watch.hpp"
#include "handlers/problem.hpp"
#include "handlers/registration_access.hpp"
#include "handlers/slots.hpp"
#include "handlers/text.hpp"
#include "registry/changes.hpp"

#include <map>

namespace doorward::handlers {
namespace {

using registry::attempt_outcome;

// One report on its way.
struct report {
    registry::uuid id; // of the registration
    bool possession_proven = true;
    registry::attempt_details what;

    registry::slot_ptr slot; // null: nothing is known of the registration
    std::shared_ptr<const void> claim;
    std::optional<registry::attempt_result> result;     // made of it now
    std::optional<registry::reported_attempt> recorded; // made of it when the same report came before
    registry::row_sequence row = 0;

    [[nodiscard]] const std::string& attempt_id() const { return what.report->attempt_id; }
};

std::optional<attempt_outcome> parse_outcome(std::string_view text)
{
    for (const auto each :
         {attempt_outcome::accepted, attempt_outcome::refused, attempt_outcome::replayed, attempt_outcome::failed}) {
        if (to_text(each) == text)
            return each;
    }
    return std::nullopt;
}

report decode(const json_object& from)
{
    report out;
    const auto result = from.text("result", {.bytes_max = 16, .required = true});
    const auto outcome = result ? parse_outcome(*result) : std::nullopt;
    if (outcome)
        out.what.outcome = *outcome;
    else if (result)
        from.complain("result", "must be SUCCESS, FAILURE, REPLAY or ERROR", *result);

    const auto factors = from.text("factors", {.bytes_max = 32, .required = true});
    const auto type = factors ? registry::parse_factors(*factors) : std::nullopt;
    if (type)
        out.what.type = *type;
    else if (factors)
        from.complain("factors", "must be POSSESSION, POSSESSION_KNOWLEDGE and so on", *factors);

    out.possession_proven = from.boolean("possessionProven").value_or(true);
    registry::attempt_report& told = out.what.report.emplace();
    told.attempt_id =
        from.text("attemptId", {.bytes_max = registry::attempt_id_bytes_max, .required = true}).value_or("");
    told.channel = from.text("channel", {.characters_max = registry::channel_characters_max}).value_or("");
    told.app_version = from.text("appVersion", {.characters_max = registry::app_version_characters_max}).value_or("");
    told.uri_id = from.text("uriId", {.characters_max = registry::uri_id_characters_max}).value_or("");
    told.happened_at = from.integer("timestamp", 0, std::numeric_limits<registry::time_ms>::max()).value_or(0);
    if (const auto address = from.text("clientIp", {.bytes_max = 45})) {
        const auto source = registry::source_address::parse(*address);
        if (source)
            out.what.source = *source;
        else
            from.complain("clientIp", "must be an IPv4 or IPv6 address", *address);
    }
    return out;
}

// Waits until the attempt id is nobody else's, or what was made of it is on disk.
task<kv::error_code> claim(services& svc, report& one)
{
    for (;;) {
        if (const auto ec = co_await heal(svc, one.slot))
            co_return ec;
        one.claim = svc.claims.claim(one.slot->owner.number, one.attempt_id());
        // After the claim: what is not on disk now is nowhere.
        one.recorded = svc.journal.view([&one](const registry::snapshot& txn) {
            return registry::find_report(txn, one.slot->owner.number, one.attempt_id());
        });
        if (one.recorded || one.claim)
            co_return kv::error_code{};
        registry::barrier behind_the_other;
        if (const auto ec = co_await commit(svc, behind_the_other))
            co_return ec;
    }
}

// Decides about all of them and makes it durable in one change.
task<kv::error_code> settle(services& svc, const registry::account& who, std::vector<report>& reports)
{
    std::map<std::pair<registry::uuid, std::string_view>, report*> first_of;
    for (report& one : reports) {
        one.slot = find_slot(svc, one.id);
        if (one.slot && !who.may_see(one.slot->owner.application_id))
            one.slot = nullptr;
        if (one.slot)
            first_of.try_emplace({one.id, one.attempt_id()}, &one);
    }
    // In one order everywhere, so that two calls with the same ids do not wait for each other.
    for (const auto& [key, one] : first_of) {
        if (const auto ec = co_await claim(svc, *one))
            co_return ec;
    }

    for (const report& one : reports) {
        if (one.slot && is_block_over(svc, *one.slot)) {
            if (const auto ec = co_await end_block(svc, one.slot))
                co_return ec;
        }
    }

    std::vector<registry::transition> steps;
    std::vector<report*> decided;
    for (report& one : reports) {
        if (!one.slot || one.recorded || !one.claim)
            continue;
        one.result =
            svc.attempts.report(one.slot, one.what, one.possession_proven, rules_for(svc, *one.slot), svc.clock.now());
        watch_lockouts(svc, *one.slot, {}, *one.result);
        one.result->change->claim = std::move(one.claim);
        steps.push_back(std::move(*one.result->change));
        decided.push_back(&one);
    }
    registry::transitions change{&svc.journal, std::move(steps)};
    const auto committed = decided.empty() ? kv::error_code{} : co_await commit(svc, change);
    if (committed) {
        svc.unsettled.keep(std::move(change.steps));
        co_return committed;
    }
    for (std::size_t i = 0; i < decided.size(); ++i) {
        decided[i]->row = change.steps[i].row();
        svc.counts.count(*decided[i]->result);
    }
    for (report& one : reports) { // the same report twice in one call
        const auto first = one.slot ? first_of.find({one.id, one.attempt_id()}) : first_of.end();
        if (first != first_of.end() && first->second != &one) {
            one.recorded = first->second->recorded;
            one.result = first->second->result;
            one.row = first->second->row;
        }
    }
    // A state that a report found may be somebody else's, and still on its way.
    for (const report* one : decided) {
        if (const auto ec = co_await wait_until_durable(svc, one->slot, one->result->word.version()))
            co_return ec;
    }
    co_return kv::error_code{};
}

// As of the attempt where it made the word what it is, as of now otherwise.
void write_verdict(json_writer& to, const services& svc, const report& one, const registry::full_registration& now)
{
    registry::attempt_word word = now.attempts.word;
    bool counted = false;
    registry::row_sequence row = one.row;
    if (one.recorded) {
        if (one.recorded->row.word.version() != 0)
            word = one.recorded->row.word;
        counted = one.recorded->row.what.counted;
        row = one.recorded->sequence;
    } else {
        word = one.result->word;
        const bool reset = one.result->outcome == registry::attempt_result::verdict::accepted &&
                           one.what.type != registry::factors::possession;
        counted = one.result->counted || reset;
    }
    // By the word alone where failures are all alike; where they are not, as of now.
    const bool as_of_now = word == now.attempts.word;
    const auto most = now.record.max_failed_attempts;
    const unsigned remaining =
        as_of_now ? count_failures(svc, now).remaining : most - std::min<unsigned>(most, word.failed());
    to.member("counted", counted)
        .member("registrationStatus", to_text(word.current()))
        .member("remainingAttempts", remaining);
    if (word.current() == registry::state::blocked) {
        to.member_unless_empty("blockedReason", now.record.blocked_reason);
        if (now.record.blocked_until != 0)
            to.member("blockedUntil", now.record.blocked_until);
    }
    to.member("attemptSeq", row);
}

} // namespace

task<response> report_attempt(const call& asked, services& svc)
{
    std::vector<violation> violations;
    std::vector<report> reports;
    if (const auto body = parse_body(asked, violations))
        reports.push_back(decode(*body));
    if (!violations.empty())
        co_return problem(violations);
    const auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());
    reports.front().id = found->record.id;
    if (const auto ec = co_await settle(svc, *asked.who, reports))
        co_return problem(ec);
    const auto now = co_await load_registration(asked, svc);
    if (!now)
        co_return problem(now.error());
    json_writer out;
    write_verdict(out.object(), svc, reports.front(), *now);
    response answer;
    answer.body = out.end().text();
    co_return answer;
}

task<response> report_attempts(const call& asked, services& svc)
{
    std::vector<violation> violations;
    std::vector<report> reports;
    std::vector<std::string> named;
    if (const auto body = parse_json_array(asked.req.body, registry::reports_max, violations, asked.unknown)) {
        for (const json_object& each : *body) {
            reports.push_back(decode(each));
            named.push_back(each.text("registrationId", {.bytes_max = 64, .required = true}).value_or(""));
            // What is no id names nothing, as in a path.
            reports.back().id = registry::uuid::parse(named.back()).value_or(registry::uuid{});
        }
    }
    if (!violations.empty())
        co_return problem(violations);
    if (const auto ec = co_await settle(svc, *asked.who, reports))
        co_return problem(ec);

    json_writer out;
    out.array();
    for (std::size_t i = 0; i < reports.size(); ++i) {
        const report& one = reports[i];
        out.object().member("registrationId", named[i]).member("attemptId", one.attempt_id());
        const auto now = one.slot ? svc.journal.view([&one](const registry::snapshot& txn) {
            return registry::find_full(txn, one.slot->owner.number);
        })
                                  : std::nullopt;
        if (now)
            write_verdict(out, svc, one, *now);
        else
            out.member("code", "ERROR_REGISTRATION_NOT_FOUND");
        out.end();
    }
    response answer;
    answer.body = out.end().text();
    co_return answer;
}

} // namespace doorward::handlers
