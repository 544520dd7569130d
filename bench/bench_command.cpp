#include "bench/bench_command.hpp"
#include "bench/office_client.hpp"
#include "bench/workloads.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

namespace doorward::bench {
namespace {

using nlohmann::json;

void progress(const std::string& text)
{
    std::fprintf(stderr, "\r\033[K%s", text.c_str());
    std::fflush(stderr);
}

std::optional<fleet> load_fleet(const std::string& file)
{
    std::ifstream in{file};
    if (file.empty() || !in)
        return std::nullopt;
    return read_fleet(std::string{std::istreambuf_iterator<char>{in}, {}});
}

void save_fleet(const std::string& file, const fleet& what)
{
    if (file.empty())
        return;
    const std::string fresh = file + ".new";
    {
        std::ofstream out{fresh};
        std::filesystem::permissions(fresh, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
        out << write_fleet(what);
        if (!out.flush())
            throw std::runtime_error{"cannot write " + fresh};
    }
    std::filesystem::rename(fresh, file);
}

fleet get_fleet(const bench_options& wanted, const target& where)
{
    if (auto kept = load_fleet(wanted.fleet_file); kept && kept->phones.size() >= wanted.phones) {
        progress("asking the server for the counters of " + std::to_string(kept->phones.size()) + " phones");
        if (follow_counters(where, *kept))
            return *std::move(kept);
        progress("the fleet in " + wanted.fleet_file + " is not of this server's store\n");
    }
    auto fresh = enrol_fleet(where, wanted.phones, [&](std::size_t done) {
        progress("enrolling: " + std::to_string(done) + " of " + std::to_string(wanted.phones) + " phones");
    });
    save_fleet(wanted.fleet_file, fresh);
    return fresh;
}

// A right PIN from each phone: failed attempts of earlier runs are forgotten.
void reset_failures(const target& where, fleet& phones)
{
    auto queues = build_queues(workload::right_pin, phones, {}, 1, phones.phones.size()).value();
    load_settings settings;
    settings.to = address_of(where.device_url);
    settings.warm_up = std::chrono::milliseconds{0};
    settings.duration = std::chrono::minutes{10};
    const auto result = run_load(settings, queues, [](std::uint64_t) {});
    if (result.answered != phones.phones.size() || result.unexpected > 0)
        throw std::runtime_error{"phones of the fleet are blocked or out of step; remove the fleet file"};
}

json run_one(const bench_options& wanted, const target& where, fleet& phones, const std::string& authorization,
             workload which, std::size_t connections)
{
    if (which == workload::wrong_pin)
        reset_failures(where, phones);
    const auto counters_before = phones.phones;

    const double whole = wanted.seconds + wanted.warm_up_seconds;
    const auto per_second = wanted.rate > 0 ? wanted.rate * 1.05 : static_cast<double>(wanted.prepared_per_second);
    progress("preparing " + std::string{name_of(which)});
    auto queues = build_queues(which, phones, authorization, connections, static_cast<std::size_t>(whole * per_second));
    if (!queues)
        throw std::runtime_error{"too few phones for " + std::string{name_of(which)} + "; give more with --phones"};

    load_settings settings;
    settings.to = address_of(is_for_phones(which) ? where.device_url : where.office_url);
    if (!wanted.against.empty())
        settings.to = address_of("http://" + wanted.against);
    settings.threads = wanted.threads;
    settings.warm_up = std::chrono::milliseconds{static_cast<std::int64_t>(wanted.warm_up_seconds * 1000)};
    settings.duration = std::chrono::milliseconds{static_cast<std::int64_t>(wanted.seconds * 1000)};
    settings.requests_per_second = wanted.rate;
    settings.expected_status = expected_status(which);
    std::uint64_t before = 0;
    const auto result = run_load(settings, *queues, [&](std::uint64_t answered) {
        progress(std::string{name_of(which)} + ", " + std::to_string(connections) +
                 " connections: " + std::to_string(answered - before) + " requests/s");
        before = answered;
    });
    progress("");

    // What was built but not sent is unknown to the server: begin again where it stands.
    phones.phones = counters_before;
    if (!follow_counters(where, phones))
        throw std::runtime_error{"the server's counters are not where the phones' are"};
    save_fleet(wanted.fleet_file, phones);

    const bool any_status = expected_status(which) == 0 || !wanted.against.empty();
    const auto unexpected = any_status ? 0 : result.unexpected;
    const auto micros = [&](double q) { return static_cast<double>(result.latency_ns.quantile(q)) / 1000; };
    std::printf("%-10s %6zu  %10.0f  %8.0f %8.0f %8.0f %8.0f  %6llu %6llu%s\n", std::string{name_of(which)}.c_str(),
                connections, result.per_second(), micros(0.5), micros(0.9), micros(0.99), micros(0.999),
                static_cast<unsigned long long>(unexpected), static_cast<unsigned long long>(result.broken),
                result.ran_dry > 0 ? "  (ran out of requests)" : "");
    std::fflush(stdout);
    return {{"workload", name_of(which)},  {"connections", connections},
            {"threads", wanted.threads},   {"arrival", wanted.rate > 0 ? "open" : "closed"},
            {"rate", wanted.rate},         {"seconds", result.seconds},
            {"answered", result.answered}, {"requestsPerSecond", result.per_second()},
            {"p50us", micros(0.5)},        {"p90us", micros(0.9)},
            {"p99us", micros(0.99)},       {"p999us", micros(0.999)},
            {"unexpected", unexpected},    {"broken", result.broken},
            {"ranDry", result.ran_dry}};
}

void run(const bench_options& wanted)
{
    const target where{wanted.device_url, wanted.office_url, wanted.username, wanted.password};
    fleet phones = get_fleet(wanted, where);
    office_client office{where.office_url, where.username, where.password};
    progress("");
    std::printf("%-10s %6s  %10s  %8s %8s %8s %8s  %6s %6s\n", "workload", "conns", "requests/s", "p50 us", "p90 us",
                "p99 us", "p99.9 us", "wrong", "broken");
    json results = json::array();
    for (const std::string& name : wanted.workloads) {
        const auto which = workload_from(name);
        if (!which)
            throw std::invalid_argument{"no workload is called " + name};
        for (const std::size_t connections : wanted.connections)
            results.push_back(run_one(wanted, where, phones, office.authorization(), *which, connections));
    }
    if (!wanted.json_file.empty())
        std::ofstream{wanted.json_file} << results.dump(2) << '\n';
}

} // namespace

void add_bench_command(CLI::App& parent, bench_options& wanted)
{
    auto* command = parent.add_subcommand("bench", "Put load on a running server with enrolled phones, and measure");
    command->add_option("--device", wanted.device_url, "http://ADDRESS:PORT of the device side")->capture_default_str();
    command->add_option("--office", wanted.office_url, "http://ADDRESS:PORT of the office side")->capture_default_str();
    command->add_option("--admin", wanted.username, "An account with the role ADMIN")->capture_default_str();
    command->add_option("--password", wanted.password, "Its password")->required();
    command->add_option("--against", wanted.against,
                        "HOST:PORT of another server that is sent the same requests instead, for comparison");
    command->add_option("--fleet", wanted.fleet_file, "File that keeps the enrolled phones between runs");
    command->add_option("--phones", wanted.phones, "Phones to enrol")->capture_default_str();
    command->add_option("--workload", wanted.workloads, "wrong-pin, right-pin, noise, mixed, detail, status; several")
        ->delimiter(',')
        ->capture_default_str();
    command->add_option("--connections", wanted.connections, "Keep-alive connections; several")
        ->delimiter(',')
        ->capture_default_str();
    command->add_option("--threads", wanted.threads, "Threads of the load generator")->capture_default_str();
    command->add_option("--seconds", wanted.seconds, "Measured time of each run")->capture_default_str();
    command->add_option("--warm-up", wanted.warm_up_seconds, "Seconds before, not measured")->capture_default_str();
    command->add_option("--rate", wanted.rate, "Open arrival at so many requests/s; 0: closed")->capture_default_str();
    command->add_option("--prepared", wanted.prepared_per_second, "Requests built per second of a closed run")
        ->capture_default_str();
    command->add_option("--json", wanted.json_file, "Write the results here too");
    command->callback([&wanted] { run(wanted); });
}

} // namespace doorward::bench
