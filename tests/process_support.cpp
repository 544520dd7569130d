#include "tests/process_support.hpp"
#include "crypto/encoding.hpp"

#include <algorithm>
#include <barrier>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace doorward::tests {
namespace {

using crypto::as_bytes;
using crypto::to_base64;

[[noreturn]] void fail(const std::string& what)
{
    throw std::runtime_error{what};
}

[[noreturn]] void fail_with_errno(const std::string& what)
{
    fail(what + ": " + std::generic_category().message(errno));
}

// True when something can be done with a descriptor, false when patience has run out.
bool wait_for(int descriptor, short events)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0)
            return false;
        pollfd waited{descriptor, events, 0};
        const int ready = ::poll(&waited, 1, static_cast<int>(left.count()));
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            fail_with_errno("poll");
    }
}

json parse(std::string_view text, std::string_view what)
{
    auto document = json::parse(text, nullptr, false);
    if (document.is_discarded())
        fail(std::string{what} + " is not JSON: " + std::string{text});
    return document;
}

std::string url_after(std::string_view line, std::string_view mark)
{
    const auto at = line.find(mark);
    if (at == std::string_view::npos)
        fail("the server does not say where it listens: " + std::string{line});
    const auto rest = line.substr(at + mark.size());
    return std::string{rest.substr(0, rest.find(' '))};
}

std::string address_in(const std::string& url)
{
    return url.substr(url.find("//") + 2);
}

// After a fork: the sockets become the descriptors from 3 on, by way of some that are in nobody's way.
void hand_over(const std::vector<int>& sockets)
{
    constexpr int first = 3;
    constexpr int aside = 1000;
    for (std::size_t i = 0; i < sockets.size(); ++i)
        ::fcntl(sockets[i], F_DUPFD_CLOEXEC, aside + static_cast<int>(i));
    for (std::size_t i = 0; i < sockets.size(); ++i)
        ::dup2(aside + static_cast<int>(i), first + static_cast<int>(i));
}

} // namespace

bool is_sanitized() noexcept
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return true;
#else
    return false;
#endif
#else
    return false;
#endif
}

std::string read_file(const std::filesystem::path& file)
{
    std::ifstream stream{file, std::ios::binary};
    std::ostringstream content;
    content << stream.rdbuf();
    return content.str();
}

void write_file(const std::filesystem::path& file, std::string_view content)
{
    std::ofstream stream{file, std::ios::binary};
    stream << content;
}

std::uint64_t environment_number(const char* name, std::uint64_t otherwise)
{
    const char* text = std::getenv(name); // NOLINT(concurrency-mt-unsafe): nothing here changes the environment
    return text == nullptr || *text == '\0' ? otherwise : std::stoull(text);
}

std::uint64_t test_seed()
{
    const auto seed = environment_number("DOORWARD_TEST_SEED", std::random_device{}());
    std::cout << "DOORWARD_TEST_SEED=" << seed << std::endl;
    return seed;
}

// --- directories and processes

temporary_directory::temporary_directory()
{
    std::string name = std::filesystem::temp_directory_path() / "doorward-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
        fail_with_errno("cannot make a directory for the test");
    path_ = name;
}

temporary_directory::~temporary_directory()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

child_process::child_process(const std::string& program, const std::vector<std::string>& arguments,
                             const std::filesystem::path& error_file, const std::vector<std::string>& environment,
                             const std::vector<int>& sockets)
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        fail_with_errno("pipe");
    const int errors = ::open(error_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (errors < 0)
        fail_with_errno("cannot write " + error_file.string());

    std::vector<char*> words{const_cast<char*>(program.c_str())};
    for (const std::string& argument : arguments)
        words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    std::vector<char*> lines;
    char process_line[32] = "LISTEN_PID="; // completed by the child, which knows it
    char count_line[16] = "LISTEN_FDS=";
    if (!sockets.empty()) {
        count_line[sizeof "LISTEN_FDS=" - 1] = static_cast<char>('0' + sockets.size());
        lines.push_back(process_line);
        lines.push_back(count_line);
    }
    for (const std::string& line : environment) // first: of two lines with one name the first counts
        lines.push_back(const_cast<char*>(line.c_str()));
    for (char** line = environ; *line != nullptr; ++line)
        lines.push_back(*line);
    lines.push_back(nullptr);

    const pid_t parent = ::getpid();
    id_ = ::fork();
    if (id_ < 0)
        fail_with_errno("fork");
    if (id_ == 0) { // only calls that are allowed after fork in a program with threads
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent)
            ::_exit(126);
        ::dup2(ends[1], STDOUT_FILENO);
        ::dup2(errors, STDERR_FILENO);
        char* const digits = process_line + sizeof "LISTEN_PID=" - 1;
        *std::to_chars(digits, process_line + sizeof process_line - 1, ::getpid()).ptr = '\0';
        hand_over(sockets);
        std::signal(SIGPIPE, SIG_DFL);
        ::execvpe(program.c_str(), words.data(), lines.data());
        ::_exit(127);
    }
    ::close(ends[1]);
    ::close(errors);
    output_ = ends[0];
}

