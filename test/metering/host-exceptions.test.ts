import { describe, expect, it } from 'vitest';
import { meterModule } from '#metering';
import { rewriteModule } from '../../src/metering/sections/module-rewriter.ts';
import { assemble } from '../../tools/metering/wat.ts';
import { Guest } from './support/guest.ts';

const MEMORY = 2 ** 20;
/** What V8 was measured to take for an error with a trace of ten frames. */
const ERROR_BYTES = 704;

/** Keeps what `$fail` throws, 50 at a call, in a table; `$keep` takes it from the stack. */
const keeper = (type: string, clause: string, fields = ''): string => `(module
  (import "a" "fail" (func $fail)) (import "a" "tag" (tag $lent (param externref))) (tag $own (param i32)) ${fields}
  (table $kept 60000 ${type}) (global $n (mut i32) (i32.const 0))
  (func $keep (param ${type})
    (table.set $kept (global.get $n) (local.get 0)) (global.set $n (i32.add (global.get $n) (i32.const 1))))
  (func (export "run") (local $turns i32) (local.set $turns (i32.const 50)) (loop $again
    ${clause}
    (br_if $again (local.tee $turns (i32.sub (local.get $turns) (i32.const 1)))))))`;

const ALL = '(call $keep (block $c (result exnref) (try_table (catch_all_ref $c) (call $fail)) unreachable))';
const KEEPERS: readonly (readonly [name: string, text: string])[] = [
  ['catch_all_ref', keeper('exnref', ALL)],
  [
    'catch_all_ref of what comes out of a nest of functions',
    keeper(
      'exnref',
      '(call $keep (call $caught))',
      `(func $deep (param i32) (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1)))) (else (call $fail))))
       (func $caught (result exnref) (try_table (catch_all_ref 0) (call $deep (i32.const 12))) unreachable)`,
    ),
  ],
  [
    'catch_all_ref at the head of a loop',
    keeper(
      'exnref',
      `(ref.null exn) (loop $c (param exnref) (call $keep)
         (br_if $again (local.tee $turns (i32.sub (local.get $turns) (i32.const 1))))
         (try_table (catch_all_ref $c) (call $fail)))`,
    ),
  ],
  [
    'the tag of JavaScript',
    keeper(
      'externref',
      '(call $keep (block $c (result externref) (try_table (catch $lent $c) (call $fail)) unreachable))',
    ),
  ],
  [
    'the tag of JavaScript and a reference',
    keeper(
      'exnref',
      `(block $c (result externref exnref) (try_table (catch_ref $lent $c) (call $fail)) unreachable)
       (call $keep) (drop)`,
    ),
  ],
  ['the tag of JavaScript in a legacy handler', keeper('externref', 'try call $fail catch $lent call $keep end')],
];

/** Both Nodes have it; the types do not yet. */
const JS_TAG = Reflect.get(WebAssembly, 'JSTag') as WebAssembly.ExportValue;
const fail = (): void => {
  throw new TypeError('the host refuses');
};

async function kept(guest: Guest): Promise<{ end: string; errors: number }> {
  for (let calls = 0; calls < 1_000; calls++) {
    const end = guest.call('run');
    if (end !== 'returned undefined') return { end, errors: (calls + 1) * 50 };
  }
  return { end: 'never', errors: 50_000 };
}

describe('errors of the host', () => {
  it.each(KEEPERS)('that a guest keeps by %s are charged to its memory', async (_, text) => {
    const guest = new Guest(MEMORY);
    expect(await guest.link(text, { a: { fail, tag: JS_TAG } })).toBe('done');
    const { end, errors } = await kept(guest);
    expect(end).toBe('METERING_MEMORY');
    expect((errors - 50) * ERROR_BYTES).toBeLessThanOrEqual(MEMORY);
    expect(guest.call('run')).toMatch(/^METERING_/);
  });

  it('are charged to whoever catches them, whichever instance of the store asked the host', async () => {
    const guest = new Guest(MEMORY);
    await guest.link('(module (import "a" "fail" (func $fail)) (export "fail" (func $fail)))', { a: { fail } });
    const { exports } = guest;
    await guest.link(keeper('exnref', ALL), { a: { fail: exports.fail as () => void, tag: JS_TAG } });
    expect((await kept(guest)).end).toBe('METERING_MEMORY');
  });

  it("leave a guest's own exceptions at what these take", async () => {
    const guest = new Guest(MEMORY);
    await guest.link(
      keeper('i32', '(drop (block $c (result i32) (try_table (catch $own $c) (throw $own (i32.const 1))) unreachable))')
        .replace('(table $kept 60000 i32)', '(table $kept 1 funcref)')
        .replace('(table.set $kept (global.get $n) (local.get 0))', ''),
      { a: { fail, tag: JS_TAG } },
    );
    // 80 bytes each, so that some 13,000 fit.
    const { end, errors } = await kept(guest);
    expect(end).toBe('METERING_MEMORY');
    expect(errors).toBeGreaterThan(12_000);
  });
});

describe('a module of both encodings of exceptions', () => {
  // Node 24 calls it valid. Node 26 does not, but only if it happens to see both functions in time.
  it.each([
    ['in two functions', '(func try nop catch_all end) (func (block (try_table (catch_all 0))))'],
    ['in one', '(func try nop catch_all end (block (try_table (catch_all 0))))'],
    [
      'with one that is not reached',
      '(func unreachable try nop catch_all end) (func (block (try_table (catch_all 0))))',
    ],
    [
      'with a throw_ref that is not reached',
      '(func try nop catch_all end) (func (param exnref) return (throw_ref (local.get 0)))',
    ],
  ])('%s is refused on every Node', async (_, text) => {
    const bytes = await assemble(`(module ${text})`);
    expect(() => rewriteModule(bytes, 'fuel')).toThrow(expect.objectContaining({ code: 'METERING_UNSUPPORTED' }));
    expect(() => meterModule(bytes)).toThrow(/mixes try|not a valid core module/);
  });
});
