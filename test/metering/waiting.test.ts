import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VivariumError } from '#core/errors';
import type { Scheduler, Tank, WaitingImport } from '#core/ports/meter';
import { fuelLane, meter } from '#metering';
import { promising, suspending } from '../../src/runtime/execution/jspi.ts';
import { assemble } from '../../tools/metering/wat.ts';

/** Calls of several tanks on one thread, each parked and resumed when the test says so. */
class Calls implements Scheduler {
  readonly suspend: WebAssembly.ImportValue;
  #parked: { readonly tank: Tank; readonly lane: unknown } | undefined;
  #next = 1;
  readonly #suspended = new Map<number, { readonly lane: unknown; readonly go: () => void }>();
  readonly #tokens = new Map<Tank, number>();
  yieldsAlways = false;
  /** What other stacks of the turn do before the one that goes on has control. */
  meanwhile: () => void = () => {};
  yields_ = 0;

  constructor() {
    const suspend = (): Promise<number> => {
      const parked = this.#parked;
      if (parked === undefined) throw new Error('nothing was parked');
      this.#parked = undefined;
      const token = this.#next++;
      return new Promise((resolve) => {
        this.#tokens.set(parked.tank, token);
        this.#suspended.set(token, { lane: parked.lane, go: () => resolve(token) });
      });
    };
    this.suspend = suspending(suspend);
  }

  park(tank: Tank): void {
    this.#parked = { tank, lane: fuelLane.park() };
  }

  mustWait(tank: Tank): boolean {
    return this.#parked?.tank === tank;
  }

  yields(tank: Tank): boolean {
    if (!this.yieldsAlways) return false;
    this.yields_ += 1;
    this.park(tank);
    queueMicrotask(() => this.go(tank));
    return true;
  }

