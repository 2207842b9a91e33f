// Which answer the account page shows when several are under way: answers come here in the order that the test says.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import vscode = require('vscode');
import { activate } from '../src/account_view';
import type { Context } from '../src/context';
import { method } from '../src/protocol';
import { editor } from './editor_state';

type Answer = (account: object | Error) => void;

let commands: Map<string, () => Promise<void>>;
/** The questions for the account that wait, the oldest first. */
let waiting: Answer[];
let signedIn: boolean;
let signInChanged: () => void;

beforeEach(() => {
  commands = new Map();
  waiting = [];
  signedIn = true;
  editor.panels = [];
  const context = {
    extension: { extensionUri: vscode.Uri.file('/extension') },
    log: { info: () => undefined },
    own: () => undefined,
    command: (name: string, run: () => Promise<void>) => commands.set(name, run),
    status: {
      get isSignedIn() {
        return signedIn;
      },
      onDidChange: (listener: () => void) => (signInChanged = listener),
    },
    server: {
      request: (name: string) => {
        if (name !== method.account) return Promise.resolve({ data: [] });
        return new Promise((resolve, reject) => {
          waiting.push((account) => {
            if (account instanceof Error) reject(account);
            else resolve({ status: 'OK', source: 's', tokenKind: 'k', quotas: [], ...account });
          });
        });
      },
    },
  };
  activate(context as unknown as Context);
});

const run = (name: string) => commands.get(`jumpseat.${name}`)?.() ?? assert.fail(name);
const html = () => editor.panels.at(-1)?.webview.html ?? '';
const notSignedIn = () =>
  Object.assign(new Error('Nobody is signed in.'), {
    code: 1000,
    data: { code: 'not_signed_in', signIn: 'signIn' },
  });

test('an answer that was asked for earlier does not take the place of a later one', async () => {
  const first = run('showAccount');
  assert.match(html(), /Asking GitHub/);
  const second = run('refreshAccount');
  waiting[1]?.({ user: 'the-later' });
  await second;
  assert.match(html(), /<h1>the-later<\/h1>/);
  waiting[0]?.({ user: 'the-earlier' });
  await first;
  assert.match(html(), /<h1>the-later<\/h1>/);
  assert.equal(editor.panels.length, 1);
});

test('who has signed out while it was asked for is not shown afterwards', async () => {
  signInChanged(); // signed in: no page is open yet
  const shown = run('showAccount');
  signedIn = false;
  signInChanged();
  waiting[1]?.(notSignedIn());
  await new Promise(setImmediate);
  assert.match(html(), /Nobody is signed in\.[^]*command:jumpseat\.signIn/);
  waiting[0]?.({ user: 'octocat' });
  await shown;
  assert.doesNotMatch(html(), /octocat/);
});

test('a page that was closed meanwhile stays as it was, and the next one is its own', async () => {
  const shown = run('showAccount');
  const [panel] = editor.panels;
  panel?.close();
  waiting[0]?.({ user: 'octocat' });
  await shown;
  assert.match(panel?.webview.html ?? '', /Asking GitHub/);
  const again = run('showAccount');
  waiting[1]?.({ user: 'octocat' });
  await again;
  assert.equal(editor.panels.length, 2);
  assert.match(html(), /octocat/);
});
