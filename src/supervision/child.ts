import type { VivariumError } from '#core/errors';
import { type AsyncContext, currentContext, inContext } from '#core/waiting';
import type { RestartType } from './options.ts';

/** `waiting`: stopped, until a round of restarts or its supervisor starts it. */
export type ChildState = 'running' | 'waiting' | 'starting';

/** What a supervisor supervises: an actor, or another supervisor. */
export interface Supervised {
  readonly name: string;
  /** Stops it at once from beginning any more work. */
  halt(reason: VivariumError): void;
  /** Ends what is left of it, so that it can be started afresh. */
  stop(reason: VivariumError): Promise<void>;
  /** Starts it. @throws when it cannot be started */
  start(reason: VivariumError): Promise<void>;
  /** Gives it up: it will not be started again. */
  abandon(reason: VivariumError): Promise<void>;
}

/** A child of a supervisor. Its operations run one after the other, however long one takes. */
export class Child {
  readonly subject: Supervised;
  readonly restart: RestartType;
  /** The context in which it was added, which for an actor is its load. Timers of supervision run in this context. */
  readonly context: AsyncContext = currentContext();
  state: ChildState = 'running';
  /** The round of restarts that will start it. A later round takes it over. */
  round: object | undefined = undefined;
  /** A failure that was reported before its start had resolved, because the first turn may fail earlier. */
  failedEarly: VivariumError | undefined = undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(subject: Supervised, restart: RestartType) {
    this.subject = subject;
    this.restart = restart;
  }

  stop(reason: VivariumError): Promise<void> {
    return this.#after(() => this.subject.stop(reason));
  }

  start(reason: VivariumError): Promise<void> {
    return this.#after(() => inContext(this.context, () => this.subject.start(reason)));
  }

  abandon(reason: VivariumError): Promise<void> {
    return this.#after(() => this.subject.abandon(reason));
  }

  #after(operation: () => Promise<void>): Promise<void> {
    const done = this.#work.then(operation);
    this.#work = done.catch(() => {});
    return done;
  }
}
