import { trap } from '#runtime/exchange';
import { COPY_END_BYTES } from './host-bytes.ts';
import { type TaskEvent, Waitable } from './waitable.ts';

/** How a copy ended, by the numbers of the canonical ABI. */
export const COPY = { completed: 0, dropped: 1, cancelled: 2 } as const;
export type CopyResult = (typeof COPY)[keyof typeof COPY];

/** One side's place for values: what it offers to be read, or has room for. */
export interface CopyBuffer {
  /** How many values it still offers, or has room for. */
  readonly remaining: number;
  /** How many values were copied so far. */
  readonly progress: number;
  /** Whether it was made for no values: a reader or writer that only waits for the other side. */
  readonly isEmpty: boolean;
  /** Takes the next values out. They may be a view that the next guest code changes. */
  read(count: number): ArrayLike<unknown>;
  /** Bytes of the host's heap that the values take which were read last; 0 for numbers, and for values that the host has anyway. */
  readonly hostBytes: number;
  /** @param hostBytes as its reader said */
  write(values: ArrayLike<unknown>, hostBytes: number): void;
}

/** One side of a copy that the other side has not met yet. */
interface PendingCopy {
  readonly owner: object | undefined;
  readonly buffer: CopyBuffer;
  /** Called when some values were copied. The owner may go on to offer the buffer, or take it back by `SharedCopy.reclaim`. */
  copied(): void;
  done(result: CopyResult): void;
}

/** What the two ends of a stream or future share: at most one side that waits for the other. */
export class SharedCopy {
  /** The number of the payload's type in the component. */
  readonly type: number;
  readonly isFuture: boolean;
  /** Whether values may pass within one component instance; the specification allows numbers only for now. */
  readonly #mayStayInside: boolean;
  #pending: PendingCopy | undefined;
  isDropped = false;
  /** Told once when an end is gone for good. */
  onDrop: (() => void) | undefined;

  constructor(type: number, isFuture: boolean, mayStayInside: boolean) {
    this.type = type;
    this.isFuture = isFuture;
    this.#mayStayInside = mayStayInside;
  }

  /** Ends the copy that waits, on behalf of the side that began it. */
  cancel(): void {
    this.#end(COPY.cancelled);
  }

  /** One end is gone for good. */
  drop(): void {
    if (this.isDropped) return;
    this.isDropped = true;
    if (this.#pending !== undefined) this.#end(COPY.dropped);
    this.onDrop?.();
  }

  /** How many values the side that waits still has room for, or offers; undefined where none waits. */
  get wanted(): number | undefined {
    return this.#pending?.buffer.remaining;
  }

  read(mine: PendingCopy): void {
    this.#meet(mine, (other) => copyValues(other, mine.buffer));
  }

  write(mine: PendingCopy): void {
    this.#meet(mine, (other) => copyValues(mine.buffer, other), mine.buffer.isEmpty);
  }

  /** @param isProbe whether this side writes nothing, and only asks whether the other side is there */
  #meet(mine: PendingCopy, copy: (other: CopyBuffer) => void, isProbe = false): void {
    if (this.isDropped) {
      mine.done(COPY.dropped);
      return;
    }
    const other = this.#pending;
    if (other === undefined) {
      this.#pending = mine;
      return;
    }
    if (mine.owner !== undefined && mine.owner === other.owner && !this.#mayStayInside) {
      trap('a stream or future of values other than numbers is read and written by one component instance');
    }
    if (other.buffer.remaining > 0) {
      if (mine.buffer.remaining > 0) {
        copy(other.buffer);
        if (this.isFuture) this.#end(COPY.completed);
        else other.copied();
      }
      mine.done(COPY.completed);
    } else if (isProbe && other.buffer.isEmpty) mine.done(COPY.completed);
    else {
      this.#end(COPY.completed);
      this.#pending = mine;
    }
  }

  /** Takes a buffer back of which some values were copied. */
  reclaim(whose: PendingCopy): void {
    if (this.#pending === whose) this.#pending = undefined;
  }

  #end(result: CopyResult): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.done(result);
  }
}

function copyValues(from: CopyBuffer, to: CopyBuffer): void {
  const values = from.read(Math.min(from.remaining, to.remaining));
  to.write(values, from.hostBytes);
}

type EndState = 'idle' | 'copying' | 'cancelling' | 'done';

/** The buffer of an end that does not copy. */
const NO_VALUES: CopyBuffer = {
  remaining: 0,
  progress: 0,
  isEmpty: true,
  hostBytes: 0,
  read: () => [],
  write: () => {},
};

/** One end of a stream or future in a guest's table. */
export class CopyEnd extends Waitable implements PendingCopy {
  readonly shared: SharedCopy;
  readonly isReadable: boolean;
  state: EndState = 'idle';
  owner: object | undefined = undefined;
  buffer: CopyBuffer = NO_VALUES;
  /** The end's own handle, and the kind of events that tell of its progress. */
  #handle = 0;
  #code = 0;
  #result: CopyResult = COPY.completed;
  /** Whether values were copied while the other side still waits. */
  #isPartial = false;

  constructor(shared: SharedCopy, isReadable: boolean) {
    super();
    this.shared = shared;
    this.isReadable = isReadable;
  }

  get hostBytes(): number {
    return COPY_END_BYTES;
  }

  get isCopying(): boolean {
    return this.state === 'copying' || this.state === 'cancelling';
  }

  /**
   * Begins a copy. Where the other side is there, the event of its end is set at once.
   * @param handle the end's own, which events name
   * @param code the kind of events that tell of its progress
   */
  copy(owner: object | undefined, buffer: CopyBuffer, handle: number, code: number): void {
    this.state = 'copying';
    this.owner = owner;
    this.buffer = buffer;
    this.#handle = handle;
    this.#code = code;
    if (this.isReadable) this.shared.read(this);
    else this.shared.write(this);
  }

  copied(): void {
    this.#result = COPY.completed;
    this.#isPartial = true;
    this.setEvent();
  }

  done(result: CopyResult): void {
    this.#result = result;
    this.#isPartial = false;
    this.setEvent();
  }

  protected event(): TaskEvent {
    const { shared, buffer } = this;
    const result = this.#result;
    if (this.#isPartial) shared.reclaim(this);
    this.#isPartial = false;
    this.buffer = NO_VALUES;
    this.owner = undefined;
    // A copy that is cancelled after a part of its values has passed was not completed.
    const told = !shared.isFuture && this.state === 'cancelling' && result === COPY.completed ? COPY.cancelled : result;
    this.state = ends(result, shared.isFuture) ? 'done' : 'idle';
    return [this.#code, this.#handle, shared.isFuture ? result : (told | (buffer.progress << 4)) >>> 0];
  }

  /** The guest has dropped its end. @throws {AbiTrap} while it copies, and for the writer of a future that was never written */
  drop(): void {
    if (this.isCopying) trap('an end of a stream or future is dropped while it copies');
    if (this.shared.isFuture && !this.isReadable && this.state !== 'done') {
      trap('the writable end of a future is dropped before it was written');
    }
    this.shared.drop();
    this.join(undefined);
  }
}

function ends(result: CopyResult, isFuture: boolean): boolean {
  return result === COPY.dropped || (isFuture && result === COPY.completed);
}
