import { describe, expect, it } from 'vitest';
import { checkGeneratedCode } from '../../../src/runtime/transpile/generated-code.ts';

const shape = (body: string): string => `export function instantiate(getCoreModule, imports) { ${body} }`;

describe('generated code', () => {
  it('is given back as one function', () => {
    const checked = checkGeneratedCode(shape('return 1;'));
    expect((new Function(`return (${checked})()`) as () => unknown)()).toBe(1);
  });

  it('loses its import.meta', () => {
    expect(checkGeneratedCode(shape('return import.meta;'))).toContain('return undefined;');
  });

  it('refuses a resource handle beyond the table', () => {
    const checked = checkGeneratedCode(
      shape('function rscTableRemove(table, handle) { return table[handle << 1]; } return rscTableRemove;'),
    );
    const remove = new Function(`return (${checked})()`)() as (table: number[], handle: number) => number;
    const table = [1 << 30, 0, 7, 1 << 30];
    expect(remove(table, 1)).toBe(7);
    for (const handle of [0, -1, 2, 1 << 20, 2 ** 31 - 1, -(2 ** 31)])
      expect(() => remove(table, handle)).toThrow('unknown handle');
  });

  it.each([
    ['a second statement', `${shape('')} process.exit();`],
    ['an import', `import 'node:fs'; ${shape('')}`],
    ['another export', `${shape('')} export function evil() {}`],
    ['a re-export', `${shape('')} export { x } from 'node:fs';`],
    ['a dynamic import', shape("return import('node:fs');")],
    ['an unknown global', shape('return require;')],
    ['Function', shape("return Function('return 1')();")],
    ['eval', shape("return eval('1');")],
    ['a constructor by name', shape("return (() => {}).constructor('return process')();")],
    ['a constructor by string', shape("return (() => {})['constructor']('return process')();")],
    ['__proto__', shape('return ({}).__proto__;')],
    ['a name that only a value declares', shape('const a = { b: secret }; return secret;')],
    ['a global that is hidden', shape('const { Promise } = imports; return Promise.resolve(1);')],
    ['a class of an unknown global', shape('class A extends Function {} return A;')],
    ['a with statement', 'with (x) {}'],
    ['no function', 'export const _util = {};'],
    ['text that is not JavaScript', "a'],(PWNED=1),['b"],
  ])('refuses %s', (_, text) => {
    expect(() => checkGeneratedCode(text)).toThrow(expect.objectContaining({ code: 'RUNTIME_INVALID_COMPONENT' }));
  });
});
