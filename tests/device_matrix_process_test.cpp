// The journeys of device_matrix_test.cpp, made by the reference phone against whole servers: a second reading of the
// protocol, down to the primitives.
//
// Every journey is made in every version and dialect. The ways into a registration take turns: of the eight cells each
// of the four has two, other ones for each journey, so that every journey meets every way and every way every version.
// Crossing them fully would cost minutes and show nothing that the simulated phone's matrix does not.
//
// What needs a clock of the server that can be set is in the other matrix alone: keys that end, the very edges of
// windows. Here clocks are far inside or far outside.

#include "tests/provider_server.hpp"
#include "tests/reference_phone.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <set>
#include <tuple>

namespace {

namespace data = boost::unit_test::data;
using namespace doorward::tests;
namespace bench = doorward::bench;
using outcome = reference_phones::outcome;

constexpr const char* guarded = "/api/registration";
constexpr const char* otp = "0123456789abcdef";
constexpr const char* wrong_otp = "fedcba9876543210";
const std::string right{right_pin};
const std::string wrong{wrong_pin};

// --- the table

enum class way { code, otp_at_key_exchange, otp_at_commit, provider };
constexpr std::size_t ways = 4;

struct cell {
    std::size_t number;
    std::string version;
    std::string style;

    [[nodiscard]] bool digits() const { return version == "3.0"; }         // and no counters in the status
    [[nodiscard]] bool timestamps() const { return version >= "3.2"; }     // in envelopes
    [[nodiscard]] bool temporary_keys() const { return version == "3.3"; } // for envelopes
};

std::ostream& operator<<(std::ostream& to, const cell& where)
{
    return to << where.version << ", " << where.style;
}

std::vector<cell> all_cells()
{
    std::vector<cell> out;
    for (const char* version : {"3.0", "3.1", "3.2", "3.3"})
        for (const char* style : {"android", "ios"})
            out.push_back({out.size(), version, style});
    return out;
}

way way_of(const cell& where, std::size_t journey)
{
    // Both dialects of a version differ by two, so that a version meets every way within two journeys.
    return static_cast<way>((where.number % 2 * 2 + where.number / 2 + journey) % ways);
}

// --- what journeys need

class matrix_scene;

// A phone that has registered, or will.
struct phone {
    matrix_scene* world;
    std::vector<std::string> common;
    std::string id{};

    [[nodiscard]] outcome run(const std::vector<std::string>& command, const json& more = json::object()) const;
    [[nodiscard]] int operator()(const std::vector<std::string>& command, const json& more = json::object()) const
    {
        return run(command, more).status;
    }
    // What an accepted command tells.
    [[nodiscard]] json told(const std::vector<std::string>& command, const json& more = json::object()) const
    {
        const auto got = run(command, more);
        BOOST_TEST_REQUIRE(got.status == 0, got.told.dump());
        return got.told;
    }
    // The status of a refusal; 200 when there was none.
    [[nodiscard]] int refused(const std::vector<std::string>& command, const json& more = json::object()) const
    {
        const auto got = run(command, more);
        return got.status == 0 ? 200 : got.told.value("httpStatus", 0);
    }
    [[nodiscard]] bool validate(const std::string& factors = "possession_knowledge",
                                const std::string& pin = right) const
    {
        return (*this)({"validate", "--factors", factors, "--pin", pin}) == 0;
    }
    void skip(int count) const
    {
        BOOST_TEST((*this)({"sign", "POST", "/elsewhere", "--factors", "possession"}, {{"times", count}}) == 0);
    }
    [[nodiscard]] std::string state() const { return told({"status"}).at("state"); }
    [[nodiscard]] std::string counter() const { return told({"status"}).at("counter"); }

