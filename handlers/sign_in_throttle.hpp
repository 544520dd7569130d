#pragma once

#include "crypto/secret.hpp"
#include "registry/limits.hpp"
#include "registry/source_address.hpp"

#include <array>
#include <mutex>
#include <string_view>
#include <unordered_map>

namespace doorward::handlers {

/// Slows down who guesses passwords of accounts, at the console and with Basic alike: sign_ins_of_pair_max wrong ones
/// of a name from an address are judged at once, and sign_ins_of_address_max of all names; each is forgotten again
/// after its part of sign_in_window_ms, and makes room for another. A name that nobody has is slowed down like any
/// other. A name alone has no limit, so nobody can keep the owner of one out from elsewhere.
///
/// A guess counts as wrong from the moment in which it may be judged, so that many at once gain nothing.
///
/// Of each key only the moment is kept at which all its wrong ones are forgotten. When the table is full, the one with
/// the fewest wrong ones gives way.
/// threads  any; a mutex, held for a look into two tables
class sign_in_throttle {
public:
    sign_in_throttle();

    /// returns  0: judge it, it is counted as wrong meanwhile; otherwise how long until one is judged again
    [[nodiscard]] registry::time_ms begin(std::string_view name, const registry::source_address& from,
                                          registry::time_ms now);

    /// It was right: what was wrong of that name from there is forgotten, and the address gets this one back. That an
    /// address has one right password says nothing about its others.
    void succeeded(std::string_view name, const registry::source_address& from);
    /// It was not judged after all.
    void give_back(std::string_view name, const registry::source_address& from);

private:
    using key = std::array<crypto::byte, 16>; // keyed digest
    struct key_hash {
        std::size_t operator()(const key& of) const noexcept { return crypto::from_big_endian<std::size_t>(of); }
    };
    using table = std::unordered_map<key, registry::time_ms, key_hash>; // when all is forgotten

    [[nodiscard]] key key_of(const registry::source_address& from, std::string_view name) const;
    [[nodiscard]] static registry::time_ms wait(table& in, const key& of, unsigned most, registry::time_ms now);
    static void count(table& in, const key& of, unsigned most, registry::time_ms now);
    static void uncount(table& in, const key& of, unsigned most);

    const crypto::secret<32> secret_;
    std::mutex mutex_;
    table pairs_;     // of name and address; guarded by mutex_
    table addresses_; // guarded by mutex_
};

} // namespace doorward::handlers
