#pragma once

#include <string>

namespace doorward::handlers {

/// A QR code as an SVG picture: black on white, with the quiet zone of four modules that readers need around it.
///
/// text  ASCII, up to some 2,000 characters; throws std::length_error beyond what one code holds
[[nodiscard]] std::string qr_code_svg(const std::string& text);

} // namespace doorward::handlers
