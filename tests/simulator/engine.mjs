// POST /v1/engines/MODEL/completions: the engine of the inline completions. It streams or refuses.
//
// The chunks have no `object`, the results of `n` are interleaved by `index`, `usage` sits on the
// chunk that finishes.

import { randomUUID } from 'node:crypto';
import { data_error } from './headers.mjs';
import { find_model } from './models.mjs';
import { DONE, pieces_of } from './shapes.mjs';

const invalid = (message, param) =>
  data_error(400, 'invalid_request_body', message, { param, type: 'invalid_request_error' });

/// The refusal for this body, or null. `body` is undefined when it was not JSON.
export function check_engine(world, id, headers, body) {
  if (body === null || typeof body !== 'object' || Array.isArray(body))
    return data_error(400, '', 'failed to parse request');
  if (find_model(world, id)?.capabilities?.type !== 'completion') {
    return data_error(400, 'model_not_supported', 'The requested model is not supported.', {
      param: 'model',
      type: 'invalid_request_error',
    });
  }
  if (typeof body.prompt !== 'string') return invalid("'prompt' must be a string", 'prompt');
  if ('suffix' in body && typeof body.suffix !== 'string')
    return invalid("'suffix' must be a string", 'suffix');
  if (body.stream !== true) return invalid("'stream' must be true", 'stream');
  if ('max_tokens' in body && !(Number.isInteger(body.max_tokens) && body.max_tokens > 0))
    return invalid("'max_tokens' must be a positive integer", 'max_tokens');
  if ('n' in body && !(Number.isInteger(body.n) && body.n > 0 && body.n <= 20))
    return invalid("'n' must be between 1 and 20", 'n');
  for (const key of ['model', 'messages', 'stream_options', 'echo', 'best_of']) {
    if (key in body) return invalid(`unknown field '${key}'`, key);
  }
  return null;
}

const tokens_in = (text) => Math.ceil(text.length / 4);
const last_line = (text) => text.slice(text.lastIndexOf('\n') + 1);
const first_line = (text) => text.split('\n').find((line) => line.trim() !== '') ?? '';

/// The text before the first stop sequence.
function until_stop(text, stop) {
  const cuts = [stop ?? []]
    .flat()
    .map((one) => text.indexOf(one))
    .filter((at) => at >= 0);
  return cuts.length > 0 ? text.slice(0, Math.min(...cuts)) : text;
}

/// What the engine writes at the cursor: it names what stands before and behind it.
function text_for(body, index) {
  const given = body.extra?.test_completions?.[index];
  if (typeof given === 'string') return given;
  const after = body.suffix ? ` before ${JSON.stringify(first_line(body.suffix))}` : '';
  const which = index > 0 ? `, choice ${index}` : '';
  return `/* completes ${JSON.stringify(last_line(body.prompt))}${after}${which} */\nreturn a + b;\n`;
}

const logprobs_of = (piece, offset) => ({
  tokens: [piece],
  token_logprobs: [-0.25],
  top_logprobs: [{ [piece]: -0.25 }],
  text_offset: [offset],
});

/// The steps of one answer. options: {annotations: true} attaches a citation to the first text,
/// {whole: true} sends each result in one chunk.
export function engine_stream(model, body, { annotations, whole } = {}) {
  const common = {
    id: `cmpl-${randomUUID()}`,
    model: model.version,
    created: Math.floor(Date.now() / 1000),
  };
  const count = body.n ?? 1;
  const cap = body.max_tokens ?? 500;
  const results = Array.from({ length: count }, (_, index) => {
    const text = until_stop(text_for(body, index), body.stop);
    const pieces = whole ? [text] : pieces_of(text);
    return { index, pieces: pieces.slice(0, cap), cut: pieces.length > cap, offset: 0 };
  });
  const steps = [];
  let completion_tokens = 0;
  for (let at = 0; results.some((one) => at < one.pieces.length); at++) {
    for (const one of results) {
      if (at >= one.pieces.length) continue;
      const text = one.pieces[at];
      const choice = { index: one.index, finish_reason: null, text };
      if (body.logprobs) choice.logprobs = logprobs_of(text, one.offset);
      if (annotations && at === 0) {
        choice.copilot_annotations = {
          ip_code_citations: [
            {
              id: 1,
              start_offset: 0,
              stop_offset: text.length,
              details: { citations: { snippet: text, url: 'https://github.com/octo/demo' } },
            },
          ],
        };
      }
      one.offset += text.length;
      completion_tokens++;
      steps.push({ data: { ...common, choices: [choice] } });
    }
  }
  const prompt_tokens = tokens_in(body.prompt) + tokens_in(body.suffix ?? '');
  results.forEach((one, at) => {
    const chunk = {
      ...common,
      choices: [{ index: one.index, finish_reason: one.cut ? 'length' : 'stop', text: '' }],
    };
    if (at === results.length - 1) {
      const total_tokens = prompt_tokens + completion_tokens;
      chunk.usage = { prompt_tokens, completion_tokens, total_tokens };
    }
    steps.push({ data: chunk });
  });
  return [...steps, DONE];
}

export function engine(world, answer, id, body, options = {}) {
  const pace_ms = world.settings.word_ms;
  const steps = engine_stream(find_model(world, id), body, options);
  return answer.stream(
    pace_ms ? steps.flatMap((step, at) => (at === 0 ? [step] : [{ wait_ms: pace_ms }, step])) : steps,
  );
}
