import { Wakers } from './wakers.ts';

/** The bytes that a pipe accepts before its writer should wait. One write may go beyond this. */
export const PIPE_BYTES: number = 64 * 1024;

const EMPTY = new Uint8Array();

/** V8 keeps arrays of up to 64 bytes in its own heap, where they cost a fraction of one outside of it. */
const FIRST_BYTES = 64;

/** Accounts for the memory that a pipe takes. */
export interface ByteAccount {
  /** Takes memory. Returns false when fewer bytes are left. */
  take(bytes: number): boolean;
  /** Called when the pipe holds nothing any more, possibly twice. */
  end(): void;
}

/** Names and values of header or trailer fields. */
export type FieldPairs = readonly (readonly [name: string, value: string])[];

const FREE: ByteAccount = { take: () => true, end: () => {} };

/**
 * Carries bytes from one writer to one reader, which run independently. It holds a bounded number of bytes in one
 * buffer, so that pieces of one byte cost one byte. `changed` wakes each side after an action of the other.
 */
export class BytePipe {
  /** Wakes when either side has acted. */
  readonly changed: Wakers = new Wakers();
  readonly #account: ByteAccount;
  #buffer = EMPTY;
  #from = 0;
  #to = 0;
  #ended = false;
  #trailers: FieldPairs = [];
  #failure: { readonly reason: unknown } | undefined;
  #cancelled: { readonly reason: unknown } | undefined;
  /** How many bytes may still be discarded for a reader that wants only the trailers, before it gives up. */
  #skips: number | undefined;

  constructor(account: ByteAccount = FREE) {
    this.#account = account;
  }

  /** The number of bytes that were written and not read. */
  get length(): number {
    return this.#to - this.#from;
  }

  /** The most bytes that the writer should write now; above zero when nobody reads them any more. */
  get room(): number {
    return this.isOpen ? Math.max(0, PIPE_BYTES - this.length) : PIPE_BYTES;
  }

  /** Whether the writer may continue. */
  get isOpen(): boolean {
    return !this.#ended && this.#failure === undefined && this.#cancelled === undefined;
  }

  /** Whether the writer has written everything. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether the reader wants no more. */
  get cancelled(): boolean {
    return this.#cancelled !== undefined;
  }

  /** Why the reader wants no more, if it said so. */
  get cancelReason(): unknown {
    return this.#cancelled?.reason;
  }

  /** Why the writer could not write everything. */
  get failure(): unknown {
    return this.#failure?.reason;
  }

  /** The fields after the bytes; empty before the end. */
  get trailers(): FieldPairs {
    return this.#trailers;
  }

  /** Whether `read` can return bytes, the end or a failure. */
  get readable(): boolean {
    return this.length > 0 || !this.isOpen;
  }

  /**
   * Copies the bytes into the pipe. Returns false when they are refused, because the account is used up or the pipe is
   * not open.
   */
  write(bytes: Uint8Array): boolean {
    if (!this.isOpen) return false;
    if (this.#skips !== undefined) {
      this.#skips -= bytes.length;
      if (this.#skips < 0) this.cancel();
      return true;
    }
    if (this.#to + bytes.length > this.#buffer.length && !this.#makeRoom(bytes.length)) return false;
    this.#buffer.set(bytes, this.#to);
    this.#to += bytes.length;
    this.changed.wake();
    return true;
  }

  end(trailers: FieldPairs = []): void {
    if (!this.isOpen) return;
    this.#ended = true;
    this.#trailers = trailers;
    if (this.length === 0) this.#release();
    this.changed.wake();
  }

  /** Records that the writer cannot continue. The reader gets the reason after the written bytes. */
  fail(reason: unknown): void {
    if (!this.isOpen) return;
    this.#failure = { reason };
    if (this.length === 0) this.#release();
    this.changed.wake();
  }

  /**
   * Reads at most `length` bytes: none when none have arrived yet, undefined at the end.
   * @param into where to copy them, at least `length` bytes; the answer is a part of it. Without it they are copied anew
   * @throws the writer's failure
   */
  read(length: number, into?: Uint8Array): Uint8Array | undefined {
    if (this.length > 0) {
      const to = Math.min(this.#to, this.#from + length);
      // The buffer is let go after the last bytes, so whoever reads them may have it.
      const isLast = !this.isOpen && to === this.#to;
      const bytes = isLast && into === undefined ? this.#last() : copied(this.#buffer, this.#from, to, into);
      this.#from += bytes.length;
      if (this.#from === this.#to) this.#empty();
      this.changed.wake();
      return bytes;
    }
    if (this.#failure !== undefined) throw this.#failure.reason;
    return this.isOpen ? EMPTY : undefined;
  }

  /** Records that the reader wants nothing more. @param reason for the writer */
  cancel(reason?: unknown): void {
    if (this.#cancelled !== undefined) return;
    this.#cancelled = { reason };
    this.#release();
    this.changed.wake();
  }

  /**
   * Records that the reader wants only the trailers. The bytes before them are discarded, up to as many as the pipe
   * holds.
   */
  skip(): void {
    this.#skips = PIPE_BYTES;
    this.#release();
    this.changed.wake();
  }

  /** A part of a small buffer would move its memory out of V8's heap, which costs more than a copy. */
  #last(): Uint8Array {
    const isSmall = this.#buffer.length <= FIRST_BYTES;
    return isSmall ? this.#buffer.slice(this.#from, this.#to) : this.#buffer.subarray(this.#from, this.#to);
  }

  #empty(): void {
    this.#from = 0;
    this.#to = 0;
    if (!this.isOpen) this.#release();
  }

  #release(): void {
    this.#buffer = EMPTY;
    this.#from = 0;
    this.#to = 0;
    this.#account.end();
  }

  #makeRoom(bytes: number): boolean {
    const needed = this.length + bytes;
    let buffer = this.#buffer;
    if (needed > buffer.length) {
      const size = Math.max(needed, Math.min(2 * buffer.length, PIPE_BYTES), FIRST_BYTES);
      if (!this.#account.take(size - buffer.length)) return false;
      buffer = new Uint8Array(size);
    }
    if (this.length > 0) buffer.set(this.#buffer.subarray(this.#from, this.#to));
    this.#buffer = buffer;
    this.#to -= this.#from;
    this.#from = 0;
    return true;
  }
}

function copied(bytes: Uint8Array, from: number, to: number, into: Uint8Array | undefined): Uint8Array {
  if (into === undefined) return bytes.slice(from, to);
  into.set(bytes.subarray(from, to));
  return into.subarray(0, to - from);
}
