// A session through the libraries that VS Code's own clients are made of: vscode-jsonrpc for the envelope,
// cancellation and progress, vscode-languageserver-protocol for the requests.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import rpc from 'vscode-jsonrpc/node.js';
import lsp from 'vscode-languageserver-protocol/node.js';
import { Home, in_time, known_token, spawn_program, start_simulator } from './harness.mjs';

const FINISH = 'github.copilot.finishDeviceFlow';

let sim;
let home;
let child;
let ended;
let stderr;
before(async () => (sim = await start_simulator()));
after(() => sim.stop());
beforeEach(async () => {
  await sim.reset();
  home = new Home();
});
afterEach(async () => {
  child.kill('SIGKILL');
  await ended;
  home.remove();
});

/// The program with a connection on its pipes.
function connect(env = {}) {
  child = spawn_program(['--stdio'], { env: home.env(sim.env, env), cwd: home.work });
  ended = new Promise((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal })),
  );
  stderr = '';
  child.stderr.on('data', (text) => (stderr += text));
  const connection = lsp.createProtocolConnection(
    new rpc.StreamMessageReader(child.stdout),
    new rpc.StreamMessageWriter(child.stdin),
  );
  connection.onError(([error]) => {
    throw error;
  });
  return connection;
}

/// The next notification that fits.
function heard(connection, type, fits = () => true) {
  return in_time(
    new Promise((resolve) => {
      const listener = connection.onNotification(type, (params) => {
        if (!fits(params)) return;
        listener.dispose();
        resolve(params);
      });
    }),
    `a notification ${type.method ?? type}`,
  );
}

async function begin(connection, capabilities = {}) {
  connection.listen();
  const result = await connection.sendRequest(lsp.InitializeRequest.type, {
    processId: process.pid,
    clientInfo: { name: 'test' },
    rootUri: null,
    capabilities,
    initializationOptions: {
      editorInfo: { name: 'Test', version: '1' },
      editorPluginInfo: { name: 'e2e', version: '1' },
    },
    workspaceFolders: null,
  });
  await connection.sendNotification(lsp.InitializedNotification.type, {});
  return result;
}

async function end(connection) {
  await connection.sendRequest(lsp.ShutdownRequest.type);
  await connection.sendNotification(lsp.ExitNotification.type);
  assert.deepEqual(await in_time(ended, 'the end of the program'), { code: 0, signal: null });
  connection.dispose();
}

const chunk_type = new rpc.ProgressType();
const chat_type = new rpc.RequestType('jumpseat/chat');

