// Names and flags of registrations: edits, their history, and what verdicts require.

#include "crypto/encoding.hpp"
#include "handlers/slots.hpp"
#include "registry/flags.hpp"
#include "tests/support.hpp"

namespace {

using namespace doorward;
using namespace doorward::tests;
using registry::edited;
using registry::flag_edit;
using registry::flag_set;
using type = bench::signature_type;
using kind = flag_edit::kind;

constexpr type two_factors = type::possession_knowledge;
constexpr const char* nobodys_id = "2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11";

struct labels_world : scratch_world {
    std::string path(std::string_view rest) const { return "/v2/registrations/" + alice.id + std::string{rest}; }
    answer rename(const json& body) { return office("PUT", path("/name"), body.dump()); }
    answer flags(std::string_view method, const json& body) { return office(method, path("/flags"), body.dump()); }
    json flags() { return office("GET", path("/flags")).body.at("flags"); }
    answer change(std::string_view body) { return office("PUT", path(""), body); }
    int failed() { return detail(alice.id).at("failedAttempts").get<int>(); }

    // A question of a back office about a request that the phone signs.
    answer verify(std::string_view pin, const json& more = json::object())
    {
        json body{{"method", "POST"}, {"uriId", "/login"}};
        body["authHeader"] = alice.phone.sign("POST", "/login", "", two_factors, pin);
        body.update(more);
        return office("POST", "/v2/signature/verify", body.dump());
    }

    enrolled alice = enrol(*this);
};

bool complains_of(const answer& got, std::string_view field)
{
    const auto fields = got.violated();
    return got.status == 400 && std::ranges::find(fields, field) != fields.end();
}

} // namespace

// --- flags by themselves

BOOST_AUTO_TEST_SUITE(flag_sets)

BOOST_AUTO_TEST_CASE(edits_add_remove_and_replace)
{
    const struct {
        flag_set now;
        kind how;
        flag_set flags;
        flag_set expected;
    } table[]{
        {{}, kind::add, {}, {}},
        {{}, kind::add, {"A", "B"}, {"A", "B"}},
        {{"B"}, kind::add, {"A", "B", "C"}, {"A", "B", "C"}},
        {{"A", "B"}, kind::remove, {}, {"A", "B"}},
        {{"A", "B"}, kind::remove, {"A", "X"}, {"B"}},
        {{}, kind::remove, {"A"}, {}},
        {{"A", "B"}, kind::replace, {"C"}, {"C"}},
        {{"A", "B"}, kind::replace, {}, {}},
    };
    for (const auto& each : table)
        BOOST_TEST((edited(each.now, {each.how, each.flags}).value() == each.expected));
}

BOOST_AUTO_TEST_CASE(a_registration_has_so_many_flags_and_no_more)
{
    const auto numbered = [](std::size_t count) {
        flag_set out;
        for (std::size_t i = 0; i < count; ++i)
            out.push_back(std::to_string(100 + i));
        return out;
    };
    const auto most = numbered(registry::flags_max);
    BOOST_TEST((edited({}, {kind::replace, most}).value() == most));
    BOOST_TEST((edited(most, {kind::add, {"100"}}).value() == most)); // there already
    BOOST_TEST((edited(most, {kind::add, {"x"}}).error() == registry::errc::too_many_flags));
    BOOST_TEST(
        (edited({}, {kind::replace, numbered(registry::flags_max + 1)}).error() == registry::errc::too_many_flags));
    const std::string half(registry::flags_bytes_max / 2, 'a');
    const flag_set full{half, half.substr(1) + 'b'};
    BOOST_TEST((edited({}, {kind::replace, full}).value() == full));
    BOOST_TEST((edited(full, {kind::add, {"x"}}).error() == registry::errc::too_many_flags));
    BOOST_TEST((edited(full, {kind::remove, {half}}).value() == flag_set{full[1]}));
}

BOOST_AUTO_TEST_CASE(missing_flags_are_those_that_are_required_and_not_there)
{
    using registry::missing_flags;
    BOOST_TEST((missing_flags({}, {}).empty()));
    BOOST_TEST((missing_flags({}, {"A"}).empty()));
    BOOST_TEST((missing_flags({"A"}, {"A", "B"}).empty()));
    BOOST_TEST((missing_flags({"A", "C"}, {"B", "C"}) == flag_set{"A"}));
    BOOST_TEST((missing_flags({"A", "B"}, {}) == flag_set{"A", "B"}));
}

