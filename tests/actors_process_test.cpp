// Several actors at once on the same registrations, over all of the API, with kills at random moments; and then
// everything that tells of a registration must tell the same story: feed, history, detail, lists, and what the actors
// were answered.
//
// Who acts signs with an external user id of its own for each deed, so that its event can be found. A deed that was
// carried out has its event; one that was refused has none; one without an answer has one or none.
//
// DOORWARD_CRASH_ROUNDS  four of them are one kill here; DOORWARD_TEST_SEED  what is done and when the kill comes

#include "tests/process_support.hpp"
#include "tests/provider_server.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace {

using namespace doorward::tests;
using doorward::bench::device;
using doorward::bench::signature_type;

constexpr auto two_factors = signature_type::possession_knowledge;
constexpr std::uint64_t no_answer_any_more = 1'000'000;
constexpr std::size_t registrations_max = 24;

enum class kind { commit, block, unblock, rename, add_flag, replace_flags, reset_attempts, edit, remove };

struct deed {
    std::string tag; // the external user id
    kind what;
    std::string id;
    std::string told;           // the name, or the flag
    std::optional<bool> done{}; // none: no answer
};

// Registrations that all actors know.
class common_ground {
public:
    void add(std::string id, std::string user)
    {
        const std::scoped_lock hold{mutex_};
        all_.emplace_back(std::move(id), std::move(user));
    }
    [[nodiscard]] std::string any(std::mt19937_64& random) const
    {
        const std::scoped_lock hold{mutex_};
        return all_[random() % all_.size()].first;
    }
    // Mostly those that came last: the others are removed by and by.
    [[nodiscard]] std::string recent(std::mt19937_64& random) const
    {
        const std::scoped_lock hold{mutex_};
        const auto few = std::min<std::size_t>(all_.size(), 6);
        return all_[all_.size() - 1 - random() % few].first;
    }
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> all() const
    {
        const std::scoped_lock hold{mutex_};
        return all_;
    }
    [[nodiscard]] std::size_t size() const
    {
        const std::scoped_lock hold{mutex_};
        return all_.size();
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::pair<std::string, std::string>> all_; // ids and users; guarded by mutex_
};

// Counts the answers, so that a kill can come after so many of them.
struct answer_count {
    std::atomic<std::uint64_t> value{0};

