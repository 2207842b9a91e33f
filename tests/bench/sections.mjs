// What is measured: one function per section. Each gives {title, rows, notes}; rows as table.mjs
// wants them. The bars (T5 …) are the project's speed targets; docs/benchmarks.md explains them.

import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { calls_of, instructions_of } from './callgrind.mjs';
import { has } from './machine.mjs';
import { http, http_cold, http_instructions, http_many, http_tls } from './http_sections.mjs';
import { beside, row, rows_beside } from './rows.mjs';
import { exact, mean, median, quantile } from './statistics.mjs';

const CLANGD = 'clangd';
const OFFICIAL = 'Copilot LS';
const MB_PER_KB = 1024 / 1e6;

const ours = (stage) => [stage.jumpseat, '--stdio'];

// --- start: spawn → initialize, memory, end of input ----------------------------------

async function start(bench) {
  const { stage } = bench;
  const us = ours(stage);
  const count = bench.count(30, 3);
  const idle_ms = bench.count(2000, 200);
  const cell = (target, workload, options, command) => ({
    target,
    run: () => stage.client(workload, options, command),
  });
  const resting = (target, env, more = {}) =>
    cell(target, 'initialize', { env, count: 1, idle_ms, ...more }, us);
  const fetching = {
    request: 'jumpseat/models',
    params: stage.file('refresh.json', '{"refresh":true}'),
  };

  const cells = [
    cell('signed out', 'initialize', { env: stage.signed_out, count }, us),
    cell('signed in', 'initialize', { env: stage.signed_in, count }, us),
    cell('C hello', 'run', { count }, [stage.helper('hello')]),
    cell('C++ hello', 'run', { count }, [stage.helper('hello_cpp')]),
    resting('signed out, idle', stage.signed_out),
    resting('signed in, idle', stage.signed_in),
    resting('signed in, after a plain call', stage.signed_in, fetching),
  ];
  const tls = await stage.behind_tls();
  if (tls) cells.push(resting('signed in, after a TLS call', tls, fetching));
  for (const { name, command } of bench.peers) {
    cells.push(
      cell(
        name,
        'initialize',
        { count: name === CLANGD ? bench.count(3, 1) : 1, idle_ms },
        command,
      ),
    );
  }
  const sheet = await bench.measure('start', cells);

  const rows = [];
  const ms = { unit: 'ms', what: 'spawn → `initialize` answer, median, signed in' };
  const start_up = (them, their_metric) =>
    beside(sheet, { us: 'signed in', them, metric: 'answer_us', their_metric, scale: 1e-3 });
  rows.push(row({ target: 'T10', limit: 5, ...ms }, start_up('C hello', 'us')));
  rows.push(
    row(
      { target: 'T10', limit: 6, judged: 'ratio', ...ms, what: 'the same, as a multiple' },
      start_up('C++ hello', 'us'),
    ),
  );
  for (const { name } of bench.peers) {
    rows.push(row({ ...ms, what: 'the same' }, start_up(name, 'answer_us')));
  }
  const p99 = (target) =>
    sheet.pooled(target, 'answer_us', (values) => quantile(values, 0.99) / 1000);
  rows.push(
    { target: 'T10', what: 'the same, p99', unit: 'ms', limit: 10, ours: p99('signed in') },
    row(
      { what: 'spawn → `initialize` answer, median, signed out', unit: 'ms' },
      beside(sheet, { us: 'signed out', metric: 'answer_us', scale: 1e-3 }),
    ),
  );

  const peers = [CLANGD, OFFICIAL];
  const memory = (texts, us_target, metric, them = []) =>
    rows.push(
      ...rows_beside(
        sheet,
        { unit: 'MB', ...texts },
        { us: us_target, peers: them, metric, scale: MB_PER_KB },
      ),
    );
  const at_answer = 'resident at the answer';
  const at_rest = 'resident when idle';
  const plain = 'signed in, after a plain call';
  const secure = 'signed in, after a TLS call';
  memory({ what: `${at_answer}, signed out` }, 'signed out', 'answer_kb');
  memory({ what: `${at_answer}, signed in` }, 'signed in', 'answer_kb', peers);
  memory({ what: `${at_rest}, signed out` }, 'signed out, idle', 'idle_kb');
  memory(
    { target: 'T9', limit: 8, what: `${at_rest}, signed in` },
    'signed in, idle',
    'idle_kb',
    peers,
  );
  memory({ what: `${at_rest}, ${plain}` }, plain, 'idle_kb');
  if (tls) memory({ target: 'T9', limit: 11, what: `${at_rest}, ${secure}` }, secure, 'idle_kb');
  if (readable_share(sheet)) {
    const share = 'proportional share (PSS) when idle';
    memory({ what: `${share}, signed in` }, 'signed in, idle', 'idle_share_kb', peers);
    if (tls) memory({ what: `${share}, ${secure}` }, secure, 'idle_share_kb');
  } else {
    bench.skip('proportional share (PSS): only root may read it of a process that hides itself');
  }
  rows.push(
    ...rows_beside(
      sheet,
      { target: 'T19', limit: 50, what: 'end of input → process gone, idle', unit: 'ms' },
      { us: 'signed in, idle', peers, metric: 'exit_us', scale: 1e-3 },
    ),
  );
  const notes = [
    'MB are 10⁶ bytes. Memory is summed over a process and its children. C and C++ hello: spawn → exit.',
  ];
  if (tls) {
    notes.push(
      'After a TLS call: the simulator plays a GitHub tenant behind a CONNECT proxy on loopback; one `jumpseat/models` with refresh (HTTP/2), the connection stays open.',
    );
  }
  if (sheet.has(OFFICIAL)) {
    notes.push('Copilot LS is shut into a network namespace without a network.');
  }
  return { title: 'Start, memory, end', rows, notes };
}

