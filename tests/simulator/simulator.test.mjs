// Tests of the simulator itself: node --test tests/simulator/
//
// They use the raw protocol, never the product. Nothing sleeps: what must have happened is awaited
// through /_sim/wait, and time passes by /_sim/clock.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { start } from './client.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

let sim;
before(async () => {
  sim = await start({ interval: 5 });
});
afterEach(() => sim.reset());
after(() => sim.stop());

/// One request; resolves with {status, headers, text, json(), failed} once it ended in any way.
function call(
  method,
  path,
  { headers = {}, body, agent = false, base = sim.url, on_data, on_request } = {},
) {
  const bytes =
    body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  return new Promise((resolve) => {
    const out = { status: null, headers: {}, text: '', reads: 0, failed: null };
    const finish = (error) => {
      out.failed ??= error?.code ?? null;
      resolve(out);
    };
    out.json = () => JSON.parse(out.text);
    const req = http.request(
      `${base}${path}`,
      {
        method,
        agent,
        headers: {
          'user-agent': 'test/1.0',
          ...(bytes === undefined ? {} : { 'content-length': Buffer.byteLength(bytes) }),
          ...headers,
        },
      },
      (res) => {
        out.status = res.statusCode;
        out.headers = res.headers;
        const pieces = [];
        res.on('data', (piece) => {
          out.reads++;
          pieces.push(piece);
          on_data?.(Buffer.concat(pieces).toString(), req);
        });
        const done = (error) => {
          out.text = Buffer.concat(pieces).toString();
          finish(error);
        };
        res.on('end', () => done(null));
        res.on('error', done);
        res.on('close', () => done(res.complete ? null : { code: 'INCOMPLETE' }));
      },
    );
    req.on('error', finish);
    on_request?.(req);
    if (bytes !== undefined) req.write(bytes);
    req.end();
  });
}

const JSON_ACCEPT = { accept: 'application/json' };
const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const ask_code = (headers = JSON_ACCEPT) =>
  call('POST', '/login/device/code', {
    headers,
    body: { client_id: 'Iv1.anything', scope: 'read:user' },
  });
const poll = (device_code, client_id = 'Iv1.anything') =>
  call('POST', '/login/oauth/access_token', {
    headers: JSON_ACCEPT,
    body: { client_id, device_code, grant_type: GRANT },
  }).then((reply) => reply.json());

const GITHUB_TOKEN = `ghu_${'a'.repeat(36)}`;

async function exchange(token = GITHUB_TOKEN) {
  await sim.register(token);
  return call('GET', '/copilot_internal/v2/token', {
    headers: { authorization: `token ${token}` },
  });
}

const editor = (token) => ({
  authorization: `Bearer ${token}`,
  'editor-version': 'vscode/1.110.1',
  'copilot-integration-id': 'vscode-chat',
  'content-type': 'application/json',
});

const signed_in = async () => editor((await exchange()).json().token);
const question = (more = {}) => ({
  model: 'gpt-4.1',
  stream: true,
  messages: [{ role: 'user', content: 'hello' }],
  ...more,
});
const chat = (headers, more = {}, rest = {}) =>
  call('POST', '/chat/completions', { headers, body: question(more), ...rest });

/// The JSON events of a stream, without [DONE].
const events = (text) =>
  text
    .split(/\r?\n\r?\n/)
    .filter((one) => one.startsWith('data: ') && !one.includes('[DONE]'))
    .map((one) => JSON.parse(one.slice(6)));
const content_of = (text) =>
  events(text)
    .map((one) => one.choices?.[0]?.delta?.content ?? '')
    .join('');

