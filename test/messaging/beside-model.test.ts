import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ComponentHandle } from '#core';
import { VivariumError } from '#core/errors';
import { MessageSystem, read, text } from '../support/message-system.ts';
import { orderly, trap } from '../support/scripted-engine.ts';

const CAPACITY = 4;
const ATTEMPTS = 2;

interface ModelMessage {
  readonly id: number;
  readonly asks: boolean;
  attempts: number;
}

/** The simplest thing that could be right: a list of messages that wait, one of those that run, and what became of each. */
interface Model {
  readonly places: number;
  isLoaded: boolean;
  isSuspended: boolean;
  queue: ModelMessage[];
  running: ModelMessage[];
  begun: number[];
  fates: Map<number, 'handled' | 'dead' | 'refused'>;
  requests: Map<number, string>;
  /** Dead letters that have ended one instance after another. */
  poison: number;
  next: number;
}

interface Held {
  readonly id: number;
  readonly answer: (reply: Uint8Array) => void;
  readonly fail: (error: unknown) => void;
}

/** One actor whose turns end when a command says so. */
class Real {
  readonly loop: (() => void)[] = [];
  readonly system = new MessageSystem({
    loop: {
      soon: (task) => void this.loop.push(task),
      nextTurn: (task) => void this.loop.push(task),
      hold: () => () => {},
    },
    supervisor: {
      failed: (handle, { code }) => {
        // As supervision does, which counts one failure for all turns of an instance.
        if (this.isTold || code === 'RUNTIME_COMPONENT_ERROR') return;
        this.isTold = true;
        this.system.router.suspend(handle);
      },
    },
  });
  readonly places: number;
  handle: ComponentHandle | undefined;
  /** Whether supervision knows that the instance has ended. */
  isTold = false;
  readonly begun: number[] = [];
  held: Held[] = [];
  readonly outcomes = new Map<number, string>();
  readonly controllers = new Map<number, AbortController>();

  constructor(places: number) {
    this.places = places;
  }

  load(): void {
    const message = ({ payload }: { readonly payload: Uint8Array }): Promise<Uint8Array> => {
      const id = Number(read(payload));
      this.begun.push(id);
      return new Promise((answer, fail) => void this.held.push({ id, answer, fail }));
    };
    this.isTold = false;
    this.handle = this.system.actor(
      'm/a/1',
      { message },
      { mailbox: { maxMessages: CAPACITY }, maxAttempts: ATTEMPTS },
    );
    this.system.router.interleave(this.handle, this.places);
  }

  async runAll(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      for (let task = this.loop.shift(); task !== undefined; task = this.loop.shift()) task();
      for (let depth = 0; depth < 8; depth++) await null;
    }
  }
}

type Command = fc.AsyncCommand<Model, Real>;

function dead(model: Model, { id, asks }: ModelMessage, code: string): void {
  model.fates.set(id, 'dead');
  if (asks && model.requests.get(id) === 'open') model.requests.set(id, code);
}

class Load implements Command {
  check = ({ isLoaded }: Model): boolean => !isLoaded;
  async run(model: Model, real: Real): Promise<void> {
    model.isLoaded = true;
    model.isSuspended = false;
    real.load();
  }
  toString = (): string => 'load';
}

class Post implements Command {
  readonly asks: boolean;
  constructor(asks: boolean) {
    this.asks = asks;
  }
  check = ({ isLoaded }: Model): boolean => isLoaded;
  async run(model: Model, real: Real): Promise<void> {
    const id = model.next++;
    const isRefused = model.queue.length >= CAPACITY;
    if (isRefused) model.fates.set(id, 'refused');
    else model.queue.push({ id, asks: this.asks, attempts: 0 });
    const handle = real.handle as ComponentHandle;
    if (!this.asks) {
      await real.system.host.send(handle, text(`${id}`)).catch(() => {});
      return;
    }
    model.requests.set(id, isRefused ? 'MESSAGING_QUEUE_FULL' : 'open');
    const controller = new AbortController();
    real.controllers.set(id, controller);
    real.system.host.request(handle, text(`${id}`), { timeoutMs: 100, signal: controller.signal }).then(
      (reply) => real.outcomes.set(id, read(reply)),
      (error) => real.outcomes.set(id, error.code),
    );
  }
  toString = (): string => (this.asks ? 'request' : 'send');
}

