#include "server/net/wire.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace jumpseat {
namespace {

#ifdef MSG_NOSIGNAL
constexpr int send_flags = MSG_DONTWAIT | MSG_NOSIGNAL;
#else
constexpr int send_flags = MSG_DONTWAIT;  // SIGPIPE is ignored, see main.cpp
#endif

}  // namespace

Wire::Wire(CurlLoop::Descriptor socket) : socket_(std::move(socket)) {}

Wire::Wire(CurlLoop::Descriptor socket, CurlLoop& loop, std::unique_ptr<EasyHandle> handle,
           std::string first)
    : socket_(std::move(socket)),
      loop_(&loop),
      handle_(std::move(handle)),
      first_(std::move(first)) {}

Wire::~Wire() {
  boost::system::error_code ignored;
  socket_.close(ignored);
  if (handle_) loop_->remove(handle_->easy);  // curl closes its own descriptor
}

Wire::Moved Wire::read(char* bytes, std::size_t size) {
  if (!first_.empty()) {
    std::size_t const count = std::min(size, first_.size());
    std::copy_n(first_.data(), count, bytes);
    first_.erase(0, count);
    if (first_.empty()) first_.shrink_to_fit();
    return {Outcome::some, count};
  }
  if (handle_) {
    std::size_t count = 0;
    CURLcode const code = handle_->curl.easy_recv(handle_->easy, bytes, size, &count);
    if (code != CURLE_OK) return failed(code);
    return count == 0 ? Moved{Outcome::end} : Moved{Outcome::some, count};
  }
  while (true) {
    ssize_t const count = ::recv(socket_.native_handle(), bytes, size, MSG_DONTWAIT);
    if (count > 0) return {Outcome::some, static_cast<std::size_t>(count)};
    if (count == 0) return {Outcome::end};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {Outcome::later};
    if (errno == EINTR) continue;
    error_ = errno;
    return {Outcome::lost};
  }
}

Wire::Moved Wire::write(std::string_view bytes) {
  if (handle_) {
    std::size_t count = 0;
    CURLcode const code =
        handle_->curl.easy_send(handle_->easy, bytes.data(), bytes.size(), &count);
    if (code != CURLE_OK) return failed(code);
    return {Outcome::some, count};
  }
  while (true) {
    ssize_t const count = ::send(socket_.native_handle(), bytes.data(), bytes.size(), send_flags);
    if (count >= 0) return {Outcome::some, static_cast<std::size_t>(count)};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {Outcome::later};
    if (errno == EINTR) continue;
    error_ = errno;
    return {Outcome::lost};
  }
}

Wire::Moved Wire::failed(CURLcode code) {
  if (code == CURLE_AGAIN) return {Outcome::later};
  error_ = static_cast<int>(handle_->info<long>(CURLINFO_OS_ERRNO));
  return {Outcome::lost};
}

}  // namespace jumpseat
