// The HTTP port of an editor's session: opened, closed and told of over JSON-RPC; shared by several processes,
// and taken over when its owner ends (C20, C21). Whatever happens on the port, the session goes on.

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { Editor, Home, eventually, known_token, start_simulator } from './harness.mjs';
import { open_port, request } from './http_port.mjs';

let sim;
let home;
let token;
const open = [];
before(async () => {
  sim = await start_simulator();
  home = new Home();
  token = await known_token(sim);
});
after(() => sim.stop());
afterEach(async () => {
  for (const editor of open.splice(0)) await editor.kill();
});

async function session(env = {}) {
  const editor = new Editor({
    env: home.env(sim.env, { GITHUB_TOKEN: token, PORT: '0' }, env),
    cwd: home.work,
  });
  open.push(editor);
  await editor.begin();
  return editor;
}

const start = async (editor, params = {}) => {
  const answer = await editor.request('jumpseat/http/start', params);
  assert.ok(answer.result, JSON.stringify(answer));
  return answer.result;
};
const status = async (editor) => (await editor.request('jumpseat/http/status', {})).result;
const port_of = (url) => Number(new URL(url).port);

/// A port that was free a moment ago.
async function free_port() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('jumpseat/http', () => {
  test('is closed until it is started, answers, and closes again', async () => {
    const editor = await session();
    assert.deepEqual(await status(editor), { state: 'closed' });
    const { url, key } = await start(editor);
    assert.match(url, /^http:\/\/localhost:\d+$/);
    assert.equal(key, null);
    assert.deepEqual(await start(editor, {}), { url, key: null }, 'again is the same');
    const reply = await request(port_of(url), 'GET', '/v1/models');
    assert.equal(reply.status, 200);
    const told = await status(editor);
    assert.deepEqual(
      { ...told, connections: 0, requests: 0 },
      { state: 'open', url, pid: editor.pid, keyRequired: false, connections: 0, requests: 0 },
    );
    assert.equal(told.requests, 1);
    const closed = await editor.request('jumpseat/http/stop', {});
    assert.deepEqual(closed.result, { state: 'closed' });
    await assert.rejects(request(port_of(url), 'GET', '/health'));
    const again = await start(editor, { port: port_of(url) });
    assert.equal(again.url, url);
    await editor.end();
  });

  test('takes a key from the configuration or the params, and hands it on', async () => {
    const editor = await session({ JUMPSEAT_API_KEY: 'from-the-environment' });
    const { url, key } = await start(editor);
    assert.equal(key, 'from-the-environment');
    assert.equal((await request(port_of(url), 'GET', '/v1/models')).status, 401);
    await editor.request('jumpseat/http/stop', {});
    const other = await start(editor, { key: 'from-the-params' });
    assert.equal(other.key, 'from-the-params');
    const headers = { authorization: 'Bearer from-the-params' };
    assert.equal((await request(port_of(other.url), 'GET', '/v1/models', { headers })).status, 200);
    assert.ok(!editor.stderr.includes('from-the'), editor.stderr);
    const logs = editor.messages.filter(({ value }) => value.method === 'window/logMessage');
    assert.ok(!JSON.stringify(logs).includes('from-the'));
    await editor.end();
  });

  const wrong = [
    [{ host: '0.0.0.0' }, 'config_invalid', /--allow-remote/],
    [{ host: 'example.com' }, 'config_invalid', /not an address/],
    [{ port: 65536 }, 'invalid_request', /\$\.port/],
    [{ port: '8080' }, 'invalid_request', /\$\.port/],
    [{ key: 5 }, 'invalid_request', /\$\.key/],
  ];
  for (const [params, code, message] of wrong) {
    test(`start with ${JSON.stringify(params)} is refused`, async () => {
      const editor = await session();
      const { error } = await editor.request('jumpseat/http/start', params);
      assert.equal(error.data.code, code, JSON.stringify(error));
      assert.match(error.message, message);
      assert.deepEqual(await status(editor), { state: 'closed' });
      await editor.end();
    });
  }

  test('C20: a port of another program is reported, and the session goes on', async () => {
    const server = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nhello')).listen(
      0,
      '127.0.0.1',
    );
    await new Promise((resolve) => server.once('listening', resolve));
    const editor = await session();
    const { error } = await editor.request('jumpseat/http/start', { port: server.address().port });
    assert.equal(error.data.code, 'port_unavailable');
    assert.match(error.message, new RegExp(`process ${process.pid} \\(`));
    assert.ok((await editor.chat()).result, 'chat works');
    server.close();
    await editor.end();
  });

  test('a chat over stdio and one over HTTP go on beside each other', async () => {
    const editor = await session();
    const { url } = await start(editor);
    await sim.scenario('chat_hold_midstream');
    const over_stdio = editor.chat({ partialResultToken: 'p' });
    const over_http = request(port_of(url), 'POST', '/v1/chat/completions', {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'x' }] }),
    });
    await sim.wait('started', { path: '/chat/completions', n: 2 });
    await sim.release('chat');
    assert.ok((await over_stdio).result);
    assert.equal((await over_http).status, 200);
    await sim.call_('POST', 'clear_rules');
    await editor.end();
  });

  test('garbage on the port does not reach the session', async () => {
    const editor = await session();
    const { url } = await start(editor);
    const { raw } = await import('./http_port.mjs');
    for (const bytes of [
      '\0\0\0\0',
      '\x16\x03\x01',
      'GET / HTTP/9.9\r\n\r\n',
      'Content-Length: 10\r\n\r\n{}',
    ])
      await raw(port_of(url), Buffer.from(bytes, 'latin1'));
    assert.ok((await editor.request('jumpseat/models', {})).result);
    await editor.end();
  });
});

