#include "handlers/otp_check.hpp"
#include "crypto/password.hpp"
#include "handlers/slots.hpp"

namespace doorward::handlers {

task<kv::error_code> check_otp(services& svc, const registry::full_registration& waiting, bool due,
                               const std::optional<std::string>& given, const registry::actor& who,
                               std::optional<registry::otp_edition> checked)
{
    if (given.has_value() != due)
        co_return make_error_code(registry::errc::otp_required);
    if (!due)
        co_return kv::error_code{};

    auto check = [hash = waiting.record.otp_hash, otp = *given] { return crypto::verify_password(hash, otp); };
    auto pending = svc.otp_passwords.async_run(std::move(check), boost::asio::as_tuple(boost::asio::deferred));
    const auto [busy, right] = co_await std::move(pending);
    if (busy)
        co_return busy;
    if (right)
        co_return kv::error_code{};

    const auto slot = find_slot(svc, waiting.record.id);
    if (const auto ec = co_await heal(svc, slot))
        co_return ec;
    const auto now = svc.clock.now();
    if (waiting.is_expired(now)) // while it was being checked
        co_return make_error_code(registry::errc::illegal_change);
    auto failure = registry::attempts::fail_otp(slot, who, now, checked);
    if (!failure)
        co_return failure.error();
    const auto ec = co_await commit_transition(svc, std::move(*failure));
    co_return ec ? ec : make_error_code(registry::errc::otp_wrong);
}

} // namespace doorward::handlers
