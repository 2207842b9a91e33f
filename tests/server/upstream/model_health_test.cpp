// When a model that is in trouble is asked again. Time is an argument.
#include "server/upstream/model_health.h"

#include <string>

#include <catch2/catch.hpp>

namespace jumpseat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Error limited() {
  return fail(ErrorCode::rate_limited, "wait").with_name("user_model_rate_limited");
}
Error broken(std::string text) { return fail(ErrorCode::upstream_failed, std::move(text)); }

TEST_CASE("U14: after a 429 the model rests as long as upstream says, others do not") {
  ModelHealth health;
  CHECK_FALSE(health.refusal("m", seconds(0)));
  health.bad("m", 429, limited(), seconds(7), seconds(100));
  auto const no = health.refusal("m", seconds(100));
  REQUIRE(no);
  CHECK(no->code() == ErrorCode::rate_limited);
  CHECK(no->name() == "user_model_rate_limited");
  CHECK(no->message().starts_with("Rate limit exceeded"));
  CHECK(no->retry_after() == seconds(7));
  CHECK(health.refusal("m", milliseconds(106'999))->retry_after() == seconds(1));
  CHECK_FALSE(health.refusal("other", seconds(100)));
  CHECK_FALSE(health.refusal("m", seconds(107)));
  CHECK_FALSE(health.refusal("m", seconds(106)));  // it is forgotten
}

TEST_CASE(
    "U14: a huge wait holds for five minutes; none, zero and our own suggestion hold nobody") {
  ModelHealth health;
  health.bad("m", 429, limited(), std::chrono::days(7), seconds(0));
  CHECK(health.refusal("m", seconds(299)));
  CHECK_FALSE(health.refusal("m", seconds(300)));
  health.bad("m", 429, limited(), std::nullopt, seconds(400));
  CHECK_FALSE(health.refusal("m", seconds(400)));
  health.bad("m", 429, limited(), seconds(0), seconds(400));
  CHECK_FALSE(health.refusal("m", seconds(400)));
}

TEST_CASE(
    "U14: a shorter wait that comes later does not shorten a longer one; a good answer ends it") {
  ModelHealth health;
  health.bad("m", 429, limited(), seconds(60), seconds(0));
  health.bad("m", 429, limited(), seconds(2), seconds(1));
  CHECK(health.refusal("m", seconds(59)));
  health.good("m");
  CHECK_FALSE(health.refusal("m", seconds(59)));
}

TEST_CASE("U17: after five 5xx in a row calls fail at once, and one in five seconds tries") {
  ModelHealth health;
  for (int i = 1; i <= 5; ++i) {
    CHECK_FALSE(health.refusal("m", seconds(10)));
    health.bad("m", 503, broken("no healthy upstream " + std::to_string(i)), {}, seconds(10));
  }
  auto const no = health.refusal("m", seconds(11));
  REQUIRE(no);
  CHECK(no->code() == ErrorCode::upstream_failed);
  CHECK(no->message() ==
        "This request was not sent: Copilot failed 5 times in a row with m, the last time with: "
        "no healthy upstream 5");
  CHECK(no->retry_after() == seconds(4));
  CHECK_FALSE(health.refusal("other", seconds(11)));

  CHECK_FALSE(health.refusal("m", seconds(15)));  // this one tries
  CHECK(health.refusal("m", seconds(15)));        // and nobody else meanwhile
  health.bad("m", 503, broken("still"), {}, seconds(16));
  CHECK(health.refusal("m", seconds(20))->message().ends_with("the last time with: still"));
  CHECK(health.state("m", seconds(20)) == ModelHealth::State::failing);
  CHECK_FALSE(health.refusal("m", seconds(21)));
  health.good("m");
  CHECK(health.state("m", seconds(21)) == ModelHealth::State::well);
  CHECK_FALSE(health.refusal("m", seconds(21)));
  CHECK_FALSE(health.refusal("m", seconds(21)));
}

TEST_CASE("U17: answers of other kinds between them keep the circuit closed") {
  ModelHealth health;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 4; ++i) health.bad("m", 500, broken("x"), {}, seconds(1));
    if (round == 0) health.good("m");
    if (round == 1) health.bad("m", 400, fail(ErrorCode::invalid_request, "x"), {}, seconds(1));
  }
  CHECK_FALSE(health.refusal("m", seconds(1)));
  health.bad("m", 529, broken("x"), {}, seconds(1));
  CHECK(health.refusal("m", seconds(1)));
}

}  // namespace
}  // namespace jumpseat
