#include "tests/reference_phone.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace doorward::tests {
namespace {

std::filesystem::path reference_program()
{
    const char* shared = std::getenv("DOORWARD_SHARED"); // NOLINT(concurrency-mt-unsafe): nobody changes it
    const std::filesystem::path root = shared != nullptr && *shared != '\0'
                                           ? std::filesystem::path{shared}
                                           : std::filesystem::path{DOORWARD_TEST_VECTORS} / "../../../shared";
    return root / "protocol/device.py";
}

boost::test_tools::assertion_result reference_phone_runs(boost::unit_test::test_unit_id)
{
    static const std::string why_not = reference_phone_is_missing();
    if (why_not.empty())
        return true;
    BOOST_TEST_MESSAGE(why_not << ", skipped");
    boost::test_tools::assertion_result absent{false};
    absent.message() << why_not;
    return absent;
}

} // namespace

std::string reference_phone_is_missing()
{
    if (!std::filesystem::exists(reference_program()))
        return "no reference phone at " + reference_program().string();
    if (run_program("python3", {"-c", "import cryptography"}).status != 0)
        return "python3 with the package cryptography is not here";
    return {};
}

boost::unit_test::precondition needs_reference_phone()
{
    return boost::unit_test::precondition{reference_phone_runs};
}

reference_phones::reference_phones()
{
    const auto pipe = home_.path() / "commands";
    if (::mkfifo(pipe.c_str(), 0600) != 0)
        throw std::system_error{errno, std::generic_category(), "mkfifo"};
    // For reading too: then it opens without waiting for the other side, and writing to one that ended is no signal.
    commands_ = ::open(pipe.c_str(), O_RDWR | O_CLOEXEC);
    if (commands_ < 0)
        throw std::system_error{errno, std::generic_category(), "cannot open a named pipe"};
    const auto driver = std::filesystem::path{DOORWARD_SOURCE_DIR} / "tests/reference_phone.py";
    process_.emplace("python3", std::vector<std::string>{driver.string(), reference_program().string(), pipe.string()},
                     home_.path() / "errors");
}

reference_phones::~reference_phones()
{
    ::close(commands_);
}

reference_phones::outcome reference_phones::run(std::vector<std::string> words, const json& more)
{
    json command = more;
    command["words"] = std::move(words);
    const std::string line = command.dump() + '\n';
    for (std::size_t written = 0; written < line.size();) {
        const auto some = ::write(commands_, line.data() + written, line.size() - written);
        if (some < 0)
            throw std::system_error{errno, std::generic_category(), "a named pipe"};
        written += static_cast<std::size_t>(some);
    }
    const auto answered = process_->read_line();
    if (!answered)
        throw std::runtime_error{"the reference phone ended: " + read_file(home_.path() / "errors")};
    const auto answer = json::parse(*answered);
    outcome out{answer.at("status").get<int>(), answer.at("told"), {}};
    for (const json& each : answer.at("sent")) {
        http_request& request = out.sent.emplace_back();
        request.method = each.at("method");
        request.path = each.at("path");
        request.body = each.at("body");
        for (const auto& [name, value] : each.at("headers").items())
            request.headers.emplace_back(name, value.get<std::string>());
    }
    return out;
}

} // namespace doorward::tests
