// What is used of the LSP library. It is nine tenths of all code and becomes a file of its own, dist/lsp.js,
// which is loaded once the extension is active (scripts/build.mjs).

export { StreamMessageReader, StreamMessageWriter, ProgressType } from 'vscode-jsonrpc/node';
export {
  BaseLanguageClient,
  CloseAction,
  ErrorAction,
} from 'vscode-languageclient/lib/common/client';
export { CancellationToken } from 'vscode-languageserver-protocol';
