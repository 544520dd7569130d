#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace doorward::handlers {

/// A coroutine on an io thread. The executor is the concrete one: no type erasure on every hop.
template <class T>
using task = boost::asio::awaitable<T, boost::asio::io_context::executor_type>;

} // namespace doorward::handlers