// An edit depends on the one before, whoever made that, and on nothing that attempts do at the same time.
BOOST_AUTO_TEST_CASE(edits_at_once_are_all_made)
{
    const scratch_phone phone;
    const auto slot = phone.slot(default_limits());
    const registry::attempts judge{crypto::secret<32>{crypto::byte_array<32>{9, 9, 9}}};
    constexpr unsigned flags_of_one = 8;
    on_threads(6, [&](unsigned who) {
        for (unsigned i = 0; i < flags_of_one; ++i) {
            if (who < 4) {
                const std::string mine = std::string(1, static_cast<char>('A' + who)) + std::to_string(i);
                static_cast<void>(registry::attempts::change_flags(slot, {kind::add, {mine}}, {}, 1));
                if (i % 2 == 1)
                    static_cast<void>(registry::attempts::change_flags(slot, {kind::remove, {mine}}, {}, 1));
            } else if (who == 4) {
                static_cast<void>(judge.verify(slot, phone.keys,
                                               phone.right(registry::factors::possession_knowledge, i),
                                               registry::counting::only_proven, 1));
            } else {
                static_cast<void>(registry::attempts::change_state(slot, registry::move::rename, {}, {}, 1));
            }
        }
    });
    flag_set expected;
    for (unsigned who = 0; who < 4; ++who)
        for (unsigned i = 0; i < flags_of_one; i += 2)
            expected.push_back(std::string(1, static_cast<char>('A' + who)) + std::to_string(i));
    BOOST_TEST((slot->flags().flags == expected));
    BOOST_TEST(slot->load().position() == flags_of_one);
    // Every edit, rename and proof has a version of its own.
    BOOST_TEST(slot->load().version() == 2U + 4 * (flags_of_one + flags_of_one / 2) + flags_of_one + flags_of_one);
}

BOOST_AUTO_TEST_CASE(names_and_flags_leave_attempts_alone)
{
    const scratch_phone phone;
    const auto slot = phone.slot(default_limits());
    const registry::attempts judge{crypto::secret<32>{crypto::byte_array<32>{9, 9, 9}}};
    const auto wrong = [&](unsigned salt) {
        return judge.verify(slot, phone.keys, phone.wrong_pin(0, salt), registry::counting::only_proven, 1);
    };
    BOOST_TEST(wrong(1).counted);
    BOOST_TEST(wrong(2).counted);
    BOOST_TEST(registry::attempts::change_state(slot, registry::move::rename, {}, {}, 1).has_value());
    const auto flagged = registry::attempts::change_flags(slot, {kind::add, {"A"}}, {}, 1);
    BOOST_TEST_REQUIRE(flagged.has_value());
    BOOST_TEST(flagged->change->after.failed() == 2U);
    BOOST_TEST(flagged->change->refused.list.size() == 2U);
    BOOST_TEST(!wrong(1).counted); // the same refused proof is still known
    BOOST_TEST(wrong(3).word.failed() == 3U);
}

BOOST_AUTO_TEST_SUITE_END()

// --- the office side

BOOST_FIXTURE_TEST_SUITE(labels, labels_world)

BOOST_AUTO_TEST_CASE(a_registration_is_renamed)
{
    clock.advance(1000);
    const auto version = detail(alice.id).at("version").get<int>();
    const auto got = rename({{"name", "Petra's \xC3\xA9 phone"}, {"externalUserId", "clerk"}});
    BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    BOOST_TEST(got.body == json({{"name", "Petra's \xC3\xA9 phone"}, {"registrationStatus", "ACTIVE"}}));
    const json now = detail(alice.id);
    BOOST_TEST(now.at("name") == "Petra's \xC3\xA9 phone");
    BOOST_TEST(now.at("timestampLastChange") == clock.now());
    BOOST_TEST(now.at("version") == version + 1);
    const json row = history(alice.id).back();
    BOOST_TEST(row == json({{"seq", row.at("seq")},
                            {"hash", row.at("hash")},
                            {"version", version + 1},
                            {"registrationStatus", "ACTIVE"},
                            {"previousStatus", "ACTIVE"},
                            {"event", "RENAME"},
                            {"externalUserId", "clerk"},
                            {"account", "office"},
                            {"name", "Petra's \xC3\xA9 phone"},
                            {"timestampCreated", clock.now()}}));
    BOOST_TEST(history(alice.id)[1].at("name") == "Simulated phone"); // as of then
    fold();
    restart();
    BOOST_TEST(detail(alice.id) == now);
    BOOST_TEST(history(alice.id).back() == row);
    BOOST_TEST(alice.phone.validate(two_factors, right_pin));
}

