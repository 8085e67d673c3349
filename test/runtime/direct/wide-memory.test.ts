// Values that cross a 64-bit memory: where they lie, and what a guest may not answer. Offsets are the canonical ABI's for pointers of 64 bits.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/index.ts';

const REALLOC = `(func (export "realloc") (param i64 i64 i64 i64) (result i64)
  (global.get $at) (global.set $at (i64.and (i64.add (global.get $at) (i64.add (local.get 3) (i64.const 7))) (i64.const -8))))
  (global $at (mut i64) (i64.const 1024))`;
const OPTIONS = '(memory (core memory $m "mem")) (realloc (core func $m "realloc"))';

/** A component of which one core module with a 64-bit memory is lifted. */
const guest = (fields: string, lifted: string, realloc = REALLOC): string => `(component
  (core module $M (memory (export "mem") i64 1) ${realloc} ${fields})
  (core instance $m (instantiate $M)) ${lifted})`;
const lift = (type: string, options = ''): string =>
  `(func (export "f") ${type} (canon lift (core func $m "f") ${OPTIONS} ${options}))`;

describe('a 64-bit memory', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime();
  });
  afterAll(() => runtime.close());

  const call = async (text: string, ...args: readonly unknown[]): Promise<unknown> => {
    const handle = await runtime.load(await parse(text));
    try {
      expect(runtime.usage(handle).calls).toBe('direct');
      return await runtime.call(handle, 'f', ...args);
    } finally {
      await runtime.unload(handle);
    }
  };

  it.each([
    ['utf8', 'grün☃', 8],
    ['utf16', 'grün☃', 5],
    ['latin1+utf16', 'grün', 4],
  ])('gives and takes a string in %s with pointer and length of eight bytes each', async (encoding, string, units) => {
    const fields = `(func (export "f") (param i64 i64) (result i64)
      (if (i64.ne (local.get 1) (i64.const ${units})) (then (unreachable)))
      (i64.store (i64.const 8) (local.get 0)) (i64.store (i64.const 16) (local.get 1)) (i64.const 8))`;
    expect(
      await call(guest(fields, lift('(param "s" string) (result string)', `string-encoding=${encoding}`)), string),
    ).toBe(string);
  });

  it('has the tag of a string that is not latin1 in the highest of 64 bits', async () => {
    const fields = `(func (export "f") (param i64 i64) (result i64)
      (if (i64.ne (local.get 1) (i64.const 0x8000000000000002)) (then (unreachable)))
      (i64.store (i64.const 8) (local.get 0)) (i64.store (i64.const 16) (local.get 1)) (i64.const 8))`;
    const text = guest(fields, lift('(param "s" string) (result string)', 'string-encoding=latin1+utf16'));
    expect(await call(text, '☃☃')).toBe('☃☃');
  });

  it('has the parts of a tuple where its pointers of eight bytes put them, when it answers', async () => {
    const fields = `(data (i64.const 256) "hi") (data (i64.const 264) "\\01\\00\\02\\00")
      (func (export "f") (result i64)
        (i32.store8 (i64.const 64) (i32.const 7))
        (i64.store (i64.const 72) (i64.const 256)) (i64.store (i64.const 80) (i64.const 2))
        (i64.store (i64.const 88) (i64.const 264)) (i64.store (i64.const 96) (i64.const 2))
        (i32.store16 (i64.const 104) (i32.const 9)) (i64.const 64))`;
    const text = guest(fields, lift('(result (tuple u8 string (list u16) u16))'));
    expect(await call(text)).toEqual([7, 'hi', Uint16Array.of(1, 2), 9]);
  });

  it('has the parts of a list of tuples where they belong, when it is given one', async () => {
    const fields = `(func (export "f") (param $at i64) (param $n i64) (result i32)
      (i32.add (i32.mul (i32.wrap_i64 (local.get $n)) (i32.const 1000))
        (i32.add (i32.load8_u offset=24 (local.get $at))
          (i32.load8_u (i64.load offset=32 (local.get $at))))))`;
    const text = guest(fields, lift('(param "l" (list (tuple u8 string))) (result u32)'));
    expect(
      await call(text, [
        [1, 'x'],
        [2, 'a'],
      ]),
    ).toBe(2000 + 2 + 97);
  });

  it('is given more parameters than travel flat by one pointer of 64 bits', async () => {
    const fields = `(func (export "f") (param $at i64) (result i32)
      (i32.add (i32.load8_u offset=0 (local.get $at)) (i32.load8_u (i64.load offset=136 (local.get $at)))))`;
    const numbers = Array.from({ length: 17 }, (_, index) => `(param "p${index}" u64)`).join(' ');
    const text = guest(fields, lift(`${numbers} (param "s" string) (result u32)`));
    expect(await call(text, ...Array.from({ length: 17 }, () => 3), 'a')).toBe(100);
  });

  it('answers a record and a result, whose cases lie behind eight bytes', async () => {
    const text = `(component (component $C
      (type $r' (record (field "small" u8) (field "the-name" string))) (export $r "r" (type $r'))
      (core module $M (memory (export "mem") i64 1) ${REALLOC} (data (i64.const 256) "no")
        (func (export "f") (param $fails i32) (result i64)
          (i32.store8 (i64.const 64) (local.get $fails))
          (if (local.get $fails)
            (then (i64.store (i64.const 72) (i64.const 256)) (i64.store (i64.const 80) (i64.const 2)))
            (else (i32.store8 (i64.const 72) (i32.const 5)) (i64.store (i64.const 80) (i64.const 256)) (i64.store (i64.const 88) (i64.const 1))))
          (i64.const 64)))
      (core instance $m (instantiate $M))
      (func (export "f") (param "fails" bool) (result (result $r (error string))) (canon lift (core func $m "f") ${OPTIONS})))
      (instance $c (instantiate $C)) (export "x:y/z" (instance $c)))`;
    const handle = await runtime.load(await parse(text));
    expect(await runtime.call(handle, 'f', false).catch((error) => error)).toMatchObject({ code: 'RUNTIME_NO_EXPORT' });
    expect(await runtime.call(handle, 'x:y/z#f', false)).toEqual({ small: 5, theName: 'n' });
    await expect(runtime.call(handle, 'x:y/z#f', true)).rejects.toMatchObject({ payload: 'no' });
    await runtime.unload(handle);
  });

  const answers = (pointer: string, length: string, at = '8'): string =>
    guest(
      `(func (export "f") (result i64)
        (i64.store (i64.const 8) (i64.const ${pointer})) (i64.store (i64.const 16) (i64.const ${length})) (i64.const ${at}))`,
      lift('(result string)'),
    );
  it.each([
    ['a string at 4 GiB, which is not the one at 0', answers('0x100000000', '1'), /outside of memory/],
    ['a string at the last of all addresses', answers('-1', '1'), /outside of memory/],
    ['a string of 2^63 bytes', answers('0', '0x8000000000000000'), /outside of memory/],
    ['a string that ends beyond memory', answers('65535', '2'), /outside of memory/],
    ['a result at 4 GiB', answers('0', '0', '0x100000008'), /misaligned or outside/],
    ['a result that is not aligned to eight', answers('0', '0', '12'), /misaligned or outside/],
    ['a result at the end of memory', answers('0', '0', '65528'), /misaligned or outside/],
  ])('traps where a guest answers %s', async (_what, text, message) => {
    await expect(call(text)).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: expect.stringMatching(message),
    });
  });

  it.each([
    ['4 GiB', '0x100000000', /outside of memory/],
    ['the last address', '-8', /outside of memory/],
    ['where no item can lie', '1025', /not aligned to 8/],
  ])('traps where its allocator answers %s', async (_what, at, message) => {
    const realloc = `(func (export "realloc") (param i64 i64 i64 i64) (result i64) (i64.const ${at}))`;
    const text = guest('(func (export "f") (param i64 i64))', lift('(param "l" (list u64))'), realloc);
    await expect(call(text, [1n])).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: expect.stringMatching(message),
    });
  });

  it('does not load with an allocator of 32 bits', async () => {
    const realloc = '(func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))';
    const text = guest('(func (export "f") (param i64 i64))', lift('(param "s" string)'), realloc);
    await expect(call(text, 'x')).rejects.toMatchObject({ code: 'RUNTIME_INVALID_COMPONENT' });
  });
});
