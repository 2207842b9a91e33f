// Answers of the HTTP port against OpenAI's published shapes (openai_schema.mjs), over every chat scenario of
// the simulator that ends well, whole and streamed, and over every error of its list. What no schema can say
// of a stream is said in `check_stream`.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import Ajv from 'ajv';
import { Home, known_token, start_simulator } from './harness.mjs';
import { open_port } from './http_port.mjs';
import * as schemas from './openai_schema.mjs';

/// Scenarios whose answer cannot be completed, by what makes it so; all others must end well.
const FAILING =
  /^chat_(error_|finish_error|remainder_error|truncated|done_only|empty|reset_|closed_|stall_|hold_|request_unread|garbage_only|expired_)/;
/// What a scenario is an answer of; gpt-4.1 otherwise.
const SPEAKER = { claude: 'claude-sonnet-4.5', gemini: 'gemini-2.5-pro' };
const speaker = (name) => SPEAKER[/claude|gemini/.exec(name)?.[0]] ?? 'gpt-4.1';

const ajv = new Ajv({
  allErrors: true,
  strict: true,
  strictRequired: false,
  allowUnionTypes: true,
});
const compiled = Object.fromEntries(
  Object.entries(schemas).map(([name, schema]) => [name, ajv.compile(schema)]),
);
function conforms(schema, value, what) {
  const validate = compiled[schema];
  if (validate(value)) return;
  const reasons = ajv.errorsText(validate.errors, { dataVar: schema, separator: '\n' });
  assert.fail(`${what}:\n${reasons}\n${JSON.stringify(value).slice(0, 1000)}`);
}

let sim;
let port;
let struck; // a port of its own for what fails: it remembers which models are in trouble
let names; // of all scenarios
before(async () => {
  sim = await start_simulator();
  const home = new Home();
  const env = home.env(sim.env, { GITHUB_TOKEN: await known_token(sim), MAX_RETRIES: '0' });
  port = await open_port({ env, cwd: home.work });
  struck = await open_port({ env, cwd: home.work });
  names = (await sim.call_('GET', 'scenarios')).map((one) => one.name);
});
after(async () => {
  await port?.stop();
  await struck?.stop();
  await sim?.stop();
});
afterEach(() => sim.clear_rules());

/// Names of chat models, one after the other, so that no model fails too often to be asked.
const MODELS = ['gpt-4.1', 'gpt-4o', 'gpt-4o-mini', 'gpt-5', 'gpt-5-mini', 'o3-mini', 'o4-mini'];
let turn = 0;
const another_model = () => MODELS[turn++ % MODELS.length];

const HELLO = { messages: [{ role: 'user', content: 'Hello' }] };
const events_of = (text) => {
  const blocks = text.split('\n\n');
  assert.equal(blocks.pop(), '', 'a stream ends with an empty line');
  return blocks
    .filter((block) => !block.startsWith(':'))
    .map((block) => {
      assert.match(block, /^data: [^\n]*$/, 'one data line for each event');
      return block.slice('data: '.length);
    });
};

