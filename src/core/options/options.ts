import { CoreError, type VivariumError } from '#core/errors';
import type { OptionRule } from './option-rules.ts';

/** Makes the error of a wrong option; the option's name is in the message. */
export type RefuseOption = (message: string, option: string) => VivariumError;

/**
 * Refuses options that break their rule, before anything is done with them.
 * @param value what the caller gave; undefined is nothing, which every rule takes
 * @param under the name under which the options are known, such as `mailbox`; empty for those of a call
 * @throws what `refuse` makes; {CoreError} `CORE_INVALID_OPTION`, naming the option, its value and what it may be
 */
export function checkOptions(value: unknown, rule: OptionRule, under = '', refuse: RefuseOption = invalid): void {
  const wrong = value === undefined ? undefined : rule(value, under);
  if (wrong !== undefined) throw refuse(`${wrong.option} ${wrong.says}`, wrong.option);
}

function invalid(message: string, option: string): CoreError {
  return new CoreError('CORE_INVALID_OPTION', message, { details: { option } });
}
