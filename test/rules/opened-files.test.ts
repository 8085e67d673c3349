import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { parse, placeOf, sourceFiles, walk } from './source-files.ts';

/*
 * Files that others may have placed are opened by `src/files` alone, which refuses links where they are not wanted, FIFOs
 * and devices: `open` of a FIFO holds a thread of the pool for ever. Creating a file that must not be there (`wx`) needs
 * none of that.
 */

const OPENERS = new Set([
  ...['open', 'openSync', 'openAsBlob', 'readFile', 'readFileSync', 'createReadStream', 'createWriteStream'],
  ...['writeFile', 'writeFileSync', 'appendFile', 'appendFileSync', 'truncate', 'truncateSync', 'copyFile'],
]);

/** Other places that open files, how often, and why they may. */
const MAY_OPEN: Readonly<Record<string, readonly [count: number, why: string]>> = {
  'src/bundle/chunks/chunk-store.ts': [2, 'reads descriptors that src/files opened'],
  'src/bundle/chunks/durable.ts': [1, 'flushes a folder, or a file that was just made; does not wait, follows no link'],
  'src/bundle/version.ts': [1, "this package's own package.json"],
  'src/cache/engine-profile.ts': [2, 'the program that runs, and /proc/cpuinfo'],
  'src/cache/files.ts': [1, 'flushes a folder, and opens nothing else (O_DIRECTORY)'],
  'src/cli/commands/check-command.ts': [1, 'writes into a folder that was just made'],
  'src/cli/commands/meter.ts': [1, 'writes where the user says'],
  'src/cli/commands/registry.ts': [1, 'writes where the user says'],
  'src/cli/commands/types.ts': [1, 'writes where the user says'],
  'src/cli/version.ts': [1, "this package's own package.json"],
  'src/processes/working-time.ts': [1, 'files of a child in /proc'],
  'src/project/build.ts': [1, 'writes where the user says'],
  'src/project/check-types.ts': [1, 'writes into a folder that was just made'],
  'src/project/extended-world.ts': [2, 'writes into a folder that was just made'],
  'src/project/scaffold.ts': [1, 'writes into a folder that was just made'],
  'src/project/starlingmonkey.ts': [2, 'its own output in a folder that was just made'],
  'src/registry/blobs/folder-blobs.ts': [1, 'flushes a folder, and opens nothing else (O_DIRECTORY)'],
  'src/runtime/build/resident-memory.ts': [1, "a child's file in /proc"],
  'src/security/access/file-guard.ts': [
    2,
    "a guest's files: refuses what is no regular file by itself, and flushes folders (O_DIRECTORY)",
  ],
  'src/security/access/folder-steps.ts': [1, 'folders on the way to them, by O_PATH: nothing is read'],
  'src/security/private-file.ts': [1, 'flushes a folder, and opens nothing else (O_DIRECTORY)'],
  'src/system/engine-profile.ts': [1, "an installed package's package.json"],
  'src/system/operations/source-build.ts': [1, 'writes into a folder that was just made'],
};

/** Places that name a function of `node:fs` which opens files, other than to create one that must not be there. */
function opensIn(file: ts.SourceFile): readonly string[] {
  const names = new Set<string>();
  const modules = new Set<string>();
  const found: string[] = [];
  walk(file, (node) => {
    if (ts.isImportDeclaration(node) && isFileSystem(node.moduleSpecifier)) {
      const bindings = node.importClause?.namedBindings;
      if (bindings === undefined || node.importClause?.isTypeOnly) return;
      if (ts.isNamespaceImport(bindings)) modules.add(bindings.name.text);
      else
        for (const { name, propertyName } of bindings.elements) {
          if (OPENERS.has((propertyName ?? name).text)) names.add(name.text);
        }
    }
    if (!ts.isCallExpression(node)) return;
    const called = node.expression;
    const isNamed = ts.isIdentifier(called) && names.has(called.text);
    // Also what is handed around under its own name, as the cache's `files.open`.
    const isMember =
      ts.isPropertyAccessExpression(called) &&
      OPENERS.has(called.name.text) &&
      (/^(files|fs|promises|fsPromises)$/.test(called.expression.getText()) ||
        modules.has(called.expression.getText()));
    if ((isNamed || isMember) && !/^'(wx|ax)\+?'$/.test(node.arguments[1]?.getText() ?? '')) found.push(placeOf(node));
  });
  return found;
}

const isFileSystem = (specifier: ts.Expression): boolean => /^'(node:)?fs(\/promises)?'$/.test(specifier.getText());

describe('files that others may have placed', () => {
  it('are opened in one place only', () => {
    const found = sourceFiles()
      .filter(({ path }) => !path.startsWith('src/files/'))
      .map(({ path, tree }) => ({ path, places: opensIn(tree) }))
      .filter(({ places }) => places.length > 0);
    const allowed = Object.entries(MAY_OPEN).map(([path, [count]]) => ({ path, count }));
    expect(
      found.map(({ path, places }) => ({ path, count: places.length })),
      'use readRegular or openRegular of #files, or give a reason in MAY_OPEN',
    ).toEqual(allowed);
  });

  it.each([
    ["import { open } from 'node:fs/promises'; await open(path, 'r')", 1],
    ["import { open as make } from 'fs/promises'; await make(path)", 1],
    ["import * as fs from 'node:fs'; fs.readFileSync(path)", 1],
    ["await this.files.open(path); await files.open(path, 'r')", 1],
    ["import { open } from 'node:fs/promises'; await open(path, 'wx', 0o600)", 0],
    ["import { open } from './door.ts'; await open(path)", 0],
  ])('are found in source: %s', (text, count) => {
    expect(opensIn(parse('planted.ts', text))).toHaveLength(count);
  });
});
