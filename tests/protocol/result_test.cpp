#include "protocol/result.h"

#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace jumpseat {
namespace {

constexpr int code_count = static_cast<int>(ErrorCode::internal) + 1;

struct Expected {
  ErrorCode code;
  std::string_view name;
  int http_status;
  std::string_view openai_type;
  int rpc_code;
  bool retryable;
};

TEST_CASE("every error code has a row, and no two share a name") {
  std::set<std::string_view> names;
  for (int i = 0; i < code_count; ++i) {
    ErrorTraits const& row = traits(static_cast<ErrorCode>(i));
    CAPTURE(i, row.name);
    CHECK(!row.name.empty());
    CHECK(row.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
    CHECK(names.insert(row.name).second);
    CHECK(row.http_status >= 400);
    CHECK(row.http_status <= 599);
    CHECK(!row.openai_type.empty());
    CHECK(row.rpc_code != 0);
    // What only a person can mend is never worth an automatic repeat.
    if (row.http_status == 401 || row.http_status == 403) CHECK(!row.retryable);
  }
  CHECK(names.size() == code_count);
}

TEST_CASE("the wire forms that callers rely on") {
  std::vector<Expected> const table = {
      {ErrorCode::cancelled, "cancelled", 499, "invalid_request_error", -32800, false},
      {ErrorCode::invalid_request, "invalid_request", 400, "invalid_request_error", -32602, false},
      {ErrorCode::parse_error, "parse_error", 400, "invalid_request_error", -32700, false},
      {ErrorCode::method_not_found, "method_not_found", 404, "invalid_request_error", -32601,
       false},
      {ErrorCode::server_not_initialized, "server_not_initialized", 400, "invalid_request_error",
       -32002, false},
      {ErrorCode::request_too_large, "request_too_large", 413, "invalid_request_error", -32600,
       false},
      {ErrorCode::not_signed_in, "not_signed_in", 401, "authentication_error", 1000, false},
      {ErrorCode::token_rejected, "token_rejected", 401, "authentication_error", 1000, false},
      {ErrorCode::sign_in_denied, "sign_in_denied", 401, "authentication_error", 1001, false},
      {ErrorCode::no_copilot_access, "no_copilot_access", 403, "permission_error", 1002, false},
      {ErrorCode::forbidden, "forbidden", 403, "permission_error", 1002, false},
      {ErrorCode::model_not_found, "model_not_found", 404, "invalid_request_error", -32803, false},
      {ErrorCode::context_length_exceeded, "context_length_exceeded", 400, "invalid_request_error",
       -32803, false},
      {ErrorCode::content_filtered, "content_filter", 400, "invalid_request_error", -32803, false},
      {ErrorCode::rate_limited, "rate_limit_exceeded", 429, "rate_limit_error", -32803, true},
      {ErrorCode::quota_exhausted, "insufficient_quota", 429, "insufficient_quota", -32803, false},
      {ErrorCode::upstream_unreachable, "upstream_unreachable", 502, "server_error", -32803, true},
      {ErrorCode::stream_truncated, "stream_truncated", 502, "server_error", -32803, true},
      {ErrorCode::not_copilot, "not_copilot", 502, "server_error", -32803, false},
      {ErrorCode::first_byte_timeout, "first_byte_timeout", 504, "server_error", -32803, true},
      {ErrorCode::idle_timeout, "idle_timeout", 504, "server_error", -32803, true},
      {ErrorCode::storage_unavailable, "storage_unavailable", 503, "server_error", -32803, true},
      {ErrorCode::internal, "internal_error", 500, "server_error", -32603, false},
  };
  for (Expected const& row : table) {
    ErrorTraits const& got = traits(row.code);
    CAPTURE(row.name);
    CHECK(got.name == row.name);
    CHECK(got.http_status == row.http_status);
    CHECK(got.openai_type == row.openai_type);
    CHECK(got.rpc_code == row.rpc_code);
    CHECK(got.retryable == row.retryable);
  }
}

TEST_CASE("an error starts with what its code says") {
  Error const error = fail(ErrorCode::rate_limited, "Rate limit exceeded");
  CHECK(error.code() == ErrorCode::rate_limited);
  CHECK(error.message() == "Rate limit exceeded");
  CHECK(error.name() == "rate_limit_exceeded");
  CHECK(error.http_status() == 429);
  CHECK(error.retryable());
  CHECK(error.detail().empty());
  CHECK(error.url().empty());
  CHECK(!error.retry_after());
  CHECK(!error.partial_length());
  CHECK(!error.unsent());
}

TEST_CASE("an error carries what upstream said") {
  Error const error = fail(ErrorCode::upstream_rejected, "GitHub refused the request")
                          .with_detail("body: {}")
                          .with_name("unsupported_value")
                          .with_http_status(422)
                          .with_retry_after(std::chrono::seconds(30))
                          .with_url("https://github.com/settings/copilot")
                          .with_partial_length(17)
                          .as_unsent()
                          .within("chat");
  CHECK(error.code() == ErrorCode::upstream_rejected);
  CHECK(error.message() == "chat: GitHub refused the request");
  CHECK(error.detail() == "body: {}");
  CHECK(error.name() == "unsupported_value");
  CHECK(error.http_status() == 422);
  CHECK(error.retry_after() == std::chrono::seconds(30));
  CHECK(error.url() == "https://github.com/settings/copilot");
  CHECK(error.partial_length() == 17u);
  CHECK(error.unsent());
}

TEST_CASE("contexts pile up from the inside out") {
  Error const error =
      fail(ErrorCode::dns_failed, "no such host").within("connect").within("models");
  CHECK(error.message() == "models: connect: no such host");
}

TEST_CASE("a result holds a value or an error") {
  Result<std::string> good = std::string("text");
  REQUIRE(good.has_value());
  CHECK(*good == "text");
  Result<std::string> bad = fail(ErrorCode::internal, "broken");
  REQUIRE(bad.has_error());
  CHECK(bad.error().message() == "broken");
  Result<void> nothing;
  CHECK(nothing.has_value());
}

}  // namespace
}  // namespace jumpseat
