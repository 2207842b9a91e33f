#include "protocol/rpc.h"

#include <chrono>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "protocol/result.h"
#include "protocol/scan.h"

namespace jumpseat {
namespace {

using namespace std::string_literals;

// A message as one line.
std::string line(RpcMessage const& message) {
  if (auto const* request = std::get_if<RpcRequest>(&message)) {
    return "request " + request->id.text() + " " + request->method + " " +
           std::string(request->params);
  }
  if (auto const* notification = std::get_if<RpcNotification>(&message)) {
    return "notification " + notification->method + " " + std::string(notification->params);
  }
  if (auto const* response = std::get_if<RpcResponse>(&message)) {
    std::string text = "response " + response->id.text() + " " + std::string(response->result);
    if (!response->error) return text;
    text += " error " + std::to_string(response->error->code) + " " + response->error->message;
    return response->error->data ? text + " " + boost::json::serialize(*response->error->data)
                                 : text;
  }
  auto const& invalid = std::get<RpcInvalid>(message);
  return "invalid " + invalid.id.text() + " " + std::to_string(invalid.error.code) + " " +
         invalid.error.message;
}

std::string line(std::string_view text) { return line(parse_message(text)); }

TEST_CASE("messages are sorted by their members") {
  struct Row {
    std::string text, expected;
  };
  std::vector<Row> const table = {
      {R"({"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1}})", R"(request 1 m {"a":1})"},
      {R"({"jsonrpc":"2.0","method":"m","params":{"a":1}})", R"(notification m {"a":1})"},
      {R"({"jsonrpc":"2.0","id":1,"result":{"a":1}})", R"(response 1 {"a":1})"},
      {R"({"jsonrpc":"2.0","id":1,"result":null})", "response 1 null"},
      {R"({"jsonrpc":"2.0","id":"x","error":{"code":-32601,"message":"no"}})",
       R"(response "x" null error -32601 no)"},
      {R"({"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"no","data":{"k":[1]}}})",
       R"(response 1 null error 1 no {"k":[1]})"},
      // White space, order, unknown members, escaped names.
      {" \r\n{ \"params\" : [ ] ,\t\"method\" : \"a\\/b\" , \"id\" : 7 , \"jsonrpc\" : \"2.0\" } ",
       "request 7 a/b {}"},
      {R"({"jsonrpc":"2.0","id":1,"method":"m","trace":{"id":2},"x":[],"x":{}})", "request 1 m {}"},
      {R"({"jsonrpc":"2.\u0030","i\u0064":1,"\u006dethod":"\u006d"})", "request 1 m {}"},
      {R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"\u00e9"}})",
       R"(notification $/cancelRequest {"id":"\u00e9"})"},
      {R"({"jsonrpc":"2.0","id":1,"method":""})", "request 1  {}"},
      // Answers in the manner of JSON-RPC 1.0, with both members.
      {R"({"jsonrpc":"2.0","id":1,"result":2,"error":null})", "response 1 2"},
      {R"({"jsonrpc":"2.0","id":1,"result":null,"error":{"code":5,"message":"e"}})",
       "response 1 null error 5 e"},
      {R"({"jsonrpc":"2.0","id":1,"error":null})", "response 1 null"},
      // The peer could not read what it answers.
      {R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}})",
       "response null null error -32700 ?"},
      // An error of an odd shape still ends the request.
      {R"({"jsonrpc":"2.0","id":1,"error":"broken"})",
       "response 1 null error -32603 The other side reported an error without a message."},
      {R"({"jsonrpc":"2.0","id":1,"error":{"code":"E","message":7,"data":"\ud800"}})",
       "response 1 null error -32603 The other side reported an error without a message. "
       "\"\xEF\xBF\xBD\""},
      {R"({"jsonrpc":"2.0","id":1,"error":{"code":99999999999,"message":"m"}})",
       "response 1 null error -32603 m"},
  };
  for (Row const& row : table) {
    CAPTURE(row.text);
    CHECK(line(row.text) == row.expected);
  }
}

