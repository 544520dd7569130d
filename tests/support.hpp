#pragma once

// What several suites need: directories and stores that go away with the test, a clock that is set, proofs without a
// phone, and a whole server in one thread without sockets.

#include "bench/device.hpp"
#include "crypto/seal.hpp"
#include "handlers/job_work.hpp"
#include "handlers/routes.hpp"
#include "kv/blocking_commit.hpp"
#include "registry/changes.hpp"
#include "registry/source_address.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <atomic>
#include <filesystem>
#include <list>
#include <mutex>
#include <random>
#include <semaphore>
#include <thread>

namespace doorward::tests {

using nlohmann::json;

// --- places and time

/// A new directory, removed with everything in it at the end.
class scratch_directory {
public:
    scratch_directory();
    scratch_directory(const scratch_directory&) = delete;
    scratch_directory& operator=(const scratch_directory&) = delete;
    ~scratch_directory();

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

/// Time that stands still until a test moves it.
class manual_clock final : public registry::clock {
public:
    [[nodiscard]] registry::time_ms now() const noexcept override { return now_.load(); }
    void set(registry::time_ms to) noexcept { now_ = to; }
    void advance(registry::time_ms by) noexcept { now_ += by; }

private:
    std::atomic<registry::time_ms> now_{1'700'000'000'000};
};

/// Codes as they come, unless a test wants certain ones. Any thread.
class planned_codes final : public registry::code_source {
public:
    [[nodiscard]] crypto::byte_array<10> draw() override;

    /// The next ones, in this order.
    void plan(std::vector<crypto::byte_array<10>> next);
    /// How many of them were not drawn yet.
    [[nodiscard]] std::size_t left() const;

private:
    mutable std::mutex mutex_;
    std::vector<crypto::byte_array<10>> next_; // guarded by mutex_; the next one is the last
};

/// A provider without a network: it answers what the test wants. Any thread.
class scripted_provider final : public handlers::outgoing_calls {
public:
    [[nodiscard]] handlers::outgoing_permit enter(const std::string& owner) override;
    [[nodiscard]] handlers::task<handlers::outgoing_answer> post(const handlers::outgoing_request& what,
                                                                 handlers::outgoing_permit permit) override;

    /// How many calls there is room for from now on, beside those under way. Without limit until then.
    void leave_room_for(std::size_t calls);

    void answer(handlers::outgoing_answer with);
    void answer(unsigned status, std::string body);
    /// Called with each request, on the thread that asks, before the answer.
    void on_request(std::function<void()> what);
    /// Requests from now on wait until release().
    void hold();
    void release();

    struct request {
        std::string owner;
        registry::provider_url to;
        std::string bearer;
        std::string request_id;
        json body;
        std::chrono::milliseconds timeout;
        std::string text{}; // the body as it is sent
        std::vector<std::pair<std::string, std::string>> headers{};
        std::string basic{};
        bool shows_certificate = false;

        [[nodiscard]] std::string header(std::string_view name) const;
    };
    [[nodiscard]] std::vector<request> requests() const;
    void forget_requests();
    /// What each request is answered, in place of the one answer for all. On the thread that asks.
    void answer_each(std::function<handlers::outgoing_answer(const request&)> judge);

private:
    mutable std::mutex mutex_;
    std::vector<request> requests_;                                  // guarded by mutex_
    handlers::outgoing_answer answer_;                               // guarded by mutex_
    std::function<void()> on_request_;                               // guarded by mutex_
    std::function<handlers::outgoing_answer(const request&)> judge_; // guarded by mutex_
    bool held_ = false;                                              // guarded by mutex_
    std::size_t room_ = SIZE_MAX;                                    // guarded by mutex_
};

/// The lines that operators would see. Any thread.
class recorded_log final : public handlers::operator_log {
public:
    void warn(std::string_view line) noexcept override;
    [[nodiscard]] std::vector<std::string> lines() const;

private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_; // guarded by mutex_
};

/// The master key of stores that are made for a test.
[[nodiscard]] crypto::byte_array<crypto::guarded_key::size> scratch_master_key();

/// A store with a master key and nothing in it.
struct scratch_store {
    explicit scratch_store(std::size_t map_bytes = std::size_t{64} * 1024 * 1024);

    scratch_directory directory;
    kv::env env;
    crypto::sealer sealer;
    kv::writer writer;
};

/// An application without working keys: enough for registrations to be made in it, too little for a directory.
void put_application(kv::writer& to, const std::string& id);

/// Keeps the writer from settling anything while it is closed.
class writer_gate {
public:
    /// Returns when the writer has arrived at the gate: everything submitted before is settled.
    explicit writer_gate(kv::writer& of);
    writer_gate(const writer_gate&) = delete;
    writer_gate& operator=(const writer_gate&) = delete;
    ~writer_gate();

