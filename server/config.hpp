#pragma once

#include "handlers/manners.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <filesystem>
#include <string>

namespace doorward::server {

// Limits of the transport: name, number, unit, reason. Those of the domain are in registry/limits.hpp.

inline constexpr std::size_t header_bytes_max = 16 * 1024; // request line and header fields; phones send under 1 KiB
inline constexpr std::size_t body_bytes_max = 64 * 1024;   // two nested envelopes around the longest names take 8 KiB
inline constexpr std::size_t office_body_bytes_max = 384 * 1024; // a thousand reported attempts
inline constexpr std::size_t device_connections_max = 7168;      // more wait in the backlog
inline constexpr std::size_t office_connections_max = 1024; // apart, so that phones cannot shut out the back office
inline constexpr int listen_backlog = 4096;                 // connections; the kernel caps it at somaxconn

// What connections may hold in memory at worst, all together.
// The body is there twice while it is parsed.
static_assert(device_connections_max * (header_bytes_max + 2 * body_bytes_max) +
                  office_connections_max * (header_bytes_max + 2 * office_body_bytes_max) <=
              std::size_t{2} * 1024 * 1024 * 1024);

// Calls to services of others. Whoever has an app can cause them, and a service may be slow: so none of it takes away
// what the others need.
inline constexpr std::size_t outgoing_calls_max = 256;                // under way at once
inline constexpr std::size_t outgoing_calls_per_application_max = 64; // of them
inline constexpr std::size_t outgoing_header_bytes_max = 16 * 1024;   // of an answer
inline constexpr std::size_t outgoing_answer_bytes_max = 64 * 1024;   // its body

// Names of services of others, known to each event loop (server/known_names.hpp).
inline constexpr std::chrono::seconds addresses_fresh{30}; // used without being looked up again
inline constexpr std::chrono::minutes addresses_kept{10};  // used while they are looked up again
inline constexpr std::chrono::seconds lookup_slow{1};      // one that takes longer and finds nothing is followed by
inline constexpr std::chrono::seconds lookup_pause{10};    // this, in which the name is not looked up
inline constexpr std::size_t names_kept_max = 1024;        // as many as there are applications; count

// Descriptors that are no connections of clients: listeners, the store, event loops, logs, calls.
inline constexpr std::size_t other_descriptors = 128 + outgoing_calls_max;

inline constexpr std::chrono::seconds first_request_timeout{15}; // from connecting to the first byte
inline constexpr std::chrono::seconds idle_timeout{75};    // between requests; longer than the 60 s of usual proxies
inline constexpr std::chrono::seconds request_timeout{15}; // from the first byte of a request to its last
inline constexpr std::chrono::seconds answer_timeout{30};  // from its last byte until the answer is sent
inline constexpr std::chrono::seconds stream_write_timeout{10}; // for the reader of a stream to take a piece
inline constexpr int stream_send_buffer_bytes = 64 * 1024;      // what the kernel holds of a stream that is not read
inline constexpr std::chrono::seconds linger_timeout{2};        // for a refused client to read why
inline constexpr std::size_t linger_bytes_max = 1024 * 1024;    // read and thrown away meanwhile
inline constexpr std::chrono::seconds drain_timeout{10};        // for requests in flight when the server stops
inline constexpr std::chrono::milliseconds deadline_step{250};  // how often deadlines are looked at
inline constexpr std::chrono::milliseconds sweep_pause{1000};   // between passes of the background clean-up
inline constexpr std::chrono::milliseconds webhooks_pause{10};  // between looks at the feed for webhooks
inline constexpr std::chrono::milliseconds accept_pause{100}; // after a failed accept, for example without descriptors
inline constexpr unsigned io_threads_max = 256;

/// What `serve` is told.
struct settings {
    std::filesystem::path data;
    std::filesystem::path master_key; // empty: default_master_key()
    boost::asio::ip::tcp::endpoint device;
    boost::asio::ip::tcp::endpoint office;
    unsigned io_threads = 0; // 0: one per core
    handlers::manners office_manners{};
    std::filesystem::path backup_directory; // of POST /admin/backup; empty: it is not offered
};

/// Where the master key is when nobody says so: the credentials directory of systemd, else the data directory.
[[nodiscard]] std::filesystem::path default_master_key(const std::filesystem::path& data);

/// "127.0.0.1:8080", "[::1]:8080", ":8080" (all addresses), "localhost:8080". Throws std::invalid_argument.
[[nodiscard]] boost::asio::ip::tcp::endpoint parse_endpoint(const std::string& text);

[[nodiscard]] std::string to_text(const boost::asio::ip::tcp::endpoint& where);

} // namespace doorward::server
