import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linkComponent, readComponent } from '#wasm';
import { DirectCode } from '../../../src/runtime/direct/direct-code.ts';
import { planDirect } from '../../../src/runtime/planning/plan.ts';
import { BareTurn } from '../../../tools/runtime/bare-turn.ts';
import type { Encoding } from './echo-guest.ts';

interface Guest {
  /** The type of the export `run`. */
  readonly run: string;
  /** Core parameters and result of `run`, and its body. */
  readonly core: string;
  readonly fields?: string;
  readonly realloc?: string;
  readonly postReturn?: string;
  readonly encoding?: Encoding;
  readonly memory?: string;
}

const HOST = `interface host {
  resource r { touch: func(); }
  note: func(); make: func() -> r; give: func(x: r); both: func(x: borrow<r>, y: r);
  text: func() -> string; take: func(s: string);
}`;
const IMPORTS = `
  (import "t:t/host" "note" (func $note))
  (import "t:t/host" "make" (func $make (result i32)))
  (import "t:t/host" "give" (func $give (param i32)))
  (import "t:t/host" "both" (func $both (param i32 i32)))
  (import "t:t/host" "[method]r.touch" (func $touch (param i32)))
  (import "t:t/host" "[resource-drop]r" (func $drop (param i32)))
  (import "t:t/host" "text" (func $text (param i32)))
  (import "t:t/host" "take" (func $take (param i32 i32)))`;

class R {
  disposed = 0;
  touched = 0;
  touch(): void {
    this.touched += 1;
  }
  [Symbol.dispose](): void {
    this.disposed += 1;
  }
}

interface Running {
  readonly run: (...args: readonly unknown[]) => unknown;
  readonly stopped: Error[];
  readonly calls: string[];
  readonly given: unknown[];
}

/** Builds, instantiates directly, and records what the host sees. */
async function guest(text: Guest, onNote: (running: Running) => void = () => {}): Promise<Running> {
  const witSource = `package t:t; ${HOST} world w { import host; export run: ${text.run}; }`;
  const binary = await parse(`(module ${IMPORTS} ${text.fields ?? ''}
    (memory (export "memory") ${text.memory ?? '1'})
    (func (export "cabi_realloc") (param $old i32) (param $oldSize i32) (param $align i32) (param $size i32) (result i32)
      ${text.realloc ?? '(i32.const 4096)'})
    (func (export "run") ${text.core})
    ${text.postReturn === undefined ? '' : `(func (export "cabi_post_run") ${text.postReturn})`})`);
  const embedded = await componentEmbed({ binary, witSource, world: 'w', stringEncoding: text.encoding ?? 'utf8' });
  const component = await componentNew(embedded, []);
  const code = new DirectCode(planDirect(component));
  const modules = coreModulesOf(component);
  const [calls, given, stopped]: [string[], unknown[], Error[]] = [[], [], []];
  let running: Running | undefined;
  const host = {
    R,
    note: () => {
      calls.push('note');
      onNote(running as Running);
    },
    make: () => new R(),
    give: (...args: unknown[]) => given.push(...args),
    both: (...args: unknown[]) => given.push(...args),
    text: () => 'host text',
    take: (...args: unknown[]) => given.push(...args),
  };
  const exports = new BareTurn().exports(() =>
    code.instantiate(
      (index) => modules[index] as WebAssembly.Module,
      { 't:t/host': host },
      (module, imports) => new WebAssembly.Instance(module, imports).exports,
      {
        stop(reason) {
          stopped.push(reason);
          throw reason;
        },
      },
    ),
  );
  running = { run: exports.run as Running['run'], stopped, calls, given };
  return running;
}

const trapped = (message: RegExp): object => expect.objectContaining({ message: expect.stringMatching(message) });

/** A guest that answers from a data segment at 64. */
const answering = (run: string, bytes: string, more: Partial<Guest> = {}): Guest => ({
  run,
  core: '(result i32) (i32.const 64)',
  fields: `(data (i32.const 64) "${bytes}")`,
  ...more,
});
const le32 = (value: number): string =>
  [0, 8, 16, 24].map((shift) => `\\${((value >>> shift) & 0xff).toString(16).padStart(2, '0')}`).join('');

