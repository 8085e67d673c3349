import { resolve } from 'node:path';

/** Modules of `src`, and those that tests, and the programs that are joined for them, have in their place: see ADR 0372. */
const REPLACEMENTS: Readonly<Record<string, string>> = {
  [resolve('src/processes/program-beside.ts')]: resolve('test/support/program-beside.ts'),
  [resolve('src/runtime/build/idle-process-of.ts')]: resolve('test/support/idle-process-of.ts'),
};

/** The text that stands for a module if it is replaced. */
export function replacementOf(path: string): string | undefined {
  const replacement = REPLACEMENTS[path];
  return replacement && `export * from ${JSON.stringify(replacement)};`;
}