describe('device flow', () => {
  test('a code is approved after some polls and gives a token', async () => {
    const code = (await ask_code()).json();
    assert.match(code.device_code, /^[0-9a-f]{40}$/);
    assert.match(code.user_code, /^[A-Z]{4}-\d{4}$/);
    assert.equal(code.verification_uri, `${sim.url}/login/device`);
    assert.deepEqual([code.expires_in, code.interval], [900, 5]);
    assert.notEqual((await ask_code()).json().user_code, code.user_code);
    for (let round = 0; round < 2; round++) {
      assert.equal((await poll(code.device_code)).error, 'authorization_pending');
      await sim.advance_clock(5);
    }
    const reply = await poll(code.device_code);
    assert.match(reply.access_token, /^ghu_[A-Za-z0-9]{36}$/);
    assert.equal(reply.scope, 'read:user');
    assert.equal((await poll(code.device_code)).error, 'incorrect_device_code');
  });

  test('without Accept the answer is form-encoded; a form is read as well', async () => {
    const reply = await ask_code({});
    assert.match(reply.headers['content-type'], /x-www-form-urlencoded/);
    const code = Object.fromEntries(new URLSearchParams(reply.text));
    const form = new URLSearchParams({
      client_id: 'Iv1.anything',
      device_code: code.device_code,
      grant_type: GRANT,
    });
    const polled = await call('POST', '/login/oauth/access_token', {
      headers: { ...JSON_ACCEPT, 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
    });
    assert.equal(polled.json().error, 'authorization_pending');
    await sim.scenario('device_form_encoded');
    assert.match((await ask_code()).text, /^device_code=/);
  });

  test('polling faster than the interval is told to slow down by five seconds, each time', async () => {
    const code = (await ask_code()).json();
    await poll(code.device_code);
    assert.deepEqual(
      [(await poll(code.device_code)).interval, (await poll(code.device_code)).interval],
      [10, 15],
    );
    await sim.advance_clock(14);
    assert.equal((await poll(code.device_code)).interval, 20);
    await sim.advance_clock(20);
    assert.equal((await poll(code.device_code)).error, 'authorization_pending');
  });

  test('every ending', async () => {
    const endings = {
      'device_denied?n=0': 'access_denied',
      'device_expired?n=0': 'expired_token',
      'device_unknown_error?n=0': 'a_new_kind_of_error',
      device_slow_down: 'slow_down',
      device_pending_3: 'authorization_pending',
    };
    for (const [scenario, error] of Object.entries(endings)) {
      await sim.clear_rules();
      await sim.scenario(scenario);
      assert.equal((await poll((await ask_code()).json().device_code)).error, error, scenario);
    }
    await sim.clear_rules();
    const code = (await ask_code()).json();
    assert.equal((await poll(code.device_code, 'Iv1.other')).error, 'incorrect_client_credentials');
    assert.equal((await poll('nonsense')).error, 'incorrect_device_code');
    await sim.advance_clock(901);
    assert.equal((await poll(code.device_code)).error, 'expired_token');
    await sim.scenario('device_disabled');
    assert.equal((await ask_code()).json().error, 'device_flow_disabled');
  });

  test('a person approves or denies, by control and on the page', async () => {
    await sim.settings({ person: 'manual' });
    const first = (await ask_code()).json();
    await sim.person('approve', first.user_code.toLowerCase());
    assert.ok((await poll(first.device_code)).access_token);
    await assert.rejects(sim.person('approve', 'NONE-0000'), /no such code/);

    const second = (await ask_code()).json();
    assert.match((await call('GET', '/login/device')).text, /Enter the code/);
    const submit = (fields) =>
      call('POST', '/login/device', { body: new URLSearchParams(fields).toString() });
    assert.equal((await submit({ user_code: '<b>' })).status, 404);
    assert.match((await submit({ user_code: second.user_code })).text, /Authorize/);
    assert.equal((await poll(second.device_code)).error, 'authorization_pending');
    assert.match((await submit({ user_code: second.user_code, action: 'deny' })).text, /cancelled/);
    await sim.advance_clock(5);
    assert.equal((await poll(second.device_code)).error, 'access_denied');
  });

  test('refresh tokens rotate', async () => {
    await sim.scenario('device_refreshable?n=0');
    const reply = await poll((await ask_code()).json().device_code);
    assert.deepEqual([reply.expires_in, reply.refresh_token.slice(0, 4)], [28800, 'ghr_']);
    const refresh = (refresh_token) =>
      call('POST', '/login/oauth/access_token', {
        headers: JSON_ACCEPT,
        body: { client_id: 'x', grant_type: 'refresh_token', refresh_token },
      }).then((one) => one.json());
    assert.notEqual((await refresh(reply.refresh_token)).access_token, reply.access_token);
    assert.equal((await refresh(reply.refresh_token)).error, 'bad_refresh_token');
  });
});

describe('exchange and user', () => {
  test('gives a Copilot token that points back here', async () => {
    const reply = (await exchange()).json();
    assert.match(reply.token, /^tid=[0-9a-f]{32};exp=\d+;sku=\w+;proxy-ep=[^;]+;.*:[0-9a-f]{64}$/);
    assert.equal(reply.endpoints.api, sim.url);
    assert.equal(reply.refresh_in, 1500);
    assert.ok(Math.abs(reply.expires_at - Date.now() / 1000 - 1800) < 5);
  });

  test('refuses what GitHub refuses', async () => {
    const get = (headers) => call('GET', '/copilot_internal/v2/token', { headers });
    assert.equal((await get({})).status, 401);
    assert.equal(
      (await get({ authorization: 'token ghu_unknown' })).json().message,
      'Bad credentials',
    );
    assert.equal(
      (await get({ authorization: `token ${GITHUB_TOKEN}`, 'user-agent': '' })).status,
      403,
    );
    assert.equal((await exchange(`github_pat_${'a'.repeat(30)}`)).status, 403);
    assert.equal((await exchange(`ghp_${'a'.repeat(36)}`)).status, 404);
    await sim.register({ token: 'gho_gh', exchange: 404 });
    assert.equal((await get({ authorization: 'token gho_gh' })).status, 404);
    await exchange();
    await sim.expire('github');
    assert.equal((await get({ authorization: `Bearer ${GITHUB_TOKEN}` })).status, 401);
  });

  test('scenarios', async () => {
    const statuses = {
      exchange_401: 401,
      exchange_403_rest_limit: 403,
      exchange_404: 404,
      exchange_500: 500,
    };
    for (const [name, status] of Object.entries(statuses)) {
      await sim.clear_rules();
      await sim.scenario(name);
      assert.equal((await exchange()).status, status, name);
    }
    await sim.clear_rules();
    await sim.scenario('exchange_403_no_seat?notification_id=billing_locked&times=1');
    const refused = await exchange();
    assert.equal(refused.json().error_details.notification_id, 'billing_locked');
    await assert.rejects(sim.scenario('exchange_403_no_seat?notification_id=huh'), /one of/);
    assert.equal((await exchange()).status, 200);
    await sim.scenario('exchange_missing_optional?times=1');
    assert.deepEqual(Object.keys((await exchange()).json()).sort(), [
      'expires_at',
      'refresh_in',
      'token',
    ]);
    await sim.scenario('exchange_skewed_expiry?times=1');
    const skewed = (await exchange()).json();
    assert.ok(skewed.expires_at < Date.now() / 1000 - 3000 && skewed.refresh_in === 1500);
    await sim.scenario('exchange_short_lived?times=1&refresh_in=1&expires_in=3');
    const headers = editor((await exchange()).json().token);
    assert.equal((await call('GET', '/models', { headers })).status, 200);
    await sim.advance_clock(4);
    assert.equal((await call('GET', '/models', { headers })).status, 401);
  });

  test('user records of all plans, and /user without the internal version', async () => {
    await sim.register(GITHUB_TOKEN);
    const user = async () =>
      (
        await call('GET', '/copilot_internal/user', {
          headers: { authorization: `token ${GITHUB_TOKEN}` },
        })
      ).json();
    assert.equal((await user()).quota_snapshots.premium_interactions.entitlement, 300);
    const expected = {
      user_free: (one) => one.limited_user_quotas.chat === 41 && !one.quota_snapshots,
      user_unlimited: (one) => one.quota_snapshots.premium_interactions.unlimited,
      user_negative: (one) => one.quota_snapshots.premium_interactions.remaining === -1,
      user_no_access: (one) => one.access_type_sku === 'no_access',
    };
    for (const [name, check] of Object.entries(expected)) {
      await sim.clear_rules();
      await sim.scenario(name);
      assert.ok(check(await user()), name);
    }
    const rest = (version) =>
      call('GET', '/user', {
        headers: { authorization: `token ${GITHUB_TOKEN}`, 'x-github-api-version': version },
      });
    assert.equal((await rest('2025-04-01')).status, 400);
    assert.equal((await rest('2022-11-28')).json().login, 'octocat');
  });
});

describe('headers of the data plane', () => {
  test('the texts of missing and wrong headers', async () => {
    const good = await signed_in();
    const without = (name) =>
      Object.fromEntries(Object.entries(good).filter(([key]) => key !== name));
    const get = async (headers) => {
      const reply = await call('GET', '/models', { headers });
      return `${reply.status} ${reply.text.trim()}`;
    };
    assert.match(await get(good), /^200 /);
    assert.equal(
      await get(without('editor-version')),
      '400 bad request: missing Editor-Version header for IDE auth',
    );
    assert.equal(
      await get(without('copilot-integration-id')),
      '400 bad request: missing required Copilot-Integration-Id header',
    );
    assert.match(
      await get({ ...good, 'copilot-integration-id': 'mine' }),
      /^400 .*unknown Copilot-Integration-Id$/,
    );
    assert.match(
      await get({ ...good, 'editor-version': 'nonsense' }),
      /^400 .*unknown Editor-Version/,
    );
    assert.match(
      await get({ ...good, 'x-github-api-version': '2023-07-07' }),
      /^466 .*no longer supported/,
    );
    assert.match(await get({ ...good, authorization: '' }), /^401 unauthorized/);
    assert.match(
      await get({ ...good, authorization: 'Bearer tid=1;exp=2:3' }),
      /^401 unauthorized/,
    );
    assert.match(await get({ ...good, host: 'api.other.example' }), /^421 Misdirected/);
    await sim.expire('copilot');
    assert.equal(await get(good), '401 IDE token expired: unauthorized: token expired');
  });

  test('GitHub tokens as bearers', async () => {
    await sim.register('gho_direct', `github_pat_${'a'.repeat(22)}`, {
      token: 'github_pat_allowed',
      copilot_requests: true,
    });
    const get = async (token) =>
      (await call('GET', '/models', { headers: { authorization: `Bearer ${token}` } })).status;
    assert.deepEqual(
      [
        await get('gho_direct'),
        await get('gho_unknown'),
        await get(`ghp_${'a'.repeat(36)}`),
        await get(`github_pat_${'a'.repeat(22)}`),
        await get('github_pat_allowed'),
      ],
      [200, 401, 400, 401, 200],
    );
  });

  test('ids on every reply; quota only on 2xx, not with /models; 404 is text', async () => {
    const headers = await signed_in();
    const replies = {
      models: await call('GET', '/models', { headers }),
      chat: await chat(headers),
      refused: await chat(headers, { model: 'nope' }),
      lost: await call('POST', '/v1/files', { headers, body: {} }),
      code: await ask_code(),
    };
    for (const [name, reply] of Object.entries(replies)) {
      assert.ok(reply.headers['x-request-id'] && reply.headers['x-github-request-id'], name);
      assert.equal('x-quota-snapshot-premium_interactions' in reply.headers, name === 'chat', name);
    }
    assert.equal(
      new URLSearchParams(replies.chat.headers['x-quota-snapshot-premium_interactions']).get('ent'),
      '300',
    );
    assert.deepEqual([replies.lost.status, replies.lost.text], [404, '404 page not found\n']);
    assert.equal(
      (await call('GET', '/models', { headers: { ...headers, 'x-request-id': 'my-id' } })).headers[
        'x-request-id'
      ],
      'my-id',
    );
  });
});

describe('models', () => {
  test('the list is mixed', async () => {
    const headers = await signed_in();
    const { data } = (await call('GET', '/models', { headers })).json();
    const by_id = Object.fromEntries(data.map((one) => [one.id, one]));
    assert.equal(by_id['gpt-4o'].supported_endpoints, undefined);
    assert.deepEqual(by_id['gpt-5-codex'].supported_endpoints, ['/responses', 'ws:/responses']);
    assert.equal(by_id['claude-opus-4.1'].policy.state, 'disabled');
    assert.equal(by_id['oswe-preview'].capabilities.limits, undefined);
    assert.ok(by_id['grok-code-fast-1'].billing.token_prices);
    assert.equal(data.filter((one) => typeof one.id !== 'string').length, 1);
    assert.deepEqual(
      new Set(data.map((one) => one.capabilities.type)),
      new Set(['chat', undefined, 'embeddings', 'completion']),
    );
  });

  test('policy, single models and scenarios', async () => {
    const headers = await signed_in();
    const ask = () => chat(headers, { model: 'claude-opus-4.1' });
    assert.equal((await ask()).status, 400);
    await call('POST', '/models/claude-opus-4.1/policy', { headers, body: { state: 'enabled' } });
    assert.equal((await ask()).status, 200);
    assert.equal((await call('GET', '/models/gpt-4.1', { headers })).json().name, 'GPT-4.1');
    assert.equal((await call('GET', '/models/none', { headers })).status, 404);
    await sim.scenario('models_429_after_success');
    const statuses = [];
    for (let round = 0; round < 3; round++)
      statuses.push((await call('GET', '/models', { headers })).status);
    assert.deepEqual(statuses, [200, 429, 429]);
    const list = async (name) => {
      await sim.clear_rules();
      await sim.scenario(name);
      return call('GET', '/models', { headers });
    };
    assert.deepEqual((await list('models_empty')).json().data, []);
    assert.ok((await list('models_2mb')).text.length > 2e6);
    assert.equal(
      (await list('models_duplicates')).json().data.filter((one) => one.id === 'gpt-4.1').length,
      3,
    );
  });
});

describe('chat', () => {
  test('streams an answer that refers to the question, in each dialect', async () => {
    const headers = await signed_in();
    for (const model of ['gpt-4.1', 'claude-sonnet-4.5', 'gemini-2.5-pro']) {
      const reply = await chat(headers, {
        model,
        messages: [{ role: 'user', content: 'Grüß dich' }],
      });
      assert.match(content_of(reply.text), /“Grüß dich”/);
      assert.ok(reply.text.endsWith('data: [DONE]\n\n'));
      assert.ok(events(reply.text).at(-1).usage.completion_tokens > 0);
    }
    const gpt = events((await chat(headers)).text);
    assert.deepEqual([gpt[0].choices, gpt[0].id, gpt[0].created], [[], '', 0]);
    const gemini = events((await chat(headers, { model: 'gemini-2.5-pro' })).text);
    assert.equal(gemini[0].usage.total_tokens, 0);
  });

  test('whole replies: Claude has no index and its display name', async () => {
    const headers = await signed_in();
    const claude = (await chat(headers, { stream: false, model: 'claude-haiku-4.5' })).json();
    assert.equal(claude.model, 'Claude Haiku 4.5');
    assert.ok(!('index' in claude.choices[0]) && !('object' in claude));
    assert.equal((await chat(headers, { stream: false })).json().choices[0].index, 0);
    await sim.scenario('chat_claude_multichoice');
    assert.equal((await chat(headers, { stream: false })).json().choices.length, 3);
  });

  test('tools: called when named, answered when run; Claude keeps index 0', async () => {
    const headers = await signed_in();
    const tools = [
      {
        type: 'function',
        function: {
          name: 'weather',
          parameters: { type: 'object', properties: { city: { type: 'string' } } },
        },
      },
    ];
    const asked = await chat(headers, {
      tools,
      messages: [{ role: 'user', content: 'weather in Rome' }],
    });
    const text = events(asked.text)
      .map((one) => one.choices[0]?.delta.tool_calls?.[0].function.arguments ?? '')
      .join('');
    assert.deepEqual(JSON.parse(text), { city: 'rome' });
    const done = await chat(headers, {
      tools,
      messages: [{ role: 'tool', tool_call_id: 'x', content: 'sunny' }],
    });
    assert.match(content_of(done.text), /sunny/);
    await sim.scenario('chat_claude_tools');
    const calls = events((await chat(headers)).text).flatMap(
      (one) => one.choices[0].delta.tool_calls ?? [],
    );
    assert.deepEqual([...new Set(calls.map((one) => one.index))], [0]);
    assert.equal(new Set(calls.map((one) => one.id).filter(Boolean)).size, 2);
  });

  test('refusals', async () => {
    const headers = await signed_in();
    const code = async (more, extra = {}) => {
      const reply = await chat({ ...headers, ...extra }, more);
      if (reply.status === 200) return 200;
      return reply.text.startsWith('{') ? reply.json().error.code : reply.text.trim();
    };
    const image = {
      messages: [
        {
          role: 'tool',
          content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } }],
        },
      ],
    };
    assert.deepEqual(
      {
        unknown: await code({ model: 'gpt-99' }),
        embeddings: await code({ model: 'text-embedding-3-small' }),
        responses_only: await code({ model: 'gpt-5-codex' }),
        max_tokens: await code({ model: 'gpt-5', max_tokens: 5 }),
        o_series: await code({ model: 'o4-mini', max_tokens: 5 }),
        allowed: await code({ model: 'gpt-5', max_completion_tokens: 5 }),
        tier: await code({ service_tier: 'auto' }),
        store: await code({ store: true }),
        effort: await code({ model: 'gpt-5', reasoning_effort: 'minimal' }),
        no_stream: await code({ model: 'o1' }),
        long: await code({
          model: 'o1',
          stream: false,
          messages: [{ role: 'user', content: 'x'.repeat(100000) }],
        }),
        image: await code(image),
        image_header: await code(image, { 'copilot-vision-request': 'true' }),
        empty: await code({ messages: [] }),
      },
      {
        unknown: 'model_not_supported',
        embeddings: 'model_not_supported',
        responses_only: 'unsupported_api_for_model',
        max_tokens: 'invalid_request_body',
        o_series: 'invalid_request_body',
        allowed: 200,
        tier: 'unsupported_value',
        store: 'unsupported_value',
        effort: 'invalid_request_body',
        no_stream: 'unsupported_value',
        long: 'model_max_prompt_tokens_exceeded',
        image: 'bad request: missing required Copilot-Vision-Request header for vision requests',
        image_header: 200,
        empty: 'invalid_request_body',
      },
    );
    const garbage = await call('POST', '/chat/completions', { headers, body: '{"model":' });
    assert.deepEqual([garbage.status, garbage.json().error.code], [400, '']);
    const { 'content-type': _type, ...no_type } = headers;
    assert.equal((await chat(no_type)).status, 400);
  });

  test('user turns cost premium requests, agent turns do not', async () => {
    const headers = await signed_in();
    const left = (reply) =>
      Number(
        new URLSearchParams(reply.headers['x-quota-snapshot-premium_interactions']).get('totRem'),
      );
    const model = 'claude-sonnet-4.5';
    const before_it = left(await chat(headers));
    assert.equal(left(await chat({ ...headers, 'x-initiator': 'user' }, { model })), before_it - 1);
    assert.equal(
      left(await chat({ ...headers, 'x-initiator': 'agent' }, { model })),
      before_it - 1,
    );
  });

  test('every named chat scenario answers, stalls or cuts as it says', async () => {
    const headers = await signed_in();
    const never = [
      'chat_stall_midstream',
      'chat_stall_before_headers',
      'chat_stall_after_headers',
      'chat_request_unread',
      'chat_hold_midstream',
    ];
    const names = (await sim.call_('GET', 'scenarios'))
      .map((one) => one.name)
      .filter((name) => name.startsWith('chat_'));
    assert.ok(names.length > 40);
    for (const name of names) {
      await sim.clear_rules();
      await sim.scenario(name);
      const fresh = { ...headers, authorization: (await signed_in()).authorization };
      let request;
      const running = chat(fresh, {}, { on_request: (req) => (request = req) });
      if (never.includes(name)) {
        await sim.wait('stalled', { path: '/chat/completions' });
        request.destroy();
      }
      const reply = await running;
      const [seen] = (await sim.wait('ended', { path: '/chat/completions' })).slice(-1);
      assert.equal(seen.rule, name);
      if (never.includes(name)) assert.equal(seen.ended, 'closed_by_client', name);
      else if (/reset|closed|expired_mid/.test(name))
        assert.deepEqual([seen.ended, reply.failed !== null], ['cut', true], name);
      else
        assert.deepEqual([seen.ended, reply.status, reply.failed], ['complete', 200, null], name);
      await sim.reset();
    }
  });

  test('split at every byte, CRLF and comments do not change the content', async () => {
    const headers = await signed_in();
    const expected = 'Hello there, this is a test.';
    for (const name of [
      'chat_gpt_stream',
      'chat_gpt_stream?split=every-byte',
      'chat_gpt_stream?split=7',
      'chat_gpt_stream?crlf=1',
    ]) {
      await sim.clear_rules();
      await sim.scenario(name);
      const reply = await chat(headers);
      assert.equal(content_of(reply.text), expected, name);
      if (name.includes('crlf')) assert.ok(reply.text.includes('\r\n\r\n'));
      if (name.includes('every')) assert.ok(reply.reads > 100, `${reply.reads} reads`);
    }
    await sim.clear_rules();
    await sim.scenario('chat_utf8_split');
    assert.equal(content_of((await chat(headers)).text), 'Grüß dich 👋🏽 — 日本語 \u{1D11E}');
  });
});

