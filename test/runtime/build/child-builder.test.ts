import { writeFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChildBuilder } from '#runtime';
import { TestClock } from '../../../src/testing/clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const PROGRAM = new URL('./support/scripted-child.ts', import.meta.url);
const QUICK_MS = 2_000;
const MAX_MS = 30_000;
/** A child that works is late after so many milliseconds, even if it had no processor. One that starts may do so at any time. */
const LATE_MS = 10 * MAX_MS;

let clock: TestClock;
let builder: ChildBuilder;
beforeEach(() => {
  clock = new TestClock();
  builder = new ChildBuilder({ program: PROGRAM, clock, quickMs: QUICK_MS, maxBuildTimeMs: MAX_MS });
});
afterEach(() => builder.close());

/** Begins a build; what became of it is written down. */
function build(text: string, signal?: AbortSignal): { done: Promise<string>; outcome: string } {
  const begun = {
    outcome: 'pending',
    done: builder.build(Buffer.from(text), 'fuel', signal).then(
      ({ javascript }) => javascript,
      (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
    ),
  };
  void begun.done.then((outcome) => {
    begun.outcome = outcome;
  });
  return begun;
}

async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  await turn();
}

describe('builds', () => {
  it('go on beside one that never ends, which fails in its own time', async () => {
    const hostile = build('hang');
    const good = build('good');
    await pass(QUICK_MS);
    expect(await good.done).toBe('good');
    expect(hostile.outcome).toBe('pending');
    expect(await build('another').done).toBe('another');
    await pass(LATE_MS - QUICK_MS);
    expect(await hostile.done).toMatch(/^RUNTIME_INVALID_COMPONENT: .* more than 30000 ms/);
  });

  it('wait for each that was asked for before them only as long as a quick one may take', async () => {
    const hostile = Array.from({ length: 5 }, () => build('hang'));
    const good = build('good');
    for (const _ of hostile) await pass(QUICK_MS);
    expect(await good.done).toBe('good');
    expect(hostile.map(({ outcome }) => outcome)).toEqual(hostile.map(() => 'pending'));
    for (const one of hostile) {
      await pass(LATE_MS);
      expect(await one.done).toMatch(/more than 30000 ms/);
    }
  });

  it('that are slow are stopped for others only while another slow one is built, and begun again', async () => {
    using folder = temporaryFolder();
    const [first, second] = [folder.at('first'), folder.at('second')];
    const slow = [build(`file:${first}`), build(`file:${second}`)];
    await pass(QUICK_MS);
    await pass(QUICK_MS);
    // Nobody waits: the second goes on in the quick lane until somebody does.
    const good = build('good');
    expect(await good.done).toBe('good');
    writeFileSync(first, '');
    expect(await slow[0]!.done).toBe(`file:${first}`);
    writeFileSync(second, '');
    expect(await slow[1]!.done).toBe(`file:${second}`);
  });

  it('end with the builder, those that run and those that wait', async () => {
    const running = build('hang');
    const waiting = build('good');
    await builder.close();
    expect(await running.done).toMatch(/^RUNTIME_CLOSED/);
    expect(await waiting.done).toMatch(/^RUNTIME_CLOSED/);
    expect(await build('good').done).toMatch(/^RUNTIME_CLOSED/);
  });

  it('end with their signals, and the next one has a child of its own', async () => {
    const controller = new AbortController();
    const running = build('hang', controller.signal);
    const waiting = build('good', AbortSignal.abort());
    controller.abort();
    expect(await running.done).toMatch(/^RUNTIME_ABORTED/);
    expect(await waiting.done).toMatch(/^RUNTIME_ABORTED/);
    expect(await build('good').done).toBe('good');
  });
});
