#include "protocol/scan.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

namespace jumpseat {
namespace {

using namespace std::string_literals;
namespace json = boost::json;

bool boost_accepts(std::string_view text, std::size_t max_depth = 128) {
  json::parse_options options;
  options.max_depth = max_depth;
  boost::system::error_code ec;
  json::parse(text, ec, {}, options);
  return !ec;
}

json::value parsed(std::string_view text) {
  boost::system::error_code ec;
  json::value value = json::parse(text, ec);
  REQUIRE(!ec);
  return value;
}

std::string nested(std::size_t depth, std::string_view open, std::string_view middle,
                   std::string_view close) {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += open;
  text += middle;
  for (std::size_t i = 0; i < depth; ++i) text += close;
  return text;
}

std::vector<std::string> const valid_texts = {
    // Scalars.
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "1234567890",
    "0.5",
    "-0.5",
    "1.0",
    "1.25",
    "1e1",
    "1E1",
    "1e+1",
    "1e-1",
    "0e0",
    "-0e-0",
    "1.5e10",
    "123456789012345678901234567890",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "0.000000000000000000000000000001",
    "1e308",
    "1e-400",
    R"("")",
    R"("a")",
    R"("\"")",
    R"("\\")",
    R"("\/")",
    R"("\b\f\n\r\t")",
    R"("\u0000")",
    R"("\u00e9")",
    R"("\uABCD")",
    R"("\uabcd")",
    R"("\ud83d\ude00")",
    "\"\x7f\"",
    // Non-ASCII, at the borders of each length.
    "\"\xC2\x80\"",
    "\"\xDF\xBF\"",
    "\"\xE0\xA0\x80\"",
    "\"\xED\x9F\xBF\"",
    "\"\xEE\x80\x80\"",
    "\"\xEF\xBF\xBF\"",
    "\"\xEF\xBB\xBF\"",
    "\"\xF0\x90\x80\x80\"",
    "\"\xF4\x8F\xBF\xBF\"",
    "\"gr\xC3\xBC\xC3\x9F dich, \xE4\xB8\x96\xE7\x95\x8C \xF0\x9F\x98\x80\"",
    // White space.
    " 1",
    "1 ",
    " \t\r\n1\t\r\n ",
    "[ ]",
    "{ }",
    "[ 1 , 2 ]",
    "{ \"a\" : 1 , \"b\" : 2 }",
    "\n[\n]\n",
    // Containers.
    "[]",
    "{}",
    "[1]",
    "[[]]",
    "[{}]",
    "[[],[]]",
    "[1,2,3]",
    "[null,true,false]",
    R"({"a":1})",
    R"({"a":{}})",
    R"({"a":[]})",
    R"({"a":1,"b":2})",
    R"({"a":{"b":{"c":[1,{"d":null}]}}})",
    R"({"":0})",
    R"({"a":1,"a":2})",
    R"({"\u0061":1})",
    R"(["\\\"","\\"])",
    R"({"a":"}","b":"]"})",
    R"({"messages":[{"role":"user","content":"hi"}],"stream":true})",
    // Strings around the size of a block, with the interesting byte at each end.
    R"("0123456789abcde")",
    R"("0123456789abcdef")",
    R"("0123456789abcdef0")",
    R"("0123456789abcd\n0123456789abcdef")",
    R"("0123456789abcde\n")",
    R"("\n0123456789abcdef")",
    "\"0123456789abcdef\xC3\xBC\"",
    "\"0123456789abcd\xC3\xBC\"",
    "\"0123456789abc\xE4\xB8\x96\"",
};

