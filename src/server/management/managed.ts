import type { Clock } from '#core/ports/clock';
import type { Runtime } from '#system';
import type { Monitor } from './monitor.ts';

/** What the operations work on. */
export interface Managed {
  readonly runtime: Runtime;
  readonly monitor: Monitor;
  readonly clock: Clock;
  /** The name of the token that a request was permitted by; undefined if it is no longer configured. */
  readonly clientOf: (request: Request) => string | undefined;
  /** The largest component that a client may send, in bytes. */
  readonly maxComponentBytes: number;
  /** The largest message that a client may send, in bytes. */
  readonly maxMessageBytes: number;
}
