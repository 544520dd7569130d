#include "registry/claims.hpp"
#include "registry/codec.hpp"

namespace doorward::registry {
namespace {

crypto::bytes claims_place(std::string_view application_id, std::string_view user_id)
{
    return seal_place("claims", claims_key(application_id, user_id), "claims");
}

} // namespace

crypto::bytes seal_claims(const crypto::sealer& with, std::string_view application_id, std::string_view user_id,
                          std::string_view json)
{
    return with.seal(crypto::as_bytes(json), claims_place(application_id, user_id));
}

std::string open_claims(const crypto::sealer& with, std::string_view application_id, std::string_view user_id,
                        const stored_claims& record)
{
    const auto json = with.open(record.sealed, claims_place(application_id, user_id));
    if (!json)
        throw record_fault{"claims that do not open"};
    return std::string{crypto::as_text(json->view())};
}

} // namespace doorward::registry
