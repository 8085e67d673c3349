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

export { type ActorManifest, type Language, readManifest, type Template } from '#project';

/** The package's root. It is three folders above this file, both in `src/system/operations` and, compiled, in `dist/system/operations`. */
const root = new URL('../../../', import.meta.url);
const witFolder: string = fileURLToPath(new URL('wit', root));
const globalTypes = fileURLToPath(new URL('templates/typescript/types/globals.d.ts', root));
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
/** The file that replaces the import of `vivarium/guest` in a build. */
export const guestLibrary: string = fileURLToPath(new URL(`../../guest/index.${extension}`, import.meta.url));

type BuildActorOptions = Pick<BuildOptions, 'output' | 'engine' | 'world' | 'check'>;

const BUILD: allow.OptionRules<BuildActorOptions> = {
  output: allow.path,
  engine: allow.oneOf('qjs', 'starlingmonkey'),
  world: allow.text,
  check: allow.flag,
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

/** Builds an actor's project into a component. @throws `CORE_INVALID_OPTION`, `PROJECT_NOT_FOUND`, `PROJECT_BUILD_FAILED` */
export async function buildActor(project: string, options: BuildActorOptions = {}): Promise<BuiltComponent> {
  checkOptions(options, RULE);
  return build(project, {
    ...options,
    guestLibrary,
    witFolder,
    guestTypes: fileURLToPath(new URL('dist/guest/index.d.ts', root)),
    globalTypes,
    exportsOf: (component) => describeComponent(component).exports.map(({ name }) => name),
    commentsOf: docCommentsSection,
  });
}
