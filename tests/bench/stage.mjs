// What the measurements need around them: the simulator, private homes with and without a sign-in,
// requests as files, the same once more behind TLS, and the peers. All of it lives in build/bench and
// on loopback; no process started here knows the person's home or environment.

import { execFile, spawn } from 'node:child_process';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { start } from '../simulator/client.mjs';
import { has, output_of } from './machine.mjs';

const run = promisify(execFile);

// Hours, so that no token is refreshed while something is measured.
const TOKENS = { token_refresh_in: 36_000, token_expires_in: 36_060 };
const TENANT = 'jumpseat-bench.ghe.com';

export class Stage {
  /// place: {client, server}, processor numbers or undefined.
  constructor({ directory, jumpseat, place, skip }) {
    this.directory = directory;
    this.jumpseat = jumpseat;
    this.place = place;
    this.skip_ = skip;
    this.closers_ = [];
    this.clients_ = new Set();
  }

  file(name, text) {
    const path = join(this.directory, name);
    if (text !== undefined) writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  helper(name) {
    return join(this.directory, name);
  }

  async open() {
    rmSync(this.file('homes'), { recursive: true, force: true });
    rmSync(this.file('stderr.log'), { force: true });
    this.closers_.push(() => rmSync(this.file('homes'), { recursive: true, force: true }));
    this.sim = await this.simulator_({});
    this.port = new URL(this.sim.url).port;
    this.signed_out = this.environment_('signed_out', this.sim.env);
    this.signed_in = this.environment_('signed_in', this.sim.env);
    this.bare = this.environment_('peers', {});
    await this.jumpseat_(this.signed_in, 'login');
    await this.refresh_models();
    await this.bench_scenario(1, 0);
    await this.jumpseat_(this.signed_in, 'chat', 'hello');

    this.empty = this.file('empty.json', '{}');
    this.local_checks = this.file('status.json', '{"options":{"localChecksOnly":true}}');
    this.small = this.file('small.json', chat_body('hello'));
    this.large = this.file('large.json', chat_body(source_code(1_000_000)));
    this.large_bytes = statSync(this.large).size;
    this.head = this.file('head.txt', await this.direct_head_());
  }

  /// A fresh list: nothing is fetched again for ten minutes.
  async refresh_models() {
    await this.jumpseat_(this.signed_in, 'models', '--refresh');
  }

  async bench_scenario(chunks, every_ms) {
    await this.sim.scenario({ name: 'bench', params: { chunks, every_ms }, replace: true });
  }

  // The simulator shares a processor with the client.
  async simulator_(options) {
    const sim = await start({ quick: true, pending_polls: 0, ...options });
    this.closers_.push(() => sim.stop());
    if (this.place.client !== undefined && has('taskset')) {
      await run('taskset', ['-a', '-c', '-p', String(this.place.client), String(sim.pid)]);
    }
    await sim.settings({ ...TOKENS, record_bodies: false, record_limit: 100 });
    return sim;
  }

  environment_(home, more) {
    const path = join(this.directory, 'homes', home);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', HOME: path, ...more };
  }

  async jumpseat_(env, ...words) {
    const running = run(this.jumpseat, words, { env, timeout: 120_000 });
    running.child.stdin.end();
    return running;
  }

  // What a client that knows the protocol sends, up to Content-Length.
  async direct_head_() {
    const github = `ghu_${'b'.repeat(36)}`;
    await this.sim.register(github);
    const reply = await fetch(this.sim.env.GITHUB_COPILOT_API_KEY_URL, {
      headers: { authorization: `token ${github}`, 'user-agent': 'bench' },
    });
    const { token } = await reply.json();
    return [
      'POST /chat/completions HTTP/1.1',
      `Host: 127.0.0.1:${this.port}`,
      `Authorization: Bearer ${token}`,
      'User-Agent: bench',
      'Editor-Version: bench/1.0',
      'Copilot-Integration-Id: vscode-chat',
      'Content-Type: application/json',
      '',
    ].join('\r\n');
  }

  /// One run of client.cpp: its JSON. options: {env, place: 'apart' | 'free'}, all others go on.
  async client(workload, { env = this.bare, place = 'apart', ...options }, command = []) {
    const words = ['--errors', this.file('stderr.log'), '--limit-s', '600'];
    const pinned = place === 'apart' ? this.place : {};
    if (pinned.client !== undefined) words.push('--client-cpu', String(pinned.client));
    if (pinned.server !== undefined) words.push('--server-cpu', String(pinned.server));
    words.push(workload);
    for (const [name, value] of Object.entries(options)) {
      if (value !== undefined) words.push(`--${name.replaceAll('_', '-')}`, String(value));
    }
    if (command.length > 0) words.push('--', ...command);
    const running = run(this.helper('client'), words, { env, maxBuffer: 64 * 2 ** 20 });
    this.clients_.add(running.child);
    try {
      const { stdout } = await running;
      return JSON.parse(stdout);
    } catch (error) {
      throw new Error(`${workload} ${command.join(' ')}: ${error.stderr?.trim() || error.message}`);
    } finally {
      this.clients_.delete(running.child);
    }
  }

  /// The same simulator behind TLS. A simulator over HTTPS is not an address that Jumpseat takes
  /// from its settings, and that is as it should be; so it plays a GitHub tenant here, reached through
  /// a proxy that knows one destination: itself. Returns the environment of a signed-in home.
  /// The same one for all that ask: its home is signed in there.
  behind_tls() {
    this.behind_tls_ ??= this.start_behind_tls_();
    return this.behind_tls_;
  }

  async start_behind_tls_() {
    if (!has('openssl')) {
      this.skip_('memory after TLS: openssl is missing');
      return null;
    }
    const hosts = [TENANT, `api.${TENANT}`, `copilot-api.${TENANT}`];
    const cert = this.file('tls.pem');
    const key = this.file('tls.key');
    await run('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', key, '-out', cert, '-days', '2', '-subj', `/CN=${TENANT}`],
      ...['-addext', `subjectAltName=${hosts.map((host) => `DNS:${host}`).join(',')}`],
    ]);
    const sim = await this.simulator_({ tls: { cert, key } });
    this.tls_sim = sim;
    await sim.scenario({
      rules: [
        {
          on: 'POST /login/device/code',
          do: { merge: { verification_uri: `https://${TENANT}/login/device` } },
        },
        {
          on: 'GET /copilot_internal/v2/token',
          do: { with: { api: `https://copilot-api.${TENANT}` } },
        },
      ],
    });
    const proxy = await proxy_to(hosts, Number(new URL(sim.url).port));
    this.closers_.push(() => proxy.close());
    const env = this.environment_('tls', {
      GITHUB_COPILOT_ENDPOINT: `https://api.${TENANT}`,
      HTTPS_PROXY: `http://127.0.0.1:${proxy.address().port}`,
      SSL_CERT_FILE: cert,
    });
    await this.jumpseat_(env, 'login');
    await this.jumpseat_(env, 'models', '--refresh');
    return env;
  }

  close() {
    for (const child of this.clients_) child.kill('SIGTERM');
    return Promise.allSettled(this.closers_.reverse().map((close) => close()));
  }
}

