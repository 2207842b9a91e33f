// Peer over a transport in memory: what a session promises, whatever the methods are.

#include "server/rpc/peer.h"

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "protocol/framing.h"
#include "server/base/deadline.h"
#include "server/base/log.h"
#include "tests/support/memory_transport.h"
#include "tests/support/run.h"

namespace jumpseat {
namespace {

// A session under way. Its end is part of every test: a request that cannot be ended hangs it.
struct Session {
  asio::io_context io{1};
  MemoryTransport wire{io};
  Peer peer{io, wire};
  std::optional<Peer::End> end;
  std::exception_ptr thrown;
  std::vector<std::string> log;
  Event gate{io.get_executor()};  // what "wait" waits for
  int cancelled = 0;

  Session() {
    log::set_stderr_level(log::Level::error);
    peer.on_request("wait", [this](std::string params) { return wait(std::move(params)); });
    peer.on_request("echo", [](std::string params) { return echo(std::move(params)); });
    peer.on_immediate("initialize", [this](std::string_view) -> Result<std::string> {
      log.push_back("initialize");
      return std::string("\"ready\"");
    });
    peer.on_notification("initialized", [this](std::string_view) { log.push_back("initialized"); });
  }
  ~Session() {
    if (end || thrown) return;
    wire.end();
    run_until(io, [this] { return end || thrown; });
  }

  void start() {
    asio::co_spawn(io, serve(), [this](std::exception_ptr e) { thrown = e; });
  }
  awaitable<> serve() {
    auto const how = co_await peer.run();
    co_await peer.close();
    end = how;
  }

  // Everything that can happen now has happened.
  void settle() {
    do {
      io.restart();
    } while (io.poll() > 0);
    if (thrown) std::rethrow_exception(thrown);
  }

  void request(std::string const& id, std::string const& method, std::string const& params = "{}") {
    wire.message(R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":)" +
                 params + "}");
  }
  void notify(std::string const& method, std::string const& params = "{}") {
    wire.message(R"({"jsonrpc":"2.0","method":")" + method + R"(","params":)" + params + "}");
  }
  void cancel(std::string const& id) { notify("$/cancelRequest", R"({"id":)" + id + "}"); }

  std::vector<json::object> sent() const {
    std::vector<json::object> out;
    for (auto const& text : wire.sent()) out.push_back(json::parse(text).as_object());
    return out;
  }
  // The answers to that id, as "result" or the error's code.
  std::vector<std::string> answers(std::string const& id) const {
    std::vector<std::string> out;
    for (auto const& message : sent()) {
      if (!message.contains("id") || message.contains("method")) continue;
      if (json::serialize(message.at("id")) != id) continue;
      out.push_back(message.contains("error")
                        ? json::serialize(message.at("error").as_object().at("code"))
                        : json::serialize(message.at("result")));
    }
    return out;
  }

