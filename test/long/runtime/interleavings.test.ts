// Ten thousand programs of calls that run side by side: see `test/system/interleavings.test.ts`.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/index.ts';
import { interleavingGuest } from '../../../tools/components/interleaving-guest.ts';
import { programs, runBeside } from '../../support/interleavings.ts';

const PROGRAMS = 5_000;
const LIMIT_MS = 10 * 60_000;

describe.each([false, true])('programs of calls, with built-ins that may wait: %s', (cancels) => {
  let runtime: Runtime;
  let guest: Uint8Array;
  beforeAll(async () => {
    runtime = await createRuntime();
    guest = await parse(interleavingGuest(cancels));
  });
  afterAll(() => runtime.close());

  it('begin and end as the model says, as many as there is time for', { timeout: LIMIT_MS + 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(programs, async (program) => {
        for (const [seen, expected] of await runBeside(runtime, guest, program)) expect(seen).toEqual(expected);
      }),
      { numRuns: PROGRAMS, interruptAfterTimeLimit: LIMIT_MS, markInterruptAsFailure: false },
    );
  });
});
