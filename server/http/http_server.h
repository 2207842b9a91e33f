// HttpServer listens and holds the connections: how many there may be, whose they may be, when one
// has been silent for too long. It knows no route; those are the router's.
//
//   HttpServer server({io, clock, router, record, …});
//   auto bound = server.listen(address);
//   …
//   co_await server.stop(std::chrono::seconds(2));
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "protocol/result.h"
#include "protocol/secret.h"
#include "server/base/asio.h"
#include "server/base/clock.h"
#include "server/base/event.h"
#include "server/base/scope.h"
#include "server/http/client_key.h"
#include "server/http/guard.h"
#include "server/http/key_guesses.h"
#include "server/http/peer_owner.h"
#include "server/http/reply_writer.h"
#include "server/http/request_parser.h"
#include "server/http/router.h"
#include "server/net/alarm.h"

namespace jumpseat {

class Connection;

struct HttpServerTimes {
  HttpServerTimes() = default;
  std::chrono::milliseconds head{30'000};    // from a request's first byte to the end of its head
  std::chrono::milliseconds body{30'000};    // without a byte of the body
  std::chrono::milliseconds idle{300'000};   // between requests
  std::chrono::milliseconds alive{15'000};   // of silence before a stream says that it lives
  std::chrono::milliseconds stall{300'000};  // a client that does not read
  std::chrono::milliseconds linger{2'000};   // for a client to read why it was refused
};

class HttpServer {
 public:
  using Observer = std::function<void(RequestRecord const&)>;
  struct Parts {
    asio::io_context& io;
    Clock& clock;
    Router const& router;
    std::size_t max_connections = 1000;
    RequestLimits limits = {};
    HttpServerTimes times = {};
    std::vector<std::string> origins = {};  // web pages that may use the port
  };
  explicit HttpServer(Parts parts);
  // Stopped before; see stop().
  ~HttpServer();
  HttpServer(HttpServer const&) = delete;
  HttpServer& operator=(HttpServer const&) = delete;

  struct Address {
    Address() = default;
    std::string host = "localhost";  // "localhost": both loopback families
    std::uint16_t port = 0;          // 0: the kernel picks one
    enum class Allow { loopback_only, remote } allow = Allow::loopback_only;
  };
  // Opens the port. Fails with port_unavailable, naming the owner where it can be found, or
  // config_invalid for a host that is not allowed.
  Result<void> listen(Address const& address, ClientKey key);
  bool listening() const { return !acceptors_.empty(); }
  std::uint16_t port() const { return port_; }

  // No new connections; idle ones are closed; answers under way get `patience`, then the client is
  // told that the program is stopping.
  awaitable<> stop(std::chrono::milliseconds patience);

  std::size_t connections() const { return connections_.size(); }
  std::uint64_t requests() const { return requests_; }
  // Requests whose answer is being made; of these, streams. Counted when asked for.
  std::size_t answering() const;
  std::size_t streams() const;
  // Called after every request.
  void observe(Observer observer) { observers_.push_back(std::move(observer)); }

 private:
  friend class Connection;
  using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
  using TimePoint = Alarm::TimePoint;

  Result<void> open(asio::ip::tcp::endpoint const& endpoint);
  awaitable<> accept(std::shared_ptr<Acceptor> acceptor);
  void admit(TcpSocket socket);
  void close_longest_idle();
  std::optional<Error> judge_peer(TcpSocket const& socket);
  std::string guesser(TcpSocket const& socket);
  void joined(Connection& connection);
  void left(Connection& connection);
  void note_deadline(TimePoint deadline);
  void look_at_deadlines();
  void served(RequestRecord const& record);
  std::string_view new_request_id();
  // A large body is about to come.
  void note_large_body();
  // Where bytes are read to. Shared by all connections, valid until the next read.
  std::span<char> scratch() { return {scratch_.get(), scratch_size}; }

  static constexpr std::size_t scratch_size = 64u << 10;
  Parts parts_;
  Scope scope_;
  Event room_;  // a connection has ended
  std::vector<std::shared_ptr<Acceptor>> acceptors_;
  std::uint16_t port_ = 0;
  std::optional<Guard> guard_;
  PeerOwner peers_;
  KeyGuesses guesses_;
  HttpDate date_;
  Alarm deadlines_;
  Alarm quiet_;  // no large body has come for a while
  bool keeping_memory_ = false;
  std::vector<Connection*> connections_;
  std::vector<Observer> observers_;
  std::uint64_t requests_ = 0;
  std::string request_id_;
  std::unique_ptr<char[]> scratch_ = std::make_unique_for_overwrite<char[]>(scratch_size);
};

}  // namespace jumpseat
