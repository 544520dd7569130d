// The command line. The only file that knows all commands, and with it the only one of this folder that includes
// bench/.

#include "bench/bench_command.hpp"
#include "bench/demo.hpp"
#include "bench/device_command.hpp"
#include "bench/populate.hpp"
#include "crypto/init.hpp"
#include "handlers/version.hpp"
#include "server/admin_command.hpp"
#include "server/audit.hpp"
#include "server/backup.hpp"
#include "server/check.hpp"
#include "server/completion.hpp"
#include "server/config_file.hpp"
#include "server/init.hpp"
#include "server/master_key_rotation.hpp"
#include "server/serve.hpp"
#include "server/upgrade.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdlib>
#include <iostream>

namespace {

using namespace doorward;

struct init_options {
    std::filesystem::path data;
    std::filesystem::path master_key;
    std::string admin = "admin";
};

void add_init_command(CLI::App& parent, init_options& wanted)
{
    auto* command = parent.add_subcommand("init", "Make a store, its master key and the first admin");
    command->add_option("--data", wanted.data, "Directory of the store; made when it does not exist")->required();
    command->add_option("--admin", wanted.admin, "Name of the first admin")->capture_default_str();
    command->add_option("--master-key", wanted.master_key,
                        "Existing key file to seal secrets with; without it DIR/master.key is made");
    command->callback([&wanted] {
        const auto made = server::initialise_data(wanted.data, wanted.admin, wanted.master_key);
        // Names and passwords consist of letters, digits and . _ - @ only.
        std::cout << R"({"username":")" << made.username << R"(","password":")" << made.password << "\"}\n";
    });
}

// The file, and a flag for every setting.
void add_config_options(CLI::App& command, server::config_source& wanted)
{
    command.add_option("--config", wanted.file,
                       "TOML file of settings; `doorward config defaults` prints one with all");
    for (const server::config_setting& each : server::config_settings()) {
        const auto dot = each.key.rfind('.');
        std::string text{each.comment};
        std::ranges::replace(text, '\n', ' ');
        const std::string key{each.key};
        const auto flag = server::flag_of(each);
        const server::settings defaults = server::default_settings();
        const auto default_text = server::config_text(defaults, each);
        CLI::Option* option = nullptr;
        if (default_text == "false") {
            option = command.add_flag_callback(
                flag, [&wanted, key] { wanted.flags[key] = "true"; }, text);
        } else {
            option = command.add_option_function<std::string>(
                flag, [&wanted, key](const std::string& given) { wanted.flags[key] = given; }, text);
            option->type_name(std::string{each.unit.empty() ? "TEXT" : each.unit});
            if (default_text != "\"\"")
                option->default_str(default_text.front() == '"' ? default_text.substr(1, default_text.size() - 2)
                                                                : default_text);
            if (!each.choices.empty())
                option->check(CLI::IsMember(CLI::detail::split(std::string{each.choices}, '|')));
        }
        if (dot != std::string::npos)
            option->group("[" + key.substr(0, dot) + "]");
    }
}

void add_serve_command(CLI::App& parent, server::config_source& wanted)
{
    auto* command =
        parent.add_subcommand("serve", "Run the server in the foreground until SIGTERM or SIGINT; SIGHUP reloads");
    add_config_options(*command, wanted);
    command->footer("Every flag is a setting of the file, too, and a variable: --device is `listen` of [device] and\n"
                    "$DOORWARD_DEVICE_LISTEN. A flag goes before a variable, a variable before the file.");
    command->callback([&wanted] { server::serve(wanted); });
}

void add_config_command(CLI::App& parent, server::config_source& wanted)
{
    auto* config = parent.add_subcommand("config", "Look at the configuration");
    config->require_subcommand(1);
    auto* check = config->add_subcommand("check", "Say what is wrong with a configuration, its certificates included");
    add_config_options(*check, wanted);
    check->callback([&wanted] {
        server::check_configuration(wanted);
        std::cout << "the configuration is right\n";
    });
    auto* show = config->add_subcommand("show", "Print every setting as it would be, and where it comes from");
    add_config_options(*show, wanted);
    show->callback([&wanted] { std::cout << server::show_config(server::load_config(wanted)); });
    config->add_subcommand("defaults", "Print a file with every setting, its default, unit and comment")->callback([] {
        std::cout << server::commented_config();
    });
}

