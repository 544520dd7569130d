#include "bench/workloads.hpp"
#include "crypto/encoding.hpp"
#include "crypto/random.hpp"

#include <algorithm>

namespace doorward::bench {
namespace {

constexpr std::string_view uri_id = "/pa/signature/validate";
constexpr std::string_view body = "{}";
constexpr std::size_t wrong_pins_per_phone = 250; // of the 255 that the fleet's registrations permit

struct row {
    workload which;
    std::string_view name;
    bool for_phones;
    unsigned status;
};
constexpr row rows[]{
    {workload::wrong_pin, "wrong-pin", true, 401}, {workload::right_pin, "right-pin", true, 200},
    {workload::noise, "noise", true, 401},         {workload::mixed, "mixed", true, 0},
    {workload::detail, "detail", false, 200},      {workload::status, "status", true, 200},
};

const row& row_of(workload which) noexcept
{
    return *std::ranges::find(rows, which, &row::which);
}

std::string validate_request(const fleet& of, const fleet_phone& phone, std::string_view nonce,
                             std::string_view signature)
{
    std::string out = "POST /pa/v3/signature/validate HTTP/1.1\r\nHost: localhost\r\n"
                      "Content-Type: application/json\r\nContent-Length: 2\r\nX-PowerAuth-Authorization: ";
    out += authorization_header(rules_of(protocol_version::v3_3), phone.id, of.application_key, nonce,
                                signature_type::possession_knowledge, signature);
    out += "\r\n\r\n";
    out += body;
    return out;
}

std::string proof(const fleet& of, const fleet_phone& phone, bool right_possession, bool right_knowledge)
{
    const auto nonce = crypto::to_base64(crypto::random_array<16>());
    const std::string data = signed_text("POST", uri_id, nonce, body, of.application_secret);
    const key16 keys[]{right_possession ? phone.keys.possession : crypto::random_secret<16>(),
                       right_knowledge ? phone.keys.knowledge : crypto::random_secret<16>()};
    return validate_request(of, phone, nonce, base64_signature(keys, phone.ctr_data, crypto::as_bytes(data)));
}

std::string right_proof(const fleet& of, fleet_phone& phone)
{
    std::string out = proof(of, phone, true, true);
    phone.ctr_data = next_counter(phone.ctr_data);
    return out;
}

std::string detail_request(const fleet_phone& phone, const std::string& authorization)
{
    return "GET /v2/registrations/" + phone.id + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + authorization +
           "\r\n\r\n";
}

std::string status_request(const fleet_phone& phone)
{
    const std::string asked = R"({"requestObject":{"activationId":")" + phone.id + R"(","challenge":")" +
                              crypto::to_base64(crypto::random_array<16>()) + R"("}})";
    return "POST /pa/v3/activation/status HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
           "Content-Length: " +
           std::to_string(asked.size()) + "\r\n\r\n" + asked;
}

} // namespace

std::optional<workload> workload_from(std::string_view name) noexcept
{
    const auto* const found = std::ranges::find(rows, name, &row::name);
    return found == std::end(rows) ? std::nullopt : std::optional{found->which};
}

std::string_view name_of(workload which) noexcept
{
    return row_of(which).name;
}

bool is_for_phones(workload which) noexcept
{
    return row_of(which).for_phones;
}

unsigned expected_status(workload which) noexcept
{
    return row_of(which).status;
}

std::optional<std::vector<request_queue>> build_queues(workload which, fleet& phones, const std::string& authorization,
                                                       std::size_t connections, std::size_t requests)
{
    if (phones.phones.size() < connections)
        return std::nullopt;
    const std::size_t room =
        which == workload::wrong_pin ? wrong_pins_per_phone * phones.phones.size() : std::size_t{0} - 1;
    if (requests > room)
        return std::nullopt;

    // Connection c has the phones c, c + connections, ...: no phone is on two connections, so that its proofs arrive in
    // order; each connection goes round its phones, so that neighbours in time are different registrations.
    std::vector<request_queue> queues(connections);
    const bool repeating = which == workload::detail || which == workload::status;
    const std::size_t rounds = (requests + phones.phones.size() - 1) / phones.phones.size();
    for (std::size_t round = 0; round < (repeating ? 1 : rounds); ++round) {
        for (std::size_t i = 0; i < phones.phones.size(); ++i) {
            fleet_phone& phone = phones.phones[i];
            request_queue& queue = queues[i % connections];
            switch (which) {
            case workload::wrong_pin:
                queue.add(proof(phones, phone, true, false));
                break;
            case workload::right_pin:
                queue.add(right_proof(phones, phone));
                break;
            case workload::noise:
                queue.add(proof(phones, phone, false, false));
                break;
            case workload::mixed:
                queue.add((round + i) % 5 == 4 ? proof(phones, phone, true, false) : right_proof(phones, phone));
                break;
            case workload::detail:
                queue.add(detail_request(phone, authorization));
                break;
            case workload::status:
                queue.add(status_request(phone));
                break;
            }
        }
    }
    if (repeating) {
        for (request_queue& queue : queues)
            queue.repeat();
    }
    return queues;
}

} // namespace doorward::bench