std::vector<std::string> const invalid_texts = {
    // Nothing, or not one value.
    "",
    " ",
    "\n",
    "1 2",
    "1,2",
    "1,",
    ",1",
    "null null",
    "{}{}",
    "[][]",
    "\"a\"\"b\"",
    "{},",
    "[],",
    // Words.
    "n",
    "nul",
    "nulll",
    "Null",
    "TRUE",
    "tru",
    "truee",
    "True",
    "fals",
    "falsee",
    "undefined",
    "NaN",
    "Infinity",
    "-Infinity",
    "-null",
    // Numbers.
    "-",
    "+1",
    "--1",
    "01",
    "-01",
    "00",
    "1.",
    ".5",
    "-.5",
    "1.e1",
    "1e",
    "1e+",
    "1e-",
    "1ee1",
    "1.2.3",
    "0x10",
    "1a",
    "1_000",
    "1e1.5",
    "0.",
    "0e",
    "\xEF\xBC\x91",
    // Strings.
    "\"",
    "\"a",
    "a\"",
    "'a'",
    "\"\\",
    "\"\\\"",
    R"("\x")",
    R"("\U0041")",
    R"("\a")",
    R"("\0")",
    R"("\')",
    R"("\u")",
    R"("\u1")",
    R"("\u12")",
    R"("\u123")",
    R"("\u123g")",
    R"("\uD83)",
    R"("\u+123")",
    R"("\u 123")",
    "\"\n\"",
    "\"\t\"",
    "\"\r\"",
    "\"\x01\"",
    "\"\x1f\"",
    "\"\0\""s,
    "\"a\0b\""s,
    "\"0123456789abcdef\n\"",
    "\"0123456789abcde\x01\"",
    // Bytes that are not UTF-8: stray, overlong, surrogates, too large, cut short.
    "\"\x80\"",
    "\"\xBF\"",
    "\"\xC0\x80\"",
    "\"\xC1\xBF\"",
    "\"\xC2\"",
    "\"\xC2\x41\"",
    "\"\xE0\x80\x80\"",
    "\"\xE0\x9F\xBF\"",
    "\"\xE4\xB8\"",
    "\"\xE4\"",
    "\"\xED\xA0\x80\"",
    "\"\xED\xBF\xBF\"",
    "\"\xF0\x80\x80\x80\"",
    "\"\xF0\x8F\xBF\xBF\"",
    "\"\xF0\x9F\x98\"",
    "\"\xF4\x90\x80\x80\"",
    "\"\xF5\x80\x80\x80\"",
    "\"\xF8\x88\x80\x80\x80\"",
    "\"\xFE\"",
    "\"\xFF\"",
    "\"\xE4\xB8",
    "\"0123456789abcdef\xC3\"",
    "\"\xC3\xBC\xC3\"",
    // Byte-order marks, NUL and other strangers outside strings.
    "\xEF\xBB\xBF{}",
    "\xFE\xFF",
    "\xFF\xFE{\0}\0"s,
    "\0"s,
    "{}\0"s,
    "\0{}"s,
    "\x0B{}",
    "\xC2\xA0{}",
    "\x0C",
    // Arrays.
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[,]",
    "[1 2]",
    "[1,,2]",
    "[}",
    "[1}",
    "[\"a\":1]",
    "[[]",
    "[]]",
    "[1]]",
    // Objects.
    "{",
    "}",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{,}",
    "{,\"a\":1}",
    "{\"a\" 1}",
    "{\"a\",1}",
    "{a:1}",
    "{'a':1}",
    "{1:1}",
    "{null:1}",
    "{\"a\"::1}",
    "{\"a\":1,,\"b\":2}",
    "{\"a\":}",
    "{\"a\":1 \"b\":2}",
    "{]",
    "{\"a\":1]",
    "{\"a\"}",
    "{{}}",
    "{[]:1}",
    "{}}",
    "{\"a\":{\"b\":1}",
    // Extensions that others allow.
    "// c\n1",
    "/* c */ 1",
    "1 // c",
    "[1] # c",
};

TEST_CASE("check_json takes what RFC 8259 takes") {
  for (std::string const& text : valid_texts) {
    CAPTURE(text);
    auto const problem = check_json(text);
    INFO((problem ? problem->text() : std::string()));
    CHECK(!problem);
    CHECK(boost_accepts(text));
  }
}

TEST_CASE("check_json refuses what RFC 8259 refuses") {
  for (std::string const& text : invalid_texts) {
    CAPTURE(text);
    auto const problem = check_json(text);
    CHECK(problem);
    if (problem) {
      CHECK(problem->offset <= text.size());
      CHECK(!problem->why.empty());
    }
    CHECK_FALSE(boost_accepts(text));
  }
}

