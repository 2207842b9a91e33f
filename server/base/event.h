// Event is the condition variable of a one-thread program: coroutines wait, somebody notifies. The
// wake-up is posted to the loop, so notify() may be called from anywhere, a C callback included,
// and no coroutine ever runs inside it.
//
// A handler of the loop that mostly ends in somebody's waking up may do its work in wake_after():
// who was notified goes on at its end. By way of the loop's queue each would cost a look at all the
// sockets, a system call.
#pragma once

#include <list>
#include <utility>

#include <boost/asio/recycling_allocator.hpp>
#include <boost/system/error_code.hpp>

#include "server/base/asio.h"

namespace jumpseat {

class Woken;

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
  friend class Woken;
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

// Those whom the work at hand has notified; see wake_after().
class Woken {
 public:
  Woken() : outer_(std::exchange(current_, this)) {}
  ~Woken();
  Woken(Woken const&) = delete;
  Woken& operator=(Woken const&) = delete;
  void run();

 private:
  friend class Event;
  struct One {
    Event::Resume resume;
    boost::system::error_code reason;
    Executor executor;
  };

  static Woken* current_;
  Woken* outer_;
  std::list<One, asio::recycling_allocator<One>> list_;
};

// Calls `work`, and then those whom it notified: for the whole work of a handler, so that they run
// as they would from the loop, with nobody's functions below them. Whom these notify in turn, or
// whom work that throws has notified, goes on by way of the loop.
template <class Work>
void wake_after(Work work) {
  Woken woken;
  work();
  woken.run();
}

}  // namespace jumpseat
