#include "handlers/sweep.hpp"
#include "handlers/registration_access.hpp"
#include "handlers/slots.hpp"
#include "registry/changes.hpp"

namespace doorward::handlers {

task<bool> sweep(services& svc)
{
    // What the disk had no room for comes first: until it is written, memory is ahead of everything below.
    auto unsettled = svc.unsettled.take_some(registry::sweep_rows_max);
    if (!unsettled.empty()) {
        const auto still_full = co_await commit_transitions(svc, std::move(unsettled));
        if (still_full)
            co_return false;
    }

    std::vector<registry::full_registration> late;
    registry::erase_due erasing;
    std::size_t found = 0;
    const auto now = svc.clock.now();
    svc.journal.view([&](const registry::snapshot& txn) {
        for (registry::due_row& row : registry::find_due(txn, now, registry::sweep_rows_max)) {
            ++found;
            if (row.kind == registry::due_kind::registration) {
                const auto number = crypto::from_big_endian<registry::registration_number>(row.what);
                auto registration = registry::find_full(txn, number);
                if (registration && registration->is_expired(now)) {
                    late.push_back(*std::move(registration));
                    continue;
                }
            }
            erasing.rows.push_back(std::move(row)); // also of a registration that was finished meanwhile
        }
    });

    // What cannot be written now is still due at the next pass.
    const auto expired = co_await expire(std::move(late), svc);
    if (!expired)
        co_return false;
    const std::size_t erased_rows = erasing.rows.size();
    if (erased_rows > 0) {
        const auto erased = co_await commit(svc, erasing);
        if (erased)
            co_return false;
    }
    // Only when something was written: rows that wait for others must not keep this turning.
    const std::size_t written = *expired + erased_rows;
    co_return found == registry::sweep_rows_max&& written > 0;
}

} // namespace doorward::handlers
