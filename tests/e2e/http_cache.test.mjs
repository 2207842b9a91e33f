// The response cache from outside: what is kept, for whom, and that nothing is while it is off.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import { Home, known_token, start_simulator } from './harness.mjs';
import { open_port } from './http_port.mjs';

const CHAT = '/chat/completions';

let sim;
let home;
let token;
let port;
const open = (more = {}) =>
  open_port({ env: home.env(sim.env, { GITHUB_TOKEN: token, JUMPSEAT_CACHE: 'on' }, more) });
before(async () => {
  sim = await start_simulator();
  home = new Home();
  token = await known_token(sim);
  port = await open();
});
afterEach(() => sim.reset({ keep: ['tokens'] }));
after(async () => {
  await port?.stop();
  await sim?.stop();
});

const calls = async (path = CHAT) => (await sim.requests({ path })).length;
const cached = (reply) => reply.headers['x-jumpseat-cache'];
const ask = (content, more = {}, options = {}) =>
  port.chat({ content, temperature: 0, ...more }, options);
const no_store = { headers: { 'cache-control': 'no-store' } };

describe('the cache', () => {
  test('the same question is asked once; another one is not answered by it', async () => {
    const first = await ask('Is this kept?');
    assert.equal(first.status, 200, first.text);
    assert.equal(cached(first), 'miss');
    const second = await ask('Is this kept?');
    assert.equal(cached(second), 'hit');
    assert.equal(second.text, first.text);
    assert.equal(second.headers['x-jumpseat-model'], first.headers['x-jumpseat-model']);
    assert.match(second.headers.age, /^\d+$/);
    assert.equal(await calls(), 1);
    for (const other of [
      () => ask('Is this kept? '),
      () => ask('Is this kept?', { max_tokens: 500 }),
      () => ask('Is this kept?', { model: 'gpt-4o' }),
    ]) {
      assert.equal(cached(await other()), 'miss');
    }
    assert.equal(await calls(), 4);
  });

  test('streams, tools and other temperatures never come near it', async () => {
    const tools = [{ type: 'function', function: { name: 'clock', parameters: {} } }];
    for (const more of [{ stream: true }, { tools }, { temperature: 0.1 }, { temperature: null }]) {
      for (let round = 0; round < 2; round++) {
        const reply = await ask('Not this one', more);
        assert.equal(reply.status, 200, reply.text);
        assert.equal(cached(reply), undefined, JSON.stringify(more));
      }
    }
    assert.equal(await calls(), 8);
    const unset = { model: 'gpt-4', messages: [{ role: 'user', content: 'Nor this' }] };
    assert.equal(cached(await port.post('/v1/chat/completions', unset)), undefined);
  });

  test('Cache-Control is honoured', async () => {
    await ask('control');
    assert.equal(await calls(), 1);
    assert.equal(cached(await ask('control', {}, no_store)), undefined);
    assert.equal(await calls(), 2);
    assert.equal(cached(await ask('control')), 'hit');

    await ask('never stored', {}, no_store);
    assert.equal(cached(await ask('never stored')), 'miss');

    const before_no_cache = await calls();
    const fresh = await ask('control', {}, { headers: { 'cache-control': 'no-cache' } });
    assert.equal(cached(fresh), 'miss');
    assert.equal(await calls(), before_no_cache + 1);
    assert.equal((await ask('control')).text, fresh.text);
  });

  test('errors are not kept', async () => {
    await sim.scenario('error_500?times=1');
    assert.equal((await ask('failing')).status, 502);
    assert.equal(cached(await ask('failing')), 'miss');
    assert.equal(cached(await ask('failing')), 'hit');
    await sim.scenario('chat_truncated?times=1');
    assert.equal((await ask('cut off')).status, 502);
    assert.equal(cached(await ask('cut off')), 'miss');
  });

  test('embeddings are kept, in the encoding that was asked for', async () => {
    const embed = (more) =>
      port.post('/v1/embeddings', {
        model: 'text-embedding-3-small',
        input: ['a', 'b'],
        dimensions: 3,
        ...more,
      });
    const first = await embed();
    assert.equal(cached(first), 'miss');
    const second = await embed();
    assert.deepEqual([cached(second), second.text], ['hit', first.text]);
    const coded = await embed({ encoding_format: 'base64' });
    assert.equal(cached(coded), 'miss');
    assert.equal(typeof coded.json.data[0].embedding, 'string');
    assert.equal(await calls('/embeddings'), 2);
  });

  test('it outlives the process, and belongs to the account', async () => {
    const first = await ask('for later');
    await port.stop();
    port = await open();
    const again = await ask('for later');
    assert.deepEqual([cached(again), again.text], ['hit', first.text]);

    await port.stop();
    await sim.settings({ login: 'hubot' });
    const other = await known_token(sim);
    port = await open({ GITHUB_TOKEN: other });
    const theirs = await ask('for later');
    assert.equal(cached(theirs), 'miss');
    assert.equal(cached(await ask('for later')), 'hit');

    await port.stop();
    await sim.settings({ login: 'octocat' });
    port = await open();
    assert.equal(cached(await ask('for later')), 'hit');
  });

  test('it has an age', async () => {
    await port.stop();
    port = await open({ JUMPSEAT_CACHE_MAX_AGE: '31536000' });
    await ask('ageing');
    const young = await ask('ageing', {}, { headers: { 'cache-control': 'max-age=3600' } });
    assert.equal(cached(young), 'hit');
    const zero = await ask('ageing', {}, { headers: { 'cache-control': 'max-age=0' } });
    assert.equal(cached(zero), 'miss');
  });

  test('while it is off, nothing is kept and no database is opened', async () => {
    const other_home = new Home();
    const plain = await open_port({ env: other_home.env(sim.env, { GITHUB_TOKEN: token }) });
    try {
      for (let round = 0; round < 2; round++) {
        const reply = await plain.chat({ content: 'TELLTALE', temperature: 0 });
        assert.equal(reply.status, 200);
        assert.equal(cached(reply), undefined);
      }
      assert.equal(await calls(), 2);
    } finally {
      await plain.stop();
    }
    if (existsSync(other_home.database)) {
      for (const suffix of ['', '-wal']) {
        const path = other_home.database + suffix;
        if (existsSync(path)) assert.ok(!readFileSync(path).includes('TELLTALE'));
      }
    }
  });

  test('a repository cannot switch it on', async () => {
    const other_home = new Home();
    writeFileSync(`${other_home.work}/.github.env`, 'JUMPSEAT_CACHE=on\n');
    const plain = await open_port({
      env: other_home.env(sim.env, { GITHUB_TOKEN: token }),
      cwd: other_home.work,
    });
    try {
      assert.equal(cached(await plain.chat({ content: 'x', temperature: 0 })), undefined);
    } finally {
      await plain.stop();
    }
  });
});
