// Real clients on the HTTP port, as their users call them: the npm package openai, Vercel's ai with its
// OpenAI-compatible provider, and curl. What they parse, throw and retry is theirs; what is checked here is
// that they get from Jumpseat what they get from OpenAI.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, afterEach, before, describe, test } from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import {
  APICallError,
  generateObject,
  generateText,
  jsonSchema,
  stepCountIs,
  streamText,
  tool,
} from 'ai';
import OpenAI from 'openai';
import { Home, in_time, known_token, start_simulator } from './harness.mjs';
import { open_port } from './http_port.mjs';

const CHAT = '/chat/completions';
const HELLO = [{ role: 'user', content: 'Hello, GitHub Copilot!' }];
/// What the simulator streams as two calls at once, whichever model speaks.
const TWO_CALLS = [
  { name: 'weather', arguments: { city: 'Rome' } },
  { name: 'clock', arguments: { zone: 'Europe/Rome' } },
];
const DIALECTS = {
  'gpt-4.1': 'chat_tool_calls_openai',
  'claude-sonnet-4.5': 'chat_claude_tools',
  'gemini-2.5-pro': 'chat_gemini_tools',
};
const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const WEATHER = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather in a city.',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
      additionalProperties: false,
    },
  },
};
const PERSON = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 3 } },
  required: ['name', 'age'],
  additionalProperties: false,
};

let sim;
let home;
let port;
before(async () => {
  sim = await start_simulator();
  home = new Home();
  port = await open_port({
    env: home.env(sim.env, { GITHUB_TOKEN: await known_token(sim) }),
    cwd: home.work,
  });
});
after(async () => {
  assert.deepEqual(await port?.stop(), { code: 0, signal: null }, port?.stderr);
  await sim?.stop();
});
afterEach(() => sim.clear_rules());

const upstream_error = (status, code, message, headers = {}) => ({
  on: `POST ${CHAT}`,
  do: {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ error: { code, message } }),
  },
});

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const newest = async (path = CHAT) => (await sim.requests({ path })).at(-1);

