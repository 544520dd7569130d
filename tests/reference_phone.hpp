#pragma once

#include "tests/process_support.hpp"

#include <boost/test/tree/decorator.hpp>

namespace doorward::tests {

// The reference phone: a program that shares nothing with the server, not even the primitives. It lies beside the
// checkout, or where DOORWARD_SHARED says; without it the cases that need it are skipped.

/// Why it does not run here; empty when it does.
[[nodiscard]] std::string reference_phone_is_missing();

/// The same for BOOST_TEST_DECORATOR(*needs_reference_phone()): skips a case, and says why.
[[nodiscard]] boost::unit_test::precondition needs_reference_phone();

/// Many reference phones in one process, which keep their state in files as the program itself does.
///
/// errors   std::runtime_error when the process ends or prints something else than answers
/// threads  one at a time
class reference_phones {
public:
    reference_phones();
    ~reference_phones();
    reference_phones(const reference_phones&) = delete;
    reference_phones& operator=(const reference_phones&) = delete;

    struct outcome {
        int status; // 0 accepted, 2 refused by the server, 1 anything else
        json told;
        std::vector<http_request> sent; // in this order
    };
    /// One command. words  of the command line; more  members of tests/reference_phone.py
    outcome run(std::vector<std::string> words, const json& more = json::object());

private:
    temporary_directory home_;
    int commands_ = -1;
    std::optional<child_process> process_;
};

} // namespace doorward::tests
