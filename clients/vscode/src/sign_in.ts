// Signing in and out. The process runs GitHub's device flow; here its code is copied and shown, its page
// opened (by window/showDocument, process.ts), and what it waits for displayed until it ends or is cancelled.

import vscode = require('vscode');
import { RUN_DOCTOR } from './button';
import type { Context } from './context';
import { listModels } from './models';
import { isCancelled, problemOf } from './problem';
import { method, type SignInResult, type StatusResult, type WorkDoneProgress } from './protocol';
import { tell } from './tell';

const TOLD_KEY = 'jumpseat.toldOfChatView';

export function activate(context: Context): void {
  context.command('jumpseat.signIn', () => signIn(context));
  context.command('jumpseat.signOut', () => signOut(context));
}

/** Resolves to whether somebody is signed in at the end. */
export async function signIn(context: Context): Promise<boolean> {
  const { server, status } = context;
  const begun = await server.request<SignInResult>(method.sign_in, {});
  if (begun.status === 'AlreadySignedIn') {
    const name = begun.user ? ` as ${begun.user}` : '';
    void vscode.window.showInformationMessage(`You are signed in to GitHub${name} already.`);
    return true;
  }
  status.signingIn = true;
  try {
    const result = await finish(context, begun);
    status.account = result;
    await welcome(context, result);
    return true;
  } catch (error) {
    if (!isCancelled(error)) {
      const problem = problemOf(error);
      context.show({ ...problem, button: { title: 'Try Again', command: 'jumpseat.signIn' } });
    }
    return false;
  } finally {
    status.signingIn = false;
  }
}

async function finish(context: Context, begun: SignInResult): Promise<StatusResult> {
  const { userCode = '', verificationUri = '', command } = begun;
  await vscode.env.clipboard.writeText(userCode);
  const { server } = context;
  return vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: `Sign in to GitHub: enter the code ${userCode} (it is copied) at ${verificationUri}`,
      cancellable: true,
    },
    async (report, token) => {
      const progress = await server.progress<WorkDoneProgress>(({ message }) => {
        if (message) report.report({ message });
      });
      const cancel = token.onCancellationRequested(() => {
        void server.notify(method.work_done_cancel, { token: progress.token });
      });
      try {
        return await server.request<StatusResult>(method.execute_command, {
          command: command?.command,
          arguments: [],
          workDoneToken: progress.token,
        });
      } finally {
        cancel.dispose();
        progress.dispose();
      }
    },
  );
}

async function welcome(context: Context, { status, user, message }: StatusResult): Promise<void> {
  if (status !== 'OK' && message) {
    // Signed in to GitHub, but Copilot says no. The error of whatever needs Copilot names the page that helps.
    const refused = await listModels(context, { refresh: true }).then(() => undefined, problemOf);
    context.show(refused ?? { message, code: status, kind: 'NoPermissions', button: RUN_DOCTOR });
    return;
  }
  const text = `Signed in to GitHub${user ? ` as ${user}` : ''}.`;
  const { globalState } = context.extension;
  if (globalState.get(TOLD_KEY)) {
    void vscode.window.showInformationMessage(text);
    return;
  }
  void globalState.update(TOLD_KEY, true);
  void tell('information', text, { title: 'Use in Chat View', command: 'jumpseat.useInChat' });
}

export async function signOut({ server }: Context): Promise<void> {
  const { status, message } = await server.request<StatusResult>(method.sign_out, {});
  // A token from the environment may still be in use; the process says so.
  const left = status !== 'NotSignedIn' && message;
  void vscode.window.showInformationMessage(left || 'Signed out of GitHub Copilot.');
}
