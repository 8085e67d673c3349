import { dirname, relative, resolve, sep } from 'node:path';
import { type BuildOptions, build } from 'esbuild';

/**
 * Finds the files that `entry` and all that it loads import dynamically, because they share the runtime's code. esbuild makes a file for each set of entries that
 * share code, and a dynamic import is an entry, so that the runtime would come in some thirty files, and finding and reading these would be a third
 * of its import. Where all sharers import the runtime, all of it is shared by the same set, which is one file. They are loaded after it anyway.
 */
export async function importedDynamically(entry: string, options: BuildOptions): Promise<ReadonlySet<string>> {
  const { metafile } = await build({
    ...options,
    entryPoints: [entry],
    write: false,
    metafile: true,
    splitting: true,
  });
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
  const dynamic = imports.filter(({ kind, external }) => kind === 'dynamic-import' && external !== true);
  return new Set(dynamic.map(({ path }) => resolve(path)));
}

/** An import of `to` in the file `from`, for what it does when it is loaded. */
export function importOf(from: string, to: string): string {
  const path = relative(dirname(from), to).split(sep).join('/');
  return `import ${JSON.stringify(path.startsWith('.') ? path : `./${path}`)};\n`;
}
