// One request and its answer: plain replies, scripted streams, and all ways to misbehave.
//
// Works for HTTP/1.1 and, through Node's compatibility layer, for HTTP/2. Raw answers are possible
// with HTTP/1.1 only. Every write respects back-pressure and every wait ends when the client goes.

import { setImmediate as next_turn } from 'node:timers/promises';

/// Thrown inside a script once the connection is gone; the caller just stops.
export const GONE = Symbol('gone');

const STATUS_TEXT = { 200: 'OK', 302: 'Found', 400: 'Bad Request', 500: 'Internal Server Error' };

export class Answer {
  constructor(world, req, res, entry) {
    this.world = world;
    this.req = req;
    this.res = res;
    this.entry = entry;
    this.h2 = req.httpVersionMajor === 2;
    this.gone = false;
    this.finished_ = false;
    this.cut_ = false;
    this.wake_ = null;
    this.base_headers = {};
    this.split = null;
    this.crlf = false;
    this.raw_ = false;
    world.running.add(this);
    res.on('finish', () => {
      this.finished_ = true;
    });
    res.on('close', () => this.close_());
    res.on('error', () => {});
    res.on('drain', () => this.wake_?.());
  }

  close_() {
    if (this.gone) return;
    this.gone = true;
    this.world.running.delete(this);
    if (this.h2) {
      // Node says 'finish' for every closed HTTP/2 stream
      const code = this.res.stream?.rstCode ?? 0;
      if (code !== 0) this.entry.reset_code = code;
      this.finished_ = this.res.writableEnded && code === 0;
    }
    this.world.record.end(
      this.entry,
      this.cut_ ? 'cut' : this.finished_ ? 'complete' : 'closed_by_client',
    );
    this.wake_?.();
  }

  /// Waits until `arm(wake)` calls wake or the client is gone.
  async until_(arm) {
    if (this.gone) throw GONE;
    await new Promise((resolve) => {
      this.wake_ = resolve;
      arm(resolve);
    });
    this.wake_ = null;
    if (this.gone) throw GONE;
  }

  async pause(ms) {
    let timer;
    try {
      await this.until_((wake) => (timer = setTimeout(wake, ms)));
    } finally {
      clearTimeout(timer);
    }
  }

  mark_(what) {
    this.entry.waiting = what;
    this.world.record.changed();
  }

  /// Never goes on; ends when the client does.
  async stall() {
    this.mark_('stalled');
    for (;;) await this.until_(() => {});
  }

  async hold(name) {
    const gate = this.world.gate(name);
    if (gate.open) return;
    let wake_me;
    this.mark_('holding');
    try {
      await this.until_((wake) => gate.waiters.add((wake_me = wake)));
    } finally {
      gate.waiters.delete(wake_me);
      this.entry.waiting = null;
    }
  }

  /// Ends the connection at once: 'rst' (TCP reset; HTTP/2: RST_STREAM), 'fin' (orderly close of
  /// the TCP connection in the middle of the body), 'goaway' (HTTP/2: GOAWAY, this stream refused).
  cut(how) {
    if (this.gone) return;
    this.cut_ = true;
    if (this.h2) {
      const { session } = this.res.stream;
      if (how === 'rst') this.res.stream.close(2 /* INTERNAL_ERROR */);
      else if (how === 'goaway') {
        go_away(session, 0);
        this.res.stream.close(7 /* REFUSED_STREAM */);
      } else session.destroy();
    } else {
      const socket = this.req.socket;
      if (how === 'rst') reset_socket(socket);
      else socket.end(() => socket.destroy());
    }
  }

  start(status, headers = {}) {
    this.entry.status = status;
    const all = { ...this.base_headers, ...lower(headers) };
    for (const key of Object.keys(all)) if (all[key] === null) delete all[key];
    this.res.writeHead(status, all);
    this.world.record.changed();
  }

