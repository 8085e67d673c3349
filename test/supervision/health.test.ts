import { describe, expect, it, vi } from 'vitest';
import { createHandle, parseComponentId } from '#core';
import { HealthChecks, type HealthStatus, LiveActors } from '#supervision';
import { TestClock } from '../../src/testing/clock.ts';

const handle = createHandle(parseComponentId('t/a/1'));
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('health checks', () => {
  async function run(answers: readonly (HealthStatus | Error)[]) {
    const clock = new TestClock();
    const failed = vi.fn();
    const onStatus = vi.fn();
    let next = 0;
    const checks = new HealthChecks({
      clock,
      supervisor: { failed },
      onStatus,
      check: async () => {
        const answer = answers[next++] ?? 'healthy';
        if (answer instanceof Error) throw answer;
        return answer;
      },
    });
    checks.watch(handle, { everyMs: 100, failures: 3 });
    for (let step = 0; step < answers.length; step++) {
      clock.advance(100);
      await settle();
    }
    return { clock, failed, onStatus, checks, asked: () => next };
  }

  it('reports an actor that is unhealthy, or cannot answer, too often in a row', async () => {
    const { failed } = await run(['unhealthy', new Error('trap'), 'unhealthy']);
    expect(failed).toHaveBeenCalledExactlyOnceWith(handle, expect.objectContaining({ code: 'SUPERVISION_UNHEALTHY' }));
  });

  it('forgives one that recovers, and one that is only degraded', async () => {
    const { failed, onStatus } = await run(['unhealthy', 'unhealthy', 'degraded', 'unhealthy', 'unhealthy', 'healthy']);
    expect(failed).not.toHaveBeenCalled();
    expect(onStatus.mock.calls.map(([, status]) => status)).toEqual(['unhealthy', 'degraded', 'unhealthy', 'healthy']);
  });

  it('asks no more once the actor is not watched', async () => {
    const { checks, clock, asked } = await run(['healthy']);
    checks.unwatch(handle);
    clock.advance(1_000);
    await settle();
    expect(asked()).toBe(1);
  });
});

describe('the directory of live actors', () => {
  it('lists and finds what was added, refuses an id that is taken, and forgets what was removed', () => {
    const live = new LiveActors();
    const again = createHandle(parseComponentId('t/a/1'));
    const other = createHandle(parseComponentId('t/b/1'));
    expect(live.add(handle)).toBe(true);
    expect(live.add(again)).toBe(false);
    expect(live.add(other)).toBe(true);
    expect(live.list()).toEqual([handle.id, other.id]);
    expect(live.find(parseComponentId('t/a/1'))).toBe(handle);
    live.remove(again);
    expect(live.find(handle.id)).toBe(handle);
    live.remove(handle);
    expect(live.find(handle.id)).toBeUndefined();
    expect(live.list()).toEqual([other.id]);
  });
});
