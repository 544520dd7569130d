// The primitives: known answers with their sources, and what must be refused.

#include "crypto/aes.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/encoding.hpp"
#include "crypto/kdf.hpp"
#include "crypto/p256.hpp"
#include "crypto/password.hpp"
#include "crypto/random.hpp"
#include "crypto/seal.hpp"
#include "tests/support.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

namespace {

using namespace doorward::crypto;

bytes hex(std::string_view text)
{
    return from_hex(text).value();
}

key16 counting_key()
{
    return key16{hex("000102030405060708090a0b0c0d0e0f")};
}

} // namespace

BOOST_AUTO_TEST_SUITE(crypto_known_answers)

// PROTOCOL.md section 3
BOOST_AUTO_TEST_CASE(the_printed_derivations_come_out)
{
    BOOST_TEST(to_hex(kdf(counting_key(), 1)) == "7346139595c0b41e497bbde365f42d0a");
    BOOST_TEST(to_hex(kdf(counting_key(), 1000)) == "1cfea47ba82addf17521db83962ef39b");
    BOOST_TEST(to_hex(kdf_internal(counting_key(), bytes(16, 0x11))) == "64e445e770ba4df6e29ed5e884e1304a");
    BOOST_TEST(to_hex(kdf_x963<48>(bytes(32, 1), as_bytes("abc"))) ==
               "140ada1e83e7ce083fb1b26afde923b0b07fe0f607587e19c5231e4807deeb4ee7604d770a58937142ef2afb92c9d983");
}

BOOST_AUTO_TEST_CASE(a_shorter_x963_key_is_the_beginning_of_a_longer_one)
{
    const auto whole = kdf_x963<100>(bytes(32, 1), as_bytes("abc"));
    BOOST_TEST(to_hex(kdf_x963<31>(bytes(32, 1), as_bytes("abc"))) == to_hex(whole.view().first(31)));
    BOOST_TEST(to_hex(kdf_x963<33>(bytes(32, 1), as_bytes("abc"))) == to_hex(whole.view().first(33)));
}

