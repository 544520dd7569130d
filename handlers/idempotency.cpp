#include "handlers/idempotency.hpp"
#include "handlers/problem.hpp"
#include "registry/changes.hpp"

namespace doorward::handlers {
namespace {

using registry::errc;

// What is kept of an answer, before it is sealed: status:u16  rest_status:u16  body
crypto::bytes pack(const response& answer)
{
    crypto::bytes out;
    crypto::append(out, crypto::big_endian(static_cast<std::uint16_t>(answer.status)));
    crypto::append(out, crypto::big_endian(static_cast<std::uint16_t>(answer.rest_status)));
    crypto::append(out, crypto::as_bytes(answer.body));
    return out;
}

response unpack(crypto::bytes_view packed)
{
    response out;
    out.status = crypto::from_big_endian<std::uint16_t>(packed);
    out.rest_status = crypto::from_big_endian<std::uint16_t>(packed.subspan(2));
    out.body = crypto::as_text(packed.subspan(4));
    out.headers.emplace_back("Idempotency-Replayed", "true");
    return out;
}

crypto::bytes answer_place(const registry::idempotency_mark& mark)
{
    return registry::seal_place("idempotent_requests", mark, "answer");
}

// Would the same request have the same outcome later? Not where only the moment was bad.
bool is_final(const response& answer) noexcept
{
    constexpr unsigned too_many_requests = 429;
    constexpr unsigned first_server_error = 500;
    return answer.status < first_server_error && answer.status != too_many_requests;
}

std::optional<crypto::bytes> seal_answer(const services& svc, const registry::idempotency_mark& mark,
                                         const response& answer)
{
    if (!is_final(answer) || answer.body.size() > registry::idempotent_answer_bytes_max)
        return std::nullopt;
    crypto::bytes packed = pack(answer);
    auto out = svc.sealer.seal(packed, answer_place(mark));
    crypto::wipe(packed.data(), packed.size());
    return out;
}

// What the same key is told that is remembered already.
response tell_again(const services& svc, const registry::idempotency_mark& mark,
                    const registry::idempotent_request& known, const crypto::byte_array<32>& digest)
{
    if (known.request != digest)
        return problem(make_error_code(errc::idempotency_key_taken));
    if (!known.sealed_answer)
        return problem(make_error_code(errc::request_interrupted));
    const auto packed = svc.sealer.open(*known.sealed_answer, answer_place(mark));
    if (!packed)
        throw registry::record_fault{"a kept answer does not open"};
    return unpack(packed->view());
}

} // namespace

task<response> run_once(const call& asked, std::string_view path, endpoint_handler* handler, services& svc)
{
    const std::string_view key = asked.req.idempotency_key;
    if (!is_visible_text(key, registry::idempotency_key_characters_max)) {
        const std::vector<violation> why{
            {"Idempotency-Key", "",
             "must have 1 to " + std::to_string(registry::idempotency_key_characters_max) + " visible characters"}};
        co_return problem(why);
    }
    const auto mark = svc.idempotency.mark_of(*asked.who, key);
    const auto digest = svc.idempotency.digest_of(asked.req.method, path, asked.req.query, asked.req.body);
    const auto claim = svc.idempotency.claim(mark);
    if (!claim)
        co_return problem(make_error_code(errc::request_under_way));
    const auto now = svc.clock.now();
    const auto known = svc.journal.view(
        [&mark](const registry::snapshot& txn) { return registry::find_idempotent_request(txn, mark); });
    if (known && known->expires_at > now)
        co_return tell_again(svc, mark, *known, digest);

    registry::begin_idempotent_request begin{mark, {digest, now + registry::idempotency_memory_ms, {}}, now};
    if (const auto ec = co_await commit(svc, begin))
        co_return problem(ec);
    response answer = co_await handler(asked, svc);
    registry::end_idempotent_request end{mark, seal_answer(svc, mark, answer)};
    // What cannot be written now stays as it was begun: its sender would be told that it was interrupted.
    static_cast<void>(co_await commit(svc, end));
    co_return answer;
}

} // namespace doorward::handlers
