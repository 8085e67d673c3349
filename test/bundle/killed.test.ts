import { describe, expect, it } from 'vitest';
import { killPulls, killPushes } from '../support/killed-transfers.ts';

// A pull of thirty sources makes 24 requests at most, a push about ninety. test/long/bundle kills at many more moments.
describe('kill -9', () => {
  it('of a pull leaves the target as it was, or complete', async () => {
    const moments = [1, 2, 9, 4, 3].map((request, index) => ({ request, delayMs: index * 7 }));
    const { killed } = await killPulls(moments);
    expect(killed).toBeGreaterThan(0);
  });

  it('of a push leaves no manifest without its chunks', async () => {
    const moments = [3, 30, 8, 10].map((request) => ({ request, delayMs: 0 }));
    const { killed } = await killPushes(moments);
    expect(killed).toBeGreaterThan(0);
  });
});
