import { describe, expect, it } from 'vitest';
import { killPulls, killPushes } from '../support/killed-transfers.ts';

// test/long/bundle kills at many more moments.
describe('kill -9', () => {
  it('of a pull leaves the target as it was, or complete', async () => {
    const moments = [1, 9, 4].map((request, index) => ({ request, delayMs: index * 7 }));
    const { killed } = await killPulls(moments);
    expect(killed).toBeGreaterThan(0);
  });

  it('of a push leaves no manifest without its chunks', async () => {
    const moments = [3, 30].map((request) => ({ request, delayMs: 0 }));
    const { killed } = await killPushes(moments);
    expect(killed).toBeGreaterThan(0);
  });
});
