// U27: an upstream that floods its HTTP/2 connection with frames that say nothing, or never lets a request be sent.
// What waits on that connection fails with an error that says why; other requests, memory and processor do not
// notice. Copilot's host is reached through a proxy, which leads to the simulator or to the peer that floods
// (http2_peer.mjs).

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  Home,
  assert_grew,
  eventually,
  in_time,
  known_token,
  start_simulator,
} from './harness.mjs';
import {
  CONTINUATION,
  DATA,
  Http2Peer,
  PING,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
  frame,
  settings,
  uint32,
} from './http2_peer.mjs';
import { open_port } from './http_port.mjs';

const SITE = 'acme.ghe.com';
const GREETING = /played by the GitHub simulator/;
const MB = 1024 * 1024;
const make_certs = fileURLToPath(new URL('../simulator/make_certs.sh', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'jumpseat-floods-'));
const home = new Home();

let sim;
let certificate;
let proxy;
let port;
let impatient; // with a limit of three seconds on silence
let next = null; // where the next connection to Copilot goes instead of the simulator
const tunnels = new Set();

before(async () => {
  const made = spawnSync('sh', [make_certs, folder]);
  assert.equal(made.status, 0, made.stderr.toString());
  const [cert, key] = [join(folder, 'tenant.pem'), join(folder, 'tenant.key')];
  certificate = { cert: readFileSync(cert), key: readFileSync(key) };
  sim = await start_simulator({ tls: { cert, key }, args: ['--site', SITE] });
  proxy = createServer((_, response) => response.writeHead(403).end());
  proxy.on('connect', (request, socket) => {
    let there = Number(new URL(sim.url).port);
    if (next !== null && request.url.startsWith('copilot-api.')) [there, next] = [next, null];
    const far = net.connect(there, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      far.pipe(socket).pipe(far);
    });
    tunnels.add(socket);
    socket.on('close', () => tunnels.delete(socket));
    for (const [one, other] of [
      [far, socket],
      [socket, far],
    ])
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const new_port = async (env = {}) =>
    open_port({
      cwd: home.work,
      env: home.env(
        {
          GITHUB_COPILOT_ENDPOINT: `https://api.${SITE}`,
          GITHUB_TOKEN: await known_token(sim),
          HTTPS_PROXY: `http://127.0.0.1:${proxy.address().port}`,
          SSL_CERT_FILE: join(folder, 'ca.pem'),
          MAX_RETRIES: '0',
        },
        env,
      ),
    });
  [port, impatient] = await Promise.all([new_port(), new_port({ REQUEST_TIMEOUT: '3' })]);
  for (const one of [port, impatient]) assert.match((await one.chat()).text, GREETING);
});
after(async () => {
  await Promise.all([port?.stop(), impatient?.stop()]);
  for (const tunnel of tunnels) tunnel.destroy();
  proxy?.close();
  await sim?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const status = (one, name) =>
  Number(
    new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${one.pid}/status`, 'utf8'))[1],
  );

/// Clock ticks of processor time that the process has used (proc(5): fields 14 and 15 of stat).
function ticks(one) {
  const stat = readFileSync(`/proc/${one.pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/// Resolves when the process does nothing, or next to it, for a quarter of a second.
async function comes_to_rest(one) {
  await eventually(async () => {
    const before_it = ticks(one);
    await new Promise((resolve) => setTimeout(resolve, 250));
    return ticks(one) - before_it <= 1;
  }, 'a process at rest');
}

/// The next connection to Copilot is to a peer that does `on_request`. After run(peer) the next request is answered,
/// that connection is closed (unless {closes: false}), and the process is as small and as idle as before.
async function with_peer(on_request, { closes = true, ...options }, its_port, run) {
  const peer = new Http2Peer(certificate, on_request, { streams: 1, ...options });
  next = await peer.listen();
  for (const tunnel of tunnels) tunnel.destroy();
  const idle = status(its_port, 'VmRSS') * 1024;
  try {
    await run(peer);
    assert.match((await its_port.chat()).text, GREETING);
    peer.connection.socket.resume(); // what is not read keeps the proxy from seeing the end
    if (closes) await in_time(peer.connection.closed, 'the end of the connection');
    assert_grew(status(its_port, 'VmHWM') * 1024 - idle, 32 * MB);
  } finally {
    next = null;
    peer.close();
  }
  await comes_to_rest(its_port);
}

describe('U27: a flood', () => {
  const ping = frame(PING, 0, 0, Buffer.alloc(8));
  const nothing_set = frame(SETTINGS, 0, 0);
  const one_set = frame(SETTINGS, 0, 0, settings([[5, 16384]]));
  const stream = 1; // the first of a client (RFC 9113, 5.1.1)
  const padded = 8; // a flag of DATA: the first byte is the length of the padding
  const padding = Buffer.concat([Buffer.from([255]), Buffer.alloc(255)]);

  for (const [what, one, options] of [
    ['PING', ping],
    ['PING, and the replies are not read', ping, { deaf: true }],
    ['SETTINGS', one_set],
    ['empty SETTINGS, and the replies are not read', nothing_set, { deaf: true }],
    ['empty DATA', frame(DATA, 0, stream)],
    ['DATA that is all padding', frame(DATA, padded, stream, padding)],
    ['WINDOW_UPDATE', frame(WINDOW_UPDATE, 0, 0, uint32(1))],
    ['frames of an unknown type', frame(0xba, 0, stream, Buffer.alloc(8))],
  ]) {
    // Who cannot send does not read either: with a deaf peer there may be silence instead of a flood.
    const its_port = () => (options?.deaf ? impatient : port);
    test(`of ${what} ends in an error for its stream alone`, () =>
      with_peer(
        (connection) => connection.answer(stream),
        {},
        its_port(),
        async (peer) => {
          const flooded = its_port().stream();
          await flooded.some_events(1);
          peer.connection.flood(one, options);
          // The peer takes one stream at a time, so these go over another connection.
          while (!flooded.closed) assert.match((await its_port().chat()).text, GREETING);
          const { error } = JSON.parse(flooded.events.at(-1));
          assert.match(error.code, /^(upstream_interrupted|idle_timeout)$/, flooded.text);
          if (!options?.deaf) assert.equal(error.code, 'upstream_interrupted');
          assert.ok(!flooded.events.includes('[DONE]'), flooded.text);
          peer.connection.socket.resume(); // what is not read keeps the proxy from seeing the end
        },
      ));
  }

  test('of RST_STREAM ends its stream, and perhaps one that comes next over that connection', () =>
    with_peer(
      (connection) => connection.answer(stream),
      {},
      port,
      async (peer) => {
        const first = port.stream();
        await first.some_events(1);
        peer.connection.flood(frame(RST_STREAM, 0, stream, uint32(8)));
        await first.end();
        const { error } = JSON.parse(first.events.at(-1));
        assert.match(error.code, /^(upstream_interrupted|stream_truncated)$/, first.text);
        const reply = await port.chat();
        if (reply.status !== 200) assert.equal(reply.json.error.code, 'upstream_reset');
        assert.match((await port.chat()).text, GREETING);
      },
    ));

  for (const [what, payload] of [
    ['empty CONTINUATION', Buffer.alloc(0)],
    // A literal field without a place in the table (RFC 7541, 6.2.2): "a: b".
    ['CONTINUATION', Buffer.from([0x00, 0x01, 0x61, 0x01, 0x62])],
  ]) {
    test(`of ${what} in place of an answer is 502`, () => {
      const on_request = (connection, stream) => {
        connection.begin_head(stream);
        connection.flood(frame(CONTINUATION, 0, stream, payload));
      };
      return with_peer(on_request, {}, port, async () => {
        const reply = await port.chat();
        assert.equal(reply.status, 502, reply.text);
        assert.match(reply.json.error.code, /^upstream_/);
      });
    });
  }

  test('of PING in place of an answer is 502', () => {
    const on_request = (connection) => connection.flood(ping);
    return with_peer(on_request, {}, port, async () => {
      const reply = await port.chat();
      assert.equal(reply.status, 502, reply.text);
      assert.equal(reply.json.error.code, 'upstream_reset');
    });
  });

  test('of refused streams costs as many requests as were made, and each is told', async () => {
    const refused = 8; // CANCEL: it may have been carried out, so it is not sent again
    let requests = 0;
    const on_request = (connection, stream) => {
      requests += 1;
      connection.send(frame(RST_STREAM, 0, stream, uint32(refused)));
    };
    await with_peer(on_request, { streams: 100 }, port, async () => {
      const replies = await Promise.all(Array.from({ length: 100 }, () => port.chat()));
      for (const reply of replies) {
        assert.equal(reply.status, 502, reply.text);
        assert.equal(reply.json.error.code, 'upstream_reset');
      }
      assert.equal(requests, 100);
      for (const tunnel of tunnels) tunnel.destroy();
    });
  });

  test('a window that stays at 0 is 504 at the limit, and the others are answered', async () => {
    await with_peer(
      () => {},
      { window: 0 },
      impatient,
      async () => {
        const content = 'x'.repeat(MB);
        const [stuck, other] = await Promise.all([
          impatient.chat({ content }),
          impatient.get('/health/liveliness'),
        ]);
        assert.equal(stuck.status, 504, stuck.text);
        assert.equal(stuck.json.error.code, 'first_byte_timeout');
        assert.match(stuck.json.error.message, /did not begin to answer within 3 s/);
        assert.equal(other.status, 200);
        for (const tunnel of tunnels) tunnel.destroy();
      },
    );
  });
});

test('blanks around the value of a field are left out, and the answer is taken', () =>
  with_peer(
    (connection, stream) => connection.answer_with(stream, 'x-github-request-id', ' a b\t '),
    { closes: false },
    port,
    async () => {
      const reply = await port.chat();
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.json.choices[0].message.content, 'Hello');
      assert.equal(reply.headers['x-jumpseat-upstream-request-id'], 'a b');
      for (const tunnel of tunnels) tunnel.destroy();
    },
  ));
