// The model catalogue: as mixed as the real one.

import { data_error } from './headers.mjs';

const ALL_PLANS = ['pro', 'pro_plus', 'edu', 'individual_trial', 'business', 'enterprise', 'max'];
const VISION = {
  max_prompt_images: 1,
  max_prompt_image_size: 3145728,
  supported_media_types: ['image/jpeg', 'image/png', 'image/webp', 'image/gif'],
};

function chat(
  id,
  name,
  vendor,
  { version, context, prompt, output, multiplier, endpoints, supports, ...more },
) {
  return {
    id,
    object: 'model',
    name,
    vendor,
    version: version ?? id,
    preview: false,
    is_chat_default: false,
    is_chat_fallback: false,
    model_picker_enabled: true,
    model_picker_category: 'versatile',
    ...(multiplier === undefined
      ? {}
      : {
          billing: {
            is_premium: multiplier > 0,
            multiplier,
            ...(multiplier > 0 ? { restricted_to: ALL_PLANS } : {}),
          },
        }),
    ...(endpoints ? { supported_endpoints: endpoints } : {}),
    capabilities: {
      object: 'model_capabilities',
      type: 'chat',
      family: id,
      tokenizer: 'o200k_base',
      ...(context
        ? {
            limits: {
              max_context_window_tokens: context,
              max_prompt_tokens: prompt,
              max_output_tokens: output,
              ...(supports?.vision ? { vision: VISION } : {}),
            },
          }
        : {}),
      supports: { streaming: true, tool_calls: true, parallel_tool_calls: true, ...supports },
    },
    ...more,
  };
}

const policy = (name, state = 'enabled') => ({
  policy: { state, terms: `Enable access to the latest ${name} model.` },
});

const CHAT = '/chat/completions';
const RESPONSES = '/responses';
const MESSAGES = '/v1/messages';
const EFFORTS = ['low', 'medium', 'high'];

