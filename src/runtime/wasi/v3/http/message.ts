import { promisedLength } from '#core/ports/content-length';
import type { BytePipe } from '#core/waiting';
import type { GuestStream, HostState, HostStream } from '#runtime/host';
import { HostCharge } from '../../host-charge.ts';
import type { HttpErrorCode } from '../../http/error-code.ts';
import { disposeFields, frozenFields, type HeaderPairs, pairsOf } from '../../http/fields.ts';
import type { StreamResult } from '../streams.ts';
import {
  type Contents,
  consumed,
  GuestContents,
  type SizeError,
  type TrailersResult,
  transmitted,
} from './contents.ts';

const NOT_SENT: StreamResult = { tag: 'err', val: { tag: 'internal-error', val: 'it was not sent' } };
const OK: StreamResult = { tag: 'ok', val: undefined };

/** What was in a message. `settled` resolves when the body needs the store no longer. */
export interface Taken {
  readonly headers: HeaderPairs;
  readonly body: BytePipe | undefined;
  readonly settled: Promise<unknown> | undefined;
}

/** What requests and responses have in common: headers, a body, and word of how its transmission went. */
export class Message {
  readonly headers: object;
  readonly #charge: HostCharge;
  #contents: Contents | undefined;
  readonly #sent: (result: StreamResult) => void;

  /** @param sent told once how the transmission went */
  constructor(
    caller: HostState,
    headers: object,
    contents: Contents | undefined,
    sent: (result: StreamResult) => void = () => {},
  ) {
    this.#charge = new HostCharge(caller);
    this.headers = headers;
    this.#contents = contents;
    this.#sent = sent;
  }

  /** Makes a message that a guest composes, and the future of its transmission. */
  static composed(
    caller: HostState,
    headers: object,
    contents: GuestStream | undefined,
    trailers: PromiseLike<TrailersResult>,
    wrongSize: SizeError,
  ): [Message, Promise<StreamResult>] {
    const { promise, resolve } = Promise.withResolvers<StreamResult>();
    const promised = promisedLength(pairsOf(headers));
    const body = contents === undefined ? undefined : new GuestContents(contents, trailers, promised, wrongSize);
    return [new Message(caller, headers, body, resolve), promise];
  }

  get hasContents(): boolean {
    return this.#contents !== undefined;
  }

  getHeaders(caller: HostState): object {
    return frozenFields(caller, this.headers);
  }

  /** Ends the message and takes what is in it, for somebody who sends it. */
  take(caller: HostState): Taken {
    const contents = this.#contents;
    this.#contents = undefined;
    const headers = [...pairsOf(this.headers)];
    const body = contents?.open(caller);
    this.#end();
    if (contents === undefined || body === undefined) {
      this.#sent(OK);
      return { headers, body: undefined, settled: undefined };
    }
    void transmitted(body).then(this.#sent);
    return { headers, body, settled: contents.settled(body) };
  }

  /** Ends the message and gives its body to a guest, which tells by `handled` how it got on. */
  consume(caller: HostState, handled: PromiseLike<StreamResult>): [HostStream | readonly [], Promise<TrailersResult>] {
    const body = this.#contents?.open(caller);
    this.#contents = undefined;
    this.#end();
    // It is rejected if the store ends first, and then nobody is left to be told.
    Promise.resolve(handled).then(this.#sent, () => {});
    if (body === undefined) return [[], Promise.resolve({ tag: 'ok', val: undefined })];
    return consumed(caller, body, () => body.cancel());
  }

  /** Says that the message will not be sent, and why. */
  refuse(code: HttpErrorCode): void {
    this.#sent({ tag: 'err', val: code });
    this.drop();
  }

  drop(): void {
    this.#contents?.drop();
    this.#contents = undefined;
    this.#sent(NOT_SENT);
    this.#end();
  }

  #end(): void {
    disposeFields(this.headers);
    this.#charge.end();
  }
}
