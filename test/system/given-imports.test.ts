// What an embedder gives for a component's imports: functions and resource classes of any make, left as they are.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ComponentError } from '#runtime';
import { type ComponentHandle, createRuntime, type Runtime } from '../../src/index.ts';
import { componentOf } from '../../tools/components/actor-wat.ts';
import { GIVEN } from '../support/worlds.ts';

const HOST = 'test:shop/host@1.0.0';
const WIT = `package test:shop@1.0.0;
interface host {
  resource counter {
    constructor(start: u32);
    add: func(n: u32) -> u32;
    try-add: func(n: u32) -> result<u32, u32>;
    make: static func(start: u32) -> counter;
  }
  give-one: func() -> counter;
  read-it: func(it: borrow<counter>) -> u32;
}
world guest {
  import host;
  export constructed: func(n: u32) -> u32;
  export made: func(n: u32) -> u32;
  export given: func(n: u32) -> u32;
  export tried: func(n: u32) -> u32;
}`;
const CORE = `(module
  (import "${HOST}" "[constructor]counter" (func $new (param i32) (result i32)))
  (import "${HOST}" "[method]counter.add" (func $add (param i32 i32) (result i32)))
  (import "${HOST}" "[method]counter.try-add" (func $try (param i32 i32 i32)))
  (import "${HOST}" "[static]counter.make" (func $make (param i32) (result i32)))
  (import "${HOST}" "[resource-drop]counter" (func $drop (param i32)))
  (import "${HOST}" "give-one" (func $give (result i32)))
  (import "${HOST}" "read-it" (func $read (param i32) (result i32)))
  (memory (export "memory") 1)
  (func $use (param $it i32) (param $n i32) (result i32) (local $answer i32)
    (drop (call $add (local.get $it) (local.get $n)))
    (local.set $answer (call $read (local.get $it)))
    (call $drop (local.get $it))
    (local.get $answer))
  (func (export "constructed") (param i32) (result i32) (call $use (call $new (i32.const 100)) (local.get 0)))
  (func (export "made") (param i32) (result i32) (call $use (call $make (i32.const 200)) (local.get 0)))
  (func (export "given") (param i32) (result i32) (call $use (call $give) (local.get 0)))
  (func (export "tried") (param i32) (result i32)
    (call $try (call $new (i32.const 1)) (local.get 0) (i32.const 16))
    (i32.add (i32.load (i32.const 20)) (i32.mul (i32.const 1000) (i32.load8_u (i32.const 16))))))`;

class Tally {
  value: number;
  constructor(start: number) {
    this.value = start;
  }
  add(n: number): number {
    this.value += n;
    return this.value;
  }
}
class Counter extends Tally {
  static make(start: number): Counter {
    // biome-ignore lint/complexity/noThisInStatic: a subclass makes instances of its own
    return Reflect.construct(this, [start]) as Counter;
  }
  tryAdd(n: number): number {
    if (n === 7) throw new ComponentError('no sevens', 70);
    if (n === 8) throw { payload: 80 };
    if (n === 9) throw 90;
    if (n === 13) throw new Error('out of order');
    return this.add(n);
  }
}
const given = (type: unknown) => ({
  imports: {
    [HOST]: {
      Counter: type,
      giveOne: () => new (type as typeof Counter)(300),
      readIt: (it: Counter) => it.value,
    },
  },
});

/** As they were written before there were classes. */
function OldCounter(this: { value: number }, start: number): void {
  this.value = start;
}
OldCounter.prototype.add = Counter.prototype.add;
OldCounter.prototype.tryAdd = Counter.prototype.tryAdd;
OldCounter.make = (start: number) => Reflect.construct(OldCounter, [start]);

