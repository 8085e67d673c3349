// Resources of the embedder that streams carry from JavaScript to a guest and back, as wasmtime's programs `async_read_resource_stream` and
// `async_short_reads` have them.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type Runtime } from 'vivarium';

/** `sum(n, most)` reads up to `most` of n things one by one and adds their values; `pass(n)` reads n, writes them all and says how many went. */
const GUEST = `(component
  (import "host" (instance $host
    (export "x" (type $x (sub resource)))
    (export "[method]x.value" (func (param "self" (borrow $x)) (result u32)))
    (export "give" (func (param "n" u32) (result (stream (own $x)))))
    (export "take" (func (param "s" (stream (own $x)))))))
  (alias export $host "x" (type $x))
  (type $own (own $x)) (type $things (stream $own))
  (core module $Memory (memory (export "memory") 1))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  (core func $value (canon lower (func $host "[method]x.value")))
  (core func $give (canon lower (func $host "give")))
  (core func $take (canon lower (func $host "take")))
  (core func $drop (canon resource.drop $x))
  (core func $new (canon stream.new $things))
  (core func $read (canon stream.read $things (memory $mem)))
  (core func $write (canon stream.write $things (memory $mem)))
  (core func $drop-r (canon stream.drop-readable $things))
  (core func $drop-w (canon stream.drop-writable $things))
  (core func $return (canon task.return (result u32)))
  (core module $M
    (import "" "memory" (memory 1))
    (import "" "value" (func $value (param i32) (result i32))) (import "" "give" (func $give (param i32) (result i32)))
    (import "" "take" (func $take (param i32))) (import "" "drop" (func $drop (param i32)))
    (import "" "new" (func $new (result i64)))
    (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (import "" "write" (func $write (param i32 i32 i32) (result i32)))
    (import "" "drop-r" (func $drop-r (param i32))) (import "" "drop-w" (func $drop-w (param i32)))
    (import "" "return" (func $return (param i32)))
    (func (export "sum") (param $n i32) (param $most i32) (local $s i32) (local $got i32) (local $sum i32)
      (local.set $s (call $give (local.get $n)))
      (block $end (loop $more
        (br_if $end (i32.eqz (local.get $most)))
        (local.set $most (i32.sub (local.get $most) (i32.const 1)))
        (local.set $got (call $read (local.get $s) (i32.const 64) (i32.const 1)))
        (br_if $end (i32.eqz (i32.shr_u (local.get $got) (i32.const 4))))
        (local.set $sum (i32.add (local.get $sum) (call $value (i32.load (i32.const 64)))))
        (call $drop (i32.load (i32.const 64)))
        (br_if $more (i32.eqz (i32.and (local.get $got) (i32.const 15))))))
      (call $drop-r (local.get $s))
      (call $return (local.get $sum)))
    (func (export "pass") (param $n i32) (local $s i32) (local $at i32) (local $w i32) (local $got i32) (local $both i64)
      (local.set $s (call $give (local.get $n)))
      (loop $more
        (local.set $got (call $read (local.get $s)
          (i32.add (i32.const 1024) (i32.mul (local.get $at) (i32.const 4))) (i32.sub (local.get $n) (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.shr_u (local.get $got) (i32.const 4))))
        (br_if $more (i32.lt_u (local.get $at) (local.get $n))))
      (call $drop-r (local.get $s))
      (local.set $both (call $new))
      (local.set $w (i32.wrap_i64 (i64.shr_u (local.get $both) (i64.const 32))))
      (call $take (i32.wrap_i64 (local.get $both)))
      (local.set $at (i32.const 0))
      (loop $more
        (local.set $got (call $write (local.get $w)
          (i32.add (i32.const 1024) (i32.mul (local.get $at) (i32.const 4))) (i32.sub (local.get $n) (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.shr_u (local.get $got) (i32.const 4))))
        (br_if $more (i32.and (i32.eqz (i32.and (local.get $got) (i32.const 15))) (i32.lt_u (local.get $at) (local.get $n)))))
      (call $drop-w (local.get $w))
      (call $return (local.get $at))
      (loop $rest
        (if (i32.lt_u (local.get $at) (local.get $n)) (then
          (call $drop (i32.load offset=1024 (i32.mul (local.get $at) (i32.const 4))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $rest))))))
  (core instance $m (instantiate $M (with "" (instance (export "memory" (memory $mem)) (export "value" (func $value))
    (export "give" (func $give)) (export "take" (func $take)) (export "drop" (func $drop)) (export "new" (func $new))
    (export "read" (func $read)) (export "write" (func $write)) (export "drop-r" (func $drop-r)) (export "drop-w" (func $drop-w))
    (export "return" (func $return))))))
  (func (export "sum") async (param "n" u32) (param "most" u32) (result u32) (canon lift (core func $m "sum") async))
  (func (export "pass") async (param "n" u32) (result u32) (canon lift (core func $m "pass") async)))`;

describe('a stream of resources between JavaScript and a guest', () => {
  let runtime: Runtime;
  let guest: Uint8Array;
  let handle: ComponentHandle;
  let dropped: number[];
  let made: object[];
  let take: (stream: AsyncIterable<X>) => unknown;

  class X {
    readonly #value: number;
    constructor(value: number) {
      this.#value = value;
      made.push(this);
    }
    value(): number {
      return this.#value;
    }
    [Symbol.dispose](): void {
      dropped.push(this.#value);
    }
  }

  beforeAll(async () => {
    runtime = await createRuntime();
    guest = await parse(GUEST);
  });
  afterAll(() => runtime.close());
  beforeEach(async () => {
    [dropped, made] = [[], []];
    const give = async function* (n: number): AsyncGenerator<X> {
      for (let value = 1; value <= n; value++) yield new X(value);
    };
    const host = { X, give, take: (stream: AsyncIterable<X>) => void take(stream) };
    handle = await runtime.load(guest, { imports: { host }, limits: { maxExecutionTimeMs: 60_000 } });
  });

  it('gives the guest each of them, which it drops', async () => {
    expect(await runtime.call(handle, 'sum', 7, 100)).toBe(28);
    expect(dropped).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('gives no more than the guest has read', async () => {
    expect(await runtime.call(handle, 'sum', 7, 3)).toBe(6);
    expect(dropped).toEqual([1, 2, 3]);
    // One may be ready for the next read.
    expect(made.length).toBeLessThanOrEqual(4);
  });

  it('gives JavaScript back the same objects, one by one, and drops none of them', async () => {
    const got: X[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    take = async (stream) => {
      for await (const each of stream) got.push(each);
      resolve();
    };
    expect(await runtime.call(handle, 'pass', 5)).toBe(5);
    await promise;
    expect(got).toEqual(made);
    expect(got.map((each, index) => each === made[index])).toEqual(Array(5).fill(true));
    expect(dropped).toEqual([]);
  });

  it('leaves the guest what JavaScript does not take', async () => {
    take = (stream) => void stream[Symbol.asyncIterator]().return?.();
    expect(await runtime.call(handle, 'pass', 5)).toBe(0);
    await expect.poll(() => dropped).toEqual([1, 2, 3, 4, 5]);
  });
});