describe('lifting what a guest answers', () => {
  it.each<[what: string, text: Guest, message: RegExp]>([
    [
      'a result pointer at the end of memory',
      { run: 'func() -> string', core: '(result i32) (i32.const 65532)' },
      /result pointer 65532/,
    ],
    [
      'a result pointer beyond memory',
      { run: 'func() -> string', core: '(result i32) (i32.const -4)' },
      /result pointer 4294967292/,
    ],
    ['a misaligned result pointer', { run: 'func() -> string', core: '(result i32) (i32.const 66)' }, /misaligned/],
    ['a string of 2^32-1 bytes', answering('func() -> string', le32(0) + le32(-1)), /outside of memory/],
    ['a string that ends past memory', answering('func() -> string', le32(65_530) + le32(7)), /outside of memory/],
    ['a list of 2^32-1 numbers', answering('func() -> list<u64>', le32(0) + le32(-1)), /outside of memory/],
    [
      'a list of 2^32-1 records',
      answering('func() -> list<tuple<u8, string>>', le32(0) + le32(-1)),
      /outside of memory/,
    ],
    ['a misaligned list', answering('func() -> list<u32>', le32(2) + le32(1)), /not aligned to 4/],
    ['a misaligned empty list', answering('func() -> list<u32>', le32(2) + le32(0)), /not aligned to 4/],
    ['invalid UTF-8', answering('func() -> string', `${le32(72)}${le32(2)}\\c3\\28`), /not UTF-8/],
    ['overlong UTF-8', answering('func() -> string', `${le32(72)}${le32(2)}\\c0\\80`), /not UTF-8/],
    ['a surrogate in UTF-8', answering('func() -> string', `${le32(72)}${le32(3)}\\ed\\a0\\80`), /not UTF-8/],
    ['long invalid UTF-8', answering('func() -> string', le32(72) + le32(60) + '\\ff'.repeat(60)), /not UTF-8/],
    [
      'a lone surrogate in UTF-16',
      answering('func() -> string', `${le32(72)}${le32(1)}\\00\\d8`, { encoding: 'utf16' }),
      /not UTF-16/,
    ],
    ['misaligned UTF-16', answering('func() -> string', le32(73) + le32(1), { encoding: 'utf16' }), /not aligned to 2/],
    [
      'UTF-16 past memory',
      answering('func() -> string', le32(65_534) + le32(2), { encoding: 'utf16' }),
      /outside of memory/,
    ],
    [
      'tagged UTF-16 with a lone surrogate',
      answering('func() -> string', `${le32(72)}${le32(0x80000001 | 0)}\\00\\dc`, { encoding: 'compact-utf16' }),
      /not UTF-16/,
    ],
    [
      'misaligned latin1',
      answering('func() -> string', le32(73) + le32(1), { encoding: 'compact-utf16' }),
      /not aligned to 2/,
    ],
    ['an option that is neither', answering('func() -> option<u32>', '\\02'), /2 is not the number of a case/],
    ['a variant without such a case', answering('func() -> result<u32, string>', '\\ff'), /255 is not/],
    [
      'a character beyond Unicode',
      { run: 'func() -> char', core: '(result i32) (i32.const 0x110000)' },
      /not a character/,
    ],
    [
      'a surrogate as a character',
      { run: 'func() -> char', core: '(result i32) (i32.const 0xD800)' },
      /not a character/,
    ],
    ['a negative character', { run: 'func() -> char', core: '(result i32) (i32.const -1)' }, /not a character/],
  ])('traps at %s', async (_what, text, message) => {
    const { run } = await guest(text);
    expect(() => run()).toThrow(trapped(message));
  });

  it.each<[what: string, text: Guest, value: unknown]>([
    [
      'a bool of 2 as true, as the specification does',
      { run: 'func() -> bool', core: '(result i32) (i32.const 2)' },
      true,
    ],
    ['only the bits that a number has', { run: 'func() -> u8', core: '(result i32) (i32.const 0x1ff)' }, 255],
    ['a signed number by its bits', { run: 'func() -> s8', core: '(result i32) (i32.const 0x180)' }, -128],
    ['an unsigned number as such', { run: 'func() -> u32', core: '(result i32) (i32.const -1)' }, 2 ** 32 - 1],
    ['latin1', answering('func() -> string', `${le32(72)}${le32(2)}\\e9a`, { encoding: 'compact-utf16' }), 'éa'],
    [
      'tagged UTF-16',
      answering('func() -> string', `${le32(72)}${le32(0x80000001 | 0)}\\ac\\20`, { encoding: 'compact-utf16' }),
      '€',
    ],
    ['a string that ends with memory', answering('func() -> string', le32(65_529) + le32(7)), '\0'.repeat(7)],
    ['an empty list anywhere', answering('func() -> list<u8>', le32(65_536) + le32(0)), new Uint8Array()],
  ])('takes %s', async (_what, text, value) => {
    expect((await guest(text)).run()).toEqual(value);
  });

  it('traps when a list of small things would fill the heap of the host', async () => {
    const { run } = await guest(answering('func() -> list<tuple<bool>>', le32(0) + le32(4_000_000), { memory: '64' }));
    expect(() => run()).toThrow(trapped(/more than the whole memory/));
    const some = await guest(answering('func() -> list<tuple<bool>>', le32(0) + le32(100_000), { memory: '4' }));
    expect(some.run()).toHaveLength(100_000);
  });

  it('traps when lists make the same bytes count many times', async () => {
    // 4,096 strings of 20,000 bytes each, all the same: 80 MB out of one page.
    const fill = `(local $i i32) (loop $l
      (i32.store (i32.add (i32.const 512) (i32.mul (local.get $i) (i32.const 8))) (i32.const 40000))
      (i32.store (i32.add (i32.const 516) (i32.mul (local.get $i) (i32.const 8))) (i32.const 20000))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 4096))))`;
    const { run } = await guest({
      run: 'func() -> list<string>',
      core: `(result i32) ${fill} (i32.store (i32.const 64) (i32.const 512)) (i32.store (i32.const 68) (i32.const 4096)) (i32.const 64)`,
    });
    expect(() => run()).toThrow(trapped(/more than the whole memory/));
  });
});

