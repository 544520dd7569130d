// What somebody can do who knows a registration's id and the application's key, which is in every copy of the app: not
// lock the phone out, whatever he claims. And what two honest callers can do at once: both be right.

#include "crypto/password.hpp"
#include "tests/support.hpp"

using namespace doorward;
using namespace doorward::tests;

namespace {

constexpr auto knowledge = bench::signature_type::possession_knowledge;

struct stranger_world : scratch_world {
    bench::device enrol(bench::protocol_version version = bench::protocol_version::v3_3)
    {
        const auto made = create("alice", {{"commitPhase", "ON_KEY_EXCHANGE"}});
        auto out = phone(version);
        out.activate(made.code, "1234");
        return out;
    }

    // A request whose signature is invented.
    unsigned invent(const std::string& id, bench::protocol_version claimed, bench::signature_type type,
                    std::string_view signature)
    {
        const auto app = application();
        const auto header = bench::authorization_header(bench::rules_of(claimed), id, app.key(),
                                                        "AAAAAAAAAAAAAAAAAAAAAA==", type, signature);
        return device("/pa/v3/signature/validate", "{}", header).status;
    }

    unsigned validate(bench::device& of, std::string_view pin)
    {
        return static_cast<unsigned>(device(of.make_validate_request(knowledge, pin)).status);
    }

    int failed(const std::string& id) { return detail(id).at("failedAttempts").get<int>(); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(stranger, stranger_world)

BOOST_AUTO_TEST_CASE(inventing_signatures_of_any_version_counts_nothing)
{
    auto alice = enrol();
    const std::string binary(43, 'A');
    for (int i = 0; i < 10; ++i) {
        for (const auto version :
             {bench::protocol_version::v3_1, bench::protocol_version::v3_2, bench::protocol_version::v3_3})
            BOOST_TEST(invent(alice.activation_id(), version, knowledge, binary + "=") == 401u);
        BOOST_TEST(invent(alice.activation_id(), bench::protocol_version::v3_0, knowledge,
                          "0000000" + std::to_string(i) + "-00000000") == 401u);
        clock.advance(10'000); // so that they are not too many at once
    }
    BOOST_TEST(failed(alice.activation_id()) == 0);
    BOOST_TEST(validate(alice, "1234") == 200u);
}

BOOST_AUTO_TEST_CASE(a_phone_of_protocol_3_0_counts_every_failure_until_it_speaks_a_later_one)
{
    auto alice = enrol(bench::protocol_version::v3_0);
    BOOST_TEST(validate(alice, "0000") == 401u);
    BOOST_TEST(failed(alice.activation_id()) == 1);
    BOOST_TEST(invent(alice.activation_id(), bench::protocol_version::v3_0, knowledge, "00000000-00000000") == 401u);
    BOOST_TEST(failed(alice.activation_id()) == 2);
    BOOST_TEST(validate(alice, "1234") == 200u);

    auto state = alice.state();
    state.version = bench::protocol_version::v3_3; // the app was updated
    auto updated = phone(std::move(state));
    BOOST_TEST(validate(updated, "1234") == 200u);
    restart();
    for (int i = 0; i < 5; ++i)
        BOOST_TEST(invent(updated.activation_id(), bench::protocol_version::v3_0, knowledge, "00000000-00000000") ==
                   401u);
    BOOST_TEST(failed(updated.activation_id()) == 0);
    BOOST_TEST(validate(updated, "1234") == 200u);
}

BOOST_AUTO_TEST_CASE(a_header_of_thousands_of_fields_is_refused)
{
    std::string header = "PowerAuth ";
    for (int i = 0; i < 2000; ++i)
        header += "n" + std::to_string(i) + "=\"v\" ";
    BOOST_TEST(device("/pa/v3/signature/validate", "{}", header).status == 401u);
}

BOOST_AUTO_TEST_CASE(blocks_that_arrive_together_are_all_right)
{
    auto alice = enrol();
    const auto path = "/v2/registrations/" + alice.activation_id();
    office("GET", path); // the credentials are remembered
    writer_gate gate{writer()};
    std::vector<std::shared_ptr<pending>> all;
    for (int i = 0; i < 8; ++i)
        all.push_back(start(handlers::side::office, office_request("PUT", path, R"({"change":"BLOCK"})")));
    poll();
    for (const auto& each : all)
        BOOST_TEST(!each->done); // none may be told before it is on the disk
    gate.open();
    run();
    for (const auto& each : all) {
        BOOST_TEST_REQUIRE(each->done.has_value());
        BOOST_TEST(each->done->status == 200u);
    }
    BOOST_TEST(history(alice.activation_id()).back().at("event") == "BLOCK");
}

BOOST_AUTO_TEST_CASE(removals_that_arrive_together_are_told_when_one_is_on_the_disk)
{
    auto alice = enrol();
    const auto path = "/v2/registrations/" + alice.activation_id();
    office("GET", path);
    writer_gate gate{writer()};
    const auto first = start(handlers::side::office, office_request("DELETE", path));
    const auto second = start(handlers::side::office, office_request("DELETE", path));
    poll();
    BOOST_TEST(!first->done);
    BOOST_TEST(!second->done);
    gate.open();
    run();
    BOOST_TEST(first->done.value().status == 200u);
    BOOST_TEST(second->done.value().status == 200u);
}

// History is JSON for whoever reads it, whatever was written into it.
BOOST_AUTO_TEST_CASE(texts_that_are_not_utf_8_never_reach_the_history)
{
    auto alice = enrol();
    const auto path = "/v2/registrations/" + alice.activation_id();
    BOOST_TEST(office("DELETE", path + "?reason=%ff").code() == "ERROR_REQUEST");
    BOOST_TEST(office("DELETE", path + "?reason=100%").code() == "ERROR_REQUEST");
    BOOST_TEST(office("GET", "/v2/registrations?userId=alice&removed=%ff").code() == "ERROR_REQUEST");
    auto named = office_request("DELETE", path);
    named.external_user = "\xFF";
    BOOST_TEST(call(handlers::side::office, named).code() == "ERROR_REQUEST");
    BOOST_TEST(status(alice.activation_id()) == "ACTIVE");
}

BOOST_AUTO_TEST_CASE(no_memory_for_a_password_is_no_verdict)
{
    // More memory than an address space has.
    const auto hash = std::string{"$argon2id$v=19$m=4294967295,t=1,p=1$"} + "c2FsdHNhbHRzYWx0c2FsdA$" +
                      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    BOOST_CHECK_THROW(static_cast<void>(crypto::verify_password(hash, "huge")), std::bad_alloc);
}

BOOST_AUTO_TEST_SUITE_END()
