#include "tests/full_store.hpp"
#include "registry/backup.hpp"
#include "server/backup.hpp"

#include <fstream>
#include <sstream>

namespace doorward::tests {

full_store::full_store()
{
    const auto ask = [this](std::string_view method, const std::string& target, const json& body,
                            std::string_view who = "office") {
        const auto got = office(method, target, body.is_null() ? std::string{} : body.dump(), who);
        BOOST_TEST_REQUIRE((got.status == 200U || got.status == 202U), target << ": " << got.text);
        return got.body;
    };
    ask("PATCH", "/admin/applications/app",
        {{"provider", {{"url", "https://provider.example/check"}, {"secret", "a-secret-of-the-provider"}}},
         {"transfer", {{"spawn", true}, {"move", true}}}},
        "admin");
    ask("POST", "/admin/applications/app/versions", nullptr, "admin");
    ask("POST", "/admin/applications/app/master-keys", nullptr, "admin");
    ask("POST", "/admin/users/office/tokens", {{"name", "one"}}, "admin");
    ask("POST", "/console/session", {{"username", "admin"}, {"password", "admin"}}, "");
    ask("GET", "/v2/audit/checkpoint", nullptr, "admin");
    const std::string hook = ask("POST", "/admin/applications/app/callbacks",
                                 {{"name", "hook"},
                                  {"type", "REGISTRATION_STATUS_CHANGE"},
                                  {"callbackUrl", "https://hook.example/in"},
                                  {"authentication", {{"type", "BEARER"}, {"token", "a-token-of-the-receiver"}}}})
                                 .at("id");
    ask("POST", "/admin/applications/app/callbacks/" + hook + "/rotate", nullptr);

    provider.answer(204, "");
    auto first = enrol(*this, {{"metadata", {{"segment", "gold"}}}});
    parent = first.id;
    constexpr auto pk = bench::signature_type::possession_knowledge;
    BOOST_TEST_REQUIRE(first.phone.validate(pk, right_pin));
    BOOST_TEST_REQUIRE(!first.phone.validate(pk, wrong_pin));
    static_cast<void>(first.phone.create_token(pk, right_pin));
    ask("POST", "/v2/registrations/" + parent + "/attempts",
        {{"attemptId", "a-1"}, {"result", "SUCCESS"}, {"factors", "POSSESSION_KNOWLEDGE"}});
    const auto child = ask("POST", "/v2/registrations/" + parent + "/transfer", {{"type", "SPAWN"}});
    auto second = phone();
    static_cast<void>(second.activate(child.at("activationQrCodeData").get<std::string>(), right_pin));
    const std::string child_id = child.at("registrationId");
    if (status(child_id) == "PENDING_COMMIT")
        ask("POST", "/v2/registrations/" + child_id + "/commit", json::object());
    BOOST_TEST_REQUIRE(status(child_id) == "ACTIVE");

    auto third = enrol(*this, json::object(), bench::protocol_version::v3_3, "bob");
    blocked = third.id;
    ask("PUT", "/v2/registrations/" + blocked,
        {{"change", "BLOCK"}, {"blockedUntil", clock.now() + 3'600'000}, {"externalUserId", "carol"}});
    unfinished = create("dave").id;
    ask("PUT", "/v2/users/alice/claims?appId=app", {{"name", "Alice"}});

    // One delivery that ended, one that is to be made once more, one that waits after a failure.
    send_webhooks();
    const auto sent = ask("GET", "/admin/applications/app/callbacks/" + hook + "/deliveries", nullptr);
    const auto sequence = std::to_string(sent.at("deliveries").at(0).at("id").get<std::uint64_t>());
    provider.answer(503, "out of order");
    ask("POST", "/admin/applications/app/callbacks/" + hook + "/deliveries/" + sequence + "/redeliver", nullptr);
    ask("POST", "/v2/registrations/" + parent + "/flags", {{"flags", {"VIP"}}});
    send_webhooks();

    // One job that is done, one under way.
    const json job{{"change", "ADD_FLAGS"}, {"flags", {"seen"}}, {"registrationIds", {parent}}, {"maxAffected", 1}};
    ask("POST", "/v2/registrations/bulk", job, "admin");
    finish_jobs();
    ask("DELETE", "/v2/users/nobody?mode=erase", nullptr, "admin");
    ask("POST", "/v2/registrations/bulk", job, "admin");

    auto once = office_request("POST", "/v2/registrations", json{{"userId", "erin"}, {"appId", "app"}}.dump());
    once.idempotency_key = "key-1";
    BOOST_TEST_REQUIRE(call(handlers::side::office, once).status == 200U);

    fold();
    BOOST_TEST_REQUIRE(first.phone.validate(pk, right_pin)); // in front of the mark
}

crypto::bytes backup_of(const kv::env& store, registry::time_ms now)
{
    crypto::bytes out;
    store.view([&](const kv::read_txn& txn) {
        registry::write_backup(txn, now, [&out](crypto::bytes_view some) { crypto::append(out, some); });
    });
    return out;
}

restored_store::restored_store(crypto::bytes_view backup) : path_{home_.path() / "store"}
{
    const auto file = home_.path() / "backup";
    std::ofstream{file, std::ios::binary} << crypto::as_text(backup);
    std::ostringstream told;
    BOOST_TEST_REQUIRE(server::restore_backup({file, path_}, told) == 0, told.str());
}

} // namespace doorward::tests
