import { CapabilitySet } from '#security/authority';
import { systemClock } from '../../src/system/clock.ts';
import type { Report } from '../figure.ts';
import { median } from '../support/measure.ts';

const ROUNDS = 9;
/** The processor's time of a thread is told in steps of milliseconds: enough checks that one step is little. */
const CHECKS = 1_000_000;
/** Targets that are checked in turn: as many as one component talks to at a time, or far more than are remembered. */
const WORKING_SETS = { 'recurring targets': 500, 'ever new targets': 50_000 };

export async function run(report: Report): Promise<void> {
  for (const [name, size] of Object.entries(WORKING_SETS)) {
    const targets = Array.from({ length: size }, (_, i) => fromGuest(`demo/worker${i % 7}/${i}`));
    const alone = await nanoseconds(grants(0), targets);
    const among = await nanoseconds(grants(10_000), targets);
    report({
      figure: `check, ${name}`,
      value: alone,
      unit: 'ns',
      goal: '< 100',
      holds: alone < 100,
    });
    report({
      figure: `check, ${name}, 30,000 other grants`,
      value: among / alone,
      unit: 'times',
      peer: 'without the others',
      goal: '<= 1.5',
      holds: among / alone <= 1.5,
    });
  }
}

/** Text as it is lifted out of a guest, in one piece. */
function fromGuest(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** One grant that matches, among others that do not: of other places, with wildcards, and of other areas. */
function grants(others: number): CapabilitySet {
  const noise = Array.from({ length: others }, (_, i) => [
    `messaging:send:demo/other${i}/*`,
    `messaging:send:**/nobody${i}/x`,
    `storage:write:keys${i}/**`,
  ]).flat();
  return CapabilitySet.of([...noise, 'messaging:send:demo/*/*'], systemClock);
}

function nanoseconds(set: CapabilitySet, targets: readonly string[]): Promise<number> {
  return median(ROUNDS, () => {
    const started = process.threadCpuUsage();
    let allowed = 0;
    for (let i = 0; i < CHECKS; i++) {
      if (set.allows('messaging', 'send', targets[i % targets.length] as string)) allowed += 1;
    }
    // The time of this thread alone: on a busy machine the wall's would count the neighbours.
    const { user, system } = process.threadCpuUsage(started);
    if (allowed !== CHECKS) throw new Error(`${CHECKS - allowed} checks were refused`);
    return ((user + system) / CHECKS) * 1e3;
  });
}