TEST_CASE("no prefix and no extension of a container or string is valid") {
  for (std::string const& text : valid_texts) {
    if (text.back() != '}' && text.back() != ']' && text.back() != '"') continue;
    CAPTURE(text);
    for (std::size_t size = 0; size < text.size(); ++size) {
      CAPTURE(size);
      CHECK(check_json(text.substr(0, size)));
    }
    CHECK(check_json(text + "x"));
    CHECK(check_json(text + text));
  }
}

TEST_CASE("every byte is judged alike wherever it falls in a block") {
  for (int value = 0; value < 256; ++value) {
    for (std::size_t before = 0; before < 34; ++before) {
      std::string text =
          "\"" + std::string(before, 'x') + static_cast<char>(value) + std::string(33, 'y') + "\"";
      CAPTURE(value, before);
      bool const accepted = !check_json(text);
      REQUIRE(accepted == boost_accepts(text));
    }
  }
}

TEST_CASE("a problem says what and where") {
  struct Row {
    std::string text;
    std::size_t offset;
    std::string_view why;
  };
  std::vector<Row> const table = {
      {"", 0, "unexpected end of text"},
      {"  ", 2, "unexpected end of text"},
      {"{\"a\":1", 6, "unexpected end of text"},
      {"[1,]", 3, "unexpected character"},
      {"{\"a\":nul}", 8, "unexpected character"},
      {"\xEF\xBB\xBF{}", 0, "byte-order mark"},
      {"{} x", 3, "unexpected text after the value"},
      {"[\"a\nb\"]", 3, "control character in a string"},
      {"[\"a\\x\"]", 3, "invalid escape"},
      {"[\"a\\u12g4\"]", 3, "invalid escape"},
      {"[\"abc", 5, "unterminated string"},
      {"[\"ab\xC3(\"]", 4, "invalid UTF-8"},
      {"[\"0123456789abcdef0123\xFF\"]", 22, "invalid UTF-8"},
      {"[-x]", 2, "invalid number"},
      {"[1.x]", 3, "invalid number"},
      {"[012]", 2, "number with a leading zero"},
      {nested(129, "[", "", "]"), 128, "nested too deeply"},
  };
  for (Row const& row : table) {
    CAPTURE(row.text);
    auto const problem = check_json(row.text);
    REQUIRE(problem);
    CHECK(problem->why == row.why);
    CHECK(problem->offset == row.offset);
  }
  CHECK(check_json("[1,]")->text() == "unexpected character at byte 3");
}

TEST_CASE("C6: nesting is allowed up to the limit and no further") {
  for (std::size_t const limit :
       {std::size_t{1}, std::size_t{2}, std::size_t{64}, std::size_t{128}}) {
    CAPTURE(limit);
    for (std::size_t const depth : {limit, limit + 1}) {
      CAPTURE(depth);
      for (std::string const& text :
           {nested(depth, "[", "", "]"), nested(depth, "{\"a\":", "1", "}"),
            nested(depth, " [ ", "1", " ] ")}) {
        CHECK(!check_json(text, limit) == (depth <= limit));
        CHECK(boost_accepts(text, limit) == (depth <= limit));
      }
    }
  }
  CHECK(check_json("[]", 0));
  CHECK(!check_json("1", 0));
  // Siblings do not add up.
  CHECK(!check_json(nested(127, "[[],", "1", "]"), 128));
}

