// What the status bar, the menus and the walkthrough know: one phase and a sentence about it.
//
// `phaseOf` is plain, so that its test is a table; the store below it listens and asks.

import vscode = require('vscode');
import { phaseOf, type Facts, type Phase } from './phase';
import { method, type StatusResult } from './protocol';
import type { Server } from './server';

export class Status implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<Phase>();
  private readonly listeners: vscode.Disposable[] = [];
  private facts: Facts = { server: 'stopped' };
  private phase_: Phase = 'starting';
  private said = '';

  readonly onDidChange = this.changed.event;

  constructor(private readonly server: Server) {
    this.listeners.push(
      server.onDidChangePhase((phase) => {
        this.know(
          phase === 'running'
            ? { server: phase }
            : { server: phase, notice: undefined, account: undefined },
        );
      }),
      server.onDidChangeStatus((notice) => {
        this.know({ notice });
        void this.askWho();
      }),
    );
  }

  get phase(): Phase {
    return this.phase_;
  }

  /** The GitHub name, once it is known. */
  get user(): string | undefined {
    return this.facts.account?.user;
  }

  get isSignedIn(): boolean {
    return ['ready', 'busy', 'offline', 'quota_used_up'].includes(this.phase_);
  }

  /** Why it is as it is, in the process's words; empty when there is nothing to say. */
  get message(): string {
    return (
      this.facts.quotaMessage ??
      (this.phase_ === 'failed' ? this.server.problem : undefined) ??
      (this.facts.notice?.message || this.facts.account?.message) ??
      ''
    );
  }

  /** What a sign-in has brought; it knows the name, which a question for the status may not yet. */
  set account(account: StatusResult) {
    this.know({ account });
  }

  /** A sign-in of this window has begun or ended. */
  set signingIn(yes: boolean) {
    this.know({ signingIn: yes });
  }

  /** Copilot said that the quota is used up (its words), or has answered since (undefined). */
  set quotaMessage(message: string | undefined) {
    if (message !== this.facts.quotaMessage) this.know({ quotaMessage: message });
  }

  /** Who is signed in; without asking GitHub. */
  private async askWho(): Promise<void> {
    try {
      const account = await this.server.request<StatusResult>(method.check_status, {
        options: { localChecksOnly: true },
      });
      // The process does not always have the name at hand; who signed in does not change unsaid.
      const { user } = this;
      const stays = user !== undefined && ['OK', 'MaybeOK'].includes(account.status);
      this.know({ account: stays ? { user, ...account } : account });
    } catch {
      // The process is gone; its next start says what is.
    }
  }

  private know(facts: { [K in keyof Facts]?: Facts[K] | undefined }): void {
    this.facts = { ...this.facts, ...facts } as Facts;
    const phase = phaseOf(this.facts);
    const said = `${phase} ${this.message} ${this.user ?? ''}`;
    if (said === this.said) return;
    this.said = said;
    this.phase_ = phase;
    void vscode.commands.executeCommand('setContext', 'jumpseat.phase', phase);
    void vscode.commands.executeCommand('setContext', 'jumpseat.signedIn', this.isSignedIn);
    this.changed.fire(phase);
  }

  dispose(): void {
    for (const listener of this.listeners) listener.dispose();
    this.changed.dispose();
  }
}
