#include "server/http/connection.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "protocol/scan.h"
#include "server/base/log.h"

namespace jumpseat {
namespace {

using SteadyClock = SteadyTimer::clock_type;

constexpr std::size_t first_capacity = 2048;  // most requests' heads
constexpr std::size_t watch_room = 256;       // kept free, so that the client's end is noticed
constexpr std::size_t read_step = 64u << 10;
constexpr std::size_t room_for_edits = 512;
constexpr std::size_t kept_body = 64u << 10;  // memory of a body that is kept for the next one

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

// The completion of a read. It holds the connection, which may be over by then.
struct Connection::ReadDone {
  std::shared_ptr<Connection> connection;
  void operator()(boost::system::error_code problem, std::size_t size) const {
    wake_after([&] { connection->on_read(problem, size); });
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

void Connection::read() {
  if (reading_ || ended_ || phase_ == Phase::closed) return;
  asio::mutable_buffer space;
  reading_body_ = phase_ == Phase::body && !parser_.chunked() && begin_ + taken_ == end_;
  if (reading_body_) {
    // Straight to where the handler finds it. The memory grows with what comes: who has sent a
    // quarter of what was announced gets the rest at once, with room to edit the whole in place.
    auto const length = parser_.content_length();
    auto const step = std::min(length - body_size_, read_step);
    if (body_.capacity() < body_size_ + step && body_size_ >= length / 4)
      body_.reserve(length + room_for_edits);
    if (body_.size() < body_size_ + step) body_.resize(body_size_ + step);
    space = {body_.data() + body_size_, step};
  } else {
    make_space();
    if (end_ == capacity_) return;  // until the answer is done
    space = {input_.get() + end_, capacity_ - end_};
  }
  reading_ = true;
  socket_.async_read_some(space, ReadDone{shared_from_this()});
}

// Moves what is buffered and gets more memory, where nobody holds a view and no read is under way.
void Connection::make_space() {
  if (phase_ == Phase::answering) return;
  if (phase_ == Phase::lingering) begin_ = end_ = 0;
  auto const drop = [&](std::size_t from, std::size_t to) {
    if (from == to) return;
    std::memmove(input_.get() + to, input_.get() + from, end_ - from);
    end_ -= from - to;
  };
  std::size_t wanted = watch_room * 2;
  drop(begin_, 0);  // requests that were answered
  begin_ = 0;
  if (phase_ == Phase::body) {
    drop(taken_, parser_.head_size());
    taken_ = parser_.head_size();
    bool const complete =
        parser_.chunked() ? parser_.body_complete() : body_size_ == parser_.content_length();
    if (!complete) wanted = read_step / 4;
  }
  if (capacity_ - end_ >= wanted) return;
  auto const larger = std::max({first_capacity, 2 * capacity_, end_ + wanted});
  auto memory = std::make_unique_for_overwrite<char[]>(larger);
  if (end_ > 0) std::memcpy(memory.get(), input_.get(), end_);
  input_ = std::move(memory);
  capacity_ = larger;
}

void Connection::on_read(boost::system::error_code problem, std::size_t size) {
  reading_ = false;
  if (phase_ == Phase::closed) return;
  try {
    if (problem) return on_end(problem);
    if (reading_body_) {
      body_size_ += size;
    } else {
      end_ += size;
    }
    if (phase_ == Phase::head || phase_ == Phase::body) take_in();
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

void Connection::take_in() {
  if (phase_ == Phase::head) {
    bool const first = parser_.untouched();
    auto got = parser_.read_head(buffered());
    if (!got) return answer_with(got.error());
    if (*got == RequestParser::Head::part) {
      if (first && begin_ != end_)
        set_phase(Phase::head, SteadyClock::now() + server_.parts_.times.head);
      return;
    }
    take_head();
  }
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
  if (expects_continue() && begin_ + taken_ == end_) {
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    boost::system::error_code problem;
    auto const sent = socket_.write_some(asio::buffer(go_on), problem);
    // All replies before it are out, so there is room; a client without any is broken.
    if (problem || sent != go_on.size()) close();
  }
}

void Connection::read_body() {
  deadline_ = SteadyClock::now() + server_.parts_.times.body;
  std::string_view const bytes(input_.get() + begin_ + taken_, end_ - begin_ - taken_);
  if (parser_.chunked()) {
    auto used = parser_.read_chunks(bytes, body_);
    if (!used) return answer_with(used.error());
    taken_ += *used;
    body_size_ = body_.size();
    if (parser_.body_complete()) ready();
    return;
  }
  auto const size = std::min(bytes.size(), parser_.content_length() - body_size_);
  if (size > 0) {
    body_.append(bytes.substr(0, size));
    taken_ += size;
    body_size_ += size;
  }
  if (body_size_ == parser_.content_length()) {
    body_.resize(body_size_);
    ready();
  }
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
  // A read that is under way watches already, and its memory must stay where it is.
  if (!reading_ && capacity_ - end_ < watch_room) make_space();
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
    co_await answer_itself(outcome);
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

awaitable<> Connection::answer_itself(Result<void>& outcome) {
  if (refusal_) {
    outcome = *refusal_;
    co_return;
  }
  if (parser_.method() == HttpMethod::options) {
    co_await reply_.send(204, {}, {});
    co_return;
  }
  if (parser_.method() == HttpMethod::post) {
    if (auto const problem = check_json(body_)) {
      outcome = fail(ErrorCode::parse_error, "The body is not JSON: " + problem->text() + ".");
      co_return;
    }
  }
  outcome = co_await route_->handler(*this, reply_);
}

void Connection::next_request() {
  begin_ += taken_;
  taken_ = 0;
  body_size_ = 0;
  if (body_.capacity() > kept_body) {
    body_ = std::string();
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
  bool const more = begin_ != end_;
  if (!more && ended_) return close();
  if (!more && last_) return close();
  auto const& times = server_.parts_.times;
  set_phase(Phase::head, SteadyClock::now() + (more ? times.head : times.idle));
  if (more) {
    take_in();
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
      if (begin_ == end_) return close();
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
