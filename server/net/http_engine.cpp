#include "server/net/http_engine.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "server/net/http1_connection.h"
#include "server/net/http2_connection.h"
#include "server/net/proxy.h"

namespace jumpseat {
namespace {

constexpr std::size_t scratch_size = 64u << 10;
constexpr std::size_t most_idle = 32;  // connections kept for one origin
// Connections being opened to one origin at the same time: libcurl holds some 10 kB for each. The
// next one is begun when one of them is done, within a round trip or two.
constexpr std::size_t most_attempts = 32;
constexpr std::chrono::seconds rest(118);  // unused for longer, and it is not used again

Alarm::TimePoint now() { return SteadyTimer::clock_type::now(); }

}  // namespace

Alarm::TimePoint after(Alarm::TimePoint start, std::chrono::milliseconds duration) {
  // Longer than a month is as good as forever, and cannot overflow.
  constexpr std::chrono::hours longest(24 * 30);
  return duration > longest ? Alarm::never : start + duration;
}

HttpEngine::HttpEngine(asio::io_context& io, HttpSettings settings)
    : io_(io),
      settings_(std::move(settings)),
      connector_(io, settings_),
      self_(std::make_shared<HttpEngine*>(this)),
      deadlines_(io, [this] { check_deadlines(); }) {}

HttpEngine::~HttpEngine() { close(); }

void HttpEngine::close() {
  closed_ = true;
  *self_ = nullptr;
  while (!transfers_.empty()) {
    HttpTransfer& transfer = *transfers_.back();
    cut(transfer, fail(ErrorCode::cancelled, "The request to " + transfer.url().host +
                                                 " was cancelled: the program is stopping."));
  }
  for (auto const& origin : origins_) {
    for (auto const& connection : origin->connections) connection->close();
  }
  origins_.clear();
  over_.clear();
  done_.clear();
  connector_.unload();
  deadlines_.stop();
}

// --- Requests -----------------------------------------------------------------

Result<std::shared_ptr<HttpTransfer>> HttpEngine::start(HttpRequest request) {
  if (closed_) {
    return fail(ErrorCode::cancelled, "The request was not sent: the program is stopping.")
        .as_unsent();
  }
  if (auto loaded = connector_.load(); !loaded) return loaded.error();
  scratch_.resize(scratch_size);

  auto transfer = std::make_shared<HttpTransfer>(io_.get_executor(), std::move(request));
  if (auto unfit = transfer->unfit_request()) return *std::move(unfit);
  transfer->engine_ = this;
  transfer->index_ = transfers_.size();
  transfers_.push_back(transfer.get());
  HttpTimeouts const& limits = transfer->request().timeouts;
  transfer->set_deadline(after(transfer->started_, std::min(limits.connect, limits.lookup)));
  transfer->origin_ = &origin(transfer->url());
  transfer->origin_->waiting.push_back(transfer.get());
  serve(*transfer->origin_);
  return transfer;
}

void HttpEngine::settle(HttpTransfer& transfer, std::optional<Error> failure) {
  transfers_[transfer.index_] = transfers_.back();
  transfers_[transfer.index_]->index_ = transfer.index_;
  transfers_.pop_back();
  transfer.request_.authorization = {};
  transfer.request_.body = HttpBody();
  transfer.sent_ = 0;
  transfer.engine_ = nullptr;
  transfer.connection_ = nullptr;
  transfer.deadline_ = Alarm::never;
  transfer.failure_ = std::move(failure);
  transfer.changed_.notify();
}

void HttpEngine::cut(HttpTransfer& transfer, std::optional<Error> failure) {
  if (HttpConnection* const connection = std::exchange(transfer.connection_, nullptr)) {
    connection->cancel(transfer);
  } else {
    stop_waiting(transfer);
  }
  settle(transfer, std::move(failure));
}

void HttpEngine::stop_waiting(HttpTransfer& transfer) {
  std::erase(transfer.origin_->waiting, &transfer);
  serve_later();  // a connection that is being opened for it alone is given up
}

void HttpEngine::read_on(HttpTransfer& transfer, std::size_t bytes) {
  if (transfer.connection_ != nullptr) transfer.connection_->read_on(transfer, bytes);
}

std::optional<Error> HttpEngine::refused_by_proxy(HttpTransfer const& transfer, int status) const {
  if (connector_.route(transfer.url()) == Route::direct) return std::nullopt;
  HttpFailure failure = connector_.failure(transfer.url());
  failure.proxy_status = status;
  return transfer_error(TransferFault::refused_by_proxy, failure);
}

// --- Connections --------------------------------------------------------------

HttpOrigin& HttpEngine::origin(Url const& url) {
  for (auto const& known : origins_) {
    if (known->url.same_origin(url)) return *known;
  }
  auto& origin = *origins_.emplace_back(std::make_unique<HttpOrigin>());
  origin.url = url;
  origin.url.target = "/";
  origin.authority = url.authority();
  origin.route = connector_.route(url);
  origin.https = url.scheme == "https";
  return origin;
}

// Of idle connections the one used last, which lets the others grow old.
HttpConnection* HttpEngine::pick(HttpOrigin& origin) {
  auto const oldest = now() - rest;
  while (!origin.ready.empty()) {
    HttpConnection& connection = *origin.ready.back();
    bool const too_old = connection.idle() && connection.idle_since() < oldest;
    if (connection.has_room() && !too_old) return &connection;
    connection.place.ready = false;
    origin.ready.pop_back();
    if (too_old) drop(connection);
  }
  return nullptr;
}

void HttpEngine::serve(HttpOrigin& origin) {
  while (!origin.waiting.empty()) {
    HttpConnection* const connection = pick(origin);
    if (connection == nullptr) break;
    HttpTransfer& transfer = *origin.waiting.front();
    origin.waiting.pop_front();
    transfer.connection_ = connection;
    connection->start(transfer);
  }
  // Until TLS has chosen a protocol, requests wait for one connection, which may carry all of them.
  std::size_t wanted = origin.waiting.size();
  if (origin.https && !origin.one_at_a_time) wanted = std::min<std::size_t>(wanted, 1);
  wanted = std::min(wanted, most_attempts);
  while (origin.attempts.size() > wanted) origin.attempts.pop_back();
  for (std::size_t i = origin.attempts.size(); i < wanted; ++i) open_connection(origin);
}

void HttpEngine::serve_later() {
  if (closed_ || std::exchange(serving_later_, true)) return;
  asio::post(io_, [self = self_] {
    HttpEngine* const engine = *self;
    if (engine == nullptr) return;
    engine->serving_later_ = false;
    engine->over_.clear();
    engine->done_.clear();
    for (auto const& origin : engine->origins_) engine->serve(*origin);
  });
}

void HttpEngine::open_connection(HttpOrigin& origin) {
  if (origin.waiting.empty()) return;  // an attempt that failed at once has taken them along
  auto const limit = origin.waiting.front()->request().timeouts.connect;
  auto& attempt = *origin.attempts.emplace_back(connector_.attempt(origin.url, limit));
  attempt.start(
      [this, &origin](Connector::Attempt& ended, std::unique_ptr<Wire> wire, CURLcode code) {
        attempt_ended(origin, ended, std::move(wire), code);
      },
      [&origin] {
        auto const began = now();
        for (HttpTransfer* transfer : origin.waiting) {
          auto const lookup = after(began, transfer->request().timeouts.lookup);
          transfer->set_deadline(std::min(transfer->deadline_, lookup));
        }
      });
}

void HttpEngine::attempt_ended(HttpOrigin& origin, Connector::Attempt& attempt,
                               std::unique_ptr<Wire> wire, CURLcode code) {
  connections_opened_ += static_cast<std::size_t>(attempt.opened());
  auto const found = std::find_if(origin.attempts.begin(), origin.attempts.end(),
                                  [&](auto const& one) { return one.get() == &attempt; });
  done_.push_back(std::move(*found));
  origin.attempts.erase(found);
  serve_later();  // gets rid of the attempt, too

  if (!wire) {
    // Whoever waited for this connection alone fails with it.
    bool const shared = origin.https && !origin.one_at_a_time && origin.connections.empty();
    std::size_t const all = origin.waiting.size();
    HttpFailure const failure = attempt.failure();
    for (std::size_t left = shared ? all : std::min<std::size_t>(1, all); left > 0; --left) {
      HttpTransfer& transfer = *origin.waiting.front();
      origin.waiting.pop_front();
      settle(transfer, code == CURLE_OPERATION_TIMEDOUT
                           ? connect_timeout(failure, transfer.request().timeouts.connect)
                           : connect_error(code, failure));
    }
    return;
  }
  std::shared_ptr<HttpConnection> connection;
  ConnectionOwner& self = *this;
  origin.one_at_a_time = !attempt.http2();
  if (attempt.http2()) {
    connection = std::make_shared<Http2Connection>(io_, self, std::move(wire));
  } else {
    Http1Connection::Proxied proxied;
    if (origin.route == Route::http_proxy) {
      if (auto login = page_proxy_login(connector_.proxy_setting(origin.route))) {
        proxied = {true, *std::move(login)};
      }
    }
    connection = std::make_shared<Http1Connection>(io_, self, std::move(wire), std::move(proxied));
  }
  keep(origin, connection);
  serve(origin);  // the first request leaves at once
  connection->open();
}

void HttpEngine::keep(HttpOrigin& origin, std::shared_ptr<HttpConnection> connection) {
  connection->place = {&origin, origin.connections.size(), true};
  origin.ready.push_back(connection.get());
  origin.connections.push_back(std::move(connection));
}

void HttpEngine::drop(HttpConnection& connection) {
  connection.close();
  over(connection);
}

void HttpEngine::over(HttpConnection& connection) {
  HttpOrigin& origin = *connection.place.origin;
  if (std::exchange(connection.place.ready, false)) std::erase(origin.ready, &connection);
  std::size_t const index = connection.place.index;
  over_.push_back(std::move(origin.connections[index]));
  if (index + 1 != origin.connections.size()) {
    origin.connections[index] = std::move(origin.connections.back());
    origin.connections[index]->place.index = index;
  }
  origin.connections.pop_back();
  serve_later();
}

void HttpEngine::has_room(HttpConnection& connection) {
  HttpOrigin& origin = *connection.place.origin;
  if (!connection.place.ready) {
    if (connection.idle() && origin.ready.size() >= most_idle) return drop(connection);
    connection.place.ready = true;
    origin.ready.push_back(&connection);
  }
  if (!origin.waiting.empty()) serve_later();
}

void HttpEngine::ended(HttpTransfer& transfer, std::optional<Error> failure) {
  settle(transfer, std::move(failure));
}

// R1: such a request goes out once more, on another connection when only likely.
void HttpEngine::unprocessed(HttpTransfer& transfer, Unprocessed how, Error failure) {
  transfer.connection_ = nullptr;
  transfer.sending_ = false;
  bool const certain = how == Unprocessed::certain;
  if (std::exchange(transfer.repeated_, true)) {
    if (certain) failure = std::move(failure).as_unsent();
    return settle(transfer, std::move(failure));
  }
  HttpOrigin& origin = *transfer.origin_;
  if (!certain) {
    // The other idle ones are as old.
    auto const connections = origin.connections;
    for (auto const& connection : connections) {
      if (connection->idle() && !connection->closed()) drop(*connection);
    }
  }
  transfer.started_ = now();
  transfer.set_deadline(after(transfer.started_, transfer.request().timeouts.connect));
  origin.waiting.push_front(&transfer);
  serve_later();
}

HttpFailure HttpEngine::describe(HttpTransfer const& transfer) const {
  auto const& attempts = transfer.origin_->attempts;
  HttpFailure failure = transfer.sending_ || attempts.empty() ? connector_.failure(transfer.url())
                                                              : attempts.front()->failure();
  failure.sent = transfer.sending_;
  failure.headers_in = transfer.headers_in();
  return failure;
}

// --- Deadlines ----------------------------------------------------------------

// One alarm for all transfers: each byte moves a deadline away, and nearly none is ever reached.
void HttpEngine::note_deadline(Alarm::TimePoint deadline) {
  if (deadline < deadlines_.due()) deadlines_.set(deadline);
}

void HttpEngine::check_deadlines() {
  Alarm::TimePoint const time = now();
  for (std::size_t i = 0; i < transfers_.size();) {
    HttpTransfer& transfer = *transfers_[i];
    auto failure = transfer.deadline_ <= time ? overdue(transfer, time) : std::nullopt;
    if (failure) {
      cut(transfer, std::move(failure));  // another one takes its place
    } else {
      ++i;
    }
  }
  // Only now: with a connection several may have ended, and the others have changed places.
  Alarm::TimePoint next = Alarm::never;
  for (HttpTransfer const* transfer : transfers_) next = std::min(next, transfer->deadline_);
  // With thousands of streams many deadlines lie close together: one look serves them all.
  constexpr std::chrono::milliseconds pause(10);
  if (next != Alarm::never) deadlines_.set(std::max(next, time + pause));
}

// The deadline has come: is there really nothing? If so, why; otherwise the deadline is set anew.
std::optional<Error> HttpEngine::overdue(HttpTransfer& transfer, Alarm::TimePoint time) {
  HttpTimeouts const& limits = transfer.request().timeouts;
  if (!transfer.sending_) {
    HttpFailure const failure = describe(transfer);
    auto const& attempts = transfer.origin_->attempts;
    Alarm::TimePoint looked_up = Alarm::never;  // when the name has to be known
    if (!failure.name_found && !attempts.empty()) {
      looked_up =
          after(std::max(attempts.front()->lookup_began(), transfer.started_), limits.lookup);
    }
    Alarm::TimePoint const limit = after(transfer.started_, limits.connect);
    if (looked_up <= std::min(time, limit)) return connect_timeout(failure, limits.lookup);
    if (limit <= time) return connect_timeout(failure, limits.connect);
    transfer.deadline_ = std::min(limit, looked_up);
    return std::nullopt;
  }
  std::string const& host = transfer.url().host;
  if (transfer.headers_in()) {
    return fail(ErrorCode::idle_timeout, "The answer from " + host + " stopped: nothing came for " +
                                             duration_text(limits.idle) + ". Try again.");
  }
  if (transfer.reply_began_at_ != Alarm::never) {
    return fail(ErrorCode::first_byte_timeout, "The reply from " + host +
                                                   " began, but its headers did not end within " +
                                                   duration_text(limits.headers) + ". Try again.");
  }
  return fail(ErrorCode::first_byte_timeout, host + " did not begin to answer within " +
                                                 duration_text(limits.first_byte) + ". Try again.");
}

}  // namespace jumpseat
