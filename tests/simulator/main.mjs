// Starts the simulator. See README.md for the options.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { World } from './world.mjs';
import { serve_plain, serve_silence, serve_tls } from './server.mjs';

const USAGE = `usage: node tests/simulator/main.mjs [options]
  --port N               port on 127.0.0.1 (default 0: a free one)
  --scenario NAME        start with this scenario; may be repeated (NAME?parameter=value)
  --person auto|manual   who approves device codes (default manual; --quick: auto)
  --pending-polls N      polls answered "pending" before the imaginary person is done (default 2)
  --interval S           seconds between polls (default 5; --quick: 1)
  --word-ms N            pause between the pieces of an answer (default 25; --quick: 0)
  --quick                short waits everywhere, for tests
  --until-stdin-closes   exit when stdin closes
  --tls CERT KEY         HTTPS with HTTP/2; the control routes are then also on a plain port
  --no-h2                with --tls: HTTP/1.1 only
  --tls-version V        with --tls: exactly this version, e.g. TLSv1.1
  --site TENANT.ghe.com  with --tls: play a tenant, whose name the certificate has to bear
  --hang                 accept connections and never answer (e.g. a TLS handshake that hangs)
`;

function fail(message) {
  process.stderr.write(`simulator: ${message}\n${USAGE}`);
  process.exit(2);
}

function options() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        port: { type: 'string', default: '0' },
        scenario: { type: 'string', multiple: true, default: [] },
        person: { type: 'string' },
        'pending-polls': { type: 'string' },
        interval: { type: 'string' },
        'word-ms': { type: 'string' },
        quick: { type: 'boolean', default: false },
        'until-stdin-closes': { type: 'boolean', default: false },
        tls: { type: 'string' },
        'no-h2': { type: 'boolean', default: false },
        'tls-version': { type: 'string' },
        site: { type: 'string' },
        hang: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return fail(error.message);
  }
}

const { values, positionals } = options();
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}

const number = (name) => {
  const text = values[name];
  if (!/^\d+(\.\d+)?$/.test(text)) fail(`--${name} is a number, not '${text}'`);
  return Number(text);
};

const settings = values.quick ? { person: 'auto', interval: 1, word_ms: 0 } : {};
if (values.person !== undefined) {
  if (!['auto', 'manual'].includes(values.person)) fail("--person is 'auto' or 'manual'");
  settings.person = values.person;
}
if (values['pending-polls'] !== undefined) settings.pending_polls = number('pending-polls');
if (values.interval !== undefined) settings.interval = number('interval');
if (values['word-ms'] !== undefined) settings.word_ms = number('word-ms');
const port = number('port');
if (!Number.isInteger(port) || port > 65535) fail('--port is between 0 and 65535');
if ((values.tls === undefined) !== (positionals.length === 0) || positionals.length > 1) {
  fail(
    values.tls === undefined
      ? `unexpected argument '${positionals[0]}'`
      : '--tls needs a certificate and a key',
  );
}

if (values['until-stdin-closes']) {
  process.stdin.on('end', () => process.exit(0));
  process.stdin.on('error', () => process.exit(0));
  process.stdin.resume();
}
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => process.exit(0));

let world;
try {
  world = new World(settings, values.scenario);
} catch (error) {
  fail(error.message);
}

try {
  const ready = {};
  if (values.hang || values.tls !== undefined) {
    const scheme = values.tls !== undefined ? 'https' : 'http';
    const main = values.hang
      ? await serve_silence(world, port)
      : await serve_tls(world, port, {
          cert: readFileSync(values.tls),
          key: readFileSync(positionals[0]),
          http1_only: values['no-h2'],
          version: values['tls-version'],
        });
    ready.url = `${scheme}://127.0.0.1:${main.port}`;
    ready.control = `http://127.0.0.1:${(await serve_plain(world, 0)).port}`;
  } else {
    ready.url = `http://127.0.0.1:${(await serve_plain(world, port)).port}`;
    ready.control = ready.url;
  }
  // A tenant of GitHub Enterprise Cloud: its hosts are reached through a proxy that leads here.
  world.base_url = values.site === undefined ? ready.url : `https://${values.site}`;
  world.api_url = values.site === undefined ? ready.url : `https://copilot-api.${values.site}`;
  ready.env = {
    GITHUB_COPILOT_DEVICE_CODE_URL: `${ready.url}/login/device/code`,
    GITHUB_COPILOT_ACCESS_TOKEN_URL: `${ready.url}/login/oauth/access_token`,
    GITHUB_COPILOT_API_KEY_URL: `${ready.url}/copilot_internal/v2/token`,
  };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
} catch (error) {
  process.stderr.write(`simulator: cannot start: ${error.message}\n`);
  process.exit(1);
}
