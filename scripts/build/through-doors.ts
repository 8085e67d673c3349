import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';

/** Where a name of a door comes from: a file and the name that it has there; `*` for the file's whole namespace. */
interface Origin {
  readonly file: string;
  readonly name: string;
}

const STATEMENT = /^(import|export) \{([^}]*)\} from '(\.[^']+)';$/gm;
const NAMESPACE = /^export \* as (\w+) from '(\.[^']+)';$/gm;
const doors = new Map<string, ReadonlyMap<string, Origin>>();

/**
 * Makes compiled code import each name from the file that defines it instead of through a folder's door. esbuild counts all that a door
 * passes on as needed by whoever imports one name of it when it divides code into files, so that the import of an error class would load the engine.
 * Doors do nothing when they are loaded, so going past them changes nothing but what is loaded.
 */
export function throughDoors(text: string, path: string): string {
  return text.replaceAll(STATEMENT, (statement, kind: string, names: string, from: string) => {
    const door = resolve(dirname(path), from);
    if (!door.endsWith(`${sep}index.js`)) return statement;
    const byFile = new Map<string, string[]>();
    const lines: string[] = [];
    for (const [imported, local] of namesOf(names)) {
      const { file, name } = originOf(door, imported);
      const specifier = relativeTo(path, file);
      if (name === '*') lines.push(`${kind} * as ${local} from '${specifier}';`);
      else byFile.set(specifier, [...(byFile.get(specifier) ?? []), name === local ? name : `${name} as ${local}`]);
    }
    for (const [specifier, list] of byFile) lines.push(`${kind} { ${list.join(', ')} } from '${specifier}';`);
    return lines.join('\n');
  });
}

/** Follows a name through doors to the file that defines it. */
function originOf(file: string, name: string): Origin {
  const next = file.endsWith(`${sep}index.js`) ? passedOn(file).get(name) : undefined;
  if (next === undefined || next.name === '*') return next ?? { file, name };
  return originOf(next.file, next.name);
}

/** The names that a door passes on, by the name that it gives them. */
function passedOn(door: string): ReadonlyMap<string, Origin> {
  const known = doors.get(door);
  if (known !== undefined) return known;
  const names = new Map<string, Origin>();
  doors.set(door, names);
  if (!existsSync(door)) return names;
  const text = readFileSync(door, 'utf8');
  for (const [, kind, list = '', from = ''] of text.matchAll(STATEMENT)) {
    if (kind !== 'export') continue;
    for (const [inner, outer] of namesOf(list)) names.set(outer, { file: resolve(dirname(door), from), name: inner });
  }
  for (const [, name = '', from = ''] of text.matchAll(NAMESPACE)) {
    names.set(name, { file: resolve(dirname(door), from), name: '*' });
  }
  return names;
}

/** The pairs of a list of names: `a, b as c` is `[a, a]` and `[b, c]`. */
function namesOf(list: string): readonly (readonly [string, string])[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .map((name) => {
      const [inner = '', outer = inner] = name.split(' as ');
      return [inner, outer] as const;
    });
}

function relativeTo(from: string, to: string): string {
  const path = relative(dirname(from), to).split(sep).join('/');
  return path.startsWith('.') ? path : `./${path}`;
}
