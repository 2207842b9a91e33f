// HttpClient against a server that does what a script says: one test per fault row of the quality
// table, over plain HTTP. TLS and HTTP/2 are in http_client_tls_test.cpp.

#include "server/net/http_client.h"

#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <iterator>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <catch2/catch.hpp>

#include "tests/support/http_request.h"
#include "tests/support/run.h"
#include "tests/support/scripted_server.h"

using namespace jumpseat;
using namespace std::chrono_literals;

namespace {

// Name look-ups that hang until the test lets them go. curl makes them on a thread of its own.
class Lookups {
 public:
  static Lookups& get() {
    static Lookups lookups;
    return lookups;
  }
  void hold() {
    std::lock_guard const lock(mutex_);
    free_ = false;
  }
  void hang() {
    std::unique_lock lock(mutex_);
    released_.wait_for(lock, 10s, [this] { return free_; });
  }
  void release() {
    std::lock_guard const lock(mutex_);
    free_ = true;
    released_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable released_;
  bool free_ = false;
};

}  // namespace

// Stands before the C library's own, for one name.
extern "C" int getaddrinfo(char const* name, char const* service, addrinfo const* hints,
                           addrinfo** result) {
  if (name != nullptr && std::string_view(name) == "hanging-lookup.test") {
    Lookups::get().hang();
    return EAI_AGAIN;
  }
  static auto const real =
      reinterpret_cast<decltype(&getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  return real(name, service, hints, result);
}

namespace {

constexpr std::string_view ok_hi = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

// A loop with a client on it. The client goes first, as it does in the program.
struct World {
  explicit World(HttpSettings settings = {}) : client(io, std::move(settings)) {}
  asio::io_context io{1};
  HttpClient client;

  Result<HttpResponse> send(HttpRequest request) {
    return run(io, client.send(std::move(request)));
  }
  Result<ResponseStream> open(HttpRequest request) {
    return run(io, client.open(std::move(request)));
  }
  Result<HttpResponse> get(std::string url) { return send(http_request("GET", url)); }
};

// Answers every request on every connection with the same bytes.
ScriptedServer::Script always(std::string reply) {
  return [reply = std::move(reply)](ScriptedConnection& connection) {
    while (!connection.read_request().empty() && connection.write(reply)) {
    }
  };
}

// Answers the first request with `reply`, then closes.
ScriptedServer::Script once(std::string reply) {
  return [reply = std::move(reply)](ScriptedConnection& connection) {
    connection.read_request();
    connection.write(reply);
  };
}

bool has(std::string const& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a reply arrives with status, headers and body") {
  ScriptedServer server(
      once("HTTP/1.1 201 Created\r\nX-Request-ID: abc\r\nContent-Type:  text/plain \r\n"
           "Set-Cookie: a=b\r\nset-cookie: c=d\r\nContent-Length: 5\r\n\r\nhello"));
  World world;
  auto request = http_request("POST", server.url("/chat/completions?x=1"));
  request.headers.add("content-type", "application/json");
  request.headers.add("X-Empty", "");
  request.authorization = Secret("Bearer t0ken");
  request.body = "{\"a\":1}";
  auto reply = world.send(std::move(request));
  REQUIRE(reply);
  CHECK(reply->status == 201);
  CHECK(reply->body == "hello");
  CHECK(reply->headers.get("x-request-id") == "abc");
  CHECK(reply->headers.get("content-type") == "text/plain");
  CHECK(reply->headers.get("set-cookie") == "a=b");
  CHECK(reply->headers.get("missing").empty());
  CHECK(reply->headers.fields.size() == 5);

  auto const seen = server.requests().at(0);
  CHECK(seen.starts_with("POST /chat/completions?x=1 HTTP/1.1\r\n"));
  CHECK(has(seen, "\r\ncontent-type: application/json\r\n"));
  CHECK(has(seen, "\r\nX-Empty:\r\n"));
  CHECK(has(seen, "\r\nAuthorization: Bearer t0ken\r\n"));
  CHECK(has(seen, "\r\nContent-Length: 7\r\n"));
  CHECK(seen.ends_with("\r\n\r\n{\"a\":1}"));
  CHECK_FALSE(has(seen, "Expect"));
  CHECK_FALSE(has(seen, "Accept-Encoding"));
  CHECK_FALSE(has(seen, "Cookie"));
  CHECK_FALSE(has(seen, "User-Agent"));
}

TEST_CASE("methods and bodies go out as asked, in any order, on one connection") {
  ScriptedServer server([](ScriptedConnection& connection) {
    while (true) {
      auto const request = connection.read_request();
      if (request.empty()) return;
      connection.write(request.starts_with("HEAD") ? "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
                                                   : ok_hi);
    }
  });
  World world;
  std::string const large(300'000, 'x');
  struct Case {
    std::string method, body;
  };
  std::vector<Case> const cases{{"GET", ""},     {"POST", "one"}, {"GET", ""},    {"HEAD", ""},
                                {"POST", ""},    {"PUT", "two"},  {"DELETE", ""}, {"GET", ""},
                                {"POST", large}, {"PATCH", "z"},  {"GET", ""}};
  for (auto const& [method, body] : cases) {
    auto request = http_request(method, server.url("/" + method));
    request.body = body;
    auto reply = world.send(std::move(request));
    REQUIRE(reply);
    CHECK(reply->status == 200);
    CHECK(reply->body == (method == "HEAD" ? "" : "hi"));
  }
  auto const seen = server.requests();
  REQUIRE(seen.size() == cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    CAPTURE(i);
    CHECK(seen[i].starts_with(cases[i].method + " /" + cases[i].method + " HTTP/1.1\r\n"));
    CHECK(seen[i].substr(seen[i].find("\r\n\r\n") + 4) == cases[i].body);
    CHECK_FALSE(has(seen[i], "urlencoded"));
  }
  CHECK(server.connections() == 1);
  CHECK(world.client.connections_opened() == 1);
}

TEST_CASE("a connection is used again and again") {
  ScriptedServer server(always(std::string(ok_hi)));
  World world;
  for (int i = 0; i < 50; ++i) {
    auto reply = world.get(server.url());
    REQUIRE(reply);
    REQUIRE(reply->body == "hi");
  }
  CHECK(server.connections() == 1);
  CHECK(world.client.connections_opened() == 1);
  CHECK(server.requests().size() == 50);
}

TEST_CASE("a connection that was closed while idle is replaced without an error") {
  ScriptedServer server(once(std::string(ok_hi)));
  World world;
  for (int i = 0; i < 3; ++i) {
    auto reply = world.get(server.url());
    REQUIRE(reply);
    REQUIRE(reply->body == "hi");
  }
  CHECK(server.connections() == 3);
}

TEST_CASE("bodies arrive whole however they are cut") {
  std::string const chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n5\r\nhello\r\n7;ext=1\r\n, "
      "world\r\n"
      "0\r\nX-Trailer: t\r\n\r\n";
  for (std::size_t size : {1u, 2u, 3u, 7u, 1000u}) {
    ScriptedServer server([&](ScriptedConnection& connection) {
      while (!connection.read_request().empty()) connection.write_in_pieces(chunked, size);
    });
    World world;
    for (int i = 0; i < 2; ++i) {
      auto reply = world.get(server.url());
      REQUIRE(reply);
      CHECK(reply->body == "hello, world");
      CHECK(reply->headers.get("x-a") == "1");
      CHECK(reply->headers.get("x-trailer").empty());
    }
    CHECK(server.connections() == 1);
  }
}

TEST_CASE("an informational reply is not the reply") {
  ScriptedServer server(
      once("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" +
           std::string(ok_hi)));
  World world;
  auto reply = world.get(server.url());
  REQUIRE(reply);
  CHECK(reply->status == 200);
  CHECK(reply->headers.fields.size() == 1);
}

TEST_CASE("the stream gives bytes as they come and an empty string at the end") {
  ScriptedServer server([](ScriptedConnection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
    for (auto part : {"ab", "cd", "ef"}) {
      connection.wait_for_test();
      connection.write(part);
    }
    connection.wait_for_close();
  });
  World world;
  auto stream = world.open(http_request("GET", server.url()));
  REQUIRE(stream);
  CHECK(stream->status() == 200);
  CHECK(stream->headers().get("content-length") == "6");
  for (auto part : {"ab", "cd", "ef"}) {
    server.go_on();
    auto bytes = run(world.io, stream->next());
    REQUIRE(bytes);
    CHECK(*bytes == part);
  }
  for (int i = 0; i < 2; ++i) {
    auto end = run(world.io, stream->next());
    REQUIRE(end);
    CHECK(end->empty());
  }
}

TEST_CASE("U1: connection refused names the host and was not sent") {
  World world;
  auto reply = world.get("http://127.0.0.1:" + std::to_string(unused_port()) + "/secret?query=1");
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::upstream_unreachable);
  CHECK(reply.error().unsent());
  CHECK(reply.error().message() ==
        "Could not connect to 127.0.0.1: connection refused. Check the network connection, the "
        "firewall "
        "and the proxy setting.");
}

TEST_CASE("U22: an unknown host is dns_failed and was not sent") {
  World world;
  auto reply = world.get("http://no-such-host.invalid/secret");
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::dns_failed);
  CHECK(reply.error().unsent());
  CHECK(has(reply.error().message(), "no-such-host.invalid"));
  CHECK_FALSE(has(reply.error().message(), "secret"));
}

TEST_CASE("U22: a name look-up that hangs is bounded, and cancelling it does not stop the loop") {
  bool const own_limit = GENERATE(true, false);  // or that of the whole way there
  Lookups::get().hold();
  World world;
  auto request = http_request("GET", "http://hanging-lookup.test/");
  (own_limit ? request.timeouts.lookup : request.timeouts.connect) = 60ms;
  auto const start = std::chrono::steady_clock::now();
  auto reply = world.send(std::move(request));
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::dns_failed);
  CHECK(reply.error().unsent());
  CHECK(has(reply.error().message(), "no answer within 60 ms"));
  world.client.close();
  CHECK(std::chrono::steady_clock::now() - start < 3s);
  Lookups::get().release();
}

TEST_CASE(
    "U2: a reset or a close before the headers is upstream_reset, and may have been carried out") {
  bool const reset = GENERATE(true, false);
  std::string const begun = GENERATE("", "HTTP/1.1 200 OK\r\nX-A: b\r\n");
  ScriptedServer server([=](ScriptedConnection& connection) {
    connection.read_request();
    connection.write(begun);
    if (reset) connection.reset();
  });
  World world;
  auto request = http_request("POST", server.url());
  request.body = "b0dy";
  auto reply = world.send(std::move(request));
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::upstream_reset);
  CHECK_FALSE(reply.error().unsent());
  CHECK(has(reply.error().message(), "127.0.0.1 did not answer"));
  CHECK_FALSE(has(reply.error().message(), "b0dy"));
  CHECK(server.connections() == 1);
}

