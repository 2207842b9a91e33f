// The state of one simulator: settings, clock, tokens, device codes, rules, account.
//
// Everything that `POST /_sim/reset` brings back to the start lives here. No HTTP in this file.

import { randomBytes, randomInt } from 'node:crypto';
import { Record } from './record.mjs';
import { Rules } from './rules.mjs';
import { make_scenario } from './scenarios.mjs';

const ALNUM = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const CODE_LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';

export const random_hex = (chars) =>
  randomBytes(Math.ceil(chars / 2))
    .toString('hex')
    .slice(0, chars);
const pick = (alphabet, count) =>
  Array.from({ length: count }, () => alphabet[randomInt(alphabet.length)]).join('');

export const DEFAULT_SETTINGS = {
  // Device flow.
  person: 'manual', // 'auto': an imaginary person approves every code
  pending_polls: 2, // polls answered "pending" before the imaginary person is done
  interval: 5, // seconds between polls
  device_expires_in: 900, // seconds
  slow_down_add: 5, // seconds added by slow_down (RFC 8628)
  poll_slack_ms: 50, // how much too early a poll may be
  // Account.
  login: 'octocat',
  sku: 'monthly_subscriber_quota',
  plan: 'individual',
  premium_entitlement: 300,
  // Copilot tokens.
  token_refresh_in: 1500, // seconds
  token_expires_in: 1800, // seconds
  // Data plane.
  integration_ids: ['vscode-chat', 'code-oss', 'vscode-nl', 'copilot-developer-cli'],
  oldest_api_version: '2025-04-01', // older dates are answered 466
  body_limit: 32 * 1024 * 1024, // bytes; larger bodies are answered 413
  word_ms: 25, // pause between the pieces of a streamed answer
  // Record.
  record_bodies: true,
  record_limit: 20000, // requests kept
};

export class World {
  constructor(settings = {}, scenarios = []) {
    this.started_with_ = { settings: { ...DEFAULT_SETTINGS, ...settings }, scenarios };
    this.base_url = ''; // set once the port is known
    this.api_url = ''; // Copilot's own address; another host for a tenant
    this.record = new Record();
    this.running = new Set(); // exchanges that are being answered
    this.clear_();
    this.apply_start_scenarios_();
  }

  clear_() {
    this.settings = structuredClone(this.started_with_.settings);
    this.rules = new Rules();
    this.gates = new Map();
    this.clock_offset_ms = 0;
    this.account = { premium_used: 11.7 };
    this.enabled_models = new Set();
    if (!this.github_tokens) this.forget_tokens_();
  }

  forget_tokens_() {
    this.codes = new Map(); // device_code -> code
    this.github_tokens = new Map(); // token -> {alive, exchange, refresh_token?}
    this.refresh_tokens = new Map(); // refresh token -> github token
    this.copilot_tokens = new Map(); // token -> {github, expires_at_ms, host, alive}
  }

  apply_start_scenarios_() {
    for (const name of this.started_with_.scenarios) this.apply(name);
  }

  /// Back to how the simulator was started; running answers are cut.
  reset({ keep = [] } = {}) {
    for (const exchange of [...this.running]) exchange.cut('fin');
    if (!keep.includes('tokens')) this.forget_tokens_();
    this.clear_();
    this.record.clear();
    this.apply_start_scenarios_();
  }

  /// `spec`: "name?x=y", {name, params}, {rules}, {settings}, {scenarios}, or a list of these.
  /// All or nothing: an unknown name or parameter throws before anything is changed.
  apply(spec) {
    const parts = this.expand_(spec);
    for (const part of parts) {
      for (const rule of part.rules ?? []) this.rules.check(rule);
      for (const key of Object.keys(part.settings ?? {})) {
        if (!(key in DEFAULT_SETTINGS)) throw new Error(`unknown setting '${key}'`);
      }
    }
    if (typeof spec === 'object' && spec.replace === true) this.rules = new Rules();
    for (const part of parts) {
      Object.assign(this.settings, part.settings);
      for (const rule of part.rules ?? []) this.rules.add(rule, part.name);
    }
  }

  expand_(spec) {
    if (Array.isArray(spec)) return spec.flatMap((one) => this.expand_(one));
    if (typeof spec === 'string') return [make_scenario(spec)];
    if (spec === null || typeof spec !== 'object')
      throw new Error('a scenario is a name or an object');
    const known = ['name', 'params', 'rules', 'settings', 'scenarios', 'replace'];
    const odd = Object.keys(spec).find((key) => !known.includes(key));
    if (odd) throw new Error(`unknown member '${odd}'; known: ${known.join(', ')}`);
    const parts = [];
    if (spec.name) parts.push(make_scenario(spec.name, spec.params));
    if (spec.scenarios) parts.push(...this.expand_(spec.scenarios));
    if (spec.rules || spec.settings) parts.push({ rules: spec.rules, settings: spec.settings });
    return parts;
  }

