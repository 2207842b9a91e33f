// The composition root: builds every part, in the order in which they rest on each other, and runs
// one main task on the loop until it ends or a signal asks for the end. What can wake the process
// is all here: the main task's own input, the HTTP port, libcurl's sockets, timers, signals.
#pragma once

#include <functional>
#include <string>

#include "server/auth/github_api.h"
#include "server/auth/keyring.h"
#include "server/auth/litellm_directory.h"
#include "server/auth/sign_in.h"
#include "server/auth/store_watch.h"
#include "server/auth/stores.h"
#include "server/auth/token_service.h"
#include "server/auth/token_sources.h"
#include "server/base/clock.h"
#include "server/base/config.h"
#include "server/base/paths.h"
#include "server/base/scope.h"
#include "server/chat/answer_cache.h"
#include "server/chat/chat_service.h"
#include "server/chat/completion_service.h"
#include "server/chat/embeddings_service.h"
#include "server/chat/model_catalog.h"
#include "server/chat/usage_service.h"
#include "server/cli/services.h"
#include "server/cli/terminal.h"
#include "server/http/local_port.h"
#include "server/net/http_client.h"
#include "server/upstream/copilot_api.h"
#include "server/upstream/throttle.h"

namespace jumpseat {

class App {
 public:
  App(LoadedConfig loaded, Paths paths);
  App(App const&) = delete;
  App& operator=(App const&) = delete;

  // Runs `task` and then stops everything: background tasks, connections, the loop. Returns the
  // exit code: the task's, or 128 + the signal that ended it. A second signal ends the process at
  // once.
  int run(std::function<awaitable<int>(App&)> task);
  // The JSON-RPC server on standard input and output. Give it the real ones: see main().
  int run_stdio(int input, int output);
  // The HTTP port, until a signal ends it.
  int run_serve(Terminal& terminal);

  Services services();

 private:
  awaitable<> main_task(std::function<awaitable<int>(App&)> const& task);
  awaitable<int> serve_stdio(int input, int output);
  awaitable<int> serve_http(Terminal& terminal);
  void watch_signals();
  void watch_store();
  LiteLlmDirectory* add_sources();

  // Declared in the order of construction; destroyed the other way round, after the loop has run
  // empty.
  LoadedConfig loaded_;
  Paths paths_;
  asio::io_context io_;
  SystemClock clock_;
  Scope main_;
  Scope background_;
  Stores stores_;
  HttpClient http_;
  GitHubApi github_;
  Keyring keyring_;
  TokenSources sources_;
  LiteLlmDirectory* litellm_;  // one of the sources
  TokenService tokens_;
  StoreWatch store_watch_;
  SignIn sign_in_;
  Throttle throttle_;
  CopilotApi copilot_;
  ModelCatalog catalog_;
  ChatService chat_;
  EmbeddingsService embeddings_;
  CompletionService completions_;
  AnswerCache cache_;
  UsageService usage_;
  LocalPort port_;

  class Signals;
  Signals* signals_ = nullptr;
  std::function<void()> stop_;  // what the first signal does
  int exit_code_ = 1;
  int signal_ = 0;
};

}  // namespace jumpseat
