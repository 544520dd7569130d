// Claims about users: what a back office may tell, for whom, where they are kept, and what phones are told.

#include "crypto/encoding.hpp"
#include "tests/support.hpp"

namespace {

using namespace doorward;
using namespace doorward::tests;
using bench::protocol_version;
using bench::wire_style;

std::string claims_path(std::string_view user, std::string_view query = {})
{
    return "/v2/users/" + std::string{user} + "/claims" + std::string{query};
}

void check_violation(const answer& got, std::string_view field)
{
    BOOST_TEST(got.status == 400U, got.text);
    BOOST_TEST(got.code() == "ERROR_REQUEST");
    const auto fields = got.violated();
    BOOST_TEST((std::ranges::find(fields, field) != fields.end()), got.text);
}

struct claims_world : scratch_world {
    answer put(const json& claims, std::string_view user = "alice", std::string_view who = "office",
               std::string_view query = {})
    {
        return office("PUT", claims_path(user, query), claims.dump(), who);
    }
    json get(std::string_view user = "alice", std::string_view who = "office", std::string_view query = {})
    {
        const auto got = office("GET", claims_path(user, query), {}, who);
        BOOST_TEST(got.status == 200U, got.text);
        return got.body;
    }
};

const json everything{{"name", "Alice Nováková"},
                      {"given_name", "Alice"},
                      {"family_name", "Nováková"},
                      {"middle_name", "B."},
                      {"nickname", "ali"},
                      {"preferred_username", "alice"},
                      {"profile", "https://example.org/alice"},
                      {"picture", "https://example.org/alice.png"},
                      {"website", "https://example.org"},
                      {"email", "alice@example.org"},
                      {"email_verified", true},
                      {"phone_number", "+420 123 456 789"},
                      {"phone_number_verified", false},
                      {"gender", "female"},
                      {"birthdate", "2000-02-29"},
                      {"zoneinfo", "Europe/Prague"},
                      {"locale", "cs-CZ"},
                      {"address", {{"formatted", "Long Street 1\nPrague"}, {"country", "CZ"}}},
                      {"updated_at", 1'700'000'000}};

json with_sub(json claims, const char* user = "alice")
{
    claims["sub"] = user;
    return claims;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(user_claims, claims_world)

// --- what may be told

BOOST_AUTO_TEST_CASE(everything_that_phones_understand_may_be_told)
{
    const auto got = put(everything);
    BOOST_TEST(got.status == 200U, got.text);
    BOOST_TEST((got.body == with_sub(everything)));
    BOOST_TEST((get() == with_sub(everything)));
    restart();
    BOOST_TEST((get() == with_sub(everything)));
}

BOOST_AUTO_TEST_CASE(what_was_told_is_replaced_as_a_whole_and_taken_back)
{
    BOOST_TEST((get() == json{{"sub", "alice"}}));
    BOOST_TEST(put(everything).status == 200U);
    BOOST_TEST(put({{"name", "A."}, {"email", nullptr}, {"sub", "alice"}}).status == 200U);
    BOOST_TEST((get() == json{{"sub", "alice"}, {"name", "A."}}));
    BOOST_TEST(put(json::object()).status == 200U);
    BOOST_TEST((get() == json{{"sub", "alice"}}));
    BOOST_TEST(put(everything).status == 200U);
    for (int i = 0; i < 2; ++i) {
        const auto gone = office("DELETE", claims_path("alice"));
        BOOST_TEST(gone.status == 200U);
        BOOST_TEST(gone.text == R"({"status":"OK"})");
        BOOST_TEST((get() == json{{"sub", "alice"}}));
    }
}

BOOST_AUTO_TEST_CASE(further_names_are_scalars)
{
    const json more{{"customer_since", 2011},
                    {"balance", 1.5},
                    {"vip", true},
                    {"branch", "Praha 1"},
                    {"https://example.org/claims/tier", "gold"},
                    {"empty", ""}};
    BOOST_TEST(put(more).status == 200U);
    BOOST_TEST((get() == with_sub(more)));
    check_violation(put({{"list", json::array({1})}}), "list");
    check_violation(put({{"object", {{"a", 1}}}}), "object");
    check_violation(put({{std::string(65, 'x'), 1}}), std::string(65, 'x'));
    BOOST_TEST(put({{std::string(64, 'x'), 1}}).status == 200U);
    check_violation(put({{"", 1}}), "");
}

BOOST_AUTO_TEST_CASE(known_names_have_their_type)
{
    for (const auto& [name, good] : everything.items())
        for (const json& bad : {json(5), json("x"), json(true), json::array(), json::object(), json(1.5), json(-1)}) {
            const bool same_kind = bad.type() == good.type() ||
                                   (bad.is_number_unsigned() && good.is_number_integer()) ||
                                   (bad.is_number_integer() && good.is_number_unsigned() && bad >= 0);
            if (same_kind && name != "birthdate" && bad != -1)
                continue;
            BOOST_TEST_CONTEXT(name << " = " << bad)
            {
                check_violation(put({{name, bad}}), name);
            }
        }
    for (const char* date : {"2001-02-29", "2000-13-01", "2000-00-10", "2000-01-32", "2000-1-1", "20000101",
                             "0x00-01-01", "2000-01-01T00:00", "", "2000/01/01"})
        check_violation(put({{"birthdate", date}}), "birthdate");
    for (const char* date : {"2000-02-29", "1900-12-31", "0000-01-01"})
        BOOST_TEST(put({{"birthdate", date}}).status == 200U, date);
    check_violation(put({{"address", {{"country", 5}}}}), "address.country");
    check_violation(put({{"name", "a\nb"}}), "name");
    BOOST_TEST((get() == json{{"sub", "alice"}, {"birthdate", "0000-01-01"}}));
}

BOOST_AUTO_TEST_CASE(the_subject_is_the_user_and_nobody_else)
{
    check_violation(put({{"sub", "bob"}}), "sub");
    check_violation(put({{"sub", 5}}), "sub");
    BOOST_TEST(put({{"sub", "alice"}, {"name", "A"}}).status == 200U);
}

BOOST_AUTO_TEST_CASE(all_claims_together_have_a_limit)
{
    const auto of_size = [&](std::size_t bytes) {
        const std::string frame = with_sub({{"x", ""}}).dump();
        return put({{"x", std::string(bytes - frame.size(), 'y')}});
    };
    BOOST_TEST(of_size(registry::claims_bytes_max).status == 200U);
    BOOST_TEST(get().at("x").get<std::string>().size() > 4000U);
    check_violation(of_size(registry::claims_bytes_max + 1), "");
    const auto of_number = [&](std::size_t claims) {
        json many = json::object();
        for (std::size_t i = 0; i < claims; ++i)
            many["claim" + std::to_string(i)] = i;
        return put(many);
    };
    BOOST_TEST(of_number(registry::claims_max).status == 200U);
    check_violation(of_number(registry::claims_max + 1), "");
    check_violation(of_number(20'000), "");
}

BOOST_AUTO_TEST_CASE(a_body_that_is_no_object_is_refused)
{
    for (const char* body : {"", "[]", "null", "5", "{", R"({"name":"a","name":"b"})"})
        BOOST_TEST(office("PUT", claims_path("alice"), body).code() == "ERROR_REQUEST", body);
    BOOST_TEST((get() == json{{"sub", "alice"}}));
}

// --- whose they are

BOOST_AUTO_TEST_CASE(claims_belong_to_one_application)
{
    BOOST_TEST(put({{"name", "of app"}}).status == 200U);
    BOOST_TEST(put({{"name", "of other"}}, "alice", "stranger").status == 200U);
    BOOST_TEST(get().at("name") == "of app");
    BOOST_TEST(get("alice", "stranger").at("name") == "of other");
    BOOST_TEST(get("alice", "admin", "?appId=app").at("name") == "of app");
    BOOST_TEST(get("alice", "admin", "?appId=other").at("name") == "of other");
    BOOST_TEST(get("alice", "office", "?appId=app").at("name") == "of app");
    BOOST_TEST(office("DELETE", claims_path("alice"), {}, "stranger").status == 200U);
    BOOST_TEST(get().at("name") == "of app");
}

BOOST_AUTO_TEST_CASE(the_application_has_to_be_one_of_the_accounts_own)
{
    create_account("both", registry::role::integration, {"app", "other"});
    create_account("none", registry::role::integration, {});
    for (const char* method : {"PUT", "GET", "DELETE"}) {
        const auto ask = [&](std::string_view who, std::string_view query) {
            return office(method, claims_path("alice", query), "{}", who);
        };
        for (const char* who : {"admin", "both", "none"})
            check_violation(ask(who, ""), "appId");
        check_violation(ask("office", "?appId=other"), "appId");
        check_violation(ask("office", "?appId=unknown"), "appId");
        check_violation(ask("none", "?appId=app"), "appId");
        check_violation(ask("admin", "?appId=unknown"), "appId");
        BOOST_TEST(ask("both", "?appId=other").status == 200U);
        BOOST_TEST(ask("admin", "?appId=app").status == 200U);
        BOOST_TEST(ask("", "?appId=app").status == 401U);
    }
}

BOOST_AUTO_TEST_CASE(user_ids_are_those_of_registrations)
{
    const std::string longest(255, 'u');
    BOOST_TEST(put({{"name", "L"}}, longest).status == 200U);
    BOOST_TEST(get(longest).at("sub") == longest);
    check_violation(put({{"name", "L"}}, longest + 'u'), "userId");
    check_violation(put({{"name", "L"}}, "a%00b"), "userId");
    check_violation(put({{"name", "L"}}, "%zz"), "userId");
    check_violation(put({{"name", "L"}}, "%ff"), "userId");
    BOOST_TEST(put({{"name", "S"}}, "a%2Fb%20c").status == 200U);
    BOOST_TEST(get("a%2fb%20c").at("sub") == "a/b c");
    BOOST_TEST(get("a").size() == 1U); // the beginning of another's id is another
}

BOOST_AUTO_TEST_CASE(claims_are_sealed_for_their_place)
{
    BOOST_TEST(put({{"name", "Alice Unmistakable"}}).status == 200U);
    env().view([](const kv::read_txn& txn) {
        std::size_t rows = 0;
        txn.scan(registry::tables::claims, {}, [&](crypto::bytes_view, crypto::bytes_view value) {
            ++rows;
            BOOST_TEST((crypto::as_text(value).find("Unmistakable") == std::string_view::npos));
            return true;
        });
        BOOST_TEST(rows == 1U);
    });
    const auto stored = env().view([](const kv::read_txn& txn) { return registry::find_claims(txn, "app", "alice"); });
    BOOST_TEST_REQUIRE(stored.has_value());
    const auto& sealer = services().sealer;
    BOOST_TEST(registry::open_claims(sealer, "app", "alice", *stored).find("Unmistakable") != std::string::npos);
    BOOST_CHECK_THROW(static_cast<void>(registry::open_claims(sealer, "app", "bob", *stored)), registry::record_fault);
    BOOST_CHECK_THROW(static_cast<void>(registry::open_claims(sealer, "other", "alice", *stored)),
                      registry::record_fault);
}

// --- what phones are told

BOOST_AUTO_TEST_CASE(phones_of_every_version_and_dialect_are_told)
{
    BOOST_TEST(put(everything).status == 200U);
    for (const auto version : all_versions)
        for (const auto style : {wire_style::android, wire_style::ios})
            BOOST_TEST_CONTEXT(bench::rules_of(version).name << (style == wire_style::ios ? ", ios" : ""))
            {
                auto it = enrol(*this, json::object(), version);
                auto phone_ = phone(it.phone.state(), style);
                BOOST_TEST((json::parse(phone_.user_info()) == with_sub(everything)));
                BOOST_TEST(detail(it.id).at("failedAttempts") == 0);
            }
    auto bob = enrol(*this, json::object(), protocol_version::v3_3, "bob");
    BOOST_TEST(bob.phone.user_info() == R"({"sub":"bob"})");
    BOOST_TEST(office("DELETE", claims_path("alice")).status == 200U);
    auto alice = enrol(*this);
    BOOST_TEST(alice.phone.user_info() == R"({"sub":"alice"})");
}

BOOST_AUTO_TEST_CASE(an_enrolment_is_told_as_well)
{
    BOOST_TEST(put({{"name", "Alice"}, {"vip", true}}).status == 200U);
    for (const auto version : all_versions)
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            const auto told = [&](const char* phase) {
                const auto made = create("alice", {{"commitPhase", phase}});
                auto phone_ = phone(version);
                auto activation = phone_.prepare_activation(made.code, right_pin);
                const auto answered = device(activation.request);
                BOOST_TEST_REQUIRE(answered.status == 200);
                return json::parse(activation.outer.open(bench::read_envelope(answered.body))).at("userInfo");
            };
            BOOST_TEST((told("ON_KEY_EXCHANGE") == json{{"sub", "alice"}, {"name", "Alice"}, {"vip", true}}));
            BOOST_TEST((told("ON_COMMIT") == json{{"sub", "alice"}})); // it may be somebody else's phone
        }
}

BOOST_AUTO_TEST_CASE(whatever_is_wrong_a_phone_is_told_alike)
{
    const auto refused = [](const bench::http_answer& got) {
        BOOST_TEST(got.status == 400, got.body);
        const auto body = json::parse(got.body);
        BOOST_TEST(body.at("responseObject").at("code") == "ERR_ENCRYPTION");
        BOOST_TEST(body.at("responseObject").at("message") == "POWER_AUTH_ENCRYPTION_FAILED");
    };
    for (const auto version : all_versions)
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            auto it = enrol(*this, json::object(), version);
            const auto good = it.phone.prepare_user_info().request;
            auto changed = good;
            changed.headers.pop_back();
            refused(device(changed));
            for (const char* body : {"", "{}", "[]", "not JSON"}) {
                changed = good;
                changed.body = body;
                refused(device(changed));
            }
            changed = good;
            auto& header = changed.headers.back().second;
            header.replace(header.find(it.id), it.id.size(), registry::uuid::random().text());
            refused(device(changed));
            changed = good;
            auto& foreign = changed.headers.back().second;
            const auto key = application().key();
            foreign.replace(foreign.find(key), key.size(), application("other").key());
            refused(device(changed));

            BOOST_TEST(device(good).status == 200);
            refused(device(good)); // a second time
            const auto blocked = it.phone.prepare_user_info().request;
            BOOST_TEST(office("PUT", "/v2/registrations/" + it.id, R"({"change":"BLOCK"})").status == 200U);
            refused(device(blocked));
            BOOST_TEST(office("PUT", "/v2/registrations/" + it.id, R"({"change":"UNBLOCK"})").status == 200U);
            BOOST_TEST(device(blocked).status == 200); // it was refused, not used up
            const auto removed = it.phone.prepare_user_info().request;
            BOOST_TEST(office("DELETE", "/v2/registrations/" + it.id).status == 200U);
            refused(device(removed));
        }
}

BOOST_AUTO_TEST_CASE(a_flood_of_what_does_not_open_leaves_the_phone_alone)
{
    constexpr unsigned limit = registry::unproven_per_minute_default;
    auto it = enrol(*this, json::object(), protocol_version::v3_1);
    const auto good = it.phone.prepare_user_info().request;
    auto body = json::parse(good.body);
    body["mac"] = crypto::to_base64(crypto::byte_array<32>{});
    auto junk = good;
    junk.body = body.dump();
    for (unsigned i = 0; i < limit; ++i)
        BOOST_TEST(device(junk).status == 400);
    BOOST_TEST(device(junk).status == 429);
    BOOST_TEST(device(good).status == 200);
    BOOST_TEST(device(junk).status == 429);
}

BOOST_AUTO_TEST_SUITE_END()
