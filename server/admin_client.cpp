#include "server/admin_client.hpp"

#include <curl/curl.h>

#include <array>
#include <exception>

namespace doorward::server {
namespace {

constexpr long connect_timeout_s = 10;
constexpr long exchange_timeout_s = 60;
constexpr long silence_timeout_s = 45; // of a stream, which says something every 15 s
constexpr std::size_t answer_bytes_max = std::size_t{256} * 1024 * 1024;

struct header_list {
    curl_slist* first = nullptr;

    header_list() = default;
    header_list(const header_list&) = delete;
    header_list& operator=(const header_list&) = delete;
    ~header_list() { curl_slist_free_all(first); }
    void add(const std::string& line) { first = curl_slist_append(first, line.c_str()); }
};

// Gives its caller pieces of a body as they come; what it throws ends the transfer and is thrown again behind it.
struct body_reader {
    std::function<void(std::string_view)> take;
    std::exception_ptr fault;

    static std::size_t write(char* data, std::size_t, std::size_t size, void* self)
    {
        auto& it = *static_cast<body_reader*>(self);
        try {
            it.take({data, size});
            return size;
        } catch (...) {
            it.fault = std::current_exception();
            return 0;
        }
    }
};

// Server-sent events are lines; `data` of one event is one line here.
class event_lines {
public:
    explicit event_lines(const std::function<void(const admin_json&)>& on_event) : on_event_{on_event} {}

    void take(std::string_view piece)
    {
        waiting_ += piece;
        for (auto end = waiting_.find('\n'); end != std::string::npos; end = waiting_.find('\n')) {
            const std::string line = waiting_.substr(0, end);
            waiting_.erase(0, end + 1);
            constexpr std::string_view data = "data:";
            if (line.starts_with(data))
                on_event_(admin_json::parse(line.substr(data.size())));
        }
        if (waiting_.size() > answer_bytes_max)
            throw unreachable{"the server sends a line without an end"};
    }

private:
    const std::function<void(const admin_json&)>& on_event_;
    std::string waiting_;
};

} // namespace

struct admin_client::connection {
    explicit connection(const admin_target& target) : where{target}, handle{curl_easy_init()}
    {
        if (handle == nullptr)
            throw unreachable{"the HTTP client cannot start"};
        while (where.url.ends_with('/'))
            where.url.pop_back();
    }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection() { curl_easy_cleanup(handle); }

    // Whom to ask, and as whom; everything of the request before is forgotten but the connection itself.
    void prepare(const std::string& method, const std::string& url, const header_list& headers)
    {
        curl_easy_reset(handle);
        set(CURLOPT_URL, url.c_str());
        set(CURLOPT_PROTOCOLS_STR, "http,https");
        set(CURLOPT_CUSTOMREQUEST, method.c_str());
        set(CURLOPT_HTTPHEADER, headers.first);
        set(CURLOPT_CONNECTTIMEOUT, connect_timeout_s);
        set(CURLOPT_NOSIGNAL, 1L);
        set(CURLOPT_ERRORBUFFER, error.data());
        error[0] = '\0';
        if (!where.token.empty()) {
            set(CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
            set(CURLOPT_XOAUTH2_BEARER, where.token.c_str());
        } else if (!where.username.empty()) {
            set(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
            set(CURLOPT_USERNAME, where.username.c_str());
            set(CURLOPT_PASSWORD, where.password.c_str());
        }
        if (!where.ca_file.empty())
            set(CURLOPT_CAINFO, where.ca_file.c_str());
        if (!where.certificate_file.empty())
            set(CURLOPT_SSLCERT, where.certificate_file.c_str());
        if (!where.key_file.empty())
            set(CURLOPT_SSLKEY, where.key_file.c_str());
    }

    template <class Value>
    void set(CURLoption option, Value value)
    {
        if (curl_easy_setopt(handle, option, value) != CURLE_OK)
            throw unreachable{"the HTTP client does not know an option"};
    }

    CURLcode perform(body_reader& reader)
    {
        set(CURLOPT_WRITEFUNCTION, &body_reader::write);
        set(CURLOPT_WRITEDATA, &reader);
        const CURLcode code = curl_easy_perform(handle);
        if (reader.fault)
            std::rethrow_exception(reader.fault);
        return code;
    }

    [[nodiscard]] unreachable failure(CURLcode code) const
    {
        return unreachable{where.url + ": " + (error[0] != '\0' ? error.data() : curl_easy_strerror(code))};
    }

    [[nodiscard]] long status() const
    {
        long out = 0;
        curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &out);
        return out;
    }

    [[nodiscard]] std::string escape(const std::string& text) const
    {
        char* const escaped = curl_easy_escape(handle, text.data(), static_cast<int>(text.size()));
        std::string out = escaped == nullptr ? std::string{} : std::string{escaped};
        curl_free(escaped);
        return out;
    }

    admin_target where;
    CURL* const handle;
    std::array<char, CURL_ERROR_SIZE> error{};
};

admin_client::admin_client(const admin_target& where) : connection_{std::make_unique<connection>(where)} {}

admin_client::~admin_client() = default;

std::string admin_client::segment(const std::string& text)
{
    const admin_target nowhere;
    return connection{nowhere}.escape(text);
}

admin_client::answer admin_client::request(const std::string& method, const std::string& path, const parameters& query,
                                           const std::optional<admin_json>& body)
{
    std::string url = connection_->where.url + path;
    char separator = '?';
    for (const auto& [name, value] : query) {
        if (!value.empty())
            url += separator + name + '=' + connection_->escape(value);
        if (!value.empty())
            separator = '&';
    }
    header_list headers;
    headers.add("Accept: application/json");
    headers.add("Expect:");
    if (!connection_->where.external_user.empty())
        headers.add("X-External-User: " + connection_->where.external_user);
    const std::string text = body ? body->dump() : std::string{};
    if (body)
        headers.add("Content-Type: application/json");
    connection_->prepare(method, url, headers);
    connection_->set(CURLOPT_TIMEOUT, exchange_timeout_s);
    if (body || method == "POST" || method == "PUT") {
        connection_->set(CURLOPT_POSTFIELDSIZE, static_cast<long>(text.size()));
        connection_->set(CURLOPT_POSTFIELDS, text.c_str());
    }
    answer out;
    body_reader reader{[&out](std::string_view piece) {
                           if (out.body.size() + piece.size() > answer_bytes_max)
                               throw unreachable{"the answer is too large"};
                           out.body += piece;
                       },
                       nullptr};
    if (const CURLcode code = connection_->perform(reader); code != CURLE_OK)
        throw connection_->failure(code);
    out.status = connection_->status();
    return out;
}

admin_client::answer admin_client::follow(const std::string& path, std::optional<std::uint64_t> after,
                                          const std::function<void(const admin_json&)>& on_event)
{
    header_list headers;
    headers.add("Accept: text/event-stream");
    if (after)
        headers.add("Last-Event-ID: " + std::to_string(*after));
    connection_->prepare("GET", connection_->where.url + path, headers);
    connection_->set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    connection_->set(CURLOPT_LOW_SPEED_TIME, silence_timeout_s);
    answer out;
    event_lines lines{on_event};
    body_reader reader{[&](std::string_view piece) {
                           if (connection_->status() == 200)
                               lines.take(piece);
                           else
                               out.body += piece;
                       },
                       nullptr};
    const CURLcode code = connection_->perform(reader);
    out.status = connection_->status();
    if (out.status == 0)
        throw connection_->failure(code);
    return out;
}

} // namespace doorward::server
