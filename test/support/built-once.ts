// Bytes that take seconds to make, once for a whole run of the suite.
import { mkdirSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const made = new Map<string, Promise<Uint8Array>>();

/**
 * Returns what `make` makes, from the folder of this run if a file of tests has it made before.
 * @param name the name of the file; what is not the same in every test must be in it
 */
export function builtOnce(name: string, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
  const found = made.get(name) ?? foundOrMade(name, make);
  made.set(name, found);
  return found;
}

async function foundOrMade(name: string, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
  const folder = join(process.env.VIVARIUM_TEST_FOLDER as string, 'built');
  const file = join(folder, name);
  const known = await readFile(file).catch(() => undefined);
  if (known !== undefined) return new Uint8Array(known);
  const bytes = await make();
  // Another process may write the same file, so it gets its name when it is whole.
  mkdirSync(folder, { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, bytes);
  await rename(unfinished, file);
  return bytes;
}
