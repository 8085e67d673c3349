import { messageOf } from '#core/errors';
import { shownText } from '#core/text';
import { RuntimeError } from '../errors.ts';
import { type Check, CheckBudget } from './check.ts';
import { Checks } from './checks.ts';
import type { ExportedFunction } from './exported-function.ts';
import { Refusal } from './refusal.ts';

/** Checks a function's arguments and answers what is lowered in their place. */
export type ArgumentCheck = (args: readonly unknown[]) => readonly unknown[];

/**
 * Checks arguments against the parameters of an exported function, before any code of the component runs. The check of a
 * function is made at its first call.
 */
export class ArgumentChecks {
  readonly #checks = new Checks();
  readonly #byFunction = new WeakMap<ExportedFunction, ArgumentCheck>();

  /** @throws {RuntimeError} `RUNTIME_INVALID_ARGUMENT`, naming the place */
  check(exported: ExportedFunction, args: readonly unknown[]): readonly unknown[] {
    let check = this.#byFunction.get(exported);
    if (check === undefined) {
      check = this.#make(exported);
      this.#byFunction.set(exported, check);
    }
    return check(args);
  }

  #make(exported: ExportedFunction): ArgumentCheck {
    const { params } = exported;
    const checks = params.map(({ type }) => this.#checks.of(type));
    // Options may be left out at the end, because undefined stands for `none`.
    const required = params.findLastIndex(({ type }) => type.shape.kind !== 'option') + 1;
    return (args) => {
      if (args.length < required)
        throw wrong(exported, args.length + 1, `argument ${args.length + 1} is missing: ${takes(exported)}`);
      if (args.length > params.length)
        throw wrong(exported, params.length + 1, `argument ${params.length + 1} is too many: ${takes(exported)}`);
      const budget = new CheckBudget();
      let at = 0;
      try {
        const checked: unknown[] = [];
        for (; at < checks.length; at++) checked.push((checks[at] as Check)(args[at], budget));
        return checked;
      } catch (error) {
        if (error instanceof Refusal) throw wrong(exported, at + 1, error.inArgument(at + 1), error.place);
        // A getter or a proxy of the caller's threw.
        throw wrong(exported, at + 1, `argument ${at + 1} cannot be read: ${messageOf(error)}`, '', error);
      }
    };
  }
}

function takes({ name, params }: ExportedFunction): string {
  const names = params.map((param) => param.name).join(', ');
  return `${shownText(name, 200)} takes ${params.length === 0 ? 'none' : `${params.length} (${names})`}`;
}

function wrong(
  exported: ExportedFunction,
  argument: number,
  message: string,
  place = '',
  cause?: unknown,
): RuntimeError {
  const details = { export: exported.name, argument, ...(place === '' ? {} : { place }) };
  return new RuntimeError('RUNTIME_INVALID_ARGUMENT', message, cause === undefined ? { details } : { details, cause });
}
