// The server's half of the device protocol against vectors that neither half computed, and its rules at their edges.
//
// generated-*.json lie in tests/vectors; the published ones are looked for beside the checkout and skipped without.

#include "tests/support.hpp"

#include "crypto/aes.hpp"
#include "crypto/encoding.hpp"
#include "crypto/kdf.hpp"
#include "handlers/jwt.hpp"
#include "handlers/power_auth_header.hpp"
#include "handlers/query.hpp"
#include "registry/activation_code.hpp"
#include "registry/application.hpp"
#include "registry/envelope.hpp"
#include "registry/keys.hpp"
#include "registry/status_blob.hpp"

namespace {

using namespace doorward;
using namespace doorward::registry;
using crypto::as_bytes;
using crypto::to_base64;
using tests::for_each_vector;
using tests::json;

const boost::unit_test::precondition needs_published_vectors{tests::published_vectors_are_here};

void for_each_generated(const char* name, const std::function<void(const json&)>& check)
{
    for_each_vector(tests::generated_vectors() / name, check);
}

void for_each_published(const char* name, const std::function<void(const json&)>& check)
{
    for_each_vector(tests::published_vectors() / name, check);
}

std::string string(const json& text)
{
    return text.get<std::string>();
}

crypto::bytes raw(const json& text)
{
    return crypto::from_base64(string(text)).value();
}

crypto::byte_array<16> block(const json& text)
{
    return crypto::from_base64_sized<16>(string(text)).value();
}

crypto::key16 key(const json& text)
{
    return crypto::key16{block(text)};
}

// The older files write numbers as text.
unsigned number(const json& value)
{
    return static_cast<unsigned>(value.is_string() ? std::stoul(string(value)) : value.get<unsigned long>());
}

crypto::p256_public_key public_key(const json& text)
{
    return crypto::p256_public_key::import(raw(text)).value();
}

crypto::p256_private_key private_key(const json& text)
{
    return crypto::p256_private_key::import(raw(text)).value();
}

protocol_version version(const json& text)
{
    return parse_version(string(text)).value();
}

// A master secret and the keys below it, as derive_keys() gets them; the vectors name the secret, not the key pair.
factor_keys factor_keys_of(const crypto::key16& master)
{
    return {crypto::kdf(master, key_index::possession), crypto::kdf(master, key_index::knowledge),
            crypto::kdf(master, key_index::biometry)};
}

proof_match::grade grade(const presented_proof& proof, const factor_keys& keys, const ctr_data& counter)
{
    return match(proof, keys, counter, 1).reached;
}

} // namespace

BOOST_AUTO_TEST_SUITE(protocol_proofs)

BOOST_AUTO_TEST_CASE(online_proofs_of_every_version_and_type_are_right)
{
    for_each_generated("generated-online-signature.json", [](const json& vector) {
        const json& input = vector.at("input");
        const std::string text = string(vector.at("output").at("header")); // what is read points into it
        const auto header = handlers::parse_authorization(text);
        BOOST_TEST_REQUIRE(header.has_value());
        BOOST_TEST(rules(header->version).text == string(input.at("version")));
        BOOST_TEST(header->activation_id.text() == string(input.at("activationId")));
        BOOST_TEST(header->application_key == string(input.at("applicationKey")));
        BOOST_TEST(header->nonce == string(input.at("nonce")));
        BOOST_TEST(to_text(header->type) == string(input.at("signatureType")));

        auto proof = parse_proof(header->version, header->type, header->signature);
        BOOST_TEST_REQUIRE(proof.has_value());
        proof->data = proof_data(string(input.at("method")), string(input.at("uriId")), header->nonce,
                                 raw(input.at("body")), string(input.at("applicationSecret")));
        BOOST_TEST(crypto::as_text(proof->data) == string(vector.at("output").at("signedText")));

        const auto keys = factor_keys_of(key(input.at("masterSecret")));
        const auto counter = block(input.at("ctrData"));
        BOOST_TEST((grade(*proof, keys, counter) == proof_match::grade::complete));
        BOOST_TEST((grade(*proof, keys, next_counter(counter)) == proof_match::grade::none));
        proof->data.back() ^= 1;
        BOOST_TEST((grade(*proof, keys, counter) != proof_match::grade::complete));
    });
}

