import { isVivariumError } from '#core/errors';
import type { GeneratedModule } from '../../tools/metering/generator/index.ts';
import { MeteredDriver, meter } from '../../tools/metering/harness/metered.ts';
import { endsRun, type Observation, observe } from '../../tools/metering/harness/observe.ts';
import type { Candidate } from './candidates.ts';

/** What a candidate did; `finding` names what should not have happened. */
export interface Verdict {
  readonly outcome: string;
  readonly finding?: string;
}

const FUEL = 200_000n;
const MEMORY = 64 * 2 ** 20;
const DEADLINE_MS = 10;
/** So little fuel never takes so much of a processor, unless something ran that was not charged. */
const SLOW_MS = 3_000;

interface Run extends Observation {
  readonly costs: readonly bigint[];
  readonly refusedGrowths: number;
}

export function judge({ kind, generated }: Candidate): Verdict {
  let metered: Uint8Array;
  try {
    metered = meter.meterModule(generated.bytes, 'fuel').bytes;
  } catch (thrown) {
    if (!isVivariumError(thrown) || !thrown.code.startsWith('METERING_')) {
      return { outcome: 'refused', finding: `metering threw ${String(thrown)}` };
    }
    const expected = kind === 'forged' || thrown.code !== 'METERING_INVALID_MODULE';
    return {
      outcome: `refused ${thrown.code}`,
      ...(expected ? {} : { finding: `a valid module was called invalid: ${thrown.message}` }),
    };
  }
  if (!WebAssembly.validate(metered as Uint8Array<ArrayBuffer>)) {
    return { outcome: 'invalid', finding: 'the metered module is invalid' };
  }
  const begun = threadMs();
  const first = run(generated, metered, () => FUEL);
  const elapsed = threadMs() - begun;
  const outcome = first.outcomes.at(-1)!.replace(/^returned.*/, 'returned');
  if (elapsed > SLOW_MS) return { outcome, finding: `${FUEL} units of fuel took ${Math.round(elapsed)} ms` };
  const finding =
    inTime(generated) ??
    again(generated, metered, first) ??
    exact(generated, metered, first) ??
    faithful(generated, first);
  return finding === undefined ? { outcome } : { outcome, finding };
}

/** In mode `deadline` it ends by time, and not much later. */
function inTime(generated: GeneratedModule): string | undefined {
  const metered = meter.meterModule(generated.bytes, 'deadline').bytes;
  const begun = threadMs();
  run(generated, metered, () => undefined, DEADLINE_MS);
  const elapsed = threadMs() - begun;
  const most = DEADLINE_MS * (generated.calls.length + 1) + SLOW_MS;
  return elapsed > most ? `a deadline of ${DEADLINE_MS} ms took ${Math.round(elapsed)} ms` : undefined;
}

/** What this thread has had of a processor: on a busy machine the clock says nothing about a candidate. */
function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The same run once more is the same run. */
function again(generated: GeneratedModule, metered: Uint8Array, first: Run): string | undefined {
  return differenceOf(
    first,
    run(generated, metered, () => FUEL),
    'a second run',
  );
}

/** What was spent is enough, and one less is not; nothing is asked of the host that was not asked before. */
function exact(generated: GeneratedModule, metered: Uint8Array, first: Run): string | undefined {
  const { costs, outcomes } = first;
  if (outcomes.some((outcome) => outcome.startsWith('stopped'))) return undefined;
  const entry = costs.findLastIndex((cost, index) => cost > 0n && !endsRun(outcomes[index]!));
  if (entry === -1) return undefined;
  const paid = run(generated, metered, (at) => (at === entry ? costs[at] : FUEL));
  const enough = differenceOf(first, paid, 'a limit of what was spent');
  if (enough !== undefined) return enough;
  const poor = run(generated, metered, (at) => (at === entry ? costs[at]! - 1n : FUEL));
  if (usedUpStack(poor)) return undefined;
  if (poor.outcomes.at(-1) !== 'stopped METERING_OUT_OF_FUEL' || poor.outcomes.length !== entry + 1) {
    return `with one unit less than ${costs[entry]} entry ${entry} ended: ${poor.outcomes.at(-1)}`;
  }
  const further = poor.host.some((line, index) => line !== first.host[index]);
  return further ? 'past its limit it asked something else of the host' : undefined;
}

/** What ends within its fuel does what the plain module does. */
function faithful(generated: GeneratedModule, first: Run): string | undefined {
  if (first.outcomes.some((outcome) => outcome.startsWith('stopped')) || first.refusedGrowths > 0) return undefined;
  return differenceOf(observe(generated, generated.bytes), first, 'metering');
}

function differenceOf(wanted: Observation, got: Observation, cause: string): string | undefined {
  // How deep the stack reaches depends on the tier that V8 has chosen, and that on how busy the machine is.
  if (usedUpStack(wanted) || usedUpStack(got)) return undefined;
  for (const part of ['outcomes', 'host', 'state'] as const) {
    const [before, after] = [JSON.stringify(wanted[part]), JSON.stringify(got[part])];
    if (before !== after) return `${cause} changed ${part}: ${before.slice(0, 500)} became ${after.slice(0, 500)}`;
  }
  return undefined;
}

function usedUpStack({ outcomes }: Observation): boolean {
  return /stack/i.test(outcomes.at(-1)!);
}

function run(
  generated: GeneratedModule,
  metered: Uint8Array,
  limitOf: (entry: number) => bigint | undefined,
  timeMs?: number,
): Run {
  const driver = new MeteredDriver(limitOf, meter.createTank({ maxMemoryBytes: MEMORY }), timeMs);
  const observation = observe(generated, metered, driver);
  return { ...observation, costs: driver.costs, refusedGrowths: driver.tank.usage.refusedGrowths };
}
