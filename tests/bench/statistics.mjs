// Numbers out of rounds. A round is one run of every target in random order; what is compared is
// compared inside a round, and only then are rounds put together: the median over the rounds, and
// how far it moves when other rounds are drawn (bootstrap, 95 %).

/// The same sequence for the same seed, so that a report can be computed again.
export function random_source(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function shuffled(list, random) {
  const out = [...list];
  for (let at = out.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [out[at], out[other]] = [out[other], out[at]];
  }
  return out;
}

export function quantile(values, part) {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const place = part * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

export const median = (values) => quantile(values, 0.5);
export const mean = (values) => values.reduce((sum, one) => sum + one, 0) / values.length;

const DRAWS = 2000;

/// {value, low, high, rounds}: `statistic` of the rounds, with the interval. `rounds` is a list of
/// whatever `statistic` understands a list of.
export function estimate(rounds, statistic, seed = 1) {
  if (rounds.length === 0) return null;
  const random = random_source(seed);
  const drawn = [];
  for (let draw = 0; draw < DRAWS; draw++) {
    drawn.push(statistic(rounds.map(() => rounds[Math.floor(random() * rounds.length)])));
  }
  return {
    value: statistic(rounds),
    low: quantile(drawn, 0.025),
    high: quantile(drawn, 0.975),
    rounds: rounds.length,
  };
}

/// Something that is counted or read once: no interval.
export const exact = (value) => ({ value, low: value, high: value, rounds: 1 });

/// Half the interval as a part of the value.
export const spread = ({ value, low, high }) =>
  high === low ? 0 : value === 0 ? Infinity : (high - low) / 2 / Math.abs(value);

export const WIDEST = 0.15;

/// 'hit', 'miss' or 'not measurable here': a limit inside an interval that is wider than ±15 % cannot
/// be judged.
export function verdict(one, limit) {
  if (one.high <= limit) return 'hit';
  if (one.low > limit) return 'miss';
  if (spread(one) > WIDEST) return 'not measurable here';
  return one.value <= limit ? 'hit' : 'miss';
}
