// Many turns at once: asleep, and computing for ever beside one that answers.

import { type ComponentHandle, createRuntime } from 'vivarium';
import type { Clock } from '#core/ports/clock';
import { systemClock } from '../../src/system/clock.ts';
import { actor } from '../../tools/components/actor-wat.ts';
import { sleepingActor } from '../../tools/components/asking-actor.ts';
import { waitingGuest } from '../../tools/components/waiting-guest.ts';
import type { Report } from '../figure.ts';

const SLEEPERS = 2_000;
const SPINNERS = 100;
const ANSWERS = 1_000;

const percentile = (values: number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] as number;

export async function crowds(report: Report): Promise<void> {
  await sleepers(report);
  await spinners(report);
}

async function sleepers(report: Report): Promise<void> {
  const component = await sleepingActor(1);
  const sleep = 2_000;
  /** When each turn is due to wake, in the order in which they fell asleep. */
  const due: number[] = [];
  const clock: Clock = {
    ...systemClock,
    after: (delayMs, task) => {
      if (delayMs === sleep) due.push(performance.now() + sleep);
      return systemClock.after(delayMs, task);
    },
  };
  await using runtime = await createRuntime({ overrides: { clock } });
  const handles: ComponentHandle[] = [];
  for (let index = 0; index < SLEEPERS; index++) handles.push(await runtime.load(component));
  // Once each, so that what stores keep is there already.
  await Promise.all(handles.map((handle) => runtime.request(handle, new Uint8Array(1))));
  const before = process.memoryUsage().rss;
  const payload = new Uint8Array(sleep);
  const [lateness, sinceAsked]: number[][] = [[], []];
  const asleep = handles.map(async (handle, index) => {
    const asked = performance.now();
    await runtime.request(handle, payload, { timeoutMs: 60_000 });
    lateness?.push(performance.now() - (due[index] as number));
    sinceAsked?.push(performance.now() - asked - sleep);
  });
  await new Promise((resolve) => setTimeout(resolve, sleep / 2));
  const bytes = Math.max(0, process.memoryUsage().rss - before) / SLEEPERS / 1_024;
  await Promise.all(asleep);
  report({
    figure: `${SLEEPERS} turns in sleep, each with a message of ${sleep} bytes: memory beside its store`,
    value: bytes,
    unit: 'KiB',
    goal: '<= 8 and the message',
    holds: bytes <= 8 + (2 * sleep) / 1_024,
  });
  const late = percentile(lateness as number[], 0.99);
  const figure = `${SLEEPERS} turns in sleep, begun and woken at once: lateness of the answer behind the wake-up that was due, p99`;
  report({ figure, value: late, unit: 'ms', goal: '<= 20', holds: late <= 20 });
  report({
    figure: 'the same since all were asked at once, the beginning of the turns included, p99',
    value: percentile(sinceAsked as number[], 0.99),
    unit: 'ms',
    goal: 'shown',
    holds: true,
  });
}

async function spinners(report: Report): Promise<void> {
  const guest = await waitingGuest();
  await using runtime = await createRuntime();
  const echo = await runtime.load(await actor());
  const imports = { 'test:waiting/db@1.0.0': { find: () => '', number: () => 0n, nothing: () => {} } };
  const handles: ComponentHandle[] = [];
  for (let index = 0; index < SPINNERS; index++) {
    const limits = { maxExecutionTimeMs: 600_000, maxTurnTimeMs: 600_000 };
    handles.push(await runtime.load(guest, { imports, limits }));
  }
  const spinning = handles.map((handle) => runtime.call(handle, 'spin', 2 ** 31).catch(() => {}));
  const times: number[] = [];
  for (let answer = 0; answer < ANSWERS; answer++) {
    const began = performance.now();
    await runtime.request(echo, new Uint8Array(16), { timeoutMs: 60_000 });
    await new Promise((resolve) => setImmediate(resolve));
    times.push(performance.now() - began);
  }
  const shares = handles.map((handle) => runtime.usage(handle).last.executionTimeMs);
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  // A turn that is one slice ahead of others is not unfair yet.
  const spread = Math.max(0, Math.max(...shares.map((share) => Math.abs(share - mean))) - 2) / mean;
  await Promise.all(handles.map((handle) => runtime.unload(handle)));
  await Promise.all(spinning);
  const p99 = percentile(times, 0.99);
  const figure = `one that answers beside ${SPINNERS} that compute for ever, p99`;
  report({ figure, value: p99, unit: 'ms', goal: '<= 10', holds: p99 <= 10 });
  const shown = 'shares of those that compute: the largest difference from the mean, but for a slice';
  report({ figure: shown, value: spread * 100, unit: '%', goal: '<= 10', holds: spread <= 0.1 });
}
