// Reading bodies strictly, writing answers.

#include "handlers/json_reader.hpp"
#include "handlers/json_writer.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <limits>

namespace {

using namespace doorward::handlers;

bool parses(std::string_view text)
{
    std::vector<violation> violations;
    const bool parsed = parse_json(text, violations).has_value();
    BOOST_TEST(violations.size() == (parsed ? 0U : 1U));
    return parsed;
}

// Reads one member with a rule; what was complained about goes to `hints`.
struct read_text {
    std::optional<std::string> value;
    std::vector<violation> violations;
};
read_text text_of(std::string_view document, const text_rule& rule)
{
    read_text out;
    const auto top = parse_json(document, out.violations);
    BOOST_TEST_REQUIRE(top.has_value());
    out.value = top->text("a", rule);
    return out;
}

std::string nested(std::size_t depth)
{
    return std::string(depth, '[') + std::string(depth, ']');
}

} // namespace

BOOST_AUTO_TEST_SUITE(json_documents)

BOOST_AUTO_TEST_CASE(a_document_is_one_object_in_utf_8)
{
    for (const std::string& good :
         {std::string{"{}"}, std::string{" {\n} "}, std::string{R"({"a":1})"},
          std::string{"{\"\xC3\xA9\":\"\xF0\x9F\x93\xB1\"}"}, std::string{R"({"a":"\ud83d\udcf1"})"}})
        BOOST_TEST_CONTEXT(good)
        {
            BOOST_TEST(parses(good));
        }
    for (const std::string& bad : {std::string{},
                                   std::string{" "},
                                   std::string{"{"},
                                   std::string{"}"},
                                   std::string{"{}{}"},
                                   std::string{"{} x"},
                                   std::string{"{},"},
                                   std::string{"[]"},
                                   std::string{"null"},
                                   std::string{"5"},
                                   std::string{"\"a\""},
                                   std::string{R"({"a":1,})"},
                                   std::string{R"({"a" 1})"},
                                   std::string{R"({a:1})"},
                                   std::string{R"({'a':1})"},
                                   std::string{R"({"a":01})"},
                                   std::string{R"({"a":+1})"},
                                   std::string{R"({"a":.5})"},
                                   std::string{R"({"a":NaN})"},
                                   std::string{R"({"a":tru})"},
                                   std::string{R"({"a":"\x"})"},
                                   std::string{R"({"a":"\u12"})"},
                                   std::string{R"({"a":"\ud83d"})"},
                                   std::string{"{\"a\":\"\n\"}"},
                                   std::string{"{\"a\":\"\xFF\"}"},
                                   std::string{"{\"a\":\"\xC3\"}"},
                                   std::string{"{\"a\":\"\xC0\x80\"}"},
                                   std::string{"{\"a\":\"\xED\xA0\x80\"}"},
                                   std::string{"{\"\xFF\":1}"},
                                   std::string("{}\0", 3),
                                   std::string{"// x\n{}"}})
        BOOST_TEST_CONTEXT(bad)
        {
            BOOST_TEST(!parses(bad));
        }
}

BOOST_AUTO_TEST_CASE(no_member_is_given_twice_at_any_depth)
{
    BOOST_TEST(!parses(R"({"a":1,"a":1})"));
    BOOST_TEST(!parses(R"({"a":1,"b":2,"a":3})"));
    BOOST_TEST(!parses(R"({"x":{"a":1,"a":1}})"));
    BOOST_TEST(!parses(R"({"x":[0,{"y":{"a":1,"a":1}}]})"));
    BOOST_TEST(!parses(R"({"a":1,"\u0061":2})")); // written differently, the same name
    BOOST_TEST(parses(R"({"a":1,"A":2,"x":{"a":3}})"));
    BOOST_TEST(parses(R"({"x":[{"a":1},{"a":1}]})"));
}

