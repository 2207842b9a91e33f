// Faults of the network between the port and Copilot, in networks of their own (network.mjs): names that cannot be
// looked up (U22), paths that are gone (U31). Skipped, and counted as skipped, where no network can be made. The
// simulator plays a tenant over TLS and HTTP/2, outside; Unix sockets lead to it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Home, eventually, known_token, start_simulator } from './harness.mjs';
import { open_port } from './http_port.mjs';
import { Network, cannot } from './network.mjs';

if (cannot) console.error(`SKIPPED: the network's faults were not tested: ${cannot}`);
const options = { skip: cannot, concurrency: true };

const SITE = 'acme.ghe.com';
const API = `api.${SITE}`;
const COPILOT = `copilot-api.${SITE}`;
const CHAT = '/chat/completions';
const GREETING = /played by the GitHub simulator/;
const make_certs = fileURLToPath(new URL('../simulator/make_certs.sh', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'jumpseat-network-'));

let sim;
let there; // its port
const opened = []; // what has to be closed, last first
const keep = (one, close) => {
  opened.unshift(() => close(one));
  return one;
};

before(async () => {
  if (cannot) return;
  const made = spawnSync('sh', [make_certs, folder]);
  assert.equal(made.status, 0, made.stderr.toString());
  sim = await start_simulator({
    tls: { cert: join(folder, 'tenant.pem'), key: join(folder, 'tenant.key') },
    args: ['--site', SITE],
  });
  there = Number(new URL(sim.url).port);
});
after(async () => {
  for (const close of opened) await close();
  await sim?.stop();
  rmSync(folder, { recursive: true, force: true });
});

let sockets = 0;
const new_path = () => join(folder, `socket${++sockets}`);

function lead_to_simulator(socket) {
  const far = net.connect(there, '127.0.0.1');
  far.pipe(socket).pipe(far);
  for (const [one, other] of [
    [far, socket],
    [socket, far],
  ])
    one.on('error', () => other.destroy()).on('close', () => other.destroy());
  return far;
}

async function listen(server, path) {
  await new Promise((resolve) => server.listen(path, resolve));
  return keep(server, (one) => one.close());
}

async function port_in(network, env = {}) {
  const home = keep(new Home(), (one) => one.remove());
  const port = await open_port({
    wrap: network.wrap,
    port: network.port,
    cwd: home.work,
    env: home.env(
      {
        GITHUB_COPILOT_ENDPOINT: `https://${API}`,
        GITHUB_TOKEN: await known_token(sim),
        SSL_CERT_FILE: join(folder, 'ca.pem'),
        MAX_RETRIES: '0',
      },
      env,
    ),
  });
  return keep(port, (one) => one.stop());
}

describe('U22: names', options, () => {
  const address = '127.0.0.1';

  /// A port whose name server knows `names`; `reached` holds the address of each connection that came to the
  /// simulator.
  async function port_that_knows(names, setup) {
    const reached = [];
    const up = [];
    for (const host of ['127.0.0.1', '::1']) {
      const path = new_path();
      await listen(
        net.createServer((socket) => {
          reached.push(host);
          lead_to_simulator(socket);
        }),
        path,
      );
      up.push({ host, port: 443, path });
    }
    const network = keep(await Network.open({ up, names, setup }), (one) => one.close());
    return { port: await port_in(network), reached };
  }

  /// Copilot's host cannot be found, and the error says so by name.
  async function is_not_found(port, said) {
    const began = performance.now();
    const reply = await port.chat();
    const { error } = reply.json;
    assert.equal(reply.status, 502, reply.text);
    assert.equal(error.code, 'dns_failed');
    assert.ok(error.message.includes(`Could not find the address of ${COPILOT}`), error.message);
    assert.match(error.message, said);
    return performance.now() - began;
  }

  for (const [what, known] of [
    ['that does not exist', 'nxdomain'],
    ['whose server fails', 'servfail'],
    ['without an address', {}],
  ]) {
    test(`a name ${what} is 502 dns_failed with the name`, async () => {
      const { port } = await port_that_knows({ [API]: { A: [address] }, [COPILOT]: known });
      await is_not_found(port, /no such name/);
      assert.equal((await port.get('/health/liveliness')).status, 200);
    });
  }

  test('a name server that does not answer costs 5 s, and nobody else any time', async () => {
    const { port } = await port_that_knows({ [API]: { A: [address] }, [COPILOT]: 'silent' });
    let over = false;
    const failing = is_not_found(port, /no answer within 5 s/).finally(() => (over = true));
    await eventually(
      async () => (await sim.requests({ path: '/copilot_internal/v2/token' })).length > 0,
      'the exchange',
    );
    let longest = 0;
    let served = 0;
    while (!over) {
      const asked = performance.now();
      assert.equal((await port.get('/health/liveliness')).status, 200);
      longest = Math.max(longest, performance.now() - asked);
      served += 1;
    }
    const took = await failing;
    assert.ok(took > 4_900 && took < 9_000, `${took} ms`);
    assert.ok(served > 20, `${served} requests meanwhile`);
    assert.ok(longest < 2_000, `${longest} ms for a request meanwhile`);
  });

  test('a host with an IPv6 address only is reached', async () => {
    const only = { AAAA: ['::1'] };
    const { port, reached } = await port_that_knows({ [API]: only, [COPILOT]: only });
    assert.match((await port.chat()).text, GREETING);
    assert.deepEqual([...new Set(reached)], ['::1']);
  });

  test('of both kinds IPv6 is tried first', async () => {
    const both = { A: [address], AAAA: ['::1'] };
    const { port, reached } = await port_that_knows({ [API]: both, [COPILOT]: both });
    assert.match((await port.chat()).text, GREETING);
    assert.deepEqual([...new Set(reached)], ['::1']);
  });

  test('an IPv6 address that swallows everything does not hold IPv4 up', async () => {
    const both = { A: [address], AAAA: ['fd00:99::1'] };
    const { port, reached } = await port_that_knows(
      { [API]: both, [COPILOT]: both },
      // What goes to that address goes to a station that is not there.
      `ip link add black type veth peer name hole
       ip link set black up
       ip link set hole up
       ip address add fd00:99::2/64 dev black nodad
       ip neighbour add fd00:99::1 lladdr 02:00:00:00:00:99 nud permanent dev black`,
    );
    const began = performance.now();
    assert.equal((await port.get('/v1/models')).status, 200); // both hosts are asked
    const took = performance.now() - began;
    assert.deepEqual([...new Set(reached)], ['127.0.0.1']);
    // One address after the other, IPv6 would have half of the 10 s for a connection, twice.
    assert.ok(took > 200 && took < 5_000, `${took} ms`);
  });
});

