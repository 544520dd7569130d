#include "handlers/authenticate.hpp"
#include "crypto/encoding.hpp"
#include "crypto/password.hpp"
#include "crypto/random.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

// What follows a scheme of authentication; empty when it is another one. Schemes are written in any case.
std::optional<std::string_view> behind_scheme(std::string_view header, std::string_view scheme) noexcept
{
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    if (!std::ranges::equal(header.substr(0, scheme.size()), scheme, {}, lower))
        return std::nullopt;
    return header.substr(scheme.size());
}

constexpr std::string_view bearer_scheme = "bearer ";

struct basic_credentials {
    std::string username;
    std::string password;

    basic_credentials(std::string name, std::string secret) : username{std::move(name)}, password{std::move(secret)} {}
    basic_credentials(basic_credentials&&) = default;
    basic_credentials& operator=(basic_credentials&&) = delete;
    ~basic_credentials() { crypto::wipe(password.data(), password.size()); }
};

std::optional<basic_credentials> parse_basic(std::string_view header)
{
    const auto encoded = behind_scheme(header, "basic ");
    if (!encoded)
        return std::nullopt;
    auto decoded = crypto::from_base64(*encoded);
    if (!decoded)
        return std::nullopt;
    const std::string_view text = crypto::as_text(*decoded);
    const auto colon = text.find(':');
    std::optional<basic_credentials> out;
    if (colon != std::string_view::npos)
        out.emplace(std::string{text.substr(0, colon)}, std::string{text.substr(colon + 1)});
    crypto::wipe(decoded->data(), decoded->size());
    return out;
}

// What an unknown name is checked against; nobody knows its password.
const std::string& nobodys_hash()
{
    static const std::string hash =
        crypto::hash_password(crypto::to_base64(crypto::random_array<24>()), crypto::office_password_cost);
    return hash;
}

// Of a back office that comes with many connections at once, one request pays for all that wait behind it.
bool check_password(services& svc, const registry::account* whose, std::string_view password)
{
    if (whose == nullptr) {
        static_cast<void>(crypto::verify_password(nobodys_hash(), password));
        return false;
    }
    if (svc.credentials.knows(*whose, password, svc.clock.now()))
        return true;
    const bool right = crypto::verify_password(whose->password_hash, password);
    if (right)
        svc.credentials.remember(*whose, password, svc.clock.now());
    return right;
}

// The account of credentials that were checked before; null when they were not.
std::shared_ptr<const registry::account> find_remembered(const basic_credentials& given, services& svc)
{
    auto whose = svc.directory.find_account(given.username);
    const bool known = whose && whose->enabled && svc.credentials.knows(*whose, given.password, svc.clock.now());
    return known ? whose : nullptr;
}

// given  outlives the coroutine
task<kv::result<std::shared_ptr<const registry::account>>> check_basic(const basic_credentials& given, services& svc)
{
    using found_account = std::shared_ptr<const registry::account>;
    found_account whose = svc.directory.find_account(given.username);
    if (whose && !whose->enabled)
        whose = nullptr;
    if (whose && svc.credentials.knows(*whose, given.password, svc.clock.now()))
        co_return whose;

    // Copies for the other thread: a connection that goes away must not take them along.
    auto check = [&svc, whose, password = given.password]() mutable {
        const bool right = check_password(svc, whose.get(), password);
        crypto::wipe(password.data(), password.size());
        return right;
    };
    auto pending = svc.office_passwords.async_run(std::move(check), boost::asio::as_tuple(boost::asio::deferred));
    const auto [ec, right] = co_await std::move(pending);
    if (ec)
        co_return ec;
    co_return right ? whose : found_account{};
}

} // namespace

bool names_bearer(const request& req) noexcept
{
    return behind_scheme(req.authorization, bearer_scheme).has_value();
}

std::string_view bearer_of(const request& req) noexcept
{
    return behind_scheme(req.authorization, bearer_scheme).value_or(std::string_view{});
}

std::shared_ptr<const registry::account> find_bearer(const request& req, const services& svc)
{
    const auto token = behind_scheme(req.authorization, bearer_scheme);
    return token ? svc.directory.find_token_owner(*token, svc.clock.now()) : nullptr;
}

std::string_view session_cookie(const request& req) noexcept
{
    std::string_view plain;
    for (std::string_view rest = req.cookie; !rest.empty();) {
        const auto end = std::min(rest.find(';'), rest.size());
        std::string_view each = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        each.remove_prefix(std::min(each.find_first_not_of(' '), each.size()));
        const auto equals = each.find('=');
        if (equals == std::string_view::npos)
            continue;
        if (each.substr(0, equals) == secure_session_cookie)
            return each.substr(equals + 1);
        if (each.substr(0, equals) == plain_session_cookie && plain.empty())
            plain = each.substr(equals + 1);
    }
    return plain;
}

bool is_of_own_origin(const request& req) noexcept
{
    if (req.origin.empty())
        return true;
    const auto scheme_end = req.origin.find("://");
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return scheme_end != std::string_view::npos && !req.host.empty() &&
           std::ranges::equal(req.origin.substr(scheme_end + 3), req.host, {}, lower, lower);
}

std::string_view session_of(const request& req) noexcept
{
    const bool usable = req.authorization.empty() && is_of_console(req) && is_of_own_origin(req);
    return usable ? session_cookie(req) : std::string_view{};
}

std::shared_ptr<const registry::account> find_session_owner(const request& req, services& svc)
{
    const auto secret = session_of(req);
    if (secret.empty())
        return nullptr;
    // The page says which of its requests nobody asked for.
    const auto counts = req.console == "0" ? console_sessions::use::unnoticed : console_sessions::use::noted;
    return svc.sessions.find(secret, svc.directory, svc.clock.now(), counts).who;
}

task<kv::result<authentication>> check_credentials(std::string username, std::string password,
                                                   const registry::source_address& from, services& svc)
{
    const basic_credentials given{std::move(username), std::move(password)};
    authentication out;
    out.who = find_remembered(given, svc);
    if (out.who)
        co_return out;
    out.wait_ms = svc.sign_ins.begin(given.username, from, svc.clock.now());
    if (out.wait_ms > 0)
        co_return out;
    auto checked = co_await check_basic(given, svc);
    if (!checked) // nobody looked at it
        svc.sign_ins.give_back(given.username, from);
    else if (*checked)
        svc.sign_ins.succeeded(given.username, from);
    if (!checked)
        co_return checked.error();
    out.who = *std::move(checked);
    co_return out;
}

task<kv::result<authentication>> authenticate(const request& req, services& svc)
{
    authentication out;
    if (req.authorization.empty() && !req.certificate_account.empty()) {
        out.who = svc.directory.find_account(req.certificate_account);
        if (out.who && !out.who->enabled)
            out.who = nullptr;
        co_return out;
    }
    auto given = parse_basic(req.authorization);
    if (!given)
        co_return out;
    auto checking = check_credentials(std::move(given->username), std::move(given->password), req.source, svc);
    auto checked = co_await std::move(checking);
    co_return checked;
}

} // namespace doorward::handlers
