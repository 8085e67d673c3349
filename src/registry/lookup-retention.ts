import { allow } from '#core/options';
import type { Clock } from '#core/ports/clock';
import type { LookupOutcome } from '#core/ports/registry';
import type { LookupLog } from './index-backend.ts';

export interface RetentionOptions {
  /** The milliseconds for which lookups are kept; 90 days by default. */
  readonly maxAgeMs?: number | undefined;
  /** The most lookups that are kept; 500,000 by default. */
  readonly maxLookups?: number | undefined;
}

export const RETENTION: allow.OptionRules<RetentionOptions> = {
  maxAgeMs: allow.milliseconds,
  maxLookups: allow.wholeNumber(0),
};

const DAY_MS = 86_400_000;
/** The milliseconds between deletions. The log exceeds its limit at most by what is logged in this time. */
const INTERVAL_MS = 3_600_000;
const INTERVAL_LOOKUPS = 10_000;

/** Logs lookups and regularly deletes old ones, so that nobody has to watch the size of the log. */
export class LookupRetention {
  readonly #log: Pick<LookupLog, 'append' | 'forget'>;
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #maxLookups: number;
  #forgottenAt = Number.NEGATIVE_INFINITY;
  #appended = 0;

  constructor(log: Pick<LookupLog, 'append' | 'forget'>, clock: Clock, options: RetentionOptions = {}) {
    this.#log = log;
    this.#clock = clock;
    this.#maxAgeMs = options.maxAgeMs ?? 90 * DAY_MS;
    this.#maxLookups = options.maxLookups ?? 500_000;
  }

  async append(outcome: LookupOutcome): Promise<void> {
    await this.#log.append(outcome, this.#clock.now());
    this.#appended += 1;
    const isDue = this.#clock.monotonic() - this.#forgottenAt >= INTERVAL_MS || this.#appended >= INTERVAL_LOOKUPS;
    if (isDue) await this.forget();
  }

  /** Deletes lookups that are too old or too many. Returns how many. */
  forget(): Promise<number> {
    this.#forgottenAt = this.#clock.monotonic();
    this.#appended = 0;
    return this.#log.forget({ before: this.#clock.now() - this.#maxAgeMs, keep: this.#maxLookups });
  }
}
