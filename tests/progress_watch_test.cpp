// Whether a thread that stands still is noticed, and what happens to changes while the writer does.

#include "bench/http_client.hpp"
#include "crypto/encoding.hpp"
#include "server/config_table.hpp"
#include "server/init.hpp"
#include "server/instance.hpp"
#include "tests/support.hpp"

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace {

using namespace doorward;

// What a thread is held at until it is opened. Knows whether somebody has come.
class gate {
public:
    void pass()
    {
        std::unique_lock lock{mutex_};
        reached_ = true;
        moved_.notify_all();
        moved_.wait(lock, [&] { return open_; });
    }
    void wait_until_reached()
    {
        std::unique_lock lock{mutex_};
        moved_.wait(lock, [&] { return reached_; });
    }
    void open()
    {
        const std::lock_guard lock{mutex_};
        open_ = true;
        moved_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable moved_;
    bool open_ = false;    // guarded by mutex_
    bool reached_ = false; // guarded by mutex_
};

// A change that holds the writer at a gate. Settled on the writer's thread.
class held_change final : public kv::landing, public kv::pending_write {
public:
    explicit held_change(gate& at) : pending_write{static_cast<kv::landing&>(*this)}, at_{at} {}
    kv::error_code apply(kv::write_txn&) override
    {
        at_.pass();
        return {};
    }
    void deliver(kv::pending_write*) override
    {
        settled_.store(true);
        settled_.notify_all();
    }
    void complete() override {}
    void wait_until_settled() const { settled_.wait(false); }

private:
    gate& at_;
    std::atomic<bool> settled_{false};
};

// Changes that only take room in the queue.
class crowd final : public kv::landing {
public:
    explicit crowd(std::size_t count)
    {
        for (std::size_t i = 0; i < count; ++i)
            changes_.push_back(std::make_unique<idle_change>(*this));
    }
    void submit(kv::writer& to)
    {
        left_ = changes_.size();
        for (const auto& each : changes_)
            BOOST_TEST_REQUIRE(!to.submit(*each));
    }
    void deliver(kv::pending_write* chain) override
    {
        std::size_t count = 0;
        for (; chain != nullptr; chain = chain->next)
            ++count;
        left_ -= count;
        left_.notify_all();
    }
    void wait_until_settled() const
    {
        for (std::size_t left = left_; left > 0; left = left_)
            left_.wait(left);
    }

private:
    struct idle_change final : kv::pending_write {
        using pending_write::pending_write;
        kv::error_code apply(kv::write_txn&) override { return {}; }
        void complete() override {}
    };
    std::vector<std::unique_ptr<idle_change>> changes_;
    std::atomic<std::size_t> left_{0};
};

struct watched_server {
    watched_server()
    {
        const auto admin = server::initialise_data(home.path() / "data", "admin", {});
        credentials = "Basic " + crypto::to_base64(crypto::as_bytes(admin.username + ':' + admin.password));
    }
    [[nodiscard]] server::settings settings() const
    {
        server::settings out = server::default_settings();
        out.data = home.path() / "data";
        out.device.port(0);
        out.office.port(0);
        out.io_threads = 2;
        return out;
    }
    // Looks until all are well, which they are in the end.
    static void wait_until_well(server::instance& running)
    {
        while (!running.look_for_standstill().empty())
            std::this_thread::yield();
    }

    tests::scratch_directory home;
    std::string credentials;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(progress_watch, watched_server)

BOOST_AUTO_TEST_CASE(a_loop_that_stands_still_is_named)
{
    boost::asio::io_context loop;
    auto work = boost::asio::make_work_guard(loop);
    std::thread thread{[&] { loop.run(); }};
    server::progress_watch watch;
    watch.add("io-0", loop);
    gate held;
    boost::asio::post(loop, [&] { held.pass(); });
    held.wait_until_reached();

    BOOST_TEST(watch.look().empty()); // it has not been asked before
    const std::vector<std::string> stands{"io-0"};
    BOOST_TEST(watch.look() == stands);
    BOOST_TEST(watch.look() == stands);
    held.open();
    while (!watch.look().empty())
        std::this_thread::yield();
    work.reset();
    thread.join();
}

BOOST_AUTO_TEST_CASE(a_writer_that_stands_still_is_named)
{
    server::instance running{settings()};
    wait_until_well(running);
    gate held;
    held_change change{held};
    BOOST_TEST_REQUIRE(!running.writer().submit(change));
    held.wait_until_reached();

    // The loops are well; the writer is named once the question before this has been answered.
    std::vector<std::string> standing;
    for (int looks = 0; looks < 1000 && standing != std::vector<std::string>{"writer"}; ++looks) {
        standing = running.look_for_standstill();
        std::this_thread::yield();
    }
    BOOST_TEST((standing == std::vector<std::string>{"writer"}));
    held.open();
    change.wait_until_settled();
    wait_until_well(running);
}

BOOST_AUTO_TEST_CASE(changes_are_refused_early_while_too_many_wait)
{
    auto wanted = settings();
    wanted.transport.queue_percent = 1;
    server::instance running{wanted};
    bench::http_client office{running.office_url()};
    bench::http_client device{running.device_url()};
    const auto create = [&] {
        return office.request("POST", "/admin/applications", {{"Authorization", credentials}}, R"({"id":"bank"})");
    };
    gate held;
    held_change first{held};
    crowd waiting{kv::writer_queue_max / 100 + 1};
    BOOST_TEST_REQUIRE(!running.writer().submit(first));
    held.wait_until_reached();
    waiting.submit(running.writer());

    for (const auto& answer : {create(), device.request("POST", "/pa/v3/status", {}, "{}")}) {
        BOOST_TEST(answer.status == 503);
        BOOST_TEST((answer.header("Retry-After") == "2"));
        BOOST_TEST(answer.body.find("ERROR_OVERLOADED") != std::string::npos);
    }
    BOOST_TEST(device.request("GET", "/health", {}, "").status == 200);
    BOOST_TEST(office.request("GET", "/admin/applications", {{"Authorization", credentials}}, "").status == 200);

    held.open();
    waiting.wait_until_settled();
    first.wait_until_settled();
    BOOST_TEST(create().status / 100 == 2);
}

BOOST_AUTO_TEST_SUITE_END()
