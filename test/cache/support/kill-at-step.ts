import { spawnSync } from 'node:child_process';
import { expect } from 'vitest';
import { programBeside } from '#processes';
import { answersOf, expectedAnswers, testComponent } from '../../../tools/cache/components.ts';
import { temporaryFolder, testCache } from './cache.ts';

const writer = programBeside(import.meta.url, './killed-writer').pathname;
const hello = testComponent(7);

function write(root: string, lastStep: number): { readonly killed: boolean; readonly steps: number } {
  const args = [writer, root, String(hello.value), String(lastStep)];
  const { signal, stdout, status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (signal === null && status !== 0) throw new Error(`the writer ended with ${status}: ${stderr}`);
  return { killed: signal === 'SIGKILL', steps: Number(stdout) };
}

/** How many calls of the file system it takes to store a component. */
export function stepsOfStoring(): number {
  return write(temporaryFolder(), Number.POSITIVE_INFINITY).steps;
}

/** Has a process of its own die at that step of storing a component, and shows that what it left is mended. */
export async function killAtStep(step: number): Promise<void> {
  const root = temporaryFolder();
  expect(write(root, step).killed).toBe(true);
  const cache = testCache(root);
  expect(answersOf(await cache.get(hello))).toEqual(expectedAnswers(hello));
  expect(cache.manager.metrics()).toMatchObject({ damaged: 0, disk: 'ready' });
  expect(cache.troubles).toEqual([]);
  await cache.manager.close();
  const next = testCache(root);
  expect(answersOf(await next.get(hello))).toEqual(expectedAnswers(hello));
  expect(next.builds()).toBe(0);
  const problems = (await next.manager.doctor()).findings.map(({ problem }) => problem);
  expect(problems.filter((problem) => problem !== 'leftover')).toEqual([]);
}
