// The server is killed while it is busy, over and over, and must remember all that it has answered (DESIGN.md 5.1,
// invariant 4) and make up nothing.
//
// Each phone is driven by one thread, which keeps a book: what the phone's state must be by the answers so far, and the
// one request whose answer is still missing. After a kill the stored state is that of the book, with or without the
// missing request, and nothing else. Many phones at once make the batches that the kill cuts through.
//
// DOORWARD_CRASH_ROUNDS  kills; DOORWARD_TEST_SEED  what is done and when the kill comes

#include "tests/process_support.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

namespace {

using namespace doorward::tests;
using doorward::bench::device;
using doorward::bench::signature_type;

constexpr auto pk = signature_type::possession_knowledge;
constexpr int max_failed = 5;
constexpr int phone_count = 8;

// What can be known of a registration from the answers about it.
struct known_state {
    std::string status = "ACTIVE";
    int failed = 0;
    int state_changes = 0; // rows of history

    bool operator==(const known_state&) const = default;
};

std::ostream& operator<<(std::ostream& out, const known_state& what)
{
    return out << what.status << " with " << what.failed << " failed attempts and " << what.state_changes
               << " rows of history";
}

enum class deed { right_proof, possession_proof, wrong_proof, repeated_wrong_proof, replay, block, unblock };

// What a deed makes of a state.
known_state after(known_state before, deed what)
{
    const bool active = before.status == "ACTIVE";
    switch (what) {
    case deed::right_proof:
        if (active)
            before.failed = 0;
        break;
    case deed::wrong_proof:
        if (active && ++before.failed == max_failed) {
            before.status = "BLOCKED";
            ++before.state_changes;
        }
        break;
    case deed::block:
        before.state_changes += active ? 1 : 0;
        before.status = "BLOCKED";
        break;
    case deed::unblock:
        before.state_changes += active ? 0 : 1;
        before.failed = active ? before.failed : 0;
        before.status = "ACTIVE";
        break;
    case deed::possession_proof:
    case deed::repeated_wrong_proof:
    case deed::replay:
        break;
    }
    return before;
}

// One phone, what was answered about it, and what is still open.
struct driven_phone {
    device phone;
    office_client office;
    std::mt19937_64 random;

    known_state known{"ACTIVE", 0, 3}; // created, exchanged, committed
    std::optional<deed> open{};        // sent, not answered
    std::vector<http_request> accepted{};
    std::optional<http_request> refused{}; // counted, and its counter value not passed yet
    int unheard = 0;                       // counter values used up since the server last followed
    std::vector<std::string> surprises{};

    int draw(int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); }
};

// Far enough from the window's end that an unanswered proof or two do not matter.
constexpr int unheard_max = 12;

deed choose(driven_phone& who)
{
    if (who.unheard >= unheard_max)
        return who.known.status == "ACTIVE" ? deed::right_proof : deed::unblock;
    const int dice = who.draw(100);
    if (who.known.status != "ACTIVE" && dice < 50)
        return deed::unblock;
    if (dice < 35)
        return deed::right_proof;
    if (dice < 45)
        return deed::possession_proof;
    if (dice < 80)
        return deed::wrong_proof;
    if (dice < 87)
        return who.refused ? deed::repeated_wrong_proof : deed::wrong_proof;
    if (dice < 94)
        return who.accepted.empty() ? deed::right_proof : deed::replay;
    return deed::block;
}

http_request request_of(driven_phone& who, deed what)
{
    switch (what) {
    case deed::right_proof:
        ++who.unheard;
        return who.phone.make_validate_request(pk, right_pin);
    case deed::possession_proof:
        ++who.unheard;
        return who.phone.make_validate_request(signature_type::possession);
    case deed::repeated_wrong_proof:
        return *who.refused;
    case deed::replay:
        return who.accepted[static_cast<std::size_t>(who.draw(static_cast<int>(who.accepted.size())))];
    default:
        ++who.unheard;
        return who.phone.make_validate_request(pk, wrong_pin);
    }
}

