import { setImmediate as nextStep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type ComponentHandle,
  createRuntime,
  type LoadOptions,
  type Runtime,
  type RuntimeOptions,
} from '../../src/index.ts';
import { waitingGuest } from '../../tools/components/waiting-guest.ts';

const DB = 'test:waiting/db@1.0.0';
let guest: Uint8Array;
beforeAll(async () => {
  guest = await waitingGuest();
});

const polled = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 300_000, interval: 1 });

const open: Runtime[] = [];
afterEach(async () => {
  for (const runtime of open.splice(0)) await runtime.close();
});

interface Db {
  find?(key: string): unknown;
  number?(n: number): unknown;
  nothing?(): unknown;
}

async function load(
  db: Db,
  options: LoadOptions = {},
  runtimeOptions: RuntimeOptions = {},
): Promise<{ runtime: Runtime; handle: ComponentHandle }> {
  const runtime = await createRuntime(runtimeOptions);
  open.push(runtime);
  const full = { find: () => '', number: () => 0n, nothing: () => {}, ...db };
  const handle = await runtime.load(guest, { id: 'demo/waits/1', imports: { [DB]: full }, ...options });
  return { runtime, handle };
}

describe.each(['preemptive', 'cooperative'] as const)("an embedder's asynchronous function, %s", (scheduling) => {
  it('is called by the guest as an ordinary one', async () => {
    const db = {
      find: async (key: string) => {
        await nextStep();
        return `found ${key}`;
      },
    };
    const { runtime, handle } = await load(db, { scheduling });
    expect(await runtime.call(handle, 'find', 'x')).toBe('found x');
    expect(await runtime.call(handle, 'find', 'y')).toBe('found y');
  });

  it('answers the error case of its result by rejecting with it', async () => {
    const { runtime, handle } = await load({ find: async () => Promise.reject('none') }, { scheduling });
    expect(await runtime.call(handle, 'find', 'x')).toBe('!none');
  });

  it('ends the store where it rejects with an error, and names the function', async () => {
    const db = { number: async () => Promise.reject(new Error('the database is gone')) };
    const { runtime, handle } = await load(db, { scheduling });
    await expect(runtime.call(handle, 'sum', 1)).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: expect.stringMatching(/number.*the database is gone/),
    });
    expect(runtime.state(handle)).toBe('failed');
  });

  it('costs the same fuel whether it waits or not', async () => {
    const later = await load({ number: async (n: number) => BigInt(n) }, { scheduling });
    const now = await load({ number: (n: number) => BigInt(n) }, { scheduling });
    expect(await later.runtime.call(later.handle, 'sum', 10)).toBe(55n);
    expect(await now.runtime.call(now.handle, 'sum', 10)).toBe(55n);
    const fuel = ({ runtime, handle }: typeof now): bigint => runtime.usage(handle).last.fuelConsumed;
    expect(fuel(later)).toBe(fuel(now));
    expect(fuel(now)).toBeGreaterThan(0n);
  });

  it('leaves the component waiting until it is settled, and everyone else at work', async () => {
    let answer: (value: bigint) => void = () => {};
    const { runtime, handle } = await load(
      { number: () => new Promise((resolve) => (answer = resolve)) },
      { scheduling },
    );
    const other = await runtime.load(guest, {
      id: 'demo/other/1',
      scheduling,
      imports: { [DB]: { find: () => '', number: () => 1n, nothing: () => {} } },
    });
    const waits = runtime.call(handle, 'sum', 1);
    await polled(() => expect(runtime.state(handle)).toBe('waiting'));
    expect(await runtime.call(other, 'sum', 3)).toBe(3n);
    answer(7n);
    expect(await waits).toBe(7n);
    expect(runtime.state(handle)).toBe('ready');
  });

  it('may never settle: the component can be unloaded, and the guest does not run again', async () => {
    let asked = 0;
    const db = {
      nothing: () => new Promise<void>(() => {}),
      number: () => {
        asked += 1;
        return 0n;
      },
    };
    const { runtime, handle } = await load(db, { scheduling });
    const waits = runtime.call(handle, 'catching');
    await polled(() => expect(runtime.state(handle)).toBe('waiting'));
    const ended = expect(waits).rejects.toMatchObject({ code: expect.stringMatching(/^RUNTIME_/) });
    await runtime.unload(handle);
    await ended;
    expect(asked).toBe(0);
    expect(runtime.state(handle)).toBe('stopped');
  });

  it('ends once for all who end it: an unload and the close of its runtime', async () => {
    const { runtime, handle } = await load({ nothing: () => new Promise<void>(() => {}) }, { scheduling });
    const waits = runtime.call(handle, 'catching');
    await polled(() => expect(runtime.state(handle)).toBe('waiting'));
    const ended = expect(waits).rejects.toMatchObject({ code: expect.stringMatching(/^RUNTIME_/) });
    await Promise.all([runtime.unload(handle), runtime.close()]);
    await ended;
  });

  it('lets a call of the next message wait its turn', async () => {
    const answers: ((value: bigint) => void)[] = [];
    const { runtime, handle } = await load(
      { number: () => new Promise((resolve) => answers.push(resolve)) },
      { scheduling },
    );
    const [one, two] = [runtime.call(handle, 'sum', 1), runtime.call(handle, 'sum', 1)];
    await polled(() => expect(answers).toHaveLength(1));
    answers[0]?.(1n);
    expect(await one).toBe(1n);
    await polled(() => expect(answers).toHaveLength(2));
    answers[1]?.(2n);
    expect(await two).toBe(2n);
  });
});

describe('a runtime without turns that wait', () => {
  it('ends what would have to', async () => {
    const { runtime, handle } = await load(
      { number: async () => 1n },
      { scheduling: 'cooperative' },
      { waiting: false },
    );
    await expect(runtime.call(handle, 'sum', 1)).rejects.toMatchObject({ code: 'RUNTIME_WOULD_BLOCK' });
  });
});

describe('a guest that computes', () => {
  it('gives the thread to the event loop and to others, where it is preemptive', async () => {
    const { runtime, handle } = await load({}, { scheduling: 'preemptive', limits: { maxExecutionTimeMs: 60_000 } });
    let done = false;
    const spins = runtime.call(handle, 'spin', 300_000_000).finally(() => {
      done = true;
    });
    let ticks = 0;
    while (!done && ticks < 5) {
      await nextStep();
      ticks += 1;
    }
    expect(ticks).toBe(5);
    await runtime.unload(handle);
    await expect(spins).rejects.toMatchObject({ code: expect.stringMatching(/^RUNTIME_/) });
  });
});
