// What every feature gets: the process, the state, the log, and a place for what must be disposed of.
//
// One object for the life of the extension; features hold no state of their own beside it.

import vscode = require('vscode');
import { Port } from './port';
import { problemOf, type Problem } from './problem';
import { Server } from './server';
import { Status } from './status';
import { tell } from './tell';

export class Context {
  readonly log: vscode.LogOutputChannel;
  readonly server: Server;
  readonly status: Status;
  readonly port: Port;
  private readonly showing = new Set<string>();

  constructor(readonly extension: vscode.ExtensionContext) {
    this.log = vscode.window.createOutputChannel('Jumpseat', { log: true });
    this.server = new Server(extension, this.log);
    this.status = new Status(this.server);
    this.port = new Port(this.server, () => {
      void vscode.commands.executeCommand('setContext', 'jumpseat.portIsOpen', this.port.isOpen);
    });
    // The next window asks the process again; nothing of the port is kept on disk.
    extension.environmentVariableCollection.persistent = false;
    this.own(this.log, this.server, this.status);
  }

  own(...disposables: vscode.Disposable[]): void {
    this.extension.subscriptions.push(...disposables);
  }

  /** A command; an error in it is shown with the button that helps. */
  command(name: string, run: (...args: never[]) => unknown): void {
    const guarded = async (...args: never[]) => {
      try {
        return await run(...args);
      } catch (error) {
        this.show(problemOf(error));
        return undefined;
      }
    };
    this.own(vscode.commands.registerCommand(name, guarded));
  }

  /** Shows what went wrong, with one button; the same thing only once at a time. */
  show({ message, code, button }: Problem): void {
    this.log.error(`${code}: ${message}`);
    if (this.showing.has(code)) return;
    this.showing.add(code);
    void tell('error', message, button).finally(() => this.showing.delete(code));
  }
}
