// Rules: what to do differently from GitHub's normal behaviour, for which upcoming requests.
//
// A rule: {"on": "POST /chat/completions", "times": 1, "after": 0, "model": "gpt-4.1",
//          "stream": true, "tool": "read_file", "connection": "new" | "reused", "early": true,
//          "unchecked": "body" | "all", "do": {...}}
// Rules are tried in order; a rule that was used `times` times (default: no limit) is passed over,
// and so are its first `after` matching requests. `*` at the end of a path matches any rest.
// `early` rules act before the request body is read. `unchecked` rules act before the checks that
// the simulator makes on every data-plane request.

const RULE_MEMBERS = [
  'on',
  'times',
  'after',
  'model',
  'stream',
  'tool',
  'connection',
  'early',
  'unchecked',
  'do',
];
const DO_MEMBERS = [
  'status',
  'headers',
  'body',
  'stream',
  'split',
  'crlf',
  'before_headers',
  'slow_headers',
  'raw_response',
  'gzip',
  'redirect',
  'bare',
  'expire',
  'with',
  'merge',
];

export class Rules {
  list_ = [];

  check(rule) {
    if (typeof rule?.on !== 'string')
      throw new Error('a rule needs \'on\', e.g. "POST /chat/completions"');
    if (rule.on !== '*' && !/^(\*|[A-Z]+) (\/\S*|\*)$/.test(rule.on)) {
      throw new Error(`'on' is "METHOD /path", with * as wildcard, not '${rule.on}'`);
    }
    if (rule.do === null || typeof rule.do !== 'object') throw new Error("a rule needs 'do'");
    for (const key of Object.keys(rule)) {
      if (!RULE_MEMBERS.includes(key)) throw new Error(`unknown rule member '${key}'`);
    }
    for (const key of Object.keys(rule.do)) {
      if (!DO_MEMBERS.includes(key)) throw new Error(`unknown member 'do.${key}'`);
    }
  }

  add(rule, name) {
    this.check(rule);
    const [method, path] = rule.on === '*' ? ['*', '*'] : rule.on.split(' ');
    this.list_.push({ ...rule, method, path, name, seen: 0, used: 0 });
  }

  /// The first rule for this request, counted as used; undefined when there is none.
  /// `request`: {method, path, reused, json()} where json() gives the parsed body.
  take(request, { early = false, unchecked = null } = {}) {
    for (const rule of this.list_) {
      if (Boolean(rule.early) !== early) continue;
      if (unchecked !== null && (rule.unchecked ?? 'none') !== unchecked) continue;
      if (rule.used >= (rule.times ?? Infinity)) continue;
      if (!matches(rule, request)) continue;
      if (rule.seen++ < (rule.after ?? 0)) continue;
      rule.used++;
      return rule;
    }
    return undefined;
  }

  dump() {
    return this.list_.map(({ name, on, times, seen, used }) => ({
      scenario: name,
      on,
      times,
      seen,
      used,
    }));
  }
}

function matches(rule, request) {
  if (rule.method !== '*' && rule.method !== request.method) return false;
  if (rule.path.endsWith('*')) {
    if (!request.path.startsWith(rule.path.slice(0, -1))) return false;
  } else if (rule.path !== request.path) {
    return false;
  }
  if (rule.connection !== undefined && (rule.connection === 'reused') !== request.reused)
    return false;
  if (rule.model !== undefined && request.json()?.model !== rule.model) return false;
  if (rule.stream !== undefined && Boolean(request.json()?.stream) !== rule.stream) return false;
  if (rule.tool !== undefined && !offers(request.json(), rule.tool)) return false;
  return true;
}

/// Whether a chat request lets the model call this tool.
function offers(body, name) {
  return Array.isArray(body?.tools) && body.tools.some((tool) => tool?.function?.name === name);
}
