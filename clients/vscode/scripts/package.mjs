// Makes the platform's .vsix with the native program inside:
//
//   node scripts/package.mjs [--program FILE] [--out FILE] [--repository URL]
//
// The program is by default the release build (build/release/jumpseat), which is brought up to date first. It is
// stripped on the way in. What goes into the package is exactly what `stage` copies. URL is where the project's
// pages are, by default package.json's `repository`; as long as neither names one, the pages go along (pages.mjs).

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { linkToRepository, takePagesAlong } from './pages.mjs';

const HERE = join(dirname(fileURLToPath(import.meta.url)), '..');
const PROJECT = join(HERE, '..', '..');
const TARGET = `${process.platform}-${process.arch}`;

const { values: options } = parseArgs({
  options: {
    program: { type: 'string' },
    out: { type: 'string' },
    repository: { type: 'string' },
  },
});
const manifest = JSON.parse(readFileSync(join(HERE, 'package.json'), 'utf8'));
const out = resolve(options.out ?? join(HERE, `jumpseat-${TARGET}-${manifest.version}.vsix`));

function run(program, args, where) {
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    cwd: where,
    encoding: 'utf8',
  });
  if (error || status !== 0) {
    throw new Error(
      `${program} ${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`.trim()}`,
    );
  }
}

/** The program to pack; built from the sources as they are, unless one is named. */
function program() {
  if (options.program) return resolve(options.program);
  console.log('Building the program…');
  run('cmake', ['--preset', 'release'], PROJECT);
  run('cmake', ['--build', '--preset', 'release', '--target', 'jumpseat'], PROJECT);
  return join(PROJECT, 'build', 'release', 'jumpseat');
}

function stage(folder) {
  for (const name of ['CHANGELOG.md', 'media', 'pictures', 'dist/extension.js', 'dist/lsp.js']) {
    cpSync(join(HERE, name), join(folder, name), { recursive: true });
  }
  cpSync(join(PROJECT, 'LICENSE'), join(folder, 'LICENSE'));
  const { scripts: _scripts, devDependencies: _tools, private: _private, ...shipped } = manifest;
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(shipped, null, 2)}\n`);
  const name = process.platform === 'win32' ? 'jumpseat.exe' : 'jumpseat';
  mkdirSync(join(folder, 'bin'));
  run('strip', ['--strip-all', '-o', join(folder, 'bin', name), program()], folder);
  chmodSync(join(folder, 'bin', name), 0o755);
  const repository = options.repository ?? manifest.repository?.url;
  if (repository) linkToRepository(HERE, PROJECT, folder, repository);
  else takePagesAlong(HERE, PROJECT, folder);
}

const folder = mkdtempSync(join(tmpdir(), 'jumpseat-package-'));
try {
  run(process.execPath, [join(HERE, 'scripts', 'build.mjs')], HERE);
  stage(folder);
  const vsce = createRequire(import.meta.url).resolve('@vscode/vsce/vsce');
  run(
    process.execPath,
    [
      vsce,
      'package',
      '--no-dependencies',
      '--skip-license',
      '--allow-missing-repository',
      '--no-rewrite-relative-links',
      '--target',
      TARGET,
      '--out',
      out,
    ],
    folder,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const kilo = (file) => `${(statSync(file).size / 1000).toFixed(1)} kB`;
const parts = ['dist/extension.js', 'dist/lsp.js'].map(
  (name) => `${name} ${kilo(join(HERE, name))}`,
);
console.log(`${out}: ${kilo(out)}, of it ${parts.join(' and ')} unpacked`);
