// Sign-ins in the desktop's keyring, with a real gnome-keyring on a D-Bus session of its own, and with a bus
// that never answers. Without their packages (tests/install_packages.sh keyring) the tests are skipped, and
// say so. One second is all that a keyring gets: where one that works is too slow for that on a busy machine,
// the sign-in is tried again.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Editor, eventually, in_time, run } from './harness.mjs';
import { editors, home, sim } from './world.mjs';

const missing = [];
for (const program of ['dbus-daemon', 'gnome-keyring-daemon']) {
  if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) missing.push(program);
}
const library = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'].some(
  (place) => {
    try {
      return readdirSync(place).includes('libsecret-1.so.0');
    } catch {
      return false;
    }
  },
);
if (!library) missing.push('libsecret-1.so.0');
const skip = missing.length > 0 && `there is no ${missing.join(', no ')}`;
if (skip) console.log(`SKIPPED: the keyring was not tested: ${skip}.`);

async function open_editor(session) {
  const editor = new Editor({ env: env(session), cwd: home.work });
  editors.push(editor);
  await editor.begin();
  return editor;
}

const env = (...more) => home.env(sim.env, { JUMPSEAT_KEYRING: 'on' }, ...more);
const jumpseat = (args, more) => run(args, { cwd: home.work, env: env(more) });

async function status(more) {
  const { stdout, stderr } = await jumpseat(['status', '--json'], more);
  return { stderr, ...JSON.parse(stdout) };
}

const stored_bytes = () =>
  Buffer.concat(readdirSync(home.data).map((name) => readFileSync(join(home.data, name))));

const last_token = async () => (await sim.tokens()).github.at(-1);

