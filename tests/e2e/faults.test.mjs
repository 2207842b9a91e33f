// Faults of upstream as an editor sees them: each test is named by its row of the fault matrix. Every request
// ends in exactly one answer or one typed error, which says what failed; nothing is repeated that costs money.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, afterEach, before, describe, test } from 'node:test';
import {
  Editor,
  Home,
  assert_grew,
  closed_port,
  eventually,
  in_time,
  known_token,
  start_simulator,
  upstream_env,
} from './harness.mjs';

const CHAT = '/chat/completions';
const EXCHANGE = '/copilot_internal/v2/token';

let sim;
let slow; // U6 takes half a minute; it runs beside the rest
const open = [];
before(async () => {
  sim = await start_simulator();
  slow = slow_loris();
  slow.catch(() => {}); // its test looks at it
});
after(() => sim.stop());
afterEach(async () => {
  for (const { editor, home } of open.splice(0)) {
    await editor.kill();
    home.remove();
  }
});

/// A session in a home of its own, signed in by a token of the environment. Scenarios are in force before
/// the first request, unless `ready`: then the token and the model list are there first.
async function session({
  scenarios = [],
  settings,
  env = {},
  signed_in = true,
  ready = false,
} = {}) {
  await sim.reset();
  if (settings) await sim.settings(settings);
  const home = new Home();
  const token = signed_in ? { GITHUB_TOKEN: await known_token(sim) } : {};
  if (!ready) for (const one of scenarios) await sim.scenario(one);
  const editor = new Editor({ env: home.env(sim.env, token, env), cwd: home.work });
  open.push({ editor, home });
  await editor.begin();
  if (ready) {
    const list = await editor.request('jumpseat/models', {});
    assert.ok(list.result, JSON.stringify(list));
    for (const one of scenarios) await sim.scenario(one);
  }
  return editor;
}

/// One chat that must fail: its error, checked for what every error has.
async function failed_chat(editor, extra = {}) {
  const token = `t${Math.random()}`;
  const pending = editor.chat({ partialResultToken: token, ...extra });
  const answer = await pending;
  assert.ok(answer.error, `an answer instead of an error: ${JSON.stringify(answer).slice(0, 500)}`);
  assert.equal(answer.result, undefined);
  assert.equal(typeof answer.error.code, 'number');
  assert.ok(answer.error.message.length > 20, answer.error.message);
  assert.equal(typeof answer.error.data.code, 'string');
  assert.equal(typeof answer.error.data.retryable, 'boolean');
  assert.equal(editor.answers(pending.id), 1);
  return { ...answer.error.data, message: answer.error.message, streamed: editor.streamed(token) };
}

async function good_chat(editor, extra = {}) {
  const answer = await editor.chat(extra);
  assert.ok(answer.result, JSON.stringify(answer.error));
  return answer.result.choices[0].message.content;
}

async function chats_upstream() {
  return (await sim.requests({ path: CHAT })).length;
}

/// The session still works: the rules are gone and a chat is answered.
async function still_works(editor) {
  await sim.clear_rules();
  assert.match(await good_chat(editor), /played by the GitHub simulator/);
  await editor.end();
}

/// A chat whose answer's headers come one byte at a time, each well within the limit on silence.
async function slow_loris() {
  const own = await start_simulator({
    scenarios: ['slow_loris_headers?on=POST%20/chat/completions&ms=500'],
  });
  const home = new Home();
  const env = home.env(own.env, { GITHUB_TOKEN: await known_token(own), REQUEST_TIMEOUT: '2' });
  const editor = new Editor({ env, cwd: home.work });
  try {
    await editor.begin();
    const begun = performance.now();
    const answer = await editor.chat({}, { ms: 90_000 });
    const took_ms = performance.now() - begun;
    await own.wait('closed', { path: CHAT });
    await editor.end();
    return { answer, took_ms };
  } finally {
    await editor.kill();
    await own.stop();
    home.remove();
  }
}

