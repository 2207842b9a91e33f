// A server that speaks HTTP/2 over TLS frame by frame (RFC 9113), and so can say what no well-behaved one says. It
// reads requests only as far as it must to know when one is complete, and grants every window.
//
//   const peer = new Http2Peer({ cert, key }, (connection, stream) => { connection.answer(stream); … });
//   connect(await peer.listen());

import tls from 'node:tls';

export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

const END_STREAM = 1; // of DATA and HEADERS
const ACK = 1; // of SETTINGS and PING
const END_HEADERS = 4;
const PREFACE = 24; // bytes

export function frame(type, flags, stream, payload = Buffer.alloc(0)) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/// [[identifier, value], …] as the payload of SETTINGS.
export function settings(values) {
  const payload = Buffer.alloc(6 * values.length);
  values.forEach(([name, value], at) => {
    payload.writeUInt16BE(name, 6 * at);
    payload.writeUInt32BE(value, 6 * at + 2);
  });
  return payload;
}

export function uint32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/// ":status: 200" and "content-type: text/event-stream" (RFC 7541: indexed; literal with an indexed name).
const HEAD = Buffer.concat([Buffer.from([0x88, 0x0f, 0x10, 17]), Buffer.from('text/event-stream')]);

export class Http2Peer {
  /// `on_request(connection, stream)`: a request is complete, or, with {on_head: true}, its head is. `window`: what
  /// a stream may send at once.
  constructor({ cert, key }, on_request, { window = 2 ** 31 - 1, streams = 100, on_head } = {}) {
    this.on_request = on_request;
    this.on_head = on_head ?? false;
    this.window = window;
    this.streams = streams;
    this.server_ = tls.createServer({ cert, key, ALPNProtocols: ['h2'] }, (socket) => {
      this.connection = new Connection(this, socket);
    });
    this.server_.on('tlsClientError', () => {});
  }

  async listen() {
    await new Promise((resolve) => this.server_.listen(0, '127.0.0.1', resolve));
    return this.server_.address().port;
  }

  close() {
    this.server_.close();
    this.connection?.socket.destroy();
  }
}

class Connection {
  pending_ = Buffer.alloc(0);
  at_ = PREFACE;
  bytes_flooded = 0;

  constructor(peer, socket) {
    this.peer_ = peer;
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    socket.on('data', (piece) => this.take_(piece));
    this.send(
      frame(
        SETTINGS,
        0,
        0,
        settings([
          [3, peer.streams], // SETTINGS_MAX_CONCURRENT_STREAMS
          [4, peer.window], // SETTINGS_INITIAL_WINDOW_SIZE
        ]),
      ),
      frame(WINDOW_UPDATE, 0, 0, uint32(2 ** 30)),
    );
  }

  take_(piece) {
    this.pending_ = Buffer.concat([this.pending_, piece]);
    while (this.pending_.length >= this.at_ + 9) {
      const { pending_: bytes, at_: at } = this;
      const end = at + 9 + bytes.readUIntBE(at, 3);
      if (bytes.length < end) return;
      const [type, flags] = [bytes[at + 3], bytes[at + 4]];
      const stream = bytes.readUInt32BE(at + 5);
      this.pending_ = bytes.subarray(end);
      this.at_ = 0;
      if (type === SETTINGS && !(flags & ACK)) this.send(frame(SETTINGS, ACK, 0));
      const complete = type === HEADERS ? this.peer_.on_head || flags & END_STREAM : false;
      if (complete || (type === DATA && !this.peer_.on_head && flags & END_STREAM))
        this.peer_.on_request(this, stream);
    }
  }

  send(...frames) {
    return !this.socket.destroyed && this.socket.write(Buffer.concat(frames));
  }

  /// A whole streamed answer of one word, with this field in its head: a literal that goes into no table (RFC 7541).
  answer_with(stream, name, value) {
    const text = (one) => Buffer.concat([Buffer.from([one.length]), Buffer.from(one)]);
    const field = Buffer.concat([Buffer.from([0]), text(name), text(value)]);
    const event = { choices: [{ index: 0, delta: { content: 'Hello' }, finish_reason: 'stop' }] };
    this.send(
      frame(HEADERS, END_HEADERS, stream, Buffer.concat([HEAD, field])),
      frame(
        DATA,
        END_STREAM,
        stream,
        Buffer.from(`data: ${JSON.stringify(event)}\n\ndata: [DONE]\n\n`),
      ),
    );
  }

  /// The head of a streamed answer and its first words.
  answer(stream) {
    const event = { choices: [{ index: 0, delta: { role: 'assistant', content: 'Hello' } }] };
    this.send(
      frame(HEADERS, END_HEADERS, stream, HEAD),
      frame(DATA, 0, stream, Buffer.from(`data: ${JSON.stringify(event)}\n\n`)),
    );
  }

  /// The head of an answer whose end is still to come, in CONTINUATION frames.
  begin_head(stream) {
    this.send(frame(HEADERS, 0, stream, HEAD));
  }

  /// The same frame, as fast as the other side takes it, until it closes the connection. `deaf`: nothing that it
  /// says is read meanwhile.
  flood(one, { deaf = false } = {}) {
    if (deaf) this.socket.pause();
    const many = Buffer.concat(new Array(1024).fill(one));
    const go_on = () => {
      if (this.socket.destroyed) return;
      this.bytes_flooded += many.length;
      if (this.socket.write(many)) setImmediate(go_on);
      else this.socket.once('drain', go_on);
    };
    go_on();
  }
}
