// What is measured of the HTTP port: the same requests by the same client to the same upstream, directly, through
// Jumpseat, and through nginx and HAProxy. The names W1 … are the workloads of the project's speed targets.

import { readFileSync } from 'node:fs';
import { instructions_of } from './callgrind.mjs';
import { HttpStage } from './http_stage.mjs';
import { has } from './machine.mjs';
import { beside, row } from './rows.mjs';
import { exact, median } from './statistics.mjs';

const US = 'Jumpseat';
const WARM = 2; // requests before those that callgrind's slope is over
const NEIGHBOURS = ['nginx', 'HAProxy', 'HAProxy no-delay'];
const GATEWAYS = ['Portkey', 'LiteLLM'];

/// A chat whose answer upstream.cpp takes from its prompt.
function body({ stream = false, chunks = 1, every_us = 0, bytes = 0, prompt = 'hello' }) {
  const content = `bench ${chunks} ${every_us} ${bytes} ${prompt}`;
  const messages = [{ role: 'user', content }];
  return JSON.stringify({ model: 'gpt-4.1', ...(stream ? { stream } : {}), messages });
}

/// Text like source code: quotes, line ends and some of it outside ASCII, `size` bytes as JSON.
function code(size) {
  const line = '\tif (größe != \"naïve\\n\") { log(\"→ \\\"日本語\\\"\"); }\n';
  return line.repeat(Math.ceil(size / (Buffer.byteLength(JSON.stringify(line)) - 2)));
}

/// A gateway's part of the requests that the others get.
const of_share = (requests, share) => Math.max(1, Math.round(requests * share));

async function with_http(bench, measure) {
  const stage = new HttpStage(bench.stage, bench.skip);
  try {
    return await measure(stage);
  } finally {
    await stage.close();
  }
}

