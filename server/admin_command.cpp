#include "server/admin_command.hpp"
#include "server/admin_client.hpp"
#include "server/admin_table.hpp"

#include <CLI/CLI.hpp>

#include <termios.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <limits>
#include <span>
#include <sstream>
#include <thread>

namespace doorward::server {
namespace {

using parameters = admin_client::parameters;
using json = admin_json;

constexpr std::size_t page_rows = 1000; // the API tells no more at once

constexpr std::array registration_columns{
    admin_column{"REGISTRATION", "registrationId"},
    admin_column{"USER", "userId"},
    admin_column{"APP", "applicationId"},
    admin_column{"STATE", "registrationStatus"},
    admin_column{"NAME", "name"},
    admin_column{"PLATFORM", "platform"},
    admin_column{"FAILED", "failedAttempts"},
    admin_column{"FLAGS", "flags"},
    admin_column{"LAST USED", "timestampLastUsed", shown_as::time},
};
constexpr std::array history_columns{
    admin_column{"WHEN", "timestampCreated", shown_as::time},
    admin_column{"EVENT", "event"},
    admin_column{"STATE", "registrationStatus"},
    admin_column{"REASON", "eventReason"},
    admin_column{"ACCOUNT", "account"},
    admin_column{"FOR", "externalUserId"},
};
constexpr std::array attempt_columns{
    admin_column{"WHEN", "timestampCreated", shown_as::time},
    admin_column{"RESULT", "result"},
    admin_column{"FACTORS", "factors"},
    admin_column{"COUNTED", "counted"},
    admin_column{"FAILED", "failedAttempts"},
    admin_column{"STATE", "registrationStatus"},
    admin_column{"FROM", "clientIp"},
    admin_column{"CHANNEL", "channel"},
};
constexpr std::array application_columns{
    admin_column{"APPLICATION", "id"},
    admin_column{"ROLES", "roles"},
    admin_column{"ATTEMPTS", "maxFailedAttempts"},
    admin_column{"LOWEST VERSION", "lowestVersion"},
};
constexpr std::array account_columns{
    admin_column{"ACCOUNT", "username"}, admin_column{"ROLE", "role"},
    admin_column{"RIGHTS", "rights"},    admin_column{"APPLICATIONS", "applications"},
    admin_column{"ENABLED", "enabled"},  admin_column{"SINCE", "timestampCreated", shown_as::time},
};
constexpr std::array token_columns{
    admin_column{"TOKEN", "name"},
    admin_column{"SINCE", "timestampCreated", shown_as::time},
    admin_column{"LAST USED", "timestampLastUsed", shown_as::time},
    admin_column{"UNTIL", "timestampExpire", shown_as::time},
};
constexpr std::array webhook_columns{
    admin_column{"WEBHOOK", "id"},
    admin_column{"NAME", "name"},
    admin_column{"URL", "callbackUrl"},
    admin_column{"ENABLED", "enabled"},
};
constexpr std::array event_columns{
    admin_column{"SEQ", "seq"},
    admin_column{"WHEN", "timestampCreated", shown_as::time},
    admin_column{"EVENT", "event"},
    admin_column{"APP", "applicationId"},
    admin_column{"USER", "userId"},
    admin_column{"REGISTRATION", "registrationId"},
    admin_column{"STATE", "registrationStatus"},
    admin_column{"REASON", "eventReason"},
    admin_column{"ACCOUNT", "account"},
};

// Prompts on the terminal itself, so that input and output may be redirected.
class terminal {
public:
    terminal() : file_{"/dev/tty"} {}

    [[nodiscard]] bool is_there() const { return ::isatty(STDIN_FILENO) != 0 && file_.is_open(); }

