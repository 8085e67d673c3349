import { basename } from 'node:path';
import { isVivariumError, messageOf } from '#core/errors';
import type { ResourceLimits } from '#core/limits';
import { createRuntime, type Runtime } from '#system';
import { exitCodeOf } from '../../exit-codes.ts';
import { foldersOf, reportAuthority, trustOf } from '../../options/authority.ts';
import { environmentOf } from '../../options/environment.ts';
import type { LimitFlags } from '../../options/limit-options.ts';
import { runtimeOptionsOf } from '../../options/runtime-options.ts';
import type { Shell } from '../../shell.ts';
import { showing } from '../../terminal/busy-line.ts';
import type { RunFlags } from './run-flags.ts';

/** The exit code that `timeout` of coreutils uses. */
const STOPPED_BY_BUDGET = 124;
/** The exit code of an error of `run`; an exception that nobody has caught is one. */
const FAILED = 1;
/** 128 plus the number of SIGABRT, which is wasmtime's exit code for a trap. */
const TRAPPED = 134;

const BUDGETS: ReadonlySet<string> = new Set([
  'METERING_DEADLINE',
  'METERING_MEMORY',
  'METERING_OUT_OF_FUEL',
  'RUNTIME_TURN_TIMEOUT',
]);

/** The time limit in milliseconds if none is given: 285 years. */
const UNBOUNDED_MS = 2 ** 53 / 1_000;
const MOST_MEMORY_BYTES = 4 * 2 ** 30;

/** By default, a command may run without a time limit and use all the memory that it asks for. */
function limitsOf({ fuel, memory, timeout }: LimitFlags): ResourceLimits {
  return {
    maxFuel: fuel,
    maxMemoryBytes: memory ?? MOST_MEMORY_BYTES,
    maxExecutionTimeMs: timeout ?? UNBOUNDED_MS,
    // The time-out includes the time that the command waits, as with any process.
    maxTurnTimeMs: timeout ?? UNBOUNDED_MS,
    maxStartTimeMs: timeout ?? UNBOUNDED_MS,
  };
}

/** Runs a component that exports `wasi:cli/run` with this process's standard streams and takes over its exit code. */
export async function runWasiCommand(
  shell: Shell,
  component: string,
  source: string | Uint8Array,
  args: readonly string[],
  flags: RunFlags,
): Promise<void> {
  const { stdin, stdout, stderr } = shell.lendStreams();
  const { preopens, grants } = foldersOf(flags);
  await using runtime = await createRuntime({
    ...runtimeOptionsOf(flags, trustOf(component, flags)),
  });
  reportAuthority(shell, runtime);
  try {
    const running = runtime.run(source, {
      args: [basename(component), ...args],
      env: environmentOf(flags),
      grants: [...grants, ...flags.grant],
      preopens,
      stdin,
      stdout,
      stderr,
      limits: limitsOf(flags),
    });
    await showing(shell, `making ${component} ready`, Promise.race([running, ready(runtime)]));
    shell.exitCode = await running;
  } catch (error) {
    fail(shell, error);
  }
}

/** Resolves when the command is ready. From then on, only the command writes to the terminal. */
function ready(runtime: Runtime): Promise<void> {
  return new Promise((resolve) => runtime.on('state', ({ to }) => to === 'ready' && resolve()));
}

/** Prints an error to standard error, because standard output belongs to the command. */
function fail(shell: Shell, error: unknown): void {
  shell.exitCode = exitStatusOf(error);
  const code = isVivariumError(error) ? error.code : 'UNEXPECTED';
  shell.line(`${code}: ${messageOf(error)}`);
  const stack = stackOf(error);
  if (stack !== undefined) shell.line(stack);
}

/** The stack of an exception that the guest's code has thrown; undefined for what ended otherwise. */
function stackOf(error: unknown): string | undefined {
  if (!isVivariumError(error, 'RUNTIME_TRAP')) return undefined;
  const stack = error.details?.guestStack;
  return typeof stack === 'string' ? stack : undefined;
}

function exitStatusOf(error: unknown): number {
  for (let each = error; isVivariumError(each); each = each.cause) {
    if (BUDGETS.has(each.code)) return STOPPED_BY_BUDGET;
    if (stackOf(each) !== undefined) return FAILED;
    if (each.code === 'RUNTIME_TRAP' || each.code === 'METERING_STACK') return TRAPPED;
  }
  return exitCodeOf(error);
}
