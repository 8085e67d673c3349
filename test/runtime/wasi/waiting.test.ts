// A guest that polls and blocks waits in its turn, on the runtime's own clock.
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type LoadOptions, type Runtime } from '../../../src/index.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { pollingGuest } from '../../support/polling-guest.ts';

const MS = 1_000_000n;
/** Counts the timers of turns, which are shorter than the runtime's own, from when it is told to. */
class WatchedClock extends TestClock {
  short = 0;
  watches = false;

  override after(delayMs: number, task: () => void): () => void {
    if (delayMs > 5_000 || !this.watches) return super.after(delayMs, task);
    this.short += 1;
    let runs = true;
    const once = (): void => {
      if (runs) this.short -= 1;
      runs = false;
    };
    const stop = super.after(delayMs, () => {
      once();
      task();
    });
    return () => {
      once();
      stop();
    };
  }
}

let component: Uint8Array;
let clock: WatchedClock;
let runtime: Runtime;
beforeAll(async () => {
  component = await pollingGuest();
});
afterEach(() => runtime.close());

async function scene(options: LoadOptions = {}, waiting = true): Promise<ComponentHandle> {
  clock = new WatchedClock();
  runtime = await createRuntime({ overrides: { clock }, waiting });
  const limits = { maxTurnTimeMs: 2 ** 31, maxExecutionTimeMs: 60_000 };
  const handle = await runtime.load(component, { limits, ...options });
  clock.watches = true;
  return handle;
}

/** Lets time pass only once the turn waits. */
async function waits(handle: ComponentHandle): Promise<void> {
  await expect.poll(() => runtime.state(handle), { interval: 1 }).toBe('waiting');
}

describe('a guest that waits for the clock', () => {
  it('goes on when its time has come, and not before', async () => {
    const handle = await scene();
    let done = false;
    const slept = runtime.call(handle, 'sleep', 20n * MS).then(() => {
      done = true;
    });
    await waits(handle);
    clock.advance(19);
    await new Promise(setImmediate);
    expect(done).toBe(false);
    clock.advance(1);
    await slept;
    expect(runtime.usage(handle).waitingMs).toBe(20);
    expect(clock.short).toBe(0);
  });

  it('does not wait for what is over', async () => {
    const handle = await scene();
    await runtime.call(handle, 'sleep', 0n);
    expect(runtime.usage(handle).waitingMs).toBe(0);
  });

  it.each<[string, bigint, bigint, number]>([
    ['the first', 5n, 10n, 10],
    ['the second', 10n, 5n, 11],
    ['both at once', 5n, 5n, 20],
  ])('is told by poll which is ready: %s', async (_, one, other, answer) => {
    const handle = await scene();
    const first = runtime.call(handle, 'first', one * MS, other * MS);
    await waits(handle);
    clock.advance(5);
    expect(await first).toBe(answer);
    expect(clock.short).toBe(0);
  });

  it('wakes when the rounded clock says so, where it is granted a coarse one', async () => {
    const handle = await scene();
    clock.advance(0.25);
    const slept = runtime.call(handle, 'sleep', MS / 2n);
    await waits(handle);
    clock.advance(1);
    await slept;
    expect(clock.short).toBe(0);
  });

  it.each([
    ['many', 500],
    ['same', 4_096],
  ] as const)('may poll %s at a time, which is bounded and given back', async (how, count) => {
    const handle = await scene();
    for (let round = 0; round < 50; round++) {
      const polled = runtime.call(handle, how, count, MS);
      await waits(handle);
      clock.advance(1);
      expect(await polled).toBe(count);
      expect(clock.short).toBe(0);
    }
    await expect(runtime.call(handle, how, 4_097, MS)).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
  });

  it('is charged for what it waits for, and ends where that is too much', async () => {
    // The pollables themselves are some 800 KB, those who wait for them as much again.
    const handle = await scene({ limits: { maxMemoryBytes: 1_200_000, maxTurnTimeMs: 2 ** 31 } });
    await expect(runtime.call(handle, 'many', 4_096, MS)).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: expect.stringContaining('keep more than'),
    });
    await expect.poll(() => clock.short).toBe(0);
  });
});

describe('a guest that is ended while it waits', () => {
  it.each(['sleep', 'catching', 'first', 'many'])('by an unload leaves no timer: %s', async (name) => {
    const handle = await scene();
    const args = name === 'many' ? [100, MS] : name === 'first' ? [MS, MS] : [MS];
    const ended = expect(runtime.call(handle, name, ...args)).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
    await waits(handle);
    await runtime.unload(handle);
    await ended;
    expect(clock.short).toBe(0);
  });

  it('by its time ends with what is left of it, whatever it catches', async () => {
    const handle = await scene({ limits: { maxTurnTimeMs: 50 } });
    const ended = expect(runtime.call(handle, 'catching', 4_000n * MS)).rejects.toMatchObject({
      code: 'RUNTIME_TURN_TIMEOUT',
    });
    await waits(handle);
    clock.advance(50);
    await ended;
    expect(clock.short).toBe(0);
  });

  it('cannot begin to where no turn may wait', async () => {
    const handle = await scene({}, false);
    await expect(runtime.call(handle, 'sleep', MS)).rejects.toMatchObject({
      code: 'RUNTIME_WOULD_BLOCK',
      message: expect.stringMatching(/^wasi:io\/poll@0\.2\.3#\[method\]pollable\.block would have to wait/),
    });
    expect(clock.short).toBe(0);
  });
});
