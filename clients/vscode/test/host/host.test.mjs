// The packaged extension in a real VS Code, with the simulator as GitHub.
//
// One window after the other does what a person does; each step leaves the state that the next one starts from,
// so a step that fails ends the rest. Each leaves a picture in SHOTS.

import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { free_port, known_token, start_simulator } from '../../../../tests/e2e/harness.mjs';
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

/** Tokens of GitHub and of Copilot by their looks. */
const TOKENS = /\bgh[a-z]_\w{20,}|\bgithub_pat_\w{20,}|\btid=/;

/** The walkthrough's steps. */
const STEPS = ['Sign in to GitHub', 'Use the models in the Chat view', 'See plan and quota'];
const ticked = (count) => Object.fromEntries(STEPS.map((title, index) => [title, index < count]));

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

/** The account page as a screen reader has it, down to the first model. */
const ACCOUNT_PAGE = `
- main:
  - heading "octocat" [level=1]
  - term: Plan
  - definition: individual
  - term: Subscription
  - definition: monthly subscriber quota
  - term: Signed in through
  - definition: saved sign-in
  - term: Kind of token
  - definition: GitHub App user token (ghu_)
  - heading "Quota" [level=2]
  - list "Quota":
    - listitem: Chat unlimited
    - listitem: Completions unlimited
    - listitem:
      - text: Premium requests some of 300 left
      - meter "Premium requests": some of 300 left
  - paragraph:
    - text: Starts anew on
    - time: then
  - heading "Models" [level=2]
  - table "Models":
    - rowgroup:
      - row "Model Cost Tokens in Tokens out Abilities":
        - columnheader "Model"
        - columnheader "Cost"
        - columnheader "Tokens in"
        - columnheader "Tokens out"
        - columnheader "Abilities"
    - rowgroup:
      - row "GPT-4.1 gpt-4.1 included 128,000 16,384 tools, images":
        - rowheader "GPT-4.1 gpt-4.1":
`.trimStart();

const THEMES = [
  ['Light 2026', 'vscode-light'],
  ['Dark 2026', 'vscode-dark'],
  ['Dark High Contrast', 'vscode-high-contrast'],
  ['Light High Contrast', 'vscode-high-contrast-light'],
];

/** The contrast between two colours {r, g, b}, as WCAG 2 computes it, 1 to 21. */
function contrast(one, other) {
  const luminance = ({ r, g, b }) => {
    const [red, green, blue] = [r, g, b].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** In the page: every text with its colour and the one that is behind it, {text, front, back}. */
function colours(body) {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, below) => {
    const mix = (name) => top[name] * top.a + below[name] * (1 - top.a);
    return { r: mix('r'), g: mix('g'), b: mix('b'), a: 1 };
  };
  // The page itself is transparent; the editor's colour shines through.
  const probe = document.createElement('span');
  probe.style.backgroundColor = 'var(--vscode-editor-background)';
  body.append(probe);
  const ground = parse(getComputedStyle(probe).backgroundColor);
  probe.remove();
  const behind = (element) =>
    element === null
      ? ground
      : over(parse(getComputedStyle(element).backgroundColor), behind(element.parentElement));
  const texts = [];
  const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const text = node.data.trim();
    const element = node.parentElement;
    if (text === '' || element.closest('meter, style, script')) continue;
    const back = behind(element);
    texts.push({ text, front: over(parse(getComputedStyle(element).color), back), back });
  }
  return texts;
}

/** The steps of one VS Code: once one has failed the others say so and do nothing. */
function steps() {
  const step = (name, run) =>
    test(name, async (t) => {
      if (step.failed) return t.skip('an earlier step failed');
      step.failed = true;
      await run(t);
      step.failed = false;
    });
  step.failed = false;
  return step;
}

