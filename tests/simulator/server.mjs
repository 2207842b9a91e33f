// The HTTP side: reads a request, records it, picks a rule or the normal behaviour.

import http from 'node:http';
import net from 'node:net';
import { randomUUID } from 'node:crypto';
import { Answer, GONE } from './answer.mjs';
import { chat, charge, check_chat } from './chat.mjs';
import { control } from './control.mjs';
import { check_rest_headers, exchange, graphql, rest_user, user_info } from './copilot_api.mjs';
import { check_embeddings, embeddings } from './embeddings.mjs';
import { check_engine, engine } from './engine.mjs';
import { check_data_headers, data_text, quota_headers } from './headers.mjs';
import { models, one_model, set_policy } from './models.mjs';
import { access_token, device_code, device_page, device_page_submit } from './oauth.mjs';
import { random_hex } from './world.mjs';

const not_found_text = (world, answer) => {
  const { status, headers, body } = data_text(404, '404 page not found');
  answer.send(status, headers, body);
};

// plane: 'login' (github.com), 'rest' (api.github.com), 'data' (Copilot API).
const ROUTES = {
  'POST /login/device/code': {
    plane: 'login',
    run: (world, answer, { text, options }) => device_code(world, answer, text(), options),
  },
  'POST /login/oauth/access_token': {
    plane: 'login',
    run: (world, answer, { text, options }) => access_token(world, answer, text(), options),
  },
  'GET /login/device': {
    plane: 'login',
    run: (world, answer, { query }) => device_page(world, answer, query),
  },
  'POST /login/device': {
    plane: 'login',
    run: (world, answer, { text }) => device_page_submit(world, answer, text()),
  },
  'GET /copilot_internal/v2/token': {
    plane: 'rest',
    run: (world, answer, { options }) => exchange(world, answer, options),
  },
  'GET /copilot_internal/user': {
    plane: 'rest',
    run: (world, answer, { options }) => user_info(world, answer, options),
  },
  'GET /user': { plane: 'rest', run: (world, answer) => rest_user(world, answer) },
  'POST /graphql': { plane: 'rest', run: (world, answer) => graphql(world, answer) },
  'GET /models': {
    plane: 'data',
    free: true,
    run: (world, answer, { options }) => models(world, answer, options),
  },
  'POST /chat/completions': {
    plane: 'data',
    check: check_chat,
    run: (world, answer, { json }) => chat(world, answer, json()),
    charged: true,
  },
  'POST /embeddings': {
    plane: 'data',
    check: check_embeddings,
    run: (world, answer, { json, options }) => embeddings(world, answer, json(), options),
  },
};

const NO_BODY = () => null; // out here, so that it keeps no body alive
const NOT_FOUND = { plane: 'data', unknown: true, run: not_found_text };
const PING = {
  plane: 'data',
  open: true,
  run: (world, answer) => answer.send(200, { 'content-type': 'text/plain' }, 'OK'),
};

function route_for(method, path) {
  const route = ROUTES[`${method} ${path}`];
  if (route) return route;
  if (method === 'GET' && path === '/_ping') return PING;
  const model = /^\/models\/([^/]+)(\/policy)?$/.exec(path);
  if (model && method === 'GET' && !model[2]) {
    return {
      plane: 'data',
      free: true,
      run: (world, answer) => one_model(world, answer, decodeURIComponent(model[1])),
    };
  }
  if (model && method === 'POST' && model[2]) {
    return {
      plane: 'data',
      free: true,
      run: (world, answer, { json }) =>
        set_policy(world, answer, decodeURIComponent(model[1]), json()),
    };
  }
  const completions = /^\/v1\/engines\/([^/]+)\/completions$/.exec(path);
  if (completions && method === 'POST') {
    const id = decodeURIComponent(completions[1]);
    return {
      plane: 'data',
      check: (world, headers, body) => check_engine(world, id, headers, body),
      run: (world, answer, { json, options }) => engine(world, answer, id, json(), options),
    };
  }
  return NOT_FOUND;
}

function read_body(req, limit) {
  return new Promise((resolve, reject) => {
    const pieces = [];
    let size = 0;
    req.on('data', (piece) => {
      size += piece.length;
      if (size <= limit) pieces.push(piece);
    });
    req.on('end', () => resolve({ bytes: Buffer.concat(pieces), too_large: size > limit }));
    req.on('error', () => reject(GONE));
    req.on('aborted', () => reject(GONE));
    req.on('close', () => (req.complete ? undefined : reject(GONE)));
  });
}

