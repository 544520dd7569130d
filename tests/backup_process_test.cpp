// Backups of a server at work, a store of an older doorward, and damage on a server's disk: the programs as operators
// use them.
//
// Under load each phone is driven by a thread that counts what was answered. A backup has every attempt that was
// answered before it began, and none that was never made; the store that is made of it is whole.

#include "kv/blocking_commit.hpp"
#include "registry/master_key.hpp"
#include "tests/process_support.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdlib>
#include <map>
#include <thread>

namespace {

using namespace doorward;
using namespace doorward::tests;
namespace fs = std::filesystem;
namespace tables = registry::tables;

constexpr auto pk = bench::signature_type::possession_knowledge;
constexpr std::size_t phone_count = 6;

// --- load

struct loaded_phone {
    explicit loaded_phone(bench::device its) : phone{std::move(its)}, id{phone.activation_id()} {}

    bench::device phone; // of its thread
    const std::string id;
    std::atomic<std::uint64_t> begun{0};
    std::atomic<std::uint64_t> answered{0}; // all of them are on the disk
    std::atomic<bool> failed{false};
};

void drive(loaded_phone& who, const std::atomic<bool>& stopping)
{
    try {
        while (!stopping) {
            // Two wrong ones and a right one, so that it is never blocked.
            const auto turn = who.begun.fetch_add(1) % 3;
            const bool accepted = who.phone.validate(pk, turn == 2 ? right_pin : wrong_pin);
            if (accepted != (turn == 2))
                throw std::runtime_error{"another verdict than expected"};
            who.answered.fetch_add(1);
            who.answered.notify_all();
        }
    } catch (const std::exception&) {
        who.failed = true;
        who.answered.fetch_add(std::uint64_t{1} << 40);
        who.answered.notify_all();
    }
}

class load {
public:
    explicit load(scene& bank)
    {
        for (std::size_t i = 0; i < phone_count; ++i)
            phones_.push_back(std::make_unique<loaded_phone>(bank.enroll("user-" + std::to_string(i))));
        for (auto& each : phones_)
            threads_.emplace_back([this, who = each.get()] { drive(*who, stopping_); });
    }
    load(const load&) = delete;
    load& operator=(const load&) = delete;
    ~load() { stop(); }

    void stop()
    {
        stopping_ = true;
        threads_.clear(); // joins
    }

    [[nodiscard]] std::map<std::string, std::uint64_t> answered() const { return count(&loaded_phone::answered); }
    [[nodiscard]] std::map<std::string, std::uint64_t> begun() const { return count(&loaded_phone::begun); }

    // Returns when each phone has had so many answers more.
    void wait_for(std::uint64_t more) const
    {
        for (const auto& each : phones_) {
            const auto wanted = each->answered.load() + more;
            for (auto now = each->answered.load(); now < wanted; now = each->answered.load())
                each->answered.wait(now);
        }
    }
    [[nodiscard]] bool failed() const
    {
        return std::ranges::any_of(phones_, [](const auto& each) { return each->failed.load(); });
    }

private:
    [[nodiscard]] std::map<std::string, std::uint64_t> count(std::atomic<std::uint64_t> loaded_phone::*what) const
    {
        std::map<std::string, std::uint64_t> out;
        for (const auto& each : phones_)
            out[each->id] = ((*each).*what).load();
        return out;
    }

