import { rejection, type VivariumError } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import type { Random } from '#core/ports/random';
import type { AsciiText } from '#core/text';
import { Later, TimerWheel } from '#core/waiting';
import type { ActorCell } from './actor-cell.ts';
import { type Asker, PendingRequest, type RequestEnd, type RequestOwner } from './actor-cell.ts';
import { CorrelationIds } from './correlation-ids.ts';
import type { MessageCounters } from './counters.ts';
import { deadlockOf } from './deadlock.ts';
import { MessagingError } from './errors.ts';
import type { KeepAlive } from './event-loop.ts';

type Tell = (request: PendingRequest, payload: Uint8Array | undefined, failure: unknown) => void;

/** Resolves a promise with an answer, or with another promise. */
export type Resolve = (payload: Uint8Array | undefined | Promise<never>) => void;

/** A request of the embedder, which waits for its promise. */
class PromisedRequest extends PendingRequest {
  readonly #resolve: Resolve;

  // Positional as in `PendingRequest`, for the benchmark `messages`.
  constructor(
    owner: RequestOwner,
    id: AsciiText,
    target: ActorCell,
    timeoutMs: number,
    begun: number,
    resolve: Resolve,
  ) {
    super(owner, id, undefined, target, timeoutMs, begun);
    this.#resolve = resolve;
  }

  answer(payload: Uint8Array | undefined): void {
    this.#resolve(payload);
  }

  fail(error: unknown): void {
    this.#resolve(rejection(error));
  }
}

/** An answer without a payload, as the guest that asked gets it. */
const NOTHING = new Uint8Array(0);

/** The answer of an actor that was asked. The request ends when nobody wants the answer any more. */
class Reply extends Later<Uint8Array> {
  readonly #request: PendingRequest;

  constructor(request: PendingRequest) {
    super();
    this.#request = request;
  }

  override drop(): void {
    this.#request.giveUp();
  }
}

/** A guest's request that suspends its turn, or a task of it, until the answer comes. */
class AskedRequest extends PendingRequest {
  readonly reply: Later<Uint8Array> = new Reply(this);

  answer(payload: Uint8Array | undefined): void {
    this.reply.answer(payload ?? NOTHING);
  }

  fail(error: unknown): void {
    this.reply.fail(error);
  }
}

/** A guest's request that does not suspend its turn: the end arrives in the guest's mailbox. */
class GuestRequest extends PendingRequest {
  readonly #tell: Tell;

  // Positional as in `PendingRequest`, for the benchmark `messages`.
  constructor(
    owner: RequestOwner,
    id: AsciiText,
    asker: Asker,
    target: ActorCell,
    timeoutMs: number,
    begun: number,
    tell: Tell,
  ) {
    super(owner, id, asker, target, timeoutMs, begun);
    this.#tell = tell;
  }

  answer(payload: Uint8Array | undefined): void {
    this.#tell(this, payload, undefined);
  }

  fail(error: unknown): void {
    this.#tell(this, undefined, error);
  }
}

/** Opens requests, ends each exactly once, and counts answers that arrive after the end. */
export class Requests implements RequestOwner {
  readonly #clock: Clock;
  readonly #wheel: TimerWheel;
  readonly #ids: CorrelationIds;
  readonly #counters: MessageCounters;
  readonly #keepAlive: KeepAlive;

  constructor(clock: Clock, random: Random, counters: MessageCounters, keepAlive: KeepAlive) {
    this.#clock = clock;
    this.#wheel = new TimerWheel(clock);
    this.#ids = new CorrelationIds(random);
    this.#counters = counters;
    this.#keepAlive = keepAlive;
  }

  openPromise(target: ActorCell, timeoutMs: number, resolve: Resolve): PendingRequest {
    const id = this.#ids.next();
    const now = this.#clock.monotonic();
    return this.#open(new PromisedRequest(this, id, target, timeoutMs, now, resolve));
  }

  /** @param from the actor whose turn is suspended until the request ends */
  openAsk(
    from: ActorCell,
    target: ActorCell,
    timeoutMs: number,
  ): PendingRequest & { readonly reply: Later<Uint8Array> } {
    const id = this.#ids.next();
    const asker = askerOf(from, true);
    const now = this.#clock.monotonic();
    const request = new AskedRequest(this, id, asker, target, timeoutMs, now);
    this.#open(request);
    return request;
  }

