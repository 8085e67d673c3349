import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SupervisedActors } from '../support/supervised-actors.ts';

/** OTP's rule, written down again: a restart at `now` is allowed when those in [now - within, now] are at most max. */
function allowedByOtp(times: readonly number[], max: number, within: number): number {
  for (const [index, now] of times.entries()) {
    const inWindow = times.slice(0, index + 1).filter((at) => at >= now - within).length;
    if (inWindow > max) return index;
  }
  return times.length;
}

describe('restart intensity', () => {
  it('N failures in T restart; one more stops the children in reverse order and escalates', async () => {
    const actors = new SupervisedActors();
    actors.tree.addSupervisor('group', { maxRestarts: 3, withinMs: 1_000, backoffMs: 0 });
    const [a] = ['a', 'b', 'c'].map((name) => actors.actor(name, { supervisor: 'group' }));
    for (let failure = 0; failure < 3; failure++) {
      await actors.fail(a!);
      await actors.advance(100);
      expect(actors.take()).toEqual(['stop a', 'start a']);
    }
    await actors.fail(a!);
    expect(actors.take()).toEqual(['stop c', 'stop b', 'stop a', 'abandon c', 'abandon b', 'abandon a']);
    expect(actors.gaveUp).toMatchObject([
      {
        supervisor: 'group',
        reason: { code: 'SUPERVISION_INTENSITY', details: { supervisor: 'group', component: 't/a/1' } },
      },
    ]);
    expect(actors.running.size).toBe(0);
  });

  it('a failure exactly at the end of the window still counts; one millisecond later it does not', async () => {
    for (const [wait, gaveUp] of [
      [1_000, 1],
      [1_001, 0],
    ] as const) {
      const actors = new SupervisedActors();
      const actor = actors.actor('a', { maxRestarts: 1, withinMs: 1_000, backoffMs: 0 });
      await actors.fail(actor);
      await actors.advance(wait);
      await actors.fail(actor);
      expect(actors.gaveUp).toHaveLength(gaveUp);
    }
  });

  it('agrees with the rule of OTP for any times of failure', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 12 }),
        fc.integer({ min: 0, max: 4 }),
        fc.integer({ min: 0, max: 1_000 }),
        async (gaps, maxRestarts, withinMs) => {
          const actors = new SupervisedActors();
          const actor = actors.actor('a', { maxRestarts, withinMs, backoffMs: 0 });
          const times: number[] = [];
          let restarts = 0;
          for (const gap of gaps) {
            await actors.advance(gap);
            times.push(actors.clock.monotonic());
            await actors.fail(actor);
            await actors.advance(0);
            if (actors.gaveUp.length > 0) break;
            restarts += 1;
          }
          expect(restarts).toBe(allowedByOtp(times, maxRestarts, withinMs));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('backs off exponentially, with jitter between half and all, up to the longest wait', async () => {
    const actors = new SupervisedActors();
    const options = { maxRestarts: 20, withinMs: 1e9, backoffMs: 100, maxBackoffMs: 1_000 };
    const actor = actors.actor('a', options);
    for (let failure = 0; failure < 8; failure++) {
      await actors.fail(actor);
      await actors.advance(1_000);
    }
    const full = [100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000];
    for (const [index, { delayMs }] of actors.restarts.entries()) {
      expect(delayMs).toBeGreaterThanOrEqual(full[index]! / 2);
      expect(delayMs).toBeLessThanOrEqual(full[index]!);
    }
    expect(new Set(actors.restarts.map(({ delayMs }) => delayMs)).size).toBe(8);
  });
});

describe('nested supervisors', () => {
  it('one that gives up is restarted by its parent, whose own intensity counts it', async () => {
    const actors = new SupervisedActors();
    actors.tree.addSupervisor('top', { maxRestarts: 1, withinMs: 60_000, backoffMs: 0 });
    actors.tree.addSupervisor('inner', { maxRestarts: 1, withinMs: 1_000, backoffMs: 0 }, 'top');
    const a = actors.actor('a', { supervisor: 'inner' });
    actors.actor('b', { supervisor: 'inner' });
    await actors.fail(a);
    await actors.advance(0);
    await actors.fail(a);
    expect(actors.take()).toEqual(['stop a', 'start a', 'stop b', 'stop a', 'stop b', 'stop a']);
    await actors.advance(0);
    expect(actors.take()).toEqual(['start a', 'start b']);
    expect(actors.gaveUp).toEqual([]);

    await actors.fail(a);
    await actors.advance(0);
    await actors.fail(a);
    await actors.advance(0);
    expect(actors.gaveUp.map(({ supervisor }) => supervisor)).toEqual(['top']);
    expect(actors.take().slice(-2)).toEqual(['abandon b', 'abandon a']);
    expect(actors.running.size).toBe(0);
  });

  it('rest-for-one above restarts the supervisors that came after', async () => {
    const actors = new SupervisedActors();
    actors.tree.addSupervisor('top', { strategy: 'rest-for-one', backoffMs: 0 });
    for (const name of ['first', 'second', 'third']) actors.tree.addSupervisor(name, { maxRestarts: 0 }, 'top');
    const [, second] = ['first', 'second', 'third'].map((name) => actors.actor(name[0]!, { supervisor: name }));
    await actors.fail(second!);
    await actors.advance(0);
    const done = actors.take();
    expect(done.filter((entry) => entry.startsWith('start'))).toEqual(['start s', 'start t']);
    expect(done).not.toContain('stop f');
  });
});