// Does one thing and writes down its answer. Throws when there is none.
void step(driven_phone& who, doorward::bench::http_client& client)
{
    const deed what = choose(who);
    const std::string& id = who.phone.activation_id();
    const bool active = who.known.status == "ACTIVE";
    if (what == deed::block || what == deed::unblock) {
        who.open = what;
        const auto told = what == deed::block ? who.office.block(id) : who.office.unblock(id);
        who.known = after(who.known, what);
        who.open.reset();
        if (told.at("registrationStatus") != who.known.status)
            who.surprises.push_back("a change of state answered " + told.dump());
        if (what == deed::unblock && !active)
            who.refused.reset(); // what was counted before is forgotten
        return;
    }

    auto request = request_of(who, what);
    // Through either side: one attempt engine behind both.
    const bool by_office = who.draw(3) == 0;
    who.open = what;
    bool accepted = false;
    if (by_office) {
        const auto told = who.office.verify(request);
        accepted = told.at("signatureValid").get<bool>();
        const auto then = after(who.known, what);
        if (told.at("registrationStatus") != then.status || told.at("remainingAttempts") != max_failed - then.failed)
            who.surprises.push_back("a verdict says " + told.dump());
    } else {
        const int status = client.request(request).status;
        accepted = status == 200;
        if (status != 200 && status != 401)
            who.surprises.push_back("a proof was answered " + std::to_string(status));
    }
    who.open.reset();
    who.known = after(who.known, what);

    const bool right = what == deed::right_proof || what == deed::possession_proof;
    if (accepted != (right && active))
        who.surprises.push_back(std::string{accepted ? "accepted" : "refused"} + " unexpectedly, deed " +
                                std::to_string(static_cast<int>(what)) + " while " + who.known.status);
    if (accepted) {
        who.accepted.push_back(std::move(request));
        who.refused.reset();
        who.unheard = 0;
    } else if (what == deed::wrong_proof && active) {
        who.refused = std::move(request);
    }
}

constexpr std::uint64_t far_more_answers = 1'000'000'000;

// Drives one phone until the server is gone.
void drive(driven_phone& who, const scene& bank, std::atomic<std::uint64_t>& answers)
{
    try {
        doorward::bench::http_client client{bank.server.device_url()};
        for (;;) {
            step(who, client);
            answers.fetch_add(1);
            answers.notify_one();
        }
    } catch (const std::exception&) {
        // No answer: the server was killed. Should it have ended by itself, the kill must not wait for more answers.
        answers.fetch_add(far_more_answers);
        answers.notify_one();
    }
}

// Makes registrations until the server is gone; returns those that were acknowledged.
std::vector<std::string> register_until_killed(office_client office, const std::string& application)
{
    std::vector<std::string> made;
    try {
        for (;;)
            made.push_back(office.post("/v2/registrations", {{"userId", "crowd"}, {"appId", application}})
                               .at("registrationId")
                               .get<std::string>());
    } catch (const std::exception&) {
    }
    return made;
}

known_state stored_state(office_client& office, const std::string& id)
{
    const auto detail = office.detail(id);
    known_state out;
    out.status = detail.at("registrationStatus").get<std::string>();
    out.failed = detail.at("failedAttempts").get<int>();
    out.state_changes = static_cast<int>(office.history(id).size());
    return out;
}

void check_history(office_client& office, const std::string& id)
{
    const auto rows = office.history(id);
    for (std::size_t i = 1; i < rows.size(); ++i) {
        BOOST_TEST(rows[i - 1].at("version").get<std::uint64_t>() < rows[i].at("version").get<std::uint64_t>());
        BOOST_TEST(rows[i].at("previousStatus") == rows[i - 1].at("registrationStatus"));
    }
    BOOST_TEST(rows.back().at("registrationStatus") == office.detail(id).at("registrationStatus"));
}

