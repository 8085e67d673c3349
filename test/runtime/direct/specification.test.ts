// The behaviours that the component model's own test files ask for in values that cross a boundary, each on the direct
// path: numbers, strings, alignment, allocation, post-return, and strings between components of different encodings.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { describe, expect, it } from 'vitest';
import { linkComponent, readComponent } from '#wasm';
import { DirectCode } from '../../../src/runtime/direct/direct-code.ts';
import { planDirect } from '../../../src/runtime/planning/plan.ts';
import { BareTurn } from '../../../tools/runtime/bare-turn.ts';

type Call = (...args: readonly unknown[]) => unknown;

const RUN = '(func (export "run") (alias export $d "run"))';
const ALLOCATES = `(global $next (mut i32) (i32.const 1024))
  (func (export "realloc") (param $old i32) (param $oldSize i32) (param $align i32) (param $size i32) (result i32)
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.get $next)
    (global.set $next (i32.add (global.get $next) (local.get $size))))`;

/** Instantiates a component written as text; what ends its store is thrown. */
async function instance(text: string): Promise<Readonly<Record<string, Call>>> {
  const component = await parse(`(component ${text})`);
  const code = new DirectCode(planDirect(component));
  const modules = linkComponent(readComponent(component)).modules.map(
    ({ bytes }) => new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>),
  );
  return new BareTurn().exports(() =>
    code.instantiate(
      (index) => modules[index] as WebAssembly.Module,
      {},
      (module, imports) => new WebAssembly.Instance(module, imports).exports,
    ),
  ) as Readonly<Record<string, Call>>;
}

/** A component that lifts core functions of one module with a memory. */
const lifting = (fields: string, lifted: string): string => `
  (core module $M (memory (export "mem") 1) ${fields})
  (core instance $m (instantiate $M)) ${lifted}`;

/**
 * One component calls another: `callee` and `caller` are the core modules' fields, `type` is the function's, of which the
 * caller lowers `f` with `lower`'s options and the callee lifts it with `lift`'s. The caller's `run` is called.
 */
const between = (parts: {
  readonly type: string;
  readonly callee: string;
  readonly caller: string;
  readonly core: string;
  readonly lift?: string;
  readonly lower?: string;
  readonly types?: string;
  readonly result?: string;
}): string => `
  (component $C ${parts.types ?? ''}
    (core module $M (memory (export "mem") 1) ${parts.callee})
    (core instance $m (instantiate $M))
    (func (export "f") ${parts.type}
      (canon lift (core func $m "f") (memory (core memory $m "mem")) ${parts.lift ?? ''})))
  (component $D ${parts.types ?? ''}
    (import "f" (func $f ${parts.type}))
    (core module $Libc (memory (export "mem") 1) ${ALLOCATES})
    (core instance $libc (instantiate $Libc))
    (core func $lowered (canon lower (func $f)
      (memory (core memory $libc "mem")) (realloc (core func $libc "realloc")) ${parts.lower ?? ''}))
    (core module $Main (import "" "mem" (memory 1)) (import "" "f" (func $f ${parts.core})) ${parts.caller})
    (core instance $main (instantiate $Main
      (with "" (instance (export "mem" (memory $libc "mem")) (export "f" (func $lowered))))))
    (func (export "run") ${parts.result ?? ''} (canon lift (core func $main "run"))))
  (instance $c (instantiate $C)) (instance $d (instantiate $D (with "f" (func $c "f")))) ${RUN}`;

const REALLOC = '(realloc (core func $m "realloc"))';
const allocating = (body: string): string =>
  `(func (export "realloc") (param $old i32) (param $oldSize i32) (param $align i32) (param $size i32) (result i32) ${body})`;

