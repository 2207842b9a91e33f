#include "server/rpc/session.h"

#include <utility>

#include "protocol/chat_request.h"
#include "protocol/chat_stream.h"
#include "protocol/scan.h"
#include "server/base/deadline.h"
#include "server/base/log.h"

namespace jumpseat {
namespace {

constexpr char not_signed_into[] = "You are not signed into GitHub Copilot.";

std::string status_name(SignInState::Kind kind, std::optional<Error> const& problem) {
  switch (kind) {
    case SignInState::Kind::ready:
      return "OK";
    case SignInState::Kind::unverified:
    case SignInState::Kind::unreachable:
      return "MaybeOK";
    case SignInState::Kind::signed_out:
      return "NotSignedIn";
    case SignInState::Kind::refused:
      // A token that GitHub does not know any more is no sign-in; an account without Copilot is
      // one.
      return problem && problem->code() == ErrorCode::token_rejected ? "NotSignedIn"
                                                                     : "NotAuthorized";
    case SignInState::Kind::disabled:
      return "NotAuthorized";
  }
  return "NotSignedIn";
}

Command sign_in_command() {
  Command command;
  command.title = "Sign in to GitHub Copilot";
  command.command = command::finish_device_flow;
  return command;
}

// Everything that may lead to a request to GitHub.
bool needs_configuration(std::string_view name) {
  return name != method::config && name != method::shutdown && name != method::initialized &&
         name != method::set_trace && name != method::work_done_cancel &&
         name != method::sign_out && name != method::http_stop && name != method::http_status;
}

// Removes a task from the cancellable work when its request ends, however it ends.
class WorkEntry {
 public:
  WorkEntry(std::map<std::string, std::function<void()>>& work, std::string token)
      : work_(work), token_(std::move(token)) {}
  WorkEntry(WorkEntry const&) = delete;
  WorkEntry& operator=(WorkEntry const&) = delete;
  ~WorkEntry() { work_.erase(token_); }

 private:
  std::map<std::string, std::function<void()>>& work_;
  std::string token_;
};

// Sends the end of a work-done progress, however the work ends.
class ProgressEnd {
 public:
  explicit ProgressEnd(std::function<void()> say) : say_(std::move(say)) {}
  ProgressEnd(ProgressEnd const&) = delete;
  ProgressEnd& operator=(ProgressEnd const&) = delete;
  ~ProgressEnd() {
    if (say_) say_();
  }

