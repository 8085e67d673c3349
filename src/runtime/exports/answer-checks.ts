import { messageOf } from '#core/errors';
import { RuntimeError } from '../errors.ts';
import { type Check, CheckBudget, Checks } from './checks.ts';
import { type DescribedImport, readDescription } from './description.ts';
import { Refusal } from './refusal.ts';
import type { ArgumentType } from './shape.ts';

/** What a host function of which the type is a `result` answered: its case. */
export interface ResultCase {
  readonly tag: unknown;
  readonly val?: unknown;
}

/**
 * Checks what the host functions of an embedder answer by the types of a component's imports. What the checks answer is
 * lowered in the answer's place. They are made at the first answer of each function.
 */
export class AnswerChecks {
  readonly #checks = new Checks(true);
  readonly #imports: ReadonlyMap<string, DescribedImport>;

  constructor(imports: readonly DescribedImport[]) {
    this.#imports = new Map(imports.map((each) => [each.name, each]));
  }

  /** What a function answered: a `ResultCase` where its type is a `result`. @throws {RuntimeError} `RUNTIME_TRAP`, naming the place */
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

  /** Tags by which an answer of the function may be the ok value of its `result` itself, and not the result. */
  tagsCarried(name: string): readonly string[] {
    return this.#imports.get(name)?.tags ?? [];
  }

  /** What a case without a value has for one is nobody's, as what a function without a result answers. */
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

/** The checks of a description, read when they are first asked for; none where the types could not be read. */
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
