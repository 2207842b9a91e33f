// The packaged extension in a real VS Code, with the simulator as GitHub.
//
// One window after the other does what a person does; each step leaves the state that the next one starts from,
// so a step that fails ends the rest. Each leaves a picture in SHOTS.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { closed_port, known_token, start_simulator } from '../../../../tests/e2e/harness.mjs';
import { Code, until } from './harness.mjs';

const vsix = process.env.VSIX;
const shots = process.env.SHOTS;
const CHAT = '/chat/completions';

/** The events of an answer that calls one tool. */
function tool_call(name, input) {
  const chunk = (delta, finish_reason = null) => ({
    data: { id: 'c', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason }] },
  });
  const call = { index: 0, id: 'call_1', type: 'function' };
  return [
    chunk({ role: 'assistant', content: 'I see it: a letter is missing. ' }),
    chunk({ tool_calls: [{ ...call, function: { name, arguments: JSON.stringify(input) } }] }),
    chunk({}, 'tool_calls'),
    { raw: 'data: [DONE]\n\n' },
  ];
}

/** The processes of `jumpseat --stdio` that belong to a VS Code. */
function programs(code) {
  const mine = `HOME=${code.home}\0`;
  return readdirSync('/proc')
    .filter(Number)
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
        if (!/\/bin\/jumpseat\0--stdio/.test(command)) return false;
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mine);
      } catch {
        return false; // it has just ended
      }
    });
}

