#include "server/http/connection.h"

#include <algorithm>
#include <array>
#include <exception>
#include <span>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "protocol/scan.h"
#include "server/base/log.h"

namespace jumpseat {
namespace {

using SteadyClock = SteadyTimer::clock_type;

constexpr std::size_t head_step = 16u << 10;  // bytes read at a time where a head may be among them
constexpr std::size_t watch_room = 256;  // of the next request, read to notice the client's end
constexpr std::size_t room_for_edits = 512;
constexpr std::size_t large_body = 256u << 10;
constexpr std::size_t kept_input = 4u << 10;  // memory of a head that is kept for the next one
constexpr std::size_t kept_body = 4u << 10;   // the same of a body

// `Expect` in any letter case.
bool is_continue(std::string_view expect) {
  constexpr std::string_view word = "100-continue";
  return std::equal(expect.begin(), expect.end(), word.begin(), word.end(), [](char a, char b) {
    return a == b || (a >= 'A' && a <= 'Z' && a + ('a' - 'A') == b);
  });
}

// A bug in a handler ends one request, not the program.
Error failed(std::exception const& error) {
  log::error("http", "a request ended with an error", {{"error", error.what()}});
  return fail(ErrorCode::internal, "Jumpseat failed on this request; its log says more.");
}

bool is_request_id(std::string_view text) {
  constexpr std::size_t longest = 128;
  if (text.empty() || text.size() > longest) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

// The completion of a wait. It holds the connection, which may be over by then.
struct Connection::Readable {
  std::shared_ptr<Connection> connection;
  void operator()(boost::system::error_code problem) const {
    wake_after([&] { connection->on_readable(problem); });
  }
};

Connection::Connection(HttpServer& server, TcpSocket socket, std::optional<Error> refusal)
    : server_(server),
      socket_(std::move(socket)),
      refused_(std::move(refusal)),
      changed_(server.parts_.io.get_executor()),
      parser_(server.parts_.limits),
      reply_(socket_, server.date_) {
  set_phase(Phase::head, SteadyClock::now() + server_.parts_.times.head);
}

Connection::~Connection() = default;

awaitable<> Connection::run(std::shared_ptr<Connection> self) {
  struct End {
    explicit End(Connection& owner) : connection(owner) { connection.server_.joined(connection); }
    End(End const&) = delete;
    End& operator=(End const&) = delete;
    ~End() {
      connection.close();
      connection.server_.left(connection);
    }
    Connection& connection;
  } const end(*self);

  read();
  while (phase_ != Phase::closed) {
    if (phase_ == Phase::answering) {
      co_await answer();
    } else {
      co_await changed_.wait();
    }
  }
}

void Connection::set_phase(Phase phase, TimePoint deadline) {
  phase_ = phase;
  deadline_ = deadline;
  server_.note_deadline(deadline);
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  deadline_ = Alarm::never;
  boost::system::error_code ignored;
  socket_.close(ignored);
  changed_.notify();
}

// ---- reading ----

// Waits until something has come. Only then is there memory for it, the server's: what thousands of
// connections wait for costs none.
void Connection::read() {
  if (reading_ || ended_ || phase_ == Phase::closed || room() == 0) return;
  reading_ = true;
  socket_.async_wait(TcpSocket::wait_read, Readable{shared_from_this()});
}

// How many bytes may come now, at most.
std::size_t Connection::room() const {
  switch (phase_) {
    case Phase::head:
      return head_step;
    case Phase::body:
      // What follows the body is not read before its answer is under way.
      return straight() ? parser_.content_length() - body_.size() : head_step;
    case Phase::answering:
      return watch_room - std::min(watch_room, ahead_.size());
    case Phase::lingering:
      return server_.scratch().size();
    case Phase::closed:
      break;
  }
  return 0;
}

void Connection::on_readable(boost::system::error_code problem) {
  constexpr int most_reads = 4;  // then it is somebody else's turn
  reading_ = false;
  if (phase_ == Phase::closed) return;
  try {
    if (problem) return on_end(problem);
    for (int i = 0; i < most_reads && phase_ != Phase::closed; ++i) {
      auto const scratch = server_.scratch();
      auto const space = scratch.first(std::min(scratch.size(), room()));
      if (space.empty()) return;  // until the answer is done
      auto const size = socket_.read_some(asio::buffer(space), problem);
      if (problem == asio::error::would_block || problem == asio::error::try_again) break;
      if (problem) return on_end(problem);
      take_in({space.data(), size});
      if (size < space.size()) break;
    }
    read();
  } catch (std::exception const& error) {
    log::error("http", "a request could not be read", {{"why", error.what()}});
    close();
  }
}

void Connection::on_end(boost::system::error_code problem) {
  ended_ = true;
  switch (phase_) {
    case Phase::head:
    case Phase::body:
    case Phase::lingering:
      return close();
    case Phase::answering:
      // A client that only stops sending may still want to read. Not where the answer costs money:
      // there it has left, as clients that go away mostly look like this.
      if (problem == asio::error::eof && (refusal_ || parser_.method() != HttpMethod::post)) return;
      return cancel(Cut::client_left);
    case Phase::closed:
      return;
  }
}

void Connection::take_in(std::string_view bytes) {
  switch (phase_) {
    case Phase::head:
      input_.append(bytes);
      return read_request();
    case Phase::body:
      if (straight()) {
        take_body(bytes);
      } else {
        input_.append(bytes);
      }
      return read_body();
    case Phase::answering:
      ahead_.append(bytes);  // input_ must stay where it is
      return;
    case Phase::lingering:
    case Phase::closed:
      return;
  }
}

void Connection::read_request() {
  bool const first = parser_.untouched();
  auto got = parser_.read_head(input_);
  if (!got) return answer_with(got.error());
  if (*got == RequestParser::Head::part) {
    if (first && !input_.empty())
      set_phase(Phase::head, SteadyClock::now() + server_.parts_.times.head);
    return;
  }
  take_head();
  if (phase_ == Phase::body) read_body();
}

void Connection::take_head() {
  taken_ = parser_.head_size();
  started_ = SteadyClock::now();
  refusal_ = judge();
  if (refusal_) {
    // What follows is the body of a request that nobody will read.
    if (parser_.has_body()) last_ = true;
    return ready();
  }
  if (!parser_.has_body()) return ready();
  set_phase(Phase::body, started_ + server_.parts_.times.body);
  if (expects_continue() && taken_ == input_.size()) {
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    boost::system::error_code problem;
    auto const sent = socket_.write_some(asio::buffer(go_on), problem);
    // All replies before it are out, so there is room; a client without any is broken.
    if (problem || sent != go_on.size()) close();
  }
}

// Whether the body goes past input_, straight to where the handler finds it.
bool Connection::straight() const { return !parser_.chunked() && taken_ == input_.size(); }

// The memory grows with what comes: who has sent a quarter of what was announced gets the rest at
// once, with room to edit the whole in place.
void Connection::take_body(std::string_view bytes) {
  auto const length = parser_.content_length();
  if (length >= large_body && body_.empty()) server_.note_large_body();
  if (body_.size() + bytes.size() >= length / 4) body_.reserve(length + room_for_edits);
  body_.append(bytes);
}

void Connection::read_body() {
  deadline_ = SteadyClock::now() + server_.parts_.times.body;
  std::string_view bytes = std::string_view(input_).substr(taken_);
  std::size_t used = 0;
  bool complete = false;
  if (parser_.chunked()) {
    auto read = parser_.read_chunks(bytes, body_);
    if (!read) return answer_with(read.error());
    used = *read;
    complete = parser_.body_complete();
  } else {
    used = std::min(bytes.size(), parser_.content_length() - body_.size());
    if (used > 0) take_body(bytes.substr(0, used));
    complete = body_.size() == parser_.content_length();
  }
  input_.erase(taken_, used);
  if (complete) ready();
}

bool Connection::expects_continue() const {
  return parser_.http11() && parser_.header(head(), Header::expect).has_value();
}

// ---- judging ----

std::optional<Error> Connection::judge() {
  if (refused_) {
    last_ = true;
    return refused_;
  }
  auto match = server_.parts_.router.find(parser_.method(), path());
  route_ = match.route;
  parameter_ = std::move(match.parameter);
  allow_ = std::move(match.allow);

  RequestFacts facts;
  facts.host = parser_.header(head(), Header::host);
  facts.origin = parser_.header(head(), Header::origin);
  facts.fetch_site = parser_.header(head(), Header::sec_fetch_site);
  facts.authorization = parser_.header(head(), Header::authorization);
  if (!facts.authorization) facts.api_key = parser_.header(head(), "x-api-key");
  if (!facts.authorization && !facts.api_key) facts.api_key = parser_.header(head(), "api-key");
  preflight_ = parser_.method() == HttpMethod::options &&
               parser_.header(head(), "access-control-request-method");
  if (preflight_) facts.kind = RequestFacts::Kind::preflight;
  auto const access = route_ != nullptr ? route_->access : Access::key;
  if (server_.guard_->allows(facts.origin)) origin_ = *facts.origin;
  if (auto refusal = judge_caller(facts, access)) return refusal;

  if (auto const expect = parser_.header(head(), Header::expect)) {
    if (!is_continue(*expect)) {
      return fail(ErrorCode::expectation_failed,
                  "Of the Expect header only 100-continue is understood.");
    }
  }
  if (parser_.method() == HttpMethod::options) {
    if (path() == "*") allow_ = "GET, HEAD, POST, OPTIONS";
    if (!allow_.empty()) return std::nullopt;
  }
  if (route_ == nullptr) {
    if (allow_.empty()) {
      return fail(ErrorCode::route_not_found,
                  "There is no route " + std::string(path().substr(0, 200)) +
                      ". OpenAI's are at /v1: /v1/chat/completions, /v1/models.");
    }
    return fail(ErrorCode::method_not_allowed,
                "This route takes " + allow_ + ", not " +
                    std::string(parser_.method_name(head()).substr(0, 40)) + ".");
  }
  if (parser_.method() == HttpMethod::post) {
    auto const type = parser_.header(head(), Header::content_type);
    if (!type || !is_json_type(*type)) {
      return fail(ErrorCode::unsupported_media_type,
                  "The body must be JSON and say so: Content-Type: application/json.");
    }
  }
  return std::nullopt;
}

// The guard's word, and before it the limit on wrong keys.
std::optional<Error> Connection::judge_caller(RequestFacts const& facts, Access access) {
  auto const& guard = *server_.guard_;
  auto& guesses = server_.guesses_;
  if (!guard.key_required() || access == Access::anybody || trusted_)
    return guard.refusal(facts, access);
  auto const now = [] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
        SteadyClock::now().time_since_epoch());
  };
  bool const shown = !facts.shown_key().empty();
  if (shown && !guesses.quiet()) {
    auto const who = server_.guesser(socket_);
    auto const wait = who.empty() ? std::chrono::milliseconds(0) : guesses.wait(who, now());
    if (wait.count() > 0) {
      auto const seconds = std::chrono::ceil<std::chrono::seconds>(wait);
      return fail(ErrorCode::rate_limited,
                  "Rate limit exceeded: too many wrong client keys came from where you are. This "
                  "one was not looked at; try again in " +
                      std::to_string(seconds.count()) + " s.")
          .with_retry_after(seconds);
    }
  }
  auto refusal = guard.refusal(facts, access);
  if (!refusal) {
    trusted_ = facts.kind == RequestFacts::Kind::request;
  } else if (shown && refusal->code() == ErrorCode::invalid_api_key) {
    auto const who = server_.guesser(socket_);
    if (who.empty()) return refusal;
    guesses.wrong(who, now());
    if (guesses.wait(who, now()).count() > 0)
      log::warning("http", "too many wrong client keys", {{"from", who}});
  }
  return refusal;
}

// What the browser has to hear before it lets an allowed page see the answer (Fetch standard, CORS
// protocol).
void Connection::put_permissions() {
  reply_.header("access-control-allow-origin", origin_);
  reply_.header("vary", "Origin");
  if (!preflight_) {
    reply_.header("access-control-expose-headers",
                  "x-request-id, x-jumpseat-model, x-jumpseat-cache, retry-after, x-should-retry");
    return;
  }
  reply_.header("access-control-allow-methods", allow_);
  reply_.header("access-control-allow-headers", header("access-control-request-headers"));
  reply_.header("access-control-max-age", "600");
  // A page from elsewhere that calls this machine (Private Network Access).
  if (header("access-control-request-private-network") == "true")
    reply_.header("access-control-allow-private-network", "true");
}

std::string_view Connection::header(std::string_view name) const {
  return parser_.header(head(), name).value_or(std::string_view());
}

// The request cannot be read to its end: the answer is the last one.
void Connection::answer_with(Error error) {
  refusal_ = std::move(error);
  last_ = true;
  ready();
}

void Connection::ready() {
  auto const now = SteadyClock::now();
  if (parser_.head_size() == 0) started_ = now;
  if (input_.capacity() > kept_input) input_.shrink_to_fit();
  set_phase(Phase::answering, now + server_.parts_.times.alive);
  changed_.notify();
}

// ---- answering ----

void Connection::begin_reply() {
  ReplyWriter::Terms terms;
  if (!parser_.http11()) terms.version = ReplyWriter::Terms::Version::http10;
  if (parser_.method() == HttpMethod::head) terms.content = ReplyWriter::Terms::Content::head_only;
  if (last_ || !parser_.keep_alive()) terms.after = ReplyWriter::Terms::After::close;

  id_.clear();
  if (parser_.head_size() > 0) {
    auto const given = header("x-request-id");
    if (is_request_id(given)) id_ = given;
  }
  if (id_.empty()) id_ = server_.new_request_id();
  reply_.start(terms, id_);

  auto& record = reply_.record();
  if (route_ != nullptr) record.route = route_->path;
  if (parser_.head_size() > 0) {
    record.method = parser_.method_name(head()).substr(0, 20);
    record.path = path().substr(0, 200);
  }
  if (!allow_.empty()) reply_.header("allow", allow_);
  if (!origin_.empty()) put_permissions();
}

awaitable<> Connection::answer() {
  begin_reply();
  Result<void> outcome;
  bool aborted = false;
  try {
    if (auto refusal = refusal_ ? refusal_ : judge_body()) {
      outcome = *std::move(refusal);
    } else {
      auto handling = handle();
      outcome = co_await std::move(handling);
    }
  } catch (boost::system::system_error const& error) {
    aborted = error.code() == asio::error::operation_aborted;
    if (!aborted) outcome = failed(error);
  } catch (std::exception const& error) {
    outcome = failed(error);
  }
  // With a reply cut in its middle, or nobody to read it, there is nothing left to say.
  bool tell = !aborted;
  if (aborted && cut_ == Cut::stopping && !reply_.waiting()) {
    co_await asio::this_coro::reset_cancellation_state();
    outcome = fail(ErrorCode::server_stopping, "Jumpseat is stopping; the answer was broken off.");
    reply_.close_after();
    tell = true;
  }
  if (tell) {
    try {
      co_await reply_.finish(std::move(outcome));
    } catch (boost::system::system_error const&) {
      tell = false;
    }
  }
  auto& record = reply_.record();
  if (!tell && record.error_code.empty()) {
    constexpr int client_closed_request = 499;  // as nginx has it
    if (!reply_.begun()) record.status = client_closed_request;
    record.error_code = cut_ == Cut::stalled    ? "client_stalled"
                        : cut_ == Cut::stopping ? "server_stopping"
                                                : "client_cancelled";
  }
  auto const since_start = [this](TimePoint at) {
    return std::chrono::duration_cast<std::chrono::microseconds>(at - started_);
  };
  record.duration = since_start(SteadyClock::now());
  if (auto const first = reply_.first_event()) record.first_event = since_start(*first);
  server_.served(record);
  if (!tell) {
    close();
  } else if (reply_.keep_open()) {
    next_request();
  } else {
    linger();
  }
}

std::optional<Error> Connection::judge_body() const {
  if (parser_.method() != HttpMethod::post) return std::nullopt;
  auto const problem = check_json(body_);
  if (!problem) return std::nullopt;
  return fail(ErrorCode::parse_error, "The body is not JSON: " + problem->text() + ".");
}

// No coroutine itself: there is one less to keep while the answer goes on.
awaitable<Result<void>> Connection::handle() {
  if (parser_.method() == HttpMethod::options) return permit();
  return route_->handler(*this, reply_);
}

awaitable<Result<void>> Connection::permit() {
  co_await reply_.send(204, {}, {});
  co_return Result<void>();
}

void Connection::next_request() {
  input_.erase(0, taken_);
  input_ += std::exchange(ahead_, {});
  taken_ = 0;
  if (body_.capacity() > kept_body) {
    std::string().swap(body_);
  } else {
    body_.clear();
  }
  refusal_.reset();
  route_ = nullptr;
  parameter_.clear();
  allow_.clear();
  origin_.clear();
  preflight_ = false;
  cut_ = Cut::none;
  parser_.reset();
  bool const more = !input_.empty();
  if (!more && ended_) return close();
  if (!more && last_) return close();
  auto const& times = server_.parts_.times;
  set_phase(Phase::head, SteadyClock::now() + (more ? times.head : times.idle));
  if (more) {
    read_request();
    if (ended_ && phase_ != Phase::answering) return close();
  }
  read();
}

// Closing at once could make the kernel throw away what the client has not read yet (RFC 9112 9.6).
void Connection::linger() {
  boost::system::error_code ignored;
  socket_.shutdown(TcpSocket::shutdown_send, ignored);
  if (ended_) return close();
  set_phase(Phase::lingering, SteadyClock::now() + server_.parts_.times.linger);
  read();
}

// ---- from outside ----

void Connection::look(TimePoint now) {
  auto const& times = server_.parts_.times;
  switch (phase_) {
    case Phase::head:
      if (input_.empty()) return close();
      answer_with(fail(ErrorCode::request_timeout, "The request's head did not come in time."));
      return;
    case Phase::body:
      answer_with(fail(ErrorCode::request_timeout, "The request's body stopped coming."));
      return;
    case Phase::answering:
      if (reply_.waiting()) {
        deadline_ = reply_.last_write() + times.stall;
        if (deadline_ <= now) {
          deadline_ = Alarm::never;
          cancel(Cut::stalled);
        }
        return;
      }
      deadline_ = now + times.alive;
      if (!reply_.streaming()) return;
      if (reply_.last_write() + times.alive <= now) {
        reply_.say_alive();
      } else {
        deadline_ = reply_.last_write() + times.alive;
      }
      return;
    case Phase::lingering:
      return close();
    case Phase::closed:
      deadline_ = Alarm::never;
      return;
  }
}

void Connection::finish_up() {
  last_ = true;
  if (phase_ == Phase::answering) {
    reply_.close_after();
  } else if (phase_ == Phase::head || phase_ == Phase::lingering) {
    close();
  }
}

void Connection::cut_short() {
  if (phase_ == Phase::answering) return cancel(Cut::stopping);
  close();
}

void Connection::cancel(Cut why) {
  cut_ = why;
  server_.scope_.cancel(task_);
}

}  // namespace jumpseat