// RFC 4231, test cases 1 to 7 but for the truncated fifth
BOOST_AUTO_TEST_CASE(hmac_of_rfc_4231)
{
    struct {
        bytes key;
        bytes data;
        const char* expected;
    } const rows[]{
        {bytes(20, 0x0b), hex("4869205468657265"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {hex("4a656665"), hex("7768617420646f2079612077616e7420666f72206e6f7468696e673f"),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {bytes(20, 0xaa), bytes(50, 0xdd), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), bytes(50, 0xcd),
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {bytes(131, 0xaa),
         [] {
             const auto text = as_bytes("Test Using Larger Than Block-Size Key - Hash Key First");
             return bytes{text.begin(), text.end()};
         }(),
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {bytes(131, 0xaa),
         [] {
             const auto text =
                 as_bytes("This is a test using a larger than block-size key and a larger than block-size "
                          "data. The key needs to be hashed before being used by the HMAC algorithm.");
             return bytes{text.begin(), text.end()};
         }(),
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };
    for (const auto& row : rows)
        BOOST_TEST_CONTEXT("key of " << row.key.size())
        {
            BOOST_TEST(to_hex(hmac_sha256(row.key, row.data)) == row.expected);
        }
}

BOOST_AUTO_TEST_CASE(a_mac_key_is_used_again_and_in_pieces)
{
    const hmac_sha256_key key{bytes(16, 7)};
    for (std::size_t size : {0U, 1U, 55U, 56U, 63U, 64U, 65U, 119U, 128U, 1000U}) {
        const bytes data(size, 9);
        const auto whole = key.mac(data);
        BOOST_TEST(to_hex(whole) == to_hex(hmac_sha256(bytes(16, 7), data)));
        const bytes_view view{data};
        BOOST_TEST(to_hex(key.mac({view.first(size / 3), {}, view.subspan(size / 3)})) == to_hex(whole));
    }
}

// FIPS 180-4 examples
// The example of the paper on SipHash, appendix A; its eight bytes are read as they come.
BOOST_AUTO_TEST_CASE(short_digest_of_its_example)
{
    const bytes message = hex("000102030405060708090a0b0c0d0e");
    BOOST_TEST(short_digest(message, counting_key()) == 0xe545be4961ca29a1U);
    BOOST_TEST(short_digest(message, key16{}) != short_digest(message, counting_key()));
}

BOOST_AUTO_TEST_CASE(sha256_of_its_examples)
{
    BOOST_TEST(to_hex(sha256(as_bytes("abc"))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    BOOST_TEST(to_hex(sha256(bytes_view{})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    BOOST_TEST(to_hex(sha256({as_bytes("a"), as_bytes(""), as_bytes("bc")})) == to_hex(sha256(as_bytes("abc"))));
}

// RFC 7693 appendix A
BOOST_AUTO_TEST_CASE(blake2b_of_its_example)
{
    BOOST_TEST(to_hex(blake2b<64>(as_bytes("abc"))) ==
               "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
               "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
    BOOST_TEST(to_hex(blake2b<32>(as_bytes("abc"), bytes(32, 1))) != to_hex(blake2b<32>(as_bytes("abc"))));
}

// FIPS 197 appendix C.1
BOOST_AUTO_TEST_CASE(aes_of_its_example)
{
    const auto block = take<16>(hex("00112233445566778899aabbccddeeff"));
    BOOST_TEST(to_hex(aes_block(counting_key(), block)) == "69c4e0d86a7b0430d8cdb78070b4c55a");
}

BOOST_AUTO_TEST_CASE(folding_and_numbers_are_as_printed)
{
    byte_array<32> data{};
    data[0] = 1;
    data[16] = 3;
    data[31] = 0x80;
    BOOST_TEST(to_hex(fold(data)) == "02000000000000000000000000000080");
    BOOST_TEST(to_hex(big_endian(std::uint32_t{258})) == "00000102");
    BOOST_TEST(from_big_endian<std::uint64_t>(big_endian(std::uint64_t{0x0102030405060708})) == 0x0102030405060708U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(crypto_encryption)

BOOST_AUTO_TEST_CASE(padding_adds_a_whole_block_where_it_must)
{
    const byte_array<16> iv{};
    for (std::size_t size : {0U, 1U, 15U, 16U, 17U, 32U}) {
        const bytes plain(size, 5);
        const auto sealed = aes_cbc_seal(counting_key(), iv, plain);
        BOOST_TEST(sealed.size() == (size / 16 + 1) * 16);
        const auto opened = aes_cbc_open(counting_key(), iv, sealed);
        BOOST_TEST_REQUIRE(opened.has_value());
        BOOST_TEST(*opened == plain, boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(what_has_no_padding_does_not_open)
{
    const byte_array<16> iv{};
    BOOST_TEST(!aes_cbc_open(counting_key(), iv, {}).has_value());
    BOOST_TEST(!aes_cbc_open(counting_key(), iv, bytes(15, 0)).has_value());
    for (const byte last : bytes{0, 17, 255, 2}) {
        bytes plain(16, 7);
        plain.back() = last;
        BOOST_TEST(!aes_cbc_open(counting_key(), iv, aes_cbc_raw_encrypt(counting_key(), iv, plain)).has_value());
    }
}

BOOST_AUTO_TEST_CASE(a_sealed_value_opens_in_its_place_only)
{
    const sealer with{byte_array<32>{1}};
    const sealer other{byte_array<32>{2}};
    for (const std::size_t size : {0U, 1U, 32U, 1000U}) {
        const bytes plain(size, 5);
        const auto sealed = with.seal(plain, as_bytes("place"));
        BOOST_TEST(sealed.size() == size + sealer::overhead_bytes);
        const auto opened = with.open(sealed, as_bytes("place"));
        BOOST_TEST_REQUIRE(opened.has_value());
        BOOST_TEST(to_hex(opened->view()) == to_hex(plain));
        BOOST_TEST(!with.open(sealed, as_bytes("elsewhere")).has_value());
        BOOST_TEST(!with.open(sealed, {}).has_value());
        BOOST_TEST(!other.open(sealed, as_bytes("place")).has_value());
    }
}

BOOST_AUTO_TEST_CASE(every_altered_byte_keeps_a_sealed_value_closed)
{
    const sealer with{byte_array<32>{1}};
    const auto sealed = with.seal(bytes(24, 5), as_bytes("place"));
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        auto altered = sealed;
        altered[i] ^= 1;
        BOOST_TEST_REQUIRE(!with.open(altered, as_bytes("place")).has_value());
        BOOST_TEST_REQUIRE(!with.open(bytes_view{sealed}.first(i), as_bytes("place")).has_value());
    }
}

BOOST_AUTO_TEST_CASE(sealing_twice_gives_two_values)
{
    const sealer with{byte_array<32>{1}};
    BOOST_TEST(to_hex(with.seal(bytes(24, 5), {})) != to_hex(with.seal(bytes(24, 5), {})));
}

BOOST_AUTO_TEST_CASE(another_key_seals_and_the_former_one_still_opens)
{
    sealer with{byte_array<32>{1}};
    const auto before = with.seal(bytes(24, 5), as_bytes("place"));
    const auto derived = to_hex(with.derive("a"));
    BOOST_TEST(sealer::number_of(before) == sealer::first_number);
    with.seal_with(byte_array<32>{2}, 2);
    BOOST_TEST(with.number() == 2);
    const auto after = with.seal(bytes(24, 6), as_bytes("place"));
    BOOST_TEST(sealer::number_of(after) == 2);
    BOOST_TEST(to_hex(with.open(before, as_bytes("place")).value().view()) == to_hex(bytes(24, 5)));
    BOOST_TEST(to_hex(with.open(after, as_bytes("place")).value().view()) == to_hex(bytes(24, 6)));
    BOOST_TEST(to_hex(with.derive("a")) == derived); // keys for other purposes stay

    sealer next{byte_array<32>{2}, 2};
    BOOST_TEST(next.open(after, as_bytes("place")).has_value());
    BOOST_TEST(!next.open(before, as_bytes("place")).has_value());
    next.open_with(byte_array<32>{1}, 1);
    BOOST_TEST(next.open(before, as_bytes("place")).has_value());
    BOOST_TEST(next.number() == 2);
    // The number is no proof: the right key under another number opens nothing.
    const sealer misnamed{byte_array<32>{1}, 2};
    BOOST_TEST(!misnamed.open(before, as_bytes("place")).has_value());
    BOOST_TEST(!misnamed.open(after, as_bytes("place")).has_value());
}

BOOST_AUTO_TEST_CASE(numbers_of_keys_come_again)
{
    byte number = sealer::first_number;
    std::set<byte> seen;
    for (int i = 0; i < 255; ++i) {
        BOOST_TEST(number != 0);
        seen.insert(number);
        number = sealer::number_after(number);
    }
    BOOST_TEST(seen.size() == 255U);
    BOOST_TEST(number == sealer::first_number);
    BOOST_TEST(sealer::number_of(bytes(sealer::overhead_bytes - 1, 1)) == 0);
    BOOST_TEST(sealer::number_of(bytes(sealer::overhead_bytes, 2)) == 0); // another format
}

// While one thread gives it further keys, others seal and open.
BOOST_AUTO_TEST_CASE(a_key_is_exchanged_while_others_use_it)
{
    sealer with{byte_array<32>{1}};
    const auto first = with.seal(bytes(24, 5), {});
    std::atomic<bool> failed{false};
    doorward::tests::on_threads(3, [&](unsigned thread) {
        for (byte i = 2; i < 60; ++i) {
            if (thread == 0)
                with.seal_with(byte_array<32>{i}, i);
            const auto sealed = with.seal(bytes(24, i), {});
            const auto opened = with.open(sealed, {});
            if (!opened || opened->view()[0] != i || !with.open(first, {}))
                failed = true;
        }
    });
    BOOST_TEST(!failed);
    BOOST_TEST(with.number() == 59);
}

BOOST_AUTO_TEST_CASE(keys_for_other_purposes_depend_on_label_and_master)
{
    const sealer with{byte_array<32>{1}};
    const sealer other{byte_array<32>{2}};
    BOOST_TEST(to_hex(with.derive("a")) == to_hex(with.derive("a")));
    BOOST_TEST(to_hex(with.derive("a")) != to_hex(with.derive("b")));
    BOOST_TEST(to_hex(with.derive("a")) != to_hex(other.derive("a")));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(crypto_secrets)

BOOST_AUTO_TEST_CASE(what_is_cut_off_a_secret_is_wiped)
{
    secret_bytes it{8};
    for (std::size_t i = 0; i < it.size(); ++i)
        it.data()[i] = 0xAA;
    // Shrinking does not move the bytes, so the cut part can be looked at where it was.
    const byte* const memory = it.data();
    it.truncate(3);
    BOOST_TEST(it.size() == 3U);
    BOOST_TEST(it.data() == memory);
    BOOST_TEST(to_hex(it.view()) == "aaaaaa");
}

BOOST_AUTO_TEST_CASE(wiping_leaves_zeros)
{
    byte_array<40> data;
    data.fill(0xAA);
    wipe(data.data(), 0);
    BOOST_TEST(data[0] == 0xAAU);
    wipe(data.data(), 30);
    for (std::size_t i = 0; i < data.size(); ++i)
        BOOST_TEST(data[i] == (i < 30 ? 0U : 0xAAU));
}

BOOST_AUTO_TEST_CASE(a_moved_secret_is_where_it_went)
{
    secret_bytes from{4};
    from.data()[0] = 7;
    secret_bytes to{std::move(from)};
    BOOST_TEST(to_hex(to.view()) == "07000000");
    secret_bytes other{2};
    other = std::move(to);
    BOOST_TEST(to_hex(other.view()) == "07000000");
}

BOOST_AUTO_TEST_CASE(equality_is_of_length_and_content)
{
    BOOST_TEST(equal_constant_time({}, {}));
    BOOST_TEST(equal_constant_time(bytes{1, 2}, bytes{1, 2}));
    BOOST_TEST(!equal_constant_time(bytes{1, 2}, bytes{1, 3}));
    BOOST_TEST(!equal_constant_time(bytes{1, 2}, bytes{1, 2, 3}));
    BOOST_TEST(!equal_constant_time(bytes{1}, {}));
}

BOOST_AUTO_TEST_CASE(random_values_differ)
{
    std::set<byte_array<16>> seen;
    for (int i = 0; i < 1'000; ++i)
        seen.insert(random_array<16>());
    BOOST_TEST(seen.size() == 1'000U);
}

BOOST_AUTO_TEST_CASE(a_password_fits_its_own_hash_only)
{
    constexpr password_cost least{1, 8192};
    const auto hash = hash_password("correct horse", least);
    BOOST_TEST(hash.starts_with("$argon2id$"));
    BOOST_TEST(hash.size() <= 127U);
    BOOST_TEST(verify_password(hash, "correct horse"));
    for (const char* other : {"", "correct horse ", "Correct horse"})
        BOOST_TEST(!verify_password(hash, other));
    BOOST_TEST(hash_password("correct horse", least) != hash); // salted
    BOOST_TEST(!verify_password("", "x"));
    BOOST_TEST(!verify_password("$argon2id$garbage", "x"));
    BOOST_TEST(verify_password(hash_password("", least), ""));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(crypto_encodings)

BOOST_AUTO_TEST_CASE(every_length_comes_back_in_every_encoding)
{
    for (std::size_t size = 0; size < 70; ++size) {
        bytes data(size);
        if (size > 0) // libsodium wants an address
            random_fill(data);
        BOOST_TEST_REQUIRE((from_base64(to_base64(data)) == data));
        BOOST_TEST_REQUIRE((from_base64url(to_base64url(data)) == data));
        BOOST_TEST_REQUIRE((from_base32(to_base32(data)) == data));
        BOOST_TEST_REQUIRE((from_hex(to_hex(data)) == data));
    }
}

// RFC 4648 section 10
BOOST_AUTO_TEST_CASE(encodings_of_rfc_4648)
{
    BOOST_TEST(to_base64(as_bytes("")) == "");
    BOOST_TEST(to_base64(as_bytes("f")) == "Zg==");
    BOOST_TEST(to_base64(as_bytes("foobar")) == "Zm9vYmFy");
    BOOST_TEST(to_base32(as_bytes("foobar")) == "MZXW6YTBOI");
    BOOST_TEST(to_base64url(bytes{0xFB, 0xFF}) == "-_8");
    BOOST_TEST(to_hex(as_bytes("foobar")) == "666f6f626172");
}

BOOST_AUTO_TEST_CASE(base64_that_no_encoder_writes_is_refused)
{
    for (const std::string& text :
         {std::string{"Zg"}, std::string{"Zg="}, std::string{"Zg==="}, std::string{"Zh=="}, std::string{"Z"},
          std::string{"Zg== "}, std::string{" Zg=="}, std::string{"Zg==\n"}, std::string{"Z g=="},
          std::string{"Zm9v\nYmFy"}, std::string{"-_8="}, std::string{"Zg==Zg=="}, std::string{"===="},
          std::string("Zg==\0", 5), std::string{"Zm9="}})
        BOOST_TEST_CONTEXT(text)
        {
            BOOST_TEST(!from_base64(text).has_value());
        }
    for (const char* text : {"Zg==", "Zh", "+/8", "Z", "Z g", "Zg\n"})
        BOOST_TEST_CONTEXT(text)
        {
            BOOST_TEST(!from_base64url(text).has_value());
        }
}

BOOST_AUTO_TEST_CASE(base64_has_its_64_characters_and_no_other)
{
    unsigned standard = 0;
    unsigned url = 0;
    for (unsigned code = 0; code < 256; ++code) {
        std::string text = "AAAA";
        text[1] = static_cast<char>(code);
        standard += from_base64(text) ? 1U : 0U;
        url += from_base64url(text) ? 1U : 0U;
    }
    BOOST_TEST(standard == 64U);
    BOOST_TEST(url == 64U);
}

BOOST_AUTO_TEST_CASE(base64_is_recognised_without_decoding_it)
{
    const auto agrees = [](const std::string& text) {
        const auto decoded = from_base64(text);
        for (std::size_t size = 0; size <= 20; ++size) {
            const bool right = is_base64_of(text, size) == (decoded && decoded->size() == size);
            BOOST_TEST(right, "\"" << text << "\" and " << size << " bytes");
        }
    };
    for (std::size_t size = 0; size <= 18; ++size) {
        bytes data(size);
        if (size > 0) // libsodium wants an address
            random_fill(data);
        const std::string text = to_base64(data);
        agrees(text);
        for (std::size_t at = 0; at < text.size(); ++at) {
            for (const char other : {'A', 'B', '+', '/', '=', '-', ' ', '\0', '\x80'}) {
                std::string altered = text;
                altered[at] = other;
                agrees(altered);
            }
        }
        agrees(text + "=");
        agrees(text.substr(0, text.size() / 2));
    }
}

BOOST_AUTO_TEST_CASE(base64_goes_where_it_is_told)
{
    byte_array<16> room{};
    BOOST_TEST((from_base64("Zm9v", room) == 3U));
    BOOST_TEST(as_text(bytes_view{room}.first(3)) == "foo");
    BOOST_TEST(!from_base64("Zm9", room));
    BOOST_TEST((from_base64(to_base64(bytes(16, 1)), room) == 16U));
    BOOST_TEST(!from_base64(to_base64(bytes(17, 1)), room));

    bytes text{'>'};
    append_base64(text, as_bytes("fo"));
    append_base64(text, {});
    append_base64(text, as_bytes("foo"));
    BOOST_TEST(as_text(text) == ">Zm8=Zm9v");
}

BOOST_AUTO_TEST_CASE(base64_of_a_size_is_of_that_size)
{
    BOOST_TEST(from_base64_sized<16>(to_base64(bytes(16, 1))).has_value());
    for (const std::size_t size : {0U, 14U, 15U, 17U, 18U})
        BOOST_TEST(!from_base64_sized<16>(to_base64(bytes(size, 1))).has_value());
}

BOOST_AUTO_TEST_CASE(base32_and_hex_are_strict_too)
{
    for (const char* text : {"mzxw", "MZXW1", "MZXW8", "MZXW6YTBOI=", "A", "MZ XW", "MZ7"})
        BOOST_TEST_CONTEXT(text)
        {
            BOOST_TEST(!from_base32(text).has_value());
        }
    for (const char* text : {"0", "0g", "0x00", "00 ", "00:00"})
        BOOST_TEST(!from_hex(text).has_value());
    BOOST_TEST((from_hex("aB") == bytes{0xAB}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(crypto_points)

namespace {

// p of P-256.
constexpr std::string_view field_size = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";

byte_array<33> with_prefix(byte prefix, bytes_view x)
{
    byte_array<33> out{prefix};
    std::ranges::copy(x, out.begin() + 1);
    return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_compressed_point_is_the_point_and_its_mirror_image_the_other)
{
    for (int i = 0; i < 200; ++i) {
        const auto point = p256_private_key::generate().point();
        const auto here = p256_public_key::import(point).value();
        const auto short_form = here.compressed();
        const auto again = p256_public_key::import(short_form);
        BOOST_TEST_REQUIRE(again.has_value());
        BOOST_TEST((again->point() == point));

        const auto other_prefix = static_cast<byte>(short_form[0] ^ 1);
        const auto mirror = p256_public_key::import(with_prefix(other_prefix, bytes_view{point}.subspan(1, 32)));
        BOOST_TEST_REQUIRE(mirror.has_value());
        BOOST_TEST(std::ranges::equal(bytes_view{mirror->point()}.subspan(1, 32), bytes_view{point}.subspan(1, 32)));
        BOOST_TEST((mirror->point() != point));
        BOOST_TEST((mirror->compressed() == with_prefix(other_prefix, bytes_view{point}.subspan(1, 32))));
        // It is on the curve: OpenSSL takes it whole.
        BOOST_TEST(p256_public_key::import(mirror->point()).has_value());
    }
}

BOOST_AUTO_TEST_CASE(of_all_numbers_about_half_are_the_x_of_a_point)
{
    int points = 0;
    for (int i = 0; i < 400; ++i) {
        const auto x = random_array<32>();
        const auto even = p256_public_key::import(with_prefix(2, x));
        const auto odd = p256_public_key::import(with_prefix(3, x));
        BOOST_TEST_REQUIRE(even.has_value() == odd.has_value());
        if (!even)
            continue;
        ++points;
        BOOST_TEST(even->point()[64] % 2 == 0);
        BOOST_TEST(odd->point()[64] % 2 == 1);
        BOOST_TEST(p256_public_key::import(even->point()).has_value());
    }
    BOOST_TEST(points > 120);
    BOOST_TEST(points < 280);
}

BOOST_AUTO_TEST_CASE(a_coordinate_beyond_the_field_is_none)
{
    auto x = from_hex(field_size).value();
    for (int i = 0; i < 4; ++i) { // p, p + 1, ... are 0, 1, ... by another name
        for (const byte prefix : {byte{2}, byte{3}})
            BOOST_TEST(!p256_public_key::import(with_prefix(prefix, x)).has_value());
        ++x.back();
        if (x.back() == 0)
            break;
    }
    BOOST_TEST(!p256_public_key::import(with_prefix(2, bytes(32, 0xFF))).has_value());
    for (const byte prefix : {byte{0}, byte{1}, byte{4}, byte{5}})
        BOOST_TEST(!p256_public_key::import(with_prefix(prefix, bytes(32, 1))).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(crypto_signatures)

BOOST_AUTO_TEST_CASE(a_signature_is_genuine_for_its_message_and_key_only)
{
    const auto key = p256_private_key::generate();
    const auto own = p256_public_key::import(key.point()).value();
    const auto other = p256_public_key::import(p256_private_key::generate().point()).value();
    for (const char* message : {"", "a message"}) {
        const auto der = key.sign_der(as_bytes(message));
        const auto raw = key.sign_raw(as_bytes(message));
        BOOST_TEST(own.verify_der(as_bytes(message), der));
        BOOST_TEST(own.verify_raw(as_bytes(message), raw));
        BOOST_TEST(!own.verify_der(as_bytes("another"), der));
        BOOST_TEST(!own.verify_raw(as_bytes("another"), raw));
        BOOST_TEST(!other.verify_der(as_bytes(message), der));
        BOOST_TEST(!other.verify_raw(as_bytes(message), raw));
        for (std::size_t i = 0; i < der.size(); ++i) {
            auto altered = der;
            altered[i] ^= 1;
            BOOST_TEST_REQUIRE(!own.verify_der(as_bytes(message), altered));
            BOOST_TEST_REQUIRE(!own.verify_der(as_bytes(message), bytes_view{der}.first(i)));
        }
        auto longer = der;
        longer.push_back(0);
        BOOST_TEST(!own.verify_der(as_bytes(message), longer));
    }
}

BOOST_AUTO_TEST_CASE(signatures_of_zeros_and_of_too_large_numbers_are_refused)
{
    const auto own = p256_public_key::import(p256_private_key::generate().point()).value();
    raw_signature zeros{};
    raw_signature ones;
    ones.fill(0xFF);
    BOOST_TEST(!own.verify_raw(as_bytes("m"), zeros));
    BOOST_TEST(!own.verify_raw(as_bytes("m"), ones));
    BOOST_TEST(!own.verify_der(as_bytes("m"), {}));
}

BOOST_AUTO_TEST_CASE(both_sides_agree_on_one_secret)
{
    const auto a = p256_private_key::generate();
    const auto b = p256_private_key::generate();
    const auto ab = a.agree(p256_public_key::import(b.point()).value());
    const auto ba = b.agree(p256_public_key::import(a.point()).value());
    BOOST_TEST(to_hex(ab) == to_hex(ba));
    const auto again = p256_private_key::import(a.scalar()).value();
    BOOST_TEST((again.point() == a.point()));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ed25519)

// RFC 8032 section 7.1, tests 1 to 3.
BOOST_AUTO_TEST_CASE(signatures_are_those_of_the_rfc)
{
    const struct {
        const char* seed;
        const char* key;
        const char* message;
        const char* signature;
    } vectors[]{
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bb"
         "e2465"
         "5141438e7a100b"},
        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302"
         "aeeb0"
         "0d291612bb0c00"},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed"
         "28dc0"
         "27beceea1ec40a"},
    };
    for (const auto& each : vectors) {
        const ed25519_key key{secret<32>{from_hex(each.seed).value()}};
        const auto message = from_hex(each.message).value();
        BOOST_TEST(to_hex(key.public_key()) == each.key);
        BOOST_TEST(to_hex(key.sign(message)) == each.signature);
        BOOST_TEST(ed25519_verify(key.public_key(), message, key.sign(message)));
    }
}

BOOST_AUTO_TEST_CASE(whatever_is_altered_is_refused)
{
    const ed25519_key key{random_secret<32>()};
    const ed25519_key other{random_secret<32>()};
    const auto signature = key.sign(as_bytes("a message"));
    BOOST_TEST(ed25519_verify(key.public_key(), as_bytes("a message"), signature));
    BOOST_TEST(!ed25519_verify(key.public_key(), as_bytes("another"), signature));
    BOOST_TEST(!ed25519_verify(other.public_key(), as_bytes("a message"), signature));
    BOOST_TEST(!ed25519_verify(ed25519_public{}, as_bytes("a message"), signature));
    for (std::size_t i = 0; i < signature.size(); ++i) {
        auto altered = signature;
        altered[i] ^= 1;
        BOOST_TEST(!ed25519_verify(key.public_key(), as_bytes("a message"), altered));
    }
}

BOOST_AUTO_TEST_SUITE_END()