BOOST_AUTO_TEST_CASE(a_blocked_registration_is_renamed_and_stays_blocked)
{
    BOOST_TEST(!alice.phone.validate(two_factors, wrong_pin));
    BOOST_TEST(change(R"({"change":"BLOCK","blockedReason":"LOST"})").status == 200U);
    BOOST_TEST(rename({{"name", "lost one"}}).body.at("registrationStatus") == "BLOCKED");
    BOOST_TEST(flags("POST", {{"flags", {"A"}}}).status == 200U);
    const json now = detail(alice.id);
    BOOST_TEST(now.at("registrationStatus") == "BLOCKED");
    BOOST_TEST(now.at("blockedReason") == "LOST");
    BOOST_TEST(now.at("failedAttempts") == 1);
    restart();
    BOOST_TEST(detail(alice.id) == now);
}

BOOST_AUTO_TEST_CASE(the_same_name_again_writes_nothing)
{
    BOOST_TEST(rename({{"name", "one"}}).status == 200U);
    const json before = detail(alice.id);
    const auto rows = history(alice.id).size();
    clock.advance(5);
    BOOST_TEST(rename({{"name", "one"}}).body == json({{"name", "one"}, {"registrationStatus", "ACTIVE"}}));
    BOOST_TEST(detail(alice.id) == before);
    BOOST_TEST(history(alice.id).size() == rows);
}

BOOST_AUTO_TEST_CASE(names_are_for_registrations_that_a_phone_holds)
{
    const auto waiting = create("bob", {{"name", "one"}});
    const auto early = office("PUT", "/v2/registrations/" + waiting.id + "/name", R"({"name":"one"})");
    BOOST_TEST(early.code() == "ERROR_REGISTRATION_CHANGE"); // even the name that it has
    BOOST_TEST(office("DELETE", path("")).status == 200U);
    BOOST_TEST(rename({{"name", "one"}}).code() == "ERROR_REGISTRATION_CHANGE");
    BOOST_TEST(history(alice.id).back().at("event") == "REMOVE");
}

BOOST_AUTO_TEST_CASE(bad_names_are_refused)
{
    std::string longest;
    for (int i = 0; i < 255; ++i)
        longest += "\xC3\xA9";
    BOOST_TEST(rename({{"name", longest}}).status == 200U);
    for (const json& body : {json::object(), json{{"name", ""}}, json{{"name", nullptr}}, json{{"name", 5}},
                             json{{"name", longest + "x"}}, json{{"name", "a\nb"}}})
        BOOST_TEST(complains_of(rename(body), "name"), body.dump());
    BOOST_TEST(complains_of(rename({{"name", "a"}, {"externalUserId", 5}}), "externalUserId"));
    BOOST_TEST(complains_of(office("PUT", path("/name"), ""), ""));
    BOOST_TEST(detail(alice.id).at("name") == longest);
}

