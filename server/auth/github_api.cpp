#include "server/auth/github_api.h"

#include <utility>

#include "server/base/log.h"
#include "server/net/credentials.h"
#include "server/net/retry.h"

namespace jumpseat {
namespace {

// These answers are small and quick; nobody should wait for them as for a chat.
HttpTimeouts api_timeouts() {
  HttpTimeouts timeouts;
  timeouts.first_byte = std::chrono::seconds(30);
  timeouts.idle = std::chrono::seconds(15);
  return timeouts;
}

constexpr std::size_t max_reply = 1u << 20;
constexpr std::size_t max_models = 8u << 20;

}  // namespace

void add_identity(RequestHeaders& headers, ClientIdentity const& identity) {
  headers.add_unless_empty("User-Agent", identity.user_agent);
  headers.add_unless_empty("Editor-Version", identity.editor_version);
  headers.add_unless_empty("Editor-Plugin-Version", identity.editor_plugin_version);
}

HttpRequest GitHubApi::form_post(Url const& url, std::string body) const {
  HttpRequest request("POST", url);
  request.headers.add("Accept", "application/json");
  request.headers.add("Content-Type", "application/x-www-form-urlencoded");
  add_identity(request.headers, identity_);
  request.body = std::move(body);
  request.timeouts = api_timeouts();
  request.max_body = max_reply;
  return request;
}

HttpRequest GitHubApi::api_get(Url const& url, Secret const& github_token) const {
  HttpRequest request("GET", url);
  request.headers.add("Accept", "application/json");
  add_identity(request.headers, identity_);
  request.headers.add_unless_empty("X-GitHub-Api-Version", identity_.exchange_api_version);
  request.authorization = authorization("token", github_token);
  request.timeouts = api_timeouts();
  request.max_body = max_reply;
  return request;
}

awaitable<Result<DeviceCode>> GitHubApi::request_device_code() {
  auto const body =
      "client_id=" + form_encode(identity_.client_id) + "&scope=" + form_encode(identity_.scope);
  // A device code costs nothing; asking twice only leaves one unused.
  auto make = [this, &body] { return form_post(issuer_.device_code, body); };
  auto reply = co_await send_repeatable(http_, make, max_retries_);
  if (!reply) co_return reply.error().within("Cannot start the sign-in");
  auto code = read_device_code(reply->status, reply->body);
  wipe(reply->body);
  if (!code) co_return code.error();
  log::protect(code->device_code, "device-code");
  // The page comes from the network and a person will open it: it is compared, never trusted.
  if (code->verification_uri != issuer_.verification_page) {
    co_return fail(ErrorCode::sign_in_failed,
                   "The sign-in answer names a page that is not GitHub's (" +
                       printable(code->verification_uri, 200) + "). It was not opened.");
  }
  co_return std::move(*code);
}

awaitable<Result<AccessTokenReply>> GitHubApi::poll_access_token(Secret const& device_code) {
  auto request =
      form_post(issuer_.access_token, device_grant_form(identity_.client_id, device_code));
  auto reply = co_await http_.send(std::move(request));
  if (!reply) co_return reply.error();
  auto answer = read_access_token(reply->status, reply->body);
  wipe(reply->body);
  log::protect(answer.access_token, "github-token");
  log::protect(answer.refresh_token, "github-token");
  co_return std::move(answer);
}

awaitable<ExchangeReply> GitHubApi::exchange(Secret const& github_token) {
  ExchangeReply out;
  auto make = [this, &github_token] { return api_get(issuer_.exchange, github_token); };
  auto reply = co_await send_repeatable(http_, make, max_retries_);
  if (!reply) {
    out.token = reply.error().within("Cannot get a Copilot token");
    co_return out;
  }
  out.token = read_copilot_token(reply->status, reply->headers.fields, reply->body);
  wipe(reply->body);
  if (out.token) {
    log::protect(out.token->token, "copilot-token");
  } else {
    // 401 is a token that GitHub does not know any more; 403 and 404 with this meaning are about
    // where the token comes from.
    out.wrong_kind = reply->status != 401 && out.token.error().code() == ErrorCode::token_rejected;
  }
  co_return out;
}

awaitable<Result<void>> GitHubApi::try_direct(Secret const& github_token, Url const& api) {
  auto url = api;
  if (url.target == "/") url.target.clear();
  url.target += "/models";
  auto make = [this, &github_token, &url] {
    HttpRequest request("GET", url);
    request.headers.add("Accept", "application/json");
    add_identity(request.headers, identity_);
    request.headers.add_unless_empty("Copilot-Integration-Id", identity_.integration_id);
    request.headers.add_unless_empty("X-GitHub-Api-Version", identity_.api_version);
    request.headers.add("OpenAI-Intent", "model-access");
    request.authorization = authorization("Bearer", github_token);
    request.timeouts = api_timeouts();
    request.max_body = max_models;
    return request;
  };
  auto reply = co_await send_repeatable(http_, make, max_retries_);
  if (!reply) co_return reply.error().within("Cannot ask Copilot about the sign-in");
  if (reply->status >= 200 && reply->status < 300 && read_models(reply->body))
    co_return Result<void>();
  co_return read_upstream_error(reply->status, reply->headers.fields, reply->body, url.host, {}, 0);
}

awaitable<Result<CopilotUser>> GitHubApi::user(Secret const& github_token) {
  auto make = [this, &github_token] { return api_get(issuer_.user, github_token); };
  auto reply = co_await send_repeatable(http_, make, max_retries_);
  if (!reply) co_return reply.error().within("Cannot read the account");
  co_return read_copilot_user(reply->status, reply->headers.fields, reply->body);
}

}  // namespace jumpseat
