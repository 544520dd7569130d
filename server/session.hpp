#pragma once

#include "crypto/tls.hpp"
#include "handlers/routes.hpp"
#include "server/io_threads.hpp"
#include "server/trusted_proxies.hpp"

#include <map>
#include <memory>
#include <string>

namespace doorward::server {

/// TLS of a listener as it was set up last. Connections keep the one that they began with. Immutable.
struct listener_tls {
    crypto::tls_context context;
    std::map<std::string, std::string> clients; // a name in a client's certificate -> account
};

struct accepted_connection {
    tcp_socket socket;
    handlers::side which;
    std::shared_ptr<const listener_tls> tls;        // null: plain HTTP
    std::shared_ptr<const trusted_proxies> proxies; // of the listener; never null
    bool turned_away;                               // one too many: it is told 503, and nothing of it is read
};

/// One connection from its first byte to its last: reads requests, has them answered, keeps the limits and deadlines of
/// `home`, on which it runs. Counts itself in `connections`, which it has been counted into.
handlers::task<void> serve_connection(accepted_connection accepted, handlers::services& svc, io_thread& home,
                                      connection_count& connections);

} // namespace doorward::server
