#pragma once

#include "kv/env.hpp"
#include "kv/meter.hpp"

#include <atomic>
#include <chrono>
#include <thread>

namespace doorward::kv {

/// Changes that may wait for the writer; one more is refused with queue_full.
inline constexpr std::size_t writer_queue_max = 65'536;

/// Changes in one transaction. More wait for the next one, so that no flush grows without bound.
inline constexpr std::size_t batch_changes_max = 4'096;
static_assert(batch_changes_max <= writer_queue_max);

/// Room that is reserved for a batch: new pages for every change, and some for the tree above them.
inline constexpr std::size_t batch_bytes_per_change = std::size_t{8} * 4096;
inline constexpr std::size_t batch_bytes_least = std::size_t{1024} * 1024;

/// Bounds of the sizes of batches, in changes.
inline constexpr std::array<std::uint64_t, 13> batch_size_bounds{1,   2,   4,   8,    16,   32,  64,
                                                                 128, 256, 512, 1024, 2048, 4096};

class pending_write;

/// Where settled changes of one io thread go. deliver() takes a whole chain at once, so an io thread is woken once per
/// batch and not once per change.
class landing {
public:
    /// Writer thread. Takes ownership of the chain (linked by pending_write::next).
    virtual void deliver(pending_write* chain) = 0;

protected:
    ~landing() = default;
};

/// One change on its way through the writer. Created and destroyed by async_commit.
class pending_write {
public:
    explicit pending_write(landing& home) : home_{home} {}
    pending_write(const pending_write&) = delete;
    pending_write& operator=(const pending_write&) = delete;
    virtual ~pending_write() = default;

    /// Writer thread: reads first and writes last, so that an error leaves the batch untouched. May be called again
    /// after undone().
    virtual error_code apply(write_txn& txn) = 0;

    /// Writer thread, after the commit and before the next batch, when the outcome is success.
    virtual void durable() noexcept {}

    /// Writer thread, in its place when the outcome is an error: nothing that apply() wrote is in the store.
    virtual void undone() noexcept {}

    /// How much room it takes: it writes about as much as so many ordinary changes, at most.
    [[nodiscard]] virtual std::size_t weight() const noexcept { return 1; }

    /// On the io thread it came from; destroys *this. `outcome` is known by then.
    virtual void complete() = 0;

    pending_write* next = nullptr; // owned by whoever holds the chain
    error_code outcome;            // set by the writer before delivery

private:
    friend class writer;
    landing& home_;
    bool last_ = false; // the writer's own mark: nothing comes after it
};

/// Told of what reaches the disk.
class commit_listener {
public:
    /// Writer thread, after a batch is on the disk and whoever sent its changes has been told. It must not wait.
    virtual void committed() = 0;

protected:
    ~commit_listener() = default;
};

/// The writer thread: the only one that opens write transactions.
///
/// Promise: a change whose outcome is success survives power loss. All changes that arrived during the last flush go
/// into the next transaction, so under load one flush settles many of them and at rest a change waits for nobody.
///
/// A failed flush ends the process: the kernel may have dropped the dirty pages, and LMDB 0.9.24 would let the next
/// commit succeed on top of them. Nothing has been answered by then, so a restart reads what the disk really has. A
/// full disk or map is not such a failure: the batch is refused with storage_full and the next one is tried. Nor is a
/// damaged row: the changes of its batch are made again one by one, and the one that looks at it is refused.
class writer {
public:
    /// listener  outlives this object
    explicit writer(const env& store, commit_listener* listener = nullptr);
    writer(const writer&) = delete;
    writer& operator=(const writer&) = delete;

    /// Settles what is queued, then stops. Changes submitted later are refused with `closing`.
    ~writer();

    /// Any thread, lock-free. Takes ownership on success only.
    ///
    /// errors  queue_full, closing
    [[nodiscard]] error_code submit(pending_write& change) noexcept;

    /// Changes that were submitted and are in no batch yet; at most so many are wrong by as threads submit.
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t batches() const noexcept { return batches_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t changes() const noexcept { return changes_.load(std::memory_order_relaxed); }

    // For whoever watches over it. Any thread.

    /// For how long it has been at one batch; 0: it is at none.
    [[nodiscard]] std::chrono::nanoseconds busy_for() const noexcept;
    /// Did the last batch find no room on the disk?
    [[nodiscard]] bool lacks_room() const noexcept { return lacks_room_.load(std::memory_order_relaxed); }
    /// What commits took, in ns, and how many changes they had.
    [[nodiscard]] const histogram& commit_times() const noexcept { return commit_times_; }
    [[nodiscard]] const histogram& batch_sizes() const noexcept { return batch_sizes_; }

private:
    void run();
    void push(pending_write& change) noexcept;
    [[nodiscard]] pending_write* take_queue() noexcept;
    void settle(pending_write* batch, std::size_t size);
    [[nodiscard]] error_code commit(pending_write* first, const pending_write* end);
    static void tell_outcome(pending_write* first, const pending_write* end, error_code durable) noexcept;
    void refuse(pending_write* late);
    void deliver(pending_write* batch);

    const env& env_; // outlives this object
    commit_listener* const listener_;

    // A stack that submitters push to and the writer empties in one exchange; reversed, it is the order of arrival.
    // Nothing is ever popped singly, so a node cannot come back under a pusher's feet.
    std::atomic<pending_write*> head_{nullptr};
    std::atomic<std::size_t> waiting_{0}; // queued and not yet taken into a batch
    std::atomic<bool> closing_{false};

    std::atomic<std::uint64_t> batches_{0};
    std::atomic<std::uint64_t> changes_{0};
    std::atomic<std::int64_t> batch_began_{0}; // ns of the steady clock; 0: no batch is under way
    std::atomic<bool> lacks_room_{false};
    histogram commit_times_{duration_bounds_ns};
    histogram batch_sizes_{batch_size_bounds};

    std::thread thread_; // last: starts when everything above is ready
};

} // namespace doorward::kv
