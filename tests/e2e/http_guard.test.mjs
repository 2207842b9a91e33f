// Who may use the HTTP port: every row of S1 to S5 and C19 as raw requests to a real process. Whatever is refused
// is refused before upstream hears of it, which the simulator's count proves at the end.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Home, eventually, known_token, run, start_simulator } from './harness.mjs';
import { open_port } from './http_port.mjs';

const KEY = 'a-client-key-for-tests';
const BODY = JSON.stringify({ messages: [{ role: 'user', content: 'x' }] });
const ROUTES = [
  ['POST', '/v1/chat/completions'],
  ['GET', '/v1/models'],
  ['GET', '/v1/models/gpt-4'],
  ['GET', '/status'],
];
const HEALTH = ['/health', '/health/liveliness', '/health/liveness', '/health/readiness'];

let sim;
let home;
let open; // without a client key
let locked; // with one
before(async () => {
  sim = await start_simulator();
  home = new Home();
  const env = home.env(sim.env, { GITHUB_TOKEN: await known_token(sim) });
  [open, locked] = await Promise.all([
    open_port({ env, cwd: home.work }),
    open_port({
      env: { ...env, JUMPSEAT_API_KEY: KEY, LOG_LEVEL: 'DEBUG' },
      cwd: home.work,
      args: ['--verbose', '--log-file', join(home.path, 'port.log')],
    }),
  ]);
  for (const port of [open, locked]) {
    const reply = await port.get('/v1/models', { headers: { authorization: `Bearer ${KEY}` } });
    assert.equal(reply.status, 200, reply.text);
  }
});
after(async () => {
  await open.stop();
  await locked.stop();
  await sim.stop();
});

const chats = async () => (await sim.requests({ path: '/chat/completions' })).length;

/// A chat request with the header lines given; `host` lines are part of them.
const chat_with = (lines) =>
  `POST /v1/chat/completions HTTP/1.1\r\n${lines.map((line) => line + '\r\n').join('')}Content-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;

async function refused(port, lines, statuses, code) {
  const before_it = await chats();
  const { replies } = await port.raw(chat_with(lines), { replies: 1 });
  assert.equal(replies.length, 1, lines.join(' | '));
  assert.ok(statuses.includes(replies[0].status), `${lines.join(' | ')}: ${replies[0].status}`);
  const { error } = JSON.parse(replies[0].body);
  if (code) assert.equal(error.code, code, lines.join(' | '));
  assert.ok(error.message.length > 20);
  assert.equal(replies[0].headers['access-control-allow-origin'], undefined);
  assert.equal(await chats(), before_it, 'upstream heard of it');
}

describe('S3: Host', () => {
  const port = () => open.port;
  const foreign = [
    'evil.com',
    'evil.com:PORT',
    'localhost.evil.com:PORT',
    'evil.localhost:PORT',
    'localhost.:PORT',
    'localhost',
    '127.0.0.1',
    '[::1]',
    'localhost:80',
    'localhost:0PORT',
    'localhost:PORT0',
    'localhost:+PORT',
    'localhost: PORT',
    'localhost :PORT',
    ' :PORT',
    ':PORT',
    'PORT',
    '127.0.0.1.nip.io:PORT',
    '127.0.0.1.:PORT',
    '0.0.0.0:PORT',
    '0:PORT',
    '127.1:PORT',
    '127.0.1:PORT',
    '127.0.0.2:PORT',
    '2130706433:PORT',
    '0x7f000001:PORT',
    '0177.0.0.1:PORT',
    '127.000.000.001:PORT',
    '[::ffff:127.0.0.1]:PORT',
    '[0:0:0:0:0:0:0:1]:PORT',
    '[::0001]:PORT',
    '[::]:PORT',
    '[::1%lo]:PORT',
    '::1:PORT',
    '[::1]',
    '[::1]:80',
    'ip6-localhost:PORT',
    'user@localhost:PORT',
    'localhost:PORT@evil.com',
    'localhost:PORT,evil.com',
    'localhost:PORT evil.com',
    'http://localhost:PORT',
    '//localhost:PORT',
    'localhost:PORT/',
    'localhost:PORT#',
    'localhost:PORT?',
    'localhost%00:PORT',
    'local%68ost:PORT',
    'lоcalhost:PORT',
    'host.docker.internal:PORT',
    'a.local:PORT',
    'router.internal:PORT',
    '10.0.0.1:PORT',
    '169.254.169.254:PORT',
    'localhost:8080:PORT',
    'LOCALHOST..:PORT',
    '[localhost]:PORT',
    '127.0.0.1:PORT:PORT',
    '-localhost:PORT',
    '*:PORT',
  ];
  test(`${foreign.length} names that are not ours are refused`, async () => {
    for (const name of foreign) {
      const host = name.replaceAll('PORT', String(port()));
      await refused(open, [`Host: ${host}`], [400, 403]);
    }
  });
  test('none, two or an empty one are refused', async () => {
    await refused(open, [], [400]);
    await refused(open, ['Host:'], [400, 403]);
    await refused(open, [`Host: ${open.host}`, `Host: ${open.host}`], [400]);
    await refused(open, [`Host: ${open.host}`, 'Host: evil.com'], [400]);
  });
  test('HTTP/1.0 has no way around it', async () => {
    const { replies } = await open.raw('GET /v1/models HTTP/1.0\r\n\r\n');
    assert.equal(replies[0].status, 403);
  });
  test('a target for another host is refused', async () => {
    for (const target of [
      'http://evil.com/v1/models',
      `http://evil.com:${port()}/v1/models`,
      `http://127.0.0.1:${port()}/v1/models`,
    ]) {
      const { replies } = await open.raw(`GET ${target} HTTP/1.1\r\nHost: ${open.host}\r\n\r\n`, {
        replies: 1,
      });
      assert.equal(replies[0].status, 400, target);
    }
  });
  test('our three names are taken in any letter case', async () => {
    for (const name of ['localhost', '127.0.0.1', '[::1]', 'LocalHost']) {
      const { replies } = await open.raw(
        `GET /v1/models HTTP/1.1\r\nHost: ${name}:${port()}\r\n\r\n`,
        { replies: 1 },
      );
      assert.equal(replies[0].status, 200, name);
    }
  });
});

