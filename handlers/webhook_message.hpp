#pragma once

#include "crypto/client_certificate.hpp"
#include "handlers/services.hpp"
#include "registry/events.hpp"

namespace doorward::handlers {

// What is sent to receivers (REGISTRATION-API.md 1.8 and 8.6; Standard Webhooks):
//
//     POST   webhook-id, webhook-timestamp (seconds), webhook-signature, Idempotency-Key, X-Doorward-Event-Seq
//     { type, activationId, ... as many attributes as the webhook asks for }

/// A call to a receiver, with all that it refers to.
struct webhook_message {
    outgoing_request call;
    crypto::secret_bytes credentials;
    std::optional<crypto::client_certificate> certificate;

    webhook_message() = default;
    webhook_message(const webhook_message&) = delete;
    webhook_message& operator=(const webhook_message&) = delete;
};

/// The message that tells a receiver of an event, as registration and history are now. Empty when there is no such
/// event. errors  throws registry::record_fault: secrets that do not open
[[nodiscard]] std::unique_ptr<webhook_message> make_webhook_message(const services& svc, const registry::webhook& to,
                                                                    registry::event_sequence sequence,
                                                                    registry::time_ms now);

/// A message about nothing that happened, marked with "test": true. errors  as above
[[nodiscard]] std::unique_ptr<webhook_message> make_webhook_test(const services& svc, const registry::webhook& to,
                                                                 registry::time_ms now);

/// How a call ended, as deliveries remember it.
[[nodiscard]] registry::delivery_failure to_delivery_failure(outgoing_failure what) noexcept;

/// Whose calls all webhooks are, for outgoing_calls::enter(): no application has such an id.
inline constexpr std::string_view webhook_calls_owner = "webhooks:";

} // namespace doorward::handlers
