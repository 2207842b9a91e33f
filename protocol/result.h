// Failures are values here. An operation that can fail in an ordinary way returns Result<T>; the
// Error inside carries words for a person, a code for a program, and what to do about it.
//
//   auto token = co_await tokens.get();
//   if (!token) co_return token.error();
//   use(*token);
//
// Exceptions are left for cancellation, for running out of memory and for bugs.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/system/result.hpp>

namespace jumpseat {

// Every way in which this program says no. The wire forms (HTTP status, OpenAI `type` and `code`,
// JSON-RPC code, whether trying again may help) are one table, in result.cpp.
enum class ErrorCode {
  // The caller.
  cancelled,
  invalid_request,
  parse_error,
  method_not_found,
  server_not_initialized,
  request_too_large,
  config_invalid,
  // Sign-in.
  not_signed_in,
  token_malformed,
  token_rejected,
  sign_in_denied,
  sign_in_expired,
  sign_in_failed,
  sign_in_not_pending,
  copilot_disabled,
  no_copilot_access,
  forbidden,
  host_refused,
  // Models and quota.
  model_not_found,
  context_length_exceeded,
  unsupported_api_for_model,
  content_filtered,
  rate_limited,
  quota_exhausted,
  client_too_old,
  // What upstream answered.
  upstream_rejected,
  upstream_failed,
  not_copilot,
  bad_upstream_json,
  stream_truncated,
  unexpected_redirect,
  unexpected_encoding,
  upstream_headers_too_large,
  upstream_body_too_large,
  // The way there.
  upstream_unreachable,
  upstream_reset,
  upstream_interrupted,
  first_byte_timeout,
  idle_timeout,
  dns_failed,
  tls_failed,
  proxy_failed,
  // The HTTP port.
  malformed_request,
  request_headers_too_large,
  request_timeout,
  route_not_found,
  method_not_allowed,
  unsupported_media_type,
  expectation_failed,
  invalid_api_key,
  client_refused,
  port_unavailable,
  server_stopping,
  // Ourselves.
  storage_unavailable,
  internal,
};

// The wire forms of an ErrorCode.
struct ErrorTraits {
  std::string_view name;         // `code` in OpenAI's error body and in JSON-RPC `data`
  int http_status;               // 400..599
  std::string_view openai_type;  // `type` in OpenAI's error body
  int rpc_code;                  // JSON-RPC 2.0 / LSP 3.17 error code, or the Copilot server's 10xx
  bool retryable;                // the same request may succeed later without any change
};

// Never fails: every code has its row.
ErrorTraits const& traits(ErrorCode code);

class Error {
 public:
  // Only because Result::error() is written for any E: it builds one when there is no error. Never
  // seen by a caller that asked first.
  Error() = default;
  Error(Error const& other);
  Error(Error&&) noexcept = default;
  Error& operator=(Error const& other);
  Error& operator=(Error&&) noexcept = default;
  ~Error() = default;
  // `message` is safe to show: it says what failed, where, and what to do.
  Error(ErrorCode code, std::string message);

  ErrorCode code() const { return facts().code; }
  std::string const& message() const { return facts().message; }
  // For the log only.
  std::string const& detail() const { return facts().detail; }
  // The wire `code`: upstream's own where it said one, else the name of code().
  std::string_view name() const;
  int http_status() const;
  bool retryable() const { return facts().retryable || traits(code()).retryable; }
  std::optional<std::chrono::seconds> retry_after() const { return facts().retry_after; }
  // GitHub's page that tells more; empty when there is none.
  std::string const& url() const { return facts().url; }
  // True when the request provably never reached the other side, so that repeating it once is free
  // (quality table R1): name look-up, connect or TLS failed, or the peer refused the stream.
  bool unsent() const { return facts().unsent; }
  // UTF-8 bytes of answer text that reached the caller before the failure.
  std::optional<std::size_t> partial_length() const { return facts().partial_length; }

  Error with_detail(std::string detail) &&;
  Error with_name(std::string upstream_code) &&;
  Error with_http_status(int status) &&;
  Error with_retry_after(std::chrono::seconds wait) &&;
  Error with_url(std::string url) &&;
  Error with_partial_length(std::size_t bytes) &&;
  Error as_unsent() &&;
  // Trying again may help although its code says nothing about that.
  Error as_retryable() &&;
  // Puts "context: " before the message.
  Error within(std::string_view context) &&;

 private:
  struct Facts {
    ErrorCode code = ErrorCode::internal;
    int http_status = 0;
    bool unsent = false;
    bool retryable = false;
    std::string message;
    std::string detail;
    std::string name;
    std::string url;
    std::optional<std::chrono::seconds> retry_after;
    std::optional<std::size_t> partial_length;
  };
  Facts const& facts() const;
  Facts& change();

  // Elsewhere, because a Result has room for an Error whether it holds one or not, and every
  // coroutine that waits has room for some Results: thousands of streams would pay for it.
  std::unique_ptr<Facts> facts_;  // null in one without anything
};

// There is deliberately no throw_exception_from_error for Error: .value() does not compile, so a
// Result is read by asking first.
template <class T = void>
using Result = boost::system::result<T, Error>;

inline Error fail(ErrorCode code, std::string message) { return Error(code, std::move(message)); }

}  // namespace jumpseat
