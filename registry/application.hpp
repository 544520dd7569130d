#pragma once

#include "crypto/p256.hpp"
#include "crypto/secret.hpp"
#include "registry/application_settings.hpp"

#include <memory>

namespace doorward::registry {

/// A KEY_SERVER_MASTER of an application, as it lies in the store.
struct stored_master_key {
    crypto::point_bytes point{}; // its public half: what is compiled into versions
    crypto::bytes sealed;        // its private half, sealed
    time_ms created_at = 0;

    bool operator==(const stored_master_key&) const = default;
};

/// One mobile application, as it lies in the store.
struct stored_application {
    std::string id;
    // Oldest first, at least one. New versions are built with the newest.
    std::vector<stored_master_key> master_keys = std::vector<stored_master_key>(1);
    std::uint8_t signing = 0; // which of them signs what is shown to phones of any version
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
    // Of the master key that it was built with, which may be gone. None: nobody wrote it down; it is the only one.
    std::optional<crypto::point_bytes> master_key{};

    bool operator==(const stored_application_version&) const = default;
};

struct application_version {
    std::string key;
    std::string secret; // Base64 text, as signatures and envelopes use it
    bool supported;
    time_ms created_at; // 0: nobody wrote it down
    crypto::point_bytes master_point;
    std::shared_ptr<const crypto::p256_private_key> master_key; // never null, even where its own is gone
};

/// A KEY_SERVER_MASTER of an application in memory.
struct master_key {
    std::shared_ptr<const crypto::p256_private_key> pair;
    time_ms created_at;
};

/// An application in memory, its secrets opened. Immutable; replaced as a whole.
struct application {
    std::string id;
    std::vector<master_key> master_keys;       // oldest first, at least one
    std::size_t signing;                       // which of them signs what is shown to phones of any version
    std::vector<application_version> versions; // oldest first, at least one
    time_ms created_at;
    application_settings settings;
    std::optional<crypto::secret_bytes> provider_secret;

    /// The one to be compiled into the next app: the newest that is supported, or else the newest.
    [[nodiscard]] const application_version& current_version() const noexcept;

    /// Signs activation codes, and payloads for phones without a network.
    [[nodiscard]] const crypto::p256_private_key& signing_key() const noexcept { return *master_keys[signing].pair; }
};

/// What names a master key: the beginning of the SHA-256 of its public half, uncompressed, in hexadecimal.
[[nodiscard]] std::string master_key_id(const crypto::point_bytes& point);
inline constexpr std::size_t master_key_id_characters = 16;

/// The one-string configuration that SDKs since 1.9 take (PROTOCOL.md section 2).
///
///     01  COUNT(16) APP_KEY  COUNT(16) APP_SECRET  COUNT(1)  01  COUNT(n) point      in Base64
[[nodiscard]] std::string sdk_config(std::string_view key_base64, std::string_view secret_base64,
                                     crypto::bytes_view master_point);

/// 1 to 64 of A-Z a-z 0-9 . _ -
[[nodiscard]] bool is_application_id(std::string_view text) noexcept;

} // namespace doorward::registry
