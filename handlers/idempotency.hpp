#pragma once

#include "handlers/endpoint.hpp"
#include "registry/idempotent_request.hpp"

namespace doorward::handlers {

/// Carries out a POST that has an `Idempotency-Key`, once: the same one again within idempotency_memory_ms is answered
/// as the first was, without its header fields (REGISTRATION-API.md 8.1).
///
/// The key is remembered on the disk before the handler runs and its answer after that, sealed. So a request that was
/// interrupted by the end of the process is never carried out a second time; its sender is told, and looks himself.
/// Errors of the moment (429 and everything from 500 on) are not kept. An answer of more than
/// idempotent_answer_bytes_max is not kept either: so long are only those about many things at once, which are
/// idempotent without a key.
///
/// asked    by an account; with the key in its request
/// path     without the prefix of the cloud
/// handler  what carries it out
/// errors   told as answers: request_under_way, request_interrupted, idempotency_key_taken, too_many_idempotency_keys
task<response> run_once(const call& asked, std::string_view path, endpoint_handler* handler, services& svc);

} // namespace doorward::handlers
