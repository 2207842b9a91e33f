// Chat answers as the different backends shape them: streams (as steps) and whole replies.
//
// `turn`: {model, version, name, text | pieces, tool_calls: [{name, arguments}], prompt_tokens,
//          completion_tokens, finish, n, pace_ms}

import { randomUUID } from 'node:crypto';

const SAFE = { filtered: false, severity: 'safe' };
const FILTERS = { hate: SAFE, self_harm: SAFE, sexual: SAFE, violence: SAFE };

export const DONE = { data: '[DONE]' };

let serial = 0;
const next_id = () =>
  `chatcmpl-sim${(++serial).toString(36).padStart(6, '0')}${randomUUID().slice(0, 8)}`;
const now_s = () => Math.floor(Date.now() / 1000);

/// Pieces as a model sends them: a word with the space in front of it. Joined they are the text.
export const pieces_of = (text) => text.match(/\s*\S+|\s+$/gu) ?? (text ? [text] : []);

const pieces = (turn) => turn.pieces ?? pieces_of(turn.text ?? '');

function usage(turn) {
  const prompt_tokens = turn.prompt_tokens ?? 9;
  const completion_tokens =
    turn.completion_tokens ??
    Math.max(1, pieces(turn).length + 12 * (turn.tool_calls?.length ?? 0));
  return {
    completion_tokens,
    prompt_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    prompt_tokens_details: { cached_tokens: 0 },
  };
}

const finish_of = (turn) => turn.finish ?? (turn.tool_calls?.length ? 'tool_calls' : 'stop');
const halves = (text) =>
  text.length < 2 ? [text] : [text.slice(0, text.length >> 1), text.slice(text.length >> 1)];

function paced(turn, steps) {
  if (!turn.pace_ms) return steps;
  return steps.flatMap((step, index) => (index === 0 ? [step] : [{ wait_ms: turn.pace_ms }, step]));
}

/// The first chunk of a GPT stream: no choice, blank id, created 0, only filter results.
export const gpt_filter_chunk = () => ({
  data: {
    choices: [],
    created: 0,
    id: '',
    prompt_filter_results: [{ content_filter_results: FILTERS, prompt_index: 0 }],
  },
});

export function gpt_stream(turn) {
  const common = { created: now_s(), id: next_id(), model: turn.version ?? turn.model };
  const chunk = (choice, more = {}) => ({ data: { choices: [choice], ...common, ...more } });
  const count = turn.n ?? 1;
  const each = (make) => Array.from({ length: count }, (_, index) => make(index));
  const steps = [gpt_filter_chunk()];
  steps.push(
    ...each((index) =>
      chunk({
        index,
        content_filter_offsets: { check_offset: 30, start_offset: 30, end_offset: 62 },
        content_filter_results: FILTERS,
        delta: { content: '', role: 'assistant', refusal: null },
      }),
    ),
  );
  for (const piece of pieces(turn)) {
    steps.push(
      ...each((index) =>
        chunk({ index, content_filter_results: FILTERS, delta: { content: piece } }),
      ),
    );
  }
  (turn.tool_calls ?? []).forEach((call, at) => {
    const id = `call_${randomUUID().replaceAll('-', '').slice(0, 24)}`;
    steps.push(
      chunk({
        index: 0,
        delta: {
          content: null,
          tool_calls: [
            { index: at, id, type: 'function', function: { name: call.name, arguments: '' } },
          ],
        },
      }),
    );
    for (const part of halves(call.arguments)) {
      steps.push(
        chunk({
          index: 0,
          delta: { content: null, tool_calls: [{ index: at, function: { arguments: part } }] },
        }),
      );
    }
  });
  steps.push(
    ...each((index) =>
      chunk(
        {
          finish_reason: finish_of(turn),
          index,
          content_filter_results: {},
          delta: { content: null },
        },
        index === count - 1 ? { usage: usage(turn), system_fingerprint: 'fp_simulator' } : {},
      ),
    ),
  );
  return [...paced(turn, steps), DONE];
}

