#pragma once

#include "handlers/http.hpp"
#include "handlers/operator_log.hpp"
#include "handlers/outgoing_calls.hpp"
#include "kv/error.hpp"
#include "registry/application.hpp"

#include <map>
#include <mutex>
#include <optional>

namespace doorward::handlers {

// Custom activations (PROTOCOL.md 12.3): whom a phone belongs to is for a service of the application's own to say.
//
//     doorward -> provider   POST { applicationId, type, identityAttributes, customAttributes, platform, deviceInfo,
//                                   name, extras, clientIp }
//     provider -> doorward   200  { userId, commit, customAttributes, flags, name }
//                            4xx, or 200 { "accepted": false }; 401, 404, 405, 408 and 429 are no verdict

/// What a phone shows instead of an activation code, and what it tells about itself.
struct provider_question {
    std::string type; // "CUSTOM", "DIRECT"
    std::vector<std::pair<std::string, std::string>> identity;
    std::optional<std::string> custom_attributes; // JSON object
    std::string platform;
    std::string device_info;
    std::string name;
    std::string extras;
    std::string client_ip; // where the phone's connection came from; empty: not known
};

/// The body that asks it.
[[nodiscard]] std::string write_question(const provider_question& asked, std::string_view application_id);

/// Whom the provider recognised, and what is to become of the registration.
struct recognised_user {
    std::string user_id;
    bool commit = false;                          // active at once
    std::optional<std::string> custom_attributes; // JSON object, for the phone; none: what it sent
    std::vector<std::string> flags;               // sorted, each once
    std::string name;                             // empty: what the phone calls itself
};

struct provider_verdict {
    enum class kind : std::uint8_t { recognised, refused, failed };
    kind what = kind::failed;
    recognised_user user; // when recognised
    std::string why;      // when not, for operators: nothing of what was asked or answered
};

/// Reads an answer. Pure.
[[nodiscard]] provider_verdict read_verdict(const outgoing_answer& answer);

/// Tells operators why custom activations fail. Whoever has an app can make them fail as often as he likes, so there is
/// one line a second for each application at most, which says how many there would have been. Any thread.
class provider_reports {
public:
    explicit provider_reports(operator_log& to) : log_{to} {}

    void failed(const registry::application& whose, std::string_view request_id, std::string_view why,
                registry::time_ms now);

private:
    struct quiet {
        registry::time_ms until = 0;
        std::uint64_t left_out = 0;
    };

    operator_log& log_;
    std::mutex mutex_;
    std::map<std::string, quiet, std::less<>> applications_; // guarded by mutex_; as many as there are applications
};

struct services;

/// Room for one question to the provider of an application.
///
/// errors  errc::providers_busy: operators are told
[[nodiscard]] kv::result<outgoing_permit> enter_provider(services& svc, const registry::application& whose,
                                                         const request& on_behalf_of);

/// Asks the provider of an application.
///
/// whose         with a provider; outlives the call
/// on_behalf_of  the phone's request, for the log and the provider; outlives the call
/// permit        of enter_provider()
/// errors        errc::not_recognised, errc::provider_failed: operators are told why
task<kv::result<recognised_user>> ask_provider(services& svc, const registry::application& whose,
                                               const provider_question& asked, const request& on_behalf_of,
                                               outgoing_permit permit);

} // namespace doorward::handlers
