// Scenarios of GitHub itself (device flow, token exchange, user) and of models and embeddings.

import { error_reply, retry_after_of, RATE_LIMIT } from './error_replies.mjs';
import {
  DEVICE,
  POLL,
  EXCHANGE,
  USER,
  MODELS,
  JSON_TYPE,
  scenario,
  rule,
} from './scenario_registry.mjs';

// Device flow.

const plan = (name, about, make) => rule(name, DEVICE, about, (p) => ({ with: make(p) }));

plan('device_pending_N', 'Approved by itself after `n` polls that are still pending.', (p) => ({
  interval: p.number('interval'),
  plan: { pending: p.number('n', 2), then: 'approve' },
}));
plan('device_denied', 'The person presses Cancel after `n` pending polls.', (p) => ({
  interval: p.number('interval'),
  plan: { pending: p.number('n', 1), then: 'deny' },
}));
plan('device_expired', 'The code expires after `n` pending polls.', (p) => ({
  interval: p.number('interval'),
  plan: { pending: p.number('n', 1), then: 'expire' },
}));
plan('device_expires_in', 'Codes are valid for `seconds` only.', (p) => ({
  interval: p.number('interval'),
  expires_in: p.number('seconds', 2),
}));
plan(
  'device_slow_down',
  'The `at`th poll is told to slow down by `add` seconds, whatever its pace; then approved. `silent`: without the new interval.',
  (p) => ({
    interval: p.number('interval'),
    plan: {
      slow_down_at: p.number('at', 1),
      slow_down_add: p.number('add', 5),
      slow_down_silent: p.flag('silent'),
      pending: p.number('n', 0),
      then: 'approve',
    },
  }),
);
plan(
  'device_unknown_error',
  'Polls are answered with an error code nobody knows (`code`), with status 200.',
  (p) => ({
    interval: p.number('interval'),
    plan: { pending: p.number('n', 1), then: p.text('code', 'a_new_kind_of_error') },
  }),
);
plan(
  'device_refreshable',
  'The GitHub token expires in 8 hours and comes with a refresh token.',
  (p) => ({
    interval: p.number('interval'),
    plan: { pending: p.number('n', 1), then: 'approve', refreshable: true },
  }),
);
scenario(
  'device_form_encoded',
  'Both device-flow routes answer form-encoded, whatever Accept says.',
  () => ({
    rules: [
      { on: DEVICE, do: { with: { form: true } } },
      { on: POLL, do: { with: { form: true } } },
    ],
  }),
);
rule('device_errors_with_400', POLL, 'Device-flow errors come with HTTP status 400.', () => ({
  with: { error_status: 400 },
}));
rule('device_disabled', DEVICE, 'The app has the device flow switched off.', () => ({
  headers: JSON_TYPE,
  body: {
    error: 'device_flow_disabled',
    error_description: 'Device Flow must be explicitly enabled for this App.',
  },
}));
rule('device_code_500', DEVICE, 'Asking for a code is answered 500.', () =>
  error_reply(500, 'html', { message: 'Whoa there' }),
);
rule(
  'device_code_garbage',
  DEVICE,
  'Asking for a code is answered with JSON that lacks everything.',
  () => ({ headers: JSON_TYPE, body: { hello: 'world' } }),
);
rule(
  'device_poll_500',
  POLL,
  'A poll is answered 500 with HTML, `times` times (default once).',
  () => error_reply(500, 'html', { message: 'Unicorn' }),
  { times: 1 },
);
rule(
  'device_poll_429',
  POLL,
  'A poll is answered 429 with a page.',
  () => error_reply(429, 'html', { message: 'Too many requests' }),
  { times: 1 },
);
rule(
  'device_poll_reset',
  POLL,
  'A poll finds its connection reset, `times` times (default once).',
  () => ({ before_headers: { cut: 'rst' } }),
  { times: 1 },
);
rule('device_poll_slow', POLL, 'Each poll is answered after `ms`.', (p) => ({
  before_headers: { wait_ms: p.number('ms', 2000) },
}));
rule('device_poll_stall', POLL, 'Polls are never answered.', () => ({
  before_headers: { stall: true },
}));
rule('device_poll_garbage', POLL, 'A poll is answered with a success that has no token.', () => ({
  headers: JSON_TYPE,
  body: { token_type: 'bearer' },
}));

// Exchange.

const rest = (status, message, more = {}) => ({
  status,
  headers: JSON_TYPE,
  body: {
    message,
    documentation_url: 'https://docs.github.com/rest',
    status: String(status),
    ...more,
  },
});

