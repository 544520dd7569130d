// Every operation of both sides in every state, and long random lives against a model. Detail, list and history must
// agree at every moment, and nothing may lead out of REMOVED.

#include "tests/support.hpp"

#include <array>
#include <map>
#include <set>

namespace {

using namespace doorward;
using namespace doorward::tests;
using type = bench::signature_type;

constexpr type two_factors = type::possession_knowledge;

std::string path(const std::string& id, std::string_view rest = {})
{
    return "/v2/registrations/" + id + std::string{rest};
}

// One registration and the phone that holds or will hold it.
struct life {
    std::string id;
    std::string code;
    std::string user;
    bench::device phone;
};

life begin(scratch_world& world, const std::string& user, const json& more = json::object(),
           bench::protocol_version version = bench::protocol_version::v3_3)
{
    const auto made = world.create(user, more);
    return {made.id, made.code, user, world.phone(version)};
}

bool activates(life& it)
{
    if (it.phone.is_activated()) {
        // The phone knows that its code is used up; the server is asked all the same, by a phone that does not.
        auto state = it.phone.state();
        state.activation.reset();
        auto other = it.phone;
        other.forget();
        try {
            static_cast<void>(other.activate(it.code, right_pin));
            return true;
        } catch (const bench::server_refused&) {
            return false;
        }
    }
    try {
        bench::activation_details details;
        details.biometry = true;
        static_cast<void>(it.phone.activate(it.code, right_pin, details));
        return true;
    } catch (const bench::server_refused&) {
        return false;
    }
}

// Brings a new registration into a state.
life in_state(scratch_world& world, registry::state wanted)
{
    using registry::state;
    auto it = begin(world, "alice");
    if (wanted == state::created)
        return it;
    BOOST_TEST_REQUIRE(activates(it));
    if (wanted == state::pending_commit)
        return it;
    BOOST_TEST_REQUIRE(world.office("POST", path(it.id, "/commit"), "{}").status == 200U);
    if (wanted == state::blocked)
        BOOST_TEST_REQUIRE(world.office("PUT", path(it.id), R"({"change":"BLOCK"})").status == 200U);
    if (wanted == state::removed)
        BOOST_TEST_REQUIRE(world.office("DELETE", path(it.id)).status == 200U);
    return it;
}

// What is wrong with how a registration is told; empty when all ways of looking agree.
std::string disagreement(scratch_world& world, const std::string& id, const std::string& user)
{
    const auto detail = world.detail(id);
    const auto rows = world.history(id);
    const auto list = world.office("GET", "/v2/registrations?userId=" + user + "&removed=true&limit=1000");
    json listed;
    for (const json& each : list.body.at("registrations"))
        if (each.at("registrationId") == id)
            listed = each;
    json comparable = detail;
    for (const char* only_in_detail : {"activationCode", "activationCodeSignature", "activationQrCodeData"})
        comparable.erase(only_in_detail);
    if (listed != comparable)
        return "list and detail differ";
    if (rows.empty() || rows.front().at("event") != "CREATE" || rows.front().contains("previousStatus"))
        return "the history does not begin with the creation";
    for (std::size_t i = 1; i < rows.size(); ++i) {
        if (rows[i].at("previousStatus") != rows[i - 1].at("registrationStatus"))
            return "the history has a gap";
        if (rows[i].at("version") <= rows[i - 1].at("version"))
            return "the history is out of order";
        if (rows[i - 1].at("registrationStatus") == "REMOVED")
            return "something happened after the removal";
    }
    if (rows.back().at("registrationStatus") != detail.at("registrationStatus"))
        return "history and detail differ";
    const bool is_blocked = detail.at("registrationStatus") == "BLOCKED";
    if (detail.contains("blockedReason") != is_blocked)
        return "a reason without a block, or a block without a reason";
    if (detail.at("remainingAttempts").get<int>() + detail.at("failedAttempts").get<int>() !=
        detail.at("maxFailedAttempts").get<int>())
        return "the attempts do not add up";
    return {};
}

using op = std::function<bool(scratch_world&, life&)>; // true when it was carried out

bool succeeded(const answer& got)
{
    return got.status == 200;
}

struct operation {
    const char* name;
    op perform;
    // By state, CREATED to REMOVED: whether it succeeds, and the state afterwards; 0 for the one before.
    bool succeeds[5];
    int leads_to[5];
};

const operation operations[]{
    {"activate",
     [](scratch_world&, life& it) { return activates(it); },
     {true, false, false, false, false},
     {2, 0, 0, 0, 0}},
    {"commit",
     [](scratch_world& world, life& it) { return succeeded(world.office("POST", path(it.id, "/commit"), "{}")); },
     {false, true, false, false, false},
     {0, 3, 0, 0, 0}},
    {"another one-time password",
     [](scratch_world& world, life& it) {
         return succeeded(world.office("PUT", path(it.id, "/otp"), R"({"otp":"2222"})"));
     },
     {false, true, false, false, false},
     {0, 0, 0, 0, 0}},
    {"block",
     [](scratch_world& world, life& it) {
         return succeeded(world.office("PUT", path(it.id), R"({"change":"BLOCK"})"));
     },
     {false, false, true, true, false},
     {0, 0, 4, 0, 0}},
    {"unblock",
     [](scratch_world& world, life& it) {
         return succeeded(world.office("PUT", path(it.id), R"({"change":"UNBLOCK"})"));
     },
     {false, false, true, true, false},
     {0, 0, 0, 3, 0}},
    {"remove by the back office",
     [](scratch_world& world, life& it) { return succeeded(world.office("DELETE", path(it.id))); },
     {true, true, true, true, true},
     {5, 5, 5, 5, 0}},
    {"remove by the phone",
     [](scratch_world& world, life& it) {
         return it.phone.is_activated() &&
                world.device(it.phone.make_remove_request(two_factors, right_pin)).status == 200;
     },
     {false, false, true, false, false},
     {0, 0, 5, 0, 0}},
    {"right proof",
     [](scratch_world&, life& it) { return it.phone.is_activated() && it.phone.validate(two_factors, right_pin); },
     {false, false, true, false, false},
     {0, 0, 0, 0, 0}},
    {"wrong proof",
     [](scratch_world&, life& it) { return it.phone.is_activated() && it.phone.validate(two_factors, wrong_pin); },
     {false, false, false, false, false},
     {0, 0, 0, 0, 0}},
    {"possession alone",
     [](scratch_world&, life& it) { return it.phone.is_activated() && it.phone.validate(type::possession); },
     {false, false, true, false, false},
     {0, 0, 0, 0, 0}},
    {"verification for the back office",
     [](scratch_world& world, life& it) {
         if (!it.phone.is_activated())
             return false;
         const auto header = it.phone.sign("POST", "/login", "", two_factors, right_pin);
         const auto got = world.office("POST", "/v2/signature/verify",
                                       json{{"method", "POST"}, {"uriId", "/login"}, {"authHeader", header}}.dump());
         return got.body.at("signatureValid") == true;
     },
     {false, false, true, false, false},
     {0, 0, 0, 0, 0}},
    {"temporary key",
     [](scratch_world&, life& it) {
         try {
             if (!it.phone.is_activated())
                 return false;
             static_cast<void>(it.phone.fetch_temporary_key(bench::encryption_scope::activation));
             return true;
         } catch (const bench::server_refused&) {
             return false;
         }
     },
     {false, false, true, true, false},
     {0, 0, 0, 0, 0}},
    {"status",
     [](scratch_world& world, life& it) {
         return it.phone.is_activated() && world.device(it.phone.prepare_status().request).status == 200;
     },
     {false, true, true, true, true},
     {0, 0, 0, 0, 0}},
    {"rename",
     [](scratch_world& world, life& it) {
         return succeeded(world.office("PUT", path(it.id, "/name"), R"({"name":"another"})"));
     },
     {false, true, true, true, false},
     {0, 0, 0, 0, 0}},
    {"add a flag",
     [](scratch_world& world, life& it) {
         return succeeded(world.office("POST", path(it.id, "/flags"), R"({"flags":["A"]})"));
     },
     {true, true, true, true, false},
     {0, 0, 0, 0, 0}},
    {"replace flags",
     [](scratch_world& world, life& it) {
         return succeeded(world.office("PUT", path(it.id, "/flags"), R"({"flags":["A"]})"));
     },
     {true, true, true, true, false},
     {0, 0, 0, 0, 0}},
    {"remove a flag",
     [](scratch_world& world, life& it) { return succeeded(world.office("DELETE", path(it.id, "/flags?flag=A"))); },
     {true, true, true, true, false},
     {0, 0, 0, 0, 0}},
    {"time",
     [](scratch_world& world, life&) {
         world.clock.advance(registry::registration_expiry_default_ms);
         static_cast<void>(world.sweep());
         return true;
     },
     {true, true, true, true, true},
     {5, 5, 0, 0, 0}},
};

} // namespace

