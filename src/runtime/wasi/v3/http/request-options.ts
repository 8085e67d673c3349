import type { HttpLimits } from '#core/ports/network';
import type { HostState } from '#runtime/host';
import { HostCharge } from '../../host-charge.ts';
import { limitsFor } from '../../http/request.ts';

type Duration = bigint | undefined;

let limitsIn: (options: RequestOptions3) => HttpLimits;
let frozen: (caller: HostState, options: RequestOptions3) => RequestOptions3;

/** `wasi:http/types#request-options` of 0.3. Durations are in nanoseconds. */
export class RequestOptions3 {
  readonly #charge: HostCharge;
  #connect: Duration;
  #firstByte: Duration;
  #betweenBytes: Duration;
  #isImmutable = false;

  static {
    limitsIn = (options) => limitsFor(options.#connect, [options.#firstByte, options.#betweenBytes]);
    frozen = (caller, options) => {
      const copy = options.clone(caller);
      copy.#isImmutable = true;
      return copy;
    };
  }

  constructor(caller: HostState) {
    this.#charge = new HostCharge(caller);
  }

  getConnectTimeout(): Duration {
    return this.#connect;
  }

  setConnectTimeout(_: HostState, duration: Duration): void {
    this.#check();
    this.#connect = duration;
  }

  getFirstByteTimeout(): Duration {
    return this.#firstByte;
  }

  setFirstByteTimeout(_: HostState, duration: Duration): void {
    this.#check();
    this.#firstByte = duration;
  }

  getBetweenBytesTimeout(): Duration {
    return this.#betweenBytes;
  }

  setBetweenBytesTimeout(_: HostState, duration: Duration): void {
    this.#check();
    this.#betweenBytes = duration;
  }

  clone(caller: HostState): RequestOptions3 {
    const copy = new RequestOptions3(caller);
    copy.#connect = this.#connect;
    copy.#firstByte = this.#firstByte;
    copy.#betweenBytes = this.#betweenBytes;
    return copy;
  }

  [Symbol.dispose](): void {
    this.#charge.end();
  }

  #check(): void {
    if (this.#isImmutable) throw { tag: 'immutable' };
  }
}

export { frozen as frozenOptions };

/** The limits that options ask for, within those of the host. */
export function limitsOf3(options: RequestOptions3 | undefined): HttpLimits {
  return options === undefined ? limitsFor(undefined, []) : limitsIn(options);
}
