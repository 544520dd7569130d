#pragma once

#include "kv/writer.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace doorward::server {

/// Finds out whether every event loop and the writer still get on with their work, by asking each of them to do nothing
/// and looking later whether it did.
///
/// Whoever is asked must do what came before first; so an answer proves that the whole queue moves, and that of the
/// writer that transactions end. Main thread; what it asks outlives it or has ended.
class progress_watch {
public:
    progress_watch() = default;
    progress_watch(const progress_watch&) = delete;
    progress_watch& operator=(const progress_watch&) = delete;
    ~progress_watch() = default;

    /// loop  outlives this object
    void add(std::string name, boost::asio::io_context& loop);
    /// writer  ends before this object does
    void add(std::string name, kv::writer& writer);

    /// Looks who has answered, and asks those again.
    ///
    /// returns  the names of those that have done nothing since the look before; empty when all are well
    std::vector<std::string> look();

private:
    class part {
    public:
        explicit part(std::string name) : name_{std::move(name)} {}
        part(const part&) = delete;
        part& operator=(const part&) = delete;
        virtual ~part() = default;
        /// Whether something was done since the question before, or there was none; asks again.
        virtual bool look() = 0;
        [[nodiscard]] const std::string& name() const noexcept { return name_; }

    private:
        std::string name_;
    };
    class watched_loop;
    class watched_writer;

    std::vector<std::unique_ptr<part>> parts_;
};

} // namespace doorward::server
