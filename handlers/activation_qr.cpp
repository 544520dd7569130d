// GET /v2/registrations/{id}/activation-qr: the picture that a phone scans

#include "handlers/problem.hpp"
#include "handlers/qr_code.hpp"
#include "handlers/registration_access.hpp"
#include "registry/errc.hpp"

namespace doorward::handlers {

task<response> show_activation_qr(const call& asked, services& svc)
{
    const auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());
    const auto application = svc.directory.find_application(found->record.application_id);
    if (found->current() != registry::state::created || !application)
        co_return problem(make_error_code(registry::errc::illegal_change));
    response answer;
    answer.body = qr_code_svg(sign_activation_code(*application, found->record.activation_code).qr_data);
    answer.content_type = "image/svg+xml";
    co_return answer;
}

} // namespace doorward::handlers
