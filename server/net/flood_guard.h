// Ends a TLS connection whose peer sends without end what belongs to no answer: HTTP/2 pings,
// settings, empty frames. curl 7.88 reads until nothing is left before it returns, so while such a
// peer keeps up nothing else in this process would run. What is seen is each TLS record as OpenSSL
// takes it, in the middle of curl's reading; shutting the socket down ends that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "server/net/curl_library.h"

namespace jumpseat {

class FloodGuard {
 public:
  // A connection under guard. Whoever reads from it says what was of use.
  struct Connection {
    // A piece of an answer came.
    void useful() { useless = 0; }
    // An answer was given up; what is on its way belongs to it.
    void given_up();
    curl_socket_t socket = CURL_SOCKET_BAD;
    std::uint64_t useless = 0;  // bytes since the last useful ones
    std::uint64_t owed = 0;     // bytes that may still come of answers that were given up
    unsigned paused = 0;        // answers whose reader is slow: curl keeps what comes for them
    bool in_use = false;        // by a request; before that there is nobody to say what is useful
    bool flooded = false;       // the guard has ended it
  };

  explicit FloodGuard(CurlLibrary const& curl);
  // For the connection on `socket`, when its SSL_CTX has been made. Does nothing with a TLS library
  // that is not OpenSSL.
  void attach(void* tls_context, curl_socket_t socket);
  // The connection from that port, now in use; null when it is not under guard.
  std::shared_ptr<Connection> use(int local_port);

 private:
  static void on_message(int written, int version, int content_type, void const* bytes,
                         std::size_t size, void* tls, void*) noexcept;
  bool available_;
  std::unordered_map<int, std::weak_ptr<Connection>> connections_;  // by local port
};

}  // namespace jumpseat
