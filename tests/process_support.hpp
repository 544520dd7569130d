#pragma once

#include "bench/device.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace doorward::tests {

using bench::http_answer;
using bench::http_request;
using nlohmann::json;

// What the whole-server tests share: the binary as a process of its own, its clients, and a scene to start from.
//
// Nothing here calls Boost.Test, so that all of it may be used from any thread. What fails throws std::runtime_error
// with a text that says what was expected; a case that does not catch it fails with that text.

/// How long anything here waits for a process or an answer before it gives up. Far longer than anything should take,
/// also under sanitizers: it turns a hang into a failure and measures nothing.
inline constexpr std::chrono::seconds patience{60};

/// True when this program, and so the server beside it, is built with a sanitizer: its memory is not ours to judge.
[[nodiscard]] bool is_sanitized() noexcept;

/// The whole content of a file.
[[nodiscard]] std::string read_file(const std::filesystem::path& file);
void write_file(const std::filesystem::path& file, std::string_view content);

/// Random numbers of a test. The seed is DOORWARD_TEST_SEED, or drawn; either way it is printed, so that a failure can
/// be repeated as far as the schedule of threads allows.
[[nodiscard]] std::uint64_t test_seed();

/// A whole number from the environment.
[[nodiscard]] std::uint64_t environment_number(const char* name, std::uint64_t otherwise);

/// A directory of its own, removed with everything in it.
class temporary_directory {
public:
    temporary_directory();
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory();

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

/// One running program. Its standard error goes to a file, its standard output can be read line by line.
///
/// The program dies with the test, however that ends, and by its process id alone.
class child_process {
public:
    /// environment  lines NAME=VALUE in addition to our own
    /// sockets      handed over as a service manager does, from descriptor 3 on, with LISTEN_PID and LISTEN_FDS; 9 at
    /// most
    child_process(const std::string& program, const std::vector<std::string>& arguments,
                  const std::filesystem::path& error_file, const std::vector<std::string>& environment = {},
                  const std::vector<int>& sockets = {});
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;
    ~child_process();

    [[nodiscard]] pid_t id() const noexcept { return id_; }
    [[nodiscard]] bool is_running();
    void signal(int number) const;

    /// The next line without its end; empty when there is none any more.
    std::optional<std::string> read_line();
    /// Everything until the program closes its output.
    std::string read_rest();

    /// Waits for the end. Returns the exit status, or 128 and the number of the signal that ended it.
    int wait();

private:
    bool read_more();

    pid_t id_ = -1;
    int output_ = -1;
    std::string unread_;
    std::optional<int> status_;
};

struct program_result {
    int status;
    std::string out;
    std::string err;
};
/// Runs a program to its end.
program_result run_program(const std::string& program, const std::vector<std::string>& arguments);
/// Runs the doorward that is tested.
program_result run_doorward(const std::vector<std::string>& arguments);
/// Starts it, as something other than a server.
[[nodiscard]] std::unique_ptr<child_process> start_doorward(const std::vector<std::string>& arguments,
                                                            const std::filesystem::path& error_file);

/// A line between clients and one listener of a server on which a public validator listens along (tests/npm/validate):
/// it passes every byte as it comes, and compares requests and answers with handlers/openapi.json.
class validated_line {
public:
    /// Where DOORWARD_VALIDATOR says that such lines are to be had; empty: nobody wants them.
    [[nodiscard]] static std::string provider();

    /// side  "office" or "device"; server_url  of the listener; port  where clients find the line, 0 for any
    validated_line(std::string_view side, const std::string& server_url, unsigned short port = 0);
    validated_line(const validated_line&) = delete;
    validated_line& operator=(const validated_line&) = delete;
    /// Ends it. What was wrong then is in the validator's own report alone.
    ~validated_line();

    /// For clients, in place of the listener's.
    [[nodiscard]] const std::string& url() const noexcept { return url_; }
    /// Closes its connections. Throws when something that went over it was not as described.
    void end();

private:
    bench::http_client provider_;
    std::string id_; // empty once it has ended
    std::string url_;
};

/// One doorward on a directory of its own, which outlives stops, kills and restarts.
class server_process {
public:
    /// Makes the store; does not start the server.
    server_process();

    /// Lines NAME=VALUE for the servers that are started from now on.
    void set_environment(std::vector<std::string> lines) { environment_ = std::move(lines); }

