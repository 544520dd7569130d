#include "bench/device_command.hpp"
#include "bench/device.hpp"
#include "bench/device_json.hpp"
#include "crypto/init.hpp"

#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace doorward::bench {
namespace {

using detail::json;

constexpr int exit_protocol_error = 1;
constexpr int exit_refused = 2;

// All options of all subcommands; each subcommand fills its own.
struct device_arguments {
    std::string server;
    std::string sdk_config;
    std::string app_key;
    std::string app_secret;
    std::string master_public_key;
    std::string state_file;
    std::string protocol;
    std::string style = "android";
    unsigned pin_iterations = 0;
    bool verbose = false;

    std::string factors = "possession_knowledge";
    std::string token_factors = "possession";
    std::string pin;
    std::string code;
    std::vector<std::string> identity;
    std::string kind = "CUSTOM";
    std::string otp;
    std::string name = "Simulated phone";
    std::string extras;
    std::string custom_attributes;
    bool biometry = false;
    std::string method = "POST";
    std::vector<std::string> query;
    std::string uri_id;
    std::string body;
    std::string old_pin;
    std::string new_pin;
    bool offline = false;
    bool tell = false;
    std::string application_id;
    std::string transfer_type;
    std::string registration_id;
    std::string scope;
    std::string token_id;
    std::string path;
    std::string reason = "FETCH_ENCRYPTION_KEY";
    std::string text;
    std::string nonce;
    std::string offline_uri_id = "/operation/authorize/offline";
    unsigned digits = 8;
};

struct file_error : std::runtime_error {
    file_error(const std::string& path, const char* step)
        : std::runtime_error{path + ": " + step + ": " + std::strerror(errno)}
    {}
};

// A name that nobody else uses, then a rename: the file is at every moment the old one or the new one, and from its
// first byte on readable by its owner only.
void write_private_file(const std::string& path, const std::string& content)
{
    std::string temporary = path + ".XXXXXX";
    const int descriptor = ::mkostemp(temporary.data(), O_CLOEXEC);
    if (descriptor < 0)
        throw file_error{temporary, "create"};
    const auto give_up = [&](const char* step) {
        const file_error problem{temporary, step};
        ::close(descriptor);
        ::unlink(temporary.c_str());
        return problem;
    };
    if (::fchmod(descriptor, S_IRUSR | S_IWUSR) != 0)
        throw give_up("set mode");
    for (std::size_t done = 0; done < content.size();) {
        const auto written = ::write(descriptor, content.data() + done, content.size() - done);
        if (written < 0 && errno != EINTR)
            throw give_up("write");
        done += written < 0 ? 0 : static_cast<std::size_t>(written);
    }
    if (::fsync(descriptor) != 0)
        throw give_up("flush");
    if (::rename(temporary.c_str(), path.c_str()) != 0)
        throw give_up("rename");
    ::close(descriptor);
}

device_state load_state(const device_arguments& given)
{
    device_state state;
    if (std::filesystem::exists(given.state_file)) {
        std::ifstream file{given.state_file, std::ios::binary};
        const std::string content{std::istreambuf_iterator<char>{file}, {}};
        if (!file)
            throw file_error{given.state_file, "read"};
        state = read_state(content);
    } else if (given.pin_iterations != 0) {
        state.pin_iterations = given.pin_iterations;
    }
    if (!given.protocol.empty())
        state.version = protocol_version_from(given.protocol).value();
    return state;
}

application application_from(const device_arguments& given)
{
    if (!given.sdk_config.empty())
        return application::from_sdk_config(given.sdk_config);
    if (given.app_key.empty() || given.app_secret.empty() || given.master_public_key.empty())
        throw std::invalid_argument{"give --sdk-config, or all of --app-key, --app-secret and --master-public-key"};
    return {given.app_key, given.app_secret, given.master_public_key};
}

void show(const http_request& request)
{
    std::cerr << "> " << request.method << ' ' << request.path << '\n';
    for (const auto& [name, value] : request.headers)
        std::cerr << ">   " << name << ": " << value << '\n';
    if (!request.body.empty())
        std::cerr << ">   " << request.body << '\n';
}

void show(const http_answer& answer)
{
    std::cerr << "< " << answer.status << '\n' << "<   " << answer.body << '\n';
}

name_value_list pairs_from(const std::vector<std::string>& items)
{
    name_value_list out;
    for (const auto& item : items) {
        const auto mark = item.find('=');
        if (mark == std::string::npos)
            throw std::invalid_argument{"NAME=VALUE expected, not \"" + item + '"'};
        out.emplace_back(item.substr(0, mark), item.substr(mark + 1));
    }
    return out;
}

std::optional<std::string> unless_empty(const std::string& text)
{
    return text.empty() ? std::nullopt : std::optional{text};
}

encryption_scope scope_from(const std::string& name)
{
    return name == "activation" ? encryption_scope::activation : encryption_scope::application;
}

signature_type type_from(const std::string& name)
{
    return signature_type_from(name).value(); // the option admits known names only
}

activation_details details_from(const device_arguments& given)
{
    activation_details details;
    details.name = unless_empty(given.name);
    details.extras = unless_empty(given.extras);
    details.otp = unless_empty(given.otp);
    details.custom_attributes = unless_empty(given.custom_attributes);
    details.biometry = given.biometry;
    return details;
}

std::string_view word_for(counter_state state)
{
    switch (state) {
    case counter_state::in_step:
        return "OK";
    case counter_state::followed:
        return "UPDATED";
    case counter_state::sign_wanted:
        return "SIGN_RECOMMENDED";
    case counter_state::dead:
        break;
    }
    return "INVALID";
}

// Envelopes of 3.2 carry the time; 3.3 learns it together with its temporary keys.
void synchronize_if_needed(device& phone)
{
    if (phone.rules().envelope_timestamp && !phone.rules().temporary_keys)
        phone.synchronize_time();
}

// --- the commands, each giving the object that is printed

json run_time(device& phone, const device_arguments&)
{
    return {{"correctionMs", phone.synchronize_time()}};
}

json run_temp_key(device& phone, const device_arguments& given)
{
    const auto key = phone.fetch_temporary_key(scope_from(given.scope));
    return {{"keyId", key.id}, {"publicKey", crypto::to_base64(key.key->point())}, {"expiresMs", key.expires_ms}};
}

json told_at_activation(const device& phone)
{
    return {{"activationId", phone.activation_id()},
            {"fingerprint", phone.fingerprint()},
            {"customAttributes", json::parse(phone.extras().custom_attributes)},
            {"userInfo", json::parse(phone.extras().user_info)}};
}

json run_activate(device& phone, const device_arguments& given)
{
    synchronize_if_needed(phone);
    static_cast<void>(phone.activate(given.code, given.pin, details_from(given)));
    return told_at_activation(phone);
}

json run_activate_custom(device& phone, const device_arguments& given)
{
    synchronize_if_needed(phone);
    static_cast<void>(phone.activate_custom(given.kind, pairs_from(given.identity), given.pin, details_from(given)));
    return told_at_activation(phone);
}

json run_status(device& phone, const device_arguments&)
{
    const auto found = phone.status();
    const auto& blob = found.blob;
    return {{"state", found.state_name()},
            {"counter", word_for(found.counters)},
            {"failedAttempts", blob.failed_attempts},
            {"maxFailedAttempts", blob.failed_attempts_max},
            {"remainingAttempts", blob.failed_attempts_max - blob.failed_attempts},
            {"currentVersion", blob.current_version},
            {"upgradeVersion", blob.upgrade_version},
            {"lookAhead", blob.look_ahead},
            {"customObject", json::parse(found.custom_object)}};
}

json run_info(device& phone, const device_arguments&)
{
    json out = {{"protocol", phone.rules().name}, {"activated", phone.is_activated()}};
    if (!phone.is_activated())
        return out;
    const auto& kept = *phone.state().activation;
    out["activationId"] = kept.id;
    out["fingerprint"] = phone.fingerprint();
    out["devicePublicKey"] = crypto::to_base64(kept.device_point);
    out["serverPublicKey"] = crypto::to_base64(kept.server_point);
    out["biometry"] = kept.locked_biometry.has_value();
    out["tokens"] = json::array();
    for (const auto& [id, secret] : kept.tokens)
        out["tokens"].push_back(id);
    return out;
}

json run_sign(device& phone, const device_arguments& given)
{
    return {{"X-PowerAuth-Authorization",
             phone.sign(given.method, given.uri_id, given.body, type_from(given.factors), given.pin)}};
}

json run_validate(device& phone, const device_arguments& given)
{
    phone.require_valid(type_from(given.factors), given.pin, given.method, pairs_from(given.query));
    return {{"accepted", true}};
}

json run_change_pin(device& phone, const device_arguments& given)
{
    if (given.offline)
        phone.change_pin_offline(given.old_pin, given.new_pin);
    else
        phone.change_pin(given.old_pin, given.new_pin);
    if (given.tell)
        phone.tell_pin_changed(given.new_pin);
    return {{"changed", true}};
}

json run_request_code(device& phone, const device_arguments& given)
{
    synchronize_if_needed(phone);
    const auto got =
        phone.request_code(given.application_id, given.otp, type_from(given.factors), given.pin, given.transfer_type);
    return {{"activationId", got.activation_id},
            {"activationCode", got.code},
            {"activationSignature", got.signature},
            {"activationQrCodeData", got.qr_data()}};
}

json run_rename(device& phone, const device_arguments& given)
{
    phone.rename(given.name, type_from(given.factors), given.pin);
    return {{"name", given.name}};
}

json run_list(device& phone, const device_arguments& given)
{
    return detail::parse(phone.list_registrations(type_from(given.factors), given.pin));
}

json run_remove_other(device& phone, const device_arguments& given)
{
    phone.remove_registration(given.registration_id, type_from(given.factors), given.pin);
    return {{"removed", given.registration_id}};
}

json run_add_biometry(device& phone, const device_arguments& given)
{
    synchronize_if_needed(phone);
    phone.add_biometry(given.pin);
    return {{"biometry", true}};
}

json run_remove_biometry(device& phone, const device_arguments&)
{
    phone.remove_biometry();
    return {{"biometry", false}};
}

json run_remove(device& phone, const device_arguments& given)
{
    phone.remove(type_from(given.factors), given.pin);
    return {{"removed", true}};
}

json run_forget(device& phone, const device_arguments&)
{
    phone.forget();
    return {{"removed", true}};
}

json run_token_create(device& phone, const device_arguments& given)
{
    synchronize_if_needed(phone);
    return {{"tokenId", phone.create_token(type_from(given.token_factors), given.pin)}};
}

json run_token_header(device& phone, const device_arguments& given)
{
    return {{"X-PowerAuth-Token", phone.make_token_header(given.token_id)}};
}

json run_token_use(device& phone, const device_arguments& given)
{
    // Phones of 3.2 and later learn the server's clock before they first use a token.
    if (phone.rules().envelope_timestamp)
        phone.synchronize_time();
    const bool get = given.method == "GET";
    return detail::parse(
        phone.send(phone.make_token_request(given.token_id, given.path, get ? "" : "{}", given.method)));
}

json run_token_remove(device& phone, const device_arguments& given)
{
    phone.remove_token(given.token_id, type_from(given.token_factors), given.pin);
    return {{"removed", true}};
}

json run_vault_unlock(device& phone, const device_arguments& given)
{
    synchronize_if_needed(phone);
    return {{"vaultKey", crypto::to_base64(phone.vault_unlock(type_from(given.factors), given.pin, given.reason))}};
}

json run_device_sign(device& phone, const device_arguments& given)
{
    synchronize_if_needed(phone);
    return {{"signature", crypto::to_base64(phone.sign_with_device_key(crypto::as_bytes(given.text), given.pin))}};
}

json run_offline_sign(device& phone, const device_arguments& given)
{
    return {{"signature", phone.offline_signature(given.offline_uri_id, given.body, given.nonce,
                                                  type_from(given.factors), given.pin, given.digits)}};
}

json run_offline_check(device& phone, const device_arguments&)
{
    std::string scanned{std::istreambuf_iterator<char>{std::cin}, {}};
    while (scanned.ends_with('\n'))
        scanned.pop_back();
    return {{"genuine", phone.check_offline_payload(scanned)}};
}

json run_user_info(device& phone, const device_arguments&)
{
    synchronize_if_needed(phone);
    return detail::parse(phone.user_info());
}

using operation = json (*)(device&, const device_arguments&);

json failure(const char* kind, const std::exception& problem)
{
    return {{"error", kind}, {"message", problem.what()}};
}

int run(operation what, const device_arguments& given)
{
    json outcome;
    int code = 0;
    try {
        crypto::init();
        const application app = application_from(given);
        http_client client{given.server};
        const auto send = [&](const http_request& request) {
            if (given.verbose)
                show(request);
            auto answer = client.request(request);
            if (given.verbose)
                show(answer);
            return answer;
        };
        device phone{app, load_state(given), given.style == "ios" ? wire_style::ios : wire_style::android, send};
        const auto keep = [&](const device_state& state) { write_private_file(given.state_file, write_state(state)); };
        phone.keep_state_with(keep);
        outcome = what(phone, given);
        keep(phone.state());
    } catch (const server_refused& refusal) {
        outcome = {{"rejected", true},
                   {"httpStatus", refusal.http_status},
                   {"code", refusal.code},
                   {"message", refusal.message}};
        code = exit_refused;
    } catch (const protocol_error& problem) {
        outcome = failure("protocol_error", problem);
        code = exit_protocol_error;
    } catch (const std::invalid_argument& problem) {
        outcome = failure("invalid_argument", problem);
        code = exit_protocol_error;
    } catch (const std::exception& problem) {
        outcome = failure("failure", problem);
        code = exit_protocol_error;
    }
    // What came from outside may not be UTF-8; it is shown all the same.
    std::cout << outcome.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
    return code;
}

// Adds the subcommands; holds what their callbacks share.
class command_builder {
public:
    command_builder(CLI::App& device_command, int& exit_code)
        : command_{device_command}, exit_code_{exit_code}, given_{std::make_shared<device_arguments>()}
    {}

