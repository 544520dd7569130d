// Encrypted requests in both scopes, sealed by the simulated phone and opened step by step as an endpoint does it: whom
// they may name, which key opens them, that each is accepted once, and what refusing them costs.

#include "crypto/encoding.hpp"
#include "handlers/encrypted_request.hpp"
#include "handlers/proof_check.hpp"
#include "tests/support.hpp"

namespace {

using namespace doorward;
using namespace doorward::tests;
using bench::encryption_scope;
using bench::protocol_version;
using bench::wire_style;
using handlers::device_problem;
using handlers::encrypted_request;
using registry::errc;
using registry::uuid;

namespace use = registry::envelope_use;

constexpr auto pk = bench::signature_type::possession_knowledge;
constexpr auto failure = device_problem::activation_invalid;
constexpr registry::factors any_factors[]{registry::factors::possession, registry::factors::possession_knowledge};

constexpr protocol_version versions_with_time[]{protocol_version::v3_2, protocol_version::v3_3};

// A request that a phone made, as a handler sees it.
struct received {
    explicit received(const bench::http_request& from)
    {
        parts.method = from.method;
        parts.target = from.path;
        parts.body = from.body;
        for (const auto& [name, value] : from.headers) {
            if (name == "X-PowerAuth-Authorization")
                parts.power_auth_authorization = value;
            if (name == "X-PowerAuth-Encryption")
                parts.power_auth_encryption = value;
        }
    }
    [[nodiscard]] handlers::request view() const { return parts.view(); }

    owned_request parts;
};

struct encrypted_world : scratch_world {
    struct opened {
        encrypted_request request;
        registry::opened_envelope envelope;
    };

    // As far as open(). errors  as an endpoint would be told them
    kv::result<opened> open(const received& what, std::string_view purpose = use::activation,
                            handlers::encryption_scope scope = handlers::encryption_scope::activation)
    {
        const auto asked = handlers::parameters_of(what.view());
        if (!asked)
            return errc::envelope_malformed;
        auto found = encrypted_request::find(services(), *asked, scope);
        if (!found)
            return found.error();
        const auto envelope = handlers::receive_envelope(what.parts.body, found->version());
        if (!envelope)
            return envelope.error();
        auto plain = found->open(services(), *envelope, purpose);
        if (!plain)
            return plain.error();
        return opened{*std::move(found), *std::move(plain)};
    }

    kv::error_code why(const received& what, std::string_view purpose = use::activation)
    {
        const auto got = open(what, purpose);
        return got ? kv::error_code{} : got.error();
    }

    // Opened and remembered.
    kv::error_code accept(const received& what)
    {
        const auto got = open(what);
        return got ? finish(handlers::remember(services(), got->request)) : got.error();
    }

    answer refuse(const received& what, errc reason, const registry::source_address& from = {})
    {
        auto req = what.view();
        req.source = from;
        const auto got =
            handlers::refuse_encrypted(services(), req, handlers::parameters_of(req), make_error_code(reason), failure);
        answer out{got.status, got.body, json::parse(got.body), {}, got.ends_connection};
        return out;
    }

    void set_supported(const std::string& key, bool supported)
    {
        const auto got = office("PUT", "/admin/applications/app/versions/" + bench::encode_parameter(key),
                                json{{"supported", supported}}.dump(), "admin");
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    }

