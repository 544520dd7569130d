// The description of the requests (handlers/openapi.json) in itself, and how it is served. That it says what the server
// does is the business of openapi_story_test.cpp.

#include "handlers/embedded_files.hpp"
#include "handlers/problem.hpp"
#include "registry/errc.hpp"
#include "tests/openapi_support.hpp"
#include "tests/support.hpp"

#include <fstream>
#include <regex>
#include <sstream>

namespace {

using namespace doorward;
using namespace doorward::tests;
namespace embedded = handlers::embedded;

std::string read(const std::string& name)
{
    std::ifstream stream{std::filesystem::path{DOORWARD_SOURCE_DIR} / "handlers" / name, std::ios::binary};
    BOOST_TEST_REQUIRE(stream.good(), "cannot read " << name);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

template <class Visit>
void for_each_node(const json& node, const Visit& visit)
{
    visit(node);
    if (node.is_structured()) {
        for (const json& each : node)
            for_each_node(each, visit);
    }
}

bool is_offered(const described_operation& of)
{
    return !of.what->value("x-not-offered", false);
}

void check_examples(const json& body_or_answer)
{
    for (const described_example& each : examples_of(body_or_answer)) {
        for (const std::string& fault : faults_of(*each.value, *each.schema))
            BOOST_ERROR("example " << each.name << ':' << fault);
    }
}

// The parameters of an operation and of its path.
std::vector<json> parameters_of(const described_operation& of)
{
    std::vector<json> out;
    for (const json* from : {of.item, of.what}) {
        for (const json& each : from->value("parameters", json::array()))
            out.push_back(resolved(each));
    }
    return out;
}

owned_request asking(std::string target)
{
    owned_request out;
    out.method = "GET";
    out.target = std::move(target);
    return out;
}

// Where an operation is to be found other than at the servers of the document.
std::vector<std::string> expected_bases(const described_operation& of)
{
    if (of.side == "device")
        return {"http://{device}"};
    if (of.path.starts_with("/admin/"))
        return {"/", "/v2", "/powerauth-cloud", "/powerauth-cloud/v2"};
    return {};
}

struct served_file {
    const char* target;
    const char* file;
    std::string_view content_type;
    std::string_view text;
};
const std::vector<served_file>& served_files()
{
    static const std::vector<served_file> all{
        {"/openapi.json", "openapi.json", "application/json", embedded::openapi_json},
        {"/docs", "docs/docs.html", "text/html; charset=utf-8", embedded::docs_html},
        {"/docs/docs.js", "docs/docs.js", "text/javascript; charset=utf-8", embedded::docs_js},
        {"/docs/docs.css", "docs/docs.css", "text/css; charset=utf-8", embedded::docs_css},
    };
    return all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(openapi)

// --- the document

BOOST_AUTO_TEST_CASE(it_says_what_it_is)
{
    BOOST_TEST(description().at("openapi").get<std::string>().starts_with("3.1."));
    BOOST_TEST(description().at("info").at("version") == DOORWARD_VERSION);
    BOOST_TEST(described_operations().size() > 80U);
}

BOOST_AUTO_TEST_CASE(every_reference_points_somewhere)
{
    std::size_t seen = 0;
    std::set<std::string> named;
    for_each_node(description(), [&](const json& node) {
        if (!node.is_object() || !node.contains("$ref"))
            return;
        ++seen;
        named.insert(node.at("$ref").get<std::string>());
        BOOST_CHECK_NO_THROW(static_cast<void>(resolved(node)));
    });
    BOOST_TEST(seen > 500U);
    for (const auto& [kind, members] : description().at("components").items()) {
        if (kind == "securitySchemes") // named otherwise
            continue;
        for (const auto& [name, what] : members.items()) {
            std::string reference = "#/components/";
            reference.append(kind).append("/").append(name);
            BOOST_TEST(named.contains(reference), reference << " is not used");
        }
    }
}

BOOST_AUTO_TEST_CASE(every_operation_says_what_it_is_for)
{
    std::set<std::string> tags;
    for (const json& each : description().at("tags"))
        tags.insert(each.at("name").get<std::string>());
    std::set<std::string> ids;
    for (const described_operation& each : described_operations()) {
        BOOST_TEST_CONTEXT(each.method << ' ' << each.path)
        {
            BOOST_TEST(ids.insert(each.id()).second);
            BOOST_TEST(!each.what->at("summary").get<std::string>().empty());
            BOOST_TEST_REQUIRE(each.what->at("tags").size() == 1U);
            BOOST_TEST(tags.contains(each.what->at("tags").at(0).get<std::string>()));
            BOOST_TEST((each.side == "office" || each.side == "device" || each.side == "both"));
            // The device side is another server, and administration has two paths; what is open asks for no account.
            std::vector<std::string> bases;
            for (const json& server : each.item->value("servers", json::array()))
                bases.push_back(server.at("url").get<std::string>());
            BOOST_TEST(bases == expected_bases(each), boost::test_tools::per_element());
            BOOST_TEST((each.what->value("security", json{}) == json::array()) == each.roles.empty());
        }
    }
}

BOOST_AUTO_TEST_CASE(tags_are_in_groups_and_have_operations)
{
    std::multiset<std::string> grouped;
    for (const json& group : description().at("x-tagGroups")) {
        for (const json& each : group.at("tags"))
            grouped.insert(each.get<std::string>());
    }
    std::multiset<std::string> tags;
    for (const json& each : description().at("tags")) {
        const auto name = each.at("name").get<std::string>();
        tags.insert(name);
        BOOST_TEST(
            std::ranges::any_of(described_operations(),
                                [&](const described_operation& of) { return of.what->at("tags").at(0) == name; }),
            name << " has no operation");
    }
    BOOST_TEST((grouped == tags));
}

BOOST_AUTO_TEST_CASE(every_hole_of_a_path_is_described_and_nothing_twice)
{
    static const std::regex hole{R"(\{(\w+)\})"};
    for (const described_operation& each : described_operations()) {
        BOOST_TEST_CONTEXT(each.method << ' ' << each.path)
        {
            std::set<std::string> holes;
            for (std::sregex_iterator it{each.path.begin(), each.path.end(), hole}; it != std::sregex_iterator{}; ++it)
                holes.insert((*it)[1]);
            std::set<std::string> described_holes;
            std::set<std::pair<std::string, std::string>> names;
            for (const json& one : parameters_of(each)) {
                const auto where = one.at("in").get<std::string>();
                const auto name = one.at("name").get<std::string>();
                BOOST_TEST(names.emplace(where, name).second, name << " is described twice");
                BOOST_TEST(!one.value("description", "").empty(), name << " is not explained");
                if (where != "path")
                    continue;
                BOOST_TEST(one.at("required") == true);
                BOOST_TEST(one.contains("example"), name << " has no example");
                described_holes.insert(name);
            }
            BOOST_TEST((holes == described_holes));
        }
    }
}

BOOST_AUTO_TEST_CASE(every_operation_has_an_example_of_its_success)
{
    for (const described_operation& each : described_operations()) {
        BOOST_TEST_CONTEXT(each.method << ' ' << each.path)
        {
            std::size_t successes = 0;
            for (const auto& [status, answer] : each.what->at("responses").items()) {
                if (status.front() != '2')
                    continue;
                ++successes;
                BOOST_TEST(resolved(answer).contains("content"));
                BOOST_TEST(!examples_of(answer).empty(), status << " has no example");
                check_examples(answer);
            }
            BOOST_TEST((successes > 0) == is_offered(each));
            if (const auto body = each.what->find("requestBody"); body != each.what->end()) {
                BOOST_TEST(!examples_of(*body).empty(), "the body has no example");
                check_examples(*body);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(every_operation_has_the_form_of_its_errors)
{
    const std::set<std::string> of_devices{"429", "500", "503", "507"};
    const std::set<std::string> of_accounts{"401", "403", "429", "500", "503"};
    for (const described_operation& each : described_operations()) {
        BOOST_TEST_CONTEXT(each.method << ' ' << each.path)
        {
            const std::string form =
                "#/components/schemas/" + std::string{each.side == "device" ? "DeviceError" : "Error"};
            std::set<std::string> statuses;
            for (const auto& [status, answer] : each.what->at("responses").items()) {
                if (status < "400")
                    continue;
                statuses.insert(status);
                if (each.path.starts_with("/health") && status == "503")
                    continue; // what it tells is the answer, and no error
                BOOST_TEST(resolved(answer).at("content").at("application/json").at("schema").at("$ref") == form);
                check_examples(answer);
            }
            BOOST_TEST(!statuses.empty());
            if (!is_offered(each))
                continue;
            const auto& expected = each.side == "device" ? of_devices : of_accounts;
            if (each.side == "device" || !each.roles.empty())
                BOOST_TEST(std::ranges::includes(statuses, expected));
        }
    }
}

// The codes beside the examples are for the page and for readers who look for one.
BOOST_AUTO_TEST_CASE(the_codes_of_an_answer_are_those_of_its_examples)
{
    for (const auto& [name, answer] : description().at("components").at("responses").items()) {
        std::vector<std::string> codes;
        for (const described_example& each : examples_of(answer))
            codes.push_back(each.value->at("responseObject").at("code").get<std::string>());
        auto told = answer.at("x-error-codes").get<std::vector<std::string>>();
        std::ranges::sort(codes);
        std::ranges::sort(told);
        BOOST_TEST(codes == told, boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(every_error_of_the_office_side_has_its_code_there)
{
    std::set<std::string> codes;
    for (const json& each : description().at("components").at("schemas").at("ErrorCode").at("enum"))
        codes.insert(each.get<std::string>());
    const auto check = [&codes](const handlers::response& told) {
        const auto body = json::parse(told.body);
        const auto code = body.at("responseObject").at("code").get<std::string>();
        BOOST_TEST(codes.contains(code), code);
        const auto faults = faults_of(body, description().at("components").at("schemas").at("Error"));
        BOOST_TEST(faults.empty(), (faults.empty() ? std::string{} : faults.front()));
    };
    for (int value = 1; value <= registry::errc_last; ++value)
        check(handlers::problem(make_error_code(static_cast<registry::errc>(value))));
    for (const auto value : {kv::errc::storage_full, kv::errc::queue_full, kv::errc::closing, kv::errc::damaged})
        check(handlers::problem(make_error_code(value)));
    check(handlers::problem(std::vector<handlers::violation>{{"field", "value", "hint"}}));
}

// --- what tells right from wrong here

BOOST_AUTO_TEST_CASE(what_does_not_fit_a_schema_is_found)
{
    const json schema = json::parse(R"({"type":"object","required":["a"],"properties":{
        "a":{"type":"string","minLength":2,"maxLength":3},"b":{"type":["integer","null"],"minimum":1,"maximum":9},
        "c":{"type":"array","items":{"enum":["X","Y"]},"maxItems":2},"d":{"const":true},
        "e":{"type":"object","additionalProperties":{"type":"number"}},
        "f":{"oneOf":[{"type":"string"},{"type":"null"}]}}})");
    for (const char* good : {R"({"a":"xy"})", R"({"a":"äöü","b":null,"c":["X","Y"],"d":true,"e":{"any":1.5},"f":null})",
                             R"({"a":"xy","b":9})"})
        BOOST_TEST(faults_of(json::parse(good), schema).empty(), good);
    for (const char* bad :
         {"[]", "{}", R"({"a":1})", R"({"a":"x"})", R"({"a":"xyzw"})", R"({"a":"xy","b":0})", R"({"a":"xy","b":10})",
          R"({"a":"xy","b":1.5})", R"({"a":"xy","c":["Z"]})", R"({"a":"xy","c":["X","X","X"]})",
          R"({"a":"xy","d":false})", R"({"a":"xy","e":{"any":"1"}})", R"({"a":"xy","f":1})", R"({"a":"xy","other":1})"})
        BOOST_TEST(!faults_of(json::parse(bad), schema).empty(), bad);
}

// --- how it is served

BOOST_AUTO_TEST_CASE(what_is_served_is_what_lies_there)
{
    scratch_world world;
    for (const served_file& each : served_files()) {
        BOOST_TEST_CONTEXT(each.target)
        {
            BOOST_TEST((read(each.file) == each.text));
            for (const char* prefix : {"", "/powerauth-cloud"}) {
                const auto told = world.call(handlers::side::office, asking(std::string{prefix} + each.target));
                BOOST_TEST(told.status == 200U);
                BOOST_TEST((told.text == each.text));
                BOOST_TEST(told.header("X-Content-Type-Options") == "nosniff");
            }
            BOOST_TEST(world.call(handlers::side::device, asking(each.target)).status == 404U);
            BOOST_TEST(world.office("POST", each.target).status == 405U);
        }
    }
}

BOOST_AUTO_TEST_CASE(who_has_it_is_not_sent_it_again)
{
    scratch_world world;
    std::set<std::string> tags;
    for (const served_file& each : served_files()) {
        BOOST_TEST_CONTEXT(each.target)
        {
            auto question = asking(each.target);
            const auto tag = world.call(handlers::side::office, question).header("ETag");
            BOOST_TEST(tag.size() == 34U);
            BOOST_TEST(tags.insert(tag).second);
            for (const std::string& known : {tag, "W/" + tag, "\"other\", " + tag, "\"other\"," + tag + " , \"more\"",
                                             std::string{"*"}, "\t" + tag + " "}) {
                question.if_none_match = known;
                const auto told = world.call(handlers::side::office, question);
                BOOST_TEST(told.status == 304U, known);
                BOOST_TEST(told.text.empty());
                BOOST_TEST(told.header("ETag") == tag);
            }
            for (const std::string& other : {std::string{}, std::string{"\"other\""}, tag.substr(1), tag + tag,
                                             std::string{","}, std::string{" , ,"}, std::string{"W/"}}) {
                question.if_none_match = other;
                BOOST_TEST(world.call(handlers::side::office, question).status == 200U, other);
            }
        }
    }
}

// The policy forbids what is inside the page; so there must be nothing.
BOOST_AUTO_TEST_CASE(the_page_runs_its_own_files_only)
{
    scratch_world world;
    const auto policy = world.call(handlers::side::office, asking("/docs")).header("Content-Security-Policy");
    BOOST_TEST(policy.find("default-src 'none'") != std::string::npos);
    BOOST_TEST(policy.find("unsafe") == std::string::npos);
    BOOST_TEST(policy.find("frame-ancestors 'none'") != std::string::npos);
    static const std::regex inline_code{R"(<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:)"};
    const std::string page{embedded::docs_html};
    BOOST_TEST(!std::regex_search(page, inline_code));
    for (const char* bad : {"<p style=\"x\">", "<script>x", "<a onclick=\"x\">", "<script defer>x"})
        BOOST_TEST(std::regex_search(bad, inline_code), bad);
    for (const auto text : {embedded::docs_html, embedded::docs_js, embedded::docs_css}) {
        BOOST_TEST(text.find("://") == std::string_view::npos);
        BOOST_TEST(text.find("@import") == std::string_view::npos);
    }
    for (const char* danger :
         {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"})
        BOOST_TEST(embedded::docs_js.find(danger) == std::string_view::npos, danger);
    for (const char* used : {"docs/docs.css", "docs/docs.js"})
        BOOST_TEST(page.find(used) != std::string::npos);
}

// What the script looks for is in the page.
BOOST_AUTO_TEST_CASE(the_script_knows_the_page)
{
    static const std::regex wanted{R"re(getElementById\("(\w+)"\))re"};
    const std::string script{embedded::docs_js};
    std::size_t seen = 0;
    for (std::sregex_iterator it{script.begin(), script.end(), wanted}; it != std::sregex_iterator{}; ++it) {
        ++seen;
        BOOST_TEST(embedded::docs_html.find("id=\"" + (*it)[1].str() + '"') != std::string_view::npos, it->str());
    }
    BOOST_TEST(seen >= 6U);
}

BOOST_AUTO_TEST_SUITE_END()
