// Several accounts on one machine, each chosen by name and never by accident; the editor's own sign-in; and
// what a program hears from `login --json`.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  Editor,
  closed_port,
  eventually,
  known_token,
  made_up_token,
  run,
  saved_sign_in,
  upstream_env,
} from './harness.mjs';
import { editors, home, sim } from './world.mjs';

const jumpseat = (args, more = {}) => run(args, { cwd: home.work, env: home.env(sim.env, more) });

async function sign_in_as(login, args = [], more) {
  await sim.settings({ login });
  const { code, stdout, stderr } = await jumpseat(['login', ...args], more);
  assert.equal(code, 0, stdout + stderr);
}

async function status(args = [], more) {
  const { code, stdout, stderr } = await jumpseat(['status', '--json', ...args], more);
  return { code, stderr, ...JSON.parse(stdout) };
}

async function open_editor(params = {}, args = []) {
  const editor = new Editor({ env: home.env(sim.env), cwd: home.work, args });
  editors.push(editor);
  await editor.begin(params);
  return editor;
}

describe('named accounts', () => {
  test('each has its sign-in; status lists them and uses the one that is named', async () => {
    await sign_in_as('ada');
    await sign_in_as('ada-at-work', ['--account', 'work']);
    const { github } = await sim.tokens();
    const used = async (args, more) => {
      const mark = (await sim.requests()).length;
      assert.equal((await jumpseat(['models', '--refresh', ...args], more)).code, 0);
      await sim.expire('copilot');
      assert.equal((await jumpseat(['models', '--refresh', ...args], more)).code, 0);
      const exchange = (await sim.requests({ path: '/copilot_internal/v2/token' })).at(-1);
      assert.ok(mark > 0);
      return github.indexOf(exchange.headers.authorization.split(' ')[1]);
    };
    assert.equal(await used([]), 0);
    assert.equal(await used(['--account', 'work']), 1);
    assert.equal(await used([], { JUMPSEAT_ACCOUNT: 'work' }), 1);
    assert.equal(await used(['--account', 'default'], { JUMPSEAT_ACCOUNT: 'work' }), 0);

    const found = await status(['--account', 'work']);
    assert.equal(found.account, 'work');
    assert.equal(found.source, 'saved sign-in "work"');
    assert.deepEqual(
      found.accounts.map((one) => [one.name, one.login]),
      [
        ['default', 'ada'],
        ['work', 'ada-at-work'],
      ],
    );
    const { stdout } = await jumpseat(['status']);
    assert.match(stdout, /Account +default \(ada\)/);
    assert.match(stdout, /Account +work \(ada-at-work\)/);
  });

  test('one that is not there is an error that names those that are', async () => {
    await saved_sign_in(sim, home, { login: 'ada', name: 'work' });
    for (const [args, more] of [
      [['--account', 'home'], {}],
      [[], {}],
    ]) {
      const found = await status(args, more);
      assert.equal(found.state, 'signed_out');
      assert.match(JSON.stringify(found.passedOver), /sign-ins named: work \(choose one with --account\)/);
      const { code, stderr } = await jumpseat(['chat', 'hi', ...args], more);
      assert.equal(code, 4, stderr);
    }
    const { stderr } = await jumpseat(['chat', 'hi', '--account', 'home']);
    assert.match(stderr, /Looked for the account "home" \(command line\)/);
  });

  test('a name that was asked for goes before the environment and before other programs', async () => {
    const token = await known_token(sim);
    const found = await status(['--account', 'work'], { GITHUB_TOKEN: token });
    assert.equal(found.state, 'signed_out');
    assert.match(JSON.stringify(found.passedOver), /the account \\"work\\" was asked for/);
    const piped = await run(['status', '--json', '--token-stdin', '--account', 'work'], {
      cwd: home.work,
      env: home.env(sim.env),
      input: token,
    });
    assert.match(JSON.parse(piped.stdout).source, /--token-stdin/);
  });

  test('a sign-out takes the one that is named', async () => {
    await saved_sign_in(sim, home, { login: 'ada' });
    await saved_sign_in(sim, home, { login: 'ada-at-work', name: 'work' });
    const { code, stdout } = await jumpseat(['logout', '--account', 'work']);
    assert.equal(code, 0);
    assert.match(stdout, /saved sign-in "work" is gone/);
    assert.equal((await status(['--account', 'work'])).state, 'signed_out');
    assert.equal((await status()).login, 'ada');
  });

  test('a bad name is refused', async () => {
    for (const name of ['', 'a b', 'a/b', 'x'.repeat(65), 'ä', "'; DROP TABLE accounts"]) {
      const { code, stderr } = await jumpseat(['status', `--account=${name}`]);
      if (name === '') continue; // the empty name is no name
      assert.equal(code, 3, name);
      assert.match(stderr, /JUMPSEAT_ACCOUNT \(command line\)/);
    }
  });

  test('an editor picks one when it starts', async () => {
    await saved_sign_in(sim, home, { login: 'ada' });
    await saved_sign_in(sim, home, { login: 'ada-at-work', name: 'work' });
    const editor = await open_editor({ initializationOptions: { account: 'work' } });
    const { result } = await editor.request('checkStatus', {});
    assert.equal(result.user, 'ada-at-work');
    assert.equal(result.account, 'work');
    await editor.end();
    // What was typed goes before it.
    const other = await open_editor({ initializationOptions: { account: 'work' } }, [
      '--account',
      'default',
    ]);
    assert.equal((await other.request('checkStatus', {})).result.user, 'ada');
    await other.end();
    const bad = new Editor({ env: home.env(sim.env), cwd: home.work });
    const answer = await bad.request('initialize', {
      processId: null,
      capabilities: {},
      initializationOptions: { account: 'a b' },
    });
    assert.match(answer.error.message, /initializationOptions\.account/);
    await bad.kill();
  });
});

