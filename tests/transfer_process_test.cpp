// Phones that move, on real servers that are killed, lose power or have a failing disk while they do: whatever the
// moment, a parent is gone exactly when its child has started, and what was answered is so.
//
// DOORWARD_CRASH_ROUNDS   kills
// DOORWARD_POWER_LOSSES   how many moments of a run
// DOORWARD_TEST_SEED      what is done, and when it ends

#include "tests/storage_support.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <future>
#include <set>
#include <thread>

namespace {

using namespace doorward::tests;
using doorward::bench::device;
using doorward::bench::signature_type;

constexpr auto pk = signature_type::possession_knowledge;
constexpr const char* otp = "0123456789abcdef";

std::string path(const std::string& id, std::string_view rest = {})
{
    return "/v2/registrations/" + id + std::string{rest};
}

scene& allow_moves(scene& bank)
{
    const json rules = {{"transfer", {{"spawn", true}, {"move", true}}}};
    if (bank.admin.ask("PATCH", "/admin/applications/" + bank.application_id, rules).status != 200)
        throw std::runtime_error{"the application cannot be changed"};
    return bank;
}

// A phone that moves: by a commit of the back office, or by the key exchange of the new phone.
struct moving_phone {
    device old_phone;
    std::string parent;
    std::string child;
    std::optional<http_request> exchange{}; // without one the child waits for commit