TEST_CASE(
    "C6: 10,000 levels, a million members and a megabyte of digits use no stack and no tree") {
  CHECK(check_json(nested(10'000, "[", "", "]"))->why == "nested too deeply");
  CHECK(check_json(nested(1'000'000, "{\"a\":", "1", "}"))->why == "nested too deeply");

  std::string many = "{";
  for (int i = 0; i < 1'000'000; ++i)
    many += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":1";
  many += "}";
  CHECK(!check_json(many));
  std::size_t count = 0;
  for (Member const& member : members(many)) count += member.value == "1" ? 1 : 0;
  CHECK(count == 1'000'000);
  CHECK(find_member(many, "k999999") == "1");

  std::string const number = "1" + std::string(1'000'000, '0');
  CHECK(!check_json(number));
  std::string const object = "{\"n\":" + number + "}";
  CHECK(find_member(object, "n") == number);
}

TEST_CASE("C7: lone surrogate escapes pass; Boost.JSON alone would refuse them") {
  for (std::string const& text :
       {R"("\ud800")"s, R"("\udc00")"s, R"("\ud800x")"s, R"("\ud800\n")"s, R"("\ud800\ud800")"s,
        R"("\udc00\ud800")"s, R"("\ud800\u0041")"s, R"({"\udfff":1})"s}) {
    CAPTURE(text);
    CHECK(!check_json(text));
    CHECK_FALSE(boost_accepts(text));
  }
}

// ---- Walking ------------------------------------------------------------------

std::vector<std::pair<std::string, std::string>> walk(std::string_view object) {
  std::vector<std::pair<std::string, std::string>> out;
  for (Member const& member : members(object)) out.emplace_back(member.key, member.value);
  return out;
}

std::vector<std::string> walk_elements(std::string_view array) {
  std::vector<std::string> out;
  for (std::string_view const element : elements(array)) out.emplace_back(element);
  return out;
}

TEST_CASE("members come in order, with their own bytes") {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  CHECK(walk("{}") == Pairs{});
  CHECK(walk(" { } ") == Pairs{});
  CHECK(walk(R"({"a":1})") == Pairs{{"a", "1"}});
  CHECK(walk(R"( { "a" : 1 , "b" : "x" } )") == Pairs{{"a", "1"}, {"b", R"("x")"}});
  CHECK(walk("\n{\"a\"\t:\r\n[1, 2 ,{}]\n,\"b\":{\"c\":\"}\"}}") ==
        Pairs{{"a", "[1, 2 ,{}]"}, {"b", R"({"c":"}"})"}});
  CHECK(walk(R"({"a\"b":"c\"d","e\\":"\\"})") ==
        Pairs{{R"(a\"b)", R"("c\"d")"}, {R"(e\\)", R"("\\")"}});
  CHECK(walk(R"({"a":-1.5e3,"b":true,"c":false,"d":null,"":""})") ==
        Pairs{{"a", "-1.5e3"}, {"b", "true"}, {"c", "false"}, {"d", "null"}, {"", "\"\""}});
  CHECK(walk(R"({"a":1,"a":2})") == Pairs{{"a", "1"}, {"a", "2"}});
  CHECK(walk(R"({"a":[[],[{"b":"]"}],{}],"c":0})") ==
        Pairs{{"a", R"([[],[{"b":"]"}],{}])"}, {"c", "0"}});
}

TEST_CASE("a member's whole runs from its key to the end of its value") {
  std::vector<std::string> wholes;
  for (Member const& member : members(R"({ "a" : 1 , "b":[ 2 ] })"))
    wholes.emplace_back(member.whole);
  CHECK(wholes == std::vector<std::string>{R"("a" : 1)", R"("b":[ 2 ])"});
}

TEST_CASE("elements come in order, with their own bytes") {
  using Texts = std::vector<std::string>;
  CHECK(walk_elements("[]") == Texts{});
  CHECK(walk_elements(" [ ] ") == Texts{});
  CHECK(walk_elements("[1]") == Texts{"1"});
  CHECK(walk_elements(R"([ 1 , "a,b" , [2,3] , {"c":[4]} , null ])") ==
        Texts{"1", R"("a,b")", "[2,3]", R"({"c":[4]})", "null"});
  CHECK(walk_elements("[[[]],[[]]]") == Texts{"[[]]", "[[]]"});
}

TEST_CASE("other kinds of value have no members and no elements") {
  for (std::string_view const text : {"", " ", "1", "\"{}\"", "null", "true"}) {
    CAPTURE(text);
    CHECK(walk(text).empty());
    CHECK(walk_elements(text).empty());
  }
  CHECK(walk(R"([{"a":1}])").empty());
  CHECK(walk_elements(R"({"a":[1]})").empty());
}

TEST_CASE("walking a text that nobody judged stays inside it and ends") {
  for (std::string const& text : invalid_texts) {
    CAPTURE(text);
    // On the heap and exactly as long as it is, for the sanitizer to watch.
    std::vector<char> const bytes(text.begin(), text.end());
    std::string_view const view(bytes.data(), bytes.size());
    std::size_t seen = 0;
    for (Member const& member : members(view)) seen += 1 + member.whole.size();
    for (std::string_view const element : elements(view)) seen += 1 + element.size();
    CHECK(seen <= 4 * (text.size() + 1));
  }
}

TEST_CASE("a walk passes what it enters and what it does not, and goes on behind it") {
  std::string_view const text = R"( {"a" : [1, {"b":"}"}, [ ] ], "c\\":{ }, "d" :"e"} )";
  JsonWalk walk(text);
  std::vector<std::string> seen;
  REQUIRE(walk.kind() == '{');
  walk.enter();
  for (Member member; walk.next_member(member);) {
    if (walk.kind() == '[') {
      walk.enter();
      while (walk.next_element()) seen.emplace_back(walk.pass());
    } else if (walk.kind() == '{') {
      walk.enter();
      Member none;
      REQUIRE(!walk.next_member(none));
    } else {
      seen.emplace_back(walk.pass());
    }
    walk.complete(member);
    seen.emplace_back(member.whole);
    CHECK(MemberPlace(text, member).in(text).whole.data() == member.whole.data());
  }
  CHECK(seen == std::vector<std::string>{"1", R"({"b":"}"})", "[ ]",
                                         R"("a" : [1, {"b":"}"}, [ ] ])", R"("c\\":{ })", R"("e")",
                                         R"("d" :"e")"});
}