  awaitable<Result<std::string>> wait(std::string params) {
    log.push_back("wait " + params);
    try {
      co_await gate.wait();
      SteadyTimer now(io, std::chrono::milliseconds(0));
      co_await now.async_wait(use_awaitable);  // where a cancellation shows
    } catch (boost::system::system_error const&) {
      ++cancelled;
      throw;
    }
    co_return std::string("\"waited\"");
  }
  static awaitable<Result<std::string>> echo(std::string params) { co_return params; }
};

using Strings = std::vector<std::string>;

TEST_CASE("initialize, initialized and a request in one read are taken in order") {
  Session session;
  session.request("1", "initialize");
  session.notify("initialized");
  session.request("2", "wait", R"({"n":2})");
  session.start();
  session.settle();
  CHECK(session.log == Strings{"initialize", "initialized", R"(wait {"n":2})"});
  REQUIRE(session.wire.sent().size() == 1);
  CHECK(session.answers("1") == Strings{"\"ready\""});
  session.gate.notify();
  session.settle();
  CHECK(session.answers("2") == Strings{"\"waited\""});
}

TEST_CASE("a frame that comes byte by byte is one message") {
  Session session;
  session.start();
  std::string const body = R"({"jsonrpc":"2.0","id":"a","method":"echo","params":{"x":[1,2]}})";
  for (char const c : frame_header(body.size()) + body) {
    session.wire.bytes(std::string_view(&c, 1));
    session.settle();
  }
  CHECK(session.answers("\"a\"") == Strings{R"({"x":[1,2]})"});
}

TEST_CASE("a slow request does not hold up a quick one") {
  Session session;
  session.start();
  session.request("1", "wait");
  session.request("2", "echo", R"({"q":1})");
  session.settle();
  CHECK(session.answers("1").empty());
  CHECK(session.answers("2") == Strings{R"({"q":1})"});
  session.gate.notify();
  session.settle();
  CHECK(session.answers("1") == Strings{"\"waited\""});
}

TEST_CASE("a cancelled request is answered once, with -32800") {
  Session session;
  session.start();
  SECTION("while it runs") {
    session.request("7", "wait");
    session.settle();
    session.cancel("7");
    session.settle();
    CHECK(session.cancelled == 1);
  }
  SECTION("when the cancellation comes in the same read") {
    session.request("7", "wait");
    session.cancel("7");
    session.settle();
  }
  SECTION("twice") {
    session.request("7", "wait");
    session.settle();
    session.cancel("7");
    session.cancel("7");
    session.settle();
    session.cancel("7");
  }
  session.gate.notify();
  session.settle();
  CHECK(session.answers("7") == Strings{"-32800"});
  // The id is free again.
  session.request("7", "echo");
  session.settle();
  CHECK(session.answers("7") == Strings{"-32800", "{}"});
}

TEST_CASE("ids of another type are other ids") {
  Session session;
  session.start();
  session.request("7", "wait");
  session.request("\"7\"", "wait");
  session.settle();
  session.cancel("\"7\"");
  session.settle();
  CHECK(session.answers("\"7\"") == Strings{"-32800"});
  CHECK(session.answers("7").empty());
}

TEST_CASE("a second request under an id in flight is refused, the first goes on") {
  Session session;
  session.start();
  session.request("1", "wait");
  session.settle();
  session.request("1", "echo");
  session.settle();
  CHECK(session.answers("1") == Strings{"-32600"});
  session.gate.notify();
  session.settle();
  CHECK(session.answers("1") == Strings{"-32600", "\"waited\""});
}

TEST_CASE("an id may be used again after its answer") {
  Session session;
  session.start();
  for (int i = 0; i < 3; ++i) {
    session.request("1", "echo");
    session.settle();
  }
  CHECK(session.answers("1") == Strings{"{}", "{}", "{}"});
}

TEST_CASE("10,000 cancellations of unknown and finished requests change nothing") {
  Session session;
  session.start();
  session.request("1", "wait");
  session.request("2", "echo");
  session.settle();
  for (int i = 0; i < 5'000; ++i) {
    session.cancel(std::to_string(1000 + i));
    session.cancel("2");
  }
  session.notify("$/cancelRequest", R"({})");
  session.notify("$/cancelRequest", R"({"id":null})");
  session.settle();
  CHECK(session.wire.sent().size() == 1);
  session.gate.notify();
  session.settle();
  CHECK(session.answers("1") == Strings{"\"waited\""});
}

TEST_CASE("an unknown method is -32601, an unknown notification is ignored") {
  Session session;
  session.start();
  session.request("1", "no/such\\nthing");
  session.notify("no/such");
  session.settle();
  CHECK(session.answers("1") == Strings{"-32601"});
  CHECK(session.wire.sent().size() == 1);
}

TEST_CASE("a text that is not JSON is answered with -32700 and the session lives") {
  Session session;
  session.start();
  session.wire.message("{\"jsonrpc\":");
  session.wire.message("[]");
  session.request("1", "echo");
  session.settle();
  CHECK(session.answers("null") == Strings{"-32700", "-32600"});
  CHECK(session.answers("1") == Strings{"{}"});
}

TEST_CASE("a frame above the limit is refused and skipped, the session lives") {
  Session session;
  session.start();
  std::size_t const size = (32u << 20) + 1;
  session.wire.bytes(frame_header(size));
  session.settle();
  CHECK(session.answers("null") == Strings{"-32600"});
  std::string const piece(1u << 20, ' ');
  for (std::size_t sent = 0; sent < size; sent += piece.size()) {
    session.wire.bytes(std::string_view(piece).substr(0, std::min(piece.size(), size - sent)));
    session.settle();
  }
  session.request("1", "echo");
  session.settle();
  CHECK(session.answers("null").size() == 1);
  CHECK(session.answers("1") == Strings{"{}"});
}

TEST_CASE("a stream without frames ends the session, what is in flight is answered") {
  Session session;
  session.start();
  session.request("1", "wait");
  session.settle();
  session.wire.bytes("GET / HTTP/1.1\r\n\r\n");
  session.settle();
  REQUIRE(session.end);
  CHECK(*session.end == Peer::End::broken);
  CHECK(session.answers("null") == Strings{"-32700"});
  CHECK(session.answers("1") == Strings{"-32800"});
}

TEST_CASE("the end of input ends what is in flight, each with its answer") {
  Session session;
  session.start();
  for (int i = 0; i < 3; ++i) session.request(std::to_string(i), "wait");
  session.settle();
  session.wire.end();
  session.settle();
  REQUIRE(session.end);
  CHECK(*session.end == Peer::End::input_ended);
  for (int i = 0; i < 3; ++i) CHECK(session.answers(std::to_string(i)) == Strings{"-32800"});
}

TEST_CASE("stop() ends the session after the message at hand") {
  Session session;
  session.peer.on_notification("exit", [&](std::string_view) { session.peer.stop(); });
  session.notify("exit");
  session.request("1", "echo");
  session.start();
  session.settle();
  REQUIRE(session.end);
  CHECK(*session.end == Peer::End::stopped);
  CHECK(session.wire.sent().empty());
}

awaitable<Result<std::string>> throws(std::string) {
  throw std::runtime_error("a bug");
  co_return std::string();
}

awaitable<Result<std::string>> throws_later(std::string) {
  co_await sleep_for(std::chrono::milliseconds(0));
  throw std::runtime_error("a bug");
}

TEST_CASE("an exception in a handler is an internal error and the session lives") {
  Session session;
  session.peer.on_request("throws", throws);
  session.peer.on_request("throws later", throws_later);
  session.peer.on_immediate("throws now", [](std::string_view) -> Result<std::string> {
    throw std::runtime_error("a bug");
  });
  session.peer.on_notification("throws too",
                               [](std::string_view) { throw std::runtime_error("a bug"); });
  session.start();
  SECTION("of a request") { session.request("1", "throws"); }
  SECTION("of a request, later") { session.request("1", "throws later"); }
  SECTION("of an immediate request") { session.request("1", "throws now"); }
  SECTION("of a notification") {
    session.notify("throws too");
    session.request("1", "no such method");
  }
  session.request("2", "echo");
  try {
    run_until(session.io, [&] { return session.thrown || !session.answers("2").empty(); });
    session.settle();
  } catch (std::runtime_error const& error) {
    FAIL_CHECK("the session ended: " << error.what());
  }
  auto const first = session.answers("1");
  REQUIRE(first.size() == 1);
  CHECK((first.front() == "-32603" || first.front() == "-32601"));
  CHECK(session.answers("2") == Strings{"{}"});
}

TEST_CASE("the gate refuses requests and drops notifications") {
  Session session;
  session.peer.set_gate([](std::string_view method) -> std::optional<RpcError> {
    if (method == "initialize") return std::nullopt;
    RpcError error;
    error.code = rpc_error::server_not_initialized;
    error.message = "first initialize";
    return error;
  });
  session.start();
  session.request("1", "echo");
  session.notify("initialized");
  session.request("2", "initialize");
  session.settle();
  CHECK(session.answers("1") == Strings{"-32002"});
  CHECK(session.answers("2") == Strings{"\"ready\""});
  CHECK(session.log == Strings{"initialize"});
}

// ---- calls to the other side ----

struct Called {
  std::optional<Result<std::string>> answer;
};

awaitable<> call(Peer& peer, Called& called) {
  auto answer = co_await peer.call("window/showDocument", R"({"uri":"x"})");
  called.answer = std::move(answer);
}

TEST_CASE("a call gets the answer to its own id") {
  Session session;
  session.start();
  Called first;
  Called second;
  asio::co_spawn(session.io, call(session.peer, first), [](std::exception_ptr) {});
  asio::co_spawn(session.io, call(session.peer, second), [](std::exception_ptr) {});
  session.settle();
  auto const sent = session.sent();
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].at("method") == "window/showDocument");
  auto const first_id = json::serialize(sent[0].at("id"));
  auto const second_id = json::serialize(sent[1].at("id"));
  CHECK(first_id != second_id);

