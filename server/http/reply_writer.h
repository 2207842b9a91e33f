// The writing half of a connection: one reply at a time, whole or as a stream of events, framed as
// the client understands it. Whatever fits goes to the socket at once, in one call and without a
// copy; while a slow client leaves something over, the writer waits.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "protocol/result.h"
#include "server/base/asio.h"
#include "server/base/clock.h"
#include "server/http/handler.h"

namespace jumpseat {

using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, Executor>;

// The Date header of the current second (RFC 9110 6.6.1), made once a second.
class HttpDate {
 public:
  explicit HttpDate(Clock& clock) : clock_(clock) {}
  std::string_view now();

 private:
  Clock& clock_;
  std::int64_t second_ = -1;
  std::string text_;
};

class ReplyWriter final : public Reply {
 public:
  using TimePoint = SteadyTimer::time_point;

  ReplyWriter(TcpSocket& socket, HttpDate& date) : socket_(socket), date_(date) {}

  struct Terms {
    enum class Version { http10, http11 } version = Version::http11;
    enum class Content { full, head_only } content = Content::full;
    enum class After { keep_open, close } after = After::keep_open;
  };
  // Gets ready for the reply to one request.
  void start(Terms terms, std::string_view request_id);
  // The reply as the handler's outcome wants it: nothing more, an error, or an error event.
  awaitable<> finish(Result<void> outcome);
  // Whether the connection can go on after this reply.
  bool keep_open() const { return terms_.after == Terms::After::keep_open; }
  void close_after() { terms_.after = Terms::After::close; }

  // A stream that has been silent: says so to the client. Returns false when there is none, or when
  // the client does not even read what was sent before.
  bool say_alive();
  // When something last went out; and whether bytes wait for the client to read.
  TimePoint last_write() const { return last_write_; }
  // When the first event of this reply went out; nothing before that. Comments do not count.
  std::optional<TimePoint> first_event() const { return first_event_; }
  bool streaming() const { return phase_ == Phase::held || phase_ == Phase::streaming; }
  bool waiting() const { return waiting_; }

  void header(std::string_view name, std::string_view value) override;
  awaitable<> send(int status, std::string_view content_type, std::string body) override;
  void begin_events() override;
  [[nodiscard]] bool events(std::span<std::string const> data) override;
  awaitable<> written() override;
  awaitable<> event(std::string_view data) override;
  awaitable<> end_events() override;
  awaitable<> done() override;
  bool begun() const override { return phase_ != Phase::open && phase_ != Phase::held; }
  RequestRecord& record() override { return record_; }

 private:
  enum class Phase {
    open,       // nothing is decided
    held,       // a stream whose head has not been sent
    streaming,  // its head is out
    done,
  };
  void put_head(int status, std::string_view content_type, std::optional<std::size_t> length);
  awaitable<> send_error(Error const& error);
  // Writing: put() collects pieces, flush() sends them, written() what it could not.
  void clear_pieces();
  void put(std::string_view piece);
  void put_event(std::string_view data);
  void begin_pieces();
  void end_pieces();
  bool flush();
  bool send_now();

  TcpSocket& socket_;
  HttpDate& date_;
  Terms terms_;
  Phase phase_ = Phase::open;
  bool waiting_ = false;
  std::string_view request_id_;
  std::string extra_;  // headers set by the handler
  std::string head_;
  std::string unsent_;     // what say_alive() could not send
  std::string left_over_;  // the same, on its way
  std::array<char, 20> chunk_size_;
  std::vector<asio::const_buffer> pieces_;
  std::size_t first_ = 0;  // of pieces_ that has not been sent
  std::size_t bytes_ = 0;  // in pieces_, from where the chunk's content begins
  std::size_t size_at_ = 0;
  TimePoint last_write_;
  std::optional<TimePoint> first_event_;
  RequestRecord record_;
};

}  // namespace jumpseat