describe('npm openai', () => {
  let client;
  before(() => {
    client = new OpenAI({ baseURL: `${port.url}/v1`, apiKey: 'not-needed', maxRetries: 0 });
  });

  test('chats', async () => {
    const { data, response } = await client.chat.completions
      .create({ model: 'copilot-gpt-4', messages: HELLO })
      .withResponse();
    assert.equal(data.object, 'chat.completion');
    assert.equal(data.model, 'copilot-gpt-4');
    assert.match(data.choices[0].message.content, /^Hello! You wrote “Hello, GitHub Copilot!”/);
    assert.equal(data.choices[0].finish_reason, 'stop');
    assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
    assert.equal(data._request_id, response.headers.get('x-request-id'));
    assert.match(data._request_id, /^req_/);
  });

  test('goes on with a conversation', async () => {
    const first = await client.chat.completions.create({ model: 'gpt-4.1', messages: HELLO });
    const second = await client.chat.completions.create({
      model: 'gpt-4.1',
      messages: [...HELLO, first.choices[0].message, { role: 'user', content: 'And now?' }],
    });
    assert.match(second.choices[0].message.content, /message number 2: “And now\?”/);
  });

  for (const model of Object.keys(DIALECTS)) {
    test(`streams ${model}`, async () => {
      const stream = await client.chat.completions.create({
        model,
        messages: HELLO,
        stream: true,
        stream_options: { include_usage: true },
      });
      const chunks = await collect(stream);
      const text = chunks.map((one) => one.choices[0]?.delta.content ?? '').join('');
      assert.match(text, /^Hello! You wrote “Hello, GitHub Copilot!”.*👋$/s);
      assert.ok(chunks.length > 5, 'it comes in pieces');
      assert.equal(new Set(chunks.map((one) => one.id)).size, 1);
      assert.ok(chunks.every((one) => one.model === model));
      assert.equal(chunks.filter((one) => one.usage).length, 1);
      assert.ok(chunks.at(-1).usage.total_tokens > 0);
    });

    test(`calls two tools at once, ${model}`, async () => {
      await sim.scenario(DIALECTS[model]);
      const runner = client.chat.completions.stream({ model, messages: HELLO, tools: [WEATHER] });
      const done = [];
      runner.on('tool_calls.function.arguments.done', (one) => done.push(one.name));
      const { choices } = await in_time(runner.finalChatCompletion(), 'the end of the stream');
      assert.equal(choices[0].finish_reason, 'tool_calls');
      const calls = choices[0].message.tool_calls;
      assert.deepEqual(
        calls.map((one) => ({
          name: one.function.name,
          arguments: JSON.parse(one.function.arguments),
        })),
        TWO_CALLS,
      );
      assert.equal(new Set(calls.map((one) => one.id)).size, 2);
      assert.ok(calls.every((one) => one.type === 'function'));
      // Gemini's calls come whole in one chunk with the finish reason, after which this client announces
      // no call any more.
      if (model !== 'gemini-2.5-pro')
        assert.deepEqual(
          done,
          TWO_CALLS.map((one) => one.name),
        );
    });
  }

  test('gets an answer of several choices from Claude as one', async () => {
    await sim.scenario('chat_claude_multichoice');
    const { choices } = await client.chat.completions.create({
      model: 'claude-sonnet-4.5',
      messages: HELLO,
      tools: [WEATHER],
    });
    assert.equal(choices.length, 1);
    assert.equal(choices[0].message.content, 'Looking it up.');
    assert.deepEqual(
      choices[0].message.tool_calls.map((one) => JSON.parse(one.function.arguments)),
      TWO_CALLS.map((one) => one.arguments),
    );
  });

  test('runs tools by itself and answers with what they said', async () => {
    const asked = [];
    const runner = client.chat.completions.runTools({
      model: 'gpt-4.1',
      messages: [{ role: 'user', content: 'get_weather for Paris' }],
      tools: [
        {
          type: 'function',
          function: {
            ...WEATHER.function,
            parse: JSON.parse,
            function: (given) => {
              asked.push(given);
              return 'sunny, 21 °C';
            },
          },
        },
      ],
    });
    const answer = await in_time(runner.finalContent(), 'the end of the tools');
    assert.deepEqual(asked, [{ city: 'paris' }]);
    assert.match(answer, /The tool answered “sunny, 21 °C”/);
    assert.equal((await newest()).headers['x-initiator'], 'agent', 'no new turn of the person');
  });

  test('parses what follows a JSON schema', async () => {
    const completion = await client.chat.completions.parse({
      model: 'gpt-4.1',
      messages: [{ role: 'user', content: 'Ada is three.' }],
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'person', strict: true, schema: PERSON },
      },
    });
    const parsed = JSON.parse(completion.choices[0].message.content);
    assert.deepEqual(parsed, { name: 'simulator', age: 3 });
    assert.deepEqual((await newest()).body.response_format.json_schema.schema, PERSON);
  });

  test('sends an image', async () => {
    const content = [
      { type: 'text', text: 'What is this?' },
      { type: 'image_url', image_url: { url: PIXEL } },
    ];
    const { choices } = await client.chat.completions.create({
      model: 'gpt-4.1',
      messages: [{ role: 'user', content }],
    });
    assert.match(choices[0].message.content, /What is this\?/);
    const { headers, body } = await newest();
    assert.equal(headers['copilot-vision-request'], 'true');
    assert.deepEqual(body.messages[0].content, content, 'the picture travels as it is');
  });

  test('asks for several choices', async () => {
    const { choices } = await client.chat.completions.create({
      model: 'gpt-4.1',
      messages: HELLO,
      n: 3,
    });
    assert.deepEqual(
      choices.map((one) => one.index),
      [0, 1, 2],
    );
  });

  test('C1: aborts a stream, and upstream hears of it', async () => {
    await sim.scenario('chat_hold_midstream');
    const since = (await newest())?.id ?? 0;
    const stream = await client.chat.completions.create({
      model: 'gpt-4.1',
      messages: HELLO,
      stream: true,
    });
    for await (const chunk of stream) {
      assert.equal(chunk.object, 'chat.completion.chunk');
      break; // leaving the loop aborts
    }
    const [request] = await sim.wait('closed', { path: CHAT, since });
    assert.equal(request.ended, 'closed_by_client');
  });

  test('C1: aborts a whole answer, and upstream hears of it', async () => {
    await sim.scenario('chat_stall_before_headers');
    const since = (await newest())?.id ?? 0;
    const controller = new AbortController();
    const answer = client.chat.completions.create(
      { model: 'gpt-4.1', messages: HELLO },
      { signal: controller.signal },
    );
    await sim.wait('requests', { path: CHAT, since });
    controller.abort();
    await assert.rejects(answer, OpenAI.APIUserAbortError);
    const [request] = await sim.wait('closed', { path: CHAT, since });
    assert.equal(request.ended, 'closed_by_client');
  });

  test('throws its own exceptions', async () => {
    const cases = [
      [400, 'invalid_request_body', OpenAI.BadRequestError],
      [403, 'forbidden', OpenAI.PermissionDeniedError],
      [429, 'rate_limited', OpenAI.RateLimitError],
      [500, 'internal', OpenAI.InternalServerError],
      [503, 'overloaded', OpenAI.InternalServerError],
    ];
    for (const [status, code, kind] of cases) {
      for (const stream of [false, true]) {
        await sim.scenario({
          rules: [upstream_error(status, code, 'said upstream')],
          replace: true,
        });
        const answer = client.chat.completions.create({
          model: 'gpt-4.1',
          messages: HELLO,
          stream,
        });
        const error = await answer.then(
          () => assert.fail(`no error for ${status}`),
          (one) => one,
        );
        assert.ok(error instanceof kind, `${status}: ${error.constructor.name} ${error.message}`);
        assert.match(error.message, /said upstream/, String(status));
        assert.equal(typeof error.type, 'string', String(status));
        assert.equal(typeof error.code, 'string', String(status));
        assert.match(error.requestID ?? '', /^req_/, String(status));
      }
      await sim.clear_rules();
    }
  });

  test('throws for what Jumpseat refuses itself', async () => {
    const ask = (body) =>
      client.chat.completions.create({ model: 'gpt-4.1', messages: HELLO, ...body });
    await assert.rejects(ask({ model: 'gpt-9' }), (error) => {
      assert.ok(error instanceof OpenAI.NotFoundError);
      assert.equal(error.code, 'model_not_found');
      assert.match(error.message, /Model 'gpt-9' not found/);
      return true;
    });
    await assert.rejects(ask({ messages: [] }), OpenAI.BadRequestError);
    await assert.rejects(client.models.retrieve('gpt-9'), OpenAI.NotFoundError);
    await assert.rejects(client.get('/nowhere'), OpenAI.NotFoundError);
  });

  test('throws when a stream breaks off', async () => {
    await sim.scenario('chat_error_after_200');
    const stream = await client.chat.completions.create({
      model: 'gpt-4.1',
      messages: HELLO,
      stream: true,
    });
    const seen = [];
    await assert.rejects(
      async () => {
        for await (const chunk of stream) seen.push(chunk);
      },
      (error) => error instanceof OpenAI.APIError && /backend gave up/.test(error.message),
    );
    assert.ok(seen.length > 0, 'what had come stays');
  });

  test('U14: retries after a 429 as long as it was told to', async () => {
    await sim.rule({
      ...upstream_error(429, 'rate_limited', 'slow down', { 'retry-after': '1' }),
      times: 1,
    });
    const patient = client.withOptions({ maxRetries: 2 });
    const { choices } = await in_time(
      patient.chat.completions.create({ model: 'gpt-4o', messages: HELLO }),
      'the retry',
    );
    assert.equal(choices[0].finish_reason, 'stop');
  });

  test('lists models', async () => {
    const models = await collect(client.models.list());
    assert.ok(models.length > 10);
    assert.ok(models.every((one) => one.object === 'model' && typeof one.owned_by === 'string'));
    const one = await client.models.retrieve('claude-sonnet-4.5');
    assert.equal(one.id, 'claude-sonnet-4.5');
  });

  test('a client key is wanted where one is set', async () => {
    const own_home = new Home();
    const locked = await open_port({
      env: own_home.env(sim.env, {
        GITHUB_TOKEN: await known_token(sim),
        JUMPSEAT_API_KEY: 'the-key-of-this-test',
      }),
      cwd: own_home.work,
    });
    const with_key = (apiKey) =>
      new OpenAI({ baseURL: `${locked.url}/v1`, apiKey, maxRetries: 0 }).chat.completions.create({
        model: 'gpt-4.1',
        messages: HELLO,
      });
    await assert.rejects(with_key('not-needed'), (error) => {
      assert.ok(error instanceof OpenAI.AuthenticationError);
      assert.equal(error.code, 'invalid_api_key');
      return true;
    });
    assert.equal((await with_key('the-key-of-this-test')).choices.length, 1);
    await locked.stop();
    own_home.remove();
  });
});

