// Every method that the stdio server speaks: its name, its params, its result. Names and shapes of
// sign-in and status are the official Copilot language server's; life cycle, progress and logs are
// LSP 3.17's; what starts with jumpseat/ is ours. clients/vscode mirrors this file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/value.hpp>

#include "protocol/json.h"
#include "protocol/secret.h"
#include "protocol/upstream.h"

namespace jumpseat {

namespace method {
// LSP 3.17, server life cycle.
inline constexpr char initialize[] = "initialize";
inline constexpr char initialized[] = "initialized";
inline constexpr char shutdown[] = "shutdown";
inline constexpr char exit[] = "exit";
inline constexpr char set_trace[] = "$/setTrace";
inline constexpr char cancel_request[] = "$/cancelRequest";
inline constexpr char work_done_cancel[] = "window/workDoneProgress/cancel";
inline constexpr char execute_command[] = "workspace/executeCommand";
// Sign-in and status.
inline constexpr char sign_in[] = "signIn";
inline constexpr char sign_in_initiate[] = "signInInitiate";
inline constexpr char sign_in_confirm[] = "signInConfirm";
inline constexpr char sign_out[] = "signOut";
inline constexpr char check_status[] = "checkStatus";
inline constexpr char did_change_auth[] = "github/didChangeAuth";
inline constexpr char list_tokens[] = "auth/listAvailableTokens";
inline constexpr char use_token[] = "auth/useExistingToken";
inline constexpr char remove_token[] = "auth/removeToken";
// Ours.
inline constexpr char chat[] = "jumpseat/chat";
inline constexpr char models[] = "jumpseat/models";
inline constexpr char account[] = "jumpseat/account";
inline constexpr char config[] = "jumpseat/config";
inline constexpr char http_start[] = "jumpseat/http/start";
inline constexpr char http_stop[] = "jumpseat/http/stop";
inline constexpr char http_status[] = "jumpseat/http/status";
// From us to the client.
inline constexpr char did_change_status[] = "didChangeStatus";
inline constexpr char progress[] = "$/progress";
inline constexpr char log_message[] = "window/logMessage";
inline constexpr char show_message[] = "window/showMessage";
inline constexpr char show_document[] = "window/showDocument";
}  // namespace method

namespace command {
inline constexpr char finish_device_flow[] = "github.copilot.finishDeviceFlow";
}  // namespace command

// ---- initialize ----

struct EditorInfo {
  std::optional<std::string> name;
  std::optional<std::string> version;
};
BOOST_DESCRIBE_STRUCT(EditorInfo, (), (name, version))

struct InitializationOptions {
  std::optional<EditorInfo> editorInfo;
  std::optional<EditorInfo> editorPluginInfo;
  std::optional<std::string> account;  // ours: the saved sign-in of this name, as --account
};
BOOST_DESCRIBE_STRUCT(InitializationOptions, (), (editorInfo, editorPluginInfo, account))

struct ShowDocumentCapability {
  std::optional<bool> support;
};
BOOST_DESCRIBE_STRUCT(ShowDocumentCapability, (), (support))

struct WindowCapabilities {
  std::optional<ShowDocumentCapability> showDocument;
  std::optional<bool> workDoneProgress;
};
BOOST_DESCRIBE_STRUCT(WindowCapabilities, (), (showDocument, workDoneProgress))

struct ClientCapabilities {
  std::optional<WindowCapabilities> window;
};
BOOST_DESCRIBE_STRUCT(ClientCapabilities, (), (window))

struct InitializeParams {
  std::optional<std::int64_t> processId;
  std::optional<ClientCapabilities> capabilities;
  std::optional<InitializationOptions> initializationOptions;
};
BOOST_DESCRIBE_STRUCT(InitializeParams, (), (processId, capabilities, initializationOptions))

struct ServerInfo {
  std::string name;
  std::string version;
};
BOOST_DESCRIBE_STRUCT(ServerInfo, (), (name, version))

struct ExecuteCommandOptions {
  std::vector<std::string> commands;
};
BOOST_DESCRIBE_STRUCT(ExecuteCommandOptions, (), (commands))

struct ServerCapabilities {
  ExecuteCommandOptions executeCommandProvider;
};
BOOST_DESCRIBE_STRUCT(ServerCapabilities, (), (executeCommandProvider))

struct InitializeResult {
  ServerCapabilities capabilities;
  ServerInfo serverInfo;
};
BOOST_DESCRIBE_STRUCT(InitializeResult, (), (capabilities, serverInfo))

// ---- workspace/executeCommand ----

struct ExecuteCommandParams {
  std::string command;
  std::optional<json::value> workDoneToken;
};
BOOST_DESCRIBE_STRUCT(ExecuteCommandParams, (), (command, workDoneToken))

struct Command {
  std::string title;
  std::string command;
  std::vector<json::value> arguments;
};
BOOST_DESCRIBE_STRUCT(Command, (), (title, command, arguments))

// ---- signIn, signInInitiate ----

struct SignInResult {
  std::string status;  // "AlreadySignedIn" with user, "PromptUserDeviceFlow" with the rest
  std::optional<std::string> user;
  std::optional<std::string> userCode;
  std::optional<std::string> verificationUri;
  std::optional<std::int64_t> expiresIn;  // seconds
  std::optional<std::int64_t> interval;   // seconds
  std::optional<Command> command;
};
BOOST_DESCRIBE_STRUCT(SignInResult, (),
                      (status, user, userCode, verificationUri, expiresIn, interval, command))

// ---- checkStatus, signInConfirm, signOut, finishDeviceFlow ----

struct CheckStatusOptions {
  std::optional<bool> localChecksOnly;
};
BOOST_DESCRIBE_STRUCT(CheckStatusOptions, (), (localChecksOnly))

struct CheckStatusParams {
  std::optional<CheckStatusOptions> options;
  std::optional<bool> localChecksOnly;  // some clients put it here
};
BOOST_DESCRIBE_STRUCT(CheckStatusParams, (), (options, localChecksOnly))

struct PassedOverSource {
  std::string source;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(PassedOverSource, (), (source, reason))

struct StatusResult {
  std::string status;  // OK, MaybeOK, NotSignedIn, NotAuthorized
  std::optional<std::string> user;
  std::optional<std::string> message;  // ours: why, when it is not OK
  // Ours, in the answer of checkStatus only.
  std::optional<std::string> source;     // where the GitHub token comes from
  std::optional<std::string> account;    // the saved sign-in's name, when one was asked for
  std::optional<std::string> tokenKind;  // "OAuth token (gho_)"
  std::optional<std::string> plan;
  std::optional<std::int64_t> tokenExpiresIn;  // seconds that the Copilot token is good for
  std::optional<std::vector<PassedOverSource>> passedOver;  // better sources, and why not those
};
BOOST_DESCRIBE_STRUCT(StatusResult, (),
                      (status, user, message, source, account, tokenKind, plan, tokenExpiresIn,
                       passedOver))

// ---- github/didChangeAuth (from the client) ----

// The editor's own GitHub sign-in, kept in memory only; no token: it has signed out.
struct DidChangeAuthParams {
  std::optional<std::string> accessToken;
  std::optional<std::string> handle;
  std::optional<std::string> login;
  std::optional<std::string> serverUrl;  // "https://github.com"; another host than ours is refused
};
BOOST_DESCRIBE_STRUCT(DidChangeAuthParams, (), (accessToken, handle, login, serverUrl))

// ---- auth/listAvailableTokens, auth/useExistingToken, auth/removeToken ----

// A sign-in that a person may choose. Never the token itself.
struct AvailableToken {
  std::string tokenId;                 // for the other two; says nothing about the token
  std::string source;                  // as in checkStatus
  std::string tokenKind;               // "OAuth token (gho_)"
  std::optional<std::string> user;     // GitHub name, when it is known
  std::optional<std::string> account;  // the saved sign-in's name
  bool inUse = false;
};
BOOST_DESCRIBE_STRUCT(AvailableToken, (), (tokenId, source, tokenKind, user, account, inUse))

struct TokensResult {
  std::vector<AvailableToken> tokens;  // in the order in which they would be taken
};
BOOST_DESCRIBE_STRUCT(TokensResult, (), (tokens))

struct TokenParams {
  std::string tokenId;
};
BOOST_DESCRIBE_STRUCT(TokenParams, (), (tokenId))

// ---- didChangeStatus ----

struct DidChangeStatusParams {
  bool busy = false;
  std::string kind;  // Normal, Warning, Error, Inactive
  std::string message;
};
BOOST_DESCRIBE_STRUCT(DidChangeStatusParams, (), (busy, kind, message))

// ---- window/logMessage, window/showMessage, window/showDocument ----

struct MessageParams {
  std::int64_t type = 4;  // LSP MessageType: 1 error, 2 warning, 3 info, 4 log
  std::string message;
};
BOOST_DESCRIBE_STRUCT(MessageParams, (), (type, message))

struct ShowDocumentParams {
  std::string uri;
  bool external = true;
};
BOOST_DESCRIBE_STRUCT(ShowDocumentParams, (), (uri, external))

// ---- progress ----

struct WorkDoneCancelParams {
  json::value token;
};
BOOST_DESCRIBE_STRUCT(WorkDoneCancelParams, (), (token))

struct WorkDoneProgress {
  std::string kind;  // begin, report, end
  std::optional<std::string> title;
  std::optional<bool> cancellable;
  std::optional<std::string> message;
};
BOOST_DESCRIBE_STRUCT(WorkDoneProgress, (), (kind, title, cancellable, message))

// ---- jumpseat/chat ----

// The params are an OpenAI Chat Completions request, with these besides.
struct ChatExtras {
  std::optional<json::value> partialResultToken;  // each chunk arrives as $/progress on it
  std::optional<json::value> workDoneToken;
};
BOOST_DESCRIBE_STRUCT(ChatExtras, (), (partialResultToken, workDoneToken))

// ---- jumpseat/models ----

struct ModelsParams {
  std::optional<bool> refresh;  // ask upstream now
};
BOOST_DESCRIBE_STRUCT(ModelsParams, (), (refresh))

// ---- jumpseat/account ----

struct AccountQuota {
  std::string name;
  bool unlimited = false;
  double percentRemaining = 0;
  double entitlement = 0;
  double remaining = 0;
  bool overagePermitted = false;
};
BOOST_DESCRIBE_STRUCT(AccountQuota, (),
                      (name, unlimited, percentRemaining, entitlement, remaining, overagePermitted))

// GitHub's figures under our names.
AccountQuota account_quota(Quota const& quota);

struct AccountResult {
  std::string status;  // as checkStatus
  std::optional<std::string> user;
  std::string source;  // where the GitHub token comes from
  std::string tokenKind;
  std::optional<std::string> plan;
  std::optional<std::string> sku;
  std::optional<std::string> quotaResetDate;  // YYYY-MM-DD
  std::vector<AccountQuota> quotas;
};
BOOST_DESCRIBE_STRUCT(AccountResult, (),
                      (status, user, source, tokenKind, plan, sku, quotaResetDate, quotas))

// ---- jumpseat/http/start, jumpseat/http/stop, jumpseat/http/status ----

// What is absent comes from the configuration.
struct HttpStartParams {
  std::optional<std::string> host;
  std::optional<std::uint16_t> port;  // 0: a free one
  std::optional<Secret> key;          // clients must show it; "" means that none is needed
};
BOOST_DESCRIBE_STRUCT(HttpStartParams, (), (host, port, key))

struct HttpStartResult {
  std::string url;  // without /v1
  json::value key;  // null when none is needed
};
BOOST_DESCRIBE_STRUCT(HttpStartResult, (), (url, key))

struct HttpStatusResult {
  std::string state;  // closed, open (by this process), shared (another process of ours has it)
  std::optional<std::string> url;
  std::optional<std::int64_t> pid;  // of the process that serves
  std::optional<bool> keyRequired;
  std::optional<std::int64_t> connections;  // of this process
  std::optional<std::int64_t> requests;     // answered by it so far
};
BOOST_DESCRIBE_STRUCT(HttpStatusResult, (), (state, url, pid, keyRequired, connections, requests))

}  // namespace jumpseat