describe('connection', () => {
  test('U1: connection refused is upstream_unreachable, said at once', async () => {
    const port = closed_port();
    const editor = await session({ env: { ...upstream_env(port), MAX_RETRIES: '0' } });
    const begun = performance.now();
    const error = await failed_chat(editor);
    assert.equal(error.code, 'upstream_unreachable');
    assert.equal(error.retryable, true);
    assert.match(error.message, /127\.0\.0\.1.*refused/);
    // 50 ms on a quiet machine; the bound here only tells apart from back-off.
    assert.ok(performance.now() - begun < 5000);
  });

  test('U1: offline is told once in didChangeStatus, not per request', async () => {
    const port = closed_port();
    const editor = await session({ env: { ...upstream_env(port), MAX_RETRIES: '0' } });
    for (let i = 0; i < 3; i++) await failed_chat(editor);
    const warnings = editor.messages.filter(
      ({ value }) => value.method === 'didChangeStatus' && value.params.kind === 'Warning',
    );
    assert.equal(warnings.length, 1);
  });

  test('U2: a reset before the headers is upstream_reset and not repeated', async () => {
    for (const scenario of ['chat_reset_before_headers', 'chat_closed_before_headers']) {
      const editor = await session({ scenarios: [scenario] });
      const error = await failed_chat(editor);
      assert.equal(error.code, 'upstream_reset', scenario);
      assert.equal(error.retryable, true);
      assert.ok(
        (await chats_upstream()) <= 2,
        'more than the one repeat that the retry table allows',
      );
      await still_works(editor);
    }
  });

  test('U2: a reused connection that turns out dead costs at most one repeat', async () => {
    const editor = await session({ ready: true });
    await good_chat(editor);
    await sim.scenario('reused_connection_reset?on=POST%20/chat/completions&times=1');
    const answer = await editor.chat();
    const count = await chats_upstream();
    assert.ok(count <= 3, `${count} requests for two chats`);
    if (answer.error) assert.equal(answer.error.data.code, 'upstream_reset');
    await still_works(editor);
  });

  test('U3: a reset mid-stream keeps the text so far and is upstream_interrupted', async () => {
    for (const scenario of ['chat_reset_midstream?chunks=3', 'chat_closed_midstream?chunks=3']) {
      const editor = await session({ scenarios: [scenario] });
      const error = await failed_chat(editor);
      assert.equal(error.code, 'upstream_interrupted', scenario);
      assert.equal(error.streamed, 'Hello there,');
      assert.equal(error.partialLength, 'Hello there,'.length);
      assert.equal(await chats_upstream(), 1);
      await still_works(editor);
    }
  });
});

describe('silence', () => {
  const impatient = { REQUEST_TIMEOUT: '1' };

  test('U4: no first byte is first_byte_timeout', async () => {
    const editor = await session({ scenarios: ['chat_stall_before_headers'], env: impatient });
    const error = await failed_chat(editor);
    assert.equal(error.code, 'first_byte_timeout');
    assert.equal(error.httpStatus, 504);
    assert.match(error.message, /1 s/);
    await sim.wait('closed', { path: CHAT });
    assert.equal(await chats_upstream(), 1);
    await still_works(editor);
  });

  test('U5: a stall mid-stream is idle_timeout, and the connection is dropped', async () => {
    const editor = await session({ scenarios: ['chat_stall_midstream?chunks=3'], env: impatient });
    const error = await failed_chat(editor);
    assert.equal(error.code, 'idle_timeout');
    assert.equal(error.streamed, 'Hello there,');
    assert.equal(error.partialLength, 'Hello there,'.length);
    await sim.wait('closed', { path: CHAT });
    const [dropped] = await sim.requests({ path: CHAT });
    await sim.clear_rules();
    await good_chat(editor);
    const next = (await sim.requests({ path: CHAT }))[1];
    assert.notEqual(next.connection, dropped.connection, 'the connection was used again');
    await editor.end();
  });

  test('U5: silence after the headers is a time-out as well', async () => {
    const editor = await session({ scenarios: ['chat_stall_after_headers'], env: impatient });
    const error = await failed_chat(editor);
    assert.match(error.code, /^(idle|first_byte)_timeout$/);
    await sim.wait('closed', { path: CHAT });
    await still_works(editor);
  });
});

