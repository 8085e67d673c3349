import { describe, expect, it } from 'vitest';
import { wait } from '../../src/core/waiting/index.ts';
import { systemClock } from '../../src/system/clock.ts';
import { TestClock } from '../../src/testing/clock.ts';

/** Timers by which the process stays alive. */
const alive = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

describe('wait', () => {
  it('ends when the time of the clock has come, and not before', async () => {
    const clock = new TestClock();
    let ended = false;
    const waiting = wait(clock, 100).then(() => {
      ended = true;
    });
    clock.advance(99);
    await Promise.resolve();
    expect(ended).toBe(false);
    clock.advance(1);
    await waiting;
    expect(ended).toBe(true);
  });

  it('keeps the process alive as long as it lasts, which timers of the clock do not', async () => {
    const before = alive();
    const ending = new AbortController();
    systemClock.after(60_000, () => {});
    expect(alive()).toBe(before);
    const waiting = wait(systemClock, 60_000, ending.signal);
    expect(alive()).toBe(before + 1);
    ending.abort(new Error('no longer'));
    await expect(waiting).rejects.toThrow('no longer');
    expect(alive()).toBe(before);
  });

  it('does not begin when its signal was aborted before', async () => {
    const clock = new TestClock();
    await expect(wait(clock, 1, AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
  });
});
