// The two ends of a JSON-RPC session: bytes in, whole messages out. The stdio server, the in-memory
// pair of the tests, and whatever else may carry a session, are Transports.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <string>

#include "server/base/asio.h"

namespace jumpseat {

class Transport {
 public:
  virtual ~Transport() = default;
  // Waits for bytes and returns how many were put into `into`; 0 is the end of input.
  virtual awaitable<std::size_t> read(std::span<char> into) = 0;
  // Queues one message, framed, and sends what the peer takes now. Never waits.
  virtual void send(std::string body) = 0;
  // Returns when little enough is queued to go on producing; a slow peer slows its producers down.
  virtual awaitable<> writable() = 0;
  // Returns when all is sent or the peer is gone.
  virtual awaitable<> flush() = 0;
  // Returns when the transport is broken.
  virtual awaitable<> gone() = 0;
  // The peer takes nothing any more, or has let more than the limit pile up.
  virtual bool broken() const = 0;
};

}  // namespace jumpseat
