import { expect, it } from 'vitest';
import { Simulation } from '../../support/message-simulation.ts';

const SEEDS = 10_000;
const BUDGET_MS = 100_000;

it(`${SEEDS} seeds of the messaging layer hold, safety and liveness in turn, and one in nine replays to the same trace`, async () => {
  const began = performance.now();
  let seed = 0;
  for (; seed < SEEDS && performance.now() - began < BUDGET_MS; seed++) {
    const kind = seed % 2 === 0 ? 'safety' : 'liveness';
    const first = await new Simulation({ seed, kind }).run();
    expect(first.violations, `${kind}, seed ${seed}: replay with npm test -- --seed ${seed}`).toEqual([]);
    // Every ninth is of each kind in turn.
    if (seed % 9 > 0) continue;
    const again = await new Simulation({ seed, kind }).run();
    expect(again.digest, `seed ${seed} is not deterministic`).toBe(first.digest);
  }
  console.log(`${seed} of ${SEEDS} seeds in ${Math.round((performance.now() - began) / 1_000)} s`);
  expect(
    seed,
    'the time budget ended early: this machine is far too slow or the simulation has become so',
  ).toBeGreaterThan(SEEDS / 10);
}, 600_000);
