import { CoreError, type VivariumError } from '#core/errors';
import type { OptionRule } from './option-rules.ts';

/** Makes the error of an invalid option. The message contains the option's name. */
export type RefuseOption = (message: string, option: string) => VivariumError;

/**
 * Unknown options and invalid values are rejected, naming the option, before anything starts.
 * @param value what the caller gave; every rule accepts undefined
 * @param under the name of the group of options, such as `mailbox`; empty for the options of a call
 * @throws what `refuse` makes; {CoreError} `CORE_INVALID_OPTION` with the option, its value and what is allowed
 */
export function checkOptions(value: unknown, rule: OptionRule, under = '', refuse: RefuseOption = invalid): void {
  const wrong = value === undefined ? undefined : rule(value, under);
  if (wrong !== undefined) throw refuse(`${wrong.option} ${wrong.says}`, wrong.option);
}

function invalid(message: string, option: string): CoreError {
  return new CoreError('CORE_INVALID_OPTION', message, { details: { option } });
}
