// What `jumpseat doctor` says of set-ups that are broken in one way each, whole. It is the first thing that a
// report of a fault contains, so each of these texts names what is wrong, where, and what to do.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'node:test';
import { closed_port, made_up_token, run, start_simulator, upstream_env } from './harness.mjs';
import { home, sim } from './world.mjs';

async function doctor(more = {}, upstream = sim.env) {
  const env = home.env(upstream, { PATH: `${home.path}/bin:/usr/bin:/bin`, MAX_RETRIES: '0' }, more);
  const { code, stdout, stderr } = await run(['doctor'], { cwd: home.work, env });
  // Warnings that every command gives go to standard error; errors belong to the walk.
  assert.doesNotMatch(stderr, /^error/m);
  const address = new URL(upstream.GITHUB_COPILOT_API_KEY_URL ?? 'https://github.com').host;
  const text = stdout
    .replaceAll(home.path, '$home')
    .replaceAll(address, '$upstream')
    .replace(/^jumpseat \S+,/, 'jumpseat $version,');
  return { code, text };
}

const token = async (prefix, about = {}) => {
  const one = made_up_token(prefix);
  await sim.register({ token: one, ...about });
  return one;
};

const BEGIN = 'jumpseat $version, http://$upstream\nok    configuration: no problems, no proxy\n';
const STORAGE = 'ok    storage: $home/.local/share/jumpseat/jumpseat.db\n';
const NETWORK = 'ok    network and TLS: 127.0.0.1 answers\n';
const REACHED =
  'ok    exchange: octocat, plan individual; Copilot is at 127.0.0.1\n' +
  'ok    models: 21 models, 1 entry could not be read\n';
const CHAT = 'ok    chat: an answer came from gpt-5-mini\n\nCopilot works. The notes above say what does not.\n';
const NOT_SIGNED_IN =
  'FAIL  sign-in: Missing required GitHub configuration: GITHUB_TOKEN. No usable sign-in was found. Run `jumpseat login`, ' +
  "use your editor's Copilot sign-in, sign in with `gh auth login`, or set GITHUB_TOKEN (or give --token-stdin) to a token with Copilot access.\n";
const SIGN_IN = 'ok    sign-in: environment GITHUB_TOKEN, GitHub App user token (ghu_)\n';

