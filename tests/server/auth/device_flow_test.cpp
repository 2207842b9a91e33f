#include "server/auth/device_flow.h"

#include <utility>

#include <catch2/catch.hpp>

namespace jumpseat {
namespace {

using namespace std::chrono_literals;

AccessTokenReply reply(AccessTokenReply::Kind kind) {
  AccessTokenReply out;
  out.kind = kind;
  return out;
}

std::chrono::milliseconds pause_of(DeviceFlow::Step const& step) {
  auto const* wait = std::get_if<DeviceFlow::Wait>(&step);
  REQUIRE(wait != nullptr);
  return wait->pause;
}

Error problem_of(DeviceFlow::Step const& step) {
  auto const* error = std::get_if<Error>(&step);
  REQUIRE(error != nullptr);
  return *error;
}

using Kind = AccessTokenReply::Kind;

TEST_CASE("U30: the pace is the interval and a fifth, never less") {
  DeviceFlow flow(5s, 900s, 0ms);
  CHECK(pause_of(flow.start(0ms)) == 6s);
  CHECK(pause_of(flow.answered(reply(Kind::pending), 6s)) == 6s);
  CHECK(flow.left(6s) == 894s);
}

TEST_CASE("U30: an interval that makes no sense becomes RFC 8628's five seconds") {
  CHECK(pause_of(DeviceFlow(0s, 900s, 0ms).start(0ms)) == 6s);
  CHECK(pause_of(DeviceFlow(-3s, 900s, 0ms).start(0ms)) == 6s);
}

TEST_CASE("U30: slow_down adds five seconds, or takes GitHub's interval, and never speeds up") {
  SECTION("without an interval") {
    DeviceFlow flow(5s, 900s, 0ms);
    CHECK(pause_of(flow.answered(reply(Kind::slow_down), 0ms)) == 14s);  // 10 s and 40 %
    CHECK(pause_of(flow.answered(reply(Kind::pending), 0ms)) == 14s);
    CHECK(pause_of(flow.answered(reply(Kind::slow_down), 0ms)) == 21s);
  }
  SECTION("with an interval") {
    DeviceFlow flow(5s, 900s, 0ms);
    auto slow = reply(Kind::slow_down);
    slow.interval = 20;
    CHECK(pause_of(flow.answered(slow, 0ms)) == 28s);
    slow.interval = 1;
    CHECK(pause_of(flow.answered(slow, 0ms)) == 28s);
  }
}

TEST_CASE("U30: a lost connection stretches the pace until GitHub answers again") {
  DeviceFlow flow(5s, 900s, 0ms);
  CHECK(pause_of(flow.unreachable(0ms)) == 11s);
  CHECK(pause_of(flow.answered(reply(Kind::transient), 0ms)) == 16s);
  CHECK(pause_of(flow.unreachable(0ms)) == 26s);
  CHECK(pause_of(flow.unreachable(0ms)) == 36s);
  CHECK(pause_of(flow.unreachable(0ms)) == 36s);
  CHECK(pause_of(flow.answered(reply(Kind::pending), 0ms)) == 6s);
}

TEST_CASE("U30: the last poll comes before the code expires, and then it is over") {
  DeviceFlow flow(5s, 10s, 0ms);
  CHECK(pause_of(flow.answered(reply(Kind::pending), 7s)) == 3s);
  CHECK(problem_of(flow.answered(reply(Kind::pending), 10s)).code() == ErrorCode::sign_in_expired);
  CHECK(problem_of(flow.unreachable(11s)).code() == ErrorCode::sign_in_expired);
  CHECK(flow.left(11s) == 0s);
}

TEST_CASE("U30: every end is one of its own") {
  DeviceFlow flow(5s, 900s, 0ms);
  auto granted = reply(Kind::granted);
  granted.access_token = Secret("ghu_0123456789012345678901234567890123456789");
  auto const step = flow.answered(granted, 0ms);
  auto const* good = std::get_if<DeviceFlow::Granted>(&step);
  REQUIRE(good != nullptr);
  CHECK(good->access_token == Secret("ghu_0123456789012345678901234567890123456789"));

  CHECK(problem_of(flow.answered(reply(Kind::denied), 0ms)).code() == ErrorCode::sign_in_denied);
  CHECK(problem_of(flow.answered(reply(Kind::expired), 0ms)).code() == ErrorCode::sign_in_expired);
  auto odd = reply(Kind::failed);
  odd.error = "device_flow_disabled";
  odd.description = "The owner has \x1b[31mswitched it off";
  auto const problem = problem_of(flow.answered(odd, 0ms));
  CHECK(problem.code() == ErrorCode::sign_in_failed);
  CHECK(problem.message().find("device_flow_disabled") != std::string::npos);
  CHECK(problem.message().find('\x1b') == std::string::npos);
}

}  // namespace
}  // namespace jumpseat
