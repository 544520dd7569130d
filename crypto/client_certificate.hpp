#pragma once

#include "crypto/secret.hpp"

#include <memory>
#include <optional>
#include <vector>

struct x509_st;
struct evp_pkey_st;

namespace doorward::crypto {

/// What a client shows in TLS: its certificate, those above it, and the private key. Immutable; any thread.
class client_certificate {
public:
    /// chain  certificates as PEM, the client's own first, at most certificates_max
    /// key    its private key as PEM, not encrypted
    /// returns  empty when one of them cannot be read, there is none, or they do not belong together
    [[nodiscard]] static std::optional<client_certificate> parse(std::string_view chain, bytes_view key);

    static constexpr std::size_t certificates_max = 8;

    [[nodiscard]] x509_st* own() const noexcept { return chain_.front().get(); }
    /// Those above it.
    [[nodiscard]] std::vector<x509_st*> others() const;
    [[nodiscard]] evp_pkey_st* key() const noexcept { return key_.get(); }

private:
    client_certificate() = default;

    struct release {
        void operator()(x509_st* what) const noexcept;
        void operator()(evp_pkey_st* what) const noexcept;
    };
    std::vector<std::unique_ptr<x509_st, release>> chain_;
    std::unique_ptr<evp_pkey_st, release> key_;
};

} // namespace doorward::crypto
