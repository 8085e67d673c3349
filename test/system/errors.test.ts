// What an error tells an embedder: a code of a closed union, whose it is, where it was waited for, and all of it as JSON.
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import {
  ComponentError,
  type ComponentHandle,
  createRuntime,
  isVivariumError,
  MessagingError,
  type Runtime,
  RuntimeError,
  SupervisionError,
  VivariumError,
  type VivariumErrorCode,
} from '../../src/index.ts';
import { actor } from '../../tools/components/actor-wat.ts';

const ORDERLY = '(i32.store8 (i32.const 16) (i32.const 1)) (i32.store8 (i32.const 20) (i32.const 0)) (i32.const 16)';

describe('an error of a component', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime({ limits: { maxFuel: 1_000_000n } });
  });
  afterAll(() => runtime.close());

  async function whoeverAsks(ask: () => Promise<unknown>): Promise<unknown> {
    try {
      return await ask();
    } catch (error) {
      return error;
    }
  }

  const loaded = async (id: string, handleMessage: string): Promise<ComponentHandle> =>
    runtime.load(await actor({ handleMessage }), { id });

  it.each([
    ['traps', 'unreachable', 'RUNTIME_TRAP'],
    ['answers an error', ORDERLY, 'RUNTIME_COMPONENT_ERROR'],
    ['runs out of fuel', '(loop $l (br $l)) unreachable', 'METERING_OUT_OF_FUEL'],
  ])('that %s names it, and has the frames of its asker', async (_, body, code) => {
    const id = `demo/${code.toLowerCase()}/1`;
    const handle = await loaded(id, body);
    const error = await whoeverAsks(() => runtime.request(handle, Buffer.from('x')));
    expect(error).toMatchObject({ code, details: { component: id } });
    expect((error as Error).stack).toMatch(/whoeverAsks \(.*errors\.test\.ts/);
    await runtime.unload(handle);
    const gone = await whoeverAsks(() => runtime.request(handle, Buffer.from('x')));
    expect(gone).toMatchObject({ code: 'RUNTIME_NOT_FOUND', details: { component: id } });
    expect((gone as Error).stack).toContain('whoeverAsks');
  });

  it('says so of calls, loads, time-outs, signals and refusals too', async () => {
    const handle = await loaded('demo/called/1', ORDERLY);
    const health = 'vivarium:actor/lifecycle@0.1.0#no-such';
    const called = await whoeverAsks(() => runtime.call(handle, health));
    expect(called).toMatchObject({ code: 'RUNTIME_NO_EXPORT', details: { component: 'demo/called/1' } });
    expect((called as Error).stack).toContain('whoeverAsks');

    const bad = Buffer.from('no component');
    const notLoaded = await whoeverAsks(() => runtime.load(bad, { id: 'demo/bad/1' }));
    expect(notLoaded).toMatchObject({ code: 'RUNTIME_INVALID_COMPONENT', details: { component: 'demo/bad/1' } });
    expect((notLoaded as Error).stack).toContain('whoeverAsks');

    const spinning = await runtime.load(await actor({ handleMessage: '(loop $l (br $l)) unreachable' }), {
      id: 'demo/spinning/1',
      limits: { maxExecutionTimeMs: 100 },
    });
    const late = await Promise.all(
      [1, 2].map(() => whoeverAsks(() => runtime.request(spinning, Buffer.from('x'), { timeoutMs: 1 }))),
    );
    for (const error of late) {
      expect(error).toMatchObject({ details: { component: 'demo/spinning/1' } });
      expect((error as Error).stack).toContain('whoeverAsks');
    }

    const controller = new AbortController();
    const aborted = whoeverAsks(() => runtime.request(handle, Buffer.from('x'), { signal: controller.signal }));
    controller.abort();
    expect(((await aborted) as Error).stack).toContain('whoeverAsks');
    await runtime.unload(handle);
  });

  it('is JSON with its code, message, details and payload, 64-bit numbers being decimal strings', async () => {
    const handle = await loaded('demo/json/1', ORDERLY);
    const error = await whoeverAsks(() => runtime.request(handle, Buffer.from('x')));
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: 'RUNTIME_COMPONENT_ERROR',
      message: expect.stringContaining('the component answered an error'),
      details: { component: 'demo/json/1' },
      payload: { tag: 'component-not-found', val: '' },
    });
    await runtime.unload(handle);
    const payload = {
      big: 2n ** 63n,
      list: [1n, { deep: -1n }],
      none: undefined,
      bytes: Uint8Array.of(1, 2),
      nan: NaN,
    };
    expect(JSON.parse(JSON.stringify(new ComponentError('no', payload)))).toEqual({
      code: 'RUNTIME_COMPONENT_ERROR',
      message: 'no',
      details: {},
      payload: { big: '9223372036854775808', list: ['1', { deep: '-1' }], bytes: [1, 2], nan: 'NaN' },
    });
    const details = { fuel: 2n ** 60n, at: 'x' };
    expect(JSON.parse(JSON.stringify(new RuntimeError('RUNTIME_TRAP', 'm', { details })))).toEqual({
      code: 'RUNTIME_TRAP',
      message: 'm',
      details: { fuel: '1152921504606846976', at: 'x' },
    });
  });
});

describe('the code of an error', () => {
  it('is of a closed union, by which a switch is exhaustive', () => {
    const isOurs = (error: unknown): boolean => {
      if (!isVivariumError(error)) return false;
      expectTypeOf(error.code).toEqualTypeOf<VivariumErrorCode>();
      const { code } = error;
      return code === 'RUNTIME_TRAP' || code === 'MESSAGING_TIMEOUT';
    };
    expect(isOurs(new RuntimeError('RUNTIME_TRAP', 'm'))).toBe(true);
    expect(isOurs(new Error('m'))).toBe(false);
    // @ts-expect-error: no such code
    const never: VivariumErrorCode = 'RUNTIME_NO_SUCH_CODE';
    expect(isVivariumError(new RuntimeError('RUNTIME_TRAP', 'm'), never)).toBe(false);
  });

  it('has a class of its folder, which is exported', () => {
    for (const type of [RuntimeError, ComponentError, MessagingError, SupervisionError]) {
      expect(type.prototype).toBeInstanceOf(VivariumError);
    }
  });
});