    void open();

private:
    class change;
    std::unique_ptr<change> change_;
    bool open_ = false;
};

/// Runs `work(i)` on `count` threads that start together; returns when all have ended. The work must not use
/// Boost.Test: its macros belong to the main thread.
template <class Work>
void on_threads(unsigned count, const Work& work)
{
    std::atomic<unsigned> arrived{0};
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < count; ++i)
        threads.emplace_back([&, i] {
            arrived.fetch_add(1);
            while (arrived.load() < count)
                std::this_thread::yield();
            work(i);
        });
}

/// The seed of random tests: DOORWARD_TEST_SEED, or a new one. Printed, so that a failure can be repeated.
[[nodiscard]] std::uint64_t test_seed();

// --- addresses

[[nodiscard]] registry::source_address v4(crypto::byte a, crypto::byte b, crypto::byte c, crypto::byte d);
/// The first bytes and the last one; zeros between them.
[[nodiscard]] registry::source_address v6(std::initializer_list<crypto::byte> first, crypto::byte last);

// --- attempts

/// The keys and the counter of a phone; makes right and wrong proofs for any position.
class scratch_phone {
public:
    scratch_phone();

    const registry::factor_keys keys;
    const registry::ctr_data first_counter;

    [[nodiscard]] registry::ctr_data counter(std::uint64_t position) const;

    /// `salt` stands for what differs between requests, such as the nonce.
    [[nodiscard]] registry::presented_proof
    right(registry::factors type, std::uint64_t position, unsigned salt = 0,
          registry::presented_proof::form form = registry::presented_proof::form::binary) const;
    /// The right phone with another second factor.
    [[nodiscard]] registry::presented_proof
    wrong_pin(std::uint64_t position, unsigned salt = 0,
              registry::presented_proof::form form = registry::presented_proof::form::binary) const;
    /// Not even the possession component fits.
    [[nodiscard]] static registry::presented_proof
    noise(registry::factors type, unsigned salt = 0,
          registry::presented_proof::form form = registry::presented_proof::form::binary);

    /// A slot of this phone's registration in a state, nothing failed, at position 0.
    [[nodiscard]] registry::attempt_slot::content content(const registry::attempt_limits& limits,
                                                          registry::state in = registry::state::active,
                                                          const registry::uuid& id = registry::uuid::random()) const;
    [[nodiscard]] registry::slot_ptr slot(const registry::attempt_limits& limits,
                                          registry::state in = registry::state::active) const;
};

/// Limits as they are by default.
[[nodiscard]] inline registry::attempt_limits
default_limits(unsigned max_failed = registry::max_failed_attempts_default)
{
    return {static_cast<std::uint8_t>(max_failed), registry::look_ahead_default};
}

// --- vectors

[[nodiscard]] std::filesystem::path generated_vectors();
[[nodiscard]] std::filesystem::path published_vectors();
boost::test_tools::assertion_result published_vectors_are_here(boost::unit_test::test_unit_id);

/// Calls `check` for each vector of a file, in a context that names it.
void for_each_vector(const std::filesystem::path& file, const std::function<void(const json&)>& check);

// --- a whole server without sockets

/// A request that owns its parts.
struct owned_request {
    std::string method;
    std::string target; // path and query
    std::string body;
    std::string authorization;
    std::string power_auth_authorization;
    std::string power_auth_encryption;
    std::string external_user;
    std::string power_auth_token;
    std::string request_id{};
    std::string last_event_id{};
    std::string if_none_match{};
    registry::source_address source{};
    std::string idempotency_key{};
    std::string if_match{};
    std::string accept_encoding{};
    std::string host{};
    std::string origin{};
    std::string cookie{};
    std::string console{};

    [[nodiscard]] handlers::request view() const;
};
/// A request of the simulated phone.
[[nodiscard]] owned_request to_owned(const bench::http_request& from);

struct answer {
    unsigned status = 0;
    std::string text;
    json body; // null when the text is not JSON
    std::vector<std::pair<std::string, std::string>> headers;
    bool ends_connection = false;
    std::string content_type{};
    std::shared_ptr<handlers::response_stream> stream{};

    /// responseObject.code of an error.
    [[nodiscard]] std::string code() const;
    [[nodiscard]] std::string message() const;
    /// "field hint" of every violation.
    [[nodiscard]] std::vector<std::string> violated() const;
    [[nodiscard]] std::string header(std::string_view name) const;
};

/// Store, writer, directory and services, wired as a running server has them; requests go straight to route().
///
/// Accounts: "admin", "office" (sees the application "app"), "stranger" (sees "other"). The password of each is its
/// name.
class scratch_world {
public:
    explicit scratch_world(std::size_t map_bytes = std::size_t{64} * 1024 * 1024);
    ~scratch_world();
    scratch_world(const scratch_world&) = delete;
    scratch_world& operator=(const scratch_world&) = delete;

    manual_clock clock;
    planned_codes codes;
    scripted_provider provider;
    recorded_log log;
    handlers::manners manners;                                                             // what restart() begins with
    std::vector<crypto::secret<32>> master_keys{crypto::secret<32>{scratch_master_key()}}; // the same
    bool offers_backups = true; // the same; they go to the directory of the store
    bool draining = false;      // what the transport tells

