import { ProjectError } from './errors.ts';

/** componentize-qjs calls it while the component is made, and it stays. */
const OF_THE_ENGINE = 'init';

/**
 * Looks whether a source exports all that its world does. The engine would say so in the first call that misses it.
 * @param world the component's exports, by their WIT names
 * @param names what the source exports
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

/** `ns:pkg/my-interface@1.0.0` and `my-function` as a source has them. */
function javaScriptName(name: string): string {
  const bare = name.slice(name.lastIndexOf('/') + 1).split('@', 1)[0] as string;
  return bare.toLowerCase().replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
