import { transpileBytes } from '@bytecodealliance/jco-transpile';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { ByteWriter, describeComponent, readComponent, WasmError } from '#wasm';

const PREAMBLE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0);
const RICH = `
  (component
    (import "a:b/c@1.2.3" (instance $i
      (export "r" (type $r (sub resource)))
      (type $p' (record (field "x" u8) (field "y" (option string))))
      (export "p" (type $p (eq $p')))
      (export "f" (func (param "p" $p) (param "q" (tuple u8 f64)) (result (result (list u8) (error char)))))
      (export "[method]r.m" (func (param "self" (borrow $r))))))
    (core module $libc (memory (export "memory") 2 8) (table 3 funcref)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0))
    (core instance $l (instantiate $libc))
    (core type $module (module (import "x" "y" (func (param i32))) (export "m" (memory 1))))
    (component $inner
      (import "run" (func $f))
      (core module (memory i64 1) (func) (func))
      (export "run" (func $f)))
    (core module $m (func (export "run")))
    (core instance $c (instantiate $m))
    (func $run (canon lift (core func $c "run")))
    (instance $n (instantiate $inner (with "run" (func $run))))
    (alias export $i "r" (type $r))
    (core func (canon resource.drop $r))
    (export "a:b/d@0.1.0-rc.1+x" (instance $n))
    (export "run" (func $run)))`;

function nestedComponents(depth: number): Uint8Array {
  let bytes: Uint8Array = PREAMBLE;
  for (let level = 0; level < depth; level++) {
    bytes = new ByteWriter(bytes.length + 16).raw(PREAMBLE).u8(4).u32(bytes.length).raw(bytes).finish();
  }
  return bytes;
}

function nestedTypes(depth: number): Uint8Array {
  const section = new ByteWriter().u32(1);
  for (let level = 0; level < depth; level++) section.raw(Uint8Array.of(0x42, 1, 1));
  section.raw(Uint8Array.of(0x42, 0));
  return new ByteWriter().raw(PREAMBLE).u8(7).u32(section.length).raw(section.finish()).finish();
}

