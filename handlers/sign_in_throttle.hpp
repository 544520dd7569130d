#pragma once

#include "crypto/secret.hpp"
#include "registry/limits.hpp"
#include "registry/source_address.hpp"

#include <array>
#include <mutex>
#include <string_view>
#include <unordered_map>

namespace doorward::handlers {

/// Slows down who guesses passwords at the console: after sign_ins_of_name_max wrong ones for a name, or
/// sign_ins_of_address_max from an address, each next one has to wait, twice as long as the one before, up to
/// sign_in_pause_max_ms. A name that nobody has is slowed down like any other.
///
/// A guess counts as wrong from the moment in which it may be judged, so that many at once gain nothing.
/// threads  any; a mutex, held for a look into two tables
class sign_in_throttle {
public:
    sign_in_throttle();

    /// returns  0: judge it, it is counted as wrong meanwhile; otherwise how long until one is judged again
    [[nodiscard]] registry::time_ms begin(std::string_view name, const registry::source_address& from,
                                          registry::time_ms now);

    /// It was right: the name's wrong ones are forgotten, and the address gets this one back. That an address has one
    /// right password says nothing about its others.
    void succeeded(std::string_view name, const registry::source_address& from);
    /// It was not judged after all.
    void give_back(std::string_view name, const registry::source_address& from);

private:
    struct guesses {
        unsigned wrong = 0;
        registry::time_ms last_at = 0;
        registry::time_ms next_at = 0; // none is judged before
    };
    using key = std::array<crypto::byte, 16>; // keyed digest
    struct key_hash {
        std::size_t operator()(const key& of) const noexcept { return crypto::from_big_endian<std::size_t>(of); }
    };
    using table = std::unordered_map<key, guesses, key_hash>;

    [[nodiscard]] key key_of(crypto::bytes_view what) const;
    [[nodiscard]] static registry::time_ms wait(table& in, const key& of, registry::time_ms now);
    static void count(table& in, const key& of, unsigned free, registry::time_ms now);
    static void uncount(table& in, const key& of);

    const crypto::secret<32> secret_;
    std::mutex mutex_;
    table names_;     // guarded by mutex_
    table addresses_; // guarded by mutex_
};

} // namespace doorward::handlers
