#include "bench/fleet.hpp"
#include "crypto/encoding.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace doorward::bench {
namespace {

using nlohmann::json;

constexpr unsigned enrolling_threads = 2;
constexpr unsigned fastest_pin_iterations = 1; // nobody attacks these phones
constexpr unsigned steps_behind_max = 100'000; // proofs of one phone in one run

fleet_phone enrol(office_client& office, http_client& network, const application& app, temporary_key& shared_key)
{
    const json created = office.ask(
        "POST", "/v2/registrations",
        {{"userId", "load"}, {"appId", load_application_id}, {"maxFailedAttempts", fleet_failed_attempts_max}});
    device_state state;
    state.pin_iterations = fastest_pin_iterations;
    device phone{app, std::move(state), wire_style::android,
                 [&network](const http_request& request) { return network.request(request); }};
    if (shared_key.key && phone.now_ms() < shared_key.expires_ms - device::temporary_key_margin_ms)
        phone.use_temporary_key(encryption_scope::application, shared_key);
    else
        shared_key = phone.fetch_temporary_key(encryption_scope::application);

    auto pending = phone.prepare_activation(created.at("activationCode").get<std::string>(), "0000");
    const auto answer = network.request(pending.request);
    // The phone keeps its keys locked away; here they are derived once more and stay open.
    const auto own = crypto::p256_private_key::import(pending.own_key.scalar()).value();
    phone.finish_activation(std::move(pending), answer);
    const auto server_key = crypto::p256_public_key::import(phone.state().activation->server_point).value();
    office.ask("POST", "/v2/registrations/" + phone.activation_id() + "/commit", json::object());
    return {phone.activation_id(), derive_keys(agree_master_secret(own, server_key)),
            phone.state().activation->ctr_data};
}

std::string base64(bytes_view data)
{
    return crypto::to_base64(data);
}

bytes required_base64(const json& text)
{
    auto out = crypto::from_base64(text.get<std::string>());
    if (!out || out->size() != 16)
        throw std::runtime_error{"the fleet holds a key that is none"};
    return *std::move(out);
}

} // namespace

fleet empty_fleet(office_client& office)
{
    const std::string id{load_application_id};
    const json all = office.ask("GET", "/admin/applications");
    const bool is_there =
        std::ranges::any_of(all.at("applications"), [&](const json& each) { return each.at("id") == id; });
    const json unthrottled{{"perMinute", 0}}; // a load of noise is what some workloads are
    const json answer = is_there ? office.ask("GET", "/admin/applications/" + id)
                                 : office.ask("POST", "/admin/applications", {{"id", id}, {"unproven", unthrottled}});
    fleet out;
    out.application_id = id;
    out.application_key = answer.at("appKey").get<std::string>();
    out.application_secret = answer.at("appSecret").get<std::string>();
    out.master_public_key = answer.at("masterServerPublicKey").get<std::string>();
    return out;
}

fleet enrol_fleet(const target& where, std::size_t count, const std::function<void(std::size_t)>& progress)
{
    office_client office{where.office_url, where.username, where.password};
    fleet out = empty_fleet(office);
    const application app{out.application_key, out.application_secret, out.master_public_key};

    std::mutex mutex; // of out.phones and fault
    std::exception_ptr fault;
    std::atomic<std::size_t> started{0};
    std::vector<std::thread> threads;
    std::atomic<unsigned> running{enrolling_threads};
    for (unsigned i = 0; i < enrolling_threads; ++i) {
        threads.emplace_back([&] {
            try {
                office_client mine{where.office_url, where.username, where.password};
                http_client network{where.device_url};
                temporary_key shared_key;
                while (started.fetch_add(1) < count) {
                    auto phone = enrol(mine, network, app, shared_key);
                    const std::lock_guard lock{mutex};
                    out.phones.push_back(std::move(phone));
                }
            } catch (...) {
                const std::lock_guard lock{mutex};
                fault = std::current_exception();
                started.store(count);
            }
            running.fetch_sub(1);
        });
    }
    while (running.load() > 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds{200});
        const std::lock_guard lock{mutex};
        progress(out.phones.size());
    }
    for (std::thread& each : threads)
        each.join();
    if (fault)
        std::rethrow_exception(fault);
    return out;
}

std::string write_fleet(const fleet& what)
{
    json phones = json::array();
    for (const fleet_phone& phone : what.phones) {
        phones.push_back({phone.id, base64(phone.keys.possession), base64(phone.keys.knowledge),
                          base64(phone.keys.biometry), base64(phone.keys.transport), base64(phone.keys.vault),
                          base64(phone.ctr_data)});
    }
    return json{{"applicationId", what.application_id},
                {"appKey", what.application_key},
                {"appSecret", what.application_secret},
                {"masterServerPublicKey", what.master_public_key},
                {"phones", std::move(phones)}}
        .dump();
}

fleet read_fleet(std::string_view text)
{
    try {
        const json all = json::parse(text);
        fleet out;
        out.application_id = all.at("applicationId").get<std::string>();
        out.application_key = all.at("appKey").get<std::string>();
        out.application_secret = all.at("appSecret").get<std::string>();
        out.master_public_key = all.at("masterServerPublicKey").get<std::string>();
        for (const json& phone : all.at("phones")) {
            const auto key = [&phone](std::size_t index) { return key16{required_base64(phone.at(index))}; };
            out.phones.push_back({phone.at(0).get<std::string>(),
                                  {key(1), key(2), key(3), key(4), key(5)},
                                  crypto::take<16>(required_base64(phone.at(6)))});
        }
        return out;
    } catch (const json::exception& problem) {
        throw std::runtime_error{std::string{"this is no fleet: "} + problem.what()};
    }
}

void save_fleet(const std::filesystem::path& file, const fleet& what)
{
    namespace fs = std::filesystem;
    fs::path fresh = file;
    fresh += ".new";
    {
        std::ofstream out{fresh};
        fs::permissions(fresh, fs::perms::owner_read | fs::perms::owner_write);
        out << write_fleet(what);
        if (!out.flush())
            throw std::runtime_error{"cannot write " + fresh.string()};
    }
    fs::rename(fresh, file);
}

bool follow_counters(const target& where, fleet& what)
{
    http_client network{where.device_url};
    for (fleet_phone& phone : what.phones) {
        const auto challenge = crypto::to_base64(what.phones.front().ctr_data); // any 16 bytes will do
        const json asked{{"requestObject", {{"activationId", phone.id}, {"challenge", challenge}}}};
        const auto answer = network.request("POST", "/pa/v3/activation/status", {}, asked.dump());
        if (answer.status != 200)
            return false;
        const json told = json::parse(answer.body).at("responseObject");
        const auto nonce = crypto::from_base64_sized<16>(told.at("nonce").get<std::string>());
        const auto blob = crypto::from_base64(told.at("encryptedStatusBlob").get<std::string>());
        try {
            const auto content =
                open_status_blob(blob.value(), phone.keys.transport, crypto::from_base64_sized<16>(challenge), nonce);
            const auto found =
                find_counter(phone.ctr_data, content.counter_hash, phone.keys.transport, steps_behind_max);
            if (!found)
                return false;
            phone.ctr_data = found->ctr_data;
        } catch (const protocol_error&) {
            return false; // random bytes: the server does not know this phone
        }
    }
    return true;
}

} // namespace doorward::bench
