import type { ServedAnswer } from '#core/ports/serving';
import type { GuestStream, HostState, HostStream } from '#runtime/host';
import type { Exchange } from '../../http/exchange.ts';
import { receivedFields } from '../../http/fields.ts';
import type { StreamResult } from '../streams.ts';
import { drained, HostContents, type TrailersResult } from './contents.ts';
import { Fields3 } from './fields.ts';
import { Message, type Taken } from './message.ts';

/** The error case of a `result` that has no payload. */
const REFUSED = undefined;

/** Takes a response from a guest, for its client. Only the host can call it, because it is no method. */
let answered: (caller: HostState, response: Response3) => ServedAnswer & Pick<Taken, 'settled'>;
/** Makes the response that has come of an exchange. It holds the exchange until its body is taken or it is dropped. */
let received: (caller: HostState, exchange: Exchange) => Response3;

/** `wasi:http/types#response` of 0.3: one that a guest composes, or one that a guest has got. */
export class Response3 {
  readonly #message: Message;
  #status: number;

  static {
    answered = (caller, response) => {
      return { status: response.#status, ...response.#message.take(caller) };
    };
    received = (caller, exchange) => {
      const { outcome } = exchange;
      if (outcome?.tag !== 'ok') {
        exchange.release();
        throw outcome?.val ?? { tag: 'connection-terminated' };
      }
      const { status, headers, body } = outcome.val;
      const open = (): typeof body => {
        void drained(body).then(() => exchange.release());
        return body;
      };
      const fields = receivedFields(caller, headers, Fields3);
      return new Response3(new Message(caller, fields, new HostContents(open, () => exchange.release())), status);
    };
  }

  constructor(message: Message, status: number) {
    this.#message = message;
    this.#status = status;
  }

  static new(
    caller: HostState,
    headers: object,
    contents: GuestStream | undefined,
    trailers: PromiseLike<TrailersResult>,
  ): [Response3, Promise<StreamResult>] {
    const wrongSize = (bytes: number) => ({ tag: 'HTTP-response-body-size', val: BigInt(bytes) });
    const [message, sent] = Message.composed(caller, headers, contents, trailers, wrongSize);
    return [new Response3(message, 200), sent];
  }

  static consumeBody(
    caller: HostState,
    response: Response3,
    handled: PromiseLike<StreamResult>,
  ): [HostStream | readonly [], Promise<TrailersResult>] {
    return response.#message.consume(caller, handled);
  }

  getStatusCode(): number {
    return this.#status;
  }

  /** Refuses 1xx, which is not a final answer, and anything above 599, which no client knows. */
  setStatusCode(_: HostState, status: number): void {
    if (status < 200 || status > 599) throw REFUSED;
    this.#status = status;
  }

  getHeaders(caller: HostState): object {
    return this.#message.getHeaders(caller);
  }

  [Symbol.dispose](): void {
    this.#message.drop();
  }
}

export { answered as answerOf3, received as receivedResponse };
