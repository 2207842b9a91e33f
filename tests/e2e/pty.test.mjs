// The commands on a terminal: what a person sees, and what is left after Ctrl-C.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Home, binary, in_time, known_token, start_simulator } from './harness.mjs';
import { request } from './http_port.mjs';

const PTY = fileURLToPath(new URL('./on_terminal.py', import.meta.url));
const missing =
  spawnSync('python3', ['-c', 'import pty']).status !== 0 && 'python3 is not installed';
const CTRL_C = '\x03';

let sim;
let home;
let terminal;
before(async () => (sim = await start_simulator()));
after(() => sim.stop());
beforeEach(async () => {
  await sim.reset();
  home = new Home();
});
afterEach(() => {
  terminal?.child.kill('SIGKILL');
  home.remove();
});

/// `jumpseat ...args` on a terminal.
class Terminal {
  seen = '';
  report_ = '';
  waiters_ = new Set();

  constructor(args, { env = {}, wrap = [] } = {}) {
    const all = home.env(sim.env, { TERM: 'xterm-256color' }, env);
    this.child = spawn('python3', [PTY, ...wrap, binary(), ...args], { env: all, cwd: home.work });
    this.child.stdin.on('error', () => {});
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.report_ += text));
    this.child.stdout.setEncoding('utf8').on('data', (text) => {
      this.seen += text;
      for (const waiter of [...this.waiters_]) waiter();
    });
    this.closed_ = new Promise((resolve) => this.child.once('close', resolve));
  }

  shows(pattern) {
    return in_time(
      new Promise((resolve) => {
        const look = () => {
          const found = pattern.exec(this.seen);
          if (!found) return;
          this.waiters_.delete(look);
          resolve(found);
        };
        this.waiters_.add(look);
        look();
      }),
      String(pattern),
      { seen: () => JSON.stringify(this.seen) },
    );
  }

  type(keys) {
    this.child.stdin.write(keys);
  }

  /// Waits for the end; checks that the terminal is as it was and that nothing runs on.
  async ended() {
    await in_time(this.closed_, 'the end', { seen: () => JSON.stringify(this.seen) });
    const report = JSON.parse(this.report_);
    assert.equal(report.restored, true, 'the modes of the terminal');
    assert.deepEqual(report.left, [], 'processes left behind');
    return report;
  }

  /// What the screen shows at the end: carriage returns, erasing and colours carried out.
  screen() {
    const lines = [''];
    let column = 0;
    for (const token of this.seen.match(/\x1b\[[0-9;?]*[A-Za-z]|[^\x1b]|\x1b/gu) ?? []) {
      const line = lines.length - 1;
      if (token === '\n') {
        lines.push('');
      } else if (token === '\r') {
        column = 0;
      } else if (token === '\x1b[K') {
        lines[line] = [...lines[line]].slice(0, column).join('');
      } else if (!token.startsWith('\x1b')) {
        const characters = [...lines[line]];
        characters[column++] = token;
        lines[line] = characters.join('');
      }
    }
    return lines;
  }
}

