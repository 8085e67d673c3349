// Exceptions that no guest code of their own instance catches. No other instance can catch them: they end the component.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/index.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createRuntime({});
});
afterAll(() => runtime.close());

/** Core code that catches everything that its body throws, and answers 77 where it has caught something. */
const catching = (body: string): string =>
  `(block $caught (try_table (catch_all $caught) ${body}) (return (i32.const 0))) (return (i32.const 77))`;

const MEMORY = `(core module $Memory (memory (export "memory") 1))
  (core instance $memory (instantiate $Memory)) (alias core export $memory "memory" (core memory $mem))`;
const ALLOCATOR = (throws: boolean): string => `(core module $Allocator (tag $t)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) ${throws ? '(throw $t)' : '(i32.const 4096)'}))
  (core instance $allocator (instantiate $Allocator)) (alias core export $allocator "realloc" (core func $realloc))`;

interface Parts {
  /** What the callee exports as `f`: its component text. */
  readonly callee: string;
  /** The type of `f`. */
  readonly type: string;
  /** How the caller lowers `f`, its core type, and the core code that calls it. */
  readonly lowers: string;
  readonly core: string;
  readonly calls: string;
  readonly callerThrows?: boolean;
}

/** Two instances. The caller exports `run`, which answers 0 where nothing was thrown, and 77 where it has caught something. */
const composed = ({ callee, type, lowers, core, calls, callerThrows = false }: Parts): string => `(component
  (component $Callee ${MEMORY} ${callee})
  (instance $callee (instantiate $Callee))
  (component $Caller ${MEMORY} ${ALLOCATOR(callerThrows)}
    (type $texts (stream string))
    (import "f" (func $f-of-callee ${type}))
    (core func $f (canon lower (func $f-of-callee) ${lowers}))
    (core func $set (canon waitable-set.new)) (core func $join (canon waitable.join))
    (core func $wait (canon waitable-set.wait (memory $mem)))
    (core func $new (canon stream.new $texts)) (core func $write (canon stream.write $texts async (memory $mem)))
    (core module $M (import "" "memory" (memory 1)) (import "" "f" (func $f ${core}))
      (import "" "set" (func $set (result i32))) (import "" "join" (func $join (param i32 i32)))
      (import "" "wait" (func $wait (param i32 i32) (result i32)))
      (import "" "new" (func $new (result i64))) (import "" "write" (func $write (param i32 i32 i32) (result i32)))
      (func $later (param $status i32) (local $set i32)
        (local.set $set (call $set))
        (call $join (i32.shr_u (local.get $status) (i32.const 4)) (local.get $set))
        (drop (call $wait (local.get $set) (i32.const 0))))
      (func (export "run") (result i32) (local $s i64) ${catching(calls)}))
    (core instance $m (instantiate $M (with "" (instance (export "memory" (memory $mem)) (export "f" (func $f))
      (export "set" (func $set)) (export "join" (func $join)) (export "wait" (func $wait)) (export "new" (func $new))
      (export "write" (func $write))))))
    (func (export "run") async (result u32) (canon lift (core func $m "run"))))
  (instance $caller (instantiate $Caller (with "f" (func $callee "f"))))
  (export "run" (func $caller "run")))`;

/** A callee that throws at once, or after it has yielded. */
const throwing = (how: 'callback' | 'blocking', isLate: boolean): string => `
  (core func $yield (canon thread.yield))
  (core module $M (import "" "yield" (func $yield (result i32))) (tag $t)
    (func (export "f") (result i32) ${isLate && how === 'blocking' ? '(drop (call $yield))' : ''}
      ${isLate && how === 'callback' ? '(i32.const 1)' : '(throw $t)'})
    (func (export "cb") (param i32 i32 i32) (result i32) (throw $t)))
  (core instance $m (instantiate $M (with "" (instance (export "yield" (func $yield))))))
  (func (export "f") async ${how === 'blocking' ? '(result u32)' : ''} (canon lift (core func $m "f")
    ${how === 'callback' ? 'async (callback (core func $m "cb"))' : ''}))`;

const SYNCHRONOUS = { type: 'async', lowers: '', core: '', calls: '(call $f)' } as const;
const ASYNCHRONOUS = {
  type: 'async',
  lowers: 'async',
  core: '(result i32)',
  calls: '(call $later (call $f))',
} as const;
const ANSWERING = {
  type: 'async (result u32)',
  lowers: 'async (memory $mem)',
  core: '(param i32) (result i32)',
  calls: '(call $later (call $f (i32.const 64)))',
} as const;

