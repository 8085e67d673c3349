import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, posix } from 'node:path';
import { may, outerParts, parts } from '../../.dependency-cruiser.js';

/** Folders of `src` and their parts. */
const places = [...Object.keys(may), ...Object.keys(parts)];
const folderOf = (place: string): string => place.split('/', 1)[0] as string;

/** A violation as `rule: file that imports → file that is imported`. */
export function shown(rule: string, from: string, to: string): string {
  return `${rule}: ${from} → ${to}`;
}

const doorOf = (place: string): string => (place === 'core/ports' ? 'src/core/ports/port.ts' : `src/${place}/index.ts`);
const planted = (place: string): string => `src/${place}/planted.ts`;

/** Every import of a door that the tables forbid: by each folder and part, of each other one. */
export function forbiddenImports(): readonly string[] {
  return places.flatMap((from) =>
    places.flatMap((to) => {
      const rules = from === to ? [] : rulesBroken(from, to);
      return rules.map((rule) => shown(rule, planted(from), doorOf(to)));
    }),
  );
}

function rulesBroken(from: string, to: string): readonly string[] {
  const folder = folderOf(from);
  if (folderOf(to) !== folder) {
    const isHidden = to in parts && !outerParts.includes(to);
    const isBelow = may[folder]?.includes(folderOf(to)) ?? false;
    return [...(isBelow && !isHidden ? [] : [`layer-${folder}`]), ...(isHidden ? ['one-door'] : [])];
  }
  const allowed = parts[from];
  if (allowed === undefined)
    return from === 'system' && to === 'system/operations' ? ['operations-above-composition'] : [];
  return !(to in parts) || allowed.includes(to) ? [] : [`layer-${from.replace('/', '-')}`];
}

/** Imports that other rules forbid. */
const OTHERS: Readonly<Record<string, string>> = {
  'src/core/no-io.ts': "import 'node:fs';",
  'src/wasm/pure.ts': "import 'node:fs';",
  'node_modules/tsyringe/package.json': '{ "name": "tsyringe", "main": "index.js" }',
  'node_modules/tsyringe/index.js': '',
  'src/runtime/wiring.ts': "import 'tsyringe';",
  'src/messaging/past-a-door.ts': "import '../core/inner.ts';",
  'src/core/inner.ts': 'export const inner = 1;',
  'src/cli/circle.ts': "import './round.ts';",
  'src/cli/round.ts': "import './circle.ts';",
  // A part without a rule of its own, beside those of its folder.
  'src/system/operations/beside.ts': "import '../unlisted/index.ts';",
  'src/system/unlisted/index.ts': '',
  'src/server/config/beside.ts': "import '../unlisted/index.ts';",
  'src/server/unlisted/index.ts': '',
  'tools/tool.ts': "import '../bench/bench.ts';",
  'bench/bench.ts': "import '../scripts/script.ts';",
  'scripts/script.ts': "import '../test/some.test.ts';",
  'test/some.test.ts': "import '../tools/tool.ts';",
  'src/cli/nowhere.ts': "import './gone.ts';",
};

export const OTHER_VIOLATIONS: readonly string[] = [
  shown('core-has-no-io', 'src/core/no-io.ts', 'fs'),
  shown('pure-formats', 'src/wasm/pure.ts', 'fs'),
  shown('tsyringe-in-system-only', 'src/runtime/wiring.ts', 'node_modules/tsyringe/index.js'),
  shown('layer-messaging', 'src/messaging/past-a-door.ts', 'src/core/inner.ts'),
  shown('one-door', 'src/messaging/past-a-door.ts', 'src/core/inner.ts'),
  shown('no-circular', 'src/cli/circle.ts', 'src/cli/round.ts'),
  shown('layer-system-operations', 'src/system/operations/beside.ts', 'src/system/unlisted/index.ts'),
  shown('layer-server-config', 'src/server/config/beside.ts', 'src/server/unlisted/index.ts'),
  shown('tools-below', 'tools/tool.ts', 'bench/bench.ts'),
  shown('tools-below', 'bench/bench.ts', 'scripts/script.ts'),
  shown('tools-below', 'scripts/script.ts', 'test/some.test.ts'),
  shown('no-unresolvable', 'src/cli/nowhere.ts', './gone.ts'),
];

/** Makes a tree below `root` in which every folder and part imports the door of every other, and every rule is broken. */
export function plant(root: string): void {
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(`${root}/${file}`), { recursive: true });
    writeFileSync(`${root}/${file}`, text);
  };
  write('package.json', '{ "type": "module", "private": true, "dependencies": { "tsyringe": "*" } }');
  for (const place of places) {
    write(doorOf(place), 'export const door = 1;');
    const imports = places
      .filter((to) => to !== place)
      .map((to) => `import '${posix.relative(`src/${place}`, doorOf(to)).replace(/^(?!\.)/, './')}';`);
    write(planted(place), imports.join('\n'));
  }
  for (const [file, text] of Object.entries(OTHERS)) write(file, text);
}
