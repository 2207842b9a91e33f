// A TCP server for tests that does exactly what its script says, faults included. It speaks through
// plain blocking sockets on threads of its own, so it shares nothing with the code under test.
//
//   ScriptedServer server([](ScriptedConnection& connection) {
//     connection.read_request();
//     connection.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
//     connection.wait_for_close();
//   });
//   … server.url("/chat") …
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace jumpseat {

class ScriptedServer;

// One accepted connection, inside the script. A script ends early when the server is destroyed:
// every read then finds the end and every write fails. Afterwards the connection is closed.
class ScriptedConnection {
 public:
  // Head and body (by Content-Length) of the next request; empty when the peer has closed.
  std::string read_request();
  // False when the peer is gone.
  bool write(std::string_view bytes);
  // One send per piece of `size` bytes.
  bool write_in_pieces(std::string_view bytes, std::size_t size);
  // Sends `pattern` again and again, until `limit` bytes have left or the peer is gone; counts in
  // sent() and notes in stalls() each time that the peer took nothing for 300 ms.
  void write_endlessly(std::string_view pattern, std::size_t limit);
  // Reads until the peer closes or resets; true when it did.
  bool wait_for_close();
  // Waits for the test to call ScriptedServer::go_on().
  void wait_for_test();
  // Closes with a TCP reset.
  void reset();
  void close();
  // 0 for the first connection.
  std::size_t index() const { return index_; }

 private:
  friend class ScriptedServer;
  ScriptedConnection(ScriptedServer& server, int socket, std::size_t index)
      : server_(server), socket_(socket), index_(index) {}
  ScriptedServer& server_;
  int socket_;
  std::size_t index_;
  std::string unread_;
};

class ScriptedServer {
 public:
  using Script = std::function<void(ScriptedConnection&)>;

  explicit ScriptedServer(Script script);
  ~ScriptedServer();
  ScriptedServer(ScriptedServer const&) = delete;
  ScriptedServer& operator=(ScriptedServer const&) = delete;

  std::uint16_t port() const { return port_; }
  // http://127.0.0.1:port + path
  std::string url(std::string_view path = "/") const;

  // What was seen so far.
  std::size_t connections() const;
  std::vector<std::string> requests() const;
  std::size_t closed_by_peer() const;  // connections whose end the peer brought about
  std::size_t sent() const;
  std::size_t stalls() const;

  // Lets one wait_for_test() return.
  void go_on();

 private:
  friend class ScriptedConnection;
  void accept_loop();

  Script script_;
  std::uint16_t port_ = 0;  // before listener_, whose initialisation sets it
  int listener_ = -1;
  mutable std::mutex mutex_;
  std::condition_variable condition_;
  bool stopping_ = false;
  std::size_t permits_ = 0;
  std::size_t closed_by_peer_ = 0;
  std::size_t sent_ = 0;
  std::size_t stalls_ = 0;
  std::vector<std::string> requests_;
  std::list<ScriptedConnection> connections_;
  std::vector<std::thread> threads_;
  std::thread accepting_;
};

// A port on loopback on which nobody listens.
std::uint16_t unused_port();

}  // namespace jumpseat