 private:
  std::function<void()> say_;
};

}  // namespace

Session::Session(Parts parts, Peer& peer)
    : parts_(std::move(parts)), peer_(peer), parent_(parts_.io, parts_.background) {
  bind();
}

Session::~Session() { log::listen(nullptr); }

void Session::bind() {
  peer_.set_gate([this](std::string_view method) { return gate(method); });
  peer_.set_error_decorator([](Error const& error, json::object& data) {
    if (error.code() != ErrorCode::not_signed_in && error.code() != ErrorCode::token_rejected)
      return;
    // What an editor needs to offer a sign-in.
    data["signIn"] = method::sign_in;
  });

  using std::placeholders::_1;
  peer_.on_immediate(method::initialize,
                     [this](std::string_view params) { return on_initialize(params); });
  peer_.on_notification(method::initialized, [this](std::string_view) { on_initialized(); });
  peer_.on_immediate(method::shutdown, [this](std::string_view) { return on_shutdown(); });
  peer_.on_notification(method::exit, [this](std::string_view) {
    exited_ = true;
    peer_.stop();
  });
  peer_.on_notification(method::work_done_cancel, [this](std::string_view params) {
    auto const token = find_member(params, "token");
    if (!token) return;
    auto const found = work_.find(std::string(*token));
    if (found == work_.end()) return;
    auto const cancel = found->second;  // it erases its own entry
    cancel();
  });

  for (auto const* name : {method::sign_in, method::sign_in_initiate}) {
    peer_.on<json::value, SignInResult>(name, std::bind(&Session::on_sign_in, this, _1));
  }
  peer_.on<json::value, StatusResult>(method::sign_in_confirm,
                                      std::bind(&Session::on_sign_in_confirm, this, _1));
  peer_.on<ExecuteCommandParams, StatusResult>(method::execute_command,
                                               std::bind(&Session::on_execute_command, this, _1));
  peer_.on<json::value, StatusResult>(method::sign_out, std::bind(&Session::on_sign_out, this, _1));
  peer_.on<CheckStatusParams, StatusResult>(method::check_status,
                                            std::bind(&Session::on_check_status, this, _1));

  peer_.on<json::value, TokensResult>(method::list_tokens,
                                      std::bind(&Session::on_list_tokens, this, _1));
  peer_.on<TokenParams, StatusResult>(method::use_token,
                                      std::bind(&Session::on_use_token, this, _1));
  peer_.on<TokenParams, JsonText>(method::remove_token,
                                  std::bind(&Session::on_remove_token, this, _1));
  peer_.on_notification(method::did_change_auth,
                        [this](std::string_view params) { on_did_change_auth(params); });

  peer_.on_request(method::chat, [this](std::string params) { return on_chat(std::move(params)); });
  peer_.on<ModelsParams, JsonText>(method::models, std::bind(&Session::on_models, this, _1));
  peer_.on<json::value, AccountResult>(method::account, std::bind(&Session::on_account, this, _1));
  peer_.on<json::value, json::object>(method::config, std::bind(&Session::on_config, this, _1));
  peer_.on<HttpStartParams, HttpStartResult>(method::http_start,
                                             std::bind(&Session::on_http_start, this, _1));
  peer_.on<json::value, HttpStatusResult>(method::http_stop,
                                          std::bind(&Session::on_http_stop, this, _1));
  peer_.on<json::value, HttpStatusResult>(method::http_status,
                                          std::bind(&Session::on_http_status, this, _1));

  parts_.tokens.on_change([this] { push_status(); });
  parts_.chat.on_activity([this] { push_status(); });
  parts_.sign_in.on_end([this](Result<void> const&) { push_status(); });
}

std::optional<RpcError> Session::gate(std::string_view name) const {
  RpcError error;
  if (name == method::exit) return std::nullopt;
  switch (phase_) {
    case Phase::created:
      if (name == method::initialize) return std::nullopt;
      error.code = rpc_error::server_not_initialized;
      error.message = "The first request must be initialize.";
      return error;
    case Phase::running:
      if (name == method::initialize) {
        error.code = rpc_error::invalid_request;
        error.message = "initialize was already sent.";
        return error;
      }
      // With a wrong setting nothing goes out: not to GitHub in place of the host that was meant.
      if (auto problem = config_problem(); problem && needs_configuration(name)) {
        error = to_rpc_error(*problem);
        error.message = log::safe(*problem);
        return error;
      }
      return std::nullopt;
    case Phase::shut_down:
      error.code = rpc_error::invalid_request;
      error.message = "The server is shutting down; only exit is left.";
      return error;
  }
  return std::nullopt;
}

// ---- life cycle ----

Result<std::string> Session::on_initialize(std::string_view text) {
  auto value = parse_json(text);
  if (!value) return value.error();
  auto decoded = decode<InitializeParams>(*value);
  if (!decoded) return decoded.error();
  auto const& params = *decoded;
  phase_ = Phase::running;
  if (params.processId) {
    parent_.watch(*params.processId, [this] {
      log::info("stdio", "the editor's process has ended");
      parts_.stop();
    });
  }
  if (params.capabilities && params.capabilities->window &&
      params.capabilities->window->showDocument) {
    can_show_document_ = params.capabilities->window->showDocument->support.value_or(false);
  }
  if (params.initializationOptions && params.initializationOptions->account) {
    auto chosen = parts_.tokens.choose_account(*params.initializationOptions->account);
    if (!chosen) return chosen.error().within("initializationOptions.account");
  }
  InitializeResult result;
  result.capabilities.executeCommandProvider.commands = {command::finish_device_flow};
  result.serverInfo.name = "Jumpseat";
  result.serverInfo.version = parts_.version;
  return json::serialize(encode(result));
}

void Session::on_initialized() {
  log::listen([this](log::Level level, std::string const& text) { push_log(level, text); });
  for (auto const& warning : parts_.config.warnings) log::warning("config", warning);
  if (auto problem = config_problem()) {
    log::failure("config", *problem);
    MessageParams message;
    message.type = 1;
    message.message = "Jumpseat: " + log::safe(*problem);
    peer_.notify(method::show_message, message);
  }
  push_status();
}

Result<std::string> Session::on_shutdown() {
  phase_ = Phase::shut_down;
  parts_.sign_in.cancel();
  return std::string("null");
}

// ---- sign-in and status ----

StatusResult Session::status_of(SignInState const& state) const {
  StatusResult result;
  result.status = status_name(state.kind, state.problem);
  if (!state.login.empty()) result.user = state.login;
  if (state.problem && result.status != "OK") result.message = log::safe(*state.problem);
  return result;
}

// Asks Copilot, so that the answer is not a guess.
awaitable<Result<StatusResult>> Session::verified_status() {
  auto access = co_await parts_.tokens.get();
  auto state = parts_.tokens.state();
  if (access && state.login.empty()) {
    auto user = co_await parts_.tokens.user();
    if (user) state.login = user->login;
  }
  if (!access && access.error().code() == ErrorCode::cancelled) co_return access.error();
  co_return status_of(state);
}

awaitable<Result<SignInResult>> Session::on_sign_in(json::value) {
  SignInResult result;
  if (!parts_.sign_in.pending()) {
    auto status = co_await verified_status();
    if (!status) co_return status.error();
    if (status->status == "OK" || status->status == "MaybeOK") {
      result.status = "AlreadySignedIn";
      result.user = status->user.value_or("");
      co_return result;
    }
    if (auto state = parts_.tokens.state(); state.kind == SignInState::Kind::disabled)
      co_return *state.problem;
  }
  auto prompt = co_await parts_.sign_in.start();
  if (!prompt) {
    // The official server's code for a device flow that cannot start.
    auto problem = fail(ErrorCode::sign_in_failed, prompt.error().message())
                       .with_detail(prompt.error().detail());
    if (prompt.error().retryable()) problem = std::move(problem).as_retryable();
    co_return problem;
  }
  push_status();
  result.status = "PromptUserDeviceFlow";
  result.userCode = prompt->user_code;
  result.verificationUri = prompt->verification_uri;
  result.expiresIn = prompt->expires_in.count();
  result.interval = prompt->interval.count();
  result.command = sign_in_command();
  co_return result;
}

awaitable<Result<StatusResult>> Session::on_sign_in_confirm(json::value) {
  co_return co_await finish_sign_in(std::nullopt);
}

awaitable<Result<StatusResult>> Session::on_execute_command(ExecuteCommandParams params) {
  if (params.command != command::finish_device_flow) {
    co_return fail(ErrorCode::invalid_request,
                   "Unknown command " + printable(params.command, 100) + ".");
  }
  if (parts_.sign_in.pending() && can_show_document_) {
    auto prompt = co_await parts_.sign_in.start();
    // Not awaited: an editor that never answers must not keep the person from signing in.
    if (prompt) parts_.background.spawn("show page", show_page(prompt->verification_uri));
  }
  co_return co_await finish_sign_in(std::move(params.workDoneToken));
}

awaitable<> Session::show_page(std::string uri) {
  ShowDocumentParams params;
  params.uri = std::move(uri);
  auto text = json::serialize(encode(params));
  auto shown = co_await peer_.call(method::show_document, std::move(text));
  if (!shown)
    log::info("stdio", "the editor did not open the sign-in page",
              {{"why", shown.error().message()}});
}

awaitable<Result<StatusResult>> Session::finish_sign_in(std::optional<json::value> token) {
  std::string key = token ? json::serialize(*token) : std::string();
  WorkEntry entry(work_, key);
  std::function<void()> say_end;
  Scope::TaskId reporter = 0;
  if (token && parts_.sign_in.pending()) {
    work_[key] = [this] { parts_.sign_in.cancel(); };
    WorkDoneProgress begin;
    begin.kind = "begin";
    begin.title = "Waiting for the sign-in on GitHub";
    begin.cancellable = true;
    progress(*token, begin);
    reporter = parts_.background.spawn("sign-in progress", report_sign_in(*token));
    say_end = [this, token = *token, reporter] {
      parts_.background.cancel(reporter);
      WorkDoneProgress end;
      end.kind = "end";
      progress(token, end);
    };
  }
  ProgressEnd const end(std::move(say_end));
  auto outcome = co_await parts_.sign_in.wait();
  if (!outcome) co_return outcome.error();
  co_return co_await verified_status();
}

awaitable<> Session::report_sign_in(json::value token) {
  while (parts_.sign_in.pending()) {
    co_await sleep_for(std::chrono::seconds(5));
    if (!parts_.sign_in.pending()) co_return;
    WorkDoneProgress report;
    report.kind = "report";
    auto const& trouble = parts_.sign_in.trouble();
    report.message =
        trouble.empty() ? std::to_string(parts_.sign_in.left().count()) + " s left" : trouble;
    progress(token, report);
  }
}

awaitable<Result<StatusResult>> Session::on_sign_out(json::value) {
  parts_.sign_in.cancel();
  auto removed = co_await parts_.tokens.sign_out();
  if (!removed) co_return removed.error();
  auto const state = parts_.tokens.state();
  auto status = status_of(state);
  if (state.kind != SignInState::Kind::signed_out && !state.source.empty()) {
    status.message = "A token from " + state.source + " is still in use; remove it there.";
  }
  co_return status;
}

awaitable<Result<StatusResult>> Session::on_check_status(CheckStatusParams params) {
  bool const local = params.localChecksOnly.value_or(false) ||
                     (params.options && params.options->localChecksOnly.value_or(false));
  if (local) co_return detailed(status_of(parts_.tokens.state()));
  auto status = co_await verified_status();
  if (!status) co_return status.error();
  co_return detailed(std::move(*status));
}

StatusResult Session::detailed(StatusResult status) {
  auto const state = parts_.tokens.state();
  if (!state.source.empty()) status.source = state.source;
  if (!state.token_kind.empty()) status.tokenKind = state.token_kind;
  if (!state.plan.empty()) status.plan = state.plan;
  if (auto const& account = parts_.config.config.account; !account.empty())
    status.account = account;
  if (state.token_left) status.tokenExpiresIn = state.token_left->count();
  if (!state.passed_over.empty()) status.passedOver.emplace();
  for (auto const& each : state.passed_over)
    status.passedOver->push_back({log::safe(each.source), log::safe(each.reason)});
  return status;
}

awaitable<Result<TokensResult>> Session::on_list_tokens(json::value) {
  auto choices = co_await parts_.tokens.choices();
  if (!choices) co_return choices.error();
  TokensResult result;
  for (auto const& choice : *choices) {
    AvailableToken token;
    token.tokenId = choice.id;
    token.source = log::safe(choice.sign_in.source);
    token.tokenKind = std::string(describe(choice.sign_in.kind));
    if (!choice.sign_in.login.empty()) token.user = log::safe(choice.sign_in.login);
    if (!choice.sign_in.name.empty()) token.account = choice.sign_in.name;
    token.inUse = choice.in_use;
    result.tokens.push_back(std::move(token));
  }
  co_return result;
}

awaitable<Result<StatusResult>> Session::on_use_token(TokenParams params) {
  auto chosen = co_await parts_.tokens.choose(std::move(params.tokenId));
  if (!chosen) co_return chosen.error();
  auto status = co_await verified_status();
  if (!status) co_return status.error();
  co_return detailed(std::move(*status));
}

awaitable<Result<JsonText>> Session::on_remove_token(TokenParams params) {
  auto removed = co_await parts_.tokens.remove(std::move(params.tokenId));
  if (!removed) co_return removed.error();
  co_return JsonText{"\"OK\""};
}

void Session::on_did_change_auth(std::string_view text) {
  auto value = parse_json(text);
  auto decoded =
      value ? decode<DidChangeAuthParams>(*value) : Result<DidChangeAuthParams>(value.error());
  if (!decoded) return log::failure("auth", decoded.error().within(method::did_change_auth));
  // A token is bound to the host that issued it.
  if (decoded->accessToken && decoded->serverUrl && !decoded->serverUrl->empty()) {
    auto const& ours = parts_.config.config.issuer.origin;
    auto const issuer = issuer_for_host(*decoded->serverUrl);
    if (*decoded->serverUrl != ours && (!issuer || issuer->origin != ours)) {
      return log::warning("auth", "The editor's sign-in is of " +
                                      printable(*decoded->serverUrl, 200) + ", ours of " + ours +
                                      ". It is not used.");
    }
  }
  std::optional<Secret> token;
  if (decoded->accessToken && !decoded->accessToken->empty())
    token.emplace(std::move(*decoded->accessToken));
  auto given = parts_.tokens.give(std::move(token));
  if (!given) log::failure("auth", given.error());
}

void Session::push_status() {
  if (phase_ != Phase::running) return;
  DidChangeStatusParams params;
  if (auto problem = config_problem()) {
    params.kind = "Error";
    params.message = log::safe(*problem);
    return push_status(params);
  }
  auto const state = parts_.tokens.state();
  params.busy = parts_.chat.active() > 0 || parts_.sign_in.pending();
  switch (state.kind) {
    case SignInState::Kind::ready:
    case SignInState::Kind::unverified:
      params.kind = "Normal";
      break;
    case SignInState::Kind::unreachable:
      params.kind = "Warning";
      params.message = log::safe(*state.problem);
      break;
    case SignInState::Kind::signed_out:
      // Plug-ins look for these words and start the sign-in then.
      params.kind = "Error";
      params.message = not_signed_into;
      break;
    case SignInState::Kind::refused:
      params.kind = "Error";
      params.message = log::safe(*state.problem);
      break;
    case SignInState::Kind::disabled:
      params.kind = "Inactive";
      params.message = log::safe(*state.problem);
      break;
  }
  push_status(params);
}

void Session::push_status(DidChangeStatusParams const& params) {
  auto text = json::serialize(encode(params));
  if (text == last_status_) return;
  last_status_ = text;
  peer_.notify(method::did_change_status, std::string_view(text));
}

void Session::push_log(log::Level level, std::string const& text) {
  if (phase_ != Phase::running) return;
  MessageParams params;
  switch (level) {
    case log::Level::error:
      params.type = 1;
      break;
    case log::Level::warning:
      params.type = 2;
      break;
    case log::Level::info:
      params.type = 3;
      break;
    case log::Level::debug:
      params.type = 4;
      break;
  }
  params.message = text;
  peer_.notify(method::log_message, params);
}

void Session::progress(json::value const& token, std::string_view value) {
  peer_.progress(json::serialize(token), value);
}

void Session::progress(json::value const& token, WorkDoneProgress const& value) {
  progress(token, std::string_view(json::serialize(encode(value))));
}

// ---- Copilot ----

std::optional<Error> Session::config_problem() const {
  if (parts_.config.problems.empty()) return std::nullopt;
  return parts_.config.problems.front();
}

awaitable<Result<std::string>> Session::on_chat(std::string params) {
  auto request = ChatRequest::parse(std::move(params));
  if (!request) co_return request.error();
  std::string const partial_token = request->partial_result_token();
  std::string const work_token = request->work_done_token();

  std::function<void()> say_end;
  if (!work_token.empty()) {
    peer_.progress(work_token, R"({"kind":"begin","title":"Copilot","cancellable":false})");
    say_end = [this, work_token] { peer_.progress(work_token, R"({"kind":"end"})"); };
  }
  ProgressEnd const end(std::move(say_end));

  auto stream = co_await parts_.chat.start(std::move(*request));
  if (!stream) co_return stream.error();
  ChatAssembler answer;
  while (true) {
    auto chunks = co_await (*stream)->next();
    if (!chunks) co_return chunks.error();
    if ((*chunks)->empty()) break;
    for (auto const& chunk : **chunks) {
      answer.add(chunk);
      if (!partial_token.empty()) peer_.progress(partial_token, chunk);
    }
    // An editor that does not read slows upstream down.
    co_await peer_.writable();
  }
  // Also when the caller asked for no usage chunk: a whole answer always tells it.
  if (auto const& usage = (*stream)->usage()) answer.set_usage(*usage);
  co_return answer.completion();
}

awaitable<Result<JsonText>> Session::on_models(ModelsParams params) {
  Result<ModelCatalog::List> list = ModelCatalog::List();
  if (params.refresh.value_or(false)) {
    list = co_await parts_.catalog.refresh();
  } else {
    list = co_await parts_.catalog.list();
  }
  if (!list) co_return list.error();
  co_return JsonText{models_text(**list, parts_.clock.unix_seconds())};
}

awaitable<Result<AccountResult>> Session::on_account(json::value) {
  auto user = co_await parts_.tokens.user();
  if (!user) co_return user.error();
  auto const state = parts_.tokens.state();
  AccountResult result;
  result.status = status_name(state.kind, state.problem);
  result.user = user->login;
  result.source = state.source;
  result.tokenKind = state.token_kind;
  if (!user->plan.empty()) result.plan = user->plan;
  if (!user->sku.empty()) result.sku = user->sku;
  if (!user->reset_date.empty()) result.quotaResetDate = user->reset_date;
  for (auto const& quota : user->quotas) result.quotas.push_back(account_quota(quota));
  co_return result;
}

// ---- the HTTP port ----

awaitable<Result<HttpStartResult>> Session::on_http_start(HttpStartParams params) {
  PortOptions options;
  options.host = std::move(params.host);
  options.port = params.port;
  options.key = std::move(params.key);
  auto const state = co_await parts_.port.start(std::move(options));
  if (!state) co_return state.error();
  HttpStartResult result;
  result.url = state->url;
  if (!state->key.empty()) result.key = state->key;
  co_return result;
}

awaitable<Result<HttpStatusResult>> Session::on_http_stop(json::value params) {
  co_await parts_.port.stop();
  co_return co_await on_http_status(std::move(params));
}

awaitable<Result<HttpStatusResult>> Session::on_http_status(json::value) {
  auto const state = parts_.port.state();
  HttpStatusResult result;
  switch (state.kind) {
    case PortState::Kind::closed:
      result.state = "closed";
      co_return result;
    case PortState::Kind::open:
      result.state = "open";
      break;
    case PortState::Kind::shared:
      result.state = "shared";
      break;
  }
  result.url = state.url;
  result.pid = state.pid;
  result.keyRequired = !state.key.empty();
  result.connections = static_cast<std::int64_t>(state.connections);
  result.requests = static_cast<std::int64_t>(state.requests);
  co_return result;
}

// ---- configuration ----

awaitable<Result<json::object>> Session::on_config(json::value) {
  auto object = config_json(parts_.config);
  object["version"] = parts_.version;
  co_return object;
}

}  // namespace jumpseat
