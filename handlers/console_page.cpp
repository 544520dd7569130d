#include "handlers/console_page.hpp"
#include "handlers/console_files.hpp"
#include "handlers/content_tag.hpp"
#include "handlers/problem.hpp"

#include <algorithm>
#include <map>

namespace doorward::handlers {
namespace {

constexpr std::string_view console_home = "/console/";
constexpr std::string_view console_index = "index.html";

// Its own script, style and pictures, and requests to where it came from; no frames, no forms that a browser sends by
// itself, no code in the page. Pictures in data: are QR codes.
constexpr std::string_view console_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

constexpr std::string_view a_year = "public, max-age=31536000, immutable";

const embedded::console_file* find_console_file(std::string_view name)
{
    const auto found = std::ranges::find(embedded::console_files, name, &embedded::console_file::name);
    return found == embedded::console_files.end() ? nullptr : &*found;
}

const std::string& tag_of_file(const embedded::console_file& file)
{
    static const auto tags = [] {
        std::map<std::string_view, std::string> out;
        for (const embedded::console_file& each : embedded::console_files)
            out.emplace(each.name, content_tag(each.plain));
        return out;
    }();
    return tags.find(file.name)->second;
}

// RFC 9110 section 12.5.3, as far as it takes to find a coding that is not refused.
bool accepts_coding(std::string_view list, std::string_view coding)
{
    while (!list.empty()) {
        const auto comma = std::min(list.find(','), list.size());
        std::string_view each = list.substr(0, comma);
        list.remove_prefix(std::min(comma + 1, list.size()));
        each.remove_prefix(std::min(each.find_first_not_of(" \t"), each.size()));
        const auto end = std::min(each.find_first_of("; \t"), each.size());
        if (each.substr(0, end) != coding)
            continue;
        const auto weight = each.find("q=", end);
        return weight == std::string_view::npos || each.find_first_of("123456789", weight) != std::string_view::npos;
    }
    return false;
}

response moved_to_console()
{
    response out;
    out.status = 302;
    out.headers.emplace_back("Location", console_home);
    return out;
}

response console_file_answer(const request& req, const embedded::console_file& file)
{
    constexpr unsigned not_modified = 304;
    response out;
    out.content_type = file.content_type;
    out.cache_control = file.is_forever ? a_year : "no-cache";
    const std::string& tag = tag_of_file(file);
    out.headers.emplace_back("ETag", tag);
    out.headers.emplace_back("Vary", "Accept-Encoding");
    out.headers.emplace_back("Content-Security-Policy", console_policy);
    out.headers.emplace_back("X-Content-Type-Options", "nosniff");
    out.headers.emplace_back("Referrer-Policy", "no-referrer");
    out.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
    out.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
    if (names_tag(req.if_none_match, tag)) {
        out.status = not_modified;
    } else if (accepts_coding(req.accept_encoding, "br")) {
        out.headers.emplace_back("Content-Encoding", "br");
        out.body = file.brotli;
    } else if (accepts_coding(req.accept_encoding, "gzip")) {
        out.headers.emplace_back("Content-Encoding", "gzip");
        out.body = file.gzip;
    } else {
        out.body = file.plain;
    }
    return out;
}

} // namespace

bool is_console_page(std::string_view path) noexcept
{
    return path == "/" || path == console_home.substr(0, console_home.size() - 1) ||
           (path.starts_with(console_home) && path != "/console/session");
}

response console_page(const request& req, std::string_view path)
{
    const bool is_elsewhere = !path.starts_with(console_home);
    std::string_view name = is_elsewhere ? console_index : path.substr(console_home.size());
    if (name.empty())
        name = console_index;
    const auto* const file = find_console_file(name);
    if (file == nullptr)
        return problem(office_problem::not_found);
    if (req.method != "GET") {
        response out = problem(office_problem::method_not_allowed);
        out.headers.emplace_back("Allow", "GET");
        return out;
    }
    return is_elsewhere ? moved_to_console() : console_file_answer(req, *file);
}

} // namespace doorward::handlers
