import { componentNew } from '@bytecodealliance/jco-transpile/wasm-tools';
import { describe, expect, it } from 'vitest';
import { explainBytes, meterBytes } from '#metering';
import { assemble } from '../../tools/metering/wat.ts';

const MODULE = `(module
  (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func $busy (export "busy") (param i32) (result i32)
    (loop $l (local.set 0 (call $leaf (local.get 0))) (br_if $l (local.get 0))) (local.get 0)))`;

describe('what metering did', () => {
  it('is told function by function, the dearest first', async () => {
    const [explanation] = explainBytes(await assemble(MODULE));
    expect(explanation?.functions).toEqual([
      expect.objectContaining({ name: 'busy', staticCost: 6, convention: 'register', checksOnEntry: false, checks: 1 }),
      expect.objectContaining({ name: 'leaf', staticCost: 3, convention: 'untouched', checks: 0, payments: 0 }),
    ]);
  });
});

describe('a component', () => {
  it('has every core module metered, and the rest left as it is', async () => {
    const component = await componentNew(await assemble(MODULE), []);
    const metered = meterBytes(component);
    expect(() => meterBytes(metered)).toThrow(
      expect.objectContaining({ code: 'METERING_ALREADY_METERED', message: expect.stringContaining('core module 0') }),
    );
    expect([...metered.subarray(0, 8)]).toEqual([...component.subarray(0, 8)]);
    expect(explainBytes(component)).toHaveLength(1);
  });

  it('is refused with the number of the module that cannot be metered', async () => {
    const component = await assemble('(component (core module) (core module (memory 1 1 shared)))');
    expect(() => meterBytes(component)).toThrow(
      expect.objectContaining({ code: 'METERING_UNSUPPORTED', message: expect.stringContaining('core module 1') }),
    );
  });
});
