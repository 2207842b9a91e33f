// JSON-RPC 2.0 messages as LSP uses them (JSON-RPC 2.0 specification; LSP 3.17 "Base Protocol"):
// text to message and message to text. Params and results stay JSON text here, so that a 1 MB
// prompt is judged once and never rebuilt; whoever handles a method decodes what it needs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <boost/json/value.hpp>

#include "protocol/result.h"

namespace jumpseat {

// JSON-RPC and LSP error codes.
namespace rpc_error {
inline constexpr int parse_error = -32700;
inline constexpr int invalid_request = -32600;
inline constexpr int method_not_found = -32601;
inline constexpr int invalid_params = -32602;
inline constexpr int internal_error = -32603;
inline constexpr int server_not_initialized = -32002;
inline constexpr int request_failed = -32803;
inline constexpr int request_cancelled = -32800;
inline constexpr int not_authenticated = 1000;  // the Copilot language server's own
inline constexpr int device_flow_failed = 1001;
inline constexpr int copilot_not_available = 1002;
}  // namespace rpc_error

// A request's id exactly as the peer wrote it: `92` and `"92"` differ, 9007199254740993 and 1.0
// keep their digits. Ids are compared as text.
class RequestId {
 public:
  // `raw` is a JSON string or number; `null` for answers to messages whose id could not be read.
  explicit RequestId(std::string raw) : raw_(std::move(raw)) {}
  static RequestId null() { return RequestId("null"); }
  std::string const& text() const { return raw_; }
  friend bool operator==(RequestId const&, RequestId const&) = default;
  friend auto operator<=>(RequestId const&, RequestId const&) = default;

 private:
  std::string raw_;
};

// A JSON-RPC error object.
struct RpcError {
  int code = rpc_error::internal_error;
  std::string message;
  std::optional<boost::json::value> data;
};

// What the peer sent. Views point into the text given to parse_message().
struct RpcRequest {
  RequestId id;
  std::string method;
  std::string_view params;  // JSON text: an object's, unless the peer sent another kind; see below
};
struct RpcNotification {
  std::string method;
  std::string_view params;
};
struct RpcResponse {
  RequestId id;             // null when the peer could not read what it answers
  std::string_view result;  // "null" when it is an error
  std::optional<RpcError> error;
};
// A text that is none of these; `id` is what could be read of it, or null.
struct RpcInvalid {
  RequestId id;
  RpcError error;
};
using RpcMessage = std::variant<RpcRequest, RpcNotification, RpcResponse, RpcInvalid>;

// Judges `text` (check_json) and sorts it. Never fails: what is wrong comes as RpcInvalid with
// -32700 (not JSON, said with the byte) or -32600 (not a message; batches are not part of LSP).
// An id of null, or of a kind other than string or number, is -32600.
// Duplicate members of the envelope are -32600. Unknown members are ignored.
// Params that are absent, null or [] read as {}, and [{…}] reads as {…}, as the Copilot language
// server reads them; any other array is left for the method to refuse.
// The id of a malformed *response* is not repeated: an answer under it would look like the answer
// to one of the peer's own requests. A response with an error of an odd shape is still a response.
RpcMessage parse_message(std::string_view text);

// Texts to send. `params` and `result` are JSON texts; empty params are left out.
std::string request_text(RequestId const& id, std::string_view method, std::string_view params);
std::string notification_text(std::string_view method, std::string_view params);
// $/progress (LSP 3.17, "Progress Support"). Token and value are JSON texts.
std::string progress_text(std::string_view token, std::string_view value);
std::string result_text(RequestId const& id, std::string_view result);
std::string error_text(RequestId const& id, RpcError const& error);

// The one mapping from our errors to JSON-RPC's: code by the table in result.cpp, `data` with
// {code, retryable, httpStatus} and, where known, retryAfter (seconds), url, partialLength (bytes).
RpcError to_rpc_error(Error const& error);

}  // namespace jumpseat
