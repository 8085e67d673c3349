import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '#core/ports/clock';
import { mayHaveBody } from './request-head.ts';

/** How long, in milliseconds and bytes, the rest of a request is read whose answer was sent. Apache lingers for two seconds too. */
const LINGER = { ms: 2_000, bytes: 8 * 2 ** 20 } as const;

/**
 * Decides, before the head of an answer is sent, what becomes of a body that has not come whole. A short one leaves the connection open.
 * With any other the head says `connection: close`, and the connection closes so that the answer is not lost.
 */
export function settleUnreadBody(outgoing: ServerResponse, clock: Pick<Clock, 'after'>): void {
  const incoming = outgoing.req;
  // Whoever destroys a request of Node takes its connection away.
  if (incoming.complete || incoming.destroyed || !mayHaveBody(incoming)) return;
  if (!isShort(incoming)) outgoing.shouldKeepAlive = false;
  // Node calls this method when it has sent the last answer of a connection. The latest request replaces what an earlier one has set.
  const { socket } = incoming;
  const destroySoon = (): void => {
    Reflect.deleteProperty(socket, 'destroySoon');
    if (incoming.complete) socket.destroySoon();
    else linger(incoming, clock);
  };
  socket.destroySoon = destroySoon;
}

/** Whether Node reads a body to its end even if nobody takes it: one that fits into the buffer of its request never stops the parser. */
function isShort(incoming: IncomingMessage): boolean {
  return Number(incoming.headers['content-length'] ?? Number.POSITIVE_INFINITY) < incoming.readableHighWaterMark;
}

/**
 * Closes a connection whose client still sends. The kernel would reset one that is closed with bytes unread, and the client could lose
 * an answer that it has not read (RFC 9112, section 9.6). What is read meanwhile is no longer taken for requests.
 */
function linger({ socket }: IncomingMessage, clock: Pick<Clock, 'after'>): void {
  socket.end();
  let left: number = LINGER.bytes;
  // The parser may have stopped the connection, and only while it has it can it be started again: so it loses it after that.
  socket.once('resume', () => {
    socket.removeAllListeners('data');
    socket.on('data', (bytes) => {
      left -= bytes.length;
      if (left < 0) socket.destroy();
    });
  });
  socket.pause();
  socket.resume();
  socket.once(
    'close',
    clock.after(LINGER.ms, () => socket.destroy()),
  );
}
