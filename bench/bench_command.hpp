#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace doorward::bench {

struct bench_options {
    std::string device_url = "http://127.0.0.1:8080";
    std::string office_url = "http://127.0.0.1:8081";
    std::string username = "admin";
    std::string password;
    std::string against; // HOST:PORT of another server that gets the same requests; empty: none
    std::string fleet_file;
    std::string json_file;
    std::size_t phones = 0; // 0: those of the fleet file, or as many new ones as are usually enough
    std::vector<std::string> workloads{"wrong-pin"};
    std::vector<std::size_t> connections{64};
    unsigned threads = 1;
    double seconds = 10;
    double warm_up_seconds = 1;
    double rate = 0;
    std::size_t prepared_per_second = 0; // 0: as many as the workload usually needs
};

/// `doorward bench`: load on a running server, with enrolled phones.
void add_bench_command(CLI::App& parent, bench_options& wanted);

} // namespace doorward::bench
