#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "protocol/upstream.h"

namespace jumpseat {
namespace {

using std::chrono::seconds;
using Kind = AccessTokenReply::Kind;

bool says(std::string_view text, std::string_view words) {
  INFO(text);
  return text.find(words) != std::string_view::npos;
}

// ---- Device code ----

DeviceCode code_of(std::string_view body) {
  auto const code = read_device_code(200, body);
  if (!code) FAIL(code.error().message());
  return *code;
}

std::string code_failure(int status, std::string_view body) {
  auto const code = read_device_code(status, body);
  if (code) return "accepted";
  CHECK(code.error().code() == ErrorCode::sign_in_failed);
  return code.error().message();
}

TEST_CASE("a device code is read from JSON and from a form") {
  for (
      std::string_view body :
      {R"({"device_code":"0123456789abcdef","user_code":"ABCD-1234","verification_uri":"https://github.com/login/device","expires_in":899,"interval":7,"new":1})",
       "device_code=0123456789abcdef&expires_in=899&interval=7&user_code=ABCD-1234&verification_"
       "uri=https%3A%2F%2Fgithub.com%2Flogin%2Fdevice\n"}) {
    DeviceCode const code = code_of(body);
    CHECK(code.device_code.reveal() == "0123456789abcdef");
    CHECK(code.user_code == "ABCD-1234");
    CHECK(code.verification_uri == "https://github.com/login/device");
    CHECK(code.expires_in == 899);
    CHECK(code.interval == 7);
  }
}

TEST_CASE("a device code's times have defaults and bounds") {
  auto const with = [](std::string_view members) {
    return code_of(R"({"device_code":"d","user_code":"ABCD-1234","verification_uri":"u")" +
                   std::string(members) + "}");
  };
  CHECK(with("").expires_in == 900);
  CHECK(with("").interval == 5);
  CHECK(with(R"(,"expires_in":-1,"interval":"x")").expires_in == 900);
  CHECK(with(R"(,"expires_in":-1,"interval":"x")").interval == 5);
  CHECK(with(R"(,"interval":0)").interval == 1);
  CHECK(with(R"(,"interval":100000)").interval == 300);
  CHECK(with(R"(,"expires_in":99999999999)").expires_in == 86400);
}

TEST_CASE("a user code of another form is refused, since people are to type it") {
  auto const with = [](std::string_view user_code) {
    return code_failure(200, R"({"device_code":"d","verification_uri":"u","user_code":")" +
                                 std::string(user_code) + "\"}");
  };
  for (std::string_view bad : {"", "ABCD1234", "abcd-1234", "ABCD-12345", "ABC-D1234",
                               R"(AB\u001b-1234)", "ABCD 1234", R"(\u202eBCD-12)"}) {
    CHECK(says(with(bad), "not of the form ABCD-1234"));
  }
  CHECK(says(with(R"(AB\u001b)"), R"(AB\x1b)"));
  CHECK(with("ABCD-1234") == "accepted");
}

TEST_CASE("an answer that is no device code says so") {
  CHECK(says(code_failure(200, R"({"user_code":"ABCD-1234","verification_uri":"u"})"),
             "device code"));
  CHECK(says(
      code_failure(200, R"({"device_code":"a b","user_code":"ABCD-1234","verification_uri":"u"})"),
      "device code"));
  CHECK(says(code_failure(200, R"({"device_code":"d","user_code":"ABCD-1234"})"), "names no page"));
  CHECK(says(code_failure(200, "<html>"), "proxy"));
  CHECK(says(code_failure(200, ""), "not of the device flow"));
  CHECK(says(code_failure(200, "[1]"), "not of the device flow"));
  CHECK(says(code_failure(302, "x"), "302"));
  CHECK(says(code_failure(404, "Not Found"), "client id"));
  CHECK(says(code_failure(429, "too many requests"), "Wait a few minutes"));
  CHECK(says(code_failure(503, "<html>"), "Try again later"));
}

TEST_CASE("an error instead of a device code is named") {
  CHECK(says(code_failure(200, R"({"error":"device_flow_disabled","error_description":"Off."})"),
             "device_flow_disabled (Off.)"));
  CHECK(says(code_failure(400, "error=incorrect_client_credentials&error_description=Wrong+id"),
             "incorrect_client_credentials (Wrong id)"));
  CHECK(says(code_failure(404, R"({"error":"Not Found"})"), "Not Found"));
}

// ---- Access token ----

TEST_CASE("a granted token is read from JSON and from a form") {
  auto const json = read_access_token(
      200, R"({"access_token":"ghu_EXAMPLEONLY","token_type":"bearer","scope":"read:user"})");
  CHECK(json.kind == Kind::granted);
  CHECK(json.access_token.reveal() == "ghu_EXAMPLEONLY");
  CHECK(json.refresh_token.empty());
  CHECK_FALSE(json.expires_in.has_value());
  auto const form = read_access_token(200, "access_token=ghu_EXAMPLEONLY&scope=&token_type=bearer");
  CHECK(form.kind == Kind::granted);
  CHECK(form.access_token.reveal() == "ghu_EXAMPLEONLY");
  auto const expiring = read_access_token(
      200,
      R"({"access_token":"ghu_A","expires_in":28800,"refresh_token":"ghr_B","refresh_token_expires_in":1})");
  CHECK(expiring.refresh_token.reveal() == "ghr_B");
  CHECK(expiring.expires_in == 28800);
}

TEST_CASE("U30: every error of the device flow has its kind, whatever the status") {
  std::vector<std::pair<std::string_view, Kind>> const rows = {
      {"authorization_pending", Kind::pending},
      {"slow_down", Kind::slow_down},
      {"expired_token", Kind::expired},
      {"token_expired", Kind::expired},
      {"access_denied", Kind::denied},
      {"incorrect_device_code", Kind::failed},
      {"incorrect_client_credentials", Kind::failed},
      {"unsupported_grant_type", Kind::failed},
      {"device_flow_disabled", Kind::failed},
      {"something_new", Kind::failed},
  };
  for (auto const& [error, kind] : rows) {
    for (int const status : {200, 400, 403}) {
      auto const reply = read_access_token(
          status, R"({"error":")" + std::string(error) + R"(","error_description":"Words."})");
      CHECK(reply.kind == kind);
      CHECK(reply.error == error);
      CHECK(reply.description == "Words.");
      CHECK(reply.access_token.empty());
    }
    CHECK(
        read_access_token(200, "error=" + std::string(error) + "&error_description=Words.").kind ==
        kind);
  }
}

TEST_CASE("U30: slow_down brings the new interval when GitHub says it") {
  CHECK(read_access_token(200, R"({"error":"slow_down","interval":10})").interval == 10);
  CHECK(read_access_token(200, "error=slow_down&interval=10").interval == 10);
  CHECK_FALSE(read_access_token(200, R"({"error":"slow_down"})").interval.has_value());
}

TEST_CASE("U30: faults that pass are told apart from final ones") {
  for (int const status : {408, 429, 500, 502, 503, 504}) {
    CHECK(read_access_token(status, "<html>").kind == Kind::transient);
    CHECK(read_access_token(status, "").kind == Kind::transient);
    CHECK(read_access_token(status, R"({"message":"Server Error"})").kind == Kind::transient);
  }
  CHECK(read_access_token(200, "<!doctype html>").kind == Kind::transient);
  CHECK(read_access_token(403, "<html>blocked</html>").kind == Kind::transient);
  CHECK(read_access_token(200, "").kind == Kind::transient);

  CHECK(read_access_token(404, "Not Found").kind == Kind::failed);
  CHECK(read_access_token(200, "{}").kind == Kind::failed);
  CHECK(read_access_token(404, R"({"message":"Not Found"})").description == "Not Found");
}

TEST_CASE("a token that could not go into a header is none") {
  for (std::string_view token : {"", R"(a\nb)", "a b", R"(a\u0000)", "\xC3\xA9"}) {
    auto const reply = read_access_token(200, R"({"access_token":")" + std::string(token) + "\"}");
    CHECK(reply.kind == Kind::failed);
    CHECK(reply.access_token.empty());
  }
  CHECK(read_access_token(400, R"({"access_token":"ghu_A"})").kind == Kind::failed);
}

