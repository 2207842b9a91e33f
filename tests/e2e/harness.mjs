// What the tests from outside share: a private home, the program over pipes, the program as a command.
//
//   const sim = await start_simulator();
//   const home = new Home();
//   const editor = new Editor({ env: home.env(sim.env, { GITHUB_TOKEN: await known_token(sim) }) });
//   await editor.begin();
//   const answer = await editor.request('jumpseat/models', {});
//   await editor.end();
//
// Nothing here waits for a time: every wait is for an event and has a deadline, after which it fails with
// what was seen instead. The binary is the one that the variable JUMPSEAT names.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { start } from '../simulator/client.mjs';

/// How long anything may take before a test gives up on it. Generous: a sanitizer build on a busy machine
/// is slow, and no test gets faster by a shorter one.
export const DEADLINE_MS = 60_000;

export function binary() {
  const path =
    process.env.JUMPSEAT ?? fileURLToPath(new URL('../../build/gcc/jumpseat', import.meta.url));
  if (!existsSync(path)) throw new Error(`no program at ${path}; name it in JUMPSEAT`);
  return path;
}

let sanitized_;
/// Whether the program was built with AddressSanitizer.
export const sanitized = () => (sanitized_ ??= readFileSync(binary()).includes('__asan_init'));

/// Checks that memory grew by no more than `most` bytes. A sanitizer holds freed blocks back for a while
/// (quarantine_size_mb, 256 by default), which says nothing about the program.
export function assert_grew(bytes, most, what = '') {
  const limit = sanitized() ? 2 * most + 320 * 1024 * 1024 : most;
  assert.ok(bytes < limit, `${what} ${(bytes / 1024 / 1024).toFixed(1)} MB more`);
}

/// The promise's value, or a failure that says what was waited for. `seen` adds what there was instead.
export function in_time(promise, what, { ms = DEADLINE_MS, seen } = {}) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      const tail = seen ? `; seen: ${seen()}` : '';
      reject(new Error(`waited in vain for ${what} (${ms} ms)${tail}`));
    }, ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/// Resolves when `look` returns something true; for what announces itself nowhere, like /proc.
export async function eventually(look, what, { ms = DEADLINE_MS, every_ms = 5 } = {}) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await look();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited in vain for ${what} (${ms} ms)`);
    await new Promise((resolve) => setTimeout(resolve, every_ms));
  }
}

/// A simulator that approves sign-ins at the first poll, and whose waits have the deadline of all others.
export async function start_simulator(options = {}) {
  const sim = await start({ pending_polls: 0, ...options });
  const wait = sim.wait.bind(sim);
  sim.wait = (kind, where) => wait(kind, { timeout_ms: DEADLINE_MS, ...where });
  return sim;
}

/// A GitHub token that looks right and is nobody's.
export const made_up_token = (prefix = 'ghu_') =>
  prefix + randomBytes(27).toString('base64').replace(/[+/=]/g, 'x').slice(0, 36);

/// The same, and the simulator knows it.
export async function known_token(sim) {
  const token = made_up_token();
  await sim.register(token);
  return token;
}

/// A sign-in in this home as if somebody had signed in: `jumpseat login` waits more than a second for GitHub's
/// pace. No Copilot token is there yet. Returns the GitHub token.
export async function saved_sign_in(sim, home, { name = 'default', login = 'octocat' } = {}) {
  const token = made_up_token();
  await sim.register({ token, login });
  const env = home.env(sim.env, { JUMPSEAT_TOKEN_SOURCES: 'saved' });
  if (!existsSync(home.database)) await run(['status'], { cwd: home.work, env });
  const script = `
import sqlite3, sys, time
path, issuer, name = sys.argv[1:]
database = sqlite3.connect(path, timeout=30)
database.execute("PRAGMA foreign_keys = ON")
with database:
    database.execute("DELETE FROM accounts WHERE issuer = ? AND name = ?", (issuer, name))
    database.execute("DELETE FROM sign_outs WHERE issuer = ?", (issuer,))
    database.execute("INSERT INTO accounts (issuer, name, login, github_token, created_at) VALUES (?, ?, '', ?, ?)",
                     (issuer, name, sys.stdin.read(), int(time.time())))
`;
  const issuer = new URL(sim.url).origin;
  const done = spawnSync('python3', ['-c', script, home.database, issuer, name], { input: token });
  assert.equal(done.status, 0, done.stderr.toString());
  return token;
}

/// A port on the loopback where nobody listens, whatever the tests beside this one open meanwhile: the kernel
/// gives it to nobody.
export const closed_port = () => 1;

/// A port that nobody had a moment ago, for a program that cannot choose its own.
export function free_port() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/// The three variables that name a simulator, for any port.
export const upstream_env = (port) => ({
  GITHUB_COPILOT_DEVICE_CODE_URL: `http://127.0.0.1:${port}/login/device/code`,
  GITHUB_COPILOT_ACCESS_TOKEN_URL: `http://127.0.0.1:${port}/login/oauth/access_token`,
  GITHUB_COPILOT_API_KEY_URL: `http://127.0.0.1:${port}/copilot_internal/v2/token`,
});

