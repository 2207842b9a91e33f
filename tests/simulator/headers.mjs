// The checks that the Copilot API makes on the headers of every request, and its error shapes.

const TEXT = { 'content-type': 'text/plain; charset=utf-8' };

export const data_text = (status, text, headers = {}) => ({
  status,
  headers: { ...TEXT, ...headers },
  body: `${text}\n`,
});

/// As the real one: JSON, labelled as text, ending with a newline.
export const data_error = (status, code, message, more = {}) =>
  data_text(status, JSON.stringify({ error: { message, code, ...more } }));

/// {token_kind, github} when the request may pass, else {error}.
export function check_data_headers(world, method, headers) {
  const match = /^bearer\s+(\S+)$/i.exec(headers.authorization ?? '');
  if (!match) return { error: data_text(401, 'unauthorized: missing Authorization header') };
  const token = match[1];
  const kind = token.startsWith('tid=') ? 'copilot' : 'github';
  const refused =
    kind === 'copilot'
      ? check_copilot_token(world, token, headers)
      : check_github_token(world, token);
  if (refused) return { error: refused };
  const needs_editor = kind === 'copilot' || token.startsWith('ghu_');
  const error =
    check_editor_headers(world, headers, needs_editor) ?? check_content_type(method, headers);
  return error ? { error } : { token_kind: kind };
}

function check_copilot_token(world, token, headers) {
  const entry = world.copilot_tokens.get(token);
  if (!entry) return data_text(401, 'unauthorized: AuthenticateToken authentication failed');
  if (!entry.alive || world.now_ms() >= entry.expires_at_ms) {
    return data_text(401, 'IDE token expired: unauthorized: token expired');
  }
  const host = headers[':authority'] ?? headers.host;
  if (entry.host && host !== entry.host) return data_text(421, 'Misdirected Request');
  return null;
}

function check_github_token(world, token) {
  if (token.startsWith('ghp_'))
    return data_text(
      400,
      'bad request: Personal Access Tokens are not supported for this endpoint',
    );
  if (!world.github_token_alive(token) || world.github_tokens.get(token).direct === false)
    return data_text(401, 'unauthorized: AuthenticateToken authentication failed');
  if (token.startsWith('github_pat_') && world.github_tokens.get(token).copilot_requests !== true) {
    return data_text(
      401,
      'unauthorized: Personal Access Token does not have Copilot Requests permission',
    );
  }
  return null;
}

function check_editor_headers(world, headers, required) {
  const editor = headers['editor-version'];
  const integration = headers['copilot-integration-id'];
  const version = headers['x-github-api-version'];
  if (required && !editor)
    return data_text(400, 'bad request: missing Editor-Version header for IDE auth');
  if (editor && !/^[\w.-]+\/\d+(\.\d+)*\S*$/.test(editor))
    return data_text(400, `bad request: unknown Editor-Version: ${editor}`);
  if (required && !integration)
    return data_text(400, 'bad request: missing required Copilot-Integration-Id header');
  if (integration && !world.settings.integration_ids.includes(integration)) {
    return data_text(400, 'bad request: unknown Copilot-Integration-Id');
  }
  if (version && version < world.settings.oldest_api_version) {
    return data_text(
      466,
      'bad request: the specified API version is no longer supported. You may need to update your client to a newer version.',
    );
  }
  return null;
}

function check_content_type(method, headers) {
  if (method !== 'POST' || /^application\/json\b/i.test(headers['content-type'] ?? '')) return null;
  return data_text(400, 'bad request: Content-Type must be application/json');
}

/// Sent with 2xx replies of the data plane, before the first byte of the body.
export function quota_headers(world) {
  const { entitlement, left, percent, reset } = world.quota();
  const instant = encodeURIComponent(reset.toISOString().replace('.000Z', 'Z'));
  return {
    'x-quota-snapshot-chat': `ent=-1&ov=0.0&ovPerm=false&rem=100.0&rst=${instant}`,
    'x-quota-snapshot-completions': `ent=-1&ov=0.0&ovPerm=false&rem=100.0&rst=${instant}`,
    'x-quota-snapshot-premium_interactions': `ent=${entitlement}&ov=0.0&ovPerm=false&rem=${percent.toFixed(1)}&rst=${instant}&totRem=${left.toFixed(1)}`,
  };
}
