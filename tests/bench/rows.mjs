// Rows of the table out of a sheet of rounds: our value, a peer's in the same rounds, and what lies between.

import { median } from './statistics.mjs';

/// Our metric beside a peer's in the same rounds.
/// how: {us, them, metric, their_metric, reduce, scale, their_scale}
export function beside(
  sheet,
  { us, them, metric, their_metric = metric, reduce = median, scale = 1, their_scale = scale },
) {
  const mine = (round) => reduce(round(us, metric)) * scale;
  const out = { ours: sheet.per_round(mine) };
  if (them === undefined || !sheet.has(them)) return out;
  const theirs = (round) => reduce(round(them, their_metric)) * their_scale;
  return {
    ...out,
    peer: them,
    theirs: sheet.per_round(theirs),
    ratio: sheet.per_round((round) => mine(round) / theirs(round)),
    added: sheet.per_round((round) => mine(round) - theirs(round)),
  };
}

/// A row that shows the ratio, or with `as: 'added'` the difference.
export function row(texts, values, as = 'ratio') {
  const out = { ...texts, ...values };
  delete out[as === 'ratio' ? 'added' : 'ratio'];
  return out;
}

/// One row for each peer; only the first one says what it is and carries the bar.
export function rows_beside(sheet, texts, { peers, ...values }, as) {
  const there = peers.filter((them) => sheet.has(them));
  if (there.length === 0) return [row(texts, beside(sheet, values), as)];
  return there.map((them, at) =>
    row(
      at === 0 ? texts : { what: 'the same', unit: texts.unit },
      beside(sheet, { ...values, them }),
      as,
    ),
  );
}
