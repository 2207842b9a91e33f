// A message to the person, with the one button that helps.

import vscode = require('vscode');
import type { Button } from './button';

/** Resolves when the message is gone, and what its button does is done. */
export async function tell(
  how: 'information' | 'warning' | 'error',
  message: string,
  button: Button,
): Promise<void> {
  const show = {
    information: vscode.window.showInformationMessage,
    warning: vscode.window.showWarningMessage,
    error: vscode.window.showErrorMessage,
  }[how];
  const pressed = await show(message, button.title);
  if (pressed === undefined) return;
  const { command, arguments: words = [] } = button;
  if (command === 'workbench.action.openSettings' && vscode.env.remoteName !== undefined) {
    // Settings of machine scope are on the remote machine's page then, and not found on the user's.
    const [query] = words;
    await vscode.commands.executeCommand('workbench.action.openRemoteSettings', { query });
    return;
  }
  await vscode.commands.executeCommand(command, ...words);
}
