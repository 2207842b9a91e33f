// Several programs on one machine and one database: one exchange for all of them, a sign-out that all of
// them see, and deaths at any moment. JUMPSEAT_KILLS is how often the last test kills (12; for a long run
// set it to thousands).

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Editor, binary, eventually, known_token, run, saved_sign_in } from './harness.mjs';
import { editors, home, sim } from './world.mjs';

const EXCHANGE = '/copilot_internal/v2/token';
const env = (more = {}) => home.env(sim.env, more);
const jumpseat = (args, more) => run(args, { cwd: home.work, env: env(more) });
const exchanges = async () => (await sim.requests({ path: EXCHANGE })).length;

async function sign_in(more) {
  const { code, stdout, stderr } = await jumpseat(['login', '--again'], more);
  assert.equal(code, 0, stdout + stderr);
}

/// What another program would find in the database.
function sql(text) {
  const script =
    'import sqlite3,sys\nd=sqlite3.connect(sys.argv[1],isolation_level=None)\nfor r in d.execute(sys.argv[2]): print(r[0])';
  const { status, stdout, stderr } = spawnSync('python3', ['-c', script, home.database, text]);
  assert.equal(status, 0, stderr.toString());
  return stdout.toString().trim();
}

async function start_editors(count, params, more) {
  const started = Array.from({ length: count }, () => new Editor({ env: env(more), cwd: home.work }));
  editors.push(...started);
  await Promise.all(started.map((editor) => editor.begin(params)));
  return started;
}

async function check(editor) {
  const answer = await editor.request('checkStatus', {});
  assert.ok(answer.result, JSON.stringify(answer));
  return answer.result;
}

describe('one exchange for all', () => {
  test('D8: eight processes whose token has died ask GitHub once', async () => {
    await sign_in();
    await sim.expire('copilot');
    const all = await start_editors(8);
    const mark = await exchanges();
    await sim.scenario('exchange_slow?ms=300');
    const answers = await Promise.all(all.map((editor) => editor.chat()));
    for (const answer of answers) assert.ok(answer.result, JSON.stringify(answer));
    assert.equal((await exchanges()) - mark, 1);
  });

  test('D8: eight processes with a sign-in and no token yet ask GitHub once', async () => {
    await saved_sign_in(sim, home);
    const all = await start_editors(8);
    const mark = await exchanges();
    await sim.scenario('exchange_slow?ms=300');
    const answers = await Promise.all(all.map((editor) => editor.request('checkStatus', {})));
    for (const { result } of answers) assert.equal(result.status, 'OK');
    assert.equal((await exchanges()) - mark, 1);
  });

  test('D8: eight processes with GITHUB_TOKEN and no database yet ask GitHub once, and the token is not stored', async () => {
    const token = await known_token(sim);
    const all = await start_editors(8, undefined, { GITHUB_TOKEN: token });
    await sim.scenario('exchange_slow?ms=300');
    const answers = await Promise.all(all.map((editor) => editor.chat()));
    for (const answer of answers) assert.ok(answer.result, JSON.stringify(answer));
    assert.equal(await exchanges(), 1);
    for (const name of readdirSync(home.data))
      assert.ok(!readFileSync(join(home.data, name)).includes(token), name);
  });

  test('a process that dies with the lock in its hand frees it at once', async () => {
    await saved_sign_in(sim, home);
    await sim.expire('copilot');
    const [first, second] = await start_editors(2);
    const mark = await exchanges();
    await sim.rule({ on: `GET ${EXCHANGE}`, times: 1, do: { before_headers: { stall: true } } });
    first.chat().catch(() => {});
    await sim.wait('stalled', { path: EXCHANGE });
    const answer = second.chat();
    await first.kill();
    assert.ok((await answer).result);
    assert.equal((await exchanges()) - mark, 2);
  });

  test('nobody holds the database while GitHub is slow', async () => {
    await saved_sign_in(sim, home);
    const [first] = await start_editors(1);
    await sim.rule({ on: `GET ${EXCHANGE}`, times: 1, do: { before_headers: { hold: 'exchange' } } });
    const answer = first.chat();
    await sim.wait('requests', { path: EXCHANGE });
    // Another process writes a sign-in meanwhile.
    const other = sign_in({ JUMPSEAT_ACCOUNT: 'work' });
    const there = () => sql('SELECT count(*) FROM accounts WHERE borrowed = 0') === '2';
    await eventually(there, 'the other sign-in in the database', { every_ms: 50 });
    await sim.release('exchange');
    assert.ok((await answer).result);
    await other;
  });

  test('D9: a refresh that fails deletes nothing; the token that another process got is used', async () => {
    await saved_sign_in(sim, home);
    const [editor] = await start_editors(1);
    assert.ok((await editor.chat()).result);
    await sim.expire('copilot');
    await sim.rule({ on: `GET ${EXCHANGE}`, times: 1, do: { status: 500, body: 'oops' } });
    const env_ = { MAX_RETRIES: '0' };
    assert.equal((await jumpseat(['chat', 'hi'], env_)).code, 5);
    assert.equal((await jumpseat(['status'], env_)).code, 0);
    const mark = await exchanges();
    assert.ok((await editor.chat()).result);
    assert.equal((await exchanges()) - mark, 0);
  });
});