TEST_CASE("a walk of a text that nobody judged stays inside it and ends") {
  for (std::string const& text : invalid_texts) {
    JsonWalk walk(text);
    if (walk.kind() != '{') continue;
    walk.enter();
    std::size_t count = 0;
    for (Member member; walk.next_member(member); walk.complete(member)) {
      walk.pass();
      REQUIRE(++count <= text.size());
    }
  }
}

TEST_CASE("find_member compares names unescaped, and the last of several counts") {
  CHECK(find_member(R"({"a":1,"b":2})", "b") == "2");
  CHECK(find_member(R"({"a":1,"b":2})", "c") == std::nullopt);
  CHECK(find_member("{}", "a") == std::nullopt);
  CHECK(find_member("[]", "a") == std::nullopt);
  CHECK(find_member(R"({"":1})", "") == "1");
  CHECK(find_member(R"({"a":1,"a":2})", "a") == "2");
  CHECK(find_member(R"({"model":1,"mod\u0065l":2})", "model") == "2");
  CHECK(find_member(R"({"a\"b":1})", "a\"b") == "1");
  CHECK(find_member(R"({"a\"b":1})", R"(a\"b)") == std::nullopt);
  CHECK(find_member(R"({"x":{"a":1}})", "a") == std::nullopt);
  // The same rule as the tree's.
  CHECK(parsed(R"({"a":1,"a":2})").at("a") == 2);
}

TEST_CASE("kinds of value") {
  CHECK(is_string("\"\""));
  CHECK_FALSE(is_string(""));
  CHECK(is_object("{}"));
  CHECK_FALSE(is_object("[]"));
  CHECK(is_array("[]"));
  CHECK_FALSE(is_array(""));
  CHECK(is_null("null"));
  CHECK_FALSE(is_null("\"null\""));
}

// ---- Strings --------------------------------------------------------------------

