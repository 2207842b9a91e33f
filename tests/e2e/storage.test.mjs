// The database as a person finds it: full disks, wrong modes, links, other versions, damage. Each test is
// named by its row of the fault matrix. Whatever is wrong, the program works, says what it found and what to
// do, touches nothing that it does not understand, and never writes a secret where others can read it.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Editor, Home, binary, mode_of, run, start_simulator } from './harness.mjs';

const root = process.getuid() === 0;
let sim;
let home;
let signed_in; // a home in which somebody has signed in; the others begin with a copy of its data
before(async () => {
  sim = await start_simulator();
  home = signed_in = new Home();
  const { code, stdout, stderr } = await jumpseat(['login']);
  assert.equal(code, 0, stdout + stderr);
});
after(() => sim.stop());
beforeEach(async () => {
  await sim.reset({ keep: ['tokens'] });
  home = new Home();
});
afterEach(() => home.remove());

const jumpseat = (args, options = {}) =>
  run(args, { cwd: home.work, ...options, env: home.env(sim.env, options.env ?? {}) });

function copy_sign_in() {
  cpSync(signed_in.data, home.data, { recursive: true });
}

async function status(options) {
  const { code, stdout, stderr } = await jumpseat(['status', '--json'], options);
  return { code, stderr, ...JSON.parse(stdout) };
}

const files = () => (existsSync(home.data) ? readdirSync(home.data).sort() : []);

/// The saved sign-in cannot be used or replaced here: it works, says why, and stays as it was.
function says(storage, ...patterns) {
  assert.equal(storage.persistent, false);
  for (const pattern of patterns) assert.match(storage.message, pattern);
  assert.ok(storage.message.includes(home.data), storage.message);
}

describe('modes', () => {
  test('the directory is 0700 and the files 0600 from the first run on', async () => {
    const old = process.umask(0);
    try {
      assert.equal((await jumpseat(['login'])).code, 0);
    } finally {
      process.umask(old);
    }
    assert.equal(mode_of(home.data), 0o700);
    assert.ok(files().length > 0);
    for (const name of files()) assert.equal(mode_of(join(home.data, name)), 0o600, name);
  });

  test('-wal and -shm are 0600 while the program runs', async () => {
    copy_sign_in();
    const editor = new Editor({ env: home.env(sim.env), cwd: home.work });
    await editor.begin();
    assert.ok((await editor.chat()).result);
    for (const name of files()) assert.equal(mode_of(join(home.data, name)), 0o600, name);
    await editor.end();
  });

  test('the log file is 0600, and no link is followed to it', async () => {
    const log = join(home.path, 'log');
    await jumpseat(['status', '--log-file', log]);
    assert.equal(mode_of(log), 0o600);
    const elsewhere = join(home.path, 'elsewhere');
    writeFileSync(elsewhere, 'mine');
    rmSync(log);
    symlinkSync(elsewhere, log);
    await jumpseat(['status', '--log-file', log]);
    assert.equal(readFileSync(elsewhere, 'utf8'), 'mine');
  });

  test('D13: a database that others can read is read, not written, until it is repaired', async () => {
    copy_sign_in();
    chmodSync(home.database, 0o644);
    const before_ = readFileSync(home.database);
    const found = await status();
    says(found.storage, /read by other users/, /chmod 600/);
    assert.equal(found.state, 'ready', 'the sign-in that is in it is used');
    const again = await jumpseat(['login', '--again']);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /will not survive/);
    assert.deepEqual(readFileSync(home.database), before_);
    assert.equal(mode_of(home.database), 0o644, 'the mode is for the person to repair');
    chmodSync(home.database, 0o600);
    assert.equal((await status()).storage.persistent, true);
  });

  test('D13: what others can write is not believed', async () => {
    copy_sign_in();
    chmodSync(home.database, 0o666);
    const found = await status();
    says(found.storage, /chmod 600/);
    assert.equal(found.state, 'signed_out');
    assert.equal(found.code, 4);
  });

  test('D13: a directory that others can write is not used', async () => {
    copy_sign_in();
    chmodSync(home.data, 0o777);
    says((await status()).storage, /Other users may write/, /chmod 700/);
  });

  test('D13: a link in the place of the database is not followed', async () => {
    copy_sign_in();
    const elsewhere = join(home.path, 'elsewhere.db');
    renameSync(home.database, elsewhere);
    symlinkSync(elsewhere, home.database);
    const before_ = readFileSync(elsewhere);
    const found = await status();
    says(found.storage, /symbolic link/);
    await jumpseat(['login', '--again']);
    assert.deepEqual(readFileSync(elsewhere), before_);
    assert.ok(lstatSync(home.database).isSymbolicLink());
  });

  test('D13: a dangling link is not created through', async () => {
    mkdirSync(home.data, { recursive: true, mode: 0o700 });
    const elsewhere = join(home.path, 'elsewhere.db');
    symlinkSync(elsewhere, home.database);
    const { code, stderr } = await jumpseat(['login']);
    assert.equal(code, 1);
    assert.match(stderr, /symbolic link/);
    assert.equal(existsSync(elsewhere), false);
  });

  test('D13: a second name of the file is noticed', async () => {
    copy_sign_in();
    linkSync(home.database, join(home.path, 'other-name.db'));
    says((await status()).storage, /hard link/);
  });

  test("D13: somebody else's file is not used", { skip: root ? false : 'needs root' }, async () => {
    copy_sign_in();
    chownSync(home.database, 65534, 65534);
    says((await status()).storage, /another user/);
  });

  test('a directory in the place of the database', async () => {
    mkdirSync(home.database, { recursive: true, mode: 0o700 });
    says((await status()).storage, /not a plain file/);
  });
});

