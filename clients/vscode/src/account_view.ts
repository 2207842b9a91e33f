// The account and quota view: one page of HTML without any script (account_html.ts). Its links are commands
// of this extension, and no others can be called from it.

import vscode = require('vscode');
import { accountPage, failurePage, waitingPage } from './account_html';
import type { Context } from './context';
import { listModels } from './models';
import { problemOf } from './problem';
import { method, type AccountResult } from './protocol';

const COMMANDS = [
  'jumpseat.signIn',
  'jumpseat.refreshAccount',
  'jumpseat.showModels',
  'jumpseat.runDoctor',
];

export function activate(context: Context): void {
  let panel: vscode.WebviewPanel | undefined;
  let asked = 0;
  /** What was asked for last is what is shown, whichever answer comes last. */
  const refresh = () => {
    const mine = ++asked;
    return fill(context, () => (mine === asked ? panel : undefined));
  };
  context.command('jumpseat.showAccount', async () => {
    if (panel) panel.reveal();
    else {
      panel = open(context);
      panel.onDidDispose(() => (panel = undefined));
    }
    await refresh();
  });
  context.command('jumpseat.refreshAccount', refresh);
  let wasSignedIn = false;
  context.own(
    context.status.onDidChange(() => {
      if (context.status.isSignedIn === wasSignedIn) return;
      wasSignedIn = context.status.isSignedIn;
      void refresh();
    }),
  );
}

function open(context: Context): vscode.WebviewPanel {
  const media = vscode.Uri.joinPath(context.extension.extensionUri, 'media');
  const panel = vscode.window.createWebviewPanel(
    'jumpseat.account',
    'Jumpseat: Account',
    vscode.ViewColumn.Active,
    {
      enableScripts: false,
      enableCommandUris: COMMANDS,
      enableFindWidget: true,
      localResourceRoots: [media],
    },
  );
  panel.iconPath = vscode.Uri.joinPath(media, 'icon.png');
  return panel;
}

async function fill(
  context: Context,
  current: () => vscode.WebviewPanel | undefined,
): Promise<void> {
  const panel = current();
  if (!panel) return;
  const { webview } = panel;
  const style = vscode.Uri.joinPath(context.extension.extensionUri, 'media', 'account.css');
  const frame = { source: webview.cspSource, style: webview.asWebviewUri(style).toString() };
  webview.html ||= waitingPage(frame);
  let html: string;
  try {
    const [account, models] = await Promise.all([
      context.server.request<AccountResult>(method.account, {}),
      // The page is worth seeing without the list.
      listModels(context).catch(() => undefined),
    ]);
    html = accountPage(frame, account, models, new Date());
    void vscode.commands.executeCommand('setContext', 'jumpseat.accountShown', true);
  } catch (error) {
    const { message, button } = problemOf(error);
    context.log.info(`No account: ${message}`);
    html = failurePage(frame, message, COMMANDS.includes(button.command) ? button : undefined);
  }
  if (current() === panel) webview.html = html; // it may be closed by now, or asked for anew
}
