import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { isIPv6 } from 'node:net';
import { messageOf } from '#core/errors';
import type { HttpLimits, HttpRequest, HttpResponse } from '#core/ports/network';
import { GrowingBuffer, shownText } from '#core/text';
import { SecurityError } from '../errors.ts';
import type { Admission, NetworkGuard } from './network-guard.ts';

/**
 * The most pieces of an answer, beyond one for each so many bytes. A piece of one byte costs the host a hundred times
 * as much per byte; a server that writes line by line stays below this.
 */
const FREE_PIECES = 4_096;
const BYTES_PER_PIECE = 16;

/** The most answers of kind 1xx before the final one. */
const MOST_PRELIMINARY = 16;

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Headers that the connection itself sets. From a guest they could split the message or lie about the host. */
const RESERVED = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Makes an HTTP request on behalf of a component. Every hop needs a new admission and connects only to the admitted
 * addresses. A redirect to another origin carries neither headers nor body.
 * @throws {SecurityError} `SECURITY_PERMISSION_DENIED`, `SECURITY_NETWORK_FAILED`
 */
export async function guardedFetch(
  guard: NetworkGuard,
  request: HttpRequest,
  limits: HttpLimits = {},
): Promise<HttpResponse> {
  const { totalMs = 120_000 } = limits;
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(new Failure('timeout', `no whole answer in ${totalMs} ms`)), totalMs);
  const signal = AbortSignal.any([deadline.signal, ...(limits.signal === undefined ? [] : [limits.signal])]);
  try {
    return await hops(guard, request, limits, signal);
  } finally {
    clearTimeout(timer);
  }
}

async function hops(
  guard: NetworkGuard,
  request: HttpRequest,
  limits: HttpLimits,
  signal: AbortSignal,
): Promise<HttpResponse> {
  let url = parseUrl(request.url);
  // A tunnel would carry data that no guard sees.
  if (request.method?.toUpperCase() === 'CONNECT') throw failed(url, new Failure('invalid', 'CONNECT is not offered'));
  let next: HttpRequest = request;
  for (let left = limits.maxRedirects ?? 5; ; left--) {
    // Do not look up a name when the caller has already cancelled.
    if (signal.aborted) throw failed(url, signal.reason);
    const admission = await unlessAborted(guard.admit(endpointOf(url)), url, signal);
    const response = await exchange(admission, url, next, limits, signal);
    const location = response.headers.find(([name]) => name === 'location')?.[1];
    const follow = REDIRECTS.has(response.status) && location !== undefined && limits.maxRedirects !== 0;
    if (!follow) return response;
    if (left === 0) throw failed(url, new Failure('redirects', `more than ${limits.maxRedirects ?? 5} redirects`));
    const target = parseUrl(location, url);
    next = redirected(next, response.status, target.origin === url.origin);
    url = target;
  }
}

/** DNS look-ups cannot be cancelled; on abort we ignore the result. */
function unlessAborted<T>(running: Promise<T>, url: URL, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(failed(url, signal.reason));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    running.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** The request that follows a redirect (RFC 9110, section 15.4). */
function redirected(request: HttpRequest, status: number, sameOrigin: boolean): HttpRequest {
  const { method = 'GET', url } = request;
  const keepsMethod = status === 307 || status === 308 || method === 'GET' || method === 'HEAD';
  if (!sameOrigin) return { url, method: keepsMethod && request.body === undefined ? method : 'GET' };
  return keepsMethod ? request : { url, method: 'GET', headers: request.headers };
}

async function exchange(
  { endpoint, addresses }: Admission,
  url: URL,
  request: HttpRequest,
  { maxBytes = 16 * 2 ** 20, connectMs = 10_000, idleMs = 30_000, reserve }: HttpLimits,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const options: RequestOptions = {
    method: request.method ?? 'GET',
    protocol: url.protocol,
    // The certificate and the Host header need the name. Its addresses were admitted before.
    hostname: endpoint.host,
    port: endpoint.port,
    path: `${url.pathname}${url.search}`,
    headers: headersOf(request, url),
    // A connection that another admission opened must not be reused.
    agent: false,
    lookup: pinned(addresses),
    timeout: idleMs,
    signal,
  };
  // Imported on first use, because most runtimes make no request and HTTP takes a good part of the start time.
  const { request: send } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  if (signal.aborted) throw failed(url, signal.reason);
  return new Promise((resolve, reject) => {
    let answered = false;
    let closed = false;
    let outcome: (() => void) | undefined;
    // The caller releases its place in a quota when the promise settles, so the promise must not settle while the
    // connection is open.
    const settle = (act: () => void): void => {
      outcome ??= act;
      if (closed) outcome();
      else outgoing.destroy();
    };
    let outgoing: ClientRequest;
    const fail = (cause: unknown): void => settle(() => reject(failed(url, signal.aborted ? signal.reason : cause)));
    try {
      outgoing = send(options, (incoming) => {
        answered = true;
        collect(incoming, url, new GrowingBuffer(maxBytes, reserve)).then(
          (answer) => settle(() => resolve(answer)),
          fail,
        );
      });
    } catch (cause) {
      // Node refuses some header names and values.
      reject(failed(url, cause));
      return;
    }
    const timer = setTimeout(() => {
      outgoing.destroy(new Failure('timeout', `no connection in ${connectMs} ms`));
    }, connectMs);
    outgoing.on('socket', (socket) => {
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => clearTimeout(timer));
    });
    outgoing.on('close', () => {
      clearTimeout(timer);
      closed = true;
      if (outcome !== undefined || !answered) fail(new Failure('ECONNRESET', 'the connection ended before an answer'));
    });
    // A server may send them without end, and each costs the event loop as much as an answer.
    let preliminary = 0;
    const count = (): void => {
      preliminary += 1;
      if (preliminary > MOST_PRELIMINARY)
        outgoing.destroy(new Failure('too-large', 'the server answers 1xx without end'));
    };
    outgoing.on('information', count);
    outgoing.on('continue', count);
    outgoing.on('error', fail);
    outgoing.on('upgrade', (_, socket) => {
      socket.destroy();
      fail(new Failure('upgrade', 'the server switched protocols, which nobody asked for'));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Failure('timeout', `no byte in ${idleMs} ms`)));
    outgoing.end(request.body);
  });
}