export function http(bench) {
  return with_http(bench, async (stage) => {
    const targets = await stage.open();
    const gateways = [];
    for (const one of bench.gateways) {
      const gateway = await stage.gateway(one);
      if (gateway) gateways.push(gateway);
    }
    const timed = { stream: true, chunks: bench.count(100, 20), every_us: 10_000 };
    const fast = { stream: true, chunks: 100 };
    const workloads = [
      ['W1 c=1', { bytes: 800 }, 1, bench.count(20_000, 200)],
      ['W1 c=32', { bytes: 800 }, 32, bench.count(1000, 10)],
      ['W2 32 kB', { bytes: 800, prompt: code(32_000) }, 4, bench.count(1000, 5)],
      ['W2 1 MB', { bytes: 800, prompt: code(1_000_000) }, 4, bench.count(50, 2)],
      ['W3', { bytes: 1_000_000 }, 4, bench.count(50, 2)],
      ['W4 1 stream', fast, 1, bench.count(200, 5)],
      ['W4 64 streams', fast, 64, bench.count(10, 1)],
      ['W5 8 streams', timed, 8, bench.count(2, 1)],
      ['W5 64 streams', timed, 64, bench.count(2, 1)],
    ];
    const cells = [];
    for (const [name, what, streams, requests] of workloads) {
      const file = bench.stage.file(`${name.replaceAll(' ', '_')}.json`, body(what));
      for (const { name: target, port, pid } of targets) {
        const options = { port, head: stage.head(port), body: file, watch: pid, streams, requests };
        cells.push({
          target: `${name}: ${target}`,
          run: () => bench.stage.client('http', { ...options, warm: bench.count(10, 1) }),
        });
      }
      // Whole answers only: Portkey's version answers streams with 500.
      if (!/^W[12]/.test(name)) continue;
      for (const { name: target, port, pid, head, share } of gateways) {
        const fewer = of_share(requests, share);
        const options = { port, head: stage.head(port, head), body: file, watch: pid, streams };
        cells.push({
          target: `${name}: ${target}`,
          run: () => bench.stage.client('http', { ...options, requests: fewer, warm: 1 }),
        });
      }
    }
    const sheet = await bench.measure('http', cells);

    const rows = [];
    const about = (workload) => {
      const [, , streams, requests] = workloads.find(([name]) => name === workload);
      return { streams, requests };
    };
    /// Our value beside each neighbour's: the first row says what it is and carries the bar.
    const add = (workload, texts, values, as = 'ratio', others = [...NEIGHBOURS, ...GATEWAYS]) => {
      const there = others.filter((one) => sheet.has(`${workload}: ${one}`));
      for (const [at, them] of (there.length > 0 ? there : [undefined]).entries()) {
        const all = beside(sheet, {
          us: `${workload}: ${US}`,
          them: them && `${workload}: ${them}`,
          ...values,
        });
        if (them) all.peer = them;
        const head = at === 0 ? texts : { unit: texts.unit, what: 'the same' };
        rows.push(row(head, all, as));
      }
    };
    const cpu = (workload, what, per, more = {}) => {
      const values = { metric: 'cpu_us', scale: 1 / per };
      add(workload, { unit: 'µs', what, ...more }, values, 'ratio', NEIGHBOURS);
      for (const { name, share } of gateways) {
        const { requests } = about(workload);
        const theirs = { their_scale: requests / of_share(requests, share) / per };
        if (sheet.has(`${workload}: ${name}`))
          add(workload, { unit: 'µs', what: 'the same' }, { ...values, ...theirs }, 'ratio', [
            name,
          ]);
      }
    };
    const latency = (workload, what, more = {}) => {
      const p50 = { unit: 'µs', what: `${what}, p50`, ...more };
      add(workload, p50, { metric: 'p50_us' }, 'added', ['direct']);
      add(workload, { unit: 'µs', what: 'the same, beside others' }, { metric: 'p50_us' });
      add(workload, { unit: 'µs', what: `${what}, p99` }, { metric: 'p99_us' });
    };
    const all_of = (workload) => about(workload).streams * about(workload).requests;

    const nginx_bar = { limit: 1.3, judged: 'ratio' };
    cpu('W1 c=32', 'W1: CPU for a small request, 32 connections', all_of('W1 c=32'), {
      target: 'T2',
      ...nginx_bar,
    });
    cpu('W1 c=1', 'W1: the same, 1 connection', all_of('W1 c=1'));
    latency('W1 c=1', 'W1: small request → whole answer, 1 connection', {
      target: 'T3',
      limit: 35,
      judged: 'added',
    });
    latency('W1 c=32', 'W1: the same, 32 connections');
    cpu('W2 32 kB', 'W2: CPU for a prompt of 32 kB', all_of('W2 32 kB'));
    cpu('W2 1 MB', 'W2: CPU for a prompt of 1 MB', all_of('W2 1 MB'), {
      target: 'T13',
      ...nginx_bar,
    });
    cpu('W3', 'W3: CPU for an answer of 1 MB', all_of('W3'));
    for (const name of ['1 stream', '64 streams']) {
      cpu(`W4 ${name}`, `W4: CPU for a chunk, no pause, ${name}`, 100 * all_of(`W4 ${name}`));
    }
    for (const name of ['8 streams', '64 streams']) {
      const workload = `W5 ${name}`;
      cpu(workload, `W5: CPU for a chunk, every 10 ms, ${name}`, timed.chunks * all_of(workload), {
        target: 'T5',
        limit: 20,
      });
      const bar = name === '8 streams' ? { target: 'T6', limit: 200, judged: 'added' } : {};
      const what = `W5: delay of a chunk, ${name}`;
      const p50 = { metric: 'delay_p50_us' };
      const late = { metric: 'late_percent' };
      add(workload, { unit: 'µs', what: `${what}, p50`, ...bar }, p50, 'added', ['direct']);
      add(workload, { unit: 'µs', what: 'the same, beside others' }, p50, 'added');
      add(workload, { unit: '%', what: 'W5: chunks later than 5 ms' }, late, 'added', [
        'direct',
        ...NEIGHBOURS,
      ]);
    }
    rows.push(...enough(sheet, bench));
    return {
      title: 'The HTTP port',
      rows,
      notes: [
        ...(gateways.length > 0
          ? [
              'Portkey and LiteLLM are gateways for many providers, with one process each and as they are without a database, a cache or a log. They get fewer requests than the others in W1 and W2, and no streams.',
            ]
          : []),
        'The HTTP port: upstream is `upstream.cpp`, one process; nginx (`nginx.conf`) and HAProxy (`haproxy.cfg`) pass bytes on, Jumpseat also checks key, Host and Origin, reads every event and counts. W1 c=32 has 32 connections; a whole answer is a stream on the way from upstream to Jumpseat.',
      ],
    };
  });
}