BOOST_AUTO_TEST_CASE(nesting_ends_at_its_limit)
{
    BOOST_TEST(parses("{\"a\":" + nested(json_depth_max - 2) + "}"));
    BOOST_TEST(!parses("{\"a\":" + nested(json_depth_max) + "}"));
    BOOST_TEST(!parses("{\"a\":" + nested(100'000) + "}"));
    // The limit stays when the parser has grown for a large document.
    BOOST_TEST(parses("{\"a\":\"" + std::string(60'000, 'x') + "\"}"));
    BOOST_TEST(!parses("{\"a\":" + nested(json_depth_max) + "}"));
}

BOOST_AUTO_TEST_CASE(long_texts_come_through)
{
    const std::string text(60'000, 'x');
    const auto got = text_of("{\"a\":\"" + text + "\"}", {.bytes_max = 60'000});
    BOOST_TEST((got.value == text));
}

BOOST_AUTO_TEST_CASE(a_document_read_after_another_says_its_own)
{
    std::vector<violation> violations;
    const auto first = parse_json(R"({"a":"first"})", violations)->text("a", {.bytes_max = 10});
    const auto second = parse_json(R"({"a":"other"})", violations)->text("a", {.bytes_max = 10});
    BOOST_TEST((first == "first"));
    BOOST_TEST((second == "other"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(json_members)

BOOST_AUTO_TEST_CASE(absent_and_null_are_the_same)
{
    for (const char* document : {"{}", R"({"a":null})", R"({"b":"x"})"}) {
        std::vector<violation> violations;
        const auto top = parse_json(document, violations);
        BOOST_TEST(!top->has("a"));
        BOOST_TEST(!top->text("a", {.bytes_max = 9}).has_value());
        BOOST_TEST(!top->integer("a", 0, 9).has_value());
        BOOST_TEST(!top->object("a").has_value());
        BOOST_TEST(!top->texts("a", 9, 9).has_value());
        BOOST_TEST(!top->json("a").has_value());
        BOOST_TEST(violations.empty());
        BOOST_TEST(!top->text("a", {.bytes_max = 9, .required = true}).has_value());
        BOOST_TEST(!top->object("a", true).has_value());
        BOOST_TEST(violations.size() == 2U);
    }
}

BOOST_AUTO_TEST_CASE(every_wrong_type_is_told_by_its_field)
{
    std::vector<violation> violations;
    const auto top = parse_json(R"({"text":5,"number":"5","object":[],"texts":{},"entry":["x",5]})", violations);
    static_cast<void>(top->text("text", {.bytes_max = 9}));
    static_cast<void>(top->integer("number", 0, 9));
    static_cast<void>(top->object("object"));
    static_cast<void>(top->texts("texts", 9, 9));
    static_cast<void>(top->texts("entry", 9, 9));
    BOOST_TEST_REQUIRE(violations.size() == 5U);
    const char* const fields[]{"text", "number", "object", "texts", "entry"};
    for (std::size_t i = 0; i < 5; ++i) {
        BOOST_TEST(violations[i].field == fields[i]);
        BOOST_TEST(!violations[i].hint.empty());
    }
    BOOST_TEST(violations[0].invalid_value == "5");
}

BOOST_AUTO_TEST_CASE(a_member_of_an_inner_object_is_told_with_its_path)
{
    std::vector<violation> violations;
    const auto inner = parse_json(R"({"a":{"b":{"c":5}}})", violations)->object("a")->object("b");
    static_cast<void>(inner->text("c", {.bytes_max = 9}));
    BOOST_TEST_REQUIRE(violations.size() == 1U);
    BOOST_TEST(violations[0].field == "a.b.c");
}

BOOST_AUTO_TEST_CASE(lengths_are_in_bytes_or_characters_as_the_rule_says)
{
    const std::string three = "{\"a\":\"\xC3\xA9\xC3\xA9\xF0\x9F\x93\xB1\"}"; // 3 characters, 8 bytes
    BOOST_TEST(text_of(three, {.bytes_max = 8}).value.has_value());
    BOOST_TEST(!text_of(three, {.bytes_max = 7}).value.has_value());
    BOOST_TEST(text_of(three, {.characters_max = 3}).value.has_value());
    BOOST_TEST(!text_of(three, {.characters_max = 2}).value.has_value());
    BOOST_TEST(text_of(R"({"a":""})", {.bytes_max = 3}).value.has_value());
    BOOST_TEST(!text_of(R"({"a":""})", {.bytes_max = 3, .required = true}).value.has_value());
}

BOOST_AUTO_TEST_CASE(control_characters_are_welcome_only_in_free_text)
{
    for (const char* document : {R"({"a":"x\u0000y"})", R"({"a":"x\ny"})", R"({"a":"\u007f"})", R"({"a":"\u001f"})"})
        BOOST_TEST_CONTEXT(document)
        {
            BOOST_TEST(!text_of(document, {.bytes_max = 9}).value.has_value());
            BOOST_TEST(text_of(document, {.bytes_max = 9, .free_form = true}).value.has_value());
        }
    BOOST_TEST((text_of(R"({"a":"x\u0000y"})", {.bytes_max = 9, .free_form = true}).value == std::string("x\0y", 3)));
}

BOOST_AUTO_TEST_CASE(a_secret_is_never_repeated)
{
    for (const char* document :
         {R"({"a":"12345"})", R"({"a":12345})", R"({"a":["12345"]})", R"({"a":"12345\u0000"})"}) {
        const auto got = text_of(document, {.bytes_max = 4, .secret = true});
        BOOST_TEST_REQUIRE(got.violations.size() == 1U);
        BOOST_TEST(got.violations[0].invalid_value == "");
    }
}

BOOST_AUTO_TEST_CASE(what_is_repeated_is_short_and_whole_characters)
{
    std::string many = "x";
    for (int i = 0; i < 60; ++i)
        many += "\xC3\xA9";
    const auto got = text_of("{\"a\":\"" + many + "\"}", {.bytes_max = 4});
    BOOST_TEST_REQUIRE(got.violations.size() == 1U);
    BOOST_TEST(got.violations[0].invalid_value.size() <= 64U);
    BOOST_TEST(nlohmann::json::accept('"' + got.violations[0].invalid_value + '"'));
}

BOOST_AUTO_TEST_CASE(numbers_are_whole_and_in_range)
{
    constexpr auto greatest = std::numeric_limits<std::int64_t>::max();
    constexpr auto least = std::numeric_limits<std::int64_t>::min();
    struct {
        const char* document;
        std::optional<std::int64_t> expected;
    } const rows[]{
        {R"({"a":0})", 0},
        {R"({"a":-1})", -1},
        {R"({"a":9223372036854775807})", greatest},
        {R"({"a":-9223372036854775808})", least},
        {R"({"a":9223372036854775808})", std::nullopt},
        {R"({"a":18446744073709551615})", std::nullopt},
        {R"({"a":1.0})", std::nullopt},
        {R"({"a":1e3})", std::nullopt},
        {R"({"a":true})", std::nullopt},
        {R"({"a":"1"})", std::nullopt},
    };
    for (const auto& row : rows)
        BOOST_TEST_CONTEXT(row.document)
        {
            std::vector<violation> violations;
            const auto got = parse_json(row.document, violations)->integer("a", least, greatest);
            BOOST_TEST((got == row.expected));
            BOOST_TEST(violations.size() == (row.expected ? 0U : 1U));
        }
    std::vector<violation> violations;
    BOOST_TEST(!parses(R"({"a":18446744073709551616})")); // beyond any integer
    const auto top = parse_json(R"({"a":5})", violations);
    BOOST_TEST(top->integer("a", 5, 5).has_value());
    BOOST_TEST(!top->integer("a", 6, 9).has_value());
    BOOST_TEST(!top->integer("a", 0, 4).has_value());
}

BOOST_AUTO_TEST_CASE(lists_of_texts_are_bounded)
{
    std::vector<violation> violations;
    const auto top = parse_json(R"({"a":["x","y"],"b":[],"c":["x",""],"d":["x\u0001"],"e":["xyz"]})", violations);
    BOOST_TEST((top->texts("a", 2, 9) == std::vector<std::string>{"x", "y"}));
    BOOST_TEST((top->texts("b", 0, 9) == std::vector<std::string>{}));
    BOOST_TEST(violations.empty());
    BOOST_TEST(!top->texts("a", 1, 9).has_value());
    BOOST_TEST(!top->texts("c", 9, 9).has_value());
    BOOST_TEST(!top->texts("d", 9, 9).has_value());
    BOOST_TEST(!top->texts("e", 9, 2).has_value());
    BOOST_TEST(violations.size() == 4U);
}

BOOST_AUTO_TEST_CASE(all_members_of_an_object_are_texts)
{
    std::vector<violation> violations;
    const auto top = parse_json(R"({"a":"1","b":"","c":5,"d":"long"})", violations);
    const auto got = top->all_texts(9, 3);
    BOOST_TEST(got.size() == 2U);
    BOOST_TEST(violations.size() == 2U);
    violations.clear();
    static_cast<void>(parse_json(R"({"a":"1","b":"2"})", violations)->all_texts(1, 3));
    BOOST_TEST(violations.size() == 1U);
}

// What somebody called a phone is no reason to refuse it.
BOOST_AUTO_TEST_CASE(a_lenient_text_is_cut_and_cleaned)
{
    std::vector<violation> violations;
    const auto top = parse_json(R"({"a":"x\ny\u0000z","b":"\u00e9\u00e9\u00e9","c":5,"d":null})", violations);
    BOOST_TEST(top->lenient_text("a", 9) == "x y z");
    BOOST_TEST(top->lenient_text("b", 2) == "\xC3\xA9\xC3\xA9");
    BOOST_TEST(top->lenient_text("b", 3) == "\xC3\xA9\xC3\xA9\xC3\xA9");
    BOOST_TEST(top->lenient_text("d", 9) == "");
    BOOST_TEST(top->lenient_text("e", 9) == "");
    BOOST_TEST(violations.empty());
    BOOST_TEST(top->lenient_text("c", 9) == "");
    BOOST_TEST(violations.size() == 1U);
}

// As everywhere else.
BOOST_AUTO_TEST_CASE(null_is_absent_among_all_members_too)
{
    std::vector<violation> violations;
    const auto got = parse_json(R"({"a":"1","b":null})", violations)->all_texts(9, 3);
    BOOST_TEST(got.size() == 1U);
    BOOST_TEST(violations.empty());
}

BOOST_AUTO_TEST_CASE(a_member_is_passed_on_as_it_is)
{
    std::vector<violation> violations;
    const auto top = parse_json(R"({"a": { "b" : [ 1 , "\u003d/\n" ] } })", violations);
    const auto text = top->json("a");
    BOOST_TEST_REQUIRE(text.has_value());
    BOOST_TEST(nlohmann::json::parse(*text) == nlohmann::json({{"b", {1, "=/\n"}}}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(json_writing)

BOOST_AUTO_TEST_CASE(commas_stand_where_they_belong)
{
    json_writer out;
    out.object().member("a", 1).key("b").array().value("x").value("y").object().end().array().end().end().member("c",
                                                                                                                 true);
    out.key("d").object().end().member("e", std::vector<std::string>{"p", "q"});
    out.member("f", std::optional<int>{}).member_unless_empty("g", "").member("h", std::optional<int>{5});
    BOOST_TEST(out.end().text() == R"({"a":1,"b":["x","y",{},[]],"c":true,"d":{},"e":["p","q"],"h":5})");
}

BOOST_AUTO_TEST_CASE(every_text_comes_back_from_its_escapes)
{
    std::string all;
    for (int c = 0; c < 0x80; ++c)
        all += static_cast<char>(c);
    all += "\xC3\xA9\xF0\x9F\x93\xB1";
    const auto text = json_writer{}.object().member(all, all).end().text();
    BOOST_TEST(nlohmann::json::parse(text) == nlohmann::json({{all, all}}));
    for (const char c : text)
        BOOST_TEST_REQUIRE(static_cast<unsigned char>(c) >= 0x20U);
}

BOOST_AUTO_TEST_CASE(every_byte_is_escaped_or_not_wherever_it_stands)
{
    for (const std::size_t size : {1U, 7U, 8U, 9U, 16U, 23U}) {
        for (std::size_t at = 0; at < size; ++at) {
            for (int code = 0; code < 0x100; ++code) {
                std::string text(size, 'a');
                text[at] = static_cast<char>(code);
                const bool must = code < 0x20 || code == '"' || code == '\\';
                const auto written = json_writer{}.array().value(text).end().text();
                BOOST_TEST_REQUIRE((written == "[\"" + text + "\"]") == !must);
                if (code < 0x80)
                    BOOST_TEST_REQUIRE(nlohmann::json::parse(written)[0].get<std::string>() == text);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(numbers_are_written_in_full)
{
    BOOST_TEST(json_writer{}.array().value(std::numeric_limits<std::int64_t>::min()).end().text() ==
               "[-9223372036854775808]");
    BOOST_TEST(json_writer{}.array().value(std::numeric_limits<std::uint64_t>::max()).end().text() ==
               "[18446744073709551615]");
    BOOST_TEST(json_writer{}.array().value(false).end().text() == "[false]");
}

BOOST_AUTO_TEST_CASE(json_is_put_in_as_it_is)
{
    BOOST_TEST(json_writer{}.object().key("a").raw("{\"b\":1}").key("c").raw("null").end().text() ==
               R"({"a":{"b":1},"c":null})");
}

BOOST_AUTO_TEST_SUITE_END()
