import type { ModuleRecord, ValidationStatus } from '#core/ports/registry';
import { parseForeignJson } from '#core/text';
import { isDigest } from './digest.ts';
import { unpackVector, vectorOfBase64 } from './embedding.ts';
import { RegistryError } from './errors.ts';
import { refusalOf } from './metadata.ts';

/** A row from a database driver. Nothing about it is known. */
export type Row = Readonly<Record<string, unknown>>;

/** The names of the columns. Both databases use them in this order. */
export const COLUMNS = [
  'id',
  'storage_pointer',
  'size',
  'interface_hash',
  'requires_hash',
  'requires',
  'name',
  'version',
  'description',
  'supersedes',
  'embedder_id',
  'embedding',
  'validation_status',
  'signature',
  'key_id',
  'verification',
  'revocation',
  'created_at',
  'last_used_at',
  'use_count',
] as const;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const HASH = /^[a-z0-9:]{1,100}$/;
const MAX_ENVELOPE = 256 * 1024;
const MAX_REQUIRES = 1_000;

export function isModuleId(text: unknown): text is string {
  return typeof text === 'string' && UUID.test(text);
}

export function isHash(text: unknown): text is string {
  return typeof text === 'string' && HASH.test(text);
}

/** Returns the values of a record in the order of {@link COLUMNS}: `requires` as JSON, the vector packed. */
export function valuesOf(record: ModuleRecord, packed: Uint8Array | null): (string | number | Uint8Array | null)[] {
  return [
    record.id,
    record.storagePointer,
    record.size,
    record.interfaceHash,
    record.requiresHash,
    JSON.stringify(record.requires),
    record.name,
    record.version,
    record.description,
    record.supersedes ?? null,
    record.embedderId ?? null,
    packed,
    record.status,
    record.signature,
    record.keyId,
    record.verification ?? null,
    record.revocation ?? null,
    record.createdAt,
    record.lastUsedAt ?? null,
    record.useCount,
  ];
}

/** Reads a row that anybody may have edited. @throws {RegistryError} `REGISTRY_BAD_RECORD` */
export function recordOfRow(row: Row): ModuleRecord {
  const id = wanted(row, 'id', isModuleId);
  const packed = optional(row, 'embedding', isPacked);
  const vector = typeof packed === 'string' ? vectorOfBase64(packed) : packed && unpackVector(packed);
  if (packed !== undefined && vector === undefined) throw bad(row, 'embedding');
  for (const field of ['name', 'version', 'description'] as const) {
    if (refusalOf(field, row[field]) !== undefined) throw bad(row, field);
  }
  return {
    id,
    storagePointer: wanted(row, 'storage_pointer', isDigest),
    size: wanted(row, 'size', isCount),
    interfaceHash: wanted(row, 'interface_hash', isHash),
    requiresHash: wanted(row, 'requires_hash', isHash),
    requires: requiresOf(row),
    name: wanted(row, 'name', isText),
    version: wanted(row, 'version', isText),
    description: wanted(row, 'description', isText),
    supersedes: optional(row, 'supersedes', isDigest),
    embedderId: optional(row, 'embedder_id', isEmbedderId),
    embedding: vector,
    status: wanted(row, 'validation_status', isStatus),
    signature: wanted(row, 'signature', isEnvelope),
    keyId: wanted(row, 'key_id', isEnvelope),
    verification: optional(row, 'verification', isEnvelope),
    revocation: optional(row, 'revocation', isEnvelope),
    createdAt: wanted(row, 'created_at', isCount),
    lastUsedAt: optional(row, 'last_used_at', isCount),
    useCount: wanted(row, 'use_count', isCount),
  };
}

/** Returns the records of the readable rows. Other rows are left out, as if they matched nothing. */
export function readableRecords(rows: Iterable<Row>): ModuleRecord[] {
  const records: ModuleRecord[] = [];
  for (const row of rows) {
    try {
      records.push(recordOfRow(row));
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
    }
  }
  return records;
}

/** Returns the list of imports in a row: one database gives JSON text, the other a parsed value. */
export function requiresOf(row: Row): readonly string[] {
  let list: unknown = row.requires;
  if (typeof list === 'string') {
    try {
      list = parseForeignJson(list, { maxLength: MAX_ENVELOPE });
    } catch (cause) {
      throw bad(row, 'requires', cause);
    }
  }
  if (!Array.isArray(list) || list.length > MAX_REQUIRES || !list.every(isText)) throw bad(row, 'requires');
  return list;
}

type Is<T> = (value: unknown) => value is T;

function wanted<T>(row: Row, column: string, is: Is<T>): T {
  const value = row[column];
  if (!is(value)) throw bad(row, column);
  return value;
}

function optional<T>(row: Row, column: string, is: Is<T>): T | undefined {
  return row[column] === null || row[column] === undefined ? undefined : wanted(row, column, is);
}

function bad(row: Row, column: string, cause?: unknown): RegistryError {
  const id = isModuleId(row.id) ? row.id : 'with an unreadable id';
  return new RegistryError(
    'REGISTRY_BAD_RECORD',
    `the index's row ${id} has an unreadable ${column}; it was edited or damaged: delete it and publish the module again`,
    { cause, details: { column } },
  );
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 65_536;
}

function isEmbedderId(value: unknown): value is string {
  return refusalOf('embedderId', value) === undefined;
}

function isEnvelope(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_ENVELOPE;
}

/** Whether a value holds packed bytes, directly or as base64. */
function isPacked(value: unknown): value is Uint8Array | string {
  return value instanceof Uint8Array || typeof value === 'string';
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isStatus(value: unknown): value is ValidationStatus {
  return value === 'pending' || value === 'verified' || value === 'revoked';
}
