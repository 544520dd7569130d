#include "tests/openapi_support.hpp"
#include "handlers/embedded_files.hpp"

#include <algorithm>
#include <stdexcept>

namespace doorward::tests {
namespace {

using nlohmann::json;

constexpr std::string_view methods[]{"get", "put", "post", "delete", "patch"};

std::vector<described_operation> read_operations()
{
    std::vector<described_operation> out;
    for (const auto& [path, item] : description().at("paths").items()) {
        for (const std::string_view method : methods) {
            const auto found = item.find(method);
            if (found == item.end())
                continue;
            described_operation& each = out.emplace_back();
            each.method = method;
            std::ranges::transform(each.method, each.method.begin(), [](char c) { return static_cast<char>(c - 32); });
            each.path = path;
            each.side = found->at("x-side").get<std::string>();
            each.roles = found->at("x-roles").get<std::set<std::string>>();
            each.operators_right = found->value("x-operator-right", "");
            each.item = &item;
            each.what = &*found;
        }
    }
    return out;
}

bool is_of_type(const json& value, const std::string& type)
{
    if (type == "null")
        return value.is_null();
    if (type == "boolean")
        return value.is_boolean();
    if (type == "integer")
        return value.is_number_integer();
    if (type == "number")
        return value.is_number();
    if (type == "string")
        return value.is_string();
    if (type == "array")
        return value.is_array();
    return type == "object" && value.is_object();
}

bool is_of_some_type(const json& value, const json& types)
{
    if (types.is_string())
        return is_of_type(value, types.get<std::string>());
    return std::ranges::any_of(types, [&](const json& each) { return is_of_type(value, each.get<std::string>()); });
}

std::size_t characters(const std::string& text)
{
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

class checker {
public:
    std::vector<std::string> faults;

    void check(const json& value, const json& given, const std::string& place)
    {
        const json& schema = resolved(given);
        if (const auto types = schema.find("type"); types != schema.end() && !is_of_some_type(value, *types)) {
            complain(place, "is no " + types->dump());
            return;
        }
        if (const auto values = schema.find("enum"); values != schema.end())
            require(std::ranges::find(*values, value) != values->end(), place, "is none of " + values->dump());
        if (const auto only = schema.find("const"); only != schema.end())
            require(value == *only, place, "is not " + only->dump());
        if (value.is_number()) {
            require(value >= schema.value("minimum", value), place, "is too small");
            require(value <= schema.value("maximum", value), place, "is too large");
        }
        if (value.is_string())
            check_size(characters(value.get<std::string>()), schema, "minLength", "maxLength", place);
        if (value.is_array())
            check_array(value, schema, place);
        if (value.is_object())
            check_object(value, schema, place);
        for (const char* name : {"anyOf", "oneOf"}) {
            if (const auto choices = schema.find(name); choices != schema.end())
                check_choices(value, schema, *choices, place);
        }
    }

private:
    void complain(const std::string& place, const std::string& what) { faults.push_back(place + ' ' + what); }
    void require(bool holds, const std::string& place, const std::string& what)
    {
        if (!holds)
            complain(place, what);
    }

    void check_size(std::size_t size, const json& schema, const char* least, const char* most, const std::string& place)
    {
        require(size >= schema.value(least, size), place, "is too short");
        require(size <= schema.value(most, size), place, "is too long");
    }

    void check_array(const json& value, const json& schema, const std::string& place)
    {
        check_size(value.size(), schema, "minItems", "maxItems", place);
        const auto items = schema.find("items");
        for (std::size_t i = 0; items != schema.end() && i < value.size(); ++i)
            check(value[i], *items, place + '[' + std::to_string(i) + ']');
    }

    void check_object(const json& value, const json& schema, const std::string& place)
    {
        check_size(value.size(), schema, "minProperties", "maxProperties", place);
        for (const json& name : schema.value("required", json::array()))
            require(value.contains(name.get<std::string>()), place, "lacks " + name.dump());
        const auto known = schema.find("properties");
        const auto others = schema.find("additionalProperties");
        for (const auto& [name, member] : value.items()) {
            const std::string below = place + '.' + name;
            if (known != schema.end() && known->contains(name))
                check(member, known->at(name), below);
            else if (others != schema.end())
                check(member, *others, below);
            else
                require(known == schema.end(), below, "is not described");
        }
    }

    // Choices of whole schemas. Those that say no more than what is required are about the schema around them.
    void check_choices(const json& value, const json& schema, const json& choices, const std::string& place)
    {
        std::vector<std::string> nearest;
        for (const json& each : choices) {
            checker inner;
            if (each.size() == 1 && each.contains("required") && schema.contains("properties")) {
                json whole = each;
                whole["type"] = "object";
                inner.check(value, whole, place);
            } else {
                inner.check(value, each, place);
            }
            if (inner.faults.empty())
                return;
            if (nearest.empty() || inner.faults.size() < nearest.size())
                nearest = std::move(inner.faults);
        }
        faults.insert(faults.end(), nearest.begin(), nearest.end());
    }
};

} // namespace

std::string described_operation::pattern() const
{
    std::string out;
    for (std::size_t from = 0; from < path.size();) {
        const auto hole = std::min(path.find('{', from), path.size());
        out += path.substr(from, hole - from);
        from = hole;
        if (hole < path.size()) {
            out += "{}";
            from = path.find('}', hole) + 1;
        }
    }
    return out;
}

const json& description()
{
    static const json document = json::parse(handlers::embedded::openapi_json);
    return document;
}

const std::vector<described_operation>& described_operations()
{
    static const std::vector<described_operation> all = read_operations();
    return all;
}

const described_operation& described(std::string_view operation_id)
{
    for (const described_operation& each : described_operations()) {
        if (each.id() == operation_id)
            return each;
    }
    throw std::runtime_error{"no operation " + std::string{operation_id}};
}

const json& resolved(const json& node)
{
    const auto reference = node.is_object() ? node.find("$ref") : node.end();
    if (!node.is_object() || reference == node.end())
        return node;
    const auto text = reference->get<std::string>();
    if (!text.starts_with("#/"))
        throw std::runtime_error{text + " is not inside the document"};
    return resolved(description().at(json::json_pointer{text.substr(1)}));
}

std::vector<described_example> examples_of(const json& body_or_answer)
{
    std::vector<described_example> out;
    const json& from = resolved(body_or_answer);
    const auto contents = from.is_object() ? from.find("content") : from.end();
    if (!from.is_object() || contents == from.end())
        return out;
    const json& content = contents->front();
    if (const auto one = content.find("example"); one != content.end())
        out.push_back({{}, &*one, &content.at("schema")});
    if (const auto several = content.find("examples"); several != content.end()) {
        for (const auto& [name, each] : several->items())
            out.push_back({name, &resolved(each).at("value"), &content.at("schema")});
    }
    return out;
}

std::vector<std::string> faults_of(const json& value, const json& schema, const std::string& place)
{
    checker all;
    all.check(value, schema, place);
    return std::move(all.faults);
}

} // namespace doorward::tests
