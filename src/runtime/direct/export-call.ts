import { Later, type LaterListener } from '#core/waiting';
import { execution } from '#runtime/execution';
import { MainCall, type TaskStore } from '#runtime/tasks';
import type { LiftPlan, State } from './store-tasks.ts';

type Answered = (answer: unknown) => Promise<unknown> | undefined;
type Claims = ReturnType<NonNullable<State['given']>['takeClaims']>;

function isOk(result: unknown): result is { readonly val: unknown } {
  return (result as { readonly tag: string }).tag === 'ok';
}

/** The outcome of a call that has its store for itself. */
class OnlyCall extends Later<unknown> implements LaterListener {
  laterAnswered(value: unknown): void {
    this.answer(value);
  }

  laterFailed(reason: unknown): void {
    this.fail(reason);
  }
}

/** A call of an exported function by the host. */
export class ExportCall extends MainCall {
  readonly #s: State;
  readonly #plan: LiftPlan;
  /** Told the answer when the guest gives it. */
  readonly #told: Answered | undefined;
  readonly #claims: Claims | undefined;
  /** Its arguments, until it has begun, and then the guest's answer. */
  #value: unknown;
  /** Who is told its outcome, where it has its store for itself and does not end at once. */
  #only: OnlyCall | undefined = undefined;

  constructor(s: State, plan: LiftPlan, args: readonly unknown[], told: Answered | undefined) {
    const { tasks } = s;
    super(tasks.lifted(s, plan), tasks.instance(plan.instance), tasks.store.begins?.beginning);
    this.#s = s;
    this.#plan = plan;
    this.#value = args;
    this.#told = told;
    plan.claim?.(s, ...args);
    this.#claims = plan.claim === undefined ? undefined : s.given?.takeClaims();
  }

  /** Makes the call. Answers its value or, where it has not ended at once, a `Later` of that: the call that runs beside others, if it does. */
  run(): unknown {
    let isOver: boolean;
    try {
      isOver = this.owner.callFromOutside(this);
    } catch (thrown) {
      this.end();
      throw thrown;
    }
    if (isOver) {
      this.end();
      return this.result();
    }
    if (this.call !== undefined) return this.call;
    this.#only = new OnlyCall();
    return this.#only;
  }

  protected takeArguments(): readonly unknown[] {
    const args = this.#value as readonly unknown[];
    // A call that waits keeps nothing that it does not need any more.
    this.#value = undefined;
    return args;
  }

  answered(answer: unknown, isCancelled: boolean): void {
    // Nobody takes the answer of a call that the host has ended early.
    const value = isCancelled ? undefined : this.#plan.outward(this.#s, answer);
    this.#value = value;
    if (isCancelled || this.#told === undefined) return;
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
    this.end();
    let result: unknown;
    try {
      result = this.result();
    } catch (thrown) {
      this.listener.laterFailed(thrown);
      return;
    }
    this.listener.laterAnswered(result);
  }

  failed(thrown: unknown): void {
    this.end();
    this.listener.laterFailed(thrown);
  }

  private get listener(): LaterListener {
    return this.call ?? (this.#only as OnlyCall);
  }

  /** Ends what lasts as long as the call, which has ended. */
  private end(): void {
    this.kept?.end();
    if (this.#claims !== undefined) this.#s.given?.endCall(this.#claims);
  }

  private result(): unknown {
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
