// Scenarios of broken HTTP and of the errors of the Copilot API.

import { error_reply, retry_after_of, RATE_LIMIT } from './error_replies.mjs';
import { HELLO, gpt, writing, piece, finish, first, begin } from './scenario_parts.mjs';
import { CHAT, JSON_TYPE, TEXT_TYPE, HTML_TYPE, rule } from './scenario_registry.mjs';
import { DONE, gpt_reply, gpt_stream } from './shapes.mjs';

rule('captive_portal', CHAT, "200 with an HTML page and none of GitHub's headers.", () => ({
  bare: true,
  headers: HTML_TYPE,
  body: '<!doctype html><html><head><title>Hotel Wi-Fi</title></head><body><script>alert(1)</script>Please accept our terms &amp; log in.</body></html>',
}));

rule('redirect', CHAT, 'A redirect to `to`.', (p) => ({
  status: p.number('status', 302),
  redirect: p.text('to', 'https://elsewhere.example/login'),
  headers: TEXT_TYPE,
  body: 'moved\n',
}));

rule('empty_body', CHAT, '200 with an empty body and no content type.', () => ({
  status: 200,
  body: '',
}));

rule(
  'gzip_unasked',
  CHAT,
  'A compressed body that nobody asked for (`encoding`: gzip or br).',
  (p) => ({
    gzip: p.one_of('encoding', { gzip: true, br: 'br' }, 'gzip'),
    stream: gpt_stream({ ...gpt, pieces: HELLO }),
  }),
);

rule(
  'slow_loris_headers',
  CHAT,
  'Status line and headers one byte at a time, `ms` apart.',
  (p) => ({
    slow_headers: { ms: p.number('ms', 1000) },
    stream: gpt_stream({ ...gpt, pieces: HELLO }),
  }),
);

const OK_HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n';

rule('headers_huge', CHAT, 'One reply header of `bytes` bytes.', (p) => ({
  raw_response: [
    { raw: `${OK_HEAD}x-filler: ` },
    { repeat: 'a', times: p.number('bytes', 1048576) },
    { raw: '\r\n\r\ndata: [DONE]\n\n' },
  ],
}));

rule('headers_many', CHAT, '`count` reply headers.', (p) => ({
  raw_response: [
    { raw: OK_HEAD },
    { repeat: 'x-filler: y\r\n', times: p.number('count', 10000) },
    { raw: '\r\ndata: [DONE]\n\n' },
  ],
}));

rule('headers_endless', CHAT, 'Reply headers without end.', () => ({
  raw_response: [{ raw: OK_HEAD }, { repeat: 'x-filler: y\r\n', forever: true }],
}));

rule('endless_line', CHAT, 'A single event line without end.', () => ({
  stream: [{ raw: 'data: ' }, { repeat: 'x', forever: true }],
}));

rule('endless_events', CHAT, 'Good chunks without end.', () => ({
  stream: [...first, { repeat: `data: ${JSON.stringify(piece('x').data)}\n\n`, forever: true }],
}));

rule('endless_comments', CHAT, 'Comment lines without end.', () => ({
  stream: [{ repeat: ': keep-alive\n\n', forever: true }],
}));

rule('endless_body', CHAT, 'A JSON body without end.', () => ({
  headers: JSON_TYPE,
  stream: [
    { raw: '{"choices":[{"message":{"role":"assistant","content":"' },
    { repeat: 'x', forever: true },
  ],
}));

