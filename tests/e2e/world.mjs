// The world of one test file: a simulator for all of its tests, a fresh home for each, and the editors that a
// test opens, which end with it. Importing it sets the hooks; the names always mean the current test's.
//
//   import { editors, home, sim } from './world.mjs';

import { after, afterEach, before, beforeEach } from 'node:test';
import { Home, start_simulator } from './harness.mjs';

export let sim;
export let home;
/// Editor objects; push what you open.
export let editors;

before(async () => {
  sim = await start_simulator();
});
after(() => sim.stop());
beforeEach(async () => {
  await sim.reset();
  home = new Home();
  editors = [];
});
afterEach(async () => {
  await Promise.all(editors.map((editor) => editor.kill()));
  home.remove();
});
