// POST /v1/completions from outside: the inline completions' engine, chat models in the legacy shape,
// raw requests and OpenAI's own client.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { Home, known_token, start_simulator } from './harness.mjs';
import { open_port } from './http_port.mjs';

const ENGINE = '/v1/engines/gpt-41-copilot/completions';

let sim;
let port;
let openai;
before(async () => {
  sim = await start_simulator();
  const home = new Home();
  port = await open_port({ env: home.env(sim.env, { GITHUB_TOKEN: await known_token(sim) }) });
  openai = new OpenAI({ baseURL: `${port.url}/v1`, apiKey: 'not-needed', maxRetries: 0 });
});
afterEach(() => sim.reset({ keep: ['tokens'] }));
after(async () => {
  await port?.stop();
  await sim?.stop();
});

const complete = (body, options) => port.post('/v1/completions', body, options);
const sent_to = async (path) => (await sim.requests({ path })).map((one) => one.body);
const data_of = (text) =>
  text
    .split('\n\n')
    .filter((block) => block.startsWith('data: '))
    .map((block) => block.slice(6));
const chunks_of = (text) =>
  data_of(text)
    .filter((one) => one !== '[DONE]')
    .map((one) => JSON.parse(one));
const texts_of = (chunks) => {
  const out = [];
  for (const { choices } of chunks) {
    for (const { index, text } of choices) out[index] = (out[index] ?? '') + text;
  }
  return out;
};
const check_head = (one, model) => {
  assert.match(one.id, /^cmpl-/);
  assert.equal(one.object, 'text_completion');
  assert.ok(Number.isInteger(one.created) && one.created > 1_600_000_000);
  assert.equal(one.model, model);
};