  resumed(token: number): void {
    fuelLane.resume(this.#suspended.get(token)?.lane);
    this.meanwhile();
    this.#suspended.delete(token);
  }

  isSuspended(tank: Tank): boolean {
    return this.#suspended.has(this.#tokens.get(tank) ?? 0);
  }

  go(tank: Tank): void {
    this.#suspended.get(this.#tokens.get(tank) ?? 0)?.go();
  }
}

const GUEST = `(module
  (import "host" "ask" (func $ask (param i32) (result i32 i64)))
  (table 1 funcref) (elem (i32.const 0) $ask)
  (type $asks (func (param i32) (result i32 i64)))
  (func (export "run") (param $questions i32) (param $spins i32) (result i64)
    (local $sum i64) (local $left i32) (local $long i64) (local $short i32)
    (loop $next
      (local.set $left (local.get $spins))
      (loop $spin (br_if $spin (i32.gt_s (local.tee $left (i32.sub (local.get $left) (i32.const 1))) (i32.const 0))))
      CALL
      (local.set $long) (local.set $short)
      (local.set $sum (i64.add (i64.add (local.get $sum) (local.get $long)) (i64.extend_i32_u (local.get $short))))
      (br_if $next (local.tee $questions (i32.sub (local.get $questions) (i32.const 1)))))
    (local.get $sum)))`;
const DIRECT = GUEST.replace('CALL', '(call $ask (local.get $questions))');
const BY_TABLE = GUEST.replace('CALL', '(call_indirect (type $asks) (local.get $questions) (i32.const 0))');

const WAITS: readonly WaitingImport[] = [{ module: 'host', name: 'ask' }];

async function compiled(text: string, mode: 'fuel' | 'deadline' = 'fuel'): Promise<WebAssembly.Module> {
  const { bytes } = meter.meterModule(await assemble(text), mode, { waiting: WAITS });
  return new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
}

type Run = (questions: number, spins: number) => Promise<bigint>;

interface Call {
  readonly tank: Tank;
  readonly done: Promise<bigint>;
  readonly asked: number[];
}

/** Begins a call whose every question waits, or none. */
function begin(module: WebAssembly.Module, calls: Calls, questions: number, spins: number, waits: boolean): Call {
  const tank = meter.createTank({ maxMemoryBytes: 2 ** 20, scheduler: calls });
  const asked: number[] = [];
  let answered = false;
  tank.begin({ fuel: 10_000_000n });
  const exports = tank.link(module, {
    host: {
      ask: (question: number): [number, bigint] => {
        if (waits && !answered) {
          asked.push(question);
          answered = true;
          calls.park(tank);
          return [0, 0n];
        }
        if (!waits) asked.push(question);
        answered = false;
        return [question * 3, BigInt(question)];
      },
    },
  });
  const run = promising(exports.run as WebAssembly.ExportValue) as Run;
  const done = run(questions, spins);
  if (!calls.isSuspended(tank)) fuelLane.park();
  return { tank, done, asked };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe.each([
  ['called by its index', DIRECT],
  ['called through a table', BY_TABLE],
])('an import that waits, %s', (_, text) => {
  it.each(['fuel', 'deadline'] as const)('is called again for its answer, in mode %s', async (mode) => {
    const module = await compiled(text, mode);
    const calls = new Calls();
    const { tank, done, asked } = begin(module, calls, 3, 10, true);
    for (let question = 0; question < 3; question++) {
      expect(calls.isSuspended(tank)).toBe(true);
      calls.go(tank);
      await settle();
    }
    expect(await done).toBe(24n);
    expect(asked).toEqual([3, 2, 1]);
  });

  // A task that returns to the host before its next check leaves the counter below zero. The stack that goes on next took that for the
  // end of the turn, and trapped.
  it.each([
    [-1, 24n],
    [-50_000, 24n],
    [-20_000_000, 'METERING_OUT_OF_FUEL'],
  ])('goes on where other stacks of its turn have left the counter at %i, within the budget', async (left, outcome) => {
    const module = await compiled(text);
    const calls = new Calls();
    const { tank, done } = begin(module, calls, 3, 10, true);
    calls.meanwhile = () => {
      (tank as unknown as { left: number }).left = left;
    };
    const ended = done.catch((trap: unknown) => tank.failure(trap)?.code);
    for (let question = 0; question < 3; question++) {
      calls.go(tank);
      await settle();
    }
    expect(await ended).toBe(outcome);
  });

  it('costs the same fuel and gives the same answers whether it waits or not, in any order among others', async () => {
    const module = await compiled(text);
    const shape = fc.record({ questions: fc.integer({ min: 1, max: 5 }), spins: fc.integer({ min: 1, max: 500 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(shape, { minLength: 1, maxLength: 6 }),
        fc.infiniteStream(fc.nat(5)),
        async (all, order) => {
          const calls = new Calls();
          const running = all.map(({ questions, spins }) => begin(module, calls, questions, spins, true));
          for (const pick of order) {
            const open = running.filter(({ tank }) => calls.isSuspended(tank));
            if (open.length === 0) break;
            calls.go((open[pick % open.length] as Call).tank);
            await settle();
          }
          for (const [index, { questions, spins }] of all.entries()) {
            const { tank, done, asked } = running[index] as Call;
            const answer = await done;
            tank.end();
            const alone = begin(module, calls, questions, spins, false);
            expect(await alone.done).toBe(answer);
            alone.tank.end();
            expect(asked).toEqual(alone.asked);
            expect(tank.usage.callFuel).toBe(alone.tank.usage.callFuel);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('ends in a trap that nothing catches where the call was stopped meanwhile', async () => {
    const caught = text.replace(
      /\(local\.get \$sum\)\)\)$/,
      '(local.get $$sum)) (func (export "catching") (param i32 i32) (result i64) (block $$c (return (try_table (result i64) (catch_all $$c) (call 1 (local.get 0) (local.get 1))))) (i64.const 42)))',
    );
    const module = await compiled(caught);
    const calls = new Calls();
    const tank = meter.createTank({ maxMemoryBytes: 2 ** 20, scheduler: calls });
    tank.begin({ fuel: 1_000_000n });
    let asked = 0;
    const exports = tank.link(module, {
      host: {
        ask: () => {
          asked += 1;
          calls.park(tank);
          return [0, 0n];
        },
      },
    });
    const done = (promising(exports.catching as WebAssembly.ExportValue) as Run)(3, 10);
    const reason = new VivariumError('RUNTIME_ABORTED', 'stopped');
    tank.stop(reason);
    calls.go(tank);
    const thrown = await done.catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(WebAssembly.RuntimeError);
    expect(tank.failure(thrown)).toBe(reason);
    expect(asked).toBe(1);
  });
});

describe('a call whose slice is used up', () => {
  it('gives the thread away wherever its scheduler says so, for the same fuel', async () => {
    const module = await compiled(DIRECT);
    const calls = new Calls();
    const alone = begin(module, calls, 4, 300_000, false);
    const answer = await alone.done;
    alone.tank.end();
    calls.yieldsAlways = true;
    const yielding = begin(module, calls, 4, 300_000, false);
    expect(await yielding.done).toBe(answer);
    yielding.tank.end();
    expect(calls.yields_).toBeGreaterThan(5);
    expect(yielding.tank.usage.callFuel).toBe(alone.tank.usage.callFuel);
  });
});
