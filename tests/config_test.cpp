// The configuration: what a file, variables and flags may say, which of them counts, and how mistakes are told.

#include "server/config_file.hpp"
#include "tests/support.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace {

namespace fs = std::filesystem;
using namespace doorward::server;

class config_home {
public:
    config_home()
    {
        std::string name = fs::temp_directory_path() / "doorward-config-XXXXXX";
        BOOST_TEST_REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
        source.file = path_ / "doorward.toml";
        source.variable = [this](const char* variable) -> const char* {
            const auto found = variables.find(variable);
            return found == variables.end() ? nullptr : found->second.c_str();
        };
    }
    config_home(const config_home&) = delete;
    config_home& operator=(const config_home&) = delete;
    ~config_home()
    {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }

    void write(std::string_view text) const
    {
        std::ofstream stream{source.file, std::ios::binary};
        stream << text;
    }
    [[nodiscard]] settings load(std::string_view text) const
    {
        write(text);
        return load_config(source).values;
    }
    // What is wrong, with FILE for the file's name; empty when nothing is.
    [[nodiscard]] std::string complaint(std::string_view text) const
    {
        write(text);
        try {
            static_cast<void>(load_config(source));
        } catch (const config_error& problem) {
            std::string out = problem.what();
            for (std::size_t at = 0; (at = out.find(source.file.string(), at)) != std::string::npos;)
                out.replace(at, source.file.string().size(), "FILE");
            return out;
        }
        return {};
    }

    config_source source;
    std::map<std::string, std::string, std::less<>> variables;

private:
    fs::path path_;
};

// A setting as a file would have it alone.
std::string one_setting(const config_setting& which, std::string_view value)
{
    const std::string key{which.key};
    const auto dot = key.rfind('.');
    const std::string table = dot == std::string::npos ? "" : "[" + key.substr(0, dot) + "]\n";
    return table + (dot == std::string::npos ? key : key.substr(dot + 1)) + " = " + std::string{value} + "\n";
}

bool is_number(const config_setting& which)
{
    return which.most > which.least;
}