const chat_body = (content) =>
  JSON.stringify({ model: 'gpt-4.1', stream: true, messages: [{ role: 'user', content }] });

/// Source text that is `bytes` long as JSON: quotes, tabs, line ends and backslashes to escape, and
/// some letters outside ASCII.
function source_code(bytes) {
  const line = (at) =>
    `\tif (größe[${at}] != "naïve\\n") { log("→ zeile ${at}: \\"日本語\\""); } // ${'x'.repeat(at % 40)}\n`;
  const lines = [];
  for (let at = 0, size = 0; size < bytes; at++) {
    lines.push(line(at));
    size += Buffer.byteLength(JSON.stringify(lines.at(-1))) - 2;
  }
  return lines.join('');
}

/// A CONNECT proxy that takes tunnels to `hosts` and leads them all to one port of this machine.
async function proxy_to(hosts, port) {
  const server = http.createServer((req, res) => res.writeHead(403).end());
  server.on('connect', (req, socket) => {
    if (!hosts.some((host) => req.url === `${host}:443`))
      return socket.end('HTTP/1.1 403 No\r\n\r\n');
    const there = net.connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      there.pipe(socket).pipe(there);
    });
    there.on('error', () => socket.destroy());
    socket.on('error', () => there.destroy());
    socket.on('close', () => there.destroy());
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  server.unref();
  return server;
}

// --- Peers ------------------------------------------------------------------------

const OFFICIAL = `@github/copilot-language-server-linux-${process.arch}`;
const OFFICIAL_VERSION = '1.539.0'; // a comparison without a version says nothing

/// [{name, command, version, size}] of what is there; what is not is skipped loudly.
/// install: 'when missing' or 'never'.
export async function find_peers({ directory, install, skip }) {
  const peers = [];
  const clangd = output_of('clangd', '--version');
  if (clangd) {
    peers.push({
      name: 'clangd',
      command: ['clangd', '--log=error'],
      version: /version (\S+)/.exec(clangd)?.[1] ?? 'unknown',
    });
  } else {
    skip('clangd is not installed (Debian package clangd)');
  }
  const official = await official_server({ directory, install, skip });
  if (official) peers.push(official);
  return peers;
}

async function official_server({ directory, install, skip }) {
  const program = join(directory, 'peers/node_modules', OFFICIAL, 'copilot-language-server');
  const size = () => {
    try {
      return statSync(program).size;
    } catch {
      return null;
    }
  };
  if (size() === null && install === 'when missing') {
    process.stderr.write(`Bringing ${OFFICIAL} ${OFFICIAL_VERSION} with npm\n`);
    mkdirSync(join(directory, 'peers'), { recursive: true });
    writeFileSync(join(directory, 'peers/package.json'), '{"private":true}\n');
    await new Promise((resolve) => {
      const npm = spawn(
        'npm',
        [
          ...['install', '--ignore-scripts', '--no-audit', '--no-fund', '--save-exact'],
          `${OFFICIAL}@${OFFICIAL_VERSION}`,
        ],
        { cwd: join(directory, 'peers'), stdio: ['ignore', 'ignore', 'inherit'], timeout: 300_000 },
      );
      npm.on('error', resolve);
      npm.on('exit', resolve);
    });
  }
  if (size() === null) {
    skip(`the official Copilot language server (npm package ${OFFICIAL}) is not there`);
    return null;
  }
  // It must reach no network: neither ours nor that of GitHub.
  const alone = [
    ['unshare', '-n'],
    ['unshare', '-r', '-n'],
  ].find((words) => output_of(words[0], ...words.slice(1), 'true') !== null);
  if (!alone) {
    skip('the official Copilot language server: no network namespace can be made to shut it in');
    return null;
  }
  return {
    name: 'Copilot LS',
    command: [...alone, program, '--stdio'],
    version: OFFICIAL_VERSION,
    size: size(),
  };
}
