// The server over real loopback sockets, with routes of the test's own and short times: what waits
// for seconds or minutes in the program is seen here in milliseconds.
#include "server/http/http_server.h"

#include <array>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <catch2/catch.hpp>

#include "server/base/deadline.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run.h"

using namespace jumpseat;
using namespace std::chrono_literals;

namespace {

HttpServerTimes long_times() {
  HttpServerTimes times;
  times.head = times.body = times.idle = times.alive = times.stall = times.linger = 60s;
  return times;
}

class Fixture {
 public:
  explicit Fixture(HttpServerTimes times = long_times()) : times_(times) {}
  ~Fixture() {
    if (server_) run(io, server_->stop(0ms));
  }

  void route(HttpMethod method, std::string_view path, Handler handler) {
    router_.add({method, path, Access::anybody, std::move(handler)});
  }
  HttpServer& server() {
    if (!server_) {
      HttpServer::Parts parts{io, clock_, router_};
      parts.times = times_;
      server_ = std::make_unique<HttpServer>(parts);
      server_->observe([this](RequestRecord const& record) { records.push_back(record); });
      REQUIRE(server_->listen({}, ClientKey()));
    }
    return *server_;
  }
  // A client with one connection; what it has received is in `got`.
  struct Client {
    explicit Client(Fixture& fixture) : io(fixture.io), socket(io) {
      auto const port = fixture.server().port();
      socket.connect({asio::ip::address_v4::loopback(), port});
      socket.non_blocking(true);
      host = "Host: localhost:" + std::to_string(port) + "\r\n";
    }
    void send(std::string_view bytes) {
      run_until(io, [&] {
        boost::system::error_code ignored;
        bytes.remove_prefix(socket.write_some(asio::buffer(bytes), ignored));
        return bytes.empty();
      });
    }
    // Reads until the text is there or the server has closed.
    void read_until(std::string_view text) {
      run_until(io, [&] {
        read();
        return closed || got.find(text) != std::string::npos;
      });
    }
    void read_to_end() {
      run_until(io, [&] {
        read();
        return closed;
      });
    }
    void read() {
      std::array<char, 4096> piece;
      boost::system::error_code problem;
      auto const size = socket.read_some(asio::buffer(piece), problem);
      got.append(piece.data(), size);
      if (problem && problem != asio::error::would_block) closed = true;
    }
    asio::io_context& io;
    TcpSocket socket;
    std::string host;
    std::string got;
    bool closed = false;
  };

  asio::io_context io{1};
  std::vector<RequestRecord> records;
  Event event{io.get_executor()};  // for handlers that wait

 private:
  HttpServerTimes times_;
  FakeClock clock_;
  Router router_;
  std::unique_ptr<HttpServer> server_;
};

// Handlers. What they refer to outlives the fixture's server.

awaitable<Result<void>> reply_with_object(Reply& reply) {
  co_await reply.json("{}");
  co_return Result<void>();
}

awaitable<Result<void>> one_event_then_failure(Event& go_on, Reply& reply) {
  reply.begin_events();
  co_await go_on.wait();
  co_await reply.event("1");
  co_await go_on.wait();
  co_return fail(ErrorCode::idle_timeout, "Upstream stopped.");
}

awaitable<Result<void>> one_event_then_end(Event& finish, Reply& reply) {
  reply.begin_events();
  co_await reply.event("1");
  co_await finish.wait();
  co_await reply.done();
  co_return Result<void>();
}

struct Undo {
  explicit Undo(bool& flag) : flag_(flag) {}
  Undo(Undo const&) = delete;
  Undo& operator=(Undo const&) = delete;
  ~Undo() { flag_ = true; }
  bool& flag_;
};

awaitable<Result<void>> wait_for_ever(Event& never, bool& begun, bool& undone) {
  Undo const undo(undone);
  begun = true;
  co_await never.wait();
  co_return Result<void>();
}

}  // namespace

