import { CompositeList, ListElementSize, Message, ObjectSize, PointerType, Struct, utils } from 'capnp-es';
import { BundleError } from '../errors.ts';
import { canonicalise } from './canonical.ts';
import { invalid, type Lockfile } from './model.ts';
import { CacheLockfile } from './schema.gen.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Far above any honest lockfile: 256 MiB are about a million sources. */
export const MAX_LOCKFILE_BYTES: number = 256 * 2 ** 20;

/**
 * Reads a framed message of any number of segments. Fields that the schema does not know are skipped. The values are
 * still the sender's claims, and `checkLockfile` checks them.
 *
 * @throws {BundleError} `BUNDLE_INVALID_LOCKFILE`, `BUNDLE_TOO_LARGE`
 */
export function decodeLockfile(bytes: Uint8Array): Lockfile {
  if (bytes.length > MAX_LOCKFILE_BYTES) {
    throw new BundleError(
      'BUNDLE_TOO_LARGE',
      `a lockfile of ${bytes.length} bytes; at most ${MAX_LOCKFILE_BYTES} are read`,
    );
  }
  // capnp-es trusts every length that it reads, so it gets only what the canonicaliser has copied and bounded.
  const canonical = canonicalise(bytes);
  try {
    const message = new Message(canonical, false);
    message._capnp.traversalLimit = Number.MAX_SAFE_INTEGER;
    return read(message.getRoot(CacheLockfile));
  } catch (cause) {
    if (cause instanceof BundleError) throw cause;
    throw invalid('the message does not have the shape of a lockfile', cause);
  }
}

function read(root: CacheLockfile): Lockfile {
  const { meta } = root;
  const generatedAtMs = meta.generatedAtMs;
  if (generatedAtMs > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid(`the time ${generatedAtMs} is too far away`);
  return {
    meta: {
      producer: text(0, meta),
      producerVersion: text(1, meta),
      schemaVersion: text(2, meta),
      inputProcessors: structs(3, meta).map((processor) => ({ kind: text(0, processor), version: text(1, processor) })),
      generatedAtMs: Number(generatedAtMs),
    },
    sources: structs(1, root).map((source) => ({
      path: text(0, source),
      inputHash: hash(1, source),
      chunkHash: hash(2, source),
      kind: text(3, source),
    })),
    topology: structs(2, root).map((edge) => ({ from: text(0, edge), toSource: text(1, edge) })),
    root: hash(3, root),
  };
}

/**
 * Reads a struct without moving it. The structs of the canonical form and of older writers may be shorter than the
 * schema's. capnp-es 0.0.16 moves such a struct when a getter of the schema reads it, and in a list makes its null
 * pointers invalid. No struct is shorter than this one, so it is never moved.
 */
class Standing extends Struct {
  static override readonly _capnp: { displayName: string; id: string; size: ObjectSize } = {
    displayName: 'Standing',
    id: '0',
    size: new ObjectSize(0, 0),
  };
}

const StandingList = CompositeList(Standing);

function structs(index: number, struct: Struct): readonly Struct[] {
  if (!present(index, struct)) return [];
  const list = utils.getList(index, StandingList, struct);
  // Without this check the sizes of another object would be taken for a length: those of a struct for up to 2^29
  // elements.
  if (utils.getTargetPointerType(list) !== PointerType.LIST) throw invalid('a list is missing where structs belong');
  if (utils.getTargetListElementSize(list) !== ListElementSize.COMPOSITE)
    throw invalid('a list of something else than structs');
  return list.toArray();
}

/** Pointers beyond a struct's end are null, because its writer did not know them. */
function present(index: number, struct: Struct): boolean {
  return index < utils.getSize(struct).pointerLength && !utils.isNull(utils.getPointer(index, struct));
}

/** Reads a text. capnp-es replaces invalid UTF-8, which would make two different paths equal, so it is refused here. */
function text(index: number, struct: Struct): string {
  if (!present(index, struct)) return '';
  const bytes = utils.getData(index, struct).toUint8Array();
  if (bytes.at(-1) !== 0) throw invalid('a text does not end in NUL');
  return utf8.decode(bytes.subarray(0, -1));
}

/** Reads the struct `Hash`, whose only field is its bytes. */
function hash(index: number, struct: Struct): string {
  const target = present(index, struct) ? utils.getStruct(index, Standing, struct) : undefined;
  if (target === undefined || !present(0, target)) throw invalid('a hash is missing');
  const bytes = utils.getData(0, target).toUint8Array();
  if (bytes.length !== 32) throw invalid(`a hash of ${bytes.length} bytes instead of 32`);
  return Buffer.from(bytes).toString('hex');
}
