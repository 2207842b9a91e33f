// curl's multi interface on the Asio loop. CurlLoop knows sockets and timers and nothing about
// HTTP: it tells curl when a descriptor is ready or time is up, and its owner when a transfer has
// ended.
//
// curl's callbacks here only write down what curl wants. No curl function is called and no
// coroutine runs inside one, so curl is never entered twice.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <unordered_map>

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "server/base/asio.h"
#include "server/net/alarm.h"
#include "server/net/curl_library.h"

namespace jumpseat {

class CurlLoop {
 public:
  // Called when a transfer has ended, outside of curl. It has to remove() the transfer.
  using Done = std::function<void(CURL* easy, CURLcode result)>;

  CurlLoop(asio::io_context& io, CurlLibrary const& curl, Done done);
  // Closes every connection. The easy handles must have been removed.
  ~CurlLoop();
  CurlLoop(CurlLoop const&) = delete;
  CurlLoop& operator=(CurlLoop const&) = delete;

  // Starts a transfer; over an idle connection the request leaves at once. `done` may be called
  // before add() returns.
  CURLMcode add(CURL* easy);
  // Takes a transfer out, wherever it stands; `done` is not called for it any more.
  void remove(CURL* easy);
  // Lets a paused transfer go on; its write function may be called before this returns.
  void unpause(CURL* easy);

  // Says that the connection on `socket` is between two replies of a protocol in which the peer has
  // nothing to say then. Whatever comes before curl uses it again ends it.
  void rest(curl_socket_t socket);

  // Makes curl send what the HTTP/2 connection of this running transfer has in its buffer.
  void nudge(CURL* easy);
  // Ends the idle connection from `local_port`, unless curl makes use of it within `grace`.
  void end_unless_used(int local_port, std::chrono::milliseconds grace);
  // Ends the connection from `local_port` now, if it is idle.
  void end(int local_port);

  // Whether this is an open connection.
  bool holds(curl_socket_t socket) const;
  // The port at our end; 0 when there is none.
  static int local_port(curl_socket_t socket);

  // For CURLOPT_SOCKOPTFUNCTION and CURLOPT_CLOSESOCKETFUNCTION, with the loop as their data.
  static int on_connection(void* loop, curl_socket_t socket, curlsocktype) noexcept;
  static int close_socket(void* loop, curl_socket_t socket) noexcept;

 private:
  enum class Kind;
  struct Watch;
  static int on_socket(CURL*, curl_socket_t, int what, void* loop, void*) noexcept;
  static int on_timer(CURLM*, long milliseconds, void* loop) noexcept;
  Watch* watch(curl_socket_t socket, Kind kind);
  void want(curl_socket_t socket, int what);
  void drop(curl_socket_t socket);
  void arm(std::shared_ptr<Watch> const& watch);
  void ready(std::shared_ptr<Watch> const& watch, int event);
  void act(curl_socket_t socket, int events);
  void cut(Watch& watch);
  void check_endings();

  asio::io_context& io_;
  CurlLibrary const& curl_;
  Done done_;
  CURLM* multi_;
  std::unordered_map<curl_socket_t, std::shared_ptr<Watch>> watches_;
  Alarm::TimePoint due_ = Alarm::never;  // when curl wants to be called next
  Alarm alarm_;
  Alarm endings_;  // for end_unless_used()
};

}  // namespace jumpseat
