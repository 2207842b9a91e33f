// VS Code's chat messages as OpenAI's, and a model of the live list as VS Code's picker wants it.
//
// The parts are told apart by their members, not by their classes: the tests run without vscode, and newer
// kinds of parts must not break older code. What cannot be sent is said in the prompt, never dropped silently.

import type { ChatMessage, ChatRequest, Content, ModelEntry, Tool, ToolCall } from './openai';

/** vscode.LanguageModelChatRequestMessage, as far as it is read here. */
export interface VsMessage {
  /** 1 user, 2 assistant, 3 system (not in the stable typings, but sent by the built-in chat). */
  readonly role: number;
  readonly content: readonly unknown[];
  readonly name?: string | undefined;
}

/** vscode.LanguageModelChatTool. */
export interface VsTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema?: object | undefined;
}

interface DataPart {
  data: Uint8Array;
  mimeType: string;
}

const isRecord = (part: unknown): part is Record<string, unknown> =>
  typeof part === 'object' && part !== null;

const isText = (part: unknown): part is { value: string } =>
  isRecord(part) && typeof part['value'] === 'string' && !isThinking(part);

const isThinking = (part: unknown): part is { value: string | string[]; metadata?: unknown } =>
  isRecord(part) &&
  'value' in part &&
  ('metadata' in part || 'id' in part || Array.isArray(part['value']));

const isCall = (part: unknown): part is { callId: string; name: string; input: object } =>
  isRecord(part) && typeof part['callId'] === 'string' && typeof part['name'] === 'string';

const isResult = (part: unknown): part is { callId: string; content: readonly unknown[] } =>
  isRecord(part) && typeof part['callId'] === 'string' && Array.isArray(part['content']);

const isData = (part: unknown): part is DataPart =>
  isRecord(part) && typeof part['mimeType'] === 'string' && part['data'] instanceof Uint8Array;

/** The marker with which VS Code's chat says: keep the prompt up to here in the cache. */
const isCacheMark = (part: unknown): boolean => isData(part) && part.mimeType === 'cache_control';

/** One message of VS Code can be several of OpenAI's: each tool result is a message of its own there. */
export function toOpenAi(messages: readonly VsMessage[]): ChatMessage[] {
  return messages.flatMap((message) => {
    const converted =
      message.role === 2 ? [assistant(message)] : [...results(message), ...plain(message)];
    const last = converted.at(-1);
    if (last && message.content.some(isCacheMark))
      last.copilot_cache_control = { type: 'ephemeral' };
    return converted;
  });
}

function results(message: VsMessage): ChatMessage[] {
  return message.content.filter(isResult).map((result) => ({
    role: 'tool',
    tool_call_id: result.callId,
    content: compact(result.content.flatMap(content)),
  }));
}

function plain(message: VsMessage): ChatMessage[] {
  const parts = message.content.filter((part) => !isResult(part)).flatMap(content);
  if (parts.length === 0) return [];
  return [
    {
      role: message.role === 3 ? 'system' : 'user',
      content: compact(parts),
      ...(message.name ? { name: message.name } : {}),
    },
  ];
}

function assistant(message: VsMessage): ChatMessage {
  const calls = message.content.filter(isCall).map((call): ToolCall => ({
    id: call.callId,
    type: 'function',
    function: { name: call.name, arguments: JSON.stringify(call.input) },
  }));
  const text = message.content
    .filter((part) => !isCall(part) && !isThinking(part))
    .flatMap(content)
    .map((part) => (part.type === 'text' ? part.text : ''))
    .join('');
  const thoughts = message.content.filter(isThinking);
  const thought = thoughts.map((part) => [part.value].flat().join('')).join('');
  const opaque = thoughts
    .map((part) => (isRecord(part.metadata) ? part.metadata['reasoning_opaque'] : undefined))
    .find((value) => typeof value === 'string');
  return {
    role: 'assistant',
    content: text === '' && calls.length > 0 ? null : text,
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
    ...(thought === '' ? {} : { reasoning_text: thought }),
    ...(opaque === undefined ? {} : { reasoning_opaque: opaque }),
  };
}

function content(part: unknown): Content[] {
  if (isCacheMark(part)) return [];
  if (isText(part)) return [{ type: 'text', text: part.value }];
  if (typeof part === 'string') return [{ type: 'text', text: part }];
  if (isData(part)) return [data(part)];
  if (isThinking(part)) return [];
  // Results may hold trees of VS Code's prompt library; their JSON is what there is to be read.
  if (isRecord(part) && 'value' in part)
    return [{ type: 'text', text: JSON.stringify(part['value']) }];
  return [{ type: 'text', text: JSON.stringify(part) }];
}

