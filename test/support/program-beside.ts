// Takes the place of `src/processes/program-beside.ts` in tests; see `joined-programs.ts`.
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The programs of `src` that tests start as they are joined, by their paths in `src` without the ending. */
export const JOINED_PROGRAMS: readonly string[] = [
  'bundle/sources/sqlite-child',
  'runtime/transpile/tool-thread-program',
  'system/build-child',
  'system/operations/source-child',
  'system/operations/wit-child',
];

/** The joined program of this run if there is one, and else the source beside the module. */
export function programBeside(module: string, name: string): URL {
  const { href } = new URL(name, module);
  const joined = JOINED_PROGRAMS.find((program) => href.endsWith(`/src/${program}`));
  if (joined === undefined) return new URL(`${href}.ts`);
  return pathToFileURL(join(process.env.VIVARIUM_TEST_FOLDER as string, 'programs', `${basename(joined)}.mjs`));
}
