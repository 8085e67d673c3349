import { attribute, isVivariumError, messageOf, type VivariumError } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import type { Supervisor } from '#core/ports/supervisor';
import { type AsyncContext, inContext, isSameContext, Later, type LaterListener } from '#core/waiting';
import type { ActorCell, Envelope, TurnRunner } from './actor-cell.ts';
import type { MessageCounters } from './counters.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Delivery } from './delivery.ts';
import { MessagingError } from './errors.ts';
import type { HostTask } from './host-task.ts';
import type { Requests } from './requests.ts';

/** An orderly failure: the guest returned the error case of its `result`, and stays alive. */
const ORDERLY = 'RUNTIME_COMPONENT_ERROR';

/** What turns use. */
export interface TurnParts {
  readonly clock: Clock;
  readonly requests: Requests;
  readonly delivery: Delivery;
  readonly deadLetters: DeadLetters;
  readonly counters: MessageCounters;
  readonly supervisor: Supervisor | undefined;
  /** Lets an actor run again. */
  readonly resume: (cell: ActorCell) => void;
}

/** Runs turns, one at a time for each actor or as many as its instance serves side by side, and decides what happens to their messages. */
export class Turns {
  readonly #clock: Clock;
  readonly #requests: Requests;
  readonly #delivery: Delivery;
  readonly #deadLetters: DeadLetters;
  readonly #counters: MessageCounters;
  readonly #supervisor: Supervisor | undefined;
  readonly #resume: (cell: ActorCell) => void;

  constructor(parts: TurnParts) {
    this.#clock = parts.clock;
    this.#requests = parts.requests;
    this.#delivery = parts.delivery;
    this.#deadLetters = parts.deadLetters;
    this.#counters = parts.counters;
    this.#supervisor = parts.supervisor;
    this.#resume = parts.resume;
  }

  /**
   * Runs one turn of a runnable actor in the context in which its message was sent. Returns the monotonic clock's
   * reading at its end. Never throws.
   * @param ambient the context of the running code
   */
  run(cell: ActorCell, now: number, ambient: AsyncContext): number {
    const task = cell.mailbox.shiftTask(cell.concurrency > 1);
    if (task !== undefined) {
      if (isSameContext(task.context, ambient)) return this.#runTask(cell, task);
      return inContext(task.context, () => this.#runTask(cell, task));
    }
    const envelope = cell.mailbox.shift();
    if (envelope === undefined) return this.#clock.monotonic();
    if (cell.isAwaited) this.#delivery.admitWaiting(cell);
    if (isSameContext(envelope.context, ambient)) return this.#runEnvelope(cell, envelope, now);
    return inContext(envelope.context, () => this.#runEnvelope(cell, envelope, now));
  }

  #runEnvelope(cell: ActorCell, envelope: Envelope, now: number): number {
    const gone = goneReason(cell, envelope);
    if (gone !== undefined) {
      this.#deadLetters.add(cell.id, envelope, gone);
      cell.noticeIdle();
      return this.#clock.monotonic();
    }
    return this.#runMessage(cell, envelope, now);
  }

  #runMessage(cell: ActorCell, envelope: Envelope, began: number): number {
    cell.beginTurn(envelope);
    envelope.attempts += 1;
    try {
      const { runner, handle } = cell;
      const result =
        envelope.kind === 'message'
          ? runner.callHandleMessage(handle, envelope, began, this.#early(runner, cell, envelope))
          : runner.callHandleCallback(handle, envelope, began);
      if (result instanceof Promise || result instanceof Later) {
        cell.suspendTurn();
        listen(result, new SuspendedTurn(this, cell, envelope));
        return this.#clock.monotonic();
      }
      return this.#ended(cell, envelope, result ?? undefined, runner.endedAt ?? this.#clock.monotonic());
    } catch (error) {
      return this.#failed(cell, envelope, error);
    }
  }

  /** What takes the reply of a turn that may go on after its answer. Most turns have none, and are spared the closure. */
  #early(
    runner: TurnRunner,
    cell: ActorCell,
    envelope: Envelope,
  ): ((reply: Uint8Array | undefined) => void) | undefined {
    if (runner.answersEarly !== true) return undefined;
    return (reply) => {
      if (!cell.runs(envelope)) return;
      envelope.isAnswered = true;
      if (envelope.request !== undefined) this.#requests.answer(envelope.request, reply, this.#clock.monotonic());
    };
  }

  /** Ends a turn that was suspended. */
  endedLater(cell: ActorCell, envelope: Envelope, reply: Uint8Array | undefined): void {
    this.#ended(cell, envelope, reply ?? undefined, cell.runner.endedAt ?? this.#clock.monotonic());
    this.#resume(cell);
  }

  failedLater(cell: ActorCell, envelope: Envelope, error: unknown): void {
    this.#failed(cell, envelope, error);
    this.#resume(cell);
  }

