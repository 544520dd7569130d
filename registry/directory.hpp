#pragma once

#include "registry/limits.hpp"
#include "registry/store.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace doorward::registry {

/// Applications and office accounts, all of them in memory: few, read by every request, changed rarely.
///
/// Readers take a shared pointer to something immutable; reload() replaces it after a change reached the disk.
/// threads  any
class directory {
public:
    /// Reads everything. Throws record_fault, or kv::open_error when a secret does not open.
    directory(const kv::env& store, const crypto::sealer& with);

    /// Reads everything again. Call it after a change of applications or accounts is durable.
    void reload();

    [[nodiscard]] std::shared_ptr<const application> find_application(std::string_view id) const;

    struct known_version {
        std::shared_ptr<const application> owner;
        const application_version* version = nullptr; // inside *owner
        explicit operator bool() const noexcept { return owner != nullptr; }
    };
    /// By APP_KEY, Base64 text. Unsupported versions are found too.
    [[nodiscard]] known_version find_version(std::string_view application_key) const;

    /// In the order of their ids.
    [[nodiscard]] std::vector<std::shared_ptr<const application>> all_applications() const;

    [[nodiscard]] std::shared_ptr<const account> find_account(std::string_view username) const;

private:
    struct content {
        std::map<std::string, std::shared_ptr<const application>, std::less<>> applications;
        std::map<std::string, known_version, std::less<>> versions;
        std::map<std::string, std::shared_ptr<const account>, std::less<>> accounts;
    };
    [[nodiscard]] std::shared_ptr<const content> read() const;
    [[nodiscard]] std::shared_ptr<const content> current() const;

    const kv::env& env_;           // outlives this object
    const crypto::sealer& sealer_; // outlives this object

    std::mutex reload_mutex_; // one reload at a time, so that an older reading never replaces a newer one
    mutable std::mutex content_mutex_;
    std::shared_ptr<const content> content_; // guarded by content_mutex_
};

/// May a phone with this version of an app speak this version of the protocol? The app's version must be known and
/// supported, and the protocol not below what the application accepts.
[[nodiscard]] inline bool accepts(const directory::known_version& app, protocol_version spoken) noexcept
{
    return app && app.version->supported && accepts(app.owner->settings, spoken);
}

} // namespace doorward::registry