describe.each(['direct', 'glue'] as const)('imports of a component that is called by the way %s', (calls) => {
  let runtime: Runtime;
  let guest: Uint8Array;
  beforeAll(async () => {
    runtime = await createRuntime({ calls });
    guest = await componentOf(CORE, WIT, 'guest');
  });
  afterAll(() => runtime.close());

  const results = async (type: unknown): Promise<unknown[]> => {
    const handle = await runtime.load(guest, given(type));
    const answers = [];
    for (const name of ['constructed', 'made', 'given']) answers.push(await call(handle, name, 5));
    await runtime.unload(handle);
    return answers;
  };
  const call = (handle: ComponentHandle, name: string, n: number): Promise<unknown> => runtime.call(handle, name, n);

  it.each([
    ['a class with inherited methods', () => Counter],
    ['a class that is frozen', () => frozenCounter()],
    ['a function with a prototype', () => OldCounter],
  ])('takes %s', async (_, type) => {
    expect(await results(type())).toEqual([105, 205, 305]);
  });

  it('leaves classes as they are, however often and by however many runtimes they are loaded', async () => {
    const before = shapeOf(Counter);
    await using other = await createRuntime({ calls });
    const depths: number[] = [];
    class Deep extends Counter {
      override add(n: number): number {
        const limit = Error.stackTraceLimit;
        Error.stackTraceLimit = 1_000;
        depths.push((new Error('here').stack ?? '').split('\n').length);
        Error.stackTraceLimit = limit;
        return super.add(n);
      }
    }
    for (let round = 0; round < 20; round += 1) {
      for (const each of [runtime, other]) {
        const handle = await each.load(guest, given(Deep));
        await each.call(handle, 'constructed', 1);
        await each.unload(handle);
      }
    }
    // A wrapper for each load would add forty frames; what awaits the call adds a few of its own.
    expect(Math.max(...depths) - Math.min(...depths)).toBeLessThan(10);
    expect(shapeOf(Counter)).toEqual(before);
    expect(shapeOf(Deep)).toEqual(
      shapeOf(
        class extends Counter {
          override add() {
            return 0;
          }
        },
      ),
    );
  });

  it('goes on in one runtime when another that was given the same class is closed', async () => {
    const other = await createRuntime({ calls });
    const mine = await runtime.load(guest, given(Counter));
    await other.load(guest, given(Counter));
    expect(await call(mine, 'given', 1)).toBe(301);
    await other.close();
    expect(await call(mine, 'given', 2)).toBe(302);
    await runtime.unload(mine);
  });

  it('takes an error case that is thrown as a ComponentError, as an object with a payload, or as the value', async () => {
    const handle = await runtime.load(guest, given(Counter));
    expect(await call(handle, 'tried', 1)).toBe(2);
    expect(await call(handle, 'tried', 7)).toBe(1070);
    expect(await call(handle, 'tried', 8)).toBe(1080);
    expect(await call(handle, 'tried', 9)).toBe(1090);
    await runtime.unload(handle);
  });

  it('ends the store for any other error, and says which function threw it', async () => {
    const handle = await runtime.load(guest, given(Counter));
    await expect(call(handle, 'tried', 13)).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: `the host function ${HOST}#[method]counter.try-add failed: out of order`,
      cause: expect.objectContaining({ message: 'out of order' }),
    });
    expect(runtime.state(handle)).toBe('failed');
    await runtime.unload(handle);
  });

  it('ends the store for an error case of a function that has none', async () => {
    class Wrong extends Counter {
      override add(): never {
        throw new ComponentError('not here', 1);
      }
    }
    const handle = await runtime.load(guest, given(Wrong));
    await expect(call(handle, 'given', 1)).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: `the host function ${HOST}#[method]counter.add failed: its type has no error case, but it threw not here`,
    });
    await runtime.unload(handle);
  });

  it('ends the store for an answer of a method that its type does not have', async () => {
    class Wrong extends Counter {
      override add(): number {
        return -1;
      }
    }
    const handle = await runtime.load(guest, given(Wrong));
    await expect(call(handle, 'given', 1)).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: `the host function ${HOST}#[method]counter.add answered a value that its type does not have: a u32 is expected, not -1`,
    });
    await runtime.unload(handle);
  });

  it('waits for a promise on the direct way; through the glue it says which function answered it', async () => {
    class Late extends Counter {
      override add(): never {
        return Promise.resolve(1) as never;
      }
    }
    const handle = await runtime.load(guest, given(Late));
    if (calls === 'direct') expect(await call(handle, 'given', 1)).toBe(300);
    else {
      await expect(call(handle, 'given', 1)).rejects.toMatchObject({
        code: 'RUNTIME_WOULD_BLOCK',
        message: expect.stringContaining(`${HOST}#[method]counter.add answered a promise`),
      });
    }
    await runtime.unload(handle);
  });

  it('finds functions and classes by their names in WIT as by those of jco, the WIT name first', async () => {
    const NAMES = 'test:names/host@1.0.0';
    const names = ['add-one', 'get-HTTP-code', 'URL', 'HTTP-get', 'a-HTTP', 's', 'x'];
    const guest = await componentOf(
      `(module
        ${names.map((name, index) => `(import "${NAMES}" "${name}" (func $f${index} (param i32) (result i32)))`).join('\n')}
        (import "${NAMES}" "[constructor]my-COUNTER" (func $new (param i32) (result i32)))
        (import "${NAMES}" "[method]my-COUNTER.add" (func $add (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "counted") (param i32) (result i32) (call $add (call $new (i32.const 5)) (local.get 0)))
        ${names.map((_, index) => `(func (export "f${index}") (param i32) (result i32) (call $f${index} (local.get 0)))`).join('\n')})`,
      `package test:names@1.0.0;
       interface host {
         ${names.map((name) => `${name}: func(n: u32) -> u32;`).join('\n')}
         resource my-COUNTER { constructor(start: u32); add: func(n: u32) -> u32; }
       }
       world guest {
         import host;
         export counted: func(n: u32) -> u32;
         ${names.map((_, index) => `export f${index}: func(n: u32) -> u32;`).join('\n')}
       }`,
      'guest',
    );
    const camel = ['addOne', 'getHttpCode', 'url', 'httpGet', 'aHttp', 's', 'x'];
    const host = (keys: readonly string[], base: number): Record<string, unknown> =>
      Object.fromEntries(keys.map((key, index) => [key, (n: number) => base + 10 * index + n]));
    const classes = [{ 'my-COUNTER': Counter }, { MyCounter: Counter }];
    for (const [functions, base] of [
      [host(names, 1_000), 1_000],
      [host(camel, 2_000), 2_000],
      [Object.freeze({ ...host(camel, 2_000), ...host(names, 1_000) }), 1_000],
      [{ ...host(names, 1_000), ...host(['addOne', 'getHttpCode'], 9_000) }, 1_000],
    ] as const) {
      for (const type of classes) {
        const handle = await runtime.load(guest, { imports: { [NAMES]: { ...functions, ...type } } });
        for (const index of [0, 1, 3, 4, 5, 6]) expect(await call(handle, `f${index}`, 1)).toBe(base + 10 * index + 1);
        expect(await call(handle, 'counted', 2)).toBe(7);
        await runtime.unload(handle);
      }
    }
    // Functions have their object as `this`, whatever their name looks like.
    const bound = { base: 40, 'get-HTTP-code': plus, 'HTTP-get': plus, URL: plus };
    function plus(this: { base: number } | undefined, n: number): number {
      return (this?.base ?? Number.NaN) + n;
    }
    const handle = await runtime.load(guest, {
      imports: {
        [NAMES]: { ...host(camel, 0), ...Object.fromEntries([['url', undefined]]), ...bound, MyCounter: Counter },
      },
    });
    expect(await call(handle, 'f1', 2)).toBe(42);
    expect(await call(handle, 'f3', 2)).toBe(42);
    await runtime.unload(handle);
  });

  it('meets two versions of an interface by the one that each names', async () => {
    const two = await componentOf(
      `(module
        (import "acme:conv/conv@1.0.0" "convert" (func $one (param i32) (result i32)))
        (import "acme:conv/conv@2.0.0" "convert" (func $two (param i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "run") (param i32) (result i32) (i32.add (call $one (local.get 0)) (call $two (local.get 0)))))`,
      `package test:two@1.0.0;
       world guest { import acme:conv/conv@1.0.0; import acme:conv/conv@2.0.0; export run: func(n: u32) -> u32; }
       package acme:conv@1.0.0 { interface conv { convert: func(n: u32) -> u32; } }
       package acme:conv@2.0.0 { interface conv { convert: func(n: u32) -> u32; } }`,
      'guest',
    );
    const one = { convert: (n: number) => n };
    const second = { convert: (n: number) => n * 100 };
    for (const imports of [
      { 'acme:conv/conv@1.0.0': one, 'acme:conv/conv@2.0.0': second },
      { 'acme:conv/conv@2.0.0': second, 'acme:conv/conv@1.0.0': one },
      { 'acme:conv/conv@2.3.0': second, 'acme:conv/conv@1.4.0': one, 'acme:conv/conv@3.0.0': {} },
    ]) {
      const handle = await runtime.load(two, { imports });
      expect(await runtime.call(handle, 'run', 3)).toBe(303);
      await runtime.unload(handle);
    }
    await expect(runtime.load(two, { imports: { 'acme:conv/conv@1.0.0': one } })).rejects.toMatchObject({
      code: 'RUNTIME_MISSING_IMPORT',
      message: expect.stringMatching(/imports acme:conv\/conv@2\.0\.0, .*there: "acme:conv\/conv@1\.0\.0"/),
    });
  });

  it('does not mind entries that are undefined', async () => {
    const guest = await componentOf(
      `(module (import "test:given/host@1.0.0" "twice" (func $twice (param i32) (result i32))) (memory (export "memory") 1)
        (func (export "run") (param i32) (result i32) (call $twice (local.get 0))))`,
      GIVEN,
      'guest',
    );
    const imports = {
      'test:given/host@1.0.0': undefined,
      'test:given/host': { twice: (n: number) => 2 * n },
      other: undefined,
    };
    const handle = await runtime.load(guest, { imports });
    expect(await runtime.call(handle, 'run', 4)).toBe(8);
    await expect(runtime.load(guest, { imports: { 'test:given/host@1.0.0': undefined } })).rejects.toMatchObject({
      code: 'RUNTIME_MISSING_IMPORT',
    });
  });
});

function frozenCounter(): typeof Counter {
  class Frozen extends Counter {}
  Object.freeze(Frozen.prototype);
  return Object.freeze(Frozen);
}

/** Everything that could have been changed in a class. */
function shapeOf(type: object & { readonly prototype: object }): unknown {
  return [type, type.prototype].map((owner) =>
    Reflect.ownKeys(owner)
      .filter((key) => key !== 'name')
      .map((key) => [key, typeof Object.getOwnPropertyDescriptor(owner, key)?.value]),
  );
}