    int started = 0; // status of the answer; 0: none
    int blocked = 0;
    std::uint64_t started_at = far_future; // position in the record of a disk
};

moving_phone prepare(scene& bank, const std::string& user, bool by_exchange)
{
    device old_phone = bank.enroll(user);
    const std::string parent = old_phone.activation_id();
    json body{{"type", "MOVE"}};
    if (by_exchange)
        body["otp"] = otp;
    const auto made = bank.office.post(path(parent, "/transfer"), body);
    moving_phone out{std::move(old_phone), parent, made.at("registrationId").get<std::string>()};
    auto new_phone = bank.new_phone();
    doorward::bench::activation_details details;
    if (by_exchange)
        details.otp = otp;
    const auto code = made.at("activationQrCodeData").get<std::string>();
    if (by_exchange)
        out.exchange = new_phone.prepare_activation(code, right_pin, details).request;
    else
        new_phone.activate(code, right_pin, details);
    return out;
}

int start_child(const moving_phone& it, office_client& office, doorward::bench::http_client& device_side)
{
    if (it.exchange)
        return device_side.request(*it.exchange).status;
    return office.ask("POST", path(it.child, "/commit"), json::object()).status;
}

std::size_t rows_about(office_client& office, const std::string& id, const std::string& reason)
{
    return static_cast<std::size_t>(std::ranges::count_if(
        office.history(id), [&](const json& row) { return row.value("eventReason", "") == reason; }));
}

// What is wrong with the two; empty when nothing is.
std::vector<std::string> complaints_about(const moving_phone& it, office_client& office)
{
    std::vector<std::string> out;
    const auto parents = office.detail(it.parent).at("registrationStatus").get<std::string>();
    const auto childs = office.detail(it.child).at("registrationStatus").get<std::string>();
    const auto complain = [&](const std::string& what) {
        out.push_back(what + ": parent " + it.parent + " is " + parents + ", child " + it.child + " is " + childs);
    };
    const bool gone = parents == "REMOVED";
    const bool started = childs == "ACTIVE";
    if (gone != started)
        complain(gone ? "neither phone works" : "both phones work");
    if (rows_about(office, it.parent, "MOVED_TO:" + it.child) != (gone ? 1U : 0U) ||
        rows_about(office, it.child, "MOVED_FROM:" + it.parent) != (started ? 1U : 0U))
        complain("the histories tell something else");
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(transfer_process)

// Each phone is a program of its own that keeps its state in a file.
BOOST_AUTO_TEST_CASE(phones_that_are_programs_pass_their_place_on)
{
    scene bank{0};
    allow_moves(bank);
    BOOST_TEST_REQUIRE(
        bank.admin.ask("PATCH", "/admin/applications/" + bank.application_id, json{{"deviceManagement", true}})
            .status == 200);
    const temporary_directory home;
    const auto phone_in = [&](const char* file) {
        auto options = phone_options(bank, home.path() / file, "android");
        options.insert(options.end(), {"--pin-iterations", "1"});
        return phone_program{DOORWARD_BINARY, {"device"}, std::move(options)};
    };
    const auto told = [](const std::pair<int, json>& outcome) {
        BOOST_TEST_REQUIRE(outcome.first == 0, outcome.second.dump());
        return outcome.second;
    };
    const std::string pin{right_pin};
    const auto first = phone_in("first.json");
    const auto second = phone_in("second.json");
    const auto third = phone_in("third.json");

    const auto made = bank.create_registration("anna");
    told(first({"activate", made.code, "--pin", pin}));
    bank.office.commit(made.id);
    told(first({"rename", "Anna's phone", "--pin", pin}));
    told(first({"change-pin", pin, "864213", "--tell"}));
    const std::string new_pin = "864213";

    const auto spawned = told(first({"request-code", bank.application_id, "--otp", otp, "--pin", new_pin}));
    told(second({"activate", spawned.at("activationQrCodeData").get<std::string>(), "--pin", pin, "--otp", otp}));
    told(second({"validate", "--pin", pin}));
    told(first({"validate", "--pin", new_pin}));
    const auto moved =
        told(first({"request-code", bank.application_id, "--otp", otp, "--type", "MOVE", "--pin", new_pin}));
    told(third({"activate", moved.at("activationQrCodeData").get<std::string>(), "--pin", pin, "--otp", otp}));
    BOOST_TEST(first({"validate", "--pin", new_pin}).first == 2);
    BOOST_TEST(told(first({"status"})).at("state") == "REMOVED");

    const std::string second_id = spawned.at("activationId");
    const std::string third_id = moved.at("activationId");
    const auto list = told(third({"list", "--pin", pin})).at("registrations");
    BOOST_TEST_REQUIRE(list.size() == 2U);
    BOOST_TEST(list[0].at("registrationId") == third_id);
    BOOST_TEST(list[0].at("own") == true);
    BOOST_TEST(list[1].at("registrationId") == second_id);
    told(third({"remove-other", second_id, "--pin", pin}));
    BOOST_TEST(second({"validate", "--pin", pin}).first == 2);

    std::vector<std::string> events;
    for (const json& row : bank.office.history(made.id))
        events.push_back(row.at("event"));
    BOOST_TEST((events == std::vector<std::string>{"CREATE", "EXCHANGE_KEYS", "COMMIT", "RENAME", "PIN_CHANGED",
                                                   "SPAWN", "REMOVE"}));
    BOOST_TEST(bank.office.detail(made.id).at("name") == "Anna's phone");
    BOOST_TEST(bank.office.history(second_id).back().at("actorRegistrationId") == third_id);
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(a_killed_server_leaves_every_move_whole)
{
    const auto rounds = environment_number("DOORWARD_CRASH_ROUNDS", 20);
    constexpr int pairs = 6;
    std::mt19937_64 random{test_seed()};
    scene bank{0};
    allow_moves(bank);
    for (std::uint64_t round = 0; round < rounds; ++round) {
        BOOST_TEST_CONTEXT("round " << round)
        {
            std::vector<moving_phone> moving;
            for (int i = 0; i < pairs; ++i)
                moving.push_back(prepare(bank, "user-" + std::to_string(i), random() % 2 == 0));
            // For each of them at once: its start, proofs of the old phone, and now and then a block of it.
            std::atomic<std::uint64_t> answers{0};
            const std::uint64_t deadly = 1 + random() % (3 * pairs);
            const auto answered = [&](std::uint64_t count) {
                answers.fetch_add(count);
                answers.notify_one();
            };
            std::vector<std::jthread> threads;
            for (moving_phone& each : moving) {
                const bool blocks = random() % 3 == 0;
                threads.emplace_back([&] {
                    try {
                        auto office = bank.new_office();
                        doorward::bench::http_client client{bank.server.device_url()};
                        each.started = start_child(each, office, client);
                        answered(1);
                    } catch (const std::exception&) {
                        answered(1'000'000);
                    }
                });
                threads.emplace_back([&, blocks] {
                    try {
                        auto office = bank.new_office();
                        doorward::bench::http_client client{bank.server.device_url()};
                        for (int i = 0; i < 3; ++i) {
                            if (blocks && i == 1)
                                each.blocked = office.ask("PUT", path(each.parent), json{{"change", "BLOCK"}}).status;
                            else
                                static_cast<void>(client.request(each.old_phone.make_validate_request(pk, right_pin)));
                            answered(1);
                        }
                    } catch (const std::exception&) {
                        answered(1'000'000);
                    }
                });
            }
            for (std::uint64_t seen = 0; seen < deadly; seen = answers.load())
                answers.wait(seen);
            bank.server.kill();
            threads.clear(); // joins them
            bank.server.start();

            for (moving_phone& each : moving) {
                for (const auto& complaint : complaints_about(each, bank.office))
                    BOOST_ERROR(complaint);
                const auto parents = bank.office.detail(each.parent).at("registrationStatus");
                if (each.started == 200)
                    BOOST_TEST(parents == "REMOVED");
                if (each.blocked == 200)
                    BOOST_TEST(parents == "BLOCKED");
                if (parents == "ACTIVE")
                    BOOST_TEST(each.old_phone.validate(pk, right_pin));
                // And it goes on from where it is.
                if (parents == "BLOCKED")
                    bank.office.unblock(each.parent);
                if (parents != "REMOVED" && !each.exchange)
                    BOOST_TEST(bank.office.ask("POST", path(each.child, "/commit"), json::object()).status == 200);
                for (const auto& complaint : complaints_about(each, bank.office))
                    BOOST_ERROR(complaint);
            }
        }
    }
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(children_that_start_at_once_leave_one_phone)
{
    scene bank{0};
    allow_moves(bank);
    for (int round = 0; round < 5; ++round) {
        device old_phone = bank.enroll("anna");
        const std::string parent = old_phone.activation_id();
        std::vector<std::string> ids;
        std::vector<addressed_request> requests;
        for (int i = 0; i < 8; ++i) {
            const bool by_exchange = i % 2 == 0;
            json body{{"type", "MOVE"}};
            if (by_exchange)
                body["otp"] = otp;
            const auto made = bank.office.post(path(parent, "/transfer"), body);
            ids.push_back(made.at("registrationId").get<std::string>());
            doorward::bench::activation_details details;
            if (by_exchange)
                details.otp = otp;
            auto new_phone = bank.new_phone();
            const auto code = made.at("activationCode").get<std::string>();
            if (by_exchange) {
                requests.push_back(
                    {bank.server.device_url(), new_phone.prepare_activation(code, right_pin, details).request});
            } else {
                new_phone.activate(code, right_pin, details);
                requests.push_back(
                    {bank.server.office_url(),
                     {"POST",
                      path(ids.back(), "/commit"),
                      {{"Authorization", bank.office.credentials()}, {"Content-Type", "application/json"}},
                      "{}"}});
            }
        }
        for (int i = 0; i < 4; ++i)
            requests.push_back({bank.server.device_url(), old_phone.make_validate_request(pk, right_pin)});
        const auto answers = send_at_once(requests);
        const auto started = std::ranges::count(answers.begin(), answers.begin() + 8, 200, &http_answer::status);
        BOOST_TEST(started == 1);
        BOOST_TEST(bank.office.detail(parent).at("registrationStatus") == "REMOVED");
        int active = 0;
        for (std::size_t i = 0; i < ids.size(); ++i) {
            const auto status = bank.office.detail(ids[i]).at("registrationStatus");
            active += status == "ACTIVE" ? 1 : 0;
            BOOST_TEST((status == "ACTIVE") == (answers[i].status == 200));
            BOOST_TEST((status == "ACTIVE" || status == "REMOVED"), status);
        }
        BOOST_TEST(active == 1);
        BOOST_TEST(!old_phone.validate(pk, right_pin));
    }
    bank.server.stop();
}

// A kill leaves the kernel's cache; power loss does not (power_loss_process_test.cpp).
BOOST_AUTO_TEST_CASE(power_loss_at_any_moment_leaves_every_move_whole)
{
    constexpr int pairs = 12;
    std::mt19937_64 random{test_seed()};
    scene bank{0};
    allow_moves(bank);
    watched_storage disk;
    std::vector<moving_phone> moving;
    for (int i = 0; i < pairs; ++i)
        moving.push_back(prepare(bank, "user-" + std::to_string(i), i % 2 == 0));
    bank.server.stop();
    const auto file = bank.server.data() / "data.mdb";
    const std::string before = read_file(file);

    bank.server.set_environment(disk.environment());
    bank.server.start({"--io-threads", "2"});
    std::vector<std::future<void>> threads;
    for (moving_phone& each : moving) {
        threads.push_back(std::async(std::launch::async, [&] {
            auto office = bank.new_office();
            doorward::bench::http_client client{bank.server.device_url()};
            static_cast<void>(client.request(each.old_phone.make_validate_request(pk, wrong_pin)));
            each.started = start_child(each, office, client);
            each.started_at = disk.position();
            static_cast<void>(client.request(each.old_phone.make_validate_request(pk, right_pin)));
        }));
    }
    for (auto& each : threads)
        each.get();
    bank.server.kill();
    bank.server.set_environment({});
    for (const moving_phone& each : moving)
        BOOST_TEST_REQUIRE(each.started == 200);

    const auto record = disk.record();
    std::set<std::uint64_t> all{0, record.size()};
    for (std::uint64_t at = 0; at < record.size(); ++at) {
        const auto what = record[at].head.what;
        if (what == storage_action::flush || what == storage_action::synced_write)
            all.insert({at, at + 1});
    }
    std::vector<std::uint64_t> moments{all.begin(), all.end()};
    std::ranges::shuffle(moments, random);
    moments.resize(std::min<std::uint64_t>(moments.size(), environment_number("DOORWARD_POWER_LOSSES", 40) / 2));
    std::ranges::sort(moments);
    disk_model model{before};
    std::uint64_t now = 0;
    for (const std::uint64_t moment : moments) {
        for (; now < moment; ++now)
            model.happen(record[now], random);
        const auto how = random() % 3 == 0 ? loss::everything : loss::anything;
        BOOST_TEST_CONTEXT("power lost at operation " << moment << " of " << record.size())
        {
            write_file(file, model.after_power_loss(how, random));
            bank.server.start({"--io-threads", "1"});
            for (const moving_phone& each : moving) {
                for (const auto& complaint : complaints_about(each, bank.office))
                    BOOST_ERROR(complaint);
                if (each.started_at <= moment)
                    BOOST_TEST(bank.office.detail(each.child).at("registrationStatus") == "ACTIVE");
            }
            bank.server.kill();
        }
    }
}

// Each operation of the disk fails in turn, as in io_error_process_test.cpp, while two phones move.
BOOST_AUTO_TEST_CASE(an_operation_that_fails_leaves_every_move_whole)
{
    struct failure {
        int error;
        fault_kind how;
        bool and_all_later;
    };
    constexpr failure failures[]{{EIO, fault_kind::before, false},
                                 {EIO, fault_kind::after, false},
                                 {EIO, fault_kind::half, false},
                                 {EIO, fault_kind::before, true},
                                 {ENOSPC, fault_kind::before, false}};
    std::mt19937_64 random{test_seed()};
    scene bank{0};
    allow_moves(bank);
    watched_storage disk;
    const moving_phone prepared[]{prepare(bank, "anna", false), prepare(bank, "berta", true)};
    bank.server.stop();
    const auto file = bank.server.data() / "data.mdb";
    const std::string before = read_file(file);

    int ended = 0;
    int refused = 0;
    for (const failure& kind : failures) {
        std::uint64_t number = 1;
        for (bool reached = true; reached; ++number) {
            BOOST_TEST_CONTEXT("operation " << number << ", failure " << &kind - std::begin(failures))
            {
                write_file(file, before);
                disk.reset();
                disk.fail(number, kind.and_all_later ? far_future : number, kind.error, kind.how);
                bank.server.set_environment(disk.environment());
                bank.server.start({"--io-threads", "1"});
                std::vector<moving_phone> moving{std::begin(prepared), std::end(prepared)};
                bool alive = true;
                try {
                    auto office = bank.new_office();
                    doorward::bench::http_client device_side{bank.server.device_url()};
                    for (moving_phone& each : moving) {
                        each.started = start_child(each, office, device_side);
                        if (each.started == 200)
                            continue;
                        ++refused;
                        if (each.exchange)
                            continue;
                        // There is room again: whoever commits does it again, or finds it done.
                        const auto again = start_child(each, office, device_side);
                        BOOST_TEST((again == 200 || again == 400));
                        each.started = 200;
                    }
                } catch (const std::exception&) {
                    alive = false;
                }
                reached = disk.control().faults.load() > 0;
                BOOST_TEST((alive || reached));
                if (alive) {
                    for (const moving_phone& each : moving) {
                        for (const auto& complaint : complaints_about(each, bank.office))
                            BOOST_ERROR(complaint);
                    }
                    bank.server.stop();
                } else {
                    ++ended;
                    BOOST_TEST(bank.server.wait_for_end() == 128 + SIGABRT);
                }
                if (random() % 2 == 0) {
                    disk_model model{before};
                    for (const storage_entry& entry : disk.record())
                        model.happen(entry, random);
                    write_file(file, model.after_power_loss(loss::anything, random));
                }
                read_every_row(bank.server.data());
                bank.server.set_environment({});
                bank.server.start({"--io-threads", "1"});
                for (const moving_phone& each : moving) {
                    for (const auto& complaint : complaints_about(each, bank.office))
                        BOOST_ERROR(complaint);
                    if (each.started == 200)
                        BOOST_TEST(bank.office.detail(each.child).at("registrationStatus") == "ACTIVE");
                }
                bank.server.kill();
            }
        }
        BOOST_TEST(number > 5U); // there was something to fail
    }
    BOOST_TEST(ended > 0);
    BOOST_TEST(refused > 0);
}

BOOST_AUTO_TEST_SUITE_END()
