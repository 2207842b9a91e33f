#include "server/net/flood_guard.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "server/net/curl_loop.h"

namespace jumpseat {
namespace {

// Pings, settings and session tickets come to some kilobytes in an hour, the window updates of the
// greatest upload to 150 kB.
constexpr std::uint64_t most_useless = 1u << 20;
constexpr std::uint64_t most_unread = 32u << 20;  // see ResponseStream::next()

// OpenSSL's functions, reached through curl's own copy.
struct OpenSsl {
  void (*SSL_CTX_set_msg_callback)(void*, void (*)(int, int, int, void const*, std::size_t, void*,
                                                   void*)) = nullptr;
  int (*SSL_CTX_set_ex_data)(void*, int, void*) = nullptr;
  void* (*SSL_CTX_get_ex_data)(void const*, int) = nullptr;
  void* (*SSL_get_SSL_CTX)(void const*) = nullptr;
  int (*CRYPTO_get_ex_new_index)(int, long, void*, void*, void*,
                                 void (*)(void*, void*, void*, int, long, void*)) = nullptr;
  int slot = -1;  // ours among the extra data of an SSL_CTX: a shared_ptr to the connection
};
OpenSsl openssl;

template <class Function>
bool find(CurlLibrary const& curl, char const* name, Function& function) {
  function = reinterpret_cast<Function>(curl.tls_symbol(name));
  return function != nullptr;
}

using Shared = std::shared_ptr<FloodGuard::Connection>;

void release(void*, void* connection, void*, int, long, void*) noexcept {
  delete static_cast<Shared*>(connection);
}

bool find_openssl(CurlLibrary const& curl) {
  OpenSsl& o = openssl;
  if (o.slot >= 0) return true;
  if (!find(curl, "SSL_CTX_set_msg_callback", o.SSL_CTX_set_msg_callback) ||
      !find(curl, "SSL_CTX_set_ex_data", o.SSL_CTX_set_ex_data) ||
      !find(curl, "SSL_CTX_get_ex_data", o.SSL_CTX_get_ex_data) ||
      !find(curl, "SSL_get_SSL_CTX", o.SSL_get_SSL_CTX) ||
      !find(curl, "CRYPTO_get_ex_new_index", o.CRYPTO_get_ex_new_index)) {
    return false;
  }
  constexpr int class_ssl_ctx = 1;  // CRYPTO_EX_INDEX_SSL_CTX
  o.slot = o.CRYPTO_get_ex_new_index(class_ssl_ctx, 0, nullptr, nullptr, nullptr, &release);
  return o.slot >= 0;
}

}  // namespace

void FloodGuard::Connection::given_up() { owed = most_unread; }

FloodGuard::FloodGuard(CurlLibrary const& curl) : available_(find_openssl(curl)) {}

void FloodGuard::attach(void* tls_context, curl_socket_t socket) {
  int const local_port = CurlLoop::local_port(socket);
  if (!available_ || local_port == 0) return;
  constexpr std::size_t few = 64;
  if (connections_.size() > few) {
    std::erase_if(connections_, [](auto const& one) { return one.second.expired(); });
  }
  std::weak_ptr<Connection>& known = connections_[local_port];
  Shared connection = known.lock();  // TLS to a proxy is there before TLS through it
  if (!connection || connection->socket != socket) {
    connection = std::make_shared<Connection>();
    connection->socket = socket;
    known = connection;
  }
  auto kept = std::make_unique<Shared>(std::move(connection));
  if (openssl.SSL_CTX_set_ex_data(tls_context, openssl.slot, kept.get()) != 1) return;
  kept.release();  // NOLINT(bugprone-unused-return-value): see release() above
  openssl.SSL_CTX_set_msg_callback(tls_context, &FloodGuard::on_message);
}

std::shared_ptr<FloodGuard::Connection> FloodGuard::use(int local_port) {
  auto const found = connections_.find(local_port);
  if (found == connections_.end()) return nullptr;
  Shared connection = found->second.lock();
  if (connection) {
    connection->in_use = true;
    connection->useful();
  }
  return connection;
}

void FloodGuard::on_message(int written, int, int content_type, void const* bytes, std::size_t size,
                            void* tls, void*) noexcept {
  constexpr int record_header = 0x100;  // SSL3_RT_HEADER
  if (written != 0 || content_type != record_header || size < 5) return;
  auto const* kept = static_cast<Shared const*>(
      openssl.SSL_CTX_get_ex_data(openssl.SSL_get_SSL_CTX(tls), openssl.slot));
  if (kept == nullptr) return;
  Connection& connection = **kept;
  if (!connection.in_use || connection.flooded) return;
  auto const* header = static_cast<unsigned char const*>(bytes);
  std::uint64_t const length = static_cast<std::uint64_t>(header[3]) << 8 | header[4];
  std::uint64_t const owed = std::min(length, connection.owed);
  connection.owed -= owed;
  connection.useless += length - owed;
  if (connection.useless <= most_useless + connection.paused * most_unread) return;
  connection.flooded = true;
  // Closing it is a reset: a peer that is still sending would not notice a polite end.
  linger const at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(connection.socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::shutdown(connection.socket, SHUT_RDWR);
}

}  // namespace jumpseat
