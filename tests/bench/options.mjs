// The command line of the benchmark. Run by itself it only checks it: exit 2 says that it is wrong.

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SECTIONS } from './sections.mjs';

function fail(message) {
  process.stderr.write(`tests/bench/run: ${message}\n`);
  process.exit(2);
}

export function options() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        force: { type: 'boolean', default: false },
        'no-install': { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: Object.keys(SECTIONS) },
        rounds: { type: 'string' },
        seed: { type: 'string', default: '1' },
      },
    }));
  } catch (error) {
    fail(error.message);
  }
  const odd = values.only.find((name) => !(name in SECTIONS));
  if (odd) fail(`no section ${odd}; there are ${Object.keys(SECTIONS).join(', ')}`);
  values.rounds ??= values.quick ? '2' : '9';
  for (const name of ['rounds', 'seed']) {
    if (!/^[1-9]\d*$/.test(values[name])) fail(`--${name} wants a number`);
    values[name] = Number(values[name]);
  }
  return values;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) options();
