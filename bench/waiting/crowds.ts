// Many turns at once: asleep, and computing for ever beside one that answers.

import { type ComponentHandle, createRuntime } from 'vivarium';
import { actor } from '../../tools/components/actor-wat.ts';
import { punctualActor } from '../../tools/components/asking-actor.ts';
import { waitingGuest } from '../../tools/components/waiting-guest.ts';
import type { Report } from '../figure.ts';

const SLEEPERS = 10_000;
/** Longer than they take to fall asleep, so that all of them sleep at once. */
const SLEEP_MS = 10_000;
const SPINNERS = 1_000;
/** `sliceMs` of a runtime that is told none. */
const SLICE_MS = 2;
/** Long enough that each spinner has had a dozen slices. */
const SPIN_MS = 30_000;

const percentile = (values: number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] as number;

export async function crowds(report: Report): Promise<void> {
  await sleepers(report);
  await spinners(report);
}

async function sleepers(report: Report): Promise<void> {
  const component = await punctualActor(SLEEP_MS);
  await using runtime = await createRuntime();
  const handles: ComponentHandle[] = [];
  for (let index = 0; index < SLEEPERS; index++) handles.push(await runtime.load(component));
  const ask = (bytes: number): Promise<(Uint8Array | undefined)[]> =>
    Promise.all(handles.map((handle) => runtime.request(handle, new Uint8Array(bytes), { timeoutMs: 60_000 })));
  // Once each, so that what stores keep is there already.
  await ask(0);
  const before = process.memoryUsage().rss;
  const began = Date.now();
  const asleep = ask(1);
  const isAsleep = (handle: ComponentHandle): boolean => runtime.state(handle) === 'waiting';
  do await new Promise((resolve) => setTimeout(resolve, 50));
  while (!isAsleep(handles.at(-1)!));
  const bytes = Math.max(0, process.memoryUsage().rss - before) / SLEEPERS / 1_024;
  const together = handles.filter(isAsleep).length;
  const times = (await asleep).map((answer) => {
    const view = new DataView(answer!.buffer, answer!.byteOffset);
    return { from: Number(view.getBigUint64(0, true)), to: Number(view.getBigUint64(8, true)) };
  });
  report({
    figure: `${together} turns in sleep at once: memory beside its store`,
    value: bytes,
    unit: 'KiB',
    goal: '<= 8',
    holds: bytes <= 8 && together >= SLEEPERS,
  });
  const late = percentile(
    times.map(({ from, to }) => to - from - SLEEP_MS),
    0.99,
  );
  const figure = `${together} turns in sleep at once: lateness of their wake-up, by the clock that the guests read, p99`;
  report({ figure, value: late, unit: 'ms', goal: '<= 20', holds: late <= 20 && together >= SLEEPERS });
  report({
    figure: 'the time in which all of them fell asleep, one after the other as fast as possible',
    value: Math.max(...times.map(({ from }) => from)) - began,
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
  for (const ends = performance.now() + SPIN_MS; performance.now() < ends; ) {
    const began = performance.now();
    await runtime.request(echo, new Uint8Array(16), { timeoutMs: 60_000 });
    await new Promise((resolve) => setImmediate(resolve));
    times.push(performance.now() - began);
  }
  const shares = handles.map((handle) => runtime.usage(handle).last.executionTimeMs);
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  // A turn that is one slice ahead of others is not unfair yet.
  const apart = shares.map((share) => Math.max(0, Math.abs(share - mean) - SLICE_MS) / mean);
  await Promise.all(handles.map((handle) => runtime.unload(handle)));
  await Promise.all(spinning);
  const p99 = percentile(times, 0.99);
  const figure = `one that answers beside ${SPINNERS} that compute for ever, p99`;
  report({ figure, value: p99, unit: 'ms', goal: '<= 10', holds: p99 <= 10 });
  const spread = percentile(apart, 0.99);
  const shares99 = 'shares of those that compute: difference from the mean, but for a slice, p99';
  report({ figure: shares99, value: spread * 100, unit: '%', goal: '<= 10', holds: spread <= 0.1 });
  const largest = 'the largest of these differences: one stall of the machine in a slice is enough for it';
  report({ figure: largest, value: Math.max(...apart) * 100, unit: '%', goal: 'shown', holds: true });
}
