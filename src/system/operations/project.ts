import { fileURLToPath } from 'node:url';
import { allow, checkOptions } from '#core/options';
import {
  type BuildOptions,
  type BuiltComponent,
  build,
  bundleForNode as bundle,
  type Language,
  scaffold,
  type Template,
} from '#project';
import { describeComponent, docCommentsSection } from '#wasm';
import { componentizeApart, MAX_SOURCE_MS } from './component-process.ts';

export { type ActorManifest, type Language, readManifest, type Template } from '#project';

/** The package's root. It is three folders above this file, both in `src/system/operations` and, compiled, in `dist/system/operations`. */
const root = new URL('../../../', import.meta.url);
const witFolder: string = fileURLToPath(new URL('wit', root));
const globalTypes = fileURLToPath(new URL('templates/typescript/types/globals.d.ts', root));
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
/** The file that replaces the import of `vivarium/guest` in a build. */
export const guestLibrary: string = fileURLToPath(new URL(`../../guest/index.${extension}`, import.meta.url));

interface BuildActorOptions extends Pick<BuildOptions, 'output' | 'engine' | 'world' | 'check' | 'signal'> {
  /** Milliseconds that making the component by QuickJS may take; 60,000 by default. This includes running the source's top level. */
  readonly maxTimeMs?: number | undefined;
}

const BUILD: allow.OptionRules<BuildActorOptions> = {
  output: allow.path,
  engine: allow.oneOf('qjs', 'starlingmonkey'),
  world: allow.text,
  check: allow.flag,
  signal: allow.signal,
  maxTimeMs: allow.period,
};
const RULE = allow.options(BUILD);

/** Creates the project of an actor or of another component. @throws `PROJECT_EXISTS` */
export function newActor(folder: string, template?: Template, language?: Language): Promise<readonly string[]> {
  const guestTypes = fileURLToPath(new URL('dist/guest', root));
  return scaffold(folder, { template, language, witFolder, guestTypes, globalTypes });
}

/** Bundles an actor's module as a script for Node. @param given names of globals that the script's caller provides */
export function bundleForNode(entry: string, given: readonly string[]): ReturnType<typeof bundle> {
  return bundle({ entry, guestLibrary, witPath: witFolder }, given);
}

/**
 * Builds an actor's project into a component.
 * @throws `CORE_INVALID_OPTION`, `PROJECT_NOT_FOUND`, `PROJECT_BUILD_FAILED`; the signal's reason
 */
export async function buildActor(project: string, options: BuildActorOptions = {}): Promise<BuiltComponent> {
  checkOptions(options, RULE);
  const { maxTimeMs: maxMs = MAX_SOURCE_MS, ...given } = options;
  return build(project, {
    ...given,
    componentize: (source, signal) => componentizeApart(source, { maxMs, signal }),
    guestLibrary,
    witFolder,
    guestTypes: fileURLToPath(new URL('dist/guest/index.d.ts', root)),
    globalTypes,
    exportsOf: (component) => describeComponent(component).exports.map(({ name }) => name),
    commentsOf: docCommentsSection,
  });
}
