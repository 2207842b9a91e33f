// The HTTP port and its neighbours in front of one fast upstream (upstream.cpp): direct, Jumpseat, nginx, HAProxy
// with its two settings. Each is a process of its own, pinned like the measured process everywhere, configured as
// its makers recommend for this: keep-alive to the upstream, no buffering of answers, no logs.

import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { has, output_of } from './machine.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const PATIENCE_MS = 120_000; // Python programs take a while

export class HttpStage {
  /// `stage`: a Stage that is open; its simulator says what GitHub would say.
  constructor(stage, skip) {
    this.stage_ = stage;
    this.skip_ = skip;
    this.children_ = [];
    this.kill_ = () => this.children_.forEach((child) => child.kill('SIGKILL'));
    process.once('exit', this.kill_);
  }

  async open() {
    const { stage_: stage } = this;
    const replies = join(stage.directory, 'replies');
    mkdirSync(replies, { recursive: true, mode: 0o700 });
    const upstream = this.spawn_([stage.helper('upstream'), replies], stage.place.client);
    this.upstream = Number(await line_of(upstream, /^(\d+)$/m));
    await this.replies_(replies);
    const targets = [{ name: 'direct', port: this.upstream, pid: upstream.pid }];
    targets.push(await this.jumpseat());
    if (has('nginx')) targets.push(await this.nginx());
    else this.skip_('nginx is not installed (Debian package nginx-light)');
    if (has('haproxy')) {
      targets.push(await this.haproxy('HAProxy', ''));
      targets.push(await this.haproxy('HAProxy no-delay', 'option http-no-delay'));
    } else {
      this.skip_('HAProxy is not installed (Debian package haproxy)');
    }
    return targets;
  }

  /// What the upstream says besides chats: what the simulator says, with its own address in it.
  async replies_(directory) {
    const { sim } = this.stage_;
    const github = `ghu_${'c'.repeat(36)}`;
    await sim.register(github);
    const ask = async (url, authorization) => {
      const reply = await fetch(url, {
        headers: {
          authorization,
          'user-agent': 'bench',
          'editor-version': 'bench/1.0',
          'copilot-integration-id': 'vscode-chat',
        },
      });
      if (reply.status !== 200) throw new Error(`${url}: ${reply.status} ${await reply.text()}`);
      return reply.text();
    };
    const exchange = sim.env.GITHUB_COPILOT_API_KEY_URL;
    const key = await ask(exchange, `token ${github}`);
    const models = await ask(`${sim.url}/models`, `Bearer ${JSON.parse(key).token}`);
    const here = (text) => text.replaceAll(sim.url, `http://127.0.0.1:${this.upstream}`);
    writeFileSync(join(directory, 'copilot_internal_v2_token'), here(key), { mode: 0o600 });
    writeFileSync(join(directory, 'models'), here(models), { mode: 0o600 });
    const user = new URL('/copilot_internal/user', exchange).href;
    writeFileSync(join(directory, 'copilot_internal_user'), await ask(user, `token ${github}`));
    this.github_ = github;
  }

  /// The environment of a Jumpseat whose GitHub is the fast upstream.
  env() {
    const base = `http://127.0.0.1:${this.upstream}`;
    return this.stage_.environment_('http', {
      GITHUB_TOKEN: this.github_,
      JUMPSEAT_MAX_CONNECTIONS: '20000', // nginx and HAProxy are given as many
      GITHUB_COPILOT_DEVICE_CODE_URL: `${base}/login/device/code`,
      GITHUB_COPILOT_ACCESS_TOKEN_URL: `${base}/login/oauth/access_token`,
      GITHUB_COPILOT_API_KEY_URL: `${base}/copilot_internal/v2/token`,
    });
  }