const open_terminal = (args, options) => (terminal = new Terminal(args, options));
const colours = /\x1b\[[0-9;]*m/;

test(
  'login shows page and code, counts down, and cleans up after itself',
  { skip: missing },
  async () => {
    await sim.settings({ person: 'manual' });
    open_terminal(['login']);
    await terminal.shows(/Waiting for the code to be entered, 1[45]:\d\d left\.\x1b\[K/);
    await terminal.shows(/14:5[0-8] left/);
    await sim.person('approve');
    await terminal.shows(/Signed in/);
    const { code } = await terminal.ended();
    assert.equal(code, 0);
    assert.match(
      terminal.seen,
      new RegExp(`\\x1b\\[1m${sim.url}/login/device\\x1b\\[0m`),
      'the page in bold',
    );
    assert.match(terminal.seen, /\x1b\[1m[A-Z]{4}-[0-9]{4}\x1b\[0m/, 'the code in bold');
    const screen = terminal.screen();
    assert.equal(screen.length, 4, JSON.stringify(screen));
    assert.match(screen[0], /^To sign in, open  http/);
    assert.match(screen[1], /^and enter the code  /);
    assert.equal(screen[2], 'Signed in as octocat (Copilot plan: individual).');
    assert.equal(screen[3], '');
  },
);

test(
  'Ctrl-C during login: code 130, a clean terminal, nobody polls any more',
  { skip: missing },
  async () => {
    await sim.settings({ person: 'manual' });
    open_terminal(['login']);
    await terminal.shows(/Waiting for the code/);
    terminal.type(CTRL_C);
    const { code, signal } = await terminal.ended();
    assert.deepEqual({ code, signal }, { code: 130, signal: null });
    const screen = terminal.screen();
    assert.ok(!screen.some((line) => line.includes('Waiting')), JSON.stringify(screen));
    assert.equal(screen.at(-1).replace('^C', ''), '', 'the prompt begins on a line of its own');
    assert.doesNotMatch(terminal.seen, /cancel|error/i, 'who pressed Ctrl-C knows that');
    await sim.wait('open_connections', { n: 0 });
    const env = home.env(sim.env);
    const { stdout } = spawnSync(binary(), ['status'], { env, cwd: home.work, encoding: 'utf8' });
    assert.match(stdout, /signed out/);
  },
);

test('Ctrl-C during a poll that hangs ends as fast', { skip: missing }, async () => {
  await sim.scenario('device_poll_stall');
  open_terminal(['login']);
  await sim.wait('stalled', { path: '/login/oauth/access_token' });
  terminal.type(CTRL_C);
  assert.equal((await terminal.ended()).code, 130);
  await sim.wait('closed', { path: '/login/oauth/access_token' });
});

test(
  'Ctrl-C during a chat keeps the text so far, on a line of its own',
  { skip: missing },
  async () => {
    await sim.scenario('chat_stall_midstream?chunks=3');
    open_terminal(['chat', 'hi'], { env: { GITHUB_TOKEN: await known_token(sim) } });
    await terminal.shows(/Hello there,/);
    terminal.type(CTRL_C);
    assert.equal((await terminal.ended()).code, 130);
    await sim.wait('closed', { path: '/chat/completions' });
    const screen = terminal.screen();
    assert.match(screen[0], /^Hello there,(\^C)?$/);
    assert.equal(screen.at(-1), '', JSON.stringify(screen));
  },
);

test('a terminal that hangs up ends login', { skip: missing }, async () => {
  await sim.settings({ person: 'manual' });
  open_terminal(['login']);
  await terminal.shows(/Waiting for the code/);
  terminal.child.stdin.end();
  const { code, left } = await terminal.ended();
  assert.ok(code === 129 || code === 1, String(code));
  assert.deepEqual(left, []);
  await sim.wait('open_connections', { n: 0 });
});

test('a chat streams to the terminal', { skip: missing }, async () => {
  await sim.scenario('chat_hold_midstream?chunks=2');
  open_terminal(['chat', 'hi'], { env: { GITHUB_TOKEN: await known_token(sim) } });
  await terminal.shows(/Hello there$/); // before the answer is whole
  await sim.release('chat');
  await terminal.shows(/Done/);
  assert.equal((await terminal.ended()).code, 0);
  assert.deepEqual(terminal.screen(), ['Hello there Done', '']);
});

test(
  'S15: control characters from a server do not reach the terminal',
  { skip: missing },
  async () => {
    const nasty = 'a\x1b]0;title\x07b\x1b[2Jc\x9b31md\x7fe\u0085f\rg\x08h\ti';
    await sim.scenario({ name: 'chat_gpt_stream', params: { text: nasty } });
    open_terminal(['chat', 'hi'], { env: { GITHUB_TOKEN: await known_token(sim) } });
    assert.equal((await terminal.ended()).code, 0);
    assert.equal(terminal.seen, 'a]0;titleb[2Jc31mdefgh\ti\r\n');
  },
);

test('S15: nor in an error', { skip: missing }, async () => {
  await sim.scenario({
    rules: [
      {
        on: 'POST /chat/completions',
        do: {
          status: 400,
          headers: { 'content-type': 'text/plain' },
          body: 'no\x1b[2J\x07 way\u202e\r\nX',
        },
      },
    ],
  });
  open_terminal(['chat', 'hi'], { env: { GITHUB_TOKEN: await known_token(sim) } });
  assert.equal((await terminal.ended()).code, 5);
  assert.doesNotMatch(
    terminal.seen.replace(colours, '').replace(/\x1b\[0m/, ''),
    /[\x00-\x09\x0b\x0c\x0e-\x1f\x7f\u202e]/,
  );
});

test('colours only where they are wanted', { skip: missing }, async () => {
  const token = await known_token(sim);
  for (const [env, wanted] of [
    [{}, true],
    [{ NO_COLOR: '1' }, false],
    [{ NO_COLOR: '' }, true],
    [{ TERM: 'dumb' }, false],
  ]) {
    open_terminal(['status'], { env: { GITHUB_TOKEN: token, ...env } });
    assert.equal((await terminal.ended()).code, 0);
    assert.equal(colours.test(terminal.seen), wanted, JSON.stringify(env));
    assert.match(terminal.seen, /ready/);
  }
});

test('a dumb terminal gets no escape sequences at all', { skip: missing }, async () => {
  open_terminal(['login'], { env: { TERM: 'dumb' } });
  assert.equal((await terminal.ended()).code, 0);
  assert.match(terminal.seen, /Signed in as octocat/);
  assert.ok(!terminal.seen.includes('\x1b'), JSON.stringify(terminal.seen));
});

test(
  'without anything to ask, chat on a terminal says so instead of waiting',
  { skip: missing },
  async () => {
    open_terminal(['chat']);
    assert.equal((await terminal.ended()).code, 2);
    assert.match(terminal.seen, /nothing to ask/);
  },
);

test('login survives a connection that is lost while it waits', { skip: missing }, async () => {
  await sim.scenario('device_poll_reset?times=1');
  open_terminal(['login']);
  assert.equal((await terminal.ended()).code, 0);
  assert.match(terminal.seen, /Signed in/);
});

test('serve shows a line for each request, and Ctrl-C is its orderly end', { skip: missing }, async () => {
  open_terminal(['serve', '--port', '0'], { env: { GITHUB_TOKEN: await known_token(sim) } });
  const [, port] = await terminal.shows(/http:\/\/localhost:(\d+)\/v1/);
  await terminal.shows(/Signed in as octocat/);
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ model: 'gpt-4', messages: [{ role: 'user', content: 'x' }] });
  await request(Number(port), 'POST', '/v1/chat/completions', { headers, body });
  await terminal.shows(
    /POST \/v1\/chat\/completions {2}gpt-4 -> gpt-\S+ {2}\x1b\[\d+m200\S+ {2}[\d.]+ m?s {2}\d+ \+ \d+ tokens/,
  );
  await request(Number(port), 'GET', '/v1/models/\x1b]0;evil'.replace('\x1b', '%1b'));
  await terminal.shows(/GET \/v1\/models\/%1b\]0;evil {2}\S+ {2}\x1b\[\d+m404 model_not_found/);
  assert.ok(!terminal.seen.includes('\x1b]0;evil'), JSON.stringify(terminal.seen));
  terminal.type(CTRL_C);
  assert.equal((await terminal.ended()).code, 0);
});
