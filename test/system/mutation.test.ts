import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createRuntime } from '../../src/index.ts';
import { actor } from '../../tools/components/actor-wat.ts';
import { loadsOrRefuses, mutations } from '../support/mutation.ts';

it('a component with changed bytes loads or is a typed error, never a crash or a hang', {
  timeout: 600_000,
}, async () => {
  await using runtime = await createRuntime({ limits: { maxExecutionTimeMs: 100 } });
  const component = await actor();
  const neighbour = await runtime.load(component);
  await fc.assert(
    fc.asyncProperty(mutations, (changes) =>
      loadsOrRefuses(
        runtime,
        changes.reduce((bytes, change) => change(bytes), component),
        neighbour,
      ),
    ),
    { numRuns: 40 },
  );
  expect(runtime.state(neighbour)).toBe('ready');
});
