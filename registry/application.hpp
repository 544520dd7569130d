#pragma once

#include "crypto/p256.hpp"
#include "registry/limits.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace doorward::registry {

/// One mobile application, as it lies in the store.
struct stored_application {
    std::string id;
    std::vector<std::string> roles;
    crypto::point_bytes master_key{}; // KEY_SERVER_MASTER, public half
    crypto::bytes sealed_master_key;  // its private half, sealed
    bool count_only_if_possession_proven = true;
    time_ms created_at = 0;
    std::uint16_t unproven_per_minute = unproven_per_minute_default; // noise on one registration; 0: not throttled

    bool operator==(const stored_application&) const = default;
};

/// One version of it: what is compiled into the app.
struct stored_application_version {
    std::string application_id;
    std::string key;             // APP_KEY, Base64 text of 16 bytes
    crypto::bytes sealed_secret; // APP_SECRET, Base64 text of 16 bytes, sealed
    bool supported = true;

    bool operator==(const stored_application_version&) const = default;
};

struct application_version {
    std::string key;
    std::string secret; // Base64 text, as signatures and envelopes use it
    bool supported;
};

/// An application in memory, its secrets opened. Immutable; replaced as a whole.
struct application {
    std::string id;
    std::vector<std::string> roles;
    crypto::p256_private_key master_key;
    std::vector<application_version> versions;
    bool count_only_if_possession_proven;
    time_ms created_at;
    unsigned unproven_per_minute;
};

/// The one-string configuration that SDKs since 1.9 take (PROTOCOL.md section 2).
///
///     01  COUNT(16) APP_KEY  COUNT(16) APP_SECRET  COUNT(1)  01  COUNT(n) point      in Base64
[[nodiscard]] std::string sdk_config(std::string_view key_base64, std::string_view secret_base64,
                                     crypto::bytes_view master_point);

/// 1 to 64 of A-Z a-z 0-9 . _ -
[[nodiscard]] bool is_application_id(std::string_view text) noexcept;

} // namespace doorward::registry
