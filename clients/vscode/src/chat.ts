// A question to a model: the request goes out, what is answered comes back part by part.
//
//   await ask(server, request, { text, thinking, toolCall }, token);
//
// Plain TypeScript without vscode, so that the tests run it against the real program. Knows how chunks of a
// tool call belong together, and nothing of any model.

import type { CancellationToken } from 'vscode-jsonrpc';
import type { ChatChunk, ChatCompletion, ChatRequest } from './openai';
import { method } from './protocol';
import type { Wire } from './wire';

export interface Listener {
  text: (text: string) => void;
  /** `opaque` is the model's own record of its thoughts, to be handed back with the next question. */
  thinking: (text: string, opaque?: string) => void;
  toolCall: (id: string, name: string, input: object) => void;
}

/** An answer that came but cannot be used. */
export class AnswerError extends Error {
  constructor(
    readonly code: 'bad_tool_arguments' | 'content_filter' | 'length',
    message: string,
  ) {
    super(message);
    this.name = 'AnswerError';
  }
}

export async function ask(
  wire: Wire,
  request: ChatRequest,
  listener: Listener,
  token: CancellationToken,
): Promise<ChatCompletion> {
  const parts = new Parts(listener);
  let broken: unknown;
  const progress = await wire.progress<ChatChunk>((chunk) => {
    try {
      parts.take(chunk);
    } catch (error) {
      broken ??= error;
    }
  });
  try {
    const answer = await wire.request<ChatCompletion>(
      method.chat,
      { ...request, partialResultToken: progress.token },
      token,
    );
    if (broken !== undefined) throw broken as Error;
    parts.end();
    return answer;
  } finally {
    progress.dispose();
  }
}

interface PendingCall {
  id: string;
  name: string;
  arguments: string;
}

/** Chunks in, whole parts out. */
export class Parts {
  private readonly calls = new Map<number, PendingCall>();
  private finish: string | undefined;

  constructor(private readonly listener: Listener) {}

  take(chunk: ChatChunk): void {
    for (const { index, delta, finish_reason } of chunk.choices) {
      if (index !== 0) continue; // nobody asked for a second answer
      if (delta.reasoning_text || delta.reasoning_opaque) {
        this.listener.thinking(delta.reasoning_text ?? '', delta.reasoning_opaque ?? undefined);
      }
      if (delta.content) this.listener.text(delta.content);
      for (const piece of delta.tool_calls ?? []) {
        const call = this.calls.get(piece.index) ?? { id: '', name: '', arguments: '' };
        this.calls.set(piece.index, call);
        call.id ||= piece.id ?? '';
        call.name ||= piece.function?.name ?? '';
        call.arguments += piece.function?.arguments ?? '';
      }
      if (finish_reason) this.finish = finish_reason;
    }
  }

  /** The answer is complete: gives the tool calls, or throws an AnswerError. */
  end(): void {
    if (this.finish === 'content_filter') {
      throw new AnswerError(
        'content_filter',
        'Copilot’s content filter ended the answer. Ask in other words.',
      );
    }
    if (this.finish === 'length' && this.calls.size > 0) {
      throw new AnswerError(
        'length',
        'The answer reached the model’s output limit in the middle of a tool call. Ask for smaller steps.',
      );
    }
    for (const call of this.calls.values()) {
      this.listener.toolCall(call.id, call.name, parseArguments(call));
    }
    this.calls.clear();
  }
}

/** A tool without parameters is called with no text at all. */
function parseArguments(call: PendingCall): object {
  if (call.arguments.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(call.arguments);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // said below
  }
  throw new AnswerError(
    'bad_tool_arguments',
    `The model called the tool ${call.name} with arguments that are no JSON object. Ask again.`,
  );
}
