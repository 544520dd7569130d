#pragma once

#include "crypto/p256.hpp"
#include "crypto/secret.hpp"
#include "registry/application_settings.hpp"

#include <memory>

namespace doorward::registry {

/// One mobile application, as it lies in the store.
struct stored_application {
    std::string id;
    crypto::point_bytes master_key{}; // KEY_SERVER_MASTER, public half
    crypto::bytes sealed_master_key;  // its private half, sealed
    time_ms created_at = 0;
    std::uint16_t versions = 1; // count of its versions, so that adding one need not count them
    application_settings settings;
    crypto::bytes sealed_provider_secret; // empty: none

    bool operator==(const stored_application&) const = default;
};

/// One version of it: what is compiled into the app.
struct stored_application_version {
    std::string application_id;
    std::string key;             // APP_KEY, Base64 text of 16 bytes
    crypto::bytes sealed_secret; // APP_SECRET, Base64 text of 16 bytes, sealed
    bool supported = true;
    time_ms created_at = 0;

    bool operator==(const stored_application_version&) const = default;
};

struct application_version {
    std::string key;
    std::string secret; // Base64 text, as signatures and envelopes use it
    bool supported;
    time_ms created_at; // 0: nobody wrote it down
};

/// An application in memory, its secrets opened. Immutable; replaced as a whole.
struct application {
    std::string id;
    crypto::p256_private_key master_key;
    std::vector<application_version> versions; // oldest first, at least one
    time_ms created_at;
    application_settings settings;
    std::optional<crypto::secret_bytes> provider_secret;

    /// The one to be compiled into the next app: the newest that is supported, or else the newest.
    [[nodiscard]] const application_version& current_version() const noexcept;
};

/// The one-string configuration that SDKs since 1.9 take (PROTOCOL.md section 2).
///
///     01  COUNT(16) APP_KEY  COUNT(16) APP_SECRET  COUNT(1)  01  COUNT(n) point      in Base64
[[nodiscard]] std::string sdk_config(std::string_view key_base64, std::string_view secret_base64,
                                     crypto::bytes_view master_point);

/// 1 to 64 of A-Z a-z 0-9 . _ -
[[nodiscard]] bool is_application_id(std::string_view text) noexcept;

} // namespace doorward::registry