describe('an editor', () => {
  test('hears from checkStatus who, from where, why not another, how long', async () => {
    await saved_sign_in(sim, home, { login: 'ada' });
    const editor = await open_editor();
    await editor.request('jumpseat/account', {});
    const { result } = await editor.request('checkStatus', {});
    assert.equal(result.status, 'OK');
    assert.equal(result.user, 'ada');
    assert.equal(result.source, 'saved sign-in');
    assert.equal(result.tokenKind, 'GitHub App user token (ghu_)');
    assert.equal(result.plan, 'individual');
    assert.ok(result.tokenExpiresIn > 60);
    assert.deepEqual(result.passedOver, [
      { source: 'environment and configuration', reason: 'no token is set' },
    ]);
    await editor.end();
  });

  test('may bring its own GitHub sign-in, which is kept in memory only', async () => {
    const token = await known_token(sim);
    const editor = await open_editor();
    assert.equal((await editor.request('checkStatus', {})).result.status, 'NotSignedIn');
    editor.notify('github/didChangeAuth', { accessToken: token, handle: 'octo', serverUrl: sim.url });
    let { result } = await editor.request('checkStatus', {});
    assert.equal(result.status, 'OK');
    assert.equal(result.source, 'editor sign-in');
    editor.notify('github/didChangeAuth', {});
    ({ result } = await editor.request('checkStatus', {}));
    assert.equal(result.status, 'NotSignedIn');
    // Of another host, malformed, of the wrong shape: not used, never repeated.
    editor.notify('github/didChangeAuth', { accessToken: token, serverUrl: 'https://acme.ghe.com' });
    editor.notify('github/didChangeAuth', { accessToken: 'swordfish-swordfish' });
    editor.notify('github/didChangeAuth', { accessToken: 17 });
    ({ result } = await editor.request('checkStatus', {}));
    assert.equal(result.status, 'NotSignedIn');
    assert.ok(!editor.messages.some(({ text }) => text.includes('swordfish') || text.includes(token)));
    await editor.end();
    assert.equal((await status()).state, 'signed_out');
  });

  test('lets a person choose among all sign-ins, and removes only what is ours', async () => {
    await saved_sign_in(sim, home, { login: 'ada' });
    await saved_sign_in(sim, home, { login: 'bob', name: 'work' });
    const other = made_up_token();
    await sim.register({ token: other, login: 'eve' });
    const directory = join(home.path, '.config', 'github-copilot');
    mkdirSync(directory, { recursive: true });
    const apps = join(directory, 'apps.json');
    writeFileSync(apps, JSON.stringify({ [new URL(sim.url).host]: { user: 'eve', oauth_token: other } }), {
      mode: 0o600,
    });
    const editor = await open_editor();
    assert.equal((await editor.request('checkStatus', {})).result.user, 'ada');
    const list = async () => (await editor.request('auth/listAvailableTokens', {})).result.tokens;
    let tokens = await list();
    assert.deepEqual(
      tokens.map(({ source, account, inUse }) => [source.replace(/,.*/, ''), account, inUse]),
      [
        ['saved sign-in', 'default', true],
        ['saved sign-in "work"', 'work', false],
        ['github-copilot/apps.json', undefined, false],
      ],
    );
    assert.ok(!JSON.stringify(tokens).includes(other));

    const [ada, bob, eve] = tokens.map(({ tokenId }) => ({ tokenId }));
    let { result } = await editor.request('auth/useExistingToken', bob);
    assert.equal(result.source, 'saved sign-in "work"');
    assert.equal(result.status, 'OK');
    ({ result } = await editor.request('auth/useExistingToken', eve));
    assert.match(result.source, /apps\.json/);
    assert.ok((await editor.chat()).result);
    assert.deepEqual((await list()).map(({ inUse }) => inUse), [false, false, true]);

    const kept = await editor.request('auth/removeToken', eve);
    assert.equal(kept.error.data.code, 'invalid_request');
    assert.match(kept.error.message, /apps\.json.*Remove it there/);
    assert.ok(readFileSync(apps, 'utf8').includes(other));
    assert.equal((await editor.request('auth/removeToken', bob)).result, 'OK');
    assert.deepEqual((await status()).accounts.map(({ name }) => name), ['default']);
    const gone = await editor.request('auth/useExistingToken', bob);
    assert.equal(gone.error.data.code, 'invalid_request');
    ({ result } = await editor.request('auth/useExistingToken', ada));
    assert.equal(result.source, 'saved sign-in');

    // A sign-out, here or elsewhere, ends the choice.
    await editor.request('auth/useExistingToken', eve);
    assert.equal((await jumpseat(['logout'])).code, 0);
    const out = async () => (await editor.request('checkStatus', {})).result.status === 'NotSignedIn';
    await eventually(out, 'the sign-out of another process');
    await editor.end();
  });

  test('a sign-in that cannot reach GitHub says that trying again may help', async () => {
    const port = closed_port();
    const editor = new Editor({
      env: home.env(upstream_env(port), { MAX_RETRIES: '0' }),
      cwd: home.work,
    });
    await editor.begin();
    const { error } = await editor.request('signIn', {});
    assert.equal(error.data.code, 'sign_in_failed');
    assert.equal(error.data.retryable, true);
    await editor.end();
  });
});

