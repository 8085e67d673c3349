import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from 'vivarium';

/** Functions that pass streams and futures on, read them and write them, all on stacks of their own. */
const STREAMS = `(component
  (type $bytes (stream u8)) (type $texts (stream string)) (type $number (future u32))
  (import "consume" (func $consume-host async (param "s" $bytes) (result u32)))
  (core module $Memory (memory (export "memory") 2)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 70000)))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  (alias core export $memory "realloc" (core func $realloc))
  (core func $new (canon stream.new $bytes))
  (core func $read (canon stream.read $bytes (memory $mem)))
  (core func $write (canon stream.write $bytes (memory $mem)))
  (core func $drop-r (canon stream.drop-readable $bytes))
  (core func $drop-w (canon stream.drop-writable $bytes))
  (core func $read-text (canon stream.read $texts (memory $mem) (realloc $realloc)))
  (core func $drop-t (canon stream.drop-readable $texts))
  (core func $read-number (canon future.read $number (memory $mem)))
  (core func $drop-n (canon future.drop-readable $number))
  (core func $return (canon task.return (result u32)))
  (core func $return-bytes (canon task.return (result $bytes)))
  (core func $return-number (canon task.return (result $number)))
  (core func $consume (canon lower (func $consume-host) async (memory $mem)))
  (core func $set-new (canon waitable-set.new)) (core func $join (canon waitable.join))
  (core func $set-wait (canon waitable-set.wait (memory $mem)))
  (core module $M
    (import "" "memory" (memory 1)) (import "" "new" (func $new (result i64)))
    (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (import "" "write" (func $write (param i32 i32 i32) (result i32)))
    (import "" "drop-r" (func $drop-r (param i32))) (import "" "drop-w" (func $drop-w (param i32)))
    (import "" "read-text" (func $read-text (param i32 i32 i32) (result i32))) (import "" "drop-t" (func $drop-t (param i32)))
    (import "" "read-number" (func $read-number (param i32 i32) (result i32))) (import "" "drop-n" (func $drop-n (param i32)))
    (import "" "return" (func $return (param i32))) (import "" "return-bytes" (func $return-bytes (param i32)))
    (import "" "return-number" (func $return-number (param i32)))
    (import "" "consume" (func $consume (param i32 i32) (result i32)))
    (import "" "set-new" (func $set-new (result i32))) (import "" "join" (func $join (param i32 i32)))
    (import "" "set-wait" (func $set-wait (param i32 i32) (result i32)))
    (func (export "pass") (param i32) (call $return-bytes (local.get 0)))
    (func (export "pass-number") (param i32) (call $return-number (local.get 0)))
    (func (export "sum") (param $s i32) (local $got i32) (local $sum i32) (local $at i32)
      (loop $more
        (local.set $got (call $read (local.get $s) (i32.const 1024) (i32.const 100)))
        (local.set $at (i32.const 0))
        (block $counted (loop $each
          (br_if $counted (i32.ge_u (local.get $at) (i32.shr_u (local.get $got) (i32.const 4))))
          (local.set $sum (i32.add (local.get $sum) (i32.load8_u offset=1024 (local.get $at))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $each)))
        (br_if $more (i32.eqz (i32.and (local.get $got) (i32.const 15)))))
      (call $drop-r (local.get $s))
      (call $return (local.get $sum)))
    (func (export "letters") (param $s i32) (local $got i32) (local $sum i32)
      (loop $more
        (local.set $got (call $read-text (local.get $s) (i32.const 16) (i32.const 1)))
        (if (i32.shr_u (local.get $got) (i32.const 4))
          (then (local.set $sum (i32.add (local.get $sum) (i32.load (i32.const 20))))))
        (br_if $more (i32.eqz (i32.and (local.get $got) (i32.const 15)))))
      (call $drop-t (local.get $s))
      (call $return (local.get $sum)))
    (func (export "double") (param $n i32)
      (drop (call $read-number (local.get $n) (i32.const 16)))
      (call $drop-n (local.get $n))
      (call $return (i32.mul (i32.load (i32.const 16)) (i32.const 2))))
    (func (export "give") (param $count i32) (local $ends i64) (local $w i32) (local $wrote i32)
      (local.set $ends (call $new))
      (local.set $w (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))))
      (call $return-bytes (i32.wrap_i64 (local.get $ends)))
      (memory.fill (i32.const 1024) (i32.const 7) (i32.const 60000))
      (block $gone (loop $more
        (br_if $gone (i32.eqz (local.get $count)))
        (local.set $wrote (call $write (local.get $w) (i32.const 1024)
          (select (local.get $count) (i32.const 60000) (i32.lt_u (local.get $count) (i32.const 60000)))))
        (br_if $gone (i32.and (local.get $wrote) (i32.const 15)))
        (local.set $count (i32.sub (local.get $count) (i32.shr_u (local.get $wrote) (i32.const 4))))
        (br $more)))
      (call $drop-w (local.get $w)))
    (func (export "feed") (param $count i32) (local $ends i64) (local $w i32) (local $set i32) (local $task i32)
      (local.set $ends (call $new))
      (local.set $w (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))))
      (memory.fill (i32.const 1024) (i32.const 3) (local.get $count))
      (local.set $task (i32.shr_u (call $consume (i32.wrap_i64 (local.get $ends)) (i32.const 512)) (i32.const 4)))
      (drop (call $write (local.get $w) (i32.const 1024) (local.get $count)))
      (call $drop-w (local.get $w))
      (local.set $set (call $set-new))
      (call $join (local.get $task) (local.get $set))
      (loop $more
        (drop (call $set-wait (local.get $set) (i32.const 0)))
        (br_if $more (i32.ne (i32.load (i32.const 4)) (i32.const 2))))
      (call $return (i32.load (i32.const 512)))))
  (core instance $m (instantiate $M (with "" (instance (export "memory" (memory $mem)) (export "new" (func $new))
    (export "read" (func $read)) (export "write" (func $write)) (export "drop-r" (func $drop-r)) (export "drop-w" (func $drop-w))
    (export "read-text" (func $read-text)) (export "drop-t" (func $drop-t))
    (export "read-number" (func $read-number)) (export "drop-n" (func $drop-n))
    (export "return" (func $return)) (export "return-bytes" (func $return-bytes)) (export "return-number" (func $return-number))
    (export "consume" (func $consume)) (export "set-new" (func $set-new)) (export "join" (func $join))
    (export "set-wait" (func $set-wait))))))
  (func (export "pass") async (param "s" $bytes) (result $bytes) (canon lift (core func $m "pass") async))
  (func (export "pass-number") async (param "n" $number) (result $number) (canon lift (core func $m "pass-number") async))
  (func (export "sum") async (param "s" $bytes) (result u32) (canon lift (core func $m "sum") async))
  (func (export "letters") async (param "s" $texts) (result u32) (canon lift (core func $m "letters") async))
  (func (export "double") async (param "n" $number) (result u32) (canon lift (core func $m "double") async))
  (func (export "give") async (param "count" u32) (result $bytes) (canon lift (core func $m "give") async))
  (func (export "feed") async (param "count" u32) (result u32) (canon lift (core func $m "feed") async)))`;

