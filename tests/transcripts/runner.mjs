// Plays one transcript: a text file that says what upstream is like, what the editor sends, what it must
// get, and what upstream must have seen. README.md has the grammar.
//
//   await play(path, sim, { update: false });
//
// A failure names the file and the line. With `update`, the lines that say what the program answers are
// rewritten to what it did answer; `$any` stays where it was.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import {
  Editor,
  Home,
  closed_port,
  eventually,
  known_token,
  made_up_token,
  upstream_env,
} from '../e2e/harness.mjs';

// ---- The file ----

const DIRECTIVES = new Map(
  Object.entries({
    '-->': 'send',
    '<--': 'expect',
    '<~~': 'expect_any_order',
    'upstream:': 'upstream',
    'upstream saw:': 'saw',
    'settings:': 'settings',
    'env:': 'env',
    'config:': 'config',
    'session:': 'session',
    'release:': 'release',
    'person:': 'person',
    'expire:': 'expire',
    'signal:': 'signal',
    'exit:': 'exit',
    'stderr:': 'stderr',
  }),
);

/// {title, lines: [{number, kind, text, raw}]}; comments and blank lines have the kind 'comment'.
export function parse(text, name) {
  const lines = text
    .replace(/\n$/, '')
    .split('\n')
    .map((raw, at) => {
      const number = at + 1;
      if (/^\s*(#|$)/.test(raw)) return { number, kind: 'comment', text: raw, raw };
      for (const [word, kind] of DIRECTIVES) {
        if (raw.startsWith(word)) return { number, kind, text: raw.slice(word.length).trim(), raw };
      }
      throw new Error(`${name}:${number}: not a line of a transcript: ${raw}`);
    });
  const title = [];
  for (const line of lines) {
    if (!line.raw.startsWith('#')) break;
    title.push(line.raw.slice(1).trim());
  }
  if (title.length === 0)
    throw new Error(`${name}:1: the first line is a comment that says what is shown`);
  return { title: title.join(' '), lines };
}

// ---- Values ----

// JSON with its numbers as they are written, so that rewriting a file does not change them.
class Numeral {
  constructor(text) {
    this.text = text;
  }
}

function parse_exact(text) {
  const marked = text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
    token.startsWith('"') ? token : `{"$numeral":"${token}"}`,
  );
  return JSON.parse(marked, (key, value) =>
    value !== null && typeof value === 'object' && typeof value.$numeral === 'string'
      ? new Numeral(value.$numeral)
      : value,
  );
}

function write_exact(value) {
  if (value instanceof Numeral) return value.text;
  if (Array.isArray(value)) return `[${value.map(write_exact).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    return `{${Object.entries(value)
      .map(([key, one]) => `${JSON.stringify(key)}:${write_exact(one)}`)
      .join(',')}}`;
  }
  return JSON.stringify(value);
}

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const matches_text = (wanted, got) =>
  new RegExp(`^${wanted.split('$any').map(escaped).join('[^]*')}$`).test(got);

/// Where `got` is not what is `wanted`, or null. `"$any"` stands for any value, `$any` inside a text for any
/// text, and a member `"$more":"$any"` for whatever members besides.
function difference(wanted, got, path = '') {
  const say = () =>
    `at ${path || 'the top'}: wanted ${write_exact(wanted)}, got ${got === undefined ? 'nothing' : write_exact(got)}`;
  if (wanted === '$any') return got === undefined ? say() : null;
  if (typeof wanted === 'string') {
    return typeof got === 'string' && matches_text(wanted, got) ? null : say();
  }
  if (wanted instanceof Numeral) {
    return got instanceof Numeral && Number(got.text) === Number(wanted.text) ? null : say();
  }
  if (Array.isArray(wanted)) {
    if (!Array.isArray(got) || got.length !== wanted.length) return say();
    for (let at = 0; at < wanted.length; at++) {
      const problem = difference(wanted[at], got[at], `${path}/${at}`);
      if (problem) return problem;
    }
    return null;
  }
  if (wanted !== null && typeof wanted === 'object') {
    if (got === null || typeof got !== 'object' || Array.isArray(got) || got instanceof Numeral)
      return say();
    for (const key of Object.keys(wanted)) {
      if (key === '$more') continue;
      const problem = difference(wanted[key], got[key], `${path}/${key}`);
      if (problem) return problem;
    }
    const odd = Object.keys(got).find((key) => !Object.hasOwn(wanted, key));
    if (odd !== undefined && !Object.hasOwn(wanted, '$more')) {
      return `at ${path}/${odd}: not wanted, got ${write_exact(got[odd])}`;
    }
    return null;
  }
  return wanted === got ? null : say();
}

/// `got` with the wildcards of `wanted`, for rewriting.
function with_wildcards(wanted, got) {
  if (wanted === '$any') return '$any';
  if (typeof wanted === 'string') {
    return wanted.includes('$any') && typeof got === 'string' && matches_text(wanted, got)
      ? wanted
      : got;
  }
  if (
    wanted instanceof Numeral &&
    got instanceof Numeral &&
    Number(got.text) === Number(wanted.text)
  )
    return wanted;
  if (wanted instanceof Numeral || wanted === null || typeof wanted !== 'object') return got;
  if (got instanceof Numeral || got === null || typeof got !== 'object') return got;
  if (Array.isArray(wanted) !== Array.isArray(got)) return got;
  if (Array.isArray(wanted))
    return got.map((one, at) => (at < wanted.length ? with_wildcards(wanted[at], one) : one));
  const out = {};
  const more = Object.hasOwn(wanted, '$more');
  for (const [key, one] of Object.entries(got)) {
    if (Object.hasOwn(wanted, key)) out[key] = with_wildcards(wanted[key], one);
    else if (!more) out[key] = one;
  }
  if (more) out.$more = '$any';
  return out;
}

/// The wildcards that a first recording starts with: what is new in every run.
function volatile(value, key = '') {
  if (value instanceof Numeral) {
    return ['created', 'fetched_at', 'age_seconds', 'expiresIn', 'tokenExpiresIn'].includes(key) ? '$any' : value;
  }
  if (typeof value === 'string') {
    if (key === 'userCode' || key === 'fetched_at' || key === 'quotaResetDate') return '$any';
    if (key === 'id' && /^chatcmpl-|^[0-9a-f]{8}-/.test(value)) return '$any';
    return value;
  }
  if (Array.isArray(value)) return value.map((one) => volatile(one));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [name, volatile(one, name)]),
    );
  }
  return value;
}

/// The text of a message's id, byte for byte; ids lead in what we write and in what the files say.
const id_text = (text) =>
  /^\{(?:"jsonrpc":"2\.0",)?"id":("(?:[^"\\]|\\.)*"|[^,}]+)/.exec(text)?.[1];

const as_written = (value, id) => {
  const text = write_exact(value);
  const written = id_text(text);
  return written === undefined || written === '"$any"' ? text : text.replace(written, () => id);
};

// ---- Playing ----

class Play {
  constructor(path, sim, { update }) {
    this.path_ = path;
    this.name_ = basename(path);
    this.sim_ = sim;
    this.update_ = update;
    this.home_ = new Home();
    this.env_ = { ...sim.env };
    this.cursor_ = 0; // into the editor's messages
    this.seen_upstream_ = 0; // id of the last request that was spoken of
    this.stderr_wanted_ = [];
  }

  async run() {
    const { lines } = parse(readFileSync(this.path_, 'utf8'), this.name_);
    this.token_ = await known_token(this.sim_);
    const written = [];
    try {
      for (let at = 0; at < lines.length; at++) {
        const line = lines[at];
        // Neighbours of these kinds belong together.
        const group = [line];
        if (line.kind === 'expect_any_order' || line.kind === 'saw') {
          while (lines[at + 1]?.kind === line.kind) group.push(lines[++at]);
        }
        try {
          written.push(
            ...((await this[`on_${line.kind}`](line.text, group)) ?? group.map((one) => one.raw)),
          );
        } catch (error) {
          error.message = `${this.name_}:${line.number}: ${error.message}`;
          throw error;
        }
      }
      await this.finish_();
    } finally {
      await this.editor_?.kill();
      this.home_.remove();
    }
    if (this.update_) writeFileSync(this.path_, `${written.join('\n')}\n`);
  }

  on_comment() {}

  async on_upstream(text) {
    if (text === 'not there') {
      this.port_ = await closed_port();
      Object.assign(this.env_, upstream_env(this.port_));
    } else {
      await this.sim_.scenario(text.startsWith('{') ? JSON.parse(this.filled_(text)) : text);
    }
  }

  async on_settings(text) {
    await this.sim_.settings(JSON.parse(text));
  }

  on_env(text) {
    const at = text.indexOf('=');
    this.env_[text.slice(0, at)] = this.filled_(text.slice(at + 1));
  }

  on_config(text) {
    this.config_ = `${this.config_ ?? ''}${this.filled_(text)}\n`;
  }

  /// `$token`: a GitHub token that upstream knows; `$unknown_token`: one that it does not.
  filled_(text) {
    return text
      .replaceAll('$unknown_token', () => (this.unknown_ ??= made_up_token()))
      .replaceAll('$token', this.token_)
      .replaceAll('$upstream', this.sim_.url);
  }

  start_() {
    if (this.editor_) return;
    if (this.config_) {
      mkdirSync(dirname(this.home_.config), { recursive: true });
      writeFileSync(this.home_.config, this.config_, { mode: 0o600 });
    }
    this.editor_ = new Editor({ env: this.home_.env(this.env_), cwd: this.home_.work });
  }

  /// The usual beginning, with the capabilities given: initialize, its answer, initialized.
  async on_session(text) {
    this.start_();
    const params = { processId: null, capabilities: text === '' ? {} : JSON.parse(text) };
    this.editor_.send({ id: 'session', method: 'initialize', params });
    const { value } = await this.next_();
    if (value.id !== 'session' || !value.result)
      throw new Error(`initialize: ${JSON.stringify(value)}`);
    this.editor_.notify('initialized', {});
  }

  on_send(text) {
    this.start_();
    if (text === 'end of input') return void this.editor_.child.stdin.end();
    const filled = this.filled_(text);
    this.last_id_ = id_text(filled) ?? this.last_id_;
    // Only a prefix is added: the rest goes out byte for byte.
    this.editor_.send(filled.startsWith('{') ? filled.replace('{', '{"jsonrpc":"2.0",') : filled);
  }

  /// The next message that is not a log line.
  async next_() {
    this.start_();
    const index = this.cursor_;
    let at;
    const message = await this.editor_.wait_for(
      (value, one) => {
        at = this.editor_.messages.indexOf(one);
        return value.method !== 'window/logMessage';
      },
      'a message',
      { from: index },
    );
    this.cursor_ = at + 1;
    return message;
  }

  /// What came, with the names of this run's own things in place of the things.
  named_(text) {
    let out = text;
    for (const [thing, name] of [
      [this.sim_.url, '$upstream'],
      [this.sim_.url.replace('http://', ''), '$upstream_host'],
      [this.port_ && `127.0.0.1:${this.port_}`, '$upstream_host'],
      [this.token_, '$token'],
      [this.home_.path, '$home'],
    ]) {
      if (thing) out = out.replaceAll(thing, name);
    }
    const value = parse_exact(out);
    delete value.jsonrpc;
    return value;
  }

  async on_expect(text) {
    if (this.update_ && text === '...') return this.record_();
    const message = await this.next_();
    const got = this.named_(message.text);
    const id = id_text(message.text);
    if (this.update_)
      return [
        `<-- ${as_written(text === '?' ? volatile(got) : with_wildcards(parse_exact(text), got), id)}`,
      ];
    const wanted_id = id_text(text);
    const problem =
      difference(parse_exact(text), got) ??
      (wanted_id !== '"$any"' && wanted_id !== id
        ? `the id is written ${id}, not ${wanted_id}`
        : null);
    if (problem) throw new Error(`${problem}\n  wanted ${text}\n  got    ${write_exact(got)}`);
  }

  /// For `<-- ...`: all that comes up to the answer to the last request.
  async record_() {
    const written = [];
    for (;;) {
      const { text, value } = await this.next_();
      const id = id_text(text);
      written.push(`<-- ${as_written(volatile(this.named_(text)), id)}`);
      if (value.method === undefined && id === this.last_id_) return written;
    }
  }

  async on_expect_any_order(_, group) {
    const wanted = group.map((line) => (line.text === '?' ? '$any' : parse_exact(line.text)));
    const written = group.map((line) => line.raw);
    const left = [];
    for (let count = 0; count < group.length; count++) {
      const got = this.named_((await this.next_()).text);
      const at = wanted.findIndex((one) => one !== null && one !== '$any' && !difference(one, got));
      if (at < 0) left.push(got);
      else wanted[at] = null;
    }
    for (const got of left) {
      if (!this.update_)
        throw new Error(`not among the ${group.length} expected messages: ${write_exact(got)}`);
      const at = wanted.findIndex((one) => one !== null);
      written[at] =
        `<~~ ${write_exact(wanted[at] === '$any' ? volatile(got) : with_wildcards(wanted[at], got))}`;
      wanted[at] = null;
    }
    return written;
  }

  /// `METHOD /path, how it ended` and any number of `, header: value` and `, body.member: json`.
  async on_saw(_, group) {
    const ends = {
      complete: 'complete',
      'closed early': 'closed_by_client',
      cut: 'cut',
      open: 'open',
    };
    const nothing = group[0].text === 'nothing';
    const wanted = nothing ? [] : group.map((line) => line.text);
    const unended = wanted.filter((text) => text.includes(', open')).length;
    await this.sim_.wait('requests', { since: this.seen_upstream_, n: wanted.length });
    await this.sim_.wait('ended', {
      since: this.seen_upstream_,
      n: wanted.length - unended,
    });
    const requests = (await this.sim_.requests()).filter((one) => one.id > this.seen_upstream_);
    const told = requests.map((one) => {
      const how = Object.entries(ends).find(([, word]) => word === one.ended)?.[0] ?? one.ended;
      return `${one.method} ${one.path}, ${how}`;
    });
    if (this.update_) {
      this.seen_upstream_ = requests.at(-1)?.id ?? this.seen_upstream_;
      const extra = (at) =>
        (wanted[at] ?? '')
          .split(', ')
          .slice(2)
          .map((one) => `, ${one}`)
          .join('');
      return told.length === 0
        ? ['upstream saw: nothing']
        : told.map((one, at) => `upstream saw: ${one}${extra(at)}`);
    }
    if (told.length !== wanted.length)
      throw new Error(`upstream saw ${told.length} requests: ${told.join(' | ')}`);
    for (const [at, request] of requests.entries()) {
      const [what, how, ...details] = wanted[at].split(', ');
      if (told[at] !== `${what}, ${how}`)
        throw new Error(`upstream saw ${told[at]}, not ${what}, ${how}`);
      for (const detail of details) this.check_detail_(request, detail);
    }
    this.seen_upstream_ = requests.at(-1)?.id ?? this.seen_upstream_;
  }

  check_detail_(request, detail) {
    const [, name, wanted] = /^([^:]+): (.*)$/.exec(detail);
    let got;
    if (name.startsWith('body.')) {
      const body = typeof request.body === 'string' ? JSON.parse(request.body) : request.body;
      const value = name
        .slice(5)
        .split('.')
        .reduce((one, key) => one?.[key], body);
      got = value === undefined ? 'none' : JSON.stringify(value);
    } else {
      got = request.headers[name.toLowerCase()] ?? 'none';
    }
    if (!matches_text(this.filled_(wanted), got))
      throw new Error(`upstream saw ${name}: ${got}, not ${wanted}`);
  }

  async on_release(text) {
    await this.sim_.release(text);
  }

  async on_person(text) {
    await this.sim_.person(text);
  }

  async on_expire(text) {
    await this.sim_.expire(text);
  }

  on_signal(text) {
    this.editor_.child.kill(text);
  }

  on_stderr(text) {
    this.stderr_wanted_.push(text);
  }

  async on_exit(text) {
    const { code, signal } = await this.editor_.ended();
    const told = String(signal ?? code);
    if (this.update_) return [`exit: ${told}`];
    if (told !== text) throw new Error(`exit ${told}, not ${text}; stderr: ${this.editor_.stderr}`);
  }

  /// An orderly end when there was none, and then nothing may be left over.
  async finish_() {
    const editor = this.editor_;
    if (!editor) throw new Error(`${this.name_}: the editor does nothing`);
    let shutdown_answer = null;
    if (!editor.exit) {
      const from = editor.messages.length;
      editor.send({ id: 'end of transcript', method: 'shutdown' });
      shutdown_answer = await editor.answer_to('end of transcript', { from });
      editor.notify('exit');
      const { code } = await editor.ended();
      if (code !== 0 && shutdown_answer.result === null)
        throw new Error(`${this.name_}: exit ${code} at the end`);
    }
    const left = editor.messages
      .slice(this.cursor_)
      .filter(
        ({ value }) => value.method !== 'window/logMessage' && value.id !== 'end of transcript',
      );
    if (left.length > 0) {
      throw new Error(
        `${this.name_}: messages nobody expected:\n${left.map((one) => one.text).join('\n')}`,
      );
    }
    const lines = editor.stderr.split('\n').filter((one) => one !== '');
    const odd = lines.filter(
      (one) => !this.stderr_wanted_.some((wanted) => matches_text(wanted, one)),
    );
    const missing = this.stderr_wanted_.filter(
      (wanted) => !lines.some((one) => matches_text(wanted, one)),
    );
    if (odd.length > 0) throw new Error(`${this.name_}: on stderr: ${odd.join('\n')}`);
    if (missing.length > 0) throw new Error(`${this.name_}: not on stderr: ${missing.join('\n')}`);
  }
}

export async function play(path, sim, { update = false } = {}) {
  await sim.reset();
  await eventually(async () => (await sim.counts()).requests === 0, 'a quiet simulator');
  await new Play(path, sim, { update }).run();
}
