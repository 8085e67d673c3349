import type { HttpLimits } from '#core/ports/network';
import type { CurrentStore, HostLinker } from '#runtime/host';
import { MAX_RESPONSE_BYTES } from './body.ts';
import { httpErrorOf } from './error-code.ts';
import { Exchange, Exchanges } from './exchange.ts';
import { costOf } from './fields.ts';
import type { Outgoing } from './request.ts';
import type { HttpTypes } from './types.ts';

/**
 * `wasi:http/outgoing-handler`: a request is sent once its body is finished, and its answer is there in a later turn, whole.
 * Redirects are followed, each one checked like a request of its own.
 */
export function defineOutgoingHandler(
  linker: HostLinker,
  current: CurrentStore,
  { toSend, limitsOf, future }: HttpTypes,
): void {
  const exchanges = new Exchanges();

  function begin({ request, body }: Outgoing, wanted: HttpLimits): object {
    const { state } = current;
    try {
      state.authority.check('network', 'connect', originOf(request.url));
    } catch (error) {
      throw httpErrorOf(error);
    }
    const exchange = new Exchange(state, exchanges, costOf(request.headers));
    const { signal } = exchange;
    const reserve = (bytes: number): boolean => exchange.keep(bytes);
    const limits = { ...wanted, maxBytes: MAX_RESPONSE_BYTES, reserve, signal };
    const send = (sent?: Uint8Array): void =>
      exchange.begin(() => state.network.fetch({ ...request, body: sent }, limits));
    if (body === undefined) send();
    else {
      signal.addEventListener('abort', () => body.drop(), { once: true });
      body.send((whole) => (whole.tag === 'ok' ? send(whole.val) : exchange.fail(whole.val)));
    }
    return future(exchange);
  }

  linker.define('wasi:http/outgoing-handler@0.2.0', {
    handle(request: object, options: object | undefined): object {
      const limits = limitsOf(options);
      const outgoing = toSend(request);
      try {
        return begin(outgoing, limits);
      } catch (error) {
        outgoing.body?.drop();
        throw error;
      }
    },
  });
}

/** What is asked for in a grant's terms; the network asks again, at every hop. */
function originOf(url: string): string {
  if (!URL.canParse(url)) throw { tag: 'HTTP-request-URI-invalid' };
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}
