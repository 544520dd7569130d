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
#include "server/completion.hpp"
#include "server/init.hpp"
#include "server/serve.hpp"

#include <CLI/CLI.hpp>

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

struct serve_options {
    std::filesystem::path data;
    std::filesystem::path master_key;
    std::string device = "127.0.0.1:8080";
    std::string office = "127.0.0.1:8081";
    unsigned io_threads = 0;
    std::string status_style = "compat";
    bool strict_json = false;
};

void add_serve_command(CLI::App& parent, serve_options& wanted)
{
    auto* command = parent.add_subcommand("serve", "Run the server in the foreground until SIGTERM or SIGINT");
    command->add_option("--data", wanted.data, "Directory of the store")->required();
    command->add_option("--device", wanted.device, "ADDRESS:PORT for phones; may face the internet")
        ->capture_default_str();
    command->add_option("--office", wanted.office, "ADDRESS:PORT for back offices; internal")->capture_default_str();
    command->add_option("--io-threads", wanted.io_threads, "Threads that serve connections; 0: one per core")
        ->capture_default_str();
    command->add_option("--master-key", wanted.master_key,
                        "Key file; without it $CREDENTIALS_DIRECTORY/master.key or DIR/master.key");
    command
        ->add_option("--status-style", wanted.status_style,
                     "HTTP status of the office side's errors; compat: 400 where PowerAuth Cloud has it, rest: 404 and "
                     "409")
        ->check(CLI::IsMember({"compat", "rest"}))
        ->capture_default_str();
    command->add_flag("--strict-json", wanted.strict_json,
                      "Refuse members of requests to the office side that are not known");
    command->callback([&wanted] {
        server::settings settings;
        settings.data = wanted.data;
        settings.master_key = wanted.master_key;
        settings.device = server::parse_endpoint(wanted.device);
        settings.office = server::parse_endpoint(wanted.office);
        settings.io_threads = wanted.io_threads;
        settings.office_manners.statuses =
            handlers::parse_status_style(wanted.status_style).value_or(handlers::status_style::compat);
        settings.office_manners.strict_json = wanted.strict_json;
        server::serve(settings);
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

} // namespace

int main(int argc, char** argv)
{
    CLI::App app{"doorward: registers phones, checks their proofs, blocks a phone after too many wrong ones"};
    app.require_subcommand(1);
    init_options init;
    serve_options serve;
    server::audit_options audit;
    bench::demo_options demo;
    bench::bench_options load;
    bench::populate_options crowd;
    int exit_code = 0;
    add_init_command(app, init);
    add_serve_command(app, serve);
    add_audit_command(app, audit, exit_code);
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
    } catch (const std::exception& problem) {
        std::cerr << "doorward: " << problem.what() << '\n';
        return 1;
    }
}
