// Faults of upstream as a client of the HTTP port sees them: each test is named by its row of the fault matrix.
// Before the first byte of an answer a fault is a status and OpenAI's error body, whole or streamed; after it, one
// last event with the error and no [DONE]. What Copilot is asked costs money: nothing is repeated that may have run.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  Home,
  assert_grew,
  closed_port,
  eventually,
  known_token,
  start_simulator,
  upstream_env,
} from './harness.mjs';
import { open_port } from './http_port.mjs';

const CHAT = '/chat/completions';
const EXCHANGE = '/copilot_internal/v2/token';
const GREETING = /played by the GitHub simulator/;

let sim;
let port; // signed in, with the token and the model list at hand
let impatient; // the same with a limit of a second on silence
const homes = [];

async function new_port(env = {}, its_sim = sim, signed_in = true) {
  const home = new Home();
  homes.push(home);
  const token = signed_in ? { GITHUB_TOKEN: await known_token(its_sim) } : {};
  return open_port({
    env: home.env(its_sim.env, token, { MAX_RETRIES: '0' }, env),
    cwd: home.work,
  });
}

before(async () => {
  sim = await start_simulator();
  [port, impatient] = await Promise.all([new_port(), new_port({ REQUEST_TIMEOUT: '1' })]);
  for (const one of [port, impatient]) assert.equal((await one.get('/v1/models')).status, 200);
});
after(async () => {
  await Promise.all([port?.stop(), impatient?.stop()]);
  await sim?.stop();
  for (const home of homes) home.remove();
});

const sent = async (path = CHAT) => (await sim.requests({ path })).length;
const on_chat = (name, more = '') => `${name}?on=POST%20/chat/completions${more}`;

/// The scenario alone is in force while `run` runs; after it the port still answers.
async function during(scenario, run, its_port = port) {
  await sim.clear_rules();
  if (scenario) await sim.scenario(scenario);
  try {
    await run();
  } finally {
    await sim.clear_rules();
  }
  const next = await its_port.chat();
  assert.match(next.json?.choices?.[0]?.message?.content ?? next.text, GREETING, scenario);
}

/// An error body that has all that it should have.
function judge_error(error, code, said, what) {
  assert.equal(error.code, code, `${what}: ${JSON.stringify(error)}`);
  assert.ok(error.message.length > 20, error.message);
  assert.equal(typeof error.type, 'string');
  assert.ok('param' in error);
  if (said) assert.match(error.message, said, what);
}

/// A whole answer and a stream both fail before anything of the answer came, and are sent once each.
async function fails_before(scenario, { status, code, said, tries = 2, its_port = port }) {
  await during(
    scenario,
    async () => {
      const before_it = await sent();
      const reply = await its_port.chat();
      assert.equal(reply.status, status, `${scenario}: ${reply.text}`);
      judge_error(reply.json.error, code, said, scenario);
      assert.match(reply.headers['x-should-retry'], /^(true|false)$/);
      const stream = its_port.stream();
      await stream.end();
      assert.equal(stream.res.statusCode, status, scenario);
      judge_error(JSON.parse(stream.text).error, code, said, scenario);
      const count = (await sent()) - before_it;
      assert.ok(count <= tries, `${scenario}: sent ${count} times`);
    },
    its_port,
  );
}

/// A stream fails in its middle, a whole answer altogether.
async function fails_within(scenario, { code, text, status = 502, its_port = port }) {
  await during(
    scenario,
    async () => {
      const before_it = await sent();
      const stream = its_port.stream();
      await stream.end();
      assert.equal(stream.res.statusCode, 200, scenario);
      const last = JSON.parse(stream.events.at(-1));
      judge_error(last.error, code, undefined, scenario);
      assert.ok(!stream.events.includes('[DONE]'), scenario);
      const said = stream.events
        .slice(0, -1)
        .map((one) => JSON.parse(one).choices[0].delta.content);
      assert.equal(said.join(''), text, scenario);
      const reply = await its_port.chat();
      assert.equal(reply.status, status, `${scenario}: ${reply.text}`);
      judge_error(reply.json.error, code, undefined, scenario);
      assert.equal((await sent()) - before_it, 2, scenario);
    },
    its_port,
  );
}

