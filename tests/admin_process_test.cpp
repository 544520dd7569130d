// `doorward admin` against a whole server: what it shows, what it changes, and what it ends with.

#include "tests/process_support.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>

namespace {

using namespace doorward::tests;

class operators_desk {
public:
    operators_desk()
    {
        server.start();
        write_file(home_.path() / "password", server.admin_password() + "\n");
        run({"applications", "create", "bank"});
    }

    std::vector<std::string> arguments(const std::vector<std::string>& command, const std::string& user = {}) const
    {
        std::vector<std::string> out{"admin",
                                     "--server",
                                     server.office_url(),
                                     "--user",
                                     user.empty() ? server.admin_name() : user,
                                     "--password-file",
                                     (home_.path() / "password").string()};
        out.insert(out.end(), command.begin(), command.end());
        return out;
    }
    program_result try_to(const std::vector<std::string>& command) const { return run_doorward(arguments(command)); }
    std::string run(const std::vector<std::string>& command) const
    {
        const auto done = try_to(command);
        BOOST_TEST(done.status == 0, done.err);
        return done.out;
    }
    json ask(std::vector<std::string> command) const
    {
        command.emplace_back("--json");
        return json::parse(run(command));
    }
    std::string create(const std::string& user) const
    {
        return ask({"registrations", "create", "--user", user, "--app", "bank"}).at("registrationId");
    }
    std::filesystem::path file(const char* name) const { return home_.path() / name; }

