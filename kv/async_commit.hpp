#pragma once

#include "kv/writer.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <utility>

namespace doorward::kv {

/// The landing of one io_context, found through the context itself. Delivers a chain with one post.
class io_landing final : public boost::asio::execution_context::service, public landing {
public:
    using key_type = io_landing;
    static inline boost::asio::execution_context::id id;

    explicit io_landing(boost::asio::execution_context& context)
        : boost::asio::execution_context::service{context}, context_{static_cast<boost::asio::io_context&>(context)}
    {}

    void deliver(pending_write* chain) override
    {
        boost::asio::post(context_, [owned = owned_chain{chain}]() mutable {
            while (pending_write* const change = owned.pop())
                change->complete();
        });
    }

private:
    // Frees what was never completed, when a context goes away with posts in its queue.
    class owned_chain {
    public:
        explicit owned_chain(pending_write* chain) noexcept : chain_{chain} {}
        owned_chain(owned_chain&& other) noexcept : chain_{std::exchange(other.chain_, nullptr)} {}
        owned_chain& operator=(owned_chain&&) = delete;
        owned_chain(const owned_chain&) = delete;
        owned_chain& operator=(const owned_chain&) = delete;
        ~owned_chain()
        {
            while (pending_write* const change = pop())
                delete change;
        }

        pending_write* pop() noexcept
        {
            pending_write* const first = chain_;
            if (first != nullptr)
                chain_ = first->next;
            return first;
        }

    private:
        pending_write* chain_;
    };

    void shutdown() override {}

    boost::asio::io_context& context_;
};

/// Hands a change to the writer and completes, on the caller's io thread, when it is durable or refused.
///
/// change   a callable `error_code(write_txn&)`; it runs on the writer thread, reads first and writes last. It is given
///          back with the outcome, so that what it found out on the way can be used. Its members durable() and
///          undone(), where it has them, are called on the writer thread before the next batch: one of them, as the
///          outcome is.
/// token    signature void(error_code, Change)
/// errors   what the change returned, or kv::errc (storage_full, queue_full, closing)
/// threads  call on an io thread whose executor is io_context::executor_type
///
/// Name the change before awaiting (g++ 12 destroys some temporaries in a co_await expression twice).
template <class Change, class Token>
auto async_commit(writer& to, Change change, Token&& token)
{
    namespace asio = boost::asio;
    auto start = [](auto handler, writer* target, Change moved) {
        using handler_type = decltype(handler);
        const auto executor = asio::get_associated_executor(handler);
        static_assert(std::is_same_v<std::remove_cvref_t<decltype(executor)>, asio::io_context::executor_type>,
                      "async_commit wants the concrete executor of an io thread");

        class operation final : public pending_write {
        public:
            operation(landing& home, handler_type&& handler, Change&& change,
                      const asio::io_context::executor_type& executor)
                : pending_write{home}, handler_{std::move(handler)}, change_{std::move(change)}, work_{executor}
            {}
            error_code apply(write_txn& txn) override { return change_(txn); }
            void durable() noexcept override
            {
                if constexpr (requires(Change & settled) { settled.durable(); })
                    change_.durable();
            }
            void undone() noexcept override
            {
                if constexpr (requires(Change & refused) { refused.undone(); })
                    change_.undone();
            }
            [[nodiscard]] std::size_t weight() const noexcept override
            {
                if constexpr (requires(const Change& large) { large.weight(); })
                    return change_.weight();
                return 1;
            }
            void complete() override
            {
                std::unique_ptr<operation> self{this};
                auto handler = std::move(handler_);
                auto result = std::move(change_);
                const error_code ec = outcome;
                const auto work = std::move(work_);
                self.reset(); // before the handler, which may start the next operation in its place
                handler(ec, std::move(result));
            }

        private:
            handler_type handler_;
            Change change_;
            asio::executor_work_guard<asio::io_context::executor_type> work_;
        };

        auto& home = asio::use_service<io_landing>(executor.context());
        auto op = std::make_unique<operation>(home, std::move(handler), std::move(moved), executor);
        if (const error_code refused = target->submit(*op)) {
            op->outcome = refused;
            home.deliver(op.release());
        } else {
            static_cast<void>(op.release()); // the writer owns it now
        }
    };
    return asio::async_initiate<Token, void(error_code, Change)>(std::move(start), token, &to, std::move(change));
}

} // namespace doorward::kv
