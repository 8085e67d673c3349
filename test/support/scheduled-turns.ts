// Turns of small guests under a scheduler whose clock, event loop and promises a test decides.
import { VivariumError } from '#core/errors';
import { fuelLane, meter } from '#metering';
import { Execution, Turn, TurnScheduler } from '../../src/runtime/execution/index.ts';
import { promising } from '../../src/runtime/execution/jspi.ts';
import type { HostState } from '../../src/runtime/host/host-state.ts';
import { assemble } from '../../tools/metering/wat.ts';

/** Asks `questions` times, with a loop before each, and sums up the answers; whatever fails is caught, and then it asks again. */
const GUEST = `(module
  (import "host" "ask" (func $ask (param i32) (result i32)))
  (func $run (param $questions i32) (param $spins i32) (result i32)
    (local $sum i32) (local $left i32)
    (loop $next
      (local.set $left (local.get $spins))
      (loop $spin (br_if $spin (i32.gt_s (local.tee $left (i32.sub (local.get $left) (i32.const 1))) (i32.const 0))))
      (local.set $sum (i32.add (local.get $sum) (call $ask (local.get $questions))))
      (br_if $next (local.tee $questions (i32.sub (local.get $questions) (i32.const 1)))))
    (local.get $sum))
  (func (export "run") (param i32 i32) (result i32)
    (block $c (return (try_table (result i32) (catch_all $c) (call $run (local.get 0) (local.get 1)))))
    (call $ask (i32.const 99))))`;

export interface Shape {
  readonly questions: number;
  readonly spins: number;
  readonly preemptive?: boolean;
}

type Outcome =
  | { readonly status: 'answered'; readonly value: unknown }
  | { readonly status: 'failed'; readonly error: VivariumError };

/** A turn that has begun. */
export interface Call {
  readonly shape: Shape;
  readonly asked: readonly number[];
  /** How often the guest called the host after the turn was ended. */
  readonly askedAfterEnd: number;
  readonly outcome: Outcome | undefined;
  readonly fuel: bigint;
  /** Ends the turn as an unload does. */
  end(): void;
}

const compiled = (async () => {
  const { bytes } = meter.meterModule(await assemble(GUEST), 'fuel', { waiting: [{ module: 'host', name: 'ask' }] });
  return new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
})();

const answerTo = (question: number): number => question * 3 + 1;

export class ScheduledTurns {
  readonly execution = new Execution();
  readonly scheduler: TurnScheduler;
  #time = 0;
  readonly #tasks: (() => void)[] = [];
  readonly #open: { readonly question: number; resolve(value: number): void; reject(error: unknown): void }[] = [];
  #running = 0;

  constructor({ maxWaitingTurns = 100 }: { readonly maxWaitingTurns?: number } = {}) {
    this.execution.join(fuelLane);
    this.scheduler = new TurnScheduler({
      execution: this.execution,
      sliceMs: 2,
      maxWaitingTurns,
      maxStacks: 100,
      now: () => this.#time,
      soon: (task) => this.#tasks.push(task),
    });
  }

  get isQuiet(): boolean {
    return this.#running === 0;
  }

  /** Keeps or breaks one of the promises that turns wait for. */
  settle(index: number, breaks: boolean): string {
    const [promise] = this.#open.splice(index % Math.max(1, this.#open.length), 1);
    if (promise === undefined) return 'none';
    if (breaks) promise.reject('broken');
    else promise.resolve(answerTo(promise.question));
    return `${breaks ? 'broke' : 'kept'}${promise.question}`;
  }

  /** Lets time pass, and the event loop come round once. */
  async round(milliseconds: number): Promise<void> {
    this.#time += milliseconds;
    for (const task of this.#tasks.splice(0)) task();
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Begins a turn as a store does. Its questions are answered by promises, but for every third, which is answered at once. */
  async begin(shape: Shape, waits = true): Promise<Call> {
    const module = await compiled;
    const { execution, scheduler } = this;
    const tank = meter.createTank({ maxMemoryBytes: 2 ** 20, scheduler });
    const turn = new Turn(Object.create(null) as HostState, tank, shape.preemptive ?? false);
    const call = {
      shape,
      asked: [] as number[],
      askedAfterEnd: 0,
      outcome: undefined as Outcome | undefined,
      isEnded: false,
      get fuel() {
        return tank.usage.callFuel;
      },
      end() {
        if (this.outcome !== undefined) return;
        this.isEnded = true;
        turn.end(new VivariumError('RUNTIME_ABORTED', 'no longer wanted'));
      },
    };
    const host = {
      ask: (question: number): unknown => {
        const { running } = execution;
        if (running !== turn) throw new Error('another turn runs');
        if (turn.isSettled) return stopping(turn, () => turn.take());
        if (call.isEnded) call.askedAfterEnd += 1;
        call.asked.push(question);
        // Time passes while a guest works, so that preemptive ones use up their slices.
        this.#time += 1;
        turn.mayWait = turn.suspendable;
        if (!waits || question % 3 === 0) return answerTo(question);
        const promise = new Promise<number>((resolve, reject) => this.#open.push({ question, resolve, reject }));
        stopping(turn, () => scheduler.wait(turn, promise, 'ask'));
        return 0;
      },
    };
    this.#running += 1;
    execution.enter(turn);
    tank.begin({ fuel: 1_000_000_000n, timeMs: 600_000 });
    const run = promising(tank.link(module, { host }).run as WebAssembly.ExportValue) as unknown as (
      ...args: number[]
    ) => Promise<unknown>;
    turn.suspendable = true;
    turn.began = this.#time;
    const failed = (thrown: unknown): Outcome => ({
      status: 'failed',
      error: (tank.failure(thrown) ?? thrown) as VivariumError,
    });
    const ended = (outcome: () => Outcome): void => {
      execution.reclaim(turn);
      try {
        call.outcome = outcome();
      } catch (thrown) {
        call.outcome = failed(thrown);
      }
      execution.leave(turn);
      this.#running -= 1;
    };
    const answered = (value: unknown): Outcome => {
      // A turn that was ended when its guest had answered already fails here.
      tank.end();
      return { status: 'answered', value };
    };
    run(shape.questions, shape.spins).then(
      (value) => ended(() => answered(value)),
      (thrown) => ended(() => failed(thrown)),
    );
    if (execution.isRunning(turn)) execution.park(turn);
    return call;
  }
}

/** Ends the turn where the host fails, so that the guest cannot catch that. */
function stopping<T>(turn: Turn, call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    const reason = thrown instanceof VivariumError ? thrown : new VivariumError('RUNTIME_ABORTED', String(thrown));
    turn.tank.stop(reason);
    throw reason;
  }
}

/** The answer and the fuel of a turn that has the thread for itself and never waits. */
export async function turnAlone(shape: Shape): Promise<{ readonly value: unknown; readonly fuel: bigint }> {
  const thread = new ScheduledTurns();
  const call = await thread.begin({ ...shape, preemptive: false }, false);
  while (!thread.isQuiet) await thread.round(0);
  if (call.outcome?.status !== 'answered') throw new Error('a turn alone failed');
  return { value: call.outcome.value, fuel: call.fuel };
}
