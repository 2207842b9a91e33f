// HttpClient over TLS and HTTP/2, against Node's servers (support/tls_server.mjs) with certificates
// made by the openssl command. Without either, these tests say so and pass.

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/json.hpp>
#include <stdlib.h>

#include "server/net/http_client.h"
#include "tests/support/http_request.h"
#include "tests/support/run.h"

using namespace jumpseat;
using namespace std::chrono_literals;

extern char** environ;

namespace {

std::filesystem::path tests_folder() {
  return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
}

bool has(std::string const& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// The Node process and its certificates, started once for all tests of this file.
class TlsServer {
 public:
  static TlsServer* get() {
    static TlsServer server;
    return server.process_ > 0 ? &server : nullptr;
  }

  std::string url(std::string_view server, std::string_view path = "/") const {
    return "https://127.0.0.1:" + std::to_string(ports_.at(std::string(server))) +
           std::string(path);
  }
  std::string ca_file() const { return folder_ / "ca.pem"; }
  std::string folder() const { return folder_; }

  // How often Node has reported `event` so far.
  std::ptrdiff_t count(std::string_view event) {
    read_events();
    return std::count(events_.begin(), events_.end(), event);
  }
  std::ptrdiff_t count_prefix(std::string_view prefix) {
    read_events();
    return std::count_if(events_.begin(), events_.end(),
                         [&](std::string const& event) { return event.starts_with(prefix); });
  }
  std::size_t most_sent() {
    read_events();
    std::size_t most = 0;
    for (auto const& event : events_) {
      if (event.starts_with("sent "))
        most = std::max<std::size_t>(most, std::stoul(event.substr(5)));
    }
    return most;
  }
  void forget() {
    read_events();
    events_.clear();
  }

 private:
  TlsServer() {
    std::string pattern = (std::filesystem::temp_directory_path() / "jumpseat-tls-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) return;
    folder_ = pattern;
    pid_t const maker =
        spawn({"sh", (tests_folder() / "simulator/make_certs.sh").string(), pattern}, -1, -1);
    int status = 1;
    if (maker < 0 || ::waitpid(maker, &status, 0) != maker || status != 0) return;
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) return;
    process_ = spawn({"node", (tests_folder() / "support/tls_server.mjs").string(), pattern}, in[0],
                     out[1]);
    ::close(in[0]);
    ::close(out[1]);
    input_ = in[1];
    output_ = out[0];
    while (process_ > 0 && events_.empty()) {
      if (!read_events(true)) process_ = -1;
    }
    if (process_ < 0) return;
    auto const ports = boost::json::parse(events_.front());
    for (auto const& [name, port] : ports.as_object()) {
      ports_[std::string(name)] = static_cast<int>(port.as_int64());
    }
    events_.clear();
  }
  ~TlsServer() {
    if (input_ >= 0) ::close(input_);  // Node ends with it
    if (process_ > 0) ::waitpid(process_, nullptr, 0);
    if (output_ >= 0) ::close(output_);
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }

  static pid_t spawn(std::vector<std::string> words, int in, int out) {
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    if (in >= 0) ::posix_spawn_file_actions_adddup2(&actions, in, 0);
    if (out >= 0) ::posix_spawn_file_actions_adddup2(&actions, out, 1);
    pid_t process = -1;
    int const code =
        ::posix_spawnp(&process, arguments[0], &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    return code == 0 ? process : -1;
  }

  // False at the end of Node's output.
  bool read_events(bool wait = false) {
    std::array<char, 4096> bytes;
    ::fcntl(output_, F_SETFL, wait ? 0 : O_NONBLOCK);
    while (true) {
      auto const count = ::read(output_, bytes.data(), bytes.size());
      if (count == 0) return false;
      if (count < 0) return true;
      unread_.append(bytes.data(), static_cast<std::size_t>(count));
      std::size_t end = 0;
      while ((end = unread_.find('\n')) != std::string::npos) {
        events_.push_back(unread_.substr(0, end));
        unread_.erase(0, end + 1);
      }
      if (wait) return true;
    }
  }

  std::filesystem::path folder_;
  pid_t process_ = -1;
  int input_ = -1;
  int output_ = -1;
  std::map<std::string, int> ports_;
  std::string unread_;
  std::vector<std::string> events_;
};

// The servers and a client that trusts them.
struct TlsWorld {
  explicit TlsWorld(TlsServer& servers) : server(servers), client(io, trusting(servers)) {
    servers.forget();
  }
  static HttpSettings trusting(TlsServer& servers) {
    HttpSettings settings;
    settings.ca_file = servers.ca_file();
    return settings;
  }
  TlsServer& server;
  asio::io_context io{1};
  HttpClient client;

  Result<HttpResponse> get(std::string_view name, std::string_view path = "/") {
    auto request = http_request("GET", server.url(name, path));
    return run(io, client.send(std::move(request)));
  }
  Result<ResponseStream> open(std::string_view path) {
    auto request = http_request("GET", server.url("good", path));
    return run(io, client.open(std::move(request)));
  }
};

}  // namespace

#define REQUIRE_TLS_SERVER(name)                                    \
  TlsServer* const name = TlsServer::get();                         \
  if (name == nullptr) {                                            \
    WARN("skipped: this test needs the commands node and openssl"); \
    return;                                                         \
  }

TEST_CASE("HTTP/2 is spoken where TLS offers it, on one connection") {
  REQUIRE_TLS_SERVER(server);
  TlsWorld world(*server);
  for (int i = 0; i < 5; ++i) {
    auto reply = world.get("good", "/hello");
    REQUIRE(reply);
    CHECK(reply->status == 200);
    CHECK(reply->body == "/hello");
    CHECK(reply->headers.get("x-protocol") == "h2");
  }
  CHECK(world.client.connections_opened() == 1);
  CHECK(server->count("session") == 1);
}

TEST_CASE("100 streams share one connection, the first request included") {
  REQUIRE_TLS_SERVER(server);
  TlsWorld world(*server);
  int done = 0;
  int right = 0;
  std::string failures;
  auto one = [&](std::string path) -> awaitable<> {
    auto request = http_request("POST", server->url("good", path));
    request.body = "body";
    auto reply = co_await world.client.send(std::move(request));
    ++done;
    if (reply && reply->body == path) {
      ++right;
    } else {
      failures += reply ? "wrong body of " + std::to_string(reply->body.size()) + " bytes"
                        : reply.error().message() + " [" + reply.error().detail() + "]";
    }
  };
  for (int i = 0; i < 100; ++i) {
    asio::co_spawn(world.io, one("/stream/" + std::to_string(i)), [](std::exception_ptr exception) {
      if (exception) std::rethrow_exception(exception);
    });
  }
  run_until(world.io, [&] { return done == 100; });
  INFO(failures);
  CHECK(right == 100);
  CHECK(server->count("session") == 1);
  CHECK(world.client.connections_opened() == 1);
}

TEST_CASE("more streams than a connection may have get further connections, none is refused") {
  REQUIRE_TLS_SERVER(server);
  TlsWorld world(*server);
  REQUIRE(world.get("few", "/first"));  // now the limit is known
  std::vector<ResponseStream> held;
  int failed = 0;
  auto hold = [&]() -> awaitable<> {
    auto request = http_request("GET", server->url("few", "/stall"));
    auto opened = co_await world.client.open(std::move(request));
    if (opened) {
      held.push_back(*std::move(opened));
    } else {
      ++failed;
    }
  };
  for (int i = 0; i < 25; ++i) {
    asio::co_spawn(world.io, hold(), [](std::exception_ptr exception) {
      if (exception) std::rethrow_exception(exception);
    });
  }
  run_until(world.io, [&] { return held.size() + static_cast<std::size_t>(failed) == 25; });
  CHECK(failed == 0);
  CHECK(server->count("session") == 3);
  held.clear();
  REQUIRE(world.get("few", "/after"));
  CHECK(server->count("session") == 3);
}

TEST_CASE("R1: a request on a used connection that vanishes goes out once more, on a new one") {
  REQUIRE_TLS_SERVER(server);
  TlsWorld world(*server);
  REQUIRE(world.get("good", "/first"));
  auto twice = world.get("good", "/vanish?used");
  REQUIRE_FALSE(twice);
  CHECK(twice.error().code() == ErrorCode::upstream_reset);
  CHECK(server->count("request /vanish?used") == 2);
  CHECK(server->count("session") == 2);
  // The peer has no excuse on a connection that is new.
  auto once = world.get("good", "/vanish?new");
  REQUIRE_FALSE(once);
  CHECK(server->count("request /vanish?new") == 1);
  REQUIRE(world.get("good", "/after"));
}

TEST_CASE("a large body goes up and comes back over HTTP/2") {
  REQUIRE_TLS_SERVER(server);
  TlsWorld world(*server);
  std::string body;
  for (int i = 0; body.size() < (3u << 20); ++i) body += std::to_string(i) + ",";
  auto request = http_request("POST", server->url("good", "/echo"));
  request.body = body;
  auto reply = run(world.io, world.client.send(std::move(request)));
  REQUIRE(reply);
  CHECK(reply->body.size() == body.size());
  CHECK(reply->body == body);
}

TEST_CASE("C1: cancelling resets the HTTP/2 stream and keeps a connection that others use") {
  REQUIRE_TLS_SERVER(server);
  TlsWorld world(*server);
  auto other = world.open("/stall");
  REQUIRE(other);
  auto const start = std::chrono::steady_clock::now();
  std::string path = "/stall";
  SECTION("while the body streams") {
    auto stalled = world.open("/stall");
    REQUIRE(stalled);
    REQUIRE(run(world.io, stalled->next()));
  }
  SECTION("before the headers") {
    path = "/silent";
    asio::cancellation_signal signal;
    bool done = false;
    auto request = http_request("GET", server->url("good", "/silent"));
    asio::co_spawn(
        world.io, world.client.send(std::move(request)),
        asio::bind_cancellation_slot(
            signal.slot(), [&](std::exception_ptr, Result<HttpResponse>) { done = true; }));
    run_until(world.io, [&] { return server->count("request /silent") == 1; });
    signal.emit(asio::cancellation_type::terminal);
    run_until(world.io, [&] { return done; });
  }
  run_until(world.io, [&] { return server->count_prefix("end " + path) == 1; });
  CHECK(server->count("end " + path + " 0") == 0);  // not a clean end
  CHECK(std::chrono::steady_clock::now() - start < 200ms);
  auto bytes = run(world.io, other->next());
  REQUIRE(bytes);
  CHECK(*bytes == "begun");
  REQUIRE(world.get("good", "/after"));
  CHECK(server->count("session") == 1);
  CHECK(world.client.connections_opened() == 1);
}

TEST_CASE(
    "C1: cancelling the only HTTP/2 stream reaches the server at once, and nothing else does") {
  REQUIRE_TLS_SERVER(server);
  TlsWorld world(*server);
  {
    auto stalled = world.open("/stall?only");
    REQUIRE(stalled);
  }
  run_until(world.io, [&] { return server->count_prefix("end /stall?only") == 1; });
  CHECK(server->count("end /stall?only 0") == 0);  // not a clean end
  REQUIRE(world.get("good", "/after"));
  CHECK(server->count("session") == 1);
}

TEST_CASE("R1: a refused HTTP/2 stream is repeated once, then upstream_reset") {
  REQUIRE_TLS_SERVER(server);
  TlsWorld world(*server);
  auto refused = world.get("good", "/refused");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ErrorCode::upstream_reset);
  CHECK(refused.error().unsent());
  CHECK(server->count("request /refused") == 2);
}

TEST_CASE("an HTTP/2 error in the middle is upstream_interrupted") {
  REQUIRE_TLS_SERVER(server);
  TlsWorld world(*server);
  auto stream = world.open("/broken");
  REQUIRE(stream);
  Result<std::string> bytes = std::string();
  do {
    bytes = run(world.io, stream->next());
  } while (bytes && !bytes->empty());
  REQUIRE_FALSE(bytes);
  CHECK(bytes.error().code() == ErrorCode::upstream_interrupted);
  CHECK(has(bytes.error().message(), "INTERNAL_ERROR"));
}

TEST_CASE("an answer that comes before the body has gone is read") {
  REQUIRE_TLS_SERVER(server);
  TlsWorld world(*server);
  for (std::size_t size : {10u, 3u << 20}) {
    auto request = http_request("POST", server->url("good", "/early"));
    request.body = std::string(size, 'x');
    auto reply = run(world.io, world.client.send(std::move(request)));
    REQUIRE(reply);
    CHECK(reply->status == 413);
    CHECK(reply->body == "too large");
  }
  REQUIRE(world.get("good", "/after"));
}

TEST_CASE("U18: too many headers over HTTP/2") {
  REQUIRE_TLS_SERVER(server);
  TlsWorld world(*server);
  auto reply = world.get("good", "/headers");
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::upstream_headers_too_large);
}

