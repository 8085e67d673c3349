import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, posix, relative } from 'node:path';
import { TRANSPILER_DOORS } from './transpiler.ts';

/**
 * Rewrites the compiled files so that every tool reads them: doors (`#core/errors`) become relative paths, because linters of packages
 * refuse an `imports` map below the root, and the types' `Uint8Array<ArrayBuffer>` becomes an expression for the same type that
 * TypeScript before 5.7, where `Uint8Array` has no parameter, understands as well.
 */
export function rewriteCompiledFiles(folder: string): void {
  const doors = compiledDoors();
  const files = globSync('**/*.{js,d.ts}', { cwd: folder, exclude: ['start', 'transpiler'] });
  for (const file of files) {
    const text = readFileSync(`${folder}/${file}`, 'utf8');
    const toDoor = (match: string, quote: string, door: string): string => {
      const target = targetOf(door, doors);
      return target === undefined ? match : `${quote}${relativeTo(file, target)}${quote}`;
    };
    let rewritten = text.replaceAll(/(['"])(#[a-z][a-z0-9/-]*)\1/g, toDoor);
    if (file.endsWith('.d.ts')) {
      rewritten = rewritten
        .replaceAll('Uint8Array<ArrayBuffer>', "ReturnType<Uint8ArrayConstructor['of']>")
        .replaceAll('Uint8Array<ArrayBufferLike>', 'Uint8Array');
    }
    if (rewritten !== text) writeFileSync(`${folder}/${file}`, rewritten);
  }
}

function compiledDoors(): Readonly<Record<string, string>> {
  const { imports } = JSON.parse(readFileSync('src/package.json', 'utf8')) as { imports: Record<string, string> };
  const own = Object.entries(imports).map(([door, target]) => [door, target.replace(/\.ts$/, '.js')]);
  return { ...Object.fromEntries(own), ...TRANSPILER_DOORS };
}

/** The file of a door: its own entry of the map, or the most specific one with a `*`, as Node finds it. */
function targetOf(door: string, doors: Readonly<Record<string, string>>): string | undefined {
  const exact = doors[door];
  if (exact !== undefined) return exact;
  const [best] = Object.entries(doors)
    .filter(([pattern]) => pattern.endsWith('*') && door.startsWith(pattern.slice(0, -1)))
    .sort(([a], [b]) => b.length - a.length);
  return best?.[1].replace('*', door.slice(best[0].length - 1));
}

function relativeTo(file: string, target: string): string {
  const path = relative(dirname(file), posix.normalize(target));
  return path.startsWith('.') ? path : `./${path}`;
}
