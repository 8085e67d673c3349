// How many promises a request passes through whose component answers without waiting.
import { promiseHooks } from 'node:v8';
import { expect, it, onTestFinished } from 'vitest';
import { createRuntime, serveExchange } from '#system';
import { helloHandler } from '../../tools/components/hello-handler.ts';
import { SilentExchange } from '../support/silent-exchange.ts';

const REQUESTS = 64;

it.each(['per-actor', 'per-call'] as const)('are few (%s)', async (store) => {
  await using runtime = await createRuntime();
  const handle = await runtime.load(await helloHandler(), { store });
  const asked = (): Promise<unknown> =>
    Promise.all(Array.from({ length: REQUESTS }, () => serveExchange(runtime, handle, new SilentExchange())));
  await asked();
  let made = 0;
  const stop = promiseHooks.onInit(() => {
    made += 1;
  }) as () => void;
  onTestFinished(stop);
  await asked();
  stop();
  // One for the caller, one of V8 for the guest's stack, two of turns in a mailbox, three of the gate, and two that `Promise.all` makes.
  expect(made / REQUESTS).toBeLessThan(10);
});
