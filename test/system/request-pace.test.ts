// The pace at which requests begin, beside a model of the event loop: what a component is sent never keeps another's requests.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Gate, type Waiting } from '../../src/system/request-gate.ts';
import { type PaceLoop, RequestPace } from '../../src/system/request-pace.ts';
import { TestClock } from '../../src/testing/clock.ts';

/** What begins in one round takes at most this long, and one request. */
const ROUND_MS = 1;

/** An event loop that a test turns: in each turn it runs what was asked for, and then the next clients' requests are read. */
class Loop implements PaceLoop {
  #soon: (() => void)[] = [];
  #next: (() => void)[] = [];
  #turns = 0;

  turns(): number {
    return this.#turns;
  }

  afterThis(task: () => void): void {
    this.#soon.push(task);
  }

  nextTurn(task: () => void): void {
    this.#next.push(task);
  }

  get isIdle(): boolean {
    return this.#next.length === 0 && this.#soon.length === 0;
  }

  /** @param read what is read of each client, between which promises go on */
  async turn(read: readonly (() => void)[]): Promise<void> {
    const due = this.#next;
    this.#next = [];
    for (const task of due) await this.#run(task);
    this.#turns += 1;
    for (const task of read) await this.#run(task);
  }

  async #run(task: () => void): Promise<void> {
    task();
    do {
      // Requests that were let in go on in promises.
      for (let step = 0; step < 4; step++) await Promise.resolve();
      this.#soon.shift()?.();
    } while (this.#soon.length > 0);
    for (let step = 0; step < 4; step++) await Promise.resolve();
  }
}

interface Request {
  /** Its place among all requests. */
  readonly serial: number;
  readonly component: number;
  readonly came: number;
  /** What its turn computes, in milliseconds. */
  readonly ms: number;
  /** Turns of the loop in which it then waits for the host. */
  readonly waits: number;
}

interface Begun extends Request {
  readonly began: number;
}

class Model {
  readonly clock = new TestClock();
  readonly loop = new Loop();
  readonly begun: Begun[] = [];
  readonly lengths: number[] = [];
  refused = 0;
  most = 0;
  turn = 0;
  readonly #gates: readonly Gate[];
  readonly #running = new Map<number, number>();
  #ends: { readonly turn: number; readonly leave: () => void }[] = [];

  constructor(components: number, bounds: { readonly maxConcurrent: number; readonly maxQueued: number }) {
    const pace = new RequestPace(this.clock, this.loop);
    this.#gates = Array.from({ length: components }, (_, each) => new Gate(`test/gate/${each}`, pace, bounds));
  }