/// A comparison behind an upstream that is itself busy says nothing.
function enough(sheet, bench) {
  const faster = (target) =>
    sheet.per_round(
      (round) => round('W1 c=32: direct', 'per_s')[0] / round(`W1 c=32: ${target}`, 'per_s')[0],
    );
  const there = [US, 'nginx'].filter((one) => sheet.has(`W1 c=32: ${one}`));
  for (const one of there) {
    const { value } = faster(one);
    if (value < 3 && !bench.quick)
      bench.skip(
        `W1 c=32: latencies of ${one} are not valid, direct is only ${value.toFixed(1)} times as fast`,
      );
  }
  return there.map((one) => ({
    what: `W1: requests a second, direct, as a multiple of ${one}'s (3 is wanted)`,
    unit: '×',
    ours: faster(one),
  }));
}

/// What thousands of streams weigh, and what clients that do not read or do not stay do: W6, W7, W8. Each run has a
/// process of its own: memory is told from a fresh start.
export function http_many(bench) {
  return with_http(bench, async (stage) => {
    await stage.open();
    const starters = { [US]: () => stage.jumpseat() };
    // A smoke run shows that it works; that takes one of them.
    if (!bench.quick && has('nginx')) starters.nginx = () => stage.nginx();
    if (!bench.quick && has('haproxy')) starters.HAProxy = () => stage.haproxy('HAProxy', '');
    const alone = async (start, workload, what, options) => {
      const { port, pid, child } = await start();
      // Connections to upstream, and a model list, are no part of what streams weigh.
      const first = bench.stage.file('http_first.json', body({ stream: true }));
      const head = stage.head(port);
      await bench.stage.client('http', {
        port,
        head,
        body: first,
        watch: pid,
        streams: 1,
        requests: 1,
      });
      const file = bench.stage.file(`${workload}.json`, body(what));
      try {
        return await bench.stage.client(workload, {
          port,
          head,
          body: file,
          watch: pid,
          ...options,
        });
      } finally {
        await stage.end(child);
      }
    };

    // W6: one chunk every 150 ms.
    const counts = bench.quick ? [50, 100] : [1000, 4000, 9000];
    const cells = [];
    for (const [target, start] of Object.entries(starters)) {
      for (const streams of counts) {
        const what = { stream: true, chunks: bench.count(40, 3), every_us: 150_000 };
        const options = { streams, requests: 1, warm: 0 };
        cells.push({
          target: `W6 ${streams}: ${target}`,
          run: () => alone(start, 'http', what, options),
        });
      }
      // W7: a tenth reads 1 kB/s of the 100 kB/s that upstream sends.
      const streams = bench.count(1000, 20);
      const flood = { stream: true, chunks: bench.count(60, 5), every_us: 100_000, bytes: 10_000 };
      for (const slow of [0, streams / 10]) {
        cells.push({
          target: `W7 ${slow}: ${target}`,
          run: () => alone(start, 'http-slow', flood, { streams, slow, requests: 1 }),
        });
      }
      // W8: three of ten are left in the middle.
      const left = { stream: true, chunks: 100, every_us: 10_000, prompt: '@@@@@@@@ hello' };
      const broken_off = bench.stage.file('replies/broken_off');
      const options = { streams: 64, requests: bench.count(5, 1), chunks: 100, percent: 30 };
      cells.push({
        target: `W8: ${target}`,
        run: () => alone(start, 'http-cancel', left, { ...options, broken_off }),
      });
    }
    const sheet = await bench.measure('http_many', cells);

    const rows = [];
    const there = Object.keys(starters).slice(1);
    const add = (texts, name, values, as = 'ratio') => {
      for (const [at, them] of (there.length > 0 ? there : [undefined]).entries()) {
        const all = beside(sheet, { us: name(US), them: them && name(them), ...values });
        if (them) all.peer = them;
        rows.push(row(at === 0 ? texts : { unit: texts.unit, what: 'the same' }, all, as));
      }
    };
    const most = counts.at(-1);
    const kb = { metric: 'peak_kb', scale: 1 / 1000 };
    for (const streams of counts) {
      const bar = streams === most && !bench.quick ? { target: 'T8', limit: 80 } : {};
      add(
        { unit: 'MB', what: `W6: RSS with ${streams} streams`, ...bar },
        (one) => `W6 ${streams}: ${one}`,
        kb,
      );
    }
    const slope = (target) =>
      sheet.per_round((round) => {
        const peak = (streams) => median(round(`W6 ${streams}: ${target}`, 'peak_kb'));
        return (peak(most) - peak(counts[0])) / (most - counts[0]);
      });
    for (const [at, them] of [US, ...there].entries()) {
      if (at === 0) {
        const limit = bench.quick ? {} : { target: 'T7', limit: 8 };
        rows.push({ what: 'W6: memory of one more stream', unit: 'kB', ours: slope(US), ...limit });
      } else {
        rows.push({ what: 'the same', unit: 'kB', peer: them, theirs: slope(them) });
      }
    }
    const slow = bench.count(1000, 20) / 10;
    add(
      { unit: 'MB', what: 'W7: RSS with a tenth of slow readers' },
      (one) => `W7 ${slow}: ${one}`,
      kb,
    );
    for (const [metric, name] of [
      ['delay_p50_us', 'p50'],
      ['delay_p99_us', 'p99'],
    ]) {
      rows.push({
        what: `W7: delay of a chunk to those who read, ${name}, beside a run without slow readers`,
        unit: 'µs',
        peer: 'without',
        ...beside(sheet, { us: `W7 ${slow}: ${US}`, them: `W7 0: ${US}`, metric }),
      });
    }
    const p99 = { target: 'T15', limit: 5 };
    const ms = (metric) => ({ metric, scale: 1 / 1000 });
    add(
      { unit: 'ms', what: 'W8: client leaves → upstream hears of it, p50' },
      (one) => `W8: ${one}`,
      ms('reset_p50_us'),
    );
    add(
      { unit: 'ms', what: 'W8: the same, p99', ...p99 },
      (one) => `W8: ${one}`,
      ms('reset_p99_us'),
    );
    rows.push({
      what: 'W8: streams left of which upstream heard before it was done',
      unit: '%',
      ours: sheet.per_round((round) => median(round(`W8: ${US}`, 'heard_percent'))),
    });
    rows.push({
      what: 'W8: files that stay open after it',
      unit: '',
      ours: sheet.per_round((round) => median(round(`W8: ${US}`, 'more_files'))),
    });
    return {
      title: 'Many streams, slow readers, clients that leave',
      rows,
      notes: [
        'W6, W7, W8: each run has a fresh process. W7: 1,000 streams of 10 kB every 100 ms. W8: 64 streams at a time, 30 % left after a random chunk; the time is from the close of the connection to the moment at which upstream saw its own end.',
      ],
    };
  });
}

