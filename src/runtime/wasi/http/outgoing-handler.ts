import type { ComponentNetwork, HttpLimits } from '#core/ports/network';
import type { HostLinker, HostState } from '#runtime/host';
import { type HttpErrorCode, httpErrorOf } from './error-code.ts';
import { Exchange, type Exchanges } from './exchange.ts';
import { costOf } from './fields.ts';
import { limitsOf, type Outgoing, toSend } from './request.ts';
import { FutureIncomingResponse } from './response.ts';
import { sendTraced } from './traced-request.ts';

/**
 * Defines `wasi:http/outgoing-handler`. The host sends a request while the guest writes its body, and the guest reads the answer while
 * it arrives. The host follows redirects and checks each one like a request of its own. It returns a redirect to the guest if following
 * it would mean to send a body again that is gone.
 */
export function defineOutgoingHandler(linker: HostLinker, exchanges: Exchanges): void {
  linker.define('wasi:http/outgoing-handler@0.2.0', {
    handle(caller: HostState, request: object, options: object | undefined): object {
      const limits = limitsOf(options);
      const outgoing = toSend(request);
      try {
        checkDestination(caller, outgoing.request.url);
        const { network } = caller.context;
        return new FutureIncomingResponse(caller, beginExchange(caller, exchanges, outgoing, limits, network));
      } catch (error) {
        outgoing.body?.cancel();
        throw error;
      }
    },
  });
}

/** @throws an error code if the component may not connect to where the URL leads */
export function checkDestination(caller: HostState, url: string): void {
  try {
    caller.context.authority.check('network', 'connect', originOf(url));
  } catch (error) {
    throw httpErrorOf(error);
  }
}

/** Sends a request. @param over what takes it: the network, or another handler @throws `connection-limit-reached` */
export function beginExchange(
  caller: HostState,
  exchanges: Exchanges,
  { request, body }: Outgoing,
  wanted: HttpLimits,
  over: Pick<ComponentNetwork, 'fetch'>,
): Exchange {
  const exchange = new Exchange(caller, exchanges, costOf(request.headers));
  const { signal } = exchange;
  const account = { take: (bytes: number) => exchange.keep(bytes), end: () => {} };
  const limits = { ...wanted, account, signal };
  exchange.begin(
    () => sendTraced(caller, request, (sent) => over.fetch(sent, limits)),
    () => body?.failure as HttpErrorCode | undefined,
  );
  return exchange;
}

/** The origin that a grant must cover. The network checks it again at every redirect. */
function originOf(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) throw { tag: 'HTTP-request-URI-invalid' };
  return `${parsed.protocol}//${parsed.host}`;
}
