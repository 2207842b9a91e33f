// The table of wire forms, one row per ErrorCode, and the Error that carries one.
//
// HTTP statuses are chosen with the callers' retry habits in mind: OpenAI's SDKs repeat 408, 409,
// 429 and everything from 500 up, so a failure that only a person can mend stays below 500 unless
// it is the connection to GitHub that failed.

#include "protocol/result.h"

#include <array>
#include <cassert>
#include <utility>

#include "protocol/rpc.h"

namespace jumpseat {
namespace {

// `type` of OpenAI's error body ("Error codes", OpenAI API reference).
constexpr std::string_view invalid_request = "invalid_request_error";
constexpr std::string_view authentication = "authentication_error";
constexpr std::string_view permission = "permission_error";
constexpr std::string_view rate_limit = "rate_limit_error";
constexpr std::string_view quota = "insufficient_quota";
constexpr std::string_view server = "server_error";

// Whether the same request may succeed later without any change.
constexpr bool retry = true;
constexpr bool final = false;

struct Row {
  ErrorCode code;
  ErrorTraits traits;
};

using Code = ErrorCode;
// clang-format off
constexpr std::array rows{
    // The caller.
    Row{Code::cancelled, {"cancelled", 499, invalid_request, rpc_error::request_cancelled, final}},
    Row{Code::invalid_request, {"invalid_request", 400, invalid_request, rpc_error::invalid_params, final}},
    Row{Code::parse_error, {"parse_error", 400, invalid_request, rpc_error::parse_error, final}},
    Row{Code::method_not_found, {"method_not_found", 404, invalid_request, rpc_error::method_not_found, final}},
    Row{Code::server_not_initialized, {"server_not_initialized", 400, invalid_request, rpc_error::server_not_initialized, final}},
    Row{Code::request_too_large, {"request_too_large", 413, invalid_request, rpc_error::invalid_request, final}},
    Row{Code::config_invalid, {"config_invalid", 400, invalid_request, rpc_error::invalid_params, final}},
    // Sign-in.
    Row{Code::not_signed_in, {"not_signed_in", 401, authentication, rpc_error::not_authenticated, final}},
    Row{Code::token_malformed, {"token_malformed", 401, authentication, rpc_error::not_authenticated, final}},
    Row{Code::token_rejected, {"token_rejected", 401, authentication, rpc_error::not_authenticated, final}},
    Row{Code::sign_in_denied, {"sign_in_denied", 401, authentication, rpc_error::device_flow_failed, final}},
    Row{Code::sign_in_expired, {"sign_in_expired", 401, authentication, rpc_error::device_flow_failed, final}},
    Row{Code::sign_in_failed, {"sign_in_failed", 401, authentication, rpc_error::device_flow_failed, final}},
    Row{Code::sign_in_not_pending, {"sign_in_not_pending", 409, invalid_request, rpc_error::invalid_request, final}},
    Row{Code::copilot_disabled, {"copilot_disabled", 403, permission, rpc_error::copilot_not_available, final}},
    Row{Code::no_copilot_access, {"no_copilot_access", 403, permission, rpc_error::copilot_not_available, final}},
    Row{Code::forbidden, {"forbidden", 403, permission, rpc_error::copilot_not_available, final}},
    Row{Code::host_refused, {"host_refused", 403, permission, rpc_error::request_failed, final}},
    // Models and quota.
    Row{Code::model_not_found, {"model_not_found", 404, invalid_request, rpc_error::request_failed, final}},
    Row{Code::context_length_exceeded, {"context_length_exceeded", 400, invalid_request, rpc_error::request_failed, final}},
    Row{Code::unsupported_api_for_model, {"unsupported_api_for_model", 400, invalid_request, rpc_error::request_failed, final}},
    Row{Code::content_filtered, {"content_filter", 400, invalid_request, rpc_error::request_failed, final}},
    Row{Code::rate_limited, {"rate_limit_exceeded", 429, rate_limit, rpc_error::request_failed, retry}},
    Row{Code::quota_exhausted, {"insufficient_quota", 429, quota, rpc_error::request_failed, final}},
    Row{Code::client_too_old, {"client_too_old", 403, permission, rpc_error::copilot_not_available, final}},
    // What upstream answered.
    Row{Code::upstream_rejected, {"upstream_rejected", 400, invalid_request, rpc_error::request_failed, final}},
    Row{Code::upstream_failed, {"upstream_failed", 502, server, rpc_error::request_failed, retry}},
    Row{Code::not_copilot, {"not_copilot", 502, server, rpc_error::request_failed, final}},
    Row{Code::bad_upstream_json, {"bad_upstream_json", 502, server, rpc_error::request_failed, retry}},
    Row{Code::stream_truncated, {"stream_truncated", 502, server, rpc_error::request_failed, retry}},
    Row{Code::unexpected_redirect, {"unexpected_redirect", 502, server, rpc_error::request_failed, final}},
    Row{Code::unexpected_encoding, {"unexpected_encoding", 502, server, rpc_error::request_failed, final}},
    Row{Code::upstream_headers_too_large, {"upstream_headers_too_large", 502, server, rpc_error::request_failed, final}},
    Row{Code::upstream_body_too_large, {"upstream_body_too_large", 502, server, rpc_error::request_failed, final}},
    // The way there.
    Row{Code::upstream_unreachable, {"upstream_unreachable", 502, server, rpc_error::request_failed, retry}},
    Row{Code::upstream_reset, {"upstream_reset", 502, server, rpc_error::request_failed, retry}},
    Row{Code::upstream_interrupted, {"upstream_interrupted", 502, server, rpc_error::request_failed, retry}},
    Row{Code::first_byte_timeout, {"first_byte_timeout", 504, server, rpc_error::request_failed, retry}},
    Row{Code::idle_timeout, {"idle_timeout", 504, server, rpc_error::request_failed, retry}},
    Row{Code::dns_failed, {"dns_failed", 502, server, rpc_error::request_failed, retry}},
    Row{Code::tls_failed, {"tls_failed", 502, server, rpc_error::request_failed, final}},
    Row{Code::proxy_failed, {"proxy_failed", 502, server, rpc_error::request_failed, final}},
    // The HTTP port.
    Row{Code::malformed_request, {"malformed_request", 400, invalid_request, rpc_error::invalid_request, final}},
    Row{Code::request_headers_too_large, {"request_headers_too_large", 431, invalid_request, rpc_error::invalid_request, final}},
    Row{Code::request_timeout, {"request_timeout", 408, invalid_request, rpc_error::invalid_request, retry}},
    Row{Code::route_not_found, {"not_found", 404, invalid_request, rpc_error::method_not_found, final}},
    Row{Code::method_not_allowed, {"method_not_allowed", 405, invalid_request, rpc_error::invalid_request, final}},
    Row{Code::unsupported_media_type, {"unsupported_media_type", 415, invalid_request, rpc_error::invalid_request, final}},
    Row{Code::expectation_failed, {"expectation_failed", 417, invalid_request, rpc_error::invalid_request, final}},
    Row{Code::invalid_api_key, {"invalid_api_key", 401, authentication, rpc_error::request_failed, final}},
    Row{Code::client_refused, {"client_refused", 403, permission, rpc_error::request_failed, final}},
    Row{Code::port_unavailable, {"port_unavailable", 409, invalid_request, rpc_error::request_failed, final}},
    Row{Code::server_stopping, {"server_stopping", 503, server, rpc_error::request_failed, retry}},
    // Ourselves.
    Row{Code::storage_unavailable, {"storage_unavailable", 503, server, rpc_error::request_failed, retry}},
    Row{Code::internal, {"internal_error", 500, server, rpc_error::internal_error, final}},
};
// clang-format on

// A code without a row, or a row in the wrong place, does not compile.
consteval bool in_order() {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].code != static_cast<ErrorCode>(i)) return false;
  }
  return rows.back().code == ErrorCode::internal;
}
static_assert(in_order());

}  // namespace

