import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readRegular } from '#files';
import { ProjectError } from './errors.ts';

/** The largest WIT file that is read, about fifty times as large as the largest WASI package. */
const MAX_WIT_BYTES = 4 * 2 ** 20;
/** The statement that names a file's package, at the beginning of a line, with its doc comments and attributes before it. */
const PACKAGE = /^[ \t]{0,80}package[ \t]{1,80}([^\s;{]{1,256})[ \t]{0,80};/m;

/**
 * Reads WIT as one text, which a compiler takes that sees no files: a file, a folder of them with its `deps`, or a project with a
 * `wit` folder. Packages of `deps` become packages in braces.
 * @throws {ProjectError} `PROJECT_NOT_FOUND`, `PROJECT_BAD_WIT`
 */
export async function readWitText(path: string): Promise<string> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) throw new ProjectError('PROJECT_NOT_FOUND', `${path} is not there`);
  if (!stats.isDirectory()) return readText(path);
  const inner = join(path, 'wit');
  const folder = (await stat(inner).catch(() => undefined))?.isDirectory() ? inner : path;
  const root = await readFolder(folder);
  if (root.length === 0) throw new ProjectError('PROJECT_NOT_FOUND', `${path} holds no .wit file, and no folder wit`);
  const packages = new Map<string, string[]>();
  const deps = await readdir(join(folder, 'deps'), { withFileTypes: true }).catch(() => []);
  for (const each of deps.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const at = join(folder, 'deps', each.name);
    const texts = each.isDirectory() ? await readFolder(at) : each.name.endsWith('.wit') ? [await readText(at)] : [];
    const [named] = texts.flatMap((text) => PACKAGE.exec(text)?.[1] ?? []);
    if (texts.length === 0) continue;
    if (named === undefined)
      throw new ProjectError('PROJECT_BAD_WIT', `${at} names no package; begin it with package ns:name;`);
    packages.set(named, [...(packages.get(named) ?? []), ...texts.map(withoutPackage)]);
  }
  const named = root.find((text) => PACKAGE.test(text));
  const header = `package ${named === undefined ? 'local:project' : PACKAGE.exec(named)?.[1]};`;
  const inBraces = [...packages].map(([name, texts]) => `package ${name} {\n${texts.join('\n')}\n}`);
  return [header, ...root.map(withoutPackage), ...inBraces].join('\n');
}

/** The files of one package. */
async function readFolder(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.wit')).sort();
  return Promise.all(names.map((name) => readText(join(folder, name))));
}

async function readText(file: string): Promise<string> {
  return (await readRegular(file, MAX_WIT_BYTES, { links: 'follow' })).toString('utf8');
}

/** Comments of a package belong to no declaration, so what precedes its statement is left out with it. */
function withoutPackage(text: string): string {
  const found = PACKAGE.exec(text);
  return found === null ? text : text.slice(found.index + found[0].length);
}