  async write_once_(bytes) {
    if (this.gone) throw GONE;
    this.entry.bytes_sent += bytes.length;
    const sink = this.raw_ ? this.req.socket : this.res;
    if (sink.write(bytes)) return;
    await this.until_(() => {
      if (this.raw_) sink.once('drain', () => this.wake_?.());
    });
  }

  async write(data) {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    if (!this.split) return this.write_once_(bytes);
    const size = this.split === 'every-byte' ? 1 : this.split;
    for (let at = 0; at < bytes.length; at += size) {
      await this.write_once_(bytes.subarray(at, at + size));
      await next_turn(); // one write to the kernel per piece
    }
  }

  /// A whole reply. `body`: string, Buffer, or a value to send as JSON.
  send(status, headers = {}, body = '') {
    if (this.gone) return;
    const bytes = to_bytes(body);
    const all = { ...headers };
    if (!has(all, 'content-type') && typeof body === 'object' && !Buffer.isBuffer(body)) {
      all['content-type'] = 'application/json; charset=utf-8';
    }
    if (status !== 204 && status !== 304 && !has(all, 'content-length'))
      all['content-length'] = bytes.length;
    this.start(status, all);
    this.entry.bytes_sent += bytes.length;
    this.res.end(bytes);
  }

  /// Plays steps; returns false when a step has ended the connection.
  async play(steps) {
    const eol = this.crlf ? '\r\n' : '\n';
    for (const step of steps) {
      if (typeof step === 'function') {
        await step(this);
      } else if ('data' in step) {
        const text = typeof step.data === 'string' ? step.data : JSON.stringify(step.data);
        const event = step.event ? `event: ${step.event}${eol}` : '';
        await this.write(`${event}data: ${text.split('\n').join(`${eol}data: `)}${eol}${eol}`);
      } else if ('comment' in step) {
        await this.write(`: ${step.comment}${eol}${eol}`);
      } else if ('raw' in step) {
        await this.write(step.raw);
      } else if ('base64' in step) {
        await this.write(Buffer.from(step.base64, 'base64'));
      } else if ('wait_ms' in step) {
        await this.pause(step.wait_ms);
      } else if ('hold' in step) {
        await this.hold(step.hold);
      } else if ('stall' in step) {
        await this.stall();
      } else if ('repeat' in step) {
        await this.repeat_(step);
      } else if ('cut' in step) {
        await next_turn(); // let what was written reach the kernel
        this.cut(step.cut);
        return false;
      } else if ('goaway' in step) {
        go_away(this.res.stream?.session, step.goaway === true ? 0 : step.goaway);
      } else if ('reset_code' in step) {
        this.cut_ = true;
        this.res.stream?.close(step.reset_code);
        return false;
      } else {
        throw new Error(`unknown step ${JSON.stringify(step)}`);
      }
    }
    return true;
  }

  async repeat_({ repeat, times, forever }) {
    const one = Buffer.from(repeat);
    const per_block = Math.max(1, Math.floor(65536 / one.length));
    const block = Buffer.concat(Array(per_block).fill(one));
    let left = forever ? Infinity : times;
    while (left > 0) {
      const now = Math.min(left, per_block);
      await this.write(now === per_block ? block : block.subarray(0, now * one.length));
      left -= now;
      await next_turn();
    }
  }

  end() {
    if (this.gone) return;
    if (!this.raw_) this.res.end();
    else {
      this.finished_ = true;
      this.req.socket.end();
    }
  }

