#pragma once

#include "handlers/http.hpp"
#include "handlers/services.hpp"

namespace doorward::handlers {

/// Whose connection a request came over. A back office speaks for many phones: noise that it passes on spends the
/// budget of the registration, but none of its address.
enum class sender : std::uint8_t { phone, back_office };

/// Where noise came from, and whom it names.
struct noise_origin {
    const registry::uuid* id = nullptr;                 // of the registration, whether or not there is one
    const registry::application* application = nullptr; // whose key it names; null: nobody's
    registry::source_address source;
    sender from = sender::phone;
};

/// Spends what one attempt that proved nothing costs (registry/noise_throttle.hpp).
///
/// Which limit applies is decided by the application that it names, whether or not the registration exists or belongs
/// to that application: otherwise the throttle would tell which ids exist.
/// returns  0 when there was room; otherwise how long until there is again
[[nodiscard]] registry::time_ms spend_noise(services& svc, const noise_origin& origin);

/// What an attempt would cost if it turns out to be noise, spent before that is known: for what is judged slowly, by
/// somebody else, many at once. Otherwise all that are being judged together would find the same room. Given back at
/// the end of its life unless it was forfeited.
class noise_deposit {
public:
    /// origin  of a phone, and of no registration; its application outlives this
    noise_deposit(services& svc, const noise_origin& origin);
    noise_deposit(const noise_deposit&) = delete;
    noise_deposit& operator=(const noise_deposit&) = delete;
    ~noise_deposit();

    /// 0: there was room. Otherwise nothing was spent, and how long until there is room again.
    [[nodiscard]] registry::time_ms wait() const noexcept { return wait_; }

    /// It was noise.
    void forfeit() noexcept { held_ = false; }

private:
    services& svc_;
    const noise_origin origin_;
    const registry::time_ms wait_;
    bool held_;
};

/// Puts it in the books of the audit (registry/noise_audit.hpp). number  of the registration; 0: there is none
void count_noise(services& svc, registry::registration_number number, const registry::source_address& source);

/// The answer to a phone's request that proved nothing and came without a signature: `otherwise`, and beyond a budget
/// 429. Counts and spends.
[[nodiscard]] response answer_noise(services& svc, const request& req, const std::optional<registry::uuid>& id,
                                    const registry::application* application, response otherwise);

} // namespace doorward::handlers
