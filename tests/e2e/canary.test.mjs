// Secrets stay inside. Every flow and every error is played with debug logging and a log file, and then all
// that came out is searched for every secret that was in play: as it is, in parts, and encoded.
//
// Tokens are kept in the database by design; there the modes of the files are what protects them, and no other
// file may hold one.

import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readSync, readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import {
  Editor,
  Home,
  known_token,
  mode_of,
  run,
  sanitized,
  saved_sign_in,
  start_simulator,
} from './harness.mjs';

const PROXY_PASSWORD = 'pr0xy-passw0rd-canary';
const PROMPT = 'the-prompt-canary-is-nobodys-business';

let sim;
let home;
let log;
let editor;
before(async () => (sim = await start_simulator()));
after(() => sim.stop());
beforeEach(async () => {
  await sim.reset();
  home = new Home();
  log = join(home.path, 'jumpseat.log');
});
afterEach(async () => {
  await editor?.kill();
  editor = undefined;
  home.remove();
});

const loud = { LOG_LEVEL: 'DEBUG', MAX_RETRIES: '0' };

function start(env = {}) {
  editor = new Editor({
    env: home.env(sim.env, loud, env),
    cwd: home.work,
    args: ['--log-file', log],
  });
  return editor.begin();
}

/// The spellings under which a secret could leave: whole, either end of it, base64 (at each of the three
/// alignments), percent-encoded, hexadecimal.
function spellings(secret) {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    return text.slice(shift === 0 ? 0 : shift + 1, -1); // the characters that no neighbour shares
  });
  return [
    secret,
    secret.slice(-16),
    ...base64.map((text) => text.slice(0, 40)),
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('hex').slice(0, 40),
  ].filter((text) => text.length >= 12);
}

/// The parts of a Copilot token that are secret: who it is for, and the signature. The host in it is not.
const secret_parts = (token) => {
  const parts = [/tid=([0-9a-f]+)/.exec(token)?.[1], /:([0-9a-f]{64})$/.exec(token)?.[1]];
  return [token, ...parts.filter(Boolean)];
};

async function all_secrets() {
  const { github, refresh, copilot, device_codes } = await sim.tokens();
  return [...github, ...refresh, ...copilot.flatMap(secret_parts), ...device_codes, PROXY_PASSWORD];
}

/// What a process has written to, a Buffer for each mapping (proc(5), maps and mem).
function memory_of(pid) {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    return readFileSync(`/proc/${pid}/maps`, 'utf8')
      .split('\n')
      .map((line) => /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line))
      .filter(Boolean)
      .map(([, begin, end]) => {
        const part = Buffer.alloc(Number(BigInt(`0x${end}`) - BigInt(`0x${begin}`)));
        return part.subarray(0, readSync(memory, part, 0, part.length, Number(`0x${begin}`)));
      });
  } finally {
    closeSync(memory);
  }
}

/// Fails when a secret is in one of `places` ({name: text}).
async function search(places, more = []) {
  const secrets = [...(await all_secrets()), ...more];
  assert.ok(secrets.length > 1, 'no secret was in play');
  for (const [name, text] of Object.entries(places)) {
    for (const secret of secrets) {
      for (const spelling of spellings(secret)) {
        const at = text.indexOf(spelling);
        assert.equal(
          at,
          -1,
          `in ${name}: …${text.slice(Math.max(0, at - 200), at)}[HERE] (a secret of ${secret.length} characters)`,
        );
      }
    }
  }
}

function* files_below(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files_below(path);
    else yield path;
  }
}

const of_database = (path) => path.startsWith(home.data);

/// All that the program wrote: to its editor, to stderr, to the log and to any other file.
function outputs() {
  const places = {
    'the JSON-RPC traffic': editor.messages.map(({ text }) => text).join('\n'),
    stderr: editor.stderr,
  };
  for (const path of files_below(home.path)) {
    if (!of_database(path)) places[path] = readFileSync(path, 'latin1');
  }
  return places;
}

/// Adds what one of several sessions wrote.
function keep(places) {
  for (const [name, text] of Object.entries(outputs())) places[name] = (places[name] ?? '') + text;
}