TEST_CASE("U4: no first byte in time, whatever the limit for headers that have begun") {
  // The second does not leave together with its head.
  std::size_t const size = GENERATE(as<std::size_t>(), 1, 300'000);
  ScriptedServer server([](ScriptedConnection& connection) {
    connection.read_request();
    connection.wait_for_close();
  });
  World world;
  auto request = http_request("POST", server.url());
  request.body = std::string(size, 'x');
  request.timeouts.first_byte = 60ms;
  request.timeouts.headers = 30ms;
  auto reply = world.send(std::move(request));
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::first_byte_timeout);
  CHECK(reply.error().message() == "127.0.0.1 did not begin to answer within 60 ms. Try again.");
  CHECK_FALSE(reply.error().unsent());
  run_until(world.io, [&] { return server.closed_by_peer() == 1; });
}

TEST_CASE("U5: a stream that stops is idle_timeout, and its connection is dropped") {
  ScriptedServer server([](ScriptedConnection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
    connection.wait_for_close();
  });
  World world;
  auto request = http_request("GET", server.url());
  request.timeouts.idle = 60ms;
  auto stream = world.open(std::move(request));
  REQUIRE(stream);
  auto bytes = run(world.io, stream->next());
  REQUIRE(bytes);
  CHECK(*bytes == "hello");
  auto end = run(world.io, stream->next());
  REQUIRE_FALSE(end);
  CHECK(end.error().code() == ErrorCode::idle_timeout);
  CHECK(has(end.error().message(), "nothing came for 60 ms"));
  run_until(world.io, [&] { return server.closed_by_peer() == 1; });
}

