// The little of vscode that the tests in plain Node need: what vscode-languageclient touches while it starts a
// process, and what participant.ts and account_view.ts read and make. Both behave as VS Code's own do where the tests can tell.
// Classes that are only extended are empty.

import { readFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { editor } from './editor_state';

const disposable = () => ({ dispose: () => undefined });
const nothing = () => undefined;

class Uri {
  readonly scheme = 'file';
  private constructor(readonly fsPath: string) {}
  static file(path: string) {
    return new Uri(path);
  }
  static joinPath(base: Uri, ...names: string[]) {
    return new Uri(join(base.fsPath, ...names));
  }
  toString() {
    return `file://${this.fsPath}`;
  }
}

class Position {
  constructor(
    readonly line: number,
    readonly character: number,
  ) {}
}

class Range {
  constructor(
    readonly start: Position,
    readonly end: Position,
  ) {}
  get isEmpty() {
    return this.start.line === this.end.line && this.start.character === this.end.character;
  }
}

class Location {
  constructor(
    readonly uri: Uri,
    readonly range: Range,
  ) {}
}

/** A document of a file; one that is no text cannot be opened. */
function openTextDocument(uri: Uri) {
  const bytes = readFileSync(uri.fsPath);
  if (bytes.includes(0))
    throw new Error(`cannot open ${uri.toString()}. Detail: File seems to be binary`);
  const text = bytes.toString('utf8');
  const lines = text.split('\n');
  const offset = ({ line, character }: Position) =>
    lines.slice(0, line).reduce((sum, one) => sum + one.length + 1, 0) + character;
  const languages: Record<string, string> = { '.lua': 'lua', '.ts': 'typescript' };
  return {
    uri,
    languageId: languages[extname(uri.fsPath)] ?? 'plaintext',
    getText: (range?: Range) => (range ? text.slice(offset(range.start), offset(range.end)) : text),
  };
}

/** A panel with a page; `close` is what the person does. */
function createWebviewPanel() {
  let closed: () => void = nothing;
  const panel = {
    webview: { html: '', cspSource: 'vscode-webview:', asWebviewUri: (uri: Uri) => uri },
    reveal: nothing,
    onDidDispose: (listener: () => void) => (closed = listener),
    close: () => {
      closed();
    },
  };
  editor.panels.push(panel);
  return panel;
}

class ChatRequestTurn {
  constructor(
    readonly prompt: string,
    readonly command: string | undefined,
  ) {}
}

class ChatResponseTurn {
  constructor(readonly response: readonly object[]) {}
}

class ChatResponseMarkdownPart {
  readonly value: { value: string };
  constructor(value: string) {
    this.value = { value };
  }
}

const known: Record<PropertyKey, unknown> = {
  EventEmitter: class {
    event = disposable;
    fire = nothing;
    dispose = nothing;
  },
  version: '1.0.0',
  env: { appName: 'Test', language: 'en', openExternal: () => Promise.resolve(true) },
  workspace: {
    workspaceFolders: undefined,
    textDocuments: [],
    getConfiguration: (section: string) => ({
      get: (key: string, otherwise: unknown) => editor.settings[`${section}.${key}`] ?? otherwise,
    }),
    asRelativePath: (uri: Uri) => join(basename(dirname(uri.fsPath)), basename(uri.fsPath)),
    openTextDocument: async (uri: Uri) => Promise.resolve().then(() => openTextDocument(uri)),
    onDidChangeConfiguration: disposable,
    onDidOpenTextDocument: disposable,
    onDidChangeTextDocument: disposable,
    onDidCloseTextDocument: disposable,
    onDidSaveTextDocument: disposable,
  },
  window: {
    visibleTextEditors: [],
    get activeTextEditor() {
      return editor.activeTextEditor;
    },
    createOutputChannel: nothing,
    createWebviewPanel,
    showErrorMessage: nothing,
  },
  chat: {
    createChatParticipant: (id: string, handler: (typeof editor.participants)[string]['handler']) =>
      (editor.participants[id] = { handler }),
  },
  languages: { createDiagnosticCollection: disposable, match: () => 0 },
  commands: { registerCommand: disposable, executeCommand: () => Promise.resolve() },
  ViewColumn: { Active: -1 },
  Uri,
  Position,
  Range,
  Selection: Range,
  Location,
  ChatRequestTurn,
  ChatResponseTurn,
  ChatResponseMarkdownPart,
};

class Empty {
  readonly nothing = true;
}

export = new Proxy(known, { get: (all, name) => all[name] ?? Empty });
