#include "registry/report_claims.hpp"

namespace doorward::registry {

std::shared_ptr<const void> report_claims::claim(registration_number number, std::string attempt_id)
{
    key wanted{number, std::move(attempt_id)};
    {
        const std::lock_guard lock{mutex_};
        if (!claimed_.insert(wanted).second)
            return nullptr;
    }
    return {this, [this, wanted = std::move(wanted)](const void*) {
                const std::lock_guard lock{mutex_};
                claimed_.erase(wanted);
            }};
}

} // namespace doorward::registry
