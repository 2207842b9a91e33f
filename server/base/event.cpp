#include "server/base/event.h"

#include <utility>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace jumpseat {

// Not a timer that is cancelled to wake its waiters, as the custom is: that costs a place in Asio's
// queue of timers for each wait, and a stream waits for each of its chunks.
awaitable<> Event::wait() {
  using Token = asio::use_awaitable_t<Executor> const;
  return asio::async_initiate<Token, void(boost::system::error_code)>(
      [this](Resume resume) { add(std::move(resume)); }, use_awaitable);
}

void Event::add(Resume resume) {
  auto slot = asio::get_associated_cancellation_slot(resume);
  auto const waiter = waiters_.insert(waiters_.end(), std::move(resume));
  if (slot.is_connected()) slot.assign([this, waiter](auto) { cancel(waiter); });
}

void Event::cancel(Waiters::iterator waiter) {
  Waiters alone(waiters_.get_allocator());
  alone.splice(alone.end(), waiters_, waiter);
  post(alone.front(), asio::error::operation_aborted);
}

void Event::notify() {
  Waiters woken(waiters_.get_allocator());
  woken.swap(waiters_);
  for (Resume& resume : woken) post(resume, {});
}

void Event::post(Resume& resume, boost::system::error_code reason) {
  // It may be cancelled once more before it goes on, and this may be gone by then.
  if (auto slot = asio::get_associated_cancellation_slot(resume); slot.is_connected()) slot.clear();
  if (Woken* const woken = Woken::current_) {
    woken->list_.push_back({std::move(resume), reason, executor_});
  } else {
    asio::post(executor_, [resume = std::move(resume), reason]() mutable { resume(reason); });
  }
}

// ---- Woken ----

Woken* Woken::current_ = nullptr;

void Woken::run() {
  current_ = outer_;
  if (outer_ != nullptr) return;  // the outer work has not ended
  while (!list_.empty()) {
    One one = std::move(list_.front());
    list_.pop_front();
    one.resume(one.reason);
  }
}

// After an exception, or inside of other work, they go on by way of the loop.
Woken::~Woken() {
  current_ = outer_;
  for (One& one : list_) {
    asio::post(one.executor,
               [resume = std::move(one.resume), reason = one.reason]() mutable { resume(reason); });
  }
}

}  // namespace jumpseat
