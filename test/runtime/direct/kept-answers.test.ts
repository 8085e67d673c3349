// What the host keeps of answers, and of calls that wait, is charged to the store until the calls have ended, and then given back.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/index.ts';
import { execution } from '../../../src/runtime/execution/index.ts';
import type { Store } from '../../../src/runtime/store/index.ts';

/** Imports of the core module: how each is made and its core type. */
const IMPORTS: Readonly<Record<string, readonly [canon: string, type: string]>> = {
  note: ['lower (func $note-host)', ''],
  wait: ['lower (func $wait-host) async (memory $mem)', '(param i32) (result i32)'],
  'new-bytes': ['stream.new $bytes', '(result i64)'],
  'write-bytes': ['stream.write $bytes (memory $mem)', '(param i32 i32 i32) (result i32)'],
  'drop-bytes': ['stream.drop-writable $bytes', '(param i32)'],
  'new-items': ['stream.new $items', '(result i64)'],
  'write-items': ['stream.write $items (memory $mem)', '(param i32 i32 i32) (result i32)'],
  'drop-items': ['stream.drop-writable $items', '(param i32)'],
  'new-number': ['future.new $number', '(result i64)'],
  'write-number': ['future.write $number (memory $mem)', '(param i32 i32) (result i32)'],
  'drop-number': ['future.drop-writable $number', '(param i32)'],
  'return-bytes': ['task.return (result $bytes)', '(param i32)'],
  'return-items': ['task.return (result $items)', '(param i32)'],
  'return-number': ['task.return (result $number)', '(param i32)'],
  'return-two': ['task.return (result (tuple $bytes $bytes))', '(param i32 i32)'],
  'return-result': ['task.return (result (result $bytes (error u32)))', '(param i32 i32)'],
  'cancel-task': ['task.cancel', ''],
  inc: ['backpressure.inc', ''],
  dec: ['backpressure.dec', ''],
  'new-set': ['waitable-set.new', '(result i32)'],
  'drop-set': ['waitable-set.drop', '(param i32)'],
  get: ['context.get i32 0', '(result i32)'],
  set: ['context.set i32 0', '(param i32)'],
  join: ['waitable.join', '(param i32 i32)'],
  'cancel-subtask': ['subtask.cancel', '(param i32) (result i32)'],
  'drop-subtask': ['subtask.drop', '(param i32)'],
};
const NAMES = Object.keys(IMPORTS);

/** Writes `count` values of `size` bytes to the writable end `w` and drops it, or stops where nobody reads. */
const fill = (kind: string, size: number): string => `
    (func $fill-${kind} (param $w i32) (param $count i32) (local $wrote i32)
      (block $gone (loop $more
        (br_if $gone (i32.eqz (local.get $count)))
        (local.set $wrote (call $write-${kind} (local.get $w) (i32.const 1024)
          (select (local.get $count) (i32.const ${60_000 / size}) (i32.lt_u (local.get $count) (i32.const ${60_000 / size})))))
        (br_if $gone (i32.and (local.get $wrote) (i32.const 15)))
        (local.set $count (i32.sub (local.get $count) (i32.shr_u (local.get $wrote) (i32.const 4))))
        (br $more)))
      (call $drop-${kind} (local.get $w)))
    (func (export "${kind}") (param $count i32) (local $ends i64)
      (local.set $ends (call $new-${kind}))
      (call $return-${kind} (i32.wrap_i64 (local.get $ends)))
      (call $fill-${kind} (call $writable (local.get $ends)) (local.get $count)))`;

/**
 * - `note()` calls the import of that name.
 * - `bytes(n)` and `items(n)` answer a stream and then write n values, `number(n)` a future.
 * - `two(n)` answers two streams and writes n bytes into one and then into the other.
 * - `refuse(n)` answers an error.
 * - `late(n)` waits for the import `wait`, and then does as `bytes`. Cancelled, it ends.
 * - `hold(n)` asks that no call begins, until `wait` has answered, and answers a stream of no bytes.
 * - `stubborn(n)` waits for `wait`, or is cancelled, and answers two streams. It writes n bytes into one, and never ends the other.
 * - `halting(n)` answers a stream, writes n bytes, and waits for `wait` before it drops the stream.
 */