const sendable = (answer, { status, headers, body }) => answer.send(status, headers, body);

/// RFC 7396, for a rule's `merge`.
function merge_patch(target, patch) {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch;
  const out =
    target !== null && typeof target === 'object' && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key];
    else out[key] = merge_patch(out[key], value);
  }
  return out;
}

/// Headers on every reply that GitHub itself gives.
function reply_headers(req, route) {
  const asked = req.headers['x-request-id'];
  const headers = {
    'x-github-request-id':
      `${random_hex(4)}:${random_hex(6)}:${random_hex(7)}:${random_hex(7)}:${random_hex(8)}`.toUpperCase(),
    'x-request-id': asked && /^[\w-]{1,64}$/.test(asked) ? asked : randomUUID(),
  };
  if (route.plane === 'data') headers['x-copilot-service-request-id'] = randomUUID();
  if (route.plane === 'rest') headers['x-github-media-type'] = 'github.v3; format=json';
  return headers;
}

async function handle(world, req, res, connection) {
  const url = req.url ?? '/';
  const cut = url.indexOf('?');
  const path = cut < 0 ? url : url.slice(0, cut);
  const query = new URLSearchParams(cut < 0 ? '' : url.slice(cut + 1));
  const is_control = path.startsWith('/_sim/');
  const reused = world.record.connection_used(connection, is_control);
  if (is_control) return control(world, req, res, path, query);

  const method = req.method;
  const headers = {};
  for (const [key, value] of Object.entries(req.headers)) headers[key] = value;
  const entry = world.record.begin(
    {
      method,
      path,
      query: cut < 0 ? '' : url.slice(cut + 1),
      headers,
      connection,
      reused,
      http: req.httpVersion,
      tls: Boolean(req.socket?.encrypted),
    },
    world.settings.record_limit,
  );
  const answer = new Answer(world, req, res, entry);
  const route = route_for(method, path);
  answer.base_headers = reply_headers(req, route);

  let bytes = null;
  let parsed; // undefined until asked for; `null` inside when it is not JSON
  const text = () => bytes?.toString('utf8') ?? '';
  const json = () => {
    if (parsed === undefined) {
      try {
        parsed = { value: JSON.parse(text()) };
      } catch {
        parsed = { value: undefined };
      }
    }
    return parsed.value;
  };
  entry.body_ = () => (bytes && bytes.length > 0 ? (json() ?? text()) : null);
  const request = { method, path, reused, json };

  const early = world.rules.take(request, { early: true });
  if (early) {
    entry.rule = early.name;
    req.on('error', () => {});
    return answer.script(early.do);
  }
  const body = await read_body(req, world.settings.body_limit);
  entry.arrived_ = true;
  bytes = body.bytes;
  if (!world.settings.record_bodies) entry.body_ = NO_BODY;
  world.record.changed();
  if (body.too_large) return sendable(answer, data_text(413, 'Request Entity Too Large'));

  const apply = (rule) => run_rule(world, answer, route, rule, { text, json, query });
  const unchecked = world.rules.take(request, { unchecked: 'all' });
  if (unchecked) return apply(unchecked);
  if (route.plane === 'rest') {
    const error = check_rest_headers(req.headers);
    if (error) return sendable(answer, error);
  }
  if (route.plane === 'data' && !route.open && !route.unknown) {
    const { error } = check_data_headers(world, method, req.headers);
    if (error) return sendable(answer, error);
    const half = world.rules.take(request, { unchecked: 'body' });
    if (half) return apply(half);
    const refusal = route.check?.(world, req.headers, json());
    if (refusal) return sendable(answer, refusal);
  }
  const rule = world.rules.take(request, { unchecked: 'none' });
  if (rule) return apply(rule);
  return normal(world, answer, route, { text, json, query, options: {} });
}

function add_quota_headers(world, answer, route) {
  if (route.plane === 'data' && !route.free && !route.open)
    Object.assign(answer.base_headers, quota_headers(world));
}

function normal(world, answer, route, request) {
  if (!route.unknown) {
    if (route.charged) charge(world, answer.req.headers, request.json());
    add_quota_headers(world, answer, route);
  }
  return route.run(world, answer, request);
}

