// Whole servers from the first command to the last answer: what an operator, a back office and a phone go through.

#include "tests/process_support.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>

namespace {

namespace data = boost::unit_test::data;
using namespace doorward::tests;
using doorward::bench::device;
using doorward::bench::signature_type;
using doorward::bench::wire_style;

constexpr auto pk = signature_type::possession_knowledge;

bool says(const std::string& text, std::string_view what)
{
    return text.find(what) != std::string::npos;
}

std::filesystem::perms mode_of(const std::filesystem::path& file)
{
    return std::filesystem::status(file).permissions();
}

constexpr auto owner_only = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;

std::string key_text(char digit)
{
    return std::string(64, digit) + '\n';
}

void write_key(const std::filesystem::path& file, char digit, std::filesystem::perms mode = owner_only)
{
    write_file(file, key_text(digit));
    std::filesystem::permissions(file, mode);
}

std::vector<std::string> serve_command(const std::filesystem::path& data, const std::string& device = "127.0.0.1:0")
{
    return {"serve", "--data", data.string(), "--device", device, "--office", "127.0.0.1:0"};
}

std::vector<std::string> with(std::vector<std::string> words, std::initializer_list<std::string> more)
{
    words.insert(words.end(), more);
    return words;
}

wire_style style_named(std::string_view name)
{
    return name == "ios" ? wire_style::ios : wire_style::android;
}

// What a phone reads from its status blob.
std::string state_seen_by(device& phone)
{
    return std::string{phone.status().state_name()};
}

std::vector<std::string> events_of(office_client& office, const std::string& id)
{
    std::vector<std::string> out;
    for (const json& row : office.history(id))
        out.push_back(row.at("event").get<std::string>());
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(journey_process)

// --- commands

BOOST_AUTO_TEST_CASE(init_prints_one_json_object_with_the_first_admin)
{
    const temporary_directory home;
    const auto made = run_doorward({"init", "--data", (home.path() / "data").string(), "--admin", "root@bank"});
    BOOST_TEST(made.status == 0);
    BOOST_TEST(made.err == "");
    BOOST_TEST(std::ranges::count(made.out, '\n') == 1);
    const auto told = json::parse(made.out);
    BOOST_TEST(told.size() == 2u);
    BOOST_TEST(told.at("username") == "root@bank");
    BOOST_TEST(told.at("password").get<std::string>().size() == 32u);
}

BOOST_AUTO_TEST_CASE(init_leaves_files_that_only_their_owner_can_read)
{
    const temporary_directory home;
    const auto store = home.path() / "data";
    BOOST_TEST(run_doorward({"init", "--data", store.string()}).status == 0);
    BOOST_TEST((mode_of(store / "master.key") == owner_only));
    BOOST_TEST((mode_of(store / "data.mdb") == owner_only));
    BOOST_TEST((mode_of(store) == std::filesystem::perms::owner_all));
}

BOOST_AUTO_TEST_CASE(init_refuses_a_directory_that_holds_a_store_and_changes_nothing)
{
    server_process server;
    const auto key = read_file(server.data() / "master.key");
    const auto again = run_doorward({"init", "--data", server.data().string()});
    BOOST_TEST(again.status == 1);
    BOOST_TEST(again.out == "");
    BOOST_TEST(says(again.err, "holds a store already; nothing was changed"));
    BOOST_TEST(read_file(server.data() / "master.key") == key);

    server.start();
    BOOST_TEST(
        office_client(server, server.admin_name(), server.admin_password()).ask("GET", "/admin/applications").status ==
        200);
    server.stop();
}

BOOST_AUTO_TEST_CASE(init_refuses_a_name_that_could_not_log_in)
{
    const temporary_directory home;
    for (const char* name : {"", "a:b", "two words", "\"quoted\""}) {
        const auto refused = run_doorward({"init", "--data", (home.path() / "data").string(), "--admin", name});
        BOOST_TEST_CONTEXT(name)
        {
            BOOST_TEST(refused.status == 1);
            BOOST_TEST(says(refused.err, "is not a name"));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_given_master_key_is_used_and_none_is_made)
{
    const temporary_directory home;
    const auto store = home.path() / "data";
    const auto key = home.path() / "elsewhere.key";
    write_key(key, 'a');
    BOOST_TEST(run_doorward({"init", "--data", store.string(), "--master-key", key.string()}).status == 0);
    BOOST_TEST(!std::filesystem::exists(store / "master.key"));
    BOOST_TEST(read_file(key) == key_text('a'));

    // Without being told where the key is, the server does not find one.
    const auto lost = run_doorward(serve_command(store));
    BOOST_TEST(lost.status == 1);
    BOOST_TEST(says(lost.err, "master key"));
    BOOST_TEST(says(lost.err, "No such file"));

    child_process server{DOORWARD_BINARY, with(serve_command(store), {"--master-key", key.string()}),
                         home.path() / "log"};
    BOOST_TEST(says(server.read_line().value_or(""), "doorward listens: "));
    server.signal(SIGTERM);
    BOOST_TEST(server.wait() == 0);
}

BOOST_AUTO_TEST_CASE(init_with_a_key_file_that_is_missing_can_be_repeated_with_one_that_is_there)
{
    const temporary_directory home;
    const auto store = home.path() / "data";
    const auto key = home.path() / "elsewhere.key";
    const std::vector<std::string> command{"init", "--data", store.string(), "--master-key", key.string()};
    const auto refused = run_doorward(command);
    BOOST_TEST(refused.status == 1);
    BOOST_TEST(refused.out == "");
    BOOST_TEST(says(refused.err, "No such file"));
    write_key(key, 'b');
    BOOST_TEST(run_doorward(command).status == 0);
}

BOOST_AUTO_TEST_CASE(serve_refuses_a_master_key_that_does_not_belong_to_the_store)
{
    server_process server;
    const temporary_directory home;
    const auto key = home.path() / "foreign.key";
    write_key(key, 'c');
    const auto refused = run_doorward(with(serve_command(server.data()), {"--master-key", key.string()}));
    BOOST_TEST(refused.status == 1);
    BOOST_TEST(!says(refused.out, "listens"));
    BOOST_TEST(says(refused.err, "key"));
    BOOST_TEST(!says(refused.err, std::string(64, 'c')));
}

BOOST_AUTO_TEST_CASE(serve_refuses_a_master_key_that_others_may_read)
{
    using std::filesystem::perms;
    server_process server;
    const auto key = server.data() / "master.key";
    for (const perms more : {perms::group_read, perms::others_read, perms::group_write}) {
        std::filesystem::permissions(key, owner_only | more);
        const auto refused = run_doorward(serve_command(server.data()));
        BOOST_TEST(refused.status == 1);
        BOOST_TEST(says(refused.err, "others may read it"));
    }
    std::filesystem::permissions(key, owner_only);
    server.start();
    server.stop();
}

BOOST_AUTO_TEST_CASE(serve_refuses_a_master_key_of_another_form)
{
    server_process server;
    const auto key = server.data() / "master.key";
    const auto right = read_file(key);
    for (const std::string& wrong :
         {std::string{}, right.substr(1), "g" + right.substr(1), right + "\n", '0' + right}) {
        write_file(key, wrong);
        const auto refused = run_doorward(serve_command(server.data()));
        BOOST_TEST(refused.status == 1);
        BOOST_TEST(says(refused.err, "must hold 64 hexadecimal digits"));
        BOOST_TEST(!says(refused.err, right.substr(1, 32)));
    }
}

BOOST_AUTO_TEST_CASE(serve_refuses_a_directory_without_a_store)
{
    const temporary_directory home;
    const auto empty = run_doorward(serve_command(home.path()));
    BOOST_TEST(empty.status == 1);
    BOOST_TEST(says(empty.err, "holds no store yet"));
    const auto absent = run_doorward(serve_command(home.path() / "absent"));
    BOOST_TEST(absent.status == 1);
    BOOST_TEST(says(absent.err, "No such file"));
}

BOOST_AUTO_TEST_CASE(a_directory_is_served_by_one_server_at_a_time)
{
    server_process server;
    server.start();
    for (const auto& command : {serve_command(server.data()), {"init", "--data", server.data().string()}}) {
        const auto second = run_doorward(command);
        BOOST_TEST(second.status == 1);
        BOOST_TEST(says(second.err, "another doorward is using it"));
    }
    server.restart(); // the lock goes with its holder
    server.kill();
    server.start();
    server.stop();
}

BOOST_AUTO_TEST_CASE(a_port_that_is_taken_is_named)
{
    server_process first;
    first.start();
    server_process second;
    const auto taken = "127.0.0.1:" + std::to_string(first.device_port());
    const auto refused = run_doorward(serve_command(second.data(), taken));
    BOOST_TEST(refused.status == 1);
    BOOST_TEST(refused.out == "");
    BOOST_TEST(says(refused.err, "cannot listen on " + taken));
    BOOST_TEST(says(refused.err, "in use"));
    first.stop();
}

BOOST_AUTO_TEST_CASE(an_address_that_is_none_is_refused_with_an_example)
{
    server_process server;
    for (const char* address : {"127.0.0.1", "127.0.0.1:port", "127.0.0.1:70000", "somewhere:80", "127.0.0.1:-1", ""}) {
        const auto refused = run_doorward(serve_command(server.data(), address));
        BOOST_TEST_CONTEXT(address)
        {
            BOOST_TEST(refused.status == 2);
            BOOST_TEST(says(refused.err, "for example 127.0.0.1:8080"));
        }
    }
}

BOOST_AUTO_TEST_CASE(the_command_line_explains_itself)
{
    const auto version = run_doorward({"version"});
    BOOST_TEST(version.status == 0);
    BOOST_TEST(version.out.starts_with("doorward "));
    BOOST_TEST(std::ranges::count(version.out, '\n') == 1);

    const auto help = run_doorward({"--help"});
    BOOST_TEST(help.status == 0);
    for (const char* command : {"init", "serve", "demo", "device", "version"})
        BOOST_TEST(says(help.out, command));
    for (const char* command : {"init", "serve", "demo", "device"}) {
        const auto one = run_doorward({command, "--help"});
        BOOST_TEST(one.status == 0);
        BOOST_TEST(says(one.out, "--help"));
    }
    for (const auto& command :
         std::vector<std::vector<std::string>>{{}, {"fly"}, {"serve"}, {"serve", "--dtaa", "x"}}) {
        const auto wrong = run_doorward(command);
        BOOST_TEST(wrong.status == 2);
        BOOST_TEST(wrong.err != "");
    }
}

// --- start and stop

BOOST_AUTO_TEST_CASE(both_signals_of_an_operator_end_the_server_cleanly)
{
    for (const int number : {SIGTERM, SIGINT}) {
        server_process server;
        const temporary_directory home;
        child_process child{DOORWARD_BINARY, serve_command(server.data()), home.path() / "log"};
        BOOST_TEST(child.read_line().has_value());
        child.signal(number);
        BOOST_TEST(child.wait() == 0);
        BOOST_TEST(says(read_file(home.path() / "log"), "stopped"));
    }
}

// The request is in flight for sure: the server has read its header and asks for the body.
BOOST_AUTO_TEST_CASE(a_request_in_flight_is_answered_before_the_server_ends)
{
    server_process server;
    server.start();
    raw_connection idle{server.device_port()};
    raw_connection busy{server.device_port()};
    busy.send("POST /pa/v3/status HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    BOOST_TEST(busy.read_head().value_or("").starts_with("HTTP/1.1 100 "));

    server.ask_to_stop();
    server.wait_for_log("stopping");
    BOOST_TEST(idle.is_closed());
    busy.send("{}");
    const auto answer = busy.read_answer();
    BOOST_TEST_REQUIRE(answer.has_value());
    BOOST_TEST(answer->status == 200);
    BOOST_TEST((answer->header("Connection") == "close"));
    BOOST_TEST(busy.is_closed());
    server.expect_clean_end();
}

// The first request with a password is checked on a thread of its own, which must be done before what it reports to is
// gone. The answer is no sign of that: it leaves while that thread still has a few instructions to go.
BOOST_AUTO_TEST_CASE(a_server_that_is_stopped_right_after_checking_passwords_ends_cleanly)
{
    server_process server;
    for (int round = 0; round < 30; ++round) {
        server.start({"--io-threads", "2"});
        const http_request wrong{"GET", "/admin/applications", {{"Authorization", "Basic YTpi"}}, ""};
        const auto answers = send_at_once(server.office_url(), std::vector<http_request>(4, wrong));
        BOOST_TEST(count_status(answers, 401) == 4u);
        server.stop();
    }
}

BOOST_AUTO_TEST_CASE(what_was_answered_before_a_stop_is_there_after_it)
{
    scene bank;
    auto phone = bank.enroll("anna");
    for (int i = 0; i < 3; ++i)
        BOOST_TEST(!phone.validate(pk, wrong_pin));
    const auto before = bank.office.detail(phone.activation_id());
    const auto rows = bank.office.history(phone.activation_id());
    bank.server.restart();
    BOOST_TEST(bank.office.detail(phone.activation_id()) == before);
    BOOST_TEST(bank.office.history(phone.activation_id()) == rows);
    BOOST_TEST(before.at("failedAttempts") == 3);
    BOOST_TEST(phone.validate(pk, right_pin));
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(settings_names_and_flags_are_there_after_a_kill_and_no_secret_is_in_the_open)
{
    scene bank;
    const auto phone = bank.enroll("anna");
    const std::string path = "/v2/registrations/" + phone.activation_id();
    const std::string of_app = "/admin/applications/" + bank.application_id;
    const std::string secret = "a-secret-that-nobody-may-see";
    const json wanted{{"maxFailedAttempts", 3},
                      {"provider", {{"url", "http://127.0.0.1:9/judge"}, {"secret", secret}}},
                      {"transfer", {{"spawn", true}, {"flags", {"CLONE"}}}}};
    const auto changed = bank.admin.ask("PATCH", of_app, wanted);
    BOOST_TEST(changed.status == 200);
    BOOST_TEST(changed.body.at("provider").at("hasSecret") == true);
    const auto version = bank.admin.post(of_app + "/versions");
    bank.office.put(path + "/name", {{"name", "work phone"}});
    bank.office.post(path + "/flags", {{"flags", {"VIP", "WORK"}}});

    const auto app = bank.admin.get(of_app);
    const auto detail = bank.office.get(path);
    const auto history = bank.office.history(phone.activation_id());
    bank.server.kill();
    bank.server.start();
    BOOST_TEST(bank.admin.get(of_app) == app);
    BOOST_TEST(app.at("versions").back() == version);
    BOOST_TEST(bank.office.get(path) == detail);
    BOOST_TEST(detail.at("name") == "work phone");
    BOOST_TEST(detail.at("flags") == json({"VIP", "WORK"}));
    BOOST_TEST(bank.office.history(phone.activation_id()) == history);
    bank.server.stop();

    const auto disk = read_file(bank.server.data() / "data.mdb");
    BOOST_TEST(says(disk, "http://127.0.0.1:9/judge"));
    BOOST_TEST(!says(disk, secret));
    BOOST_TEST(!says(disk, version.at("appSecret").get<std::string>()));
    BOOST_TEST(!says(bank.server.log(), secret));
}

// --- the life of a phone

BOOST_DATA_TEST_CASE(a_phone_lives_from_its_code_to_its_removal, data::make({"android", "ios"}), style_name)
{
    const wire_style style = style_named(style_name);
    scene bank;
    office_client& office = bank.office;
    const auto made = bank.create_registration("anna", {{"flags", {"VIP"}}, {"name", "first name"}});
    const std::string& id = made.id;
    BOOST_TEST(office.detail(id).at("registrationStatus") == "CREATED");

    device phone = bank.new_phone(style);
    doorward::bench::activation_details details;
    details.biometry = true;
    details.name = "Anna's \"phone\" <žluť & co.>/\\";
    const auto fingerprint = phone.activate(made.code, right_pin, details);
    BOOST_TEST(phone.activation_id() == id);
    BOOST_TEST(state_seen_by(phone) == "PENDING_COMMIT");
    auto detail = office.detail(id);
    BOOST_TEST(detail.at("registrationStatus") == "PENDING_COMMIT");
    BOOST_TEST(detail.at("activationFingerprint") == fingerprint);
    BOOST_TEST(detail.at("name") == *details.name);
    BOOST_TEST(!detail.contains("activationCode"));
    BOOST_TEST(!phone.validate(pk, right_pin)); // not yet

    office.commit(id);
    BOOST_TEST(state_seen_by(phone) == "ACTIVE");

    // Every combination of factors that the endpoint takes, every method, and a query that has to be sorted.
    const doorward::bench::name_value_list query{{"zulu", "1 2"}, {"alpha", "ž&=+~*"}, {"empty", ""}, {"A", "/"}};
    for (const auto type : {signature_type::possession, pk, signature_type::possession_biometry,
                            signature_type::possession_knowledge_biometry}) {
        for (const char* method : {"POST", "PUT", "DELETE"})
            BOOST_TEST(phone.validate(type, right_pin, method, {}, R"({"text":"<a/b>'=ž"})"), method);
        BOOST_TEST(phone.validate(type, right_pin, "GET", query));
        BOOST_TEST(phone.validate(type, right_pin, "GET"));
        BOOST_TEST(phone.validate(type, right_pin, "POST", {}, ""));
    }
    // One factor that is not possession opens nothing.
    BOOST_TEST(!phone.validate(signature_type::knowledge, right_pin));
    BOOST_TEST(!phone.validate(signature_type::biometry));
    BOOST_TEST(office.detail(id).at("failedAttempts") == 0);

    // The same through the office side.
    auto verdict = office.verify(phone.make_validate_request(pk, right_pin));
    BOOST_TEST(verdict.at("signatureValid") == true);
    BOOST_TEST(verdict.at("userId") == "anna");
    BOOST_TEST(verdict.at("signatureType") == "POSSESSION_KNOWLEDGE");
    BOOST_TEST(verdict.at("flags") == json::array({"VIP"}));

    for (int wrong = 1; wrong <= 5; ++wrong) {
        BOOST_TEST(!phone.validate(pk, wrong_pin));
        const auto seen = phone.status().blob;
        BOOST_TEST(int{seen.failed_attempts} == wrong);
        BOOST_TEST(int{seen.failed_attempts_max} == 5);
        BOOST_TEST(office.detail(id).at("remainingAttempts") == 5 - wrong);
    }
    BOOST_TEST(state_seen_by(phone) == "BLOCKED");
    BOOST_TEST(office.detail(id).at("blockedReason") == "MAX_FAILED_ATTEMPTS");
    BOOST_TEST(!phone.validate(pk, right_pin));
    verdict = office.verify(phone.make_validate_request(pk, right_pin));
    BOOST_TEST(verdict.at("signatureValid") == false);
    BOOST_TEST(verdict.at("registrationStatus") == "BLOCKED");
    BOOST_TEST(verdict.at("remainingAttempts") == 0);

    BOOST_TEST(office.unblock(id).at("registrationStatus") == "ACTIVE");
    BOOST_TEST(state_seen_by(phone) == "ACTIVE");
    BOOST_TEST(int{phone.status().blob.failed_attempts} == 0);
    BOOST_TEST(phone.validate(pk, right_pin));

    BOOST_TEST(office.block(id).at("blockedReason") == "NOT_SPECIFIED");
    BOOST_TEST(state_seen_by(phone) == "BLOCKED");
    office.unblock(id);

    const auto known = phone.state();
    phone.remove(pk, right_pin);
    BOOST_TEST(office.detail(id).at("registrationStatus") == "REMOVED");
    // A phone that still has its keys, say from a copy, learns that it is over, and nothing else.
    device left_over{bank.application, known, style, [&](const http_request& request) {
                         return doorward::bench::http_client{bank.server.device_url()}.request(request);
                     }};
    BOOST_TEST(state_seen_by(left_over) == "REMOVED");
    BOOST_TEST(!left_over.validate(pk, right_pin));
    BOOST_TEST(office.ask("PUT", "/v2/registrations/" + id, {{{"change", "UNBLOCK"}}}).status == 400);

    const std::vector<std::string> story{"CREATE",  "EXCHANGE_KEYS", "COMMIT",  "BLOCK_ON_FAILURES",
                                         "UNBLOCK", "BLOCK",         "UNBLOCK", "REMOVE"};
    BOOST_TEST(events_of(office, id) == story, boost::test_tools::per_element());
    bank.server.stop();
}

BOOST_DATA_TEST_CASE(every_version_of_the_protocol_activates_and_signs, data::make({"3.0", "3.1", "3.2", "3.3"}),
                     version_name)
{
    const auto version = doorward::bench::protocol_version_from(version_name).value();
    scene bank;
    for (const auto style : {wire_style::android, wire_style::ios}) {
        const auto made = bank.create_registration("anna");
        device phone = bank.new_phone(style, version);
        phone.activate(made.code, right_pin);
        bank.office.commit(made.id);
        BOOST_TEST(state_seen_by(phone) == "ACTIVE");
        BOOST_TEST(phone.validate(pk, right_pin));
        BOOST_TEST(!phone.validate(pk, wrong_pin));
        BOOST_TEST(bank.office.detail(made.id).at("failedAttempts") == 1);
        BOOST_TEST(phone.validate(signature_type::possession, {}, "GET", {{"b", "2"}, {"a", "1"}}));
        phone.remove(pk, right_pin);
        BOOST_TEST(bank.office.detail(made.id).at("registrationStatus") == "REMOVED");
    }
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(a_code_serves_once)
{
    scene bank;
    const auto made = bank.create_registration("anna");
    device first = bank.new_phone();
    device second = bank.new_phone();
    first.activate(made.code, right_pin);
    BOOST_CHECK_THROW(second.activate(made.code, right_pin), doorward::bench::server_refused);
    BOOST_TEST(!second.is_activated());
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(a_one_time_password_is_asked_for_where_it_was_agreed)
{
    scene bank;
    // At key exchange: the phone sends it and is active at once.
    auto made = bank.create_registration("anna", {{"otp", "otp-4711"}, {"otpValidation", "ON_KEY_EXCHANGE"}});
    device phone = bank.new_phone();
    doorward::bench::activation_details details;
    BOOST_CHECK_THROW(phone.activate(made.code, right_pin, details), doorward::bench::server_refused);
    BOOST_TEST(bank.office.detail(made.id).at("failedAttempts") == 0);
    details.otp = "otp-0000";
    BOOST_CHECK_THROW(phone.activate(made.code, right_pin, details), doorward::bench::server_refused);
    BOOST_TEST(bank.office.detail(made.id).at("failedAttempts") == 1);
    details.otp = "otp-4711";
    phone.activate(made.code, right_pin, details);
    BOOST_TEST(state_seen_by(phone) == "ACTIVE");
    BOOST_TEST(bank.office.detail(made.id).at("failedAttempts") == 0);

    // At commit: the back office sends it.
    made = bank.create_registration("berta", {{"otp", "otp-4711"}});
    device other = bank.new_phone();
    other.activate(made.code, right_pin);
    const auto commit = "/v2/registrations/" + made.id + "/commit";
    BOOST_TEST(bank.office.ask("POST", commit, json::object()).status == 400);
    BOOST_TEST(bank.office.ask("POST", commit, {{{"otp", "otp-0000"}}}).status == 400);
    BOOST_TEST(bank.office.detail(made.id).at("failedAttempts") == 1);
    BOOST_TEST(bank.office.ask("POST", commit, {{{"otp", "otp-4711"}}}).status == 200);
    BOOST_TEST(state_seen_by(other) == "ACTIVE");
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(an_account_sees_its_own_applications_only)
{
    scene bank;
    auto phone = bank.enroll("anna");
    const auto& id = phone.activation_id();
    const auto stranger =
        bank.admin.post("/admin/users", {{"username", "stranger"}, {"role", "INTEGRATION"}}).at("password");
    office_client other{bank.server, "stranger", stranger.get<std::string>()};

    const auto path = "/v2/registrations/" + id;
    const auto absent = other.ask("GET", "/v2/registrations/00000000-0000-4000-8000-000000000000");
    for (const auto& [method, where, body] : std::vector<std::tuple<std::string, std::string, std::optional<json>>>{
             {"GET", path, std::nullopt},
             {"GET", path + "/history", std::nullopt},
             {"PUT", path, json{{"change", "BLOCK"}}},
             {"POST", path + "/commit", json::object()},
             {"DELETE", path, std::nullopt}}) {
        const auto answer = other.ask(method, where, body);
        BOOST_TEST(answer.status == absent.status, method << ' ' << where);
        BOOST_TEST(answer.body == absent.body);
    }
    BOOST_TEST(other.get("/v2/registrations?userId=anna").at("registrations").empty());
    const auto verdict = other.verify(phone.make_validate_request(pk, right_pin));
    BOOST_TEST(verdict == (json{{"signatureValid", false}, {"registrationStatus", "REMOVED"}}));
    BOOST_TEST(other.ask("POST", "/admin/applications", {{{"id", "mine"}}}).status == 403);
    BOOST_TEST(bank.office.detail(id).at("registrationStatus") == "ACTIVE");
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(wrong_credentials_open_nothing)
{
    scene bank;
    for (const auto& [name, password] : std::vector<std::pair<std::string, std::string>>{
             {bank.office_name, "wrong"}, {bank.office_name, ""}, {"nobody", bank.office_password}, {"", ""}}) {
        const auto answer = office_client(bank.server, name, password).ask("GET", "/v2/registrations?userId=anna");
        BOOST_TEST(answer.status == 401);
        BOOST_TEST(answer.body.at("status") == "ERROR");
    }
    doorward::bench::http_client client{bank.server.office_url()};
    for (const char* header : {"", "Basic", "Basic ", "Basic !!!", "Bearer abc", "Basic YQ=="}) {
        const auto answer = client.request("GET", "/v2/registrations?userId=anna", {{"Authorization", header}}, "");
        BOOST_TEST(answer.status == 401, header);
        BOOST_TEST(answer.header("WWW-Authenticate").value_or("").starts_with("Basic "));
    }
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(each_side_has_its_own_endpoints)
{
    scene bank;
    doorward::bench::http_client device_side{bank.server.device_url()};
    doorward::bench::http_client office_side{bank.server.office_url()};
    BOOST_TEST(device_side.request("GET", "/health", {}, "").status == 200);
    BOOST_TEST(office_side.request("GET", "/health", {}, "").status == 200);
    BOOST_TEST(
        device_side.request("GET", "/admin/applications", {{"Authorization", bank.admin.credentials()}}, "").status ==
        404);
    BOOST_TEST(device_side.request("GET", "/v2/registrations?userId=a", {}, "").status == 404);
    BOOST_TEST(office_side.request("POST", "/pa/v3/status", {}, "{}").status == 404);
    bank.server.stop();
}

// --- what must survive a restart

BOOST_AUTO_TEST_CASE(a_temporary_key_serves_after_a_restart)
{
    scene bank;
    device phone = bank.new_phone();
    const auto key = phone.fetch_temporary_key(doorward::bench::encryption_scope::application);
    const auto made = bank.create_registration("anna");
    bank.server.restart();
    phone.activate(made.code, right_pin); // the phone has no reason to ask for another
    BOOST_TEST(bank.office.detail(made.id).at("registrationStatus") == "PENDING_COMMIT");

    device other = bank.new_phone();
    other.use_temporary_key(doorward::bench::encryption_scope::application, key);
    bank.server.kill();
    bank.server.start();
    const auto second = bank.create_registration("berta");
    other.activate(second.code, right_pin);
    BOOST_TEST(bank.office.detail(second.id).at("registrationStatus") == "PENDING_COMMIT");
    bank.server.stop();
}

// The first activation fails for its one-time password only: its envelope was genuine, so it has been seen.
BOOST_AUTO_TEST_CASE(an_envelope_that_was_seen_stays_seen_after_a_restart)
{
    scene bank;
    const auto made = bank.create_registration("anna", {{"otp", "otp-4711"}, {"otpValidation", "ON_KEY_EXCHANGE"}});
    device phone = bank.new_phone();
    doorward::bench::activation_details details;
    details.otp = "otp-0000";
    const auto wrong = phone.prepare_activation(made.code, right_pin, details).request;
    const auto send = [&](const http_request& what) {
        return doorward::bench::http_client{bank.server.device_url()}.request(what).status;
    };
    BOOST_TEST(send(wrong) == 400);
    BOOST_TEST(bank.office.detail(made.id).at("failedAttempts") == 1);
    BOOST_TEST(send(wrong) == 400);
    BOOST_TEST(bank.office.detail(made.id).at("failedAttempts") == 1);
    bank.server.restart();
    BOOST_TEST(send(wrong) == 400);
    bank.server.kill();
    bank.server.start();
    BOOST_TEST(send(wrong) == 400);
    BOOST_TEST(bank.office.detail(made.id).at("failedAttempts") == 1);
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(a_refused_proof_sent_again_is_not_counted_again_even_after_a_restart)
{
    scene bank;
    device phone = bank.enroll("anna");
    const auto& id = phone.activation_id();
    const auto wrong = phone.make_validate_request(pk, wrong_pin);
    const auto send = [&] { return doorward::bench::http_client{bank.server.device_url()}.request(wrong).status; };
    BOOST_TEST(send() == 401);
    BOOST_TEST(send() == 401);
    BOOST_TEST(bank.office.detail(id).at("failedAttempts") == 1);
    bank.server.restart();
    BOOST_TEST(send() == 401);
    BOOST_TEST(bank.office.detail(id).at("failedAttempts") == 1);
    BOOST_TEST(phone.validate(pk, right_pin));
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(an_accepted_proof_is_refused_when_it_comes_again_even_after_a_restart)
{
    scene bank;
    device phone = bank.enroll("anna");
    const auto right = phone.make_validate_request(pk, right_pin);
    const auto send = [&] { return doorward::bench::http_client{bank.server.device_url()}.request(right).status; };
    BOOST_TEST(send() == 200);
    BOOST_TEST(send() == 401);
    bank.server.restart();
    BOOST_TEST(send() == 401);
    BOOST_TEST(bank.office.detail(phone.activation_id()).at("failedAttempts") == 0);
    bank.server.stop();
}

// --- phones as programs of their own

namespace {

// A phone as a program, with a file as its standard input.
phone_program reading(const phone_program& phone, const std::filesystem::path& file)
{
    phone_program out{
        "sh", {"-c", R"(input=$1; shift; exec "$@" <"$input")", "sh", file.string(), phone.program}, phone.common};
    out.first_words.insert(out.first_words.end(), phone.first_words.begin(), phone.first_words.end());
    return out;
}

// A phone without a network: what is shown to it is genuine, the digits that it shows are right.
void sign_offline(scene& bank, const phone_program& phone, const std::filesystem::path& scanned)
{
    const auto made = bank.create_registration("anna");
    const std::string right{right_pin};
    BOOST_TEST(phone({"activate", made.code, "--pin", right, "--biometry"}).first == 0);
    bank.office.commit(made.id);

    const json data{{"data", "5f3c\nPayment\nPlease confirm ž\nA1*A250.00EUR\nB"}};
    json personal = data;
    personal["registrationId"] = made.id;
    json plain = data;
    plain["appId"] = bank.application_id;
    const auto shown = bank.office.post("/v2/signature/offline/personalized/create", personal);
    const auto for_all = bank.office.post("/v2/signature/offline/non-personalized/create", plain);
    const auto genuine = [&](const std::string& text) {
        write_file(scanned, text);
        return reading(phone, scanned)({"offline-check"}).second.at("genuine").get<bool>();
    };
    const std::string text = shown.at("offlineData");
    BOOST_TEST(genuine(text));
    BOOST_TEST(genuine(for_all.at("offlineData").get<std::string>()));
    BOOST_TEST(!genuine("6" + text.substr(1)));

    const std::string nonce = shown.at("nonce");
    const std::string body = "5f3c&A1*A250.00EUR";
    const auto sign = [&](const std::string& pin, const std::string& factors, const std::string& digits) {
        return phone({"offline-sign", nonce, body, "--pin", pin, "--factors", factors, "--digits", digits})
            .second.at("signature")
            .get<std::string>();
    };
    const auto verify = [&](const std::string& signature, const json& more = json::object()) {
        json question{{"registrationId", made.id}, {"signature", signature}, {"nonce", nonce}, {"body", body}};
        question.update(more);
        return bank.office.post("/v2/signature/offline/verify", question);
    };
    BOOST_TEST(verify(sign(right, "possession_knowledge", "8")).at("signatureValid") == true);
    BOOST_TEST(verify(sign(right, "possession_knowledge", "4"), {{"componentLength", 4}}).at("signatureValid") == true);
    BOOST_TEST(verify(sign(std::string{wrong_pin}, "possession_knowledge", "8")).at("remainingAttempts") == 4);
    const auto finger =
        verify(sign(right, "possession_biometry", "6"), {{"componentLength", 6}, {"allowBiometry", true}});
    BOOST_TEST(finger.at("signatureType") == "POSSESSION_BIOMETRY");
    BOOST_TEST(phone({"validate", "--pin", right}).first == 0); // the same counter

    // What was told is there after the power went.
    for (int i = 0; i < 5; ++i)
        BOOST_TEST(verify("00000000-00000000").at("signatureValid") == false);
    bank.server.kill();
    bank.server.start();
    const auto blocked = verify(sign(right, "possession_knowledge", "8"));
    BOOST_TEST(blocked.at("signatureValid") == false);
    BOOST_TEST(blocked.at("registrationStatus") == "BLOCKED");
    bank.server.stop();
}

} // namespace

BOOST_DATA_TEST_CASE(the_device_command_tells_its_verdict_by_its_exit_status, data::make({"android", "ios"}), style)
{
    scene bank;
    const temporary_directory home;
    const auto state = home.path() / "phone.json";
    const phone_program phone{
        DOORWARD_BINARY, {"device"}, with(phone_options(bank, state, style), {"--pin-iterations", "1"})};
    const auto made = bank.create_registration("anna");
    const std::string right{right_pin};
    const std::string wrong{wrong_pin};

    const auto [activated, told] = phone({"activate", made.code, "--pin", right});
    BOOST_TEST(activated == 0);
    BOOST_TEST(told.at("activationId") == made.id);
    BOOST_TEST(bank.office.detail(made.id).at("activationFingerprint") == told.at("fingerprint"));
    BOOST_TEST((mode_of(state) == owner_only));
    BOOST_TEST(phone({"validate", "--pin", right}).first == 2); // not committed
    bank.office.commit(made.id);
    BOOST_TEST(phone({"validate", "--pin", right}).first == 0);
    BOOST_TEST(phone({"validate", "--method", "GET", "--query", "b=2", "--query", "a=1", "--pin", right}).first == 0);
    for (int i = 0; i < 5; ++i) {
        const auto [refused, why] = phone({"validate", "--pin", wrong});
        BOOST_TEST(refused == 2);
        BOOST_TEST(why.at("httpStatus") == 401);
    }
    BOOST_TEST(phone({"validate", "--pin", right}).first == 2);
    const auto [asked, status] = phone({"status"});
    BOOST_TEST(asked == 0);
    BOOST_TEST(status.at("state") == "BLOCKED");
    BOOST_TEST(status.at("remainingAttempts") == 0);
    bank.office.unblock(made.id);
    BOOST_TEST(phone({"validate", "--pin", right}).first == 0);
    BOOST_TEST(phone({"remove", "--pin", right}).first == 0);
    BOOST_TEST(phone({"validate", "--pin", right}).first == 1); // a phone without an activation has nothing to send
    BOOST_TEST(bank.office.detail(made.id).at("registrationStatus") == "REMOVED");
    bank.server.stop();
    BOOST_TEST(phone({"activate", made.code, "--pin", right}).first == 1); // nobody answers
}

BOOST_AUTO_TEST_CASE(the_device_command_signs_without_a_network)
{
    scene bank;
    const temporary_directory home;
    const auto options = phone_options(bank, home.path() / "phone.json", "android");
    const phone_program phone{DOORWARD_BINARY, {"device"}, with(options, {"--pin-iterations", "1"})};
    sign_offline(bank, phone, home.path() / "scanned");
}

BOOST_AUTO_TEST_SUITE_END()
