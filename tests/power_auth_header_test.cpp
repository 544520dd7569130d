// The headers of the device protocol and the canonical form of queries.

#include "handlers/power_auth_header.hpp"
#include "handlers/query.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

namespace {

using namespace doorward;
using namespace doorward::handlers;

constexpr const char* id = "2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11";
constexpr const char* key = "AAECAwQFBgcICQoLDA0ODw==";
constexpr const char* nonce = "EBESExQVFhcYGRobHB0eHw==";

std::vector<std::string> good_pairs()
{
    return {R"(pa_version="3.3")",
            std::string{"pa_activation_id=\""} + id + '"',
            std::string{"pa_application_key=\""} + key + '"',
            std::string{"pa_nonce=\""} + nonce + '"',
            R"(pa_signature_type="possession_knowledge")",
            R"(pa_signature="c2lnbmF0dXJl")"};
}

std::string joined(const std::vector<std::string>& pairs, std::string_view with = ", ")
{
    std::string out = "PowerAuth ";
    for (std::size_t i = 0; i < pairs.size(); ++i)
        out += (i == 0 ? "" : std::string{with}) + pairs[i];
    return out;
}

// The good header with one pair written otherwise.
std::string with(std::size_t which, std::string pair)
{
    auto pairs = good_pairs();
    pairs[which] = std::move(pair);
    return joined(pairs);
}

} // namespace

BOOST_AUTO_TEST_SUITE(power_auth_headers)

BOOST_AUTO_TEST_CASE(every_field_is_read)
{
    const std::string header = joined(good_pairs()); // what was read points into it
    const auto got = parse_authorization(header);
    BOOST_TEST_REQUIRE(got.has_value());
    BOOST_TEST((got->version == registry::protocol_version::v3_3));
    BOOST_TEST(got->activation_id.text() == id);
    BOOST_TEST(got->application_key == key);
    BOOST_TEST(got->nonce == nonce);
    BOOST_TEST(to_text(got->type) == "possession_knowledge");
    BOOST_TEST(got->signature == "c2lnbmF0dXJl");
}

BOOST_AUTO_TEST_CASE(pairs_stand_in_any_order)
{
    auto pairs = good_pairs();
    std::ranges::sort(pairs);
    do {
        BOOST_TEST_REQUIRE(parse_authorization(joined(pairs)).has_value());
    } while (std::ranges::next_permutation(pairs).found);
}

BOOST_AUTO_TEST_CASE(commas_and_spaces_are_as_the_platform_likes)
{
    for (const char* between : {", ", ",", " ", "  ", "\t", " , ", ",,", ""})
        BOOST_TEST_CONTEXT('\'' << between << '\'')
        {
            BOOST_TEST(parse_authorization(joined(good_pairs(), between)).has_value());
        }
    BOOST_TEST(parse_authorization(joined(good_pairs()) + " ,").has_value());
    BOOST_TEST(parse_authorization("PowerAuth    " + joined(good_pairs()).substr(10)).has_value());
}

BOOST_AUTO_TEST_CASE(unknown_names_are_ignored_and_repeated_ones_refused)
{
    BOOST_TEST(parse_authorization(joined(good_pairs()) + R"(, pa_new_1="x, y=z")").has_value());
    BOOST_TEST(!parse_authorization(joined(good_pairs()) + R"(, pa_version="3.3")").has_value());
    BOOST_TEST(!parse_authorization(joined(good_pairs()) + R"(, other="1", other="1")").has_value());
}

BOOST_AUTO_TEST_CASE(what_is_no_list_of_pairs_is_refused)
{
    const auto good = joined(good_pairs());
    for (const std::string& bad : {std::string{},
                                   std::string{"PowerAuth"},
                                   std::string{"PowerAuth "},
                                   std::string{"Basic x"},
                                   "powerauth " + good.substr(10),
                                   "PowerAuth:" + good.substr(10),
                                   "PowerAuthx" + good.substr(9),
                                   good.substr(10),
                                   good.substr(0, good.size() - 1), // the last quote
                                   good + " x",
                                   good + "=",
                                   good + R"(, ="x")",
                                   good + R"(, a b="x")",
                                   good + R"(, a ="x")",
                                   good + R"(, a= "x")",
                                   good + ", a=x",
                                   good + ", a='x'",
                                   good + "; a=\"x\"",
                                   good + "\n",
                                   good + R"(, a-b="x")"})
        BOOST_TEST_CONTEXT(bad)
        {
            BOOST_TEST(!parse_authorization(bad).has_value());
        }
}

BOOST_AUTO_TEST_CASE(every_field_must_be_there_and_well_formed)
{
    for (std::size_t i = 0; i < 5; ++i) // the value itself is checked by its version's form
        BOOST_TEST_CONTEXT("without " << good_pairs()[i])
        {
            auto pairs = good_pairs();
            pairs.erase(pairs.begin() + static_cast<std::ptrdiff_t>(i));
            BOOST_TEST(!parse_authorization(joined(pairs)).has_value());
        }
    for (const std::string& bad : {
             with(0, R"(pa_version="2.1")"),
             with(0, R"(pa_version="3.4")"),
             with(0, R"(pa_version="")"),
             with(1, R"(pa_activation_id="2c4fcb5a")"),
             with(1, R"(pa_activation_id="")"),
             with(2, R"(pa_application_key="AAECAwQFBgcICQoLDA0ODw")"),
             with(2, R"(pa_application_key="AAECAwQFBgcICQoLDA0O")"),
             with(3, R"(pa_nonce="EBESExQVFhcYGRobHB0eHx8=")"),
             with(3, R"(pa_nonce="EBESExQVFhcYGRobHB0eHy==")"), // spare bits
             with(4, R"(pa_signature_type="pin")"),
             with(4, R"(pa_signature_type="")"),
         })
        BOOST_TEST_CONTEXT(bad)
        {
            BOOST_TEST(!parse_authorization(bad).has_value());
        }
}