/// W11: the same upstream, the simulator, over plain HTTP/1.1 and over TLS and HTTP/2.
export function http_tls(bench) {
  return with_http(bench, async (stage) => {
    const title = 'The HTTP port, upstream behind TLS and HTTP/2';
    const tls = await bench.stage.behind_tls();
    if (!tls) return { title, rows: [] };
    const PLAIN = 'plain HTTP/1.1';
    const targets = [
      [US, await stage.jumpseat([], tls)],
      [PLAIN, await stage.jumpseat([], bench.stage.signed_in)],
    ];
    const [streams, requests] = [16, bench.count(100, 3)];
    const file = bench.stage.file('W11.json', body({ bytes: 800 }));
    const cells = targets.map(([target, { port, pid }]) => ({
      target,
      run: async () => {
        // Without `replace`: the tenant's own rules stay.
        for (const sim of [bench.stage.sim, bench.stage.tls_sim])
          await sim.scenario({ name: 'bench', params: { chunks: 1, every_ms: 0 } });
        const options = { port, head: stage.head(port), body: file, watch: pid, streams, requests };
        return bench.stage.client('http', { ...options, warm: 2 });
      },
    }));
    const sheet = await bench.measure('http_tls', cells);
    const all = { us: US, them: PLAIN };
    const per = 1 / (streams * requests);
    return {
      title,
      rows: [
        row(
          {
            unit: 'µs',
            what: 'W11: CPU for a small request, 16 connections',
            target: 'T2',
            limit: 29,
          },
          beside(sheet, { ...all, metric: 'cpu_us', scale: per }),
        ),
        row(
          { unit: 'µs', what: 'W11: small request → whole answer, p50' },
          beside(sheet, { ...all, metric: 'p50_us' }),
          'added',
        ),
      ],
      notes: [
        'W11: upstream is the simulator, a Node.js program; times on the wall are mostly its own.',
      ],
    };
  });
}

