import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { it } from 'vitest';
import { buildActor, createRuntime } from '../../../src/index.ts';
import { actor } from '../../../tools/components/actor-wat.ts';
import { loadsOrRefuses, mutations } from '../../support/mutation.ts';

/** Milliseconds that the search may take for each component. */
const BUDGET_MS = 20_000;

it.each(['small', 'QuickJS'])(
  'a %s component with changed bytes loads or is a typed error',
  { timeout: 4 * BUDGET_MS },
  async (kind) => {
    await using runtime = await createRuntime({ limits: { maxExecutionTimeMs: 100 }, cache: false });
    const component = kind === 'small' ? await actor() : await quickJs();
    const neighbour = await runtime.load(await actor());
    await fc.assert(
      fc.asyncProperty(mutations, (changes) =>
        loadsOrRefuses(
          runtime,
          changes.reduce((bytes, change) => change(bytes), component),
          neighbour,
        ),
      ),
      { numRuns: 100_000, interruptAfterTimeLimit: BUDGET_MS, markInterruptAsFailure: false },
    );
  },
);

async function quickJs(): Promise<Uint8Array> {
  const output = join(tmpdir(), `vivarium-mutation-${process.pid}.wasm`);
  await buildActor('examples/hello/actor.ts', { output });
  return readFile(output);
}