function readable_share(sheet) {
  return sheet.per_round((round) => round('signed in, idle', 'idle_share_kb')[0]).low > 0;
}

// --- messages: JSON-RPC round trips -------------------------------------------------------

async function messages(bench) {
  const { stage } = bench;
  const us = ours(stage);
  const count = bench.count(5000, 100);
  const status = { request: 'checkStatus', params: stage.local_checks };
  const models = { request: 'jumpseat/models', params: stage.empty };
  const env = stage.signed_in;
  const { answer_bytes } = await stage.client('round-trips', { env, count: 1, ...models }, us);
  const frame = 22; // bytes of a header
  const echo = (answer, place) => ({
    run: () =>
      stage.client('echo', { count, size: 130, answer, place }, [
        stage.helper('echo'),
        String(answer),
      ]),
  });
  const trips = (options, place, command = us) => ({
    run: () => stage.client('round-trips', { env, count, place, ...options }, command),
  });

  const cells = [];
  for (const place of ['free', 'apart']) {
    cells.push(
      { target: `checkStatus ${place}`, ...trips(status, place) },
      { target: `models ${place}`, ...trips(models, place) },
      { target: `echo ${place}`, ...echo(68 + frame, place) },
      { target: `large echo ${place}`, ...echo(answer_bytes + frame, place) },
    );
    if (bench.peer(CLANGD)) {
      const unknown = { request: 'bench/unknown', params: stage.empty, env: stage.bare };
      cells.push({
        target: `clangd ${place}`,
        ...trips(unknown, place, bench.peer(CLANGD).command),
      });
    }
  }
  const sheet = await bench.measure('messages', cells);

  const rows = [];
  const add = (texts, us_target, them, metric, name) => {
    const values = beside(sheet, { us: us_target, them, metric });
    if (values.peer) values.peer = name;
    rows.push(row({ unit: 'µs', ...texts }, values));
  };
  const pinning = { free: 'not pinned', apart: 'pinned to two processors' };
  const kilobytes = Math.round(answer_bytes / 1000);
  for (const [place, how] of Object.entries(pinning)) {
    const bar = { target: 'T11', limit: 25 };
    const status_text = `\`checkStatus\` with \`localChecksOnly\`, p50, ${how}`;
    add(
      { ...bar, what: status_text },
      `checkStatus ${place}`,
      `echo ${place}`,
      'p50_us',
      'pipe echo',
    );
    if (bench.peer(CLANGD)) {
      add(
        { what: 'the same' },
        `checkStatus ${place}`,
        `clangd ${place}`,
        'p50_us',
        'clangd, unknown method',
      );
    }
    add({ what: 'the same, p99' }, `checkStatus ${place}`, `echo ${place}`, 'p99_us', 'pipe echo');
    add(
      { ...bar, what: `\`jumpseat/models\` from memory (${kilobytes} kB), p50, ${how}` },
      `models ${place}`,
      `large echo ${place}`,
      'p50_us',
      `pipe echo of ${kilobytes} kB`,
    );
    add({ what: 'the same, p99' }, `models ${place}`, `large echo ${place}`, 'p99_us', 'pipe echo');
  }
  add(
    { what: 'CPU for one `checkStatus`' },
    'checkStatus apart',
    'echo apart',
    'cpu_us',
    'pipe echo',
  );
  add(
    { what: 'CPU for one `jumpseat/models`' },
    'models apart',
    'large echo apart',
    'cpu_us',
    'pipe echo',
  );
  return {
    title: 'JSON-RPC round trips over pipes',
    rows,
    notes: [
      'Pipe echo: a C program that reads and writes as many bytes. On two processors every message wakes a sleeping one, which in a virtual machine costs more than the message.',
    ],
  };
}

