import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type Runtime } from '../../src/index.ts';

const MEMORY = '(core module $L (memory (export "mem") 1)) (core instance $l (instantiate $L))';

/** A component whose `run` answers what the host's `f` answered. */
const asking = (type: string, flat: string): string => `
  (import "f" (func $f (result ${type}))) ${MEMORY}
  (core func $f (canon lower (func $f) (memory (core memory $l "mem"))))
  (core module $M (import "" "f" (func $f ${flat === '' ? '(param i32)' : `(result ${flat})`}))
    (func (export "run") (result i32) ${flat === '' ? '(call $f (i32.const 8)) (i32.const 8)' : '(call $f)'}))
  (core instance $m (instantiate $M (with "" (instance (export "f" (func $f))))))
  (func (export "run") (result ${type}) (canon lift (core func $m "run") (memory (core memory $l "mem"))))`;

/** A component whose `run` answers a core number as another type. */
const answering = (type: string, number: string): string => `
  (core module $M (func (export "run") (result i32) (i32.const ${number})))
  (core instance $m (instantiate $M))
  (func (export "run") (result ${type}) (canon lift (core func $m "run")))`;

describe.each(['direct', 'glue'] as const)('a value on the %s way', (calls) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime({ calls });
  });
  afterAll(() => runtime.close());

  const load = async (text: string, f?: () => unknown): Promise<ComponentHandle> =>
    runtime.load(await parse(`(component ${text})`), {
      // A busy machine may take a second for a large type.
      limits: { maxExecutionTimeMs: 60_000 },
      imports: f === undefined ? {} : { f: { default: f } },
    });

  const result = asking('(result u32 (error u32))', '');
  it.each<readonly [string, () => unknown, object]>([
    ['its ok value', () => 7, { value: 7 }],
    ['the result itself', () => ({ tag: 'ok', val: 7 }), { value: 7 }],
    ['the result itself, an error', () => ({ tag: 'err', val: 8 }), { payload: 8 }],
    [
      'a thrown error case',
      (): never => {
        throw 9;
      },
      { payload: 9 },
    ],
  ])('that a host answers for a result may be %s', async (_what, f, expected) => {
    const handle = await load(result, f);
    const answer = await runtime.call(handle, 'run').then(
      (value) => ({ value }),
      (error) => ({ payload: error.payload }),
    );
    expect(answer).toEqual(expected);
  });

  it.each([
    [
      { tag: 'err', val: 1 },
      { tag: 'err', val: 1 },
    ],
    [
      { tag: 'ok', val: 1 },
      { tag: 'ok', val: 1 },
    ],
  ])('that a host answers for a result of a result is its ok value: %j', async (answer, expected) => {
    const handle = await load(asking('(result (result u32 (error u32)) (error u32))', ''), () => answer);
    expect(await runtime.call(handle, 'run')).toEqual(expected);
  });

  it('that is a promise to whoever awaits it is waited for, or refused through the glue, which names the function', async () => {
    // biome-ignore lint/suspicious/noThenProperty: a promise that is not the language's own is what is tested.
    for (const promise of [Promise.resolve(7), { then: (done: (value: number) => void) => done(7) }]) {
      const handle = await load(result, () => promise);
      if (calls === 'direct') expect(await runtime.call(handle, 'run')).toBe(7);
      else {
        await expect(runtime.call(handle, 'run')).rejects.toMatchObject({
          code: 'RUNTIME_WOULD_BLOCK',
          message: expect.stringMatching(/^f answered a promise/),
        });
      }
    }
  });

  it.each([
    ['a bool of 2', 'bool', '2', true],
    ['a bool of -1', 'bool', '-1', true],
    ['a bool of 256', 'bool', '256', true],
    ['a u8 of 300', 'u8', '300', 44],
    ['an s8 of 200', 's8', '200', -56],
    ['a u16 of 65,537', 'u16', '65537', 1],
    ['an s16 of 32,768', 's16', '32768', -32_768],
  ] as const)(
    'that a guest answers is lifted as the specification has it: %s',
    async (_what, type, number, expected) => {
      const handle = await load(answering(type, number));
      expect(await runtime.call(handle, 'run')).toBe(expected);
      expect(await runtime.call(handle, 'run')).toBe(expected);
    },
  );

  it('loses the flags that its type does not have', async () => {
    const handle = await load(`
      (component $C (type $f' (flags "a" "b" "c")) (export $f "f" (type $f'))
        (core module $M (func (export "run") (result i32) (i32.const 0xfd)))
        (core instance $m (instantiate $M))
        (func (export "run") (result $f) (canon lift (core func $m "run"))))
      (instance $c (instantiate $C)) (export "x:y/z" (instance $c))`);
    expect(await runtime.call(handle, 'x:y/z#run')).toEqual({ a: true, b: false, c: true });
  });

  it('of options in each other has the same bytes', async () => {
    const triple = asking('(option (option (option u8)))', '');
    for (const value of [undefined, { tag: 'none' }, { tag: 'some', val: undefined }, { tag: 'some', val: 7 }]) {
      const handle = await load(triple, () => value);
      expect(await runtime.call(handle, 'run')).toEqual(value);
    }
  });

  it('of options in each other is an argument in the same form', async () => {
    const handle = await load(`
      (core module $M (memory (export "mem") 1)
        (func (export "run") (param i32 i32 i32 i32) (result i32)
          (i32.add (i32.mul (i32.const 10) (local.get 0)) (i32.add (i32.mul (i32.const 100) (local.get 1))
            (i32.add (i32.mul (i32.const 1000) (local.get 2)) (local.get 3))))))
      (core instance $m (instantiate $M))
      (func (export "run") (param "x" (option (option (option u8)))) (result u32) (canon lift (core func $m "run")))`);
    for (const [value, numbers] of [
      [undefined, 0],
      [{ tag: 'none' }, 10],
      [{ tag: 'some', val: undefined }, 110],
      [{ tag: 'some', val: 7 }, 1117],
    ] as const) {
      expect(await runtime.call(handle, 'run', value)).toBe(numbers);
    }
    expect(await runtime.callJson(handle, 'run', '[{ "tag": "some", "val": 7 }]')).toBe(1117);
    await expect(runtime.call(handle, 'run', { tag: 'some', val: { tag: 'some', val: 7 } })).rejects.toMatchObject({
      code: 'RUNTIME_INVALID_ARGUMENT',
    });
  });

  it('that one component answers another as an error arrives as it is, whatever its fields are called', async () => {
    const record = `(type $r' (record (field "payload" u32) (field "other" u32)))`;
    const handle = await load(`
      (component $C ${record} (export $r "r" (type $r'))
        (core module $M (memory (export "mem") 1)
          (func (export "fail") (result i32)
            (i32.store8 (i32.const 0) (i32.const 1)) (i32.store (i32.const 4) (i32.const 3)) (i32.store (i32.const 8) (i32.const 4))
            (i32.const 0)))
        (core instance $m (instantiate $M))
        (func (export "fail") (result (result (error $r))) (canon lift (core func $m "fail") (memory (core memory $m "mem")))))
      (component $D
        (import "c" (instance $c ${record} (export "r" (type $r (eq $r'))) (export "fail" (func (result (result (error $r)))))))
        ${MEMORY}
        (core func $fail (canon lower (func $c "fail") (memory (core memory $l "mem"))))
        (core module $M (import "" "mem" (memory 1)) (import "" "fail" (func $fail (param i32)))
          (func (export "run") (result i32) (call $fail (i32.const 16))
            (i32.add (i32.mul (i32.load8_u (i32.const 16)) (i32.const 100))
              (i32.add (i32.mul (i32.load (i32.const 20)) (i32.const 10)) (i32.load (i32.const 24))))))
        (core instance $m (instantiate $M
          (with "" (instance (export "mem" (memory $l "mem")) (export "fail" (func $fail))))))
        (func (export "run") (result u32) (canon lift (core func $m "run"))))
      (instance $c (instantiate $C)) (instance $d (instantiate $D (with "c" (instance $c))))
      (func (export "run") (alias export $d "run"))`);
    expect(await runtime.call(handle, 'run')).toBe(134);
  });

  it('of a large type passes', async () => {
    // A tree of 8,191 parts, 4,096 of them numbers, of which the first and the last are looked at.
    const levels = Array.from({ length: 11 }, (_, n) => `(type $t${n + 1} (tuple $t${n} $t${n}))`).join(' ');
    const handle = await load(`
      (type $t0 (tuple u8 u8)) ${levels}
      (core module $M (memory (export "mem") 1) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
        (func (export "run") (param $at i32) (result i32)
          (i32.add (i32.load8_u (local.get $at)) (i32.load8_u offset=4095 (local.get $at)))))
      (core instance $m (instantiate $M))
      (func (export "run") (param "x" $t11) (result u32)
        (canon lift (core func $m "run") (memory (core memory $m "mem")) (realloc (core func $m "realloc"))))`);
    const tree = (depth: number, first: number, last: number): unknown =>
      depth === 0 ? [first, last] : [tree(depth - 1, first, 0), tree(depth - 1, 0, last)];
    expect(await runtime.call(handle, 'run', tree(11, 5, 9))).toBe(14);
  });
});

