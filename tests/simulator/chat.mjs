// POST /chat/completions: what the Copilot API refuses, and a friendly answer to the rest.

import { data_error, data_text } from './headers.mjs';
import { dialect, find_model, refuses_max_tokens } from './models.mjs';
import { REPLIES, STREAMS, pieces_of } from './shapes.mjs';

const ROLES = ['system', 'user', 'assistant', 'tool', 'developer', 'function'];
const invalid = (message, param) =>
  data_error(400, 'invalid_request_body', message, { param, type: 'invalid_request_error' });
const unsupported = (param) =>
  data_error(400, 'unsupported_value', `Unsupported value: '${param}' is not supported.`, {
    param,
    type: 'invalid_request_error',
  });

const parts = (content) => (Array.isArray(content) ? content : []);

/// Images may be anywhere, also inside tool results.
const has_image = (value) =>
  Array.isArray(value)
    ? value.some(has_image)
    : value !== null &&
      typeof value === 'object' &&
      (['image_url', 'image', 'input_image'].includes(value.type) ||
        Object.values(value).some(has_image));

export function text_of(content) {
  if (typeof content === 'string') return content;
  return parts(content)
    .map((part) => part?.text ?? '')
    .join('');
}

/// About four characters a token.
const tokens_in = (messages) =>
  Math.ceil(messages.reduce((sum, message) => sum + text_of(message.content).length, 0) / 4) +
  3 * messages.length;

/// The refusal for this body, or null. `body` is undefined when it was not JSON.
export function check_chat(world, headers, body) {
  if (body === null || typeof body !== 'object' || Array.isArray(body))
    return data_error(400, '', 'failed to parse request');
  const model = find_model(world, body.model);
  if (!model || model.capabilities?.type !== 'chat' || model.policy?.state === 'disabled') {
    return data_error(400, 'model_not_supported', 'The requested model is not supported.', {
      param: 'model',
      type: 'invalid_request_error',
    });
  }
  if (model.supported_endpoints && !model.supported_endpoints.includes('/chat/completions')) {
    return data_error(
      400,
      'unsupported_api_for_model',
      `model ${model.id} is not accessible via the /chat/completions endpoint`,
    );
  }
  if (!Array.isArray(body.messages) || body.messages.length === 0)
    return invalid("'messages' must be a non-empty array", 'messages');
  for (const message of body.messages) {
    if (!ROLES.includes(message?.role)) return invalid(`invalid role in 'messages'`, 'messages');
  }
  if ('service_tier' in body) return unsupported('service_tier');
  if (body.store === true) return unsupported('store');
  if ('max_tokens' in body && refuses_max_tokens(model.id)) {
    return invalid(
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      'max_tokens',
    );
  }
  for (const key of ['logprobs', 'seed', 'presence_penalty', 'frequency_penalty']) {
    if (body[key] && /^o\d/.test(model.id))
      return invalid(`Unsupported parameter: '${key}' is not supported with this model.`, key);
  }
  for (const key of ['max_tokens', 'max_completion_tokens']) {
    if (key in body && !(Number.isInteger(body[key]) && body[key] > 0))
      return invalid(`'${key}' must be a positive integer`, key);
  }
  const efforts = model.capabilities.supports?.reasoning_effort;
  if (body.reasoning_effort !== undefined && efforts && !efforts.includes(body.reasoning_effort)) {
    return invalid(
      `Invalid value: '${body.reasoning_effort}'. Supported values are: ${efforts.map((one) => `'${one}'`).join(', ')}.`,
      'reasoning_effort',
    );
  }
  if (body.stream === true && model.capabilities.supports?.streaming === false)
    return unsupported('stream');
  if (has_image(body.messages) && headers['copilot-vision-request'] !== 'true') {
    return data_text(
      400,
      'bad request: missing required Copilot-Vision-Request header for vision requests',
    );
  }
  const limit = model.capabilities.limits?.max_prompt_tokens ?? Infinity;
  const count = tokens_in(body.messages);
  if (count > limit) {
    return data_error(
      400,
      'model_max_prompt_tokens_exceeded',
      `prompt token count of ${count} exceeds the limit of ${limit}`,
    );
  }
  return null;
}

