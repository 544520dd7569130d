#pragma once

#include "registry/binding.hpp"
#include "registry/events.hpp"
#include "registry/limits.hpp"
#include "registry/store.hpp"
#include "registry/webhook_changes.hpp"

namespace doorward::registry {

/// Who changes what registrations live in, and when, for the event that tells of it. By nobody: doorward itself.
struct authorship {
    actor who;
    time_ms at = 0;
};

// Changes for the writer (kv::async_commit), beside transition. Each is called on the writer thread, reads first and
// writes last. A change is given back to its sender with what it found out. Those of applications and accounts append
// an event (administration_event) when they change anything: registry/administration.hpp.

/// A new registration, waiting for its phone; or with its phone from the first moment on, when the phone proved itself
/// in another way than by an activation code (PROTOCOL.md 12.3). One that has an origin is a child of the registration
/// named there, which must be active. All of it or nothing is on the disk.
struct create_registration {
    registration record; // complete but for status_version and what `bound` brings
    ctr_data first_counter{};
    actor who;
    std::string reason; // of each row of history; of a child it is its origin
    bool refuse_if_incomplete = false;
    std::optional<binding> bound; // keys are exchanged at once; `record` has no activation code then
    bool committed = false;       // and it need not wait for commit
    std::optional<stored_metadata> metadata;

    registration_number number = 0; // given by the writer

    /// errors  unknown_application: it was removed; incomplete_registration: of the user, or waiting_children_max of
    ///         the parent; changed_meanwhile when the id or the activation code is taken (draw another); illegal_change
    ///         when the parent is not active; registration_not_found when there is no such parent; too_many_children
    kv::error_code operator()(kv::write_txn& txn);
    [[nodiscard]] std::size_t weight() const noexcept { return (bound ? 2 : 1) + (bound ? 3 : 1) * event_weight; }

private:
    void put_history(kv::write_txn& txn, attempt_word word, move by, std::optional<state> before) const;
};

/// Marks envelopes as seen, all or none.
struct remember_seen {
    struct mark {
        crypto::byte_array<16> value;
        time_ms until;
    };
    std::vector<mark> marks;

    /// errors  envelope_replayed when one of them is remembered already
    kv::error_code operator()(kv::write_txn& txn) const;
};

struct create_temporary_key {
    uuid id;
    stored_temporary_key record;

    kv::error_code operator()(kv::write_txn& txn) const;
};

/// A new token, and its envelope marked as seen: both or neither. Where a registration has tokens_max of them already,
/// the oldest gives way: its phone has forgotten it, or asks for it again.
struct create_token {
    registration_number owner = 0;
    uuid id;
    stored_token record;
    remember_seen seen;

    /// errors  envelope_replayed; illegal_change when the registration is not active any more
    kv::error_code operator()(kv::write_txn& txn) const;
};

/// Erases a token of a registration. One that it does not have is no error.
struct remove_token {
    registration_number owner = 0;
    uuid id;

    kv::error_code operator()(kv::write_txn& txn) const;
};

/// Erases all tokens of a registration. For changes that remove it.
void erase_tokens(kv::write_txn& txn, registration_number owner);

/// What is told about a user of an application from now on; empty: nothing any more.
struct set_claims {
    std::string application_id;
    std::string user_id;
    std::optional<stored_claims> record;

    /// errors  unknown_application
    kv::error_code operator()(kv::write_txn& txn) const;
};

/// A new application with its first version.
struct create_application {
    stored_application record;
    stored_application_version version;
    authorship by{};

    /// errors  application_exists, too_many_applications
    kv::error_code operator()(kv::write_txn& txn) const;
};

/// New settings of an application, or none of them: what else the record says stays.
struct change_application {
    stored_application before; // as it was when the change was worked out
    application_settings settings;
    crypto::bytes sealed_provider_secret;
    authorship by{};

    /// errors  unknown_application; changed_meanwhile when the record is not `before` (read it again)
    kv::error_code operator()(kv::write_txn& txn) const;
};

/// One version more of an application that exists, built with its newest master key.
struct create_application_version {
    stored_application_version record;
    authorship by{};

    /// errors  unknown_application, too_many_application_versions
    kv::error_code operator()(kv::write_txn& txn) const;
};

/// One master key more of an application: of the versions that are made from now on. What signs stays.
struct create_master_key {
    std::string application_id;
    stored_master_key record;
    authorship by{};

    /// errors  unknown_application, too_many_master_keys
    kv::error_code operator()(kv::write_txn& txn) const;
    [[nodiscard]] std::size_t weight() const noexcept { return application_versions_max + event_weight; }
};

/// Another master key of an application signs from now on. Doing so twice is no error.
struct sign_with_master_key {
    std::string application_id;
    std::string key_id; // master_key_id()
    authorship by{};

    /// errors  unknown_application, unknown_master_key
    kv::error_code operator()(kv::write_txn& txn) const;
};

/// Forgets a master key of an application; versions that were built with it keep their names, and are never supported
/// again.
struct remove_master_key {
    std::string application_id;
    std::string key_id;
    authorship by{};

