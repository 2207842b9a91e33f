// "Use in Chat View": plain questions there are answered by VS Code's built-in chat extension, which takes any
// model but is switched off until somebody sets it up. Opening the model manager switches it on, without any
// account; that is GitHub's extension, so the person is asked first.

import vscode = require('vscode');
import { SHOW_LOG } from './button';
import type { Context } from './context';
import { listModels, VENDOR } from './models';
import { signIn } from './sign_in';

/** The built-in chat extension, which answers plain questions and runs agent mode. */
const BUILT_IN = 'GitHub.copilot-chat';
/** Enabling it takes 3 to 8 s on an idle machine, and the person can cancel. */
const LIMIT_MS = 180_000;

const builtIn = () => vscode.extensions.getExtension(BUILT_IN);
const isReady = () => builtIn()?.isActive === true;

export function activate(context: Context): void {
  context.command('jumpseat.useInChat', (model?: string) => useInChat(context, model));
}

async function useInChat(context: Context, wanted?: string): Promise<void> {
  if (!context.status.isSignedIn && !(await signIn(context))) return;
  if (!isReady() && !(await enable(context))) return;
  const models = await listModels(context);
  const visible = models.filter((entry) => entry.picker);
  const chosen =
    models.find(({ id }) => id === wanted) ?? visible.find((entry) => entry.default) ?? visible[0];
  if (!chosen) {
    void vscode.window.showWarningMessage('Copilot offers this account no chat model.');
    return;
  }
  await vscode.lm.selectChatModels({ vendor: VENDOR });
  await vscode.commands.executeCommand('workbench.action.chat.open', {
    modelSelector: { vendor: VENDOR, id: chosen.id },
  });
  void vscode.commands.executeCommand('setContext', 'jumpseat.usedInChat', true);
}

/** Whether the built-in chat is on at the end. */
async function enable(context: Context): Promise<boolean> {
  const answer = await vscode.window.showInformationMessage(
    'Enable VS Code’s built-in chat?',
    {
      modal: true,
      detail:
        'Plain questions and agent mode in the Chat view need GitHub’s chat extension, which comes with VS Code ' +
        'and is off now. It will be enabled, and will talk to GitHub on its own account. Your questions go to ' +
        'the models of Jumpseat. The participant @jumpseat works without it.',
    },
    'Enable',
  );
  if (answer !== 'Enable') return false;
  return vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: 'Enabling the built-in chat…',
      cancellable: true,
    },
    async (_report, token) => {
      await vscode.commands.executeCommand('workbench.action.chat.manage');
      const ready = await becomesReady(token);
      // The model manager was only the way to get here.
      if (ready) await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
      else if (!token.isCancellationRequested) {
        context.show({
          message: 'VS Code has not enabled its built-in chat. @jumpseat works without it.',
          code: 'built_in_chat',
          kind: 'Other',
          button: SHOW_LOG,
        });
      }
      return ready;
    },
  );
}

/** Whether it comes up before the time is over or the person cancels. Once it is enabled it is activated here. */
function becomesReady(token: vscode.CancellationToken): Promise<boolean> {
  return new Promise((resolve) => {
    const end = Date.now() + LIMIT_MS;
    let activating = false;
    // That it is enabled is announced by an event, that it is active by none.
    const timer = setInterval(() => {
      const extension = builtIn();
      if (extension && !extension.isActive && !activating) {
        activating = true;
        void extension.activate().then(undefined, () => (activating = false)); // tried again
      }
      if (!isReady() && !token.isCancellationRequested && Date.now() < end) return;
      clearInterval(timer);
      resolve(isReady());
    }, 200);
  });
}