TEST_CASE("C2: a slow reader of one HTTP/2 stream does not hold up the others") {
  REQUIRE_TLS_SERVER(server);
  TlsWorld world(*server);
  auto slow = world.open("/endless");
  REQUIRE(slow);
  std::size_t last = 0;
  int still = 0;
  for (int i = 0; i < 200 && still < 3; ++i) {
    auto reply = world.get("good", "/quick");
    REQUIRE(reply);
    auto const sent = server->most_sent();
    still = sent == last ? still + 1 : 0;
    last = sent;
  }
  CHECK(still == 3);
  INFO("an unread HTTP/2 stream holds " << last << " bytes between both ends");
  CHECK(last < (8u << 20));  // a window of 256 KiB, and what Node and the two systems hold
  CHECK(world.client.connections_opened() == 1);
}

TEST_CASE("U23: certificates that do not hold are tls_failed with reason and issuer") {
  REQUIRE_TLS_SERVER(server);
  struct Case {
    std::string server, reason, issuer;
  };
  auto const [name, reason, issuer] = GENERATE(values<Case>({
      {"expired", "certificate has expired", "Jumpseat test authority"},
      {"wrong_name", "no alternative certificate subject name matches", "Jumpseat test authority"},
      {"untrusted", "self-signed certificate", "untrusted"},
  }));
  TlsWorld world(*server);
  auto request = http_request("POST", server->url(name, "/secret"));
  request.authorization = Secret("Bearer canary");
  request.body = "x";
  auto reply = run(world.io, world.client.send(std::move(request)));
  REQUIRE_FALSE(reply);
  INFO(reply.error().message());
  CHECK(reply.error().code() == ErrorCode::tls_failed);
  CHECK(reply.error().unsent());
  CHECK(has(reply.error().message(), "No secure connection to 127.0.0.1: "));
  CHECK(has(reply.error().message(), reason));
  CHECK(has(reply.error().message(), issuer));
  CHECK_FALSE(has(reply.error().message(), "canary"));
  CHECK_FALSE(has(reply.error().message(), "/secret"));
  CHECK(server->count_prefix("request") == 0);
}

