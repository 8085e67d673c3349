// Asks for one component several times at once, from an own process or an own worker thread. Each build leaves a line in
// a log; each reply is what running the artifact shows.
import { appendFileSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { CacheManager, resolveCacheConfig } from '#cache';
import { VivariumError } from '#core/errors';
import { systemClock, systemRandom } from '../../src/system/clock.ts';
import { answersOf, artifactOf, testComponent } from './components.ts';
import { HmacTrust } from './hmac-trust.ts';
import { profilesLike, testProfile } from './profile.ts';

export interface Question {
  readonly root: string;
  readonly log: string;
  /** Grows by a byte for each asker. */
  readonly ready: string;
  readonly value: number;
  readonly times: number;
  /** How many askers there are: the build goes on until all of them have asked. */
  readonly askers: number;
  readonly outcome: 'good' | 'fails';
}

const question = (isMainThread ? JSON.parse(process.argv[2] as string) : workerData) as Question;
const component = testComponent(question.value);
const manager = new CacheManager({
  profiles: profilesLike(testProfile),
  trust: new HmacTrust(),
  clock: systemClock,
  random: systemRandom,
  config: resolveCacheConfig({ root: question.root }),
});
const build = async () => {
  appendFileSync(question.log, `${process.pid}\n`);
  while (readFileSync(question.ready, 'utf8').length < question.askers) await sleep(20);
  await sleep(1_000);
  if (question.outcome === 'fails') throw new VivariumError('RUNTIME_ABORTED', `failed in ${process.pid}`);
  return artifactOf(component);
};
appendFileSync(question.ready, '.');
const replies = await Promise.all(
  Array.from({ length: question.times }, async () => {
    try {
      return answersOf(await manager.get(await manager.keyOf(component.digest), build));
    } catch (error) {
      return error instanceof VivariumError ? `${error.code}: ${error.message}` : `untyped: ${String(error)}`;
    }
  }),
);
await manager.close();
if (isMainThread) console.log(JSON.stringify(replies));
else parentPort?.postMessage(replies);
