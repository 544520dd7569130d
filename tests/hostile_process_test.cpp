// Clients that mean harm or are merely broken. Whatever comes in, the server answers as documented or closes the
// connection, never with 500, serves everybody else meanwhile, and keeps its memory and its secrets.

#include "bench/device_crypto.hpp"
#include "crypto/encoding.hpp"
#include "server/config.hpp"
#include "tests/process_support.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>

namespace {

using namespace doorward::tests;
namespace bench = doorward::bench;
namespace crypto = doorward::crypto;
using bench::device;
using bench::signature_type;

constexpr auto pk = signature_type::possession_knowledge;

// Resident memory at its highest, after everything that this file does to one server. An idle server needs some 15 MB;
// what connections hold at worst is stated in server/config.hpp, and some hundreds of them are open here.
constexpr std::uint64_t memory_kb_max = 128 * 1024;

std::string get(std::string_view path, std::string_view more_headers = "")
{
    return "GET " + std::string{path} + " HTTP/1.1\r\nHost: x\r\n" + std::string{more_headers} + "\r\n";
}

std::string post(std::string_view path, std::string_view body, std::string_view more_headers = "")
{
    return "POST " + std::string{path} + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + std::string{more_headers} + "\r\n" + std::string{body};
}

// A request as text, for those who change single bytes of it.
std::string on_the_wire(const http_request& what)
{
    std::string headers;
    for (const auto& [name, value] : what.headers)
        headers += name + ": " + value + "\r\n";
    return what.method + ' ' + what.path +
           " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(what.body.size()) + "\r\n" + headers + "\r\n" +
           what.body;
}

// All answers until the server closes the connection. The client says that it is done first.
std::vector<http_answer> talk(unsigned short port, std::string_view text)
{
    raw_connection connection{port};
    connection.send(text);
    connection.finish_sending();
    std::vector<http_answer> out;
    while (auto answer = connection.read_answer())
        out.push_back(*std::move(answer));
    return out;
}

bool is_served(const server_process& server)
{
    bench::http_client device_side{server.device_url()};
    bench::http_client office_side{server.office_url()};
    return device_side.request("POST", "/pa/v3/status", {}, "{}").status == 200 &&
           office_side.request("GET", "/health", {}, "").status == 200;
}

// An error in the documented form: { "status": "ERROR", "responseObject": { "code", "message" } }.
bool is_error_document(const http_answer& answer)
{
    const auto body = json::parse(answer.body, nullptr, false);
    return !body.is_discarded() && body.is_object() && body.value("status", "") == "ERROR" &&
           body.contains("responseObject") && body.at("responseObject").contains("code") &&
           body.at("responseObject").contains("message");
}

bool is_client_error(const http_answer& answer)
{
    return answer.status >= 400 && answer.status < 500 && is_error_document(answer);
}

// What a well-behaved server says to a request that it does not understand: one 4xx, and the end.
void check_refused(unsigned short port, const std::string& request, int status = 400)
{
    const auto answers = talk(port, request);
    BOOST_TEST_REQUIRE(answers.size() == 1u);
    BOOST_TEST(answers[0].status == status);
    BOOST_TEST(is_error_document(answers[0]));
    BOOST_TEST((answers[0].header("Connection") == "close"));
}

// --- encrypted requests with any content

struct envelope_maker {
    const scene& bank;
    bench::temporary_key key;

    [[nodiscard]] std::string seal(std::string_view purpose, std::string_view plaintext) const
    {
        const auto& rules = bench::rules_of(bench::protocol_version::v3_3);
        bench::envelope_exchange exchange{rules,
                                          {purpose, key.key, key.id},
                                          bench::bind_envelope(rules, bank.application.key(), bank.application.secret(),
                                                               std::nullopt, std::nullopt, key.id)};
        const auto now =
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
        return bench::write_envelope(exchange.seal(crypto::as_bytes(plaintext), now.count()),
                                     bench::wire_style::android);
    }

