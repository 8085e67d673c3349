/**
 * What follows an opcode, for every operator of the core specification 3.0, relaxed SIMD and legacy exceptions. The
 * numbers are from the binary formats of the specification and of the exception-handling proposal (legacy).
 */
export const Immediate = {
  /** This table does not know the operator. */
  unknown: 0,
  none: 1,
  /** One LEB128 integer of any width: an index, a heap type or an integer constant. */
  leb: 2,
  twoLebs: 3,
  memory: 4,
  block: 5,
  labels: 6,
  types: 7,
  /** A block type, then a vector of catch clauses. */
  catches: 8,
  bytes4: 9,
  bytes8: 10,
  bytes16: 11,
  byte: 12,
  memoryLane: 13,
  /** A flags byte, a label and two heap types. */
  cast: 14,
  prefix: 15,
} as const;

/** The first and last opcode of a row, and what follows each of them. */
export type OperatorRow = readonly [from: number, to: number, kind: number];

const { unknown, none, leb, twoLebs, memory, block, labels, types, catches } = Immediate;
const { bytes4, bytes8, bytes16, byte, memoryLane, cast, prefix } = Immediate;

/**
 * All operators by their prefix byte, in rows of operators that are handled alike. A new row needs a class in
 * `src/metering`, which does not compile without one.
 */
