// What the repository promises about itself: who includes whom, what is built, and that every error has its answer.

#include "handlers/problem.hpp"
#include "handlers/routes.hpp"
#include "registry/errc.hpp"
#include "tests/support.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace {

namespace fs = std::filesystem;
using namespace doorward;

const fs::path root = DOORWARD_SOURCE_DIR;

std::string read(const fs::path& file)
{
    std::ifstream stream{file, std::ios::binary};
    BOOST_TEST_REQUIRE(stream.good(), "cannot read " << file);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

constexpr const char* folders[]{"server", "handlers", "registry", "kv", "crypto", "bench", "tests"};

// Sources and headers, as paths from the root.
std::vector<std::string> sources()
{
    std::vector<std::string> out;
    for (const char* folder : folders)
        for (const auto& entry : fs::recursive_directory_iterator{root / folder}) {
            const auto extension = entry.path().extension();
            if (extension == ".cpp" || extension == ".hpp")
                out.push_back(fs::relative(entry.path(), root).generic_string());
        }
    std::ranges::sort(out);
    BOOST_TEST_REQUIRE(out.size() > 100U);
    return out;
}

std::string folder_of(const std::string& file)
{
    return file.substr(0, file.find('/'));
}

struct include_line {
    std::string what;
    bool own; // in quotes
};
std::vector<include_line> includes(const std::string& file)
{
    static const std::regex line{R"((?:^|\n)[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"])"};
    const std::string text = read(root / file);
    std::vector<include_line> out;
    for (std::sregex_iterator it{text.begin(), text.end(), line}; it != std::sregex_iterator{}; ++it)
        out.push_back({(*it)[2], (*it)[1] == "\""});
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(repository)

BOOST_AUTO_TEST_CASE(includes_go_one_way)
{
    const std::map<std::string, std::set<std::string>> may_include{
        {"crypto", {}},
        {"kv", {}},
        {"registry", {"kv", "crypto"}},
        {"handlers", {"registry", "kv", "crypto"}},
        {"server", {"handlers", "registry", "kv", "crypto"}},
        {"bench", {"crypto"}},
        {"tests", {"server", "handlers", "registry", "kv", "crypto", "bench"}},
    };
    for (const auto& file : sources())
        for (const auto& [what, own] : includes(file)) {
            if (!own)
                continue;
            const std::string from = folder_of(file);
            const std::string to = folder_of(what);
            BOOST_TEST_CONTEXT(file << " includes " << what)
            {
                BOOST_TEST(fs::exists(root / what), "includes are written from the root");
                const bool is_main = file == "server/main.cpp";
                const bool knows_the_server = file.starts_with("bench/demo.") || file.starts_with("bench/populate.");
                const bool allowed =
                    to == from || may_include.at(from).contains(to) || (is_main && to == "bench") ||
                    (knows_the_server && (to == "server" || to == "handlers" || to == "registry" || to == "kv"));
                BOOST_TEST(allowed);
            }
        }
}

BOOST_AUTO_TEST_CASE(the_http_library_is_known_to_the_edges_only)
{
    for (const auto& file : sources())
        for (const auto& [what, own] : includes(file))
            if (what.starts_with("boost/beast"))
                BOOST_TEST((folder_of(file) == "server" || folder_of(file) == "bench" || folder_of(file) == "tests"),
                           file << " includes " << what);
}

BOOST_AUTO_TEST_CASE(the_engine_of_the_store_is_known_to_kv_only)
{
    for (const auto& file : sources())
        for (const auto& [what, own] : includes(file))
            if (what == "lmdb.h")
                BOOST_TEST(folder_of(file) == "kv", file << " includes " << what);
}

BOOST_AUTO_TEST_CASE(the_crypto_libraries_are_known_to_crypto_and_the_phone_only)
{
    for (const auto& file : sources())
        for (const auto& [what, own] : includes(file))
            if (what.starts_with("sodium") || what.starts_with("openssl/"))
                BOOST_TEST((folder_of(file) == "crypto" || folder_of(file) == "bench" ||
                            file.starts_with("tests/provider_server.") || // somebody else's server, with TLS
                            file.starts_with("tests/tls_client.")),
                           file << " includes " << what);
}

BOOST_AUTO_TEST_CASE(every_header_is_included_once)
{
    for (const auto& file : sources())
        if (file.ends_with(".hpp"))
            BOOST_TEST(read(root / file).starts_with("#pragma once\n"), file);
}

// g++ 12 destroys some temporaries in an expression with co_await twice, so arguments have names (CONTRIBUTING). What
// can be seen without types: texts, lists in braces, empty optionals, slots.
BOOST_AUTO_TEST_CASE(what_is_awaited_is_made_of_named_things)
{
    static const std::regex awaited{R"(co_await[^;]*;)"};
    static const std::regex unnamed{
        R"re([(,]\s*\{|\w\{|std::string\{|std::to_string|std::nullopt|find_slot\(|[(,]\s*")re"};
    std::size_t seen = 0;
    for (const auto& file : sources()) {
        const std::string folder = folder_of(file);
        if (folder != "handlers" && folder != "server")
            continue;
        const std::string text = read(root / file);
        for (std::sregex_iterator it{text.begin(), text.end(), awaited}; it != std::sregex_iterator{}; ++it) {
            ++seen;
            BOOST_TEST(!std::regex_search(it->str(), unnamed), file << ": " << it->str());
        }
    }
    BOOST_TEST(seen > 100U);
    for (const char* bad :
         {"co_await f(svc, {}, x);", "co_await f(svc, std::string{a});", "co_await f(\"a\");", "co_await f(actor{});",
          "co_await f(a, std::nullopt);", "co_await f(find_slot(svc, id), a);"})
        BOOST_TEST(std::regex_search(bad, unnamed), bad);
}

BOOST_AUTO_TEST_CASE(every_source_is_built)
{
    std::string lists = read(root / "CMakeLists.txt");
    for (const auto& entry : fs::recursive_directory_iterator{root / "tests"})
        if (entry.path().filename() == "CMakeLists.txt")
            lists += read(entry.path());
    for (const auto& file : sources()) {
        if (!file.ends_with(".cpp"))
            continue;
        const std::string named = folder_of(file) == "tests" ? file.substr(6) : file;
        BOOST_TEST((lists.find(named) != std::string::npos), file << " is in no CMakeLists.txt");
    }
}

BOOST_AUTO_TEST_CASE(files_end_with_one_line_end_and_lines_without_spaces)
{
    for (const auto& file : sources()) {
        const std::string text = read(root / file);
        BOOST_TEST((text.ends_with('\n') && !text.ends_with("\n\n")), file);
        BOOST_TEST((text.find(" \n") == std::string::npos && text.find('\t') == std::string::npos &&
                    text.find('\r') == std::string::npos),
                   file);
    }
}

BOOST_AUTO_TEST_CASE(every_suite_that_is_opened_is_closed)
{
    for (const auto& file : sources()) {
        if (folder_of(file) != "tests" || !file.ends_with("_test.cpp"))
            continue;
        static const std::regex opened{R"((?:^|\n)BOOST_(?:AUTO|FIXTURE)_TEST_SUITE\()"};
        static const std::regex closed{R"((?:^|\n)BOOST_AUTO_TEST_SUITE_END\()"};
        const std::string text = read(root / file);
        const auto count = [&](const std::regex& what) {
            return std::distance(std::sregex_iterator{text.begin(), text.end(), what}, std::sregex_iterator{});
        };
        BOOST_TEST(count(opened) == count(closed), file);
        BOOST_TEST(count(opened) > 0, file << " has no suite");
    }
}

// --- routes

namespace {

// {id}, {username} and so on become {}.
std::string without_names(const std::string& path)
{
    static const std::regex hole{R"(\{[^}]*\})"};
    return std::regex_replace(path, hole, "{}");
}

// The words for who may call it, as the table of API.md has them.
std::string callers_of(const handlers::permission& callers)
{
    if (callers.is_open())
        return "everybody";
    std::string out;
    for (const registry::role each : registry::all_roles) {
        if (!callers.roles.has(each))
            continue;
        out += out.empty() ? "" : ", ";
        out += to_text(each);
        if (each == registry::role::human_operator && callers.operators_right)
            out += " with " + std::string{to_text(*callers.operators_right)};
    }
    return out;
}

} // namespace

// What the table of handlers/routes.cpp says is what API.md says, row by row.
BOOST_AUTO_TEST_CASE(every_route_of_the_office_side_is_in_the_table_of_its_callers)
{
    static const std::regex row{R"(\| `([A-Z]+) (/[^`]*)` \| ([^|]*[^| ]) \|\n)"};
    const std::string text = read(root / "handlers/API.md");
    std::map<std::string, std::string> told;
    const auto begin = text.find("### Who may call what");
    BOOST_TEST_REQUIRE(begin != std::string::npos);
    const auto end = text.find("\n### ", begin + 1);
    const std::string section = text.substr(begin, end - begin);
    for (std::sregex_iterator it{section.begin(), section.end(), row}; it != std::sregex_iterator{}; ++it)
        told[(*it)[1].str() + ' ' + without_names((*it)[2])] = (*it)[3];
    for (const auto& each : handlers::list_routes(handlers::side::office)) {
        const std::string name = std::string{each.method} + ' ' + std::string{each.path};
        BOOST_TEST_CONTEXT(name)
        {
            BOOST_TEST_REQUIRE(told.contains(name));
            BOOST_TEST(told[name] == callers_of(each.callers));
            told.erase(name);
        }
    }
    for (const auto& [name, callers] : told)
        BOOST_TEST(false, name << " is told of and does not exist");
}

BOOST_AUTO_TEST_CASE(every_route_is_described)
{
    static const std::regex quoted{R"(`(?:[A-Z]+ )?(/[^`? ]*)[^`]*`)"};
    const std::string text = read(root / "handlers/API.md");
    std::set<std::string> described;
    for (std::sregex_iterator it{text.begin(), text.end(), quoted}; it != std::sregex_iterator{}; ++it)
        described.insert(without_names((*it)[1]));
    for (const auto which : {handlers::side::device, handlers::side::office})
        for (const auto& each : handlers::list_routes(which))
            BOOST_TEST(described.contains(std::string{each.path}), each.path << " is not in handlers/API.md");
}

// --- vectors

namespace {

// The files of a folder that end with .json.
std::set<std::string> vector_files(const fs::path& folder)
{
    std::set<std::string> out;
    for (const auto& entry : fs::directory_iterator{folder})
        if (entry.path().extension() == ".json")
            out.insert(entry.path().filename().string());
    return out;
}

// Every file is read twice: against what the phone computes and against what the server does, which share only
// primitives.
void check_is_read(const std::string& name)
{
    std::size_t by_the_phone = 0;
    std::size_t by_the_server = 0;
    for (const auto& file : sources())
        if (file.starts_with("tests/") && file.ends_with("_test.cpp") &&
            read(root / file).find('"' + name + '"') != std::string::npos)
            ++(file == "tests/device_vectors_test.cpp" ? by_the_phone : by_the_server);
    BOOST_TEST(by_the_phone == 1U, name << " is not read against the simulated phone");
    BOOST_TEST(by_the_server >= 1U, name << " is not read against the server");
}

const boost::unit_test::precondition needs_published_vectors{tests::published_vectors_are_here};

} // namespace

BOOST_AUTO_TEST_CASE(every_vector_that_is_here_is_read)
{
    const auto files = vector_files(tests::generated_vectors());
    BOOST_TEST(files.size() >= 13U);
    for (const auto& name : files) {
        BOOST_TEST(name.starts_with("generated-"), name);
        check_is_read(name);
    }
}

BOOST_TEST_DECORATOR(*needs_published_vectors)
BOOST_AUTO_TEST_CASE(every_vector_that_is_published_is_here_or_read_where_it_is)
{
    for (const auto& name : vector_files(tests::published_vectors())) {
        check_is_read(name);
        if (!name.starts_with("generated-"))
            continue;
        BOOST_TEST_REQUIRE(fs::exists(tests::generated_vectors() / name), name << " is not in tests/vectors");
        BOOST_TEST((read(tests::generated_vectors() / name) == read(tests::published_vectors() / name)),
                   name << " has changed");
    }
}

// --- errors

namespace {

void check_answer(const kv::error_code& ec)
{
    BOOST_TEST_CONTEXT(ec.category().name() << ' ' << ec.value())
    {
        BOOST_TEST((ec.message().find("unknown") == std::string::npos));
        const auto answer = handlers::problem(ec);
        BOOST_TEST(answer.status >= 400U);
        BOOST_TEST(answer.status != 500U);
        const auto body = nlohmann::json::parse(answer.body);
        BOOST_TEST(body.at("status") == "ERROR");
        BOOST_TEST(body.at("responseObject").at("code").get<std::string>().starts_with("ERROR_"));
        BOOST_TEST(!body.at("responseObject").at("message").get<std::string>().empty());
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(every_error_of_the_domain_has_a_message_and_an_answer)
{
    for (int value = 1; value <= registry::errc_last; ++value)
        check_answer(make_error_code(static_cast<registry::errc>(value)));
}

BOOST_AUTO_TEST_CASE(every_error_of_the_store_has_a_message_and_an_answer)
{
    for (const auto value : {kv::errc::storage_full, kv::errc::queue_full, kv::errc::closing})
        check_answer(make_error_code(value));
    // A fault of the disk, told as such.
    const auto damaged = handlers::problem(make_error_code(kv::errc::damaged));
    BOOST_TEST(damaged.status == 500U);
    BOOST_TEST(damaged.body.find("damaged") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_error_of_nobody_is_a_fault_of_ours)
{
    BOOST_TEST(handlers::problem(make_error_code(static_cast<registry::errc>(registry::errc_last + 1))).status == 500U);
    BOOST_TEST(handlers::problem(boost::system::errc::make_error_code(boost::system::errc::io_error)).status == 500U);
}

BOOST_AUTO_TEST_CASE(phones_hear_of_what_passes_and_of_nothing_else)
{
    using handlers::device_problem;
    const auto told = [](const kv::error_code& ec) {
        return handlers::device_problem_or_storage(ec, device_problem::activation_invalid).status;
    };
    BOOST_TEST(told(kv::errc::storage_full) == 507U);
    BOOST_TEST(told(kv::errc::queue_full) == 503U);
    BOOST_TEST(told(kv::errc::closing) == 503U);
    BOOST_TEST(told(kv::errc::damaged) == 500U);
    for (int value = 1; value <= registry::errc_last; ++value) {
        const auto each = static_cast<registry::errc>(value);
        const bool busy = each == registry::errc::passwords_busy || each == registry::errc::providers_busy;
        BOOST_TEST(told(make_error_code(each)) == (busy ? 429U : 400U));
    }
}

BOOST_AUTO_TEST_SUITE_END()
