// @jumpseat with the real program and the simulator, asked as VS Code asks it: what goes to the model, what stands
// in the answer. VS Code's side is vscode_stand_in.ts; the same in a real VS Code is in test/host.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import vscode = require('vscode');
import { CancellationTokenSource } from 'vscode-jsonrpc/node';
import type { Button } from '../src/button';
import type { Context } from '../src/context';
import { activate } from '../src/participant';
import type { Problem } from '../src/problem';
import type { Wire } from '../src/wire';
import { editor } from './editor_state';
import { read, useWorld, wireOf } from './world';

const world = useWorld();
const CODE = 'function greet(name)\n  return "Hello " .. name\nend\n';

interface Manifest {
  contributes: { chatParticipants: { id: string; commands: { name: string }[] }[] };
}

let folder: string;
let file: vscode.Uri;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'jumpseat-participant-'));
  file = vscode.Uri.file(join(folder, 'greeting.lua'));
  writeFileSync(file.fsPath, CODE);
});
after(() => {
  rmSync(folder, { recursive: true });
});
beforeEach(() => (editor.activeTextEditor = undefined));

const range = (line: number, from: number, last: number, to: number) =>
  new vscode.Selection(new vscode.Position(line, from), new vscode.Position(last, to));

const select = (selection: vscode.Selection) => {
  editor.activeTextEditor = { document: { uri: file }, selection };
};

interface Asked {
  prompt?: string;
  command?: string;
  references?: unknown[];
  /** References that VS Code adds by itself, by their ids. */
  added?: Record<string, unknown>;
  history?: object[];
  model?: { vendor: string; id: string };
  token?: CancellationTokenSource['token'];
}

/** Asks, and gives all that the participant has put into the answer. */
async function ask(wire: Wire, asked: Asked) {
  const seen = {
    text: '',
    references: [] as unknown[],
    buttons: [] as Button[],
    progress: [] as string[],
    problems: [] as Problem[],
  };
  const context = {
    server: wire,
    extension: { extensionUri: vscode.Uri.file(folder) },
    status: {},
    own: () => undefined,
    show: (problem: Problem) => seen.problems.push(problem),
  };
  activate(context as unknown as Context);
  const participant = editor.participants['jumpseat.chat'];
  assert.ok(participant?.followupProvider);
  const stream = {
    markdown: (text: string) => (seen.text += text),
    reference: (where: unknown) => seen.references.push(where),
    button: (button: Button) => seen.buttons.push(button),
    progress: (text: string) => seen.progress.push(text),
  };
  const token = asked.token ?? new CancellationTokenSource().token;
  const request = {
    prompt: asked.prompt ?? '',
    command: asked.command,
    references: [
      ...(asked.references ?? []).map((value) => ({ id: 'vscode.file', value })),
      ...Object.entries(asked.added ?? {}).map(([id, value]) => ({ id, value })),
    ],
    model: asked.model ?? { vendor: 'another', id: 'another' },
  };
  const result = await participant.handler(
    request as unknown as vscode.ChatRequest,
    { history: asked.history ?? [] } as unknown as vscode.ChatContext,
    stream as unknown as vscode.ChatResponseStream,
    token,
  );
  const followups = await participant.followupProvider.provideFollowups(
    result as vscode.ChatResult,
    {} as vscode.ChatContext,
    token,
  );
  return { ...seen, result: result as vscode.ChatResult, followups: followups ?? [] };
}

/** The body of the last question that reached Copilot. */
async function body() {
  const all = await world.sim.wait('complete', { path: '/chat/completions', n: 1 });
  return all.at(-1)?.body as { model: string; messages: { role: string; content: string }[] };
}

const lastOf = (messages: { content: string }[]) => messages.at(-1)?.content ?? '';

