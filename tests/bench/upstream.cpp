// A Copilot that costs next to nothing: the simulator is strict and slow, and behind a slow
// upstream every proxy looks alike. One thread, epoll, HTTP/1.1 with keep-alive on loopback.
//
//   upstream DIRECTORY       prints its port; ends with its standard input
//
// GET /a/b is answered with the file DIRECTORY/a_b (JSON). POST is a chat: with "stream":true a
// stream, otherwise one JSON reply, as the prompt asks for it: "bench CHUNKS EVERY_US BYTES TAG "
// are the chunks of the stream, the time between two of them (0: none), and the bytes of the text
// of a chunk or of the whole reply. When a timed stream with a TAG (a number above 0) is broken
// off, a line "TAG NS" with the moment is appended to DIRECTORY/broken_off. Chunks carry the
// monotonic clock in ns, like those of the simulator's scenario `bench`. Requests are trusted:
// nothing is checked.

#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <map>
#include <memory>
#include <queue>
#include <string>
#include <string_view>

#include "tests/bench/wire.h"

namespace bench {
namespace {

struct Order {
  long chunks = 1;
  Nanoseconds every = 0;
  std::size_t bytes = 0;
  long tag = 0;
  bool streamed = false;
};

Order order_of(std::string_view body) {
  Order order;
  order.streamed = body.find("\"stream\":true") != std::string_view::npos;
  auto const at = body.find("bench ");
  if (at == std::string_view::npos) return order;
  auto rest = body.substr(at + 6, 60);
  auto const next = [&]() -> long {
    auto const value = digits(rest).value_or(0);
    auto const space = rest.find(' ');
    rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
    return static_cast<long>(value);
  };
  order.chunks = next();
  order.every = next() * 1000;
  order.bytes = static_cast<std::size_t>(next());
  order.tag = next();
  return order;
}

constexpr std::string_view common =
    R"("created":1790000001,"id":"chatcmpl-bench","model":"gpt-4.1-2025-04-14")";

std::string chunked(std::string_view text) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + std::string(text) + "\r\n";
}

std::string event(std::string_view choice) {
  return chunked("data: {\"choices\":[" + std::string(choice) + "]," + std::string(common) +
                 "}\n\n");
}

std::string stamped_event(std::size_t bytes) {
  auto text = std::to_string(now()) + " ";
  if (text.size() < bytes) text.resize(bytes, 'x');
  return event(R"({"index":0,"delta":{"content":")" + text + R"("}})");
}

std::string whole_reply(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string completion(std::size_t bytes) {
  return whole_reply(
      R"({"object":"chat.completion","choices":[{"index":0,"finish_reason":"stop",)"
      R"("message":{"role":"assistant","content":")" +
      std::string(bytes, 'x') +
      R"("}}],"usage":{"prompt_tokens":9,"completion_tokens":9,"total_tokens":18},)" +
      std::string(common) + "}");
}

std::string const stream_head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" +
    event(R"({"index":0,"delta":{"role":"assistant","content":""}})");
std::string const stream_end =
    event(R"({"index":0,"finish_reason":"stop","delta":{"content":null}})") +
    chunked("data: [DONE]\n\n") + "0\r\n\r\n";

struct Client {
  int file = -1;
  std::string in;
  std::string out;  // what the socket did not take yet
  long left = 0;    // chunks of a timed stream
  Order order;
  bool gone = false;
};