describe('VS Code', { concurrency: false }, () => {
  let sim;
  let code;
  let failed = false;

  before(async () => {
    sim = await start_simulator({ person: 'manual', word_ms: 30 });
    code = await Code.start({
      vsix,
      shots,
      env: sim.env,
      files: {
        // Of a language without a server of its own, which would be one more that wants the processor.
        'greeting.lua': 'function greet(name)\n  return "Hello " .. nam\nend\n',
        'notes.txt': 'Buy milk.\n',
      },
    });
  });
  after(async () => {
    if (failed) await code.shot('failure');
    await code?.stop();
    await sim?.stop();
  });

  /** A step; once one has failed the others say so and do nothing. */
  const step = (name, run) =>
    test(name, async (t) => {
      if (failed) return t.skip('an earlier step failed');
      failed = true;
      await run(t);
      failed = false;
    });

  step('starts signed out, and says so', async () => {
    assert.match(await code.status(/signed out/), /^Jumpseat: signed out$/);
    await code.shot('signed-out');
  });

  step('signs in with a code, a page and a progress that waits', async () => {
    const page = code.browser.waitForEvent('page');
    await code.palette('Jumpseat: Sign In');
    const waiting = await code.notification(/enter the code [A-Z0-9]{4}-[A-Z0-9]{4}/);
    await code.status(/signing in/);
    const opened = await page;
    await opened.waitForURL(/\/login\/device/);
    await opened.close();
    await code.shot('signing-in');
    await sim.person('approve');
    await waiting.waitFor({ state: 'hidden' });
    await code.notification(/Signed in to GitHub as octocat/);
    assert.match(await code.status(/is ready/), /^Jumpseat is ready$/);
    await code.shot('signed-in');
  });

  step('@jumpseat answers before anything is set up, word by word', async () => {
    await code.ask('@jumpseat Hello there');
    await code.answered(/Hello! You wrote “Hello there”/);
    await code.answered(/every byte took the way a real answer would take/);
    await code.shot('participant');
  });

  step('@jumpseat /explain takes the selection along and names it', async () => {
    await code.openFile('greeting.lua');
    await code.palette('Select All');
    await code.ask('@jumpseat /explain please');
    await code.answered(
      /You wrote “Explain the code.*Used 1 reference|Used 1 reference.*Explain the code/,
    );
    const [asked] = (await sim.wait('complete', { path: CHAT, n: 2 })).slice(-1);
    assert.match(JSON.stringify(asked.body), /greeting\.lua, line 1 on:.*return .*Hello/);
    await code.shot('explain');
  });

  step('“Use in Chat View” asks, enables the built-in chat and chooses a model', async () => {
    await code.palette('Jumpseat: Use in Chat View');
    await code.dialog(/Enable VS Code’s built-in chat/, 'Enable');
    await until(
      'the model in the picker',
      async () =>
        /GPT-4\.1/.test(
          await code.page.locator('.interactive-session .chat-input-toolbars').last().innerText(),
        ),
      180_000,
    );
    await code.shot('use-in-chat');
  });

  step('a plain question in the Chat view is answered, streamed', async () => {
    await code.ask('Hello');
    await code.answered(/every byte took the way a real answer would take/);
    await code.shot('chat');
  });

  step('another model from the picker is the one that is asked', async () => {
    await code.page
      .locator('.interactive-session .chat-input-toolbars a', { hasText: 'GPT-4.1' })
      .last()
      .click();
    await code.shot('model-picker');
    await code.page
      .locator('.action-widget .monaco-list-row', { hasText: 'Claude Haiku 4.5' })
      .first()
      .click();
    await code.ask('And who are you?');
    await code.answered(/Claude Haiku 4\.5/); // each answer says whose it is
    const [asked] = (await sim.requests({ path: CHAT })).slice(-1);
    assert.equal(asked.body.model, 'claude-haiku-4.5');
    await code.status(/is ready/);
  });

  step('agent mode edits a file with VS Code’s own tools', async () => {
    await sim.rule({
      on: `POST ${CHAT}`,
      tool: 'replace_string_in_file',
      times: 1,
      do: {
        stream: tool_call('replace_string_in_file', {
          filePath: join(code.workspace, 'greeting.lua'),
          oldString: '  return "Hello " .. nam\nend',
          newString: '  return "Hello " .. name\nend',
        }),
      },
    });
    await code.ask('Fix the typo in greeting.lua');
    await code.answered(/The tool answered/);
    await until('the edit on disk', () =>
      readFileSync(join(code.workspace, 'greeting.lua'), 'utf8').includes('"Hello " .. name'),
    );
    await code.shot('agent-edit');
  });

  step('stopping an answer closes the connection to Copilot', async () => {
    await sim.scenario('chat_stall_midstream');
    await code.ask('Tell me everything');
    await sim.wait('stalled', { path: CHAT, n: 1 });
    await code.answered(/./);
    await code.page
      .getByRole('button', { name: /^(Cancel|Stop)/ })
      .last()
      .click();
    await sim.wait('closed', { path: CHAT, n: 1 });
    await sim.clear_rules();
    await code.status(/is ready/);
    await code.shot('cancelled');
  });

  step(
    'a quota that is used up has its words, its button and its place in the status bar',
    async () => {
      await sim.rule({
        on: `POST ${CHAT}`,
        do: {
          status: 402,
          body: { error: { code: 'quota_exceeded', message: 'You have no quota left.' } },
        },
      });
      await code.ask('One more');
      assert.doesNotMatch(await code.answered(/Quota used up/), /\.js:\d/, 'no stack is shown');
      const told = await code.notification(/Quota used up/);
      await code.status(/quota used up/);
      await code.shot('quota-used-up');
      await sim.clear_rules();
      await code.press(told, 'Show Quota');
      const view = await code.webview('Premium requests');
      assert.match(
        await view.locator('body').innerText(),
        /octocat[^]*of 300 left \(\d+(\.\d)? %\)/,
      );
      await code.shot('account-light');
      await code.palette('Preferences: Toggle between Light/Dark Themes');
      await view.locator('body.vscode-dark').waitFor();
      await code.shot('account-dark');
      await code.palette('Preferences: Toggle between Light/Dark Themes');
    },
  );

  step('a process that is killed is started again, and the person is told once', async () => {
    const [pid] = programs(code);
    process.kill(Number(pid), 'SIGKILL');
    await code.notification(/was ended by SIGKILL and has been started again/);
    await code.status(/quota used up/); // what was known still is
    const [next] = programs(code);
    assert.notEqual(next, pid);
    await code.shot('restarted');
    await code.ask('@jumpseat Are you still there?');
    await code.answered(/Are you still there/);
    await code.status(/is ready/); // an answer says that the quota is not used up
  });

  step('signing out empties the picker and changes the status bar', async () => {
    await code.palette('Jumpseat: Sign Out');
    await code.notification(/Signed out/);
    assert.match(await code.status(/signed out/), /^Jumpseat: signed out$/);
    // The page that is still open says why, and offers the one thing that helps.
    const view = await code.webview('Missing required GitHub configuration');
    await view.getByRole('link', { name: 'Sign In' }).waitFor();
    const picker = code.page.locator('.interactive-session .chat-input-toolbars').last();
    await until(
      'a picker without models',
      async () => !/GPT|Claude/.test(await picker.innerText()),
    );
    await code.shot('signed-out-again');
  });
});

