#include "server/config_table.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

namespace doorward::server {
namespace {

constexpr std::int64_t day_seconds = 24 * 60 * 60;

constexpr config_setting config_rows[]{
    {"data", "", "", "Directory of the store. Empty: $STATE_DIRECTORY, which the unit sets.", false, "", 0, 0,
     [](settings& of) -> config_place { return &of.data; }},
    {"master_key", "", "",
     "File of the master key. Empty: the credential master.key, else master.key beside the store.", false, "", 0, 0,
     [](settings& of) -> config_place { return &of.master_key; }},
    {"backup_directory", "", "", "Where POST /admin/backup writes. Empty: it is not offered.", false, "", 0, 0,
     [](settings& of) -> config_place { return &of.backup_directory; }},
    {"io_threads", "", "threads", "Threads that serve connections. 0: one for each core.", false, "", 0, io_threads_max,
     [](settings& of) -> config_place { return &of.io_threads; }},
    {"allow_plain", "", "",
     "HTTP without TLS where others than this machine can reach it, because something in front speaks TLS.", false, "",
     0, 0, [](settings& of) -> config_place { return &of.allow_plain; }},

    {"device.listen", "--device", "",
     "ADDRESS:PORT for phones; may face the internet. A socket that the service manager hands over goes first.", false,
     "", 0, 0, [](settings& of) -> config_place { return &of.device; }},
    {"device.trusted_proxies", "", "",
     "Addresses and networks of what stands in front and of nobody else: \"192.0.2.1, 10.1.2.0/28\". On new "
     "connections\n"
     "they are believed who the client is, for limits by address, the history of attempts and the log. They must put\n"
     "the address that they see behind what X-Forwarded-For has, or in its place; what they pass on as it came is the\n"
     "client's word.",
     true, "", 0, 0, [](settings& of) -> config_place { return &of.device_proxies; }},
    {"device.connections", "", "connections", "Open at once; more are told 503.", true, "", 1, 1'000'000,
     [](settings& of) -> config_place { return &of.transport.device_connections; }},
    {"device.body_bytes", "", "bytes", "Of one request.", true, "", 16 * 1024, 16 * 1024 * 1024,
     [](settings& of) -> config_place { return &of.transport.device_body_bytes; }},
    {"device.tls.certificate", "", "",
     "PEM file, the certificate first and what is between it and the root behind it. Empty: the credential device.crt\n"
     "if there is one, else no TLS.",
     true, "", 0, 0, [](settings& of) -> config_place { return &of.device_tls.certificate; }},
    {"device.tls.key", "", "", "PEM file of its private key. Empty: the credential device.key.", true, "", 0, 0,
     [](settings& of) -> config_place { return &of.device_tls.key; }},

    {"office.listen", "--office", "", "ADDRESS:PORT for back offices; internal.", false, "", 0, 0,
     [](settings& of) -> config_place { return &of.office; }},
    {"office.trusted_proxies", "", "", "As for device.", true, "", 0, 0,
     [](settings& of) -> config_place { return &of.office_proxies; }},
    {"office.connections", "", "connections", "Open at once; more are told 503.", true, "", 1, 1'000'000,
     [](settings& of) -> config_place { return &of.transport.office_connections; }},
    {"office.body_bytes", "", "bytes", "Of one request; a thousand reported attempts take 384 KiB.", true, "",
     64 * 1024, 64 * 1024 * 1024, [](settings& of) -> config_place { return &of.transport.office_body_bytes; }},
    {"office.status_style", "--status-style", "",
     "HTTP status of errors. compat: 400 where PowerAuth Cloud has it. rest: 404 and 409.", false, "compat|rest", 0, 0,
     [](settings& of) -> config_place { return &of.office_manners.statuses; }},
    {"office.strict_json", "--strict-json", "", "Refuse members of requests that are not known.", false, "", 0, 0,
     [](settings& of) -> config_place { return &of.office_manners.strict_json; }},
    {"office.tls.certificate", "", "", "As for device. Empty: the credential office.crt if there is one, else no TLS.",
     true, "", 0, 0, [](settings& of) -> config_place { return &of.office_tls.certificate; }},
    {"office.tls.key", "", "", "Empty: the credential office.key.", true, "", 0, 0,
     [](settings& of) -> config_place { return &of.office_tls.key; }},
    {"office.tls.client_ca", "", "",
     "PEM file of authorities whose certificates clients may show. Empty: the credential office-clients.crt if there "
     "is\n"
     "one, else nobody is asked for a certificate.",
     true, "", 0, 0, [](settings& of) -> config_place { return &of.office_tls.client_ca; }},

    {"limits.header_bytes", "", "bytes", "Request line and header fields.", true, "", 4 * 1024, 256 * 1024,
     [](settings& of) -> config_place { return &of.transport.header_bytes; }},
    {"limits.first_request_seconds", "", "seconds", "From connecting to the first byte.", true, "", 1, day_seconds,
     [](settings& of) -> config_place { return &of.transport.first_request; }},
    {"limits.idle_seconds", "", "seconds", "Between requests; longer than what is in front keeps connections.", true,
     "", 1, day_seconds, [](settings& of) -> config_place { return &of.transport.idle; }},
    {"limits.request_seconds", "", "seconds", "From the first byte of a request to its last.", true, "", 1, day_seconds,
     [](settings& of) -> config_place { return &of.transport.request; }},
    {"limits.answer_seconds", "", "seconds", "From the last byte of a request until its answer is sent.", true, "",
     answer_timeout_least.count(), day_seconds, [](settings& of) -> config_place { return &of.transport.answer; }},
    {"limits.stream_write_seconds", "", "seconds", "For the reader of a stream of events to take a piece.", true, "", 1,
     day_seconds, [](settings& of) -> config_place { return &of.transport.stream_write; }},
    {"limits.drain_seconds", "", "seconds",
     "For requests in flight when the server stops; less than TimeoutStopSec of the unit.", true, "", 0, 3600,
     [](settings& of) -> config_place { return &of.transport.drain; }},
    {"limits.queue_percent", "", "percent",
     "Of the queue to the disk. While more waits there, requests that may change something are told 503 at once.", true,
     "", 1, 100, [](settings& of) -> config_place { return &of.transport.queue_percent; }},
    {"limits.memory_mib", "", "MiB",
     "What all connections together may hold at worst. The limits above are refused when they would allow for more.",
     true, "", 1, 1024 * 1024, [](settings& of) -> config_place { return &of.transport.memory_mib; }},

    {"log.level", "", "", "What is worth a line.", true, "debug|info|warning|error", 0, 0,
     [](settings& of) -> config_place { return &of.log.level; }},
    {"log.format", "", "", "text: for people. json: a document on each line.", false, "text|json", 0, 0,
     [](settings& of) -> config_place { return &of.log.format; }},
    {"log.access_sample", "", "requests", "A line for one of so many requests. 0: for none. 1: for each.", true, "", 0,
     1'000'000'000, [](settings& of) -> config_place { return &of.log.access_sample; }},
};

template <class... Case>
struct one_of : Case... {
    using Case::operator()...;
};
template <class... Case>
one_of(Case...) -> one_of<Case...>;

std::string_view table_of(std::string_view key) noexcept
{
    const auto dot = key.rfind('.');
    return dot == std::string_view::npos ? std::string_view{} : key.substr(0, dot);
}

std::string_view name_of(std::string_view key) noexcept
{
    const auto dot = key.rfind('.');
    return dot == std::string_view::npos ? key : key.substr(dot + 1);
}

bool is_choice(std::string_view choices, std::string_view text) noexcept
{
    while (!choices.empty()) {
        const auto bar = choices.find('|');
        if (choices.substr(0, bar) == text)
            return true;
        choices = bar == std::string_view::npos ? std::string_view{} : choices.substr(bar + 1);
    }
    return false;
}

std::string wants_number(const config_setting& which)
{
    return "must be a whole number from " + std::to_string(which.least) + " to " + std::to_string(which.most) +
           (which.unit.empty() ? "" : " (" + std::string{which.unit} + ')');
}

// Puts what `parse` makes of a text; it throws std::invalid_argument when it cannot.
template <class Value, class Parse>
std::string put_parsed(Value& place, const std::string* text, Parse parse, const char* wanted)
{
    if (text == nullptr)
        return wanted;
    try {
        place = parse(*text);
    } catch (const std::invalid_argument& problem) {
        return problem.what();
    }
    return {};
}

void add_comment(std::string& out, std::string_view text)
{
    while (!text.empty()) {
        const auto end = text.find('\n');
        out += "# ";
        out += text.substr(0, end);
        out += '\n';
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
}

} // namespace

std::span<const config_setting> config_settings() noexcept
{
    return config_rows;
}

const config_setting* find_config_setting(std::string_view key) noexcept
{
    const auto found = std::ranges::find(config_rows, key, &config_setting::key);
    return found == std::end(config_rows) ? nullptr : &*found;
}

std::string flag_of(const config_setting& of)
{
    if (!of.flag.empty())
        return std::string{of.flag};
    std::string out = "--" + std::string{of.key};
    std::ranges::replace_if(
        out, [](char c) { return c == '.' || c == '_'; }, '-');
    return out;
}

std::string variable_of(const config_setting& of)
{
    std::string out = "DOORWARD_";
    for (const char c : of.key)
        out += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return out;
}

settings default_settings()
{
    settings out;
    out.device = parse_endpoint("127.0.0.1:8080");
    out.office = parse_endpoint("127.0.0.1:8081");
    return out;
}

std::string put_config_value(settings& to, const config_setting& which, const config_value& value)
{
    const auto* const number = std::get_if<std::int64_t>(&value);
    const auto* const text = std::get_if<std::string>(&value);
    const bool in_range = number != nullptr && *number >= which.least && *number <= which.most;
    return std::visit(one_of{
                          [&](bool* place) -> std::string {
                              const auto* const truth = std::get_if<bool>(&value);
                              if (truth == nullptr)
                                  return "must be true or false";
                              *place = *truth;
                              return {};
                          },
                          [&](std::uint64_t* place) -> std::string {
                              if (!in_range)
                                  return wants_number(which);
                              *place = static_cast<std::uint64_t>(*number);
                              return {};
                          },
                          [&](std::chrono::seconds* place) -> std::string {
                              if (!in_range)
                                  return wants_number(which);
                              *place = std::chrono::seconds{*number};
                              return {};
                          },
                          [&](std::string* place) -> std::string {
                              if (text == nullptr || !is_choice(which.choices, *text))
                                  return "must be one of " + std::string{which.choices};
                              *place = *text;
                              return {};
                          },
                          [&](std::filesystem::path* place) -> std::string {
                              if (text == nullptr || text->find('\0') != std::string::npos)
                                  return "must be a text, the name of a file or directory";
                              *place = *text;
                              return {};
                          },
                          [&](boost::asio::ip::tcp::endpoint* place) {
                              return put_parsed(*place, text, parse_endpoint, "must be a text, ADDRESS:PORT");
                          },
                          [&](trusted_proxies* place) {
                              return put_parsed(*place, text, trusted_proxies::parse,
                                                "must be a text, addresses and networks with commas between");
                          },
                          [&](handlers::status_style* place) -> std::string {
                              const auto style = text == nullptr ? std::nullopt : handlers::parse_status_style(*text);
                              if (!style)
                                  return "must be one of " + std::string{which.choices};
                              *place = *style;
                              return {};
                          },
                      },
                      which.place(to));
}

std::string put_config_text(settings& to, const config_setting& which, std::string_view text)
{
    const config_place place = which.place(to);
    if (std::holds_alternative<bool*>(place)) {
        if (text != "true" && text != "false")
            return "must be true or false";
        return put_config_value(to, which, text == "true");
    }
    if (std::holds_alternative<std::uint64_t*>(place) || std::holds_alternative<std::chrono::seconds*>(place)) {
        std::int64_t number = 0;
        const char* const end = text.data() + text.size();
        const auto [stop, bad] = std::from_chars(text.data(), end, number);
        if (bad != std::errc{} || stop != end)
            return wants_number(which);
        return put_config_value(to, which, number);
    }
    return put_config_value(to, which, std::string{text});
}

std::string toml_text(std::string_view text)
{
    std::string out{'"'};
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char c : text) {
        const auto code = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (code < 0x20 || code == 0x7f) {
            out += "\\u00";
            out += digits[code >> 4U];
            out += digits[code & 0xfU];
        } else {
            out += c;
        }
    }
    return out + '"';
}

std::string config_text(const settings& of, const config_setting& which)
{
    settings copy = of;
    return std::visit(one_of{
                          [](const bool* place) -> std::string { return *place ? "true" : "false"; },
                          [](const std::uint64_t* place) { return std::to_string(*place); },
                          [](const std::chrono::seconds* place) { return std::to_string(place->count()); },
                          [](const std::string* place) { return toml_text(*place); },
                          [](const std::filesystem::path* place) { return toml_text(place->native()); },
                          [](const boost::asio::ip::tcp::endpoint* place) { return toml_text(to_text(*place)); },
                          [](const trusted_proxies* place) { return toml_text(to_text(*place)); },
                          [](const handlers::status_style* place) {
                              return toml_text(*place == handlers::status_style::rest ? "rest" : "compat");
                          },
                      },
                      which.place(copy));
}

std::string commented_config()
{
    std::string out =
        "# What doorward can be told, with its defaults. A flag of `doorward serve` goes before a variable, "
        "a variable before\n# this file. What may change while it runs does so on `systemctl reload`.\n";
    const settings defaults = default_settings();
    std::string_view table;
    for (const config_setting& each : config_settings()) {
        if (table_of(each.key) != table) {
            table = table_of(each.key);
            out += "\n[" + std::string{table} + "]\n";
        }
        out += '\n';
        add_comment(out, each.comment);
        std::string about;
        const auto add = [&about](const std::string& what) { about += (about.empty() ? "" : "; ") + what; };
        if (each.most > each.least)
            add(std::string{each.unit} + ", " + std::to_string(each.least) + " to " + std::to_string(each.most));
        if (!each.choices.empty())
            add(std::string{each.choices});
        add(each.reloads ? "reloads" : "needs a restart");
        add(flag_of(each));
        add("$" + variable_of(each));
        add_comment(out, about);
        out += std::string{name_of(each.key)} + " = " + config_text(defaults, each) + '\n';
        if (each.key == "office.tls.client_ca") {
            out += "\n[" + std::string{config_clients_table} + "]\n\n";
            add_comment(out,
                        "Whose certificate stands for which account, in place of its password: the name in the "
                        "certificate (\"dns:NAME\",\n\"email:ADDRESS\", \"uri:URI\", or \"subject:\" and the whole "
                        "subject as RFC 2253 writes it) and the account.\nThe first name of the certificate that is "
                        "here counts. Others need credentials. Reloads.\n\"dns:crm.bank.example\" = \"back-office\"");
        }
    }
    return out;
}

} // namespace doorward::server