// ---- Copilot token ----

constexpr std::string_view token_reply =
    R"({"token":"tid=1;exp=1790000000;sku=monthly_subscriber:0f0e","expires_at":1790000000,"refresh_in":1500,
  "sku":"monthly_subscriber","individual":true,"chat_enabled":true,"organization_list":[],"enterprise_list":null,
  "endpoints":{"api":"https://api.individual.githubcopilot.com","proxy":"https://proxy.individual.githubcopilot.com","telemetry":"x"},
  "user_notification":{"message":"The trial ends soon.","title":"t","notification_id":"subscription_trial_ending","url":"https://github.com/settings/copilot"}})";

Result<CopilotToken> token_of(std::string_view body, int status = 200,
                              HeaderView const& headers = {}) {
  return read_copilot_token(status, headers, body);
}

Error token_error(int status, std::string_view body, HeaderView const& headers = {}) {
  auto const token = token_of(body, status, headers);
  REQUIRE_FALSE(token.has_value());
  return token.error();
}

TEST_CASE("a Copilot token is read with what comes with it") {
  auto const token = token_of(token_reply);
  REQUIRE(token.has_value());
  CHECK(token->token.reveal() == "tid=1;exp=1790000000;sku=monthly_subscriber:0f0e");
  CHECK(token->expires_at == 1790000000);
  CHECK(token->refresh_in == 1500);
  CHECK(token->sku == "monthly_subscriber");
  CHECK(token->api == "https://api.individual.githubcopilot.com");
  CHECK(token->proxy == "https://proxy.individual.githubcopilot.com");
  CHECK(token->chat_enabled);
  CHECK(token->notice == "The trial ends soon.");
  CHECK(token->notice_url == "https://github.com/settings/copilot");
}

