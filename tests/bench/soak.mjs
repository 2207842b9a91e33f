// The soak (W12): half an hour of everything at once, and the memory of the port all the while.
//
//   JUMPSEAT=FILE node tests/bench/soak.mjs [--minutes 30] [--plain]
//
// Small answers, streams with and without a pause, three of ten streams left in the middle, one of a hundred answers
// broken by upstream, a token that lasts a minute, upstream's connections ended every 90 s. Upstream is the simulator
// over TLS and HTTP/2, or with --plain over HTTP/1.1. A line a minute, a summary at the end; exit 1 when memory or
// files grow, or when a request fails that nobody broke.

import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import http from 'node:http';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { HttpStage } from './http_stage.mjs';
import { Stage } from './stage.mjs';
import { random_source } from './statistics.mjs';

const DIRECTORY = join(dirname(fileURLToPath(import.meta.url)), '../../build/soak');
const MOST_KB_IN_TEN_MINUTES = 100; // T17
const WARM_UP = 1 / 6; // of the time: caches fill, pools reach their size

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    plain: { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error('--minutes wants a number above 0');
if (!process.env.JUMPSEAT) throw new Error('JUMPSEAT names the program');

const random = random_source(1);
const chance = (percent) => random() * 100 < percent;
const counts = { whole: 0, streams: 0, left: 0, broken: 0, failed: 0, goaways: 0 };
const surprises = [];

/// One request to the port. `on_event` hears the data of each event and may return 'leave'.
function ask(port, agent, request, on_event = () => {}) {
  const body = JSON.stringify({
    model: 'gpt-4.1',
    messages: [{ role: 'user', content: 'soak' }],
    ...request,
  });
  const headers = { host: `localhost:${port}`, 'content-type': 'application/json' };
  const path = '/v1/chat/completions';
  return new Promise((resolve) => {
    const req = http.request(
      { host: '127.0.0.1', port, method: 'POST', path, headers, agent },
      (res) => {
        let text = '';
        let done = false;
        res.setEncoding('utf8').on('data', (piece) => {
          text += piece;
          for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
            const event = text.slice(0, end);
            text = text.slice(end + 2);
            if (event === 'data: [DONE]') done = true;
            if (on_event(event) === 'leave') {
              req.destroy();
              return resolve({ left: true });
            }
          }
        });
        res.on('end', () => resolve({ status: res.statusCode, done, text }));
        res.on('error', (error) => resolve({ status: 0, done, text: String(error) }));
      },
    );
    req.on('error', (error) => resolve({ status: 0, text: String(error) }));
    req.end(body);
  });
}

// A connection that is cut takes the other streams of HTTP/2 with it; one stream can be reset alone.
const BREAK = values.plain ? { cut: 'fin' } : { reset_code: 2 };
const FAULTS = [
  { status: 500, body: 'soak' },
  { status: 503, body: '{"error":{"message":"soak"}}' },
  { stream: [{ data: { error: { message: 'soak', code: 'soak' } } }] },
  { stream: [{ data: { choices: [{ index: 0, delta: { content: 'a' } }] } }, BREAK] },
  { stream: [{ data: 'not JSON' }] },
];

async function break_one(sim) {
  counts.broken++;
  const what = FAULTS[Math.floor(random() * FAULTS.length)];
  await sim.rule({ on: 'POST /chat/completions', times: 1, do: what });
}

function judge(reply, kind) {
  if (reply.left) return counts.left++;
  counts[kind]++;
  const good = reply.status === 200 && (kind === 'whole' || reply.done);
  if (good) return undefined;
  counts.failed++;
  // What the faults below are answered with is no surprise.
  const known = /soak|nothing that could be read/.test(reply.text ?? '');
  if (!known && surprises.length < 200)
    surprises.push(`${kind} ${reply.status} ${reply.text?.slice(-200)}`);
  return undefined;
}

/// Small answers, one after the other.
async function small(port, sim, over) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  while (!over()) {
    if (chance(1)) await break_one(sim);
    judge(await ask(port, agent, {}), 'whole');
    await sleep(20 + random() * 40);
  }
  agent.destroy();
}

/// Streams; three of ten are left after some chunks.
async function streams(port, sim, over, pause_ms) {
  while (!over()) {
    if (chance(1)) await break_one(sim);
    const leave_after = chance(30) ? 1 + Math.floor(random() * 10) : Infinity;
    let seen = 0;
    const on_event = () => (++seen >= leave_after ? 'leave' : undefined);
    judge(await ask(port, false, { stream: true }, on_event), 'streams');
    await sleep(pause_ms);
  }
}