describe("Vercel's ai", () => {
  let provider;
  before(() => {
    provider = createOpenAICompatible({
      name: 'jumpseat',
      baseURL: `${port.url}/v1`,
      includeUsage: true,
      supportsStructuredOutputs: true,
    });
  });
  const prompt = 'Hello, GitHub Copilot!';

  test('generates a text', async () => {
    const { text, usage, finishReason } = await generateText({
      model: provider('copilot-gpt-4'),
      prompt,
      maxRetries: 0,
    });
    assert.match(text, /^Hello! You wrote/);
    assert.equal(finishReason, 'stop');
    assert.ok(usage.totalTokens > 0);
  });

  for (const model of Object.keys(DIALECTS)) {
    test(`streams ${model}`, async () => {
      const result = streamText({ model: provider(model), prompt, maxRetries: 0 });
      const pieces = await collect(result.textStream);
      assert.ok(pieces.length > 5);
      assert.match(pieces.join(''), /^Hello! You wrote.*👋$/s);
      assert.equal(await result.finishReason, 'stop');
      assert.ok((await result.usage).totalTokens > 0);
    });

    test(`streams two tool calls at once, ${model}`, async () => {
      await sim.scenario(DIALECTS[model]);
      const inputSchema = jsonSchema({ type: 'object' });
      const result = streamText({
        model: provider(model),
        prompt,
        maxRetries: 0,
        tools: { weather: tool({ inputSchema }), clock: tool({ inputSchema }) },
      });
      const calls = await result.toolCalls;
      assert.deepEqual(
        calls.map((one) => ({ name: one.toolName, arguments: one.input })),
        TWO_CALLS,
      );
      assert.equal(await result.finishReason, 'tool-calls');
    });
  }

  test('runs a tool and goes on', async () => {
    const result = await generateText({
      model: provider('gpt-4.1'),
      prompt: 'get_weather for Paris',
      maxRetries: 0,
      stopWhen: stepCountIs(3),
      tools: {
        get_weather: tool({
          description: 'The weather in a city.',
          inputSchema: jsonSchema(WEATHER.function.parameters),
          execute: () => 'sunny, 21 °C',
        }),
      },
    });
    assert.equal(result.steps.length, 2);
    assert.match(result.text, /The tool answered “sunny, 21 °C”/);
  });

  test('generates an object by a schema', async () => {
    const { object } = await generateObject({
      model: provider('gpt-4.1'),
      prompt,
      maxRetries: 0,
      schema: jsonSchema(PERSON),
    });
    assert.deepEqual(object, { name: 'simulator', age: 3 });
  });

  test('throws its own error, with what we said', async () => {
    const error = await generateText({ model: provider('gpt-9'), prompt, maxRetries: 0 }).then(
      () => assert.fail('no error'),
      (one) => one,
    );
    assert.ok(APICallError.isInstance(error));
    assert.equal(error.statusCode, 404);
    assert.match(error.message, /Model 'gpt-9' not found/);
    assert.equal(error.isRetryable, false);
  });

  test('C1: aborts, and upstream hears of it', async () => {
    await sim.scenario('chat_hold_midstream');
    const since = (await newest())?.id ?? 0;
    const controller = new AbortController();
    const result = streamText({
      model: provider('gpt-4.1'),
      prompt,
      abortSignal: controller.signal,
      onError: () => {},
    });
    for await (const part of result.fullStream) if (part.type === 'text-delta') controller.abort();
    const [request] = await sim.wait('closed', { path: CHAT, since });
    assert.equal(request.ended, 'closed_by_client');
  });
});

