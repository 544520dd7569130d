// The power fails while the server is busy: what was answered is in the store all the same, and nothing is made up
// (ARCHITECTURE.md, invariant 4).
//
// A kill leaves the kernel's cache; this goes further. One run of a real server is recorded, write by write and flush
// by flush (storage_shim.cpp), and each answer is booked with the position in the record at which it came. Then the
// store is rebuilt as of many moments of that run, with what a disk may have kept at each: all that was flushed, and
// of everything else nothing, or any part. Every such store must open, be whole, hold all that was answered before its
// moment, and nothing that was not asked before it.
//
// DOORWARD_POWER_LOSSES  how many moments; DOORWARD_TEST_SEED  what is done, which moments, what the disk kept

#include "tests/storage_support.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <future>
#include <set>

namespace {

using namespace doorward::tests;

constexpr int phone_count = 6;
constexpr int deeds_per_phone = 60;
constexpr int created_count = 60;
constexpr int token_count = 25; // fewer than a registration may have

struct booked_creation {
    std::string id;
    std::uint64_t answered;
};

// A token, and one use of it. Each was answered at its place.
struct booked_token {
    std::string id;
    std::uint64_t made;
    http_request use;
    std::uint64_t used;
};

// One recorded run.
struct recorded_run {
    explicit recorded_run(std::mt19937_64& random);

    scene bank;
    watched_storage disk;
    std::string before; // the store's file when the recording began
    std::vector<booked_phone> phones;
    std::vector<booked_creation> created;
    std::optional<doorward::bench::device> token_phone;
    std::vector<booked_token> tokens;
    std::vector<storage_entry> record;

    [[nodiscard]] std::filesystem::path file() const { return bank.server.data() / "data.mdb"; }
    [[nodiscard]] std::uint64_t end() const { return record.size(); }

