import type { ComponentHandle } from '#core';
import { attribute, rejection } from '#core/errors';
import type { MessageTurn } from '#core/ports/engine';
import { type AsyncContext, currentContext, type LaterListener } from '#core/waiting';
import type { KeepAlive } from './event-loop.ts';

/** Work of the host that needs an actor's turn, such as a health check or a call of another export. */
export interface HostWork<T> {
  /** Whether it may run beside others of its kind, if the actor's instance serves several calls. */
  readonly joins?: boolean;
  /** Whether it goes before all other work and all messages. There may be one such work at a time. */
  readonly goesFirst?: boolean;
  run(): MessageTurn<T>;
  /**
   * Told that it has failed before anybody else learns of that, because otherwise a waiting message could be given to an instance that
   * is gone.
   */
  failed?(error: unknown): void;
}

/** The actor in whose mailbox a task is, as the task sees it. */
export interface TaskActor {
  readonly key: string;
  readonly handle: ComponentHandle;
  readonly concurrency: number;
  readonly keepAlive: KeepAlive;
  busy: boolean;
  beside: number;
  noticeIdle(): void;
  /** Lets it run again. */
  ready(): void;
}

/**
 * Work in an actor's mailbox, with the promise of whoever asked for it, and its turn. Ten thousand may wait in one actor, so work that
 * waits in such numbers is a subclass, and not one more object, and the class has no methods that begin with `#`, for which V8 keeps a field
 * in each object.
 */
export abstract class HostTask implements HostWork<unknown>, LaterListener {
  /** The context in which the work was requested and runs. */
  readonly context: AsyncContext = currentContext();
  /** The next task in line. Only the mailbox sets it. */
  next: HostTask | undefined = undefined;
  /** How many messages have come before it. Only the mailbox sets it. */
  arrival = 0;
  #actor: TaskActor | undefined = undefined;
  #resolve: ((outcome: unknown) => void) | undefined = undefined;
  /** Whether its turn runs beside others. */
  #isBeside = false;

  get joins(): boolean {
    return false;
  }

  get goesFirst(): boolean {
    return false;
  }

  abstract run(): MessageTurn<unknown>;

  failed(_: unknown): void {}

  /** The actor in whose mailbox it is. */
  protected get actor(): TaskActor {
    return this.#actor as TaskActor;
  }

  /** Comes into an actor's mailbox. @param resolve settles the promise of whoever asked for it, if there is one */
  arrive(actor: TaskActor, resolve?: (outcome: unknown) => void): void {
    this.#actor = actor;
    this.#resolve = resolve;
    actor.keepAlive.begin();
  }

  /** Its turn begins. */
  begin(): void {
    const { actor } = this;
    this.#isBeside = this.joins && actor.concurrency > 1;
    if (this.#isBeside) actor.beside += 1;
    else actor.busy = true;
  }

  /** Its turn has ended with a value. */
  end(value: unknown): void {
    this.leave();
    this.settle(value);
  }

  /** Its turn has ended with an error. */
  fail(thrown: unknown): void {
    let error = thrown;
    try {
      this.failed(error);
    } catch (worse) {
      error = worse;
    }
    attribute(error, this.actor.key);
    this.leave();
    this.refuse(error);
  }

  /** Ends it without a turn. */
  refuse(error: unknown): void {
    this.settle(rejection(error));
  }

  /** Its turn was suspended and has ended. */
  laterAnswered(value: unknown): void {
    this.end(value);
    this.makeRoom();
  }

  laterFailed(error: unknown): void {
    this.fail(error);
    this.makeRoom();
  }

  private makeRoom(): void {
    this.actor.noticeIdle();
    this.actor.ready();
  }

  private leave(): void {
    if (this.#isBeside) this.actor.beside -= 1;
    else this.actor.busy = false;
  }

  protected settle(outcome: unknown): void {
    this.actor.keepAlive.end();
    this.#resolve?.(outcome);
  }
}

/** A task of work that is an object of its own. */
export class WorkTask extends HostTask {
  readonly #work: HostWork<unknown>;

  constructor(work: HostWork<unknown>) {
    super();
    this.#work = work;
  }

  override get joins(): boolean {
    return this.#work.joins === true;
  }

  override get goesFirst(): boolean {
    return this.#work.goesFirst === true;
  }

  run(): MessageTurn<unknown> {
    return this.#work.run();
  }

  override failed(error: unknown): void {
    this.#work.failed?.(error);
  }
}
