// Who the client is when something stands in front (server/trusted_proxies.hpp).

#include "server/trusted_proxies.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <stdexcept>

namespace {

using namespace doorward;
using registry::source_address;
using server::trusted_proxies;

source_address address(const std::string& text)
{
    const auto out = source_address::parse(text);
    BOOST_TEST_REQUIRE(out.has_value(), text);
    return *out;
}

const trusted_proxies trusted = trusted_proxies::parse("10.0.0.0/8, 192.0.2.1,2001:db8:a::/48 , ::1");

// Whom the proxy 10.0.0.1 asks for.
std::string client_of(const std::vector<std::string_view>& forwarded)
{
    return to_text(client_behind(address("10.0.0.1"), forwarded, trusted));
}

} // namespace

BOOST_AUTO_TEST_SUITE(trusted_proxies_suite)

BOOST_AUTO_TEST_CASE(networks_contain_their_addresses)
{
    for (const char* each :
         {"10.0.0.0", "10.255.255.255", "192.0.2.1", "2001:db8:a::", "2001:db8:a:ffff::7", "::1", "::ffff:10.1.2.3"})
        BOOST_TEST(trusted.contains(address(each)), each);
    for (const char* each : {"9.255.255.255", "11.0.0.0", "192.0.2.0", "192.0.2.2",
                             "2001:db8:b::", "2001:db8:9:ffff::", "::2", "::a00:1", "0.0.0.0"})
        BOOST_TEST(!trusted.contains(address(each)), each);
    BOOST_TEST(!trusted.contains(source_address{}));
    BOOST_TEST(!trusted_proxies{}.contains(address("10.0.0.1")));
}

BOOST_AUTO_TEST_CASE(no_network_of_one_family_contains_the_other)
{
    BOOST_TEST(!trusted_proxies::parse("1::/16, 8000::/1").contains(address("192.0.2.1")));
    BOOST_TEST(!trusted_proxies::parse("0.0.0.0/1, 128.0.0.0/1").contains(address("::1")));
}

// Against the plain definition: the first bits are the same.
BOOST_AUTO_TEST_CASE(networks_of_every_length_contain_what_shares_their_bits)
{
    std::mt19937_64 random{1};
    for (unsigned bits = 1; bits <= 32; ++bits) {
        const auto mask = static_cast<std::uint32_t>(0xFFFFFFFFU << (32 - bits));
        const auto to_address = [](std::uint32_t value) {
            return source_address::from_v4({static_cast<crypto::byte>(value >> 24),
                                            static_cast<crypto::byte>(value >> 16),
                                            static_cast<crypto::byte>(value >> 8), static_cast<crypto::byte>(value)});
        };
        const auto first = static_cast<std::uint32_t>(random()) & mask;
        const auto one = trusted_proxies::parse(to_text(to_address(first)) + '/' + std::to_string(bits));
        BOOST_TEST(one.contains(to_address(first | ~mask)));
        for (unsigned flipped = 0; flipped < 32; ++flipped)
            BOOST_TEST(one.contains(to_address(first ^ 1U << (31 - flipped))) == (flipped >= bits),
                       bits << " bits, another bit " << flipped);
    }
}

BOOST_AUTO_TEST_CASE(a_list_is_written_as_it_is_read)
{
    BOOST_TEST(to_text(trusted) == "10.0.0.0/8, 192.0.2.1, 2001:db8:a::/48, ::1");
    BOOST_TEST((trusted_proxies::parse(to_text(trusted)) == trusted));
    BOOST_TEST(to_text(trusted_proxies::parse("")) == "");
    BOOST_TEST(to_text(trusted_proxies::parse(" , ,")) == "");
    BOOST_TEST(to_text(trusted_proxies::parse("192.0.2.1/32, ::1/128")) == "192.0.2.1, ::1");
    BOOST_TEST(to_text(trusted_proxies::parse("::ffff:10.0.0.1, 0.0.0.0/1")) == "10.0.0.1, 0.0.0.0/1");
}