describe('what one does, all see', () => {
  test('D10: a sign-out is seen within a second, asked or not', async () => {
    let took = Infinity;
    // More than once only on a machine that is too busy to tell.
    for (let round = 0; round < 3 && took >= 1000; ++round) {
      await saved_sign_in(sim, home);
      const [first, second] = await start_editors(2);
      assert.equal((await check(first)).status, 'OK');
      assert.equal((await check(second)).status, 'OK');
      const from = second.messages.length;
      const began = Date.now();
      await first.request('signOut', {});
      const pushed = await second.notification('didChangeStatus', (p) => p.kind === 'Error', { from });
      took = Date.now() - began;
      assert.match(pushed.message, /not signed into GitHub Copilot/);
      const { error } = await second.chat();
      assert.equal(error.data.code, 'not_signed_in');
    }
    assert.ok(took < 1000, `${took} ms`);
  });

  test('D10: a stream that runs ends normally', async () => {
    await saved_sign_in(sim, home);
    const [first, second] = await start_editors(2);
    await sim.scenario('chat_hold_midstream');
    const answer = second.chat({ partialResultToken: 't' });
    await second.notification('$/progress', (p) => p.token === 't');
    await first.request('signOut', {});
    await second.notification('didChangeStatus', (p) => p.kind === 'Error');
    await sim.release('chat');
    assert.ok((await answer).result, 'it was allowed when it began');
    assert.equal((await second.chat()).error.data.code, 'not_signed_in');
  });

  test('a sign-in is seen, too', async () => {
    const [editor] = await start_editors(1);
    assert.equal((await check(editor)).status, 'NotSignedIn');
    const from = editor.messages.length;
    await sign_in();
    await editor.notification('didChangeStatus', (p) => p.kind === 'Normal', { from });
    assert.equal((await check(editor)).status, 'OK');
  });

  test('D11: a database that is deleted while in use is made anew, and noticed', async () => {
    await saved_sign_in(sim, home);
    const [editor] = await start_editors(1);
    assert.equal((await check(editor)).status, 'OK');
    for (const suffix of ['', '-wal', '-shm']) rmSync(home.database + suffix, { force: true });
    await eventually(async () => (await check(editor)).status === 'NotSignedIn', 'the loss to be noticed');
    await sign_in();
    await eventually(async () => (await check(editor)).status === 'OK', 'the new sign-in');
    assert.ok(existsSync(home.database));
  });

  test('D11: a database that is replaced while in use is opened anew', async () => {
    await saved_sign_in(sim, home);
    const other = `${home.database}.other`;
    const [editor] = await start_editors(1);
    assert.equal((await check(editor)).user, 'octocat');
    // A copy that another machine's back-up brought, with nobody in it.
    await jumpseat(['status'], { XDG_DATA_HOME: join(home.path, 'elsewhere') });
    copyFileSync(join(home.path, 'elsewhere', 'jumpseat', 'jumpseat.db'), other);
    for (const suffix of ['-wal', '-shm']) rmSync(home.database + suffix, { force: true });
    renameSync(other, home.database);
    await eventually(async () => (await check(editor)).status === 'NotSignedIn', 'the other database');
  });
});

describe('deaths', () => {
  test('D5: killed again and again while it refreshes: the old token or the new one, whole', async () => {
    const kills = Number(process.env.JUMPSEAT_KILLS ?? 12);
    const secret = await saved_sign_in(sim, home);
    for (let i = 0; i < kills; i++) {
      await sim.expire('copilot');
      const since = await exchanges();
      const child = spawn(binary(), ['models', '--refresh'], {
        env: env(),
        cwd: home.work,
        stdio: 'ignore',
      });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      // Now when GitHub has just given the new token, now at any moment of the whole life.
      const moment =
        i % 2 === 0
          ? sim.wait('complete', { path: EXCHANGE, n: since + 1 })
          : new Promise((resolve) => setTimeout(resolve, (i * 7) % 80));
      await Promise.race([ended, moment.catch(() => {})]);
      child.kill('SIGKILL');
      await ended;
      if (i % 10 !== 9 && i !== kills - 1) continue;
      assert.equal(sql('PRAGMA integrity_check'), 'ok', `after ${i + 1} kills`);
      assert.equal(sql('SELECT github_token FROM accounts'), secret);
      const { copilot } = await sim.tokens();
      const stored = sql('SELECT token FROM copilot_tokens');
      assert.ok(stored === '' || copilot.includes(stored), 'the Copilot token is a whole one');
      const { code, stdout, stderr } = await jumpseat(['chat', 'hi']);
      assert.equal(code, 0, `after ${i + 1} kills: ${stdout}${stderr}`);
    }
    assert.ok(readFileSync(home.database).length > 0);
  });
});
