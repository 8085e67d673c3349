import ts from 'typescript';
import { expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { sourceFiles } from '../rules/source-files.ts';

/** About fifteen: what can be read at one glance. */
const MOST = 19;

/** Doors that name more, and why. */
const MAY_NAME_MORE: Readonly<Record<string, string>> = {
  'src/messaging/index.ts': 'most of it are types of the public API, which src/index.ts names from here',
  'src/runtime/host/index.ts':
    'what host functions are given and answer, how they are found, and how their calls are traced and cancelled',
  'src/runtime/index.ts': 'the engine with the types of what it tells of components, most of which are the public API',
  'src/system/index.ts': 'the runtime with the types of its options, all of which are the public API',
  'src/system/operations/index.ts': 'one function for each command of viv, with the types that it answers',
  'src/wasm/index.ts': 'one reader of components with the types of what it reads',
  'src/wasm/module/index.ts': 'each section of a core module with its reader, its writer and its type',
};

/** Doors of the package: `test/api` compares what each of them names with what was decided. */
const PUBLIC = Object.values(packageJson.exports)
  .map((target) => (typeof target === 'string' ? target : target.types))
  .map((file) => file.replace('./dist/', 'src/').replace(/(\.d\.ts|\.js)$/, '.ts'));

function namesOf(tree: ts.SourceFile): number {
  let names = 0;
  for (const statement of tree.statements) {
    if (ts.isExportDeclaration(statement)) {
      const { exportClause } = statement;
      // `export *` hides how much a door shows.
      if (exportClause === undefined) return Number.POSITIVE_INFINITY;
      names += ts.isNamedExports(exportClause) ? exportClause.elements.length : 1;
    } else if (ts.canHaveModifiers(statement)) {
      names += ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ? 1 : 0;
    }
  }
  return names;
}

const doors = sourceFiles().filter(({ path }) => path.endsWith('/index.ts') || path.startsWith('src/core/ports/'));

it(`doors name ${MOST} things at most, each by its name`, () => {
  const wide = doors.filter(({ path, tree }) => !PUBLIC.includes(path) && namesOf(tree) > MOST).map(({ path }) => path);
  expect(wide, 'divide the folder into parts, or give a reason in MAY_NAME_MORE').toEqual(Object.keys(MAY_NAME_MORE));
});

it('doors hide nothing behind a star', () => {
  expect(doors.filter(({ tree }) => namesOf(tree) === Number.POSITIVE_INFINITY).map(({ path }) => path)).toEqual([]);
});