async function goaways(sim, over) {
  for (let next = Date.now() + 90_000; !over(); await sleep(500)) {
    if (Date.now() < next) continue;
    next += 90_000;
    counts.goaways++;
    await sim.scenario(values.plain ? 'chat_reset_midstream?times=1' : 'http2_goaway?times=1');
    if (values.plain) counts.broken++;
  }
}

function look(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kb = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)[1]);
  // What the program has taken for itself; the rest of RSS is pages of its files, which the kernel drops and reads
  // again as it likes.
  return {
    at: Date.now(),
    rss_kb: kb('VmRSS'),
    own_kb: kb('RssAnon'),
    files: readdirSync(`/proc/${pid}/fd`).length,
  };
}

/// kB in ten minutes, by least squares.
function slope(samples) {
  const mean = (of) => samples.reduce((sum, one) => sum + of(one), 0) / samples.length;
  const at = mean((one) => one.at);
  const own = mean((one) => one.own_kb);
  const over = samples.reduce((sum, one) => sum + (one.at - at) * (one.own_kb - own), 0);
  const under = samples.reduce((sum, one) => sum + (one.at - at) ** 2, 0);
  return (over / under) * 600_000;
}

mkdirSync(DIRECTORY, { recursive: true, mode: 0o700 });
const jumpseat = resolve(process.env.JUMPSEAT);
const skip = (what) => process.stderr.write(`SKIPPED: ${what}\n`);
const stage = new Stage({ directory: DIRECTORY, jumpseat, place: {}, skip });
let failed = false;
try {
  await stage.open();
  const tls = values.plain ? null : await stage.behind_tls();
  const sim = tls ? stage.tls_sim : stage.sim;
  await sim.settings({ word_ms: 5 });
  const http_stage = new HttpStage(stage, skip);
  const { port, pid, child } = await http_stage.jumpseat([], tls ?? stage.signed_in);
  await sim.settings({ token_refresh_in: 45, token_expires_in: 60 });
  await sim.call_('POST', 'expire', { what: 'copilot' });

  const begin = Date.now();
  const end = begin + minutes * 60_000;
  const over = () => Date.now() >= end || child.exitCode !== null;
  const loads = [
    ...Array.from({ length: 4 }, () => small(port, sim, over)),
    ...Array.from({ length: 8 }, () => streams(port, sim, over, 50)),
    goaways(sim, over),
  ];
  const samples = [];
  for (let next_line = begin + 60_000; !over(); await sleep(2000)) {
    samples.push(look(pid));
    if (Date.now() < next_line) continue;
    next_line += 60_000;
    const { rss_kb, own_kb, files } = samples.at(-1);
    const minute = Math.round((Date.now() - begin) / 60_000);
    console.log(
      `${minute} min: RSS ${rss_kb} kB, ${own_kb} kB of it its own, ${files} files, ${JSON.stringify(counts)}`,
    );
  }
  await Promise.all(loads);
  if (child.exitCode !== null) throw new Error(`the port ended: ${child.printed.slice(-2000)}`);
  await sleep(3000);
  const rest = look(pid);
  const steady = samples.filter((one) => one.at >= begin + WARM_UP * minutes * 60_000);
  const rss = steady.map((one) => one.rss_kb);
  const growth = slope(steady);
  console.log(
    `W12, ${minutes} min, upstream ${tls ? 'TLS and HTTP/2' : 'HTTP/1.1'}: RSS ${Math.min(...rss)} to ${Math.max(...rss)} kB after the first ${(minutes * WARM_UP).toFixed(1)} min, ` +
      `slope of its own memory ${growth.toFixed(0)} kB in 10 min; files at most ${Math.max(...steady.map((one) => one.files))}, ${rest.files} at rest; ` +
      `${counts.whole} whole answers, ${counts.streams} streams, ${counts.left} left; ${counts.failed} failed of ${counts.broken} broken by upstream; ${counts.goaways} connections ended`,
  );
  await http_stage.close();
  // A short run is all warm-up.
  if (minutes >= 10 && growth > MOST_KB_IN_TEN_MINUTES) {
    failed = true;
    console.log(`memory grows by more than ${MOST_KB_IN_TEN_MINUTES} kB in 10 min`);
  }
  if (counts.failed > counts.broken) {
    failed = true;
    console.log(`more failed than was broken: ${surprises.slice(-10).join('\n')}`);
  }
} finally {
  await stage.close();
}
process.exit(failed ? 1 : 0);
