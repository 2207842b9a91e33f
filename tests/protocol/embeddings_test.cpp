#include "protocol/embeddings.h"

#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "protocol/json.h"
#include "protocol/scan.h"
#include "tests/support/show.h"

namespace jumpseat {
namespace {

using Encoding = EmbeddingsRequest::Encoding;

EmbeddingsRequest parsed(std::string body) {
  REQUIRE_FALSE(check_json(body).has_value());
  auto request = EmbeddingsRequest::parse(std::move(body));
  if (!request) FAIL(request.error().message());
  return std::move(*request);
}

std::string refusal(std::string body) {
  REQUIRE_FALSE(check_json(body).has_value());
  auto const request = EmbeddingsRequest::parse(std::move(body));
  if (request) return "accepted";
  CHECK(request.error().code() == ErrorCode::invalid_request);
  return request.error().message();
}

TEST_CASE("a text and a list of texts both become a list for upstream") {
  struct Case {
    std::string_view body, upstream;
  };
  for (auto const& one : {
           Case{R"({"input":"a"})", R"({"input":["a"],"model":"m"})"},
           Case{R"({"model":"x","input":["a","b\"]"]})", R"({"model":"m","input":["a","b\"]"]})"},
           Case{R"({"model":"x","input": [ "a" , "b" ] ,"dimensions":4})",
                R"({"model":"m","input": ["a","b"] ,"dimensions":4})"},
           Case{R"({"input":"a","encoding_format":"base64","user":"u","initiator":"agent"})",
                R"({"input":["a"],"user":"u","model":"m"})"},
           Case{R"({"inp\u0075t":"\u00e4","model":null,"encoding_format":null,"unknown":[1]})",
                R"({"inp\u0075t":["\u00e4"],"model":"m","unknown":[1]})"},
       }) {
    auto const request = parsed(std::string(one.body));
    CHECK(request.upstream_body("m", 0, request.inputs()) == one.upstream);
  }
}

TEST_CASE("an embeddings request is cut into batches") {
  auto const request = parsed(R"({"model":"x","input":["a","b","c","d","e"]})");
  REQUIRE(request.inputs() == 5);
  CHECK(request.upstream_body("m", 0, 2) == R"({"model":"m","input":["a","b"]})");
  CHECK(request.upstream_body("m", 2, 2) == R"({"model":"m","input":["c","d"]})");
  CHECK(request.upstream_body("m", 4, 1) == R"({"model":"m","input":["e"]})");
}

TEST_CASE("what an embeddings request asks for") {
  auto const request = parsed(R"({"model":"m\u0031","input":"a","encoding_format":"base64"})");
  CHECK(request.model() == "m1");
  CHECK(request.encoding() == Encoding::base64);
  auto const plain = parsed(R"({"input":"a","encoding_format":"float"})");
  CHECK(plain.model().empty());
  CHECK(plain.encoding() == Encoding::number);
}

TEST_CASE("embeddings requests that nobody can answer are refused by name") {
  std::string many = R"({"input":[)";
  for (std::size_t i = 0; i < EmbeddingsRequest::max_inputs; ++i) many += R"("a",)";
  struct Case {
    std::string body, part;
  };
  for (auto const& one : {
           Case{"[]", "not a JSON object"},
           Case{"{}", "`input` is missing"},
           Case{R"({"input":null})", "`input` is missing"},
           Case{R"({"input":[]})", "`input` is empty"},
           Case{R"({"input":{}})", "`input` must be a string or an array"},
           Case{R"({"input":7})", "`input` must be a string or an array"},
           Case{R"({"input":[1,2]})", "token ids"},
           Case{R"({"input":[[1,2],[3]]})", "token ids"},
           Case{R"({"input":["a",null]})", "`input[1]` must be a string"},
           Case{R"({"input":["a",{}]})", "`input[1]` must be a string"},
           Case{many + R"("a"]})", "more than 2048"},
           Case{R"({"input":"a","input":"b"})", "`input` is given twice"},
           Case{R"({"input":"a","model":3})", "`model` must be a string"},
           Case{R"({"input":"a","encoding_format":"int8"})", "`encoding_format` must be"},
           Case{R"({"input":"a","dimensions":0})", "`dimensions` must be at least 1"},
           Case{R"({"input":"a","dimensions":1.5})", "`dimensions` must be a whole number"},
           Case{R"({"input":"a","api_base":"http://x"})", "`api_base` is not accepted"},
           Case{R"({"input":"a","Extra-Headers":{}})", "`Extra-Headers` is not accepted"},
       }) {
    INFO(one.body.substr(0, 60));
    CHECK(refusal(one.body).find(one.part) != std::string::npos);
  }
  CHECK(refusal(many.substr(0, many.size() - 1) + "]}") == "accepted");
}

std::string joined(Encoding encoding, std::size_t inputs, std::string_view body) {
  EmbeddingsAnswer answer("asked", encoding, inputs);
  auto const added = answer.add(body, 0, inputs);
  if (!added) return added.error().message();
  return answer.text();
}

TEST_CASE("embeddings are made complete and put into the order of the inputs") {
  std::string_view const whole =
      R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[1,-0.5]},)"
      R"({"object":"embedding","index":1,"embedding":[2e-3]}],"model":"asked",)"
      R"("usage":{"prompt_tokens":4,"total_tokens":4}})";
  for (
      std::string_view body : {
          whole,
          // Another order, other members, an upstream model.
          std::string_view(
              R"( {"data":[{"index":1,"embedding":[2e-3],"x":1},{"index":0,"embedding":[1,-0.5]}],)"
              R"("model":"m","usage":{"prompt_tokens":4,"total_tokens":4}}
)"),
          // Neither `object` nor `index`; only one of the counts.
          std::string_view(R"({"data":[{"embedding":[1,-0.5]},{"index":null,"embedding":[2e-3]}],)"
                           R"("usage":{"total_tokens":4}})"),
      }) {
    CHECK(joined(Encoding::number, 2, body) == whole);
  }
}