async function* chunks(...sizes: number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) yield new Uint8Array(size).fill(1);
}

async function bytesIn(stream: unknown): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream as ReadableStream<Uint8Array>) bytes += chunk.length;
  return bytes;
}

/** Drops what it is given before anything of it has come, or reads it. */
const IGNORES = `(component
  (type $bytes (stream u8)) (type $number (future u32))
  (core module $Memory (memory (export "memory") 1))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  (core func $drop (canon stream.drop-readable $bytes)) (core func $drop-number (canon future.drop-readable $number))
  (core func $read (canon stream.read $bytes (memory $mem)))
  (core module $M (import "" "drop" (func $drop (param i32))) (import "" "drop-number" (func $drop-number (param i32)))
    (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (func (export "ignore") (param i32 i32) (result i32) (call $drop (local.get 0)) (call $drop-number (local.get 1)) (i32.const 7))
    (func (export "read") (param i32) (result i32) (call $read (local.get 0) (i32.const 0) (i32.const 9))))
  (core instance $m (instantiate $M (with "" (instance (export "drop" (func $drop))
    (export "drop-number" (func $drop-number)) (export "read" (func $read))))))
  (func (export "ignore") async (param "s" $bytes) (param "n" $number) (result u32) (canon lift (core func $m "ignore")))
  (func (export "read") async (param "s" $bytes) (result u32) (canon lift (core func $m "read"))))`;

