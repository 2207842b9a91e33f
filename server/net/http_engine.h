// What stands behind HttpClient: the easy handles, the transfers in flight and their deadlines.
// This header is for the files of this room; everybody else includes http_client.h.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "protocol/url.h"
#include "server/base/asio.h"
#include "server/base/event.h"
#include "server/net/alarm.h"
#include "server/net/curl_library.h"
#include "server/net/curl_loop.h"
#include "server/net/flood_guard.h"
#include "server/net/http_client.h"
#include "server/net/http_errors.h"
#include "server/net/tls_trust.h"

namespace jumpseat {

class HttpEngine;
struct EasyHandle;

// How a request travels: the proxy setting that applies to its URL.
enum class Route { direct, http_proxy, https_proxy };

// One request in flight. curl fills it from its callbacks; the coroutine that waits on changed()
// reads it. It leaves curl when it ends, when abandon() is called or when it is destroyed.
class HttpTransfer {
 public:
  using TimePoint = Alarm::TimePoint;

  HttpTransfer(Executor executor, HttpRequest request, Url const& url);
  ~HttpTransfer();
  HttpTransfer(HttpTransfer const&) = delete;
  HttpTransfer& operator=(HttpTransfer const&) = delete;

  // Notified when headers_in(), finished() or the buffer changes.
  Event& changed() { return changed_; }
  bool headers_in() const { return headers_in_; }
  // True once curl is done with it; failure() then tells how it ended.
  bool finished() const { return engine_ == nullptr; }
  std::optional<Error> const& failure() const { return failure_; }
  int status() const { return status_; }
  HttpHeaders const& headers() const { return headers_; }
  // Books the connection that was opened for it, if any. Settles itself at the end.
  void count_connection();
  // Frees the request's body if all of it has left. Call when the headers are in.
  void release_body();
  bool holds_bytes() const { return !buffer_.empty(); }
  // The bytes that came since the last call; makes room for more.
  std::string take();
  // Cancels: HTTP/2 resets the stream, HTTP/1 closes the connection. Nobody may be waiting.
  void abandon();

 private:
  friend class HttpEngine;
  friend struct EasyHandle;

  // Callbacks of curl. False ends the transfer with failure_.
  bool on_header(std::string_view line);
  bool on_status_line(std::string_view line);
  bool on_headers_end();
  enum class Taken { all, nothing_yet };
  Taken on_body(std::string_view bytes);
  void on_lookup_starts();
  void on_request_starts(int local_port);

  void pause();
  void resume();
  bool refuse(Error error);
  // Why a reply with these headers is not for our callers, if it is not.
  std::optional<Error> refusal() const;
  Result<> build_headers();
  void set_deadline(TimePoint deadline);

  HttpRequest request_;
  std::string host_;
  bool https_;
  Route route_ = Route::direct;
  HttpEngine* engine_ = nullptr;        // null once finished
  std::unique_ptr<EasyHandle> handle_;  // empty once finished
  std::size_t index_ = 0;               // among the engine's transfers

  std::string header_text_;  // what header_list_ points into; holds the authorization
  std::vector<curl_slist> header_list_;

  TimePoint started_;
  TimePoint headers_began_ = Alarm::never;  // when the status line was complete
  TimePoint deadline_ = Alarm::never;
  TimePoint lookup_deadline_ = Alarm::never;  // never: it has looked no name up
  TimePoint first_byte_deadline_ = Alarm::never;
  long long uploaded_ = 0;  // bytes of the body that had left when we last looked
  bool sending_ = false;    // the connection is ready and the request is leaving
  int local_port_ = 0;      // of its connection, which that tells from others
  std::shared_ptr<FloodGuard::Connection> guarded_;  // the same; null before, or without TLS
  bool headers_in_ = false;
  bool expects_status_line_ = true;
  bool http1_ = false;  // the reply's version
  bool paused_ = false;
  int status_ = 0;
  std::size_t header_bytes_ = 0;
  std::size_t header_count_ = 0;
  HttpHeaders headers_;
  std::string buffer_;
  std::optional<Error> failure_;
  long connections_counted_ = 0;
  Event changed_;
};

class HttpEngine {
 public:
  HttpEngine(asio::io_context& io, HttpSettings settings);
  ~HttpEngine();
  HttpEngine(HttpEngine const&) = delete;
  HttpEngine& operator=(HttpEngine const&) = delete;

  // The transfer is under way, or has even ended, when this returns.
  Result<std::shared_ptr<HttpTransfer>> start(HttpRequest request);
  void close();
  std::size_t connections_opened() const { return connections_opened_; }

 private:
  friend class HttpTransfer;
  friend struct EasyHandle;

  Result<> load();
  std::unique_ptr<EasyHandle> lend();
  void configure(EasyHandle& handle);
  void prepare(EasyHandle& handle, HttpTransfer& transfer, Url const& url);
  Route route(Url const& url) const;

  void ended(CURL* easy, CURLcode code);
  // Takes the transfer out of the books, after curl has let it go, and wakes its reader.
  void settle(HttpTransfer& transfer, std::optional<Error> failure);
  // Takes it away from curl first.
  void cut(HttpTransfer& transfer, std::optional<Error> failure);
  HttpFailure describe(HttpTransfer const& transfer) const;
  std::string const& proxy_of(HttpTransfer const& transfer) const;
  void count_connections(HttpTransfer& transfer);
  void flush_reset(int local_port);

  void note_deadline(Alarm::TimePoint deadline);
  void check_deadlines();
  std::optional<Error> overdue(HttpTransfer& transfer, Alarm::TimePoint now);

  asio::io_context& io_;
  HttpSettings settings_;
  std::string http_proxy_address_;
  std::string https_proxy_address_;
  CurlLibrary const* curl_ = nullptr;
  std::optional<TlsTrust> trust_;
  std::optional<IssuerNote> issuers_;
  std::optional<FloodGuard> floods_;
  std::unique_ptr<CurlLoop> loop_;
  std::vector<std::unique_ptr<EasyHandle>> idle_handles_;  // configured, ready for the next request
  std::vector<HttpTransfer*> transfers_;                   // in flight
  std::size_t connections_opened_ = 0;
  Alarm deadlines_;
  bool closed_ = false;
};

}  // namespace jumpseat