  openCallback(from: ActorCell, target: ActorCell, timeoutMs: number, tell: Tell): PendingRequest {
    const id = this.#ids.next();
    const asker = askerOf(from, false);
    const now = this.#clock.monotonic();
    return this.#open(new GuestRequest(this, id, asker, target, timeoutMs, now, tell));
  }

  /** Ends a request with an answer, if it is still open and its deadline has not passed. */
  answer(request: PendingRequest, payload: Uint8Array | undefined, now: number): void {
    if (request.end !== undefined) this.#counters.lateReplies += 1;
    else if (now > request.begun + request.timeoutMs) {
      this.#counters.lateReplies += 1;
      this.expired(request);
    } else {
      this.#counters.answered += 1;
      this.#close(request, 'answered');
      request.answer(payload);
      request.from?.noticeIdle();
    }
  }

  fail(request: PendingRequest, error: unknown): void {
    if (request.end !== undefined) return;
    this.#counters.failed += 1;
    this.#close(request, 'failed');
    request.fail(error);
    request.from?.noticeIdle();
  }

  /**
   * Ends a request whose asker no longer wants the answer. The asker is not notified.
   * @param reason the error that ends the actor's turn, if turns of this actor end with their requests
   */
  cancel(request: PendingRequest, reason?: VivariumError): void {
    if (request.end !== undefined) return;
    this.#counters.cancelled += 1;
    this.#close(request, 'cancelled');
    if (reason !== undefined) giveUpTurn(request, reason);
    request.from?.noticeIdle();
  }

  /** Takes back a request whose message was refused, because it has not begun. */
  withdraw(request: PendingRequest): void {
    this.#counters.requests -= 1;
    this.#close(request, 'cancelled');
  }

  close(): void {
    this.#wheel.close();
  }

  #open(request: PendingRequest): PendingRequest {
    this.#wheel.schedule(request, request.begun, request.timeoutMs);
    if (request.from === undefined) this.#keepAlive.begin();
    else request.from.openRequests.add(request);
    this.#counters.requests += 1;
    return request;
  }

  #close(request: PendingRequest, end: RequestEnd): void {
    request.end = end;
    this.#wheel.stop(request);
    if (request.from === undefined) this.#keepAlive.end();
    else request.from.openRequests.delete(request);
  }

  /** Ends a request that closes a circle of turns that wait for each other, because none of them could ever go on. */
  endIfCircular(request: PendingRequest): void {
    const circle = deadlockOf(request);
    if (circle !== undefined) this.fail(request, deadlock(request, circle));
  }

  /** Ends a request whose deadline has passed. */
  expired(request: PendingRequest): void {
    const circle = deadlockOf(request);
    this.#counters.timedOut += 1;
    this.#close(request, 'timed-out');
    const error = circle === undefined ? timeout(request) : deadlock(request, circle);
    request.fail(error);
    giveUpTurn(request, error);
    request.from?.noticeIdle();
  }
}

/**
 * Ends the target's turn for a request of the embedder. Requests of actors must not, or an actor could end other
 * actors' instances.
 */
function giveUpTurn(request: PendingRequest, reason: VivariumError): void {
  const { target, from } = request;
  if (from !== undefined) return;
  const turn = target.turnOf(request);
  if (turn !== undefined) target.runner.giveUpTurn?.(target.handle, reason, turn);
}

function askerOf(from: ActorCell, suspendsTurn: boolean): Asker {
  return { cell: from, madeIn: from.current, incarnation: from.incarnation, suspendsTurn };
}

function timeout(request: PendingRequest): VivariumError {
  const message = `${request.target.key} did not answer within ${request.timeoutMs} ms`;
  return new MessagingError('MESSAGING_TIMEOUT', message, {
    details: { target: request.target.key, component: request.target.key },
  });
}

function deadlock(request: PendingRequest, circle: readonly string[]): VivariumError {
  const message = `these wait for each other and none can answer: ${circle.join(' → ')}; ended after ${request.timeoutMs} ms`;
  return new MessagingError('MESSAGING_DEADLOCK', message, { details: { circle: circle.join(' ') } });
}
