// One request in flight: its deadlines, and the reply as it comes. A connection fills it, the
// coroutine that waits on changed() reads it. It leaves its connection when it ends, when abandon()
// is called or when it is destroyed.
// This header is for the files of this room; everybody else includes http_client.h.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/result.h"
#include "protocol/url.h"
#include "server/base/asio.h"
#include "server/base/event.h"
#include "server/net/alarm.h"
#include "server/net/http_client.h"

namespace jumpseat {

class HttpConnection;
class HttpEngine;
struct HttpOrigin;

class HttpTransfer {
 public:
  using TimePoint = Alarm::TimePoint;

  HttpTransfer(Executor executor, HttpRequest request);
  ~HttpTransfer();
  HttpTransfer(HttpTransfer const&) = delete;
  HttpTransfer& operator=(HttpTransfer const&) = delete;

  // ---- for the coroutine ----

  // Notified when headers_in(), finished() or the buffer changes.
  Event& changed() { return changed_; }
  bool headers_in() const { return headers_in_; }
  // True when nothing more will come; failure() then tells how it ended.
  bool finished() const { return engine_ == nullptr; }
  std::optional<Error> const& failure() const { return failure_; }
  int status() const { return status_; }
  HttpHeaders const& headers() const { return headers_; }
  HttpHeaders give_headers_away() { return std::exchange(headers_, {}); }
  // Frees what has left of the request: a long answer need not hold it. Call when the headers are
  // in.
  void release_request();
  bool holds_bytes() const { return !buffer_.empty(); }
  // The bytes that came since the last call; makes room for more. What `bytes` held is gone, its
  // memory is used again.
  void take(std::string& bytes);
  // Cancels: HTTP/2 resets the stream, HTTP/1 closes the connection. Nobody may be waiting.
  void abandon();

  // ---- for its connection ----

  HttpRequest const& request() const { return request_; }
  Url const& url() const { return request_.url; }
  std::string const& authority() const;  // url().authority()
  // The request begins to leave; earlier tries are forgotten.
  void begin();
  // What of the body has not left yet, and that some of it has.
  std::string_view unsent_body() const { return request_.body.view().substr(sent_); }
  void sent_body(std::size_t bytes);
  // Whether bytes of a reply have come on the connection since begin().
  bool reply_began() const { return reply_began_; }
  // Whether a byte would be the first of a reply's head, be it an informational one.
  bool awaits_head() const { return reply_began_at_ == Alarm::never; }
  // The reply, in order. An error ends the transfer; the connection passes it on to its owner.
  void on_first_byte();
  [[nodiscard]] std::optional<Error> on_status(int status);
  // The name in any case, the value without white space around it. Ignored once the headers are in.
  [[nodiscard]] std::optional<Error> on_field(std::string_view name, std::string_view value);
  enum class Head { informational, whole };
  [[nodiscard]] Result<Head> on_headers_end();
  void on_body(std::string_view bytes);
  // At most so many bytes of the body are about to come, perhaps in pieces.
  void expect_body(std::size_t bytes);
  // How much more of the body may come before its reader has read. When it is nothing the peer has
  // to wait; it goes on with read_on() of the connection.
  std::size_t room() const { return most_held - std::min(most_held, buffer_.size()); }

  // Bytes of a body that wait for their reader.
  static constexpr std::size_t most_held = 256u << 10;

 private:
  friend class HttpEngine;

  // Why the request cannot be sent as it is, if so.
  std::optional<Error> unfit_request() const;
  // Why a reply with these headers is not for our callers, if it is not.
  std::optional<Error> unfit_reply() const;
  Error too_many_headers() const;
  void set_deadline(TimePoint deadline);

  HttpRequest request_;
  HttpEngine* engine_ = nullptr;  // null once finished
  HttpOrigin* origin_ = nullptr;
  HttpConnection* connection_ = nullptr;  // null while it waits for one
  std::size_t index_ = 0;                 // among the engine's transfers

  TimePoint started_;
  TimePoint reply_began_at_ = Alarm::never;
  TimePoint deadline_ = Alarm::never;
  TimePoint first_byte_deadline_ = Alarm::never;
  std::size_t sent_ = 0;   // bytes of the body
  bool repeated_ = false;  // it has been given back by a connection before
  bool sending_ = false;   // on a connection, and the request is leaving
  bool reply_began_ = false;
  bool headers_in_ = false;
  int status_ = 0;
  std::size_t header_bytes_ = 0;
  std::size_t header_count_ = 0;
  HttpHeaders headers_;
  std::string buffer_;
  std::optional<Error> failure_;
  Event changed_;
};

}  // namespace jumpseat