BOOST_AUTO_TEST_CASE(the_first_component_of_a_proof_is_that_of_possession_alone)
{
    const tests::scratch_phone phone;
    const auto alone = phone.right(factors::possession, 0);
    for (const auto type :
         {factors::possession_knowledge, factors::possession_biometry, factors::possession_knowledge_biometry})
        BOOST_TEST(phone.right(type, 0).components[0] == alone.components[0], boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_printed_components_come_out)
{
    const tests::scratch_phone phone; // its keys are the printed ones
    crypto::byte_array<16> counter;
    counter.fill(0xCC);
    const auto data = proof_data("POST", "/pa/signature/validate", "AAAAAAAAAAAAAAAAAAAAAA==", as_bytes("{}"),
                                 "AAAAAAAAAAAAAAAAAAAAAA==");
    BOOST_TEST(crypto::as_text(data) ==
               "POST&L3BhL3NpZ25hdHVyZS92YWxpZGF0ZQ==&AAAAAAAAAAAAAAAAAAAAAA==&e30=&AAAAAAAAAAAAAAAAAAAAAA==");
    const auto components = proof_components(phone.keys, factors::possession_knowledge_biometry, counter, data);
    crypto::bytes online;
    for (const auto& each : components)
        crypto::append(online, crypto::bytes_view{each}.last(16));
    BOOST_TEST(to_base64(online) == "6JhMIaWp1co3f7KfoFYOuFF3qNHQpzlKX6LmT33he1wgcVtt9EmTD/zJRRz88Mru");
    const std::uint32_t digits[]{42510776, 11929180, 96155374};
    for (unsigned i = 0; i < 3; ++i)
        BOOST_TEST(decimal(components[i], 8) == digits[i]);
}

BOOST_AUTO_TEST_CASE(signed_data_without_a_body_keeps_its_place_empty)
{
    BOOST_TEST(crypto::as_text(proof_data("GET", "/x", "N", {}, "S")) == "GET&L3g=&N&&S");
}

BOOST_AUTO_TEST_CASE(the_published_proofs_are_right, *needs_published_vectors)
{
    for (const char* file : {"signatures-v3.json", "signatures-v31.json"})
        for_each_published(file, [&](const json& vector) {
            const json& input = vector.at("input");
            const auto type = parse_factors(string(input.at("signatureType"))).value();
            const bool digits = std::string_view{file} == "signatures-v3.json";
            auto proof = parse_proof(digits ? protocol_version::v3_0 : protocol_version::v3_1, type,
                                     string(vector.at("output").at("signature")));
            BOOST_TEST_REQUIRE(proof.has_value());
            proof->data = raw(input.at("data"));
            const factor_keys keys{key(input.at("signaturePossessionKey")), key(input.at("signatureKnowledgeKey")),
                                   key(input.at("signatureBiometryKey"))};
            BOOST_TEST((grade(*proof, keys, block(input.at("counterData"))) == proof_match::grade::complete));
        });
}

BOOST_AUTO_TEST_CASE(the_published_offline_digits_come_out, *needs_published_vectors)
{
    for_each_published("signatures-offline.json", [](const json& vector) {
        const json& input = vector.at("input");
        const auto type = parse_factors(string(input.at("signatureType"))).value();
        const factor_keys keys{key(input.at("signaturePossessionKey")), key(input.at("signatureKnowledgeKey")),
                               key(input.at("signatureBiometryKey"))};
        const auto digits = number(input.at("signatureComponentLength"));
        const auto components = proof_components(keys, type, block(input.at("counterData")), raw(input.at("data")));
        std::string text;
        for (unsigned i = 0; i < factor_count(type); ++i) {
            auto group = std::to_string(decimal(components[i], digits));
            group.insert(0, digits - group.size(), '0');
            text += (text.empty() ? "" : "-") + group;
        }
        BOOST_TEST(text == string(vector.at("output").at("signature")));
    });
}

BOOST_AUTO_TEST_CASE(the_form_of_a_proof_is_that_of_its_version)
{
    const std::string one = to_base64(crypto::bytes(16, 1));
    const std::string two = to_base64(crypto::bytes(32, 1));
    const std::string three = to_base64(crypto::bytes(48, 1));
    struct {
        std::string text;
        unsigned binary, digits; // components; 0: malformed
    } const rows[]{
        {one, 1, 0},
        {two, 2, 0},
        {three, 3, 0},
        {"12345678", 0, 1},
        {"12345678-87654321", 0, 2},
        {"12345678-87654321-00000000", 0, 3},
        {"12345678-87654321-00000000-11111111", 0, 0},
        {"", 0, 0},
        {"1234567", 0, 0},
        {"123456789", 0, 0},
        {"12345678-", 0, 0},
        {"-12345678", 0, 0},
        {"12345678 87654321", 0, 0},
        {"12345678-8765432a", 0, 0},
        {"+2345678", 0, 0},
        {to_base64(crypto::bytes(15, 1)), 0, 0},
        {to_base64(crypto::bytes(17, 1)), 0, 0},
        {to_base64(crypto::bytes(64, 1)), 0, 0},
        {one.substr(0, 22), 0, 0}, // without its padding
        {one + "\n", 0, 0},
    };
    for (const auto& row : rows)
        for (const auto in :
             {protocol_version::v3_0, protocol_version::v3_1, protocol_version::v3_2, protocol_version::v3_3})
            BOOST_TEST_CONTEXT("'" << row.text << "' in " << rules(in).text)
            {
                const auto proof = parse_proof(in, factors::possession_knowledge, row.text);
                const unsigned wanted = in == protocol_version::v3_0 ? row.digits : row.binary;
                BOOST_TEST_REQUIRE(proof.has_value() == (wanted > 0));
                if (proof)
                    BOOST_TEST(proof->component_count == wanted);
            }
}

BOOST_AUTO_TEST_CASE(digits_keep_their_leading_zeros_and_values)
{
    const auto proof = parse_proof(protocol_version::v3_0, factors::possession_knowledge, "00000007-99999999");
    BOOST_TEST_REQUIRE(proof.has_value());
    BOOST_TEST(proof->digits[0] == 7U);
    BOOST_TEST(proof->digits[1] == 99'999'999U);
    BOOST_TEST(proof->possession_guessable());
}

BOOST_AUTO_TEST_CASE(types_are_read_in_any_case)
{
    for (const auto type : {factors::possession, factors::knowledge, factors::biometry, factors::possession_knowledge,
                            factors::possession_biometry, factors::possession_knowledge_biometry}) {
        std::string upper{to_text(type)};
        BOOST_TEST((parse_factors(upper) == type));
        std::ranges::transform(upper, upper.begin(),
                               [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c; });
        BOOST_TEST((parse_factors(upper) == type));
    }
    for (const char* text : {"", "possession_", "knowledge_possession", "possession knowledge", "pin"})
        BOOST_TEST(!parse_factors(text).has_value());
}

BOOST_AUTO_TEST_CASE(the_counter_follows_its_chain)
{
    for_each_generated("generated-counter.json", [](const json& vector) {
        counter_place place{0, block(vector.at("input").at("ctrData"))};
        for (const json& step : vector.at("output").at("chain")) {
            const auto there = place.forward(step.at("position").get<std::uint64_t>());
            BOOST_TEST(to_base64(there.data) == string(step.at("ctrData")));
        }
    });
}

BOOST_AUTO_TEST_CASE(the_printed_step_of_the_counter_comes_out)
{
    BOOST_TEST(crypto::to_hex(next_counter({})) == "582a34081b40e7eeb2fde2defd80e593");
}

BOOST_AUTO_TEST_CASE(a_query_has_the_canonical_form_of_the_vectors)
{
    for_each_generated("generated-canonical-query.json", [](const json& vector) {
        handlers::query_parameters parameters;
        for (const json& pair : vector.at("input").at("parameters"))
            parameters.emplace_back(string(pair.at(0)), string(pair.at(1)));
        const std::string expected = string(vector.at("output").at("canonical"));
        std::ranges::sort(parameters);
        do {
            BOOST_TEST_REQUIRE(handlers::canonical_query(parameters) == expected);
        } while (std::ranges::next_permutation(parameters).found);
        BOOST_TEST(handlers::canonical_query(expected).value_or("?") == expected);
    });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(protocol_keys)

BOOST_AUTO_TEST_CASE(both_sides_of_an_activation_derive_the_same_keys)
{
    for_each_generated("generated-activation-exchange.json", [](const json& vector) {
        const json& input = vector.at("input");
        const json& output = vector.at("output");
        const auto device = private_key(input.at("devicePrivateKey"));
        const auto keys = derive_keys(private_key(input.at("serverPrivateKey")),
                                      crypto::p256_public_key::import(device.point()).value());
        BOOST_TEST(to_base64(keys.factors.possession) == string(output.at("possessionKey")));
        BOOST_TEST(to_base64(keys.factors.knowledge) == string(output.at("knowledgeKey")));
        BOOST_TEST(to_base64(keys.factors.biometry) == string(output.at("biometryKey")));
        BOOST_TEST(to_base64(keys.transport) == string(output.at("transportKey")));
        BOOST_TEST(to_base64(keys.vault) == string(output.at("vaultKey")));
        BOOST_TEST(fingerprint(device.point(), uuid::parse(string(input.at("activationId"))).value(),
                               public_key(input.at("serverPublicKey")).point()) == string(output.at("fingerprint")));
    });
}

BOOST_AUTO_TEST_CASE(the_published_master_secret_comes_out, *needs_published_vectors)
{
    for_each_published("compute-master-secret-key.json", [](const json& vector) {
        const json& input = vector.at("input");
        const auto agreed = private_key(input.at("serverPrivateKey")).agree(public_key(input.at("devicePublicKey")));
        BOOST_TEST(to_base64(crypto::fold(agreed.view().first<32>())) ==
                   string(vector.at("output").at("masterSecretKey")));
    });
}

BOOST_AUTO_TEST_CASE(the_published_keys_come_out, *needs_published_vectors)
{
    for_each_published("compute-derived-keys.json", [](const json& vector) {
        const auto master = key(vector.at("input").at("masterSecretKey"));
        const json& output = vector.at("output");
        const auto keys = factor_keys_of(master);
        BOOST_TEST(to_base64(keys.possession) == string(output.at("signaturePossessionKey")));
        BOOST_TEST(to_base64(keys.knowledge) == string(output.at("signatureKnowledgeKey")));
        BOOST_TEST(to_base64(keys.biometry) == string(output.at("signatureBiometryKey")));
        BOOST_TEST(to_base64(crypto::kdf(master, key_index::transport)) == string(output.at("transportKey")));
        BOOST_TEST(to_base64(crypto::kdf(master, key_index::vault)) == string(output.at("vaultEncryptionKey")));
    });
}

BOOST_AUTO_TEST_CASE(fingerprints_come_out_with_short_coordinates_too)
{
    for_each_generated("generated-fingerprint-short-x.json", [](const json& vector) {
        const json& input = vector.at("input");
        BOOST_TEST(fingerprint(public_key(input.at("devicePublicKey")).point(),
                               uuid::parse(string(input.at("activationId"))).value(),
                               public_key(input.at("serverPublicKey")).point()) ==
                   string(vector.at("output").at("fingerprint")));
    });
}

BOOST_AUTO_TEST_CASE(the_published_fingerprints_come_out, *needs_published_vectors)
{
    for_each_published("public-key-fingerprint-v3.json", [](const json& vector) {
        const json& input = vector.at("input");
        const json& output = vector.at("output");
        BOOST_TEST(fingerprint(public_key(input.at("devicePublicKey")).point(),
                               uuid::parse(string(output.at("activationId"))).value(),
                               public_key(input.at("serverPublicKey")).point()) == string(output.at("fingerprint")));
    });
}

BOOST_AUTO_TEST_CASE(activation_codes_are_those_of_the_vectors)
{
    for_each_generated("generated-activation-code.json", [](const json& vector) {
        const bool valid = vector.at("output").at("valid").get<bool>();
        BOOST_TEST(is_activation_code(string(vector.at(valid ? "output" : "input").at("activationCode"))) == valid);
        if (!valid)
            return;
        const auto random = raw(vector.at("input").at("randomBytes"));
        BOOST_TEST(crc16_arc(random) == number(vector.at("output").at("crc16")));
        BOOST_TEST(activation_code(std::span{random}.first<10>()) == string(vector.at("output").at("activationCode")));
    });
}

BOOST_AUTO_TEST_CASE(the_sdk_configuration_is_that_of_the_vectors)
{
    for_each_generated("generated-sdk-config.json", [](const json& vector) {
        const json& input = vector.at("input");
        BOOST_TEST(sdk_config(string(input.at("applicationKey")), string(input.at("applicationSecret")),
                              raw(input.at("masterPublicKey"))) == string(vector.at("output").at("mobileSdkConfig")));
    });
}

BOOST_AUTO_TEST_CASE(keys_come_back_from_their_sealed_form_for_their_owner_only)
{
    const tests::scratch_store store;
    const auto server = crypto::p256_private_key::generate();
    const auto device = crypto::p256_private_key::generate();
    const auto keys = derive_keys(server, crypto::p256_public_key::import(device.point()).value());
    const auto owner = uuid::random();
    const auto sealed = seal_keys(store.sealer, owner, keys);
    const auto opened = open_keys(store.sealer, owner, sealed);
    BOOST_TEST_REQUIRE(opened.has_value());
    BOOST_TEST(to_base64(opened->factors.possession) == to_base64(keys.factors.possession));
    BOOST_TEST(to_base64(opened->factors.knowledge) == to_base64(keys.factors.knowledge));
    BOOST_TEST(to_base64(opened->factors.biometry) == to_base64(keys.factors.biometry));
    BOOST_TEST(to_base64(opened->transport) == to_base64(keys.transport));
    BOOST_TEST(to_base64(opened->vault) == to_base64(keys.vault));
    BOOST_TEST(!open_keys(store.sealer, uuid::random(), sealed).has_value());
}

BOOST_AUTO_TEST_CASE(private_keys_come_back_for_their_place_only)
{
    const tests::scratch_store store;
    const auto key = crypto::p256_private_key::generate();
    const auto sealed = seal_private_key(store.sealer, "keys", as_bytes("owner"), key);
    BOOST_TEST(open_private_key(store.sealer, "keys", as_bytes("owner"), sealed, key.point()).has_value());
    BOOST_TEST(!open_private_key(store.sealer, "keys", as_bytes("other"), sealed, key.point()).has_value());
    BOOST_TEST(!open_private_key(store.sealer, "applications", as_bytes("owner"), sealed, key.point()).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(protocol_points)

BOOST_AUTO_TEST_CASE(a_point_is_taken_compressed_and_uncompressed_alike)
{
    for (int i = 0; i < 20; ++i) {
        const auto key = crypto::p256_private_key::generate();
        const auto whole = crypto::p256_public_key::import(key.point());
        BOOST_TEST_REQUIRE(whole.has_value());
        const auto shortened = crypto::p256_public_key::import(whole->compressed());
        BOOST_TEST_REQUIRE(shortened.has_value());
        BOOST_TEST((shortened->point() == key.point()));
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_point_of_the_curve_is_refused)
{
    const auto good = crypto::p256_private_key::generate().point();
    const auto imports = [](crypto::bytes_view data) { return crypto::p256_public_key::import(data).has_value(); };

    auto off_curve = good;
    off_curve[64] ^= 1;
    BOOST_TEST(!imports(off_curve));

    crypto::bytes hybrid{good.begin(), good.end()};
    hybrid[0] = static_cast<crypto::byte>(6 + (good[64] & 1));
    BOOST_TEST(!imports(hybrid));

    const crypto::byte infinity[]{0};
    BOOST_TEST(!imports(infinity));
    BOOST_TEST(!imports({}));
    BOOST_TEST(!imports(crypto::bytes_view{good}.first(64)));
    BOOST_TEST(!imports(crypto::bytes(65, 0)));
    BOOST_TEST(!imports(crypto::bytes(33, 0)));

    crypto::bytes zero_uncompressed(65, 0);
    zero_uncompressed[0] = 4;
    BOOST_TEST(!imports(zero_uncompressed));

    crypto::bytes too_large(33, 0xFF); // x beyond the field
    too_large[0] = 2;
    BOOST_TEST(!imports(too_large));

    crypto::bytes wrong_head{good.begin(), good.begin() + 33};
    wrong_head[0] = 4;
    BOOST_TEST(!imports(wrong_head));
}

// About half of all x have no y.
BOOST_AUTO_TEST_CASE(a_compressed_point_without_a_y_is_refused)
{
    unsigned refused = 0;
    for (unsigned x = 1; x <= 64; ++x) {
        crypto::bytes point(33, 0);
        point[0] = 2;
        point[32] = static_cast<crypto::byte>(x);
        refused += crypto::p256_public_key::import(point) ? 0U : 1U;
    }
    BOOST_TEST(refused > 10U);
    BOOST_TEST(refused < 54U);
}

BOOST_AUTO_TEST_CASE(a_private_key_is_taken_with_leading_zeros_as_java_writes_it)
{
    const auto key = crypto::p256_private_key::generate();
    crypto::bytes longer{0};
    crypto::append(longer, key.scalar());
    const auto imported = crypto::p256_private_key::import(longer);
    BOOST_TEST_REQUIRE(imported.has_value());
    BOOST_TEST((imported->point() == key.point()));
    longer[0] = 1;
    BOOST_TEST(!crypto::p256_private_key::import(longer).has_value());
    BOOST_TEST(!crypto::p256_private_key::import(crypto::bytes(32, 0)).has_value());
    BOOST_TEST(!crypto::p256_private_key::import(crypto::bytes(32, 0xFF)).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

// --- envelopes

namespace {

std::optional<std::string> string_or_none(const json& from, const char* member)
{
    return from.contains(member) && !from.at(member).is_null() ? std::optional{string(from.at(member))} : std::nullopt;
}

envelope_request request_in(const json& document)
{
    envelope_request out;
    out.temporary_key_id = string_or_none(document, "temporaryKeyId");
    out.ephemeral_key = raw(document.at("ephemeralPublicKey"));
    out.data = raw(document.at("encryptedData"));
    out.mac = crypto::take<32>(raw(document.at("mac")));
    if (const auto nonce = string_or_none(document, "nonce"))
        out.nonce = block(*nonce);
    if (document.contains("timestamp") && !document.at("timestamp").is_null())
        out.timestamp = document.at("timestamp").get<time_ms>();
    return out;
}

// Everything beside the envelope, kept alive.
struct surroundings {
    explicit surroundings(const json& input)
        : recipient{std::make_shared<crypto::p256_private_key>(private_key(input.at("serverPrivateKey")))},
          use{string(input.at("sharedInfo1"))},
          application_key{string(input.at("applicationKey"))},
          secret{string(input.at("applicationSecret"))},
          activation_id{string_or_none(input, "activationId")},
          which{version(input.at("version"))}
    {
        if (!input.at("transportKey").is_null())
            transport = key(input.at("transportKey"));
    }

    [[nodiscard]] envelope_context context() const
    {
        return {which,
                use,
                application_key,
                secret,
                activation_id ? std::optional<std::string_view>{*activation_id} : std::nullopt,
                transport ? &*transport : nullptr};
    }
    [[nodiscard]] bool opens(const envelope_request& request) const
    {
        return open_envelope(request, *recipient, context()).has_value();
    }

    std::shared_ptr<const crypto::p256_private_key> recipient;
    std::string use;
    std::string application_key;
    std::string secret;
    std::optional<std::string> activation_id;
    std::optional<crypto::key16> transport;
    protocol_version which;
};

void for_each_envelope(const std::function<void(const json&)>& check)
{
    for_each_generated("generated-ecies.json", check);
}

// Opens a response as its phone would, from the formulas alone.
std::optional<crypto::bytes> open_response(const surroundings& around, const json& vector,
                                           const envelope_response& response)
{
    const auto& which = rules(around.which);
    const json& middle = vector.at("intermediate");
    const auto keys = raw(middle.at("envelopeKey"));
    const crypto::bytes_view all{keys};
    const auto request_nonce = string_or_none(vector.at("input"), "requestNonce");
    const auto nonce = response.nonce  ? response.nonce
                       : request_nonce ? std::optional{block(*request_nonce)}
                                       : std::nullopt;
    crypto::bytes suffix = raw(middle.at("sharedInfo2Base"));
    if (which.envelope_time)
        suffix = sized({raw(middle.at("sharedInfo2Base")),
                        *nonce,
                        crypto::big_endian(static_cast<std::uint64_t>(*response.timestamp)),
                        {},
                        raw(middle.at("associatedData"))});
    if (crypto::hmac_sha256(all.subspan(16, 16), {response.data, suffix}) != response.mac)
        return std::nullopt;
    const auto iv = nonce ? crypto::take<16>(crypto::kdf_internal(all.last(16), *nonce)) : crypto::byte_array<16>{};
    return crypto::aes_cbc_open(all.first(16), iv, response.data);
}

} // namespace

BOOST_AUTO_TEST_SUITE(protocol_envelopes)

BOOST_AUTO_TEST_CASE(envelopes_of_every_version_and_scope_open)
{
    for_each_envelope([](const json& vector) {
        const surroundings around{vector.at("input")};
        const auto request = request_in(vector.at("output").at("request"));
        BOOST_TEST(!check_form(request, around.which));
        const auto opened = open_envelope(request, *around.recipient, around.context());
        BOOST_TEST_REQUIRE(opened.has_value());
        BOOST_TEST(to_base64(opened->plaintext()) == string(vector.at("input").at("requestPlaintext")));
    });
}

BOOST_AUTO_TEST_CASE(a_response_opens_for_the_phone_that_asked)
{
    for_each_envelope([](const json& vector) {
        const surroundings around{vector.at("input")};
        const auto opened =
            open_envelope(request_in(vector.at("output").at("request")), *around.recipient, around.context());
        BOOST_TEST_REQUIRE(opened.has_value());
        const auto response = opened->seal(as_bytes("an answer"), 1'700'000'000'123);
        BOOST_TEST(response.nonce.has_value() == rules(around.which).envelope_time);
        BOOST_TEST(response.timestamp.has_value() == rules(around.which).envelope_time);
        if (response.timestamp)
            BOOST_TEST(*response.timestamp == 1'700'000'000'123);
        const auto plain = open_response(around, vector, response);
        BOOST_TEST_REQUIRE(plain.has_value());
        BOOST_TEST(crypto::as_text(*plain) == "an answer");
    });
}

BOOST_AUTO_TEST_CASE(a_response_may_be_empty_and_has_a_nonce_of_its_own)
{
    for_each_envelope([](const json& vector) {
        const surroundings around{vector.at("input")};
        const auto opened =
            open_envelope(request_in(vector.at("output").at("request")), *around.recipient, around.context());
        BOOST_TEST_REQUIRE(opened.has_value());
        const auto first = opened->seal({}, 5);
        const auto second = opened->seal({}, 5);
        BOOST_TEST(first.data.size() == 16U);
        if (first.nonce) {
            BOOST_TEST((first.nonce != second.nonce));
            BOOST_TEST((first.nonce != request_in(vector.at("output").at("request")).nonce));
        }
    });
}

BOOST_AUTO_TEST_CASE(one_flipped_bit_anywhere_keeps_an_envelope_closed)
{
    for_each_envelope([](const json& vector) {
        const surroundings around{vector.at("input")};
        const auto good = request_in(vector.at("output").at("request"));
        for (std::size_t bit = 0; bit < 256; bit += 17) {
            auto request = good;
            request.mac[bit / 8] ^= static_cast<crypto::byte>(1U << bit % 8);
            BOOST_TEST(!around.opens(request));
        }
        for (std::size_t at = 0; at < good.data.size(); at += 5) {
            auto request = good;
            request.data[at] ^= 0x10;
            BOOST_TEST(!around.opens(request));
        }
        if (good.nonce) {
            // Until 3.1 the MAC does not cover the nonce; the plaintext comes out garbled.
            auto request = good;
            (*request.nonce)[7] ^= 1;
            const auto opened = open_envelope(request, *around.recipient, around.context());
            BOOST_TEST(
                (!opened || to_base64(opened->plaintext()) != string(vector.at("input").at("requestPlaintext"))));
            if (rules(around.which).envelope_time)
                BOOST_TEST(!opened.has_value());
        }
        if (good.timestamp) {
            auto request = good;
            ++*request.timestamp;
            BOOST_TEST(!around.opens(request));
        }
        if (good.temporary_key_id) {
            auto request = good;
            request.temporary_key_id->back() = request.temporary_key_id->back() == '0' ? '1' : '0';
            BOOST_TEST(!around.opens(request));
        }
    });
}

BOOST_AUTO_TEST_CASE(an_envelope_opens_only_where_it_belongs)
{
    for_each_envelope([](const json& vector) {
        const auto request = request_in(vector.at("output").at("request"));
        const surroundings good{vector.at("input")};
        {
            auto around = good;
            around.secret = "AAAAAAAAAAAAAAAAAAAAAA==";
            BOOST_TEST(!around.opens(request));
        }
        {
            auto around = good;
            around.use = "/pa/other";
            BOOST_TEST(!around.opens(request));
        }
        {
            auto around = good;
            around.recipient = std::make_shared<crypto::p256_private_key>(crypto::p256_private_key::generate());
            BOOST_TEST(!around.opens(request));
        }
        if (rules(good.which).envelope_time) {
            auto around = good;
            around.application_key = "AAAAAAAAAAAAAAAAAAAAAA==";
            BOOST_TEST(!around.opens(request));
        }
        if (good.transport) {
            auto around = good;
            around.transport = crypto::key16{};
            BOOST_TEST(!around.opens(request));
            around = good;
            around.transport.reset(); // as if it were of the application
            around.activation_id.reset();
            BOOST_TEST(!around.opens(request));
        }
        if (good.activation_id && rules(good.which).envelope_time) {
            auto around = good;
            around.activation_id->back() = around.activation_id->back() == '0' ? '1' : '0';
            BOOST_TEST(!around.opens(request));
        }
    });
}

// 33 and 65 bytes of one point are two different envelopes: the bytes count as they travelled.
BOOST_AUTO_TEST_CASE(the_ephemeral_point_counts_as_it_was_sent)
{
    for_each_envelope([](const json& vector) {
        const surroundings around{vector.at("input")};
        auto request = request_in(vector.at("output").at("request"));
        const auto point = crypto::p256_public_key::import(request.ephemeral_key).value();
        const auto other = point.compressed();
        if (request.ephemeral_key.size() == 33)
            request.ephemeral_key.assign(point.point().begin(), point.point().end());
        else
            request.ephemeral_key.assign(other.begin(), other.end());
        BOOST_TEST(!around.opens(request));
    });
}

BOOST_AUTO_TEST_CASE(an_ephemeral_key_off_the_curve_is_malformed)
{
    for_each_envelope([](const json& vector) {
        const surroundings around{vector.at("input")};
        auto request = request_in(vector.at("output").at("request"));
        request.ephemeral_key.assign(65, 1);
        request.ephemeral_key[0] = 4;
        BOOST_TEST((open_envelope(request, *around.recipient, around.context()).error() == errc::envelope_malformed));
    });
}

BOOST_AUTO_TEST_CASE(each_version_has_exactly_its_own_members)
{
    for (const auto which :
         {protocol_version::v3_0, protocol_version::v3_1, protocol_version::v3_2, protocol_version::v3_3})
        for (unsigned mask = 0; mask < 8; ++mask)
            BOOST_TEST_CONTEXT(rules(which).text << ", members " << mask)
            {
                envelope_request request;
                request.ephemeral_key.assign(33, 2);
                request.data.assign(16, 0);
                request.mac.fill(0);
                if ((mask & 1) != 0)
                    request.nonce = crypto::byte_array<16>{};
                if ((mask & 2) != 0)
                    request.timestamp = 0;
                if ((mask & 4) != 0)
                    request.temporary_key_id = "2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11";
                const unsigned wanted = static_cast<unsigned>(which); // 3.0: none, each version one more
                BOOST_TEST(!check_form(request, which) == (mask == (1U << wanted) - 1));
            }
}

BOOST_AUTO_TEST_CASE(the_sizes_of_an_envelope_are_checked)
{
    envelope_request good;
    good.ephemeral_key.assign(33, 2);
    good.data.assign(16, 0);
    BOOST_TEST(!check_form(good, protocol_version::v3_0));
    for (const std::size_t size : {0U, 1U, 32U, 34U, 64U, 66U}) {
        auto request = good;
        request.ephemeral_key.assign(size, 2);
        BOOST_TEST((check_form(request, protocol_version::v3_0) == errc::envelope_malformed));
    }
    for (const std::size_t size : {0U, 1U, 15U, 17U, 31U}) {
        auto request = good;
        request.data.assign(size, 0);
        BOOST_TEST((check_form(request, protocol_version::v3_0) == errc::envelope_malformed));
    }
    auto early = good;
    early.nonce = crypto::byte_array<16>{};
    early.timestamp = -1;
    BOOST_TEST((check_form(early, protocol_version::v3_2) == errc::envelope_malformed));
}

BOOST_AUTO_TEST_CASE(the_time_window_ends_at_a_minute_in_both_directions)
{
    constexpr time_ms now = 1'700'000'000'000;
    for (const auto which : {protocol_version::v3_2, protocol_version::v3_3}) {
        const auto fits = [&](time_ms sent) {
            envelope_request request;
            request.timestamp = sent;
            return !check_time(request, which, now);
        };
        BOOST_TEST(fits(now));
        BOOST_TEST(fits(now - 60'000));
        BOOST_TEST(fits(now + 60'000));
        BOOST_TEST(!fits(now - 60'001));
        BOOST_TEST(!fits(now + 60'001));
        BOOST_TEST(!fits(0));
        BOOST_TEST(!fits(std::numeric_limits<time_ms>::max()));
    }
    for (const auto which : {protocol_version::v3_0, protocol_version::v3_1})
        BOOST_TEST(!check_time(envelope_request{}, which, now));
}

BOOST_AUTO_TEST_CASE(replays_are_told_by_key_nonce_and_activation)
{
    envelope_request request;
    request.ephemeral_key.assign(33, 2);
    request.nonce = crypto::byte_array<16>{};
    for (const auto which : {protocol_version::v3_1, protocol_version::v3_2, protocol_version::v3_3})
        BOOST_TEST_CONTEXT(rules(which).text)
        {
            const auto mark = replay_mark(request, which, std::nullopt);
            {
                auto other = request;
                other.data.assign(16, 1);
                other.timestamp = 5;
                BOOST_TEST((replay_mark(other, which, std::nullopt) == mark));
            }
            {
                auto other = request;
                other.ephemeral_key.back() ^= 1;
                BOOST_TEST((replay_mark(other, which, std::nullopt) != mark));
            }
            {
                // Where the MAC does not cover the nonce, another one makes no other envelope.
                auto other = request;
                other.nonce->back() ^= 1;
                BOOST_TEST((replay_mark(other, which, std::nullopt) != mark) == rules(which).envelope_time);
            }
            BOOST_TEST((replay_mark(request, which, "2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11") != mark));
        }
    request.nonce.reset();
    BOOST_TEST((replay_mark(request, protocol_version::v3_0, std::nullopt) ==
                replay_mark(request, protocol_version::v3_0, std::nullopt)));
}

BOOST_AUTO_TEST_CASE(an_envelope_is_remembered_for_the_whole_window_around_its_timestamp)
{
    constexpr time_ms now = 1'700'000'000'000;
    envelope_request request;
    BOOST_TEST(remember_until(request, now) == now + 2 * 60 * 60 * 1000);
    request.timestamp = now + 60'000; // as far ahead as it may be
    BOOST_TEST(remember_until(request, now) == now + 180'000);
    BOOST_TEST(remember_until(request, now) > *request.timestamp + envelope_window_ms);
}

BOOST_AUTO_TEST_CASE(sizes_stand_before_their_pieces_as_printed)
{
    BOOST_TEST(crypto::to_hex(sized({as_bytes("a"), {}, as_bytes(""), as_bytes("bcd")})) ==
               "0000000161000000000000000000000003626364");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(protocol_status)

namespace {

status_content content_in(const json& input)
{
    return {static_cast<crypto::byte>(number(input.at("state"))),
            input.at("counter").get<std::uint64_t>(),
            static_cast<crypto::byte>(number(input.at("failedAttempts"))),
            static_cast<crypto::byte>(number(input.at("maxFailedAttempts"))),
            static_cast<crypto::byte>(number(input.at("lookAhead"))),
            block(input.at("ctrData"))};
}

} // namespace

BOOST_AUTO_TEST_CASE(the_status_blob_is_that_of_the_vectors)
{
    for_each_generated("generated-status-blob.json", [](const json& vector) {
        const json& input = vector.at("input");
        if (input.at("challenge").is_null())
            return;
        const auto expected = raw(input.at("plaintext"));
        const auto transport = key(input.at("transportKey"));
        const auto plain = detail::status_plaintext(content_in(input), transport,
                                                    std::span<const crypto::byte, 5>{expected.data() + 7, 5});
        BOOST_TEST(plain == expected, boost::test_tools::per_element());
        const auto iv = detail::status_iv(transport, block(input.at("challenge")), block(input.at("nonce")));
        BOOST_TEST(to_base64(iv) == string(vector.at("intermediate").at("iv")));
        BOOST_TEST(to_base64(crypto::aes_cbc_raw_encrypt(transport, iv, plain)) ==
                   string(vector.at("output").at("encryptedStatusBlob")));
    });
}

BOOST_AUTO_TEST_CASE(a_status_blob_opens_on_the_phone)
{
    for_each_generated("generated-status-blob.json", [](const json& vector) {
        const json& input = vector.at("input");
        const auto transport = key(input.at("transportKey"));
        const auto content = content_in(input);
        const crypto::byte_array<16> challenge{1};
        const crypto::byte_array<16> nonce{2};
        const auto blob =
            bench::open_status_blob(status_blob(content, transport, challenge, nonce), transport, challenge, nonce);
        BOOST_TEST(blob.state == content.state);
        BOOST_TEST(blob.counter_byte == (content.position & 0xFF));
        BOOST_TEST(blob.failed_attempts == content.failed_attempts);
        BOOST_TEST(blob.failed_attempts_max == content.max_failed_attempts);
        BOOST_TEST(blob.look_ahead == content.look_ahead);
        BOOST_TEST((blob.counter_hash == bench::counter_hash(transport, content.counter)));
        const auto old = bench::open_status_blob(status_blob_without_challenge(content, transport), transport,
                                                 std::nullopt, std::nullopt);
        BOOST_TEST(old.state == content.state);
        BOOST_TEST(old.failed_attempts == content.failed_attempts);
        BOOST_TEST(old.failed_attempts_max == content.max_failed_attempts);
    });
}

// Under the constant vector of 3.0 equal plaintexts would give equal first blocks.
BOOST_AUTO_TEST_CASE(blobs_of_one_state_never_look_alike)
{
    const status_content content{3, 7, 0, 5, 20, {}};
    const crypto::key16 transport{crypto::byte_array<16>{1}};
    BOOST_TEST(
        (status_blob_without_challenge(content, transport) != status_blob_without_challenge(content, transport)));
    BOOST_TEST((status_blob(content, transport, crypto::byte_array<16>{}, crypto::byte_array<16>{}) !=
                status_blob(content, transport, crypto::byte_array<16>{}, crypto::byte_array<16>{})));
}

BOOST_AUTO_TEST_CASE(the_published_status_blobs_come_out, *needs_published_vectors)
{
    for_each_published("activation-status-blob-data.json", [](const json& vector) {
        const json& input = vector.at("input");
        const auto transport = key(input.at("transportKey"));
        const auto iv = detail::status_iv(transport, block(input.at("challenge")), block(input.at("nonce")));
        const auto plain = crypto::aes_cbc_raw_decrypt(transport, iv, raw(input.at("encryptedStatusBlob")));
        // Written again from its own fields it is the same, but for the counter that the phone of the vector lags by.
        const json& output = vector.at("output");
        const auto again = detail::status_plaintext(
            {static_cast<crypto::byte>(number(output.at("activationStatus"))), number(output.at("ctrByte")),
             static_cast<crypto::byte>(number(output.at("failedAttempts"))),
             static_cast<crypto::byte>(number(output.at("maxFailedAttempts"))),
             static_cast<crypto::byte>(number(output.at("ctrLookAhead"))), block(input.at("ctrData"))},
            transport, std::span<const crypto::byte, 5>{plain.data() + 7, 5});
        for (const std::size_t at : {0U, 1U, 2U, 4U, 12U, 13U, 14U, 15U})
            BOOST_TEST(again[at] == plain[at]);
    });
}

BOOST_AUTO_TEST_CASE(the_published_vectors_of_the_blob_come_out, *needs_published_vectors)
{
    for_each_published("activation-status-blob-iv.json", [](const json& vector) {
        const json& input = vector.at("input");
        BOOST_TEST(to_base64(detail::status_iv(key(input.at("transportKey")), block(input.at("challenge")),
                                               block(input.at("nonce")))) == string(vector.at("output").at("iv")));
    });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(protocol_key_requests)

BOOST_AUTO_TEST_CASE(key_requests_of_phones_are_genuine_under_their_key_only)
{
    for_each_generated("generated-temporary-keys.json", [](const json& vector) {
        const json& input = vector.at("input");
        const auto secret = crypto::from_base64_sized<16>(string(input.at("applicationSecret"))).value();
        const auto request_key = input.at("transportKey").is_null()
                                     ? crypto::key16{secret}
                                     : crypto::kdf_internal(key(input.at("transportKey")), secret);
        BOOST_TEST(to_base64(request_key) == string(vector.at("output").at("requestKey")));
        const std::string text = string(vector.at("output").at("requestJwt"));
        const auto token = handlers::split(text);
        BOOST_TEST_REQUIRE(token.has_value());
        BOOST_TEST(token->header == R"({"alg":"HS256","typ":"JWT"})");
        BOOST_TEST(token->payload == string(input.at("requestClaimsText")));
        BOOST_TEST(handlers::verify_hs256(*token, request_key));
        BOOST_TEST(!handlers::verify_hs256(*token, crypto::key16{}));
        auto altered = *token;
        altered.signature.back() ^= 1;
        BOOST_TEST(!handlers::verify_hs256(altered, request_key));
        altered.signature.pop_back();
        BOOST_TEST(!handlers::verify_hs256(altered, request_key));
        altered.signature.clear();
        BOOST_TEST(!handlers::verify_hs256(altered, request_key));
    });
}

BOOST_AUTO_TEST_CASE(key_answers_are_genuine_for_the_phone)
{
    const auto signer = crypto::p256_private_key::generate();
    const auto signer_public = crypto::p256_public_key::import(signer.point()).value();
    const std::string claims = R"({"sub":"x","exp_ms":1})";
    for (int i = 0; i < 20; ++i) // r and s with leading zeros among them, sooner or later
        BOOST_TEST(bench::open_jwt_es256(handlers::sign_es256(claims, signer), signer_public) == claims);
}

BOOST_AUTO_TEST_CASE(the_signatures_of_key_answers_verify_in_both_encodings)
{
    for_each_generated("generated-temporary-keys.json", [](const json& vector) {
        const auto signer = public_key(vector.at("input").at("signingPublicKey"));
        const std::string text = string(vector.at("output").at("responseJwt"));
        const auto token = handlers::split(text);
        BOOST_TEST_REQUIRE(token.has_value());
        BOOST_TEST(signer.verify_raw(as_bytes(token->signed_part), crypto::take<64>(token->signature)));
        BOOST_TEST(
            signer.verify_der(as_bytes(token->signed_part), raw(vector.at("output").at("responseSignatureDer"))));
        BOOST_TEST(!signer.verify_raw(as_bytes(token->signed_part), crypto::raw_signature{}));
    });
}

BOOST_AUTO_TEST_CASE(what_is_no_token_of_three_parts_is_refused)
{
    for (const char* text :
         {"", ".", "..", "a.b", "YQ.YQ", "YQ.YQ.YQ.YQ", "YQ.YQ.Y", "YQ==.YQ.YQ", "YQ.Y Q.YQ", "YQ.YQ.Y+"})
        BOOST_TEST_CONTEXT(text)
        {
            const auto token = handlers::split(text);
            // Two dots and nothing between them is a token of empty parts; no header stands in it.
            BOOST_TEST((!token || token->header.empty()));
        }
    BOOST_TEST(handlers::split("YQ.YQ.YQ").has_value());
}

BOOST_AUTO_TEST_CASE(the_published_code_signatures_are_genuine, *needs_published_vectors)
{
    for_each_published("verify-activation-data-signature-v3.json", [](const json& vector) {
        const auto master = private_key(vector.at("input").at("masterPrivateKey"));
        const std::string code = string(vector.at("input").at("activationCode"));
        const auto known = public_key(vector.at("input").at("masterPublicKey"));
        BOOST_TEST((master.point() == known.point()));
        BOOST_TEST(known.verify_der(as_bytes(code), raw(vector.at("output").at("activationSignature"))));
        BOOST_TEST(known.verify_der(as_bytes(code), master.sign_der(as_bytes(code))));
    });
}

BOOST_AUTO_TEST_SUITE_END()
