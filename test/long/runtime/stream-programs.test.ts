// Ten thousand programs of streams and futures between two instances: see `test/runtime/tasks/stream-programs.test.ts`.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/index.ts';
import { runStreamProgram, streamPrograms } from '../../support/stream-programs.ts';

const PROGRAMS = 10_000;
const LIMIT_MS = 20 * 60_000;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createRuntime();
});
afterAll(() => runtime.close());

it('ends of streams and futures do what the model says, in as many programs as there is time for', {
  timeout: LIMIT_MS + 60_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(streamPrograms, async (program) => {
      for (const [what, seen, expected] of await runStreamProgram(runtime, program))
        expect(seen, what).toEqual(expected);
    }),
    { numRuns: PROGRAMS, interruptAfterTimeLimit: LIMIT_MS, markInterruptAsFailure: false },
  );
});
