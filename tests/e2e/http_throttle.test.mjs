// Limits and pauses from outside: Copilot's own, and those that a person sets.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Home, eventually, known_token, start_simulator } from './harness.mjs';
import { open_port } from './http_port.mjs';

const CHAT = '/chat/completions';

let sim;
before(async () => {
  sim = await start_simulator();
});
afterEach(() => sim.reset());
after(() => sim?.stop());

async function with_port(env, run) {
  const home = new Home();
  const port = await open_port({
    env: home.env(sim.env, { GITHUB_TOKEN: await known_token(sim) }, env),
  });
  try {
    await run(port);
  } finally {
    await port.stop();
  }
}

const calls = async (path = CHAT) => (await sim.requests({ path })).length;

describe('pauses that Copilot asks for', () => {
  test('U14: during Retry-After nothing is sent for that model; others go on', () =>
    with_port({}, async (port) => {
      await sim.scenario('rate_limit_seconds?retry_after=120&model=gpt-4.1');
      const first = await port.chat({ model: 'gpt-4.1' });
      assert.equal(first.status, 429);
      assert.equal(first.headers['retry-after'], '120');
      const second = await port.chat({ model: 'gpt-4.1' });
      assert.equal(second.status, 429);
      assert.match(second.json.error.message, /^Rate limit exceeded: .*not sent/);
      const left = Number(second.headers['retry-after']);
      assert.ok(left > 0 && left <= 120, String(left));
      assert.equal(await calls(), 1);
      assert.equal((await port.chat({ model: 'gpt-4o' })).status, 200);
      const legacy = await port.post('/v1/completions', { model: 'gpt-4.1', prompt: 'x' });
      assert.equal(legacy.status, 429);
      assert.equal(await calls(), 2);
    }));

  test('U14: a huge or past date is normalised, and holds for five minutes at most', () =>
    with_port({}, async (port) => {
      await sim.scenario('rate_limit_huge?model=gpt-4.1');
      const first = await port.chat({ model: 'gpt-4.1' });
      assert.equal(first.headers['retry-after'], String(7 * 86400));
      const second = await port.chat({ model: 'gpt-4.1' });
      const left = Number(second.headers['retry-after']);
      assert.ok(left > 200 && left <= 300, String(left));
      assert.equal(await calls(), 1);
    }));

  test('U15: without Retry-After a wait is suggested, and nobody is held', () =>
    with_port({}, async (port) => {
      await sim.scenario('rate_limit_none?times=1');
      const first = await port.chat();
      assert.equal(first.status, 429);
      assert.equal(first.headers['retry-after'], '60');
      assert.equal((await port.chat()).status, 200);
    }));

  test('U14: embeddings and inline completions are held likewise', () =>
    with_port({}, async (port) => {
      const embed = () =>
        port.post('/v1/embeddings', { model: 'text-embedding-3-small', input: 'a', dimensions: 2 });
      await sim.scenario('rate_limit_seconds', { on: 'POST /embeddings', retry_after: '90' });
      assert.equal((await embed()).status, 429);
      assert.equal((await embed()).status, 429);
      assert.equal(await calls('/embeddings'), 1);

      const engine = '/v1/engines/gpt-41-copilot/completions';
      const fill = () =>
        port.post('/v1/completions', { model: 'gpt-41-copilot', prompt: 'a', suffix: 'b' });
      await sim.scenario('rate_limit_seconds', { on: `POST ${engine}`, retry_after: '90' });
      assert.equal((await fill()).status, 429);
      assert.equal((await fill()).status, 429);
      assert.equal(await calls(engine), 1);
    }));

  test('U17: in a storm of 503 requests fail at once, and few of them are sent', () =>
    with_port({}, async (port) => {
      await sim.scenario('api_storm');
      for (let at = 0; at < 12; at++) {
        const reply = await port.chat();
        assert.equal(reply.status, 503, reply.text);
        assert.match(reply.json.error.message, /no healthy upstream/);
        const wait = reply.headers['retry-after']; // said by us alone
        if (wait !== undefined) {
          assert.ok(Number(wait) > 0 && Number(wait) <= 5, wait);
          assert.match(reply.json.error.message, /^This request was not sent: /);
        }
      }
      const sent = await calls();
      assert.ok(sent >= 5 && sent < 12, String(sent));
      assert.equal(
        (await port.post('/v1/completions', { prompt: 'x', model: 'gpt-4o' })).status,
        503,
      );
    }));
});

