// The control routes under /_sim/ (see README.md).

import { decide } from './oauth.mjs';
import { list_scenarios } from './scenarios.mjs';

async function read_json(req) {
  const pieces = [];
  for await (const piece of req) pieces.push(piece);
  const text = Buffer.concat(pieces).toString('utf8').trim();
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`the body is not JSON: ${error.message}`);
  }
}

const number = (query, name, otherwise) => {
  const value = query.get(name);
  if (value === null) return otherwise;
  if (!/^\d+$/.test(value)) throw new Error(`'${name}' is a number, not '${value}'`);
  return Number(value);
};

const ROUTES = {
  'GET /_sim/scenarios': () => list_scenarios(),
  'GET /_sim/requests': (world, { query }) =>
    world.record.dump(
      (entry) =>
        (!query.has('path') || entry.path === query.get('path')) &&
        (!query.has('method') || entry.method === query.get('method')),
    ),
  'GET /_sim/counts': (world) => world.record.counts(),
  'GET /_sim/rules': (world) => world.rules.dump(),
  'GET /_sim/tokens': (world) => ({
    github: [...world.github_tokens.keys()],
    refresh: [...world.refresh_tokens.keys()],
    copilot: [...world.copilot_tokens.keys()],
    device_codes: [...world.codes.keys()],
    user_codes: [...world.codes.values()].map((code) => code.user_code),
  }),
  'GET /_sim/codes': (world) => [...world.codes.values()].map(({ plan, ...code }) => code),
  'GET /_sim/settings': (world) => world.settings,
  'GET /_sim/wait': (world, { query, on_gone }) =>
    world.record.wait({
      kind: query.get('for') ?? '',
      path: query.get('path') ?? undefined,
      method: query.get('method') ?? undefined,
      n: number(query, 'n', 1),
      since: number(query, 'since', 0),
      timeout_ms: number(query, 'timeout_ms', 5000),
      on_gone,
    }),
  'POST /_sim/scenario': (world, { body }) => {
    world.apply(body);
    return { rules: world.rules.dump() };
  },
  'POST /_sim/settings': (world, { body }) => {
    world.apply({ settings: body });
    return world.settings;
  },
  'POST /_sim/reset': (world, { body }) => {
    world.reset(body);
    return {};
  },
  'POST /_sim/clear_rules': (world) => {
    world.apply({ replace: true });
    return {};
  },
  'POST /_sim/tokens': (world, { body }) => {
    const list = body.github;
    if (!Array.isArray(list)) throw new Error("'github' is a list of tokens");
    for (const one of list) world.register_github_token(one);
    return { registered: list.length };
  },
  'POST /_sim/expire': (world, { body }) => ({ expired: world.expire(body.what) }),
  'POST /_sim/clock': (world, { body }) => {
    if (typeof body.advance_s !== 'number') throw new Error("'advance_s' is a number of seconds");
    world.clock_offset_ms += 1000 * body.advance_s;
    return { now_ms: world.now_ms() };
  },
  'POST /_sim/release': (world, { body }) => {
    if (typeof body.name !== 'string') throw new Error("'name' is the name of a hold");
    world.release(body.name);
    return {};
  },
  'POST /_sim/person': (world, { body }) => {
    if (!['approve', 'deny'].includes(body.action))
      throw new Error("'action' is 'approve' or 'deny'");
    const code =
      body.user_code === undefined
        ? [...world.codes.values()].at(-1)
        : world.find_user_code(body.user_code);
    const problem = decide(code, body.action);
    if (problem) throw new Error(problem);
    return { user_code: code.user_code, state: code.state };
  },
};

export async function control(world, req, res, path, query) {
  const reply = (status, value) => {
    const text = JSON.stringify(value, (key, one) => (typeof one === 'bigint' ? String(one) : one));
    res.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    });
    res.end(text);
  };
  const route = ROUTES[`${req.method} ${path}`];
  if (!route)
    return reply(404, {
      error: `no such control route; there are: ${Object.keys(ROUTES).join(', ')}`,
    });
  try {
    const body = req.method === 'POST' ? await read_json(req) : {};
    const value = await route(world, { body, query, on_gone: (gone) => res.on('close', gone) });
    reply(path === '/_sim/wait' && !value.ok ? 408 : 200, value);
  } catch (error) {
    reply(400, { error: error.message });
  }
}