describe('lowering into a guest with its own allocator', () => {
  const text: Guest = { run: 'func(s: string)', core: '(param i32 i32)' };

  it.each([
    ['answers beyond memory', '(i32.const 65530)', /outside of memory/],
    ['answers far beyond memory', '(i32.const -16)', /outside of memory/],
  ])('traps when it %s', async (_what, realloc, message) => {
    const { run } = await guest({ ...text, realloc });
    expect(() => run('more than six')).toThrow(trapped(message));
  });

  it('traps when it answers misaligned', async () => {
    const { run } = await guest({ run: 'func(l: list<u32>)', core: '(param i32 i32)', realloc: '(i32.const 4098)' });
    expect(() => run([1])).toThrow(trapped(/not aligned to 4/));
  });

  it('does not mind that it answers the same place twice', async () => {
    const { run } = await guest({
      run: 'func(a: string, b: string) -> string',
      core: '(param i32 i32 i32 i32) (result i32) (i32.store (i32.const 64) (local.get 0)) (i32.store (i32.const 68) (local.get 1)) (i32.const 64)',
    });
    expect(run('first', 'other')).toBe('other');
  });

  it('writes into the memory that it grew', async () => {
    const { run } = await guest({
      run: 'func(l: list<string>) -> string',
      core: '(param i32 i32) (result i32) (i32.store (i32.const 64) (i32.load offset=8 (local.get 0))) (i32.store (i32.const 68) (i32.load offset=12 (local.get 0))) (i32.const 64)',
      realloc: '(i32.mul (memory.grow (i32.const 1)) (i32.const 65536))',
    });
    expect(run(['one', 'two'])).toBe('two');
  });

  it('asks for space once for any text, since adapters of WASI preview 1 end at a block that is given back', async () => {
    const { run } = await guest({
      run: 'func(s: string) -> string',
      core: '(param i32 i32) (result i32) (i32.store (i32.const 64) (local.get 0)) (i32.store (i32.const 68) (local.get 1)) (i32.const 64)',
      realloc: '(if (local.get $old) (then unreachable)) (i32.const 4096)',
    });
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (text) => {
        expect(run(text)).toBe(text);
      }),
      { examples: [['né'], ['drei–☃'], ['plain']] },
    );
  });

  it('traps when there is no such room', async () => {
    const realloc = '(i32.const 65535)';
    const { run } = await guest({ ...text, realloc });
    expect(() => run('é')).toThrow(trapped(/outside of memory/));
  });

  it('leaves lone surrogates out, in both encodings', async () => {
    for (const encoding of ['utf8', 'utf16', 'compact-utf16'] as const) {
      const { run } = await guest({
        run: 'func(s: string) -> string',
        core: '(param i32 i32) (result i32) (i32.store (i32.const 64) (local.get 0)) (i32.store (i32.const 68) (local.get 1)) (i32.const 64)',
        encoding,
      });
      expect(run('a\ud800b')).toBe('a\ufffdb');
      expect(run('é')).toBe('é');
      expect(run('€')).toBe('€');
    }
  });
});

