// /v2/admin/applications/{appId}/callbacks: POST, GET, GET, PUT, DELETE /{id}, POST /{id}/rotate, POST /{id}/test, GET
// /{id}/deliveries and POST /{id}/deliveries/{seq}/redeliver (REGISTRATION-API.md M3). The API says callback for what
// is a webhook everywhere else: clients of PowerAuth Cloud know it by that name.

#include "crypto/random.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/ok_answer.hpp"
#include "handlers/page.hpp"
#include "handlers/problem.hpp"
#include "handlers/read_aside.hpp"
#include "handlers/webhook_json.hpp"
#include "handlers/webhook_message.hpp"
#include "registry/webhook_changes.hpp"

#include <algorithm>
#include <charconv>

namespace doorward::handlers {
namespace {

constexpr int webhook_rounds_max = 8; // each lost to a change that was made meanwhile

// The application that a path names, where the caller sees it.
bool sees_application(const call& asked, const services& svc)
{
    return asked.who->may_see(asked.first) && svc.directory.find_application(asked.first);
}

// A webhook and the last event that it needs nothing more of.
struct shown_webhook {
    registry::webhook record;
    registry::event_sequence cursor = 0;
};

// errors  unknown_application, webhook_not_found
kv::result<shown_webhook> find_shown(const call& asked, const services& svc)
{
    if (!sees_application(asked, svc))
        return make_error_code(registry::errc::unknown_application);
    const auto id = registry::uuid::parse(asked.second);
    if (!id)
        return make_error_code(registry::errc::webhook_not_found);
    return svc.journal.view([&](const registry::snapshot& txn) -> kv::result<shown_webhook> {
        auto found = registry::find_webhook(txn, asked.first, *id);
        if (!found)
            return make_error_code(registry::errc::webhook_not_found);
        return shown_webhook{*std::move(found), registry::find_webhook_cursor(txn, *id)};
    });
}

response webhook_answer(const shown_webhook& what, std::string_view secret = {})
{
    json_writer out;
    write_webhook(out, what.record, what.cursor, secret);
    response answer;
    answer.body = out.text();
    return answer;
}

response webhook_answer(const call& asked, const services& svc, std::string_view secret = {})
{
    const auto found = find_shown(asked, svc);
    return found ? webhook_answer(*found, secret) : problem(found.error());
}

// The last event that there is; a delivery is named by its event.
std::optional<registry::event_sequence> parse_sequence(std::string_view text)
{
    registry::event_sequence out = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, bad] = std::from_chars(text.data(), end, out);
    return bad == std::errc{} && stop == end && out > 0 ? std::optional{out} : std::nullopt;
}

void write_delivery(json_writer& to, const registry::uuid& webhook, registry::event_sequence sequence,
                    const registry::delivery& what, const registry::stored_event* of)
{
    const auto when = [](registry::time_ms at) { return at == 0 ? std::nullopt : std::optional{at}; };
    to.object().member("id", sequence).member("webhookId", "msg_" + registry::delivery_id(webhook, sequence).text());
    if (of != nullptr && of->what.of_registration() != nullptr) {
        const auto& change = *of->what.of_registration();
        to.member("registrationId", change.id.text())
            .member("event", of->what.type())
            .member("registrationStatus", to_text(change.now));
    }
    to.member("state", to_text(what.now)).member("attempts", what.attempts);
    if (what.again)
        to.member("redelivery", true);
    if (what.last_status != 0)
        to.member("lastStatus", what.last_status);
    if (what.last_failure != registry::delivery_failure::none)
        to.member("lastFailure", to_text(what.last_failure));
    to.member("timestampFirstAttempt", when(what.first_at))
        .member("timestampLastAttempt", when(what.last_at))
        .member("timestampNextAttempt", when(what.next_at))
        .member("timestampFinished", when(what.finished_at))
        .end();
}

std::string read_deliveries(const services& svc, const registry::uuid& webhook, const page_request& page)
{
    json_writer out;
    out.object().key("deliveries").array();
    std::optional<registry::event_sequence> next;
    svc.journal.view([&](const registry::snapshot& txn) {
        std::size_t skipped = 0;
        std::size_t written = 0;
        registry::scan_deliveries(txn, webhook, page.before,
                                  [&](registry::event_sequence sequence, const registry::delivery& row) {
                                      if (skipped < page.skip) {
                                          ++skipped;
                                          return true;
                                      }
                                      if (written == page.limit) {
                                          next = sequence + 1; // where the next page begins: below it
                                          return false;
                                      }
                                      ++written;
                                      const auto of = registry::find_event(txn, sequence);
                                      write_delivery(out, webhook, sequence, row, of ? &*of : nullptr);
                                      return true;
                                  });
    });
    out.end();
    if (next)
        out.member("nextCursor", write_cursor(*next));
    return out.end().text();
}

// Makes something else of the webhook that a path names, until nobody else was faster. `work_out` makes the new record
// of the present one, and may complain.
//
// returns  the answer when that was refused
template <class WorkOut>
task<std::optional<response>> alter_webhook(const call& asked, services& svc, std::string action, WorkOut work_out)
{
    kv::error_code ec = make_error_code(registry::errc::changed_meanwhile);
    for (int round = 0; round < webhook_rounds_max && ec == registry::errc::changed_meanwhile; ++round) {
        auto found = find_shown(asked, svc);
        if (!found)
            co_return problem(found.error());
        registry::change_webhook change;
        change.after = found->record;
        change.before = std::move(found->record);
        change.who = asked.actor();
        change.action = action;
        change.after.changed_at = std::max(svc.clock.now(), change.before.changed_at);
        std::vector<violation> violations;
        work_out(change.after, violations);
        if (!violations.empty())
            co_return problem(violations);
        ec = co_await commit(svc, change);
    }
    if (ec)
        co_return problem(ec);
    svc.webhooks.changed();
    co_return std::nullopt;
}

} // namespace