/// W10: spawn → first streamed token, with everything to be fetched.
export function http_cold(bench) {
  return with_http(bench, async (stage) => {
    await stage.open();
    const file = bench.stage.file('http_cold.json', body({ stream: true }));
    const options = { body: file, streams: 1, requests: 1, warm: 0 };
    const sheet = await bench.measure('http_cold', [
      {
        target: US,
        run: async () => {
          const begin = process.hrtime.bigint();
          const { port, pid, child } = await stage.jumpseat();
          const ready_us = Number(process.hrtime.bigint() - begin) / 1000;
          const head = stage.head(port);
          const first = await bench.stage.client('http', { ...options, port, head, watch: pid });
          await stage.end(child);
          return { ready_us, first_us: first.p50_us };
        },
      },
    ]);
    const ms = (metric) => sheet.per_round((round) => median(round(US, metric)) / 1000);
    return {
      title: 'The HTTP port, cold',
      rows: [
        { what: 'W10: spawn → the port is open', unit: 'ms', ours: ms('ready_us') },
        {
          what: 'W10: first streamed answer after that, start to end',
          unit: 'ms',
          ours: ms('first_us'),
        },
      ],
      notes: ['Cold: seen by Node.js, which adds some milliseconds of its own.'],
    };
  });
}

/// What one more request and one more chunk cost: the slope between N and 11 N under callgrind.
export function http_instructions(bench) {
  return with_http(bench, async (stage) => {
    const title = 'Instructions of the HTTP port (callgrind, slope between N and 11 N)';
    if (!has('valgrind')) {
      bench.skip('instructions of the HTTP port: valgrind is missing');
      return { title, rows: [] };
    }
    await stage.open();
    const starters = { [US]: (wrap) => stage.jumpseat(wrap) };
    if (has('nginx')) starters.nginx = (wrap) => stage.nginx(wrap);

    let runs = 0;
    const profile = async (start, what, requests) => {
      const out = bench.stage.file(`callgrind.http.${++runs}`);
      const { port, pid, child } = await start([
        ...['valgrind', '--tool=callgrind', `--callgrind-out-file=${out}`],
      ]);
      const file = bench.stage.file('callgrind.http.json', body(what));
      const head = stage.head(port);
      const options = { port, head, body: file, watch: pid, streams: 1, requests, warm: WARM };
      await bench.stage.client('http', options);
      await stage.end(child);
      return instructions_of(readFileSync(out, 'utf8'));
    };
    const slope = async (start, few, many, steps) =>
      ((await profile(start, ...many)) - (await profile(start, ...few))) / steps;

    const n = bench.count(200, 5);
    const chunks = bench.count(100, 10);
    const small = { bytes: 800 };
    const large = { bytes: 800, prompt: code(1_000_000) };
    const stream = (count) => ({ stream: true, chunks: count, every_us: 1000 });
    const kinds = [
      ['W1: a small request', 27_000, 'T1', [small, n], [small, 11 * n], 10 * n],
      ['W2: a request of 1 MB', undefined, undefined, [large, 2], [large, 12], 10],
      [
        'W4: one streamed chunk, one every millisecond',
        4000,
        'T5',
        [stream(chunks), 1],
        [stream(11 * chunks), 1],
        10 * chunks * (WARM + 1), // those before it have as many chunks
      ],
    ];
    const rows = [];
    for (const [what, limit, target, few, many, steps] of kinds) {
      const values = {};
      for (const [name, start] of Object.entries(starters))
        values[name] = exact(await slope(start, few, many, steps));
      const one = { what, unit: 'instructions', ours: values[US] };
      if (limit) Object.assign(one, { limit, target });
      if (values.nginx) {
        const ratio = exact(values[US].value / values.nginx.value);
        Object.assign(one, { peer: 'nginx', theirs: values.nginx, ratio });
      }
      rows.push(one);
    }
    return { title, rows };
  });
}
