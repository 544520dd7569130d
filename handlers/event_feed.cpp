// GET /v2/events and GET /v2/events/stream (REGISTRATION-API.md M4)

#include "handlers/event_feed.hpp"
#include "crypto/secret.hpp"
#include "handlers/authenticate.hpp"
#include "handlers/event_json.hpp"
#include "handlers/page.hpp"
#include "handlers/problem.hpp"
#include "handlers/read_aside.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <iterator>

namespace doorward::handlers {
namespace {

using registry::event_sequence;
using std::chrono::steady_clock;

event_page read_events(const services& svc, const registry::account& who, event_sequence after, std::size_t limit,
                       std::size_t looked_at_max)
{
    return svc.journal.view([&](const registry::snapshot& txn) {
        event_page out;
        out.next = after;
        out.at_end = true;
        out.last = registry::last_event(txn).sequence;
        std::size_t looked_at = 0;
        registry::scan_events(txn, after, [&](const registry::stored_event& each) {
            if (looked_at == looked_at_max || out.rows.size() == limit) {
                out.at_end = false;
                return false;
            }
            ++looked_at;
            out.next = each.place.sequence;
            if (who.may_see(each.what.application_id))
                out.rows.push_back(each);
            return true;
        });
        return out;
    });
}

struct feed_request {
    std::optional<event_sequence> after;
    std::size_t limit = registry::page_rows_default;
    std::chrono::seconds wait{0};
};

constexpr auto sequence_max = std::numeric_limits<std::int64_t>::max(); // of what clients send

feed_request decode_feed(std::string_view query, std::vector<violation>& violations)
{
    feed_request out;
    for (const auto& [name, value] : decode_query(query, violations)) {
        if (name == "after") {
            const auto after = decode_number(name, value, 0, sequence_max, violations);
            out.after = static_cast<event_sequence>(after.value_or(0));
        } else if (name == "limit") {
            const auto limit = decode_number(name, value, 1, registry::page_rows_max, violations);
            out.limit = static_cast<std::size_t>(limit.value_or(1));
        } else if (name == "wait") {
            out.wait =
                std::chrono::seconds{decode_number(name, value, 0, event_wait_max.count(), violations).value_or(0)};
        }
    }
    return out;
}

response to_response(const event_page& page)
{
    json_writer out;
    out.object().key("events").array();
    for (const registry::stored_event& each : page.rows)
        write_event(out, each);
    out.end().member("next", page.next).member("last", page.last);
    response answer;
    answer.body = out.end().text();
    return answer;
}

class event_stream final : public response_stream {
public:
    event_stream(services& svc, std::shared_ptr<const registry::account> who, event_sequence after,
                 std::unique_ptr<event_bell::place> place, std::chrono::milliseconds heartbeat, stream_secret secret)
        : svc_{svc},
          who_{std::move(who)},
          after_{after},
          place_{std::move(place)},
          heartbeat_{heartbeat},
          secret_{std::move(secret)}
    {}
    ~event_stream() override
    {
        crypto::wipe(secret_.bearer.data(), secret_.bearer.size());
        crypto::wipe(secret_.session.data(), secret_.session.size());
    }

    task<std::string> next() override
    {
        if (!std::exchange(begun_, true)) { // tells at once that the stream is there
            std::string greeting = "retry: 1000\n\n";
            co_return greeting;
        }
        const auto until = steady_clock::now() + heartbeat_;
        while (!svc_.bell.is_closed() && follow_account()) {
            auto page = co_await next_events(svc_, who_, after_, event_rows_at_once);
            if (!page)
                break; // the reader comes again, and finds where to go on
            after_ = page->next;
            std::string piece;
            if (!page->rows.empty())
                piece = write(*page);
            else if (steady_clock::now() >= until)
                piece = heartbeat();
            if (!piece.empty())
                co_return piece;
            if (page->at_end)
                co_await place_->wait(until);
        }
        co_return std::string{};
    }

private:
    std::shared_ptr<const registry::account> account_now()
    {
        if (!secret_.session.empty()) // that a page listens is no sign that somebody sits before it
            return svc_.sessions
                .find(secret_.session, svc_.directory, svc_.clock.now(), console_sessions::use::unnoticed)
                .who;
        return secret_.bearer.empty() ? svc_.directory.find_account(who_->username)
                                      : svc_.directory.find_token_owner(secret_.bearer, svc_.clock.now());
    }