describe('curl', () => {
  const curl = (...args) =>
    new Promise((resolve) =>
      execFile('curl', ['-sS', '--max-time', '60', ...args], (error, stdout, stderr) =>
        resolve({ code: error?.code ?? 0, stdout, stderr }),
      ),
    );
  const json = ['-H', 'Content-Type: application/json'];
  const body = (more = {}) => JSON.stringify({ model: 'gpt-4.1', messages: HELLO, ...more });

  test('chats', async () => {
    const { code, stdout } = await curl(`${port.url}/v1${CHAT}`, ...json, '-d', body());
    assert.equal(code, 0);
    assert.match(JSON.parse(stdout).choices[0].message.content, /^Hello!/);
  });

  test('shows a stream while it comes', async () => {
    await sim.scenario('chat_hold_midstream');
    const since = (await newest())?.id ?? 0;
    const printed = curl('-N', `${port.url}/v1${CHAT}`, ...json, '-d', body({ stream: true }));
    await sim.wait('stalled', { path: CHAT, since });
    await sim.release('chat');
    const { code, stdout } = await printed;
    assert.equal(code, 0);
    assert.match(stdout, /data: \[DONE\]\n\n$/);
  });

  test('sends a large body after 100 Continue', async () => {
    // curl sends Expect: 100-continue with bodies of more than a megabyte.
    const large = body({ messages: [{ role: 'user', content: 'x'.repeat(200_000) }] });
    const padded = large.replace('{', `{${' '.repeat(1_200_000)}`);
    const { stdout } = await new Promise((resolve) => {
      const child = execFile(
        'curl',
        ['-sS', '-v', '--max-time', '60', `${port.url}/v1${CHAT}`, ...json, '--data-binary', '@-'],
        { maxBuffer: 64 * 1024 * 1024 },
        (error, out, err) => resolve({ stdout: out, stderr: err }),
      );
      child.stdin.end(padded);
    });
    assert.match(JSON.parse(stdout).choices[0].message.content, /^Hello!/);
  });

  test('without a JSON type gets a reason', async () => {
    const { stdout } = await curl('-w', '\n%{http_code}', `${port.url}/v1${CHAT}`, '-d', body());
    const [text, status] = stdout.split('\n');
    assert.equal(status, '415');
    assert.match(JSON.parse(text).error.message, /application\/json/);
  });

  test('reads the model list and the health over either name', async () => {
    for (const path of [
      '/v1/models',
      '/models',
      '/health',
      '/health/liveliness',
      '/health/readiness',
    ]) {
      const { code, stdout } = await curl('-f', `http://127.0.0.1:${port.port}${path}`);
      assert.equal(code, 0, path);
      JSON.parse(stdout);
    }
    const { stdout } = await curl('-I', `${port.url}/v1/models`);
    assert.match(stdout, /^HTTP\/1\.1 200 /);
    assert.match(stdout, /content-type: application\/json/i);
  });
});