    std::atomic<bool> stopping_{false};
    std::vector<std::unique_ptr<loaded_phone>> phones_;
    std::vector<std::jthread> threads_;
};

std::uint64_t count_attempts(office_client& office, const std::string& id)
{
    std::uint64_t out = 0;
    std::string cursor;
    do {
        const auto page = office.get("/v2/registrations/" + id + "/attempts?limit=1000" +
                                     (cursor.empty() ? "" : "&cursor=" + cursor));
        out += page.at("items").size();
        cursor = page.value("nextCursor", "");
    } while (!cursor.empty());
    return out;
}

// --- stores

void remove_store(const fs::path& data)
{
    for (const char* each : {kv::data_file_name, kv::reader_file_name, kv::owner_file_name})
        fs::remove(data / each);
}

program_result check(const fs::path& data)
{
    return run_doorward({"check", "--data", data.string(), "--master-key", (data / "master.key").string()});
}

// A file of the store that an older doorward wrote.
fs::path stored(const char* name)
{
    return fs::path{DOORWARD_SOURCE_DIR} / "tests" / "stores" / "format-1" / name;
}

// That store, as it was.
void unpack_old_store(const fs::path& data)
{
    fs::create_directories(data);
    const auto unpacked = run_program("/bin/gzip", {"-dc", stored("data.mdb.gz").string()});
    if (unpacked.status != 0)
        throw std::runtime_error{unpacked.err};
    write_file(data / kv::data_file_name, unpacked.out);
    write_file(data / "master.key", read_file(stored("master.key")));
    fs::permissions(data / "master.key", fs::perms::owner_read | fs::perms::owner_write);
}

// One byte of one row, as a bad disk would.
void damage_row(const fs::path& data, kv::table table, crypto::bytes_view key)
{
    const kv::env store{data, tables::names, kv::opening{kv::opening::role::owner, false}};
    kv::writer writer{store};
    auto change = [&](kv::write_txn& txn) {
        const auto row = txn.get(table, key).value();
        crypto::bytes value{row.begin(), row.end()};
        value[value.size() / 2] ^= 1;
        txn.put(table, key, value);
        return kv::error_code{};
    };
    if (kv::blocking_commit(writer, change))
        throw std::runtime_error{"the row could not be damaged"};
}

// Kills a program as soon as a file is there; it may have ended before. How it ended.
int kill_when(child_process& program, const fs::path& appears)
{
    while (!fs::exists(appears) && program.is_running())
        std::this_thread::yield();
    program.signal(9);
    return program.wait();
}

// Rotates the master key, and gives what the program told.
json rotate(const fs::path& data)
{
    const auto done = run_doorward({"master-key", "rotate", "--data", data.string()});
    BOOST_TEST_REQUIRE(done.status == 0, done.err);
    return json::parse(done.out);
}

registry::registration_number number_of(const fs::path& data, const std::string& id)
{
    const kv::env store{data, tables::names, kv::opening{kv::opening::role::reader}};
    return store.view(
        [&](const kv::read_txn& txn) { return registry::find_number(txn, registry::uuid::parse(id).value()).value(); });
}

} // namespace

BOOST_AUTO_TEST_SUITE(backup_process)

