// Every file of tests/transcripts against the real program; its first comment is the test's name.
// UPDATE_TRANSCRIPTS=1 rewrites what the files expect. TRANSCRIPT=word plays only the files with it.

import { readFileSync, readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { start_simulator } from './harness.mjs';
import { parse, play } from '../transcripts/runner.mjs';

const folder = fileURLToPath(new URL('../transcripts/', import.meta.url));
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.txt') && name.includes(process.env.TRANSCRIPT ?? ''))
  .sort();
const update = process.env.UPDATE_TRANSCRIPTS === '1';

// Most of a sign-in is waiting, so a few are played at once, each with a simulator of its own.
const AT_ONCE = 3;
const free = [];
const waiting = [];

async function with_simulator(use) {
  const sim = free.pop() ?? (await new Promise((resolve) => waiting.push(resolve)));
  try {
    await use(sim);
  } finally {
    const next = waiting.shift();
    if (next) next(sim);
    else free.push(sim);
  }
}

describe('transcripts', { concurrency: AT_ONCE }, () => {
  let all = [];
  before(async () => {
    all = await Promise.all(Array.from({ length: AT_ONCE }, () => start_simulator()));
    free.push(...all);
  });
  after(() => Promise.all(all.map((sim) => sim.stop())));

  for (const name of files) {
    const path = folder + name;
    test(`${name}: ${parse(readFileSync(path, 'utf8'), name).title}`, () =>
      with_simulator((sim) => play(path, sim, { update })));
  }
});
