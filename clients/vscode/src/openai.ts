// OpenAI's shapes, as far as the extension reads or writes them: a chat request, its chunks, its answer,
// and the model list with Jumpseat's additions (docs/protocol.md, jumpseat/models).
//
// What the extension does not look at is not declared; the process passes it on in both directions.

export interface TextContent {
  type: 'text';
  text: string;
}

export interface ImageContent {
  type: 'image_url';
  image_url: { url: string };
}

export type Content = TextContent | ImageContent;

export interface ToolCall {
  id: string;
  type: 'function';
  function: { name: string; arguments: string };
}

/** A part of a message may mark the end of what the prompt cache should keep. */
interface Cacheable {
  copilot_cache_control?: { type: 'ephemeral' };
}

export type ChatMessage = Cacheable &
  (
    | { role: 'system' | 'user'; content: string | Content[]; name?: string }
    | { role: 'tool'; tool_call_id: string; content: string | Content[] }
    | {
        role: 'assistant';
        content: string | null;
        tool_calls?: ToolCall[];
        reasoning_text?: string;
        reasoning_opaque?: string;
      }
  );

export interface Tool {
  type: 'function';
  function: { name: string; description: string; parameters: object };
}

export interface ChatRequest {
  model?: string;
  messages: ChatMessage[];
  tools?: Tool[];
  tool_choice?: 'auto' | 'required';
  [option: string]: unknown;
}

export interface ToolCallDelta {
  index: number;
  id?: string;
  function?: { name?: string; arguments?: string };
}

export interface ChatChunk {
  id?: string;
  choices: {
    index: number;
    delta: {
      content?: string | null;
      reasoning_text?: string | null;
      reasoning_opaque?: string | null;
      tool_calls?: ToolCallDelta[];
    };
    finish_reason?: string | null;
  }[];
}

export interface ChatCompletion {
  id: string;
  model: string;
  choices: {
    message: { content?: string | null; tool_calls?: ToolCall[] };
    finish_reason: string | null;
  }[];
}

export interface ModelEntry {
  id: string;
  name: string;
  /** "chat", "embeddings", "completion". */
  type: string;
  family?: string;
  owned_by: string;
  preview: boolean;
  /** Shown in GitHub's own pickers. */
  picker: boolean;
  default: boolean;
  policy?: string;
  /** Premium requests that one question counts for. */
  multiplier?: number;
  limits: {
    max_context_window_tokens?: number;
    max_prompt_tokens?: number;
    max_output_tokens?: number;
  };
  supports: {
    streaming: boolean;
    tool_calls: boolean;
    parallel_tool_calls: boolean;
    vision: boolean;
    structured_outputs: boolean;
    reasoning_effort?: string[];
  };
  supported_endpoints: string[];
}

export interface ModelList {
  data: ModelEntry[];
  /** ISO 8601. */
  fetched_at: string;
  age_seconds: number;
}
