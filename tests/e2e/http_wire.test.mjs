// The HTTP port on the wire: strict framing (S20), odd but legal requests (C18), limits (C4, C5, S22), many
// connections (C17). Raw sockets, a real process; what must not reach upstream is counted there.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Home, assert_grew, in_time, known_token, start_simulator } from './harness.mjs';
import { connect, open_port, read_replies } from './http_port.mjs';

let sim;
let home;
let port;
before(async () => {
  sim = await start_simulator();
  home = new Home();
  port = await open_port({
    env: home.env(sim.env, {
      GITHUB_TOKEN: await known_token(sim),
      JUMPSEAT_MAX_CONNECTIONS: '40',
    }),
    cwd: home.work,
  });
  assert.equal((await port.chat()).status, 200);
});
after(async () => {
  await port.stop();
  await sim.stop();
});

const chats = async () => (await sim.requests({ path: '/chat/completions' })).length;

const BODY = '{"messages":[{"role":"user","content":"x"}]}';
const N = BODY.length;
const HEX = N.toString(16);
/// A request out of lines; `H` is the Host header, `J` the content type.
const lines = (first, headers, body = '') =>
  [first, ...headers]
    .map((line) =>
      line.replace(/^H$/, `Host: ${port.host}`).replace(/^J$/, 'Content-Type: application/json'),
    )
    .join('\r\n') + `\r\n\r\n${body}`;
const post = (headers, body = BODY) =>
  lines('POST /v1/chat/completions HTTP/1.1', ['H', 'J', ...headers], body);
const get = (path = '/health', headers = []) => lines(`GET ${path} HTTP/1.1`, ['H', ...headers]);

/// A second request hidden in what follows the first: it must never be taken for one.
const HIDDEN = () => post([`Content-Length: ${N}`]);

