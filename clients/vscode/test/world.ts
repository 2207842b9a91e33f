// The end-to-end tests' world with types: a simulator, a home, the program (tests/e2e/harness.mjs).
//
//   const world = useWorld();
//   test('…', async () => {
//     const wire = wireOf(await world.start());

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach } from 'node:test';
import { pathToFileURL } from 'node:url';
import { launch, type Running } from '../src/process';
import type { Program } from '../src/binary';
import type { Wire } from '../src/wire';
import type { CancellationToken } from 'vscode-jsonrpc/node';

/** Where the extension is; written in by scripts/build.mjs. */
declare const EXTENSION_ROOT: string;

export const ROOT = EXTENSION_ROOT;
export const read = (...names: string[]): string => readFileSync(join(ROOT, ...names), 'utf8');

export interface Recorded {
  path: string;
  headers: Record<string, string>;
  body: unknown;
}

export interface Simulator {
  url: string;
  env: Record<string, string>;
  scenario(spec: unknown): Promise<unknown>;
  rule(one: unknown): Promise<unknown>;
  wait(kind: string, where: object): Promise<Recorded[]>;
  requests(filter: object): Promise<Recorded[]>;
  person(action: string): Promise<unknown>;
  reset(): Promise<unknown>;
  stop(): Promise<void>;
}

export interface Home {
  path: string;
  env(...more: object[]): Record<string, string>;
  remove(): void;
}

interface Harness {
  DEADLINE_MS: number;
  start_simulator(options?: object): Promise<Simulator>;
  known_token(sim: Simulator): Promise<string>;
  closed_port(): Promise<number>;
  upstream_env(port: number): Record<string, string>;
  binary(): string;
  Home: new () => Home;
}

const harness = (): Promise<Harness> =>
  import(
    pathToFileURL(join(ROOT, '..', '..', 'tests', 'e2e', 'harness.mjs')).href
  ) as Promise<Harness>;

export interface World {
  tools: Harness;
  sim: Simulator;
  home: Home;
  /** A process in the test's home, with these variables besides; signed in unless `token` says no. */
  start(
    more?: object,
    token?: 'token' | 'no token',
    options?: Parameters<typeof start>[2],
  ): Promise<Running>;
}

/** For the tests of a file: one simulator, a home for each test; what was started ends with the last. */
export function useWorld(): World {
  const running: Running[] = [];
  const world = {
    async start(more = {}, token = 'token', options = {}) {
      const { tools, sim, home } = world;
      const signedIn = token === 'token' ? { GITHUB_TOKEN: await tools.known_token(sim) } : {};
      const one = await start(tools.binary(), home.env(sim.env, signedIn, more), options);
      running.push(one);
      return one;
    },
  } as World;
  before(async () => {
    world.tools = await harness();
    world.sim = await world.tools.start_simulator();
  });
  after(async () => {
    await Promise.all(running.map((one) => one.stop()));
    await world.sim.stop();
  });
  beforeEach(async () => {
    await world.sim.reset();
    world.home = new world.tools.Home();
  });
  return world;
}

const silent = () => undefined;

/** A log that keeps what is written. */
export function keptLog(onLog: (line: string) => void = silent) {
  const lines: string[] = [];
  const keep = (line: string) => {
    lines.push(line);
    onLog(line);
  };
  return {
    lines,
    log: {
      info: keep,
      warn: keep,
      error: keep,
      debug: keep,
      trace: keep,
      appendLine: keep,
      append: keep,
      show: silent,
      dispose: silent,
    } as unknown as Parameters<typeof launch>[0]['log'],
  };
}

/** Starts a program as the extension does. */
export function start(
  path: string,
  env: NodeJS.ProcessEnv,
  more: {
    limitMs?: number;
    signal?: AbortSignal;
    onLog?: (line: string) => void;
    onCrash?: (how: string) => void;
    origin?: Program['origin'];
  } = {},
): Promise<Running> {
  return launch({
    program: { path, origin: more.origin ?? 'setting' },
    env,
    initializationOptions: { editorInfo: { name: 'test', version: '1' } },
    log: keptLog(more.onLog).log,
    limitMs: more.limitMs ?? 60_000,
    signal: more.signal,
    onCrash: more.onCrash ?? silent,
  });
}

/** A process as what the features want. */
export function wireOf({ client, onProgress }: Running): Wire {
  let tokens = 0;
  return {
    request: <T>(name: string, params: object, token?: CancellationToken) =>
      token ? client.sendRequest<T>(name, params, token) : client.sendRequest<T>(name, params),
    notify: (name, params) => client.sendNotification(name, params),
    progress: <T>(take: (value: T) => void) => {
      const token = `t${++tokens}`;
      const listener = onProgress(token, take);
      return Promise.resolve({
        token,
        dispose: () => {
          listener.dispose();
        },
      });
    },
  };
}
