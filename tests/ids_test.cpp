// Ids, activation codes and names that are part of keys.

#include "tests/support.hpp"

#include "crypto/random.hpp"
#include "registry/account.hpp"
#include "registry/activation_code.hpp"
#include "registry/application.hpp"

#include <set>

namespace {

using namespace doorward;
using namespace doorward::registry;

} // namespace

BOOST_AUTO_TEST_SUITE(ids)

BOOST_AUTO_TEST_CASE(a_uuid_is_read_in_either_case_and_written_in_lower_case)
{
    const auto lower = uuid::parse("2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11");
    const auto upper = uuid::parse("2C4FCB5A-8B3D-4A8C-9F0E-0D5C3A0D6A11");
    BOOST_TEST_REQUIRE(lower.has_value());
    BOOST_TEST((lower == upper));
    BOOST_TEST(upper->text() == "2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11");
    BOOST_TEST(lower->value[0] == 0x2cU);
    BOOST_TEST(lower->value[15] == 0x11U);
}

BOOST_AUTO_TEST_CASE(what_is_not_a_uuid_is_refused)
{
    for (const char* text : {
             "",
             "2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a1",
             "2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a111",
             "2c4fcb5a08b3d-4a8c-9f0e-0d5c3a0d6a11",
             "2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a1g",
             "2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a1-",
             "-c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11",
             "{c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a1}",
             " 2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a1",
             "2c4fcb5a8b3d4a8c9f0e0d5c3a0d6a110000",
         })
        BOOST_TEST_CONTEXT(text)
        {
            BOOST_TEST(!uuid::parse(text).has_value());
        }
}

BOOST_AUTO_TEST_CASE(random_uuids_are_of_version_4_and_differ)
{
    std::set<uuid> seen;
    for (int i = 0; i < 1'000; ++i) {
        const auto id = uuid::random();
        BOOST_TEST_REQUIRE((id.value[6] >> 4) == 4);
        BOOST_TEST_REQUIRE((id.value[8] >> 6) == 2);
        BOOST_TEST_REQUIRE((uuid::parse(id.text()) == id));
        seen.insert(id);
    }
    BOOST_TEST(seen.size() == 1'000U);
}

BOOST_AUTO_TEST_CASE(the_printed_activation_code_comes_out)
{
    const crypto::byte_array<10> random{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    BOOST_TEST(activation_code(random) == "AAAQE-AYEAU-DAOCA-JIICA");
    BOOST_TEST(is_activation_code("AAAQE-AYEAU-DAOCA-JIICA"));
    BOOST_TEST(crc16_arc(crypto::as_bytes("123456789")) == 0xBB3DU);
}

BOOST_AUTO_TEST_CASE(every_activation_code_is_recognised_and_nothing_near_it)
{
    for (int i = 0; i < 200; ++i) {
        const auto code = activation_code(crypto::random_array<10>());
        BOOST_TEST_REQUIRE(is_activation_code(code));
        for (std::size_t at = 0; at < code.size(); ++at) {
            auto other = code;
            other[at] = other[at] == 'B' ? 'C' : 'B';
            BOOST_TEST_REQUIRE(!is_activation_code(other));
        }
        std::string lower = code;
        std::ranges::transform(lower, lower.begin(),
                               [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c; });
        BOOST_TEST_REQUIRE((lower == code || !is_activation_code(lower)));
        BOOST_TEST_REQUIRE(!is_activation_code(code.substr(0, 22)));
        BOOST_TEST_REQUIRE(!is_activation_code(code + "A"));
    }
}

BOOST_AUTO_TEST_CASE(application_ids_are_of_one_alphabet_and_length)
{
    BOOST_TEST(is_application_id("a"));
    BOOST_TEST(is_application_id("Mobile-Banking_2.0"));
    BOOST_TEST(is_application_id(std::string(64, 'a')));
    for (const std::string& text : {std::string{}, std::string(65, 'a'), std::string{"a b"}, std::string{"a/b"},
                                    std::string{"a\0b", 3}, std::string{"\xC3\xA9"}, std::string{"a@b"}})
        BOOST_TEST(!is_application_id(text));
}

BOOST_AUTO_TEST_CASE(usernames_may_look_like_addresses)
{
    BOOST_TEST(is_username("petra@bank.example"));
    BOOST_TEST(!is_username("petra:bank")); // a colon ends the name in Basic credentials
    BOOST_TEST(!is_username(""));
    BOOST_TEST(!is_username(std::string(65, 'a')));
}

BOOST_AUTO_TEST_CASE(an_account_sees_its_applications_and_an_admin_all)
{
    account integration{"a", "", role::integration, {"app", "other"}, true, 0, {}};
    BOOST_TEST(integration.may_see("app"));
    BOOST_TEST(!integration.may_see("ap"));
    BOOST_TEST(!integration.may_see(""));
    account admin{"a", "", role::admin, {}, true, 0, {}};
    BOOST_TEST(admin.may_see("anything"));
}

BOOST_AUTO_TEST_CASE(names_of_roles_are_read_back)
{
    for (const role each : {role::admin, role::integration})
        BOOST_TEST((parse_role(to_text(each)) == each));
    BOOST_TEST(!parse_role("admin").has_value());
    BOOST_TEST(!parse_role("ROLE_ADMIN").has_value());
}

BOOST_AUTO_TEST_CASE(versions_of_the_protocol_are_read_by_their_names_only)
{
    for (const auto version :
         {protocol_version::v3_0, protocol_version::v3_1, protocol_version::v3_2, protocol_version::v3_3})
        BOOST_TEST((parse_version(rules(version).text) == version));
    for (const char* text : {"", "3", "2.1", "3.4", "3.00", " 3.1", "v3.1"})
        BOOST_TEST(!parse_version(text).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
