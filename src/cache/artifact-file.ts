import { messageOf } from '#core/errors';
import type { Artifact, ArtifactExport, ArtifactKey, CoreModuleArtifact } from '#core/ports/artifact';
import { parseForeignJson } from '#core/text';
import { CacheError } from './errors.ts';

/**
 * The `.viva` file:
 *
 * ```text
 * content   "VIVA", 3 zero bytes, version 1 | u32 length of the header | header (JSON) | JavaScript | module, module, …
 * seal      what ArtifactTrust.seal gave for the content
 * trailer   u32 length of the seal | "SEAL"
 * ```
 *
 * The header holds the key, so the seal binds the artifact to it: an entry under another key's name is refused.
 * Integers are little endian. The content is the same on every machine that builds the same; the seal is not.
 */
const MAGIC = Buffer.from('VIVA\0\0\0\u0001', 'latin1');
const END = Buffer.from('SEAL', 'latin1');
const TRAILER = 4 + END.length;
const MAX_SEAL = 64 * 1024;
/** Bounds of a header, which contains the call plan and may be as long as that. */
const HEADER_BOUNDS = { maxLength: 64 * 2 ** 20, maxDepth: 8, maxItems: 1_000_000 };

interface Header extends ArtifactKey {
  readonly meteringMode: Artifact['meteringMode'];
  readonly imports: readonly string[];
  readonly exports: readonly ArtifactExport[];
  readonly callPlan?: string | undefined;
  readonly javascriptBytes: number;
  readonly coreModules: readonly { readonly name: string; readonly bytes: number }[];
}

export interface DecodedArtifact {
  readonly key: ArtifactKey;
  readonly artifact: Artifact;
  readonly javascriptBytes: number;
}

/**
 * Encodes the content without its seal. Equal artifacts give equal bytes. @throws {CacheError} `CACHE_INVALID_ARTIFACT`
 */
export function encodeArtifact(key: ArtifactKey, artifact: Artifact): Buffer {
  if (!artifact.javascript.isWellFormed()) throw invalid('its JavaScript holds half of a surrogate pair');
  const javascript = Buffer.from(artifact.javascript, 'utf8');
  const header: Header = {
    engineProfileId: key.engineProfileId,
    wasmDigest: key.wasmDigest,
    meteringMode: artifact.meteringMode,
    imports: artifact.imports,
    exports: artifact.exports.map(({ name, kind }) => ({ name, kind })),
    callPlan: artifact.callPlan,
    javascriptBytes: javascript.length,
    coreModules: artifact.coreModules.map(({ name, bytes }) => ({ name, bytes: bytes.length })),
  };
  const headerBytes = Buffer.from(JSON.stringify(header), 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(headerBytes.length);
  return Buffer.concat([MAGIC, length, headerBytes, javascript, ...artifact.coreModules.map(({ bytes }) => bytes)]);
}

/** Checks only the first bytes, so that any file may be passed. @throws {CacheError} `CACHE_INVALID_ARTIFACT` */
export function checkFormat(content: Buffer): void {
  if (content.length < MAGIC.length + 4 || !content.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw invalid('it does not begin with the header of this format version');
  }
}

/**
 * Decodes a content whose seal was checked. Module bytes are views of it.
 * @throws {CacheError} `CACHE_INVALID_ARTIFACT`
 */
export function decodeArtifact(content: Buffer): DecodedArtifact {
  checkFormat(content);
  const headerStart = MAGIC.length + 4;
  const headerLength = content.readUInt32LE(MAGIC.length);
  if (headerLength > content.length - headerStart) throw invalid('its header ends beyond the file');
  const header = parseHeader(content.subarray(headerStart, headerStart + headerLength));
  let offset = headerStart + headerLength;
  const take = (length: number): Buffer => {
    if (length > content.length - offset) throw invalid('it ends too early');
    offset += length;
    return content.subarray(offset - length, offset);
  };
  const javascript = take(header.javascriptBytes).toString('utf8');
  const coreModules: CoreModuleArtifact[] = header.coreModules.map(({ name, bytes }) => ({
    name,
    bytes: plain(take(bytes)),
  }));
  if (offset !== content.length) throw invalid(`${content.length - offset} bytes follow its last module`);
  const { engineProfileId, wasmDigest, meteringMode, imports, exports, callPlan } = header;
  return {
    key: { engineProfileId, wasmDigest },
    artifact: { javascript, coreModules, imports, exports, meteringMode, callPlan },
    javascriptBytes: header.javascriptBytes,
  };
}

/** Returns the same bytes without Buffer's own methods, whose `slice` does not copy. */
function plain(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Joins a content and its seal into a file. @throws {CacheError} `CACHE_INVALID_ARTIFACT` */
export function joinSeal(content: Uint8Array, seal: Uint8Array): Buffer {
  if (seal.length > MAX_SEAL) throw invalid(`its seal has ${seal.length} bytes, more than ${MAX_SEAL}`);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(seal.length);
  return Buffer.concat([content, seal, length, END]);
}

/** Splits a file into views of its content and seal. @throws {CacheError} `CACHE_INVALID_ARTIFACT` */
export function splitSeal(file: Buffer): { readonly content: Buffer; readonly seal: Buffer } {
  if (file.length < TRAILER || !file.subarray(file.length - END.length).equals(END))
    throw invalid('it has no end mark');
  const sealLength = file.readUInt32LE(file.length - TRAILER);
  const contentLength = file.length - TRAILER - sealLength;
  if (sealLength > MAX_SEAL || contentLength < 0) throw invalid('its seal is longer than the file');
  return { content: file.subarray(0, contentLength), seal: file.subarray(contentLength, file.length - TRAILER) };
}

/** Parses a header with checks. Readers check the seal first, but the owner of a signing key may have been careless. */
function parseHeader(json: Uint8Array): Header {
  let value: unknown;
  try {
    value = parseForeignJson(json, HEADER_BOUNDS);
  } catch (cause) {
    throw invalid(`its header cannot be read: ${messageOf(cause)}`, cause);
  }
  if (!isHeader(value)) throw invalid('its header lacks a field, or has one of another type');
  return value;
}

function isHeader(value: unknown): value is Header {
  if (typeof value !== 'object' || value === null) return false;
  const header = value as Partial<Record<keyof Header, unknown>>;
  return (
    typeof header.engineProfileId === 'string' &&
    typeof header.wasmDigest === 'string' &&
    (header.meteringMode === 'fuel' || header.meteringMode === 'deadline') &&
    (header.callPlan === undefined || typeof header.callPlan === 'string') &&
    isLength(header.javascriptBytes) &&
    isListOf(header.imports, (name) => typeof name === 'string') &&
    isListOf(header.exports, (item) => isNamed(item) && (item.kind === 'function' || item.kind === 'instance')) &&
    isListOf(header.coreModules, (item) => isNamed(item) && isLength(item.bytes))
  );
}

function isListOf(value: unknown, holds: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(holds);
}

function isNamed(value: unknown): value is { name: string; kind?: unknown; bytes?: unknown } {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string';
}

function isLength(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function invalid(what: string, cause?: unknown): CacheError {
  return new CacheError('CACHE_INVALID_ARTIFACT', `not a usable artifact: ${what}`, { cause });
}