describe('streams', () => {
  test('U7: a stream without an end is stream_truncated', async () => {
    for (const [scenario, text] of [
      ['chat_truncated?chunks=3', 'Hello there,'],
      ['chat_truncated_mid_event?chunks=3', 'Hello there,'],
      ['chat_empty', ''],
    ]) {
      const editor = await session({ scenarios: [scenario] });
      const error = await failed_chat(editor);
      assert.equal(error.code, 'stream_truncated', scenario);
      assert.equal(error.streamed, text);
      assert.equal(error.retryable, true);
      assert.equal(await chats_upstream(), 1);
      await still_works(editor);
    }
  });

  test('U7: a finish reason without [DONE] is a whole answer', async () => {
    const editor = await session({ scenarios: ['chat_no_done?chunks=3'] });
    assert.equal(await good_chat(editor), 'Hello there,');
    await editor.end();
  });

  test('U7: [DONE] without anything before it is an error', async () => {
    const editor = await session({ scenarios: ['chat_done_only'] });
    await failed_chat(editor);
    await still_works(editor);
  });

  test('U8: however the bytes are split, the completion is the same', async () => {
    const names = [
      'chat_gpt_stream',
      'chat_claude_tools',
      'chat_gemini_tools',
      'chat_tool_calls_openai',
      'chat_reasoning_late',
      'chat_annotations',
      'chat_bom',
      'chat_keepalive_comments',
      'chat_references',
    ];
    const editor = await session({ ready: true });
    const stable = (completion) => {
      const { id, created, ...rest } = completion;
      assert.ok(id && created);
      // The simulator makes up the ids of tool calls.
      return JSON.stringify(rest).replace(/"id":"[^"]*"/g, '"id":"…"');
    };
    for (const name of names) {
      let whole;
      for (const way of ['', 'split=every-byte', 'split=7', 'crlf=1', 'crlf=1&split=every-byte']) {
        await sim.clear_rules();
        await sim.scenario(way === '' ? name : `${name}?${way}`);
        const answer = await editor.chat({ partialResultToken: `${name}?${way}` });
        assert.ok(answer.result, `${name}?${way}: ${JSON.stringify(answer.error)}`);
        whole ??= stable(answer.result);
        assert.equal(stable(answer.result), whole, `${name}?${way}`);
      }
    }
    await sim.clear_rules();
    await sim.scenario('chat_utf8_split');
    assert.equal(await good_chat(editor), 'Grüß dich 👋🏽 — 日本語 \u{1D11E}');
    await editor.end();
  });

  test('U9: an event that is not JSON is passed over when the rest is good', async () => {
    const editor = await session({ scenarios: ['chat_garbage_event?chunks=2'] });
    assert.equal(await good_chat(editor), 'Hello there after');
    for (const [scenario, text] of [
      ['chat_odd_types', 'Still here'],
      ['chat_deep_json', 'ab'],
      ['chat_bad_utf8', /^a.*b$/],
    ]) {
      await sim.clear_rules();
      await sim.scenario(scenario);
      const said = await good_chat(editor);
      if (typeof text === 'string') assert.equal(said, text, scenario);
      else assert.match(said, text, scenario);
    }
    await editor.end();
  });

  test('U9: nothing but garbage is bad_upstream_json', async () => {
    const editor = await session({ scenarios: ['chat_garbage_only'] });
    assert.equal((await failed_chat(editor)).code, 'bad_upstream_json');
    await still_works(editor);
  });

  test('U10: a log-in page is not_copilot, with content type, host and its beginning', async () => {
    const editor = await session({ scenarios: ['captive_portal?on=POST%20/chat/completions'] });
    const error = await failed_chat(editor);
    assert.equal(error.code, 'not_copilot');
    assert.equal(error.streamed, '');
    assert.match(error.message, /text\/html/);
    assert.match(error.message, /127\.0\.0\.1/, 'the host is named');
    await still_works(editor);
  });

  test('U10: a log-in page in place of the token is not_copilot, and the sign-in is not lost', async () => {
    const editor = await session({ scenarios: [`captive_portal?on=GET%20${EXCHANGE}`] });
    const error = await failed_chat(editor);
    assert.equal(error.code, 'not_copilot');
    await still_works(editor);
  });

  test('an error after 200 ends the chat as an error', async () => {
    for (const [scenario, streamed] of [
      ['chat_error_after_200?chunks=1', 'Hello'],
      ['chat_finish_error?chunks=1', 'Hello'],
      ['chat_remainder_error?chunks=1', 'Hello'],
    ]) {
      const editor = await session({ scenarios: [scenario] });
      const error = await failed_chat(editor);
      assert.equal(error.streamed, streamed, scenario);
      assert.equal(error.partialLength, streamed.length, scenario);
      await still_works(editor);
    }
  });
});

