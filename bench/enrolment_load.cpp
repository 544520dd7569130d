#include "bench/enrolment_load.hpp"
#include "bench/wire.hpp"
#include "crypto/encoding.hpp"
#include "crypto/random.hpp"

#include <ctime>

#include <atomic>
#include <deque>
#include <memory>
#include <thread>

namespace doorward::bench {
namespace {

using steady = std::chrono::steady_clock;

constexpr auto version = protocol_version::v3_3;
constexpr auto style = wire_style::android;

double thread_cpu_seconds()
{
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

std::int64_t now_ms()
{
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// The text of a member; the servers' answers hold no escapes where this is used. Empty when it is not there.
std::string_view member_text(std::string_view json, std::string_view name)
{
    std::string marked = "\"";
    marked.append(name).append("\":\"");
    const auto at = json.find(marked);
    if (at == std::string_view::npos)
        return {};
    const auto rest = json.substr(at + marked.size());
    return rest.substr(0, rest.find('"'));
}

std::string post(std::string_view path, std::string_view header, std::string_view body)
{
    std::string out = "POST ";
    out.append(path).append(" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n").append(header);
    out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
    return out;
}

// What all phones of a run have in common. Immutable.
class common {
public:
    common(const fleet& of, std::string_view authorization)
        : app{of.application_key, of.application_secret, of.master_public_key},
          authorization_{"Authorization: " + std::string{authorization} + "\r\n"},
          encryption_{"X-PowerAuth-Encryption: " +
                      encryption_header(rules_of(version), app.key(), std::nullopt, style) + "\r\n"}
    {
        byte_array<32> one{};
        one.back() = 1;
        ephemeral_point_ = compressed(crypto::p256_private_key::import(one).value().point());
    }

    [[nodiscard]] std::string create_request(std::size_t number) const
    {
        return post("/v2/registrations", authorization_,
                    R"({"userId":"enrolled-)" + std::to_string(number) + R"(","appId":")" +
                        std::string{load_application_id} + "\"}");
    }

    [[nodiscard]] std::string temporary_key_request() const
    {
        const key_claims claims{app.key(), std::nullopt, crypto::to_base64(crypto::random_array<18>())};
        const auto jwt = sign_jwt_hs256(write_key_claims(claims, style), key_request_secret(app, std::nullopt));
        return post("/pa/v3/keystore/create", {}, R"({"requestObject":{"jwt":")" + jwt + "\"}}");
    }

    // The key exchange; empty when the server's answers hold not what it takes.
    [[nodiscard]] std::string exchange_request(std::string_view code, std::string_view key_answer,
                                               std::string_view inner_text) const
    {
        const auto jwt = member_text(key_answer, "jwt");
        const auto head = jwt.find('.');
        const auto claims = head == std::string_view::npos
                                ? std::nullopt
                                : crypto::from_base64url(jwt.substr(head + 1, jwt.rfind('.') - head - 1));
        if (!claims || code.empty())
            return {};
        const std::string key_id{member_text(crypto::as_text(*claims), "sub")};
        const auto point = crypto::from_base64(member_text(crypto::as_text(*claims), "publicKey"));
        if (key_id.empty() || !point || point->size() != sizeof(crypto::point_bytes))
            return {};

        const auto& rules = rules_of(version);
        const auto binding = bind_envelope(rules, app.key(), app.secret(), std::nullopt, std::nullopt, key_id);
        const bytes_view shared = bytes_view{*point}.subspan(1, 32); // 1 times that point
        const auto now = now_ms();
        const auto seal = [&](std::string_view use, std::string_view text) {
            auto out = seal_envelope(rules, derive_envelope_keys(rules, shared, use, ephemeral_point_), binding,
                                     ephemeral_point_, crypto::random_array<16>(), crypto::as_bytes(text), now);
            out.temporary_key_id = key_id;
            return out;
        };
        const auto inner = seal(purpose::activation_data, inner_text);
        const auto outer =
            seal(purpose::application, write_outer_activation("CODE", {{"code", std::string{code}}}, {}, inner, style));
        return post("/pa/v3/activation/create", encryption_, write_envelope(outer, style));
    }

    [[nodiscard]] std::string commit_request(std::string_view id) const
    {
        return post("/v2/registrations/" + std::string{id} + "/commit", authorization_, "{}");
    }

    const application app;

private:
    std::string authorization_; // header lines
    std::string encryption_;
    byte_array<33> ephemeral_point_{};
};

// What is ready before the clock starts.
struct prepared_phone {
    std::string create;
    std::string ask_key;
    std::string inner; // with the public half of the phone's key
};

prepared_phone prepare(const common& of, std::size_t number)
{
    const auto own = crypto::p256_private_key::generate();
    return {of.create_request(number), of.temporary_key_request(),
            write_inner_activation(compressed(own.point()), {}, style)};
}

struct shared_state {
    steady::time_point begin; // of measuring
    steady::time_point end;
    std::atomic<std::uint64_t> enrolled{0}; // for the progress line
};

// One phone after the other, and the office that looks after it.
class lane {
public:
    lane(const common& of, const target& where, std::deque<prepared_phone> phones)
        : of_{&of},
          office_{address_of(where.office_url)},
          device_{address_of(where.device_url)},
          phones_{std::move(phones)}
    {}

