// What the embedder may do with a component whose turn is suspended: all that it may do between two turns.
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ComponentHandle, createRuntime, type Runtime } from '../../src/index.ts';
import { actor } from '../../tools/components/actor-wat.ts';
import { sleepingActor } from '../../tools/components/asking-actor.ts';

const TURN = Buffer.alloc(20);

/** A component with a turn that waits and three messages behind it. */
async function scene() {
  const runtime: Runtime = await createRuntime();
  onTestFinished(() => runtime.close());
  const handle: ComponentHandle = await runtime.load(await sleepingActor(), { id: 'demo/sleeps/1' });
  const answers = Array.from({ length: 4 }, () => runtime.request(handle, TURN).then(() => 'answered', String));
  await expect.poll(() => runtime.state(handle)).toBe('waiting');
  return { runtime, handle, answers };
}

const ANSWERED = ['answered', 'answered', 'answered', 'answered'];

describe('a component whose turn waits', () => {
  it('handles what is in its mailbox before it is unloaded with `drain`', async () => {
    const { runtime, handle, answers } = await scene();
    await runtime.unload(handle, { drain: true });
    expect(await Promise.all(answers)).toEqual(ANSWERED);
    expect(runtime.deadLetters()).toEqual([]);
  });

  it('is replaced between that turn and the next', async () => {
    const { runtime, handle, answers } = await scene();
    await runtime.replace(handle, await actor());
    expect(await Promise.all(answers)).toEqual(ANSWERED);
    expect(runtime.state(handle)).toBe('ready');
  });

  it('takes calls, which run behind that turn', async () => {
    const { runtime, handle, answers } = await scene();
    const health = runtime.call(handle, 'vivarium:actor/lifecycle@0.1.0#health');
    expect(await Promise.all([...answers, health])).toEqual([...ANSWERED, expect.anything()]);
  });
});
