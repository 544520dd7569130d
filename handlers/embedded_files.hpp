#pragma once

#include <string_view>

/// Files that the binary carries, as they lie in handlers/. The build writes the source (handlers/embed.cmake). They
/// are there from the start of the program to its end, but not before main().
namespace doorward::handlers::embedded {

extern const std::string_view openapi_json; // handlers/openapi.json
extern const std::string_view docs_html;    // handlers/docs/docs.html
extern const std::string_view docs_js;      // handlers/docs/docs.js
extern const std::string_view docs_css;     // handlers/docs/docs.css

} // namespace doorward::handlers::embedded
