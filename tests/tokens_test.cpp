// Tokens: what a digest covers, the window and the memory of their uses, that they live and die with their
// registration, and every answer of the endpoints that make, remove, judge and take them.

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "handlers/power_auth_header.hpp"
#include "registry/token.hpp"
#include "tests/support.hpp"

namespace {

using namespace doorward;
using namespace doorward::tests;
using bench::protocol_version;
using bench::wire_style;
using type = bench::signature_type;

constexpr auto pk = type::possession_knowledge;
constexpr const char* guarded_path = "/api/registration";
constexpr const char* create_path = "/pa/v3/token/create";
constexpr const char* remove_path = "/pa/v3/token/remove";
constexpr const char* verify_path = "/v2/token/verify";

constexpr type types_of_tokens[]{type::possession, pk, type::possession_biometry, type::possession_knowledge_biometry};

void check_device_error(const bench::http_answer& got, int status, std::string_view message)
{
    BOOST_TEST(got.status == status, got.body);
    const auto body = json::parse(got.body);
    BOOST_TEST(body.at("status") == "ERROR");
    BOOST_TEST(body.at("responseObject").at("code") == "ERR_AUTHENTICATION");
    BOOST_TEST(body.at("responseObject").at("message") == message);
}

bench::http_request with_header(bench::http_request from, std::string_view name, const std::string& value)
{
    for (auto& [known, content] : from.headers)
        if (known == name)
            content = value;
    return from;
}

std::string header_of(const bench::http_request& from, std::string_view name)
{
    for (const auto& [known, content] : from.headers)
        if (known == name)
            return content;
    return {};
}

struct token_world : scratch_world {
    // A POST with a token header as it stands.
    bench::http_answer use(const std::string& header)
    {
        return device(bench::http_request{"POST", guarded_path, {{"X-PowerAuth-Token", header}}, "{}"});
    }
    bench::http_answer use(const bench::device& phone_, const std::string& token)
    {
        return use(phone_.make_token_header(token));
    }

    // The header of a phone with one field changed.
    std::string made(const bench::device& phone_, const std::string& token, const crypto::byte_array<16>& nonce,
                     std::int64_t timestamp, protocol_version version = protocol_version::v3_3)
    {
        return bench::token_header(bench::rules_of(version), token, phone_.state().activation->tokens.at(token), nonce,
                                   timestamp);
    }

    answer verify(const json& body, std::string_view who = "office")
    {
        return office("POST", verify_path, body.dump(), who);
    }

    std::size_t rows_of(kv::table which)
    {
        return env().view([&](const kv::read_txn& txn) { return txn.row_count(which); });
    }