describe('C21: one port, several processes', () => {
  test('the second offers the address of the first, and takes over when that ends', async () => {
    const port = await free_port();
    const first = await session();
    const second = await session();
    const third = await session();
    const answers = [];
    for (const editor of [first, second, third]) answers.push(await start(editor, { port }));
    assert.equal(new Set(answers.map((one) => one.url)).size, 1);
    assert.equal((await status(first)).state, 'open');
    const told = await status(second);
    assert.equal(told.state, 'shared');
    assert.equal(told.pid, first.pid);
    await first.kill('SIGKILL');
    const owner = await eventually(async () => {
      const states = await Promise.all([status(second), status(third)]);
      const owners = [second, third].filter((_, i) => states[i].state === 'open');
      return owners.length === 1 && states.every((one) => one.pid === owners[0].pid) && owners[0];
    }, 'one of the two to take over');
    const reply = await request(port, 'GET', '/status');
    assert.equal(reply.json.pid, owner.pid);
    // An orderly end hands over as well.
    await owner.end();
    const last = owner === second ? third : second;
    await eventually(
      async () => (await status(last)).state === 'open',
      'the last one to take over',
    );
    assert.equal((await request(port, 'GET', '/v1/models')).status, 200);
    await last.end();
  });

  test('a share that is stopped leaves the port alone', async () => {
    const port = await free_port();
    const first = await session();
    const second = await session();
    await start(first, { port });
    await start(second, { port });
    assert.deepEqual((await second.request('jumpseat/http/stop', {})).result, { state: 'closed' });
    assert.equal((await request(port, 'GET', '/health')).status, 200);
    await first.end();
    assert.deepEqual(await status(second), { state: 'closed' });
    await second.end();
  });

  test('another key is no share', async () => {
    const port = await free_port();
    const first = await session();
    const second = await session();
    await start(first, { port, key: 'the-first-key' });
    const { error } = await second.request('jumpseat/http/start', { port, key: 'the-second-key' });
    assert.equal(error.data.code, 'port_unavailable');
    assert.match(error.message, /another client key/);
    assert.ok(!error.message.includes('the-first-key'));
    assert.equal((await start(second, { port, key: 'the-first-key' })).key, 'the-first-key');
    await first.end();
    await second.end();
  });

  test('`jumpseat serve` can be the owner', async () => {
    const serving = await open_port({
      env: home.env(sim.env, { GITHUB_TOKEN: token }),
      cwd: home.work,
    });
    const editor = await session();
    const { url } = await start(editor, { port: serving.port });
    assert.equal(url, serving.url);
    assert.equal((await status(editor)).pid, serving.pid);
    await serving.stop();
    await eventually(
      async () => (await status(editor)).state === 'open',
      'the editor to take over',
    );
    await editor.end();
  });
});
