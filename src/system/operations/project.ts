import { fileURLToPath } from 'node:url';
import { allow, checkOptions } from '#core/options';
import { type BuildOptions, type BuiltComponent, build, scaffold } from '#project';

export { type ActorManifest, readManifest } from '#project';

/** In a checkout this file lies in `src/system`, compiled in `dist/system`: the package's root is two above both. */
const root = new URL('../../../', import.meta.url);
const witFolder = fileURLToPath(new URL('wit', root));
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
/** The file that `vivarium/guest` stands for in what is built. */
export const guestLibrary: string = fileURLToPath(new URL(`../../guest/index.${extension}`, import.meta.url));

const BUILD: allow.OptionRules<Pick<BuildOptions, 'output' | 'engine' | 'world'>> = {
  output: allow.path,
  engine: allow.oneOf('qjs', 'starlingmonkey'),
  world: allow.text,
};
const RULE = allow.options(BUILD);

/** Makes an actor's project. @throws `PROJECT_EXISTS` */
export function newActor(folder: string): Promise<readonly string[]> {
  return scaffold(folder, { witFolder, guestTypes: fileURLToPath(new URL('dist/guest', root)) });
}

/** Makes a component of an actor's project. @throws `CORE_INVALID_OPTION`, `PROJECT_NOT_FOUND`, `PROJECT_BUILD_FAILED` */
export async function buildActor(
  project: string,
  options: Pick<BuildOptions, 'output' | 'engine' | 'world'> = {},
): Promise<BuiltComponent> {
  checkOptions(options, RULE);
  return build(project, { ...options, guestLibrary, witFolder });
}
