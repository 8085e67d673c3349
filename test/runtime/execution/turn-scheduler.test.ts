import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VivariumError } from '#core/errors';
import type { Tank } from '#core/ports/meter';
import { fuelLane, meter, RewritingMeter } from '#metering';
import { Execution, Turn, TurnScheduler } from '../../../src/runtime/execution/index.ts';
import { promising } from '../../../src/runtime/execution/jspi.ts';
import type { HostState } from '../../../src/runtime/host/host-state.ts';
import { assemble } from '../../../tools/metering/wat.ts';

/** Asks the host `questions` times, with a loop before each, and sums the answers up. Catches everything once, if told. */
const GUEST = `(module
  (import "host" "ask" (func $ask (param i32) (result i32)))
  (func $run (export "run") (param $questions i32) (param $spins i32) (result i32)
    (local $sum i32) (local $left i32)
    (loop $next
      (local.set $left (local.get $spins))
      (loop $spin (br_if $spin (i32.gt_s (local.tee $left (i32.sub (local.get $left) (i32.const 1))) (i32.const 0))))
      (local.set $sum (i32.add (local.get $sum) (call $ask (local.get $questions))))
      (br_if $next (local.tee $questions (i32.sub (local.get $questions) (i32.const 1)))))
    (local.get $sum))
  (func (export "catching") (param i32 i32) (result i32)
    (block $c (return (try_table (result i32) (catch_all $c) (call $run (local.get 0) (local.get 1)))))
    (call $ask (i32.const 99))))`;

interface Thread {
  readonly execution: Execution;
  readonly scheduler: TurnScheduler;
  /** Runs what was put off until after the event loop's round. */
  readonly round: () => Promise<void>;
  time: number;
}

interface Options {
  readonly maxWaitingTurns?: number;
  readonly preemptive?: boolean;
  readonly weight?: number;
}

