#include "protocol/usage.h"

#include <string>
#include <string_view>

#include <catch2/catch.hpp>

namespace jumpseat {
namespace {

Quota quota(std::string name, double entitlement, double remaining, double percent) {
  Quota out;
  out.name = std::move(name);
  out.entitlement = entitlement;
  out.remaining = remaining;
  out.percent_remaining = percent;
  return out;
}

TEST_CASE("a quota in words") {
  CHECK(quota_words(quota("x", 300, 288.3, 96.1)) == "288.3 of 300 left (96.1 %)");
  CHECK(quota_words(quota("x", 2000, 1987, 99.35)) == "1987 of 2000 left (99.4 %)");
  CHECK(quota_words(quota("x", 0, 0, 12.5)) == "12.5 % left");
  CHECK(quota_words(quota("x", 300, 0, 0)) == "used up, all 300");
  CHECK(quota_words(quota("x", 0, 0, 0)) == "used up");
  CHECK(quota_words(quota("x", 1e300, 1e300, 100)) == "very many of very many left (100 %)");

  auto over = quota("x", 300, -1.34, -0.4);
  CHECK(quota_words(over) == "used up, all 300 and 1.3 over");
  over.overage_permitted = true;
  CHECK(quota_words(over) == "used up, all 300 and 1.3 over; more is billed");

  auto free = quota("x", -1, -1, 100);
  free.unlimited = true;
  CHECK(quota_words(free) == "unlimited");
}

CopilotUser octocat() {
  CopilotUser user;
  user.login = "octocat";
  user.plan = "individual";
  user.sku = "monthly_subscriber_quota";
  user.reset_date = "2026-10-01";
  auto chat = quota("chat", 0, 0, 100);
  chat.unlimited = true;
  user.quotas = {quota("premium_interactions", 300, 288.3, 96.1), chat,
                 quota("something\x1b[31m", 10, 5, 50)};
  return user;
}

TEST_CASE("an account in words") {
  CHECK(usage_text(octocat()) ==
        "octocat, plan individual\n"
        "Premium requests: 288.3 of 300 left (96.1 %)\n"
        "Chat: unlimited\n"
        "something\\x1b[31m: 5 of 10 left (50 %)\n"
        "The count starts anew on 2026-10-01.\n");

  CopilotUser nobody;
  CHECK(usage_text(nobody) == "Signed in\nGitHub names no quota for this plan.\n");
  nobody.has_access = false;
  CHECK(usage_text(nobody).find("no Copilot") != std::string::npos);
}

TEST_CASE("an account as JSON") {
  auto const out = usage_json(octocat(), 7);
  CHECK(out.at("object") == "copilot.usage");
  CHECK(out.at("login") == "octocat");
  CHECK(out.at("has_access") == true);
  CHECK(out.at("reset_date") == "2026-10-01");
  CHECK(out.at("age_seconds") == 7);
  CHECK(out.at("text").as_string() == std::string_view(usage_text(octocat())));
  auto const& quotas = out.at("quotas").as_array();
  REQUIRE(quotas.size() == 3);
  CHECK(json::serialize(quotas[0]) ==
        R"x({"name":"premium_interactions","text":"288.3 of 300 left (96.1 %)","unlimited":false,)x"
        R"x("entitlement":300,"remaining":2.883E2,"used":1.17E1,"percent_remaining":9.61E1,)x"
        R"x("overage_permitted":false})x");
  CHECK(json::serialize(quotas[1]) ==
        R"x({"name":"chat","text":"unlimited","unlimited":true,"entitlement":null,)x"
        R"x("remaining":null,"used":null,"percent_remaining":null,"overage_permitted":false})x");
}

}  // namespace
}  // namespace jumpseat
