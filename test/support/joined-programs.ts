// Joins the programs of child processes for one run of the suite. As TypeScript of a hundred files, a program takes a second of
// processor time to start; as one file of JavaScript it takes a tenth of that.
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { JOINED_PROGRAMS } from './program-beside.ts';

/** The module that the joined programs and the tests have in place of the one of `src`. */
export const REPLACED = resolve('src/processes/program-beside.ts');
export const REPLACEMENT = resolve('test/support/program-beside.ts');

/** Joins each program of `src` into one file in `folder/programs`. */
export async function joinPrograms(folder: string): Promise<void> {
  await build({
    entryPoints: JOINED_PROGRAMS.map((program) => resolve('src', `${program}.ts`)),
    outdir: join(folder, 'programs'),
    entryNames: '[name]',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    conditions: [],
    define: { 'process.env.VIVARIUM_TEST_FOLDER': JSON.stringify(folder) },
    plugins: [sources],
    sourcemap: 'inline',
    sourcesContent: false,
    logLevel: 'warning',
  });
}

const sources: Plugin = {
  name: 'sources',
  setup: ({ onLoad, onResolve, resolve: find }) => {
    // Packages are loaded from where they are.
    onResolve({ filter: /^[^./]/ }, async ({ path, pluginData, ...options }) => {
      if (pluginData === 'asked' || path.startsWith('node:')) return undefined;
      const found = await find(path, { ...options, pluginData: 'asked' });
      if (!/[\\/]node_modules[\\/]/.test(found.path)) return found;
      return { path: pathToFileURL(found.path).href, external: true };
    });
    onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
      const text = await readFile(path === REPLACED ? REPLACEMENT : path, 'utf8');
      // Code that finds files beside itself goes on finding them beside its source.
      const url = JSON.stringify(pathToFileURL(path).href);
      return { contents: text.replaceAll('import.meta.url', url), loader: 'ts' };
    });
  },
};
