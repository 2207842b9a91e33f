// The HTML of the account and quota view. Plain functions from data to text; everything from outside is
// escaped. No script, no inline style, nothing from elsewhere: the content security policy allows one style
// sheet of our own.

import { costOf, limitsOf } from './messages';
import type { ModelEntry } from './openai';
import type { AccountQuota, AccountResult } from './protocol';

export interface Frame {
  /** Where the webview may load from. */
  source: string;
  style: string;
}

export function escape(text: string): string {
  const names: Record<string, string> = {
    '&': 'amp',
    '<': 'lt',
    '>': 'gt',
    '"': 'quot',
    "'": '#39',
  };
  return text.replace(/[&<>"']/g, (sign) => `&${names[sign] ?? ''};`);
}

function page({ source, style }: Frame, body: string): string {
  const policy = `default-src 'none'; style-src ${source}`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escape(policy)}">
<meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="${escape(style)}">
<title>Account and quota</title>
</head>
<body><main>${body}</main></body>
</html>`;
}

export const waitingPage = (frame: Frame): string =>
  page(frame, '<p role="status">Asking GitHub…</p>');

export function failurePage(
  frame: Frame,
  message: string,
  button: { title: string; command: string } | undefined,
): string {
  const action = button
    ? link(button.command, button.title)
    : link('jumpseat.refreshAccount', 'Try Again');
  return page(
    frame,
    `<h1>Account and quota</h1><p role="alert">${escape(message)}</p><p>${action}</p>`,
  );
}

const link = (command: string, title: string) =>
  `<a class="button" href="command:${escape(command)}">${escape(title)}</a>`;

export function accountPage(
  frame: Frame,
  account: AccountResult,
  models: ModelEntry[] | undefined,
  now: Date,
): string {
  return page(
    frame,
    [
      `<h1>${escape(account.user ?? 'Signed in')}</h1>`,
      facts(account),
      '<h2 id="quota">Quota</h2>',
      quotas(account, now),
      '<h2 id="models">Models</h2>',
      models ? modelTable(models) : '<p>The model list could not be fetched.</p>',
      `<p>${link('jumpseat.refreshAccount', 'Refresh')} ${link('jumpseat.showModels', 'Choose a Model')}</p>`,
    ].join('\n'),
  );
}

function facts({ plan, sku, source, tokenKind }: AccountResult): string {
  const rows = [
    ['Plan', plan?.replaceAll('_', ' ')],
    ['Subscription', sku?.replaceAll('_', ' ')],
    ['Signed in through', source],
    ['Kind of token', tokenKind],
  ];
  const lines = rows
    .filter((row): row is [string, string] => Boolean(row[1]))
    .map(([name, value]) => `<dt>${name}</dt><dd>${escape(value)}</dd>`);
  return `<dl>${lines.join('')}</dl>`;
}

const QUOTA_NAMES: Record<string, string> = {
  chat: 'Chat',
  completions: 'Completions',
  premium_interactions: 'Premium requests',
};

function quotas({ quotas: all, quotaResetDate }: AccountResult, now: Date): string {
  if (all.length === 0) return '<p>GitHub names none for this account.</p>';
  const reset = quotaResetDate ? `<p>Starts anew on ${resetText(quotaResetDate, now)}.</p>` : '';
  return `<ul class="quotas" role="list" aria-labelledby="quota">${all.map(quota).join('')}</ul>${reset}`;
}

function quota(one: AccountQuota): string {
  const name = QUOTA_NAMES[one.name] ?? one.name.replaceAll('_', ' ');
  const id = `quota-${one.name.replace(/[^\w-]/g, '')}`;
  if (one.unlimited) {
    return `<li><span class="name">${escape(name)}</span><span class="figure">unlimited</span></li>`;
  }
  const percent = Math.min(Math.max(one.percentRemaining, 0), 100);
  const left = `${number(one.remaining)} of ${number(one.entitlement)} left (${number(percent)} %)`;
  const more = one.overagePermitted ? '; more is allowed and billed' : '';
  return (
    `<li><span class="name" id="${id}">${escape(name)}</span>` +
    `<span class="figure">${left}${more}</span>` +
    `<meter aria-labelledby="${id}" aria-valuetext="${left}" min="0" max="100" low="10" high="25" optimum="100"` +
    ` value="${percent}">${left}</meter></li>`
  );
}

const number = (value: number) => value.toLocaleString('en', { maximumFractionDigits: 1 });

export function resetText(date: string, now: Date): string {
  const at = new Date(`${date}T00:00:00Z`);
  if (Number.isNaN(at.getTime())) return escape(date);
  const days = Math.ceil((at.getTime() - now.getTime()) / 86_400_000);
  const inDays = days <= 0 ? '' : days === 1 ? ', tomorrow' : `, in ${days} days`;
  return `<time datetime="${escape(date)}">${escape(date)}</time>${inDays}`;
}

function modelTable(models: ModelEntry[]): string {
  const rows = models.filter((model) => model.picker).map(row);
  return (
    '<table aria-labelledby="models"><thead><tr><th scope="col">Model</th><th scope="col">Cost</th><th scope="col" class="figure">Tokens in</th>' +
    '<th scope="col" class="figure">Tokens out</th><th scope="col">Abilities</th></tr></thead>' +
    `<tbody>${rows.join('')}</tbody></table>` +
    '<p class="note">Cost: premium requests that one question counts for.</p>'
  );
}

function row(model: ModelEntry): string {
  const { input, output } = limitsOf(model);
  const abilities = [
    model.supports.tool_calls && 'tools',
    model.supports.vision && 'images',
    model.supports.reasoning_effort && 'thinking',
  ].filter(Boolean);
  const name = `${escape(model.name)} <code>${escape(model.id)}</code>`;
  return (
    `<tr><th scope="row">${name}</th><td>${costOf(model) || '–'}</td><td class="figure">${number(input)}</td>` +
    `<td class="figure">${number(output)}</td><td>${abilities.join(', ') || '–'}</td></tr>`
  );
}
