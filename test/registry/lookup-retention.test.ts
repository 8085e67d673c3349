import { describe, expect, it } from 'vitest';
import type { LookupOutcome } from '#core/ports/registry';
import { SOME_INTERFACE } from './module-records.ts';
import { createRig } from './rig.ts';

const DAY_MS = 86_400_000;
const miss: LookupOutcome = { requestHash: 'a', interfaceHash: SOME_INTERFACE, outcome: 'miss', elapsedMs: 1 };

describe('registry: the log of lookups', () => {
  it('forgets by being used what is older than it may be', async () => {
    const rig = await createRig();
    const client = rig.client({ lookups: { maxAgeMs: 10 * DAY_MS } });
    await client.record(miss);
    rig.clock.advance(9 * DAY_MS);
    await client.record(miss);
    expect((await client.statistics()).outcomes.miss).toBe(2);
    rig.clock.advance(2 * DAY_MS);
    await client.record(miss);
    expect((await client.statistics()).outcomes.miss).toBe(2);
  });

  it('does not look at the whole log for each lookup', async () => {
    const rig = await createRig();
    const client = rig.client({ lookups: { maxLookups: 2 } });
    for (let at = 0; at < 9; at += 1) {
      rig.clock.advance(1);
      await client.record(miss);
    }
    expect((await client.statistics()).outcomes.miss).toBe(9);
    rig.clock.advance(3_600_000);
    await client.record(miss);
    expect((await client.statistics()).outcomes.miss).toBe(2);
  });

  it('keeps to its number though all comes within the hour', async () => {
    const rig = await createRig();
    const client = rig.client({ lookups: { maxLookups: 100 } });
    for (let at = 0; at < 10_001; at += 1) {
      rig.clock.advance(1);
      await client.record(miss);
    }
    expect((await client.statistics()).outcomes.miss).toBeLessThanOrEqual(100);
  });

  it('forgets when it is told to', async () => {
    const rig = await createRig();
    await rig.client().record(miss);
    rig.clock.advance(91 * DAY_MS);
    expect(await rig.client().forgetLookups()).toBe(1);
    expect(await rig.client().forgetLookups()).toBe(0);
  });
});
