import { isVivariumError, messageOf } from '#core/errors';
import { printable } from '#core/text';

const MAX_REASON = 1_000;

/**
 * What the transpiler or the validator says of a component that it refuses, as one line: what failed and, behind colons,
 * each cause. Both write the causes as a list under `Caused by:`, the reason being the last. A panic has its stack behind it.
 */
export function reasonOf(thrown: unknown): string {
  const [what = '', ...causes] = messageOf(thrown).split('\n');
  const listed = causes.map((line) => line.trim()).filter((line) => line !== '' && !/^(?:Caused by:|at )/.test(line));
  const parts = [what, ...listed.map((line) => line.replace(/^\d{1,3}: /, ''))].map((part) => part.trim());
  return printable(parts.filter((part) => part !== '').join(': ')).slice(0, MAX_REASON);
}

/** Whether the transpiler or the validator answered an error; whatever else it throws may have left it half-way. */
export function isRefusal(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.constructor.name === 'ComponentError';
}

/**
 * Whether an error is a plain refusal: ours, or one that the transpiler answered. A panic of the transpiler poisons its
 * instance, and whatever else was thrown may have left it half-way.
 */
export function isOrderly(thrown: unknown): boolean {
  if (!isVivariumError(thrown)) return false;
  const { cause } = thrown;
  if (cause === undefined) return true;
  if (isVivariumError(cause)) return isOrderly(cause);
  return isRefusal(cause);
}