class End implements Command {
  readonly nth: number;
  readonly does: 'answer' | 'fail';
  constructor(nth: number, does: 'answer' | 'fail') {
    this.nth = nth;
    this.does = does;
  }
  check = ({ running }: Model): boolean => running.length > 0;
  async run(model: Model, real: Real): Promise<void> {
    const [message] = model.running.splice(this.nth % model.running.length, 1) as [ModelMessage];
    const { id, asks } = message;
    const isAnswer = this.does === 'answer';
    model.fates.set(id, isAnswer || asks ? 'handled' : 'dead');
    if (!isAnswer && !asks && message.attempts > 1) model.poison += 1;
    if (model.requests.get(id) === 'open') model.requests.set(id, isAnswer ? `${id}!` : 'RUNTIME_COMPONENT_ERROR');
    const at = real.held.findIndex((each) => each.id === id);
    const [held] = real.held.splice(at, 1);
    if (isAnswer) held?.answer(text(`${id}!`));
    else held?.fail(orderly('no'));
  }
  toString = (): string => `${this.does} ${this.nth}`;
}

/** One turn traps, and all others end with the instance; they are told in any order, some when it has been restarted already. */
class Trap implements Command {
  readonly nth: number;
  readonly first: number;
  readonly restarts: boolean;
  constructor(nth: number, first: number, restarts: boolean) {
    this.nth = nth;
    this.first = first;
    this.restarts = restarts;
  }
  check = ({ running }: Model): boolean => running.length > 0;
  async run(model: Model, real: Real): Promise<void> {
    const culprit = model.running[this.nth % model.running.length]?.id;
    const again = model.running.filter(({ attempts }) => attempts < ATTEMPTS);
    for (const message of model.running) {
      if (again.includes(message)) continue;
      if (message.id === culprit) model.poison += 1;
      dead(model, message, message.id === culprit ? 'RUNTIME_TRAP' : 'RUNTIME_INSTANCE_ENDED');
    }
    model.queue.unshift(...again);
    model.running = [];
    model.isSuspended = !this.restarts;
    real.isTold = false;
    const all = real.held.splice(0);
    const from = this.first % all.length;
    for (const [at, { id, fail }] of [...all.slice(from), ...all.slice(0, from)].entries()) {
      fail(id === culprit ? trap() : new VivariumError('RUNTIME_INSTANCE_ENDED', 'another call ended it'));
      await real.runAll();
      if (this.restarts && at === 0) real.system.router.resume(real.handle as ComponentHandle);
    }
  }
  toString = (): string => `trap ${this.nth} ${this.first} ${this.restarts}`;
}

class Restart implements Command {
  check = ({ isLoaded, isSuspended }: Model): boolean => isLoaded && isSuspended;
  async run(model: Model, real: Real): Promise<void> {
    model.isSuspended = false;
    real.isTold = false;
    real.system.router.resume(real.handle as ComponentHandle);
  }
  toString = (): string => 'restart';
}

class Cancel implements Command {
  readonly nth: number;
  constructor(nth: number) {
    this.nth = nth;
  }
  check = ({ requests }: Model): boolean => [...requests.values()].includes('open');
  async run(model: Model, real: Real): Promise<void> {
    const open = [...model.requests].filter(([, end]) => end === 'open').map(([id]) => id);
    const id = open[this.nth % open.length] as number;
    model.requests.set(id, 'MESSAGING_CANCELLED');
    real.controllers.get(id)?.abort();
  }
  toString = (): string => `cancel ${this.nth}`;
}

class Wait implements Command {
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    for (const [id, end] of model.requests) if (end === 'open') model.requests.set(id, 'MESSAGING_TIMEOUT');
    real.system.clock.advance(101);
  }
  toString = (): string => 'wait until every time-out';
}

