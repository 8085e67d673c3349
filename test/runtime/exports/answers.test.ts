// What an embedder's functions answer is checked by their types, on both ways of calling, before anything of it is lowered.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ComponentError } from '#runtime';
import { type ComponentHandle, createRuntime, type Runtime } from '../../../src/index.ts';
import { runCount } from '../../support/runs.ts';
import { echoGuest } from '../direct/echo-guest.ts';
import { type WitType, witType } from '../direct/wit-types.ts';
import { type Broken, brokenOf, placed } from './broken-values.ts';

const U8: WitType = { kind: 'primitive', name: 'u8' };

/** What a host function does that is wrong. */
interface Wrong extends Broken {
  readonly how: 'answers' | 'throws';
}

function wrongOf(type: WitType): fc.Arbitrary<Wrong> {
  const each = (part: WitType, how: Wrong['how']): fc.Arbitrary<Wrong> =>
    brokenOf(part).map((broken) => ({ ...broken, how }));
  if (type.kind !== 'result') return each(type, 'answers');
  const cases = [
    ...(type.ok === null ? [] : [each(type.ok, 'answers')]),
    ...(type.error === null ? [] : [each(type.error, 'throws')]),
  ];
  return fc.oneof(...cases);
}

const breakable = witType.filter((type) => type.kind !== 'result' || type.ok !== null || type.error !== null);

