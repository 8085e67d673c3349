import type { MeteringMode } from '#core/ports/meter';
import { parseForeignJson } from '#core/text';
import { MeteringError } from './errors.ts';
import type { InstanceParts } from './instance-parts.ts';

/** A custom section of this name marks a metered module and says what its instantiation takes. */
export const METADATA_SECTION = 'vivarium:metering';

/** The module name of everything that metering imports and, with a dot, the start of what it exports. */
export const NAMESPACE = 'vivarium:metering';
export const START_EXPORT = `${NAMESPACE}.start`;

/** A constant length of a global's initialiser, in reverse Polish: a number, an operator, or an imported global. */
export type LengthTerm = string | '+' | '-' | '*' | { readonly module: string; readonly name: string };

export interface Metadata {
  readonly version: number;
  readonly mode: MeteringMode;
  /** Fuel for what happens before and around the start function. */
  readonly startupFuel: number;
  /** Bytes of memories, tables and objects that instantiation allocates. */
  readonly initialBytes: number;
  /** Arrays that initialisers make whose lengths are computed: their lengths, and the bytes of an element. */
  readonly arrays: readonly { readonly length: readonly LengthTerm[]; readonly elementBytes: number }[];
  readonly hasStart: boolean;
  /** What an instance of it consists of. */
  readonly parts: InstanceParts;
}

/** Raised when the same bytes are rewritten differently: what was kept of older ones is then made anew. */
export const FORMAT_VERSION = 5;

export function encodeMetadata(metadata: Metadata): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(metadata));
}

/** What a module of the largest size that is loaded can have. */
const BOUNDS = { maxLength: 16 * 2 ** 20, maxDepth: 8, maxItems: 1_000_000 };

const read = new WeakMap<WebAssembly.Module, Metadata>();

/** What metering noted in a module. @throws {MeteringError} `METERING_NOT_METERED` */
export function metadataOf(module: WebAssembly.Module): Metadata {
  const known = read.get(module);
  if (known !== undefined) return known;
  const [section] = WebAssembly.Module.customSections(module, METADATA_SECTION);
  if (section === undefined) {
    throw new MeteringError('METERING_NOT_METERED', 'the module was not metered; give its bytes to meterModule first');
  }
  const metadata = parseForeignJson(new Uint8Array(section), BOUNDS) as Metadata;
  if (metadata.version !== FORMAT_VERSION) {
    throw new MeteringError(
      'METERING_NOT_METERED',
      `the module was metered in format ${metadata.version}, this is ${FORMAT_VERSION}; meter it again`,
    );
  }
  read.set(module, metadata);
  return metadata;
}
