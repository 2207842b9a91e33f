#include "protocol/json_text.h"

#include <string>
#include <string_view>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

namespace jumpseat {
namespace {

namespace json = boost::json;

bool is_read(std::string_view text) {
  JsonIndex index;
  return index.read(text);
}

ObjectText object(std::string_view text) { return ObjectText(JsonView(text)); }

TEST_CASE("what is read quickly is what Boost.JSON would write") {
  auto const text = GENERATE(as<std::string_view>(), R"({})", R"([])", R"("")", "0", "-1", "true",
                             "null", R"({"a":{"b":[1,"x",{}],"c":false},"d":""})",
                             R"(["\"\\\b\f\n\r\t","größe 日本語",123456789012345])");
  CAPTURE(text);
  CHECK(is_read(text));
  CHECK(json::serialize(json::parse(text)) == text);
}

TEST_CASE("what Boost.JSON would write in another way, or not take, is not read") {
  auto const text =
      GENERATE(as<std::string_view>(), "", " {}", "{} ", R"({"a": 1})", R"({"a":1,"a":2})",
               R"({"a":{"b":1,"b":1}})", R"({"\u0061":1})", R"("\/")", "-0", "01", "1.5", "1e2",
               "nul", "tru", R"({"a":1,})", R"({"a"})", R"({"a":})", "[1,]", "[1", R"({"a":1)",
               R"("a)", "\"\xFF\"", "\"\n\"", R"("\ud800")", "1234567890123456");
  CAPTURE(text);
  CHECK_FALSE(is_read(text));
}

TEST_CASE("nesting without an end is not followed") {
  CHECK_FALSE(is_read(std::string(100'000, '[')));
  CHECK_FALSE(is_read("[" + std::string(3000, '1') + "]"));
}

TEST_CASE("an object is edited in place, read by an index or not") {
  constexpr std::string_view text = R"({"a":1,"b":{"c":null,"d":"x"},"e":[1,{"f":2}]})";
  JsonIndex index;
  REQUIRE(index.read(text));
  auto const view = GENERATE_REF(JsonView(index.root()), JsonView(text));
  ObjectText edited(view);
  CHECK(edited.text() == text);
  CHECK_FALSE(edited.changed());
  CHECK(edited.at("a") == "1");
  CHECK(edited.at("z").empty());
  ObjectText inner(edited.text_at("b"));
  CHECK(inner.at("d") == R"("x")");
  CHECK(inner.erase_null("c"));
  CHECK_FALSE(inner.erase_null("d"));
  auto const inner_text = inner.text();
  edited.set("b", inner_text);
  edited.set("g", "true");
  CHECK(edited.erase("a"));
  CHECK_FALSE(edited.erase("a"));
  std::string elements;
  for_each_element(edited.text_at("e"),
                   [&](JsonView one) { elements.append(one.text).append(";"); });
  CHECK(elements == R"(1;{"f":2};)");
  CHECK(edited.text() == R"({"b":{"d":"x"},"e":[1,{"f":2}],"g":true})");
  CHECK(edited.text_size() >= edited.text().size());
}

TEST_CASE("an object without members is one still") {
  ObjectText edited = object(R"({"a":1})");
  edited.erase("a");
  CHECK(edited.text() == "{}");
  edited.set("b", "2");
  CHECK(edited.text() == R"({"b":2})");
  CHECK(object("[1]").size() == 0);
}

TEST_CASE("objects are merged as the pieces of a stream are") {
  MergedObject merged;
  for (
      std::string_view const piece :
      {R"({"content":"a","n":1,"list":[],"logprobs":{"content":[1],"refusal":null},"gone":2})",
       R"({"content":"\n","n":2,"list":[1],"logprobs":{"content":[2,3],"refusal":[4]},"gone":null})",
       R"({"content":null,"n":{"x":1},"list":[],"logprobs":7,"late":{"text":"s"}})"}) {
    for (auto const& member : object(piece)) merged.merge(member.key, member.value);
  }
  std::string text;
  merged.append_to(text);
  CHECK(text ==
        R"({"content":"a\n","n":{"x":1},"list":[1],"logprobs":7,"gone":2,"late":{"text":"s"}})");
  merged.object("late").merge("more", "1");
  merged.object("n").merge("x", "2");
  text.clear();
  merged.append_to(text);
  CHECK(
      text ==
      R"({"content":"a\n","n":{"x":2},"list":[1],"logprobs":7,"gone":2,"late":{"text":"s","more":1}})");
}

TEST_CASE("values are told by their texts") {
  CHECK(unquoted(R"("a\"b")") == "a\"b");
  CHECK(unquoted("1").empty());
  CHECK(text_size(R"("a\n\u001fé")") == 5);
  CHECK(text_size("null") == 0);
  CHECK(whole_number_of("-5") == -5);
  CHECK(whole_number_of("1E2") == 100);
  CHECK_FALSE(whole_number_of("1.5E0"));
  CHECK_FALSE(whole_number_of("18446744073709551615"));
  CHECK_FALSE(whole_number_of(R"("1")"));
  CHECK_FALSE(whole_number_of(""));
}

}  // namespace
}  // namespace jumpseat
