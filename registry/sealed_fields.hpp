#pragma once

#include "registry/store.hpp"

#include <functional>

namespace doorward::registry {

// Every sealed value of the store, in one place: for those who open them all, or seal them under another master key.

/// Called with each sealed value of a row. It may replace the value.
///
/// field  for people
/// place  what it is sealed for (seal_place)
using sealed_visitor = std::function<void(std::string_view field, const crypto::bytes& place, crypto::bytes& sealed)>;

[[nodiscard]] bool has_sealed_fields(kv::table which) noexcept;

/// Visits the sealed values of a row. Returns the row with what the visitor made of them.
///
/// txn     knows the registration that keys and metadata belong to
/// errors  throws record_fault: the row cannot be read, or what it belongs to is not there
[[nodiscard]] crypto::bytes visit_sealed(const kv::read_txn& txn, kv::table of, crypto::bytes_view key,
                                         crypto::bytes_view record, const sealed_visitor& visit);

} // namespace doorward::registry
