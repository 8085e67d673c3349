import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { isIPv6 } from 'node:net';
import { messageOf } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import type { HttpLimits, HttpRequest, HttpResponse } from '#core/ports/network';
import { shownText } from '#core/text';
import { BytePipe, type FieldPairs, PIPE_BYTES } from '#core/waiting';
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
 * A request that is being sent. After a redirect, a body that was complete at the beginning can be sent again, but a
 * streamed one cannot.
 */
interface Sent {
  readonly method: string;
  readonly headers: FieldPairs;
  readonly body: Uint8Array | BytePipe | undefined;
  readonly length: number | undefined;
}

interface TimedLimits extends HttpLimits {
  readonly clock: Pick<Clock, 'after'>;
}

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
  const { headMs = 120_000 } = limits;
  const { signal, end, unlink } = abortedWith(limits.signal);
  const stopTimer = guard.clock.after(headMs, () => end(new Failure('timeout', `no answer in ${headMs} ms`)));
  try {
    const response = await hops(guard, request, { ...limits, clock: guard.clock }, signal);
    void response.closed.then(unlink);
    return response;
  } catch (error) {
    unlink();
    request.body?.cancel();
    throw error;
  } finally {
    stopTimer();
  }
}

/**
 * A signal that is aborted by `end`, and by the caller's signal until `unlink`. `AbortSignal.any` would cost as much as a
 * connection, since it keeps weak references.
 */
function abortedWith(caller: AbortSignal | undefined): {
  readonly signal: AbortSignal;
  readonly end: (reason: unknown) => void;
  readonly unlink: () => void;
} {
  const controller = new AbortController();
  const end = (reason: unknown): void => controller.abort(reason);
  const onAbort = (): void => end(caller?.reason);
  if (caller?.aborted) onAbort();
  else caller?.addEventListener('abort', onAbort, { once: true });
  return { signal: controller.signal, end, unlink: () => caller?.removeEventListener('abort', onAbort) };
}

async function hops(
  guard: NetworkGuard,
  request: HttpRequest,
  limits: TimedLimits,
  signal: AbortSignal,
): Promise<HttpResponse> {
  let url = parseUrl(request.url);
  // A tunnel would carry data that no guard sees.
  if (request.method?.toUpperCase() === 'CONNECT') throw failed(url, new Failure('invalid', 'CONNECT is not offered'));
  let next: Sent | undefined;
  for (let left = limits.maxRedirects ?? 5; ; left--) {
    // Do not look up a name when the caller has already cancelled.
    if (signal.aborted) throw failed(url, signal.reason);
    const admission = await unlessAborted(guard.admit(endpointOf(url)), url, signal);
    next ??= sentOf(request);
    const response = await exchange(admission, url, next, limits, signal);
    const location = response.headers.find(([name]) => name === 'location')?.[1];
    const follow = REDIRECTS.has(response.status) && location !== undefined && limits.maxRedirects !== 0;
    if (!follow || (next.body instanceof BytePipe && keepsMethod(next, response.status))) return response;
    response.body.cancel();
    await response.closed;
    if (left === 0) throw failed(url, new Failure('redirects', `more than ${limits.maxRedirects ?? 5} redirects`));
    const target = parseUrl(location, url);
    next = redirected(next, response.status, target.origin === url.origin);
    url = target;
  }
}

