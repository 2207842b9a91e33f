// Scenarios of the embeddings and of the inline completions' engine. The errors of the other files
// serve both as well: `error_503?on=POST /embeddings`.

import { DONE } from './shapes.mjs';
import { EMBEDDINGS, ENGINE, TEXT_TYPE, rule } from './scenario_registry.mjs';
import { writing } from './scenario_parts.mjs';

function embeddings(name, about, options) {
  rule(name, EMBEDDINGS, about, (p) => ({ with: options(p) }));
}
embeddings('embeddings_shuffled', 'The results come in another order; `index` tells.', () => ({
  shuffled: true,
}));
embeddings('embeddings_bare', 'Neither `object` nor `index` nor `model` anywhere.', () => ({
  bare: true,
}));
embeddings('embeddings_without', 'The member `member` is missing (default: usage).', (p) => ({
  without: p.text('member', 'usage'),
}));
embeddings('embeddings_lost', 'The last `count` results are missing.', (p) => ({
  lost: p.number('count', 1),
}));
embeddings('embeddings_twice', 'Two results claim one index.', () => ({ twice: true }));
embeddings('embeddings_odd', 'A text stands where a number belongs.', () => ({ odd: true }));
rule('embeddings_cut', EMBEDDINGS, 'The connection is reset in the middle of the body.', () => ({
  headers: { 'content-type': 'application/json' },
  stream: [{ raw: '{"object":"list","data":[{"object":"embedding","embedding":[0.1,' }, { cut: 'rst' }],
}));
rule('embeddings_stall', EMBEDDINGS, 'No answer, ever.', () => ({
  before_headers: { stall: true },
}));

const chunk = (index, text, finish_reason = null, more = {}) => ({
  data: {
    id: 'cmpl-s1',
    model: 'gpt-41-copilot',
    created: 1790000003,
    choices: [{ index, finish_reason, text }],
    ...more,
  },
});
const USAGE = { usage: { prompt_tokens: 12, completion_tokens: 4, total_tokens: 16 } };
const script = (name, about, steps) =>
  rule(name, ENGINE, about, (p) => writing(p, steps(p)));

script('engine_hello', 'Two chunks and the end; `split`, `crlf`, `wait_ms`.', () => [
  chunk(0, 'return a'),
  chunk(0, ' + b', 'stop', USAGE),
  DONE,
]);
script('engine_interleaved', 'Two results, interleaved; the second one ends first.', () => [
  chunk(1, 'second'),
  chunk(0, 'fir'),
  chunk(1, ' one', 'stop'),
  chunk(0, 'st', 'length', USAGE),
  DONE,
]);
script('engine_blank_ids', 'Blank ids, no `created`, no `index`.', () => [
  { data: { id: '', model: '', choices: [{ text: 'return', finish_reason: null }] } },
  { data: { choices: [{ text: ' 1;', finish_reason: 'stop' }] } },
  DONE,
]);
script('engine_filtered', 'finish_reason content_filter.', () => [
  chunk(0, 'return'),
  chunk(0, '', 'content_filter'),
  DONE,
]);
script('engine_no_finish', 'No finish_reason, only [DONE].', () => [chunk(0, 'return 1;'), DONE]);
script('engine_no_done', 'A finish_reason, but no [DONE].', () => [
  chunk(0, 'return 1;', 'stop', USAGE),
]);
script('engine_truncated', 'Neither a finish_reason nor [DONE].', () => [chunk(0, 'return')]);
script('engine_nothing', 'Nothing but [DONE].', () => [DONE]);
script('engine_error_line', 'An error object in the stream, after some text.', () => [
  chunk(0, 'return'),
  { data: { error: { code: 'model_overloaded', message: 'The engine is overloaded.' } } },
]);
script('engine_bare_error', 'An error object without `data:` at the end.', () => [
  chunk(0, 'return'),
  { raw: '{"error":{"code":"rate_limited","message":"slow down"}}\n' },
]);
script('engine_garbage', 'One event that is not JSON between two good ones.', () => [
  chunk(0, 'return'),
  { data: '{"choices":[{' },
  chunk(0, ' 1;', 'stop', USAGE),
  DONE,
]);
script('engine_reset', 'The connection is reset after some text.', () => [
  chunk(0, 'return'),
  { cut: 'rst' },
]);
script('engine_stall', 'Some text, then nothing more, ever.', () => [
  chunk(0, 'return'),
  { stall: true },
]);
rule('engine_annotations', ENGINE, 'A citation beside the text.', () => ({
  with: { annotations: true },
}));
rule('engine_quota_402', ENGINE, '402 with plain text: no completions left.', () => ({
  status: 402,
  headers: TEXT_TYPE,
  body: 'quota exceeded\n',
}));
