// Faults of the editor: each test is named by its row of the fault matrix. Whatever an editor sends, or stops
// doing, each request has exactly one answer, the session lives where it can, and nothing is left behind.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import {
  Editor,
  Home,
  assert_grew,
  eventually,
  frame,
  known_token,
  start_simulator,
} from './harness.mjs';

const CHAT = '/chat/completions';
const MB = 1024 * 1024;
const LOCAL = { localChecksOnly: true };

let sim;
const open = [];
before(async () => (sim = await start_simulator()));
after(() => sim.stop());
afterEach(async () => {
  for (const { editor, home } of open.splice(0)) {
    await editor.kill();
    home.remove();
  }
});

async function session({
  scenarios = [],
  begin = true,
  env = {},
  home = new Home(),
  params,
  ...options
} = {}) {
  await sim.reset();
  for (const one of scenarios) await sim.scenario(one);
  const editor = new Editor({
    env: home.env(sim.env, { GITHUB_TOKEN: await known_token(sim) }, env),
    cwd: home.work,
    ...options,
  });
  open.push({ editor, home });
  if (begin) await editor.begin(params);
  return editor;
}

/// A chat of which some text has come and which then stalls.
async function stalled_chat(editor, token = 't') {
  const pending = editor.chat({ partialResultToken: token });
  await sim.wait('stalled', { path: CHAT });
  await editor.notification('$/progress', (params) => params.token === token);
  return pending;
}

const refused =
  (code, id = null) =>
  (value) =>
    value.error?.code === code && value.id === id;

describe('cancelling', () => {
  test('C1: a cancelled chat closes the upstream connection', async () => {
    const editor = await session({ scenarios: ['chat_stall_midstream'] });
    const pending = editor.chat({ partialResultToken: 't' });
    await sim.wait('stalled', { path: CHAT });
    editor.notify('$/cancelRequest', { id: pending.id });
    const answer = await pending;
    assert.equal(answer.error.code, -32800);
    assert.equal(answer.error.data.code, 'cancelled');
    await sim.wait('closed', { path: CHAT });
    assert.equal(editor.answers(pending.id), 1);
    await sim.clear_rules();
    assert.ok((await editor.chat()).result);
    await editor.end();
  });

  test('C1: cancelling works before the first byte and before the token is there', async () => {
    for (const [scenario, path] of [
      ['chat_stall_before_headers', CHAT],
      ['chat_request_unread', CHAT],
      ['models_stall', '/models'],
      ['exchange_stall', '/copilot_internal/v2/token'],
    ]) {
      const editor = await session({ scenarios: [scenario] });
      const pending = editor.chat();
      await sim.wait('stalled', { path });
      editor.notify('$/cancelRequest', { id: pending.id });
      assert.equal((await pending).error.code, -32800, scenario);
      if (path === CHAT) await sim.wait('closed', { path });
      await editor.end();
    }
  });

  test('C1: one cancelled chat does not disturb the others', async () => {
    const editor = await session({ scenarios: ['chat_hold_midstream?chunks=2'] });
    const chats = Array.from({ length: 8 }, (_, at) => editor.chat({ partialResultToken: at }));
    await sim.wait('stalled', { path: CHAT, n: 8 });
    editor.notify('$/cancelRequest', { id: chats[3].id });
    assert.equal((await chats[3]).error.code, -32800);
    await sim.wait('closed', { path: CHAT });
    await sim.release('chat');
    for (const [at, chat] of chats.entries()) {
      if (at !== 3)
        assert.equal((await chat).result.choices[0].message.content, 'Hello there Done');
    }
    await editor.end();
  });

  test('C9: 10,000 cancels of ids that are not there, or not any more, do nothing', async () => {
    const editor = await session();
    const done = editor.request('checkStatus', LOCAL);
    await done;
    const storm = [];
    for (let i = 0; i < 10_000; i++) {
      const id = i % 3 === 0 ? done.id : i % 3 === 1 ? `never-${i}` : 100_000 + i;
      storm.push(frame({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id } }));
    }
    editor.write(Buffer.concat(storm));
    assert.ok((await editor.request('checkStatus', LOCAL)).result);
    assert.equal(editor.answers(done.id), 1);
    await editor.end();
  });

  test('C9: requests that are cancelled at once have exactly one answer each', async () => {
    const editor = await session({ scenarios: ['models_hold'] });
    const from = editor.messages.length;
    const count = 1000;
    const storm = [];
    for (let i = 0; i < count; i++) {
      storm.push(frame({ jsonrpc: '2.0', id: `m${i}`, method: 'jumpseat/models', params: {} }));
      for (let again = 0; again < 3; again++) {
        storm.push(frame({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: `m${i}` } }));
      }
    }
    editor.write(Buffer.concat(storm));
    const of_storm = () =>
      editor.messages.slice(from).filter(({ value }) => String(value.id).startsWith('m'));
    await eventually(() => of_storm().length >= count, 'all answers');
    assert.ok((await editor.request('checkStatus', LOCAL)).result);
    const answers = of_storm();
    assert.equal(answers.length, count);
    assert.equal(new Set(answers.map(({ value }) => value.id)).size, count);
    assert.ok(answers.every(({ value }) => value.error?.code === -32800));
    await sim.release('models');
    assert.ok((await editor.request('jumpseat/models', {})).result);
    await editor.end();
  });

  test('C9: malformed cancels are ignored', async () => {
    const editor = await session();
    for (const params of [
      undefined,
      null,
      {},
      { id: null },
      { id: {} },
      [],
      [7, 8],
      { id: 'x'.repeat(10_000) },
    ]) {
      editor.notify('$/cancelRequest', params);
    }
    assert.ok((await editor.request('checkStatus', LOCAL)).result);
    await editor.end();
  });
});

