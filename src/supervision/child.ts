import type { VivariumError } from '#core/errors';
import { type AsyncContext, currentContext, inContext } from '#core/waiting';
import type { RestartType } from './options.ts';

/** `waiting`: stopped, to be started by a round or with its supervisor. */
export type ChildState = 'running' | 'waiting' | 'starting';

/** What a supervisor looks after: an actor, or another supervisor. */
export interface Supervised {
  readonly name: string;
  /** At once: nothing of it begins to run any more. */
  halt(reason: VivariumError): void;
  /** Ends what is left of it, so that it can be started afresh. */
  stop(reason: VivariumError): Promise<void>;
  /** @throws when it cannot be started */
  start(reason: VivariumError): Promise<void>;
  /** Gives it up: it will not be started again. */
  abandon(reason: VivariumError): Promise<void>;
}

/** A place under a supervisor. Its operations follow each other, however long one takes. */
export class Child {
  readonly subject: Supervised;
  readonly restart: RestartType;
  /** Where it was taken on, which for an actor is its load: what timers of supervision do for it is done there. */
  readonly context: AsyncContext = currentContext();
  state: ChildState = 'running';
  /** The round of restarts that will start it; a later round takes it over. */
  round: object | undefined = undefined;
  /** A failure reported before its start was known to have succeeded: its first turn may be quicker. */
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