    // Puts a store where the server looks for it and compares it with the books.
    std::vector<std::string> complaints_about(const std::string& store, std::uint64_t position);

private:
    void drive(booked_phone& who, std::uint64_t seed) const;
    void create();
    void make_tokens();
    [[nodiscard]] std::vector<std::string> complaints_about_tokens(std::uint64_t position) const;
};

deed choose(const booked_phone& who, std::mt19937_64& random)
{
    const bool active = who.possible().front().status == "ACTIVE";
    if (who.unheard >= unheard_max)
        return active ? deed::right_proof : deed::unblock;
    const auto dice = random() % 100;
    if (!active)
        return dice < 60 ? deed::unblock : dice < 80 ? deed::wrong_proof : deed::right_proof;
    return dice < 55 ? deed::wrong_proof : dice < 90 ? deed::right_proof : deed::block;
}

void recorded_run::drive(booked_phone& who, std::uint64_t seed) const
{
    std::mt19937_64 random{seed};
    doorward::bench::http_client device_side{bank.server.device_url()};
    for (int i = 0; i < deeds_per_phone; ++i) {
        const deed what = choose(who, random);
        if (who.act(what, device_side, disk) != outcome::answered)
            throw std::runtime_error{"deed " + std::to_string(static_cast<int>(what)) + " was not answered"};
        if (stored_state(who.office, who.id()) != who.possible().front())
            throw std::runtime_error{"the server tells another state than follows from its answers"};
    }
}

void recorded_run::create()
{
    auto office = bank.new_office();
    for (int i = 0; i < created_count; ++i) {
        auto id = office.post("/v2/registrations", {{"userId", "crowd"}, {"appId", bank.application_id}})
                      .at("registrationId")
                      .get<std::string>();
        created.push_back({std::move(id), disk.position()});
    }
}

http_request token_use(const doorward::bench::device& phone, const std::string& token)
{
    return phone.make_token_request(token, "/api/registration");
}

void recorded_run::make_tokens()
{
    doorward::bench::http_client device_side{bank.server.device_url()};
    for (int i = 0; i < token_count; ++i) {
        auto id = token_phone->create_token(doorward::bench::signature_type::possession);
        const auto made = disk.position();
        auto use = token_use(*token_phone, id);
        if (device_side.request(use).status != 200)
            throw std::runtime_error{"a token was refused"};
        tokens.push_back({std::move(id), made, std::move(use), disk.position()});
    }
}

std::vector<std::string> recorded_run::complaints_about_tokens(std::uint64_t position) const
{
    std::vector<std::string> out;
    doorward::bench::http_client device_side{bank.server.device_url()};
    for (const booked_token& each : tokens) {
        if (each.made > position)
            continue;
        if (device_side.request(token_use(*token_phone, each.id)).status != 200)
            out.push_back("a token is gone: " + each.id);
        if (each.used <= position && device_side.request(each.use).status != 401)
            out.push_back("a use of a token is forgotten: " + each.id);
    }
    return out;
}

recorded_run::recorded_run(std::mt19937_64& random)
{
    token_phone.emplace(bank.enroll("with-tokens"));
    for (int i = 0; i < phone_count; ++i) {
        auto phone = bank.enroll("user-" + std::to_string(i));
        const auto first = stored_state(bank.office, phone.activation_id());
        phones.push_back({std::move(phone), bank.new_office(), first});
    }
    bank.server.stop();
    before = read_file(file());

    bank.server.set_environment(disk.environment());
    bank.server.start({"--io-threads", "2"});
    std::vector<std::future<void>> threads;
    for (booked_phone& each : phones)
        threads.push_back(std::async(std::launch::async, [&, seed = random()] { drive(each, seed); }));
    threads.push_back(std::async(std::launch::async, [&] { create(); }));
    threads.push_back(std::async(std::launch::async, [&] { make_tokens(); }));
    for (auto& each : threads)
        each.get();
    bank.server.kill();
    bank.server.set_environment({});
    record = disk.record();
}

std::vector<std::string> recorded_run::complaints_about(const std::string& store, std::uint64_t position)
{
    write_file(file(), store);
    const std::string log = bank.server.log();
    std::vector<std::string> out;
    try {
        read_every_row(bank.server.data());
        bank.server.start({"--io-threads", "1"});
        for (const booked_phone& each : phones) {
            auto more = compare(each, position, bank, bank.office);
            out.insert(out.end(), more.begin(), more.end());
        }
        for (const booked_creation& each : created) {
            if (each.answered <= position && bank.office.ask("GET", "/v2/registrations/" + each.id).status != 200)
                out.push_back("a registration is gone: " + each.id);
        }
        const auto more = complaints_about_tokens(position);
        out.insert(out.end(), more.begin(), more.end());
        // And the store goes on: free pages are what they seem.
        const std::string& id = phones.front().id();
        if (bank.office.detail(id).at("registrationStatus") == "BLOCKED")
            bank.office.unblock(id);
        else
            bank.office.block(id);
        bank.server.kill();
    } catch (const std::exception& problem) {
        out.push_back(std::string{problem.what()} + "; the log: " + bank.server.log().substr(log.size()));
        if (bank.server.is_running()) {
            out.back() += "; the server waits: " + bank.server.waiting_threads();
            bank.server.kill();
        }
    }
    return out;
}

std::uint64_t count(const std::vector<storage_entry>& record, storage_action what)
{
    return static_cast<std::uint64_t>(
        std::ranges::count(record, what, [](const storage_entry& each) { return each.head.what; }));
}

// The moments to look at, in their order: the first, the last, and a sample of those right before and after each flush,
// each meta page and each answer.
std::vector<std::uint64_t> choose_moments(const recorded_run& run, std::mt19937_64& random)
{
    std::set<std::uint64_t> all;
    for (std::uint64_t at = 0; at < run.end(); ++at) {
        const auto what = run.record[at].head.what;
        if (what == storage_action::flush || what == storage_action::synced_write)
            all.insert({at, at + 1});
    }
    for (const booked_phone& each : run.phones) {
        for (const booked_deed& done : each.deeds)
            all.insert(done.answered.value_or(0));
    }
    for (const booked_creation& each : run.created)
        all.insert(each.answered);
    for (const booked_token& each : run.tokens)
        all.insert({each.made, each.used});

    std::vector<std::uint64_t> out{all.begin(), all.end()};
    std::ranges::shuffle(out, random);
    out.resize(std::min<std::uint64_t>(out.size(), environment_number("DOORWARD_POWER_LOSSES", 40)));
    out.insert(out.end(), {0, run.end()});
    std::ranges::sort(out);
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(power_loss_process)

BOOST_AUTO_TEST_CASE(what_was_answered_survives_power_loss_at_any_moment)
{
    std::mt19937_64 random{test_seed()};
    recorded_run run{random};
    const auto flushes = count(run.record, storage_action::flush);
    BOOST_TEST_MESSAGE(run.end() << " operations, " << flushes << " flushes");
    BOOST_TEST_REQUIRE(flushes > 50U);
    BOOST_TEST_REQUIRE(count(run.record, storage_action::synced_write) > 50U);

    // The record is complete: replayed, it makes the file that the server left.
    const std::string at_the_end = read_file(run.file());
    disk_model disk{run.before};
    std::uint64_t now = 0;
    for (const std::uint64_t moment : choose_moments(run, random)) {
        for (; now < moment; ++now)
            disk.happen(run.record[now], random);
        const auto how = random() % 3 == 0 ? loss::everything : loss::anything;
        BOOST_TEST_CONTEXT("power lost at operation " << moment << " of " << run.end() << ", unflushed writes "
                                                      << (how == loss::everything ? "lost" : "kept by chance"))
        {
            for (const std::string& complaint : run.complaints_about(disk.after_power_loss(how, random), moment))
                BOOST_ERROR(complaint);
        }
    }
    BOOST_TEST((disk.as_seen() == at_the_end));

    // Would a loss be noticed? The last commit is one flush and one meta page; without its meta page it is as if it had
    // never been, and somebody was told of it.
    disk_model forgetful{run.before};
    auto last = run.end();
    while (run.record[last - 1].head.what != storage_action::synced_write)
        --last;
    for (std::uint64_t at = 0; at + 1 < last; ++at)
        forgetful.happen(run.record[at], random);
    BOOST_TEST(!run.complaints_about(forgetful.after_power_loss(loss::everything, random), run.end()).empty());
}

BOOST_AUTO_TEST_SUITE_END()