describe('doctor, broken in one way', () => {
  test('no network', async () => {
    const { code, text } = await doctor({}, upstream_env(closed_port()));
    assert.equal(code, 5);
    assert.equal(
      text,
      `${BEGIN}${STORAGE}FAIL  network and TLS: Could not connect to 127.0.0.1: connection refused. ` +
        'Check the network connection, the firewall and the proxy setting.\n',
    );
  });

  test('the proxy refuses', async () => {
    const proxy = net.createServer((client) => {
      client.on('error', () => {});
      client.once('data', () => client.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'));
    });
    await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      const address = `127.0.0.1:${proxy.address().port}`;
      const { code, text } = await doctor({ HTTPS_PROXY: `http://${address}` }, {});
      assert.equal(code, 5);
      assert.equal(
        text,
        'jumpseat $version, https://$upstream\n' +
          `ok    configuration: no problems, proxy from environment HTTPS_PROXY\n${STORAGE}` +
          `FAIL  network and TLS: Could not reach api.$upstream through the proxy ${address} (from environment HTTPS_PROXY): ` +
          'it answered with status 403. Check the proxy setting.\n',
      );
    } finally {
      proxy.close();
    }
  });

  test('a strange issuer signs certificates on the way', async () => {
    const certs = mkdtempSync(join(tmpdir(), 'jumpseat-certs-'));
    const script = fileURLToPath(new URL('../simulator/make_certs.sh', import.meta.url));
    assert.equal(spawnSync('sh', [script, certs]).status, 0);
    const tenant = await start_simulator({
      tls: { cert: join(certs, 'tenant.pem'), key: join(certs, 'tenant.key') },
      args: ['--site', 'acme.ghe.com'],
    });
    const proxy = net.createServer((client) => {
      client.on('error', () => {});
      client.once('data', () => {
        const upstream = net.connect(new URL(tenant.url).port, '127.0.0.1', () => {
          client.write('HTTP/1.1 200 OK\r\n\r\n');
          client.pipe(upstream).pipe(client);
        });
        upstream.on('error', () => client.destroy());
      });
    });
    await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      const { code, text } = await doctor(
        { GH_HOST: 'acme.ghe.com', HTTPS_PROXY: `http://127.0.0.1:${proxy.address().port}` },
        {},
      );
      assert.equal(code, 5);
      assert.equal(
        text.replace(/acme\.ghe\.com: .*; the/, 'acme.ghe.com: $reason; the'), // the TLS library's own words
        'jumpseat $version, https://acme.ghe.com\n' +
          `ok    configuration: no problems, proxy from environment HTTPS_PROXY\n${STORAGE}` +
          'FAIL  network and TLS: No secure connection to api.acme.ghe.com: $reason; the certificate was issued by /CN=Jumpseat test authority. ' +
          "If your network inspects TLS, add its certificate authority to the system's or name it in SSL_CERT_FILE.\n",
      );
    } finally {
      proxy.close();
      await tenant.stop();
      rmSync(certs, { recursive: true });
    }
  });

  test('the clock is wrong', async () => {
    await sim.rule({
      on: 'GET /',
      do: { status: 404, headers: { date: 'Sun, 06 Nov 1994 08:49:37 GMT' }, body: '' },
    });
    const { code, text } = await doctor({ GITHUB_TOKEN: await token() });
    assert.equal(code, 0);
    assert.equal(
      text.replace(/\d+ s ahead/, '$seconds s ahead'),
      `${BEGIN}${STORAGE}${NETWORK}` +
        "note  clock: this machine's clock is $seconds s ahead of GitHub's. Set it: certificates are judged by it.\n" +
        SIGN_IN +
        REACHED +
        CHAT,
    );
  });

  test('a token of the wrong kind', async () => {
    const { code, text } = await doctor({ GITHUB_COPILOT_TOKEN: await token('ghp_') });
    assert.equal(code, 4);
    assert.equal(
      text,
      `${BEGIN}${STORAGE}${NETWORK}` +
        'ok    sign-in: environment GITHUB_COPILOT_TOKEN, classic personal access token (ghp_)\n' +
        'FAIL  exchange: The sign-in from environment GITHUB_COPILOT_TOKEN was refused: GitHub did not give the Copilot token (404): Not Found. ' +
        'The app that this token comes from may not use Copilot, or the account is unknown to it: sign in with the device flow.\n' +
        '      https://docs.github.com/rest\n' +
        '      The token was revoked or is of the wrong kind. `jumpseat login --again` gets a new one.\n',
    );
  });

  test('no seat', async () => {
    const { code, text } = await doctor({ GITHUB_TOKEN: await token('ghu_', { exchange: 'no_seat' }) });
    assert.equal(code, 4);
    assert.equal(
      text,
      `${BEGIN}${STORAGE}${NETWORK}${SIGN_IN}` +
        'FAIL  exchange: The sign-in from environment GITHUB_TOKEN was refused: GitHub gave no Copilot token: No Copilot seat for octocat. ' +
        'This account has not signed up for Copilot: sign up on the page below; there is a free plan.\n' +
        '      https://github.com/settings/copilot\n',
    );
  });

  test('a policy of the organization', async () => {
    await sim.rule({
      on: 'POST /chat/completions',
      do: { status: 403, body: 'forbidden: requires an organization policy to be enabled' },
    });
    const { code, text } = await doctor({ GITHUB_TOKEN: await token() });
    assert.equal(code, 4);
    assert.equal(
      text,
      `${BEGIN}${STORAGE}${NETWORK}${SIGN_IN}${REACHED}` +
        'FAIL  chat: GitHub Copilot refused: forbidden: requires an organization policy to be enabled. ' +
        "The Copilot settings on GitHub, or the organization's administrator, decide about this.\n",
    );
  });

  test('a home that others can read', async () => {
    const env = home.env(sim.env);
    assert.equal((await run(['login'], { cwd: home.work, env })).code, 0);
    chmodSync(home.database, 0o644);
    const { code, text } = await doctor();
    assert.equal(code, 0);
    assert.equal(
      text,
      `${BEGIN}note  storage: The database $home/.local/share/jumpseat/jumpseat.db can be read by other users of this machine. ` +
        'Secrets are not written there. Repair it with `chmod 600 $home/.local/share/jumpseat/jumpseat.db`. ' +
        `Until then sign-ins are kept in memory only and will not survive a restart.\n${NETWORK}` +
        'note  sign-in: environment and configuration: no token is set\n' +
        `ok    sign-in: saved sign-in, GitHub App user token (ghu_)\n${REACHED}${CHAT}`,
    );
  });

  test('a home where nothing can be written', async () => {
    writeFileSync(join(home.path, '.local'), '');
    const { code, text } = await doctor({ GITHUB_TOKEN: await token() });
    assert.equal(code, 0);
    assert.equal(
      text,
      `${BEGIN}note  storage: The database $home/.local/share/jumpseat/jumpseat.db cannot be created: Not a directory. ` +
        'Make its directory writable and restart. Until then sign-ins are kept in memory only and will not survive a restart.\n' +
        `${NETWORK}${SIGN_IN}${REACHED}${CHAT}`,
    );
  });

  test('a database of a newer version', async () => {
    const env = home.env(sim.env);
    assert.equal((await run(['login'], { cwd: home.work, env })).code, 0);
    spawnSync('python3', [
      '-c',
      'import sqlite3,sys; d=sqlite3.connect(sys.argv[1]); d.execute("pragma user_version=99")',
      home.database,
    ]);
    const { code, text } = await doctor();
    assert.equal(code, 4);
    assert.equal(
      text.replace(/this one knows \d+/, 'this one knows $schema'),
      `${BEGIN}note  storage: The database $home/.local/share/jumpseat/jumpseat.db was written by a newer jumpseat (its schema is 99, ` +
        'this one knows $schema). It was left untouched. Update jumpseat. ' +
        `Until then sign-ins are kept in memory only and will not survive a restart.\n${NETWORK}` +
        'note  sign-in: environment and configuration: no token is set\n' +
        'note  sign-in: saved sign-in: nobody has signed in at http://$upstream on this machine\n' +
        "note  sign-in: LiteLLM's token directory: its sign-in is github.com's; name a directory of $upstream in GITHUB_COPILOT_TOKEN_DIR\n" +
        'note  sign-in: github-copilot/apps.json: there is no such file\n' +
        'note  sign-in: github-copilot/hosts.json: there is no such file\n' +
        `note  sign-in: GitHub CLI: gh is not installed\n${NOT_SIGNED_IN}`,
    );
  });

  test('every source of a sign-in is there and none can be used', async () => {
    const config = join(home.path, '.config', 'github-copilot');
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, 'apps.json'), 'github.com:\n  oauth_token: x\n', { mode: 0o600 });
    writeFileSync(join(config, 'hosts.json'), '{}', { mode: 0o600 });
    writeFileSync(join(config, 'auth.db'), 'x');
    mkdirSync(join(home.path, 'litellm'));
    writeFileSync(join(home.path, 'litellm', 'access-token'), 'ghu_short', { mode: 0o600 });
    mkdirSync(join(home.path, 'bin'));
    writeFileSync(join(home.path, 'bin', 'gh'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const { code, text } = await doctor({
      GITHUB_TOKEN: `ghs_${'a'.repeat(36)}`,
      GITHUB_COPILOT_TOKEN_DIR: join(home.path, 'litellm'),
    });
    assert.equal(code, 4);
    assert.equal(
      text,
      `${BEGIN}${STORAGE}${NETWORK}` +
        'note  sign-in: environment GITHUB_TOKEN: GitHub App installation token (ghs_) cannot be used with Copilot\n' +
        'note  sign-in: saved sign-in: nobody has signed in at http://$upstream on this machine\n' +
        "note  sign-in: LiteLLM's token directory: access-token: Invalid GitHub token format: after ghu_ come 5 characters, expected 20 to 255. Was it cut off?\n" +
        'note  sign-in: github-copilot/apps.json: it is not JSON\n' +
        'note  sign-in: github-copilot/hosts.json: it has no sign-in for $upstream\n' +
        'note  sign-in: github-copilot/auth.db: its sign-ins are encrypted for their own program\n' +
        'note  sign-in: GitHub CLI: it has no sign-in for $upstream\n' +
        NOT_SIGNED_IN,
    );
  });
});
