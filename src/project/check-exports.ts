import { ProjectError } from './errors.ts';

/** An export that componentize-qjs adds and calls during the build, and that stays in the component. */
const OF_THE_ENGINE = 'init';

/**
 * Checks that a source exports everything that its world exports. Otherwise the engine would report a missing export only at a call.
 * @param world the component's exports, by their WIT names
 * @param names the names that the source exports
 * @throws {ProjectError} `PROJECT_BUILD_FAILED`
 */
export function checkExports(entry: string, world: readonly string[], names: readonly string[]): void {
  const missing = world.filter((name) => name !== OF_THE_ENGINE && !names.includes(javaScriptName(name)));
  if (missing.length === 0) return;
  const wanted = missing.map((name) => `${javaScriptName(name)} (${name})`).join(', ');
  const has = names.length === 0 ? 'nothing' : names.join(', ');
  const hint = missing.some((name) => name.startsWith('vivarium:actor/lifecycle'))
    ? '; write export const lifecycle = defineActor({ … })'
    : '';
  throw new ProjectError('PROJECT_BUILD_FAILED', `${entry} exports ${has}, and its world exports ${wanted}${hint}`);
}

/** Converts a WIT name, such as `ns:pkg/my-interface@1.0.0` or `my-function`, to the name in a source: `myInterface`, `myFunction`. */
function javaScriptName(name: string): string {
  const bare = name.slice(name.lastIndexOf('/') + 1).split('@', 1)[0] as string;
  return bare.toLowerCase().replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