// After a restart: compares the book with the store, then brings both to a known state.
void check_and_settle(driven_phone& who, const scene& bank)
{
    const std::string id = who.phone.activation_id();
    BOOST_TEST(who.surprises.empty(), (who.surprises.empty() ? "" : who.surprises.front()));
    who.surprises.clear();

    const known_state stored = stored_state(who.office, id);
    const bool as_answered = stored == who.known;
    const bool and_the_open_one = who.open && stored == after(who.known, *who.open);
    BOOST_TEST((as_answered || and_the_open_one),
               "stored is " << stored << ", answered was " << who.known
                            << (who.open ? ", open was deed " + std::to_string(static_cast<int>(*who.open)) : ""));
    check_history(who.office, id);
    if (!as_answered)
        who.refused.reset(); // the open one may have passed it, or forgotten it with all the others
    who.known = stored;
    who.open.reset();

    doorward::bench::http_client client{bank.server.device_url()};
    // A refusal that was answered is remembered: it comes again and counts no more.
    if (who.refused && who.known.status == "ACTIVE") {
        BOOST_TEST(client.request(*who.refused).status == 401);
        BOOST_TEST(stored_state(who.office, id) == who.known);
    }
    // Nothing that was accepted is accepted again: the latest, where a lost counter would show, and some others.
    if (who.known.status == "BLOCKED") {
        BOOST_TEST(client.request(who.phone.make_validate_request(pk, right_pin)).status == 401);
        who.office.unblock(id);
        who.known = after(who.known, deed::unblock);
        who.refused.reset();
    }
    for (std::size_t i = 0; i < who.accepted.size(); ++i) {
        if (i + 10 < who.accepted.size() && who.draw(10) != 0)
            continue;
        BOOST_TEST(client.request(who.accepted[i]).status == 401);
    }
    BOOST_TEST(stored_state(who.office, id) == who.known);
    auto right = who.phone.make_validate_request(pk, right_pin);
    BOOST_TEST(client.request(right).status == 200);
    who.known = after(who.known, deed::right_proof);
    BOOST_TEST(stored_state(who.office, id) == who.known);
    who.accepted.push_back(std::move(right));
    who.refused.reset();
    who.unheard = 0;
    if (who.accepted.size() > 200)
        who.accepted.erase(who.accepted.begin(), who.accepted.end() - 100);
}

} // namespace

BOOST_AUTO_TEST_SUITE(crash_process)

BOOST_AUTO_TEST_CASE(a_killed_server_remembers_all_that_it_has_answered)
{
    const auto rounds = environment_number("DOORWARD_CRASH_ROUNDS", 20);
    std::mt19937_64 random{test_seed()};
    scene bank{0};
    std::vector<driven_phone> phones;
    for (int i = 0; i < phone_count; ++i) {
        const std::string user = "user-" + std::to_string(i);
        phones.push_back({bank.enroll(user), bank.new_office(), std::mt19937_64{random()}});
    }
    std::set<std::string> registered;

    for (std::uint64_t round = 0; round < rounds; ++round) {
        BOOST_TEST_CONTEXT("round " << round)
        {
            std::atomic<std::uint64_t> answers{0};
            const std::uint64_t deadly = 1 + random() % 600;
            std::vector<std::string> crowd;
            std::vector<std::jthread> threads;
            for (driven_phone& each : phones)
                threads.emplace_back([&] { drive(each, bank, answers); });
            threads.emplace_back([&] { crowd = register_until_killed(bank.new_office(), bank.application_id); });
            for (std::uint64_t seen = 0; seen < deadly; seen = answers.load())
                answers.wait(seen);
            bank.server.kill();
            threads.clear(); // joins them

            bank.server.start();
            for (driven_phone& each : phones) {
                BOOST_TEST_CONTEXT("phone " << each.phone.activation_id())
                {
                    check_and_settle(each, bank);
                }
            }
            registered.insert(crowd.begin(), crowd.end());
            // Old ones too, but not all of them every time.
            for (const std::string& id : crowd)
                BOOST_TEST(bank.office.detail(id).at("registrationStatus") == "CREATED");
        }
    }
    for (const std::string& id : registered)
        BOOST_TEST(bank.office.ask("GET", "/v2/registrations/" + id).status == 200);
    bank.server.stop();
}

