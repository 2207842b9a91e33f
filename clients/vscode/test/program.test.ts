// The real program and the simulator, through the extension's own process.ts and chat.ts: what the features
// build on, without VS Code.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CancellationTokenSource } from 'vscode-jsonrpc/node';
import { findProgram } from '../src/binary';
import { ask } from '../src/chat';
import { isServed, toRequest, type RequestOptions, type VsMessage } from '../src/messages';
import type { ChatRequest, ModelList } from '../src/openai';
import { isCancelled, problemOf } from '../src/problem';
import {
  command,
  method,
  type AccountResult,
  type SignInResult,
  type StatusResult,
  type WorkDoneProgress,
} from '../src/protocol';
import { StartFailure } from '../src/start_failure';
import { start, useWorld, wireOf } from './world';

const CHAT = 'POST /chat/completions';

const world = useWorld();

const open = async (...how: Parameters<typeof world.start>) => wireOf(await world.start(...how));

const question = (text: string): VsMessage => ({ role: 1, content: [{ value: text }] });
const never = () => new CancellationTokenSource().token;

/** What an answer is made of. */
async function answerTo(
  wire: Awaited<ReturnType<typeof open>>,
  messages: VsMessage[],
  options: RequestOptions = {},
  model = 'gpt-4.1',
) {
  const seen = { text: '', thinking: '', opaque: '', calls: [] as [string, object][], pieces: 0 };
  const request: ChatRequest = toRequest(model, messages, options);
  await ask(
    wire,
    request,
    {
      text: (text) => {
        seen.text += text;
        seen.pieces++;
      },
      thinking: (text, opaque = '') => {
        seen.thinking += text;
        seen.opaque += opaque;
      },
      toolCall: (_id, name, input) => seen.calls.push([name, input]),
    },
    never(),
  );
  return seen;
}

