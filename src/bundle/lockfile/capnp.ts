import { Message, type Struct, utils } from 'capnp-es';
import { BundleError } from '../errors.ts';
import { canonicalise } from './canonical.ts';
import { invalid, type Lockfile } from './model.ts';
import { CacheLockfile, type Hash } from './schema.gen.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Far above any honest lockfile: 256 MiB are about a million sources. */
export const MAX_LOCKFILE_BYTES: number = 256 * 2 ** 20;

/** The lockfile as canonical Cap'n Proto with its stream frame; equal lockfiles give equal bytes. */
export function encodeLockfile(lockfile: Lockfile): Uint8Array<ArrayBuffer> {
  const message = new Message();
  const root = message.initRoot(CacheLockfile);
  const meta = root._initMeta();
  setText(0, lockfile.meta.producer, meta);
  setText(1, lockfile.meta.producerVersion, meta);
  setText(2, lockfile.meta.schemaVersion, meta);
  // A list that is initialised with no elements is not canonical: what is empty stays null.
  if (lockfile.meta.inputProcessors.length > 0) {
    const processors = meta._initInputProcessors(lockfile.meta.inputProcessors.length);
    for (const [index, { kind, version }] of lockfile.meta.inputProcessors.entries()) {
      const processor = processors.get(index);
      setText(0, kind, processor);
      setText(1, version, processor);
    }
  }
  meta.generatedAtMs = BigInt(lockfile.meta.generatedAtMs);
  if (lockfile.sources.length > 0) {
    const sources = root._initSources(lockfile.sources.length);
    for (const [index, { path, inputHash, chunkHash, kind }] of lockfile.sources.entries()) {
      const source = sources.get(index);
      setText(0, path, source);
      setHash(source._initInputHash(), inputHash);
      setHash(source._initChunkHash(), chunkHash);
      setText(3, kind, source);
    }
  }
  if (lockfile.topology.length > 0) {
    const topology = root._initTopology(lockfile.topology.length);
    for (const [index, { from, toSource }] of lockfile.topology.entries()) {
      const edge = topology.get(index);
      setText(0, from, edge);
      setText(1, toSource, edge);
    }
  }
  setHash(root._initRoot(), lockfile.root);
  // Sections still end in zeros where a last value is empty; this cuts them.
  return canonicalise(new Uint8Array(message.toArrayBuffer()));
}

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

function setText(index: number, value: string, struct: Struct): void {
  if (value !== '') utils.setText(index, value, struct);
}

function setHash(struct: Hash, hex: string): void {
  const bytes = Buffer.from(hex, 'hex');
  struct._initBytes(bytes.length).copyBuffer(bytes);
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
