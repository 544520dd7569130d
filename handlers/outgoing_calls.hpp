#pragma once

#include "crypto/bytes.hpp"
#include "handlers/task.hpp"
#include "registry/provider_url.hpp"

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace doorward::crypto {
class client_certificate;
}

namespace doorward::handlers {

/// Ends calls that are under way, all that were given it: they have failed then. One io thread; outlives the calls.
class outgoing_stop {
public:
    outgoing_stop() = default;
    outgoing_stop(const outgoing_stop&) = delete;
    outgoing_stop& operator=(const outgoing_stop&) = delete;

    void stop()
    {
        stopped_ = true;
        for (const auto& each : hooks_)
            each();
    }
    [[nodiscard]] bool is_stopped() const noexcept { return stopped_; }

    /// What interrupts a call, as long as it lives. It only makes things complete later.
    class hook {
    public:
        hook(outgoing_stop* in, std::function<void()> what) : in_{in}
        {
            if (in_ != nullptr)
                mine_ = in_->hooks_.insert(in_->hooks_.end(), std::move(what));
        }
        hook(const hook&) = delete;
        hook& operator=(const hook&) = delete;
        ~hook()
        {
            if (in_ != nullptr)
                in_->hooks_.erase(mine_);
        }

    private:
        outgoing_stop* const in_;
        std::list<std::function<void()>>::iterator mine_;
    };

private:
    std::list<std::function<void()>> hooks_;
    bool stopped_ = false;
};

/// A question to somebody else's service: a POST of JSON.
struct outgoing_request {
    registry::provider_url to;
    crypto::bytes_view bearer; // visible ASCII, sent as a bearer token; empty: none. Outlives the call
    std::string request_id;    // sent along; empty: none
    std::string body;
    std::chrono::milliseconds timeout{0}; // for all of it, from looking up the name to the last byte of the answer
    std::vector<std::pair<std::string, std::string>> headers{}; // more fields: names and values without line ends
    crypto::bytes_view basic{}; // NAME:PASSWORD, in place of the token; empty: none. Outlives the call
    const crypto::client_certificate* certificate = nullptr; // shown to who asks for one; outlives the call
    outgoing_stop* stop = nullptr;                           // ends it before its time; null: nobody does
};

/// Why there is no answer.
enum class outgoing_failure : std::uint8_t {
    none,        // there is one
    unresolved,  // no address for the name
    unreachable, // no connection
    untrusted,   // no TLS, or not with somebody whom the system's authorities vouch for
    closed,      // the connection ended before the answer did
    malformed,   // not HTTP
    too_large,
    timed_out,
};
/// What operators are told of it, after the name of the service.
[[nodiscard]] std::string_view to_text(outgoing_failure what) noexcept; // "did not answer in time"

struct outgoing_answer {
    outgoing_failure failure = outgoing_failure::none;
    unsigned status = 0; // any; redirects are not followed
    std::string body;
};

/// Room for one call, as long as somebody has it.
using outgoing_permit = std::shared_ptr<const void>;

/// The way from handlers to services of others. What it is made of is none of their business
/// (server/outgoing_http.hpp).
class outgoing_calls {
public:
    /// Room for one call; null when too many are under way, altogether or for this owner. Taken before anything is
    /// written for the sake of a call. Any thread.
    ///
    /// owner  the application that it is for
    [[nodiscard]] virtual outgoing_permit enter(const std::string& owner) = 0;

    /// Asks once and waits for the answer. While it waits it holds a socket and nothing of ours.
    ///
    /// what     outlives the call
    /// permit   of enter(); given back when the call has ended
    /// threads  the io thread that the caller runs on
    [[nodiscard]] virtual task<outgoing_answer> post(const outgoing_request& what, outgoing_permit permit) = 0;

protected:
    ~outgoing_calls() = default;
};

} // namespace doorward::handlers