describe('@jumpseat', () => {
  const tasks: [string, RegExp, string[]][] = [
    ['explain', /^Explain the code/, ['tests', 'fix']],
    ['fix', /^Find what is wrong in the code/, ['tests']],
    ['tests', /^Write tests for the code/, ['explain']],
    ['doc', /^Write the documentation comments for the code/, ['tests']],
  ];
  for (const [command, task, next] of tasks) {
    test(`/${command} sends the task and the selection, names it, and offers what may come next`, async () => {
      select(range(1, 2, 1, 25));
      const wire = wireOf(await world.start());
      const { text, references, followups, result } = await ask(wire, {
        command,
        prompt: 'Briefly.',
      });
      assert.match(text, /every byte took the way a real answer would take/);
      const { messages } = await body();
      assert.deepEqual(
        messages.map(({ role }) => role),
        ['system', 'user'],
      );
      const sent = lastOf(messages);
      assert.match(sent, task);
      assert.ok(sent.includes('\n\nBriefly.\n\n'), sent);
      assert.match(sent, /greeting\.lua, line 2 on:\n```lua\nreturn "Hello " \.\. name\n```$/);
      const [reference] = references as [vscode.Location];
      assert.equal(references.length, 1);
      assert.equal(reference.uri.fsPath, file.fsPath);
      assert.equal(reference.range.start.line, 1);
      assert.deepEqual(result, { metadata: { command } });
      assert.deepEqual(
        followups.map((one) => one.command),
        next,
      );
      for (const { label, prompt } of followups) assert.ok(label && prompt);
    });
  }

  test('its commands are those of the manifest', () => {
    const { contributes } = JSON.parse(read('package.json')) as Manifest;
    const [participant] = contributes.chatParticipants;
    assert.equal(participant?.id, 'jumpseat.chat');
    assert.deepEqual(
      participant.commands.map(({ name }) => name),
      tasks.map(([name]) => name),
    );
  });

  test('without a selection a command is about the whole file; without a command nothing goes along', async () => {
    select(range(0, 0, 0, 0));
    const wire = wireOf(await world.start());
    const { references } = await ask(wire, { command: 'explain' });
    assert.deepEqual(references, [file]);
    assert.ok(
      lastOf((await body()).messages).endsWith(`greeting.lua:\n\`\`\`lua\n${CODE}\n\`\`\``),
    );
    await world.sim.reset();
    const plain = await ask(wireOf(await world.start()), { prompt: 'Hello' });
    assert.deepEqual([plain.references, plain.followups], [[], []]);
    assert.equal(lastOf((await body()).messages), 'Hello');
  });

  test('what is attached goes along in place of the selection', async () => {
    select(range(1, 2, 1, 25));
    const other = vscode.Uri.file(join(folder, 'other.ts'));
    writeFileSync(other.fsPath, 'export const a = 1;\n');
    const image = vscode.Uri.file(join(folder, 'picture.bin'));
    writeFileSync(image.fsPath, Buffer.from([0, 1, 2]));
    const wire = wireOf(await world.start());
    const { references } = await ask(wire, {
      command: 'explain',
      references: [
        other,
        new vscode.Location(file, range(0, 0, 0, 8)),
        'a note',
        image,
        { odd: 1 },
      ],
    });
    const sent = lastOf((await body()).messages);
    assert.match(sent, /other\.ts:\n```typescript\nexport const a = 1;\n\n```/);
    assert.match(sent, /greeting\.lua, line 1 on:\n```lua\nfunction\n```/);
    assert.match(sent, /\n\na note\n\n/);
    assert.match(sent, /\(.*picture\.bin cannot be read as text\.\)$/);
    assert.doesNotMatch(sent, /line 2 on/);
    assert.equal(references.length, 3);
  });

  test('what VS Code adds by itself does not take the place of the selection', async () => {
    select(range(1, 2, 1, 25));
    const rules = vscode.Uri.file(join(folder, 'rules.md'));
    writeFileSync(rules.fsPath, 'Write short words.\n');
    await ask(wireOf(await world.start()), {
      command: 'explain',
      added: {
        'vscode.customizations.index': '<skills>Here is a list of skills</skills>',
        [`vscode.instructions.file__${rules.toString()}`]: rules,
      },
    });
    const sent = lastOf((await body()).messages);
    assert.match(sent, /greeting\.lua, line 2 on:/);
    assert.match(sent, /Write short words\./);
    assert.doesNotMatch(sent, /skills/);
  });

  test('a file with fences of its own stays in one piece', async () => {
    const page = vscode.Uri.file(join(folder, 'page.md'));
    writeFileSync(page.fsPath, '```sh\nls\n```\n');
    await ask(wireOf(await world.start()), { prompt: 'What is it?', references: [page] });
    const sent = lastOf((await body()).messages);
    assert.match(sent, /page\.md:\n````plaintext\n```sh\nls\n```\n\n````$/);
  });

  test('of a long file the rest is left out, and that is said', async () => {
    const long = vscode.Uri.file(join(folder, 'long.txt'));
    writeFileSync(long.fsPath, 'x'.repeat(50_000));
    await ask(wireOf(await world.start()), { prompt: 'What is it?', references: [long] });
    const sent = lastOf((await body()).messages);
    assert.ok(sent.length > 40_000 && sent.length < 41_000, String(sent.length));
    assert.match(sent, /\(The rest of .*long\.txt is left out\.\)$/);
  });

  test('turns that are over go along as what was asked and answered', async () => {
    const turns = vscode as unknown as {
      ChatRequestTurn: new (prompt: string, command?: string) => object;
      ChatResponseTurn: new (parts: object[]) => object;
      ChatResponseMarkdownPart: new (text: string) => object;
    };
    const history = [
      new turns.ChatRequestTurn('please', 'explain'),
      new turns.ChatResponseTurn([
        new turns.ChatResponseMarkdownPart('It '),
        { button: 'x' },
        new turns.ChatResponseMarkdownPart('greets.'),
      ]),
      new turns.ChatRequestTurn('Again'),
      new turns.ChatResponseTurn([]),
    ];
    await ask(wireOf(await world.start()), { prompt: 'Shorter', history });
    const { messages } = await body();
    assert.deepEqual(
      messages.map(({ role }) => role),
      ['system', 'user', 'assistant', 'user', 'user'],
    );
    assert.match(messages[1]?.content ?? '', /^Explain the code[^]*\n\nplease$/);
    assert.equal(messages[2]?.content, 'It greets.');
  });

  test('one of our models that is chosen is asked, else the configured one', async () => {
    const wire = wireOf(await world.start({ GITHUB_COPILOT_MODEL: 'gpt-5-mini' }));
    await ask(wire, { prompt: 'Hello', model: { vendor: 'jumpseat', id: 'claude-haiku-4.5' } });
    assert.equal((await body()).model, 'claude-haiku-4.5');
    await ask(wire, { prompt: 'Hello', model: { vendor: 'copilot', id: 'auto' } });
    await world.sim.wait('complete', { path: '/chat/completions', n: 2 });
    assert.equal((await body()).model, 'gpt-5-mini');
  });

  test('a model that thinks is said to do so, once', async () => {
    const chunk = (delta: object, finish_reason: string | null = null) => ({
      data: { id: 'c', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason }] },
    });
    const thoughts = ['Two ', 'and ', 'two.'].map((reasoning_text) => chunk({ reasoning_text }));
    await world.sim.rule({
      on: 'POST /chat/completions',
      do: {
        stream: [...thoughts, chunk({ content: 'Four.' }, 'stop'), { raw: 'data: [DONE]\n\n' }],
      },
    });
    const { text, progress } = await ask(wireOf(await world.start()), { prompt: '2+2?' });
    assert.deepEqual([text, progress], ['Four.', ['Thinking…']]);
  });

  test('nobody signed in: the button to sign in stands where the answer would', async () => {
    const { text, buttons, problems, result } = await ask(
      wireOf(await world.start({}, 'no token')),
      { prompt: 'Hello' },
    );
    assert.equal(text, 'You are not signed in to GitHub Copilot.');
    assert.deepEqual(
      buttons.map(({ command }) => command),
      ['jumpseat.signIn'],
    );
    assert.deepEqual([problems, result], [[], {}]);
  });

  test('what goes wrong is the answer’s error and one message with a button', async () => {
    await world.sim.scenario({
      rules: [
        {
          on: 'POST /chat/completions',
          do: { status: 402, body: { error: { code: 'quota_exceeded', message: 'None left.' } } },
        },
      ],
      replace: true,
    });
    const { problems, result } = await ask(wireOf(await world.start()), { prompt: 'Hello' });
    assert.match(result.errorDetails?.message ?? '', /^Quota used up/);
    assert.deepEqual(
      problems.map(({ button }) => button.title),
      ['Show Quota'],
    );
  });

  test('a question that is cancelled ends without a word', async () => {
    await world.sim.scenario('chat_stall_midstream');
    const source = new CancellationTokenSource();
    const asked = ask(wireOf(await world.start()), { prompt: 'Hello', token: source.token });
    await world.sim.wait('stalled', { path: '/chat/completions', n: 1 });
    source.cancel();
    const { problems, result } = await asked;
    assert.deepEqual([problems, result], [[], {}]);
    await world.sim.wait('closed', { path: '/chat/completions', n: 1 });
  });
});
