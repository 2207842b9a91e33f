// One client connection: reads requests, lets the guard judge each by its head, runs its handler,
// reads on meanwhile. Reading on is what notices that the client has left: the handler is cancelled
// then, and with it the request to upstream.
//
// One coroutine per connection runs the handlers, one after the other; the reading half is plain
// completion handlers, so that a request costs no task and no cancellation of its own.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "server/base/event.h"
#include "server/base/scope.h"
#include "server/http/handler.h"
#include "server/http/http_server.h"
#include "server/http/reply_writer.h"
#include "server/http/request_parser.h"
#include "server/http/router.h"

namespace jumpseat {

class Connection final : public IncomingRequest, public std::enable_shared_from_this<Connection> {
 public:
  using TimePoint = Alarm::TimePoint;

  // `refusal`: why the client is not served at all; it is the answer to its first request.
  Connection(HttpServer& server, TcpSocket socket, std::optional<Error> refusal);
  ~Connection() override;

  // Serves the client until one of both ends it. `self` keeps us alive as long.
  awaitable<> run(std::shared_ptr<Connection> self);
  // The task that run() is: cancelling it ends an answer.
  void set_task(Scope::TaskId task) { task_ = task; }

  // What the server does with connections from outside.
  TimePoint deadline() const { return deadline_; }
  void look(TimePoint now);  // after its deadline
  bool idle() const { return phase_ == Phase::head && input_.empty(); }
  bool answering() const { return phase_ == Phase::answering; }
  bool streaming() const { return answering() && reply_.streaming(); }
  void close();
  void finish_up();  // no request after the one under way
  void cut_short();  // the program cannot wait for the answer any longer

  HttpMethod method() const override { return parser_.method(); }
  std::string_view path() const override { return parser_.path(head()); }
  std::string_view query() const override { return parser_.query(head()); }
  std::string_view parameter() const override { return parameter_; }
  std::string_view header(std::string_view name) const override;
  std::string_view id() const override { return id_; }
  std::string const& body() const override { return body_; }
  std::string take_body() override { return std::move(body_); }

  std::size_t index = 0;  // among the server's connections

 private:
  enum class Phase { head, body, answering, lingering, closed };
  // Why an answer was broken off.
  enum class Cut { none, client_left, stalled, stopping };
  struct Readable;

  std::string_view head() const { return std::string_view(input_).substr(0, parser_.head_size()); }

  void read();
  std::size_t room() const;
  void on_readable(boost::system::error_code problem);
  void on_end(boost::system::error_code problem);
  void take_in(std::string_view bytes);
  void read_request();
  void take_head();
  bool straight() const;
  void take_body(std::string_view bytes);
  void read_body();
  std::optional<Error> judge();
  std::optional<Error> judge_caller(RequestFacts const& facts, Access access);
  void put_permissions();
  bool expects_continue() const;
  void answer_with(Error error);
  void ready();
  awaitable<> answer();
  std::optional<Error> judge_body() const;
  awaitable<Result<void>> handle();
  awaitable<Result<void>> permit();
  void begin_reply();
  void next_request();
  void linger();
  void set_phase(Phase phase, TimePoint deadline);
  void cancel(Cut why);

  HttpServer& server_;
  TcpSocket socket_;
  std::optional<Error> refused_;  // the client as such
  bool trusted_ = false;          // it has shown the client key
  std::string origin_;            // of a web page that may use the port; of this request
  bool preflight_ = false;        // likewise
  Scope::TaskId task_ = 0;
  Event changed_;
  RequestParser parser_;
  ReplyWriter reply_;

  Phase phase_ = Phase::head;
  Cut cut_ = Cut::none;
  bool reading_ = false;  // a wait is under way
  bool ended_ = false;    // the client sends no more
  bool last_ = false;     // no request after this one
  TimePoint deadline_ = Alarm::never;
  TimePoint started_;

  std::string input_;      // from the request's first byte on, without what is in body_
  std::size_t taken_ = 0;  // bytes of input_ that are dealt with: the head, once it is whole
  std::string ahead_;      // what has come during the answer
  std::string body_;

  std::optional<Error> refusal_;  // of this request
  Route const* route_ = nullptr;
  std::string parameter_;
  std::string allow_;
  std::string id_;
};

}  // namespace jumpseat