const ANSWERING = `(component
  (type $bytes (stream u8)) (type $items (stream u32)) (type $number (future u32))
  (import "note" (func $note-host))
  (import "wait" (func $wait-host async (result u32)))
  (core module $Memory (memory (export "memory") 2))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  ${NAMES.map((name) => `(core func $${name} (canon ${IMPORTS[name]?.[0]}))`).join('\n  ')}
  (core module $M (import "" "memory" (memory 2))
    ${NAMES.map((name) => `(import "" "${name}" (func $${name} ${IMPORTS[name]?.[1]}))`).join('\n    ')}
    (func $writable (param i64) (result i32) (i32.wrap_i64 (i64.shr_u (local.get 0) (i64.const 32))))
    ${fill('bytes', 1)}
    ${fill('items', 4)}
    (func (export "number") (param $n i32) (local $ends i64)
      (local.set $ends (call $new-number))
      (call $return-number (i32.wrap_i64 (local.get $ends)))
      (drop (call $write-number (call $writable (local.get $ends)) (i32.const 1024)))
      (call $drop-number (call $writable (local.get $ends))))
    (func (export "two") (param $count i32) (local $one i64) (local $other i64)
      (local.set $one (call $new-bytes)) (local.set $other (call $new-bytes))
      (call $return-two (i32.wrap_i64 (local.get $one)) (i32.wrap_i64 (local.get $other)))
      (call $fill-bytes (call $writable (local.get $one)) (local.get $count))
      (call $fill-bytes (call $writable (local.get $other)) (local.get $count)))
    (func (export "refuse") (param $n i32) (call $return-result (i32.const 1) (local.get $n)))
    (global $next (mut i32) (i32.const 65536))
    ;; Lets the task wait for the import. Its record: the set, the subtask, and what it goes on with.
    (func $waits (param $rest i32) (result i32) (local $at i32)
      (local.set $at (global.get $next))
      (global.set $next (i32.or (i32.const 65536) (i32.rem_u (i32.add (local.get $at) (i32.const 16)) (i32.const 65536))))
      (call $set (local.get $at))
      (i32.store (local.get $at) (call $new-set))
      (i32.store offset=4 (local.get $at) (i32.shr_u (call $wait (i32.const 64)) (i32.const 4)))
      (i32.store offset=8 (local.get $at) (local.get $rest))
      (call $join (i32.load offset=4 (local.get $at)) (i32.load (local.get $at)))
      (i32.or (i32.const 2) (i32.shl (i32.load (local.get $at)) (i32.const 4))))
    ;; Cleans up after that. Answers what the task goes on with.
    (func $waited (param $event i32) (result i32) (local $at i32)
      (local.set $at (call $get))
      (call $join (i32.load offset=4 (local.get $at)) (i32.const 0))
      (if (i32.eq (local.get $event) (i32.const 6))
        (then (drop (call $cancel-subtask (i32.load offset=4 (local.get $at))))))
      (call $drop-subtask (i32.load offset=4 (local.get $at)))
      (call $drop-set (i32.load (local.get $at)))
      (i32.load offset=8 (local.get $at)))
    (func (export "late") (param $count i32) (result i32) (call $waits (local.get $count)))
    (func (export "late-cb") (param $event i32) (param i32 i32) (result i32) (local $count i32) (local $ends i64)
      (local.set $count (call $waited (local.get $event)))
      (if (i32.eq (local.get $event) (i32.const 6)) (then (call $cancel-task) (return (i32.const 0))))
      (local.set $ends (call $new-bytes))
      (call $return-bytes (i32.wrap_i64 (local.get $ends)))
      (call $fill-bytes (call $writable (local.get $ends)) (local.get $count))
      (i32.const 0))
    (func (export "hold") (param $n i32) (result i32) (call $inc) (call $waits (local.get $n)))
    (func (export "hold-cb") (param $event i32) (param i32 i32) (result i32)
      (call $dec)
      (call $return-bytes (i32.wrap_i64 (call $empty (call $waited (local.get $event)))))
      (i32.const 0))
    (func $empty (param i32) (result i64) (local $ends i64)
      (local.set $ends (call $new-bytes))
      (call $drop-bytes (call $writable (local.get $ends)))
      (local.get $ends))
    (func (export "halting") (param $count i32) (result i32) (local $one i64) (local $other i64)
      (local.set $one (call $new-bytes)) (local.set $other (call $new-bytes))
      (call $return-two (i32.wrap_i64 (local.get $one)) (i32.wrap_i64 (local.get $other)))
      (call $fill-bytes (call $writable (local.get $one)) (local.get $count))
      (call $waits (call $writable (local.get $other))))
    (func (export "stubborn-cb") (param $event i32) (param i32 i32) (result i32) (local $count i32) (local $one i64) (local $other i64)
      (local.set $count (call $waited (local.get $event)))
      (local.set $one (call $new-bytes)) (local.set $other (call $new-bytes))
      (call $return-two (i32.wrap_i64 (local.get $one)) (i32.wrap_i64 (local.get $other)))
      (call $fill-bytes (call $writable (local.get $one)) (local.get $count))
      (i32.const 0))
    (func (export "halting-cb") (param $event i32) (param i32 i32) (result i32)
      (call $drop-bytes (call $waited (local.get $event)))
      (i32.const 0))
    (func (export "note") (call $note)))
  (core instance $m (instantiate $M (with "" (instance (export "memory" (memory $mem))
    ${NAMES.map((name) => `(export "${name}" (func $${name}))`).join(' ')}))))
  ${[
    ['bytes', '$bytes'],
    ['items', '$items'],
    ['number', '$number'],
    ['two', '(tuple $bytes $bytes)'],
    ['refuse', '(result $bytes (error u32))'],
    ['late', '$bytes'],
    ['hold', '$bytes'],
    ['stubborn', '(tuple $bytes $bytes)'],
    ['halting', '(tuple $bytes $bytes)'],
  ]
    .map(
      ([name, type]) =>
        `(func (export "${name}") async (param "n" u32) (result ${type}) (canon lift (core func $m "${name === 'stubborn' ? 'late' : name}") async
          ${['late', 'hold', 'stubborn', 'halting'].includes(name as string) ? `(callback (core func $m "${name}-cb"))` : ''}))`,
    )
    .join('\n  ')}
  (func (export "note") (canon lift (core func $m "note"))))`;