BOOST_AUTO_TEST_CASE(flags_are_added_replaced_and_removed)
{
    BOOST_TEST(flags() == json::array());
    const auto check = [&](const answer& got, const json& expected) {
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        BOOST_TEST(got.body == json({{"flags", expected}}));
        BOOST_TEST(flags() == expected);
        BOOST_TEST(detail(alice.id).at("flags") == expected);
    };
    check(flags("POST", {{"flags", {"VIP", "A", "VIP"}}}), {"A", "VIP"});
    check(flags("POST", {{"flags", {"B"}}}), {"A", "B", "VIP"});
    check(flags("DELETE", {{"flags", {"A", "nothing"}}}), {"B", "VIP"});
    check(flags("PUT", {{"flags", {"Z", "C"}}}), {"C", "Z"});
    check(flags("POST", {{"flags", {"white space", "a&b"}}}), {"C", "Z", "a&b", "white space"});
    check(office("DELETE", path("/flags?flag=white+space&flag=a%26b")), {"C", "Z"});
    restart();
    check(flags("POST", {{"flags", {"D"}}}), {"C", "D", "Z"});
    check(flags("PUT", {{"flags", json::array()}}), json::array());
}

BOOST_AUTO_TEST_CASE(every_change_of_flags_has_its_row_and_nothing_else_has)
{
    const auto before = history(alice.id).size();
    BOOST_TEST(flags("POST", {{"flags", {"A", "B"}}, {"externalUserId", "clerk"}}).status == 200U);
    BOOST_TEST(flags("POST", {{"flags", {"A"}}}).status == 200U);
    BOOST_TEST(flags("POST", {{"flags", json::array()}}).status == 200U);
    BOOST_TEST(flags("PUT", {{"flags", {"B", "A"}}}).status == 200U);
    BOOST_TEST(flags("DELETE", {{"flags", {"X"}}}).status == 200U);
    BOOST_TEST(flags("PUT", {{"flags", json::array()}}).status == 200U);
    BOOST_TEST(rename({{"name", "one"}}).status == 200U);
    const auto rows = history(alice.id);
    BOOST_TEST_REQUIRE(rows.size() == before + 3);
    const json& first = rows[before];
    BOOST_TEST(first.at("event") == "CHANGE_FLAGS");
    BOOST_TEST(first.at("flags") == json({"A", "B"}));
    BOOST_TEST(first.at("externalUserId") == "clerk");
    BOOST_TEST(first.at("account") == "office");
    BOOST_TEST(first.at("name") == "Simulated phone");
    BOOST_TEST(first.at("registrationStatus") == first.at("previousStatus"));
    BOOST_TEST(rows[before + 1].at("flags") == json::array());
    BOOST_TEST(!rows[before + 2].contains("flags"));
    restart();
    BOOST_TEST(json(history(alice.id)) == json(rows));
}

BOOST_AUTO_TEST_CASE(flags_that_a_registration_began_with_are_known)
{
    const auto made = create("bob", {{"flags", {"B", "A"}}});
    const auto of_bob = "/v2/registrations/" + made.id + "/flags";
    BOOST_TEST(office("GET", of_bob).body.at("flags") == json({"A", "B"}));
    BOOST_TEST(office("POST", of_bob, R"({"flags":["C"]})").body.at("flags") == json({"A", "B", "C"}));
    auto it = phone();
    static_cast<void>(it.activate(made.qr_data, right_pin));
    BOOST_TEST(office("GET", of_bob).body.at("flags") == json({"A", "B", "C"}));
    BOOST_TEST(office("DELETE", of_bob + "?flag=A&externalUserId=clerk").body.at("flags") == json({"B", "C"}));
    BOOST_TEST(history(made.id).back().at("externalUserId") == "clerk");
}

BOOST_AUTO_TEST_CASE(flags_of_a_removed_registration_stay_as_they_are)
{
    BOOST_TEST(flags("POST", {{"flags", {"A"}}}).status == 200U);
    BOOST_TEST(office("DELETE", path("")).status == 200U);
    for (const char* method : {"POST", "PUT", "DELETE"})
        BOOST_TEST(flags(method, {{"flags", {"A"}}}).code() == "ERROR_REGISTRATION_CHANGE");
    BOOST_TEST(flags() == json({"A"}));
}

