// What a guest makes the host keep of an answer, by values that are larger, or more, or smaller, than others write.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/index.ts';
import { ByteBlocks } from '../../../src/runtime/direct/sink.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const LIMIT = 2 * 2 ** 20;
let runtime: Runtime;
afterEach(() => runtime.close());

interface Scene {
  /** The answer's type, and the element of the stream `$s`. */
  readonly answers: string;
  readonly element: string;
  /** The body of `run(n)`, which has the locals `$e` (i64), `$w` and `$i`, and of its callback. */
  readonly run: string;
}

/** Loads a component that exports `run(n)`. Its memory holds `aaaa…`, but for the first eight bytes: a text of 60,000 characters. */
async function loaded({ answers, element, run }: Scene, concurrency: number) {
  const names = ['wait', 'new', 'write', 'drop', 'return', 'new-set', 'join'];
  const component = await parse(`(component
    (import "wait" (func $host async (result u32)))
    (type $s (stream ${element}))
    (core module $Memory (memory (export "memory") 20)
      (func (export "start") (memory.fill (i32.const 1024) (i32.const 97) (i32.const 1000000))
        (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 60000)))
      (start 0))
    (core instance $memory (instantiate $Memory))
    (alias core export $memory "memory" (core memory $mem))
    (core func $wait (canon lower (func $host) async (memory $mem)))
    (core func $new (canon stream.new $s))
    (core func $write (canon stream.write $s (memory $mem)))
    (core func $drop (canon stream.drop-writable $s))
    (core func $return (canon task.return (result ${answers}) (memory $mem)))
    (core func $new-set (canon waitable-set.new))
    (core func $join (canon waitable.join))
    (core module $M
      (import "" "memory" (memory 20))
      (import "" "wait" (func $wait (param i32) (result i32)))
      (import "" "new" (func $new (result i64)))
      (import "" "write" (func $write (param i32 i32 i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (import "" "return" (func $return (param i32 ${answers.startsWith('(list') ? 'i32' : ''})))
      (import "" "new-set" (func $new-set (result i32)))
      (import "" "join" (func $join (param i32 i32)))
      (func $writable (param i64) (result i32) (i32.wrap_i64 (i64.shr_u (local.get 0) (i64.const 32))))
      (func $wait-for-ever (result i32) (local $set i32)
        (local.set $set (call $new-set))
        (call $join (i32.shr_u (call $wait (i32.const 1200000)) (i32.const 4)) (local.get $set))
        (i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4))))
      (func (export "run") (param $n i32) (result i32) (local $e i64) (local $w i32) (local $i i32) ${run})
      (func (export "cb") (param i32 i32 i32) (result i32) (i32.const 0)))
    (core instance $m (instantiate $M (with "" (instance (export "memory" (memory $mem))
      ${names.map((name) => `(export "${name}" (func $${name}))`).join(' ')}))))
    (func (export "run") async (param "n" u32) (result ${answers})
      (canon lift (core func $m "run") async (memory $mem) (callback (core func $m "cb")))))`);
  runtime = await createRuntime();
  const imports = { wait: () => new Promise<never>(() => {}) };
  const limits = { maxMemoryBytes: LIMIT, maxExecutionTimeMs: 60_000 };
  const handle = await runtime.load(component, { store: 'per-actor', concurrency, imports, limits });
  return (n: number) => runtime.call(handle, 'run', n);
}

/** Answers a stream, and writes the first value of the memory n times. */
const WRITES = `
  (local.set $e (call $new)) (local.set $w (call $writable (local.get $e)))
  (call $return (i32.wrap_i64 (local.get $e)))
  (loop $more
    (drop (call $write (local.get $w) (i32.const 0) (i32.const 1)))
    (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
  (call $drop (local.get $w))
  (i32.const 0)`;
/** Answers a list of n streams that have ended. */
const STREAMS = `
  (loop $more
    (local.set $e (call $new))
    (i32.store (i32.mul (local.get $i) (i32.const 4)) (i32.wrap_i64 (local.get $e)))
    (call $drop (call $writable (local.get $e)))
    (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
  (call $return (i32.const 0) (local.get $n))
  (i32.const 0)`;
const TOO_MUCH = /hold more than the host may keep/;

describe('an answer', () => {
  it.each(['string', '(tuple string u8)', '(option (list u8))'])(
    'whose stream of %s brings more than its limit ends the call',
    async (element) => {
      const first =
        element === 'string' || element.startsWith('(tuple')
          ? ''
          : '(i32.store (i32.const 0) (i32.const 1)) (i32.store (i32.const 4) (i32.const 1024)) (i32.store (i32.const 8) (i32.const 60000))';
      const run = await loaded({ answers: '$s', element, run: first + WRITES }, 1);
      let count = 0;
      for await (const _ of (await run(20)) as AsyncIterable<unknown>) count += 1;
      expect(count).toBe(20);
      await expect(run(60)).rejects.toThrow(TOO_MUCH);
    },
  );

  it('of more streams than its limit has room for ends the call', async () => {
    const run = await loaded({ answers: '(list $s)', element: 'u8', run: STREAMS }, 1);
    expect(await run(1_000)).toHaveLength(1_000);
    await expect(run(3_800)).rejects.toThrow(TOO_MUCH);
  });

  it('that is written byte by byte is kept in few pieces', async () => {
    const run = await loaded({ answers: '$s', element: 'u8', run: WRITES }, 1);
    const pieces: Uint8Array[] = [];
    for await (const piece of (await run(5_000)) as AsyncIterable<Uint8Array>) pieces.push(piece);
    expect(pieces.reduce((sum, { length }) => sum + length, 0)).toBe(5_000);
    expect(pieces.length).toBeLessThan(20);
  });

  it.each([1, 4])('is not kept by its task that goes on, with %i calls at a time', async (concurrency) => {
    const answers = '(call $return (i32.const 1024) (local.get $n)) (call $wait-for-ever)';
    const run = await loaded({ answers: '(list u8)', element: 'u8', run: answers }, concurrency);
    const kept: WeakRef<object>[] = [];
    for (let n = 0; n < 20; n++) kept.push(new WeakRef((await run(100_000)) as Uint8Array));
    // An object lives until the end of the task that made its reference.
    await expect
      .poll(() => {
        gc();
        return kept.filter((answer) => answer.deref() !== undefined).length;
      })
      .toBeLessThan(2);
  });
});

describe('blocks of bytes', () => {
  it('hold what was appended, in at most twice its size and a block more', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 9 }),
            fc.integer({ min: 1, max: 100_000 }).map((n) => new Uint8Array(n).fill(n)),
          ),
        ),
        (portions) => {
          const blocks = new ByteBlocks();
          for (const portion of portions) blocks.append(portion);
          const all = Buffer.concat(portions);
          expect(Buffer.concat([...blocks]).equals(all)).toBe(true);
          const held = [...blocks].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
          expect(held).toBeLessThanOrEqual(2 * all.length + 65_536);
        },
      ),
    );
  });
});
