// The record of every request (without those to /_sim/), and waiting for things to happen.

export class Record {
  entries_ = [];
  waiters_ = new Set();
  next_id_ = 1;
  running_ = new Map(); // route -> {now, most}
  connections_ = new Map(); // id -> {control, requests}
  opened_ = 0;

  clear() {
    this.entries_ = [];
    this.running_ = new Map();
    this.opened_ = 0;
    this.changed();
  }

  begin(entry, limit) {
    entry.id = this.next_id_++;
    entry.started_ns_ = process.hrtime.bigint();
    entry.at_ns = String(entry.started_ns_);
    entry.time = new Date().toISOString();
    entry.ended = 'open';
    entry.bytes_sent = 0;
    entry.status = null;
    entry.waiting = null; // 'stalled' or 'holding' while a step keeps the answer open
    entry.route_ = `${entry.method} ${entry.path}`;
    this.entries_.push(entry);
    if (this.entries_.length > limit) this.entries_.splice(0, this.entries_.length - limit);
    const running = this.running_.get(entry.route_) ?? { now: 0, most: 0 };
    running.most = Math.max(running.most, ++running.now);
    this.running_.set(entry.route_, running);
    return entry;
  }

  /// how: 'complete', 'closed_by_client' or 'cut' (by the simulator).
  end(entry, how) {
    if (entry.ended !== 'open') return;
    const now = process.hrtime.bigint();
    entry.ended = how;
    entry.waiting = null;
    entry.ended_ns = String(now);
    entry.closed_after_ms = Number(now - entry.started_ns_) / 1e6;
    const running = this.running_.get(entry.route_);
    if (running) running.now--;
    this.changed();
  }

  connection_opened(id) {
    this.connections_.set(id, { control: false, requests: 0 });
    this.changed();
  }

  connection_closed(id) {
    this.connections_.delete(id);
    this.changed();
  }

  /// Counts a request on a connection; true when it is not the first one there.
  connection_used(id, control) {
    const connection = this.connections_.get(id);
    if (!connection) return false;
    if (control) connection.control = true;
    else if (connection.requests === 0) this.opened_++;
    return connection.requests++ > 0;
  }

  open_connections() {
    return [...this.connections_.values()].filter((one) => !one.control).length;
  }

  dump(filter = () => true) {
    return this.entries_.filter(filter).map(public_entry);
  }

  counts() {
    const routes = {};
    for (const entry of this.entries_) {
      const counts = (routes[entry.route_] ??= {
        requests: 0,
        complete: 0,
        closed_by_client: 0,
        cut: 0,
        open: 0,
      });
      counts.requests++;
      counts[entry.ended]++;
    }
    for (const [route, { most }] of this.running_)
      if (routes[route]) routes[route].most_at_once = most;
    return {
      requests: this.entries_.length,
      connections_used: this.opened_, // connections that carried at least one request
      connections_open: this.open_connections(),
      routes,
    };
  }

  changed() {
    for (const waiter of [...this.waiters_]) waiter.look();
  }

  /// Kinds: 'requests' (arrived whole), 'started' (answer headers sent), 'stalled' (kept open by a
  /// step), 'complete', 'closed' (by the client), 'cut', 'ended' (any way): at least n of them.
  /// 'open_connections': at most n of them.
  wait({ kind, path, method, n, since, timeout_ms, on_gone }) {
    const conditions = {
      requests: (entry) => entry.arrived_ === true,
      started: (entry) => entry.status !== null,
      stalled: (entry) => entry.waiting !== null,
      complete: (entry) => entry.ended === 'complete',
      closed: (entry) => entry.ended === 'closed_by_client',
      cut: (entry) => entry.ended === 'cut',
      ended: (entry) => entry.ended !== 'open',
    };
    const condition = conditions[kind];
    if (!condition && kind !== 'open_connections') {
      throw new Error(
        `'for' is one of ${[...Object.keys(conditions), 'open_connections'].join(', ')}`,
      );
    }
    const state = () => {
      if (kind === 'open_connections') {
        const count = this.open_connections();
        return { ok: count <= n, count };
      }
      const found = this.entries_.filter(
        (entry) =>
          (path === undefined || entry.path === path) &&
          (method === undefined || entry.method === method) &&
          entry.id > since &&
          condition(entry),
      );
      return { ok: found.length >= n, count: found.length, found };
    };
    return new Promise((resolve) => {
      const finish = (result) => {
        this.waiters_.delete(waiter);
        clearTimeout(timer);
        resolve({
          ok: result.ok,
          count: result.count,
          requests: (result.found ?? []).map(public_entry),
        });
      };
      const waiter = {
        look: () => {
          const result = state();
          if (result.ok) finish(result);
        },
      };
      const timer = setTimeout(() => finish(state()), timeout_ms);
      on_gone(() => finish(state()));
      this.waiters_.add(waiter);
      waiter.look();
    });
  }
}

function public_entry(entry) {
  const out = {};
  for (const [key, value] of Object.entries(entry)) if (!key.endsWith('_')) out[key] = value;
  out.body = entry.body_ ? entry.body_() : null;
  return out;
}
