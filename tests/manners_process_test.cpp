// Accounts, tokens and the manners of requests on whole servers: header fields over the wire, all threads at once, and
// what a kill leaves.

#include "tests/process_support.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace doorward::tests;
namespace bench = doorward::bench;

// Connections are dealt out to the threads in turn, so these reach every one of them.
constexpr std::size_t connections = 8;

struct office_connections {
    explicit office_connections(const scene& bank)
    {
        for (std::size_t i = 0; i < connections; ++i)
            open.emplace_back(bank.server.office_url());
    }

    /// How many answer a request for a list with this status.
    std::size_t count(const std::string& authorization, int status)
    {
        std::size_t out = 0;
        for (bench::http_client& each : open) {
            const auto got =
                each.request("GET", "/v2/registrations?userId=anna", {{"Authorization", authorization}}, "");
            out += got.status == status ? 1U : 0U;
        }
        return out;
    }

    std::vector<bench::http_client> open;
};

std::string value_of(const http_answer& of, std::string_view name)
{
    return std::string{of.header(name).value_or("")};
}

} // namespace

BOOST_AUTO_TEST_SUITE(manners_process)

BOOST_AUTO_TEST_CASE(tokens_are_revoked_on_every_connection)
{
    scene bank;
    const std::string path = "/admin/users/" + bank.office_name;
    const std::string token = bank.admin.post(path + "/tokens", {{"name", "ci"}}).at("token");
    const std::string bearer = "Bearer " + token;
    office_connections all{bank};
    BOOST_TEST(all.count(bearer, 200) == connections);
    bank.admin.remove(path + "/tokens/ci");
    BOOST_TEST(all.count(bearer, 401) == connections);

    const std::string other = bank.admin.post(path + "/tokens", {{"name", "ci"}}).at("token");
    BOOST_TEST(all.count("Bearer " + other, 200) == connections);
    BOOST_TEST(all.count(bank.office.credentials(), 200) == connections);
    BOOST_TEST(bank.admin.ask("PATCH", path, json{{"enabled", false}}).status == 200);
    BOOST_TEST(all.count("Bearer " + other, 401) == connections);
    BOOST_TEST(all.count(bank.office.credentials(), 401) == connections);
    BOOST_TEST(bank.admin.ask("PATCH", path, json{{"enabled", true}}).status == 200);
    BOOST_TEST(all.count("Bearer " + other, 200) == connections);

    bank.server.kill();
    bank.server.start();
    BOOST_TEST((office_connections{bank}.count("Bearer " + other, 200) == connections));
    BOOST_TEST((office_connections{bank}.count(bearer, 401) == connections));
    BOOST_TEST((bank.server.log().find(token) == std::string::npos));
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(what_was_answered_under_a_key_is_answered_again_after_a_kill)
{
    scene bank;
    const std::string body = json{{"userId", "anna"}, {"appId", bank.application_id}}.dump();
    const auto post = [&](const std::string& key) {
        return bench::http_client{bank.server.office_url()}.request("POST", "/v2/registrations",
                                                                    {{"Authorization", bank.office.credentials()},
                                                                     {"Content-Type", "application/json"},
                                                                     {"Idempotency-Key", key}},
                                                                    body);
    };
    const auto first = post("key-1");
    BOOST_TEST(first.status == 200);
    BOOST_TEST(value_of(first, "Idempotency-Replayed").empty());
    bank.server.kill();
    bank.server.start();
    const auto again = post("key-1");
    BOOST_TEST(again.status == 200);
    BOOST_TEST(again.body == first.body);
    BOOST_TEST(value_of(again, "Idempotency-Replayed") == "true");
    BOOST_TEST(post("key-2").body != first.body);
    BOOST_TEST(bank.office.get("/v2/registrations?userId=anna").at("registrations").size() == 2U);
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(traces_and_tags_come_back_over_the_wire)
{
    scene bank;
    const auto phone = bank.enroll("anna");
    const auto ask = [&](const bench::header_list& more, std::string_view method = "GET", std::string_view body = "") {
        bench::header_list fields{{"Authorization", bank.office.credentials()}};
        fields.insert(fields.end(), more.begin(), more.end());
        return bench::http_client{bank.server.office_url()}.request(
            method, "/v2/registrations/" + phone.activation_id(), fields, body);
    };
    const std::string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const auto traced = ask({{"traceparent", trace}, {"X-Request-Id", "mine"}});
    BOOST_TEST(traced.status == 200);
    BOOST_TEST(value_of(traced, "traceparent") == trace);
    BOOST_TEST(value_of(traced, "X-Request-Id") == "mine");
    BOOST_TEST(value_of(ask({}), "traceparent").empty());
    BOOST_TEST(value_of(ask({{"traceparent", trace + "-x"}}), "traceparent").empty());

    const auto tag = value_of(traced, "ETag");
    BOOST_TEST(!tag.empty());
    BOOST_TEST(ask({{"If-Match", "\"1\""}}, "PUT", R"({"change":"BLOCK"})").status == 412);
    BOOST_TEST(ask({{"If-Match", tag}}, "PUT", R"({"change":"BLOCK"})").status == 200);
    BOOST_TEST(ask({{"If-Match", tag}}, "DELETE").status == 412);
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(the_server_is_told_its_manners_when_it_starts)
{
    scene bank;
    const std::string unknown = "/v2/registrations/2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11";
    const json body{{"userId", "anna"}, {"appId", bank.application_id}, {"extra", 1}};
    BOOST_TEST(bank.office.ask("GET", unknown).status == 400);
    BOOST_TEST(bank.office.ask("POST", "/v2/registrations", body).status == 200);
    bank.server.stop();
    bank.server.start({"--status-style", "rest", "--strict-json"});
    BOOST_TEST(bank.office.ask("GET", unknown).status == 404);
    const auto refused = bank.office.ask("POST", "/v2/registrations", body);
    BOOST_TEST(refused.status == 400);
    BOOST_TEST(refused.body.at("responseObject").at("violations")[0].at("fieldName") == "extra");
    static_cast<void>(bank.enroll("anna")); // phones are not asked for manners
    bank.server.restart();
    BOOST_TEST(bank.office.ask("GET", unknown).status == 400);
    bank.server.stop();
}

BOOST_AUTO_TEST_SUITE_END()