/// The chunks of a stream that ended well, checked one by one and together.
function check_stream(text, { model, usage }) {
  const events = events_of(text);
  assert.equal(events.pop(), '[DONE]', text.slice(-500));
  const chunks = events.map((one) => JSON.parse(one));
  assert.ok(chunks.length > 0);
  for (const chunk of chunks) conforms('chat_completion_chunk', chunk, 'a chunk');
  for (const member of ['id', 'created'])
    assert.equal(new Set(chunks.map((one) => one[member])).size, 1, `one ${member} for all chunks`);
  assert.ok(
    chunks.every((one) => one.model === model),
    'the name that was asked for',
  );

  const counted = chunks.filter((one) => one.usage);
  if (usage) {
    assert.equal(counted.length, 1, 'usage once');
    assert.equal(counted[0], chunks.at(-1), 'usage at the end');
    assert.deepEqual(counted[0].choices, []);
  } else {
    assert.equal(counted.length, 0, 'usage that was not asked for');
  }
  // Copilot's own objects pass as they are, choice or not.
  const alone = (chunk) =>
    chunk === counted[0] || Object.keys(chunk).some((key) => /^copilot_/.test(key));
  for (const chunk of chunks)
    assert.ok(chunk.choices.length > 0 || alone(chunk), 'a chunk without a choice');

  const choices = new Map();
  for (const { index, delta, finish_reason } of chunks.flatMap((one) => one.choices)) {
    if (!choices.has(index)) {
      assert.equal(delta.role, 'assistant', 'the first delta says who speaks');
      choices.set(index, { text: '', calls: [], finish: null });
    }
    const choice = choices.get(index);
    choice.text += delta.content ?? '';
    for (const part of delta.tool_calls ?? []) {
      const call = choice.calls[part.index];
      if (!call) {
        assert.equal(part.index, choice.calls.length, 'calls are numbered in order');
        assert.ok(part.id && part.function.name, 'the first part of a call names it');
        choice.calls.push({ id: part.id, text: part.function.arguments ?? '' });
      } else {
        assert.ok(part.id === undefined || part.id === call.id, 'a call keeps its id');
        call.text += part.function.arguments ?? '';
      }
    }
    if (finish_reason) {
      assert.equal(choice.finish, null, 'a choice finishes once');
      choice.finish = finish_reason;
    }
  }
  for (const { calls, finish } of choices.values()) {
    assert.ok(finish, 'every choice finishes');
    for (const call of calls) JSON.parse(call.text);
    if (calls.length > 0) assert.equal(finish, 'tool_calls');
  }
  return choices;
}

/// The same of a whole answer.
function check_whole(json, { model }) {
  conforms('chat_completion', json, 'a completion');
  assert.equal(json.model, model);
  for (const { message, finish_reason } of json.choices) {
    for (const call of message.tool_calls ?? []) JSON.parse(call.function.arguments);
    if (message.tool_calls) assert.equal(finish_reason, 'tool_calls');
  }
}

/// Asks for one answer whole, streamed, and streamed with usage. `counted`: upstream tells the usage.
async function both_ways(model, extra = {}, { counted = true } = {}) {
  const body = { model, ...HELLO, ...extra };
  const whole = await port.post('/v1/chat/completions', body);
  assert.equal(whole.status, 200, whole.text);
  check_whole(whole.json, { model });
  assert.equal(whole.json.usage !== undefined, counted, 'usage of a whole answer');
  const asked = { ...body, stream: true };
  const plain = await port.post('/v1/chat/completions', asked);
  assert.equal(plain.status, 200, plain.text);
  const streamed = check_stream(plain.text, { model, usage: false });
  const with_usage = await port.post('/v1/chat/completions', {
    ...asked,
    stream_options: { include_usage: true },
  });
  check_stream(with_usage.text, { model, usage: counted });
  assert.deepEqual(
    [...streamed.values()].map((one) => one.text),
    whole.json.choices.map((one) => one.message.content ?? ''),
    'the same text both ways',
  );
}