describe('with the real program', () => {
  test('a sign-in shows a code, reports what it waits for, and ends signed in', async () => {
    const wire = await open({}, 'no token');
    const begun = await wire.request<SignInResult>(method.sign_in, {});
    assert.equal(begun.status, 'PromptUserDeviceFlow');
    assert.match(begun.userCode ?? '', /^[A-Z0-9]{4}-[A-Z0-9]{4}$/);
    assert.equal(begun.command?.command, command.finish_device_flow);
    const kinds: string[] = [];
    const progress = await wire.progress<WorkDoneProgress>(({ kind }) => kinds.push(kind));
    const result = await wire.request<StatusResult>(method.execute_command, {
      command: begun.command.command,
      arguments: [],
      workDoneToken: progress.token,
    });
    assert.deepEqual(result, { status: 'OK', user: 'octocat' });
    assert.deepEqual([kinds[0], kinds.at(-1)], ['begin', 'end']);
    const account = await wire.request<AccountResult>(method.account, {});
    assert.equal(account.user, 'octocat');
    const left = await wire.request<StatusResult>(method.sign_out, {});
    assert.equal(left.status, 'NotSignedIn');
  });

  test('a sign-in that is cancelled ends at once', async () => {
    await world.sim.scenario({ settings: { person: 'manual' } });
    const wire = await open({}, 'no token');
    await wire.request<SignInResult>(method.sign_in, {});
    let begun: () => void = () => undefined;
    const began = new Promise<void>((resolve) => (begun = resolve));
    const progress = await wire.progress<WorkDoneProgress>(({ kind }) => {
      if (kind === 'begin') begun();
    });
    const waiting = wire.request(method.execute_command, {
      command: command.finish_device_flow,
      workDoneToken: progress.token,
    });
    await began;
    await wire.notify(method.work_done_cancel, { token: progress.token });
    await assert.rejects(waiting, (error) => isCancelled(error));
  });

  test('the models that are offered can all be asked', async () => {
    const wire = await open();
    const { data } = await wire.request<ModelList>(method.models, {});
    const served = data.filter(isServed);
    assert.ok(served.length > 10);
    for (const { id } of served) {
      const { text } = await answerTo(wire, [question('Hello')], {}, id);
      assert.match(text, /Hello! You wrote “Hello”/, id);
    }
  });

  test('an answer comes in pieces, with the thoughts of the model', async () => {
    const wire = await open();
    const { text, pieces } = await answerTo(wire, [question('Hello')]);
    assert.match(text, /every byte took the way/);
    assert.ok(pieces > 3, `${pieces} pieces`);
    await world.sim.scenario('chat_reasoning_late');
    assert.deepEqual(await answerTo(wire, [question('2+2?')]), {
      text: 'Four.',
      thinking: 'Let me think.',
      opaque: 'b3BhcXVl',
      calls: [],
      pieces: 2,
    });
  });

  test('a tool is called, its result goes back, and the agent is said to be asking', async () => {
    const wire = await open();
    const read = {
      name: 'read_file',
      description: 'Reads a file',
      inputSchema: { type: 'object', properties: { file: { type: 'string' } } },
    };
    const asked = question('Please read_file notes');
    const first = await answerTo(wire, [asked], { tools: [read] });
    assert.deepEqual(first.calls, [['read_file', { file: 'notes' }]]);
    const second = await answerTo(
      wire,
      [
        asked,
        { role: 2, content: [{ callId: 'c1', name: 'read_file', input: { file: 'notes' } }] },
        { role: 1, content: [{ callId: 'c1', content: [{ value: 'Buy milk' }] }] },
      ],
      { tools: [read] },
    );
    assert.match(second.text, /The tool answered “Buy milk”/);
    const asks = await world.sim.wait('complete', { path: '/chat/completions', n: 2 });
    assert.deepEqual(
      asks.map(({ headers }) => headers['x-initiator']),
      ['user', 'agent'],
    );
  });

  test('an image goes along', async () => {
    const wire = await open();
    const image = { mimeType: 'image/png', data: Buffer.from('89504e470d0a1a0a', 'hex') };
    const { text } = await answerTo(wire, [
      { role: 1, content: [{ value: 'What is it?' }, image] },
    ]);
    assert.match(text, /What is it\?/);
    const [asked] = await world.sim.wait('complete', { path: '/chat/completions', n: 1 });
    assert.equal(asked?.headers['copilot-vision-request'], 'true');
    assert.match(JSON.stringify(asked.body), /data:image\/png;base64,iVBORw0KGgo=/);
  });

  test('thinking effort is passed on', async () => {
    const wire = await open();
    await answerTo(wire, [question('Hello')], { reasoningEffort: 'high' }, 'gpt-5-mini');
    const [asked] = await world.sim.wait('complete', { path: '/chat/completions', n: 1 });
    assert.match(JSON.stringify(asked?.body), /"reasoning_effort":"high"/);
  });

  test('cancelling closes the connection to Copilot', async () => {
    await world.sim.scenario('chat_stall_midstream');
    const wire = await open();
    const source = new CancellationTokenSource();
    const request = toRequest('gpt-4.1', [question('Tell me everything')], {});
    const listener = {
      text: () => {
        source.cancel();
      },
      thinking: () => undefined,
      toolCall: () => undefined,
    };
    await assert.rejects(ask(wire, request, listener, source.token), (error) => isCancelled(error));
    await world.sim.wait('closed', { path: '/chat/completions', n: 1 });
  });

  test('what Copilot says no to has the product’s phrase, its code and a button', async () => {
    const failing = (rule: object) =>
      world.sim.scenario({ rules: [{ on: CHAT, ...rule }], replace: true });
    const problem = async (wire: Awaited<ReturnType<typeof open>>, model?: string) => {
      const asked = answerTo(wire, [question('Hello')], {}, model);
      return problemOf(
        await asked.then(
          () => assert.fail('it was answered'),
          (error: unknown) => error,
        ),
      );
    };
    const wire = await open();
    const unknown = await problem(wire, 'gpt-9');
    assert.match(unknown.message, /^Model 'gpt-9' not found/);
    assert.deepEqual([unknown.kind, unknown.button.command], ['NotFound', 'jumpseat.showModels']);

    await failing({
      do: {
        status: 400,
        body: {
          error: { code: 'model_not_supported', message: 'The requested model is not supported.' },
        },
      },
    });
    const withdrawn = await problem(wire);
    assert.match(withdrawn.message, /^Model 'gpt-4.1' not found/);
    assert.equal(withdrawn.code, 'model_not_found');

    await failing({
      do: {
        status: 402,
        body: { error: { code: 'quota_exceeded', message: 'You have no quota left.' } },
      },
    });
    const quota = await problem(wire);
    assert.match(quota.message, /^Quota used up/);
    assert.deepEqual(
      [quota.kind, quota.code, quota.button.command],
      ['Blocked', 'insufficient_quota', 'jumpseat.showAccount'],
    );

    await failing({ do: { status: 429, headers: { 'retry-after': '7' }, body: 'slow down' } });
    const limited = await problem(wire);
    assert.match(limited.message, /^Rate limit exceeded/);
    assert.equal(limited.kind, 'Blocked');

    await world.sim.scenario('exchange_403_no_seat');
    const seatless = await problem(await open());
    assert.match(seatless.message, /GitHub gave no Copilot token: No Copilot seat for octocat/);
    assert.deepEqual(
      [seatless.kind, seatless.code, seatless.button.title, seatless.button.command],
      ['NoPermissions', 'no_copilot_access', 'Open GitHub', 'vscode.open'],
    );

    const nobody = await problem(await open({}, 'no token'));
    assert.match(nobody.message, /^Missing required GitHub configuration: GITHUB_TOKEN/);
    assert.deepEqual([nobody.kind, nobody.button.command], ['NoPermissions', 'jumpseat.signIn']);

    const offline = await problem(
      await open(world.tools.upstream_env(await world.tools.closed_port())),
    );
    assert.deepEqual([offline.kind, offline.button.command], ['Other', 'jumpseat.runDoctor']);
  });

  test('a process that is killed in the middle says so, and its end is reported once', async () => {
    await world.sim.scenario('chat_stall_midstream');
    const ends: string[] = [];
    let ended: () => void = () => undefined;
    const end = new Promise<void>((resolve) => (ended = resolve));
    const one = await world.start({}, 'token', {
      onCrash: (how) => {
        ends.push(how);
        ended();
      },
    });
    const asked = answerTo(wireOf(one), [question('Hello')]);
    asked.catch(() => undefined);
    await world.sim.wait('stalled', { path: '/chat/completions', n: 1 });
    process.kill(one.pid ?? 0, 'SIGKILL');
    await assert.rejects(asked, (error) => problemOf(error).code === 'connection_gone');
    await end;
    assert.deepEqual(ends, ['was ended by SIGKILL']);
  });
});

