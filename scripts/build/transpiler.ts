import { cpSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';

const FILES = ['LICENSE', 'vendor/*.{js,wasm,d.ts}', 'vendor/interfaces/*.d.ts', 'dist/wasm-tools.{js,d.ts}'];

/**
 * Copies the part of jco's transpiler that we use, unchanged and with its licence. As a dependency it would bring an optimiser and a
 * minifier of 97 MB that are never loaded (docs/adr/0170-the-transpiler-alone.md).
 * @returns the files of the copy, relative to `to`
 */
export function copyTranspiler(to: string): readonly string[] {
  const from = dirname(findPackageJSON('@bytecodealliance/jco-transpile', import.meta.url) as string);
  const files = globSync(FILES, { cwd: from });
  for (const file of files) cpSync(join(from, file), join(to, file));
  const { name, version, license, type, repository } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'));
  const manifest = { name, version, license, type, repository, private: true };
  writeFileSync(join(to, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  return [...files, 'package.json'];
}

/** The transpiler's doors as `src/package.json` names them, and the files of the copy that they are. */
export const TRANSPILER_DOORS: Readonly<Record<string, string>> = {
  '#transpiler/component': './transpiler/vendor/js-component-bindgen-component.js',
  '#transpiler/wasm-tools': './transpiler/dist/wasm-tools.js',
};
