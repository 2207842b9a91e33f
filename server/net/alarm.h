// A wake-up time that is set anew all the time and mostly moves away, as timeouts of requests that
// go well do. Moving it later costs nothing: the timer below is left as it is and looks again when
// it expires. It may therefore wake the loop once in vain.
#pragma once

#include <functional>
#include <memory>

#include "server/base/asio.h"

namespace jumpseat {

class Alarm {
 public:
  using TimePoint = SteadyTimer::time_point;
  static constexpr TimePoint never = TimePoint::max();

  // `ring` is called from the loop, once for each time set.
  Alarm(asio::io_context& io, std::function<void()> ring);
  ~Alarm();
  Alarm(Alarm const&) = delete;
  Alarm& operator=(Alarm const&) = delete;

  void set(TimePoint due);
  TimePoint due() const { return due_; }
  // Lets the loop run out of work.
  void stop();

 private:
  void arm();
  void expired();

  SteadyTimer timer_;
  std::function<void()> ring_;
  TimePoint due_ = never;
  TimePoint armed_ = never;       // what timer_ waits for
  std::shared_ptr<Alarm*> self_;  // null inside once this is destroyed; for a wait that comes late
};

}  // namespace jumpseat
