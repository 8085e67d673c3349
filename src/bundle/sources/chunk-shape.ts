import { parseForeignJson, shownPath, shownText } from '#core/text';
import { BundleError } from '../errors.ts';
import { type LockfileMeta, SHAPE_PROCESSOR } from '../lockfile/model.ts';

/**
 * `raw`: the chunk is the source. `ast`: the chunk is JSON that contains the source and its syntax tree
 * (docs/chunk-shape.md).
 */
export type ChunkShape = 'raw' | 'ast';

/** JSON is parsed as a whole, so more of it than this is neither written nor read. */
export const MAX_AST_CHUNK_BYTES: number = 256 * 2 ** 20;

/** A syntax tree of two million nodes with eight values each belongs to about fifty megabytes of source. */
const BOUNDS = { maxLength: MAX_AST_CHUNK_BYTES, maxDepth: 16, maxItems: 16_000_000 };

export interface AstNode {
  readonly node_id: string | number;
  readonly node_kind: string;
  readonly start_byte: number;
  readonly end_byte: number;
  readonly start_row: number;
  readonly start_col: number;
  readonly end_row: number;
  readonly end_col: number;
}

export interface AstSource {
  readonly nodes: readonly AstNode[];
  readonly content: Uint8Array;
  readonly language: string;
  readonly path: string;
  readonly sourceId: string;
}

/** Returns the producer's statement about its chunks' shape; `undefined` when there is none and the bytes must tell. */
export function declaredShape(meta: LockfileMeta): ChunkShape | undefined {
  const version = meta.inputProcessors.find(({ kind }) => kind === SHAPE_PROCESSOR)?.version;
  if (version === undefined || version === 'raw' || version === 'ast') return version;
  throw new BundleError(
    'BUNDLE_UNSUPPORTED_VERSION',
    `the bundle's chunks have the shape ${shownText(version)}; but this Vivarium knows "raw" and "ast"`,
  );
}

/**
 * Writes the chunk of a source with its syntax tree in pieces: one line of compact JSON with its keys in this order.
 */
export function* encodeAstChunk(source: Omit<AstSource, 'nodes'>, nodes: Iterable<AstNode>): Generator<Uint8Array> {
  let written = 0;
  let text = '{"ast_nodes":';
  let first = true;
  const encode = function* (all: boolean): Generator<Uint8Array> {
    if (!all && text.length < PIECE) return;
    const piece = Buffer.from(text);
    text = '';
    written += piece.length;
    if (written > MAX_AST_CHUNK_BYTES) throw tooLarge(source.path);
    yield piece;
  };
  for (const node of nodes) {
    text += `${first ? '[' : ','}{"node_id":${scalar(node.node_id)},"node_kind":${goString(node.node_kind)}`;
    text += `,"start_byte":${node.start_byte},"end_byte":${node.end_byte},"start_row":${node.start_row}`;
    text += `,"start_col":${node.start_col},"end_row":${node.end_row},"end_col":${node.end_col}}`;
    first = false;
    yield* encode(false);
  }
  text += `${first ? 'null' : ']'},"content_b64":"`;
  // Each piece has a multiple of three bytes, so that only the last one has padding.
  for (let at = 0; at < source.content.length; at += PIECE * 3) {
    text += Buffer.from(source.content.subarray(at, at + PIECE * 3)).toString('base64');
    yield* encode(false);
  }
  text += `","language":${goString(source.language)},"path":${goString(source.path)}`;
  text += `,"source_id":${goString(source.sourceId)}}\n`;
  yield* encode(true);
}

const PIECE = 64 * 2 ** 10;

/**
 * Whether bytes without a declared shape are such a chunk: JSON of an object with a `source_id`. An ordinary source can
 * look like that; therefore our lockfiles declare the shape.
 */
export function looksLikeAst(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0x7b || bytes.length > MAX_AST_CHUNK_BYTES) return false;
  const sourceId = ownValue(parseJson(bytes), 'source_id');
  return typeof sourceId === 'string' && sourceId !== '';
}

/**
 * @param path the path in the lockfile
 * @param strict refuses a chunk with another path. Other programs copy a row's path, which may be empty or absolute and
 * then differs from the lockfile's
 * @throws {BundleError} `BUNDLE_INVALID_CHUNK`, `BUNDLE_TOO_LARGE`
 */
export function decodeAstChunk(bytes: Uint8Array, path: string, strict = true): AstSource {
  if (bytes.length > MAX_AST_CHUNK_BYTES) throw tooLarge(path);
  const value = parseJson(bytes);
  const bad = (what: string) =>
    new BundleError('BUNDLE_INVALID_CHUNK', `the chunk of ${shownPath(path)} ${what}; make the bundle again`);
  if (value === undefined) throw bad('is not JSON of an object');
  const text = (key: string): string => {
    const found = ownValue(value, key);
    if (typeof found !== 'string') throw bad(`has no text ${key}`);
    return found;
  };
  const sourceId = text('source_id');
  if (sourceId === '') throw bad('has an empty source_id');
  const own = text('path');
  if (strict ? own !== path : own.includes('\0')) throw bad(`has another path, ${shownText(own)}`);
  const encoded = text('content_b64');
  const content = Buffer.from(encoded, 'base64');
  // The decoder skips invalid characters, so text that does not survive a round trip is refused.
  if (content.toString('base64') !== encoded) throw bad('has a content_b64 that is not base64');
  const nodes = ownValue(value, 'ast_nodes') ?? null;
  if (nodes !== null && !Array.isArray(nodes)) throw bad('has ast_nodes that are not a list');
  return {
    nodes: (nodes ?? []).map((node: unknown) => {
      const read = astNode(node);
      if (read === undefined) throw bad('has an invalid node');
      return read;
    }),
    content,
    language: text('language'),
    path: own,
    sourceId,
  };
}

function astNode(node: unknown): AstNode | undefined {
  const id = ownValue(node, 'node_id');
  const kind = ownValue(node, 'node_kind');
  const numbers = POSITIONS.map((key) => ownValue(node, key) ?? (REQUIRED.has(key) ? undefined : 0));
  if (typeof id !== 'string' && !Number.isSafeInteger(id)) return undefined;
  if (typeof kind !== 'string' || !numbers.every((number) => Number.isSafeInteger(number))) return undefined;
  const [start_byte, end_byte, start_row, start_col, end_row, end_col] = numbers as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const node_id = id as string | number;
  return { node_id, node_kind: kind, start_byte, end_byte, start_row, start_col, end_row, end_col };
}

export const POSITIONS = ['start_byte', 'end_byte', 'start_row', 'start_col', 'end_row', 'end_col'] as const;
const REQUIRED: ReadonlySet<string> = new Set(['start_byte', 'end_byte']);

function parseJson(bytes: Uint8Array): object | undefined {
  try {
    const value: unknown = parseForeignJson(bytes, BOUNDS);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Reads an own key of the JSON object, never an inherited one. */
function ownValue(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

/** Writes a JSON string as Go's encoder does with HTML escaping off. */
export function goString(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(/[\u2028\u2029]/g, (separator) =>
    separator === '\u2028' ? '\\u2028' : '\\u2029',
  );
}

function scalar(value: string | number): string {
  return typeof value === 'string' ? goString(value) : String(value);
}

function tooLarge(path: string): BundleError {
  return new BundleError(
    'BUNDLE_TOO_LARGE',
    `the chunk of ${shownPath(path)} with its syntax tree is larger than ${MAX_AST_CHUNK_BYTES} bytes`,
  );
}
