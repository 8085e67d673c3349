import type { MeteringMode } from '#core/ports/meter';
import { parseForeignJson } from '#core/text';
import { MeteringError } from './errors.ts';
import type { InstanceParts } from './instance-parts.ts';

/** The name of the custom section that marks a metered module and says what its instantiation costs. */
export const METADATA_SECTION = 'vivarium:metering';

/** The module name of all imports that metering adds, and, with a dot, the prefix of all exports that it adds. */
export const NAMESPACE = 'vivarium:metering';
export const START_EXPORT = `${NAMESPACE}.start`;

/**
 * A term of an array length in a global's initialiser, in reverse Polish notation: a number, an operator, or an
 * imported global.
 */
export type LengthTerm = string | '+' | '-' | '*' | { readonly module: string; readonly name: string };

export interface Metadata {
  readonly version: number;
  readonly mode: MeteringMode;
  /** The fuel for what instantiation does before and around the start function. */
  readonly startupFuel: number;
  /** The bytes of memories, tables and objects that instantiation allocates. */
  readonly initialBytes: number;
  /** Arrays with computed lengths that initialisers make: each length, and the size of an element. */
  readonly arrays: readonly { readonly length: readonly LengthTerm[]; readonly elementBytes: number }[];
  readonly hasStart: boolean;
  /** The parts of one instance. */
  readonly parts: InstanceParts;
}

/** Raise this number when the same bytes are rewritten differently, so that cached older results are made again. */
export const FORMAT_VERSION = 7;

export function encodeMetadata(metadata: Metadata): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(metadata));
}

/** Bounds that the largest loadable module stays within. */
const BOUNDS = { maxLength: 16 * 2 ** 20, maxDepth: 8, maxItems: 1_000_000 };

const read = new WeakMap<WebAssembly.Module, Metadata>();

/** Reads the metadata that metering stored in a module. @throws {MeteringError} `METERING_NOT_METERED` */
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