describe('an allocator', () => {
  const lists = (element: string, realloc: string): Promise<Readonly<Record<string, Call>>> =>
    instance(
      lifting(
        `${allocating(realloc)} (func (export "f") (param i32 i32) (result i32) (local.get 0))`,
        `(func (export "f") (param "a" (list ${element})) (result u32)
          (canon lift (core func $m "f") (memory (core memory $m "mem")) ${REALLOC}))`,
      ),
    );

  it('is asked for nothing when a list is empty, and what it answers is handed on', async () => {
    const asked = `(if (i32.or (i32.or (local.get $old) (local.get $oldSize)) (i32.or (local.get $size) (i32.ne (local.get $align) (i32.const 4))))
      (then (unreachable))) (i32.const 16)`;
    const { f } = await lists('u32', asked);
    expect(f?.([])).toBe(16);
    expect(() => f?.([1])).toThrow(/unreachable/);
  });

  it.each([
    ['beyond memory', '(i32.const -4)', [1, 2], /outside of memory/],
    ['beyond memory for nothing', '(i32.const -4)', [], /outside of memory/],
    ['misaligned, wherever that is', '(i32.const -1)', [1, 2], /not aligned to 4/],
  ] as const)('may not answer %s', async (_what, realloc, list, message) => {
    const { f } = await lists('u32', realloc);
    expect(() => f?.([...list])).toThrow(message);
  });

  it('may not answer misaligned for more parameters than travel flat', async () => {
    const many = Array.from({ length: 17 }, (_, index) => `(param "p${index}" u32)`).join(' ');
    const text = (at: number): string =>
      lifting(
        `${allocating(`(i32.const ${at})`)} (func (export "f") (param i32) (result i32) (i32.load offset=64 (local.get 0)))`,
        `(func (export "f") ${many} (result u32) (canon lift (core func $m "f") (memory (core memory $m "mem")) ${REALLOC}))`,
      );
    const numbers = Array.from({ length: 17 }, (_, index) => index);
    expect((await instance(text(8))).f?.(...numbers)).toBe(16);
    const { f } = await instance(text(1));
    expect(() => f?.(...numbers)).toThrow(/not aligned to 4/);
  });
});

describe('pointers between two components', () => {
  const pair = (callee: number, caller: number): string =>
    between({
      type: '(result (tuple u32 u32))',
      callee: `(func (export "f") (result i32) (i32.const ${callee}))`,
      core: '(param i32)',
      caller: `(func (export "run") (call $f (i32.const ${caller})))`,
    });
  it.each([
    ['a result of the callee', pair(1, 8)],
    ["the place for a result in the caller's memory", pair(0, 1)],
    ["that place at the end of the caller's memory", pair(0, 65_532)],
  ])('trap when misaligned or outside: %s', async (_what, text) => {
    const { run } = await instance(text);
    expect(() => run?.()).toThrow(/misaligned or outside/);
  });

  it('trap when parameters that go through memory are misaligned', async () => {
    const big = `(type $big (tuple ${'u32 '.repeat(17)}))`;
    const text = (at: number): string =>
      between({
        types: big,
        type: '(param "a" $big)',
        callee: `${allocating('(i32.const 8)')} (func (export "f") (param i32))`,
        lift: REALLOC,
        core: '(param i32)',
        caller: `(func (export "run") (call $f (i32.const ${at})))`,
      });
    (await instance(text(8))).run?.();
    const { run } = await instance(text(1));
    expect(() => run?.()).toThrow(/misaligned or outside/);
  });

  const sends = (pointer: number, length: number, encoding: string): string =>
    between({
      type: '(param "s" string)',
      callee: `${allocating('(i32.const 8)')} (func (export "f") (param i32 i32))`,
      lift: REALLOC,
      lower: `string-encoding=${encoding}`,
      core: '(param i32 i32)',
      caller: `(func (export "run") (call $f (i32.const ${pointer}) (i32.const ${length})))`,
    });
  it.each([
    ['an empty UTF-16 string at an odd place', sends(1, 0, 'utf16'), /not aligned to 2/],
    ['an empty latin1 string at an odd place', sends(1, 0, 'latin1+utf16'), /not aligned to 2/],
    ['an empty tagged string at an odd place', sends(1, -(2 ** 31), 'latin1+utf16'), /not aligned to 2/],
    ['a string beyond memory', sends(-(2 ** 31), 1, 'utf8'), /outside of memory/],
    ['a string that ends beyond memory', sends(65_535, 2, 'utf8'), /outside of memory/],
  ])('trap at %s', async (_what, text, message) => {
    const { run } = await instance(text);
    expect(() => run?.()).toThrow(message);
  });
});

