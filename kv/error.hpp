#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <stdexcept>

namespace doorward::kv {

using error_code = boost::system::error_code;
template <class T>
using result = boost::system::result<T>;

enum class errc {
    storage_full = 1, // the map or the disk has no room; reads go on, writes work again when there is room
    queue_full,       // more changes wait for the writer than writer_queue_max
    closing,          // the writer no longer takes changes
    damaged,          // what the change looked at is not what was written there; nothing of it was done
};

[[nodiscard]] const boost::system::error_category& category() noexcept;
[[nodiscard]] error_code make_error_code(errc value) noexcept;

/// Storage that does not keep its promise: damaged pages, an unreadable file. Not something a request can handle.
struct storage_fault : std::runtime_error {
    using std::runtime_error::runtime_error;
    storage_fault(const char* what, int lmdb_code);
};

/// A row or a page that is not what was written: its sum does not fit, or the tree above it leads nowhere. It is never
/// shown; other rows can be read on. `doorward check` finds them all.
struct damaged : storage_fault {
    using storage_fault::storage_fault;
};

/// Thrown by the first write that finds no room, so that nothing more of its batch runs: after it LMDB refuses every
/// call on the transaction. The writer turns it into errc::storage_full for the batch; nobody else sees it.
struct batch_full {};

/// A directory that cannot be opened, with the reason and the path in its text. Start-up only.
struct open_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

} // namespace doorward::kv

template <>
struct boost::system::is_error_code_enum<doorward::kv::errc> : std::true_type {};
