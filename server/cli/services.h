// The parts of the program that a command works with; the composition root fills it.
#pragma once

#include "server/auth/github_api.h"
#include "server/auth/sign_in.h"
#include "server/auth/stores.h"
#include "server/auth/token_service.h"
#include "server/base/clock.h"
#include "server/base/config.h"
#include "server/base/paths.h"
#include "server/base/scope.h"
#include "server/chat/chat_service.h"
#include "server/chat/model_catalog.h"
#include "server/net/http_client.h"
#include "server/upstream/copilot_api.h"

namespace jumpseat {

struct Services {
  asio::io_context& io;
  Scope& background;
  LoadedConfig const& loaded;
  Paths const& paths;
  Clock& clock;
  Stores& stores;
  HttpClient& http;
  GitHubApi& github;
  TokenService& tokens;
  SignIn& sign_in;
  ModelCatalog& catalog;
  ChatService& chat;
  CopilotApi& copilot;
};

}  // namespace jumpseat
