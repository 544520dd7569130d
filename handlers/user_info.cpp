// POST /pa/v3/user/info (PROTOCOL.md 11.10): encrypted in activation scope, not signed.
//
//     phone  -> envelope {}
//     server -> envelope { sub, and the claims that the back office has set }

#include "handlers/encrypted_request.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/user_claims.hpp"

namespace doorward::handlers {

task<response> show_user_info(const call& asked, services& svc)
{
    const auto parameters = parameters_of(asked.req);
    const auto refuse = [&](const kv::error_code& why) {
        return refuse_encrypted(svc, asked.req, parameters, why, device_problem::encryption_failed);
    };
    if (!parameters)
        co_return refuse(make_error_code(registry::errc::envelope_malformed));
    auto encrypted = encrypted_request::find(svc, *parameters, encryption_scope::activation);
    if (!encrypted)
        co_return refuse(encrypted.error());
    const auto envelope = receive_envelope(asked.req.body, encrypted->version());
    if (!envelope)
        co_return refuse(envelope.error());
    const auto opened = encrypted->open(svc, *envelope, registry::envelope_use::activation);
    if (!opened)
        co_return refuse(opened.error());
    if (const auto ec = co_await remember(svc, *encrypted))
        co_return refuse(ec);
    co_return sealed_answer(svc, *opened, user_info(svc, encrypted->registration().record));
}

} // namespace doorward::handlers