// --- streams: what lies between the simulator and the client -----------------------------------

const CHUNKS = 100;
const EVERY_MS = 10;
const LATE_US = 5000;

async function streams(bench) {
  const { stage } = bench;
  const requests = bench.count(200, 5);
  const chunks = bench.count(CHUNKS, 20);
  const pair = (name, scenario, options) => {
    const run = async (more, command) => {
      await stage.bench_scenario(...scenario);
      return stage.client('chats', { body: stage.small, ...options, ...more }, command);
    };
    return [
      { target: `${name} direct`, run: () => run({ port: stage.port, head: stage.head }) },
      { target: name, run: () => run({ env: stage.signed_in }, ours(stage)) },
    ];
  };
  const sheet = await bench.measure('streams', [
    ...pair('first', [1, 0], { requests, warm: bench.count(20, 1) }),
    ...pair('1 stream', [chunks, EVERY_MS], { streams: 1 }),
    ...pair('8 streams', [chunks, EVERY_MS], { streams: 8 }),
  ]);

  const rows = [];
  const add = (texts, us, values, as = 'added') => {
    const all = beside(sheet, { us, them: `${us} direct`, ...values });
    if (all.peer) all.peer = 'direct';
    rows.push(row({ unit: 'µs', ...texts }, all, as));
  };
  add({ what: 'request → first chunk, median, warm' }, 'first', { metric: 'first_us' });
  for (const [name, count] of [
    ['1 stream', 1],
    ['8 streams', 8],
  ]) {
    const what = `delay of a chunk, ${name}, one chunk every ${EVERY_MS} ms`;
    add({ target: 'T6', limit: 200, judged: 'added', what: `${what}, p50` }, name, {
      metric: 'delay_us',
    });
    add({ what: 'the same, p99' }, name, {
      metric: 'delay_us',
      reduce: (values) => quantile(values, 0.99),
    });
    add(
      {
        target: 'T6',
        limit: 0,
        judged: 'added',
        unit: '%',
        what: `chunks later than 5 ms, ${name}`,
      },
      name,
      {
        metric: 'delay_us',
        reduce: (values) => mean(values.map((one) => (one > LATE_US ? 100 : 0))),
      },
    );
    rows.push({
      target: 'T5',
      what: `CPU for a chunk, ${name}`,
      unit: 'µs',
      limit: 20,
      ours: sheet.per_round((round) => round(name, 'cpu_us')[0] / (count * chunks)),
    });
  }
  rows.push({
    what: 'CPU for a small request with one chunk',
    unit: 'µs',
    ours: sheet.per_round((round) => round('first', 'cpu_us')[0] / requests),
  });
  return {
    title: 'Streams (`jumpseat/chat`)',
    rows,
    notes: [
      'Direct: the same client speaks HTTP/1.1 to the simulator. The delay of a chunk is the time from the stamp that the simulator wrote into it to its arrival.',
    ],
  };
}

// --- prompts: 1 MB ---------------------------------------------------------------------------

async function prompts(bench) {
  const { stage } = bench;
  const requests = bench.count(20, 2);
  await stage.bench_scenario(1, 0);
  const options = { body: stage.large, requests, warm: 1 };
  const sheet = await bench.measure('prompts', [
    {
      target: 'direct',
      run: () => stage.client('chats', { ...options, port: stage.port, head: stage.head }),
    },
    {
      target: 'jumpseat',
      run: () => stage.client('chats', { ...options, env: stage.signed_in }, ours(stage)),
    },
    {
      target: 'first large one',
      run: () =>
        stage.client(
          'chats',
          { ...options, requests: 1, warm_body: stage.small, env: stage.signed_in },
          ours(stage),
        ),
    },
  ]);
  const growth = (target) =>
    sheet.per_round(
      (round) =>
        ((round(target, 'peak_kb')[0] - round(target, 'before_kb')[0]) * 1024) / stage.large_bytes,
    );
  const times = { us: 'jumpseat', them: 'direct', metric: 'first_us', scale: 1e-3 };
  return {
    title: 'Prompts of 1 MB (escaped code, some of it outside ASCII)',
    rows: [
      row({ what: 'request → first chunk, median', unit: 'ms' }, beside(sheet, times), 'added'),
      {
        target: 'T13',
        what: 'CPU for one request',
        unit: 'ms',
        limit: 0.8,
        ours: sheet.per_round((round) => round('jumpseat', 'cpu_us')[0] / requests / 1000),
      },
      {
        target: 'T13',
        what: 'growth of memory at the peak, first large request after a small one, as a multiple of the body',
        unit: '×',
        limit: 1.5,
        ours: growth('first large one'),
      },
      {
        what: `the same, over ${requests} more requests`,
        unit: '×',
        ours: growth('jumpseat'),
      },
    ],
    notes: [
      `The body has ${stage.large_bytes.toLocaleString('en-US')} bytes. Through Jumpseat it crosses a pipe of 64 kB first; the time and the CPU for that are included.`,
    ],
  };
}