BOOST_AUTO_TEST_CASE(what_is_no_network_is_refused)
{
    for (const char* each : {"localhost",
                             "10.0.0.0/",
                             "10.0.0.0/0",
                             "::/0",
                             "10.0.0.0/33",
                             "2001:db8::/129",
                             "10.0.0.1/8",
                             "2001:db8::1/32",
                             "10.0.0.0/8x",
                             "10.0.0.0/-1",
                             "10.0.0.0/+8",
                             "10.0.0",
                             "10.0.0.0:80",
                             "192.0.2.1; 192.0.2.2",
                             "[::1]",
                             "::",
                             "::/8",
                             "::ffff:10.0.0.0/8",
                             "::ffff:10.0.0.0/104",
                             "10.0.0.0/8/8",
                             "/8"})
        BOOST_CHECK_THROW(static_cast<void>(trusted_proxies::parse(std::string{"192.0.2.1, "} + each)),
                          std::invalid_argument);
    std::string many;
    for (std::size_t i = 0; i < server::trusted_networks_max; ++i)
        many += "10.0.0." + std::to_string(i) + ',';
    BOOST_CHECK_NO_THROW(static_cast<void>(trusted_proxies::parse(many)));
    BOOST_CHECK_THROW(static_cast<void>(trusted_proxies::parse(many + "::1")), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(the_last_that_is_not_trusted_is_the_client)
{
    BOOST_TEST(client_of({"203.0.113.7"}) == "203.0.113.7");
    BOOST_TEST(client_of({"203.0.113.7, 10.2.2.2"}) == "203.0.113.7");
    BOOST_TEST(client_of({"203.0.113.7", "10.2.2.2", "::1,192.0.2.1"}) == "203.0.113.7");
    // Whatever a client sends itself stands before its own address.
    BOOST_TEST(client_of({"198.51.100.1, 203.0.113.7"}) == "203.0.113.7");
    BOOST_TEST(client_of({"198.51.100.1", "10.0.0.9", "203.0.113.7"}) == "203.0.113.7");
    BOOST_TEST(client_of({"10.9.9.9, 203.0.113.7, 10.2.2.2"}) == "203.0.113.7");
}

BOOST_AUTO_TEST_CASE(addresses_may_have_ports)
{
    BOOST_TEST(client_of({"203.0.113.7:4711"}) == "203.0.113.7");
    BOOST_TEST(client_of({"2001:db8::1"}) == "2001:db8::1");
    BOOST_TEST(client_of({"[2001:db8::1]"}) == "2001:db8::1");
    BOOST_TEST(client_of({"[2001:db8::1]:4711"}) == "2001:db8::1");
    BOOST_TEST(client_of({"\t203.0.113.7 ,[2001:db8:a::5]:1 "}) == "203.0.113.7");
    BOOST_TEST(client_of({"::ffff:203.0.113.7"}) == "203.0.113.7");
}

BOOST_AUTO_TEST_CASE(who_tells_nothing_is_the_client)
{
    BOOST_TEST(client_of({}) == "10.0.0.1");
    BOOST_TEST(client_of({""}) == "10.0.0.1");
    BOOST_TEST(client_of({" , ,"}) == "10.0.0.1");
    BOOST_TEST(client_of({"203.0.113.7, ,", ""}) == "203.0.113.7");
    for (const char* each :
         {"unknown", "_hidden", "203.0.113", "203.0.113.7.9", "[2001:db8::1", "[]", ":", "1:2", "<script>",
          "203.0.113.7:", "203.0.113.7:x", "203.0.113.7:80x", "[2001:db8::1]x", "[2001:db8::1]:", "2001:db8::1]"})
        BOOST_TEST(client_of({each}) == "10.0.0.1", each);
    BOOST_TEST(client_of({std::string_view{"203.0.113.7\0", 12}}) == "10.0.0.1");
    BOOST_TEST(client_of({std::string(10'000, '1')}) == "10.0.0.1");
    BOOST_TEST(client_of({"203.0.113.7, unknown, 10.2.2.2"}) == "10.2.2.2"); // it wrote "unknown"
}

BOOST_AUTO_TEST_CASE(the_first_is_the_client_where_all_are_trusted)
{
    BOOST_TEST(client_of({"10.3.3.3, 10.2.2.2"}) == "10.3.3.3");
    BOOST_TEST(client_of({"192.0.2.1", "10.2.2.2"}) == "192.0.2.1");
}

BOOST_AUTO_TEST_SUITE_END()
