// A call may end after it has answered futures and streams, and before it has written them. Then nobody has what stands for them.
import { setImmediate as nextStep } from 'node:timers/promises';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../src/index.ts';
import { TestClock } from '../../src/testing/index.ts';

/** Hands readable ends to the host, answers others, waits for the host, and traps then. It writes none of them. */
const ANSWERS = `(component
  (type $f (future u32)) (type $b (stream u8)) (type $n (stream u32))
  (import "take" (func $take-host (param "f" $f) (param "b" $b) (param "n" $n)))
  (import "wait" (func $wait-host async (result u32)))
  (core module $Memory (memory (export "memory") 1))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  (core func $new-f (canon future.new $f)) (core func $new-b (canon stream.new $b)) (core func $new-n (canon stream.new $n))
  (core func $take (canon lower (func $take-host)))
  (core func $wait (canon lower (func $wait-host) async (memory $mem)))
  (core func $set (canon waitable-set.new)) (core func $join (canon waitable.join))
  (core func $return (canon task.return (result (tuple $f $b $n))))
  (core module $M
    (import "" "new-f" (func $new-f (result i64))) (import "" "new-b" (func $new-b (result i64)))
    (import "" "new-n" (func $new-n (result i64))) (import "" "take" (func $take (param i32 i32 i32)))
    (import "" "wait" (func $wait (param i32) (result i32)))
    (import "" "set" (func $set (result i32))) (import "" "join" (func $join (param i32 i32)))
    (import "" "return" (func $return (param i32 i32 i32)))
    (func $readable (result i32 i32 i32)
      (i32.wrap_i64 (call $new-f)) (i32.wrap_i64 (call $new-b)) (i32.wrap_i64 (call $new-n)))
    (func (export "go") (result i32) (local $set i32)
      (call $take (call $readable))
      (call $return (call $readable))
      (local.set $set (call $set))
      (call $join (i32.shr_u (call $wait (i32.const 0)) (i32.const 4)) (local.get $set))
      (i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4))))
    (func (export "cb") (param i32 i32 i32) (result i32) unreachable))
  (core instance $m (instantiate $M (with "" (instance (export "new-f" (func $new-f)) (export "new-b" (func $new-b))
    (export "new-n" (func $new-n)) (export "take" (func $take)) (export "wait" (func $wait)) (export "set" (func $set))
    (export "join" (func $join)) (export "return" (func $return))))))
  (func (export "go") async (result (tuple $f $b $n)) (canon lift (core func $m "go") async (callback (core func $m "cb")))))`;

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);
let component: Uint8Array;
beforeAll(async () => {
  component = await parse(ANSWERS);
});
beforeEach(() => void process.on('unhandledRejection', note));
afterEach(() => {
  process.off('unhandledRejection', note);
  unhandled.length = 0;
});

/** One call, which waits for the host. */
interface Waiting {
  readonly runtime: Runtime;
  readonly clock: TestClock;
  readonly giving: AbortController;
  /** Lets the guest go on, to its trap. */
  readonly goOn: (value: number) => void;
  readonly unload: () => Promise<void>;
}

/** How the call ends, and its code. */
const ENDS: readonly [how: string, code: string, end: (call: Waiting) => unknown][] = [
  ['its trap', 'RUNTIME_TRAP', ({ goOn }) => goOn(1)],
  ['its time-out', 'RUNTIME_TURN_TIMEOUT', ({ clock }) => clock.advance(50)],
  ['its abort', 'RUNTIME_ABORTED', ({ giving }) => giving.abort()],
  ['its unload', 'RUNTIME_ABORTED', ({ unload }) => unload()],
  ['the close of the runtime', 'RUNTIME_ABORTED', ({ runtime }) => runtime.close()],
];
const CASES = ENDS.flatMap(([how, code, end]) => [1, 4].map((concurrency) => ({ how, code, concurrency, end })));

it.each(CASES)(
  'what a call has answered leaves no rejection at $how, concurrency $concurrency',
  async ({ code, concurrency, end }) => {
    const clock = new TestClock();
    await using runtime = await createRuntime({ overrides: { clock } });
    const began = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<number>();
    const taken: unknown[] = [];
    const imports = {
      take: (...values: readonly unknown[]) => void taken.push(...values),
      wait: () => {
        began.resolve();
        return answer.promise;
      },
    };
    const handle = await runtime.load(component, { cancel: 'turn', concurrency, imports });
    const giving = new AbortController();
    const call = runtime.call(handle, { name: 'go', signal: giving.signal, timeoutMs: 50 });
    const ended = expect(call).rejects.toMatchObject({ code });
    await began.promise;
    await end({ runtime, clock, giving, goOn: answer.resolve, unload: () => runtime.unload(handle) });
    await ended;
    // Node tells of a rejection once its microtasks have run.
    await nextStep();
    expect(taken).toHaveLength(3);
    expect(unhandled).toEqual([]);
  },
);
