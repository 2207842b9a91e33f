// Event is the condition variable of a one-thread program: coroutines wait, somebody notifies. The
// wake-up is posted to the loop, so notify() may be called from anywhere, a C callback included,
// and no coroutine ever runs inside it.
#pragma once

#include <list>

#include <boost/asio/recycling_allocator.hpp>
#include <boost/system/error_code.hpp>

#include "server/base/asio.h"

namespace jumpseat {

class Event {
 public:
  explicit Event(Executor executor) : executor_(executor) {}
  ~Event() { notify(); }
  Event(Event const&) = delete;
  Event& operator=(Event const&) = delete;

  // Wakes everyone who waits now. Whoever comes later waits for the next one.
  void notify();
  // Returns after the next notify(), also when the Event is destroyed. Check the condition before
  // and after, in a loop.
  awaitable<> wait();

 private:
  // A coroutine as Asio hands it out, to be called with why it goes on.
  using Resume = asio::async_result<asio::use_awaitable_t<Executor>,
                                    void(boost::system::error_code)>::handler_type;
  // Mostly one, and that often: its memory is kept for the next one.
  using Waiters = std::list<Resume, asio::recycling_allocator<Resume>>;

  void add(Resume resume);
  void cancel(Waiters::iterator waiter);
  void post(Resume& resume, boost::system::error_code reason);

  Executor executor_;
  Waiters waiters_;
};

}  // namespace jumpseat
