import type { ModuleQuery, ModuleRecord } from '#core';
import { RegistryError } from './errors.ts';
import { isHash } from './record.ts';

/** A query with nothing left open. */
export interface ReadQuery {
  readonly interfaceHash: string;
  readonly embedding: Float32Array | undefined;
  readonly threshold: number;
  readonly provided: readonly string[] | undefined;
  readonly limit: number;
}

export const DEFAULT_THRESHOLD = 0.95;
const MAX_LIMIT = 1_000;

/** Reads what a caller asks. @throws {RegistryError} `REGISTRY_INVALID_QUERY` */
export function readQuery(query: ModuleQuery): ReadQuery {
  const { interfaceHash, embedding, provided, threshold = DEFAULT_THRESHOLD, limit = 1 } = query;
  if (!isHash(interfaceHash))
    throw invalid(`interfaceHash ${JSON.stringify(String(interfaceHash).slice(0, 80))} is no hash`);
  if (!(threshold >= -1 && threshold <= 1)) throw invalid(`threshold is ${threshold}; give -1 to 1`);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw invalid(`limit is ${limit}; give 1 to ${MAX_LIMIT}`);
  return { interfaceHash, embedding, threshold, provided, limit };
}

/** Which embedder an index holds vectors of. */
export interface IndexEmbedder {
  readonly id: string;
  readonly dimensions: number;
}

/** An index holds vectors of one embedder: those of two have no distance. @throws {RegistryError} */
export function checkEmbedder(index: IndexEmbedder, record: ModuleRecord): void {
  if (record.embedding === undefined) return;
  if (record.embedderId !== index.id) throw embedderMismatch(index, record.embedderId ?? 'none');
  if (record.embedding.length !== index.dimensions) {
    throw new RegistryError(
      'REGISTRY_INVALID_EMBEDDING',
      `an embedding of ${record.embedding.length} dimensions was given, this index holds vectors of ${index.dimensions}`,
    );
  }
}

export function embedderMismatch(index: IndexEmbedder, given: string): RegistryError {
  return new RegistryError(
    'REGISTRY_EMBEDDER_MISMATCH',
    `this index holds vectors of the embedder ${JSON.stringify(index.id)}, not of ${JSON.stringify(given)}; use that one, or another index`,
    { details: { wanted: index.id, given } },
  );
}

export function condemned(pointer: string): RegistryError {
  return new RegistryError(
    'REGISTRY_BUSY',
    `the blob ${pointer} is being collected as an orphan right now; publish again in a moment`,
  );
}

function invalid(reason: string): RegistryError {
  return new RegistryError('REGISTRY_INVALID_QUERY', reason);
}
