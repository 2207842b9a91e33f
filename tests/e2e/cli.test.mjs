// The command line from outside: what each command prints, its exit code, how settings win over each other,
// what a file in the current directory may say, and what doctor finds.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import {
  Editor,
  Home,
  closed_port,
  in_time,
  known_token,
  made_up_token,
  run,
  spawn_program,
  start_simulator,
  upstream_env,
} from './harness.mjs';

let sim;
let home;
let token;
before(async () => (sim = await start_simulator()));
after(() => sim.stop());
beforeEach(async () => {
  await sim.reset();
  home = new Home();
  token = await known_token(sim);
});
afterEach(() => home.remove());

/// Runs a command in the home of this test; signed in by a token of the environment unless {token: undefined}.
function jumpseat(args, { env = {}, signed_in = true, ...options } = {}) {
  const all = home.env(sim.env, signed_in ? { GITHUB_TOKEN: token } : {}, env);
  return run(args, { env: all, cwd: home.work, ...options });
}

async function expect(args, code, options) {
  const result = await jumpseat(args, options);
  assert.equal(result.signal, null);
  assert.equal(
    result.code,
    code,
    `${args.join(' ')}: ${result.code}\n${result.stdout}${result.stderr}`,
  );
  assert.doesNotMatch(result.stdout + result.stderr, /\x1b/, 'escape sequences without a terminal');
  return result;
}

const write = (path, text, mode = 0o600) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
};

/// {key: {value, origin}} of `jumpseat config --json`, with `problems` and `warnings`.
async function settings(options, args = []) {
  const { stdout } = await jumpseat(['config', '--json', ...args], options);
  const config = JSON.parse(stdout);
  const of = Object.fromEntries(config.settings.map(({ key, ...rest }) => [key, rest]));
  return { of, problems: config.problems, warnings: config.warnings };
}

