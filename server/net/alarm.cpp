#include "server/net/alarm.h"

#include <utility>

namespace jumpseat {

Alarm::Alarm(asio::io_context& io, std::function<void()> ring)
    : timer_(io), ring_(std::move(ring)), self_(std::make_shared<Alarm*>(this)) {}

Alarm::~Alarm() { *self_ = nullptr; }

void Alarm::set(TimePoint due) {
  due_ = due;
  arm();
}

void Alarm::stop() {
  due_ = armed_ = never;
  timer_.cancel();
}

void Alarm::arm() {
  if (due_ >= armed_) return;
  armed_ = due_;
  timer_.expires_at(due_);
  timer_.async_wait([self = self_](boost::system::error_code error) {
    if (!error && *self != nullptr) (*self)->expired();
  });
}

void Alarm::expired() {
  armed_ = never;
  if (due_ > SteadyTimer::clock_type::now()) return arm();
  due_ = never;
  ring_();
}

}  // namespace jumpseat
