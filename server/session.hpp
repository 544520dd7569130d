#pragma once

#include "handlers/routes.hpp"
#include "server/io_threads.hpp"

namespace doorward::server {

/// One connection from its first byte to its last: reads requests, has them answered, keeps the limits and deadlines of
/// config.hpp. Runs on `home` and counts itself in `connections`.
handlers::task<void> serve_connection(tcp_socket socket, handlers::side which, handlers::services& svc, io_thread& home,
                                      connection_count& connections);

} // namespace doorward::server
