// GET /v2/registrations/{id} and GET /v2/registrations?userId= (REGISTRATION-API.md R3 and R2)

#include "handlers/page.hpp"
#include "handlers/problem.hpp"
#include "handlers/registration_access.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

// Each pass writes up to sweep_rows_max registrations as removed; what is left after these the sweep does.
constexpr int expiry_passes_max = 8;

struct list_filter {
    std::string user_id;
    bool removed = false;
    std::string application_id;          // empty: all that the account sees
    std::vector<registry::state> states; // empty: all
    page_request page;
};

list_filter decode_filter(std::string_view query, std::vector<violation>& violations)
{
    list_filter out;
    const auto parameters = decode_query(query, violations);
    for (const auto& [name, value] : parameters) {
        if (name == "userId") {
            out.user_id = value;
        } else if (name == "removed") {
            out.removed = decode_boolean(name, value, violations);
        } else if (name == "appId") {
            out.application_id = value;
        } else if (name == "status") {
            const auto parsed = registry::parse_state(value);
            if (parsed) {
                out.states.push_back(*parsed);
                out.removed = out.removed || *parsed == registry::state::removed;
            } else {
                violations.push_back({name, echo(value), "must be a registration status"});
            }
        }
    }
    out.page = decode_page(parameters, violations);
    if (out.user_id.empty() || out.user_id.size() > registry::user_id_bytes_max ||
        out.user_id.find('\0') != std::string::npos)
        violations.push_back({"userId", "", "is required: 1 to 255 bytes"});
    return out;
}

struct list_page {
    std::vector<registry::full_registration> rows;
    std::vector<registry::full_registration> late; // to be expired first
    std::optional<std::uint64_t> next;
};

list_page read_page(services& svc, const list_filter& filter, const registry::account& who)
{
    const auto now = svc.clock.now();
    return svc.journal.view([&](const registry::snapshot& txn) {
        list_page out;
        const auto wanted = [&](const registry::full_registration& found) {
            return who.may_see(found.record.application_id) &&
                   (filter.application_id.empty() || filter.application_id == found.record.application_id) &&
                   (filter.removed || found.current() != registry::state::removed) &&
                   (filter.states.empty() || std::ranges::find(filter.states, found.current()) != filter.states.end());
        };
        std::size_t scanned = 0;
        registry::scan_user(txn, filter.user_id, filter.page.before, [&](registry::registration_number number) {
            if (++scanned > registry::page_scan_rows_max) {
                out.next = number + 1;
                return false;
            }
            auto found = registry::find_full(txn, number);
            if (!found)
                return true;
            if (found->is_expired(now) && who.may_see(found->record.application_id)) {
                out.late.push_back(*std::move(found));
                return out.late.size() < registry::sweep_rows_max; // these first; the page is read again
            }
            if (!wanted(*found))
                return true;
            if (out.rows.size() == filter.page.limit) {
                out.next = out.rows.back().number;
                return false;
            }
            out.rows.push_back(*std::move(found));
            return true;
        });
        return out;
    });
}

} // namespace

task<response> show_registration(const call& asked, services& svc)
{
    const auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());
    const auto application = svc.directory.find_application(found->record.application_id);
    json_writer out;
    out.object();
    write_registration(out, *found, application.get());
    response answer;
    answer.body = out.end().text();
    co_return answer;
}

task<response> list_registrations(const call& asked, services& svc)
{
    std::vector<violation> violations;
    const auto filter = decode_filter(asked.req.query, violations);
    if (!violations.empty())
        co_return problem(violations);

    auto page = read_page(svc, filter, *asked.who);
    for (int pass = 0; !page.late.empty() && pass < expiry_passes_max; ++pass) {
        const auto expired = co_await expire(std::move(page.late), svc);
        if (!expired)
            co_return problem(expired.error());
        page = read_page(svc, filter, *asked.who);
    }
    json_writer out;
    out.object().key("registrations").array();
    for (const registry::full_registration& each : page.rows) {
        out.object();
        write_registration(out, each, nullptr);
        out.end();
    }
    out.end();
    if (page.next)
        out.member("nextCursor", write_cursor(*page.next));
    response answer;
    answer.body = out.end().text();
    co_return answer;
}

} // namespace doorward::handlers