function data({ mimeType, data }: DataPart): Content {
  if (mimeType.startsWith('image/')) {
    const url = `data:${mimeType};base64,${Buffer.from(data).toString('base64')}`;
    return { type: 'image_url', image_url: { url } };
  }
  if (mimeType.startsWith('text/') || /[/+]json$/.test(mimeType)) {
    return { type: 'text', text: Buffer.from(data).toString('utf8') };
  }
  return { type: 'text', text: `[An attachment of the type ${mimeType} could not be sent.]` };
}

/** A text alone goes as a text, which every model takes. */
function compact(parts: Content[]): string | Content[] {
  if (parts.some((part) => part.type !== 'text')) return parts;
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

function toTools(tools: readonly VsTool[]): Tool[] {
  return tools.map(({ name, description, inputSchema }) => ({
    type: 'function',
    function: { name, description, parameters: inputSchema ?? { type: 'object', properties: {} } },
  }));
}

/** OpenAI's options that a caller may set through `modelOptions`; the rest of the request is ours. */
const OPTIONS = [
  'temperature',
  'top_p',
  'max_tokens',
  'stop',
  'seed',
  'response_format',
  'reasoning_effort',
];

export interface RequestOptions {
  tools?: readonly VsTool[] | undefined;
  /** Whether the model has to call one. */
  toolRequired?: boolean;
  modelOptions?: Readonly<Record<string, unknown>> | undefined;
  /** What the person chose beside the model, in the picker. */
  reasoningEffort?: string | undefined;
}

export function toRequest(
  model: ModelEntry | string,
  messages: readonly VsMessage[],
  { tools = [], toolRequired = false, modelOptions = {}, reasoningEffort }: RequestOptions,
): ChatRequest {
  const options = Object.fromEntries(
    Object.entries(modelOptions).filter(([name]) => OPTIONS.includes(name)),
  );
  return {
    ...options,
    model: typeof model === 'string' ? model : model.id,
    messages: toOpenAi(messages),
    ...(tools.length > 0
      ? { tools: toTools(tools), tool_choice: toolRequired ? 'required' : 'auto' }
      : {}),
    ...(reasoningEffort ? { reasoning_effort: reasoningEffort } : {}),
  };
}

// ---- Models ----

/** Whether jumpseat/chat can be asked for it. */
export const isServed = (model: ModelEntry): boolean =>
  model.type === 'chat' && model.supported_endpoints.includes('/chat/completions');

/** For models whose entry names no limits: small enough to be true of every chat model there is. */
const UNKNOWN_LIMIT = { input: 16_384, output: 4096 };

export function limitsOf({ limits }: ModelEntry): { input: number; output: number } {
  const output = limits.max_output_tokens ?? UNKNOWN_LIMIT.output;
  const window = limits.max_context_window_tokens;
  const input =
    limits.max_prompt_tokens ??
    (window === undefined ? UNKNOWN_LIMIT.input : Math.max(window - output, 1));
  return { input, output };
}

/** What a question costs, in a word; empty when the list does not say. */
export function costOf({ multiplier }: ModelEntry): string {
  if (multiplier === undefined) return '';
  return multiplier === 0 ? 'included' : `${multiplier}x`;
}

/**
 * An estimate, as good as one without the model's own tokenizer can be: 3.6 bytes a token is rather too many
 * tokens for prose and about right for code, so a prompt that seems to fit does fit.
 */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text, 'utf8') / 3.6);
}

/** Of a whole message; an image counts as much as a large one costs. */
export function estimateMessageTokens(message: VsMessage): number {
  const IMAGE = 1100;
  const ENVELOPE = 4;
  let tokens = ENVELOPE;
  for (const one of toOpenAi([message])) {
    for (const part of typeof one.content === 'string'
      ? [{ type: 'text' as const, text: one.content }]
      : (one.content ?? [])) {
      tokens += part.type === 'text' ? estimateTokens(part.text) : IMAGE;
    }
    if (one.role === 'assistant') {
      tokens += estimateTokens(one.reasoning_text ?? '');
      for (const call of one.tool_calls ?? []) {
        tokens += ENVELOPE + estimateTokens(call.function.name + call.function.arguments);
      }
    }
  }
  return tokens;
}