describe('S4: web pages', () => {
  const host = () => `Host: ${open.host}`;
  test('any Origin is refused', async () => {
    const own = `http://localhost:${open.port}`;
    for (const origin of [
      'null',
      'http://evil.com',
      own,
      'https://localhost',
      'file://',
      'app://x',
      'vscode-webview://x',
      '',
    ])
      await refused(open, [host(), `Origin: ${origin}`], [403], 'client_refused');
  });
  test('any Sec-Fetch-Site but none is refused', async () => {
    for (const site of ['cross-site', 'same-site', 'same-origin', 'NONEE', ''])
      await refused(open, [host(), `Sec-Fetch-Site: ${site}`], [403], 'client_refused');
    const { replies } = await open.raw(
      `GET /v1/models HTTP/1.1\r\n${host()}\r\nSec-Fetch-Site: none\r\n\r\n`,
      { replies: 1 },
    );
    assert.equal(replies[0].status, 200);
  });
  test('a preflight gets no permission', async () => {
    const { replies } = await open.raw(
      `OPTIONS /v1/chat/completions HTTP/1.1\r\n${host()}\r\nOrigin: http://evil.com\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n`,
      { replies: 1 },
    );
    assert.equal(replies[0].status, 403);
    assert.ok(!Object.keys(replies[0].headers).some((name) => name.startsWith('access-control')));
  });
  test('S5: bodies that a form could send are refused', async () => {
    const before_it = await chats();
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/jsonp',
      'text/plain; application/json',
      'application/octet-stream',
      'application/json2',
      'json',
      '',
    ];
    for (const type of types) {
      const reply = await open.post('/v1/chat/completions', BODY, {
        headers: { 'content-type': type },
      });
      assert.equal(reply.status, 415, type);
    }
    const { replies } = await open.raw(
      `POST /v1/chat/completions HTTP/1.1\r\n${host()}\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
      { replies: 1 },
    );
    assert.equal(replies[0].status, 415, 'no Content-Type at all');
    assert.equal(await chats(), before_it);
    for (const type of [
      'application/json',
      'APPLICATION/JSON; charset=utf-8',
      'application/json ;x=y',
    ]) {
      const reply = await open.post('/v1/chat/completions', BODY, {
        headers: { 'content-type': type },
      });
      assert.equal(reply.status, 200, type);
    }
  });
});

describe('S2, C19: the client key', () => {
  const wrong = [
    undefined,
    'Bearer',
    'Bearer ',
    `Bearer ${KEY}x`,
    `Bearer ${KEY.slice(0, -1)}`,
    `Bearer x${KEY}`,
    `Basic ${KEY}`,
    `Bearer ${KEY.toUpperCase()}`,
    KEY,
    `Bearer  ${KEY}`,
    `Token ${KEY}`,
    `Bearer ${KEY},${KEY}`,
    'Bearer not-needed',
  ];
  test('every route wants it but health', async () => {
    const before_it = await chats();
    for (const authorization of wrong) {
      const headers = authorization === undefined ? {} : { authorization };
      for (const [method, path] of ROUTES) {
        for (const spelt of [path, path.replace(/^\/v1/, '')]) {
          const reply =
            method === 'POST'
              ? await locked.post(spelt, BODY, { headers })
              : await locked.get(spelt, { headers });
          assert.equal(reply.status, 401, `${spelt} ${authorization}`);
          assert.equal(reply.json.error.code, 'invalid_api_key');
          assert.equal(reply.headers['www-authenticate'], 'Bearer');
          assert.ok(!reply.text.includes(KEY));
        }
      }
      assert.equal((await locked.get('/nowhere', { headers })).status, 401);
    }
    assert.equal(await chats(), before_it);
    for (const path of HEALTH) assert.equal((await locked.get(path)).status, 200, path);
  });
  test('opens everything, in the ways that SDKs send it', async () => {
    for (const headers of [
      { authorization: `Bearer ${KEY}` },
      { authorization: `bearer ${KEY}` },
      { 'x-api-key': KEY },
      { 'api-key': KEY },
    ]) {
      for (const [method, path] of ROUTES) {
        const reply =
          method === 'POST'
            ? await locked.post(path, BODY, { headers })
            : await locked.get(path, { headers });
        assert.equal(reply.status, 200, `${path} ${JSON.stringify(headers)}`);
      }
    }
  });
  test('may be anything where none is set', async () => {
    const reply = await open.chat({}, { headers: { authorization: 'Bearer not-needed' } });
    assert.equal(reply.status, 200);
  });
  test('does not open the port to web pages', async () => {
    const reply = await locked.get('/v1/models', {
      headers: { authorization: `Bearer ${KEY}`, origin: 'http://evil.com' },
    });
    assert.equal(reply.status, 403);
  });
});

describe('S4: web pages that are allowed by name', () => {
  const PAGE = 'https://app.example';
  const ask = async (port, method, path, headers) =>
    port.request(method, path, { headers: { origin: PAGE, ...headers } });
  const permissions = (reply) =>
    Object.keys(reply.headers).filter((name) => name.startsWith('access-control'));
  let port;
  before(async () => {
    port = await open_port({
      env: home.env(sim.env, {
        GITHUB_TOKEN: await known_token(sim),
        JUMPSEAT_API_KEY: KEY,
        JUMPSEAT_ALLOWED_ORIGINS: `http://localhost:3000, ${PAGE}`,
      }),
      cwd: home.work,
    });
  });
  after(() => port?.stop());

  test('get a preflight answered, without the key that browsers do not send with it', async () => {
    const reply = await ask(port, 'OPTIONS', '/v1/chat/completions', {
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,x-stainless-os',
      'access-control-request-private-network': 'true',
      'sec-fetch-site': 'cross-site',
    });
    assert.equal(reply.status, 204);
    assert.equal(reply.headers['access-control-allow-origin'], PAGE);
    assert.match(reply.headers['access-control-allow-methods'], /POST/);
    assert.equal(
      reply.headers['access-control-allow-headers'],
      'authorization,content-type,x-stainless-os',
    );
    assert.equal(reply.headers['access-control-allow-private-network'], 'true');
    assert.equal(reply.headers.vary, 'Origin');
    assert.equal(reply.headers['access-control-allow-credentials'], undefined);
  });
  test('are answered and may read the answer, errors as well', async () => {
    const headers = {
      authorization: `Bearer ${KEY}`,
      'sec-fetch-site': 'cross-site',
      'content-type': 'application/json',
    };
    const reply = await port.chat({}, { headers: { ...headers, origin: PAGE } });
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.headers['access-control-allow-origin'], PAGE);
    assert.match(reply.headers['access-control-expose-headers'], /x-request-id/);
    const stream = port.stream({}, { headers: { ...headers, origin: PAGE } });
    await stream.end();
    assert.equal(stream.res.headers['access-control-allow-origin'], PAGE);
    assert.equal(stream.events.at(-1), '[DONE]');
    const wrong = await ask(port, 'GET', '/v1/models', {});
    assert.equal(wrong.status, 401, 'still without the key');
    assert.equal(wrong.headers['access-control-allow-origin'], PAGE);
  });
  test('open the port to no other origin, and not to other kinds of requests', async () => {
    const before_it = await chats();
    const authorization = `Bearer ${KEY}`;
    const others = [
      'null',
      'https://app.example.evil.com',
      'https://app.example:8443',
      'http://app.example',
      'https://APP.example',
      'https://app.example/',
      'https://evil.com',
      `${PAGE}, ${PAGE}`,
      '',
    ];
    for (const origin of others) {
      const reply = await port.chat({}, { headers: { origin, authorization } });
      assert.equal(reply.status, 403, origin);
      assert.deepEqual(permissions(reply), [], origin);
      const preflight = await port.request('OPTIONS', '/v1/models', {
        headers: { origin, 'access-control-request-method': 'GET' },
      });
      assert.equal(preflight.status, 403, origin);
      assert.deepEqual(permissions(preflight), [], origin);
    }
    // An image has no Origin; a form of the page has no JSON; a wrong Host is another name of ours.
    const image = await port.get('/v1/models', {
      headers: { authorization, 'sec-fetch-site': 'cross-site' },
    });
    assert.equal(image.status, 403);
    const form = await port.post('/v1/chat/completions', BODY, {
      headers: { authorization, origin: PAGE, 'content-type': 'text/plain' },
    });
    assert.equal(form.status, 415);
    const rebound = await ask(port, 'GET', '/v1/models', { authorization, host: 'app.example' });
    assert.equal(rebound.status, 403);
    assert.equal(await chats(), before_it);
    const program = await port.get('/v1/models', { headers: { authorization } });
    assert.equal(program.status, 200);
    assert.deepEqual(permissions(program), []);
  });
  test('what is no origin is refused at the start, and a file of the directory cannot set it', async () => {
    const bad = [
      '*',
      'null',
      'app.example',
      'https://app.example/',
      'https://*.example',
      'HTTPS://A',
    ];
    for (const value of bad) {
      const env = home.env({ JUMPSEAT_ALLOWED_ORIGINS: value });
      const { code, stderr } = await run(['serve', '--port', '0'], { env, cwd: home.work });
      assert.equal(code, 3, value);
      assert.match(stderr, /JUMPSEAT_ALLOWED_ORIGINS/);
    }
    const other = new Home();
    writeFileSync(join(other.work, '.env'), `JUMPSEAT_ALLOWED_ORIGINS=${PAGE}\n`);
    const { stdout, stderr } = await run(['config'], { env: other.env(), cwd: other.work });
    assert.match(stderr + stdout, /JUMPSEAT_ALLOWED_ORIGINS is ignored/);
  });
});