TEST_CASE("C3: a head or a body that stops coming is answered 408 and closed") {
  auto times = long_times();
  times.head = times.body = 20ms;
  Fixture fixture(times);
  fixture.route(HttpMethod::post, "/x",
                [](IncomingRequest&, Reply& reply) { return reply_with_object(reply); });
  Fixture::Client head(fixture);
  head.send("POST /x HTTP/1.1\r\n" + head.host);
  head.read_to_end();
  CHECK(head.got.starts_with("HTTP/1.1 408 "));
  CHECK(head.got.find("\"request_timeout\"") != std::string::npos);

  Fixture::Client body(fixture);
  body.send("POST /x HTTP/1.1\r\n" + body.host +
            "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{");
  body.read_to_end();
  CHECK(body.got.starts_with("HTTP/1.1 408 "));
}

TEST_CASE("a connection that idles is closed without a word") {
  auto times = long_times();
  times.idle = times.head = 20ms;
  Fixture fixture(times);
  fixture.route(HttpMethod::get, "/x",
                [](IncomingRequest&, Reply& reply) { return reply_with_object(reply); });
  Fixture::Client never(fixture);
  never.read_to_end();
  CHECK(never.got.empty());
  Fixture::Client once(fixture);
  once.send("GET /x HTTP/1.1\r\n" + once.host + "\r\n");
  once.read_to_end();
  CHECK(once.got.ends_with("\r\n\r\n{}"));
}

TEST_CASE("U4: a silent stream says that it lives, also before its first event") {
  auto times = long_times();
  times.alive = 10ms;
  Fixture fixture(times);
  Event& go_on = fixture.event;
  fixture.route(HttpMethod::get, "/x", [&](IncomingRequest&, Reply& reply) {
    return one_event_then_failure(go_on, reply);
  });
  Fixture::Client client(fixture);
  client.send("GET /x HTTP/1.1\r\n" + client.host + "\r\n");
  client.read_until(": waiting for the answer\n\n\r\n");
  CHECK(client.got.find("HTTP/1.1 200 OK\r\n") == 0);
  CHECK(client.got.find("data:") == std::string::npos);
  go_on.notify();
  client.read_until("data: 1\n\n");
  client.got.clear();
  client.read_until(": waiting for the answer\n\n");
  go_on.notify();
  client.read_until("0\r\n\r\n");
  CHECK(client.got.find("data: {\"error\":{\"message\":\"Upstream stopped.\"") !=
        std::string::npos);
  REQUIRE(fixture.records.size() == 1);
  CHECK(fixture.records[0].status == 200);
  CHECK(fixture.records[0].error_code == "idle_timeout");
}

TEST_CASE("an error before the first event keeps its status") {
  Fixture fixture;
  fixture.route(HttpMethod::get, "/x",
                [](IncomingRequest&, Reply& reply) -> awaitable<Result<void>> {
                  reply.begin_events();
                  co_return fail(ErrorCode::rate_limited, "Wait.").with_retry_after(3s);
                });
  Fixture::Client client(fixture);
  client.send("GET /x HTTP/1.1\r\n" + client.host + "\r\n");
  client.read_until("}}");
  CHECK(client.got.starts_with("HTTP/1.1 429 Too Many Requests\r\n"));
  CHECK(client.got.find("\r\nretry-after: 3\r\n") != std::string::npos);
}

