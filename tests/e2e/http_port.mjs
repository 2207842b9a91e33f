// What the tests of the HTTP port share: the port of a real process, raw sockets, and a small reader of
// HTTP/1.1 that is as strict as the port should be.
//
//   const port = await open_port({ env: home.env(sim.env, { GITHUB_TOKEN: token }) });
//   const reply = await port.get('/v1/models');
//   const replies = await port.raw('GET /status HTTP/1.1\r\nHost: …\r\n\r\n');
//   await port.stop();

import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { DEADLINE_MS, in_time, spawn_program } from './harness.mjs';

/// Starts `jumpseat serve` on a port that the kernel picks and waits until it is open.
/// Options: env, cwd, args, port; wrap ([program, ...args] put in front).
export async function open_port({ env, cwd, args = [], port = 0, wrap } = {}) {
  const child = spawn_program(
    ['serve', '--port', String(port), ...args],
    { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] },
    wrap,
  );
  const opened = new Port(child);
  await opened.ready_();
  return opened;
}

class Port {
  stdout = '';
  stderr = '';

  constructor(child) {
    this.child = child;
    this.pid = child.pid;
    child.stderr.setEncoding('utf8').on('data', (text) => (this.stderr += text));
    this.exited = new Promise((resolve) =>
      child.once('close', (code, signal) => resolve({ code, signal })),
    );
  }

  async ready_() {
    const line = new Promise((resolve, reject) => {
      this.child.stdout.setEncoding('utf8').on('data', (text) => {
        this.stdout += text;
        const found = /^OpenAI's API is at (http:\/\/\S+)\/v1$/m.exec(this.stdout);
        if (found) resolve(found[1]);
      });
      this.exited.then(({ code }) =>
        reject(new Error(`jumpseat serve ended (${code}): ${this.stderr}`)),
      );
    });
    this.url = await in_time(line, 'the port', { seen: () => this.stdout + this.stderr });
    this.port = Number(new URL(this.url).port);
    this.host = `localhost:${this.port}`;
  }

  /// One request by Node's client: {status, headers, text, json}.
  request(method, path, { headers = {}, body, agent } = {}) {
    return request(this.port, method, path, { headers, body, agent });
  }
  get(path, options) {
    return this.request('GET', path, options);
  }
  post(path, value, options = {}) {
    return this.request('POST', path, {
      ...options,
      headers: { 'content-type': 'application/json', ...options.headers },
      body: typeof value === 'string' || value instanceof Buffer ? value : JSON.stringify(value),
    });
  }
  chat(extra = {}, options) {
    const { content = 'Hello', ...rest } = extra;
    return this.post(
      '/v1/chat/completions',
      { model: 'gpt-4', messages: [{ role: 'user', content }], ...rest },
      options,
    );
  }
  /// A chat whose stream is read piece by piece.
  stream(extra = {}, options = {}) {
    const { content = 'Hello', ...rest } = extra;
    const body = JSON.stringify({
      model: 'gpt-4',
      stream: true,
      messages: [{ role: 'user', content }],
      ...rest,
    });
    return new Stream(this.port, body, options);
  }
  raw(bytes, options) {
    return raw(this.port, bytes, options);
  }

  async stop(signal = 'SIGTERM') {
    // A second signal would end it at once.
    if (this.child.exitCode === null && !this.child.killed) this.child.kill(signal);
    return in_time(this.exited, 'the end of jumpseat serve', { seen: () => this.stderr });
  }
}

export function request(port, method, path, { headers = {}, body, agent = false } = {}) {
  const done = new Promise((resolve, reject) => {
    const req = http.request(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        headers: { host: `localhost:${port}`, ...headers },
        agent,
      },
      (res) => {
        let text = '';
        res.setEncoding('utf8');
        res.on('data', (piece) => (text += piece));
        res.on('error', reject);
        res.on('end', () => {
          let json;
          try {
            json = JSON.parse(text);
          } catch {
            // not every answer is JSON
          }
          resolve({ status: res.statusCode, headers: res.headers, text, json });
        });
      },
    );
    req.on('error', reject);
    req.end(body);
  });
  return in_time(done, `the answer to ${method} ${path}`);
}

/// The events of a stream, as they come.
export class Stream {
  events = []; // data texts
  text = '';
  waiters_ = new Set();

  constructor(port, body, { headers = {} } = {}) {
    this.replied = new Promise((resolve, reject) => {
      this.req = http.request(
        {
          host: '127.0.0.1',
          port,
          method: 'POST',
          path: '/v1/chat/completions',
          headers: { host: `localhost:${port}`, 'content-type': 'application/json', ...headers },
          agent: false,
        },
        (res) => {
          this.res = res;
          res.setEncoding('utf8');
          res.on('data', (piece) => {
            this.text += piece;
            this.take_();
          });
          resolve(res);
        },
      );
      this.req.on('error', (error) => {
        this.error ??= error;
        reject(error);
        this.look_();
      });
      this.req.on('close', () => {
        this.closed = true;
        this.look_();
      });
      this.req.end(body);
    });
    this.replied.catch(() => {});
    this.at_ = 0;
  }

