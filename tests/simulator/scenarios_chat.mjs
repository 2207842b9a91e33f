// Scenarios of POST /chat/completions: the answers of the different backends, streams that go
// wrong, and the benchmark.

import { randomUUID } from 'node:crypto';
import {
  gpt,
  claude,
  gemini,
  TWO_CALLS,
  writing,
  said,
  piece,
  finish,
  first,
  begin,
} from './scenario_parts.mjs';
import { CHAT, JSON_TYPE, scenario, rule, common } from './scenario_registry.mjs';
import {
  DONE,
  claude_reply,
  claude_stream,
  gemini_stream,
  gpt_filter_chunk,
  gpt_reply,
  gpt_stream,
} from './shapes.mjs';

rule(
  'chat_gpt_stream',
  CHAT,
  'A GPT stream: filter-only first chunk, filter results, usage on the finishing chunk.',
  (p) => writing(p, gpt_stream({ ...gpt, ...said(p) })),
);

rule(
  'chat_claude_stream',
  CHAT,
  'A Claude stream: the role on every chunk, no object, a UUID as id.',
  (p) => writing(p, claude_stream({ ...claude, ...said(p) })),
);

rule('chat_gemini', CHAT, 'A Gemini stream: usage of zeroes on every chunk but the last.', (p) =>
  writing(p, gemini_stream({ ...gemini, ...said(p) })),
);

rule(
  'chat_tool_calls_openai',
  CHAT,
  'Text, then two tool calls as GPT streams them: index 0 and 1, arguments in pieces.',
  (p) =>
    writing(
      p,
      gpt_stream({
        ...gpt,
        text: 'Looking it up.',
        tool_calls: TWO_CALLS,
        finish: p.text('finish'),
      }),
    ),
);

rule(
  'chat_claude_tools',
  CHAT,
  'Two tool calls as Claude streams them: both at index 0, told apart by id.',
  (p) =>
    writing(
      p,
      claude_stream({
        ...claude,
        text: 'Looking it up.',
        tool_calls: TWO_CALLS,
        finish: p.text('finish'),
      }),
    ),
);

rule(
  'chat_claude_tool_no_arguments',
  CHAT,
  'A Claude tool call without parameters: no arguments ever arrive.',
  (p) =>
    writing(
      p,
      claude_stream({ ...claude, pieces: [], tool_calls: [{ name: 'now', arguments: '' }] }),
    ),
);

rule(
  'chat_gemini_tools',
  CHAT,
  'Whole tool calls in one Gemini delta, with reasoning_opaque and the finish reason.',
  (p) => writing(p, gemini_stream({ ...gemini, pieces: [], tool_calls: TWO_CALLS })),
);

rule(
  'chat_claude_multichoice',
  CHAT,
  'A non-streamed Claude answer spread over several choices, without index, with the display name as model.',
  () => ({
    headers: JSON_TYPE,
    body: claude_reply({ ...claude, text: 'Looking it up.', tool_calls: TWO_CALLS }),
  }),
);

rule('chat_gpt_reply', CHAT, 'A non-streamed GPT answer.', (p) => ({
  headers: JSON_TYPE,
  body: gpt_reply({ ...gpt, ...said(p) }),
}));

rule(
  'chat_reply_bare',
  CHAT,
  'A non-streamed answer with as little as possible: no id, object, created, index or usage.',
  () => ({
    headers: JSON_TYPE,
    body: {
      choices: [{ message: { role: 'assistant', content: 'Bare.' }, finish_reason: 'stop' }],
    },
  }),
);

