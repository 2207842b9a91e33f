// GET /usage from outside: Copilot's quota as JSON and in words.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Home, known_token, start_simulator } from './harness.mjs';
import { open_port } from './http_port.mjs';

const USER = '/copilot_internal/user';

let sim;
before(async () => {
  sim = await start_simulator();
});
afterEach(() => sim.reset());
after(() => sim?.stop());

/// A port of its own: what GitHub said is remembered for half a minute.
async function with_port(run, env = undefined) {
  const home = new Home();
  const port = await open_port({
    env: home.env(sim.env, env ?? { GITHUB_TOKEN: await known_token(sim) }),
  });
  try {
    await run(port);
  } finally {
    await port.stop();
  }
}

describe('usage', () => {
  test('JSON for programs, words for people, with and without /v1; GitHub is asked once', () =>
    with_port(async (port) => {
      const reply = await port.get('/usage');
      assert.equal(reply.status, 200, reply.text);
      assert.match(reply.headers['content-type'], /^application\/json/);
      assert.equal(reply.headers['cache-control'], 'no-store');
      const { json } = reply;
      assert.deepEqual(
        [json.object, json.login, json.plan, json.has_access],
        ['copilot.usage', 'octocat', 'individual', true],
      );
      assert.match(json.reset_date, /^\d{4}-\d{2}-\d{2}$/);
      const premium = json.quotas.find((one) => one.name === 'premium_interactions');
      assert.deepEqual(
        [premium.entitlement, premium.remaining, premium.unlimited],
        [300, 288.3, false],
      );
      assert.equal(premium.text, '288.3 of 300 left (96.1 %)');
      const chat = json.quotas.find((one) => one.name === 'chat');
      assert.deepEqual([chat.unlimited, chat.remaining, chat.text], [true, null, 'unlimited']);

      const words = await port.get('/v1/usage', { headers: { accept: 'text/plain' } });
      assert.match(words.headers['content-type'], /^text\/plain/);
      assert.match(words.text, /^octocat, plan individual\n/);
      assert.match(words.text, /^Premium requests: 288\.3 of 300 left \(96\.1 %\)$/m);
      assert.match(words.text, /^The count starts anew on \d{4}-\d{2}-\d{2}\.$/m);
      const both = await port.get('/usage', {
        headers: { accept: 'application/json, text/plain' },
      });
      assert.match(both.headers['content-type'], /^application\/json/);
      // The program introduces itself at start, which reads the account once as well.
      assert.ok((await sim.requests({ path: USER })).length <= 2);
      assert.ok(!reply.text.includes('ghu_') && !reply.text.includes('tid='));
    }));

  for (const [kind, check] of [
    ['free', (json) => assert.equal(json.quotas.find((one) => one.name === 'chat').remaining, 41)],
    ['unlimited', (json) => assert.ok(json.quotas.every((one) => one.unlimited))],
    [
      'negative',
      (json) => assert.match(json.text, /used up, all 300 and 1\.3 over; more is billed/),
    ],
    ['no_access', (json) => assert.equal(json.has_access, false)],
  ]) {
    test(`an account of the kind: ${kind}`, async () => {
      await sim.scenario(`user_${kind}`);
      await with_port(async (port) => {
        const reply = await port.get('/usage');
        assert.equal(reply.status, 200, reply.text);
        check(reply.json);
      });
    });
  }

  test('nobody signed in, and a token that GitHub does not know', async () => {
    await with_port(async (port) => {
      const reply = await port.get('/usage');
      assert.equal(reply.status, 401);
      assert.match(
        reply.json.error.message,
        /^Missing required GitHub configuration: GITHUB_TOKEN/,
      );
      assert.equal((await sim.requests({ path: USER })).length, 0);
    }, {});
    await sim.scenario('user_401');
    await with_port(async (port) => {
      const reply = await port.get('/usage');
      assert.equal(reply.status, 401);
      assert.equal(reply.json.error.code, 'token_rejected');
    });
  });

  test('GitHub out of order is 502, after the retries', async () => {
    await sim.scenario('user_500');
    const home = new Home();
    const port = await open_port({
      env: home.env(sim.env, { GITHUB_TOKEN: await known_token(sim), MAX_RETRIES: '1' }),
    });
    try {
      const reply = await port.get('/usage');
      assert.equal(reply.status, 502, reply.text);
      assert.ok(!reply.text.includes('<html'));
    } finally {
      await port.stop();
    }
  });
});