describe('the connection', () => {
  test('U1: refused is 502 upstream_unreachable, at once', async () => {
    const lost = await new_port(upstream_env(closed_port()));
    const begun = performance.now();
    const reply = await lost.chat();
    assert.equal(reply.status, 502, reply.text);
    judge_error(reply.json.error, 'upstream_unreachable', /127\.0\.0\.1.*refused/);
    assert.ok(performance.now() - begun < 5000); // tells apart from back-off alone
    await lost.stop();
  });
  test('U2: a reset before the headers is 502 upstream_reset', async () => {
    for (const scenario of ['chat_reset_before_headers', 'chat_closed_before_headers'])
      await fails_before(scenario, { status: 502, code: 'upstream_reset', tries: 4 });
  });
  test('U3: a reset within the stream keeps what came and ends in an error event', async () => {
    for (const scenario of ['chat_reset_midstream?chunks=3', 'chat_closed_midstream?chunks=3'])
      await fails_within(scenario, { code: 'upstream_interrupted', text: 'Hello there,' });
  });
});

describe('silence', () => {
  test('U4: no first byte is 504 first_byte_timeout', () =>
    fails_before('chat_stall_before_headers', {
      status: 504,
      code: 'first_byte_timeout',
      said: /1 s/,
      its_port: impatient,
    }));
  test('U5: a stall within the stream is idle_timeout', () =>
    fails_within('chat_stall_midstream?chunks=3', {
      code: 'idle_timeout',
      text: 'Hello there,',
      status: 504,
      its_port: impatient,
    }));
});

