// github.com: the OAuth device flow (RFC 8628 as GitHub does it) and the page a person sees.

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const DOCS = 'https://docs.github.com/developers/apps/authorizing-oauth-apps';

const DESCRIPTIONS = {
  authorization_pending: 'The authorization request is still pending.',
  slow_down: 'Too many requests have been made in the same timeframe.',
  expired_token: 'The device code has expired. Please restart the flow.',
  access_denied: 'The user has denied the request.',
  incorrect_device_code: 'The device code provided is not valid.',
  incorrect_client_credentials: 'The client id does not belong to this device code.',
  unsupported_grant_type: 'The grant type is not supported.',
  device_flow_disabled: 'Device Flow must be explicitly enabled for this App.',
  bad_refresh_token: 'The refresh token passed is incorrect or expired.',
};

/// Both encodings are in daily use, whatever the header says.
function form_of(text) {
  if (text.trimStart().startsWith('{')) {
    try {
      return JSON.parse(text);
    } catch {
      return {};
    }
  }
  return Object.fromEntries(new URLSearchParams(text));
}

/// JSON only for those who ask for it; otherwise a form, as GitHub does.
function reply(answer, object, { status = 200, form = false } = {}) {
  const json = /\bjson\b/.test(answer.req.headers.accept ?? '') && !form;
  if (json)
    return answer.send(status, { 'content-type': 'application/json; charset=utf-8' }, object);
  const text = new URLSearchParams(
    Object.entries(object).map(([key, value]) => [key, String(value)]),
  ).toString();
  answer.send(status, { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }, text);
}

const problem = (error, more = {}) => ({
  error,
  error_description: DESCRIPTIONS[error] ?? 'Something went wrong.',
  error_uri: `${DOCS}#error-codes-for-the-device-flow`,
  ...more,
});

/// options: {form, interval, expires_in, plan}
/// plan: {pending, then: 'approve' | 'deny' | 'expire' | an error code, slow_down_at, slow_down_add, slow_down_silent, refreshable}
export function device_code(world, answer, text, options = {}) {
  const form = form_of(text);
  if (!form.client_id)
    return reply(answer, { error: 'Not Found' }, { status: 404, form: options.form });
  const code = world.new_device_code(form.client_id, form.scope ?? '', {
    ...options.plan,
    interval: options.interval,
    expires_in: options.expires_in,
  });
  reply(
    answer,
    {
      device_code: code.device_code,
      user_code: code.user_code,
      verification_uri: `${world.base_url}/login/device`,
      expires_in: options.expires_in ?? world.settings.device_expires_in,
      interval: code.interval,
    },
    options,
  );
}

/// options: {form, error_status, refreshable, prefix}; a device code's own `plan` says how it ends.
export function access_token(world, answer, text, options = {}) {
  const form = form_of(text);
  const out = (object, bad) =>
    reply(answer, object, {
      status: bad ? (options.error_status ?? 200) : 200,
      form: options.form,
    });
  const refuse = (error, more) => out(problem(error, more), true);
  if (form.grant_type === 'refresh_token') return refresh(world, form, out, refuse);
  if (form.grant_type !== DEVICE_GRANT) return refuse('unsupported_grant_type');
  const code = world.codes.get(form.device_code);
  if (!code || code.state === 'used') return refuse('incorrect_device_code');
  if (code.client_id !== form.client_id) return refuse('incorrect_client_credentials');

  const now = world.now_ms();
  code.polls++;
  if (code.state === 'expired' || now >= code.expires_at_ms) return refuse('expired_token');
  if (code.state === 'denied') return refuse('access_denied');
  const too_fast =
    code.last_poll_ms > 0 &&
    now - code.last_poll_ms < code.interval * 1000 - world.settings.poll_slack_ms;
  code.last_poll_ms = now;
  const told_to_slow_down = code.polls === code.plan.slow_down_at;
  if (too_fast || told_to_slow_down) {
    code.too_fast = (code.too_fast ?? 0) + (too_fast ? 1 : 0);
    code.interval += told_to_slow_down
      ? (code.plan.slow_down_add ?? world.settings.slow_down_add)
      : world.settings.slow_down_add;
    return refuse('slow_down', code.plan.slow_down_silent ? {} : { interval: code.interval });
  }
  if (code.state === 'pending') {
    const scripted = code.plan.then ?? (world.settings.person === 'auto' ? 'approve' : null);
    const pending = code.plan.pending ?? world.settings.pending_polls;
    if (!scripted || code.pending < pending) {
      code.pending++;
      return refuse('authorization_pending');
    }
    if (scripted === 'approve') code.state = 'approved';
    else if (scripted === 'deny') code.state = 'denied';
    else if (scripted === 'expire') code.state = 'expired';
    else return refuse(scripted);
    if (code.state === 'denied') return refuse('access_denied');
    if (code.state === 'expired') return refuse('expired_token');
  }
  code.state = 'used';
  const { token, refresh_token } = world.new_github_token({
    refreshable: options.refreshable ?? code.plan.refreshable,
    prefix: options.prefix,
  });
  out(token_reply(token, refresh_token, code.scope));
}

