import type { ActorCell } from './actor-cell.ts';
import type { Envelope } from './envelope.ts';
import { WheelTimer } from './timer-wheel.ts';

/** How a request ended. It does so once. */
export type RequestEnd = 'answered' | 'timed-out' | 'cancelled' | 'failed';

/** A request that waits for its one end. */
export abstract class PendingRequest extends WheelTimer {
  readonly correlationId: string;
  /** Who asked; undefined for the host. */
  readonly from: ActorCell | undefined;
  readonly target: ActorCell;
  /** The turn in which it was made: while that one is still running, it waits for this request. */
  readonly madeIn: Envelope | undefined;
  readonly hops: number;
  readonly timeoutMs: number;
  readonly #onExpire: (request: PendingRequest) => void;
  readonly incarnation: number;
  /** The asker's turn cannot go on before the end. */
  suspendsTurn = false;
  /** On the clock's monotonic scale. An answer after it is late even when the timer has not run yet. */
  deadline = 0;
  end: RequestEnd | undefined = undefined;

  constructor(
    correlationId: string,
    from: ActorCell | undefined,
    target: ActorCell,
    hops: number,
    timeoutMs: number,
    onExpire: (request: PendingRequest) => void,
  ) {
    super();
    this.correlationId = correlationId;
    this.from = from;
    this.target = target;
    this.madeIn = from?.current;
    this.incarnation = from?.incarnation ?? 0;
    this.hops = hops;
    this.timeoutMs = timeoutMs;
    this.#onExpire = onExpire;
  }

  expire(): void {
    this.#onExpire(this);
  }

  /** Hands the answer to who asked. */
  abstract answer(payload: Uint8Array | undefined): void;
  /** Hands the failure to who asked. */
  abstract fail(error: unknown): void;
}
