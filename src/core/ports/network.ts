import type { ByteAccount, BytePipe, FieldPairs, Wakers } from '#core/waiting';
import type { ByteInput, ByteOutput } from './bytes.ts';

/** Headers of one connection, which the host manages: no component sets them, and none is told those of its caller. */
export const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

const LENGTHS: ReadonlySet<number> = new Set([...CONNECTION_HEADERS].map((name) => name.length));

/** Whether a name in lower case is one of `CONNECTION_HEADERS`. Names that a parser has just made cost a set of texts much more than one of numbers. */
export function isConnectionHeader(name: string): boolean {
  return LENGTHS.has(name.length) && (name === 'host' || CONNECTION_HEADERS.has(name));
}

/** An HTTP request of a component. */
export interface HttpRequest {
  /** `GET` by default. */
  readonly method?: string | undefined;
  readonly url: string;
  readonly headers?: FieldPairs | undefined;
  /** The body. It is read as fast as the server accepts it, until the answer has ended. */
  readonly body?: BytePipe | undefined;
  /** The length of the body in bytes, if it is known. The writer ensures that it is right. */
  readonly length?: number | undefined;
  /** How many handlers have passed the request on, with the one that does so now. A network does not send it. */
  readonly hops?: number | undefined;
}

export interface HttpResponse {
  readonly status: number;
  /** The URL of the answer, after redirects. */
  readonly url: string;
  /** The headers, with names in lower case. */
  readonly headers: FieldPairs;
  /** The bytes of the body. It fails with what `fetch` throws. A reader that does not want it cancels it. */
  readonly body: BytePipe;
  /** Resolves when the exchange has its connection no longer: it is closed, or kept for the next request. */
  readonly closed: Promise<void>;
}

/** The limits of an HTTP exchange; each has a default. */
export interface HttpLimits {
  /** Milliseconds until a connection is made; default 10,000. */
  readonly connectMs?: number | undefined;
  /** Milliseconds without a byte in either direction, noticed up to a quarter of them late; default 30,000. */
  readonly idleMs?: number | undefined;
  /** Milliseconds until the answer begins, including redirects; default 120,000. */
  readonly headMs?: number | undefined;
  /** The most redirects that are followed; 0 returns them to the caller. Default 5. */
  readonly maxRedirects?: number | undefined;
  /** Accounts for the buffered part of the answer's body. When it refuses, the exchange ends as `too-large`. */
  readonly account?: ByteAccount | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Resolves a name to addresses. */
export interface NameService {
  lookUp(name: string): Promise<readonly string[]>;
}

export interface SocketAddress {
  /** IPv4 or IPv6, in canonical spelling. */
  readonly address: string;
  readonly port: number;
}

/**
 * An open TCP connection. Its two ends throw an error with the code `SECURITY_PERMISSION_DENIED` after the grant was
 * revoked, and `SECURITY_NETWORK_FAILED` after the connection failed.
 */
export interface NetworkConnection {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly input: ByteInput;
  readonly output: ByteOutput;
  /** Ends the sending side. */
  end(): void;
  /** Whether the system asks the other side for a sign of life once nothing has come for `idleMs`. */
  keepAlive(enabled: boolean, idleMs: number): void;
  close(): void;
  /** Resolves when its descriptor is closed, which is later than `close`; undefined for a connection that has none. */
  readonly closed: Promise<void> | undefined;
}

/** Accepts connections on an address. */
export interface NetworkListener {
  /** The address, with the port that was chosen if any port was requested. */
  readonly local: SocketAddress;
  /** Whether `accept` can return a connection. */
  readonly readable: boolean;
  /**
   * Returns a connection that has arrived, and a function to call when it has been closed. @throws an error with the
   * code `SECURITY_PERMISSION_DENIED` after the grant was revoked
   */
  accept(): { readonly connection: NetworkConnection; readonly leave: () => void } | undefined;
  /** Wakes when `readable` may have changed. */
  readonly changed: Wakers;
  /** Stops listening, and closes all connections that were not accepted. */
  close(): void;
  /** Resolves when the address is free again, which is later than `close`. */
  readonly closed: Promise<void>;
}

export interface Datagram {
  readonly data: Uint8Array;
  /** Where it came from. */
  readonly remote: SocketAddress;
}

/** A socket for datagrams. Nothing of it waits; what is not granted is thrown. */
export interface DatagramSocket {
  readonly local: SocketAddress;
  /**
   * Whether `receive` has a datagram to give or an error to throw.
   * @param from the only peer of whom something is wanted; anybody by default
   */
  isReadable(from?: SocketAddress): boolean;
  /**
   * @param from as for `isReadable`; a datagram of somebody else may still be among those that are answered
   * @throws an error with the code `SECURITY_PERMISSION_DENIED` where nothing may be received any more, or nothing from `from`
   */
  receive(most: number, from?: SocketAddress): readonly Datagram[];
  /** Datagrams that `send` takes now. */
  readonly room: number;
  /** @throws an error with the code `SECURITY_PERMISSION_DENIED` where nothing may be sent there */
  checkSend(to: SocketAddress): void;
  /** @throws as `checkSend` */
  send(data: Uint8Array, to: SocketAddress): void;
  /** Wakes when `isReadable` or `room` may have changed. */
  readonly changed: Wakers;
  close(): void;
  /** Resolved once its descriptor is closed. */
  readonly closed: Promise<void>;
}

export interface ListenerHooks {
  /**
   * Called outside a turn for each connection that arrives. It reserves a place and returns a function that gives the
   * place back; without a place the connection is closed.
   */
  reserve(): (() => void) | undefined;
}

/**
 * The network as one component may use it. A denial for a socket is thrown at once instead of rejecting a promise.
 * Every connection is checked, and goes only where the check allowed it to go.
 */
export interface ComponentNetwork {
  /**
   * Returns the answer when its head has arrived. A revocation of its grant ends request and answer. @throws an error with the code `SECURITY_PERMISSION_DENIED`, or
   * `SECURITY_NETWORK_FAILED` with `details.reason`: a code of Node's, or one of `timeout`, `too-large`, `redirects`,
   * `name`, `invalid`, `upgrade`, `body`; the connection is closed then
   */
  fetch(request: HttpRequest, limits?: HttpLimits): Promise<HttpResponse>;
  /** Closes the connections that are kept for further requests. Those in use are closed after their answers, or with them where the grant for them was revoked. */
  release(): void;
  /**
   * Returns the addresses of a name that some grant for sockets names. A connection to one of them counts as a
   * connection to the name.
   */
  lookUp(name: string): Promise<readonly string[]>;
  /** @param bound a listener whose address the connection gets; it is closed first */
  connect(to: SocketAddress, signal: AbortSignal, bound?: NetworkListener): Promise<NetworkConnection>;
  /**
   * Binds an address for datagrams. The unspecified address with port 0 needs no grant to listen: what comes there is received
   * from those alone to whom it may send.
   */
  bind(at: SocketAddress, signal: AbortSignal): Promise<DatagramSocket>;
  /** Whether `listen` would be granted now. Nothing is recorded. */
  mayListen(at: SocketAddress): boolean;
  /** Binds an address and listens on it; port 0 stands for any free port. */
  listen(at: SocketAddress, hooks: ListenerHooks, signal: AbortSignal): Promise<NetworkListener>;
}
