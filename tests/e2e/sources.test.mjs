// Where a sign-in may come from: explicit tokens, our own store, LiteLLM's directory, the files of GitHub's
// editor plug-ins, the GitHub CLI. One table runs every source through every state; the rest is order,
// validation by Copilot, and that what belongs to another program is left as it was, byte for byte.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { Editor, Home, known_token, made_up_token, mode_of, run } from './harness.mjs';
import { home, sim } from './world.mjs';

const host = () => new URL(sim.url).host;
const config_of = (at, ...names) => join(at.path, '.config', ...names);
const in_config = (...names) => config_of(home, ...names);
const litellm_dir = (at = home) => join(at.path, 'litellm');

/// The environment with a search path of our own: gh is the one of the test, or none.
const env = (more = {}, at = home) =>
  at.env(sim.env, { PATH: `${join(at.path, 'bin')}:/usr/bin:/bin` }, more);

const jumpseat = (args, more = {}, options = {}, at = home) =>
  run(args, { cwd: at.work, ...options, env: env(more, at) });

async function status(more = {}, at = home) {
  const { code, stdout, stderr } = await jumpseat(['status', '--json'], more, {}, at);
  try {
    return { code, stderr, ...JSON.parse(stdout) };
  } catch {
    throw new Error(`status printed: ${stdout}${stderr}`);
  }
}

function put(path, text, mode = 0o600) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
}

/// A GitHub CLI that does what `script` says.
function put_gh(script, at = home) {
  put(join(at.path, 'bin', 'gh'), `#!/bin/sh\n${script}\n`, 0o755);
}

/// Everything below a directory: names, kinds, modes, contents, times of change.
function snapshot(path, seen = {}) {
  if (!existsSync(path)) return seen;
  const status_ = lstatSync(path);
  const kind = status_.isDirectory() ? 'directory' : status_.isFile() ? 'file' : 'other';
  seen[path] = `${kind} ${status_.mode.toString(8)} ${status_.mtimeMs}`;
  if (status_.isSymbolicLink()) seen[path] += readlinkSync(path);
  if (kind === 'file') seen[path] += readFileSync(path, 'base64');
  if (kind === 'directory')
    for (const name of readdirSync(path)) snapshot(join(path, name), seen);
  return seen;
}

const others = (at = home) => ({
  ...snapshot(config_of(at, 'github-copilot')),
  ...snapshot(config_of(at, 'litellm')),
  ...snapshot(litellm_dir(at)),
  ...snapshot(config_of(at, 'gh')),
});

/// Runs each case in a home of its own, all at once.
const at_once = (cases, play) =>
  Promise.all(
    cases.map(async ([name, one]) => {
      const at = new Home();
      try {
        await play(one, at, name);
      } catch (problem) {
        problem.message = `${name}: ${problem.message}`;
        throw problem;
      } finally {
        at.remove();
      }
    }),
  );

const apps = (token, key = `${host()}:Iv1.b507a08c87ecfe98`) =>
  JSON.stringify({
    'elsewhere.example:Iv1.x': { user: 'eve', oauth_token: made_up_token() },
    [key]: { user: 'octo', oauth_token: token, githubAppId: 'Iv1.b507a08c87ecfe98' },
  });

/// The borrowed sources: how a token gets there, and what the program calls the place.
const SOURCES = {
  litellm: {
    name: /^LiteLLM's token directory$/,
    env: (at = home) => ({ GITHUB_COPILOT_TOKEN_DIR: litellm_dir(at) }),
    path: (at = home) => join(litellm_dir(at), 'access-token'),
    text: (token) => token,
  },
  'apps.json': {
    name: /^github-copilot\/apps\.json/,
    env: () => ({}),
    path: (at = home) => config_of(at, 'github-copilot', 'apps.json'),
    text: (token) => apps(token),
  },
  'hosts.json': {
    name: /^github-copilot\/hosts\.json/,
    env: () => ({}),
    path: (at = home) => config_of(at, 'github-copilot', 'hosts.json'),
    text: (token) => apps(token, host()),
  },
};
const GH = {
  name: /^GitHub CLI$/,
  env: () => ({}),
  give: (token, at) => put_gh(`echo ${token}`, at),
};
const give = (source, token, at = home) =>
  source.give ? source.give(token, at) : put(source.path(at), source.text(token));

