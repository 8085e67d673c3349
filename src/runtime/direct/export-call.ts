import { execution } from '#runtime/execution';
import { MainCall, type TaskStore } from '#runtime/tasks';
import type { LiftPlan, State } from './store-tasks.ts';

const NO_ARGUMENTS: readonly unknown[] = [];

type Answered = (answer: unknown) => Promise<unknown> | undefined;
type Claims = ReturnType<NonNullable<State['given']>['takeClaims']>;

function isOk(result: unknown): result is { readonly val: unknown } {
  return (result as { readonly tag: string }).tag === 'ok';
}

/** A call of an exported function by the host. */
export class ExportCall extends MainCall {
  readonly #s: State;
  readonly #plan: LiftPlan;
  #args: readonly unknown[];
  /** Told the answer when the guest gives it. */
  readonly #told: Answered | undefined;
  readonly #claims: Claims | undefined;
  #value: unknown = undefined;

  constructor(s: State, plan: LiftPlan, args: readonly unknown[], told: Answered | undefined) {
    super();
    this.#s = s;
    this.#plan = plan;
    this.#args = args;
    this.#told = told;
    plan.claim?.(s, ...args);
    this.#claims = plan.claim === undefined ? undefined : s.given?.takeClaims();
  }

  /** Makes the call. Answers its value, or the call itself where it has not ended at once. */
  run(): unknown {
    const { tasks } = this.#s;
    let isOver: boolean;
    try {
      isOver = tasks.store.callFromOutside(
        this,
        tasks.lifted(this.#s, this.#plan),
        tasks.instance(this.#plan.instance),
      );
    } catch (thrown) {
      this.#end();
      throw thrown;
    }
    if (!isOver) return this;
    this.#end();
    return this.#result();
  }

  start(): readonly unknown[] {
    const args = this.#args;
    // A call that waits keeps nothing that it does not need any more.
    this.#args = NO_ARGUMENTS;
    return args;
  }

  answered(answer: unknown, isCancelled: boolean): void {
    // Nobody takes the answer of a call that the host has ended early.
    if (isCancelled) return;
    const value = this.#plan.outward(this.#s, answer);
    this.#value = value;
    if (this.#told === undefined) return;
    const until = !this.#plan.isResult ? this.#told(value) : isOk(value) ? this.#told(value.val) : undefined;
    if (until !== undefined) this.owner.holdUntil(until);
  }

  protected get owner(): TaskStore {
    return this.#s.tasks.store;
  }

  get untilEnd(): boolean {
    return this.#told !== undefined;
  }

  ended(): void {
    this.#end();
    let outcome: unknown;
    try {
      outcome = this.#result();
    } catch (thrown) {
      this.fail(thrown);
      return;
    }
    this.answer(outcome);
  }

  failed(thrown: unknown): void {
    this.#end();
    this.fail(thrown);
  }

  /** Ends what lasts as long as the call, which has ended. */
  #end(): void {
    this.kept?.end();
    if (this.#claims !== undefined) this.#s.given?.endCall(this.#claims);
  }

  #result(): unknown {
    const value = this.#value;
    if (!this.#plan.isResult || value === undefined) return value;
    if (isOk(value)) return value.val;
    this.#s.answeredError = true;
    throw (value as { readonly val: unknown }).val;
  }
}

/** Calls an exported function. Answers its value, or a `Later` of it where the call has not ended at once. */
export function callExport(s: State, plan: LiftPlan, args: readonly unknown[]): unknown {
  const begins = s.tasks.store.begins ?? execution.running;
  const { told } = begins;
  begins.told = undefined;
  return new ExportCall(s, plan, args, told).run();
}
