// For tests in Node: starts a simulator as a child process and talks to its control routes.
//
//   const sim = await start({ scenarios: ['chat_gpt_stream'] });
//   ... run the program under test with { ...process.env, ...sim.env } ...
//   await sim.wait('closed', { path: '/chat/completions' });
//   await sim.stop();

import { spawn } from 'node:child_process';
import http from 'node:http';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('./main.mjs', import.meta.url));

/// options: {quick = true, person, scenarios, interval, pending_polls, word_ms, port,
///           tls: {cert, key}, args}
/// The child ends when this process does.
export async function start(options = {}) {
  const args = [MAIN, '--until-stdin-closes'];
  if (options.quick ?? true) args.push('--quick');
  if (options.person) args.push('--person', options.person);
  if (options.interval !== undefined) args.push('--interval', String(options.interval));
  if (options.pending_polls !== undefined)
    args.push('--pending-polls', String(options.pending_polls));
  if (options.word_ms !== undefined) args.push('--word-ms', String(options.word_ms));
  if (options.port !== undefined) args.push('--port', String(options.port));
  for (const name of options.scenarios ?? []) args.push('--scenario', name);
  if (options.tls) args.push('--tls', options.tls.cert, options.tls.key);
  args.push(...(options.args ?? []));
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const ready = await first_line(child, gone);
  return new Simulator(child, gone, ready);
}

function first_line(child, gone) {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (piece) => {
      text += piece;
      if (text.includes('\n')) resolve(JSON.parse(text.slice(0, text.indexOf('\n'))));
    });
    child.once('error', reject);
    gone.then((code) => reject(new Error(`the simulator ended with ${code} before it was ready`)));
  });
}

class Simulator {
  constructor(child, gone, ready) {
    this.child_ = child;
    this.gone_ = gone;
    this.agent_ = new http.Agent({ keepAlive: true });
    this.url = ready.url;
    this.control = ready.control;
    this.env = ready.env;
    this.pid = child.pid;
  }

  call_(method, path, body) {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const req = http.request(
        `${this.control}/_sim/${path}`,
        {
          method,
          agent: this.agent_,
          headers:
            text === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
        },
        (res) => {
          let reply = '';
          res.setEncoding('utf8');
          res.on('data', (piece) => (reply += piece));
          res.on('end', () => {
            const value = JSON.parse(reply);
            if (res.statusCode === 400 || res.statusCode === 404)
              reject(new Error(`simulator: ${value.error}`));
            else resolve(value);
          });
          res.on('error', reject);
        },
      );
      req.on('error', reject);
      req.end(text);
    });
  }

  /// "name?x=y", {name, params}, {rules: [...]}, {settings: {...}}, or a list of these.
  scenario(spec, params) {
    return this.call_('POST', 'scenario', params ? { name: spec, params } : spec);
  }

  rule(one) {
    return this.call_('POST', 'scenario', { rules: [one] });
  }

  settings(values) {
    return this.call_('POST', 'settings', values);
  }

  /// filter: {path, method}
  requests(filter = {}) {
    return this.call_('GET', `requests?${new URLSearchParams(filter)}`);
  }

  counts() {
    return this.call_('GET', 'counts');
  }

  /// All secrets that were handed out: what must never turn up in a log.
  tokens() {
    return this.call_('GET', 'tokens');
  }

  codes() {
    return this.call_('GET', 'codes');
  }

  /// kind: requests, started, stalled, complete, closed, cut, ended (at least n), open_connections
  /// (at most n). where: {path, method, n, since, timeout_ms}. Rejects when the time is over.
  async wait(kind, where = {}) {
    const result = await this.call_('GET', `wait?${new URLSearchParams({ for: kind, ...where })}`);
    if (!result.ok) {
      throw new Error(
        `simulator: waited in vain for '${kind}' ${JSON.stringify(where)}; seen: ${result.count}`,
      );
    }
    return result.requests;
  }

  /// Without a user code: the newest one.
  person(action, user_code) {
    return this.call_('POST', 'person', { action, user_code });
  }

  /// what: 'copilot' or 'github'
  expire(what) {
    return this.call_('POST', 'expire', { what });
  }

  advance_clock(seconds) {
    return this.call_('POST', 'clock', { advance_s: seconds });
  }

  release(name) {
    return this.call_('POST', 'release', { name });
  }

  /// Makes GitHub tokens known, e.g. for GITHUB_TOKEN.
  register(...github) {
    return this.call_('POST', 'tokens', { github });
  }

  clear_rules() {
    return this.call_('POST', 'clear_rules', {});
  }

  reset(options = {}) {
    return this.call_('POST', 'reset', options);
  }

  async stop() {
    this.agent_.destroy();
    this.child_.stdin.end();
    await this.gone_;
  }
}
