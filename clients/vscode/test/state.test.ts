// The small decisions: which phase it is, when to start again, which button helps, what the page shows.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountPage, escape, failurePage, resetText } from '../src/account_html';
import { Backoff } from '../src/backoff';
import { AnswerError } from '../src/chat';
import { faceOf, phaseOf, type Facts, type Phase } from '../src/phase';
import { isCancelled, problemOf } from '../src/problem';
import { isAtLeast, remedy, StartFailure } from '../src/start_failure';

const running = (kind: string, busy = false, more: Partial<Facts> = {}): Facts => ({
  server: 'running',
  notice: { kind, busy, message: '' },
  ...more,
});

test('the phase follows from what is known', () => {
  const table: [Facts, Phase][] = [
    [{ server: 'stopped' }, 'starting'],
    [{ server: 'starting' }, 'starting'],
    [{ server: 'running' }, 'starting'],
    [{ server: 'failed' }, 'failed'],
    [running('Error'), 'signed_out'],
    [running('Error', false, { account: { status: 'NotAuthorized' } }), 'refused'],
    [running('Error', true), 'signing_in'],
    [running('Error', false, { signingIn: true }), 'signing_in'],
    [running('Normal', true, { signingIn: true }), 'signing_in'],
    [running('Normal'), 'ready'],
    [running('Normal', true), 'busy'],
    [running('Normal', false, { quotaMessage: 'Quota used up' }), 'quota_used_up'],
    [running('Warning'), 'offline'],
    [running('Inactive'), 'disabled'],
  ];
  for (const [facts, phase] of table) assert.equal(phaseOf(facts), phase, JSON.stringify(facts));
  for (const [, phase] of table) assert.match(faceOf(phase).text, /^\$\([\w~-]+\) Jumpseat/);
});

test('a crash is followed by a start, many of them by none', () => {
  const backoff = new Backoff();
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((at) => backoff.next(at)),
    [250, 1000, 4000, 15000, 15000],
  );
  assert.equal(backoff.next(5), undefined);
  assert.equal(backoff.next(10 * 60_000), 250, 'old crashes are forgotten');
  backoff.reset();
  assert.equal(backoff.next(10 * 60_000), 250);
});

test('versions are compared by their numbers', () => {
  for (const version of ['0.1.0', '0.1', '0.2.0', '1.0.0', '0.10.0', '0.1.0-rc.1']) {
    assert.ok(isAtLeast(version, '0.1.0'), version);
  }
  for (const version of ['0.0.9', '0', '', 'new', '0.0.99-rc.1']) {
    assert.ok(!isAtLeast(version, '0.1.0'), version);
  }
});

const rpc = (code: number, message: string, data?: object) =>
  Object.assign(new Error(message), { code, ...(data ? { data } : {}) });

