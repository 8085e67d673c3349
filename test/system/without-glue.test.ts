import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, inspectComponent, type Runtime } from '../../src/index.ts';

const ALLOCATES = `(memory (export "mem") 1) (global $next (mut i32) (i32.const 1024))
  (func (export "realloc") (param $old i32) (param $oldSize i32) (param $align i32) (param $size i32) (result i32)
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.get $next)
    (global.set $next (i32.add (global.get $next) (local.get $size)))
    (memory.copy (i32.sub (global.get $next) (local.get $size)) (local.get $old) (local.get $oldSize)))`;
const CANON = '(memory (core memory $l "mem")) (realloc (core func $l "realloc"))';

/** A component whose `echo` hands its string to another one's, of another encoding, and answers what that answers. */
const composed = (outer: string, inner: string): string => `
  (component $Inner
    (core module $L ${ALLOCATES}
      (func (export "echo") (param i32 i32) (result i32)
        (i32.store (i32.const 8) (local.get 0)) (i32.store (i32.const 12) (local.get 1)) (i32.const 8)))
    (core instance $l (instantiate $L))
    (func (export "echo") (param "s" string) (result string) (canon lift (core func $l "echo") ${CANON} string-encoding=${inner})))
  (component $Outer
    (import "echo" (func $echo (param "s" string) (result string)))
    (core module $L ${ALLOCATES})
    (core instance $l (instantiate $L))
    (core func $lowered (canon lower (func $echo) ${CANON} string-encoding=${outer}))
    (core module $M (import "" "mem" (memory 1)) (import "" "echo" (func $echo (param i32 i32 i32)))
      (func (export "echo") (param i32 i32) (result i32)
        (call $echo (local.get 0) (local.get 1) (i32.const 16)) (i32.const 16)))
    (core instance $m (instantiate $M (with "" (instance (export "mem" (memory $l "mem")) (export "echo" (func $lowered))))))
    (func (export "echo") (param "s" string) (result string) (canon lift (core func $m "echo") ${CANON} string-encoding=${outer})))
  (instance $inner (instantiate $Inner))
  (instance $outer (instantiate $Outer (with "echo" (func $inner "echo"))))
  (func (export "echo") (alias export $outer "echo"))`;

const TEXTS = ['', 'plain', 'höla', 'ÿ', 'Ā', '☃ and 🍰', `${'x'.repeat(300)}é`, `${'é'.repeat(300)}☃`];
const ENCODINGS = ['utf8', 'utf16', 'latin1+utf16'] as const;

const exported = `(core module $M (func (export "f") (result i32) (i32.const 7)))
  (core instance $m (instantiate $M)) (func (export "f") (result u32) (canon lift (core func $m "f")))`;

