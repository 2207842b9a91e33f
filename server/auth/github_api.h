// The calls to GitHub itself: device flow, token exchange, user. One function per route; no state,
// no decisions.
#pragma once

#include <chrono>

#include "protocol/identity.h"
#include "protocol/result.h"
#include "protocol/secret.h"
#include "protocol/upstream.h"
#include "protocol/url.h"
#include "server/base/asio.h"
#include "server/net/http_client.h"

namespace jumpseat {

struct ExchangeReply {
  ExchangeReply() = default;
  Result<CopilotToken> token = fail(ErrorCode::internal, "not asked");
  // GitHub refused the kind of token, or the app that it was made by, not the sign-in: it may still
  // be good as a bearer.
  bool wrong_kind = false;
};

class GitHubApi {
 public:
  GitHubApi(HttpClient& http, Issuer const& issuer, ClientIdentity const& identity, int max_retries)
      : http_(http), issuer_(issuer), identity_(identity), max_retries_(max_retries) {}

  // POST /login/device/code. The page in the answer must be the issuer's own; anything else is
  // refused (sign_in_failed), for a person will be sent there.
  awaitable<Result<DeviceCode>> request_device_code();
  // POST /login/oauth/access_token, one poll. Fails when there was no usable answer at all.
  awaitable<Result<AccessTokenReply>> poll_access_token(Secret const& device_code);
  // GET /copilot_internal/v2/token.
  awaitable<ExchangeReply> exchange(Secret const& github_token);
  // GET /models of Copilot's own service with the GitHub token as the bearer: the one call that
  // shows whether it takes this token, and costs nothing. Fails with what Copilot answered.
  awaitable<Result<void>> try_direct(Secret const& github_token, Url const& api);
  // GET /copilot_internal/user.
  awaitable<Result<CopilotUser>> user(Secret const& github_token);

 private:
  HttpRequest form_post(Url const& url, std::string body) const;
  HttpRequest api_get(Url const& url, Secret const& github_token) const;

  HttpClient& http_;
  Issuer const& issuer_;
  ClientIdentity const& identity_;
  int max_retries_;
};

// Headers that say who we are, for a request to GitHub or Copilot. An empty value leaves its header
// out.
void add_identity(RequestHeaders& headers, ClientIdentity const& identity);

}  // namespace jumpseat
