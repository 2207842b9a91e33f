// Where VS Code comes in: builds the context, lets each feature register itself, starts the process.

import type * as vscode from 'vscode';
import * as account from './account_view';
import * as authentication from './authentication';
import { Context } from './context';
import * as menu from './menu';
import * as models from './models';
import * as participant from './participant';
import * as report from './report';
import * as sign_in from './sign_in';
import * as status_bar from './status_bar';
import * as use_in_chat from './use_in_chat';

let context: Context | undefined;

export function activate(extension: vscode.ExtensionContext): void {
  const began = performance.now();
  context = new Context(extension);
  const features = [
    status_bar,
    menu,
    sign_in,
    authentication,
    models,
    use_in_chat,
    participant,
    account,
    report,
  ];
  for (const feature of features) feature.activate(context);
  // Not awaited: VS Code need not wait for the process.
  void context.server.start().catch(() => undefined);
  context.log.info(`Activated in ${(performance.now() - began).toFixed(1)} ms.`);
}

export async function deactivate(): Promise<void> {
  await context?.server.stop();
}
