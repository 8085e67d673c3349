import { unpackVector } from '../embedding.ts';
import { isModuleId, type Row, requiresOf } from '../record.ts';
import type { VectorRow } from './vector-group.ts';

/** The columns that {@link vectorRowOf} reads. */
export const VECTOR_COLUMNS =
  'id, storage_pointer, changed, validation_status, supersedes, requires_hash, requires, embedding';

/**
 * Reads the data of a row that a group needs. A row that cannot be read keeps its place in the order and matches
 * nothing.
 */
export function vectorRowOf(row: Row): VectorRow {
  const { id, embedding, validation_status: status, supersedes } = row;
  const requires = readableRequires(row);
  const readable = isModuleId(id) && requires !== undefined;
  return {
    id: String(id),
    pointer: String(row.storage_pointer),
    changed: Number(row.changed),
    status: readable && (status === 'verified' || status === 'pending') ? status : 'revoked',
    supersedes: typeof supersedes === 'string' ? supersedes : undefined,
    requiresHash: String(row.requires_hash),
    requires: requires ?? [],
    embedding: readable && embedding instanceof Uint8Array ? unpackVector(embedding) : undefined,
  };
}

function readableRequires(row: Row): readonly string[] | undefined {
  try {
    return requiresOf(row);
  } catch {
    return undefined;
  }
}
