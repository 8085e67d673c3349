import { isVivariumError, messageOf } from '#core/errors';
import { printable } from '#core/text';

const MAX_REASON = 1_000;

/**
 * Returns on one line why the transpiler or the validator refuses a component: what failed and, after colons, each cause. Both tools
 * list the causes under `Caused by:`, with the reason last. A panic is followed by its stack, which this leaves out.
 */
export function reasonOf(thrown: unknown): string {
  const [what = '', ...causes] = messageOf(thrown).split('\n');
  const listed = causes.map((line) => line.trim()).filter((line) => line !== '' && !/^(?:Caused by:|at )/.test(line));
  const parts = [what, ...listed.map((line) => line.replace(/^\d{1,3}: /, ''))].map((part) => part.trim());
  return printable(parts.filter((part) => part !== '').join(': ')).slice(0, MAX_REASON);
}

/** Whether the transpiler or the validator returned an error. Anything else that it throws may have left it in a broken state. */
export function isRefusal(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.constructor.name === 'ComponentError';
}

/**
 * Whether an error is an orderly refusal: one of ours, or one that the transpiler returned. A panic of the transpiler poisons its
 * instance, and any other exception may have left it in a broken state.
 */
export function isOrderly(thrown: unknown): boolean {
  if (!isVivariumError(thrown)) return false;
  const { cause } = thrown;
  if (cause === undefined) return true;
  if (isVivariumError(cause)) return isOrderly(cause);
  return isRefusal(cause);
}