describe('a string', () => {
  const answers = (pointer: number, length: number, bytes = ''): string =>
    lifting(
      `(data (i32.const 8) "${bytes}") (data (i32.const 65534) "ok")
       (func (export "f") (result i32) (i32.store (i32.const 0) (i32.const ${pointer})) (i32.store (i32.const 4) (i32.const ${length})) (i32.const 0))`,
      '(func (export "f") (result string) (canon lift (core func $m "f") (memory (core memory $m "mem"))))',
    );
  it.each([
    ['a character', answers(8, 1, 'a'), 'a'],
    [
      'characters of two, three and four bytes',
      answers(8, 13, '\\c3\\b6\\e2\\98\\83\\ef\\b8\\8f\\f0\\9f\\8d\\b0a'),
      'ö☃️🍰a',
    ],
    ['nothing at zero', answers(0, 0), ''],
    ['nothing elsewhere', answers(100, 0), ''],
    ['the last bytes of memory', answers(65_534, 2), 'ok'],
  ])('is %s', async (_what, text, value) => {
    expect((await instance(text)).f?.()).toBe(value);
  });

  it.each([
    ['nothing beyond memory', answers(0xdeadbeef | 0, 0), /outside of memory/],
    ['a byte that no character begins with', answers(8, 1, '\\ff'), /not UTF-8/],
    ['half a character', answers(8, 1, '\\c3'), /not UTF-8/],
    ['one byte too many', answers(65_535, 2), /outside of memory/],
  ])('is not %s', async (_what, text, message) => {
    const { f } = await instance(text);
    expect(() => f?.()).toThrow(message);
  });

  const concatenating = (encoding: string, unit: number): string =>
    lifting(
      `${ALLOCATES}
       (func (export "f") (param $a i32) (param $n i32) (param $b i32) (param $k i32) (result i32)
         (local $bytes i32)
         (local.set $bytes (i32.mul (local.get $n) (i32.const ${unit})))
         (memory.copy (i32.const 4096) (local.get $a) (local.get $bytes))
         (memory.copy (i32.add (i32.const 4096) (local.get $bytes)) (local.get $b) (i32.mul (local.get $k) (i32.const ${unit})))
         (i32.store (i32.const 0) (i32.const 4096))
         (i32.store (i32.const 4) (i32.add (local.get $n) (local.get $k)))
         (i32.const 0))`,
      `(func (export "f") (param "a" string) (param "b" string) (result string)
         (canon lift (core func $m "f") (memory (core memory $m "mem")) ${REALLOC} string-encoding=${encoding}))`,
    );
  it.each([
    ['utf8', 1],
    ['utf16', 2],
  ] as const)('is put behind another by a guest, in %s', async (encoding, unit) => {
    const { f } = await instance(concatenating(encoding, unit));
    const texts = ['', 'a', 'hello, ', 'wörld', '☃🍰', 'x'.repeat(100), 'hello, '];
    for (const a of texts) for (const b of texts) expect(f?.(a, b)).toBe(a + b);
  });

  /** The callee checks the bytes that it is given and answers `answer`; the caller checks that, and answers 42. */
  const transcoded = (
    [lower, lift]: readonly [string, string],
    sent: readonly [bytes: string, length: number],
    arrives: readonly [bytes: string, length: number],
    answered: readonly [bytes: string, length: number],
    returns: readonly [bytes: string, length: number],
  ): string => {
    const same = (at: number, bytes: string): string => {
      const size = bytes.length / 3;
      return `(local $i i32) (block $end (loop $next
        (br_if $end (i32.ge_u (local.get $i) (i32.const ${size})))
        (if (i32.ne (i32.load8_u (i32.add (local.get $p) (local.get $i))) (i32.load8_u offset=${at} (local.get $i))) (then (unreachable)))
        (local.set $i (i32.add (local.get $i) (i32.const 1))) (br $next)))`;
    };
    return between({
      type: '(param "s" string) (result string)',
      callee: `${ALLOCATES} (data (i32.const 64) "${answered[0]}") (data (i32.const 128) "${arrives[0]}")
        (func $check (param $p i32) ${same(128, arrives[0])})
        (func (export "f") (param $p i32) (param $n i32) (result i32)
          (if (i32.ne (local.get $n) (i32.const ${arrives[1]})) (then (unreachable)))
          (call $check (local.get $p))
          (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const ${answered[1]})) (i32.const 0))`,
      lift: `${REALLOC} string-encoding=${lift}`,
      lower: `string-encoding=${lower}`,
      core: '(param i32 i32 i32)',
      caller: `(data (i32.const 16) "${sent[0]}") (data (i32.const 128) "${returns[0]}")
        (func $check (param $p i32) ${same(128, returns[0])})
        (func (export "run") (result i32)
          (call $f (i32.const 16) (i32.const ${sent[1]}) (i32.const 8))
          (if (i32.ne (i32.load (i32.const 12)) (i32.const ${returns[1]})) (then (unreachable)))
          (call $check (i32.load (i32.const 8)))
          (i32.const 42))`,
      result: '(result u32)',
    });
  };
  const escaped = (bytes: Uint8Array): string =>
    [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
  const utf8 = (text: string): readonly [string, number] => [escaped(Buffer.from(text)), Buffer.byteLength(text)];
  const utf16 = (text: string): readonly [string, number] => [escaped(Buffer.from(text, 'utf16le')), text.length];
  const tagged = (text: string): readonly [string, number] => [utf16(text)[0], text.length - 2 ** 31];
  const latin1 = (text: string): readonly [string, number] => [escaped(Buffer.from(text, 'latin1')), text.length];
  it.each([
    ['from UTF-16 to UTF-8', ['utf16', 'utf8'], utf16('hö☃🍰'), utf8('hö☃🍰'), utf8('ok☃🍰'), utf16('ok☃🍰')],
    ['from UTF-8 to UTF-16', ['utf8', 'utf16'], utf8('hö☃🍰'), utf16('hö☃🍰'), utf16('ök🍰'), utf8('ök🍰')],
    ['empty', ['utf16', 'utf8'], utf16(''), utf8(''), utf8(''), utf16('')],
    ['from latin1 to UTF-8', ['latin1+utf16', 'utf8'], latin1('höla'), utf8('höla'), utf8('grün'), latin1('grün')],
    ['tagged, to UTF-8', ['latin1+utf16', 'utf8'], tagged('☃🍰'), utf8('☃🍰'), utf8('sn☃'), tagged('sn☃')],
    [
      'tagged without need, and back as latin1',
      ['latin1+utf16', 'latin1+utf16'],
      tagged('hö'),
      latin1('hö'),
      latin1('ja'),
      latin1('ja'),
    ],
  ] as const)(
    'changes its encoding between two components: %s',
    async (_what, ways, sent, arrives, answered, returns) => {
      expect((await instance(transcoded(ways, sent, arrives, answered, returns))).run?.()).toBe(42);
    },
  );
});

describe('numbers', () => {
  it.each([
    ['u8', '0xff00', 0],
    ['u8', '0xf01', 1],
    ['s8', '0xff', -1],
    ['s8', '0xffff', -1],
    ['u16', '0xff0000', 0],
    ['s16', '0xffffff', -1],
    ['bool', '0', 0],
    ['bool', '2', 1],
    ['bool', '-1', 1],
    ['char', '0xd7ff', 0xd7ff],
    ['char', '0xe000', 0xe000],
    ['char', '0x10ffff', 0x10ffff],
  ])('reach another component as its type has them: %s %s', async (type, given, arrives) => {
    const { run } = await instance(
      between({
        type: `(param "x" ${type}) (result u32)`,
        callee: '(func (export "f") (param i32) (result i32) (local.get 0))',
        core: '(param i32) (result i32)',
        caller: `(func (export "run") (result i32) (call $f (i32.const ${given})))`,
        result: '(result u32)',
      }),
    );
    expect(run?.()).toBe(arrives >>> 0);
  });

  it.each(['0xd800', '0xdfff', '0x110000'])('trap as characters that are none: %s', async (given) => {
    const { run } = await instance(
      between({
        type: '(param "x" char)',
        callee: '(func (export "f") (param i32))',
        core: '(param i32)',
        caller: `(func (export "run") (call $f (i32.const ${given})))`,
      }),
    );
    expect(() => run?.()).toThrow(/not a character/);
  });

  it('lose the flags that their type does not have', async () => {
    const labels = Array.from({ length: 9 }, (_, index) => `"f${index + 1}"`).join(' ');
    const { f } = await instance(`(type $nine (flags ${labels})) (export $named "nine" (type $nine))
      (core module $M (func (export "junk") (result i32) (i32.const 0xffffff11)))
      (core instance $m (instantiate $M))
      (func (export "f") (result $named) (canon lift (core func $m "junk")))`);
    const set = Object.entries(f?.() as Record<string, boolean>).filter(([, is]) => is);
    expect(set.map(([name]) => name)).toEqual(['f1', 'f5', 'f9']);
  });
});

describe('post-return', () => {
  const cleaning = (body: string): string =>
    lifting(
      `(global $cleaned (mut i32) (i32.const 0)) (data (i32.const 8) "text")
       (func (export "f") (result i32) (i32.store (i32.const 0) (i32.const 8)) (i32.store (i32.const 4) (i32.const 4)) (i32.const 0))
       (func (export "post") (param i32) ${body})
       (func (export "cleaned") (result i32) (global.get $cleaned))`,
      `(func (export "f") (result string) (canon lift (core func $m "f") (memory (core memory $m "mem")) (post-return (core func $m "post"))))
       (func (export "cleaned") (result u32) (canon lift (core func $m "cleaned")))`,
    );

  it('is called once with what the function answered, after that was lifted', async () => {
    const { f, cleaned } = await instance(
      cleaning(`(if (local.get 0) (then (unreachable)))
        (i32.store (i32.const 8) (i32.const 0)) (global.set $cleaned (i32.add (global.get $cleaned) (i32.const 1)))`),
    );
    expect(cleaned?.()).toBe(0);
    expect(f?.()).toBe('text');
    expect(cleaned?.()).toBe(1);
    expect(f?.()).toBe('\0\0\0\0');
    expect(cleaned?.()).toBe(2);
  });

  it('that traps is the end of the call', async () => {
    const { f } = await instance(cleaning('(unreachable)'));
    expect(() => f?.()).toThrow(/unreachable/);
  });
});
