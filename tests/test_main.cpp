// The entry point of the test programs, compiled once.

#define BOOST_TEST_NO_MAIN
#include <boost/test/unit_test.hpp>

#include "crypto/init.hpp"

#include <csignal>

int main(int argc, char** argv)
{
    doorward::crypto::init();
    std::signal(SIGPIPE, SIG_IGN);
    return boost::unit_test::unit_test_main([] { return true; }, argc, argv);
}
