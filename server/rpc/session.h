// Session is what an editor talks to: our methods over a Peer. It decodes params, calls the
// services and encodes results; it decides nothing that another front end would have to decide as
// well.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/methods.h"
#include "protocol/result.h"
#include "server/auth/sign_in.h"
#include "server/auth/token_service.h"
#include "server/base/config.h"
#include "server/base/http_port.h"
#include "server/base/scope.h"
#include "server/chat/chat_service.h"
#include "server/chat/model_catalog.h"
#include "server/rpc/parent_watch.h"
#include "server/rpc/peer.h"

namespace jumpseat {

class Session {
 public:
  struct Parts {
    asio::io_context& io;
    Scope& background;
    TokenService& tokens;
    SignIn& sign_in;
    ModelCatalog& catalog;
    ChatService& chat;
    HttpPort& port;
    Clock& clock;
    LoadedConfig const& config;
    std::string version;
    std::function<void()> stop;  // ends the session although input may go on
  };
  Session(Parts parts, Peer& peer);
  Session(Session const&) = delete;
  Session& operator=(Session const&) = delete;
  ~Session();

  // True when the client sent `shutdown` before the end: the exit code is 0 then (LSP 3.17, exit).
  bool shut_down() const { return phase_ == Phase::shut_down; }
  // Did the client send `exit`?
  bool exited() const { return exited_; }

 private:
  enum class Phase { created, running, shut_down };

  void bind();
  std::optional<RpcError> gate(std::string_view method) const;

  Result<std::string> on_initialize(std::string_view params);
  void on_initialized();
  Result<std::string> on_shutdown();
  awaitable<Result<SignInResult>> on_sign_in(json::value params);
  awaitable<Result<StatusResult>> on_sign_in_confirm(json::value params);
  awaitable<Result<StatusResult>> on_execute_command(ExecuteCommandParams params);
  awaitable<Result<StatusResult>> on_sign_out(json::value params);
  awaitable<Result<StatusResult>> on_check_status(CheckStatusParams params);
  awaitable<Result<TokensResult>> on_list_tokens(json::value params);
  awaitable<Result<StatusResult>> on_use_token(TokenParams params);
  awaitable<Result<JsonText>> on_remove_token(TokenParams params);
  awaitable<Result<std::string>> on_chat(std::string params);
  awaitable<Result<JsonText>> on_models(ModelsParams params);
  awaitable<Result<AccountResult>> on_account(json::value params);
  awaitable<Result<json::object>> on_config(json::value params);
  awaitable<Result<HttpStartResult>> on_http_start(HttpStartParams params);
  awaitable<Result<HttpStatusResult>> on_http_stop(json::value params);
  awaitable<Result<HttpStatusResult>> on_http_status(json::value params);

  awaitable<Result<StatusResult>> finish_sign_in(std::optional<json::value> work_done_token);
  awaitable<> report_sign_in(json::value token);
  awaitable<> show_page(std::string uri);
  awaitable<Result<StatusResult>> verified_status();
  StatusResult status_of(SignInState const& state) const;
  // With what only checkStatus tells.
  StatusResult detailed(StatusResult status);
  void on_did_change_auth(std::string_view params);
  std::optional<Error> config_problem() const;

  void push_status();
  void push_status(DidChangeStatusParams const& params);
  void push_log(log::Level level, std::string const& text);
  void progress(json::value const& token, std::string_view value);
  void progress(json::value const& token, WorkDoneProgress const& value);

  Parts parts_;
  Peer& peer_;
  ParentWatch parent_;
  Phase phase_ = Phase::created;
  bool exited_ = false;
  bool can_show_document_ = false;
  std::string last_status_;  // the last didChangeStatus params, so that nothing is said twice
  // Requests that can be cancelled through their workDoneToken (its JSON text).
  std::map<std::string, std::function<void()>> work_;
};

}  // namespace jumpseat
