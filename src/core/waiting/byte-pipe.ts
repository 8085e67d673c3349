import { Wakers } from './wakers.ts';

/** Bytes that a pipe takes before its writer should wait; one write may go beyond it. */
export const PIPE_BYTES: number = 64 * 1024;

const FIRST_BYTES = 1_024;

/** Who answers for the memory that a pipe takes. */
export interface ByteAccount {
  /** Answers false where so many bytes more are not left. */
  take(bytes: number): boolean;
  /** The pipe keeps nothing any more; may be called twice. */
  end(): void;
}

/** Names and values of header or trailer fields. */
export type FieldPairs = readonly (readonly [name: string, value: string])[];

const FREE: ByteAccount = { take: () => true, end: () => {} };

/**
 * Bytes on their way from one writer to one reader, who run at times of their own. It keeps a bounded number of them in one buffer, so
 * that pieces of one byte cost one byte, and both sides learn what the other one does from `changed`.
 */
export class BytePipe {
  /** Told when either side has done something. */
  readonly changed: Wakers = new Wakers();
  readonly #account: ByteAccount;
  #buffer = new Uint8Array();
  #from = 0;
  #to = 0;
  #ended = false;
  #trailers: FieldPairs = [];
  #failure: { readonly reason: unknown } | undefined;
  #cancelled = false;
  /** Bytes that may still be thrown away before the reader, who wants the trailers alone, gives up. */
  #skips: number | undefined;

  constructor(account: ByteAccount = FREE) {
    this.#account = account;
  }

  /** Bytes that were written and not read. */
  get length(): number {
    return this.#to - this.#from;
  }

  /** Bytes that the writer should write now at most; more than none where nobody reads them any more. */
  get room(): number {
    return this.isOpen ? Math.max(0, PIPE_BYTES - this.length) : PIPE_BYTES;
  }

  /** Whether the writer may go on. */
  get isOpen(): boolean {
    return !this.#ended && this.#failure === undefined && !this.#cancelled;
  }

  /** Whether the writer has written all. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether the reader wants no more. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** Why the writer could not write all. */
  get failure(): unknown {
    return this.#failure?.reason;
  }

  /** What was written behind the bytes; nothing before the end. */
  get trailers(): FieldPairs {
    return this.#trailers;
  }

  /** Whether `read` has bytes, the end or a failure to give. */
  get readable(): boolean {
    return this.length > 0 || !this.isOpen;
  }

  /** Copies the bytes. Answers false where they are not kept: the account is used up, or the pipe is not open. */
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

  /** The writer cannot go on; the reader is told why behind what was written. */
  fail(reason: unknown): void {
    if (!this.isOpen) return;
    this.#failure = { reason };
    if (this.length === 0) this.#release();
    this.changed.wake();
  }

  /** At most `length` bytes; none where none have come yet, undefined at the end. @throws what the writer failed with */
  read(length: number): Uint8Array | undefined {
    if (this.#cancelled) return undefined;
    if (this.length > 0) {
      const bytes = this.#buffer.slice(this.#from, Math.min(this.#to, this.#from + length));
      this.#from += bytes.length;
      if (this.#from === this.#to) this.#empty();
      this.changed.wake();
      return bytes;
    }
    if (this.#failure !== undefined) throw this.#failure.reason;
    return this.#ended ? undefined : new Uint8Array();
  }

  /** The reader wants nothing more. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#release();
    this.changed.wake();
  }

  /** The reader wants the trailers alone: what comes before them is thrown away, up to as much as the pipe keeps. */
  skip(): void {
    this.#skips = PIPE_BYTES;
    this.#release();
    this.changed.wake();
  }

  #empty(): void {
    this.#from = 0;
    this.#to = 0;
    if (!this.isOpen) this.#release();
  }

  #release(): void {
    this.#buffer = new Uint8Array();
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
    buffer.set(this.#buffer.subarray(this.#from, this.#to));
    this.#buffer = buffer;
    this.#to -= this.#from;
    this.#from = 0;
    return true;
  }
}
