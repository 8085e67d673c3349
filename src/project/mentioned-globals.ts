import type { Plugin } from 'esbuild';
import { LOOKED_FOR } from './guest-globals.ts';

/** A virtual file that esbuild injects. It imports one module for each global, and the bundle keeps the imports of used globals. */
export const MARKERS = 'vivarium:globals';
const MARKER = 'vivarium_global_';
const OF_MARKER = /"vivarium-global:([A-Za-z]{1,64})"/g;
/** Matches names that are destructured from the global object. esbuild sees `globalThis.fetch`, but not these. */
const DESTRUCTURED = /\{([^{}]{0,1000})\}\s{0,9}=\s{0,9}globalThis\b/g;
const BY_TEXT = /\bglobalThis\[["']([A-Za-z]{1,64})["']\]|["']([A-Za-z]{1,64})["'] in globalThis\b/g;
const NAME = /[A-Za-z]{1,64}/g;

/** Marks the globals that a bundle uses. esbuild knows scopes, so a variable of the same name is not marked. */
export const markGlobals: Plugin = {
  name: 'mark-globals',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^vivarium:globals$/ }, ({ path }) => ({ path, namespace: 'vivarium-globals' }));
    onLoad({ filter: /^/, namespace: 'vivarium-globals' }, () => ({
      contents: LOOKED_FOR.map(
        (name) =>
          `export { ${MARKER}${name} as ${name}, ${MARKER}${name} as "globalThis.${name}" } from "vivarium-global:${name}";`,
      ).join('\n'),
      loader: 'js',
    }));
    onResolve({ filter: /^vivarium-global:/ }, ({ path }) => ({ path, external: true, sideEffects: false }));
  },
};

/** Returns the globals that a marked bundle uses. */
export function mentionedGlobals(bundle: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [, name] of bundle.matchAll(OF_MARKER)) names.add(name as string);
  const known = new Set(LOOKED_FOR);
  for (const [, list] of bundle.matchAll(DESTRUCTURED)) {
    for (const [name] of (list as string).matchAll(NAME)) if (known.has(name)) names.add(name);
  }
  for (const [, read, asked] of bundle.matchAll(BY_TEXT)) {
    const name = read ?? asked;
    if (name !== undefined && known.has(name)) names.add(name);
  }
  // The code that esbuild generates for asynchronous functions uses Promise without a marker.
  if (/^var __(?:async|asyncGenerator|forAwait|yieldStar|callDispose) = /m.test(bundle)) names.add('Promise');
  return names;
}

/** Returns the offset at which a marked bundle uses a global; undefined if it does not, or if it tests with `typeof` that it exists. */
export function unguardedUse(bundle: string, name: string): number | undefined {
  const marker = `${MARKER}${name}`;
  if (bundle.includes(`typeof ${marker}`)) return undefined;
  const imported = bundle.indexOf(`"vivarium-global:${name}"`);
  const at = imported === -1 ? -1 : bundle.indexOf(marker, imported);
  return at === -1 ? undefined : at;
}