    std::string ask(const std::string& what)
    {
        std::cerr << what << std::flush;
        std::string line;
        std::getline(file_, line);
        return line;
    }
    std::string ask_secret(const std::string& what)
    {
        termios usual{};
        ::tcgetattr(STDIN_FILENO, &usual);
        termios silent = usual;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
        std::string line = ask(what);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &usual);
        std::cerr << '\n';
        return line;
    }

private:
    std::ifstream file_;
};

std::string first_line_of(const std::string& path)
{
    std::ifstream file{path};
    std::string line;
    if (!std::getline(file, line))
        throw CLI::FileError{path + " cannot be read, or is empty"};
    return line;
}

std::string environment(const char* name)
{
    const char* const value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): start-up
    return value == nullptr ? std::string{} : std::string{value};
}

admin_exit exit_for(long status)
{
    switch (status) {
    case 401:
    case 403:
        return admin_exit::not_allowed;
    case 404:
        return admin_exit::not_found;
    case 429:
    case 503:
    case 507:
        return admin_exit::busy;
    default:
        break;
    }
    if (status >= 200 && status < 300)
        return admin_exit::done;
    return status >= 400 && status < 500 ? admin_exit::refused : admin_exit::failed;
}

// The compatible status style says 400 where something is missing; the code tells more.
admin_exit exit_for(const admin_client::answer& got, const std::string& code)
{
    return code.ends_with("NOT_FOUND") ? admin_exit::not_found : exit_for(got.status);
}

class admin {
public:
    explicit admin(int& exit_code) : exit_code_{exit_code} {}

    void add_to(CLI::App& parent)
    {
        auto* app = parent.add_subcommand("admin", "Applications, accounts, registrations and events of a running "
                                                   "server, over its office side");
        app->require_subcommand(1);
        app->fallthrough(); // --json and the others also behind the command
        app->add_option("--server", target_.url, "URL of the office side")
            ->envname("DOORWARD_SERVER")
            ->capture_default_str();
        app->add_option("--user", target_.username, "Account")->envname("DOORWARD_USER");
        app->add_option("--password-file", password_file_,
                        "File whose first line is its password; else $DOORWARD_PASSWORD, or it is asked for")
            ->envname("DOORWARD_PASSWORD_FILE");
        app->add_option("--token-file", token_file_,
                        "File whose first line is a token of an account, in place of name and password; else "
                        "$DOORWARD_TOKEN")
            ->envname("DOORWARD_TOKEN_FILE");
        app->add_option("--ca", target_.ca_file, "PEM file of whom to trust with TLS; else what the system trusts")
            ->envname("DOORWARD_CA");
        app->add_option("--certificate", target_.certificate_file, "PEM file of a client certificate")
            ->envname("DOORWARD_CERTIFICATE");
        app->add_option("--key", target_.key_file, "PEM file of its key")->envname("DOORWARD_KEY");
        app->add_option("--for", target_.external_user, "On whose behalf it is done; goes into the history");
        app->add_flag("--json", as_json_, "What the server answered, for scripts");
        app->footer(
            "Ends with 0 when it is done, 1 when the server is not reached or fails, 2 when the command line is "
            "wrong, 3 when\nthere is no such thing, 4 when it is refused, 5 when the account may not, 6 when "
            "it is worth trying again.");
        add_applications(*app);
        add_accounts(*app);
        add_tokens(*app);
        add_registrations(*app);
        add_events(*app);
        add_webhooks(*app);
        add_server(*app);
    }

private:
    // --- commands

