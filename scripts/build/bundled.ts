import { mkdirSync, writeFileSync } from 'node:fs';

const REASON =
  'vivarium was bundled, and the files that it starts and reads are not in the bundle: mark it as external (docs/installing.md says how)';

/**
 * Writes the doors that bundlers take: they know the condition `module` of package.json's `exports`. Such a door has the names of the
 * real one and throws the reason when it is loaded. So the build succeeds, and its reader does not see complaints about optional packages.
 * A loader that knows the condition and does not bundle (Vitest 1 and 2) loads the file where it lies, which then gives what the real door has.
 * @param exportsOf the names that each door exports
 * @returns the files
 */
export function writeBundledDoors(
  folder: string,
  exportsOf: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  mkdirSync(folder, { recursive: true });
  for (const [door, names] of exportsOf) {
    const exported = names.map((name) => `export const ${name} = real.${name};\n`).join('');
    writeFileSync(`${folder}/${door}.js`, `${bundledDoor(door)}${exported}`);
  }
  return [...exportsOf.keys()].map((door) => `${folder}/${door}.js`);
}

/** `require` loads the real door, hidden from bundlers, because a top-level `await` cannot be bundled to CommonJS. */
const bundledDoor = (
  door: string,
): string => `const here = import.meta.webpack === undefined ? import.meta.url : undefined;
if (here === undefined || !here.endsWith('/dist/start/bundled/${door}.js')) throw new Error(${JSON.stringify(REASON)});
const real = process.getBuiltinModule('node:module').createRequire(here)('../${door}.js');
`;

/**
 * Source of a module with the URL of one of the package's files, seen from `dist/start`. A bundler that took the real door in has left the programs of child
 * processes and the WebAssembly behind: some keep the URL of the bundle, some none, and webpack that of the source on the machine of
 * the build. This throws when such a bundle is loaded; a build child would fail later, with a reason that nobody understands.
 */
export const OWN_URL = `import { existsSync } from 'node:fs';
const here = import.meta.webpack === undefined ? import.meta.url : undefined;
const evidence = '../transpiler/package.json';
let isThere = false;
export function ownUrl(file) {
  isThere ||= here !== undefined && existsSync(new URL(evidence, here));
  if (isThere) return new URL(file, here).href;
  throw new Error(${JSON.stringify(REASON)});
}
`;
