import { trap } from '#runtime/exchange';
import type { CopyBuffer, Thread } from '#runtime/tasks';
import type { PayloadPlan, State } from './store-tasks.ts';

/** The most values of one copy, by the canonical ABI. */
const MOST_COPIED = 2 ** 28 - 1;

/** A place in a guest's memory for the payloads of one copy. */
export class GuestBuffer implements CopyBuffer {
  progress = 0;
  hostBytes = 0;
  readonly #state: State;
  readonly #plan: PayloadPlan;
  readonly #length: number;
  /** The thread that reads into it, for which the guest allocates what values need. */
  readonly #thread: Thread | undefined;
  #at: number;

  constructor(state: State, plan: PayloadPlan, pointer: unknown, length: number) {
    if (length > MOST_COPIED) trap(`a buffer for ${length} values is larger than the canonical ABI allows`);
    this.#state = state;
    this.#thread = state.tasks.store.current;
    this.#plan = plan;
    this.#length = length;
    this.#at = plan.address(pointer);
    if (plan.hasValue && length > 0) plan.check(state, this.#at, length);
  }

  get remaining(): number {
    return this.#length - this.progress;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  read(count: number): ArrayLike<unknown> {
    const plan = this.#plan;
    const values = plan.hasValue ? plan.load(this.#state, this.#at, count) : { length: count };
    if (plan.hasValue && !plan.isNumeric) this.hostBytes = plan.lifted(this.#state);
    this.#moved(count);
    return values;
  }

  write(values: ArrayLike<unknown>): void {
    const [plan, state, thread] = [this.#plan, this.#state, this.#thread];
    if (plan.hasValue) {
      if (plan.isNumeric || thread === undefined) plan.store(state, values, this.#at);
      else state.tasks.store.runFor(thread, () => plan.store(state, values, this.#at));
    }
    this.#moved(values.length);
  }

  #moved(count: number): void {
    this.#at += count * this.#plan.size;
    this.progress += count;
  }
}
