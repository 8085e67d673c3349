import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ProjectError } from './errors.ts';

const ENTRIES = ['src/actor.ts', 'src/actor.js', 'actor.ts', 'actor.js'];
const SOURCE = /\.[cm]?[jt]sx?$/;

/** Where a project's source begins. */
export interface Entry {
  readonly folder: string;
  readonly entry: string;
}

/**
 * Finds the entry file of a project.
 * @param project the project's folder, or its entry file
 * @throws {ProjectError} `PROJECT_NOT_FOUND`
 */
export async function findEntry(project: string): Promise<Entry> {
  const path = resolve(project);
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) {
    if (SOURCE.test(path)) return { folder: resolve(path, '..'), entry: path };
    const what = path.endsWith('.wasm')
      ? `is a component already, as it seems; run it with viv run`
      : `is neither TypeScript nor JavaScript; give the folder of a project, or its entry file`;
    throw new ProjectError('PROJECT_NOT_FOUND', `${project} ${what}`);
  }
  if (!found?.isDirectory()) {
    throw new ProjectError('PROJECT_NOT_FOUND', `there is no folder ${project}; make a project with viv new`);
  }
  for (const candidate of ENTRIES) {
    const entry = join(path, candidate);
    if ((await stat(entry).catch(() => undefined))?.isFile() === true) return { folder: path, entry };
  }
  const other = await otherLanguage(path);
  const next =
    other === undefined
      ? 'Make one with viv new'
      : `It is a project in ${other}: its README.md has the commands that build it`;
  throw new ProjectError('PROJECT_NOT_FOUND', `${project} holds no actor; looked for ${ENTRIES.join(', ')}. ${next}`);
}

/** The files by which the projects of other languages are known that `viv new` makes. */
const OF_OTHERS: Readonly<Record<string, string>> = {
  'Cargo.toml': 'Rust',
  'src/main.rs': 'Rust',
  'app.py': 'Python',
  'src/main.c': 'C',
  'src/actor.c': 'C',
  'src/handler.c': 'C',
  'src/library.c': 'C',
};

async function otherLanguage(folder: string): Promise<string | undefined> {
  for (const [file, language] of Object.entries(OF_OTHERS)) {
    if ((await stat(join(folder, file)).catch(() => undefined))?.isFile() === true) return language;
  }
  return undefined;
}