describe('chat completions conform', () => {
  test('when all is well, from every backend', async () => {
    for (const model of ['gpt-4', 'copilot-gpt-4', 'gpt-4.1', 'gpt-5', 'o3-mini', 'o1']) {
      await both_ways(model);
    }
    for (const model of Object.values(SPEAKER)) await both_ways(model);
    await both_ways('gpt-4.1', { n: 3 });
    await both_ways('gpt-4.1', { max_tokens: 2 });
  });

  test('in every scenario that ends well', async (t) => {
    const good = names.filter((name) => name.startsWith('chat_') && !FAILING.test(name));
    assert.ok(good.length >= 20, good.join(' '));
    for (const name of good) {
      await t.test(name, async () => {
        await sim.scenario({ name, params: {}, replace: true });
        // What upstream does not count, nobody invents.
        await both_ways(speaker(name), {}, { counted: name !== 'chat_reply_bare' });
      });
    }
  });

  test('or say so, in every scenario that does not', async (t) => {
    // Those that hang or that cut the connection are rows of the fault tests.
    const broken =
      /^chat_(error_|finish_error|remainder_error|truncated|done_only|empty|garbage_only)/;
    const bad = names.filter((name) => broken.test(name));
    assert.ok(bad.length >= 7, bad.join(' '));
    for (const name of bad) {
      await t.test(name, async () => {
        await sim.scenario({ name, params: {}, replace: true });
        const whole = await struck.chat({ model: another_model() });
        assert.ok(whole.status >= 400, whole.text);
        conforms('error', whole.json, 'a failed completion');
        const stream = await struck.chat({ model: another_model(), stream: true });
        if (stream.status !== 200)
          return conforms('error', stream.json, 'a stream that never began');
        const events = events_of(stream.text);
        conforms('error', JSON.parse(events.pop()), 'the last event');
        for (const one of events) conforms('chat_completion_chunk', JSON.parse(one), 'a chunk');
      });
    }
  });
});

describe('errors conform', () => {
  test("upstream's", async (t) => {
    const bad = names.filter((name) => /^error/.test(name));
    assert.ok(bad.length >= 8, bad.join(' '));
    for (const name of bad) {
      await t.test(name, async () => {
        await sim.scenario({ name, params: {}, replace: true });
        for (const stream of [false, true]) {
          const reply = await struck.chat({ model: another_model(), stream });
          assert.ok(reply.status >= 400 && reply.status < 600, reply.text);
          assert.equal(reply.headers['content-type'], 'application/json');
          conforms('error', reply.json, name);
        }
      });
    }
  });

  test("the port's own", async () => {
    const replies = [
      [404, await port.get('/v1/nowhere')],
      [404, await port.get('/v1/models/nobody')],
      [405, await port.get('/v1/chat/completions')],
      [415, await port.request('POST', '/v1/chat/completions', { body: '{}' })],
      [400, await port.post('/v1/chat/completions', '{')],
      [404, await port.chat({ model: 'nobody' })],
      [403, await port.get('/v1/models', { headers: { host: 'example.com' } })],
    ];
    for (const [status, reply] of replies) {
      assert.equal(reply.status, status, reply.text);
      conforms('error', reply.json, String(status));
    }
  });
});

describe('the other routes conform', () => {
  test('models', async () => {
    for (const path of ['/v1/models', '/models']) {
      const { json } = await port.get(path);
      conforms('models', json, path);
      for (const { id } of json.data) {
        const one = await port.get(`/v1/models/${encodeURIComponent(id)}`);
        conforms('model', one.json, id);
        assert.equal(one.json.id, id);
      }
    }
  });

  test('embeddings', async () => {
    const ask = (body) => port.post('/v1/embeddings', { model: 'text-embedding-3-small', ...body });
    for (const input of ['one', ['one', 'two', 'three']]) {
      conforms('embeddings', (await ask({ input })).json, 'numbers');
      const packed = await ask({ input, encoding_format: 'base64' });
      conforms('embeddings_base64', packed.json, 'base64');
    }
  });

  test('legacy completions', async () => {
    const bodies = [
      { model: 'gpt-4.1', prompt: 'Once upon a time' },
      { model: 'gpt-4.1', prompt: ['One', 'Two'] },
      { model: 'gpt-41-copilot', prompt: 'def add(a, b):\n    ', suffix: '\nprint(add(1, 2))\n' },
    ];
    for (const body of bodies) {
      const whole = await port.post('/v1/completions', body);
      assert.equal(whole.status, 200, whole.text);
      conforms('completion', whole.json, JSON.stringify(body));
      const stream = await port.post('/v1/completions', { ...body, stream: true });
      assert.equal(stream.status, 200, stream.text);
      const events = events_of(stream.text);
      assert.equal(events.pop(), '[DONE]');
      for (const one of events) conforms('completion_chunk', JSON.parse(one), JSON.stringify(body));
    }
  });
});
