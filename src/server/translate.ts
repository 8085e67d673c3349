import { STATUS_CODES } from 'node:http';
import { isVivariumError, messageOf } from '#core/errors';
import { framingOf, LengthCheck } from '#core/ports/content-length';
import { toResponse } from '#system';
import { drained, flushHead, type Outgoing, writeHead, writePiece } from './outgoing.ts';
import { type Incoming, mayHaveBody, type RequestHead } from './request-head.ts';

/** Translates a Node request into a web `Request`. Returns undefined for a request that `Request` rejects. */
export function requestOf(head: RequestHead, incoming: Incoming, signal: AbortSignal): Request | undefined {
  const { method, scheme, host, pathname, search } = head;
  const { rawHeaders } = incoming;
  const headers = new Headers();
  try {
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at] ?? '';
      if (!name.startsWith(':')) headers.append(name, rawHeaders[at + 1] ?? '');
    }
    const init: RequestInit & { duplex: 'half' } = { method, headers, signal, duplex: 'half' };
    const hasBody = method !== 'GET' && method !== 'HEAD' && mayHaveBody(incoming);
    if (hasBody) init.body = bodyOf(incoming);
    return new Request(`${scheme}://${host}${pathname}${search}`, init);
  } catch {
    return undefined;
  }
}

/**
 * The body of a request. A reader that cancels it leaves the rest to the server. Node's own conversion would destroy the connection, and
 * with it the answer that says why nobody reads on.
 */
function bodyOf(incoming: Incoming): ReadableStream<Uint8Array> {
  let isOver = false;
  const over = (end: () => void): void => {
    if (!isOver) end();
    isOver = true;
  };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      incoming.on('data', (bytes: Buffer) => {
        if (isOver) return;
        controller.enqueue(new Uint8Array(bytes));
        if ((controller.desiredSize ?? 0) <= 0) incoming.pause();
      });
      incoming.on('end', () => over(() => controller.close()));
      incoming.on('close', () => over(() => controller.error(new Error('the client broke its request off'))));
      incoming.pause();
    },
    pull: () => void incoming.resume(),
    cancel: () => over(() => incoming.pause()),
  });
}

/**
 * Writes a response as fast as the client reads it. Its body is cancelled as soon as the client has left, also where it has nothing to
 * say at that time.
 * @throws what fails its body, and for a body that is longer or shorter than the head says
 */
export async function write(response: Response, outgoing: Outgoing): Promise<void> {
  const { status, body } = response;
  if (outgoing.destroyed) {
    body?.cancel().catch(() => {});
    return;
  }
  const { headers, length, hasBody } = framingOf(outgoing.req.method ?? 'GET', status, [...response.headers]);
  const check = new LengthCheck(hasBody ? length : undefined);
  if (body === null) check.take(undefined);
  const fields = headers.flat();
  if (length !== undefined) fields.push('content-length', String(length));
  writeHead(outgoing, status, fields);
  if (body === null || !hasBody) {
    outgoing.end();
    body?.cancel().catch(() => {});
    return;
  }
  flushHead(outgoing);
  const reader = body.getReader();
  const cancel = (): void => void reader.cancel().catch(() => {});
  outgoing.once('close', cancel);
  try {
    for (;;) {
      const { value } = await reader.read();
      if (outgoing.destroyed) return;
      check.take(value);
      if (value === undefined) break;
      if (!writePiece(outgoing, value)) await drained(outgoing);
    }
  } catch (error) {
    cancel();
    throw error;
  }
  outgoing.end();
}

/** The response to a client whose request failed. */
export function errorResponse(error: unknown, expose: boolean): Response {
  if (!isVivariumError(error, 'SERVER_BODY_TOO_LARGE')) return toResponse(error, { expose });
  const problem = { type: 'about:blank', title: 'Content Too Large', status: 413, detail: messageOf(error) };
  return new Response(JSON.stringify(problem), {
    status: 413,
    headers: { 'content-type': 'application/problem+json' },
  });
}

/** Writes a response without its body, for a connection that Node no longer manages and that ends with it. */
export function rawResponse({ status, headers }: Response): string {
  const lines = [...headers]
    .filter(([name]) => name !== 'content-length')
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines}content-length: 0\r\nconnection: close\r\n\r\n`;
}