const other = () => spawnSync('setpriv', ['--reuid=65534', '--clear-groups', 'true']).status === 0;
const needs_root = { skip: other() ? false : 'needs root to become another user' };

describe('S5: wrong keys', () => {
  /// What another user of the machine is answered: [status, Retry-After] for each key, asked by one curl.
  function as_other(port, keys, header = '') {
    const part = (key) =>
      [
        `url = "http://127.0.0.1:${port.port}/v1/models"`,
        `header = "Authorization: Bearer ${key}"`,
        header,
        'output = "/dev/null"',
        'write-out = "%{http_code} %header{retry-after}\\n"',
      ].join('\n');
    return execFileSync(
      'setpriv',
      ['--reuid=65534', '--clear-groups', 'curl', '-s', '--noproxy', '*', '-K', '-'],
      { encoding: 'utf8', input: keys.map(part).join('\nnext\n') },
    )
      .trim()
      .split('\n')
      .map((line) => line.trim().split(' '));
  }
  const apart = (port, keys) => as_other(port, keys, 'header = "Connection: close"');

  async function with_port(run_it) {
    const port = await open_port({
      env: home.env(sim.env, { GITHUB_TOKEN: await known_token(sim), JUMPSEAT_API_KEY: KEY }),
      cwd: home.work,
      args: ['--verbose'],
    });
    try {
      await run_it(port);
    } finally {
      await port.stop();
    }
  }

  test('of another user are looked at ten at a time, then not at all', needs_root, () =>
    with_port(async (port) => {
      const guesses = Array.from({ length: 40 }, (_, at) => `guess-${at}`);
      const got = apart(port, guesses);
      const statuses = got.map(([status]) => status);
      assert.deepEqual(statuses.slice(0, 10), Array(10).fill('401'));
      const refused = got.filter(([status]) => status === '429');
      assert.ok(refused.length >= 20, statuses.join(' '));
      for (const [, wait] of refused) assert.ok(Number(wait) >= 1 && Number(wait) <= 3, wait);
      await eventually(() => /too many wrong client keys/.test(port.stderr), 'the warning');
      assert.ok(!port.stderr.includes('guess-'), 'the guesses are not in the log');

      // The right key among guesses would be told apart if it were looked at.
      const right = apart(port, Array(10).fill(KEY)).map(([status]) => status);
      assert.ok(right[0] === '429' || right.slice(1).every((status) => status === '200'));
      // The owner notices nothing, with the right key or a wrong one.
      const show = (key) => port.get('/v1/models', { headers: { authorization: `Bearer ${key}` } });
      assert.equal((await show(KEY)).status, 200);
      for (let at = 0; at < 30; at++) assert.equal((await show('wrong')).status, 401);
      assert.equal((await show(KEY)).status, 200);
      // A request without any key is no guess.
      assert.equal((await port.get('/v1/models')).status, 401);
      // Patience is enough: the other user's right key is looked at again.
      const let_in = () => apart(port, [KEY])[0][0] === '200';
      await eventually(let_in, 'the other user to be let in', { every_ms: 300 });
    }),
  );

  test('do not touch a connection that has shown the right one', needs_root, () =>
    with_port(async (port) => {
      const keys = [KEY, ...Array(15).fill('guess'), KEY];
      const statuses = as_other(port, keys).map(([status]) => status);
      assert.deepEqual(statuses, ['200', ...Array(15).fill('401'), '200']);
    }),
  );
});

