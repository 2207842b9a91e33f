// Both ways to a streamed answer: JSON-RPC frames through the pipes of a child, and HTTP/1.1
// straight to the simulator. Made for measuring, so they understand exactly what these two speak
// and end the client at anything else. Times are taken right after the read that brought the bytes.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/child.h"

namespace bench {

inline void write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    auto const count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) die("the other end does not take the request");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

// The digits at the start of `text`.
inline std::optional<std::int64_t> digits(std::string_view text) {
  std::int64_t value = 0;
  auto const end = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end.ec != std::errc() || end.ptr == text.data()) return std::nullopt;
  return value;
}

inline std::optional<std::int64_t> digits_after(std::string_view text, std::string_view name) {
  auto const at = text.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  return digits(text.substr(at + name.size()));
}

// When the simulator wrote this chunk; nothing when it carries no stamp.
inline std::optional<Nanoseconds> stamp(std::string_view chunk) {
  return digits_after(chunk, "\"content\":\"");
}

// Bytes that came in, handed out in pieces. A view is good until the next fill(). The buffer is
// kept: clearing memory before each read would be seen in the times.
class Inbox {
 public:
  // One read. False at the end of the input.
  bool fill(int file) {
    if (begin_ > 0) {
      std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (bytes_.size() - end_ < one_read) bytes_.resize(2 * bytes_.size());
    ssize_t count = 0;
    do {
      count = ::read(file, bytes_.data() + end_, bytes_.size() - end_);
    } while (count < 0 && errno == EINTR);
    arrived_ = now();
    if (count > 0) end_ += static_cast<std::size_t>(count);
    return count > 0;
  }
  Nanoseconds arrived() const { return arrived_; }
  std::string_view rest() const { return {bytes_.data() + begin_, end_ - begin_}; }
  void take(std::size_t count) { begin_ += count; }

 private:
  static constexpr std::size_t one_read = 65536;
  std::vector<char> bytes_ = std::vector<char>(4 * one_read);
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  Nanoseconds arrived_ = 0;
};

// A JSON-RPC peer at the other end of a child's pipes.
class Rpc {
 public:
  explicit Rpc(Child& child) : child_(child) {}

  void notify(std::string_view method, std::string_view params) {
    send(R"({"jsonrpc":"2.0","method":")" + std::string(method) + R"(","params":)" +
         std::string(params) + "}");
  }
  void request(long id, std::string_view method, std::string_view params) {
    std::string text;
    text.reserve(params.size() + 100);
    text.append(R"({"jsonrpc":"2.0","id":)").append(std::to_string(id));
    text.append(R"(,"method":")").append(method).append(R"(","params":)").append(params);
    send(text.append("}"));
  }

  // The next message, and arrived() when it came.
  std::string_view next() {
    while (true) {
      if (auto const message = whole_message()) return *message;
      if (!inbox_.fill(child_.out())) die("the server ended before it answered");
    }
  }
  Nanoseconds arrived() const { return inbox_.arrived(); }

  // The answer to `id`; what comes before it is dropped. An error is an answer, too.
  std::string_view answer(long id) {
    while (true) {
      auto const message = next();
      if (answered(message) == id) return message;
    }
  }

  // Whose answer this is; nothing for requests and notifications. Looks at the start only: no
  // server here writes "id" behind its result.
  static std::optional<long> answered(std::string_view message) {
    auto const start = message.substr(0, 80);
    if (start.find("\"method\":") != std::string_view::npos) return std::nullopt;
    return digits_after(start, "\"id\":");
  }

  static bool is_error(std::string_view message) {
    return message.substr(0, 80).find("\"error\":") != std::string_view::npos;
  }

 private:
  void send(std::string_view body) {
    auto const head = "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    if (body.size() < 4096) return write_all(child_.in(), head + std::string(body));
    write_all(child_.in(), head);
    write_all(child_.in(), body);
  }

  std::optional<std::string_view> whole_message() {
    auto const bytes = inbox_.rest();
    auto const head = bytes.find("\r\n\r\n");
    if (head == std::string_view::npos) return std::nullopt;
    auto const length = digits_after(bytes.substr(0, head), "Content-Length: ");
    if (!length) die("a frame without Content-Length: " + std::string(bytes.substr(0, 200)));
    auto const size = static_cast<std::size_t>(*length);
    if (bytes.size() < head + 4 + size) return std::nullopt;
    inbox_.take(head + 4 + size);
    return bytes.substr(head + 4, size);
  }

