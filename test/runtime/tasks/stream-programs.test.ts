import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/index.ts';
import { hostStreamPrograms, runHostStreamProgram } from '../../support/host-stream-programs.ts';
import { runStreamProgram, streamPrograms } from '../../support/stream-programs.ts';

/** A soak runs ten thousand: see `test/long`. */
const PROGRAMS = 60;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createRuntime({});
});
afterAll(() => runtime.close());

it('ends of streams and futures do what the model says, whatever two instances do with them', async () => {
  await fc.assert(
    fc.asyncProperty(streamPrograms, async (program) => {
      for (const [what, seen, expected] of await runStreamProgram(runtime, program))
        expect(seen, what).toEqual(expected);
    }),
    { numRuns: PROGRAMS },
  );
});

it('values pass in order between guests and JavaScript, whatever both do with their ends', async () => {
  await fc.assert(
    fc.asyncProperty(hostStreamPrograms, async (program) => {
      for (const [what, seen, expected] of await runHostStreamProgram(runtime, program))
        expect(seen, what).toEqual(expected);
    }),
    { numRuns: PROGRAMS },
  );
});
