#pragma once

#include "handlers/http.hpp"
#include "handlers/json_reader.hpp"
#include "handlers/services.hpp"

namespace doorward::handlers {

/// A request on its way to its handler, with what routing found out.
struct call {
    const request& req;
    std::string first;                            // what stood for the first {} of the path, percent-decoded
    std::string second;                           // and for the second
    std::shared_ptr<const registry::account> who; // office side, where the endpoint asks for an account
    // Office side: If-Match, the versions of the registration that the change is meant for; none: any.
    std::optional<registry::expected_versions> expected{};
    unknown_members unknown = unknown_members::ignored; // what becomes of them in the body
    std::string third{};                                // what stood for the third {} of the path

    /// The same as attempts::change_state() takes it.
    [[nodiscard]] const registry::expected_versions* expected_versions() const noexcept
    {
        return expected ? &*expected : nullptr;
    }

    /// The actor that history rows name.
    [[nodiscard]] registry::actor actor(std::string external_user_id = {}) const;
};

/// What answers an endpoint.
using endpoint_handler = task<response>(const call& asked, services& svc);

/// The body of a request of the office side, see parse_json().
[[nodiscard]] inline std::optional<json_object> parse_body(const call& asked, std::vector<violation>& violations)
{
    return parse_json(asked.req.body, violations, asked.unknown);
}

/// Who asks for a change of applications or accounts, and when, for its event.
[[nodiscard]] inline registry::authorship authorship_of(const call& asked, const services& svc)
{
    return {asked.actor({}), svc.clock.now()};
}

// Device side (PROTOCOL.md section 11)
task<response> device_status(const call& asked, services& svc);
task<response> create_temporary_key(const call& asked, services& svc);
task<response> create_activation(const call& asked, services& svc);
task<response> activation_status(const call& asked, services& svc);
task<response> remove_activation(const call& asked, services& svc);
task<response> validate_signature(const call& asked, services& svc);
task<response> create_token(const call& asked, services& svc);
task<response> remove_token(const call& asked, services& svc);
task<response> unlock_vault(const call& asked, services& svc);
task<response> show_user_info(const call& asked, services& svc);
task<response> refuse_upgrade(const call& asked, services& svc);
task<response> refuse_recovery(const call& asked, services& svc);
task<response> show_own_registration(const call& asked, services& svc);
task<response> request_activation_code(const call& asked, services& svc);
task<response> record_pin_change(const call& asked, services& svc);
task<response> rename_own_registration(const call& asked, services& svc);
task<response> list_own_registrations(const call& asked, services& svc);
task<response> remove_own_registration(const call& asked, services& svc);

// Office side (REGISTRATION-API.md chapter 8)
task<response> create_application(const call& asked, services& svc);
task<response> list_applications(const call& asked, services& svc);
task<response> show_application(const call& asked, services& svc);
task<response> change_application(const call& asked, services& svc);
task<response> show_lockout_policy(const call& asked, services& svc);
task<response> put_lockout_policy(const call& asked, services& svc);
task<response> simulate_lockout(const call& asked, services& svc);
task<response> create_application_version(const call& asked, services& svc);
task<response> support_application_version(const call& asked, services& svc);
task<response> create_master_key(const call& asked, services& svc);
task<response> sign_with_master_key(const call& asked, services& svc);
task<response> remove_master_key(const call& asked, services& svc);
task<response> remove_application(const call& asked, services& svc);
task<response> show_sdk_config(const call& asked, services& svc);
task<response> create_user(const call& asked, services& svc);
task<response> list_users(const call& asked, services& svc);
task<response> show_user(const call& asked, services& svc);
task<response> change_user(const call& asked, services& svc);
task<response> remove_all_of_user(const call& asked, services& svc);
task<response> rotate_user(const call& asked, services& svc);
task<response> assign_user(const call& asked, services& svc);
task<response> unassign_user(const call& asked, services& svc);
task<response> create_account_token(const call& asked, services& svc);
task<response> list_account_tokens(const call& asked, services& svc);
task<response> remove_account_token(const call& asked, services& svc);
task<response> remove_account_tokens(const call& asked, services& svc);
task<response> set_user_claims(const call& asked, services& svc);
task<response> show_user_claims(const call& asked, services& svc);
task<response> remove_user_claims(const call& asked, services& svc);
task<response> create_registration(const call& asked, services& svc);
task<response> list_registrations(const call& asked, services& svc);
task<response> show_registration(const call& asked, services& svc);
task<response> commit_registration(const call& asked, services& svc);
task<response> change_registration(const call& asked, services& svc);
task<response> replace_otp(const call& asked, services& svc);
task<response> remove_registration(const call& asked, services& svc);
task<response> rename_registration(const call& asked, services& svc);
task<response> show_flags(const call& asked, services& svc);
task<response> add_flags(const call& asked, services& svc);
task<response> replace_flags(const call& asked, services& svc);
task<response> remove_flags(const call& asked, services& svc);
task<response> transfer_registration(const call& asked, services& svc);
task<response> find_users(const call& asked, services& svc);
task<response> show_activation_qr(const call& asked, services& svc);
task<response> list_children(const call& asked, services& svc);
task<response> lookup_registrations(const call& asked, services& svc);
task<response> edit_registration(const call& asked, services& svc);
task<response> explain_registration(const call& asked, services& svc);
task<response> change_many(const call& asked, services& svc);
task<response> list_jobs(const call& asked, services& svc);
task<response> show_job(const call& asked, services& svc);
task<response> cancel_job(const call& asked, services& svc);
task<response> remove_user(const call& asked, services& svc);
task<response> registration_history(const call& asked, services& svc);
task<response> verify_signature(const call& asked, services& svc);
task<response> create_personalized_payload(const call& asked, services& svc);
task<response> create_plain_payload(const call& asked, services& svc);
task<response> verify_offline_signature(const call& asked, services& svc);
task<response> verify_device_signature(const call& asked, services& svc);
task<response> verify_token(const call& asked, services& svc);
task<response> report_attempt(const call& asked, services& svc);
task<response> report_attempts(const call& asked, services& svc);
task<response> registration_attempts(const call& asked, services& svc);
task<response> show_lockout(const call& asked, services& svc);
task<response> reset_lockout(const call& asked, services& svc);
task<response> list_events(const call& asked, services& svc);
task<response> stream_events(const call& asked, services& svc);
task<response> audit_log(const call& asked, services& svc);
task<response> audit_checkpoint(const call& asked, services& svc);
task<response> make_backup(const call& asked, services& svc);
task<response> show_backup(const call& asked, services& svc);
task<response> show_stats(const call& asked, services& svc);
task<response> show_live_stats(const call& asked, services& svc);
task<response> show_metrics(const call& asked, services& svc);
task<response> create_webhook(const call& asked, services& svc);
task<response> list_webhooks(const call& asked, services& svc);
task<response> show_webhook(const call& asked, services& svc);
task<response> put_webhook(const call& asked, services& svc);
task<response> remove_webhook(const call& asked, services& svc);
task<response> rotate_webhook(const call& asked, services& svc);
task<response> try_webhook(const call& asked, services& svc);
task<response> list_deliveries(const call& asked, services& svc);
task<response> deliver_again(const call& asked, services& svc);
task<response> sign_in(const call& asked, services& svc);
task<response> show_session(const call& asked, services& svc);
task<response> sign_out(const call& asked, services& svc);
task<response> show_openapi(const call& asked, services& svc);
task<response> show_docs(const call& asked, services& svc);
task<response> show_docs_script(const call& asked, services& svc);
task<response> show_docs_style(const call& asked, services& svc);

// Both sides
task<response> show_liveness(const call& asked, services& svc);
task<response> show_readiness(const call& asked, services& svc);

} // namespace doorward::handlers
