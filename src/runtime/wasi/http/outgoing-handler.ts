import type { HttpLimits } from '#core/ports/network';
import type { CurrentStore, HostLinker } from '#runtime/host';
import { type HttpErrorCode, httpErrorOf } from './error-code.ts';
import { Exchange, Exchanges } from './exchange.ts';
import { costOf } from './fields.ts';
import type { Outgoing } from './request.ts';
import type { HttpTypes } from './types.ts';

/**
 * `wasi:http/outgoing-handler`: a request is sent while its body is written, and its answer is read while it comes.
 * Redirects are followed, each one checked like a request of its own; one that would send a body again that is gone is
 * answered to the guest as it is.
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
    const account = { take: (bytes: number) => exchange.keep(bytes), end: () => {} };
    const limits = { ...wanted, account, signal };
    const { network } = state;
    exchange.begin(
      () => network.fetch(request, limits),
      () => body?.failure as HttpErrorCode | undefined,
    );
    return future(exchange);
  }

  linker.define('wasi:http/outgoing-handler@0.2.0', {
    handle(request: object, options: object | undefined): object {
      const limits = limitsOf(options);
      const outgoing = toSend(request);
      try {
        return begin(outgoing, limits);
      } catch (error) {
        outgoing.body?.cancel();
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