function run_rule(world, answer, route, rule, request) {
  const what = rule.do;
  answer.entry.rule = rule.name;
  if (what.expire) world.expire(what.expire);
  const scripted = ['status', 'headers', 'body', 'stream', 'raw_response', 'redirect', 'gzip'].some(
    (key) => what[key] !== undefined,
  );
  if (scripted) {
    const status = what.status ?? (what.redirect ? 302 : 200);
    if (status >= 200 && status < 300) add_quota_headers(world, answer, route);
    return answer.script(what);
  }
  return altered(world, answer, route, what, request);
}

/// Normal behaviour, with options, perhaps after a wait, perhaps written in small pieces.
async function altered(world, answer, route, what, request) {
  answer.split = what.split ?? null;
  answer.crlf = what.crlf === true;
  if (what.bare) answer.base_headers = {};
  if (what.before_headers) {
    const steps = Array.isArray(what.before_headers) ? what.before_headers : [what.before_headers];
    if (!(await answer.play(steps))) return;
  }
  if (what.merge) {
    const send = answer.send.bind(answer);
    answer.send = (status, headers, body) =>
      send(
        status,
        headers,
        status < 300 && typeof body === 'object' ? merge_patch(body, what.merge) : body,
      );
  }
  return normal(world, answer, route, { ...request, options: what.with ?? {} });
}

/// The request listener of both HTTP versions. Faults of the simulator itself are answered with 500
/// and told on stderr, so that a wrong scenario does not look like a fault of the product.
function listener(world, connection_of) {
  return (req, res) => {
    handle(world, req, res, connection_of(req)).catch((error) => {
      if (error === GONE) return;
      process.stderr.write(`simulator: ${req.method} ${req.url}: ${error.stack}\n`);
      if (res.headersSent) res.destroy?.();
      else {
        res.writeHead(500, { 'content-type': 'text/plain' });
        res.end(`simulator: ${error.message}\n`);
      }
    });
  };
}

let next_connection = 1;

function watch_connections(world, server, event, ids) {
  server.on(event, (socket) => {
    const id = next_connection++;
    ids.set(socket, id);
    world.record.connection_opened(id);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => world.record.connection_closed(id));
  });
}

const NO_LIMITS = {
  requestTimeout: 0,
  headersTimeout: 0,
  keepAliveTimeout: 120_000,
  maxHeaderSize: 512 * 1024,
  noDelay: true,
};

const listen = (server, port) =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', 4096, () => resolve(server.address().port));
  });

/// Plain HTTP/1.1.
export async function serve_plain(world, port) {
  const ids = new WeakMap();
  const server = http.createServer(
    NO_LIMITS,
    listener(world, (req) => ids.get(req.socket)),
  );
  watch_connections(world, server, 'connection', ids);
  server.on('clientError', (error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
  });
  return { port: await listen(server, port), server };
}

/// HTTPS with HTTP/2 and HTTP/1.1. tls: {cert, key, http1_only, version}
export async function serve_tls(world, port, tls) {
  const ids = new WeakMap();
  const options = { ...NO_LIMITS, cert: tls.cert, key: tls.key };
  if (tls.version) {
    Object.assign(options, { minVersion: tls.version, maxVersion: tls.version });
    if (/^TLSv1(\.1)?$/.test(tls.version)) options.ciphers = 'DEFAULT@SECLEVEL=0';
  }
  const handler = listener(world, (req) =>
    ids.get(req.httpVersionMajor === 2 ? req.stream.session : req.socket),
  );
  let server;
  if (tls.http1_only) {
    const https = await import('node:https');
    server = https.createServer(options, handler);
  } else {
    const http2 = await import('node:http2');
    server = http2.createSecureServer({ ...options, allowHTTP1: true }, handler);
    server.on('session', (session) => {
      ids.set(session, ids.get(by_port.get(session.socket.remotePort)));
      session.on('error', () => {});
    });
  }
  const by_port = new Map(); // remote port -> TCP socket below the TLS socket
  server.prependListener('connection', (socket) => {
    by_port.set(socket.remotePort, socket);
    const remote = socket.remotePort;
    socket.on('close', () => by_port.delete(remote));
  });
  watch_connections(world, server, 'connection', ids);
  server.prependListener('secureConnection', (socket) => {
    socket.tcp_below = by_port.get(socket.remotePort);
    ids.set(socket, ids.get(socket.tcp_below));
  });
  server.on('tlsClientError', () => {});
  return { port: await listen(server, port), server };
}

/// Accepts TCP connections and never says a word.
export async function serve_silence(world, port) {
  const server = net.createServer((socket) => {
    socket.resume();
    socket.on('error', () => {});
  });
  return { port: await listen(server, port), server };
}