std::string file_of(const char* path)
{
    std::ifstream stream{std::string{DOORWARD_SOURCE_DIR} + '/' + path, std::ios::binary};
    BOOST_TEST_REQUIRE(stream.good());
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(config, config_home)

BOOST_AUTO_TEST_CASE(the_file_that_is_shipped_has_every_setting_with_its_default)
{
    const std::string shipped = file_of("systemd/doorward.toml");
    BOOST_TEST(shipped == commented_config(), "systemd/doorward.toml is what `doorward config defaults` prints");

    write(shipped);
    const auto loaded = load_config(source);
    for (const config_setting& each : config_settings()) {
        BOOST_TEST(config_text(loaded.values, each) == config_text(default_settings(), each), each.key);
        BOOST_TEST(loaded.origins.contains(each.key), each.key << " is not in the file");
        BOOST_TEST(!each.comment.empty(), each.key);
    }
}

BOOST_AUTO_TEST_CASE(without_a_file_everything_is_as_the_table_says)
{
    source.file.clear();
    const auto loaded = load_config(source);
    BOOST_TEST(loaded.origins.empty());
    BOOST_TEST((loaded.values.transport == limits{}));
    BOOST_TEST((loaded.values.log == log_settings{}));
    BOOST_TEST(to_text(loaded.values.device) == "127.0.0.1:8080");
    BOOST_TEST(to_text(loaded.values.office) == "127.0.0.1:8081");
}

BOOST_AUTO_TEST_CASE(names_of_flags_and_variables_are_used_once)
{
    std::set<std::string> flags{"--config", "--help"};
    std::set<std::string> variables_seen;
    for (const config_setting& each : config_settings()) {
        BOOST_TEST(flags.insert(flag_of(each)).second, flag_of(each));
        BOOST_TEST(variables_seen.insert(variable_of(each)).second, variable_of(each));
    }
}

BOOST_AUTO_TEST_CASE(a_flag_goes_before_a_variable_before_the_file)
{
    const std::string_view text = "[limits]\nidle_seconds = 10\n";
    BOOST_TEST(load(text).transport.idle.count() == 10);
    BOOST_TEST(load_config(source).origins.at("limits.idle_seconds") == source.file.string() + ":2");
    variables["DOORWARD_LIMITS_IDLE_SECONDS"] = "11";
    BOOST_TEST(load(text).transport.idle.count() == 11);
    BOOST_TEST(load_config(source).origins.at("limits.idle_seconds") == "$DOORWARD_LIMITS_IDLE_SECONDS");
    source.flags["limits.idle_seconds"] = "12";
    BOOST_TEST(load(text).transport.idle.count() == 12);
    BOOST_TEST(load_config(source).origins.at("limits.idle_seconds") == "--limits-idle-seconds");
}

BOOST_AUTO_TEST_CASE(every_setting_can_be_set_each_way)
{
    for (const config_setting& each : config_settings()) {
        BOOST_TEST_CONTEXT(each.key)
        {
            const std::string before = config_text(default_settings(), each);
            std::string text = "/somewhere";
            if (before == "false")
                text = "true";
            else if (!each.choices.empty())
                text = each.choices.substr(each.choices.rfind('|') + 1);
            else if (is_number(each))
                text = std::to_string(each.least);
            else if (each.key.ends_with(".listen"))
                text = "[::1]:9999";
            else if (each.key.ends_with(".trusted_proxies"))
                text = "10.0.0.0/8, ::1";
            const bool quoted = before.front() == '"';

            settings by_text = default_settings();
            BOOST_TEST(put_config_text(by_text, each, text) == "");
            BOOST_TEST(config_text(by_text, each) == (quoted ? '"' + text + '"' : text));
            settings of_file = default_settings();
            config_value value{text};
            if (before == "false")
                value = true;
            else if (is_number(each))
                value = each.least;
            BOOST_TEST(put_config_value(of_file, each, value) == "");
            BOOST_TEST(config_text(of_file, each) == config_text(by_text, each));
        }
    }
}

BOOST_AUTO_TEST_CASE(values_of_the_wrong_type_are_told_with_file_line_and_key)
{
    for (const config_setting& each : config_settings()) {
        const bool takes_text = config_text(default_settings(), each).front() == '"';
        const auto line = each.key.find('.') == std::string_view::npos ? "1" : "2";
        for (const std::string_view wrong : {takes_text ? "5" : "\"x\"", "1.5", "[1]", "1979-05-27"}) {
            const auto told = complaint(one_setting(each, wrong));
            BOOST_TEST(told.starts_with("FILE:" + std::string{line} + ": " + std::string{each.key} + ": must be "),
                       each.key << " = " << wrong << ": " << told);
        }
        if (!takes_text) {
            variables = {{variable_of(each), "x"}};
            BOOST_TEST(complaint("").starts_with('$' + variable_of(each) + ": must be "), each.key);
            variables.clear();
            source.flags = {{std::string{each.key}, "x"}};
            BOOST_TEST(complaint("").starts_with(flag_of(each) + ": must be "), each.key);
            source.flags.clear();
        }
    }
}

BOOST_AUTO_TEST_CASE(numbers_have_a_range_and_texts_their_choices)
{
    for (const config_setting& each : config_settings()) {
        settings to = default_settings();
        const auto put = [&](const config_value& value) { return put_config_value(to, each, value); };
        if (is_number(each)) {
            BOOST_TEST(put(each.least) == "", each.key);
            BOOST_TEST(put(each.most) == "", each.key);
            BOOST_TEST(put(each.least - 1) != "", each.key);
            BOOST_TEST(put(each.most + 1) != "", each.key);
            BOOST_TEST(!each.unit.empty(), each.key);
        }
        if (!each.choices.empty()) {
            BOOST_TEST(put(std::string{each.choices}) != "", each.key);
            BOOST_TEST(put(std::string{}) != "", each.key);
        }
    }
    BOOST_TEST(complaint("[limits]\n\nidle_seconds = 0") ==
               "FILE:3: limits.idle_seconds: must be a whole number from 1 to 86400 (seconds)");
    BOOST_TEST(complaint("[log]\nlevel = \"loud\"") == "FILE:2: log.level: must be one of debug|info|warning|error");
    BOOST_TEST(complaint("[device]\nlisten = \"phones\"") ==
               "FILE:2: device.listen: 'phones' is not ADDRESS:PORT, for example 127.0.0.1:8080");
}

BOOST_AUTO_TEST_CASE(what_is_not_known_is_told_all_of_it)
{
    BOOST_TEST(complaint("dat = \"x\"\n[limits]\nidle_secs = 4\n[webhooks]\nmany = 4\n") ==
               "FILE:1: dat: is not known\nFILE:3: limits.idle_secs: is not known\nFILE:4: webhooks: is not known");
    BOOST_TEST(complaint("limits = 4") == "FILE:1: limits: must be a table, [limits]");
    BOOST_TEST(complaint("[device]\ntls = true") == "FILE:2: device.tls: must be a table, [device.tls]");
    BOOST_TEST(complaint("[device.listen]\nport = 4").starts_with("FILE:1: device.listen: must be "));
    BOOST_TEST(complaint("data = \"a\"\ndata = \"b\"").starts_with("FILE:2: "));
    BOOST_TEST(complaint("[limits\n").starts_with("FILE:1: "));
    BOOST_TEST(complaint("data = \"\xff\"").starts_with("FILE:1: "));
    source.file += ".missing";
    BOOST_CHECK_THROW(static_cast<void>(load_config(source)), config_error);
}

BOOST_AUTO_TEST_CASE(settings_must_go_together)
{
    BOOST_TEST(complaint("[device.tls]\ncertificate = \"c.pem\"\n") ==
               "FILE: device.tls.certificate: goes with device.tls.key; one of them is missing");
    BOOST_TEST(complaint("[office.tls]\nclient_ca = \"c.pem\"\n") ==
               "FILE: office.tls.client_ca: is of no use without office.tls.certificate");
    const auto told = complaint("[device]\nconnections = 100000\n");
    BOOST_TEST(told.starts_with("FILE: limits.memory_mib: connections could hold "), told);
    BOOST_TEST(complaint("[device]\nconnections = 100000\n[limits]\nmemory_mib = 30000\n") == "");
    // The same bound as the defaults are under, to the byte.
    settings tight = default_settings();
    tight.transport.memory_mib = connection_memory_bytes(tight.transport) / (1024 * 1024);
    BOOST_TEST(check_config(tight).empty());
    tight.transport.device_connections += 10;
    BOOST_TEST(check_config(tight).size() == 1U);
}

BOOST_AUTO_TEST_CASE(http_without_tls_stays_on_this_machine_unless_it_is_wanted)
{
    for (const char* here : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"})
        BOOST_TEST(refuse_plain(parse_endpoint(here), false, false) == "", here);
    for (const char* anywhere : {":1", "0.0.0.0:1", "[::]:1", "192.0.2.1:1"}) {
        BOOST_TEST(refuse_plain(parse_endpoint(anywhere), false, false) != "", anywhere);
        BOOST_TEST(refuse_plain(parse_endpoint(anywhere), true, false) == "", anywhere);
        BOOST_TEST(refuse_plain(parse_endpoint(anywhere), false, true) == "", anywhere);
    }
    BOOST_TEST(
        complaint("[device]\nlisten = \":8080\"\n").starts_with("FILE: device.listen: 0.0.0.0:8080 can be reached"));
    BOOST_TEST(complaint("[office]\nlisten = \":8080\"\n").starts_with("FILE: office.listen: "));
    BOOST_TEST(complaint("allow_plain = true\n[device]\nlisten = \":8080\"\n") == "");
    BOOST_TEST(complaint("[device]\nlisten = \":8080\"\n[device.tls]\ncertificate = \"c\"\nkey = \"k\"\n") == "");
    source.device_socket = 3; // then it does not listen where the file says
    BOOST_TEST(complaint("[device]\nlisten = \":8080\"\n") == "");
}

BOOST_AUTO_TEST_CASE(names_in_certificates_are_mapped_to_accounts)
{
    const std::string tls = "[office.tls]\ncertificate = \"c\"\nkey = \"k\"\nclient_ca = \"a\"\n[office.tls.clients]\n";
    const auto loaded = load(tls + "\"dns:crm.bank.example\" = \"crm\"\n\"subject:CN=Ops,O=Bank\" = \"ops\"\n");
    const std::map<std::string, std::string> wanted{{"dns:crm.bank.example", "crm"}, {"subject:CN=Ops,O=Bank", "ops"}};
    BOOST_TEST((loaded.office_tls.clients == wanted));
    BOOST_TEST(complaint(tls + "crm = \"crm\"") ==
               "FILE:6: office.tls.clients.\"crm\": must begin with dns:, email:, uri: or subject:");
    BOOST_TEST(complaint(tls + "\"dns:\" = \"crm\"").starts_with("FILE:6: "));
    BOOST_TEST(complaint(tls + "\"dns:x\" = \"no name!\"") ==
               "FILE:6: office.tls.clients.\"dns:x\": must be the name of an account");
    BOOST_TEST(complaint(tls + "\"dns:x\" = 4").starts_with("FILE:6: "));
    BOOST_TEST(complaint("[office.tls.clients]\n\"dns:x\" = \"crm\"\n") ==
               "FILE: office.tls.clients: is of no use without office.tls.client_ca");
}

BOOST_AUTO_TEST_CASE(what_stands_in_front_is_a_list_of_networks)
{
    const auto loaded = load("[device]\ntrusted_proxies = \"10.0.0.0/8,::1\"\n");
    BOOST_TEST(to_text(loaded.device_proxies) == "10.0.0.0/8, ::1");
    BOOST_TEST(to_text(loaded.office_proxies) == "");
    BOOST_TEST(
        complaint("[office]\ntrusted_proxies = \"10.0.0.1/8\"") ==
        "FILE:2: office.trusted_proxies: \"10.0.0.1/8\" is no network: it has bits set that its addresses do not "
        "share");
    BOOST_TEST(complaint("[office]\ntrusted_proxies = 10") ==
               "FILE:2: office.trusted_proxies: must be a text, addresses and networks with commas between");
}

BOOST_AUTO_TEST_CASE(what_is_shown_can_be_read_back)
{
    write("io_threads = 3\n[device]\ntrusted_proxies = \"10.0.0.0/8, ::1\"\n[log]\nlevel = "
          "\"debug\"\n[office.tls]\ncertificate = \"a\\\"b\\\\c\"\nkey = \"k\"\n"
          "client_ca = \"ca\"\n[office.tls.clients]\n\"dns:x\" = \"crm\"\n");
    source.flags["device.listen"] = "127.0.0.1:0";
    const auto loaded = load_config(source);
    const std::string shown = show_config(loaded);
    BOOST_TEST(shown.find("io_threads = 3  # " + source.file.string() + ":1\n") != std::string::npos, shown);
    BOOST_TEST(shown.find("listen = \"127.0.0.1:0\"  # --device\n") != std::string::npos, shown);
    BOOST_TEST(shown.find("idle_seconds = 75  # default\n") != std::string::npos, shown);
    source.flags.clear();
    const auto again = load(shown);
    for (const config_setting& each : config_settings())
        BOOST_TEST(config_text(again, each) == config_text(loaded.values, each), each.key);
    BOOST_TEST((again.office_tls == loaded.values.office_tls));
}

BOOST_AUTO_TEST_CASE(what_needs_a_restart_is_named)
{
    const settings running = default_settings();
    for (const config_setting& each : config_settings()) {
        settings wanted = running;
        const std::string text = is_number(each)                          ? std::to_string(each.most)
                                 : each.key.ends_with(".listen")          ? "127.0.0.1:1"
                                 : each.key.ends_with(".trusted_proxies") ? "::1"
                                 : each.choices.empty()                   ? "true"
                                                        : std::string{each.choices.substr(each.choices.rfind('|') + 1)};
        BOOST_TEST(put_config_text(wanted, each, text) == "", each.key);
        const auto told = changes_that_need_a_restart(running, wanted);
        const bool turns_tls_on = each.key.ends_with(".certificate");
        BOOST_TEST(told.size() == (each.reloads && !turns_tls_on ? 0U : 1U), each.key);
        BOOST_TEST((told.empty() || told.front() == each.key));
    }
}

BOOST_AUTO_TEST_SUITE_END()
