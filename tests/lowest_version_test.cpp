// The lowest protocol version that an application accepts, at every endpoint that is told one; and what refusing it
// must not do.

#include "crypto/encoding.hpp"
#include "handlers/slots.hpp"
#include "tests/support.hpp"

namespace {

using namespace doorward;
using namespace doorward::tests;
using version = bench::protocol_version;

constexpr auto two_factors = bench::signature_type::possession_knowledge;

std::string name_of(version of)
{
    return std::string{bench::rules_of(of).name};
}

struct versions_world : scratch_world {
    void accept_from(version lowest, const json& more = json::object())
    {
        json body{{"lowestVersion", name_of(lowest)}};
        body.update(more);
        const auto got = office("PATCH", "/admin/applications/app", body.dump(), "admin");
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    }
    // The same phone, its app of another age.
    bench::device speaking(const bench::device& of, version as)
    {
        auto state = of.state();
        state.version = as;
        return phone(std::move(state));
    }
    int validate(bench::device& of, std::string_view pin = right_pin)
    {
        return device(of.make_validate_request(two_factors, pin)).status;
    }
    // What a refusal must leave alone: failed attempts and counter position are in it.
    std::uint64_t word(const std::string& id)
    {
        return find_slot(services(), *registry::uuid::parse(id))->load().bits();
    }