class Unload implements Command {
  check = ({ isLoaded }: Model): boolean => isLoaded;
  async run(model: Model, real: Real): Promise<void> {
    for (const message of [...model.running, ...model.queue]) dead(model, message, 'MESSAGING_TARGET_NOT_FOUND');
    model.isLoaded = false;
    model.running = [];
    model.queue = [];
    real.system.router.remove(real.handle as ComponentHandle);
    // What the turns of the removed actor answer later changes nothing.
    for (const [at, { answer, fail }] of real.held.splice(0).entries()) {
      if (at % 2 === 0) answer(text('late'));
      else fail(trap());
    }
  }
  toString = (): string => 'unload';
}

function begin(model: Model): void {
  while (model.isLoaded && !model.isSuspended && model.running.length < model.places) {
    const message = model.queue.shift();
    if (message === undefined) return;
    if (message.asks && model.requests.get(message.id) !== 'open') {
      model.fates.set(message.id, 'dead');
      continue;
    }
    message.attempts += 1;
    model.running.push(message);
    model.begun.push(message.id);
  }
}

class Checked implements Command {
  readonly inner: Command;
  constructor(inner: Command) {
    this.inner = inner;
  }
  check = (model: Model): boolean => this.inner.check(model) === true;
  async run(model: Model, real: Real): Promise<void> {
    await this.inner.run(model, real);
    begin(model);
    await real.runAll();
    const fates = [...model.fates.values()];
    const count = (fate: string): number => fates.filter((each) => each === fate).length;
    expect(real.begun).toEqual(model.begun);
    expect(real.held.map(({ id }) => id).sort()).toEqual(model.running.map(({ id }) => id).sort());
    expect(real.system.router.counters).toMatchObject({
      offered: model.next,
      refused: count('refused'),
      handled: count('handled'),
      deadLettered: count('dead'),
      inFlight: model.queue.length + model.running.length,
      openRequests: [...model.requests.values()].filter((end) => end === 'open').length,
    });
    expect(real.system.reasons.filter((reason) => reason === 'poison')).toHaveLength(model.poison);
    for (const [id, end] of model.requests) expect(real.outcomes.get(id) ?? 'open', `request ${id}`).toBe(end);
  }
  toString = (): string => String(this.inner);
}

const commands = [
  fc.constant(new Load()),
  ...Array.from({ length: 4 }, () => fc.boolean().map((asks) => new Post(asks))),
  ...Array.from({ length: 3 }, () =>
    fc.tuple(fc.nat(9), fc.constantFrom('answer', 'answer', 'fail')).map((of) => new End(...of)),
  ),
  fc.tuple(fc.nat(9), fc.nat(9), fc.boolean()).map((of) => new Trap(...of)),
  fc.constant(new Restart()),
  fc.nat(5).map((nth) => new Cancel(nth)),
  fc.constant(new Wait()),
  fc.constant(new Unload()),
].map((arbitrary) => arbitrary.map((command: Command) => new Checked(command)));

function modelOf(places: number): Model {
  return {
    places,
    isLoaded: false,
    isSuspended: false,
    queue: [],
    running: [],
    begun: [],
    fates: new Map(),
    requests: new Map(),
    poison: 0,
    next: 0,
  };
}

describe('messages that one actor handles side by side', () => {
  it('begin, end and begin again as a simple model says, whatever happens to them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.commands(commands, { maxCommands: 60, size: '+1' }),
        async (places, sequence) => {
          const model = modelOf(places);
          await fc.asyncModelRun(() => ({ model, real: new Real(places) }), sequence);
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);

  it('let none overtake a message that begins again, also where the first that is told has no tries left', async () => {
    const model = modelOf(2);
    const [send, trapping] = [new Checked(new Post(false)), new Checked(new Trap(0, 0, true))];
    const begun = [
      new Checked(new Load()),
      send,
      send,
      send,
      trapping,
      new Checked(new End(0, 'answer')),
      send,
      trapping,
    ];
    await fc.asyncModelRun(() => ({ model, real: new Real(2) }), begun);
    expect(model.begun).toEqual([0, 1, 0, 1, 2, 2, 3]);
  });
});
