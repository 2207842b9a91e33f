// The chat participant @jumpseat: asks a model about the selection or anything else. It needs nothing of the
// built-in chat, so it works in a VS Code where that was never set up.

import vscode = require('vscode');
import { ask } from './chat';
import type { Context } from './context';
import type { ChatMessage, ChatRequest } from './openai';
import { isCancelled, problemOf } from './problem';
import { noteProblem, VENDOR } from './models';

/** How much of a file goes along, in characters: some ten thousand tokens. */
const MOST_CHARACTERS = 40_000;

const SYSTEM =
  'You are a programming assistant inside VS Code. Answer briefly, in Markdown, in the language of the ' +
  'question. Code goes into fenced blocks with the language named.';

const TASKS: Record<
  string,
  { task: string; next: { label: string; command: string; prompt: string }[] }
> = {
  explain: {
    task: 'Explain the code: what it does, how, and what a reader may trip over.',
    next: [
      { label: 'Write tests for it', command: 'tests', prompt: 'Write tests for this code.' },
      {
        label: 'Look for bugs',
        command: 'fix',
        prompt: 'Find and fix what is wrong in this code.',
      },
    ],
  },
  fix: {
    task: 'Find what is wrong in the code and show the corrected code. If nothing is wrong, say so.',
    next: [
      {
        label: 'Write a test for it',
        command: 'tests',
        prompt: 'Write a test that fails without the fix.',
      },
    ],
  },
  tests: {
    task: 'Write tests for the code, in the test framework that the project seems to use.',
    next: [{ label: 'Explain the code', command: 'explain', prompt: 'Explain this code.' }],
  },
  doc: {
    task: 'Write the documentation comments for the code, in the conventions of its language. Show the code with them.',
    next: [{ label: 'Write tests for it', command: 'tests', prompt: 'Write tests for this code.' }],
  },
};

export function activate(context: Context): void {
  const participant = vscode.chat.createChatParticipant(
    'jumpseat.chat',
    (request, history, stream, token) => answer(context, request, history, stream, token),
  );
  participant.iconPath = vscode.Uri.joinPath(context.extension.extensionUri, 'media', 'icon.png');
  participant.followupProvider = {
    provideFollowups: ({ metadata }) => {
      const done = (metadata as { command?: string } | undefined)?.command;
      return TASKS[done ?? '']?.next ?? [];
    },
  };
  context.own(participant);
}

async function answer(
  context: Context,
  request: vscode.ChatRequest,
  { history }: vscode.ChatContext,
  stream: vscode.ChatResponseStream,
  token: vscode.CancellationToken,
): Promise<vscode.ChatResult> {
  const sources = await gather(request);
  for (const { where } of sources) if (where) stream.reference(where);
  const messages: ChatMessage[] = [
    { role: 'system', content: SYSTEM },
    ...history.flatMap(turn),
    { role: 'user', content: question(request, sources) },
  ];
  // The model that is chosen in the Chat view if it is one of ours, else the configured one.
  const chosen = request.model.vendor === VENDOR ? { model: request.model.id } : {};
  const chat: ChatRequest = { ...chosen, messages };
  let thinking = false;
  try {
    await ask(
      context.server,
      chat,
      {
        text: (text) => {
          stream.markdown(text);
        },
        thinking: () => {
          if (!thinking) stream.progress('Thinking…');
          thinking = true;
        },
        toolCall: () => undefined, // none are offered
      },
      token,
    );
    context.status.quotaMessage = undefined;
    return { metadata: { command: request.command } };
  } catch (error) {
    if (isCancelled(error)) return {};
    const problem = problemOf(error);
    if (problem.button.command === 'jumpseat.signIn') {
      // Here a button can stand where the answer would.
      stream.markdown('You are not signed in to GitHub Copilot.');
      stream.button(problem.button);
      return {};
    }
    noteProblem(context, problem);
    return { errorDetails: { message: problem.message } };
  }
}

interface Source {
  where?: vscode.Location | vscode.Uri;
  text: string;
}

/** What VS Code adds to every question in agent mode: a list of what its tools could read. None are offered here. */
const INDEX = 'vscode.customizations.index';

/** Instructions that VS Code adds by itself: they go along, and are not what the question is about. */
const isInstructions = (id: string): boolean => id.startsWith('vscode.instructions');

/** What the person attached, or else the selection of a command's editor. */
async function gather(request: vscode.ChatRequest): Promise<Source[]> {
  const sources: Source[] = [];
  const references = request.references.filter(({ id }) => id !== INDEX);
  for (const { value } of references) {
    if (typeof value === 'string') sources.push({ text: value });
    else if (value instanceof vscode.Uri) sources.push(await excerpt(value));
    else if (value instanceof vscode.Location) sources.push(await excerpt(value.uri, value.range));
  }
  const editor = vscode.window.activeTextEditor;
  const hasSubject = references.some(({ id }) => !isInstructions(id));
  if (request.command !== undefined && !hasSubject && editor) {
    const range = editor.selection.isEmpty ? undefined : editor.selection;
    sources.push(await excerpt(editor.document.uri, range));
  }
  return sources;
}

async function excerpt(uri: vscode.Uri, range?: vscode.Range): Promise<Source> {
  const name = vscode.workspace.asRelativePath(uri);
  try {
    const document = await vscode.workspace.openTextDocument(uri);
    const text = document.getText(range);
    const shown = text.slice(0, MOST_CHARACTERS);
    const cut = shown.length < text.length ? `\n(The rest of ${name} is left out.)` : '';
    // Longer than any in the text, which may be a page of Markdown.
    const longest = Math.max(2, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length));
    const fence = '`'.repeat(longest + 1);
    const place = range ? `, line ${range.start.line + 1} on` : '';
    return {
      where: range ? new vscode.Location(uri, range) : uri,
      text: `${name}${place}:\n${fence}${document.languageId}\n${shown}\n${fence}${cut}`,
    };
  } catch {
    return { where: uri, text: `(${name} cannot be read as text.)` };
  }
}

function question({ command, prompt }: vscode.ChatRequest, sources: Source[]): string {
  const task = TASKS[command ?? '']?.task ?? '';
  return [task, prompt, ...sources.map(({ text }) => text)]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** A turn that is over, as messages. */
function turn(one: vscode.ChatRequestTurn | vscode.ChatResponseTurn): ChatMessage[] {
  if (one instanceof vscode.ChatRequestTurn) {
    const task = TASKS[one.command ?? '']?.task ?? '';
    return [{ role: 'user', content: [task, one.prompt].filter(Boolean).join('\n\n') }];
  }
  const text = one.response
    .map((part) => (part instanceof vscode.ChatResponseMarkdownPart ? part.value.value : ''))
    .join('');
  return text === '' ? [] : [{ role: 'assistant', content: text }];
}