child_process::~child_process()
{
    if (is_running())
        ::kill(id_, SIGKILL);
    if (!status_)
        ::waitpid(id_, nullptr, 0);
    ::close(output_);
}

bool child_process::is_running()
{
    if (status_)
        return false;
    siginfo_t about{};
    // WNOWAIT leaves the status for wait().
    return ::waitid(P_PID, static_cast<id_t>(id_), &about, WEXITED | WNOHANG | WNOWAIT) == 0 && about.si_pid == 0;
}

void child_process::signal(int number) const
{
    if (!status_)
        ::kill(id_, number);
}

bool child_process::read_more()
{
    if (!wait_for(output_, POLLIN))
        fail("a program keeps silent for too long");
    char some[4096];
    const auto size = ::read(output_, some, sizeof some);
    if (size > 0)
        unread_.append(some, static_cast<std::size_t>(size));
    return size > 0;
}

std::optional<std::string> child_process::read_line()
{
    std::size_t end = 0;
    while ((end = unread_.find('\n')) == std::string::npos) {
        if (!read_more())
            return std::nullopt;
    }
    std::string line = unread_.substr(0, end);
    unread_.erase(0, end + 1);
    return line;
}

std::string child_process::read_rest()
{
    while (read_more()) {
    }
    return std::move(unread_);
}

int child_process::wait()
{
    if (status_)
        return *status_;
    // The output ends with the program, which makes this a wait with a limit.
    while (read_more()) {
    }
    int status = 0;
    if (::waitpid(id_, &status, 0) != id_)
        fail_with_errno("waitpid");
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return *status_;
}

program_result run_program(const std::string& program, const std::vector<std::string>& arguments)
{
    const temporary_directory home;
    const auto errors = home.path() / "stderr";
    child_process child{program, arguments, errors};
    program_result result;
    result.out = child.read_rest();
    result.status = child.wait();
    result.err = read_file(errors);
    return result;
}

program_result run_doorward(const std::vector<std::string>& arguments)
{
    return run_program(DOORWARD_BINARY, arguments);
}

std::unique_ptr<child_process> start_doorward(const std::vector<std::string>& arguments,
                                              const std::filesystem::path& error_file)
{
    return std::make_unique<child_process>(DOORWARD_BINARY, arguments, error_file);
}

// --- the validator

std::string validated_line::provider()
{
    const char* const named = std::getenv("DOORWARD_VALIDATOR"); // NOLINT(concurrency-mt-unsafe): as above
    return named == nullptr ? "" : named;
}

validated_line::validated_line(std::string_view side, const std::string& server_url, unsigned short port)
    : provider_{provider()}
{
    const json wanted{{"side", side}, {"to", address_in(server_url)}, {"port", port}};
    const auto answer = provider_.request("POST", "/", {{"Content-Type", "application/json"}}, wanted.dump());
    if (answer.status != 200)
        fail("the validator has no line: " + answer.body);
    const auto made = parse(answer.body, "what the validator said");
    id_ = made.at("id").get<std::string>();
    url_ = "http://" + made.at("from").get<std::string>();
}

validated_line::~validated_line()
{
    try {
        end();
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): the validator keeps it for its own report
    }
}

