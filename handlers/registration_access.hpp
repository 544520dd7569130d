#pragma once

#include "handlers/endpoint.hpp"
#include "handlers/json_writer.hpp"
#include "registry/store.hpp"

namespace doorward::handlers {

/// The registration that a path names, as the caller may see it.
///
/// An unfinished one whose time is over is first written as removed, and one whose temporary block is over as active,
/// so that detail, list and history agree. errors  registration_not_found: unknown, malformed id, or of an application
/// that the account does not see; kv::errc
task<kv::result<registry::full_registration>> load_registration(const call& asked, services& svc);

/// The one that a field of the body names.
task<kv::result<registry::full_registration>> load_registration(const call& asked, registry::uuid id, services& svc);

/// A registration, whoever asks.
task<kv::result<registry::full_registration>> find_current(services& svc, const registry::uuid& id);

/// KEY_SERVER of a registration, opened; empty while it has none.
[[nodiscard]] std::optional<crypto::p256_private_key> find_server_key(services& svc,
                                                                      const registry::full_registration& of);

/// Does what is due: writes those of `found` that are unfinished and out of time as removed, and ends temporary blocks
/// that are over; returns how many changed.
task<kv::result<std::size_t>> expire(std::vector<registry::full_registration> found, services& svc);

/// The members of a registration (REGISTRATION-API.md 8.5), without the braces. The fields of the activation code are
/// there while the code can be used; the fingerprint while the registration waits for commit.
void write_registration(json_writer& to, const services& svc, const registry::full_registration& what,
                        const registry::application* application);

/// The detail of a registration: what write_registration() writes, and what only the detail tells; with its ETag.
/// To somebody who may not create registrations it does not tell the activation code.
[[nodiscard]] response detail_answer(services& svc, const registry::full_registration& of,
                                     const registry::account& who);

/// The members that say who did something.
void write_actor(json_writer& to, const registry::actor& who);

/// CODE#SIGNATURE, what a QR code shows, and the signature alone.
struct activation_code_texts {
    std::string signature;
    std::string qr_data;
};
[[nodiscard]] activation_code_texts sign_activation_code(const registry::application& application,
                                                         std::string_view code);

} // namespace doorward::handlers
