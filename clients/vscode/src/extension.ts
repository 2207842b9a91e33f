// Where VS Code comes in: builds the context, lets each feature register itself, starts the process.

import type * as vscode from 'vscode';
import * as account from './account_view';
import * as authentication from './authentication';
import { Context } from './context';
import * as menu from './menu';
import * as models from './models';
import * as participant from './participant';
import * as port_commands from './port_commands';
import * as report from './report';
import * as sign_in from './sign_in';
import * as status_bar from './status_bar';
import * as use_in_chat from './use_in_chat';

/** When the bundle began to be executed, in milliseconds (scripts/build.mjs). */
declare const JUMPSEAT_BEGAN: number;

/** When all files of the bundle that are needed at activation had been executed. */
const loaded = performance.now();

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
    port_commands,
    account,
    report,
  ];
  for (const feature of features) feature.activate(context);
  const { log, server } = context;
  const ms = (from: number) => `${(performance.now() - from).toFixed(1)} ms`;
  const [loading, activating] = [(loaded - JUMPSEAT_BEGAN).toFixed(1), ms(began)];
  // After this, so that VS Code need not wait: the LSP client is loaded and the process started.
  setImmediate(() => {
    const before = performance.now();
    const said = `Loaded in ${loading} ms, activated in ${activating}`;
    server.start().then(
      () => {
        log.info(`${said}; the process was ready ${ms(before)} later.`);
      },
      () => {
        log.info(`${said}.`);
      },
    );
  });
}

export async function deactivate(): Promise<void> {
  await context?.server.stop();
}