void validated_line::end()
{
    if (id_.empty())
        return;
    const auto answer = provider_.request("DELETE", "/" + std::exchange(id_, {}), {}, "");
    if (answer.status != 200)
        fail("the validator failed: " + answer.body);
    const json told = parse(answer.body, "what the validator said");
    for (const json& each : told.at("violations"))
        fail("not as described: " + each.get<std::string>());
}

// --- the server

server_process::server_process() : data_{home_.path() / "data"}, log_{home_.path() / "log"}
{
    const auto made = run_doorward({"init", "--data", data_.string()});
    if (made.status != 0)
        fail("init failed: " + made.err);
    const auto admin = parse(made.out, "what init printed");
    admin_name_ = admin.at("username").get<std::string>();
    admin_password_ = admin.at("password").get<std::string>();
}

void server_process::start_again()
{
    device_line_port_ = device_port();
    office_line_port_ = office_port();
    device_address_ = listened_device_;
    office_address_ = listened_office_;
    start();
}

void server_process::start(const std::vector<std::string>& more_arguments)
{
    std::vector<std::string> arguments{"serve",         "--data",   data_.string(), "--device",
                                       device_address_, "--office", office_address_};
    arguments.insert(arguments.end(), more_arguments.begin(), more_arguments.end());
    child_ = std::make_unique<child_process>(DOORWARD_BINARY, arguments, log_, environment_, sockets_);
    const auto line = child_->read_line();
    if (!line)
        fail("the server ended with status " + std::to_string(child_->wait()) + ": " + log());
    device_url_ = url_after(*line, "doorward listens: device ");
    office_url_ = url_after(*line, " office ");
    put_lines_between();
}

void server_process::put_lines_between()
{
    device_line_.reset(); // of a server that ended by itself
    office_line_.reset();
    listened_device_ = address_in(device_url_);
    listened_office_ = address_in(office_url_);
    // What is encrypted is for client and server alone, and who hands over listeners wants to see those.
    if (validated_line::provider().empty() || device_url_.starts_with("https:") || !sockets_.empty())
        return;
    device_line_ = std::make_unique<validated_line>("device", device_url_, device_line_port_);
    office_line_ = std::make_unique<validated_line>("office", office_url_, office_line_port_);
    device_url_ = device_line_->url();
    office_url_ = office_line_->url();
}

void server_process::end_lines()
{
    const auto device = std::move(device_line_); // both are gone, whichever complains
    const auto office = std::move(office_line_);
    for (const auto& each : {device.get(), office.get()}) {
        if (each != nullptr)
            each->end();
    }
}

void server_process::stop()
{
    ask_to_stop();
    expect_clean_end();
}

void server_process::expect_clean_end()
{
    const int status = child_->wait();
    child_.reset();
    end_lines();
    const std::string said = log();
    if (status != 0)
        fail("the server ended with status " + std::to_string(status) + ": " + said);
    for (const std::string_view complaint : {"Sanitizer", "runtime error:", "Assertion"}) {
        if (said.find(complaint) != std::string::npos)
            fail("the server complained: " + said);
    }
}

void server_process::kill()
{
    child_->signal(SIGKILL);
    const int status = child_->wait();
    child_.reset();
    end_lines();
    if (status != 128 + SIGKILL)
        fail("the server ended by itself with status " + std::to_string(status) + ": " + log());
}

int server_process::wait_for_end()
{
    const int status = child_->wait();
    child_.reset();
    return status;
}

std::string server_process::log() const
{
    return read_file(log_);
}

void server_process::wait_for_log(std::string_view text) const
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (log().find(text) == std::string::npos) {
        if (std::chrono::steady_clock::now() > deadline)
            fail("the log never says \"" + std::string{text} + "\": " + log());
        std::this_thread::yield();
    }
}

std::uint64_t server_process::memory_kb(std::string_view name) const
{
    std::ifstream status{"/proc/" + std::to_string(child_->id()) + "/status"};
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(name) && line.substr(name.size()).starts_with(':'))
            return std::stoull(line.substr(name.size() + 1));
    }
    fail("the system does not tell " + std::string{name});
}

