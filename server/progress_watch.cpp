#include "server/progress_watch.hpp"

#include <boost/asio/post.hpp>

namespace doorward::server {

class progress_watch::watched_loop final : public part {
public:
    watched_loop(std::string name, boost::asio::io_context& loop) : part{std::move(name)}, loop_{loop} {}

    bool look() override
    {
        if (!answered_->load(std::memory_order_acquire))
            return false;
        answered_->store(false, std::memory_order_relaxed);
        boost::asio::post(loop_, [answered = answered_] { answered->store(true, std::memory_order_release); });
        return true;
    }

private:
    boost::asio::io_context& loop_;
    std::shared_ptr<std::atomic<bool>> answered_ = std::make_shared<std::atomic<bool>>(true); // the loop may end later
};

class progress_watch::watched_writer final : public part {
public:
    watched_writer(std::string name, kv::writer& writer) : part{std::move(name)}, writer_{writer} {}

    bool look() override
    {
        // A full queue takes no question, but batches that come out of it are an answer.
        const std::uint64_t batches = writer_.batches();
        const bool moved = batches != batches_;
        batches_ = batches;
        if (question_.answered.load(std::memory_order_acquire)) {
            question_.answered.store(false, std::memory_order_relaxed);
            if (!writer_.submit(question_))
                return true;
            question_.answered.store(true, std::memory_order_relaxed);
        }
        return moved;
    }

private:
    // A change that changes nothing. It is its own landing: it is told of on the writer's thread, after the commit.
    class question final : public kv::landing, public kv::pending_write {
    public:
        question() : pending_write{static_cast<kv::landing&>(*this)} {}
        kv::error_code apply(kv::write_txn&) override { return {}; }
        void deliver(kv::pending_write*) override { answered.store(true, std::memory_order_release); }
        void complete() override {}

        std::atomic<bool> answered{true};
    };

    kv::writer& writer_;
    std::uint64_t batches_ = 0;
    question question_;
};

void progress_watch::add(std::string name, boost::asio::io_context& loop)
{
    parts_.push_back(std::make_unique<watched_loop>(std::move(name), loop));
}

void progress_watch::add(std::string name, kv::writer& writer)
{
    parts_.push_back(std::make_unique<watched_writer>(std::move(name), writer));
}

std::vector<std::string> progress_watch::look()
{
    std::vector<std::string> out;
    for (const auto& each : parts_) {
        if (!each->look())
            out.push_back(each->name());
    }
    return out;
}

} // namespace doorward::server