describe('login --json', () => {
  const events = (stdout) =>
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

  test('tells the code, then who signed in; then that somebody is', async () => {
    const first = await jumpseat(['login', '--json']);
    assert.equal(first.code, 0, first.stderr);
    const [code, done, ...rest] = events(first.stdout);
    assert.deepEqual(rest, []);
    assert.equal(code.event, 'code');
    assert.match(code.userCode, /^[A-Z0-9]{4}-[A-Z0-9]{4}$/);
    assert.equal(code.verificationUri, `${sim.url}/login/device`);
    assert.ok(code.expiresIn > 0 && code.interval > 0);
    assert.deepEqual(done, {
      event: 'signedIn',
      login: 'octocat',
      source: 'saved sign-in',
      plan: 'individual',
      persistent: true,
    });
    const again = await jumpseat(['login', '--json']);
    assert.equal(events(again.stdout)[0].event, 'alreadySignedIn');
  });

  test('tells what went wrong', async () => {
    await sim.scenario('device_denied');
    const denied = await jumpseat(['login', '--json']);
    assert.equal(denied.code, 4);
    assert.equal(events(denied.stdout).at(-1).error.code, 'sign_in_denied');
    await sim.clear_rules();
    await sim.scenario('exchange_403_no_seat');
    const refused = await jumpseat(['login', '--json']);
    assert.equal(refused.code, 4);
    const { error } = events(refused.stdout).at(-1);
    assert.equal(error.code, 'no_copilot_access');
    assert.equal(error.url, 'https://github.com/settings/copilot');
  });

  test('--existing asks for no code', async () => {
    const { code, stdout } = await jumpseat(['login', '--existing', '--json']);
    assert.equal(code, 4);
    assert.deepEqual(
      events(stdout).map((one) => one.event),
      ['failed'],
    );
    assert.equal((await sim.requests()).length, 0);
    assert.ok(made_up_token());
  });
});
