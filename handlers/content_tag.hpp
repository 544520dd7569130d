#pragma once

#include <string>
#include <string_view>

namespace doorward::handlers {

/// The entity tag of a content, with its quotes.
[[nodiscard]] std::string content_tag(std::string_view content);

/// RFC 9110 section 13.1.2: a list of tags, compared without regard to W/, or *.
///
/// list  the value of If-None-Match
[[nodiscard]] bool names_tag(std::string_view list, std::string_view tag);

} // namespace doorward::handlers