const NOTICES = {
  no_copilot_access: ['No Copilot access', 'You do not have access to GitHub Copilot.'],
  not_signed_up: ['Sign up', 'No Copilot seat for octocat.'],
  subscription_ended: ['Subscription ended', 'Your Copilot subscription has ended.'],
  enterprise_managed_user_account: [
    'Managed account',
    'Enterprise managed users need a seat from their organization.',
  ],
  feature_flag_blocked: ['Blocked', 'Copilot is blocked for this account.'],
  spammy_user: ['Contact support', 'Your account was flagged. Please contact support.'],
  billing_locked: ['Billing', 'Your account is locked because of a billing problem.'],
  trade_restricted: ['Restricted', 'Copilot is not available because of trade controls.'],
  trade_restricted_country: ['Restricted', 'Copilot is not available in your country.'],
  codespaces_demo_inactive: ['Inactive', 'The Codespaces demo is not active.'],
  snippy_not_configured: ['Configure', 'Choose whether suggestions may match public code.'],
  expired_coupon: ['Coupon', 'Your coupon has expired.'],
  revoked_coupon: ['Coupon', 'Your coupon was revoked.'],
  go_http_client: ['Refused', 'This client is not allowed.'],
  programmatic_token_generation: ['Refused', 'Tokens may not be generated by programs.'],
  access_revoked: ['Revoked', 'Your access to Copilot was revoked.'],
  server_error: ['Error', 'GitHub could not check your access.'],
};

rule('exchange_401', EXCHANGE, '401 Bad credentials.', () => rest(401, 'Bad credentials'));
rule(
  'exchange_403_no_seat',
  EXCHANGE,
  '403: the account has no usable Copilot (`notification_id`: any of the known ones).',
  (p) => {
    const notification_id = p.text('notification_id', 'not_signed_up');
    if (!Object.hasOwn(NOTICES, notification_id))
      throw new Error(`parameter 'notification_id' is one of ${Object.keys(NOTICES).join(', ')}`);
    const [title, message] = NOTICES[notification_id];
    return {
      status: 403,
      headers: JSON_TYPE,
      body: {
        can_signup_for_limited: notification_id === 'not_signed_up',
        error_details: {
          message,
          title,
          notification_id,
          url: 'https://github.com/settings/copilot',
        },
        message: 'Resource not accessible by integration',
        reason: notification_id,
      },
    };
  },
);
rule(
  'exchange_403_rest_limit',
  EXCHANGE,
  "403 of GitHub's REST interface: its own rate limit.",
  (p) => ({
    ...rest(403, 'API rate limit exceeded for user ID 583231.'),
    headers: {
      ...JSON_TYPE,
      'x-ratelimit-limit': '5000',
      'x-ratelimit-remaining': '0',
      'retry-after': p.text('retry_after', '60'),
    },
  }),
);
rule('exchange_403_pat', EXCHANGE, '403: a personal access token.', () =>
  rest(403, 'Resource not accessible by personal access token'),
);
rule('exchange_404', EXCHANGE, "404 Not Found: the token's app may not use Copilot.", () =>
  rest(404, 'Not Found'),
);
rule('exchange_429', EXCHANGE, '429 with retry-after.', (p) => ({
  ...rest(429, 'API rate limit exceeded'),
  headers: { ...JSON_TYPE, 'retry-after': p.text('retry_after', '3') },
}));
rule('exchange_500', EXCHANGE, '500 with HTML.', (p) =>
  error_reply(p.number('status', 500), 'html', { message: 'Unicorn' }),
);
rule('exchange_slow', EXCHANGE, 'The answer takes `ms`.', (p) => ({
  before_headers: { wait_ms: p.number('ms', 1000) },
}));
rule(
  'exchange_hold',
  EXCHANGE,
  'The answer waits for `POST /_sim/release {"name":"exchange"}`.',
  (p) => ({ before_headers: { hold: p.text('name', 'exchange') } }),
);
rule('exchange_stall', EXCHANGE, 'Never answered.', () => ({ before_headers: { stall: true } }));
rule('exchange_reset', EXCHANGE, 'The connection is reset before any reply byte.', () => ({
  before_headers: { cut: 'rst' },
}));
rule(
  'exchange_short_lived',
  EXCHANGE,
  'Tokens live `expires_in` seconds and ask to be refreshed after `refresh_in`.',
  (p) => ({
    with: { refresh_in: p.number('refresh_in', 2), expires_in: p.number('expires_in', 4) },
  }),
);
rule(
  'exchange_skewed_expiry',
  EXCHANGE,
  'expires_at is wrong by `by` seconds (default an hour ago), as with a wrong local clock; refresh_in is right.',
  (p) => ({ with: { reported_expires_in: 1800 + p.number('by', -5400) } }),
);
rule('exchange_missing_optional', EXCHANGE, 'Only token, expires_at and refresh_in.', (p) => {
  const keep = p.flag('keep_endpoints');
  return {
    with: { omit: keep ? [] : ['endpoints'] },
    merge: Object.fromEntries(
      OPTIONAL.filter((name) => !(keep && name === 'endpoints')).map((name) => [name, null]),
    ),
  };
});
rule('exchange_missing_token', EXCHANGE, '200 without a token.', () => ({
  merge: { token: null },
}));
rule('exchange_garbage', EXCHANGE, '200 with a body that is not JSON.', () => ({
  headers: JSON_TYPE,
  body: '{"token":',
}));
rule('exchange_sku', EXCHANGE, 'Another plan: `sku`.', (p) => ({
  with: { sku: p.text('sku', 'free_limited_copilot') },
}));
rule('exchange_api', EXCHANGE, 'endpoints.api names another host: `api`.', (p) => ({
  with: { api: p.text('api', 'https://elsewhere.example') },
}));
rule('exchange_notification', EXCHANGE, 'Success with a notification for the user.', (p) => ({
  merge: {
    user_notification: {
      notification_id: p.text('notification_id', 'subscription_trial_ending'),
      title: 'Trial',
      message: 'Your trial ends soon.',
      url: 'https://github.com/settings/copilot',
    },
  },
}));

