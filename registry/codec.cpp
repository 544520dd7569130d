#include "registry/codec.hpp"
#include "registry/provider_url.hpp"

#include <algorithm>
#include <cassert>

namespace doorward::registry {
namespace {

using crypto::byte;
using crypto::bytes;
using crypto::bytes_view;

//     u8 u16 u32 u64   unsigned, big-endian
//     text, blob       u16 length, then that many bytes
//     list(x)          u16 count, then the entries
//     point            u8 0, or u8 1 and 65 bytes

class record_writer {
public:
    explicit record_writer(byte version)
    {
        out_.reserve(128); // enough for what is written most often: attempts and counters
        out_.push_back(version);
    }

    record_writer& u8(std::uint8_t value)
    {
        out_.push_back(value);
        return *this;
    }
    record_writer& flag(bool value) { return u8(value ? 1 : 0); }
    record_writer& u16(std::size_t value)
    {
        assert(value <= 0xFFFF);
        crypto::append(out_, crypto::big_endian(static_cast<std::uint16_t>(value)));
        return *this;
    }
    record_writer& u32(std::uint32_t value)
    {
        crypto::append(out_, crypto::big_endian(value));
        return *this;
    }
    record_writer& u64(std::uint64_t value)
    {
        crypto::append(out_, crypto::big_endian(value));
        return *this;
    }
    record_writer& time(time_ms value) { return u64(static_cast<std::uint64_t>(value)); }
    record_writer& raw(bytes_view data)
    {
        crypto::append(out_, data);
        return *this;
    }
    record_writer& blob(bytes_view data) { return u16(data.size()).raw(data); }
    record_writer& text(std::string_view value) { return blob(crypto::as_bytes(value)); }
    record_writer& texts(const std::vector<std::string>& values)
    {
        u16(values.size());
        for (const std::string& value : values)
            text(value);
        return *this;
    }
    record_writer& point(const std::optional<crypto::point_bytes>& value)
    {
        u8(value ? 1 : 0);
        return value ? raw(*value) : *this;
    }

    [[nodiscard]] bytes done() { return std::move(out_); }

private:
    bytes out_;
};

class record_reader {
public:
    record_reader(bytes_view data, byte newest) : rest_{data}
    {
        version_ = u8();
        if (version_ == 0 || version_ > newest)
            throw record_fault{"a record of an unknown version"};
    }

    [[nodiscard]] byte version() const noexcept { return version_; }

    std::uint8_t u8() { return take(1)[0]; }
    bool flag() { return u8() != 0; }
    std::uint16_t u16() { return crypto::from_big_endian<std::uint16_t>(take(2)); }
    std::uint32_t u32() { return crypto::from_big_endian<std::uint32_t>(take(4)); }
    std::uint64_t u64() { return crypto::from_big_endian<std::uint64_t>(take(8)); }
    time_ms time() { return static_cast<time_ms>(u64()); }
    template <std::size_t N>
    crypto::byte_array<N> raw()
    {
        return crypto::take<N>(take(N));
    }
    bytes blob()
    {
        const bytes_view data = take(u16());
        return {data.begin(), data.end()};
    }
    std::string text() { return std::string{crypto::as_text(take(u16()))}; }
    std::vector<std::string> texts()
    {
        std::vector<std::string> out(u16());
        for (std::string& value : out)
            value = text();
        return out;
    }
    std::optional<crypto::point_bytes> point()
    {
        if (u8() == 0)
            return std::nullopt;
        return raw<65>();
    }
    template <class Enum>
    Enum enumeration(Enum first, Enum last)
    {
        const auto value = u8();
        if (value < static_cast<std::uint8_t>(first) || value > static_cast<std::uint8_t>(last))
            throw record_fault{"a record with an unknown value"};
        return static_cast<Enum>(value);
    }

    void skip(std::size_t size) { take(size); }

    void done() const
    {
        if (!rest_.empty())
            throw record_fault{"a record that is too long"};
    }

private:
    bytes_view take(std::size_t size)
    {
        if (rest_.size() < size)
            throw record_fault{"a record that is too short"};
        const bytes_view out = rest_.first(size);
        rest_ = rest_.subspan(size);
        return out;
    }

