// Chunks in, whole parts out.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AnswerError, Parts } from '../src/chat';
import type { ChatChunk } from '../src/openai';

type Delta = ChatChunk['choices'][0]['delta'];

function partsOf(deltas: (Delta & { finish?: string })[]): unknown[] {
  const seen: unknown[] = [];
  const parts = new Parts({
    text: (text) => seen.push(text),
    thinking: (text, opaque) => seen.push(['thinking', text, opaque]),
    toolCall: (id, name, input) => seen.push([id, name, input]),
  });
  for (const { finish, ...delta } of deltas) {
    parts.take({ choices: [{ index: 0, delta, finish_reason: finish ?? null }] });
  }
  parts.take({ choices: [] }); // the usage
  parts.end();
  return seen;
}

const call = (index: number, id?: string, name?: string, args?: string): Delta => ({
  tool_calls: [
    {
      index,
      ...(id === undefined ? {} : { id }),
      function: {
        ...(name === undefined ? {} : { name }),
        ...(args === undefined ? {} : { arguments: args }),
      },
    },
  ],
});

describe('an answer', () => {
  test('gives its text as it comes', () => {
    assert.deepEqual(
      partsOf([{ content: '' }, { content: 'On' }, { content: 'ce' }, { finish: 'stop' }]),
      ['On', 'ce'],
    );
  });

  test('gives thoughts and what the model recorded of them, also after the end', () => {
    assert.deepEqual(
      partsOf([
        { reasoning_text: 'Hm.' },
        { content: 'Four' },
        { finish: 'stop' },
        { reasoning_opaque: 'b3Bh' },
      ]),
      [['thinking', 'Hm.', undefined], 'Four', ['thinking', '', 'b3Bh']],
    );
  });

  test('puts tool calls together, in their order', () => {
    assert.deepEqual(
      partsOf([
        call(0, 'c1', 'read', '{"fi'),
        call(1, 'c2', 'now'),
        call(0, undefined, undefined, 'le":"a"}'),
        { finish: 'tool_calls' },
      ]),
      [
        ['c1', 'read', { file: 'a' }],
        ['c2', 'now', {}],
      ],
    );
  });

  test('with arguments that are no object is an error that names the tool', () => {
    for (const args of ['{"a":', '[1]', '"x"', 'null']) {
      assert.throws(
        () => partsOf([call(0, 'c', 'read', args), { finish: 'tool_calls' }]),
        (error) => error instanceof AnswerError && error.message.includes('the tool read'),
        args,
      );
    }
  });

  test('that reached its limit within a tool call calls nothing', () => {
    assert.throws(
      () => partsOf([call(0, 'c', 'read', '{}'), { finish: 'length' }]),
      (error) => error instanceof AnswerError && error.code === 'length',
    );
  });

  test('that the content filter ended is an error', () => {
    assert.throws(
      () => partsOf([{ content: 'Well' }, { finish: 'content_filter' }]),
      (error) => error instanceof AnswerError && error.code === 'content_filter',
    );
  });
});
