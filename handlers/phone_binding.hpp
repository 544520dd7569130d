#pragma once

#include "handlers/services.hpp"
#include "registry/binding.hpp"

namespace doorward::handlers {

// What the two ways of activating a phone have in common: by code (create_activation.cpp) and by a provider
// (custom_activation.cpp).

/// What a phone tells in the inner layer of a key exchange (PROTOCOL.md 11.3).
struct phone_details {
    crypto::p256_public_key device_key;
    std::string name;
    std::string extras;
    std::optional<std::string> otp;
    std::string platform; // lower case
    std::string device_info;
};

/// Empty when something is missing or malformed.
[[nodiscard]] std::optional<phone_details> decode_phone(std::string_view json);

/// Draws the server key of a registration and derives the keys that the two have in common.
///
/// cost  one key pair, one ECDH
[[nodiscard]] registry::binding bind_phone(const services& svc, const registry::uuid& id, const phone_details& phone,
                                           registry::protocol_version version);

/// What the phone gets to know of the registration that is its own now. On disk.
struct bound_phone {
    registry::uuid id;
    crypto::point_bytes server_key;
    registry::ctr_data counter;
    std::string user_info; // JSON object
};

} // namespace doorward::handlers
