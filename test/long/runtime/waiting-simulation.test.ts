// Guests whose turns wait, give the thread away and are ended, in an order that a seed decides.
import { expect, it } from 'vitest';
import { type Call, ScheduledTurns, turnAlone } from '../../support/scheduled-turns.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

const SEEDS = 10_000;
const BUDGET_MS = 3 * 60_000;

/** One seed: some turns, some of them preemptive, whose promises are kept or broken, and which are ended, in any order. */
async function simulate(seed: number): Promise<string> {
  const random = new SeededRandom(seed);
  const thread = new ScheduledTurns({ maxWaitingTurns: 2 + random.below(6) });
  const calls: Call[] = [];
  const trace: string[] = [];
  for (let step = 0; step < 40; step++) {
    const choice = random.below(8);
    if (choice < 2 && calls.length < 8) {
      const shape = {
        questions: 1 + random.below(4),
        spins: 1 + random.below(2_000),
        preemptive: random.below(2) === 0,
      };
      calls.push(await thread.begin(shape));
    } else if (choice < 5) trace.push(thread.settle(random.below(9), random.below(6) === 0));
    else if (choice < 7) await thread.round(random.below(4));
    else if (random.below(4) === 0) calls[random.below(calls.length)]?.end();
  }
  for (let left = 0; !thread.isQuiet; left++) {
    if (left > 1_000) throw new Error('the turns never end');
    thread.settle(0, false);
    await thread.round(3);
  }
  for (const call of calls) trace.push(await checked(call));
  expect(thread.scheduler.waiting).toBe(0);
  expect(thread.execution.current).toBeUndefined();
  return trace.join(' ');
}

/** A turn that nothing ended gives the answer, and costs the fuel, of the same turn alone that never waits. */
async function checked(call: Call): Promise<string> {
  const { outcome, asked } = call;
  const { shape, fuel } = call;
  expect(outcome, 'every turn ends').toBeDefined();
  if (outcome?.status === 'answered') {
    const alone = await turnAlone(shape);
    expect([outcome.value, fuel]).toEqual([alone.value, alone.fuel]);
    expect(asked).toHaveLength(shape.questions);
  } else expect(call.askedAfterEnd, 'an ended turn asks nothing').toBe(0);
  return `${outcome?.status}:${asked.length}`;
}

it(`${SEEDS} seeds of turns that wait and are ended hold, and replay to the same trace`, async () => {
  const began = performance.now();
  let seed = 0;
  for (; seed < SEEDS && performance.now() - began < BUDGET_MS; seed++) {
    const first = await simulate(seed);
    if (seed % 10 === 0) expect(await simulate(seed), `seed ${seed} is not deterministic`).toBe(first);
  }
  console.log(`${seed} of ${SEEDS} seeds in ${Math.round((performance.now() - began) / 1_000)} s`);
  expect(seed, 'the time budget ended early').toBeGreaterThan(SEEDS / 20);
}, 600_000);
