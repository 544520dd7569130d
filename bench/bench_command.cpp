#include "bench/bench_command.hpp"
#include "bench/enrolment_load.hpp"
#include "bench/workloads.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

namespace doorward::bench {
namespace {

using nlohmann::json;

constexpr std::string_view enrolments = "enrolments"; // the workload that brings its own phones
constexpr std::size_t phones_default = 5000;
constexpr std::size_t requests_prepared_per_second = 100'000;
constexpr std::size_t phones_prepared_per_second = 10'000;
constexpr std::size_t connections_of_reset = 64;

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

fleet get_fleet(const bench_options& wanted, const target& where)
{
    if (auto kept = load_fleet(wanted.fleet_file); kept && kept->phones.size() >= wanted.phones) {
        progress("asking the server for the counters of " + std::to_string(kept->phones.size()) + " phones");
        if (follow_counters(where, *kept))
            return *std::move(kept);
        progress("the fleet in " + wanted.fleet_file + " is not of this server's store\n");
    }
    const auto count = wanted.phones != 0 ? wanted.phones : phones_default;
    auto fresh = enrol_fleet(where, count, [&](std::size_t done) {
        progress("enrolling: " + std::to_string(done) + " of " + std::to_string(count) + " phones");
    });
    if (!wanted.fleet_file.empty())
        save_fleet(wanted.fleet_file, fresh);
    return fresh;
}

std::chrono::milliseconds milliseconds_of(double seconds)
{
    return std::chrono::milliseconds{static_cast<std::int64_t>(seconds * 1000)};
}

// All of a line but its end.
void print_row(std::string_view name, std::size_t connections, double per_second,
               const std::function<double(double)>& micros, std::uint64_t unexpected, std::uint64_t broken)
{
    std::printf("%-10s %6zu  %10.0f  %8.0f %8.0f %8.0f %8.0f  %6llu %6llu", std::string{name}.c_str(), connections,
                per_second, micros(0.5), micros(0.9), micros(0.99), micros(0.999),
                static_cast<unsigned long long>(unexpected), static_cast<unsigned long long>(broken));
}

// A right PIN from each phone: failed attempts of earlier runs are forgotten.
void reset_failures(const target& where, fleet& phones)
{
    const auto connections = std::min(phones.phones.size(), connections_of_reset);
    auto queues = build_queues(workload::right_pin, phones, {}, connections, phones.phones.size()).value();
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
    const auto prepared = wanted.prepared_per_second != 0 ? wanted.prepared_per_second : requests_prepared_per_second;
    const auto per_second = wanted.rate > 0 ? wanted.rate * 1.05 : static_cast<double>(prepared);
    progress("preparing " + std::string{name_of(which)});
    auto queues = build_queues(which, phones, authorization, connections, static_cast<std::size_t>(whole * per_second));
    if (!queues)
        throw std::runtime_error{"too few phones for " + std::string{name_of(which)} + "; give more with --phones"};

    load_settings settings;
    settings.to = address_of(is_for_phones(which) ? where.device_url : where.office_url);
    if (!wanted.against.empty())
        settings.to = address_of("http://" + wanted.against);
    settings.threads = wanted.threads;
    settings.warm_up = milliseconds_of(wanted.warm_up_seconds);
    settings.duration = milliseconds_of(wanted.seconds);
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
    if (!wanted.fleet_file.empty())
        save_fleet(wanted.fleet_file, phones);

    const bool any_status = expected_status(which) == 0 || !wanted.against.empty();
    const auto unexpected = any_status ? 0 : result.unexpected;
    const auto micros = [&](double q) { return static_cast<double>(result.latency_ns.quantile(q)) / 1000; };
    print_row(name_of(which), connections, result.per_second(), micros, unexpected, result.broken);
    std::printf("%s\n", result.ran_dry > 0 ? "  (ran out of requests)" : "");
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

json run_enrolment_load(const bench_options& wanted, const target& where, std::size_t connections)
{
    if (wanted.rate > 0 || !wanted.against.empty())
        throw std::invalid_argument{"enrolments have neither --rate nor --against"};
    const auto prepared = wanted.prepared_per_second != 0 ? wanted.prepared_per_second : phones_prepared_per_second;
    enrolment_settings settings;
    settings.where = where;
    settings.threads = wanted.threads;
    settings.connections = connections;
    settings.prepared =
        static_cast<std::size_t>((wanted.seconds + wanted.warm_up_seconds) * static_cast<double>(prepared));
    settings.warm_up = milliseconds_of(wanted.warm_up_seconds);
    settings.duration = milliseconds_of(wanted.seconds);
    progress("preparing " + std::string{enrolments});
    std::uint64_t before = 0;
    const auto result = run_enrolments(settings, [&](std::uint64_t enrolled) {
        progress(std::string{enrolments} + ", " + std::to_string(connections) +
                 " connections: " + std::to_string(enrolled - before) + " enrolments/s");
        before = enrolled;
    });
    progress("");

    const auto micros = [&](double q) { return static_cast<double>(result.latency_ns.quantile(q)) / 1000; };
    const double cores = result.seconds > 0 ? result.client_cpu_seconds / result.seconds : 0;
    print_row(enrolments, connections, result.per_second(), micros, result.unexpected, result.broken);
    std::printf("  (enrolments/s; %.2f cores went to the load generator, on the server's machine)%s\n", cores,
                result.ran_dry > 0 ? "  (ran out of phones)" : "");
    std::fflush(stdout);
    return {{"workload", enrolments},
            {"connections", connections},
            {"threads", wanted.threads},
            {"arrival", "closed"},
            {"rate", 0},
            {"seconds", result.seconds},
            {"enrolled", result.enrolled},
            {"enrolledWithWarmUp", result.enrolled_with_warm_up},
            {"enrolmentsPerSecond", result.per_second()},
            {"p50us", micros(0.5)},
            {"p90us", micros(0.9)},
            {"p99us", micros(0.99)},
            {"p999us", micros(0.999)},
            {"unexpected", result.unexpected},
            {"broken", result.broken},
            {"ranDry", result.ran_dry},
            {"clientCpuSeconds", result.client_cpu_seconds}};
}

void run(const bench_options& wanted)
{
    const target where{wanted.device_url, wanted.office_url, wanted.username, wanted.password};
    std::optional<fleet> phones;
    if (std::ranges::any_of(wanted.workloads, [](const std::string& name) { return name != enrolments; }))
        phones = get_fleet(wanted, where);
    office_client office{where.office_url, where.username, where.password};
    progress("");
    std::printf("%-10s %6s  %10s  %8s %8s %8s %8s  %6s %6s\n", "workload", "conns", "requests/s", "p50 us", "p90 us",
                "p99 us", "p99.9 us", "wrong", "broken");
    json results = json::array();
    for (const std::string& name : wanted.workloads) {
        const auto which = workload_from(name);
        if (!which && name != enrolments)
            throw std::invalid_argument{"no workload is called " + name};
        for (const std::size_t connections : wanted.connections)
            results.push_back(which ? run_one(wanted, where, *phones, office.authorization(), *which, connections)
                                    : run_enrolment_load(wanted, where, connections));
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
    command->add_option("--phones", wanted.phones, "Phones to enrol; 0: those in the fleet file, or 5000")
        ->capture_default_str();
    command
        ->add_option("--workload", wanted.workloads,
                     "wrong-pin, right-pin, noise, mixed, detail, status, enrolments; several")
        ->delimiter(',')
        ->capture_default_str();
    command->add_option("--connections", wanted.connections, "Keep-alive connections; several")
        ->delimiter(',')
        ->capture_default_str();
    command->add_option("--threads", wanted.threads, "Threads of the load generator")->capture_default_str();
    command->add_option("--seconds", wanted.seconds, "Measured time of each run")->capture_default_str();
    command->add_option("--warm-up", wanted.warm_up_seconds, "Seconds before, not measured")->capture_default_str();
    command->add_option("--rate", wanted.rate, "Open arrival at so many requests/s; 0: closed")->capture_default_str();
    command
        ->add_option("--prepared", wanted.prepared_per_second,
                     "Requests built per second of a closed run; 0: 100000, of enrolments 10000 phones")
        ->capture_default_str();
    command->add_option("--json", wanted.json_file, "Write the results here too");
    command->callback([&wanted] { run(wanted); });
}

} // namespace doorward::bench