// Many connections about one phone when the kill comes: what was accepted stays used up, and the count that was told
// is not lost.
BOOST_AUTO_TEST_CASE(a_crowd_at_one_phone_is_remembered_after_a_kill)
{
    const auto rounds = environment_number("DOORWARD_CRASH_ROUNDS", 20) / 2;
    std::mt19937_64 random{test_seed()};
    scene bank;
    for (std::uint64_t round = 0; round < rounds; ++round) {
        BOOST_TEST_CONTEXT("round " << round)
        {
            device phone = bank.enroll("user-" + std::to_string(round));
            const std::string id = phone.activation_id();
            // Right proofs at successive positions, and guesses in between.
            std::vector<http_request> requests;
            for (int i = 0; i < 15; ++i) {
                if (i % 3 == 2)
                    requests.push_back(bank.twin_of(phone).make_validate_request(pk, std::to_string(100'000 + i)));
                requests.push_back(phone.make_validate_request(pk, right_pin));
            }
            std::ranges::shuffle(requests, random);

            std::vector<std::atomic<int>> statuses(requests.size());
            std::atomic<std::uint64_t> answered{0};
            const std::uint64_t deadly = 1 + random() % (requests.size() - 1);
            std::vector<std::jthread> threads;
            for (std::size_t i = 0; i < requests.size(); ++i) {
                threads.emplace_back([&, i] {
                    try {
                        doorward::bench::http_client client{bank.server.device_url()};
                        statuses[i] = client.request(requests[i]).status;
                        answered.fetch_add(1);
                    } catch (const std::exception&) {
                        answered.fetch_add(far_more_answers);
                    }
                    answered.notify_one();
                });
            }
            for (std::uint64_t seen = 0; seen < deadly; seen = answered.load())
                answered.wait(seen);
            bank.server.kill();
            threads.clear(); // joins them
            bank.server.start();

            const auto before = stored_state(bank.office, id);
            doorward::bench::http_client client{bank.server.device_url()};
            for (std::size_t i = 0; i < requests.size(); ++i) {
                if (statuses[i] == 200)
                    BOOST_TEST(client.request(requests[i]).status == 401);
            }
            BOOST_TEST(stored_state(bank.office, id) == before);
            check_history(bank.office, id);
            if (before.status == "BLOCKED")
                bank.office.unblock(id);
            BOOST_TEST(phone.validate(pk, right_pin));
        }
    }
    bank.server.stop();
}

// An enrolment that was answered is complete: the phone can go on.
BOOST_AUTO_TEST_CASE(each_step_of_an_enrolment_survives_a_kill_right_after_its_answer)
{
    scene bank;
    const auto kill_and_restart = [&] {
        bank.server.kill();
        bank.server.start();
    };
    const auto made = bank.create_registration("anna", {{"otp", "otp-4711"}});
    kill_and_restart();
    device phone = bank.new_phone();
    phone.activate(made.code, right_pin);
    kill_and_restart();
    BOOST_TEST(phone.status().state_name() == "PENDING_COMMIT");
    const auto commit = "/v2/registrations/" + made.id + "/commit";
    BOOST_TEST(bank.office.ask("POST", commit, json{{"otp", "otp-0000"}}).status == 400);
    kill_and_restart();
    BOOST_TEST(bank.office.detail(made.id).at("failedAttempts") == 1);
    bank.office.put("/v2/registrations/" + made.id + "/otp", {{"otp", "otp-0815"}});
    kill_and_restart();
    BOOST_TEST(bank.office.ask("POST", commit, json{{"otp", "otp-4711"}}).status == 400);
    BOOST_TEST(bank.office.ask("POST", commit, json{{"otp", "otp-0815"}}).status == 200);
    kill_and_restart();
    BOOST_TEST(phone.status().state_name() == "ACTIVE");
    for (int wrong = 1; wrong <= max_failed; ++wrong) {
        BOOST_TEST(!phone.validate(pk, wrong_pin));
        kill_and_restart();
        BOOST_TEST(bank.office.detail(made.id).at("failedAttempts") == wrong);
    }
    BOOST_TEST(bank.office.detail(made.id).at("registrationStatus") == "BLOCKED");
    BOOST_TEST(!phone.validate(pk, right_pin));
    bank.office.unblock(made.id);
    kill_and_restart();
    BOOST_TEST(phone.validate(pk, right_pin));
    kill_and_restart();
    phone.remove(pk, right_pin);
    kill_and_restart();
    BOOST_TEST(bank.office.detail(made.id).at("registrationStatus") == "REMOVED");
    check_history(bank.office, made.id);
    bank.server.stop();
}

BOOST_AUTO_TEST_SUITE_END()
