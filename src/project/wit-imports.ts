import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plugin } from 'esbuild';
import { readRegular } from '#files';
import { lateName } from './late-imports.ts';

/** The largest WIT file that is read, about fifty times as large as the largest WASI package. */
const MAX_WIT_BYTES = 4 * 2 ** 20;
/** Matches an interface of a package: `acme:rules/host`, with or without a version. `node:fs/promises` has the same form but is none. */
const OF_PACKAGE = /^(?!node:)[a-zA-Z][a-zA-Z0-9-]*:[a-zA-Z][a-zA-Z0-9-]*\/[a-zA-Z][a-zA-Z0-9-]*(?:@[0-9A-Za-z.+-]+)?$/;
/** Matches an interface that is declared in the world itself: `import my-tools: interface { … }`. */
const INLINE = /\bimport[ \t]{1,8}%?([a-zA-Z][a-zA-Z0-9-]{0,255})[ \t]{0,8}:[ \t]{0,8}interface\b/g;

/**
 * Keeps the component's own imports out of the bundle: interfaces of packages, by the form of their names, and interfaces that the
 * project's worlds declare. The componentizer checks that the world has them.
 * @param witPath the project's WIT folder
 */
export async function witImports(witPath: string): Promise<Plugin> {
  const inline = await inlineImports(witPath);
  return {
    name: 'wit-imports',
    setup: (build) => {
      build.onResolve({ filter: /^[a-zA-Z]/ }, ({ path, kind }) =>
        kind !== 'entry-point' && (OF_PACKAGE.test(path) || inline.has(path))
          ? { path: lateName(path), external: true }
          : undefined,
      );
    },
  };
}

async function inlineImports(witPath: string): Promise<ReadonlySet<string>> {
  const texts = await witTexts(witPath);
  return new Set(texts.flatMap((text) => Array.from(text.matchAll(INLINE), ([, name]) => name as string)));
}

/** Reads the files of the package in a WIT folder, in the order of their names, without the packages that it depends on. */
export async function witTexts(witPath: string): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const file of (await readdir(witPath)).toSorted()) {
    if (!file.endsWith('.wit')) continue;
    const text = await readRegular(join(witPath, file), MAX_WIT_BYTES, { links: 'follow' });
    texts.push(text.toString('utf8'));
  }
  return texts;
}