    bytes_view rest_;
    byte version_;
};

constexpr byte version_1 = 1;
constexpr byte version_2 = 2;
constexpr byte version_3 = 3;
constexpr byte version_4 = 4;
constexpr byte version_5 = 5;

void require_state(attempt_word word)
{
    const auto now = static_cast<unsigned>(word.current());
    if (now < 1 || now > 5)
        throw record_fault{"a registration in no state"};
}

// policy := counters:u8  resets_on:u8  window:u64  temporary:u8 (0 for none)  and when that is 1: first:u64
//           multiplier:u16  most:u64  blocks_max:u8  then:u8  attempts_after:u8
void put_policy(record_writer& out, const lockout_policy& policy)
{
    out.u8(static_cast<std::uint8_t>(policy.counters))
        .u8(static_cast<std::uint8_t>(policy.resets_on))
        .time(policy.window)
        .flag(policy.temporary.has_value());
    if (policy.temporary)
        out.time(policy.temporary->first)
            .u16(policy.temporary->multiplier)
            .time(policy.temporary->most)
            .u8(policy.temporary->blocks_max)
            .u8(static_cast<std::uint8_t>(policy.temporary->then))
            .u8(policy.temporary->attempts_after);
}

lockout_policy take_policy(record_reader& in)
{
    lockout_policy out;
    out.counters = in.enumeration(failure_counting::shared, failure_counting::per_factor);
    out.resets_on = in.enumeration(reset_rule::any, reset_rule::knowledge);
    out.window = in.time();
    if (in.flag()) {
        temporary_block& block = out.temporary.emplace();
        block.first = in.time();
        block.multiplier = in.u16();
        block.most = in.time();
        block.blocks_max = in.u8();
        block.then = in.enumeration(last_resort::block, last_resort::remove);
        block.attempts_after = in.u8();
    }
    return out;
}

// What requests cannot ask for, and other code relies on.
void require_possible(const stored_application& record)
{
    const application_settings& set = record.settings;
    bool possible = set.unproven_per_minute <= unproven_per_minute_max && set.max_failed_attempts > 0 &&
                    record.versions > 0 && record.signing < record.master_keys.size() &&
                    (set.provider || record.sealed_provider_secret.empty());
    if (set.provider)
        possible = possible && parse_provider_url(set.provider->url) &&
                   set.provider->timeout_ms >= provider_timeout_ms_min &&
                   set.provider->timeout_ms <= provider_timeout_ms_max;
    if (!possible)
        throw record_fault{"an application with an impossible setting"};
}

} // namespace

// registration := 3  id:16  application:text  user:text  code:text  otp_hash:text  phase:u8  max_failed:u8
//                 accepts_decimal:u8  name:text  platform:text  device_info:text  extras:text  flags:list(text)
//                 blocked_reason:text created_at:u64  expires_at:u64  changed_at:u64  status_version:u64  device:point
//                 server:point
//                 since version 2: transfer:u8 (0 for none)  and when there is one: parent:16
//                 since version 3: blocked_until:u64 (0 for never)  own_policy:u8  and when that is 1: policy
//                 erased_at:u64
bytes encode(const registration& record)
{
    record_writer out{version_3};
    out.raw(record.id.view())
        .text(record.application_id)
        .text(record.user_id)
        .text(record.activation_code)
        .text(record.otp_hash)
        .u8(static_cast<std::uint8_t>(record.phase))
        .u8(record.max_failed_attempts)
        .u8(record.accepts_decimal ? 1 : 0)
        .text(record.name)
        .text(record.platform)
        .text(record.device_info)
        .text(record.extras)
        .texts(record.flags)
        .text(record.blocked_reason)
        .time(record.created_at)
        .time(record.expires_at)
        .time(record.changed_at)
        .u64(record.status_version)
        .point(record.device_key)
        .point(record.server_key)
        .u8(record.origin ? static_cast<std::uint8_t>(record.origin->type) : std::uint8_t{0});
    if (record.origin)
        out.raw(record.origin->parent.view());
    out.time(record.blocked_until).flag(record.policy.has_value());
    if (record.policy)
        put_policy(out, *record.policy);
    return out.time(record.erased_at).done();
}

template <>
registration decode(bytes_view data)
{
    record_reader in{data, version_3};
    registration record;
    record.id.value = in.raw<16>();
    record.application_id = in.text();
    record.user_id = in.text();
    record.activation_code = in.text();
    record.otp_hash = in.text();
    record.phase = in.enumeration(commit_phase::on_commit, commit_phase::on_key_exchange);
    record.max_failed_attempts = in.u8();
    record.accepts_decimal = in.u8() != 0;
    record.name = in.text();
    record.platform = in.text();
    record.device_info = in.text();
    record.extras = in.text();
    record.flags = in.texts();
    record.blocked_reason = in.text();
    record.created_at = in.time();
    record.expires_at = in.time();
    record.changed_at = in.time();
    record.status_version = in.u64();
    record.device_key = in.point();
    record.server_key = in.point();
    if (in.version() >= version_2) {
        const auto type = in.enumeration(transfer_type{}, transfer_type::move);
        if (type != transfer_type{})
            record.origin = lineage{uuid{in.raw<16>()}, type};
    }
    if (in.version() >= version_3) {
        record.blocked_until = in.time();
        if (in.flag())
            record.policy = take_policy(in);
        record.erased_at = in.time();
    }
    in.done();
    return record;
}

std::string decode_user_id(bytes_view record)
{
    record_reader in{record, version_3};
    in.skip(sizeof(uuid::value));
    in.skip(in.u16());
    return in.text();
}

// counters := 3  word:u64  last_used_at:u64  last_failed_at:u64  position:u64  ctr_data:16  refused:list(failure)
//             last_row:u64  blocks:u8
// failure  := digest:u64  at:u64  biometry:u8
// Version 1 had no last_row, versions 1 and 2 no blocks and of failures the digest alone.
bytes encode(const counters& record)
{
    assert(static_cast<std::uint16_t>(record.counter.position) == record.word.position());
    record_writer out{version_3};
    out.u64(record.word.bits())
        .time(record.last_used_at)
        .time(record.last_failed_at)
        .u64(record.counter.position)
        .raw(record.counter.data);
    out.u16(record.refused.list.size());
    for (const failure& each : record.refused.list)
        out.u64(each.digest()).time(each.at()).flag(each.biometry());
    return out.u64(record.last_row).u8(record.refused.blocks).done();
}

template <>
counters decode(bytes_view data)
{
    record_reader in{data, version_3};
    counters record;
    record.word = attempt_word{in.u64()};
    record.last_used_at = in.time();
    record.last_failed_at = in.time();
    record.counter.position = in.u64();
    record.counter.data = in.raw<16>();
    if (static_cast<std::uint16_t>(record.counter.position) != record.word.position())
        throw record_fault{"a counter that does not fit its word"};
    record.refused.list.resize(in.u16());
    for (failure& each : record.refused.list) {
        const proof_digest digest = in.u64();
        const time_ms at = in.version() >= version_3 ? in.time() : 0;
        const bool biometry = in.version() >= version_3 && in.flag();
        each = {digest, at, biometry};
    }
    if (in.version() >= version_2)
        record.last_row = in.u64();
    if (in.version() >= version_3)
        record.refused.blocks = in.u8();
    in.done();
    require_state(record.word);
    return record;
}

constexpr std::uint8_t part_report = 1;
constexpr std::uint8_t part_vault_reason = 2;
constexpr std::uint8_t part_offline = 4;

// attempt := 2  number:u64  word:u64  position:u64  ctr_data:16  previous:u64  at:u64  outcome:u8  factors:u8
//            counted:u8  count:u32  digest:u64  source:16  parts:u8
//            with bit 0 of parts: attempt_id:text  channel:text  app_version:text  uri_id:text  happened_at:u64
//            with bit 1 of parts: vault_reason:text (since version 2)
//            bit 2 of parts: it came offline (since version 2)
bytes encode(const attempt_row& record)
{
    assert(static_cast<std::uint16_t>(record.counter.position) == record.word.position());
    const attempt_details& what = record.what;
    const auto parts = static_cast<std::uint8_t>((what.report ? part_report : 0) |
                                                 (what.vault_reason.empty() ? 0 : part_vault_reason) |
                                                 (what.offline ? part_offline : 0));
    record_writer out{version_2};
    out.u64(record.number)
        .u64(record.word.bits())
        .u64(record.counter.position)
        .raw(record.counter.data)
        .u64(record.previous)
        .time(record.at)
        .u8(static_cast<std::uint8_t>(what.outcome))
        .u8(static_cast<std::uint8_t>(what.type))
        .u8(what.counted ? 1 : 0)
        .u32(what.count)
        .u64(what.digest)
        .raw(what.source.bytes)
        .u8(parts);
    if (what.report) {
        out.text(what.report->attempt_id)
            .text(what.report->channel)
            .text(what.report->app_version)
            .text(what.report->uri_id)
            .time(what.report->happened_at);
    }
    if (!what.vault_reason.empty())
        out.text(what.vault_reason);
    return out.done();
}

template <>
attempt_row decode(bytes_view data)
{
    record_reader in{data, version_2};
    attempt_row record;
    record.number = in.u64();
    record.word = attempt_word{in.u64()};
    record.counter.position = in.u64();
    record.counter.data = in.raw<16>();
    if (static_cast<std::uint16_t>(record.counter.position) != record.word.position())
        throw record_fault{"an attempt whose counter does not fit its word"};
    record.previous = in.u64();
    record.at = in.time();
    attempt_details& what = record.what;
    what.outcome = in.enumeration(attempt_outcome::accepted, attempt_outcome::noise);
    what.type = in.enumeration(factors::possession, factors::possession_knowledge_biometry);
    what.counted = in.u8() != 0;
    what.count = in.u32();
    what.digest = in.u64();
    what.source.bytes = in.raw<16>();
    const auto parts = in.u8();
    if (parts > (in.version() == version_1 ? part_report : part_report | part_vault_reason | part_offline))
        throw record_fault{"an attempt with unknown parts"};
    what.offline = (parts & part_offline) != 0;
    if ((parts & part_report) != 0) {
        attempt_report& report = what.report.emplace();
        report.attempt_id = in.text();
        report.channel = in.text();
        report.app_version = in.text();
        report.uri_id = in.text();
        report.happened_at = in.time();
    }
    if ((parts & part_vault_reason) != 0)
        what.vault_reason = in.text();
    in.done();
    if (record.word.version() != 0)
        require_state(record.word);
    return record;
}

// history := 4  version:u64  move:u8  previous:u8 (0 for none)  now:u8  reason:text  account:text  external_user:text
//            name:text  at:u64
//            since version 2: flags:list(text)
//            since version 3: by_phone:u8  and when that is 1: phone:16
//            since version 4: event:u64 (0 for none)  and when there is one: digest:32  changed:list(text)
bytes encode(const history_row& record)
{
    record_writer out{version_4};
    out.u64(record.version)
        .u8(static_cast<std::uint8_t>(record.by))
        .u8(record.previous ? static_cast<std::uint8_t>(*record.previous) : std::uint8_t{0})
        .u8(static_cast<std::uint8_t>(record.now))
        .text(record.reason)
        .text(record.who.account)
        .text(record.who.external_user_id)
        .text(record.name)
        .time(record.at)
        .texts(record.flags)
        .flag(record.who.phone.has_value());
    if (record.who.phone)
        out.raw(record.who.phone->view());
    out.u64(record.event ? record.event->sequence : 0);
    if (record.event)
        out.raw(record.event->digest);
    return out.texts(record.changed).done();
}

template <>
history_row decode(bytes_view data)
{
    record_reader in{data, version_4};
    history_row record;
    record.version = in.u64();
    record.by = in.enumeration(move::create, move::edit);
    if (const auto previous = in.enumeration(state{}, state::removed); previous != state{})
        record.previous = previous;
    record.now = in.enumeration(state::created, state::removed);
    record.reason = in.text();
    record.who.account = in.text();
    record.who.external_user_id = in.text();
    record.name = in.text();
    record.at = in.time();
    if (in.version() >= version_2)
        record.flags = in.texts();
    if (in.version() >= version_3 && in.flag())
        record.who.phone.emplace().value = in.raw<16>();
    if (in.version() >= version_4) {
        if (const auto sequence = in.u64(); sequence != 0)
            record.event = event_place{sequence, in.raw<32>()};
        record.changed = in.texts();
    }
    in.done();
    return record;
}

namespace {

constexpr std::uint8_t changes_name = 1;
constexpr std::uint8_t changes_flags = 2;

void write(record_writer& out, const registration_event& what)
{
    out.u64(what.number)
        .raw(what.id.view())
        .u64(what.version)
        .u8(static_cast<std::uint8_t>(what.by))
        .u8(what.previous ? static_cast<std::uint8_t>(*what.previous) : std::uint8_t{0})
        .u8(static_cast<std::uint8_t>(what.now))
        .text(what.reason)
        .text(what.blocked_reason)
        .u8(static_cast<std::uint8_t>((what.name ? changes_name : 0) | (what.flags ? changes_flags : 0)));
    if (what.flags)
        out.texts(*what.flags);
}

registration_event read_registration_event(record_reader& in)
{
    registration_event out;
    out.number = in.u64();
    out.id.value = in.raw<16>();
    out.version = in.u64();
    out.by = in.enumeration(move::create, move::edit);
    if (const auto previous = in.enumeration(state{}, state::removed); previous != state{})
        out.previous = previous;
    out.now = in.enumeration(state::created, state::removed);
    out.reason = in.text();
    out.blocked_reason = in.text();
    const auto changes = in.u8();
    if (changes > (changes_name | changes_flags))
        throw record_fault{"an event with unknown changes"};
    if ((changes & changes_name) != 0)
        out.name.emplace();
    if ((changes & changes_flags) != 0)
        out.flags = in.texts();
    return out;
}

} // namespace

// event := 1  at:u64  application:text  account:text  by_phone:u8  and when that is 1: phone:16
//          subject:u8  and of a registration: number:u64  id:16  version:u64  move:u8  previous:u8 (0 for none)  now:u8
//          reason:text  blocked_reason:text  changes:u8  bit 0 of changes: the name; with bit 1: flags:list(text)
//          and of anything else: subject:text  action:text  detail:text
// In the store its digest:32 follows.
bytes encode(const event& record)
{
    const auto* change = record.of_registration();
    const auto* done = record.of_administration();
    record_writer out{version_1};
    out.time(record.at).text(record.application_id).text(record.who.account).flag(record.who.phone.has_value());
    if (record.who.phone)
        out.raw(record.who.phone->view());
    out.u8(static_cast<std::uint8_t>(change != nullptr ? event_subject::registration : done->about));
    if (change != nullptr)
        write(out, *change);
    else
        out.text(done->subject).text(done->action).text(done->detail);
    return out.done();
}

template <>
event decode(bytes_view data)
{
    record_reader in{data, version_1};
    event record;
    record.at = in.time();
    record.application_id = in.text();
    record.who.account = in.text();
    if (in.flag())
        record.who.phone.emplace().value = in.raw<16>();
    const auto about = in.enumeration(event_subject::registration, event_subject::store);
    if (about == event_subject::registration) {
        record.what = read_registration_event(in);
    } else {
        administration_event done;
        done.about = about;
        done.subject = in.text();
        done.action = in.text();
        done.detail = in.text();
        record.what = std::move(done);
    }
    in.done();
    return record;
}

// keys := 1  keys:blob (sealed)  server_private_key:blob (sealed)
bytes encode(const stored_keys& record)
{
    return record_writer{version_1}.blob(record.sealed_keys).blob(record.sealed_server_private_key).done();
}

template <>
stored_keys decode(bytes_view data)
{
    record_reader in{data, version_1};
    stored_keys record;
    record.sealed_keys = in.blob();
    record.sealed_server_private_key = in.blob();
    in.done();
    return record;
}

// application := 5  id:text  roles:list(text)  master_key:65  master_private_key:blob (sealed)
//                count_only_if_possession_proven:u8  created_at:u64
//                since version 2: unproven_per_minute:u16
//                since version 3: versions:u16  lowest_version:u8  max_failed:u8  vault_with_biometry:u8
//                device_management:u8  provider  transfer
//                since version 4: policy  hint_remaining_attempts:u8  hint_blocked_until:u8  breaker:u8 (0 for none)
//                and when that is 1: least:u16  factor:u16  window:u64  pause:u64
//                since version 5: master_key_created_at:u64  later_master_keys:u8, each master_key:65
//                master_private_key:blob (sealed)  created_at:u64; signing:u8 (0 the first one, 1 the next, ...)
// provider := url:text (empty for none)  timeout_ms:u16  secret:blob (sealed; empty for none)
// transfer := spawn:u8  move:u8  targets:list(text)  flags:list(text)  max_failed:u8 (0 for none)  cascade_block:u8
bytes encode(const stored_application& record)
{
    const application_settings& set = record.settings;
    assert(!record.master_keys.empty());
    record_writer out{version_5};
    out.text(record.id)
        .texts(set.roles)
        .raw(record.master_keys.front().point)
        .blob(record.master_keys.front().sealed)
        .flag(set.count_only_if_possession_proven)
        .time(record.created_at)
        .u16(set.unproven_per_minute)
        .u16(record.versions)
        .u8(static_cast<std::uint8_t>(set.lowest_version))
        .u8(set.max_failed_attempts)
        .flag(set.vault_with_biometry)
        .flag(set.device_management);
    const provider_settings provider = set.provider.value_or(provider_settings{});
    out.text(provider.url).u16(provider.timeout_ms).blob(record.sealed_provider_secret);
    out.flag(set.transfer.spawn)
        .flag(set.transfer.move)
        .texts(set.transfer.targets)
        .texts(set.transfer.flags)
        .u8(set.transfer.max_failed_attempts.value_or(0))
        .flag(set.transfer.cascade_block);
    put_policy(out, set.lockout);
    out.flag(set.hint_remaining_attempts).flag(set.hint_blocked_until).flag(set.breaker.has_value());
    if (set.breaker)
        out.u16(set.breaker->least).u16(set.breaker->factor).time(set.breaker->window).time(set.breaker->pause);
    out.time(record.master_keys.front().created_at).u8(static_cast<std::uint8_t>(record.master_keys.size() - 1));
    for (std::size_t i = 1; i < record.master_keys.size(); ++i) {
        const stored_master_key& later = record.master_keys[i];
        out.raw(later.point).blob(later.sealed).time(later.created_at);
    }
    out.u8(record.signing);
    return out.done();
}

template <>
stored_application decode(bytes_view data)
{
    record_reader in{data, version_5};
    stored_application record;
    application_settings& set = record.settings;
    record.id = in.text();
    set.roles = in.texts();
    record.master_keys.front().point = in.raw<65>();
    record.master_keys.front().sealed = in.blob();
    set.count_only_if_possession_proven = in.flag();
    record.created_at = in.time();
    if (in.version() >= version_2)
        set.unproven_per_minute = in.u16();
    if (in.version() >= version_3) {
        record.versions = in.u16();
        set.lowest_version = in.enumeration(protocol_version::v3_0, protocol_version::v3_3);
        set.max_failed_attempts = in.u8();
        set.vault_with_biometry = in.flag();
        set.device_management = in.flag();
        provider_settings provider;
        provider.url = in.text();
        provider.timeout_ms = in.u16();
        if (!provider.url.empty())
            set.provider = std::move(provider);
        record.sealed_provider_secret = in.blob();
        set.transfer.spawn = in.flag();
        set.transfer.move = in.flag();
        set.transfer.targets = in.texts();
        set.transfer.flags = in.texts();
        if (const auto max_failed = in.u8(); max_failed != 0)
            set.transfer.max_failed_attempts = max_failed;
        set.transfer.cascade_block = in.flag();
    }
    if (in.version() >= version_4) {
        set.lockout = take_policy(in);
        set.hint_remaining_attempts = in.flag();
        set.hint_blocked_until = in.flag();
        if (in.flag()) {
            breaker_settings& breaker = set.breaker.emplace();
            breaker.least = in.u16();
            breaker.factor = in.u16();
            breaker.window = in.time();
            breaker.pause = in.time();
        }
    }
    record.master_keys.front().created_at = record.created_at;
    if (in.version() >= version_5) {
        record.master_keys.front().created_at = in.time();
        for (auto later = in.u8(); later > 0; --later) {
            stored_master_key key;
            key.point = in.raw<65>();
            key.sealed = in.blob();
            key.created_at = in.time();
            record.master_keys.push_back(std::move(key));
        }
        record.signing = in.u8();
    }
    in.done();
    require_possible(record);
    return record;
}

// application version := 3  application:text  key:text  secret:blob (sealed)  supported:u8
//                        since version 2: created_at:u64
//                        since version 3: has_master_key:u8  and when that is 1: master_key:65
bytes encode(const stored_application_version& record)
{
    record_writer out{version_3};
    out.text(record.application_id)
        .text(record.key)
        .blob(record.sealed_secret)
        .flag(record.supported)
        .time(record.created_at)
        .flag(record.master_key.has_value());
    if (record.master_key)
        out.raw(*record.master_key);
    return out.done();
}

template <>
stored_application_version decode(bytes_view data)
{
    record_reader in{data, version_3};
    stored_application_version record;
    record.application_id = in.text();
    record.key = in.text();
    record.sealed_secret = in.blob();
    record.supported = in.flag();
    if (in.version() >= version_2)
        record.created_at = in.time();
    if (in.version() >= version_3 && in.flag())
        record.master_key = in.raw<65>();
    in.done();
    return record;
}

// account := 2  username:text  password_hash:text  role:u8  applications:list(text)  enabled:u8  created_at:u64
//            since version 2: rights:u8 (bit 0 remove, bit 1 bulk)
bytes encode(const account& record)
{
    return record_writer{version_2}
        .text(record.username)
        .text(record.password_hash)
        .u8(static_cast<std::uint8_t>(record.its_role))
        .texts(record.applications)
        .u8(record.enabled ? 1 : 0)
        .time(record.created_at)
        .u8(record.rights.bits())
        .done();
}

template <>
account decode(bytes_view data)
{
    record_reader in{data, version_2};
    account record;
    record.username = in.text();
    record.password_hash = in.text();
    record.its_role = in.enumeration(role::admin, in.version() >= version_2 ? role::metrics : role::integration);
    record.applications = in.texts();
    record.enabled = in.u8() != 0;
    record.created_at = in.time();
    if (in.version() >= version_2) {
        const auto bits = in.u8();
        for (const right each : all_rights) {
            if ((bits & right_set{each}.bits()) != 0)
                record.rights.add(each);
        }
        if (record.rights.bits() != bits)
            throw record_fault{"an account with an unknown right"};
    }
    in.done();
    return record;
}

// account token := 1  name:text  digest:32  created_at:u64  expires_at:u64 (0 for never)  last_used_at:u64
bytes encode(const account_token& record)
{
    return record_writer{version_1}
        .text(record.name)
        .raw(record.digest)
        .time(record.created_at)
        .time(record.expires_at)
        .time(record.last_used_at)
        .done();
}

template <>
account_token decode(bytes_view data)
{
    record_reader in{data, version_1};
    account_token record;
    record.name = in.text();
    record.digest = in.raw<32>();
    record.created_at = in.time();
    record.expires_at = in.time();
    record.last_used_at = in.time();
    in.done();
    return record;
}

// console session := 1  username:text  stamp:32  created_at:u64  last_used_at:u64
bytes encode(const console_session& record)
{
    return record_writer{version_1}
        .text(record.username)
        .raw(record.stamp)
        .time(record.created_at)
        .time(record.last_used_at)
        .done();
}

template <>
console_session decode(bytes_view data)
{
    record_reader in{data, version_1};
    console_session record;
    record.username = in.text();
    record.stamp = in.raw<32>();
    record.created_at = in.time();
    record.last_used_at = in.time();
    in.done();
    return record;
}

// rotation := 1  number:u8  began_at:u64  ended_at:u64  former_check:blob (sealed)  table:u8  key:blob  walks:u32
//             sealed_anew:u64  walk_began_with:u64  unreadable:u64
bytes encode(const rotation& record)
{
    return record_writer{version_1}
        .u8(record.number)
        .time(record.began_at)
        .time(record.ended_at)
        .blob(record.former_check)
        .u8(record.table)
        .blob(record.key)
        .u32(record.walks)
        .u64(record.sealed_anew)
        .u64(record.walk_began_with)
        .u64(record.unreadable)
        .done();
}

template <>
rotation decode(bytes_view data)
{
    record_reader in{data, version_1};
    rotation record;
    record.number = in.u8();
    record.began_at = in.time();
    record.ended_at = in.time();
    record.former_check = in.blob();
    record.table = in.u8();
    record.key = in.blob();
    record.walks = in.u32();
    record.sealed_anew = in.u64();
    record.walk_began_with = in.u64();
    record.unreadable = in.u64();
    in.done();
    return record;
}

// idempotent request := 1  request:32  expires_at:u64  answered:u8  and when that is 1: answer:blob (sealed)
bytes encode(const idempotent_request& record)
{
    record_writer out{version_1};
    out.raw(record.request).time(record.expires_at).flag(record.sealed_answer.has_value());
    if (record.sealed_answer)
        out.blob(*record.sealed_answer);
    return out.done();
}

template <>
idempotent_request decode(bytes_view data)
{
    record_reader in{data, version_1};
    idempotent_request record;
    record.request = in.raw<32>();
    record.expires_at = in.time();
    if (in.flag())
        record.sealed_answer = in.blob();
    in.done();
    return record;
}

// temporary key := 1  application_key:text  number:u64 (0 for none)  point:65  private_key:blob (sealed) expires_at:u64
bytes encode(const stored_temporary_key& record)
{
    return record_writer{version_1}
        .text(record.application_key)
        .u64(record.number)
        .raw(record.point)
        .blob(record.sealed_private_key)
        .time(record.expires_at)
        .done();
}

template <>
stored_temporary_key decode(bytes_view data)
{
    record_reader in{data, version_1};
    stored_temporary_key record;
    record.application_key = in.text();
    record.number = in.u64();
    record.point = in.raw<65>();
    record.sealed_private_key = in.blob();
    record.expires_at = in.time();
    in.done();
    return record;
}

// token := 1  factors:u8  secret:blob (sealed)  created_at:u64
bytes encode(const stored_token& record)
{
    return record_writer{version_1}
        .u8(static_cast<std::uint8_t>(record.type))
        .blob(record.sealed_secret)
        .time(record.created_at)
        .done();
}

template <>
stored_token decode(bytes_view data)
{
    record_reader in{data, version_1};
    stored_token record;
    record.type = in.enumeration(factors::possession, factors::possession_knowledge_biometry);
    record.sealed_secret = in.blob();
    record.created_at = in.time();
    in.done();
    return record;
}

// claims := 1  claims:blob (sealed)  changed_at:u64
bytes encode(const stored_claims& record)
{
    return record_writer{version_1}.blob(record.sealed).time(record.changed_at).done();
}

template <>
stored_claims decode(bytes_view data)
{
    record_reader in{data, version_1};
    stored_claims record;
    record.sealed = in.blob();
    record.changed_at = in.time();
    in.done();
    return record;
}

// metadata := 1  metadata:blob (sealed)  changed_at:u64
bytes encode(const stored_metadata& record)
{
    return record_writer{version_1}.blob(record.sealed).time(record.changed_at).done();
}

template <>
stored_metadata decode(bytes_view data)
{
    record_reader in{data, version_1};
    stored_metadata record;
    record.sealed = in.blob();
    record.changed_at = in.time();
    in.done();
    return record;
}

// job := 1  kind:u8  state:u8  account:text  external_user:text  reason:text  flags:list(text)  criteria
//        user:blob (sealed; empty for none)  matched:u32  done:u32  skipped:u32  failed:u32  failures:list(failure)
//        next_chunk:u32  chunks:u32  walked_number:u64  walked_version:u64  created_at:u64  finished_at:u64
// criteria := states:list(u8)  removed:u8  flags:list(text)  platform:text  last_used_after:u64  last_used_before:u64
//             Only what may change while a job is under way.
// failure := id:16  why:u8
bytes encode(const job& record)
{
    const registration_criteria& wanted = record.criteria;
    record_writer out{version_1};
    out.u8(static_cast<std::uint8_t>(record.kind))
        .u8(static_cast<std::uint8_t>(record.now))
        .text(record.who.account)
        .text(record.who.external_user_id)
        .text(record.reason)
        .texts(record.flags)
        .u16(wanted.states.size());
    for (const state each : wanted.states)
        out.u8(static_cast<std::uint8_t>(each));
    out.flag(wanted.removed)
        .texts(wanted.flags)
        .text(wanted.platform)
        .time(wanted.last_used.after)
        .time(wanted.last_used.before)
        .blob(record.sealed_user)
        .u32(record.matched)
        .u32(record.done)
        .u32(record.skipped)
        .u32(record.failed)
        .u16(record.failures.size());
    for (const job::failure& each : record.failures)
        out.raw(each.registration.view()).u8(static_cast<std::uint8_t>(each.why));
    return out.u32(record.next_chunk)
        .u32(record.chunks)
        .u64(record.walked_number)
        .u64(record.walked_version)
        .time(record.created_at)
        .time(record.finished_at)
        .done();
}

template <>
job decode(bytes_view data)
{
    record_reader in{data, version_1};
    job record;
    record.kind = in.enumeration(job_kind::block, job_kind::erase_user);
    record.now = in.enumeration(job_state::running, job_state::cancelled);
    record.who.account = in.text();
    record.who.external_user_id = in.text();
    record.reason = in.text();
    record.flags = in.texts();
    registration_criteria& wanted = record.criteria;
    wanted.states.resize(in.u16());
    for (state& each : wanted.states)
        each = in.enumeration(state::created, state::removed);
    wanted.removed = in.flag();
    wanted.flags = in.texts();
    wanted.platform = in.text();
    wanted.last_used.after = in.time();
    wanted.last_used.before = in.time();
    record.sealed_user = in.blob();
    record.matched = in.u32();
    record.done = in.u32();
    record.skipped = in.u32();
    record.failed = in.u32();
    record.failures.resize(in.u16());
    for (job::failure& each : record.failures) {
        each.registration.value = in.raw<16>();
        each.why = in.enumeration(job_problem::not_found, job_problem::too_many_flags);
    }
    record.next_chunk = in.u32();
    record.chunks = in.u32();
    record.walked_number = in.u64();
    record.walked_version = in.u64();
    record.created_at = in.time();
    record.finished_at = in.time();
    in.done();
    return record;
}

// webhook := 1  id:16  application:text  name:text  url:text  attributes:u16 (bit n is attribute n)  payload:u8
//            authentication:u8  username:text  certificates:text  attempts_max:u16  initial_backoff:u64  retention:u64
//            enabled:u8  credentials:blob (sealed; empty for none)  secret:blob (sealed)
//            old_secret:blob (sealed; empty for none)  old_secret_until:u64  created_at:u64  changed_at:u64
bytes encode(const webhook& record)
{
    const webhook_settings& set = record.settings;
    return record_writer{version_1}
        .raw(record.id.view())
        .text(record.application_id)
        .text(set.name)
        .text(set.url)
        .u16(set.attributes.bits())
        .u8(static_cast<std::uint8_t>(set.payload))
        .u8(static_cast<std::uint8_t>(set.authentication))
        .text(set.username)
        .text(set.certificates)
        .u16(set.rules.attempts_max)
        .time(set.rules.initial_backoff)
        .time(set.rules.retention)
        .flag(set.enabled)
        .blob(record.sealed_credentials)
        .blob(record.sealed_secret)
        .blob(record.sealed_old_secret)
        .time(record.old_secret_until)
        .time(record.created_at)
        .time(record.changed_at)
        .done();
}

template <>
webhook decode(bytes_view data)
{
    record_reader in{data, version_1};
    webhook record;
    webhook_settings& set = record.settings;
    record.id.value = in.raw<16>();
    record.application_id = in.text();
    set.name = in.text();
    set.url = in.text();
    const auto attributes = webhook_attribute_set::of_bits(in.u16());
    set.payload = in.enumeration(payload_type::activation, payload_type::registration_status_change);
    set.authentication = in.enumeration(webhook_authentication::none, webhook_authentication::certificate);
    set.username = in.text();
    set.certificates = in.text();
    set.rules.attempts_max = in.u16();
    set.rules.initial_backoff = in.time();
    set.rules.retention = in.time();
    set.enabled = in.flag();
    record.sealed_credentials = in.blob();
    record.sealed_secret = in.blob();
    record.sealed_old_secret = in.blob();
    record.old_secret_until = in.time();
    record.created_at = in.time();
    record.changed_at = in.time();
    in.done();
    if (!attributes || !parse_provider_url(set.url) || set.rules.attempts_max == 0 || set.rules.initial_backoff <= 0 ||
        set.rules.initial_backoff > webhook_backoff_most_ms || set.rules.retention <= 0)
        throw record_fault{"a webhook with an impossible setting"};
    set.attributes = *attributes;
    return record;
}

// delivery := 1  state:u8  again:u8  attempts:u16  last_status:u16 (0 for none)  last_failure:u8  first_at:u64
//             last_at:u64  next_at:u64  finished_at:u64  expires_at:u64
bytes encode(const delivery& record)
{
    return record_writer{version_1}
        .u8(static_cast<std::uint8_t>(record.now))
        .flag(record.again)
        .u16(record.attempts)
        .u16(record.last_status)
        .u8(static_cast<std::uint8_t>(record.last_failure))
        .time(record.first_at)
        .time(record.last_at)
        .time(record.next_at)
        .time(record.finished_at)
        .time(record.expires_at)
        .done();
}

template <>
delivery decode(bytes_view data)
{
    record_reader in{data, version_1};
    delivery record;
    record.now = in.enumeration(delivery_state::pending, delivery_state::given_up);
    record.again = in.flag();
    record.attempts = in.u16();
    record.last_status = in.u16();
    record.last_failure = in.enumeration(delivery_failure::none, delivery_failure::unusable);
    record.first_at = in.time();
    record.last_at = in.time();
    record.next_at = in.time();
    record.finished_at = in.time();
    record.expires_at = in.time();
    in.done();
    return record;
}

} // namespace doorward::registry
