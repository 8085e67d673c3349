import { publish } from './host.ts';
import type { Message } from './message.ts';
import type { Value } from './types.ts';

/** What happened on a WebSocket, which the host owns. */
export interface SocketEvent {
  /** Names the socket as long as it is open: `sendToSocket(event.socket, value)`. */
  readonly socket: string;
  readonly type: 'open' | 'message' | 'close';
}

const TYPES: readonly string[] = ['open', 'message', 'close'] satisfies readonly SocketEvent['type'][];

/**
 * Sends a message to the client of a socket, at any time. It needs the grant `messaging:publish:sockets/**`. Returns whether the
 * socket took it: not if it is closed, or if its client reads too slowly. @throws {MessageError}
 */
export function sendToSocket(socket: string, value: Value): boolean {
  return publish(`sockets/${socket}`, value) > 0;
}

/** Only the host sends such messages as itself; a component that sends the same headers has another sender. */
export function socketEventOf(message: Message): SocketEvent | undefined {
  if (message.from !== 'vivarium/host/0') return undefined;
  const found = new Map(message.headers);
  const socket = found.get('vivarium-socket');
  const type = found.get('vivarium-socket-event');
  if (socket === undefined || type === undefined || !TYPES.includes(type)) return undefined;
  return { socket, type: type as SocketEvent['type'] };
}
