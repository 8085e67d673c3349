import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { messageOf } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import type { HttpResponse } from '#core/ports/network';
import { sentTrailers } from '#core/ports/trailers';
import { type ByteAccount, BytePipe, PIPE_BYTES } from '#core/waiting';
import type { Admission } from '../network-guard.ts';
import { pinned } from './connector.ts';
import type { Ending } from './ending.ts';
import { Failure, failed } from './failure.ts';
import { AnswerBounds, followReader, pairsOf, receivePiece } from './received-body.ts';
import { RESERVED, type Sent } from './sent-request.ts';
import { onceSilent } from './silence.ts';

export interface OwnExchangeOptions {
  readonly connectMs: number;
  readonly idleMs: number;
  readonly account: ByteAccount | undefined;
  readonly ending: Ending;
  readonly clock: Pick<Clock, 'after' | 'monotonic'>;
}

/** A request whose body is still being written. */
export interface StreamedRequest extends Sent {
  readonly body: BytePipe;
}

/**
 * Sends a request with a body that is still being written, on a connection of its own: its head goes out before its body, and
 * trailers may follow it, neither of which undici can do.
 */
export async function ownExchange(
  { endpoint, addresses }: Admission,
  url: URL,
  sent: StreamedRequest,
  { connectMs, idleMs, account, ending, clock }: OwnExchangeOptions,
): Promise<HttpResponse> {
  const options: RequestOptions = {
    method: sent.method,
    protocol: url.protocol,
    // The certificate and the Host header need the name. Its addresses were admitted before.
    hostname: endpoint.host,
    port: endpoint.port,
    path: `${url.pathname}${url.search}`,
    headers: headersOf(sent, url),
    agent: false,
    lookup: pinned(addresses),
  };
  const send = await senderOf(url.protocol);
  if (ending.ended) throw failed(url, ending.reason);
  return new Promise((resolve, reject) => {
    const closed = Promise.withResolvers<void>();
    let failure: unknown;
    let answered = false;
    let outgoing: ClientRequest;
    // The caller releases its place in a quota when it is notified, so it must not be notified while the connection is
    // open.
    const fail = (cause: unknown): void => {
      failure ??= failed(url, cause);
      outgoing.destroy();
    };
    try {
      outgoing = send(options, (incoming) => {
        answered = true;
        const body = new BytePipe(account);
        receive(incoming, body, fail, () => failure);
        const { statusCode = 0 } = incoming;
        const headers = pairsOf(incoming.rawHeaders);
        resolve({ status: statusCode, url: url.href, headers, body, closed: closed.promise });
      });
    } catch (cause) {
      // Node refuses some header names and values.
      reject(failed(url, cause));
      return;
    }
    ending.listen(fail);
    const stopTimer = clock.after(connectMs, () => fail(new Failure('ETIMEDOUT', `no connection in ${connectMs} ms`)));
    outgoing.on('socket', (socket) => {
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', stopTimer);
    });
    const moved = ({ socket } = outgoing): number =>
      socket === null ? 0 : socket.bytesRead + socket.bytesWritten - socket.writableLength;
    const onSilence = (): void => fail(new Failure('timeout', `no byte in ${idleMs} ms`));
    const stopIdle = onceSilent(moved, idleMs, clock, onSilence);
    outgoing.on('close', () => {
      stopTimer();
      stopIdle();
      ending.listen(undefined);
      sent.body.cancel(failure);
      if (!answered) reject(failure ?? failed(url, new Failure('ECONNRESET', 'the connection ended before an answer')));
      closed.resolve();
    });
    const bounds = new AnswerBounds();
    const count = (): void => {
      const tooMany = bounds.preliminary();
      if (tooMany !== undefined) fail(tooMany);
    };
    outgoing.on('information', count);
    outgoing.on('error', fail);
    outgoing.on('upgrade', (_, socket) => {
      socket.destroy();
      fail(new Failure('upgrade', 'the server switched protocols, which nobody asked for'));
    });
    transmit(sent.body, outgoing, fail);
  });
}

type Send = typeof import('node:http').request;

/** Imported on first use, because most runtimes make no request and HTTP takes a good part of the start time. */
async function senderOf(protocol: string): Promise<Send> {
  return (protocol === 'https:' ? await import('node:https') : await import('node:http')).request;
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
          outgoing.addTrailers(sentTrailers(body.trailers).map(([name, value]) => [name, value] as [string, string]));
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

/** Reads a body as fast as its reader takes it. */
function receive(
  incoming: IncomingMessage,
  body: BytePipe,
  fail: (cause: unknown) => void,
  failure: () => unknown,
): void {
  const flow = {
    pause: () => void incoming.pause(),
    resume: () => void incoming.resume(),
    get isPaused(): boolean {
      return incoming.isPaused();
    },
    drop: () => void incoming.destroy(),
    fail,
  };
  const bounds = new AnswerBounds();
  incoming.on('data', (piece: Uint8Array) => receivePiece(body, piece, bounds, flow));
  followReader(body, flow);
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

function headersOf({ headers, length }: StreamedRequest, url: URL): Record<string, string | string[]> {
  const kept: Record<string, string[]> = Object.create(null);
  for (const [given, value] of headers) {
    const name = given.toLowerCase();
    if (!RESERVED.has(name)) getOrMake(kept, name).push(value);
  }
  // Node does not frame the body of a GET or DELETE by itself, and the server would read the body as another request.
  if (length === undefined) kept['transfer-encoding'] = ['chunked'];
  else kept['content-length'] = [String(length)];
  return { ...kept, host: url.host };
}

function getOrMake(lists: Record<string, string[]>, name: string): string[] {
  lists[name] ??= [];
  return lists[name];
}
