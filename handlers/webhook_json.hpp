#pragma once

#include "handlers/json_reader.hpp"
#include "handlers/json_writer.hpp"
#include "registry/webhook.hpp"

#include <optional>

namespace doorward::handlers {

/// What a body says about a webhook.
struct wanted_webhook {
    registry::webhook_settings settings;
    std::optional<crypto::secret_bytes> credentials; // new ones; none: those that there are, where it authenticates
};

/// The members of a webhook. What is left out is as by default; but credentials that are left out stay as they are,
/// where there are some of that kind and the receiver is the same server.
///
/// before  of a webhook that is changed; null: a new one
[[nodiscard]] wanted_webhook decode_webhook(const json_object& from, const registry::webhook* before);

/// A webhook as it is told.
///
/// cursor  the last event that it needs nothing more of
/// secret  that it signs with, where it is shown; empty: it is not
void write_webhook(json_writer& to, const registry::webhook& what, registry::event_sequence cursor,
                   std::string_view secret = {});

} // namespace doorward::handlers