    // To one of our endpoints that are signed for their path.
    [[nodiscard]] int own(const std::string& path, const json& object, const std::string& pin = right,
                          const std::string& factors = "possession_knowledge") const;
};

class matrix_scene : public scene {
public:
    explicit matrix_scene(const cell& where) : scene{0}, where_{where}
    {
        set({{"deviceManagement", true},
             {"transfer", {{"spawn", true}, {"move", true}}},
             {"provider", {{"url", provider.url()}, {"timeoutMs", 10'000}}}});
        provider.react([](const http_request& asked) {
            const auto who = json::parse(asked.body).at("identityAttributes").at("username");
            return provider_server::reaction{provider_server::http(200, json{{"userId", who}}.dump())};
        });
    }

    void set(const json& settings)
    {
        const auto changed = admin.ask("PATCH", "/admin/applications/" + application_id, settings);
        BOOST_TEST_REQUIRE(changed.status == 200, changed.body.dump());
    }

    std::string new_user() { return "user-" + std::to_string(++users_); }

    phone new_phone_program()
    {
        auto words = phone_options(*this, home_.path() / ("phone-" + std::to_string(++phones_)), where_.style);
        words.insert(words.end(), {"--protocol", where_.version});
        return {this, std::move(words)};
    }

    std::optional<fresh_registration> expected(const std::string& user, way in)
    {
        switch (in) {
        case way::code:
            return create_registration(user);
        case way::otp_at_key_exchange:
            return create_registration(user, {{"commitPhase", "ON_KEY_EXCHANGE"}, {"otp", otp}});
        case way::otp_at_commit:
            return create_registration(user, {{"otp", otp}});
        case way::provider:
            break;
        }
        return std::nullopt;
    }

    static std::vector<std::string> knock(const std::optional<fresh_registration>& at, const std::string& user,
                                          const std::optional<std::string>& with_otp)
    {
        if (!at)
            return {"activate-custom", "username=" + user, "password=s\"e/c=ret", "--pin", right};
        std::vector<std::string> out{"activate", at->code, "--pin", right};
        if (with_otp)
            out.insert(out.end(), {"--otp", *with_otp});
        return out;
    }
    static std::optional<std::string> otp_of(way in)
    {
        return in == way::otp_at_key_exchange ? std::optional<std::string>{otp} : std::nullopt;
    }

    office_answer commit_registration(const std::string& id, const json& with = json::object())
    {
        return office.ask("POST", "/v2/registrations/" + id + "/commit", with);
    }
    void commit_by(way in, const std::string& id)
    {
        if (in == way::otp_at_key_exchange)
            return;
        const auto got = commit_registration(id, in == way::otp_at_commit ? json{{"otp", otp}} : json::object());
        BOOST_TEST_REQUIRE(got.status == 200, got.body.dump());
    }

    phone enrol_by(way in, const std::string& user, bool biometry = true)
    {
        auto out = new_phone_program();
        auto words = knock(expected(user, in), user, otp_of(in));
        if (biometry)
            words.emplace_back("--biometry");
        static_cast<void>(out.told(words));
        out.id = out.told({"info"}).at("activationId");
        commit_by(in, out.id);
        BOOST_TEST_REQUIRE(status(out.id) == "ACTIVE");
        return out;
    }

    // The same phone as of now, as if it came from a backup.
    phone backup_of(const phone& of)
    {
        auto out = new_phone_program();
        out.id = of.id;
        const auto file = [](const phone& its) { return *(std::ranges::find(its.common, std::string{"--state"}) + 1); };
        std::filesystem::copy_file(file(of), file(out));
        return out;
    }

    std::string status(const std::string& id) { return office.detail(id).at("registrationStatus"); }
    int failed(const std::string& id) { return office.detail(id).at("failedAttempts"); }
    std::string last_event(const std::string& id) { return office.history(id).back().at("event"); }

    int send(const http_request& what) { return client().request(what).status; }

    int use(const std::string& token_header, const std::string& method = "POST")
    {
        return send({method, guarded, {{"X-PowerAuth-Token", token_header}}, method == "GET" ? "" : "{}"});
    }
    json judge_token(const std::string& header) { return office.post("/v2/token/verify", {{"authHeader", header}}); }
    bool token_is_valid(const std::string& header) { return judge_token(header).at("tokenValid"); }

    provider_server provider;
    reference_phones phones;

private:
    bench::http_client client() const { return bench::http_client{server.device_url()}; }

    cell where_;
    temporary_directory home_;
    int users_ = 0;
    int phones_ = 0;
};

outcome phone::run(const std::vector<std::string>& command, const json& more) const
{
    auto words = common;
    words.insert(words.end(), command.begin(), command.end());
    return world->phones.run(std::move(words), more);
}

int phone::own(const std::string& path, const json& object, const std::string& pin, const std::string& factors) const
{
    const std::string body = json{{"requestObject", object}}.dump();
    const auto header =
        told({"sign", "POST", path, body, "--factors", factors, "--pin", pin}).at("X-PowerAuth-Authorization");
    return world->send({"POST", path, {{"X-PowerAuth-Authorization", header}}, body});
}

std::string header_of(const phone& it, const std::string& token)
{
    return it.told({"token-header", token}).at("X-PowerAuth-Token");
}

std::string new_token(const phone& it, const std::string& factors = "possession")
{
    return it.told({"token-create", "--factors", factors, "--pin", right}).at("tokenId");
}

// --- journeys

void is_registered(matrix_scene& world, const cell& where, way in, phone&)
{
    const auto user = world.new_user();
    const auto expected = world.expected(user, in);
    auto it = world.new_phone_program();
    if (in != way::provider) { // a phone sends no password with other credentials
        const std::string refused = in == way::otp_at_key_exchange ? wrong_otp : otp;
        BOOST_TEST(it.refused(world.knock(expected, user, refused)) == 400);
    }
    if (in == way::otp_at_key_exchange)
        BOOST_TEST(it.refused(world.knock(expected, user, std::nullopt)) == 400);

    const auto got = it.run(world.knock(expected, user, world.otp_of(in)));
    BOOST_TEST_REQUIRE(got.status == 0, got.told.dump());
    it.id = it.told({"info"}).at("activationId");
    if (expected) {
        BOOST_TEST(it.id == expected->id);
        const auto second = world.new_phone_program();
        BOOST_TEST(second.refused(world.knock(expected, user, world.otp_of(in))) == 400);
    }
    BOOST_TEST(world.send(got.sent.back()) == 400); // the same once more
    const auto shown = world.office.detail(it.id);
    BOOST_TEST(shown.at("userId") == user);
    BOOST_TEST(shown.at("name") == "Reference device");
    BOOST_TEST(shown.at("platform") == where.style);
    if (in != way::otp_at_key_exchange) {
        BOOST_TEST(shown.at("activationFingerprint") == got.told.at("fingerprint"));
        BOOST_TEST(it.state() == "PENDING_COMMIT");
        BOOST_TEST(!it.validate());
        if (in == way::otp_at_commit)
            BOOST_TEST(world.commit_registration(it.id, {{"otp", wrong_otp}}).status == 400);
        world.commit_by(in, it.id);
    }
    BOOST_TEST(it.state() == "ACTIVE");
    BOOST_TEST(world.failed(it.id) == 0);
    BOOST_TEST(it.validate());
}

void signs_with_every_type_and_method(matrix_scene& world, const cell& where, way, phone& it)
{
    for (const char* factors :
         {"possession", "possession_knowledge", "possession_biometry", "possession_knowledge_biometry"}) {
        for (const char* method : {"POST", "PUT", "DELETE", "GET"})
            BOOST_TEST(it({"validate", "--factors", factors, "--pin", right, "--method", method}) == 0, method);
        BOOST_TEST(it({"validate", "--factors", factors, "--pin", right, "--method", "GET", "--query",
                       "b=2 +%&=", "a=\xC3\xA9~*", "c="}) == 0);
    }
    for (const char* alone : {"knowledge", "biometry"})
        BOOST_TEST(!it.validate(alone));
    BOOST_TEST(world.failed(it.id) == 0);
    const auto header = it.told({"sign", "PUT", "/pa/signature/validate", "{}", "--pin", right});
    BOOST_TEST(world.send({"POST",
                           "/pa/v3/signature/validate",
                           {{"X-PowerAuth-Authorization", header.at("X-PowerAuth-Authorization")}},
                           "{}"}) == 401);
    BOOST_TEST(world.failed(it.id) == (where.digits() ? 1 : 0));
}

void is_blocked_by_wrong_pins(matrix_scene& world, const cell& where, way, phone& it)
{
    const auto token = new_token(it);
    for (int i = 1; i <= 4; ++i) {
        BOOST_TEST(!it.validate("possession_knowledge", wrong));
        BOOST_TEST(it.told({"status"}).at("failedAttempts") == i);
    }
    BOOST_TEST(it.validate());
    for (int i = 1; i <= 5; ++i) {
        BOOST_TEST(world.status(it.id) == "ACTIVE");
        BOOST_TEST(!it.validate("possession_knowledge", wrong));
        BOOST_TEST(world.failed(it.id) == i);
    }
    BOOST_TEST(!it.validate());
    const auto status = it.told({"status"});
    BOOST_TEST(status.at("state") == "BLOCKED");
    BOOST_TEST(status.at("remainingAttempts") == 0);
    BOOST_TEST(it.refused({"token-use", token, guarded}) == 401);
    BOOST_TEST(it.refused({"vault-unlock", "--pin", right}) == 401);
    BOOST_TEST(it.refused({"user-info"}) == 400);
    if (where.temporary_keys())
        BOOST_TEST(it({"temp-key", "activation"}) == 0);
    world.office.unblock(it.id);
    BOOST_TEST(it.validate());
    BOOST_TEST(world.failed(it.id) == 0);
    BOOST_TEST(it({"token-use", token, guarded}) == 0);
}

void is_found_as_far_ahead_as_the_window_reaches(matrix_scene& world, const cell& where, way, phone& it)
{
    it.skip(19);
    BOOST_TEST(it.validate());
    it.skip(20);
    BOOST_TEST(!it.validate());
    BOOST_TEST(world.failed(it.id) == (where.digits() ? 1 : 0));
    BOOST_TEST(it.told({"status"}).at("counter") == (where.digits() ? "OK" : "INVALID"));
    BOOST_TEST(world.status(it.id) == "ACTIVE");
}

void counters_are_brought_together(matrix_scene& world, const cell& where, way, phone& it)
{
    if (where.digits()) { // learns no counters
        it.skip(15);
        BOOST_TEST(it.validate("possession"));
        it.skip(15);
        BOOST_TEST(it.validate());
        const auto old = world.backup_of(it);
        BOOST_TEST(it.validate());
        BOOST_TEST(old.counter() == "OK");
        BOOST_TEST(!old.validate());
        return;
    }
    it.skip(10);
    BOOST_TEST(it.counter() == "OK");
    it.skip(1);
    BOOST_TEST(it.counter() == "SIGN_RECOMMENDED"); // and signed
    BOOST_TEST(it.counter() == "OK");
    it.skip(19);
    BOOST_TEST(it.counter() == "SIGN_RECOMMENDED");
    BOOST_TEST(it.validate());
    const auto old = world.backup_of(it);
    BOOST_TEST(it({"validate", "--factors", "possession"}, {{"times", 19}}) == 0);
    BOOST_TEST(!old.validate());
    BOOST_TEST(old.counter() == "UPDATED");
    BOOST_TEST(old.validate());
    BOOST_TEST(it.counter() == "UPDATED");
    BOOST_TEST(it({"validate", "--factors", "possession"}, {{"times", 20}}) == 0);
    BOOST_TEST(old.counter() == "INVALID");
    BOOST_TEST(world.failed(it.id) == 0);
}

void nothing_is_accepted_twice(matrix_scene& world, const cell& where, way, phone& it)
{
    const auto last = [](const outcome& of) {
        BOOST_TEST_REQUIRE(of.status == 0, of.told.dump());
        return of.sent.back();
    };
    const auto token_asked = it.run({"token-create"});
    const std::string token = token_asked.told.at("tokenId");
    const auto proof = last(it.run({"validate", "--pin", right}));
    const auto vault = last(it.run({"vault-unlock", "--pin", right}));
    const auto info = last(it.run({"user-info"}));
    const auto used = last(it.run({"token-use", token, guarded}));
    const auto header = header_of(it, token);
    BOOST_TEST(world.token_is_valid(header));
    const auto again = [&] {
        BOOST_TEST(world.send(last(token_asked)) == 401);
        BOOST_TEST(world.send(proof) == 401);
        BOOST_TEST(world.send(vault) == 400);
        BOOST_TEST(world.send(info) == 400);
        BOOST_TEST(world.send(used) == 401);
        BOOST_TEST(world.use(header) == 401);
        BOOST_TEST(!world.token_is_valid(header));
    };
    again();
    // Of proofs in digits the one with a second factor counts.
    BOOST_TEST(world.failed(it.id) == (where.digits() ? 1 : 0));
    BOOST_TEST(it.validate());
    const auto guess = it.run({"validate", "--pin", wrong}).sent.back();
    BOOST_TEST(world.send(guess) == 401);
    BOOST_TEST(world.failed(it.id) == (where.digits() ? 2 : 1));
    BOOST_TEST(it.validate());
}

void a_clock_that_is_wrong_is_set(matrix_scene& world, const cell& where, way, phone& it)
{
    constexpr std::int64_t minute = 60'000;
    const auto off_by = [](std::int64_t off) { return json{{"clock_off_ms", off}}; };
    const auto token = new_token(it);
    for (const std::int64_t off : {-minute / 2, minute / 2})
        BOOST_TEST(it({"user-info"}, off_by(off)) == 0);
    for (const std::int64_t off : {-100 * minute, 20 * minute}) // the last command corrected the clock by its key
    {
        BOOST_TEST(it({"time"}) == 0);
        BOOST_TEST(it({"token-use", token, guarded}, off_by(off)) == 0);
    }
    for (const std::int64_t off : {-140 * minute, 40 * minute})
        BOOST_TEST_CONTEXT("off by " << off)
        {
            BOOST_TEST(it({"time"}) == 0);
            BOOST_TEST(it({"validate", "--pin", right}, off_by(off)) == 0);
            BOOST_TEST(it.refused({"token-use", token, guarded}, off_by(off)) == 401);
            // From 3.3 on the key that is asked for first tells the time.
            const bool refused = where.timestamps() && !where.temporary_keys();
            BOOST_TEST(it.refused({"user-info"}, off_by(off)) == (refused ? 400 : 200));
            BOOST_TEST(it({"time"}, off_by(off)) == 0);
            BOOST_TEST(it({"user-info"}, off_by(off)) == 0);
            BOOST_TEST(it({"token-use", token, guarded}, off_by(off)) == 0);
        }
    BOOST_TEST(it({"time"}) == 0);
    BOOST_TEST(world.failed(it.id) == 0);
}

void temporary_keys_serve_whom_they_were_made_for(matrix_scene& world, const cell& where, way in, phone& it)
{
    const auto other = world.enrol_by(in, world.new_user());
    if (where.temporary_keys()) {
        auto others = other.common;
        others.emplace_back("info");
        BOOST_TEST(it.refused({"user-info"}, {{"key_of", others}}) == 400);
        BOOST_TEST(it.refused({"vault-unlock", "--pin", right}, {{"key_of", others}}) == 400);
        BOOST_TEST(it.refused({"token-create"}, {{"key_of", others}}) == 401);
    } else {
        auto naming = it.run({"user-info"}).sent.back();
        auto envelope = json::parse(naming.body);
        envelope["temporaryKeyId"] = it.told({"temp-key", "activation"}).at("keyId");
        naming.body = envelope.dump();
        BOOST_TEST(world.send(naming) == 400);
    }
    BOOST_TEST(world.failed(it.id) == 0);
    BOOST_TEST(it({"vault-unlock", "--pin", right}) == 0);
}

void opens_its_vault(matrix_scene& world, const cell&, way, phone& it)
{
    const auto key = it.told({"vault-unlock", "--pin", right}).at("vaultKey");
    const auto made = it.told({"device-sign", "text", "--pin", right}).at("signature");
    BOOST_TEST(
        world.office
            .post("/v2/signature/ecdsa/verify", {{"registrationId", it.id}, {"data", "dGV4dA=="}, {"signature", made}})
            .at("signatureValid") == true);
    BOOST_TEST(it.refused({"vault-unlock", "--pin", wrong}) == 401);
    BOOST_TEST(world.failed(it.id) == 1);
    BOOST_TEST(it.refused({"vault-unlock", "--factors", "possession_biometry"}) == 400);
    BOOST_TEST(world.failed(it.id) == 1);
    world.set({{"vaultWithBiometry", true}});
    BOOST_TEST(it.told({"vault-unlock", "--factors", "possession_biometry"}).at("vaultKey") == key);
    world.set({{"vaultWithBiometry", nullptr}});
}

void adds_biometry_later(matrix_scene& world, const cell&, way, phone& it)
{
    BOOST_TEST(it({"validate", "--factors", "possession_biometry"}) == 1);
    BOOST_TEST(it.refused({"add-biometry", "--pin", wrong}) == 401);
    BOOST_TEST(it({"add-biometry", "--pin", right}) == 0);
    BOOST_TEST(it.validate("possession_biometry"));
    BOOST_TEST(it.validate("possession_knowledge_biometry"));
    BOOST_TEST(world.failed(it.id) == 0);
}

void changes_its_pin(matrix_scene& world, const cell&, way, phone& it)
{
    BOOST_TEST(it({"change-pin", right, "2580"}) == 0);
    BOOST_TEST(!it.validate());
    BOOST_TEST(it.own("/api/registration/pin-changed", json::object(), "2580") == 200);
    BOOST_TEST(world.last_event(it.id) == "PIN_CHANGED");
    BOOST_TEST(world.failed(it.id) == 0);
}

void learns_about_its_user(matrix_scene& world, const cell&, way, phone& it)
{
    const std::string user = world.office.detail(it.id).at("userId");
    json claims{{"name", "Anna =&'</>"}, {"email_verified", true}};
    world.office.put("/v2/users/" + user + "/claims", claims);
    claims["sub"] = user;
    BOOST_TEST(it.told({"user-info"}) == claims);
}

void uses_tokens(matrix_scene& world, const cell&, way in, phone& it)
{
    const std::pair<const char*, const char*> rows[]{
        {"possession", "POSSESSION"},
        {"possession_knowledge", "POSSESSION_KNOWLEDGE"},
        {"possession_biometry", "POSSESSION_BIOMETRY"},
        {"possession_knowledge_biometry", "POSSESSION_KNOWLEDGE_BIOMETRY"}};
    std::string token;
    for (const auto& row : rows) {
        token = new_token(it, row.first);
        BOOST_TEST(it.told({"token-use", token, guarded}).at("responseObject").at("registrationId") == it.id);
        BOOST_TEST(world.use(header_of(it, token), "GET") == 200);
        const auto verdict = world.judge_token(header_of(it, token));
        BOOST_TEST(verdict.at("tokenValid") == true);
        BOOST_TEST(verdict.at("signatureType") == row.second);
    }
    const auto other = world.enrol_by(in, world.new_user());
    const std::string body = json{{"requestObject", {{"tokenId", token}}}}.dump();
    const auto foreign = other.told({"sign", "POST", "/pa/token/remove", body, "--factors", "possession"});
    BOOST_TEST(world.send({"POST",
                           "/pa/v3/token/remove",
                           {{"X-PowerAuth-Authorization", foreign.at("X-PowerAuth-Authorization")}},
                           body}) == 200);
    BOOST_TEST(world.use(header_of(it, token)) == 200);
    const auto left_over = header_of(it, token);
    BOOST_TEST(it({"token-remove", token}) == 0);
    BOOST_TEST(world.use(left_over) == 401);
    BOOST_TEST(!world.token_is_valid(left_over));
}

void signs_without_a_network(matrix_scene& world, const cell&, way, phone& it)
{
    const json shown{{"data", "5f3c\nPayment\nPlease confirm \xC5\xBE\nA1*A250.00EUR\nB"}};
    json personal = shown;
    personal["registrationId"] = it.id;
    json plain = shown;
    plain["appId"] = world.application_id;
    const auto made = world.office.post("/v2/signature/offline/personalized/create", personal);
    const auto for_all = world.office.post("/v2/signature/offline/non-personalized/create", plain);
    const auto genuine = [&](const std::string& text) {
        return it.told({"offline-check"}, {{"input", text}}).at("genuine").get<bool>();
    };
    const std::string text = made.at("offlineData");
    BOOST_TEST(genuine(text));
    BOOST_TEST(genuine(for_all.at("offlineData")));
    BOOST_TEST(!genuine("6" + text.substr(1)));

    const std::string nonce = made.at("nonce");
    const std::string body = "5f3c&A1*A250.00EUR";
    const auto sign = [&](const std::string& factors, const std::string& pin, const std::string& digits) {
        return it.told({"offline-sign", nonce, body, "--pin", pin, "--factors", factors, "--digits", digits})
            .at("signature")
            .get<std::string>();
    };
    const auto judge = [&](const std::string& signature, const json& more = json::object()) {
        json question{{"registrationId", it.id}, {"signature", signature}, {"nonce", nonce}, {"body", body}};
        question.update(more);
        return world.office.post("/v2/signature/offline/verify", question);
    };
    for (const int digits : {4, 6, 8})
        BOOST_TEST(judge(sign("possession_knowledge", right, std::to_string(digits)), {{"componentLength", digits}})
                       .at("signatureValid") == true);
    BOOST_TEST(judge(sign("possession_knowledge", wrong, "8")).at("remainingAttempts") == 4);
    const auto finger = judge(sign("possession_biometry", right, "8"), {{"allowBiometry", true}});
    BOOST_TEST(finger.at("signatureType") == "POSSESSION_BIOMETRY");
    BOOST_TEST(it.validate()); // the same counter
}

phone passed_on(matrix_scene& world, const phone& parent, const std::string& how, bool by_office)
{
    auto child = world.new_phone_program();
    json made;
    std::vector<std::string> words;
    if (by_office) {
        made = world.office.post("/v2/registrations/" + parent.id + "/transfer", {{"type", how}});
        child.id = made.at("registrationId");
        words = {"activate", made.at("activationQrCodeData"), "--pin", right, "--biometry"};
    } else {
        const auto asked =
            json{{"requestObject", {{"applicationId", world.application_id}, {"otp", otp}, {"type", how}}}}.dump();
        made = parent.told({"info"}, {{"exchange", {"/api/activation/code", asked, "possession_knowledge", right}}})
                   .at("responseObject");
        child.id = made.at("activationId");
        const std::string code =
            made.at("activationCode").get<std::string>() + '#' + made.at("activationSignature").get<std::string>();
        words = {"activate", code, "--pin", right, "--biometry"};
        BOOST_TEST(child.refused(words) == 400);
        words.insert(words.end(), {"--otp", otp});
    }
    static_cast<void>(child.told(words));
    if (by_office) {
        BOOST_TEST(parent.validate());
        world.office.commit(child.id);
    }
    BOOST_TEST(world.status(child.id) == "ACTIVE");
    BOOST_TEST(world.office.detail(child.id).at("parentRegistrationId") == parent.id);
    BOOST_TEST(child.validate());
    BOOST_TEST(child.validate("possession_biometry"));
    return child;
}

void is_cloned(matrix_scene& world, const cell&, way, phone& it)
{
    for (const bool by_office : {false, true}) {
        const auto clone = passed_on(world, it, "SPAWN", by_office);
        BOOST_TEST(it.validate());
        BOOST_TEST(!clone.validate("possession_knowledge", wrong));
        BOOST_TEST(world.failed(clone.id) == 1);
        BOOST_TEST(world.failed(it.id) == 0);
    }
    BOOST_TEST(world.office.detail(it.id).at("childCount") == 2);
}

void is_moved(matrix_scene& world, const cell&, way, phone& it)
{
    const auto second = passed_on(world, it, "MOVE", false);
    const auto third = passed_on(world, second, "MOVE", true);
    for (const phone* old : {&std::as_const(it), &second}) {
        BOOST_TEST(old->state() == "REMOVED");
        BOOST_TEST(!old->validate());
        BOOST_TEST(world.status(old->id) == "REMOVED");
    }
    BOOST_TEST(third.state() == "ACTIVE");
}

void is_renamed(matrix_scene& world, const cell&, way, phone& it)
{
    const std::string name = "Zo\xC3\xAB's \xF0\x9F\x93\xB1 \"phone\" </=&>";
    BOOST_TEST(it.own("/api/registration/rename", {{"name", name}}) == 200);
    BOOST_TEST(world.office.detail(it.id).at("name") == name);
    BOOST_TEST(world.last_event(it.id) == "RENAME");
    BOOST_TEST(it.own("/api/registrations/list", json::object(), right, "possession_biometry") == 200);
    BOOST_TEST(it.own("/api/registration/rename", {{"name", "x"}}, right, "possession") == 401);
    BOOST_TEST(it.own("/api/registration/rename", {{"name", "x"}}, wrong) == 401);
    BOOST_TEST(world.failed(it.id) == 1);
    BOOST_TEST(world.office.detail(it.id).at("name") == name);
}

void check_removed_for_good(matrix_scene& world, const cell& where, const phone& it, const std::string& token)
{
    const std::string path = "/v2/registrations/" + it.id;
    BOOST_TEST(it.state() == "REMOVED");
    BOOST_TEST(!it.validate());
    BOOST_TEST(it.refused({"token-use", token, guarded}) == 401);
    BOOST_TEST(it.refused({"user-info"}) == 400);
    // From 3.3 on there is no key any more, and so no request.
    BOOST_TEST(it.refused({"vault-unlock", "--pin", right}) == (where.temporary_keys() ? 400 : 401));
    BOOST_TEST(it.refused({"remove", "--pin", right}) == 401);
    BOOST_TEST(it.own("/api/registration/rename", {{"name", "x"}}) == 401);
    BOOST_TEST(world.office.ask("PUT", path, json{{"change", "UNBLOCK"}}).status == 400);
    BOOST_TEST(world.commit_registration(it.id).status == 400);
    BOOST_TEST(world.office.ask("DELETE", path).status == 200);
    BOOST_TEST(world.status(it.id) == "REMOVED");
}

void removes_itself_for_good(matrix_scene& world, const cell& where, way, phone& it)
{
    const auto token = new_token(it);
    BOOST_TEST(it.refused({"remove", "--factors", "possession"}) == 401);
    BOOST_TEST(it.refused({"remove", "--pin", wrong}) == 401);
    const auto left = world.backup_of(it);
    BOOST_TEST(it({"remove", "--pin", right}) == 0);
    BOOST_TEST(!world.office.history(left.id).back().contains("account"));
    check_removed_for_good(world, where, left, token);
}

void is_removed_for_good_by_another(matrix_scene& world, const cell& where, way in, phone& it)
{
    const auto token = new_token(it);
    const auto other = world.enrol_by(in, world.office.detail(it.id).at("userId"));
    const auto stranger = world.enrol_by(in, world.new_user());
    BOOST_TEST(stranger.own("/api/registrations/remove", {{"registrationId", it.id}}) == 400);
    BOOST_TEST(it.validate());
    BOOST_TEST(other.own("/api/registrations/remove", {{"registrationId", it.id}}) == 200);
    BOOST_TEST(world.office.history(it.id).back().at("actorRegistrationId") == other.id);
    check_removed_for_good(world, where, it, token);
    BOOST_TEST(other.validate());
}

void is_removed_for_good_by_the_office(matrix_scene& world, const cell& where, way, phone& it)
{
    const auto token = new_token(it);
    world.office.remove("/v2/registrations/" + it.id);
    check_removed_for_good(world, where, it, token);
}

// --- the journeys

struct journey {
    const char* name;
    void (*run)(matrix_scene&, const cell&, way, phone&);
    bool biometry_from_the_start = true;
};

constexpr journey journeys[]{
    {"is registered", is_registered},
    {"signs with every type and method", signs_with_every_type_and_method},
    {"is blocked by wrong PINs", is_blocked_by_wrong_pins},
    {"is found as far ahead as the window reaches", is_found_as_far_ahead_as_the_window_reaches},
    {"counters are brought together", counters_are_brought_together},
    {"nothing is accepted twice", nothing_is_accepted_twice},
    {"a clock that is wrong is set", a_clock_that_is_wrong_is_set},
    {"temporary keys serve whom they were made for", temporary_keys_serve_whom_they_were_made_for},
    {"opens its vault", opens_its_vault},
    {"adds biometry later", adds_biometry_later, false},
    {"changes its PIN", changes_its_pin},
    {"learns about its user", learns_about_its_user},
    {"uses tokens", uses_tokens},
    {"signs without a network", signs_without_a_network},
    {"is cloned", is_cloned},
    {"is moved", is_moved},
    {"is renamed", is_renamed},
    {"removes itself for good", removes_itself_for_good},
    {"is removed for good by another", is_removed_for_good_by_another},
    {"is removed for good by the office", is_removed_for_good_by_the_office},
};

// What was walked to its end in this run of the program.
std::set<std::tuple<std::string, std::string, std::string>> walked; // version, style, journey
std::set<std::tuple<way, std::string>> ways_of_journeys;
std::set<std::tuple<way, std::string>> ways_of_versions;

} // namespace

BOOST_AUTO_TEST_SUITE(device_matrix_process)

BOOST_TEST_DECORATOR(*needs_reference_phone())
BOOST_DATA_TEST_CASE(every_journey_is_made, data::make(all_cells()), where)
{
    matrix_scene world{where};
    for (std::size_t i = 0; i < std::size(journeys); ++i) {
        const journey& each = journeys[i];
        const way in = way_of(where, i);
        BOOST_TEST_CONTEXT(each.name << ", way " << static_cast<int>(in))
        {
            auto it = world.enrol_by(in, world.new_user(), each.biometry_from_the_start);
            each.run(world, where, in, it);
            walked.emplace(where.version, where.style, each.name);
            ways_of_journeys.emplace(in, each.name);
            ways_of_versions.emplace(in, where.version);
        }
    }
    world.server.stop();
}

// Only after all of them: 4 versions, 2 dialects, 20 journeys; 4 ways with each journey and with each version.
BOOST_TEST_DECORATOR(*needs_reference_phone() *
                     boost::unit_test::depends_on("device_matrix_process/every_journey_is_made"))
BOOST_AUTO_TEST_CASE(no_cell_is_missing)
{
    BOOST_TEST(walked.size() == 4U * 2U * 20U);
    BOOST_TEST(ways_of_journeys.size() == 4U * 20U);
    BOOST_TEST(ways_of_versions.size() == 4U * 4U);
}

BOOST_AUTO_TEST_SUITE_END()