TEST_CASE("params: absent, null, [], and an object in an array") {
  CHECK(line(R"({"jsonrpc":"2.0","id":1,"method":"m"})") == "request 1 m {}");
  CHECK(line(R"({"jsonrpc":"2.0","id":1,"method":"m","params":null})") == "request 1 m {}");
  CHECK(line(R"({"jsonrpc":"2.0","method":"m","params":{}})") == "notification m {}");
  CHECK(line(R"({"jsonrpc":"2.0","method":"m","params":[]})") == "notification m {}");
  CHECK(line(R"({"jsonrpc":"2.0","method":"m","params":[ ]})") == "notification m {}");
  CHECK(line(R"({"jsonrpc":"2.0","method":"m","params":[null]})") == "notification m {}");
  CHECK(line(R"({"jsonrpc":"2.0","method":"m","params":[ { "a" : [1] } ]})") ==
        R"(notification m { "a" : [1] })");
  CHECK(line(R"({"jsonrpc":"2.0","method":"m","params":[5]})") == "notification m [5]");
  CHECK(line(R"({"jsonrpc":"2.0","id":1,"method":"m","params":["m"]})") == "request 1 m [\"m\"]");
  CHECK(line(R"({"jsonrpc":"2.0","method":"m","params":[{},{}]})") == "notification m [{},{}]");
  CHECK(line(R"({"jsonrpc":"2.0","method":"m","params":[[{}]]})") == "notification m [[{}]]");
}

TEST_CASE("C8: ids come back byte for byte") {
  for (std::string_view const id :
       {"0", "-1", "1.0", "1e2", "9007199254740993", "123456789012345678901234567890", "-0", "1.50",
        R"("")", R"("0")", R"("92")", R"("a\u0041\/")", R"("\ud800")", "\"\xC3\xBC\"",
        R"("7f3c-11")"}) {
    CAPTURE(id);
    std::string const text = R"({"jsonrpc":"2.0","method":"m","id": )" + std::string(id) + " }";
    RpcMessage const message = parse_message(text);
    auto const* request = std::get_if<RpcRequest>(&message);
    REQUIRE(request != nullptr);
    CHECK(request->id.text() == id);
    CHECK(result_text(request->id, "1") ==
          R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"result":1})");
  }
}

TEST_CASE("C8: ids are compared as they are written") {
  CHECK(RequestId("92") == RequestId("92"));
  CHECK(RequestId("92") != RequestId("\"92\""));
  CHECK(RequestId("1") != RequestId("1.0"));
  CHECK(RequestId::null().text() == "null");
}

TEST_CASE("C8: an id of another kind is an invalid request") {
  for (std::string_view const id : {"null", "true", "false", "{}", "[]", "[1]"}) {
    CAPTURE(id);
    CHECK(line(R"({"jsonrpc":"2.0","method":"m","id":)" + std::string(id) + "}") ==
          R"(invalid null -32600 Not a JSON-RPC message: "id" must be a string or a number)");
  }
}