    void add_applications(CLI::App& app)
    {
        auto& group = add_group(app, "applications", "Mobile apps whose phones are registered");
        add(group, "list", "All that the account sees",
            [this] { list_whole("/admin/applications", "applications", application_columns); });
        auto* show = add(group, "show", "Settings, versions and keys",
                         [this] { fields("GET", "/admin/applications/" + segment(id_)); });
        show->add_option("APPLICATION", id_)->required();
        auto* create = add(group, "create", "Make one; tells the configuration of the mobile SDK", [this] {
            fields("POST", "/admin/applications", json::object({{"id", id_}}));
        });
        create->add_option("APPLICATION", id_, "Letters, digits and . _ -")->required();
        auto* remove = add(group, "remove", "Remove one that has no registrations left", [this] {
            if (confirmed("remove the application " + id_, id_))
                fields("DELETE", "/admin/applications/" + segment(id_));
        });
        remove->add_option("APPLICATION", id_)->required();
        add_yes(remove);
        auto* policy = add(group, "policy", "What failed attempts lead to",
                           [this] { fields("GET", "/admin/applications/" + segment(id_) + "/lockout-policy"); });
        policy->add_option("APPLICATION", id_)->required();
    }

    void add_accounts(CLI::App& app)
    {
        auto& group = add_group(app, "accounts", "Who may call the office side");
        add(group, "list", "All accounts", [this] { list_whole("/admin/users", "users", account_columns); });
        const auto named = [this](CLI::App* command) { command->add_option("ACCOUNT", id_)->required(); };
        const auto path = [this] { return "/admin/users/" + segment(id_); };
        named(add(group, "show", "One account", [this, path] { fields("GET", path()); }));
        auto* create = add(group, "create", "Make one; its password is told once", [this] {
            json body = json::object({{"username", id_}, {"role", role_}});
            if (!values_.empty())
                body["rights"] = values_;
            fields("POST", "/admin/users", body);
        });
        named(create);
        create->add_option("--role", role_)
            ->required()
            ->check(CLI::IsMember({"ADMIN", "INTEGRATION", "OPERATOR", "AUDITOR", "METRICS"}));
        create->add_option("--right", values_, "REMOVE or BULK; of operators");
        named(add(group, "enable", "Let it in again", [this, path] {
            fields("PATCH", path(), json::object({{"enabled", true}}));
        }));
        named(add(group, "disable", "Keep it out", [this, path] {
            fields("PATCH", path(), json::object({{"enabled", false}}));
        }));
        named(add(group, "rotate", "Give it another password, told once",
                  [this, path] { fields("POST", path() + "/rotate"); }));
        auto* remove = add(group, "remove", "Remove it with its tokens", [this, path] {
            if (confirmed("remove the account " + id_, id_))
                fields("DELETE", path());
        });
        named(remove);
        add_yes(remove);
        auto* assign = add(group, "assign", "Let it see an application",
                           [this, path] { fields("POST", path() + "/applications/" + segment(name_)); });
        named(assign);
        assign->add_option("APPLICATION", name_)->required();
        auto* unassign = add(group, "unassign", "Let it see an application no more",
                             [this, path] { fields("DELETE", path() + "/applications/" + segment(name_)); });
        named(unassign);
        unassign->add_option("APPLICATION", name_)->required();
    }

    void add_tokens(CLI::App& app)
    {
        auto& group = add_group(app, "tokens", "Tokens that stand for an account in place of its password");
        const auto path = [this] { return "/admin/users/" + segment(id_) + "/tokens"; };
        auto* list_all =
            add(group, "list", "Tokens of an account", [this, path] { list_whole(path(), "tokens", token_columns); });
        list_all->add_option("ACCOUNT", id_)->required();
        auto* create = add(group, "create", "Make one; it is told once", [this, path] {
            fields("POST", path(), json::object({{"name", name_}}));
        });
        create->add_option("ACCOUNT", id_)->required();
        create->add_option("NAME", name_)->required();
        auto* revoke = add(group, "revoke", "Make one worthless, at once",
                           [this, path] { fields("DELETE", path() + "/" + segment(name_)); });
        revoke->add_option("ACCOUNT", id_)->required();
        revoke->add_option("NAME", name_)->required();
    }

