#pragma once

#include "kv/txn.hpp"

namespace doorward::registry {

/// The tables of the store; keys and records are described in FORMAT.md. Their names are part of the format.
namespace tables {

inline constexpr const char* names[]{
    "meta",
    "applications",
    "versions",
    "accounts",
    "ids",
    "registrations",
    "keys",
    "counters",
    "by_user",
    "by_code",
    "history",
    "due",
    "temporary_keys",
    "seen",
    "journal",
    "reports",
    "tokens",
    "token_ids",
    "claims",
    "children",
    "events",
    "event_index",
    "account_tokens",
    "idempotent_requests",
    "metadata",
    "jobs",
    "job_targets",
    "webhooks",
    "webhook_cursors",
    "deliveries",
    "redeliveries",
    "console_sessions",
};

inline constexpr kv::table meta{0};            // text -> value
inline constexpr kv::table applications{1};    // id -> stored_application
inline constexpr kv::table versions{2};        // application key -> stored_application_version
inline constexpr kv::table accounts{3};        // username -> account
inline constexpr kv::table ids{4};             // uuid -> registration number
inline constexpr kv::table registrations{5};   // number -> registration
inline constexpr kv::table keys{6};            // number -> stored_keys
inline constexpr kv::table counters{7};        // number -> counters
inline constexpr kv::table by_user{8};         // user, 0, ~number -> nothing: newest first
inline constexpr kv::table by_code{9};         // application, 0, code -> number
inline constexpr kv::table history{10};        // number, version -> history_row
inline constexpr kv::table due{11};            // time, kind, what -> nothing
inline constexpr kv::table temporary_keys{12}; // uuid -> stored_temporary_key
inline constexpr kv::table seen{13};           // mark:16 -> time until which it is remembered
inline constexpr kv::table journal{14};        // row sequence -> attempt_row
inline constexpr kv::table reports{15};        // number, digest of the attempt id -> row sequence
inline constexpr kv::table tokens{16};         // number, uuid -> stored_token
inline constexpr kv::table token_ids{17};      // uuid -> registration number
inline constexpr kv::table claims{18};         // application, 0, user -> stored_claims

inline constexpr kv::table children{19};            // number of the parent, ~number -> nothing: newest first
inline constexpr kv::table events{20};              // sequence -> event, digest
inline constexpr kv::table event_index{21};         // kind, what, ~sequence -> nothing: newest first
inline constexpr kv::table account_tokens{22};      // username, 0, name -> account_token
inline constexpr kv::table idempotent_requests{23}; // digest of account and key, 32 bytes -> idempotent_request

inline constexpr kv::table metadata{24};    // number -> stored_metadata
inline constexpr kv::table jobs{25};        // uuid -> job
inline constexpr kv::table job_targets{26}; // uuid, number of the chunk -> registration numbers

inline constexpr kv::table webhooks{27};        // application, 0, uuid -> webhook
inline constexpr kv::table webhook_cursors{28}; // uuid -> sequence of the last event that needs nothing more
inline constexpr kv::table deliveries{29};      // uuid, ~sequence -> delivery: newest first
inline constexpr kv::table redeliveries{30};    // uuid, sequence -> nothing; those that are under way

inline constexpr kv::table console_sessions{31}; // digest of the secret, 32 bytes -> console_session

static_assert(std::size(names) == 32);

} // namespace tables

} // namespace doorward::registry
