#include "server/base/exit_code.h"
#include "server/base/log.h"
#include "server/cli/commands.h"

namespace jumpseat {

int exit_code_of(Error const& error) {
  switch (error.code()) {
    case ErrorCode::config_invalid:
    case ErrorCode::copilot_disabled:
    case ErrorCode::port_unavailable:
      return exit_code::configuration;
    case ErrorCode::invalid_request:
    case ErrorCode::parse_error:
    case ErrorCode::method_not_found:
    case ErrorCode::server_not_initialized:
    case ErrorCode::request_too_large:
    case ErrorCode::malformed_request:
    case ErrorCode::request_headers_too_large:
    case ErrorCode::request_timeout:
    case ErrorCode::route_not_found:
    case ErrorCode::method_not_allowed:
    case ErrorCode::unsupported_media_type:
    case ErrorCode::expectation_failed:
    case ErrorCode::invalid_api_key:
    case ErrorCode::client_refused:
      return exit_code::usage;
    case ErrorCode::not_signed_in:
    case ErrorCode::token_malformed:
    case ErrorCode::token_rejected:
    case ErrorCode::sign_in_denied:
    case ErrorCode::sign_in_expired:
    case ErrorCode::sign_in_failed:
    case ErrorCode::sign_in_not_pending:
    case ErrorCode::no_copilot_access:
    case ErrorCode::forbidden:
    case ErrorCode::host_refused:
      return exit_code::sign_in;
    case ErrorCode::rate_limited:
    case ErrorCode::quota_exhausted:
      return exit_code::limit;
    case ErrorCode::client_too_old:
    case ErrorCode::content_filtered:
    case ErrorCode::upstream_rejected:
    case ErrorCode::upstream_failed:
    case ErrorCode::not_copilot:
    case ErrorCode::bad_upstream_json:
    case ErrorCode::stream_truncated:
    case ErrorCode::unexpected_redirect:
    case ErrorCode::unexpected_encoding:
    case ErrorCode::upstream_headers_too_large:
    case ErrorCode::upstream_body_too_large:
    case ErrorCode::upstream_unreachable:
    case ErrorCode::upstream_reset:
    case ErrorCode::upstream_interrupted:
    case ErrorCode::first_byte_timeout:
    case ErrorCode::idle_timeout:
    case ErrorCode::dns_failed:
    case ErrorCode::tls_failed:
    case ErrorCode::proxy_failed:
      return exit_code::upstream;
    case ErrorCode::cancelled:
    case ErrorCode::model_not_found:
    case ErrorCode::context_length_exceeded:
    case ErrorCode::unsupported_api_for_model:
    case ErrorCode::server_stopping:
    case ErrorCode::storage_unavailable:
    case ErrorCode::internal:
      return exit_code::failed;
  }
  return exit_code::failed;
}

int report(Terminal& terminal, Error const& error) {
  terminal.error_line(terminal.red("error: ") + log::safe(error.message()));
  if (!error.url().empty()) terminal.error_line("       " + log::safe(error.url()));
  if (error.retry_after()) {
    terminal.error_line("       Try again in " + std::to_string(error.retry_after()->count()) +
                        " s.");
  }
  return exit_code_of(error);
}

}  // namespace jumpseat
