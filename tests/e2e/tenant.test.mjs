// GitHub Enterprise Cloud with data residency: a company's own host, TENANT.ghe.com. The simulator plays the
// tenant over TLS; a proxy leads there and notes which hosts were asked for.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Home, made_up_token, run, start_simulator } from './harness.mjs';

const make_certs = fileURLToPath(new URL('../simulator/make_certs.sh', import.meta.url));
let certs;
let sim;
let proxy;
let asked; // "host:port" of every CONNECT
let home;

before(async () => {
  certs = mkdtempSync(join(tmpdir(), 'jumpseat-certs-'));
  const made = spawnSync('sh', [make_certs, certs]);
  assert.equal(made.status, 0, made.stderr.toString());
  sim = await start_simulator({
    tls: { cert: join(certs, 'tenant.pem'), key: join(certs, 'tenant.key') },
    args: ['--site', 'acme.ghe.com'],
  });
  const { port } = new URL(sim.url);
  proxy = net.createServer((client) => {
    client.on('error', () => {});
    client.once('data', (head) => {
      const [, target] = /^CONNECT (\S+) HTTP/.exec(head.toString('latin1')) ?? [];
      asked.push(target);
      const upstream = net.connect(port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        client.pipe(upstream).pipe(client);
      });
      upstream.on('error', () => client.destroy());
      client.on('close', () => upstream.destroy());
    });
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  proxy.close();
  await sim.stop();
  rmSync(certs, { recursive: true });
});
beforeEach(async () => {
  await sim.reset();
  asked = [];
  home = new Home();
});
afterEach(() => home.remove());

const jumpseat = (args, more = {}) =>
  run(args, {
    cwd: home.work,
    env: home.env(
      {
        HTTPS_PROXY: `http://127.0.0.1:${proxy.address().port}`,
        SSL_CERT_FILE: join(certs, 'ca.pem'),
        MAX_RETRIES: '0',
      },
      more,
    ),
  });

describe('a tenant', () => {
  const exactly = (...hosts) => assert.deepEqual([...new Set(asked)].sort(), hosts);

  test('--host leads the sign-in, the exchange and the chat to its hosts and no other', async () => {
    const host = ['--host', 'acme.ghe.com'];
    const login = await jumpseat(['login', ...host]);
    assert.equal(login.code, 0, login.stdout + login.stderr);
    assert.match(login.stdout, /https:\/\/acme\.ghe\.com\/login\/device/);
    assert.match(login.stdout, /Signed in as octocat/);
    const chat = await jumpseat(['chat', 'hi', ...host]);
    assert.equal(chat.code, 0, chat.stdout + chat.stderr);
    exactly('acme.ghe.com:443', 'api.acme.ghe.com:443', 'copilot-api.acme.ghe.com:443');
    const hosts = Object.fromEntries(
      (await sim.requests()).map((one) => [one.path, one.headers[':authority'] ?? one.headers.host]),
    );
    assert.equal(hosts['/login/device/code'], 'acme.ghe.com');
    assert.equal(hosts['/login/oauth/access_token'], 'acme.ghe.com');
    assert.equal(hosts['/copilot_internal/v2/token'], 'api.acme.ghe.com');
    assert.equal(hosts['/chat/completions'], 'copilot-api.acme.ghe.com');
  });

  for (const [how, args, more] of [
    ['GH_HOST', [], { GH_HOST: 'acme.ghe.com' }],
    ['a URI, as in an editor’s github-enterprise.uri', ['--host', 'https://acme.ghe.com/'], {}],
    ['GITHUB_COPILOT_ENDPOINT', [], { GITHUB_COPILOT_ENDPOINT: 'https://api.acme.ghe.com' }],
  ]) {
    test(`${how} leads to the same hosts`, async () => {
      const token = made_up_token();
      await sim.register(token);
      const chat = await jumpseat(['chat', 'hi', ...args], { ...more, GITHUB_TOKEN: token });
      assert.equal(chat.code, 0, chat.stdout + chat.stderr);
      exactly('api.acme.ghe.com:443', 'copilot-api.acme.ghe.com:443');
    });
  }

  test('E3: its sign-in is used at no other place, and the other way round', async () => {
    assert.equal((await jumpseat(['login', '--host', 'acme.ghe.com'])).code, 0);
    asked = [];
    for (const args of [[], ['--host', 'github.com'], ['--host', 'other.ghe.com']]) {
      const { code, stdout } = await jumpseat(['status', '--json', ...args]);
      assert.equal(code, 4, stdout);
      assert.equal(JSON.parse(stdout).state, 'signed_out');
    }
    assert.deepEqual(asked, []);
    assert.equal((await jumpseat(['status', '--host', 'acme.ghe.com'])).code, 0);
    assert.equal((await jumpseat(['logout'])).code, 0, "GitHub's, where nobody is");
    assert.equal((await jumpseat(['status', '--host', 'acme.ghe.com'])).code, 0);
  });

  test('S8: an address for Copilot that is not of the tenant is refused', async () => {
    for (const api of [
      'https://api.githubcopilot.com',
      'https://copilot-api.other.ghe.com',
      'https://copilot-api.acme.ghe.com.evil.example',
      'http://copilot-api.acme.ghe.com',
    ]) {
      await sim.reset();
      await sim.scenario('exchange_api', { api });
      const token = made_up_token();
      await sim.register(token);
      asked = [];
      const { code, stderr } = await jumpseat(['chat', 'hi'], {
        GH_HOST: 'acme.ghe.com',
        GITHUB_TOKEN: token,
      });
      assert.equal(code, 4, api);
      assert.match(stderr, /was refused, nothing was sent to it/);
      assert.deepEqual([...new Set(asked)], ['api.acme.ghe.com:443']);
    }
  });

  test('a host that is none of GitHub’s is refused before anything is sent', async () => {
    for (const host of ['github.corp.example', 'acme.ghe.com.evil.example', 'http://acme.ghe.com']) {
      const { code, stderr } = await jumpseat(['login', '--host', host]);
      assert.equal(code, 3, host);
      assert.match(stderr, /GH_HOST \(command line\)/);
    }
    const both = await jumpseat(['status'], {
      GH_HOST: 'acme.ghe.com',
      GITHUB_COPILOT_ENDPOINT: 'https://api.other.ghe.com',
    });
    assert.equal(both.code, 3);
    assert.match(both.stderr, /name two different places/);
    assert.deepEqual(asked, []);
  });
});
