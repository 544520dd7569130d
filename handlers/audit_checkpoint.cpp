// GET /v2/audit/checkpoint

#include "handlers/checkpoint_json.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/problem.hpp"

namespace doorward::handlers {
namespace {

// Empty while the store has no key for it.
std::optional<std::string> sign_checkpoint(const services& svc)
{
    const auto now = svc.clock.now();
    return svc.journal.view([&](const registry::snapshot& txn) -> std::optional<std::string> {
        const auto key = registry::find_audit_key(txn, svc.sealer);
        if (!key)
            return std::nullopt;
        return write_checkpoint(registry::make_checkpoint(registry::last_event(txn), now, *key));
    });
}

} // namespace

task<response> audit_checkpoint(const call&, services& svc)
{
    auto text = sign_checkpoint(svc);
    if (!text) {
        registry::create_audit_key fresh{svc.sealer};
        if (const auto ec = co_await commit(svc, fresh))
            co_return problem(ec);
        text = sign_checkpoint(svc);
    }
    response answer;
    answer.body = text.value();
    co_return answer;
}

} // namespace doorward::handlers
