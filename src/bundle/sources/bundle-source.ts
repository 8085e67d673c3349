import type { ProcessorVersion, SourceEntry, TopologyEdge } from '../lockfile/model.ts';

/** One source that is being packed. */
export interface PackedSource {
  readonly path: string;
  readonly kind: string;
  /** The BLAKE3 of the raw input, or `undefined` if the chunk is the raw input itself. */
  readonly inputHash?: string;
  /** The chunk: whole, or in pieces if it may be large. */
  readonly chunk: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** Supplies the sources of a bundle. */
export interface BundleSource {
  readonly producer: string;
  readonly producerVersion: string;
  readonly inputProcessors: readonly ProcessorVersion[];
  /** Descriptions of what the bundle will not contain; complete when `sources` has ended. */
  readonly leftOut: readonly string[];
  /** The number of sources, for progress; an estimate if it cannot be known. */
  count(): Promise<number>;
  /** Yields the sources in the order of the lockfile. Each must be used before the next is requested. */
  sources(): AsyncIterable<PackedSource>;
  /** Returns which source is made from which; called after `sources` has ended. */
  topology(): readonly TopologyEdge[];
  close(): Promise<void>;
}

/** Receives a restored bundle. Nothing of it may be visible before `commit`. */
export interface BundleTarget {
  /** @param read returns the chunk's verified bytes */
  restore(entry: SourceEntry, read: () => Promise<Uint8Array>): Promise<void>;
  commit(): Promise<void>;
  /** Drops everything; safe after any failure. */
  abandon(): Promise<void>;
}
