#pragma once

#include "crypto/bytes.hpp"

#include <memory>

namespace doorward::crypto {

/// Overwrites memory in a way the compiler does not remove.
void wipe(void* data, std::size_t size) noexcept;

/// N secret bytes on the stack or inside an object, wiped when they go.
///
/// For keys that live as long as a request. Copies are wiped one by one; long-lived keys belong in guarded_key.
template <std::size_t N>
class secret {
public:
    secret() noexcept : bytes_{} {}
    explicit secret(bytes_view data) noexcept : bytes_{take<N>(data)} {}
    secret(const secret&) noexcept = default;
    secret& operator=(const secret&) noexcept = default;
    ~secret() { wipe(bytes_.data(), N); }

    [[nodiscard]] bytes_view view() const noexcept { return bytes_; }
    [[nodiscard]] byte* data() noexcept { return bytes_.data(); }
    [[nodiscard]] const byte* data() const noexcept { return bytes_.data(); }
    [[nodiscard]] static constexpr std::size_t size() noexcept { return N; }
    operator bytes_view() const noexcept { return bytes_; } // NOLINT: a secret is used wherever bytes are

private:
    byte_array<N> bytes_;
};

/// The 16-byte keys of the device protocol (PROTOCOL.md section 4).
using key16 = secret<16>;

/// Secret bytes of a length known at run time, wiped when they go. Movable, not copyable.
class secret_bytes {
public:
    secret_bytes() = default;
    explicit secret_bytes(std::size_t size) : bytes_(size) {}
    secret_bytes(secret_bytes&&) noexcept = default;
    secret_bytes& operator=(secret_bytes&& other) noexcept
    {
        bytes_.swap(other.bytes_);
        return *this;
    }
    secret_bytes(const secret_bytes&) = delete;
    secret_bytes& operator=(const secret_bytes&) = delete;
    ~secret_bytes() { wipe(bytes_.data(), bytes_.size()); }

    [[nodiscard]] bytes_view view() const noexcept { return bytes_; }
    [[nodiscard]] byte* data() noexcept { return bytes_.data(); }
    [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }

    /// Shrinks to the first `size` bytes; what is cut off is wiped.
    void truncate(std::size_t size) noexcept
    {
        wipe(bytes_.data() + size, bytes_.size() - size);
        bytes_.resize(size);
    }

private:
    bytes bytes_;
};

/// A 32-byte key in guarded memory: between two inaccessible pages, locked, read-only once loaded, wiped at the end.
///
/// One per process and purpose; each takes several memory mappings and some 29 microseconds.
class guarded_key {
public:
    static constexpr std::size_t size = 32;

    /// Copies the key in. The caller wipes its own copy. Throws std::bad_alloc.
    explicit guarded_key(std::span<const byte, size> key);
    guarded_key(const guarded_key&) = delete;
    guarded_key& operator=(const guarded_key&) = delete;
    ~guarded_key();

    [[nodiscard]] bytes_view view() const noexcept { return {data_, size}; }

private:
    byte* data_;
};

} // namespace doorward::crypto
