#include "handlers/target_search.hpp"
#include "handlers/read_aside.hpp"
#include "registry/limits.hpp"

namespace doorward::handlers {
namespace {

// The registrations of one snapshot, and where the search goes on below; nothing at the end.
struct search_part {
    std::size_t matched = 0;
    std::size_t looked_at = 0;
    std::vector<registry::registration_number> numbers;
    std::optional<registry::registration_number> next;
};

search_part look(const services& svc, const target_question& question, registry::registration_number before,
                 std::size_t kept)
{
    search_part out;
    const auto now = svc.clock.now();
    svc.journal.view([&](const registry::snapshot& txn) {
        question.scan(txn, before, [&](registry::registration_number number) {
            if (out.looked_at == registry::page_scan_rows_max) {
                out.next = number + 1;
                return false;
            }
            ++out.looked_at;
            const auto found = registry::find_full(txn, number);
            if (!found || found->is_expired(now) || !question.visible(found->record) ||
                !question.criteria.matches(*found))
                return true;
            ++out.matched;
            if (kept + out.numbers.size() < question.kept_max)
                out.numbers.push_back(number);
            return question.count_on || kept + out.matched <= question.kept_max;
        });
    });
    return out;
}

} // namespace

task<kv::result<found_targets>> search_targets(services& svc, target_question question)
{
    found_targets out;
    for (registry::registration_number before = 0;;) {
        auto part = [&svc, &question, before, kept = out.numbers.size()] { return look(svc, question, before, kept); };
        const auto found = co_await read_aside(svc, std::move(part));
        if (!found)
            co_return found.error();
        out.matched += found->matched;
        out.looked_at += found->looked_at;
        out.numbers.insert(out.numbers.end(), found->numbers.begin(), found->numbers.end());
        if (!found->next)
            co_return out;
        if (out.looked_at >= registry::bulk_looked_at_max) {
            out.complete = false;
            co_return out;
        }
        before = *found->next;
    }
}

} // namespace doorward::handlers