    server_process server;

private:
    temporary_directory home_;
};

bool holds(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(admin_process)

BOOST_AUTO_TEST_CASE(an_operator_finds_a_phone_and_changes_it)
{
    operators_desk desk;
    const std::string id = desk.create("alice");
    const auto table = desk.run({"registrations", "list", "--user", "alice"});
    BOOST_TEST(table.starts_with("REGISTRATION"));
    BOOST_TEST(holds(table, id));
    BOOST_TEST(holds(table, "CREATED"));
    BOOST_TEST(desk.try_to({"registrations", "name", id, "Alice's phone"}).status == 4); // which phone?
    desk.run({"registrations", "flags", id, "--add", "VIP", "--add", "NEW"});
    desk.run({"registrations", "flags", id, "--remove", "NEW", "--for", "jane.doe"});
    const auto shown = desk.ask({"registrations", "show", id});
    BOOST_TEST((shown.at("flags") == json{"VIP"}));
    const auto history = desk.ask({"registrations", "history", id}).at("items");
    BOOST_TEST(history.front().at("externalUserId") == "jane.doe");
    BOOST_TEST(holds(desk.run({"registrations", "explain", id}), "CREATED"));
    BOOST_TEST(holds(desk.run({"registrations", "show", id}), "timestampCreated"));
}

BOOST_AUTO_TEST_CASE(more_rows_than_one_page_are_listed)
{
    operators_desk desk;
    for (int i = 0; i < 7; ++i)
        static_cast<void>(desk.create("bob"));
    BOOST_TEST(desk.ask({"registrations", "list", "--user", "bob", "--limit", "3"}).at("registrations").size() == 3U);
    BOOST_TEST(desk.ask({"registrations", "list", "--user", "bob", "--limit", "0"}).at("registrations").size() == 7U);
    const auto some = desk.try_to({"registrations", "list", "--user", "bob", "--limit", "3"});
    BOOST_TEST(holds(some.err, "there are more"));
    const auto events = desk.ask({"events", "list", "--limit", "0"}).at("events");
    BOOST_TEST(events.front().at("seq") == 1);
    BOOST_TEST(events.back().at("seq") == events.size());
}

BOOST_AUTO_TEST_CASE(what_it_ends_with_tells_why)
{
    operators_desk desk;
    const std::string id = desk.create("alice");
    const auto status = [&desk](const std::vector<std::string>& command) { return desk.try_to(command).status; };
    BOOST_TEST(status({"registrations", "show", "3c7d7dc2-24c2-4f38-9b1c-6d2f7a5f0e91"}) == 3);
    BOOST_TEST(status({"registrations", "commit", id}) == 4); // no phone yet
    BOOST_TEST(status({"registrations", "list", "--nonsense"}) == 2);
    BOOST_TEST(status({"registrations", "remove", id}) == 2); // nobody there to ask
    BOOST_TEST(desk.ask({"registrations", "show", id}).at("registrationStatus") == "CREATED");
    BOOST_TEST(status({"registrations", "remove", id, "--yes"}) == 0);
    BOOST_TEST(run_doorward(desk.arguments({"stats"}, "nobody")).status == 5);
    const auto refused = desk.try_to({"registrations", "create", "--user", "alice", "--app", "nowhere"});
    BOOST_TEST(refused.status == 4);
    BOOST_TEST(holds(refused.err, "appId"));
    BOOST_TEST(refused.out.empty());
    desk.server.stop();
    const auto gone = desk.try_to({"stats"});
    BOOST_TEST(gone.status == 1);
    BOOST_TEST(holds(gone.err, desk.server.office_url()));
}

BOOST_AUTO_TEST_CASE(a_token_stands_for_its_account)
{
    operators_desk desk;
    desk.run({"accounts", "create", "grafana", "--role", "METRICS"});
    const auto made = desk.ask({"tokens", "create", "grafana", "ci"});
    write_file(desk.file("token"), made.at("token").get<std::string>() + "\n");
    const auto with_token = [&desk](const std::vector<std::string>& command) {
        std::vector<std::string> arguments{"admin", "--server", desk.server.office_url(), "--token-file",
                                           desk.file("token").string()};
        arguments.insert(arguments.end(), command.begin(), command.end());
        return run_doorward(arguments);
    };
    BOOST_TEST(with_token({"live"}).status == 0);
    BOOST_TEST(with_token({"accounts", "list"}).status == 5);
    BOOST_TEST(holds(desk.run({"tokens", "list", "grafana"}), "ci"));
    desk.run({"tokens", "revoke", "grafana", "ci"});
    BOOST_TEST(with_token({"live"}).status == 5);
    BOOST_TEST(!holds(desk.run({"accounts", "list"}), "password"));
}

BOOST_AUTO_TEST_CASE(whoever_watches_misses_nothing_of_a_restart)
{
    operators_desk desk;
    const auto watcher =
        start_doorward(desk.arguments({"events", "watch", "--after", "0", "--json"}), desk.file("errors"));
    std::uint64_t seen = 0;
    const auto read_up_to = [&](std::uint64_t last) {
        while (seen < last) {
            const auto line = watcher->read_line();
            BOOST_TEST_REQUIRE(line.has_value());
            const auto sequence = json::parse(*line).at("seq").get<std::uint64_t>();
            BOOST_TEST(sequence == seen + 1);
            seen = sequence;
        }
    };
    const auto last = [&desk] { return desk.ask({"events", "list", "--limit", "0"}).at("events").size(); };
    static_cast<void>(desk.create("alice"));
    read_up_to(last());
    desk.server.kill();
    desk.server.start_again();
    static_cast<void>(desk.create("bob"));
    read_up_to(last());
    watcher->signal(SIGTERM);
}

BOOST_AUTO_TEST_CASE(a_shell_is_told_what_can_come_next)
{
    const auto next = [](std::vector<std::string> words) {
        words.insert(words.begin(), "complete");
        return run_doorward(words).out;
    };
    BOOST_TEST(next({"ad"}) == "admin\n");
    BOOST_TEST(next({"admin", "registrations", "un"}) == "unblock\n");
    BOOST_TEST(next({"admin", "--user", "x", "events", "watch", "--a"}) == "--after\n--app\n");
    BOOST_TEST(holds(next({"admin", "stats", "--"}), "--json\n"));
    BOOST_TEST(!holds(next({""}), "complete"));
}

BOOST_AUTO_TEST_SUITE_END()