    registry::directory::known_version app_version() { return services().directory.find_version(application().key()); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(lowest_version, versions_world)

BOOST_AUTO_TEST_CASE(a_version_is_accepted_from_the_lowest_on)
{
    using registry::protocol_version;
    constexpr protocol_version all[]{protocol_version::v3_0, protocol_version::v3_1, protocol_version::v3_2,
                                     protocol_version::v3_3};
    for (std::size_t lowest = 0; lowest < std::size(all); ++lowest) {
        accept_from(all_versions[lowest]);
        for (std::size_t spoken = 0; spoken < std::size(all); ++spoken)
            BOOST_TEST(registry::accepts(app_version(), all[spoken]) == (spoken >= lowest));
    }
    BOOST_TEST(!registry::accepts(registry::directory::known_version{}, protocol_version::v3_3));
    auto change = registry::support_application_version{"app", application().key(), false};
    BOOST_TEST_REQUIRE(!commit(std::move(change)));
    services().directory.reload();
    BOOST_TEST(!registry::accepts(app_version(), protocol_version::v3_3));
}

BOOST_AUTO_TEST_CASE(signatures_are_accepted_from_the_lowest_version_on)
{
    for (const auto spoken : all_versions)
        for (const auto lowest : all_versions)
            BOOST_TEST_CONTEXT(name_of(spoken) << " where " << name_of(lowest) << " is the lowest")
            {
                accept_from(version::v3_0);
                auto it = enrol(*this, json::object(), spoken);
                accept_from(lowest);
                const bool accepted = spoken >= lowest;
                const auto before = word(it.id);
                BOOST_TEST(validate(it.phone) == (accepted ? 200 : 401));
                BOOST_TEST((word(it.id) == before) == !accepted);
                const auto removal = device(it.phone.make_remove_request(two_factors, right_pin));
                BOOST_TEST(removal.status == (accepted ? 200 : 401));
                BOOST_TEST(status(it.id) == (accepted ? "REMOVED" : "ACTIVE"));
            }
}

BOOST_AUTO_TEST_CASE(a_back_office_is_told_that_such_a_signature_is_not_valid)
{
    auto it = enrol(*this, json::object(), version::v3_1);
    accept_from(version::v3_2);
    const auto before = word(it.id);
    const auto req = it.phone.make_validate_request(two_factors, right_pin);
    const json body{{"method", "POST"},
                    {"uriId", "/pa/signature/validate"},
                    {"requestBody", crypto::to_base64(crypto::as_bytes(req.body))},
                    {"authHeader", req.headers.back().second}};
    const auto got = office("POST", "/v2/signature/verify", body.dump());
    BOOST_TEST(got.status == 200U, got.text);
    BOOST_TEST(got.body.at("signatureValid") == false);
    BOOST_TEST(got.body.at("registrationStatus") == "ACTIVE");
    BOOST_TEST(got.body.at("remainingAttempts") == 5);
    BOOST_TEST(word(it.id) == before);
    accept_from(version::v3_1);
    BOOST_TEST(office("POST", "/v2/signature/verify", body.dump()).body.at("signatureValid") == true);
}

BOOST_AUTO_TEST_CASE(registering_needs_the_lowest_version_and_a_refusal_uses_nothing_up)
{
    for (const auto spoken : all_versions)
        for (const auto lowest : all_versions)
            BOOST_TEST_CONTEXT(name_of(spoken) << " where " << name_of(lowest) << " is the lowest")
            {
                const auto made = create("alice", {{"otp", "12345"}, {"commitPhase", "ON_KEY_EXCHANGE"}});
                auto it = phone(spoken);
                bench::activation_details details;
                details.otp = "wrong";
                accept_from(lowest);
                if (spoken >= lowest) {
                    details.otp = "12345";
                    static_cast<void>(it.activate(made.qr_data, right_pin, details));
                    BOOST_TEST(status(made.id) == "ACTIVE");
                    continue;
                }
                const auto wrong = it.prepare_activation(made.qr_data, right_pin, details);
                details.otp = "12345";
                const auto right = it.prepare_activation(made.qr_data, right_pin, details);
                for (int i = 0; i < 10; ++i) { // more than a one-time password may be wrong
                    const auto got = device(wrong.request);
                    BOOST_TEST(got.status == 400);
                    BOOST_TEST(json::parse(got.body).at("responseObject").at("code") == "ERR_ACTIVATION");
                    BOOST_TEST(device(right.request).status == 400);
                }
                BOOST_TEST(status(made.id) == "CREATED");
                BOOST_TEST(detail(made.id).at("failedAttempts") == 0);
                // The very same envelopes were not remembered either.
                accept_from(version::v3_0);
                BOOST_TEST(device(right.request).status == 200);
                BOOST_TEST(status(made.id) == "ACTIVE");
            }
}

BOOST_AUTO_TEST_CASE(the_key_store_is_there_whatever_is_the_lowest)
{
    for (const auto lowest : all_versions) {
        accept_from(lowest);
        auto it = enrol(*this);
        for (const auto scope : {bench::encryption_scope::application, bench::encryption_scope::activation})
            BOOST_TEST(!it.phone.fetch_temporary_key(scope).id.empty());
    }
}

// The blob is what 3.0 phones take for their status; what they cannot open is what an unknown id gets.
BOOST_AUTO_TEST_CASE(status_without_a_challenge_is_of_the_lowest_version)
{
    auto old = enrol(*this, json::object(), version::v3_0);
    auto fresh = enrol(*this, json::object(), version::v3_3);
    for (const auto lowest : all_versions)
        BOOST_TEST_CONTEXT(name_of(lowest))
        {
            accept_from(lowest);
            if (lowest == version::v3_0)
                BOOST_TEST(old.phone.status().state_name() == "ACTIVE");
            else
                BOOST_CHECK_THROW(old.phone.status(), bench::protocol_error);
            BOOST_TEST(fresh.phone.status().state_name() == "ACTIVE");

            const auto ask = [&](const std::string& id) {
                const json body{{"requestObject", {{"activationId", id}}}};
                auto got = device("/pa/v3/activation/status", body.dump());
                BOOST_TEST(got.status == 200U);
                return got.body.at("responseObject");
            };
            const json known = ask(old.id);
            const json unknown = ask("2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11");
            std::vector<std::string> members;
            for (const auto& [name, value] : known.items())
                members.push_back(name);
            BOOST_TEST(members.size() == unknown.size());
            for (const std::string& name : members)
                BOOST_TEST(unknown.contains(name), name);
            const std::string blob = known.at("encryptedStatusBlob");
            BOOST_TEST(blob.size() == unknown.at("encryptedStatusBlob").get<std::string>().size());
            // Random bytes are others each time; the first block of a genuine blob is, too.
            BOOST_TEST(blob != ask(old.id).at("encryptedStatusBlob").get<std::string>());
        }
}

// --- no way to lock out, and no oracle

BOOST_AUTO_TEST_CASE(claiming_a_low_version_counts_nothing_even_where_every_failure_does)
{
    for (const bool only_proven : {true, false}) {
        accept_from(version::v3_0, {{"countOnlyIfPossessionProven", only_proven}, {"unproven", {{"perMinute", 0}}}});
        auto old = enrol(*this, json::object(), version::v3_0);
        auto fresh = enrol(*this, json::object(), version::v3_3, "bob");
        accept_from(version::v3_1);
        for (auto* it : {&old, &fresh}) {
            const auto before = word(it->id);
            auto as_3_0 = speaking(it->phone, version::v3_0);
            for (int i = 0; i < 10; ++i) {
                BOOST_TEST(validate(as_3_0, wrong_pin) == 401);
                BOOST_TEST(validate(as_3_0, right_pin) == 401);
            }
            BOOST_TEST(word(it->id) == before);
            BOOST_TEST(status(it->id) == "ACTIVE");
        }
        auto updated = speaking(old.phone, version::v3_3);
        BOOST_TEST(validate(updated) == 200);
        BOOST_TEST(validate(fresh.phone) == 200);
    }
}

BOOST_AUTO_TEST_CASE(a_right_signature_that_was_refused_for_its_version_is_still_good)
{
    auto it = enrol(*this, json::object(), version::v3_2);
    const auto req = it.phone.make_validate_request(two_factors, right_pin);
    accept_from(version::v3_3);
    BOOST_TEST(device(req).status == 401);
    BOOST_TEST(device(req).status == 401);
    accept_from(version::v3_2);
    BOOST_TEST(device(req).status == 200);
    BOOST_TEST(device(req).status == 401); // used up
}

BOOST_AUTO_TEST_CASE(a_low_version_is_refused_alike_whatever_it_names)
{
    auto it = enrol(*this, json::object(), version::v3_1);
    auto blocked = enrol(*this, json::object(), version::v3_1, "bob");
    BOOST_TEST(office("PUT", "/v2/registrations/" + blocked.id, R"({"change":"BLOCK"})").status == 200U);
    accept_from(version::v3_2);
    const auto ask = [&](const std::string& id) {
        const auto header =
            bench::authorization_header(bench::rules_of(version::v3_1), id, application().key(),
                                        "AAAAAAAAAAAAAAAAAAAAAA==", two_factors, std::string(43, 'A') + "=");
        return device("/pa/v3/signature/validate", "{}", header);
    };
    const auto unknown = ask("2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11");
    BOOST_TEST(unknown.status == 401U);
    BOOST_TEST(ask(it.id).text == unknown.text);
    BOOST_TEST(ask(blocked.id).text == unknown.text);
    BOOST_TEST(device(it.phone.make_validate_request(two_factors, right_pin)).body == unknown.text);
}

BOOST_AUTO_TEST_CASE(low_versions_are_noise_and_noise_stands_in_nobodys_way)
{
    auto it = enrol(*this, json::object(), version::v3_2);
    accept_from(version::v3_3, {{"unproven", {{"perMinute", 3}}}});
    for (int i = 0; i < 3; ++i)
        BOOST_TEST(validate(it.phone) == 401);
    BOOST_TEST(validate(it.phone) == 429);
    auto updated = speaking(it.phone, version::v3_3);
    BOOST_TEST(validate(updated) == 200);
}

BOOST_AUTO_TEST_SUITE_END()
