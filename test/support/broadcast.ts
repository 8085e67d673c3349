// One component that broadcasts to very many others, for the suite and, with more of them, the long one.
import { setImmediate } from 'node:timers/promises';
import { expect } from 'vitest';
import { type ComponentHandle, createRuntime } from '../../src/index.ts';
import { broadcastName, order, puppet } from './puppet.ts';

/** Shows that each of so many components takes a broadcast once. */
export async function broadcastTo(count: number): Promise<void> {
  const bytes = await puppet(count);
  // A second, which a call has by default, is not enough for ten thousand on a busy machine.
  await using runtime = await createRuntime({ limits: { maxExecutionTimeMs: 600_000 } });
  const letters: string[] = [];
  runtime.on('dead-letter', ({ reason }) => letters.push(reason));
  const load = (name: string) => runtime.load(bytes, { id: `t/${name}/1`, grants: ['messaging:broadcast:t/*/*'] });
  const sender = await load('a');
  const targets: ComponentHandle[] = [];
  for (let n = 0; n < count; n++) targets.push(await load(broadcastName(n)));
  const reply = Buffer.from((await runtime.request(sender, order('broadcast', '', order('echo')))) ?? []);
  expect([reply.readUInt32LE(0), reply.readUInt32LE(4)]).toEqual([0, count]);
  const handled = (target: ComponentHandle): number => runtime.usage(target).messagesHandled;
  const waiting = new Set(targets);
  // For as many turns of the event loop as such a broadcast needs many times over: how long a turn takes is the machine's affair.
  for (let turn = 0; turn < 1_000_000 && waiting.size > 0; turn++) {
    for (const target of waiting) {
      if (handled(target) === 0) break;
      waiting.delete(target);
    }
    await setImmediate();
  }
  expect(new Set(targets.map(handled))).toEqual(new Set([1]));
  expect(letters).toEqual([]);
}
