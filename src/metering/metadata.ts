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
 * The function by which the host keeps the values of an instance's mutable globals, given 0, or brings them back, given 1. A module without
 * such globals has none.
 */
export const GLOBALS_EXPORT = `${NAMESPACE}.globals`;
/** With a number behind it, the export of a memory that the guest does not export. */
export const MEMORY_EXPORT = `${NAMESPACE}.memory`;

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
  /**
   * The names under which the module exports each memory that it defines, where an instance can be brought back to what it held after
   * instantiation; absent where its code can change something that the host cannot bring back.
   */
  readonly renewable?: readonly string[] | undefined;
  /** The parts of one instance. */
  readonly parts: InstanceParts;
}

/** Raise this number when the same bytes are rewritten differently, so that cached older results are made again. */
export const FORMAT_VERSION = 8;

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