// ---- Home ----

const homes = new Set();
process.on('exit', () => {
  for (const home of homes) rmSync(home.path, { recursive: true, force: true });
});

/// A home directory of its own with an empty working directory in it; gone when the test process ends.
export class Home {
  constructor() {
    this.path = mkdtempSync(join(tmpdir(), 'jumpseat-e2e-'));
    this.work = join(this.path, 'work');
    this.data = join(this.path, '.local', 'share', 'jumpseat');
    this.database = join(this.data, 'jumpseat.db');
    this.config = join(this.path, '.config', 'jumpseat', 'config.env');
    mkdirSync(this.work);
    homes.add(this);
  }

  /// The whole environment of a program in this home: nothing comes from the person who runs the tests but
  /// the search path and what a sanitizer wants to know.
  env(...more) {
    const kept = {};
    for (const name of ['PATH', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS', 'TSAN_OPTIONS']) {
      if (process.env[name] !== undefined) kept[name] = process.env[name];
    }
    return Object.assign(kept, { HOME: this.path, LC_ALL: 'C.UTF-8' }, ...more);
  }

  remove() {
    homes.delete(this);
    rmSync(this.path, { recursive: true, force: true });
  }
}

// ---- Messages ----

/// One message as it goes over the wire. `message` is a value, or a text that is sent as it is.
export function frame(message) {
  const body = Buffer.from(typeof message === 'string' ? message : JSON.stringify(message));
  return Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]);
}

/// Takes bytes, gives the texts of the messages in them. Strict: the program's own frames are exact.
export class FrameReader {
  pending_ = Buffer.alloc(0);

  *take(piece) {
    this.pending_ = this.pending_.length === 0 ? piece : Buffer.concat([this.pending_, piece]);
    for (;;) {
      const end = this.pending_.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = this.pending_.subarray(0, end).toString('latin1');
      const length = /^Content-Length: (\d+)$/.exec(head);
      if (!length) throw new Error(`not a frame of ours: ${JSON.stringify(head.slice(0, 200))}`);
      const stop = end + 4 + Number(length[1]);
      if (this.pending_.length < stop) return;
      yield this.pending_.subarray(end + 4, stop).toString('utf8');
      this.pending_ = this.pending_.subarray(stop);
    }
  }

  get rest() {
    return this.pending_;
  }
}