    [[nodiscard]] http_request activation(std::string_view outer) const
    {
        return with_body(seal(bench::purpose::application, outer));
    }
    [[nodiscard]] http_request activation_with_inner(const std::string& code, std::string_view inner) const
    {
        return activation(R"({"type":"CODE","identityAttributes":{"code":")" + code + R"("},"activationData":)" +
                          seal(bench::purpose::activation_data, inner) + '}');
    }
    [[nodiscard]] http_request with_body(std::string body) const
    {
        return {
            "POST",
            "/pa/v3/activation/create",
            {{"X-PowerAuth-Encryption", "PowerAuth version=\"3.3\" application_key=\"" + bank.application.key() + '"'}},
            std::move(body)};
    }
};

envelope_maker maker_for(const scene& bank)
{
    return {bank, bank.new_phone().fetch_temporary_key(bench::encryption_scope::application)};
}

std::string bare_code(const scene::fresh_registration& made)
{
    return made.code.substr(0, made.code.find('#'));
}

std::string base64(crypto::bytes_view data)
{
    return crypto::to_base64(data);
}

// Texts that are no valid JSON document with an object at its top, or hide something in it.
std::vector<std::pair<std::string, std::string>> bad_documents()
{
    std::string deep_object;
    std::string deep_array = R"({"userId":)";
    for (int i = 0; i < 200; ++i)
        deep_object += R"({"a":)";
    deep_object += '1' + std::string(200, '}');
    deep_array += std::string(10'000, '[') + std::string(10'000, ']') + '}';
    using namespace std::string_literals;
    return {
        {"nothing", ""},
        {"white space", " \r\n\t "},
        {"null", "null"},
        {"true", "true"},
        {"number", "12"},
        {"text", R"("text")"},
        {"array", "[]"},
        {"array of objects", R"([{"userId":"a"}])"},
        {"unfinished", R"({"userId":"a")"},
        {"unfinished text", R"({"userId":"a)"},
        {"trailing text", R"({"a":1}x)"},
        {"two documents", R"({"a":1}{"a":1})"},
        {"trailing comma", R"({"a":1,})"},
        {"single quotes", R"({'a':1})"},
        {"comment", R"({"a":1/*c*/})"},
        {"member twice", R"({"a":1,"a":1})"},
        {"member twice by escape", R"({"a":1,"\u0061":1})"},
        {"member twice inside", R"({"a":[{"b":{"c":1,"c":2}}]})"},
        {"deep objects", deep_object},
        {"deep arrays", deep_array},
        {"invalid byte", "{\"a\":\"\xff\"}"},
        {"overlong slash", "{\"a\":\"\xc0\xaf\"}"},
        {"surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}"},
        {"cut character", "{\"a\":\"\xe2\x82\"}"},
        {"invalid byte in a name", "{\"\xfe\":1}"},
        {"lone surrogate escape", R"({"a":"\ud800"})"},
        {"wrong escape", R"({"a":"\x41"})"},
        {"raw line end in a text", "{\"a\":\"\n\"}"},
        {"zero byte after", "{\"a\":1}\0"s},
        {"zero byte inside", "{\"a\0\":1}"s},
        {"byte order mark", "\xef\xbb\xbf{\"a\":1"}, // a whole document after a mark is one
        {"exponent without end", R"({"a":1e})"},
        {"number beyond double", R"({"a":1e999})"},
        {"number beyond 64 bits", R"({"a":123456789012345678901234567890})"},
        {"leading zero", R"({"a":01})"},
        {"plus", R"({"a":+1})"},
        {"not a number", R"({"a":NaN})"},
        {"hexadecimal", R"({"a":0x10})"},
    };
}

struct endpoint {
    std::string method;
    std::string path;
    bool office;
    json valid;             // a body that reaches the handler's checks
    bool reads_body = true; // false: the body is only signed, or not looked at
};

// Every endpoint that takes a body, both sides.
std::vector<endpoint> endpoints_with_body(const std::string& registration_id)
{
    const std::string registration = "/v2/registrations/" + registration_id;
    const std::string b16 = "AAAAAAAAAAAAAAAAAAAAAA==";
    const std::string header = R"(PowerAuth pa_version="3.3", pa_activation_id=")" + registration_id +
                               R"(", pa_application_key=")" + b16 + R"(", pa_nonce=")" + b16 +
                               R"(", pa_signature_type="possession_knowledge", pa_signature=")" + b16 + '"';
    return {
        {"POST", "/pa/v3/status", false, json::object(), false},
        {"POST", "/pa/v3/signature/validate", false, json::object(), false},
        {"PUT", "/pa/v3/signature/validate", false, json::object(), false},
        {"POST", "/pa/v3/activation/remove", false, json::object(), false},
        {"POST",
         "/pa/v3/activation/status",
         false,
         {{"requestObject", {{"activationId", registration_id}, {"challenge", b16}}}}},
        {"POST", "/pa/v3/keystore/create", false, {{"requestObject", {{"jwt", "e30.e30.e30"}}}}},
        {"POST",
         "/pa/v3/activation/create",
         false,
         {{"temporaryKeyId", registration_id},
          {"ephemeralPublicKey", b16},
          {"encryptedData", b16},
          {"mac", b16},
          {"nonce", b16},
          {"timestamp", 1'700'000'000'000}}},
        {"POST", "/pa/v3/token/create", false, json::object(), false},
        {"POST", "/pa/v3/token/remove", false, {{"requestObject", {{"tokenId", registration_id}}}}, false},
        {"POST", "/pa/v3/vault/unlock", false, json::object(), false},
        {"POST",
         "/pa/v3/user/info",
         false,
         {{"temporaryKeyId", registration_id},
          {"ephemeralPublicKey", b16},
          {"encryptedData", b16},
          {"mac", b16},
          {"nonce", b16},
          {"timestamp", 1'700'000'000'000}}},
        {"POST", "/pa/v3/upgrade/start", false, json::object(), false},
        {"POST", "/pa/v3/upgrade/commit", false, json::object(), false},
        {"POST", "/pa/v3/recovery/confirm", false, json::object(), false},
        {"POST", "/api/registration", false, json::object(), false},
        {"POST", "/api/registration/rename", false, {{"requestObject", {{"name", "phone"}}}}, false},
        {"POST", "/api/registration/pin-changed", false, {{"requestObject", json::object()}}, false},
        {"POST", "/api/registrations/list", false, {{"requestObject", {{"limit", 1}}}}, false},
        {"POST", "/api/registrations/remove", false, {{"requestObject", {{"registrationId", registration_id}}}}, false},
        {"POST", "/api/activation/code", false, json::object(), false},
        {"POST",
         "/v2/token/verify",
         true,
         {{"tokenId", registration_id},
          {"tokenDigest", base64(crypto::bytes(32))},
          {"nonce", b16},
          {"timestamp", 1'700'000'000'000},
          {"protocolVersion", "3.3"}}},
        {"POST", "/v2/token/verify", true, {{"authHeader", header}}},
        {"PUT",
         "/v2/users/abused/claims?appId=bank",
         true,
         {{"sub", "abused"}, {"name", "A"}, {"birthdate", "2000-01-01"}, {"address", {{"country", "CZ"}}}, {"x", 1}}},
        {"POST",
         "/v2/signature/verify",
         true,
         {{"method", "POST"}, {"uriId", "/login"}, {"authHeader", header}, {"requestBody", "e30="}}},
        {"POST",
         "/v2/signature/verify",
         true,
         {{"method", "GET"}, {"uriId", "/login"}, {"authHeader", header}, {"queryParams", {{"a", "b"}}}}},
        {"POST",
         "/v2/registrations",
         true,
         {{"userId", "abused"},
          {"appId", "bank"},
          {"flags", {"A"}},
          {"name", "phone"},
          {"maxFailedAttempts", 5},
          {"externalUserId", "clerk"},
          {"otp", "1234"},
          {"commitPhase", "ON_COMMIT"}}},
        {"POST",
         "/v2/registrations/lookup",
         true,
         {{"userIds", {"abused", "nobody"}},
          {"appIds", {"bank"}},
          {"status", {"ACTIVE", "BLOCKED"}},
          {"flags", {"A"}},
          {"removed", true},
          {"platform", "android"},
          {"name", "phone"},
          {"lastUsedAfter", 1},
          {"createdBefore", 2'000'000'000'000},
          {"limit", 10}}},
        {"PATCH",
         registration,
         true,
         {{"name", "phone"}, {"metadata", {{"a", 1}, {"b", nullptr}}}, {"externalUserId", "clerk"}}},
        {"POST", registration + "/commit", true, {{"otp", "1234"}, {"externalUserId", "clerk"}}},
        {"PUT", registration + "/otp", true, {{"otp", "1234"}, {"externalUserId", "clerk"}}},
        {"PUT",
         registration,
         true,
         {{"change", "UNBLOCK"}, {"blockedReason", "why"}, {"reason", "why"}, {"externalUserId", "clerk"}}},
        {"PUT", registration, true, {{"change", "BLOCK"}, {"cascade", true}, {"externalUserId", "clerk"}}},
        {"POST",
         registration + "/transfer",
         true,
         {{"type", "SPAWN"},
          {"appId", "bank"},
          {"otp", "0123456789abcdef"},
          {"commitPhase", "ON_COMMIT"},
          {"flags", {"A"}},
          {"timestampRegistrationExpire", 1'700'000'000'000},
          {"externalUserId", "clerk"}}},
        {"POST",
         "/v2/signature/offline/verify",
         true,
         {{"registrationId", registration_id},
          {"signature", "00000000-00000000"},
          {"nonce", b16},
          {"body", "a&b"},
          {"uriId", "/login"},
          {"componentLength", 8},
          {"allowBiometry", true},
          {"requiredFlags", {"A"}},
          {"proximityCheck", {{"seed", b16}, {"stepLength", 30}, {"stepCount", 1}}}}},
        {"POST",
         "/v2/signature/offline/personalized/create",
         true,
         {{"registrationId", registration_id},
          {"data", "a\nb"},
          {"nonce", b16},
          {"proximityCheck", {{"seed", b16}, {"stepLength", 30}}}}},
        {"POST",
         "/v2/signature/offline/non-personalized/create",
         true,
         {{"appId", "bank"}, {"data", "a\nb"}, {"nonce", b16}}},
        {"POST",
         "/v2/signature/ecdsa/verify",
         true,
         {{"registrationId", registration_id}, {"data", b16}, {"signature", b16}, {"signatureFormat", "JOSE"}}},
        {"PUT", registration + "/name", true, {{"name", "phone"}, {"externalUserId", "clerk"}}},
        {"POST", registration + "/flags", true, {{"flags", {"A"}}, {"externalUserId", "clerk"}}},
        {"PUT", registration + "/flags", true, {{"flags", {"A"}}, {"externalUserId", "clerk"}}},
        {"DELETE", registration + "/flags", true, {{"flags", {"A"}}, {"externalUserId", "clerk"}}},
        {"POST", "/admin/applications", true, {{"id", "bank"}, {"roles", {"A"}}}},
        {"PATCH",
         "/admin/applications/bank",
         true,
         {{"roles", {"A"}},
          {"countOnlyIfPossessionProven", true},
          {"unproven", {{"perMinute", 30}}},
          {"lowestVersion", "3.0"},
          {"maxFailedAttempts", 5},
          {"vaultWithBiometry", false},
          {"deviceManagement", false},
          {"provider", {{"url", "http://127.0.0.1:9/"}, {"timeoutMs", 100}, {"secret", "s"}}},
          {"transfer",
           {{"spawn", true},
            {"move", true},
            {"targets", {"bank"}},
            {"flags", {"A"}},
            {"maxFailedAttempts", 5},
            {"cascadeBlock", true}}}}},
        {"POST", "/admin/applications/bank/versions", true, json::object(), false},
        {"PUT", "/admin/applications/bank/versions/AAAA", true, {{"supported", true}}},
        {"POST", "/admin/users", true, {{"username", "back-office"}, {"role", "INTEGRATION"}}},
        {"POST", "/admin/users/back-office/applications/bank", true, json::object(), false},
    };
}

http_answer send_to(const scene& bank, const endpoint& where, std::string_view body, bench::http_client& device_side,
                    bench::http_client& office_side)
{
    bench::header_list headers{{"Content-Type", "application/json"}};
    if (where.office)
        headers.emplace_back("Authorization", bank.admin.credentials());
    if (where.path == "/pa/v3/activation/create")
        headers.emplace_back("X-PowerAuth-Encryption",
                             "PowerAuth version=\"3.3\" application_key=\"" + bank.application.key() + '"');
    if (where.path == "/pa/v3/user/info")
        headers.emplace_back("X-PowerAuth-Encryption", "PowerAuth version=\"3.3\" application_key=\"" +
                                                           bank.application.key() + "\" activation_id=\"" +
                                                           where.valid.at("temporaryKeyId").get<std::string>() + '"');
    return (where.office ? office_side : device_side).request(where.method, where.path, headers, body);
}

} // namespace

BOOST_AUTO_TEST_SUITE(hostile_process)

// --- the transport

struct plain_server {
    plain_server() { server.start(); }
    server_process server;

    [[nodiscard]] unsigned short port() const { return server.device_port(); }
};

