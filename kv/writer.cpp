#include "kv/writer.hpp"

#include <pthread.h>

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace doorward::kv {
namespace {

[[noreturn]] void stop_process(const char* what)
{
    std::fprintf(stderr, "doorward: the store failed and the process stops: %s\n", what);
    std::abort();
}

std::int64_t steady_ns() noexcept
{
    return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds{1};
}

} // namespace

writer::writer(const env& store, commit_listener* listener)
    : env_{store}, listener_{listener}, thread_{[this] { run(); }}
{
    pthread_setname_np(thread_.native_handle(), "writer");
}

writer::~writer()
{
    closing_.store(true, std::memory_order_release);

    // Wakes the writer if it sleeps and tells it where to stop; never applied, never delivered.
    class end_mark final : public pending_write, public landing {
    public:
        end_mark() : pending_write{static_cast<landing&>(*this)} {}
        error_code apply(write_txn&) override { return {}; }
        void complete() override {}
        void deliver(pending_write*) override {}
    } mark;
    mark.last_ = true;
    push(mark);
    thread_.join();

    refuse(head_.exchange(nullptr, std::memory_order_acquire)); // a submit that raced with the flag
}

void writer::refuse(pending_write* late)
{
    for (pending_write* change = late; change != nullptr; change = change->next)
        change->outcome = errc::closing;
    deliver(late);
}

void writer::push(pending_write& change) noexcept
{
    // release: the writer's acquire in take_queue() sees the change as it was before the push.
    change.next = head_.load(std::memory_order_relaxed);
    while (!head_.compare_exchange_weak(change.next, &change, std::memory_order_release, std::memory_order_relaxed)) {
    }
    head_.notify_one(); // a system call only while the writer sleeps
}

error_code writer::submit(pending_write& change) noexcept
{
    if (closing_.load(std::memory_order_acquire))
        return errc::closing;
    // relaxed: a bound, not a hand-over; off by the number of threads at most.
    if (waiting_.fetch_add(1, std::memory_order_relaxed) >= writer_queue_max) {
        waiting_.fetch_sub(1, std::memory_order_relaxed);
        return errc::queue_full;
    }
    push(change);
    return {};
}

pending_write* writer::take_queue() noexcept
{
    head_.wait(nullptr, std::memory_order_relaxed);
    // acquire: pairs with the release of every push below this head.
    pending_write* newest = head_.exchange(nullptr, std::memory_order_acquire);
    pending_write* oldest = nullptr;
    while (newest != nullptr) {
        pending_write* const older = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = older;
    }
    return oldest;
}

void writer::run()
{
    for (bool open = true; open;) {
        pending_write* queue = take_queue();
        while (queue != nullptr) {
            // Cut off one batch.
            pending_write* const batch = queue;
            pending_write* end = nullptr;
            std::size_t size = 0;
            for (; queue != nullptr && size < batch_changes_max; queue = queue->next) {
                if (queue->last_) {
                    open = false;
                    break;
                }
                end = queue;
                ++size;
            }
            if (end != nullptr) {
                end->next = nullptr;
                waiting_.fetch_sub(size, std::memory_order_relaxed);
                settle(batch, size);
            }
            if (!open) {
                refuse(queue->next); // came in behind the mark
                break;
            }
        }
    }
}

std::chrono::nanoseconds writer::busy_for() const noexcept
{
    const auto began = batch_began_.load(std::memory_order_relaxed);
    return std::chrono::nanoseconds{began == 0 ? 0 : std::max<std::int64_t>(steady_ns() - began, 0)};
}

// One transaction of the changes from `first` to before `end`.
error_code writer::commit(pending_write* first, const pending_write* end)
{
    try {
        std::size_t weight = 0;
        for (const pending_write* change = first; change != end; change = change->next)
            weight += change->weight();
        if (const auto full = env_.reserve(batch_bytes_least + weight * batch_bytes_per_change))
            return full;
        write_txn txn{env_};
        for (pending_write* change = first; change != end; change = change->next)
            change->outcome = change->apply(txn);
        const auto applied = steady_ns();
        const auto outcome = txn.commit();
        commit_times_.observe(static_cast<std::uint64_t>(steady_ns() - applied));
        return outcome;
    } catch (const batch_full&) {
        return errc::storage_full;
    } catch (const damaged& fault) {
        env_.report(fault.what());
        return errc::damaged;
    } catch (const std::exception& fault) {
        stop_process(fault.what());
    }
}

void writer::tell_outcome(pending_write* first, const pending_write* end, error_code durable) noexcept
{
    for (pending_write* change = first; change != end; change = change->next) {
        if (durable)
            change->outcome = durable;
        if (change->outcome)
            change->undone();
        else
            change->durable();
    }
}

void writer::settle(pending_write* batch, std::size_t size)
{
    batch_began_.store(steady_ns(), std::memory_order_relaxed);
    error_code durable = commit(batch, nullptr);
    tell_outcome(batch, nullptr, durable);
    if (durable == errc::damaged && size > 1) {
        // Somebody's, which is no reason to refuse the others.
        for (pending_write* change = batch; change != nullptr; change = change->next) {
            const auto own = commit(change, change->next);
            tell_outcome(change, change->next, own);
            durable = own ? durable : own;
        }
    }
    batches_.fetch_add(1, std::memory_order_relaxed);
    changes_.fetch_add(size, std::memory_order_relaxed);
    batch_sizes_.observe(size);
    lacks_room_.store(durable == errc::storage_full, std::memory_order_relaxed);
    batch_began_.store(0, std::memory_order_relaxed);
    deliver(batch);
    if (durable || listener_ == nullptr)
        return;
    try {
        listener_->committed();
    } catch (const damaged& fault) { // it may read what was written
        env_.report(fault.what());
    }
}

void writer::deliver(pending_write* batch)
{
    // One chain per io thread, each in the order of arrival. A handful of io threads: a linear search is right.
    struct chain {
        landing* home;
        pending_write* first;
        pending_write* last;
    };
    std::vector<chain> chains;
    while (batch != nullptr) {
        pending_write* const change = batch;
        batch = batch->next;
        change->next = nullptr;
        chain* mine = nullptr;
        for (chain& candidate : chains) {
            if (candidate.home == &change->home_)
                mine = &candidate;
        }
        if (mine != nullptr) {
            mine->last->next = change;
            mine->last = change;
        } else {
            chains.push_back({&change->home_, change, change});
        }
    }
    for (const chain& settled : chains)
        settled.home->deliver(settled.first);
}

} // namespace doorward::kv
