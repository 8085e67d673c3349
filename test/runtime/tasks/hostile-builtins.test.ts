// What a guest can do to a built-in: numbers that are no handles, handles of other things, handles that it has given back.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/index.ts';

const READ = '(param i32 i32 i32) (result i32)';
const COPY = '(param i32 i32) (result i32)';
const ANSWERS = '(param i32) (result i32)';
const DROPS = '(param i32)';

/** The built-ins that make things, by their names in the guest: core type and definition. */
const MAKERS = {
  set: ['(result i32)', 'waitable-set.new'],
  bytes: ['(result i64)', 'stream.new $bytes'],
  words: ['(result i64)', 'stream.new $words'],
  future: ['(result i64)', 'future.new $future'],
  resource: [ANSWERS, 'resource.new $R'],
} as const;

/** The built-ins that are given a handle, which is always their first argument. */
const OPERATIONS = {
  'waitable-set.wait': [COPY, 'waitable-set.wait (memory $mem)'],
  'waitable-set.poll': [COPY, 'waitable-set.poll (memory $mem)'],
  'waitable-set.drop': [DROPS, 'waitable-set.drop'],
  'waitable.join': ['(param i32 i32)', 'waitable.join'],
  'stream.read': [READ, 'stream.read $bytes async (memory $mem)'],
  'stream.write': [READ, 'stream.write $bytes async (memory $mem)'],
  'stream.cancel-read': [ANSWERS, 'stream.cancel-read $bytes async'],
  'stream.cancel-write': [ANSWERS, 'stream.cancel-write $bytes async'],
  'stream.drop-readable': [DROPS, 'stream.drop-readable $bytes'],
  'stream.drop-writable': [DROPS, 'stream.drop-writable $bytes'],
  'future.read': [COPY, 'future.read $future async (memory $mem)'],
  'future.write': [COPY, 'future.write $future async (memory $mem)'],
  'future.cancel-read': [ANSWERS, 'future.cancel-read $future async'],
  'future.cancel-write': [ANSWERS, 'future.cancel-write $future async'],
  'future.drop-readable': [DROPS, 'future.drop-readable $future'],
  'future.drop-writable': [DROPS, 'future.drop-writable $future'],
  'subtask.cancel': [ANSWERS, 'subtask.cancel async'],
  'subtask.drop': [DROPS, 'subtask.drop'],
  'resource.drop': [DROPS, 'resource.drop $R'],
  'thread.resume-later': [DROPS, 'thread.resume-later'],
  'thread.yield-then-resume': [ANSWERS, 'thread.yield-then-resume'],
  'thread.suspend-then-resume': [ANSWERS, 'thread.suspend-then-resume'],
} as const;

type Operation = keyof typeof OPERATIONS;

const is = (value: string): string => `(local.set $h ${value})`;
const low = (call: string): string => is(`(i32.wrap_i64 ${call})`);
const high = (call: string): string => is(`(i32.wrap_i64 (i64.shr_u ${call} (i64.const 32)))`);
const call = (name: Operation, ...more: readonly string[]): string =>
  `(call $${name} (local.get $h) ${more.join(' ')})`;

/** Core code that puts what the guest passes for a handle into the local `$h`. */
const HANDLES = {
  zero: is('(i32.const 0)'),
  'the largest number': is('(i32.const -1)'),
  'the largest signed number': is('(i32.const 0x7fffffff)'),
  'a number never given out': is('(i32.const 99999)'),
  'a set': is('(call $set)'),
  'a reader of bytes': low('(call $bytes)'),
  'a writer of bytes': high('(call $bytes)'),
  'a reader of another type': low('(call $words)'),
  'a writer of another type': high('(call $words)'),
  'a reader of a future': low('(call $future)'),
  'a writer of a future': high('(call $future)'),
  'a resource': is('(call $resource (i32.const 7))'),
  'a set given back': is('(call $set)') + call('waitable-set.drop'),
  'a reader given back': low('(call $bytes)') + call('stream.drop-readable'),
  'a writer given back': high('(call $bytes)') + call('stream.drop-writable'),
  'a future given back': low('(call $future)') + call('future.drop-readable'),
  'a resource given back': is('(call $resource (i32.const 7))') + call('resource.drop'),
} as const;

type Given = keyof typeof HANDLES;

