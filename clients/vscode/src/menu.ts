// The menu behind the status bar item. It offers what makes sense in the state that there is.

import vscode = require('vscode');
import type { Context } from './context';
import { faceOf } from './phase';

interface Choice extends vscode.QuickPickItem {
  command?: string;
}

export function activate(context: Context): void {
  context.command('jumpseat.showMenu', async () => {
    const { status, server, port } = context;
    if (server.phase === 'running') await port.look();
    const title = [faceOf(status.phase).label, status.user].filter(Boolean).join(' · ');
    const chosen = await vscode.window.showQuickPick(choices(context), {
      title: server.version ? `${title} · ${server.version}` : title,
      placeHolder: status.message || 'What would you like to do?',
    });
    if (chosen?.command) await vscode.commands.executeCommand(chosen.command);
  });
  context.command('jumpseat.showLog', () => {
    context.log.show();
  });
  context.command('jumpseat.restart', () => context.server.restart());
}

function choices({ status, server, port }: Context): Choice[] {
  const line = (label: string): Choice => ({ label, kind: vscode.QuickPickItemKind.Separator });
  const signedIn: Choice[] = [
    { label: '$(comment-discussion) Use in Chat View', command: 'jumpseat.useInChat' },
    { label: '$(list-unordered) Show Models', command: 'jumpseat.showModels' },
    { label: '$(account) Show Account and Quota', command: 'jumpseat.showAccount' },
    { label: '$(sign-out) Sign Out', command: 'jumpseat.signOut' },
  ];
  const signedOut: Choice[] = [{ label: '$(sign-in) Sign In', command: 'jumpseat.signIn' }];
  if (status.phase === 'refused') {
    signedOut.push({ label: '$(sign-out) Sign Out', command: 'jumpseat.signOut' });
  }
  const portLines: Choice[] = [
    port.isOpen
      ? {
          label: '$(circle-slash) Stop OpenAI-Compatible Port',
          description: port.baseUrl ?? '',
          command: 'jumpseat.stopPort',
        }
      : { label: '$(broadcast) Start OpenAI-Compatible Port', command: 'jumpseat.startPort' },
    { label: '$(copy) Copy Base URL and Key', command: 'jumpseat.copyPort' },
    {
      label: '$(terminal) Toggle OpenAI Variables in Terminals of This Workspace',
      command: 'jumpseat.togglePortInTerminals',
    },
  ];
  return [
    ...(status.isSignedIn ? signedIn : signedOut),
    ...(server.phase === 'running' ? [line('For other programs'), ...portLines] : []),
    line('When something is wrong'),
    { label: '$(pulse) Run Doctor', command: 'jumpseat.runDoctor' },
    { label: '$(output) Show Log', command: 'jumpseat.showLog' },
    { label: '$(debug-restart) Restart', command: 'jumpseat.restart' },
  ];
}