    void add(std::uint64_t more = 1)
    {
        value.fetch_add(more);
        value.notify_all();
    }
    void wait_for(std::uint64_t wanted)
    {
        for (std::uint64_t seen = value.load(); seen < wanted; seen = value.load())
            value.wait(seen);
    }
};

std::string path(const std::string& id, std::string_view rest = {})
{
    return "/v2/registrations/" + id + std::string{rest};
}

office_answer perform(office_client& office, const deed& what)
{
    const json who{{"externalUserId", what.tag}};
    json body = who;
    switch (what.what) {
    case kind::commit:
        return office.ask("POST", path(what.id, "/commit"), who);
    case kind::block:
        body["change"] = "BLOCK";
        body["blockedReason"] = "LOST";
        return office.ask("PUT", path(what.id), body);
    case kind::unblock:
        body["change"] = "UNBLOCK";
        return office.ask("PUT", path(what.id), body);
    case kind::rename:
        body["name"] = what.told;
        return office.ask("PUT", path(what.id, "/name"), body);
    case kind::add_flag:
        body["flags"] = {what.told};
        return office.ask("POST", path(what.id, "/flags"), body);
    case kind::replace_flags:
        body["flags"] = {what.told};
        return office.ask("PUT", path(what.id, "/flags"), body);
    case kind::reset_attempts:
        body["reset"] = true;
        return office.ask("PUT", path(what.id, "/lockout"), body);
    case kind::edit:
        body["metadata"] = {{"note", what.told}};
        return office.ask("PATCH", path(what.id), body);
    case kind::remove:
        return office.ask("DELETE", path(what.id, "?externalUserId=" + what.tag));
    }
    throw std::logic_error{"unknown deed"};
}

kind draw_kind(std::mt19937_64& random)
{
    static constexpr std::array<kind, 20> often{
        kind::commit, kind::commit,  kind::commit,         kind::block,    kind::block,
        kind::block,  kind::unblock, kind::unblock,        kind::unblock,  kind::unblock,
        kind::rename, kind::rename,  kind::add_flag,       kind::add_flag, kind::replace_flags,
        kind::edit,   kind::edit,    kind::reset_attempts, kind::remove,   kind::reset_attempts};
    return often[random() % often.size()];
}

// A back office, a person at a console, ...: does one thing after the other until the server is gone.
void act(office_client office, const std::string& name, std::mt19937_64 random, const common_ground& ground,
         std::vector<deed>& book, answer_count& answers)
{
    try {
        for (std::size_t n = book.size();; ++n) {
            const std::string tag = name + "-" + std::to_string(n);
            // Whoever removes picks old ones, mostly, so that there is something left for the others.
            auto what = draw_kind(random);
            book.push_back({tag, what, what == kind::remove ? ground.any(random) : ground.recent(random), "by " + tag});
            const auto got = perform(office, book.back());
            if (got.status == 200)
                book.back().done = true;
            else if (got.status == 400 && got.body.at("responseObject").at("code") == "ERROR_REGISTRATION_CHANGE")
                book.back().done = false;
            else
                throw std::logic_error{"answered " + std::to_string(got.status) + ' ' + got.body.dump()};
            answers.add();
        }
    } catch (const std::logic_error&) {
        answers.add(no_answer_any_more);
        throw;
    } catch (const std::exception&) {
        answers.add(no_answer_any_more);
    }
}

// A user who gets phone after phone, proves and mistypes.
void live(const scene& bank, office_client office, const std::string& user, std::mt19937_64 random,
          common_ground& ground, answer_count& answers)
{
    try {
        doorward::bench::http_client client{bank.server.device_url()};
        while (true) {
            const auto made = office.post("/v2/registrations", {{"userId", user}, {"appId", bank.application_id}});
            if (ground.size() < registrations_max)
                ground.add(made.at("registrationId"), user);
            device phone = bank.new_phone();
            try {
                phone.activate(made.at("activationQrCodeData").get<std::string>(), right_pin);
            } catch (const doorward::bench::server_refused&) {
                continue; // somebody removed it
            }
            answers.add();
            for (int i = 0; i < 30; ++i) {
                const auto dice = random() % 100;
                if (dice < 60)
                    static_cast<void>(client.request(phone.make_validate_request(two_factors, right_pin)));
                else if (dice < 98)
                    static_cast<void>(client.request(phone.make_validate_request(two_factors, wrong_pin)));
                else
                    static_cast<void>(client.request(phone.make_remove_request(two_factors, right_pin)));
                answers.add();
            }
        }
    } catch (const std::exception&) {
        answers.add(no_answer_any_more);
    }
}

// Looks at registrations and remembers what it saw: versions never go back, and REMOVED stays.
void watch(office_client office, std::mt19937_64 random, const common_ground& ground, std::map<std::string, json>& seen,
           std::vector<std::string>& surprises, answer_count& answers)
{
    try {
        while (true) {
            const auto id = ground.any(random);
            auto now = office.detail(id);
            if (const auto before = seen.find(id); before != seen.end()) {
                if (now.at("version") < before->second.at("version"))
                    surprises.push_back(id + " went back from " + before->second.dump() + " to " + now.dump());
                if (before->second.at("registrationStatus") == "REMOVED" && now.at("registrationStatus") != "REMOVED")
                    surprises.push_back(id + " came back: " + now.dump());
            }
            seen[id] = std::move(now);
            answers.add();
        }
    } catch (const std::exception&) {
        answers.add(no_answer_any_more);
    }
}

// --- the story

// The model: what an event may follow, and what a registration is after it.
struct rule {
    std::string_view event;
    std::set<std::string_view> from; // empty: nothing was there before
    std::string_view to;             // empty: what was before
};
const rule rules[]{
    {"CREATE", {}, "CREATED"},
    {"EXCHANGE_KEYS", {"CREATED"}, "PENDING_COMMIT"},
    {"COMMIT", {"PENDING_COMMIT"}, "ACTIVE"},
    {"BLOCK", {"ACTIVE"}, "BLOCKED"},
    {"BLOCK_ON_FAILURES", {"ACTIVE"}, "BLOCKED"},
    {"UNBLOCK", {"BLOCKED"}, "ACTIVE"},
    {"REMOVE", {"CREATED", "PENDING_COMMIT", "ACTIVE", "BLOCKED"}, "REMOVED"},
    {"RENAME", {"PENDING_COMMIT", "ACTIVE", "BLOCKED"}, ""},
    {"CHANGE_FLAGS", {"CREATED", "PENDING_COMMIT", "ACTIVE", "BLOCKED"}, ""},
    {"EDIT", {"CREATED", "PENDING_COMMIT", "ACTIVE", "BLOCKED"}, ""},
    {"RESET_ATTEMPTS", {"ACTIVE", "BLOCKED"}, ""},
};

struct told_story {
    std::string status;
    std::uint64_t version = 0;
    std::optional<std::string> name{};
    json flags = json::array();
    std::string blocked_reason;
};

// What the events of a registration add up to; complains about the first that does not fit.
std::pair<told_story, std::string> retell(const std::vector<json>& events)
{
    told_story now;
    for (const json& each : events) {
        const std::string name = each.at("event");
        const auto found = std::ranges::find(rules, name, &rule::event);
        if (found == std::end(rules))
            return {now, "no rule for " + each.dump()};
        if (each.value("previousStatus", "") != now.status ||
            !(found->from.empty() ? now.status.empty() : found->from.contains(now.status)))
            return {now, "after " + now.status + ": " + each.dump()};
        if (!found->to.empty())
            now.status = found->to;
        if (each.at("registrationStatus") != now.status || each.at("version") <= now.version)
            return {now, "at version " + std::to_string(now.version) + ": " + each.dump()};
        now.version = each.at("version");
        now.blocked_reason = each.value("blockedReason", "");
        if (each.contains("name"))
            now.name = each.at("name");
        if (each.contains("flags"))
            now.flags = each.at("flags");
    }
    return {now, ""};
}

std::map<std::string, std::vector<json>> by_registration(const std::vector<json>& feed)
{
    std::map<std::string, std::vector<json>> out;
    for (const json& each : feed)
        if (each.contains("registrationId"))
            out[each.at("registrationId")].push_back(each);
    for (auto& [id, events] : out)
        std::ranges::sort(events, {}, [](const json& of) { return of.at("version").get<std::uint64_t>(); });
    return out;
}

// What feed, history, detail and list say of a registration; empty when they agree.
std::string disagreement(office_client& office, const std::string& id, const std::string& user,
                         const std::vector<json>& events)
{
    const auto [story, complaint] = retell(events);
    if (!complaint.empty())
        return complaint;
    const auto detail = office.detail(id);
    if (detail.at("registrationStatus") != story.status)
        return "the feed ends with " + story.status + ", but: " + detail.dump();
    if (detail.at("version") < story.version)
        return "a version older than " + std::to_string(story.version) + ": " + detail.dump();
    if (detail.value("blockedReason", "") != story.blocked_reason)
        return "the feed says " + story.blocked_reason + ", but: " + detail.dump();
    if (detail.value("flags", json::array()) != story.flags)
        return "the feed says " + story.flags.dump() + ", but: " + detail.dump();
    if (story.name && detail.value("name", "") != *story.name)
        return "the feed says " + *story.name + ", but: " + detail.dump();

    const auto rows = office.history(id);
    if (rows.size() != events.size())
        return std::to_string(rows.size()) + " rows of history and " + std::to_string(events.size()) + " events";
    for (std::size_t i = 0; i < rows.size(); ++i)
        for (const char* same : {"seq", "hash", "version", "event", "registrationStatus", "externalUserId", "account"})
            if (rows[i].value(same, json{}) != events[i].value(same, json{}))
                return "a row and its event: " + rows[i].dump() + ' ' + events[i].dump();

    std::size_t listed = 0;
    for (std::string next;;) {
        const auto page = office.get("/v2/registrations?removed=true&limit=1000&userId=" + user + next);
        for (const json& each : page.at("registrations"))
            if (each.at("registrationId") == id) {
                ++listed;
                for (const auto& [key, value] : each.items())
                    if (!detail.contains(key) || detail.at(key) != value)
                        return "the list says " + key + ' ' + value.dump() + ", but: " + detail.dump();
            }
        if (!page.contains("nextCursor"))
            break;
        next = "&cursor=" + page.at("nextCursor").get<std::string>();
    }
    return listed == 1 ? "" : "listed " + std::to_string(listed) + " times";
}

// What somebody else's server is told of, beside what the feed says of the same events.
class follower {
public:
    explicit follower(scene& bank) : bank_{bank}
    {
        receiver_.answer(200, "{}");
        path_ += '/' + bank.office
                           .post(path_, {{"name", "follower"},
                                         {"type", "REGISTRATION_STATUS_CHANGE"},
                                         {"callbackUrl", receiver_.url()},
                                         {"attributes", {"version", "activationStatus", "previousStatus"}},
                                         {"initialBackoff", 1000}})
                           .at("id")
                           .get<std::string>();
    }

