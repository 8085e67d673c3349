import { SupervisionError } from './errors.ts';

/**
 * Which children a failure restarts. `one-for-one`: the failed one. `one-for-all`: all. `rest-for-one`: the failed one
 * and those started after it.
 */
export type RestartStrategy = 'one-for-one' | 'one-for-all' | 'rest-for-one';

/** `permanent`: whenever it ends. `transient`: when it ends otherwise than by exit status 0. `temporary`: never. */
export type RestartType = 'permanent' | 'transient' | 'temporary';

export interface SupervisorOptions {
  /** `one-for-one` by default. */
  readonly strategy?: RestartStrategy | undefined;
  /** Restarts allowed within `withinMs`; 3 by default. One more stops the children and is the parent's matter. */
  readonly maxRestarts?: number | undefined;
  /** Milliseconds; 5,000 by default. */
  readonly withinMs?: number | undefined;
  /** Milliseconds before the first restart of a window, doubled for each further one, less up to half by jitter; 10 by default. */
  readonly backoffMs?: number | undefined;
  /** The longest wait before a restart; 30,000 by default. */
  readonly maxBackoffMs?: number | undefined;
}

export interface EffectiveSupervisorOptions {
  readonly strategy: RestartStrategy;
  readonly maxRestarts: number;
  readonly withinMs: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

const STRATEGIES: readonly string[] = ['one-for-one', 'one-for-all', 'rest-for-one'] satisfies RestartStrategy[];
const TYPES: readonly string[] = ['permanent', 'transient', 'temporary'] satisfies RestartType[];

/** @throws {SupervisionError} `SUPERVISION_INVALID` */
export function resolveSupervisorOptions(wanted: SupervisorOptions = {}): EffectiveSupervisorOptions {
  const strategy = wanted.strategy ?? 'one-for-one';
  if (!STRATEGIES.includes(strategy)) throw invalid('strategy', strategy, `one of ${STRATEGIES.join(', ')}`);
  return {
    strategy,
    maxRestarts: count('maxRestarts', wanted.maxRestarts ?? 3),
    withinMs: milliseconds('withinMs', wanted.withinMs ?? 5_000),
    backoffMs: milliseconds('backoffMs', wanted.backoffMs ?? 10),
    maxBackoffMs: milliseconds('maxBackoffMs', wanted.maxBackoffMs ?? 30_000),
  };
}

/** @throws {SupervisionError} `SUPERVISION_INVALID` */
export function checkRestartType(type: RestartType): RestartType {
  if (!TYPES.includes(type)) throw invalid('restart', type, `one of ${TYPES.join(', ')}`);
  return type;
}

function count(name: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw invalid(name, value, 'a whole number, 0 or more');
  return value;
}

function milliseconds(name: string, value: number): number {
  if (!Number.isFinite(value) || value < 0) throw invalid(name, value, 'a number of milliseconds, 0 or more');
  return value;
}

function invalid(name: string, value: unknown, wanted: string): SupervisionError {
  return new SupervisionError('SUPERVISION_INVALID', `supervision.${name} is ${String(value)}; give ${wanted}`);
}