void add_audit_command(CLI::App& parent, server::audit_options& wanted, int& exit_code)
{
    auto* audit = parent.add_subcommand("audit", "Prove that the events are those that were written");
    audit->require_subcommand(1);
    auto* verify = audit->add_subcommand("verify", "Walk the chain of events; tell the first one that is broken");
    verify->add_option("--data", wanted.data, "Directory of a store that no server uses; a copy will do")->required();
    auto* checkpoint =
        verify->add_option("--checkpoint", wanted.checkpoint, "File with an earlier checkpoint that must still hold");
    auto* key = verify->add_option("--public-key", wanted.public_key, "Base64 of the key that signed it");
    checkpoint->needs(key);
    key->needs(checkpoint);
    verify->footer("Ends with 0 when all is well, with 3 when something was changed.");
    verify->callback([&wanted, &exit_code] { exit_code = server::verify_audit(wanted, std::cout); });

    auto* make = audit->add_subcommand("checkpoint", "Print a signed statement of what the events are now");
    make->add_option("--data", wanted.data, "Directory of a store that no server uses")->required();
    make->add_option("--master-key", wanted.master_key,
                     "Key file; without it $CREDENTIALS_DIRECTORY/master.key or DIR/master.key");
    make->callback([&wanted] { server::write_audit_checkpoint(wanted, std::cout); });
}

void add_backup_command(CLI::App& parent, server::backup_options& wanted, int& exit_code)
{
    auto* backup = parent.add_subcommand("backup", "Write a backup of a store, beside a running server or without one");
    auto* data = backup->add_option("--data", wanted.data, "Directory of the store");
    auto* to = backup->add_option("--to", wanted.to, "New file; never written over");
    backup->footer("The master key is not in a backup: keep DIR/master.key (or the credential) apart from it, and as\n"
                   "safe. Without it a backup is worthless; secrets in a backup are sealed.");
    auto* show = backup->add_subcommand("show", "Verify a backup and tell what is in it");
    show->add_option("file", wanted.from, "The backup")->required();
    show->footer("Ends with 0 when all is well, with 3 when it was damaged.");
    show->callback([&wanted, &exit_code] { exit_code = server::show_backup(wanted, std::cout); });
    backup->callback([&wanted, show, data, to] {
        if (show->parsed())
            return;
        if (data->empty() || to->empty())
            throw CLI::RequiredError{"--data and --to"};
        server::take_backup(wanted, std::cout);
    });
}

void add_restore_command(CLI::App& parent, server::restore_options& wanted, int& exit_code)
{
    auto* command = parent.add_subcommand("restore", "Make a store of a backup");
    command->add_option("--from", wanted.from, "The backup")->required();
    command->add_option("--data", wanted.data, "Directory of the store; made, or with nothing in it but keys")
        ->required();
    command->footer(
        "The server needs the master key that the store was sealed with; put it there as DIR/master.key, and\n"
        "the next one as DIR/master.key.next when the backup was taken during a rotation.\n"
        "Ends with 0 when all is well, with 3 when the backup was damaged; nothing is left then.");
    command->callback([&wanted, &exit_code] { exit_code = server::restore_backup(wanted, std::cout); });
}

void add_check_command(CLI::App& parent, server::check_options& wanted, int& exit_code)
{
    auto* command = parent.add_subcommand("check", "Read all of a store or a backup and tell what is wrong with it");
    auto* source = command->add_option_group("source");
    source->add_option("--data", wanted.data, "Directory of a store that no server uses");
    source->add_option("--backup", wanted.backup, "A backup");
    source->require_option(1);
    command->add_option("--scratch", wanted.scratch, "Where a backup is unpacked; without it the system's directory");
    command
        ->add_option("--master-key", wanted.master_keys,
                     "Key file; opens every sealed value, too. Twice for what was on its way to another key")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command->footer("Ends with 0 when all is well, with 3 when something is wrong.");
    command->callback([&wanted, &exit_code] { exit_code = server::check_store(wanted, std::cout); });
}

