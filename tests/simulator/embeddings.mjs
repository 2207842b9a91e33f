// POST /embeddings: arrays of strings only; made-up but stable vectors. `encoding_format` is not
// looked at: the numbers always come as numbers.

import { createHash } from 'node:crypto';
import { data_error, data_text } from './headers.mjs';
import { find_model } from './models.mjs';

const MOST_TOKENS = 8191; // of one input
const tokens_in = (text) => Math.ceil(text.length / 4);

export function check_embeddings(world, headers, body) {
  if (body === null || typeof body !== 'object')
    return data_error(400, '', 'failed to parse request');
  const model = find_model(world, body.model);
  if (model?.capabilities?.type !== 'embeddings') {
    return data_error(400, 'model_not_supported', 'The requested model is not supported.', {
      param: 'model',
    });
  }
  if (!Array.isArray(body.input) || !body.input.every((one) => typeof one === 'string'))
    return data_text(400, 'Bad Request');
  if (body.input.length === 0)
    return data_error(400, 'invalid_request_body', "'input' must not be empty");
  const long = body.input.findIndex((one) => tokens_in(one) > MOST_TOKENS);
  if (long >= 0) {
    return data_error(
      400,
      'invalid_request_body',
      `input[${long}] has ${tokens_in(body.input[long])} tokens, the limit is ${MOST_TOKENS}`,
    );
  }
  if ('dimensions' in body) {
    if (model.capabilities.supports?.dimensions !== true)
      return data_error(400, 'unsupported_value', 'This model does not support dimensions.', {
        param: 'dimensions',
      });
    if (!Number.isInteger(body.dimensions) || body.dimensions < 1 || body.dimensions > 1536)
      return data_error(400, 'invalid_request_body', "'dimensions' must be between 1 and 1536", {
        param: 'dimensions',
      });
  }
  const most = model.capabilities.limits?.max_inputs ?? 256;
  if (body.input.length > most)
    return data_error(
      400,
      'invalid_request_body',
      `too many inputs: ${body.input.length} > ${most}`,
    );
  return null;
}

function vector(text, size) {
  const seed = createHash('sha256').update(text).digest();
  return Array.from(
    { length: size },
    (_, at) => Math.round((seed[at % 32] - 127.5 + (at % 7)) * 1000) / 1e6,
  );
}

/// options: {shuffled: true} sends the results in another order than asked, `index` still tells;
/// {bare: true} leaves out every `object`, `index` and `model`, as some backends do; {without: name}
/// leaves out that member of the reply; {lost: N} leaves out the last N results; {twice: true} gives
/// two of them one index; {odd: true} puts a text where a number belongs.
export function embeddings(world, answer, body, options = {}) {
  const size = body.dimensions ?? 1536;
  const data = body.input.map((text, index) => ({
    embedding: vector(text, size),
    index,
    object: 'embedding',
  }));
  if (options.lost) data.splice(data.length - options.lost);
  if (options.twice && data.length > 1) data.at(-1).index = data.at(-2).index;
  if (options.odd) data.at(-1).embedding[0] = 'NaN';
  if (options.shuffled) data.reverse();
  const prompt_tokens = body.input.reduce((sum, text) => sum + tokens_in(text), 0);
  const reply = {
    object: 'list',
    model: body.model,
    data,
    usage: { prompt_tokens, total_tokens: prompt_tokens },
  };
  if (options.bare) {
    delete reply.object;
    delete reply.model;
    for (const one of data) {
      delete one.object;
      delete one.index;
    }
  }
  if (options.without) delete reply[options.without];
  answer.send(200, { 'content-type': 'application/json' }, reply);
}
