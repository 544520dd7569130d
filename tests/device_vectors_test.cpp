// Known answers for everything that the simulated phone computes.
//
// generated-*.json lie in tests/vectors. The other files are published test vectors of the protocol and are used where
// they are: in the folder named by DOORWARD_SHARED_VECTORS, or beside the checkout. Without them their cases are
// skipped.

#include "bench/device_messages.hpp"
#include "crypto/aes.hpp"
#include "crypto/encoding.hpp"
#include "crypto/init.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

namespace {

using namespace doorward::bench;
using namespace doorward;
using crypto::as_bytes;
using crypto::as_text;
using crypto::to_base64;
using nlohmann::json;

struct fixture {
    fixture() { crypto::init(); }
};

std::filesystem::path generated_folder()
{
    return DOORWARD_TEST_VECTORS;
}

std::filesystem::path published_folder()
{
    if (const char* named = std::getenv("DOORWARD_SHARED_VECTORS"); named != nullptr && *named != '\0')
        return named;
    return generated_folder() / "../../../shared/protocol/vectors";
}

boost::test_tools::assertion_result published_vectors_are_here(boost::unit_test::test_unit_id)
{
    if (std::filesystem::is_directory(published_folder()))
        return true;
    BOOST_TEST_MESSAGE("published vectors are not at " << published_folder() << ", skipped");
    boost::test_tools::assertion_result absent{false};
    absent.message() << "published vectors are not at " << published_folder();
    return absent;
}

const boost::unit_test::precondition needs_published_vectors{published_vectors_are_here};

// Calls `check` for each vector of a file, in a context that names it.
void for_each_vector(const std::filesystem::path& file, const std::function<void(const json&)>& check)
{
    std::ifstream stream{file, std::ios::binary};
    BOOST_TEST_REQUIRE(stream.good(), "cannot read " << file);
    const json document = json::parse(stream);
    const json& vectors = document.at("data");
    BOOST_TEST_REQUIRE(!vectors.empty());
    for (std::size_t i = 0; i < vectors.size(); ++i)
        BOOST_TEST_CONTEXT(file.filename().string() << " vector " << i)
        {
            check(vectors[i]);
        }
}

void for_each_generated(const char* name, const std::function<void(const json&)>& check)
{
    for_each_vector(generated_folder() / name, check);
}

void for_each_published(const char* name, const std::function<void(const json&)>& check)
{
    for_each_vector(published_folder() / name, check);
}

bytes raw(const json& text)
{
    return crypto::from_base64(text.get<std::string>()).value();
}

block16 block(const json& text)
{
    return crypto::from_base64_sized<16>(text.get<std::string>()).value();
}

key16 key(const json& text)
{
    return key16{block(text)};
}

std::string string(const json& text)
{
    return text.get<std::string>();
}

// The older files write numbers as text.
int integer(const json& value)
{
    return value.is_string() ? std::stoi(value.get<std::string>()) : value.get<int>();
}

std::optional<std::string> string_or_none(const json& text)
{
    return text.is_null() ? std::nullopt : std::optional{string(text)};
}

std::optional<block16> block_or_none(const json& text)
{
    return text.is_null() ? std::nullopt : std::optional{block(text)};
}

std::optional<key16> key_or_none(const json& text)
{
    return text.is_null() ? std::nullopt : std::optional{key(text)};
}

std::optional<std::int64_t> time_or_none(const json& number)
{
    return number.is_null() ? std::nullopt : std::optional{number.get<std::int64_t>()};
}

crypto::p256_public_key public_key(const json& text)
{
    return crypto::p256_public_key::import(raw(text)).value();
}

crypto::p256_private_key private_key(const json& text)
{
    return crypto::p256_private_key::import(raw(text)).value();
}

const protocol_rules& rules(const json& version)
{
    return rules_of(protocol_version_from(string(version)).value());
}

signature_type type(const json& name)
{
    return signature_type_from(string(name)).value();
}

wire_style style(const json& name)
{
    return string(name) == "ios" ? wire_style::ios : wire_style::android;
}

template <class Bytes>
std::string base64(const Bytes& data)
{
    return to_base64(data);
}

std::vector<key16> chain(signature_type of, const derived_keys& keys)
{
    std::vector<key16> out;
    for (const factor which : factors_of(of))
        out.push_back(keys.of(which));
    return out;
}

std::vector<key16> chain_in(const json& input)
{
    const derived_keys keys{key(input.at("signaturePossessionKey")), key(input.at("signatureKnowledgeKey")),
                            key(input.at("signatureBiometryKey")), key16{}, key16{}};
    return chain(type(input.at("signatureType")), keys);
}

// The envelope of a vector file, which is plain JSON without a dialect.
envelope envelope_in(const json& document)
{
    return read_envelope(document.dump());
}

// --- envelopes

envelope_binding binding_in(const json& input)
{
    return bind_envelope(rules(input.at("version")), string(input.at("applicationKey")),
                         string(input.at("applicationSecret")), string_or_none(input.at("activationId")),
                         key_or_none(input.at("transportKey")), string_or_none(input.at("temporaryKeyId")));
}

envelope_keys keys_in(const json& vector)
{
    const json& input = vector.at("input");
    const auto shared = private_key(input.at("serverPrivateKey")).agree(public_key(input.at("ephemeralPublicKey")));
    return derive_envelope_keys(rules(input.at("version")), shared, string(input.at("sharedInfo1")),
                                raw(input.at("ephemeralPublicKey")));
}

envelope_exchange exchange_in(const json& input)
{
    envelope_recipient to{input.at("sharedInfo1").get_ref<const std::string&>(),
                          std::make_shared<const crypto::p256_public_key>(public_key(input.at("serverPublicKey"))),
                          string_or_none(input.at("temporaryKeyId"))};
    return {rules(input.at("version")), std::move(to), binding_in(input)};
}

envelope seal_as_in(envelope_exchange& exchange, const json& input)
{
    envelope_randomness randomness{private_key(input.at("ephemeralPrivateKey")),
                                   block_or_none(input.at("requestNonce")).value_or(block16{}),
                                   raw(input.at("ephemeralPublicKey")).size() == 65};
    return exchange.seal(raw(input.at("requestPlaintext")), time_or_none(input.at("requestTimestamp")).value_or(0),
                         randomness);
}

void for_each_envelope(const std::function<void(const json&)>& check)
{
    for_each_generated("generated-ecies.json", check);
}

// Opens one layer of an activation exchange with the private key that belongs to its recipient.
std::string open_layer(const json& input, std::string_view purpose, const envelope& request, const envelope* response)
{
    const auto& version = rules(input.at("version"));
    const auto point = request.ephemeral_point.value();
    const auto shared =
        private_key(input.at("encryptionPrivateKey")).agree(crypto::p256_public_key::import(point).value());
    const auto keys = derive_envelope_keys(version, shared, purpose, point);
    const auto binding =
        bind_envelope(version, string(input.at("applicationKey")), string(input.at("applicationSecret")), std::nullopt,
                      std::nullopt, string_or_none(input.at("temporaryKeyId")));
    if (response == nullptr)
        return std::string{as_text(open_envelope(version, keys, binding, request, request.nonce, point))};
    const auto nonce = response->nonce ? response->nonce : request.nonce;
    return std::string{as_text(open_envelope(version, keys, binding, *response, nonce, {}))};
}

void for_each_activation(const std::function<void(const json&)>& check)
{
    for_each_generated("generated-activation-exchange.json", check);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(device_vectors, fixture)

// --- published vectors

BOOST_AUTO_TEST_CASE(both_sides_agree_on_the_published_master_secret, *needs_published_vectors)
{
    for_each_published("compute-master-secret-key.json", [](const json& vector) {
        const json& input = vector.at("input");
        const std::string expected = string(vector.at("output").at("masterSecretKey"));
        BOOST_TEST(base64(agree_master_secret(private_key(input.at("devicePrivateKey")),
                                              public_key(input.at("serverPublicKey")))) == expected);
        BOOST_TEST(base64(agree_master_secret(private_key(input.at("serverPrivateKey")),
                                              public_key(input.at("devicePublicKey")))) == expected);
    });
}

BOOST_AUTO_TEST_CASE(the_published_keys_are_derived_from_the_master_secret, *needs_published_vectors)
{
    for_each_published("compute-derived-keys.json", [](const json& vector) {
        const auto keys = derive_keys(key(vector.at("input").at("masterSecretKey")));
        const json& output = vector.at("output");
        BOOST_TEST(base64(keys.possession) == string(output.at("signaturePossessionKey")));
        BOOST_TEST(base64(keys.knowledge) == string(output.at("signatureKnowledgeKey")));
        BOOST_TEST(base64(keys.biometry) == string(output.at("signatureBiometryKey")));
        BOOST_TEST(base64(keys.transport) == string(output.at("transportKey")));
        BOOST_TEST(base64(keys.vault) == string(output.at("vaultEncryptionKey")));
    });
}

BOOST_AUTO_TEST_CASE(the_published_fingerprints_come_out, *needs_published_vectors)
{
    for_each_published("public-key-fingerprint-v3.json", [](const json& vector) {
        const auto device_key = public_key(vector.at("input").at("devicePublicKey"));
        const auto server_key = public_key(vector.at("input").at("serverPublicKey"));
        const json& output = vector.at("output");
        BOOST_TEST(base64(minimal_x(device_key.point())) == string(output.at("devicePublicKeyCoordX")));
        BOOST_TEST(base64(minimal_x(server_key.point())) == string(output.at("serverPublicKeyCoordX")));
        BOOST_TEST(activation_fingerprint(device_key, server_key, string(output.at("activationId"))) ==
                   string(output.at("fingerprint")));
    });
}

BOOST_AUTO_TEST_CASE(the_published_signatures_of_3_0_come_out, *needs_published_vectors)
{
    for_each_published("signatures-v3.json", [](const json& vector) {
        const json& input = vector.at("input");
        BOOST_TEST(decimal_signature(chain_in(input), block(input.at("counterData")), raw(input.at("data"))) ==
                   string(vector.at("output").at("signature")));
    });
}

BOOST_AUTO_TEST_CASE(the_published_signatures_of_3_1_come_out, *needs_published_vectors)
{
    for_each_published("signatures-v31.json", [](const json& vector) {
        const json& input = vector.at("input");
        BOOST_TEST(base64_signature(chain_in(input), block(input.at("counterData")), raw(input.at("data"))) ==
                   string(vector.at("output").at("signature")));
    });
}

BOOST_AUTO_TEST_CASE(the_published_offline_signatures_come_out, *needs_published_vectors)
{
    for_each_published("signatures-offline.json", [](const json& vector) {
        const json& input = vector.at("input");
        const auto digits = static_cast<unsigned>(integer(input.at("signatureComponentLength")));
        BOOST_TEST(decimal_signature(chain_in(input), block(input.at("counterData")), raw(input.at("data")), digits) ==
                   string(vector.at("output").at("signature")));
    });
}

BOOST_AUTO_TEST_CASE(the_published_status_vectors_are_derived, *needs_published_vectors)
{
    for_each_published("activation-status-blob-iv.json", [](const json& vector) {
        const json& input = vector.at("input");
        BOOST_TEST(base64(status_iv(key(input.at("transportKey")), block(input.at("challenge")),
                                    block(input.at("nonce")))) == string(vector.at("output").at("iv")));
    });
}

BOOST_AUTO_TEST_CASE(the_published_status_blobs_open, *needs_published_vectors)
{
    for_each_published("activation-status-blob-data.json", [](const json& vector) {
        const json& input = vector.at("input");
        const json& output = vector.at("output");
        const auto blob = open_status_blob(raw(input.at("encryptedStatusBlob")), key(input.at("transportKey")),
                                           block(input.at("challenge")), block(input.at("nonce")));
        BOOST_TEST(blob.state == integer(output.at("activationStatus")));
        BOOST_TEST(blob.current_version == integer(output.at("currentVersion")));
        BOOST_TEST(blob.upgrade_version == integer(output.at("upgradeVersion")));
        BOOST_TEST(blob.failed_attempts == integer(output.at("failedAttempts")));
        BOOST_TEST(blob.failed_attempts_max == integer(output.at("maxFailedAttempts")));
        BOOST_TEST(blob.look_ahead == integer(output.at("ctrLookAhead")));
        BOOST_TEST(blob.counter_byte == integer(output.at("ctrByte")));
        BOOST_TEST(base64(blob.counter_hash) == string(output.at("ctrDataHash")));
    });
}

BOOST_AUTO_TEST_CASE(the_published_counter_distances_are_found, *needs_published_vectors)
{
    for_each_published("activation-status-blob-data.json", [](const json& vector) {
        const json& input = vector.at("input");
        const json& output = vector.at("output");
        const auto found =
            find_counter(block(input.at("ctrData")), block(output.at("ctrDataHash")), key(input.at("transportKey")),
                         static_cast<unsigned>(integer(output.at("ctrLookAhead"))));
        const int distance = found ? static_cast<int>(found->steps) : -1;
        BOOST_TEST(distance == integer(output.at("counterDistance")));
    });
}

BOOST_AUTO_TEST_CASE(the_published_code_signatures_are_genuine, *needs_published_vectors)
{
    for_each_published("verify-activation-data-signature-v3.json", [](const json& vector) {
        const auto master = public_key(vector.at("input").at("masterPublicKey"));
        const std::string code = string(vector.at("input").at("activationCode"));
        const bytes signature = raw(vector.at("output").at("activationSignature"));
        BOOST_TEST(is_activation_code(code));
        BOOST_TEST(master.verify_der(as_bytes(code), signature));
        BOOST_TEST(!master.verify_der(as_bytes(code + ' '), signature));
        BOOST_TEST((private_key(vector.at("input").at("masterPrivateKey")).point() == master.point()));
    });
}

// --- envelopes

BOOST_AUTO_TEST_CASE(envelope_keys_follow_from_the_shared_secret)
{
    for_each_envelope([](const json& vector) {
        const json& input = vector.at("input");
        const json& middle = vector.at("intermediate");
        const auto shared = private_key(input.at("ephemeralPrivateKey")).agree(public_key(input.at("serverPublicKey")));
        BOOST_TEST(base64(shared) == string(middle.at("sharedSecret")));
        BOOST_TEST(base64(envelope_info(rules(input.at("version")), string(input.at("sharedInfo1")),
                                        raw(input.at("ephemeralPublicKey")))) == string(middle.at("kdfInfo")));
        const auto keys = keys_in(vector);
        bytes all;
        for (const key16* part : {&keys.encryption, &keys.mac, &keys.iv})
            crypto::append(all, part->view());
        BOOST_TEST(base64(all) == string(middle.at("envelopeKey")));
    });
}

BOOST_AUTO_TEST_CASE(envelopes_are_bound_to_application_and_activation)
{
    for_each_envelope([](const json& vector) {
        const json& middle = vector.at("intermediate");
        const auto binding = binding_in(vector.at("input"));
        BOOST_TEST(base64(binding.base) == string(middle.at("sharedInfo2Base")));
        BOOST_TEST(base64(binding.associated) == string_or_none(middle.at("associatedData")).value_or(""));
    });
}

BOOST_AUTO_TEST_CASE(envelope_vectors_and_suffixes_follow_from_nonce_and_time)
{
    for_each_envelope([](const json& vector) {
        const json& input = vector.at("input");
        const json& middle = vector.at("intermediate");
        const auto keys = keys_in(vector);
        const auto binding = binding_in(input);
        const auto& version = rules(input.at("version"));
        const auto request_nonce = block_or_none(input.at("requestNonce"));
        const auto own_nonce = block_or_none(input.at("responseNonce"));
        const auto response_nonce = own_nonce ? own_nonce : request_nonce;
        BOOST_TEST(base64(envelope_iv(keys, request_nonce)) == string(middle.at("requestIv")));
        BOOST_TEST(base64(envelope_iv(keys, response_nonce)) == string(middle.at("responseIv")));
        BOOST_TEST(base64(envelope_suffix(version, binding, request_nonce, time_or_none(input.at("requestTimestamp")),
                                          raw(input.at("ephemeralPublicKey")))) ==
                   string(middle.at("requestSharedInfo2")));
        BOOST_TEST(base64(envelope_suffix(version, binding, response_nonce, time_or_none(input.at("responseTimestamp")),
                                          {})) == string(middle.at("responseSharedInfo2")));
    });
}

BOOST_AUTO_TEST_CASE(a_request_is_sealed_byte_for_byte)
{
    for_each_envelope([](const json& vector) {
        const json& input = vector.at("input");
        auto exchange = exchange_in(input);
        const auto sealed = seal_as_in(exchange, input);
        BOOST_TEST(json::parse(write_envelope(sealed, wire_style::android)) == vector.at("output").at("request"));
    });
}

BOOST_AUTO_TEST_CASE(a_response_opens_once)
{
    for_each_envelope([](const json& vector) {
        const json& input = vector.at("input");
        auto exchange = exchange_in(input);
        static_cast<void>(seal_as_in(exchange, input));
        const auto response = envelope_in(vector.at("output").at("response"));
        BOOST_TEST(base64(exchange.open(response)) == string(input.at("responsePlaintext")));
        BOOST_CHECK_THROW(static_cast<void>(exchange.open(response)), protocol_error);
    });
}

BOOST_AUTO_TEST_CASE(an_altered_response_is_refused)
{
    for_each_envelope([](const json& vector) {
        const json& input = vector.at("input");
        const auto refused = [&](const std::function<void(envelope&)>& alter) {
            auto exchange = exchange_in(input);
            static_cast<void>(seal_as_in(exchange, input));
            auto response = envelope_in(vector.at("output").at("response"));
            alter(response);
            BOOST_CHECK_THROW(static_cast<void>(exchange.open(response)), protocol_error);
        };
        refused([](envelope& e) { e.mac.back() ^= 1; });
        refused([](envelope& e) { e.encrypted_data.front() ^= 1; });
        refused([](envelope& e) { e.encrypted_data.clear(); });
        refused([](envelope& e) {
            if (e.nonce)
                e.nonce->front() ^= 1;
            else
                e.nonce = block16{};
        });
        refused([](envelope& e) {
            if (e.timestamp_ms)
                ++*e.timestamp_ms;
            else
                e.timestamp_ms = 0;
        });
    });
}

BOOST_AUTO_TEST_CASE(an_envelope_of_another_application_or_purpose_is_refused)
{
    for_each_envelope([](const json& vector) {
        const json& input = vector.at("input");
        const auto request = envelope_in(vector.at("output").at("request"));
        const auto refused = [&](const char* member, const char* instead) {
            json altered = vector;
            altered.at("input")[member] = instead;
            BOOST_CHECK_THROW(static_cast<void>(open_envelope(rules(input.at("version")), keys_in(altered),
                                                              binding_in(altered.at("input")), request, request.nonce,
                                                              request.ephemeral_point.value())),
                              protocol_error);
        };
        refused("applicationSecret", "AAAAAAAAAAAAAAAAAAAAAA==");
        refused("sharedInfo1", "/pa/other");
        if (rules(input.at("version")).envelope_timestamp)
            refused("applicationKey", "AAAAAAAAAAAAAAAAAAAAAA==");
    });
}

BOOST_AUTO_TEST_CASE(temporary_keys_are_taken_by_3_3_only)
{
    const auto to = std::make_shared<const crypto::p256_public_key>(
        crypto::p256_public_key::import(crypto::p256_private_key::generate().point()).value());
    const auto exchange_of = [&](protocol_version version, const std::optional<std::string>& id) {
        return envelope_exchange{rules_of(version), {purpose::application, to, id}, {}};
    };
    BOOST_CHECK_THROW(exchange_of(protocol_version::v3_2, "some-key"), std::invalid_argument);
    BOOST_CHECK_THROW(exchange_of(protocol_version::v3_3, std::nullopt), std::invalid_argument);
    BOOST_CHECK_NO_THROW(exchange_of(protocol_version::v3_2, std::nullopt));
    BOOST_CHECK_NO_THROW(exchange_of(protocol_version::v3_3, "some-key"));
}

// --- activation

BOOST_AUTO_TEST_CASE(both_layers_of_an_activation_request_are_written_byte_for_byte)
{
    for_each_activation([](const json& vector) {
        const json& input = vector.at("input");
        const json& middle = vector.at("intermediate");
        const json told = json::parse(string(middle.at("layer2RequestText")));
        const json outer = json::parse(string(middle.at("layer1RequestText")));
        activation_details details;
        details.name = told.at("activationName").get<std::string>();
        details.extras = told.contains("extras") ? std::optional{string(told.at("extras"))} : std::nullopt;
        details.otp = told.contains("activationOtp") ? std::optional{string(told.at("activationOtp"))} : std::nullopt;
        details.device_info = told.at("deviceInfo").get<std::string>();
        if (outer.contains("customAttributes"))
            details.custom_attributes = outer.at("customAttributes").dump();
        const auto own_point = compressed(private_key(input.at("devicePrivateKey")).point());
        BOOST_TEST(write_inner_activation(own_point, details, style(input.at("style"))) ==
                   string(middle.at("layer2RequestText")));
        BOOST_TEST(write_outer_activation("CODE", {{"code", string(input.at("activationCode"))}}, details,
                                          envelope_in(outer.at("activationData")),
                                          style(input.at("style"))) == string(middle.at("layer1RequestText")));
    });
}

BOOST_AUTO_TEST_CASE(the_body_and_header_of_an_activation_are_written_byte_for_byte)
{
    for_each_activation([](const json& vector) {
        const json& input = vector.at("input");
        const json& output = vector.at("output");
        BOOST_TEST(write_envelope(read_envelope(string(output.at("requestBody"))), style(input.at("style"))) ==
                   string(output.at("requestBody")));
        BOOST_TEST(encryption_header(rules(input.at("version")), string(input.at("applicationKey")), std::nullopt,
                                     style(input.at("style"))) == string(output.at("encryptionHeader")));
    });
}

BOOST_AUTO_TEST_CASE(both_layers_of_an_activation_open_in_both_directions)
{
    for_each_activation([](const json& vector) {
        const json& input = vector.at("input");
        const json& middle = vector.at("intermediate");
        const auto outer = read_envelope(string(vector.at("output").at("requestBody")));
        const std::string outer_text = open_layer(input, purpose::application, outer, nullptr);
        BOOST_TEST(outer_text == string(middle.at("layer1RequestText")));
        const auto inner = envelope_in(json::parse(outer_text).at("activationData"));
        BOOST_TEST(open_layer(input, purpose::activation_data, inner, nullptr) ==
                   string(middle.at("layer2RequestText")));

        const auto outer_answer = read_envelope(string(vector.at("output").at("responseBody")));
        const std::string answer_text = open_layer(input, purpose::application, outer, &outer_answer);
        BOOST_TEST(answer_text == string(middle.at("layer1ResponseText")));
        const auto inner_answer = read_outer_answer(answer_text).inner;
        BOOST_TEST(open_layer(input, purpose::activation_data, inner, &inner_answer) ==
                   string(middle.at("layer2ResponseText")));
    });
}

BOOST_AUTO_TEST_CASE(an_activation_answer_gives_id_key_and_counter)
{
    for_each_activation([](const json& vector) {
        const json& input = vector.at("input");
        const auto told = read_inner_answer(string(vector.at("intermediate").at("layer2ResponseText")));
        BOOST_TEST(told.activation_id == string(input.at("activationId")));
        BOOST_TEST(base64(told.server_point) == string(input.at("serverPublicKey")));
        BOOST_TEST(base64(told.ctr_data) == string(input.at("ctrData")));
    });
}

BOOST_AUTO_TEST_CASE(an_activation_ends_with_equal_keys_and_fingerprint)
{
    for_each_activation([](const json& vector) {
        const json& input = vector.at("input");
        const json& output = vector.at("output");
        const auto own = private_key(input.at("devicePrivateKey"));
        const auto server_key = public_key(input.at("serverPublicKey"));
        const auto secret = agree_master_secret(own, server_key);
        const auto keys = derive_keys(secret);
        BOOST_TEST(base64(secret) == string(output.at("masterSecret")));
        BOOST_TEST(base64(keys.possession) == string(output.at("possessionKey")));
        BOOST_TEST(base64(keys.knowledge) == string(output.at("knowledgeKey")));
        BOOST_TEST(base64(keys.biometry) == string(output.at("biometryKey")));
        BOOST_TEST(base64(keys.transport) == string(output.at("transportKey")));
        BOOST_TEST(base64(keys.vault) == string(output.at("vaultKey")));
        const auto own_public = crypto::p256_public_key::import(own.point()).value();
        BOOST_TEST(activation_fingerprint(own_public, server_key, string(input.at("activationId"))) ==
                   string(output.at("fingerprint")));
    });
}

BOOST_AUTO_TEST_CASE(activation_codes_are_built_with_their_checksum)
{
    for_each_generated("generated-activation-code.json", [](const json& vector) {
        if (!vector.at("output").at("valid").get<bool>())
            return;
        const auto random_part = raw(vector.at("input").at("randomBytes"));
        BOOST_TEST_REQUIRE(random_part.size() == 10U);
        BOOST_TEST(crc16_arc(random_part) == integer(vector.at("output").at("crc16")));
        BOOST_TEST(activation_code_from(std::span{random_part}.first<10>()) ==
                   string(vector.at("output").at("activationCode")));
    });
}

BOOST_AUTO_TEST_CASE(only_well_formed_activation_codes_are_taken)
{
    for_each_generated("generated-activation-code.json", [](const json& vector) {
        const bool valid = vector.at("output").at("valid").get<bool>();
        const json& code = vector.at(valid ? "output" : "input").at("activationCode");
        BOOST_TEST(is_activation_code(string(code)) == valid);
    });
}

BOOST_AUTO_TEST_CASE(fingerprints_drop_leading_zero_bytes_of_x)
{
    for_each_generated("generated-fingerprint-short-x.json", [](const json& vector) {
        const auto device_key = public_key(vector.at("input").at("devicePublicKey"));
        const auto server_key = public_key(vector.at("input").at("serverPublicKey"));
        BOOST_TEST(base64(minimal_x(device_key.point())) == string(vector.at("intermediate").at("deviceX")));
        BOOST_TEST(base64(minimal_x(server_key.point())) == string(vector.at("intermediate").at("serverX")));
        BOOST_TEST(activation_fingerprint(device_key, server_key, string(vector.at("input").at("activationId"))) ==
                   string(vector.at("output").at("fingerprint")));
    });
}

BOOST_AUTO_TEST_CASE(the_sdk_configuration_gives_the_three_values)
{
    for_each_generated("generated-sdk-config.json", [](const json& vector) {
        const auto app = application::from_sdk_config(string(vector.at("output").at("mobileSdkConfig")));
        BOOST_TEST(app.key() == string(vector.at("input").at("applicationKey")));
        BOOST_TEST(app.secret() == string(vector.at("input").at("applicationSecret")));
        BOOST_TEST((app.master()->point() == public_key(vector.at("input").at("masterPublicKey")).point()));
    });
}

BOOST_AUTO_TEST_CASE(a_shortened_sdk_configuration_is_refused)
{
    for_each_generated("generated-sdk-config.json", [](const json& vector) {
        const auto whole = raw(vector.at("output").at("mobileSdkConfig"));
        for (std::size_t size = 0; size < whole.size(); ++size)
            BOOST_CHECK_THROW(static_cast<void>(application::from_sdk_config(base64(std::span{whole}.first(size)))),
                              std::invalid_argument);
    });
}

// --- signatures

BOOST_AUTO_TEST_CASE(the_text_of_an_online_signature_is_composed)
{
    for_each_generated("generated-online-signature.json", [](const json& vector) {
        const json& input = vector.at("input");
        const auto body = raw(input.at("body"));
        BOOST_TEST(signed_text(string(input.at("method")), string(input.at("uriId")), string(input.at("nonce")),
                               as_text(body),
                               string(input.at("applicationSecret"))) == string(vector.at("output").at("signedText")));
    });
}

BOOST_AUTO_TEST_CASE(online_signatures_come_out_for_every_version_and_type)
{
    for_each_generated("generated-online-signature.json", [](const json& vector) {
        const json& input = vector.at("input");
        const auto keys = chain(type(input.at("signatureType")), derive_keys(key(input.at("masterSecret"))));
        const std::string data = string(vector.at("output").at("signedText"));
        const auto sign =
            rules(input.at("version")).decimal_signature
                ? [](const std::vector<key16>& k, const block16& c, bytes_view d) { return decimal_signature(k, c, d); }
                : [](const std::vector<key16>& k, const block16& c, bytes_view d) { return base64_signature(k, c, d); };
        BOOST_TEST(sign(keys, block(input.at("ctrData")), as_bytes(data)) ==
                   string(vector.at("output").at("signature")));
    });
}

BOOST_AUTO_TEST_CASE(authorization_headers_are_written_byte_for_byte)
{
    for_each_generated("generated-online-signature.json", [](const json& vector) {
        const json& input = vector.at("input");
        BOOST_TEST(authorization_header(rules(input.at("version")), string(input.at("activationId")),
                                        string(input.at("applicationKey")), string(input.at("nonce")),
                                        type(input.at("signatureType")), string(vector.at("output").at("signature"))) ==
                   string(vector.at("output").at("header")));
    });
}

BOOST_AUTO_TEST_CASE(a_query_has_one_canonical_form_in_any_order)
{
    for_each_generated("generated-canonical-query.json", [](const json& vector) {
        name_value_list parameters;
        for (const json& pair : vector.at("input").at("parameters"))
            parameters.emplace_back(string(pair.at(0)), string(pair.at(1)));
        const std::string expected = string(vector.at("output").at("canonical"));
        BOOST_TEST(canonical_query(parameters) == expected);
        std::ranges::reverse(parameters);
        BOOST_TEST(canonical_query(parameters) == expected);
    });
}

BOOST_AUTO_TEST_CASE(the_counter_and_its_hash_follow_the_chain)
{
    for_each_generated("generated-counter.json", [](const json& vector) {
        const auto transport_key = key(vector.at("input").at("transportKey"));
        auto ctr_data = block(vector.at("input").at("ctrData"));
        for (const json& step : vector.at("output").at("chain")) {
            BOOST_TEST(base64(ctr_data) == string(step.at("ctrData")));
            BOOST_TEST(base64(counter_hash(transport_key, ctr_data)) == string(step.at("ctrDataHash")));
            ctr_data = next_counter(ctr_data);
        }
    });
}

BOOST_AUTO_TEST_CASE(the_look_ahead_finds_a_counter_inside_its_window_only)
{
    for_each_generated("generated-counter.json", [](const json& vector) {
        const auto transport_key = key(vector.at("input").at("transportKey"));
        const auto start = block(vector.at("input").at("ctrData"));
        const json& steps = vector.at("output").at("chain");
        for (unsigned i = 0; i < steps.size(); ++i) {
            const auto wanted = block(steps[i].at("ctrDataHash"));
            const auto found = find_counter(start, wanted, transport_key, i + 1);
            BOOST_TEST_REQUIRE(found.has_value());
            BOOST_TEST(found->steps == i);
            BOOST_TEST(base64(found->ctr_data) == string(steps[i].at("ctrData")));
            BOOST_TEST(!find_counter(start, wanted, transport_key, i).has_value());
        }
    });
}

BOOST_AUTO_TEST_CASE(counter_bytes_are_compared_the_shorter_way_round)
{
    struct {
        std::uint8_t local, remote;
        int distance;
    } const rows[]{{0, 0, 0}, {5, 3, 2}, {3, 5, -2}, {1, 255, 2}, {255, 1, -2}, {130, 2, 128}, {0, 127, -127}};
    for (const auto& [local, remote, distance] : rows)
        BOOST_TEST_CONTEXT(int{local} << " and " << int{remote})
        {
            BOOST_TEST(counter_distance(local, remote) == distance);
        }
}

// --- status

BOOST_AUTO_TEST_CASE(status_blobs_open_for_every_version)
{
    for_each_generated("generated-status-blob.json", [](const json& vector) {
        const json& input = vector.at("input");
        const auto challenge = block_or_none(input.at("challenge"));
        const auto blob = open_status_blob(raw(vector.at("output").at("encryptedStatusBlob")),
                                           key(input.at("transportKey")), challenge, block_or_none(input.at("nonce")));
        BOOST_TEST(blob.state == integer(input.at("state")));
        BOOST_TEST(blob.failed_attempts == integer(input.at("failedAttempts")));
        BOOST_TEST(blob.failed_attempts_max == integer(input.at("maxFailedAttempts")));
        BOOST_TEST(blob.current_version == 3);
        BOOST_TEST(blob.upgrade_version == 3);
        if (!challenge)
            return; // the rest is filler
        BOOST_TEST(blob.counter_byte == (integer(input.at("counter")) & 0xff));
        BOOST_TEST(blob.look_ahead == integer(input.at("lookAhead")));
        BOOST_TEST(base64(blob.counter_hash) == string(vector.at("output").at("ctrDataHash")));
    });
}

BOOST_AUTO_TEST_CASE(status_blobs_have_their_initialization_vector_and_counter_hash)
{
    for_each_generated("generated-status-blob.json", [](const json& vector) {
        const json& input = vector.at("input");
        const auto transport_key = key(input.at("transportKey"));
        BOOST_TEST(base64(status_iv(transport_key, block_or_none(input.at("challenge")),
                                    block_or_none(input.at("nonce")))) == string(vector.at("intermediate").at("iv")));
        BOOST_TEST(base64(counter_hash(transport_key, block(input.at("ctrData")))) ==
                   string(vector.at("output").at("ctrDataHash")));
    });
}

BOOST_AUTO_TEST_CASE(a_status_blob_under_another_key_or_challenge_is_taken_for_a_forgery)
{
    for_each_generated("generated-status-blob.json", [](const json& vector) {
        const json& input = vector.at("input");
        const auto encrypted = raw(vector.at("output").at("encryptedStatusBlob"));
        const auto challenge = block_or_none(input.at("challenge"));
        const auto nonce = block_or_none(input.at("nonce"));
        BOOST_CHECK_THROW(static_cast<void>(open_status_blob(encrypted, key16{}, challenge, nonce)), protocol_error);
        BOOST_CHECK_THROW(static_cast<void>(open_status_blob(std::span{encrypted}.first(16),
                                                             key(input.at("transportKey")), challenge, nonce)),
                          protocol_error);
        if (!challenge)
            return;
        BOOST_CHECK_THROW(static_cast<void>(open_status_blob(encrypted, key(input.at("transportKey")), nonce, nonce)),
                          protocol_error);
        BOOST_CHECK_THROW(
            static_cast<void>(open_status_blob(encrypted, key(input.at("transportKey")), challenge, std::nullopt)),
            protocol_error);
    });
}

BOOST_AUTO_TEST_CASE(a_status_blob_with_impossible_fields_is_taken_for_a_forgery)
{
    const key16 transport_key{block16{1}};
    const block16 challenge{2};
    const block16 nonce{3};
    const auto opens = [&](std::size_t offset, byte value) {
        bytes plain(32);
        const byte head[]{0xde, 0xc0, 0xde, 0xd1, 3, 3, 3};
        std::ranges::copy(head, plain.begin());
        plain[15] = 20;
        plain[offset] = value;
        const auto encrypted =
            crypto::aes_cbc_raw_encrypt(transport_key, status_iv(transport_key, challenge, nonce), plain);
        try {
            static_cast<void>(open_status_blob(encrypted, transport_key, challenge, nonce));
            return true;
        } catch (const protocol_error&) {
            return false;
        }
    };
    struct {
        const char* what;
        std::size_t offset;
        byte value;
        bool good;
    } const rows[]{
        {"as it should be", 4, 3, true}, {"first magic byte", 0, 0xdf, false}, {"newer format", 3, 0xd2, true},
        {"format zero", 3, 0xd0, false}, {"other magic", 3, 0xe1, false},      {"state zero", 4, 0, false},
        {"state five", 4, 5, true},      {"state six", 4, 6, false},           {"look-ahead zero", 15, 0, false},
        {"look-ahead one", 15, 1, true}, {"look-ahead 64", 15, 64, true},      {"look-ahead 65", 15, 65, false},
    };
    for (const auto& row : rows)
        BOOST_TEST_CONTEXT(row.what)
        {
            BOOST_TEST(opens(row.offset, row.value) == row.good);
        }
}

// --- temporary keys

BOOST_AUTO_TEST_CASE(key_requests_are_signed_byte_for_byte)
{
    for_each_generated("generated-temporary-keys.json", [](const json& vector) {
        const json& input = vector.at("input");
        const application app{string(input.at("applicationKey")), string(input.at("applicationSecret")),
                              to_base64(crypto::p256_private_key::generate().point())};
        const auto secret = key_request_secret(app, key_or_none(input.at("transportKey")));
        BOOST_TEST(base64(secret) == string(vector.at("output").at("requestKey")));
        BOOST_TEST(sign_jwt_hs256(string(input.at("requestClaimsText")), secret) ==
                   string(vector.at("output").at("requestJwt")));
    });
}

BOOST_AUTO_TEST_CASE(key_claims_are_written_in_one_of_the_dialects)
{
    for_each_generated("generated-temporary-keys.json", [](const json& vector) {
        const json& claims = vector.at("input").at("requestClaims");
        const key_claims asked{string(claims.at("applicationKey")),
                               claims.contains("activationId") ? std::optional{string(claims.at("activationId"))}
                                                               : std::nullopt,
                               string(claims.at("challenge"))};
        const std::string expected = string(vector.at("input").at("requestClaimsText"));
        for (const auto dialect : {wire_style::android, wire_style::ios})
            BOOST_TEST(json::parse(write_key_claims(asked, dialect)) == claims);
        // Some vectors are written without any escapes, as no phone does it.
        if (expected.find('\\') != std::string::npos) {
            const auto dialect = expected.find("\\/") == std::string::npos ? wire_style::android : wire_style::ios;
            BOOST_TEST(write_key_claims(asked, dialect) == expected);
        }
    });
}

BOOST_AUTO_TEST_CASE(key_answers_are_verified_and_read)
{
    for_each_generated("generated-temporary-keys.json", [](const json& vector) {
        const json& claims = vector.at("input").at("responseClaims");
        const auto signer = public_key(vector.at("input").at("signingPublicKey"));
        const std::string opened = open_jwt_es256(string(vector.at("output").at("responseJwt")), signer);
        BOOST_TEST(json::parse(opened) == claims);
        key_claims asked{string(claims.at("applicationKey")),
                         claims.contains("activationId") ? std::optional{string(claims.at("activationId"))}
                                                         : std::nullopt,
                         string(claims.at("challenge"))};
        const auto answer = read_key_claims(opened, asked);
        BOOST_TEST(answer.key.id == string(claims.at("sub")));
        BOOST_TEST((answer.key.key->point() == public_key(claims.at("publicKey")).point()));
        BOOST_TEST(answer.key.expires_ms == claims.at("exp_ms").get<std::int64_t>());
        BOOST_TEST(answer.issued_ms == claims.at("iat_ms").get<std::int64_t>());
        asked.challenge += 'A';
        BOOST_CHECK_THROW(static_cast<void>(read_key_claims(opened, asked)), protocol_error);
    });
}

BOOST_AUTO_TEST_CASE(an_altered_key_answer_is_refused)
{
    for_each_generated("generated-temporary-keys.json", [](const json& vector) {
        const auto signer = public_key(vector.at("input").at("signingPublicKey"));
        const std::string jwt = string(vector.at("output").at("responseJwt"));
        const auto refused = [&](std::size_t at) {
            std::string altered = jwt;
            altered[at] = altered[at] == 'A' ? 'B' : 'A';
            BOOST_CHECK_THROW(static_cast<void>(open_jwt_es256(altered, signer)), protocol_error);
        };
        refused(jwt.find('.') + 6);   // claims
        refused(jwt.rfind('.') + 10); // signature
        BOOST_CHECK_THROW(static_cast<void>(open_jwt_es256(jwt.substr(0, jwt.rfind('.')), signer)), protocol_error);
        BOOST_CHECK_THROW(static_cast<void>(open_jwt_es256(string(vector.at("output").at("requestJwt")), signer)),
                          protocol_error);
    });
}

BOOST_AUTO_TEST_CASE(a_key_answer_must_say_what_it_is)
{
    const auto signer = crypto::p256_private_key::generate();
    const auto signer_public = crypto::p256_public_key::import(signer.point()).value();
    const auto opens = [&](std::string_view header) {
        const std::string signed_part =
            crypto::to_base64url(as_bytes(header)) + '.' + crypto::to_base64url(as_bytes("{}"));
        const std::string jwt = signed_part + '.' + crypto::to_base64url(signer.sign_raw(as_bytes(signed_part)));
        try {
            return open_jwt_es256(jwt, signer_public) == "{}";
        } catch (const protocol_error&) {
            return false;
        }
    };
    BOOST_TEST(opens(R"({"alg":"ES256","typ":"JWT"})"));
    BOOST_TEST(opens(R"({"typ":"JWT", "kid":"1", "alg":"ES256"})"));
    BOOST_TEST(!opens(R"({"alg":"HS256","typ":"JWT"})"));
    BOOST_TEST(!opens(R"({"alg":"ES256","typ":"JOSE"})"));
    BOOST_TEST(!opens(R"({"alg":"ES256"})"));
    BOOST_TEST(!opens("not JSON"));
}

BOOST_AUTO_TEST_CASE(both_encodings_of_a_key_answer_signature_are_genuine)
{
    for_each_generated("generated-temporary-keys.json", [](const json& vector) {
        const auto signer = public_key(vector.at("input").at("signingPublicKey"));
        const std::string jwt = string(vector.at("output").at("responseJwt"));
        const auto signed_part = jwt.substr(0, jwt.rfind('.'));
        const auto signature = crypto::from_base64url(jwt.substr(jwt.rfind('.') + 1)).value();
        BOOST_TEST_REQUIRE(signature.size() == 64U);
        BOOST_TEST(signer.verify_raw(as_bytes(signed_part), crypto::take<64>(signature)));
        BOOST_TEST(signer.verify_der(as_bytes(signed_part), raw(vector.at("output").at("responseSignatureDer"))));
    });
}

// --- tokens, vault, offline

BOOST_AUTO_TEST_CASE(token_digests_come_out_for_every_version)
{
    for_each_generated("generated-token-digest.json", [](const json& vector) {
        const json& input = vector.at("input");
        BOOST_TEST(base64(token_digest(rules(input.at("version")), key(input.at("tokenSecret")),
                                       block(input.at("nonce")), std::stoll(string(input.at("timestamp"))))) ==
                   string(vector.at("output").at("digest")));
    });
}

BOOST_AUTO_TEST_CASE(token_headers_are_written_byte_for_byte)
{
    for_each_generated("generated-token-digest.json", [](const json& vector) {
        const json& input = vector.at("input");
        BOOST_TEST(token_header(rules(input.at("version")), string(input.at("tokenId")), key(input.at("tokenSecret")),
                                block(input.at("nonce")),
                                std::stoll(string(input.at("timestamp")))) == string(vector.at("output").at("header")));
    });
}

BOOST_AUTO_TEST_CASE(the_vault_key_is_opened_with_the_transport_key)
{
    for_each_generated("generated-vault.json", [](const json& vector) {
        const auto keys = derive_keys(key(vector.at("input").at("masterSecret")));
        const json& output = vector.at("output");
        BOOST_TEST(base64(keys.transport) == string(output.at("transportKey")));
        BOOST_TEST(base64(keys.vault) == string(output.at("vaultKey")));
        const auto sealed = raw(output.at("encryptedVaultEncryptionKey"));
        BOOST_TEST(base64(open_vault_key(keys.transport, sealed)) == string(output.at("vaultKey")));
        BOOST_CHECK_THROW(static_cast<void>(open_vault_key(keys.transport, std::span{sealed}.first(16))),
                          protocol_error);
    });
}

BOOST_AUTO_TEST_CASE(offline_payloads_are_genuine_under_the_right_key_only)
{
    for_each_generated("generated-offline-signature.json", [](const json& vector) {
        const json& input = vector.at("input");
        const auto signer = public_key(input.at("signingPublicKey"));
        const auto stranger = crypto::p256_public_key::import(crypto::p256_private_key::generate().point()).value();
        const std::string payload = string(vector.at("output").at("offlineData"));
        const bool personal = input.at("personalized").get<bool>();
        const auto genuine = [&](std::string_view text) {
            return personal ? offline_payload_is_genuine(text, stranger, &signer)
                            : offline_payload_is_genuine(text, signer, &stranger);
        };
        BOOST_TEST(genuine(payload));
        BOOST_TEST(!genuine('x' + payload));
        BOOST_TEST(!genuine(payload.substr(0, payload.rfind('\n'))));
        BOOST_TEST(!(personal ? offline_payload_is_genuine(payload, signer, &stranger)
                              : offline_payload_is_genuine(payload, stranger, &signer)));
    });
}

BOOST_AUTO_TEST_CASE(offline_signatures_come_out_for_successive_counters)
{
    for_each_generated("generated-offline-signature.json", [](const json& vector) {
        const json& input = vector.at("input");
        const json& output = vector.at("output");
        const std::string data = signed_text("POST", string(input.at("uriId")), string(input.at("nonce")),
                                             string(input.at("body")), "offline");
        BOOST_TEST(data == string(output.at("signedText")));
        const auto keys = chain(type(input.at("signatureType")), derive_keys(key(input.at("masterSecret"))));
        const auto digits = static_cast<unsigned>(integer(input.at("componentLength")));
        auto ctr_data = block(output.at("signatures").at(0).at("ctrData"));
        for (const json& step : output.at("signatures")) {
            BOOST_TEST(base64(ctr_data) == string(step.at("ctrData")));
            BOOST_TEST(decimal_signature(keys, ctr_data, as_bytes(data), digits) == string(step.at("signature")));
            ctr_data = next_counter(ctr_data);
        }
    });
}

// --- known answers that the protocol document prints

BOOST_AUTO_TEST_CASE(three_factors_are_chained_as_printed)
{
    const auto filled = [](byte value) {
        block16 out;
        out.fill(value);
        return out;
    };
    const std::vector<key16> keys{key16{filled(0xa1)}, key16{filled(0xb2)}, key16{filled(0xc3)}};
    const std::string data =
        signed_text("post", "/pa/signature/validate", to_base64(block16{}), "{}", to_base64(block16{}));
    BOOST_TEST(data == "POST&L3BhL3NpZ25hdHVyZS92YWxpZGF0ZQ==&AAAAAAAAAAAAAAAAAAAAAA==&e30=&AAAAAAAAAAAAAAAAAAAAAA==");
    const std::span all{keys};
    BOOST_TEST(base64_signature(all.first(1), filled(0xcc), as_bytes(data)) == "6JhMIaWp1co3f7KfoFYOuA==");
    BOOST_TEST(base64_signature(all.first(2), filled(0xcc), as_bytes(data)) ==
               "6JhMIaWp1co3f7KfoFYOuFF3qNHQpzlKX6LmT33he1w=");
    BOOST_TEST(base64_signature(all, filled(0xcc), as_bytes(data)) ==
               "6JhMIaWp1co3f7KfoFYOuFF3qNHQpzlKX6LmT33he1wgcVtt9EmTD/zJRRz88Mru");
    BOOST_TEST(decimal_signature(all, filled(0xcc), as_bytes(data)) == "42510776-11929180-96155374");
}

BOOST_AUTO_TEST_CASE(sizes_are_written_before_parts_as_printed)
{
    BOOST_TEST(crypto::to_hex(sized({as_bytes("a"), {}, as_bytes(""), as_bytes("bcd")})) ==
               "0000000161000000000000000000000003626364");
}

// --- dialects

BOOST_AUTO_TEST_CASE(each_platform_escapes_what_it_is_known_for)
{
    const std::string_view text = R"({"a/b":"<p q='x=1&y'>\"/\""})";
    BOOST_TEST(in_dialect(text, wire_style::android) ==
               R"({"a/b":"\u003cp q\u003d\u0027x\u003d1\u0026y\u0027\u003e\"/\""})");
    BOOST_TEST(in_dialect(text, wire_style::ios) == R"({"a\/b":"<p q='x=1&y'>\"\/\""})");
    for (const auto dialect : {wire_style::android, wire_style::ios})
        BOOST_TEST(json::parse(in_dialect(text, dialect)) == json::parse(text));
}

