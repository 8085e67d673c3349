// Storage whose back end answers promises: the guest calls it as usual, and its turn waits.
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { KeyValueStore } from '#core/ports/storage';
import { type ComponentHandle, createRuntime, type Runtime } from '../../src/index.ts';
import { actor } from '../../tools/components/actor-wat.ts';
import { LaterStore } from '../support/later-store.ts';

/** The first eight bytes of the `result` that the last call answered. */
const REPLY = `(i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 1))
  (i32.store (i32.const 24) (i32.const 256)) (i32.store (i32.const 28) (i32.const 8)) (i32.const 16)`;
const [OK, QUOTA_EXCEEDED, IO_ERROR] = [0, 2, 5];

let setter: Uint8Array;
beforeAll(async () => {
  setter = await actor({
    fields: `(import "vivarium:actor/storage@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32)))`,
    handleMessage: `(call $set (i32.load offset=24 (local.get $msg)) (i32.load offset=28 (local.get $msg))
      (i32.load offset=24 (local.get $msg)) (i32.load offset=28 (local.get $msg)) (i32.const 256)) ${REPLY}`,
  });
});

let runtime: Runtime;
afterEach(() => runtime.close());

async function scene(keyValueStore: KeyValueStore): Promise<ComponentHandle> {
  // Preemptive components can always wait.
  runtime = await createRuntime({
    overrides: { keyValueStore },
    storage: { quotaBytes: 16 },
    scheduling: 'cooperative',
  });
  return runtime.load(setter, { id: 'demo/a/1', grants: ['storage:*:**'] });
}

/** Stores the key as its own value. */
async function put(handle: ComponentHandle, key: string): Promise<{ failed: number; code: number }> {
  const [failed = -1, , , , code = -1] = (await runtime.request(handle, Buffer.from(key))) ?? [];
  return { failed, code };
}

describe('a back end that answers later', () => {
  it('is waited for, within the quota', async () => {
    const store = new LaterStore();
    const handle = await scene(store);
    expect(await put(handle, 'key')).toMatchObject({ failed: OK });
    expect(await store.open('demo/a/1').get('key')).toEqual(new Uint8Array(Buffer.from('key')));
    expect(await put(handle, 'too long for it')).toEqual({ failed: 1, code: QUOTA_EXCEEDED });
  });

  it('that fails is an error of the interface, and not the end of the guest', async () => {
    const store = new LaterStore();
    const handle = await scene(store);
    store.before = () => Promise.reject(new Error('secret'));
    expect(await put(handle, 'key')).toEqual({ failed: 1, code: IO_ERROR });
    store.before = () => Promise.resolve();
    expect(await put(handle, 'key')).toMatchObject({ failed: OK });
  });

  it('may never answer: the turn can be ended', async () => {
    const store = new LaterStore();
    const handle = await scene(store);
    store.before = () => new Promise(() => {});
    const ended = expect(put(handle, 'key')).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
    await expect.poll(() => runtime.state(handle), { interval: 1 }).toBe('waiting');
    store.before = () => Promise.resolve();
    await runtime.unload(handle);
    await ended;
  });

  it('that does not say so is not waited for, and the error names the function', async () => {
    const store = new LaterStore();
    const handle = await scene({ open: (name) => store.open(name), close: () => store.close() });
    await expect(put(handle, 'key')).rejects.toMatchObject({
      code: 'RUNTIME_WOULD_BLOCK',
      message: expect.stringContaining('vivarium:actor/storage'),
    });
  });
});