// ---- The program over pipes ----

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export function spawn_program(args, options, wrap = []) {
  const [program, ...rest] = [...wrap, binary(), ...args];
  const child = spawn(program, rest, options);
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/// What editors do: starts `jumpseat --stdio` and speaks JSON-RPC with it.
///
/// `messages` holds all that came, in order, each {text, value}; `stderr` what was printed there.
/// Options: env, cwd, args (besides --stdio), stdio (as in spawn), wrap ([program, ...args] put in front).
export class Editor {
  messages = [];
  stderr = '';
  handlers = new Map(); // method of a request from the program -> params => result
  next_id_ = 1;
  waiters_ = new Set();
  reading_ = true;

  constructor({ env, cwd, args = [], wrap, read = true } = {}) {
    const all = [binary(), '--stdio', ...args];
    const [program, ...rest] = wrap ? [...wrap, ...all] : all;
    this.child = spawn(program, rest, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    running.add(this.child);
    this.exited = new Promise((resolve) => {
      const over = (exit) => {
        running.delete(this.child);
        this.exit ??= exit;
        resolve(this.exit);
        this.look_();
      };
      this.child.once('close', (code, signal) => over({ code, signal }));
      this.child.once('error', (error) => {
        this.stderr += error.message; // it did not even start
        over({ code: null, signal: null });
      });
    });
    this.pid = this.child.pid;
    this.child.stdin.on('error', () => {}); // a program that ended does not read; the exit tells
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.stderr += text));
    this.frames_ = new FrameReader();
    if (read) this.read();
  }

  /// Starts to read what the program writes (done at once unless {read: false}).
  read() {
    this.child.stdout.on('data', (piece) => {
      try {
        for (const text of this.frames_.take(piece)) this.came_({ text, value: JSON.parse(text) });
      } catch (error) {
        this.broken_ = error;
      }
      this.look_();
    });
  }

  came_(message) {
    this.messages.push(message);
    const { method, id, params } = message.value;
    if (method === undefined || id === undefined) return;
    const handler = this.handlers.get(method);
    if (handler) Promise.resolve(handler(params)).then((result) => this.send({ id, result }));
  }

  look_() {
    for (const waiter of [...this.waiters_]) waiter();
  }

  /// The first message from index `from` on for which `matches(value, message)`; fails at the deadline,
  /// or at once when the program ends without it.
  wait_for(matches, what, { from = 0, ms = DEADLINE_MS } = {}) {
    let at = from;
    let waiter;
    const found = new Promise((resolve, reject) => {
      waiter = () => {
        if (this.broken_) return reject(this.broken_);
        for (; at < this.messages.length; at++) {
          if (matches(this.messages[at].value, this.messages[at]))
            return resolve(this.messages[at]);
        }
        if (this.exit) {
          const { code, signal } = this.exit;
          reject(
            new Error(
              `the program ended (${code ?? signal}) before ${what}; stderr: ${this.stderr.slice(-2000)}`,
            ),
          );
        }
      };
      this.waiters_.add(waiter);
      waiter();
    });
    const seen = () => {
      const tail = this.messages
        .slice(from)
        .slice(-5)
        .map((one) => one.text.slice(0, 300));
      return `${tail.join('\n') || 'no message'}${this.stderr ? `\nstderr: ${this.stderr.slice(-2000)}` : ''}`;
    };
    return in_time(found, what, { ms, seen }).finally(() => this.waiters_.delete(waiter));
  }

  write(bytes) {
    this.child.stdin.write(bytes);
  }

  send(message) {
    this.write(frame(typeof message === 'string' ? message : { jsonrpc: '2.0', ...message }));
  }

  notify(method, params) {
    this.send({ method, params });
  }

  /// Sends a request; `.id` of the returned promise is its id. Resolves to the whole answer.
  request(method, params, { id = this.next_id_++, ms } = {}) {
    const from = this.messages.length;
    this.send({ id, method, params });
    const answer = this.answer_to(id, { from, ms, method });
    answer.id = id;
    return answer;
  }

  answer_to(id, { from = 0, ms, method = '' } = {}) {
    return this.wait_for(
      (value) => value.method === undefined && value.id === id,
      `the answer to ${method} ${JSON.stringify(id)}`,
      { from, ms },
    ).then(({ value }) => value);
  }

  notification(method, matches = () => true, options = {}) {
    return this.wait_for(
      (value) => value.method === method && matches(value.params),
      `the notification ${method}`,
      options,
    ).then(({ value }) => value.params);
  }

  async begin(params = {}) {
    const answer = await this.request('initialize', {
      processId: process.pid,
      capabilities: {},
      ...params,
    });
    assert.ok(answer.result, `initialize failed: ${JSON.stringify(answer)}`);
    this.notify('initialized', {});
    return answer.result;
  }

  /// A chat with one user message; more members in `extra`.
  chat(extra = {}, options) {
    const { content = 'Hello', ...rest } = extra;
    return this.request(
      'jumpseat/chat',
      { messages: [{ role: 'user', content }], ...rest },
      options,
    );
  }

  /// The chunks that came on a partial result token so far.
  chunks(token) {
    return this.messages
      .filter(({ value }) => value.method === '$/progress' && value.params.token === token)
      .map(({ value }) => value.params.value);
  }

  /// The text of those chunks.
  streamed(token) {
    return this.chunks(token)
      .map((chunk) => chunk.choices?.[0]?.delta?.content ?? '')
      .join('');
  }

  /// How many answers an id got.
  answers(id) {
    return this.messages.filter(({ value }) => value.method === undefined && value.id === id)
      .length;
  }

  ended(ms = DEADLINE_MS) {
    return in_time(this.exited, 'the end of the program', {
      ms,
      seen: () => this.stderr.slice(-2000),
    });
  }

  /// The orderly end; checks that it is one.
  async end() {
    const answer = await this.request('shutdown', undefined);
    assert.equal(answer.result, null);
    this.notify('exit');
    const { code, signal } = await this.ended();
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, this.stderr);
    assert.equal(this.frames_.rest.length, 0, 'bytes after the last frame');
  }

  async kill(signal = 'SIGKILL') {
    if (!this.exit) this.child.kill(signal);
    return this.exited;
  }

  /// Resident memory in bytes; 0 when the program has ended.
  memory() {
    if (this.exit || !existsSync(`/proc/${this.pid}/status`)) return 0;
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  }
}

// ---- The program as a command ----

/// Runs `jumpseat ...args` to its end: {code, signal, stdout, stderr}.
/// Options: env, cwd, ms; input (text; without one stdin is /dev/null) and how it gets there: `through` a
/// 'pipe' as from a shell, a 'file', or a 'socket' as Node and VS Code give their children.
export async function run(args, { env, cwd, input, through = 'pipe', ms = DEADLINE_MS } = {}) {
  let child;
  if (input === undefined || through === 'socket') {
    child = spawn_program(args, {
      env,
      cwd,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  } else {
    const folder = mkdtempSync(join(tmpdir(), 'jumpseat-input-'));
    writeFileSync(join(folder, 'input'), input);
    const script =
      through === 'pipe'
        ? 'f=$1; shift; cat "$f" | "$0" "$@"'
        : 'f=$1; shift; exec "$0" "$@" <"$f"';
    child = spawn('sh', ['-c', script, binary(), join(folder, 'input'), ...args], {
      env,
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.once('close', () => rmSync(folder, { recursive: true }));
  }
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return in_time(ended, `the end of jumpseat ${args.join(' ')}`, {
    ms,
    seen: () => stdout + stderr,
  });
}

export const mode_of = (path) => statSync(path).mode & 0o777;
