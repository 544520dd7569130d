#include "handlers/work_thread.hpp"

#include <sys/resource.h>

namespace doorward::handlers {

work_thread::work_thread(kv::error_code busy, int niceness) : busy_{busy}, threads_{1}
{
    if (niceness > 0)
        boost::asio::post(threads_, [niceness] {
            // Of this thread alone, as Linux has it. Giving way needs no privilege.
            static_cast<void>(::setpriority(PRIO_PROCESS, 0, niceness));
        });
}

} // namespace doorward::handlers