    void change(const std::string& id, const char* what)
    {
        const auto got = office("PUT", "/v2/registrations/" + id, json{{"change", what}}.dump());
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    }
};

json fields_of(const std::string& header)
{
    const auto shown = handlers::parse_token(header).value();
    return {{"tokenId", shown.id.text()},
            {"tokenDigest", crypto::to_base64(shown.digest)},
            {"nonce", crypto::to_base64(shown.nonce)},
            {"timestamp", shown.sent_at()},
            {"protocolVersion", registry::rules(shown.version).text}};
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(tokens, token_world)

// --- what a token is

BOOST_AUTO_TEST_CASE(digests_and_headers_are_those_of_the_vectors)
{
    for_each_vector(generated_vectors() / "generated-token-digest.json", [](const json& vector) {
        const json& input = vector.at("input");
        const json& output = vector.at("output");
        const auto shown = handlers::parse_token(output.at("header").get<std::string>());
        BOOST_TEST_REQUIRE(shown.has_value());
        BOOST_TEST(registry::rules(shown->version).text == input.at("version").get<std::string>());
        BOOST_TEST(shown->id.text() == input.at("tokenId").get<std::string>());
        BOOST_TEST(shown->timestamp == input.at("timestamp").get<std::string>());
        const crypto::key16 secret{crypto::from_base64_sized<16>(input.at("tokenSecret").get<std::string>()).value()};
        const auto digest = registry::token_digest(*shown, secret);
        BOOST_TEST(crypto::to_base64(digest) == output.at("digest").get<std::string>());
        BOOST_TEST((digest == shown->digest));
    });
}

BOOST_AUTO_TEST_CASE(the_printed_digests_come_out)
{
    registry::presented_token shown;
    shown.nonce.fill(0x44);
    shown.timestamp = "1700000000000";
    crypto::byte_array<16> raw{};
    for (std::size_t i = 0; i < raw.size(); ++i)
        raw[i] = static_cast<crypto::byte>(i);
    const crypto::key16 secret{raw};
    const auto digest = [&](registry::protocol_version version) {
        shown.version = version;
        return crypto::to_base64(registry::token_digest(shown, secret));
    };
    BOOST_TEST(digest(registry::protocol_version::v3_0) == "kAbvhurM7Otam84jYXDQJmCsHn9wrkzPLpVuW8nMsYY=");
    BOOST_TEST(digest(registry::protocol_version::v3_1) == "kAbvhurM7Otam84jYXDQJmCsHn9wrkzPLpVuW8nMsYY=");
    BOOST_TEST(digest(registry::protocol_version::v3_3) == "k1HvLfzKbe5srcmUZnOdpJ9kUdx0mFXJhFxF76PO0iU=");
    BOOST_TEST(digest(registry::protocol_version::v3_2) != digest(registry::protocol_version::v3_3));
    shown.timestamp = "01700000000000"; // the digits count as they were sent
    BOOST_TEST(digest(registry::protocol_version::v3_1) != "kAbvhurM7Otam84jYXDQJmCsHn9wrkzPLpVuW8nMsYY=");
    BOOST_TEST(shown.sent_at() == 1'700'000'000'000);
}

BOOST_AUTO_TEST_CASE(a_header_is_read_in_any_order_and_with_every_field)
{
    const std::string id = registry::uuid::random().text();
    const std::string digest = crypto::to_base64(crypto::byte_array<32>{});
    const std::string nonce = crypto::to_base64(crypto::byte_array<16>{});
    const std::map<std::string, std::string> good{{"version", "3.1"},
                                                  {"token_id", id},
                                                  {"token_digest", digest},
                                                  {"nonce", nonce},
                                                  {"timestamp", "1728561600123"}};
    const auto header = [](const std::map<std::string, std::string>& fields, std::string_view separator = ", ") {
        std::string out = "PowerAuth";
        std::string_view before = " ";
        for (const auto& [name, value] : fields) {
            out.append(before).append(name).append("=\"").append(value).append("\"");
            before = separator;
        }
        return out;
    };
    BOOST_TEST(handlers::parse_token(header(good)).has_value());
    BOOST_TEST(handlers::parse_token(header(good, " ")).has_value());
    BOOST_TEST(!handlers::parse_token("").has_value());
    BOOST_TEST(!handlers::parse_token("Bearer x").has_value());
    const std::map<std::string, std::vector<std::string>> bad{
        {"version", {"", "3", "3.4", "2.1"}},
        {"token_id", {"", "x", id.substr(1)}},
        {"token_digest", {"", nonce, digest.substr(4)}},
        {"nonce", {"", digest, "x"}},
        {"timestamp",
         {"", "12345678", "1234567890123456", "172856160012x", "-1728561600123", " 1728561600123", "1e12"}}};
    for (const auto& [name, values] : bad) {
        auto without = good;
        without.erase(name);
        BOOST_TEST(!handlers::parse_token(header(without)).has_value(), "without " << name);
        for (const auto& value : values) {
            auto changed = good;
            changed[name] = value;
            BOOST_TEST(!handlers::parse_token(header(changed)).has_value(), name << " = " << value);
        }
    }
    for (const char* timestamp : {"123456789", "123456789012345", "000000000000000"}) {
        auto changed = good;
        changed["timestamp"] = timestamp;
        BOOST_TEST(handlers::parse_token(header(changed)).has_value(), timestamp);
    }
}

BOOST_AUTO_TEST_CASE(a_secret_opens_at_its_own_place_only)
{
    const auto& sealer = services().sealer;
    const auto id = registry::uuid::random();
    const auto secret = crypto::random_secret<16>();
    const auto sealed = registry::seal_token_secret(sealer, 7, id, secret);
    const auto opened = registry::open_token_secret(sealer, 7, id, sealed);
    BOOST_TEST_REQUIRE(opened.has_value());
    BOOST_TEST(crypto::equal_constant_time(*opened, secret));
    BOOST_TEST(!registry::open_token_secret(sealer, 8, id, sealed).has_value());
    BOOST_TEST(!registry::open_token_secret(sealer, 7, registry::uuid::random(), sealed).has_value());
}

// --- making and using

BOOST_AUTO_TEST_CASE(a_token_of_every_version_dialect_and_type_is_made_used_and_removed)
{
    for (const auto version : all_versions)
        for (const auto style : {wire_style::android, wire_style::ios})
            BOOST_TEST_CONTEXT(bench::rules_of(version).name << (style == wire_style::ios ? ", ios" : ""))
            {
                auto it = enrol(*this, json::object(), version);
                auto phone_ = phone(it.phone.state(), style);
                std::vector<std::string> made_;
                for (const auto how : types_of_tokens) {
                    made_.push_back(phone_.create_token(how, right_pin));
                    const auto told = json::parse(use(phone_, made_.back()).body);
                    BOOST_TEST(told.at("status") == "OK");
                    BOOST_TEST(told.at("responseObject").at("registrationId") == it.id);
                }
                for (const auto& token : made_) {
                    phone_.remove_token(token, type::possession);
                    BOOST_TEST(phone_.state().activation->tokens.contains(token) == false);
                }
                BOOST_TEST(detail(it.id).at("failedAttempts") == 0);
            }
    BOOST_TEST(rows_of(registry::tables::tokens) == 0U);
    BOOST_TEST(rows_of(registry::tables::token_ids) == 0U);
}

BOOST_AUTO_TEST_CASE(the_guarded_resource_tells_the_phone_about_itself)
{
    auto it = enrol(*this, {{"flags", {"VIP"}}});
    const auto token = it.phone.create_token(type::possession);
    BOOST_TEST(!it.phone.validate(pk, wrong_pin));
    owned_request req;
    req.method = "GET";
    req.target = guarded_path;
    req.power_auth_token = it.phone.make_token_header(token);
    const auto got = call(handlers::side::device, req);
    BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    const json& told = got.body.at("responseObject");
    const auto known = detail(it.id);
    for (const char* member :
         {"registrationId", "registrationStatus", "name", "platform", "deviceInfo", "flags", "timestampCreated",
          "timestampLastUsed", "maxFailedAttempts", "failedAttempts", "remainingAttempts"})
        BOOST_TEST(told.at(member) == known.at(member), member);
    BOOST_TEST(told.size() == 11U);
    BOOST_TEST(told.at("failedAttempts") == 1);
}

// Watches of otherwise newer applications send tokens as 3.1 does.
BOOST_AUTO_TEST_CASE(the_version_of_the_header_rules_whatever_made_the_token)
{
    auto it = enrol(*this, json::object(), protocol_version::v3_3);
    const auto token = it.phone.create_token(type::possession);
    for (const auto version : all_versions)
        BOOST_TEST(use(made(it.phone, token, crypto::random_array<16>(), clock.now(), version)).status == 200);
    const auto header = made(it.phone, token, crypto::random_array<16>(), clock.now(), protocol_version::v3_1);
    auto claimed = header;
    claimed.replace(claimed.find("3.1"), 3, "3.2");
    check_device_error(use(claimed), 401, "POWER_AUTH_TOKEN_INVALID");
    BOOST_TEST(use(header).status == 200); // the wrong one has not used up its nonce
}

BOOST_AUTO_TEST_CASE(a_version_below_the_lowest_is_not_taken)
{
    auto it = enrol(*this);
    const auto token = it.phone.create_token(type::possession);
    BOOST_TEST_REQUIRE(office("PATCH", "/admin/applications/app", R"({"lowestVersion":"3.2"})", "admin").status ==
                       200U);
    for (const auto version : all_versions) {
        const auto header = made(it.phone, token, crypto::random_array<16>(), clock.now(), version);
        const bool taken = version >= protocol_version::v3_2;
        BOOST_TEST(verify(json{{"authHeader", header}}).body.at("tokenValid") == taken);
        BOOST_TEST(use(made(it.phone, token, crypto::random_array<16>(), clock.now(), version)).status ==
                   (taken ? 200 : 401));
    }
}

BOOST_AUTO_TEST_CASE(a_use_is_accepted_once)
{
    auto it = enrol(*this);
    const auto token = it.phone.create_token(type::possession);
    const auto other = it.phone.create_token(type::possession);
    const auto nonce = crypto::random_array<16>();
    const auto header = made(it.phone, token, nonce, clock.now());
    BOOST_TEST(use(header).status == 200);
    check_device_error(use(header), 401, "POWER_AUTH_TOKEN_INVALID");
    // The nonce is what counts, not the time beside it.
    check_device_error(use(made(it.phone, token, nonce, clock.now() + 1)), 401, "POWER_AUTH_TOKEN_INVALID");
    BOOST_TEST(use(made(it.phone, other, nonce, clock.now())).status == 200);
    restart();
    check_device_error(use(header), 401, "POWER_AUTH_TOKEN_INVALID");
    BOOST_TEST(use(it.phone, token).status == 200);
}

BOOST_AUTO_TEST_CASE(a_use_is_remembered_as_long_as_its_time_would_be_accepted)
{
    auto it = enrol(*this);
    const auto token = it.phone.create_token(type::possession);
    constexpr registry::time_ms past = 2 * 60 * 60 * 1000;
    constexpr registry::time_ms future = 30 * 60 * 1000;
    const auto at = [&](registry::time_ms off) {
        return use(made(it.phone, token, crypto::random_array<16>(), clock.now() + off)).status;
    };
    BOOST_TEST(at(-past) == 200);
    BOOST_TEST(at(-past - 1) == 401);
    BOOST_TEST(at(future) == 200);
    BOOST_TEST(at(future + 1) == 401);

    const auto header = made(it.phone, token, crypto::random_array<16>(), clock.now() + future);
    BOOST_TEST(use(header).status == 200);
    clock.advance(past + future); // now it is as old as it may be
    static_cast<void>(sweep());
    BOOST_TEST(use(header).status == 401);
    clock.advance(1);
    BOOST_TEST(use(header).status == 401);
    clock.advance(future);
    while (sweep()) {
    }
    BOOST_TEST(rows_of(registry::tables::seen) == 0U); // by then it is forgotten
    BOOST_TEST(rows_of(registry::tables::due) == 0U);
}

BOOST_AUTO_TEST_CASE(everything_that_does_not_hold_is_told_alike)
{
    auto it = enrol(*this);
    auto other = enrol(*this);
    const auto token = it.phone.create_token(type::possession);
    const auto others = other.phone.create_token(type::possession);
    const auto header = [&] { return it.phone.make_token_header(token); };
    const auto with = [&](std::string_view what, const std::string& by) {
        auto out = header();
        out.replace(out.find(what), what.size(), by);
        return out;
    };
    auto damaged = header();
    auto& letter = damaged[damaged.find("token_digest=\"") + 20];
    letter = letter == 'A' ? 'B' : 'A';
    const auto removed = it.phone.create_token(type::possession);
    const auto removed_header = it.phone.make_token_header(removed);
    it.phone.remove_token(removed, type::possession);
    const std::pair<const char*, std::string> rows[]{
        {"none", ""},
        {"not of ours", "Bearer x"},
        {"cut", header().substr(0, 60)},
        {"unknown", with(token, registry::uuid::random().text())},
        {"of another phone", with(token, others)},
        {"wrong digest", damaged},
        {"removed", removed_header},
        {"another nonce",
         [&] {
             auto out = header();
             const auto at = out.find(" nonce=\"") + 8;
             return out.replace(at, 24, "AAAAAAAAAAAAAAAAAAAAAA==");
         }()},
    };
    for (const auto& [what, value] : rows)
        BOOST_TEST_CONTEXT(what)
        {
            check_device_error(use(value), 401, "POWER_AUTH_TOKEN_INVALID");
        }
    BOOST_TEST(use(it.phone, token).status == 200);
    BOOST_TEST(detail(it.id).at("failedAttempts") == 0);
}

BOOST_AUTO_TEST_CASE(a_token_follows_the_state_of_its_registration)
{
    auto it = enrol(*this);
    const auto token = it.phone.create_token(pk, right_pin);
    change(it.id, "BLOCK");
    const auto while_blocked = it.phone.make_token_header(token);
    check_device_error(use(while_blocked), 401, "POWER_AUTH_TOKEN_INVALID");
    change(it.id, "UNBLOCK");
    BOOST_TEST(use(while_blocked).status == 200); // refusing it has not used it up
    for (int i = 0; i < 5; ++i)
        BOOST_TEST(!it.phone.validate(pk, wrong_pin));
    check_device_error(use(it.phone, token), 401, "POWER_AUTH_TOKEN_INVALID");
    change(it.id, "UNBLOCK");
    BOOST_TEST(use(it.phone, token).status == 200);
}

BOOST_AUTO_TEST_CASE(tokens_die_with_their_registration)
{
    auto kept = enrol(*this);
    const auto kept_token = kept.phone.create_token(type::possession);
    const auto by_office = enrol(*this);
    const auto by_user = enrol(*this);
    for (const bool in_app : {false, true}) {
        auto it = in_app ? by_user : by_office;
        std::vector<std::string> headers;
        for (int i = 0; i < 3; ++i)
            headers.push_back(it.phone.make_token_header(it.phone.create_token(type::possession)));
        BOOST_TEST(rows_of(registry::tables::tokens) == 4U);
        if (in_app)
            BOOST_TEST(device(it.phone.make_remove_request(pk, right_pin)).status == 200);
        else
            BOOST_TEST(office("DELETE", "/v2/registrations/" + it.id).status == 200U);
        BOOST_TEST(rows_of(registry::tables::tokens) == 1U);
        BOOST_TEST(rows_of(registry::tables::token_ids) == 1U);
        for (const auto& header : headers)
            check_device_error(use(header), 401, "POWER_AUTH_TOKEN_INVALID");
    }
    BOOST_TEST(use(kept.phone, kept_token).status == 200);
}

BOOST_AUTO_TEST_CASE(a_token_outlives_a_restart)
{
    auto it = enrol(*this);
    const auto token = it.phone.create_token(type::possession);
    restart();
    BOOST_TEST(use(it.phone, token).status == 200);
}

// A phone that lost its tokens, or an app that leaks them, gets new ones; the store does not grow with it.
BOOST_AUTO_TEST_CASE(beyond_the_limit_the_oldest_token_gives_way)
{
    auto it = enrol(*this);
    std::vector<std::string> made_;
    for (std::size_t i = 0; i < registry::tokens_max; ++i) {
        made_.push_back(it.phone.create_token(type::possession));
        clock.advance(1);
    }
    BOOST_TEST(rows_of(registry::tables::tokens) == registry::tokens_max);
    BOOST_TEST(use(it.phone, made_[0]).status == 200);
    made_.push_back(it.phone.create_token(type::possession));
    BOOST_TEST(rows_of(registry::tables::tokens) == registry::tokens_max);
    BOOST_TEST(rows_of(registry::tables::token_ids) == registry::tokens_max);
    BOOST_TEST(use(it.phone, made_[0]).status == 401);
    BOOST_TEST(use(it.phone, made_[1]).status == 200);
    BOOST_TEST(use(it.phone, made_.back()).status == 200);
    auto other = enrol(*this); // each registration has a limit of its own
    BOOST_TEST(use(other.phone, other.phone.create_token(type::possession)).status == 200);
    BOOST_TEST(use(it.phone, made_[1]).status == 200);
}

// --- the endpoint that makes them

BOOST_AUTO_TEST_CASE(a_signature_that_is_refused_makes_no_token_and_counts_as_everywhere)
{
    auto it = enrol(*this);
    const auto wrong = it.phone.prepare_token(pk, wrong_pin).request;
    check_device_error(device(wrong), 401, "POWER_AUTH_SIGNATURE_INVALID");
    BOOST_TEST(detail(it.id).at("failedAttempts") == 1);
    check_device_error(device(wrong), 401, "POWER_AUTH_SIGNATURE_INVALID");
    BOOST_TEST(detail(it.id).at("failedAttempts") == 1); // the same again
    auto altered = it.phone.prepare_token(pk, right_pin).request;
    altered.body += ' ';
    check_device_error(device(altered), 401, "POWER_AUTH_SIGNATURE_INVALID");
    auto unsigned_ = it.phone.prepare_token(pk, right_pin).request;
    unsigned_.headers.clear();
    check_device_error(device(unsigned_), 401, "POWER_AUTH_SIGNATURE_INVALID");
    check_device_error(device(it.phone.prepare_token(type::knowledge, right_pin).request), 401,
                       "POWER_AUTH_SIGNATURE_INVALID");
    auto unknown = it.phone.prepare_token(pk, right_pin).request;
    auto header = header_of(unknown, "X-PowerAuth-Authorization");
    header.replace(header.find(it.id), it.id.size(), registry::uuid::random().text());
    check_device_error(device(with_header(unknown, "X-PowerAuth-Authorization", header)), 401,
                       "POWER_AUTH_SIGNATURE_INVALID");
    BOOST_TEST(rows_of(registry::tables::tokens) == 0U);
    BOOST_TEST(detail(it.id).at("failedAttempts") == 1);
    static_cast<void>(it.phone.create_token(pk, right_pin));
    BOOST_TEST(detail(it.id).at("failedAttempts") == 0); // which is a success like any other
}

BOOST_AUTO_TEST_CASE(a_repeated_request_makes_no_second_token)
{
    for (const auto version : all_versions)
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            auto it = enrol(*this, json::object(), version);
            const auto before = rows_of(registry::tables::tokens);
            const auto request = it.phone.prepare_token(type::possession).request;
            BOOST_TEST(device(request).status == 200);
            check_device_error(device(request), 401, "POWER_AUTH_SIGNATURE_INVALID");
            BOOST_TEST(rows_of(registry::tables::tokens) == before + 1);
        }
}

// The signature is right and its counter value used up; what comes after it fails.
BOOST_AUTO_TEST_CASE(what_fails_behind_the_signature_is_told_and_moves_the_counter)
{
    for (const auto version : all_versions)
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            auto it = enrol(*this, json::object(), version);
            const auto before = rows_of(registry::tables::tokens);
            const auto send = [&](std::string body) {
                return device(it.phone.make_signed_request("POST", create_path, "/pa/token/create", std::move(body),
                                                           type::possession));
            };
            auto envelope = json::parse(it.phone.prepare_token(type::possession).request.body);
            for (const char* body : {"", "{}", "[]", "not JSON", R"({"encryptedData":"AA=="})"})
                check_device_error(send(body), 401, "POWER_AUTH_REQUEST_INVALID");
            auto missing = envelope;
            missing.erase("mac");
            check_device_error(send(missing.dump()), 401, "POWER_AUTH_REQUEST_INVALID");
            auto other_version = envelope;
            if (version == protocol_version::v3_0)
                other_version["nonce"] = crypto::to_base64(crypto::byte_array<16>{});
            else
                other_version.erase("nonce");
            check_device_error(send(other_version.dump()), 401, "POWER_AUTH_REQUEST_INVALID");
            auto spoiled = envelope;
            spoiled["mac"] = crypto::to_base64(crypto::byte_array<32>{});
            check_device_error(send(spoiled.dump()), 401, "POWER_AUTH_TOKEN_ERROR");
            // An envelope for something else.
            check_device_error(send(it.phone.prepare_user_info().request.body), 401, "POWER_AUTH_TOKEN_ERROR");
            BOOST_TEST(rows_of(registry::tables::tokens) == before);
            // A right one, signed once more: it makes a token once, whatever signs it.
            const auto fresh = it.phone.prepare_token(type::possession).request.body;
            BOOST_TEST(send(fresh).status == 200);
            check_device_error(send(fresh), 401, "POWER_AUTH_TOKEN_ERROR");
            BOOST_TEST(rows_of(registry::tables::tokens) == before + 1);
            // All of these signatures were accepted, so the phone is still in step.
            BOOST_TEST(it.phone.validate(pk, right_pin));
            BOOST_TEST(detail(it.id).at("failedAttempts") == 0);
        }
}