describe('tokens', () => {
  test('U11: chats that find the token expired share one exchange and are replayed once', async () => {
    const editor = await session({ ready: true });
    await sim.expire('copilot');
    const before_ = (await sim.requests({ path: EXCHANGE })).length;
    const answers = await Promise.all(Array.from({ length: 12 }, () => editor.chat()));
    for (const answer of answers) assert.ok(answer.result, JSON.stringify(answer.error));
    const { routes } = await sim.counts();
    assert.equal(routes[`GET ${EXCHANGE}`].requests - before_, 1, 'one exchange for all');
    assert.equal(routes[`GET ${EXCHANGE}`].most_at_once, 1);
    // Those that left before the first refusal were refused too, and sent again: at least one, at
    // most all.
    const sent = routes[`POST ${CHAT}`].requests;
    assert.ok(sent > 12 && sent <= 24, `${sent} requests`);
    await editor.end();
  });

  test('U11: concurrent first requests share one exchange and one model list', async () => {
    const editor = await session();
    const answers = await Promise.all(Array.from({ length: 12 }, () => editor.chat()));
    for (const answer of answers) assert.ok(answer.result, JSON.stringify(answer.error));
    const { routes } = await sim.counts();
    assert.equal(routes[`GET ${EXCHANGE}`].requests, 1);
    assert.equal(routes['GET /models'].requests, 1);
    assert.equal(routes[`POST ${CHAT}`].requests, 12);
    await editor.end();
  });

  test('U11: a second 401 is passed on, after one exchange and one replay', async () => {
    const editor = await session({ ready: true, scenarios: ['error_401'] });
    const error = await failed_chat(editor);
    assert.equal(error.code, 'token_rejected');
    assert.equal(error.signIn, 'signIn');
    assert.equal(await chats_upstream(), 2);
    assert.equal((await sim.requests({ path: EXCHANGE })).length, 2);
    await still_works(editor);
  });

  test('U11: a failed refresh leaves the session alive', async () => {
    const editor = await session({
      ready: true,
      env: { MAX_RETRIES: '0' },
      scenarios: ['exchange_500'],
    });
    await sim.expire('copilot');
    const error = await failed_chat(editor);
    assert.equal(error.code, 'upstream_failed');
    await still_works(editor);
  });

  test('U12: a token that expires during a stream ends that stream only', async () => {
    const editor = await session({
      ready: true,
      scenarios: ['chat_expired_midstream?chunks=2&times=1'],
    });
    const error = await failed_chat(editor);
    assert.equal(error.code, 'upstream_interrupted');
    assert.equal(error.streamed, 'Hello there');
    await still_works(editor);
  });

  test("U13: 403 at the exchange carries GitHub's words and link, and is remembered", async () => {
    const editor = await session({ scenarios: ['exchange_403_no_seat'] });
    for (let i = 0; i < 3; i++) {
      const error = await failed_chat(editor);
      assert.equal(error.code, 'no_copilot_access');
      assert.equal(error.httpStatus, 403);
      assert.match(error.message, /No Copilot seat for octocat/);
      assert.match(error.url, /^https:\/\/github\.com\//);
    }
    assert.equal((await sim.requests({ path: EXCHANGE })).length, 1);
    await editor.end();
  });

  test('U13: 403 at the chat is passed on; no refresh loop', async () => {
    const editor = await session({ ready: true, scenarios: ['forbidden_403?text=terms'] });
    for (let i = 0; i < 3; i++) {
      const error = await failed_chat(editor);
      assert.equal(error.code, 'forbidden');
      assert.match(error.message, /terms of service/);
      assert.equal(error.url, 'https://github.com/settings/copilot');
    }
    // One for the session, one for the first 403; the next ones come within the minute.
    assert.equal((await sim.requests({ path: EXCHANGE })).length, 2);
    assert.equal(await chats_upstream(), 4);
    await still_works(editor);
  });

  test('U25: an expires_at that a wrong clock makes nonsense of does not matter', async () => {
    for (const by of ['-3600', '3600', '-86400']) {
      const editor = await session({ scenarios: [`exchange_skewed_expiry?by=${by}`] });
      for (let i = 0; i < 3; i++) await good_chat(editor);
      assert.ok(
        (await sim.requests({ path: EXCHANGE })).length <= 2,
        `by ${by}: at most one extra exchange`,
      );
      await editor.end();
    }
  });
});

describe('refusals', () => {
  test('U14: Retry-After in any form becomes a number of seconds', async () => {
    for (const [scenario, fits] of [
      ['rate_limit_seconds?retry_after=17', (wait) => wait === 17],
      ['rate_limit_date', (wait) => wait >= 1 && wait <= 3600],
      ['rate_limit_huge', (wait) => wait >= 300 && wait <= 7 * 86400],
      ['rate_limit_negative', (wait) => wait >= 1 && wait <= 60],
      ['rate_limit_junk', (wait) => wait >= 1 && wait <= 60],
      ['rate_limit_in_body', (wait) => wait === 9],
    ]) {
      const editor = await session({ ready: true, scenarios: [scenario] });
      const before_ = await chats_upstream();
      const error = await failed_chat(editor);
      assert.equal(error.httpStatus, 429, scenario);
      assert.match(error.message, /^Rate limit exceeded/, scenario);
      assert.ok(
        Number.isInteger(error.retryAfter) && fits(error.retryAfter),
        `${scenario}: ${error.retryAfter}`,
      );
      assert.equal(error.retryable, true);
      assert.ok((await chats_upstream()) - before_ <= 1, `${scenario}: repeated`);
      await editor.end();
    }
  });

  test('U15: without Retry-After a wait is suggested', async () => {
    const editor = await session({ scenarios: ['rate_limit_none'] });
    const error = await failed_chat(editor);
    assert.ok(error.retryAfter >= 1 && error.retryAfter <= 60, String(error.retryAfter));
    assert.equal(await chats_upstream(), 1);
    await editor.end();
  });

  test('U16: quota, old client and the other refusals have codes of their own and are not repeated', async () => {
    const editor = await session({ ready: true });
    for (const [scenario, code, status, said] of [
      ['quota_402', 'insufficient_quota', 429, /^Quota used up/],
      [
        'quota_402?code=free_quota_exceeded&shape=json',
        'insufficient_quota',
        429,
        /^Quota used up/,
      ],
      ['client_466', 'client_too_old', 403, /newer version/],
      ['client_466?text=2022', 'client_too_old', 403, /newer version/],
      [
        'error_model_not_supported',
        'model_not_found',
        404,
        /^Model 'copilot-gpt-4' not found.*policy/,
      ],
      ['error_unsupported_api', 'unsupported_api_for_model', 400, /chat.completions/],
      ['error_prompt_too_long', 'context_length_exceeded', 400, /131072.*128000/],
      ['error_prompt_too_long_old', 'context_length_exceeded', 400, /131072.*128000/],
      ['error_422', 'content_filter', 400, /filter/],
      ['error_413_text', 'upstream_rejected', 413, /too large/],
      ['error_rate_limited_400', 'rate_limited', 429, /^Rate limit exceeded/],
      ['extension_blocked', 'extension_blocked', 429, /^Rate limit exceeded/],
    ]) {
      await sim.clear_rules();
      await sim.scenario(scenario);
      const before_ = await chats_upstream();
      const error = await failed_chat(editor);
      assert.equal(error.code, code, `${scenario}: ${JSON.stringify(error)}`);
      assert.equal(error.httpStatus, status, scenario);
      assert.match(error.message, said, scenario);
      assert.equal((await chats_upstream()) - before_, 1, `${scenario}: repeated`);
    }
    await editor.end();
  });

  test("U17: during a storm of 503 each chat fails at once with upstream's text, and is sent once", async () => {
    const editor = await session({ ready: true, scenarios: ['api_storm'] });
    const errors = await Promise.all(Array.from({ length: 10 }, () => failed_chat(editor)));
    for (const error of errors) {
      assert.equal(error.code, 'upstream_failed');
      assert.equal(error.retryable, true);
      assert.match(error.message, /no healthy upstream/);
    }
    assert.ok((await chats_upstream()) <= 11, 'at most 1.1 attempts per chat');
    // One chat in five seconds tries whether the storm is over.
    await sim.clear_rules();
    await eventually(async () => (await editor.chat()).result, 'the first good answer', {
      every_ms: 100,
    });
    await good_chat(editor);
    await editor.end();
  });
});

describe('sizes', () => {
  const MB = 1024 * 1024;

  test('U18: headers without measure are upstream_headers_too_large', async () => {
    for (const scenario of ['headers_huge', 'headers_many', 'headers_endless']) {
      const editor = await session({ ready: true });
      const idle = editor.memory();
      await sim.scenario(`${scenario}?on=POST%20/chat/completions`);
      const error = await failed_chat(editor);
      assert.equal(error.code, 'upstream_headers_too_large', scenario);
      assert_grew(editor.memory() - idle, 32 * MB, scenario);
      await sim.wait('ended', { path: CHAT });
      await still_works(editor);
    }
  });

  test('U19: an endless line and an endless body are errors, in bounded memory', async () => {
    for (const scenario of ['endless_line', 'endless_body']) {
      const editor = await session({ ready: true });
      await sim.scenario(`${scenario}?on=POST%20/chat/completions`);
      const idle = editor.memory();
      const error = await failed_chat(editor);
      assert.equal(error.code, 'upstream_body_too_large', `${scenario}: ${error.message}`);
      assert_grew(editor.memory() - idle, 200 * MB, scenario);
      await sim.wait('closed', { path: CHAT });
      await still_works(editor);
    }
  });

  test('U19: a chunk of 1 MB arrives whole', async () => {
    const editor = await session({ scenarios: ['chat_giant_chunk?bytes=1048576'] });
    assert.equal((await good_chat(editor)).length, MB);
    await editor.end();
  });

  test('U19: comments without end keep a chat waiting, not growing', async () => {
    const editor = await session({
      ready: true,
      scenarios: ['endless_comments?on=POST%20/chat/completions'],
    });
    const idle = editor.memory();
    const pending = editor.chat();
    await sim.wait('started', { path: CHAT });
    // Enough of them to show if they were kept: some megabytes have passed.
    await in_time(
      (async () => {
        while ((await sim.requests({ path: CHAT }))[0].bytes_sent < 16 * MB) {
          if (editor.answers(pending.id) > 0) return;
        }
      })(),
      '16 MB of comments',
    );
    assert_grew(editor.memory() - idle, 8 * MB);
    editor.notify('$/cancelRequest', { id: pending.id });
    assert.equal((await pending).error?.code, -32800);
    await sim.wait('closed', { path: CHAT });
    await still_works(editor);
  });

  test('U20: a body shorter than announced is an error', async () => {
    const editor = await session({ scenarios: ['length_short?on=POST%20/chat/completions'] });
    await failed_chat(editor);
    await still_works(editor);
  });

  test('U20: what comes after the announced end is never the next answer', async () => {
    const editor = await session({
      ready: true,
      scenarios: ['length_long?on=POST%20/chat/completions&times=1'],
    });
    const first = await editor.chat();
    assert.ok(first.result || first.error);
    assert.match(await good_chat(editor), /played by the GitHub simulator/);
    await editor.end();
  });

  test('U20: contradicting lengths and broken chunks are errors, never an answer', async () => {
    for (const scenario of ['length_twice', 'chunk_size_bad', 'not_http']) {
      const editor = await session({
        ready: true,
        scenarios: [`${scenario}?on=POST%20/chat/completions&times=2`],
      });
      await failed_chat(editor);
      await still_works(editor);
    }
    const editor = await session({
      ready: true,
      scenarios: ['length_and_chunked?on=POST%20/chat/completions&times=1'],
    });
    const answer = await editor.chat();
    assert.ok(answer.result || answer.error);
    await still_works(editor);
  });

  test('U21: a compressed body that nobody asked for is unexpected_encoding', async () => {
    for (const encoding of ['gzip', 'br']) {
      const editor = await session({
        scenarios: [`gzip_unasked?on=POST%20/chat/completions&encoding=${encoding}`],
      });
      const error = await failed_chat(editor);
      assert.equal(error.code, 'unexpected_encoding');
      assert.match(error.message, new RegExp(encoding));
      const [request] = await sim.requests({ path: CHAT });
      assert.equal(request.headers['accept-encoding'], 'identity');
      await still_works(editor);
    }
  });
});

describe('redirects', () => {
  /// A listener that must never hear anything.
  async function trap() {
    const heard = [];
    const server = createServer((request, response) => {
      heard.push({ url: request.url, headers: request.headers });
      response.end('{}');
    });
    server.on('connection', () => heard.push('a connection'));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { heard, url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
  }

  for (const [route, ask] of [
    [`POST ${CHAT}`, (editor) => editor.chat()],
    ['GET /models', (editor) => editor.request('jumpseat/models', {})],
    [`GET ${EXCHANGE}`, (editor) => editor.request('jumpseat/models', {})],
    ['GET /copilot_internal/user', (editor) => editor.request('jumpseat/account', {})],
    ['POST /login/device/code', (editor) => editor.request('signIn', {})],
  ]) {
    test(`U28: a redirect of ${route} is not followed, and no token goes there`, async () => {
      const target = await trap();
      try {
        for (const status of [301, 302, 307, 308]) {
          const editor = await session({
            signed_in: !route.startsWith('POST /login'),
            env: { MAX_RETRIES: '0' },
            scenarios: [
              `redirect?on=${encodeURIComponent(route)}&status=${status}&to=${encodeURIComponent(`${target.url}/take`)}`,
            ],
          });
          const answer = await ask(editor);
          assert.ok(answer.error, JSON.stringify(answer));
          if (!route.startsWith('POST /login')) {
            assert.equal(answer.error.data.code, 'unexpected_redirect');
            assert.equal(answer.error.data.httpStatus, 502);
          }
          assert.deepEqual(target.heard, []);
          await editor.end();
        }
      } finally {
        target.close();
      }
    });
  }
});

describe('models', () => {
  test('U29: an odd list costs the odd entries only', async () => {
    const editor = await session({ scenarios: ['models_duplicates'] });
    const list = (await editor.request('jumpseat/models', {})).result.data;
    assert.equal(new Set(list.map((one) => one.id)).size, list.length, 'an id is there twice');
    await editor.end();

    const big = await session({ scenarios: ['models_2mb'] });
    assert.ok((await big.request('jumpseat/models', {})).result.data.length > 5);
    await big.end();
  });

  test('U29: a list that turns empty or bad does not replace the good one', async () => {
    const editor = await session({ ready: true, env: { MAX_RETRIES: '0' } });
    const good = (await editor.request('jumpseat/models', {})).result.data;
    for (const scenario of ['models_empty', 'models_garbage', 'models_wrong_shape', 'models_500']) {
      await sim.clear_rules();
      await sim.scenario(scenario);
      const asked = await editor.request('jumpseat/models', { refresh: true });
      assert.ok(asked.error || asked.result.data.length === good.length, scenario);
      const kept = (await editor.request('jumpseat/models', {})).result;
      assert.equal(kept.data.length, good.length, scenario);
      assert.ok(kept.age_seconds >= 0);
      await good_chat(editor);
    }
    await editor.end();
  });

  test('U29: no list at all is an error that says so', async () => {
    const editor = await session({ env: { MAX_RETRIES: '0' }, scenarios: ['models_garbage'] });
    const answer = await editor.request('jumpseat/models', {});
    assert.equal(answer.error.data.code, 'bad_upstream_json');
    await sim.clear_rules();
    await sim.scenario('models_empty');
    const error = await failed_chat(editor);
    assert.equal(error.code, 'model_not_found');
    await editor.end();
  });
});

describe('sign-in', { concurrency: 4 }, () => {
  /// Sign-ins are mostly waiting, so they are tried side by side, each with a simulator of its own.
  async function with_session(scenarios, use) {
    const own = await start_simulator({ scenarios });
    const home = new Home();
    const editor = new Editor({ env: home.env(own.env), cwd: home.work });
    try {
      await editor.begin();
      await use(editor, own);
      await editor.end();
    } finally {
      await editor.kill();
      await own.stop();
      home.remove();
    }
  }

  for (const [scenario, code] of [
    ['device_pending_N?n=1', undefined],
    ['device_form_encoded', undefined],
    ['device_poll_500?times=1', undefined],
    ['device_poll_reset?times=1', undefined],
    ['device_refreshable', undefined],
    ['device_denied?n=0', 'sign_in_denied'],
    ['device_expired?n=0', 'sign_in_expired'],
    ['device_unknown_error', 'sign_in_failed'],
    ['device_disabled', 'sign_in_failed'],
  ]) {
    test(`U30: ${scenario} ends ${code === undefined ? 'signed in' : `in ${code}`}`, () =>
      with_session([scenario], async (editor) => {
        const prompt = await editor.request('signIn', {});
        const end = prompt.error ? prompt : await editor.request('signInConfirm', {});
        assert.equal(end.error?.data.code, code, JSON.stringify(end));
        if (code === undefined) assert.equal(end.result.status, 'OK');
        const { params } = editor.messages.findLast(
          ({ value }) => value.method === 'didChangeStatus',
        ).value;
        assert.equal(params.busy, false);
        assert.equal(params.kind, code === undefined ? 'Normal' : 'Error');
      }));
  }

  test('U30: device-flow errors with status 400 mean the same', () =>
    with_session(['device_errors_with_400', 'device_denied?n=0'], async (editor) => {
      assert.ok((await editor.request('signIn', {})).result);
      const end = await editor.request('signInConfirm', {});
      assert.ok(
        end.error?.data.code === 'sign_in_denied' || end.result?.status === 'OK',
        JSON.stringify(end),
      );
    }));

  test('U30: cancelling works at any time, also during a poll that hangs', () =>
    with_session(['device_poll_stall'], async (editor, own) => {
      assert.ok((await editor.request('signIn', {})).result);
      const waiting = editor.request('signInConfirm', {});
      await own.wait('stalled', { path: '/login/oauth/access_token' });
      assert.equal((await editor.request('signOut', {})).result.status, 'NotSignedIn');
      assert.equal((await waiting).error.code, -32800);
      await own.wait('closed', { path: '/login/oauth/access_token' });
    }));
});

test('U6: headers that trickle end after half a minute, however lively they are', async () => {
  const { answer, took_ms } = await slow;
  assert.equal(answer.error?.data.code, 'first_byte_timeout', JSON.stringify(answer));
  assert.ok(took_ms < 45_000, `${took_ms} ms`);
});
