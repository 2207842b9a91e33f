// JSON-RPC over the process's own standard input and output. From the start, descriptor 1 points at
// standard error, so a stray print cannot corrupt the protocol; only this class holds the real
// output.
#pragma once

#include <cstddef>
#include <deque>
#include <string>

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "protocol/result.h"
#include "server/base/event.h"
#include "server/rpc/transport.h"

namespace jumpseat {

class StdioTransport final : public Transport {
 public:
  // Takes over descriptors `input` and `output` (duplicates them; their flags are restored at the
  // end).
  StdioTransport(asio::io_context& io, int input, int output);
  ~StdioTransport() override;
  StdioTransport(StdioTransport const&) = delete;
  StdioTransport& operator=(StdioTransport const&) = delete;

  awaitable<std::size_t> read(std::span<char> into) override;
  void send(std::string body) override;
  awaitable<> writable() override;
  awaitable<> flush() override;
  awaitable<> gone() override;
  bool broken() const override { return broken_; }

 private:
  struct Message {
    std::string header;
    std::string body;
    std::size_t size() const { return header.size() + body.size(); }
  };
  void write_now();
  void give_up();
  void watch_output();
  void wait_writable();

  using Descriptor = asio::posix::basic_stream_descriptor<Executor>;
  Descriptor input_;
  Descriptor output_;
  int input_flags_;
  int output_flags_;
  std::deque<Message> queue_;
  std::size_t queued_ = 0;  // bytes, less what is sent of the first message
  std::size_t sent_ = 0;    // bytes of the first message
  bool waiting_ = false;
  bool broken_ = false;
  Event moved_;
};

}  // namespace jumpseat