ErrorTraits const& traits(ErrorCode code) {
  auto const index = static_cast<std::size_t>(code);
  assert(index < rows.size());
  return rows[index].traits;
}

Error::Error(ErrorCode code, std::string message) {
  auto& facts = change();
  facts.code = code;
  facts.message = std::move(message);
}

Error::Error(Error const& other)
    : facts_(other.facts_ ? std::make_unique<Facts>(*other.facts_) : nullptr) {}

Error& Error::operator=(Error const& other) {
  if (this != &other) *this = Error(other);
  return *this;
}

Error::Facts const& Error::facts() const {
  static Facts const none;
  return facts_ ? *facts_ : none;
}

Error::Facts& Error::change() {
  if (!facts_) facts_ = std::make_unique<Facts>();
  return *facts_;
}

std::string_view Error::name() const {
  auto const& own = facts().name;
  return own.empty() ? traits(code()).name : std::string_view(own);
}

int Error::http_status() const {
  auto const own = facts().http_status;
  return own == 0 ? traits(code()).http_status : own;
}

Error Error::with_detail(std::string detail) && {
  change().detail = std::move(detail);
  return std::move(*this);
}

Error Error::with_name(std::string upstream_code) && {
  change().name = std::move(upstream_code);
  return std::move(*this);
}

Error Error::with_http_status(int status) && {
  change().http_status = status;
  return std::move(*this);
}

Error Error::with_retry_after(std::chrono::seconds wait) && {
  change().retry_after = wait;
  return std::move(*this);
}

Error Error::with_url(std::string url) && {
  change().url = std::move(url);
  return std::move(*this);
}

Error Error::with_partial_length(std::size_t bytes) && {
  change().partial_length = bytes;
  return std::move(*this);
}

Error Error::as_retryable() && {
  change().retryable = true;
  return std::move(*this);
}

Error Error::as_unsent() && {
  change().unsent = true;
  return std::move(*this);
}

Error Error::within(std::string_view context) && {
  auto& own = change().message;
  std::string message;
  message.reserve(context.size() + 2 + own.size());
  message.append(context).append(": ").append(own);
  own = std::move(message);
  return std::move(*this);
}

}  // namespace jumpseat
