import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ComponentHandle } from '#core';
import { VivariumError } from '#core/errors';
import type { HostWork } from '../../src/messaging/host-task.ts';
import { MessageSystem, read, text } from '../support/message-system.ts';
import { orderly, trap } from '../support/scripted-engine.ts';

const CAPACITY = 4;
const ATTEMPTS = 2;

/** A message, or a task of the host that joins others and may go first. Who comes later has a greater number. */
interface ModelWork {
  readonly kind: 'message' | 'task' | 'first';
  readonly id: number;
  readonly asks: boolean;
  attempts: number;
}

/** The simplest thing that could be right: a list of messages that wait, one of those that run, and what became of each. */
interface Model {
  readonly places: number;
  isLoaded: boolean;
  isSuspended: boolean;
  queue: ModelWork[];
  tasks: ModelWork[];
  running: ModelWork[];
  begun: number[];
  fates: Map<number, 'handled' | 'dead' | 'refused'>;
  requests: Map<number, string>;
  calls: Map<number, string>;
  /** Dead letters that have ended one instance after another. */
  poison: number;
  offered: number;
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
      failed: (handle, error) => this.failed(handle, error),
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

  /** As supervision does, which counts one failure for all turns of an instance. */
  failed(handle: ComponentHandle, { code }: { readonly code: string }): void {
    if (this.isTold || code === 'RUNTIME_COMPONENT_ERROR') return;
    this.isTold = true;
    this.system.router.suspend(handle);
  }

  /** Begins a turn, which ends when a command says so. */
  begin(id: number): Promise<Uint8Array> {
    this.begun.push(id);
    return new Promise((answer, fail) => void this.held.push({ id, answer, fail }));
  }

  load(): void {
    const message = ({ payload }: { readonly payload: Uint8Array }): Promise<Uint8Array> =>
      this.begin(Number(read(payload)));
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

function dead(model: Model, { kind, id, asks }: ModelWork, code: string): void {
  if (kind !== 'message') {
    model.calls.set(id, code);
    return;
  }
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
    model.offered += 1;
    const isRefused = model.queue.length >= CAPACITY;
    if (isRefused) model.fates.set(id, 'refused');
    else model.queue.push({ kind: 'message', id, asks: this.asks, attempts: 0 });
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

/** The host does something that joins others, such as a call of an export, or a health check, which goes first as well. */
class Call implements Command {
  readonly goesFirst: boolean;
  constructor(goesFirst: boolean) {
    this.goesFirst = goesFirst;
  }
  check = ({ isLoaded }: Model): boolean => isLoaded;
  async run(model: Model, real: Real): Promise<void> {
    const id = model.next++;
    const task: ModelWork = { kind: this.goesFirst ? 'first' : 'task', id, asks: true, attempts: 0 };
    if (this.goesFirst) model.tasks.unshift(task);
    else model.tasks.push(task);
    model.calls.set(id, 'open');
    const handle = real.handle as ComponentHandle;
    const work: HostWork<Uint8Array> = {
      joins: true,
      goesFirst: this.goesFirst,
      run: () => real.begin(id),
      failed: (error) => real.failed(handle, error as VivariumError),
    };
    real.system.router.runTask(handle, work).then(
      (answer) => real.outcomes.set(id, read(answer)),
      (error) => real.outcomes.set(id, error.code),
    );
  }
  toString = (): string => (this.goesFirst ? 'health check' : 'call');
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
    const [work] = model.running.splice(this.nth % model.running.length, 1) as [ModelWork];
    const { kind, id, asks } = work;
    const isAnswer = this.does === 'answer';
    const outcome = isAnswer ? `${id}!` : 'RUNTIME_COMPONENT_ERROR';
    if (kind !== 'message') model.calls.set(id, outcome);
    else {
      model.fates.set(id, isAnswer || asks ? 'handled' : 'dead');
      if (!isAnswer && !asks && work.attempts > 1) model.poison += 1;
      if (model.requests.get(id) === 'open') model.requests.set(id, outcome);
    }
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
    const again = model.running.filter(({ kind, attempts }) => kind === 'message' && attempts < ATTEMPTS);
    for (const message of model.running) {
      if (again.includes(message)) continue;
      if (message.kind === 'message' && message.id === culprit) model.poison += 1;
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
    for (const message of [...model.running, ...model.queue, ...model.tasks])
      dead(model, message, 'MESSAGING_TARGET_NOT_FOUND');
    model.isLoaded = false;
    model.running = [];
    model.queue = [];
    model.tasks = [];
    real.system.router.remove(real.handle as ComponentHandle);
    // What the turns of the removed actor answer later changes nothing.
    for (const [at, { id, answer, fail }] of real.held.splice(0).entries()) {
      // The engine ends the calls of a component that is gone.
      if (model.calls.has(id)) fail(new VivariumError('MESSAGING_TARGET_NOT_FOUND', 'unloaded'));
      else if (at % 2 === 0) answer(text('late'));
      else fail(trap());
    }
  }
  toString = (): string => 'unload';
}

/** Side by side, messages and tasks begin in the order in which they came; one by one, tasks go before messages. */
function takeNext({ places, queue, tasks }: Model): ModelWork | undefined {
  const [message, task] = [queue[0], tasks[0]];
  if (task === undefined) return queue.shift();
  const isOvertaken = places > 1 && task.kind === 'task' && message !== undefined && message.id < task.id;
  return isOvertaken ? queue.shift() : tasks.shift();
}

function begin(model: Model): void {
  while (model.isLoaded && !model.isSuspended && model.running.length < model.places) {
    const message = takeNext(model);
    if (message === undefined) return;
    if (message.kind === 'message' && message.asks && model.requests.get(message.id) !== 'open') {
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
      offered: model.offered,
      refused: count('refused'),
      handled: count('handled'),
      deadLettered: count('dead'),
      inFlight: model.queue.length + model.running.filter(({ kind }) => kind === 'message').length,
      openRequests: [...model.requests.values()].filter((end) => end === 'open').length,
    });
    expect(real.system.reasons.filter((reason) => reason === 'poison')).toHaveLength(model.poison);
    for (const [id, end] of [...model.requests, ...model.calls])
      expect(real.outcomes.get(id) ?? 'open', `request ${id}`).toBe(end);
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
  ...[false, false, true].map((goesFirst) => fc.constant(new Call(goesFirst))),
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
    tasks: [],
    running: [],
    begun: [],
    fates: new Map(),
    requests: new Map(),
    calls: new Map(),
    poison: 0,
    offered: 0,
    next: 0,
  };
}

describe('messages and calls that one actor handles side by side', () => {
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
  });

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

  it('let no call overtake a message that came before it, where calls overlap without end', async () => {
    const model = modelOf(4);
    const [call, end] = [new Checked(new Call(false)), new Checked(new End(0, 'answer'))];
    const overlapping = Array.from({ length: 8 }, () => [call, end]).flat();
    const four = [call, call, call, call];
    const sequence = [new Checked(new Load()), ...four, new Checked(new Post(false)), ...overlapping];
    await fc.asyncModelRun(() => ({ model, real: new Real(4) }), sequence);
    expect(model.begun.slice(0, 6)).toEqual([0, 1, 2, 3, 4, 5]);
  });
});