const LIMIT = 2 * 2 ** 20;
const open: Runtime[] = [];
let component: Uint8Array;
beforeAll(async () => {
  component = await parse(ANSWERING);
});
afterEach(async () => {
  for (const runtime of open.splice(0)) await runtime.close();
});

async function countOf(values: unknown): Promise<number> {
  let count = 0;
  for await (const value of values as AsyncIterable<unknown>) count += value instanceof Uint8Array ? value.length : 1;
  return count;
}

async function loaded(concurrency: number, maxMemoryBytes = LIMIT) {
  const runtime = await createRuntime();
  open.push(runtime);
  const waits: (() => void)[] = [];
  let store: Store | undefined;
  const imports = {
    note: () => {
      store = execution.running.state as Store;
    },
    wait: () => new Promise<number>((resolve) => waits.push(() => resolve(0))),
  };
  const limits = { maxMemoryBytes, maxExecutionTimeMs: 60_000 };
  const handle = await runtime.load(component, { store: 'per-actor', concurrency, cancel: 'turn', imports, limits });
  const call = (name: string, n: number, signal?: AbortSignal): Promise<unknown> =>
    runtime.call(handle, { name, ...(signal === undefined ? {} : { signal }) }, n);
  /** The store, while no call has it for itself. */
  const noted = async (): Promise<Store> => {
    await runtime.call(handle, 'note');
    return store as Store;
  };
  const taken = async (): Promise<number> => (await noted()).hostMemory.taken;
  const waiting = async (count: number): Promise<readonly (() => void)[]> => {
    await expect.poll(() => waits.length, { interval: 1 }).toBe(count);
    return waits.splice(0);
  };
  return { call, noted, taken, waiting };
}

type Kind = 'bytes' | 'items' | 'number' | 'two' | 'refuse' | 'late' | 'given up';
interface Step {
  readonly kind: Kind;
  readonly n: number;
}

/** Makes calls side by side and takes their answers. */
async function makes({ call, waiting }: Awaited<ReturnType<typeof loaded>>, steps: readonly Step[]): Promise<void> {
  const giving = new AbortController();
  const takes: Readonly<Record<Kind, (n: number) => Promise<void>>> = {
    bytes: async (n) => expect(await countOf(await call('bytes', n))).toBe(n),
    items: async (n) => expect(await countOf(await call('items', n))).toBe(n),
    number: async (n) => void expect(await call('number', n)).toBe(0),
    two: async (n) => {
      for (const stream of (await call('two', n)) as unknown[]) expect(await countOf(stream)).toBe(n);
    },
    refuse: (n) => expect(call('refuse', n)).rejects.toMatchObject({ code: 'RUNTIME_COMPONENT_ERROR' }),
    late: async (n) => expect(await countOf(await call('late', n))).toBe(n),
    'given up': (n) => expect(call('late', n, giving.signal)).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' }),
  };
  const all = Promise.all(steps.map(({ kind, n }) => takes[kind](n)));
  const waits = await waiting(steps.filter(({ kind }) => kind === 'late' || kind === 'given up').length);
  giving.abort();
  for (const end of waits) end();
  await all;
}

const KINDS: readonly Kind[] = ['bytes', 'items', 'number', 'two', 'refuse', 'late', 'given up'];
/** What one call may write: four of them side by side are below the limit, by what an item is charged. */
const MOST: Readonly<Record<Kind, number>> = {
  bytes: 400_000,
  items: 6_000,
  number: 9,
  two: 200_000,
  refuse: 9,
  late: 400_000,
  'given up': 9,
};

