// parse_message: every text is sorted without a crash, views stay inside the text, and whatever is
// answered to it is itself a message that reads back.

#include "protocol/rpc.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <variant>

#include "protocol/scan.h"

namespace jumpseat {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

// JSON, and either a view into `text` or one of the texts that stand for "nothing".
void require_part_of(std::string_view text, std::string_view part) {
  require(!check_json(part));
  std::less_equal<char const*> const before;
  bool const inside = before(text.data(), part.data()) &&
                      before(part.data() + part.size(), text.data() + text.size());
  require(inside || part == "{}" || part == "null");
}

void examine(std::string_view text, RpcRequest const& request) {
  require_part_of(text, request.params);
  std::string const again = request_text(request.id, request.method, request.params);
  RpcMessage const message = parse_message(again);
  auto const* same = std::get_if<RpcRequest>(&message);
  require(same != nullptr && same->id == request.id && same->method == request.method);
  // What was unwrapped once stays as it is.
  require(same->params == request.params);
  require(is_object(request.params) || is_array(request.params));

  std::string const answer = result_text(request.id, request.params);
  RpcMessage const back = parse_message(answer);
  auto const* response = std::get_if<RpcResponse>(&back);
  require(response != nullptr && response->id == request.id && response->result == request.params);
}

void examine(std::string_view text, RpcNotification const& notification) {
  require_part_of(text, notification.params);
  std::string const again = notification_text(notification.method, notification.params);
  RpcMessage const message = parse_message(again);
  auto const* same = std::get_if<RpcNotification>(&message);
  require(same != nullptr && same->method == notification.method);
  require(same->params == notification.params);
}

void examine(std::string_view text, RpcResponse const& response) {
  require_part_of(text, response.result);
  if (!response.error) return;
  require(response.result == "null");
  std::string const again = error_text(response.id, *response.error);
  RpcMessage const message = parse_message(again);
  auto const* same = std::get_if<RpcResponse>(&message);
  require(same != nullptr && same->id == response.id && same->error.has_value());
  require(same->error->code == response.error->code);
  require(same->error->message == response.error->message);
}

void examine(std::string_view text, RpcInvalid const& invalid) {
  require(invalid.error.code == rpc_error::parse_error ||
          invalid.error.code == rpc_error::invalid_request);
  require((invalid.error.code == rpc_error::parse_error) == check_json(text).has_value());
  std::string const answer = error_text(invalid.id, invalid.error);
  RpcMessage const message = parse_message(answer);
  auto const* response = std::get_if<RpcResponse>(&message);
  require(response != nullptr && response->id == invalid.id && response->error.has_value());
}

}  // namespace
}  // namespace jumpseat

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace jumpseat;
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  RpcMessage const message = parse_message(text);
  std::visit([text](auto const& kind) { examine(text, kind); }, message);
  return 0;
}
