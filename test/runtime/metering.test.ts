import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type ResourceLimits, type Runtime } from '../../src/index.ts';
import { type ActorText, actor, BUMP, componentOf, plain } from '../../tools/components/actor-wat.ts';
import { GIVEN } from '../support/worlds.ts';

const OUT = { code: 'METERING_OUT_OF_FUEL' };
const SELF_ID = '(import "vivarium:actor/host-messaging@0.1.0" "self-id" (func $self (param i32)))';
const NO_REPLY = '(i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 0)) (i32.const 16)';
/** A loop of so many turns in a function of one parameter; without end below zero. */
const TURNS = `(func $turns (param i32) (block $done (br_if $done (i32.eqz (local.get 0))) (loop $l
  (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`;
/** `cabi_realloc` that works where a message is lowered, whose record has 144 bytes, or where the guest has armed it. */
const working = (
  turns: number,
): string => `(if (i32.or (i32.ge_u (local.get $size) (i32.const 144)) (global.get $armed))
  (then (call $turns (i32.const ${turns})))) ${BUMP}`;
const FIELDS = `${SELF_ID} (global $armed (mut i32) (i32.const 0)) ${TURNS}`;

/** Two components, the outer calling the inner by an adapter; `$step` is the inner's function, local 1 is free. */
const nested = (inner: string, outer: string): Promise<Uint8Array> =>
  parse(`(component
    (component $B (core module $m ${TURNS} (func (export "step") (param i32) (result i32) ${inner}))
      (core instance $i (instantiate $m))
      (func (export "step") (param "n" u32) (result u32) (canon lift (core func $i "step"))))
    (component $A (import "step" (func $step (param "n" u32) (result u32)))
      (core func $lowered (canon lower (func $step)))
      (core module $m (import "b" "step" (func $step (param i32) (result i32)))
        (func (export "run") (param i32) (result i32) (local i32) ${outer}))
      (core instance $b (export "step" (func $lowered)))
      (core instance $i (instantiate $m (with "b" (instance $b))))
      (func (export "run") (param "n" u32) (result u32) (canon lift (core func $i "run"))))
    (instance $b (instantiate $B))
    (instance $a (instantiate $A (with "step" (func $b "step"))))
    (export "run" (func $a "run")))`);

/** Two core modules of one component that call each other: the first through a table, the second by an import. */
const mutual = (body: string): Promise<Uint8Array> =>
  parse(`(component
    (core module $first (type $t (func (param i32) (result i32))) (table (export "table") 1 funcref)
      (func (export "ping") (param i32) (result i32) ${body} (call_indirect (type $t) (local.get 0) (i32.const 0)))
      (func (export "run") (param i32) (result i32) (call_indirect (type $t) (local.get 0) (i32.const 0))))
    (core module $second (import "first" "table" (table 1 funcref))
      (import "first" "ping" (func $ping (param i32) (result i32)))
      (elem (i32.const 0) $pong)
      (func $pong (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (call $ping (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 7)))))
    (core instance $a (instantiate $first))
    (core instance $b (instantiate $second (with "first" (instance $a))))
    (func (export "run") (param "n" u32) (result u32) (canon lift (core func $a "run"))))`);