describe('a function of a component that is a built-in of the canonical ABI', () => {
  it('is called directly: making and dropping a resource', async () => {
    await using runtime = await createRuntime();
    const text = `(component (component $C
      (core module $D (global $count (mut i32) (i32.const 0))
        (func (export "dtor") (param i32) (global.set $count (i32.add (global.get $count) (local.get 0))))
        (func (export "count") (result i32) (global.get $count)))
      (core instance $d (instantiate $D))
      (type $r' (resource (rep i32) (dtor (core func $d "dtor"))))
      (export $r "r" (type $r'))
      (core func $new (canon resource.new $r'))
      (core func $drop (canon resource.drop $r'))
      (func (export "make") (param "x" u32) (result (own $r)) (canon lift (core func $new)))
      (func (export "take") (param "x" (own $r)) (canon lift (core func $drop)))
      (func (export "count") (result u32) (canon lift (core func $d "count"))))
      (instance $c (instantiate $C)) (export "x:y/z" (instance $c)))`;
    const handle = await runtime.load(await parse(text));
    expect(runtime.usage(handle).calls).toBe('direct');
    const [one, other] = [await runtime.call(handle, 'z#make', 5), await runtime.call(handle, 'z#make', 70)];
    await runtime.call(handle, 'z#take', other);
    expect(await runtime.call(handle, 'z#count')).toBe(70);
    await expect(runtime.call(handle, 'z#take', other)).rejects.toMatchObject({ code: 'RUNTIME_INVALID_ARGUMENT' });
    await runtime.call(handle, 'z#take', one);
    expect(await runtime.call(handle, 'z#count')).toBe(75);
  });
});

describe('a function that a component imports and exports', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime();
  });
  afterAll(() => runtime.close());

  const load = async (type: string, f: (...args: readonly unknown[]) => unknown): Promise<ComponentHandle> =>
    runtime.load(await parse(`(component (import "f" (func $f ${type})) (export "g" (func $f)))`), {
      imports: { f: { default: f } },
    });

  it('is called directly, and answers what the host answers', async () => {
    const handle = await load('(param "x" u32) (result string)', (x) => `got ${x}`);
    expect(runtime.usage(handle).calls).toBe('direct');
    expect(await runtime.call(handle, 'g', 7)).toBe('got 7');
  });

  it('answers the error case of its result as an error, and what else the host throws is its end', async () => {
    const fails = await load('(result (result u32 (error u32)))', () => {
      throw 3;
    });
    await expect(runtime.call(fails, 'g')).rejects.toMatchObject({ code: 'RUNTIME_COMPONENT_ERROR', payload: 3 });
    await expect(runtime.call(fails, 'g')).rejects.toMatchObject({ payload: 3 });
    const breaks = await load('(result u32)', () => {
      throw new TypeError('a bug');
    });
    await expect(runtime.call(breaks, 'g')).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: 'the host function f failed: a bug',
    });
  });
});
