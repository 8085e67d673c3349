/**
 * What follows an opcode, for every operator of the core specification 3.0, relaxed SIMD and the legacy exceptions.
 * Numbers from the binary formats of the specification and of the exception-handling proposal (legacy).
 */
export const Immediate = {
  /** No such operator, as far as this table knows. */
  unknown: 0,
  none: 1,
  /** One LEB128 integer of any width: an index, a heap type, an integer constant. */
  leb: 2,
  twoLebs: 3,
  memory: 4,
  block: 5,
  labels: 6,
  types: 7,
  /** Block type, then a vector of catch clauses. */
  catches: 8,
  bytes4: 9,
  bytes8: 10,
  bytes16: 11,
  byte: 12,
  memoryLane: 13,
  /** Flags byte, label, two heap types. */
  cast: 14,
  prefix: 15,
} as const;

function table(size: number, rows: readonly (readonly [from: number, to: number, kind: number])[]): Uint8Array {
  const kinds = new Uint8Array(size);
  for (const [from, to, kind] of rows) kinds.fill(kind, from, to + 1);
  return kinds;
}

const { unknown, none, leb, twoLebs, memory, block, labels, types, catches } = Immediate;
const { bytes4, bytes8, bytes16, byte, memoryLane, cast, prefix } = Immediate;

/** Operators of one byte. */
export const PLAIN: Uint8Array = table(256, [
  [0x00, 0x01, none],
  [0x02, 0x04, block],
  [0x05, 0x05, none],
  [0x06, 0x06, block],
  [0x07, 0x09, leb],
  [0x0a, 0x0b, none],
  [0x0c, 0x0d, leb],
  [0x0e, 0x0e, labels],
  [0x0f, 0x0f, none],
  [0x10, 0x10, leb],
  [0x11, 0x11, twoLebs],
  [0x12, 0x12, leb],
  [0x13, 0x13, twoLebs],
  [0x14, 0x15, leb],
  [0x18, 0x18, leb],
  [0x19, 0x1b, none],
  [0x1c, 0x1c, types],
  [0x1f, 0x1f, catches],
  [0x20, 0x26, leb],
  [0x28, 0x3e, memory],
  [0x3f, 0x42, leb],
  [0x43, 0x43, bytes4],
  [0x44, 0x44, bytes8],
  [0x45, 0xc4, none],
  [0xd0, 0xd0, leb],
  [0xd1, 0xd1, none],
  [0xd2, 0xd2, leb],
  [0xd3, 0xd4, none],
  [0xd5, 0xd6, leb],
  [0xfb, 0xfd, prefix],
]);

/** Operators behind 0xfb: garbage-collected objects. */
export const GC: Uint8Array = table(31, [
  [0x00, 0x01, leb],
  [0x02, 0x05, twoLebs],
  [0x06, 0x07, leb],
  [0x08, 0x0a, twoLebs],
  [0x0b, 0x0e, leb],
  [0x0f, 0x0f, none],
  [0x10, 0x10, leb],
  [0x11, 0x13, twoLebs],
  [0x14, 0x17, leb],
  [0x18, 0x19, cast],
  [0x1a, 0x1e, none],
]);

/** Operators behind 0xfc: saturating conversions, bulk memory and tables. */
export const MISC: Uint8Array = table(18, [
  [0x00, 0x07, none],
  [0x08, 0x08, twoLebs],
  [0x09, 0x09, leb],
  [0x0a, 0x0a, twoLebs],
  [0x0b, 0x0b, leb],
  [0x0c, 0x0c, twoLebs],
  [0x0d, 0x0d, leb],
  [0x0e, 0x0e, twoLebs],
  [0x0f, 0x11, leb],
]);

const VECTOR_HOLES = [
  0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd3, 0xd4, 0xe2,
  0xee,
];

/** Operators behind 0xfd: SIMD and, from 0x100, relaxed SIMD. */
export const VECTOR: Uint8Array = table(0x114, [
  [0x00, 0x0b, memory],
  [0x0c, 0x0d, bytes16],
  [0x0e, 0x14, none],
  [0x15, 0x22, byte],
  [0x23, 0x53, none],
  [0x54, 0x5b, memoryLane],
  [0x5c, 0x5d, memory],
  [0x5e, 0x113, none],
  ...VECTOR_HOLES.map((hole) => [hole, hole, unknown] as const),
]);
