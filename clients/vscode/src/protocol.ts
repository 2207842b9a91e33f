// Every method that the stdio server speaks: its name, its params, its result.
//
// This file mirrors protocol/methods.h, struct by struct and member by member; test/protocol.test.ts
// compares the two. A type is `unknown` where methods.h has a json::value.

export const method = {
  initialize: 'initialize',
  initialized: 'initialized',
  shutdown: 'shutdown',
  exit: 'exit',
  set_trace: '$/setTrace',
  cancel_request: '$/cancelRequest',
  work_done_cancel: 'window/workDoneProgress/cancel',
  execute_command: 'workspace/executeCommand',
  sign_in: 'signIn',
  sign_in_initiate: 'signInInitiate',
  sign_in_confirm: 'signInConfirm',
  sign_out: 'signOut',
  check_status: 'checkStatus',
  did_change_auth: 'github/didChangeAuth',
  list_tokens: 'auth/listAvailableTokens',
  use_token: 'auth/useExistingToken',
  remove_token: 'auth/removeToken',
  chat: 'jumpseat/chat',
  models: 'jumpseat/models',
  account: 'jumpseat/account',
  config: 'jumpseat/config',
  http_start: 'jumpseat/http/start',
  http_stop: 'jumpseat/http/stop',
  http_status: 'jumpseat/http/status',
  did_change_status: 'didChangeStatus',
  progress: '$/progress',
  log_message: 'window/logMessage',
  show_message: 'window/showMessage',
  show_document: 'window/showDocument',
} as const;

export const command = {
  finish_device_flow: 'github.copilot.finishDeviceFlow',
} as const;

// ---- initialize ----

export interface EditorInfo {
  name?: string;
  version?: string;
}

export interface InitializationOptions {
  editorInfo?: EditorInfo;
  editorPluginInfo?: EditorInfo;
  /** The saved sign-in of this name. */
  account?: string;
}

export interface ShowDocumentCapability {
  support?: boolean;
}

export interface WindowCapabilities {
  showDocument?: ShowDocumentCapability;
  workDoneProgress?: boolean;
}

export interface ClientCapabilities {
  window?: WindowCapabilities;
}

export interface InitializeParams {
  processId?: number;
  capabilities?: ClientCapabilities;
  initializationOptions?: InitializationOptions;
}

export interface ServerInfo {
  name: string;
  version: string;
}

export interface ExecuteCommandOptions {
  commands: string[];
}

export interface ServerCapabilities {
  executeCommandProvider: ExecuteCommandOptions;
}

export interface InitializeResult {
  capabilities: ServerCapabilities;
  serverInfo: ServerInfo;
}

// ---- workspace/executeCommand ----

export interface ExecuteCommandParams {
  command: string;
  workDoneToken?: unknown;
}

export interface Command {
  title: string;
  command: string;
  arguments: unknown[];
}

// ---- signIn, signInInitiate ----

export interface SignInResult {
  /** "AlreadySignedIn" with user, "PromptUserDeviceFlow" with the rest. */
  status: string;
  user?: string;
  userCode?: string;
  verificationUri?: string;
  /** Seconds. */
  expiresIn?: number;
  /** Seconds. */
  interval?: number;
  command?: Command;
}

// ---- checkStatus, signInConfirm, signOut, finishDeviceFlow ----

export interface CheckStatusOptions {
  localChecksOnly?: boolean;
}

export interface CheckStatusParams {
  options?: CheckStatusOptions;
  localChecksOnly?: boolean;
}

export interface PassedOverSource {
  source: string;
  reason: string;
}

export interface StatusResult {
  /** OK, MaybeOK, NotSignedIn, NotAuthorized. */
  status: string;
  user?: string;
  message?: string;
  source?: string;
  account?: string;
  tokenKind?: string;
  plan?: string;
  /** Seconds. */
  tokenExpiresIn?: number;
  passedOver?: PassedOverSource[];
}

// ---- github/didChangeAuth (from the client) ----

export interface DidChangeAuthParams {
  accessToken?: string;
  handle?: string;
  login?: string;
  serverUrl?: string;
}

// ---- auth/listAvailableTokens, auth/useExistingToken, auth/removeToken ----

export interface AvailableToken {
  tokenId: string;
  source: string;
  tokenKind: string;
  user?: string;
  account?: string;
  inUse: boolean;
}

export interface TokensResult {
  tokens: AvailableToken[];
}

export interface TokenParams {
  tokenId: string;
}

// ---- didChangeStatus ----

export interface DidChangeStatusParams {
  busy: boolean;
  /** Normal, Warning, Error, Inactive. */
  kind: string;
  message: string;
}

// ---- window/logMessage, window/showMessage, window/showDocument ----

export interface MessageParams {
  /** LSP's MessageType: 1 error, 2 warning, 3 info, 4 log. */
  type: number;
  message: string;
}

export interface ShowDocumentParams {
  uri: string;
  external: boolean;
}

// ---- progress ----

export interface WorkDoneCancelParams {
  token: unknown;
}

export interface WorkDoneProgress {
  /** begin, report, end. */
  kind: string;
  title?: string;
  cancellable?: boolean;
  message?: string;
}

// ---- jumpseat/chat ----

/** The params are an OpenAI Chat Completions request (openai.ts), with these besides. */
export interface ChatExtras {
  partialResultToken?: unknown;
  workDoneToken?: unknown;
}

// ---- jumpseat/models ----

export interface ModelsParams {
  refresh?: boolean;
}

// ---- jumpseat/account ----

export interface AccountQuota {
  name: string;
  unlimited: boolean;
  percentRemaining: number;
  entitlement: number;
  remaining: number;
  overagePermitted: boolean;
}

export interface AccountResult {
  status: string;
  user?: string;
  source: string;
  tokenKind: string;
  plan?: string;
  sku?: string;
  /** YYYY-MM-DD. */
  quotaResetDate?: string;
  quotas: AccountQuota[];
}

// ---- jumpseat/http/start, jumpseat/http/stop, jumpseat/http/status ----

export interface HttpStartParams {
  host?: string;
  port?: number;
  key?: string;
}

export interface HttpStartResult {
  url: string;
  key: unknown;
}

export interface HttpStatusResult {
  state: string;
  url?: string;
  pid?: number;
  keyRequired?: boolean;
  connections?: number;
  requests?: number;
}
