#include "handlers/exposition.hpp"

#include <array>
#include <charconv>

namespace doorward::handlers {
namespace {

std::string_view type_name(exposition::type what) noexcept
{
    switch (what) {
    case exposition::type::counter:
        return "counter";
    case exposition::type::gauge:
        return "gauge";
    case exposition::type::histogram:
        return "histogram";
    }
    return "untyped";
}

} // namespace

exposition& exposition::family(std::string_view name, type what, std::string_view help)
{
    name_ = name;
    out_.append("# HELP ").append(name).append(" ").append(help).append("\n");
    out_.append("# TYPE ").append(name).append(" ").append(type_name(what)).append("\n");
    return *this;
}

exposition& exposition::sample(std::uint64_t value, std::string_view labels)
{
    begin({}, labels);
    out_.append(std::to_string(value)).append("\n");
    return *this;
}

exposition& exposition::sample(double value, std::string_view labels)
{
    begin({}, labels);
    number(value);
    out_ += '\n';
    return *this;
}

exposition& exposition::samples(const kv::histogram& of, double per_unit, std::string_view labels)
{
    const auto read = of.read();
    std::uint64_t so_far = 0;
    const auto bucket = [&](std::string_view bound) {
        begin("_bucket", labels, label("le", bound));
        out_.append(std::to_string(so_far)).append("\n");
    };
    for (std::size_t i = 0; i < of.bounds().size(); ++i) {
        so_far += read.counts[i];
        std::array<char, 32> digits{};
        const double bound = static_cast<double>(of.bounds()[i]) / per_unit;
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), bound).ptr;
        bucket({digits.data(), static_cast<std::size_t>(end - digits.data())});
    }
    so_far += read.counts.back();
    bucket("+Inf");
    begin("_sum", labels);
    number(static_cast<double>(read.sum) / per_unit);
    out_ += '\n';
    begin("_count", labels);
    out_.append(std::to_string(so_far)).append("\n");
    return *this;
}

void exposition::begin(std::string_view suffix, std::string_view labels, std::string_view more)
{
    out_.append(name_).append(suffix);
    if (!labels.empty() || !more.empty()) {
        out_.append("{").append(labels);
        if (!labels.empty() && !more.empty())
            out_ += ',';
        out_.append(more).append("}");
    }
    out_ += ' ';
}

void exposition::number(double value)
{
    std::array<char, 32> digits{};
    out_.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

std::string label(std::string_view name, std::string_view value)
{
    std::string out{name};
    out += "=\"";
    for (const char c : value) {
        if (c == '\\' || c == '"')
            out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
    return out + '"';
}

} // namespace doorward::handlers