    // Waits until it was told of all that is in the feed. Empty when that is what the feed says.
    std::string disagreement(const std::map<std::string, std::vector<json>>& stories)
    {
        static const std::set<std::string> told{"CREATE", "EXCHANGE_KEYS",     "COMMIT", "BLOCK",
                                                "REMOVE", "BLOCK_ON_FAILURES", "UNBLOCK"};
        std::set<std::string> wanted;
        std::uint64_t last = 0;
        for (const auto& [id, events] : stories)
            for (const json& each : events)
                if (told.contains(each.at("event"))) {
                    wanted.insert(line(id, each, "registrationStatus"));
                    last = std::max(last, each.at("seq").get<std::uint64_t>());
                }
        const auto deadline = std::chrono::steady_clock::now() + patience;
        while (bank_.office.get(path_).at("lastEventSeq") < last) {
            if (std::chrono::steady_clock::now() > deadline)
                return "webhooks come no further than " + bank_.office.get(path_).dump();
            std::this_thread::yield();
        }
        std::set<std::string> arrived;
        std::map<std::string, std::uint64_t> latest;
        for (const http_request& each : receiver_.requests()) {
            const auto body = json::parse(each.body);
            const std::string id = body.at("activationId");
            const auto version = body.at("version").get<std::uint64_t>();
            if (version < latest[id])
                return "webhooks of " + id + " out of order: " + body.dump();
            latest[id] = version;
            arrived.insert(line(id, body, "activationStatus"));
        }
        std::vector<std::string> differ;
        std::ranges::set_symmetric_difference(wanted, arrived, std::back_inserter(differ));
        return differ.empty() ? "" : std::to_string(differ.size()) + " differ, " + differ.front() + " first";
    }

private:
    static std::string line(const std::string& id, const json& of, const char* status)
    {
        return id + ' ' + of.at("version").dump() + ' ' + of.value("previousStatus", "") + ' ' +
               of.at(status).get<std::string>();
    }

