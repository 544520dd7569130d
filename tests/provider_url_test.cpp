// Where a provider may live.

#include "registry/limits.hpp"
#include "registry/provider_url.hpp"

#include <boost/test/unit_test.hpp>

using namespace doorward::registry;

BOOST_AUTO_TEST_SUITE(provider_urls)

BOOST_AUTO_TEST_CASE(a_url_is_taken_apart)
{
    const std::pair<std::string_view, provider_url> known[]{
        {"http://bank", {false, "bank", 80, "/"}},
        {"http://bank/", {false, "bank", 80, "/"}},
        {"https://bank", {true, "bank", 443, "/"}},
        {"HTTPS://Bank.Example/Judge", {true, "bank.example", 443, "/Judge"}},
        {"http://10.0.0.1:8080/a/b-c_d.e~f%20g;h=i,j&k+l:m@n!$'()*",
         {false, "10.0.0.1", 8080, "/a/b-c_d.e~f%20g;h=i,j&k+l:m@n!$'()*"}},
        {"http://localhost:1", {false, "localhost", 1, "/"}},
        {"https://x:65535/", {true, "x", 65535, "/"}},
        {"http://[::1]:80/p", {false, "::1", 80, "/p"}},
        {"http://[2001:DB8::1]", {false, "2001:db8::1", 80, "/"}},
    };
    for (const auto& [text, expected] : known)
        BOOST_TEST_CONTEXT(text)
        {
            const auto got = parse_provider_url(text);
            BOOST_TEST_REQUIRE(got.has_value());
            BOOST_TEST((*got == expected), got->host << ' ' << got->port << ' ' << got->path);
        }
}

BOOST_AUTO_TEST_CASE(what_is_no_url_of_a_provider_is_refused)
{
    const std::string label(63, 'a');
    const std::string long_host = label + '.' + label + '.' + label + '.' + label; // 255
    for (const std::string& text : std::vector<std::string>{
             "",
             "bank",
             "//bank/",
             "http:/bank/",
             "http//bank/",
             "http://",
             "http:///path",
             "ftp://bank/",
             "httpss://bank/",
             " http://bank/",
             "http://bank/ ",
             "http://user@bank/",
             "http://user:password@bank/",
             "http://bank:/",
             "http://bank:0/",
             "http://bank:65536/",
             "http://bank:-1/",
             "http://bank:+1/",
             "http://bank:80a/",
             "http://bank:80:80/",
             "http://bank?x",
             "http://bank/?x=1",
             "http://bank/#x",
             "http://bank#x",
             "http://ba nk/",
             "http://ba_nk/",
             "http://-bank/",
             "http://bank-/",
             "http://.bank/",
             "http://bank./",
             "http://a..b/",
             "http://b\xC3\xA9nk/",
             "http://bank/\xC3\xA9",
             "http://bank/a b",
             "http://bank/a\"b",
             "http://bank/a\nb",
             "http://bank/a\\b",
             "http://[::1",
             "http://[::1]80/",
             "http://[::g]/",
             "http://[]/",
             "http://[127.0.0.1]/",
             "http://::1/",
             "http://" + std::string(64, 'a') + "/",
             "http://" + long_host + "/",
         })
        BOOST_TEST(!parse_provider_url(text), text);
}

BOOST_AUTO_TEST_CASE(a_url_has_a_greatest_length)
{
    std::string text = "http://bank/";
    text.resize(provider_url_bytes_max, 'x');
    BOOST_TEST(parse_provider_url(text).has_value());
    text += 'x';
    BOOST_TEST(!parse_provider_url(text).has_value());
}

BOOST_AUTO_TEST_CASE(an_origin_is_scheme_host_and_port)
{
    const auto url = [](std::string_view text) { return parse_provider_url(text).value(); };
    BOOST_TEST(url("http://bank/a").same_origin(url("http://BANK:80/b")));
    BOOST_TEST(!url("http://bank/").same_origin(url("https://bank:80/")));
    BOOST_TEST(!url("http://bank/").same_origin(url("http://bank:81/")));
    BOOST_TEST(!url("http://bank/").same_origin(url("http://bank.example/")));
}

BOOST_AUTO_TEST_SUITE_END()
