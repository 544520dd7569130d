#include "handlers/noise.hpp"
#include "handlers/problem.hpp"

#include <cassert>

namespace doorward::handlers {

namespace {

unsigned per_minute_of(const noise_origin& origin)
{
    return origin.application != nullptr ? origin.application->settings.unproven_per_minute
                                         : registry::unproven_per_minute_default;
}

} // namespace

registry::time_ms spend_noise(services& svc, const noise_origin& origin)
{
    const auto* const address = origin.from == sender::phone ? &origin.source : nullptr;
    return svc.noise.spend(origin.id, address, per_minute_of(origin), svc.clock.now());
}

noise_deposit::noise_deposit(services& svc, const noise_origin& origin)
    : svc_{svc}, origin_{origin}, wait_{spend_noise(svc, origin)}, held_{wait_ == 0}
{
    assert(origin.id == nullptr && origin.from == sender::phone);
}

noise_deposit::~noise_deposit()
{
    if (held_)
        svc_.noise.give_back(origin_.source, per_minute_of(origin_), svc_.clock.now());
}

void count_noise(services& svc, registry::registration_number number, const registry::source_address& source)
{
    svc.noise_counts.count(number, source, svc.clock.now());
    svc.counts.count(attempt_kind::noise);
}

response answer_noise(services& svc, const request& req, const std::optional<registry::uuid>& id,
                      const registry::application* application, response otherwise)
{
    const auto number =
        id ? svc.journal.view([&id](const registry::snapshot& txn) { return registry::find_number(txn, *id); })
           : std::nullopt;
    count_noise(svc, number.value_or(0), req.source);
    const auto wait = spend_noise(svc, {id ? &*id : nullptr, application, req.source});
    return wait > 0 ? too_much_noise(wait) : otherwise;
}

} // namespace doorward::handlers
