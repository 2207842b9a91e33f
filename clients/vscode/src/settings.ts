// The settings, read where the user writes them.
//
// VS Code keeps a workspace from setting one of machine scope; this looks only at the user's own values, so
// that it would not matter if one day it did not.

import vscode = require('vscode');

/** The user's own value, or the default; of whatever type the user made it. */
export function ownSetting(key: string): unknown {
  const all = vscode.workspace.getConfiguration('jumpseat').inspect<unknown>(key);
  return all?.globalValue ?? all?.defaultValue;
}

/** The same as a text; empty when it is none. */
export function ownText(key: string): string {
  const value = ownSetting(key);
  return typeof value === 'string' ? value.trim() : '';
}

/** The same as a list of texts. */
export function ownList(key: string): string[] {
  const value = ownSetting(key);
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