TEST_CASE("U6: headers that drip are cut off") {
  // The status line never ends in the first case, the headers never end in the second.
  std::string const begun = GENERATE("HT", "HTTP/1.1 200 OK\r\nX-A: b\r\n");
  ScriptedServer server([=](ScriptedConnection& connection) {
    connection.read_request();
    connection.write(begun);
    connection.wait_for_close();
  });
  World world;
  auto request = http_request("GET", server.url());
  request.timeouts.headers = 60ms;
  request.timeouts.first_byte = 9s;
  auto const start = std::chrono::steady_clock::now();
  auto reply = world.send(std::move(request));
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::first_byte_timeout);
  CHECK(has(reply.error().message(), "headers did not end within 60 ms"));
  CHECK(std::chrono::steady_clock::now() - start < 3s);
  run_until(world.io, [&] { return server.closed_by_peer() == 1; });
}

TEST_CASE("U18: too many headers") {
  std::string reply = "HTTP/1.1 200 OK\r\n";
  SECTION("one of 1 MB") { reply += "X-Large: " + std::string(1 << 20, 'x') + "\r\n"; }
  SECTION("one of 70 kB") { reply += "X-Large: " + std::string(70'000, 'x') + "\r\n"; }
  SECTION("10,000 small ones") {
    for (int i = 0; i < 10'000; ++i) reply += "A: b\r\n";
  }
  SECTION("300 small ones") {
    for (int i = 0; i < 300; ++i) reply += "A: b\r\n";
  }
  SECTION("informational replies without end") {
    reply.clear();
    for (int i = 0; i < 10'000; ++i) reply += "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n";
  }
  reply += "\r\n";
  ScriptedServer server([&](ScriptedConnection& connection) {
    connection.read_request();
    connection.write(reply);
    connection.wait_for_close();
  });
  World world;
  auto answer = world.get(server.url());
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == ErrorCode::upstream_headers_too_large);
  CHECK(has(answer.error().message(), "127.0.0.1"));
  CHECK_FALSE(has(answer.error().message(), "xxxx"));
}

TEST_CASE("U18: 256 headers and nearly 64 KiB are fine") {
  std::string reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
  for (int i = 0; i < 255; ++i)
    reply += "X-Header-" + std::to_string(i) + ": " + std::string(230, 'v') + "\r\n";
  ScriptedServer server(once(reply + "\r\n"));
  World world;
  auto answer = world.get(server.url());
  REQUIRE(answer);
  CHECK(answer->headers.fields.size() == 256);
}

TEST_CASE("U19: send() stops at its limit") {
  ScriptedServer server([](ScriptedConnection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    connection.write_endlessly("400\r\n" + std::string(1024, 'x') + "\r\n", 1u << 30);
  });
  World world;
  auto request = http_request("GET", server.url());
  request.max_body = 100'000;
  auto reply = world.send(std::move(request));
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::upstream_body_too_large);
  CHECK(has(reply.error().message(), "100000 bytes"));
  run_until(world.io, [&] { return server.closed_by_peer() == 1; });
  CHECK(server.sent() < (32u << 20));
}

TEST_CASE("C2, U19: a reader that stops makes upstream wait, and nothing is lost") {
  constexpr std::size_t total = 16u << 20;
  std::string const pattern = "0123456789abcdefghijklmnopqrstuvwxyz";
  ScriptedServer server([&](ScriptedConnection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(total) + "\r\n\r\n");
    connection.write_endlessly(pattern, total);
  });
  World world;
  auto request = http_request("GET", server.url());
  request.timeouts.idle = 200ms;  // waiting for our own reader is not idleness
  auto stream = world.open(std::move(request));
  REQUIRE(stream);
  run_until(world.io, [&] { return server.stalls() >= 2; });
  CHECK(server.sent() < 12u << 20);  // the kernel's buffers, mostly

  std::string expected = pattern;  // whatever part of the endless text may come at once
  while (expected.size() < (300u << 10)) expected += expected;
  std::size_t received = 0;
  bool right = true;
  while (true) {
    auto bytes = run(world.io, stream->next());
    REQUIRE(bytes);
    if (bytes->empty()) break;
    REQUIRE(bytes->size() <= 256u << 10);
    auto const part = std::string_view(expected).substr(received % pattern.size(), bytes->size());
    right = right && part == *bytes;
    received += bytes->size();
  }
  CHECK(right);
  CHECK(received == total);
}

TEST_CASE("U20: a body shorter than promised is upstream_interrupted, after what came") {
  std::string const head = GENERATE("Content-Length: 10\r\n\r\nhello",
                                    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  bool const reset = GENERATE(true, false);
  ScriptedServer server([=](ScriptedConnection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\n" + head);
    connection.wait_for_test();
    if (reset) connection.reset();
  });
  World world;
  auto stream = world.open(http_request("GET", server.url()));
  REQUIRE(stream);
  auto bytes = run(world.io, stream->next());
  REQUIRE(bytes);
  CHECK(*bytes == "hello");
  server.go_on();
  auto end = run(world.io, stream->next());
  REQUIRE_FALSE(end);
  CHECK(end.error().code() == ErrorCode::upstream_interrupted);
  CHECK(has(end.error().message(), "The answer from 127.0.0.1 broke off"));
}

TEST_CASE("U20: a broken chunk is upstream_interrupted") {
  ScriptedServer server(
      once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"));
  World world;
  auto reply = world.get(server.url());
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::upstream_interrupted);
}

TEST_CASE("U20: bytes beyond the reply are never read as the next one") {
  std::string const extra = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
  bool const later = GENERATE(false, true);
  ScriptedServer server([=](ScriptedConnection& connection) {
    connection.read_request();
    if (later) {
      connection.write(ok_hi);
      connection.wait_for_test();
      connection.write(extra);
    } else {
      connection.write(std::string(ok_hi) + extra);
    }
    connection.wait_for_close();
  });
  World world;
  for (std::size_t i = 1; i <= 3; ++i) {
    auto reply = world.get(server.url());
    REQUIRE(reply);
    CHECK(reply->body == "hi");
    server.go_on();
    run_until(world.io, [&] { return server.closed_by_peer() == i; });
  }
  CHECK(server.connections() == 3);
}

TEST_CASE("U20: a reply with two lengths is not believed, and ends its connection") {
  ScriptedServer server(
      always("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: "
             "chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"));
  World world;
  for (int i = 0; i < 2; ++i) {
    auto reply = world.get(server.url());
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code() == ErrorCode::upstream_failed);
  }
  CHECK(server.connections() == 2);
}

TEST_CASE("U21: a compressed reply is refused") {
  ScriptedServer server(
      once("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi"));
  World world;
  auto reply = world.get(server.url());
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::unexpected_encoding);
  CHECK(has(reply.error().message(), "127.0.0.1"));
  CHECK(has(reply.error().message(), "gzip"));
}