const SHORT_JSON = JSON.stringify(gpt_reply({ ...gpt, pieces: HELLO }));
const json_head = (length) =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n`;

rule('length_short', CHAT, 'A body that ends before its Content-Length.', () => ({
  raw_response: [{ raw: `${json_head(Buffer.byteLength(SHORT_JSON) + 100)}\r\n${SHORT_JSON}` }],
}));

rule(
  'length_long',
  CHAT,
  'A body longer than its Content-Length: the rest looks like another reply.',
  () => ({
    raw_response: [
      {
        raw: `${json_head(Buffer.byteLength(SHORT_JSON))}\r\n${SHORT_JSON}${json_head(2)}x-smuggled: yes\r\n\r\n{}`,
      },
      { stall: true },
    ],
  }),
);

rule('length_and_chunked', CHAT, 'Content-Length together with chunked transfer coding.', () => ({
  raw_response: [
    {
      raw:
        `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n` +
        `${Buffer.byteLength(SHORT_JSON).toString(16)}\r\n${SHORT_JSON}\r\n0\r\n\r\n`,
    },
    { stall: true },
  ],
}));

rule('length_twice', CHAT, 'Two different Content-Length headers.', () => ({
  raw_response: [
    { raw: `${json_head(Buffer.byteLength(SHORT_JSON))}content-length: 3\r\n\r\n${SHORT_JSON}` },
    { stall: true },
  ],
}));

rule('chunk_size_bad', CHAT, 'A chunked body with a chunk size that is no number.', () => ({
  raw_response: [
    { raw: `${OK_HEAD}transfer-encoding: chunked\r\n\r\nzz\r\ndata: hello\n\n\r\n0\r\n\r\n` },
  ],
}));

rule('not_http', CHAT, 'A reply that is not HTTP.', () => ({
  raw_response: [{ raw: 'SSH-2.0-OpenSSH_9.2\r\n' }],
}));

rule('http2_goaway', CHAT, 'HTTP/2: GOAWAY after some chunks, then the rest of this stream.', (p) =>
  writing(p, [...begin(p), { goaway: true }, piece(' Done'), finish(), DONE]),
);

rule(
  'http2_reset_code',
  CHAT,
  'HTTP/2: the stream is reset with `code` (7: REFUSED_STREAM) before any reply byte.',
  (p) => ({ before_headers: { reset_code: p.number('code', 7) } }),
);

// Errors of the data plane.

rule(
  'error',
  CHAT,
  'Any error: `status`, `shape`, `code`, `message`, `retry_after` (seconds, date, huge, negative, junk, zero, none, or a value).',
  (p) =>
    error_reply(p.number('status', 500), p.text('shape', 'json_as_text'), {
      code: p.text('code', ''),
      message: p.text('message', 'something went wrong'),
      retry_after: retry_after_of(p, 'none'),
    }),
);

function error(name, status, shape, code, message, about) {
  rule(name, CHAT, about ?? `${status}: ${message}`, (p) =>
    error_reply(status, p.text('shape', shape), {
      code,
      message,
      retry_after: retry_after_of(p, 'none'),
    }),
  );
}

error(
  'error_model_not_supported',
  400,
  'json_as_text',
  'model_not_supported',
  'The requested model is not supported.',
);
error(
  'error_unsupported_api',
  400,
  'json_as_text',
  'unsupported_api_for_model',
  'model gpt-x is not accessible via the /chat/completions endpoint',
);
error(
  'error_prompt_too_long',
  400,
  'json_as_text',
  'model_max_prompt_tokens_exceeded',
  'prompt token count of 131072 exceeds the limit of 128000',
);
error(
  'error_prompt_too_long_old',
  400,
  'json_as_text',
  '',
  'prompt token count of 131072 exceeds the limit of 128000',
);
error(
  'error_invalid_request_body',
  400,
  'json_as_text',
  'invalid_request_body',
  'invalid value for temperature',
);
error(
  'error_unsupported_value',
  400,
  'json_as_text',
  'unsupported_value',
  "Unsupported value: 'store' is not supported.",
);
error(
  'error_previous_response',
  400,
  'json_as_text',
  'previous_response_not_found',
  'Previous response not found.',
);
error(
  'error_integrator',
  400,
  'json_as_text',
  'model_not_available_for_integrator',
  'model not available for integrator; allowed: gpt-4.1, gpt-4o',
);
error(
  'error_off_topic',
  400,
  'text',
  '',
  'off_topic: this assistant answers questions about programming',
);
error(
  'error_editor_version',
  400,
  'text',
  '',
  'bad request: missing Editor-Version header for IDE auth',
);
error('error_pat', 400, 'text', '', 'Personal Access Tokens are not supported for this endpoint');
error('error_rate_limited_400', 400, 'json_as_text', 'rate_limited', 'You have been rate limited.');
error('error_401', 401, 'text', '', 'IDE token expired: unauthorized: token expired');
error('error_404_json', 404, 'json', 'not_found', 'no such agent');
error('error_404_text', 404, 'text', '', '404 page not found');
error('error_408', 408, 'text', '', 'Timed out waiting for the request.');
error('error_413_text', 413, 'text', '', 'Request Entity Too Large');
error('error_413_json', 413, 'json_as_text', '', 'failed to parse request');
error('error_421', 421, 'text', '', 'Misdirected Request');
error('error_422', 422, 'text', '', 'The response was filtered by Responsible AI Service.');
error('error_424', 424, 'text', '', 'the remote agent failed');
error('error_499', 499, 'text', '', 'request cancelled');
error('error_500', 500, 'text', '', 'Internal Server Error');
error('error_502', 502, 'html', '', 'Bad Gateway');
error('error_503', 503, 'text', '', 'upstream connect error or disconnect/reset before headers');
error('error_504', 504, 'html', '', 'Gateway Time-out');
error('error_529', 529, 'text', '', 'overloaded');

rule(
  'error_401_authorize',
  CHAT,
  '401 of a remote agent that wants consent: JSON with authorize_url.',
  () => ({
    status: 401,
    headers: JSON_TYPE,
    body: {
      authorize_url: 'https://github.com/login/oauth/authorize?client_id=agent',
      error: 'unauthorized',
    },
  }),
);

rule(
  'error_echoes_token',
  CHAT,
  'An error whose body repeats the Authorization header (a canary for redaction).',
  () => ({
    status: 400,
    headers: TEXT_TYPE,
    body: 'bad request: invalid token: {{authorization}}\n',
  }),
);

const FORBIDDEN = {
  feature: 'unauthorized: not authorized to use this Copilot feature',
  forbidden: 'forbidden',
  policy: 'access to this model requires an enterprise or organization policy to be enabled',
  license: 'not licensed to use Copilot',
  terms:
    'You have not accepted the terms of service of this model. Visit https://github.com/settings/copilot',
};

rule('forbidden_403', CHAT, '403 with one of the known texts (`text`).', (p) =>
  error_reply(403, p.text('shape', 'text'), {
    code: 'forbidden',
    message: p.one_of('text', FORBIDDEN, 'feature'),
  }),
);

rule(
  'forbidden_until_exchange',
  CHAT,
  '403 `forbidden` once, as on a stale token, and all Copilot tokens are expired.',
  () => ({ ...error_reply(403, 'text', { message: 'forbidden' }), expire: 'copilot' }),
  { times: 1 },
);

function rate_limit(name, retry_after, about) {
  rule(name, CHAT, about, (p) => {
    const code = p.text('code', 'rate_limited');
    return error_reply(429, p.text('shape', 'json_as_text'), {
      code,
      message: RATE_LIMIT,
      retry_after: retry_after_of(p, retry_after),
      headers: {
        'x-ratelimit-exceeded':
          'global-chat:global-user-tps-high-2025-04-08:userID:COPILOT_PLAN_INDIVIDUAL',
      },
    });
  });
}

rate_limit(
  'rate_limit_seconds',
  'seconds',
  '429 with retry-after in seconds (`retry_after`); `code` may be any of the known codes.',
);
rate_limit('rate_limit_date', 'date', '429 with retry-after as a date.');
rate_limit('rate_limit_huge', 'huge', '429 with an absurdly large retry-after.');
rate_limit('rate_limit_negative', 'negative', '429 with a negative retry-after.');
rate_limit('rate_limit_junk', 'junk', '429 with a retry-after that means nothing.');
rate_limit('rate_limit_none', 'none', '429 without retry-after.');

rule('rate_limit_in_body', CHAT, '429 with retry_after only inside the JSON body.', () => ({
  status: 429,
  headers: JSON_TYPE,
  body: { error: { code: 'user_model_rate_limited', message: RATE_LIMIT, retry_after: 9 } },
}));

rule(
  'extension_blocked',
  CHAT,
  '429 with code extension_blocked and type rate_limit_error.',
  () => ({
    status: 429,
    headers: JSON_TYPE,
    body: {
      error: {
        code: 'extension_blocked',
        type: 'rate_limit_error',
        message: 'This extension is blocked.',
      },
    },
  }),
);

const QUOTA = {
  quota_exceeded: 1,
  free_quota_exceeded: 1,
  overage_limit_reached: 1,
  billing_not_configured: 1,
};

rule('quota_402', CHAT, '402: no premium requests left (`code`, `shape`, `retry_after`).', (p) => {
  const code = p.text('code', 'quota_exceeded');
  if (!Object.hasOwn(QUOTA, code))
    throw new Error(`parameter 'code' is one of ${Object.keys(QUOTA).join(', ')}`);
  return error_reply(402, p.text('shape', 'json_as_text'), {
    code,
    message: 'You have no quota',
    retry_after: retry_after_of(p, 'none'),
  });
});

const TOO_OLD = {
  2026: 'bad request: the specified API version is no longer supported. You may need to update your client to a newer version.',
  2022: 'Please upgrade the Copilot extension to a newer version.',
};

rule('client_466', CHAT, '466: the client is too old (`text`: 2026 or 2022).', (p) =>
  error_reply(466, 'text', { message: p.one_of('text', TOO_OLD, '2026') }),
);

rule('api_storm', CHAT, 'Every request is answered 503.', () =>
  error_reply(503, 'text', { message: 'no healthy upstream' }),
);

rule(
  'tokens_rotate',
  CHAT,
  'All Copilot tokens expire just before this request: it is answered 401.',
  () => ({
    ...error_reply(401, 'text', { message: 'IDE token expired: unauthorized: token expired' }),
    expire: 'copilot',
  }),
  { times: 1 },
);
