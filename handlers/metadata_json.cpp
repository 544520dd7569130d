#include "handlers/metadata_json.hpp"
#include "handlers/json_writer.hpp"
#include "handlers/query_fields.hpp"
#include "registry/codec.hpp"
#include "registry/limits.hpp"

namespace doorward::handlers {
namespace {

// The members of an object, complained of where they are no metadata.
metadata_members decode_members(const json_object& from)
{
    metadata_members out;
    for (const std::string& name : from.names()) {
        if (name.empty() || !is_clean_text(name, registry::metadata_name_characters_max))
            from.complain(name, "names have 1 to " + std::to_string(registry::metadata_name_characters_max) +
                                    " characters, none of them control characters");
        else if (!from.is_scalar(name))
            from.complain(name, "must be a text, a number, true or false");
        else
            out.emplace(name, *from.json(name));
    }
    return out;
}

} // namespace

std::optional<metadata_members> decode_metadata(const json_object& from, std::string_view name)
{
    const auto given = from.object(name);
    if (!given)
        return std::nullopt;
    auto out = decode_members(*given);
    if (const auto why = excess_of(out); !why.empty())
        from.complain(name, why);
    return out;
}

std::optional<metadata_patch> decode_metadata_patch(const json_object& from, std::string_view name)
{
    if (from.is_null(name))
        return metadata_patch{.clear = true};
    const auto given = from.object(name);
    if (!given)
        return std::nullopt;
    metadata_patch out;
    for (auto& [member, json] : decode_members(*given))
        out.members.emplace(member, std::move(json));
    for (std::string& member : given->names_of_nulls())
        out.members.emplace(std::move(member), std::nullopt);
    return out;
}

metadata_members patched(metadata_members now, const metadata_patch& by)
{
    if (by.clear)
        now.clear();
    for (const auto& [name, json] : by.members) {
        if (json)
            now.insert_or_assign(name, *json);
        else
            now.erase(name);
    }
    return now;
}

std::string write_metadata(const metadata_members& members)
{
    json_writer out;
    out.object();
    for (const auto& [name, json] : members)
        out.key(name).raw(json);
    return out.end().text();
}

metadata_members read_metadata(std::string_view json)
{
    std::vector<violation> violations;
    const auto object = parse_json(json, violations);
    if (!object)
        throw registry::record_fault{"metadata that are no JSON object"};
    return decode_members(*object);
}

std::string excess_of(const metadata_members& members)
{
    if (members.size() > registry::metadata_members_max)
        return "must have at most " + std::to_string(registry::metadata_members_max) + " members";
    if (write_metadata(members).size() > registry::metadata_bytes_max)
        return "must have at most " + std::to_string(registry::metadata_bytes_max) + " bytes altogether";
    return {};
}

} // namespace doorward::handlers