const token_reply = (token, refresh_token, scope) => ({
  access_token: token,
  ...(refresh_token
    ? { expires_in: 28800, refresh_token, refresh_token_expires_in: 15811200 }
    : {}),
  token_type: 'bearer',
  scope: scope ?? '',
});

/// Both tokens rotate: the old pair is dead at once.
function refresh(world, form, out, refuse) {
  const old = world.refresh_tokens.get(form.refresh_token);
  if (!old) return refuse('bad_refresh_token');
  world.refresh_tokens.delete(form.refresh_token);
  world.github_tokens.get(old).alive = false;
  const { token, refresh_token } = world.new_github_token({ refreshable: true });
  out(token_reply(token, refresh_token, ''));
}

/// What a person does on the page. Returns an error text, or null.
export function decide(code, action) {
  if (!code) return 'There is no such code.';
  if (code.state !== 'pending') return `This code is already ${code.state}.`;
  code.state = action === 'approve' ? 'approved' : 'denied';
  return null;
}

const escape_html = (text) =>
  String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

const page = (title, inner) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title} · GitHub simulator</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:4rem auto;padding:0 1rem;color:#1f2328}
h1{font-size:1.4rem;font-weight:500}
input{font:1.6rem ui-monospace,monospace;letter-spacing:.15em;text-transform:uppercase;width:100%;
box-sizing:border-box;padding:.4rem;text-align:center;border:1px solid #d1d9e0;border-radius:6px}
button{font:inherit;padding:.45rem 1rem;margin:1rem .5rem 0 0;border:1px solid #d1d9e0;border-radius:6px;
background:#f6f8fa;cursor:pointer}
button.go{background:#1f883d;border-color:#1f883d;color:#fff}
small{color:#59636e}
</style></head><body><h1>${title}</h1>
${inner}
<p><small>This page comes from the simulator that is part of Jumpseat. It is not GitHub.</small></p>
</body></html>
`;

const HTML = { 'content-type': 'text/html; charset=utf-8' };

export function device_page(world, answer, query) {
  const given = escape_html(query.get('user_code') ?? '');
  answer.send(
    200,
    HTML,
    page(
      'Device activation',
      `<p>Enter the code displayed on your device.</p>
<form method="post" action="/login/device"><input name="user_code" value="${given}" autofocus required
 autocomplete="off" maxlength="9" placeholder="XXXX-0000"><button class="go">Continue</button></form>`,
    ),
  );
}

export function device_page_submit(world, answer, text) {
  const form = form_of(text);
  const code = world.find_user_code(form.user_code ?? '');
  if (!code || code.state !== 'pending' || world.now_ms() >= code.expires_at_ms) {
    const why = !code
      ? 'That code is not known. Check it and try again.'
      : code.state === 'pending'
        ? 'That code has expired.'
        : `That code is already ${escape_html(code.state)}.`;
    return answer.send(
      code ? 410 : 404,
      HTML,
      page('Device activation', `<p>${why}</p><p><a href="/login/device">Back</a></p>`),
    );
  }
  if (form.action === 'approve' || form.action === 'deny') {
    decide(code, form.action);
    const done =
      form.action === 'approve'
        ? [
            'Congratulations, you are all set!',
            '<p>Your device is now connected. You may close this page.</p>',
          ]
        : ['Authorization cancelled', '<p>The device was not connected.</p>'];
    return answer.send(200, HTML, page(...done));
  }
  answer.send(
    200,
    HTML,
    page(
      'Authorize GitHub Copilot Plugin',
      `<p>Code <b>${code.user_code}</b> asks for access to the account
<b>${escape_html(world.settings.login)}</b>.</p><form method="post" action="/login/device">
<input type="hidden" name="user_code" value="${code.user_code}">
<button class="go" name="action" value="approve">Authorize</button>
<button name="action" value="deny">Cancel</button></form>`,
    ),
  );
}
