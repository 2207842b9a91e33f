// The report: rows of the table as Markdown, ready for docs/benchmarks.md.

import { WIDEST, spread, verdict } from './statistics.mjs';

function number(value) {
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString('en-US');
  if (size >= 10) return value.toFixed(1);
  if (size >= 0.995 || size === 0) return value.toFixed(2).replace(/\.?0+$/, '');
  return value.toPrecision(2);
}

const signed = (value) => (value < 0 ? '−' : '+') + number(Math.abs(value));

function measured(one, unit) {
  if (!one) return '–';
  const interval = one.low === one.high ? '' : ` [${number(one.low)}–${number(one.high)}]`;
  return unit === '×'
    ? `${number(one.value)}×${interval}`
    : `${number(one.value)} ${unit}${interval}`;
}

function relation(row) {
  const one = row.ratio ?? row.added;
  if (!one) return '–';
  const show = row.ratio ? number : signed;
  const unit = row.ratio ? '×' : ` ${row.unit}`;
  const between = row.ratio ? '–' : ' … ';
  const interval = one.low === one.high ? '' : ` [${show(one.low)}${between}${show(one.high)}]`;
  const text = `${show(one.value)}${unit}${interval}`;
  const wide = row.ratio && spread(one) > WIDEST;
  return wide ? `${text} (not measurable here)` : text;
}

/// row: {target, what, unit, ours, peer, theirs, ratio or added, limit, judged}; estimates as
/// statistics.mjs makes them. `judged` says which of them the limit is for: 'ours' (as it is when left
/// out), 'ratio' or 'added'.
function cells(row) {
  const judged = row[row.judged ?? 'ours'];
  const unit = row.judged === 'ratio' || row.unit === '×' ? '×' : ` ${row.unit}`;
  const sign = row.judged === 'added' ? 'added ' : '';
  return [
    row.target ?? '',
    row.what,
    row.limit === undefined ? '–' : `${sign}≤ ${row.limit.toLocaleString('en-US')}${unit}`,
    measured(row.ours, row.unit),
    row.peer ? `${row.peer}: ${measured(row.theirs, row.unit)}` : '–',
    relation(row),
    row.limit === undefined || !judged ? '–' : verdict(judged, row.limit),
  ];
}

const HEAD = ['Target', 'What', 'Bar', 'Jumpseat', 'Beside it', 'Ratio or difference', ''];

export function table(rows) {
  const line = (words) => `| ${words.join(' | ')} |`;
  return [line(HEAD), line(HEAD.map(() => '---')), ...rows.map((row) => line(cells(row)))].join(
    '\n',
  );
}

export function report({ machine, notes, sections, skipped, settings }) {
  const parts = ['# Benchmarks', ''];
  for (const [what, which] of machine) parts.push(`- ${what}: ${which}`);
  parts.push('', ...settings.map((one) => `${one}`));
  for (const { title, rows } of sections) {
    if (rows.length > 0) parts.push('', `## ${title}`, '', table(rows));
  }
  if (notes.length > 0) parts.push('', '## Notes', '', ...notes.map((one) => `- ${one}`));
  if (skipped.length > 0) parts.push('', '## Skipped', '', ...skipped.map((one) => `- ${one}`));
  return `${parts.join('\n')}\n`;
}