describe('limits of your own', () => {
  test('JUMPSEAT_CONCURRENCY: the next one waits its turn; beyond the queue there is 429', () =>
    with_port({ JUMPSEAT_CONCURRENCY: '1', JUMPSEAT_QUEUE: '1' }, async (port) => {
      await sim.scenario('chat_hold_midstream?times=1');
      const first = port.stream();
      await first.some_events(1);
      // One of two more waits, whichever comes first; for the other there is no room.
      const both = [port.chat({ content: 'second' }), port.chat({ content: 'third' })];
      const refused = await Promise.race(both);
      assert.equal(refused.status, 429, refused.text);
      assert.match(
        refused.json.error.message,
        /^Rate limit exceeded: your own limit \(JUMPSEAT_CONCURRENCY=1\)/,
      );
      assert.ok(Number(refused.headers['retry-after']) > 0);
      assert.equal(await calls(), 1);
      first.leave();
      const statuses = (await Promise.all(both)).map((one) => one.status);
      assert.deepEqual(statuses.sort(), [200, 429]);
    }));

  test('a caller who leaves the queue makes room in it, and is not sent', () =>
    with_port({ JUMPSEAT_CONCURRENCY: '1', JUMPSEAT_QUEUE: '1' }, async (port) => {
      await sim.scenario('chat_hold_midstream?times=1');
      const first = port.stream({ content: 'first' });
      await first.some_events(1);
      const two = [port.stream({ content: 'waiting' }), port.stream({ content: 'waiting' })];
      const refused = await Promise.race(two.map((one) => one.replied.then(() => one)));
      assert.equal(refused.res.statusCode, 429);
      const waiting = two.find((one) => one !== refused);
      waiting.leave();
      await eventually(
        async () => (await port.get('/status')).json.connections <= 2,
        'the one who left to be gone',
      );
      const next = port.stream({ content: 'next' });
      first.leave();
      await next.end();
      assert.match(next.answer, /next/);
      const said = (await sim.requests({ path: CHAT })).map((one) => one.body.messages[0].content);
      assert.deepEqual(said, ['first', 'next']);
    }));

  test('JUMPSEAT_RPM: so many within a minute, then 429 with the time to come again', () =>
    with_port({ JUMPSEAT_RPM: '2' }, async (port) => {
      assert.equal((await port.chat()).status, 200);
      const embeddings = { model: 'text-embedding-3-small', input: 'a', dimensions: 2 };
      assert.equal((await port.post('/v1/embeddings', embeddings)).status, 200);
      const third = await port.chat();
      // On a machine where the first two took half a minute it may wait and get its answer.
      if (third.status === 200) return;
      assert.equal(third.status, 429);
      assert.match(third.json.error.message, /JUMPSEAT_RPM=2/);
      const wait = Number(third.headers['retry-after']);
      assert.ok(wait > 0 && wait <= 60, String(wait));
      assert.equal(await calls(), 1);
      // What costs nothing is not counted.
      assert.equal((await port.get('/v1/models')).status, 200);
    }));

  test('wrong values are named, and the port does not open', async () => {
    const home = new Home();
    await assert.rejects(
      open_port({ env: home.env(sim.env, { JUMPSEAT_RPM: 'fast' }) }),
      /JUMPSEAT_RPM \(environment\): "fast" is not valid/,
    );
  });
});