describe.each(['direct', 'glue'] as const)('what an embedder answers on the %s way', (calls) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime({ calls });
  });
  afterAll(() => runtime.close());

  it('is refused by its place when one thing is wrong with it, whatever its type', async () => {
    const cases = breakable.chain((type) =>
      fc.record({ type: fc.constant(type), wrongs: fc.array(wrongOf(type), { minLength: 2, maxLength: 4 }) }),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ({ type, wrongs }) => {
        const component = await echoGuest([U8], type, 'utf8');
        for (const { how, value, place } of wrongs) {
          const echo = (): unknown => {
            if (how === 'throws') throw value;
            return value;
          };
          const handle = await runtime.load(component, { imports: { 't:t/host': { echo } } });
          const refused = await runtime.call(handle, 't:t/api#echo', 1).then(
            () => expect.fail('was taken'),
            (error: Error) => error,
          );
          expect(refused).toMatchObject({ code: 'RUNTIME_TRAP', details: { import: 't:t/host#echo' } });
          const what = how === 'throws' ? 'an error' : 'a value';
          const where = place === '' ? '' : `${placed(place)}: `;
          const start = `the host function t:t/host#echo answered ${what} that its type does not have: ${where}`;
          expect(refused.message.startsWith(start), refused.message).toBe(true);
          expect(runtime.state(handle)).toBe('failed');
          await runtime.unload(handle);
        }
      }),
      { numRuns: runCount(15, 6) },
    );
  });

  const MEMORY = `(core module $L (memory (export "mem") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
    (core instance $l (instantiate $L))`;
  /** A component whose `run` answers what the host's `get` answered. */
  const asking = async (type: string, flat: string, types = ''): Promise<Uint8Array> =>
    parse(`(component
      (import "acme:rules/host@1.0.0" (instance $h ${types} (export "get" (func (result ${type})))))
      (alias export $h "get" (func $get)) ${MEMORY}
      (core func $get (canon lower (func $get) (memory (core memory $l "mem")) (realloc (core func $l "realloc"))))
      (core module $M (import "" "get" (func $get ${flat === '' ? '(param i32)' : `(result ${flat})`}))
        (func (export "run") (result i32) ${flat === '' ? '(call $get (i32.const 8)) (i32.const 8)' : '(call $get)'}))
      (core instance $m (instantiate $M (with "" (instance (export "get" (func $get))))))
      (func (export "run") (result u32) (canon lift (core func $m "run"))))`);
  const load = async (component: Promise<Uint8Array>, get: () => unknown): Promise<ComponentHandle> =>
    runtime.load(await component, { imports: { 'acme:rules/host@1.0.0': { get } } });

  const ITEM = `(type $i (record (field "price-now" u8) (field "name" string))) (export "item" (type $item (eq $i)))`;
  const COLOR = `(type $c (enum "red" "dark-blue")) (export "color" (type $color (eq $c)))`;
  it.each<readonly [string, Promise<Uint8Array>, () => unknown, string]>([
    ['a u8 of 300', asking('u8', 'i32'), () => 300, 'a u8 is expected, not 300'],
    ['a bigint for a u8', asking('u8', 'i32'), () => 3n, 'a u8 is expected, not 3n'],
    ['a text for a u8', asking('u8', 'i32'), () => '3', 'a u8 is expected, not "3"'],
    ['nothing for a u8', asking('u8', 'i32'), () => undefined, 'a u8 is expected, and it is missing'],
    [
      'a field out of range',
      asking('$item', '', ITEM),
      () => ({ priceNow: 300, name: '' }),
      'field priceNow: a u8 is expected, not 300',
    ],
    [
      'a missing field',
      asking('$item', '', ITEM),
      () => ({ priceNow: 3 }),
      'field name: a string is expected, and it is missing',
    ],
    [
      'half of a surrogate pair',
      asking('string', ''),
      () => 'a\ud800',
      'a string of whole characters is expected, not one with half of a surrogate pair',
    ],
    [
      'a case that there is not',
      asking('$color', 'i32', COLOR),
      () => 'green',
      'one of red, dark-blue is expected, not "green"',
    ],
    ['an item out of range', asking('(list s8)', ''), () => [1, 128], 'item [1]: an s8 is expected, not 128'],
    [
      'the ok value of a result',
      asking('(result u8 (error u8))', ''),
      () => ({ tag: 'ok', val: 256 }),
      'a u8 is expected, not 256',
    ],
  ])('ends the component, naming function and place: %s', async (_what, component, get, message) => {
    const handle = await load(component, get);
    await expect(runtime.call(handle, 'run')).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: `the host function acme:rules/host@1.0.0#get answered a value that its type does not have: ${message}`,
    });
    await runtime.unload(handle);
  });

  it.each<readonly [string, () => unknown]>([
    ['answered', () => ({ tag: 'err', val: -1 })],
    [
      'thrown',
      () => {
        throw new ComponentError('no', -1);
      },
    ],
  ])('is looked at as an error case too: %s', async (_what, get) => {
    const handle = await load(asking('(result u8 (error u8))', ''), get);
    await expect(runtime.call(handle, 'run')).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message:
        'the host function acme:rules/host@1.0.0#get answered an error that its type does not have: a u8 is expected, not -1',
    });
    await runtime.unload(handle);
  });

  it("is nobody's where the type has no value: what an arrow function answers by the way", async () => {
    const handle = await load(asking('(result (error u8))', ''), () => [1, 2].push(3));
    expect(await runtime.call(handle, 'run')).toBe(8);
    await runtime.unload(handle);
  });

  it('is none of its flags where they are missing, as in the shims that jco ships', async () => {
    const rights = `(type $r (flags "read" "write")) (export "rights" (type $rights (eq $r)))`;
    for (const [answer, bits] of [
      [undefined, 0],
      [null, 0],
      [{ write: true }, 2],
    ] as const) {
      const handle = await load(asking('$rights', 'i32', rights), () => answer);
      expect(await runtime.call(handle, 'run')).toBe(bits);
      await runtime.unload(handle);
    }
  });

  it('is read once: a getter cannot answer something else after the check', async () => {
    let reads = 0;
    const answer = {
      name: 'x',
      get priceNow(): number {
        reads += 1;
        return reads === 1 ? 7 : 300;
      },
    };
    const handle = await load(asking('$item', '', ITEM), () => answer);
    expect(await runtime.call(handle, 'run')).toBe(8);
    expect(reads).toBe(1);
    await runtime.unload(handle);
  });

  it('says of a getter that throws whose answer it is', async () => {
    const answer = {
      name: 'x',
      get priceNow(): never {
        throw new Error('gone');
      },
    };
    const handle = await load(asking('$item', '', ITEM), () => answer);
    await expect(runtime.call(handle, 'run')).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: 'the host function acme:rules/host@1.0.0#get answered a value that cannot be read: gone',
    });
    await runtime.unload(handle);
  });

  it('is checked of a function that the world imports by itself', async () => {
    const component = parse(`(component (import "get" (func $get (result u8)))
      (core func $get (canon lower (func $get)))
      (core module $M (import "" "get" (func $get (result i32))) (func (export "run") (result i32) (call $get)))
      (core instance $m (instantiate $M (with "" (instance (export "get" (func $get))))))
      (func (export "run") (result u8) (canon lift (core func $m "run"))))`);
    for (const get of [() => 300, { default: () => 300 }]) {
      const handle = await runtime.load(await component, { imports: { get } });
      await expect(runtime.call(handle, 'run')).rejects.toThrow(
        /host function get answered .* a u8 is expected, not 300/,
      );
      await runtime.unload(handle);
    }
  });
});