  Child& child_;
  Inbox inbox_;
};

// As many files as the machine allows: a connection is one.
inline void allow_many_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// One kept-alive connection to the simulator, or to a proxy in front of it.
class Http {
 public:
  explicit Http(std::uint16_t port) {
    file_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int const on = 1;
    ::setsockopt(file_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(file_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      die("cannot reach the simulator");
    }
  }
  Http(Http const&) = delete;
  Http& operator=(Http const&) = delete;
  ~Http() {
    if (file_ >= 0) ::close(file_);
  }

  int file() const { return file_; }

  // The kernel keeps no more than about that many bytes for us.
  void receive_at_most(int bytes) {
    ::setsockopt(file_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  // Reads up to `most` bytes and looks at none of them.
  void swallow(std::size_t most) {
    std::vector<char> bytes(most);
    if (::recv(file_, bytes.data(), bytes.size(), MSG_DONTWAIT) == 0)
      die("the connection of a slow reader was closed");
  }
  // Closes at once, as a client that is gone.
  void leave() {
    ::close(file_);
    file_ = -1;
  }

  // `head` ends before Content-Length.
  void post(std::string_view head, std::string_view body) {
    std::string start(head);
    start.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n");
    if (body.size() < 4096) {
      write_all(file_, start.append(body));
    } else {
      write_all(file_, start);
      write_all(file_, body);
    }
    state_ = State::head;
    whole_ = false;
    text_.clear();
  }

  // Reads once and hands every event that is whole now to `on_event`. True when the answer is over.
  template <class OnEvent>
  bool read(OnEvent on_event) {
    if (!inbox_.fill(file_)) die("the simulator closed the connection");
    while (step()) {
    }
    if (whole_) return state_ == State::over;
    std::size_t start = 0;
    for (auto end = text_.find("\n\n"); end != std::string::npos; end = text_.find("\n\n", start)) {
      on_event(std::string_view(text_).substr(start, end - start));
      start = end + 2;
    }
    text_.erase(0, start);
    return state_ == State::over;
  }
  Nanoseconds arrived() const { return inbox_.arrived(); }
  // The answer is not a stream.
  bool whole() const { return whole_; }

 private:
  enum class State { head, size, data, data_end, trailer, over };

  // One part of the chunked coding (RFC 9112, 7.1); false when more bytes are needed.
  bool step() {
    auto const bytes = inbox_.rest();
    if (state_ == State::over || bytes.empty()) return false;
    if (state_ == State::data) {
      auto const count = std::min(left_, bytes.size());
      if (!whole_) text_.append(bytes.substr(0, count));
      inbox_.take(count);
      left_ -= count;
      if (left_ == 0) state_ = whole_ ? State::over : State::data_end;
      return true;
    }
    auto const end = bytes.find(state_ == State::head ? "\r\n\r\n" : "\r\n");
    if (end == std::string_view::npos) return false;
    auto const line = bytes.substr(0, end);
    switch (state_) {
      case State::head:
        if (!line.starts_with("HTTP/1.1 200 ")) die("the simulator says: " + std::string(bytes));
        if (line.find("hunked") == std::string_view::npos) {
          auto length = digits_after(line, "ontent-length: ");
          if (!length) length = digits_after(line, "ontent-Length: ");
          if (!length) die("an answer of unknown length: " + std::string(line));
          whole_ = true;
          left_ = static_cast<std::size_t>(*length);
        }
        inbox_.take(end + 4);
        state_ = !whole_ ? State::size : left_ > 0 ? State::data : State::over;
        return true;
      case State::size:
        left_ = 0;
        std::from_chars(line.data(), line.data() + line.size(), left_, 16);
        state_ = left_ > 0 ? State::data : State::trailer;
        break;
      case State::data_end:
        state_ = State::size;
        break;
      case State::trailer:
        state_ = State::over;
        break;
      case State::data:
      case State::over:
        break;
    }
    inbox_.take(end + 2);
    return true;
  }

  int file_ = -1;
  Inbox inbox_;
  State state_ = State::over;
  bool whole_ = false;
  std::size_t left_ = 0;
  std::string text_;
};

}  // namespace bench
