#include "handlers/custom_activation.hpp"
#include "crypto/random.hpp"
#include "handlers/user_claims.hpp"
#include "registry/changes.hpp"

namespace doorward::handlers {
namespace {

provider_question question_about(const custom_credentials& shown, const phone_details& phone,
                                 const registry::source_address& from)
{
    return {shown.type,   shown.identity, shown.custom_attributes, phone.platform, phone.device_info, phone.name,
            phone.extras, to_text(from)};
}

registry::create_registration new_registration(const services& svc, const registry::application& application,
                                               const recognised_user& user, const phone_details& phone,
                                               registry::protocol_version version)
{
    const auto now = svc.clock.now();
    registry::create_registration out;
    registry::registration& record = out.record;
    record.id = registry::uuid::random();
    record.application_id = application.id;
    record.user_id = user.user_id;
    record.max_failed_attempts = application.settings.max_failed_attempts;
    record.flags = user.flags;
    record.created_at = now;
    record.changed_at = now;
    record.expires_at = now + registry::registration_expiry_default_ms;
    out.first_counter = crypto::random_array<16>();
    out.reason = registry::reason::custom_activation;
    out.bound = bind_phone(svc, record.id, phone, version);
    if (!user.name.empty())
        out.bound->name = user.name;
    out.committed = user.commit;
    return out;
}

} // namespace

bool may_ask_provider(const registry::application& application, const custom_credentials& shown,
                      const phone_details& phone)
{
    return application.settings.provider && !shown.identity.empty() && !phone.otp;
}

task<kv::result<custom_activation>> activate_by_provider(services& svc, const registry::application& application,
                                                         const custom_credentials& shown, const phone_details& phone,
                                                         registry::protocol_version version, const request& req,
                                                         outgoing_permit permit)
{
    const auto question = question_about(shown, phone, req.source);
    auto user = co_await ask_provider(svc, application, question, req, std::move(permit));
    if (!user)
        co_return user.error();
    auto change = new_registration(svc, application, *user, phone, version);
    if (const auto ec = co_await commit(svc, change))
        co_return ec;
    co_return custom_activation{
        {change.record.id, change.bound->server_key, change.first_counter,
         user_info(svc, change.record, change.committed ? registry::state::active : registry::state::pending_commit)},
        std::move(user->custom_attributes)};
}

} // namespace doorward::handlers
