import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ComponentHandle } from '#core';
import type { CallPath } from '#core/ports/engine';
import type { ComponentResource } from '#runtime/resources';
import { createRuntime, type Runtime } from '#system';
import { cartComponent } from '../support/resource-components.ts';

const CARTS = 'demo:shop/carts@1.0.0';
const MERGE = `${CARTS}#[static]cart.merge`;

describe.each<CallPath>(['direct', 'glue'])('a resource that a component exports (%s)', (calls) => {
  let component: Uint8Array;
  let runtime: Runtime;
  let shop: ComponentHandle;

  beforeAll(async () => {
    component = await cartComponent();
    runtime = await createRuntime({ calls, limits: { maxFuel: 100_000n, maxExecutionTimeMs: 10_000 } });
  });
  afterAll(() => runtime.close());

  const load = async (): Promise<void> => {
    shop = await runtime.load(component);
  };
  const cart = async (n: number): Promise<ComponentResource> =>
    (await runtime.call(shop, `${CARTS}#[constructor]cart`, n)) as ComponentResource;
  const dropped = (): Promise<unknown> => runtime.call(shop, 'dropped');

  it('is made by its constructor and has its methods, each a turn', async () => {
    await load();
    const one = await cart(5);
    expect(await one.addUp?.(3)).toBe(8);
    expect(await runtime.call(shop, `${CARTS}#[method]cart.add-up`, one, 2)).toBe(10);
    expect(runtime.usage(shop).last.fuelConsumed).toBeGreaterThan(0n);
    expect(String(Object.getOwnPropertyNames(one))).toBe('');
  });

  it('is lent as often as a call likes, and comes back after it', async () => {
    await load();
    const [one, two] = [await cart(1), await cart(10)];
    expect(await runtime.call(shop, `${CARTS}#sum`, [one, two, one])).toBe(12);
    expect(await runtime.call(shop, `${CARTS}#sum`, [one])).toBe(1);
  });

  it('is given away once', async () => {
    await load();
    const [one, two] = [await cart(1), await cart(10)];
    const both = (await runtime.call(shop, MERGE, one, two)) as ComponentResource;
    expect(await both.addUp?.(0)).toBe(11);
    expect(await dropped()).toBe(2);
    for (const use of [() => one.addUp?.(1), () => runtime.call(shop, `${CARTS}#keep`, two)]) {
      await expect(use()).rejects.toMatchObject({
        code: 'RUNTIME_INVALID_ARGUMENT',
        message: expect.stringContaining('argument 1: a cart is expected, not one that was given away'),
      });
    }
    expect(await both.addUp?.(1)).toBe(12);
  });

  it('comes back as another object when the component answers it again', async () => {
    await load();
    const one = await cart(4);
    await runtime.call(shop, `${CARTS}#keep`, one);
    const again = (await runtime.call(shop, `${CARTS}#take-kept`)) as ComponentResource;
    expect(await again.addUp?.(1)).toBe(5);
    expect(await dropped()).toBe(0);
  });

  it('cannot be lent and given away, or given away twice, by one call, which changes nothing', async () => {
    await load();
    const one = await cart(4);
    for (const call of [
      () => runtime.call(shop, `${CARTS}#both`, one, one),
      () => runtime.call(shop, MERGE, one, one),
      () => runtime.call(shop, `${CARTS}#sum`, [one, {}]),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'RUNTIME_INVALID_ARGUMENT' });
    }
    expect(await one.addUp?.(1)).toBe(5);
  });

  it('is no argument for anything else, nor is anything else for it', async () => {
    await load();
    const other = await runtime.load(component);
    const theirs = (await runtime.call(other, `${CARTS}#[constructor]cart`, 1)) as ComponentResource;
    const forged = Object.create(Object.getPrototypeOf(theirs)) as unknown;
    for (const wrong of [theirs, forged, {}, null, undefined, 1, 'cart', new Proxy(await cart(1), {})]) {
      await expect(runtime.call(shop, `${CARTS}#keep`, wrong)).rejects.toMatchObject({
        code: 'RUNTIME_INVALID_ARGUMENT',
      });
    }
    expect(await dropped()).toBe(0);
    await runtime.unload(other);
  });

  it('is dropped in the next turn, once, by Symbol.dispose', async () => {
    await load();
    const one = await cart(4);
    const before = runtime.usage(shop).fuelConsumed;
    one[Symbol.dispose]();
    one[Symbol.dispose]();
    await new Promise((resolve) => setImmediate(resolve));
    expect(runtime.usage(shop).fuelConsumed).toBe(before);
    expect(await dropped()).toBe(1);
    const spent = runtime.usage(shop).last.fuelConsumed;
    expect(await dropped()).toBe(1);
    expect(spent).toBeGreaterThan(runtime.usage(shop).last.fuelConsumed);
    await expect(one.addUp?.(1)).rejects.toMatchObject({ code: 'RUNTIME_INVALID_ARGUMENT' });
  });

  it('is dropped in a turn of its own by drop and by Symbol.asyncDispose', async () => {
    await load();
    const [one, two] = [await cart(4), await cart(5)];
    await runtime.drop(one);
    await runtime.drop(one);
    expect(await dropped()).toBe(1);
    await two[Symbol.asyncDispose]();
    expect(await dropped()).toBe(2);
    await expect(runtime.drop({} as ComponentResource)).rejects.toMatchObject({ code: 'RUNTIME_INVALID_ARGUMENT' });
  });

  it('ends its component when its destructor traps, in that turn', async () => {
    await load();
    const bad = await cart(666);
    await expect(runtime.drop(bad)).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
    expect(runtime.state(shop)).toBe('failed');
  });

  it('has its destructor stopped by the fuel of the turn', async () => {
    await load();
    const endless = await cart(777);
    endless[Symbol.dispose]();
    expect(runtime.state(shop)).toBe('ready');
    await expect(dropped()).rejects.toMatchObject({ code: 'METERING_OUT_OF_FUEL' });
  });

  it('is a typed error to use when its component has failed or was unloaded', async () => {
    await load();
    const one = await cart(1);
    await expect(runtime.call(shop, `${CARTS}#forged`, 1234)).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
    await expect(one.addUp?.(1)).rejects.toMatchObject({ code: 'RUNTIME_WRONG_STATE' });
    await runtime.unload(shop);
    await expect(one.addUp?.(1)).rejects.toMatchObject({ code: 'RUNTIME_NOT_FOUND' });
    one[Symbol.dispose]();
    await one[Symbol.asyncDispose]();
  });

  it('is of one instance: after a restart it is nothing to the next', async () => {
    shop = await runtime.load(component, { supervision: { restart: 'permanent', backoffMs: 1 } });
    const one = await cart(1);
    const restarted = new Promise<void>((resolve) => {
      const off = runtime.on('restart', () => {
        off();
        resolve();
      });
    });
    await expect(runtime.call(shop, `${CARTS}#forged`, 1234)).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
    await restarted;
    await cart(2);
    await expect(one.addUp?.(1)).rejects.toMatchObject({
      code: 'RUNTIME_WRONG_STATE',
      message: expect.stringContaining('has ended'),
    });
    expect(await dropped()).toBe(0);
  });

  it('is gone with the store where each call has its own', async () => {
    shop = await runtime.load(component, { store: 'per-call' });
    await expect((await cart(1)).addUp?.(1)).rejects.toMatchObject({ code: 'RUNTIME_WRONG_STATE' });
  });

  it('is dropped in a last turn when its component is unloaded', async () => {
    await load();
    const bad = await cart(666);
    const reasons: string[] = [];
    const off = runtime.on('state', ({ to, reason }) => void (to === 'stopped' && reasons.push(reason)));
    await runtime.unload(shop);
    off();
    expect(reasons).toEqual([expect.stringMatching(/shutdown failed: RUNTIME_TRAP/)]);
    bad[Symbol.dispose]();
  });

  it('ends a component that keeps the embedder holding ever more of them', async () => {
    shop = await runtime.load(component, { limits: { maxMemoryBytes: 2 ** 17 } });
    const held: unknown[] = [];
    await expect(
      (async () => {
        for (let n = 0; n < 1_000; n++) held.push(await cart(n));
      })(),
    ).rejects.toMatchObject({ code: 'RUNTIME_TRAP', message: expect.stringContaining('drop them') });
    expect(held.length).toBeGreaterThan(100);
  });

  it('does what a simple model does, for any use of any number of them, and nothing is left at the end', async () => {
    const uses = fc.array(
      fc.record({
        use: fc.constantFrom('make', 'make', 'add', 'merge', 'sum', 'keep', 'drop', 'dispose'),
        a: fc.nat(9),
        b: fc.nat(9),
      }),
      { maxLength: 30 },
    );
    const refused = { code: 'RUNTIME_INVALID_ARGUMENT' };
    await fc.assert(
      fc.asyncProperty(uses, async (all) => {
        await load();
        /** What each object stands for; undefined for one that is gone. */
        const model: { readonly object: ComponentResource; value: number | undefined }[] = [];
        let [made, destroyed] = [0, 0];
        const note = (object: unknown, value: number): void => {
          model.push({ object: object as ComponentResource, value });
          made += 1;
        };
        for (const { use, a, b } of all) {
          const one = model[a % Math.max(1, model.length)];
          const two = model[b % Math.max(1, model.length)];
          if (use === 'make' || one === undefined || two === undefined) {
            note(await cart(a), a);
          } else if (use === 'add') {
            const call = runtime.call(shop, `${CARTS}#[method]cart.add-up`, one.object, b);
            if (one.value === undefined) await expect(call).rejects.toMatchObject(refused);
            else {
              one.value += b;
              expect(await call).toBe(one.value);
            }
          } else if (use === 'merge') {
            const call = runtime.call(shop, MERGE, one.object, two.object);
            if (one === two || one.value === undefined || two.value === undefined) {
              await expect(call).rejects.toMatchObject(refused);
            } else {
              note(await call, one.value + two.value);
              one.value = undefined;
              two.value = undefined;
              destroyed += 2;
            }
          } else if (use === 'sum') {
            const call = runtime.call(shop, `${CARTS}#sum`, [one.object, two.object, one.object]);
            if (one.value === undefined || two.value === undefined) await expect(call).rejects.toMatchObject(refused);
            else expect(await call).toBe(2 * one.value + two.value);
          } else if (use === 'keep') {
            const call = runtime.call(shop, `${CARTS}#keep`, one.object);
            if (one.value === undefined) await expect(call).rejects.toMatchObject(refused);
            else {
              await call;
              note(await runtime.call(shop, `${CARTS}#take-kept`), one.value);
              made -= 1;
              one.value = undefined;
            }
          } else {
            if (use === 'drop') await runtime.drop(one.object);
            else one.object[Symbol.dispose]();
            if (one.value !== undefined) destroyed += 1;
            one.value = undefined;
          }
          expect(await dropped()).toBe(destroyed);
        }
        for (const { object } of model) object[Symbol.dispose]();
        expect(await dropped()).toBe(made);
        await runtime.unload(shop);
      }),
      { numRuns: 25 },
    );
  });

  it('is dropped in the next turn when it was collected, and nothing runs before', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vivarium-collected-'));
    try {
      writeFileSync(join(folder, 'carts.wasm'), component);
      const program = join(import.meta.dirname, 'support/collected.ts');
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['--expose-gc', program, calls, join(folder, 'carts.wasm')],
        { timeout: 600_000 },
      );
      expect(JSON.parse(stdout)).toEqual({ before: 0, idle: 0, after: 20 });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