  session.wire.message(R"({"jsonrpc":"2.0","id":)" + second_id + R"(,"result":{"ok":true}})");
  session.wire.message(R"({"jsonrpc":"2.0","id":)" + second_id + R"(,"result":"late"})");
  session.wire.message(R"({"jsonrpc":"2.0","id":999,"result":"to nothing"})");
  session.settle();
  CHECK(!first.answer);
  REQUIRE(second.answer);
  REQUIRE(*second.answer);
  CHECK(**second.answer == R"({"ok":true})");

  session.wire.message(R"({"jsonrpc":"2.0","id":)" + first_id +
                       R"(,"error":{"code":-1,"message":"no\nway"}})");
  session.settle();
  REQUIRE(first.answer);
  REQUIRE(!*first.answer);
  CHECK(first.answer->error().message().find("no") == 0);
  CHECK(first.answer->error().message().find('\n') == std::string::npos);
  CHECK(session.wire.sent().size() == 2);  // answers are not answered
}

TEST_CASE("a call that nobody answers ends as cancelled with the session") {
  Session session;
  session.start();
  Called called;
  asio::co_spawn(session.io, call(session.peer, called), [](std::exception_ptr) {});
  session.settle();
  session.wire.end();
  session.settle();
  REQUIRE(session.end);
  REQUIRE(called.answer);
  REQUIRE(!*called.answer);
  CHECK(called.answer->error().code() == ErrorCode::cancelled);
}

}  // namespace
}  // namespace jumpseat
