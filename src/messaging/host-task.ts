import { rejection } from '#core/errors';
import type { MessageTurn } from '#core/ports/engine';
import { type AsyncContext, currentContext } from '#core/waiting';
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

/** Work in an actor's mailbox, with the promise of whoever asked for it. */
export class HostTask {
  readonly work: HostWork<unknown>;
  /** The context in which the work was requested and runs. */
  readonly context: AsyncContext = currentContext();
  /** The next task in line. Only the mailbox sets it. */
  next: HostTask | undefined = undefined;
  /** How many messages have come before it. Only the mailbox sets it. */
  arrival = 0;
  readonly #resolve: (outcome: unknown) => void;
  readonly #keepAlive: KeepAlive;

  /** @param resolve settles the promise */
  constructor(work: HostWork<unknown>, resolve: (outcome: unknown) => void, keepAlive: KeepAlive) {
    this.work = work;
    this.#resolve = resolve;
    this.#keepAlive = keepAlive;
    keepAlive.begin();
  }

  resolve(value: unknown): void {
    this.#keepAlive.end();
    this.#resolve(value);
  }

  reject(error: unknown): void {
    this.#keepAlive.end();
    this.#resolve(rejection(error));
  }
}