const CATALOGUE = [
  chat('gpt-4.1', 'GPT-4.1', 'Azure OpenAI', {
    version: 'gpt-4.1-2025-04-14',
    context: 128000,
    prompt: 128000,
    output: 16384,
    multiplier: 0,
    endpoints: [CHAT, RESPONSES],
    supports: { vision: true, structured_outputs: true },
    is_chat_default: true,
    is_chat_fallback: true,
  }),
  chat('gpt-4o', 'GPT-4o', 'Azure OpenAI', {
    // no supported_endpoints: chat only
    version: 'gpt-4o-2024-11-20',
    context: 128000,
    prompt: 64000,
    output: 4096,
    multiplier: 0,
    supports: { vision: true },
  }),
  chat('gpt-4o-mini', 'GPT-4o mini', 'Azure OpenAI', {
    version: 'gpt-4o-mini-2024-07-18',
    context: 128000,
    prompt: 12288,
    output: 4096,
    model_picker_enabled: false,
  }),
  chat('gpt-4', 'GPT 4', 'Azure OpenAI', {
    version: 'gpt-4-0613',
    context: 32768,
    prompt: 32768,
    output: 4096,
    model_picker_enabled: false,
  }),
  chat('gpt-4-0613', 'GPT 4', 'Azure OpenAI', {
    version: 'gpt-4-0613',
    context: 32768,
    prompt: 32768,
    output: 4096,
    model_picker_enabled: false,
  }),
  chat('gpt-3.5-turbo', 'GPT 3.5 Turbo', 'Azure OpenAI', {
    version: 'gpt-3.5-turbo-0613',
    context: 16384,
    prompt: 16384,
    output: 4096,
    model_picker_enabled: false,
  }),
  chat('gpt-5-mini', 'GPT-5 mini', 'Azure OpenAI', {
    context: 264000,
    prompt: 128000,
    output: 64000,
    multiplier: 0,
    endpoints: [CHAT, RESPONSES, 'ws:/responses'],
    supports: { vision: true, structured_outputs: true, reasoning_effort: EFFORTS },
    ...policy('GPT-5 mini'),
  }),
  chat('gpt-5', 'GPT-5', 'Azure OpenAI', {
    context: 400000,
    prompt: 128000,
    output: 128000,
    multiplier: 1,
    endpoints: [CHAT, RESPONSES, 'ws:/responses'],
    supports: { vision: true, structured_outputs: true, reasoning_effort: EFFORTS },
    ...policy('GPT-5'),
  }),
  chat('gpt-5-codex', 'GPT-5-Codex', 'OpenAI', {
    context: 400000,
    prompt: 272000,
    output: 128000,
    multiplier: 1,
    endpoints: [RESPONSES, 'ws:/responses'],
    supports: { vision: true, structured_outputs: true, reasoning_effort: EFFORTS },
    ...policy('GPT-5-Codex'),
    model_picker_category: 'powerful',
  }),
  chat('claude-sonnet-4.5', 'Claude Sonnet 4.5', 'Anthropic', {
    context: 144000,
    prompt: 128000,
    output: 16000,
    multiplier: 1,
    endpoints: [CHAT, MESSAGES],
    supports: { vision: true, min_thinking_budget: 1024, max_thinking_budget: 32000 },
    ...policy('Claude Sonnet 4.5'),
  }),
  chat('claude-haiku-4.5', 'Claude Haiku 4.5', 'Anthropic', {
    context: 144000,
    prompt: 128000,
    output: 16000,
    multiplier: 0.33,
    endpoints: [CHAT, MESSAGES],
    supports: { vision: true, adaptive_thinking: true },
    ...policy('Claude Haiku 4.5'),
  }),
  chat('claude-opus-4.1', 'Claude Opus 4.1', 'Anthropic', {
    // disabled by policy
    context: 80000,
    prompt: 80000,
    output: 16000,
    multiplier: 10,
    endpoints: [CHAT, MESSAGES],
    supports: { vision: true, tool_calls: undefined },
    ...policy('Claude Opus 4.1', 'disabled'),
  }),
  chat('gemini-2.5-pro', 'Gemini 2.5 Pro', 'Google', {
    context: 1048576,
    prompt: 1000000,
    output: 64000,
    multiplier: 1,
    supports: { vision: true, max_thinking_budget: 32768, min_thinking_budget: 128 },
    preview: true,
    ...policy('Gemini 2.5 Pro'),
  }),
  chat('o3-mini', 'o3-mini', 'Azure OpenAI', {
    version: 'o3-mini-2025-01-31',
    context: 200000,
    prompt: 64000,
    output: 100000,
    multiplier: 0.33,
    supports: {
      structured_outputs: true,
      parallel_tool_calls: undefined,
      reasoning_effort: EFFORTS,
    },
  }),
  chat('o4-mini', 'o4-mini (Preview)', 'Azure OpenAI', {
    version: 'o4-mini-2025-04-16',
    context: 128000,
    prompt: 128000,
    output: 16384,
    multiplier: 0.33,
    preview: true,
    endpoints: [CHAT, RESPONSES],
    supports: { structured_outputs: true, reasoning_effort: EFFORTS },
  }),
  chat('o1', 'o1 (Preview)', 'Azure OpenAI', {
    // does not stream
    version: 'o1-2024-12-17',
    context: 200000,
    prompt: 20000,
    output: 100000,
    multiplier: 10,
    preview: true,
    supports: { streaming: false, parallel_tool_calls: undefined },
  }),
  chat('grok-code-fast-1', 'Grok Code Fast 1', 'xAI', {
    // billed by tokens
    context: 128000,
    prompt: 128000,
    output: 64000,
    endpoints: [CHAT],
    billing: {
      token_prices: { batch_size: 1000000, input_price: 20, output_price: 150, cache_price: 2 },
    },
    info_messages: [{ code: 'billing_notice', message: 'This model is billed by tokens.' }],
  }),
  chat('oswe-preview', 'Raptor mini (Preview)', 'Microsoft', {
    // no limits
    endpoints: [CHAT],
    multiplier: 0,
    preview: true,
  }),
  { id: 42, object: 'model', name: null, capabilities: 'soon', billing: [] }, // malformed
  {
    id: 'text-embedding-3-small',
    object: 'model',
    name: 'Embedding V3 small',
    vendor: 'Azure OpenAI',
    version: 'text-embedding-3-small',
    preview: false,
    model_picker_enabled: false,
    capabilities: {
      object: 'model_capabilities',
      type: 'embeddings',
      family: 'text-embedding-3-small',
      tokenizer: 'cl100k_base',
      limits: { max_inputs: 512 },
      supports: { dimensions: true },
    },
  },
  {
    id: 'text-embedding-ada-002',
    object: 'model',
    name: 'Embedding V2 Ada',
    vendor: 'Azure OpenAI',
    version: 'text-embedding-ada-002',
    preview: false,
    model_picker_enabled: false,
    capabilities: {
      object: 'model_capabilities',
      type: 'embeddings',
      family: 'text-embedding-ada-002',
      tokenizer: 'cl100k_base',
      limits: { max_inputs: 512 },
      supports: {},
    },
  },
  {
    id: 'gpt-41-copilot',
    object: 'model',
    name: 'GPT-4.1 Copilot',
    vendor: 'Azure OpenAI',
    version: 'gpt-41-copilot',
    preview: false,
    model_picker_enabled: false,
    capabilities: {
      object: 'model_capabilities',
      type: 'completion',
      family: 'gpt-4.1',
      tokenizer: 'o200k_base',
      supports: { streaming: true },
    },
  },
];

