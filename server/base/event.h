// Event is the condition variable of a one-thread program: coroutines wait, somebody notifies. The
// wake-up is posted to the loop, so notify() may be called from anywhere, a C callback included,
// and no coroutine ever runs inside it.
#pragma once

#include <boost/asio/io_context.hpp>

#include "server/base/asio.h"

namespace jumpseat {

class Event {
 public:
  explicit Event(Executor executor);
  // Wakes everyone who waits now. Whoever comes later waits for the next one.
  void notify();
  // Returns after the next notify(). Check the condition before and after, in a loop.
  awaitable<> wait();

 private:
  SteadyTimer timer_;
};

}  // namespace jumpseat