  /// A server-sent event stream of steps.
  async stream(steps, { status = 200, headers = {} } = {}) {
    this.start(status, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
      ...headers,
    });
    this.res.flushHeaders?.();
    if (await this.play(steps)) this.end();
  }

  /// A rule's `do` (see README.md). The caller has handled `with`, `merge` and `expire`.
  async script(what) {
    this.split = what.split ?? null;
    this.crlf = what.crlf === true;
    if (what.bare) this.base_headers = {};
    if (what.before_headers && !(await this.play(as_list(what.before_headers)))) return;
    if (what.raw_response !== undefined) {
      if (this.h2) return this.cut('rst');
      this.raw_ = true;
      this.entry.status = 0;
      this.world.record.changed();
      const raw = what.raw_response;
      if (await this.play(typeof raw === 'string' ? [{ raw }] : as_list(raw))) this.end();
      return;
    }
    const headers = { ...(what.headers ?? {}) };
    const status = what.status ?? (what.redirect ? 302 : 200);
    if (what.redirect) headers.location = what.redirect;
    let body = what.body ?? '';
    if (typeof body === 'string')
      body = body.replaceAll('{{authorization}}', this.req.headers.authorization ?? '');
    if (what.gzip) {
      const { brotliCompressSync, gzipSync } = await import('node:zlib');
      const brotli = what.gzip === 'br';
      headers['content-encoding'] = brotli ? 'br' : 'gzip';
      if (typeof body === 'object') headers['content-type'] ??= 'application/json; charset=utf-8';
      if (what.stream) {
        headers['content-type'] ??= 'text/event-stream';
        body = what.stream
          .map(
            (step) =>
              `data: ${typeof step.data === 'string' ? step.data : JSON.stringify(step.data)}\n\n`,
          )
          .join('');
      }
      return this.send(status, headers, (brotli ? brotliCompressSync : gzipSync)(to_bytes(body)));
    }
    if (what.slow_headers && !this.h2) return this.slow_headers_(status, headers, body, what);
    if (what.stream) return this.stream(what.stream, { status, headers });
    if (this.split) {
      const bytes = to_bytes(body);
      if (typeof body === 'object' && !has(headers, 'content-type')) {
        headers['content-type'] = 'application/json; charset=utf-8';
      }
      this.start(status, headers);
      this.res.flushHeaders?.();
      if (await this.play([{ base64: bytes.toString('base64') }])) this.end();
      return;
    }
    this.send(status, headers, body);
  }

  /// Status line and headers byte by byte, `slow_headers.ms` apart.
  async slow_headers_(status, headers, body, what) {
    this.raw_ = true;
    const bytes = to_bytes(body);
    const all = { ...this.base_headers, ...lower(headers), connection: 'close' };
    if (!what.stream) all['content-length'] = bytes.length;
    else all['content-type'] ??= 'text/event-stream';
    const lines = Object.entries(all).flatMap(([key, value]) =>
      [].concat(value).map((one) => `${key}: ${one}\r\n`),
    );
    const head = Buffer.from(
      `HTTP/1.1 ${status} ${STATUS_TEXT[status] ?? ''}\r\n${lines.join('')}\r\n`,
    );
    const split = this.split;
    this.split = null;
    for (const byte of head) {
      await this.write(Buffer.from([byte]));
      await this.pause(what.slow_headers.ms ?? 1000);
    }
    this.entry.status = status;
    this.world.record.changed();
    this.split = split;
    if (await this.play(what.stream ?? [{ base64: bytes.toString('base64') }])) this.end();
  }
}

const as_list = (value) => (Array.isArray(value) ? value : [value]);
const has = (headers, name) => Object.keys(headers).some((key) => key.toLowerCase() === name);
const lower = (headers) =>
  Object.fromEntries(Object.entries(headers).map(([key, value]) => [key.toLowerCase(), value]));

export function to_bytes(body) {
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

/// GOAWAY; the connection closes once its streams are done.
function go_away(session, code) {
  if (!session) return;
  if (code !== 0) session.goaway(code);
  session.close();
}

/// A TLS socket has no reset of its own: the TCP socket below it is reset.
function reset_socket(socket) {
  const tcp = socket.tcp_below ?? socket;
  try {
    tcp.resetAndDestroy();
  } catch {
    tcp.destroy();
  }
  if (tcp !== socket) socket.destroy();
}
