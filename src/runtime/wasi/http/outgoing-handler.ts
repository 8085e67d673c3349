import type { HostLinker } from '../../host-linker.ts';
import type { CurrentStore } from '../../host-state.ts';
import { MAX_RESPONSE_BYTES } from './body.ts';
import { httpErrorOf } from './error-code.ts';
import { Exchange } from './exchange.ts';
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
  linker.define('wasi:http/outgoing-handler@0.2.0', {
    handle(request: object, options: object | undefined): object {
      const { state } = current;
      const { request: head, body } = toSend(request);
      try {
        state.authority.check('network', 'connect', originOf(head.url));
      } catch (error) {
        throw httpErrorOf(error);
      }
      const exchange = new Exchange(state);
      const limits = { ...limitsOf(options), maxBytes: MAX_RESPONSE_BYTES };
      const send = (sent?: Uint8Array): void =>
        exchange.begin((signal) => state.network.fetch({ ...head, body: sent }, { ...limits, signal }));
      if (body === undefined) send();
      else body.then(send, (code) => exchange.fail(code));
      return future(exchange);
    },
  });
}

/** What is asked for in a grant's terms; the network asks again, at every hop. */
function originOf(url: string): string {
  if (!URL.canParse(url)) throw { tag: 'HTTP-request-URI-invalid' };
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}
