#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "protocol/upstream.h"

namespace jumpseat {
namespace {

using std::chrono::seconds;

// Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples.
constexpr std::int64_t rfc_date = 784111777;

Error read(int status, std::string_view body, HeaderView const& headers = {}) {
  return read_upstream_error(status, headers, body, "api.githubcopilot.com", "gpt-x", rfc_date);
}

std::string nested(std::string_view code, std::string_view message) {
  return R"({"error":{"message":")" + std::string(message) + R"(","code":")" + std::string(code) +
         "\"}}\n";
}

bool says(Error const& error, std::string_view words) {
  INFO(error.message());
  return error.message().find(words) != std::string::npos;
}

Error inband(std::string_view text) {
  boost::system::error_code ec;
  auto const value = boost::json::parse(text, ec);
  REQUIRE_FALSE(ec);
  return read_inband_error(value);
}

// ---- Shapes of the body ----

TEST_CASE("an error body is read in each of its four shapes") {
  HeaderView const labelled = {{"content-type", "text/plain; charset=utf-8"}};
  for (
      auto const& error : {
          read(
              400,
              R"({"error":{"message":"Bad value.","code":"unsupported_value","param":"store","type":"x"}})"),
          read(400, nested("unsupported_value", "Bad value."), labelled),
          read(400, R"({"code":"unsupported_value","message":"Bad value."})"),
          read(400,
               R"({"type":"error","error":{"code":"unsupported_value","message":"Bad value."}})"),
      }) {
    CHECK(error.code() == ErrorCode::upstream_rejected);
    CHECK(error.name() == "unsupported_value");
    CHECK(error.http_status() == 400);
    CHECK(says(error, "Bad value."));
  }
  Error const text = read(400, "  bad request: missing Editor-Version header for IDE auth\n",
                          {{"content-type", "application/json"}});
  CHECK(text.code() == ErrorCode::upstream_rejected);
  CHECK(text.name() == "upstream_rejected");
  CHECK(says(text, "missing Editor-Version header for IDE auth."));
  Error const quoted = read(400, "\"just text\"");
  CHECK(says(quoted, ": just text."));
  Error const oauth = read(400, R"({"error":"bad_thing","error_description":"It is bad"})");
  CHECK(oauth.name() == "bad_thing");
  CHECK(says(oauth, "It is bad."));
  CHECK(says(read(400, R"({"error":"only text"})"), "only text."));
  CHECK(read(400, "").code() == ErrorCode::upstream_rejected);
}

TEST_CASE("U10: a page in Copilot's place is never shown") {
  HeaderView const html = {{"content-type", "text/html; charset=utf-8"}};
  for (int const status : {400, 401, 403, 404, 429, 502, 503}) {
    for (std::string_view page :
         {"<!DOCTYPE html><title>Log in</title>", "\n <HTML><body>Blocked</body>",
          "\xEF\xBB\xBF<html>x", "<!-- x --><html>", "<?xml version=\"1.0\"?><html/>"}) {
      Error const error = read(status, page, html);
      CHECK(error.code() == ErrorCode::not_copilot);
      CHECK(says(error, "api.githubcopilot.com"));
      CHECK(says(error, "text/html"));
      CHECK_FALSE(says(error, "<"));
      CHECK_FALSE(error.detail().empty());
    }
  }
}

TEST_CASE("U10: a page with status 200 is not Copilot's, whoever wrote it") {
  HeaderView const headers = {{"content-type", "text/html"}, {"x-github-request-id", "A:1"}};
  CHECK(read(200, "<html>Log in</html>", headers).code() == ErrorCode::not_copilot);
  CHECK(read(200, "Log in", headers).code() == ErrorCode::not_copilot);
  CHECK(read(200, "<html>Log in</html>").code() == ErrorCode::not_copilot);
}

TEST_CASE("a page that GitHub itself wrote counts by its status, and is not shown either") {
  HeaderView const github = {{"content-type", "text/html"}, {"x-github-request-id", "A:1"}};
  Error const error = read(502, "<html><title>Unicorn!</title></html>", github);
  CHECK(error.code() == ErrorCode::upstream_failed);
  CHECK_FALSE(says(error, "Unicorn"));
}

TEST_CASE("JSON counts as JSON even when it is called HTML") {
  CHECK(read(402, nested("quota_exceeded", "You have no quota"), {{"content-type", "text/html"}})
            .code() == ErrorCode::quota_exhausted);
}

TEST_CASE("of a body only the first 64 KiB are looked at, of its words a few hundred") {
  std::string const huge = std::string(200000, 'a');
  Error const error = read(400, huge);
  CHECK(error.message().size() < 700);
  CHECK(says(error, "\xE2\x80\xA6"));
  // A code behind the end is not seen.
  CHECK(read(400, "{\"x\":\"" + std::string(70000, 'a') +
                      "\",\"code\":\"model_not_supported\",\"message\":\"m\"}")
            .code() == ErrorCode::upstream_rejected);
}

TEST_CASE("words from outside are shown without control characters") {
  Error const error = read(400, R"({"error":{"message":"a\u001b[31mb\u202ec\nd"}})");
  CHECK(says(error, R"(a\x1b[31mb\u202ec\nd)"));
}

TEST_CASE("a code that is no word is not passed on") {
  CHECK(read(400, nested("two words", "m")).name() == "upstream_rejected");
  CHECK(read(400, nested(std::string(200, 'a'), "m")).name() == "upstream_rejected");
  CHECK(read(400, R"({"error":{"code":17,"message":"m"}})").name() == "upstream_rejected");
}

// ---- Statuses and codes ----

TEST_CASE("a model that is not supported is a model not found, with likely causes") {
  for (std::string_view code : {"model_not_supported", "model_not_found"}) {
    Error const error = read(400, nested(code, "The requested model is not supported."));
    CHECK(error.code() == ErrorCode::model_not_found);
    CHECK(error.http_status() == 404);
    CHECK(error.name() == "model_not_found");
    CHECK(error.message().starts_with("Model 'gpt-x' not found"));
    for (std::string_view cause : {"plan", "policy", "region"}) CHECK(says(error, cause));
  }
  CHECK(read_upstream_error(400, {}, nested("model_not_supported", ""), "", "", 0)
            .message()
            .starts_with("Model not found"));
}

TEST_CASE("a model that is not served on this route is a refusal of its own") {
  for (auto const& error :
       {read(400, nested("unsupported_api_for_model",
                         "model gpt-x is not accessible via the /chat/completions endpoint")),
        read(400, "model gpt-x is not accessible via the /chat/completions endpoint\n")}) {
    CHECK(error.code() == ErrorCode::unsupported_api_for_model);
    CHECK(error.name() == "unsupported_api_for_model");
    CHECK(says(error, "Model 'gpt-x'"));
  }
}

TEST_CASE("a prompt that is too long says both numbers") {
  for (auto const& error : {
           read(400, nested("model_max_prompt_tokens_exceeded",
                            "prompt token count of 130123 exceeds the limit of 128000")),
           read(400, nested("", "prompt token count of 130123 exceeds the limit of 128000")),
           read(400, "Prompt token count of 130123 exceeds the limit of 128000"),
           read(400, nested("invalid_request_error",
                            "prompt is too long: 130123 tokens > 128000 maximum")),
           read(400, nested("context_length_exceeded", "gpt-4.1 saw 130123 tokens of 128000")),
       }) {
    CHECK(error.code() == ErrorCode::context_length_exceeded);
    CHECK(error.name() == "context_length_exceeded");
    CHECK(says(error, "130123"));
    CHECK(says(error, "128000"));
  }
  Error const without = read(
      400, nested("invalid_request_body", "Your input exceeds the context window of this model."));
  CHECK(without.code() == ErrorCode::context_length_exceeded);
  CHECK(says(without, "exceeds the context window"));
}

TEST_CASE("other refusals keep upstream's status, code and words") {
  struct Row {
    int status;
    std::string body, name, words;
  };
  std::vector<Row> const rows = {
      {400, nested("invalid_request_body", "Use max_completion_tokens."), "invalid_request_body",
       "Use max_completion_tokens."},
      {400, nested("previous_response_not_found", "No such response"),
       "previous_response_not_found", "No such response."},
      {400, nested("model_not_available_for_integrator", "Allowed: a, b"),
       "model_not_available_for_integrator", "Allowed: a, b"},
      {400, "off_topic: refused", "upstream_rejected", "off_topic"},
      {404, "404 page not found\n", "upstream_rejected", "404 page not found"},
      {409, "conflict", "upstream_rejected", "conflict"},
      {413, "Request Entity Too Large", "upstream_rejected", "too large"},
      {413, nested("", "failed to parse request"), "upstream_rejected", "failed to parse request"},
      {424, "agent failed", "upstream_rejected", "agent failed"},
  };
  for (Row const& row : rows) {
    Error const error = read(row.status, row.body);
    CHECK(error.code() == ErrorCode::upstream_rejected);
    CHECK(error.http_status() == row.status);
    CHECK(error.name() == row.name);
    CHECK_FALSE(error.retryable());
    CHECK(says(error, row.words));
  }
}

TEST_CASE("401 is about the sign-in, whatever its code") {
  for (std::string_view body :
       {"unauthorized: token expired", "IDE token expired: unauthorized: token expired",
        R"({"error":{"code":"rate_limited","message":"x"}})", ""}) {
    Error const error = read(401, body);
    CHECK(error.code() == ErrorCode::token_rejected);
    CHECK(error.name() == "token_rejected");
  }
  CHECK(says(
      read(401, "unauthorized: Personal Access Token does not have Copilot Requests permission"),
      "fine-grained token"));
}

TEST_CASE("an agent that wants consent says where") {
  Error const error = read(
      401,
      R"({"message":"Please authorize","authorize_url":"https://github.com/login/oauth/authorize?x=1"})");
  CHECK(error.code() == ErrorCode::forbidden);
  CHECK(error.url() == "https://github.com/login/oauth/authorize?x=1");
}

TEST_CASE("a token of the wrong kind says which one to use") {
  Error const error = read(400, "Personal Access Tokens are not supported for this endpoint");
  CHECK(error.code() == ErrorCode::token_rejected);
  CHECK(says(error, "device flow"));
}

TEST_CASE("U13: 403 keeps GitHub's own message and link") {
  Error const error = read(
      403,
      R"({"error":{"code":"policy","message":"This model requires an enterprise policy to be enabled.","documentation_url":"https://docs.github.com/policy"}})");
  CHECK(error.code() == ErrorCode::forbidden);
  CHECK(error.http_status() == 403);
  CHECK(error.name() == "policy");
  CHECK(error.url() == "https://docs.github.com/policy");
  CHECK_FALSE(error.retryable());
  CHECK(says(error, "This model requires an enterprise policy to be enabled."));

  Error const text =
      read(403, "You are not licensed to use Copilot, see https://github.com/settings/copilot.");
  CHECK(text.url() == "https://github.com/settings/copilot");
  CHECK(read(403, R"({"message":"m","url":"javascript:alert"})").url().empty());
  CHECK(read(403, R"({"message":"m","url":"https://a b"})").url().empty());
}

TEST_CASE("U14: 429 keeps the wait that was asked for, made right") {
  auto const wait = [](std::string_view value) {
    Error const error = read(429, nested("user_model_rate_limited", "Slow down"),
                             {{"retry-after", std::string(value)}});
    CHECK(error.code() == ErrorCode::rate_limited);
    CHECK(error.http_status() == 429);
    CHECK(error.name() == "user_model_rate_limited");
    CHECK(error.message().starts_with("Rate limit exceeded: Slow down."));
    REQUIRE(error.retry_after().has_value());
    return *error.retry_after();
  };
  CHECK(wait("2") == seconds(2));
  CHECK(wait("0") == seconds(0));
  CHECK(wait("Sun, 06 Nov 1994 08:50:07 GMT") == seconds(30));
  CHECK(wait("999999999999999999999999") == std::chrono::days(7));
  CHECK(wait("-5") == seconds(60));
  CHECK(wait("soon") == seconds(60));
}

TEST_CASE("U15: 429 without a wait suggests one") {
  Error const error = read(429, "too many requests");
  CHECK(error.retry_after() == seconds(60));
  CHECK(says(error, "Try again in 60 seconds."));
}

TEST_CASE("a wait inside the body counts when the header has none") {
  CHECK(read(429, R"({"error":{"code":"rate_limited","message":"m","retry_after":12.2}})")
            .retry_after() == seconds(13));
  CHECK(read(429, R"({"retry_after":12,"error":{"code":"rate_limited","message":"m"}})")
            .retry_after() == seconds(12));
  CHECK(read(429, R"({"error":{"message":"m","metadata":{"retry_after":"90"}}})").retry_after() ==
        seconds(90));
  CHECK(read(429, R"({"error":{"message":"m","retry_after":-1}})").retry_after() == seconds(60));
  CHECK(read(429, R"({"error":{"message":"m","retry_after":1e300}})").retry_after() ==
        std::chrono::days(7));
  CHECK(read(429, R"({"error":{"message":"m","retry_after":12}})", {{"retry-after", "3"}})
            .retry_after() == seconds(3));
}

TEST_CASE("a rate limit that comes as 400 is one all the same") {
  for (std::string_view code :
       {"rate_limited", "user_global_rate_limited:pro", "user_weekly_rate_limited",
        "integration_rate_limited", "model_overloaded", "agent_mode_limit_exceeded",
        "upstream_provider_rate_limit", "extension_blocked"}) {
    Error const error = read(400, nested(code, "Slow down"));
    CHECK(error.code() == ErrorCode::rate_limited);
    CHECK(error.http_status() == 429);
    CHECK(error.name() == code);
  }
  CHECK(read(400, nested("rate_limited_not", "m")).code() == ErrorCode::upstream_rejected);
}

TEST_CASE("waits are said in words of their size") {
  CHECK(says(read(429, "", {{"retry-after", "1"}}), "in 1 second."));
  CHECK(says(read(429, "", {{"retry-after", "300"}}), "in 5 minutes."));
  CHECK(says(read(429, "", {{"retry-after", "90000"}}), "in 25 hours."));
}

TEST_CASE("U16: 402 is a used-up quota") {
  for (std::string_view body :
       {R"({"error":{"code":"quota_exceeded","message":"You have no quota"}})", "quota exceeded",
        R"({"error":{"code":"overage_limit_reached","message":"m"}})"}) {
    Error const error = read(402, body, {{"retry-after", "Sun, 06 Nov 1994 09:49:37 GMT"}});
    CHECK(error.code() == ErrorCode::quota_exhausted);
    CHECK(error.name() == "insufficient_quota");
    CHECK(error.http_status() == 429);
    CHECK(error.retry_after() == seconds(3600));
    CHECK_FALSE(error.retryable());
  }
  CHECK_FALSE(read(402, "quota exceeded").retry_after().has_value());
  CHECK(read(400, nested("free_quota_exceeded", "m")).code() == ErrorCode::quota_exhausted);
}

TEST_CASE("U16: 466 says to update, and is not repeated") {
  Error const error = read(466, "bad request: the specified API version is no longer supported.");
  CHECK(error.code() == ErrorCode::client_too_old);
  CHECK_FALSE(error.retryable());
  CHECK(says(error, "API version is no longer supported"));
  CHECK(says(error, "Update jumpseat"));
}

TEST_CASE("422 is the content filter") {
  CHECK(read(422, "filtered by RAI").code() == ErrorCode::content_filtered);
  CHECK(read(400, nested("content_filter", "filtered")).code() == ErrorCode::content_filtered);
}

TEST_CASE("faults of upstream may be tried again") {
  for (int const status : {408, 421, 500, 502, 503, 504, 529, 599, 700}) {
    Error const error = read(status, "upstream connect error");
    CHECK(error.code() == ErrorCode::upstream_failed);
    CHECK(error.retryable());
    CHECK(says(error, "upstream connect error"));
  }
  CHECK(read(503, "x").http_status() == 503);
  CHECK(read(504, "x").http_status() == 504);
  CHECK(read(503, "x", {{"retry-after", "4"}}).retry_after() == seconds(4));
  // A code in a 5xx body decides nothing, but is passed on.
  Error const coded = read(500, nested("model_not_supported", "m"));
  CHECK(coded.code() == ErrorCode::upstream_failed);
  CHECK(coded.name() == "model_not_supported");
}

TEST_CASE("499 and redirects have meanings of their own") {
  CHECK(read(499, "").code() == ErrorCode::upstream_interrupted);
  CHECK(read(302, "").code() == ErrorCode::unexpected_redirect);
}

// ---- Errors inside a 200 ----

TEST_CASE("an error inside an answer is read from object, text or anything") {
  CHECK(inband(R"({"code":"c","message":"It broke."})").name() == "c");
  CHECK(inband(R"("it broke")").message().find("it broke") != std::string::npos);
  CHECK(inband(R"({"type":"overloaded_error","message":"m"})").name() == "overloaded_error");
  CHECK(inband("true").code() == ErrorCode::upstream_interrupted);
  CHECK(inband("[]").code() == ErrorCode::upstream_interrupted);
  CHECK(inband(R"({"code":"content_filter","message":"m"})").code() == ErrorCode::content_filtered);
  CHECK(inband(R"({"code":"quota_exceeded","message":"m"})").code() == ErrorCode::quota_exhausted);
  CHECK(inband(R"({"code":429,"message":"m","metadata":{"retry_after":9}})").retry_after() ==
        seconds(9));
  CHECK(inband(R"({"code":99999999999999,"message":"m"})").code() ==
        ErrorCode::upstream_interrupted);
}

// ---- Retry-After and dates ----

TEST_CASE("a date of HTTP is read in all three formats") {
  CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", rfc_date) == rfc_date);
  CHECK(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", rfc_date) == rfc_date);
  CHECK(parse_http_date("Sun Nov  6 08:49:37 1994", rfc_date) == rfc_date);
  CHECK(parse_http_date(" Thu, 01 Jan 1970 00:00:00 GMT ", 0) == 0);
  CHECK(parse_http_date("Wed Nov 16 08:49:37 1994", 0) == rfc_date + 10 * 86400);
  CHECK(parse_http_date("Thu, 29 Feb 2024 00:00:00 GMT", 0) == 1709164800);
}

TEST_CASE("a year of two digits is never more than fifty years ahead") {
  constexpr std::int64_t in_2026 = 1790000000;
  CHECK(parse_http_date("Friday, 01-Jan-27 00:00:00 GMT", in_2026) == 1798761600);
  CHECK(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", in_2026) == rfc_date);
}

TEST_CASE("what is no date of HTTP is none") {
  for (std::string_view text :
       {"", "GMT", ",", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08-49-37 GMT", "Sunday, 06-Nov-9a 08:49:37 GMT",
        "Sun Nov 06  08:49:37 1994", "Sun Nov  6 08:49:37 199", "1994-11-06T08:49:37Z"}) {
    INFO(text);
    CHECK_FALSE(parse_http_date(text, rfc_date).has_value());
  }
}

TEST_CASE("U14: Retry-After is seconds or a date, and nothing else") {
  CHECK(parse_retry_after("120", 0) == seconds(120));
  CHECK(parse_retry_after(" 120\t", 0) == seconds(120));
  CHECK(parse_retry_after("007", 0) == seconds(7));
  CHECK(parse_retry_after("604801", 0) == std::chrono::days(7));
  CHECK(parse_retry_after(std::string(400, '9'), 0) == std::chrono::days(7));
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:49:38 GMT", rfc_date) == seconds(1));
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", rfc_date + 1000) == seconds(0));
  CHECK(parse_retry_after("Sun, 06 Nov 2094 08:49:37 GMT", rfc_date) == std::chrono::days(7));
  for (std::string_view junk :
       {"", " ", "-1", "+1", "1.5", "1e3", "0x10", "soon", "1 2", "12s", "\xFF"}) {
    INFO(junk);
    CHECK_FALSE(parse_retry_after(junk, rfc_date).has_value());
  }
}

// ---- HTML, and text made safe ----

TEST_CASE("HTML is known by its type or its first bytes") {
  CHECK(looks_like_html("text/html", ""));
  CHECK(looks_like_html(" Text/HTML; charset=utf-8", "{}"));
  CHECK(looks_like_html("application/xhtml+xml", ""));
  CHECK(looks_like_html("application/json", "  <!doctype HTML>"));
  CHECK(looks_like_html("", "<html lang=en>"));
  CHECK_FALSE(looks_like_html("application/json", "{\"a\":\"<html>\"}"));
  CHECK_FALSE(looks_like_html("text/event-stream", "data: <html>"));
  CHECK_FALSE(looks_like_html("", ""));
  CHECK_FALSE(looks_like_html("text/plain", "404 page not found"));
}

TEST_CASE("an answer that is not Copilot's names host and type, and keeps its start for the log") {
  Error const error =
      not_copilot_error("api.example", "text/html", "<html>\x1b[2J" + std::string(500, 'x'));
  CHECK(error.code() == ErrorCode::not_copilot);
  CHECK(error.http_status() == 502);
  CHECK(says(error, "api.example"));
  CHECK(says(error, "text/html"));
  CHECK(error.detail().size() <= 200);
  CHECK(error.detail().starts_with("<html>\\x1b[2J"));
  CHECK(says(not_copilot_error("h", "", ""), "no content type"));
}

TEST_CASE("text from outside is shown with what could mislead escaped") {
  CHECK(printable("plain \xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80") ==
        "plain \xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  CHECK(printable(std::string_view("a\0b\x07\x1b\x7f", 6)) == R"(a\x00b\x07\x1b\x7f)");
  CHECK(printable("a\nb\rc\td") == R"(a\nb\rc\td)");
  CHECK(printable("\xC2\x80\xC2\x9F\xC2\xA0") == "\\x80\\x9f\xC2\xA0");
  CHECK(printable("\xE2\x80\xAE\xE2\x81\xA6\xE2\x80\x8F\xD8\x9C\xE2\x80\xA8") ==
        R"(\u202e\u2066\u200f\u061c\u2028)");
  CHECK(printable("\xFF"
                  "a\xC3") ==
        "\xEF\xBF\xBD"
        "a\xEF\xBF\xBD");
  CHECK(printable("\xED\xA0\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(printable("\xC0\xAF") == "\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_CASE("text from outside is cut at a character") {
  CHECK(printable("abcdef", 6) == "abcdef");
  CHECK(printable("abcdefg", 6) == "abc\xE2\x80\xA6");
  CHECK(printable("ab\xE2\x82\xAC\xE2\x82\xAC", 7) == "ab\xE2\x80\xA6");
  CHECK(printable("abc\n\n\n", 8) == "abc\\n\xE2\x80\xA6");
  CHECK(printable("abc", 2) == "");
  CHECK(printable("", 0) == "");
  CHECK(printable(std::string(10000, '\xFF')).size() <= 500);
}

TEST_CASE("a header is found by its name in lower case") {
  HeaderView const headers = {{"a", "1"}, {"b", "2"}, {"a", "3"}};
  CHECK(find_header(headers, "a") == "1");
  CHECK(find_header(headers, "c").empty());
}

}  // namespace
}  // namespace jumpseat
