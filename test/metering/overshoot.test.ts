import { describe, expect, it } from 'vitest';
import { Guest } from './support/guest.ts';

/** What may run past a limit: one way through functions that do not look at the budget. */
const MOST = 8_192;

/** Three levels of functions, each of which calls the one below 40 times; the lowest says that it ran. */
const nest = (leaf: string, wrap = (calls: string): string => calls): string => `(module
  (global $ran (export "ran") (mut i32) (i32.const 0))
  (func $a (param i32) (result i32) ${leaf} local.get 0)
  (func $b (param i32) (result i32) local.get 0 ${wrap('call $a '.repeat(40))})
  (func $c (param i32) (result i32) local.get 0 ${wrap('call $b '.repeat(40))})
  (func (export "run") (param i32) (result i32) local.get 0 ${wrap('call $c '.repeat(40))}))`;

const COUNT = '(global.set $ran (i32.add (global.get $ran) (i32.const 1)))';

describe('a nest of small functions, 40 x 40 x 40 calls', () => {
  it.each<[string, string, number]>([
    // Entry, count of 4, local.get; and its call.
    ['of one way', nest(COUNT), 7],
    ['of two ways', nest(`${COUNT} (if (local.get 0) (then (local.set 0 (i32.const 1))))`), 8],
    ['in blocks', nest(COUNT, (calls) => `drop (block (result i32) (i32.const 0) ${calls})`), 7],
  ])('%s runs no further past its limit than one way does', async (_, text, leastCost) => {
    const all = new Guest();
    await all.link(text);
    expect(all.call('run', [0])).toBe('returned 0');
    expect((all.exports.ran as unknown as WebAssembly.Global).value).toBe(64_000);
    const { callFuel } = all.tank.usage;
    for (let limit = 0n; limit < callFuel; limit += callFuel / 37n) {
      const guest = new Guest();
      await guest.link(text);
      expect(guest.call('run', [0], { fuel: limit })).toBe('METERING_OUT_OF_FUEL');
      const ran = (guest.exports.ran as unknown as WebAssembly.Global).value * leastCost;
      expect(ran).toBeLessThanOrEqual(Number(limit) + MOST);
    }
    const enough = new Guest();
    await enough.link(text);
    expect(enough.call('run', [0], { fuel: callFuel })).toBe('returned 0');
    expect(enough.call('run', [0], { fuel: callFuel - 1n })).toBe('METERING_OUT_OF_FUEL');
  });
});
