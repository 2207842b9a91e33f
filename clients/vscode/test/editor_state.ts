// What a test says of the editor that is not there, for vscode_stand_in.ts.

import type * as vscode from 'vscode';

interface Participant {
  handler: vscode.ChatRequestHandler;
  followupProvider?: vscode.ChatFollowupProvider;
}

export const editor = {
  /** By their whole names: `jumpseat.trace.server`. */
  settings: {} as Record<string, unknown>,
  activeTextEditor: undefined as
    { document: { uri: vscode.Uri }; selection: vscode.Selection } | undefined,
  /** The web pages that the extension has opened. */
  panels: [] as { webview: { html: string }; close: () => void }[],
  /** What the extension has registered, by its id. */
  participants: {} as Record<string, Participant>,
};