TEST_CASE("U21: identity is not an encoding") {
  ScriptedServer server(
      once("HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\nContent-Length: 2\r\n\r\nhi"));
  World world;
  auto reply = world.get(server.url());
  REQUIRE(reply);
  CHECK(reply->body == "hi");
}

TEST_CASE("U28: a redirect is not followed; its host alone is named") {
  struct Case {
    std::string location, target;
  };
  auto const [location, target] = GENERATE(values<Case>({
      {"https://user:pw@evil.example:8443/steal?token=1", "evil.example:8443"},
      {"//evil.example/x", "evil.example"},
      {"/login?return=https", "another page of the same host"},
      {"", "another page of the same host"},
  }));
  std::string const status = GENERATE("301", "302", "307", "308");
  ScriptedServer elsewhere(always(std::string(ok_hi)));
  ScriptedServer server(once("HTTP/1.1 " + status + " Moved\r\nLocation: " + location +
                             "\r\nContent-Length: 0\r\n\r\n"));
  World world;
  auto request = http_request("POST", server.url("/secret"));
  request.authorization = Secret("Bearer canary");
  auto reply = world.send(std::move(request));
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::unexpected_redirect);
  CHECK(has(reply.error().message(), "(" + status + ") to " + target + "."));
  CHECK_FALSE(has(reply.error().message(), "steal"));
  CHECK_FALSE(has(reply.error().message(), "token"));
  CHECK_FALSE(has(reply.error().message(), "pw"));
  CHECK_FALSE(has(reply.error().message(), "canary"));
  CHECK(server.requests().size() == 1);
}