BOOST_AUTO_TEST_CASE(a_backup_under_load_has_every_attempt_that_was_answered_before_it_began)
{
    scene bank;
    const temporary_directory home;
    bank.server.stop();
    bank.server.start({"--backup-directory", home.path().string()});
    load phones{bank};
    struct taken {
        std::string file;
        std::map<std::string, std::uint64_t> before; // answered before it began
        std::map<std::string, std::uint64_t> after;  // begun before it ended
    };
    std::vector<taken> backups;
    for (int round = 0; round < 3; ++round) {
        phones.wait_for(20);
        taken by_program;
        by_program.file = (home.path() / ("program-" + std::to_string(round))).string();
        by_program.before = phones.answered();
        const auto done = run_doorward({"backup", "--data", bank.server.data().string(), "--to", by_program.file});
        by_program.after = phones.begun();
        BOOST_TEST_REQUIRE(done.status == 0, done.err);
        backups.push_back(by_program);

        phones.wait_for(20);
        taken by_server;
        by_server.before = phones.answered();
        const auto told = bank.admin.post("/admin/backup");
        by_server.after = phones.begun();
        BOOST_TEST_REQUIRE(told.at("state") == "DONE", told.dump());
        by_server.file = (home.path() / told.at("name").get<std::string>()).string();
        backups.push_back(by_server);
    }
    phones.stop();
    BOOST_TEST_REQUIRE(!phones.failed());
    bank.server.stop();
    const auto still = check(bank.server.data());
    BOOST_TEST(still.status == 0, still.out);

    for (const taken& each : backups) {
        BOOST_TEST_CONTEXT(each.file)
        {
            const auto shown = run_doorward({"backup", "show", each.file});
            BOOST_TEST(shown.status == 0, shown.out);
            const auto checked = run_doorward({"check", "--backup", each.file, "--scratch", home.path().string(),
                                               "--master-key", (bank.server.data() / "master.key").string()});
            BOOST_TEST(checked.status == 0, checked.out);
            remove_store(bank.server.data());
            const auto restored = run_doorward({"restore", "--from", each.file, "--data", bank.server.data().string()});
            BOOST_TEST_REQUIRE(restored.status == 0, restored.out << restored.err);
            const auto sound = check(bank.server.data());
            BOOST_TEST(sound.status == 0, sound.out);
            bank.server.start();
            for (const auto& [id, least] : each.before) {
                const auto has = count_attempts(bank.office, id);
                BOOST_TEST(has >= least);
                BOOST_TEST(has <= each.after.at(id));
            }
            bank.server.stop();
        }
    }
}

