// The port as windows see it: port.ts over real processes, and the two variables used as OpenAI's clients do.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { describe, test } from 'node:test';
import { Port, variablesOf } from '../src/port';
import { problemOf } from '../src/problem';
import { useWorld, wireOf } from './world';

const world = useWorld();

/** A window: a process of its own in the test's home, and its view of the port. */
async function open_window(more: object = {}) {
  const process = await world.start(more);
  const seen: (string | undefined)[] = [];
  const port: Port = new Port(wireOf(process), () => seen.push(port.baseUrl));
  return { process, port, seen };
}

/** GET BASE/models with the key, as OpenAI's clients do; the status. */
function models({ OPENAI_BASE_URL = '', OPENAI_API_KEY = '' }: Record<string, string>) {
  return new Promise<number>((resolve, reject) => {
    const headers = { authorization: `Bearer ${OPENAI_API_KEY}` };
    request(`${OPENAI_BASE_URL}/models`, { headers, agent: false }, (reply) => {
      reply.resume();
      resolve(reply.statusCode ?? 0);
    })
      .once('error', reject)
      .end();
  });
}

describe('the port', () => {
  test('opens, answers with the two variables, and closes', async () => {
    const { port, seen } = await open_window();
    assert.deepEqual([port.isOpen, port.wanted, port.baseUrl], [false, undefined, undefined]);
    const address = await port.open(0);
    assert.match(address.baseUrl, /^http:\/\/localhost:\d+\/v1$/);
    assert.deepEqual(await port.open(0), address, 'again is the same');
    assert.deepEqual(await port.open(), address, 'whatever number is asked for by now');
    assert.deepEqual([port.isOpen, port.wanted, port.baseUrl], [true, true, address.baseUrl]);
    const variables = variablesOf(address);
    assert.equal(variables['OPENAI_API_KEY'], 'none', 'clients refuse to start without one');
    assert.equal(await models(variables), 200);
    await port.close();
    assert.deepEqual([port.isOpen, port.wanted], [false, false]);
    await assert.rejects(models(variables));
    assert.deepEqual(seen, [address.baseUrl, undefined], 'each change is told once');
  });

  test('a key of the configuration is in the variables, and needed', async () => {
    const { port } = await open_window({ JUMPSEAT_API_KEY: 'key-of-the-owner' });
    const variables = variablesOf(await port.open(0));
    assert.equal(variables['OPENAI_API_KEY'], 'key-of-the-owner');
    assert.equal(await models(variables), 200);
    assert.equal(await models({ ...variables, OPENAI_API_KEY: 'another' }), 401);
    await port.close();
  });

  test('C21: windows share one, and it outlives the window that opened it', async () => {
    const number = await world.tools.closed_port();
    const [one, other] = [await open_window(), await open_window()];
    const address = await one.port.open(number);
    assert.deepEqual(await other.port.open(number), address);
    await one.port.close();
    // The other takes over; until it has, nobody listens.
    const until = Date.now() + world.tools.DEADLINE_MS;
    for (;;) {
      const status = await models(variablesOf(address)).catch(() => 0);
      if (status === 200) break;
      assert.ok(Date.now() < until, 'nobody took the port over');
    }
    await other.port.look();
    assert.equal(other.port.baseUrl, address.baseUrl);
    await other.port.close();
  });

  test('a window that only shares it leaves it alone when it stops', async () => {
    const number = await world.tools.closed_port();
    const [one, other] = [await open_window(), await open_window()];
    const address = await one.port.open(number);
    await other.port.open(number);
    await other.port.close();
    assert.equal(await models(variablesOf(address)), 200);
    await one.port.close();
  });

  test('C20: another program’s port is one message that names the owner, with a button to choose another', async () => {
    const taken = new URL(world.sim.url).port;
    const { port } = await open_window();
    const error: unknown = await port.open(Number(taken)).then(
      () => assert.fail('it opened'),
      (reason: unknown) => reason,
    );
    const { message, code, button } = problemOf(error);
    assert.equal(code, 'port_unavailable');
    assert.match(message, /process \d+ \(/);
    assert.deepEqual(button.arguments, ['jumpseat.http.port']);
    assert.deepEqual([port.isOpen, port.wanted], [false, undefined]);
  });

  test('is forgotten with the process', async () => {
    const { port } = await open_window();
    await port.open(0);
    port.forget();
    assert.deepEqual([port.isOpen, port.baseUrl], [false, undefined]);
    assert.ok(port.wanted, 'the next process opens it again');
  });
});