  async next(come: readonly Request[]): Promise<void> {
    const before = this.clock.monotonic();
    this.turn += 1;
    const over = this.#ends.filter(({ turn }) => turn <= this.turn);
    this.#ends = this.#ends.filter(({ turn }) => turn > this.turn);
    const read = come.map((request) => () => void this.#serve(request));
    await this.loop.turn([...over.map(({ leave }) => leave), ...read]);
    this.lengths.push(this.clock.monotonic() - before);
  }

  get open(): number {
    return this.#gates.reduce((sum, { open }) => sum + open, 0);
  }

  async #serve(request: Request): Promise<void> {
    const { component, ms, waits } = request;
    const gate = this.#gates[component] as Gate;
    const waiting: Waiting = { reason: undefined, onAbandoned: undefined };
    try {
      await gate.enter(waiting);
    } catch {
      this.refused += 1;
      return;
    }
    this.begun.push({ ...request, began: this.turn });
    const running = (this.#running.get(component) ?? 0) + 1;
    this.#running.set(component, running);
    this.most = Math.max(this.most, running);
    this.clock.advance(ms);
    const leave = (): void => {
      this.#running.set(component, (this.#running.get(component) ?? 1) - 1);
      gate.leave();
    };
    if (waits === 0) leave();
    else this.#ends.push({ turn: this.turn + waits, leave });
  }
}

const flood = fc.record({
  component: fc.integer({ min: 1, max: 4 }),
  ms: fc.integer({ min: 0, max: 400 }).map((us) => us / 1_000),
  waits: fc.integer({ min: 0, max: 3 }),
});
const turns = fc.array(fc.array(flood, { maxLength: 60, size: 'max' }), { minLength: 1, maxLength: 8, size: 'max' });
const bounds = fc.record({
  maxConcurrent: fc.integer({ min: 1, max: 40 }),
  maxQueued: fc.integer({ min: 0, max: 100 }),
});

/** Component 0 is sent one request in some turns; what comes for the others is the flood. */
async function played(
  sent: readonly (readonly Omit<Request, 'came' | 'serial'>[])[],
  most: { readonly maxConcurrent: number; readonly maxQueued: number },
  isQuiet: (turn: number) => boolean = () => true,
): Promise<Model> {
  const model = new Model(5, most);
  let serial = 0;
  const quiet = { component: 0, ms: 0.1, waits: 0 };
  for (const [turn, all] of sent.entries()) {
    const came = turn + 1;
    const come = (isQuiet(turn) ? all : [...all, quiet]).map((each) => ({ ...each, came, serial: serial++ }));
    await model.next(come);
  }
  for (let more = 0; more < 2_000 && (!model.loop.isIdle || model.open > 0); more++) await model.next([]);
  return model;
}

describe('the pace of requests', () => {
  it('begins the request of a quiet component in the turn in which it is read, whatever others are sent', async () => {
    await fc.assert(
      fc.asyncProperty(turns, bounds, async (sent, most) => {
        const { begun } = await played(sent, most, (turn) => turn % 2 === 0);
        const quiet = begun.filter(({ component }) => component === 0);
        expect(quiet.length).toBe(sent.filter((_, turn) => turn % 2 !== 0).length);
        for (const { came, began } of quiet) expect(began).toBe(came);
      }),
      { numRuns: 100 },
    );
  });

  // A round goes on over turns in which little is computed. What waited in the fourth turn used up the rest of the round, in which the quiet
  // component had begun its request of the second turn, and its next one had to wait.
  it('begins the request of a quiet component at once, though its last one began in the same round', async () => {
    const long = (ms: number) => ({ component: 1, ms, waits: 0 });
    const sent = [[], [], [{ component: 1, ms: 0, waits: 1 }, long(0)], [long(0.4), long(0.4), long(0.4)]];
    const { begun } = await played(sent, { maxConcurrent: 1, maxQueued: 1 }, (turn) => turn % 2 === 0);
    const quiet = begun.filter(({ component }) => component === 0);
    expect(quiet.map(({ came, began }) => [came, began])).toEqual([
      [2, 2],
      [4, 4],
    ]);
  });

  it('reads again after the time of a round, one request, and the first one that came for each component', async () => {
    await fc.assert(
      fc.asyncProperty(turns, bounds, async (sent, most) => {
        const { lengths } = await played(sent, most);
        // A request takes 0.4 ms at most. One may begin just before the end of the round, and then the first of each component.
        for (const length of lengths) expect(length).toBeLessThanOrEqual(ROUND_MS + 0.4 + 4 * 0.4 + 1e-6);
      }),
      { numRuns: 100 },
    );
  });

  it('begins all that is admitted, in the order of each component, and never more than may run', async () => {
    await fc.assert(
      fc.asyncProperty(turns, bounds, async (sent, most) => {
        const model = await played(sent, most);
        expect(model.begun.length + model.refused).toBe(sent.flat().length);
        expect([model.open, model.loop.isIdle]).toEqual([0, true]);
        expect(model.most).toBeLessThanOrEqual(most.maxConcurrent);
        for (const component of [1, 2, 3, 4]) {
          const serials = model.begun.filter((each) => each.component === component).map((each) => each.serial);
          expect(serials).toEqual(serials.toSorted((one, other) => one - other));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('divides rounds among components that have as much to do, however much more one of them was sent', async () => {
    const many = (component: number, count: number) =>
      Array.from({ length: count }, () => ({ component, ms: 0.1, waits: 0 }));
    const model = await played([[...many(1, 90), ...many(2, 30)]], { maxConcurrent: 10, maxQueued: 90 });
    const half = model.begun.slice(0, 50).filter(({ component }) => component === 2).length;
    expect(half).toBeGreaterThanOrEqual(20);
  });
});
