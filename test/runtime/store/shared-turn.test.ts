import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { expect, it } from 'vitest';
import { createRuntime } from '../../../src/index.ts';
import { execution } from '../../../src/runtime/execution/index.ts';
import type { Store } from '../../../src/runtime/store/index.ts';

/** Calls the import, and answers. */
const CALLING = `(component
  (import "note" (func $note-host))
  (core func $note (canon lower (func $note-host)))
  (core func $return (canon task.return))
  (core module $M (import "" "note" (func $note)) (import "" "return" (func $return))
    (func (export "go") (result i32) (call $note) (call $return) (i32.const 0))
    (func (export "cb") (param i32 i32 i32) (result i32) unreachable))
  (core instance $m (instantiate $M (with "" (instance (export "note" (func $note)) (export "return" (func $return))))))
  (func (export "go") async (canon lift (core func $m "go") async (callback (core func $m "cb")))))`;

it('a call cannot join a turn whose first call may end at once, because the turn would end without it', async () => {
  await using runtime = await createRuntime();
  let thrown: unknown;
  const note = (): void => {
    const store = execution.running.state as Store;
    try {
      store.call({}, () => undefined, undefined);
    } catch (error) {
      thrown = error;
    }
  };
  const handle = await runtime.load(await parse(CALLING), { concurrency: 2, imports: { note } });
  await runtime.call(handle, 'go');
  expect(thrown).toMatchObject({ message: 'a call joins a turn that is being begun' });
  expect(runtime.state(handle)).toBe('ready');
});