describe('stdio', () => {
  test('a whole life: sign in, chat, models, account, config, sign out', async () => {
    await sim.scenario('device_refreshable?times=1');
    await start();
    await editor.request('signIn', {});
    assert.equal((await editor.request('signInConfirm', {})).result.status, 'OK');
    assert.ok((await editor.chat({ content: PROMPT, partialResultToken: 1 })).result);
    for (const method of [
      'jumpseat/models',
      'jumpseat/account',
      'jumpseat/config',
      'checkStatus',
    ]) {
      assert.ok((await editor.request(method, {})).result, method);
    }
    await sim.expire('copilot');
    assert.ok((await editor.chat({ content: PROMPT })).result);
    for (const path of files_below(home.data)) assert.equal(mode_of(path), 0o600, path);
    assert.equal(mode_of(home.data), 0o700);
    assert.equal(mode_of(log), 0o600);
    await editor.request('signOut', {});
    await editor.end();

    const places = outputs();
    assert.match(places[log], /"DEBUG"/, 'the log is as loud as it gets');
    await search(places);
    // Bodies are not logged and not stored.
    for (const path of files_below(home.path)) {
      assert.ok(!readFileSync(path, 'latin1').includes(PROMPT), `the prompt is in ${path}`);
    }
    // After a sign-out not even the database has them.
    const database = {};
    for (const path of files_below(home.data)) database[path] = readFileSync(path, 'latin1');
    await search(database);
  });

  test('every error of a chat', async () => {
    await start({ GITHUB_TOKEN: await known_token(sim) });
    assert.ok((await editor.request('jumpseat/models', {})).result);
    for (const scenario of [
      'error_echoes_token',
      'error_401',
      'error_500',
      'error_502',
      'error_401_authorize',
      'forbidden_403',
      'rate_limit_none', // with a Retry-After the next ones would not be sent
      'quota_402',
      'chat_reset_before_headers',
      'chat_reset_midstream',
      'chat_truncated',
      'chat_garbage_only',
      'chat_error_after_200',
      'captive_portal?on=POST%20/chat/completions',
      'redirect?on=POST%20/chat/completions&to=http://127.0.0.1:1/',
      'gzip_unasked?on=POST%20/chat/completions',
      'headers_huge?on=POST%20/chat/completions',
      'not_http?on=POST%20/chat/completions',
    ]) {
      await sim.clear_rules();
      await sim.scenario(scenario);
      assert.ok(
        (await editor.chat({ content: PROMPT, partialResultToken: scenario })).error,
        scenario,
      );
    }
    // Upstream gives the credentials back in every place that an error is read from.
    const echo = '{{authorization}}';
    for (const reply of [
      {
        status: 400,
        headers: { 'content-type': 'application/json' },
        body: { error: { message: echo, code: echo, url: echo } },
      },
      { status: 401, headers: { 'content-type': 'text/plain' }, body: echo },
      {
        status: 403,
        headers: { 'content-type': 'text/plain' },
        body: `x ${echo} https://github.com/${echo}`,
      },
      {
        status: 429,
        headers: { 'content-type': 'text/html', 'retry-after': echo },
        body: `<html>${echo}</html>`,
      },
      { status: 200, headers: { 'content-type': echo }, body: `<html>${echo}` },
      { status: 302, headers: { location: `https://evil.example/?t=${echo}` }, body: '' },
      {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: { error: { message: echo } },
      },
      { status: 200, stream: [{ data: { choices: null, error: { message: echo, code: echo } } }] },
    ]) {
      await sim.clear_rules();
      await sim.rule({ on: 'POST /chat/completions', do: reply });
      assert.ok((await editor.chat()).error, JSON.stringify(reply));
    }
    await sim.clear_rules();
    await editor.end();
    await search(outputs());
  });

  test('every error of the exchange, the account and the model list', async () => {
    const places = {};
    const GITHUB_TOKEN = await known_token(sim);
    const echo = '{{authorization}}';
    for (const scenario of [
      'exchange_401',
      'exchange_403_no_seat',
      'exchange_404',
      'exchange_429',
      'exchange_500',
      'exchange_reset',
      'exchange_garbage',
      'exchange_missing_token',
      'exchange_api?api=https://evil.example',
      'models_500',
      'models_garbage',
      'user_401',
      {
        rules: [
          {
            on: 'GET /copilot_internal/*',
            do: {
              status: 403,
              headers: { 'content-type': 'application/json' },
              body: {
                message: echo,
                error_details: { title: echo, message: echo, url: `https://github.com/${echo}` },
              },
            },
          },
        ],
      },
      {
        rules: [
          {
            on: 'GET /copilot_internal/*',
            do: { status: 500, headers: { 'content-type': 'text/html' }, body: `<html>${echo}` },
          },
        ],
      },
      {
        rules: [
          {
            on: 'GET /models',
            do: { status: 400, headers: { 'content-type': 'text/plain' }, body: echo },
          },
        ],
      },
    ]) {
      await sim.clear_rules();
      await sim.scenario(scenario);
      await start({ GITHUB_TOKEN });
      for (const method of ['jumpseat/models', 'jumpseat/account', 'checkStatus'])
        await editor.request(method, {});
      await editor.end();
      keep(places);
    }
    await search(places);
  });

  test('every end of a sign-in', async () => {
    const places = {};
    for (const scenario of ['device_denied?n=0', 'device_poll_garbage', 'device_unknown_error']) {
      await sim.clear_rules();
      await sim.scenario(scenario);
      await start();
      await editor.request('signIn', {});
      // The one that hangs on is cancelled: what matters is what was written.
      const waiting = editor.request('signInConfirm', {});
      await sim.wait('complete', { path: '/login/oauth/access_token' });
      await editor.request('signOut', {});
      await waiting;
      await editor.end();
      keep(places);
      await sim.reset({ keep: ['tokens'] });
    }
    await search(places);
  });

  test('a proxy with a password', async () => {
    const proxy = createServer((socket) => {
      socket.once('data', () =>
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n'),
      );
      socket.on('error', () => {});
    });
    await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      const token = await known_token(sim);
      editor = new Editor({
        env: home.env(loud, {
          GITHUB_TOKEN: token,
          HTTPS_PROXY: `http://me:${PROXY_PASSWORD}@127.0.0.1:${proxy.address().port}`,
        }),
        cwd: home.work,
        args: ['--log-file', log],
      });
      await editor.begin();
      const { error } = await editor.chat();
      assert.equal(error.data.code, 'proxy_failed');
      await editor.request('jumpseat/config', {});
      await editor.request('signIn', {});
      await editor.end();
      await search(outputs(), [token]);
    } finally {
      proxy.close();
    }
  });

  test('what a client sends does not come back in an error', async () => {
    await start({ GITHUB_TOKEN: await known_token(sim) });
    const secret = (await sim.tokens()).github[0];
    for (const [method, params] of [
      ['no/such', { token: secret }],
      [`method ${secret}`, {}],
      ['workspace/executeCommand', { command: secret }],
      ['jumpseat/chat', { model: secret, messages: [{ role: 'user', content: 'hi' }] }],
      ['jumpseat/chat', { api_key: secret, messages: [{ role: 'user', content: 'hi' }] }],
    ]) {
      assert.ok((await editor.request(method, params)).error, method);
    }
    await editor.end();
    const places = outputs();
    delete places['the JSON-RPC traffic']; // the client's own words go back to it alone
    await search(places);
  });
});

