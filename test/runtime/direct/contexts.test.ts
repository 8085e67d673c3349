// The numbers of threads, which guest code reads and sets by `context.get` and `context.set`, as globals and by functions.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from 'vivarium';
import { planBuild } from '#runtime/planning';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createRuntime();
});
afterAll(() => runtime.close());

const call = async (text: string, name: string, ...args: unknown[]): Promise<unknown> => {
  const handle = await runtime.load(await parse(text));
  try {
    return await runtime.call(handle, name, ...args);
  } finally {
    await runtime.unload(handle);
  }
};

/** The slots that core modules read or set as globals. */
const globalsOf = async (text: string): Promise<unknown> => {
  const { calls } = planBuild(await parse(text));
  return 'direct' in calls ? calls.direct.contexts : calls.whyGlue;
};

/** A component whose core module has `get` and `set` of a slot, and an async function `f` with the given body. */
const guest = (body: string, type = 'i32', more = ''): string => `(component
  (core func $get (canon context.get ${type} 0)) (core func $set (canon context.set ${type} 0))
  (core func $return (canon task.return (result u32)))
  (core module $M (import "" "get" (func $get (result ${type}))) (import "" "set" (func $set (param ${type})))
    (import "" "return" (func $return (param i32))) ${more}
    (func (export "f") (param $n i32) (result i32) ${body} (i32.const 0))
    (func (export "cb") (param i32 i32 i32) (result i32) unreachable))
  (core instance $m (instantiate $M (with "" (instance (export "get" (func $get)) (export "set" (func $set))
    (export "return" (func $return))))))
  (func (export "f") async (param "n" u32) (result u32) (canon lift (core func $m "f") async (callback (core func $m "cb")))))`;