// What a backup that is killed leaves keeps nothing: the next one takes its place, and the server its pages.
BOOST_AUTO_TEST_CASE(a_killed_backup_leaves_no_backup)
{
    scene bank;
    const temporary_directory home;
    const auto file = home.path() / "backup";
    for (int round = 0; round < 5; ++round) {
        child_process backup{DOORWARD_BINARY,
                             {"backup", "--data", bank.server.data().string(), "--to", file.string()},
                             home.path() / "log"};
        backup.signal(9);
        backup.wait();
        if (fs::exists(file)) { // it was faster
            BOOST_TEST(run_doorward({"backup", "show", file.string()}).status == 0);
            fs::remove(file);
        }
    }
    const auto done = run_doorward({"backup", "--data", bank.server.data().string(), "--to", file.string()});
    BOOST_TEST(done.status == 0, done.err);
    BOOST_TEST(json::parse(done.out).at("file") == file.string());
    BOOST_TEST(!fs::exists(home.path() / "backup.part"));
    BOOST_TEST(run_doorward({"backup", "show", file.string()}).status == 0);
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(commands_without_what_they_need_are_refused)
{
    scene bank;
    const temporary_directory home;
    const std::string nowhere = (home.path() / "nothing").string();
    const std::string data = bank.server.data().string();
    const std::string text = (home.path() / "text").string();
    write_file(text, "this is no backup, and long enough to be taken for a head of one; this is no backup, and long "
                     "enough to be taken for a head of one");
    const struct {
        std::vector<std::string> arguments;
        int status;
    } table[]{
        {{"backup"}, 2},
        {{"backup", "--data", data}, 2},
        {{"backup", "--data", nowhere, "--to", text + ".new"}, 1},
        {{"backup", "--data", home.path().string(), "--to", text + ".new"}, 1}, // holds no store
        {{"backup", "--data", data, "--to", text}, 1},                          // is there
        {{"backup", "show"}, 2},
        {{"backup", "show", nowhere}, 1},
        {{"backup", "show", text}, 3},
        {{"restore", "--from", text}, 2},
        {{"restore", "--from", text, "--data", data}, 3},
        {{"restore", "--from", nowhere, "--data", nowhere}, 1},
        {{"check"}, 2},
        {{"check", "--data", data, "--backup", text}, 2},
        {{"check", "--data", data}, 1}, // a server uses it
        {{"check", "--data", nowhere}, 1},
        {{"check", "--backup", text}, 3},
        {{"upgrade", "--data", data}, 1}, // a server uses it
        {{"upgrade", "--data", nowhere}, 1},
        {{"master-key"}, 2},
        {{"master-key", "rotate"}, 2},
        {{"master-key", "rotate", "--data", data, "--next", text}, 1}, // no key
        {{"master-key", "rotate", "--data", nowhere}, 1},
    };
    for (const auto& each : table) {
        const auto got = run_doorward(each.arguments);
        BOOST_TEST(got.status == each.status, each.arguments[0] << ' ' << each.arguments.back() << ": " << got.err);
        BOOST_TEST(!(got.err + got.out).empty());
    }
    BOOST_TEST(!fs::exists(nowhere));
    bank.server.stop();
    const auto same = run_doorward({"upgrade", "--data", data});
    BOOST_TEST(same.status == 0, same.err);
    BOOST_TEST(check(bank.server.data()).status == 0);
}

BOOST_AUTO_TEST_CASE(a_store_of_an_older_doorward_is_upgraded_and_used)
{
    server_process server;
    remove_store(server.data());
    unpack_old_store(server.data());
    const std::string data = server.data().string();

    // It is refused until somebody says so.
    const auto refused = run_doorward({"serve", "--data", data, "--device", "127.0.0.1:0", "--office", "127.0.0.1:0"});
    BOOST_TEST(refused.status == 1);
    BOOST_TEST(refused.err.find("doorward upgrade --data") != std::string::npos, refused.err);
    BOOST_TEST(run_doorward({"backup", "--data", data, "--to", data + ".backup"}).status == 1);
    BOOST_TEST(check(server.data()).status == 1);

    // Whatever an upgrade that was interrupted left is of no meaning.
    fs::create_directory(server.data() / "upgrade");
    write_file(server.data() / "upgrade" / kv::data_file_name, "half of it");
    write_file(server.data() / "data.mdb.format-1", "something else");
    const auto old = read_file(server.data() / kv::data_file_name);
    const auto upgraded = run_doorward({"upgrade", "--data", data});
    BOOST_TEST_REQUIRE(upgraded.status == 0, upgraded.err);
    BOOST_TEST(json::parse(upgraded.out).at("before") == 1);
    BOOST_TEST(!fs::exists(server.data() / "upgrade"));
    BOOST_TEST((read_file(server.data() / "data.mdb.format-1") == old));
    const auto sound = check(server.data());
    BOOST_TEST(sound.status == 0, sound.out);
    BOOST_TEST(json::parse(sound.out).at("sealsOpened") > 10);
    const auto verified = run_doorward({"audit", "verify", "--data", data});
    BOOST_TEST(verified.status == 0, verified.out);
    const auto again = run_doorward({"upgrade", "--data", data});
    BOOST_TEST(again.status == 0);
    BOOST_TEST(!json::parse(again.out).contains("before"));

    // What was there is there, and what is new is added to it.
    server.start();
    const auto admin_of_old = json::parse(read_file(stored("admin.json")));
    office_client admin{server, admin_of_old.at("username").get<std::string>(),
                        admin_of_old.at("password").get<std::string>()};
    const auto alices = admin.get("/v2/registrations?userId=alice&removed=true").at("registrations");
    BOOST_TEST_REQUIRE(!alices.empty());
    std::size_t attempts = 0;
    for (const auto& each : alices)
        attempts += count_attempts(admin, each.at("registrationId").get<std::string>());
    BOOST_TEST(attempts >= 4U);
    admin.post("/v2/registrations", {{"userId", "alice"}, {"appId", "bank"}});
    server.stop();
    BOOST_TEST(check(server.data()).status == 0);
}

BOOST_AUTO_TEST_CASE(an_upgrade_may_be_killed_at_any_time)
{
    const temporary_directory home;
    const auto data = home.path() / "store";
    unpack_old_store(data);
    int killed = 0;
    for (int round = 0; round < 20; ++round) {
        child_process upgrade{DOORWARD_BINARY, {"upgrade", "--data", data.string()}, home.path() / "log"};
        const fs::path moments[]{data, data / "upgrade", data / "upgrade" / kv::data_file_name,
                                 data / "data.mdb.format-1"};
        killed += kill_when(upgrade, moments[round % 4]) == 128 + 9 ? 1 : 0;
        const auto done = run_doorward({"upgrade", "--data", data.string()});
        BOOST_TEST_REQUIRE(done.status == 0, done.err);
        BOOST_TEST_REQUIRE(check(data).status == 0);
        fs::remove_all(data);
        unpack_old_store(data);
    }
    BOOST_TEST(killed > 0);
}

BOOST_AUTO_TEST_CASE(a_newer_store_is_refused)
{
    server_process server;
    {
        const kv::env store{server.data(), tables::names};
        kv::writer writer{store};
        auto change = [](kv::write_txn& txn) {
            const crypto::byte newer = registry::store_format + 1;
            txn.put(tables::meta, crypto::as_bytes(registry::meta_key::format), {&newer, 1});
            return kv::error_code{};
        };
        BOOST_TEST_REQUIRE(!kv::blocking_commit(writer, change));
    }
    const std::string data = server.data().string();
    const auto before = read_file(server.data() / kv::data_file_name);
    for (const auto& arguments : std::vector<std::vector<std::string>>{
             {"serve", "--data", data, "--device", "127.0.0.1:0", "--office", "127.0.0.1:0"},
             {"upgrade", "--data", data},
             {"backup", "--data", data, "--to", data + ".backup"},
             {"audit", "verify", "--data", data}}) {
        const auto got = run_doorward(arguments);
        BOOST_TEST(got.status == 1, arguments.front());
        BOOST_TEST(got.err.find("newer") != std::string::npos, got.err);
        BOOST_TEST((read_file(server.data() / kv::data_file_name) == before)); // nothing is made in it
    }
}

// While phones go on, and then on a store that no server uses. The former key opens backups from before and nothing
// else, and what was derived from the first key lives on.
BOOST_AUTO_TEST_CASE(the_master_key_is_exchanged_while_the_server_works)
{
    scene bank;
    const temporary_directory home;
    const fs::path data = bank.server.data();
    const auto key_file = data / "master.key";
    auto phone = bank.enroll("anna", {{"metadata", {{"segment", "gold"}}}});
    bank.office.put("/v2/users/anna/claims?appId=bank", {{"name", "Anna"}});
    static_cast<void>(phone.create_token(pk, right_pin));
    const std::string secret =
        bank.admin.post("/admin/users/" + bank.office_name + "/tokens", {{"name", "one"}}).at("token");
    const http_request by_token{
        "GET", "/v2/registrations/" + phone.activation_id(), {{"Authorization", "Bearer " + secret}}, ""};
    const auto before = (home.path() / "before").string();
    BOOST_TEST_REQUIRE(run_doorward({"backup", "--data", data.string(), "--to", before}).status == 0);
    const auto check_backup = [&](const std::string& file, const std::string& key) {
        return run_doorward({"check", "--backup", file, "--scratch", home.path().string(), "--master-key", key}).status;
    };
    for (const bool is_serving : {true, false}) {
        const auto old_key = read_file(key_file);
        fs::path former;
        if (is_serving) {
            load phones{bank};
            phones.wait_for(5);
            former = rotate(data).at("former").get<std::string>();
            phones.wait_for(5);
            phones.stop();
            BOOST_TEST_REQUIRE(!phones.failed());
            BOOST_TEST(bank.enroll("berta").validate(pk, right_pin)); // the process that began with the former key
            bank.server.stop();
        } else {
            former = rotate(data).at("former").get<std::string>();
        }
        BOOST_TEST(read_file(former) == old_key);
        BOOST_TEST(read_file(key_file) != old_key);
        BOOST_TEST(!fs::exists(data / "master.key.next"));
        const auto by_next = check(data);
        BOOST_TEST(by_next.status == 0, by_next.out);
        BOOST_TEST(run_doorward({"check", "--data", data.string(), "--master-key", former.string()}).status == 3);
        BOOST_TEST(run_doorward({"serve", "--data", data.string(), "--master-key", former.string(), "--device",
                                 "127.0.0.1:0", "--office", "127.0.0.1:0"})
                       .status == 1);
        if (is_serving) {
            BOOST_TEST(check_backup(before, former.string()) == 0);
            BOOST_TEST(check_backup(before, key_file.string()) == 3);
        }
    }
    bank.server.start();
    BOOST_TEST(phone.validate(pk, right_pin));
    bench::http_client office{bank.server.office_url()};
    BOOST_TEST(office.request(by_token).status == 200);
    BOOST_TEST(bank.office.get("/v2/users/anna/claims?appId=bank").at("name") == "Anna");
    BOOST_TEST(bank.office.detail(phone.activation_id()).at("metadata").at("segment") == "gold");
    BOOST_TEST(bank.enroll("clara").validate(pk, right_pin));
    bank.server.stop();
}

// The program and the server are killed in turn, at moments that a rotation comes to. Whatever is left, a server starts
// with it, and the program done again brings it to its end.
BOOST_AUTO_TEST_CASE(a_rotation_may_be_killed_at_any_time)
{
    scene bank;
    const fs::path data = bank.server.data();
    const temporary_directory home;
    const auto next_key = data / "master.key.next";
    auto phone = bank.enroll("anna");
    const auto last = [&] {
        const kv::env store{data, tables::names, kv::opening{kv::opening::role::reader}};
        return store.view([](const kv::read_txn& txn) { return registry::find_rotation(txn); })
            .value_or(registry::rotation{});
    };
    // Waits until the store is as wanted; false: it did not come to that in time.
    const auto becomes = [&](const auto& wanted) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes{1};
        while (!wanted(last())) {
            if (std::chrono::steady_clock::now() > deadline)
                return false;
            std::this_thread::yield();
        }
        return true;
    };
    for (int round = 0; round < 8; ++round) {
        const bool is_serving = round % 2 == 0;
        if (!is_serving)
            bank.server.stop();
        const auto before = last();
        {
            child_process rotation{
                DOORWARD_BINARY, {"master-key", "rotate", "--data", data.string()}, home.path() / "log"};
            const int end = kill_when(rotation, next_key);
            BOOST_TEST((end == 128 + 9 || !is_serving)); // it may be quicker where no server is asked
        }
        if (is_serving) { // it sees the key without the program, and is killed early, between walks, or at the end
            BOOST_TEST_REQUIRE(becomes([&](const registry::rotation& now) {
                return now.began_at > before.began_at && (round < 2 || now.walks >= 1) &&
                       (round < 6 || !now.is_under_way());
            }));
            bank.server.kill();
        }
        bank.server.start();
        BOOST_TEST(phone.validate(pk, right_pin));
        const auto told = rotate(data);
        BOOST_TEST(told.at("unreadable") == 0);
        BOOST_TEST(!fs::exists(next_key));
        BOOST_TEST(phone.validate(pk, right_pin));
    }
    bank.server.stop();
    BOOST_TEST(check(data).status == 0);
    BOOST_TEST(last().number >= 9);
}