describe('S20: what is in doubt is refused, and the connection closed', () => {
  // name -> bytes. Each would smuggle HIDDEN through a reader that is less strict.
  const corpus = () => ({
    'CL and TE': post([`Content-Length: ${N}`, 'Transfer-Encoding: chunked'], `0\r\n\r\n`),
    'TE and CL': post(['Transfer-Encoding: chunked', `Content-Length: ${N}`], `0\r\n\r\n`),
    'two CL that differ': post([`Content-Length: ${N}`, 'Content-Length: 0']),
    'two CL that agree': post([`Content-Length: ${N}`, `Content-Length: ${N}`]),
    'C4: a CL list': post([`Content-Length: ${N}, ${N}`]),
    'C4: a CL list that differs': post([`Content-Length: ${N}, 0`]),
    'C4: a negative CL': post(['Content-Length: -1']),
    'C4: a CL with a plus': post([`Content-Length: +${N}`]),
    'C4: a CL of 20 digits': post(['Content-Length: 18446744073709551616']),
    'C4: a CL that wraps to a small one': post([`Content-Length: 184467440737095516${16 + N}`]),
    'C4: a hexadecimal CL': post([`Content-Length: 0x${HEX}`]),
    'C4: a CL with a fraction': post([`Content-Length: ${N}.0`]),
    'C4: a CL with a space inside': post([`Content-Length: ${String(N)[0]} ${String(N).slice(1)}`]),
    'C4: an empty CL': post(['Content-Length:']),
    'C4: a CL of words': post(['Content-Length: all']),
    'C4: a CL with a comma at the end': post([`Content-Length: ${N},`]),
    'a TE that is unknown': post(['Transfer-Encoding: gzip']),
    'a TE list': post(['Transfer-Encoding: gzip, chunked'], `${HEX}\r\n${BODY}\r\n0\r\n\r\n`),
    'chunked twice in a list': post(['Transfer-Encoding: chunked, chunked'], `0\r\n\r\n`),
    'two TE': post(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], `0\r\n\r\n`),
    'two TE that differ': post(
      ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
      `0\r\n\r\n`,
    ),
    'TE identity': post(['Transfer-Encoding: identity', `Content-Length: ${N}`]),
    'TE chunked with a parameter': post(['Transfer-Encoding: chunked;q=1'], `0\r\n\r\n`),
    'TE in quotes': post(['Transfer-Encoding: "chunked"'], `0\r\n\r\n`),
    'TE xchunked': post(['Transfer-Encoding: xchunked'], `0\r\n\r\n`),
    'an empty TE': post(['Transfer-Encoding:'], `0\r\n\r\n`),
    'TE with a vertical tab': post(['Transfer-Encoding: \x0bchunked'], `0\r\n\r\n`),
    'TE with a comma in front': post(['Transfer-Encoding: , chunked'], `0\r\n\r\n`),
    'a space before the colon': post([`Content-Length : ${N}`]),
    'a tab before the colon': post([`Content-Length\t: ${N}`]),
    'TE with a space before the colon': post(['Transfer-Encoding : chunked'], `0\r\n\r\n`),
    'a folded header': post([`X-A: b\r\n c`, `Content-Length: ${N}`]),
    'a folded TE': post(['Transfer-Encoding:\r\n chunked'], `0\r\n\r\n`),
    'a folded CL': post([`Content-Length:\r\n\t${N}`]),
    'white space before the first header': lines(
      'POST /v1/chat/completions HTTP/1.1',
      [' H: x', 'H', 'J', `Content-Length: ${N}`],
      BODY,
    ),
    'LF at the end of a header': post([`X-A: b\nContent-Length: ${N}`]),
    'LF at the end of the request line': `POST /v1/chat/completions HTTP/1.1\nHost: ${port.host}\r\n\r\n`,
    'LF alone everywhere': `GET /health HTTP/1.1\nHost: ${port.host}\n\n`,
    'CR inside a header': post([`X-A: b\rContent-Length: ${N}`]),
    'CR CR LF': post([`X-A: b\r\r\nContent-Length: ${N}`]),
    'NUL in a header value': post([`X-A: b\0c`, `Content-Length: ${N}`]),
    'NUL in a header name': post([`X\0A: b`, `Content-Length: ${N}`]),
    'NUL in the target': lines('GET /health\0 HTTP/1.1', ['H']),
    'DEL in a header value': post([`X-A: b\x7fc`, `Content-Length: ${N}`]),
    'a header without a colon': post(['Content-Length', `Content-Length: ${N}`]),
    'a header without a name': post([': x', `Content-Length: ${N}`]),
    'a name in brackets': post(['X(A): b', `Content-Length: ${N}`]),
    'a name that is not ASCII': post(['Xé: b', `Content-Length: ${N}`]),
    'a request line of one word': `GET\r\nHost: ${port.host}\r\n\r\n`,
    'a request line without a version (HTTP/0.9)': `GET /health\r\n\r\n`,
    'two spaces in the request line': lines('GET  /health HTTP/1.1', ['H']),
    'a tab in the request line': lines('GET\t/health HTTP/1.1', ['H']),
    'a space in the target': lines('GET /health x HTTP/1.1', ['H']),
    'a space after the version': lines('GET /health HTTP/1.1 ', ['H']),
    'a fragment in the target': lines('GET /health#x HTTP/1.1', ['H']),
    'HTTP/2.0': lines('GET /health HTTP/2.0', ['H']),
    'HTTP/1.2': lines('GET /health HTTP/1.2', ['H']),
    'HTTP/1.10': lines('GET /health HTTP/1.10', ['H']),
    'HTTP/01.1': lines('GET /health HTTP/01.1', ['H']),
    'http/1.1 in lower case': lines('GET /health http/1.1', ['H']),
    'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'a TLS hello': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'a reply': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    'CONNECT with an authority': lines('CONNECT evil.com:443 HTTP/1.1', ['H']),
    'a target of another scheme': lines(`GET ftp://${port.host}/health HTTP/1.1`, ['H']),
    'a target with credentials': lines(`GET http://a@${port.host}/health HTTP/1.1`, ['H']),
    'an asterisk for GET': lines('GET * HTTP/1.1', ['H']),
    'a relative target': lines('GET health HTTP/1.1', ['H']),
    'TE in HTTP/1.0': lines(
      'POST /v1/chat/completions HTTP/1.0',
      ['H', 'J', 'Transfer-Encoding: chunked'],
      '0\r\n\r\n',
    ),
    'a chunk size of words': post(['Transfer-Encoding: chunked'], `zz\r\n${BODY}\r\n0\r\n\r\n`),
    'an empty chunk size': post(['Transfer-Encoding: chunked'], `\r\n${BODY}\r\n0\r\n\r\n`),
    'a negative chunk size': post(['Transfer-Encoding: chunked'], `-1\r\n${BODY}\r\n0\r\n\r\n`),
    'a chunk size with 0x': post(
      ['Transfer-Encoding: chunked'],
      `0x${HEX}\r\n${BODY}\r\n0\r\n\r\n`,
    ),
    'a chunk size that overflows': post(
      ['Transfer-Encoding: chunked'],
      `10000000000000000${HEX}\r\n${BODY}\r\n0\r\n\r\n`,
    ),
    'a space after a chunk size': post(
      ['Transfer-Encoding: chunked'],
      `${HEX} \r\n${BODY}\r\n0\r\n\r\n`,
    ),
    'a space before a chunk size': post(
      ['Transfer-Encoding: chunked'],
      ` ${HEX}\r\n${BODY}\r\n0\r\n\r\n`,
    ),
    'LF after a chunk size': post(['Transfer-Encoding: chunked'], `${HEX}\n${BODY}\r\n0\r\n\r\n`),
    'a chunk that is longer than it says': post(
      ['Transfer-Encoding: chunked'],
      `1\r\n${BODY}\r\n0\r\n\r\n`,
    ),
    'LF after a chunk': post(['Transfer-Encoding: chunked'], `${HEX}\r\n${BODY}\n0\r\n\r\n`),
    'a chunk extension of 300 bytes': post(
      ['Transfer-Encoding: chunked'],
      `${HEX};a=${'b'.repeat(300)}\r\n${BODY}\r\n0\r\n\r\n`,
    ),
    'a chunk extension with LF': post(
      ['Transfer-Encoding: chunked'],
      `${HEX};a\n\r\n${BODY}\r\n0\r\n\r\n`,
    ),
    'a chunk extension that is none': post(
      ['Transfer-Encoding: chunked'],
      `${HEX};=\r\n${BODY}\r\n0\r\n\r\n`,
    ),
    'a trailer that is folded': post(
      ['Transfer-Encoding: chunked'],
      `${HEX}\r\n${BODY}\r\n0\r\nX-A: b\r\n c\r\n\r\n`,
    ),
    'a trailer that sets a length': post(
      ['Transfer-Encoding: chunked'],
      `${HEX}\r\n${BODY}\r\n0\r\nContent-Length: 5\r\n\r\n`,
    ),
    'a trailer that is no header': post(
      ['Transfer-Encoding: chunked'],
      `${HEX}\r\n${BODY}\r\n0\r\nhello\r\n\r\n`,
    ),
    'two authorizations': post([
      'Authorization: Bearer a',
      'Authorization: Bearer b',
      `Content-Length: ${N}`,
    ]),
    'two content types': post(['Content-Type: text/plain', `Content-Length: ${N}`]),
  });

  test('a corpus of raw requests, each followed by a hidden one', async () => {
    const cases = Object.entries(corpus());
    assert.ok(cases.length >= 60, `${cases.length}`);
    const before_it = await chats();
    for (const [name, bytes] of cases) {
      const { replies, closed, rest } = await port.raw(Buffer.from(bytes + HIDDEN(), 'latin1'));
      assert.ok(closed, name);
      assert.equal(replies.length, 1, `${name}: ${replies.map((reply) => reply.status)}`);
      assert.equal(rest, '', name);
      const [{ status, headers, body }] = replies;
      assert.equal(status, 400, `${name}: ${body}`);
      assert.equal(headers.connection, 'close', name);
      assert.equal(JSON.parse(body).error.code, 'malformed_request', name);
    }
    assert.equal(await chats(), before_it, 'upstream saw none of it');
    assert.equal((await port.get('/health')).status, 200);
  });

  test('what is strange but plain is counted exactly', async () => {
    const good = {
      chunked: post(['Transfer-Encoding: chunked'], `${HEX}\r\n${BODY}\r\n0\r\n\r\n`),
      'chunked in capitals': post(
        ['TRANSFER-ENCODING: CHUNKED'],
        `${HEX.toUpperCase()}\r\n${BODY}\r\n0\r\n\r\n`,
      ),
      'chunk by chunk': post(
        ['Transfer-Encoding: chunked'],
        [...BODY].map((c) => `1\r\n${c}\r\n`).join('') + '0\r\n\r\n',
      ),
      'a chunk size with zeros': post(
        ['Transfer-Encoding: chunked'],
        `000${HEX}\r\n${BODY}\r\n000\r\n\r\n`,
      ),
      'a short chunk extension': post(
        ['Transfer-Encoding: chunked'],
        `${HEX};a=b;c="d"\r\n${BODY}\r\n0\r\n\r\n`,
      ),
      'a trailer': post(['Transfer-Encoding: chunked'], `${HEX}\r\n${BODY}\r\n0\r\nX-A: b\r\n\r\n`),
      'a CL with zeros': post([`Content-Length: 000${N}`]),
      'a CL with white space around': post([`Content-Length:  \t${N} \t`]),
      'a line break in front': `\r\n${post([`Content-Length: ${N}`])}`,
      'a header without a value': post(['X-A:', `Content-Length: ${N}`]),
      'bytes above ASCII in a value': post(['X-A: \xe9', `Content-Length: ${N}`]),
      'a whole URL as the target': lines(
        `POST http://${port.host}/v1/chat/completions HTTP/1.1`,
        ['H', 'J', `Content-Length: ${N}`],
        BODY,
      ),
      'h2c offered': post([
        'Connection: Upgrade, HTTP2-Settings',
        'Upgrade: h2c',
        'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
        `Content-Length: ${N}`,
      ]),
      'a query': lines(
        'POST /v1/chat/completions?api-version=1 HTTP/1.1',
        ['H', 'J', `Content-Length: ${N}`],
        BODY,
      ),
    };
    const before_it = await chats();
    for (const [name, bytes] of Object.entries(good)) {
      const { replies } = await port.raw(
        Buffer.from(bytes + get('/health', ['Connection: close']), 'latin1'),
      );
      assert.deepEqual(
        replies.map((reply) => reply.status),
        [200, 200],
        name,
      );
      assert.equal(JSON.parse(replies[0].body).object, 'chat.completion', name);
    }
    assert.equal(await chats(), before_it + Object.keys(good).length);
  });

  test('it does not matter where the bytes are cut', async () => {
    const bytes = Buffer.from(
      post(['Transfer-Encoding: chunked'], `${HEX};a=b\r\n${BODY}\r\n0\r\nX-A: b\r\n\r\n`) +
        get('/health', ['Connection: close']),
      'latin1',
    );
    const socket = await connect(port.port);
    socket.setNoDelay(true);
    for (const byte of bytes)
      await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
    await in_time(socket.gone, 'the end');
    const { replies } = read_replies(Buffer.from(socket.received, 'latin1'));
    assert.deepEqual(
      replies.map((reply) => reply.status),
      [200, 200],
    );
  });
});