    /// Listeners for the servers that are started from now on; see child_process.
    void set_sockets(std::vector<int> sockets) { sockets_ = std::move(sockets); }
    void signal(int number) const { child_->signal(number); }

    /// Runs `serve` and waits until it says where it listens.
    void start(const std::vector<std::string>& more_arguments = {});
    /// The same at the addresses of the last time, for clients that come again by themselves.
    void start_again();
    /// SIGTERM. Throws unless the server ends with status 0 and no sanitizer complained.
    void stop();
    /// The two halves of stop().
    void ask_to_stop() { child_->signal(15); }
    void expect_clean_end();
    /// SIGKILL, and waits for the end.
    void kill();
    /// Waits until the server has ended by itself; the status as of child_process.
    int wait_for_end();
    void restart()
    {
        stop();
        start();
    }

    [[nodiscard]] const std::string& device_url() const noexcept { return device_url_; }
    [[nodiscard]] const std::string& office_url() const noexcept { return office_url_; }
    [[nodiscard]] unsigned short device_port() const { return port_of(device_url_); }
    [[nodiscard]] unsigned short office_port() const { return port_of(office_url_); }

    [[nodiscard]] const std::filesystem::path& data() const noexcept { return data_; }
    [[nodiscard]] const std::string& admin_name() const noexcept { return admin_name_; }
    [[nodiscard]] const std::string& admin_password() const noexcept { return admin_password_; }
    /// All that the server wrote to standard error since the directory was made.
    [[nodiscard]] std::string log() const;
    /// Waits until the log holds a text.
    void wait_for_log(std::string_view text) const;
    /// A line of /proc/PID/status, in kB.
    [[nodiscard]] std::uint64_t memory_kb(std::string_view name) const;
    /// Files and connections that the server has open.
    [[nodiscard]] std::size_t descriptors() const;
    [[nodiscard]] bool is_running() { return child_ && child_->is_running(); }
    /// What each thread of the server waits for in the kernel, for the message about an answer that never came.
    [[nodiscard]] std::string waiting_threads() const;

private:
    static unsigned short port_of(const std::string& url);

    temporary_directory home_;
    std::filesystem::path data_;
    std::filesystem::path log_;
    std::string admin_name_;
    std::string admin_password_;
    std::string device_url_;
    std::string office_url_;
    std::string device_address_ = "127.0.0.1:0";
    std::string office_address_ = "127.0.0.1:0";
    std::string listened_device_; // the listeners' own addresses
    std::string listened_office_;
    unsigned short device_line_port_ = 0; // where a line is to be found; 0: anywhere
    unsigned short office_line_port_ = 0;
    std::vector<std::string> environment_;
    std::vector<int> sockets_;
    std::unique_ptr<child_process> child_;
    std::unique_ptr<validated_line> device_line_; // if wanted
    std::unique_ptr<validated_line> office_line_;

    void put_lines_between();
    void end_lines();
};

struct office_answer {
    int status = 0;
    json body;
};

/// A back office: JSON in and out, HTTP Basic. One thread at a time; follows its server through restarts.
class office_client {
public:
    office_client(const server_process& server, std::string_view name, std::string_view password);

    /// The answer, whatever its status.
    office_answer ask(std::string_view method, std::string_view path, const std::optional<json>& body = std::nullopt);
    office_answer ask_raw(std::string_view method, std::string_view path, std::string_view body);

    /// The body of a 200. Throws for any other status.
    json get(std::string_view path) { return accepted("GET", path); }
    json post(std::string_view path) { return accepted("POST", path); }
    json post(std::string_view path, const json& body) { return accepted("POST", path, body); }
    json put(std::string_view path, const json& body) { return accepted("PUT", path, body); }
    json remove(std::string_view path) { return accepted("DELETE", path); }

    json detail(std::string_view registration_id);
    /// The rows of the history, oldest first.
    std::vector<json> history(std::string_view registration_id);
    void commit(std::string_view registration_id);
    json block(std::string_view registration_id);
    json unblock(std::string_view registration_id);

    /// Asks about a request that a phone signed. uri_id  what the phone signed it for
    json verify(const http_request& signed_request, std::string_view uri_id = "/pa/signature/validate");
    [[nodiscard]] http_request verify_request(const http_request& signed_request,
                                              std::string_view uri_id = "/pa/signature/validate") const;