describe('prompt and suffix', () => {
  const hole = {
    model: 'gpt-41-copilot',
    prompt: 'def add(a, b):\n    ',
    suffix: '\nprint(add(1, 2))\n',
  };

  test('go to the engine, whole', async () => {
    const reply = await complete({
      ...hole,
      max_tokens: 100,
      temperature: 0,
      extra: { language: 'python' },
    });
    assert.equal(reply.status, 200, reply.text);
    check_head(reply.json, 'gpt-41-copilot');
    const [choice] = reply.json.choices;
    assert.deepEqual([choice.index, choice.finish_reason, choice.logprobs], [0, 'stop', null]);
    assert.match(choice.text, /^\/\* completes " {4}" before "print\(add\(1, 2\)\)" \*\/\n/);
    const { usage } = reply.json;
    assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
    assert.ok(usage.completion_tokens > 0);
    assert.equal(reply.headers['x-jumpseat-model'], 'gpt-41-copilot');

    const [seen] = await sim.requests({ path: ENGINE });
    assert.deepEqual(seen.body, {
      prompt: hole.prompt,
      suffix: hole.suffix,
      max_tokens: 100,
      temperature: 0,
      extra: { language: 'python' },
      stream: true,
    });
    assert.equal(seen.headers['openai-intent'], 'copilot-ghost');
    assert.equal(seen.headers['openai-organization'], 'github-copilot');
    assert.deepEqual(await sent_to('/chat/completions'), []);
  });

  test('streamed: chunk by chunk, [DONE], usage when asked for', async () => {
    const plain = await complete({ ...hole, stream: true });
    assert.match(plain.headers['content-type'], /^text\/event-stream/);
    assert.equal(data_of(plain.text).at(-1), '[DONE]');
    const chunks = chunks_of(plain.text);
    for (const chunk of chunks) {
      check_head(chunk, 'gpt-41-copilot');
      assert.equal(chunk.id, chunks[0].id);
      assert.equal(chunk.usage, undefined);
    }
    assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
    assert.ok(chunks.slice(0, -1).every((one) => one.choices[0].finish_reason === null));

    const counted = chunks_of(
      (await complete({ ...hole, stream: true, stream_options: { include_usage: true } })).text,
    );
    assert.deepEqual(counted.at(-1).choices, []);
    assert.ok(counted.at(-1).usage.total_tokens > 0);
    assert.deepEqual(texts_of(counted), texts_of(chunks));
  });

  test('a chat model named beside a suffix stands for the engine, and the header says so', async () => {
    const reply = await complete({ ...hole, model: 'gpt-4' });
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.json.model, 'gpt-4');
    assert.equal(reply.headers['x-jumpseat-model'], 'gpt-41-copilot');
    assert.equal((await sent_to(ENGINE)).length, 1);
    assert.equal((await complete({ ...hole, model: 'no-such-model' })).status, 404);
  });

  test('an empty suffix is one, null is none; a model of the engine needs none', async () => {
    assert.equal((await complete({ model: 'gpt-4', prompt: 'a', suffix: '' })).status, 200);
    assert.equal((await sent_to(ENGINE)).length, 1);
    assert.equal((await complete({ model: 'gpt-4', prompt: 'a', suffix: null })).status, 200);
    assert.equal((await sent_to('/chat/completions')).length, 1);
    assert.equal((await complete({ model: 'gpt-41-copilot', prompt: 'a' })).status, 200);
    assert.equal((await sent_to(ENGINE)).length, 2);
  });

  test('n, stop, logprobs, echo, several prompts', async () => {
    const reply = await complete({
      ...hole,
      prompt: ['one\n', 'two\n'],
      n: 2,
      stop: ['\n'],
      echo: true,
    });
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(
      reply.json.choices.map(({ index, text }) => [index, text.slice(0, 4), text.includes('*/\n')]),
      [
        [0, 'one\n', false],
        [1, 'one\n', false],
        [2, 'two\n', false],
        [3, 'two\n', false],
      ],
    );
    assert.deepEqual(
      (await sent_to(ENGINE)).map((body) => [body.prompt, body.n, body.stop, body.echo]),
      [
        ['one\n', 2, ['\n'], undefined],
        ['two\n', 2, ['\n'], undefined],
      ],
    );
    const rated = await complete({ ...hole, logprobs: 2, stop: ' ' });
    assert.deepEqual(rated.json.choices[0].logprobs.tokens, ['/*']);
  });

  test('the shapes of the engine: interleaved, blank, unfinished, with citations', async () => {
    const answer = async (name, more = {}) => {
      await sim.clear_rules();
      await sim.scenario(name);
      return (await complete({ ...hole, ...more })).json;
    };
    for (const cut of ['engine_hello', 'engine_hello?split=every-byte', 'engine_hello?crlf=1']) {
      const { choices, usage } = await answer(cut);
      assert.deepEqual([choices[0].text, usage.total_tokens], ['return a + b', 16]);
    }
    const { choices } = await answer('engine_interleaved', { n: 2 });
    assert.deepEqual(
      choices.map(({ index, text, finish_reason }) => [index, text, finish_reason]),
      [
        [0, 'first', 'length'],
        [1, 'second one', 'stop'],
      ],
    );
    assert.equal((await answer('engine_blank_ids')).choices[0].text, 'return 1;');
    assert.equal((await answer('engine_no_finish')).choices[0].finish_reason, 'stop');
    assert.equal((await answer('engine_no_done')).choices[0].text, 'return 1;');
    assert.equal((await answer('engine_filtered')).choices[0].finish_reason, 'content_filter');
    assert.equal((await answer('engine_garbage')).choices[0].text, 'return 1;');
    assert.deepEqual((await answer('engine_nothing')).choices[0], {
      index: 0,
      text: '',
      logprobs: null,
      finish_reason: 'stop',
    });
    const cited = await answer('engine_annotations');
    assert.ok(cited.choices[0].copilot_annotations.ip_code_citations[0].stop_offset > 0);
  });

  test('U3, U7: an answer that breaks off is an error, whole or streamed', async () => {
    for (const [name, status, code] of [
      ['engine_truncated', 502, 'stream_truncated'],
      ['engine_reset', 502, 'upstream_interrupted'],
      ['engine_error_line', 502, 'model_overloaded'],
      ['engine_bare_error', 429, 'rate_limited'],
    ]) {
      await sim.clear_rules();
      await sim.scenario(name);
      const whole = await complete(hole);
      assert.equal(whole.json.error.code, code, name);
      if (name !== 'engine_error_line') assert.equal(whole.status, status, name);
      const stream = await complete({ ...hole, stream: true });
      const data = data_of(stream.text);
      assert.equal(stream.status, 200, name);
      assert.equal(JSON.parse(data[0]).choices[0].text, 'return', name);
      assert.equal(JSON.parse(data.at(-1)).error.code, code, name);
      assert.ok(!data.includes('[DONE]'), name);
    }
  });

  test('402 is quota that is used up', async () => {
    await sim.scenario('engine_quota_402');
    const reply = await complete(hole);
    assert.equal(reply.status, 429);
    assert.equal(reply.json.error.code, 'insufficient_quota');
    assert.equal((await sent_to(ENGINE)).length, 1);
  });

  test('R1: a new token after 401', async () => {
    await sim.expire('copilot');
    assert.equal((await complete(hole)).status, 200);
    assert.equal((await sent_to(ENGINE)).length, 2);
  });

  test('a caller who leaves stops the engine', async () => {
    await sim.scenario('engine_stall');
    const leave = new AbortController();
    const reply = await fetch(`${port.url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...hole, stream: true }),
      signal: leave.signal,
    });
    await reply.body.getReader().read();
    await sim.wait('stalled', { path: ENGINE });
    leave.abort();
    await sim.wait('closed', { path: ENGINE });
  });
});

describe('a plain prompt', () => {
  test('goes to a chat model and comes back in the legacy shape', async () => {
    const reply = await complete({
      model: 'gpt-4',
      prompt: 'Say hello',
      max_tokens: 200,
      temperature: 0,
    });
    assert.equal(reply.status, 200, reply.text);
    check_head(reply.json, 'gpt-4');
    assert.match(reply.json.choices[0].text, /Say hello/);
    assert.deepEqual(Object.keys(reply.json.choices[0]).sort(), [
      'finish_reason',
      'index',
      'logprobs',
      'text',
    ]);
    assert.ok(reply.json.usage.total_tokens > 0);
    assert.equal(reply.headers['x-jumpseat-model'], 'gpt-4.1');
    const [seen] = await sim.requests({ path: '/chat/completions' });
    assert.deepEqual(seen.body.messages, [{ role: 'user', content: 'Say hello' }]);
    assert.deepEqual([seen.body.max_tokens, seen.body.prompt], [200, undefined]);
    assert.equal(seen.headers['x-initiator'], 'user');
  });

  test('streamed, with echo and a cap', async () => {
    const reply = await complete({
      model: 'gpt-4',
      prompt: 'Count: ',
      stream: true,
      echo: true,
      max_tokens: 3,
      stream_options: { include_usage: true },
    });
    assert.equal(data_of(reply.text).at(-1), '[DONE]');
    const chunks = chunks_of(reply.text);
    assert.ok(chunks.length > 3);
    assert.ok(texts_of(chunks)[0].startsWith('Count: Hello!'));
    const ends = chunks.flatMap((one) => one.choices).filter((one) => one.finish_reason !== null);
    assert.deepEqual(
      ends.map((one) => one.finish_reason),
      ['length'],
    );
    assert.ok(chunks.at(-1).usage.completion_tokens > 0);
  });

  test('several prompts are answered in turn, and their tokens summed', async () => {
    const prompts = ['first', 'second', 'third'];
    const reply = await complete({ model: 'gpt-4', prompt: prompts, n: 2 });
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(
      reply.json.choices.map((one) => one.index),
      [0, 1, 2, 3, 4, 5],
    );
    for (const { index, text } of reply.json.choices) assert.ok(text.includes(prompts[index >> 1]));
    assert.equal((await sent_to('/chat/completions')).length, 3);
    const one = await complete({ model: 'gpt-4', prompt: 'first', n: 2 });
    assert.ok(reply.json.usage.total_tokens > 2 * one.json.usage.total_tokens);
  });

  test('a prompt that fails in the middle ends the answer with an error', async () => {
    await sim.scenario('error_500?after=1');
    const reply = await complete({ model: 'gpt-4', prompt: ['a', 'b'], stream: true });
    const data = data_of(reply.text);
    assert.ok(texts_of(chunks_of(reply.text).filter((one) => one.choices))[0].length > 0);
    assert.match(JSON.parse(data.at(-1)).error.message, /^Prompt 2 failed/);
    assert.ok(!data.includes('[DONE]'));
  });

  test('token ids, chat requests and the impossible are refused by name', async () => {
    for (const [body, part] of [
      [{}, '`prompt` is missing'],
      [{ prompt: [1, 2] }, 'token ids'],
      [{ prompt: 'a', messages: [] }, '/v1/chat/completions'],
      [{ prompt: 'a', best_of: 3 }, '`best_of`'],
      [{ prompt: 'a', echo: true, logprobs: 1 }, '`echo`'],
      [{ prompt: Array(21).fill('a') }, 'more than 20'],
      [{ prompt: 'a', base_url: 'https://evil.example' }, '`base_url`'],
    ]) {
      const reply = await complete({ model: 'gpt-4', ...body });
      assert.equal(reply.status, 400, reply.text);
      assert.ok(reply.json.error.message.includes(part), reply.json.error.message);
    }
    assert.equal((await sim.requests({ path: '/chat/completions' })).length, 0);
  });
});

describe("OpenAI's client", () => {
  test('whole, streamed, aborted, refused', async () => {
    const whole = await openai.completions.create({
      model: 'gpt-41-copilot',
      prompt: 'x = ',
      suffix: '\n',
      max_tokens: 50,
    });
    assert.match(whole.choices[0].text, /completes "x = "/);

    let text = '';
    let finish;
    for await (const chunk of await openai.completions.create({
      model: 'gpt-4',
      prompt: 'Hi',
      stream: true,
    })) {
      text += chunk.choices[0]?.text ?? '';
      finish = chunk.choices[0]?.finish_reason ?? finish;
    }
    assert.match(text, /You wrote “Hi”/);
    assert.equal(finish, 'stop');

    await sim.scenario('chat_stall_midstream');
    const stream = await openai.completions.create({ model: 'gpt-4', prompt: 'Hi', stream: true });
    for await (const chunk of stream) {
      assert.ok(chunk);
      stream.controller.abort();
    }
    await sim.wait('closed', { path: '/chat/completions' });
    await sim.clear_rules();

    await sim.scenario('rate_limit_none');
    await assert.rejects(openai.completions.create({ model: 'gpt-4', prompt: 'Hi' }), (error) => {
      assert.ok(error instanceof OpenAI.RateLimitError);
      assert.match(error.message, /Rate limit exceeded/);
      return true;
    });
  });
});
