import { createRuntime, type Runtime, type RuntimeOptions } from '#system';
import { TestClock } from './clock.ts';

/** A runtime for tests of built components: `runtime.load('actor.wasm')` as ever, under a clock that the test moves. */
export async function createTestRuntime(
  options: RuntimeOptions = {},
): Promise<{ readonly runtime: Runtime; readonly clock: TestClock }> {
  const clock = new TestClock();
  const runtime = await createRuntime({ ...options, overrides: { clock, ...options.overrides } });
  return { runtime, clock };
}
