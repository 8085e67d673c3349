// What single turns cost: preemptive ones, ones that may wait and do not, ones that wait, and questions between actors.
import { createRuntime, type LoadOptions } from 'vivarium';
import { actor } from '../../tools/components/actor-wat.ts';
import { askingActor } from '../../tools/components/asking-actor.ts';
import { waitingGuest } from '../../tools/components/waiting-guest.ts';
import type { Report } from '../figure.ts';
import { paired } from '../support/measure.ts';
import { bare } from './bare.ts';

const ROUNDS = 9;
const CALLS = 10_000;
/** Enough that the processor's clock, which may tick every 4 ms, tells them. */
const WAITS = 300_000;

/** Milliseconds of the processor that this thread has used: what else the machine does is no part of what calls cost. */
function spentMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** Microseconds for each of many promises, a hundred under way at a time. */
async function each(count: number, one: () => Promise<unknown>): Promise<number> {
  const began = spentMs();
  for (let done = 0; done < count; done += 100) await Promise.all(Array.from({ length: 100 }, one));
  return ((spentMs() - began) * 1_000) / count;
}

async function besideEachOther(
  one: () => Promise<unknown>,
  other: () => Promise<unknown>,
): Promise<{ a: number; b: number; ratio: number }> {
  for (const warm of [one, other]) await each(5 * CALLS, warm);
  return paired(
    ROUNDS,
    () => each(CALLS, one),
    () => each(CALLS, other),
  );
}

export async function calls(report: Report): Promise<void> {
  const shown = { goal: 'shown', holds: true } as const;
  const later = async (n: number): Promise<number> => n;
  const [raw, guest, echo] = [await bare(later), await waitingGuest(), await actor()];
  const promising = await each(5 * CALLS, () => raw.nothing(1));
  report({ figure: 'a bare promising call', value: promising, unit: 'us', ...shown });

  await using runtime = await createRuntime();
  const payload = new Uint8Array(16);
  const preemptive = await runtime.load(echo, { scheduling: 'preemptive' });
  const cooperative = await runtime.load(echo, { scheduling: 'cooperative' });
  const trip = await besideEachOther(
    () => runtime.request(preemptive, payload),
    () => runtime.request(cooperative, payload),
  );
  report({ figure: 'request, 16 bytes, cooperative', value: trip.b, unit: 'us', ...shown });
  report({
    figure: 'request, 16 bytes, preemptive: more than cooperative',
    value: trip.a - trip.b,
    unit: 'us',
    goal: '<= 0.9',
    holds: trip.a - trip.b <= 0.9,
  });

  await using still = await createRuntime({ waiting: false });
  const db = { find: () => '', number: (n: number) => BigInt(n), nothing: () => {} };
  const given = (number: unknown): LoadOptions => ({
    scheduling: 'cooperative',
    imports: { 'test:waiting/db@1.0.0': { ...db, number } },
    limits: { maxExecutionTimeMs: 60_000, maxTurnTimeMs: 60_000 },
  });
  const [may, cannot] = [await runtime.load(guest, given(db.number)), await still.load(guest, given(db.number))];
  const turn = await besideEachOther(
    () => runtime.call(may, 'sum', 1),
    () => still.call(cannot, 'sum', 1),
  );
  report({
    figure: 'a turn that may wait and does not: more than one that cannot',
    value: turn.a - turn.b,
    unit: 'us',
    goal: '<= 1.5',
    holds: turn.a - turn.b <= 1.5,
  });

  const waits = await runtime.load(
    guest,
    given(async (n: number) => BigInt(n)),
  );
  const timed = async (call: () => Promise<unknown>): Promise<number> => {
    const began = spentMs();
    await call();
    return ((spentMs() - began) * 1_000) / WAITS;
  };
  const [ours, theirs] = [() => runtime.call(waits, 'sum', WAITS), () => raw.waits(WAITS)];
  for (let warm = 0; warm < 5; warm++) await Promise.all([ours(), theirs(), raw.waitsAsTurns(WAITS)]);
  const suspended = await paired(
    7,
    () => timed(ours),
    () => timed(theirs),
  );
  report({
    figure: 'suspending and resuming, by an import that is ready at once',
    value: suspended.a,
    unit: 'us',
    ...shown,
  });
  report({
    figure: 'suspending and resuming, ratio',
    value: suspended.ratio,
    unit: 'x',
    peer: 'bare JSPI of the same import',
    goal: '<= 1.5',
    holds: suspended.ratio <= 1.5,
  });

  const floor = await paired(
    7,
    () => timed(() => raw.waitsAsTurns(WAITS)),
    () => timed(theirs),
  );
  report({
    figure: 'the floor of this: called plainly first, again for its answer, left early, the clock read twice; by hand',
    value: floor.ratio,
    unit: 'x',
    peer: 'bare JSPI of the same import',
    ...shown,
  });
  report({
    figure: 'suspending and resuming, ratio to that floor',
    value: suspended.ratio / floor.ratio,
    unit: 'x',
    peer: 'the floor',
    ...shown,
  });

  await runtime.load(echo, { id: 'bench/echo/1', scheduling: 'cooperative' });
  const asks = await runtime.load(await askingActor('bench', 'echo', '1'), {
    scheduling: 'cooperative',
    grants: ['messaging:*:bench/*/*'],
  });
  await each(2 * CALLS, () => runtime.request(asks, payload));
  const perSecond = 1e6 / (await each(2 * CALLS, () => runtime.request(asks, payload)));
  report({
    figure: 'ask between two small actors',
    value: perSecond,
    unit: 'asks/s',
    goal: '>= 150,000',
    holds: perSecond >= 150_000,
  });

  const spin = async (handle: typeof may): Promise<number> => {
    const began = spentMs();
    // Long enough for dozens of slices: the loop takes a tenth of a nanosecond a round.
    await runtime.call(handle, 'spin', 400_000_000);
    return spentMs() - began;
  };
  const computes = await runtime.load(guest, { ...given(db.number), scheduling: 'preemptive' });
  for (const warm of [computes, may]) await spin(warm);
  const { ratio } = await paired(
    5,
    () => spin(computes),
    () => spin(may),
  );
  report({
    figure: 'a loop that computes, preemptive',
    value: ratio,
    unit: 'x',
    peer: 'the same cooperative',
    goal: '<= 1.05',
    holds: ratio <= 1.05,
  });
}
