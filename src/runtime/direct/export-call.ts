import { Later, type LaterListener } from '#core/waiting';
import { execution } from '#runtime/execution';
import { MainCall, type TaskStore } from '#runtime/tasks';
import type { LiftedExport, LiftPlan, State } from './store-tasks.ts';

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
  declare readonly lifted: LiftedExport;
  /** Told the answer when the guest gives it. */
  readonly #told: Answered | undefined;
  /** Its arguments, until it has begun, and then the guest's answer. */
  #value: unknown;

  constructor(s: State, plan: LiftPlan, args: readonly unknown[], told: Answered | undefined) {
    const { tasks } = s;
    super(tasks.lifted(s, plan), tasks.instance(plan.instance), tasks.store.begins?.beginning);
    this.#value = args;
    this.#told = told;
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
    if (!isOver) return this.outcome;
    this.end();
    return this.result();
  }

  protected takeArguments(): readonly unknown[] {
    const args = this.#value as readonly unknown[];
    // A call that waits keeps nothing that it does not need any more.
    this.#value = undefined;
    return args;
  }

  answered(answer: unknown, isCancelled: boolean): void {
    // Nobody takes the answer of a call that the host has ended early.
    const { s, plan } = this.lifted;
    const value = isCancelled ? undefined : plan.outward(s, answer);
    this.#value = value;
    if (isCancelled || this.#told === undefined) return;
    const until = !plan.isResult ? this.#told(value) : isOk(value) ? this.#told(value.val) : undefined;
    if (until !== undefined) this.owner.holdUntil(until);
  }

  protected get owner(): TaskStore {
    return this.lifted.s.tasks.store;
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
    this.#value = undefined;
    this.listener.laterFailed(thrown);
  }

  later(): LaterListener {
    return this.call ?? new OnlyCall();
  }

  private get listener(): LaterListener {
    return this.outcome as LaterListener;
  }

  /** Ends what lasts as long as the call, which has ended. */
  protected end(): void {
    this.kept?.end();
  }

  private result(): unknown {
    const value = this.#value;
    // Its task may go on for long after it, and keeps nothing of the answer.
    this.#value = undefined;
    const { s, plan } = this.lifted;
    if (!plan.isResult || value === undefined) return value;
    if (isOk(value)) return value.val;
    s.answeredError = true;
    throw (value as { readonly val: unknown }).val;
  }
}

/** A call that is given resources by the embedder, which it claims until it has ended. */
class ClaimingCall extends ExportCall {
  readonly #claims: Claims | undefined;

  constructor(s: State, plan: LiftPlan, args: readonly unknown[], told: Answered | undefined) {
    super(s, plan, args, told);
    plan.claim?.(s, ...args);
    this.#claims = s.given?.takeClaims();
  }

  protected override end(): void {
    super.end();
    if (this.#claims !== undefined) this.lifted.s.given?.endCall(this.#claims);
  }
}

/** Calls an exported function. Answers its value, or a `Later` of it where the call has not ended at once. */
export function callExport(s: State, plan: LiftPlan, args: readonly unknown[]): unknown {
  const begins = s.tasks.store.begins ?? execution.running;
  const { told } = begins;
  begins.told = undefined;
  const Call = plan.claim === undefined ? ExportCall : ClaimingCall;
  return new Call(s, plan, args, told).run();
}
