// The entry in VS Code's Accounts menu, where people look for who is signed in and how to sign out.
//
// A session carries no token: those never leave the process. Another extension that asks for one gets the
// sentence below and can do nothing with it.

import vscode = require('vscode');
import type { Context } from './context';
import { signIn, signOut } from './sign_in';

const NO_TOKEN = 'The jumpseat process keeps the token to itself.';

export function activate(context: Context): void {
  const provider = new Accounts(context);
  context.own(
    provider,
    vscode.authentication.registerAuthenticationProvider(
      'jumpseat',
      'GitHub Copilot (Jumpseat)',
      provider,
      {
        supportsMultipleAccounts: false,
      },
    ),
  );
}

class Accounts implements vscode.AuthenticationProvider, vscode.Disposable {
  private readonly changed =
    new vscode.EventEmitter<vscode.AuthenticationProviderAuthenticationSessionsChangeEvent>();
  private readonly listener: vscode.Disposable;
  private session: vscode.AuthenticationSession | undefined;
  readonly onDidChangeSessions = this.changed.event;

  constructor(private readonly context: Context) {
    this.listener = context.status.onDidChange(() => {
      this.look();
    });
  }

  getSessions(): Promise<vscode.AuthenticationSession[]> {
    this.look();
    return Promise.resolve(this.session ? [this.session] : []);
  }

  async createSession(): Promise<vscode.AuthenticationSession> {
    if (!(await signIn(this.context))) throw new Error('Nobody signed in.');
    this.look('GitHub');
    if (!this.session) throw new Error('Copilot does not accept the sign-in.');
    return this.session;
  }

  removeSession(): Promise<void> {
    return signOut(this.context);
  }

  /** Without a name there is no entry, unless somebody waits for one. */
  private look(nameless?: string): void {
    const { status } = this.context;
    if (status.phase === 'starting' || status.phase === 'signing_in') return; // nothing is known yet
    const label = status.isSignedIn ? (status.user ?? nameless) : undefined;
    if (status.isSignedIn && label === undefined) return; // it comes in a moment
    const before = this.session;
    if (before?.account.label === label) return;
    this.session =
      label === undefined
        ? undefined
        : {
            id: `jumpseat:${label}`,
            accessToken: NO_TOKEN,
            account: { id: label, label },
            scopes: [],
          };
    this.changed.fire({
      added: this.session ? [this.session] : [],
      removed: before ? [before] : [],
      changed: [],
    });
  }

  dispose(): void {
    this.listener.dispose();
    this.changed.dispose();
  }
}
