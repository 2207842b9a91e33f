// The two clocks the program reads. Everything that waits or expires uses `elapsed()`, which goes
// on during suspend and never jumps; the time of day is for what other machines wrote and for
// people. Tests bring their own.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace jumpseat {

class Clock {
 public:
  virtual ~Clock() = default;
  // Unix seconds, as the machine believes.
  virtual std::int64_t unix_seconds() const = 0;
  // Since some fixed point; counts suspended time where the system can (CLOCK_BOOTTIME).
  virtual std::chrono::milliseconds elapsed() const = 0;
};

class SystemClock final : public Clock {
 public:
  std::int64_t unix_seconds() const override;
  std::chrono::milliseconds elapsed() const override;
};

// "2026-11-24T22:48:30Z"
std::string iso_time(std::int64_t unix_seconds);

}  // namespace jumpseat