/// What can be true of a token, as the simulator has it, and what becomes of it.
const STATES = {
  'good, exchanged': { about: {}, ready: 'exchange' },
  'good, its app may not exchange': { prefix: 'gho_', about: { exchange: 404 }, ready: 'direct' },
  'a fine-grained token with Copilot Requests': {
    prefix: 'github_pat_',
    about: { copilot_requests: true },
    ready: 'direct',
  },
  'a fine-grained token without': {
    prefix: 'github_pat_',
    about: {},
    passed: /does not have Copilot Requests permission/,
  },
  'a classic token': { prefix: 'ghp_', about: {}, passed: /404/ },
  'unknown to GitHub': { about: null, passed: /401/ },
  'without a Copilot seat': { about: { exchange: 'no_seat' }, passed: /No Copilot seat/ },
  'refused both ways': {
    prefix: 'gho_',
    about: { exchange: 404, direct: false },
    passed: /\(404\).*may not use Copilot/,
  },
};

const reasons_of = (found, source) =>
  found.passedOver.filter((one) => source.name.test(one.source)).map((one) => one.reason);

describe('every source in every state', () => {
  for (const [name, source] of [...Object.entries(SOURCES), ['gh', GH]]) {
    // hosts.json has the same reader as apps.json; two rows show that it is there.
    const rows = Object.entries(STATES).filter(
      ([state]) => name !== 'hosts.json' || /^(good, exchanged|unknown)/.test(state),
    );
    test(`${name}: ${rows.map(([state]) => state).join('; ')}`, () =>
      at_once(rows, async ({ prefix, about, ready, passed }, at) => {
        const token = made_up_token(prefix);
        if (about) await sim.register({ token, ...about });
        give(source, token, at);
        const before_ = others(at);
        const found = await status(source.env(at), at);
        if (ready) {
          assert.equal(found.state, 'ready', JSON.stringify(found));
          assert.match(found.source, source.name);
          assert.equal(found.borrowed, true);
          assert.equal(found.route, ready);
          assert.equal(found.login, 'octocat');
          assert.equal(found.code, 0);
        } else {
          assert.equal(found.state, 'signed_out', JSON.stringify(found));
          assert.equal(found.code, 4);
          const reasons = reasons_of(found, source);
          assert.ok(
            reasons.some((reason) => passed.test(reason)),
            JSON.stringify(found.passedOver),
          );
          assert.match(found.problem.message, /^Missing required GitHub configuration: GITHUB_TOKEN/);
        }
        if (name === 'litellm') delete before_[litellm_dir(at)]; // shared with us: the next file
        const after_ = others(at);
        for (const path of Object.keys(before_)) assert.equal(after_[path], before_[path], path);
        assert.ok(!JSON.stringify(found).includes(token));
      }));
  }

  const BAD = {
    'a token with a line break in it': {
      token: (good) => `${good.slice(0, 20)}\n${good.slice(20)}`,
      reason: /white space in the middle/,
    },
    'an empty token': { token: () => '', reason: /cannot be empty|has no oauth_token/ },
    'placeholder text': { token: () => 'ghu_xxxxxxxxxxxxxxxxxxxxxxxx', reason: /placeholder/ },
  };
  // What cannot be used is passed over, so all three places can have it at once.
  test(`litellm, apps.json, hosts.json: ${Object.keys(BAD).join('; ')}`, () =>
    at_once(Object.entries(BAD), async ({ token, reason }, at) => {
      for (const source of Object.values(SOURCES))
        put(source.path(at), source.text(token(made_up_token())));
      const found = await status(SOURCES.litellm.env(at), at);
      assert.equal(found.state, 'signed_out');
      for (const source of Object.values(SOURCES))
        assert.match(reasons_of(found, source).join('\n'), reason);
    }));

  test('litellm, apps.json, hosts.json: 10 MB', async () => {
    for (const source of Object.values(SOURCES)) put(source.path(), 'ghu_'.padEnd(10_000_000, 'a'));
    const found = await status(SOURCES.litellm.env());
    for (const source of Object.values(SOURCES))
      assert.match(reasons_of(found, source).join('\n'), /it has more than \d+ bytes/);
  });

  test('litellm, apps.json, hosts.json: a FIFO, a directory, a link, what everybody may write', async () => {
    const all = Object.values(SOURCES);
    const token = made_up_token();
    await sim.register(token);
    const refused = async (make, reason) => {
      for (const source of all) {
        rmSync(source.path(), { recursive: true, force: true });
        mkdirSync(dirname(source.path()), { recursive: true });
        make(source);
      }
      const found = await status(SOURCES.litellm.env());
      for (const source of all) assert.match(reasons_of(found, source).join('\n'), reason);
    };
    await refused((source) => assert.equal(spawnSync('mkfifo', [source.path()]).status, 0), /not a plain file/);
    await refused((source) => mkdirSync(source.path()), /not a plain file/);
    await refused((source) => {
      put(join(home.path, 'elsewhere'), source.text(token));
      symlinkSync(join(home.path, 'elsewhere'), source.path());
    }, /symbolic link/);
    await refused((source) => put(source.path(), source.text(token), 0o666), /chmod o-w/);
    assert.deepEqual(await sim.requests(), [], 'nothing of it reached GitHub');
    for (const source of all) chmodSync(source.path(), 0o644); // as LiteLLM writes it under the usual umask
    assert.equal((await status(SOURCES.litellm.env())).state, 'ready');
  });

  const NO_FILES = [
    ['not JSON', { text: 'github.com:\n    oauth_token: gho_x\n    user: octo\n', reason: /not JSON/ }],
    ['a list', { text: '[1,2]', reason: /not an object/ }],
    ['cut off', { text: '{"github.com":{"oauth_token":"gh', reason: /not JSON/ }],
    ['deep', { text: '['.repeat(100_000), reason: /not JSON/ }],
    ['another host only', { text: '{"github.example":{"oauth_token":"x"}}', reason: /no sign-in for/ }],
    ['a host that only begins alike', { text: () => apps(made_up_token(), `${host()}.evil.example`), reason: /no sign-in for/ }],
    ['an entry that is no object', { text: () => JSON.stringify({ [host()]: 'ghu_x' }), reason: /is not an object/ }],
  ];
  test(`apps.json, hosts.json: ${NO_FILES.map(([what]) => what).join('; ')}`, () =>
    at_once(NO_FILES, async ({ text, reason }, at) => {
      const names = ['apps.json', 'hosts.json'];
      for (const name of names)
        put(config_of(at, 'github-copilot', name), typeof text === 'function' ? text() : text);
      const found = await status({}, at);
      assert.equal(found.state, 'signed_out');
      for (const name of names) assert.match(reasons_of(found, SOURCES[name]).join('\n'), reason);
    }));

  test('apps.json: several entries of one host are tried in their order', async () => {
    const [dead, good] = [made_up_token(), made_up_token()];
    await sim.register(good);
    const key = (app) => `${host()}:${app}`;
    put(
      in_config('github-copilot', 'apps.json'),
      JSON.stringify({
        [key('Iv1.one')]: { user: 'one', oauth_token: dead },
        [key('Iv1.bad')]: { user: 'bad', oauth_token: 'nonsense' },
        [key('Iv1.two')]: { user: 'two', oauth_token: good },
      }),
    );
    const found = await status();
    assert.equal(found.state, 'ready');
    assert.equal(found.source, `github-copilot/apps.json, ${key('Iv1.two')}`);
    const reasons = reasons_of(found, SOURCES['apps.json']).join('\n');
    assert.match(reasons, /401/);
    assert.match(reasons, /Iv1\.bad: Invalid GitHub token format/);
  });

  test('auth.db of the newer plug-ins is named and not opened', async () => {
    put(in_config('github-copilot', 'auth.db'), 'SQLite format 3');
    const found = await status();
    assert.match(JSON.stringify(found.passedOver), /auth\.db.*encrypted for their own program/);
  });
});