describe('messages', () => {
  test('C5: a message above 32 MB is refused and skipped to the byte; the session lives', async () => {
    const editor = await session();
    const idle = editor.memory();
    const size = 33 * MB;
    const from = editor.messages.length;
    editor.write(`Content-Length: ${size}\r\n\r\n`);
    const piece = Buffer.alloc(MB, 'x');
    for (let sent = 0; sent < size; sent += MB) {
      if (!editor.child.stdin.write(piece))
        await new Promise((go) => editor.child.stdin.once('drain', go));
    }
    const { value } = await editor.wait_for(refused(-32600), 'the refusal', { from });
    assert.match(value.error.message, /34603008.*32 MiB/);
    assert.ok((await editor.request('checkStatus', LOCAL)).result);
    assert_grew(editor.memory() - idle, 8 * MB);
    await editor.end();
  });

  test('C5: a prompt of many megabytes goes through', async () => {
    const editor = await session({ scenarios: ['bench?chunks=2&every_ms=0'] });
    const content = 'ä'.repeat(5 * MB);
    assert.ok((await editor.chat({ content })).result);
    const [request] = await sim.requests({ path: CHAT });
    assert.ok(Number(request.headers['content-length']) > content.length);
    await editor.end();
  });

  test('C6: deep nesting is refused, not a crash', async () => {
    const editor = await session();
    for (const [open_, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ]) {
      const from = editor.messages.length;
      const deep = open_.repeat(10_000) + '1' + close.repeat(10_000);
      editor.send(`{"jsonrpc":"2.0","id":77,"method":"checkStatus","params":{"x":${deep}}}`);
      await editor.wait_for((value) => value.error?.code === -32700, 'a refusal', { from });
    }
    // 100 levels are fine.
    const answer = editor.answer_to(78, { from: editor.messages.length });
    editor.send(
      `{"jsonrpc":"2.0","id":78,"method":"checkStatus","params":{"localChecksOnly":true,"x":${'['.repeat(100)}${']'.repeat(100)}}}`,
    );
    assert.ok((await answer).result);
    await editor.end();
  });

  test('C6: a million keys and a number of a megabyte are answered', async () => {
    const editor = await session();
    const keys = Array.from({ length: 1_000_000 }, (_, at) => `"k${at}":0`).join(',');
    editor.send(`{"jsonrpc":"2.0","id":1001,"method":"checkStatus","params":{${keys}}}`);
    editor.send(
      `{"jsonrpc":"2.0","id":1002,"method":"checkStatus","params":{"x":${'9'.repeat(MB)}}}`,
    );
    editor.send(`{"jsonrpc":"2.0","id":${'1'.repeat(1000)},"method":"checkStatus","params":{}}`);
    for (const id of [1001, 1002]) {
      const { value } = await editor.wait_for((one) => one.id === id, `the answer to ${id}`);
      assert.ok(value.result || value.error);
    }
    assert.ok((await editor.request('checkStatus', LOCAL)).result);
    await editor.end();
  });

  test('C6: of two members with one name, what is checked is what is sent', async () => {
    const editor = await session();
    for (const params of [
      '{"model":"gpt-4.1","model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}',
      '{"messages":[{"role":"user","content":"hi"}],"max_tokens":5,"max_tokens":999999}',
      '{"messages":[{"role":"user","content":"hi"}],"messages":[{"role":"tool","tool_call_id":"c","content":"x"}]}',
    ]) {
      const before_ = (await sim.requests({ path: CHAT })).length;
      const id = `twice-${before_}-${params.length}`;
      editor.send(`{"jsonrpc":"2.0","id":"${id}","method":"jumpseat/chat","params":${params}}`);
      const answer = await editor.answer_to(id);
      const sent = (await sim.requests({ path: CHAT })).slice(before_);
      if (answer.error) {
        assert.equal(answer.error.code, -32602);
        assert.equal(sent.length, 0);
      } else {
        const text = JSON.stringify(sent[0].body);
        assert.equal(sent.length, 1);
        assert.ok((sent[0].body.max_tokens ?? 1) <= 8192, text);
        const last = sent[0].body.messages.at(-1).role;
        assert.equal(sent[0].headers['x-initiator'], last === 'user' ? 'user' : 'agent');
      }
    }
    await editor.end();
  });

  test('C7: bytes that are not UTF-8 are refused; escapes of half characters are text', async () => {
    const editor = await session();
    const bytes = (hex) => {
      const body = Buffer.concat([
        Buffer.from('{"jsonrpc":"2.0","id":5,"method":"checkStatus","params":{"x":"'),
        Buffer.from(hex, 'hex'),
        Buffer.from('"}}'),
      ]);
      return Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]);
    };
    for (const hex of ['ff', 'c3', 'c0af', 'eda080', 'f4908080', '80', '00', '0a']) {
      const from = editor.messages.length;
      editor.write(bytes(hex));
      await editor.wait_for(refused(-32700), `the refusal of ${hex}`, { from });
    }
    for (const text of [
      '\\ud800',
      '\\udc00\\ud800',
      '\\u0000',
      'a\\ud83dz',
      '\u{1F44B}',
      '\\uFEFF',
    ]) {
      editor.send(
        `{"jsonrpc":"2.0","id":"lone ${text}","method":"checkStatus","params":{"localChecksOnly":true,"x":"${text}"}}`,
      );
      const wanted = JSON.parse(`"lone ${text}"`);
      const { text: raw } = await editor.wait_for(
        (value) => value.id === wanted,
        `the answer to ${text}`,
      );
      assert.ok(raw.includes(`"lone ${text}"`), `the id came back as ${raw.slice(0, 80)}`);
    }
    await editor.end();
  });

  test('C7: a lone surrogate in a prompt reaches upstream as it is', async () => {
    const editor = await session({ scenarios: ['bench?chunks=1&every_ms=0'] });
    editor.send(
      '{"jsonrpc":"2.0","id":"s","method":"jumpseat/chat","params":{"messages":[{"role":"user","content":"half \\ud83d of it \\u0000"}]}}',
    );
    const answer = await editor.answer_to('s');
    assert.ok(
      answer.result || answer.error.data.code === 'invalid_request',
      JSON.stringify(answer),
    );
    await editor.end();
  });

  test('C7: a byte-order mark before a message is tolerated or refused, never a crash', async () => {
    const editor = await session();
    const from = editor.messages.length;
    editor.send(
      '\uFEFF{"jsonrpc":"2.0","id":6,"method":"checkStatus","params":{"localChecksOnly":true}}',
    );
    await editor.wait_for((value) => value.id === 6 || value.error?.code === -32700, 'an answer', {
      from,
    });
    assert.ok((await editor.request('checkStatus', LOCAL)).result);
    await editor.end();
  });

  test('C8: the second of two requests with one id is refused, the first is unaffected', async () => {
    for (const id of [0, '', 'x', 1.5]) {
      const editor = await session({ scenarios: ['chat_hold_midstream?chunks=1'] });
      editor.chat({}, { id }).catch(() => {});
      await sim.wait('stalled', { path: CHAT });
      editor.send({ id, method: 'checkStatus', params: LOCAL });
      await editor.wait_for(refused(-32600, id), 'the refusal');
      await sim.release('chat');
      const { value } = await editor.wait_for(
        (one) => one.id === id && one.result,
        'the first answer',
      );
      assert.equal(value.result.choices[0].message.content, 'Hello Done');
      assert.equal(editor.answers(id), 2);
      await editor.end();
    }
  });
});