describe('commands', () => {
  test('--version and --help go to stdout with code 0', async () => {
    const version = await expect(['--version'], 0);
    assert.match(version.stdout, /^jumpseat \d+\.\d+\.\d+\n$/);
    assert.equal(version.stderr, '');
    const help = await expect(['--help'], 0);
    for (const word of [
      'login',
      'logout',
      'status',
      'models',
      'chat',
      'config',
      'doctor',
      '--stdio',
      'Exit codes',
    ]) {
      assert.ok(help.stdout.includes(word), word);
    }
    assert.equal(help.stderr, '');
  });

  test('a wrong command line is code 2, with stdout empty', async () => {
    for (const args of [
      [],
      ['nope'],
      ['chat', '--nope'],
      ['--nope'],
      ['status', 'extra'],
      ['chat'],
      ['login', 'chat'],
    ]) {
      const { stdout, stderr } = await expect(args, 2);
      assert.equal(stdout, '', args.join(' '));
      assert.ok(stderr.length > 20, args.join(' '));
    }
  });

  test('unknown flags never kill --stdio', async () => {
    const editor = new Editor({
      env: home.env(sim.env),
      cwd: home.work,
      args: ['--nope', '--node-ipc=1', '-x', 'word', '--clientProcessId', '7'],
    });
    await editor.begin();
    assert.equal(editor.stderr, '');
    await editor.end();
  });

  test('login, status, login again, logout', async () => {
    const options = { signed_in: false };
    const login = await expect(['login'], 0, options);
    const [, page] = /open +(\S+)/.exec(login.stdout);
    const [, code] = /code +([A-Z]{4}-[0-9]{4})/.exec(login.stdout);
    assert.equal(page, `${sim.url}/login/device`);
    assert.equal((await sim.codes()).at(-1).user_code, code);
    assert.match(login.stdout, /Signed in as octocat \(Copilot plan: individual\)\.\n$/);
    assert.equal(login.stderr, '');

    assert.match(
      (await expect(['login'], 0, options)).stdout,
      /^Already signed in as octocat \(saved sign-in\)/,
    );
    assert.match((await expect(['status'], 0, options)).stdout, /ready, signed in as octocat/);
    assert.match((await expect(['login', '--again'], 0, options)).stdout, /Signed in as octocat/);
    assert.match((await expect(['logout'], 0, options)).stdout, /^Signed out/);
    assert.match((await expect(['logout'], 0, options)).stdout, /^Nobody was signed in/);
    assert.match((await expect(['status'], 4, options)).stdout, /signed out/);
  });

  test('a sign-in that is refused or that cannot start is an error', async () => {
    await sim.scenario('device_denied?n=0');
    const denied = await expect(['login'], 4, { signed_in: false });
    assert.match(denied.stderr, /^error: The sign-in was refused on GitHub's page/);
    const port = closed_port();
    const offline = await expect(['login'], 5, {
      signed_in: false,
      env: { ...upstream_env(port), MAX_RETRIES: '0' },
    });
    assert.match(offline.stderr, /^error: .*Could not connect to 127\.0\.0\.1/);
  });

  test('login says when a token of the environment takes precedence', async () => {
    const { stdout } = await expect(['login', '--again'], 0);
    assert.match(stdout, /environment GITHUB_TOKEN takes precedence/);
    assert.match((await expect(['logout'], 0)).stdout, /environment GITHUB_TOKEN is still in use/);
  });

  test('status tells who, from where, what is left', async () => {
    const { stdout, stderr } = await expect(['status'], 0);
    assert.match(stdout, /^Copilot +ready, signed in as octocat$/m);
    assert.match(stdout, /^Token +environment GITHUB_TOKEN, .*ghu_/m);
    assert.match(stdout, /^Plan +individual/m);
    assert.match(stdout, /premium_interactions: 96 % left \(288 of 300\)/);
    assert.equal(stderr, '');
    const json = JSON.parse((await expect(['status', '--json'], 0)).stdout);
    assert.equal(json.state, 'ready');
    assert.equal(json.login, 'octocat');
    assert.equal(json.source, 'environment GITHUB_TOKEN');
    assert.equal(json.plan, 'individual');
    assert.deepEqual(
      json.quotas.map((one) => one.name),
      ['chat', 'completions', 'premium_interactions'],
    );
    assert.deepEqual(json.storage, { path: home.database, persistent: true });
  });

  test('models is a table, or JSON', async () => {
    const { stdout } = await expect(['models'], 0);
    assert.match(stdout, /^MODEL +NAME +KIND/);
    assert.match(stdout, /^gpt-4\.1 +GPT-4\.1 +chat/m);
    assert.match(stdout, /^Default: copilot-gpt-4 -> gpt-4\.1\./m);
    assert.doesNotMatch(stdout, /claude-opus-4\.1/, 'a model that the policy has switched off');
    const json = JSON.parse((await expect(['models', '--json'], 0)).stdout);
    assert.equal(json.object, 'list');
    assert.ok(json.data.find((model) => model.id === 'gpt-4.1'));
  });

  test('chat streams the answer to stdout and nothing else', async () => {
    await sim.scenario('chat_gpt_stream?text=Four.');
    const plain = await expect(['chat', '2+2?'], 0);
    assert.equal(plain.stdout, 'Four.\n');
    assert.equal(plain.stderr, '');
    const [request] = await sim.requests({ path: '/chat/completions' });
    assert.deepEqual(request.body.messages, [{ role: 'user', content: '2+2?' }]);
    assert.equal(request.headers['x-initiator'], 'user');

    const json = JSON.parse(
      (await expect(['chat', '2+2?', '--json', '--model', 'gpt-4o'], 0)).stdout,
    );
    assert.equal(json.object, 'chat.completion');
    assert.equal(json.choices[0].message.content, 'Four.');
    assert.equal(json.model, 'gpt-4o');
    assert.equal(json.usage.total_tokens, 10, 'the whole answer has the usage');
  });

  for (const through of ['pipe', 'file', 'socket']) {
    test(`chat reads what comes through a ${through}`, async () => {
      await expect(['chat', 'explain'], 0, { input: 'int main() {}\nä\n', through });
      await expect(['chat'], 0, { input: 'only this', through });
      const [both, alone] = (await sim.requests({ path: '/chat/completions' })).map(
        ({ body }) => body.messages[0].content,
      );
      assert.equal(both, 'explain\n\nint main() {}\nä\n');
      assert.equal(alone, 'only this');
    });

    test(`--token-stdin reads a token through a ${through}`, async () => {
      const { stdout } = await expect(['status', '--json', '--token-stdin'], 0, {
        signed_in: false,
        input: `${token}\n`,
        through,
      });
      assert.equal(JSON.parse(stdout).source, 'command line --token-stdin');
      assert.ok(!existsSync(home.database) || !stdout.includes(token));
    });
  }

  test('--token-stdin wins over all others, and an empty one is an error', async () => {
    const other = made_up_token();
    const env = { COPILOT_GITHUB_TOKEN: other, GITHUB_TOKEN: other };
    await expect(['chat', 'hi', '--token-stdin'], 0, { env, input: token });
    const empty = await expect(['status', '--token-stdin'], 4, { env, input: '\n' });
    assert.match(empty.stdout + empty.stderr, /GitHub token cannot be empty/);
  });

  test('chat refuses what is not text', async () => {
    const { stderr } = await expect(['chat'], 2, { input: Buffer.from([0xff, 0xfe, 0x41]) });
    assert.match(stderr, /UTF-8/);
  });

  test('an answer that breaks off keeps its text and fails', async () => {
    await sim.scenario('chat_reset_midstream?chunks=2');
    const { stdout, stderr } = await expect(['chat', 'hi'], 5);
    assert.equal(stdout, 'Hello there\n');
    assert.match(stderr, /^error: .*broke off/m);
    const json = await expect(['chat', 'hi', '--json'], 5);
    assert.equal(json.stdout, '', 'no half JSON');
  });

  test('each kind of failure has its exit code, one error line, and no more', async () => {
    for (const [scenario, code, said] of [
      ['rate_limit_seconds?retry_after=17', 6, /Rate limit exceeded.*\n.*17 s/],
      ['quota_402', 6, /Quota used up/],
      ['error_500', 5, /./],
      ['captive_portal?on=POST%20/chat/completions', 5, /text\/html/],
      ['exchange_403_no_seat', 4, /No Copilot seat/],
      ['exchange_401', 4, /Sign in again/],
      ['forbidden_403?text=terms', 4, /terms of service/],
    ]) {
      await sim.reset();
      await sim.register(token);
      await sim.scenario(scenario);
      const { stdout, stderr } = await expect(['chat', 'hi'], code, { env: { MAX_RETRIES: '0' } });
      assert.equal(stdout, '', scenario);
      assert.match(stderr, said, scenario);
      const lines = stderr.split('\n').filter((line) => /^(error|warning): /.test(line));
      assert.equal(lines.length, 1, `${scenario}: said ${lines.length} times:\n${stderr}`);
    }
  });

  test('a reader that goes away ends the chat, here and upstream', async () => {
    await sim.scenario('endless_events?on=POST%20/chat/completions');
    const child = spawn_program(['chat', 'hi'], {
      env: home.env(sim.env, { GITHUB_TOKEN: token }),
      cwd: home.work,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise((resolve) =>
      child.once('exit', (code, signal) => resolve({ code, signal })),
    );
    child.stdout.once('data', () => child.stdout.destroy());
    child.stderr.resume();
    assert.deepEqual(await in_time(ended, 'the end'), { code: 1, signal: null });
    await sim.wait('closed', { path: '/chat/completions' });
  });
});

describe('settings', () => {
  test('command line, environment, .github.env, .env, config.env, default: the first wins', async () => {
    write(
      home.config,
      'LOG_LEVEL=ERROR\nMAX_RETRIES=1\nREQUEST_TIMEOUT=11\nPORT=1001\nMAX_TOKENS_LIMIT=77\n',
    );
    write(
      join(home.work, '.env'),
      'LOG_LEVEL=ERROR\nMAX_RETRIES=2\nREQUEST_TIMEOUT=12\nPORT=1002\n',
    );
    write(join(home.work, '.github.env'), 'LOG_LEVEL=ERROR\nMAX_RETRIES=3\nREQUEST_TIMEOUT=13\n');
    const env = { LOG_LEVEL: 'ERROR', MAX_RETRIES: '4' };
    const { of, problems, warnings } = await settings({ env }, ['--log-level', 'debug']);
    assert.deepEqual(of.LOG_LEVEL, { value: 'debug', origin: 'command line' });
    assert.deepEqual(of.MAX_RETRIES, { value: '4', origin: 'environment' });
    assert.deepEqual(of.REQUEST_TIMEOUT, { value: '13', origin: '.github.env:3' });
    assert.deepEqual(of.PORT, { value: '1002', origin: '.env:4' });
    assert.deepEqual(of.MAX_TOKENS_LIMIT, { value: '77', origin: `${home.config}:5` });
    assert.deepEqual(of.HOST, { value: 'localhost', origin: 'default' });
    assert.deepEqual([problems, warnings], [[], []]);
  });

  test('--env-file takes the place of both files', async () => {
    write(join(home.work, '.github.env'), 'PORT=1\n');
    const file = join(home.path, 'my.env');
    write(file, 'MAX_RETRIES=5\n');
    const { of } = await settings({}, ['--env-file', file]);
    assert.equal(of.PORT.origin, 'default');
    assert.deepEqual(of.MAX_RETRIES, { value: '5', origin: `${file}:1` });
    const missing = await expect(['status', '--env-file', join(home.path, 'nope')], 3);
    assert.match(missing.stderr, /^error: Cannot read .*nope: No such file/);
    const folder = await expect(['status', '--env-file', home.path], 3);
    assert.match(folder.stderr, /not a regular file/);
  });

  test('the grammar of env files', async () => {
    write(
      join(home.work, '.github.env'),
      '\uFEFF# a comment\r\n' +
        'export PORT = 1234   # a comment\r\n' +
        "GITHUB_COPILOT_MODEL='claude #1'\r\n" +
        'GITHUB_COPILOT_GPT_4O_MODEL="a \\"b\\" \\\\ c"\r\n' +
        'MAX_RETRIES=1\r\nMAX_RETRIES=2\r\n' +
        'LOG_LEVEL=${HOME}\r\n' +
        '\r\n' +
        'SOMEBODY_ELSES=1\r\n',
    );
    const { of, problems } = await settings();
    assert.equal(of.PORT.value, '1234');
    assert.equal(of.GITHUB_COPILOT_MODEL.value, 'claude #1');
    assert.equal(of.GITHUB_COPILOT_GPT_4O_MODEL.value, 'a "b" \\ c');
    assert.deepEqual(of.MAX_RETRIES, { value: '2', origin: '.github.env:6' });
    assert.equal(of.LOG_LEVEL.value, '${HOME}', 'nothing is expanded');
    assert.equal(problems.length, 1);
  });

  test('a malformed line is an error with file and line', async () => {
    for (const [text, line] of [
      ['PORT=1\nBAD LINE\n', 2],
      ['PORT="1\n', 1],
      ["# x\n\nPORT='1\n", 3],
      ['=1\n', 1],
      ['PORT="1" 2\n', 1],
    ]) {
      write(join(home.work, '.github.env'), text);
      const { stderr } = await expect(['config'], 3);
      assert.match(stderr, new RegExp(`^error: \\.github\\.env:${line}: `, 'm'), text);
      await expect(['chat', 'hi'], 3);
    }
  });

  test('a bad value names key, place and what is accepted', async () => {
    for (const [key, value, accepted] of [
      ['GITHUB_COPILOT_ENABLED', 'maybe', /true.*1.*yes.*on.*false.*0.*no.*off/],
      ['GITHUB_COPILOT_ENABLED', '', /true.*off/],
      ['PROXY_TYPE', 'azure', /github_copilot.*github.*copilot/],
      ['GITHUB_COPILOT_LITELLM_ENABLED', '2', /true.*off/],
      ['GITHUB_COPILOT_MODEL', '', /model/],
      ['GITHUB_COPILOT_GPT_4O_MODEL', '', /model/],
      ['PORT', '65536', /0 to 65535|0–65535/],
      ['PORT', '-1', /65535/],
      ['PORT', '80x', /65535/],
      ['REQUEST_TIMEOUT', '0', /3600/],
      ['REQUEST_TIMEOUT', '3601', /3600/],
      ['REQUEST_TIMEOUT', 'soon', /3600/],
      ['MAX_RETRIES', '11', /0 to 10/],
      ['MAX_TOKENS_LIMIT', '0', /above 0/],
      ['LOG_LEVEL', 'LOUD', /DEBUG.*INFO.*WARNING.*ERROR/],
      ['GITHUB_COPILOT_ENDPOINT', 'http://api.github.com', /https/],
      ['GITHUB_COPILOT_ENDPOINT', 'https://api.github.com.evil.example', /api\.github\.com/],
      ['GITHUB_COPILOT_ENDPOINT', 'https://api.github.com@evil.example', /./],
      ['GITHUB_COPILOT_ENDPOINT', 'https://user@api.github.com', /./],
      ['GITHUB_COPILOT_ENDPOINT', 'https://api.github.com/?x=1', /./],
      ['GITHUB_COPILOT_API_BASE', 'https://evil.example', /./],
      ['GITHUB_COPILOT_API_KEY_URL', 'http://evil.example/token', /./],
      ['GITHUB_COPILOT_USER_AGENT', 'a\nb', /ASCII/],
    ]) {
      const { stderr, stdout } = await expect(['chat', 'hi'], 3, { env: { [key]: value } });
      assert.equal(stdout, '');
      assert.match(stderr, /^error: /, key);
      assert.ok(stderr.includes(key), `${key} is not named: ${stderr}`);
      assert.match(stderr, accepted, `${key}=${value}`);
      assert.ok(stderr.includes('environment'), `${key}: where it came from: ${stderr}`);
    }
    assert.equal((await sim.counts()).requests, 0);
  });

  test('good values in all spellings', async () => {
    for (const [key, value] of [
      ['GITHUB_COPILOT_ENABLED', 'YES'],
      ['PROXY_TYPE', 'Copilot'],
      ['LOG_LEVEL', 'Warning'],
      ['PORT', '0'],
      ['REQUEST_TIMEOUT', '3600'],
      ['GITHUB_COPILOT_ENDPOINT', 'https://api.github.com/'],
    ]) {
      await expect(['config'], 0, { env: { [key]: value } });
    }
  });

  test('secrets are masked in config, whatever they look like', async () => {
    const env = {
      GITHUB_TOKEN: token,
      GH_TOKEN: 'not even a token',
      HTTPS_PROXY: 'http://me:hunter2hunter2@127.0.0.1:1',
      GITHUB_COPILOT_API_BASE: 'https://user:hunter2hunter2@api.githubcopilot.com',
    };
    for (const args of [['config'], ['config', '--json']]) {
      const { stdout, stderr } = await jumpseat(args, { env });
      for (const secret of [
        token,
        'not even a token',
        'hunter2hunter2',
        token.slice(0, 12),
        token.slice(-12),
      ]) {
        assert.ok(!(stdout + stderr).includes(secret), `${args.join(' ')} shows ${secret}`);
      }
      assert.match(stdout, /<set>/);
    }
  });

  test('a misspelt key is named with the nearest one', async () => {
    write(join(home.work, '.github.env'), 'GITHUB_COPILOT_MODLE=x\n');
    const { warnings } = await settings();
    assert.equal(warnings.length, 1);
    assert.match(warnings[0], /\.github\.env:1.*GITHUB_COPILOT_MODLE.*GITHUB_COPILOT_MODEL/);
  });

  test('config.env that others may write is ignored, with a warning', async () => {
    write(home.config, 'PORT=7\n', 0o666);
    const { of, warnings } = await settings();
    assert.equal(of.PORT.origin, 'default');
    assert.equal(warnings.length, 1);
    assert.match(warnings[0], /other users can write it.*chmod/);
  });

  test('a FIFO in the place of .env does not hang', async () => {
    spawnSync('mkfifo', [join(home.work, '.env')]);
    const result = await jumpseat(['config']);
    assert.equal(result.code, 3);
    assert.match(result.stderr, /\.env: it is not a regular file/);
  });

  test('GITHUB_COPILOT_ENABLED=false is off although there is a token', async () => {
    const { stderr } = await expect(['chat', 'hi'], 3, { env: { GITHUB_COPILOT_ENABLED: 'no' } });
    assert.match(stderr, /GITHUB_COPILOT_ENABLED/);
    assert.equal((await sim.counts()).requests, 0);
  });

  test('GITHUB_COPILOT_<NAME>_MODEL maps a name', async () => {
    const env = { GITHUB_COPILOT_MY_MODEL_1_MODEL: 'gpt-4o' };
    await expect(['chat', 'hi', '-m', 'my-model.1'], 0, { env });
    assert.equal((await sim.requests({ path: '/chat/completions' }))[0].body.model, 'gpt-4o');
  });

  test('MAX_TOKENS_LIMIT is a cap', async () => {
    await expect(['chat', 'hi'], 0, { env: { MAX_TOKENS_LIMIT: '5' } });
    const [{ body }] = await sim.requests({ path: '/chat/completions' });
    assert.ok(body.max_tokens === undefined || body.max_tokens <= 5);
  });
});

describe('tokens', () => {
  const order = [
    'COPILOT_GITHUB_TOKEN',
    'GH_COPILOT_TOKEN',
    'GITHUB_COPILOT_TOKEN',
    'GITHUB_TOKEN',
    'GH_TOKEN',
  ];

  test('the names of the token, in their order', async () => {
    for (let at = 0; at < order.length; at++) {
      const env = Object.fromEntries(
        order.slice(at).map((name, i) => [name, i === 0 ? token : made_up_token()]),
      );
      const { stdout } = await expect(['status', '--json'], 0, { signed_in: false, env });
      assert.equal(JSON.parse(stdout).source, `environment ${order[at]}`);
    }
  });

  test('an ambient token that can never chat is passed over with the reason; an explicit one is an error', async () => {
    for (const [name, prefix] of [
      ['GITHUB_TOKEN', 'ghs_'],
      ['GITHUB_TOKEN', 'ghp_'],
      ['GH_TOKEN', 'ghs_'],
    ]) {
      const json = JSON.parse(
        (
          await expect(['status', '--json'], 4, {
            signed_in: false,
            env: { [name]: made_up_token(prefix) },
          })
        ).stdout,
      );
      assert.equal(json.state, 'signed_out');
      assert.ok(
        json.passedOver.some(
          (one) => one.source === `environment ${name}` && one.reason.includes(prefix),
        ),
      );
    }
    assert.equal((await sim.counts()).requests, 0);
    const env = { COPILOT_GITHUB_TOKEN: made_up_token(), GITHUB_TOKEN: token };
    const { stdout } = await expect(['status'], 4, { env });
    assert.match(stdout, /COPILOT_GITHUB_TOKEN.*401/);
  });

  test('empty, placeholder and malformed tokens are told apart and never repeated', async () => {
    for (const [value, said] of [
      ['', /GitHub token cannot be empty/],
      ['   ', /GitHub token cannot be empty/],
      ['your_github_token_here', /Invalid GitHub token format/],
      ['ghx_abcdefghijklmnopqrstuvwxyz', /Invalid GitHub token format/],
      ['ghu_tooshort', /Invalid GitHub token format/],
      [`${made_up_token()}!`, /Invalid GitHub token format/],
    ]) {
      const { stdout, stderr } = await expect(['chat', 'hi'], 4, { env: { GITHUB_TOKEN: value } });
      assert.match(stderr, said, value);
      if (value.trim() !== '') assert.ok(!(stdout + stderr).includes(value));
    }
    const none = await expect(['chat', 'hi'], 4, { signed_in: false });
    assert.match(none.stderr, /^error: Missing required GitHub configuration: GITHUB_TOKEN/);
  });

  test('a token from a file is not sent to a simulator', async () => {
    write(join(home.work, '.github.env'), `GITHUB_TOKEN=${token}\n`);
    const { stdout } = await expect(['status', '--json'], 4, { signed_in: false });
    assert.match(JSON.stringify(JSON.parse(stdout).passedOver), /not sent to a simulator/);
    assert.equal((await sim.counts()).requests, 0);
  });
});

describe('the files of a repository', () => {
  /// A listener that must never hear anything.
  async function trap() {
    let heard = 0;
    const server = createServer((socket) => {
      heard++;
      socket.destroy();
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      url: `http://127.0.0.1:${server.address().port}`,
      heard: () => heard,
      close: () => server.close(),
    };
  }

  const hostile = (url) =>
    '\uFEFF' +
    [
      `export GITHUB_COPILOT_API_BASE=${url}`,
      `GITHUB_COPILOT_ENDPOINT = "${url}"`,
      `GITHUB_COPILOT_DEVICE_CODE_URL=${url}/login/device/code`,
      `GITHUB_COPILOT_ACCESS_TOKEN_URL='${url}/login/oauth/access_token'`,
      `GITHUB_COPILOT_API_KEY_URL=${url}/copilot_internal/v2/token # fine`,
      `HTTPS_PROXY=${url}`,
      `https_proxy=${url}`,
      `HTTP_PROXY=${url}`,
      `http_proxy=${url}`,
      `ALL_PROXY=${url}`,
      `all_proxy=${url}`,
      `NO_PROXY=`,
      `SSL_CERT_FILE=./ca.pem`,
      `CURL_CA_BUNDLE=./ca.pem`,
      `GITHUB_COPILOT_TOKEN_DIR=./tokens`,
      `GITHUB_COPILOT_CLIENT_ID=evil`,
      `GITHUB_COPILOT_INTEGRATION_ID=evil`,
      `HOST=0.0.0.0`,
      `LITELLM_PROXY_API_BASE=${url}`,
      `OPENAI_API_BASE=${url}`,
      `XDG_CONFIG_HOME=.`,
      `XDG_DATA_HOME=.`,
      `HOME=.`,
    ].join('\r\n') +
    '\r\n';

  for (const name of ['.env', '.github.env']) {
    test(`E2: ${name} cannot send anything elsewhere; each key is named once`, async () => {
      const target = await trap();
      try {
        write(join(home.work, name), hostile(target.url), 0o644);
        const first = await expect(['status'], 0);
        for (const key of [
          'GITHUB_COPILOT_API_BASE',
          'GITHUB_COPILOT_ENDPOINT',
          'HTTPS_PROXY',
          'HOST',
          'SSL_CERT_FILE',
        ]) {
          const lines = first.stderr
            .split('\n')
            .filter((line) => line.includes(`: ${key} is ignored`));
          assert.equal(lines.length, 1, `${key}: ${first.stderr}`);
          assert.match(lines[0], new RegExp(`^warning: ${name.replaceAll('.', '\\.')}:\\d+: `));
        }
        await expect(['chat', 'hi'], 0);
        await expect(['models', '--refresh'], 0);
        await expect(['doctor'], 0);
        await expect(['login', '--again'], 0);
        assert.equal(target.heard(), 0);
        assert.equal(
          existsSync(join(home.work, 'jumpseat')),
          false,
          'nothing is stored in the repository',
        );
        for (const request of await sim.requests({ path: '/chat/completions' })) {
          assert.notEqual(request.headers['copilot-integration-id'], 'evil');
        }
      } finally {
        target.close();
      }
    });
  }

  test('E2: without a simulator the files cannot make one', async () => {
    const target = await trap();
    // The way to GitHub ends here: a proxy, named by the environment, that refuses everything.
    const asked = [];
    const proxy = createServer((socket) => {
      socket.once('data', (piece) => {
        asked.push(piece.toString('latin1').split('\r\n')[0]);
        socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
      });
      socket.on('error', () => {});
    });
    await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      write(join(home.work, '.github.env'), hostile(target.url));
      const env = home.env({
        GITHUB_TOKEN: made_up_token(),
        HTTPS_PROXY: `http://127.0.0.1:${proxy.address().port}`,
        MAX_RETRIES: '0',
      });
      for (const args of [['status'], ['chat', 'hi'], ['login', '--again'], ['doctor']]) {
        const { code } = await run(args, { env, cwd: home.work });
        assert.ok(code === 5 || code === 4, `${args}: ${code}`);
      }
      assert.equal(target.heard(), 0);
      assert.ok(asked.length > 0);
      for (const line of asked) {
        assert.match(line, /^CONNECT (api\.github\.com|github\.com):443 HTTP\/1\.1$/);
      }
    } finally {
      proxy.close();
      target.close();
    }
  });

  test('E1: the stdio server reads no file of the directory it is started in', async () => {
    const target = await trap();
    try {
      for (const name of ['.env', '.github.env']) {
        write(
          join(home.work, name),
          `${hostile(target.url)}GITHUB_COPILOT_MODEL=gpt-4o\nBAD LINE\n`,
        );
      }
      const editor = new Editor({
        env: home.env(sim.env, { GITHUB_TOKEN: token }),
        cwd: home.work,
      });
      await editor.begin();
      const config = (await editor.request('jumpseat/config', {})).result;
      assert.deepEqual([config.warnings, config.problems], [[], []]);
      for (const { key, origin } of config.settings)
        assert.match(origin, /^(default|not set|environment)$/, key);
      assert.ok((await editor.chat()).result);
      assert.equal((await sim.requests({ path: '/chat/completions' }))[0].body.model, 'gpt-4.1');
      await editor.end();
      assert.equal(target.heard(), 0);
    } finally {
      target.close();
    }
  });

  test('a file may set what is harmless', async () => {
    write(
      join(home.work, '.github.env'),
      'GITHUB_COPILOT_MODEL=gpt-4o\nHOST=127.0.0.1\nGITHUB_COPILOT_ENDPOINT=https://api.github.com\n',
    );
    const { of, warnings } = await settings();
    assert.deepEqual(warnings, []);
    assert.equal(of.GITHUB_COPILOT_MODEL.origin, '.github.env:1');
  });
});

describe('doctor', () => {
  /// What doctor prints, with the names of this run's things in place of the things.
  async function doctor(code, options) {
    const { stdout, stderr } = await expect(['doctor'], code, options);
    const port = /127\.0\.0\.1:\d+/g;
    return {
      text: stdout
        .replaceAll(home.path, '$home')
        .replaceAll(port, '$upstream')
        .replace(/^jumpseat \S+,/, 'jumpseat $version,'),
      stderr,
    };
  }

  const begin = 'jumpseat $version, http://$upstream\n';
  const good = {
    configuration: 'ok    configuration: no problems, no proxy\n',
    storage: 'ok    storage: $home/.local/share/jumpseat/jumpseat.db\n',
    network: 'ok    network and TLS: 127.0.0.1 answers\n',
    sign_in: 'ok    sign-in: environment GITHUB_TOKEN, GitHub App user token (ghu_)\n',
    exchange: 'ok    exchange: octocat, plan individual; Copilot is at 127.0.0.1\n',
  };

  test('all well', async () => {
    const { text, stderr } = await doctor(0);
    assert.equal(stderr, '');
    assert.match(
      text,
      new RegExp(
        `^${[begin, good.configuration, good.storage, good.network, good.sign_in, good.exchange]
          .join('')
          .replace(
            /[.$()+?*[\]]/g,
            '\\$&',
          )}ok    models: \\d+ models.*\nok    chat: an answer came from \\S+\n\nEverything works\\.\n$`,
      ),
    );
    const chats = await sim.requests({ path: '/chat/completions' });
    assert.equal(chats.length, 1);
    assert.ok(chats[0].body.max_tokens <= 16 || chats[0].body.max_completion_tokens <= 16);
  });

  test('no sign-in', async () => {
    const { text, stderr } = await doctor(4, { signed_in: false });
    assert.equal(stderr, '');
    assert.equal(
      text,
      `${begin}${good.configuration}${good.storage}${good.network}` +
        'note  sign-in: environment and configuration: no token is set\n' +
        'note  sign-in: saved sign-in: nobody has signed in at http://$upstream on this machine\n' +
        "note  sign-in: LiteLLM's token directory: its sign-in is github.com's; name a directory of $upstream in GITHUB_COPILOT_TOKEN_DIR\n" +
        'note  sign-in: github-copilot/apps.json: there is no such file\n' +
        'note  sign-in: github-copilot/hosts.json: there is no such file\n' +
        'note  sign-in: GitHub CLI: gh is not installed\n' +
        'FAIL  sign-in: Missing required GitHub configuration: GITHUB_TOKEN. No usable sign-in was found. Run `jumpseat login`, ' +
        "use your editor's Copilot sign-in, sign in with `gh auth login`, or set GITHUB_TOKEN (or give --token-stdin) to a token with Copilot access.\n",
    );
  });

  test('no network', async () => {
    const port = closed_port();
    const { text, stderr } = await doctor(5, { env: { ...upstream_env(port), MAX_RETRIES: '0' } });
    assert.equal(stderr, '');
    assert.match(
      text,
      /\nFAIL  network and TLS: Could not connect to 127\.0\.0\.1: connection refused\. Check the network connection, the firewall and the proxy setting\.\n$/,
    );
    assert.ok(text.startsWith(`${begin}${good.configuration}${good.storage}`));
  });

  test('no seat', async () => {
    await sim.scenario('exchange_403_no_seat');
    const { text } = await doctor(4);
    assert.equal(
      text,
      `${begin}${good.configuration}${good.storage}${good.network}${good.sign_in}` +
        'FAIL  exchange: The sign-in from environment GITHUB_TOKEN was refused: GitHub gave no Copilot token: No Copilot seat for octocat. ' +
        'This account has not signed up for Copilot: sign up on the page below; there is a free plan.\n' +
        '      https://github.com/settings/copilot\n',
    );
  });

  test('a token that GitHub does not know', async () => {
    const { text } = await doctor(4, { env: { GITHUB_TOKEN: made_up_token() } });
    assert.match(
      text,
      /\nFAIL  exchange: The sign-in from environment GITHUB_TOKEN was refused: .*401.*\n( {6}.*\n)* {6}.*`jumpseat login --again`.*\n$/,
    );
  });

  test('a wrong setting', async () => {
    const { text, stderr } = await doctor(3, { env: { PORT: '99999', LOG_LEVEL: 'x' } });
    assert.equal(stderr, '');
    assert.equal(
      text,
      `${begin}FAIL  configuration: PORT (environment): "99999" is not valid. Accepted: 0 to 65535.\n` +
        'FAIL  configuration: LOG_LEVEL (environment): "x" is not valid. Accepted: DEBUG, INFO, WARNING, ERROR.\n' +
        '      `jumpseat config` shows every value and where it comes from.\n',
    );
  });

  test('a proxy that is not there is named, without its password', async () => {
    const port = closed_port();
    const env = { http_proxy: `http://me:hunter2hunter2@127.0.0.1:${port}`, MAX_RETRIES: '0' };
    const result = await jumpseat(['doctor'], { env });
    // Calls to the loopback may go past a proxy; if not, the message says which one.
    if (result.code !== 0) {
      assert.equal(result.code, 5);
      assert.match(result.stdout, /127\.0\.0\.1/);
      assert.match(result.stdout, /http_proxy/);
    } else {
      assert.match(result.stdout, /network and TLS: 127\.0\.0\.1 answers/);
    }
    assert.ok(!(result.stdout + result.stderr).includes('hunter2hunter2'));
  });

  test('a proxy in front of GitHub that refuses is named, with where the setting came from', async () => {
    const proxy = createServer((socket) => {
      socket.once('data', () =>
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n'),
      );
      socket.on('error', () => {});
    });
    await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = proxy.address();
      const env = home.env({
        GITHUB_TOKEN: made_up_token(),
        HTTPS_PROXY: `http://me:hunter2hunter2@127.0.0.1:${port}`,
        MAX_RETRIES: '0',
      });
      const { code, stdout, stderr } = await run(['doctor'], { env, cwd: home.work });
      assert.equal(code, 5);
      assert.match(stdout, /FAIL  network and TLS: .*api\.github\.com/);
      assert.match(stdout, new RegExp(`127\\.0\\.0\\.1:${port}`), 'the proxy is named');
      assert.match(stdout, /environment HTTPS_PROXY/);
      assert.ok(!(stdout + stderr).includes('hunter2hunter2'));
    } finally {
      proxy.close();
    }
  });

  test('a broken chat', async () => {
    await sim.scenario('chat_truncated?chunks=0');
    const { text } = await doctor(5);
    assert.match(text, /\nFAIL  chat: .*\n$/);
  });

  test('models that cannot be had', async () => {
    await sim.scenario('models_garbage');
    const { text } = await doctor(5, { env: { MAX_RETRIES: '0' } });
    assert.match(text, /\nFAIL  models: .*\n$/);
  });
});
