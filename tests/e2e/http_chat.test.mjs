// Chat over the HTTP port: streams and whole answers, errors in OpenAI's shape, what happens when upstream fails
// or the client leaves. Rows of the fault matrix are in the names.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import {
  Home,
  assert_grew,
  eventually,
  in_time,
  known_token,
  start_simulator,
} from './harness.mjs';
import { connect, open_port } from './http_port.mjs';
import { readFileSync } from 'node:fs';

const CHAT = '/chat/completions';

/// Upstream sends one chunk and then nothing more.
const STALLED = {
  on: `POST ${CHAT}`,
  do: {
    stream: [
      {
        data: {
          id: '1',
          object: 'chat.completion.chunk',
          created: 1,
          model: 'm',
          choices: [{ index: 0, delta: { content: 'x' } }],
        },
      },
      { stall: true },
    ],
  },
};

let sim;
let home;
let port;
before(async () => {
  sim = await start_simulator();
  home = new Home();
  port = await open_port({
    env: home.env(sim.env, { GITHUB_TOKEN: await known_token(sim), MAX_RETRIES: '0' }),
    cwd: home.work,
  });
  assert.equal((await port.get('/v1/models')).status, 200);
});
after(async () => {
  assert.deepEqual(await port.stop(), { code: 0, signal: null }, port.stderr);
  await sim.stop();
});
afterEach(() => sim.call_('POST', 'clear_rules'));

const memory = () =>
  1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${port.pid}/status`, 'utf8'))[1]);

/// Requests to upstream's chat route since `start` was called.
async function chat_requests() {
  return sim.requests({ path: CHAT });
}

describe('an answer', () => {
  test('comes whole', async () => {
    const { status, headers, json } = await port.chat({ content: 'Say something' });
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(json.object, 'chat.completion');
    assert.equal(json.model, 'gpt-4', 'the name that was asked for');
    assert.match(headers['x-jumpseat-model'], /^gpt-/);
    assert.notEqual(headers['x-jumpseat-model'], 'gpt-4');
    assert.equal(json.choices.length, 1);
    assert.equal(json.choices[0].message.role, 'assistant');
    assert.ok(json.choices[0].message.content.length > 0);
    assert.equal(json.choices[0].finish_reason, 'stop');
    assert.ok(json.usage.total_tokens > 0);
    assert.match(headers['x-request-id'], /^req_[0-9a-f]{16}$/);
    assert.ok(headers['x-jumpseat-upstream-request-id']);
    assert.ok(headers['x-quota-snapshot-premium_interactions'] ?? headers['x-quota-snapshot-chat']);
  });

  test('comes as a stream of the same text', async () => {
    const stream = port.stream({ content: 'Say something' });
    const res = await stream.replied;
    assert.equal(res.statusCode, 200);
    assert.equal(res.headers['content-type'], 'text/event-stream');
    await stream.end();
    assert.equal(stream.events.at(-1), '[DONE]');
    assert.ok(stream.events.length > 3);
    const whole = await port.chat({ content: 'Say something' });
    assert.equal(stream.answer, whole.json.choices[0].message.content);
    for (const chunk of stream.chunks) {
      assert.equal(chunk.object, 'chat.completion.chunk');
      assert.equal(chunk.model, 'gpt-4');
    }
    assert.ok(
      stream.chunks.every((one) => !one.usage),
      'usage was not asked for',
    );
    assert.match(res.headers['x-jumpseat-model'], /^gpt-/);
  });

  test('carries usage when it is asked for', async () => {
    const stream = port.stream({ stream_options: { include_usage: true } });
    await stream.end();
    const last = stream.chunks.at(-1);
    assert.deepEqual(last.choices, []);
    assert.ok(last.usage.total_tokens > 0);
  });

  test('is passed on chunk by chunk, none held back', async () => {
    await sim.scenario('chat_hold_midstream');
    const stream = port.stream();
    await stream.some_events(1);
    assert.notEqual(stream.events.at(-1), '[DONE]');
    await sim.release('chat');
    await stream.end();
    assert.equal(stream.events.at(-1), '[DONE]');
  });

  test('goes without /v1 too', async () => {
    const reply = await port.post(CHAT, {
      model: 'gpt-4',
      messages: [{ role: 'user', content: 'x' }],
    });
    assert.equal(reply.status, 200);
  });

  test("keeps the client's x-request-id", async () => {
    const reply = await port.chat({}, { headers: { 'x-request-id': 'mine-1' } });
    assert.equal(reply.headers['x-request-id'], 'mine-1');
  });

  test('is sent to an HTTP/1.0 client without chunks', async () => {
    const body = JSON.stringify({ stream: true, messages: [{ role: 'user', content: 'x' }] });
    const { replies, closed } = await port.raw(
      `POST /v1/chat/completions HTTP/1.0\r\nHost: ${port.host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    assert.ok(closed);
    assert.equal(replies[0].status, 200);
    assert.equal(replies[0].headers['transfer-encoding'], undefined);
    assert.match(replies[0].body, /^data: \{.*\n\ndata: \[DONE\]\n\n$/s);
  });
});