BOOST_FIXTURE_TEST_CASE(a_header_beyond_its_limit_is_refused_with_431, plain_server)
{
    check_refused(port(), get("/health", "X-Long: " + std::string(100'000, 'a') + "\r\n"), 431);
    check_refused(port(), get("/" + std::string(100'000, 'a')), 431);
    std::string many;
    for (int i = 0; i < 4'000; ++i)
        many += "X-Header-" + std::to_string(i) + ": value\r\n";
    check_refused(port(), get("/health", many), 431);
    BOOST_TEST(is_served(server));
    server.stop();
}

BOOST_FIXTURE_TEST_CASE(a_header_without_end_is_cut_off, plain_server)
{
    raw_connection connection{port()};
    connection.send("GET /health HTTP/1.1\r\nX-Long: ");
    bool open = true;
    for (int i = 0; i < 100 && open; ++i)
        open = connection.send(std::string(100'000, 'a'));
    BOOST_TEST(!open);
    BOOST_TEST(is_served(server));
    server.stop();
}

BOOST_FIXTURE_TEST_CASE(a_body_may_be_as_long_as_the_limit_and_no_longer, plain_server)
{
    const auto fits =
        talk(port(), post("/pa/v3/status", std::string(doorward::server::limits{}.device_body_bytes, ' ')));
    BOOST_TEST_REQUIRE(fits.size() == 1u);
    BOOST_TEST(fits[0].status == 200);
    check_refused(port(), post("/pa/v3/status", std::string(doorward::server::limits{}.device_body_bytes + 1, ' ')),
                  413);
    // Refused by its length alone: nothing of it has to come.
    for (const char* length : {"65537", "1000000000000", "9223372036854775807", "18446744073709551614"})
        check_refused(port(), "POST /pa/v3/status HTTP/1.1\r\nContent-Length: " + std::string{length} + "\r\n\r\n",
                      413);
    BOOST_TEST(is_served(server));
    server.stop();
}

// Without a length a request has no body, so what follows is taken for the next request, which it is not.
BOOST_FIXTURE_TEST_CASE(a_body_without_a_length_and_without_end_is_cut_off, plain_server)
{
    raw_connection connection{port()};
    connection.send("POST /pa/v3/status HTTP/1.1\r\nHost: x\r\n\r\n{\"a\":\"");
    bool open = true;
    for (int i = 0; i < 100 && open; ++i)
        open = connection.send(std::string(100'000, 'a'));
    BOOST_TEST(!open);
    BOOST_TEST(is_served(server));
    server.stop();
}

BOOST_FIXTURE_TEST_CASE(any_transfer_encoding_is_refused, plain_server)
{
    const std::string start = "POST /pa/v3/status HTTP/1.1\r\nHost: x\r\n";
    const std::string chunks = "2\r\n{}\r\n0\r\n\r\n";
    for (const char* encoding :
         {"chunked", "Chunked", "gzip, chunked", "identity", "gzip", "xchunked", "chunked, identity"}) {
        BOOST_TEST_CONTEXT(encoding)
        {
            const std::string field = "Transfer-Encoding: " + std::string{encoding} + "\r\n";
            check_refused(port(), start + field + "\r\n" + chunks, 411);
        }
    }
    // With a length beside it, in either order: the old way to smuggle a request past a proxy.
    for (const char* both :
         {"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
          "Transfer-Encoding: identity\r\nContent-Length: 2\r\n",
          "Content-Length: 2\r\nTransfer-Encoding : chunked\r\n",
          "Content-Length: 2\r\nTransfer-Encoding: \tchunked\r\n",
          "transfer-encoding: chunked\r\ncontent-length: 2\r\n"}) {
        BOOST_TEST_CONTEXT(both)
        {
            const auto answers = talk(port(), start + both + "\r\n" + chunks + get("/health"));
            BOOST_TEST_REQUIRE(answers.size() == 1u); // the second request was not there
            BOOST_TEST(is_client_error(answers[0]));
        }
    }
    server.stop();
}

BOOST_FIXTURE_TEST_CASE(a_length_that_is_no_single_number_is_refused, plain_server)
{
    for (const char* length : {"-1", "+2", "2 2", "2,3", "3, 2", "0x2", "2e0", "", " ", "two", "2.0",
                               "99999999999999999999999", "18446744073709551616", "2;", "\"2\""}) {
        BOOST_TEST_CONTEXT("Content-Length: " << length)
        {
            const auto answers =
                talk(port(),
                     "POST /pa/v3/status HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::string{length} + "\r\n\r\n{}");
            BOOST_TEST_REQUIRE(answers.size() == 1u);
            BOOST_TEST(is_client_error(answers[0]));
        }
    }
    for (const char* two : {"2\r\nContent-Length: 3", "3\r\nContent-Length: 2", "0\r\ncontent-length: 2"})
        check_refused(port(), "POST /pa/v3/status HTTP/1.1\r\nContent-Length: " + std::string{two} + "\r\n\r\n{}");
    BOOST_TEST(is_served(server));
    server.stop();
}

BOOST_FIXTURE_TEST_CASE(what_is_not_http_is_refused, plain_server)
{
    using namespace std::string_literals;
    const std::vector<std::pair<std::string, std::string>> table{
        {"zero byte in a value", get("/health", "X-A: a\0b\r\n"s)},
        {"zero byte in a name", get("/health", "X\0A: b\r\n"s)},
        {"zero byte in the target", get("/hea\0lth"s)},
        {"zero byte in the method", "G\0ET /health HTTP/1.1\r\n\r\n"s},
        {"zeros", std::string(100, '\0')},
        {"control character in the method", "GE\x01T /health HTTP/1.1\r\n\r\n"},
        {"bracket in the method", "GET[] /health HTTP/1.1\r\n\r\n"},
        {"space before the colon", get("/health", "X-A : b\r\n")},
        {"no colon", get("/health", "X-A\r\n")},
        {"empty name", get("/health", ": b\r\n")},
        {"bare line ends", "GET /health HTTP/1.1\n\n"},
        {"carriage return in a value", get("/health", "X-A: a\rb\r\n")},
        {"no target", "GET HTTP/1.1\r\n\r\n"},
        {"empty target", "GET  HTTP/1.1\r\n\r\n"},
        {"space in the target", "GET /a b HTTP/1.1\r\n\r\n"},
        {"no version", "GET /health\r\n\r\n"},
        {"version 2", "GET /health HTTP/2.0\r\n\r\n"},
        {"version 1.2", "GET /health HTTP/1.2\r\n\r\n"},
        {"version 11", "GET /health HTTP/11\r\n\r\n"},
        {"another protocol", "GET /health FTP/1.1\r\n\r\n"},
        {"preface of version 2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
        {"start of TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"s},
        {"an answer", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
        {"absolute form", get("http://x/health")},
        {"authority form", "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n"},
        {"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"},
        {"a target without a slash", get("health")},
    };
    for (const auto& [name, text] : table) {
        BOOST_TEST_CONTEXT(name)
        {
            check_refused(port(), text);
        }
    }
    BOOST_TEST(is_served(server));
    server.stop();
}

BOOST_FIXTURE_TEST_CASE(a_method_or_path_that_does_not_exist_is_refused_and_the_connection_goes_on, plain_server)
{
    const std::vector<std::tuple<std::string, std::string, int>> table{
        {"FLY", "/health", 405},
        {"get", "/health", 405},
        {"POST", "/health", 405},
        {"PATCH", "/pa/v3/status", 405},
        {"GET", "/pa/v3/status", 405},
        {"PATCH", "/pa/v3/signature/validate", 405},
        {"TRACE", "/health", 405},
        {"OPTIONS", "/health", 405},
        {"GET", "/", 404},
        {"GET", "//health", 404},
        {"GET", "/health/", 404},
        {"GET", "/HEALTH", 404},
        {"GET", "/pa/../health", 404},
        {"GET", "/%68ealth", 404},
        {"GET", "/health%00", 404},
        {"GET", "/?a=b", 404},
        {"GET", "/pa/v3/status/{}", 404},
        {"POST", "/pa/v3/signature", 404},
        {"GET", "/\xc3\xa9", 404},
        {"GET", "/health?" + std::string(8'000, 'q'), 200},
    };
    raw_connection connection{port()};
    for (const auto& [method, path, status] : table) {
        BOOST_TEST_CONTEXT(method << ' ' << path.substr(0, 40))
        {
            connection.send(method + ' ' + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
            const auto answer = connection.read_answer();
            BOOST_TEST_REQUIRE(answer.has_value());
            BOOST_TEST(answer->status == status);
            BOOST_TEST((status == 200 || is_error_document(*answer)));
            BOOST_TEST(answer->header("Allow").has_value() == (status == 405));
        }
    }
    server.stop();
}

// RFC 9110, 9.3.2: no content in the answer. Otherwise the client takes it for the start of the next answer.
BOOST_FIXTURE_TEST_CASE(the_answer_to_head_has_no_body, plain_server)
{
    for (const char* path : {"/health", "/pa/v3/status", "/nowhere"}) {
        raw_connection connection{port()};
        connection.send("HEAD " + std::string{path} + " HTTP/1.1\r\nHost: x\r\n\r\n" + get("/health"));
        BOOST_TEST(connection.read_head().value_or("").starts_with("HTTP/1.1 "));
        const auto second = connection.read_head();
        BOOST_TEST(second.value_or("").starts_with("HTTP/1.1 200 "),
                   path << " was followed by " << second.value_or("nothing"));
    }
    server.stop();
}

BOOST_FIXTURE_TEST_CASE(requests_in_one_piece_are_answered_in_order, plain_server)
{
    std::string all;
    for (int i = 0; i < 200; ++i)
        all += i % 2 == 0 ? get("/health", "X-Request-Id: r" + std::to_string(i) + "\r\n")
                          : post("/pa/v3/status", std::string(static_cast<std::size_t>(i) * 10, ' '),
                                 "X-Request-Id: r" + std::to_string(i) + "\r\n");
    const auto answers = talk(port(), all);
    BOOST_TEST_REQUIRE(answers.size() == 200u);
    for (std::size_t i = 0; i < answers.size(); ++i) {
        BOOST_TEST(answers[i].status == 200);
        BOOST_TEST((answers[i].header("X-Request-Id") == "r" + std::to_string(i)));
    }
    server.stop();
}

// As above, but more in one piece than the server keeps for a connection: it reads on as it answers.
BOOST_FIXTURE_TEST_CASE(more_requests_in_one_piece_than_the_buffer_holds_are_answered, plain_server)
{
    std::string all;
    for (int i = 0; i < 20; ++i)
        all += post("/pa/v3/status", std::string(doorward::server::limits{}.device_body_bytes, ' '),
                    "X-Long: " + std::string(8'000, 'a') + "\r\n");
    const auto answers = talk(port(), all);
    BOOST_TEST(answers.size() == 20u);
    for (const http_answer& each : answers)
        BOOST_TEST(each.status == 200);
    server.stop();
}

BOOST_FIXTURE_TEST_CASE(garbage_after_a_request_does_not_harm_its_answer, plain_server)
{
    for (const std::string& garbage :
         {std::string{"\x01\x02\x03\r\n\r\n"}, std::string(50'000, 'x'), std::string{"HTTP/1.1 200 OK\r\n\r\n"}}) {
        const auto answers = talk(port(), get("/health") + garbage);
        BOOST_TEST_REQUIRE(answers.size() == 2u);
        BOOST_TEST(answers[0].status == 200);
        BOOST_TEST(is_client_error(answers[1]));
    }
    server.stop();
}

BOOST_FIXTURE_TEST_CASE(a_client_that_has_finished_sending_still_gets_its_answer, plain_server)
{
    raw_connection connection{port()};
    connection.send(post("/pa/v3/status", "{}"));
    connection.finish_sending();
    const auto answer = connection.read_answer();
    BOOST_TEST_REQUIRE(answer.has_value());
    BOOST_TEST(answer->status == 200);
    BOOST_TEST(connection.is_closed());
    server.stop();
}

BOOST_FIXTURE_TEST_CASE(a_request_in_single_bytes_is_a_request, plain_server)
{
    raw_connection connection{port()};
    for (const char each : post("/pa/v3/status", "{}"))
        connection.send({&each, 1});
    const auto answer = connection.read_answer();
    BOOST_TEST_REQUIRE(answer.has_value());
    BOOST_TEST(answer->status == 200);
    server.stop();
}

BOOST_FIXTURE_TEST_CASE(the_older_version_of_http_ends_the_connection_after_one_answer, plain_server)
{
    const auto answers = talk(port(), "GET /health HTTP/1.0\r\n\r\nGET /health HTTP/1.0\r\n\r\n");
    BOOST_TEST(answers.size() == 1u);
    BOOST_TEST(answers[0].status == 200);
    BOOST_TEST((answers[0].header("Connection") == "close"));
    const auto closing = talk(port(), get("/health", "Connection: close\r\n") + get("/health"));
    BOOST_TEST(closing.size() == 1u);
    server.stop();
}

BOOST_FIXTURE_TEST_CASE(a_client_that_asks_whether_to_continue_is_told, plain_server)
{
    raw_connection connection{port()};
    for (int i = 0; i < 3; ++i) {
        connection.send("POST /pa/v3/status HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        BOOST_TEST(connection.read_head().value_or("").starts_with("HTTP/1.1 100 "));
        connection.send("{}");
        const auto answer = connection.read_answer();
        BOOST_TEST_REQUIRE(answer.has_value());
        BOOST_TEST(answer->status == 200);
    }
    // Refused before anything of the body is asked for.
    check_refused(port(),
                  "POST /pa/v3/status HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n",
                  413);
    server.stop();
}

BOOST_FIXTURE_TEST_CASE(a_request_that_is_cut_off_gets_no_answer_and_does_no_harm, plain_server)
{
    const std::string whole = post("/pa/v3/status", R"({"a":"b"})");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        BOOST_TEST(talk(port(), whole.substr(0, size)).empty(), "after " << size << " bytes");
        raw_connection crashed{port()};
        crashed.send(whole.substr(0, size));
        crashed.reset();
    }
    for (int i = 0; i < 100; ++i) { // gone before the answer
        raw_connection crashed{port()};
        crashed.send(whole);
        crashed.reset();
    }
    BOOST_TEST(is_served(server));
    server.stop();
}

BOOST_FIXTURE_TEST_CASE(connections_that_say_nothing_or_half_a_request_block_nobody, plain_server)
{
    std::vector<raw_connection> silent;
    for (int i = 0; i < 500; ++i) {
        silent.emplace_back(i % 5 == 0 ? server.office_port() : port());
        if (i % 2 == 0)
            silent.back().send("POST /pa/v3/status HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\nX-A: " +
                               std::string(static_cast<std::size_t>(i) * 20, 'a'));
        if (i % 4 == 0)
            silent.back().send("\r\n\r\n" + std::string(50'000, ' '));
    }
    for (int i = 0; i < 20; ++i)
        BOOST_TEST(is_served(server));
    // The last of them is as good as the first.
    silent[1].send(get("/health"));
    const auto answer = silent[1].read_answer();
    BOOST_TEST_REQUIRE(answer.has_value());
    BOOST_TEST(answer->status == 200);
    for (std::size_t i = 0; i < silent.size(); i += 3)
        silent[i].reset();
    BOOST_TEST(is_served(server));
    if (!is_sanitized())
        BOOST_TEST(server.memory_kb("VmHWM") < memory_kb_max);
    silent.clear();
    server.stop();
}

// It sends requests and reads none of the answers, until its connection takes no more.
BOOST_FIXTURE_TEST_CASE(a_client_that_reads_no_answers_blocks_nobody, plain_server)
{
    std::string many;
    for (int i = 0; i < 2'000; ++i)
        many += get("/health");
    std::vector<raw_connection> deaf;
    for (int i = 0; i < 8; ++i) {
        deaf.emplace_back(port());
        std::size_t sent = 0;
        while (sent < 64 * 1024 * 1024) {
            const auto more = deaf.back().send_now(many);
            sent += more;
            if (more < many.size())
                break;
        }
        BOOST_TEST(is_served(server));
    }
    if (!is_sanitized())
        BOOST_TEST(server.memory_kb("VmHWM") < memory_kb_max);
    for (raw_connection& each : deaf)
        each.reset();
    BOOST_TEST(is_served(server));
    server.stop();
}

BOOST_FIXTURE_TEST_CASE(an_id_from_the_client_is_repeated_only_when_it_is_harmless, plain_server)
{
    for (const auto& [given, kept] : std::vector<std::pair<std::string, bool>>{{"abc-123", true},
                                                                               {std::string(128, 'x'), true},
                                                                               {std::string(129, 'x'), false},
                                                                               {"a b", false},
                                                                               {"\xc3\xa9", false},
                                                                               {"", false}}) {
        const auto answers = talk(port(), get("/health", "X-Request-Id: " + given + "\r\n"));
        BOOST_TEST_REQUIRE(answers.size() == 1u);
        const auto id = answers[0].header("X-Request-Id").value_or("");
        BOOST_TEST((id == given) == kept, given);
        BOOST_TEST(!id.empty());
    }
    server.stop();
}

// --- bodies

BOOST_AUTO_TEST_CASE(a_body_that_is_no_proper_json_object_is_the_clients_error_on_every_endpoint)
{
    scene bank{0};
    const auto made = bank.create_registration("anna", {{"otp", "1234"}});
    bench::http_client device_side{bank.server.device_url()};
    bench::http_client office_side{bank.server.office_url()};
    for (const endpoint& where : endpoints_with_body(made.id)) {
        for (const auto& [name, body] : bad_documents()) {
            BOOST_TEST_CONTEXT(where.method << ' ' << where.path << ": " << name)
            {
                const auto answer = send_to(bank, where, body, device_side, office_side);
                if (where.reads_body) {
                    BOOST_TEST(answer.status == 400);
                    BOOST_TEST(is_error_document(answer));
                } else {
                    BOOST_TEST((answer.status == 200 || is_client_error(answer)));
                }
            }
        }
    }
    BOOST_TEST(bank.office.detail(made.id).at("registrationStatus") == "CREATED");
    BOOST_TEST(bank.office.detail(made.id).at("failedAttempts") == 0);
    bank.server.stop();
}

namespace {

// Calls `visit` with the document once for every member and every wrong value in its place.
void for_each_mistyped(const json& document, const std::function<void(const std::string&, const std::string&)>& visit)
{
    const std::vector<std::string> values{"true",
                                          "17",
                                          "-1",
                                          "1.5",
                                          "[]",
                                          "{}",
                                          R"([["a"]])",
                                          R"({"a":{"b":[]}})",
                                          "1e300",
                                          "18446744073709551615",
                                          R"("text")",
                                          R"("")",
                                          R"("\u0000")",
                                          R"("a\u0001b")",
                                          '"' + std::string(40'000, 'x') + '"'};
    const json flat = document.flatten();
    for (const auto& [pointer, original] : flat.items()) {
        if (pointer.empty()) // a document without members
            continue;
        for (const std::string& value : values) {
            json changed = document;
            changed[json::json_pointer{pointer}] = "@@";
            std::string text = changed.dump();
            text.replace(text.find("\"@@\""), 4, value);
            visit(pointer + " = " + value.substr(0, 30), text);
        }
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(a_member_of_another_type_or_size_is_never_the_servers_error)
{
    scene bank{0};
    const auto made = bank.create_registration("anna", {{"otp", "1234"}});
    bench::http_client device_side{bank.server.device_url()};
    bench::http_client office_side{bank.server.office_url()};
    for (const endpoint& where : endpoints_with_body(made.id)) {
        for_each_mistyped(where.valid, [&](const std::string& name, const std::string& body) {
            const auto answer = send_to(bank, where, body, device_side, office_side);
            BOOST_TEST((answer.status == 200 || is_client_error(answer)),
                       where.method << ' ' << where.path << ": " << name << " answered " << answer.status << ' '
                                    << answer.body.substr(0, 300));
        });
    }
    server_process& server = bank.server;
    BOOST_TEST(is_served(server));
    server.stop();
}

// The required ones are missed, the optional ones are not ignored when they are there in a wrong form.
BOOST_AUTO_TEST_CASE(the_office_side_names_the_member_that_is_wrong)
{
    scene bank;
    const std::vector<std::tuple<std::string, std::string, std::string>> table{
        {"/v2/registrations", R"({"appId":"bank"})", "userId"},
        {"/v2/registrations", R"({"userId":null,"appId":"bank"})", "userId"},
        {"/v2/registrations", R"({"userId":7,"appId":"bank"})", "userId"},
        {"/v2/registrations", R"({"userId":"a\u0000b","appId":"bank"})", "userId"},
        {"/v2/registrations", R"({"userId":"a"})", "appId"},
        {"/v2/registrations", R"({"userId":"a","appId":"other"})", "appId"},
        {"/v2/registrations", R"({"userId":"a","appId":"bank","maxFailedAttempts":0})", "maxFailedAttempts"},
        {"/v2/registrations", R"({"userId":"a","appId":"bank","maxFailedAttempts":256})", "maxFailedAttempts"},
        {"/v2/registrations", R"({"userId":"a","appId":"bank","maxFailedAttempts":5.0})", "maxFailedAttempts"},
        {"/v2/registrations", R"({"userId":"a","appId":"bank","maxFailedAttempts":"5"})", "maxFailedAttempts"},
        {"/v2/registrations", R"({"userId":"a","appId":"bank","flags":"A"})", "flags"},
        {"/v2/registrations", R"({"userId":"a","appId":"bank","flags":[1]})", "flags"},
        {"/v2/registrations", R"({"userId":"a","appId":"bank","flags":[""]})", "flags"},
        {"/v2/registrations", R"({"userId":"a","appId":"bank","otp":""})", "otp"},
        {"/v2/registrations", R"({"userId":"a","appId":"bank","otp":1234})", "otp"},
        {"/v2/registrations", R"({"userId":"a","appId":"bank","otpValidation":"ON_COMMIT"})", "otp"},
        {"/v2/registrations", R"({"userId":"a","appId":"bank","otp":"1","otpValidation":"SOMETIMES"})",
         "otpValidation"},
        {"/v2/registrations", R"({"userId":"a","appId":"bank","commitPhase":"LATER"})", "commitPhase"},
        {"/v2/registrations", R"({"userId":"a","appId":"bank","timestampRegistrationExpire":1})",
         "timestampRegistrationExpire"},
        {"/v2/registrations", R"({"userId":"a","appId":"bank","timestampRegistrationExpire":9223372036854775807})",
         "timestampRegistrationExpire"},
        {"/v2/registrations?incompleteStatusCheck=perhaps", R"({"userId":"a","appId":"bank"})",
         "incompleteStatusCheck"},
        {"/v2/signature/verify", R"({"method":"FLY","uriId":"/a","authHeader":"x"})", "method"},
        {"/v2/signature/verify", R"({"method":"POST","authHeader":"x"})", "uriId"},
        {"/v2/signature/verify", R"({"method":"POST","uriId":"/a"})", "authHeader"},
        {"/v2/signature/verify", R"({"method":"POST","uriId":"/a","authHeader":"x","requestBody":"*"})", "requestBody"},
        {"/v2/signature/verify", R"({"method":"GET","uriId":"/a","authHeader":"x","queryParams":[]})", "queryParams"},
        {"/admin/applications", R"({})", "id"},
        {"/admin/applications", R"({"id":"two words"})", "id"},
        {"/admin/applications", R"({"id":"a/b"})", "id"},
        {"/admin/applications", R"({"id":"a","roles":{}})", "roles"},
        {"/admin/users", R"({"username":"a:b"})", "username"},
        {"/admin/users", R"({"username":"a","role":"KING"})", "role"},
    };
    for (const auto& [path, body, name] : table) {
        const std::string& member = name; // a binding cannot be captured
        BOOST_TEST_CONTEXT(path << ' ' << body)
        {
            const auto answer = bank.admin.ask_raw("POST", path, body);
            BOOST_TEST(answer.status == 400);
            BOOST_TEST(answer.body.at("responseObject").at("code") == "ERROR_REQUEST");
            const auto& violations = answer.body.at("responseObject").at("violations");
            BOOST_TEST(
                std::ranges::any_of(violations, [&](const json& each) { return each.at("fieldName") == member; }));
        }
    }
    bank.server.stop();
}

// A query is bytes, not UTF-8; an answer is UTF-8 all the same. office_client throws when it is not JSON.
BOOST_AUTO_TEST_CASE(bytes_of_a_query_never_make_an_answer_that_is_no_json)
{
    scene bank;
    const std::string id = bank.enroll("anna").activation_id();
    const std::string path = "/v2/registrations/" + id;
    std::string cut_character = "/v2/registrations?userId=a&cursor=" + std::string(63, 'x') + "%C3%A9";
    for (const std::string& target : {
             std::string{"/v2/registrations?userId=a&removed=%FF"},
             std::string{"/v2/registrations?userId=a&status=%C3%28"},
             std::string{"/v2/registrations?userId=a&limit=%FE"},
             std::string{"/v2/registrations?userId=%FF"},
             cut_character,
             std::string{"/v2/registrations?userId=a&removed=%"},
             std::string{"/v2/registrations?userId=a&removed=%0"},
             std::string{"/v2/registrations?userId=a&removed=%zz"},
             std::string{"/v2/registrations?userId=a&limit=99999999999999999999"},
             std::string{"/v2/registrations?userId=a&limit=-1"},
             std::string{"/v2/registrations?userId=a&limit=0"},
             std::string{"/v2/registrations?userId=a%00b"},
             std::string{"/v2/registrations?userId="},
             std::string{"/v2/registrations"},
             path + "/children?cursor=%FF",
             path + "/children?status=%C3%28",
             path + "/history?timestampFrom=%FF",
             path + "/history?timestampFrom=-1",
             path + "/history?timestampTo=1e9",
             path + "/history?cursor=" + std::string(64, 'A'),
             std::string{"/v2/registrations/%FF"},
             std::string{"/v2/registrations/not-an-id"},
             std::string{"/admin/applications/%FF"},
         }) {
        BOOST_TEST_CONTEXT(target)
        {
            office_answer answer;
            BOOST_CHECK_NO_THROW(answer = bank.admin.ask("GET", target));
            BOOST_TEST(answer.status < 500);
        }
    }
    BOOST_CHECK_NO_THROW(BOOST_TEST(
        bank.admin.ask("POST", "/v2/registrations?incompleteStatusCheck=%FF", {{{"userId", "a"}, {"appId", "bank"}}})
            .status == 400));
    // What ends up in the history must be told again later.
    BOOST_TEST(bank.office.ask("DELETE", path + "?reason=%FF%C3&externalUserId=%80").status < 500);
    BOOST_CHECK_NO_THROW(bank.office.history(id));
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(the_name_of_who_acts_may_be_any_header_value)
{
    scene bank;
    bench::http_client client{bank.server.office_url()};
    for (const std::string& actor : {std::string{"clerk"}, std::string{"\xff\xfe"}, std::string(8'000, 'x'),
                                     std::string{"a\tb"}, std::string{"\"\\"}}) {
        const auto made = bank.create_registration("anna");
        const auto answer =
            client.request("DELETE", "/v2/registrations/" + made.id,
                           {{"Authorization", bank.office.credentials()}, {"X-External-User", actor}}, "");
        BOOST_TEST((answer.status == 200 || is_client_error(answer)), answer.body);
        std::vector<json> rows;
        BOOST_CHECK_NO_THROW(rows = bank.office.history(made.id));
        for (const json& row : rows)
            BOOST_TEST(row.value("externalUserId", "").size() <= 4U * 255); // 255 characters of any alphabet
    }
    bank.server.stop();
}

// --- headers of phones

BOOST_AUTO_TEST_CASE(a_malformed_signature_header_is_refused_and_not_counted)
{
    scene bank{0};
    device phone = bank.enroll("anna");
    const auto good = phone.make_validate_request(pk, right_pin);
    std::string value;
    for (const auto& [name, text] : good.headers) {
        if (name == "X-PowerAuth-Authorization")
            value = text;
    }
    BOOST_TEST_REQUIRE(value.starts_with("PowerAuth "));
    const auto replaced = [&](std::string_view what, std::string_view by) {
        std::string out = value;
        const auto at = out.find(what);
        if (at == std::string::npos)
            throw std::runtime_error{"the header has no " + std::string{what}};
        return out.replace(at, what.size(), by);
    };
    // The value of a field replaced by another.
    const auto field = [&](const std::string& name, std::string_view by) {
        const auto start = value.find(name + "=\"") + name.size() + 2;
        return std::string{value}.replace(start, value.find('"', start) - start, by);
    };
    const std::vector<std::pair<std::string, std::string>> table{
        {"empty", ""},
        {"scheme alone", "PowerAuth"},
        {"scheme and space", "PowerAuth "},
        {"another scheme", replaced("PowerAuth ", "Bearer ")},
        {"scheme in lower case", replaced("PowerAuth ", "powerauth ")},
        {"no space after the scheme", replaced("PowerAuth ", "PowerAuth")},
        {"unclosed quote", value.substr(0, value.size() - 1)},
        {"no quotes", replaced("pa_version=\"3.3\"", "pa_version=3.3")},
        {"single quotes", replaced("pa_version=\"3.3\"", "pa_version='3.3'")},
        {"space around equals", replaced("pa_version=", "pa_version =")},
        {"field twice", value + R"(, pa_version="3.3")"},
        {"text at the end", value + " x"},
        {"semicolon", replaced(",", ";")},
        {"no version", replaced("pa_version", "pa_wersion")},
        {"unknown version", field("pa_version", "3.4")},
        {"version 2", field("pa_version", "2.1")},
        {"version with space", field("pa_version", " 3.3")},
        {"no id", field("pa_activation_id", "")},
        {"id with braces", field("pa_activation_id", '{' + phone.activation_id() + '}')},
        {"half an id", field("pa_activation_id", phone.activation_id().substr(0, 18))},
        {"unknown id", field("pa_activation_id", "00000000-0000-4000-8000-000000000000")},
        {"no key", field("pa_application_key", "")},
        {"unknown key", field("pa_application_key", "AAAAAAAAAAAAAAAAAAAAAA==")},
        {"key of 15 bytes", field("pa_application_key", "AAAAAAAAAAAAAAAAAAAA")},
        {"key that is no Base64", field("pa_application_key", "!!!!!!!!!!!!!!!!!!!!!!==")},
        {"nonce of 15 bytes", field("pa_nonce", "AAAAAAAAAAAAAAAAAAAA")},
        {"nonce of 17 bytes", field("pa_nonce", "AAAAAAAAAAAAAAAAAAAAAAA=")},
        {"nonce with spare bits", field("pa_nonce", "AAAAAAAAAAAAAAAAAAAAAB==")},
        {"nonce without padding", field("pa_nonce", "AAAAAAAAAAAAAAAAAAAAAA")},
        {"nonce in the URL alphabet", field("pa_nonce", "-_-_-_-_-_-_-_-_-_-_-w==")},
        {"another nonce", field("pa_nonce", "AAAAAAAAAAAAAAAAAAAAAA==")},
        {"unknown type", field("pa_signature_type", "possession_luck")},
        {"no type", field("pa_signature_type", "")},
        {"type that is nowhere allowed", field("pa_signature_type", "knowledge")},
        {"empty signature", field("pa_signature", "")},
        {"signature that is no Base64", field("pa_signature", "not base64")},
        {"signature of 15 bytes", field("pa_signature", "AAAAAAAAAAAAAAAAAAAA")},
        {"signature of 64 bytes", field("pa_signature", base64(crypto::bytes(64)))},
        {"signature of zeros", field("pa_signature", base64(crypto::bytes(32)))},
        {"digits under a version of Base64", field("pa_signature", "12345678-12345678")},
        {"long rubbish", "PowerAuth " + std::string(10'000, '=')},
        {"many fields",
         [] {
             std::string out = "PowerAuth ";
             for (int i = 0; i < 800; ++i)
                 out += "f" + std::to_string(i) + "=\"v\",";
             return out;
         }()},
    };
    bench::http_client client{bank.server.device_url()};
    for (const auto& [name, header] : table) {
        BOOST_TEST_CONTEXT(name)
        {
            for (const char* path : {"/pa/v3/signature/validate", "/pa/v3/activation/remove", "/pa/v3/token/create",
                                     "/pa/v3/token/remove", "/pa/v3/vault/unlock"}) {
                const auto answer = client.request("POST", path, {{"X-PowerAuth-Authorization", header}}, "{}");
                BOOST_TEST(answer.status == 401);
                BOOST_TEST(is_error_document(answer));
            }
            const auto verdict = bank.office.ask("POST", "/v2/signature/verify",
                                                 json{{"method", "POST"},
                                                      {"uriId", "/pa/signature/validate"},
                                                      {"authHeader", header},
                                                      {"requestBody", "e30="}});
            BOOST_TEST((verdict.status == 400 || verdict.body.at("signatureValid") == false));
        }
    }
    BOOST_TEST(client.request("POST", "/pa/v3/signature/validate", {}, "{}").status == 401);
    BOOST_TEST(bank.office.detail(phone.activation_id()).at("failedAttempts") == 0);
    BOOST_TEST(client.request(good).status == 200); // none of it used the proof up
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(noise_over_its_budget_ends_the_connection_and_nothing_else)
{
    scene bank;
    device phone = bank.enroll("anna");
    const auto header = bench::authorization_header(
        bench::rules_of(bench::protocol_version::v3_3), phone.activation_id(), bank.application.key(),
        "AAAAAAAAAAAAAAAAAAAAAA==", pk, crypto::to_base64(crypto::bytes(32, 1)));
    const auto noise = post("/pa/v3/signature/validate", "{}", "X-PowerAuth-Authorization: " + header + "\r\n");
    raw_connection connection{bank.server.device_port()};
    std::optional<http_answer> answer;
    int refused = 0;
    for (; refused < 1000; ++refused) { // a budget refills while a slow machine works
        BOOST_TEST_REQUIRE(connection.send(noise));
        answer = connection.read_answer();
        BOOST_TEST_REQUIRE(answer.has_value());
        if (answer->status != 401)
            break;
        BOOST_TEST(!answer->header("Connection"));
    }
    BOOST_TEST(refused >= 30);
    BOOST_TEST(answer->status == 429);
    BOOST_TEST(is_error_document(*answer));
    BOOST_TEST((answer->header("Connection") == "close"));
    BOOST_TEST((answer->header("Retry-After") == "1" || answer->header("Retry-After") == "2"));
    BOOST_TEST(connection.is_closed());
    // From the same address, for the same phone.
    BOOST_TEST(phone.validate(pk, right_pin));
    BOOST_TEST(!phone.validate(pk, wrong_pin));
    BOOST_TEST(bank.office.detail(phone.activation_id()).at("failedAttempts") == 1);
    bank.server.stop();
}

// The forms in which the header may come: any order, commas or not, unknown fields beside the known ones.
BOOST_AUTO_TEST_CASE(a_signature_header_in_another_dress_is_accepted)
{
    scene bank;
    device phone = bank.enroll("anna");
    bench::http_client client{bank.server.device_url()};
    const std::vector<std::function<std::string(std::string)>> dresses{
        [](std::string text) {
            std::erase(text, ',');
            return text;
        },
        [](std::string text) { return text + ", future=\"thing\""; },
        [](std::string text) { return text + " , ,, "; },
        [](std::string text) { return text.replace(text.find(' '), 1, "   "); },
        [](std::string text) { return text.replace(text.find("possession_knowledge"), 20, "POSSESSION_knowledge"); },
        [](std::string text) { // the first field last
            const auto first = text.find(' ') + 1;
            const auto second = text.find(' ', first) + 1;
            return "PowerAuth " + text.substr(second) + ", " + text.substr(first, text.find(',') - first);
        },
    };
    for (const auto& dress : dresses) {
        auto request = phone.make_validate_request(pk, right_pin);
        for (auto& [name, value] : request.headers) {
            if (name == "X-PowerAuth-Authorization") {
                name = "x-powerauth-AUTHORIZATION";
                value = dress(value);
                BOOST_TEST_MESSAGE(value);
            }
        }
        BOOST_TEST(client.request(request).status == 200);
    }
    bank.server.stop();
}

// --- envelopes

BOOST_AUTO_TEST_CASE(an_envelope_with_a_wrong_field_is_refused_and_leaves_the_code_unused)
{
    scene bank;
    const auto made = bank.create_registration("anna");
    device phone = bank.new_phone();
    auto pending = phone.prepare_activation(made.code, right_pin);
    const json good = json::parse(pending.request.body);

    const auto x_of = [](crypto::byte prefix, crypto::byte fill, std::size_t size) {
        crypto::bytes out(size, fill);
        out[0] = prefix;
        return base64(out);
    };
    const std::string point = good.at("ephemeralPublicKey").get<std::string>();
    crypto::bytes hybrid = crypto::from_base64(point).value();
    hybrid[0] = static_cast<crypto::byte>(hybrid[0] + 4);
    std::vector<std::tuple<std::string, std::string, json>> table{
        {"infinity", "ephemeralPublicKey", base64(crypto::bytes(1))},
        {"zeros, 33 bytes", "ephemeralPublicKey", base64(crypto::bytes(33))},
        {"zeros, 65 bytes", "ephemeralPublicKey", base64(crypto::bytes(65))},
        {"origin", "ephemeralPublicKey", x_of(4, 0, 65)},
        {"off the curve", "ephemeralPublicKey", x_of(4, 1, 65)},
        {"no such x", "ephemeralPublicKey", x_of(2, 1, 33)},
        {"x beyond the field", "ephemeralPublicKey", x_of(2, 0xFF, 33)},
        {"unknown prefix", "ephemeralPublicKey", x_of(5, 1, 33)},
        {"hybrid form", "ephemeralPublicKey", base64(hybrid)},
        {"another point", "ephemeralPublicKey", base64(crypto::p256_private_key::generate().point())},
        {"short mac", "mac", base64(crypto::bytes(31))},
        {"long mac", "mac", base64(crypto::bytes(33))},
        {"mac of zeros", "mac", base64(crypto::bytes(32))},
        {"data of no whole block", "encryptedData", base64(crypto::bytes(17))},
        {"no data", "encryptedData", ""},
        {"other data", "encryptedData", base64(crypto::bytes(160))},
        {"short nonce", "nonce", base64(crypto::bytes(15))},
        {"long nonce", "nonce", base64(crypto::bytes(17))},
        {"other nonce", "nonce", base64(crypto::bytes(16))},
        {"time zero", "timestamp", 0},
        {"negative time", "timestamp", -1},
        {"the end of time", "timestamp", std::numeric_limits<std::int64_t>::max()},
        {"beyond the end of time", "timestamp", std::numeric_limits<std::uint64_t>::max()},
        {"the start of time", "timestamp", std::numeric_limits<std::int64_t>::min()},
        {"two minutes ago", "timestamp", good.at("timestamp").get<std::int64_t>() - 120'000},
        {"in two minutes", "timestamp", good.at("timestamp").get<std::int64_t>() + 120'000},
        {"another time", "timestamp", good.at("timestamp").get<std::int64_t>() + 1},
        {"time as text", "timestamp", std::to_string(good.at("timestamp").get<std::int64_t>())},
        {"time as a fraction", "timestamp", 1.7e12},
        {"unknown key", "temporaryKeyId", "00000000-0000-4000-8000-000000000000"},
        {"key that is no id", "temporaryKeyId", "x"},
        {"id in upper case", "temporaryKeyId",
         [&] {
             auto id = good.at("temporaryKeyId").get<std::string>();
             std::ranges::transform(id, id.begin(),
                                    [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c; });
             return id;
         }()},
    };
    for (const std::size_t size : {0U, 2U, 32U, 34U, 64U, 66U, 1000U})
        table.emplace_back("point of " + std::to_string(size) + " bytes", "ephemeralPublicKey",
                           size == 0 ? std::string{} : x_of(4, 1, size));
    for (const char* name : {"ephemeralPublicKey", "encryptedData", "mac", "nonce"}) {
        const auto text = good.at(name).get<std::string>();
        for (const std::string& wrong :
             {std::string{"!!!!"}, text + "=", text + "\n", ' ' + text, text.substr(0, text.size() - 1), text + "AAA",
              std::string{"===="}, std::string{"-_-_"}})
            table.emplace_back("Base64 \"" + wrong.substr(0, 20) + '"', name, wrong);
        table.emplace_back("missing", name, nullptr);
    }
    table.emplace_back("missing", "timestamp", nullptr);
    table.emplace_back("missing", "temporaryKeyId", nullptr);

    bench::http_client client{bank.server.device_url()};
    std::string refusal;
    for (const auto& [name, member, value] : table) {
        BOOST_TEST_CONTEXT(member << ": " << name)
        {
            json changed = good;
            changed[member] = value;
            if (changed == good)
                continue; // an id without letters
            http_request request = pending.request;
            request.body = changed.dump();
            const auto answer = client.request(request);
            BOOST_TEST(answer.status == 400);
            BOOST_TEST(json::parse(answer.body).at("responseObject").at("code") == "ERR_ACTIVATION");
            if (refusal.empty())
                refusal = answer.body;
            BOOST_TEST(answer.body == refusal); // nobody learns what was wrong
        }
    }
    // The header of the envelope is bound too.
    for (const std::string& header :
         {std::string{}, std::string{"PowerAuth"},
          "PowerAuth version=\"3.2\" application_key=\"" + bank.application.key() + '"',
          std::string{R"(PowerAuth version="3.3" application_key="AAAAAAAAAAAAAAAAAAAAAA==")"},
          "PowerAuth version=\"3.3\" application_key=\"" + bank.application.key() + "\" activation_id=\"" + made.id +
              '"'}) {
        http_request request = pending.request;
        request.headers = {{"X-PowerAuth-Encryption", header}};
        BOOST_TEST(client.request(request).status == 400);
    }

    BOOST_TEST(bank.office.detail(made.id).at("registrationStatus") == "CREATED");
    const auto answer = client.request(pending.request);
    BOOST_TEST_REQUIRE(answer.status == 200);
    phone.finish_activation(std::move(pending), answer);
    bank.office.commit(made.id);
    BOOST_TEST(phone.validate(pk, right_pin));
    bank.server.stop();
}

// Properly encrypted, by somebody who has the application: the content is hostile.
BOOST_AUTO_TEST_CASE(hostile_content_of_a_genuine_envelope_is_refused)
{
    scene bank;
    const auto made = bank.create_registration("anna");
    const auto code = bare_code(made);
    const auto maker = maker_for(bank);
    bench::http_client client{bank.server.device_url()};
    const auto check = [&](const std::string& name, const http_request& request) {
        const auto answer = client.request(request);
        BOOST_TEST(answer.status == 400, name << " answered " << answer.status << ' ' << answer.body);
        BOOST_TEST(is_error_document(answer), name);
    };

    for (const auto& [name, document] : bad_documents()) {
        check("outer: " + name, maker.activation(document));
        check("inner: " + name, maker.activation_with_inner(code, document));
    }

    const std::string key = base64(crypto::p256_private_key::generate().point());
    const json inner = {{"devicePublicKey", key}};
    const auto with = [&](const char* member, const json& value) {
        json changed = inner;
        changed[member] = value;
        return changed.dump();
    };
    crypto::bytes off_curve(65, 1);
    off_curve[0] = 4;
    for (const json& point : {json(nullptr), json(""), json(7), json("!!!!"), json(base64(crypto::bytes(1))),
                              json(base64(crypto::bytes(33))), json(base64(crypto::bytes(65))), json(base64(off_curve)),
                              json(key + "AAAA"), json(std::string(5'000, 'A'))})
        check("device key " + point.dump().substr(0, 40),
              maker.activation_with_inner(code, with("devicePublicKey", point)));
    for (const char* member : {"activationName", "extras", "platform", "deviceInfo", "activationOtp"}) {
        for (const json& value : {json(7), json(true), json(json::array()), json(json::object())})
            check(std::string{member} + ' ' + value.dump(), maker.activation_with_inner(code, with(member, value)));
    }
    for (const char* member : {"activationName", "extras", "activationOtp"})
        check(std::string{member} + " too long",
              maker.activation_with_inner(code, with(member, std::string(3'000, 'x'))));

    const json whole = {{"type", "CODE"},
                        {"identityAttributes", {{"code", code}}},
                        {"activationData", json::parse(maker.seal(bench::purpose::activation_data, inner.dump()))}};
    const auto outer_with = [&](const char* member, const json& value) {
        json changed = whole;
        changed[member] = value;
        // Its own inner envelope, so that it is not refused as one that was seen.
        if (changed.at("activationData") == whole.at("activationData"))
            changed["activationData"] = json::parse(maker.seal(bench::purpose::activation_data, inner.dump()));
        return maker.activation(changed.dump());
    };
    for (const char* type : {"", "code", "CUSTOM", "DIRECT", "RECOVERY", "A type with a very long name"})
        check(std::string{"type "} + type, outer_with("type", type));
    check("no type", outer_with("type", nullptr));
    check("no identity", outer_with("identityAttributes", nullptr));
    check("empty identity", outer_with("identityAttributes", json::object()));
    check("identity of another kind", outer_with("identityAttributes", {{"recoveryCode", code}}));
    for (const json& wrong :
         {json(""), json("AAAAA-AAAAA-AAAAA-AAAAA"), json(code + "A"), json(' ' + code), json(made.code),
          json(std::string(10'000, 'A')), json(7), json(nullptr), json(std::string("AAAAA\0AAAAA", 11))})
        check("code " + wrong.dump().substr(0, 40), outer_with("identityAttributes", {{"code", wrong}}));
    {
        json many = json::object();
        for (int i = 0; i < 1'000; ++i)
            many["name-" + std::to_string(i)] = "value";
        check("a thousand identity attributes", outer_with("identityAttributes", many));
    }
    for (const json& wrong : {json(7), json("text"), json(json::array())})
        check("custom attributes " + wrong.dump(), outer_with("customAttributes", wrong));
    for (const json& wrong : {json(nullptr), json(7), json(json::object())})
        check("inner envelope " + wrong.dump(), outer_with("activationData", wrong));
    check("inner envelope in the place of the outer",
          maker.with_body(maker.seal(bench::purpose::activation_data, inner.dump())));
    {
        // One envelope used for both layers.
        const auto other = maker_for(bank);
        check("inner envelope for another key",
              outer_with("activationData", json::parse(other.seal(bench::purpose::activation_data, inner.dump()))));
    }

    BOOST_TEST(bank.office.detail(made.id).at("registrationStatus") == "CREATED");
    BOOST_TEST(bank.office.detail(made.id).at("failedAttempts") == 0);
    // What somebody calls a phone, or a system calls itself, is no reason to refuse it.
    json strange = inner;
    strange["activationName"] = std::string("one\0two\nthree\x7f", 14);
    strange["extras"] = "line\nend";
    strange["platform"] = "Android";
    strange["deviceInfo"] = "\xc5\xbelu\xc5\xa5 \"<&>\" \\ /";
    BOOST_TEST(client.request(maker.activation_with_inner(code, strange.dump())).status == 200);
    const auto detail = bank.office.detail(made.id);
    BOOST_TEST(detail.at("registrationStatus") == "PENDING_COMMIT");
    BOOST_TEST(detail.at("platform") == "android");
    BOOST_TEST(detail.at("deviceInfo") == strange.at("deviceInfo"));
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(a_key_request_with_a_hostile_token_is_refused)
{
    scene bank;
    device phone = bank.enroll("anna");
    bench::http_client client{bank.server.device_url()};
    const auto check = [&](const std::string& name, const std::string& jwt) {
        const auto answer =
            client.request("POST", "/pa/v3/keystore/create", {}, json{{"requestObject", {{"jwt", jwt}}}}.dump());
        BOOST_TEST(answer.status == 400, name << " answered " << answer.status << ' ' << answer.body);
        BOOST_TEST(is_error_document(answer), name);
    };
    const auto secret = bank.application.secret_bytes();
    const auto encode = [](std::string_view text) { return crypto::to_base64url(crypto::as_bytes(text)); };
    const std::string claims =
        R"({"applicationKey":")" + bank.application.key() + R"(","challenge":"AAAAAAAAAAAAAAAAAAAAAAAA"})";
    const std::string good = bench::sign_jwt_hs256(claims, secret);
    BOOST_TEST(
        client.request("POST", "/pa/v3/keystore/create", {}, json{{"requestObject", {{"jwt", good}}}}.dump()).status ==
        200);

    const auto payload = good.substr(good.find('.'), good.rfind('.') - good.find('.'));
    const auto signature = good.substr(good.rfind('.'));
    for (const char* header : {R"({"alg":"none","typ":"JWT"})", R"({"alg":"HS512"})", R"({"alg":"hs256"})",
                               R"({"alg":7})", "{}", "[]", "", "x", R"({"alg":"HS256","alg":"HS256"})"}) {
        check(header, encode(header) + payload + signature);
        check(header, encode(header) + payload + '.');
    }
    check("no signature", good.substr(0, good.rfind('.') + 1));
    check("two parts", good.substr(0, good.rfind('.')));
    check("four parts", good + ".e30");
    check("dots", "...");
    check("another signature", good.substr(0, good.rfind('.') + 1) + encode(std::string(32, 'x')));
    check("padding", good + '=');
    check("line end", good + '\n');
    check("standard alphabet", "+/+/" + good);
    check("another secret", bench::sign_jwt_hs256(claims, crypto::bytes(16)));
    for (const auto& [name, document] : bad_documents())
        check(name, bench::sign_jwt_hs256(document, secret));
    for (const std::string& wrong :
         {std::string{R"({"applicationKey":7,"challenge":"a"})"}, std::string{R"({"challenge":"a"})"},
          std::string{R"({"applicationKey":"AAAAAAAAAAAAAAAAAAAAAA==","challenge":"a"})"},
          R"({"applicationKey":")" + bank.application.key() + R"("})",
          R"({"applicationKey":")" + bank.application.key() + R"(","challenge":7})",
          R"({"applicationKey":")" + bank.application.key() + R"(","challenge":"a","activationId":7})",
          R"({"applicationKey":")" + bank.application.key() + R"(","challenge":"a","activationId":""})",
          R"({"applicationKey":")" + bank.application.key() +
              R"(","challenge":"a","activationId":"00000000-0000-4000-8000-000000000000"})",
          // The application's secret does not open the scope of a phone.
          R"({"applicationKey":")" + bank.application.key() + R"(","challenge":"a","activationId":")" +
              phone.activation_id() + R"("})"})
        check(wrong, bench::sign_jwt_hs256(wrong, secret));
    BOOST_CHECK_NO_THROW(phone.fetch_temporary_key(bench::encryption_scope::activation));
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(a_status_request_tells_nothing_about_ids_and_needs_a_proper_challenge)
{
    scene bank;
    const std::string id = bank.enroll("anna").activation_id();
    bench::http_client client{bank.server.device_url()};
    const auto ask = [&](const json& asked) {
        return client.request("POST", "/pa/v3/activation/status", {}, json{{"requestObject", asked}}.dump());
    };
    const std::string challenge = base64(crypto::bytes(16));
    for (const std::string& known : {id, std::string{"00000000-0000-4000-8000-000000000000"}}) {
        const auto answer = ask({{"activationId", known}, {"challenge", challenge}});
        BOOST_TEST(answer.status == 200);
        const auto told = json::parse(answer.body).at("responseObject");
        BOOST_TEST(crypto::from_base64(told.at("encryptedStatusBlob").get<std::string>())->size() == 32u);
        BOOST_TEST(crypto::from_base64(told.at("nonce").get<std::string>())->size() == 16u);
        BOOST_TEST(told.at("activationId") == known);
    }
    for (const json& wrong :
         {json(""), json("x"), json(7), json(base64(crypto::bytes(15))), json(base64(crypto::bytes(17))),
          json("AAAAAAAAAAAAAAAAAAAAAB=="), json("AAAAAAAAAAAAAAAAAAAAAA"), json("!!!!!!!!!!!!!!!!!!!!!!==")}) {
        const auto answer = ask({{"activationId", id}, {"challenge", wrong}});
        BOOST_TEST(answer.status == 400, wrong);
        BOOST_TEST(is_error_document(answer));
    }
    for (const json& wrong : {json(""), json("x"), json(7), json(nullptr), json('{' + id + '}'), json(id + ' '),
                              json(std::string(36, '-'))})
        BOOST_TEST(ask({{"activationId", wrong}, {"challenge", challenge}}).status == 400, wrong);
    bank.server.stop();
}

// --- at random

namespace {

// One to eight changes of single bytes or short pieces.
std::string mutated(std::string text, std::mt19937_64& random)
{
    const auto place = [&] { return text.empty() ? 0 : random() % text.size(); };
    const auto changes = 1 + random() % 8;
    for (std::uint64_t i = 0; i < changes; ++i) {
        if (text.empty())
            text = "x";
        const auto at = place();
        switch (random() % 7) {
        case 0:
            text[at] = static_cast<char>(text[at] ^ 1 << random() % 8);
            break;
        case 1:
            text[at] = static_cast<char>(random());
            break;
        case 2:
            text.erase(at, 1 + random() % 4);
            break;
        case 3:
            text.insert(at, 1 + random() % 4, static_cast<char>(random()));
            break;
        case 4: { // a piece twice, perhaps elsewhere
            const auto piece = text.substr(at, random() % 32);
            text.insert(place(), piece);
            break;
        }
        case 5: {
            constexpr std::array<std::string_view, 12> words{"\r\n", "\"", "{", "}",        "0",  "\\u0000",
                                                             "null", "[",  ":", "99999999", "\0", "%00"};
            text.insert(at, words[random() % words.size()]);
            break;
        }
        default:
            if (random() % 8 == 0)
                text.resize(at);
            break;
        }
    }
    return text;
}

} // namespace

BOOST_AUTO_TEST_CASE(requests_changed_at_random_are_never_the_servers_error)
{
    const auto count = environment_number("DOORWARD_MUTATIONS", is_sanitized() ? 1'500 : 4'000);
    std::mt19937_64 random{test_seed()};
    scene bank;
    device phone = bank.enroll("anna");
    device newcomer = bank.new_phone();
    const auto made = bank.create_registration("berta");
    const std::string path = "/v2/registrations/" + phone.activation_id();
    const bench::header_list who{{"Authorization", bank.office.credentials()}, {"Content-Type", "application/json"}};

    struct seed {
        std::string text;
        bool office;
    };
    std::vector<seed> seeds;
    seeds.push_back({on_the_wire(phone.make_validate_request(pk, right_pin)), false});
    seeds.push_back(
        {on_the_wire(phone.make_validate_request(pk, right_pin, "GET", {{"b", "2 3"}, {"a", "1"}})), false});
    seeds.push_back({on_the_wire(phone.make_validate_request(signature_type::possession)), false});
    seeds.push_back({on_the_wire(phone.prepare_status().request), false});
    seeds.push_back({on_the_wire(phone.prepare_temporary_key(bench::encryption_scope::activation).request), false});
    seeds.push_back({on_the_wire(newcomer.prepare_activation(made.code, right_pin).request), false});
    seeds.push_back({on_the_wire(phone.make_remove_request(pk, wrong_pin)), false});
    const auto token = phone.create_token(signature_type::possession);
    seeds.push_back({on_the_wire(phone.make_token_request(token, "/api/registration")), false});
    seeds.push_back({on_the_wire(phone.prepare_token(pk, right_pin).request), false});
    seeds.push_back({on_the_wire(phone.make_token_remove_request(token, signature_type::possession)), false});
    seeds.push_back({on_the_wire(phone.prepare_vault_unlock(pk, right_pin).request), false});
    seeds.push_back({on_the_wire(phone.prepare_user_info().request), false});
    seeds.push_back(
        {on_the_wire({"POST", "/v2/token/verify", who, json{{"authHeader", phone.make_token_header(token)}}.dump()}),
         true});
    seeds.push_back({on_the_wire({"PUT", "/v2/users/anna/claims", who,
                                  R"({"name":"A","birthdate":"2000-01-01","address":{"country":"CZ"},"x":1.5})"}),
                     true});
    seeds.push_back({on_the_wire(bank.office.verify_request(phone.make_validate_request(pk, right_pin))), true});
    seeds.push_back(
        {on_the_wire({"POST", "/v2/registrations", who,
                      R"({"userId":"mutant","appId":"bank","flags":["A"],"maxFailedAttempts":3,"name":"n"})"}),
         true});
    seeds.push_back(
        {on_the_wire({"PUT", path, who, R"({"change":"BLOCK","blockedReason":"why","externalUserId":"me"})"}), true});
    seeds.push_back({on_the_wire({"PUT", path, who, R"({"change":"UNBLOCK"})"}), true});
    seeds.push_back({on_the_wire({"GET", path + "/history?limit=3&timestampFrom=0", who, ""}), true});
    seeds.push_back({on_the_wire({"GET", "/v2/registrations?userId=anna&status=ACTIVE&limit=2", who, ""}), true});
    seeds.push_back({on_the_wire({"POST", "/v2/registrations/" + made.id + "/commit", who, R"({"otp":"12"})"}), true});

    std::size_t answered = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        const seed& origin = seeds[random() % seeds.size()];
        const auto text = mutated(origin.text, random);
        std::vector<http_answer> answers;
        try {
            answers = talk(origin.office ? bank.server.office_port() : bank.server.device_port(), text);
        } catch (const std::exception& problem) {
            BOOST_ERROR("mutation " << i << ": " << problem.what() << "\nafter: " << text);
        }
        answered += answers.size();
        for (const http_answer& each : answers) {
            if (each.status >= 500 || json::parse(each.body, nullptr, false).is_discarded())
                BOOST_ERROR("mutation " << i << " was answered " << each.status << ' ' << each.body
                                        << "\nafter: " << text);
        }
        if (!bank.server.is_running()) {
            BOOST_ERROR("the server ended at mutation " << i << " after: " << text);
            return;
        }
    }
    BOOST_TEST(answered > count / 2); // most of them are still requests
    BOOST_TEST(is_served(bank.server));
    if (!is_sanitized())
        BOOST_TEST(bank.server.memory_kb("VmHWM") < memory_kb_max);
    bank.server.stop();
}

// --- secrets

BOOST_AUTO_TEST_CASE(neither_log_nor_store_holds_a_secret)
{
    constexpr std::string_view pin = "48215739062846";
    constexpr std::string_view bad_pin = "73519028461955";
    constexpr std::string_view otp = "otp-52940718663";
    scene bank;
    const auto made = bank.create_registration("anna", {{"otp", otp}});
    device phone = bank.new_phone();
    bench::activation_details details;
    details.biometry = true;
    phone.activate(made.code, pin, details);
    const std::string commit = "/v2/registrations/" + made.id + "/commit";
    BOOST_TEST(bank.office.ask("POST", commit, json{{"otp", "otp-00000000000"}}).status == 400);
    BOOST_TEST(bank.office.ask("POST", commit, json{{"otp", otp}}).status == 200);
    phone.fetch_temporary_key(bench::encryption_scope::activation);
    for (int i = 0; i < 5; ++i)
        BOOST_TEST(!phone.validate(pk, bad_pin));
    bank.office.unblock(made.id);
    const auto proof = phone.make_validate_request(pk, pin);
    BOOST_TEST(bank.office.verify(proof).at("signatureValid") == true);
    BOOST_TEST(bank.office.ask("POST", "/v2/registrations", json{{"userId", 7}, {"otp", otp}}).status == 400);
    BOOST_TEST(office_client(bank.server, bank.office_name, "wrong").ask("GET", "/v2/registrations?userId=a").status ==
               401);
    const auto state = *phone.state().activation;
    phone.remove(signature_type::possession_biometry);
    bank.server.restart(); // what is written at the end and at the start, too
    bank.server.stop();

    std::vector<std::pair<std::string, std::string>> secrets{
        {"the admin's password", bank.server.admin_password()},
        {"an account's password", bank.office_password},
        {"the admin's credentials", bank.admin.credentials().substr(6)},
        {"an account's credentials", bank.office.credentials().substr(6)},
        {"a one-time password", std::string{otp}},
        {"a PIN", std::string{pin}},
        {"a wrong PIN", std::string{bad_pin}},
        {"the application's secret", bank.application.secret()},
    };
    const auto add_key = [&](const std::string& name, crypto::bytes_view key) {
        secrets.emplace_back(name + ", raw", crypto::as_text(key));
        secrets.emplace_back(name + ", Base64", crypto::to_base64(key));
        secrets.emplace_back(name + ", hexadecimal", crypto::to_hex(key));
    };
    add_key("the application's secret", bank.application.secret_bytes());
    add_key("the possession key", bench::unlock_key(state.device_unlock, state.locked_possession));
    add_key("the transport key", bench::unlock_key(state.device_unlock, state.locked_transport));
    add_key("the biometry key", bench::unlock_key(*state.biometry_unlock, *state.locked_biometry));
    add_key("the knowledge key",
            bench::unlock_key(bench::key_from_pin(pin, state.pin_salt, 1), state.locked_knowledge));
    const auto master = read_file(bank.server.data() / "master.key").substr(0, 64);
    add_key("the master key", crypto::from_hex(master).value());

    std::vector<std::pair<std::string, std::string>> places{{"log", bank.server.log()}};
    for (const auto& file : std::filesystem::directory_iterator{bank.server.data()}) {
        if (file.path().filename() != "master.key")
            places.emplace_back(file.path().filename(), read_file(file.path()));
    }
    BOOST_TEST(places.size() >= 2u);
    for (const auto& [place, content] : places) {
        for (const auto& [name, secret] : secrets)
            BOOST_TEST((content.find(secret) == std::string::npos), name << " is in " << place);
    }
    // The search itself works: these are no secrets.
    const auto store = std::ranges::find(places, "data.mdb", &std::pair<std::string, std::string>::first);
    BOOST_TEST_REQUIRE((store != places.end()));
    BOOST_TEST((store->second.find(bank.application.key()) != std::string::npos));
    BOOST_TEST((store->second.find("anna") != std::string::npos));

    // The log is no place for what a request carried, secret or not.
    const std::string& log = places.front().second;
    for (const auto& [name, value] : proof.headers)
        BOOST_TEST((log.find(value) == std::string::npos || value.size() < 20));
    BOOST_TEST((log.find(bare_code(made)) == std::string::npos));
}

// --- all of it against one server

BOOST_AUTO_TEST_CASE(a_server_that_was_abused_for_long_still_serves_and_ends_cleanly)
{
    scene bank;
    device phone = bank.enroll("anna");
    const auto port = bank.server.device_port();
    std::vector<raw_connection> kept;
    for (int round = 0; round < 30; ++round) {
        for (int i = 0; i < 10; ++i)
            kept.emplace_back(port);
        talk(port, get("/health", "X-Long: " + std::string(100'000, 'a') + "\r\n"));
        talk(port, post("/pa/v3/status", std::string(200'000, 'a')));
        talk(port, post("/pa/v3/activation/status", std::string(60'000, '[')));
        talk(port, "POST /pa/v3/status HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n");
        std::string many;
        for (int i = 0; i < 100; ++i)
            many += post("/pa/v3/activation/status", R"({"requestObject":{"activationId":"none"}})");
        BOOST_TEST(talk(port, many).size() == 100u);
        kept.back().send("POST /pa/v3/status HTTP/1.1\r\nContent-Length: 60000\r\n\r\n" + std::string(59'999, 'x'));
        raw_connection crashed{port};
        crashed.send(post("/pa/v3/status", "{}"));
        crashed.reset();
    }
    BOOST_TEST(phone.validate(pk, right_pin));
    BOOST_TEST(is_served(bank.server));
    if (!is_sanitized())
        BOOST_TEST(bank.server.memory_kb("VmHWM") < memory_kb_max);
    kept.clear();
    bank.server.stop();
}

BOOST_AUTO_TEST_SUITE_END()
