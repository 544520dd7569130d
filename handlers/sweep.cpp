#include "handlers/sweep.hpp"
#include "handlers/registration_access.hpp"
#include "registry/changes.hpp"

namespace doorward::handlers {

task<bool> sweep(services& svc)
{
    std::vector<registry::full_registration> late;
    registry::erase_due erasing;
    std::size_t found = 0;
    const auto now = svc.clock.now();
    svc.store.view([&](const kv::read_txn& txn) {
        for (registry::due_row& row : registry::find_due(txn, now, registry::sweep_rows_max)) {
            ++found;
            if (row.kind != registry::due_kind::registration) {
                erasing.rows.push_back(std::move(row));
                continue;
            }
            const auto number = crypto::from_big_endian<registry::registration_number>(row.what);
            if (auto registration = registry::find_full(txn, number))
                late.push_back(*std::move(registration));
        }
    });
    // What cannot be written now is still due at the next pass.
    const auto expired = co_await expire(std::move(late), svc);
    if (expired)
        co_return false;
    if (!erasing.rows.empty()) {
        const auto erased = co_await commit(svc, erasing);
        if (erased)
            co_return false;
    }
    co_return found == registry::sweep_rows_max;
}

} // namespace doorward::handlers
