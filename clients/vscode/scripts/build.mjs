// Bundles the extension into dist/extension.js and the LSP library into dist/lsp.js, which is loaded later;
// and with --tests each test into dist/test/.
//
//   node scripts/build.mjs [--watch] [--tests]
//
// vscode-languageclient brings a feature for everything in LSP, 350 kB in all. The process announces few of
// them, so the others are left out of the bundle; what it announces one day must be taken off UNUSED.

import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Modules of vscode-languageclient/lib/common whose features the process does not announce. */
const UNUSED = new Set(
  (
    'callHierarchy codeAction codeLens colorProvider completion configuration declaration definition ' +
    'diagnostic documentHighlight documentLink documentSymbol fileOperations fileSystemWatcher foldingRange ' +
    'formatting hover implementation inlayHint inlineValue linkedEditingRange notebook reference rename ' +
    'selectionRange semanticTokens signatureHelp typeDefinition typeHierarchy workspaceFolder workspaceSymbol'
  ).split(' '),
);

/** A feature that announces nothing and does nothing, in place of each. */
const STAND_IN = `
class LeftOut {
  fillInitializeParams() {}
  fillClientCapabilities() {}
  initialize() {}
  getState() { return { kind: 'static' }; }
  clear() {}
}
module.exports = new Proxy({}, { get: () => LeftOut });`;

const withoutUnusedFeatures = {
  name: 'without-unused-features',
  setup(build) {
    const from = /vscode-languageclient[\\/]lib[\\/]common[\\/]/;
    build.onResolve({ filter: /^\.\/\w+$/ }, ({ path, importer }) =>
      from.test(importer) && UNUSED.has(path.slice(2))
        ? { path, namespace: 'left-out' }
        : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: STAND_IN }));
  },
};

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  logLevel: 'warning',
  absWorkingDir: ROOT,
};

const extension = {
  ...common,
  entryPoints: ['src/extension.ts'],
  outfile: 'dist/extension.js',
  external: ['vscode', './lsp.js'],
  minify: true,
  legalComments: 'none',
  banner: { js: 'const JUMPSEAT_BEGAN=performance.now();' },
};

const lsp = {
  ...common,
  entryPoints: ['src/lsp.ts'],
  outfile: 'dist/lsp.js',
  external: ['vscode'],
  minify: true,
  legalComments: 'none',
  plugins: [withoutUnusedFeatures],
};

if (process.argv.includes('--watch')) {
  for (const one of [extension, lsp]) {
    await (await esbuild.context({ ...one, minify: false, sourcemap: 'inline' })).watch();
  }
} else {
  rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
  await Promise.all([extension, lsp].map((one) => esbuild.build(one)));
  if (process.argv.includes('--tests')) {
    const tests = readdirSync(join(ROOT, 'test')).filter((name) => name.endsWith('.test.ts'));
    await esbuild.build({
      ...common,
      entryPoints: tests.map((name) => `test/${name}`),
      outdir: 'dist/test',
      outExtension: { '.js': '.cjs' },
      // Not bundled: a test asks the compiler what it makes of a file.
      external: ['typescript'],
      alias: { vscode: './test/vscode_stand_in.ts' },
      plugins: [withoutUnusedFeatures],
      define: { EXTENSION_ROOT: JSON.stringify(ROOT) },
      sourcemap: 'inline',
    });
  }
}