describe('vscode-jsonrpc', () => {
  test('sign in, chat with progress, cancel, shut down', async () => {
    await sim.settings({ person: 'manual' });
    const connection = connect();
    const shown = new Promise((resolve) =>
      connection.onRequest(lsp.ShowDocumentRequest.type, (params) => {
        resolve(params);
        return { success: true };
      }),
    );
    const result = await begin(connection, {
      window: { showDocument: { support: true }, workDoneProgress: true },
    });
    assert.equal(result.serverInfo.name, 'Jumpseat');
    assert.deepEqual(result.capabilities.executeCommandProvider.commands, [FINISH]);

    // Sign in.
    const prompt = await connection.sendRequest('signIn', {});
    assert.equal(prompt.status, 'PromptUserDeviceFlow');
    assert.match(prompt.userCode, /^[A-Z0-9]{4}-[A-Z0-9]{4}$/);
    assert.equal(prompt.command.command, FINISH);
    const again = await connection.sendRequest('signIn', {});
    assert.equal(again.userCode, prompt.userCode, 'one sign-in at a time');
    const progress = [];
    const token = 'sign-in progress';
    connection.onProgress(lsp.WorkDoneProgress.type, token, (value) => progress.push(value.kind));
    const normal = heard(
      connection,
      'didChangeStatus',
      (params) => params.kind === 'Normal' && !params.busy,
    );
    const finished = connection.sendRequest(lsp.ExecuteCommandRequest.type, {
      command: FINISH,
      arguments: [],
      workDoneToken: token,
    });
    assert.deepEqual(await in_time(shown, 'the page to be shown'), {
      uri: prompt.verificationUri,
      external: true,
    });
    await sim.person('approve', prompt.userCode);
    assert.deepEqual(await finished, { status: 'OK', user: 'octocat' });
    await normal;
    assert.deepEqual([progress[0], progress.at(-1)], ['begin', 'end']);

    // Chat with progress, by a token that the library makes.
    for (const partialResultToken of ['a string', 7]) {
      const chunks = [];
      const listener = connection.onProgress(chunk_type, partialResultToken, (chunk) =>
        chunks.push(chunk),
      );
      const answer = await connection.sendRequest(chat_type, {
        model: 'gpt-4.1',
        messages: [{ role: 'user', content: 'Grüß dich 👋' }],
        partialResultToken,
      });
      listener.dispose();
      assert.equal(answer.object, 'chat.completion');
      assert.ok(chunks.length > 3);
      assert.ok(
        chunks.every((chunk) => chunk.object === 'chat.completion.chunk' && chunk.id === answer.id),
      );
      const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
      assert.equal(text, answer.choices[0].message.content);
      assert.match(text, /Grüß dich 👋/);
    }

    // Cancel.
    await sim.scenario('chat_stall_midstream?chunks=2');
    const source = new rpc.CancellationTokenSource();
    const first_chunk = new Promise((resolve) =>
      connection.onProgress(chunk_type, 'cancelled', resolve),
    );
    const pending = connection.sendRequest(
      chat_type,
      { messages: [{ role: 'user', content: 'hi' }], partialResultToken: 'cancelled' },
      source.token,
    );
    await in_time(first_chunk, 'the first chunk');
    source.cancel();
    await assert.rejects(pending, (error) => {
      assert.ok(error instanceof rpc.ResponseError);
      assert.equal(error.code, lsp.LSPErrorCodes.RequestCancelled);
      assert.equal(error.data.code, 'cancelled');
      return true;
    });
    await sim.wait('closed', { path: '/chat/completions' });

    // Sign out.
    const out = heard(connection, 'didChangeStatus', (params) => params.kind === 'Error');
    assert.equal((await connection.sendRequest('signOut', {})).status, 'NotSignedIn');
    assert.match((await out).message, /not signed into/);
    await assert.rejects(
      connection.sendRequest(chat_type, { messages: [{ role: 'user', content: 'hi' }] }),
      (error) => {
        assert.equal(error.code, 1000);
        assert.equal(error.data.signIn, 'signIn');
        return true;
      },
    );
    await end(connection);
    assert.equal(stderr, '');
  });

  test('many chats at once, some cancelled', async () => {
    await sim.scenario('chat_hold_midstream?chunks=3');
    const connection = connect({ GITHUB_TOKEN: await known_token(sim) });
    await begin(connection);
    const sources = Array.from({ length: 20 }, () => new rpc.CancellationTokenSource());
    const chats = sources.map((source) =>
      connection
        .sendRequest(chat_type, { messages: [{ role: 'user', content: 'hi' }] }, source.token)
        .then(
          (answer) => answer.choices[0].message.content,
          (error) => error.code,
        ),
    );
    await sim.wait('stalled', { path: '/chat/completions', n: 20 });
    for (const [at, source] of sources.entries()) if (at % 2 === 1) source.cancel();
    await sim.wait('closed', { path: '/chat/completions', n: 10 });
    await sim.release('chat');
    const outcomes = await in_time(Promise.all(chats), 'all chats');
    for (const [at, outcome] of outcomes.entries()) {
      assert.equal(
        outcome,
        at % 2 === 1 ? lsp.LSPErrorCodes.RequestCancelled : 'Hello there, Done',
      );
    }
    await end(connection);
  });

  test('unknown methods and wrong params are errors of the protocol', async () => {
    const connection = connect();
    await begin(connection);
    await assert.rejects(connection.sendRequest('textDocument/hover', {}), {
      code: rpc.ErrorCodes.MethodNotFound,
    });
    await assert.rejects(connection.sendRequest('checkStatus', { localChecksOnly: 3 }), {
      code: rpc.ErrorCodes.InvalidParams,
    });
    await connection.sendNotification('textDocument/didOpen', {});
    await connection.sendNotification(lsp.SetTraceNotification.type, { value: 'verbose' });
    assert.equal((await connection.sendRequest('checkStatus', {})).status, 'NotSignedIn');
    await end(connection);
  });

  test('a client that answers showDocument with an error does not keep anybody from signing in', async () => {
    const connection = connect();
    connection.onRequest(
      lsp.ShowDocumentRequest.type,
      () => new rpc.ResponseError(-32603, 'no browser'),
    );
    await begin(connection, { window: { showDocument: { support: true } } });
    await connection.sendRequest('signIn', {});
    const { status } = await connection.sendRequest(lsp.ExecuteCommandRequest.type, {
      command: FINISH,
    });
    assert.equal(status, 'OK');
    await end(connection);
  });
});
