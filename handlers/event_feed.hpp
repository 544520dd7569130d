#pragma once

#include "handlers/endpoint.hpp"
#include "registry/events.hpp"

namespace doorward::handlers {

/// Events looked at on an io thread, which takes a fraction of a millisecond, and events of one piece of a stream;
/// count. Longer ways are gone on the thread for lists.
inline constexpr std::size_t event_rows_at_once = registry::page_rows_default;

/// After how long a stream says that it is still there.
inline constexpr std::chrono::seconds event_heartbeat{15};
static_assert(event_heartbeat < stream_piece_max);

/// What follows in the feed, as far as an account may see it.
struct event_page {
    std::vector<registry::stored_event> rows;
    registry::event_sequence next = 0; // the last one that was looked at: where to go on
    registry::event_sequence last = 0; // of the feed
    bool at_end = false;               // there are no others yet

    event_page() = default; // work_thread wants one
};

/// Reads on after `after`, until there are `limit` events, page_scan_rows_max were looked at, or the end is reached.
///
/// errors  kv::errc::queue_full: too many lists are asked for at once
task<kv::result<event_page>> next_events(services& svc, std::shared_ptr<const registry::account> who,
                                         registry::event_sequence after, std::size_t limit);

/// What a request for a stream showed beside a password, and what has to go on holding: a token, or the secret of a
/// session of the console. Wiped with the stream.
struct stream_secret {
    std::string bearer;
    std::string session;
};

/// The feed as server-sent events (HTML living standard, "Server-sent events"): after `after`, for as long as the
/// account is what it was when the stream began, and its token or session holds. Ends when the bell is closed.
///
/// secret     of the request; nothing: it came with a password
/// place      of whoever waits, among all that do
/// heartbeat  how long to be silent at most
[[nodiscard]] std::shared_ptr<response_stream>
make_event_stream(services& svc, std::shared_ptr<const registry::account> who, registry::event_sequence after,
                  std::unique_ptr<event_bell::place> place, std::chrono::milliseconds heartbeat,
                  stream_secret secret = {});

} // namespace doorward::handlers
