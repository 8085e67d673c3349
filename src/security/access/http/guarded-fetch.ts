import type { HttpLimits, HttpRequest, HttpResponse } from '#core/ports/network';
import { shownText } from '#core/text';
import { formatEndpoint } from '#security/authority';
import { SecurityError } from '../../errors.ts';
import type { Admission, NetworkGuard } from '../network-guard.ts';
import { onRevocation } from '../socket-grant.ts';
import { connected } from './connector.ts';
import { Ending } from './ending.ts';
import { Failure, failed } from './failure.ts';
import { HopGrant } from './hop-grant.ts';
import { clientClass, KeptConnection } from './kept-connection.ts';
import type { KeptConnections } from './kept-connections.ts';
import { keptExchange, NoAnswer } from './kept-exchange.ts';
import { ownExchange, type StreamedRequest } from './own-exchange.ts';
import { isWhole, keepsMethod, maySendAgain, redirected, type Sent, sentOf } from './sent-request.ts';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Who asks: its grants, and its connections. */
export interface Requester {
  readonly guard: NetworkGuard;
  readonly connections: KeptConnections;
}

/**
 * Makes an HTTP request on behalf of a component. Every hop needs the grant anew. It goes over a connection that the component
 * has kept, if its address may still be reached, or over a new one to the addresses that are admitted now. A redirect to another
 * origin carries neither headers nor body. A revocation ends what is under way.
 * @throws {SecurityError} `SECURITY_PERMISSION_DENIED`, `SECURITY_NETWORK_FAILED`
 */
export async function guardedFetch(
  requester: Requester,
  request: HttpRequest,
  limits: HttpLimits = {},
): Promise<HttpResponse> {
  const { headMs = 120_000 } = limits;
  const ending = new Ending(limits.signal);
  ending.timer = requester.guard.clock.after(headMs, () =>
    ending.end(new Failure('timeout', `no answer in ${headMs} ms`)),
  );
  const grant = new HopGrant(requester.guard);
  const forget = onRevocation(grant, (denial) => ending.end(denial));
  const over = (): void => {
    forget();
    ending.unlink();
  };
  try {
    const response = await hops(requester, request, limits, { ending, grant });
    void response.closed.then(over);
    return response;
  } catch (error) {
    over();
    request.body?.cancel(error);
    throw error;
  } finally {
    ending.stopTimer();
  }
}

/** What a request has while it is under way: what ends it, and what allows it where it goes now. */
interface Flight {
  readonly ending: Ending;
  readonly grant: HopGrant;
}

async function hops(
  requester: Requester,
  request: HttpRequest,
  limits: HttpLimits,
  flight: Flight,
): Promise<HttpResponse> {
  const { ending } = flight;
  let url = parseUrl(request.url);
  // A tunnel would carry data that no guard sees.
  if (request.method?.toUpperCase() === 'CONNECT') throw failed(url, new Failure('invalid', 'CONNECT is not offered'));
  let next: Sent | undefined;
  const taken = (): Sent => {
    next ??= sentOf(request);
    return next;
  };
  for (let left = limits.maxRedirects ?? 5; ; left--) {
    // Do not look up a name when the caller has already cancelled.
    if (ending.ended) throw failed(url, ending.reason);
    const response = await sendTo(requester, url, taken, limits, flight);
    const sent = taken();
    const location = REDIRECTS.has(response.status)
      ? response.headers.find(([name]) => name === 'location')
      : undefined;
    const follow = location !== undefined && limits.maxRedirects !== 0;
    if (!follow || (!isWhole(sent) && keepsMethod(sent, response.status))) return response;
    response.body.cancel();
    await response.closed;
    if (left === 0) throw failed(url, new Failure('redirects', `more than ${limits.maxRedirects ?? 5} redirects`));
    const target = parseUrl(location[1], url);
    next = redirected(sent, response.status, target.origin === url.origin);
    url = target;
  }
}

/** @param taken takes the request and its body */
async function sendTo(
  { guard, connections }: Requester,
  url: URL,
  taken: () => Sent,
  { connectMs = 10_000, idleMs = 30_000, account }: HttpLimits,
  { ending, grant }: Flight,
): Promise<HttpResponse> {
  const { round } = connections;
  const endpoint = guard.check(endpointOf(url));
  grant.goesTo(endpoint);
  const origin = formatEndpoint(endpoint);
  const admitted = async (): Promise<Admission> => {
    const found = await unlessEnded(guard.addressesOf(endpoint), url, ending);
    grant.goesTo(endpoint, found.addresses);
    return found;
  };
  // By the next microtask, a guest that writes the whole body before it waits has written it.
  let admission = connections.has(origin) ? await undefined : await admitted();
  const sent = taken();
  const times = { connectMs, idleMs, clock: guard.clock };
  if (!isWhole(sent)) {
    admission ??= await admitted();
    return ownExchange(admission, url, sent as StreamedRequest, { ...times, account, ending });
  }
  const options = { idleMs, clock: guard.clock, account, ending, connections, round };
  const kept = connections.take(origin, (address) => guard.mayReach(endpoint, address));
  if (kept !== undefined) {
    grant.goesTo(endpoint, [kept.address]);
    try {
      return await keptExchange(kept, url, sent, { ...options, isReused: true });
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      if (error.wasSent && !maySendAgain(sent)) throw error.cause;
      guard.check(endpointOf(url));
    }
  }
  admission ??= await admitted();
  const Client = await clientClass();
  const socket = await connected(admission, url, ending, times);
  const connection = new KeptConnection(Client, socket, origin, connections.now);
  connections.add(connection);
  return keptExchange(connection, url, sent, { ...options, isReused: false });
}

/** DNS look-ups cannot be cancelled; on abort we ignore the result. */
function unlessEnded<T>(running: Promise<T>, url: URL, ending: Ending): Promise<T> {
  return new Promise((resolve, reject) => {
    ending.listen((reason) => reject(failed(url, reason)));
    // The caller may listen itself as soon as it goes on, so this listener goes first.
    running.finally(() => ending.listen(undefined)).then(resolve, reject);
  });
}

function parseUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (url === null) {
    throw new SecurityError('SECURITY_NETWORK_FAILED', `${shownText(text, 200)} is not a URL`, {
      details: { reason: 'invalid' },
    });
  }
  if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  throw failed(url, new Failure('invalid', 'only http: and https: can be fetched'));
}

function endpointOf(url: URL): string {
  return `${url.protocol}//${url.hostname}${url.port === '' ? '' : `:${url.port}`}`;
}
