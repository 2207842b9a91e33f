#include "server/rpc/peer.h"

#include <exception>
#include <utility>
#include <variant>

#include <boost/system/system_error.hpp>

#include "protocol/scan.h"
#include "protocol/upstream.h"
#include "server/base/log.h"

namespace jumpseat {
namespace {

// More requests than this at once are a client gone wrong.
constexpr std::size_t max_in_flight = 20'000;

Error cancelled() { return fail(ErrorCode::cancelled, "The request was cancelled."); }

Error internal(std::string_view method, std::string_view what) {
  log::error("rpc", "a request ended with an exception",
             {{"method", std::string(method)}, {"what", std::string(what)}});
  return fail(ErrorCode::internal,
              "The request failed for a reason that is a bug in jumpseat; the log has it.");
}

// Runs `work`; a bug in one handler does not end the session.
template <class Work>
Result<std::string> handled(std::string_view method, Work work) {
  try {
    return work();
  } catch (std::exception const& error) {
    return internal(method, error.what());
  }
}

}  // namespace

Peer::Peer(asio::io_context& io, Transport& transport)
    : io_(io), transport_(transport), requests_(io) {}

void Peer::on_request(std::string method, Handler handler) {
  handlers_.insert_or_assign(std::move(method), std::move(handler));
}

void Peer::on_immediate(std::string method, ImmediateHandler handler) {
  immediate_.insert_or_assign(std::move(method), std::move(handler));
}

void Peer::on_notification(std::string method, Listener listener) {
  listeners_.insert_or_assign(std::move(method), std::move(listener));
}

void Peer::notify(std::string_view method, std::string_view params) {
  transport_.send(notification_text(method, params));
}

awaitable<Peer::End> Peer::run() {
  while (!stopped_ && !transport_.broken()) {
    auto const space = frames_.prepare();
    auto const count = co_await transport_.read(space);
    if (count == 0) co_return End::input_ended;
    frames_.commit(count);
    while (!stopped_) {
      auto const event = frames_.next();
      if (std::holds_alternative<FrameReader::Incomplete>(event)) break;
      if (auto const* body = std::get_if<FrameReader::Body>(&event)) {
        take(body->text);
      } else if (auto const* oversized = std::get_if<FrameReader::Oversized>(&event)) {
        RpcError error;
        error.code = rpc_error::invalid_request;
        error.message = "The message of " + std::to_string(oversized->length) +
                        " bytes is above the limit of 32 MiB; it was skipped.";
        refuse(RequestId::null(), std::move(error));
      } else if (auto const* broken = std::get_if<FrameReader::Broken>(&event)) {
        RpcError error;
        error.code = rpc_error::parse_error;
        error.message =
            "The input is not a stream of Content-Length frames: " + broken->why + ". Closing.";
        log::error("rpc", error.message);
        refuse(RequestId::null(), std::move(error));
        co_return End::broken;
      }
    }
  }
  co_return transport_.broken() ? End::broken : End::stopped;
}

void Peer::take(std::string_view text) {
  auto message = parse_message(text);
  if (auto* request = std::get_if<RpcRequest>(&message)) return take_request(std::move(*request));
  if (auto* notification = std::get_if<RpcNotification>(&message))
    return take_notification(*notification);
  if (auto* response = std::get_if<RpcResponse>(&message)) return take_response(*response);
  auto& invalid = std::get<RpcInvalid>(message);
  refuse(invalid.id, std::move(invalid.error));
}

void Peer::take_request(RpcRequest request) {
  RpcError error;
  if (in_flight_.contains(request.id)) {
    error.code = rpc_error::invalid_request;
    error.message =
        "The id " + request.id.text() + " belongs to a request that is still in flight.";
    return refuse(request.id, std::move(error));
  }
  if (gate_) {
    if (auto refused = gate_(request.method)) return refuse(request.id, std::move(*refused));
  }
  if (auto const found = immediate_.find(request.method); found != immediate_.end()) {
    return answer(request.id, request.method,
                  handled(request.method, [&] { return found->second(request.params); }));
  }
  auto const handler = handlers_.find(request.method);
  if (handler == handlers_.end()) {
    error.code = rpc_error::method_not_found;
    error.message = "Unknown method " + printable(request.method, 100) + ".";
    return refuse(request.id, std::move(error));
  }
  if (in_flight_.size() >= max_in_flight) {
    error.code = rpc_error::request_failed;
    error.message = "Too many requests are in flight.";
    return refuse(request.id, std::move(error));
  }
  auto const id = request.id;
  std::string params = frames_.take(request.params);  // the frame's buffer is used again
  // A handler that need not wait is done before spawn() returns, and so is its entry.
  in_flight_.emplace(id, 0);
  auto const task = requests_.spawn(request.method,
                                    serve(id, handler->second, request.method, std::move(params)));
  if (auto const entry = in_flight_.find(id); entry != in_flight_.end()) entry->second = task;
}

awaitable<> Peer::serve(RequestId id, Handler const& handler, std::string method,
                        std::string params) {
  std::optional<Result<std::string>> outcome;
  try {
    outcome = co_await handler(std::move(params));
  } catch (boost::system::system_error const& error) {
    outcome = error.code() == asio::error::operation_aborted ? cancelled()
                                                             : internal(method, error.what());
  } catch (std::exception const& error) {
    outcome = internal(method, error.what());
  }
  in_flight_.erase(id);
  answer(id, method, *outcome);
}

void Peer::answer(RequestId const& id, std::string_view method,
                  Result<std::string> const& outcome) {
  if (outcome) return transport_.send(result_text(id, *outcome));
  auto const& problem = outcome.error();
  auto error = to_rpc_error(problem);
  // Upstream's words may quote what it was sent.
  error.message = log::safe(error.message);
  if (decorate_ && error.data && error.data->is_object())
    decorate_(problem, error.data->get_object());
  if (problem.code() != ErrorCode::cancelled) {
    log::debug("rpc", "a request failed",
               {{"method", std::string(method)},
                {"why", problem.message()},
                {"detail", problem.detail()}});
  }
  refuse(id, std::move(error));
}

void Peer::take_notification(RpcNotification const& notification) {
  if (notification.method == "$/cancelRequest") return cancel_requested(notification.params);
  if (gate_ && gate_(notification.method)) return;
  auto const listener = listeners_.find(notification.method);
  // LSP: unknown notifications are ignored.
  if (listener == listeners_.end()) return;
  static_cast<void>(handled(notification.method, [&] {
    listener->second(notification.params);
    return Result<std::string>(std::string());
  }));
}

void Peer::cancel_requested(std::string_view params) {
  auto const id = find_member(params, "id");
  if (id) cancel(RequestId(std::string(*id)));
}

void Peer::cancel(RequestId const& id) {
  auto const found = in_flight_.find(id);
  if (found != in_flight_.end()) requests_.cancel(found->second);
}

void Peer::take_response(RpcResponse const& response) {
  auto const found = calls_.find(response.id);
  if (found == calls_.end()) return;  // an answer to nothing, or too late
  auto call = found->second;
  calls_.erase(found);
  if (response.error) {
    call->answer = fail(ErrorCode::upstream_rejected, printable(response.error->message));
  } else {
    call->answer = std::string(response.result);
  }
  call->answered.notify();
}

awaitable<Result<std::string>> Peer::call(std::string_view method, std::string params) {
  RequestId const id(std::to_string(next_call_++));
  auto call = std::make_shared<Call>(io_.get_executor());
  calls_.emplace(id, call);
  transport_.send(request_text(id, method, params));
  while (!call->answer) co_await call->answered.wait();
  co_return std::move(*call->answer);
}

void Peer::refuse(RequestId const& id, RpcError error) { transport_.send(error_text(id, error)); }

awaitable<> Peer::close() {
  for (auto const& [id, call] : std::exchange(calls_, {})) {
    call->answer = cancelled();
    call->answered.notify();
  }
  requests_.cancel();
  co_await requests_.join();
  co_await transport_.flush();
}

}  // namespace jumpseat