TEST_CASE("of a Copilot token's members only three are needed") {
  auto const bare = token_of(R"({"token":"t","expires_at":1790000000,"refresh_in":300})");
  REQUIRE(bare.has_value());
  CHECK(bare->api.empty());
  CHECK(bare->chat_enabled);
  auto const odd = token_of(
      R"({"token":"t","expires_at":1790000000,"refresh_in":300,"sku":7,"endpoints":[],"chat_enabled":"no","user_notification":"x","public_suggestions":{}})");
  REQUIRE(odd.has_value());
  CHECK(odd->sku.empty());
  CHECK(odd->chat_enabled);
  CHECK_FALSE(token_of(R"({"token":"t","expires_at":1,"refresh_in":1,"chat_enabled":false})")
                  ->chat_enabled);
}

TEST_CASE("a Copilot token without one of the three is an error that does not show it") {
  for (std::string_view body :
       {R"({"expires_at":1,"refresh_in":1})", R"({"token":"","expires_at":1,"refresh_in":1})",
        R"({"token":"CANARY","refresh_in":1})",
        R"({"token":"CANARY","expires_at":"soon","refresh_in":1})",
        R"({"token":"CANARY","expires_at":1})",
        R"({"token":"CANARY","expires_at":1,"refresh_in":0})",
        R"({"token":"CANARY\r\nX: y","expires_at":1,"refresh_in":1})",
        R"({"token":"CANARY \u0000","expires_at":1,"refresh_in":1})", R"(["CANARY"])",
        R"({"token":"CANARY)", "CANARY"}) {
    Error const error = token_error(200, body);
    CHECK(error.code() == ErrorCode::bad_upstream_json);
    CHECK_FALSE(says(error.message(), "CANARY"));
    CHECK_FALSE(says(error.detail(), "CANARY"));
  }
}

std::string envelope(std::string_view id) {
  return R"({"can_signup_for_limited":true,"error_details":{"message":"No Copilot seat for octo.","title":"Sign up","notification_id":")" +
         std::string(id) +
         R"(","url":"https://github.com/settings/copilot"},"message":"Resource not accessible by integration"})";
}

TEST_CASE("U13: an account without Copilot is told why, in GitHub's words and ours") {
  std::vector<std::pair<std::string_view, std::string_view>> const rows = {
      {"no_copilot_access", "no Copilot plan"},
      {"not_signed_up", "not signed up"},
      {"subscription_ended", "has ended"},
      {"enterprise_managed_user_account", "managed by an enterprise"},
      {"feature_flag_blocked", "switched Copilot off"},
      {"spammy_user", "flagged"},
      {"billing_locked", "Billing is locked"},
      {"trade_restricted", "Trade restrictions apply to this account"},
      {"trade_restricted_country", "Trade restrictions apply to the country"},
      {"codespaces_demo_inactive", "codespaces demo"},
      {"snippy_not_configured", "public code"},
      {"expired_coupon", "has expired"},
      {"revoked_coupon", "withdrawn"},
      {"go_http_client", "unknown client"},
      {"programmatic_token_generation", "by a script"},
      {"access_revoked", "withdrawn this account's access"},
      {"something_new", "Check the Copilot settings"},
  };
  for (auto const& [id, advice] : rows) {
    Error const error = token_error(403, envelope(id));
    CHECK(error.code() == ErrorCode::no_copilot_access);
    CHECK(error.http_status() == 403);
    CHECK(error.url() == "https://github.com/settings/copilot");
    CHECK(says(error.message(), "No Copilot seat for octo."));
    if (id == "not_signed_up") {
      CHECK(says(error.message(), "signed up"));
    } else {
      CHECK(says(error.message(), advice));
    }
    CHECK(says(error.detail(), id));
    CHECK_FALSE(error.retryable());
  }
  Error const fault = token_error(403, envelope("server_error"));
  CHECK(fault.code() == ErrorCode::upstream_failed);
  CHECK(fault.retryable());
}

