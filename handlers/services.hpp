#pragma once

#include "handlers/activation_provider.hpp"
#include "handlers/backup_work.hpp"
#include "handlers/concurrency_limit.hpp"
#include "handlers/console_sessions.hpp"
#include "handlers/credential_cache.hpp"
#include "handlers/event_bell.hpp"
#include "handlers/idempotency_keys.hpp"
#include "handlers/manners.hpp"
#include "handlers/meters.hpp"
#include "handlers/sign_in_throttle.hpp"
#include "handlers/statistics.hpp"
#include "handlers/task.hpp"
#include "handlers/webhook_work.hpp"
#include "handlers/work_thread.hpp"
#include "kv/async_commit.hpp"
#include "registry/activation_code.hpp"
#include "registry/attempts.hpp"
#include "registry/directory.hpp"
#include "registry/lockout_breaker.hpp"
#include "registry/noise_audit.hpp"
#include "registry/noise_throttle.hpp"
#include "registry/report_claims.hpp"
#include "registry/unsettled.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

namespace doorward::handlers {

/// Everything a handler may use, built once and outliving every request.
///
/// Coroutines take their parameters by value or by reference to something that outlives the request: this struct, the
/// request itself and what the session keeps for it.
struct services {
    registry::journal& journal; // and through it the store: journal.view()
    kv::writer& writer;
    const crypto::sealer& sealer;
    const registry::clock& clock;
    registry::directory& directory;
    registry::attempt_table& slots;
    const registry::attempts& attempts;
    registry::unsettled_transitions& unsettled;
    registry::report_claims& claims;
    work_thread& office_passwords; // of accounts
    work_thread& otp_passwords;    // of registrations; apart, so that neither can crowd out the other
    work_thread& lists;            // reads them
    credential_cache& credentials;
    registry::noise_throttle& noise;
    registry::noise_audit& noise_counts;
    registry::code_source& codes;
    outgoing_calls& outgoing;
    provider_reports& provider_failures;
    concurrency_limit& simulations; // of lockout policies
    registry::lockout_breaker& breaker;
    operator_log& log;
    event_bell& bell;
    idempotency_keys& idempotency;
    statistics& stats;
    webhook_work& webhooks;
    meters& counts;
    const transport_gauges& transport;
    backup_work& backups;
    console_sessions& sessions;
    sign_in_throttle& sign_ins;
    manners office_manners{};
};

/// Waits until a change is on disk or refused. What the change found out is in it afterwards.
template <class Change>
task<kv::error_code> commit(services& svc, Change& change)
{
    auto pending = kv::async_commit(svc.writer, std::move(change), boost::asio::as_tuple(boost::asio::deferred));
    auto [ec, settled] = co_await std::move(pending);
    change = std::move(settled);
    co_return ec;
}

} // namespace doorward::handlers
