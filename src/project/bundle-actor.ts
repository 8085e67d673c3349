import { isAbsolute, join, relative, resolve } from 'node:path';
import type { BuildOptions as EsbuildOptions, Message, OutputFile } from 'esbuild';
import { messageOf } from '#core/errors';
import { parseForeignJson } from '#core/text';
import { readRegular, sourceLines } from '#files';
import { ProjectError } from './errors.ts';
import { MISSING, preludeFor } from './guest-globals.ts';
import { lateName } from './late-imports.ts';
import { MARKERS, markGlobals, mentionedGlobals, unguardedUse } from './mentioned-globals.ts';
import { witImports } from './wit-imports.ts';

export interface BundleInput {
  readonly entry: string;
  /** The file that `import … from 'vivarium/guest'` stands for. */
  readonly guestLibrary: string;
  readonly witPath: string;
  /** The file that the component is written to; names in the source map are relative to it. */
  readonly output: string;
  /** Whether the engine has globals and promises of its own. */
  readonly hasGlobals: boolean;
}

export interface Bundle {
  readonly source: string;
  readonly sourceMap: string;
  /** Names that the source exports. */
  readonly exports: readonly string[];
  /** Interfaces that the world must import beside its own. */
  readonly imports: readonly string[];
  /** What is not there in a guest and is used all the same, each with its file and line. */
  readonly warnings: readonly string[];
  /** The file that imports each interface first. */
  readonly importers: ReadonlyMap<string, string>;
}

/** The engine never runs its own queue of jobs, on which asynchronous functions wait; generators need none. */
const LOWERED = { 'async-await': false, 'async-generator': false, 'for-await': false, 'top-level-await': false };
/** esbuild's own map of a bundle. */
const MAP_BOUNDS = { maxLength: 64 * 2 ** 20 };
const SERVICES = /from "(?:vivarium:actor\/|vivarium\/guest)/;

/**
 * Bundles a source with what it imports, and with those globals of the guest library that it uses.
 * @throws {ProjectError} `PROJECT_BUILD_FAILED`, naming file and line
 */
export async function bundleActor(
  input: BundleInput,
  { format = 'esm', given = [] }: { readonly format?: 'esm' | 'cjs'; readonly given?: readonly string[] } = {},
): Promise<Bundle> {
  if (input.hasGlobals) {
    const plain = await run(input, { entryPoints: [input.entry], plugins: [await witImports(input.witPath)] });
    return { ...plain, imports: [], warnings: [] };
  }
  const marked = await run(input, {
    entryPoints: [input.entry],
    inject: [MARKERS],
    plugins: [markGlobals, await witImports(input.witPath)],
  });
  const mentioned = new Set(mentionedGlobals(marked.source));
  // An answer of theirs is one of these classes.
  if (given.some((name) => mentioned.delete(name))) mentioned.add('Response');
  const { modules, imports } = preludeFor(mentioned, SERVICES.test(marked.source));
  const placeOf = sourceLines(parseForeignJson(marked.sourceMap, MAP_BOUNDS));
  const missing: string[] = [];
  const warnings: string[] = [];
  for (const [name, instead] of Object.entries(MISSING)) {
    const at = mentioned.has(name) ? unguardedUse(marked.source, name) : undefined;
    if (at === undefined) continue;
    missing.push(name);
    const where = placeOf(...lineAt(marked.source, at));
    warnings.push(
      `${where === undefined ? '' : `${shownFile(where.file)}:${where.line}: `}${name} is not there in a guest: ${instead}`,
    );
  }
  const { source, sourceMap } = await run(input, {
    format,
    stdin: {
      contents: entryOf(input, modules, missing, marked.exports),
      sourcefile: 'entry.js',
      resolveDir: join(input.entry, '..'),
    },
    plugins: [await witImports(input.witPath)],
  });
  const { exports, importers } = marked;
  return {
    source,
    sourceMap: withoutLibrary(sourceMap, input),
    exports,
    imports: imports.map(lateName),
    warnings,
    importers,
  };
}

/** A module that installs what the source uses, and then exports what the source exports. */
function entryOf(
  { entry, guestLibrary }: BundleInput,
  modules: readonly string[],
  missing: readonly string[],
  names: readonly string[],
): string {
  const actor = JSON.stringify(entry);
  if (modules.length === 0 && missing.length === 0) return `export * from ${actor};`;
  const extension = guestLibrary.endsWith('.ts') ? 'ts' : 'js';
  const file = (module: string): string =>
    JSON.stringify(join(guestLibrary, '..', 'globals', `${module}.${extension}`));
  const lines = modules.map((module) => `import ${file(module)};`);
  if (missing.length > 0) {
    lines.push(`import { missing } from ${file('missing')};`);
    for (const name of missing)
      lines.push(`missing(globalThis, '${name}', '${name}', ${JSON.stringify(MISSING[name])});`);
  }
  // defineActor sees to its own turns.
  const plain = names.filter((name) => name !== 'lifecycle');
  if (names.includes('lifecycle')) lines.push(`export { lifecycle } from ${actor};`);
  if (plain.length > 0) {
    lines.push(`import { exported } from ${file('exported')};`, `import * as actor from ${actor};`);
    plain.forEach((name, index) => {
      lines.push(
        `const export${index} = exported(actor[${JSON.stringify(name)}]);`,
        `export { export${index} as ${JSON.stringify(name)} };`,
      );
    });
  }
  return lines.join('\n');
}

