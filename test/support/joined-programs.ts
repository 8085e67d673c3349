// Joins the programs of child processes for one run of the suite. As TypeScript of a hundred files, a program takes a second of
// processor time to start; as one file of JavaScript it takes a tenth of that.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { replacementOf } from './replaced-modules.ts';

/** Joins programs, named by their paths without the ending, into files of their names in `outdir`, with the ending `.mjs`. */
export async function joinPrograms(programs: readonly string[], outdir: string): Promise<void> {
  await build({
    entryPoints: programs.map((program) => resolve(`${program}.ts`)),
    outdir,
    entryNames: '[name]',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    conditions: [],
    define: { 'process.env.VIVARIUM_TEST_FOLDER': JSON.stringify(process.env.VIVARIUM_TEST_FOLDER) },
    plugins: [sources],
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
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const text = replacementOf(path) ?? (await readFile(path, 'utf8'));
      // Code that finds files beside itself goes on finding them beside its source.
      const url = JSON.stringify(pathToFileURL(path).href);
      return { contents: text.replaceAll('import.meta.url', url), loader: 'ts' };
    });
  },
};
