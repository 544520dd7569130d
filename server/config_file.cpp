#include "server/config_file.hpp"
#include "registry/account.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <cstdlib>

namespace doorward::server {
namespace {

constexpr std::size_t config_bytes_max = 1024 * 1024;
constexpr std::size_t config_clients_max = 1024;

class config_reader {
public:
    explicit config_reader(const config_source& from) : from_{from} {}

    loaded_config read()
    {
        out_.values = default_settings();
        if (!from_.file.empty())
            read_file();
        for (const config_setting& each : config_settings())
            read_overrides(each);
        take_credentials();
        out_.values.device_socket = from_.device_socket;
        out_.values.office_socket = from_.office_socket;
        if (problems_.empty()) {
            for (const std::string& each : check_config(out_.values))
                problems_.push_back((from_.file.empty() ? "" : from_.file.string() + ": ") + each);
        }
        if (problems_.empty())
            return std::move(out_);
        std::string all;
        for (const std::string& each : problems_)
            all += (all.empty() ? "" : "\n") + each;
        throw config_error{all};
    }

private:
    void read_file()
    {
        std::error_code failed;
        const auto size = std::filesystem::file_size(from_.file, failed);
        if (failed || size > config_bytes_max) {
            problems_.push_back(from_.file.string() + ": " + (failed ? failed.message() : "is too large"));
            return;
        }
        try {
            const toml::table whole = toml::parse_file(from_.file.native());
            walk(whole, "");
        } catch (const toml::parse_error& problem) {
            complain(problem.source(), std::string{problem.description()});
        }
    }

    void walk(const toml::table& table, const std::string& prefix)
    {
        for (const auto& [name, node] : table) {
            const std::string key = prefix + std::string{name.str()};
            if (key == config_clients_table) {
                if (const toml::table* clients = node.as_table())
                    read_clients(*clients);
                else
                    complain(name.source(), key + ": must be a table of names and accounts");
                continue;
            }
            if (is_table(key)) {
                if (const toml::table* inner = node.as_table())
                    walk(*inner, key + '.');
                else
                    complain(name.source(), key + ": must be a table, [" + key + ']');
                continue;
            }
            const config_setting* const setting = find_config_setting(key);
            if (setting == nullptr) {
                complain(name.source(), key + ": is not known");
                continue;
            }
            const auto value = value_of(node);
            const std::string problem = value ? put_config_value(out_.values, *setting, *value)
                                              : "must be a text, a whole number, true or false";
            if (!problem.empty())
                complain(node.source(), key + ": " + problem);
            else
                out_.origins[key] = place_of(node.source());
        }
    }

    void read_clients(const toml::table& clients)
    {
        for (const auto& [name, node] : clients) {
            const std::string whose{name.str()};
            const std::string key = std::string{config_clients_table} + '.' + toml_text(whose);
            const bool is_name =
                std::ranges::any_of(std::array{"dns:", "email:", "uri:", "subject:"}, [&](std::string_view kind) {
                    return whose.starts_with(kind) && whose.size() > kind.size();
                });
            const auto account = node.value<std::string>();
            if (!is_name)
                complain(name.source(), key + ": must begin with dns:, email:, uri: or subject:");
            else if (!node.is_string() || !registry::is_username(*account))
                complain(node.source(), key + ": must be the name of an account");
            else
                out_.values.office_tls.clients.emplace(whose, *account);
        }
        if (clients.size() > config_clients_max)
            complain(clients.source(), std::string{config_clients_table} + ": has more than " +
                                           std::to_string(config_clients_max) + " names");
    }

    void read_overrides(const config_setting& each)
    {
        const std::string variable = variable_of(each);
        if (const char* text = from_.variable ? from_.variable(variable.c_str()) : nullptr)
            override_with(each, text, '$' + variable);
        if (const auto given = from_.flags.find(each.key); given != from_.flags.end())
            override_with(each, given->second, flag_of(each));
    }

    void override_with(const config_setting& each, std::string_view text, const std::string& origin)
    {
        const std::string problem = put_config_text(out_.values, each, text);
        if (problem.empty())
            out_.origins[std::string{each.key}] = origin;
        else
            problems_.push_back(origin + ": " + problem);
    }

    void take_credentials()
    {
        const settings before = out_.values;
        add_tls_credentials(out_.values);
        for (const config_setting& each : config_settings()) {
            if (config_text(before, each) != config_text(out_.values, each))
                out_.origins[std::string{each.key}] = "$CREDENTIALS_DIRECTORY";
        }
    }

    static bool is_table(std::string_view key)
    {
        return std::ranges::any_of(config_settings(), [&](const config_setting& each) {
            return each.key.starts_with(key) && each.key.substr(key.size()).starts_with('.');
        });
    }

