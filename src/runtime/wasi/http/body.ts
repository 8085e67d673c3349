import type { ByteSink, ByteSource } from '../byte-streams.ts';
import type { Io } from '../io.ts';
import type { HttpErrorCode } from './error-code.ts';

/** Bytes that are kept of one request's body, and of one answer's. */
export const MAX_REQUEST_BYTES: number = 2 ** 20;
export const MAX_RESPONSE_BYTES: number = 4 * 2 ** 20;

/** The body of a request while the guest writes it: kept until it is whole. */
export class CollectedBody implements ByteSink {
  readonly #io: Io;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;
  #ended = false;

  constructor(io: Io) {
    this.#io = io;
  }

  room(): number {
    if (this.#ended) throw { tag: 'closed' };
    const left = MAX_REQUEST_BYTES - this.#length;
    if (left > 0) return left;
    const code: HttpErrorCode = { tag: 'HTTP-request-body-size', val: BigInt(MAX_REQUEST_BYTES) };
    throw this.#io.failed(code, `a request's body has at most ${MAX_REQUEST_BYTES} bytes`);
  }

  write(bytes: Uint8Array): void {
    this.#chunks.push(bytes.slice());
    this.#length += bytes.length;
  }

  end(): Uint8Array {
    this.#ended = true;
    return Buffer.concat(this.#chunks, this.#length);
  }
}

/** The body of an answer, all of which is there. `bytes` answers none once the guest let go of it. */
export function bodySource(bytes: () => Uint8Array | undefined): ByteSource {
  let at = 0;
  return {
    ready: () => true,
    read(length) {
      const some = bytes()?.subarray(at, at + length) ?? new Uint8Array();
      at += some.length;
      return some.length === 0 ? undefined : some;
    },
  };
}
