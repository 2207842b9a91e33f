// The pace and the end of a device sign-in (RFC 8628; GitHub "Authorizing OAuth apps", device
// flow): what to do after each answer. Plain: no I/O, no waiting, time is an argument.
#pragma once

#include <chrono>
#include <variant>

#include "protocol/result.h"
#include "protocol/secret.h"
#include "protocol/upstream.h"

namespace jumpseat {

class DeviceFlow {
 public:
  using Time = std::chrono::milliseconds;  // Clock::elapsed()

  struct Wait {
    std::chrono::milliseconds pause;
  };
  struct Granted {
    Secret access_token;
  };
  using Step = std::variant<Wait, Granted, Error>;

  // `interval` and `expires_in` as GitHub sent them.
  DeviceFlow(std::chrono::seconds interval, std::chrono::seconds expires_in, Time now);

  // The pause before the first poll.
  Step start(Time now) const { return wait(now); }
  // After GitHub's answer to a poll.
  Step answered(AccessTokenReply reply, Time now);
  // After a poll that got no answer: the pause grows, the flow goes on until the code expires.
  Step unreachable(Time now);
  // Until the code expires; never negative.
  std::chrono::seconds left(Time now) const;

 private:
  Step wait(Time now) const;
  std::chrono::milliseconds interval_;
  std::chrono::milliseconds penalty_{0};  // grows while GitHub cannot be reached
  Time expires_;
  int slow_downs_ = 0;
};

}  // namespace jumpseat
