// A worker that hangs on some jobs. What it has done is in storage and outlives a restart; what it remembers does not.
import { defineActor, storage } from 'vivarium/guest';

let sinceStart = 0;

export const lifecycle = defineActor({
  name: 'flaky-worker',
  version: '1.0.0',
  operations: {
    work(job: string): string {
      while (job === 'hang') {}
      sinceStart += 1;
      const done = Number(storage.exists('done') ? storage.get('done')?.length : 0) + 1;
      storage.set('done', new Uint8Array(done));
      return `${job} done; ${done} in all, ${sinceStart} since the last start`;
    },
  },
});
