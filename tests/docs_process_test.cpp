// The description and its page, as a browser fetches them from a whole server.

#include "tests/process_support.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace doorward::tests;

std::string asking(std::string_view method, std::string_view path, std::string_view more = {})
{
    std::string out;
    out.append(method).append(" ").append(path).append(" HTTP/1.1\r\nHost: x\r\n").append(more).append("\r\n");
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(docs_process)

BOOST_AUTO_TEST_CASE(what_a_browser_has_is_not_sent_again)
{
    server_process server;
    server.start();
    raw_connection connection{server.office_port()};
    for (const char* path : {"/docs", "/docs/docs.js", "/docs/docs.css", "/openapi.json", "/powerauth-cloud/docs"}) {
        BOOST_TEST_CONTEXT(path)
        {
            connection.send(asking("HEAD", path));
            const auto head = connection.read_head();
            BOOST_TEST_REQUIRE(head.has_value());
            BOOST_TEST(head->starts_with("HTTP/1.1 200 "));
            BOOST_TEST(head->find("\r\nCache-Control: no-cache\r\n") != std::string::npos);
            const auto begin = head->find("\r\nETag: ");
            BOOST_TEST_REQUIRE(begin != std::string::npos);
            const auto tag = head->substr(begin + 8, head->find("\r\n", begin + 2) - begin - 8);

            connection.send(asking("GET", path, "If-None-Match: " + tag + "\r\n"));
            const auto known = connection.read_head();
            BOOST_TEST_REQUIRE(known.has_value());
            BOOST_TEST(known->starts_with("HTTP/1.1 304 "));
            BOOST_TEST(known->find("\r\nETag: " + tag + "\r\n") != std::string::npos);
            for (const char* of_the_content : {"\r\nContent-Length:", "\r\nContent-Type:"})
                BOOST_TEST(known->find(of_the_content) == std::string::npos);
        }
    }
    // Nothing else was sent: the next answer on the connection is that of the next request.
    connection.send(asking("GET", "/health"));
    const auto health = connection.read_answer();
    BOOST_TEST_REQUIRE(health.has_value());
    BOOST_TEST(health->status == 200);
    BOOST_TEST(health->body == R"({"status":"UP"})");
}

BOOST_AUTO_TEST_CASE(what_is_not_a_document_is_kept_by_nobody)
{
    server_process server;
    server.start();
    raw_connection connection{server.office_port()};
    connection.send(asking("HEAD", "/health"));
    const auto head = connection.read_head();
    BOOST_TEST_REQUIRE(head.has_value());
    BOOST_TEST(head->find("\r\nCache-Control: no-store\r\n") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
