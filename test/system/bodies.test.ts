import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../src/index.ts';

/** Each way by which calls go. */
const CALLS = ['direct', 'glue'] as const;

const module = (name: string, body: string, more = ''): string =>
  `(core module $${name} ${more} (func (export "f") (result i32) ${body}))`;
const exported = (name: string): string => `
  (core instance $i${name} (instantiate $${name}))
  (func (export "${name}") (result u32) (canon lift (core func $i${name} "f")))`;

describe('the bodies that the transpiler is not shown', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime({ cache: false });
  });
  afterAll(() => runtime.close());

  it.each(CALLS)('run as they are in the file, also of modules that differ in nothing else: %s', async (calls) => {
    await using runtime = await createRuntime({ calls, cache: false });
    const nested = `(component $c ${module('m', 'i32.const 3')} ${exported('m')}) (instance $n (instantiate $c))`;
    const handle = await runtime.load(
      await parse(`(component
        ${module('one', 'i32.const 1')} ${module('two', 'i32.const 2')} ${module('unused', 'i32.const 9')} ${nested}
        ${exported('one')} ${exported('two')} (func (export "three") (alias export $n "m")))`),
    );
    const answers = [];
    for (const name of ['one', 'two', 'three']) answers.push(await runtime.call(handle, name));
    expect(answers).toEqual([1, 2, 3]);
  });

  it('are shown where a module has several memories', async () => {
    const text = `${module('four', 'i32.const 4', '(memory 1) (memory 1)')} ${exported('four')}`;
    expect(await runtime.call(await runtime.load(await parse(`(component ${text})`)), 'four')).toBe(4);
  });

  // The meter appends locals, globals and functions, which such an index would reach.
  it('are refused where they are invalid, in modules that are used and others', async () => {
    const right = `${module('one', 'i32.const 1')} ${exported('one')}`;
    for (const body of ['local.get 0', 'global.get 0', 'call 1', 'i64.const 1', '']) {
      for (const text of [`${module('two', body)} ${exported('two')}`, `${right} ${module('two', body)}`]) {
        const loaded = runtime.load(await parse(`(component ${text})`));
        await expect(loaded).rejects.toMatchObject({ code: 'RUNTIME_INVALID_COMPONENT' });
        await expect(loaded).rejects.toThrow(/not a valid core module/);
      }
    }
  });
});