    void set_lowest(const char* version)
    {
        const auto got = office("PATCH", "/admin/applications/app", json{{"lowestVersion", version}}.dump(), "admin");
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    }
};

std::string replaced(std::string text, std::string_view what, std::string_view by)
{
    const auto at = text.find(what);
    BOOST_TEST_REQUIRE((at != std::string::npos), what << " is not in " << text);
    return text.replace(at, what.size(), by);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(encrypted_requests, encrypted_world)

BOOST_AUTO_TEST_CASE(a_registration_is_understood_in_every_version_and_dialect)
{
    for (const auto version : all_versions)
        for (const auto style : {wire_style::android, wire_style::ios})
            BOOST_TEST_CONTEXT(bench::rules_of(version).name << (style == wire_style::ios ? ", ios" : ""))
            {
                auto it = enrol(*this, json::object(), version);
                auto phone_ = phone(it.phone.state(), style);
                auto asking = phone_.prepare_user_info();
                const received sent{asking.request};
                auto got = open(sent);
                BOOST_TEST_REQUIRE(got.has_value());
                BOOST_TEST(crypto::as_text(got->envelope.plaintext()) == "{}");
                BOOST_TEST(got->request.registration().record.id.text() == it.id);
                BOOST_TEST(got->request.application().id == "app");
                BOOST_TEST(got->request.seen().marks.size() == 1U);

                const auto answered = handlers::sealed_answer(services(), got->envelope, R"({"a":1})");
                BOOST_TEST(bench::device::finish_exchange(asking, {200, answered.body, {}}) == R"({"a":1})");
            }
}

// Of a request that is signed as well there is no other header.
BOOST_AUTO_TEST_CASE(the_header_of_a_signature_names_the_same_things)
{
    for (const auto version : all_versions)
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            auto it = enrol(*this, json::object(), version);
            const received sent{it.phone.prepare_token(pk, right_pin).request};
            BOOST_TEST(sent.parts.power_auth_encryption.empty());
            BOOST_TEST(!why(sent, use::token_create));
            BOOST_TEST((why(sent, use::activation) == errc::envelope_not_genuine));
            BOOST_TEST((why(sent, use::vault_unlock) == errc::envelope_not_genuine));
        }
}

BOOST_AUTO_TEST_CASE(a_signature_rules_over_an_encryption_header_beside_it)
{
    auto it = enrol(*this);
    received sent{it.phone.prepare_user_info().request};
    sent.parts.power_auth_authorization = "PowerAuth";
    BOOST_TEST(!handlers::parameters_of(sent.view()).has_value());
    sent.parts.power_auth_authorization = it.phone.sign("POST", "/x", "", pk, right_pin);
    const auto asked = handlers::parameters_of(sent.view());
    BOOST_TEST_REQUIRE(asked.has_value());
    BOOST_TEST(asked->activation_id->text() == it.id);
    sent.parts.power_auth_authorization.clear();
    sent.parts.power_auth_encryption.clear();
    BOOST_TEST(!handlers::parameters_of(sent.view()).has_value());
}

BOOST_AUTO_TEST_CASE(a_scope_has_exactly_the_members_that_belong_to_it)
{
    auto it = enrol(*this);
    const received in_activation{it.phone.prepare_user_info().request};
    BOOST_TEST((open(in_activation, use::activation, handlers::encryption_scope::application).error() ==
                errc::envelope_malformed));
    auto newcomer = phone();
    const received in_application{newcomer.prepare_activation(create().code, right_pin).request};
    BOOST_TEST((open(in_application, use::application).error() == errc::envelope_malformed));
    BOOST_TEST(open(in_application, use::application, handlers::encryption_scope::application).has_value());
}

// The envelope is opened all the same, under a key that it was not sealed to.
BOOST_AUTO_TEST_CASE(who_is_not_there_or_elsewhere_is_like_one_whose_envelope_is_not_genuine)
{
    auto it = enrol(*this, json::object(), protocol_version::v3_2);
    const received good{it.phone.prepare_user_info().request};
    const auto unused = create();
    const auto with = [&](std::string_view what, std::string_view by) {
        received changed = good;
        changed.parts.power_auth_encryption = replaced(good.parts.power_auth_encryption, what, by);
        return why(changed);
    };
    const auto app = application();
    BOOST_TEST((with(app.key(), "AAAAAAAAAAAAAAAAAAAAAA==") == errc::unknown_application));
    BOOST_TEST((with(app.key(), application("other").key()) == errc::envelope_not_genuine));
    BOOST_TEST((with(it.id, uuid::random().text()) == errc::envelope_not_genuine));
    BOOST_TEST((with(it.id, unused.id) == errc::envelope_not_genuine)); // CREATED: it has no keys yet
    set_supported(app.key(), false);
    BOOST_TEST((why(good) == errc::unknown_application));
    set_supported(app.key(), true);
    BOOST_TEST(!why(good));
}

BOOST_AUTO_TEST_CASE(a_version_below_the_lowest_is_not_taken)
{
    for (const auto version : all_versions) {
        auto it = enrol(*this, json::object(), version);
        const received sent{it.phone.prepare_user_info().request};
        for (const auto lowest : all_versions)
            BOOST_TEST_CONTEXT(bench::rules_of(version).name << " where " << bench::rules_of(lowest).name)
            {
                set_lowest(bench::rules_of(lowest).name.data());
                BOOST_TEST((why(sent) == errc::unknown_application) == (version < lowest));
            }
        set_lowest("3.0");
    }
}

BOOST_AUTO_TEST_CASE(only_an_active_registration_is_served_and_only_its_phone_learns_why)
{
    for (const auto version : all_versions)
        for (const char* change : {"PENDING_COMMIT", "BLOCKED", "REMOVED"})
            BOOST_TEST_CONTEXT(bench::rules_of(version).name << ' ' << change)
            {
                const auto made = create();
                auto phone_ = phone(version);
                static_cast<void>(phone_.activate(made.code, right_pin));
                const auto path = "/v2/registrations/" + made.id;
                if (std::string_view{change} != "PENDING_COMMIT") {
                    BOOST_TEST_REQUIRE(office("POST", path + "/commit", "{}").status == 200U);
                } else if (version == protocol_version::v3_3) {
                    continue; // no temporary key is given to it
                }
                const received sent{phone_.prepare_user_info().request};
                if (std::string_view{change} == "BLOCKED")
                    BOOST_TEST_REQUIRE(office("PUT", path, R"({"change":"BLOCK"})").status == 200U);
                if (std::string_view{change} == "REMOVED")
                    BOOST_TEST_REQUIRE(office("DELETE", path).status == 200U);
                BOOST_TEST_REQUIRE(status(made.id) == change);
                BOOST_TEST((why(sent) == errc::illegal_change));
                BOOST_TEST((why(sent, use::vault_unlock) == errc::envelope_not_genuine));
            }
}

// --- recipient keys

BOOST_AUTO_TEST_CASE(a_temporary_key_serves_its_application_version_and_its_registration_only)
{
    auto it = enrol(*this);
    auto other = enrol(*this);
    const auto own = it.phone.fetch_temporary_key(encryption_scope::activation);
    const auto of_application = it.phone.fetch_temporary_key(encryption_scope::application);
    const auto of_other = other.phone.fetch_temporary_key(encryption_scope::activation);
    auto invented = own;
    invented.id = uuid::random().text();
    const auto with = [&](const bench::temporary_key& key) {
        it.phone.use_temporary_key(encryption_scope::activation, key);
        return why(received{it.phone.prepare_user_info().request});
    };
    BOOST_TEST(!with(own));
    BOOST_TEST((with(of_application) == errc::unknown_temporary_key));
    BOOST_TEST((with(of_other) == errc::unknown_temporary_key));
    BOOST_TEST((with(invented) == errc::unknown_temporary_key));
    BOOST_TEST(!with(own));
    // And the other way round: a registration's key is none of the application.
    auto newcomer = phone();
    newcomer.use_temporary_key(encryption_scope::application, own);
    const received enrolment{newcomer.prepare_activation(create().code, right_pin).request};
    BOOST_TEST((open(enrolment, use::application, handlers::encryption_scope::application).error() ==
                errc::unknown_temporary_key));
}

BOOST_AUTO_TEST_CASE(a_temporary_key_ends_at_its_very_time_swept_or_not)
{
    auto it = enrol(*this);
    auto key = it.phone.fetch_temporary_key(encryption_scope::activation);
    key.expires_ms += 3'600'000; // as a phone that does not look at the clock
    it.phone.use_temporary_key(encryption_scope::activation, key);
    clock.advance(registry::temporary_key_life_ms - 1);
    const received sent{it.phone.prepare_user_info().request};
    BOOST_TEST(!why(sent));
    clock.advance(1);
    BOOST_TEST((why(sent) == errc::unknown_temporary_key));
    static_cast<void>(sweep());
    BOOST_TEST((why(sent) == errc::unknown_temporary_key));
    auto fresh = phone(it.phone.state());
    BOOST_TEST(!why(received{fresh.prepare_user_info().request}));
}

BOOST_AUTO_TEST_CASE(temporary_keys_survive_a_restart)
{
    auto it = enrol(*this);
    const received sent{it.phone.prepare_user_info().request};
    restart();
    BOOST_TEST(!why(sent));
}

BOOST_AUTO_TEST_CASE(both_envelopes_of_a_request_name_the_same_key)
{
    auto it = enrol(*this);
    const auto envelope_of = [](const received& what) {
        return handlers::receive_envelope(what.parts.body, registry::protocol_version::v3_3).value();
    };
    const received first{it.phone.prepare_user_info().request};
    const received second{it.phone.prepare_user_info().request};
    static_cast<void>(it.phone.fetch_temporary_key(encryption_scope::activation));
    const received third{it.phone.prepare_user_info().request};
    auto found = encrypted_request::find(services(), *handlers::parameters_of(first.view()),
                                         handlers::encryption_scope::activation);
    BOOST_TEST_REQUIRE(found.has_value());
    BOOST_TEST(found->open(services(), envelope_of(first), use::activation).has_value());
    BOOST_TEST((found->open(services(), envelope_of(third), use::activation).error() == errc::unknown_temporary_key));
    BOOST_TEST(found->open(services(), envelope_of(second), use::activation).has_value());
    BOOST_TEST(found->seen().marks.size() == 2U);
}

BOOST_AUTO_TEST_CASE(an_envelope_for_another_registration_does_not_open)
{
    for (const auto version : all_versions)
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            auto it = enrol(*this, json::object(), version);
            auto other = enrol(*this, json::object(), version);
            received sent{it.phone.prepare_user_info().request};
            sent.parts.power_auth_encryption = replaced(sent.parts.power_auth_encryption, it.id, other.id);
            const auto expected =
                version == protocol_version::v3_3 ? errc::unknown_temporary_key : errc::envelope_not_genuine;
            BOOST_TEST((why(sent) == expected));
        }
}

