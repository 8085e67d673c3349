// Up to ten thousand programs of streams and futures between two instances, and as many between guests and JavaScript: see
// `test/runtime/tasks/stream-programs.test.ts`.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/index.ts';
import { hostStreamPrograms, runHostStreamProgram } from '../../support/host-stream-programs.ts';
import { runStreamProgram, type Seen, streamPrograms } from '../../support/stream-programs.ts';

const PROGRAMS = 10_000;
/** The time for each of the two; a quick machine runs all of them in it. */
const LIMIT_MS = 45_000;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createRuntime();
});
afterAll(() => runtime.close());

async function holds<T>(
  programs: fc.Arbitrary<T>,
  run: (runtime: Runtime, program: T) => Promise<readonly Seen[]>,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(programs, async (program) => {
      for (const [what, seen, expected] of await run(runtime, program)) expect(seen, what).toEqual(expected);
    }),
    { numRuns: PROGRAMS, interruptAfterTimeLimit: LIMIT_MS, markInterruptAsFailure: false },
  );
}

const options = { timeout: LIMIT_MS + 600_000 };

it('ends of streams and futures do what the model says, in as many programs as there is time for', options, () =>
  holds(streamPrograms, runStreamProgram),
);

it('values pass in order between guests and JavaScript, in as many programs as there is time for', options, () =>
  holds(hostStreamPrograms, runHostStreamProgram),
);