  take_() {
    for (;;) {
      const end = this.text.indexOf('\n\n', this.at_);
      if (end < 0) break;
      const block = this.text.slice(this.at_, end);
      this.at_ = end + 2;
      if (block.startsWith('data: ')) this.events.push(block.slice(6));
    }
    this.look_();
  }

  look_() {
    for (const waiter of [...this.waiters_]) waiter();
  }

  when(test, what) {
    let waiter;
    const found = new Promise((resolve, reject) => {
      waiter = () => {
        if (test(this)) resolve(this);
        else if (this.closed)
          reject(new Error(`the stream ended before ${what}: ${this.text.slice(-500)}`));
      };
      this.waiters_.add(waiter);
      waiter();
    });
    return in_time(found, what, { seen: () => this.text.slice(-500) }).finally(() =>
      this.waiters_.delete(waiter),
    );
  }

  some_events(n) {
    return this.when((one) => one.events.length >= n, `${n} events`);
  }
  end() {
    return this.when((one) => one.closed, 'the end of the stream');
  }
  leave() {
    this.req.destroy();
  }
  get chunks() {
    return this.events.filter((one) => one !== '[DONE]').map((one) => JSON.parse(one));
  }
  get answer() {
    return this.chunks.map((one) => one.choices?.[0]?.delta?.content ?? '').join('');
  }
}

/// Sends bytes over a connection of its own and reads until the port closes it, or until `replies` have
/// come. Returns {replies, closed, rest}: each reply {status, headers, body}, and whether the port closed.
export function raw(port, bytes, { replies = Infinity, half_close = false, heads = [] } = {}) {
  const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: half_close });
  let got = Buffer.alloc(0);
  const done = new Promise((resolve) => {
    const look = (closed) => {
      const read = read_replies(got, heads);
      if (closed || read.replies.length >= replies) {
        resolve({ ...read, closed });
        socket.destroy();
      }
    };
    socket.on('data', (piece) => {
      got = Buffer.concat([got, piece]);
      look(false);
    });
    socket.on('end', () => look(true));
    socket.on('error', () => look(true));
    socket.on('close', () => look(true));
  });
  socket.write(bytes);
  if (half_close) socket.end();
  return in_time(done, 'the replies', { seen: () => got.toString('latin1').slice(0, 500) });
}

/// Replies out of bytes. `heads` holds the indexes of replies to HEAD, which have no body.
export function read_replies(bytes, heads = []) {
  const replies = [];
  let at = 0;
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n', at);
    if (end < 0) break;
    const [first, ...lines] = bytes.subarray(at, end).toString('latin1').split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) ?/.exec(first)?.[1]);
    assert.ok(status, `not a status line: ${first}`);
    const headers = {};
    for (const line of lines) {
      const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)$/.exec(line) ?? [];
      assert.ok(name, `not a header: ${line}`);
      headers[name.toLowerCase()] = value;
    }
    let from = end + 4;
    let body = '';
    if (status >= 200 && status !== 204 && !heads.includes(replies.length)) {
      if (headers['transfer-encoding'] === 'chunked') {
        const chunked = read_chunks(bytes, from);
        if (!chunked) break;
        ({ body, from } = chunked);
      } else if (headers['content-length'] !== undefined) {
        const size = Number(headers['content-length']);
        if (bytes.length < from + size) break;
        body = bytes.subarray(from, from + size).toString();
        from += size;
      } else {
        body = bytes.subarray(from).toString();
        from = bytes.length;
      }
    }
    if (status >= 200) replies.push({ status, headers, body });
    at = from;
  }
  return { replies, rest: bytes.subarray(at).toString('latin1') };
}

function read_chunks(bytes, from) {
  let body = '';
  for (;;) {
    const end = bytes.indexOf('\r\n', from);
    if (end < 0) return undefined;
    const line = bytes.subarray(from, end).toString('latin1');
    assert.match(line, /^[0-9a-f]+$/, 'a chunk size');
    const size = parseInt(line, 16);
    if (bytes.length < end + 2 + size + 2) return undefined;
    body += bytes.subarray(end + 2, end + 2 + size).toString();
    assert.equal(bytes.subarray(end + 2 + size, end + 4 + size).toString(), '\r\n');
    from = end + 4 + size;
    if (size === 0) return { body, from };
  }
}

/// A connection that a test holds by hand.
export async function connect(port) {
  const socket = net.connect({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  await in_time(new Promise((resolve) => socket.once('connect', resolve)), 'a connection');
  socket.received = '';
  socket.setEncoding('latin1').on('data', (text) => {
    socket.received += text;
    socket.emit('more');
  });
  socket.until = (test, what) =>
    in_time(
      new Promise((resolve) => {
        const look = () => test(socket.received) && resolve(socket.received);
        socket.on('more', look);
        socket.on('close', look);
        look();
      }),
      what,
      { seen: () => socket.received.slice(-500), ms: DEADLINE_MS },
    );
  socket.gone = new Promise((resolve) => socket.once('close', resolve));
  return socket;
}
