import type { CacheMetrics } from '#cache';
import type { RegistryMetrics } from '#core/ports/registry';
import type { MessageCounters } from '#messaging';

/** What a runtime did so far, one field for each part. All of it is counted in memory: reading it costs nothing. */
export interface RuntimeMetrics {
  /** The artifact cache. */
  readonly cache: CacheMetrics;
  /** The registry's client that the runtime was given; undefined without one, or where it does not count. */
  readonly registry: RegistryMetrics | undefined;
  /** Messages and requests. */
  readonly messages: Readonly<MessageCounters>;
}
