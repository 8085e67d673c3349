// A stream of the embedder's that fails ends the call that was given it; one that only cannot clean up ends nothing.
import { setImmediate as nextStep } from 'node:timers/promises';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRuntime } from '../../src/index.ts';

/** Drops its stream, or reads from it, and waits for the host before it answers. */
const DROPS = `(component
  (type $s (stream u8))
  (import "wait" (func $wait-host async (result u32)))
  (core module $Memory (memory (export "memory") 1))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  (core func $drop (canon stream.drop-readable $s))
  (core func $read (canon stream.read $s async (memory $mem)))
  (core func $wait (canon lower (func $wait-host) async (memory $mem)))
  (core func $set (canon waitable-set.new)) (core func $join (canon waitable.join))
  (core func $return (canon task.return))
  (core module $M
    (import "" "drop" (func $drop (param i32))) (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (import "" "wait" (func $wait (param i32) (result i32)))
    (import "" "set" (func $set (result i32))) (import "" "join" (func $join (param i32 i32)))
    (import "" "return" (func $return))
    (func (export "go") (param $s i32) (param $drops i32) (result i32) (local $set i32)
      (if (local.get $drops) (then (call $drop (local.get $s)))
        (else (drop (call $read (local.get $s) (i32.const 64) (i32.const 1)))))
      (local.set $set (call $set))
      (call $join (i32.shr_u (call $wait (i32.const 0)) (i32.const 4)) (local.get $set))
      (i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4))))
    (func (export "cb") (param i32 i32 i32) (result i32) (call $return) (i32.const 0)))
  (core instance $m (instantiate $M (with "" (instance (export "drop" (func $drop)) (export "read" (func $read)) (export "wait" (func $wait))
    (export "set" (func $set)) (export "join" (func $join)) (export "return" (func $return))))))
  (func (export "go") async (param "s" $s) (param "drops" bool)
    (canon lift (core func $m "go") async (callback (core func $m "cb")))))`;

let component: Uint8Array;
beforeAll(async () => {
  component = await parse(DROPS);
});

/** A component that serves up to `concurrency` calls. Its calls wait until `letGo`. */
async function loaded(concurrency: number) {
  const runtime = await createRuntime();
  const waiting: (() => void)[] = [];
  const wait = () => new Promise<number>((resolve) => waiting.push(() => resolve(1)));
  const handle = await runtime.load(component, { concurrency, imports: { wait } });
  return {
    call: (stream: unknown, drops: boolean) => runtime.call(handle, 'go', stream, drops),
    begun: () => waiting.length,
    letGo: () => {
      for (const each of waiting.splice(0)) each();
    },
    state: () => runtime.state(handle),
    [Symbol.asyncDispose]: () => runtime.close(),
  };
}

const failure = new Error('the clean-up failed');
const fails = (): never => {
  throw failure;
};
const never = (): Promise<never> => new Promise(() => {});
const iterating = (end: () => unknown, next: () => unknown = never) => ({
  [Symbol.asyncIterator]: () => ({ next, return: end }),
});
const UNCLEAN: Record<string, () => unknown> = {
  'an iterator that rejects': () => iterating(() => Promise.reject(failure)),
  'an iterator that throws': () => iterating(fails),
  // biome-ignore lint/suspicious/noThenProperty: an embedder may give such a thing
  'an iterator that answers a thenable which throws': () => iterating(() => ({ then: fails })),
  'a ReadableStream': () => new ReadableStream({ pull: never, cancel: () => Promise.reject(failure) }),
};

describe('a stream that a guest drops and that fails to clean up', () => {
  const cases = Object.keys(UNCLEAN).flatMap((what) => [1, 4].map((concurrency) => ({ what, concurrency })));
  it.each(cases)('ends nothing: $what, concurrency $concurrency', async ({ what, concurrency }) => {
    await using component = await loaded(concurrency);
    const calls = [component.call(UNCLEAN[what]?.(), true)];
    if (concurrency > 1) calls.push(component.call([], false));
    const ended = Promise.allSettled(calls);
    while (component.begun() < calls.length) await nextStep();
    // What fails, fails in the steps after the drop.
    await nextStep();
    component.letGo();
    expect(await ended).toEqual(calls.map(() => ({ status: 'fulfilled', value: undefined })));
    expect(component.state()).toBe('ready');
  });
});

describe('a stream whose items fail', () => {
  it('ends the call that was given it for its reason, and its neighbour as a neighbour', async () => {
    await using component = await loaded(4);
    const item = Promise.withResolvers<never>();
    const neighbour = component.call([], false);
    const given = component.call(
      iterating(
        () => undefined,
        () => item.promise,
      ),
      false,
    );
    const ended = Promise.all([
      expect(given).rejects.toMatchObject({ code: 'RUNTIME_TRAP' }),
      expect(neighbour).rejects.toMatchObject({ code: 'RUNTIME_INSTANCE_ENDED' }),
    ]);
    while (component.begun() < 2) await nextStep();
    item.reject(failure);
    await ended;
  });
});