/** Answers or takes a text. Where the other side's allocator throws meanwhile, the callee would answer 0 in its place. */
const TEXTS = `${ALLOCATOR(true)}
  (core func $return (canon task.return (result string) (memory $mem)))
  (core module $M (import "" "return" (func $return (param i32 i32)))
    (func (export "f") (result i32) ${catching('(call $return (i32.const 64) (i32.const 2))')})
    (func (export "cb") (param i32 i32 i32) (result i32) unreachable))
  (core instance $m (instantiate $M (with "" (instance (export "return" (func $return))))))
  (func (export "f") async (result string) (canon lift (core func $m "f") async (memory $mem) (callback (core func $m "cb"))))`;
const TAKES = `${ALLOCATOR(true)}
  (core func $return (canon task.return))
  (core module $M (import "" "return" (func $return)) (func (export "f") (param i32 i32) (result i32) (call $return) (i32.const 0))
    (func (export "cb") (param i32 i32 i32) (result i32) unreachable))
  (core instance $m (instantiate $M (with "" (instance (export "return" (func $return))))))
  (func (export "f") async (param "s" string)
    (canon lift (core func $m "f") async (memory $mem) (realloc $realloc) (callback (core func $m "cb"))))`;
/** Reads a stream of texts with an allocator that throws, and stays. */
const READS = `${ALLOCATOR(true)} (type $texts (stream string))
  (core func $read (canon stream.read $texts async (memory $mem) (realloc $realloc)))
  (core module $M (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (func (export "f") (param i32) (result i32) (drop (call $read (local.get 0) (i32.const 64) (i32.const 1))) (i32.const 1))
    (func (export "cb") (param i32 i32 i32) (result i32) (i32.const 1)))
  (core instance $m (instantiate $M (with "" (instance (export "read" (func $read))))))
  (func (export "f") async (param "s" $texts) (canon lift (core func $m "f") async (callback (core func $m "cb"))))`;

const CASES: Readonly<Record<string, Parts>> = {
  'a callback function that is called synchronously': { ...SYNCHRONOUS, callee: throwing('callback', false) },
  'its callback': { ...SYNCHRONOUS, callee: throwing('callback', true) },
  'a callback function that is called asynchronously': { ...ASYNCHRONOUS, callee: throwing('callback', false) },
  'its callback, later': { ...ASYNCHRONOUS, callee: throwing('callback', true) },
  'a function on its own stack': { ...ANSWERING, callee: throwing('blocking', false) },
  'that function, later': { ...ANSWERING, callee: throwing('blocking', true) },
  "the caller's allocator, for the answer": {
    type: 'async (result string)',
    lowers: 'async (memory $mem) (realloc $realloc)',
    core: '(param i32) (result i32)',
    calls: '(drop (call $f (i32.const 64)))',
    callee: TEXTS,
    callerThrows: true,
  },
  "the callee's allocator, for an argument": {
    type: 'async (param "s" string)',
    lowers: 'async (memory $mem)',
    core: '(param i32 i32) (result i32)',
    calls: '(drop (call $f (i32.const 64) (i32.const 5)))',
    callee: TAKES,
  },
  "a reader's allocator, for what is written": {
    type: 'async (param "s" (stream string))',
    lowers: 'async',
    core: '(param i32) (result i32)',
    calls: `(i32.store (i32.const 128) (i32.const 200)) (i32.store (i32.const 132) (i32.const 2)) (local.set $s (call $new)) (drop (call $f (i32.wrap_i64 (local.get $s))))
      (drop (call $write (i32.wrap_i64 (i64.shr_u (local.get $s) (i64.const 32))) (i32.const 128) (i32.const 1)))`,
    callee: READS,
  },
};

describe('an exception of another instance', () => {
  it.each(Object.keys(CASES))('ends the component, and is caught by nobody: %s', async (name) => {
    const handle = await runtime.load(await parse(composed(CASES[name] as Parts)));
    await expect(runtime.call(handle, 'run')).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: expect.stringContaining('an exception that its code did not catch'),
    });
    expect(runtime.state(handle)).toBe('failed');
  });
});