  now_ms() {
    return Date.now() + this.clock_offset_ms;
  }

  // Device codes.

  new_device_code(client_id, scope, plan) {
    const code = {
      device_code: random_hex(40),
      user_code: `${pick(CODE_LETTERS, 4)}-${pick('0123456789', 4)}`,
      client_id,
      scope,
      state: 'pending', // approved, denied, expired, used
      interval: plan.interval ?? this.settings.interval,
      expires_at_ms: this.now_ms() + 1000 * (plan.expires_in ?? this.settings.device_expires_in),
      polls: 0,
      pending: 0,
      last_poll_ms: 0,
      plan,
    };
    this.codes.set(code.device_code, code);
    return code;
  }

  find_user_code(user_code) {
    const wanted = String(user_code).trim().toUpperCase();
    return [...this.codes.values()].find((code) => code.user_code === wanted);
  }

  // Tokens.

  new_github_token({ refreshable = false, prefix = 'ghu_' } = {}) {
    const token = prefix + pick(ALNUM, 36);
    const entry = { alive: true, login: this.settings.login };
    if (refreshable) {
      entry.refresh_token = `ghr_${pick(ALNUM, 76)}`;
      this.refresh_tokens.set(entry.refresh_token, token);
    }
    this.github_tokens.set(token, entry);
    return { token, refresh_token: entry.refresh_token };
  }

  /// `one`: a token, or {token, exchange, direct, login}: `exchange` 404 or 403 for one whose kind or
  /// app is refused (gh CLI: 404), 'no_seat' for an account without Copilot; `direct: false` for one
  /// that Copilot does not take as a bearer; `login` whose it is.
  register_github_token(one) {
    const { token, ...rest } = typeof one === 'string' ? { token: one } : one;
    if (typeof token !== 'string' || token === '') throw new Error('a token must be a string');
    this.github_tokens.set(token, { alive: true, ...rest });
  }

  github_token_alive(token) {
    return this.github_tokens.get(token)?.alive === true;
  }

  new_copilot_token(github, { sku, refresh_in, expires_in, host }) {
    const exp = Math.floor(this.now_ms() / 1000) + expires_in;
    const fields = {
      tid: random_hex(32),
      exp,
      sku,
      'proxy-ep': new URL(this.api_url).host,
      st: 'dotcom',
      ssc: 1,
      chat: 1,
      cit: 1,
      malfil: 1,
      editor_preview_features: 1,
      agent_mode: 1,
      mcp: 1,
      ccr: 1,
      rt: 1,
      '8kp': 1,
      ip: '203.0.113.7',
      asn: 'AS64500',
    };
    const text = Object.entries(fields)
      .map(([key, value]) => `${key}=${value}`)
      .join(';');
    const token = `${text}:${random_hex(64)}`;
    this.copilot_tokens.set(token, { github, alive: true, expires_at_ms: exp * 1000, host });
    return { token, exp, refresh_in, tid: fields.tid };
  }

  /// what: 'copilot' or 'github'. A Copilot token outlives its GitHub token, as with GitHub.
  expire(what) {
    const tokens =
      what === 'copilot' ? this.copilot_tokens : what === 'github' ? this.github_tokens : null;
    if (!tokens) throw new Error("'what' is 'copilot' or 'github'");
    for (const entry of tokens.values()) entry.alive = false;
    return tokens.size;
  }

  quota() {
    const entitlement = this.settings.premium_entitlement;
    const left = Math.round((entitlement - this.account.premium_used) * 100) / 100;
    const percent = entitlement > 0 ? Math.round((left / entitlement) * 1000) / 10 : 0;
    const now = new Date(this.now_ms());
    const reset = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1));
    return { entitlement, left, percent, reset };
  }

  // Gates: a `{"hold":"name"}` step waits until `POST /_sim/release {"name":"name"}`.

  gate(name) {
    let gate = this.gates.get(name);
    if (!gate) this.gates.set(name, (gate = { open: false, waiters: new Set() }));
    return gate;
  }

  release(name) {
    const gate = this.gate(name);
    gate.open = true;
    for (const wake of gate.waiters) wake();
    gate.waiters.clear();
  }
}