describe('a program that is no good', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'jumpseat-programs-'))));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  function script(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, `#!${process.execPath}\n${text}`);
    chmodSync(path, 0o755);
    return path;
  }

  /** One that answers `initialize` as it is told. */
  const answering = (result: object) => `
    process.stdin.once('data', (piece) => {
      const id = JSON.parse(String(piece).split('\\r\\n\\r\\n')[1]).id;
      const text = JSON.stringify({ jsonrpc: '2.0', id, result: ${JSON.stringify(result)} });
      process.stdout.write('Content-Length: ' + text.length + '\\r\\n\\r\\n' + text);
    });
    process.stdin.resume();`;

  async function failureOf(path: string, limitMs?: number): Promise<StartFailure> {
    const started = start(path, process.env, limitMs === undefined ? {} : { limitMs });
    const error = await started.then(
      () => assert.fail('it started'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof StartFailure, String(error));
    assert.ok(error.message.includes(path), error.message);
    return error;
  }

  test('prints rubbish', async () => {
    const path = script(
      'rubbish',
      `console.log('Welcome to \\x1b[1mfrobnicate'); setInterval(() => {}, 1000);`,
    );
    const { kind, message } = await failureOf(path);
    assert.equal(kind, 'rubbish');
    assert.match(message, /it said “Welcome to \[1mfrobnicate”/);
  });

  test('hangs at initialize', async () => {
    const { kind, message } = await failureOf(script('silent', 'process.stdin.resume();'), 1000);
    assert.equal(kind, 'silent');
    assert.match(message, /has not answered for 1 seconds/);
  });

  test('is not waited for any longer when the start is given up', async () => {
    const path = script('waiting', 'process.stdin.resume();');
    const giveUp = new AbortController();
    const started = start(path, process.env, { signal: giveUp.signal });
    giveUp.abort();
    await assert.rejects(started, (error) => (error as StartFailure).kind === 'stopped');
    // One that has been greeted: it says so on stderr, which ends up in the log.
    const greeted = new AbortController();
    const saying = script('saying', `process.stdin.once('data', () => console.error('greeted'));`);
    const other = start(saying, process.env, {
      signal: greeted.signal,
      onLog: (line) => {
        if (line.includes('greeted')) greeted.abort();
      },
    });
    await assert.rejects(other, (error) => (error as StartFailure).kind === 'stopped');
  });

  test('ends at once, with a reason on stderr', async () => {
    const path = script('ending', `console.error('no such library'); process.exit(7);`);
    const { kind, message } = await failureOf(path);
    assert.equal(kind, 'ended');
    assert.match(message, /ended with code 7 before it was ready. It said: no such library/);
  });

  test('is too old, or something else', async () => {
    const capabilities = { executeCommandProvider: { commands: [] } };
    const old = script(
      'old',
      answering({ capabilities, serverInfo: { name: 'Jumpseat', version: '0.0.9' } }),
    );
    const aged = await failureOf(old);
    assert.equal(aged.kind, 'too_old');
    assert.match(aged.message, /is Jumpseat 0\.0\.9; this extension needs 0\.1\.0 or newer/);
    const other = script(
      'other',
      answering({ capabilities, serverInfo: { name: 'clangd', version: '19' } }),
    );
    assert.equal((await failureOf(other)).kind, 'not_jumpseat');
    assert.equal(
      (await failureOf(script('nobody', answering({ capabilities })))).kind,
      'not_jumpseat',
    );
  });

  test('is gone between the look and the start', async () => {
    assert.equal((await failureOf(join(folder, 'gone'))).kind, 'did_not_start');
  });
});

