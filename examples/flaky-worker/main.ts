// A supervised worker: when it hangs it is stopped by its limits, restarted, and goes on with the next job. Too many
// restarts in a short time, and the supervisor gives up.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildActor, createRuntime, isVivariumError } from 'vivarium';

/** What `worker.ts` understands. */
interface Worker {
  work(job: string): string;
}

const folder = await mkdtemp(join(tmpdir(), 'vivarium-flaky-'));
try {
  const source = fileURLToPath(new URL('worker.ts', import.meta.url));
  const { file } = await buildActor(source, { output: join(folder, 'worker.wasm') });

  await using runtime = await createRuntime({ limits: { maxFuel: 20_000_000n, maxExecutionTimeMs: 60_000 } });
  runtime.on('restart', ({ handle, restarts }) => console.log(`restart ${restarts} of ${handle.id.name}`));
  runtime.on('dead-letter', ({ reason }) => console.log(`dead letter: ${reason}`));
  runtime.on('gave-up', ({ supervisor }) => console.log(`${supervisor} was given up`));
  const handle = await runtime.load(file, {
    id: 'demo/worker/1',
    grants: ['storage:*:done'],
    supervision: { restart: 'permanent', maxRestarts: 2, withinMs: 60_000, backoffMs: 10, maxAttempts: 1 },
  });
  const worker = runtime.actor<Worker>(handle);
  for (const job of ['first', 'second', 'hang', 'third', 'hang', 'fourth', 'hang', 'fifth']) {
    try {
      console.log(await runtime.request(worker, { work: job }));
    } catch (error) {
      console.log(`${job} failed: ${isVivariumError(error) ? error.code : error}`);
    }
  }
} finally {
  await rm(folder, { recursive: true });
}