task<response> create_webhook(const call& asked, services& svc)
{
    if (!sees_application(asked, svc))
        co_return problem(make_error_code(registry::errc::unknown_application));
    std::vector<violation> violations;
    registry::create_webhook change;
    registry::webhook& record = change.record;
    record.id = registry::uuid::random();
    record.application_id = asked.first;
    record.created_at = svc.clock.now();
    record.changed_at = record.created_at;
    if (const auto body = parse_body(asked, violations)) {
        auto wanted = decode_webhook(*body, nullptr);
        record.settings = std::move(wanted.settings);
        if (wanted.credentials)
            record.sealed_credentials =
                registry::seal_webhook_credentials(svc.sealer, record.id, wanted.credentials->view());
    }
    if (!violations.empty())
        co_return problem(violations);
    const auto secret = crypto::random_secret<registry::webhook_secret_bytes>();
    record.sealed_secret = registry::seal_webhook_secret(svc.sealer, record.id, secret);
    change.who = asked.actor();

    shown_webhook made;
    made.record = record;
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.webhooks.changed();
    made.cursor = svc.journal.view(
        [&](const registry::snapshot& txn) { return registry::find_webhook_cursor(txn, made.record.id); });
    co_return webhook_answer(made, registry::write_webhook_secret(secret));
}

task<response> list_webhooks(const call& asked, services& svc)
{
    if (!sees_application(asked, svc))
        co_return problem(make_error_code(registry::errc::unknown_application));
    std::vector<shown_webhook> all;
    svc.journal.view([&](const registry::snapshot& txn) {
        registry::scan_webhooks(txn, asked.first, [&](registry::webhook each) {
            const auto cursor = registry::find_webhook_cursor(txn, each.id);
            all.push_back({std::move(each), cursor});
            return true;
        });
    });
    std::ranges::stable_sort(all, {}, [](const shown_webhook& each) { return each.record.created_at; });
    json_writer out;
    out.object().key("callbacks").array();
    for (const shown_webhook& each : all)
        write_webhook(out, each.record, each.cursor);
    response answer;
    answer.body = out.end().end().text();
    co_return answer;
}

task<response> show_webhook(const call& asked, services& svc)
{
    co_return webhook_answer(asked, svc);
}

