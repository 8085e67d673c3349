import { createHash } from 'node:crypto';
import { type ComponentHandle, createHandle, formatComponentId, parseComponentId } from '#core';
import type { VivariumError } from '#core/errors';
import { type ComponentMessage, readableMessage } from '#core/messages';
import type { Turn } from '#core/ports/engine';
import { type DeadLetter, type EventLoop, GuestMessaging, HostMessaging, Router } from '#messaging';
import { SupervisionTree } from '#supervision';
import { TestClock } from '../../src/testing/clock.ts';
import { orderly, trap } from './scripted-engine.ts';
import { SeededRandom } from './seeded-random.ts';

/** A queue that gives out its members in a random order: any order of turns is allowed. */
class ShuffledQueue<T> {
  readonly #items: T[] = [];
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  get size(): number {
    return this.#items.length;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    return this.#items.splice(this.#random.below(this.#items.length), 1)[0];
  }
}

/** What happened to one message: each must end exactly once. */
interface Fate {
  begun: number;
  ended: number;
  dead: number;
}

export interface SimulationOptions {
  readonly seed: number;
  /** `safety`: faults to the end. `liveness`: faults stop half-way, and then everything asked must be answered. */
  readonly kind: 'safety' | 'liveness';
}

const STEPS = 120;
const ACTORS = 4;

/**
 * The whole messaging and supervision layer under a clock, an event loop and a scheduler that a seed decides. Actors do
 * random things; turns are suspended, crash, never end; answers come twice. A seed always gives the same trace.
 */
export class Simulation {
  readonly trace: string[] = [];
  readonly violations: string[] = [];
  readonly router: Router;
  readonly #random: SeededRandom;
  readonly #clock = new TestClock();
  readonly #tasks: (() => void)[] = [];
  readonly #suspended: { name: string; finish: () => void }[] = [];
  readonly #handles: ComponentHandle[] = [];
  readonly #running = new Set<ComponentHandle>();
  readonly #fates = new Map<bigint, Fate>();
  readonly #lastBegun = new Map<string, number>();
  readonly #sequence = new Map<string, number>();
  readonly #open = new Map<string, number>();
  readonly #tree: SupervisionTree;
  readonly #guests: GuestMessaging;
  readonly #host: HostMessaging;
  readonly #kind: SimulationOptions['kind'];
  #faults = true;
  #hostOpen = 0;
  #answeredAfterHeal = 0;
  #askedAfterHeal = 0;

