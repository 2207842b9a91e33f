// A clock that stands still until a test moves it.
#pragma once

#include "server/base/clock.h"

namespace jumpseat {

class FakeClock final : public Clock {
 public:
  std::int64_t unix_seconds() const override { return unix_seconds_; }
  std::chrono::milliseconds elapsed() const override { return elapsed_; }

  // Time passes, on both clocks.
  void advance(std::chrono::seconds time) {
    unix_seconds_ += time.count();
    elapsed_ += time;
  }
  // Somebody sets the time of day; no time passes.
  void jump(std::chrono::seconds by) { unix_seconds_ += by.count(); }

 private:
  std::int64_t unix_seconds_ = 1'790'000'000;
  std::chrono::milliseconds elapsed_{5'000'000};
};

}  // namespace jumpseat