    void add_registrations(CLI::App& app)
    {
        auto& group = add_group(app, "registrations", "Phones of users");
        const auto named = [this](CLI::App* command) {
            command->add_option("REGISTRATION", id_)->required();
            return command;
        };
        const auto path = [this](const char* more = "") { return "/v2/registrations/" + segment(id_) + more; };

        auto* find = add(group, "list", "Those of a user, or all that are like this", [this] {
            parameters query{{"userId", user_},
                             {"appId", application_},
                             {"name", name_},
                             {"platform", role_},
                             {"removed", removed_ ? "true" : ""}};
            for (const std::string& each : states_)
                query.emplace_back("status", each);
            for (const std::string& each : values_)
                query.emplace_back("flag", each);
            list("/v2/registrations", "registrations", registration_columns, std::move(query));
        });
        find->add_option("--user", user_, "Of this user");
        find->add_option("--app", application_, "Of this application");
        find->add_option("--status", states_, "CREATED, PENDING_COMMIT, ACTIVE, BLOCKED, REMOVED; any of these");
        find->add_option("--flag", values_, "With all of these");
        find->add_option("--platform", role_, "ios, android, ...");
        find->add_option("--name", name_, "Part of the name");
        find->add_flag("--removed", removed_, "REMOVED ones, too");
        add_limit(find);

        named(add(group, "show", "State, attempts, name, flags", [this, path] { fields("GET", path()); }));
        named(add(group, "explain", "Why it is in its state, until when, and who can change that",
                  [this, path] { explain(path("/explain")); }));
        auto* create = add(group, "create", "Make one; tells the activation code", [this] {
            json body = json::object({{"userId", user_}, {"appId", application_}});
            if (!name_.empty())
                body["name"] = name_;
            if (!values_.empty())
                body["flags"] = values_;
            fields("POST", "/v2/registrations", body);
        });
        create->add_option("--user", user_)->required();
        create->add_option("--app", application_)->required();
        create->add_option("--name", name_);
        create->add_option("--flag", values_);
        named(add(group, "commit", "Make it ACTIVE, after the phone used the code",
                  [this, path] { fields("POST", path("/commit"), json::object()); }));
        auto* block = named(add(group, "block", "Refuse all its proofs", [this, path] {
            json body = json::object({{"change", "BLOCK"}});
            if (!reason_.empty())
                body["blockedReason"] = reason_;
            fields("PUT", path(), body, parameters{{"cascade", cascade_ ? "true" : ""}});
        }));
        block->add_option("--reason", reason_);
        block->add_flag("--cascade", cascade_, "Those that were made from it, too");
        named(add(group, "unblock", "Take its proofs again, with all attempts", [this, path] {
            fields("PUT", path(), json::object({{"change", "UNBLOCK"}}));
        }));
        auto* remove = named(add(group, "remove", "Remove it, for ever", [this, path] {
            if (confirmed("remove the registration " + id_ + " for ever", "remove"))
                fields("DELETE", path(), std::nullopt, parameters{{"reason", reason_}});
        }));
        remove->add_option("--reason", reason_);
        add_yes(remove);
        auto* rename = named(add(group, "name", "Give it a name", [this, path] {
            fields("PUT", path("/name"), json::object({{"name", name_}}));
        }));
        rename->add_option("NAME", name_)->required();
        auto* flag = named(add(group, "flags", "Show, add, remove or replace its flags",
                               [this, path] { change_flags(path("/flags")); }));
        flag->add_option("--add", values_);
        flag->add_option("--remove", removed_flags_);
        flag->add_option("--set", states_, "These and no others")->excludes("--add")->excludes("--remove");
        add_limit(named(add(group, "history", "What became of it, latest first",
                            [this, path] { list(path("/history"), "items", history_columns); })));
        add_limit(named(add(group, "attempts", "Its attempts, latest first",
                            [this, path] { list(path("/attempts"), "items", attempt_columns); })));
        named(
            add(group, "lockout", "Its failures, and what is left", [this, path] { fields("GET", path("/lockout")); }));
        named(add(group, "reset", "Forget its failures", [this, path] {
            fields("PUT", path("/lockout"), json::object({{"reset", true}}));
        }));
    }