    // What the account may see follows its applications. With another password or role it has to come again.
    bool follow_account()
    {
        auto now = account_now();
        const bool same =
            now && now->enabled && now->password_hash == who_->password_hash && now->its_role == who_->its_role;
        if (same)
            who_ = std::move(now);
        return same;
    }

    std::string write(const event_page& page)
    {
        std::string out;
        for (const registry::stored_event& each : page.rows) {
            json_writer json;
            write_event(json, each);
            out += "id: " + std::to_string(each.place.sequence) + "\ndata: " + json.text() + "\n\n";
        }
        told_ = page.rows.back().place.sequence;
        return out;
    }

    // A comment. An id without data is no event either, but is where the reader begins again: it need not look at
    // the events of others twice.
    std::string heartbeat()
    {
        std::string out = ":\n";
        if (after_ != std::exchange(told_, after_))
            out += "id: " + std::to_string(after_) + "\n";
        return out + '\n';
    }

    services& svc_;
    std::shared_ptr<const registry::account> who_;
    event_sequence after_;
    event_sequence told_ = after_; // the reader knows it as the last one
    const std::unique_ptr<event_bell::place> place_;
    const std::chrono::milliseconds heartbeat_;
    stream_secret secret_;
    bool begun_ = false;
};

} // namespace

task<kv::result<event_page>> next_events(services& svc, std::shared_ptr<const registry::account> who,
                                         event_sequence after, std::size_t limit)
{
    auto near = read_events(svc, *who, after, std::min(limit, event_rows_at_once), event_rows_at_once);
    if (near.at_end || near.rows.size() == limit)
        co_return near;
    auto read = [&svc, who, from = near.next, rest = limit - near.rows.size()] {
        return read_events(svc, *who, from, rest, registry::page_scan_rows_max - event_rows_at_once);
    };
    auto far = co_await read_aside(svc, std::move(read));
    if (!far)
        co_return far.error();
    std::ranges::move(far->rows, std::back_inserter(near.rows));
    far->rows = std::move(near.rows);
    co_return *std::move(far);
}

std::shared_ptr<response_stream> make_event_stream(services& svc, std::shared_ptr<const registry::account> who,
                                                   event_sequence after, std::unique_ptr<event_bell::place> place,
                                                   std::chrono::milliseconds heartbeat, stream_secret secret)
{
    return std::make_shared<event_stream>(svc, std::move(who), after, std::move(place), heartbeat, std::move(secret));
}

task<response> list_events(const call& asked, services& svc)
{
    std::vector<violation> violations;
    const auto wanted = decode_feed(asked.req.query, violations);
    if (!violations.empty())
        co_return problem(violations);
    const auto until = steady_clock::now() + wanted.wait;
    std::unique_ptr<event_bell::place> place;
    if (wanted.wait.count() > 0) {
        const auto here = co_await boost::asio::this_coro::executor;
        place = svc.bell.enter(asked.who->username, here); // before the look at the store
        if (!place)
            co_return problem(office_problem::rate_limited);
    }
    for (event_sequence after = wanted.after.value_or(0);;) {
        auto page = co_await next_events(svc, asked.who, after, wanted.limit);
        if (!page)
            co_return problem(page.error());
        after = page->next;
        const bool wait = place && page->rows.empty() && page->at_end && steady_clock::now() < until;
        if (!wait || svc.bell.is_closed())
            co_return to_response(*page);
        co_await place->wait(until);
    }
}

task<response> stream_events(const call& asked, services& svc)
{
    std::vector<violation> violations;
    auto after = decode_feed(asked.req.query, violations).after;
    if (!asked.req.last_event_id.empty()) { // of a reader that comes again; the address is still that of the beginning
        const auto last = decode_number("Last-Event-ID", asked.req.last_event_id, 0, sequence_max, violations);
        after = static_cast<event_sequence>(last.value_or(0));
    }
    if (!violations.empty())
        co_return problem(violations);
    const auto here = co_await boost::asio::this_coro::executor;
    auto place = svc.bell.enter(asked.who->username, here);
    if (!place)
        co_return problem(office_problem::rate_limited);
    if (!after)
        after = svc.journal.view([](const registry::snapshot& txn) { return registry::last_event(txn).sequence; });
    response answer;
    answer.content_type = "text/event-stream";
    answer.headers.emplace_back("X-Accel-Buffering", "no"); // proxies that would collect it first
    answer.stream = make_event_stream(svc, asked.who, *after, std::move(place), event_heartbeat,
                                      {std::string{bearer_of(asked.req)}, std::string{session_of(asked.req)}});
    co_return answer;
}

} // namespace doorward::handlers
