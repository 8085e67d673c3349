import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { describe, expect, it } from 'vitest';
import { runTool } from '../../../src/runtime/transpile/component-tools.ts';
import { ToolThread } from '../../../src/runtime/transpile/tool-thread.ts';

const answering = (declared: string): Promise<Uint8Array> =>
  parse(`(component (core module $M (func (export "f") (result i32) (i32.const 1)))
    (core instance $m (instantiate $M))
    (func (export "f") (result ${declared}) (canon lift (core func $m "f"))))`);

/** jco panics on a string that one component gives another if both have it in UTF-16. */
const MEMORY = `(memory (export "m") 1) (func (export "r") (param i32 i32 i32 i32) (result i32) (i32.const 0))`;
const CANON = '(memory (core memory $l "m")) (realloc (core func $l "r")) string-encoding=utf16';
const PANICS = `(component
  (component $Inner
    (core module $L ${MEMORY} (func (export "f") (param i32 i32)))
    (core instance $l (instantiate $L))
    (func (export "f") (param "s" string) (canon lift (core func $l "f") ${CANON})))
  (component $Outer
    (import "f" (func $f (param "s" string)))
    (core module $L ${MEMORY})
    (core instance $l (instantiate $L))
    (core func $lowered (canon lower (func $f) ${CANON}))
    (core module $M (import "" "f" (func $f (param i32 i32))) (func (export "f") (param i32 i32) (call $f (local.get 0) (local.get 1))))
    (core instance $m (instantiate $M (with "" (instance (export "f" (func $lowered))))))
    (func (export "f") (param "s" string) (canon lift (core func $m "f") ${CANON})))
  (instance $inner (instantiate $Inner))
  (instance $outer (instantiate $Outer (with "f" (func $inner "f"))))
  (func (export "f") (alias export $outer "f")))`;

const thread = new ToolThread();
const copy = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

describe.each([
  ['on the calling thread', runTool],
  ['in a thread of its own', thread.run.bind(thread)],
])('a tool %s', (_, run) => {
  it('says that a component is valid, or why it is not', async () => {
    expect(await run('validate', copy(await answering('u32')))).toEqual({ invalid: undefined });
    const outcome = await run('validate', copy(await answering('u64')));
    expect(outcome).toMatchObject({ invalid: expect.stringContaining('do not match') });
  });

  it('makes glue', async () => {
    expect(await run('transpile', copy(await answering('u32')))).toMatchObject({
      transpiled: { javascript: expect.stringContaining('instantiate'), exports: [{ name: 'f', kind: 'function' }] },
    });
  });

  it('can be used after a refusal', async () => {
    const outcome = await run('transpile', copy(await answering('u64')));
    expect(outcome).toMatchObject({ isUsable: true, refusal: { code: 'RUNTIME_INVALID_COMPONENT' } });
  });

  it('cannot be used after a panic', async () => {
    const outcome = await run('transpile', copy(await parse(PANICS)));
    expect(outcome).toMatchObject({ isUsable: false, refusal: { code: 'RUNTIME_INVALID_COMPONENT' } });
  });
});
