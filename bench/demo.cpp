#include "bench/demo.hpp"
#include "bench/device.hpp"
#include "bench/office_client.hpp"
#include "crypto/encoding.hpp"
#include "server/config_table.hpp"
#include "server/init.hpp"
#include "server/instance.hpp"
#include "server/serve.hpp"

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <stdexcept>

namespace doorward::bench {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::size_t shown_bytes_max = 160; // of a body or a header; the rest is cut off with an ellipsis

std::string shown(std::string text)
{
    if (text.size() > shown_bytes_max) {
        text.resize(shown_bytes_max);
        text += "...";
    }
    return text;
}

// Prints what happens: a headline per step, and under it each request with its answer.
class storyteller {
public:
    void step(std::string_view text) { std::cout << "\n" << ++steps_ << ". " << text << "\n"; }
    void note(std::string_view text) { std::cout << "   " << text << "\n"; }

    void exchange(std::string_view who, const http_request& request, const http_answer& answer)
    {
        std::cout << "   " << who << "  > " << request.method << ' ' << request.path << "\n";
        for (const auto& [name, value] : request.headers) {
            if (name.starts_with("X-PowerAuth"))
                std::cout << "              " << name << ": " << shown(value) << "\n";
        }
        if (!request.body.empty())
            std::cout << "              " << shown(request.body) << "\n";
        std::cout << "          < " << answer.status << ' ' << shown(answer.body) << std::endl;
    }

private:
    int steps_ = 0;
};

device::transport told_by(storyteller& story, http_client& client)
{
    return [&story, &client](const http_request& request) {
        http_answer answer = client.request(request);
        story.exchange("phone ", request, answer);
        return answer;
    };
}

void expect(bool holds, const char* what)
{
    if (!holds)
        throw std::runtime_error{std::string{"the story went wrong: "} + what};
}

// The life of Alice's phones. Every line that it prints was really sent.
void tell(storyteller& story, const std::string& device_url, const std::string& office_url,
          const server::first_admin& admin)
{
    office_client bank{office_url, admin.username, admin.password,
                       [&story](const http_request& request, const http_answer& answer) {
                           story.exchange("office", request, answer);
                       }};
    http_client network{device_url};

    story.step("The bank creates an application, whose users may manage their phones and pass them on in the app. The "
               "app is built with the answer.");
    const json app =
        bank.ask("POST", "/admin/applications",
                 {{"id", "mobile-bank"}, {"deviceManagement", true}, {"transfer", {{"spawn", true}, {"move", true}}}});
    const auto built_in = application::from_sdk_config(app.at("mobileSdkConfig").get<std::string>());

    story.step("Alice asks for mobile banking. The bank creates a registration and shows her the code as a QR code.");
    const json created = bank.ask("POST", "/v2/registrations", {{"userId", "alice"}, {"appId", "mobile-bank"}});
    const std::string path = "/v2/registrations/" + created.at("registrationId").get<std::string>();

    story.step("Her phone scans the code, exchanges keys end-to-end encrypted, and she chooses the PIN 1234.");
    device phone{built_in, device_state{}, wire_style::android, told_by(story, network)};
    activation_details details;
    details.name = "Alice's phone";
    const std::string digits = phone.activate(created.at("activationQrCodeData").get<std::string>(), "1234", details);

    story.step("Phone and bank show the same eight digits, so nobody sat in between. The bank commits.");
    const json pending = bank.ask("GET", path);
    expect(pending.at("activationFingerprint") == digits, "the fingerprints differ");
    story.note("on the phone: " + digits + "   in the bank: " + pending.at("activationFingerprint").get<std::string>());
    bank.ask("POST", path + "/commit", {{"externalUserId", "clerk-7"}});

    story.step("Alice signs with her PIN.");
    expect(phone.validate(signature_type::possession_knowledge, "1234"), "the right PIN was refused");

    story.step("Somebody finds her phone and tries PINs. The fifth wrong one blocks it.");
    for (const char* guess : {"0000", "1111", "2222", "3333", "4444"})
        expect(!phone.validate(signature_type::possession_knowledge, guess), "a wrong PIN was accepted");
    const auto blocked = phone.status();
    expect(blocked.state_name() == "BLOCKED", "the phone is not blocked");
    story.note("what the phone reads from the encrypted status: " + std::string{blocked.state_name()});

    story.step("Now even the right PIN is refused: blocked means blocked.");
    expect(!phone.validate(signature_type::possession_knowledge, "1234"), "a blocked phone was accepted");

    story.step("Alice calls support. They see why it is blocked and unblock it.");
    bank.ask("GET", path);
    bank.ask("PUT", path, {{"change", "UNBLOCK"}, {"externalUserId", "support-3"}});

    story.step("Alice changes her PIN. The phone proves the old one, and tells of the change with the new one; the "
               "server never sees either.");
    phone.change_pin("1234", "8642");
    phone.tell_pin_changed("8642");
    expect(phone.validate(signature_type::possession_knowledge, "8642"), "the new PIN was refused");
    expect(!phone.validate(signature_type::possession_knowledge, "1234"), "the old PIN still works");
    expect(phone.validate(signature_type::possession_knowledge, "8642"), "a success did not reset the count");

    story.step("She adds her fingerprint. The PIN opens the phone's vault, and from now on the finger proves as well.");
    phone.add_biometry("8642");
    expect(phone.validate(signature_type::possession_biometry), "the fingerprint was refused");

    story.step("The phone gets a token for what it only reads, and is told about itself without asking Alice.");
    const std::string token = phone.create_token(signature_type::possession);
    phone.send(phone.make_token_request(token, "/api/registration", "", "GET"));

    story.step("She gives her phone another name. The bank flags it for high payments; one such payment requires the "
               "flag.");
    phone.rename("Alice's blue phone", signature_type::possession_biometry);
    bank.ask("POST", path + "/flags", {{"flags", {"HIGH_PAYMENTS"}}, {"externalUserId", "support-3"}});
    const auto paid =
        bank.ask("POST", "/v2/signature/verify",
                 {{"method", "POST"},
                  {"uriId", "/payment"},
                  {"authHeader", phone.sign("POST", "/payment", "{}", signature_type::possession_knowledge, "8642")},
                  {"requestBody", crypto::to_base64(crypto::as_bytes("{}"))},
                  {"requiredFlags", {"HIGH_PAYMENTS"}}});
    expect(paid.at("signatureValid").get<bool>(), "a right payment was refused");

    story.step("In the mountains there is no network. Her phone scans what the bank shows, and she types digits back.");
    const json shown = bank.ask("POST", "/v2/signature/offline/personalized/create",
                                {{"registrationId", phone.activation_id()}, {"data", "7f3c\nPayment\nA1*A250.00EUR"}});
    expect(phone.check_offline_payload(shown.at("offlineData").get<std::string>()), "the bank is not the bank");
    const std::string nonce = shown.at("nonce").get<std::string>();
    const std::string typed = phone.offline_signature("/operation/authorize/offline", "7f3c&A1*A250.00EUR", nonce,
                                                      signature_type::possession_knowledge, "8642");
    story.note("on the phone: " + typed);
    const json answered = bank.ask("POST", "/v2/signature/offline/verify",
                                   {{"registrationId", phone.activation_id()},
                                    {"nonce", nonce},
                                    {"body", "7f3c&A1*A250.00EUR"},
                                    {"signature", typed}});
    expect(answered.at("signatureValid").get<bool>(), "right digits were refused");

    story.step(
        "She has a tablet, too. Her phone asks for a code, encrypted and with her PIN; the tablet scans it and is "
        "registered beside the phone.");
    details.otp = "one-time-secret-of-the-two";
    const auto for_tablet =
        phone.request_code("mobile-bank", *details.otp, signature_type::possession_knowledge, "8642");
    device tablet{built_in, device_state{}, wire_style::ios, told_by(story, network)};
    details.name = "Alice's tablet";
    tablet.activate(for_tablet.qr_data(), "5555", details);
    expect(tablet.validate(signature_type::possession_knowledge, "5555"), "the tablet was refused");

    story.step("She buys a new phone. It takes the place of the old one: from one moment to the next that is removed.");
    const auto for_phone =
        phone.request_code("mobile-bank", *details.otp, signature_type::possession_knowledge, "8642", "MOVE");
    device new_phone{built_in, device_state{}, wire_style::android, told_by(story, network)};
    details.name = "Alice's red phone";
    new_phone.activate(for_phone.qr_data(), "2468", details);
    expect(new_phone.validate(signature_type::possession_knowledge, "2468"), "the new phone was refused");
    expect(!phone.validate(signature_type::possession_knowledge, "8642"), "the old phone still works");
    const auto gone = phone.status();
    expect(gone.state_name() == "REMOVED", "the old phone is not removed");
    story.note("what the old phone reads from the encrypted status: " + std::string{gone.state_name()});

    story.step("The tablet is lost. On her phone she sees what she has, and removes it; the new phone stays.");
    const std::string hers = new_phone.list_registrations(signature_type::possession_knowledge, "2468");
    expect(hers.find(tablet.activation_id()) != std::string::npos, "the tablet is not in the list");
    new_phone.remove_registration(tablet.activation_id(), signature_type::possession_knowledge, "2468");
    expect(!tablet.validate(signature_type::possession_knowledge, "5555"), "the tablet still works");

    story.step("The bank lists what Alice has and had, and reads the history of her first phone.");
    bank.ask("GET", "/v2/registrations?userId=alice&removed=true");
    bank.ask("GET", path + "/children?removed=true");
    const json history = bank.ask("GET", path + "/history");
    const auto& rows = history.at("items");
    for (auto row = rows.rbegin(); row != rows.rend(); ++row)
        story.note(row->at("event").get<std::string>() + " -> " + row->at("registrationStatus").get<std::string>() +
                   "  " + row->value("eventReason", "") + row->value("externalUserId", ""));
}

class scratch_directory {
public:
    scratch_directory()
    {
        std::string pattern = (fs::temp_directory_path() / "doorward-demo-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr)
            throw std::runtime_error{"cannot make a temporary directory under " + fs::temp_directory_path().string()};
        path_ = pattern;
    }
    scratch_directory(const scratch_directory&) = delete;
    scratch_directory& operator=(const scratch_directory&) = delete;
    ~scratch_directory()
    {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    [[nodiscard]] const fs::path& path() const noexcept { return path_; }

private:
    fs::path path_;
};

// On the wanted ports, or on free ones when somebody else has those.
std::unique_ptr<server::instance> start(server::settings wanted)
{
    try {
        return std::make_unique<server::instance>(wanted);
    } catch (const server::listen_error& busy) {
        std::cout << busy.what() << "; taking free ports\n";
        wanted.device.port(0);
        wanted.office.port(0);
        return std::make_unique<server::instance>(wanted);
    }
}

void run(const demo_options& wanted)
{
    server::block_stop_signals();
    const scratch_directory scratch;
    const auto admin = server::initialise_data(scratch.path(), "admin", {});
    server::settings settings = server::default_settings();
    settings.data = scratch.path();
    settings.device = server::parse_endpoint(wanted.device);
    settings.office = server::parse_endpoint(wanted.office);
    const auto running = start(settings);
    const std::string device_url = "http://" + server::to_text(running->device());
    const std::string office_url = "http://" + server::to_text(running->office());

    storyteller story;
    tell(story, device_url, office_url, admin);

    std::cout << "\nThe server goes on. Its data is in a temporary directory and goes with it.\n\n"
              << "   phones       " << device_url << "\n"
              << "   back office  " << office_url << "\n"
              << "   admin        " << admin.username << "  " << admin.password << "\n\n"
              << "   curl -u '" << admin.username << ':' << admin.password << "' '" << office_url
              << "/v2/registrations?userId=alice&removed=true'\n"
              << std::endl;
    if (!wanted.exit_after_story) {
        std::cout << "Ctrl-C ends it." << std::endl;
        server::wait_for_stop_signal();
    }
    running->stop();
}

} // namespace

void add_demo_command(CLI::App& parent, demo_options& wanted)
{
    auto* command = parent.add_subcommand(
        "demo", "Start a server on a temporary directory, play the life of a registration, and go on running");
    command->add_option("--device", wanted.device, "ADDRESS:PORT for phones")->capture_default_str();
    command->add_option("--office", wanted.office, "ADDRESS:PORT for back offices")->capture_default_str();
    command->add_flag("--exit", wanted.exit_after_story, "End after the story");
    command->callback([&wanted] { run(wanted); });
}

} // namespace doorward::bench