type Output = Pick<Bundle, 'source' | 'sourceMap' | 'exports' | 'importers'>;

/** Files of the guest library are named after it, wherever it is installed. */
function withoutLibrary(sourceMap: string, { guestLibrary, output }: BundleInput): string {
  const map = parseForeignJson(sourceMap, MAP_BOUNDS) as { sources: string[] };
  const library = join(guestLibrary, '..', '/');
  map.sources = map.sources.map((source) => {
    const path = resolve(output, '..', source);
    return path.startsWith(library) ? `vivarium/guest/${relative(library, path)}` : source;
  });
  return JSON.stringify(map);
}

/** Where an interface is imported, for the front of a message; empty where that cannot be said. */
export async function placeOfImport({ importers }: Bundle, name: string): Promise<string> {
  const file = importers.get(name);
  if (file === undefined) return '';
  const text = (await readRegular(file, MAP_BOUNDS.maxLength, { links: 'follow' })).toString('utf8');
  const at = Math.max(text.indexOf(`'${name}'`), text.indexOf(`"${name}"`));
  if (at === -1) return `${shownFile(file)}: `;
  return `${shownFile(file)}:${lineAt(text, at)[0]}: `;
}

/**
 * Bundles an actor as `bundleActor` does, as a script for Node that calls `require` for its imports.
 * @param given globals that whoever runs it gives
 */
export async function bundleForNode(
  { entry, guestLibrary, witPath }: Pick<BundleInput, 'entry' | 'guestLibrary' | 'witPath'>,
  given: readonly string[],
): Promise<{ readonly source: string; readonly placeOf: ReturnType<typeof sourceLines> }> {
  const input = { entry, guestLibrary, witPath, output: join(process.cwd(), 'guest-bundle.js'), hasGlobals: false };
  const { source, sourceMap } = await bundleActor(input, { format: 'cjs', given });
  return { source, placeOf: sourceLines(parseForeignJson(sourceMap, MAP_BOUNDS)) };
}

async function run({ entry, guestLibrary, output, hasGlobals }: BundleInput, options: EsbuildOptions): Promise<Output> {
  const esbuild = await import('esbuild');
  try {
    const { outputFiles, metafile } = await esbuild.build({
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'neutral',
      mainFields: ['module', 'main'],
      target: 'es2022',
      supported: hasGlobals ? {} : LOWERED,
      alias: { 'vivarium/guest': guestLibrary },
      logLevel: 'silent',
      sourcemap: 'external',
      sourcesContent: false,
      outfile: output,
      // The project's own tsconfig names types, not what to bundle.
      tsconfigRaw: '{}',
      ...options,
    } as EsbuildOptions & { write: false; metafile: true });
    const text = (isMap: boolean): string =>
      (outputFiles as OutputFile[]).find(({ path }) => path.endsWith('.map') === isMap)?.text ?? '';
    const [made] = Object.values(metafile.outputs).filter(({ entryPoint }) => entryPoint !== undefined);
    const importers = new Map<string, string>();
    for (const [file, { imports }] of Object.entries(metafile.inputs)) {
      for (const { path, external } of imports)
        if (external === true && !importers.has(path)) importers.set(path, resolve(file));
    }
    return { source: text(false), sourceMap: text(true), exports: made?.exports ?? [], importers };
  } catch (cause) {
    const { errors } = cause as { errors?: readonly Message[] };
    const why = errors === undefined || errors.length === 0 ? messageOf(cause) : errors.map(shownMessage).join('\n');
    throw new ProjectError('PROJECT_BUILD_FAILED', `${entry} cannot be bundled: ${why}`, { cause });
  }
}

function shownMessage({ text, location }: Message): string {
  return location === null ? text : `${shownFile(location.file)}:${location.line}:${location.column + 1}: ${text}`;
}

export function shownFile(file: string): string {
  return isAbsolute(file) ? relative(process.cwd(), file) : file;
}

/** Line and column of an offset, both from 1. */
function lineAt(text: string, offset: number): [line: number, column: number] {
  const before = text.slice(0, offset).split('\n');
  return [before.length, (before.at(-1) ?? '').length + 1];
}