TEST_CASE("a 403 that only says that one may sign up means the same") {
  Error const error = token_error(403, R"({"can_signup_for_limited":true,"message":"No."})");
  CHECK(error.code() == ErrorCode::no_copilot_access);
  CHECK(error.url() == "https://github.com/settings/copilot");
}

TEST_CASE("a link that is none is not passed on") {
  for (std::string_view link :
       {"http://github.com/", "https://a b", "https://a\\u001b[31m", "javascript:x"}) {
    std::string const text(link);
    CHECK(token_error(401, R"({"message":"m","documentation_url":")" + text + "\"}").url().empty());
    CHECK(token_error(403, R"({"error_details":{"message":"m","url":")" + text + "\"}}")
              .url()
              .empty());
  }
}

TEST_CASE("the exchange's other refusals are told apart") {
  Error const revoked = token_error(
      401,
      R"({"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"})");
  CHECK(revoked.code() == ErrorCode::token_rejected);
  CHECK(says(revoked.message(), "Bad credentials."));
  CHECK(says(revoked.message(), "Sign in again"));
  CHECK(revoked.url() == "https://docs.github.com/rest");

  Error const kind =
      token_error(403, R"({"message":"Resource not accessible by personal access token"})");
  CHECK(kind.code() == ErrorCode::token_rejected);
  CHECK(says(kind.message(), "device flow"));

  Error const app = token_error(404, R"({"message":"Not Found"})");
  CHECK(app.code() == ErrorCode::token_rejected);
  CHECK(says(app.message(), "may not use Copilot"));

  CHECK(token_error(403, R"({"message":"Blocked by policy"})").code() == ErrorCode::forbidden);
  CHECK(token_error(466, "old").code() == ErrorCode::client_too_old);
  CHECK(token_error(302, "").code() == ErrorCode::unexpected_redirect);
  CHECK(token_error(400, R"({"message":"Unsupported version"})").code() ==
        ErrorCode::upstream_rejected);
}

TEST_CASE("GitHub's REST limit is a rate limit with its wait") {
  HeaderView const reset = {{"date", "Sun, 06 Nov 1994 08:49:37 GMT"},
                            {"x-ratelimit-remaining", "0"},
                            {"x-ratelimit-reset", "784111897"}};
  constexpr std::string_view body =
      R"({"message":"API rate limit exceeded for user 1","documentation_url":"https://docs.github.com/x"})";
  Error const waits = token_error(403, body, reset);
  CHECK(waits.code() == ErrorCode::rate_limited);
  CHECK(waits.retry_after() == seconds(120));
  CHECK(waits.message().starts_with("Rate limit exceeded"));
  CHECK(token_error(429, body, {{"retry-after", "33"}}).retry_after() == seconds(33));
  CHECK(token_error(429, "", {}).retry_after() == seconds(60));
  CHECK(token_error(403, R"({"message":"You have exceeded a secondary rate limit"})").code() ==
        ErrorCode::rate_limited);
  CHECK(token_error(403, "", {{"x-ratelimit-remaining", "0"}}).code() == ErrorCode::rate_limited);
}

TEST_CASE("faults and pages of others during the exchange") {
  for (int const status : {408, 500, 502, 503, 504}) {
    CHECK(token_error(status, "<html>Unicorn</html>", {{"content-type", "text/html"}}).code() ==
          ErrorCode::upstream_failed);
    CHECK_FALSE(says(token_error(status, "<html>Unicorn</html>").message(), "Unicorn"));
  }
  CHECK(token_error(200, "<html>log in</html>", {{"content-type", "text/html"}}).code() ==
        ErrorCode::not_copilot);
  CHECK(token_error(403, "<html>blocked</html>").code() == ErrorCode::not_copilot);
}

// ---- The account ----

