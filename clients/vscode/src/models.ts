// The chat models of the live list in VS Code's own model picker, and the answers they give.
//
// Limits, abilities and errors are the process's; this file only says them in VS Code's terms.

import vscode = require('vscode');
import { ask } from './chat';
import type { Context } from './context';
import {
  costOf,
  estimateMessageTokens,
  estimateTokens,
  isServed,
  limitsOf,
  toRequest,
} from './messages';
import type { ModelEntry, ModelList } from './openai';
import { isCancelled, problemOf, type Problem } from './problem';
import { method } from './protocol';
import { signIn } from './sign_in';

export const VENDOR = 'jumpseat';

/**
 * What VS Code understands beside its stable typings, and passes over where it does not: whether a model is
 * in the picker, and choices beside it.
 */
interface Model extends vscode.LanguageModelChatInformation {
  readonly entry: ModelEntry;
  readonly isUserSelectable: boolean;
  readonly configurationSchema?: object;
}

/** What VS Code hands over beside its stable typings: the choices above, and who asks. */
interface ResponseOptions extends vscode.ProvideLanguageModelChatResponseOptions {
  /** The id of the extension that asks. */
  readonly requestInitiator?: string;
  readonly modelConfiguration?: { readonly reasoningEffort?: string };
}

/** Not in the stable typings, but there; where it is not, thoughts are left out. */
const ThinkingPart = (
  vscode as unknown as {
    LanguageModelThinkingPart?: new (value: string, id?: string, metadata?: object) => object;
  }
).LanguageModelThinkingPart;

export function activate(context: Context): void {
  const provider = new Models(context);
  context.own(provider, vscode.lm.registerLanguageModelChatProvider(VENDOR, provider));
  context.command('jumpseat.showModels', () => showModels(context));
}

/** The live list, as the process has it. */
export async function listModels(
  { server }: Context,
  { refresh = false, token }: { refresh?: boolean; token?: vscode.CancellationToken } = {},
): Promise<ModelEntry[]> {
  const { data } = await server.request<ModelList>(method.models, { refresh }, token);
  return data.filter(isServed);
}

class Models implements vscode.LanguageModelChatProvider<Model>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly listener: vscode.Disposable;
  private wasSignedIn = false;
  readonly onDidChangeLanguageModelChatInformation = this.changed.event;

  constructor(private readonly context: Context) {
    this.listener = context.status.onDidChange(() => {
      if (context.status.phase === 'starting') return; // a restart changes no model
      if (context.status.isSignedIn === this.wasSignedIn) return;
      this.wasSignedIn = context.status.isSignedIn;
      this.refresh();
    });
  }

  /** VS Code asks for models when somebody needs one; without this the picker is empty until then. */
  private refresh(): void {
    this.changed.fire();
    void vscode.lm.selectChatModels({ vendor: VENDOR });
  }

  async provideLanguageModelChatInformation(
    { silent }: vscode.PrepareLanguageModelChatModelOptions,
    token: vscode.CancellationToken,
  ): Promise<Model[]> {
    const { context } = this;
    try {
      return (await listModels(context, { token })).map(describe);
    } catch (error) {
      const problem = problemOf(error);
      if (silent) {
        context.log.info(`No models: ${problem.message}`);
        return [];
      }
      if (problem.button.command !== 'jumpseat.signIn') throw spoken(problem);
      if (!(await signIn(context))) return [];
      return (await listModels(context, { token })).map(describe);
    }
  }

  async provideLanguageModelChatResponse(
    model: Model,
    messages: readonly vscode.LanguageModelChatRequestMessage[],
    options: ResponseOptions,
    progress: vscode.Progress<vscode.LanguageModelResponsePart>,
    token: vscode.CancellationToken,
  ): Promise<void> {
    const { context } = this;
    const request = toRequest(model.entry, messages, {
      tools: options.tools,
      toolRequired: options.toolMode === vscode.LanguageModelChatToolMode.Required,
      modelOptions: options.modelOptions,
      reasoningEffort: options.modelConfiguration?.reasoningEffort,
    });
    try {
      await ask(
        context.server,
        request,
        {
          text: (text) => {
            progress.report(new vscode.LanguageModelTextPart(text));
          },
          thinking: (text, opaque) => {
            if (!ThinkingPart) return;
            const metadata = opaque === undefined ? undefined : { reasoning_opaque: opaque };
            progress.report(
              new ThinkingPart(text, undefined, metadata) as vscode.LanguageModelResponsePart,
            );
          },
          toolCall: (id, name, input) => {
            progress.report(new vscode.LanguageModelToolCallPart(id, name, input));
          },
        },
        token,
      );
      context.status.quotaMessage = undefined;
    } catch (error) {
      if (isCancelled(error)) throw new vscode.CancellationError();
      throw this.told(problemOf(error), options.requestInitiator);
    }
  }

  provideTokenCount(
    _model: Model,
    text: string | vscode.LanguageModelChatRequestMessage,
  ): Promise<number> {
    return Promise.resolve(
      typeof text === 'string' ? estimateTokens(text) : estimateMessageTokens(text),
    );
  }

  /** The chat shows an error's words and no button; that comes in a message beside it. */
  private told(problem: Problem, who: string | undefined): Error {
    noteProblem(this.context, problem);
    if (problem.code === 'model_not_found') this.refresh();
    return isBuiltInChat(who) ? said(problem.message) : spoken(problem);
  }

  dispose(): void {
    this.listener.dispose();
    this.changed.dispose();
  }
}

