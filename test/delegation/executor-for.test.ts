import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { beforeAll, describe, expect, it } from 'vitest';
import { executorFor } from '#delegation';
import { createRuntime, type Runtime } from '#system';
import { adderComponent } from '../../tools/components/adder-component.ts';
import { SOME_INTERFACE } from '../registry/module-records.ts';

const context = {
  fnSymbol: 'add',
  argTypeFingerprint: 'u32,u32',
  interfaceHash: SOME_INTERFACE,
  runtimeContextHash: '',
};

let runtime: Runtime;
/** Handles of components that were loaded and have not ended. */
const alive = new Set<bigint>();

beforeAll(async () => {
  runtime = await createRuntime();
  runtime.on('state', ({ handle, to }) => {
    if (to === 'stopped' || to === 'failed') alive.delete(handle.handleId);
    else alive.add(handle.handleId);
  });
  return () => runtime.close();
});

describe('executorFor', () => {
  it('runs a module in the runtime and leaves nothing of it', async () => {
    const runModule = executorFor(runtime);
    const bytes = await adderComponent();
    const sums = [1, 2, 3].map((n) => runModule({ bytes }, { context, args: [n, 40] }));
    expect(await Promise.all(sums)).toEqual([41, 42, 43]);
    expect([...alive]).toEqual([]);
  });

  it('unloads a module whose call fails', async () => {
    const runModule = executorFor(runtime);
    const bytes = await adderComponent();
    const call = { context: { ...context, fnSymbol: 'subtract' }, args: [] };
    await expect(runModule({ bytes }, call)).rejects.toThrow();
    await expect(runModule({ bytes: Uint8Array.of(1) }, call)).rejects.toMatchObject({
      code: 'RUNTIME_INVALID_COMPONENT',
    });
    expect([...alive]).toEqual([]);
  });

  it('loads with the options that it was given', async () => {
    const runModule = executorFor(runtime, { limits: { maxFuel: 1n } });
    await expect(runModule({ bytes: await adderComponent() }, { context, args: [1, 2] })).rejects.toMatchObject({
      code: 'METERING_OUT_OF_FUEL',
    });
  });

  it('ends a call that is aborted while it runs', async () => {
    const waiting = await parse(`(component
      (import "wait" (func $wait))
      (core func $lowered (canon lower (func $wait)))
      (core module $m (import "host" "wait" (func $w)) (func (export "f") (call $w)))
      (core instance $host (export "wait" (func $lowered)))
      (core instance $i (instantiate $m (with "host" (instance $host))))
      (func (export "add") (canon lift (core func $i "f"))))`);
    const entered = Promise.withResolvers<void>();
    const wait = (): Promise<void> => {
      entered.resolve();
      return new Promise(() => undefined);
    };
    const controller = new AbortController();
    const call = { context, args: [], signal: controller.signal };
    const running = executorFor(runtime, { imports: { wait } })({ bytes: waiting }, call);
    const ended = expect(running).rejects.toThrow('enough');
    await entered.promise;
    controller.abort(new Error('enough'));
    await ended;
    expect([...alive]).toEqual([]);
  });
});
