import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { Readable } from 'node:stream';

/** Matches only a host with an optional port. A path, a user or a query in the header would change the URL's target. */
const HOST = /^(?:\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z._-]{1,253})(?::\d{1,5})?$/;

/**
 * Translates a Node request into a web `Request`. Returns undefined for a request that no component can answer: if its target is
 * no path, if its host is invalid, or if its method opens a tunnel.
 */
export function requestOf(incoming: IncomingMessage, scheme: string, signal: AbortSignal): Request | undefined {
  const { method = 'GET', url: target = '', rawHeaders } = incoming;
  const host = incoming.headers.host ?? '';
  if (!target.startsWith('/')) return undefined;
  const url = URL.parse(`${scheme}://${host}${target}`);
  if (url === null || !HOST.test(host) || target.startsWith('//')) return undefined;
  const headers = new Headers();
  try {
    for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
    const init: RequestInit & { duplex: 'half' } = { method, headers, signal, duplex: 'half' };
    if (mayHaveBody(incoming)) init.body = Readable.toWeb(incoming) as ReadableStream<Uint8Array>;
    return new Request(url, init);
  } catch {
    // `Request` rejects the methods CONNECT and TRACE, and a body where none is allowed.
    return undefined;
  }
}

function mayHaveBody({ headers, method }: IncomingMessage): boolean {
  if (method === 'GET' || method === 'HEAD') return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Writes a response as fast as the client reads it. @throws the error that ended the component's turn in the middle of the body */
export async function write(response: Response, outgoing: ServerResponse): Promise<void> {
  const headers: string[] = [];
  for (const [name, value] of response.headers) headers.push(name, value);
  outgoing.writeHead(response.status, headers);
  if (response.body === null) {
    outgoing.end();
    return;
  }
  outgoing.flushHeaders();
  for await (const piece of response.body) {
    if (outgoing.destroyed) return;
    if (!outgoing.write(piece)) await drained(outgoing);
  }
  outgoing.end();
}

/** Writes a response without its body, for a connection that Node no longer manages and that ends with it. */
export function rawResponse({ status, headers }: Response): string {
  const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines}content-length: 0\r\nconnection: close\r\n\r\n`;
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.off('drain', done);
      outgoing.off('close', done);
      resolve();
    };
    outgoing.on('drain', done);
    outgoing.on('close', done);
  });
}
