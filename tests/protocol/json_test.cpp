#include "protocol/json.h"

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "protocol/scan.h"

namespace jumpseat {
namespace {

using namespace std::string_literals;

enum class Role { system, user, assistant };
BOOST_DESCRIBE_ENUM(Role, system, user, assistant)

struct Message {
  Role role = Role::user;
  std::string content;
  std::optional<std::string> name;
};
BOOST_DESCRIBE_STRUCT(Message, (), (role, content, name))

struct Options {
  bool stream = false;
  std::optional<double> temperature;
};
BOOST_DESCRIBE_STRUCT(Options, (), (stream, temperature))

struct Request : Options {
  std::string model;
  std::vector<Message> messages;
  std::optional<std::map<std::string, int>> logit_bias;
  std::optional<json::value> metadata;
};
BOOST_DESCRIBE_STRUCT(Request, (Options), (model, messages, logit_bias, metadata))

struct Tree {
  std::string name;
  std::vector<Tree> children;
};
BOOST_DESCRIBE_STRUCT(Tree, (), (name, children))

struct Raw {
  json::value any;
  json::object object;
  json::array array;
};
BOOST_DESCRIBE_STRUCT(Raw, (), (any, object, array))

struct Credentials {
  std::string user;
  Secret token;
};
BOOST_DESCRIBE_STRUCT(Credentials, (), (user, token))

struct Undescribed {
  int n = 0;
};

// What must not compile, nested or not.
static_assert(!Encodable<Secret>);
static_assert(!Encodable<Credentials>);
static_assert(!Encodable<std::optional<Secret>>);
static_assert(!Encodable<std::vector<Credentials>>);
static_assert(!Encodable<std::map<std::string, std::vector<Secret>>>);
static_assert(!Encodable<Undescribed>);
static_assert(!Encodable<char>);
static_assert(!Encodable<char const*>);
static_assert(Encodable<Request>);
static_assert(Encodable<Tree>);

json::value parse(std::string_view text) {
  auto value = parse_json(text);
  INFO(text);
  REQUIRE(value.has_value());
  return *value;
}

// The message of a decode that has to fail.
template <class T>
std::string refusal(std::string_view text) {
  auto const result = decode<T>(parse(text));
  if (result) return "(accepted)";
  CHECK(result.error().code() == ErrorCode::invalid_request);
  return result.error().message();
}

template <class T>
T accepted(std::string_view text) {
  auto result = decode<T>(parse(text));
  INFO(text << ": " << (result ? std::string() : result.error().message()));
  REQUIRE(result.has_value());
  return *std::move(result);
}

// ---- parse_json -------------------------------------------------------------------

TEST_CASE("parse_json says what is wrong and where") {
  struct Row {
    std::string text, message;
  };
  std::vector<Row> const table = {
      {"", "Not JSON: unexpected end of text at byte 0"},
      {"{\"a\":}", "Not JSON: unexpected character at byte 5"},
      {"[\"\xFF\"]", "Not JSON: invalid UTF-8 at byte 2"},
      {"\xEF\xBB\xBF{}", "Not JSON: byte-order mark at byte 0"},
      {std::string(129, '['), "Not JSON: nested too deeply at byte 128"},
      {"{} {}", "Not JSON: unexpected text after the value at byte 3"},
  };
  for (Row const& row : table) {
    CAPTURE(row.text);
    auto const result = parse_json(row.text);
    REQUIRE(result.has_error());
    CHECK(result.error().code() == ErrorCode::parse_error);
    CHECK(result.error().message() == row.message);
  }
}

TEST_CASE("C6: parse_json nests to 128, keeps the last of duplicates and takes long numbers") {
  CHECK(parse_json(std::string(128, '[') + std::string(128, ']')).has_value());
  CHECK(parse(R"({"a":1,"a":2})").at("a") == 2);
  CHECK(parse("1" + std::string(300, '0')).as_double() == 1e300);
  CHECK(parse("0." + std::string(1'000'000, '9')).is_double());
  auto const beyond = parse_json(std::string(1'000'000, '9'));
  REQUIRE(beyond.has_error());
  CHECK(beyond.error().code() == ErrorCode::parse_error);
  CHECK(parse("18446744073709551615").as_uint64() == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("a number that no double can hold is refused, wherever it is") {
  for (std::string_view const text : {"1e999", "-1e999", "0e999999", "1e99999999999999999999",
                                      "[[1e400]]", R"({"a":{"b":[1,1e999]}})"}) {
    CAPTURE(text);
    CHECK(!check_json(text));
    auto const result = parse_json(text);
    REQUIRE(result.has_error());
    CHECK(result.error().code() == ErrorCode::parse_error);
    CHECK(result.error().message() == "JSON with a number that is out of range");
  }
  CHECK(parse("1e-999").as_double() == 0.0);
}

TEST_CASE("C7: parse_json reads lone surrogates as U+FFFD and pairs as what they are") {
  std::string const mark = "\xEF\xBF\xBD";
  struct Row {
    std::string_view inside;
    std::string expected;
  };
  std::vector<Row> const table = {
      {R"(\ud800)", mark},
      {R"(\udfff)", mark},
      {R"(a\uDBFFz)", "a" + mark + "z"},
      {R"(\ud800\ud800)", mark + mark},
      {R"(\udc00\ud800)", mark + mark},
      {R"(\ud800\ud83d\ude00\udc00)", mark + "\xF0\x9F\x98\x80" + mark},
      {R"(\ud800\u0041)", mark + "A"},
      {R"(\ud800\\udc00)", mark + "\\udc00"},
      {R"(\\ud800)", "\\ud800"},
      {R"(\ud800\n)", mark + "\n"},
      {R"(\u0000)", "\0"s},
  };
  for (Row const& row : table) {
    std::string const text = "\"" + std::string(row.inside) + "\"";
    CAPTURE(text);
    CHECK(std::string_view(parse(text).as_string()) == row.expected);
    CHECK(unescape(text) == row.expected);  // the scanner reads it alike
  }
}

// ---- Decoding ---------------------------------------------------------------------

TEST_CASE("a whole request decodes") {
  auto const request = accepted<Request>(R"({
    "stream": true, "temperature": 1, "model": "gpt-4.1", "unknown": [1, {"x": null}],
    "messages": [
      {"role": "system", "content": "Be brief.", "name": null},
      {"role": "user", "content": "\u00e9", "name": "ann"}],
    "logit_bias": {"50256": -100, "": 0},
    "metadata": {"k": [1, 2]}})");
  CHECK(request.stream);
  CHECK(request.temperature == 1.0);
  CHECK(request.model == "gpt-4.1");
  REQUIRE(request.messages.size() == 2);
  CHECK(request.messages[0].role == Role::system);
  CHECK(!request.messages[0].name);
  CHECK(request.messages[1].content == "\xC3\xA9");
  CHECK(request.messages[1].name == "ann");
  CHECK(request.logit_bias == std::map<std::string, int>{{"50256", -100}, {"", 0}});
  CHECK(*request.metadata == json::parse(R"({"k":[1,2]})"));
}

TEST_CASE("absent and null optionals are empty") {
  auto const absent = accepted<Request>(R"({"stream":false,"model":"m","messages":[]})");
  CHECK(!absent.temperature);
  CHECK(!absent.logit_bias);
  CHECK(!absent.metadata);
  auto const null = accepted<Request>(
      R"({"stream":false,"model":"m","messages":[],"temperature":null,"metadata":null})");
  CHECK(!null.temperature);
  CHECK(!null.metadata);
}

TEST_CASE("a refusal names the path") {
  CHECK(refusal<Request>("[]") == "expected object at $");
  CHECK(refusal<Request>("{}") == "missing $.stream");
  CHECK(refusal<Request>(R"({"stream":1})") == "expected boolean at $.stream");
  CHECK(refusal<Request>(R"({"stream":null})") == "expected boolean at $.stream");
  CHECK(refusal<Request>(R"({"stream":true,"temperature":"hot"})") ==
        "expected number at $.temperature");
  CHECK(refusal<Request>(R"({"stream":true,"model":5})") == "expected string at $.model");
  CHECK(refusal<Request>(R"({"stream":true,"model":"m"})") == "missing $.messages");
  CHECK(refusal<Request>(R"({"stream":true,"model":"m","messages":{}})") ==
        "expected array at $.messages");
  CHECK(
      refusal<Request>(
          R"({"stream":true,"model":"m","messages":[{"role":"user","content":""},{"role":7}]})") ==
      "expected string at $.messages[1].role");
  CHECK(refusal<Request>(R"({"stream":true,"model":"m","messages":[{"role":"robot"}]})") ==
        R"(expected one of "system", "user", "assistant" at $.messages[0].role)");
  CHECK(refusal<Request>(R"({"stream":true,"model":"m","messages":[{"role":"user"}]})") ==
        "missing $.messages[0].content");
  CHECK(refusal<Request>(R"({"stream":true,"model":"m","messages":[null]})") ==
        "expected object at $.messages[0]");
  CHECK(refusal<Request>(R"({"stream":true,"model":"m","messages":[],"logit_bias":{"a b":"x"}})") ==
        R"(expected integer at $.logit_bias["a b"])");
  CHECK(
      refusal<Request>(R"({"stream":true,"model":"m","messages":[],"logit_bias":{"50256":0.5}})") ==
      R"(expected integer at $.logit_bias["50256"])");
  CHECK(
      refusal<Request>(R"({"stream":true,"model":"m","messages":[],"logit_bias":{"q\"\n":[]}})") ==
      R"(expected integer at $.logit_bias["q\"\n"])");
  CHECK(refusal<Tree>(R"({"name":"a","children":[{"name":"b","children":[{"name":1}]}]})") ==
        "expected string at $.children[0].children[0].name");
  CHECK(refusal<std::vector<std::vector<int>>>("[[1],[2,[]]]") == "expected integer at $[1][1]");
}

