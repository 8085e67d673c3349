// Code that cleans up or allocates may call nothing outside of its instance, also where the call would not wait.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/index.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createRuntime({});
});
afterAll(() => runtime.close());

/** An asynchronous function that returns at once, or yields first. */
const callee = (yields: boolean): string => `(component $Callee
  (core func $return (canon task.return))
  (core module $M (import "" "return" (func $return))
    (func (export "f") (result i32) ${yields ? '(i32.const 1)' : '(call $return) (i32.const 0)'})
    (func (export "cb") (param i32 i32 i32) (result i32) (call $return) (i32.const 0)))
  (core instance $m (instantiate $M (with "" (instance (export "return" (func $return))))))
  (func (export "f") async (canon lift (core func $m "f") async (callback (core func $m "cb")))))
  (instance $callee (instantiate $Callee))`;

/** Answers 7, and calls the function behind its answer. */
const cleaning = (isAsync: boolean, yields: boolean): string => `(component ${callee(yields)}
  (component $Caller (import "f" (func $f async))
    (core func $lowered (canon lower (func $f) ${isAsync ? 'async' : ''}))
    (core module $M (import "" "f" (func $f ${isAsync ? '(result i32)' : ''}))
      (func (export "run") (result i32) (i32.const 7))
      (func (export "post") (param i32) ${isAsync ? '(drop (call $f))' : '(call $f)'}))
    (core instance $m (instantiate $M (with "" (instance (export "f" (func $lowered))))))
    (func (export "run") (result u32) (canon lift (core func $m "run") (post-return (core func $m "post")))))
  (instance $caller (instantiate $Caller (with "f" (func $callee "f"))))
  (export "run" (func $caller "run")))`;

/** Is answered a text, for which its allocator calls the function. */
const ALLOCATING = `(component ${callee(false)}
  (component $Texts
    (core module $Memory (memory (export "memory") 1)) (core instance $memory (instantiate $Memory))
    (alias core export $memory "memory" (core memory $mem))
    (core func $return (canon task.return (result string) (memory $mem)))
    (core module $M (import "" "return" (func $return (param i32 i32)))
      (func (export "g") (result i32) (call $return (i32.const 0) (i32.const 2)) (i32.const 0))
      (func (export "cb") (param i32 i32 i32) (result i32) unreachable))
    (core instance $m (instantiate $M (with "" (instance (export "return" (func $return))))))
    (func (export "g") async (result string) (canon lift (core func $m "g") async (memory $mem) (callback (core func $m "cb")))))
  (instance $texts (instantiate $Texts))
  (component $Caller (import "f" (func $f async)) (import "g" (func $g async (result string)))
    (core module $Memory (memory (export "memory") 1)) (core instance $memory (instantiate $Memory))
    (alias core export $memory "memory" (core memory $mem))
    (core func $lowered (canon lower (func $f) async))
    (core module $Allocator (import "" "f" (func $f (result i32)))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (drop (call $f)) (i32.const 4096)))
    (core instance $allocator (instantiate $Allocator (with "" (instance (export "f" (func $lowered))))))
    (core func $asks (canon lower (func $g) async (memory $mem) (realloc (core func $allocator "realloc"))))
    (core module $M (import "" "g" (func $g (param i32) (result i32)))
      (func (export "run") (result i32) (call $g (i32.const 16))))
    (core instance $m (instantiate $M (with "" (instance (export "g" (func $asks))))))
    (func (export "run") async (result u32) (canon lift (core func $m "run"))))
  (instance $caller (instantiate $Caller (with "f" (func $callee "f")) (with "g" (func $texts "g"))))
  (export "run" (func $caller "run")))`;

describe('a call of another instance traps', () => {
  it.each([
    ['behind the answer', cleaning(true, false)],
    ['behind the answer, synchronously', cleaning(false, false)],
    ['behind the answer, where the callee yields', cleaning(false, true)],
    ['in an allocator', ALLOCATING],
  ])('%s', async (_, text) => {
    const handle = await runtime.load(await parse(text));
    await expect(runtime.call(handle, 'run')).rejects.toThrow(
      /called an import while it was allocating or cleaning up/,
    );
  });
});
