import type { Unsubscribe } from '#core/waiting';

/** What a turn can wait for; see `wasi/readiness.ts`. */
interface Waitable {
  ready(): boolean;
  whenReady(wake: () => void): Unsubscribe;
}

/**
 * Where the values of a stream come from that a host function answers. All methods are called in a turn of the store. An error case
 * that a method throws ends the stream; anything else that it throws ends the store.
 */
export interface StreamSource extends Waitable {
  /** Takes at most `most` values, `most` being above 0. Returns none where none are there yet, and undefined at the end. */
  read(most: number): Uint8Array | readonly unknown[] | undefined;
  /** Called once when nobody reads any more, however the stream ended. */
  close?(): void;
}

/** Where the values of a stream go that a guest gives to a host function. The same holds as for `StreamSource`. */
export interface StreamSink extends Waitable {
  /** The number of values that `write` accepts now. */
  room(): number;
  /** @param values may be a view of the guest's memory, so that it is valid only until `write` returns */
  write(values: Uint8Array | readonly unknown[]): void;
  /** Sends on what was written. Returns what becomes ready when that is done or has failed, unless it is done at once. */
  flush?(): Waitable | undefined;
  /** Called once when nothing is written any more. */
  close?(): void;
}

/** A stream that a host function answers. Nothing is read ahead: values are taken from the source when the guest reads. */
export class HostStream {
  readonly source: StreamSource;
  readonly ended: (failure: unknown) => void;

  /** @param ended called once: with the error case that the source threw, or undefined at the end or where the guest no longer reads */
  constructor(source: StreamSource, ended: (failure: unknown) => void = () => {}) {
    this.source = source;
    this.ended = ended;
  }
}

/** A stream that a guest gives to one of the host's own functions, which must call one of the methods once. */
export interface GuestStream {
  /**
   * Passes everything that the guest writes to a sink. Nothing is read before the sink has room for it.
   * @returns the error case that the sink threw, or undefined when the guest has ended the stream and the sink is flushed. It never
   * rejects: where the store ends first, it resolves with the store's error.
   */
  pump(sink: StreamSink): Promise<unknown>;
  /** Tells the guest that nobody reads the stream. */
  drop(): void;
}