BOOST_AUTO_TEST_SUITE(states)

BOOST_AUTO_TEST_CASE(every_operation_in_every_state_does_what_the_table_says)
{
    scratch_world world;
    for (const operation& each : operations)
        for (std::size_t i = 0; i < std::size(registry::all_states); ++i)
            BOOST_TEST_CONTEXT(each.name << " in " << to_text(registry::all_states[i]))
            {
                auto it = in_state(world, registry::all_states[i]);
                BOOST_TEST(each.perform(world, it) == each.succeeds[i]);
                const int after = each.leads_to[i] == 0 ? static_cast<int>(i) + 1 : each.leads_to[i];
                BOOST_TEST(world.status(it.id) == to_text(static_cast<registry::state>(after)));
                BOOST_TEST(disagreement(world, it.id, it.user) == "");
            }
}

BOOST_AUTO_TEST_CASE(an_operation_that_is_refused_writes_no_history)
{
    scratch_world world;
    for (const operation& each : operations)
        for (std::size_t i = 0; i < std::size(registry::all_states); ++i) {
            if (each.succeeds[i])
                continue;
            BOOST_TEST_CONTEXT(each.name << " in " << to_text(registry::all_states[i]))
            {
                auto it = in_state(world, registry::all_states[i]);
                const auto rows = world.history(it.id).size();
                static_cast<void>(each.perform(world, it));
                BOOST_TEST(world.history(it.id).size() == rows);
            }
        }
}