describe('the GitHub CLI', () => {
  const log = () => readFileSync(join(home.path, 'gh.log'), 'utf8');

  test('is asked for the host, with an environment without secrets', async () => {
    const token = made_up_token('gho_');
    await sim.register({ token, exchange: 404 });
    put_gh(`{ echo "$@"; env; ls -l /proc/$$/fd; } >"$HOME/gh.log"\necho ${token}`);
    const found = await status({
      GITHUB_TOKEN: `ghp_${'A'.repeat(36)}`, // passed over: ambient, and can never chat
      HTTPS_PROXY: 'http://me:hunter2hunter2@127.0.0.1:9',
      GH_CONFIG_DIR: join(home.path, 'gh-config'),
    });
    assert.equal(found.source, 'GitHub CLI');
    assert.equal(found.route, 'direct');
    const [args, ...rest] = log().split('\n');
    assert.equal(args, `auth token --hostname ${host()}`);
    const seen = rest.join('\n');
    assert.doesNotMatch(seen, /TOKEN=|hunter2|ghp_/);
    assert.match(seen, new RegExp(`^GH_CONFIG_DIR=${home.path}/gh-config$`, 'm'));
    assert.match(seen, new RegExp(`^HOME=${home.path}$`, 'm'));
    assert.doesNotMatch(seen, / [4-9] -> |socket:/, 'none of our descriptors');
  });

  const hangs = `sh -c 'echo $$ >"$HOME/inner.pid"; exec sleep 1000' &\necho $$ >"$HOME/gh.pid"\nwait`;
  const TROUBLE = Object.entries({
    'is not signed in': ['echo "no oauth token" >&2; exit 1', /no sign-in for/],
    fails: ['exit 7', /ended with 7/],
    'is killed': ['kill -9 $$', /ended with 137/],
    'says too much': ['yes', /more than 4096 bytes/],
    'says something else': ['echo hello', /Invalid GitHub token format/],
    'says nothing': ['exit 0', /cannot be empty/],
    hangs: [hangs, /did not answer within 5 s and was stopped/],
  });
  test(`that ${TROUBLE.map(([what]) => what).join('; ')}: is stopped, with all that it started`, () =>
    at_once(TROUBLE, async ([script, reason], at, what) => {
      put_gh(script, at);
      const found = await status({}, at);
      assert.match(reasons_of(found, GH).join(), reason);
      if (what !== 'hangs') return;
      for (const name of ['gh.pid', 'inner.pid']) {
        const pid = readFileSync(join(at.path, name), 'utf8').trim();
        const state = existsSync(`/proc/${pid}/stat`)
          ? readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1][0]
          : 'gone';
        assert.match(state, /^(gone|Z)$/, name);
      }
    }));

  test('GH_PATH names it; what is no program is not started', async () => {
    const token = made_up_token();
    await sim.register(token);
    put_gh(`echo ${token}`);
    const elsewhere = join(home.path, 'elsewhere-gh');
    renameSync(join(home.path, 'bin', 'gh'), elsewhere);
    assert.match(reasons_of(await status(), GH).join(), /gh is not installed/);
    assert.equal((await status({ GH_PATH: elsewhere })).source, 'GitHub CLI');
    await jumpseat(['logout'], { GH_PATH: elsewhere });
    rmSync(home.data, { recursive: true });
    chmodSync(elsewhere, 0o644);
    assert.match(reasons_of(await status({ GH_PATH: elsewhere }), GH).join(), /not a program/);
    chmodSync(elsewhere, 0o757);
    assert.match(reasons_of(await status({ GH_PATH: elsewhere }), GH).join(), /every user/);
    const { code, stderr } = await jumpseat(['status'], { GH_PATH: 'gh' });
    assert.equal(code, 3);
    assert.match(stderr, /GH_PATH.*absolute path/);
  });

  test('S11: one in a relative directory of PATH is not started', async () => {
    put(join(home.work, 'gh'), '#!/bin/sh\ntouch "$HOME/started"\n', 0o755);
    await run(['status'], { cwd: home.work, env: env({ PATH: '.::/usr/bin:/bin' }) });
    assert.equal(existsSync(join(home.path, 'started')), false);
  });

  test('is waited for by the first request of an editor', async () => {
    const token = await known_token(sim);
    put_gh(`sleep 0.3; echo ${token}`);
    const editor = new Editor({ env: env(), cwd: home.work });
    await editor.begin();
    const answer = await editor.chat();
    assert.ok(answer.result, JSON.stringify(answer));
    await editor.end();
  });

  test('is not started while there is a better sign-in', async () => {
    put_gh('touch "$HOME/started"');
    const token = made_up_token();
    await sim.register(token);
    assert.equal((await status({ GITHUB_TOKEN: token })).state, 'ready');
    put(in_config('github-copilot', 'apps.json'), apps(token));
    assert.match((await status()).source, /apps\.json/);
    assert.equal(existsSync(join(home.path, 'started')), false);
  });
});

