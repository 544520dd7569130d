#pragma once

#include "kv/error.hpp"
#include "registry/account.hpp"
#include "registry/application.hpp"
#include "registry/attempt_row.hpp"
#include "registry/claims.hpp"
#include "registry/console_session.hpp"
#include "registry/event.hpp"
#include "registry/idempotent_request.hpp"
#include "registry/job.hpp"
#include "registry/keys.hpp"
#include "registry/metadata.hpp"
#include "registry/rotation.hpp"
#include "registry/temporary_key.hpp"
#include "registry/token.hpp"
#include "registry/webhook.hpp"

namespace doorward::registry {

// Records to bytes and back. The grammar of each stands in FORMAT.md and above its encoder. Every record begins with a
// version byte; a reader accepts every version up to its own. A damaged record is a fault of the store and throws
// record_fault: nothing a client sent can cause it.

struct record_fault : kv::damaged {
    using kv::damaged::damaged;
};

[[nodiscard]] crypto::bytes encode(const registration& record);
[[nodiscard]] crypto::bytes encode(const counters& record);
[[nodiscard]] crypto::bytes encode(const attempt_row& record);
[[nodiscard]] crypto::bytes encode(const history_row& record);
[[nodiscard]] crypto::bytes encode(const stored_keys& record);
[[nodiscard]] crypto::bytes encode(const stored_application& record);
[[nodiscard]] crypto::bytes encode(const stored_application_version& record);
[[nodiscard]] crypto::bytes encode(const account& record);
[[nodiscard]] crypto::bytes encode(const account_token& record);
[[nodiscard]] crypto::bytes encode(const idempotent_request& record);
[[nodiscard]] crypto::bytes encode(const stored_temporary_key& record);
[[nodiscard]] crypto::bytes encode(const stored_token& record);
[[nodiscard]] crypto::bytes encode(const stored_claims& record);
[[nodiscard]] crypto::bytes encode(const event& record); // without its digest, nor what tells of people
[[nodiscard]] crypto::bytes encode(const stored_metadata& record);
[[nodiscard]] crypto::bytes encode(const job& record);
[[nodiscard]] crypto::bytes encode(const webhook& record);
[[nodiscard]] crypto::bytes encode(const delivery& record);
[[nodiscard]] crypto::bytes encode(const console_session& record);
[[nodiscard]] crypto::bytes encode(const rotation& record);

/// decode<registration>(bytes) and so on. errors  throws record_fault
template <class Record>
[[nodiscard]] Record decode(crypto::bytes_view data);

/// Whose a registration is, for those who want to know nothing else of its record. errors  throws record_fault
[[nodiscard]] std::string decode_user_id(crypto::bytes_view record);

} // namespace doorward::registry
