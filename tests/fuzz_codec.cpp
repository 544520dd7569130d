// Records: bytes decode to a record that encodes to the same bytes, or are a fault.

#include "registry/codec.hpp"

#include <algorithm>
#include <cstdlib>

namespace {

using namespace doorward;

template <class Record>
void try_record(crypto::bytes_view data)
{
    try {
        const auto record = registry::decode<Record>(data);
        const auto again = registry::decode<Record>(registry::encode(record));
        if (!(again == record))
            std::abort();
    } catch (const registry::record_fault&) {
        // refused, as it should be
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const crypto::bytes_view all{data, size};
    try_record<registry::registration>(all);
    try_record<registry::counters>(all);
    try_record<registry::attempt_row>(all);
    try_record<registry::history_row>(all);
    try_record<registry::stored_keys>(all);
    try_record<registry::stored_application>(all);
    try_record<registry::stored_application_version>(all);
    try_record<registry::account>(all);
    try_record<registry::account_token>(all);
    try_record<registry::console_session>(all);
    try_record<registry::idempotent_request>(all);
    try_record<registry::stored_temporary_key>(all);
    try_record<registry::attempt_row>(all);
    try_record<registry::stored_token>(all);
    try_record<registry::stored_claims>(all);
    try_record<registry::event>(all);
    try_record<registry::stored_metadata>(all);
    try_record<registry::job>(all);
    try_record<registry::webhook>(all);
    try_record<registry::delivery>(all);
    return 0;
}
