// The bytes of one open connection, without blocking: a socket, or the TLS that curl does on it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "server/net/curl_loop.h"
#include "server/net/easy_handle.h"

namespace jumpseat {

class Wire {
 public:
  // A plain one.
  explicit Wire(CurlLoop::Descriptor socket);
  // One whose TLS is curl's: `handle` has opened it and is in `loop`, which must outlive this.
  // `first` has been read from it already.
  Wire(CurlLoop::Descriptor socket, CurlLoop& loop, std::unique_ptr<EasyHandle> handle,
       std::string first);
  ~Wire();  // closes the connection
  Wire(Wire const&) = delete;
  Wire& operator=(Wire const&) = delete;

  enum class Outcome { some, later, end, lost };
  struct Moved {
    Outcome outcome;
    std::size_t bytes = 0;  // when some
  };
  // The bytes there are, at most `size`. `end`: the peer has ended it. `lost`: see error().
  Moved read(char* bytes, std::size_t size);
  // Takes what it can of `bytes`.
  Moved write(std::string_view bytes);
  // Whether a read that gave less than it could has left nothing behind.
  bool short_read_means_empty() const { return handle_ == nullptr; }
  // errno of the last `lost`; 0 when it was not the system that failed.
  int error() const { return error_; }

  // `then` is called once, from the loop, when it is worth trying again or the wire has been
  // closed meanwhile.
  template <class Then>
  void when_readable(Then then) {
    socket_.async_wait(socket_.wait_read,
                       [then = std::move(then)](boost::system::error_code) mutable { then(); });
  }
  template <class Then>
  void when_writable(Then then) {
    socket_.async_wait(socket_.wait_write,
                       [then = std::move(then)](boost::system::error_code) mutable { then(); });
  }

 private:
  Moved failed(CURLcode code);
  CurlLoop::Descriptor socket_;
  CurlLoop* loop_ = nullptr;
  std::unique_ptr<EasyHandle> handle_;  // null when plain
  std::string first_;
  int error_ = 0;
};

}  // namespace jumpseat