BOOST_AUTO_TEST_CASE(no_two_operations_lead_out_of_removed)
{
    scratch_world world;
    for (const operation& first : operations) {
        auto it = in_state(world, registry::state::removed);
        for (const operation& second : operations) {
            static_cast<void>(first.perform(world, it));
            static_cast<void>(second.perform(world, it));
            BOOST_TEST_REQUIRE(world.status(it.id) == "REMOVED", first.name << ", " << second.name);
        }
        BOOST_TEST(disagreement(world, it.id, it.user) == "");
    }
}

BOOST_AUTO_TEST_SUITE_END()

// --- random lives

namespace {

// What a registration should be, by rules of a dozen lines.
struct expected {
    registry::state now = registry::state::created;
    unsigned failed = 0;
    unsigned max_failed = 5;
    std::string reason;
    registry::time_ms expires_at = 0;
    unsigned ahead = 0; // of the phone's counter before the server's
    std::string name;
    std::set<std::string> flags;
    std::size_t rows = 1;

    void moves(registry::state to)
    {
        now = to;
        ++rows;
        if (to != registry::state::blocked)
            reason.clear();
        if (to == registry::state::active)
            failed = 0;
    }
    void time_is(registry::time_ms at)
    {
        const bool unfinished = now == registry::state::created || now == registry::state::pending_commit;
        if (unfinished && expires_at <= at)
            moves(registry::state::removed);
    }
    // A proof of the phone; true when it should be accepted.
    bool proves(bool right, bool possession_alone)
    {
        const bool seen = now == registry::state::active && ahead < registry::look_ahead_default;
        if (seen && right) {
            ahead = 0;
            if (!possession_alone)
                failed = 0;
            return true;
        }
        ++ahead;
        if (seen && !possession_alone && ++failed == max_failed) {
            moves(registry::state::blocked);
            reason = "MAX_FAILED_ATTEMPTS";
        }
        return false;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(states_model)

// Random operations on a handful of registrations and on the model, compared after every step. A failure is repeated
// with the seed that is printed.
BOOST_AUTO_TEST_CASE(long_random_lives_follow_the_model)
{
    const auto seed = test_seed();
    std::mt19937_64 random{seed};
    const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
    using registry::state;

    scratch_world world;
    std::vector<life> lives;
    std::map<std::string, expected> model;

    for (int step = 0; step < 600; ++step) {
        std::string done;
        if (lives.size() < 3 || below(15) == 0) {
            expected fresh;
            fresh.max_failed = 1 + below(4);
            fresh.expires_at = world.clock.now() + 100'000 + below(400'000);
            auto it =
                begin(world, below(2) == 0 ? "alice" : "bob",
                      {{"maxFailedAttempts", fresh.max_failed}, {"timestampRegistrationExpire", fresh.expires_at}},
                      all_versions[1 + below(3)]); // digits count where noise does not, which is another model
            model[it.id] = fresh;
            lives.push_back(std::move(it));
            done = "create";
        }
        life& it = lives[below(static_cast<unsigned>(lives.size()))];
        expected& wanted = model[it.id];
        bool got = false;
        bool should = false;
        switch (below(17)) {
        case 0:
        case 1:
            done += " activate";
            should = wanted.now == state::created;
            got = activates(it);
            if (should) {
                wanted.moves(state::pending_commit);
                wanted.name = "Simulated phone";
            }
            break;
        case 2:
        case 3:
            done += " commit";
            should = wanted.now == state::pending_commit;
            got = succeeded(world.office("POST", path(it.id, "/commit"), "{}"));
            if (should)
                wanted.moves(state::active);
            break;
        case 4:
            done += " block";
            should = wanted.now == state::active || wanted.now == state::blocked;
            got = succeeded(world.office("PUT", path(it.id), R"({"change":"BLOCK","blockedReason":"LOST"})"));
            if (wanted.now == state::active) {
                wanted.moves(state::blocked);
                wanted.reason = "LOST";
            }
            break;
        case 5:
        case 6:
            done += " unblock";
            should = wanted.now == state::active || wanted.now == state::blocked;
            got = succeeded(world.office("PUT", path(it.id), R"({"change":"UNBLOCK"})"));
            if (wanted.now == state::blocked)
                wanted.moves(state::active);
            break;
        case 7:
            if (below(4) != 0)
                continue;
            done += " remove";
            should = true;
            got = succeeded(world.office("DELETE", path(it.id)));
            if (wanted.now != state::removed)
                wanted.moves(state::removed);
            break;
        case 8:
        case 9:
            done += " right proof";
            if (!it.phone.is_activated())
                continue;
            should = wanted.proves(true, false);
            got = it.phone.validate(two_factors, right_pin);
            break;
        case 10:
        case 11:
            done += " wrong proof";
            if (!it.phone.is_activated())
                continue;
            should = wanted.proves(false, false);
            got = it.phone.validate(two_factors, wrong_pin);
            break;
        case 12:
            done += " possession";
            if (!it.phone.is_activated())
                continue;
            should = wanted.proves(true, true);
            got = it.phone.validate(type::possession);
            break;
        case 13: {
            done += " rename";
            const std::string name = "phone " + std::to_string(below(3));
            should = wanted.now != state::created && wanted.now != state::removed;
            got = succeeded(world.office("PUT", path(it.id, "/name"), json{{"name", name}}.dump()));
            if (should && wanted.name != name) {
                wanted.name = name;
                ++wanted.rows;
            }
            break;
        }
        case 14:
        case 15: {
            done += " flags";
            const std::string flag(1, static_cast<char>('A' + below(3)));
            const char* const method = std::array{"POST", "PUT", "DELETE"}[below(3)];
            should = wanted.now != state::removed;
            got = succeeded(world.office(method, path(it.id, "/flags"), json{{"flags", {flag}}}.dump()));
            const auto before = wanted.flags;
            if (should && *method == 'D')
                wanted.flags.erase(flag);
            else if (should && method[1] == 'U')
                wanted.flags = {flag};
            else if (should)
                wanted.flags.insert(flag);
            wanted.rows += wanted.flags != before ? 1U : 0U;
            break;
        }
        default:
            if (below(3) == 0) {
                done += " restart";
                world.restart();
            } else {
                done += " time";
                world.clock.advance(below(60'000));
                for (auto& [id, each] : model)
                    each.time_is(world.clock.now());
                if (below(2) == 0)
                    static_cast<void>(world.sweep());
            }
            should = got = true;
        }
        BOOST_TEST_CONTEXT("seed " << seed << ", step " << step << ':' << done << ' ' << it.id)
        {
            BOOST_TEST_REQUIRE(got == should);
            const auto detail = world.detail(it.id);
            BOOST_TEST_REQUIRE(detail.at("registrationStatus") == to_text(wanted.now));
            if (wanted.now == state::active || wanted.now == state::blocked)
                BOOST_TEST_REQUIRE(detail.at("failedAttempts") == wanted.failed);
            BOOST_TEST_REQUIRE(detail.value("blockedReason", "") == wanted.reason);
            BOOST_TEST_REQUIRE(detail.value("name", "") == wanted.name);
            BOOST_TEST_REQUIRE(detail.at("flags") == json(wanted.flags));
            BOOST_TEST_REQUIRE(world.history(it.id).size() == wanted.rows);
            BOOST_TEST_REQUIRE(disagreement(world, it.id, it.user) == "");
        }
    }
    world.restart();
    for (const life& it : lives)
        BOOST_TEST_CONTEXT("seed " << seed << ", at the end " << it.id)
        {
            BOOST_TEST(world.status(it.id) == to_text(model[it.id].now));
            BOOST_TEST(disagreement(world, it.id, it.user) == "");
        }
    for (const char* user : {"alice", "bob"}) {
        std::size_t present = 0;
        for (const life& it : lives)
            present += it.user == user && model[it.id].now != state::removed ? 1U : 0U;
        const auto list = world.office("GET", std::string{"/v2/registrations?limit=1000&userId="} + user);
        BOOST_TEST(list.body.at("registrations").size() == present);
    }
}

BOOST_AUTO_TEST_SUITE_END()

// --- races through the whole of the server

BOOST_AUTO_TEST_SUITE(states_races)

namespace {

owned_request signed_request(const bench::http_request& from)
{
    owned_request out;
    out.method = from.method;
    out.target = from.path;
    out.body = from.body;
    for (const auto& [name, value] : from.headers)
        if (name == "X-PowerAuth-Authorization")
            out.power_auth_authorization = value;
    return out;
}

} // namespace

// DESIGN.md 5.1, invariant 1, with everything around it.
BOOST_AUTO_TEST_CASE(parallel_wrong_pins_leave_exactly_the_limit_on_disk)
{
    scratch_world world;
    for (int round = 0; round < 5; ++round) {
        auto it = enrol(world, {{"maxFailedAttempts", 3}});
        std::vector<owned_request> guesses;
        for (int i = 0; i < 8; ++i)
            guesses.push_back(signed_request(it.phone.make_validate_request(two_factors, wrong_pin)));
        std::atomic<unsigned> refused{0};
        on_threads(8, [&](unsigned who) {
            refused += world.call_alone(handlers::side::device, guesses[who]).status == 401 ? 1U : 0U;
        });
        BOOST_TEST(refused.load() == 8U);
        const auto detail = world.detail(it.id);
        BOOST_TEST(detail.at("registrationStatus") == "BLOCKED");
        BOOST_TEST(detail.at("failedAttempts") == 3);
        BOOST_TEST(disagreement(world, it.id, "alice") == "");
        world.restart();
        BOOST_TEST(world.detail(it.id) == detail);
    }
}

// Invariants 2 and 3.
BOOST_AUTO_TEST_CASE(parallel_right_pins_are_accepted_once_each_and_never_counted)
{
    scratch_world world;
    auto it = enrol(world, {{"maxFailedAttempts", 1}});
    std::vector<owned_request> proofs;
    for (int i = 0; i < 4; ++i)
        proofs.push_back(signed_request(it.phone.make_validate_request(two_factors, right_pin)));
    std::atomic<unsigned> accepted[4]{};
    on_threads(8, [&](unsigned who) { // each proof twice
        if (world.call_alone(handlers::side::device, proofs[who % 4]).status == 200)
            accepted[who % 4].fetch_add(1);
    });
    for (const auto& each : accepted)
        BOOST_TEST(each.load() <= 1U);
    BOOST_TEST(accepted[3].load() == 1U); // the last is in every window
    BOOST_TEST(world.detail(it.id).at("failedAttempts") == 0);
    BOOST_TEST(world.status(it.id) == "ACTIVE");
}

// Invariants 5 and 6.
BOOST_AUTO_TEST_CASE(operators_and_phones_at_once_leave_one_story)
{
    scratch_world world;
    for (int round = 0; round < 5; ++round) {
        auto it = enrol(world, {{"maxFailedAttempts", 2}});
        std::vector<owned_request> requests;
        for (int i = 0; i < 3; ++i) {
            requests.push_back(signed_request(it.phone.make_validate_request(two_factors, wrong_pin)));
            requests.push_back(signed_request(it.phone.make_validate_request(two_factors, right_pin)));
        }
        requests.push_back(scratch_world::office_request("PUT", path(it.id), R"({"change":"BLOCK"})"));
        requests.push_back(scratch_world::office_request("PUT", path(it.id), R"({"change":"UNBLOCK"})"));
        requests.push_back(scratch_world::office_request("PUT", path(it.id, "/name"), R"({"name":"n"})"));
        requests.push_back(scratch_world::office_request("POST", path(it.id, "/flags"), R"({"flags":["A"]})"));
        requests.push_back(scratch_world::office_request("DELETE", path(it.id)));
        std::atomic<unsigned> unexpected{0};
        on_threads(static_cast<unsigned>(requests.size()), [&](unsigned who) {
            const auto which = who < 6 ? handlers::side::device : handlers::side::office;
            const auto status = world.call_alone(which, requests[who]).status;
            unexpected += status >= 500 ? 1U : 0U;
        });
        BOOST_TEST(unexpected.load() == 0U);
        BOOST_TEST(world.status(it.id) == "REMOVED");
        BOOST_TEST(disagreement(world, it.id, "alice") == "");
    }
}

// Of several phones with one code, one has it.
BOOST_AUTO_TEST_CASE(one_code_registers_one_phone_however_many_try_at_once)
{
    scratch_world world;
    for (int round = 0; round < 5; ++round) {
        const auto made = world.create();
        std::vector<owned_request> requests;
        for (int i = 0; i < 6; ++i) {
            auto phone = world.phone(bench::protocol_version::v3_2);
            const auto pending = phone.prepare_activation(made.code, right_pin);
            owned_request req;
            req.method = "POST";
            req.target = pending.request.path;
            req.body = pending.request.body;
            for (const auto& [name, value] : pending.request.headers)
                if (name == "X-PowerAuth-Encryption")
                    req.power_auth_encryption = value;
            requests.push_back(std::move(req));
        }
        std::atomic<unsigned> registered{0}, refused{0};
        on_threads(6, [&](unsigned who) {
            const auto status = world.call_alone(handlers::side::device, requests[who]).status;
            (status == 200 ? registered : refused).fetch_add(1);
        });
        BOOST_TEST(registered.load() == 1U);
        BOOST_TEST(refused.load() == 5U);
        BOOST_TEST(world.status(made.id) == "PENDING_COMMIT");
        BOOST_TEST(disagreement(world, made.id, "alice") == "");
    }
}

BOOST_AUTO_TEST_SUITE_END()
