// Takes the place of `src/runtime/build/idle-process-of.ts` in tests; see `replaced-modules.ts`.
import { systemClock } from '#core/ports/system-clock';
import type { BuildProcessOptions } from '../../src/runtime/build/build-process.ts';
import { IdleProcess } from '../../src/runtime/build/idle-process.ts';

/** The place that the runtimes of this process share: the child of one that has ended builds for the next. */
class SharedIdleProcess extends IdleProcess {
  override close(): void {}
}
let shared: SharedIdleProcess | undefined;

/** Returns the shared place where the builder measures its time by the machine and starts the program of `src`. */
export function idleProcessOf(options: BuildProcessOptions & { readonly idleMs: number }): IdleProcess {
  const { clock, program } = options;
  if (clock !== systemClock || !program.href.endsWith('/build-child.mjs')) return new IdleProcess(options);
  shared ??= new SharedIdleProcess(options);
  return shared;
}