    static std::optional<config_value> value_of(const toml::node& node)
    {
        if (const auto* text = node.as_string())
            return config_value{text->get()};
        if (const auto* number = node.as_integer())
            return config_value{number->get()};
        if (const auto* truth = node.as_boolean())
            return config_value{truth->get()};
        return std::nullopt;
    }

    [[nodiscard]] std::string place_of(const toml::source_region& where) const
    {
        return from_.file.string() + ':' + std::to_string(where.begin.line);
    }

    void complain(const toml::source_region& where, const std::string& what)
    {
        problems_.push_back(place_of(where) + ": " + what);
    }

    const config_source& from_;
    loaded_config out_;
    std::vector<std::string> problems_;
};

bool differ(const settings& one, const settings& other, const config_setting& what)
{
    return config_text(one, what) != config_text(other, what);
}

} // namespace

loaded_config load_config(const config_source& from)
{
    return config_reader{from}.read();
}

std::vector<std::string> check_config(const settings& of)
{
    std::vector<std::string> out;
    const auto check_files = [&out](const tls_settings& tls, const std::string& table) {
        if (tls.certificate.empty() != tls.key.empty())
            out.push_back(table + ".certificate: goes with " + table + ".key; one of them is missing");
    };
    check_files(of.device_tls, "device.tls");
    check_files(of.office_tls, "office.tls");
    if (!of.office_tls.client_ca.empty() && !of.office_tls.wanted())
        out.emplace_back("office.tls.client_ca: is of no use without office.tls.certificate");
    if (!of.office_tls.clients.empty() && of.office_tls.client_ca.empty())
        out.emplace_back("office.tls.clients: is of no use without office.tls.client_ca");

    constexpr std::uint64_t mib = 1024 * 1024;
    const std::uint64_t needed = connection_memory_bytes(of.transport);
    if (needed > of.transport.memory_mib * mib)
        out.push_back("limits.memory_mib: connections could hold " + std::to_string((needed + mib - 1) / mib) +
                      " MiB at worst (connections, header_bytes and body_bytes of both sides), and it is " +
                      std::to_string(of.transport.memory_mib));
    if (const auto why = refuse_plain(of.device, of.device_tls.wanted(), of.allow_plain);
        of.device_socket < 0 && !why.empty())
        out.push_back("device.listen: " + why);
    if (const auto why = refuse_plain(of.office, of.office_tls.wanted(), of.allow_plain);
        of.office_socket < 0 && !why.empty())
        out.push_back("office.listen: " + why);
    return out;
}

std::string show_config(const loaded_config& of)
{
    std::string out;
    std::string_view table;
    for (const config_setting& each : config_settings()) {
        const auto dot = each.key.rfind('.');
        const auto its_table = dot == std::string_view::npos ? std::string_view{} : each.key.substr(0, dot);
        if (its_table != table) {
            table = its_table;
            out += (out.empty() ? "[" : "\n[") + std::string{table} + "]\n";
        }
        const auto origin = of.origins.find(each.key);
        out += std::string{dot == std::string_view::npos ? each.key : each.key.substr(dot + 1)} + " = " +
               config_text(of.values, each) + "  # " + (origin == of.origins.end() ? "default" : origin->second) + '\n';
    }
    if (!of.values.office_tls.clients.empty())
        out += "\n[" + std::string{config_clients_table} + "]\n";
    for (const auto& [name, account] : of.values.office_tls.clients)
        out += toml_text(name) + " = " + toml_text(account) + '\n';
    return out;
}

std::vector<std::string> changes_that_need_a_restart(const settings& running, const settings& wanted)
{
    std::vector<std::string> out;
    for (const config_setting& each : config_settings()) {
        if (!each.reloads && differ(running, wanted, each))
            out.emplace_back(each.key);
    }
    // Certificates can change, TLS itself cannot: connections that wait already expect the one or the other.
    if (running.device_tls.wanted() != wanted.device_tls.wanted())
        out.emplace_back("device.tls.certificate");
    if (running.office_tls.wanted() != wanted.office_tls.wanted())
        out.emplace_back("office.tls.certificate");
    return out;
}

std::string refuse_plain(const boost::asio::ip::tcp::endpoint& where, bool has_tls, bool allow_plain)
{
    if (has_tls || allow_plain || where.address().is_loopback())
        return {};
    return to_text(where) + " can be reached from other machines, and there is no certificate; set it, listen on " +
           "127.0.0.1, or say allow_plain = true (--allow-plain) when something in front speaks TLS";
}

} // namespace doorward::server
