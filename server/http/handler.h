// What a route sees of a connection: the request that came, and the reply that it writes.
//
//   awaitable<Result<void>> ModelRoutes::list(IncomingRequest&, Reply& reply) {
//     auto models = co_await catalog_.list();
//     if (!models) co_return models.error();          // sent in OpenAI's shape
//     auto text = models_text(**models, clock_.unix_seconds());
//     co_await reply.json(std::move(text));
//     co_return Result<void>();
//   }
//
// A client that leaves is a cancellation: the handler's next co_await throws, whatever it waits
// for, and what it held is undone by destructors. Handlers need no code for that, and none for the
// framing: lengths, chunks, HEAD, HTTP/1.0 and keep-alive are the connection's business.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "server/base/asio.h"

namespace jumpseat {

enum class HttpMethod { get, head, post, options, other };

// One request, whole: it was judged by the guard, and its body has arrived. Views are valid until
// the handler has returned.
class IncomingRequest {
 public:
  virtual ~IncomingRequest() = default;

  virtual HttpMethod method() const = 0;
  // The path that was asked for, without the query.
  virtual std::string_view path() const = 0;
  // What follows the `?`, as it came; empty when there is none.
  virtual std::string_view query() const = 0;
  // The text that stands where the route has its `{…}`, percent escapes resolved.
  virtual std::string_view parameter() const = 0;
  // The value of a header; `name` in lower case. Empty when absent.
  virtual std::string_view header(std::string_view name) const = 0;
  // The reply's x-request-id.
  virtual std::string_view id() const = 0;
  // The body. On a route that takes JSON it has passed check_json().
  virtual std::string const& body() const = 0;
  // The same, moved out.
  virtual std::string take_body() = 0;
};

// What one request came to: a line at the terminal, the metrics. A handler fills in what it knows.
struct RequestRecord {
  RequestRecord() = default;
  std::string_view route;    // as the router has it, e.g. "/chat/completions"; empty: none matched
  std::string method;        // for people
  std::string path;          // for people, made safe, at most 200 characters
  std::string asked_model;   // as the caller wrote it
  std::string model;         // upstream's id, as its answer has it
  std::string listed_model;  // the list's id of the model that was chosen; empty: none was
  std::optional<std::int64_t> prompt_tokens;
  std::optional<std::int64_t> completion_tokens;
  bool stream = false;
  int status = 0;          // 499: the client left before the answer
  std::string error_code;  // of an answer that failed, also after its first byte
  std::chrono::microseconds duration{0};
  std::optional<std::chrono::microseconds> first_event;  // of a stream: from the head to it
};

// The reply, written once: either whole, or as a stream of events. Every write waits while the
// client does not read, which is what slows upstream down.
class Reply {
 public:
  virtual ~Reply() = default;

  // A header of the reply; before it begins. The name is ours, in lower case. A value with bytes
  // that do not belong into a header (anything but tab and printable ASCII) or beyond 1,000 bytes
  // is left out.
  virtual void header(std::string_view name, std::string_view value) = 0;

  // A whole reply.
  virtual awaitable<> send(int status, std::string_view content_type, std::string body) = 0;
  // The same with status 200 and application/json.
  awaitable<> json(std::string body) { return send(200, "application/json", std::move(body)); }

  // From now on this is a stream: status 200, text/event-stream. The head travels with the first
  // events; when upstream keeps silent for 15 seconds it goes out alone, and a comment follows for
  // each 15 seconds of silence.
  virtual void begin_events() = 0;
  // Events, each one a data text without line breaks: one write for all of them. False: the client
  // has to read before all of it has left. Then wait for written(); the texts, which are not
  // copied, stay until that returns. Nearly always it is true, and a stream needs no coroutine for
  // a write.
  [[nodiscard]] virtual bool events(std::span<std::string const> data) = 0;
  virtual awaitable<> written() = 0;
  virtual awaitable<> event(std::string_view data) = 0;
  // Ends the stream after the events that were sent. A handler that returns without it, or with an
  // error, ends it as well: an error becomes the last event, {"error":{…}}.
  virtual awaitable<> end_events() = 0;
  // The event `[DONE]`, with which OpenAI's streams end well, and the end: one write.
  virtual awaitable<> done() = 0;

  virtual bool begun() const = 0;  // the head is on its way: an error can only be an event now
  virtual RequestRecord& record() = 0;
};

// An error that a handler returns becomes the reply, in OpenAI's shape; after the first byte of a
// stream, its last event.
using Handler = std::function<awaitable<Result<void>>(IncomingRequest&, Reply&)>;

}  // namespace jumpseat