TEST_CASE("a paid plan is read with its quotas") {
  auto const user = read_copilot_user(
      200, {},
      R"({"login":"octo","access_type_sku":"monthly_subscriber_quota","copilot_plan":"individual",
    "can_signup_for_limited":false,"endpoints":{"api":"https://api.individual.githubcopilot.com"},"quota_reset_date":"2026-10-01",
    "quota_snapshots":{"chat":{"entitlement":0,"remaining":0,"quota_remaining":0.0,"percent_remaining":100.0,"unlimited":true,"overage_permitted":false},
    "premium_interactions":{"entitlement":300,"remaining":-1,"quota_remaining":-1.3,"percent_remaining":-0.4,"unlimited":false,"overage_permitted":true},
    "odd":7}})");
  REQUIRE(user.has_value());
  CHECK(user->login == "octo");
  CHECK(user->plan == "individual");
  CHECK(user->sku == "monthly_subscriber_quota");
  CHECK(user->has_access);
  CHECK(user->reset_date == "2026-10-01");
  CHECK(user->api == "https://api.individual.githubcopilot.com");
  REQUIRE(user->quotas.size() == 2);
  CHECK(user->quotas[0].name == "chat");
  CHECK(user->quotas[0].unlimited);
  CHECK(user->quotas[1].entitlement == 300);
  CHECK(user->quotas[1].remaining == -1.3);
  CHECK(user->quotas[1].percent_remaining == -0.4);
  CHECK(user->quotas[1].overage_permitted);
}

TEST_CASE("the free plan's quotas are what is left of the month's totals") {
  auto const user = read_copilot_user(
      200, {}, R"({"login":"octo","access_type_sku":"free_limited_copilot","copilot_plan":"free",
    "limited_user_quotas":{"chat":25,"completions":-1},"monthly_quotas":{"chat":50,"completions":2000},"limited_user_reset_date":"2026-10-05"})");
  REQUIRE(user.has_value());
  CHECK(user->has_access);
  CHECK(user->reset_date == "2026-10-05");
  REQUIRE(user->quotas.size() == 2);
  CHECK(user->quotas[0].percent_remaining == 50);
  CHECK(user->quotas[0].entitlement == 50);
  CHECK(user->quotas[1].remaining == -1);
  CHECK_FALSE(user->quotas[1].unlimited);
}

TEST_CASE("an account without Copilot has no access") {
  auto const user = read_copilot_user(
      200, {}, R"({"login":"octo","access_type_sku":"no_access","can_signup_for_limited":true})");
  REQUIRE(user.has_value());
  CHECK_FALSE(user->has_access);
  CHECK(user->quotas.empty());
  CHECK_FALSE(read_copilot_user(200, {}, R"({"can_signup_for_limited":true})")->has_access);
  CHECK(read_copilot_user(200, {}, "{}")->has_access);
  auto const revoked = read_copilot_user(401, {}, R"({"message":"Bad credentials"})");
  REQUIRE_FALSE(revoked.has_value());
  CHECK(revoked.error().code() == ErrorCode::token_rejected);
}

TEST_CASE("a quota header is a query string") {
  auto const quota = read_quota_header(
      "X-Quota-Snapshot-premium_interactions",
      "ent=300&ov=0.0&ovPerm=true&rem=96.1&rst=2026-10-01T00%3A00%3A00Z&totRem=288.3");
  REQUIRE(quota.has_value());
  CHECK(quota->name == "premium_interactions");
  CHECK(quota->entitlement == 300);
  CHECK(quota->percent_remaining == 96.1);
  CHECK(quota->remaining == 288.3);
  CHECK(quota->overage_permitted);
  CHECK_FALSE(quota->unlimited);

  auto const unlimited = read_quota_header("x-quota-snapshot-chat", "ent=-1&rem=100.0");
  REQUIRE(unlimited.has_value());
  CHECK(unlimited->unlimited);
  CHECK(unlimited->entitlement == 0);
  CHECK(read_quota_header("x-quota-snapshot-chat", "ent=50&rem=50")->remaining == 25);
  CHECK(read_quota_header("x-quota-snapshot-chat", "ent=50&rem=-2.5")->percent_remaining == -2.5);

  CHECK_FALSE(read_quota_header("x-quota", "ent=1&rem=1").has_value());
  CHECK_FALSE(read_quota_header("x-quota-snapshot-", "ent=1&rem=1").has_value());
  for (std::string_view junk :
       {"", "rem=1", "ent=1", "ent=x&rem=1", "ent=1&rem=inf", "ent=1&rem=nan", "ent=1&rem=%zz"}) {
    INFO(junk);
    CHECK_FALSE(read_quota_header("x-quota-snapshot-chat", junk).has_value());
  }
}

}  // namespace
}  // namespace jumpseat