describe('a workspace that nobody trusts', { concurrency: false }, () => {
  let sim;
  let trap;
  let caught = 0;
  let code;
  let marker;
  before(async () => {
    sim = await start_simulator();
    trap = net.createServer((socket) => {
      caught++;
      socket.destroy();
    });
    await new Promise((resolve) => trap.listen(0, '127.0.0.1', resolve));
    const elsewhere = `http://127.0.0.1:${trap.address().port}`;
    const hostile = {
      GITHUB_COPILOT_ENDPOINT: elsewhere,
      GITHUB_COPILOT_API_BASE: elsewhere,
      GITHUB_COPILOT_API_KEY_URL: `${elsewhere}/copilot_internal/v2/token`,
      GITHUB_COPILOT_DEVICE_CODE_URL: `${elsewhere}/login/device/code`,
      HTTPS_PROXY: elsewhere,
      HTTP_PROXY: elsewhere,
    };
    const env_file = Object.entries(hostile)
      .map(([name, value]) => `${name}=${value}\n`)
      .join('');
    code = await Code.start({
      vsix,
      shots,
      trust: true,
      // Not GITHUB_TOKEN, which code-server keeps for itself.
      env: { ...sim.env, COPILOT_GITHUB_TOKEN: await known_token(sim) },
      settings: { 'security.workspace.trust.startupPrompt': 'never' },
      files: {
        '.env': env_file,
        '.github.env': env_file,
        // The program that would be started in Jumpseat's place; it leaves a mark.
        jumpseat: '#!/bin/sh\ntouch "$0.was-here"\nexec cat\n',
        '.vscode/settings.json': JSON.stringify({
          'jumpseat.path': './jumpseat',
          'jumpseat.endpoint': elsewhere,
          'jumpseat.http.port': 1,
          'jumpseat.http.openWithWindow': true,
          'terminal.integrated.env.linux': hostile,
          'http.proxy': elsewhere,
        }),
      },
      executable: ['jumpseat'],
    });
    marker = join(code.workspace, 'jumpseat.was-here');
  });
  after(async () => {
    await code?.stop();
    await sim?.stop();
    trap?.close();
  });

  test('S11, E5: hostile settings and files redirect nothing', async () => {
    await code.page.getByText('Restricted Mode').first().waitFor();
    await code.status(/is ready/);
    await code.ask('@jumpseat Hello');
    await code.answered(/every byte took the way a real answer would take/);
    await code.shot('untrusted');
    await code.palette('Jumpseat: Restart');
    await code.status(/is ready/);
    assert.equal(existsSync(marker), false, 'the workspace’s program was started');
    assert.equal(caught, 0, 'something connected to the workspace’s address');
  });
});

describe('a program that is no good', { concurrency: false }, () => {
  let code;
  before(async () => {
    const nowhere = await closed_port();
    code = await Code.start({
      vsix,
      shots,
      machine: { 'jumpseat.path': '/nowhere/jumpseat' },
      env: { GITHUB_COPILOT_API_KEY_URL: `http://127.0.0.1:${nowhere}/copilot_internal/v2/token` },
    });
  });
  after(() => code?.stop());

  test('is one message with one button, and the status bar says it', async () => {
    const told = await code.notification(
      /There is no file \/nowhere\/jumpseat, which jumpseat\.path names/,
    );
    assert.match(await code.status(/not running/), /^Jumpseat is not running$/);
    await code.shot('no-program');
    await code.press(told, 'Open Settings');
    await code.page.locator('.settings-editor').waitFor();
  });
});