    void add_events(CLI::App& app)
    {
        auto& group = add_group(app, "events", "Everything that happened, in its order");
        auto* all = add(group, "list", "Those after one, the oldest first", [this] { list_events(); });
        all->add_option("--after", after_, "Number of an event");
        add_limit(all);
        auto* watch = add(group, "watch", "Follow it, until Ctrl-C", [this] { watch_events(); });
        watch->add_option("--after", after_, "Number of an event; without it, from now on");
        watch->add_option("--app", application_, "Of this application");
    }

    void add_webhooks(CLI::App& app)
    {
        auto& group = add_group(app, "webhooks", "Where the events of an application are sent");
        auto* all = add(group, "list", "Webhooks of an application", [this] {
            list_whole("/admin/applications/" + segment(id_) + "/callbacks", "callbacks", webhook_columns);
        });
        all->add_option("APPLICATION", id_)->required();
        auto* test = add(group, "test", "Send a test event", [this] {
            fields("POST", "/admin/applications/" + segment(id_) + "/callbacks/" + segment(name_) + "/test");
        });
        test->add_option("APPLICATION", id_)->required();
        test->add_option("WEBHOOK", name_)->required();
    }

    void add_server(CLI::App& app)
    {
        add(app, "stats", "Registrations by state and platform, lockouts", [this] { fields("GET", "/v2/stats"); });
        add(app, "live", "What happens now, in totals since the start", [this] { fields("GET", "/v2/stats/live"); });
        add(
            app, "health", "Does the server take requests?", [this] { fields("GET", "/health/ready"); }, false);
        auto* request = add(app, "request", "Any request of the API; tells the answer as it is", [this] { raw(); });
        request->add_option("METHOD", role_)->required();
        request->add_option("PATH", id_, "With its query")->required();
        request->add_option("BODY", name_, "JSON");
    }

    // --- how commands are built

    static CLI::App& add_group(CLI::App& to, const char* name, const char* what)
    {
        auto* group = to.add_subcommand(name, what);
        group->require_subcommand(1);
        group->fallthrough();
        return *group;
    }

    template <class Action>
    CLI::App* add(CLI::App& to, const char* name, const char* what, Action action, bool signs_in = true)
    {
        auto* command = to.add_subcommand(name, what);
        command->fallthrough();
        command->callback([this, action, signs_in] {
            try {
                if (signs_in)
                    sign_in();
                client_.emplace(target_);
                action();
            } catch (const unreachable& problem) {
                std::cerr << "doorward: " << problem.what() << '\n';
                exit_code_ = static_cast<int>(admin_exit::failed);
            } catch (const json::exception&) {
                std::cerr << "doorward: " << target_.url << ": the answer is not what the office side answers\n";
                exit_code_ = static_cast<int>(admin_exit::failed);
            }
        });
        return command;
    }

    void add_yes(CLI::App* command) { command->add_flag("--yes", yes_, "Do not ask whether it is meant"); }
    void add_limit(CLI::App* command)
    {
        command->add_option("--limit", limit_, "Rows at most; 0: all")->capture_default_str();
    }

    void sign_in()
    {
        target_.token = token_file_.empty() ? environment("DOORWARD_TOKEN") : first_line_of(token_file_);
        if (!target_.token.empty())
            return;
        if (target_.username.empty())
            throw CLI::RequiredError{"--user or --token-file"};
        target_.password = password_file_.empty() ? environment("DOORWARD_PASSWORD") : first_line_of(password_file_);
        terminal tty;
        if (target_.password.empty() && tty.is_there())
            target_.password = tty.ask_secret("Password of " + target_.username + ": ");
        if (target_.password.empty())
            throw CLI::RequiredError{"--password-file"};
    }