// --- cold: spawn → first token ------------------------------------------------------------------

async function cold(bench) {
  const { stage } = bench;
  const count = bench.count(20, 2);
  await stage.bench_scenario(1, 0);
  const options = { body: stage.small, count };
  const sheet = await bench.measure('cold', [
    {
      target: 'direct',
      run: () => stage.client('cold-chats', { ...options, port: stage.port, head: stage.head }),
    },
    {
      target: 'jumpseat',
      run: () => stage.client('cold-chats', { ...options, env: stage.signed_in }, ours(stage)),
    },
  ]);
  return {
    title: 'Cold start',
    rows: [
      row(
        {
          target: 'T12',
          limit: 5,
          judged: 'added',
          what: 'spawn → first streamed token, valid stored token, median',
          unit: 'ms',
        },
        beside(sheet, { us: 'jumpseat', them: 'direct', metric: 'first_us', scale: 1e-3 }),
        'added',
      ),
    ],
    notes: ['Cold start, direct: connect → first token, with a token at hand.'],
  };
}

// --- rest: idle, streams cut short, size ---------------------------------------------------------

async function rest(bench) {
  const { stage } = bench;
  const us = ours(stage);
  const ms = bench.count(10_000, 500);
  const settle_ms = bench.count(2000, 100);
  const resting = (target, options, command) => ({
    target,
    run: () => stage.client('rest', { ms, settle_ms, place: 'free', ...options }, command),
  });
  await stage.bench_scenario(1, 0);
  const chat = { request: 'jumpseat/chat', params: stage.small };
  const idle = await bench.measure(
    'rest',
    [
      resting('signed in', { env: stage.signed_in }, us),
      resting('after a chat', { env: stage.signed_in, ...chat }, us),
      ...bench.peers.map(({ name, command }) => resting(name, {}, command)),
    ],
    { at_once: true },
  );
  const leave = { body: stage.small, streams: 8, chunks: 80, env: stage.signed_in };
  await stage.bench_scenario(CHUNKS, EVERY_MS);
  const ends = await bench.measure('ends', [
    { target: 'jumpseat', run: () => stage.client('leave-streams', leave, us) },
  ]);

  const rows = [];
  const seconds = ms / 1000;
  for (const who of ['signed in', 'after a chat']) {
    const peers = [CLANGD, OFFICIAL];
    rows.push(
      ...rows_beside(
        idle,
        { target: 'T18', limit: 1, unit: '/s', what: `wake-ups at rest, ${who}` },
        { us: who, peers, metric: 'wake_ups_per_s' },
        'added',
      ),
      ...rows_beside(
        idle,
        { target: 'T18', limit: 0.05, unit: '%', what: `CPU at rest, ${who}` },
        { us: who, peers, metric: 'cpu_us_per_s', scale: 1e-4 },
        'added',
      ),
    );
  }
  rows.push({
    target: 'T19',
    limit: 500,
    unit: 'ms',
    what: 'end of input → process gone, 8 streams running',
    ours: ends.per_round((round) => median(round('jumpseat', 'exit_us')) / 1000),
  });

  const stripped = stage.file('jumpseat.stripped');
  execFileSync('strip', ['-o', stripped, stage.jumpseat]);
  const size = { target: 'T20', limit: 12, unit: 'MB', what: 'stripped program' };
  const megabytes = exact(statSync(stripped).size / 1e6);
  const official = bench.peer(OFFICIAL);
  if (official) {
    const theirs = exact(official.size / 1e6);
    const ratio = exact(megabytes.value / theirs.value);
    rows.push({ ...size, ours: megabytes, peer: OFFICIAL, theirs, ratio });
  } else {
    rows.push({ ...size, ours: megabytes });
  }
  return {
    title: 'At rest, at the end, on disk',
    rows,
    notes: [
      `At rest: context switches of all threads over ${seconds} s, not pinned, all programs at the same time; 0.0 % CPU means less than 0.05 %.`,
      'The stripped program holds SQLite, Boost and the C++ library; libcurl is the system’s.',
    ],
  };
}

