import type { ByteAccount, BytePipe, FieldPairs } from '#core/waiting';
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

/** The network as one component may use it. Every connection is checked, and goes where it was checked to go. */
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
}
