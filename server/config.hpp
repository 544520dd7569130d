#pragma once

#include "handlers/event_bell.hpp"
#include "handlers/http.hpp"
#include "handlers/manners.hpp"
#include "server/trusted_proxies.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace doorward::server {

// Limits of the transport: name, number, unit, reason. Those of the domain are in registry/limits.hpp. What an operator
// may set is in the structs below, with its default; its range and its description are in server/config_table.cpp.

/// Limits of connections and requests. All of them can change while the server runs; those of a connection stay as they
/// were when it began.
struct limits {
    std::uint64_t device_connections = 7168; // more are told 503
    std::uint64_t office_connections = 1024; // apart, so that phones cannot shut out the back office

    std::uint64_t header_bytes = 16 * 1024;       // request line and header fields; phones send under 1 KiB
    std::uint64_t device_body_bytes = 64 * 1024;  // two nested envelopes around the longest names take 8 KiB
    std::uint64_t office_body_bytes = 384 * 1024; // a thousand reported attempts

    std::chrono::seconds first_request{15}; // from connecting to the first byte
    std::chrono::seconds idle{75};          // between requests; longer than the 60 s of usual proxies
    std::chrono::seconds request{15};       // from the first byte of a request to its last
    std::chrono::seconds answer{30};        // from its last byte until the answer is sent
    std::chrono::seconds stream_write{10};  // for the reader of a stream to take a piece
    std::chrono::seconds drain{10};         // for requests in flight when the server stops

    std::uint64_t queue_percent =
        50; // of the writer's queue; when more waits, changes are told 503 before they are read
    std::uint64_t memory_mib = 2304; // what all connections together may hold at worst; other limits are checked by it

    bool operator==(const limits&) const = default;
};

/// What TLS takes of a connection at worst: its state, and a record on its way in and one on its way out.
inline constexpr std::uint64_t tls_bytes_max = 48 * 1024;

/// What connections may hold in memory at worst, all together. The body is there twice while it is parsed.
[[nodiscard]] constexpr std::uint64_t connection_memory_bytes(const limits& of) noexcept
{
    return of.device_connections * (of.header_bytes + 2 * of.device_body_bytes + tls_bytes_max) +
           of.office_connections * (of.header_bytes + 2 * of.office_body_bytes + tls_bytes_max);
}
static_assert(connection_memory_bytes(limits{}) <= limits{}.memory_mib * 1024 * 1024);

// Whoever waits on purpose is not late.
inline constexpr std::chrono::seconds answer_timeout_least{30};
static_assert(handlers::event_wait_max < answer_timeout_least && handlers::stream_piece_max < answer_timeout_least);

inline constexpr int listen_backlog = 4096; // connections; the kernel caps it at somaxconn
inline constexpr std::size_t turned_away_max =
    128; // connections too many that are being told so; more wait in the backlog
inline constexpr unsigned overload_retry_seconds = 2; // what those who come in vain are told to wait

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
inline constexpr std::size_t other_descriptors = 128 + outgoing_calls_max + turned_away_max;

inline constexpr int stream_send_buffer_bytes = 64 * 1024;     // what the kernel holds of a stream that is not read
inline constexpr std::chrono::seconds linger_timeout{2};       // for a refused client to read why
inline constexpr std::size_t linger_bytes_max = 1024 * 1024;   // read and thrown away meanwhile
inline constexpr std::chrono::seconds last_request_timeout{2}; // for new connections to send it when the server stops
inline constexpr std::chrono::milliseconds deadline_step{250}; // how often deadlines are looked at
inline constexpr std::chrono::milliseconds sweep_pause{1000};  // between passes of the background clean-up
inline constexpr std::chrono::milliseconds webhooks_pause{10}; // between looks at the feed for webhooks
inline constexpr std::chrono::milliseconds accept_pause{100};  // after a failed accept, for example without descriptors
inline constexpr unsigned io_threads_max = 256;

/// Where a listener has its certificate from. Empty: none, so plain HTTP.
struct tls_settings {
    std::filesystem::path certificate;          // PEM, with what is between it and the root behind it
    std::filesystem::path key;                  // PEM
    std::filesystem::path client_ca;            // PEM of those whose certificates clients may show; office side only
    std::map<std::string, std::string> clients; // a name in such a certificate -> account

    [[nodiscard]] bool wanted() const noexcept { return !certificate.empty(); }
    bool operator==(const tls_settings&) const = default;
};

struct log_settings {
    std::string level = "info";      // debug, info, warning, error
    std::string format = "text";     // text, json
    std::uint64_t access_sample = 0; // 0: no access log; n: one of n requests

    bool operator==(const log_settings&) const = default;
};

/// What `serve` is told.
struct settings {
    std::filesystem::path data;
    std::filesystem::path master_key; // empty: default_master_key()
    boost::asio::ip::tcp::endpoint device;
    boost::asio::ip::tcp::endpoint office;
    std::uint64_t io_threads = 0; // 0: one per core
    bool allow_plain = false;     // HTTP without TLS beyond this machine
    trusted_proxies device_proxies{};
    trusted_proxies office_proxies{};
    handlers::manners office_manners{};
    tls_settings device_tls{};
    tls_settings office_tls{};
    limits transport{};
    log_settings log{};
    int device_socket = -1; // one that listens already, instead of `device`
    int office_socket = -1;
    std::filesystem::path backup_directory; // of POST /admin/backup; empty: it is not offered
};

/// Where the master key is when nobody says so: the credentials directory of systemd, else the data directory.
[[nodiscard]] std::filesystem::path default_master_key(const std::filesystem::path& data);

/// Whether a file is one that systemd made for this process alone. Its mode may say that a group can read it, where
/// that stands for an access list.
[[nodiscard]] bool is_credential(const std::filesystem::path& file);

/// Takes certificates and keys that nobody named from the credentials directory of systemd, when they are there:
/// device.crt, device.key, office.crt, office.key, office-clients.crt.
void add_tls_credentials(settings& to);

/// "127.0.0.1:8080", "[::1]:8080", ":8080" (all addresses), "localhost:8080". Throws std::invalid_argument.
[[nodiscard]] boost::asio::ip::tcp::endpoint parse_endpoint(const std::string& text);

[[nodiscard]] std::string to_text(const boost::asio::ip::tcp::endpoint& where);

} // namespace doorward::server