TEST_CASE("304 is an answer to a conditional request, not a redirect") {
  ScriptedServer server(once("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n"));
  World world;
  auto reply = world.get(server.url());
  REQUIRE(reply);
  CHECK(reply->status == 304);
  CHECK(reply->body.empty());
}

TEST_CASE("U10: what does not speak HTTP is told apart") {
  ScriptedServer server(once("SSH-2.0-OpenSSH_9.2\r\n"));
  World world;
  auto reply = world.get(server.url());
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::not_copilot);
  CHECK(has(reply.error().message(), "127.0.0.1"));
}

TEST_CASE("C1: dropping the stream closes the connection at once") {
  ScriptedServer server([](ScriptedConnection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
    connection.wait_for_close();
  });
  World world;
  {
    auto stream = world.open(http_request("GET", server.url()));
    REQUIRE(stream);
    auto bytes = run(world.io, stream->next());
    REQUIRE(bytes);
  }
  // The loop does not even have to turn.
  auto const deadline = std::chrono::steady_clock::now() + 5s;
  while (server.closed_by_peer() == 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  CHECK(server.closed_by_peer() == 1);
}

TEST_CASE("C1: cancelling the waiting coroutine closes the connection") {
  std::string const begun = GENERATE("", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
  ScriptedServer server([=](ScriptedConnection& connection) {
    connection.read_request();
    connection.write(begun);
    connection.wait_for_close();
  });
  World world;
  asio::cancellation_signal signal;
  std::exception_ptr thrown;
  bool done = false;
  auto finished = [&](std::exception_ptr exception, std::size_t) {
    thrown = exception;
    done = true;
  };
  auto read_all = [](HttpClient& client, std::string url) -> awaitable<std::size_t> {
    auto request = http_request("GET", url);
    auto stream = co_await client.open(std::move(request));
    if (!stream) co_return 0;
    std::size_t size = 0;
    while (true) {
      auto bytes = co_await stream->next();
      if (!bytes || bytes->empty()) co_return size;
      size += bytes->size();
    }
  };
  asio::co_spawn(world.io, read_all(world.client, server.url()),
                 asio::bind_cancellation_slot(signal.slot(), finished));
  run_until(world.io, [&] { return server.requests().size() == 1; });
  if (!begun.empty()) run_until(world.io, [turns = 0]() mutable { return ++turns > 5; });
  CHECK_FALSE(done);
  signal.emit(asio::cancellation_type::terminal);
  run_until(world.io, [&] { return done; });
  REQUIRE(thrown);
  CHECK_THROWS_AS(std::rethrow_exception(thrown), boost::system::system_error);
  run_until(world.io, [&] { return server.closed_by_peer() == 1; });
}

TEST_CASE(
    "the number of a socket that was given up while it connected serves the next connection") {
  // Whoever connects to a full queue waits; what is in it is never accepted.
  int const full = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const where = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(::bind(full, where, size) == 0);
  REQUIRE(::listen(full, 0) == 0);
  REQUIRE(::getsockname(full, where, &size) == 0);
  std::vector<int> queued(4);
  for (int& one : queued) {
    one = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ::connect(one, where, size);
  }

  ScriptedServer server([](ScriptedConnection& connection) {
    connection.read_request();
    connection.wait_for_test();  // the answer has to be waited for
    connection.write(ok_hi);
  });
  World world;
  auto const connecting = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  for (std::size_t i = 1; i <= 3; ++i) {
    asio::cancellation_signal signal;
    bool done = false;
    asio::co_spawn(world.io, world.client.send(http_request("GET", connecting)),
                   asio::bind_cancellation_slot(signal.slot(), [&](auto&&...) { done = true; }));
    run_until(world.io, [turns = 0]() mutable { return ++turns > 5; });
    REQUIRE_FALSE(done);
    signal.emit(asio::cancellation_type::terminal);
    run_until(world.io, [&] { return done; });
    run_until(world.io, [turns = 0]() mutable { return ++turns > 5; });

    std::optional<Result<HttpResponse>> reply;
    asio::co_spawn(world.io, world.client.send(http_request("GET", server.url())),
                   [&](std::exception_ptr, Result<HttpResponse> its) { reply = std::move(its); });
    run_until(world.io, [&] { return server.requests().size() == i; });
    server.go_on();
    run_until(world.io, [&] { return reply.has_value(); });
    CHECK((*reply)->body == "hi");
  }
  for (int const one : queued) ::close(one);
  ::close(full);
}

TEST_CASE("100 transfers at once") {
  ScriptedServer server([](ScriptedConnection& connection) {
    while (true) {
      auto const request = connection.read_request();
      if (request.empty()) return;
      auto const body = request.substr(4, request.find(' ', 4) - 4);
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
                       "\r\n\r\n");
      connection.write_in_pieces(body, 2);
    }
  });
  World world;
  int right = 0;
  int done = 0;
  auto one = [&](std::string path) -> awaitable<> {
    auto request = http_request("GET", server.url(path));
    auto reply = co_await world.client.send(std::move(request));
    ++done;
    if (reply && reply->body == path) ++right;
  };
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 100; ++i) {
      asio::co_spawn(world.io, one("/transfer/" + std::to_string(i)),
                     [](std::exception_ptr exception) {
                       if (exception) std::rethrow_exception(exception);
                     });
    }
    run_until(world.io, [&] { return done == 100 * (round + 1); });
  }
  CHECK(right == 200);
  CHECK(server.requests().size() == 200);
}