// --- form and time

BOOST_AUTO_TEST_CASE(each_version_takes_its_own_form_only)
{
    for (const auto version : all_versions) {
        auto it = enrol(*this, json::object(), version);
        const received sent{it.phone.prepare_user_info().request};
        for (const auto claimed : all_versions)
            BOOST_TEST_CONTEXT(bench::rules_of(version).name << " claimed as " << bench::rules_of(claimed).name)
            {
                received changed = sent;
                changed.parts.power_auth_encryption = replaced(
                    sent.parts.power_auth_encryption, "version=\"" + std::string{bench::rules_of(version).name} + '"',
                    "version=\"" + std::string{bench::rules_of(claimed).name} + '"');
                BOOST_TEST((why(changed) == errc::envelope_malformed) == (claimed != version));
            }
    }
}

BOOST_AUTO_TEST_CASE(the_clock_of_a_phone_may_be_a_minute_off)
{
    for (const auto version : versions_with_time)
        for (const std::int64_t off : {-60'001, -60'000, 60'000, 60'001})
            BOOST_TEST_CONTEXT(bench::rules_of(version).name << " off by " << off)
            {
                auto it = enrol(*this, json::object(), version);
                if (version == protocol_version::v3_3)
                    static_cast<void>(it.phone.fetch_temporary_key(encryption_scope::activation));
                it.phone.take_time_from([this, off] { return clock.now() + off; });
                const received sent{it.phone.prepare_user_info().request};
                const bool fits = off >= -60'000 && off <= 60'000;
                BOOST_TEST((why(sent) == errc::envelope_out_of_time) == !fits);
            }
}

