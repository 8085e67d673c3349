import { parse, stringify, type TomlTable } from 'smol-toml';
import { parseForeignToml } from '#core/text';
import { BundleError } from '../errors.ts';
import { invalid, type Lockfile } from './model.ts';

/** A lockfile consists of tables of tables of texts, so nothing nests deeper. */
const MAX_DEPTH = 8;
/** The parser needs about twenty bytes of memory for each byte of text. 32 MiB are about a hundred thousand sources. */
export const MAX_TOML_BYTES: number = 32 * 2 ** 20;
/** A source has five items and an edge three. A hostile file could contain many empty tables of four bytes each. */
const MAX_ITEMS = 1_000_000;
const PREFIX = 'blake3:';

/** Formats the lockfile for people to review: the same model as the binary file, which is the authoritative one. */
export function formatLockfile(lockfile: Lockfile): string {
  const { meta } = lockfile;
  return stringify({
    root: PREFIX + lockfile.root,
    meta: {
      producer: meta.producer,
      producer_version: meta.producerVersion,
      schema_version: meta.schemaVersion,
      generated_at_ms: meta.generatedAtMs,
      input_processors: meta.inputProcessors.map(({ kind, version }) => ({ kind, version })),
    },
    sources: lockfile.sources.map(({ path, inputHash, chunkHash, kind }) => ({
      path,
      input_hash: PREFIX + inputHash,
      chunk_hash: PREFIX + chunkHash,
      kind,
    })),
    topology: lockfile.topology.map(({ from, toSource }) => ({ from, to_source: toSource })),
  });
}

/**
 * Parses a lockfile in TOML. Unknown keys are skipped.
 * @throws {BundleError} `BUNDLE_INVALID_LOCKFILE`, `BUNDLE_TOO_LARGE`
 */
export function parseLockfile(text: string): Lockfile {
  if (text.length > MAX_TOML_BYTES) {
    throw new BundleError(
      'BUNDLE_TOO_LARGE',
      `a TOML lockfile of ${text.length} characters, at most ${MAX_TOML_BYTES} are read; read the binary one`,
    );
  }
  let table: TomlTable;
  try {
    table = parseForeignToml(text, { maxLength: MAX_TOML_BYTES, maxDepth: MAX_DEPTH, maxItems: MAX_ITEMS }, parse);
  } catch (cause) {
    throw invalid(cause instanceof RangeError ? cause.message : 'it is not TOML', cause);
  }
  const meta = tableOf(table.meta, 'meta');
  return {
    meta: {
      producer: textOf(meta, 'producer'),
      producerVersion: textOf(meta, 'producer_version'),
      schemaVersion: textOf(meta, 'schema_version'),
      generatedAtMs: numberOf(meta, 'generated_at_ms'),
      inputProcessors: tablesOf(meta.input_processors, 'meta.input_processors').map((processor) => ({
        kind: textOf(processor, 'kind'),
        version: textOf(processor, 'version'),
      })),
    },
    sources: tablesOf(table.sources, 'sources').map((source) => ({
      path: textOf(source, 'path'),
      inputHash: hashOf(source, 'input_hash'),
      chunkHash: hashOf(source, 'chunk_hash'),
      kind: textOf(source, 'kind'),
    })),
    topology: tablesOf(table.topology, 'topology').map((edge) => ({
      from: textOf(edge, 'from'),
      toSource: textOf(edge, 'to_source'),
    })),
    root: hashOf(table, 'root'),
  };
}

function tableOf(value: unknown, name: string): TomlTable {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Date) {
    throw invalid(`${name} is not a table`);
  }
  return value as TomlTable;
}

function tablesOf(value: unknown, name: string): readonly TomlTable[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw invalid(`${name} is not an array of tables`);
  return value.map((entry, index) => tableOf(entry, `${name}[${index}]`));
}

function textOf(table: TomlTable, key: string): string {
  const value = table[key];
  if (typeof value !== 'string') throw invalid(`${key} is not a text`);
  return value;
}

function numberOf(table: TomlTable, key: string): number {
  const value = table[key];
  if (typeof value !== 'number') throw invalid(`${key} is not a number`);
  return value;
}

function hashOf(table: TomlTable, key: string): string {
  const value = textOf(table, key);
  if (!value.startsWith(PREFIX)) throw invalid(`${key} does not begin with "${PREFIX}"`);
  return value.slice(PREFIX.length);
}
