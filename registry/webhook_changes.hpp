#pragma once

#include "registry/events.hpp"

namespace doorward::registry {

// Changes about webhooks, for the writer (see changes.hpp). Each that somebody asked for is an event.

/// A new webhook. It begins behind the events that there are.
struct create_webhook {
    webhook record;
    actor who;

    /// errors  unknown_application; too_many_webhooks, of the application or in all
    kv::error_code operator()(kv::write_txn& txn) const;
};

/// Other settings or secrets.
struct change_webhook {
    webhook before; // as it was when the change was worked out
    webhook after;
    actor who;
    std::string action; // of the event: "CHANGE_WEBHOOK"

    /// errors  webhook_not_found; changed_meanwhile when the record is not `before` (read it again)
    kv::error_code operator()(kv::write_txn& txn) const;
};

/// Removes a webhook. What it delivered is erased when it would have been anyway; nobody can ask for it any more.
struct remove_webhook {
    std::string application_id;
    uuid id;
    actor who;
    time_ms at = 0;

    /// errors  webhook_not_found
    kv::error_code operator()(kv::write_txn& txn) const;
    [[nodiscard]] std::size_t weight() const noexcept { return weight_of_one; }

    static constexpr std::size_t weight_of_one = 24; // rows of its window are neighbours, redeliveries are not
};

/// Removes all webhooks of an application, within a change, without events.
void erase_webhooks(kv::write_txn& txn, std::string_view application_id);

/// What became of attempts, and how far the cursor has come. Of a webhook that was removed meanwhile nothing.
struct record_deliveries {
    struct outcome {
        event_sequence sequence;
        delivery record;
    };
    std::string application_id;
    uuid id;
    std::vector<outcome> outcomes;
    event_sequence cursor = 0; // it never goes back

    kv::error_code operator()(kv::write_txn& txn) const;
};

/// Makes a delivery that has ended be tried once more, from its first attempt on. One that is under way stays so.
struct redeliver {
    std::string application_id;
    uuid id;
    event_sequence sequence = 0;
    actor who;
    time_ms now = 0;

    delivery result; // as of then

    /// errors  webhook_not_found, delivery_not_found; too_many_redeliveries: webhook_again_max are under way
    kv::error_code operator()(kv::write_txn& txn);
};

/// Erases a delivery whose time is over, within a change; one that the cursor has not passed stays for another while.
void expire_delivery(kv::write_txn& txn, time_ms due_at, crypto::bytes_view key);

} // namespace doorward::registry