// --- instructions: callgrind ----------------------------------------------------------------------

async function instructions(bench) {
  const title = 'Instructions (callgrind, slope between N and 11 N)';
  if (!has('valgrind')) {
    bench.skip('instructions: valgrind is missing');
    return { title, rows: [] };
  }
  const { stage } = bench;
  const profile = async (name, workload, options) => {
    const out = stage.file(`callgrind.${name}`);
    const command = ['valgrind', '--tool=callgrind', `--callgrind-out-file=${out}`, ...ours(stage)];
    await stage.client(workload, { env: stage.signed_in, ...options }, command);
    return readFileSync(out, 'utf8');
  };
  /// What one more piece of work costs: `run(n)` gives the profile of n of them, `counts` are read
  /// from each profile.
  const slopes = async (n, run, ...counts) => {
    const few = await run(n);
    const many = await run(11 * n);
    return counts.map((count) => (count(many) - count(few)) / (10 * n));
  };

  const trips = (request, params) => (n) =>
    profile(request.replace('/', '_'), 'round-trips', { request, params, count: n, warm: 10 });
  const chats = async (requests, chunks, every_ms) => {
    await stage.bench_scenario(chunks, every_ms);
    return profile('chats', 'chats', { body: stage.small, warm: 0, requests });
  };
  const n = bench.count(100, 5);
  const [status] = await slopes(n, trips('checkStatus', stage.local_checks), instructions_of);
  const [models] = await slopes(n, trips('jumpseat/models', stage.empty), instructions_of);
  const [chunk] = await slopes(
    bench.count(20, 5),
    (chunks) => chats(1, chunks, EVERY_MS),
    instructions_of,
  );
  let steps_seen = 0;
  const steps = (profile) => {
    const count = calls_of(profile, 'sqlite3_step');
    steps_seen += count;
    return count;
  };
  const [request, steps_of_a_chat] = await slopes(
    bench.count(20, 2),
    (requests) => chats(requests, 1, 0),
    instructions_of,
    steps,
  );

  const line = (what, value, more = {}) => ({
    what,
    unit: 'instructions',
    ours: exact(value),
    ...more,
  });
  const rows = [
    line('`checkStatus` with `localChecksOnly`, round trip', status),
    line('`jumpseat/models` from memory, round trip', models),
    line(`one streamed chunk, one every ${EVERY_MS} ms`, chunk, { target: 'T5', limit: 4000 }),
    line('a small `jumpseat/chat` with one chunk', request),
  ];
  if (steps_seen > 0) {
    rows.push({
      target: 'T16',
      limit: 0,
      what: 'SQLite statements (`sqlite3_step`) for a cached chat',
      unit: 'calls',
      ours: exact(steps_of_a_chat),
    });
  } else {
    bench.skip('SQLite statements: the program has no symbols, its calls cannot be counted');
  }
  return { title, rows };
}

// --- files: does a chat touch the database? ---------------------------------------------------------

async function files(bench) {
  const title = 'The database on the request path';
  if (!has('strace')) {
    bench.skip('system calls on the database: strace is missing');
    return { title, rows: [] };
  }
  const { stage } = bench;
  const requests = bench.count(100, 5);
  const trace = stage.file('strace.log', '');
  const command = ['strace', '-f', '-y', '-ttt', '-o', trace, '-e', 'trace=%file,%desc'];
  await stage.bench_scenario(1, 0);
  const run = await stage.client(
    'chats',
    { body: stage.small, env: stage.signed_in, requests, warm: 5 },
    [...command, ...ours(stage)],
  );
  const touching = readFileSync(trace, 'utf8')
    .split('\n')
    .filter((line) => line.includes('jumpseat.db'))
    .map((line) => Number(/^\d+ +([\d.]+)/.exec(line)?.[1]));
  if (touching.length === 0) {
    bench.skip('system calls on the database: strace saw none at all, not even the opening');
    return { title, rows: [] };
  }
  const during = touching.filter((at) => at >= run.began && at <= run.ended).length;
  return {
    title,
    rows: [
      {
        target: 'T16',
        limit: 0,
        what: `system calls on the database files during ${requests} cached chats`,
        unit: 'calls',
        ours: exact(during),
      },
    ],
    notes: [
      `Before and after these chats the same process made ${touching.length - during} system calls on the database files.`,
    ],
  };
}

export const SECTIONS = {
  start,
  messages,
  streams,
  prompts,
  cold,
  rest,
  instructions,
  files,
  http,
  http_cold,
  http_many,
  http_tls,
  http_instructions,
};
