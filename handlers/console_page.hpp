#pragma once

#include "handlers/http.hpp"

namespace doorward::handlers {

/// Is it where the page of the console and its files are? Those are no part of what can be asked of the server: they
/// are the same for everybody and say nothing about what it holds.
[[nodiscard]] bool is_console_page(std::string_view path) noexcept;

/// The page, one of its files, or where to find it: GET /, /console, /console/, /console/{file}.
[[nodiscard]] response console_page(const request& req, std::string_view path);

} // namespace doorward::handlers