TEST_CASE("close() ends everything in flight with cancelled, and nothing is left to wait for") {
  ScriptedServer server([](ScriptedConnection& connection) {
    auto const request = connection.read_request();
    if (request.starts_with("GET /stream"))
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na");
    connection.wait_for_close();
  });
  World world;
  auto stream = world.open(http_request("GET", server.url("/stream")));
  REQUIRE(stream);
  REQUIRE(run(world.io, stream->next()));

  std::optional<Result<HttpResponse>> waiting;
  asio::co_spawn(
      world.io,
      [](HttpClient& client, std::string url,
         std::optional<Result<HttpResponse>>& out) -> awaitable<> {
        auto request = http_request("GET", url);
        out.emplace(co_await client.send(std::move(request)));
      }(world.client, server.url("/silent"), waiting),
      [](std::exception_ptr exception) {
        if (exception) std::rethrow_exception(exception);
      });
  run_until(world.io, [&] { return server.requests().size() == 2; });
  world.client.close();
  run_until(world.io, [&] { return waiting.has_value(); });
  REQUIRE_FALSE(*waiting);
  CHECK(waiting->error().code() == ErrorCode::cancelled);
  auto end = run(world.io, stream->next());
  REQUIRE_FALSE(end);
  CHECK(end.error().code() == ErrorCode::cancelled);
  auto later = world.get(server.url());
  REQUIRE_FALSE(later);
  CHECK(later.error().code() == ErrorCode::cancelled);
  CHECK(later.error().unsent());
  run_until(world.io, [&] { return server.closed_by_peer() == 2; });
  world.io.restart();
  world.io.run_for(5s);
  CHECK(world.io.stopped());  // it ran out of work
}