BOOST_AUTO_TEST_CASE(encryption_headers_have_commas_on_one_platform_only)
{
    const auto header = [](wire_style of) {
        return encryption_header(rules_of(protocol_version::v3_2), "KEY", std::string{"ID"}, of);
    };
    BOOST_TEST(header(wire_style::android) == R"(PowerAuth version="3.2" application_key="KEY" activation_id="ID")");
    BOOST_TEST(header(wire_style::ios) == R"(PowerAuth version="3.2", application_key="KEY", activation_id="ID")");
}

// --- state

BOOST_AUTO_TEST_CASE(a_device_state_survives_its_text)
{
    device_state state;
    state.version = protocol_version::v3_1;
    state.pin_iterations = 7;
    state.clock_shift_ms = -4'000;
    BOOST_TEST(write_state(read_state(write_state(state))) == write_state(state));

    auto& kept = state.activation.emplace();
    kept.id = "2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11";
    kept.device_point.fill(2);
    kept.server_point = bytes(65, 4);
    kept.ctr_data.fill(9);
    kept.ctr_byte = std::uint8_t{255};
    kept.locked_device_private_key = bytes(48, 5);
    kept.tokens.emplace("b4c6a0f8-5a55-4b34-a0d3-6dd3f3f5a0c1", key16{kept.ctr_data});
    const std::string without_biometry = write_state(state);
    BOOST_TEST(write_state(read_state(without_biometry)) == without_biometry);
    kept.biometry_unlock = key16{kept.ctr_data};
    kept.locked_biometry = kept.ctr_data;
    kept.ctr_byte.reset();
    const std::string with_biometry = write_state(state);
    BOOST_TEST(with_biometry != without_biometry);
    BOOST_TEST(write_state(read_state(with_biometry)) == with_biometry);
}

BOOST_AUTO_TEST_CASE(a_wrong_pin_opens_another_key_without_an_error)
{
    const key16 knowledge{block16{1, 2, 3}};
    const block16 salt{4, 5, 6};
    const auto locked = lock_key(key_from_pin("1234", salt, 10), knowledge);
    BOOST_TEST(base64(unlock_key(key_from_pin("1234", salt, 10), locked)) == base64(knowledge));
    BOOST_TEST(base64(unlock_key(key_from_pin("1235", salt, 10), locked)) != base64(knowledge));
}

// Expected value from Python's hashlib.pbkdf2_hmac("sha1", ...).
BOOST_AUTO_TEST_CASE(the_pin_key_is_pbkdf2_with_hmac_sha1)
{
    const block16 salt{4, 5, 6};
    BOOST_TEST(base64(key_from_pin("1234", salt, 10)) == "WmirErUD6Sz0z23uE/ng2Q==");
}

BOOST_AUTO_TEST_SUITE_END()