export function catalogue(world) {
  return CATALOGUE.map((model) => {
    if (model.policy?.state !== 'disabled' || !world.enabled_models.has(model.id)) return model;
    return { ...model, policy: { ...model.policy, state: 'enabled' } };
  });
}

export const find_model = (world, id) =>
  typeof id === 'string' ? catalogue(world).find((model) => model.id === id) : undefined;

/// Which dialect a model speaks on /chat/completions.
export function dialect(model) {
  return { Anthropic: 'claude', Google: 'gemini' }[model.vendor] ?? 'gpt';
}

/// GPT-5 and the o-series want max_completion_tokens.
export const refuses_max_tokens = (id) => /^(gpt-5|o\d)/.test(id);

/// options: {variant: 'empty' | 'duplicates' | '2mb', data: [...]}
export function models(world, answer, options = {}) {
  let data = options.data ?? catalogue(world);
  if (options.variant === 'empty') data = [];
  else if (options.variant === 'duplicates') {
    const again = data.filter((model) => ['gpt-4.1', 'claude-sonnet-4.5'].includes(model.id));
    data = [
      ...data,
      ...again,
      ...again.map((model) => ({
        ...model,
        version: `${model.version}-b`,
        name: `${model.name} (new)`,
      })),
    ];
  } else if (options.variant === '2mb') {
    const filler = (index) => ({
      ...CATALOGUE[1],
      id: `filler-${index}`,
      name: `Filler ${index}`,
      model_picker_enabled: false,
      experimental_details: { note: 'x'.repeat(3000), nested: [{ deep: [1, 2, 3] }] },
    });
    data = [...data, ...Array.from({ length: 600 }, (_, index) => filler(index))];
  } else if (options.variant !== undefined) {
    throw new Error(`unknown variant '${options.variant}'`);
  }
  answer.send(200, { 'content-type': 'application/json; charset=utf-8' }, { data, object: 'list' });
}

export function one_model(world, answer, id) {
  const model = find_model(world, id);
  if (model) return answer.send(200, { 'content-type': 'application/json; charset=utf-8' }, model);
  const { status, headers, body } = data_error(404, 'model_not_found', `model ${id} not found`);
  answer.send(status, headers, body);
}

export function set_policy(world, answer, id, body) {
  const model = find_model(world, id);
  if (!model || !['enabled', 'disabled'].includes(body?.state)) {
    const bad = data_error(model ? 400 : 404, 'invalid_request_body', 'invalid policy request');
    return answer.send(bad.status, bad.headers, bad.body);
  }
  if (body.state === 'enabled') world.enabled_models.add(id);
  else world.enabled_models.delete(id);
  answer.send(200, {}, { state: body.state });
}