describe('the numbers of a thread', () => {
  it('are globals of core modules that call the built-ins', async () => {
    const text = guest('(call $set (i32.add (call $get) (local.get $n))) (call $return (call $get))');
    expect(await globalsOf(text)).toEqual([{ instance: 0, slot: 0, wide: false }]);
    expect(await call(text, 'f', 7)).toBe(7);
  });

  it('begin at 0 in each call', async () => {
    const text = guest('(call $return (call $get)) (call $set (i32.const 9))');
    const handle = await runtime.load(await parse(text));
    expect([await runtime.call(handle, 'f', 1), await runtime.call(handle, 'f', 1)]).toEqual([0, 0]);
  });

  it('have 64 bits where the built-ins say so', async () => {
    const text = guest(
      `(call $set (i64.const 0x1_0000_0005)) (call $return (i32.wrap_i64 (i64.add (call $get) (i64.shr_u (call $get) (i64.const 32)))))`,
      'i64',
    );
    expect(await globalsOf(text)).toEqual([{ instance: 0, slot: 0, wide: true }]);
    expect(await call(text, 'f', 1)).toBe(6);
  });

  it('are the same where the built-ins are called through a table, or by references', async () => {
    const text = guest(
      `(call_indirect (type $s) (local.get $n) (i32.const 1)) (call $set (i32.add (call $get) (i32.const 1)))
       (call $return (call_indirect (type $g) (i32.const 0)))`,
      'i32',
      '(type $g (func (result i32))) (type $s (func (param i32))) (table 2 2 funcref) (elem (i32.const 0) $get $set)',
    );
    expect(await call(text, 'f', 41)).toBe(42);
  });

  it('keep the locals and globals of the module apart', async () => {
    const text = guest(
      `(local $i i32) (global.set $own (i32.const 5)) (call $set (local.get $n))
       (loop $more (call $set (i32.add (call $get) (global.get $own)))
         (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10))))
       (call $return (i32.add (call $get) (global.get $other)))`,
      'i32',
      '(global $own (mut i32) (i32.const 1)) (global $other i32 (i32.const 1000))',
    );
    expect(await call(text, 'f', 3)).toBe(1_053);
  });

  it('are no globals where they are read with 32 and set with 64 bits, which is not valid', async () => {
    const text = `(component
      (core func $get (canon context.get i32 0)) (core func $set (canon context.set i64 0))
      (core func $return (canon task.return (result u32)))
      (core module $M (import "" "get" (func $get (result i32))) (import "" "set" (func $set (param i64)))
        (import "" "return" (func $return (param i32)))
        (func (export "f") (param i32) (result i32) (call $set (i64.const 12)) (call $return (call $get)) (i32.const 0))
        (func (export "cb") (param i32 i32 i32) (result i32) unreachable))
      (core instance $m (instantiate $M (with "" (instance (export "get" (func $get)) (export "set" (func $set))
        (export "return" (func $return))))))
      (func (export "f") async (param "n" u32) (result u32) (canon lift (core func $m "f") async (callback (core func $m "cb")))))`;
    expect(await globalsOf(text)).toEqual([]);
    await expect(call(text, 'f', 1)).rejects.toMatchObject({ code: 'RUNTIME_INVALID_COMPONENT' });
  });

  it('belong to one component instance, also where the other one has the same core module', async () => {
    // The caller sets its number, calls the other instance, which sets its own, and reads its own again.
    const inner = `(component $Inner
      (core module $M (import "" "get" (func $get (result i32))) (import "" "set" (func $set (param i32)))
        (func (export "g") (result i32) (call $set (i32.add (call $get) (i32.const 100))) (call $get)))
      (core func $get (canon context.get i32 0)) (core func $set (canon context.set i32 0))
      (core instance $m (instantiate $M (with "" (instance (export "get" (func $get)) (export "set" (func $set))))))
      (func (export "g") (result u32) (canon lift (core func $m "g"))))`;
    const text = `(component ${inner}
      (instance $a (instantiate $Inner)) (instance $b (instantiate $Inner))
      (alias export $a "g" (func $ga)) (alias export $b "g" (func $gb))
      (component $Outer (import "a" (func $a (result u32))) (import "b" (func $b (result u32)))
        (core func $get (canon context.get i32 0)) (core func $set (canon context.set i32 0))
        (core func $a' (canon lower (func $a))) (core func $b' (canon lower (func $b)))
        (core module $M (import "" "get" (func $get (result i32))) (import "" "set" (func $set (param i32)))
          (import "" "a" (func $a (result i32))) (import "" "b" (func $b (result i32)))
          (func (export "f") (result i32) (call $set (i32.const 1))
            (i32.add (i32.mul (call $get) (i32.const 10000)) (i32.add (call $a) (i32.add (call $b) (call $get))))))
        (core instance $m (instantiate $M (with "" (instance (export "get" (func $get)) (export "set" (func $set))
          (export "a" (func $a')) (export "b" (func $b'))))))
        (func (export "f") (result u32) (canon lift (core func $m "f"))))
      (instance $o (instantiate $Outer (with "a" (func $ga)) (with "b" (func $gb))))
      (func (export "f") (alias export $o "f")))`;
    expect(await globalsOf(text)).toHaveLength(3);
    expect(await call(text, 'f')).toBe(10_201);
  });

  /** A component that defines resources whose destructors read and set the number, the outer one's by way of an inner one's. */
  const DESTRUCTORS = `(component $Defines
    (core func $get (canon context.get i32 0)) (core func $set (canon context.set i32 0))
    (core module $Inner (import "" "get" (func $get (result i32))) (import "" "set" (func $set (param i32)))
      (global $seen (export "seen") (mut i32) (i32.const 0))
      (func (export "drop") (param i32)
        (global.set $seen (i32.add (global.get $seen) (i32.add (call $get) (i32.const 1)))) (call $set (i32.const 70))))
    (core instance $inner (instantiate $Inner (with "" (instance (export "get" (func $get)) (export "set" (func $set))))))
    (type $inner (resource (rep i32) (dtor (core func $inner "drop"))))
    (core func $new-inner (canon resource.new $inner)) (core func $drop-inner (canon resource.drop $inner))
    (core module $Outer (import "" "get" (func $get (result i32))) (import "" "set" (func $set (param i32)))
      (import "" "seen" (global $seen (mut i32)))
      (import "" "new" (func $new (param i32) (result i32))) (import "" "drop" (func $drop (param i32)))
      (func (export "drop") (param i32)
        (global.set $seen (i32.add (global.get $seen) (i32.add (call $get) (i32.const 100)))) (call $set (i32.const 7000))
        (call $drop (call $new (i32.const 0)))
        (global.set $seen (i32.add (global.get $seen) (call $get)))))
    (core instance $outer (instantiate $Outer (with "" (instance (export "get" (func $get)) (export "set" (func $set))
      (export "seen" (global $inner "seen")) (export "new" (func $new-inner)) (export "drop" (func $drop-inner))))))
    (type $outer (resource (rep i32) (dtor (core func $outer "drop"))))
    (core func $new (canon resource.new $outer)) (core func $drop (canon resource.drop $outer))
    (core module $M (import "" "get" (func $get (result i32))) (import "" "set" (func $set (param i32)))
      (import "" "seen" (global $seen (mut i32)))
      (import "" "new" (func $new (param i32) (result i32))) (import "" "drop" (func $drop (param i32)))
      (func (export "make") (result i32) (call $set (i32.const 500000)) (call $new (i32.const 0)))
      (func (export "seen") (result i32) (global.get $seen))
      (func (export "f") (result i32) (call $set (i32.const 1000000))
        (call $drop (call $new (i32.const 0))) (call $drop (call $new (i32.const 0)))
        (i32.add (call $get) (global.get $seen))))
    (core instance $m (instantiate $M (with "" (instance (export "get" (func $get)) (export "set" (func $set))
      (export "seen" (global $inner "seen")) (export "new" (func $new)) (export "drop" (func $drop))))))
    (export $t "t" (type $outer))
    (func (export "make") (result (own $t)) (canon lift (core func $m "make")))
    (func (export "seen") (result u32) (canon lift (core func $m "seen")))
    (func (export "f") (result u32) (canon lift (core func $m "f"))))`;
  /** What two destructors of the outer resource have seen: 0 in the inner one and at first, and their own number behind that. */
  const SEEN_OF_TWO = 2 * (1 + 100 + 7_000);

  it('are those of a destructor alone, which begin at 0, also within another destructor', async () => {
    expect(await call(DESTRUCTORS.replace('$Defines', ''), 'f')).toBe(1_000_000 + SEEN_OF_TWO);
  });

  it('are those of a destructor alone where another instance drops the resource', async () => {
    const text = `(component ${DESTRUCTORS}
      (instance $d (instantiate $Defines)) (alias export $d "t" (type $t))
      (component $User (import "t" (type $t (sub resource))) (import "make" (func $make (result (own $t))))
        (import "seen" (func $seen (result u32)))
        (core func $get (canon context.get i32 0)) (core func $set (canon context.set i32 0))
        (core func $make' (canon lower (func $make))) (core func $seen' (canon lower (func $seen)))
        (core func $drop (canon resource.drop $t))
        (core module $M (import "" "get" (func $get (result i32))) (import "" "set" (func $set (param i32)))
          (import "" "make" (func $make (result i32))) (import "" "seen" (func $seen (result i32)))
          (import "" "drop" (func $drop (param i32)))
          (func (export "f") (result i32) (call $set (i32.const 1000000))
            (call $drop (call $make)) (call $drop (call $make)) (i32.add (call $get) (call $seen))))
        (core instance $m (instantiate $M (with "" (instance (export "get" (func $get)) (export "set" (func $set))
          (export "make" (func $make')) (export "seen" (func $seen')) (export "drop" (func $drop))))))
        (func (export "f") (result u32) (canon lift (core func $m "f"))))
      (instance $u (instantiate $User (with "t" (type $t)) (with "make" (func $d "make")) (with "seen" (func $d "seen"))))
      (func (export "f") (alias export $u "f")))`;
    expect(await call(text, 'f')).toBe(1_000_000 + SEEN_OF_TWO);
  });

  /** A component whose allocator reads and sets its number, and says what it has seen. */
  const ALLOCATES = (memory: string, type: string): string => `(component
    (import "text" (func $text-host async (result string)))
    (core func $get (canon context.get ${type} 0)) (core func $set (canon context.set ${type} 0))
    (core module $Memory (import "" "get" (func $get (result ${type}))) (import "" "set" (func $set (param ${type})))
      (memory (export "memory") ${memory} 1) (global $seen (export "seen") (mut ${type}) (${type}.const -1))
      (func (export "realloc") (param ${`${type} `.repeat(4)}) (result ${type})
        (global.set $seen (call $get)) (call $set (${type}.const 999)) (${type}.const 4096)))
    (core instance $memory (instantiate $Memory (with "" (instance (export "get" (func $get)) (export "set" (func $set))))))
    (alias core export $memory "memory" (core memory $mem)) (alias core export $memory "realloc" (core func $realloc))
    (core func $text (canon lower (func $text-host) (memory $mem) (realloc $realloc)))
    (core func $return (canon task.return (result (tuple u64 u64))))
    (core module $M (import "" "get" (func $get (result ${type}))) (import "" "set" (func $set (param ${type})))
      (import "" "text" (func $text (param ${type}))) (import "" "seen" (global $seen (mut ${type})))
      (import "" "return" (func $return (param i64 i64)))
      (func $told (call $return ${type === 'i64' ? '(global.get $seen) (call $get)' : '(i64.extend_i32_u (global.get $seen)) (i64.extend_i32_u (call $get))'}))
      (func (export "answer") (call $set (${type}.const 77)) (call $text (${type}.const 16)) (call $told))
      (func (export "argument") (param ${type} ${type}) (call $told)))
    (core instance $m (instantiate $M (with "" (instance (export "get" (func $get)) (export "set" (func $set)) (export "text" (func $text))
      (export "seen" (global $memory "seen")) (export "return" (func $return))))))
    (func (export "answer") async (result (tuple u64 u64)) (canon lift (core func $m "answer") async))
    (func (export "argument") async (param "t" string) (result (tuple u64 u64))
      (canon lift (core func $m "argument") async (memory $mem) (realloc $realloc))))`;

  it.each([
    ['', 'i32'],
    ['i64', 'i64'],
  ])(
    'are those of an allocator alone, which begin at 0, and its thread finds its own again: memory %s',
    async (memory, type) => {
      const component = await parse(ALLOCATES(memory, type));
      for (const text of [() => 'now', async () => 'later']) {
        const handle = await runtime.load(component, { imports: { text } });
        expect(await runtime.call(handle, 'answer')).toEqual([0n, 77n]);
        expect(await runtime.call(handle, 'argument', 'some text')).toEqual([0n, 0n]);
        await runtime.unload(handle);
      }
    },
  );
});
