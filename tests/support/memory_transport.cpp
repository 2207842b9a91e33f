#include "tests/support/memory_transport.h"

#include <algorithm>
#include <utility>

#include "protocol/framing.h"

namespace jumpseat {

MemoryTransport::MemoryTransport(asio::io_context& io) : moved_(io.get_executor()) {}

void MemoryTransport::bytes(std::string_view text) {
  input_.append(text);
  moved_.notify();
}

void MemoryTransport::message(std::string_view body) {
  input_ += frame_header(body.size());
  bytes(body);
}

void MemoryTransport::end() {
  ended_ = true;
  moved_.notify();
}

void MemoryTransport::hang_up() {
  gone_ = true;
  moved_.notify();
}

awaitable<std::size_t> MemoryTransport::read(std::span<char> into) {
  while (taken_ == input_.size() && !ended_) co_await moved_.wait();
  auto const fresh = std::string_view(input_).substr(taken_, into.size());
  std::copy(fresh.begin(), fresh.end(), into.begin());
  taken_ += fresh.size();
  if (taken_ == input_.size()) {
    input_.clear();
    taken_ = 0;
  }
  co_return fresh.size();
}

void MemoryTransport::send(std::string body) {
  if (!gone_) sent_.push_back(std::move(body));
}

awaitable<> MemoryTransport::writable() { co_return; }

awaitable<> MemoryTransport::flush() { co_return; }

awaitable<> MemoryTransport::gone() {
  while (!gone_) co_await moved_.wait();
}

}  // namespace jumpseat
