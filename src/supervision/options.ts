import { allow, checkOptions } from '#core/options';
import { SupervisionError } from './errors.ts';

/**
 * Which children a failure restarts. `one-for-one`: the failed one. `one-for-all`: all. `rest-for-one`: the failed one
 * and those started after it.
 */
export type RestartStrategy = 'one-for-one' | 'one-for-all' | 'rest-for-one';

/**
 * When a child is restarted. `permanent`: whenever it ends. `transient`: when it ends otherwise than by exit status 0.
 * `temporary`: never.
 */
export type RestartType = 'permanent' | 'transient' | 'temporary';

export interface SupervisorOptions {
  /** `one-for-one` by default. */
  readonly strategy?: RestartStrategy | undefined;
  /**
   * The restarts allowed within `withinMs`; 3 by default. One more stops the children and counts as a failure for the
   * parent.
   */
  readonly maxRestarts?: number | undefined;
  /** Milliseconds; 5,000 by default. */
  readonly withinMs?: number | undefined;
  /**
   * Milliseconds before the first restart of a window; 10 by default. Each further restart doubles them, and a random
   * part of at most half is subtracted.
   */
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

/** The rules for the options of a supervisor. */
export const SUPERVISOR: allow.OptionRules<SupervisorOptions> = {
  strategy: allow.oneOf(...STRATEGIES),
  maxRestarts: allow.wholeNumber(0),
  withinMs: allow.milliseconds,
  backoffMs: allow.milliseconds,
  maxBackoffMs: allow.milliseconds,
};
export const RESTART: allow.OptionRule = allow.oneOf(...TYPES);

/** Rejects a value that breaks its rule. @throws {SupervisionError} `SUPERVISION_INVALID` */
export function checkSupervision(value: unknown, rule: allow.OptionRule, option = 'supervision'): void {
  checkOptions(value, rule, option, (message, option) => {
    return new SupervisionError('SUPERVISION_INVALID', message, { details: { option } });
  });
}

/** Adds the defaults to options that are already checked. */
export function resolveSupervisorOptions(wanted: SupervisorOptions = {}): EffectiveSupervisorOptions {
  return {
    strategy: wanted.strategy ?? 'one-for-one',
    maxRestarts: wanted.maxRestarts ?? 3,
    withinMs: wanted.withinMs ?? 5_000,
    backoffMs: wanted.backoffMs ?? 10,
    maxBackoffMs: wanted.maxBackoffMs ?? 30_000,
  };
}
