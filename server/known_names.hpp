#pragma once

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace doorward::server {

/// What one event loop knows of the addresses of names, and whether it may ask the resolver.
///
/// The system's resolver has one thread for each loop and cannot be interrupted there, so a name whose server does not
/// answer keeps it busy for many seconds. What it can take away from other names is bounded by three rules:
///
///   (1) One lookup of a name is under way at most; all calls for it wait for that one.
///   (2) A lookup that a call has given up on is waited for by nobody any more, and after one that took long and found
///       no address the name is left alone for a while.
///   (3) Addresses are kept, and used while they are looked up anew. So only a name that was not known in the last
///       minutes ever waits for the resolver, and then for one lookup of each name that is in trouble.
///
/// It decides; who performs is outgoing_http.cpp. threads  those of its loop, one at a time
class known_names {
public:
    using addresses = std::vector<boost::asio::ip::address>;
    using time = std::chrono::steady_clock::time_point;

    /// What a call for a name is to do.
    struct advice {
        addresses found;      // to be connected to, now
        bool look_up = false; // a lookup is to be started, and its end told to answered()
        bool wait = false;    // for the end of the lookup that is under way; without addresses only
        // None of it: the name is in trouble, there is no point in waiting.
    };
    [[nodiscard]] advice ask(const std::string& name, time now);

    /// The lookup has ended. found  empty: there is no address, or nobody said so
    void answered(const std::string& name, addresses found, time now);

    /// A call waited for the lookup that is under way, and does so no longer.
    void gave_up(const std::string& name);

    /// None of its addresses could be connected to: they are looked up before they are used again.
    void forget(const std::string& name);

    [[nodiscard]] std::size_t size() const noexcept { return names_.size(); }

private:
    struct entry {
        addresses found;
        time found_at{};
        bool under_way = false;
        bool given_up = false; // by a call, since the lookup began
        time asked_at{};       // when the lookup began
        time left_alone_until{};
    };

    void make_room(time now);

    std::map<std::string, entry, std::less<>> names_;
};

} // namespace doorward::server
