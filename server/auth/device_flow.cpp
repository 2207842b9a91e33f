#include "server/auth/device_flow.h"

#include <algorithm>
#include <utility>

namespace jumpseat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Error expired() {
  return fail(ErrorCode::sign_in_expired,
              "The sign-in code has expired before it was entered. Start the sign-in again.");
}

}  // namespace

DeviceFlow::DeviceFlow(seconds interval, seconds expires_in, Time now)
    // RFC 8628 3.2: 5 seconds when the server says nothing sensible.
    : interval_(interval.count() > 0 ? std::min(interval, seconds(300)) : seconds(5)),
      expires_(now + std::clamp(expires_in, seconds(1), seconds(3600))) {}

seconds DeviceFlow::left(Time now) const {
  return std::max(seconds(0), std::chrono::duration_cast<seconds>(expires_ - now));
}

DeviceFlow::Step DeviceFlow::wait(Time now) const {
  if (now >= expires_) return expired();
  // A margin above the interval: clocks of virtual machines run fast, and a poll that comes a hair
  // early costs five seconds of slow_down.
  auto const margin = interval_ * (slow_downs_ > 0 ? 4 : 2) / 10;
  auto const pause = interval_ + margin + penalty_;
  // The last poll comes before the end, not after it.
  return Wait{std::min(pause, std::max(expires_ - now, milliseconds(1)))};
}

DeviceFlow::Step DeviceFlow::answered(AccessTokenReply reply, Time now) {
  if (reply.kind == AccessTokenReply::Kind::transient) return unreachable(now);
  penalty_ = milliseconds(0);
  switch (reply.kind) {
    case AccessTokenReply::Kind::granted:
      return Granted{std::move(reply.access_token)};
    case AccessTokenReply::Kind::pending:
      return wait(now);
    case AccessTokenReply::Kind::slow_down:
      ++slow_downs_;
      // The reply's interval where it has one, else five seconds more (RFC 8628 3.5). Never faster.
      interval_ =
          std::max(interval_, reply.interval && *reply.interval > 0 && *reply.interval <= 300
                                  ? milliseconds(seconds(*reply.interval))
                                  : interval_ + seconds(5));
      return wait(now);
    case AccessTokenReply::Kind::denied:
      return fail(ErrorCode::sign_in_denied,
                  "The sign-in was refused on GitHub's page. Start it again to get a new code.");
    case AccessTokenReply::Kind::expired:
      return expired();
    case AccessTokenReply::Kind::transient:
    case AccessTokenReply::Kind::failed:
      break;
  }
  std::string why =
      reply.description.empty() ? reply.error : reply.error + ": " + reply.description;
  return fail(ErrorCode::sign_in_failed,
              "GitHub ended the sign-in (" + printable(why) + "). Start it again.");
}

DeviceFlow::Step DeviceFlow::unreachable(Time now) {
  penalty_ =
      std::min(penalty_ == milliseconds(0) ? interval_ : penalty_ * 2, milliseconds(seconds(30)));
  return wait(now);
}

}  // namespace jumpseat
