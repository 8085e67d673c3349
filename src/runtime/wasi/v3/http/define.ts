import type { ComponentNetwork } from '#core/ports/network';
import { Continuation, cancellable, type HostLinker, type HostState } from '#runtime/host';
import type { Exchange, Exchanges } from '../../http/exchange.ts';
import { beginExchange, checkDestination } from '../../http/outgoing-handler.ts';
import { Fields3 } from './fields.ts';
import { Request3, requestToSend, servedRequest } from './request.ts';
import { RequestOptions3 } from './request-options.ts';
import { answerOf3, Response3, receivedResponse } from './response.ts';

/**
 * Defines `wasi:http` 0.3: its types, `client`, which sends over the network, `handler`, which passes a request on to what the embedder
 * gave as the next handler, and how a component answers requests by its own `handler`.
 */
export function defineHttp3(linker: HostLinker, exchanges: Exchanges): void {
  const types = { Fields: Fields3, Request: Request3, RequestOptions: RequestOptions3, Response: Response3 };
  linker.define('wasi:http/types@0.3.0', types, [Fields3, RequestOptions3]);
  linker.define('wasi:http/client@0.3.0', {
    send(caller: HostState, request: Request3): Promise<Continuation> {
      return send(caller, request, caller.context.network, (url) => checkDestination(caller, url));
    },
  });
  linker.define('wasi:http/handler@0.3.0', {
    handle(caller: HostState, request: Request3): Promise<Continuation> {
      const { next } = caller.context;
      // What a guest composes while it answers a request counts as that request, passed on.
      const hops = (caller.served?.hops ?? 0) + 1;
      if (next !== undefined) {
        return send(caller, request, { fetch: (sent, limits) => next.fetch({ ...sent, hops }, limits) }, checkUrl);
      }
      request[Symbol.dispose]();
      throw { tag: 'configuration-error' };
    },
  });
  linker.defineHandler('wasi:http/handler@0.3.0', {
    given: (caller, request) => [servedRequest(caller, request)],
    answered(caller, request, response) {
      const answer = answerOf3(caller, response as Response3);
      request.answer(answer);
      return answer.settled;
    },
  });

  function send(
    caller: HostState,
    given: Request3,
    over: Pick<ComponentNetwork, 'fetch'>,
    check: (url: string) => void,
  ): Promise<Continuation> {
    const outgoing = requestToSend(caller, given);
    let exchange: Exchange;
    try {
      check(outgoing.request.url);
      exchange = beginExchange(caller, exchanges, outgoing, outgoing.limits, over);
    } catch (error) {
      // The guest is told why, and what it has written already is let go.
      outgoing.body?.fail(error);
      outgoing.body?.cancel();
      throw error;
    }
    const settled = new Promise<Continuation>((resolve) => {
      const settle = (): void => {
        if (exchange.outcome === undefined && !exchange.signal.aborted) return;
        stop();
        resolve(new Continuation(() => receivedResponse(caller, exchange)));
      };
      const stop = exchange.settled.add(settle);
      exchange.signal.addEventListener('abort', settle, { once: true });
      settle();
    });
    return cancellable(settled, () => exchange.release());
  }
}

/** @throws `HTTP-request-URI-invalid` */
function checkUrl(url: string): void {
  if (!URL.canParse(url)) throw { tag: 'HTTP-request-URI-invalid' };
}