TEST_CASE("what is not a message is refused, under its own id where that is known") {
  struct Row {
    std::string text, expected;
  };
  std::vector<Row> const table = {
      {"1", "null -32600 Not a JSON-RPC message: not an object"},
      {" \"x\"", "null -32600 Not a JSON-RPC message: not an object"},
      {"null", "null -32600 Not a JSON-RPC message: not an object"},
      {"[]", "null -32600 Not a JSON-RPC message: batches are not part of LSP"},
      {R"( [{"jsonrpc":"2.0","id":1,"method":"m"}])",
       "null -32600 Not a JSON-RPC message: batches are not part of LSP"},
      {"{}", R"(null -32600 Not a JSON-RPC message: "jsonrpc" must be "2.0")"},
      {R"({"id":1,"method":"m"})", R"(1 -32600 Not a JSON-RPC message: "jsonrpc" must be "2.0")"},
      {R"({"jsonrpc":"1.0","id":1,"method":"m"})",
       R"(1 -32600 Not a JSON-RPC message: "jsonrpc" must be "2.0")"},
      {R"({"jsonrpc":2.0,"id":1,"method":"m"})",
       R"(1 -32600 Not a JSON-RPC message: "jsonrpc" must be "2.0")"},
      {R"({"jsonrpc":"2.0"})",
       R"(null -32600 Not a JSON-RPC message: no "method", "result" or "error")"},
      {R"({"jsonrpc":"2.0","id":1})",
       R"(1 -32600 Not a JSON-RPC message: no "method", "result" or "error")"},
      {R"({"jsonrpc":"2.0","id":"a","method":1})",
       R"("a" -32600 Not a JSON-RPC message: "method" must be a string)"},
      {R"({"jsonrpc":"2.0","id":1,"method":null})",
       R"(1 -32600 Not a JSON-RPC message: "method" must be a string)"},
      {R"({"jsonrpc":"2.0","id":1,"method":"m","params":1})",
       R"(1 -32600 Not a JSON-RPC message: "params" must be an object or an array)"},
      {R"({"jsonrpc":"2.0","method":"m","params":"x"})",
       R"(null -32600 Not a JSON-RPC message: "params" must be an object or an array)"},
      {R"({"jsonrpc":"2.0","id":1,"method":"m","result":1})",
       R"(1 -32600 Not a JSON-RPC message: both a "method" and a "result" or "error")"},
      // A response keeps its id to itself: it is one of ours.
      {R"({"jsonrpc":"2.0","result":1})",
       R"(null -32600 Not a JSON-RPC message: a response needs the "id" of its request)"},
      {R"({"id":1,"result":1})", R"(null -32600 Not a JSON-RPC message: "jsonrpc" must be "2.0")"},
      {R"({"jsonrpc":"2.0","id":[1],"result":1})",
       R"(null -32600 Not a JSON-RPC message: "id" must be a string or a number)"},
      {R"({"jsonrpc":"2.0","id":1,"result":1,"result":2})",
       R"(null -32600 Not a JSON-RPC message: "result" given twice)"},
      // C6: duplicates in the envelope.
      {R"({"jsonrpc":"2.0","id":1,"id":2,"method":"m"})",
       R"(null -32600 Not a JSON-RPC message: "id" given twice)"},
      {R"({"jsonrpc":"2.0","id":1,"method":"m","method":"n"})",
       R"(1 -32600 Not a JSON-RPC message: "method" given twice)"},
      {R"({"jsonrpc":"2.0","id":1,"method":"m","params":{},"p\u0061rams":{}})",
       R"(1 -32600 Not a JSON-RPC message: "params" given twice)"},
      {R"({"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"m"})",
       R"(1 -32600 Not a JSON-RPC message: "jsonrpc" given twice)"},
      // Not JSON.
      {"", "null -32700 Not JSON: unexpected end of text at byte 0"},
      {R"({"jsonrpc":"2.0","id":1,"method":)",
       "null -32700 Not JSON: unexpected end of text at byte 33"},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\0\"}"s,
       "null -32700 Not JSON: control character in a string at byte 35"},
      // C7.
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xFF\"}",
       "null -32700 Not JSON: invalid UTF-8 at byte 34"},
      {"\xEF\xBB\xBF{}", "null -32700 Not JSON: byte-order mark at byte 0"},
      // C6.
      {R"({"jsonrpc":"2.0","id":1,"method":"m","params":)" + std::string(128, '['),
       "null -32700 Not JSON: nested too deeply at byte 173"},
  };
  for (Row const& row : table) {
    CAPTURE(row.text);
    CHECK(line(row.text) == "invalid " + row.expected);
  }
}