rule(
  'chat_reasoning_late',
  CHAT,
  'Reasoning deltas before the text and again after the finish reason.',
  (p) =>
    writing(p, [
      ...first,
      {
        data: {
          choices: [
            {
              index: 0,
              delta: { content: null, role: 'assistant', reasoning_text: 'Let me think.' },
            },
          ],
          created: 1790000001,
          id: 'chatcmpl-s1',
          model: 'gpt-5',
        },
      },
      piece('Four'),
      piece('.'),
      finish(),
      {
        data: {
          choices: [
            {
              index: 0,
              delta: {
                content: null,
                role: 'assistant',
                reasoning_opaque: 'b3BhcXVl',
                cot_id: 'cot_1',
              },
            },
          ],
          created: 1790000001,
          id: 'chatcmpl-s1',
          model: 'gpt-5',
        },
      },
      DONE,
    ]),
);

rule(
  'chat_usage_own_chunk',
  CHAT,
  'Usage is null on all chunks and comes in a chunk of its own without choices.',
  (p) =>
    writing(p, [
      ...first,
      piece('Hi'),
      { data: { ...finish().data, usage: null } },
      {
        data: {
          choices: [],
          created: 1790000001,
          id: 'chatcmpl-s1',
          model: 'gpt-4.1-2025-04-14',
          usage: { prompt_tokens: 9, completion_tokens: 1, total_tokens: 10 },
        },
      },
      DONE,
    ]),
);

rule(
  'chat_blank_fields',
  CHAT,
  'id, created and model are blank on some chunks, the role is null on others.',
  (p) =>
    writing(p, [
      gpt_filter_chunk(),
      {
        data: {
          choices: [{ index: 0, delta: { role: 'assistant', content: 'On' } }],
          created: 1790000001,
          id: 'chatcmpl-s1',
          model: 'gpt-4.1-2025-04-14',
          object: '',
        },
      },
      {
        data: {
          choices: [{ index: 0, delta: { role: null, content: 'ce' } }],
          created: 0,
          id: '',
          model: '',
        },
      },
      { data: { choices: [{ delta: { content: '.' } }] } },
      finish('stop', { service_tier: 'default', copilot_usage: { total_nano_aiu: 0 } }),
      DONE,
    ]),
);

rule(
  'chat_annotations',
  CHAT,
  'Copilot annotations, severities as digits, a filter category that is an error.',
  (p) =>
    writing(p, [
      ...first,
      {
        data: {
          choices: [
            {
              index: 0,
              content_filter_results: {
                hate: { filtered: false, severity: '0' },
                violence: { error: { code: 'content_filter_error', message: 'unavailable' } },
              },
              delta: {
                content: 'code()',
                copilot_annotations: {
                  IPCodeCitations: [
                    {
                      id: 1,
                      start_offset: 0,
                      end_offset: 6,
                      details: {},
                      citations: { url: 'https://example.com' },
                    },
                  ],
                },
              },
            },
          ],
          created: 1790000001,
          id: 'chatcmpl-s1',
          model: 'gpt-4.1-2025-04-14',
        },
      },
      finish(),
      DONE,
    ]),
);

rule(
  'chat_references',
  CHAT,
  'Objects with choices:null that carry references and a confirmation, between ordinary chunks.',
  (p) =>
    writing(p, [
      ...first,
      { data: { choices: null, copilot_references: [{ type: 'file', id: 'a.cpp', data: {} }] } },
      piece('See'),
      {
        data: {
          choices: null,
          copilot_confirmation: {
            type: 'action',
            title: 'Sure?',
            message: 'Go on?',
            confirmation: {},
          },
        },
      },
      piece(' above.'),
      finish(),
      DONE,
    ]),
);

rule(
  'chat_keepalive_comments',
  CHAT,
  'Comment lines between the chunks, also before the first.',
  (p) =>
    writing(p, [
      { comment: 'keep-alive' },
      ...first.flatMap((step) => [step, { comment: 'keep-alive' }]),
      piece('Hi'),
      { comment: '' },
      { raw: ':\n\n' },
      piece(' there'),
      finish(),
      { comment: 'bye' },
      DONE,
    ]),
);

rule(
  'chat_utf8_split',
  CHAT,
  'Emoji and other wide characters, written one byte at a time.',
  (p) => ({
    ...writing(
      p,
      gpt_stream({ ...gpt, pieces: ['Grüß', ' dich', ' 👋', '🏽', ' — ', '日本語', ' \u{1D11E}'] }),
    ),
    split: 'every-byte',
  }),
);

