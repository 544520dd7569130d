#pragma once

#include "registry/changes.hpp"
#include "registry/console_session.hpp"

namespace doorward::registry {

/// In no order.
void scan_console_sessions(const kv::read_txn& txn,
                           const std::function<bool(const session_mark&, const console_session&)>& visit);

// Changes, for the writer (see changes.hpp).

/// A new session; an event of its account.
struct open_console_session {
    session_mark mark{};
    console_session record;
    std::vector<session_mark> replaced; // that give their place to it
    authorship by{};

    /// errors  account_not_found when it was removed or changed meanwhile
    kv::error_code operator()(kv::write_txn& txn) const;
    [[nodiscard]] std::size_t weight() const noexcept { return 1 + replaced.size() + event_weight; }
};

/// The end of sessions. Those that are gone are left alone.
struct end_console_sessions {
    std::vector<session_mark> marks;
    std::optional<authorship>
        by{}; // somebody signed out: an event of each that there was, by its account; empty: time did

    kv::error_code operator()(kv::write_txn& txn) const;
    [[nodiscard]] std::size_t weight() const noexcept { return marks.size() * (1 + (by ? event_weight : 0)); }
};

/// Writes down when sessions were used last. Those that are gone are left alone.
struct note_session_uses {
    struct use {
        session_mark mark;
        time_ms at;
    };
    std::vector<use> uses;

    kv::error_code operator()(kv::write_txn& txn) const;
    [[nodiscard]] std::size_t weight() const noexcept { return uses.size(); }
};

} // namespace doorward::registry