// --- once only

BOOST_AUTO_TEST_CASE(an_envelope_is_accepted_once_in_every_version)
{
    for (const auto version : all_versions)
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            auto it = enrol(*this, json::object(), version);
            const received sent{it.phone.prepare_user_info().request};
            BOOST_TEST(!accept(sent));
            BOOST_TEST((accept(sent) == errc::envelope_replayed));
            restart();
            BOOST_TEST((accept(sent) == errc::envelope_replayed));
            BOOST_TEST(!accept(received{it.phone.prepare_user_info().request}));
        }
}

BOOST_AUTO_TEST_CASE(it_is_remembered_for_as_long_as_its_time_would_be_accepted)
{
    for (const auto version : versions_with_time)
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            auto it = enrol(*this, json::object(), version);
            if (version == protocol_version::v3_3)
                static_cast<void>(it.phone.fetch_temporary_key(encryption_scope::activation));
            it.phone.take_time_from([this] { return clock.now() + 60'000; }); // ahead as far as it may be
            const received sent{it.phone.prepare_user_info().request};
            BOOST_TEST(!accept(sent));
            clock.advance(120'000); // now it is behind as far as it may be
            static_cast<void>(sweep());
            BOOST_TEST((accept(sent) == errc::envelope_replayed));
            clock.advance(1);
            BOOST_TEST((accept(sent) == errc::envelope_out_of_time));
        }
}

BOOST_AUTO_TEST_CASE(without_a_time_it_is_remembered_for_two_hours_whatever_its_nonce)
{
    for (const auto version : {protocol_version::v3_0, protocol_version::v3_1})
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            auto it = enrol(*this, json::object(), version);
            const received sent{it.phone.prepare_user_info().request};
            BOOST_TEST(!accept(sent));
            if (version == protocol_version::v3_1) {
                // The MAC does not cover the nonce, so anybody can put another one in.
                auto body = json::parse(sent.parts.body);
                body["nonce"] = "AAAAAAAAAAAAAAAAAAAAAA==";
                received changed = sent;
                changed.parts.body = body.dump();
                const auto got = accept(changed);
                BOOST_TEST((got == errc::envelope_replayed || got == errc::envelope_not_genuine));
            }
            clock.advance(registry::envelope_memory_ms - 1);
            static_cast<void>(sweep());
            BOOST_TEST((accept(sent) == errc::envelope_replayed));
            clock.advance(1);
            static_cast<void>(sweep());
            BOOST_TEST(!accept(sent));
        }
}

// Otherwise whoever saw an envelope pass by could spoil it before it arrives.
BOOST_AUTO_TEST_CASE(what_is_not_genuine_leaves_no_mark)
{
    auto it = enrol(*this, json::object(), protocol_version::v3_2);
    const received sent{it.phone.prepare_user_info().request};
    auto body = json::parse(sent.parts.body);
    body["mac"] = crypto::to_base64(crypto::byte_array<32>{});
    received spoiled = sent;
    spoiled.parts.body = body.dump();
    BOOST_TEST((accept(spoiled) == errc::envelope_not_genuine));
    BOOST_TEST(!accept(sent));
}

BOOST_AUTO_TEST_CASE(an_id_in_upper_case_names_the_same_registration_and_makes_no_other_envelope)
{
    for (const auto version : {protocol_version::v3_1, protocol_version::v3_2})
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            auto it = enrol(*this, json::object(), version);
            const received sent{it.phone.prepare_user_info().request};
            std::string upper = it.id;
            for (char& c : upper)
                c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
            received changed = sent;
            changed.parts.power_auth_encryption = replaced(sent.parts.power_auth_encryption, it.id, upper);
            BOOST_TEST(!accept(changed));
            BOOST_TEST((accept(sent) == errc::envelope_replayed));
        }
}

