// Bodies: whatever they hold, they are read or refused.

#include "handlers/envelope_json.hpp"
#include "handlers/json_writer.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace doorward;
    std::vector<handlers::violation> violations;
    const auto body = handlers::parse_json(crypto::as_text({data, size}), violations);
    if (body.has_value() == !violations.empty())
        std::abort(); // read, or refused with a reason; never both, never neither
    if (!body)
        return 0;
    static_cast<void>(handlers::read_envelope(*body));
    const auto name = body->lenient_text("name", 16);
    if (handlers::characters(name) > 16 || handlers::has_control_character(name))
        std::abort();
    static_cast<void>(body->texts("flags", 4, 8));
    static_cast<void>(body->all_texts(4, 8));
    // What is told of it is JSON again.
    handlers::json_writer out;
    out.object();
    for (const auto& each : violations)
        out.member("v", each.invalid_value);
    std::vector<handlers::violation> none;
    static_cast<void>(handlers::parse_json(out.end().text(), none));
    return 0;
}