/** Shows what went wrong with a question, and remembers a quota that is used up. */
export function noteProblem(context: Context, problem: Problem): void {
  if (problem.code === 'insufficient_quota') context.status.quotaMessage = problem.message;
  context.show(problem);
}

/** As the LanguageModelError that fits, for extensions that decide by its code. */
const spoken = ({ kind, message }: Problem): Error =>
  kind === 'Other' ? said(message) : vscode.LanguageModelError[kind](message);

/** The built-in chat shows an error with its stack, and a LanguageModelError always has one. */
const isBuiltInChat = (who: string | undefined): boolean =>
  who !== undefined && /^(core|github\.copilot-chat)$/i.test(who);

function said(message: string): Error {
  const error = new Error(message);
  error.stack = '';
  return error;
}

function describe(entry: ModelEntry): Model {
  const { input, output } = limitsOf(entry);
  const efforts = entry.supports.reasoning_effort ?? [];
  const cost = costOf(entry);
  return {
    entry,
    id: entry.id,
    name: nameOf(entry),
    family: entry.family ?? entry.id,
    version: entry.id,
    detail: cost,
    tooltip: tooltip(entry),
    maxInputTokens: input,
    maxOutputTokens: output,
    capabilities: { imageInput: entry.supports.vision, toolCalling: entry.supports.tool_calls },
    isUserSelectable: entry.picker,
    ...(efforts.length > 0 ? { configurationSchema: effortChoice(efforts) } : {}),
  };
}

/** The list's own name, which says by itself of most previews that they are one. */
const nameOf = ({ name, preview }: ModelEntry): string =>
  preview && !/preview/i.test(name) ? `${name} (Preview)` : name;

function tooltip(entry: ModelEntry): string {
  const { input, output } = limitsOf(entry);
  const cost = costOf(entry);
  const kilo = (tokens: number) => `${Math.round(tokens / 1000)}k`;
  return [
    `${entry.name} by ${entry.owned_by}, through GitHub Copilot`,
    `${kilo(input)} tokens in, ${kilo(output)} out`,
    cost === ''
      ? ''
      : cost === 'included'
        ? 'Costs no premium requests'
        : `${cost} premium requests`,
  ]
    .filter(Boolean)
    .join(' · ');
}

/** A choice beside the model in the picker. The first entry leaves it to the model. */
function effortChoice(efforts: string[]): object {
  return {
    properties: {
      reasoningEffort: {
        type: 'string',
        title: 'Thinking Effort',
        description: 'How long the model thinks before it answers.',
        enum: efforts,
        enumItemLabels: efforts.map((word) => word.charAt(0).toUpperCase() + word.slice(1)),
        default: efforts.includes('medium') ? 'medium' : efforts[0],
        group: 'navigation',
      },
    },
  };
}

async function showModels(context: Context): Promise<void> {
  const models = await listModels(context, { refresh: true });
  const chosen = await vscode.window.showQuickPick(
    models.map((entry) => ({
      entry,
      label: entry.name,
      description: [entry.id, costOf(entry)].filter(Boolean).join(' · '),
      detail: abilities(entry),
    })),
    {
      title: 'Copilot’s models',
      placeHolder: 'Choose one to use it in the Chat view',
      matchOnDescription: true,
    },
  );
  if (chosen) await vscode.commands.executeCommand('jumpseat.useInChat', chosen.entry.id);
}

function abilities({ supports, preview }: ModelEntry): string {
  return [
    supports.tool_calls && 'tools',
    supports.vision && 'images',
    supports.reasoning_effort && 'thinking',
    preview && 'preview',
  ]
    .filter(Boolean)
    .join(', ');
}