task<response> put_webhook(const call& asked, services& svc)
{
    const auto work_out = [&](registry::webhook& record, std::vector<violation>& violations) {
        const registry::webhook before = record;
        const auto body = parse_body(asked, violations);
        if (!body)
            return;
        auto wanted = decode_webhook(*body, &before);
        record.settings = std::move(wanted.settings);
        if (record.settings.authentication == registry::webhook_authentication::none)
            record.sealed_credentials.clear();
        else if (wanted.credentials)
            record.sealed_credentials =
                registry::seal_webhook_credentials(svc.sealer, record.id, wanted.credentials->view());
    };
    auto changing = alter_webhook(asked, svc, "CHANGE_WEBHOOK", work_out);
    auto refused = co_await std::move(changing);
    if (refused)
        co_return *std::move(refused);
    co_return webhook_answer(asked, svc);
}

task<response> rotate_webhook(const call& asked, services& svc)
{
    const auto secret = crypto::random_secret<registry::webhook_secret_bytes>();
    const auto work_out = [&](registry::webhook& record, std::vector<violation>&) {
        record.sealed_old_secret = std::move(record.sealed_secret);
        record.old_secret_until = svc.clock.now() + registry::webhook_old_secret_ms;
        record.sealed_secret = registry::seal_webhook_secret(svc.sealer, record.id, secret);
    };
    auto changing = alter_webhook(asked, svc, "ROTATE_WEBHOOK_SECRET", work_out);
    auto refused = co_await std::move(changing);
    if (refused)
        co_return *std::move(refused);
    co_return webhook_answer(asked, svc, registry::write_webhook_secret(secret));
}

task<response> remove_webhook(const call& asked, services& svc)
{
    const auto found = find_shown(asked, svc);
    if (!found)
        co_return problem(found.error());
    registry::remove_webhook change;
    change.application_id = asked.first;
    change.id = found->record.id;
    change.who = asked.actor();
    change.at = svc.clock.now();
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.webhooks.changed();
    co_return ok();
}

task<response> try_webhook(const call& asked, services& svc)
{
    const auto found = find_shown(asked, svc);
    if (!found)
        co_return problem(found.error());
    auto permit = svc.outgoing.enter(std::string{webhook_calls_owner});
    if (!permit)
        co_return problem(make_error_code(registry::errc::providers_busy));
    registry::delivery_queue::ending how;
    how.failure = registry::delivery_failure::unusable;
    std::unique_ptr<webhook_message> message;
    try {
        message = make_webhook_test(svc, found->record, svc.clock.now());
    } catch (const registry::record_fault& fault) {
        svc.log.warn("callback " + found->record.id.text() + ": " + fault.what());
    }
    if (message) {
        const auto got = co_await svc.outgoing.post(message->call, std::move(permit));
        how.status = static_cast<std::uint16_t>(got.status);
        how.failure = to_delivery_failure(got.failure);
    }
    json_writer out;
    out.object().member("delivered", how.is_success());
    if (how.status != 0)
        out.member("lastStatus", how.status);
    if (how.failure != registry::delivery_failure::none)
        out.member("lastFailure", to_text(how.failure));
    response answer;
    answer.body = out.end().text();
    co_return answer;
}

task<response> list_deliveries(const call& asked, services& svc)
{
    std::vector<violation> violations;
    const auto parameters = decode_query(asked.req.query, violations);
    const auto page = decode_page(parameters, violations);
    if (!violations.empty())
        co_return problem(violations);
    const auto found = find_shown(asked, svc);
    if (!found)
        co_return problem(found.error());
    auto read = [&svc, id = found->record.id, page] { return read_deliveries(svc, id, page); };
    auto text = co_await read_aside(svc, std::move(read));
    if (!text)
        co_return problem(text.error());
    response answer;
    answer.body = *std::move(text);
    co_return answer;
}

task<response> deliver_again(const call& asked, services& svc)
{
    const auto found = find_shown(asked, svc);
    if (!found)
        co_return problem(found.error());
    const auto sequence = parse_sequence(asked.third);
    if (!sequence)
        co_return problem(make_error_code(registry::errc::delivery_not_found));
    registry::redeliver change;
    change.application_id = asked.first;
    change.id = found->record.id;
    change.sequence = *sequence;
    change.who = asked.actor();
    change.now = svc.clock.now();
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.webhooks.changed();
    const auto of =
        svc.journal.view([&](const registry::snapshot& txn) { return registry::find_event(txn, *sequence); });
    json_writer out;
    write_delivery(out, change.id, *sequence, change.result, of ? &*of : nullptr);
    response answer;
    answer.body = out.text();
    co_return answer;
}

} // namespace doorward::handlers
