import { parse, print } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readComponent, WasmError, withoutBodies } from '#wasm';

const NESTED = `(component
  (core module (func (export "f") (result i32) i32.const 1) (func data.drop $d) (data $d "left out"))
  (component (core module (func (export "f") (result i32) i32.const 2)))
  (core module (memory 1) (global i32 (i32.const 7))))`;

describe('a component without bodies', () => {
  it('has the types and exports of its core modules, bodies that trap, and no data', async () => {
    const component = await parse(NESTED);
    const { bytes, modules } = withoutBodies(component);
    const text = await print(bytes);
    expect(text.match(/unreachable/g)).toHaveLength(3);
    expect(text).not.toMatch(/i32\.const [12]\b/);
    expect(text).not.toContain('"left out"');
    expect(modules.map(({ whole }) => WebAssembly.validate(whole as Uint8Array<ArrayBuffer>))).toEqual([
      true,
      true,
      true,
    ]);
    expect(readComponent(bytes).definitions.map(({ kind }) => kind)).toEqual(
      readComponent(component).definitions.map(({ kind }) => kind),
    );
  });

  it('keeps modules apart that differ in their bodies alone', async () => {
    const module = (value: number) => `(core module (func (result i32) i32.const ${value}))`;
    const { modules } = withoutBodies(await parse(`(component ${module(1)} ${module(2)})`));
    const [first, second] = modules.map(({ hollow }) => Buffer.from(hollow));
    expect(first?.equals(second as Buffer)).toBe(false);
  });

  it('is a WasmError of whatever bytes, or as long as they are and a mark for each module at most', async () => {
    const component = await parse(NESTED);
    const edit = fc.record({ at: fc.nat(component.length - 1), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const changed = new Uint8Array(component);
        for (const { at, value } of edits) changed[at] = value;
        try {
          const { bytes, modules } = withoutBodies(changed);
          expect(bytes.length).toBeLessThan(3 * component.length + 64 * modules.length);
        } catch (error) {
          expect(error).toBeInstanceOf(WasmError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
