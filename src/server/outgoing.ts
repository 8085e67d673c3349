import type { ServerResponse } from 'node:http';
import { constants, type Http2ServerResponse } from 'node:http2';

/** The answer to a request, of HTTP/1.1 or 2. */
export type Outgoing = ServerResponse | Http2ServerResponse;

/** Bodies of up to this many bytes are copied into one text with their head, which costs less than a piece of their own. */
const MOST_OF_TEXT = 4_096;

/**
 * Reads bytes of any array. A `Buffer` over them would ask for the memory of a small array, which V8 then moves out of its heap to where
 * it costs more than the whole answer.
 */
const { latin1Slice } = Buffer.prototype as unknown as {
  readonly latin1Slice: (this: Uint8Array, from: number, to: number) => string;
};

/** Sets the head of an answer. @param fields names and values in turn; a name may be repeated */
export function writeHead(outgoing: Outgoing, status: number, fields: string[]): void {
  if ('stream' in outgoing) outgoing.writeHead(status, grouped(fields));
  else outgoing.writeHead(status, fields);
}

/** Sends the head of an answer whose body follows later. */
export function flushHead(outgoing: Outgoing): void {
  // HTTP/2 sends a head as soon as it is set.
  if ('flushHeaders' in outgoing) outgoing.flushHeaders();
}

/** Returns whether the client reads fast enough to write more now. */
export function writePiece(outgoing: Outgoing, bytes: Uint8Array): boolean {
  // Both kinds have the method, with types that cannot be called together.
  return (outgoing as ServerResponse).write(bytes);
}

/** Ends an answer with bytes that are the whole body, whose length the head says. */
export function endWith(outgoing: Outgoing, bytes: Uint8Array): void {
  if ('stream' in outgoing || bytes.length > MOST_OF_TEXT) outgoing.end(bytes);
  // Node joins a text with the head and writes both at once; bytes would be a piece of their own. In Latin-1, each byte is a character.
  else outgoing.end(latin1Slice.call(bytes, 0, bytes.length), 'latin1');
}

/** Resolves when the client has read enough, or has gone. */
export function drained(outgoing: Outgoing): Promise<void> {
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

/** Ends an answer in a way that shows the client that it is incomplete. */
export function breakOff(outgoing: Outgoing): void {
  if ('stream' in outgoing) outgoing.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else if (endsByClose(outgoing)) outgoing.socket?.resetAndDestroy();
  else outgoing.destroy();
}

/**
 * Whether the end of the connection is that of the answer's body, as with HTTP/1.0, so that only a reset shows that it is incomplete. A
 * connection of TLS cannot be reset, and shows by itself where it was cut.
 */
function endsByClose({ req, socket, headersSent }: ServerResponse): boolean {
  return headersSent && req.httpVersion === '1.0' && socket !== null && !('encrypted' in socket);
}

function grouped(fields: readonly string[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = Object.create(null);
  for (let at = 0; at < fields.length; at += 2) {
    const name = (fields[at] as string).toLowerCase();
    const value = fields[at + 1] as string;
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  return headers;
}