describe('a component that the transpiler takes or not', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime();
  });
  afterAll(() => runtime.close());

  const load = async (text: string): ReturnType<Runtime['load']> => runtime.load(await parse(`(component ${text})`));

  it.each(ENCODINGS.flatMap((outer) => ENCODINGS.map((inner) => [outer, inner] as const)))(
    'passes strings from %s to %s and back',
    async (outer, inner) => {
      const handle = await load(composed(outer, inner));
      expect(runtime.usage(handle).calls).toBe('direct');
      for (const text of TEXTS) expect(await runtime.call(handle, 'echo', text)).toBe(text);
    },
  );

  it('meters the core modules that it takes from the file itself', async () => {
    const handle = await runtime.load(await parse(`(component ${composed('utf16', 'utf16')})`), {
      limits: { maxFuel: 10_000n },
    });
    await runtime.call(handle, 'echo', 'some text');
    expect(runtime.usage(handle).last.fuelConsumed).toBeGreaterThan(0n);
  });

  it('instantiates a core module that one component gives another', async () => {
    const handle = await load(`
      (core module $M (func (export "f") (result i32) (i32.const 7)))
      (component $C (import "m" (core module $m (export "f" (func (result i32)))))
        (core instance $i (instantiate $m))
        (func (export "f") (result u32) (canon lift (core func $i "f"))))
      (instance $c (instantiate $C (with "m" (core module $M))))
      (func (export "f") (alias export $c "f"))`);
    expect(await runtime.call(handle, 'f')).toBe(7);
  });

  const exception = (body: string): string => `
    (core module $M (tag $t (param i32)) (func (export "f") (param i32) (result i32) ${body}))
    (core instance $m (instantiate $M))
    (func (export "f") (param "x" u32) (result u32) (canon lift (core func $m "f")))`;

  it('throws and catches by the standard encoding of exceptions, which only the transpiler does not read, and is metered', async () => {
    const handle = await load(
      exception(`(local $e exnref)
        (block $h (result i32 exnref)
          (try_table (result i32) (catch_ref $t $h) (throw $t (i32.add (local.get 0) (i32.const 1))))
          (return (i32.const 0)))
        (local.set $e)`),
    );
    expect(await runtime.call(handle, 'f', 4)).toBe(5);
    expect(runtime.usage(handle).last.fuelConsumed).toBeGreaterThan(4n);
  });

  it('throws and catches by the legacy encoding too, but not by both in one module', async () => {
    const caught = '(block (result i32) (local.get 0) (throw $t) (nop) (nop))';
    const legacy = async (text: string): Promise<Buffer> => {
      const component = Buffer.from(await parse(`(component ${exception(text)})`));
      const block = component.indexOf(Buffer.from([0x02, 0x7f, 0x20, 0x00, 0x08, 0x00, 0x01, 0x01, 0x0b]));
      // try (result i32) local.get 0 throw 0 catch 0 end
      Buffer.from([0x06, 0x7f, 0x20, 0x00, 0x08, 0x00, 0x07, 0x00, 0x0b]).copy(component, block);
      return component;
    };
    const handle = await runtime.load(await legacy(caught));
    expect(await runtime.call(handle, 'f', 4)).toBe(4);
    expect(runtime.usage(handle).last.fuelConsumed).toBeGreaterThan(2n);
    const mixed = await legacy(`(block $h (result i32) (try_table (result i32) (catch $t $h) ${caught}))`);
    // Node 26 calls such a module invalid, where it happens to see both in time.
    const message = expect.stringMatching(
      /build all of it for one encoding .* -mllvm -wasm-use-legacy-eh=false|not a valid core/,
    );
    await expect(runtime.load(mixed)).rejects.toMatchObject({ code: 'RUNTIME_INVALID_COMPONENT', message });
    expect((await inspectComponent(mixed, { check: true })).refused).toEqual(message);
  });

  it('is refused with the whole reason of the reader that refuses it, on one line', async () => {
    const text = exception('(local.get 0)').replace(
      '(func (export "f") (param "x" u32)',
      '(func (export "f") (param "x" u64)',
    );
    await expect(load(text).catch((error) => error.message)).resolves.toMatch(
      /^the component is not valid: [^\n]*: lowered parameter types `\[I64\]` do not match parameter types `\[I32\]` of core function 0 \(at offset 0x[0-9a-f]+\)$/,
    );
  });

  it('loads where inspect says that it does', async () => {
    const component = await parse(`(component ${exception('(local.get 0)')})`);
    expect(await inspectComponent(component, { check: true })).not.toHaveProperty('refused');
    expect(await runtime.call(await runtime.load(component), 'f', 3)).toBe(3);
  });

  it('is refused by the glue with a word of why, where there is none for it', async () => {
    await using glue = await createRuntime({ calls: 'glue' });
    await expect(glue.load(await parse(`(component ${composed('utf16', 'utf16')})`))).rejects.toMatchObject({
      code: 'RUNTIME_INVALID_COMPONENT',
      message: expect.stringContaining('can only be called directly'),
    });
  });

  it('is refused when it is invalid, whatever the transpiler does with it', async () => {
    // The module's function takes a string's two parts; its lift says that it takes none.
    const invalid = `(core module $M (func (export "f") (param i32 i32)))
      (core instance $m (instantiate $M)) (func (export "f") (canon lift (core func $m "f") string-encoding=latin1+utf16))`;
    await expect(load(invalid)).rejects.toMatchObject({ code: 'RUNTIME_INVALID_COMPONENT' });
    await expect(load(composed('latin1+utf16', 'utf16'))).resolves.toBeDefined();
  });

  it.each([
    ['names', 'a', 'A'],
    ['names of several words', 'a-b', 'a-B'],
    ['names in capitals', 'url', 'URL'],
  ])('is refused for two exports whose names differ in case only: %s', async (_, one, other) => {
    // The import is missing too, which is asked for only of a valid component.
    const invalid = `(import "f" (func $f)) (export "${one}" (func $f)) (export "${other}" (func $f))`;
    await expect(load(invalid)).rejects.toMatchObject({
      code: 'RUNTIME_INVALID_COMPONENT',
      message: expect.stringContaining(`export name \`${other}\` conflicts with previous name \`${one}\``),
    });
  });

  it('gets glue only in a runtime that is told to take it, beside an artifact without', async () => {
    const root = mkdtempSync(join(tmpdir(), 'vivarium-without-glue-'));
    try {
      const component = await parse(`(component ${exported})`);
      const javascript: number[] = [];
      for (const calls of ['direct', 'glue'] as const) {
        await using one = await createRuntime({ calls, cache: { root } });
        const handle = await one.load(component);
        expect([await one.call(handle, 'f'), one.usage(handle).calls]).toEqual([7, calls]);
      }
      for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
        if (!/artifacts.*\.json$/.test(file)) continue;
        javascript.push(JSON.parse(readFileSync(join(root, file), 'utf8')).javascriptBytes);
      }
      expect(javascript.toSorted((a, b) => a - b)).toEqual([0, expect.toSatisfy((bytes: number) => bytes > 10_000)]);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});
