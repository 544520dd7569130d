#pragma once

#include "registry/clock.hpp"

#include <cstddef>

// Every limit of the domain in one place: name, number, unit, and where it comes from. Transport limits are in
// server/config.hpp, those of the store in kv/env.hpp and kv/writer.hpp.

namespace doorward::registry {

// Attempts
inline constexpr unsigned look_ahead_default = 20;         // counter positions; PROTOCOL.md 7.5
inline constexpr unsigned look_ahead_max = 64;             // beyond it phones refuse the status blob
inline constexpr unsigned max_failed_attempts_default = 5; // PROTOCOL.md 7.5
inline constexpr unsigned max_failed_attempts_max = 255;   // one byte in the status blob

// Temporary blocks. REGISTRATION-API.md 8.4
inline constexpr time_ms temporary_block_first_default_ms = 5 * 60 * 1000;
inline constexpr time_ms temporary_block_most_default_ms = time_ms{24} * 3600 * 1000;
inline constexpr time_ms temporary_block_min_ms = 1000;
inline constexpr time_ms temporary_block_max_ms = time_ms{366} * 24 * 3600 * 1000;
inline constexpr unsigned block_multiplier_max = 100;
inline constexpr time_ms failure_window_min_ms = 1000;
inline constexpr time_ms failure_window_max_ms = time_ms{366} * 24 * 3600 * 1000;
inline constexpr unsigned max_failed_per_factor_max = 127; // both kinds together are counted in one byte

// The breaker of mass lockouts. REGISTRATION-API.md 8.4
inline constexpr time_ms breaker_window_default_ms = 5 * 60 * 1000;
inline constexpr time_ms breaker_pause_default_ms = 15 * 60 * 1000;
inline constexpr time_ms breaker_time_min_ms = 1000; // of a window or a pause
inline constexpr time_ms breaker_time_max_ms = 24 * 60 * 60 * 1000;
inline constexpr time_ms breaker_memory_ms = 24 * 60 * 60 * 1000; // of what is usual
inline constexpr std::size_t breaker_notices_max = 1'024;         // that the disk had no room for, count
inline constexpr unsigned breaker_number_max = 65'535;            // least, and factor
inline constexpr time_ms hold_first_ms = 60 * 1000; // between two failures of a registration that is not blocked for it
inline constexpr unsigned hold_doublings_max = 6;   // up to an hour or so

// Simulations of a policy
inline constexpr time_ms false_lockout_ms = 60 * 60 * 1000;  // a success so soon after a lockout: it was the owner
inline constexpr std::size_t simulated_rows_max = 1'000'000; // of the journal
inline constexpr std::size_t simulated_step_rows = 10'000;   // in one snapshot
inline constexpr std::size_t simulations_max = 1;            // at once; each may remember a million registrations

// Noise: attempts that prove no possession. DESIGN.md 5.2, REGISTRATION-API.md 8.4
inline constexpr unsigned unproven_per_minute_default = 30; // for each registration
inline constexpr unsigned unproven_per_minute_max = 6'000;  // more is no limit; 0 says so
inline constexpr unsigned unproven_address_factor = 20;     // an address, times a registration: phones behind one NAT
inline constexpr std::size_t noise_cells = 131'072; // budgets of registrations, and as many of addresses; 1 MiB each
inline constexpr std::size_t noise_registrations_max = 65'536; // counted apart for the audit; some 6 MiB

// Times
inline constexpr time_ms registration_expiry_default_ms = 5 * 60 * 1000;              // PROTOCOL.md 12.1
inline constexpr time_ms registration_expiry_max_ms = time_ms{30} * 24 * 3600 * 1000; // an invitation by letter
inline constexpr time_ms temporary_key_life_ms = 5 * 60 * 1000;                       // PROTOCOL.md 9
inline constexpr time_ms envelope_window_ms = 60 * 1000;                              // PROTOCOL.md 19, both directions
inline constexpr time_ms envelope_memory_ms = 2 * 60 * 60 * 1000; // for versions without a timestamp, same section

// A value is remembered for the whole window, past and future, counted from the timestamp it carries.
inline constexpr time_ms seen_memory_ms = 2 * envelope_window_ms;

// Tokens
inline constexpr std::size_t tokens_max = 32; // of one registration, count; one more takes the place of the oldest
inline constexpr time_ms token_window_past_ms = 2 * 60 * 60 * 1000; // PROTOCOL.md 14
inline constexpr time_ms token_window_future_ms = 30 * 60 * 1000;   // same section
inline constexpr time_ms token_memory_ms = token_window_past_ms + token_window_future_ms;

// Claims about users
inline constexpr std::size_t claims_bytes_max = 4096; // of one user in one application, as JSON
inline constexpr std::size_t claims_max = 128;        // of one user in one application
inline constexpr std::size_t claim_name_characters_max = 64;

// Metadata of registrations
inline constexpr std::size_t metadata_bytes_max = 4096; // of one registration, as JSON
inline constexpr std::size_t metadata_members_max = 128;
inline constexpr std::size_t metadata_name_characters_max = 64;

// Lengths of texts: in characters for what people write, in bytes of UTF-8 for what is part of a key
inline constexpr std::size_t user_id_bytes_max = 255; // it is part of a key
inline constexpr std::size_t application_id_bytes_max = 64;
inline constexpr std::size_t username_bytes_max = 64;
inline constexpr std::size_t name_characters_max = 255;
inline constexpr std::size_t extras_characters_max = 512;
inline constexpr std::size_t platform_characters_max = 32;
inline constexpr std::size_t device_info_characters_max = 255;
inline constexpr std::size_t reason_characters_max = 255;
inline constexpr std::size_t external_user_characters_max = 255;
inline constexpr std::size_t vault_reason_bytes_min = 3; // PROTOCOL.md 11.9
inline constexpr std::size_t vault_reason_bytes_max = 255;
inline constexpr std::size_t otp_characters_max = 64;
inline constexpr std::size_t flag_characters_max = 255;
inline constexpr std::size_t flags_max = 64;                // count
inline constexpr std::size_t flags_bytes_max = 512;         // all flags of a registration together
inline constexpr std::size_t roles_max = 16;                // roles of an application, count
inline constexpr std::size_t applications_max = 1024;       // count; all are held in memory
inline constexpr std::size_t accounts_max = 1024;           // count; all are held in memory
inline constexpr std::size_t master_keys_max = 4;           // of one application, count; one, but for a rotation
inline constexpr std::size_t application_versions_max = 64; // of one application, count; all are held in memory

// Tokens of accounts
inline constexpr std::size_t account_tokens_max = 16; // of one account, count; all are held in memory
inline constexpr std::size_t account_token_name_bytes_max = 64;
inline constexpr time_ms account_token_life_max_ms = time_ms{10} * 366 * 24 * 3600 * 1000; // where it ends at all
inline constexpr time_ms token_use_told_ms = 60 * 1000;         // grain of "last used" in memory
inline constexpr time_ms token_use_written_ms = 60 * 60 * 1000; // how far the store may be behind it
inline constexpr std::size_t token_uses_written_max = 256;      // by one change, count

// Sessions of the console
inline constexpr std::size_t console_sessions_max = 1'024;         // count; all are held in memory
inline constexpr std::size_t console_sessions_of_account_max = 16; // one more takes the place of the one unused longest
inline constexpr time_ms session_idle_ms = 15 * 60 * 1000;         // without use, then it is over
inline constexpr time_ms session_life_ms = 8 * 60 * 60 * 1000;     // from signing in, however it is used
inline constexpr time_ms session_use_written_ms = 60 * 1000;       // how far the store may be behind the last use
inline constexpr std::size_t session_changes_max = 256;            // written or erased by one change, count

// Guessing passwords of accounts
inline constexpr unsigned sign_ins_of_pair_max = 20;         // wrong ones of a name from an address, judged at once
inline constexpr unsigned sign_ins_of_address_max = 100;     // of all names; an office may have one address
inline constexpr time_ms sign_in_window_ms = 20 * 60 * 1000; // until all are forgotten, one after the other
inline constexpr std::size_t sign_in_entries_max = 4'096;    // names and addresses, and as many addresses

// Settings of applications
inline constexpr unsigned provider_timeout_ms_default = 3'000; // a phone waits 15 s or more for its answer
inline constexpr unsigned provider_timeout_ms_min = 100;
inline constexpr unsigned provider_timeout_ms_max = 10'000;
inline constexpr std::size_t provider_url_bytes_max = 512;
inline constexpr std::size_t provider_secret_bytes_max = 255;
inline constexpr std::size_t transfer_targets_max = 16; // count

// Registrations made from others
inline constexpr std::size_t children_max = 1'000;               // of one registration, count; those that started
inline constexpr std::size_t waiting_children_max = 16;          // of one registration, count; those that did not yet
inline constexpr std::size_t cascade_registrations_max = 10'000; // blocked or removed by one cascade, count
inline constexpr std::size_t cascade_looked_at_max = 100'000;    // by one cascade, count; a few microseconds each
inline constexpr std::size_t cascade_step_max = 256;             // blocked by one change, count
inline constexpr std::size_t transfer_otp_characters_min = 16;   // REGISTRATION-API.md chapter 6, device cloning

// Pages of lists and histories, in rows
inline constexpr std::size_t page_rows_default = 100;
inline constexpr std::size_t page_rows_max = 1000;

// Users found by the beginning of their ids, count
inline constexpr std::size_t found_users_default = 10;
inline constexpr std::size_t found_users_max = 100;

// Attempts that business systems report
inline constexpr std::size_t attempt_id_bytes_max = 64;
inline constexpr std::size_t reports_max = 1000; // in one call
inline constexpr std::size_t channel_characters_max = 32;
inline constexpr std::size_t app_version_characters_max = 64;
inline constexpr std::size_t uri_id_characters_max = 255;

// Offline signatures
inline constexpr std::size_t offline_data_bytes_max = 2'048; // what is shown as a QR code, or signed for one
inline constexpr std::size_t totp_seed_bytes_min = 16;       // RFC 4226 section 4, R6
inline constexpr std::size_t totp_seed_bytes_max = 64;
inline constexpr unsigned totp_step_seconds_default = 30; // RFC 6238 section 5.2
inline constexpr unsigned totp_step_seconds_min = 10;
inline constexpr unsigned totp_step_seconds_max = 300;
inline constexpr unsigned totp_earlier_steps_default = 1;
inline constexpr unsigned totp_earlier_steps_max = 5; // each is one text more that may have been signed

// Events
inline constexpr std::size_t event_action_bytes_max = 64;    // of what is done to applications and accounts
inline constexpr std::size_t event_detail_bytes_max = 1'024; // the same
inline constexpr time_ms audit_period_ms = time_ms{30} * 24 * 3600 * 1000; // looked at unless asked otherwise
inline constexpr time_ms audit_clock_slack_ms = time_ms{24} * 3600 * 1000; // how far back a clock may have been set

// The journal of attempts
inline constexpr std::size_t unfolded_registrations_max = 262'144;  // count; some 200 bytes each
inline constexpr std::size_t journal_rows_in_front_goal = 500'000;  // rows; beyond it the fold takes larger steps
inline constexpr std::size_t journal_rows_in_front_max = 2'000'000; // rows; read again at a start, in about a second
inline constexpr std::size_t fold_registrations_least = 64;         // of one step, count
inline constexpr std::size_t fold_registrations_most = 4'096;       // of one step when the journal fills, count
inline constexpr time_ms attempt_retention_ms = time_ms{90} * 24 * 3600 * 1000;
inline constexpr std::size_t erase_rows_max = 512; // rows of attempts erased by one change

// Rows looked at for one page, in one snapshot. A page may come back short of its limit, but then with a cursor.
inline constexpr std::size_t page_scan_rows_max = 10'000;

// Removing an application: registrations looked at in one snapshot, and claims erased by one change
inline constexpr std::size_t remove_application_look_rows = 10'000;
inline constexpr std::size_t remove_application_erase_rows = 512;

// Requests that carry an Idempotency-Key. REGISTRATION-API.md 8.1
inline constexpr std::size_t idempotency_key_characters_max = 128;
inline constexpr time_ms idempotency_memory_ms = time_ms{24} * 3600 * 1000;
inline constexpr std::size_t idempotent_requests_max = 1'000'000;    // remembered, count; some 1 KB each
inline constexpr std::size_t idempotent_answer_bytes_max = 8 * 1024; // with its header fields; longer ones are not kept

// What names a request in logs. REGISTRATION-API.md 8.1; W3C Trace Context
inline constexpr std::size_t request_id_characters_max = 128;
inline constexpr std::size_t traceparent_characters_max = 128; // version 00 has 55, later ones may have more

// Look-ups and jobs (REGISTRATION-API.md R13 to R15, R18)
inline constexpr std::size_t lookup_names_max = 1'000;  // user ids, registration ids or application ids of one call
inline constexpr std::size_t job_targets_max = 100'000; // registrations of one job, count
inline constexpr std::size_t job_chunk = 64;            // registrations of one step, count; a step of the fold's size
inline constexpr std::size_t bulk_looked_at_max = 2'000'000;            // to find what a filter means, count
inline constexpr std::size_t bulk_sample_max = 10;                      // registrations that a dry run shows
inline constexpr std::size_t jobs_running_max = 16;                     // at once, count
inline constexpr std::size_t jobs_max = 256;                            // kept, those that are running included
inline constexpr std::size_t job_failures_max = 100;                    // told by a job, count; the others are counted
inline constexpr std::size_t erase_walk_rows = 10'000;                  // rows of histories looked at in one step
inline constexpr std::size_t erase_rewrite_max = 256;                   // rows of histories written in one step
inline constexpr time_ms job_memory_ms = time_ms{7} * 24 * 3600 * 1000; // after its end

// Why a registration is in its state (R17)
inline constexpr std::size_t explained_attempts_max = 100; // told, count; the newest

// Statistics (REGISTRATION-API.md M6)
inline constexpr time_ms statistics_life_ms = 60 * 1000;      // told without counting again
inline constexpr std::size_t statistics_step_rows = 10'000;   // looked at in one snapshot
inline constexpr std::size_t statistics_rows_max = 1'000'000; // looked at for one question; the next one goes on
inline constexpr std::size_t statistics_platforms_max = 16;   // of one application, told apart; phones name them
inline constexpr time_ms monthly_ms = time_ms{30} * 24 * 3600 * 1000; // a registration used since then is active
inline constexpr std::size_t lockout_hours = 24;                      // told

// Webhooks. REGISTRATION-API.md M3 and chapter 5
inline constexpr std::size_t webhooks_of_application_max = 16;
inline constexpr std::size_t webhooks_max = 1'024;          // of all applications, count
inline constexpr std::size_t webhook_window_events = 1'000; // looked at ahead of the cursor, count
inline constexpr std::size_t webhook_in_flight_max = 8;     // deliveries of one webhook at once, count
inline constexpr std::size_t webhooks_in_flight_max = 64;   // of all together; the rest is for other calls
inline constexpr unsigned webhook_timeout_ms = 10'000;      // of one attempt
inline constexpr unsigned webhook_attempts_default = 10;    // over some 24 hours
inline constexpr unsigned webhook_attempts_max = 100;
inline constexpr time_ms webhook_backoff_default_ms = 30 * 1000; // before the second attempt
inline constexpr time_ms webhook_backoff_least_ms = 1000;
inline constexpr time_ms webhook_backoff_most_ms = 6 * 3600 * 1000;
inline constexpr time_ms webhook_retention_default_ms = time_ms{30} * 24 * 3600 * 1000; // of finished deliveries
inline constexpr time_ms webhook_retention_least_ms = 3600 * 1000;
inline constexpr time_ms webhook_retention_most_ms = time_ms{366} * 24 * 3600 * 1000;
inline constexpr std::size_t webhook_breaker_events = 5;                  // failed in a row, count; then it opens
inline constexpr time_ms webhook_probe_pause_ms = 60 * 1000;              // between two attempts while it is open
inline constexpr time_ms webhook_hold_ms = time_ms{7} * 24 * 3600 * 1000; // that it keeps an event from being given up
inline constexpr std::size_t webhook_again_max = 100; // redeliveries under way of one webhook, count
inline constexpr time_ms webhook_old_secret_ms = time_ms{24} * 3600 * 1000; // that it signs beside the new one
inline constexpr std::size_t webhook_username_characters_max = 255;
inline constexpr std::size_t webhook_credential_bytes_max = 4'096; // password or token
inline constexpr std::size_t webhook_pem_bytes_max = 32 * 1024;    // certificates, and private key

// Due rows (expired registrations, keys and seen values) handled by one pass of the sweep
inline constexpr std::size_t sweep_rows_max = 256;

} // namespace doorward::registry
