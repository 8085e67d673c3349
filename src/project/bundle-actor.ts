import { isBuiltin } from 'node:module';
import { isAbsolute, join, relative, resolve } from 'node:path';
import type { BuildOptions as EsbuildOptions, Message, OutputFile } from 'esbuild';
import { messageOf } from '#core/errors';
import { parseForeignJson } from '#core/text';
import { readRegular, sourceLines } from '#files';
import { loadEsbuild } from './build-tools.ts';
import { ProjectError } from './errors.ts';
import { BODY_STREAMS, MISSING, preludeFor, SEED, SERVE } from './guest-globals.ts';
import { lateName } from './late-imports.ts';
import { MARKERS, markGlobals, mentionedGlobals, unguardedUse } from './mentioned-globals.ts';
import { witImports } from './wit-imports.ts';

export interface BundleInput {
  readonly entry: string;
  /** The file that replaces the import of `vivarium/guest`. */
  readonly guestLibrary: string;
  readonly witPath: string;
  /** The file to which the component is written. File names in the source map are relative to it. */
  readonly output: string;
  /** Whether the engine provides the globals and runs promises itself. */
  readonly hasGlobals: boolean;
}

export interface Bundle {
  readonly source: string;
  readonly sourceMap: string;
  /** The names that the source exports. */
  readonly exports: readonly string[];
  /** Interfaces that the world must import in addition to its own, and those that it must export. */
  readonly imports: readonly string[];
  readonly offers: readonly string[];
  /** The world of our own to which a source belongs that has no WIT. */
  readonly world: 'guest' | 'handler' | 'handler-with-services';
  /** One warning, with file and line, for each global that the source uses and a guest does not have. */
  readonly warnings: readonly string[];
  /** The first file that imports each interface. */
  readonly importers: ReadonlyMap<string, string>;
}

/** Asynchronous functions become generators, because they need the engine's own job queue, which the engine never runs. */
const LOWERED = { 'async-await': false, 'async-generator': false, 'for-await': false, 'top-level-await': false };
/** Bounds for the source map that esbuild makes for a bundle. */
const MAP_BOUNDS = { maxLength: 64 * 2 ** 20 };
/** Words of a source that may call `Math.random`, perhaps by another name. Having both without a call costs about 32 KiB. */
const DRAWING = [/\bMath\b/, /\brandom\b/];
const SERVICES = /from "(?:vivarium:actor\/|vivarium\/guest)/;

/**
 * Bundles a source with its imports and with those globals of the guest library that it uses.
 * @throws {ProjectError} `PROJECT_BUILD_FAILED`, with a message that names file and line
 */
export async function bundleActor(
  input: BundleInput,
  { format = 'esm', given = [] }: { readonly format?: 'esm' | 'cjs'; readonly given?: readonly string[] } = {},
): Promise<Bundle> {
  if (input.hasGlobals) {
    const plain = await run(input, { entryPoints: [input.entry], plugins: [await witImports(input.witPath)] });
    return { ...plain, imports: [], offers: [], world: 'guest', warnings: [] };
  }
  const marked = await run(input, {
    entryPoints: [input.entry],
    inject: [MARKERS],
    plugins: [markGlobals, await witImports(input.witPath)],
  });
  const mentioned = new Set(mentionedGlobals(marked.source));
  // A global that the caller provides, such as `fetch`, may return a `Response`, so the bundle needs that class.
  if (given.some((name) => mentioned.delete(name))) mentioned.add('Response');
  const serves = marked.exports.includes('default');
  const isHandler = serves && !marked.exports.includes('lifecycle');
  const usesServices = SERVICES.test(marked.source);
  if (serves) for (const name of SERVE.names) mentioned.add(name);
  if (BODY_STREAMS.word.test(marked.source)) mentioned.add(BODY_STREAMS.module);
  const { modules, imports } = preludeFor(mentioned, usesServices);
  if (serves) imports.push(...SERVE.imports);
  // Actors and handlers are seeded by the guest library.
  const isPlain = !serves && !marked.exports.includes('lifecycle');
  const seeds = isPlain && DRAWING.every((word) => word.test(marked.source)) ? [SEED] : [];
  imports.push(...seeds.flatMap((seed) => seed.imports));
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
      contents: entryOf(input, [...modules, ...seeds.map(({ module }) => module)], missing, marked.exports),
      sourcefile: 'entry.js',
      resolveDir: join(input.entry, '..'),
    },
    plugins: [await witImports(input.witPath)],
  });
  const { importers } = marked;
  const exports = marked.exports.map((name) => (name === 'default' ? 'incomingHandler' : name));
  return {
    source,
    sourceMap: withoutLibrary(sourceMap, input),
    exports,
    imports: [...new Set(imports.map(lateName))],
    offers: serves ? SERVE.exports.map(lateName) : [],
    world: !isHandler ? 'guest' : usesServices ? 'handler-with-services' : 'handler',
    warnings,
    importers,
  };
}

