#include "server/completion.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace doorward::server {
namespace {

const CLI::App* find_command(const CLI::App& of, const std::string& name)
{
    for (const CLI::App* each : of.get_subcommands([](const CLI::App*) { return true; })) {
        if (each->get_name() == name)
            return each;
    }
    return nullptr;
}

} // namespace

std::vector<std::string> complete(const CLI::App& app, const std::vector<std::string>& words)
{
    // The commands that were named so far; what options say in between names none.
    std::vector<const CLI::App*> path{&app};
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        if (const CLI::App* named = find_command(*path.back(), words[i]))
            path.push_back(named);
    }
    const std::string begun = words.empty() ? std::string{} : words.back();
    std::vector<std::string> out;
    const auto offer = [&](const std::string& what) {
        if (what.starts_with(begun))
            out.push_back(what);
    };
    for (const CLI::App* each : path.back()->get_subcommands([](const CLI::App*) { return true; })) {
        if (!each->get_group().empty()) // not shown in the help either
            offer(each->get_name());
    }
    if (begun.starts_with('-') || out.empty()) {
        for (const CLI::App* each : path) {
            if (each != path.back() && !path.back()->get_fallthrough())
                continue;
            for (const CLI::Option* option : each->get_options()) {
                for (const std::string& name : option->get_lnames())
                    offer("--" + name);
            }
        }
    }
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

} // namespace doorward::server
