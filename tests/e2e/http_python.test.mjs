// Python's clients on the HTTP port: OpenAI's own package with the README's sample, LiteLLM in front of
// Jumpseat, as a library and as a proxy, and Prometheus' parser. Packages and versions are in
// python/requirements.txt; where they cannot be had these tests are skipped, loudly, and counted as skipped.
// The programs in python/ print what they got; judged is here.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test as any_test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  Home,
  free_port,
  eventually,
  in_time,
  known_token,
  start_simulator,
} from './harness.mjs';
import { open_port, request } from './http_port.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const BIN = here('../../build/python/bin');
const SLOW = { ms: 240_000 }; // LiteLLM's import alone takes ten seconds and more

const installed = spawnSync(here('python/install.sh'), { encoding: 'utf8', timeout: 180_000 });
if (installed.status !== 0 && installed.status !== 75) {
  throw new Error(`python/install.sh: ${installed.stderr || installed.error}`);
}
const skip =
  installed.status === 75 && installed.stderr.trim().split('\n').slice(-3).join(' ').slice(0, 400);
if (skip) console.error(`SKIPPED: ${skip}`);
const test = (name, run) => any_test(name, { skip }, run); // each one is counted

const HELLO = [{ role: 'user', content: 'Hello, GitHub Copilot!' }];
const GREETING = /^Hello! You wrote “Hello, GitHub Copilot!”.*👋$/s;

let sim;
let home;
let port;
before(async () => {
  if (skip) return;
  sim = await start_simulator();
  home = new Home();
  port = await open_port({
    env: home.env(sim.env, { GITHUB_TOKEN: await known_token(sim) }),
    cwd: home.work,
  });
});
after(async () => {
  await port?.stop();
  await sim?.stop();
});

const environment = () =>
  home.env({
    LITELLM_LOCAL_MODEL_COST_MAP: 'True', // it would fetch a price list from the network
    LITELLM_LOG: 'ERROR',
    NO_PROXY: '*',
    PYTHONDONTWRITEBYTECODE: '1',
  });

