// What the canonical ABI calls a trap is one by both ways into a component: no handler of the guest sees it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../src/index.ts';
import { actor, componentOf } from '../../tools/components/actor-wat.ts';
import { GIVEN } from '../support/worlds.ts';

const LOG = '(import "vivarium:actor/host-services@0.1.0" "log" (func $log (param i32 i32 i32 i32 i32)))';
/** Calls `log(level, message, context)` and goes on whatever it throws; answers that nothing was there to answer. */
const logging = (args: string): string => `(block $caught (try_table (catch_all $caught) (call $log ${args})))
  (i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 0)) (i32.const 16)`;

describe.each(['direct', 'glue'] as const)('a component that is called by the way %s', (calls) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime({ calls });
  });
  afterAll(() => runtime.close());

  it.each([
    ['a message outside of memory', '(i32.const 2) (i32.const -8) (i32.const 100) (i32.const 0) (i32.const 0)'],
    ['a message that is no UTF-8', '(i32.const 2) (i32.const 512) (i32.const 1) (i32.const 0) (i32.const 0)'],
    ['a level that there is not', '(i32.const 99) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)'],
    ['a list outside of memory', '(i32.const 2) (i32.const 0) (i32.const 0) (i32.const 65532) (i32.const 4)'],
  ])('cannot catch the trap of a host call with %s', async (_, args) => {
    const fields = `${LOG} (data (i32.const 512) "\\ff")`;
    const handle = await runtime.load(await actor({ fields, handleMessage: logging(args) }));
    expect(runtime.usage(handle).calls).toBe(calls);
    await expect(runtime.request(handle, Buffer.from('x'))).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
    expect(runtime.state(handle)).toBe('failed');
    await expect(runtime.request(handle, Buffer.from('x'))).rejects.toMatchObject({ code: 'RUNTIME_WRONG_STATE' });
  });

  it('cannot catch what an import that the embedder gave throws', async () => {
    const component = await componentOf(
      `(module (import "test:given/host@1.0.0" "twice" (func $twice (param i32) (result i32)))
        (func (export "run") (param i32) (result i32)
          (block $caught (try_table (catch_all $caught) (drop (call $twice (local.get 0))))) (i32.const 5)))`,
      GIVEN,
      'guest',
    );
    const twice = (): never => {
      throw new Error('out of order');
    };
    const handle = await runtime.load(component, { imports: { 'test:given/host@1.0.0': { twice } } });
    await expect(runtime.call(handle, 'run', 1)).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: expect.stringContaining('out of order'),
    });
    expect(runtime.state(handle)).toBe('failed');
  });
});