BOOST_AUTO_TEST_CASE(envelopes_too_old_or_under_an_ended_key_make_no_token)
{
    auto it = enrol(*this, json::object(), protocol_version::v3_2);
    const auto late = it.phone.prepare_token(type::possession).request;
    clock.advance(60'001);
    check_device_error(device(late), 401, "POWER_AUTH_TOKEN_ERROR");
    auto newer = enrol(*this, json::object(), protocol_version::v3_3);
    auto key = newer.phone.fetch_temporary_key(bench::encryption_scope::activation);
    key.expires_ms += 3'600'000;
    newer.phone.use_temporary_key(bench::encryption_scope::activation, key);
    clock.advance(registry::temporary_key_life_ms);
    check_device_error(device(newer.phone.prepare_token(type::possession).request), 401, "POWER_AUTH_TOKEN_ERROR");
    BOOST_TEST(rows_of(registry::tables::tokens) == 0U);
}

BOOST_AUTO_TEST_CASE(only_an_active_registration_gets_a_token)
{
    auto it = enrol(*this);
    const auto blocked = it.phone.prepare_token(pk, right_pin).request;
    change(it.id, "BLOCK");
    check_device_error(device(blocked), 401, "POWER_AUTH_SIGNATURE_INVALID");
    change(it.id, "UNBLOCK");
    const auto removed = it.phone.prepare_token(pk, right_pin).request;
    BOOST_TEST(office("DELETE", "/v2/registrations/" + it.id).status == 200U);
    check_device_error(device(removed), 401, "POWER_AUTH_SIGNATURE_INVALID");
    BOOST_TEST(rows_of(registry::tables::tokens) == 0U);
}

// A removal that comes between the signature and the token wins: no token is left behind.
BOOST_AUTO_TEST_CASE(no_token_is_made_for_what_is_removed_meanwhile)
{
    auto it = enrol(*this);
    const auto number =
        env().view([&](const kv::read_txn& txn) { return registry::find_number(txn, *registry::uuid::parse(it.id)); });
    const auto make = [&] {
        registry::create_token change_;
        change_.owner = number.value();
        change_.id = registry::uuid::random();
        change_.seen.marks.push_back({crypto::random_array<16>(), clock.now() + 1000});
        return commit(change_);
    };
    BOOST_TEST(!make());
    change(it.id, "BLOCK");
    BOOST_TEST((make() == registry::errc::illegal_change));
    BOOST_TEST(office("DELETE", "/v2/registrations/" + it.id).status == 200U);
    const auto marks = rows_of(registry::tables::seen);
    BOOST_TEST((make() == registry::errc::illegal_change));
    BOOST_TEST(rows_of(registry::tables::tokens) == 0U);
    BOOST_TEST(rows_of(registry::tables::seen) == marks); // both or neither
}

// --- the endpoint that removes them

BOOST_AUTO_TEST_CASE(removing_what_is_not_there_or_not_ours_changes_nothing_and_looks_alike)
{
    auto it = enrol(*this);
    auto other = enrol(*this);
    const auto others = other.phone.create_token(type::possession);
    for (const auto& id : {others, registry::uuid::random().text()}) {
        const auto got = device(it.phone.make_token_remove_request(id, type::possession));
        BOOST_TEST(got.status == 200);
        BOOST_TEST(got.body == R"({"status":"OK","responseObject":{"tokenId":")" + id + R"("}})");
    }
    BOOST_TEST(use(other.phone, others).status == 200);
}

BOOST_AUTO_TEST_CASE(removing_takes_a_signature_and_a_request_object)
{
    auto it = enrol(*this);
    const auto token = it.phone.create_token(type::possession);
    check_device_error(device(it.phone.make_token_remove_request(token, pk, wrong_pin)), 401,
                       "POWER_AUTH_SIGNATURE_INVALID");
    BOOST_TEST(detail(it.id).at("failedAttempts") == 1);
    const auto send = [&](std::string body) {
        return device(
            it.phone.make_signed_request("POST", remove_path, "/pa/token/remove", std::move(body), type::possession));
    };
    for (const char* body : {"", "{}", "[]", R"({"requestObject":{}})", R"({"requestObject":{"tokenId":5}})",
                             R"({"requestObject":{"tokenId":""}})"})
        check_device_error(send(body), 401, "POWER_AUTH_REQUEST_INVALID");
    check_device_error(send(R"({"requestObject":{"tokenId":"x"}})"), 401, "POWER_AUTH_TOKEN_ERROR");
    BOOST_TEST(use(it.phone, token).status == 200);
    std::string upper = token;
    for (char& c : upper)
        c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
    BOOST_TEST(send(R"({"requestObject":{"tokenId":")" + upper + R"("}})").status == 200);
    BOOST_TEST(use(it.phone, token).status == 401);
}

// --- the office side

BOOST_AUTO_TEST_CASE(a_back_office_has_a_token_judged_in_either_form)
{
    auto it = enrol(*this, {{"flags", {"VIP"}}});
    const auto token = it.phone.create_token(pk, right_pin);
    for (const bool by_header : {true, false}) {
        const auto header = it.phone.make_token_header(token);
        const json asked = by_header ? json{{"authHeader", header}} : fields_of(header);
        const auto got = verify(asked);
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        BOOST_TEST(got.body.at("tokenValid") == true);
        BOOST_TEST(got.body.at("userId") == "alice");
        BOOST_TEST(got.body.at("registrationId") == it.id);
        BOOST_TEST(got.body.at("registrationStatus") == "ACTIVE");
        BOOST_TEST(got.body.at("signatureType") == "POSSESSION_KNOWLEDGE");
        BOOST_TEST(got.body.at("remainingAttempts") == 5);
        BOOST_TEST(got.body.at("flags") == json::array({"VIP"}));
        BOOST_TEST(got.body.at("application").at("id") == "app");
        BOOST_TEST(!got.body.contains("blockedReason"));
        // One use, on whichever side.
        BOOST_TEST(verify(asked).body.at("tokenValid") == false);
        BOOST_TEST(use(header).status == 401);
    }
    auto digits = fields_of(it.phone.make_token_header(token));
    digits["timestamp"] = std::to_string(digits.at("timestamp").get<std::int64_t>());
    BOOST_TEST(verify(digits).body.at("tokenValid") == true);
}

BOOST_AUTO_TEST_CASE(a_verdict_against_a_token_tells_the_state_and_counts_nothing)
{
    auto it = enrol(*this);
    const auto token = it.phone.create_token(type::possession);
    auto wrong = fields_of(it.phone.make_token_header(token));
    wrong["tokenDigest"] = crypto::to_base64(crypto::byte_array<32>{});
    for (int i = 0; i < 10; ++i) {
        const auto got = verify(wrong);
        BOOST_TEST(got.status == 200U);
        BOOST_TEST(got.body.at("tokenValid") == false);
        BOOST_TEST(got.body.at("registrationStatus") == "ACTIVE");
        BOOST_TEST(got.body.at("remainingAttempts") == 5);
    }
    change(it.id, "BLOCK");
    const auto blocked = verify(json{{"authHeader", it.phone.make_token_header(token)}});
    BOOST_TEST(blocked.body.at("tokenValid") == false);
    BOOST_TEST(blocked.body.at("registrationStatus") == "BLOCKED");
    BOOST_TEST(blocked.body.at("blockedReason") == "NOT_SPECIFIED");
}

BOOST_AUTO_TEST_CASE(an_unknown_token_and_one_of_another_application_look_alike)
{
    auto it = enrol(*this);
    const auto token = it.phone.create_token(type::possession);
    const auto header = it.phone.make_token_header(token);
    auto unknown = fields_of(header);
    unknown["tokenId"] = registry::uuid::random().text();
    const std::string nothing = R"({"tokenValid":false,"registrationStatus":"REMOVED"})";
    BOOST_TEST(verify(unknown).text == nothing);
    BOOST_TEST(verify(json{{"authHeader", header}}, "stranger").text == nothing);
    BOOST_TEST(verify(json{{"authHeader", header}}).body.at("tokenValid") == true); // not used up by the stranger
    BOOST_TEST(office("DELETE", "/v2/registrations/" + it.id).status == 200U);
    BOOST_TEST(verify(json{{"authHeader", it.phone.make_token_header(token)}}).text == nothing);
}

BOOST_AUTO_TEST_CASE(a_verdict_may_require_flags)
{
    auto it = enrol(*this, {{"flags", {"VIP"}}});
    const auto token = it.phone.create_token(type::possession);
    const auto ask = [&](const json& flags, bool in_fields) {
        json question{{"authHeader", it.phone.make_token_header(token)}};
        if (in_fields)
            question = fields_of(question.at("authHeader").get<std::string>());
        question["requiredFlags"] = flags;
        return verify(question);
    };
    for (const bool in_fields : {false, true}) {
        BOOST_TEST(ask({"VIP"}, in_fields).body.at("tokenValid") == true);
        const auto lacking = ask({"HIGH", "VIP"}, in_fields);
        BOOST_TEST(lacking.body.at("tokenValid") == false);
        BOOST_TEST((lacking.body.at("missingFlags") == json{"HIGH"}));
        BOOST_TEST(ask("VIP", in_fields).code() == "ERROR_REQUEST");
    }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_an_error_and_no_verdict)
{
    auto it = enrol(*this);
    const auto good = fields_of(it.phone.make_token_header(it.phone.create_token(type::possession)));
    for (const auto& [member, value] : good.items()) {
        auto without = good;
        without.erase(member);
        const auto missing = verify(without);
        BOOST_TEST(missing.status == 400U);
        BOOST_TEST(missing.violated() == std::vector<std::string>{member}, boost::test_tools::per_element());
        for (const json& bad : {json("x"), json(""), json(true), json(-5), json(1.5), json::array(), json::object()}) {
            auto changed = good;
            changed[member] = bad;
            const auto got = verify(changed);
            BOOST_TEST_CONTEXT(member << " = " << bad)
            {
                BOOST_TEST(got.status == 400U);
                BOOST_TEST(got.violated() == std::vector<std::string>{member}, boost::test_tools::per_element());
            }
        }
    }
    for (const char* header : {"", "x", "PowerAuth version=\"3.3\""}) {
        const auto got = verify(json{{"authHeader", header}});
        BOOST_TEST(got.status == 400U);
        BOOST_TEST(got.code() == (*header == '\0' ? "ERROR_REQUEST" : "ERROR_TOKEN_INVALID"));
    }
    auto both = good;
    both["authHeader"] = it.phone.make_token_header(it.phone.state().activation->tokens.begin()->first);
    BOOST_TEST(verify(both).code() == "ERROR_REQUEST");
    BOOST_TEST(office("POST", verify_path, "[]").code() == "ERROR_REQUEST");
    BOOST_TEST(office("POST", verify_path, good.dump(), "").status == 401U);
}

// --- many at once

BOOST_AUTO_TEST_CASE(of_many_equal_uses_at_once_one_is_accepted)
{
    auto it = enrol(*this);
    const auto token = it.phone.create_token(type::possession);
    constexpr unsigned threads = 8;
    for (int round = 0; round < 10; ++round) {
        owned_request req;
        req.method = "GET";
        req.target = guarded_path;
        req.power_auth_token = it.phone.make_token_header(token);
        std::atomic<unsigned> accepted{0};
        std::atomic<unsigned> refused{0};
        on_threads(threads, [&](unsigned) {
            const auto got = call_alone(handlers::side::device, req);
            accepted += got.status == 200U ? 1U : 0U;
            refused += got.status == 401U ? 1U : 0U;
        });
        BOOST_TEST(accepted.load() == 1U);
        BOOST_TEST(refused.load() == threads - 1);
    }
}

BOOST_AUTO_TEST_CASE(an_answer_about_a_token_waits_for_the_disk)
{
    auto it = enrol(*this);
    const auto token = it.phone.create_token(type::possession);
    owned_request req;
    req.method = "GET";
    req.target = guarded_path;
    req.power_auth_token = it.phone.make_token_header(token);
    writer_gate gate{writer()};
    const auto asked = start(handlers::side::device, req);
    poll();
    BOOST_TEST(!asked->done.has_value());
    gate.open();
    run();
    BOOST_TEST_REQUIRE(asked->done.has_value());
    BOOST_TEST(asked->done->status == 200U);
}

BOOST_AUTO_TEST_SUITE_END()
