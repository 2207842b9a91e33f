// What chat scenarios are made of: sample turns, chunks, and how the bytes are written.

import { gpt_filter_chunk } from './shapes.mjs';

export const HELLO = ['Hello', ' there', ',', ' this', ' is', ' a', ' test', '.'];
export const gpt = { model: 'gpt-4.1', version: 'gpt-4.1-2025-04-14', name: 'GPT-4.1' };
export const claude = { model: 'claude-sonnet-4.5', name: 'Claude Sonnet 4.5' };
export const gemini = { model: 'gemini-2.5-pro', name: 'Gemini 2.5 Pro' };
export const TWO_CALLS = [
  { name: 'weather', arguments: '{"city":"Rome"}' },
  { name: 'clock', arguments: '{"zone":"Europe/Rome"}' },
];

/// How a stream is written: `split` (bytes per write, or every-byte), `crlf`, `wait_ms` (pause).
export function writing(p, steps) {
  const split = p.text('split');
  const wait_ms = p.number('wait_ms');
  const out = { stream: wait_ms ? steps.flatMap((step) => [step, { wait_ms }]) : steps };
  if (split !== undefined) {
    out.split = split === 'every-byte' ? split : Number(split);
    if (out.split !== 'every-byte' && !(Number.isInteger(out.split) && out.split > 0)) {
      throw new Error("parameter 'split' is 'every-byte' or a number of bytes");
    }
  }
  if (p.flag('crlf')) out.crlf = true;
  return out;
}

/// The text of the turn: the parameter `text`, or some words.
export const said = (p) => {
  const text = p.text('text');
  return text === undefined ? { pieces: HELLO } : { text };
};

/// An ordinary chunk, and the one that finishes.
export const piece = (content, more = {}) => ({
  data: {
    choices: [{ index: 0, delta: { content, ...more } }],
    created: 1790000001,
    id: 'chatcmpl-s1',
    model: 'gpt-4.1-2025-04-14',
  },
});
export const finish = (finish_reason = 'stop', top = {}) => ({
  data: {
    choices: [{ finish_reason, index: 0, delta: { content: null } }],
    created: 1790000001,
    id: 'chatcmpl-s1',
    usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
    model: 'gpt-4.1-2025-04-14',
    ...top,
  },
});

/// How a GPT stream begins, without and with some words.
export const first = [gpt_filter_chunk(), piece('', { role: 'assistant' })];
export const begin = (p, fallback = 3) => {
  const count = p.number('chunks', fallback);
  return [...first, ...Array.from({ length: count }, (_, at) => piece(HELLO[at % HELLO.length]))];
};