function thread({ maxWaitingTurns = 100 }: Options = {}): Thread {
  const execution = new Execution();
  execution.join(fuelLane);
  const tasks: (() => void)[] = [];
  const made: Thread = {
    execution,
    time: 0,
    scheduler: new TurnScheduler({
      execution,
      sliceMs: 2,
      maxWaitingTurns,
      maxStacks: 100,
      now: () => made.time,
      soon: (task) => tasks.push(task),
    }),
    round: async () => {
      for (const task of tasks.splice(0)) task();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
  return made;
}

interface Running {
  readonly turn: Turn;
  readonly tank: Tank;
  readonly done: Promise<unknown>;
  readonly asked: number[];
}

type Ask = (question: number, turn: Turn) => unknown;

const compiled = (async () => {
  const { bytes } = meter.meterModule(await assemble(GUEST), 'fuel', { waiting: [{ module: 'host', name: 'ask' }] });
  return new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
})();

/** Begins a turn as a store does: enters it, calls the guest on a stack of its own, and parks it when that gives control back. */
async function begin(
  on: Thread,
  ask: Ask,
  [questions, spins]: readonly [number, number],
  { preemptive = false, weight = 1 }: Options = {},
  name = 'run',
): Promise<Running> {
  const { execution, scheduler } = on;
  const module = await compiled;
  const tank = new RewritingMeter(() => on.time).createTank({ maxMemoryBytes: 2 ** 20, scheduler });
  const turn = new Turn(Object.create(null) as HostState, tank, preemptive, weight);
  const asked: number[] = [];
  const host = {
    ask: (question: number): unknown => {
      const { running } = execution;
      if (running.isSettled) return running.take();
      asked.push(question);
      running.mayWait = running.suspendable;
      const answer = ask(question, running);
      if (!(answer instanceof Promise)) return answer;
      scheduler.wait(running, answer, 'ask');
      return 0;
    },
  };
  execution.enter(turn);
  tank.begin({ fuel: 1_000_000_000n, timeMs: 60_000 });
  const run = promising(tank.link(module, { host })[name] as WebAssembly.ExportValue) as (
    ...args: number[]
  ) => Promise<unknown>;
  turn.suspendable = true;
  turn.began = on.time;
  const done = run(questions, spins).then(
    (value) => {
      execution.reclaim(turn);
      tank.end();
      execution.leave(turn);
      return value;
    },
    (thrown: unknown) => {
      execution.reclaim(turn);
      const failure = tank.failure(thrown);
      execution.leave(turn);
      throw failure ?? thrown;
    },
  );
  done.catch(() => {});
  if (execution.isRunning(turn)) execution.park(turn);
  return { turn, tank, done, asked };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a turn that waits for the host', () => {
  it('goes on with what its promise came to, and asks once for each answer', async () => {
    const on = thread();
    const { done, asked, turn } = await begin(on, async (question) => question * 10, [3, 5]);
    expect(turn.suspension).toBe('waiting');
    expect(await done).toBe(60);
    expect(asked).toEqual([3, 2, 1]);
    expect(on.scheduler.waiting).toBe(0);
  });

  it('costs the same and answers the same as one that need not wait, among others in any order', async () => {
    const call = fc.record({ questions: fc.integer({ min: 1, max: 4 }), spins: fc.integer({ min: 1, max: 300 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(call, { minLength: 1, maxLength: 8 }),
        fc.infiniteStream(fc.nat(7)),
        async (calls, picks) => {
          const on = thread();
          const open: (() => void)[] = [];
          const waits: Ask = (question) => new Promise((resolve) => open.push(() => resolve(question * 2)));
          const all = await Promise.all(calls.map(({ questions, spins }) => begin(on, waits, [questions, spins])));
          for (const pick of picks) {
            if (open.length === 0) break;
            const [go] = open.splice(pick % open.length, 1);
            go?.();
            if (pick % 2 === 0) await settle();
            if (open.length === 0) await settle();
          }
          for (const [index, { questions, spins }] of calls.entries()) {
            const { done, tank } = all[index] as Running;
            const alone = await begin(on, (question) => question * 2, [questions, spins]);
            expect(await done).toBe(await alone.done);
            expect(tank.usage.callFuel).toBe(alone.tank.usage.callFuel);
          }
          expect(() => on.execution.running).toThrow(/outside a turn/);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('ends where it waits when it is ended, and its guest can neither catch that nor call anything after it', async () => {
    const on = thread();
    const { done, turn, asked } = await begin(on, () => new Promise(() => {}), [3, 5], {}, 'catching');
    const reason = new VivariumError('RUNTIME_ABORTED', 'no longer wanted');
    turn.end(reason);
    await expect(done).rejects.toBe(reason);
    expect(asked).toEqual([3]);
    expect(on.scheduler.waiting).toBe(0);
  });

  it('is not suspended any more once it was ended, while it ran or after it was told to go on', async () => {
    const reason = new VivariumError('RUNTIME_ABORTED', 'no longer wanted');
    const on = thread();
    const running = await begin(
      on,
      (_, turn) => {
        turn.end(reason);
        return new Promise(() => {});
      },
      [1, 1],
    );
    await expect(running.done).rejects.toBe(reason);

    const { turn } = await begin(on, () => new Promise(() => {}), [1, 1]);
    turn.settle(7, false);
    turn.goOn();
    turn.end(reason);
    expect(() => turn.take()).toThrow(reason);
    expect(() => on.scheduler.waitUntilTold(turn, 'a task', () => {})).toThrow(reason);
  });

  it('takes no notice of a promise that is settled after it was ended, or twice', async () => {
    const on = thread();
    let call: (value: unknown) => void = () => {};
    // biome-ignore lint/suspicious/noThenProperty: a thenable that misbehaves is what is tried.
    const thenable = { then: (resolve: (value: unknown) => void) => (call = resolve) };
    const { done, turn } = await begin(on, () => Promise.resolve(thenable), [1, 1]);
    await settle();
    turn.end(new VivariumError('RUNTIME_ABORTED', 'ended'));
    call(1);
    call(2);
    await expect(done).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
  });

  it('is refused beyond the number of turns that may wait, and the others go on', async () => {
    const on = thread({ maxWaitingTurns: 2 });
    const open: ((value: number) => void)[] = [];
    const ask: Ask = () => new Promise((resolve) => open.push(resolve));
    const [one, two] = [await begin(on, ask, [1, 1]), await begin(on, ask, [1, 1])];
    const three = await begin(on, ask, [1, 1]);
    await expect(three.done).rejects.toMatchObject({ code: 'RUNTIME_WOULD_BLOCK' });
    for (const resolve of open) resolve(7);
    expect(await one.done).toBe(7);
    expect(await two.done).toBe(7);
  });

  it('is one of thousands: as many as may wait do, the others are refused, and all that waited go on', async () => {
    const [most, all] = [1_000, 3_000];
    const on = thread({ maxWaitingTurns: most });
    const open: ((value: number) => void)[] = [];
    const ask: Ask = () => new Promise((resolve) => open.push(resolve));
    const turns: Running[] = [];
    for (let index = 0; index < all; index++) turns.push(await begin(on, ask, [1, 1]));
    expect(on.scheduler.waiting).toBe(most);
    for (const [index, resolve] of open.entries()) resolve(index);
    const ends = await Promise.allSettled(turns.map(({ done }) => done));
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(most);
    for (const end of ends.slice(most)) {
      expect(end).toMatchObject({ status: 'rejected', reason: { code: 'RUNTIME_WOULD_BLOCK' } });
    }
    expect(on.scheduler.waiting).toBe(0);
  });

  it('is charged no time while it waits', async () => {
    const on = thread();
    const { done, tank } = await begin(
      on,
      async (question) => {
        on.time += 1;
        await Promise.resolve();
        on.time += 10_000;
        return question;
      },
      [2, 5],
    );
    await done;
    expect([on.time, tank.usage.callMs]).toEqual([20_002, 2]);
  });
});

describe('turns that have used up their slices', () => {
  /** Time passes with every question, so that each is the end of a slice as soon as the tank next asks. */
  const spinning = (on: Thread, order: string[], name: string): Ask => {
    return (question) => {
      order.push(name);
      on.time += 3;
      return question;
    };
  };

  it('give the thread to each other and to the event loop, round robin', async () => {
    const on = thread();
    const order: string[] = [];
    const options = { preemptive: true };
    const one = await begin(on, spinning(on, order, 'one'), [4, 2_000_000], options);
    const two = await begin(on, spinning(on, order, 'two'), [4, 2_000_000], options);
    let rounds = 0;
    for (; order.length < 8 && rounds < 1_000; rounds++) await on.round();
    for (let more = 0; more < 50; more++) await on.round();
    await Promise.all([one.done, two.done]);
    expect(order.filter((name) => name === 'one')).toHaveLength(4);
    // Neither is served three times while the other waits.
    expect(order.join(' ')).not.toMatch(/(one one one)|(two two two)/);
    expect(rounds).toBeGreaterThan(4);
  });

  it('have shorter slices while the event loop has other work, and whole ones again when it has had none for a while', async () => {
    const on = thread();
    const perRound: number[] = [0];
    const ask: Ask = (question) => {
      perRound.push((perRound.pop() as number) + 1);
      on.time += 0.7;
      return question;
    };
    const { done, turn } = await begin(on, ask, [10_000, 250_000], { preemptive: true });
    const rounds = async (work: number, elapse: number): Promise<readonly number[]> => {
      for (let round = 0; round < 12; round++) {
        on.time += round % 2 === 0 ? work : elapse;
        perRound.push(0);
        await on.round();
      }
      const counted = perRound.splice(0).filter((asked) => asked > 0);
      perRound.push(0);
      return counted.slice(1);
    };
    expect(new Set(await rounds(0, 0))).toEqual(new Set([3]));
    // A round with work, and one that waits for as long as a slice took.
    expect(new Set(await rounds(1, 4))).toEqual(new Set([1]));
    // A hundred milliseconds of slices with nothing between them.
    for (let slices = 0; slices < 150; slices += 12) await rounds(0, 0);
    expect(new Set(await rounds(0, 0))).toEqual(new Set([3]));
    turn.end(new VivariumError('RUNTIME_ABORTED', 'no longer wanted'));
    await expect(done).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
  });

  it('run on where they are not preemptive', async () => {
    const on = thread();
    const order: string[] = [];
    const { done, turn } = await begin(on, spinning(on, order, 'one'), [4, 2_000_000]);
    expect(turn.suspension).toBeUndefined();
    await done;
    expect(order).toHaveLength(4);
  });

  it('end within a slice when they are ended', async () => {
    const on = thread();
    const { done, turn } = await begin(on, spinning(on, [], 'one'), [1_000, 2_000_000], { preemptive: true });
    expect(turn.suspension).toBe('yielded');
    turn.end(new VivariumError('RUNTIME_ABORTED', 'no longer wanted'));
    await expect(done).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
    await on.round();
    expect(() => on.execution.running).toThrow(/outside a turn/);
  });
});