TEST_CASE("U23: an authority that is not known is tls_failed and named") {
  REQUIRE_TLS_SERVER(server);
  server->forget();
  asio::io_context io(1);
  HttpClient client(io, HttpSettings());  // the system's trust alone
  auto reply = run(io, client.send(http_request("GET", server->url("good"))));
  REQUIRE_FALSE(reply);
  INFO(reply.error().message());
  CHECK(reply.error().code() == ErrorCode::tls_failed);
  CHECK(has(reply.error().message(), "unable to get local issuer certificate"));
  CHECK(has(reply.error().message(), "Jumpseat test authority"));
  CHECK(server->count_prefix("request") == 0);
}

TEST_CASE("a directory of hashed certificates is trusted, too") {
  REQUIRE_TLS_SERVER(server);
  auto const directory = std::filesystem::path(server->folder()) / "hashed";
  std::filesystem::create_directories(directory);
  std::filesystem::copy_file(server->ca_file(), directory / "ca.pem",
                             std::filesystem::copy_options::overwrite_existing);
  REQUIRE(std::system(("openssl rehash " + directory.string() + " 2>/dev/null").c_str()) == 0);
  asio::io_context io(1);
  HttpSettings settings;
  settings.ca_path = directory;
  HttpClient client(io, std::move(settings));
  auto reply = run(io, client.send(http_request("GET", server->url("good", "/hi"))));
  REQUIRE(reply);
  CHECK(reply->body == "/hi");
}