describe('a connection that is kept', () => {
  test('does not keep the requests that were answered', async () => {
    const socket = net.connect({ host: '127.0.0.1', port: port.port });
    const memory = () =>
      Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${port.pid}/status`, 'utf8'))[1]) * 1024;
    let got = '';
    let look = () => {};
    socket.setEncoding('latin1').on('data', (piece) => {
      got += piece;
      look();
    });
    // Refused after its body was read, so nothing else is made of it; and it comes in one piece.
    const request = post(['Content-Length: 1', `X-Padding: ${'x'.repeat(100)}`], '{');
    const one = async () => {
      got = '';
      const answered = new Promise((resolve) => {
        look = () => got.includes('\r\n\r\n') && got.endsWith('}') && resolve();
      });
      socket.write(request);
      await in_time(answered, 'an answer', { seen: () => got });
      assert.match(got, /^HTTP\/1\.1 400 /);
    };
    for (let n = 0; n < 20; n++) await one();
    const before_it = memory();
    for (let n = 0; n < 8000; n++) await one(); // 1.8 MB of requests
    assert_grew(memory() - before_it, 1024 * 1024);
    socket.destroy();
  });
});

describe('C18: requests that are rare', () => {
  test('pipelining: answers come in order', async () => {
    const paths = [
      '/health/liveliness',
      '/nowhere',
      '/health/readiness',
      '/v1/models/gpt-4',
      '/health',
    ];
    const { replies } = await port.raw(
      paths.map((path) => get(path)).join('') + post([`Content-Length: ${N}`, 'Connection: close']),
    );
    assert.deepEqual(
      replies.map((reply) => reply.status),
      [200, 404, 200, 200, 200, 200],
    );
    assert.equal(replies[0].body, '"I\'m alive!"');
    assert.equal(JSON.parse(replies[3].body).id, 'gpt-4');
  });
  test('pipelining: a thousand requests in one write', async () => {
    const { replies } = await port.raw(
      get('/health/liveliness').repeat(999) + get('/health', ['Connection: close']),
    );
    assert.equal(replies.length, 1000);
    assert.ok(replies.every((reply) => reply.status === 200));
    assert.equal(new Set(replies.map((reply) => reply.headers['x-request-id'])).size, 1000);
  });
  test('HEAD answers like GET, without a body', async () => {
    for (const path of ['/health', '/v1/models', '/nowhere']) {
      const { replies } = await port.raw(
        lines(`HEAD ${path} HTTP/1.1`, ['H']) + get(path, ['Connection: close']),
        { heads: [0] },
      );
      assert.equal(replies.length, 2, path);
      assert.equal(replies[0].status, replies[1].status);
      // A list of models tells its age, so its length may differ by a digit.
      if (path !== '/v1/models')
        assert.equal(
          replies[0].headers['content-length'],
          String(Buffer.byteLength(replies[1].body)),
        );
    }
  });
  test('OPTIONS tells what a path takes', async () => {
    const allows = {
      '*': 'GET, HEAD, POST, OPTIONS',
      '/v1/models': 'GET, HEAD, OPTIONS',
      '/v1/chat/completions': 'POST, OPTIONS',
    };
    for (const [target, allow] of Object.entries(allows)) {
      const { replies } = await port.raw(lines(`OPTIONS ${target} HTTP/1.1`, ['H']), {
        replies: 1,
      });
      assert.equal(replies[0].status, 204);
      assert.equal(replies[0].headers.allow, allow);
    }
    const { replies } = await port.raw(lines('OPTIONS /nowhere HTTP/1.1', ['H']), { replies: 1 });
    assert.equal(replies[0].status, 404);
  });
  test('another method is told which one it should be', async () => {
    for (const [method, path, allow] of [
      ['GET', '/v1/chat/completions', 'POST, OPTIONS'],
      ['DELETE', '/v1/models/x', 'GET, HEAD, OPTIONS'],
      ['PUT', '/health', 'GET, HEAD, OPTIONS'],
      ['get', '/health', 'GET, HEAD, OPTIONS'],
      ['TRACE', '/health', 'GET, HEAD, OPTIONS'],
    ]) {
      const { replies } = await port.raw(lines(`${method} ${path} HTTP/1.1`, ['H']), {
        replies: 1,
      });
      assert.equal(replies[0].status, 405, method);
      assert.equal(replies[0].headers.allow, allow);
      assert.equal(JSON.parse(replies[0].body).error.code, 'method_not_allowed');
    }
  });
  test('an unknown path is 404, however it is spelt', async () => {
    for (const path of [
      '/',
      '/v1',
      '/v1/',
      '/v2/models',
      '//v1/models',
      '/v1//models',
      '/V1/models',
      '/v1/v1/models',
      '/v1/models/../models',
      '/%76%31/models',
      '/health/',
      '/v1/chat/completions/',
    ]) {
      const { replies } = await port.raw(get(path), { replies: 1 });
      assert.ok([404].includes(replies[0].status), `${path}: ${replies[0].status}`);
    }
  });
  test('Expect: 100-continue is answered before the body, other expectations are not met', async () => {
    const socket = await connect(port.port);
    socket.write(
      lines('POST /v1/chat/completions HTTP/1.1', [
        'H',
        'J',
        'Expect: 100-Continue',
        `Content-Length: ${N}`,
      ]),
    );
    await socket.until((text) => text === 'HTTP/1.1 100 Continue\r\n\r\n', '100 Continue');
    socket.write(BODY);
    await socket.until((text) => text.includes('chat.completion'), 'the answer');
    socket.destroy();
    const { replies } = await port.raw(post(['Expect: magic', `Content-Length: ${N}`]));
    assert.equal(replies[0].status, 417);
    // A body that would be refused is refused before it is sent.
    const refused = await port.raw(
      lines('POST /v1/chat/completions HTTP/1.1', [
        'H',
        'Content-Type: text/plain',
        'Expect: 100-continue',
        `Content-Length: ${N}`,
      ]),
    );
    assert.deepEqual(
      refused.replies.map((reply) => reply.status),
      [415],
    );
  });
  test('HTTP/1.0 is closed after one answer unless it asks to stay', async () => {
    const once = await port.raw(lines('GET /health HTTP/1.0', ['H']));
    assert.ok(once.closed);
    assert.equal(once.replies[0].status, 200);
    const kept = await port.raw(
      lines('GET /health HTTP/1.0', ['H', 'Connection: keep-alive']) +
        lines('GET /health HTTP/1.0', ['H']),
    );
    assert.deepEqual(
      kept.replies.map((reply) => reply.status),
      [200, 200],
    );
    assert.equal(kept.replies[0].headers.connection, 'keep-alive');
  });
  test('a client that has stopped sending still gets the answer to a GET', async () => {
    const { replies } = await port.raw(get('/v1/models') + get('/health'), { half_close: true });
    assert.deepEqual(
      replies.map((reply) => reply.status),
      [200, 200],
    );
  });
  test('half a request and the end of it is no request', async () => {
    const before_it = await chats();
    for (const part of [
      post([`Content-Length: ${N}`]).slice(0, -1),
      get().slice(0, -1),
      post(['Transfer-Encoding: chunked'], `${HEX}\r\n${BODY}\r\n`),
    ]) {
      const { replies } = await port.raw(part, { half_close: true });
      assert.equal(replies.length, 0);
    }
    assert.equal(await chats(), before_it);
  });
});

describe('S22: limits', () => {
  const refused = async (bytes, status, code) => {
    const { replies, closed } = await port.raw(bytes);
    assert.ok(closed);
    assert.deepEqual(
      replies.map((reply) => reply.status),
      [status],
    );
    assert.equal(JSON.parse(replies[0].body).error.code, code);
  };
  test('headers: 100, and 32 KiB with the request line', async () => {
    const many = (n) => Array.from({ length: n }, (_, i) => `X-${i}: y`);
    const { replies } = await port.raw(get('/health', many(99)), { replies: 1 });
    assert.equal(replies[0].status, 200);
    await refused(get('/health', many(100)), 431, 'request_headers_too_large');
    await refused(get('/health', [`X-A: ${'a'.repeat(33_000)}`]), 431, 'request_headers_too_large');
    await refused(get(`/${'a'.repeat(33_000)}`), 431, 'request_headers_too_large');
    await refused(
      `GET /health HTTP/1.1\r\nX-A: ${'a'.repeat(1_000_000)}`,
      431,
      'request_headers_too_large',
    );
    const long = await port.raw(get('/health', [`X-A: ${'a'.repeat(30_000)}`]), { replies: 1 });
    assert.equal(long.replies[0].status, 200);
  });
  test('C5: a body of 100 MB is refused before it is read', async () => {
    await refused(
      lines('POST /v1/chat/completions HTTP/1.1', ['H', 'J', 'Content-Length: 100000000']),
      413,
      'request_too_large',
    );
    await refused(
      lines('POST /v1/chat/completions HTTP/1.1', [
        'H',
        'J',
        `Content-Length: ${32 * 1024 * 1024 + 1}`,
      ]),
      413,
      'request_too_large',
    );
    await refused(post(['Transfer-Encoding: chunked'], '2000001\r\n'), 413, 'request_too_large');
  });
  test('a body of many megabytes arrives whole', async () => {
    const text = 'é'.repeat(2_000_000);
    const body = JSON.stringify({ model: 'gpt-4', messages: [{ role: 'user', content: text }] });
    const reply = await port.post('/v1/chat/completions', body);
    const [request] = (await sim.requests({ path: '/chat/completions' })).slice(-1);
    // The simulator's model may refuse so long a prompt; what matters is that it got all of it.
    assert.ok([200, 400].includes(reply.status), reply.text.slice(0, 300));
    const seen = typeof request.body === 'string' ? JSON.parse(request.body) : request.body;
    assert.equal(seen.messages[0].content.length, text.length);
  });
});

describe('C17: many connections', () => {
  test('beyond the limit they wait their turn; those that idle make room', async () => {
    const sockets = Array.from({ length: 200 }, () => {
      const socket = net.connect({ host: '127.0.0.1', port: port.port }).on('error', () => {});
      socket.text = '';
      socket.on('data', (piece) => (socket.text += piece));
      socket.answered = new Promise((resolve) => socket.once('close', () => resolve(socket.text)));
      return socket;
    });
    // All of them are open and silent; somebody who asks is served nevertheless.
    for (let i = 0; i < 5; i++) assert.equal((await port.get('/health')).status, 200);
    for (const socket of sockets) socket.end(get('/health', ['Connection: close']));
    const answers = await in_time(
      Promise.all(sockets.map((socket) => socket.answered)),
      'all answers',
    );
    for (const text of answers)
      assert.ok(text === '' || text.startsWith('HTTP/1.1 200'), text.slice(0, 100));
    assert.ok(answers.some((text) => text !== ''));
    assert.equal((await port.get('/status')).json.connections, 1);
  });
  test('streams under way are not disturbed by a flood', async () => {
    await sim.scenario('chat_hold_midstream');
    const streams = [port.stream(), port.stream(), port.stream()];
    for (const stream of streams) await stream.some_events(1);
    const flood = Array.from({ length: 300 }, () =>
      net.connect({ host: '127.0.0.1', port: port.port }).on('error', () => {}),
    );
    assert.equal((await port.get('/health')).status, 200);
    for (const socket of flood) socket.destroy();
    await sim.release('chat');
    for (const stream of streams) {
      await stream.end();
      assert.equal(stream.events.at(-1), '[DONE]');
    }
    await sim.call_('POST', 'clear_rules');
  });
});
