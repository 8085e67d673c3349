import type { ByteAccount, BytePipe, FieldPairs, Wakers } from '#core/waiting';
import type { ByteInput, ByteOutput } from './bytes.ts';

/** An HTTP request of a component's. */
export interface HttpRequest {
  /** `GET` by default. */
  readonly method?: string | undefined;
  readonly url: string;
  readonly headers?: FieldPairs | undefined;
  /** Read as fast as the server takes it, from before the answer begins until the answer has ended. */
  readonly body?: BytePipe | undefined;
  /** Bytes of the body, where that is known; its writer sees to it that it has no more and no less. */
  readonly length?: number | undefined;
}

export interface HttpResponse {
  readonly status: number;
  /** Where the answer came from, after redirects. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: FieldPairs;
  /** What comes of the body. It fails with what `fetch` throws. Who does not want it cancels it. */
  readonly body: BytePipe;
  /** Resolved once the connection is closed. */
  readonly closed: Promise<void>;
}

/** What an exchange may take; each has a default. */
export interface HttpLimits {
  /** Milliseconds until a connection is made; default 10,000. */
  readonly connectMs?: number | undefined;
  /** Milliseconds without a byte in either direction; default 30,000. */
  readonly idleMs?: number | undefined;
  /** Milliseconds until the answer begins, redirects included; default 120,000. */
  readonly headMs?: number | undefined;
  /** Redirects that are followed; 0 gives them to the caller. Default 5. */
  readonly maxRedirects?: number | undefined;
  /** Answers for what is kept of the answer's body at a time; where it refuses, the exchange ends as `too-large`. */
  readonly account?: ByteAccount | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Finds the addresses of a name. */
export interface NameService {
  lookUp(name: string): Promise<readonly string[]>;
}

export interface SocketAddress {
  /** IPv4 or IPv6, in canonical spelling. */
  readonly address: string;
  readonly port: number;
}

/**
 * A TCP connection that was made. Its ends throw an error with the code `SECURITY_PERMISSION_DENIED` once the grant is revoked,
 * `SECURITY_NETWORK_FAILED` once the connection failed.
 */
export interface NetworkConnection {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly input: ByteInput;
  readonly output: ByteOutput;
  /** Sends nothing more. */
  end(): void;
  close(): void;
  /** Resolved once its descriptor is closed, which is later than `close`. */
  readonly closed: Promise<void>;
}

/** Connections that come in on an address. */
export interface NetworkListener {
  /** With the port that was found, where any was asked for. */
  readonly local: SocketAddress;
  /** Whether `accept` has a connection to give. */
  readonly readable: boolean;
  /**
   * A connection that came, with what is to be called when it has been closed. @throws an error with the code
   * `SECURITY_PERMISSION_DENIED` once the grant is revoked
   */
  accept(): { readonly connection: NetworkConnection; readonly leave: () => void } | undefined;
  /** Told when `readable` may have changed. */
  readonly changed: Wakers;
  /** Ends it with all that was not accepted. */
  close(): void;
}

export interface ListenerHooks {
  /** Asked for each connection that comes, outside of a turn: a place for it, and how to give it back; without one it is closed. */
  reserve(): (() => void) | undefined;
}

/**
 * The network as one component may use it. What is denied for a socket is thrown at once, and is no promise's rejection.
 * Every connection is checked, and goes where it was checked to go.
 */
export interface ComponentNetwork {
  /**
   * The answer as soon as its head has come. @throws an error with the code `SECURITY_PERMISSION_DENIED`, or
   * `SECURITY_NETWORK_FAILED` with `details.reason`: a code of Node's, or one of `timeout`, `too-large`, `redirects`, `name`,
   * `invalid`, `upgrade`, `body`; the connection is closed then
   */
  fetch(request: HttpRequest, limits?: HttpLimits): Promise<HttpResponse>;
  /** The addresses of a name that some grant for sockets names; a connection to one of them counts as one to the name. */
  lookUp(name: string): Promise<readonly string[]>;
  connect(to: SocketAddress, signal: AbortSignal): Promise<NetworkConnection>;
  /** Binds an address and listens on it; port 0 is any that is free. */
  listen(at: SocketAddress, hooks: ListenerHooks, signal: AbortSignal): Promise<NetworkListener>;
}