std::size_t server_process::descriptors() const
{
    const std::filesystem::directory_iterator all{"/proc/" + std::to_string(child_->id()) + "/fd"};
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

std::string server_process::waiting_threads() const
{
    std::string out;
    std::error_code gone; // a thread, or all of them, may end meanwhile
    for (const auto& thread :
         std::filesystem::directory_iterator{"/proc/" + std::to_string(child_->id()) + "/task", gone}) {
        const std::string name = read_file(thread.path() / "comm");
        out += name.substr(0, name.find('\n')) + " in " + read_file(thread.path() / "wchan") + "; ";
    }
    return out;
}

unsigned short server_process::port_of(const std::string& url)
{
    return static_cast<unsigned short>(std::stoul(url.substr(url.rfind(':') + 1)));
}

// --- the back office

office_client::office_client(const server_process& server, std::string_view name, std::string_view password)
    : server_{&server}, credentials_{"Basic " + to_base64(as_bytes(std::string{name} + ':' + std::string{password}))}
{}

office_answer office_client::ask(std::string_view method, std::string_view path, const std::optional<json>& body)
{
    return ask_raw(method, path, body ? body->dump() : std::string{});
}

office_answer office_client::ask_raw(std::string_view method, std::string_view path, std::string_view body)
{
    if (url_ != server_->office_url()) {
        url_ = server_->office_url();
        client_.emplace(url_);
    }
    const auto answer =
        client_->request(method, path, {{"Authorization", credentials_}, {"Content-Type", "application/json"}}, body);
    return {answer.status, parse(answer.body, std::string{method} + ' ' + std::string{path})};
}

json office_client::accepted(std::string_view method, std::string_view path, const std::optional<json>& body)
{
    auto answer = ask(method, path, body);
    if (answer.status != 200)
        fail(std::string{method} + ' ' + std::string{path} + " answered " + std::to_string(answer.status) + ' ' +
             answer.body.dump());
    return std::move(answer.body);
}

std::vector<json> whole_feed(office_client& who)
{
    std::vector<json> out;
    for (std::uint64_t after = 0;;) {
        const auto page = who.get("/v2/events?limit=1000&after=" + std::to_string(after));
        for (const json& each : page.at("events"))
            out.push_back(each);
        if (page.at("next") == page.at("last"))
            return out;
        after = page.at("next").get<std::uint64_t>();
    }
}

json office_client::detail(std::string_view registration_id)
{
    return get("/v2/registrations/" + std::string{registration_id});
}

std::vector<json> office_client::history(std::string_view registration_id)
{
    std::vector<json> rows;
    std::string cursor;
    do {
        const auto page = get("/v2/registrations/" + std::string{registration_id} + "/history?limit=1000" + cursor);
        for (const json& row : page.at("items"))
            rows.push_back(row);
        cursor = page.contains("nextCursor") ? "&cursor=" + page.at("nextCursor").get<std::string>() : "";
    } while (!cursor.empty());
    std::ranges::reverse(rows);
    return rows;
}

void office_client::commit(std::string_view registration_id)
{
    post("/v2/registrations/" + std::string{registration_id} + "/commit", json::object());
}

json office_client::block(std::string_view registration_id)
{
    return put("/v2/registrations/" + std::string{registration_id}, {{"change", "BLOCK"}});
}

json office_client::unblock(std::string_view registration_id)
{
    return put("/v2/registrations/" + std::string{registration_id}, {{"change", "UNBLOCK"}});
}

http_request office_client::verify_request(const http_request& signed_request, std::string_view uri_id) const
{
    json body = {{"method", signed_request.method}, {"uriId", uri_id}};
    for (const auto& [name, value] : signed_request.headers) {
        if (name == "X-PowerAuth-Authorization")
            body["authHeader"] = value;
    }
    body["requestBody"] = to_base64(as_bytes(signed_request.body));
    return {"POST",
            "/v2/signature/verify",
            {{"Authorization", credentials_}, {"Content-Type", "application/json"}},
            body.dump()};
}

json office_client::verify(const http_request& signed_request, std::string_view uri_id)
{
    const auto asked = verify_request(signed_request, uri_id);
    return post(asked.path, json::parse(asked.body));
}

// --- the scene

namespace {

bench::application application_from(const json& told)
{
    return bench::application::from_sdk_config(told.at("mobileSdkConfig").get<std::string>());
}

server_process& started(server_process& server)
{
    server.start();
    return server;
}

} // namespace

scene::scene(unsigned noise_per_minute)
    : admin{started(server), server.admin_name(), server.admin_password()},
      application_info(
          admin.post("/admin/applications", {{"id", application_id}, {"unproven", {{"perMinute", noise_per_minute}}}})),
      application{application_from(application_info)},
      office_password{admin.post("/admin/users", {{"username", office_name}, {"role", "INTEGRATION"}})
                          .at("password")
                          .get<std::string>()},
      office{server, office_name, office_password}
{
    admin.post("/admin/users/" + office_name + "/applications/" + application_id);
}

bench::device scene::new_phone(bench::wire_style style, bench::protocol_version version) const
{
    bench::device_state state;
    state.version = version;
    state.pin_iterations = 1;
    // Its connection follows the server through restarts.
    struct line {
        std::string url;
        std::optional<bench::http_client> client;
    };
    auto kept = std::make_shared<line>();
    const auto send = [kept, to = &server](const http_request& request) {
        if (kept->url != to->device_url()) {
            kept->url = to->device_url();
            kept->client.emplace(kept->url);
        }
        return kept->client->request(request);
    };
    return bench::device{application, std::move(state), style, send};
}

bench::device scene::twin_of(const bench::device& phone) const
{
    return bench::device{application, phone.state(), phone.style()};
}

scene::fresh_registration scene::create_registration(const std::string& user, const json& more)
{
    json wanted = more;
    wanted["userId"] = user;
    wanted["appId"] = application_id;
    const auto made = office.post("/v2/registrations", wanted);
    return {made.at("registrationId").get<std::string>(), made.at("activationQrCodeData").get<std::string>()};
}

bench::device scene::enroll(const std::string& user, const json& more, bench::wire_style style)
{
    const auto made = create_registration(user, more);
    auto phone = new_phone(style);
    bench::activation_details details;
    details.biometry = true;
    phone.activate(made.code, right_pin, details);
    office.commit(made.id);
    return phone;
}

office_client scene::new_office() const
{
    return {server, office_name, office_password};
}

// --- at once

std::pair<int, json> phone_program::operator()(const std::vector<std::string>& command) const
{
    std::vector<std::string> words = first_words;
    words.insert(words.end(), common.begin(), common.end());
    words.insert(words.end(), command.begin(), command.end());
    const auto result = run_program(program, words);
    auto told = json::parse(result.out, nullptr, false);
    if (told.is_discarded())
        throw std::runtime_error{"a phone printed no JSON: " + result.out + result.err};
    return {result.status, std::move(told)};
}

std::vector<std::string> phone_options(const scene& bank, const std::filesystem::path& state, const std::string& style)
{
    return {"--server",     bank.server.device_url(),
            "--sdk-config", bank.application_info.at("mobileSdkConfig").get<std::string>(),
            "--state",      state.string(),
            "--style",      style};
}

std::vector<http_answer> send_at_once(const std::vector<addressed_request>& requests)
{
    std::vector<http_answer> answers(requests.size());
    std::barrier start{static_cast<std::ptrdiff_t>(requests.size())};
    std::vector<std::thread> threads;
    threads.reserve(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
        threads.emplace_back([&, i] {
            bool waiting = true;
            try {
                bench::http_client client{requests[i].base_url};
                static_cast<void>(client.request("GET", "/health", {}, ""));
                waiting = false;
                start.arrive_and_wait();
                answers[i] = client.request(requests[i].request);
            } catch (const std::exception& problem) {
                if (waiting)
                    start.arrive_and_drop();
                answers[i].body = problem.what();
            }
        });
    }
    for (std::thread& each : threads)
        each.join();
    return answers;
}

std::vector<http_answer> send_at_once(const std::string& base_url, const std::vector<http_request>& requests)
{
    std::vector<addressed_request> all;
    for (const http_request& each : requests)
        all.push_back({base_url, each});
    return send_at_once(all);
}

std::size_t count_status(const std::vector<http_answer>& answers, int status)
{
    return static_cast<std::size_t>(std::ranges::count(answers, status, &http_answer::status));
}

// --- raw connections

raw_connection::raw_connection(unsigned short port) : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}
{
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (socket_ < 0 || ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
        fail_with_errno("cannot connect");
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

raw_connection::raw_connection(raw_connection&& other) noexcept
    : socket_{std::exchange(other.socket_, -1)}, unread_{std::move(other.unread_)}
{}

raw_connection::~raw_connection()
{
    if (socket_ >= 0)
        ::close(socket_);
}

bool raw_connection::send(std::string_view data) const
{
    while (!data.empty()) {
        // Never blocks, and reads nothing meanwhile: a server that stops reading is noticed by patience running out.
        const auto sent = ::send(socket_, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            data.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno == EAGAIN) {
            if (!wait_for(socket_, POLLOUT))
                fail("the server does not read");
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

std::size_t raw_connection::send_now(std::string_view data) const
{
    const auto sent = ::send(socket_, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

void raw_connection::finish_sending() const
{
    ::shutdown(socket_, SHUT_WR);
}

void raw_connection::reset()
{
    const linger at_once{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(std::exchange(socket_, -1));
}

bool raw_connection::read_more()
{
    if (!wait_for(socket_, POLLIN))
        fail("the server neither answers nor closes; so far: " + unread_);
    char some[16384];
    const auto size = ::recv(socket_, some, sizeof some, 0);
    if (size > 0)
        unread_.append(some, static_cast<std::size_t>(size));
    return size > 0;
}

std::optional<std::string> raw_connection::read_head()
{
    std::size_t end = 0;
    while ((end = unread_.find("\r\n\r\n")) == std::string::npos) {
        if (!read_more())
            return std::nullopt;
    }
    std::string head = unread_.substr(0, end + 2);
    unread_.erase(0, end + 4);
    return head;
}

std::optional<http_answer> raw_connection::read_answer()
{
    const auto head = read_head();
    if (!head)
        return std::nullopt;
    http_answer answer;
    if (!head->starts_with("HTTP/1.1 ") || head->size() < 12)
        fail("this is no answer: " + *head);
    std::from_chars(head->data() + 9, head->data() + 12, answer.status);
    for (std::size_t at = head->find("\r\n") + 2; at < head->size();) {
        const auto end = head->find("\r\n", at);
        const auto line = head->substr(at, end - at);
        const auto colon = line.find(": ");
        if (colon == std::string::npos)
            fail("this is no header field: " + line);
        answer.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
        at = end + 2;
    }
    const auto length = answer.header("Content-Length");
    if (!length)
        fail("an answer without Content-Length: " + *head);
    const std::size_t size = std::stoul(std::string{*length});
    while (unread_.size() < size) {
        if (!read_more())
            fail("an answer is cut off: " + *head);
    }
    answer.body = unread_.substr(0, size);
    unread_.erase(0, size);
    return answer;
}

std::optional<std::string> raw_connection::read_chunk()
{
    std::size_t line_end = 0;
    while ((line_end = unread_.find("\r\n")) == std::string::npos) {
        if (!read_more())
            return std::nullopt;
    }
    std::size_t size = 0;
    if (std::from_chars(unread_.data(), unread_.data() + line_end, size, 16).ptr != unread_.data() + line_end)
        fail("this is no chunk: " + unread_);
    while (unread_.size() < line_end + 2 + size + 2) {
        if (!read_more())
            return std::nullopt;
    }
    std::string chunk = unread_.substr(line_end + 2, size);
    if (unread_.substr(line_end + 2 + size, 2) != "\r\n")
        fail("a chunk does not end where it says: " + unread_);
    unread_.erase(0, line_end + 2 + size + 2);
    return chunk;
}

bool raw_connection::await_text(std::string_view text)
{
    while (unread_.find(text) == std::string::npos) {
        if (!read_more())
            return false;
    }
    return true;
}

std::string raw_connection::read_rest()
{
    while (read_more()) {
    }
    return std::exchange(unread_, {});
}

bool raw_connection::is_closed()
{
    while (read_more()) {
    }
    return unread_.empty();
}

} // namespace doorward::tests
