import { expect, it } from 'vitest';
import { killAtStep, stepsOfStoring } from './support/kill-at-step.ts';

/** The long suite kills at every step. */
const KILLS = 6;

it('a writer that is killed leaves nothing that is wrong or stays broken', async () => {
  const steps = stepsOfStoring();
  expect(steps).toBeGreaterThan(20);
  const offset = Math.random();
  for (let kill = 0; kill < KILLS; kill += 1) await killAtStep(Math.floor(((kill + offset) * steps) / KILLS));
});