    void add_common_options()
    {
        command_.add_option("--server", given_->server, "Base URL of the server, for example http://127.0.0.1:8080")
            ->required();
        auto* config = command_.add_option("--sdk-config", given_->sdk_config,
                                           "One-string application configuration, in place of the next three");
        command_.add_option("--app-key", given_->app_key, "Application key (Base64)")->excludes(config);
        command_.add_option("--app-secret", given_->app_secret, "Application secret (Base64)")->excludes(config);
        command_.add_option("--master-public-key", given_->master_public_key, "Master public key (Base64)")
            ->excludes(config);
        command_
            .add_option("--state", given_->state_file,
                        "File that keeps the phone between runs; made when missing, readable by its owner only")
            ->required();
        command_.add_option("--protocol", given_->protocol, "Protocol version (default: as in the state file, or 3.3)")
            ->check(CLI::IsMember({"3.0", "3.1", "3.2", "3.3"}));
        command_.add_option("--style", given_->style, "Dialect of JSON and headers")
            ->check(CLI::IsMember({"android", "ios"}))
            ->capture_default_str();
        command_
            .add_option("--pin-iterations", given_->pin_iterations,
                        "PBKDF2 iterations that protect the PIN of a new state file (default: 10000)")
            ->check(CLI::Range(1U, 100'000'000U));
        command_.add_flag("--verbose", given_->verbose, "Show requests and answers on standard error");
    }

