#pragma once

#include "handlers/task.hpp"
#include "kv/writer.hpp"
#include "registry/event_place.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace doorward::handlers {

/// Who may wait for events at the same time, long polls and streams together; count.
inline constexpr std::size_t event_waiters_max = 256;
inline constexpr std::size_t event_waiters_of_account_max = 32; // of them, so that one account cannot have all

/// How long a long poll may wait; less than the transport grants an answer (answer_timeout).
inline constexpr std::chrono::seconds event_wait_max{25};

/// Wakes those who wait for events when the writer has brought some to the disk. Nobody looks again and again.
///
/// Whoever waits enters, looks at the store, and then waits: what was committed after that look rings, because it was
/// committed after the entry too.
/// threads  committed() the writer's; a place belongs to one io thread; everything else any
class event_bell final : public kv::commit_listener {
public:
    /// store  outlives this object
    explicit event_bell(const kv::env& store) : store_{store} {}
    event_bell(const event_bell&) = delete;
    event_bell& operator=(const event_bell&) = delete;
    ~event_bell() = default;

    /// Looks whether the batch brought events, where anybody waits, and wakes them all.
    void committed() override;

    /// Nobody waits any more, from now on: the server is stopping.
    void close();
    [[nodiscard]] bool is_closed() const;

private:
    using executor = boost::asio::io_context::executor_type;
    struct sleeper {
        explicit sleeper(const executor& home) : timer{home} {}

        boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                          boost::asio::wait_traits<std::chrono::steady_clock>, executor>
            timer;             // io thread only
        bool rung = false;     // since it waited last; guarded by mutex_ of the bell
        bool listening = true; // guarded by mutex_ of the bell
    };

public:
    /// A place among those who wait, as long as it lives.
    class place {
    public:
        place(event_bell& bell, std::string account, std::shared_ptr<sleeper> mine)
            : bell_{bell}, account_{std::move(account)}, mine_{std::move(mine)}
        {}
        place(const place&) = delete;
        place& operator=(const place&) = delete;
        ~place() { bell_.leave(account_, mine_); }

        /// Returns when there may be events that were not there when this was called last (the first time: when the
        /// place was taken), at `until`, or because the bell is closed. At once where one of them is so already.
        task<void> wait(std::chrono::steady_clock::time_point until);

        /// Ends the wait, or the next one. Any thread.
        void wake();
        /// Whether the bell rings here, as it does at first.
        ///
        /// returns  true when it begins to: who waits has to look at the store then
        bool listen(bool to_the_bell);

    private:
        event_bell& bell_; // outlives this object
        const std::string account_;
        const std::shared_ptr<sleeper> mine_;
    };

    /// Null when too many wait, altogether or of this account. On the io thread of `home`.
    [[nodiscard]] std::unique_ptr<place> enter(const std::string& account, const executor& home);

private:
    void leave(const std::string& account, const std::shared_ptr<sleeper>& who);
    static void ring(const std::shared_ptr<sleeper>& who); // mutex_ is held
    [[nodiscard]] std::optional<registry::event_sequence> last_sequence() const noexcept;

    const kv::env& store_;
    mutable std::mutex mutex_;                     // a leaf
    std::list<std::shared_ptr<sleeper>> sleepers_; // guarded by mutex_
    std::size_t listening_ = 0;                    // of them; guarded by mutex_
    std::map<std::string, std::size_t> accounts_;  // how many each has; guarded by mutex_
    registry::event_sequence rung_for_ = 0;        // guarded by mutex_
    bool closed_ = false;                          // guarded by mutex_
};

} // namespace doorward::handlers