describe('a request', () => {
  const bad = [
    ['no JSON', '{"messages":[', 400, 'parse_error', /not JSON/],
    [
      'invalid UTF-8',
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
      400,
      'parse_error',
      /UTF-8/,
    ],
    ['no object', '[]', 400, 'invalid_request', /object/],
    ['no messages', '{"model":"gpt-4"}', 400, 'invalid_request', /messages/],
    ['messages of a wrong type', '{"messages":"hi"}', 400, 'invalid_request', /messages/],
    [
      'stream of a wrong type',
      '{"messages":[{}],"stream":"yes"}',
      400,
      'invalid_request',
      /stream/,
    ],
    ['an empty body', '', 400, 'parse_error', /JSON/],
    [
      'C6: nesting of 10,000',
      `{"messages":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
      400,
      'parse_error',
      /deep/,
    ],
  ];
  for (const [name, body, status, code, message] of bad) {
    test(`with ${name} is refused`, async () => {
      const before_it = (await chat_requests()).length;
      const reply = await port.post('/v1/chat/completions', body);
      assert.equal(reply.status, status, reply.text);
      assert.deepEqual(Object.keys(reply.json), ['error']);
      assert.deepEqual(Object.keys(reply.json.error).sort(), ['code', 'message', 'param', 'type']);
      assert.equal(reply.json.error.code, code);
      assert.equal(reply.json.error.type, 'invalid_request_error');
      assert.match(reply.json.error.message, message);
      assert.equal((await chat_requests()).length, before_it, 'nothing went to upstream');
    });
  }

  test('S7: may not say where it goes', async () => {
    const before_it = (await chat_requests()).length;
    const names = [
      'api_base',
      'base_url',
      'api_key',
      'api_version',
      'extra_headers',
      'custom_llm_provider',
    ];
    for (const name of names) {
      for (const spelt of [name, name.toUpperCase(), name.replaceAll('_', '')]) {
        const reply = await port.chat({ [spelt]: 'http://127.0.0.1:1' });
        assert.equal(reply.status, 400, spelt);
        assert.equal(reply.json.error.code, 'invalid_request');
        assert.ok(reply.json.error.message.includes(spelt), reply.text);
      }
    }
    assert.equal((await chat_requests()).length, before_it);
  });

  test('for an unknown model is answered with the nearest names', async () => {
    const reply = await port.chat({ model: 'gpt-4.1x' });
    assert.equal(reply.status, 404);
    assert.equal(reply.json.error.code, 'model_not_found');
    assert.match(reply.json.error.message, /^Model 'gpt-4.1x' not found/);
  });

  test('travels as it is: unknown members, spelling, order', async () => {
    const body =
      '{"zeta": [1,  2e0],"messages":[{"role":"user","content":"\\u00e9"}] ,"model":"gpt-4"}';
    await port.post('/v1/chat/completions', body);
    const sent = (await chat_requests()).at(-1).body;
    const text = typeof sent === 'string' ? sent : JSON.stringify(sent);
    assert.ok(text.includes('zeta'), text);
  });

  test('S21: brings none of its own headers to upstream', async () => {
    const evil = {
      'x-forwarded-for': '1.2.3.4',
      'x-initiator': 'agent',
      cookie: 'a=b',
      'editor-version': 'evil/1',
      'copilot-integration-id': 'evil',
      'x-evil': 'yes',
      'openai-intent': 'evil',
      'proxy-authorization': 'Basic eA==',
      te: 'trailers',
      connection: 'close, x-evil',
      'user-agent': 'evil/2',
      authorization: 'Bearer not-needed',
    };
    const reply = await port.chat({}, { headers: evil });
    assert.equal(reply.status, 200);
    const { headers } = (await chat_requests()).at(-1);
    const text = JSON.stringify(headers);
    assert.ok(!text.includes('evil'), text);
    assert.ok(!text.includes('not-needed'), text);
    assert.equal(headers['x-initiator'], 'user');
    for (const name of ['x-forwarded-for', 'cookie', 'proxy-authorization', 'te'])
      assert.equal(headers[name], undefined, name);
  });
});

describe('when upstream fails', () => {
  test('U14: a 429 is passed on with its Retry-After', async () => {
    await sim.rule({
      on: `POST ${CHAT}`,
      do: {
        status: 429,
        headers: { 'retry-after': '7', 'content-type': 'application/json' },
        body: '{"error":{"code":"rate_limited","message":"slow down"}}',
      },
    });
    // A model of its own: it rests afterwards.
    for (const extra of [{}, { stream: true }]) {
      const reply = await port.chat({ model: 'gpt-5-mini', ...extra });
      assert.equal(reply.status, 429, reply.text);
      const wait = Number(reply.headers['retry-after']);
      assert.ok(wait >= 1 && wait <= 7, reply.headers['retry-after']);
      assert.equal(reply.headers['x-should-retry'], 'true');
      assert.equal(reply.json.error.type, 'rate_limit_error');
      assert.match(reply.json.error.message, /^Rate limit exceeded/);
    }
  });

  test('U3: a stream that breaks off ends with an error event and no [DONE]', async () => {
    for (const scenario of ['chat_closed_midstream', 'chat_error_after_200', 'chat_truncated']) {
      await sim.call_('POST', 'clear_rules');
      await sim.scenario(scenario);
      const stream = port.stream();
      await stream.end();
      assert.equal((await stream.replied).statusCode, 200);
      assert.ok(stream.answer.length > 0, 'what had come stays');
      const last = JSON.parse(stream.events.at(-1));
      assert.deepEqual(Object.keys(last), ['error'], scenario);
      assert.ok(last.error.code, scenario);
      assert.ok(!stream.events.includes('[DONE]'));
    }
  });

  test('U3: a whole answer that breaks off is an error status', async () => {
    await sim.scenario('chat_closed_midstream');
    const reply = await port.chat();
    assert.ok(reply.status >= 500, reply.text);
    assert.equal(reply.json.error.type, 'server_error');
  });

  test('the connection serves the next request after an error event', async () => {
    await sim.scenario('chat_truncated');
    const body = JSON.stringify({ stream: true, messages: [{ role: 'user', content: 'x' }] });
    const one = `POST /v1/chat/completions HTTP/1.1\r\nHost: ${port.host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const { replies } = await port.raw(one + one, { replies: 2 });
    assert.deepEqual(
      replies.map((reply) => reply.status),
      [200, 200],
    );
    assert.match(replies[1].body, /"error"/);
  });
});

describe('C1: a client that leaves', () => {
  for (const [name, extra] of [
    ['a stream', { stream: true }],
    ['a whole answer', {}],
  ]) {
    test(`cancels ${name} at upstream`, async () => {
      await sim.rule(STALLED);
      const since = (await sim.requests()).at(-1)?.id ?? 0;
      const body = JSON.stringify({ messages: [{ role: 'user', content: 'x' }], ...extra });
      const socket = await connect(port.port);
      socket.write(
        `POST /v1/chat/completions HTTP/1.1\r\nHost: ${port.host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      await sim.wait('stalled', { path: CHAT, since });
      socket.destroy();
      const [request] = await sim.wait('closed', { path: CHAT, since });
      assert.equal(request.ended, 'closed_by_client');
    });
  }

  test('leaves the others alone', async () => {
    await sim.scenario('chat_hold_midstream');
    const stays = port.stream();
    const leaves = port.stream();
    await stays.some_events(1);
    await leaves.some_events(1);
    leaves.leave();
    await sim.release('chat');
    await stays.end();
    assert.equal(stays.events.at(-1), '[DONE]');
  });

  test('is noticed by its silence on the line even when it has sent more', async () => {
    await sim.rule(STALLED);
    const since = (await sim.requests()).at(-1)?.id ?? 0;
    const body = JSON.stringify({ stream: true, messages: [{ role: 'user', content: 'x' }] });
    const one = `POST /v1/chat/completions HTTP/1.1\r\nHost: ${port.host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const socket = await connect(port.port);
    socket.write(one + one);
    await sim.wait('stalled', { path: CHAT, since });
    socket.destroy();
    await sim.wait('closed', { path: CHAT, since });
  });
});

describe('C2: a client that does not read', () => {
  test('stops upstream, and memory stays bounded', async () => {
    const megabytes = 32;
    await sim.rule({
      on: `POST ${CHAT}`,
      do: {
        stream: [
          {
            repeat: `data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"${'x'.repeat(16_000)}"}}]}\n\n`,
            times: (megabytes * 1024 * 1024) / 16_000,
          },
          {
            data: {
              id: '1',
              object: 'chat.completion.chunk',
              created: 1,
              model: 'm',
              choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
            },
          },
          { data: '[DONE]' },
        ],
      },
    });
    const before_it = memory();
    const since = (await sim.requests()).at(-1)?.id ?? 0;
    const socket = await connect(port.port);
    socket.pause();
    const body = JSON.stringify({ stream: true, messages: [{ role: 'user', content: 'x' }] });
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: ${port.host}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    // What upstream could send stops growing: all buffers on the way are full.
    let sent = -1;
    await eventually(
      async () => {
        const [request] = await sim.requests({ path: CHAT }).then((all) => all.slice(-1));
        const now = request?.bytes_sent ?? 0;
        const still = now > 0 && now === sent;
        sent = now;
        return still;
      },
      'upstream to be stopped',
      { every_ms: 300 },
    );
    assert.ok(sent < megabytes * 1024 * 1024 * 0.75, `upstream sent ${sent} bytes`);
    assert_grew(memory() - before_it, 16 * 1024 * 1024, 'a stopped stream:');
    assert.equal((await port.chat({ model: 'nobody' })).status, 404, 'others are served meanwhile');
    socket.removeAllListeners('data');
    let tail = '';
    socket.on('data', (piece) => (tail = (tail + piece).slice(-100)));
    socket.resume();
    await in_time(socket.gone, 'the rest');
    assert.match(tail, /data: \[DONE\]\n\n\r\n0\r\n\r\n$/);
    await sim.wait('complete', { path: CHAT, since });
  });
});

describe('the end of the program', () => {
  test('C14: lets a stream that is about to end come to its end', async () => {
    await sim.scenario('chat_hold_midstream');
    const own_home = new Home();
    const own = await open_port({
      env: own_home.env(sim.env, { GITHUB_TOKEN: await known_token(sim) }),
      cwd: own_home.work,
    });
    const stream = own.stream();
    await stream.some_events(1);
    own.child.kill('SIGTERM');
    await sim.release('chat');
    await stream.end();
    assert.equal(stream.events.at(-1), '[DONE]');
    assert.deepEqual(await own.stop(), { code: 0, signal: null });
    own_home.remove();
  });

  test('C14: tells a stream that would last longer', async () => {
    await sim.rule(STALLED);
    const own_home = new Home();
    const own = await open_port({
      env: own_home.env(sim.env, { GITHUB_TOKEN: await known_token(sim) }),
      cwd: own_home.work,
    });
    const stream = own.stream();
    await stream.some_events(1);
    own.child.kill('SIGTERM');
    await stream.end();
    assert.equal(JSON.parse(stream.events.at(-1)).error.code, 'server_stopping');
    assert.deepEqual(await own.stop(), { code: 0, signal: null });
    own_home.remove();
  });
});