    /// errors  unknown_application, unknown_master_key; master_key_in_use: it signs, or a supported version was built
    ///         with it
    kv::error_code operator()(kv::write_txn& txn) const;
};

/// Phones with this version are let in, or no longer.
struct support_application_version {
    std::string application_id;
    std::string key;
    bool supported = true;
    authorship by{};

    /// errors  unknown_application_version: none with this key, or not of this application; master_key_removed: the
    ///         one that it was built with is gone
    kv::error_code operator()(kv::write_txn& txn) const;
};

/// Erases some of what was told about the users of an application.
struct erase_claims {
    std::string application_id;
    std::size_t rows_max = remove_application_erase_rows;

    std::size_t erased = 0; // found out

    kv::error_code operator()(kv::write_txn& txn);
    [[nodiscard]] std::size_t weight() const noexcept { return rows_max; }
};

/// Removes an application with its versions and webhooks, and from the accounts that saw it. Its registrations, all
/// REMOVED, keep their history.
struct remove_application {
    std::string id;
    registration_number looked_at = 0; // of those up to this number nobody is in use any more: REMOVED is terminal
    authorship by{};

    /// errors  unknown_application; application_in_use: by a registration behind `looked_at`; changed_meanwhile: claims
    ///         are left (erase_claims), or too many registrations were made since (look again)
    kv::error_code operator()(kv::write_txn& txn) const;
    [[nodiscard]] std::size_t weight() const noexcept
    {
        return application_versions_max + accounts_max + webhooks_of_application_max * remove_webhook::weight_of_one;
    }
};

struct create_account {
    account record;
    authorship by{};

    /// errors  account_exists, too_many_accounts
    kv::error_code operator()(kv::write_txn& txn) const;
};

/// Lets an account see an application. Doing so twice is no error.
struct assign_application {
    std::string username;
    std::string application_id;
    authorship by{};

    account result; // as of then

    /// errors  account_not_found, unknown_application
    kv::error_code operator()(kv::write_txn& txn);
};

/// Takes an application out of an account's sight. Doing so twice is no error.
struct unassign_application {
    std::string username;
    std::string application_id;
    authorship by{};

    account result; // as of then

    /// errors  account_not_found
    kv::error_code operator()(kv::write_txn& txn);
};

/// What becomes of an account. Members that are empty leave things as they are.
struct change_account {
    std::string username;
    std::optional<bool> enabled;
    std::optional<role> its_role;
    std::optional<right_set> rights;
    std::optional<std::string> password_hash;
    authorship by{};

    account result; // as of then

    /// errors  account_not_found; last_admin when nobody would be left to administer the server
    kv::error_code operator()(kv::write_txn& txn);
};

/// Removes an account with its tokens.
struct remove_account {
    std::string username;
    authorship by{};

    /// errors  account_not_found; last_admin
    kv::error_code operator()(kv::write_txn& txn) const;
};

struct create_account_token {
    std::string username;
    account_token record;
    authorship by{};

    /// errors  account_not_found, account_token_exists, too_many_account_tokens
    kv::error_code operator()(kv::write_txn& txn) const;
};

/// Revokes a token of an account; without a name all of them, of which there may be none.
struct remove_account_tokens {
    std::string username;
    std::optional<std::string> name;
    authorship by{};

    /// errors  account_not_found, account_token_not_found
    kv::error_code operator()(kv::write_txn& txn) const;
    [[nodiscard]] std::size_t weight() const noexcept { return account_tokens_max * (1 + event_weight); }
};

/// Writes down when tokens were used last. Those that are gone are left alone.
struct note_token_uses {
    struct use {
        std::string username;
        std::string name;
        crypto::byte_array<32> digest; // one of the same name may have come in its place
        time_ms at;
    };
    std::vector<use> uses;

    kv::error_code operator()(kv::write_txn& txn) const;
    [[nodiscard]] std::size_t weight() const noexcept { return uses.size(); }
};

/// The first half of remembering a request that carries an Idempotency-Key: before it is carried out.
struct begin_idempotent_request {
    idempotency_mark mark;
    idempotent_request record; // without an answer
    time_ms now;

    /// errors  changed_meanwhile when the mark is remembered already; too_many_idempotency_keys
    kv::error_code operator()(kv::write_txn& txn) const;
};

/// The second: its answer, or that it may be carried out again because nothing came of it.
struct end_idempotent_request {
    idempotency_mark mark;
    std::optional<crypto::bytes> sealed_answer; // none: forget the request

    kv::error_code operator()(kv::write_txn& txn) const;
};

/// Erases rows of `due`, and with them the temporary keys, seen values, jobs, deliveries and idempotent
/// requests whose time is over.
struct erase_due {
    std::vector<due_row> rows; // a row about a registration goes alone

    kv::error_code operator()(kv::write_txn& txn) const;
    [[nodiscard]] std::size_t weight() const noexcept { return rows.size(); }
};

/// Changes nothing; settles after everything that was submitted before it.
struct barrier {
    kv::error_code operator()(kv::write_txn&) const { return {}; }
};

} // namespace doorward::registry
