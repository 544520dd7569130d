#include "registry/administration.hpp"

#include <cmath>

namespace doorward::registry {
namespace {

// "a=1, b, c=true"
class change_list {
public:
    void add(std::string_view name, std::string_view value = {})
    {
        text_ += text_.empty() ? "" : ", ";
        text_ += name;
        if (!value.empty()) {
            text_ += '=';
            text_ += value;
        }
    }
    void add_flag(std::string_view name, bool before, bool after)
    {
        if (before != after)
            add(name, after ? "true" : "false");
    }
    void add_number(std::string_view name, unsigned before, unsigned after)
    {
        if (before != after)
            add(name, std::to_string(after));
    }
    template <class Value>
    void add_name(std::string_view name, const Value& before, const Value& after)
    {
        if (!(before == after))
            add(name);
    }

    [[nodiscard]] std::string take() { return std::move(text_); }

private:
    std::string text_;
};

std::string text_of(right_set rights)
{
    std::string out;
    for (const right each : all_rights) {
        if (!rights.has(each))
            continue;
        out += out.empty() ? "" : "+";
        out += to_text(each);
    }
    return out.empty() ? "none" : out;
}

std::string describe(const lockout_breaker::notice& what)
{
    change_list out;
    if (what.version.empty())
        out.add("reported attempts");
    else
        out.add("appKey", what.version);
    out.add("lockouts", std::to_string(what.what.lockouts));
    out.add("usual", std::to_string(std::lround(what.what.usual)));
    if (what.opened)
        out.add("until", std::to_string(what.what.until));
    else
        out.add("held", std::to_string(what.held));
    return out.take();
}

void append_administration(kv::write_txn& txn, const authorship& by, const std::string& application_id,
                           administration_event what)
{
    if (what.detail.size() > event_detail_bytes_max)
        what.detail.resize(event_detail_bytes_max); // names and numbers, all ASCII
    append_event(txn, {by.at, application_id, {}, by.who, std::move(what)});
}

} // namespace

void tell_of_application(kv::write_txn& txn, const authorship& by, const std::string& application_id,
                         std::string_view what, std::string detail)
{
    append_administration(txn, by, application_id,
                          {event_subject::application, application_id, std::string{what}, std::move(detail)});
}

void tell_of_account(kv::write_txn& txn, const authorship& by, const std::string& username, std::string_view what,
                     std::string detail, const std::string& application_id)
{
    append_administration(txn, by, application_id,
                          {event_subject::account, username, std::string{what}, std::move(detail)});
}

void tell_of_store(kv::write_txn& txn, time_ms at, std::string subject, std::string_view what, std::string detail)
{
    append_administration(txn, {{}, at}, {},
                          {event_subject::store, std::move(subject), std::string{what}, std::move(detail)});
}

std::string describe_change(const stored_application& before, const stored_application& after)
{
    const application_settings& old = before.settings;
    const application_settings& now = after.settings;
    change_list out;
    out.add_name("roles", old.roles, now.roles);
    out.add_flag("countOnlyIfPossessionProven", old.count_only_if_possession_proven,
                 now.count_only_if_possession_proven);
    out.add_number("unproven.perMinute", old.unproven_per_minute, now.unproven_per_minute);
    if (old.lowest_version != now.lowest_version)
        out.add("lowestVersion", rules(now.lowest_version).text);
    out.add_number("maxFailedAttempts", old.max_failed_attempts, now.max_failed_attempts);
    out.add_flag("vaultWithBiometry", old.vault_with_biometry, now.vault_with_biometry);
    out.add_flag("deviceManagement", old.device_management, now.device_management);
    out.add_name("provider", old.provider, now.provider);
    out.add_name("provider.secret", before.sealed_provider_secret, after.sealed_provider_secret);
    out.add_name("transfer", old.transfer, now.transfer);
    out.add_name("lockout", old.lockout, now.lockout);
    out.add_name("breaker", old.breaker, now.breaker);
    out.add_flag("hints.remainingAttempts", old.hint_remaining_attempts, now.hint_remaining_attempts);
    out.add_flag("hints.blockedUntil", old.hint_blocked_until, now.hint_blocked_until);
    return out.take();
}

std::string describe_change(const account& before, const account& after)
{
    change_list out;
    out.add_flag("enabled", before.enabled, after.enabled);
    if (before.its_role != after.its_role)
        out.add("role", to_text(after.its_role));
    if (before.rights != after.rights)
        out.add("rights", text_of(after.rights));
    return out.take();
}

std::string describe(const account& what)
{
    change_list out;
    out.add("role", to_text(what.its_role));
    if (!what.rights.empty())
        out.add("rights", text_of(what.rights));
    return out.take();
}

kv::error_code tell_of_breakers::operator()(kv::write_txn& txn) const
{
    for (const lockout_breaker::notice& each : notices) {
        if (find_application(txn, each.application))
            tell_of_application(txn, {{}, each.at}, each.application,
                                each.opened ? action::open_breaker : action::close_breaker, describe(each));
    }
    return {};
}

} // namespace doorward::registry