BOOST_AUTO_TEST_CASE(bad_flags_are_refused)
{
    std::vector<std::string> most;
    for (std::size_t i = 0; i < registry::flags_max; ++i)
        most.push_back("f" + std::to_string(100 + i));
    BOOST_TEST(flags("PUT", {{"flags", most}}).status == 200U);
    BOOST_TEST(flags("POST", {{"flags", {most[3]}}}).status == 200U);
    BOOST_TEST(complains_of(flags("POST", {{"flags", {"one more"}}}), "flags"));
    BOOST_TEST(flags().size() == registry::flags_max);
    for (const char* method : {"POST", "PUT", "DELETE"})
        for (const json& body : {json::object(), json{{"flags", nullptr}}, json{{"flags", "A"}}, json{{"flags", {""}}},
                                 json{{"flags", {5}}}, json{{"flags", {std::string(256, 'x')}}},
                                 json{{"flags", {"a\tb"}}}, json{{"flags", std::vector<std::string>(65, "A")}}})
            BOOST_TEST(complains_of(flags(method, body), "flags"), method << body.dump());
    BOOST_TEST(complains_of(office("DELETE", path("/flags")), "flag"));
    BOOST_TEST(complains_of(office("DELETE", path("/flags?flag=%ff")), "flag"));
    BOOST_TEST(complains_of(office("DELETE", path("/flags?flag=%zz")), ""));
    BOOST_TEST(complains_of(office("POST", path("/flags"), ""), ""));
    BOOST_TEST(complains_of(flags("POST", {{"flags", {"A"}}, {"externalUserId", 5}}), "externalUserId"));
    BOOST_TEST(flags().size() == registry::flags_max);
}

BOOST_AUTO_TEST_CASE(labels_of_foreign_registrations_look_like_those_of_unknown_ones)
{
    const std::tuple<const char*, const char*, const char*> calls[]{
        {"PUT", "/name", R"({"name":"x"})"},        {"GET", "/flags", ""},
        {"POST", "/flags", R"({"flags":["A"]})"},   {"PUT", "/flags", R"({"flags":["A"]})"},
        {"DELETE", "/flags", R"({"flags":["A"]})"}, {"DELETE", "/flags?flag=A", ""},
    };
    for (const auto& [method, rest, body] : calls) {
        const auto foreign = office(method, path(rest), body, "stranger");
        BOOST_TEST(foreign.code() == "ERROR_REGISTRATION_NOT_FOUND");
        for (const char* id : {nobodys_id, "x"})
            BOOST_TEST(office(method, std::string{"/v2/registrations/"} + id + rest, body, "stranger").text ==
                       foreign.text);
        BOOST_TEST(office(method, path(rest), body, {}).code() == "HTTP_401");
    }
    BOOST_TEST(history(alice.id).size() == 3U);
}

// --- together with everything else

BOOST_AUTO_TEST_CASE(edits_of_many_callers_at_once_are_all_on_the_disk)
{
    std::atomic<int> refused{0};
    on_threads(6, [&](unsigned who) {
        for (int i = 0; i < 4; ++i) {
            const auto flag = std::string(1, static_cast<char>('A' + who)) + std::to_string(i);
            const auto body = json{{"flags", {flag}}}.dump();
            const auto req = who == 5 ? office_request("PUT", path("/name"), json{{"name", flag}}.dump())
                                      : office_request("POST", path("/flags"), body);
            refused += call_alone(handlers::side::office, req).status == 200 ? 0 : 1;
        }
    });
    BOOST_TEST(refused == 0);
    BOOST_TEST(flags().size() == 20U);
    BOOST_TEST(detail(alice.id).at("name") == "F3");
    const auto now = detail(alice.id);
    const auto rows = history(alice.id);
    BOOST_TEST(rows.size() == 3U + 24U);
    // Every row tells what the one before it told, and one flag more.
    std::size_t count = 0;
    for (const json& row : rows)
        if (row.at("event") == "CHANGE_FLAGS")
            BOOST_TEST(row.at("flags").size() == ++count);
    restart();
    BOOST_TEST(detail(alice.id) == now);
}

