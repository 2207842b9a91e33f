// What OpenAI's public API reference says about the answers of the routes that Jumpseat serves, as JSON Schema,
// written by hand. Members that the reference does not name are allowed, as OpenAI's own clients allow them;
// those that it names are required as it requires them and have its types.

const integer = { type: 'integer', minimum: 0 };
const text = { type: 'string' };
const name = { type: 'string', minLength: 1 };
const seconds = { type: 'integer', minimum: 1 }; // since 1970
const or_null = (schema) => ({ anyOf: [schema, { type: 'null' }] });
const list_of = (items, more = {}) => ({ type: 'array', items, ...more });
const object = (required, properties = {}) => ({
  type: 'object',
  required: Object.keys(required),
  properties: { ...required, ...properties },
});

const service_tier = { enum: ['auto', 'default', 'flex', 'scale', 'priority', null] };
const finish_reason = { enum: ['stop', 'length', 'tool_calls', 'content_filter', 'function_call'] };

const logprobs = or_null(
  object({ content: or_null(list_of({ type: 'object' })), refusal: or_null(list_of({})) }),
);

const usage = object(
  { completion_tokens: integer, prompt_tokens: integer, total_tokens: integer },
  {
    prompt_tokens_details: object({}, { audio_tokens: integer, cached_tokens: integer }),
    completion_tokens_details: object(
      {},
      {
        accepted_prediction_tokens: integer,
        audio_tokens: integer,
        reasoning_tokens: integer,
        rejected_prediction_tokens: integer,
      },
    ),
  },
);

const tool_call = object({
  id: name,
  type: { const: 'function' },
  function: object({ name, arguments: text }),
});

const message = object(
  { role: { const: 'assistant' }, content: or_null(text), refusal: or_null(text) },
  { tool_calls: list_of(tool_call, { minItems: 1 }), annotations: list_of({ type: 'object' }) },
);

/// POST /v1/chat/completions: the chat completion object.
export const chat_completion = object(
  {
    id: name,
    object: { const: 'chat.completion' },
    created: seconds,
    model: name,
    choices: list_of(object({ index: integer, message, finish_reason, logprobs }), { minItems: 1 }),
  },
  { usage, service_tier, system_fingerprint: text },
);

const delta = object(
  {},
  {
    role: { enum: ['developer', 'system', 'user', 'assistant', 'tool'] },
    content: or_null(text),
    refusal: or_null(text),
    tool_calls: list_of(
      object(
        { index: integer },
        {
          id: name,
          type: { const: 'function' },
          function: object({}, { name, arguments: text }),
        },
      ),
    ),
  },
);

/// The chat completion chunk object.
export const chat_completion_chunk = object(
  {
    id: name,
    object: { const: 'chat.completion.chunk' },
    created: seconds,
    model: name,
    choices: list_of(
      object({ index: integer, delta, finish_reason: or_null(finish_reason) }, { logprobs }),
    ),
  },
  { usage: or_null(usage), service_tier, system_fingerprint: text },
);

/// POST /v1/completions: the completion object. A stream of it leaves finish_reason null until the end.
const completion_with = (finish) =>
  object(
    {
      id: name,
      object: { const: 'text_completion' },
      created: seconds,
      model: name,
      choices: list_of(
        object({
          text,
          index: integer,
          logprobs: or_null({ type: 'object' }),
          finish_reason: finish,
        }),
      ),
    },
    { usage: or_null(usage), system_fingerprint: text },
  );
const legacy_reason = { enum: ['stop', 'length', 'content_filter'] };
export const completion = completion_with(legacy_reason);
export const completion_chunk = completion_with(or_null(legacy_reason));

const embedding_of = (vector) =>
  object({
    object: { const: 'list' },
    model: name,
    data: list_of(object({ object: { const: 'embedding' }, index: integer, embedding: vector }), {
      minItems: 1,
    }),
    usage: object({ prompt_tokens: integer, total_tokens: integer }),
  });
/// POST /v1/embeddings, by `encoding_format`.
export const embeddings = embedding_of(list_of({ type: 'number' }, { minItems: 1 }));
export const embeddings_base64 = embedding_of({ type: 'string', pattern: '^[A-Za-z0-9+/]+=*$' });

/// GET /v1/models/{id}, GET /v1/models.
export const model = object({
  id: name,
  object: { const: 'model' },
  created: integer,
  owned_by: text,
});
export const models = object({ object: { const: 'list' }, data: list_of(model) });

/// Every refusal, and the last event of a stream that fails.
export const error = {
  ...object({
    error: object({ message: name, type: name, param: or_null(text), code: or_null(text) }),
  }),
  additionalProperties: false,
};
