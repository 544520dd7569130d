#pragma once

#include "handlers/outgoing_calls.hpp"

#include <memory>

namespace doorward::server {

/// Calls to services of others: HTTP/1.1, over TLS where the URL says https. One connection for each call.
///
/// TLS is 1.2 or later, with a certificate that the authorities of the system vouch for, as OpenSSL finds them
/// (SSL_CERT_FILE and SSL_CERT_DIR name others), and made out to the host of the URL.
///
/// A name is looked up by the system's resolver, on a thread of the event loop's own, and cannot be interrupted there.
/// What that can mean for other names is in server/known_names.hpp.
///
/// threads  any io thread; outlives the calls, not necessarily the event loops
class outgoing_http final : public handlers::outgoing_calls {
public:
    outgoing_http();
    outgoing_http(const outgoing_http&) = delete;
    outgoing_http& operator=(const outgoing_http&) = delete;
    ~outgoing_http();

    [[nodiscard]] handlers::outgoing_permit enter(const std::string& owner) override;
    [[nodiscard]] handlers::task<handlers::outgoing_answer> post(const handlers::outgoing_request& what,
                                                                 handlers::outgoing_permit permit) override;

private:
    struct content;
    std::unique_ptr<content> content_;
};

} // namespace doorward::server