    [[nodiscard]] wire& side(std::size_t which) noexcept { return which == 0 ? office_ : device_; }
    [[nodiscard]] steady::time_point since() const noexcept { return since_; }

    enum class outcome { going_on, enrolled, refused, empty, broken };

    /// Begins with the next phone.
    outcome start()
    {
        if (phones_.empty())
            return outcome::empty;
        since_ = steady::now();
        step_ = step::create;
        return send(office_, phones_.front().create);
    }

    /// Goes on with the answer that is complete.
    outcome answered()
    {
        const bool at_office = step_ == step::create || step_ == step::commit;
        const wire& from = at_office ? office_ : device_;
        if (from.status() != 200) {
            phones_.pop_front();
            return outcome::refused;
        }
        switch (step_) {
        case step::create:
            id_ = member_text(from.body(), "registrationId");
            code_ = member_text(from.body(), "activationCode");
            step_ = step::ask_key;
            return send(device_, phones_.front().ask_key);
        case step::ask_key:
            step_ = step::exchange;
            request_ = of_->exchange_request(code_, from.body(), phones_.front().inner);
            return send(device_, request_);
        case step::exchange:
            step_ = step::commit;
            request_ = of_->commit_request(id_);
            return send(office_, request_);
        case step::commit:
            break;
        }
        phones_.pop_front();
        return outcome::enrolled;
    }

private:
    enum class step { create, ask_key, exchange, commit };

    static outcome send(wire& over, std::string_view request)
    {
        return !request.empty() && over.send(request) ? outcome::going_on : outcome::broken;
    }

    const common* of_;
    wire office_;
    wire device_;
    std::deque<prepared_phone> phones_;
    steady::time_point since_;
    step step_{};
    std::string id_;
    std::string code_;
    std::string request_; // as long as it is on its way
};

class worker {
public:
    worker(std::deque<lane> lanes, shared_state& shared) : lanes_{std::move(lanes)}, shared_{shared}
    {
        for (std::size_t i = 0; i < lanes_.size(); ++i) {
            for (std::size_t side = 0; side < 2; ++side)
                ready_.add(lanes_[i].side(side).number(), 2 * i + side);
        }
    }

