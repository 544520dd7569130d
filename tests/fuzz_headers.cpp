// Headers, queries and tokens: read or refused, and never read as something else.

#include "handlers/jwt.hpp"
#include "handlers/power_auth_header.hpp"
#include "handlers/query.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace doorward;
    const std::string_view text = crypto::as_text({data, size});
    if (const auto header = handlers::parse_authorization(text))
        static_cast<void>(registry::parse_proof(header->version, header->type, header->signature));
    static_cast<void>(handlers::parse_encryption(text));
    static_cast<void>(handlers::split(text));
    if (const auto token = handlers::parse_token(text)) {
        if (!registry::is_token_timestamp(token->timestamp) || token->sent_at() < 0)
            std::abort(); // what is read has the form that is promised
    }
    if (const auto canonical = handlers::canonical_query(text)) {
        if (handlers::canonical_query(*canonical) != canonical)
            std::abort(); // canonical is canonical
    }
    return 0;
}