BOOST_AUTO_TEST_CASE(of_many_at_once_one_is_remembered)
{
    auto it = enrol(*this);
    const received sent{it.phone.prepare_user_info().request};
    auto first = open(sent);
    auto second = open(sent);
    BOOST_TEST_REQUIRE((first.has_value() && second.has_value())); // neither is in the store yet
    std::optional<kv::error_code> one;
    std::optional<kv::error_code> two;
    {
        writer_gate gate{writer()};
        spawn(handlers::remember(services(), first->request), one);
        spawn(handlers::remember(services(), second->request), two);
        poll(); // both have looked, and found nothing
        gate.open();
        run();
    }
    BOOST_TEST_REQUIRE((one.has_value() && two.has_value()));
    BOOST_TEST(!*one);
    BOOST_TEST((*two == errc::envelope_replayed));
}

// --- signed as well

namespace {

// As an application's own endpoint that takes what is signed and then encrypted.
handlers::task<kv::error_code> serve_signed(encrypted_world& world, const received& sent, handlers::judged_proof& proof)
{
    auto& svc = world.services();
    auto opened = world.open(sent);
    if (!opened)
        co_return opened.error();
    if (const auto ec = co_await handlers::remember(svc, opened->request))
        co_return ec;
    const handlers::signed_request signed_part{
        .header = sent.parts.power_auth_authorization,
        .method = "POST",
        .uri_id = "/transfer",
        .body = opened->envelope.plaintext(),
        .allowed = any_factors,
        .source = {},
    };
    proof = co_await handlers::judge(svc, signed_part);
    const auto ec = co_await handlers::settle(svc, proof);
    co_return ec;
}

} // namespace

BOOST_AUTO_TEST_CASE(signed_then_encrypted_is_judged_by_its_plaintext_and_counts_once)
{
    for (const auto version : all_versions)
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            auto it = enrol(*this, json::object(), version);
            const auto send = [&](const received& sent) {
                handlers::judged_proof proof;
                const auto ec = finish(serve_signed(*this, sent, proof));
                return std::pair{ec, proof.accepted()};
            };
            const auto make = [&](std::string_view pin, std::string_view uri_id = "/transfer") {
                return received{
                    it.phone.prepare_signed_then_encrypted("/api/transfer", uri_id, R"({"to":"b=/"})", pk, pin)
                        .request};
            };
            const auto right = make(right_pin);
            BOOST_TEST((send(right) == std::pair{kv::error_code{}, true}));
            BOOST_TEST((send(right).first == errc::envelope_replayed));
            const auto wrong = make(wrong_pin);
            BOOST_TEST((send(wrong) == std::pair{kv::error_code{}, false}));
            BOOST_TEST((send(wrong).first == errc::envelope_replayed));
            BOOST_TEST(detail(it.id).at("failedAttempts") == 1);
            BOOST_TEST((send(make(right_pin, "/other")) == std::pair{kv::error_code{}, false}));
            BOOST_TEST((send(make(right_pin)) == std::pair{kv::error_code{}, true}));
        }
}

