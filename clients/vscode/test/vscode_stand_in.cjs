// The little of vscode that vscode-languageclient touches while it starts a process, for tests in plain Node.
// Classes that it extends are empty; nothing of the extension's own features runs on this.

'use strict';

const disposable = () => ({ dispose() {} });
const nothing = () => undefined;

const known = {
  EventEmitter: class {
    event = disposable;
    fire() {}
    dispose() {}
  },
  version: '1.0.0',
  env: { appName: 'Test', language: 'en', openExternal: () => Promise.resolve(true) },
  workspace: {
    workspaceFolders: undefined,
    textDocuments: [],
    getConfiguration: () => ({ get: (_key, otherwise) => otherwise }),
    onDidChangeConfiguration: disposable,
    onDidOpenTextDocument: disposable,
    onDidChangeTextDocument: disposable,
    onDidCloseTextDocument: disposable,
    onDidSaveTextDocument: disposable,
  },
  window: { visibleTextEditors: [], createOutputChannel: nothing, showErrorMessage: nothing },
  languages: { createDiagnosticCollection: disposable, match: () => 0 },
  commands: { registerCommand: disposable },
};

module.exports = new Proxy(known, { get: (all, name) => all[name] ?? class {} });
