import type { Meter } from '#core/ports/meter';
import { type BuildAnswer, type BuildRequest, toWire } from '#runtime/build';
import { BuildRun } from './build-run.ts';
import { TranspilerThread } from './transpiler-thread.ts';

/**
 * The child's side of the protocol: it answers each request of the parent with an artifact or an error. It runs in its own process,
 * which the parent may kill at any moment.
 */
export function serveBuilds(meter: Pick<Meter, 'meterModule'>): void {
  const transpiler = new TranspilerThread();
  process.on('message', (request: BuildRequest) => {
    const run = new BuildRun(request, meter, transpiler);
    void run
      .build()
      .then(
        (artifact): BuildAnswer => ({ artifact, spoiled: run.spoiled }),
        (thrown): BuildAnswer => ({ error: toWire(thrown), spoiled: run.spoiled }),
      )
      .then((answer) => process.send?.(answer));
  });
}