void add_upgrade_command(CLI::App& parent, std::filesystem::path& data)
{
    auto* command = parent.add_subcommand("upgrade", "Bring a store of an older doorward to the present format");
    command->add_option("--data", data, "Directory of a store that no server uses")->required();
    command->footer("Takes as much room on the disk as the store. The old file stays as data.mdb.format-N; remove it\n"
                    "when all is well. May be interrupted and done again.");
    command->callback([&data] { server::upgrade_store(data, std::cout); });
}

void add_master_key_command(CLI::App& parent, server::rotation_options& wanted, int& exit_code)
{
    auto* master_key = parent.add_subcommand("master-key", "The key that secrets in the store are sealed with");
    master_key->require_subcommand(1);
    auto* rotate = master_key->add_subcommand("rotate", "Exchange it for another, and seal everything anew");
    rotate->add_option("--data", wanted.data, "Directory of the store; a server that uses it goes on serving")
        ->required();
    rotate->add_option("--master-key", wanted.master_key,
                       "The present key file; without it $CREDENTIALS_DIRECTORY/master.key or DIR/master.key");
    rotate->add_option("--next", wanted.next_key,
                       "File of the next key; made when it is not there. Without it one is drawn");
    rotate->footer("At its end the key file holds the next key, and the former one lies beside it as FILE.until-TIME:\n"
                   "backups that were taken before need it. May be interrupted and done again.");
    rotate->callback([&wanted, &exit_code] { exit_code = server::rotate_master_key(wanted, std::cout); });
}

} // namespace

int main(int argc, char** argv)
{
    CLI::App app{"doorward: registers phones, checks their proofs, blocks a phone after too many wrong ones"};
    app.require_subcommand(1);
    init_options init;
    server::config_source config;
    config.variable = [](const char* name) { return std::getenv(name); }; // NOLINT(concurrency-mt-unsafe): start-up
    server::audit_options audit;
    bench::demo_options demo;
    bench::bench_options load;
    bench::populate_options crowd;
    server::backup_options backup;
    server::restore_options restore;
    server::check_options check;
    std::filesystem::path upgrade;
    server::rotation_options rotation;
    int exit_code = 0;
    add_init_command(app, init);
    add_serve_command(app, config);
    add_config_command(app, config);
    add_audit_command(app, audit, exit_code);
    add_backup_command(app, backup, exit_code);
    add_restore_command(app, restore, exit_code);
    add_check_command(app, check, exit_code);
    add_upgrade_command(app, upgrade);
    add_master_key_command(app, rotation, exit_code);
    server::add_admin_command(app, exit_code);
    bench::add_demo_command(app, demo);
    bench::add_bench_command(app, load);
    bench::add_populate_command(app, crowd);
    bench::add_device_command(app, exit_code);
    app.add_subcommand("version", "Print the version")->callback([] {
        std::cout << handlers::product_name << ' ' << handlers::product_version << '\n';
    });

    if (argc > 1 && argv[1] == server::complete_command) { // its words are no arguments of ours
        for (const std::string& each : server::complete(app, {argv + 2, argv + argc}))
            std::cout << each << '\n';
        return 0;
    }
    try {
        crypto::init();
        app.parse(argc, argv); // runs the callback of the command
        return exit_code;
    } catch (const CLI::ParseError& problem) {
        return app.exit(problem) == 0 ? 0 : 2;
    } catch (const server::config_error& problem) {
        std::cerr << "doorward: " << problem.what() << '\n';
        return 2;
    } catch (const std::exception& problem) {
        std::cerr << "doorward: " << problem.what() << '\n';
        return 1;
    }
}