TEST_CASE("a file of authorities that is not there") {
  REQUIRE_TLS_SERVER(server);
  asio::io_context io(1);
  HttpSettings settings;
  settings.ca_file = server->folder() + "/missing.pem";
  HttpClient client(io, std::move(settings));
  auto reply = run(io, client.send(http_request("GET", server->url("good"))));
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::tls_failed);
  CHECK(has(reply.error().message(), "missing.pem"));
}

TEST_CASE("U23: a protocol that is too old, a peer that hangs or hangs up in the handshake") {
  REQUIRE_TLS_SERVER(server);
  auto const name = GENERATE("old", "mute", "hang_up");
  TlsWorld world(*server);
  auto request = http_request("GET", server->url(name));
  if (name == std::string("mute")) request.timeouts.connect = 80ms;
  auto reply = run(world.io, world.client.send(std::move(request)));
  REQUIRE_FALSE(reply);
  INFO(reply.error().message());
  CHECK(reply.error().code() == ErrorCode::tls_failed);
  CHECK(reply.error().unsent());
  if (name == std::string("old")) CHECK(has(reply.error().message(), "protocol version"));
  if (name == std::string("mute"))
    CHECK(has(reply.error().message(), "handshake did not end within 80 ms"));
}

TEST_CASE("HTTP/1.1 over TLS keeps its connection") {
  REQUIRE_TLS_SERVER(server);
  TlsWorld world(*server);
  for (int i = 0; i < 5; ++i) {
    auto reply = world.get("http1", "/hi");
    REQUIRE(reply);
    CHECK(reply->body == "/hi");
  }
  CHECK(world.client.connections_opened() == 1);
}

TEST_CASE("U20: bytes beyond the reply are never read as the next one over TLS either") {
  REQUIRE_TLS_SERVER(server);
  TlsWorld world(*server);
  for (int i = 1; i <= 3; ++i) {
    auto reply = world.get("http1_extra");
    REQUIRE(reply);
    CHECK(reply->body == "hi");
    run_until(world.io, [&] { return server->count("extra gone") == i; });
  }
}