describe('order', () => {
  test('the first place that has one wins; the others do not reach GitHub', async () => {
    const tokens = {};
    for (const name of ['stdin', 'env', 'litellm', 'apps', 'hosts', 'gh'])
      await sim.register({ token: (tokens[name] = made_up_token()), login: name });
    put(SOURCES.litellm.path(), tokens.litellm);
    put(in_config('github-copilot', 'apps.json'), apps(tokens.apps));
    put(in_config('github-copilot', 'hosts.json'), apps(tokens.hosts, host()));
    put_gh(`echo ${tokens.gh}`);
    assert.equal((await jumpseat(['login', '--again'])).code, 0);

    const common = { GITHUB_COPILOT_TOKEN_DIR: litellm_dir() };
    const given = await run(['status', '--json', '--token-stdin'], {
      cwd: home.work,
      env: env({ ...common, GITHUB_TOKEN: tokens.env }),
      input: tokens.stdin,
    });
    assert.equal(JSON.parse(given.stdout).login, 'stdin');
    assert.equal((await status({ ...common, GITHUB_TOKEN: tokens.env })).login, 'env');
    assert.equal((await status(common)).source, 'saved sign-in');

    const seen = [];
    // Away with our own, without a sign-out: that would leave the others alone.
    rmSync(home.data, { recursive: true });
    for (const path of [
      null,
      SOURCES.litellm.path(),
      in_config('github-copilot', 'apps.json'),
      in_config('github-copilot', 'hosts.json'),
    ]) {
      if (path) rmSync(path, { force: true });
      const mark = (await sim.requests()).length;
      const found = await status({
        ...common,
        GITHUB_COPILOT_API_KEY_FILE: join(home.path, 'none', 'api-key.json'),
      });
      seen.push(found.login);
      // LiteLLM's directory is shared: what we use is kept there for it.
      rmSync(SOURCES.litellm.path(), { force: true });
      const used = new Set(
        (await sim.requests()).slice(mark).map((one) => one.headers.authorization?.split(' ')[1]),
      );
      for (const [name, token] of Object.entries(tokens))
        if (name !== found.login) assert.ok(!used.has(token), `${name} was sent to GitHub`);
    }
    assert.deepEqual(seen, ['litellm', 'apps', 'hosts', 'gh']);
  });

  test('JUMPSEAT_TOKEN_SOURCES leaves sources out', async () => {
    const token = made_up_token();
    await sim.register(token);
    put(in_config('github-copilot', 'apps.json'), apps(token));
    put_gh('touch "$HOME/started"');
    const found = await status({ JUMPSEAT_TOKEN_SOURCES: 'saved' });
    assert.equal(found.state, 'signed_out');
    assert.match(JSON.stringify(found.passedOver), /JUMPSEAT_TOKEN_SOURCES leaves/);
    assert.equal(existsSync(join(home.path, 'started')), false);
    const { code, stderr } = await jumpseat(['status'], { JUMPSEAT_TOKEN_SOURCES: 'keychain' });
    assert.equal(code, 3);
    assert.match(stderr, /saved, litellm, github-copilot, gh/);
  });

  test('an explicit token that is refused is an error; nothing else is tried', async () => {
    const token = made_up_token();
    await sim.register(token);
    put(in_config('github-copilot', 'apps.json'), apps(token));
    const found = await status({ GITHUB_TOKEN: made_up_token() });
    assert.equal(found.state, 'refused');
    assert.equal(found.problem.code, 'token_rejected');
    assert.ok((await sim.requests()).every((one) => !one.headers.authorization?.includes(token)));
  });

  test('a saved sign-in that is refused is an error: another account would be a silent switch', async () => {
    assert.equal((await jumpseat(['login'])).code, 0);
    await sim.expire('github');
    await sim.expire('copilot');
    const token = made_up_token();
    await sim.register(token);
    put(in_config('github-copilot', 'apps.json'), apps(token));
    rmSync(join(home.data, 'none'), { force: true });
    await jumpseat(['chat', 'hi']); // finds out that the Copilot token is dead
    const found = await status();
    assert.equal(found.state, 'refused', JSON.stringify(found));
    assert.equal(found.source, 'saved sign-in');
  });

  test('a simulator is not given what is GitHub’s', async () => {
    put(in_config('github-copilot', 'apps.json'), apps(made_up_token(), 'github.com:Iv1.x'));
    put(in_config('litellm', 'github_copilot', 'access-token'), made_up_token());
    const found = await status();
    assert.equal(found.state, 'signed_out');
    assert.deepEqual(await sim.requests(), []);
  });
});