/** Makes the entry module, which installs the globals that the source uses and then exports what the source exports. */
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
  // defineActor already runs its functions as turns, so `lifecycle` needs no wrapper.
  const plain = names.filter((name) => name !== 'lifecycle' && name !== 'default');
  if (names.includes('lifecycle')) lines.push(`export { lifecycle } from ${actor};`);
  if (names.includes('default')) {
    lines.push(`import { handlerOf } from ${file(SERVE.module)};`, `import handler from ${actor};`);
    lines.push('export const incomingHandler = handlerOf(handler);');
  }
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

/** Renames the guest library's files in a source map to `vivarium/guest/…`, so that the map does not depend on where it is installed. */
function withoutLibrary(sourceMap: string, { guestLibrary, output }: BundleInput): string {
  const map = parseForeignJson(sourceMap, MAP_BOUNDS) as { sources: string[] };
  const library = join(guestLibrary, '..', '/');
  map.sources = map.sources.map((source) => {
    const path = resolve(output, '..', source);
    return path.startsWith(library) ? `vivarium/guest/${relative(library, path)}` : source;
  });
  return JSON.stringify(map);
}

/** Returns the place that imports an interface, as the beginning of a message; empty if the place is unknown. */
export async function placeOfImport({ importers }: Bundle, name: string): Promise<string> {
  const file = importers.get(name);
  if (file === undefined) return '';
  const text = (await readRegular(file, MAP_BOUNDS.maxLength, { links: 'follow' })).toString('utf8');
  const at = Math.max(text.indexOf(`'${name}'`), text.indexOf(`"${name}"`));
  if (at === -1) return `${shownFile(file)}: `;
  return `${shownFile(file)}:${lineAt(text, at)[0]}: `;
}

/**
 * Bundles an actor as `bundleActor` does, but as a script for Node that calls `require` for its imports.
 * @param given names of globals that the script's caller provides
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
  const esbuild = await loadEsbuild();
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
      // esbuild must ignore the project's tsconfig, whose paths name types and not sources.
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
    return {
      source: hasGlobals ? text(false) : withWholeFinally(text(false)),
      sourceMap: text(true),
      exports: made?.exports ?? [],
      importers,
    };
  } catch (cause) {
    const { errors } = cause as { errors?: readonly Message[] };
    const why = errors === undefined || errors.length === 0 ? messageOf(cause) : errors.map(shownMessage).join('\n');
    throw new ProjectError('PROJECT_BUILD_FAILED', `${entry} cannot be bundled: ${why}`, { cause });
  }
}

/**
 * Mends esbuild's helper for asynchronous generators: after `return`, which a loop calls that ends early, each `await` of a `finally` ended the
 * generator, so that the rest of the `finally` never ran. Only the step of a `yield*`, which has a second part, must go on with `return`.
 */
function withWholeFinally(source: string): string {
  return source.replace(
    /\bresume\(([\w$]{1,16}) === "return" \? [\w$]{1,16} : "next", ([\w$]{1,16})\[1\]/,
    (_, kind: string, part: string) => `resume(${kind} === "return" && ${part}[1] ? ${kind} : "next", ${part}[1]`,
  );
}

function shownMessage({ text: found, location }: Message): string {
  const module = /^Could not resolve "([^"]{1,200})"/.exec(found)?.[1];
  const text = module !== undefined && isBuiltin(module) ? `${found}: a guest has no modules of Node` : found;
  return location === null ? text : `${shownFile(location.file)}:${location.line}:${location.column + 1}: ${text}`;
}

export function shownFile(file: string): string {
  return isAbsolute(file) ? relative(process.cwd(), file) : file;
}

/** Returns the line and column of an offset, both counted from 1. */
function lineAt(text: string, offset: number): [line: number, column: number] {
  const before = text.slice(0, offset).split('\n');
  return [before.length, (before.at(-1) ?? '').length + 1];
}
