import './events.ts';
import './promise.ts';
import { handle } from 'wasi:http/outgoing-handler@0.2.1';
import { Fields, type IncomingResponse, OutgoingBody, OutgoingRequest } from 'wasi:http/types@0.2.1';
import type { OutputStream } from 'wasi:io/streams@0.2.1';
import { encodeUtf8 } from '../utf8.ts';
import { ready } from './arrivals.ts';
import { HostBytes, latin1, payloadOf, writeBytes, writeParts } from './bodies.ts';
import { ByteSource } from './byte-source.ts';
import { AbortController, type AbortSignal } from './events.ts';
import { install } from './install.ts';
import { Request, Response, takeBody } from './messages.ts';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);

const FORBIDDEN = new Set(['CONNECT', 'TRACE', 'TRACK']);

/** Sends a request with `wasi:http`. The host follows redirects, and checks each against the component's grants. */
async function fetch(
  input: Request | URL | string,
  init?: ConstructorParameters<typeof Request>[1],
): Promise<Response> {
  const request = new Request(input, init);
  request.signal.throwIfAborted();
  const body = takeBody(request);
  const exchange = new AbortController();
  const abort = (): void => exchange.abort(request.signal.reason);
  request.signal.addEventListener('abort', abort, { once: true });
  const future = failing(request.url, () => begin(request, body, exchange));
  try {
    await ready(future.subscribe(), exchange.signal);
    const answer = future.get();
    if (answer?.tag !== 'ok') throw refused(request.url, 'the answer was taken');
    if (answer.val.tag !== 'ok') throw refused(request.url, answer.val.val);
    return responseOf(answer.val.val, request.url, exchange.signal);
  } finally {
    future[Symbol.dispose]();
  }
}

/** Sends the head of a request, and its body as far as the host takes it. The rest follows while the turn waits. */
function begin(
  request: Request,
  bytes: Uint8Array | ByteSource | undefined,
  exchange: AbortController,
): ReturnType<typeof handle> {
  const { protocol, host, pathname, search, username, password } = new URL(request.url);
  if (username !== '' || password !== '')
    throw new TypeError('fetch takes no URL with a user or password; send the header authorization');
  if (FORBIDDEN.has(request.method.toUpperCase())) throw new TypeError(`fetch cannot send ${request.method}`);
  if (protocol !== 'http:' && protocol !== 'https:') throw new TypeError(`fetch cannot take ${protocol} URLs`);
  const outgoing = new OutgoingRequest(
    Fields.fromList([...request.headers].map(([name, value]) => [name, encodeUtf8(value)] as const)),
  );
  const { method } = request;
  outgoing.setMethod(METHODS.has(method) ? { tag: method.toLowerCase() } : { tag: 'other', val: method });
  outgoing.setScheme({ tag: protocol === 'http:' ? 'HTTP' : 'HTTPS' });
  outgoing.setAuthority(host);
  outgoing.setPathWithQuery(pathname + search);
  if (bytes === undefined || (bytes instanceof Uint8Array && bytes.length === 0)) return handle(outgoing, null);
  const body = outgoing.body();
  const stream = body.write();
  const future = handle(outgoing, null);
  if (bytes instanceof ByteSource) {
    upload(body, stream, bytes, exchange);
  } else {
    writeBytes(stream, bytes);
    OutgoingBody.finish(body, null);
  }
  return future;
}

/** Sends a body while the turn waits. If its source fails, so does the exchange; if the server reads no more, its answer says why. */
function upload(body: OutgoingBody, stream: OutputStream, source: ByteSource, exchange: AbortController): void {
  const { signal } = exchange;
  const cancel = (): void => source.cancel(signal.reason);
  signal.addEventListener('abort', cancel, { once: true });
  writeParts(stream, source, signal).then(
    () => {
      signal.removeEventListener('abort', cancel);
      OutgoingBody.finish(body, null);
    },
    (error) => {
      body[Symbol.dispose]();
      if (payloadOf(error) === undefined) exchange.abort(error);
    },
  );
}

function responseOf(incoming: IncomingResponse, url: string, signal: AbortSignal): Response {
  const status = incoming.status();
  const fields = incoming.headers();
  const headers = fields.entries().map(([name, value]) => [name, latin1(value)] as const);
  fields[Symbol.dispose]();
  const body = incoming.consume();
  incoming[Symbol.dispose]();
  const response = new Response(new HostBytes(() => body, signal), { status, headers });
  Object.defineProperty(response, 'url', { value: url });
  return response;
}

function failing<T>(url: string, call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    if (thrown instanceof TypeError) throw thrown;
    throw refused(url, payloadOf(thrown) ?? thrown);
  }
}

function refused(url: string, why: unknown): TypeError {
  const { tag, val } = (why ?? {}) as { tag?: string; val?: unknown };
  const reason =
    tag === undefined ? String(why) : val === undefined || val === null ? tag : `${tag}: ${JSON.stringify(val)}`;
  return new TypeError(`fetch failed: ${url}: ${reason}`, { cause: why });
}

install({ fetch });
