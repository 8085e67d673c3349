import { Message, type Struct, utils } from 'capnp-es';
import { BundleError } from '../errors.ts';
import { canonicalise } from './canonical.ts';
import { invalid, type Lockfile } from './model.ts';
import { CacheLockfile, type Hash } from './schema.gen.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Far above any honest lockfile: 256 MiB are about a million sources. */
export const MAX_LOCKFILE_BYTES: number = 256 * 2 ** 20;

/**
 * Reads a framed message of any number of segments. What the schema does not know is skipped.
 * The values still are what the sender says: `checkLockfile` judges them.
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
  // capnp-es believes every length that it reads. It is given only what the canonicaliser has copied and bounded.
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
      inputProcessors: present(3, meta)
        ? meta.inputProcessors.map((processor) => ({ kind: text(0, processor), version: text(1, processor) }))
        : [],
      generatedAtMs: Number(generatedAtMs),
    },
    sources: present(1, root)
      ? root.sources.map((source) => ({
          path: text(0, source),
          inputHash: hash(source.inputHash),
          chunkHash: hash(source.chunkHash),
          kind: text(3, source),
        }))
      : [],
    topology: present(2, root) ? root.topology.map((edge) => ({ from: text(0, edge), toSource: text(1, edge) })) : [],
    root: hash(root.root),
  };
}

function present(index: number, struct: Struct): boolean {
  return !utils.isNull(utils.getPointer(index, struct));
}

/** capnp-es replaces what is not UTF-8, which would make two different paths equal; here it is refused. */
function text(index: number, struct: Struct): string {
  if (!present(index, struct)) return '';
  const bytes = utils.getData(index, struct).toUint8Array();
  if (bytes.at(-1) !== 0) throw invalid('a text does not end in NUL');
  return utf8.decode(bytes.subarray(0, -1));
}

function hash(struct: Hash): string {
  if (!present(0, struct)) throw invalid('a hash is missing');
  const bytes = struct.bytes.toUint8Array();
  if (bytes.length !== 32) throw invalid(`a hash of ${bytes.length} bytes instead of 32`);
  return Buffer.from(bytes).toString('hex');
}
