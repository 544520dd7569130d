#include "registry/metadata.hpp"
#include "registry/codec.hpp"

namespace doorward::registry {
namespace {

crypto::bytes metadata_place(const uuid& of)
{
    return seal_place("metadata", of.view(), "metadata");
}

} // namespace

crypto::bytes seal_metadata(const crypto::sealer& with, const uuid& of, std::string_view json)
{
    return with.seal(crypto::as_bytes(json), metadata_place(of));
}

std::string open_metadata(const crypto::sealer& with, const uuid& of, const stored_metadata& record)
{
    const auto json = with.open(record.sealed, metadata_place(of));
    if (!json)
        throw record_fault{"metadata that does not open"};
    return std::string{crypto::as_text(json->view())};
}

} // namespace doorward::registry