TEST_CASE("C7: lone surrogates travel as they were written") {
  CHECK(line(R"({"jsonrpc":"2.0","id":1,"method":"m","params":{"text":"\ud800 \udfff"}})") ==
        R"(request 1 m {"text":"\ud800 \udfff"})");
  CHECK(line(R"({"jsonrpc":"2.0","id":1,"method":"\ud800"})") == "request 1 \xEF\xBF\xBD {}");
}

TEST_CASE("params and results are views into the text") {
  std::string const text = R"({"jsonrpc":"2.0","id":1,"method":"m","params":{"prompt":"...."}})";
  RpcMessage const message = parse_message(text);
  std::string_view const params = std::get<RpcRequest>(message).params;
  CHECK(params.data() == text.data() + text.find("{\"prompt\""));
}

TEST_CASE("texts read back as what was written") {
  RequestId const id("\"a\"");
  CHECK(progress_text("\"t\"", "{\"a\":1}") ==
        R"({"jsonrpc":"2.0","method":"$/progress","params":{"token":"t","value":{"a":1}}})");
  CHECK(request_text(id, "m", "{}") == R"({"jsonrpc":"2.0","id":"a","method":"m","params":{}})");
  CHECK(request_text(id, "m\"\n", "") == R"({"jsonrpc":"2.0","id":"a","method":"m\"\n"})");
  CHECK(notification_text("$/progress", R"({"token":1})") ==
        R"({"jsonrpc":"2.0","method":"$/progress","params":{"token":1}})");
  CHECK(result_text(RequestId("7"), "null") == R"({"jsonrpc":"2.0","id":7,"result":null})");

  RpcError error;
  error.code = -32601;
  error.message = "no \"x\"\n\xFF";
  CHECK(error_text(RequestId::null(), error) ==
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32601,\"message\":\"no "
        "\\\"x\\\"\\n\xEF\xBF\xBD\"}}");
  error.data = boost::json::parse(R"({"k":[1,null]})");
  CHECK(line(error_text(id, error)) ==
        "response \"a\" null error -32601 no \"x\"\n\xEF\xBF\xBD {\"k\":[1,null]}");

  CHECK(line(request_text(id, "m", R"({"a":1})")) == R"(request "a" m {"a":1})");
  CHECK(line(notification_text("m", "")) == "notification m {}");
  CHECK(line(result_text(id, "[1]")) == R"(response "a" [1])");
}

TEST_CASE("our errors become JSON-RPC errors with what an editor needs") {
  RpcError const plain = to_rpc_error(fail(ErrorCode::not_signed_in, "Sign in first."));
  CHECK(plain.code == rpc_error::not_authenticated);
  CHECK(plain.message == "Sign in first.");
  REQUIRE(plain.data.has_value());
  CHECK(*plain.data ==
        boost::json::parse(R"({"code":"not_signed_in","retryable":false,"httpStatus":401})"));

  RpcError const full = to_rpc_error(fail(ErrorCode::rate_limited, "Rate limit exceeded")
                                         .with_detail("secret detail")
                                         .with_name("user_global_rate_limited")
                                         .with_retry_after(std::chrono::seconds(30))
                                         .with_url("https://gh.io/x")
                                         .with_partial_length(0));
  CHECK(full.code == rpc_error::request_failed);
  CHECK(*full.data == boost::json::parse(R"({"code":"user_global_rate_limited","retryable":true,
            "retryAfter":30,"url":"https://gh.io/x","httpStatus":429,"partialLength":0})"));
  CHECK(error_text(RequestId("1"), full).find("secret detail") == std::string::npos);
}

TEST_CASE("an error's words are written as UTF-8 whatever they were") {
  std::string const text = error_text(
      RequestId("1"),
      to_rpc_error(
          fail(ErrorCode::upstream_rejected, "bad \xFF").with_name("n\xC3").with_url("\x80")));
  CHECK(!check_json(text));
}

}  // namespace
}  // namespace jumpseat