    // Typed, so that nothing is removed by a slip; scripts say --yes.
    bool confirmed(const std::string& what, const std::string& word)
    {
        if (yes_)
            return true;
        terminal tty;
        if (!tty.is_there())
            throw CLI::RequiredError{"--yes"};
        if (tty.ask("To " + what + ", type " + word + ": ") == word)
            return true;
        std::cerr << "nothing was done\n";
        exit_code_ = static_cast<int>(admin_exit::refused);
        return false;
    }

    static std::string segment(const std::string& text) { return admin_client::segment(text); }

    // --- answers

    // Empty when it was an error, which has been told then.
    std::optional<json> good(const admin_client::answer& got)
    {
        if (got.is_good())
            return got.body.empty() ? json::object() : json::parse(got.body);
        std::string code;
        std::string message = "status " + std::to_string(got.status);
        const auto body = json::parse(got.body, nullptr, false);
        if (body.is_object() && body.contains("responseObject")) {
            const json& why = body["responseObject"];
            code = why.value("code", "");
            message = code + ": " + why.value("message", "");
            for (const json& each : why.value("violations", json::array()))
                message += "\n  " + each.value("fieldName", "") + ": " + each.value("hint", "");
        } else if (body.is_object() && body.contains("reasons")) {
            message = body.value("status", "") + ": " + shown(body["reasons"], shown_as::text);
        }
        if (as_json_)
            std::cout << got.body << '\n';
        else
            std::cerr << "doorward: " << message << '\n';
        exit_code_ = static_cast<int>(exit_for(got, code));
        return std::nullopt;
    }

    void fields(const std::string& method, const std::string& path, const std::optional<json>& body = std::nullopt,
                const parameters& query = {})
    {
        const auto got = good(client_->request(method, path, query, body));
        if (!got)
            return;
        if (as_json_)
            std::cout << got->dump(2) << '\n';
        else
            write_fields(std::cout, *got);
    }

    // Page after page, until there are as many rows as are wanted.
    void list(const std::string& path, const std::string& member, std::span<const admin_column> columns,
              parameters query = {})
    {
        json rows = json::array();
        std::string cursor;
        const std::size_t most = limit_ == 0 ? std::numeric_limits<std::size_t>::max() : limit_;
        do {
            parameters asked = query;
            asked.emplace_back("limit", std::to_string(std::min(page_rows, most - rows.size())));
            asked.emplace_back("cursor", cursor);
            const auto got = good(client_->request("GET", path, asked));
            if (!got)
                return;
            for (const json& row : got->at(member))
                rows.push_back(row);
            cursor = got->value("nextCursor", "");
        } while (!cursor.empty() && rows.size() < most);
        tell_rows(member, columns, rows, !cursor.empty());
    }

    // What is told without pages.
    void list_whole(const std::string& path, const std::string& member, std::span<const admin_column> columns)
    {
        if (const auto got = good(client_->request("GET", path, {})))
            tell_rows(member, columns, got->at(member), false);
    }

    void tell_rows(const std::string& member, std::span<const admin_column> columns, const json& rows, bool more) const
    {
        if (as_json_)
            std::cout << json::object({{member, rows}}).dump(2) << '\n';
        else
            write_table(std::cout, columns, rows);
        if (more)
            std::cerr << "there are more; --limit 0 shows all\n";
    }

    void list_events()
    {
        json rows = json::array();
        const std::size_t most = limit_ == 0 ? std::numeric_limits<std::size_t>::max() : limit_;
        std::uint64_t after = after_.value_or(0);
        bool more = true;
        while (more && rows.size() < most) {
            const auto wanted = std::to_string(std::min(page_rows, most - rows.size()));
            const auto got =
                good(client_->request("GET", "/v2/events", {{"after", std::to_string(after)}, {"limit", wanted}}));
            if (!got)
                return;
            for (const json& row : got->at("events"))
                rows.push_back(row);
            after = got->at("next").get<std::uint64_t>();
            more = after < got->at("last").get<std::uint64_t>();
        }
        tell_rows("events", event_columns, rows, more);
    }