TEST_CASE("failed and cancelled requests leave no descriptor behind") {
  ScriptedServer server([](ScriptedConnection& connection) {
    connection.read_request();
    connection.wait_for_close();
  });
  auto const open_descriptors = [] {
    auto const all = std::filesystem::directory_iterator("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  World world;
  auto const once = [&] {
    CHECK_FALSE(world.get("http://localhost:" + std::to_string(unused_port())));
    CHECK_FALSE(world.get("http://no-such-host.invalid/"));
    auto request = http_request("GET", server.url());
    request.timeouts.first_byte = 1ms;
    CHECK_FALSE(world.send(std::move(request)));
  };
  std::size_t rounds = 0;
  auto const settled = [&] {
    // The server's end of a cancelled connection counts, too.
    run_until(world.io, [&] { return server.closed_by_peer() == rounds; });
    return open_descriptors();
  };
  once();
  ++rounds;
  auto const before = settled();
  for (int i = 0; i < 10; ++i) {
    once();
    ++rounds;
  }
  // The server closes its last end a moment after it has counted it.
  run_until(world.io, [&] { return settled() <= before; });
  CHECK(settled() <= before);
}

TEST_CASE("the client may go while streams and coroutines are still there") {
  ScriptedServer server([](ScriptedConnection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na");
    connection.wait_for_close();
  });
  asio::io_context io(1);
  std::optional<HttpClient> client;
  client.emplace(io, HttpSettings());
  auto request = http_request("GET", server.url());
  auto stream = run(io, client->open(std::move(request)));
  REQUIRE(stream);
  REQUIRE(run(io, stream->next()));
  asio::co_spawn(io, stream->next(), [](std::exception_ptr, Result<std::string>) {});
  io.restart();
  io.poll();
  client.reset();
  auto end = run(io, stream->next());
  REQUIRE_FALSE(end);
  CHECK(end.error().code() == ErrorCode::cancelled);
}

TEST_CASE("the loop may go while a transfer is under way") {
  ScriptedServer server([](ScriptedConnection& connection) {
    connection.read_request();
    connection.wait_for_close();
  });
  {
    asio::io_context io(1);
    HttpClient client(io, HttpSettings());
    asio::co_spawn(io, client.send(http_request("GET", server.url())), [](auto&&...) {});
    run_until(io, [&] { return server.requests().size() == 1; });
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("nothing is sent that could split a request") {
  ScriptedServer server(always(std::string(ok_hi)));
  World world;
  auto request = http_request("GET", server.url());
  SECTION("a line break in a value") { request.headers.add("X-A", "b\r\nX-Evil: 1"); }
  SECTION("a name that is none") { request.headers.add("X A:", "b"); }
  SECTION("no name") { request.headers.add("", "b"); }
  SECTION("a NUL") { request.headers.add("X-A", std::string("a\0b", 3)); }
  SECTION("a line break in the credential") {
    request.authorization = Secret("Bearer canary\r\nX-Evil: 1");
  }
  auto reply = world.send(std::move(request));
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::invalid_request);
  CHECK_FALSE(has(reply.error().message(), "canary"));
  CHECK(server.connections() == 0);
}

// --- Proxies ------------------------------------------------------------------

namespace {

HttpSettings through(ScriptedServer const& proxy) {
  HttpSettings settings;
  auto const address = "http://user:pr0xypw@127.0.0.1:" + std::to_string(proxy.port());
  settings.http_proxy = Secret(address);
  settings.https_proxy = Secret(address);
  settings.proxy_origin = "environment HTTPS_PROXY";
  return settings;
}

}  // namespace

TEST_CASE("U24: a plain request goes through the proxy, with the proxy's own credentials") {
  ScriptedServer proxy(always(std::string(ok_hi)));
  World world(through(proxy));
  auto reply = world.get("http://upstream.test/path");
  REQUIRE(reply);
  CHECK(reply->body == "hi");
  auto const seen = proxy.requests().at(0);
  CHECK(seen.starts_with("GET http://upstream.test/path HTTP/1.1\r\n"));
  CHECK(has(seen, "Proxy-Authorization: Basic "));
}

TEST_CASE("U24: what a proxy refuses names the proxy and where its setting came from") {
  std::string const scheme = GENERATE("http", "https");
  std::string const status = GENERATE("407 Proxy Authentication Required", "403 Forbidden");
  if (scheme == "http" && status.starts_with("403")) return;  // an answer like any other
  ScriptedServer proxy([=](ScriptedConnection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 " + status +
                     "\r\nContent-Length: 3\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\nno!");
    connection.wait_for_close();
  });
  World world(through(proxy));
  auto request = http_request("POST", scheme + "://upstream.test/secret");
  request.authorization = Secret("Bearer canary");
  auto reply = world.send(std::move(request));
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::proxy_failed);
  CHECK(reply.error().unsent());
  CHECK(has(
      reply.error().message(),
      "Could not reach upstream.test through the proxy 127.0.0.1:" + std::to_string(proxy.port()) +
          " (from environment HTTPS_PROXY): it answered with status " + status.substr(0, 3) + "."));
  CHECK_FALSE(has(reply.error().message() + reply.error().detail(), "pr0xypw"));
  if (scheme == "https") {
    // The credential is for the host beyond the tunnel.
    CHECK_FALSE(has(proxy.requests().at(0), "canary"));
  }
}

TEST_CASE("U24: a proxy that is not there, or goes away") {
  std::string const scheme = GENERATE("http", "https");
  HttpSettings settings;
  settings.proxy_origin = "environment HTTPS_PROXY";
  std::string address;
  std::optional<ScriptedServer> proxy;
  SECTION("nobody listens") { address = "http://127.0.0.1:" + std::to_string(unused_port()); }
  SECTION("no such name") { address = "http://user:pr0xypw@no-such-proxy.invalid:3128"; }
  SECTION("not an address") { address = "http://user:pr0xypw@[bad"; }
  SECTION("drops the connection") {
    proxy.emplace([](ScriptedConnection& connection) { connection.read_request(); });
    address = "http://127.0.0.1:" + std::to_string(proxy->port());
  }
  settings.http_proxy = settings.https_proxy = Secret(address);
  World world(std::move(settings));
  auto reply = world.get(scheme + "://upstream.test/secret");
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::proxy_failed);
  CHECK(reply.error().unsent() == (!proxy || scheme == "https"));
  CHECK(has(reply.error().message(), "environment HTTPS_PROXY"));
  CHECK_FALSE(has(reply.error().message() + reply.error().detail(), "pr0xypw"));
  CHECK_FALSE(has(reply.error().message(), "secret"));
}

TEST_CASE("U24: a proxy that never answers CONNECT") {
  ScriptedServer proxy([](ScriptedConnection& connection) {
    connection.read_request();
    connection.wait_for_close();
  });
  World world(through(proxy));
  auto request = http_request("GET", "https://upstream.test/");
  request.timeouts.connect = 80ms;
  auto reply = world.send(std::move(request));
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::proxy_failed);
  CHECK(has(reply.error().message(), "no connection within 80 ms"));
}

TEST_CASE("loopback and no_proxy go direct") {
  ScriptedServer server(always(std::string(ok_hi)));
  ScriptedServer proxy(always(std::string(ok_hi)));
  World world(through(proxy));
  REQUIRE(world.get(server.url()));
  CHECK(server.connections() == 1);
  CHECK(proxy.connections() == 0);
}