describe('leaving and entering', () => {
  it.each([
    [
      'while it allocates',
      { run: 'func(s: string)', core: '(param i32 i32)', realloc: '(call $note) (i32.const 4096)' },
      ['x'],
    ],
    [
      'in post-return',
      answering('func() -> string', le32(64) + le32(1), { postReturn: '(param i32) (call $note)' }),
      [],
    ],
    [
      'while it allocates for what the host answers',
      { run: 'func()', core: '(call $text (i32.const 64))', realloc: '(call $note) (i32.const 4096)' },
      [],
    ],
  ] as [string, Guest, unknown[]][])('traps at an import called %s', async (_what, text, args) => {
    const { run, stopped, calls } = await guest(text);
    expect(() => run(...args)).toThrow(trapped(/allocating or cleaning up/));
    expect(calls).toEqual([]);
    // Told once for each call that it passes through, of one and the same reason.
    expect(new Set(stopped).size).toBe(1);
  });

  it('tells whoever keeps the store, also when the guest catches what JavaScript throws', async () => {
    const { run, stopped } = await guest({
      run: 'func()',
      core: '(block $caught (try_table (catch_all $caught) (call $take (i32.const 0) (i32.const -1))))',
    });
    run();
    expect(stopped).toEqual([trapped(/outside of memory/)]);
    expect(stopped[0]).toMatchObject({ code: 'RUNTIME_TRAP' });
  });

  it('traps when the host enters a component again that is calling it', async () => {
    const outcomes: unknown[] = [];
    const { run, calls } = await guest({ run: 'func()', core: '(call $note)' }, (running) => {
      try {
        outcomes.push(running.run());
      } catch (error) {
        outcomes.push(error);
      }
    });
    run();
    expect(calls).toEqual(['note']);
    expect(outcomes).toEqual([trapped(/entered while a call of it was running/)]);
    run();
  });

  it('traps in a guest that was entered with a value of the wrong type, before it runs', async () => {
    const { run, calls } = await guest({ run: 'func(s: string)', core: '(param i32 i32) (call $note)' });
    expect(() => run(7)).toThrow(TypeError);
    expect(calls).toEqual([]);
  });
});

describe('handles', () => {
  const local = '(local $h i32) (local.set $h (call $make))';
  it.each([
    ['forged', '(call $touch (i32.const 7))', /unknown handle index 7/],
    ['zero', '(call $touch (i32.const 0))', /unknown handle index 0/],
    ['negative', '(call $drop (i32.const -1))', /unknown handle index 4294967295/],
    ['dropped twice', `${local} (call $drop (local.get $h)) (call $drop (local.get $h))`, /unknown handle index 1/],
    [
      'used after it was dropped',
      `${local} (call $drop (local.get $h)) (call $touch (local.get $h))`,
      /unknown handle/,
    ],
    [
      'used after it was given away',
      `${local} (call $give (local.get $h)) (call $touch (local.get $h))`,
      /unknown handle/,
    ],
    [
      'lent and given away in one call',
      `${local} (call $both (local.get $h) (local.get $h))`,
      /given away while it is lent/,
    ],
  ])('traps at one that is %s', async (_what, core, message) => {
    const { run, stopped } = await guest({ run: 'func()', core });
    expect(() => run()).toThrow(trapped(message));
    expect(stopped).toHaveLength(1);
  });

  it('hands resources over as the objects that they are', async () => {
    const { run, given } = await guest({
      run: 'func()',
      core: `(local $h i32) (local $g i32) (local.set $h (call $make)) (local.set $g (call $make))
        (call $touch (local.get $h)) (call $both (local.get $h) (local.get $g)) (call $drop (local.get $h))`,
    });
    run();
    expect(given).toEqual([
      expect.objectContaining({ touched: 1, disposed: 1 }),
      expect.objectContaining({ touched: 0, disposed: 0 }),
    ]);
  });

  it('lets a guest hold many, and not without end', async () => {
    const { run } = await guest({ run: 'func()', core: '(loop $l (drop (call $make)) (br $l))' });
    expect(() => run()).toThrow(trapped(/more than 100000 resources/));
  });
});

function coreModulesOf(component: Uint8Array): WebAssembly.Module[] {
  return linkComponent(readComponent(component)).modules.map(
    ({ bytes }) => new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>),
  );
}
