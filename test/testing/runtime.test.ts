import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildActor } from '../../src/system/operations/index.ts';
import { createTestRuntime, TestClock } from '../../src/testing/index.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('a clock that the test moves', () => {
  it('runs what is due in the order of its times, at its time, and nothing else', () => {
    const delay = fc.nat(100);
    fc.assert(
      fc.property(fc.array(delay), fc.array(delay), fc.func(fc.boolean()), (delays, steps, isStopped) => {
        const clock = new TestClock(0);
        const ran: [index: number, at: number][] = [];
        const stops = delays.map((ms, index) => clock.after(ms, () => ran.push([index, clock.now()])));
        const left = delays.map((at, index) => ({ index, at })).filter(({ index }) => !isStopped(index));
        for (const [index, stop] of stops.entries()) if (isStopped(index)) stop();
        let now = 0;
        // What is due at once runs with the first step, even one of no time.
        for (const ms of [0, ...steps]) {
          clock.advance(ms);
          now += ms;
          expect([clock.now(), clock.monotonic()]).toEqual([now, now]);
        }
        const due = left.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at || a.index - b.index);
        expect(ran).toEqual(due.map(({ index, at }) => [index, at]));
        expect(clock.waiting).toBe(left.length - due.length);
      }),
    );
  });

  it('runs what a task waits for within the same time', () => {
    const clock = new TestClock(0);
    const at: number[] = [];
    const again = (): void => {
      at.push(clock.now());
      clock.after(10, again);
    };
    clock.after(10, again);
    clock.advance(35);
    expect(at).toEqual([10, 20, 30]);
    expect(clock.now()).toBe(35);
  });

  it('lets time pass only when something waits for it', async () => {
    const clock = new TestClock(0);
    let ran = false;
    clock.after(1_000, () => {});
    const passed = clock.pass(50);
    await new Promise(setImmediate);
    expect(clock.now()).toBe(0);
    clock.after(20, () => {
      ran = true;
    });
    await passed;
    expect([clock.now(), ran]).toEqual([50, true]);
  });
});

describe('a clock whose timers run at once', () => {
  it('jumps to the time of each, and leaves those that are longer to the test', async () => {
    const clock = TestClock.atOnce(1_000);
    const begun = clock.now();
    const ran: [name: string, at: number][] = [];
    const note = (name: string) => () => void ran.push([name, clock.now() - begun]);
    clock.after(700, note('later'));
    clock.after(500, note('sooner'));
    clock.after(2_000, note('long'));
    clock.after(600, note('stopped'))();
    await new Promise(setImmediate);
    // The clock never goes back: what was due at 500 runs behind what was due at 700.
    expect(ran).toEqual([
      ['later', 700],
      ['sooner', 700],
    ]);
    expect([clock.waiting, clock.nextTimer, clock.waits]).toEqual([1, 2_000, [700, 500, 600]]);
    clock.advance(1_300);
    expect(ran.at(-1)).toEqual(['long', 2_000]);
  });

  it('is still what its wall was set to, while durations go on', () => {
    const clock = new TestClock(5_000);
    clock.advance(10);
    clock.setWall(0);
    clock.spend(1);
    expect([clock.now(), clock.monotonic()]).toEqual([1, 11]);
  });
});

describe('a runtime under that clock', () => {
  const folder = temporaryFolder();
  const component = folder.at('sleeper.wasm');
  beforeAll(async () => {
    writeFileSync(
      folder.at('actor.ts'),
      `import { defineActor, sleep } from 'vivarium/guest';
       export const lifecycle = defineActor({
         name: 'sleeper',
         version: '1.0.0',
         async onMessage(message) {
           const before = Date.now();
           await sleep(message.value());
           return Date.now() - before;
         },
       });`,
    );
    await buildActor(folder.at('actor.ts'), { output: component, check: false });
    return () => folder[Symbol.dispose]();
  });

  it('answers when the time has passed that the actor waits', async () => {
    const { runtime, clock } = await createTestRuntime();
    const handle = await runtime.load(component);
    const answer = runtime.request(handle, Buffer.from('50'));
    await clock.pass(50);
    expect(Buffer.from((await answer) as Uint8Array).toString()).toBe('50');
    await runtime.close();
  });

  it('ends a request whose time is over, however little time really passes', async () => {
    const { runtime, clock } = await createTestRuntime();
    const handle = await runtime.load(component);
    const answer = runtime.request(handle, Buffer.from('400'), { timeoutMs: 300 });
    const refused = expect(answer).rejects.toMatchObject({ code: 'MESSAGING_TIMEOUT' });
    await clock.pass(300);
    await refused;
    await runtime.close();
  });

  it('takes the options of a runtime, and parts of its own', async () => {
    const clock = new TestClock(5);
    const { runtime } = await createTestRuntime({ limits: { maxFuel: 1_000n }, overrides: { clock } });
    await expect(runtime.load(component)).rejects.toMatchObject({ code: 'METERING_OUT_OF_FUEL' });
    await runtime.close();
  });
});
