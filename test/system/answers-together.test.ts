// Answers are left to the end of a round of the event loop. Nothing that may take long begins before they are sent.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { roundEnd } from '#core/event-loop';
import { createRuntime, type Runtime } from '../../src/index.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { WAITING_HANDLER } from '../../tools/components/waiting-handler.ts';

let component: Uint8Array;
beforeAll(async () => {
  component = await parse(WAITING_HANDLER);
});

/** Two components whose turns say when they begin, and leave an answer. */
async function scene() {
  // Time stands still, so that the pace at which requests begin is not that of the machine.
  const runtime: Runtime = await createRuntime({ overrides: { clock: new TestClock() } });
  onTestFinished(() => runtime.close());
  const order: string[] = [];
  const fetched: Promise<unknown>[] = [];
  /** Sends a request as a connection does: what it sets off has run before the next one is read. */
  const fetcher = async (name: string) => {
    const wait = (): Promise<number> => {
      order.push(`turn of ${name}`);
      roundEnd.add({ atRoundEnd: () => order.push(`answer of ${name}`) });
      return Promise.resolve(1);
    };
    const handle = await runtime.load(component, { id: `demo/${name}/1`, concurrency: 4, imports: { wait } });
    const fetch = async (): Promise<void> => {
      fetched.push(runtime.fetch(handle, new Request('http://test.example/')).catch(() => {}));
      for (let step = 0; step < 20; step++) await Promise.resolve();
    };
    // Its instance is there from now on.
    await fetch();
    await Promise.all(fetched);
    return fetch;
  };
  const [one, other] = [await fetcher('one'), await fetcher('other')];
  await new Promise(setImmediate);
  order.length = 0;
  return { one, other, order, ended: () => Promise.all(fetched).then(() => new Promise(setImmediate)) };
}

describe('an answer that was left to the end of the round', () => {
  it('is sent before the turn of another component, with those of further turns of its own', async () => {
    const { one, other, order, ended } = await scene();
    await one();
    await one();
    await other();
    await ended();
    expect(order).toEqual([
      'turn of one',
      'turn of one',
      'answer of one',
      'answer of one',
      'turn of other',
      'answer of other',
    ]);
  });
});