/// A bus with a keyring that is unlocked. Both end with stop().
async function start_keyring() {
  const runtime = join(home.path, 'runtime');
  mkdirSync(runtime, { mode: 0o700 });
  const own = { PATH: process.env.PATH, HOME: home.path, XDG_RUNTIME_DIR: runtime };
  const bus = spawn('dbus-daemon', ['--session', '--nofork', '--nopidfile', '--print-address=1'], {
    env: own,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const lines = createInterface({ input: bus.stdout });
  const address = await in_time(
    new Promise((resolve) => lines.once('line', resolve)),
    'the address of the bus',
  );
  const session = { XDG_RUNTIME_DIR: runtime, DBUS_SESSION_BUS_ADDRESS: address };
  const keyring = spawn('gnome-keyring-daemon', ['--foreground', '--unlock', '--components=secrets'], {
    env: { ...own, ...session },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  keyring.stdin.end('a password');
  const has_owner = () =>
    spawnSync('dbus-send', ['--session', '--print-reply', '--dest=org.freedesktop.DBus', '/',
      'org.freedesktop.DBus.GetNameOwner', 'string:org.freedesktop.secrets'],
      { env: { ...own, ...session } }).status === 0;
  await eventually(has_owner, 'the keyring on the bus', { every_ms: 50 });
  return {
    session,
    keyring,
    stop: () => {
      keyring.kill('SIGKILL');
      bus.kill('SIGKILL');
    },
  };
}

describe('a keyring', { skip }, () => {
  let bus;
  beforeEach(async () => {
    bus = await start_keyring();
  });
  afterEach(() => bus.stop());

  const sign_in = (more) =>
    eventually(async () => {
      const { code, stdout, stderr } = await jumpseat(['login', '--again'], { ...bus.session, ...more });
      assert.equal(code, 0, stdout + stderr);
      return !/within 1 s/.test(stderr);
    }, 'a sign-in that the keyring takes');

  /// What `look` finds when the keyring was fast enough.
  const in_a_second = (look) =>
    eventually(async () => {
      const found = await look();
      return !/within 1 s/.test(JSON.stringify(found)) && found;
    }, 'an answer of the keyring within its second');

  test('S18: keeps the GitHub token, which is then not in our files, and gives it to every process', async () => {
    await sign_in();
    const token = await last_token();
    assert.ok(!stored_bytes().includes(token), 'the token is in no file of ours');
    const found = await in_a_second(() => status(bus.session));
    assert.equal(found.state, 'ready');
    assert.equal(found.source, 'saved sign-in');
    assert.equal(found.storage.keyring, 'it has the token of the saved sign-in');
    // Where the setting is off, a sign-in that is there is still found.
    const off = await in_a_second(() => status({ ...bus.session, JUMPSEAT_KEYRING: 'off' }));
    assert.equal(off.state, 'ready');

    const editor = await open_editor(bus.session);
    const answer = await in_a_second(() => editor.chat());
    assert.ok(answer.result, JSON.stringify(answer));
    await editor.end();

    const { stdout, stderr } = await jumpseat(['doctor'], bus.session);
    assert.match(stdout, /\nok {4}keyring: it has the token of the saved sign-in\n/, stdout + stderr);
  });

  test('two accounts have an entry each; a sign-out takes its own', async () => {
    await sign_in();
    await sign_in({ JUMPSEAT_ACCOUNT: 'work' });
    const out = await jumpseat(['logout', '--account', 'work'], bus.session);
    assert.equal(out.code, 0, out.stderr);
    const work = await status({ ...bus.session, JUMPSEAT_ACCOUNT: 'work' });
    assert.equal(work.state, 'signed_out');
    assert.equal((await in_a_second(() => status(bus.session))).state, 'ready');
  });

  test('that loses the entry is an error, not another account', async () => {
    await sign_in();
    const clear = spawnSync(
      process.env.JUMPSEAT,
      ['--ask-keyring', 'remove', new URL(sim.url).origin, 'default'],
      { env: env(bus.session), input: '' },
    );
    assert.equal(clear.status, 0, clear.stdout.toString());
    const found = await in_a_second(() => status(bus.session));
    assert.equal(found.state, 'refused');
    assert.match(found.problem.message, /in the desktop's keyring.*it has no such entry.*login --again/);
    assert.equal((await sim.requests({ path: '/copilot_internal/v2/token' })).length, 1);
    await sign_in();
    assert.equal((await in_a_second(() => status(bus.session))).state, 'ready');
  });

  test('a sign-in of the database moves there with the next login, and back', async () => {
    await sign_in({ JUMPSEAT_KEYRING: 'off' });
    assert.ok(stored_bytes().includes(await last_token()));
    const before_ = await in_a_second(() => status(bus.session));
    assert.match(before_.storage.keyring, /still in the database; `jumpseat login --again`/);
    await sign_in();
    assert.ok(!stored_bytes().includes(await last_token()));
    await sign_in({ JUMPSEAT_KEYRING: 'off' });
    const gone = spawnSync(
      process.env.JUMPSEAT,
      ['--ask-keyring', 'look-up', new URL(sim.url).origin, 'default'],
      { env: env(bus.session), input: '' },
    );
    assert.equal(gone.status, 3);
  });
});

describe('a keyring that hangs', { skip: !library && 'there is no libsecret' }, () => {
  let silent;
  let session;
  beforeEach(async () => {
    const path = join(home.path, 'bus');
    const connections = new Set();
    silent = net.createServer((connection) => {
      connections.add(connection);
      connection.on('error', () => {});
      connection.resume();
    });
    silent.stop = () => {
      for (const connection of connections) connection.destroy();
      silent.close();
    };
    await new Promise((resolve) => silent.listen(path, resolve));
    session = { DBUS_SESSION_BUS_ADDRESS: `unix:path=${path}` };
  });
  afterEach(() => silent.stop());

  test('S18: costs a second, the database takes its place, and login, status and doctor say so', async () => {
    const login = await jumpseat(['login'], session);
    assert.equal(login.code, 0, login.stderr);
    assert.match(
      login.stderr,
      /The desktop's keyring is not used: it did not answer within 1 s and was stopped\. The sign-in is kept in the database, readable by you alone\./,
    );
    assert.ok(stored_bytes().includes(await last_token()));
    const said =
      'not used: it did not answer within 1 s and was stopped. Sign-ins are kept in the database, readable by you alone.';
    const found = await status(session);
    assert.equal(found.state, 'ready');
    assert.equal(found.storage.keyring, said);
    const { code, stdout } = await jumpseat(['doctor'], session);
    assert.equal(code, 0, stdout);
    assert.deepEqual(
      stdout.split('\n').filter((line) => /keyring/.test(line)),
      [`note  keyring: ${said}`],
    );
  });

  test('S18: an editor is answered at once all the same', async () => {
    const editor = await open_editor(session);
    const { result } = await editor.request('checkStatus', { localChecksOnly: true });
    assert.equal(result.status, 'NotSignedIn');
    await editor.end();
  });
});