const OPTIONAL = [
  'agent_mode_auto_approval',
  'annotations_enabled',
  'azure_only',
  'blackbird_clientside_indexing',
  'chat_enabled',
  'chat_jetbrains_enabled',
  'code_quote_enabled',
  'code_review_enabled',
  'codesearch',
  'copilotignore_enabled',
  'endpoints',
  'individual',
  'limited_user_quotas',
  'limited_user_reset_date',
  'organization_list',
  'enterprise_list',
  'nes_enabled',
  'prompt_8k',
  'public_suggestions',
  'sku',
  'snippy_load_test_enabled',
  'telemetry',
  'tracking_id',
  'vsc_electron_fetcher_v2',
  'xcode',
  'xcode_chat',
];

// User.

for (const [kind, about] of Object.entries({
  free: 'The Free plan: limited_user_quotas instead of snapshots.',
  unlimited: 'A plan without limits: entitlement and remaining -1.',
  negative: 'Quota overdrawn: negative and fractional numbers.',
  no_access: 'An account without Copilot.',
})) {
  rule(`user_${kind}`, USER, about, () => ({ with: { kind } }));
}
rule('user_401', USER, '401 Bad credentials.', () => rest(401, 'Bad credentials'));
rule('user_404', USER, '404 Not Found.', () => rest(404, 'Not Found'));
rule('user_500', USER, '500 with HTML.', () => error_reply(500, 'html', { message: 'Unicorn' }));

// Models.

rule(
  'models_429_after_success',
  MODELS,
  'The list once, then 429.',
  (p) =>
    error_reply(429, 'json_as_text', {
      code: 'rate_limited',
      message: RATE_LIMIT,
      retry_after: retry_after_of(p, 'seconds'),
    }),
  { after: 1 },
);
rule('models_empty', MODELS, 'An empty list.', () => ({ with: { variant: 'empty' } }));
rule('models_duplicates', MODELS, 'Some ids twice and three times, with other versions.', () => ({
  with: { variant: 'duplicates' },
}));
rule('models_2mb', MODELS, 'A list of about 2 MB, full of unknown fields.', () => ({
  with: { variant: '2mb' },
}));
rule('models_500', MODELS, '500 with text.', () =>
  error_reply(500, 'text', { message: 'Internal Server Error' }),
);
rule('models_garbage', MODELS, '200 with a body that is not JSON.', () => ({
  headers: JSON_TYPE,
  body: '{"data":[',
}));
rule('models_wrong_shape', MODELS, '200 with JSON of another shape.', () => ({
  headers: JSON_TYPE,
  body: { data: { 'gpt-4.1': {} } },
}));
rule(
  'models_hold',
  MODELS,
  'The answer waits for `POST /_sim/release {"name":"models"}`.',
  (p) => ({ before_headers: { hold: p.text('name', 'models') } }),
);
rule('models_stall', MODELS, 'Never answered.', () => ({ before_headers: { stall: true } }));
