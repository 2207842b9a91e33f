// api.github.com: the token exchange, the user's Copilot record and the ordinary /user call.

const DOCS = 'https://docs.github.com/rest';
const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

/// An error in the envelope of GitHub's REST interface.
export const rest_error = (status, message, more = {}) => ({
  status,
  headers: JSON_TYPE,
  body: { message, documentation_url: DOCS, status: String(status), ...more },
});

/// GitHub's REST interface refuses requests without User-Agent, with plain text.
export function check_rest_headers(headers) {
  if (headers['user-agent']) return null;
  return {
    status: 403,
    headers: { 'content-type': 'text/html; charset=utf-8' },
    body: 'Request forbidden by administrative rules. Please make sure your request has a User-Agent header.\n',
  };
}

/// {token} or {error}; `token` and `Bearer` are both accepted schemes.
function authenticate(world, headers) {
  const match = /^(?:token|bearer)\s+(\S+)$/i.exec(headers.authorization ?? '');
  if (!match) return { error: rest_error(401, 'Requires authentication') };
  if (!world.github_token_alive(match[1])) return { error: rest_error(401, 'Bad credentials') };
  return { token: match[1] };
}

const send = (answer, { status, headers, body }) => answer.send(status, headers, body);

/// Why a kind of GitHub token cannot be exchanged, or null.
function exchange_refusal(token, entry) {
  if (entry.exchange === 'no_seat') {
    return {
      status: 403,
      headers: JSON_TYPE,
      body: {
        can_signup_for_limited: true,
        error_details: {
          message: `No Copilot seat for ${entry.login ?? 'octocat'}.`,
          title: 'Sign up for GitHub Copilot',
          notification_id: 'not_signed_up',
          url: 'https://github.com/settings/copilot',
        },
        message: 'Resource not accessible by integration',
      },
    };
  }
  if (entry.exchange === 404 || token.startsWith('ghp_') || token.startsWith('ghs_'))
    return rest_error(404, 'Not Found');
  if (entry.exchange === 403 || token.startsWith('github_pat_')) {
    return rest_error(403, 'Resource not accessible by personal access token');
  }
  return null;
}

const endpoints = (api) => ({ api, 'origin-tracker': api, proxy: api, telemetry: api });

/// options: {refresh_in, expires_in, reported_expires_in, sku, api, omit: [names]}
export function exchange(world, answer, options = {}) {
  const who = authenticate(world, answer.req.headers);
  if (who.error) return send(answer, who.error);
  const refused = exchange_refusal(who.token, world.github_tokens.get(who.token));
  if (refused) return send(answer, refused);

  const api = options.api ?? world.api_url;
  const sku = options.sku ?? world.settings.sku;
  const omit = options.omit ?? [];
  const { token, exp, refresh_in, tid } = world.new_copilot_token(who.token, {
    sku,
    refresh_in: options.refresh_in ?? world.settings.token_refresh_in,
    expires_in: options.expires_in ?? world.settings.token_expires_in,
    host: omit.includes('endpoints') ? null : host_of(api),
  });
  const free = sku === 'free_limited_copilot';
  const body = {
    agent_mode_auto_approval: true,
    annotations_enabled: true,
    azure_only: false,
    blackbird_clientside_indexing: false,
    chat_enabled: true,
    chat_jetbrains_enabled: true,
    code_quote_enabled: true,
    code_review_enabled: true,
    codesearch: true,
    copilotignore_enabled: false,
    endpoints: endpoints(api),
    expires_at:
      options.reported_expires_in === undefined
        ? exp
        : Math.floor(world.now_ms() / 1000) + options.reported_expires_in,
    individual: true,
    limited_user_quotas: free ? { chat: 41, completions: 1987 } : null,
    limited_user_reset_date: free ? Math.floor(world.quota().reset.getTime() / 1000) : null,
    organization_list: [],
    enterprise_list: null,
    nes_enabled: true,
    prompt_8k: true,
    public_suggestions: 'disabled',
    refresh_in,
    sku,
    snippy_load_test_enabled: false,
    telemetry: 'disabled',
    token,
    tracking_id: tid,
    vsc_electron_fetcher_v2: false,
    xcode: true,
    xcode_chat: true,
  };
  for (const name of omit) delete body[name];
  answer.send(200, JSON_TYPE, body);
}

function host_of(url) {
  try {
    return new URL(url).host;
  } catch {
    return null;
  }
}