/** What each built-in takes. Anything else is a trap; so is a wait for a set in which nothing is. */
const TAKES: Readonly<Partial<Record<Operation, readonly Given[]>>> = {
  'waitable-set.poll': ['a set'],
  'waitable-set.drop': ['a set'],
  'waitable.join': [
    'a reader of bytes',
    'a writer of bytes',
    'a reader of another type',
    'a writer of another type',
    'a reader of a future',
    'a writer of a future',
  ],
  'stream.read': ['a reader of bytes'],
  'stream.write': ['a writer of bytes'],
  'stream.drop-readable': ['a reader of bytes'],
  'stream.drop-writable': ['a writer of bytes'],
  'future.read': ['a reader of a future'],
  'future.write': ['a writer of a future'],
  'future.drop-readable': ['a reader of a future'],
  'resource.drop': ['a resource'],
};

/** Misuses of two built-ins, or of one twice, and what is said of them. */
const MISUSES = {
  'two reads of one reader': [
    low('(call $bytes)') + `(drop ${call('stream.read', '(i32.const 0)', '(i32.const 1)')})`.repeat(2),
    /copies while it is copying/,
  ],
  'a reader that is dropped while it reads': [
    `${low('(call $bytes)')}(drop ${call('stream.read', '(i32.const 0)', '(i32.const 1)')})${call('stream.drop-readable')}`,
    /dropped while it copies/,
  ],
  'a write after the reader was told to be gone': [
    `(local.set $e (call $bytes)) ${is('(i32.wrap_i64 (local.get $e))')} ${call('stream.drop-readable')}
      ${is('(i32.wrap_i64 (i64.shr_u (local.get $e) (i64.const 32)))')}
      (if (i32.ne ${call('stream.write', '(i32.const 0)', '(i32.const 1)')} (i32.const 1)) (then unreachable))
      (drop ${call('stream.write', '(i32.const 0)', '(i32.const 1)')})`,
    /copies while it is done/,
  ],
  'a future that is written twice': [
    `(local.set $e (call $future)) (drop (call $future.read (i32.wrap_i64 (local.get $e)) (i32.const 8)))
      ${is('(i32.wrap_i64 (i64.shr_u (local.get $e) (i64.const 32)))')}
      (drop ${call('future.write', '(i32.const 0)')}) (drop ${call('future.write', '(i32.const 0)')})`,
    /copies while it is done/,
  ],
  'a set that is dropped with its members': [
    `${is('(call $set)')} (call $waitable.join (i32.wrap_i64 (call $bytes)) (local.get $h)) ${call('waitable-set.drop')}`,
    /dropped while it has members/,
  ],
  'a set that is a member': [`${is('(call $set)')} ${call('waitable.join', '(local.get $h)')}`, /cannot be waited for/],
  'a member of what is no set': [
    `${low('(call $bytes)')} ${call('waitable.join', '(local.get $h)')}`,
    /is no waitable set/,
  ],
  'bytes outside of the memory': [
    `${low('(call $bytes)')}(drop ${call('stream.read', '(i32.const 65530)', '(i32.const 7)')})`,
    /misaligned or outside of memory/,
  ],
  'more bytes than a length can say': [
    `${low('(call $bytes)')}(drop ${call('stream.read', '(i32.const 0)', '(i32.const -1)')})`,
    /larger than the canonical ABI allows/,
  ],
  'streams without end': ['(loop $more (drop (call $bytes)) (br $more))', /make the host keep more than it may/],
  'futures without end': ['(loop $more (drop (call $future)) (br $more))', /make the host keep more than it may/],
} as const;

const MISUSE_NAMES = Object.keys(MISUSES) as (keyof typeof MISUSES)[];

/** Chooses among texts by a parameter. */
function choice(parameter: string, texts: readonly string[]): string {
  return texts
    .map((text, index) => `(if (i32.eq (local.get ${parameter}) (i32.const ${index})) (then ${text}))`)
    .join('\n');
}