describe('disks', () => {
  /// Runs a command as a user who is not root, whom modes bind.
  async function as_nobody(args) {
    if (!root) return jumpseat(args);
    const copy = join(home.path, 'jumpseat');
    if (!existsSync(copy)) {
      copyFileSync(binary(), copy);
      chmodSync(copy, 0o755);
      chmodSync(home.path, 0o755);
      chmodSync(home.work, 0o755);
    }
    const env = home.env(sim.env);
    const child = spawn(copy, args, {
      env,
      cwd: home.work,
      uid: 65534,
      gid: 65534,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (text) => (stdout += text));
    child.stderr.on('data', (text) => (stderr += text));
    return new Promise((resolve) =>
      child.once('close', (code) => resolve({ code, stdout, stderr })),
    );
  }

  /// Gives all of the home to that user.
  function hand_over() {
    if (root) spawnSync('chown', ['-R', '65534:65534', home.path]);
  }

  test('D2: without a place to write a sign-in works and says that it will not survive', async () => {
    mkdirSync(join(home.path, '.local'));
    hand_over();
    chmodSync(join(home.path, '.local'), 0o555);
    const { code, stdout, stderr } = await as_nobody(['login']);
    assert.equal(code, 1, stdout + stderr);
    assert.match(stdout, /Signed in as octocat/);
    assert.match(stderr, /will not survive this process/);
    assert.match(stderr, /cannot be created.*Make its directory writable/);
    assert.deepEqual(files(), []);
  });

  test('D2: a read-only directory: what is stored is used, nothing is changed', async () => {
    copy_sign_in();
    hand_over();
    chmodSync(home.data, 0o500);
    const before_ = readFileSync(home.database);
    try {
      const { code, stdout, stderr } = await as_nobody(['status', '--json']);
      assert.equal(code, 0, stdout + stderr);
      const found = JSON.parse(stdout);
      assert.equal(found.state, 'ready');
      says(found.storage, /writable/);
      assert.deepEqual(readFileSync(home.database), before_);
    } finally {
      chmodSync(home.data, 0o700);
    }
  });

  test('D2: a file where the directory should be', async () => {
    writeFileSync(join(home.path, '.local'), '');
    const found = await status();
    assert.equal(found.storage.persistent, false);
    assert.match(found.storage.message, /cannot be created: Not a directory/);
    assert.equal(found.state, 'signed_out');
  });

  const mountable = root && spawnSync('mount', ['--version']).status === 0;

  /// A directory of `size` bytes in the place of the data directory.
  async function on_small_disk(size, use) {
    mkdirSync(home.data, { recursive: true, mode: 0o700 });
    const { status: failed, stderr } = spawnSync('mount', [
      '-t',
      'tmpfs',
      '-o',
      `size=${size},mode=0700`,
      'tmpfs',
      home.data,
    ]);
    if (failed !== 0) return String(stderr).trim();
    try {
      await use();
    } finally {
      spawnSync('umount', [home.data]);
    }
    return null;
  }

  function fill() {
    try {
      writeFileSync(join(home.data, 'filler'), Buffer.alloc(64 * 1024 * 1024));
    } catch (error) {
      assert.equal(error.code, 'ENOSPC');
    }
  }

  test('D1: a full disk at the start', { skip: mountable ? false : 'needs root' }, async (t) => {
    const cannot = await on_small_disk('1m', async () => {
      fill();
      const { code, stdout, stderr } = await jumpseat(['login']);
      assert.equal(code, 1, stdout + stderr);
      assert.match(stdout, /Signed in as octocat/);
      assert.match(stderr, /no space/i);
      assert.match(stderr, /0 KB are free/);
      assert.ok(stderr.includes(home.database));
    });
    if (cannot) t.skip(cannot);
  });

  test(
    'D1: a disk that fills up keeps the old sign-in whole',
    { skip: mountable ? false : 'needs root' },
    async (t) => {
      const cannot = await on_small_disk('1m', async () => {
        copy_sign_in();
        fill();
        const again = await jumpseat(['login', '--again']);
        const said = again.stdout + again.stderr;
        assert.ok(again.code === 0 || again.code === 1, said);
        if (again.code === 1) assert.match(said, /space|survive/);
        assert.equal((await jumpseat(['chat', 'hi'])).code, 0);
        rmSync(join(home.data, 'filler'));
        const found = await status();
        assert.equal(found.state, 'ready');
        assert.equal(found.storage.persistent, true);
      });
      if (cannot) t.skip(cannot);
    },
  );
});

describe('contents', () => {
  /// PRAGMA user_version lies in the header of the file (SQLite, "Database File Format", 1.3).
  const set_version = (version) => {
    const bytes = readFileSync(home.database);
    bytes.writeUInt32BE(version, 60);
    writeFileSync(home.database, bytes);
  };

  test('D12: on a network file system there is no shared -wal', async () => {
    // A home on NFS, as far as statfs(2) tells.
    const source = join(home.path, 'nfs.c');
    const library = join(home.path, 'nfs.so');
    writeFileSync(
      source,
      '#define _GNU_SOURCE\n#include <sys/vfs.h>\n#include <sys/syscall.h>\n#include <unistd.h>\n' +
        'int statfs(const char *p, struct statfs *b) { long r = syscall(SYS_statfs, p, b); b->f_type = 0x6969; return (int)r; }\n',
    );
    const built = spawnSync('cc', ['-shared', '-fPIC', '-o', library, source]);
    assert.equal(built.status, 0, built.stderr.toString());
    const options = {
      env: { LD_PRELOAD: library, ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:verify_asan_link_order=0` },
    };
    const login = await jumpseat(['login'], options);
    assert.equal(login.code, 0, login.stdout + login.stderr);
    const WRITE_VERSION = 18; // of SQLite's file format: 1 is a rollback journal, 2 is WAL
    assert.equal(readFileSync(home.database)[WRITE_VERSION], 1);
    assert.deepEqual(files().filter((name) => /-(wal|shm)$/.test(name)), []);
    assert.equal((await jumpseat(['chat', 'hi'], options)).code, 0);
    assert.deepEqual(files().filter((name) => /-(wal|shm)$/.test(name)), []);
    // Back on a disk of one's own.
    assert.equal((await status()).state, 'ready');
    assert.equal(readFileSync(home.database)[WRITE_VERSION], 2);
  });

  test('D6: a database of a newer version is left alone, and the message names both', async () => {
    copy_sign_in();
    set_version(99);
    const before_ = readFileSync(home.database);
    const there = files();
    const found = await status();
    says(found.storage, /newer/, /99/, /knows \d+\)/);
    const again = await jumpseat(['login', '--again']);
    assert.match(again.stderr, /will not survive/);
    assert.deepEqual(readFileSync(home.database), before_);
    assert.deepEqual(files(), there, 'and nothing is left beside it');
  });

  test('D3: what is no database is moved aside and kept', async () => {
    for (const bytes of [Buffer.from('this is no database'.repeat(100)), Buffer.alloc(4096)]) {
      mkdirSync(home.data, { recursive: true, mode: 0o700 });
      writeFileSync(home.database, bytes, { mode: 0o600 });
      const first = await status();
      assert.match(first.storage.message, /was damaged.*moved to.*sign in again/i);
      const [kept] = files().filter((name) => name.includes('corrupt'));
      assert.deepEqual(readFileSync(join(home.data, kept)), bytes);
      assert.equal(mode_of(join(home.data, kept)), 0o600);
      const second = await status();
      assert.equal(second.storage.message, undefined);
      assert.equal(second.storage.persistent, true);
      rmSync(home.data, { recursive: true });
    }
  });

  test('D3: a truncated database never crashes and never loops', async () => {
    copy_sign_in();
    const whole = readFileSync(home.database);
    for (const size of [0, 1, 99, 100, 512, 4095, 4096, 5000, whole.length - 1]) {
      rmSync(home.data, { recursive: true });
      mkdirSync(home.data, { mode: 0o700 });
      writeFileSync(home.database, whole.subarray(0, size), { mode: 0o600 });
      const found = await status();
      assert.ok(['ready', 'signed_out'].includes(found.state), `${size}: ${JSON.stringify(found)}`);
      assert.equal(found.storage.persistent, true, `${size}: ${found.storage.message}`);
    }
  });

  test("another program's database is not touched", async () => {
    mkdirSync(home.data, { recursive: true, mode: 0o700 });
    const made = spawnSync('python3', [
      '-c',
      'import sqlite3,sys; d=sqlite3.connect(sys.argv[1]); d.execute("create table theirs(x)"); d.commit()',
      home.database,
    ]);
    assert.equal(made.status, 0, String(made.stderr));
    chmodSync(home.database, 0o600);
    const before_ = readFileSync(home.database);
    says((await status()).storage, /another program/);
    assert.deepEqual(readFileSync(home.database), before_);
  });

  test('D5: kills during sign-ins leave the old sign-in or the new one, never half of one', async () => {
    copy_sign_in();
    for (let round = 0; round < 3; round++) {
      const editor = new Editor({ env: home.env(sim.env), cwd: home.work });
      await editor.begin();
      await editor.request('signOut', {});
      await editor.request('signIn', {});
      await sim.wait('complete', { path: '/login/oauth/access_token', n: round + 1 });
      await editor.kill();
      const found = await status();
      assert.ok(['ready', 'signed_out'].includes(found.state), JSON.stringify(found));
      assert.equal(found.storage.message, undefined);
    }
  });

  test('a sign-in at one issuer is not used at another', async () => {
    copy_sign_in();
    const other = await start_simulator();
    try {
      const { state } = await status({ env: other.env });
      assert.equal(state, 'signed_out');
      assert.equal((await other.counts()).requests, 0);
    } finally {
      await other.stop();
    }
  });

  test('two programs share one sign-in', async () => {
    copy_sign_in();
    const editors = [1, 2].map(() => new Editor({ env: home.env(sim.env), cwd: home.work }));
    for (const editor of editors) await editor.begin();
    const answers = await Promise.all(editors.flatMap((editor) => [editor.chat(), editor.chat()]));
    for (const answer of answers) assert.ok(answer.result, JSON.stringify(answer.error));
    for (const editor of editors) await editor.end();
    assert.equal((await status()).state, 'ready');
  });
});