    scene& bank_;
    doorward::tests::provider_server receiver_;
    std::string path_ = "/v2/admin/applications/bank/callbacks";
};

// Whether a deed that succeeded must have left an event: what was so already leaves none.
bool always_changes(kind what)
{
    return what == kind::commit || what == kind::rename || what == kind::add_flag || what == kind::edit;
}

} // namespace

BOOST_AUTO_TEST_SUITE(actors_process)

BOOST_AUTO_TEST_CASE(whatever_several_do_at_once_all_accounts_of_it_agree_after_every_kill)
{
    const auto rounds = std::max<std::uint64_t>(environment_number("DOORWARD_CRASH_ROUNDS", 20) / 4, 2);
    std::mt19937_64 random{test_seed()};
    scene bank{0};
    follower webhooks{bank};
    std::map<std::string, std::vector<deed>> books{{"office-1", {}}, {"office-2", {}}, {"support", {}}};
    std::map<std::string, json> seen;
    std::vector<std::string> surprises;
    std::size_t deeds_done = 0;

    for (std::uint64_t round = 0; round < rounds; ++round) {
        BOOST_TEST_CONTEXT("round " << round)
        {
            common_ground ground; // of this round; the checks are about all that there ever was
            for (const char* user : {"anna", "bert"})
                ground.add(bank.enroll(user).activation_id(), user);
            answer_count answers;
            const std::uint64_t deadly = 1 + random() % 400;
            std::vector<std::string> faults;
            std::mutex faults_mutex;
            std::vector<std::jthread> threads;
            for (auto& [name, book] : books)
                threads.emplace_back([&, who = name, into = &book, draws = std::mt19937_64{random()},
                                      office = name == "support" ? office_client{bank.server, bank.server.admin_name(),
                                                                                 bank.server.admin_password()}
                                                                 : bank.new_office()]() mutable {
                    try {
                        act(std::move(office), who, draws, ground, *into, answers);
                    } catch (const std::logic_error& fault) {
                        const std::scoped_lock hold{faults_mutex};
                        faults.push_back(who + ": " + fault.what());
                    }
                });
            for (const char* user : {"anna", "bert"})
                threads.emplace_back(
                    [&, user, draws = std::mt19937_64{random()}, office = bank.new_office()]() mutable {
                        live(bank, std::move(office), user, draws, ground, answers);
                    });
            threads.emplace_back([&, draws = std::mt19937_64{random()}, office = bank.new_office()]() mutable {
                watch(std::move(office), draws, ground, seen, surprises, answers);
            });
            answers.wait_for(deadly);
            bank.server.kill();
            threads.clear(); // joins them
            bank.server.start();
            BOOST_TEST(faults == std::vector<std::string>{}, boost::test_tools::per_element());
            BOOST_TEST(surprises == std::vector<std::string>{}, boost::test_tools::per_element());

            const auto feed = whole_feed(bank.admin);
            for (std::size_t i = 0; i < feed.size(); ++i)
                BOOST_TEST_REQUIRE(feed[i].at("seq") == i + 1);
            const auto stories = by_registration(feed);
            for (const auto& [id, user] : ground.all())
                BOOST_TEST(disagreement(bank.office, id, user, stories.at(id)) == "");
            BOOST_TEST(webhooks.disagreement(stories) == "");
            for (const auto& [id, last] : seen) {
                const auto now = bank.office.detail(id);
                BOOST_TEST(now.at("version") >= last.at("version"), now << " after " << last);
                if (last.at("registrationStatus") == "REMOVED")
                    BOOST_TEST(now.at("registrationStatus") == "REMOVED");
            }

            std::map<std::string, std::vector<const json*>> by_tag;
            for (const json& each : feed)
                if (each.contains("externalUserId"))
                    by_tag[each.at("externalUserId")].push_back(&each);
            for (const auto& [name, book] : books) {
                std::map<std::string, std::uint64_t> latest; // versions that this actor made, by registration
                for (const deed& each : book) {
                    const auto found = by_tag.find(each.tag);
                    const std::size_t events = found == by_tag.end() ? 0 : found->second.size();
                    BOOST_TEST(events <= 1U, each.tag);
                    if (each.done == false)
                        BOOST_TEST(events == 0U, each.tag << " was refused");
                    if (each.done == true && always_changes(each.what))
                        BOOST_TEST(events == 1U, each.tag << " was carried out");
                    if (events == 1) {
                        const json& event = *found->second.front();
                        BOOST_TEST(event.at("registrationId") == each.id);
                        BOOST_TEST(event.at("version") > latest[each.id], event << " before what came before it");
                        latest[each.id] = event.at("version");
                        ++deeds_done;
                    }
                }
            }
        }
    }
    BOOST_TEST(deeds_done > 0U);
    const auto proven = [&] {
        bank.server.stop();
        return run_doorward({"audit", "verify", "--data", bank.server.data().string()});
    }();
    BOOST_TEST(proven.status == 0, proven.out << proven.err);
}

BOOST_AUTO_TEST_SUITE_END()
