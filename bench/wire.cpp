#include "bench/wire.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace doorward::bench {
namespace {

constexpr std::size_t answer_bytes_max = 64 * 1024;

[[noreturn]] void fail(const char* what)
{
    throw std::system_error{errno, std::generic_category(), what};
}

} // namespace

descriptor::descriptor(descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}

void descriptor::close() noexcept
{
    if (number_ >= 0)
        ::close(std::exchange(number_, -1));
}

address address_of(const std::string& url)
{
    constexpr std::string_view scheme = "http://";
    const auto colon = url.rfind(':');
    if (!url.starts_with(scheme) || colon <= scheme.size())
        throw std::invalid_argument{url + " is not http://ADDRESS:PORT"};
    return {url.substr(scheme.size(), colon - scheme.size()),
            static_cast<std::uint16_t>(std::stoul(url.substr(colon + 1)))};
}

wire::wire(const address& to) : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}
{
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    peer.sin_port = htons(to.port);
    if (socket_.get() < 0 || ::inet_pton(AF_INET, to.host.c_str(), &peer.sin_addr) != 1)
        fail("socket");
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0)
        fail("connect");
    const int on = 1;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
}

bool wire::send(std::string_view request)
{
    in_.clear();
    out_ = request;
    waiting_ = true;
    return flush();
}

bool wire::flush()
{
    while (!out_.empty()) {
        const auto size = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
        if (size < 0)
            return errno == EAGAIN;
        out_.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
}

wire::progress wire::receive()
{
    for (;;) {
        if (is_complete())
            return progress::complete;
        const std::size_t have = in_.size();
        in_.resize(have + 4096);
        const auto size = ::recv(socket_.get(), in_.data() + have, 4096, 0);
        in_.resize(have + (size > 0 ? static_cast<std::size_t>(size) : 0));
        if (size == 0 || (size < 0 && errno != EAGAIN) || in_.size() > answer_bytes_max)
            return progress::broken;
        if (size < 0)
            return progress::partial;
    }
}

bool wire::is_complete()
{
    const std::string_view text{in_};
    const auto head = text.find("\r\n\r\n");
    if (head == std::string_view::npos)
        return false;
    constexpr std::string_view name = "Content-Length: ";
    const auto at = text.find(name);
    std::size_t length = 0;
    if (at < head)
        std::from_chars(text.data() + at + name.size(), text.data() + head, length);
    if (text.size() < head + 4 + length)
        return false;
    status_ = 0;
    std::from_chars(text.data() + 9, text.data() + 12, status_);
    body_at_ = head + 4;
    waiting_ = false;
    return true;
}

ready_list::ready_list() : epoll_{::epoll_create1(EPOLL_CLOEXEC)}
{
    if (epoll_.get() < 0)
        fail("epoll");
}

void ready_list::add(int socket, std::size_t index)
{
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.u64 = index;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket, &event) != 0)
        fail("epoll");
}

std::span<const std::size_t> ready_list::wait(std::chrono::nanoseconds at_most)
{
    using std::chrono::nanoseconds;
    using std::chrono::seconds;
    const auto pause = std::max(at_most, nanoseconds{0});
    const auto whole = std::chrono::duration_cast<seconds>(pause);
    const timespec timeout{whole.count(), (pause - whole).count()};
    std::array<epoll_event, std::tuple_size_v<decltype(found_)>> events;
    const int count = ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    const auto found = static_cast<std::size_t>(std::max(count, 0));
    for (std::size_t i = 0; i < found; ++i)
        found_[i] = static_cast<std::size_t>(events[i].data.u64);
    return std::span{found_}.first(found);
}

} // namespace doorward::bench