describe('S2: another user of the machine', () => {
  const as_other = (url, extra = []) =>
    JSON.parse(
      execFileSync(
        'setpriv',
        [
          '--reuid=65534',
          '--clear-groups',
          'curl',
          '-s',
          '--noproxy',
          '*',
          '-w',
          '\n{"status":%{http_code}}',
          ...extra,
          url,
        ],
        { encoding: 'utf8' },
      )
        .trim()
        .split('\n')
        .at(-1),
    ).status;
  test('is refused without a key, whatever the address, and served with one', needs_root, () => {
    for (const host of ['127.0.0.1', 'localhost', '[::1]'])
      assert.equal(as_other(`http://${host}:${open.port}/v1/models`), 403, host);
    assert.equal(as_other(`http://127.0.0.1:${open.port}/health`), 403);
    assert.equal(as_other(`http://127.0.0.1:${locked.port}/v1/models`), 401);
    assert.equal(
      as_other(`http://127.0.0.1:${locked.port}/v1/models`, ['-H', `Authorization: Bearer ${KEY}`]),
      200,
    );
  });
});

describe('S1: addresses', () => {
  const refusals = [
    ['another address without --allow-remote', ['--host', '0.0.0.0'], {}, /HOST/],
    [
      'another address without a key',
      ['--host', '0.0.0.0', '--allow-remote'],
      {},
      /JUMPSEAT_API_KEY/,
    ],
    [
      'another address with a short key',
      ['--host', '0.0.0.0', '--allow-remote'],
      { JUMPSEAT_API_KEY: 'short' },
      /16 characters/,
    ],
    ['another address by the environment', [], { HOST: '::', JUMPSEAT_API_KEY: KEY }, /HOST/],
    ['no address', ['--host', 'example.com', '--allow-remote'], { JUMPSEAT_API_KEY: KEY }, /HOST/],
    ['a port out of range', ['--port', '65536'], {}, /PORT.*65535/],
    ['a port that is none', ['--port', 'http'], {}, /PORT/],
  ];
  for (const [name, args, env, message] of refusals) {
    test(`${name} is refused`, async () => {
      const { code, stderr } = await run(['serve', ...args], {
        env: home.env(env),
        cwd: home.work,
      });
      assert.equal(code, 3, stderr);
      assert.match(stderr, message);
    });
  }
  test('both loopback addresses are served, and no other', async () => {
    const lines = execFileSync('sh', ['-c', 'cat /proc/net/tcp /proc/net/tcp6'], {
      encoding: 'utf8',
      maxBuffer: 2 ** 26, // a busy machine has many sockets
    }).split('\n');
    const at = `:${open.port.toString(16).toUpperCase().padStart(4, '0')}`;
    const listening = lines
      .map((line) => line.trim().split(/\s+/))
      .filter((words) => words[1]?.endsWith(at) && words[3] === '0A')
      .map((words) => words[1].split(':')[0]);
    const loopback = ['0100007F', '00000000000000000000000001000000'];
    assert.ok(listening.length >= 1);
    for (const address of listening) assert.ok(loopback.includes(address), address);
  });
  test('with a key and the flag another address is served, and told of', async () => {
    const port = await open_port({
      env: home.env(sim.env, { JUMPSEAT_API_KEY: KEY, GITHUB_TOKEN: await known_token(sim) }),
      cwd: home.work,
      args: ['--host', '0.0.0.0', '--allow-remote'],
    });
    await eventually(() => /other machines/.test(port.stderr), 'the warning');
    const reply = await port.get('/v1/models', {
      headers: { host: 'my-machine:1', authorization: `Bearer ${KEY}` },
    });
    assert.equal(reply.status, 200, reply.text);
    assert.equal((await port.get('/v1/models', { headers: { host: 'my-machine:1' } })).status, 401);
    await port.stop();
  });
  test('C20: a port that is taken is reported with its owner', async () => {
    const { code, stderr } = await run(['serve', '--port', String(open.port)], {
      env: home.env(),
      cwd: home.work,
    });
    assert.equal(code, 3);
    assert.match(stderr, new RegExp(`${open.port}.*process ${open.pid} \\(`));
    assert.equal((await open.get('/health')).status, 200, 'the owner is unharmed');
  });
});

