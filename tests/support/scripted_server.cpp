#include "tests/support/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <stdexcept>

namespace jumpseat {
namespace {

int listen_on_loopback(std::uint16_t& port) {
  int const listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (listener < 0 || ::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener, 256) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no listening socket");
  }
  port = ntohs(address.sin_port);
  return listener;
}

std::size_t content_length(std::string head) {
  for (char& c : head) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  auto const field = head.find("\r\ncontent-length:");
  return field == std::string::npos ? 0 : std::stoul(head.substr(field + 17));
}

}  // namespace

// --- ScriptedConnection -------------------------------------------------------

std::string ScriptedConnection::read_request() {
  std::array<char, 16384> bytes;
  while (true) {
    if (auto const end = unread_.find("\r\n\r\n"); end != std::string::npos) {
      std::size_t const size = end + 4 + content_length(unread_.substr(0, end + 2));
      if (unread_.size() >= size) {
        std::string request = unread_.substr(0, size);
        unread_.erase(0, size);
        std::lock_guard const lock(server_.mutex_);
        server_.requests_.push_back(request);
        return request;
      }
    }
    auto const count = ::recv(socket_, bytes.data(), bytes.size(), 0);
    if (count <= 0) {
      std::lock_guard const lock(server_.mutex_);
      if (!server_.stopping_) ++server_.closed_by_peer_;
      return {};
    }
    unread_.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

bool ScriptedConnection::write(std::string_view bytes) {
  while (!bytes.empty()) {
    auto const count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool ScriptedConnection::write_in_pieces(std::string_view bytes, std::size_t size) {
  while (!bytes.empty()) {
    auto const piece = bytes.substr(0, size);
    if (!write(piece)) return false;
    bytes.remove_prefix(piece.size());
  }
  return true;
}

void ScriptedConnection::write_endlessly(std::string_view pattern, std::size_t limit) {
  int const small = 256 << 10;
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  timeval const patience{0, 300'000};
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  std::string block;  // whole patterns, for fewer calls
  while (block.size() < (64u << 10)) block += pattern;
  std::size_t sent = 0;
  while (sent < limit) {
    auto const offset = sent % block.size();
    auto const piece = std::min(block.size() - offset, limit - sent);
    auto const count = ::send(socket_, block.data() + offset, piece, MSG_NOSIGNAL);
    std::lock_guard const lock(server_.mutex_);
    if (server_.stopping_) return;
    if (count > 0) {
      sent += static_cast<std::size_t>(count);
      server_.sent_ += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      ++server_.stalls_;
    } else {
      ++server_.closed_by_peer_;
      return;
    }
  }
}

bool ScriptedConnection::wait_for_close() {
  std::array<char, 16384> bytes;
  while (::recv(socket_, bytes.data(), bytes.size(), 0) > 0) {
  }
  std::lock_guard const lock(server_.mutex_);
  if (server_.stopping_) return false;
  ++server_.closed_by_peer_;
  return true;
}

void ScriptedConnection::wait_for_test() {
  std::unique_lock lock(server_.mutex_);
  server_.condition_.wait(lock, [this] { return server_.permits_ > 0 || server_.stopping_; });
  if (server_.permits_ > 0) --server_.permits_;
}

void ScriptedConnection::reset() {
  linger const at_once{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

void ScriptedConnection::close() {
  std::lock_guard const lock(server_.mutex_);
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

// --- ScriptedServer -----------------------------------------------------------

ScriptedServer::ScriptedServer(Script script)
    : script_(std::move(script)), listener_(listen_on_loopback(port_)) {
  accepting_ = std::thread([this] { accept_loop(); });
}

ScriptedServer::~ScriptedServer() {
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
    for (auto& connection : connections_) {
      if (connection.socket_ >= 0) ::shutdown(connection.socket_, SHUT_RDWR);
    }
  }
  condition_.notify_all();
  ::shutdown(listener_, SHUT_RDWR);  // ends accept()
  accepting_.join();
  for (auto& thread : threads_) thread.join();
  ::close(listener_);
}

void ScriptedServer::accept_loop() {
  while (true) {
    int const socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    std::lock_guard const lock(mutex_);
    if (socket < 0 || stopping_) {
      if (socket >= 0) ::close(socket);
      return;
    }
    int const on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto& connection =
        connections_.emplace_back(ScriptedConnection(*this, socket, connections_.size()));
    threads_.emplace_back([this, &connection] {
      script_(connection);
      connection.close();
    });
  }
}

std::string ScriptedServer::url(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
}

std::size_t ScriptedServer::connections() const {
  std::lock_guard const lock(mutex_);
  return connections_.size();
}

std::vector<std::string> ScriptedServer::requests() const {
  std::lock_guard const lock(mutex_);
  return requests_;
}

std::size_t ScriptedServer::closed_by_peer() const {
  std::lock_guard const lock(mutex_);
  return closed_by_peer_;
}

std::size_t ScriptedServer::sent() const {
  std::lock_guard const lock(mutex_);
  return sent_;
}

std::size_t ScriptedServer::stalls() const {
  std::lock_guard const lock(mutex_);
  return stalls_;
}

void ScriptedServer::go_on() {
  {
    std::lock_guard const lock(mutex_);
    ++permits_;
  }
  condition_.notify_all();
}

std::uint16_t unused_port() {
  std::uint16_t port = 0;
  int const listener = listen_on_loopback(port);
  ::close(listener);
  return port;
}

}  // namespace jumpseat
