#include "server/config.hpp"

#include <charconv>
#include <cstdlib>
#include <stdexcept>

namespace doorward::server {

std::filesystem::path default_master_key(const std::filesystem::path& data)
{
    if (const char* credentials = std::getenv("CREDENTIALS_DIRECTORY")) { // NOLINT(concurrency-mt-unsafe): start-up
        const auto given = std::filesystem::path{credentials} / "master.key";
        if (std::filesystem::exists(given))
            return given;
    }
    return data / "master.key";
}

bool is_credential(const std::filesystem::path& file)
{
    const char* const credentials = std::getenv("CREDENTIALS_DIRECTORY"); // NOLINT(concurrency-mt-unsafe): start-up
    return credentials != nullptr && file.parent_path() == std::filesystem::path{credentials};
}

void add_tls_credentials(settings& to)
{
    const char* const credentials = std::getenv("CREDENTIALS_DIRECTORY"); // NOLINT(concurrency-mt-unsafe): start-up
    if (credentials == nullptr)
        return;
    const auto take = [directory = std::filesystem::path{credentials}](std::filesystem::path& file, const char* name) {
        if (file.empty() && std::filesystem::exists(directory / name))
            file = directory / name;
    };
    if (to.device_tls.certificate.empty() && to.device_tls.key.empty()) {
        take(to.device_tls.certificate, "device.crt");
        take(to.device_tls.key, "device.key");
    }
    if (to.office_tls.certificate.empty() && to.office_tls.key.empty()) {
        take(to.office_tls.certificate, "office.crt");
        take(to.office_tls.key, "office.key");
    }
    if (to.office_tls.wanted())
        take(to.office_tls.client_ca, "office-clients.crt");
}

boost::asio::ip::tcp::endpoint parse_endpoint(const std::string& text)
{
    namespace ip = boost::asio::ip;
    const auto refuse = [&text]() -> std::invalid_argument {
        return std::invalid_argument{"'" + text + "' is not ADDRESS:PORT, for example 127.0.0.1:8080"};
    };
    const auto colon = text.rfind(':');
    if (colon == std::string::npos)
        throw refuse();
    unsigned short port = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, bad] = std::from_chars(text.data() + colon + 1, end, port);
    if (bad != std::errc{} || stop != end)
        throw refuse();

    std::string host = text.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    if (host.empty())
        return {ip::tcp::v4(), port};
    if (host == "localhost")
        host = "127.0.0.1";
    boost::system::error_code ec;
    const auto address = ip::make_address(host, ec);
    if (ec)
        throw refuse();
    return {address, port};
}

std::string to_text(const boost::asio::ip::tcp::endpoint& where)
{
    const auto address = where.address().to_string();
    return (where.address().is_v6() ? '[' + address + ']' : address) + ':' + std::to_string(where.port());
}

} // namespace doorward::server