describe('S6: secrets', () => {
  test('are on no route', async () => {
    const { github, copilot } = await sim.tokens();
    const paths = [
      ...HEALTH,
      '/status',
      '/v1/models',
      '/metrics',
      '/usage',
      '/',
      '/token',
      '/config',
      '/v1/models/gpt-4',
      '/.env',
    ];
    for (const path of paths) {
      const reply = await locked.get(path, { headers: { authorization: `Bearer ${KEY}` } });
      const shown = reply.text + JSON.stringify(reply.headers);
      for (const secret of [...github, ...copilot, KEY]) assert.ok(!shown.includes(secret), path);
    }
  });
  test('are in no log and on no screen', async () => {
    const PROMPT = 'a-prompt-that-nobody-else-reads';
    const headers = { authorization: `Bearer ${KEY}` };
    await locked.chat({ content: PROMPT }, { headers });
    await locked.chat({ content: PROMPT, model: 'nobody' }, { headers });
    await locked.chat({ content: PROMPT }, { headers: { authorization: `Bearer wrong-${KEY}` } });
    const { github, copilot } = await sim.tokens();
    const log = readFileSync(join(home.path, 'port.log'), 'utf8');
    assert.ok(log.length > 0);
    for (const text of [log, locked.stdout, locked.stderr])
      for (const secret of [...github, ...copilot, KEY, PROMPT])
        assert.ok(!text.includes(secret), secret);
  });
  test('health tells nothing about the account', async () => {
    for (const path of HEALTH) {
      const reply = await locked.get(path);
      assert.ok(!/octo|ghu_|user/i.test(reply.text), reply.text);
    }
  });
});

