import pRetry from 'p-retry';
import type { VivariumErrorOptions } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import type { Random } from '#core/ports/random';
import { wait } from '#core/waiting';
import { BundleError } from '../errors.ts';

const RETRIES = 5;
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 20_000;
const LONGEST_RETRY_AFTER_MS = 120_000;

/** A failure that may be temporary: a broken connection, a timeout, a busy server. */
export class TransientError extends BundleError {
  /** How long the server asks us to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: VivariumErrorOptions & { readonly retryAfterMs?: number } = {}) {
    super('BUNDLE_UNREACHABLE', message, options);
    this.name = 'BundleError';
    this.retryAfterMs = options.retryAfterMs;
  }
}

export interface RetryOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal?: AbortSignal;
}

/** Repeats `task` while it fails with a `TransientError`, with longer waits each time. */
export async function withRetries<Result>(task: () => Promise<Result>, options: RetryOptions): Promise<Result> {
  return pRetry(task, {
    retries: RETRIES,
    // We wait ourselves, because the clock is injected.
    minTimeout: 0,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    shouldRetry: async ({ error, attemptNumber }) => {
      if (!(error instanceof TransientError)) return false;
      await waitBefore(attemptNumber, error, options);
      return true;
    },
  });
}

/**
 * Waits before attempt `number + 1`: exponentially longer with at least half of it random, or as long as the server
 * asks.
 */
export async function waitBefore(number: number, error: TransientError, options: RetryOptions): Promise<void> {
  const backOff = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (number - 1)) * (0.5 + options.random.fraction() / 2);
  const asked = Math.min(error.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS);
  await wait(options.clock, Math.max(backOff, asked), options.signal);
}

/** Parses `Retry-After` to milliseconds, from seconds or a date. */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