describe('streams', () => {
  test('U7: an end without an end is stream_truncated', async () => {
    for (const name of ['chat_truncated?chunks=3', 'chat_truncated_mid_event?chunks=3'])
      await fails_within(name, { code: 'stream_truncated', text: 'Hello there,' });
  });
  test('U8: however upstream cuts its bytes, the client gets the same events', async () => {
    const stable = (events) =>
      events.map((one) => one.replace(/"(id|created)":("[^"]*"|\d+)/g, '"$1":0'));
    for (const name of ['chat_gpt_stream', 'chat_claude_tools', 'chat_references']) {
      let whole;
      for (const way of ['', '?split=every-byte', '?split=7', '?crlf=1&split=5']) {
        await sim.clear_rules();
        await sim.scenario(`${name}${way}`);
        const stream = port.stream();
        await stream.end();
        assert.equal(stream.events.at(-1), '[DONE]', name + way);
        for (const chunk of stream.chunks) assert.ok(chunk.choices.length > 0, 'a choice to read');
        whole ??= stable(stream.events);
        assert.deepEqual(stable(stream.events), whole, name + way);
      }
    }
    await sim.clear_rules();
  });
  test('U9: garbage between good events is passed over, garbage alone is an error', async () => {
    await during('chat_garbage_event?chunks=2', async () => {
      const stream = port.stream();
      await stream.end();
      assert.equal(stream.answer, 'Hello there after');
      assert.equal(stream.events.at(-1), '[DONE]');
    });
    await fails_before('chat_garbage_only', { status: 502, code: 'bad_upstream_json' });
  });
  test('U10: a log-in page is 502 not_copilot and never an answer', () =>
    fails_before(on_chat('captive_portal'), {
      status: 502,
      code: 'not_copilot',
      said: /text\/html/,
    }));
});

describe('tokens', () => {
  test('U11: requests that find the token expired share one exchange; a second 401 is passed on', async () => {
    await during(undefined, async () => {
      const before_it = await sent(EXCHANGE);
      await sim.expire('copilot');
      const replies = await Promise.all(Array.from({ length: 12 }, () => port.chat()));
      for (const reply of replies) assert.equal(reply.status, 200, reply.text);
      assert.equal((await sent(EXCHANGE)) - before_it, 1);
    });
    await fails_before('error_401', { status: 401, code: 'token_rejected', tries: 4 });
  });
  test('U12: a token that expires within a stream ends that stream alone', () =>
    during('chat_expired_midstream?chunks=2&times=1', async () => {
      const stream = port.stream();
      await stream.end();
      assert.equal(JSON.parse(stream.events.at(-1)).error.code, 'upstream_interrupted');
      assert.ok(!stream.events.includes('[DONE]'));
    }));
  test("U13: 403 keeps GitHub's words and link, without a refresh loop", async () => {
    const own = await new_port();
    await sim.clear_rules();
    await sim.scenario('exchange_403_no_seat');
    const before_it = await sent(EXCHANGE);
    for (let at = 0; at < 3; at++) {
      const reply = await own.chat();
      assert.equal(reply.status, 403, reply.text);
      judge_error(reply.json.error, 'no_copilot_access', /No Copilot seat for octocat/);
      assert.match(reply.json.error.message, /https:\/\/github\.com\//);
    }
    assert.ok((await sent(EXCHANGE)) - before_it <= 1);
    await sim.clear_rules();
    await own.stop();
    await fails_before('forbidden_403?text=terms', {
      status: 403,
      code: 'forbidden',
      said: /terms of service/,
      tries: 4,
    });
  });
  test('U25: an expires_at that a wrong clock makes nonsense of does not matter', async () => {
    await sim.scenario('exchange_skewed_expiry?by=-3600');
    const own = await new_port();
    const before_it = await sent(EXCHANGE);
    for (let at = 0; at < 3; at++) assert.equal((await own.chat()).status, 200);
    assert.ok((await sent(EXCHANGE)) - before_it <= 2);
    await own.stop();
    await sim.clear_rules();
  });
});

describe('refusals', () => {
  test('U14, U15: Retry-After of any kind becomes a number of seconds', async () => {
    for (const [scenario, fits] of [
      ['rate_limit_negative', (wait) => wait >= 1 && wait <= 60],
      ['rate_limit_junk', (wait) => wait >= 1 && wait <= 60],
      ['rate_limit_none', (wait) => wait === 60],
    ]) {
      await during(scenario, async () => {
        const reply = await port.chat();
        assert.equal(reply.status, 429, reply.text);
        assert.match(reply.json.error.message, /^Rate limit exceeded/);
        assert.ok(fits(Number(reply.headers['retry-after'])), reply.headers['retry-after']);
      });
    }
  });
  test('U16: every refusal has its own status and code, and is sent once', async () => {
    for (const [scenario, code, status, said] of [
      ['quota_402', 'insufficient_quota', 429, /^Quota used up/],
      ['client_466', 'client_too_old', 403, /newer version/],
      ['error_model_not_supported', 'model_not_found', 404, /^Model 'gpt-4' not found/],
      ['error_unsupported_api', 'unsupported_api_for_model', 400, /chat.completions/],
      ['error_prompt_too_long', 'context_length_exceeded', 400, /131072.*128000/],
      ['error_422', 'content_filter', 400, /filter/],
      ['error_413_text', 'upstream_rejected', 413, /too large/],
    ])
      await fails_before(scenario, { status, code, said });
  });
  test("U17: a 5xx is passed on with upstream's words, once", () =>
    fails_before('api_storm?times=2', {
      status: 503,
      code: 'upstream_failed',
      said: /no healthy upstream/,
    }));
});

describe('sizes and framing', () => {
  const MB = 1024 * 1024;
  const memory = () =>
    Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${port.pid}/status`, 'utf8'))[1]) * 1024;

  test('U18: headers without measure are 502, in bounded memory', async () => {
    for (const name of ['headers_huge', 'headers_many', 'headers_endless']) {
      const idle = memory();
      await fails_before(on_chat(name), { status: 502, code: 'upstream_headers_too_large' });
      assert_grew(memory() - idle, 32 * MB, name);
    }
  });
  test('U19: an endless line and an endless body are 502, in bounded memory', async () => {
    for (const name of ['endless_line', 'endless_body']) {
      const idle = memory();
      await during(on_chat(name), async () => {
        const reply = await port.chat();
        assert.equal(reply.status, 502, reply.text.slice(0, 300));
        assert.equal(reply.json.error.code, 'upstream_body_too_large');
      });
      assert_grew(memory() - idle, 200 * MB, name);
    }
  });
  test('U20: wrong lengths are errors, and never the next answer', async () => {
    for (const name of ['length_short', 'length_twice', 'chunk_size_bad', 'not_http']) {
      await during(on_chat(name, '&times=2'), async () => {
        const reply = await port.chat();
        assert.equal(reply.status, 502, `${name}: ${reply.text}`);
        assert.equal(typeof reply.json.error.code, 'string');
      });
    }
    for (const name of ['length_long', 'length_and_chunked'])
      await during(on_chat(name, '&times=1'), () => port.chat());
  });
  test('U21: a compressed body that nobody asked for is 502 unexpected_encoding', async () => {
    for (const encoding of ['gzip', 'br'])
      await fails_before(on_chat('gzip_unasked', `&encoding=${encoding}`), {
        status: 502,
        code: 'unexpected_encoding',
        said: new RegExp(encoding),
      });
  });
});

describe('U28, S9: redirects', () => {
  test('are not followed by any route, and no token goes there', async () => {
    const heard = [];
    const trap = createServer((request, response) => {
      heard.push(request.headers);
      response.end('{}');
    });
    trap.on('connection', () => heard.push('a connection'));
    await new Promise((resolve) => trap.listen(0, '127.0.0.1', resolve));
    const to = encodeURIComponent(`http://127.0.0.1:${trap.address().port}/take`);
    const routes = [
      ['POST /chat/completions', (one) => one.chat()],
      [
        'POST /embeddings',
        (one) => one.post('/v1/embeddings', { model: 'text-embedding-3-small', input: 'x' }),
      ],
      [
        'POST /v1/engines/gpt-41-copilot/completions',
        (one) => one.post('/v1/completions', { model: 'gpt-41-copilot', prompt: 'x', suffix: 'y' }),
      ],
    ];
    for (const [route, ask] of routes) {
      for (const status of [301, 302, 307, 308]) {
        await sim.clear_rules();
        await sim.scenario(`redirect?on=${encodeURIComponent(route)}&status=${status}&to=${to}`);
        const reply = await ask(port);
        assert.equal(reply.status, 502, `${route} ${status}: ${reply.text}`);
        assert.equal(reply.json.error.code, 'unexpected_redirect');
      }
    }
    await sim.clear_rules();
    const own = await new_port();
    for (const [route, ask] of [
      [`GET ${EXCHANGE}`, () => own.chat()],
      ['GET /models', () => own.get('/v1/models')],
      ['GET /copilot_internal/user', () => own.get('/usage')],
    ]) {
      await sim.clear_rules();
      await sim.scenario(`redirect?on=${encodeURIComponent(route)}&status=307&to=${to}`);
      assert.equal((await ask()).status, 502, route);
    }
    await own.stop();
    await sim.clear_rules();
    trap.close();
    assert.deepEqual(heard, []);
  });
});

describe('U29: model lists', () => {
  test('odd entries cost themselves alone; a bad list does not replace a good one', async () => {
    await sim.clear_rules();
    await sim.scenario('models_duplicates');
    const own = await new_port();
    const reply = await own.get('/v1/models');
    assert.equal(reply.status, 200, reply.text);
    const ids = reply.json.data.map((one) => one.id);
    assert.ok(ids.length > 0 && new Set(ids).size === ids.length, ids.join(' '));
    await own.stop();
    await sim.clear_rules();
  });
  test('none at all is an error that says so', async () => {
    await sim.clear_rules();
    await sim.scenario('error_500?on=GET%20/models');
    const own = await new_port();
    const reply = await own.get('/v1/models');
    assert.ok(reply.status >= 500, reply.text);
    assert.match(reply.json.error.message, /list of models|failed/);
    await own.stop();
    await sim.clear_rules();
  });
});

describe('U30: nobody signed in', () => {
  test('is 401 with the ways to sign in, on every route that needs it; health goes on', async () => {
    const own = await new_port({}, sim, false);
    for (const ask of [
      () => own.chat(),
      () => own.get('/v1/models'),
      () => own.post('/v1/embeddings', { model: 'text-embedding-3-small', input: 'x' }),
      () => own.post('/v1/completions', { prompt: 'x' }),
      () => own.get('/usage'),
    ]) {
      const reply = await ask();
      assert.equal(reply.status, 401, reply.text);
      judge_error(
        reply.json.error,
        'not_signed_in',
        /^Missing required GitHub configuration: GITHUB_TOKEN/,
      );
    }
    assert.equal((await own.get('/health/liveliness')).status, 200);
    await own.stop();
  });
});

/// A GitHub tenant over TLS and HTTP/2, reached through a proxy that leads to the simulator.
describe('U26: HTTP/2', () => {
  const TENANT = 'jumpseat-test.ghe.com';
  const hosts = [TENANT, `api.${TENANT}`, `copilot-api.${TENANT}`];
  let tls;
  let proxy;
  let own;
  before(async () => {
    const home = new Home();
    homes.push(home);
    const cert = join(home.path, 'tenant.pem');
    const key = join(home.path, 'tenant.key');
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
        ...['-keyout', key, '-out', cert, '-days', '2', '-subj', `/CN=${TENANT}`],
        ...['-addext', `subjectAltName=${hosts.map((host) => `DNS:${host}`).join(',')}`],
      ],
      { stdio: 'ignore' },
    );
    tls = await start_simulator({ tls: { cert, key } });
    await tls.rule({
      on: `GET ${EXCHANGE}`,
      do: { with: { api: `https://copilot-api.${TENANT}` } },
    });
    const there = Number(new URL(tls.url).port);
    proxy = createServer((_, response) => response.writeHead(403).end());
    proxy.on('connect', (request, socket) => {
      const far = net.connect(there, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        far.pipe(socket).pipe(far);
      });
      for (const [one, other] of [
        [far, socket],
        [socket, far],
      ])
        one.on('error', () => other.destroy()).on('close', () => other.destroy());
    });
    await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    own = await open_port({
      cwd: home.work,
      env: home.env({
        GITHUB_COPILOT_ENDPOINT: `https://api.${TENANT}`,
        GITHUB_TOKEN: await known_token(tls),
        HTTPS_PROXY: `http://127.0.0.1:${proxy.address().port}`,
        SSL_CERT_FILE: cert,
        MAX_RETRIES: '0',
      }),
    });
    assert.match((await own.chat()).text, GREETING);
  });
  after(async () => {
    await own?.stop();
    proxy?.close();
    await tls?.stop();
  });

  const chats = async () => tls.requests({ path: CHAT });

  test('fifty streams share one connection; a graceful GOAWAY lets them end, the next ones get a new one', async () => {
    await tls.scenario('chat_hold_midstream?times=49');
    const first = Array.from({ length: 49 }, () => own.stream());
    await Promise.all(first.map((one) => one.some_events(1)));
    await tls.scenario('http2_goaway?times=1');
    const goaway = own.stream();
    await goaway.end();
    assert.equal(goaway.events.at(-1), '[DONE]');
    const old = new Set((await chats()).map((one) => one.connection));
    assert.equal(old.size, 1, 'all over one connection');
    const next = await own.chat();
    assert.match(next.text, GREETING);
    const last = (await chats()).at(-1);
    assert.ok(!old.has(last.connection), 'the next request goes over a new connection');
    await tls.call_('POST', 'release', { name: 'chat' });
    await Promise.all(first.map((one) => one.end()));
    for (const one of first) assert.equal(one.events.at(-1), '[DONE]');
  });

  test('a hard GOAWAY ends the streams in errors, and the next request is answered', async () => {
    await tls.rule({
      on: `POST ${CHAT}`,
      times: 1,
      do: {
        stream: [
          { data: { choices: [{ index: 0, delta: { role: 'assistant', content: 'Hello' } }] } },
          { cut: 'goaway' },
        ],
      },
    });
    const stream = own.stream();
    await stream.end();
    assert.ok(!stream.events.includes('[DONE]'), stream.text);
    assert.equal(JSON.parse(stream.events.at(-1)).error.code, 'upstream_interrupted');
    assert.match((await own.chat()).text, GREETING);
  });

  test('C1: a client that leaves resets its stream and not the connection', async () => {
    await tls.scenario('chat_hold_midstream?times=2&name=second');
    const [leaving, staying] = [own.stream(), own.stream()];
    await Promise.all([leaving.some_events(1), staying.some_events(1)]);
    leaving.leave();
    await eventually(
      async () => (await chats()).some((one) => one.ended === 'closed_by_client'),
      'the reset',
    );
    await tls.call_('POST', 'release', { name: 'second' });
    await staying.end();
    assert.equal(staying.events.at(-1), '[DONE]');
  });
});