describe('framing', () => {
  const body = '{"jsonrpc":"2.0","id":9,"method":"checkStatus","params":{"localChecksOnly":true}}';
  const n = Buffer.byteLength(body);

  test('C11: what editors get away with elsewhere works here', async () => {
    for (const head of [
      `content-length: ${n}\r\n\r\n`,
      `CONTENT-LENGTH:${n}\r\n\r\n`,
      `Content-Length:   ${n}  \r\n\r\n`,
      `Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: ${n}\r\n\r\n`,
      `Content-Length: ${n}\r\nContent-Type: application/vscode-jsonrpc; charset=utf8\r\n\r\n`,
      `X-Unknown: 1\r\nContent-Length: ${n}\r\n\r\n`,
      `\r\n\r\nContent-Length: ${n}\r\n\r\n`,
    ]) {
      const editor = await session();
      editor.write(head + body);
      assert.ok((await editor.answer_to(9)).result, head);
      await editor.end();
    }
  });

  test('C11: a message that comes byte by byte is a message', async () => {
    const editor = await session();
    for (const byte of frame(body)) {
      editor.write(Buffer.of(byte));
      await new Promise((go) => setImmediate(go));
    }
    assert.ok((await editor.answer_to(9)).result);
    await editor.end();
  });

  test('C11: what is no frame ends the session with one error and exit code 1', async () => {
    for (const bytes of [
      `${body}\r\n`,
      'hello\r\n\r\n',
      'Content-Length: -5\r\n\r\n',
      'Content-Length: 99999999999999999999\r\n\r\n',
      'Content-Length: 1x\r\n\r\n',
      'Content-Length:\r\n\r\n',
      `Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
      'Content-Type: text/plain\r\n\r\n',
      `${'X-Long: '.padEnd(MB, 'y')}\r\n\r\n`,
      'A'.repeat(MB),
    ]) {
      const editor = await session();
      const from = editor.messages.length;
      editor.write(bytes);
      const { code } = await editor.ended();
      const what = JSON.stringify(bytes.slice(0, 60));
      assert.equal(code, 1, what);
      const errors = editor.messages.slice(from).filter(({ value }) => value.error);
      assert.equal(errors.length, 1, what);
      assert.equal(errors[0].value.id, null, what);
      assert.equal(errors[0].value.error.code, -32700, what);
    }
  });

  test('C11: bare line feeds are read or refused, but never hang', async () => {
    const editor = await session();
    editor.write(`Content-Length: ${n}\n\n${body}`);
    const outcome = await Promise.race([editor.answer_to(9).catch(() => 'ended'), editor.ended()]);
    if (outcome.result) await editor.end();
    else assert.equal((await editor.ended()).code, 1);
  });
});

describe('ends', () => {
  test('C10: exit codes say whether the end was orderly', async () => {
    const orderly = await session();
    await orderly.end();

    const abrupt = await session();
    abrupt.notify('exit');
    assert.equal((await abrupt.ended()).code, 1);

    const at_once = await session({ begin: false });
    at_once.notify('exit');
    assert.equal((await at_once.ended()).code, 1);
  });

  test('C12: the end of the input ends the program, idle or in a stream', async (t) => {
    const idle = await session();
    const idle_end = performance.now();
    idle.child.stdin.end();
    assert.equal((await idle.ended()).code, 0);
    t.diagnostic(`idle: ${(performance.now() - idle_end).toFixed(1)} ms`);

    const before_any = await session({ begin: false });
    before_any.child.stdin.end();
    assert.equal((await before_any.ended()).code, 0);

    const busy = await session({ scenarios: ['chat_stall_midstream'] });
    const pending = stalled_chat(busy);
    const chat = await Promise.race([
      pending.then(() => null),
      sim.wait('stalled', { path: CHAT }),
    ]);
    assert.ok(chat);
    const busy_end = performance.now();
    busy.child.stdin.end();
    assert.equal((await busy.ended()).code, 0);
    const took = performance.now() - busy_end;
    t.diagnostic(`in a stream: ${took.toFixed(1)} ms`);
    // 500 ms on a quiet machine.
    assert.ok(took < 2000, `${took} ms`);
    await sim.wait('closed', { path: CHAT });
    await sim.wait('open_connections', { n: 0 });
  });

  test('C12: half a message before the end changes nothing', async () => {
    const editor = await session();
    editor.child.stdin.end('Content-Length: 500\r\n\r\n{"jsonrpc":');
    assert.equal((await editor.ended()).code, 0);
  });

  test('C12: a pending sign-in does not keep the program', async () => {
    await sim.reset();
    await sim.settings({ person: 'manual' });
    const home = new Home();
    const editor = new Editor({ env: home.env(sim.env), cwd: home.work });
    open.push({ editor, home });
    await editor.begin();
    assert.ok((await editor.request('signIn', {})).result);
    const waiting = editor.request('signInConfirm', {});
    editor.child.stdin.end();
    assert.equal((await waiting).error.code, -32800);
    assert.equal((await editor.ended()).code, 0);
  });

  test('C13: an editor that closes our output ends the program, though its input stays open', async () => {
    const editor = await session({ scenarios: ['endless_events?on=POST%20/chat/completions'] });
    editor.chat({ partialResultToken: 't' }).catch(() => {});
    await editor.notification('$/progress');
    editor.child.stdout.destroy();
    const { code, signal } = await editor.ended(10_000);
    assert.deepEqual({ code, signal }, { code: 1, signal: null });
    await sim.wait('closed', { path: CHAT });
  });

  test('C13: an editor that does not read slows upstream down; memory stays bounded', async () => {
    const editor = await session({ scenarios: ['endless_events?on=POST%20/chat/completions'] });
    const pending = editor.chat({ partialResultToken: 't' });
    pending.catch(() => {});
    await editor.notification('$/progress');
    editor.child.stdout.pause();
    const before_ = editor.memory();
    // Upstream has come to a halt when nothing more is taken from it for a while.
    let last = -1;
    let still = 0;
    await eventually(
      async () => {
        const [{ bytes_sent }] = await sim.requests({ path: CHAT });
        still = bytes_sent === last ? still + 1 : 0;
        last = bytes_sent;
        return still >= 20;
      },
      'upstream to stall',
      { every_ms: 20 },
    );
    assert.ok(last < 32 * MB, `${last / MB} MB were taken`);
    assert_grew(editor.memory() - before_, 16 * MB);
    // And it is not stuck: it reads on, a cancel is heard, the session lives.
    editor.notify('$/cancelRequest', { id: pending.id });
    editor.child.stdout.resume();
    assert.equal((await pending).error.code, -32800);
    await sim.wait('closed', { path: CHAT });
    assert.ok((await editor.request('checkStatus', LOCAL)).result);
    await editor.end();
  });

  test('C13: an editor that asks and never reads is given up at 64 MB', async () => {
    const editor = await session();
    editor.child.stdout.pause();
    const idle = editor.memory();
    let most = idle;
    // Ids go back as they came, so each answer is as large as its request.
    for (let at = 0; at < 100 && editor.child.exitCode === null; at++) {
      const id = `${at}-`.padEnd(MB, 'x');
      if (
        !editor.child.stdin.write(
          frame({ jsonrpc: '2.0', id, method: 'checkStatus', params: LOCAL }),
        )
      ) {
        await eventually(
          () => editor.child.exitCode !== null || editor.child.stdin.writableLength === 0,
          'the message to be read',
        );
      }
      most = Math.max(most, editor.memory());
    }
    await eventually(() => editor.child.exitCode !== null, 'the program to give up');
    assert.equal(editor.child.exitCode, 1);
    assert_grew(most - idle, 96 * MB);
    editor.child.stdout.destroy();
  });

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
    test(`C14: ${signal} in a stream gives the chat its error and ends the program`, async () => {
      const editor = await session({ scenarios: ['chat_stall_midstream'] });
      const pending = editor.chat({ partialResultToken: 't' });
      await sim.wait('stalled', { path: CHAT });
      const begun = performance.now();
      editor.child.kill(signal);
      const answer = await pending;
      assert.equal(answer.error.data.code, 'cancelled');
      const end = await editor.ended();
      assert.equal(end.signal, null);
      assert.ok(end.code === 0 || end.code > 128, String(end.code));
      assert.ok(performance.now() - begun < 4000);
      assert.equal(editor.answers(pending.id), 1);
      await sim.wait('closed', { path: CHAT });
    });
  }

  test('C15: after SIGKILL in the middle of everything the next start is clean and still signed in', async () => {
    await sim.reset();
    const home = new Home();
    const env = home.env(sim.env);
    const first = new Editor({ env, cwd: home.work });
    open.push({ editor: first, home });
    await first.begin();
    await first.request('signIn', {});
    assert.equal((await first.request('signInConfirm', {})).result.status, 'OK');
    await sim.scenario('chat_stall_midstream');
    first.chat({ partialResultToken: 't' }).catch(() => {});
    await sim.wait('stalled', { path: CHAT });
    await first.kill();
    await sim.clear_rules();
    const exchanges = (await sim.requests({ path: '/copilot_internal/v2/token' })).length;

    const second = new Editor({ env, cwd: home.work });
    open.push({ editor: second, home });
    await second.begin();
    assert.equal((await second.request('checkStatus', {})).result.status, 'OK');
    assert.ok((await second.chat()).result);
    assert.equal(
      (await sim.requests({ path: '/copilot_internal/v2/token' })).length,
      exchanges,
      'the token was kept',
    );
    assert.equal(second.stderr, '');
    await second.end();
  });

  test('C16: the death of processId ends the program though the pipe stays open', async () => {
    const parent = spawn('sleep', ['1000']);
    try {
      const editor = await session({ params: { processId: parent.pid } });
      assert.ok((await editor.request('checkStatus', LOCAL)).result);
      const begun = performance.now();
      parent.kill('SIGKILL');
      assert.equal((await editor.ended()).code, 0);
      assert.ok(performance.now() - begun < 5000);
    } finally {
      parent.kill('SIGKILL');
    }
  });

  test('C16: the death of processId in a stream ends that as well', async () => {
    const parent = spawn('sleep', ['1000']);
    try {
      const editor = await session({
        scenarios: ['chat_stall_midstream'],
        params: { processId: parent.pid },
      });
      const pending = editor.chat();
      await sim.wait('stalled', { path: CHAT });
      parent.kill('SIGKILL');
      assert.equal((await pending).error.code, -32800);
      assert.equal((await editor.ended()).code, 0);
      await sim.wait('closed', { path: CHAT });
    } finally {
      parent.kill('SIGKILL');
    }
  });

  test('the program starts no other program and opens no port', async () => {
    const editor = await session();
    assert.ok((await editor.chat()).result);
    const tasks = `/proc/${editor.pid}/task`;
    for (const task of readdirSync(tasks)) {
      assert.equal(readFileSync(`${tasks}/${task}/children`, 'utf8').trim(), '');
    }
    const sockets = readdirSync(`/proc/${editor.pid}/fd`).length;
    assert.ok(sockets < 40, `${sockets} open files`);
    await editor.end();
  });
});
