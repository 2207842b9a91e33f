// A Transport without descriptors: a test puts the peer's bytes in and looks at what was sent.
//
//   MemoryTransport wire(io);
//   wire.message(R"({"jsonrpc":"2.0","id":1,"method":"ping"})");
//   … wire.sent() …
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/base/event.h"
#include "server/rpc/transport.h"

namespace jumpseat {

class MemoryTransport final : public Transport {
 public:
  explicit MemoryTransport(asio::io_context& io);

  // ---- the peer's side ----

  // Bytes as they are. What is put in between two turns of the loop comes in one read, as far as
  // the reader has room.
  void bytes(std::string_view text);
  // One framed message.
  void message(std::string_view body);
  // No more bytes.
  void end();
  // The peer has closed the end from which it reads.
  void hang_up();
  // The bodies that were sent to the peer, in order.
  std::vector<std::string> const& sent() const { return sent_; }

  // ---- Transport ----

  awaitable<std::size_t> read(std::span<char> into) override;
  void send(std::string body) override;
  awaitable<> writable() override;
  awaitable<> flush() override;
  awaitable<> gone() override;
  bool broken() const override { return gone_; }

 private:
  std::string input_;
  std::size_t taken_ = 0;  // of input_
  bool ended_ = false;
  bool gone_ = false;
  std::vector<std::string> sent_;
  Event moved_;
};

}  // namespace jumpseat
