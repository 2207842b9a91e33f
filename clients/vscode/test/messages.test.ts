// What goes to a model and what is said of one: VS Code's messages and tools as OpenAI's, limits, costs, counts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  costOf,
  estimateMessageTokens,
  estimateTokens,
  isServed,
  limitsOf,
  toOpenAi,
  toRequest,
} from '../src/messages';
import type { ModelEntry } from '../src/openai';

const USER = 1;
const ASSISTANT = 2;
const SYSTEM = 3;
const text = (value: string) => ({ value });
const data = (mimeType: string, bytes: string) => ({ mimeType, data: Buffer.from(bytes) });

const model = (more: Partial<ModelEntry> = {}): ModelEntry => ({
  id: 'm',
  name: 'M',
  type: 'chat',
  owned_by: 'X',
  preview: false,
  picker: true,
  default: false,
  limits: {},
  supports: {
    streaming: true,
    tool_calls: true,
    parallel_tool_calls: true,
    vision: false,
    structured_outputs: false,
  },
  supported_endpoints: ['/chat/completions'],
  ...more,
});

test('a text goes as a text, with its role', () => {
  assert.deepEqual(
    toOpenAi([
      { role: SYSTEM, content: [text('Be brief.')] },
      { role: USER, content: [text('Hello '), text('there')], name: 'ann' },
      { role: ASSISTANT, content: [text('Hi.')] },
    ]),
    [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello there', name: 'ann' },
      { role: 'assistant', content: 'Hi.' },
    ],
  );
});

test('a tool call and its result become two messages, the result before what the user adds', () => {
  assert.deepEqual(
    toOpenAi([
      { role: ASSISTANT, content: [{ callId: 'c1', name: 'read', input: { file: 'a' } }] },
      {
        role: USER,
        content: [text('And now?'), { callId: 'c1', content: [text('one '), text('two')] }],
      },
    ]),
    [
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'c1', type: 'function', function: { name: 'read', arguments: '{"file":"a"}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'one two' },
      { role: 'user', content: 'And now?' },
    ],
  );
});

test('images go as data URLs, in questions and in results of tools', () => {
  const image = {
    type: 'image_url',
    image_url: { url: `data:image/png;base64,${Buffer.from('PNG').toString('base64')}` },
  };
  assert.deepEqual(
    toOpenAi([
      {
        role: USER,
        content: [
          { callId: 'c', content: [data('image/png', 'PNG')] },
          text('What is it?'),
          data('image/png', 'PNG'),
        ],
      },
    ]),
    [
      { role: 'tool', tool_call_id: 'c', content: [image] },
      { role: 'user', content: [{ type: 'text', text: 'What is it?' }, image] },
    ],
  );
});

test('texts as data are texts; what cannot be sent is said', () => {
  const content = [
    data('text/x-diff', '+a\n'),
    data('application/json', '{}'),
    data('application/pdf', '%PDF'),
    { value: { node: 1 } },
  ];
  const [message] = toOpenAi([{ role: USER, content }]);
  assert.equal(
    message?.content,
    '+a\n{}[An attachment of the type application/pdf could not be sent.]{"node":1}',
  );
});

test('thoughts go back with what the model recorded of them', () => {
  const thought = { value: 'Let me think.', id: 'r1', metadata: { reasoning_opaque: 'b3Bh' } };
  assert.deepEqual(toOpenAi([{ role: ASSISTANT, content: [thought, text('Four.')] }]), [
    {
      role: 'assistant',
      content: 'Four.',
      reasoning_text: 'Let me think.',
      reasoning_opaque: 'b3Bh',
    },
  ]);
});

test('the mark for the prompt cache is on the message, not in its text', () => {
  assert.deepEqual(
    toOpenAi([{ role: USER, content: [text('Long'), data('cache_control', 'ephemeral')] }]),
    [{ role: 'user', content: 'Long', copilot_cache_control: { type: 'ephemeral' } }],
  );
});

test('a request carries tools, the choice of effort, and only options of OpenAI’s', () => {
  const request = toRequest(model({ id: 'gpt-x' }), [{ role: USER, content: [text('q')] }], {
    tools: [{ name: 'read', description: 'Reads', inputSchema: { type: 'object' } }],
    toolRequired: true,
    modelOptions: { temperature: 0.1, api_base: 'https://elsewhere.example', model: 'other' },
    reasoningEffort: 'high',
  });
  assert.deepEqual(request, {
    temperature: 0.1,
    model: 'gpt-x',
    messages: [{ role: 'user', content: 'q' }],
    tools: [
      {
        type: 'function',
        function: { name: 'read', description: 'Reads', parameters: { type: 'object' } },
      },
    ],
    tool_choice: 'required',
    reasoning_effort: 'high',
  });
});

test('limits are the list’s; without any they are small', () => {
  const limits = { max_context_window_tokens: 128000, max_output_tokens: 16000 };
  assert.deepEqual(limitsOf(model({ limits: { ...limits, max_prompt_tokens: 64000 } })), {
    input: 64000,
    output: 16000,
  });
  assert.deepEqual(limitsOf(model({ limits })), { input: 112000, output: 16000 });
  assert.deepEqual(limitsOf(model()), { input: 16384, output: 4096 });
});

test('only chat models that the process can ask are offered', () => {
  assert.ok(isServed(model()));
  assert.ok(!isServed(model({ supported_endpoints: ['/responses'] })));
  assert.ok(!isServed(model({ type: 'embeddings' })));
});

test('the cost is said as far as it is known', () => {
  assert.deepEqual(
    [0, 0.33, 10].map((multiplier) => costOf(model({ multiplier }))),
    ['included', '0.33x', '10x'],
  );
  assert.equal(costOf(model()), '');
});

test('token counts are near enough, and rather too high', () => {
  // 44 characters that every known tokenizer of OpenAI's makes 10 tokens of.
  const counted = estimateTokens('The quick brown fox jumps over the lazy dog.');
  assert.ok(counted >= 10 && counted <= 15, String(counted));
  assert.equal(estimateTokens(''), 0);
  const image = estimateMessageTokens({ role: USER, content: [data('image/png', 'x')] });
  assert.ok(image > 1000);
  const call = estimateMessageTokens({
    role: ASSISTANT,
    content: [{ callId: 'c', name: 'read', input: { file: 'a'.repeat(360) } }],
  });
  assert.ok(call > 100 && call < 130, String(call));
});