describe('command line', () => {
  const flows = [
    ['status'],
    ['status', '--json'],
    ['models', '--refresh'],
    ['chat', PROMPT],
    ['config'],
    ['config', '--json'],
    ['doctor'],
    ['logout'],
  ];

  test('every command, signed in and not, with -v and a log file', async () => {
    const env = home.env(sim.env, loud);
    const places = {};
    const play = async (args, more = {}) => {
      const { stdout, stderr } = await run([...args, '-v', '--log-file', log], {
        env: { ...env, ...more },
        cwd: home.work,
      });
      places[`stdout and stderr of ${args.join(' ')} (${Object.keys(more)})`] = stdout + stderr;
    };
    await play(['login']);
    for (const args of flows) await play(args);
    const GITHUB_TOKEN = await known_token(sim);
    for (const args of flows) await play(args, { GITHUB_TOKEN });
    await sim.scenario('error_echoes_token');
    await sim.scenario('exchange_403_no_seat?after=1');
    for (const args of flows) await play(args, { GITHUB_TOKEN });
    for (const path of files_below(home.path)) {
      if (!of_database(path)) places[path] = readFileSync(path, 'latin1');
      assert.ok(!readFileSync(path, 'latin1').includes(PROMPT), `the prompt is in ${path}`);
    }
    await search(places);
  });

  test('a malformed token, and one that is not for Copilot, are never repeated', async () => {
    const places = {};
    const bad = [
      'ghu_this-is-not-a-token-but-secret',
      'hunter2hunter2hunter2hunter2',
      `ghs_${'Q7x'.repeat(12)}`,
    ];
    for (const GITHUB_TOKEN of bad) {
      for (const args of [['status'], ['doctor'], ['config'], ['chat', 'x']]) {
        const { stdout, stderr } = await run([...args, '-v'], {
          env: home.env(sim.env, loud, { GITHUB_TOKEN }),
          cwd: home.work,
        });
        places[`${args} with ${GITHUB_TOKEN.length} characters`] = stdout + stderr;
      }
    }
    await known_token(sim);
    await search(places, bad);
  });
});

