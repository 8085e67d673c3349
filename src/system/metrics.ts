import type { CacheMetrics } from '#cache';
import type { RegistryMetrics } from '#core/ports/registry';
import type { MessageCounters } from '#messaging';

/** What a runtime has done so far, with one field for each part. All counters are in memory, so reading them is cheap. */
export interface RuntimeMetrics {
  /** The artifact cache. */
  readonly cache: CacheMetrics;
  /** The counters of the registry client that the runtime was given; undefined without a client or if it keeps no counters. */
  readonly registry: RegistryMetrics | undefined;
  /** Messages and requests. */
  readonly messages: Readonly<MessageCounters>;
}
