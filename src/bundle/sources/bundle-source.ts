import type { ProcessorVersion, SourceEntry, TopologyEdge } from '../lockfile/model.ts';

/** One source on its way into a bundle. */
export interface PackedSource {
  readonly path: string;
  readonly kind: string;
  /** BLAKE3 of the raw input, or `undefined` where the chunk is the raw input itself. */
  readonly inputHash?: string;
  /** The chunk: whole, or in pieces where it may be large. */
  readonly chunk: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** What a bundle is made of. */
export interface BundleSource {
  readonly producer: string;
  readonly producerVersion: string;
  readonly inputProcessors: readonly ProcessorVersion[];
  /** What will not come back from the bundle, in words; complete once `sources` has ended. */
  readonly leftOut: readonly string[];
  /** How many sources there are, for progress; a guess where it cannot be known. */
  count(): Promise<number>;
  /** In the order in which the lockfile lists them. Each is to be used before the next is asked for. */
  sources(): AsyncIterable<PackedSource>;
  /** Which source is made from which; read after `sources` has ended. */
  topology(): readonly TopologyEdge[];
  close(): Promise<void>;
}

/** What a bundle is restored into. Nothing of it may be visible before `commit`. */
export interface BundleTarget {
  /** @param read the chunk's bytes, verified. */
  restore(entry: SourceEntry, read: () => Promise<Uint8Array>): Promise<void>;
  commit(): Promise<void>;
  /** Forgets everything; safe after any failure. */
  abandon(): Promise<void>;
}