describe('U31: a path that is gone', options, () => {
  /// A port that reaches the simulator through a proxy at the other end of a cable.
  async function port_on_a_wire() {
    const tunnels = [];
    const proxy = createServer((_, response) => response.writeHead(403).end());
    proxy.on('connect', (request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      tunnels.push({ socket, far: lead_to_simulator(socket) });
    });
    const path = new_path();
    await listen(proxy, path);
    const near = keep(await Network.open(), (one) => one.close());
    const far = keep(
      await Network.open({
        within: near,
        door: false,
        up: [{ host: '0.0.0.0', port: 3128, path }],
      }),
      (one) => one.close(),
    );
    near.wire('wire', '10.9.0.2/24', far, 'wire', '10.9.0.1/24');
    const port = await port_in(near, { HTTPS_PROXY: 'http://10.9.0.1:3128' });
    // Not one of the models that are held: "gpt-4", the usual one, is sent as "gpt-4.1".
    assert.match((await port.chat({ model: 'gpt-4o' })).text, GREETING);
    return { near, far, port, tunnels };
  }

  /// A stream whose first word has come and whose rest waits for the release of `model`. Each test has a model of
  /// its own.
  async function held_stream(port, model) {
    const piece = (delta, finish_reason = null) => ({
      data: { id: 'held', model, choices: [{ index: 0, delta, finish_reason }] },
    });
    await sim.rule({
      on: `POST ${CHAT}`,
      model,
      times: 1,
      do: {
        stream: [
          piece({ role: 'assistant', content: 'Hello' }),
          { hold: model },
          piece({ content: ' there' }, 'stop'),
          { data: '[DONE]' },
        ],
      },
    });
    const stream = port.stream({ model });
    await stream.some_events(1);
    return stream;
  }
  const connections_for = async (model) =>
    (await sim.requests({ path: CHAT }))
      .filter((one) => JSON.stringify(one.body).includes(model))
      .map((one) => one.connection);

  const down = ({ near }) => near.ip('link', 'set', 'wire', 'down');
  const up = ({ near }) => near.ip('link', 'set', 'wire', 'up');

  /// Both ends send everything to a station that is not there.
  const vanish = ({ near, far }) => {
    for (const [one, other] of [
      [near, '10.9.0.1'],
      [far, '10.9.0.2'],
    ])
      one.ip(
        ...['neighbour', 'replace', other, 'lladdr', '02:00:00:00:00:99'],
        ...['nud', 'permanent', 'dev', 'wire'],
      );
  };
  const appear = ({ near, far }) => {
    near.ip('neighbour', 'del', '10.9.0.1', 'dev', 'wire');
    far.ip('neighbour', 'del', '10.9.0.2', 'dev', 'wire');
  };

  /// The proxy is there, takes everything and passes nothing on.
  const swallow = ({ tunnels }) => {
    for (const { socket, far } of tunnels) {
      socket.unpipe(far).resume();
      far.unpipe(socket).resume();
    }
  };

  for (const [what, model, fail, mend] of [
    ['a proxy on the way passes nothing on', 'gpt-5-mini', swallow, () => {}],
    ['its interface goes down', 'gpt-4.1', down, up],
    ['packets vanish on the way', 'claude-sonnet-4.5', vanish, appear],
  ]) {
    test(`${what}: the stream ends in an error within 35 s, the next request has a new connection`, async () => {
      const wire = await port_on_a_wire();
      const { port } = wire;
      const stream = await held_stream(port, model);
      fail(wire);
      const began = performance.now();
      await stream.end();
      const took = performance.now() - began;
      mend(wire);
      const { error } = JSON.parse(stream.events.at(-1));
      assert.equal(error.code, 'upstream_interrupted');
      assert.match(error.message, /network/);
      assert.ok(!stream.events.includes('[DONE]'), stream.text);
      assert.ok(took < 35_000, `${took} ms`);
      assert.match((await port.chat({ model })).text, GREETING);
      const [broken, next] = await connections_for(model);
      assert.notEqual(next, broken);
    });
  }

  test('a moment without a path costs a stream nothing', async () => {
    const model = 'claude-haiku-4.5';
    const wire = await port_on_a_wire();
    const { port } = wire;
    const stream = await held_stream(port, model);
    down(wire);
    up(wire);
    await sim.release(model);
    await stream.end();
    assert.equal(stream.answer, 'Hello there');
    assert.equal(stream.events.at(-1), '[DONE]');
  });
});
