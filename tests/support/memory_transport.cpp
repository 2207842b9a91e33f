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

awaitable<std::size_t> MemoryTransport::read(std::span<char> into) {
  while (input_.empty() && !ended_) co_await moved_.wait();
  auto const count = std::min(input_.size(), into.size());
  std::copy_n(input_.begin(), count, into.begin());
  input_.erase(0, count);
  co_return count;
}

void MemoryTransport::send(std::string body) { sent_.push_back(std::move(body)); }

awaitable<> MemoryTransport::writable() { co_return; }

awaitable<> MemoryTransport::flush() { co_return; }

}  // namespace jumpseat
