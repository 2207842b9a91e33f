// POST /embeddings: arrays of strings only; made-up but stable vectors.

import { createHash } from 'node:crypto';
import { data_error, data_text } from './headers.mjs';
import { find_model } from './models.mjs';

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

/// options: {shuffled: true} sends the results in another order than asked; `index` still tells.
export function embeddings(world, answer, body, options = {}) {
  const size = Number.isInteger(body.dimensions) ? body.dimensions : 1536;
  const data = body.input.map((text, index) => ({
    embedding: vector(text, size),
    index,
    object: 'embedding',
  }));
  if (options.shuffled) data.reverse();
  const prompt_tokens = Math.ceil(body.input.join('').length / 4);
  answer.send(
    200,
    { 'content-type': 'application/json' },
    {
      object: 'list',
      model: body.model,
      data,
      usage: { prompt_tokens, total_tokens: prompt_tokens },
    },
  );
}