    void run()
    {
        for (lane& each : lanes_)
            act(each, each.start());
        bool measuring = false;
        double cpu_before = thread_cpu_seconds();
        for (auto now = steady::now(); now < shared_.end && alive_ > 0;) {
            const auto found = ready_.wait((measuring ? shared_.end : shared_.begin) - now);
            now = steady::now();
            if (!measuring && now >= shared_.begin) {
                measuring = true;
                cpu_before = thread_cpu_seconds();
            }
            for (const std::size_t index : found) {
                lane& of = lanes_[index / 2];
                wire& over = of.side(index % 2);
                if (!over.waiting())
                    continue;
                const auto got = over.receive();
                if (got == wire::progress::broken)
                    act(of, lane::outcome::broken);
                else if (got == wire::progress::complete)
                    act(of, of.answered());
            }
        }
        ended_at = steady::now();
        result.client_cpu_seconds = thread_cpu_seconds() - cpu_before;
    }

    enrolment_result result;
    steady::time_point ended_at;

private:
    void act(lane& on, lane::outcome what)
    {
        const bool counts = steady::now() >= shared_.begin;
        switch (what) {
        case lane::outcome::going_on:
            return;
        case lane::outcome::enrolled:
            shared_.enrolled.fetch_add(1, std::memory_order_relaxed);
            if (counts) {
                ++result.enrolled;
                const std::chrono::nanoseconds took = steady::now() - on.since();
                result.latency_ns.record(static_cast<std::uint64_t>(took.count()));
            }
            return act(on, on.start());
        case lane::outcome::refused:
            ++result.unexpected;
            return act(on, on.start());
        case lane::outcome::empty:
            ++result.ran_dry;
            break;
        case lane::outcome::broken:
            ++result.broken;
            break;
        }
        on.side(0).close();
        on.side(1).close();
        --alive_;
    }

    std::deque<lane> lanes_;
    shared_state& shared_;
    ready_list ready_;
    std::size_t alive_ = lanes_.size();
};

} // namespace

enrolment_result run_enrolments(const enrolment_settings& wanted, const std::function<void(std::uint64_t)>& tick)
{
    office_client office{wanted.where.office_url, wanted.where.username, wanted.where.password};
    const common all{empty_fleet(office), office.authorization()};
    std::vector<std::deque<prepared_phone>> phones(wanted.connections);
    for (std::size_t i = 0; i < std::max(wanted.prepared, wanted.connections); ++i)
        phones[i % wanted.connections].push_back(prepare(all, i));

    const unsigned count = std::max(1U, wanted.threads);
    std::vector<std::deque<lane>> shares(count);
    for (std::size_t i = 0; i < wanted.connections; ++i)
        shares[i % count].emplace_back(all, wanted.where, std::move(phones[i]));

    shared_state shared;
    shared.begin = steady::now() + wanted.warm_up;
    shared.end = shared.begin + wanted.duration;
    std::vector<std::unique_ptr<worker>> workers;
    for (auto& share : shares)
        workers.push_back(std::make_unique<worker>(std::move(share), shared));
    std::atomic<unsigned> running{count};
    std::vector<std::thread> threads;
    for (const auto& each : workers) {
        threads.emplace_back([&running, worker = each.get()] {
            worker->run();
            running.fetch_sub(1);
        });
    }
    for (auto next = steady::now(); running.load() > 0;) {
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
        if (steady::now() >= next) {
            tick(shared.enrolled.load());
            next += std::chrono::seconds{1};
        }
    }
    enrolment_result out;
    auto last = shared.begin;
    for (std::size_t i = 0; i < workers.size(); ++i) {
        threads[i].join();
        const enrolment_result& part = workers[i]->result;
        out.latency_ns.merge(part.latency_ns);
        out.enrolled += part.enrolled;
        out.unexpected += part.unexpected;
        out.broken += part.broken;
        out.ran_dry += part.ran_dry;
        out.client_cpu_seconds += part.client_cpu_seconds;
        last = std::max(last, workers[i]->ended_at);
    }
    out.enrolled_with_warm_up = shared.enrolled.load();
    out.seconds = std::chrono::duration<double>(last - shared.begin).count();
    return out;
}

} // namespace doorward::bench