describe.each(['direct', 'glue'] as const)('a component that is called by the way %s', (calls) => {
  let runtime: Runtime;
  let neighbour: ComponentHandle;
  beforeAll(async () => {
    runtime = await createRuntime({ calls, limits: { maxExecutionTimeMs: 5_000 } });
    neighbour = await runtime.load(await actor());
  });
  afterAll(() => runtime.close());

  /** After each the process serves the next message. */
  afterEach(async () => {
    const hello = new Uint8Array(Buffer.from('hello'));
    expect(await runtime.request(neighbour, hello)).toEqual(hello);
  });

  /** The store that was stopped does not run again. */
  async function isOver(handle: ComponentHandle, again: () => Promise<unknown>): Promise<void> {
    const { fuelConsumed } = runtime.usage(handle);
    expect(runtime.state(handle)).toBe('failed');
    await expect(again()).rejects.toMatchObject({ code: 'RUNTIME_WRONG_STATE' });
    expect(runtime.usage(handle).fuelConsumed).toBe(fuelConsumed);
    await runtime.unload(handle);
  }

  describe('is stopped by its fuel', () => {
    it.each<[string, ActorText]>([
      ['in cabi_realloc, where its message is lowered', { realloc: working(-1) }],
      ['in its post-return', { postReturn: '(call $turns (i32.const -1))' }],
      [
        "in cabi_realloc, where a host function's answer is lowered, and catches nothing of it",
        {
          realloc: working(-1).replace('(i32.ge_u (local.get $size) (i32.const 144))', '(i32.const 0)'),
          handleMessage: `(global.set $armed (i32.const 1))
            (loop $l (block $c (try_table (catch_all $c) (call $self (i32.const 512)))) (br $l)) unreachable`,
        },
      ],
    ])('%s', async (_, text) => {
      const handle = await runtime.load(await actor({ fields: FIELDS, ...text }), { limits: { maxFuel: 50_000n } });
      const message = Buffer.from('x');
      await expect(runtime.request(handle, message)).rejects.toMatchObject(OUT);
      expect(runtime.usage(handle).last.fuelConsumed).toBe(50_000n);
      await isOver(handle, () => runtime.request(handle, message));
    });
  });

  describe('succeeds with the fuel that it costs and fails with one unit less', () => {
    const costly: [string, ActorText][] = [
      ['in cabi_realloc', { realloc: working(2_000) }],
      ['in its post-return', { postReturn: '(call $turns (i32.const 2000))' }],
      [
        "where a host function's answer is lowered",
        {
          realloc: working(500),
          handleMessage: `(global.set $armed (i32.const 1)) (call $self (i32.const 512)) ${NO_REPLY}`,
        },
      ],
    ];
    it.each(costly)('%s', async (_, text) => {
      const component = await actor({ fields: FIELDS, ...text });
      const message = Buffer.from('x');
      const request = async (limits: ResourceLimits): Promise<bigint> => {
        const handle = await runtime.load(component, { limits });
        try {
          await runtime.request(handle, message);
          return runtime.usage(handle).last.fuelConsumed;
        } finally {
          await runtime.unload(handle);
        }
      };
      const cost = await request({});
      expect(cost).toBeGreaterThan(2_000n);
      expect(await request({ maxFuel: cost })).toBe(cost);
      await expect(request({ maxFuel: cost - 1n })).rejects.toMatchObject(OUT);
    });

    it.each<[string, () => Promise<Uint8Array>]>([
      [
        'in two components that an adapter joins',
        () =>
          nested(
            '(call $turns (i32.const 40)) (i32.add (local.get 0) (i32.const 1))',
            '(loop $l (local.set 1 (call $step (local.get 1))) (br_if $l (i32.lt_u (local.get 1) (local.get 0)))) local.get 1',
          ),
      ],
      ['in two core instances that call each other', () => mutual('nop')],
    ])('%s', async (_, make) => {
      const component = await make();
      const call = async (limits: ResourceLimits): Promise<bigint> => {
        const handle = await runtime.load(component, { limits });
        try {
          await runtime.call(handle, 'run', 50);
          return runtime.usage(handle).last.fuelConsumed;
        } finally {
          await runtime.unload(handle);
        }
      };
      const cost = await call({});
      expect(cost).toBeGreaterThan(300n);
      expect(await call({ maxFuel: cost })).toBe(cost);
      await expect(call({ maxFuel: cost - 1n })).rejects.toMatchObject(OUT);
    });
  });

  describe('draws on one budget and is stopped', () => {
    it.each<[string, () => Promise<Uint8Array>]>([
      [
        'in an outer component that calls an inner one for ever',
        () => nested('local.get 0', '(loop $l (drop (call $step (i32.const 1))) (br $l)) unreachable'),
      ],
      [
        'in an outer component that catches all that the inner one throws',
        () =>
          nested(
            '(call $turns (i32.const -1)) i32.const 0',
            '(loop $l (block $c (try_table (catch_all $c) (drop (call $step (i32.const 1))))) (br $l)) unreachable',
          ),
      ],
      ['in an inner component', () => nested('(loop $l (br $l)) unreachable', '(call $step (i32.const 1))')],
      [
        'in two core instances that call each other',
        () => mutual('(block $b (loop $l (br_if $b (i32.and (local.get 0) (i32.const 1))) (br_if $l (local.get 0))))'),
      ],
    ])('%s', async (_, make) => {
      const handle = await runtime.load(await make(), { limits: { maxFuel: 60_000n } });
      await expect(runtime.call(handle, 'run', 1_001)).rejects.toMatchObject(OUT);
      expect(runtime.usage(handle).last.fuelConsumed).toBe(60_000n);
      await isOver(handle, () => runtime.call(handle, 'run', 1));
    });

    it('in two core instances that recurse through each other without end, by the stack', async () => {
      const handle = await runtime.load(await mutual('nop'));
      await expect(runtime.call(handle, 'run', 0xffff_ffff)).rejects.toMatchObject({ code: 'METERING_STACK' });
      await isOver(handle, () => runtime.call(handle, 'run', 1));
    });
  });

  it('is not entered by a host function that it calls, whatever that function asks for', async () => {
    const component = await componentOf(
      `(module (import "test:given/host@1.0.0" "twice" (func $twice (param i32) (result i32)))
        (func (export "run") (param i32) (result i32)
          (loop $l (drop (call $twice (local.get 0))) (br_if $l (local.get 0))) (i32.const 5)))`,
      GIVEN,
      'guest',
    );
    const asked: Promise<unknown>[] = [];
    let handle: ComponentHandle;
    const twice = (n: number): number => {
      // It calls back, and is told later.
      if (asked.length < 3) asked.push(runtime.call(handle, 'run', 0).catch((error: unknown) => error));
      return n * 2;
    };
    const imports = { 'test:given/host@1.0.0': { twice } };
    handle = await runtime.load(component, { imports, limits: { maxFuel: 10_000n } });
    expect(await runtime.call(handle, 'run', 0)).toBe(5);
    // Each ran after the one that asked for it, and asked in its turn.
    const answers: unknown[] = [];
    for (const asking of asked) answers.push(await asking);
    expect(answers).toEqual([5, 5, 5]);
    asked.length = 0;
    await expect(runtime.call(handle, 'run', 1)).rejects.toMatchObject(OUT);
    expect(asked).toHaveLength(3);
    for (const answer of await Promise.all(asked)) expect(answer).toMatchObject({ code: 'RUNTIME_WRONG_STATE' });
    await isOver(handle, () => runtime.call(handle, 'run', 0));
  });

  it('pays for what it did when it ends by unreachable, to the unit', async () => {
    const handle = await runtime.load(await plain(TURNS, '(call $turns (i32.const 10)) unreachable'));
    await expect(runtime.call(handle, 'run', 1)).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
    // Its entry, the constant and the call; then entry, test and 10 turns of 5.
    expect(runtime.usage(handle).last.fuelConsumed).toBe(3n + 1n + 3n + 50n);
    await isOver(handle, () => runtime.call(handle, 'run', 1));
  });
});
