import type { Clock } from '#core/ports/clock';
import type { Runtime } from '#system';
import type { WholeBodies } from './body.ts';
import type { Monitor } from './monitor.ts';

/** What the operations work on. */
export interface Managed {
  readonly runtime: Runtime;
  readonly monitor: Monitor;
  readonly clock: Clock;
  /** The name of the token that a request was permitted by; undefined if it is no longer configured. */
  readonly clientOf: (request: Request) => string | undefined;
  /** Reads components that clients send. */
  readonly components: WholeBodies;
  /** Reads what clients say of components in JSON. */
  readonly settings: WholeBodies;
  /** Reads messages that clients send. */
  readonly messages: WholeBodies;
}
