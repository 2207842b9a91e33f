// The packaged extension as a person gets it: what is in the .vsix, that the program in it runs, where its links lead.
//
//   VSIX=jumpseat-linux-x64-0.1.0.vsix node --test test/package.test.mjs

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import yauzl from 'yauzl';

const HERE = join(dirname(fileURLToPath(import.meta.url)), '..');
const source = JSON.parse(readFileSync(join(HERE, 'package.json'), 'utf8'));
const NAME = process.platform === 'win32' ? 'jumpseat.exe' : 'jumpseat';

let work;
let whole;
let extension;
before(async () => {
  work = mkdtempSync(join(tmpdir(), 'jumpseat-package-test-'));
  whole = await unpack(process.env.VSIX, 'as-made');
  extension = join(whole, 'extension');
});
after(() => {
  rmSync(work, { recursive: true, force: true });
});

/** With the modes that the archive says, as VS Code does. */
async function unpack(vsix, name) {
  const folder = join(work, name);
  const zip = await yauzl.openPromise(vsix);
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName.endsWith('/')) continue;
    const file = join(folder, entry.fileName);
    mkdirSync(dirname(file), { recursive: true });
    await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(file));
    chmodSync(file, (entry.externalFileAttributes >>> 16) & 0o777);
  }
  return folder;
}

const filesIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)));
const pagesIn = (folder) => filesIn(folder).filter((name) => name.endsWith('.md'));

test('it holds what the extension needs, and nothing else', () => {
  const files = filesIn(extension).filter((name) => !/^(docs|pictures|media)\//.test(name));
  assert.deepEqual(files.sort(), [
    'LICENSE.txt',
    `bin/${NAME}`,
    'changelog.md',
    'dist/extension.js',
    'dist/lsp.js',
    'package.json',
    'readme.md',
  ]);
  const { main, icon, contributes, ...manifest } = JSON.parse(
    readFileSync(join(extension, 'package.json'), 'utf8'),
  );
  const media = contributes.walkthroughs[0].steps.map((step) => step.media.markdown);
  for (const name of [main, icon, ...media]) assert.ok(existsSync(join(extension, name)), name);
  assert.equal(manifest.version, source.version);
  for (const name of ['scripts', 'devDependencies', 'dependencies', 'private'])
    assert.equal(manifest[name], undefined, name);
});

test('it is for this kind of machine alone', () => {
  const manifest = readFileSync(join(whole, 'extension.vsixmanifest'), 'utf8');
  assert.match(manifest, new RegExp(`TargetPlatform="${process.platform}-${process.arch}"`));
});

test('it is small', () => {
  const sizeOf = (name) => statSync(join(extension, name)).size;
  const bundle = sizeOf('dist/extension.js') + sizeOf('dist/lsp.js');
  assert.ok(bundle < 300_000, `the bundle has ${bundle} bytes`);
  const all = statSync(process.env.VSIX).size;
  assert.ok(all < 5_000_000, `the package has ${all} bytes`);
});

test('the program in it may be executed, runs, and carries no symbols', () => {
  const program = join(extension, 'bin', NAME);
  assert.equal(statSync(program).mode & 0o777, 0o755);
  const { status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8', env: {} });
  assert.equal(status, 0);
  assert.ok(stdout.includes(source.version), stdout);
  // What `strip` takes away is what only a debugger reads.
  const bytes = readFileSync(program);
  if (process.platform !== 'linux') return;
  for (const section of ['.symtab', '.debug_info', '.strtab'])
    assert.equal(bytes.includes(`${section}\0`), false, section);
});

/** The links and pictures of a page, but for what stands in code. */
function linksOf(text) {
  const prose = text.replace(/^```[^]*?^```/gm, '').replace(/`[^`]*`/g, '');
  return [...prose.matchAll(/\]\(([^)]*)\)|(?:src|href)="([^"]*)"/g)].map(
    ([, link, attribute]) => link ?? attribute,
  );
}

/** The names that headings have in links. */
const headingsOf = (text) =>
  [...text.replace(/^```[^]*?^```/gm, '').matchAll(/^#+ +(.*)$/gm)].map(([, heading]) =>
    heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

test('every link and picture in its pages leads to something in it, or to a web page', () => {
  const pages = pagesIn(extension);
  assert.ok(linksOf(readFileSync(join(extension, 'readme.md'), 'utf8')).length >= 8);
  assert.ok(pages.includes('docs/sign-in.md'));
  for (const page of pages) {
    for (const link of linksOf(readFileSync(join(extension, page), 'utf8'))) {
      if (link.startsWith('https://')) continue;
      const [name, heading] = link.split('#');
      const file = name === '' ? join(extension, page) : resolve(extension, dirname(page), name);
      assert.ok(!relative(extension, file).startsWith('..'), `${page}: ${link} leads out of it`);
      assert.ok(existsSync(file), `${page}: ${link} leads nowhere`);
      if (heading === undefined) continue;
      const headings = headingsOf(readFileSync(file, 'utf8'));
      assert.ok(headings.includes(heading), `${page}: ${link} names no heading`);
    }
  }
});

test('once the project has a place on the web, the links of its page lead there', async () => {
  const vsix = join(work, 'with-repository.vsix');
  const repository = 'https://example.com/someone/jumpseat';
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      join(HERE, 'scripts', 'package.mjs'),
      ...['--program', join(extension, 'bin', NAME), '--out', vsix],
      ...['--repository', `git+${repository}.git`],
    ],
    { encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  const folder = join(await unpack(vsix, 'with-repository'), 'extension');
  assert.deepEqual(
    pagesIn(folder).filter((name) => name.startsWith('docs')),
    [],
  );
  const links = linksOf(readFileSync(join(folder, 'readme.md'), 'utf8'));
  assert.ok(links.length >= 8);
  for (const link of links) {
    const [, kind, place] = /^https:\/\/example\.com\/someone\/jumpseat\/(\w+)\/HEAD\/(.*)$/.exec(
      link,
    ) ?? [undefined, undefined, undefined];
    assert.ok(place !== undefined, link);
    assert.equal(kind, place.endsWith('.png') ? 'raw' : 'blob', link);
    assert.ok(existsSync(join(HERE, '..', '..', place.split('#')[0])), link);
  }
});
