import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { parse, sourceFiles, walk } from './source-files.ts';

/*
 * Text from outside is parsed in one place for JSON and one for TOML, which look at its size, depth and number of values
 * first (`core/text/foreign-json.ts`, `core/text/foreign-toml.ts`). Everywhere else the parsers may only be handed over.
 */

/** Where `JSON.parse` is named, and why it may be. */
const MAY_PARSE: Readonly<Record<string, string>> = {
  'src/bundle/version.ts': "this package's own package.json",
  'src/cli/version.ts': "this package's own package.json",
  'src/core/text/foreign-json.ts': 'the one place',
  'src/guest/actor.ts': 'runs inside the sandbox, within its fuel and memory',
  'src/guest/globals/messages.ts': 'runs inside the sandbox, within its fuel and memory',
  'src/guest/message.ts': 'runs inside the sandbox, within its fuel and memory',
  'src/guest/values.ts': 'runs inside the sandbox, within its fuel and memory',
  'src/system/engine-profile.ts': "an installed package's package.json",
  'src/testing/fake-host.ts': "what the guest of the embedder's own test sent",
};

/** Uses of JSON's parser, and of TOML's that are not the last argument of `parseForeignToml`. */
function usesOf(file: ts.SourceFile): { readonly json: number; readonly toml: number } {
  let json = 0;
  let toml = 0;
  const tomlNames = new Set<string>();
  walk(file, (node) => {
    if (ts.isImportDeclaration(node) && node.moduleSpecifier.getText().includes('smol-toml')) {
      const bindings = node.importClause?.namedBindings;
      if (bindings !== undefined && ts.isNamedImports(bindings)) {
        for (const { name, propertyName } of bindings.elements) {
          if ((propertyName ?? name).text === 'parse') tomlNames.add(name.text);
        }
      } else toml++;
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      if (node.arguments[0]?.getText().includes('smol-toml')) toml++;
    }
    if (ts.isIdentifier(node) && node.text === 'JSON' && !isMember(node.parent, 'stringify')) json++;
    if (isMember(node, 'json') && ts.isCallExpression(node.parent) && node.parent.expression === node) {
      // The method of a Response; those of guests' messages are in `guest`.
      if (node.parent.arguments.length === 0) json++;
    }
    if (ts.isIdentifier(node) && tomlNames.has(node.text) && !ts.isImportSpecifier(node.parent)) {
      const call = node.parent;
      const isHandedOver =
        ts.isCallExpression(call) && call.expression.getText() === 'parseForeignToml' && call.arguments.at(-1) === node;
      if (!isHandedOver) toml++;
    }
  });
  return { json, toml };
}

function isMember(node: ts.Node, name: string): node is ts.PropertyAccessExpression {
  return ts.isPropertyAccessExpression(node) && node.name.text === name;
}

describe('text from outside', () => {
  const files = sourceFiles().map(({ path, tree }) => ({ path, ...usesOf(tree) }));

  it('is parsed as JSON in one place only', () => {
    const found = files.filter(({ json }) => json > 0).map(({ path }) => path);
    expect(found, 'use parseForeignJson, or give a reason in MAY_PARSE').toEqual(Object.keys(MAY_PARSE));
  });

  it('is parsed as TOML in one place only', () => {
    expect(files.filter(({ toml }) => toml > 0)).toEqual([]);
  });

  it.each([
    ['JSON.parse(text)', { json: 1, toml: 0 }],
    ['const { parse } = JSON;', { json: 1, toml: 0 }],
    ['await response.json()', { json: 1, toml: 0 }],
    ['JSON.stringify(value)', { json: 0, toml: 0 }],
    ["import { parse } from 'smol-toml'; parse(text)", { json: 0, toml: 1 }],
    ["import { parse as read } from 'smol-toml'; read(text)", { json: 0, toml: 1 }],
    ["import * as toml from 'smol-toml';", { json: 0, toml: 1 }],
    ["import { parse } from 'smol-toml'; parseForeignToml(text, bounds, parse)", { json: 0, toml: 0 }],
  ])('is found in source: %s', (text, uses) => {
    expect(usesOf(parse('planted.ts', text))).toEqual(uses);
  });
});
