#include "server/http/reply_writer.h"

#include <charconv>
#include <ctime>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/system/system_error.hpp>

#include "protocol/openai_error.h"
#include "server/base/log.h"

namespace jumpseat {
namespace {

constexpr std::string_view event_begin = "data: ";
constexpr std::string_view event_end = "\n\n";
constexpr std::string_view between_events = "\n\ndata: ";
constexpr std::string_view line_end = "\r\n";
constexpr std::string_view last_chunk = "0\r\n\r\n";
constexpr std::string_view alive = ": waiting for the answer\n\n";

[[noreturn]] void client_left() {
  throw boost::system::system_error(asio::error::operation_aborted);
}

void put_number(std::string& out, std::size_t number) {
  std::array<char, 20> digits;
  auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

}  // namespace

std::string_view HttpDate::now() {
  auto const second = clock_.unix_seconds();
  if (second != second_) {
    second_ = second;
    std::time_t const time = second;
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::array<char, 40> text;
    // Not strftime's %a and %b: those speak the language of the locale.
    auto const size =
        std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                      days[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                      months[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
                      parts.tm_hour, parts.tm_min, parts.tm_sec);
    text_.assign(text.data(), static_cast<std::size_t>(size));
  }
  return text_;
}

void ReplyWriter::start(Terms terms, std::string_view request_id) {
  terms_ = terms;
  phase_ = Phase::open;
  request_id_ = request_id;
  extra_.clear();
  first_event_.reset();
  record_ = RequestRecord();
}

void ReplyWriter::header(std::string_view name, std::string_view value) {
  constexpr std::size_t longest = 1000;
  if (begun() || value.empty() || value.size() > longest) return;
  for (char c : value) {
    if ((c < ' ' && c != '\t') || c > '~') return;
  }
  extra_.append(name).append(": ").append(value).append(line_end);
}

void ReplyWriter::put_head(int status, std::string_view content_type,
                           std::optional<std::size_t> length) {
  record_.status = status;
  head_.clear();
  head_ += "HTTP/1.1 ";
  put_number(head_, static_cast<std::size_t>(status));
  head_ += ' ';
  auto const reason =
      boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  head_.append(reason.data(), reason.size());
  head_.append("\r\nserver: jumpseat\r\ndate: ").append(date_.now());
  head_.append("\r\nx-request-id: ").append(request_id_).append(line_end);
  if (!content_type.empty()) head_.append("content-type: ").append(content_type).append(line_end);
  if (!length) head_ += "cache-control: no-cache\r\n";
  if (length) {
    if (status != 204) {
      head_ += "content-length: ";
      put_number(head_, *length);
      head_ += line_end;
    }
  } else if (terms_.version == Terms::Version::http11) {
    head_ += "transfer-encoding: chunked\r\n";
  } else {
    close_after();  // the end of the connection is the end of the stream
  }
  if (!keep_open()) {
    head_ += "connection: close\r\n";
  } else if (terms_.version == Terms::Version::http10) {
    head_ += "connection: keep-alive\r\n";
  }
  head_ += extra_;
  head_ += line_end;
  if (!length) std::string().swap(extra_);  // a stream may go on for long
}

awaitable<> ReplyWriter::send(int status, std::string_view content_type, std::string body) {
  put_head(status, content_type, body.size());
  phase_ = Phase::done;
  clear_pieces();
  put(head_);
  if (terms_.content == Terms::Content::full) put(body);
  if (!flush()) co_await written();
}

void ReplyWriter::begin_events() {
  if (phase_ == Phase::open) phase_ = Phase::held;
  last_write_ = TimePoint::clock::now();
  record_.stream = true;
}

bool ReplyWriter::events(std::span<std::string const> data) {
  if (data.empty()) return true;
  begin_pieces();
  put(event_begin);
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (i > 0) put(between_events);
    put(data[i]);
  }
  put(event_end);
  end_pieces();
  bool const all = flush();
  if (!first_event_) first_event_ = last_write_;
  return all;
}

awaitable<> ReplyWriter::event(std::string_view data) {
  begin_pieces();
  put_event(data);
  end_pieces();
  if (!flush()) co_await written();
  if (!first_event_) first_event_ = last_write_;
}

awaitable<> ReplyWriter::end_events() {
  if (phase_ == Phase::done) co_return;
  clear_pieces();
  if (phase_ == Phase::held) {
    put_head(200, "text/event-stream", std::nullopt);
    put(head_);
  }
  phase_ = Phase::done;
  if (terms_.version == Terms::Version::http11) put(last_chunk);
  if (!flush()) co_await written();
}

awaitable<> ReplyWriter::done() {
  begin_pieces();
  put_event("[DONE]");
  end_pieces();
  if (terms_.version == Terms::Version::http11) put(last_chunk);
  phase_ = Phase::done;
  if (!flush()) co_await written();
}

awaitable<> ReplyWriter::finish(Result<void> outcome) {
  if (!outcome) {
    record_.error_code = outcome.error().name();
    if (!begun()) {
      co_await send_error(outcome.error());
      co_return;
    }
    if (phase_ == Phase::streaming) {
      auto const text = openai_error(outcome.error(), log::safe(outcome.error()));
      co_await event(text);
    }
  }
  if (phase_ == Phase::open) {
    // A handler that said nothing at all is a bug; the client gets an answer nevertheless.
    co_await send_error(fail(ErrorCode::internal, "The route gave no answer."));
    co_return;
  }
  co_await end_events();
}

awaitable<> ReplyWriter::send_error(Error const& error) {
  phase_ = Phase::open;
  if (error.retry_after()) header("retry-after", std::to_string(error.retry_after()->count()));
  // OpenAI's SDKs ask this header before they repeat a request by themselves.
  header("x-should-retry", error.retryable() ? "true" : "false");
  if (error.code() == ErrorCode::invalid_api_key) header("www-authenticate", "Bearer");
  auto body = openai_error(error, log::safe(error));
  co_await send(error.http_status(), "application/json", std::move(body));
}

// ---- bytes ----

void ReplyWriter::clear_pieces() {
  pieces_.clear();
  first_ = 0;
  if (unsent_.empty()) return;
  left_over_.swap(unsent_);
  unsent_.clear();
  put(left_over_);
}

void ReplyWriter::put(std::string_view piece) {
  if (piece.empty()) return;
  pieces_.emplace_back(piece.data(), piece.size());
  bytes_ += piece.size();
}

void ReplyWriter::put_event(std::string_view data) {
  put(event_begin);
  put(data);
  put(event_end);
}

// Leaves room for the head, if it has not been sent, and for the chunk's size.
void ReplyWriter::begin_pieces() {
  constexpr std::size_t usual_pieces = 6;
  pieces_.reserve(usual_pieces);
  clear_pieces();
  if (phase_ == Phase::held) {
    put_head(200, "text/event-stream", std::nullopt);
    put(head_);
    phase_ = Phase::streaming;
  } else if (!head_.empty()) {
    std::string().swap(head_);  // it is out; a long stream need not hold it
  }
  if (terms_.version == Terms::Version::http11) {
    size_at_ = pieces_.size();
    pieces_.emplace_back();
  }
  bytes_ = 0;
}

void ReplyWriter::end_pieces() {
  if (terms_.version != Terms::Version::http11) return;
  auto* end = std::to_chars(chunk_size_.data(), chunk_size_.data() + 16, bytes_, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  pieces_[size_at_] =
      asio::const_buffer(chunk_size_.data(), static_cast<std::size_t>(end - chunk_size_.data()));
  put(line_end);
}

// Sends until the socket takes no more; false: pieces are left, the client has to read first.
bool ReplyWriter::send_now() {
  last_write_ = TimePoint::clock::now();
  while (first_ < pieces_.size()) {
    boost::system::error_code problem;
    std::span<asio::const_buffer const> const rest(pieces_.data() + first_,
                                                   pieces_.size() - first_);
    auto sent = socket_.write_some(rest, problem);
    if (problem == asio::error::would_block || problem == asio::error::try_again) return false;
    if (problem) client_left();
    while (first_ < pieces_.size() && sent >= pieces_[first_].size()) {
      sent -= pieces_[first_].size();
      ++first_;
    }
    if (sent > 0) pieces_[first_] += sent;
  }
  return true;
}

// Nearly always all of it fits, and no coroutine is needed for that; false: written() has to wait
// for the client.
bool ReplyWriter::flush() {
  waiting_ = true;
  if (!send_now()) return false;
  waiting_ = false;
  return true;
}

awaitable<> ReplyWriter::written() {
  do {
    boost::system::error_code problem;
    auto token = asio::redirect_error(use_awaitable, problem);
    co_await socket_.async_wait(TcpSocket::wait_write, token);
    if (problem) client_left();
  } while (!send_now());
  waiting_ = false;
}

bool ReplyWriter::say_alive() {
  if (!streaming() || waiting_) return false;
  begin_pieces();
  put(alive);
  end_pieces();
  try {
    if (send_now()) return true;
  } catch (boost::system::system_error const&) {
    return false;  // the reading half hears of it as well
  }
  // A client that has not read for so long that these few bytes do not fit. They must not be cut:
  // they go first when the client reads again.
  for (; first_ < pieces_.size(); ++first_)
    unsent_.append(static_cast<char const*>(pieces_[first_].data()), pieces_[first_].size());
  return false;
}

}  // namespace jumpseat