// What is left when the program is killed while it exchanges the key file, state by state.
BOOST_AUTO_TEST_CASE(the_exchange_of_the_key_file_is_brought_to_its_end)
{
    scene bank;
    const fs::path data = bank.server.data();
    const auto key_file = data / "master.key";
    const auto next_key = data / "master.key.next";
    auto phone = bank.enroll("anna");
    const auto former = read_file(key_file);
    const fs::path kept = rotate(data).at("former").get<std::string>();
    const auto present = read_file(key_file);
    const auto write_key = [](const fs::path& file, const std::string& text) {
        write_file(file, text);
        fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
    };

    // Sealed anew, and nothing exchanged yet: a server starts, says so, and the program puts the key in its place.
    bank.server.kill();
    write_key(key_file, former);
    write_key(next_key, present);
    fs::remove(kept);
    bank.server.start();
    bank.server.wait_for_log("is not the master key of the store any more");
    BOOST_TEST(fs::exists(next_key));
    BOOST_TEST(phone.validate(pk, right_pin));
    BOOST_TEST(read_file(rotate(data).at("former").get<std::string>()) == former);
    BOOST_TEST(read_file(key_file) == present);

    // Exchanged, and the next key is still there: a server that starts removes it, and so does the program.
    bank.server.kill();
    write_key(next_key, present);
    bank.server.start();
    BOOST_TEST(!fs::exists(next_key));
    bank.server.stop();
    write_key(next_key, present);
    static_cast<void>(rotate(data));
    BOOST_TEST(!fs::exists(next_key));
    BOOST_TEST(read_file(key_file) != present);
    bank.server.start();
    BOOST_TEST(phone.validate(pk, right_pin));
    bank.server.stop();
}

