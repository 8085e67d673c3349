import { randomFillSync } from 'node:crypto';
import { createHandle, parseComponentId } from '#core';
import { HostMessaging, Router } from '#messaging';
import type { RunGroup } from '../figure.ts';
import { calls } from './calls.ts';

const payload = new Uint8Array(16);
const reply = new Uint8Array(16);

/** What the router and mailbox cost by themselves: the engine behind them does nothing. */
function createIdleSystem(actors: number): { host: HostMessaging; handles: ReturnType<typeof createHandle>[] } {
  const router = new Router({
    engine: { callHandleMessage: () => reply, callHandleCallback: () => {} },
    clock: {
      now: () => Date.now(),
      monotonic: () => performance.now(),
      after: (delayMs, task) => {
        const timer = setTimeout(task, delayMs).unref();
        return () => clearTimeout(timer);
      },
    },
    random: { bytes: (length) => randomFillSync(new Uint8Array(length)), fraction: () => Math.random() },
  });
  const handles = Array.from({ length: actors }, (_, index) => createHandle(parseComponentId(`bench/actor/${index}`)));
  for (const handle of handles) router.add(handle);
  return { host: new HostMessaging(router), handles };
}

async function microsecondsPerMessage(messages: number, one: (index: number) => Promise<unknown>): Promise<number> {
  const batch = 500;
  const runs: number[] = [];
  for (let run = 0; run < 7; run++) {
    const began = performance.now();
    for (let sent = 0; sent < messages; ) {
      const answers: Promise<unknown>[] = [];
      for (let index = 0; index < batch; index++, sent++) answers.push(one(sent));
      await Promise.all(answers);
    }
    runs.push(((performance.now() - began) * 1_000) / messages);
  }
  return runs.toSorted((a, b) => a - b)[3]!;
}

export const run: RunGroup = async (report) => {
  await calls(report);
  const { host, handles } = createIdleSystem(1);
  const only = handles[0]!;
  const request = await microsecondsPerMessage(100_000, () => host.request(only, payload));
  report({
    figure: 'request, no-op handler, promise included',
    value: request,
    unit: 'us',
    goal: '<= 0.5',
    holds: request <= 0.5,
  });
  const serial = await microsecondsPerMessage(100_000, () => host.send(only, payload));
  report({
    figure: 'send, no-op handler, promise included',
    value: serial,
    unit: 'us',
    goal: '<= 0.5',
    holds: serial <= 0.5,
  });
};
