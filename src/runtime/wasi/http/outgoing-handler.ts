import type { HttpLimits } from '#core/ports/network';
import type { HostLinker, HostState } from '#runtime/host';
import { type HttpErrorCode, httpErrorOf } from './error-code.ts';
import { Exchange, Exchanges } from './exchange.ts';
import { costOf } from './fields.ts';
import { limitsOf, type Outgoing, toSend } from './request.ts';
import { FutureIncomingResponse } from './response.ts';
import { sendTraced } from './traced-request.ts';

/**
 * Defines `wasi:http/outgoing-handler`. The host sends a request while the guest writes its body, and the guest reads the answer while
 * it arrives. The host follows redirects and checks each one like a request of its own. It returns a redirect to the guest if following
 * it would mean to send a body again that is gone.
 */
export function defineOutgoingHandler(linker: HostLinker): void {
  const exchanges = new Exchanges();

  function begin(caller: HostState, { request, body }: Outgoing, wanted: HttpLimits): object {
    try {
      caller.context.authority.check('network', 'connect', originOf(request.url));
    } catch (error) {
      throw httpErrorOf(error);
    }
    const exchange = new Exchange(caller, exchanges, costOf(request.headers));
    const { signal } = exchange;
    const account = { take: (bytes: number) => exchange.keep(bytes), end: () => {} };
    const limits = { ...wanted, account, signal };
    const { network } = caller.context;
    exchange.begin(
      () => sendTraced(caller, request, (sent) => network.fetch(sent, limits)),
      () => body?.failure as HttpErrorCode | undefined,
    );
    return new FutureIncomingResponse(caller, exchange);
  }

  linker.define('wasi:http/outgoing-handler@0.2.0', {
    handle(caller: HostState, request: object, options: object | undefined): object {
      const limits = limitsOf(options);
      const outgoing = toSend(request);
      try {
        return begin(caller, outgoing, limits);
      } catch (error) {
        outgoing.body?.cancel();
        throw error;
      }
    },
  });
}

/** The origin that a grant must cover. The network checks it again at every redirect. */
function originOf(url: string): string {
  if (!URL.canParse(url)) throw { tag: 'HTTP-request-URI-invalid' };
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}