  #ended(cell: ActorCell, envelope: Envelope, reply: Uint8Array | undefined, now: number): number {
    if (this.#wasAbandoned(cell, envelope)) return now;
    cell.endTurn(envelope);
    cell.noticeFormer();
    this.#counters.handled += 1;
    if (envelope.request !== undefined && envelope.kind === 'message' && !envelope.isAnswered) {
      this.#requests.answer(envelope.request, reply, now);
      // The answer to a host's request may run a listener of the embedder, whose time must not count for the next turn.
      if (envelope.request.from !== undefined) return this.#idled(cell);
    }
    cell.noticeIdle();
    return now;
  }

  #idled(cell: ActorCell): number {
    cell.noticeIdle();
    return this.#clock.monotonic();
  }

  #failed(cell: ActorCell, envelope: Envelope, thrown: unknown): number {
    if (this.#wasAbandoned(cell, envelope)) return this.#clock.monotonic();
    const error = asVivarium(cell, thrown);
    attribute(error, cell.key);
    const orderly = error.code === ORDERLY;
    const begun = cell.endTurn(envelope);
    if (!orderly) this.#giveUpAsked(cell, envelope);
    if (!orderly && cell.supervised) this.#supervisor?.failed(cell.handle, error);
    // What was answered has been handled, so the failure of what came after it concerns the instance alone.
    if (envelope.isAnswered) {
      this.#counters.handled += 1;
      cell.noticeFormer();
      return this.#idled(cell);
    }
    // Where several turns ended with the instance, the actor may have been restarted before this one is told.
    const hasInstanceEnded = cell.suspended || (begun !== undefined && begun.incarnation !== cell.incarnation);
    if (!orderly && hasInstanceEnded && cell.state !== 'removed' && envelope.attempts < cell.maxAttempts) {
      cell.beginAgain(envelope, begun);
      cell.noticeFormer();
      return this.#clock.monotonic();
    }
    cell.noticeFormer();
    const asked = envelope.kind === 'message' ? envelope.request : undefined;
    if (orderly && asked !== undefined) this.#counters.handled += 1;
    else this.#deadLetters.add(cell.id, envelope, isPoison(envelope, error) ? 'poison' : 'failed', error);
    if (asked !== undefined) this.#requests.fail(asked, error);
    cell.noticeIdle();
    return this.#clock.monotonic();
  }

  /** A turn that has ended waits for no answer any more, so what it asked is not begun where it waits itself. */
  #giveUpAsked(cell: ActorCell, envelope: Envelope): void {
    for (const request of cell.openRequests.all()) {
      if (request.asker?.suspendsTurn === true && request.asker.madeIn === envelope) this.#requests.cancel(request);
    }
  }

  /** Whether the actor was removed while this turn ran. The removal has already decided what happens to its message. */
  #wasAbandoned(cell: ActorCell, envelope: Envelope): boolean {
    if (cell.runs(envelope)) return false;
    cell.busy = false;
    if (envelope.kind === 'message' && envelope.request !== undefined) this.#counters.lateReplies += 1;
    return true;
  }

  #runTask(cell: ActorCell, task: HostTask): number {
    task.begin();
    try {
      const result = task.run();
      if (result instanceof Promise || result instanceof Later) listen(result, task);
      else task.end(result);
    } catch (error) {
      task.fail(error);
    }
    cell.noticeIdle();
    return this.#clock.monotonic();
  }
}

function listen(result: Promise<unknown> | Later<unknown>, listener: LaterListener): void {
  if (result instanceof Later) result.listen(listener);
  else
    result.then(
      (value) => listener.laterAnswered(value),
      (error) => listener.laterFailed(error),
    );
}

/** Is told how a turn that was suspended has ended. */
class SuspendedTurn implements LaterListener {
  readonly #turns: Turns;
  readonly #cell: ActorCell;
  readonly #envelope: Envelope;

  constructor(turns: Turns, cell: ActorCell, envelope: Envelope) {
    this.#turns = turns;
    this.#cell = cell;
    this.#envelope = envelope;
  }

  laterAnswered(reply: unknown): void {
    this.#turns.endedLater(this.#cell, this.#envelope, reply as Uint8Array | undefined);
  }

  laterFailed(error: unknown): void {
    this.#turns.failedLater(this.#cell, this.#envelope, error);
  }
}

/** Why a waiting message no longer deserves a turn. */
function goneReason(cell: ActorCell, envelope: Envelope): 'expired' | 'cancelled' | 'restarted' | undefined {
  const { request } = envelope;
  if (request === undefined) return undefined;
  if (envelope.kind === 'callback') return request.asker?.incarnation === cell.incarnation ? undefined : 'restarted';
  if (request.end === undefined) return undefined;
  return request.end === 'timed-out' ? 'expired' : 'cancelled';
}

/** Whether a message has ended turn after turn, and not a message that ran beside it. */
function isPoison({ attempts }: Envelope, { code }: VivariumError): boolean {
  return attempts > 1 && code !== 'RUNTIME_INSTANCE_ENDED';
}

function asVivarium(cell: ActorCell, thrown: unknown): VivariumError {
  if (isVivariumError(thrown)) return thrown;
  return new MessagingError('MESSAGING_DELIVERY_FAILED', `the turn of ${cell.key} failed: ${messageOf(thrown)}`, {
    cause: thrown,
  });
}