    void explain(const std::string& path)
    {
        const auto got = good(client_->request("GET", path));
        if (!got)
            return;
        if (as_json_) {
            std::cout << got->dump(2) << '\n';
            return;
        }
        std::cout << shown(got->value("summary", json{}), shown_as::text) << '\n';
        if (got->contains("attempts") && !got->at("attempts").empty()) {
            std::cout << '\n';
            write_table(std::cout, attempt_columns, got->at("attempts"));
        }
        if (got->contains("next") && !got->at("next").empty()) {
            constexpr std::array next_columns{admin_column{"NEXT", "event"},
                                              admin_column{"STATE", "registrationStatus"}, admin_column{"BY", "by"}};
            std::cout << '\n';
            write_table(std::cout, next_columns, got->at("next"));
        }
    }

    void change_flags(const std::string& path)
    {
        if (!removed_flags_.empty()) {
            parameters query;
            for (const std::string& each : removed_flags_)
                query.emplace_back("flag", each);
            if (values_.empty())
                return fields("DELETE", path, std::nullopt, query);
            if (!good(client_->request("DELETE", path, query)))
                return;
        }
        if (!states_.empty())
            fields("PUT", path, json::object({{"flags", states_}}));
        else if (!values_.empty())
            fields("POST", path, json::object({{"flags", values_}}));
        else
            fields("GET", path);
    }

    // Comes again when the connection ends, from where it was: nothing is missed.
    void watch_events()
    {
        constexpr std::chrono::seconds pause{1};
        bool told_columns = as_json_;
        bool was_there = false;
        const auto tell = [&](const json& event) {
            after_ = event.at("seq").get<std::uint64_t>();
            if (!application_.empty() && event.value("applicationId", "") != application_)
                return;
            if (as_json_) {
                std::cout << event.dump() << std::endl;
                return;
            }
            std::ostringstream lines;
            write_table(lines, event_columns, json::array({event}));
            const std::string text = lines.str();
            const auto header_end = text.find('\n') + 1;
            std::cout << (told_columns ? text.substr(header_end) : text) << std::flush;
            told_columns = true;
        };
        for (;;) {
            try {
                const auto got = client_->follow("/v2/events/stream", after_, tell);
                was_there = was_there || got.is_good();
                const bool worth_it = got.is_good() || exit_for(got.status) == admin_exit::busy;
                if (!worth_it) {
                    static_cast<void>(good(got));
                    return;
                }
            } catch (const unreachable& problem) {
                if (!was_there)
                    throw;
                std::cerr << "doorward: " << problem.what() << "; trying again\n";
            }
            std::this_thread::sleep_for(pause);
        }
    }

    void raw()
    {
        const auto body = name_.empty() ? std::nullopt : std::optional{json::parse(name_, nullptr, false)};
        if (body && body->is_discarded())
            throw CLI::ValidationError{"BODY", "is not JSON"};
        const auto got = client_->request(role_, id_, {}, body);
        std::cout << got.body << '\n';
        exit_code_ = static_cast<int>(exit_for(got.status));
    }

    int& exit_code_;
    admin_target target_;
    std::string password_file_;
    std::string token_file_;
    bool as_json_ = false;

    // Arguments of the one command that runs.
    std::string id_;
    std::string name_;
    std::string user_;
    std::string application_;
    std::string role_;
    std::string reason_;
    std::vector<std::string> values_;
    std::vector<std::string> states_;
    std::vector<std::string> removed_flags_;
    std::optional<std::uint64_t> after_;
    std::size_t limit_ = 100;
    bool removed_ = false;
    bool cascade_ = false;
    bool yes_ = false;

    std::optional<admin_client> client_;
};

} // namespace

void add_admin_command(CLI::App& parent, int& exit_code)
{
    static admin command{exit_code}; // what the options refer to, as long as the process
    command.add_to(parent);
}

} // namespace doorward::server
