// GET /openapi.json, /docs, /docs/docs.js and /docs/docs.css (REGISTRATION-API.md M7): what can be asked and what is
// answered, for programs and for people. All of it is in the binary. It is the same for everybody and says nothing
// about what the server holds, so nobody is asked who he is.

#include "handlers/content_tag.hpp"
#include "handlers/embedded_files.hpp"
#include "handlers/endpoint.hpp"

namespace doorward::handlers {
namespace {

// The page runs its own script and style and reads its own description; nothing else, whatever the description says.
constexpr std::string_view content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

class document {
public:
    document(std::string_view text, std::string_view content_type)
        : text_{text}, content_type_{content_type}, tag_{content_tag(text)}
    {}

    [[nodiscard]] response answer(const request& req) const
    {
        response out;
        out.content_type = content_type_;
        out.cache_control =
            "no-cache"; // kept, and asked for again by its tag: another version of the server has another
        out.headers.emplace_back("ETag", tag_);
        out.headers.emplace_back("Content-Security-Policy", content_security_policy);
        out.headers.emplace_back("X-Content-Type-Options", "nosniff");
        out.headers.emplace_back("Referrer-Policy", "no-referrer");
        if (names_tag(req.if_none_match, tag_))
            out.status = not_modified;
        else
            out.body = text_;
        return out;
    }

private:
    static constexpr unsigned not_modified = 304;

    std::string_view text_;
    std::string_view content_type_;
    std::string tag_;
};

} // namespace

task<response> show_openapi(const call& asked, services&)
{
    static const document it{embedded::openapi_json, "application/json"};
    co_return it.answer(asked.req);
}

task<response> show_docs(const call& asked, services&)
{
    static const document it{embedded::docs_html, "text/html; charset=utf-8"};
    co_return it.answer(asked.req);
}

task<response> show_docs_script(const call& asked, services&)
{
    static const document it{embedded::docs_js, "text/javascript; charset=utf-8"};
    co_return it.answer(asked.req);
}

task<response> show_docs_style(const call& asked, services&)
{
    static const document it{embedded::docs_css, "text/css; charset=utf-8"};
    co_return it.answer(asked.req);
}

} // namespace doorward::handlers
