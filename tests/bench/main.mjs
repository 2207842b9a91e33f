// The benchmark: prepares the stage, runs the sections in paired rounds, writes the report.

import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { find_gateways } from './gateways.mjs';
import { versions } from './http_stage.mjs';
import { MOST_LOAD, busy, description, load, processors, steal_meter } from './machine.mjs';
import { options } from './options.mjs';
import { SECTIONS } from './sections.mjs';
import { Stage, find_peers } from './stage.mjs';
import { estimate, random_source, shuffled } from './statistics.mjs';
import { report } from './table.mjs';

const DIRECTORY = join(dirname(fileURLToPath(import.meta.url)), '../../build/bench');

/// The runs of one section: every value with its round, in a CSV file and in memory.
class Sheet {
  constructor(name) {
    this.rounds_ = []; // [{target: {metric: [values]}}]
    this.csv_ = createWriteStream(join(DIRECTORY, `${name}.csv`));
    this.csv_.write('round,order,target,metric,value,load,steal\n');
  }

  add({ round, order, target, metrics, load, steal }) {
    const row = ((this.rounds_[round] ??= {})[target] = {});
    for (const [metric, value] of Object.entries(metrics)) {
      row[metric] = [].concat(value);
      for (const one of row[metric]) {
        this.csv_.write(
          `${round},${order},${target},${metric},${one},${load.toFixed(2)},${steal.toFixed(4)}\n`,
        );
      }
    }
  }

  has(target) {
    return this.rounds_.some((round) => target in round);
  }

  /// An estimate over the rounds. `of(round)` makes one number of a round; `round(target, metric)`
  /// are the values seen there.
  per_round(of) {
    return estimate(this.views_().map(of), (values) => middle(values));
  }

  /// An estimate over all values of a metric put together, for the far quantiles.
  pooled(target, metric, of) {
    const lists = this.views_().map((round) => round(target, metric));
    return estimate(lists, (drawn) => of(drawn.flat()));
  }

  views_() {
    return this.rounds_.map((round) => (target, metric) => round[target][metric]);
  }

  close() {
    return new Promise((resolve) => this.csv_.end(resolve));
  }
}

const middle = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

/// What a section works with.
class Bench {
  constructor(options, stage, peers, gateways, skip) {
    this.quick = options.quick;
    this.rounds = options.rounds;
    this.stage = stage;
    this.peers = peers;
    this.gateways = gateways; // of gateways.mjs
    this.skip = skip;
    this.random_ = random_source(options.seed);
    this.steal_ = steal_meter();
  }

  peer(name) {
    return this.peers.find((one) => one.name === name);
  }

  /// In quick runs a count that only shows that it works.
  count(full, quick) {
    return this.quick ? quick : full;
  }

  /// cells: [{target, run}], `run` gives {metric: value or values}. One after the other in random
  /// order, or all at the same time for those that do nothing.
  async measure(name, cells, { at_once = false } = {}) {
    const sheet = new Sheet(name);
    for (let round = 0; round < this.rounds; round++) {
      process.stderr.write(
        `  ${name}: round ${round + 1} of ${this.rounds}, load ${load().toFixed(2)}\n`,
      );
      this.steal_();
      const order = shuffled(cells, this.random_);
      const one = async ({ target, run }, at) => {
        const metrics = await run();
        sheet.add({ round, order: at, target, metrics, load: load(), steal: this.steal_() });
      };
      if (at_once) await Promise.all(order.map(one));
      else for (const [at, cell] of order.entries()) await one(cell, at);
    }
    await sheet.close();
    return sheet;
  }
}

async function settle() {
  for (let waited = 0; load() > MOST_LOAD && waited < 240; waited += 5) {
    if (waited === 0) process.stderr.write('Waiting for the machine to calm down\n');
    await sleep(5000);
  }
  return busy();
}

async function main() {
  const chosen = options();
  mkdirSync(DIRECTORY, { recursive: true, mode: 0o700 });
  const skipped = [];
  const skip = (what) => {
    process.stderr.write(`SKIPPED: ${what}\n`);
    skipped.push(what);
  };
  const cpus = processors();
  const place = cpus.length > 1 ? { client: cpus.at(-1), server: cpus[0] } : {};
  if (cpus.length < 2) skip('pinning: there is one processor only');

  const install = chosen.quick || chosen['no-install'] ? 'never' : 'when missing';
  const peers = await find_peers({ directory: DIRECTORY, install, skip });
  // They take half a minute to start, too long for a smoke run.
  const gateways =
    chosen.only.includes('http') && !chosen.quick
      ? await find_gateways({ directory: DIRECTORY, install, skip })
      : [];
  if (!chosen.quick && !chosen.force) {
    const why = await settle();
    if (why) {
      process.stderr.write(`tests/bench/run: not measured, ${why}.\n`);
      process.exit(3);
    }
  }
  const load_before = load();

  const stage = new Stage({ directory: DIRECTORY, jumpseat: process.env.JUMPSEAT, place, skip });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => stage.close().finally(() => process.exit(130)));
  }
  const sections = [];
  const notes = [];
  try {
    await stage.open();
    const bench = new Bench(chosen, stage, peers, gateways, skip);
    for (const name of Object.keys(SECTIONS).filter((one) => chosen.only.includes(one))) {
      process.stderr.write(`${name}\n`);
      await stage.refresh_models();
      sections.push(await SECTIONS[name](bench));
    }
    notes.push(...sections.flatMap((section) => section.notes ?? []));
  } finally {
    await stage.close();
  }

  const machine = description(stage.jumpseat);
  for (const { name, version } of [...peers, ...gateways])
    machine.push(['Peer', `${name} ${version}`]);
  for (const [name, version] of versions()) machine.push(['Peer', `${name}: ${version}`]);
  machine.push(['Load before', load_before.toFixed(2)]);
  const pinned =
    place.client === undefined
      ? 'Nothing is pinned.'
      : `Client and simulator run on CPU ${place.client}, the measured process on CPU ${place.server}, unless a row says otherwise.`;
  const settings = [
    `${chosen.rounds} paired rounds in random order (seed ${chosen.seed}). Values are medians over the rounds, in brackets the bootstrap 95 % interval. ${pinned}`,
  ];
  if (chosen.quick) settings.push('', '**A smoke run: its numbers mean nothing.**');
  if (chosen.force) settings.push('', '**Measured with --force: the machine may have been busy.**');
  const text = report({ machine, notes, sections, skipped, settings });
  writeFileSync(join(DIRECTORY, 'report.md'), text);
  process.stdout.write(text);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`tests/bench/run: ${error.message}\n`);
  process.exit(1);
}