// (4)
BOOST_AUTO_TEST_CASE(no_label_is_told_before_it_is_on_the_disk)
{
    static_cast<void>(flags());
    writer_gate gate{writer()};
    const auto ask = [&](std::string_view method, std::string_view rest, std::string_view body) {
        return start(handlers::side::office, office_request(method, path(rest), body));
    };
    const auto added = ask("POST", "/flags", R"({"flags":["A"]})");
    const auto again = ask("POST", "/flags", R"({"flags":["A"]})"); // changes nothing, but tells of the first
    const auto named = ask("PUT", "/name", R"({"name":"one"})");
    const auto removed = ask("DELETE", "", "");
    const auto late = ask("POST", "/flags", R"({"flags":["B"]})"); // tells of the removal
    poll();
    for (const auto& each : {added, again, named, removed, late})
        BOOST_TEST(!each->done.has_value());
    gate.open();
    run();
    BOOST_TEST(added->done->body.at("flags") == json({"A"}));
    BOOST_TEST(again->done->body.at("flags") == json({"A"}));
    BOOST_TEST(named->done->body.at("name") == "one");
    BOOST_TEST(removed->done->status == 200U);
    BOOST_TEST(late->done->code() == "ERROR_REGISTRATION_CHANGE");
    BOOST_TEST(flags() == json({"A"}));
}

// --- verdicts that require flags

BOOST_AUTO_TEST_CASE(a_right_signature_without_the_required_flags_is_told_as_not_valid_and_why)
{
    BOOST_TEST(flags("POST", {{"flags", {"B", "C"}}}).status == 200U);
    BOOST_TEST(!alice.phone.validate(two_factors, wrong_pin));
    const auto position = [&] {
        return handlers::find_slot(services(), *registry::uuid::parse(alice.id))->load().position();
    };
    const auto before = position();
    const auto got = verify(right_pin, {{"requiredFlags", {"D", "B", "A"}}});
    BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    BOOST_TEST(got.body.at("signatureValid") == false);
    BOOST_TEST(got.body.at("missingFlags") == json({"A", "D"}));
    BOOST_TEST(got.body.at("flags") == json({"B", "C"}));
    // The phone has done nothing wrong: its counter goes on, and what failed before is forgotten.
    BOOST_TEST(got.body.at("remainingAttempts") == 5);
    BOOST_TEST(position() > before);
    const json attempt = office("GET", path("/attempts")).body.at("items").at(0);
    BOOST_TEST(attempt.at("result") == "SUCCESS");

    for (const json& required : {json::array(), json({"B"}), json({"C", "B"}), json(nullptr)}) {
        const auto valid = verify(right_pin, {{"requiredFlags", required}}).body;
        BOOST_TEST(valid.at("signatureValid") == true);
        BOOST_TEST(!valid.contains("missingFlags"));
    }
}

BOOST_AUTO_TEST_CASE(a_wrong_signature_is_told_as_wrong_whatever_is_required)
{
    const auto got = verify(wrong_pin, {{"requiredFlags", {"A"}}}).body;
    BOOST_TEST(got.at("signatureValid") == false);
    BOOST_TEST(!got.contains("missingFlags"));
    BOOST_TEST(got.at("remainingAttempts") == 4);
    BOOST_TEST(complains_of(verify(right_pin, {{"requiredFlags", "A"}}), "requiredFlags"));
    BOOST_TEST(complains_of(verify(right_pin, {{"requiredFlags", {""}}}), "requiredFlags"));
    BOOST_TEST(failed() == 1);
}

BOOST_AUTO_TEST_CASE(verdicts_without_a_network_require_flags_too)
{
    const auto ask = [&](const json& required) {
        const auto nonce = crypto::to_base64(crypto::bytes(16, 1));
        const auto digits =
            alice.phone.offline_signature("/operation/authorize/offline", "x", nonce, two_factors, right_pin);
        const json body{{"registrationId", alice.id},
                        {"signature", digits},
                        {"nonce", nonce},
                        {"body", "x"},
                        {"requiredFlags", required}};
        return office("POST", "/v2/signature/offline/verify", body.dump());
    };
    BOOST_TEST(ask({"A"}).body.at("signatureValid") == false);
    BOOST_TEST(ask({"A"}).body.at("missingFlags") == json({"A"}));
    BOOST_TEST(failed() == 0);
    BOOST_TEST(flags("POST", {{"flags", {"A"}}}).status == 200U);
    BOOST_TEST(ask({"A"}).body.at("signatureValid") == true);
    BOOST_TEST(complains_of(ask("A"), "requiredFlags"));
}

BOOST_AUTO_TEST_SUITE_END()