describe('the process', () => {
  test('S16: no core file, not dumpable, no secret in the arguments', async () => {
    const token = await known_token(sim);
    await start({ GITHUB_TOKEN: token });
    assert.ok((await editor.chat()).result);
    const limits = readFileSync(`/proc/${editor.pid}/limits`, 'utf8');
    assert.match(limits, /^Max core file size +0 +0 /m);
    // What is not dumpable belongs to root in /proc.
    assert.equal(statSync(`/proc/${editor.pid}/environ`).uid, 0);
    await search({ 'the arguments': readFileSync(`/proc/${editor.pid}/cmdline`, 'latin1') });
    for (const task of readdirSync(`/proc/${editor.pid}/task`)) {
      assert.equal(
        readFileSync(`/proc/${editor.pid}/task/${task}/children`, 'utf8').trim(),
        '',
        'children',
      );
    }
    const { code, signal } = await editor.kill('SIGSEGV');
    assert.ok(signal === 'SIGSEGV' || code !== 0); // a sanitizer turns the signal into an exit
    const cores = readdirSync(home.work).filter((name) => /core/.test(name));
    assert.deepEqual(cores, []);
    if (signal === 'SIGSEGV') await search(outputs());
  });

  // Only root may read another process's memory, and a sanitizer keeps what was freed.
  const unreadable = process.getuid() !== 0 || sanitized() ? 'needs root, and no sanitizer' : false;
  test('S16: after a sign-out its memory holds no token', { skip: unreadable }, async () => {
    await saved_sign_in(sim, home);
    await start();
    assert.ok((await editor.chat()).result);
    assert.ok((await editor.request('jumpseat/models', { refresh: true })).result);
    const { github, copilot } = await sim.tokens();
    const tokens = [...github, ...copilot];
    assert.ok(tokens.some((token) => memory_of(editor.pid).some((part) => part.includes(token))));
    const { result } = await editor.request('signOut', {});
    assert.equal(result.status, 'NotSignedIn');
    for (const part of memory_of(editor.pid)) {
      for (const token of tokens) assert.equal(part.indexOf(token), -1, token.slice(0, 4));
    }
  });

  test('a token from stdin is in no argument and no environment', async () => {
    await sim.scenario('chat_hold_midstream?chunks=1');
    const token = await known_token(sim);
    const pending = run(['chat', 'hi', '--token-stdin'], {
      env: home.env(sim.env),
      cwd: home.work,
      input: `${token}\n`,
    });
    await sim.wait('stalled', { path: '/chat/completions' });
    const found = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          const cmdline = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
          const environ = readFileSync(`/proc/${pid}/environ`, 'latin1');
          return environ.includes(home.path) ? [cmdline + environ] : [];
        } catch {
          return []; // gone, or not ours
        }
      });
    for (const text of found) assert.ok(!text.includes(token));
    await sim.release('chat');
    assert.equal((await pending).code, 0);
  });
});