/// A tool is called when it is forced, or when the user's message names it.
function tool_call_for(body) {
  const last = body.messages.at(-1);
  if (
    !Array.isArray(body.tools) ||
    body.tools.length === 0 ||
    body.tool_choice === 'none' ||
    last.role !== 'user'
  )
    return null;
  const functions = body.tools
    .map((tool) => tool?.function)
    .filter((one) => typeof one?.name === 'string');
  const said = text_of(last.content).toLowerCase();
  const forced = body.tool_choice?.function?.name;
  const chosen =
    functions.find((one) => one.name === forced) ??
    functions.find((one) => said.includes(one.name.toLowerCase())) ??
    (body.tool_choice === 'required' ? functions[0] : undefined);
  if (!chosen) return null;
  return { name: chosen.name, arguments: JSON.stringify(sample(chosen.parameters ?? {}, said)) };
}

/// A value that fits a JSON schema, roughly.
function sample(schema, said) {
  if (schema.enum?.length) return schema.enum[0];
  switch (schema.type) {
    case 'string':
      return (
        said
          .split(/\s+/)
          .at(-1)
          ?.replace(/[^\p{L}\p{N}]/gu, '') || 'text'
      );
    case 'integer':
    case 'number':
      return schema.minimum ?? 1;
    case 'boolean':
      return true;
    case 'array':
      return schema.items ? [sample(schema.items, said)] : [];
    default:
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([key, value]) => [key, sample(value, said)]),
      );
  }
}

function shorten(text, length) {
  const signs = [...text.replace(/\s+/g, ' ').trim()];
  return signs.length > length ? `${signs.slice(0, length).join('')}…` : signs.join('');
}

/// What the simulated model says.
function text_for(model, body) {
  if (['json_object', 'json_schema'].includes(body.response_format?.type)) {
    const schema = body.response_format.json_schema?.schema;
    return JSON.stringify(
      schema ? sample(schema, 'simulator') : { answer: 'This is the simulator speaking.' },
    );
  }
  const last = body.messages.at(-1);
  if (last.role === 'tool') {
    return `The tool answered “${shorten(text_of(last.content), 80)}”, so that is settled. Anything else?`;
  }
  const said = shorten(
    text_of(body.messages.findLast?.((one) => one.role === 'user')?.content ?? ''),
    80,
  );
  const asked = body.messages.filter((one) => one.role === 'user').length;
  const opening =
    asked > 1 ? `This is your message number ${asked}: “${said}”.` : `Hello! You wrote “${said}”.`;
  return (
    `${opening} I am ${model.name}, played by the GitHub simulator: no real model was asked, ` +
    'but every byte took the way a real answer would take. 👋'
  );
}

/// `body` has passed check_chat.
export async function chat(world, answer, body) {
  const model = find_model(world, body.model);
  const call = tool_call_for(body);
  let said = pieces_of(call ? '' : text_for(model, body));
  const cap = body.max_completion_tokens ?? body.max_tokens ?? Infinity;
  const cut_short = said.length > cap;
  if (cut_short) said = said.slice(0, cap);
  const turn = {
    model: model.id,
    version: model.version,
    name: model.name,
    pieces: said,
    tool_calls: call ? [call] : [],
    prompt_tokens: tokens_in(body.messages),
    finish: cut_short ? 'length' : undefined,
    n: Number.isInteger(body.n) && body.n > 1 && body.n <= 16 ? body.n : 1,
    pace_ms: world.settings.word_ms,
  };
  const kind = dialect(model);
  if (body.stream === true) return answer.stream(STREAMS[kind](turn));
  if (turn.pace_ms) await answer.pause(turn.pace_ms * Math.min(20, said.length));
  answer.send(200, { 'content-type': 'application/json' }, REPLIES[kind](turn));
}

/// What a turn costs: nothing when an agent started it.
export function charge(world, headers, body) {
  if (headers['x-initiator'] === 'agent') return;
  world.account.premium_used += find_model(world, body?.model)?.billing?.multiplier ?? 0;
}
