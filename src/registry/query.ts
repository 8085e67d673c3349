import { allow, checkOptions } from '#core/options';
import type { ModuleQuery, ModuleRecord } from '#core/ports/registry';
import { shownText } from '#core/text';
import { RegistryError } from './errors.ts';
import type { EvictionRule, ModuleFilter } from './index-backend.ts';
import { isHash } from './record.ts';

/** A query with all defaults filled in. */
export interface ReadQuery {
  readonly interfaceHash: string;
  readonly embedding: Float32Array | undefined;
  readonly threshold: number;
  readonly provided: readonly string[] | undefined;
  readonly limit: number;
}

export const DEFAULT_THRESHOLD = 0.95;
const MAX_LIMIT = 1_000;

const QUERY: allow.OptionRules<ModuleQuery> = {
  interfaceHash: allow.rule('a hash', isHash),
  embedding: allow.rule('a Float32Array', (value) => value instanceof Float32Array),
  embedderId: allow.text,
  threshold: allow.between(-1, 1),
  provided: allow.listOf(allow.text),
  limit: allow.rule(
    `1 to ${MAX_LIMIT}`,
    (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_LIMIT,
  ),
};
const FILTER: allow.OptionRules<ModuleFilter> = {
  status: allow.oneOf('pending', 'verified', 'revoked'),
  name: allow.text,
  interfaceHash: allow.text,
  storagePointer: allow.text,
  after: allow.text,
  limit: allow.wholeNumber(0),
};
const EVICTION: allow.OptionRules<EvictionRule> = {
  idleSince: allow.rule('milliseconds since 1970', (value) => Number.isFinite(value)),
  keep: allow.wholeNumber(0),
};
const RULES = {
  query: allow.required(QUERY, 'interfaceHash'),
  filter: allow.options(FILTER),
  eviction: allow.options(EVICTION),
  grace: allow.rule('a number of milliseconds', (value) => Number.isFinite(value)),
};

/** Checks a value on which results or deletions depend. @throws {RegistryError} `REGISTRY_INVALID_QUERY` */
export function checkAsked(value: unknown, kind: keyof typeof RULES, under = ''): void {
  checkOptions(value, RULES[kind], under, (message, option) => {
    return new RegistryError('REGISTRY_INVALID_QUERY', message, { details: { option } });
  });
}

/** Checks a caller's query. @throws {RegistryError} `REGISTRY_INVALID_QUERY` */
export function readQuery(query: ModuleQuery): ReadQuery {
  checkAsked(query ?? null, 'query');
  const { interfaceHash, embedding, provided, threshold = DEFAULT_THRESHOLD, limit = 1 } = query;
  return { interfaceHash, embedding, threshold, provided, limit };
}

/** The embedder whose vectors an index holds. */
export interface IndexEmbedder {
  readonly id: string;
  readonly dimensions: number;
}

/**
 * Checks that a record's vector is of the index's embedder, because vectors of two embedders cannot be compared.
 * @throws {RegistryError}
 */
export function checkEmbedder(index: IndexEmbedder, record: ModuleRecord): void {
  if (record.embedding === undefined) return;
  if (record.embedderId !== index.id) throw embedderMismatch(index, record.embedderId ?? 'none');
  if (record.embedding.length !== index.dimensions) {
    throw new RegistryError(
      'REGISTRY_INVALID_EMBEDDING',
      `an embedding of ${record.embedding.length} dimensions was given, but this index holds vectors of ${index.dimensions}`,
    );
  }
}

export function embedderMismatch(index: IndexEmbedder, given: string): RegistryError {
  return new RegistryError(
    'REGISTRY_EMBEDDER_MISMATCH',
    `this index holds vectors of the embedder ${shownText(index.id)}, not of ${shownText(given)}; use that one, or another index`,
    { details: { wanted: index.id, given } },
  );
}

export function condemned(pointer: string): RegistryError {
  return new RegistryError(
    'REGISTRY_BUSY',
    `the blob ${pointer} is being collected as an orphan right now; publish again in a moment`,
  );
}
