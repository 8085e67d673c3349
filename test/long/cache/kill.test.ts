import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { programBeside } from '#processes';
import { answersOf, expectedAnswers, testComponent } from '../../../tools/cache/components.ts';
import { temporaryFolder, testCache } from '../../cache/support/cache.ts';
import { killAtStep, stepsOfStoring } from '../../cache/support/kill-at-step.ts';

const ROUNDS = 55;
const WRITERS = 4;
const writer = programBeside(import.meta.url, '../../cache/support/restless-writer').pathname;

/** Lets a writer store and prune without pause, and kills it at some moment. */
async function killWriter(root: string): Promise<void> {
  const child = spawn(process.execPath, [writer, root], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  await once(child.stdout, 'data');
  await sleep(Math.random() * 150);
  child.kill('SIGKILL');
  // A writer that came to its end by itself was not killed.
  expect(await closed).toEqual([null, 'SIGKILL']);
}

describe(`${WRITERS} writers that are killed at any moment, ${ROUNDS} times`, () => {
  it('never leave a wrong artifact, or an entry that stays broken', { timeout: 900_000 }, async () => {
    const root = temporaryFolder();
    const components = Array.from({ length: 4 }, (_, value) => testComponent(value));
    let found = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all(Array.from({ length: WRITERS }, () => killWriter(root)));
      const cache = testCache(root);
      for (const component of components) {
        expect(answersOf(await cache.get(component))).toEqual(expectedAnswers(component));
      }
      found += components.length - cache.builds();
      expect(cache.manager.metrics()).toMatchObject({ damaged: 0, disk: 'ready', stores: cache.builds() });
      expect(cache.troubles).toEqual([]);
      await cache.manager.close();
      const next = testCache(root);
      for (const component of components) await next.get(component);
      expect(next.builds()).toBe(0);
      const problems = (await next.manager.doctor({ fix: true })).findings.map(({ problem }) => problem);
      expect(problems.filter((problem) => problem !== 'leftover' && problem !== 'orphan')).toEqual([]);
      await next.manager.close();
      await next.manager.pruneDisk({ maxBytes: 0 });
    }
    // Kills came before, while and after entries were written: some were there and some were not.
    expect(found).toBeGreaterThan(0);
    expect(found).toBeLessThan(ROUNDS * components.length);
  });
});

it('a writer that is killed at each step of a write leaves nothing that is wrong or stays broken', async () => {
  const steps = stepsOfStoring();
  for (let step = 0; step < steps; step += 1) await killAtStep(step);
});
