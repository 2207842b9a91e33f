// Peer is one end of a JSON-RPC 2.0 session over a Transport: envelopes, ids, what is in flight in
// both directions, cancellation. It knows no method but $/cancelRequest.
//
// A request is answered exactly once, by construction: its handler returns the result and one
// function sends it. Requests run concurrently; each is a task in the peer's scope and ends with
// it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "protocol/framing.h"
#include "protocol/json.h"
#include "protocol/result.h"
#include "protocol/rpc.h"
#include "server/base/event.h"
#include "server/base/scope.h"
#include "server/rpc/transport.h"

namespace jumpseat {

// A result that is JSON text already.
struct JsonText {
  std::string text;
};

class Peer {
 public:
  // Gets the params' JSON text, returns the result's.
  using Handler = std::function<awaitable<Result<std::string>>(std::string params)>;
  using Listener = std::function<void(std::string_view params)>;
  // For the few requests whose order against what follows them matters (initialize, shutdown):
  // handled and answered before the next message is looked at.
  using ImmediateHandler = std::function<Result<std::string>(std::string_view params)>;
  // Asked before a request or notification is handled: an error refuses it. Notifications are then
  // dropped.
  using Gate = std::function<std::optional<RpcError>(std::string_view method)>;

  Peer(asio::io_context& io, Transport& transport);

  void on_request(std::string method, Handler handler);
  void on_immediate(std::string method, ImmediateHandler handler);
  void on_notification(std::string method, Listener listener);
  void set_gate(Gate gate) { gate_ = std::move(gate); }
  // Adds to every error that a handler returns, e.g. what an editor needs to offer a sign-in.
  void set_error_decorator(std::function<void(Error const&, json::object& data)> decorator) {
    decorate_ = std::move(decorator);
  }

  // A request's handler with typed params and result.
  template <class Params, class R>
  void on(std::string method, std::function<awaitable<Result<R>>(Params)> handler) {
    on_request(std::move(method), [handler = std::move(handler)](std::string params) {
      return typed<Params, R>(handler, std::move(params));
    });
  }

  void notify(std::string_view method, std::string_view params);
  template <class Params>
  void notify(std::string_view method, Params const& params) {
    notify(method, std::string_view(json::serialize(encode(params))));
  }
  // $/progress; both are JSON texts.
  void progress(std::string_view token, std::string_view value) {
    transport_.send(progress_text(token, value));
  }
  // A request to the other side; its result's text. Fails with what it answered, or cancelled at
  // the end.
  awaitable<Result<std::string>> call(std::string_view method, std::string params);
  awaitable<> writable() { return transport_.writable(); }

  // Cancels one request of the peer's, as $/cancelRequest does.
  void cancel(RequestId const& id);

  enum class End { input_ended, stopped, broken };
  // Reads until the end of input, stop(), or a stream that cannot be read any further.
  awaitable<End> run();
  // Makes run() return after the message being handled.
  void stop() { stopped_ = true; }
  // Ends what is in flight, each with its answer, and sends it all.
  awaitable<> close();

 private:
  template <class Params, class R>
  static awaitable<Result<std::string>> typed(
      std::function<awaitable<Result<R>>(Params)> const& handler, std::string params) {
    auto value = parse_json(params);
    if (!value) co_return value.error();
    auto decoded = decode<Params>(*value);
    if (!decoded) co_return decoded.error();
    auto result = co_await handler(std::move(*decoded));
    if (!result) co_return result.error();
    if constexpr (std::is_same_v<R, JsonText>) {
      co_return std::move(result->text);
    } else {
      co_return json::serialize(encode(*result));
    }
  }

  void take(std::string_view text);
  void take_request(RpcRequest request);
  void take_notification(RpcNotification const& notification);
  void take_response(RpcResponse const& response);
  void cancel_requested(std::string_view params);
  awaitable<> serve(RequestId id, Handler const& handler, std::string method, std::string params);
  void answer(RequestId const& id, std::string_view method, Result<std::string> const& outcome);
  void refuse(RequestId const& id, RpcError error);

  struct Call {
    explicit Call(Executor executor) : answered(executor) {}
    Event answered;
    std::optional<Result<std::string>> answer;
  };

  asio::io_context& io_;
  Transport& transport_;
  FrameReader frames_;
  Scope requests_;
  std::unordered_map<std::string, Handler> handlers_;
  std::unordered_map<std::string, ImmediateHandler> immediate_;
  std::unordered_map<std::string, Listener> listeners_;
  Gate gate_;
  std::function<void(Error const&, json::object& data)> decorate_;
  std::map<RequestId, Scope::TaskId> in_flight_;
  std::map<RequestId, std::shared_ptr<Call>> calls_;
  std::int64_t next_call_ = 1;
  bool stopped_ = false;
};

}  // namespace jumpseat
