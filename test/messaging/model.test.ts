import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ComponentHandle } from '#core';
import type { ComponentMessage } from '#core/messages';
import { MessageSystem, read, text } from '../support/message-system.ts';
import { orderly, trap } from '../support/scripted-engine.ts';

const CAPACITY = 2;
const NAMES = ['a', 'b'] as const;
type Name = (typeof NAMES)[number];

/** A message as the model knows it: what its turn will do, and which request, if any, waits for it. */
interface ModelMessage {
  readonly id: number;
  readonly does: 'answer' | 'fail' | 'trap';
  readonly request: number | undefined;
}

interface ModelActor {
  queue: ModelMessage[];
  suspended: boolean;
}

/** The simplest thing that could be right: lists of messages, and what became of each. */
interface Model {
  actors: Map<Name, ModelActor>;
  fates: Map<number, 'handled' | 'dead' | 'refused'>;
  requests: Map<number, string>;
  next: number;
}

/** The real system, run step by step: turns happen when a command says so. */
class Real {
  readonly loop: (() => void)[] = [];
  readonly system = new MessageSystem({
    loop: {
      soon: (task) => void this.loop.push(task),
      nextTurn: (task) => void this.loop.push(task),
      hold: () => () => {},
    },
    supervisor: { failed: (handle) => this.system.router.suspend(handle) },
  });
  readonly handles = new Map<Name, ComponentHandle>();
  readonly handled: number[] = [];
  readonly outcomes = new Map<number, string>();
  readonly controllers = new Map<number, AbortController>();

  async runAll(): Promise<void> {
    for (let task = this.loop.shift(); task !== undefined; task = this.loop.shift()) {
      task();
      for (let depth = 0; depth < 5; depth++) await null;
    }
    for (let depth = 0; depth < 5; depth++) await null;
  }

  behave({ payload }: ComponentMessage): Uint8Array {
    const [id, does] = read(payload).split(':');
    if (does === 'trap') throw trap();
    if (does === 'fail') throw orderly('no');
    this.handled.push(Number(id));
    return payload;
  }
}

type Command = fc.AsyncCommand<Model, Real>;

class Load implements Command {
  readonly name: Name;
  constructor(name: Name) {
    this.name = name;
  }
  check = (model: Model): boolean => !model.actors.has(this.name);
  async run(model: Model, real: Real): Promise<void> {
    model.actors.set(this.name, { queue: [], suspended: false });
    const behaviour = { message: (message: ComponentMessage) => real.behave(message) };
    real.handles.set(
      this.name,
      real.system.actor(`m/${this.name}/1`, behaviour, { mailbox: { maxMessages: CAPACITY } }),
    );
  }
  toString = (): string => `load ${this.name}`;
}

class Post implements Command {
  readonly name: Name;
  readonly does: ModelMessage['does'];
  readonly asks: boolean;
  constructor(name: Name, does: ModelMessage['does'], asks: boolean) {
    this.name = name;
    this.does = does;
    this.asks = asks;
  }
  check = (model: Model): boolean => model.actors.has(this.name);
  async run(model: Model, real: Real): Promise<void> {
    const id = model.next++;
    const actor = model.actors.get(this.name)!;
    const refused = actor.queue.length >= CAPACITY;
    if (refused) model.fates.set(id, 'refused');
    else actor.queue.push({ id, does: this.does, request: this.asks ? id : undefined });
    const handle = real.handles.get(this.name)!;
    const payload = text(`${id}:${this.does}`);
    if (!this.asks) {
      const sent = await real.system.host.send(handle, payload).then(
        () => 'taken',
        (error) => error.code,
      );
      expect(sent).toBe(refused ? 'MESSAGING_QUEUE_FULL' : 'taken');
      return;
    }
    model.requests.set(id, refused ? 'MESSAGING_QUEUE_FULL' : 'open');
    const controller = new AbortController();
    real.controllers.set(id, controller);
    real.system.host.request(handle, payload, { timeoutMs: 100, signal: controller.signal }).then(
      (reply) => real.outcomes.set(id, read(reply) === read(payload) ? 'answered' : 'wrong answer'),
      (error) => real.outcomes.set(id, error.code),
    );
    for (let depth = 0; depth < 5; depth++) await null;
  }
  toString = (): string => `${this.asks ? 'request' : 'send'} ${this.name} ${this.does}`;
}

/** Every actor runs until it has nothing to do or has trapped. */
class Run implements Command {
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    for (const actor of model.actors.values()) {
      while (!actor.suspended && actor.queue.length > 0) runOne(model, actor);
    }
    await real.runAll();
  }
  toString = (): string => 'run';
}

