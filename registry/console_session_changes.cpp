#include "registry/console_session_changes.hpp"
#include "crypto/digest.hpp"
#include "registry/administration.hpp"
#include "registry/envelope.hpp"
#include "registry/errc.hpp"
#include "registry/store.hpp"

#include <algorithm>

namespace doorward::registry {
namespace {

std::optional<console_session> find_console_session(const kv::read_txn& txn, const session_mark& mark)
{
    const auto found = txn.get(tables::console_sessions, mark);
    return found ? std::optional{decode<console_session>(*found)} : std::nullopt;
}

} // namespace

crypto::byte_array<32> account_stamp(const account& of)
{
    crypto::byte_array<10> rest{};
    std::ranges::copy(crypto::big_endian(static_cast<std::uint64_t>(of.created_at)), rest.begin());
    rest[8] = static_cast<crypto::byte>(of.its_role);
    rest[9] = of.rights.bits();
    return crypto::blake2b<32>(sized({crypto::as_bytes(of.username), crypto::as_bytes(of.password_hash), rest}));
}

void scan_console_sessions(const kv::read_txn& txn,
                           const std::function<bool(const session_mark&, const console_session&)>& visit)
{
    txn.scan(tables::console_sessions, {}, [&](crypto::bytes_view key, crypto::bytes_view value) {
        session_mark mark;
        if (key.size() != mark.size())
            throw record_fault{"the key of a session has another length"};
        std::ranges::copy(key, mark.begin());
        return visit(mark, decode<console_session>(value));
    });
}

kv::error_code open_console_session::operator()(kv::write_txn& txn) const
{
    const auto whose = find_account(txn, record.username);
    if (!whose || !whose->enabled || account_stamp(*whose) != record.stamp)
        return errc::account_not_found;
    for (const session_mark& each : replaced)
        txn.erase(tables::console_sessions, each);
    txn.put(tables::console_sessions, mark, encode(record));
    tell_of_account(txn, by, record.username, action::sign_in, {});
    return {};
}

kv::error_code end_console_sessions::operator()(kv::write_txn& txn) const
{
    std::vector<std::string> whose;
    for (const session_mark& each : marks) {
        if (const auto found = find_console_session(txn, each))
            whose.push_back(found->username);
    }
    for (const session_mark& each : marks)
        txn.erase(tables::console_sessions, each);
    if (by) {
        for (const std::string& each : whose) {
            authorship own = *by;
            own.who.account = each;
            tell_of_account(txn, own, each, action::sign_out, {});
        }
    }
    return {};
}

kv::error_code note_session_uses::operator()(kv::write_txn& txn) const
{
    for (const use& each : uses) {
        auto found = find_console_session(txn, each.mark);
        if (!found || found->last_used_at >= each.at)
            continue;
        found->last_used_at = each.at;
        txn.put(tables::console_sessions, each.mark, encode(*found));
    }
    return {};
}

} // namespace doorward::registry