// --- what refusing costs

BOOST_AUTO_TEST_CASE(every_reason_has_the_answer_of_the_endpoint)
{
    auto it = enrol(*this);
    const received sent{it.phone.prepare_user_info().request};
    for (const auto reason : {errc::unknown_application, errc::registration_not_found, errc::envelope_malformed,
                              errc::envelope_out_of_time, errc::unknown_temporary_key, errc::envelope_not_genuine,
                              errc::envelope_replayed, errc::illegal_change, errc::code_not_found}) {
        const auto got = refuse(sent, reason);
        BOOST_TEST(got.status == 400U);
        BOOST_TEST(got.message() == "POWER_AUTH_ACTIVATION_INVALID");
    }
    const auto req = sent.view();
    const auto refused_by_store = [&](kv::errc what) {
        return handlers::refuse_encrypted(services(), req, handlers::parameters_of(req), make_error_code(what), failure)
            .status;
    };
    BOOST_TEST(refused_by_store(kv::errc::storage_full) == 507U);
    BOOST_TEST(refused_by_store(kv::errc::queue_full) == 503U);
    BOOST_TEST(refused_by_store(kv::errc::closing) == 503U);
}

BOOST_AUTO_TEST_CASE(noise_has_the_budget_of_its_registration_and_of_its_address)
{
    constexpr unsigned limit = registry::unproven_per_minute_default;
    constexpr unsigned address_limit = limit * registry::unproven_address_factor;
    auto it = enrol(*this);
    received sent{it.phone.prepare_user_info().request};
    const auto somewhere = v4(192, 0, 2, 1);
    for (unsigned i = 0; i < limit; ++i)
        BOOST_TEST(refuse(sent, errc::envelope_not_genuine, somewhere).status == 400U);
    const auto over = refuse(sent, errc::envelope_not_genuine, somewhere);
    BOOST_TEST(over.status == 429U);
    BOOST_TEST(over.code() == "ERROR_RATE_LIMITED");
    BOOST_TEST(over.ends_connection);
    BOOST_TEST(refuse(sent, errc::envelope_replayed, v4(192, 0, 2, 2)).status == 429U);
    BOOST_TEST(refuse(sent, errc::illegal_change, somewhere).status == 400U); // its own phone, blocked

    // Others at that address, whatever they name, until it has no room either.
    unsigned answered = limit;
    for (unsigned i = limit; i < address_limit + 5; ++i) {
        received other = sent;
        other.parts.power_auth_encryption = replaced(sent.parts.power_auth_encryption, it.id, uuid::random().text());
        answered += refuse(other, errc::registration_not_found, somewhere).status == 400U ? 1U : 0U;
    }
    BOOST_TEST(answered == address_limit);
    received nothing = sent;
    nothing.parts.power_auth_encryption.clear();
    BOOST_TEST(refuse(nothing, errc::envelope_malformed, somewhere).status == 429U);
    BOOST_TEST(refuse(nothing, errc::envelope_malformed, v4(192, 0, 2, 2)).status == 400U);
    clock.advance(60'000);
    BOOST_TEST(refuse(sent, errc::envelope_not_genuine, somewhere).status == 400U);
}

BOOST_AUTO_TEST_CASE(noise_is_counted_for_the_audit_of_whom_it_names)
{
    auto it = enrol(*this);
    const received sent{it.phone.prepare_user_info().request};
    static_cast<void>(services().noise_counts.take_summaries());
    static_cast<void>(refuse(sent, errc::envelope_not_genuine));
    static_cast<void>(refuse(sent, errc::illegal_change));
    const auto number =
        env().view([&](const kv::read_txn& txn) { return registry::find_number(txn, *uuid::parse(it.id)); });
    const auto counts = services().noise_counts.take_summaries();
    BOOST_TEST_REQUIRE(counts.size() == 1U);
    BOOST_TEST(counts[0].number == number.value());
    BOOST_TEST(counts[0].count == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
