// What opens doors stays out of the log, also when the trace writes down all that is said.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { CancellationTokenSource } from 'vscode-jsonrpc/node';
import { ask } from '../src/chat';
import { toRequest } from '../src/messages';
import { method, type AccountResult, type SignInResult, type StatusResult } from '../src/protocol';
import { Port } from '../src/port';
import { withoutSecrets } from '../src/secrets';
import { editor } from './editor_state';
import { useWorld, wireOf } from './world';

const world = useWorld();
after(() => (editor.settings = {}));

test('secrets are told by the member that they stand in, or by their looks', () => {
  const table: [string, string][] = [
    ['"key": "a \\"quoted\\" one", "url": "u"', '"key": "<hidden>", "url": "u"'],
    ['{"key":"k","keyRequired":true}', '{"key":"<hidden>","keyRequired":true}'],
    ['"Authorization": "Basic abc"', '"Authorization": "<hidden>"'],
    ['"accessToken":"x"', '"accessToken":"<hidden>"'],
    ['"partialResultToken": "vscode-1"', '"partialResultToken": "vscode-1"'],
    [`my token is ghu_${'a'.repeat(36)}.`, 'my token is <hidden>.'],
    [`github_pat_${'1'.repeat(40)}`, '<hidden>'],
    ['tid=1;exp=2;sku=x:abc"', '<hidden>"'],
    ['"text": "Authorization: Bearer abc.def-ghi"', '"text": "Authorization: Bearer <hidden>"'],
    ['the keys "a": "b"', 'the keys "a": "b"'],
  ];
  for (const [text, wanted] of table) assert.equal(withoutSecrets(text), wanted);
});

for (const format of ['text', 'json']) {
  test(`S14: the trace as ${format} has every message and none of the secrets in them`, async () => {
    const { tools, sim } = world;
    editor.settings =
      format === 'text'
        ? { 'jumpseat.trace.server': 'verbose' }
        : {
            'jumpseat.trace.server': { verbosity: 'verbose', format },
            'jumpseat.trace.server.verbosity': 'verbose',
            'jumpseat.trace.server.format': format,
          };
    const token = await tools.known_token(sim);
    const key = 'canary-key-of-the-port';
    const lines: string[] = [];
    const more = { GITHUB_TOKEN: token, JUMPSEAT_API_KEY: key, LOG_LEVEL: 'DEBUG' };
    const onLog = (line: string) => lines.push(line);
    const process = await world.start(more, 'no token', { onLog });
    const wire = wireOf(process);
    await wire.request<AccountResult>(method.account, {});
    await ask(
      wire,
      toRequest(
        'gpt-4.1',
        [{ role: 1, content: [{ value: `My token is ${token}, is it not?` }] }],
        {},
      ),
      { text: () => undefined, thinking: () => undefined, toolCall: () => undefined },
      new CancellationTokenSource().token,
    );
    const address = await new Port(wire, () => undefined).open(0);
    assert.equal(address.key, key, 'it did go over the wire');
    await wire.request<SignInResult>(method.sign_in, {});
    await wire.request<StatusResult>(method.sign_out, {});
    await process.stop();
    const log = lines.join('\n');
    for (const name of [method.account, method.chat, method.http_start, method.sign_in]) {
      assert.ok(log.includes(name), `${name} is not in the trace`);
    }
    assert.ok(/"key": ?"<hidden>"/.test(log), 'the key of the port is not hidden');
    assert.ok(
      log.includes('My token is <hidden>, is it not?'),
      'a token in a prompt is not hidden',
    );
    const [asked] = await sim.requests({ path: '/chat/completions' });
    const bearer = asked?.headers['authorization']?.replace(/^Bearer /, '') ?? '';
    assert.ok(bearer.length > 20, bearer);
    assert.ok(!log.includes(bearer), 'the Copilot token');
    assert.ok(!log.includes(token), 'the GitHub token');
    assert.ok(!log.includes(key), 'the key of the port');
  });
}