rule('chat_bom', CHAT, 'The stream begins with a byte-order mark.', (p) =>
  writing(p, [{ raw: '\uFEFF' }, ...begin(p), finish(), DONE]),
);

rule('chat_no_done', CHAT, 'A finish reason but no [DONE].', (p) =>
  writing(p, [...begin(p), finish()]),
);

rule('chat_giant_chunk', CHAT, 'One chunk that carries a text of `bytes` bytes.', (p) => {
  const bytes = p.number('bytes', 1024 * 1024);
  return writing(p, [...first, piece('x'.repeat(bytes)), finish(), DONE]);
});

rule('chat_finish_length', CHAT, 'Ends with finish reason `length`.', (p) =>
  writing(p, [...begin(p), finish('length'), DONE]),
);

rule('chat_finish_content_filter', CHAT, 'Ends with finish reason `content_filter`.', (p) =>
  writing(p, [...begin(p), finish('content_filter'), DONE]),
);

// Streams that go wrong.

rule(
  'chat_error_after_200',
  CHAT,
  'Some chunks, then an object with choices:null and an error.',
  (p) =>
    writing(p, [
      ...begin(p),
      {
        data: {
          choices: null,
          error: {
            code: p.text('code', 'server_error'),
            message: 'The backend gave up.',
            metadata: null,
          },
        },
      },
    ]),
);

rule('chat_finish_error', CHAT, 'Some chunks, then finish reason `error`, then [DONE].', (p) =>
  writing(p, [...begin(p), finish('error'), DONE]),
);

rule(
  'chat_remainder_error',
  CHAT,
  'Some chunks, then a bare JSON error without `data:` at the end.',
  (p) =>
    writing(p, [
      ...begin(p),
      { raw: '{"error":{"message":"upstream timed out","code":"timeout"}}' },
    ]),
);

rule(
  'chat_truncated',
  CHAT,
  'Some chunks, then a clean end without finish reason and [DONE].',
  (p) => writing(p, begin(p)),
);

rule(
  'chat_truncated_mid_event',
  CHAT,
  'Some chunks, then a clean end in the middle of an event.',
  (p) => writing(p, [...begin(p), { raw: 'data: {"choices":[{"index":0,"delta":{"content":"ha' }]),
);

rule('chat_done_only', CHAT, 'Nothing but [DONE].', (p) => writing(p, [DONE]));

rule('chat_empty', CHAT, 'A stream without one byte.', (p) => writing(p, []));

rule('chat_reset_midstream', CHAT, 'Some chunks, then the connection is reset.', (p) =>
  writing(p, [...begin(p), { cut: 'rst' }]),
);

rule(
  'chat_closed_midstream',
  CHAT,
  'Some chunks, then the connection closes in the middle of the chunked body.',
  (p) => writing(p, [...begin(p), { cut: 'fin' }]),
);

rule('chat_stall_midstream', CHAT, 'Some chunks, then silence for ever.', (p) =>
  writing(p, [...begin(p), { stall: true }]),
);

rule(
  'chat_hold_midstream',
  CHAT,
  'Some chunks, then a wait for `POST /_sim/release {"name":"chat"}`, then the rest.',
  (p) =>
    writing(p, [...begin(p), { hold: p.text('name', 'chat') }, piece(' Done'), finish(), DONE]),
);

rule('chat_stall_before_headers', CHAT, 'The request is read and never answered.', () => ({
  before_headers: { stall: true },
}));

rule('chat_stall_after_headers', CHAT, '200 and the headers, then silence.', (p) =>
  writing(p, [{ stall: true }]),
);

rule('chat_reset_before_headers', CHAT, 'The connection is reset before any reply byte.', () => ({
  before_headers: { cut: 'rst' },
}));

rule('chat_closed_before_headers', CHAT, 'The connection is closed before any reply byte.', () => ({
  before_headers: { cut: 'fin' },
}));

