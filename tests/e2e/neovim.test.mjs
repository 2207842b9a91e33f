// A session of Neovim's own LSP client, headless: neovim.lua drives it. Skipped, and counted as skipped, where
// there is no nvim.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Home, binary, in_time, start_simulator } from './harness.mjs';

const nvim = spawnSync('nvim', ['--version'], { encoding: 'utf8' });
const missing = nvim.status !== 0 && 'nvim is not installed (Debian: neovim)';

let sim;
before(async () => {
  if (!missing) sim = await start_simulator();
});
after(() => sim?.stop());

test('Neovim signs in, chats with progress and quits', { skip: missing }, async (t) => {
  t.diagnostic(nvim.stdout.split('\n')[0]);
  const home = new Home();
  const script = fileURLToPath(new URL('./neovim.lua', import.meta.url));
  const child = spawn(
    'nvim',
    ['--headless', '-u', 'NONE', '-i', 'NONE', '-n', '-c', `luafile ${script}`],
    {
      env: home.env(sim.env, {
        JUMPSEAT: binary(),
        XDG_STATE_HOME: home.path,
        XDG_CACHE_HOME: home.path,
      }),
      cwd: home.work,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const ended = new Promise((resolve) => child.once('close', resolve));
  let code;
  try {
    code = await in_time(ended, 'Neovim', { ms: 90_000, seen: () => stdout + stderr });
  } finally {
    child.kill('SIGKILL');
  }
  assert.equal(code, 0, stdout + stderr);
  const said = Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .map(({ what, value }) => [what, value]),
  );
  assert.equal(said.initialized, 'Jumpseat');
  assert.equal(said.signIn.status, 'PromptUserDeviceFlow');
  assert.match(said.signIn.userCode, /^[A-Z0-9]{4}-[A-Z0-9]{4}$/);
  assert.deepEqual(said.finishDeviceFlow, { status: 'OK', user: 'octocat' });
  assert.ok(said.chunks > 3);
  assert.match(said.streamed, /Grüß dich/);
  assert.equal(said.chat.choices[0].message.content, said.streamed);
  assert.equal(said.unknown, -32601);
  assert.equal(said.statuses.at(-1), 'Normal');
  assert.equal(said.exit, 0);
  assert.equal((await sim.counts()).routes['POST /chat/completions'].complete, 1);
  home.remove();
});