const ALL = Object.entries({ ...MAKERS, ...OPERATIONS });
const COMPONENT = `(component
  (type $bytes (stream u8)) (type $words (stream u16)) (type $future (future u8)) (type $R (resource (rep i32)))
  (core module $Memory (memory (export "memory") 1))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  ${ALL.map(([name, [, canon]]) => `(core func $${name} (canon ${canon}))`).join('\n')}
  (core module $M (import "" "memory" (memory 1))
    ${ALL.map(([name, [type]]) => `(import "" "${name}" (func $${name} ${type}))`).join('\n')}
    (func (export "give") (param $o i32) (param $g i32) (local $h i32)
      ${choice('$g', Object.values(HANDLES))}
      ${choice(
        '$o',
        (Object.keys(OPERATIONS) as Operation[]).map((name) => {
          const [type] = OPERATIONS[name];
          const more = (type.match(/i32/g)?.length ?? 0) - 1 - (type.includes('result') ? 1 : 0);
          const text = call(name, '(i32.const 0) '.repeat(more));
          return type.includes('result') ? `(drop ${text})` : text;
        }),
      )})
    (func (export "misuse") (param $m i32) (local $h i32) (local $e i64)
      ${choice(
        '$m',
        MISUSE_NAMES.map((name) => MISUSES[name][0]),
      )})
    (func (export "steady") (param $n i32) (local $h i32) (local $e i64)
      (loop $more
        (local.set $e (call $bytes))
        ${is('(call $set)')}
        (call $waitable.join (i32.wrap_i64 (local.get $e)) (local.get $h))
        (drop (call $stream.read (i32.wrap_i64 (local.get $e)) (i32.const 0) (i32.const 1)))
        (drop (call $stream.write (i32.wrap_i64 (i64.shr_u (local.get $e) (i64.const 32))) (i32.const 8) (i32.const 1)))
        (drop (call $waitable-set.poll (local.get $h) (i32.const 16)))
        (call $stream.drop-writable (i32.wrap_i64 (i64.shr_u (local.get $e) (i64.const 32))))
        (call $stream.drop-readable (i32.wrap_i64 (local.get $e)))
        (call $waitable-set.drop (local.get $h))
        (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))
  (core instance $m (instantiate $M (with "" (instance (export "memory" (memory $mem))
    ${ALL.map(([name]) => `(export "${name}" (func $${name}))`).join(' ')}))))
  (func (export "give") async (param "o" u32) (param "g" u32) (canon lift (core func $m "give")))
  (func (export "misuse") async (param "m" u32) (canon lift (core func $m "misuse")))
  (func (export "steady") async (param "n" u32) (canon lift (core func $m "steady"))))`;

describe('a built-in', () => {
  let runtime: Runtime;
  let component: Uint8Array;
  beforeAll(async () => {
    runtime = await createRuntime({});
    component = await parse(COMPONENT);
  });
  afterAll(() => runtime.close());

  const limits = { maxExecutionTimeMs: 60_000, maxFuel: 10_000_000_000n, maxMemoryBytes: 2 ** 20 };
  const load = () => runtime.load(component, { limits });
  /** Calls an export in a store of its own, and answers what it ended with; undefined where it did not. */
  async function failureOf(name: string, ...args: number[]): Promise<unknown> {
    const handle = await load();
    try {
      await runtime.call(handle, name, ...args);
      return undefined;
    } catch (error) {
      return error;
    } finally {
      await runtime.unload(handle);
    }
  }

  it.each(Object.keys(OPERATIONS) as Operation[])(
    '%s takes handles of its own kind, and traps for others',
    async (operation) => {
      const given = Object.keys(HANDLES) as Given[];
      const taken: Given[] = [];
      for (const [index, each] of given.entries()) {
        const failure = await failureOf('give', Object.keys(OPERATIONS).indexOf(operation), index);
        if (failure === undefined) taken.push(each);
        // The guest's own `unreachable` would be another reason than the built-in's.
        else
          expect(failure, each).toMatchObject({
            code: 'RUNTIME_TRAP',
            message: expect.not.stringMatching(/unreachable/),
          });
      }
      expect(taken).toEqual(TAKES[operation] ?? []);
    },
  );

  it.each(MISUSE_NAMES)('traps for %s', async (name) => {
    expect(await failureOf('misuse', MISUSE_NAMES.indexOf(name))).toMatchObject({
      code: 'RUNTIME_TRAP',
      message: expect.stringMatching(MISUSES[name][1]),
    });
  });

  it('makes and gives back a hundred thousand streams and sets in what the host may keep for few', async () => {
    // Each that stayed would take some hundred bytes of the store's mebibyte.
    expect(await failureOf('steady', 100_000)).toBeUndefined();
  });
});
