// curl's multi interface on the Asio loop. CurlLoop knows sockets and timers and nothing about
// HTTP: it tells curl when a descriptor is ready or time is up, and its owner when a transfer,
// which here is a connection being opened, has ended.
//
// curl's callbacks here only write down what curl wants. No curl function is called and no
// coroutine runs inside one, so curl is never entered twice.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "server/base/asio.h"
#include "server/net/alarm.h"
#include "server/net/curl_library.h"

namespace jumpseat {

class CurlLoop {
 public:
  using Descriptor = asio::posix::basic_stream_descriptor<Executor>;
  // Called when a transfer has ended, outside of curl.
  using Done = std::function<void(CURL* easy, CURLcode result)>;

  CurlLoop(asio::io_context& io, CurlLibrary const& curl, Done done);
  // Closes every connection. The easy handles must have been removed.
  ~CurlLoop();
  CurlLoop(CurlLoop const&) = delete;
  CurlLoop& operator=(CurlLoop const&) = delete;

  // Starts a transfer. `done` may be called before add() returns.
  CURLMcode add(CURL* easy);
  // Takes a transfer out, wherever it stands; `done` is not called for it any more.
  void remove(CURL* easy);
  // A descriptor of the caller's own for an open connection. The connection lives until both this
  // and curl's are closed. Nothing when the process has no more descriptors.
  std::optional<Descriptor> duplicate(curl_socket_t socket);

  // For CURLOPT_SOCKOPTFUNCTION, with the loop as its data.
  static int on_connection(void* loop, curl_socket_t socket, curlsocktype) noexcept;

 private:
  struct Watch;
  static int on_socket(CURL*, curl_socket_t, int what, void* loop, void*) noexcept;
  static int on_timer(CURLM*, long milliseconds, void* loop) noexcept;
  void want(curl_socket_t socket, int what);
  void drop(curl_socket_t socket);
  void arm(std::shared_ptr<Watch> const& watch);
  void ready(std::shared_ptr<Watch> const& watch, int event);
  void act(curl_socket_t socket, int events);

  asio::io_context& io_;
  CurlLibrary const& curl_;
  Done done_;
  CURLM* multi_;
  std::unordered_map<curl_socket_t, std::shared_ptr<Watch>> watches_;
  Alarm::TimePoint due_ = Alarm::never;  // when curl wants to be called next
  Alarm alarm_;
};

}  // namespace jumpseat