describe('readComponent', () => {
  let rich: Uint8Array;
  beforeAll(async () => {
    rich = await parse(RICH);
  });

  it('reads every section that a component has', () => {
    const component = readComponent(rich);
    const kinds = new Set(component.definitions.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual([
      'alias',
      'canon',
      'component',
      'core instance',
      'core module',
      'core type',
      'export',
      'import',
      'instance',
      'type',
    ]);
  });

  it('describes what a component asks for, offers and holds', () => {
    expect(describeComponent(rich)).toMatchObject({
      kind: 'component',
      imports: [{ name: 'a:b/c@1.2.3', kind: 'instance' }],
      exports: [
        { name: 'a:b/d@0.1.0-rc.1+x', kind: 'instance' },
        { name: 'run', kind: 'func' },
      ],
      coreModules: [
        { functions: 1, initialMemoryBytes: 2 * 65_536 },
        { functions: 2, initialMemoryBytes: 65_536 },
        { functions: 1, initialMemoryBytes: 0 },
      ],
      unsupported: [],
      asynchronous: [],
    });
  });

  it.each([
    ['error contexts', '(component (core func (canon error-context.drop)))'],
    ['shared memories', '(component (core module (memory 1 2 shared)))'],
    ['component imports', '(component (import "c" (component)))'],
  ])('says that %s are not supported', async (feature, text) => {
    expect(describeComponent(await parse(text)).unsupported).toEqual([feature]);
  });

  it.each([
    [['async functions'], '(component (import "f" (func async)))'],
    [['streams'], '(component (type (stream u8)))'],
    [['futures'], '(component (type (future u8)))'],
    [['task.cancel'], '(component (core func (canon task.cancel)))'],
    [['thread.suspend-then-promote'], '(component (core func (canon thread.suspend-then-promote)))'],
    [
      ['stream.read', 'streams', 'waitable-set.poll'],
      `(component (core module $M (memory (export "m") 1)) (core instance $m (instantiate $M)) (component (type $s (stream u8)))
        (type $s (stream u8)) (core func (canon stream.read $s async (memory (core memory $m "m"))))
        (core func (canon waitable-set.poll (memory (core memory $m "m")))))`,
    ],
  ])('names the asynchronous parts %j', async (parts, text) => {
    const { asynchronous, unsupported } = describeComponent(await parse(text));
    expect(asynchronous).toEqual(parts);
    expect(unsupported).toEqual([]);
  });

  it.each([
    [
      'a core module',
      Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0),
      'WASM_NOT_A_COMPONENT',
      /core WebAssembly module/,
    ],
    ['nothing', new Uint8Array(), 'WASM_NOT_A_COMPONENT', /0 bytes/],
    ['text', new TextEncoder().encode('(component)'), 'WASM_NOT_A_COMPONENT', /text of a component/],
    ['10,000 components in each other', nestedComponents(10_000), 'WASM_TOO_LARGE', /deeper than 32/],
    ['10,000 types in each other', nestedTypes(10_000), 'WASM_TOO_LARGE', /deeper than 32/],
    ['an unknown section', Uint8Array.of(...PREAMBLE, 77, 0), 'WASM_UNSUPPORTED', /section with id 77/],
    ['a section past the end', Uint8Array.of(...PREAMBLE, 7, 100), 'WASM_MALFORMED', /100 bytes announced/],
    [
      '2^32-1 definitions in five bytes',
      Uint8Array.of(...PREAMBLE, 7, 5, 255, 255, 255, 255, 15),
      'WASM_MALFORMED',
      /too few bytes/,
    ],
    [
      'bytes after a section',
      Uint8Array.of(...PREAMBLE, 7, 3, 1, 0x7f, 0),
      'WASM_MALFORMED',
      /continues after its contents/,
    ],
  ])('refuses %s', (_what, bytes, code, message) => {
    expect(() => readComponent(bytes)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  it('reads names with attributes, which say nothing of what they name', async () => {
    const bytes = await parse(`(component
      (import "a:b/c@1" (versionsuffix ".2.3") (instance)) (import "d" (implements "a:b/c@1.0.0") (instance (export "f" (func)))))`);
    const names = readComponent(bytes).definitions.flatMap((each) => (each.kind === 'import' ? [each.name] : []));
    expect(names).toEqual(['a:b/c@1', 'd']);
    const at = bytes.indexOf('.'.charCodeAt(0)) - 2;
    expect(() => readComponent(bytes.with(at, 9))).toThrow(/an attribute 0x09 of a name/);
  });

  it('refuses a million definitions and a name of a megabyte before reading them all', () => {
    const many = new ByteWriter().u32(1_000_000).raw(new Uint8Array(1_000_000).fill(0x7f));
    const section = (id: number, body: ByteWriter): Uint8Array =>
      new ByteWriter().raw(PREAMBLE).u8(id).u32(body.length).raw(body.view()).finish();
    expect(() => readComponent(section(7, many))).toThrow(/more than 200000/);
    const long = new ByteWriter()
      .u32(1)
      .u8(0)
      .name('a'.repeat(2 ** 20))
      .u8(1)
      .u8(0);
    expect(() => readComponent(section(10, long))).toThrow(/longer than 4096 bytes/);
  });

  it('reads a module the second time only as V8 does: a section that comes twice is refused', () => {
    const module = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 2, 1, 0, 2, 1, 0);
    const bytes = new ByteWriter().raw(PREAMBLE).u8(1).u32(module.length).raw(module).finish();
    expect(() => readComponent(bytes)).toThrow(/out of order/);
  });

  it('reads any damaged component or throws a typed error', () => {
    const mutation = fc.record({ at: fc.nat(), bit: fc.nat({ max: 7 }), cut: fc.option(fc.nat(), { freq: 6 }) });
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        let bytes = rich.slice();
        for (const { at, bit, cut } of mutations) {
          const index = at % bytes.length;
          bytes[index] = (bytes[index] as number) ^ (1 << bit);
          if (cut !== null) bytes = bytes.subarray(0, 8 + (cut % (bytes.length - 7)));
        }
        try {
          describeComponent(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(WasmError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('need not read debug names: the generator prints none of them', async () => {
    const name = "x'],(globalThis.PWNED=1),['y";
    const text = `(component $"${name}" (core module $"${name}" (func $"${name}" (export "f")))
      (core instance $"${name}" (instantiate $"${name}")) (func (export "f") (canon lift (core func $"${name}" "f"))))`;
    const { files } = await transpileBytes(await parse(text), { name: 'c', instantiation: 'async' });
    const script = new TextDecoder().decode((files as Record<string, Uint8Array>)['c.js']);
    expect(script).not.toContain('PWNED');
  });
});
