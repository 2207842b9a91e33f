// What stands behind HttpClient: the requests in flight, the connections that they share, and every
// deadline.
// This header is for the files of this room; everybody else includes http_client.h.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/net/connector.h"
#include "server/net/http_connection.h"
#include "server/net/http_transfer.h"

namespace jumpseat {

// The time `duration` after `start`; never when that is longer than a month.
Alarm::TimePoint after(Alarm::TimePoint start, std::chrono::milliseconds duration);

// One scheme, host and port, and all that is going on there.
struct HttpOrigin {
  Url url;
  std::string authority;  // of url
  Route route = Route::direct;
  bool https = false;
  bool one_at_a_time = false;  // TLS has chosen HTTP/1.1
  std::vector<std::shared_ptr<HttpConnection>> connections;
  std::vector<HttpConnection*> ready;  // those with room, and some that had it; the last used last
  std::vector<std::unique_ptr<Connector::Attempt>> attempts;
  std::deque<HttpTransfer*> waiting;
};

class HttpEngine final : private ConnectionOwner {
 public:
  HttpEngine(asio::io_context& io, HttpSettings settings);
  ~HttpEngine() override;
  HttpEngine(HttpEngine const&) = delete;
  HttpEngine& operator=(HttpEngine const&) = delete;

  // The transfer is under way, or has even ended, when this returns.
  Result<std::shared_ptr<HttpTransfer>> start(HttpRequest request);
  void close();
  std::size_t connections_opened() const { return connections_opened_; }

  // ---- for the transfers ----

  // Ends it here, whatever its state.
  void cut(HttpTransfer& transfer, std::optional<Error> failure);
  void read_on(HttpTransfer& transfer, std::size_t bytes);
  void note_deadline(Alarm::TimePoint deadline);
  // The failure, if a proxy, and not the host, has answered `status`.
  std::optional<Error> refused_by_proxy(HttpTransfer const& transfer, int status) const;

 private:
  // ConnectionOwner
  void ended(HttpTransfer& transfer, std::optional<Error> failure) override;
  void unprocessed(HttpTransfer& transfer, Unprocessed how, Error failure) override;
  void has_room(HttpConnection& connection) override;
  void over(HttpConnection& connection) override;
  HttpFailure describe(HttpTransfer const& transfer) const override;
  std::span<char> scratch() override { return scratch_; }

  HttpOrigin& origin(Url const& url);
  // Gives those who wait the connections there are, and opens as many as are missing.
  void serve(HttpOrigin& origin);
  void serve_later();
  HttpConnection* pick(HttpOrigin& origin);
  void keep(HttpOrigin& origin, std::shared_ptr<HttpConnection> connection);
  void drop(HttpConnection& connection);
  void open_connection(HttpOrigin& origin);
  void attempt_ended(HttpOrigin& origin, Connector::Attempt& attempt, std::unique_ptr<Wire> wire,
                     CURLcode code);
  void stop_waiting(HttpTransfer& transfer);
  // Takes the transfer out of the books and wakes its reader.
  void settle(HttpTransfer& transfer, std::optional<Error> failure);

  void check_deadlines();
  std::optional<Error> overdue(HttpTransfer& transfer, Alarm::TimePoint now);

  asio::io_context& io_;
  HttpSettings settings_;
  Connector connector_;
  std::vector<std::unique_ptr<HttpOrigin>> origins_;  // a handful
  std::vector<HttpTransfer*> transfers_;              // in flight
  std::vector<char> scratch_;
  std::vector<std::shared_ptr<HttpConnection>> over_;      // until nobody can be inside them
  std::vector<std::unique_ptr<Connector::Attempt>> done_;  // the same
  bool serving_later_ = false;
  std::shared_ptr<HttpEngine*> self_;  // null inside once this is closed; for calls that come late
  std::size_t connections_opened_ = 0;
  Alarm deadlines_;
  bool closed_ = false;
};

}  // namespace jumpseat
