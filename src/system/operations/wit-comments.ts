import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '#core/errors';
import { readRegular } from '#files';
import { ProjectError } from '#project';
import { DocComments } from '#wasm';

/** The largest WIT file that is read, about fifty times as large as the largest WASI package. */
const MAX_WIT_BYTES = 4 * 2 ** 20;

/**
 * Reads the comments of functions in a WIT file, or in the files of a folder.
 * @returns finds the comment of a function by its WIT name, as `ns:pkg/iface@1.0.0#func`
 * @throws {ProjectError} `PROJECT_NOT_FOUND`
 */
export async function readWitComments(path: string): Promise<(name: string) => string | undefined> {
  const texts: string[] = [];
  try {
    const isFolder = (await stat(path)).isDirectory();
    const files = isFolder ? (await readdir(path)).toSorted().map((name) => join(path, name)) : [path];
    for (const file of files) {
      if (file !== path && !file.endsWith('.wit')) continue;
      texts.push((await readRegular(file, MAX_WIT_BYTES, { links: 'follow' })).toString('utf8'));
    }
  } catch (cause) {
    throw new ProjectError('PROJECT_NOT_FOUND', `${path} cannot be read as WIT: ${messageOf(cause)}`, { cause });
  }
  const comments = DocComments.ofWit(texts);
  return (name) => {
    const hash = name.indexOf('#');
    return comments.ofFunction(hash === -1 ? undefined : name.slice(0, hash), name.slice(hash + 1));
  };
}
