// POST /v1/embeddings from outside: raw requests, and OpenAI's own client.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { Home, known_token, start_simulator } from './harness.mjs';
import { open_port } from './http_port.mjs';

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

const MODEL = 'text-embedding-3-small';
const embed = (input, more = {}) => port.post('/v1/embeddings', { model: MODEL, input, ...more });
const asked = async () => (await sim.requests({ path: '/embeddings' })).map((one) => one.body);

/// Vectors as the simulator makes them: fetched from it without us in between.
async function straight(input, dimensions) {
  const { copilot } = await sim.tokens();
  const reply = await fetch(`${sim.url}/embeddings`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${copilot.at(-1)}`,
      'content-type': 'application/json',
      'editor-version': 'vscode/1.110.1',
      'copilot-integration-id': 'vscode-chat',
    },
    body: JSON.stringify({ model: MODEL, input, dimensions }),
  });
  return (await reply.json()).data.map((one) => one.embedding);
}

describe('embeddings', () => {
  test('a text, a list of texts, with and without /v1', async () => {
    const one = await embed('alpha', { dimensions: 4 });
    assert.equal(one.status, 200, one.text);
    assert.deepEqual(Object.keys(one.json).sort(), ['data', 'model', 'object', 'usage']);
    assert.equal(one.json.object, 'list');
    assert.equal(one.json.model, MODEL);
    assert.equal(one.json.data.length, 1);
    assert.equal(one.headers['x-jumpseat-model'], MODEL);
    assert.match(one.headers['x-quota-snapshot-chat'], /^ent=/);
    assert.equal(one.headers['x-jumpseat-cache'], undefined);

    const two = await port.post('/embeddings', {
      model: MODEL,
      input: ['alpha', 'beta'],
      dimensions: 4,
    });
    assert.deepEqual(
      two.json.data.map(({ object, index, embedding }) => [object, index, embedding.length]),
      [
        ['embedding', 0, 4],
        ['embedding', 1, 4],
      ],
    );
    assert.deepEqual(two.json.data[0].embedding, one.json.data[0].embedding);
    assert.deepEqual(
      (await asked()).map((body) => body.input),
      [['alpha'], ['alpha', 'beta']],
    );
  });

  test('names: prefixes go, the answer bears the name that was asked for', async () => {
    const reply = await embed('x', { model: `github_copilot/${MODEL}`, dimensions: 2 });
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.json.model, `github_copilot/${MODEL}`);
    assert.equal((await asked())[0].model, MODEL);
    const unnamed = await port.post('/v1/embeddings', { input: 'x', dimensions: 2 });
    assert.equal(unnamed.json.model, MODEL);
  });

  test('more inputs than the model takes are sent in batches and come back in order', async () => {
    const texts = Array.from({ length: 1100 }, (_, at) => `text ${at}`);
    await sim.scenario('embeddings_shuffled');
    const reply = await embed(texts, { dimensions: 3 });
    assert.equal(reply.status, 200, reply.text.slice(0, 500));
    const bodies = await asked();
    assert.deepEqual(
      bodies.map((body) => body.input.length),
      [512, 512, 76],
    );
    assert.deepEqual(
      reply.json.data.map((one) => one.index),
      texts.map((_, at) => at),
    );
    await sim.clear_rules();
    const expected = [
      ...(await straight(texts.slice(0, 512), 3)),
      ...(await straight(texts.slice(512, 1024), 3)),
      ...(await straight(texts.slice(1024), 3)),
    ];
    assert.deepEqual(
      reply.json.data.map((one) => one.embedding),
      expected,
    );
    const tokens = texts.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0);
    assert.deepEqual(reply.json.usage, { prompt_tokens: tokens, total_tokens: tokens });
  });

  test('base64 holds the same numbers as 32-bit floats', async () => {
    const plain = (await embed(['alpha', 'beta'], { dimensions: 5 })).json;
    const coded = (await embed(['alpha', 'beta'], { dimensions: 5, encoding_format: 'base64' }))
      .json;
    for (const [at, { embedding }] of coded.data.entries()) {
      const bytes = Buffer.from(embedding, 'base64');
      const floats = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
      assert.deepEqual(floats, plain.data[at].embedding.map(Math.fround));
    }
    assert.ok((await asked()).every((body) => !('encoding_format' in body)));
  });

  test("OpenAI's client gets its vectors, in either encoding", async () => {
    const base = { model: MODEL, input: ['alpha', 'beta'], dimensions: 6 };
    const { json } = await embed(base.input, { dimensions: 6 });
    const expected = json.data.map((one) => one.embedding);
    const usual = await openai.embeddings.create(base); // asks for base64 by itself
    assert.deepEqual(
      usual.data.map((one) => Array.from(one.embedding)),
      expected.map((one) => one.map(Math.fround)),
    );
    const floats = await openai.embeddings.create({ ...base, encoding_format: 'float' });
    assert.deepEqual(
      floats.data.map((one) => one.embedding),
      expected,
    );
    assert.equal(floats.usage.total_tokens, 3);
    await assert.rejects(openai.embeddings.create({ ...base, model: 'gpt-4.1' }), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.code, 'unsupported_api_for_model');
      return true;
    });
    await assert.rejects(
      openai.embeddings.create({ ...base, model: 'nothing-like-it' }),
      (error) => {
        assert.ok(error instanceof OpenAI.NotFoundError);
        return true;
      },
    );
  });

  test('what Copilot leaves out is filled in', async () => {
    await sim.scenario('embeddings_bare');
    const bare = await embed(['a', 'b'], { dimensions: 2 });
    assert.deepEqual(
      bare.json.data.map(({ object, index }) => [object, index]),
      [
        ['embedding', 0],
        ['embedding', 1],
      ],
    );
    assert.equal(bare.json.model, MODEL);
    await sim.clear_rules();
    await sim.scenario('embeddings_without');
    const uncounted = await embed('a', { dimensions: 2 });
    assert.deepEqual(uncounted.json.usage, { prompt_tokens: 0, total_tokens: 0 });
  });

  test('vectors that do not fit the inputs are an error, never guessed', async () => {
    for (const name of ['embeddings_lost', 'embeddings_twice', 'embeddings_odd']) {
      await sim.clear_rules();
      await sim.scenario(name);
      const reply = await embed(['a', 'b', 'c'], { dimensions: 2 });
      assert.equal(reply.status, 502, name);
      assert.equal(reply.json.error.code, 'bad_upstream_json', name);
    }
    await sim.clear_rules();
    await sim.scenario({ name: 'captive_portal', params: { on: 'POST /embeddings' } });
    const portal = await embed('a');
    assert.equal(portal.status, 502);
    assert.equal(portal.json.error.code, 'not_copilot');
    await sim.clear_rules();
    await sim.scenario('embeddings_cut');
    assert.equal((await embed('a')).json.error.code, 'upstream_interrupted');
  });

  test('requests that cannot be answered are refused before anything is sent', async () => {
    for (const [body, part] of [
      [{ model: MODEL }, '`input` is missing'],
      [{ model: MODEL, input: [] }, '`input` is empty'],
      [{ model: MODEL, input: [1, 2, 3] }, 'token ids'],
      [{ model: MODEL, input: [[1], [2]] }, 'token ids'],
      [{ model: MODEL, input: 'a', encoding_format: 'int8' }, '`encoding_format`'],
      [{ model: MODEL, input: 'a', api_base: 'https://evil.example' }, '`api_base`'],
      [{ model: MODEL, input: Array(2049).fill('a') }, 'more than 2048'],
      [{ model: 'claude-sonnet-4.5', input: 'a' }, 'These do: text-embedding-3-small'],
    ]) {
      const reply = await port.post('/v1/embeddings', body);
      assert.equal(reply.status, 400, JSON.stringify(body).slice(0, 80));
      assert.deepEqual(Object.keys(reply.json.error).sort(), ['code', 'message', 'param', 'type']);
      assert.ok(reply.json.error.message.includes(part), reply.json.error.message);
    }
    assert.deepEqual(await asked(), []);
    assert.equal((await port.get('/v1/embeddings')).status, 405);
  });

  test("upstream's own refusal comes with its words", async () => {
    const reply = await embed('a', { model: 'text-embedding-ada-002', dimensions: 4 });
    assert.equal(reply.status, 400);
    assert.match(reply.json.error.message, /does not support dimensions/);
  });

  test('R1: a new token after 401, no repetition of what may have been carried out', async () => {
    await sim.expire('copilot');
    assert.equal((await embed('a', { dimensions: 2 })).status, 200);
    assert.equal((await asked()).length, 2);
    await sim.reset({ keep: ['tokens'] });
    await sim.scenario({ name: 'error_500', params: { on: 'POST /embeddings' } });
    assert.equal((await embed('a')).status, 502);
    assert.equal((await asked()).length, 1);
  });

  test('a caller who leaves stops the work, also between two batches', async () => {
    await sim.scenario({ name: 'embeddings_stall', params: { after: 1 } });
    const leave = new AbortController();
    const waiting = fetch(`${port.url}/v1/embeddings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: MODEL, input: Array(600).fill('a'), dimensions: 2 }),
      signal: leave.signal,
    });
    await sim.wait('stalled', { path: '/embeddings' });
    leave.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    await sim.wait('closed', { path: '/embeddings' });
    assert.equal((await asked()).length, 2);
  });
});
