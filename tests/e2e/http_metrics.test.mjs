// GET /metrics from outside: what is counted, under which labels, and what can never become a label. Whether
// Prometheus' own parser takes the text is tested in http_python.test.mjs.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import { Home, eventually, known_token, start_simulator } from './harness.mjs';
import { open_port } from './http_port.mjs';

const KEY = 'a-client-key-for-metrics';

let sim;
before(async () => {
  sim = await start_simulator();
});
afterEach(() => sim.reset());
after(() => sim?.stop());

async function with_port(run, env = {}) {
  const home = new Home();
  const port = await open_port({
    env: home.env(sim.env, { GITHUB_TOKEN: await known_token(sim) }, env),
  });
  try {
    await run(port);
  } finally {
    await port.stop();
  }
}

/// {name, labels, value} of each sample.
function samples(text) {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, inside = '', value] = /^([a-z_:]+)(?:\{(.*)\})? (\S+)$/i.exec(line);
      const labels = Object.fromEntries(
        [...inside.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text]),
      );
      return { name, labels, value: Number(value) };
    });
}

async function scrape(port, options) {
  const reply = await port.get('/metrics', options);
  assert.equal(reply.status, 200, reply.text);
  assert.equal(reply.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const all = samples(reply.text);
  /// The sum of the samples with that name and those labels; undefined: there is none.
  const value = (name, labels = {}) => {
    const found = all.filter(
      (one) =>
        one.name === name &&
        Object.entries(labels).every(([key, text]) => one.labels[key] === text),
    );
    return found.length ? found.reduce((sum, one) => sum + one.value, 0) : undefined;
  };
  return { text: reply.text, all, value };
}

describe('metrics', () => {
  test('count requests, tokens and latencies per model and status', () =>
    with_port(async (port) => {
      const whole = await port.chat({ model: 'gpt-4.1' });
      const stream = port.stream({ model: 'gpt-4.1', stream_options: { include_usage: true } });
      await stream.end();
      await port.post('/v1/embeddings', { model: 'text-embedding-3-small', input: ['a', 'b'] });
      await sim.scenario('error_500?times=1&model=gpt-4o');
      assert.ok((await port.chat({ model: 'gpt-4o' })).status >= 500);

      const { value } = await scrape(port);
      const chats = { route: '/chat/completions' };
      const requests = 'litellm_proxy_total_requests_metric_total';
      assert.equal(
        value(requests, { ...chats, requested_model: 'gpt-4.1', status_code: '200' }),
        2,
      );
      assert.equal(value(requests, { route: '/embeddings', status_code: '200' }), 1);
      const failed = 'litellm_proxy_failed_requests_metric_total';
      assert.equal(value(failed, { ...chats, requested_model: 'gpt-4o' }), 1);
      assert.equal(value(failed, { requested_model: 'gpt-4.1' }), undefined);

      const usage = [whole.json.usage, stream.chunks.at(-1).usage];
      const sum = (name) => usage.reduce((total, one) => total + one[name], 0);
      const model = { model: 'gpt-4.1' };
      assert.equal(value('litellm_input_tokens_metric_total', model), sum('prompt_tokens'));
      assert.equal(value('litellm_output_tokens_metric_total', model), sum('completion_tokens'));
      assert.equal(value('litellm_total_tokens_metric_total', model), sum('total_tokens'));

      const latency = 'litellm_request_total_latency_metric';
      assert.equal(value(`${latency}_count`, model), 2);
      assert.equal(value(`${latency}_bucket`, { ...model, le: '+Inf' }), 2);
      assert.ok(value(`${latency}_sum`, model) > 0);
      const first = 'litellm_llm_api_time_to_first_token_metric';
      assert.equal(value(`${first}_count`, model), 1, 'of streams alone');
      assert.ok(value(`${first}_sum`, model) <= value(`${latency}_sum`, model));
      assert.equal(value(`${latency}_count`, { model: 'gpt-4o' }), undefined, 'good answers only');

      const sent = 'litellm_deployment_success_responses_total';
      assert.equal(value(sent, { litellm_model_name: 'gpt-4.1' }), 2);
      assert.equal(
        value('litellm_deployment_failure_responses_total', {
          litellm_model_name: 'gpt-4o',
          exception_status: '500',
        }),
        1,
      );
    }));

  test('tell of streams that are open, and of clients that left', () =>
    with_port(async (port) => {
      await sim.scenario('chat_hold_midstream?times=1');
      const stream = port.stream({ model: 'gpt-4.1' });
      await stream.some_events(1);
      const during = await scrape(port);
      assert.equal(during.value('jumpseat_streams_open'), 1);
      assert.equal(during.value('litellm_in_flight_requests'), 2, 'the stream and the scrape');
      assert.ok(during.value('jumpseat_connections') >= 2);
      stream.leave();
      const failed = 'litellm_proxy_failed_requests_metric_total';
      const after_it = await eventually(async () => {
        const now = await scrape(port);
        return now.value(failed, { requested_model: 'gpt-4.1', exception_status: '499' }) && now;
      }, 'the client that left to be counted');
      assert.equal(after_it.value('jumpseat_streams_open'), 0);
      assert.equal(
        after_it.value('litellm_proxy_total_requests_metric_total', {
          requested_model: 'gpt-4.1',
          status_code: '200',
        }),
        1,
      );
    }));

  test('tell of pauses after a 429 and of what was not sent', () =>
    with_port(async (port) => {
      await sim.scenario('rate_limit_seconds?retry_after=120&model=gpt-4.1');
      for (let at = 0; at < 3; at++)
        assert.equal((await port.chat({ model: 'gpt-4.1' })).status, 429);
      const { value } = await scrape(port);
      const model = { litellm_model_name: 'gpt-4.1' };
      assert.equal(value('litellm_deployment_cooled_down_total', model), 1);
      assert.equal(value('jumpseat_calls_not_sent_total', model), 2);
      assert.equal(value('litellm_deployment_state', model), 1);
      const failures = 'litellm_deployment_failure_responses_total';
      assert.equal(value(failures, { ...model, exception_status: '429' }), 1);
    }));

  test('tell of the cache', () =>
    with_port(
      async (port) => {
        for (let at = 0; at < 3; at++) await port.chat({ temperature: 0 });
        const { value } = await scrape(port);
        assert.equal(value('litellm_cache_hits_metric_total'), 2);
        assert.equal(value('litellm_cache_misses_metric_total'), 1);
      },
      { JUMPSEAT_CACHE: 'on' },
    ));

  test('tell what the process uses', () =>
    with_port(async (port) => {
      const { value } = await scrape(port);
      const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${port.pid}/status`, 'utf8'))[1];
      const told = value('process_resident_memory_bytes') / 1024;
      assert.ok(Math.abs(told - rss) < 0.2 * rss, `${told} kB, /proc says ${rss}`);
      const files = readdirSync(`/proc/${port.pid}/fd`).length;
      assert.ok(Math.abs(value('process_open_fds') - files) <= 2, String(files));
      assert.ok(value('process_max_fds') >= value('process_open_fds'));
      assert.ok(value('process_cpu_seconds_total') >= 0);
      const age = Date.now() / 1000 - value('process_start_time_seconds');
      assert.ok(age > -2 && age < 600, `${age} s`);
      const version = /\d+\.\d+\.\d+/.exec((await port.get('/status')).json.version)[0];
      assert.equal(value('jumpseat_build_info', { version }), 1);
    }));

  test('names that are in no list, paths and methods make no series', () =>
    with_port(async (port) => {
      const names = Array.from({ length: 20 }, (_, at) => `no-such-model-${at}`);
      for (const model of names) assert.equal((await port.chat({ model })).status, 404);
      for (const name of names) await port.get(`/v1/${name}`);
      for (const name of names) await port.get(`/v1/models/${name}`);
      for (const model of ['copilot-gpt-4', 'github/gpt-4', 'gpt-4']) await port.chat({ model });
      const { text, all, value } = await scrape(port);
      assert.ok(!text.includes('no-such-model'), 'a made-up name');
      const requests = 'litellm_proxy_total_requests_metric_total';
      assert.equal(value(requests, { route: '/chat/completions', status_code: '404' }), 20);
      assert.equal(value(requests, { route: 'other', status_code: '404' }), 20);
      assert.equal(value(requests, { route: '/models/{id}', status_code: '404' }), 20);
      const chats = all.filter((one) => one.name === requests && one.labels.status_code === '200');
      assert.equal(chats.length, 1, 'names of one model are one series');
      assert.equal(chats[0].value, 3);
    }));

  test('S2, S6: want the key like other routes, and show no secret and no prompt', () =>
    with_port(
      async (port) => {
        assert.equal((await port.get('/metrics')).status, 401);
        assert.equal((await port.get('/v1/metrics')).status, 401);
        const headers = { authorization: `Bearer ${KEY}` };
        const PROMPT = 'a-prompt-that-is-no-label';
        await port.chat({ content: PROMPT }, { headers });
        await port.chat({ content: PROMPT, model: PROMPT }, { headers });
        const { text } = await scrape(port, { headers });
        const { github, copilot } = await sim.tokens();
        for (const secret of [...github, ...copilot, KEY, PROMPT, 'octocat'])
          assert.ok(!text.includes(secret), secret);
        const foreign = await port.get('/metrics', {
          headers: { ...headers, origin: 'http://x.y' },
        });
        assert.equal(foreign.status, 403);
      },
      { JUMPSEAT_API_KEY: KEY },
    ));

  test('a scrape asks nobody', () =>
    with_port(async (port) => {
      await port.chat();
      const before_it = (await sim.requests({})).length;
      for (let at = 0; at < 5; at++) await scrape(port);
      assert.equal((await port.request('HEAD', '/metrics')).status, 200);
      assert.equal((await port.request('POST', '/metrics')).status, 405);
      assert.equal((await sim.requests({})).length, before_it);
    }));
});