TEST_CASE("unescape resolves every escape") {
  CHECK(unescape(R"("")") == "");
  CHECK(unescape(R"("plain")") == "plain");
  CHECK(unescape(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
  CHECK(unescape(R"("a\u0041b")") == "aAb");
  CHECK(unescape(R"("\u0000")") == std::string(1, '\0'));
  CHECK(unescape(R"("\u00e9\u4E16\uffff")") == "\xC3\xA9\xE4\xB8\x96\xEF\xBF\xBF");
  CHECK(unescape(R"("\ud83d\ude00")") == "\xF0\x9F\x98\x80");
  CHECK(unescape(R"("\uDBFF\uDFFF")") == "\xF4\x8F\xBF\xBF");
  CHECK(unescape("\"\xE4\xB8\x96\\n\"") == "\xE4\xB8\x96\n");
}

TEST_CASE("C7: unescape turns a lone surrogate into U+FFFD and keeps its neighbours") {
  std::string const mark = "\xEF\xBF\xBD";
  CHECK(unescape(R"("\ud800")") == mark);
  CHECK(unescape(R"("\udc00")") == mark);
  CHECK(unescape(R"("\ud800x")") == mark + "x");
  CHECK(unescape(R"("\ud800\n")") == mark + "\n");
  CHECK(unescape(R"("\ud800\u0041")") == mark + "A");
  CHECK(unescape(R"("\ud800\ud83d\ude00")") == mark + "\xF0\x9F\x98\x80");
  CHECK(unescape(R"("\udc00\ud800")") == mark + mark);
}

TEST_CASE("quote writes JSON that means the text") {
  CHECK(quote("") == R"("")");
  CHECK(quote("plain") == R"("plain")");
  CHECK(quote("a\"b\\c/d") == R"("a\"b\\c/d")");
  CHECK(quote("\b\f\n\r\t") == R"("\b\f\n\r\t")");
  CHECK(quote("\x01\x1f\x7f") == "\"\\u0001\\u001f\x7f\"");
  CHECK(quote("a\0b"s) == R"("a\u0000b")");
  CHECK(quote("\xE4\xB8\x96 \xF0\x9F\x98\x80") == "\"\xE4\xB8\x96 \xF0\x9F\x98\x80\"");
}

TEST_CASE("quote replaces what is not UTF-8, one U+FFFD per broken sequence") {
  std::string const mark = "\xEF\xBF\xBD";
  auto const quoted = [](std::string const& inside) { return "\"" + inside + "\""; };
  CHECK(quote("\xFF") == quoted(mark));
  CHECK(quote("a\x80z") == quoted("a" + mark + "z"));
  CHECK(quote("\xE4\xB8") == quoted(mark));
  CHECK(quote("\xE4\xB8z") == quoted(mark + "z"));
  CHECK(quote("\xC3\xC3\xBC") == quoted(mark + "\xC3\xBC"));
  CHECK(quote("\xED\xA0\x80") == quoted(mark + mark + mark));
  CHECK(quote("\xF0\x9F\x98\n") == quoted(mark + "\\n"));
}

TEST_CASE("quote and unescape are each other's inverse for every byte below 0x80 and beyond") {
  std::string text;
  for (char c = 0; c < 0x7F; ++c) text += c;
  text += "\x7F\xC2\x80\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF";
  for (std::size_t from = 0; from < 40; ++from) {
    std::string const part = text.substr(from);
    std::string const quoted = quote(part);
    CHECK(!check_json(quoted));
    CHECK(unescape(quoted) == part);
    CHECK(parsed(quoted).as_string() == part);
  }
}

// ---- Splice -----------------------------------------------------------------------

TEST_CASE("a splice that changes nothing returns the original bytes") {
  for (std::string_view const text :
       {"{}", " { } ", R"({"a":1})", " {\n \"a\" : 1 ,\t\"b\":[ ] } \n"}) {
    CAPTURE(text);
    Splice edit(text);
    CHECK(edit.unchanged());
    CHECK(edit.text() == text);
    edit.remove("absent");
    CHECK(edit.unchanged());
    CHECK(edit.text() == text);
  }
}

TEST_CASE("set replaces a value and nothing else") {
  struct Row {
    std::string_view before, key, value, after;
  };
  std::vector<Row> const table = {
      {R"({"a":1})", "a", "2", R"({"a":2})"},
      {R"({"a":1,"b":2})", "a", "\"x\"", R"({"a":"x","b":2})"},
      {R"({"a":1,"b":2})", "b", "[]", R"({"a":1,"b":[]})"},
      {" {\n\t\"a\" : 1 ,\n\t\"b\" : 2\n} ", "a", "9", " {\n\t\"a\" : 9 ,\n\t\"b\" : 2\n} "},
      {R"({"x":{"a":1},"a":2})", "a", "3", R"({"x":{"a":1},"a":3})"},
      {R"({"\u0061":1})", "a", "2", R"({"\u0061":2})"},
      // Duplicates: whichever one a reader takes, it is the new one.
      {R"({"a":1,"b":0,"a":2})", "a", "3", R"({"a":3,"b":0,"a":3})"},
      // Added at the end.
      {"{}", "a", "1", R"({"a":1})"},
      {"{ }", "a", "1", R"({"a":1 })"},
      {R"({"b":2})", "a", "1", R"({"b":2,"a":1})"},
      {R"({ "b" : 2 } )", "a", "1", R"({ "b" : 2,"a":1 } )"},
      {"{}", "a\"\n", "1", R"({"a\"\n":1})"},
  };
  for (Row const& row : table) {
    CAPTURE(row.before, row.key);
    Splice edit(row.before);
    edit.set(row.key, std::string(row.value));
    CHECK_FALSE(edit.unchanged());
    CHECK(edit.text() == row.after);
    CHECK(!check_json(edit.text()));
  }
}

TEST_CASE("remove takes the member and one comma") {
  struct Row {
    std::string_view before, key, after;
  };
  std::vector<Row> const table = {
      {R"({"a":1})", "a", "{}"},
      {R"({ "a" : 1 })", "a", "{ }"},
      {R"({"a":1,"b":2,"c":3})", "a", R"({"b":2,"c":3})"},
      {R"({"a":1,"b":2,"c":3})", "b", R"({"a":1,"c":3})"},
      {R"({"a":1,"b":2,"c":3})", "c", R"({"a":1,"b":2})"},
      {R"({ "a" : 1 , "b" : 2 , "c" : 3 })", "a", R"({ "b" : 2 , "c" : 3 })"},
      {R"({ "a" : 1 , "b" : 2 , "c" : 3 })", "b", R"({ "a" : 1 , "c" : 3 })"},
      {R"({ "a" : 1 , "b" : 2 , "c" : 3 })", "c", R"({ "a" : 1 , "b" : 2 })"},
      {R"({"a":1,"b":2,"a":3})", "a", R"({"b":2})"},
      {R"({"a":1,"a":2})", "a", "{}"},
      {R"({"b":0,"a":1,"a":2,"c":3})", "a", R"({"b":0,"c":3})"},
      {R"({"\u0061":1,"b":2})", "a", R"({"b":2})"},
      {R"({"a":",","b":","})", "a", R"({"b":","})"},
  };
  for (Row const& row : table) {
    CAPTURE(row.before, row.key);
    Splice edit(row.before);
    edit.remove(row.key);
    CHECK_FALSE(edit.unchanged());
    CHECK(edit.text() == row.after);
  }
}

TEST_CASE("edits combine, and of several edits of one name the last one counts") {
  std::string const text = R"({"model":"a","stream":false,"service_tier":"x","n":1})";
  Splice edit(text);
  edit.set("model", "\"b\"");
  edit.remove("service_tier");
  edit.set("stream_options", R"({"include_usage":true})");
  edit.set("stream", "true");
  CHECK(edit.text() ==
        R"({"model":"b","stream":true,"n":1,"stream_options":{"include_usage":true}})");

  edit.set("model", "\"c\"");
  edit.set("stream_options", "null");
  edit.remove("n");
  CHECK(edit.text() == R"({"model":"c","stream":true,"stream_options":null})");

  edit.remove("stream_options");
  edit.set("n", "2");
  CHECK(edit.text() == R"({"model":"c","stream":true,"n":2})");

  Splice none(text);
  none.set("added", "1");
  none.remove("added");
  CHECK(none.unchanged());
  CHECK(none.text() == text);
}

TEST_CASE("removing everything and adding something leaves one valid member") {
  Splice edit(R"({ "a":1, "b":2 })");
  edit.remove("a");
  edit.remove("b");
  CHECK(edit.text() == "{ }");
  edit.set("c", "3");
  CHECK(edit.text() == R"({"c":3 })");
}

TEST_CASE("every combination of removals leaves valid JSON with the members that stay") {
  std::vector<std::string_view> const names = {"a", "b", "c", "d"};
  std::string const text = "{ \"a\" :1 ,\n\"b\": [ {} ] , \"c\":\"x,}\" ,\"d\":null\t}";
  for (unsigned mask = 0; mask < 16; ++mask) {
    CAPTURE(mask);
    Splice edit(text);
    json::object expected = parsed(text).as_object();
    for (unsigned i = 0; i < 4; ++i) {
      if ((mask >> i & 1) == 0) continue;
      edit.remove(names[i]);
      expected.erase(names[i]);
    }
    std::string const out = edit.text();
    CAPTURE(out);
    REQUIRE(!check_json(out));
    CHECK(parsed(out) == json::value(expected));
  }
}

TEST_CASE("a splice applied within its text gives the same, with room and without") {
  std::string const text = R"( { "aa" : "1" ,"b":[1,2,3],"model":"short" , "c":{} ,"dd":null } )";
  std::vector<std::string_view> const names = {"aa", "b", "model", "c", "dd"};
  // Each name is kept, removed, given a shorter or a longer value.
  unsigned combinations = 1;
  for (std::size_t i = 0; i < names.size(); ++i) combinations *= 4;
  for (unsigned choice = 0; choice < combinations; ++choice) {
    for (std::size_t const room : {0u, 30u, 500u}) {
      std::string object;
      object.reserve(text.size() + room);
      object = text;
      char const* const place = object.data();
      Splice edit(object);
      unsigned rest = choice;
      for (std::string_view const name : names) {
        if (rest % 4 == 1) edit.remove(name);
        if (rest % 4 == 2) edit.set(name, "0");
        if (rest % 4 == 3) edit.set(name, "\"a value that is rather longer\"");
        rest /= 4;
      }
      if (choice % 3 == 0) edit.set("added", "true");
      std::string const expected = edit.text();
      bool const fits = expected.size() <= object.capacity();
      std::move(edit).apply(object);
      CAPTURE(choice, room, expected);
      REQUIRE(object == expected);
      REQUIRE((!fits || object.data() == place));
    }
  }
}

TEST_CASE("C6: a million duplicates are edited in one pass") {
  std::string text = "{";
  for (int i = 0; i < 1'000'000; ++i) text += i == 0 ? "\"a\":1" : ",\"a\":1";
  text += "}";
  Splice edit(text);
  edit.set("a", "22");
  CHECK(edit.text().size() == text.size() + 1'000'000);
  edit.remove("a");
  CHECK(edit.text() == "{}");
}

TEST_CASE("values at the start of a text that was not judged") {
  CHECK(simple_string_length(R"("a" and more)") == 3);
  CHECK(simple_string_length("\"\"") == 2);
  CHECK(simple_string_length(R"("\"\\\n")") == 8);
  std::string const long_one = "\"" + std::string(200, 'x') + "größe\"";
  CHECK(simple_string_length(long_one) == long_one.size());
  for (std::string_view const text : {"", "a", "\"", "\"a", "\"\\", "\"\\q\"", "\"\\u0041\"",
                                      "\"\n\"", "\"\xC3\"", "\"\xED\xA0\x80\""}) {
    CAPTURE(text);
    CHECK(simple_string_length(text) == 0);
  }
  CHECK(whole_number_length("0,") == 1);
  CHECK(whole_number_length("-12}") == 3);
  CHECK(whole_number_length("123456789012345") == 15);
  for (std::string_view const text :
       {"", "-", "a", "01", "-01", "1.5", "1e3", "1E3", "1234567890123456", "\"1\""}) {
    CAPTURE(text);
    CHECK(whole_number_length(text) == 0);
  }
}

}  // namespace
}  // namespace jumpseat