  constructor({ seed, kind }: SimulationOptions) {
    const random = new SeededRandom(seed);
    this.#random = random;
    this.#kind = kind;
    const loop: EventLoop = {
      soon: (task) => void this.#tasks.push(task),
      nextTurn: (task) => void this.#tasks.push(task),
      hold: () => () => {},
    };
    this.router = new Router({
      engine: {
        callHandleMessage: (handle, message) => this.#turn(handle, readableMessage(message)),
        callHandleCallback: (handle, message) => this.#turn(handle, readableMessage(message)) as Turn<void>,
      },
      clock: this.#clock,
      random,
      loop,
      runQueue: new ShuffledQueue(random),
      supervisor: { failed: (handle, reason) => this.#tree.failed(handle, reason) },
      dispatcher: { sliceMessages: 3 },
      onDeadLetter: (letter) => this.#buried(letter),
      maxHops: 12,
      maxOpenRequests: 5,
    });
    this.#guests = new GuestMessaging(this.router);
    this.#host = new HostMessaging(this.router);
    this.#tree = new SupervisionTree({
      clock: this.#clock,
      random,
      control: {
        halt: (handle) => this.router.suspend(handle),
        stop: async (handle) => this.#note(`stop ${handle.id.name}`),
        start: async (handle) => {
          this.#note(`start ${handle.id.name}`);
          this.router.resume(handle);
        },
        abandon: async (handle) => {
          this.#tree.removeActor(handle);
          this.router.remove(handle);
        },
      },
    });
    const overflow = (['reject', 'drop-oldest', 'wait'] as const)[random.below(3)];
    for (let index = 0; index < ACTORS; index++) {
      const handle = createHandle(parseComponentId(`sim/a${index}/1`));
      this.router.add(handle, { mailbox: { maxMessages: 6, overflow }, maxAttempts: 1 + random.below(3) });
      this.#tree.addActor(handle, { restart: 'permanent', maxRestarts: 1_000, backoffMs: 5 });
      this.#handles.push(handle);
    }
  }

  /** A digest of all that happened, for comparing runs of one seed. */
  get digest(): string {
    return createHash('sha256').update(this.trace.join('\n')).digest('hex');
  }

  async run(): Promise<this> {
    for (let step = 0; step < STEPS; step++) {
      if (this.#kind === 'liveness' && step === STEPS / 2) await this.#heal();
      this.#act();
      await this.#microtasks();
      this.#check();
    }
    await this.#heal();
    this.#checkEnd();
    return this;
  }

  #act(): void {
    const choice = this.#random.below(10);
    if (choice < 4) this.#runTask();
    else if (choice < 5) this.#finishTurn();
    else if (choice < 6) this.#clock.advance(this.#random.below(30));
    else if (choice < 8) this.#hostRequest();
    else if (choice < 9) this.#hostSend();
    else if (this.#faults && this.#random.below(8) === 0) this.#reload();
  }

  #runTask(): void {
    this.#tasks.splice(this.#random.below(this.#tasks.length), 1)[0]?.();
  }

  #finishTurn(): void {
    const [turn] = this.#suspended.splice(this.#random.below(this.#suspended.length), 1);
    turn?.finish();
  }

  #hostRequest(): void {
    const target = this.#pick();
    this.#hostOpen += 1;
    let ends = 0;
    const asked = !this.#faults;
    if (asked) this.#askedAfterHeal += 1;
    const end = (outcome: string): void => {
      ends += 1;
      if (ends > 1) this.violations.push('a request of the host ended twice');
      this.#hostOpen -= 1;
      if (asked && outcome === 'answered') this.#answeredAfterHeal += 1;
      this.#note(`host ${target.id.name} ${outcome}`);
    };
    const controller = new AbortController();
    const timeoutMs = asked ? 1e6 : 1 + this.#random.below(60);
    this.#host.request(target, this.#payload('host', target), { timeoutMs, signal: controller.signal }).then(
      () => end('answered'),
      (error: VivariumError) => {
        if (asked && error.code === 'MESSAGING_QUEUE_FULL') this.#askedAfterHeal -= 1;
        end(error.code);
      },
    );
    if (this.#faults && this.#random.below(6) === 0) controller.abort();
  }

  #hostSend(): void {
    const target = this.#pick();
    this.#host
      .send(target, this.#payload('host', target))
      .catch((error: VivariumError) => this.#note(`send ${error.code}`));
  }

  /** Unloads an actor with all that waits for it, and loads it anew. */
  #reload(): void {
    const index = this.#random.below(ACTORS);
    const old = this.#handles[index]!;
    this.#note(`unload ${old.id.name}`);
    this.#tree.removeActor(old);
    this.router.remove(old);
    for (const key of [...this.#open.keys()]) if (key.startsWith(`${old.handleId}:`)) this.#open.delete(key);
    const handle = createHandle(old.id);
    this.router.add(handle, { mailbox: { maxMessages: 6 } });
    this.#tree.addActor(handle, { restart: 'permanent', maxRestarts: 1_000, backoffMs: 5 });
    this.#handles[index] = handle;
  }

  #turn(handle: ComponentHandle, message: ComponentMessage): Turn<Uint8Array | undefined> {
    const name = formatComponentId(handle.id);
    if (this.#running.has(handle)) this.violations.push(`two turns of ${name} at once`);
    this.#begin(handle, message);
    this.#running.add(handle);
    const end = (): void => {
      this.#running.delete(handle);
      const fate = this.#fate(message);
      fate.ended += 1;
    };
    try {
      this.#behave(handle, message);
    } catch (error) {
      this.#running.delete(handle);
      // Who asked is told of an orderly failure, and that ends the message.
      const told =
        (error as VivariumError).code === 'RUNTIME_COMPONENT_ERROR' && message.metadata.replyTo !== undefined;
      if (told) this.#fate(message).ended += 1;
      throw error;
    }
    if (this.#random.below(8) === 0) return this.#ask(handle, end);
    if (this.#random.below(4) > 0) {
      end();
      return Uint8Array.of(1);
    }
    this.#note(`suspend ${name}`);
    return new Promise((resolve, reject) => {
      const crash = this.#faults && this.#random.below(4) === 0;
      this.#suspended.push({
        name,
        finish: () => {
          if (crash) {
            this.#running.delete(handle);
            reject(trap());
          } else {
            end();
            resolve(Uint8Array.of(2));
          }
        },
      });
    });
  }

  /** A turn that waits for another actor's answer, or for why there is none. */
  #ask(handle: ComponentHandle, end: () => void): Promise<Uint8Array> {
    const target = this.#pick();
    this.#note(`${handle.id.name} asks ${target.id.name}`);
    const done = (outcome: string): Uint8Array => {
      this.#note(`${handle.id.name} ${outcome}`);
      end();
      return Uint8Array.of(3);
    };
    // Circles that only time can end must end after the faults too.
    const payload = this.#payload(handle.id.name, target);
    const timeoutMs = 1 + this.#random.below(60);
    const answer = new Promise<Uint8Array>((resolve) =>
      resolve(this.#guests.ask(handle, target.id, payload, timeoutMs)),
    );
    return answer.then(
      () => done('was answered'),
      (error: VivariumError) => done(`was told ${error.code}`),
    );
  }

  /** What a guest does in its turn, chosen by the seed. */
  #behave(handle: ComponentHandle, message: ComponentMessage): void {
    for (let calls = this.#random.below(3); calls > 0; calls--) {
      try {
        this.#hostCall(handle);
      } catch (error) {
        this.#note(`${handle.id.name} was refused: ${(error as VivariumError).code}`);
      }
    }
    if (!this.#faults) return;
    const choice = this.#random.below(12);
    if (choice === 0) throw trap();
    if (choice === 1) throw orderly('no');
    if (choice === 2) this.#answerTwice(message);
  }

  #hostCall(handle: ComponentHandle): void {
    const target = this.#pick();
    const choice = this.#random.below(6);
    if (choice < 3) this.#guests.send(handle, target.id, this.#payload(handle.id.name, target));
    else if (choice < 5) {
      const timeoutMs = this.#faults ? 1 + this.#random.below(60) : 1e6;
      const id = this.#guests.request(handle, target.id, this.#payload(handle.id.name, target), timeoutMs);
      this.#open.set(`${handle.handleId}:${id}`, 0);
    } else {
      const mine = [...this.#open.keys()].filter(
        (key) => key.startsWith(`${handle.handleId}:`) && this.#open.get(key) === 0,
      );
      const key = mine[this.#random.below(mine.length)];
      if (key === undefined) return;
      this.#guests.cancelRequest(handle, key.slice(key.indexOf(':') + 1));
      this.#open.delete(key);
    }
  }

  /** An answer that a faulty part gives before, or in addition to, the turn's own. */
  #answerTwice(message: ComponentMessage): void {
    const { request } = message as { request?: Parameters<Router['requests']['answer']>[0] };
    if (request === undefined || message.metadata.replyTo === undefined) return;
    for (let times = 0; times < 2; times++)
      this.router.requests.answer(request, Uint8Array.of(9), this.#clock.monotonic());
  }

  #begin(handle: ComponentHandle, message: ComponentMessage): void {
    const { metadata, sender, payload } = message;
    const name = handle.id.name;
    const fate = this.#fate(message);
    fate.begun += 1;
    if (fate.ended > 0) this.violations.push(`message ${metadata.messageId} began again after it had ended`);
    this.#note(`begin ${name} #${metadata.messageId} from ${sender.name}`);
    if (metadata.replyTo === undefined && metadata.correlationId !== undefined)
      this.#callback(handle, metadata.correlationId);
    else {
      const pair = `${new TextDecoder().decode(payload).split(':')[0]}>${name}`;
      const sequence = Number(new TextDecoder().decode(payload).split(':')[1]);
      if (sequence < (this.#lastBegun.get(pair) ?? -1)) this.violations.push(`${pair}: ${sequence} came late`);
      this.#lastBegun.set(pair, sequence);
    }
  }

  #callback(handle: ComponentHandle, correlationId: string): void {
    const key = `${handle.handleId}:${correlationId}`;
    const seen = this.#open.get(key);
    if (seen === undefined) this.violations.push(`${handle.id.name} got an answer that it did not wait for`);
    this.#open.set(key, (seen ?? 0) + 1);
  }

  #buried({ message, reason }: DeadLetter): void {
    const fate = this.#fate(message);
    fate.dead += 1;
    if (fate.dead > 1) this.violations.push(`message ${message.metadata.messageId} died twice`);
    this.#note(`dead #${message.metadata.messageId} ${reason}`);
  }

  #fate(message: ComponentMessage): Fate {
    const id = message.metadata.messageId;
    const fate = this.#fates.get(id) ?? { begun: 0, ended: 0, dead: 0 };
    this.#fates.set(id, fate);
    return fate;
  }

  #payload(from: string, target: ComponentHandle): Uint8Array {
    const pair = `${from}>${target.id.name}`;
    const next = (this.#sequence.get(pair) ?? 0) + 1;
    this.#sequence.set(pair, next);
    return new TextEncoder().encode(`${from}:${next}`);
  }

  /** No fault happens any more, and what was held up goes on, until nothing is left to do. */
  async #heal(): Promise<void> {
    this.#note('heal');
    this.#faults = false;
    for (let round = 0; round < 2_000; round++) {
      if (this.#tasks.length > 0) this.#runTask();
      else if (this.#suspended.length > 0) this.#finishTurn();
      else if (this.router.counters.inFlight > 0 || this.router.counters.openRequests > 0) this.#clock.advance(10);
      else return;
      await this.#microtasks();
    }
    this.violations.push('it never came to rest');
  }

  #check(): void {
    const { counters } = this.router;
    if (counters.inFlight < 0) this.violations.push('more messages ended than were sent');
    if (counters.openRequests < 0) this.violations.push('more requests ended than were made');
  }

  #checkEnd(): void {
    const { counters } = this.router;
    if (counters.inFlight !== 0) this.violations.push(`${counters.inFlight} messages were lost`);
    if (counters.openRequests !== 0) this.violations.push(`${counters.openRequests} requests never ended`);
    if (this.#hostOpen !== 0) this.violations.push(`${this.#hostOpen} promises of the host never settled`);
    for (const [id, { begun, ended, dead }] of this.#fates) {
      if (begun > 0 && ended + dead === 0) this.violations.push(`message ${id} began and never ended`);
    }
    for (const [key, times] of this.#open) {
      if (times > 1) this.violations.push(`request ${key} ended ${times} times`);
    }
    if (this.#kind === 'liveness' && this.#answeredAfterHeal !== this.#askedAfterHeal) {
      this.violations.push(
        `${this.#askedAfterHeal - this.#answeredAfterHeal} requests had no answer though nothing failed`,
      );
    }
  }

  /** Lets promises run, which nothing in this simulation reorders. */
  async #microtasks(): Promise<void> {
    for (let depth = 0; depth < 12; depth++) await null;
  }

  #pick(): ComponentHandle {
    return this.#handles[this.#random.below(ACTORS)]!;
  }

  #note(line: string): void {
    this.trace.push(`${this.#clock.monotonic()} ${line}`);
  }
}
