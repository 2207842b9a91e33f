// The registry of named scenarios: each a sentence, its parameters, and what it stands for.
//
// The scenarios themselves are in scenarios_*.mjs. Common parameters of every scenario that is made
// of rules: `times` (how often; default: always), `after` (let that many matching requests pass
// first), `on` (another route) and `model`.

export const CHAT = 'POST /chat/completions';
export const DEVICE = 'POST /login/device/code';
export const POLL = 'POST /login/oauth/access_token';
export const EXCHANGE = 'GET /copilot_internal/v2/token';
export const USER = 'GET /copilot_internal/user';
export const MODELS = 'GET /models';
export const EMBEDDINGS = 'POST /embeddings';
export const ENGINE = 'POST /v1/engines/*';

export const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };
export const TEXT_TYPE = { 'content-type': 'text/plain; charset=utf-8' };
export const HTML_TYPE = { 'content-type': 'text/html; charset=utf-8' };

/// The parameters given to a scenario; what nobody asked for is reported as unknown.
class Params {
  constructor(values) {
    this.values_ = values;
    this.used_ = new Set();
  }

  raw_(name, otherwise) {
    this.used_.add(name);
    return this.values_[name] ?? otherwise;
  }

  text(name, otherwise) {
    const value = this.raw_(name, otherwise);
    return value === undefined ? undefined : String(value);
  }

  number(name, otherwise) {
    const value = this.raw_(name, otherwise);
    if (value === undefined) return undefined;
    if (value === '' || !Number.isFinite(Number(value)))
      throw new Error(`parameter '${name}' is a number, not '${value}'`);
    return Number(value);
  }

  flag(name) {
    const value = this.raw_(name, false);
    return value === true || value === '1' || value === 'true' || value === 1;
  }

  one_of(name, table, otherwise) {
    const value = this.text(name, otherwise);
    if (!Object.hasOwn(table, value))
      throw new Error(
        `parameter '${name}' is one of ${Object.keys(table).join(', ')}, not '${value}'`,
      );
    return table[value];
  }

  finish(scenario) {
    const unknown = Object.keys(this.values_).find((name) => !this.used_.has(name));
    if (unknown) {
      throw new Error(
        `scenario '${scenario}' has no parameter '${unknown}'; it has: ${[...this.used_].join(', ')}`,
      );
    }
  }
}

const SCENARIOS = {};

export function scenario(name, about, make) {
  if (SCENARIOS[name]) throw new Error(`scenario '${name}' is there twice`);
  SCENARIOS[name] = { about, make };
}

/// A scenario of one rule for `on`; `make(p)` gives the rule's `do`.
export function rule(name, on, about, make, more = {}) {
  scenario(name, about, (p) => ({ rules: [common(p, { on, ...more, do: make(p) })] }));
}

export function common(p, one) {
  const out = { ...one, on: p.text('on', one.on) };
  const times = p.number('times', one.times);
  const after = p.number('after', one.after);
  const model = p.text('model', one.model);
  if (times !== undefined) out.times = times;
  if (after !== undefined) out.after = after;
  if (model !== undefined) out.model = model;
  return out;
}

export function make_scenario(spec, given = {}) {
  const cut = spec.indexOf('?');
  let name = cut < 0 ? spec : spec.slice(0, cut);
  const values = {
    ...(cut < 0 ? {} : Object.fromEntries(new URLSearchParams(spec.slice(cut + 1)))),
    ...given,
  };
  const pending = /^device_pending_(\d+)$/.exec(name); // device_pending_3 is device_pending_N?n=3
  if (pending) {
    name = 'device_pending_N';
    values.n ??= pending[1];
  }
  const found = SCENARIOS[name];
  if (!found) throw new Error(`no scenario '${name}'; GET /_sim/scenarios lists them`);
  const p = new Params(values);
  const made = found.make(p);
  p.finish(name);
  return { name, ...made };
}

export const list_scenarios = () =>
  Object.entries(SCENARIOS).map(([name, { about, make }]) => {
    const p = new Params({});
    make(p);
    return { name, about, parameters: [...p.used_] };
  });