    /// The Authorization header, for those who write their own requests.
    [[nodiscard]] const std::string& credentials() const noexcept { return credentials_; }

private:
    json accepted(std::string_view method, std::string_view path, const std::optional<json>& body = std::nullopt);

    const server_process* server_; // outlives this object
    std::string credentials_;
    std::string url_;
    std::optional<bench::http_client> client_;
};

/// All events, page after page.
[[nodiscard]] std::vector<json> whole_feed(office_client& who);

/// A running server with one application and an account of its back office.
class scene {
public:
    /// noise_per_minute  of the application; 0 for cases that send more replays and noise than is let through
    explicit scene(unsigned noise_per_minute = 30);

    [[nodiscard]] bench::device new_phone(bench::wire_style style = bench::wire_style::android,
                                          bench::protocol_version version = bench::protocol_version::v3_3) const;
    /// A phone with another's state, counter included: what it signs competes for the same counter values.
    [[nodiscard]] bench::device twin_of(const bench::device& phone) const;

    struct fresh_registration {
        std::string id;
        std::string code; // with its signature, as in the QR code
    };
    fresh_registration create_registration(const std::string& user, const json& more = json::object());
    /// A phone that is ACTIVE.
    bench::device enroll(const std::string& user, const json& more = json::object(),
                         bench::wire_style style = bench::wire_style::android);
    [[nodiscard]] office_client new_office() const;

    server_process server;
    std::string application_id = "bank";
    office_client admin;
    json application_info; // as the server told it
    bench::application application;
    std::string office_name = "back-office";
    std::string office_password;
    office_client office;
};

/// A phone as a program of its own, with what all its commands have in common.
struct phone_program {
    std::string program;
    std::vector<std::string> first_words;
    std::vector<std::string> common;

    /// Runs one command; tells its exit status and the JSON that it printed.
    std::pair<int, json> operator()(const std::vector<std::string>& command) const;
};

/// The options by which either program finds the server of a scene. state  file that keeps the phone
[[nodiscard]] std::vector<std::string> phone_options(const scene& bank, const std::filesystem::path& state,
                                                     const std::string& style);

/// The PIN of every phone of a scene, and one that is never right.
inline constexpr std::string_view right_pin = "274913";
inline constexpr std::string_view wrong_pin = "999001";

/// One request and where it goes.
struct addressed_request {
    std::string base_url;
    http_request request;
};
/// Sends all requests at the same time, each over a connection that is open already and by a thread of its own. The
/// answers are in the order of the requests; one that never came has status 0 and the reason as its body.
[[nodiscard]] std::vector<http_answer> send_at_once(const std::vector<addressed_request>& requests);
[[nodiscard]] std::vector<http_answer> send_at_once(const std::string& base_url,
                                                    const std::vector<http_request>& requests);
[[nodiscard]] std::size_t count_status(const std::vector<http_answer>& answers, int status);

/// A TCP connection to 127.0.0.1 on which anything can be written.
class raw_connection {
public:
    explicit raw_connection(unsigned short port);
    raw_connection(raw_connection&& other) noexcept;
    raw_connection& operator=(raw_connection&&) = delete;
    ~raw_connection();

    /// Writes all of it; false when the server closed the connection before that.
    bool send(std::string_view data) const;
    /// Writes what fits without waiting; returns how much that was.
    std::size_t send_now(std::string_view data) const;
    /// No more will be written; answers can still be read.
    void finish_sending() const;
    /// Drops the connection with a reset, as a client that crashed.
    void reset();

    /// The next answer; none when the connection ended instead.
    std::optional<http_answer> read_answer();
    /// The head of an interim answer such as "100 Continue".
    std::optional<std::string> read_head();
    /// The next chunk of an answer that comes in chunks; the last one is empty. None when the connection ended instead.
    std::optional<std::string> read_chunk();
    /// Waits until what comes has this text in it, which stays to be read. False when the connection ended instead.
    bool await_text(std::string_view text);
    /// All that comes until the server closes the connection.
    std::string read_rest();
    /// True when the server has closed the connection and nothing is left to read. Waits for it.
    bool is_closed();

private:
    bool read_more();

    int socket_ = -1;
    std::string unread_;
};

} // namespace doorward::tests