TEST_CASE("a missing usage counts as nothing") {
  CHECK(joined(Encoding::number, 1, R"({"data":[{"embedding":[1]}]})")
            .find(R"("usage":{"prompt_tokens":0,"total_tokens":0})") != std::string::npos);
}

TEST_CASE("batches are joined and their tokens summed") {
  EmbeddingsAnswer answer("a", Encoding::number, 3);
  REQUIRE(answer.add(R"({"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1]}],)"
                     R"("usage":{"prompt_tokens":4,"total_tokens":5}})",
                     0, 2));
  REQUIRE(answer.add(
      R"({"data":[{"index":0,"embedding":[3]}],"usage":{"prompt_tokens":2,"total_tokens":2}})", 2,
      1));
  auto const value = parse_json(answer.text());
  REQUIRE(value);
  auto const& data = value->at("data").as_array();
  for (std::int64_t i = 0; i < 3; ++i) {
    auto const& one = data[static_cast<std::size_t>(i)];
    CHECK(one.at("index") == i);
    CHECK(one.at("embedding").at(0) == i + 1);
  }
  CHECK(json::serialize(value->at("usage")) == R"({"prompt_tokens":6,"total_tokens":7})");
  CHECK(answer.prompt_tokens() == 6);
}

TEST_CASE("base64 is little-endian 32-bit floats") {
  struct Case {
    std::string_view numbers, text;
  };
  for (auto const& one : {
           Case{"[1]", "AACAPw=="},
           Case{"[0.5,-2.25]", "AAAAPwAAEMA="},
           Case{"[0.1, 1e0, -0]", "zczMPQAAgD8AAACA"},
           Case{"[1e-400]", "AAAAAA=="},
           Case{"[-1e-60,3.4028234663852886e38]", "AAAAgP//f38="},
       }) {
    INFO(one.numbers);
    auto const text =
        joined(Encoding::base64, 1, R"({"data":[{"embedding":)" + std::string(one.numbers) + "}]}");
    CHECK(text.find("\"embedding\":\"" + std::string(one.text) + '"') != std::string::npos);
  }
}

TEST_CASE("embeddings that do not fit the inputs are errors, never wrong vectors") {
  struct Case {
    std::string_view body, part;
  };
  for (auto const& one : {
           Case{"", "not JSON"},
           Case{"<html>", "not JSON"},
           Case{R"({"data":[{"embedding":[1]})", "not JSON"},
           Case{"[]", "no list"},
           Case{R"({"data":{}})", "no list"},
           Case{R"({"data":[]})", "0 vectors for 2 inputs"},
           Case{R"({"data":[{"embedding":[1]}]})", "1 vectors for 2 inputs"},
           Case{R"({"data":[{"embedding":[1]},{"embedding":[1]},{"embedding":[1]}]})",
                "none of the inputs"},
           Case{R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]})",
                "two results"},
           Case{R"({"data":[{"index":-1,"embedding":[1]},{"embedding":[1]}]})",
                "none of the inputs"},
           Case{R"({"data":[{"index":2,"embedding":[1]},{"embedding":[1]}]})",
                "none of the inputs"},
           Case{R"({"data":[{"index":"0","embedding":[1]},{"embedding":[1]}]})",
                "none of the inputs"},
           Case{R"({"data":[{"embedding":"AACAPw=="},{"embedding":[1]}]})", "no vector"},
           Case{R"({"data":[7,{"embedding":[1]}]})", "no vector"},
           Case{R"({"data":[{"embedding":[]},{"embedding":[1]}]})", "empty"},
           Case{R"({"data":[{"embedding":["NaN"]},{"embedding":[1]}]})", "not a number"},
           Case{R"({"data":[{"embedding":[[1]]},{"embedding":[1]}]})", "not a number"},
       }) {
    INFO(one.body);
    EmbeddingsAnswer answer("a", Encoding::number, 2);
    auto const added = answer.add(one.body, 0, 2);
    REQUIRE_FALSE(added);
    CHECK(added.error().code() == ErrorCode::bad_upstream_json);
    CHECK(added.error().message().find(one.part) != std::string::npos);
  }
  CHECK(joined(Encoding::base64, 1, R"({"data":[{"embedding":[1e39]}]})").find("no float") !=
        std::string::npos);
}

TEST_CASE("an error in the place of embeddings is that error") {
  EmbeddingsAnswer answer("a", Encoding::number, 1);
  auto const added = answer.add(R"({"error":{"code":"rate_limited","message":"wait"}})", 0, 1);
  REQUIRE_FALSE(added);
  CHECK(added.error().code() == ErrorCode::rate_limited);
}

}  // namespace
}  // namespace jumpseat
