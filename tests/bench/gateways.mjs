// Gateways that people put where Jumpseat stands, each in one pinned version: Portkey's (npm) and LiteLLM's proxy
// (PyPI). They are brought from their registries and run on loopback, in front of the same upstream. Who cannot be
// had is skipped loudly.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PORTKEY = '@portkey-ai/gateway';
const PORTKEY_VERSION = '1.15.2';
const LOOPBACK = new URL('loopback.mjs', import.meta.url).href;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PYTHON = join(ROOT, 'build/python');
const REQUIREMENTS = 'tests/e2e/python/requirements.txt'; // where LiteLLM's version is pinned

/// [{name, version, command, env, config, head, ready, share}] of what is there. `command(port, file)` and
/// `config(upstream)`: how it is started, and the text of that file; `head`: more lines for a request; `ready`:
/// what it answers with 200 once it serves; `share`: of the requests that the others get, because each takes it
/// milliseconds. install: 'when missing' or 'never'.
export async function find_gateways({ directory, install, skip }) {
  const found = [await portkey(directory, install), await litellm(install)];
  for (const { missing } of found.filter((one) => one.missing)) skip(missing);
  return found.filter((one) => !one.missing);
}

async function portkey(directory, install) {
  const home = join(directory, 'gateways');
  const program = join(home, 'node_modules', PORTKEY, 'build/start-server.js');
  const there = () => {
    const about = join(home, 'node_modules', PORTKEY, 'package.json');
    return (
      existsSync(program) && JSON.parse(readFileSync(about, 'utf8')).version === PORTKEY_VERSION
    );
  };
  if (!there() && install === 'when missing') {
    process.stderr.write(`Bringing ${PORTKEY} ${PORTKEY_VERSION} with npm\n`);
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'package.json'), '{"private":true}\n');
    const words = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--save-exact'];
    await ended('npm', [...words, `${PORTKEY}@${PORTKEY_VERSION}`], home);
  }
  if (!there()) return { missing: `Portkey's gateway (npm package ${PORTKEY}) is not there` };
  return {
    name: 'Portkey',
    version: PORTKEY_VERSION,
    command: (port) => [
      ...[process.execPath, '--import', LOOPBACK], // it would listen at every address
      ...[program, '--headless', `--port=${port}`],
    ],
    env: { NODE_ENV: 'production' },
    head: (upstream) => [
      'x-portkey-provider: openai',
      `x-portkey-custom-host: http://127.0.0.1:${upstream}/v1`,
    ],
    ready: '/',
    share: 1 / 10,
  };
}

async function litellm(install) {
  const program = join(PYTHON, 'bin/litellm');
  const stamp = join(PYTHON, 'requirements.txt');
  const wanted = readFileSync(join(ROOT, REQUIREMENTS), 'utf8');
  const there = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
  if (!there() && install === 'when missing') {
    process.stderr.write('Bringing LiteLLM with pip\n');
    await ended(join(ROOT, 'tests/e2e/python/install.sh'), [], ROOT);
  }
  if (!there()) return { missing: "LiteLLM's proxy (PyPI package litellm) is not there" };
  return {
    name: 'LiteLLM',
    version: /^litellm==(\S+)/m.exec(wanted)[1],
    command: (port, config) => [
      ...[program, '--config', config, '--host', '127.0.0.1', '--port', String(port)],
      ...['--telemetry', 'False'],
    ],
    env: {
      LITELLM_LOCAL_MODEL_COST_MAP: 'True', // it would fetch a price list from the network
      LITELLM_LOG: 'ERROR',
      LITELLM_MODE: 'PRODUCTION',
      NO_PROXY: '*',
      PYTHONDONTWRITEBYTECODE: '1',
    },
    config: (upstream) =>
      JSON.stringify({
        model_list: [
          {
            model_name: '*',
            litellm_params: {
              model: 'openai/*',
              api_base: `http://127.0.0.1:${upstream}/v1`,
              api_key: 'not-needed',
            },
          },
        ],
        litellm_settings: { num_retries: 0 },
        router_settings: { num_retries: 0, disable_cooldowns: true },
      }),
    head: () => [],
    ready: '/health/liveliness',
    share: 1 / 100,
  };
}

/// Runs a program that fetches something; whether it came is seen by the caller.
function ended(program, words, cwd) {
  return new Promise((resolve) => {
    const child = spawn(program, words, {
      cwd,
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 300_000,
    });
    child.on('error', resolve);
    child.on('exit', resolve);
  });
}
