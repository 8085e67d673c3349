import type { ArtifactKey } from '#core/ports/artifact';
import { parseForeignJson } from '#core/text';
import { decodeArtifact } from './artifact-file.ts';
import { isDigest, isProfileId } from './keys.ts';

/** The contents of `<hex>.json`: what people, `doctor` and `prune` read about an entry. A hit does not need it. */
export interface EntryMetadata extends ArtifactKey {
  /** The size of the `.viva` file, including the seal. */
  readonly bytes: number;
  readonly javascriptBytes: number;
  readonly coreModuleBytes: number;
  /** BLAKE3-256 in hex of the artifact without its seal: the name of its chunk in the portable cache. */
  readonly blake3: string;
  readonly jcoVersion: string;
  readonly meteringVersion: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly hits: number;
  /** The absolute path of the file from which the component was read, if there was one. */
  readonly origin?: string | undefined;
}

/** The versions in the profile, repeated here for people. */
export interface BuiltWith {
  readonly jcoVersion: string;
  readonly meteringVersion: string;
}

/** More bytes than any metadata file has. */
export const MAX_METADATA_BYTES: number = 64 * 1024;

/** Describes an entry from its content. @throws {CacheError} `CACHE_INVALID_ARTIFACT` */
export async function describeEntry(
  content: Buffer,
  fileBytes: number,
  builtWith: BuiltWith | undefined,
  now: number,
): Promise<EntryMetadata> {
  const { key, artifact, javascriptBytes } = decodeArtifact(content);
  return {
    ...key,
    bytes: fileBytes,
    javascriptBytes,
    coreModuleBytes: artifact.coreModules.reduce((sum, { bytes }) => sum + bytes.length, 0),
    blake3: await blake3Of(content),
    jcoVersion: builtWith?.jcoVersion ?? '',
    meteringVersion: builtWith?.meteringVersion ?? '',
    createdAt: now,
    lastUsedAt: now,
    hits: 0,
  };
}

/** Returns BLAKE3-256 in hex. The library is imported on first use, because no hit needs it. */
export async function blake3Of(content: Uint8Array): Promise<string> {
  const { blake3 } = await import('hash-wasm');
  return blake3(content);
}

export function formatMetadata(metadata: EntryMetadata): string {
  return `${JSON.stringify(metadata, undefined, 2)}\n`;
}

/** Parses a metadata file; undefined for any other text. Metadata may be wrong, so it is repaired and never trusted. */
export function parseMetadata(text: string): EntryMetadata | undefined {
  let value: unknown;
  try {
    value = parseForeignJson(text, { maxLength: MAX_METADATA_BYTES });
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Partial<Record<keyof EntryMetadata, unknown>>;
  const numbers = [fields.bytes, fields.javascriptBytes, fields.coreModuleBytes, fields.hits];
  const times = [fields.createdAt, fields.lastUsedAt];
  const right =
    isProfileId(fields.engineProfileId) &&
    isDigest(fields.wasmDigest) &&
    isProfileId(fields.blake3) &&
    typeof fields.jcoVersion === 'string' &&
    typeof fields.meteringVersion === 'string' &&
    (fields.origin === undefined || typeof fields.origin === 'string') &&
    [...numbers, ...times].every((number) => Number.isSafeInteger(number) && (number as number) >= 0);
  return right ? (value as EntryMetadata) : undefined;
}
