#include "bench/demo.hpp"
namespace doorward::bench {
void add_demo_command(CLI::App&, demo_options&, int&) {}
} // namespace doorward::bench