describe('what the host keeps of an answer', () => {
  it('is given back with the answer, so that an instance may answer a megabyte again and again', async () => {
    const { call } = await loaded(1);
    for (let n = 0; n < 100; n++) expect(await countOf(await call('bytes', 2 ** 20))).toBe(2 ** 20);
  });

  it('is bounded for all streams of one answer together', async () => {
    const { call, taken } = await loaded(1);
    const before = await taken();
    expect(((await call('two', 900_000)) as unknown[]).length).toBe(2);
    expect(await taken()).toBeLessThan(before + 2 ** 17);
    await expect(call('two', 1_200_000)).rejects.toThrow(/hold more than the host may keep/);
  });

  it('is bounded for all calls together that run side by side', async () => {
    const { call, waiting } = await loaded(2);
    const first = call('halting', 1_200_000);
    await waiting(1);
    const told = [first, call('bytes', 1_200_000)].map((each) => each.catch(({ code }: { code: string }) => code));
    expect(await Promise.all(told)).toEqual(['RUNTIME_INSTANCE_ENDED', 'RUNTIME_TRAP']);
  });

  it('is charged to the call that answers, and is nothing that calls which ended have left', async () => {
    const { call, noted, waiting } = await loaded(2);
    await call('bytes', 1);
    const { leftBytes, hostMemory } = await noted();
    const before = hostMemory.taken;
    const answer = call('halting', 700_000);
    const [end] = await waiting(1);
    const store = await noted();
    expect(store.hostMemory.taken).toBeGreaterThanOrEqual(before + 700_000);
    expect(store.leftBytes).toBeLessThan(leftBytes + 2 ** 17);
    end?.();
    await answer;
  });

  it.each([
    ['has answered and still writes', 'halting'],
    ['answers although it was told to end', 'stubborn'],
  ])('is read no more where its call is given up that %s, and no other call ends', async (_, name) => {
    const { call, taken, waiting } = await loaded(3);
    const before = await taken();
    const giving = new AbortController();
    const given = call(name, 500_000, giving.signal).catch(({ code }: { code: string }) => code);
    const other = call('late', 9);
    const ends = await waiting(2);
    giving.abort();
    // The clock does not advance so far that the instance would be ended for it.
    expect(await given).toBe('RUNTIME_ABORTED');
    for (const end of ends) end();
    expect(await countOf(await other)).toBe(9);
    // What is left is what the guest has not dropped.
    expect(await taken()).toBeLessThan(before + 2 ** 17);
  });

  it.each([1, 4])('is given back whatever calls a store has served, %i side by side', async (concurrency) => {
    const component = await loaded(concurrency);
    // With one call at a time, giving a call up ends the store.
    const kinds = concurrency > 1 ? KINDS : KINDS.filter((kind) => kind !== 'given up');
    const step = fc
      .constantFrom(...kinds)
      .chain((kind) => fc.record({ kind: fc.constant(kind), n: fc.nat(MOST[kind]) }));
    const group = fc.array(step, { minLength: 1, maxLength: concurrency });
    // Tables keep their places, so all kinds have been there as often as they will be.
    for (const kind of kinds)
      await makes(
        component,
        Array.from({ length: concurrency }, () => ({ kind, n: 9 })),
      );
    const before = await component.taken();
    const run = async (groups: readonly (readonly Step[])[]): Promise<void> => {
      for (const steps of groups) await makes(component, steps);
      expect(await component.taken()).toBe(before);
    };
    await fc.assert(fc.asyncProperty(fc.array(group, { maxLength: 5 }), run), { numRuns: 40 });
  });
});

describe('what the host keeps of calls that wait', () => {
  it('is given back when they have ended, though many have waited at once', async () => {
    const most = 600;
    const { call, taken, waiting } = await loaded(most + 1);
    const before = await taken();
    const calls = Array.from({ length: most }, () => call('late', 0));
    const ends = await waiting(most);
    // Each keeps a thread of 768 bytes, a subtask of 512 and a set of 128.
    expect(await taken()).toBeGreaterThan(before + most * 1_400);
    for (const end of ends) end();
    await Promise.all(calls);
    // What is left are the places in the table, of 64 bytes, and what is charged ahead.
    expect(await taken()).toBeLessThan(before + 2 * most * 64 + 3 * 2 ** 16);
  });

  it('is charged before they have begun too, and given back where they end without beginning', async () => {
    const most = 300;
    const { call, taken, waiting } = await loaded(most + 2);
    const holding = call('hold', 0);
    const [end] = await waiting(1);
    const before = await taken();
    const giving = new AbortController();
    const calls = Array.from({ length: most }, (_, n) => call('bytes', 0, n % 2 === 0 ? giving.signal : undefined));
    const told = Promise.allSettled(calls);
    expect(await taken()).toBeGreaterThan(before + most * 768 - 2 ** 16);
    giving.abort();
    end?.();
    await holding;
    const ended = (await told).map(({ status }) => status);
    expect(ended.filter((status) => status === 'rejected')).toHaveLength(most / 2);
    expect(await taken()).toBeLessThan(before + 2 ** 17);
  });
});
