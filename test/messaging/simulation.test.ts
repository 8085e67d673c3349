import { describe, expect, it } from 'vitest';
import { Simulation } from '../support/message-simulation.ts';

/** `npm test -- --seed N` runs that one seed; `test/long/messaging` runs ten thousand. */
const given = process.env.VIVARIUM_TEST_SEED;
const seeds = given === undefined ? Array.from({ length: 100 }, (_, seed) => seed) : [Number(given)];

describe.each(['safety', 'liveness'] as const)('simulation: %s', (kind) => {
  it(`holds for ${seeds.length} seeds, of which some are replayed to the same trace`, async () => {
    for (const [index, seed] of seeds.entries()) {
      const first = await new Simulation({ seed, kind }).run();
      expect(first.violations, `seed ${seed}: replay with npm test -- --seed ${seed}`).toEqual([]);
      if (index % 4 > 0) continue;
      const again = await new Simulation({ seed, kind }).run();
      expect(again.digest, `seed ${seed} is not deterministic`).toBe(first.digest);
    }
  });
});

describe('the simulation', () => {
  it('sees what it is meant to see: turns, suspended turns, crashes, restarts, dead letters, refusals, time-outs', async () => {
    const all = (await Promise.all([1, 2, 3, 4, 5, 6].map((seed) => new Simulation({ seed, kind: 'safety' }).run())))
      .flatMap(({ trace }) => trace)
      .join('\n');
    for (const what of [
      'begin',
      'suspend',
      'stop',
      'start',
      'unload',
      'dead',
      'was refused',
      'MESSAGING_TIMEOUT',
      'RUNTIME_ABORTED|MESSAGING_CANCELLED',
      'RUNTIME_TRAP',
      'answered',
    ]) {
      expect(all).toMatch(new RegExp(what));
    }
  });
});
