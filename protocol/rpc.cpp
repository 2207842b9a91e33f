// Sorting and writing of JSON-RPC envelopes. The text is judged once and its top-level members are
// walked once; params and results are never looked into.

#include "protocol/rpc.h"

#include <array>
#include <cstddef>
#include <utility>

#include "protocol/json.h"
#include "protocol/scan.h"

namespace jumpseat {
namespace {

// The members that make a message. Absent ones are empty.
struct Envelope {
  std::string_view jsonrpc;
  std::string_view id;
  std::string_view method;
  std::string_view params;
  std::string_view result;
  std::string_view error;
  std::string_view twice;  // the name of one that occurs more than once
};

using Field = std::pair<std::string_view, std::string_view Envelope::*>;
constexpr std::array<Field, 6> fields{
    Field{"jsonrpc", &Envelope::jsonrpc}, Field{"id", &Envelope::id},
    Field{"method", &Envelope::method},   Field{"params", &Envelope::params},
    Field{"result", &Envelope::result},   Field{"error", &Envelope::error},
};

RpcInvalid invalid(RequestId id, std::string why) {
  RpcError error;
  error.code = rpc_error::invalid_request;
  error.message = "Not a JSON-RPC message: " + std::move(why);
  return RpcInvalid{std::move(id), std::move(error)};
}

bool is_number(std::string_view value) {
  return !value.empty() && (value[0] == '-' || (value[0] >= '0' && value[0] <= '9'));
}

// The id as it may be repeated in an answer.
RequestId usable_id(std::string_view id) {
  return is_string(id) || is_number(id) ? RequestId(std::string(id)) : RequestId::null();
}

// An object's text wherever that was meant: no params, null, [] and [null] are {}, [{…}] is {…}.
// Any other array stays what it is, for the method to refuse.
std::string_view unwrapped(std::string_view params) {
  std::string_view only = params;
  if (is_array(params)) {
    only = "{}";
    std::size_t count = 0;
    for (std::string_view const element : elements(params)) {
      only = element;
      if (++count > 1) return params;
    }
  }
  if (only.empty() || is_null(only)) return "{}";
  return is_object(only) ? only : params;
}

// Lenient: an error of an odd shape still ends the request that it answers.
RpcError read_error(std::string_view text) {
  RpcError error;
  error.message = "The other side reported an error without a message.";
  for (Member const& member : members(text)) {
    if (member.is("code")) {
      if (auto const value = parse_json(member.value)) {
        if (auto const code = decode<int>(*value)) error.code = *code;
      }
    } else if (member.is("message")) {
      if (is_string(member.value)) error.message = unescape(member.value);
    } else if (member.is("data")) {
      if (auto value = parse_json(member.value)) error.data = *std::move(value);
    }
  }
  return error;
}

RpcMessage read_envelope(Envelope const& envelope) {
  bool const is_response =
      envelope.method.empty() && !(envelope.result.empty() && envelope.error.empty());
  // Whatever is wrong with a response, its id is ours: an error under that id would look like the
  // answer to some request of the other side's.
  // And which of two ids was meant is anybody's guess.
  bool const nameless = is_response || envelope.twice == "id";
  RequestId const id = nameless ? RequestId::null() : usable_id(envelope.id);
  if (!envelope.twice.empty()) {
    return invalid(id, "\"" + std::string(envelope.twice) + "\" given twice");
  }
  if (!is_string(envelope.jsonrpc) || unescape(envelope.jsonrpc) != "2.0") {
    return invalid(id, "\"jsonrpc\" must be \"2.0\"");
  }
  bool const has_id = !envelope.id.empty();
  if (has_id && !is_string(envelope.id) && !is_number(envelope.id) &&
      !(is_response && is_null(envelope.id))) {
    return invalid(id, "\"id\" must be a string or a number");
  }

  if (is_response) {
    if (!has_id) return invalid(id, "a response needs the \"id\" of its request");
    RpcResponse response{RequestId(std::string(envelope.id)), envelope.result, {}};
    if (!envelope.error.empty() && !is_null(envelope.error)) {
      response.error = read_error(envelope.error);
    }
    if (response.error || response.result.empty()) response.result = "null";
    return response;
  }

  if (envelope.method.empty()) return invalid(id, "no \"method\", \"result\" or \"error\"");
  if (!is_string(envelope.method)) return invalid(id, "\"method\" must be a string");
  if (!envelope.result.empty() || !envelope.error.empty()) {
    return invalid(id, "both a \"method\" and a \"result\" or \"error\"");
  }
  std::string_view const params = envelope.params;
  if (!params.empty() && !is_object(params) && !is_array(params) && !is_null(params)) {
    return invalid(id, "\"params\" must be an object or an array");
  }
  if (!has_id) return RpcNotification{unescape(envelope.method), unwrapped(params)};
  return RpcRequest{id, unescape(envelope.method), unwrapped(params)};
}

// {"jsonrpc":"2.0" and then `name`: `value` for each pair, all in one allocation.
using Part = std::pair<std::string_view, std::string_view>;
template <std::size_t count>
std::string envelope_text(std::array<Part, count> const& parts) {
  std::string_view const start = R"({"jsonrpc":"2.0")";
  std::size_t size = start.size() + 1;
  for (auto const& [name, value] : parts) size += name.size() + value.size() + 4;
  std::string text;
  text.reserve(size);
  text.append(start);
  for (auto const& [name, value] : parts) {
    if (value.empty()) continue;
    text.append(",\"").append(name).append("\":").append(value);
  }
  text.push_back('}');
  return text;
}

// `text` with U+FFFD for what is not UTF-8: upstream's words must not spoil our own JSON.
json::string well_formed(std::string_view text) { return json::string(unescape(quote(text))); }

}  // namespace

RpcMessage parse_message(std::string_view text) {
  if (auto const problem = check_json(text, max_json_depth)) {
    RpcError error;
    error.code = rpc_error::parse_error;
    error.message = "Not JSON: " + problem->text();
    return RpcInvalid{RequestId::null(), std::move(error)};
  }
  char const first = text[text.find_first_not_of(" \t\r\n")];
  if (first != '{') {
    return invalid(RequestId::null(),
                   first == '[' ? "batches are not part of LSP" : "not an object");
  }
  Envelope envelope;
  for (Member const& member : members(text)) {
    for (auto const& [name, field] : fields) {
      if (!member.is(name)) continue;
      if (!(envelope.*field).empty()) envelope.twice = name;
      envelope.*field = member.value;
    }
  }
  return read_envelope(envelope);
}

std::string request_text(RequestId const& id, std::string_view method, std::string_view params) {
  std::string const name = quote(method);
  return envelope_text(
      std::array{Part{"id", id.text()}, Part{"method", name}, Part{"params", params}});
}

std::string notification_text(std::string_view method, std::string_view params) {
  std::string const name = quote(method);
  return envelope_text(std::array{Part{"method", name}, Part{"params", params}});
}

std::string progress_text(std::string_view token, std::string_view value) {
  constexpr std::string_view start = R"({"jsonrpc":"2.0","method":"$/progress","params":{"token":)";
  constexpr std::string_view middle = ",\"value\":";
  std::string text;
  text.reserve(start.size() + token.size() + middle.size() + value.size() + 2);
  text.append(start).append(token).append(middle).append(value).append("}}");
  return text;
}

std::string result_text(RequestId const& id, std::string_view result) {
  return envelope_text(std::array{Part{"id", id.text()}, Part{"result", result}});
}

std::string error_text(RequestId const& id, RpcError const& error) {
  std::string object =
      "{\"code\":" + std::to_string(error.code) + ",\"message\":" + quote(error.message);
  if (error.data) object.append(",\"data\":").append(json::serialize(*error.data));
  object.push_back('}');
  return envelope_text(std::array{Part{"id", id.text()}, Part{"error", object}});
}

RpcError to_rpc_error(Error const& error) {
  json::object data;
  data["code"] = well_formed(error.name());
  data["retryable"] = error.retryable();
  if (auto const wait = error.retry_after()) data["retryAfter"] = wait->count();
  if (!error.url().empty()) data["url"] = well_formed(error.url());
  data["httpStatus"] = error.http_status();
  if (auto const length = error.partial_length()) data["partialLength"] = *length;

  RpcError out;
  out.code = traits(error.code()).rpc_code;
  out.message = error.message();
  out.data = std::move(data);
  return out;
}

}  // namespace jumpseat
