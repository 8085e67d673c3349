import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { isIPv6 } from 'node:net';
import { messageOf } from '#core';
import { SecurityError } from './errors.ts';
import type { Admission, NetworkGuard } from './network-guard.ts';

export interface GuardedRequest {
  readonly method?: string | undefined;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Uint8Array | undefined;
}

export interface GuardedResponse {
  readonly status: number;
  /** Where the answer came from, after redirects. */
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

export interface FetchLimits {
  /** Bytes of the answer's body; default 16 MiB. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds without a byte; default 30,000. */
  readonly idleMs?: number | undefined;
  /** Redirects that are followed; 0 gives them to the caller. Default 5. */
  readonly maxRedirects?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Set by the connection itself: from a guest they could split the message or lie about the host. */
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
 * Makes an HTTP request on behalf of a component. Every hop is admitted anew and goes to the addresses that were admitted;
 * a redirect to another origin takes along neither headers nor body.
 * @throws {SecurityError} `SECURITY_PERMISSION_DENIED`, `SECURITY_NETWORK_FAILED`
 */
export async function guardedFetch(
  guard: NetworkGuard,
  request: GuardedRequest,
  limits: FetchLimits = {},
): Promise<GuardedResponse> {
  let url = parseUrl(request.url);
  // A tunnel would carry what no guard sees.
  if (request.method?.toUpperCase() === 'CONNECT') throw failed(url, 'CONNECT is not offered');
  let next: GuardedRequest = request;
  for (let left = limits.maxRedirects ?? 5; ; left--) {
    const admission = await guard.admit(endpointOf(url));
    const response = await exchange(admission, url, next, limits);
    const location = response.headers.find(([name]) => name === 'location')?.[1];
    const follow = REDIRECTS.has(response.status) && location !== undefined && limits.maxRedirects !== 0;
    if (!follow) return response;
    if (left === 0) throw failed(url, `more than ${limits.maxRedirects ?? 5} redirects`);
    const target = parseUrl(location, url);
    next = redirected(next, response.status, target.origin === url.origin);
    url = target;
  }
}

/** The request as it follows a redirect (RFC 9110, section 15.4). */
function redirected(request: GuardedRequest, status: number, sameOrigin: boolean): GuardedRequest {
  const { method = 'GET', url } = request;
  const keepsMethod = status === 307 || status === 308 || method === 'GET' || method === 'HEAD';
  if (!sameOrigin) return { url, method: keepsMethod && request.body === undefined ? method : 'GET' };
  return keepsMethod ? request : { url, method: 'GET', headers: request.headers };
}

async function exchange(
  { endpoint, addresses }: Admission,
  url: URL,
  request: GuardedRequest,
  { maxBytes = 16 * 2 ** 20, idleMs = 30_000, signal }: FetchLimits,
): Promise<GuardedResponse> {
  const options: RequestOptions = {
    method: request.method ?? 'GET',
    protocol: url.protocol,
    // A name stays a name for the certificate and the Host header; where it leads was decided before.
    hostname: endpoint.host,
    port: endpoint.port,
    path: `${url.pathname}${url.search}`,
    headers: headersOf(request, url),
    // A connection that another admission opened must not be used again.
    agent: false,
    lookup: pinned(addresses),
    timeout: idleMs,
    ...(signal === undefined ? {} : { signal }),
  };
  // Loaded on use: most runtimes make no request, and HTTP is a good part of what starting costs.
  const { request: send } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => reject(failed(url, messageOf(cause), cause));
    let outgoing: ClientRequest;
    try {
      outgoing = send(options, (incoming) => {
        collect(incoming, url, maxBytes).then(resolve, fail);
      });
    } catch (cause) {
      // Header names and values that Node refuses.
      fail(cause);
      return;
    }
    outgoing.on('error', fail);
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer for ${idleMs} ms`)));
    outgoing.end(request.body);
  });
}

async function collect(incoming: IncomingMessage, url: URL, maxBytes: number): Promise<GuardedResponse> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxBytes) throw new RangeError(`the answer has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const headers: [string, string][] = [];
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    headers.push([(incoming.rawHeaders[i] as string).toLowerCase(), incoming.rawHeaders[i + 1] as string]);
  }
  return { status: incoming.statusCode ?? 0, url: url.href, headers, body: Buffer.concat(chunks) };
}

type LookupCallback = (
  error: Error | null,
  address: string | { address: string; family: number }[],
  family?: number,
) => void;

/** Answers the addresses that were admitted, to whatever name is asked for. */
function pinned(addresses: readonly string[]): NonNullable<RequestOptions['lookup']> {
  return (_name, options, callback: LookupCallback) => {
    const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
    if (options.all) callback(null, found);
    else callback(null, (found[0] as { address: string }).address, found[0]?.family);
  };
}

function headersOf({ headers = {} }: GuardedRequest, url: URL): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => !RESERVED.has(name.toLowerCase()));
  return { ...Object.fromEntries(kept), host: url.host };
}

function parseUrl(text: string, base?: URL): URL {
  if (!URL.canParse(text, base)) {
    throw new SecurityError('SECURITY_NETWORK_FAILED', `${JSON.stringify(text.slice(0, 200))} is not a URL`);
  }
  const url = new URL(text, base);
  if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  throw failed(url, 'only http: and https: can be fetched');
}

function endpointOf(url: URL): string {
  return `${url.protocol}//${url.hostname}${url.port === '' ? '' : `:${url.port}`}`;
}

function failed(url: URL, why: string, cause?: unknown): SecurityError {
  return new SecurityError('SECURITY_NETWORK_FAILED', `${url.origin} gave no answer: ${why}`, { cause });
}