/// Runs a program of python/ to its end: what it printed.
async function python(program, ...args) {
  const child = spawn(join(BIN, 'python'), [here(`python/${program}`), ...args], {
    env: environment(),
    cwd: home.work,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const ended = new Promise((resolve) => child.once('close', resolve));
  const code = await in_time(ended, `the end of ${program}`, { ...SLOW, seen: () => stderr }).catch(
    (error) => {
      child.kill('SIGKILL');
      throw error;
    },
  );
  assert.equal(code, 0, `${program}: ${stdout.slice(-500)} ${stderr.slice(-3000)}`);
  return stdout;
}

/// The same, of lines of {name, value}: what has which name.
async function told(program, ...args) {
  const lines = (await python(program, ...args)).split('\n').filter((line) => line.startsWith('{'));
  return Object.fromEntries(
    lines.map((line) => JSON.parse(line)).map((one) => [one.name, one.value]),
  );
}

describe('PyPI openai', () => {
  test('runs the sample as it is', async () => {
    const printed = await python('sample.py', String(port.port));
    assert.match(printed.trim(), GREETING);
  });

  describe('as a whole', () => {
    let got;
    before(async () => {
      if (skip) return;
      got = await told('openai_client.py', port.url);
    });

    test('chats', () => {
      assert.equal(got.whole.object, 'chat.completion');
      assert.equal(got.whole.model, 'gpt-4.1');
      assert.match(got.whole.choices[0].message.content, GREETING);
      assert.ok(got.whole.usage.total_tokens > 0);
    });
    test('streams', () => {
      const text = got.stream.map((one) => one.choices[0]?.delta.content ?? '').join('');
      assert.match(text, GREETING);
      assert.ok(got.stream.at(-1).usage.total_tokens > 0);
      assert.match(got['stream helper'], GREETING);
    });
    test('calls a tool', () => {
      assert.equal(got.tool.name, 'weather');
      assert.deepEqual(JSON.parse(got.tool.arguments), { city: 'rome' });
    });
    test('finds the request id', () => {
      const [header, client] = got['request id'];
      assert.match(header, /^req_/);
      assert.equal(header, client);
    });
    test('lists models', () => {
      assert.ok(got.models.includes('gpt-4.1') && got.models.includes('claude-sonnet-4.5'));
      assert.equal(got.model, 'gpt-4.1');
    });
    test('raises its own exceptions', () => {
      assert.equal(got['unknown model'].kind, 'NotFoundError');
      assert.equal(got['unknown model'].code, 'model_not_found');
      assert.match(got['unknown model'].message, /Model 'gpt-9' not found/);
      assert.match(got['unknown model'].request_id, /^req_/);
      assert.equal(got['bad request'].kind, 'BadRequestError');
    });
    test('embeds', () => assert.deepEqual(got.embeddings, [1536, 1536]));
    test('completes in the legacy shape', () => {
      assert.equal(got.completion.object, 'text_completion');
      assert.ok(got.completion.choices[0].text.length > 0);
    });
  });
});

describe("Prometheus' parser", () => {
  test('reads /metrics', async () => {
    for (const stream of [false, true]) {
      const reply = await port.chat({ model: 'gpt-4.1', stream });
      assert.equal(reply.status, 200, reply.text);
    }
    const got = await told('metrics.py', `${port.url}/metrics`);
    const types = Object.fromEntries(Object.entries(got).map(([name, { type }]) => [name, type]));
    assert.equal(types.litellm_proxy_total_requests_metric, 'counter');
    assert.equal(types.litellm_request_total_latency_metric, 'histogram');
    assert.equal(types.litellm_llm_api_time_to_first_token_metric, 'histogram');
    assert.equal(types.jumpseat_streams_open, 'gauge');
    assert.equal(types.process_resident_memory_bytes, 'gauge');
    assert.ok(
      Object.values(types).every((type) => ['counter', 'gauge', 'histogram'].includes(type)),
    );
    for (const [name, { help }] of Object.entries(got)) assert.ok(help.length > 5, name);
    // Buckets only ever grow, and the last one holds all.
    const { samples } = got.litellm_request_total_latency_metric;
    const ours = samples.filter(([, labels]) => labels.model === 'gpt-4.1');
    const buckets = ours.filter(([name]) => name.endsWith('_bucket')).map(([, , value]) => value);
    assert.deepEqual(
      buckets,
      [...buckets].sort((a, b) => a - b),
    );
    assert.equal(buckets.at(-1), ours.find(([name]) => name.endsWith('_count'))[2]);
    assert.ok(buckets.at(-1) >= 2);
  });
});

describe('LiteLLM in front of Jumpseat', () => {
  describe('as a library', () => {
    let got;
    before(async () => {
      if (skip) return;
      await sim.rule({
        on: 'POST /chat/completions',
        model: 'gpt-4o',
        do: {
          status: 429,
          headers: { 'content-type': 'application/json', 'retry-after': '1' },
          body: '{"error":{"code":"rate_limited","message":"slow down"}}',
        },
      });
      got = await told('litellm_sdk.py', port.url);
      await sim.clear_rules();
    });

    test('chats', () => {
      assert.match(got.whole, GREETING);
      assert.ok(got.usage > 0);
    });
    test('streams', () => {
      assert.match(got.stream.map((piece) => piece ?? '').join(''), GREETING);
      assert.ok(got.stream.length > 5);
      assert.equal(got['stream usage'].length, 1);
    });
    test('calls a tool', () => assert.deepEqual(got.tool, { city: 'rome' }));
    test('raises its own exceptions', () => {
      assert.equal(got['unknown model'].kind, 'NotFoundError');
      assert.match(got['unknown model'].message, /Model 'gpt-9' not found/);
      assert.equal(got['bad request'].kind, 'BadRequestError');
      assert.equal(got['rate limit'].kind, 'RateLimitError');
      assert.match(got['rate limit'].message, /Rate limit exceeded/);
    });
    test('embeds', () => assert.deepEqual(got.embeddings, [1536, 1536]));
  });

  describe('as a proxy', () => {
    const KEY = 'sk-proxy-of-this-test';
    let proxy;
    let proxy_port;
    before(async () => {
      if (skip) return;
      proxy_port = await free_port();
      const config = join(home.path, 'litellm.yaml');
      writeFileSync(
        config,
        JSON.stringify({
          model_list: [
            {
              model_name: '*',
              litellm_params: {
                model: 'openai/*',
                api_base: `${port.url}/v1`,
                api_key: 'not-needed',
              },
            },
          ],
          litellm_settings: { num_retries: 0 },
          router_settings: { num_retries: 0, disable_cooldowns: true },
          general_settings: { master_key: KEY },
        }),
      );
      const words = ['--host', '127.0.0.1', '--port', String(proxy_port), '--telemetry', 'False'];
      proxy = spawn(join(BIN, 'litellm'), ['--config', config, ...words], {
        env: environment(),
        cwd: home.work,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let printed = '';
      for (const pipe of [proxy.stdout, proxy.stderr])
        pipe.setEncoding('utf8').on('data', (text) => (printed += text));
      process.once('exit', () => proxy.kill('SIGKILL'));
      const alive = async () => {
        assert.equal(proxy.exitCode, null, printed.slice(-3000));
        const reply = await request(proxy_port, 'GET', '/health/liveliness').catch(() => null);
        return reply?.status === 200;
      };
      await eventually(alive, "LiteLLM's proxy", { ...SLOW, every_ms: 500 });
    });
    after(async () => {
      if (!proxy || proxy.exitCode !== null) return;
      const gone = new Promise((resolve) => proxy.once('close', resolve));
      proxy.kill('SIGKILL');
      await gone;
    });

    const ask = (body) =>
      request(proxy_port, 'POST', '/v1/chat/completions', {
        headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
        body: JSON.stringify({ messages: HELLO, ...body }),
      });

    test('chats', async () => {
      const { status, json, text } = await ask({ model: 'gpt-4.1' });
      assert.equal(status, 200, text);
      assert.match(json.choices[0].message.content, GREETING);
    });
    test('streams', async () => {
      const { status, text } = await ask({ model: 'claude-sonnet-4.5', stream: true });
      assert.equal(status, 200, text);
      const events = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, one]) => JSON.parse(one));
      assert.match(events.map((one) => one.choices[0]?.delta.content ?? '').join(''), GREETING);
      assert.match(text, /data: \[DONE\]/);
    });
    test('passes on what Jumpseat refuses', async () => {
      const { status, json, text } = await ask({ model: 'gpt-9' });
      assert.equal(status, 404, text);
      assert.match(json.error.message, /Model 'gpt-9' not found/);
    });
  });
});