describe('S28: what belongs to others', () => {
  test('is byte-identical after a whole life', async () => {
    const token = made_up_token();
    await sim.register(token);
    put(in_config('github-copilot', 'apps.json'), apps(token), 0o644);
    put(in_config('github-copilot', 'hosts.json'), apps(made_up_token(), host()), 0o600);
    put(in_config('github-copilot', 'auth.db'), 'x');
    put(in_config('litellm', 'github_copilot', 'access-token'), token, 0o644);
    put(in_config('gh', 'hosts.yml'), 'github.com:\n    oauth_token: gho_x\n');
    put_gh(`echo ${token}`);
    const before_ = others();
    for (const args of [
      ['status'],
      ['models'],
      ['chat', 'hi'],
      ['doctor'],
      ['login'],
      ['login', '--again'],
      ['logout'],
      ['login', '--existing'],
      ['status'],
    ]) {
      const { code, stdout, stderr } = await jumpseat(args);
      assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
    }
    const editor = new Editor({ env: env(), cwd: home.work });
    await editor.begin();
    assert.ok((await editor.chat()).result);
    await editor.request('signOut', {});
    await editor.end();
    assert.deepEqual(others(), before_);
  });

  test('their tokens are not stored, and what is learnt about them is', async () => {
    const token = made_up_token('gho_');
    await sim.register({ token, exchange: 404 });
    put(in_config('github-copilot', 'apps.json'), apps(token));
    assert.equal((await status()).route, 'direct');
    await sim.wait('complete', { path: '/copilot_internal/v2/token' });
    for (let i = 0; i < 3; i++) assert.equal((await jumpseat(['chat', 'hi'])).code, 0);
    assert.equal((await sim.requests({ path: '/copilot_internal/v2/token' })).length, 1);
    for (const name of readdirSync(home.data))
      assert.ok(!readFileSync(join(home.data, name)).includes(token), name);
  });

  test('after a sign-out they are left alone until somebody signs in', async () => {
    const token = made_up_token();
    await sim.register(token);
    put(in_config('github-copilot', 'apps.json'), apps(token));
    assert.match((await status()).source, /apps\.json/);
    assert.equal((await jumpseat(['logout'])).code, 0);
    let found = await status();
    assert.equal(found.state, 'signed_out');
    assert.match(JSON.stringify(found.passedOver), /somebody signed out.*login --existing/);
    const { code, stdout } = await jumpseat(['login', '--existing']);
    assert.equal(code, 0);
    assert.match(stdout, /Already signed in as octocat \(github-copilot\/apps\.json/);
    found = await status();
    assert.match(found.source, /apps\.json/);
  });
});

describe("LiteLLM's directory, shared", () => {
  const shared = () => ({ GITHUB_COPILOT_TOKEN_DIR: litellm_dir() });
  const file = (name) => join(litellm_dir(), name);
  const key = () => JSON.parse(readFileSync(file('api-key.json'), 'utf8'));

  test('holds our sign-in in its shapes, 0600, and loses it at the sign-out', async () => {
    assert.equal((await jumpseat(['login'], shared())).code, 0);
    const { github, copilot } = await sim.tokens();
    assert.equal(readFileSync(file('access-token'), 'utf8'), github.at(-1));
    assert.equal(key().token, copilot.at(-1));
    assert.ok(key().expires_at > Date.now() / 1000 + 60);
    assert.equal(key().endpoints.api, sim.url);
    assert.equal(mode_of(litellm_dir()), 0o700);
    for (const name of readdirSync(litellm_dir())) assert.equal(mode_of(file(name)), 0o600, name);
    assert.deepEqual(readdirSync(litellm_dir()).sort(), ['access-token', 'api-key.json']);

    await sim.expire('copilot');
    await jumpseat(['chat', 'hi'], shared());
    assert.equal(key().token, (await sim.tokens()).copilot.at(-1), 'renewed with ours');

    assert.equal((await jumpseat(['logout'], shared())).code, 0);
    assert.deepEqual(readdirSync(litellm_dir()), []);
  });

  test("a Copilot token of LiteLLM's is used while it is good", async () => {
    assert.equal((await jumpseat(['login'], shared())).code, 0);
    rmSync(home.data, { recursive: true }); // as if LiteLLM had made both files
    const mark = (await sim.requests({ path: '/copilot_internal/v2/token' })).length;
    assert.equal((await jumpseat(['chat', 'hi'], shared())).code, 0);
    assert.equal((await sim.requests({ path: '/copilot_internal/v2/token' })).length, mark);
    writeFileSync(file('api-key.json'), JSON.stringify({ ...key(), expires_at: 1 }));
    assert.equal((await jumpseat(['chat', 'hi'], shared())).code, 0);
    assert.equal((await sim.requests({ path: '/copilot_internal/v2/token' })).length, mark + 1);
    writeFileSync(file('api-key.json'), 'garbage');
    assert.equal((await jumpseat(['chat', 'hi'], shared())).code, 0);
  });

  test("another sign-in of LiteLLM's is left alone until somebody signs in", async () => {
    const theirs = made_up_token();
    await sim.register(theirs);
    assert.equal((await jumpseat(['login'])).code, 0);
    put(file('access-token'), theirs, 0o644);
    const before_ = snapshot(litellm_dir());
    assert.equal((await jumpseat(['chat', 'hi'], shared())).code, 0);
    assert.equal((await status(shared())).source, 'saved sign-in');
    assert.equal((await jumpseat(['logout'], shared())).code, 0);
    assert.deepEqual(snapshot(litellm_dir()), before_);
    assert.equal((await jumpseat(['login', '--again'], shared())).code, 0);
    assert.equal(readFileSync(file('access-token'), 'utf8'), (await sim.tokens()).github.at(-1));
  });

  test('a directory that cannot be written is a warning', async () => {
    put(litellm_dir(), 'a file in its place');
    const { code, stderr } = await jumpseat(['login'], shared());
    assert.equal(code, 0);
    assert.match(stderr, /warning: The file .*access-token cannot be written/);
  });

  test('GITHUB_COPILOT_LITELLM_ENABLED=false leaves it alone', async () => {
    put(file('access-token'), made_up_token());
    const off = { ...shared(), GITHUB_COPILOT_LITELLM_ENABLED: 'false' };
    const before_ = snapshot(litellm_dir());
    const found = await status(off);
    assert.equal(found.state, 'signed_out');
    assert.equal((await jumpseat(['login'], off)).code, 0);
    assert.deepEqual(snapshot(litellm_dir()), before_);
  });
});