BOOST_AUTO_TEST_CASE(case_is_free_in_ids_and_types_and_nowhere_else)
{
    BOOST_TEST(parse_authorization(with(1, R"(pa_activation_id="2C4FCB5A-8B3D-4A8C-9F0E-0D5C3A0D6A11")")).has_value());
    BOOST_TEST(parse_authorization(with(4, R"(pa_signature_type="POSSESSION_Knowledge")")).has_value());
    BOOST_TEST(!parse_authorization(with(0, R"(PA_VERSION="3.3")")).has_value());
}

BOOST_AUTO_TEST_CASE(encryption_headers_of_both_platforms_are_read)
{
    const std::string text = key;
    const auto android = parse_encryption("PowerAuth version=\"3.3\" application_key=\"" + text + "\"");
    BOOST_TEST_REQUIRE(android.has_value());
    BOOST_TEST(android->application_key == key);
    BOOST_TEST(!android->activation_id.has_value());
    const auto ios =
        parse_encryption("PowerAuth version=\"3.1\", application_key=\"" + text + "\", activation_id=\"" + id + '"');
    BOOST_TEST_REQUIRE(ios.has_value());
    BOOST_TEST((ios->version == registry::protocol_version::v3_1));
    BOOST_TEST((ios->activation_id == registry::uuid::parse(id)));
}

BOOST_AUTO_TEST_CASE(bad_encryption_headers_are_refused)
{
    const std::string text = key;
    for (const std::string& bad : {
             std::string{},
             std::string{"PowerAuth"},
             "PowerAuth application_key=\"" + text + "\"",
             std::string{"PowerAuth version=\"3.3\""},
             "PowerAuth version=\"3.5\" application_key=\"" + text + "\"",
             std::string{"PowerAuth version=\"3.3\" application_key=\"short\""},
             "PowerAuth version=\"3.3\" application_key=\"" + text + "\" activation_id=\"x\"",
             "PowerAuth version=\"3.3\" version=\"3.3\" application_key=\"" + text + "\"",
         })
        BOOST_TEST_CONTEXT(bad)
        {
            BOOST_TEST(!parse_encryption(bad).has_value());
        }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(queries)

BOOST_AUTO_TEST_CASE(a_query_is_split_and_decoded_once)
{
    const auto got = parse_query("a=1&b&=2&c=x=y&d=%41+%2B%25&&e=");
    BOOST_TEST_REQUIRE(got.has_value());
    const query_parameters expected{{"a", "1"}, {"", "2"}, {"c", "x=y"}, {"d", "A +%"}, {"e", ""}};
    BOOST_TEST((*got == expected));
    BOOST_TEST(parse_query("")->empty());
}

BOOST_AUTO_TEST_CASE(a_malformed_escape_spoils_a_query)
{
    for (const char* bad : {"a=%", "a=%4", "a=%zz", "a=%4g", "%=1", "a=1&b=%", "a=% 41", "a=%+1", "a=%-1"})
        BOOST_TEST_CONTEXT(bad)
        {
            BOOST_TEST(!parse_query(bad).has_value());
            BOOST_TEST(!canonical_query(std::string_view{bad}).has_value());
        }
}

BOOST_AUTO_TEST_CASE(a_plus_is_a_space_in_queries_only)
{
    BOOST_TEST((percent_decode("a+b%20c", true) == "a b c"));
    BOOST_TEST((percent_decode("a+b%20c", false) == "a+b c"));
    BOOST_TEST((percent_decode("%C3%a9", false) == "\xC3\xA9"));
    BOOST_TEST((percent_decode("%00", false) == std::string(1, '\0')));
}

BOOST_AUTO_TEST_CASE(the_canonical_form_is_sorted_and_escaped_as_phones_do_it)
{
    const auto canonical = [](std::string_view raw) { return canonical_query(raw).value(); };
    BOOST_TEST(canonical("b=2&a=1") == "a=1&b=2");
    BOOST_TEST(canonical("a=2&a=1") == "a=1&a=2");
    BOOST_TEST(canonical("a=%7E*-_.%20%2F") == "a=%7E*-_.+%2F");
    BOOST_TEST(canonical("a=%c3%a9") == "a=%C3%A9");
    BOOST_TEST(canonical("a=%252B") == "a=%252B"); // decoded once
    BOOST_TEST(canonical("a") == "");
    BOOST_TEST(canonical("") == "");
    BOOST_TEST(canonical("a=&b") == "a=");
    BOOST_TEST(canonical("%C3%A9=1&z=2") == "z=2&%C3%A9=1"); // bytewise
}

BOOST_AUTO_TEST_SUITE_END()
