import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RunQueue } from '../../../src/runtime/execution/run-queue.ts';
import type { Turn } from '../../../src/runtime/execution/turn.ts';

interface Served {
  readonly turn: Turn;
  /** Slices that it has had the thread for. */
  used: number;
}

const SLICES = 600;

function served(weight: number): Served {
  return { turn: { credit: 0, weight, proceed: () => {} } as unknown as Turn, used: 0 };
}

/** Serves turns that compute for ever. `took` says how many slices each slice took. */
function serve(all: readonly Served[], took: () => number): void {
  const queue = new RunQueue();
  const run = (one: Served): void => {
    const slices = took();
    one.used += slices;
    queue.add(one.turn, slices - 1);
  };
  for (const one of all) run(one);
  for (let slice = 0; slice < SLICES; slice++) {
    const next = queue.shift();
    run(all.find(({ turn }) => turn === next) as Served);
  }
}

describe('the run queue', () => {
  it('gives each turn its share by its weight, however long single slices took', () => {
    const turns = fc.array(fc.constantFrom(0.5, 1, 2), { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(
        turns,
        fc.array(fc.double({ min: 1, max: 15, noNaN: true }), { minLength: 1 }),
        (weights, lengths) => {
          let at = 0;
          const all = weights.map(served);
          serve(all, () => lengths[at++ % lengths.length] as number);
          const shares = all.map(({ turn, used }) => used / turn.weight);
          // One slice of the lightest turn, as long as the longest, is all that a turn can be ahead or behind.
          const most = (Math.max(...lengths) + 1) / Math.min(...weights) + 1;
          expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(most);
        },
      ),
    );
  });

  it('lets a turn that overran beyond all measure go on after some rounds', () => {
    const all = [served(1), served(1)];
    let slices = 0;
    serve(all, () => (slices++ === 0 ? 10_000 : 1));
    expect((all[0] as Served).used - 10_000).toBeGreaterThan(SLICES / 2 - 20);
  });
});
