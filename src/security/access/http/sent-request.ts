import type { HttpRequest } from '#core/ports/network';
import { BytePipe, type FieldPairs } from '#core/waiting';

/** Headers that the connection itself sets. From a guest they could split the message or lie about the host. */
export const RESERVED: ReadonlySet<string> = new Set([
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

/** Methods that a server may be asked twice with the same effect (RFC 9110, section 9.2.2), and that need no body. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'DELETE']);

/**
 * A request that is being sent. After a redirect, a body that was complete at the beginning can be sent again, but a
 * streamed one cannot.
 */
export interface Sent {
  readonly method: string;
  readonly headers: FieldPairs;
  readonly body: Uint8Array | BytePipe | undefined;
  readonly length: number | undefined;
}

/** A request whose body is complete or absent. */
export interface WholeRequest extends Sent {
  readonly body: Uint8Array | undefined;
}

export function sentOf({ method = 'GET', headers = [], body, length }: HttpRequest): Sent {
  const complete = body?.ended === true && body.trailers.length === 0;
  return { method, headers, body: complete ? (body.read(body.length) ?? new Uint8Array()) : body, length };
}

export function isWhole(sent: Sent): sent is WholeRequest {
  return !(sent.body instanceof BytePipe);
}

/** Whether a request may be sent a second time when nobody knows whether the server acted on the first (RFC 9110, section 9.2.2). */
export function maySendAgain({ method, body }: Sent): boolean {
  return body === undefined && IDEMPOTENT.has(method);
}

/** The request that follows a redirect (RFC 9110, section 15.4). */
export function redirected(sent: Sent, status: number, sameOrigin: boolean): Sent {
  const { method, headers, body } = sent;
  const bare = { headers: sameOrigin ? headers : [], body: undefined, length: undefined };
  if (!keepsMethod(sent, status)) return { ...bare, method: 'GET' };
  if (!sameOrigin) return { ...bare, method: body === undefined ? method : 'GET' };
  return sent;
}

export function keepsMethod({ method }: Sent, status: number): boolean {
  return status === 307 || status === 308 || method === 'GET' || method === 'HEAD';
}