export const OPERATORS = {
  /** Operators of one byte. */
  plain: {
    unreachable: [0x00, 0x00, none],
    nop: [0x01, 0x01, none],
    block: [0x02, 0x02, block],
    loop: [0x03, 0x03, block],
    if: [0x04, 0x04, block],
    else: [0x05, 0x05, none],
    try: [0x06, 0x06, block],
    catch: [0x07, 0x07, leb],
    throw: [0x08, 0x08, leb],
    rethrow: [0x09, 0x09, leb],
    throwRef: [0x0a, 0x0a, none],
    end: [0x0b, 0x0b, none],
    br: [0x0c, 0x0c, leb],
    brIf: [0x0d, 0x0d, leb],
    brTable: [0x0e, 0x0e, labels],
    return: [0x0f, 0x0f, none],
    call: [0x10, 0x10, leb],
    callIndirect: [0x11, 0x11, twoLebs],
    returnCall: [0x12, 0x12, leb],
    returnCallIndirect: [0x13, 0x13, twoLebs],
    callRef: [0x14, 0x14, leb],
    returnCallRef: [0x15, 0x15, leb],
    delegate: [0x18, 0x18, leb],
    catchAll: [0x19, 0x19, none],
    drop: [0x1a, 0x1a, none],
    select: [0x1b, 0x1b, none],
    selectTyped: [0x1c, 0x1c, types],
    tryTable: [0x1f, 0x1f, catches],
    localGet: [0x20, 0x20, leb],
    localSet: [0x21, 0x21, leb],
    localTee: [0x22, 0x22, leb],
    globalGet: [0x23, 0x23, leb],
    globalSet: [0x24, 0x24, leb],
    tableGet: [0x25, 0x25, leb],
    tableSet: [0x26, 0x26, leb],
    load: [0x28, 0x35, memory],
    store: [0x36, 0x3e, memory],
    memorySize: [0x3f, 0x3f, leb],
    memoryGrow: [0x40, 0x40, leb],
    integerConst: [0x41, 0x42, leb],
    f32Const: [0x43, 0x43, bytes4],
    f64Const: [0x44, 0x44, bytes8],
    i32Eqz: [0x45, 0x45, none],
    i32Comparison: [0x46, 0x4f, none],
    i64Eqz: [0x50, 0x50, none],
    comparison: [0x51, 0x66, none],
    i32Unary: [0x67, 0x69, none],
    i32Binary: [0x6a, 0x78, none],
    i64Unary: [0x79, 0x7b, none],
    i64Binary: [0x7c, 0x8a, none],
    f32Unary: [0x8b, 0x91, none],
    f32Binary: [0x92, 0x98, none],
    f64Unary: [0x99, 0x9f, none],
    f64Binary: [0xa0, 0xa6, none],
    conversion: [0xa7, 0xbf, none],
    signExtension: [0xc0, 0xc4, none],
    refNull: [0xd0, 0xd0, leb],
    refIsNull: [0xd1, 0xd1, none],
    refFunc: [0xd2, 0xd2, leb],
    refEq: [0xd3, 0xd3, none],
    refAsNonNull: [0xd4, 0xd4, none],
    brOnNull: [0xd5, 0xd5, leb],
    brOnNonNull: [0xd6, 0xd6, leb],
    prefixes: [0xfb, 0xfd, prefix],
  },
  /** Operators behind 0xfb: garbage-collected objects. */
  gc: {
    structNew: [0x00, 0x00, leb],
    structNewDefault: [0x01, 0x01, leb],
    structGet: [0x02, 0x04, twoLebs],
    structSet: [0x05, 0x05, twoLebs],
    arrayNew: [0x06, 0x06, leb],
    arrayNewDefault: [0x07, 0x07, leb],
    arrayNewFixed: [0x08, 0x08, twoLebs],
    arrayNewSegment: [0x09, 0x0a, twoLebs],
    arrayGet: [0x0b, 0x0d, leb],
    arraySet: [0x0e, 0x0e, leb],
    arrayLen: [0x0f, 0x0f, none],
    arrayFill: [0x10, 0x10, leb],
    arrayCopy: [0x11, 0x11, twoLebs],
    arrayInit: [0x12, 0x13, twoLebs],
    refTestAndCast: [0x14, 0x17, leb],
    brOnCast: [0x18, 0x19, cast],
    externConversion: [0x1a, 0x1b, none],
    i31: [0x1c, 0x1e, none],
  },
  /** Operators behind 0xfc: saturating conversions, bulk memory and tables. */
  misc: {
    saturatingConversion: [0x00, 0x07, none],
    memoryInit: [0x08, 0x08, twoLebs],
    dataDrop: [0x09, 0x09, leb],
    memoryCopy: [0x0a, 0x0a, twoLebs],
    memoryFill: [0x0b, 0x0b, leb],
    tableInit: [0x0c, 0x0c, twoLebs],
    elemDrop: [0x0d, 0x0d, leb],
    tableCopy: [0x0e, 0x0e, twoLebs],
    tableGrow: [0x0f, 0x0f, leb],
    tableSize: [0x10, 0x10, leb],
    tableFill: [0x11, 0x11, leb],
  },
  /** Operators behind 0xfd: SIMD and, from 0x100, relaxed SIMD. */
  vector: {
    load: [0x00, 0x0a, memory],
    store: [0x0b, 0x0b, memory],
    v128Const: [0x0c, 0x0c, bytes16],
    shuffle: [0x0d, 0x0d, bytes16],
    swizzleAndSplat: [0x0e, 0x14, none],
    lane: [0x15, 0x22, byte],
    comparisonAndBits: [0x23, 0x53, none],
    memoryLane: [0x54, 0x5b, memoryLane],
    loadZero: [0x5c, 0x5d, memory],
    floatConversion: [0x5e, 0x5f, none],
    arithmetic: [0x60, 0xff, none],
    relaxed: [0x100, 0x113, none],
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, OperatorRow>>>>;

/** Opcodes behind 0xfd that no operator uses. */
const VECTOR_HOLES = [
  0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd3, 0xd4, 0xe2,
  0xee,
];

function table(size: number, rows: Readonly<Record<string, OperatorRow>>): Uint8Array {
  const kinds = new Uint8Array(size);
  for (const [from, to, kind] of Object.values(rows)) kinds.fill(kind, from, to + 1);
  return kinds;
}

/** What follows each opcode, by the opcode's prefix byte. */
export const PLAIN: Uint8Array = table(256, OPERATORS.plain);
export const GC: Uint8Array = table(31, OPERATORS.gc);
export const MISC: Uint8Array = table(18, OPERATORS.misc);
export const VECTOR: Uint8Array = table(0x114, OPERATORS.vector);
for (const hole of VECTOR_HOLES) VECTOR[hole] = unknown;
