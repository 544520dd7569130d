#include "tests/support.hpp"
#include "crypto/encoding.hpp"
#include "crypto/password.hpp"
#include "crypto/random.hpp"
#include "handlers/sweep.hpp"
#include "registry/master_key.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <cstdlib>
#include <fstream>
#include <iostream>

namespace doorward::tests {
namespace {

namespace asio = boost::asio;

crypto::key16 filled_key(crypto::byte with)
{
    crypto::byte_array<16> raw{};
    raw.fill(with);
    return crypto::key16{raw};
}

bool boost_string_equal(std::string_view a, std::string_view b)
{
    return std::ranges::equal(a, b, [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

answer to_answer(const handlers::response& from)
{
    answer out;
    out.status = from.status;
    out.text = from.body;
    out.body = json::parse(from.body, nullptr, false);
    if (out.body.is_discarded())
        out.body = nullptr;
    for (const auto& [name, value] : from.headers)
        out.headers.emplace_back(name, value);
    out.ends_connection = from.ends_connection;
    out.content_type = from.content_type;
    out.stream = from.stream;
    return out;
}

std::string basic(std::string_view name)
{
    const std::string both = std::string{name} + ':' + std::string{name};
    return "Basic " + crypto::to_base64(crypto::as_bytes(both));
}

} // namespace

crypto::byte_array<crypto::guarded_key::size> scratch_master_key()
{
    crypto::byte_array<crypto::guarded_key::size> key{};
    key.fill(7);
    return key;
}

// --- places and time

scratch_directory::scratch_directory()
{
    std::string pattern = (std::filesystem::temp_directory_path() / "doorward-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
        throw std::runtime_error{"cannot make a directory for tests"};
    path_ = pattern;
}

scratch_directory::~scratch_directory()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

scratch_store::scratch_store(std::size_t map_bytes)
    : env{directory.path(), registry::tables::names, map_bytes}, sealer{scratch_master_key()}, writer{env}
{
    auto initialise = [this](kv::write_txn& txn) {
        registry::initialise(txn, sealer);
        return kv::error_code{};
    };
    BOOST_TEST_REQUIRE(!kv::blocking_commit(writer, initialise));
}

void put_application(kv::writer& to, const std::string& id)
{
    auto put = [&id](kv::write_txn& txn) {
        registry::stored_application record;
        record.id = id;
        txn.put(registry::tables::applications, crypto::as_bytes(id), registry::encode(record));
        return kv::error_code{};
    };
    BOOST_TEST_REQUIRE(!kv::blocking_commit(to, put));
}

class writer_gate::change final : public kv::pending_write, public kv::landing {
public:
    change() : pending_write{static_cast<landing&>(*this)} {}
    kv::error_code apply(kv::write_txn&) override
    {
        entered.release();
        leave.acquire();
        return {};
    }
    void complete() override {}
    void deliver(pending_write*) override { delivered.release(); }

    std::binary_semaphore entered{0};
    std::binary_semaphore leave{0};
    std::binary_semaphore delivered{0};
};

writer_gate::writer_gate(kv::writer& of) : change_{std::make_unique<change>()}
{
    BOOST_TEST_REQUIRE(!of.submit(*change_));
    change_->entered.acquire();
}

writer_gate::~writer_gate()
{
    open();
}

void writer_gate::open()
{
    if (open_)
        return;
    open_ = true;
    change_->leave.release();
    change_->delivered.acquire();
}

std::uint64_t test_seed()
{
    std::uint64_t seed = std::random_device{}();
    if (const char* given = std::getenv("DOORWARD_TEST_SEED"); given != nullptr && *given != '\0')
        seed = std::strtoull(given, nullptr, 10);
    std::cout << "DOORWARD_TEST_SEED=" << seed << '\n';
    return seed;
}

// --- addresses

registry::source_address v4(crypto::byte a, crypto::byte b, crypto::byte c, crypto::byte d)
{
    return registry::source_address::from_v4({a, b, c, d});
}

registry::source_address v6(std::initializer_list<crypto::byte> first, crypto::byte last)
{
    registry::source_address out;
    std::ranges::copy(first, out.bytes.begin());
    out.bytes.back() = last;
    return out;
}

// --- attempts

scratch_phone::scratch_phone()
    : keys{filled_key(0xA1), filled_key(0xB2), filled_key(0xC3)}, first_counter{1, 2, 3, 4, 5, 6, 7, 8}
{}

registry::ctr_data scratch_phone::counter(std::uint64_t position) const
{
    return registry::counter_place{0, first_counter}.forward(position).data;
}

registry::presented_proof scratch_phone::right(registry::factors type, std::uint64_t position, unsigned salt,
                                               registry::presented_proof::form form) const
{
    registry::presented_proof out{};
    out.type = type;
    out.components_form = form;
    out.component_count = registry::factor_count(type);
    const std::string data = "request " + std::to_string(salt);
    out.data.assign(data.begin(), data.end());
    const auto components = registry::proof_components(keys, type, counter(position), out.data);
    for (unsigned i = 0; i < out.component_count; ++i) {
        if (form == registry::presented_proof::form::decimal)
            out.digits[i] = registry::decimal(components[i], 8);
        else
            out.components[i] = crypto::take<16>(crypto::bytes_view{components[i]}.last(16));
    }
    return out;
}

registry::presented_proof scratch_phone::wrong_pin(std::uint64_t position, unsigned salt,
                                                   registry::presented_proof::form form) const
{
    auto out = right(registry::factors::possession_knowledge, position, salt, form);
    out.components[1][0] ^= 1;
    out.digits[1] ^= 1;
    return out;
}

registry::presented_proof scratch_phone::noise(registry::factors type, unsigned salt,
                                               registry::presented_proof::form form)
{
    registry::presented_proof out{};
    out.type = type;
    out.components_form = form;
    out.component_count = registry::factor_count(type);
    const std::string data = "noise " + std::to_string(salt);
    out.data.assign(data.begin(), data.end());
    for (unsigned i = 0; i < out.component_count; ++i) {
        out.components[i].fill(static_cast<crypto::byte>(salt + i));
        out.digits[i] = salt + i;
    }
    return out;
}

registry::attempt_slot::content scratch_phone::content(const registry::attempt_limits& limits, registry::state in,
                                                       const registry::uuid& id) const
{
    registry::counters stored;
    stored.word = registry::attempt_word::first();
    if (in != registry::state::created)
        stored.word = stored.word.moved(in, 0);
    stored.counter.data = first_counter;
    return {{1, id, "app"}, limits, stored};
}

registry::slot_ptr scratch_phone::slot(const registry::attempt_limits& limits, registry::state in) const
{
    return registry::slot_ptr{content(limits, in)};
}

// --- vectors

std::filesystem::path generated_vectors()
{
    return DOORWARD_TEST_VECTORS;
}

std::filesystem::path published_vectors()
{
    if (const char* named = std::getenv("DOORWARD_SHARED_VECTORS"); named != nullptr && *named != '\0')
        return named;
    return generated_vectors() / "../../../shared/protocol/vectors";
}

boost::test_tools::assertion_result published_vectors_are_here(boost::unit_test::test_unit_id)
{
    if (std::filesystem::is_directory(published_vectors()))
        return true;
    BOOST_TEST_MESSAGE("published vectors are not at " << published_vectors() << ", skipped");
    boost::test_tools::assertion_result absent{false};
    absent.message() << "published vectors are not at " << published_vectors();
    return absent;
}

void for_each_vector(const std::filesystem::path& file, const std::function<void(const json&)>& check)
{
    std::ifstream stream{file, std::ios::binary};
    BOOST_TEST_REQUIRE(stream.good(), "cannot read " << file);
    const json document = json::parse(stream);
    const json& vectors = document.at("data");
    BOOST_TEST_REQUIRE(!vectors.empty());
    for (std::size_t i = 0; i < vectors.size(); ++i)
        BOOST_TEST_CONTEXT(file.filename().string() << " vector " << i)
        {
            check(vectors[i]);
        }
}

// --- a whole server without sockets

crypto::byte_array<10> planned_codes::draw()
{
    const std::lock_guard lock{mutex_};
    if (next_.empty())
        return crypto::random_array<10>();
    const auto out = next_.back();
    next_.pop_back();
    return out;
}

void planned_codes::plan(std::vector<crypto::byte_array<10>> next)
{
    const std::lock_guard lock{mutex_};
    std::ranges::reverse(next);
    next_ = std::move(next);
}

std::size_t planned_codes::left() const
{
    const std::lock_guard lock{mutex_};
    return next_.size();
}

namespace {

using short_pause = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                               asio::io_context::executor_type>;

} // namespace

handlers::outgoing_permit scripted_provider::enter(const std::string& owner)
{
    const std::lock_guard lock{mutex_};
    if (room_ == 0)
        return nullptr;
    --room_;
    return {new std::string{owner}, [this](const std::string* whose) {
                delete whose;
                const std::lock_guard inside{mutex_};
                ++room_;
            }};
}

void scripted_provider::leave_room_for(std::size_t calls)
{
    const std::lock_guard lock{mutex_};
    room_ = calls;
}

handlers::task<handlers::outgoing_answer> scripted_provider::post(const handlers::outgoing_request& what,
                                                                  handlers::outgoing_permit permit)
{
    std::function<void()> tell;
    request mine;
    {
        const std::lock_guard lock{mutex_};
        requests_.push_back({*static_cast<const std::string*>(permit.get()), what.to,
                             std::string{crypto::as_text(what.bearer)}, what.request_id, json::parse(what.body),
                             what.timeout, what.body, what.headers, std::string{crypto::as_text(what.basic)},
                             what.certificate != nullptr});
        mine = requests_.back();
        tell = on_request_;
    }
    if (tell)
        tell();
    for (;;) {
        {
            const std::lock_guard lock{mutex_};
            if (!held_)
                co_return judge_ ? judge_(mine) : answer_;
        }
        if (what.stop != nullptr && what.stop->is_stopped()) {
            handlers::outgoing_answer ended;
            ended.failure = handlers::outgoing_failure::closed;
            co_return ended;
        }
        // Found ready by poll() at once, and so by run() until somebody else releases it.
        short_pause moment{co_await asio::this_coro::executor};
        moment.expires_after(std::chrono::milliseconds{1});
        const auto [ignored] = co_await moment.async_wait(asio::as_tuple(asio::deferred));
        static_cast<void>(ignored);
    }
}

void scripted_provider::answer(handlers::outgoing_answer with)
{
    const std::lock_guard lock{mutex_};
    answer_ = std::move(with);
}

void scripted_provider::answer(unsigned status, std::string body)
{
    handlers::outgoing_answer out;
    out.status = status;
    out.body = std::move(body);
    answer(std::move(out));
}

void scripted_provider::on_request(std::function<void()> what)
{
    const std::lock_guard lock{mutex_};
    on_request_ = std::move(what);
}

void scripted_provider::hold()
{
    const std::lock_guard lock{mutex_};
    held_ = true;
}

void scripted_provider::release()
{
    const std::lock_guard lock{mutex_};
    held_ = false;
}

std::vector<scripted_provider::request> scripted_provider::requests() const
{
    const std::lock_guard lock{mutex_};
    return requests_;
}

void scripted_provider::forget_requests()
{
    const std::lock_guard lock{mutex_};
    requests_.clear();
}

void scripted_provider::answer_each(std::function<handlers::outgoing_answer(const request&)> judge)
{
    const std::lock_guard lock{mutex_};
    judge_ = std::move(judge);
}

std::string scripted_provider::request::header(std::string_view name) const
{
    for (const auto& [candidate, value] : headers) {
        if (candidate == name)
            return value;
    }
    return {};
}

void recorded_log::warn(std::string_view line) noexcept
{
    const std::lock_guard lock{mutex_};
    lines_.emplace_back(line);
}

std::vector<std::string> recorded_log::lines() const
{
    const std::lock_guard lock{mutex_};
    return lines_;
}

handlers::request owned_request::view() const
{
    const std::string_view all = target;
    const auto question = all.find('?');
    handlers::request out;
    out.method = method;
    out.path = all.substr(0, question);
    out.query = question == std::string_view::npos ? std::string_view{} : all.substr(question + 1);
    out.body = body;
    out.authorization = authorization;
    out.power_auth_authorization = power_auth_authorization;
    out.power_auth_encryption = power_auth_encryption;
    out.power_auth_token = power_auth_token;
    out.external_user = external_user;
    out.last_event_id = last_event_id;
    out.if_none_match = if_none_match;
    out.request_id = request_id;
    out.idempotency_key = idempotency_key;
    out.if_match = if_match;
    out.accept_encoding = accept_encoding;
    out.host = host;
    out.origin = origin;
    out.cookie = cookie;
    out.console = console;
    out.source = source;
    return out;
}

std::string answer::code() const
{
    return body.is_object() && body.contains("responseObject") ? body["responseObject"].value("code", "") : "";
}

std::string answer::message() const
{
    return body.is_object() && body.contains("responseObject") ? body["responseObject"].value("message", "") : "";
}

std::vector<std::string> answer::violated() const
{
    std::vector<std::string> out;
    if (code() == "ERROR_REQUEST" && body["responseObject"].contains("violations"))
        for (const json& each : body["responseObject"]["violations"])
            out.push_back(each.at("fieldName").get<std::string>());
    return out;
}

std::string answer::header(std::string_view name) const
{
    for (const auto& [candidate, value] : headers)
        if (candidate == name)
            return value;
    return {};
}

struct scratch_world::running : handlers::transport_gauges {
    running(const std::filesystem::path& directory, std::size_t map_bytes, scratch_world& in)
        : env{directory, registry::tables::names, map_bytes},
          keys{open_keys(env, in.master_keys)},
          sealer{*keys},
          bell{env},
          writer{std::in_place, env, &bell},
          codes{in.codes},
          outgoing{in.provider},
          provider_failures{in.log},
          log{in.log},
          world{in},
          backups{env, in.offers_backups ? directory : std::filesystem::path{}}
    {
        if (!env.view([](const kv::read_txn& txn) { return registry::is_initialised(txn); })) {
            auto initialise = [this](kv::write_txn& txn) {
                registry::initialise(txn, sealer);
                return kv::error_code{};
            };
            BOOST_TEST_REQUIRE(!kv::blocking_commit(*writer, initialise));
        }
        journal.emplace(env);
        directory_of.emplace(env, sealer);
        attempts.emplace(sealer.derive("refused proofs"));
        sessions.emplace(env, sealer);
        services.emplace(handlers::services{*journal,      *writer,
                                            sealer,        in.clock,
                                            *directory_of, slots,
                                            *attempts,     unsettled,
                                            claims,        office_passwords,
                                            otp_passwords, lists,
                                            credentials,   noise,
                                            noise_counts,  codes,
                                            outgoing,      provider_failures,
                                            simulations,   breaker,
                                            log,           bell,
                                            idempotency,   stats,
                                            webhooks,      counts,
                                            *this,         backups,
                                            *sessions,     sign_ins,
                                            in.manners});
    }

    [[nodiscard]] open_connections open(handlers::side which) const noexcept override
    {
        return which == handlers::side::device ? open_connections{7, 100} : open_connections{2, 10};
    }
    [[nodiscard]] bool is_draining() const noexcept override { return world.draining; }

    static std::unique_ptr<crypto::sealer> open_keys(const kv::env& env, const std::vector<crypto::secret<32>>& at_hand)
    {
        return env.view([&](const kv::read_txn& txn) {
            return registry::is_initialised(txn) ? registry::find_store_keys(txn, at_hand).sealer
                                                 : std::make_unique<crypto::sealer>(scratch_master_key());
        });
    }

    kv::env env;
    std::unique_ptr<crypto::sealer> keys;
    crypto::sealer& sealer;
    std::optional<registry::journal> journal;
    handlers::event_bell bell;
    std::optional<kv::writer> writer;
    std::optional<registry::directory> directory_of;
    registry::attempt_table slots;
    std::optional<registry::attempts> attempts;
    registry::report_claims claims;
    registry::unsettled_transitions unsettled;
    handlers::work_thread office_passwords{make_error_code(registry::errc::passwords_busy)};
    handlers::work_thread otp_passwords{make_error_code(registry::errc::passwords_busy)};
    handlers::work_thread lists{make_error_code(kv::errc::queue_full)};
    handlers::credential_cache credentials;
    registry::noise_throttle noise;
    registry::noise_audit noise_counts;
    registry::code_source& codes;
    handlers::outgoing_calls& outgoing;
    handlers::provider_reports provider_failures;
    handlers::concurrency_limit simulations{registry::simulations_max};
    registry::lockout_breaker breaker;
    handlers::operator_log& log;
    handlers::idempotency_keys idempotency{sealer};
    handlers::statistics stats;
    handlers::webhook_work webhooks;
    handlers::meters counts;
    const scratch_world& world;
    handlers::backup_work backups;
    std::optional<handlers::console_sessions> sessions;
    handlers::sign_in_throttle sign_ins;
    std::optional<handlers::services> services;
};

scratch_world::scratch_world(std::size_t map_bytes)
    : map_bytes_{map_bytes}, running_{std::make_unique<running>(directory_.path(), map_bytes, *this)}
{
    create_account("admin", registry::role::admin, {});
    create_account("office", registry::role::integration, {"app"});
    create_account("stranger", registry::role::integration, {"other"});
    for (const char* id : {"app", "other"}) {
        const auto made = office("POST", "/admin/applications", json{{"id", id}}.dump(), "admin");
        BOOST_TEST_REQUIRE(made.status == 200U);
    }
}

scratch_world::~scratch_world() = default;

handlers::services& scratch_world::services()
{
    return *running_->services;
}

const kv::env& scratch_world::env() const
{
    return running_->env;
}

crypto::sealer& scratch_world::keys()
{
    return running_->sealer;
}

kv::writer& scratch_world::writer()
{
    return *running_->writer;
}

void scratch_world::restart()
{
    running_.reset();
    running_ = std::make_unique<running>(directory_.path(), map_bytes_, *this);
}

answer scratch_world::call(handlers::side which, const owned_request& req)
{
    const auto sent = start(which, req);
    run();
    BOOST_TEST_REQUIRE(sent->done.has_value());
    return *sent->done;
}

owned_request scratch_world::office_request(std::string_view method, std::string_view target, std::string_view body,
                                            std::string_view who)
{
    owned_request req;
    req.method = method;
    req.target = target;
    req.body = body;
    if (!who.empty())
        req.authorization = basic(who);
    return req;
}

answer scratch_world::office(std::string_view method, std::string_view target, std::string_view body,
                             std::string_view who)
{
    return call(handlers::side::office, office_request(method, target, body, who));
}

answer scratch_world::device(std::string_view path, std::string_view body, std::string_view authorization,
                             std::string_view encryption)
{
    owned_request req;
    req.method = "POST";
    req.target = path;
    req.body = body;
    req.power_auth_authorization = authorization;
    req.power_auth_encryption = encryption;
    return call(handlers::side::device, req);
}

owned_request to_owned(const bench::http_request& from)
{
    owned_request req;
    req.method = from.method;
    req.target = from.path;
    req.body = from.body;
    for (const auto& [name, value] : from.headers) {
        if (boost_string_equal(name, "X-PowerAuth-Authorization"))
            req.power_auth_authorization = value;
        if (boost_string_equal(name, "X-PowerAuth-Encryption"))
            req.power_auth_encryption = value;
        if (boost_string_equal(name, "X-PowerAuth-Token"))
            req.power_auth_token = value;
    }
    return req;
}

bench::http_answer scratch_world::device(const bench::http_request& req)
{
    const auto got = call(handlers::side::device, to_owned(req));
    return {static_cast<int>(got.status), got.text, {}};
}

std::shared_ptr<scratch_world::pending> scratch_world::start(handlers::side which, owned_request req)
{
    auto out = std::make_shared<pending>();
    out->req = std::move(req);
    out->view = out->req.view();
    asio::co_spawn(context_, handlers::route(which, out->view, services()),
                   [out](const std::exception_ptr& fault, const handlers::response& got) {
                       if (fault)
                           std::rethrow_exception(fault);
                       out->done = to_answer(got);
                   });
    return out;
}

void scratch_world::poll()
{
    context_.restart();
    context_.poll();
}

void scratch_world::run()
{
    context_.restart();
    context_.run();
}

asio::io_context& scratch_world::another_context()
{
    const std::lock_guard lock{contexts_mutex_};
    return contexts_.emplace_back(1);
}

namespace {

handlers::task<void> wait_for_its_turn(handlers::work_thread& in)
{
    auto nothing = [] { return true; };
    auto pending = in.async_run(nothing, asio::as_tuple(asio::deferred));
    co_await std::move(pending);
}

} // namespace

void scratch_world::poll_until_passwords_are_checked()
{
    poll();
    asio::io_context& other = another_context(); // ours would tell
    asio::co_spawn(other, wait_for_its_turn(services().otp_passwords), asio::detached);
    other.run();
}

answer scratch_world::call_alone(handlers::side which, const owned_request& req)
{
    asio::io_context& context = another_context();
    const handlers::request view = req.view();
    answer out;
    asio::co_spawn(context, handlers::route(which, view, services()),
                   [&out](const std::exception_ptr& fault, const handlers::response& got) {
                       if (fault)
                           std::rethrow_exception(fault);
                       out = to_answer(got);
                   });
    context.run();
    return out;
}

void scratch_world::send_webhooks()
{
    for (std::size_t before = SIZE_MAX; provider.requests().size() != before;) {
        before = provider.requests().size();
        while (finish(services().webhooks.round(services())) == std::chrono::milliseconds{0})
            ;
    }
}

void scratch_world::fold()
{
    registry::journal& journal = services().journal;
    for (bool more = true; more;) {
        registry::journal::fold_step step{journal};
        BOOST_TEST_REQUIRE(!kv::blocking_commit(writer(), step));
        more = !step.sweep_ended || journal.used().rows_in_front > 0;
    }
}

bool scratch_world::sweep()
{
    return finish(handlers::sweep(services()));
}

bool scratch_world::work()
{
    return finish(handlers::work_on_jobs(services(), jobs_turn_)) != handlers::jobs_rest;
}

void scratch_world::finish_jobs()
{
    while (work())
        ;
}

bench::application scratch_world::application(const std::string& id)
{
    const auto shown = office("GET", "/admin/applications/" + id, {}, "admin");
    BOOST_TEST_REQUIRE(shown.status == 200U);
    return bench::application::from_sdk_config(shown.body.at("mobileSdkConfig").get<std::string>());
}

void scratch_world::create_account(std::string_view name, registry::role its_role,
                                   std::vector<std::string> applications, bool enabled, registry::right_set rights)
{
    // As cheap as Argon2id gets: the cost is part of the hash, and these passwords protect nothing.
    constexpr crypto::password_cost least{1, 8192};
    registry::create_account change;
    change.record.username = name;
    change.record.password_hash = crypto::hash_password(name, least);
    change.record.its_role = its_role;
    change.record.applications = std::move(applications);
    change.record.enabled = enabled;
    change.record.rights = rights;
    change.record.created_at = clock.now();
    change.by.at = clock.now();
    BOOST_TEST_REQUIRE(!commit(std::move(change)));
    services().directory.reload();
}

scratch_world::created scratch_world::create(const std::string& user, const json& more)
{
    json body{{"userId", user}, {"appId", "app"}};
    if (!more.is_null())
        body.update(more);
    const auto made = office("POST", "/v2/registrations", body.dump());
    BOOST_TEST_REQUIRE(made.status == 200U, made.text);
    return {made.body.at("registrationId"), made.body.at("activationCode"), made.body.at("activationQrCodeData")};
}

bench::device scratch_world::phone(bench::protocol_version version, bench::wire_style style)
{
    bench::device_state state;
    state.version = version;
    state.pin_iterations = 1;
    return phone(std::move(state), style);
}

bench::device scratch_world::phone(bench::device_state state, bench::wire_style style)
{
    if (!application_)
        application_ = application();
    bench::device out{*application_, std::move(state), style,
                      [this](const bench::http_request& req) { return device(req); }};
    out.take_time_from([this] { return clock.now(); });
    return out;
}

json scratch_world::detail(const std::string& id)
{
    const auto shown = office("GET", "/v2/registrations/" + id, {}, "admin");
    BOOST_TEST_REQUIRE(shown.status == 200U, shown.text);
    return shown.body;
}

std::string scratch_world::status(const std::string& id)
{
    return detail(id).at("registrationStatus");
}

std::vector<json> scratch_world::history(const std::string& id)
{
    const auto shown = office("GET", "/v2/registrations/" + id + "/history?limit=1000", {}, "admin");
    BOOST_TEST_REQUIRE(shown.status == 200U, shown.text);
    std::vector<json> rows = shown.body.at("items");
    std::ranges::reverse(rows);
    return rows;
}

enrolled enrol(scratch_world& world, const json& more, bench::protocol_version version, const std::string& user)
{
    const auto made = world.create(user, more);
    auto phone = world.phone(version);
    bench::activation_details details;
    details.biometry = true;
    static_cast<void>(phone.activate(made.qr_data, right_pin, details));
    if (world.status(made.id) == "PENDING_COMMIT") {
        const auto committed = world.office("POST", "/v2/registrations/" + made.id + "/commit", "{}");
        BOOST_TEST_REQUIRE(committed.status == 200U, committed.text);
    }
    BOOST_TEST_REQUIRE(world.status(made.id) == "ACTIVE");
    return {made.id, std::move(phone)};
}

} // namespace doorward::tests
