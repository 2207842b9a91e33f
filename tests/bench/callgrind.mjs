// Reads callgrind's profiles, as far as the benchmark needs them.

/// All instructions of the run.
export function instructions_of(profile) {
  const totals = [...profile.matchAll(/^(?:summary|totals): (\d+)/gm)];
  if (totals.length === 0) throw new Error('this is not a profile of callgrind');
  return Number(totals.at(-1)[1]);
}

/// How often a function was called. Names are written out once and abbreviated as (number) after
/// that; a line "calls=COUNT …" belongs to the "cfn=" before it.
export function calls_of(profile, name) {
  let number = null;
  let called = null;
  let sum = 0;
  for (const line of profile.split('\n')) {
    const function_name = /^c?fn=(\(\d+\))(?: (.*))?$/.exec(line);
    if (function_name) {
      if (function_name[2]?.replace(/'\d+$/, '') === name) number = function_name[1];
      if (line.startsWith('c')) called = function_name[1];
    } else if (called !== null && called === number && line.startsWith('calls=')) {
      sum += Number(/^calls=(\d+)/.exec(line)[1]);
    }
  }
  return sum;
}