/// Claude: the role on every chunk, no `object`, UUID as id, all tool calls at index 0.
export function claude_stream(turn) {
  const common = { created: now_s(), id: randomUUID(), model: turn.model };
  const chunk = (delta, more = {}, top = {}) => ({
    data: {
      choices: [{ index: 0, delta: { role: 'assistant', ...delta }, ...more }],
      ...common,
      ...top,
    },
  });
  const steps = pieces(turn).map((piece) => chunk({ content: piece }));
  for (const call of turn.tool_calls ?? []) {
    const id = `tooluse_${randomUUID().replaceAll('-', '').slice(0, 22)}`;
    steps.push(
      chunk({
        content: null,
        tool_calls: [{ index: 0, id, type: 'function', function: { name: call.name } }],
      }),
    );
    if (call.arguments === '') continue;
    for (const part of halves(call.arguments)) {
      steps.push(
        chunk({
          content: null,
          tool_calls: [{ index: 0, type: 'function', function: { arguments: part } }],
        }),
      );
    }
  }
  steps.push(chunk({ content: null }, { finish_reason: finish_of(turn) }, { usage: usage(turn) }));
  return [...paced(turn, steps), DONE];
}

/// Gemini: zero usage on every chunk but the last; a whole tool call in one delta, with the finish.
export function gemini_stream(turn) {
  const zero = {
    completion_tokens: 0,
    prompt_tokens: 0,
    total_tokens: 0,
    prompt_tokens_details: { cached_tokens: 0 },
  };
  const common = { created: now_s(), id: randomUUID(), model: turn.model };
  const steps = pieces(turn).map((piece) => ({
    data: {
      choices: [{ index: 0, delta: { content: piece, role: 'assistant' } }],
      ...common,
      usage: zero,
    },
  }));
  const calls = (turn.tool_calls ?? []).map((call, index) => ({
    index,
    id: `call_${randomUUID().slice(0, 8)}`,
    type: 'function',
    function: { name: call.name, arguments: call.arguments },
  }));
  steps.push({
    data: {
      choices: [
        {
          index: 0,
          finish_reason: finish_of(turn),
          delta: {
            content: null,
            role: 'assistant',
            ...(calls.length ? { tool_calls: calls, reasoning_opaque: 'c2ltdWxhdG9y' } : {}),
          },
        },
      ],
      ...common,
      usage: usage(turn),
    },
  });
  return [...paced(turn, steps), DONE];
}

export function gpt_reply(turn) {
  const count = turn.n ?? 1;
  const tool_calls = (turn.tool_calls ?? []).map((call) => ({
    id: `call_${randomUUID().replaceAll('-', '').slice(0, 24)}`,
    type: 'function',
    function: { name: call.name, arguments: call.arguments },
  }));
  return {
    choices: Array.from({ length: count }, (_, index) => ({
      content_filter_results: FILTERS,
      finish_reason: finish_of(turn),
      index,
      message: {
        content: pieces(turn).join('') || null,
        role: 'assistant',
        refusal: null,
        ...(tool_calls.length ? { tool_calls } : {}),
      },
    })),
    created: now_s(),
    id: next_id(),
    object: 'chat.completion',
    model: turn.version ?? turn.model,
    prompt_filter_results: [{ content_filter_results: FILTERS, prompt_index: 0 }],
    system_fingerprint: 'fp_simulator',
    usage: usage(turn),
  };
}

/// One choice for the text and one per tool call, no index, no object, the display name as model.
export function claude_reply(turn) {
  const finish_reason = finish_of(turn);
  const text = pieces(turn).join('');
  const choices = (turn.tool_calls ?? []).map((call) => ({
    finish_reason,
    message: {
      role: 'assistant',
      tool_calls: [
        {
          id: `tooluse_${randomUUID().replaceAll('-', '').slice(0, 22)}`,
          type: 'function',
          function: { name: call.name, arguments: call.arguments },
        },
      ],
    },
  }));
  if (text || choices.length === 0)
    choices.unshift({ finish_reason, message: { role: 'assistant', content: text } });
  return {
    id: randomUUID(),
    created: now_s(),
    model: turn.name ?? turn.model,
    choices,
    usage: usage(turn),
  };
}

export const gemini_reply = (turn) => {
  const { object, system_fingerprint, prompt_filter_results, ...reply } = gpt_reply({
    ...turn,
    version: turn.model,
  });
  return reply;
};

export const STREAMS = { gpt: gpt_stream, claude: claude_stream, gemini: gemini_stream };
export const REPLIES = { gpt: gpt_reply, claude: claude_reply, gemini: gemini_reply };
