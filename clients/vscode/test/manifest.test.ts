// package.json as people meet it: every command exists and has its words, no workspace can redirect anything,
// the bundle is small.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { read, ROOT } from './world';

interface Manifest {
  activationEvents: string[];
  dependencies?: object;
  capabilities: { untrustedWorkspaces: { supported: string; restrictedConfigurations: string[] } };
  contributes: {
    commands: { command: string; category: string; title: string }[];
    configuration: {
      properties: Record<
        string,
        { scope: string; description?: string; markdownDescription?: string }
      >;
    };
    walkthroughs: { steps: { description: string; media: { markdown: string } }[] }[];
  };
}

const manifest = JSON.parse(read('package.json')) as Manifest;
const sources = readdirSync(join(ROOT, 'src')).map((name) => read('src', name));

test('the commands of the manifest are those of the code', () => {
  const registered = sources
    .flatMap((text) => [...text.matchAll(/context\.command\(\s*'([\w.]+)'/g)])
    .map(([, name]) => name)
    .sort();
  const declared = manifest.contributes.commands.map(({ command }) => command).sort();
  assert.deepEqual(registered, declared);
  for (const { category, title } of manifest.contributes.commands) {
    assert.equal(category, 'Jumpseat');
    assert.match(title, /^[A-Z]/);
  }
});

test('every button and link leads to a command that exists', () => {
  const declared = new Set(manifest.contributes.commands.map(({ command }) => command));
  const steps = manifest.contributes.walkthroughs.flatMap(({ steps }) => steps);
  const used = [...sources, ...steps.map(({ description }) => description)]
    .flatMap((text) => [...text.matchAll(/(?:command: ?'?|COMMANDS.*')(jumpseat\.\w+)/g)])
    .map(([, name = '']) => name);
  assert.ok(used.length > 10);
  for (const name of used) assert.ok(declared.has(name), name);
  for (const { media } of steps) assert.ok(existsSync(join(ROOT, media.markdown)), media.markdown);
});

test('S11: every setting is the user’s alone, and says what it is', () => {
  const { properties } = manifest.contributes.configuration;
  for (const [name, setting] of Object.entries(properties)) {
    assert.equal(setting.scope, 'machine', name);
    assert.ok((setting.description ?? setting.markdownDescription ?? '').length > 20, name);
  }
  const { supported, restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
  assert.equal(supported, 'limited');
  for (const name of restrictedConfigurations) assert.ok(name in properties, name);
  for (const name of ['jumpseat.path', 'jumpseat.endpoint']) {
    assert.ok(restrictedConfigurations.includes(name), name);
  }
});

test('the extension wakes up once VS Code is up, brings no packages along and stays small', () => {
  assert.deepEqual(manifest.activationEvents, ['onStartupFinished']);
  assert.equal(manifest.dependencies, undefined);
  const sizeOf = (name: string) => statSync(join(ROOT, 'dist', name)).size;
  const bytes = sizeOf('extension.js') + sizeOf('lsp.js');
  console.log(`dist/extension.js and dist/lsp.js have ${bytes} bytes`);
  assert.ok(bytes < 300_000, `${bytes} bytes`);
});

test('no HTTP, no tokens and no telemetry in TypeScript', () => {
  for (const text of sources) {
    assert.doesNotMatch(
      text,
      /from '(node:)?https?'|fetch\(|XMLHttpRequest|WebSocket|Bearer (?:\$\{|['"])|createTelemetryLogger/,
    );
  }
});
