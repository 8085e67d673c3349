// Takes the place of `src/processes/program-beside.ts` in tests; see `joined-programs.ts`.
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The programs that tests start as they are joined, by their paths without the ending: those of `src`, and some of the tests' own. */
export const JOINED_PROGRAMS: readonly string[] = [
  'src/bundle/sources/sqlite-child',
  'src/runtime/transpile/tool-thread-program',
  'src/system/build-child',
  'src/system/operations/source-child',
  'src/system/operations/wit-child',
  'test/cache/support/killed-writer',
  'test/cache/support/restless-writer',
  'test/security/append',
  'test/security/seal',
  'test/support/bundle-child',
  'tools/cache/asker',
];

/** The joined program of this run if there is one, and else the source beside the module. */
export function programBeside(module: string, name: string): URL {
  const { href } = new URL(name, module);
  const joined = JOINED_PROGRAMS.find((program) => href.endsWith(`/${program}`));
  if (joined === undefined) return new URL(`${href}.ts`);
  return pathToFileURL(join(process.env.VIVARIUM_TEST_FOLDER as string, 'programs', `${basename(joined)}.mjs`));
}