describe('errors and broken HTTP', () => {
  test('every error scenario has its status', async () => {
    const headers = await signed_in();
    const special = {
      rate_limit_in_body: 429,
      extension_blocked: 429,
      quota_402: 402,
      client_466: 466,
      forbidden_403: 403,
      error_rate_limited_400: 400,
      error_401_authorize: 401,
      api_storm: 503,
    };
    for (const { name } of await sim.call_('GET', 'scenarios')) {
      const status =
        special[name] ??
        (name.startsWith('rate_limit') ? 429 : Number(/^error_(\d{3})/.exec(name)?.[1]));
      if (!status) continue;
      await sim.clear_rules();
      await sim.scenario(name);
      const reply = await chat(headers);
      assert.equal(reply.status, status, name);
      assert.ok(!('x-quota-snapshot-chat' in reply.headers), name);
    }
    const retry_after = async (name) => {
      await sim.clear_rules();
      await sim.scenario(name);
      return (await chat(headers)).headers['retry-after'];
    };
    assert.equal(await retry_after('rate_limit_seconds?retry_after=12'), '12');
    assert.ok(Date.parse(await retry_after('rate_limit_date')) > Date.now());
    assert.equal(await retry_after('rate_limit_none'), undefined);
    assert.equal(await retry_after('rate_limit_junk'), 'soon');
    await sim.clear_rules();
    await sim.scenario('error?status=418&shape=messages&code=overloaded_error&message=busy');
    assert.deepEqual((await chat(headers)).json(), {
      type: 'error',
      error: { type: 'overloaded_error', message: 'busy' },
    });
    await sim.clear_rules();
    await sim.scenario('error_echoes_token');
    assert.ok((await chat(headers)).text.includes(headers.authorization));
  });

  test('a portal has none of the ids; a redirect has its location; gzip comes unasked', async () => {
    const headers = await signed_in();
    const with_scenario = async (name) => {
      await sim.clear_rules();
      await sim.scenario(name);
      return chat(headers);
    };
    const portal = await with_scenario('captive_portal');
    assert.deepEqual([portal.status, portal.headers['x-github-request-id']], [200, undefined]);
    assert.match(portal.headers['content-type'], /text\/html/);
    assert.equal(
      (await with_scenario('redirect?to=http://127.0.0.2/x')).headers.location,
      'http://127.0.0.2/x',
    );
    assert.equal((await with_scenario('gzip_unasked')).headers['content-encoding'], 'gzip');
    assert.equal(
      (await with_scenario('gzip_unasked?encoding=br')).headers['content-encoding'],
      'br',
    );
    assert.deepEqual(
      [(await with_scenario('empty_body')).status, (await with_scenario('empty_body')).text],
      [200, ''],
    );
  });

  /// The bytes of the reply, read from the socket until `enough` or the end.
  const raw_chat = (headers, enough = () => false) =>
    new Promise((resolve) => {
      const { port } = new URL(sim.url);
      const socket = net.connect(Number(port), '127.0.0.1');
      const body = JSON.stringify(question());
      const head = Object.entries({
        ...headers,
        host: `127.0.0.1:${port}`,
        'content-length': Buffer.byteLength(body),
      })
        .map(([key, value]) => `${key}: ${value}\r\n`)
        .join('');
      socket.write(`POST /chat/completions HTTP/1.1\r\n${head}\r\n${body}`);
      let text = '';
      socket.on('data', (piece) => {
        text += piece.toString('latin1');
        if (enough(text)) socket.destroy();
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(text));
    });

  test('wrong lengths, huge and endless headers, bodies and lines', async () => {
    const headers = await signed_in();
    const with_scenario = async (name, enough) => {
      await sim.reset({ keep: ['tokens'] });
      await sim.scenario(name);
      return raw_chat(headers, enough);
    };
    const short = await with_scenario('length_short');
    assert.ok(
      Number(/content-length: (\d+)/.exec(short)[1]) > short.length - short.indexOf('\r\n\r\n') - 4,
    );
    assert.match(
      await with_scenario('length_long', (text) => text.endsWith('{}')),
      /x-smuggled: yes/,
    );
    assert.match(
      await with_scenario('length_and_chunked', (text) => text.endsWith('0\r\n\r\n')),
      /content-length: 5\r\ntransfer-encoding: chunked/,
    );
    assert.ok((await with_scenario('headers_huge')).length > 1048576);
    assert.ok((await with_scenario('headers_many')).split('x-filler').length > 10000);
    assert.match(
      await with_scenario('slow_loris_headers?ms=0', (text) => text.includes('[DONE]')),
      /^HTTP\/1.1 200 OK\r\nx-github-request-id/,
    );
    for (const name of [
      'endless_line',
      'endless_body',
      'endless_events',
      'endless_comments',
      'headers_endless',
    ]) {
      assert.ok((await with_scenario(name, (text) => text.length > 300000)).length > 300000, name);
      const [seen] = await sim.wait('closed', { path: '/chat/completions' });
      assert.ok(seen.bytes_sent > 300000 && seen.bytes_sent < 64e6, `${name}: ${seen.bytes_sent}`);
    }
  });

  test('a client that does not read is not written to without end', async () => {
    const headers = await signed_in();
    await sim.scenario('endless_line');
    let response;
    const req = http.request(
      `${sim.url}/chat/completions`,
      { method: 'POST', headers, agent: false },
      (res) => {
        response = res;
        res.pause();
      },
    );
    req.on('error', () => {});
    req.end(JSON.stringify(question()));
    await sim.wait('started', { path: '/chat/completions' });
    const sent = async () => (await sim.requests({ path: '/chat/completions' }))[0].bytes_sent;
    let last = -1;
    for (let now = await sent(); now !== last; now = await sent()) last = now;
    assert.ok(last < 64e6, `${last} bytes`);
    req.destroy();
    response?.destroy();
  });

  test('a reused connection is reset, a new one is not', async () => {
    const headers = await signed_in();
    await sim.scenario('reused_connection_reset');
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    assert.equal((await chat(headers, {}, { agent })).status, 200);
    assert.equal((await chat(headers, {}, { agent })).failed, 'ECONNRESET');
    agent.destroy();
  });
});

describe('control', () => {
  test('rules are used in order, `times` and `after` count', async () => {
    const headers = await signed_in();
    await sim.scenario({
      rules: [
        { on: 'POST /chat/completions', times: 1, do: { status: 500, body: 'one' } },
        { on: 'POST /chat/*', after: 1, times: 1, do: { status: 501, body: { two: 2 } } },
        { on: '* /chat/completions', model: 'gpt-5', do: { status: 502 } },
      ],
    });
    const statuses = [];
    for (let round = 0; round < 4; round++) statuses.push((await chat(headers)).status);
    assert.deepEqual(statuses, [500, 200, 501, 200]);
    assert.equal((await chat(headers, { model: 'gpt-5' })).status, 502);
    await sim.scenario('models_empty');
    await sim.scenario('models_500');
    assert.deepEqual(
      (await sim.call_('GET', 'rules')).slice(-2).map((one) => one.scenario),
      ['models_empty', 'models_500'],
    );
    await sim.scenario({ replace: true, scenarios: ['models_500'] });
    assert.equal((await sim.call_('GET', 'rules')).length, 1);
  });

  test('mistakes are told, and nothing is half applied', async () => {
    await assert.rejects(sim.scenario('no_such'), /no scenario 'no_such'/);
    await assert.rejects(sim.scenario('chat_gpt_stream?colour=red'), /no parameter 'colour'/);
    await assert.rejects(
      sim.scenario(['chat_gpt_stream', { rules: [{ on: 'chat', do: {} }] }]),
      /METHOD/,
    );
    await assert.rejects(
      sim.scenario({ rules: [{ on: 'GET /models', do: { colour: 1 } }] }),
      /do.colour/,
    );
    await assert.rejects(sim.settings({ colour: 1 }), /unknown setting/);
    await assert.rejects(sim.call_('GET', 'nothing'), /no such control route/);
    assert.deepEqual(await sim.call_('GET', 'rules'), []);
  });

  test('the record tells what came and how it ended', async () => {
    const headers = await signed_in();
    await sim.scenario('chat_stall_midstream?chunks=2');
    await chat(headers, {}, { on_data: (text, req) => text.includes(' there') && req.destroy() });
    const [seen] = await sim.wait('closed', { path: '/chat/completions', n: 1, timeout_ms: 5000 });
    assert.deepEqual(
      [seen.method, seen.ended, seen.status, seen.body.model],
      ['POST', 'closed_by_client', 200, 'gpt-4.1'],
    );
    assert.equal(seen.headers['editor-version'], 'vscode/1.110.1');
    assert.ok(seen.bytes_sent > 100 && seen.closed_after_ms >= 0 && seen.connection > 0);
    const counts = await sim.counts();
    assert.equal(counts.routes['POST /chat/completions'].closed_by_client, 1);
    await sim.wait('open_connections', { n: 0 });
    await assert.rejects(
      sim.wait('complete', { path: '/chat/completions', timeout_ms: 1 }),
      /in vain/,
    );
    await assert.rejects(sim.call_('GET', 'wait?for=nonsense'), /one of/);
  });

  test('hold and release order things without waiting', async () => {
    const headers = await signed_in();
    await sim.scenario('chat_hold_midstream');
    const running = chat(headers);
    await sim.wait('stalled', { path: '/chat/completions' });
    await sim.release('chat');
    assert.match(content_of((await running).text), / Done$/);
    await sim.scenario('exchange_hold');
    const both = [exchange(), exchange()];
    await sim.wait('stalled', { path: '/copilot_internal/v2/token', n: 2 });
    await sim.release('exchange');
    await Promise.all(both);
    assert.equal((await sim.counts()).routes['GET /copilot_internal/v2/token'].most_at_once, 2);
  });

  test('tokens rotate once; the secrets handed out can be listed', async () => {
    const headers = await signed_in();
    await sim.scenario('tokens_rotate');
    assert.deepEqual([(await chat(headers)).status, (await chat(headers)).status], [401, 401]);
    assert.equal((await chat(await signed_in())).status, 200);
    const tokens = await sim.tokens();
    assert.deepEqual(tokens.github, [GITHUB_TOKEN]);
    assert.equal(tokens.copilot.length, 2);
  });

  test('reset cuts what runs and forgets everything', async () => {
    const headers = await signed_in();
    await sim.scenario('chat_stall_midstream');
    const running = chat(headers);
    await sim.wait('stalled', { path: '/chat/completions' });
    await sim.reset();
    assert.equal((await running).failed, 'ECONNRESET');
    assert.equal((await chat(headers)).status, 401);
    assert.equal((await sim.requests()).length, 1);
  });

  test('embeddings take arrays of strings only', async () => {
    const headers = await signed_in();
    const embed = (input) =>
      call('POST', '/embeddings', {
        headers,
        body: { model: 'text-embedding-3-small', input, dimensions: 4 },
      });
    const reply = (await embed(['a', 'b'])).json();
    assert.deepEqual(
      reply.data.map((one) => [one.index, one.embedding.length]),
      [
        [0, 4],
        [1, 4],
      ],
    );
    assert.deepEqual(
      [(await embed('a')).status, (await embed(Array(600).fill('a'))).status],
      [400, 400],
    );
  });

  test('embeddings: limits, dimensions and every scenario', async () => {
    const headers = await signed_in();
    const embed = (input, more = {}) =>
      call('POST', '/embeddings', {
        headers,
        body: { model: 'text-embedding-3-small', input, ...more },
      });
    const status = async (...args) => (await embed(...args)).status;
    assert.equal(await status([]), 400);
    assert.equal(await status(['x'.repeat(4 * 8191)], { dimensions: 2 }), 200);
    assert.equal(await status(['x'.repeat(4 * 8191 + 1)]), 400);
    assert.equal(await status([[1, 2]]), 400);
    assert.equal(await status(['a'], { dimensions: 1537 }), 400);
    assert.equal(await status(['a'], { model: 'text-embedding-ada-002', dimensions: 4 }), 400);
    const seen = async (name) => {
      await sim.clear_rules();
      await sim.scenario(name);
      return (await embed(['a', 'b', 'c'], { dimensions: 2 })).json();
    };
    const indexes = ({ data }) => data.map((one) => one.index);
    assert.deepEqual(indexes(await seen('embeddings_shuffled')), [2, 1, 0]);
    assert.deepEqual(indexes(await seen('embeddings_twice')), [0, 1, 1]);
    assert.equal((await seen('embeddings_lost?count=2')).data.length, 1);
    assert.equal((await seen('embeddings_odd')).data[2].embedding[0], 'NaN');
    assert.equal((await seen('embeddings_without')).usage, undefined);
    const bare = await seen('embeddings_bare');
    assert.deepEqual(
      [Object.keys(bare).sort(), Object.keys(bare.data[0])],
      [['data', 'usage'], ['embedding']],
    );
    await sim.clear_rules();
    await sim.scenario('embeddings_cut');
    assert.notEqual((await embed(['a'])).failed, null);
    await sim.clear_rules();
    await sim.scenario('embeddings_stall');
    let request;
    const waiting = call('POST', '/embeddings', {
      headers,
      body: { model: 'text-embedding-3-small', input: ['a'] },
      on_request: (req) => (request = req),
    });
    await sim.wait('stalled', { path: '/embeddings' });
    request.destroy();
    assert.equal((await waiting).status, null);
  });

  const ENGINE_PATH = '/v1/engines/gpt-41-copilot/completions';
  const complete = (headers, more = {}, path = ENGINE_PATH) =>
    call('POST', path, { headers, body: { prompt: 'def f():\n  ', stream: true, ...more } });
  const texts_of = (text) => {
    const out = [];
    for (const { choices } of events(text)) {
      for (const one of choices) out[one.index ?? 0] = (out[one.index ?? 0] ?? '') + one.text;
    }
    return out;
  };

  test('the engine completes between prompt and suffix, and refuses the rest', async () => {
    const headers = await signed_in();
    const reply = await complete(headers, { suffix: '\nprint(1)\n', n: 2 });
    assert.equal(reply.status, 200);
    assert.ok(reply.text.endsWith('data: [DONE]\n\n'));
    const [one, two] = texts_of(reply.text);
    assert.ok(one.startsWith('/* completes "  " before "print(1)" */'), one);
    assert.ok(two.includes('choice 1'), two);
    const last = events(reply.text).at(-1);
    assert.equal(last.usage.total_tokens, last.usage.prompt_tokens + last.usage.completion_tokens);
    assert.ok(!('object' in last));
    const [stopped] = texts_of((await complete(headers, { stop: ['\n'] })).text);
    assert.ok(!stopped.includes('\n'));
    const short = events((await complete(headers, { max_tokens: 2 })).text).at(-1);
    assert.equal(short.choices[0].finish_reason, 'length');
    const spoken = await complete(headers, { extra: { test_completions: ['pass\n'] }, logprobs: 2 });
    assert.deepEqual(texts_of(spoken.text), ['pass\n']);
    assert.deepEqual(events(spoken.text)[0].choices[0].logprobs.tokens, ['pass']);
    for (const more of [
      { stream: false },
      { prompt: ['a'] },
      { suffix: 3 },
      { n: 0 },
      { max_tokens: 0 },
      { model: 'gpt-41-copilot' },
      { stream_options: {} },
    ]) {
      assert.equal((await complete(headers, more)).status, 400, JSON.stringify(more));
    }
    assert.equal((await complete(headers, {}, '/v1/engines/gpt-4.1/completions')).status, 400);
    assert.equal((await complete({ 'content-type': 'application/json' })).status, 401);
  });

  test('every scenario of the engine answers, stalls or cuts as it says', async () => {
    const headers = await signed_in();
    const names = (await sim.call_('GET', 'scenarios'))
      .map((one) => one.name)
      .filter((name) => name.startsWith('engine_'));
    assert.ok(names.length >= 14);
    for (const name of names) {
      await sim.clear_rules();
      await sim.scenario(name);
      let request;
      const running = call('POST', ENGINE_PATH, {
        headers,
        body: { prompt: 'x', stream: true },
        on_request: (req) => (request = req),
      });
      if (name === 'engine_stall') {
        await sim.wait('stalled', { path: ENGINE_PATH });
        request.destroy();
      }
      const reply = await running;
      const [seen] = (await sim.wait('ended', { path: ENGINE_PATH })).slice(-1);
      assert.equal(seen.rule, name);
      if (name === 'engine_quota_402') assert.equal(reply.status, 402);
      else if (name === 'engine_reset') assert.equal(seen.ended, 'cut');
      else if (name !== 'engine_stall') assert.deepEqual([seen.ended, reply.status], ['complete', 200]);
      await sim.reset({ keep: ['tokens'] });
    }
  });

  test('bench chunks begin with the monotonic clock', async () => {
    const headers = await signed_in();
    await sim.scenario('bench?chunks=20&every_ms=0&bytes=40');
    const text = (
      await call('POST', '/chat/completions', { headers, body: { messages: 'not looked at' } })
    ).text;
    const stamps = events(text)
      .map((one) => one.choices[0]?.delta.content)
      .filter((one) => one?.length === 40)
      .map((one) => BigInt(one.split(' ')[0]));
    assert.equal(stamps.length, 20);
    assert.ok(stamps.every((stamp, at) => at === 0 || stamp >= stamps[at - 1]));
    assert.ok(stamps.at(-1) <= process.hrtime.bigint());
  });
});

describe('the process', () => {
  const run = (args, input = 'ignore') =>
    spawn(process.execPath, [here('main.mjs'), ...args], { stdio: [input, 'pipe', 'pipe'] });
  const end_of = (child) =>
    new Promise((resolve) => {
      let stderr = '';
      child.stderr.on('data', (piece) => (stderr += piece));
      child.on('close', (code) => resolve({ code, stderr }));
    });
  const ready = (child) =>
    new Promise((resolve) => child.stdout.once('data', (piece) => resolve(JSON.parse(piece))));

  test('says where it is in one line, and ends on SIGTERM', async () => {
    const child = run(['--person', 'manual']);
    const ended = end_of(child);
    const { url, env } = await ready(child);
    assert.deepEqual(env, {
      GITHUB_COPILOT_DEVICE_CODE_URL: `${url}/login/device/code`,
      GITHUB_COPILOT_ACCESS_TOKEN_URL: `${url}/login/oauth/access_token`,
      GITHUB_COPILOT_API_KEY_URL: `${url}/copilot_internal/v2/token`,
    });
    child.kill('SIGTERM');
    assert.equal((await ended).code, 0);
  });

  test('ends when stdin closes, also while it answers', async () => {
    const child = run(
      ['--until-stdin-closes', '--quick', '--scenario', 'device_poll_stall'],
      'pipe',
    );
    const ended = end_of(child);
    const { url } = await ready(child);
    const running = call('POST', '/login/oauth/access_token', { base: url, body: {} });
    child.stdin.end();
    assert.equal((await ended).code, 0);
    await running;
  });

  test('wrong options are told', async () => {
    for (const [args, what] of [
      [['--port', 'x'], /--port/],
      [['--scenario', 'no_such'], /no_such/],
      [['--colour'], /colour/],
      [['--person', 'x'], /--person/],
    ]) {
      const { code, stderr } = await end_of(run(args));
      assert.equal(code, 2);
      assert.match(stderr, what);
    }
  });
});

describe('TLS and HTTP/2', () => {
  let certs;
  let secure;
  before(async () => {
    certs = mkdtempSync(join(tmpdir(), 'simulator-certs-'));
    execFileSync(here('make_certs.sh'), [certs], { stdio: 'pipe' });
    secure = await start({ tls: { cert: join(certs, 'good.pem'), key: join(certs, 'good.key') } });
  });
  after(async () => {
    await secure?.stop();
    rmSync(certs, { recursive: true, force: true });
  });

  const connect = async (options = {}) => {
    const http2 = await import('node:http2');
    return http2.connect(secure.url, { ca: readFileSync(join(certs, 'ca.pem')), ...options });
  };

  /// {status, text, code} of one HTTP/2 request.
  const h2_call = (session, headers, body) =>
    new Promise((resolve) => {
      const stream = session.request(headers);
      const out = { status: null, text: '' };
      stream.on('response', (reply) => (out.status = reply[':status']));
      stream.setEncoding('utf8');
      stream.on('data', (piece) => (out.text += piece));
      stream.on('error', () => {});
      stream.on('close', () => resolve({ ...out, code: stream.rstCode }));
      stream.end(body);
    });

  test('one connection carries many HTTP/2 requests; resets and GOAWAY work', async () => {
    const session = await connect();
    session.on('error', () => {});
    const token = `ghu_${'b'.repeat(36)}`;
    await secure.register(token);
    const got = await h2_call(session, {
      ':path': '/copilot_internal/v2/token',
      authorization: `token ${token}`,
      'user-agent': 'x/1',
    });
    const headers = {
      ':path': '/chat/completions',
      ':method': 'POST',
      ...editor(JSON.parse(got.text).token),
    };
    const ask = () => h2_call(session, headers, JSON.stringify(question()));
    assert.ok((await ask()).text.endsWith('data: [DONE]\n\n'));
    const seen = await secure.requests();
    assert.deepEqual(
      seen.map((one) => [one.http, one.tls]),
      [
        ['2.0', true],
        ['2.0', true],
      ],
    );
    assert.deepEqual([new Set(seen.map((one) => one.connection)).size, seen[1].reused], [1, true]);
    await secure.scenario('http2_reset_code?times=1');
    assert.equal((await ask()).code, 7);
    await secure.scenario('chat_reset_midstream?times=1');
    const reset = await ask();
    assert.deepEqual([reset.status, reset.code], [200, 2]);
    await secure.scenario('chat_stall_midstream?times=1');
    const stream = session.request(headers);
    stream.on('error', () => {});
    stream.end(JSON.stringify(question()));
    await secure.wait('stalled', { path: '/chat/completions' });
    stream.close(8);
    const [closed] = await secure.wait('closed', { path: '/chat/completions' });
    assert.equal(closed.reset_code, 8);
    await secure.scenario('http2_goaway?times=1');
    const goaway = new Promise((resolve) => session.once('goaway', resolve));
    const last = await ask();
    await goaway;
    assert.ok(last.text.endsWith('data: [DONE]\n\n'));
    session.close();
    await secure.wait('open_connections', { n: 0 });
  });

  test('HTTP/1.1 works beside it, resets too', async () => {
    const https = await import('node:https');
    const ca = readFileSync(join(certs, 'ca.pem'));
    await secure.scenario('error?on=GET /user&status=503&shape=text');
    await secure.scenario('chat_reset_before_headers?on=GET /copilot_internal/user');
    const get = (path) =>
      new Promise((resolve) => {
        const req = https.get(
          `${secure.url}${path}`,
          { ca, agent: false, headers: { 'user-agent': 'x/1' } },
          (res) => {
            res.resume();
            resolve(res.statusCode);
          },
        );
        req.on('error', (error) => resolve(error.code));
      });
    assert.deepEqual(
      [await get('/user'), await get('/copilot_internal/user')],
      [503, 'ECONNRESET'],
    );
  });

  test('the other certificates fail for the reason they are made for', async () => {
    const tls = await import('node:tls');
    const reason = async (name, args = []) => {
      const other = await start({
        tls: { cert: join(certs, `${name}.pem`), key: join(certs, `${name}.key`) },
        args,
      });
      const { port } = new URL(other.url);
      const code = await new Promise((resolve) => {
        const socket = tls.connect(
          Number(port),
          '127.0.0.1',
          { servername: '', ca: readFileSync(join(certs, 'ca.pem')) },
          () => resolve('fine'),
        );
        socket.on('error', (error) => resolve(error.code));
      });
      await other.stop();
      return code;
    };
    assert.equal(await reason('expired'), 'CERT_HAS_EXPIRED');
    assert.equal(await reason('wrong_name'), 'ERR_TLS_CERT_ALTNAME_INVALID');
    assert.match(await reason('untrusted'), /SELF_SIGNED/);
    assert.match(await reason('good', ['--tls-version', 'TLSv1.1']), /PROTOCOL|VERSION/);
  });
});