    void add_commands()
    {
        add("time", "Ask for the server's clock and remember the correction", run_time);
        add("temp-key", "Fetch a temporary encryption key (3.3)", run_temp_key)
            ->add_option("scope", given_->scope, "application or activation")
            ->required()
            ->check(CLI::IsMember({"application", "activation"}));

        auto* activate = add("activate", "Activate the phone with an activation code", run_activate);
        activate->add_option("code", given_->code, "CODE, or CODE#SIGNATURE as in the QR code")->required();
        activate->add_option("--otp", given_->otp, "One-time password, when the activation demands one");
        with_details(*activate);

        auto* custom =
            add("activate-custom", "Activate the phone with credentials of the application's own", run_activate_custom);
        custom->add_option("identity", given_->identity, "Credentials, each NAME=VALUE")->required();
        custom->add_option("--kind", given_->kind, "Type of the activation")
            ->check(CLI::IsMember({"CUSTOM", "DIRECT"}))
            ->capture_default_str();
        with_details(*custom);

        add("status", "Show the state of the activation; follows the server's counter", run_status);
        add("info", "Show what the phone knows about itself; asks nobody", run_info);

        auto* sign = add("sign", "Print an authorization header; sends nothing", run_sign);
        sign->add_option("method", given_->method, "HTTP method")->required();
        sign->add_option("uri_id", given_->uri_id, "Name agreed for the endpoint, for example /pa/signature/validate")
            ->required();
        sign->add_option("body", given_->body, "Body of the request, or canonical query of a GET (default: empty)");
        with_factors(*sign);

        auto* validate = add("validate", "Have the server check a signature", run_validate);
        validate->add_option("--method", given_->method, "HTTP method")
            ->check(CLI::IsMember({"POST", "GET", "PUT", "DELETE"}))
            ->capture_default_str();
        validate->add_option("--query", given_->query, "Parameters of a GET, each NAME=VALUE");
        with_factors(*validate);

        auto* change = add("change-pin", "Change the PIN, after the server has confirmed the old one", run_change_pin);
        change->add_option("old_pin", given_->old_pin, "The PIN so far")->required();
        change->add_option("new_pin", given_->new_pin, "The new PIN")->required();
        change->add_flag("--offline", given_->offline,
                         "Do not ask the server; with a wrong old PIN the knowledge factor is lost for good");
        change->add_flag("--tell", given_->tell, "Tell the server that it was changed, signed with the new one");

        with_pin(*add("add-biometry", "Enable the biometry factor", run_add_biometry))->required();
        add("remove-biometry", "Disable the biometry factor, on the phone only", run_remove_biometry);
        with_factors(*add("remove", "Remove the activation on server and phone", run_remove));
        add("forget", "Drop the activation on the phone only", run_forget);

        auto* request_code =
            add("request-code", "Ask for a code with which another phone of the user registers", run_request_code);
        request_code->add_option("application", given_->application_id, "Application of the other phone")->required();
        request_code->add_option("--otp", given_->otp, "What the other phone has to know, 16 characters or more")
            ->required();
        request_code->add_option("--type", given_->transfer_type, "SPAWN: beside this phone; MOVE: in its place")
            ->check(CLI::IsMember({"SPAWN", "MOVE"}));
        with_factors(*request_code);
        auto* rename = add("rename", "Give the registration another name", run_rename);
        rename->add_option("name", given_->name, "The name")->required();
        with_factors(*rename);
        with_factors(*add("list", "Show the registrations of the user in this application", run_list));
        auto* remove_other = add("remove-other", "Remove another one of them, for good", run_remove_other);
        remove_other->add_option("registration", given_->registration_id, "Id of the registration")->required();
        with_factors(*remove_other);

        with_token_factors(*add("token-create", "Create a token", run_token_create));
        with_token(*add("token-header", "Print a token header; sends nothing", run_token_header));
        auto* use = add("token-use", "Ask for a path with a token, sending {}, and show the answer", run_token_use);
        with_token(*use);
        use->add_option("path", given_->path, "Path of the endpoint, for example /api/registration")->required();
        use->add_option("--method", given_->method, "HTTP method")
            ->check(CLI::IsMember({"POST", "GET"}))
            ->capture_default_str();
        auto* token_remove = add("token-remove", "Remove a token", run_token_remove);
        with_token(*token_remove);
        with_token_factors(*token_remove);

        auto* vault = add("vault-unlock", "Fetch the vault key", run_vault_unlock);
        vault->add_option("--reason", given_->reason, "Reason for the server's audit log")->capture_default_str();
        with_factors(*vault);

        auto* device_sign =
            add("device-sign", "Sign text with the phone's private key, opened through the vault", run_device_sign);
        device_sign->add_option("text", given_->text, "Text to sign")->required();
        with_pin(*device_sign)->required();

        auto* offline =
            add("offline-sign", "Print the digits of an offline signature; sends nothing", run_offline_sign);
        offline->add_option("nonce", given_->nonce, "Nonce from the QR code (Base64)")->required();
        offline->add_option("body", given_->body, "What is signed, for example OPERATION_ID&DATA")->required();
        offline->add_option("--uri-id", given_->offline_uri_id, "Name agreed for the operation")->capture_default_str();
        offline->add_option("--digits", given_->digits, "Digits per factor")
            ->check(CLI::Range(4U, 8U))
            ->capture_default_str();
        with_factors(*offline);

        add("offline-check", "Tell whether a scanned text (standard input) was signed by the server",
            run_offline_check);
        add("user-info", "Show what the server tells about the user", run_user_info);
    }

private:
    CLI::App* add(const std::string& name, const std::string& help, operation what)
    {
        auto* sub = command_.add_subcommand(name, help);
        sub->fallthrough(); // the common options may follow the subcommand
        sub->callback([given = given_, &code = exit_code_, what] { code = run(what, *given); });
        return sub;
    }

