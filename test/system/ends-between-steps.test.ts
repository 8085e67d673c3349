// An end of a turn that was told to go on and has not gone on yet, so that nothing of it is suspended.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type Runtime } from '../../src/index.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { settled, watch } from '../support/settled.ts';

/** Gives its host a stream that nobody writes to, and then waits for a host function in a callback. */
const GUEST = `(component
  (type $stream (stream u8))
  (import "give" (func $give-host (param "s" $stream)))
  (import "wait" (func $wait-host async (result u32)))
  (core module $Mem (memory (export "memory") 1))
  (core instance $mem (instantiate $Mem))
  (alias core export $mem "memory" (core memory $memory))
  (core func $give (canon lower (func $give-host)))
  (core func $wait (canon lower (func $wait-host) async (memory $memory)))
  (core func $new (canon stream.new $stream))
  (core func $set-new (canon waitable-set.new))
  (core func $join (canon waitable.join))
  (core func $return (canon task.return))
  (core module $M
    (import "" "give" (func $give (param i32)))
    (import "" "wait" (func $wait (param i32) (result i32)))
    (import "" "new" (func $new (result i64)))
    (import "" "set-new" (func $set-new (result i32)))
    (import "" "join" (func $join (param i32 i32)))
    (import "" "return" (func $return))
    (func (export "go") (result i32) (local $set i32)
      (call $give (i32.wrap_i64 (call $new)))
      (local.set $set (call $set-new))
      (call $join (i32.shr_u (call $wait (i32.const 0)) (i32.const 4)) (local.get $set))
      (i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4))))
    (func (export "cb") (param i32 i32 i32) (result i32) (call $return) (i32.const 0)))
  (core instance $m (instantiate $M (with "" (instance
    (export "give" (func $give)) (export "wait" (func $wait)) (export "new" (func $new))
    (export "set-new" (func $set-new)) (export "join" (func $join)) (export "return" (func $return))))))
  (func (export "go") async (canon lift (core func $m "go") async (callback (core func $m "cb")))))`;

const TURN_MS = 1_000;
const clock = new TestClock();
let guest: Uint8Array;
let runtime: Runtime;
beforeAll(async () => {
  guest = await parse(GUEST);
  runtime = watch(await createRuntime({ overrides: { clock }, limits: { maxTurnTimeMs: TURN_MS } }));
});
afterAll(() => runtime.close());

interface Scene {
  readonly runtime: Runtime;
  readonly handle: ComponentHandle;
  readonly clock: TestClock;
  readonly caller: AbortController;
}

const ENDS = {
  abort: ({ caller }: Scene) => caller.abort(),
  unload: ({ runtime, handle }: Scene) => void runtime.unload(handle),
  'time-out': ({ clock }: Scene) => clock.advance(TURN_MS),
};
type End = keyof typeof ENDS;

const CODES: Readonly<Record<End, string>> = {
  abort: 'RUNTIME_ABORTED',
  unload: 'RUNTIME_ABORTED',
  'time-out': 'RUNTIME_TURN_TIMEOUT',
};

/** What has become of a call that was woken up and ended so many microtasks later. */
async function endedAfter(end: End, concurrency: number, steps: number): Promise<unknown> {
  const give = (stream: ReadableStream): void => {
    given = stream;
  };
  let given: ReadableStream | undefined;
  const imports = { give, wait: () => new Promise(() => {}) };
  const handle = await runtime.load(guest, { cancel: 'turn', concurrency, imports });
  const caller = new AbortController();
  let outcome: unknown = 'still waits';
  runtime.call(handle, { name: 'go', signal: caller.signal }).then(
    (value) => {
      outcome = value;
    },
    (error: { code: string }) => {
      outcome = error.code;
    },
  );
  await settled();
  // The store hears of this in its turn, which then runs no guest code.
  void given?.cancel();
  // Even an empty function that is awaited would take a microtask.
  for (let step = 0; step < steps; step++) await undefined;
  ENDS[end]({ runtime, handle, clock, caller });
  await settled();
  return outcome;
}

describe.each([1, 4])('an end of a turn that goes on just then, with `concurrency: %i`', (concurrency) => {
  it.each(Object.keys(ENDS) as End[])('ends it by %s', async (end) => {
    expect(await endedAfter(end, concurrency, 0)).toBe(CODES[end]);
  });

  it('ends it, whatever its kind and whenever it comes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...(Object.keys(ENDS) as End[])), fc.nat(12), async (end, steps) => {
        expect(await endedAfter(end, concurrency, steps)).toBe(CODES[end]);
      }),
      { numRuns: 20 },
    );
  });
});