function sentOf({ method = 'GET', headers = [], body, length }: HttpRequest): Sent {
  const complete = body?.ended === true && body.trailers.length === 0;
  return { method, headers, body: complete ? (body.read(body.length) ?? new Uint8Array()) : body, length };
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
function redirected(sent: Sent, status: number, sameOrigin: boolean): Sent {
  const { method, headers, body } = sent;
  const bare = { headers: sameOrigin ? headers : [], body: undefined, length: undefined };
  if (!keepsMethod(sent, status)) return { ...bare, method: 'GET' };
  if (!sameOrigin) return { ...bare, method: body === undefined ? method : 'GET' };
  return sent;
}

function keepsMethod({ method }: Sent, status: number): boolean {
  return status === 307 || status === 308 || method === 'GET' || method === 'HEAD';
}

async function exchange(
  { endpoint, addresses }: Admission,
  url: URL,
  sent: Sent,
  { connectMs = 10_000, idleMs = 30_000, account, clock }: TimedLimits,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const options: RequestOptions = {
    method: sent.method,
    protocol: url.protocol,
    // The certificate and the Host header need the name. Its addresses were admitted before.
    hostname: endpoint.host,
    port: endpoint.port,
    path: `${url.pathname}${url.search}`,
    headers: headersOf(sent, url),
    // A connection that another admission opened must not be reused.
    agent: false,
    lookup: pinned(addresses),
    timeout: idleMs,
  };
  const send = await senderOf(url.protocol);
  if (signal.aborted) throw failed(url, signal.reason);
  return new Promise((resolve, reject) => {
    const closed = Promise.withResolvers<void>();
    let failure: SecurityError | undefined;
    let answered = false;
    let outgoing: ClientRequest;
    // The caller releases its place in a quota when it is notified, so it must not be notified while the connection is
    // open.
    const fail = (cause: unknown): void => {
      failure ??= failed(url, cause);
      outgoing.destroy();
    };
    const onAbort = (): void => fail(signal.reason);
    try {
      outgoing = send(options, (incoming) => {
        answered = true;
        const body = new BytePipe(account);
        receive(incoming, body, fail, () => failure);
        const { statusCode = 0 } = incoming;
        resolve({
          status: statusCode,
          url: url.href,
          headers: pairsOf(incoming.rawHeaders),
          body,
          closed: closed.promise,
        });
      });
    } catch (cause) {
      // Node refuses some header names and values.
      reject(failed(url, cause));
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    const stopTimer = clock.after(connectMs, () => fail(new Failure('timeout', `no connection in ${connectMs} ms`)));
    outgoing.on('socket', (socket) => {
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', stopTimer);
    });
    outgoing.on('close', () => {
      stopTimer();
      signal.removeEventListener('abort', onAbort);
      if (sent.body instanceof BytePipe) sent.body.cancel();
      if (!answered) reject(failure ?? failed(url, new Failure('ECONNRESET', 'the connection ended before an answer')));
      closed.resolve();
    });
    // A server may send them without end, and each costs the event loop as much as an answer.
    let preliminary = 0;
    const count = (): void => {
      preliminary += 1;
      if (preliminary > MOST_PRELIMINARY) fail(new Failure('too-large', 'the server answers 1xx without end'));
    };
    outgoing.on('information', count);
    outgoing.on('continue', count);
    outgoing.on('error', fail);
    outgoing.on('upgrade', (_, socket) => {
      socket.destroy();
      fail(new Failure('upgrade', 'the server switched protocols, which nobody asked for'));
    });
    outgoing.on('timeout', () => fail(new Failure('timeout', `no byte in ${idleMs} ms`)));
    if (sent.body instanceof BytePipe) transmit(sent.body, outgoing, fail);
    else outgoing.end(sent.body);
  });
}

type Send = typeof import('node:http').request;

const senders = new Map<string, Send>();

/** Imported on first use, because most runtimes make no request and HTTP takes a good part of the start time. */
async function senderOf(protocol: string): Promise<Send> {
  let send = senders.get(protocol);
  if (send === undefined) {
    send = (protocol === 'https:' ? await import('node:https') : await import('node:http')).request;
    senders.set(protocol, send);
  }
  return send;
}

/** Writes a body as fast as the connection accepts it. */
function transmit(body: BytePipe, outgoing: ClientRequest, fail: (cause: unknown) => void): void {
  let waits = false;
  const pump = (): void => {
    if (waits || outgoing.writableEnded || outgoing.destroyed || body.cancelled) return;
    // A read calls `changed`, which would run this function again.
    waits = true;
    try {
      for (let piece = body.read(PIPE_BYTES); piece === undefined || piece.length > 0; piece = body.read(PIPE_BYTES)) {
        if (piece === undefined) {
          const trailers = body.trailers.filter(([name]) => !RESERVED.has(name.toLowerCase()));
          outgoing.addTrailers(trailers.map(([name, value]) => [name, value] as [string, string]));
          outgoing.end();
          return;
        }
        if (!outgoing.write(piece)) return;
      }
      waits = false;
    } catch (cause) {
      fail(new Failure('body', `the body of the request ended early: ${messageOf(cause)}`));
    }
  };
  outgoing.on('drain', () => {
    waits = false;
    pump();
  });
  body.changed.add(pump);
  // A server may answer before any of the body is written.
  outgoing.flushHeaders();
  pump();
}

/**
 * Reads a body as fast as its reader takes it. Each piece is copied, because keeping it would keep the whole block into
 * which it was read.
 */
function receive(
  incoming: IncomingMessage,
  body: BytePipe,
  fail: (cause: unknown) => void,
  failure: () => unknown,
): void {
  let [pieces, bytes] = [0, 0];
  incoming.on('data', (piece: Uint8Array) => {
    pieces += 1;
    bytes += piece.length;
    if (pieces > FREE_PIECES + bytes / BYTES_PER_PIECE)
      fail(new Failure('too-large', 'the answer comes in too small pieces'));
    else if (body.write(piece)) {
      if (body.room === 0) incoming.pause();
    } else if (!body.cancelled) fail(new Failure('too-large', 'the answer is not kept'));
  });
  body.changed.add(() => {
    if (body.cancelled) incoming.destroy();
    else if (incoming.isPaused() && body.length <= PIPE_BYTES / 2) incoming.resume();
  });
  incoming.on('end', () => {
    // A destroyed answer may also end, although not all of it was delivered.
    if (failure() === undefined) body.end(pairsOf(incoming.rawTrailers));
  });
  incoming.on('error', fail);
  incoming.on('close', () => {
    if (!body.ended) fail(new Failure('ECONNRESET', 'the answer broke off'));
    body.fail(failure());
  });
}

/** Returns names and values, which Node gives alternately. */
function pairsOf(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i < raw.length; i += 2) pairs.push([(raw[i] as string).toLowerCase(), raw[i + 1] as string]);
  return pairs;
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

function headersOf({ headers, body, length }: Sent, url: URL): Record<string, string | string[]> {
  const kept: Record<string, string[]> = Object.create(null);
  for (const [given, value] of headers) {
    const name = given.toLowerCase();
    if (!RESERVED.has(name)) getOrMake(kept, name).push(value);
  }
  // Node does not frame the body of a GET or DELETE by itself, and the server would read the body as another request.
  if (body instanceof BytePipe && length === undefined) kept['transfer-encoding'] = ['chunked'];
  else if (body !== undefined) kept['content-length'] = [String(length ?? body.length)];
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

  constructor(
    code: 'timeout' | 'too-large' | 'redirects' | 'invalid' | 'upgrade' | 'body' | 'ECONNRESET',
    message: string,
  ) {
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