    CLI::Option* with_pin(CLI::App& sub) { return sub.add_option("--pin", given_->pin, "PIN of the phone's owner"); }

    void with_factors(CLI::App& sub) { add_factors(sub, given_->factors); }
    void with_token_factors(CLI::App& sub) { add_factors(sub, given_->token_factors); }

    void add_factors(CLI::App& sub, std::string& target)
    {
        sub.add_option("--factors", target, "Factors of the signature, joined with underscores")
            ->check(CLI::IsMember({"possession", "knowledge", "biometry", "possession_knowledge", "possession_biometry",
                                   "possession_knowledge_biometry"}))
            ->capture_default_str();
        with_pin(sub);
    }

    void with_token(CLI::App& sub) { sub.add_option("token_id", given_->token_id, "Id of the token")->required(); }

    void with_details(CLI::App& sub)
    {
        with_pin(sub)->required();
        sub.add_option("--name", given_->name, "Name of the phone")->capture_default_str();
        sub.add_option("--extras", given_->extras, "Text of the application's own");
        sub.add_option("--custom-attributes", given_->custom_attributes, "JSON object for the application's back end");
        sub.add_flag("--biometry", given_->biometry, "Set up the biometry factor as well");
    }

    CLI::App& command_;
    int& exit_code_;
    std::shared_ptr<device_arguments> given_;
};

} // namespace

CLI::App* add_device_command(CLI::App& parent, int& exit_code)
{
    auto* command = parent.add_subcommand("device", "Simulated phone: activate, sign and so on against a server");
    command->require_subcommand(1);
    command->footer("Prints one JSON object. Exit status: 0 accepted, 1 protocol error or no answer, 2 refused by the "
                    "server.\nThe state file contains the phone's secrets. One command at a time may use it.");
    command_builder builder{*command, exit_code};
    builder.add_common_options();
    builder.add_commands();
    return command;
}

} // namespace doorward::bench