describe('S24: prompts and answers', () => {
  const PROMPT = 'prompt-canary-that-nobody-keeps';
  const ANSWER = 'answer-canary-that-nobody-keeps';

  /// Every file below a directory, as one text.
  const files_of = (folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile())
      .map((one) => [join(one.path, one.name), readFileSync(join(one.path, one.name), 'latin1')]);

  test('reach no log, no file, no metric and no other error, whatever becomes of the request', async () => {
    const own = new Home();
    // A sign-in that is saved, so that there is a database with all that is kept.
    const login = await run(['login'], { env: own.env(sim.env), cwd: own.work });
    assert.equal(login.code, 0, login.stderr);
    const log = join(own.path, 'jumpseat.log');
    const port = await open_port({
      env: own.env(sim.env, {
        LOG_LEVEL: 'DEBUG',
        JUMPSEAT_API_KEY: KEY,
        REQUEST_TIMEOUT: '1',
        MAX_RETRIES: '0',
      }),
      cwd: own.work,
      args: ['--verbose', '--log-file', log],
    });
    const headers = { authorization: `Bearer ${KEY}` };
    const errors = [];
    /// Errors that are ours; upstream's own words go to the one who asked, and may hold his prompt.
    const note = (reply, kind = 'ours') => {
      if (reply.status >= 400 && kind === 'ours') errors.push(reply.text);
      return reply;
    };
    const chat = async (extra) => note(await port.chat({ content: PROMPT, ...extra }, { headers }));
    const post = async (path, body) => note(await port.post(path, body, { headers }));

    // Answered, whole and as a stream, by each route.
    assert.match((await chat()).text, new RegExp(PROMPT));
    const stream = port.stream({ content: PROMPT }, { headers });
    await stream.end();
    await post('/v1/completions', { model: 'gpt-4.1', prompt: PROMPT });
    await post('/v1/completions', { model: 'gpt-41-copilot', prompt: PROMPT, suffix: PROMPT });
    await post('/v1/embeddings', { model: 'text-embedding-3-small', input: [PROMPT] });
    // Refused here: JSON that breaks off, members of the wrong kind, an unknown model, a wrong key.
    await post('/v1/chat/completions', `{"messages":[{"role":"user","content":"${PROMPT}`);
    await post('/v1/chat/completions', { messages: PROMPT });
    await post('/v1/chat/completions', {
      messages: [{ role: 'user', content: PROMPT }],
      api_base: PROMPT,
    });
    await post('/v1/completions', { model: 'gpt-4.1', prompt: [PROMPT, 7] });
    await post('/v1/embeddings', { model: 'gpt-4.1', input: PROMPT });
    await chat({ model: 'nobody' });
    note(await port.chat({ content: PROMPT }, { headers: { authorization: 'Bearer wrong-key' } }));
    note(await port.get(`/v1/nowhere?q=${PROMPT}`, { headers }));
    // Refused and broken off by upstream, in words that repeat the prompt.
    const refusal = {
      error: { message: `I will not say ${PROMPT}`, code: 'invalid_request_body' },
    };
    const say = (status, body) =>
      sim.rule({ on: 'POST /chat/completions', times: 1, do: { status, body } });
    for (const status of [400, 403, 500]) {
      await say(status, JSON.stringify(refusal));
      note(await port.chat({ content: PROMPT }, { headers }), "upstream's");
    }
    await say(502, `<html>${PROMPT}</html>`);
    note(await port.chat({ content: PROMPT }, { headers }), "upstream's");
    for (const steps of [
      [{ data: { error: { message: `broken at ${PROMPT}` } } }],
      [{ data: `not JSON: ${PROMPT} ${ANSWER}` }],
      [{ data: { choices: [{ index: 0, delta: { content: ANSWER } }] } }, { cut: 'rst' }],
      [{ data: { choices: [{ index: 0, delta: { content: ANSWER } }] } }, { stall: true }],
    ]) {
      await sim.rule({ on: 'POST /chat/completions', times: 1, do: { stream: steps } });
      await port.stream({ content: PROMPT }, { headers }).end();
    }
    await sim.clear_rules();
    // Left by the client.
    await sim.scenario('chat_hold_midstream?times=1');
    const left = port.stream({ content: PROMPT }, { headers });
    await left.some_events(1);
    left.leave();
    await sim.wait('closed', { path: '/chat/completions' });

    const shown = [];
    for (const path of ['/metrics', '/status', '/usage', '/health', '/v1/models'])
      shown.push((await port.get(path, { headers })).text);
    await port.stop();
    assert.ok(errors.length >= 7, String(errors.length));
    const places = [
      ...files_of(own.path),
      ['stdout', port.stdout],
      ['stderr', port.stderr],
      ...shown.map((text, at) => [`route ${at}`, text]),
      ...errors.map((text) => [`error ${text}`, text]),
    ];
    assert.ok(readFileSync(log, 'utf8').length > 0, 'there is a log');
    assert.ok(
      files_of(own.path).some(([name]) => name.includes('jumpseat.db')),
      'and a database',
    );
    for (const [name, text] of places)
      for (const canary of [PROMPT, ANSWER, Buffer.from(PROMPT).toString('base64').slice(0, 36)])
        assert.ok(!text.includes(canary), `${canary} is in ${name}`);
  });
});
