import { access, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf } from '#core/errors';
import { type Bundle, bundleActor, placeOfImport, shownFile } from './bundle-actor.ts';
import { checkExports } from './check-exports.ts';
import { checkTypes } from './check-types.ts';
import type { ComponentSource } from './component-source.ts';
import { findEntry } from './entry.ts';
import { ProjectError } from './errors.ts';
import { withImports } from './extended-world.ts';
import { withNames } from './late-imports.ts';
import { starlingMonkey } from './starlingmonkey.ts';
import { thrownAtBuild } from './thrown-at-build.ts';
import { witTexts } from './wit-imports.ts';

export type GuestEngine = 'qjs' | 'starlingmonkey';

export interface BuildOptions {
  /** The file that replaces the import of `vivarium/guest`. */
  readonly guestLibrary: string;
  /** The WIT folder for a project that has none. */
  readonly witFolder: string;
  /** The file to which the component is written; `actor.wasm` in the project's folder by default. */
  readonly output?: string | undefined;
  readonly engine?: GuestEngine | undefined;
  readonly world?: string | undefined;
  /** Whether types are checked while the component is built. A warning says if there is no compiler. */
  readonly check?: boolean | undefined;
  /** The types of `vivarium/guest` and, in `globalTypes`, of the globals, for a project without a tsconfig. */
  readonly guestTypes: string;
  readonly globalTypes: string;
  /** Makes a component of a bundle by QuickJS, and runs its top level meanwhile. @throws the signal's reason when it is aborted */
  readonly componentize: (source: ComponentSource, signal: AbortSignal) => Promise<Uint8Array>;
  /** Ends the build. */
  readonly signal?: AbortSignal | undefined;
  /** Returns the WIT names of a component's exports. */
  readonly exportsOf: (component: Uint8Array) => readonly string[];
  /** Makes a component's last section, which carries the doc comments of the files of a WIT package. */
  readonly commentsOf: (wit: readonly string[]) => Uint8Array;
}

export interface BuiltComponent {
  readonly file: string;
  readonly bytes: number;
  readonly engine: GuestEngine;
  /** One warning, with file and line, for each global that the actor uses and a guest does not have; or that types were not checked. */
  readonly warnings: readonly string[];
}

/**
 * Builds a component from a TypeScript or JavaScript actor. It bundles everything that the actor imports, and puts the bundle into
 * a component together with a JavaScript engine. With the default engine, this needs neither the network nor `npm install`.
 * @param project the project's folder, or its entry file
 * @throws {ProjectError} `PROJECT_NOT_FOUND`, `PROJECT_BUILD_FAILED`; the signal's reason
 */
export async function build(project: string, options: BuildOptions): Promise<BuiltComponent> {
  const { signal } = options;
  signal?.throwIfAborted();
  const { folder, entry } = await findEntry(project);
  const own = join(folder, 'wit');
  const hasOwn = await exists(own);
  const witPath = hasOwn ? own : options.witFolder;
  const file = resolve(options.output ?? join(folder, 'actor.wasm'));
  const { guestLibrary, witFolder, engine = 'qjs' } = options;
  const bundle = await bundleActor({ entry, guestLibrary, witPath, output: file, hasGlobals: engine !== 'qjs' });
  const world = options.world ?? (hasOwn ? 'guest' : bundle.world);
  const added = { imports: bundle.imports, exports: bundle.offers };
  const wrong = new AbortController();
  const ended = signal === undefined ? wrong.signal : AbortSignal.any([signal, wrong.signal]);
  const made = withImports({ witPath, world }, added, join(witFolder, 'globals'), (extended) => {
    const source = { bundle: bundle.source, witPath: extended.witPath, world: extended.world };
    return engine === 'starlingmonkey' ? starlingMonkey(source, ended) : componentize(source, ended, options);
  });
  // Both take seconds and run in parallel, each in its own process or thread. Type errors are reported first, because they often
  // explain why the other one failed.
  const [component, unchecked] = await Promise.allSettled([
    made,
    options.check === true ? checkTypes({ ...options, folder, entry }).catch(ending(wrong)) : undefined,
  ]);
  signal?.throwIfAborted();
  if (unchecked.status === 'rejected') throw unchecked.reason;
  if (component.status === 'rejected') throw await whyNot(component.reason, bundle, { file, witPath, world });
  checkExports(shownFile(entry), options.exportsOf(component.value), bundle.exports);
  const comments = hasOwn ? options.commentsOf(await witTexts(own)) : new Uint8Array();
  const bytes = Buffer.concat([component.value, comments]);
  await write(file, bytes);
  await write(`${file}.map`, bundle.sourceMap);
  const warnings = [...bundle.warnings, ...(unchecked.value === undefined ? [] : [unchecked.value])];
  return { file, bytes: bytes.length, engine, warnings };
}

/** A world of a WIT file. */
const WORLD = /^[ \t]{0,80}world[ \t]{1,80}%?([A-Za-z][A-Za-z0-9-]{0,200})/gm;

async function write(file: string, contents: string | Uint8Array): Promise<void> {
  await writeFile(file, contents).catch((cause) => {
    throw new ProjectError('PROJECT_BUILD_FAILED', `${file} cannot be written: ${messageOf(cause)}`, { cause });
  });
}

async function componentize(
  source: ComponentSource,
  signal: AbortSignal,
  options: Pick<BuildOptions, 'componentize'>,
): Promise<Uint8Array> {
  return withNames(await options.componentize(source, signal));
}

/** Ends the other half of a build, of which nobody wants anything any more. */
function ending(other: AbortController): (error: unknown) => never {
  return (error) => {
    other.abort();
    throw error;
  };
}

async function whyNot(
  cause: unknown,
  bundle: Bundle,
  { file, witPath, world }: { readonly file: string; readonly witPath: string; readonly world: string },
): Promise<ProjectError> {
  if (cause instanceof ProjectError) return cause;
  const message = messageOf(cause);
  if (/^World `[^`]{1,200}` not found/.test(message)) {
    const worlds = [...(await witTexts(witPath)).join('\n').matchAll(WORLD)].map(([, name]) => name);
    const there = `${witPath} has no world ${world}; its worlds are ${worlds.join(', ')}`;
    return new ProjectError('PROJECT_BUILD_FAILED', there, { cause });
  }
  const [, unknown] = /Error resolving module '([^']{1,512})'/.exec(message) ?? [];
  const why =
    unknown === undefined
      ? (thrownAtBuild(message, bundle.sourceMap, file) ?? message)
      : `${await placeOfImport(bundle, unknown)}world ${world} of ${witPath} does not import ${unknown}`;
  return new ProjectError('PROJECT_BUILD_FAILED', `the actor cannot be made a component: ${why}`, { cause });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