function runOne(model: Model, actor: ModelActor): void {
  const message = actor.queue.shift()!;
  const waited = message.request === undefined ? undefined : model.requests.get(message.request);
  if (waited !== undefined && waited !== 'open') {
    model.fates.set(message.id, 'dead');
    return;
  }
  if (message.does === 'trap') actor.suspended = true;
  const told = message.request !== undefined && message.does !== 'trap';
  model.fates.set(message.id, message.does === 'answer' || told ? 'handled' : 'dead');
  if (message.request === undefined) return;
  const ends = { answer: 'answered', fail: 'RUNTIME_COMPONENT_ERROR', trap: 'RUNTIME_TRAP' };
  model.requests.set(message.request, ends[message.does]);
}

class Restart implements Command {
  readonly name: Name;
  constructor(name: Name) {
    this.name = name;
  }
  check = (model: Model): boolean => model.actors.get(this.name)?.suspended === true;
  async run(model: Model, real: Real): Promise<void> {
    model.actors.get(this.name)!.suspended = false;
    real.system.router.resume(real.handles.get(this.name)!);
  }
  toString = (): string => `restart ${this.name}`;
}

class Unload implements Command {
  readonly name: Name;
  constructor(name: Name) {
    this.name = name;
  }
  check = (model: Model): boolean => model.actors.has(this.name);
  async run(model: Model, real: Real): Promise<void> {
    for (const message of model.actors.get(this.name)!.queue) {
      model.fates.set(message.id, 'dead');
      if (message.request !== undefined && model.requests.get(message.request) === 'open') {
        model.requests.set(message.request, 'MESSAGING_TARGET_NOT_FOUND');
      }
    }
    model.actors.delete(this.name);
    real.system.router.remove(real.handles.get(this.name)!);
    real.handles.delete(this.name);
    for (let depth = 0; depth < 5; depth++) await null;
  }
  toString = (): string => `unload ${this.name}`;
}

class Cancel implements Command {
  readonly nth: number;
  constructor(nth: number) {
    this.nth = nth;
  }
  check = (model: Model): boolean => [...model.requests.values()].includes('open');
  async run(model: Model, real: Real): Promise<void> {
    const open = [...model.requests].filter(([, end]) => end === 'open').map(([id]) => id);
    const id = open[this.nth % open.length]!;
    model.requests.set(id, 'MESSAGING_CANCELLED');
    real.controllers.get(id)!.abort();
    for (let depth = 0; depth < 5; depth++) await null;
  }
  toString = (): string => `cancel ${this.nth}`;
}

class Wait implements Command {
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    for (const [id, end] of model.requests) if (end === 'open') model.requests.set(id, 'MESSAGING_TIMEOUT');
    real.system.clock.advance(101);
    for (let depth = 0; depth < 5; depth++) await null;
  }
  toString = (): string => 'wait until every time-out';
}

function agree(model: Model, real: Real): void {
  const fates = [...model.fates.values()];
  const waiting = [...model.actors.values()].reduce((sum, { queue }) => sum + queue.length, 0);
  expect(real.system.router.counters).toMatchObject({
    offered: model.next,
    refused: fates.filter((fate) => fate === 'refused').length,
    handled: fates.filter((fate) => fate === 'handled').length,
    deadLettered: fates.filter((fate) => fate === 'dead').length,
    inFlight: waiting,
    openRequests: [...model.requests.values()].filter((end) => end === 'open').length,
  });
  for (const [id, end] of model.requests) expect(real.outcomes.get(id) ?? 'open', `request ${id}`).toBe(end);
  expect(real.system.engine.overlaps).toBe(0);
  expect(new Set(real.handled).size).toBe(real.handled.length);
}

/** Looks at everything after each command. */
class Checked implements Command {
  readonly inner: Command;
  constructor(inner: Command) {
    this.inner = inner;
  }
  check = (model: Model): boolean => this.inner.check(model) === true;
  async run(model: Model, real: Real): Promise<void> {
    await this.inner.run(model, real);
    agree(model, real);
  }
  toString = (): string => String(this.inner);
}

const name = fc.constantFrom(...NAMES);
const post = fc
  .tuple(name, fc.constantFrom('answer', 'answer', 'fail', 'trap'), fc.boolean())
  .map((of) => new Post(...of));
const commands = [
  name.map((each) => new Load(each)),
  post,
  post,
  post,
  fc.constant(new Run()),
  name.map((each) => new Restart(each)),
  name.map((each) => new Unload(each)),
  fc.nat({ max: 5 }).map((nth) => new Cancel(nth)),
  fc.constant(new Wait()),
].map((arbitrary) => arbitrary.map((command: Command) => new Checked(command)));

describe('messaging', () => {
  it('does what a simple model does, for any loads, sends, requests, cancels, failures, restarts and unloads', async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 60, size: '+1' }), async (sequence) => {
        const setup = () => ({
          model: { actors: new Map(), fates: new Map(), requests: new Map(), next: 0 } satisfies Model as Model,
          real: new Real(),
        });
        await fc.asyncModelRun(setup, sequence);
      }),
      { numRuns: 150 },
    );
  });
});
