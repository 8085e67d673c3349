import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';

export type Incoming = IncomingMessage | Http2ServerRequest;

/** Where a request wants to go. */
export interface RequestHead {
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** The host in lower case, with its port if the client named one other than the scheme's own. */
  readonly host: string;
  /** Without a query, and resolved as the URL of the web does. */
  readonly pathname: string;
  /** The query with its question mark; empty if there is none. */
  readonly search: string;
}

/** Matches only a host with an optional port. A path, a user or a query in the header would change the URL's target. */
const HOST = /^(?:\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z._-]{1,253})(?::\d{1,5})?$/;
/** Whether a text is a host, with a port if it is not the usual one, as `headOf` writes it. */
export function isHost(text: string): boolean {
  return HOST.test(text) && URL.parse(`http://${text}/`)?.host === text;
}

/** Hosts that `URL` certainly leaves as they are. */
const PLAIN_HOST =
  /^(?:localhost|127\.0\.0\.1|(?:[a-z]{1,30}\.){1,4}[a-z]{1,30})(?::(?!80$|443$)(?:[1-9]\d{0,3}|[1-5]\d{4}))?$/;
/** Targets that `URL` leaves as they are: without characters that it encodes. Dots are looked at apart. */
const PLAIN_TARGET = /^\/(?:[\w~!$&()*+,;=:@-][\w~!$&()*+,;=:@/.-]{0,200})?$/;

/**
 * Reads where a request wants to go. Returns undefined for a request that no component can answer: if its target is no path, if its
 * host is invalid, or if its method opens a tunnel.
 */
export function headOf(incoming: Incoming, scheme: 'http' | 'https'): RequestHead | undefined {
  const { method = 'GET', url: target = '' } = incoming;
  const authority =
    ('authority' in incoming ? incoming.authority : undefined) ?? incoming.headers.host ?? ownAuthority(incoming);
  if (!target.startsWith('/') || target.startsWith('//') || method === 'CONNECT' || method === 'TRACE')
    return undefined;
  if (namesTwoHosts(incoming, authority) || hasOtherFraming(incoming)) return undefined;
  if (isPlainHost(authority) && isPlainTarget(target)) {
    return { method, scheme, host: authority, pathname: target, search: '' };
  }
  if (!HOST.test(authority)) return undefined;
  const url = URL.parse(`${scheme}://${authority}${target}`);
  if (url === null) return undefined;
  return { method, scheme, host: url.host, pathname: plainPath(url.pathname), search: url.search };
}

/**
 * Writes characters without their percent escapes that mean the same without (RFC 3986, section 6.2.2.2). Routes would tell two spellings
 * of one path apart, which a component behind them does not.
 */
export function plainPath(pathname: string): string {
  return pathname.replace(/%([2-7][0-9A-Fa-f])/g, (escaped, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[\w.~-]/.test(character) ? character : escaped;
  });
}

/**
 * Whether a request of HTTP/1 has a transfer coding that nobody undoes, or one that its version does not know (RFC 9112, section 6.1). A
 * proxy may have found another end of its body than Node's parser, and a component could not know that its body is coded.
 */
function hasOtherFraming(incoming: Incoming): boolean {
  if ('stream' in incoming) return false;
  const { httpVersion, headers } = incoming;
  const coding = headers['transfer-encoding'];
  if (httpVersion === '1.1') return coding !== undefined && coding.toLowerCase() !== 'chunked';
  return httpVersion !== '1.0' || coding !== undefined;
}

/**
 * Whether a request has several lines `Host`, or one that differs from the authority of HTTP/2. A proxy may route by another one than this
 * server (RFC 9112, section 3.2, and RFC 9113, section 8.3.1). Node takes the first in silence.
 */
function namesTwoHosts({ rawHeaders }: Incoming, authority: string): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.length !== 4 || name.toLowerCase() !== 'host') continue;
    hosts += rawHeaders[at + 1] === authority ? 1 : 2;
  }
  return hosts > 1;
}

/** The last host and the last target that were plain: most requests of a server ask for few, and comparing a text costs less than matching it. */
let lastHost = '';
let lastTarget = '';

function isPlainHost(host: string): boolean {
  if (host === lastHost) return host !== '';
  if (!PLAIN_HOST.test(host)) return false;
  lastHost = host;
  return true;
}

function isPlainTarget(target: string): boolean {
  if (target === lastTarget) return target !== '';
  if (!PLAIN_TARGET.test(target) || target.includes('/.') || target.includes('//')) return false;
  lastTarget = target;
  return true;
}

/**
 * The address at which a request of HTTP/1.0 without a host arrived, which then stands for its host. Only HTTP/1.1 demands one (RFC 9112,
 * section 3.2), and health checks of balancers leave it out. Empty for a request of any other version.
 */
function ownAuthority({ httpVersion, socket }: Incoming): string {
  const { localAddress, localPort } = socket;
  if (httpVersion !== '1.0' || localAddress === undefined) return '';
  // Without the zone of a link-local address.
  const [address = ''] = withoutPrefix(localAddress).split('%', 1);
  return `${address.includes(':') ? `[${address}]` : address}:${localPort}`;
}

/** The address of a request's client. An IPv4 address has no prefix even if the server listens on IPv6. */
export function addressOf({ socket }: Incoming): string {
  return withoutPrefix(socket.remoteAddress ?? '0.0.0.0');
}

function withoutPrefix(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}

/** Whether a request has a body, which may be empty. */
export function mayHaveBody(incoming: Incoming): boolean {
  // The frame of a head of HTTP/2 says whether the request ends with it, whatever its method.
  if ('stream' in incoming) return !incoming.stream.endAfterHeaders;
  const { headers } = incoming;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
