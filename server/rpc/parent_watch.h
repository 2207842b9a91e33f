// Ends the session when the editor that started us dies, even if somebody else still holds the
// other end of our standard input (LSP 3.17, initialize: processId).
#pragma once

#include <cstdint>
#include <functional>

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "server/base/asio.h"
#include "server/base/scope.h"

namespace jumpseat {

class ParentWatch {
 public:
  ParentWatch(asio::io_context& io, Scope& background);
  // Calls `gone` once, when the process has ended. A process that does not exist (it may live in
  // another container) is not watched. Where the kernel can tell (Linux, pidfd), nothing wakes up
  // meanwhile; elsewhere it is looked at every two seconds.
  void watch(std::int64_t process, std::function<void()> gone);
  void stop();

 private:
  awaitable<> look(std::int64_t process, std::function<void()> gone);

  Scope& background_;
  asio::posix::basic_stream_descriptor<Executor> handle_;
};

}  // namespace jumpseat