TEST_CASE("integers keep to their range") {
  CHECK(accepted<std::uint8_t>("255") == 255);
  CHECK(refusal<std::uint8_t>("256") == "expected integer from 0 to 255 at $");
  CHECK(refusal<std::uint8_t>("-1") == "expected integer from 0 to 255 at $");
  CHECK(accepted<std::int8_t>("-128") == -128);
  CHECK(refusal<std::int8_t>("-129") == "expected integer from -128 to 127 at $");
  CHECK(accepted<int>("-2147483648") == std::numeric_limits<int>::min());
  CHECK(refusal<int>("2147483648") == "expected integer from -2147483648 to 2147483647 at $");
  CHECK(accepted<std::int64_t>("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
  CHECK(accepted<std::int64_t>("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
  CHECK(refusal<std::int64_t>("9223372036854775808") ==
        "expected integer from -9223372036854775808 to 9223372036854775807 at $");
  CHECK(accepted<std::uint64_t>("18446744073709551615") ==
        std::numeric_limits<std::uint64_t>::max());
  CHECK(refusal<std::uint64_t>("18446744073709551616") ==
        "expected integer from 0 to 18446744073709551615 at $");
  CHECK(refusal<std::uint64_t>("-1") == "expected integer from 0 to 18446744073709551615 at $");
  // One kind of number only: 1.0 is 1, but nothing is rounded.
  CHECK(accepted<int>("1.0") == 1);
  CHECK(accepted<int>("-0.0") == 0);
  CHECK(accepted<int>("5e2") == 500);
  CHECK(accepted<std::int64_t>("1099511627775.0") == 1099511627775);
  CHECK(refusal<int>("1.5") == "expected integer at $");
  CHECK(refusal<int>("1e10") == "expected integer from -2147483648 to 2147483647 at $");
  CHECK(refusal<std::uint8_t>("-1.0") == "expected integer from 0 to 255 at $");
  CHECK(refusal<std::int64_t>("1e300") ==
        "expected integer from -9223372036854775808 to 9223372036854775807 at $");
  for (std::string_view const text : {"true", "null", "\"1\"", "[1]", "{}"}) {
    CAPTURE(text);
    CHECK(refusal<int>(text) == "expected integer at $");
  }
}

TEST_CASE("numbers, strings and booleans are not mixed up") {
  CHECK(accepted<double>("1") == 1.0);
  CHECK(accepted<double>("18446744073709551615") == 18446744073709551615.0);
  CHECK(accepted<double>("-2.5e-3") == -2.5e-3);
  CHECK(refusal<double>("\"1\"") == "expected number at $");
  CHECK(accepted<std::string>(R"("a\u0000b")") == "a\0b"s);
  CHECK(refusal<std::string>("1") == "expected string at $");
  CHECK(accepted<bool>("false") == false);
  CHECK(refusal<bool>("0") == "expected boolean at $");
  CHECK(refusal<bool>("\"true\"") == "expected boolean at $");
  CHECK(accepted<std::vector<bool>>("[true,false]") == std::vector<bool>{true, false});
}

TEST_CASE("json values pass through") {
  auto const raw = accepted<Raw>(R"({"any":null,"object":{"a":1},"array":[1,"x"]})");
  CHECK(raw.any.is_null());
  CHECK(raw.object == json::parse(R"({"a":1})"));
  CHECK(raw.array == json::parse(R"([1,"x"])"));
  CHECK(refusal<Raw>(R"({"any":1,"object":[],"array":[]})") == "expected object at $.object");
  CHECK(refusal<Raw>(R"({"any":1,"object":{},"array":{}})") == "expected array at $.array");
  CHECK(json::serialize(encode(raw)) == R"({"any":null,"object":{"a":1},"array":[1,"x"]})");
}

TEST_CASE("a secret decodes, and its value is in no error") {
  auto const credentials = accepted<Credentials>(R"({"user":"ann","token":"gho_canary"})");
  CHECK(credentials.token.reveal() == "gho_canary");
  CHECK(refusal<Credentials>(R"({"user":"ann","token":["gho_canary"]})") ==
        "expected string at $.token");
  CHECK(refusal<Credentials>(R"({"user":"ann","token":null})") == "expected string at $.token");
}

TEST_CASE("enums decode by exact name") {
  CHECK(accepted<Role>("\"assistant\"") == Role::assistant);
  CHECK(refusal<Role>("\"Assistant\"") == R"(expected one of "system", "user", "assistant" at $)");
  CHECK(refusal<Role>("\"\"") == R"(expected one of "system", "user", "assistant" at $)");
  CHECK(refusal<Role>("1") == "expected string at $");
}

// ---- Encoding ---------------------------------------------------------------------

TEST_CASE("encode writes what decode reads, bases first, without empty optionals") {
  Request request;
  request.stream = true;
  request.model = "m";
  request.messages = {{Role::user, "hi", {}}, {Role::assistant, "\xC3\xA9\"", "bot"}};
  CHECK(json::serialize(encode(request)) ==
        R"({"stream":true,"model":"m","messages":[{"role":"user","content":"hi"},)"
        "{\"role\":\"assistant\",\"content\":\"\xC3\xA9\\\"\",\"name\":\"bot\"}]}");

  request.temperature = 0.5;
  request.logit_bias = std::map<std::string, int>{{"b", 2}, {"a", 1}};
  request.metadata = json::parse("[null]");
  std::string const text = json::serialize(encode(request));
  CHECK(
      text ==
      R"({"stream":true,"temperature":5E-1,"model":"m","messages":[{"role":"user","content":"hi"},)"
      "{\"role\":\"assistant\",\"content\":\"\xC3\xA9\\\"\",\"name\":\"bot\"}],"
      R"("logit_bias":{"a":1,"b":2},"metadata":[null]})");
  CHECK(encode(accepted<Request>(text)) == encode(request));
}

TEST_CASE("encode of single values") {
  CHECK(encode(true) == json::value(true));
  CHECK(encode(std::int8_t{-5}).as_int64() == -5);
  CHECK(encode(std::numeric_limits<std::int64_t>::min()).as_int64() ==
        std::numeric_limits<std::int64_t>::min());
  CHECK(encode(std::numeric_limits<std::uint64_t>::max()).as_uint64() ==
        std::numeric_limits<std::uint64_t>::max());
  CHECK(encode(1.5).as_double() == 1.5);
  CHECK(json::serialize(encode(100.0)) == "100");
  CHECK(json::serialize(encode(-3.0)) == "-3");
  CHECK(encode(1e300).as_double() == 1e300);
  CHECK(encode("text"s).as_string() == "text");
  CHECK(encode(std::string_view("text")).as_string() == "text");
  CHECK(encode(Role::system).as_string() == "system");
  CHECK(encode(std::optional<int>()).is_null());
  CHECK(encode(std::optional<int>(3)).as_int64() == 3);
  CHECK(json::serialize(encode(std::vector<std::optional<int>>{1, {}, 3})) == "[1,null,3]");
  CHECK(json::serialize(encode(std::vector<bool>{true, false})) == "[true,false]");
  CHECK(encode(std::vector<int>()).as_array().empty());
  CHECK(encode(Tree{"a", {{"b", {}}}}) ==
        json::parse(R"({"name":"a","children":[{"name":"b","children":[]}]})"));
}

TEST_CASE("numbers that JSON cannot write become null") {
  CHECK(encode(std::numeric_limits<double>::infinity()).is_null());
  CHECK(encode(-std::numeric_limits<double>::infinity()).is_null());
  CHECK(encode(std::numeric_limits<double>::quiet_NaN()).is_null());
}

TEST_CASE("json_text writes numbers as people do, and everything else as JSON") {
  constexpr std::string_view text =
      R"({"zero":0,"tenth":0.1,"much":288.3,"whole":300,"less":-1.5,"big":1e+22,"list":[1,2.25,[]],"text":"a\"\u0001é","yes":true,"no":null,"none":{}})";
  auto const value = parse_json(text);
  REQUIRE(value.has_value());
  CHECK(json_text(*value) == text);
  CHECK(json_text(json::value(0.0)) == "0");
  CHECK(json_text(json::value(300.0)) == "300");
}

}  // namespace

}  // namespace jumpseat