describe('the search for the program', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'jumpseat-search-'))));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  function file(name: string, mode = 0o755, bytes: string | Buffer = '#!/bin/sh\n'): string {
    const path = join(folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, bytes);
    chmodSync(path, mode);
    return path;
  }
  const nowhere = { setting: '', bundled: '/nowhere/jumpseat', path: '' };
  const kindOf = (search: Partial<typeof nowhere>) => {
    try {
      findProgram({ ...nowhere, ...search });
    } catch (error) {
      return (error as StartFailure).kind;
    }
    return assert.fail('something was found');
  };

  test('goes by the setting, then the bundled one, then PATH', () => {
    const [set, bundled] = [file('set/mine'), file('bundled/jumpseat')];
    const path = file('path/jumpseat');
    const all = { setting: set, bundled, path: `${folder}/empty:${folder}/path` };
    assert.deepEqual(findProgram(all), { path: set, origin: 'setting' });
    assert.deepEqual(findProgram({ ...all, setting: '' }), { path: bundled, origin: 'bundled' });
    assert.deepEqual(findProgram({ ...all, setting: '', bundled: '/nowhere' }), {
      path,
      origin: 'PATH',
    });
  });

  test('never takes another one than the setting names', () => {
    const bundled = file('bundled/jumpseat');
    assert.equal(kindOf({ setting: '/nowhere/jumpseat', bundled }), 'missing');
    assert.equal(kindOf({ setting: 'jumpseat', bundled }), 'missing');
    assert.equal(kindOf({ setting: folder, bundled }), 'not_executable');
    const whole = () => findProgram({ ...nowhere, setting: folder });
    assert.throws(whole, { message: /, which is no file\. Name the program itself\.$/ });
  });

  test('S11: a relative entry of PATH is no place to look', () => {
    file('jumpseat');
    const before = process.cwd();
    process.chdir(folder);
    try {
      assert.equal(kindOf({ path: `.::bin:${folder}/empty` }), 'missing');
    } finally {
      process.chdir(before);
    }
  });

  test('says when a file may not be executed', { skip: process.platform === 'win32' }, () => {
    assert.equal(kindOf({ setting: file('plain', 0o644) }), 'not_executable');
  });

  test('says when a program is another machine’s', () => {
    const head = Buffer.alloc(64);
    head.write('\x7fELF', 'latin1');
    head[5] = 1;
    head.writeUInt16LE(process.arch === 'arm64' ? 62 : 183, 18);
    assert.equal(kindOf({ setting: file('foreign', 0o755, head) }), 'wrong_architecture');
    const own = findProgram({ ...nowhere, setting: world.tools.binary() });
    assert.equal(own.origin, 'setting');
    assert.match(execFileSync(own.path, ['--version'], { encoding: 'utf8' }), /0\.1/);
  });
});