/// options: {kind: 'paid' | 'free' | 'unlimited' | 'negative' | 'no_access'}
export function user_info(world, answer, options = {}) {
  const who = authenticate(world, answer.req.headers);
  if (who.error) return send(answer, who.error);
  const { entitlement, left, percent, reset } = world.quota();
  const stamp = new Date(world.now_ms()).toISOString();
  const snapshot = (quota_id, more) => ({
    quota_id,
    entitlement: 0,
    remaining: 0,
    quota_remaining: 0.0,
    percent_remaining: 100.0,
    unlimited: true,
    overage_count: 0,
    overage_permitted: false,
    timestamp_utc: stamp,
    ...more,
  });
  let body = {
    login: world.github_tokens.get(who.token).login ?? world.settings.login,
    access_type_sku: world.settings.sku,
    copilot_plan: world.settings.plan,
    analytics_tracking_id: '00000000000000000000000000000001',
    assigned_date: null,
    can_signup_for_limited: false,
    chat_enabled: true,
    cli_enabled: true,
    is_mcp_enabled: true,
    copilotignore_enabled: false,
    restricted_telemetry: false,
    codex_agent_enabled: true,
    token_based_billing: false,
    organization_login_list: [],
    organization_list: [],
    endpoints: endpoints(world.api_url),
    quota_reset_date: reset.toISOString().slice(0, 10),
    quota_reset_date_utc: reset.toISOString(),
    quota_snapshots: {
      chat: snapshot('chat'),
      completions: snapshot('completions'),
      premium_interactions: snapshot('premium_interactions', {
        entitlement,
        remaining: Math.floor(left),
        quota_remaining: left,
        percent_remaining: percent,
        unlimited: false,
      }),
    },
  };
  const kind = options.kind ?? 'paid';
  if (kind === 'free') {
    delete body.quota_snapshots;
    delete body.quota_reset_date;
    delete body.quota_reset_date_utc;
    body = {
      ...body,
      access_type_sku: 'free_limited_copilot',
      copilot_plan: 'free',
      limited_user_quotas: { chat: 41, completions: 1987 },
      monthly_quotas: { chat: 50, completions: 2000 },
      limited_user_reset_date: reset.toISOString().slice(0, 10),
      limited_user_subscribed_day: 7,
    };
  } else if (kind === 'unlimited') {
    body.copilot_plan = 'enterprise';
    body.quota_snapshots.premium_interactions = snapshot('premium_interactions', {
      entitlement: -1,
      remaining: -1,
    });
  } else if (kind === 'negative') {
    Object.assign(body.quota_snapshots.premium_interactions, {
      remaining: -1,
      quota_remaining: -1.34,
      percent_remaining: -0.4,
      overage_count: 1.34,
      overage_permitted: true,
    });
  } else if (kind === 'no_access') {
    body = {
      login: body.login,
      access_type_sku: 'no_access',
      copilot_plan: 'individual',
      can_signup_for_limited: true,
      chat_enabled: false,
      assigned_date: null,
      organization_login_list: [],
      organization_list: [],
    };
  } else if (kind !== 'paid') {
    throw new Error(`unknown kind of user '${kind}'`);
  }
  answer.send(200, JSON_TYPE, body);
}

/// The public REST call: knows nothing of the internal interface's version.
export function rest_user(world, answer) {
  const who = authenticate(world, answer.req.headers);
  if (who.error) return send(answer, who.error);
  const version = answer.req.headers['x-github-api-version'];
  if (version && version !== '2022-11-28') {
    return send(
      answer,
      rest_error(400, `"${version}" is not a supported version of the REST API.`),
    );
  }
  const login = world.settings.login;
  const body = {
    login,
    id: 583231,
    node_id: 'MDQ6VXNlcjU4MzIzMQ==',
    type: 'User',
    site_admin: false,
    name: 'Mona Lisa Octocat',
    html_url: `https://github.com/${login}`,
    created_at: '2011-01-25T18:44:36Z',
  };
  answer.send(
    200,
    { ...JSON_TYPE, 'x-oauth-scopes': who.token.startsWith('gho_') ? 'read:user' : '' },
    body,
  );
}

/// GraphQL, for the one query by which direct clients learn the host.
export function graphql(world, answer) {
  const who = authenticate(world, answer.req.headers);
  if (who.error) return send(answer, who.error);
  answer.send(200, JSON_TYPE, {
    data: { viewer: { login: world.settings.login, copilotEndpoints: endpoints(world.api_url) } },
  });
}
