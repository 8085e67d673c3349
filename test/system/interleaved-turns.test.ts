// Turns that go on in an order that chance decides: what each keeps, and what it answers, is what it would be alone.
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime, type RuntimeOptions } from '../../src/index.ts';
import { actor, componentOf } from '../../tools/components/actor-wat.ts';
import { LaterStore } from '../support/later-store.ts';

const open: Runtime[] = [];
afterEach(async () => {
  for (const runtime of open.splice(0)) await runtime.close();
});

async function started(options: RuntimeOptions): Promise<Runtime> {
  const runtime = await createRuntime(options);
  open.push(runtime);
  return runtime;
}

/** Promises that are kept in the order that `picks` says, until `all` has ended. */
function picked(picks: Iterable<number>) {
  const waits: (() => void)[] = [];
  return {
    wait: () => new Promise<void>((resolve) => waits.push(resolve)),
    until: async (all: Promise<unknown>): Promise<void> => {
      let done = false;
      all
        .finally(() => {
          done = true;
        })
        .catch(() => {});
      for (const pick of picks) {
        await nextTurn();
        if (done) return;
        waits.splice(pick % Math.max(1, waits.length), 1)[0]?.();
      }
    },
  };
}

/** Reads what is stored under its key, appends the message to it, stores that and answers it. */
const appends = (): Promise<Uint8Array> =>
  actor({
    fields: `
      (import "vivarium:actor/storage@0.1.0" "get" (func $get (param i32 i32 i32)))
      (import "vivarium:actor/storage@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32)))
      (data (i32.const 300) "k")`,
    handleMessage: `(local $stored i32)
      (call $get (i32.const 300) (i32.const 1) (i32.const 256))
      (if (i32.load8_u (i32.const 260))
        (then
          (local.set $stored (i32.load (i32.const 268)))
          (memory.copy (i32.const 8192) (i32.load (i32.const 264)) (local.get $stored))))
      (memory.copy (i32.add (i32.const 8192) (local.get $stored))
        (i32.load offset=24 (local.get $msg)) (i32.load offset=28 (local.get $msg)))
      (local.set $stored (i32.add (local.get $stored) (i32.load offset=28 (local.get $msg))))
      (call $set (i32.const 300) (i32.const 1) (i32.const 8192) (local.get $stored) (i32.const 256))
      (i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 1))
      (i32.store (i32.const 24) (i32.const 8192)) (i32.store (i32.const 28) (local.get $stored)) (i32.const 16)`,
  });

describe('actors whose storage answers later', () => {
  it('keep and answer the same, for the same fuel, in whatever order their turns go on', async () => {
    const component = await appends();
    const run = async (messages: readonly (readonly number[])[], picks?: Iterable<number>): Promise<unknown[]> => {
      const order = picks === undefined ? undefined : picked(picks);
      const store = new LaterStore();
      const runtime = await started({ overrides: { keyValueStore: store }, sliceMs: 0.01 });
      const handles = await Promise.all(
        messages.map((_, index) => runtime.load(component, { id: `demo/a${index}/1`, grants: ['storage:*:**'] })),
      );
      store.before = () => order?.wait() ?? Promise.resolve();
      const all = Promise.all(
        messages.map(async (bytes, index) => {
          const handle = handles[index]!;
          const sent = bytes.map((byte) => runtime.request(handle, Uint8Array.of(byte), { timeoutMs: 60_000 }));
          const answers = await Promise.all(sent);
          return { answers, fuel: runtime.usage(handle).fuelConsumed };
        }),
      );
      await order?.until(all);
      const answered = await all;
      store.before = () => Promise.resolve();
      const kept = await Promise.all(messages.map((_, index) => store.open(`demo/a${index}/1`).get('k')));
      return [answered, kept];
    };
    const messages = fc.array(fc.array(fc.nat(255), { maxLength: 5 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(messages, fc.infiniteStream(fc.nat(7)), async (each, picks) => {
        const together = await run(each, picks);
        expect(together).toEqual(await run(each));
        expect((together[1] as (Uint8Array | undefined)[]).map((value) => [...(value ?? [])])).toEqual(each);
      }),
      { numRuns: 8 },
    );
  });
});

describe('guests whose memories grow while others run', () => {
  /** Asks eight times, each time for what it was answered before. Each answer is copied into a page that is grown for it. */
  const GROWS = `(module
    (import "test:grows/db" "find" (func $find (param i32 i32 i32)))
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
      (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))
    (func (export "find") (param $at i32) (param $length i32) (result i32) (local $left i32)
      (local.set $left (i32.const 8))
      (loop $l
        (call $find (local.get $at) (local.get $length) (i32.const 64))
        (local.set $at (i32.load (i32.const 64))) (local.set $length (i32.load (i32.const 68)))
        (br_if $l (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      (i32.store (i32.const 16) (local.get $at)) (i32.store (i32.const 20) (local.get $length))
      (i32.const 16)))`;
  const WIT = `package test:grows;
    interface db { find: func(key: string) -> string; }
    world guest { import db; export find: func(key: string) -> string; }`;

  it('are given their answers where they are now', async () => {
    const component = await componentOf(GROWS, WIT, 'guest');
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat(7)), async (picks) => {
        const order = picked(picks);
        const find = async (key: string): Promise<string> => {
          await order.wait();
          return `${key}x`;
        };
        const runtime = await started({ sliceMs: 0.01 });
        const load = () => runtime.load(component, { imports: { 'test:grows/db': { find } } });
        const handles = await Promise.all([load(), load(), load(), load()]);
        const all = Promise.all(handles.map((handle, index) => runtime.call(handle, 'find', `${index}`)));
        await order.until(all);
        expect(await all).toEqual(['0', '1', '2', '3'].map((key) => `${key}xxxxxxxx`));
        for (const handle of handles) expect(runtime.usage(handle).memoryBytes).toBeGreaterThanOrEqual(10 * 65_536);
      }),
      { numRuns: 5 },
    );
  });
});