// Where the server is given its key from elsewhere, the next one stays until it was started with it.
BOOST_AUTO_TEST_CASE(a_key_file_elsewhere_is_exchanged_and_the_next_key_stays_until_the_next_start)
{
    scene bank;
    const temporary_directory home;
    const fs::path data = bank.server.data();
    const auto elsewhere = home.path() / "key";
    const auto credential = home.path() / "credential"; // as it was when the service was started
    bank.server.stop();
    fs::rename(data / "master.key", elsewhere);
    fs::copy_file(elsewhere, credential);
    bank.server.start({"--master-key", credential.string()});
    auto phone = bank.enroll("anna");
    const auto done =
        run_doorward({"master-key", "rotate", "--data", data.string(), "--master-key", elsewhere.string()});
    BOOST_TEST_REQUIRE(done.status == 0, done.err);
    BOOST_TEST(fs::exists(data / "master.key.next"));
    bank.server.kill();
    bank.server.start({"--master-key", credential.string()});
    BOOST_TEST(phone.validate(pk, right_pin));
    bank.server.stop();
    fs::copy_file(elsewhere, credential, fs::copy_options::overwrite_existing);
    bank.server.start({"--master-key", credential.string()});
    BOOST_TEST(!fs::exists(data / "master.key.next"));
    BOOST_TEST(phone.validate(pk, right_pin));
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(a_rotation_says_what_is_wrong)
{
    scene bank;
    const temporary_directory home;
    const fs::path data = bank.server.data();
    bank.server.stop();
    const auto refused = [&](std::vector<std::string> more) {
        more.insert(more.begin(), {"master-key", "rotate", "--data", data.string()});
        const auto done = run_doorward(more);
        BOOST_TEST(done.status == 1);
        BOOST_TEST(done.out.empty());
        return done.err;
    };
    const auto foreign = home.path() / "foreign";
    write_file(foreign, std::string(64, 'a') + "\n");
    fs::permissions(foreign, fs::perms::owner_read | fs::perms::owner_write);
    BOOST_TEST(refused({"--master-key", foreign.string()}).find("not the one this store was made with") !=
               std::string::npos);
    BOOST_TEST(!fs::exists(data / "master.key.next"));
    const auto open_to_all = home.path() / "open";
    write_file(open_to_all, std::string(64, 'b') + "\n");
    fs::permissions(open_to_all, fs::perms::all);
    BOOST_TEST(refused({"--next", open_to_all.string()}).find("others may read it") != std::string::npos);
    BOOST_TEST(!fs::exists(data / "master.key.next"));

    // Its own key is the next one, by a file that is kept and by one that is made.
    for (const fs::path& next : {foreign, home.path() / "made"}) {
        const auto done = run_doorward({"master-key", "rotate", "--data", data.string(), "--next", next.string()});
        BOOST_TEST_REQUIRE(done.status == 0, done.err);
        BOOST_TEST(read_file(data / "master.key") == read_file(next));
    }
    BOOST_TEST(refused({"--next", (home.path() / "made").string()}).find("is the present one") != std::string::npos);
    BOOST_TEST(!fs::exists(data / "master.key.next"));
    // One that has begun goes to its own end.
    write_file(data / "master.key.next", std::string(64, 'c') + "\n");
    fs::permissions(data / "master.key.next", fs::perms::owner_read | fs::perms::owner_write);
    BOOST_TEST(refused({"--next", foreign.string()}).find("has begun") != std::string::npos);
    BOOST_TEST(run_doorward({"master-key", "rotate", "--data", data.string()}).status == 0);
    BOOST_TEST(read_file(data / "master.key") == std::string(64, 'c') + "\n");
    BOOST_TEST(check(data).status == 0);
}

// A bad row is an error and a line in the log, for whoever has to do with it; never an answer, never an end.
BOOST_AUTO_TEST_CASE(a_damaged_row_is_told_and_not_served)
{
    scene bank;
    const auto bad = bank.enroll("anna");
    auto good = bank.enroll("berta");
    auto spoilt = bank.enroll("clara");
    bank.server.stop();
    const auto key = [&](const bench::device& of) {
        return registry::number_key(number_of(bank.server.data(), of.activation_id()));
    };
    damage_row(bank.server.data(), tables::registrations, key(bad));
    damage_row(bank.server.data(), tables::counters, key(spoilt));
    const auto found = check(bank.server.data());
    BOOST_TEST(found.status == 3);
    BOOST_TEST(found.out.find("registrations") != std::string::npos);
    BOOST_TEST(
        run_doorward({"backup", "--data", bank.server.data().string(), "--to", bank.server.data().string() + ".backup"})
            .status == 1);

    bank.server.start();
    BOOST_TEST(bank.office.ask("GET", "/v2/registrations/" + bad.activation_id()).status == 500);
    BOOST_TEST(bank.office.ask("PUT", "/v2/registrations/" + bad.activation_id(), json{{"change", "BLOCK"}}).status ==
               500);
    BOOST_TEST(bank.office.ask("GET", "/v2/registrations/" + spoilt.activation_id()).status == 500);
    BOOST_CHECK_THROW(static_cast<void>(spoilt.validate(pk, right_pin)), std::exception);
    BOOST_TEST(bank.office.ask("GET", "/v2/registrations?userId=anna").status == 500); // read aside
    bank.server.wait_for_log("a row of the table registrations is damaged");
    // Nobody else notices.
    BOOST_TEST(good.validate(pk, right_pin));
    bank.office.block(good.activation_id());
    BOOST_TEST(bank.create_registration("dora").id.size() == 36U);
    bank.server.stop();
}

// The writer comes upon it: one change is refused, those of its batch are not.
BOOST_AUTO_TEST_CASE(a_change_that_comes_upon_damage_is_refused_and_others_are_not)
{
    scene bank;
    const auto phone = bank.enroll("anna");
    auto good = bank.enroll("berta");
    bank.server.stop();
    {
        // The row of history before the next one: a change reads the name there.
        const auto number = number_of(bank.server.data(), phone.activation_id());
        damage_row(bank.server.data(), tables::history, registry::history_key(number, 3));
    }
    bank.server.start();
    const auto refused =
        bank.office.ask("PUT", "/v2/registrations/" + phone.activation_id(), json{{"change", "BLOCK"}});
    BOOST_TEST(refused.status == 500);
    BOOST_TEST(refused.body.at("responseObject").at("code") == "ERROR_GENERIC");
    bank.server.wait_for_log("a row of the table history is damaged");
    BOOST_TEST(good.validate(pk, right_pin));
    BOOST_TEST(bank.server.is_running());
    bank.server.stop();
}

BOOST_AUTO_TEST_SUITE_END()
