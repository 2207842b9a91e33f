// Error replies as the Copilot API, GitHub and the boxes in between shape them.

import { HTML_TYPE, JSON_TYPE, TEXT_TYPE } from './scenario_registry.mjs';

const RETRY_AFTER = {
  seconds: '7',
  date: () => new Date(Date.now() + 7000).toUTCString(),
  huge: '99999999999',
  negative: '-5',
  junk: 'soon',
  zero: '0',
  none: null,
};

const error_body = (code, message) => ({
  error: {
    message,
    code,
    ...(code === 'model_not_supported' ? { param: 'model', type: 'invalid_request_error' } : {}),
  },
});

/// The shapes in which errors come.
export function error_reply(status, shape, { code, message, retry_after, headers = {} }) {
  const all = { ...headers };
  if (retry_after !== null && retry_after !== undefined) all['retry-after'] = retry_after;
  switch (shape) {
    case 'json':
      return { status, headers: { ...JSON_TYPE, ...all }, body: error_body(code, message) };
    case 'json_as_text':
      return {
        status,
        headers: { ...TEXT_TYPE, ...all },
        body: `${JSON.stringify(error_body(code, message))}\n`,
      };
    case 'inner':
      return { status, headers: { ...JSON_TYPE, ...all }, body: { code, message } };
    case 'messages':
      return {
        status,
        headers: { ...JSON_TYPE, ...all },
        body: { type: 'error', error: { type: code || 'invalid_request_error', message } },
      };
    case 'text':
      return { status, headers: { ...TEXT_TYPE, ...all }, body: `${message}\n` };
    case 'html':
      return {
        status,
        bare: true,
        headers: { ...HTML_TYPE, ...all },
        body: `<html><head><title>${status}</title></head><body><center><h1>${status} ${message}</h1></center><hr>gateway</body></html>\n`,
      };
    case 'empty':
      return { status, headers: all, body: '' };
    default:
      throw new Error(
        `parameter 'shape' is one of json, json_as_text, inner, messages, text, html, empty, not '${shape}'`,
      );
  }
}

export const retry_after_of = (p, otherwise) => {
  const given = p.text('retry_after', otherwise);
  const known = Object.hasOwn(RETRY_AFTER, given) ? RETRY_AFTER[given] : given;
  return typeof known === 'function' ? known() : known;
};

export const RATE_LIMIT =
  'Sorry, you have exceeded your rate limit. Please wait before you try again.';
