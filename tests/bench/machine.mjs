// The machine: what it is, how busy it is, which processors there are to pin to, and the versions of
// everything that is compared.
//
//   node tests/bench/machine.mjs --refuse-when-busy     exit 3 above the limits below

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

export const MOST_LOAD = 1.0;
export const MOST_STEAL = 0.02; // of all processor time

/// What a program prints, or null when it is not there or fails.
export function output_of(program, ...words) {
  try {
    return execFileSync(program, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return null;
  }
}

export const has = (program) => output_of('sh', '-c', `command -v ${program}`) !== null;

const first_line = (text) => text?.trim().split('\n')[0] ?? null;

/// Jiffies that the host gave to somebody else, and all of them, so far.
function ticks() {
  const numbers = readFileSync('/proc/stat', 'utf8').split('\n')[0].trim().split(/\s+/).slice(1);
  const all = numbers.slice(0, 8).map(Number);
  return { steal: all[7], all: all.reduce((sum, one) => sum + one, 0) };
}

/// Tells the share of stolen time since it was called last.
export function steal_meter() {
  let last = ticks();
  return () => {
    const now = ticks();
    const all = now.all - last.all;
    const share = all > 0 ? (now.steal - last.steal) / all : 0;
    last = now;
    return share;
  };
}

export const load = () => os.loadavg()[0];

/// Why not to measure now, or null.
export async function busy() {
  if (load() > MOST_LOAD) return `the load is ${load().toFixed(2)}, more than ${MOST_LOAD}`;
  const steal = steal_meter();
  await sleep(1000);
  const share = steal();
  if (share > MOST_STEAL) return `the host takes ${(100 * share).toFixed(1)} % of the time away`;
  return null;
}

/// The processors this process may use.
export function processors() {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1];
  return list.split(',').flatMap((range) => {
    const [from, to = from] = range.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, at) => from + at);
  });
}

/// Lines for the report: [what, which].
export function description(jumpseat) {
  const cpu = /^model name\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
  const release = /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  const digest = createHash('sha256').update(readFileSync(jumpseat)).digest('hex').slice(0, 16);
  const commit = first_line(output_of('git', 'rev-parse', '--short', 'HEAD'));
  const changed = output_of('git', 'status', '--porcelain')?.trim() ? ' with changes' : '';
  const package_version = (name) =>
    first_line(output_of('dpkg-query', '-W', '-f', '${Version}', name)) ?? 'unknown';
  return [
    ['CPU', `${cpu ?? 'unknown'}, ${processors().length} cores`],
    ['Memory', `${(os.totalmem() / 2 ** 30).toFixed(1)} GiB`],
    ['System', `${release ?? 'unknown'}, Linux ${os.release()}`],
    [
      'Jumpseat',
      `${first_line(output_of(jumpseat, '--version'))}, commit ${commit ?? 'unknown'}${changed}, SHA-256 ${digest}…`,
    ],
    [
      'Built with',
      `${first_line(output_of('g++', '--version'))}; libcurl ${package_version('libcurl4')}`,
    ],
    ['Simulator', `Node.js ${process.version}`],
  ];
}

if (process.argv[2] === '--refuse-when-busy') {
  const why = await busy();
  if (why) {
    process.stderr.write(
      `tests/bench/run: not measured, ${why}. Try again when the machine is idle, or use --force.\n`,
    );
    process.exit(3);
  }
}
