#pragma once

#include "handlers/http.hpp"
#include "handlers/json_writer.hpp"

namespace doorward::handlers {

/// {"status":"OK"}: phones insist on it in every unencrypted success.
[[nodiscard]] inline response ok()
{
    response out;
    out.body = R"({"status":"OK"})";
    return out;
}

/// {"status":"OK","responseObject":{...}}; `write` adds the members of the object.
template <class Write>
[[nodiscard]] response ok(const Write& write)
{
    json_writer out;
    out.object().member("status", "OK").key("responseObject").object();
    write(out);
    response answer;
    answer.body = out.end().end().text();
    return answer;
}

} // namespace doorward::handlers