/**
 * Reads the body. Each piece is copied when it arrives, because keeping it would keep the whole block into which it was
 * read.
 */
function collect(incoming: IncomingMessage, url: URL, body: GrowingBuffer): Promise<HttpResponse> {
  let pieces = 0;
  return new Promise((resolve, reject) => {
    const stop = (message: string): void => {
      incoming.removeAllListeners('data');
      incoming.destroy();
      reject(new Failure('too-large', message));
    };
    incoming.on('data', (piece: Uint8Array) => {
      pieces += 1;
      if (!body.append(piece)) stop(`more than ${body.length} bytes of the answer are not kept`);
      else if (pieces > FREE_PIECES + body.length / BYTES_PER_PIECE) stop('the answer comes in too small pieces');
    });
    incoming.on('error', reject);
    incoming.on('close', () => reject(new Failure('ECONNRESET', 'the connection ended within the answer')));
    incoming.on('end', () =>
      resolve({ status: incoming.statusCode ?? 0, url: url.href, headers: headersIn(incoming), body: body.bytes }),
    );
  });
}

function headersIn({ rawHeaders }: IncomingMessage): [string, string][] {
  const headers: [string, string][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    headers.push([(rawHeaders[i] as string).toLowerCase(), rawHeaders[i + 1] as string]);
  }
  return headers;
}

type LookupCallback = (
  error: Error | null,
  address: string | { address: string; family: number }[],
  family?: number,
) => void;

/** Returns a look-up function that answers the admitted addresses for every name. */
function pinned(addresses: readonly string[]): NonNullable<RequestOptions['lookup']> {
  return (_name, options, callback: LookupCallback) => {
    const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
    if (options.all) callback(null, found);
    else callback(null, (found[0] as { address: string }).address, found[0]?.family);
  };
}

function headersOf({ headers = [], body }: HttpRequest, url: URL): Record<string, string | string[]> {
  const kept: Record<string, string[]> = Object.create(null);
  for (const [given, value] of headers) {
    const name = given.toLowerCase();
    if (!RESERVED.has(name)) getOrMake(kept, name).push(value);
  }
  // Node does not frame the body of a GET or DELETE by itself, and the server would read the body as another request.
  if (body !== undefined) kept['content-length'] = [String(body.length)];
  return { ...kept, host: url.host };
}

function getOrMake(lists: Record<string, string[]>, name: string): string[] {
  lists[name] ??= [];
  return lists[name];
}

function parseUrl(text: string, base?: URL): URL {
  if (!URL.canParse(text, base)) {
    throw new SecurityError('SECURITY_NETWORK_FAILED', `${shownText(text, 200)} is not a URL`, {
      details: { reason: 'invalid' },
    });
  }
  const url = new URL(text, base);
  if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  throw failed(url, new Failure('invalid', 'only http: and https: can be fetched'));
}

function endpointOf(url: URL): string {
  return `${url.protocol}//${url.hostname}${url.port === '' ? '' : `:${url.port}`}`;
}

/** Why this side ended an exchange. */
class Failure extends Error {
  readonly code: string;

  constructor(code: 'timeout' | 'too-large' | 'redirects' | 'invalid' | 'upgrade' | 'ECONNRESET', message: string) {
    super(message);
    this.code = code;
  }
}

function failed(url: URL, cause: unknown): SecurityError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const reason = typeof code === 'string' ? code : 'failed';
  return new SecurityError('SECURITY_NETWORK_FAILED', `${url.origin} gave no answer: ${messageOf(cause)}`, {
    cause,
    details: { reason },
  });
}