  /// One more Jumpseat, as people get it. `wrap`: words put in front of the command.
  async jumpseat(wrap = [], env = this.env()) {
    const command = [...wrap, this.stage_.jumpseat, 'serve', '--port', '0'];
    const child = this.spawn_(command, this.stage_.place.server, env);
    const port = Number(await line_of(child, /^OpenAI's API is at http:\S+:(\d+)\/v1$/m));
    return { name: 'Jumpseat', port, pid: child.pid, child };
  }

  /// One more nginx; see jumpseat(). One process: what callgrind and the clocks look at is all of it.
  async nginx(wrap = []) {
    const port = await free_port();
    const config = this.config_('nginx.conf', port, {});
    const words = ['-p', `${this.stage_.directory}/`, '-e', 'stderr', '-c', config];
    const child = this.spawn_([...wrap, 'nginx', ...words], this.stage_.place.server);
    await listening(child, port);
    return { name: 'nginx', port, pid: child.pid, child };
  }

  /// One more HAProxy; see nginx().
  async haproxy(name, option) {
    const port = await free_port();
    const config = this.config_('haproxy.cfg', port, { OPTION: option });
    const child = this.spawn_(['haproxy', '-db', '-q', '-f', config], this.stage_.place.server);
    await listening(child, port);
    return { name, port, pid: child.pid, child };
  }

  /// One of gateways.mjs, once it serves; null when it does not start, which is skipped loudly.
  async gateway({ name, command, env, config, head, ready, share }) {
    const port = await free_port();
    const file = config && this.stage_.file(`${port}-${name}.json`, config(this.upstream));
    const all = { ...this.stage_.environment_(name, {}), ...env };
    const child = this.spawn_(command(port, file), this.stage_.place.server, all);
    try {
      await listening(child, port);
      await answering(child, port, ready);
    } catch (error) {
      this.skip_(`${name}: ${error.message}`);
      await this.end(child);
      return null;
    }
    return { name, port, pid: child.pid, child, head: head(this.upstream), share };
  }

  config_(name, port, more) {
    let text = readFileSync(join(HERE, name), 'utf8');
    const values = {
      PORT: port,
      UPSTREAM: this.upstream,
      DIRECTORY: this.stage_.directory,
      ...more,
    };
    for (const [key, value] of Object.entries(values)) text = text.replaceAll(`@${key}@`, value);
    return this.stage_.file(`${port}-${name}`, text);
  }

  /// The head of a request to a target, as stage.head is to the simulator.
  head(port, more = []) {
    const lines = [
      'POST /v1/chat/completions HTTP/1.1',
      `Host: 127.0.0.1:${port}`,
      'Authorization: Bearer not-needed',
      'User-Agent: bench',
      'Content-Type: application/json',
      ...more,
      '',
    ];
    return this.stage_.file(`head-${port}.txt`, lines.join('\r\n'));
  }

  spawn_(command, cpu, env = this.stage_.bare) {
    const pin = cpu !== undefined && has('taskset') ? ['taskset', '-c', String(cpu)] : [];
    const [program, ...words] = [...pin, ...command];
    // The upstream ends with its standard input; the others are ended by us.
    const child = spawn(program, words, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    child.printed = '';
    for (const pipe of [child.stdout, child.stderr]) {
      pipe.setEncoding('utf8').on('data', (text) => (child.printed += text));
    }
    child.ended = new Promise((resolve) => child.once('close', resolve));
    child.once('error', (error) => (child.printed += error.message));
    this.children_.push(child);
    return child;
  }

  async end(child) {
    const over = () => child.exitCode !== null || child.signalCode !== null;
    // A signal that comes right before a wait is seen after it: said until it is heard.
    for (let tries = 0; !over(); tries++) {
      child.kill(tries < 20 ? 'SIGTERM' : 'SIGKILL');
      await Promise.race([child.ended, new Promise((resolve) => setTimeout(resolve, 500))]);
    }
    await child.ended;
  }

  async close() {
    process.removeListener('exit', this.kill_);
    this.kill_();
    await Promise.all(this.children_.map((child) => child.ended));
  }
}

export function versions() {
  const first = (text) => text?.trim().split('\n')[0];
  const list = [];
  if (has('nginx')) list.push(['nginx', first(output_of('sh', '-c', 'nginx -v 2>&1'))]);
  if (has('haproxy')) list.push(['HAProxy', first(output_of('haproxy', '-v'))]);
  return list;
}

async function line_of(child, pattern) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = pattern.exec(child.printed);
    if (found) return found[1];
    if (child.exitCode !== null || Date.now() > end)
      throw new Error(`${child.spawnargs.join(' ')} did not start: ${child.printed.slice(-1000)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function listening(child, port) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const open = await new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    if (child.exitCode !== null || Date.now() > end)
      throw new Error(`${child.spawnargs.join(' ')} did not start: ${child.printed.slice(-1000)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function answering(child, port, path) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const reply = await fetch(`http://127.0.0.1:${port}${path}`, {
      signal: AbortSignal.timeout(5000),
    }).catch(() => null);
    if (reply?.ok) return;
    if (child.exitCode !== null || Date.now() > end)
      throw new Error(`${path} is not answered: ${reply?.status} ${child.printed.slice(-1000)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function free_port() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
