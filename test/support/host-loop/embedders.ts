// What an embedder gives and takes in a loop: its imports that answer and fail, what is lifted, loads that end well and badly.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CallPath, type ComponentHandle, createRuntime, type Runtime } from '../../../src/index.ts';
import { plain } from '../../../tools/components/actor-wat.ts';
import { leavesNothing, SLOW_ROUNDS } from './watch.ts';

/** Calls an import \`n\` times with two texts, of which it gets bytes or an error; and answers lists of lists. */
const TALKING = `(component
  (type $texts (list string)) (type $bytes (list u8)) (type $lists (list $bytes))
  (import "take" (func $take (param "texts" $texts) (result (result $bytes (error string)))))
  (core module $memory (memory (export "memory") 2)
    (data (i32.const 64) "\\00\\01\\00\\00\\05\\00\\00\\00\\10\\01\\00\\00\\14\\00\\00\\00") (data (i32.const 256) "hello")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
  (core instance $memory (instantiate $memory))
  (core func $take (canon lower (func $take) (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core module $m
    (import "memory" "memory" (memory 2))
    (import "host" "take" (func $take (param i32 i32 i32)))
    (func (export "talk") (param $n i32)
      (loop $l (call $take (i32.const 64) (i32.const 2) (i32.const 128))
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func (export "lists") (result i32)
      (i32.store (i32.const 512) (i32.const 8192)) (i32.store (i32.const 516) (i32.const 1000)) (i32.const 512)))
  (core instance $m (instantiate $m (with "memory" (instance $memory)) (with "host" (instance (export "take" (func $take))))))
  (func (export "talk") (param "n" u32) (canon lift (core func $m "talk")))
  (func (export "lists") (result $lists) (canon lift (core func $m "lists") (memory (core memory $memory "memory")))))`;

export function loopsOfEmbedders(): void {
  describe.each<CallPath>(['direct', 'glue'])('a loop through %s', (path) => {
    let runtime: Runtime;
    let component: Uint8Array;
    let answer: () => unknown = () => new Uint8Array(64);
    let handle: ComponentHandle;
    beforeAll(async () => {
      runtime = await createRuntime({ calls: path, limits: { maxExecutionTimeMs: 60_000 } });
      component = await parse(TALKING);
      handle = await runtime.load(component, { imports: { take: { default: () => answer() } } });
    });
    afterAll(() => runtime.close());

    async function looping(step: () => Promise<unknown>): Promise<void> {
      for (let i = 0; i < 3; i++) await step();
      await leavesNothing(async () => {
        for (let i = 0; i < SLOW_ROUNDS; i++) await step();
      });
    }

    it.each<[string, () => unknown]>([
      ['answers', () => new Uint8Array(64)],
      [
        'throws the error case',
        () => {
          throw 'an error of the interface';
        },
      ],
    ])("leaves nothing of an embedder's import that %s", async (_, next) => {
      answer = next;
      await looping(() => runtime.call(handle, 'talk', 500));
    });

    it.each<[string, () => unknown]>([
      [
        'fails',
        () => {
          throw new Error('a failure of the host');
        },
      ],
      ['answers what its type does not have', () => ({ no: 'bytes' })],
      ['answers a promise', () => Promise.reject(new Error('nobody waits'))],
    ])("leaves nothing of an embedder's import that %s", async (_, next) => {
      await looping(async () => {
        const one = await runtime.load(component, { imports: { take: { default: next } } });
        expect(await codeOf(runtime.call(one, 'talk', 5))).toMatch(/^RUNTIME_/);
        await runtime.unload(one);
      });
    });

    it('leaves nothing of what it lifts', () => looping(() => runtime.call(handle, 'lists')));

    it('leaves nothing of loads, and of loads that fail', async () => {
      const trapping = await plain('(memory 1) (func $f unreachable) (start $f)', '(local.get 0)');
      await looping(async () => {
        await runtime.unload(await runtime.load(component, { imports: { take: { default: () => answer() } } }));
        expect(await codeOf(runtime.load(component))).toBe('RUNTIME_MISSING_IMPORT');
        expect(await codeOf(runtime.load(trapping))).toBe('RUNTIME_INSTANTIATION_FAILED');
      });
    });
  });
}

/** The code of a failure, alone: the test runner keeps the promise of each `rejects` until its test ends, and an error keeps its stack. */
async function codeOf(failing: Promise<unknown>): Promise<string | undefined> {
  return failing.then(
    () => undefined,
    (error: { code?: string }) => error.code,
  );
}