test('every error has its words, its kind and one button that helps', () => {
  const table: [unknown, { kind: string; command: string; code: string }][] = [
    [
      rpc(1000, 'm', { code: 'not_signed_in', signIn: 'signIn' }),
      { kind: 'NoPermissions', command: 'jumpseat.signIn', code: 'not_signed_in' },
    ],
    [
      rpc(1001, 'm', { code: 'sign_in_denied' }),
      { kind: 'NoPermissions', command: 'jumpseat.signIn', code: 'sign_in_denied' },
    ],
    [
      rpc(1002, 'm', { code: 'no_copilot_access', url: 'https://github.com/x' }),
      { kind: 'NoPermissions', command: 'vscode.open', code: 'no_copilot_access' },
    ],
    [
      rpc(1002, 'm', { code: 'copilot_disabled' }),
      { kind: 'NoPermissions', command: 'jumpseat.runDoctor', code: 'copilot_disabled' },
    ],
    [
      rpc(-32803, 'm', { code: 'model_not_found' }),
      { kind: 'NotFound', command: 'jumpseat.showModels', code: 'model_not_found' },
    ],
    [
      rpc(-32803, 'm', { code: 'insufficient_quota' }),
      { kind: 'Blocked', command: 'jumpseat.showAccount', code: 'insufficient_quota' },
    ],
    [
      rpc(-32803, 'm', { code: 'rate_limit_exceeded' }),
      { kind: 'Blocked', command: 'jumpseat.runDoctor', code: 'rate_limit_exceeded' },
    ],
    [
      rpc(-32803, 'm', { code: 'dns_failed' }),
      { kind: 'Other', command: 'jumpseat.runDoctor', code: 'dns_failed' },
    ],
    [rpc(-32097, 'm'), { kind: 'Other', command: 'jumpseat.showLog', code: 'connection_gone' }],
    [
      new AnswerError('content_filter', 'm'),
      { kind: 'Blocked', command: 'jumpseat.showLog', code: 'content_filter' },
    ],
    [
      new StartFailure('silent', 'm'),
      { kind: 'Other', command: 'jumpseat.restart', code: 'silent' },
    ],
    [
      new StartFailure('missing', 'm'),
      { kind: 'Other', command: 'workbench.action.openSettings', code: 'missing' },
    ],
    [new Error('m'), { kind: 'Other', command: 'jumpseat.showLog', code: 'internal_error' }],
  ];
  for (const [error, wanted] of table) {
    const { kind, code, button, message } = problemOf(error);
    assert.deepEqual({ kind, code, command: button.command }, wanted);
    assert.notEqual(message, '');
    assert.notEqual(button.title, '');
  }
  assert.ok(isCancelled(rpc(-32800, 'm')));
  assert.ok(!isCancelled(new Error('m')));
  assert.equal(remedy('too_old').arguments?.[0], 'jumpseat.path');
});

const frame = { source: 'vscode-webview://x', style: 'vscode-webview://x/account.css' };

test('the account page shows what there is, and nothing of it as markup', () => {
  const html = accountPage(
    frame,
    {
      status: 'OK',
      user: '<img src=x onerror=alert(1)>',
      source: 'the saved sign-in',
      tokenKind: 'ghu',
      plan: 'individual_pro',
      quotaResetDate: '2026-12-01',
      quotas: [
        {
          name: 'chat',
          unlimited: true,
          percentRemaining: 0,
          entitlement: 0,
          remaining: 0,
          overagePermitted: false,
        },
        {
          name: 'premium_interactions',
          unlimited: false,
          percentRemaining: -4,
          entitlement: 300,
          remaining: -12,
          overagePermitted: true,
        },
      ],
    },
    undefined,
    new Date('2026-11-25T10:00:00Z'),
  );
  assert.ok(!html.includes('<img'), 'escaped');
  assert.match(html, /&lt;img src=x/);
  assert.match(html, /individual pro/);
  assert.match(html, /Chat<\/span><span class="figure">unlimited/);
  assert.match(html, /-12 of 300 left \(0 %\); more is allowed and billed/);
  assert.match(html, /in 6 days/);
  assert.match(html, /The model list could not be fetched/);
});

test('no page loads or runs anything but its style sheet', () => {
  for (const html of [
    failurePage(frame, '<script>alert(1)</script>', undefined),
    failurePage(frame, 'm', { title: 'Sign In', command: 'jumpseat.signIn' }),
  ]) {
    assert.match(html, /content="default-src &#39;none&#39;; style-src vscode-webview:\/\/x"/);
    assert.ok(!/<script|\sstyle=|\son\w+=|https?:/.test(html), html);
  }
  assert.equal(escape(`<a b="c" d='e'>&`), '&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;');
});

test('the reset date is said in days, and as it is when it is no date', () => {
  const now = new Date('2026-11-30T12:00:00Z');
  assert.match(resetText('2026-12-01', now), /tomorrow/);
  assert.doesNotMatch(resetText('2026-11-01', now), /in/);
  assert.equal(resetText('<soon>', now), '&lt;soon&gt;');
});
