import { messageOf } from '#core/errors';
import { RuntimeError } from '../errors.ts';
import { type Check, CheckBudget } from './check.ts';
import { Checks } from './checks.ts';
import { type DescribedImport, readDescription } from './description.ts';
import { Refusal } from './refusal.ts';
import type { ArgumentType } from './shape.ts';

/** The answer of a host function whose type is a `result`: the case and its value. */
export interface ResultCase {
  readonly tag: unknown;
  readonly val?: unknown;
}

/**
 * Checks what an embedder's host functions answer against the types of a component's imports. The value that a check answers
 * is lowered in place of the host function's. Each function's check is made at its first answer.
 */
export class AnswerChecks {
  readonly #checks = new Checks(true);
  readonly #imports: ReadonlyMap<string, DescribedImport>;

  constructor(imports: readonly DescribedImport[]) {
    this.#imports = new Map(imports.map((each) => [each.name, each]));
  }

  /**
   * Checks what a function answered, which is a `ResultCase` where its type is a `result`.
   * @throws {RuntimeError} `RUNTIME_TRAP`, naming the place
   */
  check(name: string, answer: unknown): unknown {
    const type = this.#imports.get(name)?.result;
    if (type === undefined) return answer;
    const { shape } = type;
    if (shape.kind !== 'result') return this.#checked(name, 'a value', type, answer);
    const { tag, val } = answer as ResultCase;
    return tag === 'ok'
      ? { tag, val: this.#checked(name, 'a value', shape.ok, val) }
      : { tag, val: this.#checked(name, 'an error', shape.error, val) };
  }

  /** Tags that the ok value of the function's `result` may have itself, so that an answer with one may be that value and not the `result`. */
  tagsCarried(name: string): readonly string[] {
    return this.#imports.get(name)?.tags ?? [];
  }

  /** Checks a value. A case without a type takes no value, so one that it is given is ignored, as is the answer of a function without a result. */
  #checked(name: string, what: string, type: ArgumentType | undefined, value: unknown): unknown {
    if (type === undefined) return undefined;
    const check: Check = this.#checks.of(type);
    try {
      return check(value, new CheckBudget());
    } catch (error) {
      if (!(error instanceof Refusal)) {
        const message = `the host function ${name} answered ${what} that cannot be read: ${messageOf(error)}`;
        throw new RuntimeError('RUNTIME_TRAP', message, { details: { import: name }, cause: error });
      }
      const { place } = error;
      const message = `the host function ${name} answered ${what} that its type does not have: ${error.inAnswer()}`;
      const details = { import: name, ...(place === '' ? {} : { place }) };
      throw new RuntimeError('RUNTIME_TRAP', message, { details });
    }
  }
}

/** The checks of a description, which is read at their first use. Without a description, because the types could not be read, nothing is checked. */
export function answerChecksOf(description: () => string | undefined): () => AnswerChecks {
  let checks: AnswerChecks | undefined;
  return () => {
    if (checks === undefined) {
      const text = description();
      checks = new AnswerChecks(text === undefined ? [] : readDescription(text).imports);
    }
    return checks;
  };
}
