#include "registry/job.hpp"
#include "registry/codec.hpp"
#include "registry/limits.hpp"

namespace doorward::registry {
namespace {

crypto::bytes user_place(const uuid& job_id)
{
    return seal_place("jobs", job_id.view(), "user");
}

} // namespace

std::string_view to_text(job_kind value) noexcept
{
    switch (value) {
    case job_kind::block:
        return "BLOCK";
    case job_kind::unblock:
        return "UNBLOCK";
    case job_kind::remove:
        return "REMOVE";
    case job_kind::add_flags:
        return "ADD_FLAGS";
    case job_kind::remove_flags:
        return "REMOVE_FLAGS";
    case job_kind::remove_user:
        return "REMOVE_USER";
    case job_kind::erase_user:
        return "ERASE_USER";
    }
    return "UNKNOWN";
}

std::optional<job_kind> parse_job_kind(std::string_view text) noexcept
{
    for (const job_kind candidate : all_job_kinds) {
        if (to_text(candidate) == text)
            return candidate;
    }
    return std::nullopt;
}

std::string_view to_text(job_state value) noexcept
{
    switch (value) {
    case job_state::running:
        return "RUNNING";
    case job_state::done:
        return "DONE";
    case job_state::cancelled:
        return "CANCELLED";
    }
    return "UNKNOWN";
}

std::string_view to_text(job_problem value) noexcept
{
    switch (value) {
    case job_problem::not_found:
        return "ERROR_REGISTRATION_NOT_FOUND";
    case job_problem::illegal_change:
        return "ERROR_REGISTRATION_CHANGE";
    case job_problem::too_many_flags:
        return "ERROR_REQUEST";
    }
    return "UNKNOWN";
}

void job::fail(const uuid& registration, job_problem why)
{
    ++failed;
    if (failures.size() < job_failures_max)
        failures.push_back({registration, why});
}

crypto::bytes seal_user(const crypto::sealer& with, const uuid& job_id, std::string_view user_id)
{
    return with.seal(crypto::as_bytes(user_id), user_place(job_id));
}

std::string open_user(const crypto::sealer& with, const uuid& job_id, const job& record)
{
    const auto user_id = with.open(record.sealed_user, user_place(job_id));
    if (!user_id)
        throw record_fault{"a job whose user does not open"};
    return std::string{crypto::as_text(user_id->view())};
}

} // namespace doorward::registry