TEST_CASE("C2: a client that does not read is cut off, and only that one") {
  auto times = long_times();
  times.alive = 10ms;
  times.stall = 50ms;
  Fixture fixture(times);
  fixture.route(HttpMethod::get, "/x",
                [](IncomingRequest&, Reply& reply) -> awaitable<Result<void>> {
                  std::string const text(100'000, 'x');
                  while (true) co_await reply.event(text);
                });
  Fixture::Client client(fixture);
  client.send("GET /x HTTP/1.1\r\n" + client.host + "\r\n");
  run_until(fixture.io, [&] { return !fixture.records.empty(); });
  CHECK(fixture.records[0].error_code == "client_stalled");
  CHECK(fixture.server().connections() == 0);
}

TEST_CASE("C1: a client that leaves ends the handler where it waits") {
  Fixture fixture;
  Event& never = fixture.event;
  bool undone = false;
  bool begun = false;
  fixture.route(HttpMethod::post, "/x",
                [&](IncomingRequest&, Reply&) { return wait_for_ever(never, begun, undone); });
  Fixture::Client client(fixture);
  client.send("POST /x HTTP/1.1\r\n" + client.host +
              "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  run_until(fixture.io, [&] { return begun; });
  CHECK_FALSE(undone);
  client.socket.close();
  run_until(fixture.io, [&] { return !fixture.records.empty(); });
  CHECK(undone);
  CHECK(fixture.records[0].status == 499);
  CHECK(fixture.records[0].error_code == "client_cancelled");
}

TEST_CASE("a handler that throws ends one request, not the server") {
  Fixture fixture;
  fixture.route(HttpMethod::get, "/x", [](IncomingRequest&, Reply&) -> awaitable<Result<void>> {
    throw std::runtime_error("a bug");
    co_return Result<void>();
  });
  fixture.route(HttpMethod::get, "/y", [](IncomingRequest&, Reply&) -> awaitable<Result<void>> {
    co_return Result<void>();
  });
  Fixture::Client client(fixture);
  auto const get = [&](std::string const& path) {
    client.got.clear();
    client.send("GET " + path + " HTTP/1.1\r\n" + client.host + "\r\n");
    client.read_until("}}");
    return client.got;
  };
  CHECK(get("/x").starts_with("HTTP/1.1 500 "));
  CHECK(get("/y").starts_with("HTTP/1.1 500 "));
  CHECK(get("/z").starts_with("HTTP/1.1 404 "));
}

TEST_CASE("S21: a header value with foreign bytes is left out") {
  Fixture fixture;
  fixture.route(HttpMethod::get, "/x",
                [](IncomingRequest&, Reply& reply) -> awaitable<Result<void>> {
                  reply.header("x-a", "good value");
                  reply.header("x-b", "bad\r\nx-evil: yes");
                  reply.header("x-c", std::string(2000, 'c'));
                  reply.header("x-d", "\x7f");
                  co_await reply.json("{}");
                  co_return Result<void>();
                });
  Fixture::Client client(fixture);
  client.send("GET /x HTTP/1.1\r\n" + client.host + "\r\n");
  client.read_until("{}");
  CHECK(client.got.find("\r\nx-a: good value\r\n") != std::string::npos);
  for (auto const* name : {"x-b", "x-c", "x-d", "x-evil"})
    CHECK(client.got.find(name) == std::string::npos);
}

TEST_CASE("a route's parameter is the rest of the path, with its escapes resolved") {
  Fixture fixture;
  std::string seen;
  fixture.route(HttpMethod::get, "/models/{id}", [&](IncomingRequest& request, Reply& reply) {
    seen = request.parameter();
    return reply_with_object(reply);
  });
  Fixture::Client client(fixture);
  client.send("GET /v1/models/github_copilot/a%20b%2Fc%zz HTTP/1.1\r\n" + client.host + "\r\n");
  client.read_until("{}");
  CHECK(seen == "github_copilot/a b/c%zz");
}

TEST_CASE(
    "the server's end: idle connections close, an answer may finish, what takes long is told") {
  Fixture fixture;
  Event& finish = fixture.event;
  fixture.route(HttpMethod::get, "/x",
                [&](IncomingRequest&, Reply& reply) { return one_event_then_end(finish, reply); });
  Fixture::Client idle(fixture);
  Fixture::Client busy(fixture);
  busy.send("GET /x HTTP/1.1\r\n" + busy.host + "\r\n");
  busy.read_until("data: 1");
  run(fixture.io, fixture.server().stop(1ms));
  idle.read_to_end();
  CHECK(idle.got.empty());
  busy.read_to_end();
  CHECK(busy.got.find("\"server_stopping\"") != std::string::npos);
  CHECK(busy.got.ends_with("0\r\n\r\n"));
}