describe('VS Code', { concurrency: false }, () => {
  const step = steps();
  let sim;
  let code;
  let number;

  before(async () => {
    sim = await start_simulator({ person: 'manual', word_ms: 30 });
    number = await free_port();
    code = await Code.start({
      vsix,
      shots,
      env: sim.env,
      machine: { 'jumpseat.http.port': number },
      files: {
        // Of a language without a server of its own, which would be one more that wants the processor.
        'greeting.lua': 'function greet(name)\n  return "Hello " .. nam\nend\n',
        'notes.txt': 'Buy milk.\n',
      },
    });
  });
  after(async () => {
    if (step.failed) await code?.shot('failure');
    await code?.stop();
    await sim?.stop();
  });

  step('starts signed out, and says so', async () => {
    assert.match(await code.status(/signed out/), /^Jumpseat: signed out$/);
    await code.shot('signed-out');
  });

  const openWalkthrough = async () => {
    await code.palette('Welcome: Open Walkthrough...');
    await code.choose("Copilot's models with Jumpseat");
    await code.page.locator('.getting-started-step', { hasText: STEPS[0] }).waitFor();
  };

  step('the walkthrough begins with nothing ticked', async () => {
    await openWalkthrough();
    assert.deepEqual(await code.ticks(), ticked(0));
  });

  step('signs in from it with a code, a page and a progress that waits; that ticks', async () => {
    const page = code.browser.waitForEvent('page');
    const first = code.page.locator('.getting-started-step', { hasText: STEPS[0] });
    await first.getByRole('button', { name: 'Sign In' }).click();
    const waiting = await code.notification(/enter the code [A-Z0-9]{4}-[A-Z0-9]{4}/);
    await code.status(/signing in/);
    const opened = await page;
    await opened.waitForURL(/\/login\/device/);
    await opened.close();
    await code.shot('signing-in');
    assert.deepEqual(await code.ticks(), ticked(0), 'nobody is signed in yet');
    await sim.person('approve');
    await waiting.waitFor({ state: 'hidden' });
    await code.notification(/Signed in to GitHub as octocat/);
    assert.match(await code.status(/is ready/), /^Jumpseat is ready$/);
    await until('the tick', async () => (await code.ticks())[STEPS[0]]);
    assert.deepEqual(await code.ticks(), ticked(1));
    await code.shot('walkthrough');
    await code.palette('View: Close Editor');
  });

  step('is in the Accounts menu, where VS Code’s own sign-ins are', async () => {
    await code.clearNotifications();
    await code.page.locator('.activitybar .codicon-accounts-view-bar-icon').click();
    const menu = code.page.locator('.monaco-menu');
    await menu
      .getByText(/octocat \(GitHub Copilot \(Jumpseat\)\)/)
      .first()
      .waitFor();
    await code.shot('accounts');
    await code.page.keyboard.press('Escape');
    await menu.waitFor({ state: 'hidden' });
  });

  step('@jumpseat answers before anything is set up, word by word', async () => {
    await code.ask('@jumpseat Hello there');
    await code.answered(/Hello! You wrote “Hello there”/);
    await code.answered(/every byte took the way a real answer would take/);
    await code.shot('participant');
  });

  /** The body of the last question that was answered whole, and how many there have been. */
  const asked = async (n) => {
    const all = await sim.wait('complete', { path: CHAT, n });
    assert.equal(all.length, n);
    return JSON.stringify(all.at(-1).body.messages.at(-1).content);
  };

  step('@jumpseat /explain takes the selection along and names it', async () => {
    await code.openFile('greeting.lua');
    await code.selectAll();
    await code.ask('@jumpseat /explain please');
    await code.answered(
      /You wrote “Explain the code.*Used 1 reference|Used 1 reference.*Explain the code/,
    );
    assert.match(await asked(2), /greeting\.lua, line 1 on:.*return .*Hello/);
    await code.shot('explain');
  });

  step('what may come next is a click away: /fix, then /tests, about the same code', async () => {
    assert.deepEqual(await code.followups(), ['Write tests for it', 'Look for bugs']);
    await code.follow('Look for bugs');
    await code.answered(/“Find what is wrong.*every byte/);
    assert.match(
      await asked(3),
      /Find what is wrong.*Find and fix what is wrong in this code\..*greeting\.lua, line 1 on:/,
    );
    await code.shot('fix');
    assert.deepEqual(await code.followups(), ['Write a test for it']);
    await code.follow('Write a test for it');
    await code.answered(/“Write tests for the code.*every byte/);
    assert.match(
      await asked(4),
      /Write a test that fails without the fix\..*greeting\.lua, line 1 on:/,
    );
    assert.deepEqual(await code.followups(), ['Explain the code']);
  });

  step('@jumpseat /doc without a selection is about the whole file', async () => {
    await code.openFile('notes.txt');
    await code.ask('@jumpseat /doc briefly');
    await code.answered(/“Write the documentation comments.*every byte/);
    assert.match(await asked(5), /Write the documentation comments.*notes\.txt:.*Buy milk\./);
    assert.deepEqual(await code.followups(), ['Write tests for it']);
    await code.shot('doc');
    await code.openFile('greeting.lua');
  });

  step('who says no to the built-in chat has no tick for it', async () => {
    await code.palette('Jumpseat: Use in Chat View');
    await code.dialog(/Enable VS Code’s built-in chat/, 'Cancel');
    await openWalkthrough();
    assert.deepEqual(await code.ticks(), ticked(1));
    await code.palette('View: Close Editor');
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

  step('@jumpseat /explain is still about the selection, and about nothing else', async () => {
    await code.openFile('greeting.lua');
    await code.selectAll();
    await code.ask('@jumpseat /explain once more');
    await code.answered(/“Explain the code.*every byte/);
    const all = await sim.requests({ path: CHAT });
    const sent = all
      .map(({ body }) => JSON.stringify(body.messages.at(-1).content))
      .find((text) => text.includes('once more'));
    assert.match(sent, /once more.*greeting\.lua, line 1 on:.*return .*Hello/);
    assert.doesNotMatch(sent, /skills/); // which VS Code adds for its own agent
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
    'a model that was withdrawn since it was listed is one message, with the list a click away',
    async () => {
      await sim.rule({
        on: `POST ${CHAT}`,
        do: {
          status: 400,
          body: {
            error: {
              code: 'model_not_supported',
              message: 'The requested model is not supported.',
            },
          },
        },
      });
      await code.ask('Are you there?');
      assert.doesNotMatch(await code.answered(/not found/), /\.js:\d/, 'no stack is shown');
      const told = await code.notification(/Model 'claude-haiku-4\.5' not found/);
      assert.deepEqual(await code.buttons(told), ['Show Models']);
      await code.shot('model-withdrawn');
      await sim.clear_rules();
      await code.clearNotifications();
    },
  );

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
      assert.deepEqual(await code.buttons(told), ['Show Quota']);
      await code.status(/quota used up/);
      await code.shot('quota-used-up');
      await sim.clear_rules();
      await code.press(told, 'Show Quota');
      const view = await code.webview('Premium requests');
      assert.match(
        await view.locator('body').innerText(),
        /octocat[^]*of 300 left \(\d+(\.\d)? %\)/,
      );
      // As a screen reader and a keyboard have it.
      const meter = view.getByRole('meter', { name: 'Premium requests' });
      assert.match(await meter.getAttribute('aria-valuetext'), /of 300 left/);
      assert.equal(await view.getByRole('heading', { level: 1 }).innerText(), 'octocat');
      await view
        .getByRole('rowheader', { name: /GPT-4\.1/ })
        .first()
        .waitFor();
      const policy = view.locator('meta[http-equiv="Content-Security-Policy"]');
      assert.match(await policy.first().getAttribute('content'), /^default-src 'none'; style-src /);
    },
  );

  step('the account page is read and used with the keyboard alone', async () => {
    const view = await code.webview('Premium requests');
    const seen = (await view.locator('main').ariaSnapshot())
      .replace(/\d+(\.\d)? of 300 left \(\d+(\.\d)? %\)/g, 'some of 300 left')
      .replace(/- time: [\d-]+\n *- text: .*/, '- time: then');
    assert.ok(seen.startsWith(ACCOUNT_PAGE), seen);
    assert.match(seen, /- paragraph:\n *- link "Refresh":.*\n.*\n *- link "Choose a Model":/);
    /** After `act` GitHub has been asked once more, and the page has the focus. */
    const asks = async (act) => {
      const before = (await sim.requests({ path: '/copilot_internal/user' })).length;
      await act();
      await sim.wait('complete', { path: '/copilot_internal/user', n: before + 1 });
      await until('the focus in the page', () =>
        view.locator('body').evaluate(() => document.hasFocus()),
      );
    };
    /** As far as the link, whose turn comes after a few. */
    const tabTo = async (name) => {
      const link = view.getByRole('link', { name, exact: true });
      for (let presses = 0; presses < 5; presses++) {
        await code.page.keyboard.press('Tab');
        if (await link.evaluate((one) => one === document.activeElement)) return link;
      }
      assert.fail(`no Tab leads to ${name}`);
    };
    await asks(() => code.palette('Jumpseat: Show Account and Quota'));
    const link = await tabTo('Refresh');
    const outline = await link.evaluate((one) => getComputedStyle(one).outlineStyle);
    assert.equal(outline, 'solid', 'where the focus is can be seen');
    await asks(() => code.page.keyboard.press('Enter'));
    await tabTo('Choose a Model');
    await code.page.keyboard.press('Enter');
    await code.page
      .locator('.quick-input-widget:visible .monaco-list-row', { hasText: 'GPT-5 mini' })
      .first()
      .waitFor();
    await code.page.keyboard.press('Escape');
  });

  step('all text of the account page stands out in every kind of theme', async () => {
    const view = await code.webview('Premium requests');
    for (const [theme, kind] of THEMES) {
      await code.theme(theme);
      await view.locator(`body[data-vscode-theme-kind="${kind}"]`).waitFor();
      const texts = await view.locator('body').evaluate(colours);
      assert.ok(texts.length > 40, `${texts.length} texts`);
      await view.getByRole('heading', { level: 1 }).scrollIntoViewIfNeeded();
      await code.shot(`account-${kind.replace('vscode-', '')}`);
      const faint = texts.filter(({ front, back }) => contrast(front, back) < 4.5);
      assert.deepEqual(faint, [], theme);
      // How much of the bar is left, of a quota that is nearly full: by its middle and by its end.
      const [left, gone] = await code.pixels(view.getByRole('meter'), [0.5, 0.985]);
      assert.ok(contrast(left, gone) >= 3, `${theme}: ${JSON.stringify([left, gone])}`);
    }
    await code.theme(THEMES[0][0]);
  });

  step('all steps of the walkthrough are ticked by now', async () => {
    await openWalkthrough();
    assert.deepEqual(await code.ticks(), ticked(3));
    await code.palette('View: Close Editor');
  });

  step('the port starts by a command, and its address and key are copied', async () => {
    await code.palette('Jumpseat: Start OpenAI-Compatible Port');
    const told = await code.notification(`Copilot’s models are at http://localhost:${number}/v1`);
    await code.shot('port');
    await code.press(told, 'Copy Base URL and Key');
    await code.notification(/are in the clipboard/);
    const text = `OPENAI_BASE_URL=http://localhost:${number}/v1\nOPENAI_API_KEY=none\n`;
    assert.equal(await code.clipboard(), text);
    assert.equal((await fetch(`http://localhost:${number}/v1/models`)).status, 200);
  });

  step('the menu behind the status bar does what it offers', async () => {
    const item = code.page.getByRole('button', { name: 'Jumpseat: quota used up' });
    await item.waitFor(); // as a screen reader has it

    await code.page.evaluate(() => navigator.clipboard.writeText('nothing'));
    await code.clearNotifications();
    await code.menu('Copy Base URL and Key');
    await code.notification(/are in the clipboard/);
    assert.equal(
      await code.clipboard(),
      `OPENAI_BASE_URL=http://localhost:${number}/v1\nOPENAI_API_KEY=none\n`,
    );

    await code.menu('Run Doctor');
    await code.page.locator('.tab.active', { hasText: 'Jumpseat doctor.txt' }).waitFor();
    await until('the report', async () => /octocat/.test(await code.text()));
    await code.shot('doctor');
    const report = await code.text();
    assert.match(report, /GitHub[^]*Copilot/);
    assert.doesNotMatch(report, TOKENS);
    await code.palette('View: Close Editor');

    await code.menu('Show Log');
    await until('the log', async () =>
      /\[error\] insufficient_quota: Quota used up/.test(await code.text('.part.panel')),
    );
    await code.shot('log');
    await code.palette('View: Toggle Panel Visibility');

    await code.menu('Show Models');
    const rows = code.page.locator('.quick-input-widget:visible .monaco-list-row');
    await rows.filter({ hasText: 'GPT-4o' }).first().waitFor();
    await code.shot('models');
    await code.choose('GPT-4o');
    const picker = code.page.locator('.interactive-session .chat-input-toolbars').last();
    await until('the model in the picker', async () => /GPT-4o/.test(await picker.innerText()));
  });

  step('new terminals of the workspace have both, once the person wants that', async () => {
    await code.palette('Jumpseat: Toggle OpenAI Variables in Terminals of This Workspace');
    await code.notification(/New terminals of this workspace get OPENAI_BASE_URL/);
    const settings = JSON.parse(readFileSync(code.machineFile, 'utf8'));
    assert.deepEqual(settings['jumpseat.http.terminals'], [code.workspace]);
    await code.palette('Terminal: Create New Terminal');
    const terminal = code.page.locator('.terminal-wrapper.active .xterm-helper-textarea');
    await terminal.waitFor({ state: 'attached' });
    await code.page.locator('.terminal-wrapper.active .xterm-rows', { hasText: /[$#]/ }).waitFor();
    await terminal.focus();
    await code.page.keyboard.type(
      'env | grep ^OPENAI | sort | tee seen.txt; mv seen.txt done.txt\n',
    );
    const seen = join(code.workspace, 'done.txt');
    await until('what the terminal has', () => existsSync(seen));
    assert.equal(
      readFileSync(seen, 'utf8'),
      `OPENAI_API_KEY=none\nOPENAI_BASE_URL=http://localhost:${number}/v1\n`,
    );
    await code.clearNotifications();
    await code.page.locator('.xterm-rows', { hasText: `=http://localhost:${number}/v1` }).waitFor();
    await code.shot('port-in-terminal');
    await code.palette('Terminal: Kill All Terminals');
  });

  step(
    'a second window shares the one port, which outlives the first’s interest in it',
    async () => {
      const owner = async () =>
        (await (await fetch(`http://localhost:${number}/status`)).json()).pid;
      const first = await owner();
      const other = await code.open(await code.browser.newPage());
      await code.status(/is ready/, other);
      const programsOfBoth = programs(code).map(Number);
      assert.equal(programsOfBoth.length, 2);
      // That window wants it too, since its folder's terminals do; the menu says where it is.
      await code.palette('Jumpseat: Show Menu', other);
      const stop = other.locator('.quick-input-widget .monaco-list-row', {
        hasText: `Stop OpenAI-Compatible Port`,
      });
      await stop.waitFor();
      assert.match(await stop.innerText(), new RegExp(`http://localhost:${number}/v1`));
      await code.shot('second-window', other);
      await other.keyboard.press('Escape');
      assert.equal(await owner(), first, 'the first window’s process serves both');
      await code.page.bringToFront();
      await code.palette('Jumpseat: Stop OpenAI-Compatible Port');
      await code.notification(/This window has closed its port/);
      const second = await until('the second window’s process to serve', () =>
        owner().catch(() => 0),
      );
      assert.deepEqual([first, second].sort(), programsOfBoth.sort());
      await other.close();
      await until('one process', () => programs(code).length === 1);
      assert.deepEqual(programs(code).map(Number), [first]);
    },
  );

  /** Whether the menu knows the port as open, and whose terminals want it. */
  const ports = async () => {
    await code.palette('Jumpseat: Show Menu');
    const row = code.page.locator('.quick-input-widget:visible .monaco-list-row', {
      hasText: 'OpenAI-Compatible Port',
    });
    await row.waitFor();
    const open = /Stop/.test(await row.innerText());
    await code.page.keyboard.press('Escape');
    const settings = JSON.parse(readFileSync(code.machineFile, 'utf8'));
    return { open, terminals: settings['jumpseat.http.terminals'] };
  };

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
    // The port was stopped in this window; that its folder's terminals would want it changes nothing.
    assert.deepEqual(await ports(), { open: false, terminals: [code.workspace] });
    await assert.rejects(fetch(`http://localhost:${number}/status`));
  });

  step('a port that was on comes back with the process, at the same address', async () => {
    await code.menu('Start OpenAI-Compatible Port');
    await code.notification(`Copilot’s models are at http://localhost:${number}/v1`);
    const owner = async () => (await (await fetch(`http://localhost:${number}/status`)).json()).pid;
    const [pid] = programs(code).map(Number);
    assert.equal(await owner(), pid);
    process.kill(pid, 'SIGKILL');
    const next = await until('the port', () => owner().catch(() => 0));
    assert.notEqual(next, pid);
    assert.deepEqual(programs(code).map(Number), [next]);
    assert.deepEqual(await ports(), { open: true, terminals: [code.workspace] });
    await code.menu('Stop OpenAI-Compatible Port');
    await code.notification(/This window has closed its port/);
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

  step('an account without a seat is told so, with GitHub’s page a click away', async () => {
    await code.clearNotifications();
    await sim.scenario('exchange_403_no_seat');
    const page = code.browser.waitForEvent('page');
    await code.palette('Jumpseat: Sign In');
    await (await page).close();
    await code.status(/signing in/);
    await sim.person('approve');
    const told = await code.notification(/No Copilot seat for octocat/);
    assert.deepEqual(await code.buttons(told), ['Open GitHub']);
    await code.status(/Copilot refuses the account/);
    await code.shot('no-seat');
    await sim.clear_rules();
    await code.clearNotifications();
  });

  step('what it cost', async () => {
    const lines = code.extensionLog().match(/Loaded in .*/g);
    assert.ok(lines?.length >= 2, 'one for each window');
    // And what VS Code itself says, in a list by the slowest.
    await code.palette('Developer: Show Running Extensions');
    const list = code.page.locator('.runtime-extensions-editor');
    await list.locator('.extension').first().hover();
    const row = list
      .locator('.extension')
      .filter({ has: code.page.getByText('Jumpseat', { exact: true }) });
    await until('Jumpseat among the running extensions', async () => {
      if ((await row.count()) > 0) return true;
      await code.page.mouse.wheel(0, 200);
      return false;
    });
    lines.push(`VS Code's own figure: ${(await row.first().locator('.time').innerText()).trim()}`);
    mkdirSync(shots, { recursive: true });
    writeFileSync(join(shots, 'activation.txt'), `${lines.join('\n')}\n`);
    await code.shot('running-extensions');
  });
});

describe('a workspace that nobody trusts', { concurrency: false }, () => {
  const step = steps();
  let sim;
  let trap;
  let caught = 0;
  let number;
  let code;
  let marker;
  let token;
  const KEY = 'canary-key-of-the-port';
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
    number = await free_port();
    token = await known_token(sim);
    code = await Code.start({
      vsix,
      shots,
      trust: true,
      machine: { 'jumpseat.http.port': number, 'jumpseat.trace.server': 'verbose' },
      // Not GITHUB_TOKEN, which code-server keeps for itself.
      env: { ...sim.env, COPILOT_GITHUB_TOKEN: token, JUMPSEAT_API_KEY: KEY },
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
          'jumpseat.http.terminals': ['.', '/', '${workspaceFolder}'],
          'terminal.integrated.env.linux': hostile,
          'http.proxy': elsewhere,
        }),
      },
      executable: ['jumpseat'],
    });
    marker = join(code.workspace, 'jumpseat.was-here');
  });
  after(async () => {
    if (step.failed) await code?.shot('failure-untrusted');
    await code?.stop();
    await sim?.stop();
    trap?.close();
  });

  step('S11, E5: hostile settings and files redirect nothing', async () => {
    await code.page.getByText('Restricted Mode').first().waitFor();
    await code.status(/is ready/);
    await code.ask('@jumpseat Hello');
    await code.answered(/every byte took the way a real answer would take/);
    await code.shot('untrusted');
    await code.palette('Jumpseat: Restart');
    await code.status(/is ready/);
    assert.equal(existsSync(marker), false, 'the workspace’s program was started');
    assert.equal(caught, 0, 'something connected to the workspace’s address');
    // The port was not opened, and no terminal was told of it.
    await code.palette('Jumpseat: Show Menu');
    await code.choose('Start OpenAI-Compatible Port');
    const told = await code.notification(`Copilot’s models are at http://localhost:${number}/v1`);
    await code.press(told, 'Copy Base URL and Key');
    await code.notification(/are in the clipboard/);
    assert.ok((await code.clipboard()).endsWith(`OPENAI_API_KEY=${KEY}\n`));
  });

  step('the trace writes down what is said, and no secret', async () => {
    const log = await until('the trace', () => {
      const text = code.extensionLog();
      return text.includes("response 'jumpseat/http/start") && text;
    });
    assert.ok(log.includes("request 'jumpseat/chat"), 'the question is not in the trace');
    assert.ok(log.includes('"<hidden>"'), 'the key is not hidden');
    const [asked] = await sim.requests({ path: CHAT });
    const bearer = asked.headers.authorization.replace('Bearer ', '');
    for (const secret of [KEY, token, bearer]) assert.ok(!log.includes(secret), secret);
    assert.ok(!TOKENS.test(log), 'something that looks like a token');
  });

  /** Each is chosen by the user's setting, which the window takes over, and is one message with one button. */
  const bad = [
    ['is missing', undefined, /There is no file .*bad.0, which jumpseat\.path names/],
    ['may not be executed', { mode: 0o644, text: '' }, /bad.1, which may not be executed/],
    [
      'is built for another machine',
      { text: `\x7fELF\x02\x01${'\0'.repeat(12)}${process.arch === 'arm64' ? '\x3e' : '\xb7'}` },
      /bad.2 is built for (arm64|x64), this machine is/,
    ],
    [
      'prints rubbish',
      { text: '#!/bin/sh\necho "Welcome to the machine"\nexec sleep 600\n' },
      /bad.3 does not speak Jumpseat's protocol; it said “Welcome to the machine”/,
    ],
    [
      'ends at once',
      { text: '#!/bin/sh\necho "no such library" >&2\nexit 3\n' },
      /bad.4 ended with code 3 before it was ready. It said: no such library/,
      'Show Log',
    ],
    [
      'says nothing',
      { text: '#!/bin/sh\nexec sleep 600\n' },
      /bad.5 runs but has not answered for 20 seconds/,
      'Try Again',
    ],
  ];
  step(
    'a program that is no good is one message with one button; a good one puts it right',
    async () => {
      await code.clearNotifications();
      for (const [index, [what, file, message, button = 'Open Settings']] of bad.entries()) {
        const path = join(code.root, `bad.${index}`);
        if (file) {
          writeFileSync(path, Buffer.from(file.text.padEnd(64, '\0'), 'latin1'));
          chmodSync(path, file.mode ?? 0o755);
        }
        code.setMachine({ 'jumpseat.path': path });
        const told = await code.notification(message);
        assert.deepEqual(await code.buttons(told), [button], what);
        assert.match(await code.status(/not running/), /^Jumpseat is not running$/);
        if (index === 0) {
          await code.shot('no-program');
          await code.press(told, button);
          const editor = code.page.locator('.settings-editor');
          await editor.locator('.setting-item', { hasText: 'Jumpseat: Path' }).first().waitFor();
          await code.shot('settings');
          await code.page.keyboard.press('Escape');
          await editor.waitFor({ state: 'hidden' });
        }
        await code.clearNotifications();
      }
      code.setMachine({});
      await code.status(/is ready/);
    },
  );

  step('GitHub out of reach is one message, and the status bar says it', async () => {
    await code.clearNotifications();
    await sim.stop();
    await code.ask('@jumpseat Hello?');
    const told = await code.notification(/127\.0\.0\.1/);
    assert.deepEqual(await code.buttons(told), ['Run Doctor']);
    await code.status(/GitHub cannot be reached/);
    await code.shot('offline');
    await code.clearNotifications();
  });
});
