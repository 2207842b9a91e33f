// The extension's README in the package. In the project it links to pages that lie outside the extension's folder:
// in the package those links lead to the project's site, or to copies of the pages that go along. The copies link
// only to what goes along too; a link to anything else becomes its words alone.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** As vsce calls it in the package. */
const README = 'readme.md';

/** A link or a picture, but for what stands in code: [whole, words, target]. */
const LINK = /`[^`]*`|!?\[((?:[^\][]|\[[^\]]*\])*)\]\(([^)\s]+)\)/g;

/** `change` gets a relative target and the words, and gives what stands instead of the target, or undefined. */
function editLinks(text, change) {
  return text.replace(LINK, (whole, words, target) => {
    if (target === undefined || /^(?:[a-z][a-z0-9+.-]*:|#)/i.test(target)) return whole;
    const instead = change(target);
    if (instead === undefined) return words;
    return `${whole.slice(0, whole.lastIndexOf('('))}(${instead})`;
  });
}

const isInside = (folder, file) => !relative(folder, file).startsWith('..');
const parts = (target) => {
  const [name, ...heading] = target.split('#');
  return { name, heading: heading.length > 0 ? `#${heading.join('#')}` : '' };
};

/** Every link, and every picture, to its place in the repository. */
export function linkToRepository(extension, project, folder, repository) {
  const base = repository
    .replace(/^git\+/, '')
    .replace(/\.git$/, '')
    .replace(/\/$/, '');
  if (!base.startsWith('https://')) throw new Error(`not an https address: ${repository}`);
  const text = readFileSync(join(extension, 'README.md'), 'utf8');
  const edited = editLinks(text, (target) => {
    const { name, heading } = parts(target);
    const kind = /\.(png|svg|gif|jpe?g)$/.test(name) ? 'raw' : 'blob';
    const place = relative(project, resolve(extension, name)).replaceAll('\\', '/');
    return `${base}/${kind}/HEAD/${place}${heading}`;
  });
  writeFileSync(join(folder, README), edited);
}

/**
 * The pages of the project that the README links to, and those of docs/ that these link to. Comes last: links into
 * the extension lead to what the package has by then.
 */
export function takePagesAlong(extension, project, folder) {
  const docs = join(project, 'docs');
  /** Where each page of the project is in the package. */
  const places = new Map([[join(extension, 'README.md'), README]]);
  const waiting = [...places.keys()];
  const take = (page, place) => {
    places.set(page, place);
    waiting.push(page);
  };
  const placeOf = (file) => {
    if (!places.has(file) && file.endsWith('.md') && existsSync(file)) {
      if (isInside(docs, file)) take(file, join('docs', relative(docs, file)));
      else if (file === join(project, 'README.md')) take(file, join('docs', 'README.md'));
    }
    if (places.has(file)) return places.get(file);
    const packed = relative(extension, file);
    return isInside(extension, file) && existsSync(join(folder, packed)) ? packed : undefined;
  };
  for (let page = waiting.shift(); page !== undefined; page = waiting.shift()) {
    const own = places.get(page);
    const edited = editLinks(readFileSync(page, 'utf8'), (target) => {
      const { name, heading } = parts(target);
      const place = placeOf(resolve(dirname(page), name));
      if (place === undefined) return undefined;
      return `${relative(dirname(own), place).replaceAll('\\', '/')}${heading}`;
    });
    mkdirSync(dirname(join(folder, own)), { recursive: true });
    writeFileSync(join(folder, own), edited);
  }
}
