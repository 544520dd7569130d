// GET /v2/registrations/{id}/explain (REGISTRATION-API.md R17): why a registration is in its state, since when and by
// whom, what attempts led there, and what can happen to it next. For people who are asked by a user at a counter, so
// the same is told in a sentence, too.

#include "handlers/attempt_rows.hpp"
#include "handlers/problem.hpp"
#include "handlers/read_aside.hpp"
#include "handlers/registration_access.hpp"
#include "handlers/slots.hpp"
#include "registry/limits.hpp"

#include <chrono>

namespace doorward::handlers {
namespace {

using registry::full_registration;
using registry::history_row;
using registry::move;
using registry::state;

// --- what there is to tell

// What a registration has become by its history.
struct background {
    full_registration now;
    std::optional<history_row> cause; // it has been in this state since then
    std::uint64_t reset_version = 0;  // nothing was counted when the word had this version
    registry::time_ms reset_at = 0;
};

// A failed attempt before such a move is of no importance any more.
bool resets_attempts(move by)
{
    return by == move::unblock || by == move::reset_attempts || by == move::commit || by == move::exchange_and_start ||
           by == move::exchange_keys || by == move::create;
}

std::optional<background> read_background(const services& svc, registry::registration_number number)
{
    return svc.journal.view([&](const registry::snapshot& txn) -> std::optional<background> {
        auto found = registry::find_full(txn, number);
        if (!found)
            return std::nullopt;
        background out{*std::move(found), std::nullopt, 0, 0};
        std::size_t looked_at = 0;
        registry::scan_history(txn, number, 0, [&](const history_row& row) {
            if (!out.cause && row.previous != row.now)
                out.cause = row;
            if (out.reset_version == 0 && resets_attempts(row.by)) {
                out.reset_version = row.version;
                out.reset_at = row.at;
            }
            return ++looked_at < registry::page_scan_rows_max && (!out.cause || out.reset_version == 0);
        });
        return out;
    });
}

// --- who can do what

constexpr std::string_view back_office = "BACK_OFFICE";
constexpr std::string_view own_phone = "PHONE";
constexpr std::string_view other_phone = "OTHER_PHONE"; // of the same user
constexpr std::string_view provider = "PROVIDER";
constexpr std::string_view doorward_itself = "DOORWARD";

std::string_view made_by(const history_row& row)
{
    if (row.who.phone)
        return other_phone;
    if (!row.who.account.empty())
        return back_office;
    if (row.reason == registry::reason::custom_activation)
        return provider;
    switch (row.by) {
    case move::expire:
    case move::cancel:
    case move::block_on_failures:
    case move::remove_on_failures:
    case move::end_block:
    case move::fail_otp:
    case move::remove_on_otp:
        return doorward_itself;
    default:
        return own_phone;
    }
}

// Who can make a move that is legal now; nobody when it cannot come about all the same.
std::vector<std::string_view> can_make(move by, const full_registration& of,
                                       const registry::application_settings& settings)
{
    const registry::registration& record = of.record;
    const bool at_key_exchange = record.phase == registry::commit_phase::on_key_exchange;
    const bool is_active = of.current() == state::active;
    const auto when = [](bool condition, std::vector<std::string_view> who) {
        return condition ? std::move(who) : std::vector<std::string_view>{};
    };
    switch (by) {
    case move::create:
        return {};
    case move::exchange_keys:
        return when(!at_key_exchange, {own_phone});
    case move::exchange_and_start:
        return when(at_key_exchange, {own_phone});
    case move::commit:
    case move::replace_otp:
    case move::block:
    case move::unblock:
    case move::change_flags:
    case move::change_limits:
    case move::edit:
        return {back_office};
    case move::change_block:
        return when(record.blocked_until != 0, {back_office});
    case move::end_block:
        return when(record.blocked_until != 0, {doorward_itself});
    case move::remove_on_failures: {
        const auto& policy = record.policy ? *record.policy : settings.lockout;
        const bool may_remove = policy.temporary && policy.temporary->then == registry::last_resort::remove;
        return when(may_remove, {doorward_itself});
    }
    case move::reset_attempts:
        return when(of.attempts.word.failed() > 0, {back_office});
    case move::rename:
        return is_active && settings.device_management ? std::vector{back_office, own_phone} : std::vector{back_office};
    case move::remove: {
        std::vector<std::string_view> out{back_office};
        if (is_active)
            out.push_back(own_phone);
        if (settings.device_management)
            out.push_back(other_phone);
        return out;
    }
    case move::block_on_failures:
    case move::expire:
        return {doorward_itself};
    case move::fail_otp:
    case move::remove_on_otp:
        return when(!record.otp_hash.empty(), {doorward_itself});
    case move::cancel:
        return when(record.origin.has_value(), {doorward_itself});
    case move::spawn:
        return when(settings.transfer.spawn, {other_phone});
    case move::pin_changed:
        return {own_phone};
    }
    return {};
}

// --- in a sentence

// 2023-11-14T22:13:20Z
std::string utc_text(registry::time_ms at)
{
    namespace chr = std::chrono;
    const chr::sys_time<chr::seconds> second{chr::floor<chr::seconds>(chr::milliseconds{at})};
    const auto day = chr::floor<chr::days>(second);
    const chr::year_month_day date{day};
    const chr::hh_mm_ss time{second - day};
    const auto two = [](auto number) {
        const auto text = std::to_string(number);
        return text.size() < 2 ? '0' + text : text;
    };
    return std::to_string(static_cast<int>(date.year())) + '-' + two(static_cast<unsigned>(date.month())) + '-' +
           two(static_cast<unsigned>(date.day())) + 'T' + two(time.hours().count()) + ':' +
           two(time.minutes().count()) + ':' + two(time.seconds().count()) + 'Z';
}

std::string whom(const history_row& row)
{
    const auto by = made_by(row);
    if (by == other_phone)
        return "the phone of registration " + row.who.phone->text();
    if (by == back_office)
        return "the account " + row.who.account +
               (row.who.external_user_id.empty() ? "" : " for " + row.who.external_user_id);
    if (by == provider)
        return "the application's provider";
    return by == doorward_itself ? "doorward" : "its phone";
}

std::string what_happened(const history_row& row, const full_registration& of)
{
    const auto because = [&row] { return row.reason.empty() ? std::string{} : " (" + row.reason + ")"; };
    switch (row.by) {
    case move::create:
        return "it was created by " + whom(row);
    case move::exchange_keys:
    case move::exchange_and_start:
        return "its phone exchanged keys";
    case move::commit:
        return "it was committed by " + whom(row);
    case move::block:
        return "it was blocked by " + whom(row) + because();
    case move::block_on_failures:
        return "its phone failed " + std::to_string(of.record.max_failed_attempts) + " attempts";
    case move::remove_on_failures:
        return "its phone failed again after its last temporary block";
    case move::end_block:
        return "the time of its block was over";
    case move::unblock:
        return "it was unblocked by " + whom(row);
    case move::remove:
        return "it was removed by " + whom(row) + because();
    case move::expire:
        return "it was not finished in time";
    case move::remove_on_otp:
        return "too many one-time passwords were wrong";
    case move::cancel:
        return "the registration that it was made from is gone";
    default:
        return std::string{"of "} + std::string{to_text(row.by)} + because();
    }
}

std::string what_is_next(const services& svc, const full_registration& of)
{
    switch (of.current()) {
    case state::created:
        return "It waits for a phone with its activation code until " + utc_text(of.record.expires_at) +
               ", and is removed then.";
    case state::pending_commit:
        return "It waits for a back office to commit it until " + utc_text(of.record.expires_at) +
               ", and is removed then.";
    case state::active:
        return std::to_string(count_failures(svc, of).failed) + " of " + std::to_string(of.record.max_failed_attempts) +
               " failed attempts are counted; at the last it is blocked.";
    case state::blocked:
        if (of.record.blocked_until != 0)
            return "It is active again by itself at " + utc_text(of.record.blocked_until) +
                   ", or when a back office unblocks it before.";
        return "It stays so until a back office unblocks or removes it.";
    case state::removed:
        return "This is final.";
    }
    return {};
}

std::string summary_of(const services& svc, const background& of)
{
    std::string out = "The registration is " + std::string{to_text(of.now.current())};
    if (of.cause)
        out += " since " + utc_text(of.cause->at) + ", because " + what_happened(*of.cause, of.now);
    return out + ". " + what_is_next(svc, of.now);
}

// --- the answer

void write_attempts(json_writer& to, const services& svc, const background& of)
{
    std::size_t told = 0;
    std::size_t looked_at = 0;
    std::uint64_t noise = 0;
    bool complete = true;
    to.key("attempts").array();
    scan_attempts_of(svc, of.now.number, 0, [&](registry::row_sequence sequence, const registry::attempt_row& row) {
        const auto version = row.word.version(); // 0: it changed nothing
        if (version != 0 ? version < of.reset_version : row.at < of.reset_at)
            return false;
        if (row.what.outcome == registry::attempt_outcome::accepted && row.what.counted)
            return false; // what failed before is forgotten
        if (row.what.outcome == registry::attempt_outcome::noise)
            noise += row.what.count;
        complete = told < registry::explained_attempts_max && ++looked_at < registry::page_scan_rows_max;
        if (complete && version != 0) {
            write_attempt(to, sequence, row);
            ++told;
        }
        return complete;
    });
    to.end().member("attemptsComplete", complete).member("noiseCount", noise);
}

void write_next(json_writer& to, const full_registration& of, const registry::application_settings& settings)
{
    to.key("next").array();
    for (const move by : registry::all_moves) {
        const auto leads_to = registry::target(of.current(), by);
        const auto who = leads_to ? can_make(by, of, settings) : std::vector<std::string_view>{};
        if (who.empty())
            continue;
        to.object().member("event", to_text(by)).member("registrationStatus", to_text(*leads_to)).key("by").array();
        for (const std::string_view each : who)
            to.value(each);
        to.end();
        if (by == move::expire)
            to.member("timestamp", of.record.expires_at);
        if (by == move::end_block)
            to.member("timestamp", of.record.blocked_until);
        to.end();
    }
    to.end();
}

// Where too many registrations of its application are being blocked: no more are, for the time being.
void write_breakers(json_writer& to, const services& svc, const std::string& application)
{
    const auto open = svc.breaker.all_open(application, svc.clock.now());
    if (open.empty())
        return;
    to.key("breakers").array();
    for (const auto& [version, what] : open)
        to.object()
            .member_unless_empty("appKey", version)
            .member("lockouts", what.lockouts)
            .member("timestampUntil", what.until)
            .end();
    to.end();
}

std::string explain(const services& svc, const background& of)
{
    const full_registration& now = of.now;
    const auto application = svc.directory.find_application(now.record.application_id);
    json_writer out;
    out.object()
        .member("registrationId", now.record.id.text())
        .member("registrationStatus", to_text(now.current()))
        .member_unless_empty("blockedReason", now.record.blocked_reason)
        .member("summary", summary_of(svc, of));
    if (of.cause) {
        out.member("timestampSince", of.cause->at)
            .key("cause")
            .object()
            .member("seq", of.cause->version)
            .member("event", to_text(of.cause->by))
            .member_unless_empty("eventReason", of.cause->reason)
            .member("by", made_by(*of.cause));
        write_actor(out, of.cause->who);
        out.end();
    }
    const auto near = count_failures(svc, now);
    out.member("maxFailedAttempts", now.record.max_failed_attempts)
        .member("failedAttempts", near.failed)
        .member("remainingAttempts", near.remaining);
    if (now.attempts.last_failed_at != 0)
        out.member("timestampLastFailure", now.attempts.last_failed_at);
    if (registry::is_unfinished(now.current()))
        out.member("timestampUntil", now.record.expires_at);
    if (now.record.blocked_until != 0)
        out.member("blockedUntil", now.record.blocked_until);
    write_breakers(out, svc, now.record.application_id);
    write_attempts(out, svc, of);
    write_next(out, now, application ? application->settings : registry::application_settings{});
    return out.member("version", now.attempts.word.version()).end().text();
}

// Counters of attempts may be newer than the rows of history that a snapshot has; then it is looked at again.
constexpr int looks_max = 4;

std::string read_and_explain(const services& svc, registry::registration_number number)
{
    std::optional<background> found;
    for (int look = 0; look < looks_max; ++look) {
        found = read_background(svc, number);
        if (!found || (found->cause && found->cause->now == found->now.current()))
            break;
    }
    if (!found)
        return {};
    if (found->cause && found->cause->now != found->now.current())
        found->cause.reset();
    return explain(svc, *found);
}

} // namespace

task<response> explain_registration(const call& asked, services& svc)
{
    const auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());
    auto read = [&svc, number = found->number] { return read_and_explain(svc, number); };
    auto text = co_await read_aside(svc, std::move(read));
    if (!text)
        co_return problem(text.error());
    response answer;
    answer.body = *std::move(text);
    co_return answer;
}

} // namespace doorward::handlers
