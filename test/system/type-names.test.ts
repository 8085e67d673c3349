import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../src/index.ts';

/*
 * componentize-py 0.17 to 0.25 gives an interface of its own a record `constructor`. A type's name is a property nowhere,
 * but where it is a resource, whose class has it in PascalCase.
 */

const INHERITED = [...Object.getOwnPropertyNames(Object.prototype), ...Object.getOwnPropertyNames(Function.prototype)];
const GLOBALS = ['error', 'promise', 'symbol', 'object', 'map', 'string', 'weak-map', 'data-view'];
const NAMES = [...new Set([...INHERITED, 'then', 'prototype', ...GLOBALS])]
  .map((name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`))
  .filter((name) => /^[a-z]+(?:-[a-z]+)*$/.test(name));

/** Types of the names in all places that a component has: of an import, an export, a nested component, its arguments. */
const withTypes = (record: string, resource: string): string => `
  (component
    (import "test:host/given" (instance $given
      (type $r (record (field "x" u32)))
      (export "${record}" (type $n (eq $r)))
      (export "${resource}" (type $c (sub resource)))
      (export "[static]${resource}.make" (func (param "p" $n) (result (own $c))))
      (export "[method]${resource}.read" (func (param "self" (borrow $c)) (result u32)))))
    (alias export $given "${record}" (type $N))
    (alias export $given "${resource}" (type $C))
    (core func $make (canon lower (func $given "[static]${resource}.make")))
    (core func $read (canon lower (func $given "[method]${resource}.read")))
    (core func $drop (canon resource.drop $C))
    (core module $M
      (import "" "make" (func $make (param i32) (result i32)))
      (import "" "read" (func $read (param i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (func (export "run") (param i32) (result i32) (local $c i32)
        (local.set $c (call $make (local.get 0)))
        (call $read (local.get $c))
        (call $drop (local.get $c))))
    (core instance $m (instantiate $M (with "" (instance
      (export "make" (func $make)) (export "read" (func $read)) (export "drop" (func $drop))))))
    (func $run (param "p" $N) (result u32) (canon lift (core func $m "run")))
    (component $Shim
      (type $r (record (field "x" u32)))
      (import "${record}" (type $t (eq $r)))
      (import "run-it" (func $f (param "p" $t) (result u32)))
      (export $u "${record}" (type $t))
      (export "run" (func $f) (func (param "p" $u) (result u32))))
    (instance $shim (instantiate $Shim (with "${record}" (type $N)) (with "run-it" (func $run))))
    (export "test:guest/offered" (instance $shim)))`;

/** The same without the nested component, as an instance of items of the component's own. The transpiler makes no glue for it. */
const bundled = (record: string, resource: string): string =>
  withTypes(record, resource).replace(
    /\(component \$Shim[\s\S]*\(export "test/,
    `(instance $shim (export "${record}" (type $N)) (export "run" (func $run))) (export "test`,
  );

const camelCase = (name: string): string => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
const pascalCase = (name: string): string => camelCase(`-${name}`);

class Cell {
  readonly #x: number;
  constructor(x: number) {
    this.#x = x;
  }
  static make({ x }: { x: number }): Cell {
    return new Cell(x * 2);
  }
  read(): number {
    return this.#x + 1;
  }
}

describe('names of types', () => {
  let runtimes: Runtime[];

  beforeAll(async () => {
    runtimes = await Promise.all([
      createRuntime({ calls: 'direct', cache: false }),
      createRuntime({ calls: 'glue', cache: false }),
    ]);
  });

  afterAll(() => Promise.all(runtimes.map((runtime) => runtime[Symbol.asyncDispose]())));

  const answersOf = async (record: string, resource: string): Promise<unknown[]> => {
    const [direct, glue] = runtimes as [Runtime, Runtime];
    const answer = async (runtime: Runtime, text: string): Promise<unknown> => {
      const imports = { 'test:host/given': { [pascalCase(resource)]: Cell } };
      const handle = await runtime.load(await parse(text), { imports });
      const answered = await runtime.call(handle, 'test:guest/offered#run', { x: 20 });
      await runtime.unload(handle);
      return answered;
    };
    return [
      await answer(direct, withTypes(record, resource)),
      await answer(direct, bundled(record, resource)),
      await answer(glue, withTypes(record, resource)).catch((error) => {
        // The transpiler calls a class in its own code as the resource is called.
        if (!GLOBALS.includes(resource) || error.code !== 'RUNTIME_INVALID_COMPONENT') throw error;
        return 41;
      }),
    ];
  };

  it('may be constructor, which componentize-py calls one of its own', async () => {
    expect(await answersOf('constructor', 'r')).toEqual([41, 41, 41]);
  });

  it('mean nothing on either way of calls, whatever objects and classes have', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 2, maxLength: 2 }), async (names) => {
        expect(await answersOf(names[0] as string, names[1] as string)).toEqual([41, 41, 41]);
      }),
      { numRuns: 4, examples: [[['error', 'constructor']], [['r', 'then']], [['then', 'promise']]] },
    );
  });

  it('are labels and nothing else', async () => {
    const component = Buffer.from(await parse(withTypes('aaaaaaaaaaaaaaa', 'r')));
    const text = '[constructor]aa';
    for (let at = component.indexOf('aaaaaaaaaaaaaaa'); at >= 0; at = component.indexOf('aaaaaaaaaaaaaaa')) {
      component.write(text, at);
    }
    await expect((runtimes[0] as Runtime).load(component)).rejects.toMatchObject({
      code: 'RUNTIME_INVALID_COMPONENT',
      message: expect.stringContaining('names a type and is not a kebab-case label'),
    });
  });
});
