import { describe, expect, it } from 'vitest';
import { killPulls, killPushes } from '../../support/killed-transfers.ts';

describe('kill -9, at many moments', () => {
  const moments = Array.from({ length: 24 }, (_, index) => ({
    request: 1 + ((index * 7) % 17),
    delayMs: (index * 13) % 90,
  }));

  it('of a pull leaves the target as it was, or complete', async () => {
    const { killed } = await killPulls(moments);
    expect(killed).toBeGreaterThan(8);
  });

  it('of a push leaves no manifest without its chunks', async () => {
    const { killed } = await killPushes(
      moments.map(({ request, delayMs }) => ({ request: request * 3, delayMs: delayMs / 9 })),
    );
    expect(killed).toBeGreaterThan(5);
  });
});