rule(
  'reused_connection_reset',
  '* *',
  'A request that comes on a reused connection finds it reset.',
  () => ({ before_headers: { cut: 'rst' } }),
  { connection: 'reused' },
);

rule(
  'chat_request_unread',
  CHAT,
  'The body of the request is never read and never answered.',
  () => ({ before_headers: { stall: true } }),
  { early: true },
);

rule('chat_garbage_event', CHAT, 'Good chunks with an event between them that is not JSON.', (p) =>
  writing(p, [
    ...begin(p),
    { raw: 'data: {"choices":[{"index":0,"delta":{"content":\n\n' },
    piece(' after'),
    finish(),
    DONE,
  ]),
);

rule('chat_garbage_only', CHAT, 'Events of which none is JSON.', (p) =>
  writing(p, [{ data: 'not json' }, { data: '<oops>' }, DONE]),
);

rule(
  'chat_odd_types',
  CHAT,
  'Valid JSON of the wrong types: arrays, numbers, strings, null.',
  (p) =>
    writing(p, [
      { data: '[]' },
      { data: 'null' },
      { data: '7' },
      { data: { choices: 'none' } },
      { data: { choices: [null] } },
      { data: { choices: [{ index: 'x', delta: [] }] } },
      piece('Still'),
      piece(' here'),
      finish(),
      DONE,
    ]),
);

rule('chat_bad_utf8', CHAT, 'A chunk with bytes that are not UTF-8, between good ones.', (p) =>
  writing(p, [
    ...first,
    piece('a'),
    {
      base64: Buffer.from(
        'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe\xc3"}}]}\n\n',
        'latin1',
      ).toString('base64'),
    },
    piece('b'),
    finish(),
    DONE,
  ]),
);

rule('chat_deep_json', CHAT, 'An event nested 10,000 deep, between good ones.', (p) =>
  writing(p, [
    ...first,
    piece('a'),
    { data: `{"choices":[],"deep":${'['.repeat(10000)}${']'.repeat(10000)}}` },
    piece('b'),
    finish(),
    DONE,
  ]),
);

rule('chat_after_done', CHAT, 'More chunks after [DONE].', (p) =>
  writing(p, [...begin(p), finish(), DONE, piece('ghost'), { data: '[DONE]' }]),
);

rule(
  'chat_expired_midstream',
  CHAT,
  'All Copilot tokens expire, then some chunks and a reset.',
  (p) => ({ ...writing(p, [...begin(p), { cut: 'rst' }]), expire: 'copilot' }),
);

// Benchmark.

scenario(
  'bench',
  'A stream of `chunks` chunks, one every `every_ms` ms; the content of each begins with the monotonic clock in ns and a space, ' +
    'padded to `bytes` bytes. Bodies are neither checked nor recorded.',
  (p) => {
    const chunks = p.number('chunks', 100);
    const every_ms = p.number('every_ms', 10);
    const bytes = p.number('bytes', 0);
    const id = `chatcmpl-${randomUUID()}`;
    const head = `data: {"choices":[{"index":0,"delta":{"content":"`;
    const tail = `"}}],"created":1790000001,"id":"${id}","model":"gpt-4.1-2025-04-14"}\n\n`;
    const one = (answer) => {
      const stamp = `${process.hrtime.bigint()} `;
      return answer.write(head + (bytes > stamp.length ? stamp.padEnd(bytes, 'x') : stamp) + tail);
    };
    const play = async (answer) => {
      const start = performance.now();
      for (let at = 0; at < chunks; at++) {
        if (every_ms > 0) {
          const wait = start + (at + 1) * every_ms - performance.now();
          if (wait > 0) await answer.pause(wait);
        }
        await one(answer);
      }
    };
    return {
      settings: { record_bodies: false },
      rules: [
        common(p, {
          on: CHAT,
          unchecked: 'body',
          do: { stream: [...first, play, finish(), DONE] },
        }),
      ],
    };
  },
);