class Upstream {
 public:
  explicit Upstream(std::string directory) : directory_(std::move(directory)) {
    allow_many_files();
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 4096) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      die("the upstream has no port");
    }
    events_ = ::epoll_create1(EPOLL_CLOEXEC);
    watch(listener_, EPOLLIN);
    watch(STDIN_FILENO, EPOLLIN);
    std::printf("%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
  }

  void run() {
    epoll_event ready[256];
    while (true) {
      int wait_ms = -1;
      if (!due_.empty()) {
        auto const left = due_.top().first - now();
        // The last millisecond is waited for by looking: epoll is no clock for less.
        wait_ms = left > 1'000'000 ? static_cast<int>(left / 1'000'000) : 0;
      }
      int const count = ::epoll_wait(events_, ready, 256, wait_ms);
      for (int i = 0; i < count; ++i) {
        if (ready[i].data.fd == STDIN_FILENO) return;
        if (ready[i].data.fd == listener_) {
          accept_all();
        } else {
          serve(ready[i].data.fd, ready[i].events);
        }
      }
      write_due();
    }
  }

 private:
  using Due = std::pair<Nanoseconds, std::shared_ptr<Client>>;
  struct Later {
    bool operator()(Due const& a, Due const& b) const { return a.first > b.first; }
  };

  void watch(int file, std::uint32_t what, int how = EPOLL_CTL_ADD) {
    epoll_event one{};
    one.events = what;
    one.data.fd = file;
    ::epoll_ctl(events_, how, file, &one);
  }

  void accept_all() {
    while (true) {
      int const file = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (file < 0) return;
      int const on = 1;
      ::setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      auto client = std::make_shared<Client>();
      client->file = file;
      clients_[file] = std::move(client);
      watch(file, EPOLLIN);
    }
  }

  void serve(int file, std::uint32_t what) {
    auto const found = clients_.find(file);
    if (found == clients_.end()) return;
    auto const client = found->second;
    if ((what & EPOLLOUT) != 0) send(client, {});
    if ((what & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
    while (!client->gone) {
      auto const count = ::read(file, block_.data(), block_.size());
      if (count < 0 && errno == EAGAIN) break;
      if (count <= 0) return drop(client);
      client->in.append(block_.data(), static_cast<std::size_t>(count));
      if (static_cast<std::size_t>(count) < block_.size()) break;
    }
    answer_all(client);
  }

  void drop(std::shared_ptr<Client> const& client) {
    if (client->left > 0) note_end(*client, now());
    client->gone = true;
    clients_.erase(client->file);
    ::close(client->file);
  }

  void note_end(Client const& client, Nanoseconds moment) {
    if (client.order.tag == 0) return;
    std::ofstream(directory_ + "/broken_off", std::ios::app)
        << client.order.tag << ' ' << moment << '\n';
  }

  void answer_all(std::shared_ptr<Client> const& client) {
    while (!client->gone) {
      auto const head = client->in.find("\r\n\r\n");
      if (head == std::string::npos) return;
      auto const lines = std::string_view(client->in).substr(0, head);
      std::size_t length = 0;
      for (auto const name : {"\r\nContent-Length: ", "\r\ncontent-length: "}) {
        if (auto const value = digits_after(lines, name)) length = static_cast<std::size_t>(*value);
      }
      if (client->in.size() < head + 4 + length) return;
      if (lines.starts_with("GET ")) {
        auto path = std::string(lines.substr(5, lines.find(' ', 5) - 5));
        std::replace(path.begin(), path.end(), '/', '_');
        std::ifstream file(directory_ + "/" + path.substr(0, path.find('?')));
        std::string const body{std::istreambuf_iterator<char>(file), {}};
        send(client, whole_reply(body));
      } else {
        chat(client, order_of(std::string_view(client->in).substr(head + 4, length)));
      }
      client->in.erase(0, head + 4 + length);
    }
  }

  void chat(std::shared_ptr<Client> const& client, Order const& order) {
    if (!order.streamed) return send(client, completion(order.bytes));
    send(client, stream_head);
    if (order.every > 0) {
      client->order = order;
      client->left = order.chunks;
      due_.emplace(now() + order.every, client);
      return;
    }
    for (long i = 0; i < order.chunks && !client->gone; ++i)
      send(client, stamped_event(order.bytes));
    send(client, stream_end);
  }

  void write_due() {
    while (!due_.empty() && due_.top().first <= now()) {
      auto const [moment, client] = due_.top();
      due_.pop();
      if (client->gone) continue;
      send(client, stamped_event(client->order.bytes));
      if (--client->left > 0) {
        due_.emplace(moment + client->order.every, client);
      } else {
        note_end(*client, 0);
        send(client, stream_end);
      }
    }
  }

  void send(std::shared_ptr<Client> const& client, std::string_view bytes) {
    if (client->gone) return;
    bool const waiting = !client->out.empty();
    if (!waiting) {
      auto const count = ::send(client->file, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0 && errno != EAGAIN) return drop(client);
      if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
      if (bytes.empty()) return;
      client->out = bytes;
      return watch(client->file, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    }
    client->out += bytes;
    auto const count = ::send(client->file, client->out.data(), client->out.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) return drop(client);
    if (count > 0) client->out.erase(0, static_cast<std::size_t>(count));
    if (client->out.empty()) watch(client->file, EPOLLIN, EPOLL_CTL_MOD);
  }

  std::string directory_;
  int listener_ = -1;
  int events_ = -1;
  std::map<int, std::shared_ptr<Client>> clients_;
  std::priority_queue<Due, std::vector<Due>, Later> due_;
  std::vector<char> block_ = std::vector<char>(1 << 20);
};

}  // namespace
}  // namespace bench

int main(int count, char** words) {
  if (count != 2) bench::die("upstream DIRECTORY");
  bench::Upstream(words[1]).run();
}