    [[nodiscard]] handlers::services& services();
    [[nodiscard]] const kv::env& env() const;
    [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }
    [[nodiscard]] kv::writer& writer();
    [[nodiscard]] crypto::sealer& keys();
    /// Everything in memory goes; what is on disk stays.
    void restart();

    template <class Change>
    [[nodiscard]] kv::error_code commit(Change change)
    {
        return kv::blocking_commit(writer(), change);
    }

    /// One request, answered.
    answer call(handlers::side which, const owned_request& req);
    /// The same on a loop of its own; any thread, many at once.
    [[nodiscard]] answer call_alone(handlers::side which, const owned_request& req);
    answer office(std::string_view method, std::string_view target, std::string_view body = {},
                  std::string_view who = "office");
    answer device(std::string_view path, std::string_view body, std::string_view authorization = {},
                  std::string_view encryption = {});
    /// The same as a phone sends it.
    bench::http_answer device(const bench::http_request& req);

    /// A request that is on its way. Without run() it gets no further than what poll() finds ready.
    struct pending {
        owned_request req;
        handlers::request view;
        std::optional<answer> done;
    };
    [[nodiscard]] std::shared_ptr<pending> start(handlers::side which, owned_request req);
    [[nodiscard]] static owned_request office_request(std::string_view method, std::string_view target,
                                                      std::string_view body = {}, std::string_view who = "office");
    void poll();
    void run();
    /// Of the loop that start(), spawn() and finish() use.
    [[nodiscard]] boost::asio::io_context::executor_type loop() { return context_.get_executor(); }
    /// Lets what was started come as far as its one-time password: it has been compared or hashed, and nobody was told
    /// yet.
    void poll_until_passwords_are_checked();

    /// A coroutine of the handlers that is on its way; `out` outlives it.
    template <class Result>
    void spawn(handlers::task<Result> what, std::optional<Result>& out)
    {
        boost::asio::co_spawn(context_, std::move(what), [&out](const std::exception_ptr& fault, Result got) {
            if (fault)
                std::rethrow_exception(fault);
            out.emplace(std::move(got));
        });
    }

    /// The same, run to its end.
    template <class Result>
    Result finish(handlers::task<Result> what)
    {
        std::optional<Result> out;
        spawn(std::move(what), out);
        run();
        BOOST_TEST_REQUIRE(out.has_value());
        return *std::move(out);
    }

    /// One pass of the background clean-up.
    bool sweep();
    /// One step of one job; false when there is none to be done.
    bool work();
    /// Steps until all jobs have ended.
    void finish_jobs();
    /// Rounds of sending to webhooks, until all that is due now was sent.
    void send_webhooks();
    /// Everything that is in the journal only goes to the tables.
    void fold();

    [[nodiscard]] bench::application application(const std::string& id = "app");

    void create_account(std::string_view name, registry::role its_role, std::vector<std::string> applications,
                        bool enabled = true, registry::right_set rights = {});

    // --- registrations

    struct created {
        std::string id;
        std::string code;
        std::string qr_data;
    };
    /// POST /v2/registrations; `more` are further members of the body.
    created create(const std::string& user = "alice", const json& more = json::object());

    /// A phone of the application "app".
    [[nodiscard]] bench::device phone(bench::protocol_version version = bench::protocol_version::v3_3,
                                      bench::wire_style style = bench::wire_style::android);

    [[nodiscard]] bench::device phone(bench::device_state state, bench::wire_style style = bench::wire_style::android);

    [[nodiscard]] json detail(const std::string& id);
    [[nodiscard]] std::string status(const std::string& id);
    /// The rows of the history, oldest first.
    [[nodiscard]] std::vector<json> history(const std::string& id);

private:
    struct running;

    [[nodiscard]] boost::asio::io_context& another_context(); // any thread

    // Before the threads that complete on them: a thread may still be inside post() when its handler has run.
    boost::asio::io_context context_{1};
    std::mutex contexts_mutex_;
    std::list<boost::asio::io_context> contexts_; // guarded by contexts_mutex_

    scratch_directory directory_;
    std::size_t map_bytes_;
    handlers::job_turn jobs_turn_;
    std::unique_ptr<running> running_;
    std::optional<bench::application> application_; // what phone() hands out refers to it
};

/// A registered phone.
struct enrolled {
    std::string id;
    bench::device phone;
};

inline constexpr std::string_view right_pin = "1234";
inline constexpr std::string_view wrong_pin = "4321";

/// Registers a phone and commits it.
[[nodiscard]] enrolled enrol(scratch_world& world, const json& more = json::object(),
                             bench::protocol_version version = bench::protocol_version::v3_3,
                             const std::string& user = "alice");

inline constexpr bench::protocol_version all_versions[]{bench::protocol_version::v3_0, bench::protocol_version::v3_1,
                                                        bench::protocol_version::v3_2, bench::protocol_version::v3_3};

} // namespace doorward::tests