/** A stream of the embedder's whose next item never comes, and what is said to it. */
function silent(kind: 'ReadableStream' | 'iterator'): { given: unknown; asked: Promise<void>; stopped: Promise<void> } {
  const [asked, stopped] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const pull = (): Promise<never> => {
    asked.resolve();
    return new Promise(() => {});
  };
  const iterator = {
    next: pull,
    return: async () => {
      stopped.resolve();
      return { done: true, value: undefined } as const;
    },
  };
  const given =
    kind === 'iterator'
      ? { [Symbol.asyncIterator]: () => iterator }
      : new ReadableStream({ pull, cancel: () => stopped.resolve() }, { highWaterMark: 0 });
  return { given, asked: asked.promise, stopped: stopped.promise };
}

describe('streams and futures between a component and JavaScript', () => {
  let runtime: Runtime;
  let component: Uint8Array;
  beforeAll(async () => {
    runtime = await createRuntime({});
    component = await parse(STREAMS);
  });
  afterAll(() => runtime.close());

  const load = (consume: (stream: ReadableStream<Uint8Array>) => unknown = () => 0, maxMemoryBytes = 16 * 2 ** 20) =>
    runtime.load(component, { imports: { consume }, limits: { maxMemoryBytes, maxExecutionTimeMs: 60_000 } });

  it('gives a guest the bytes of an iterable and of a ReadableStream, whatever their portions are', async () => {
    const handle = await load();
    expect(await runtime.call(handle, 'sum', chunks(1, 250, 0, 99))).toBe(350);
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(70_000).fill(1));
        controller.close();
      },
    });
    expect(await runtime.call(handle, 'sum', stream)).toBe(70_000);
    expect(await runtime.call(handle, 'sum', chunks())).toBe(0);
  });

  it('gives a guest the items of an iterable, one by one', async () => {
    expect(await runtime.call(await load(), 'letters', ['one', 'three', ''])).toBe(8);
  });

  it('gives a guest a future as a promise or a value', async () => {
    const handle = await load();
    expect(await runtime.call(handle, 'double', Promise.resolve(21))).toBe(42);
    expect(await runtime.call(handle, 'double', 4)).toBe(8);
  });

  it('answers a stream of bytes with all that the guest writes after its answer', async () => {
    const handle = await load();
    expect(await bytesIn(await runtime.call(handle, 'give', 150_000))).toBe(150_000);
    expect(await bytesIn(await runtime.call(handle, 'give', 0))).toBe(0);
  });

  it('answers what it was given, without the guest between', async () => {
    const handle = await load();
    expect(await bytesIn(await runtime.call(handle, 'pass', chunks(10, 20)))).toBe(30);
    expect(await (runtime.call(handle, 'pass-number', 5) as Promise<Promise<number>>)).toBe(5);
  });

  it('gives an import a ReadableStream, whose reader decides how fast the guest writes', async () => {
    const handle = await load(async (stream) => bytesIn(stream));
    expect(await runtime.call(handle, 'feed', 50_000)).toBe(50_000);
  });

  it('tells the guest when an import cancels its stream', async () => {
    const handle = await load(async (stream) => {
      await stream.cancel();
      return 9;
    });
    expect(await runtime.call(handle, 'feed', 1_000)).toBe(9);
  });

  it('ends the component with the reason when what it reads fails', async () => {
    const failing = (async function* (): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1);
      throw new Error('the source is gone');
    })();
    const answer = runtime.call(await load(), 'sum', failing);
    await expect(answer).rejects.toThrow(/a stream that the host gave failed: the source is gone/);
  });

  it('keeps no more of an answer than the host may keep for a component', async () => {
    const answer = runtime.call(await load(undefined, 2 * 2 ** 20), 'give', 64 * 2 ** 20);
    await expect(answer).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: expect.stringMatching(/hold more than the host may keep/),
    });
  });

  it.each(['ReadableStream', 'iterator'] as const)(
    'tells a stream at once that nobody reads it, though its next item has not come: a %s',
    async (kind) => {
      const handle = await runtime.load(await parse(IGNORES));
      const { given, asked, stopped } = silent(kind);
      // The future is never settled, and is waited for no more either.
      expect(await runtime.call(handle, 'ignore', given, new Promise(() => {}))).toBe(7);
      await asked;
      await stopped;
      const read = silent(kind);
      const call = runtime.call(handle, 'read', read.given);
      call.catch(() => {});
      await read.asked;
      await runtime.unload(handle, { timeoutMs: 1 });
      await read.stopped;
      await expect(call).rejects.toThrow();
    },
  );
});
