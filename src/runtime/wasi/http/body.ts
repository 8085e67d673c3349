import { GrowingBuffer } from '#core/text';
import type { ByteSink, ByteSource } from '../byte-streams.ts';
import type { HostCharge } from '../host-charge.ts';
import type { Io } from '../io.ts';
import { ALWAYS_READY } from '../readiness.ts';
import type { HttpErrorCode } from './error-code.ts';

/** Bytes that are kept of one request's body, and of one answer's. */
export const MAX_REQUEST_BYTES: number = 2 ** 20;
export const MAX_RESPONSE_BYTES: number = 4 * 2 ** 20;

/** What a body comes to. */
export type WholeBody =
  | { readonly tag: 'ok'; readonly val: Uint8Array }
  | { readonly tag: 'err'; readonly val: HttpErrorCode };

/**
 * The body of a request, kept from the guest's first write until it was sent or nobody can send it any more. Who sends it is
 * told within the turn in which the guest ends it: what came later could come after the store.
 */
export class CollectedBody implements ByteSink {
  readonly #io: Io;
  readonly #charge: HostCharge;
  readonly #bytes: GrowingBuffer;
  #whole: WholeBody | undefined;
  #sender: ((body: WholeBody) => void) | undefined;

  constructor(io: Io, charge: HostCharge) {
    this.#io = io;
    this.#charge = charge;
    this.#bytes = new GrowingBuffer(MAX_REQUEST_BYTES, (bytes) => charge.take(bytes));
  }

  /** Bytes that were written. */
  get length(): number {
    return this.#bytes.length;
  }

  get ended(): boolean {
    return this.#whole !== undefined;
  }

  readonly ready: ByteSink['ready'] = ALWAYS_READY.ready;
  readonly whenReady: ByteSink['whenReady'] = ALWAYS_READY.whenReady;

  room(): number {
    if (this.ended) throw { tag: 'closed' };
    const left = MAX_REQUEST_BYTES - this.#bytes.length;
    if (left > 0) return left;
    throw this.#tooLarge(`a request's body has at most ${MAX_REQUEST_BYTES} bytes`);
  }

  write(bytes: Uint8Array): void {
    if (!this.#bytes.append(bytes)) throw this.#tooLarge('the host keeps too much on behalf of the component');
  }

  /** Nothing is written any more. @param failure why there is nothing to send */
  end(failure?: HttpErrorCode): void {
    if (this.ended) return;
    this.#whole = failure === undefined ? { tag: 'ok', val: this.#bytes.bytes } : { tag: 'err', val: failure };
    if (failure !== undefined) this.#release();
    this.#sender?.(this.#whole);
  }

  /** Calls it once with the body, now or when it is ended. */
  send(sender: (body: WholeBody) => void): void {
    this.#sender = sender;
    if (this.#whole !== undefined) sender(this.#whole);
  }

  /** Nobody will send it any more, or it was sent. */
  drop(): void {
    this.#sender = undefined;
    this.#whole = { tag: 'err', val: { tag: 'internal-error', val: 'the request was dropped' } };
    this.#release();
  }

  /** The guest may hold the stream for longer. */
  #release(): void {
    this.#bytes.release();
    this.#charge.end();
  }

  #tooLarge(text: string): object {
    const code: HttpErrorCode = { tag: 'HTTP-request-body-size', val: BigInt(MAX_REQUEST_BYTES) };
    return this.#io.failed(code, text);
  }
}

/** The body of an answer, all of which is there. `bytes` answers none once the guest let go of it. */
export function bodySource(bytes: () => Uint8Array | undefined): ByteSource {
  let at = 0;
  return {
    ...ALWAYS_READY,
    read(length) {
      const some = bytes()?.subarray(at, at + length) ?? new Uint8Array();
      at += some.length;
      return some.length === 0 ? undefined : some;
    },
  };
}
